#!/bin/sh
# Fails if a C file is not formatted as .clang-format says. `make format` formats them all.
set -eu
cd "$(dirname "$0")/../.."
. tools/check/files.sh
# shellcheck disable=SC2046 # names without blanks
said=$(clang-format --dry-run $(c_files) 2>&1) || true
[ -z "$said" ] || {
    printf '%s\n' "$said" | sed -n 's/^\([^: ]*\):[0-9]*:[0-9]*: .*clang-format.*/\1 is not in the format of .clang-format/p' | sort -u
    echo "run: make format"
    exit 1
}
