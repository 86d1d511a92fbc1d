# shellcheck shell=bash
# What every script here shares; sourced, never run. Leaves the caller in the repository's root.

set -euo pipefail
script=$(realpath "$0")
cd "$(dirname "${BASH_SOURCE[0]}")/.."

die() {
    printf '%s: %s\n' "${script##*/}" "$*" >&2
    exit 2
}

# The comment at the top of the calling script, without the hashes.
help() {
    awk 'NR > 1 { if (!/^#/) exit; sub(/^# ?/, ""); print }' "$script"
}

elapsed_s() { # elapsed_s START_US: seconds since $EPOCHREALTIME was START_US, as 1.2
    local now=${EPOCHREALTIME/[.,]/}
    printf '%d.%d' $(((now - $1) / 1000000)) $(((now - $1) / 100000 % 10))
}
