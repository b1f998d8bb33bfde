#!/bin/sh
# Runs the fuzz targets.
#
#   tests/fuzz/run.sh each SECONDS [TARGET...]     fuzzes each target so long, with libFuzzer: `make fuzz`
#   tests/fuzz/run.sh total SECONDS                divides this much processor time among all targets: `make fuzz-short`
#   tests/fuzz/run.sh one SECONDS TARGET           fuzzes one of them
#   tests/fuzz/run.sh replay PROGRAM...            hands the kept inputs to programs made with replay_main.c
#
# What is new is kept in build/fuzz/work/TARGET between runs. An input that breaks something is written to
# tests/fuzz/found/TARGET: once the fault is mended, it moves to the corpus. Ends with one line for each target.
set -u
cd "$(dirname "$0")/../.." || exit
built=build/fuzz/fuzz
corpus=tests/fuzz/corpus
# Logs and tables of the targets that have some: synced often, needed by nobody.
fast=/tmp
[ -w /dev/shm ] && fast=/dev/shm
# Leaves no room for what a five-byte message might claim.
limits="-rss_limit_mb=2048 -malloc_limit_mb=256 -timeout=10"

# What a target needs beyond that: how large its inputs are, and what it can stand.
options_of() { # TARGET
    case $1 in
    http | hub) echo "-max_len=2048 -detect_leaks=0" ;; # threads of its own: leaks are looked for by the unit tests
    entry) echo "-max_len=2048 -detect_leaks=0" ;; # jumps out of assertions
    options) echo "-max_len=512" ;;
    yaml | json | flat) echo "-max_len=4096" ;;
    *) echo "-max_len=2048" ;;
    esac
}

fuzz() { # TARGET SECONDS
    local log=build/fuzz/logs/$1.log status
    mkdir -p "build/fuzz/work/$1" "tests/fuzz/found/$1" build/fuzz/logs
    TMPDIR=$(mktemp -d "$fast/aq-fuzz.XXXXXX")
    export TMPDIR
    # shellcheck disable=SC2046,SC2086 # words
    timeout -k 10 $(($2 + 120)) "$built/$1" "build/fuzz/work/$1" "$corpus/$1" -max_total_time="$2" $limits \
        $(options_of "$1") -artifact_prefix="tests/fuzz/found/$1/" -print_final_stats=1 >"$log" 2>&1 </dev/null
    status=$?
    rm -rf "$TMPDIR"
    rmdir "tests/fuzz/found/$1" tests/fuzz/found 2>/dev/null
    awk -v target="$1" -v status="$status" '
        /cov: [0-9]+/ { for (i = 1; i < NF; i++) { if ($i == "cov:") cov = $(i + 1); if ($i == "ft:") ft = $(i + 1) } }
        /stat::average_exec_per_sec/ { speed = $2 }
        /stat::number_of_executed_units/ { runs = $2 }
        END { printf "%s %-8s %9d runs, %6d/s, %5d edges, %6d features\n", status ? "FAILED" : "ok    ", target, runs, speed, cov, ft }' "$log"
    [ "$status" = 0 ] || tail -n 40 "$log"
    return "$status"
}

targets() {
    for program in "$built"/*; do
        [ -x "$program" ] && basename "$program"
    done
}

fuzz_all() { # SECONDS TARGET...: as many at once as there are processors
    local seconds=$1
    shift
    printf '%s\0' "$@" | xargs -0 -n 1 -P "$(nproc)" tests/fuzz/run.sh one "$seconds"
}

mode=${1-}
[ $# = 0 ] || shift
case $mode in
one)
    fuzz "$2" "$1"
    ;;
each)
    seconds=$1
    shift
    # shellcheck disable=SC2046 # names without blanks
    [ $# -gt 0 ] || set -- $(targets)
    fuzz_all "$seconds" "$@"
    ;;
total)
    seconds=$1
    # shellcheck disable=SC2046
    set -- $(targets)
    share=$((seconds / $#)) # libFuzzer takes 0 as no limit
    fuzz_all $((share > 0 ? share : 1)) "$@"
    ;;
replay)
    bad=0
    TMPDIR=$(mktemp -d "$fast/aq-fuzz.XXXXXX")
    export TMPDIR
    trap 'rm -rf "$TMPDIR"' EXIT
    for program in "$@"; do
        if said=$("$program" 2>&1 </dev/null); then
            echo "ok     $(basename "$program"): $(echo "$said" | grep '^ok')"
        else
            echo "FAILED $(basename "$program")"
            echo "$said" | tail -n 40
            bad=1
        fi
    done
    exit $bad
    ;;
*)
    sed -n '2,/^set /s/^# \{0,1\}//p' "$0" >&2
    exit 2
    ;;
esac
