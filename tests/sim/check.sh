#!/bin/sh
# The piece of the simulator that `make check` runs: the kept seeds, some lives, and that a seed gives the same life again.
#
#   tests/sim/check.sh SIM SEEDS
set -eu
cd "$(dirname "$0")/../.."
sim=$1
seeds=$2
again=10
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

"$sim" --kept tests/sim/kept --seeds "$seeds"
"$sim" --seeds $again --hashes | grep ': the trace has' | sort >"$out/once"
"$sim" --seeds $again --hashes --jobs 1 | grep ': the trace has' | sort >"$out/twice"
[ "$(wc -l <"$out/once")" = $again ] && cmp "$out/once" "$out/twice" || {
    echo "a seed does not give the same life again"
    exit 1
}
