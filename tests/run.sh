#!/bin/sh
# Runs test programs and counts. Each program prints "ok NAME" and "not ok NAME" lines (TAP; the unit tests do so when
# CMOCKA_MESSAGE_OUTPUT=TAP); what passes is one line, what fails is shown.
#
#   tests/run.sh one KIND SECONDS PROGRAM...     one after the other
#   tests/run.sh many KIND SECONDS PROGRAM...    two more at once than there are processors: they often wait
#   tests/run.sh step NAME COMMAND...            one command that either works or not; status 77: it cannot be tried here
#   tests/run.sh total                           "N passed, N failed"; status 1 if anything failed
#
# Output goes to build/logs/KIND/, counts to build/logs/results. KIND is such as unit-asan.
set -u
cd "$(dirname "$0")/.." || exit
logs=build/logs
mkdir -p "$logs"

record() { # KIND NAME PASSED FAILED SKIPPED
    echo "$1 $2 $3 $4 $5" >>"$logs/results" # one short write: safe from several at once
}

# The lines "ok" and "not ok" of a log, and what the exit status adds: a program that died has failed once more.
run_one() { # KIND SECONDS PROGRAM
    local name log started status passed failed skipped took
    name=$(basename "$3")
    log=$logs/$1/$name.log
    mkdir -p "$logs/$1"
    started=$(date +%s)
    CMOCKA_MESSAGE_OUTPUT=TAP timeout -k 30 "$2" "$3" >"$log" 2>&1 </dev/null
    status=$?
    took=$(($(date +%s) - started))
    # cmocka 1.1.5 says "not ok" of a test that was skipped, later ones "ok".
    skipped=$(grep -c -E '^(not )?ok .*# SKIP' "$log")
    passed=$(grep -v '# SKIP' "$log" | grep -c '^ok ')
    failed=$(grep -v '# SKIP' "$log" | grep -c '^not ok ')
    [ "$status" = 124 ] && echo "timed out after $2 s" >>"$log"
    if [ "$status" != 0 ] && [ "$failed" = 0 ]; then
        echo "not ok: ended with status $status" >>"$log"
        failed=1
    elif [ "$passed$failed$skipped" = 000 ]; then
        echo "not ok: not a single check was made" >>"$log"
        failed=1
    fi
    record "$1" "$name" "$passed" "$failed" "$skipped"
    if [ "$failed" = 0 ]; then
        echo "ok      $1 $name: $passed passed$([ "$skipped" = 0 ] || echo ", $skipped skipped"), $took s"
    else
        # Collected, so that the output of two that fail at once does not mix.
        printf 'FAILED  %s %s: %s passed, %s failed, %s s\n%s\n' "$1" "$name" "$passed" "$failed" "$took" \
            "$(show_failures "$log" | head -n 400 | sed 's/^/    /')"
    fi
    return 0
}

# What failed, with what was said about it; of a program that died, its end.
show_failures() { # LOG
    awk '/^not ok/ { shown = 1 } /^ok / || /^not ok .*# SKIP/ { shown = 0 } shown' "$1"
    grep -q '^not ok: ended with' "$1" && tail -n 60 "$1"
    echo "all of it: $1"
}

case ${1-} in
one)
    kind=$2 seconds=$3
    shift 3
    for program in "$@"; do
        run_one "$kind" "$seconds" "$program"
    done
    ;;
many)
    kind=$2 seconds=$3
    shift 3
    [ $# = 0 ] || printf '%s\0' "$@" | xargs -0 -n 1 -P $(($(nproc) + 2)) tests/run.sh one "$kind" "$seconds"
    ;;
step)
    name=$2
    shift 2
    log=$logs/step-$name.log
    started=$(date +%s)
    status=0
    "$@" >"$log" 2>&1 </dev/null || status=$?
    if [ "$status" = 0 ]; then
        record step "$name" 1 0 0
        echo "ok      $name, $(($(date +%s) - started)) s"
    elif [ "$status" = 77 ]; then
        record step "$name" 0 0 1
        echo "skipped $name: $(tail -n 1 "$log")"
    else
        record step "$name" 0 1 0
        printf 'FAILED  %s\n%s\n' "$name" "$(tail -n 200 "$log" | sed 's/^/    /')"
        exit 1
    fi
    ;;
total)
    awk '{ passed += $3; failed += $4; skipped += $5; if ($4 > 0) bad = bad " " $1 "/" $2
        if ($5 > 0) left = left " " $1 "/" $2 }
        END {
            if (bad != "")
                print "failed:" bad
            if (skipped > 0)
                print skipped " skipped:" left
            printf "%d passed, %d failed\n", passed, failed
            exit failed > 0 || passed == 0
        }' "$logs/results"
    ;;
*)
    sed -n '2,/^set /s/^# \{0,1\}//p' "$0" >&2
    exit 2
    ;;
esac
