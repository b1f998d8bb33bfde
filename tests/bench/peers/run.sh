#!/bin/sh
# Aquarium beside its neighbours, on this machine, in turns: installs them, runs the comparisons with etcd, Slurm and
# Docker's swarm, and shows one table. Five to eight minutes. What stands in tests/bench/notes.md, "Beside neighbours", is
# copied from it by hand.
#
#   tests/bench/peers/run.sh            all
#   tests/bench/peers/run.sh etcd       one of them
#
# BUILD says which binaries are measured (build/release); BENCH_HOME (/tmp) where, which should be on the disk that matters.
set -u
cd "$(dirname "$0")/../../.." || exit

export BUILD="${BUILD:-build/release}"
BENCH_DIRECTORY=$(mktemp -d "${BENCH_HOME:-/tmp}/aq-peers.XXXXXX") || exit
export BENCH_DIRECTORY
export PATH="$PATH:/usr/sbin:/sbin"
results=$BENCH_DIRECTORY/results
seconds=600 # for each

cleanup() {
    trap '' INT TERM HUP
    rm -rf --one-file-system "$BENCH_DIRECTORY"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

run_peer() { # NAME
    local program=$BUILD/bench/peers/$1 status
    [ -x "tests/bench/peers/$1.sh" ] && program=tests/bench/peers/$1.sh
    echo "# $1" >&2
    timeout -k 60 "$seconds" "$program" >"$BENCH_DIRECTORY/$1.out" </dev/null
    status=$?
    sed -n 's/^RESULT//p' "$BENCH_DIRECTORY/$1.out" >>"$results"
    [ "$status" = 0 ] && return 0
    grep -v '^RESULT' "$BENCH_DIRECTORY/$1.out" | tail -n 60 >&2
    echo "run.sh: $1 ended with status $status" >&2
    return 1
}

tests/bench/peers/install.sh || exit 1
: >"$results"
failed=0
[ $# -gt 0 ] || set -- etcd slurm swarm
echo "# load average before: $(cut -d ' ' -f 1-3 /proc/loadavg)" >&2
for name; do
    run_peer "$name" || failed=1
done
echo "| what | Aquarium | neighbour | factor |"
echo "|------|----------|-----------|--------|"
awk -F '\t' '{ printf "| %s | %s | %s | %s |\n", $2, $3, $4, $5 }' "$results"
echo "# ahead in $(grep -c 'ok$' "$results"), not ahead in $(grep -c 'missed$' "$results")" >&2
exit "$failed"
