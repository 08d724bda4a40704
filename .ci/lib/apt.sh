# shellcheck shell=bash
# Installs Debian's packages. Sourced by the steps that need one.

# apt_update: fetches the lists of packages, once a run.
apt_update() {
    export DEBIAN_FRONTEND=noninteractive
    if [[ ! -e $CI_FOLDER/apt-updated ]]; then
        apt-get update || return
        touch "$CI_FOLDER/apt-updated"
    fi
}

# apt_install PACKAGE...: installs them.
apt_install() {
    apt_update || return
    apt-get install --yes --no-install-recommends "$@"
}

# apt_unpack PACKAGE FOLDER: only unpacks the package's files, into a new folder. Nothing of it is set up or started.
apt_unpack() {
    apt_update || return
    rm -rf "$2"
    mkdir -p "$2/download" || return
    (cd "$2/download" && apt-get download "$1") || return
    dpkg-deb --extract "$2"/download/*.deb "$2" || return
    rm -r "$2/download"
}
