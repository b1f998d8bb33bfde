#!/bin/sh
# Fails if a C file is not formatted as .clang-format says; with --write, formats them all. Versions of clang-format differ
# in what they make of the same file, so one version alone judges: without it, says so and returns 77, "skipped".
set -eu
cd "$(dirname "$0")/../.."
. tools/check/files.sh

judge=14 # of Debian 12
for program in clang-format-$judge clang-format ""; do
    case $("$program" --version 2>/dev/null) in
    *"version $judge."*) break ;;
    esac
done
if [ -z "$program" ]; then
    echo "the format is judged by clang-format $judge alone, which is not here"
    exit 77
fi
# shellcheck disable=SC2046 # names without blanks
case ${1-} in
--write) exec "$program" -i $(c_files) ;;
esac
# shellcheck disable=SC2046 # names without blanks
said=$("$program" --dry-run $(c_files) 2>&1) || true
[ -z "$said" ] || {
    printf '%s\n' "$said" | sed -n 's/^\([^: ]*\):[0-9]*:[0-9]*: .*clang-format.*/\1 is not in the format of .clang-format/p' | sort -u
    echo "run: make format"
    exit 1
}
