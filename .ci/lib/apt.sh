# shellcheck shell=bash
# Installs Debian's packages. Sourced by the steps that need one.

# apt_install PACKAGE...: installs them; the lists are fetched once a run.
apt_install() {
    export DEBIAN_FRONTEND=noninteractive
    if [[ ! -e $CI_FOLDER/apt-updated ]]; then
        apt-get update || return
        touch "$CI_FOLDER/apt-updated"
    fi
    apt-get install --yes --no-install-recommends "$@"
}
