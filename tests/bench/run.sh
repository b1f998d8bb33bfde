#!/bin/sh
# Runs the benchmarks, shows one table, and writes docs/performance.md when all were run.
#
#   tests/bench/run.sh               all
#   tests/bench/run.sh decisions...  some, by name; the table only
#   tests/bench/run.sh --list        the names
#
# BUILD says which binaries are measured (build/release). Everything happens in one directory below BENCH_HOME (/tmp), which
# should be on the disk that matters; it is removed at the end, with whatever a benchmark that died has left.
set -u
cd "$(dirname "$0")/../.." || exit

names="decisions rights secrets single reads secure strangers fileview launch programs container machine agents scale finished memory usage stream"
seconds=1200 # for each
export BUILD="${BUILD:-build/release}"
BENCH_DIRECTORY=$(mktemp -d "${BENCH_HOME:-/tmp}/aq-bench.XXXXXX") || exit
export BENCH_DIRECTORY
results=$BENCH_DIRECTORY/results

cleanup() {
    trap '' INT TERM HUP
    rm -rf --one-file-system "$BENCH_DIRECTORY"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# ---- running ----------------------------------------------------------------------------------------------

# A program of that name, or a script that starts what it needs.
program_of() { # NAME
    if [ -x "tests/bench/$1.sh" ]; then
        echo "tests/bench/$1.sh"
    else
        echo "$BUILD/bench/$1"
    fi
}

run_one() { # NAME
    local program log=$BENCH_DIRECTORY/$1.log
    program=$(program_of "$1")
    [ -x "$program" ] || {
        echo "run.sh: there is no benchmark $1: see --list" >&2
        return 1
    }
    echo "# $1" >&2
    timeout -k 20 "$seconds" "$program" >"$log" 2>"$log.said" </dev/null
    local status=$?
    sed 's/^/    /' "$log.said" >&2
    sed -n "s/^RESULT/$1/p" "$log" >>"$results"
    [ "$status" = 0 ] && return 0
    sed -n '/^not ok/,$p' "$log" | head -n 40 >&2
    echo "run.sh: $1 ended with status $status" >&2
    return 1
}

# ---- telling ----------------------------------------------------------------------------------------------

# The table, as Markdown that is good to read as it is.
table() {
    awk -F '\t' '
        BEGIN { split("what|figure|baseline|ratio|wanted|", head, "|") }
        {
            rows++
            for (i = 1; i <= 6; i++) {
                cell[rows, i] = $(i + 1)
                if (length($(i + 1)) > width[i])
                    width[i] = length($(i + 1))
            }
        }
        END {
            for (i = 1; i <= 6; i++)
                if (length(head[i]) > width[i])
                    width[i] = length(head[i])
            for (row = -1; row <= rows; row++) {
                line = "|"
                if (row == 0)
                    for (i = 1; i <= 6; i++) {
                        dashes = sprintf("%" width[i] + 2 "s", "")
                        gsub(/ /, "-", dashes)
                        line = line dashes "|"
                    }
                else
                    for (i = 1; i <= 6; i++)
                        line = line sprintf(" %-" width[i] "s |", row < 0 ? head[i] : cell[row, i])
                print line
            }
        }' "$results"
}

machine() {
    local model cores memory
    model=$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)
    cores=$(nproc)
    memory=$(awk '$1 == "MemTotal:" { printf "%.0f", $2 / 1048576 }' /proc/meminfo)
    echo "$model, $cores cores, $memory GiB; Linux $(uname -r); $(findmnt -n -o FSTYPE -T "$BENCH_DIRECTORY")"
}

# Other work on the machine touches even ratios: two cores are few for client, server and baseline.
load() {
    cut -d ' ' -f 1 /proc/loadavg
}

# "a1b2c3d", with a word when the tree is not as committed.
commit() {
    local changed=""
    [ -z "$(git status --porcelain -uno 2>/dev/null)" ] || changed=" with changes that are not committed"
    echo "$(git rev-parse --short HEAD 2>/dev/null || echo unknown)$changed"
}

write_page() { # OUT
    {
        cat <<'END'
# Performance

`make bench` writes this page; do not edit it. The explanations come from `tests/bench/notes.md`. `make bench NAMES="decisions reads"` repeats
some benchmarks and shows only the table.

A baseline is a small program that does the unavoidable part of the same work and nothing else. It is measured in the same
run, in turns with ours, and the ratio is the median of the rounds' ratios: what disturbs a round disturbs both. Memory
is the process's own (`RssAnon`): LMDB's file pages belong to the kernel.

END
        echo "- machine: $(machine)"
        echo "- commit: $(commit)"
        echo "- load average before and after, ours included: $load_before, $(load)"
        echo "- repeat: \`make bench\`"
        echo
        table
        echo
        cat tests/bench/notes.md
    } >"$1.new" && mv "$1.new" "$1"
}

# ---- what to do -------------------------------------------------------------------------------------------

[ "${1-}" = --list ] && {
    echo "$names"
    exit 0
}
: >"$results"
load_before=$(load)
failed=0
[ $# = 0 ] && all=yes || all=no
# shellcheck disable=SC2086 # words
[ $all = yes ] && set -- $names
for name; do
    run_one "$name" || failed=1
done
table
if [ $all = yes ] && [ "$failed" = 0 ]; then
    write_page docs/performance.md
    echo "written: docs/performance.md" >&2
fi
missed=$(grep -c 'missed$' "$results")
echo "$(grep -c 'ok$' "$results") reached, $missed missed" >&2
exit "$failed"
