#!/bin/sh
# Fails if a C file is longer than 800 lines: such a file is about more than one thing, and must be split.
set -eu
cd "$(dirname "$0")/../.."
. tools/check/files.sh
# shellcheck disable=SC2046 # names without blanks
wc -l $(c_files) | awk '$2 != "total" && $1 > 800 { print $2 " has " $1 " lines, more than 800: split it"; bad = 1 }
    END { exit bad }'
