#!/bin/sh
# Fails if a shell script does not parse or is not executable, and if a text for people gives a token on a command line,
# which everybody on the machine can read. Also runs shellcheck, if it is installed.
set -eu
cd "$(dirname "$0")/../.."
bad=0
for script in $(find tools tests .ci -name '*.sh' -o -path .ci/run | sort); do
    sh -n "$script" || bad=1
    case $(head -n 1 "$script") in
    '#!'*) [ -x "$script" ] || { echo "$script is not executable"; bad=1; } ;;
    esac
done
if grep -rnE 'curl .*(-[a-zA-Z]*u|--user)[ =]?"?[a-z]+:' README.md docs tools --include='*.md' --include='*.sh'; then
    echo "these show a token in ps: use printf ... | curl -K -"
    bad=1
fi
if command -v shellcheck >/dev/null; then
    find tools tests .ci -name '*.sh' -o -path .ci/run | sort |
        xargs shellcheck -s dash -S warning -e SC1090,SC1091,SC2034,SC2046,SC2153,SC2154,SC3043 || bad=1
fi
exit "$bad"
