#!/bin/sh
# Applications to their end by aq: run --attach, wait, logs; what is given back; a controller that restarts meanwhile.
. "$(dirname "$0")/lib.sh"

cluster_start 2
export NO_COLOR=1
AQ_SERVER="http://127.0.0.1:$api_port" AQ_TOKEN_FILE="$data/admin.token"
export AQ_SERVER AQ_TOKEN_FILE
label_create sleeper process '{"command": "echo one; exec sleep 1000"}' '{"slots": 1}'
label_create quick process '{"command": "echo hello; exit 3"}' '{"slots": 1}'
label_create steps process '{"command": "for i in 1 2 3 4 5 6; do echo line $i; sleep 1; done"}' '{"slots": 1}'
label_create broken test '{"fail": "always"}' '{"slots": 1}'
label_create huge test '{}' '{"cpu": 1000}'

exit_of() { # ARGUMENTS: of aq; its words go to files
    timeout 120 "$BUILD/aq" "$@" >"$work/out" 2>"$work/err"
    echo $?
}

# ---- attached -----------------------------------------------------------------------------------------------

check_equal "a job that ends very fast: its status" 3 "$(exit_of run quick --attach)"
check_equal "and its output, nothing else" hello "$(cat "$work/out")"
check_match "the rest goes to standard error" '*application 1 *ended: exit status 3*' "$(cat "$work/err")"
check_equal "a start that fails has a status of its own" 125 "$(exit_of run broken --attach)"
check_equal "and no output" "" "$(cat "$work/out")"
check_match "but a reason" '*application 2 never ran*' "$(cat "$work/err")"
check_equal "so has the end of the time" 124 "$(exit_of run huge --attach --timeout 1)"
check_equal "and what is refused" 125 "$(exit_of run nosuch --attach)"
check_equal "Ctrl-C gives it back" 130 "$(timeout -s INT --preserve-status 3 "$BUILD/aq" run sleeper --attach >"$work/out" 2>"$work/err"; echo $?)"
check_equal "with what it printed until then" one "$(cat "$work/out")"
check "it is given back" wait_for 20 application_is DEALLOCATED "$("$BUILD/aq" application last id)"
check_equal "SIGTERM, too" 143 "$(timeout -s TERM --preserve-status 2 "$BUILD/aq" run sleeper --attach >"$work/out" 2>&1; echo $?)"
check "it is given back as well" wait_for 20 application_is DEALLOCATED "$("$BUILD/aq" application last id)"
start twice "$BUILD/aq" run sleeper --attach
check "an attached job runs" wait_for 30 grep -q one "$work/twice.log"
process_signal "$work/twice.pid" TERM
sleep 0.1 # so that these are two signals
process_signal "$work/twice.pid" TERM
check "what timeout(1) sends twice counts once" wait_for 30 not running twice
check "it is given back, too" wait_for 20 application_is DEALLOCATED "$("$BUILD/aq" application last id)"

# ---- given back, or kept --------------------------------------------------------------------------------------

check_equal "a request that is not met in time" 1 "$(exit_of run huge --timeout 1)"
id=$("$BUILD/aq" application last id)
check_match "is given back, with its number" "*application $id is given back*" "$(cat "$work/err")"
check_equal "and does not start later" RECALLED "$(application_status "$id")"
check_match "why it was not met was said at once" "*application $id  NEW  no node*" "$(cat "$work/err")"
check_equal "--keep leaves it" 1 "$(exit_of run huge --timeout 1 --keep)"
id=$("$BUILD/aq" application last id)
check_equal "in the queue" NEW "$(application_status "$id")"
: >"$work/err" # what the one before it has said
"$BUILD/aq" run huge >"$work/out" 2>>"$work/err" &
waiting=$!
check "another one waits" wait_for 30 grep -q "  NEW  " "$work/err"
kill -HUP "$waiting"
wait "$waiting"
check_equal "SIGHUP while it waits" 129 $?
check_equal "gives it back" RECALLED "$("$BUILD/aq" application last status)"

# ---- wait and logs --------------------------------------------------------------------------------------------

check_equal "wait has the status of the first that failed" 3 "$(exit_of wait 1)"
check_equal "one that never ran" 125 "$(exit_of wait 2)"
sleeper=$("$BUILD/aq" run sleeper -q 2>"$work/err")
check_equal "wait ends in time" 124 "$(exit_of wait "$sleeper" --timeout 1)"
check_equal "a status that it has" 0 "$(exit_of wait application last --for=allocated)"
check_equal "one that does not exist" 2 "$(exit_of wait last --for=DONE)"
check_match "is told" '*--for is "DONE", but must be one of NEW,*' "$(cat "$work/err")"
check_equal "the output of one that has ended" hello "$("$BUILD/aq" logs 1)"
check_equal "of the newest" one "$("$BUILD/aq" logs last --tail 1)"
check_equal "of a resource" one "$("$BUILD/aq" application last logs)"
start waiter "$BUILD/aq" wait "$sleeper" --timeout 60
check_equal "given back" 0 "$(exit_of rm "$sleeper")"
check "wait sees the end" wait_for 20 not running waiter

# ---- a controller that restarts ---------------------------------------------------------------------------------

"$BUILD/aq" run steps -q >"$work/id" 2>"$work/err"
id=$(cat "$work/id")
start attached "$BUILD/aq" run steps --attach
start logs "$BUILD/aq" logs -f "$id"
start wait "$BUILD/aq" wait "$id" --timeout 60
start status "$BUILD/aq" status --watch --timeout 120
wait_for 20 grep -q "line 1" "$work/attached.log"
kill_hard controller
sleep 3
controller_start
check "run --attach goes on" wait_for 30 not running attached
check_equal "with all of the output, once" "1 2 3 4 5 6" "$(sed -n 's/^line //p' "$work/attached.log" | xargs)"
check "logs -f, too" wait_for 30 not running logs
check_equal "with all of it" "1 2 3 4 5 6" "$(sed -n 's/^line //p' "$work/logs.log" | xargs)"
check "wait, too" wait_for 30 not running wait
check_match "and it has seen the end" '*ended: exit status 0*' "$(cat "$work/wait.log")"
check_match "with a hint" '*trying again*' "$(cat "$work/wait.log")"
check "status --watch is still there" running status
check_match "both have ended well" '0 0' "$("$BUILD/aq" applications -a --label=steps --json | jq -r '[.[].exit_status] | join(" ")')"
kill_hard controller
start late "$BUILD/aq" run steps --timeout 60
start waits "$BUILD/aq" wait "$id" --timeout 60
sleep 2
controller_start
check "a run that begins meanwhile waits for it" wait_for 30 grep -q ALLOCATED "$work/late.log"
check "so does a wait" wait_for 30 grep -q DEALLOCATED "$work/waits.log"
finish
