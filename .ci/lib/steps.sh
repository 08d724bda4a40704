# shellcheck shell=bash
# Runs steps one after the other, and says at the end how they went. Sourced by .ci/run.

ci_folder=$PWD/target/ci
export CI_FOLDER=$ci_folder
# A step says with this exit code that it cannot be had here; the last line it prints is the reason.
export CI_SKIPPED=77

rm -rf "$ci_folder/logs" "$ci_folder/figures" "$ci_folder/apt-updated"
mkdir -p "$ci_folder/logs"

ci_passed=0 ci_failed=0 ci_skipped=0
ci_rows=() ci_reasons=()

# step NAME LIMIT COMMAND...: runs the command, for LIMIT at most.
step() {
    local name=$1 limit=$2 code=0 began=$SECONDS log result
    shift 2
    is_wanted "$name" || return 0
    log=$ci_folder/logs/$(tr -cs 'a-z0-9\n' '-' <<<"${name,,}").log
    printf '%s  %s\n' "$(date +%H:%M:%S)" "$name"
    timeout --kill-after=30 "$limit" "$@" >"$log" 2>&1 || code=$?
    case $code in
        0) result=passed ci_passed=$((ci_passed + 1)) ;;
        "$CI_SKIPPED")
            result=skipped ci_skipped=$((ci_skipped + 1))
            ci_reasons+=("$name: $(tail -n 1 "$log")")
            ;;
        *)
            result=failed ci_failed=$((ci_failed + 1))
            show_failure "$name" "$limit" "$code" "$log" "$*"
            ;;
    esac
    ci_rows+=("$(printf '%-8s %5d s  %s' "$result" $((SECONDS - began)) "$name")")
    printf '%s  %s: %s, %d s\n' "$(date +%H:%M:%S)" "$name" "$result" $((SECONDS - began))
}

# Whether FOREBAY_CI_STEPS, if it is set, has a word that is in the name.
is_wanted() {
    local word
    [[ -n ${FOREBAY_CI_STEPS:-} ]] || return 0
    for word in $FOREBAY_CI_STEPS; do
        [[ $1 != *"$word"* ]] || return 0
    done
    return 1
}

# Long logs lose their middle: the beginning has the first error, the end has the summary.
show_failure() {
    local name=$1 limit=$2 code=$3 log=$4 command=$5
    printf '\n----- %s failed: %s\n' "$name" "$command"
    if [[ $code == 124 || $code == 137 ]]; then
        printf '----- it was ended after its limit of %s, or was killed\n' "$limit"
    fi
    if [[ $(wc -l <"$log") -gt 800 ]]; then
        head -n 300 "$log"
        printf '\n----- ... the middle is in %s ...\n\n' "$log"
        tail -n 500 "$log"
    else
        cat "$log"
    fi
    printf -- '----- %s ended with exit code %s; its output is in %s\n\n' "$name" "$code" "$log"
}

# Says how all steps went, and ends the script.
summary() {
    printf '\n%s\n' 'result   time     step'
    printf '%s\n' "${ci_rows[@]}"
    if [[ -s $ci_folder/figures ]]; then
        printf '\nmeasured:\n'
        sed 's/^/  /' "$ci_folder/figures"
    fi
    if [[ ${#ci_reasons[@]} -gt 0 ]]; then
        printf '\nskipped, for it cannot be had here:\n'
        printf '  %s\n' "${ci_reasons[@]}"
    fi
    printf '\n%d minutes in all\n' $(((SECONDS + 59) / 60))
    printf '%d passed, %d failed, %d skipped\n' "$ci_passed" "$ci_failed" "$ci_skipped"
    [[ $ci_failed == 0 ]]
}
