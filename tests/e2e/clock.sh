#!/bin/sh
# The wall clock is set while a cluster runs: times in the log go on steadily, lifetimes end, and it is told.
. "$(dirname "$0")/lib.sh"

export ASAN_OPTIONS="$ASAN_OPTIONS:verify_asan_link_order=0" WALLCLOCK="$work/ahead"
set_clock() { # SECONDS ahead of the real time
    echo "$1" >"$WALLCLOCK.new" && mv "$WALLCLOCK.new" "$WALLCLOCK"
}
with_clock() { # COMMAND...: what it starts has this wall clock
    export LD_PRELOAD="$PWD/$BUILD/wallclock.so"
    case $BUILD in /*) LD_PRELOAD=$BUILD/wallclock.so ;; esac
    "$@"
    unset LD_PRELOAD
}
day=86400

# How far the time of a new event is ahead of the real time, in seconds.
log_ahead() {
    local id created
    id=$(application_create quick)
    created=$(date -d "$(api_field .data.created_at "application/$id")" +%s)
    echo $((created - $(date +%s)))
}
is_now() { # SECONDS
    [ "$1" -ge -2 ] && [ "$1" -le 2 ]
}

set_clock 0
with_clock cluster_start 1
label_create quick test '{}'
label_create short test '{}' '{"lifetime": 2}'
check "the log has the real time" is_now "$(log_ahead)"

# ---- for a moment, while something is decided ------------------------------------------------------------------

set_clock $((400 * day))
ahead=$(log_ahead)
id=$(application_create short)
check "a clock that is 400 days ahead does not get into the log" is_now "$ahead"
check "it is told" wait_for 20 grep -q 'the wall clock has jumped.*jump_s=+345' "$work/controller.log"
set_clock 0
check "a lifetime ends all the same" wait_for 20 application_is DEALLOCATED "$id"
check "nor does it stay" is_now "$(log_ahead)"
check "that is told, too" wait_for 20 grep -q 'the wall clock has jumped.*jump_s=-345' "$work/controller.log"
set_clock -$((400 * day))
id=$(application_create short)
check "a lifetime ends when the clock is behind" wait_for 20 application_is DEALLOCATED "$id"
check "and the log has the real time" is_now "$(log_ahead)"

# ---- at a start ----------------------------------------------------------------------------------------------

stop controller
set_clock $((10 * day))
with_clock controller_start
ahead=$(log_ahead)
check "a start takes the wall clock's time" test "$ahead" -ge $((10 * day - 5))
stop controller
set_clock 0
with_clock controller_start
check "a log that is ahead is told" wait_for 20 grep -q "the wall clock is behind the log's time.*log_ahead_s=+86" "$work/controller.log"
wait_for 20 nodes_are_active 1
before=$(log_ahead)
id=$(application_create short)
check "lifetimes end" wait_for 20 application_is DEALLOCATED "$id"
ahead=$(log_ahead)
check "the log's time does not go back" test "$ahead" -ge $((10 * day - 60))
check "nor away from the wall clock" test "$ahead" -le $((before + 1)) # both are whole seconds
check_match "the log is intact" '*equal*' "$(aq log verify)"

finish
