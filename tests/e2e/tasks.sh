#!/bin/sh
# Snapshots and images: what aq, REST and the file view ask for is made once, told how it ended, and comes before the end
# of a workload.
. "$(dirname "$0")/lib.sh"

controller_start
fs_start
node=$(agent_name 1)
agent_start "$node" --drivers test,process --set capacity.slots=8
wait_for 20 nodes_are_active 1 || die "the agent does not join"
AQ_SERVER="unix:$data/run/api.sock"
export AQ_SERVER NO_COLOR=1
label_create quick test '{}' '{"slots": 1}'
label_create slow test '{"task_ms": 3600000}' '{"slots": 1}'
label_create full test '{"task_fail": "no room on the disk"}' '{"slots": 1}'
label_create plain process '{"command": ["sleep", "1000"]}' '{"slots": 1}'
run() { # LABEL
    aq run "$1" -q 2>"$work/err" || note "$(cat "$work/err")"
}
task_is() { # STATUS TASK
    prints "$1" aq task "$2" status
}

# ---- made ---------------------------------------------------------------------------------------------------

quick=$(run quick)
check_equal "an image is made, and named" golden "$(aq image "$quick" --name golden 2>"$work/err")"
check_match "its way is told" '*task 1  DONE  on '"$node"'*' "$(cat "$work/err")"
check_equal "a snapshot gets a name of its own" task-2 "$(aq snapshot "$quick" 2>"$work/err")"
check_equal "REST shows what was made" golden "$(api_field .data.result.image task/1)"
check_equal "so does the file view" DONE "$(cat "$mount/tasks/1/status")"
check_equal "and where" "$node" "$(basename "$(readlink "$mount/tasks/1/node")" 2>/dev/null || cat "$mount/tasks/1/node")"
check_match "the history of its application has it" '*task_begun*task_ended*' "$(aq application "$quick" events | tr '\n' ' ')"
check "the file view asks, too" sh -c "echo 'application=$quick kind=snapshot name=files' >'$mount/tasks/new'"
check "which is made" wait_for 20 task_is DONE 3
check_match "aq lists them" '*3 *snapshot *files *DONE*' "$(aq tasks)"
body="{\"application\": $quick, \"kind\": \"image\"}"
one=$(api POST task/ "$body" -H 'Idempotency-Key: abc' | jq .data.id)
check_equal "one key has one effect" "$one" "$(api POST task/ "$body" -H 'Idempotency-Key: abc' | jq .data.id)"

# ---- not made -----------------------------------------------------------------------------------------------

full=$(run full)
check_fails "a task that fails fails aq" aq image "$full" --name golden
check_match "with the reason of its driver" '*no room on the disk*' "$(aq image "$full" --name golden 2>&1)"
plain=$(run plain)
check_match "a driver that cannot is told at once" "*driver process on node $node makes no snapshots and images*" "$(aq snapshot "$plain" 2>&1)"
check_match "a bad name is told" '*name is "../x"*' "$(aq image "$quick" --name ../x 2>&1)"
check_match "an unknown application, too" '*there is no application 999*' "$(aq image 999 2>&1)"
check_equal "REST says which field is missing" 400 "$(api_code POST task/ "{\"application\": $quick}")"

# ---- before the end -------------------------------------------------------------------------------------------

check "an image at the end" aq image "$quick" --name last --when DEALLOCATE
last=$(aq tasks --name=last -q)
check_equal "waits" NEW "$(aq task "$last" status)"
check "until its application is given back" aq rm "$quick"
check "then it is made" wait_for 20 task_is DONE "$last"
check "and the workload ended" wait_for 20 application_is DEALLOCATED "$quick"

# ---- killed, cancelled ------------------------------------------------------------------------------------------

slow=$(run slow)
aq tasks create "application=$slow" kind=image name=slow >"$work/out"
slow_task=$(aq tasks --name=slow -q)
check "a task is under way" wait_for 20 task_is RUNNING "$slow_task"
kill_hard "$node"
kill_hard controller
controller_start
agent_start "$node" --drivers test,process --set capacity.slots=8
wait_for 20 nodes_are_active 1 || die "the agent does not come back"
check_equal "it goes on after both were killed" RUNNING "$(aq task "$slow_task" status)"
check "its application is given back" aq rm "$slow"
check_equal "and waits for it" DEALLOCATE "$(api_field .data.status "application/$slow")"
check_match "which it says" "*task $slow_task makes an image of it first*" "$(api_field .data.description "application/$slow")"
check_equal "the task is cancelled" "task $slow_task cancelled" "$(aq task "$slow_task" cancel)"
check "then the workload is ended" wait_for 20 application_is DEALLOCATED "$slow"
check_match "which is told" '*cancelled by *' "$(aq task "$slow_task" reason)"
finish
