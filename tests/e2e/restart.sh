#!/bin/sh
# Every process may be killed and started again: workloads continue, and nothing that was acknowledged is lost.
. "$(dirname "$0")/lib.sh"

cluster_start 1
agent=$(agent_name 1)
label_create sleeper process '{"command": ["sleep", "1000"], "stop_grace": 1}'
label_create short process "{$see_work, \"command\": \"echo bye; while [ ! -e $work/go ]; do sleep 0.05; done; exit 7\"}"

pid_of_resource() { # RESOURCE
    local identifier
    identifier=$(api_field .data.identifier "resource/$1")
    echo "${identifier##*[!0-9]}"
}

resource_of() { # APPLICATION
    api_field .data.resource "application/$1"
}

start_agent_again() {
    agent_start "$agent" --set capacity.ram=1GiB --set capacity.slots=16 --set allow.directories="$work"
}

long=$(application_create sleeper)
brief=$(application_create short)
check "a workload that stays" wait_for 20 application_is ALLOCATED "$long"
check "a workload that will end" wait_for 20 application_is ALLOCATED "$brief"
resource=$(resource_of "$long")
pid=$(pid_of_resource "$resource")
check "it runs" test -d "/proc/$pid"

# ---- the agent --------------------------------------------------------------------------------------------

kill_hard "$agent"
check "the workload survives its agent" test -d "/proc/$pid"
brief_pid=$(pid_of_resource "$(resource_of "$brief")")
touch "$work/go"
check "another ends while no agent looks" wait_for 10 not test -d "/proc/$brief_pid"
start_agent_again
check "the agent finds its exit status" wait_for 20 sh -c "[ \"\$(curl -s -u admin:$(cat "$data/admin.token") \
    'http://127.0.0.1:$api_port/api/v1/application/$brief' | jq -r .data.status)\" != ALLOCATED ]"
check_match "which the log tells" '*resource_ended*exit_status=7*' "$(aq log tail)"
check "the other one is still allocated" application_is ALLOCATED "$long"
check_equal "and is the same process" "$pid" "$(pid_of_resource "$resource")"

# ---- the controller ---------------------------------------------------------------------------------------

all_of() {
    for entity in application label resource user; do
        api GET "$entity/" | jq -S '[.data[] | del(.live)]'
    done
}
before=$(all_of)
kill_hard controller
check "workloads do not need the controller" test -d "/proc/$pid"
controller_start
check_equal "after a crash: the same applications, labels, resources, users" "$before" "$(all_of)"
check "the agent is back" wait_for 20 nodes_are_active 1
more=$(application_create sleeper)
check "new work is taken" wait_for 20 application_is ALLOCATED "$more"
check_equal "numbers go on" "$((brief + 1))" "$more"
before=$(all_of)
stop controller
controller_start
check_equal "after a proper end: the same again" "$before" "$(all_of)"

# ---- a node that is lost, and found again -----------------------------------------------------------------

check "the agent is ACTIVE" wait_for 20 nodes_are_active 1
kill_hard "$agent"
check "a silent node is lost" wait_for 30 nodes_are_active 0
check "its workload runs on" test -d "/proc/$pid"
flock "$work/agent/$agent/lock" sleep 1 & # as an agent that is still ending
wait_for 5 not flock -n "$work/agent/$agent/lock" true
start_agent_again
check "the node is found again" wait_for 20 nodes_are_active 1
check_equal "with the same process" "$pid" "$(pid_of_resource "$resource")"

# ---- a namesake -------------------------------------------------------------------------------------------

join_token_make "$work/plain" '"name": "*"'
start namesake "$BUILD/aq-agent" --config /dev/null --set data="$work/namesake" --set name="$agent" \
    --set controller="127.0.0.1:$hub_port" --join-file "$work/plain"
check "a second agent of a living name is refused" wait_for 20 grep -qi "$agent" "$work/namesake.log"
check "and the first is still there" nodes_are_active 1
stop namesake

check_match "a second agent of the same directory, too" "*an agent is running in $work/agent/$agent already*" \
    "$(timeout 10 "$BUILD/aq-agent" --config /dev/null --set data="$work/agent" --set name="$agent" \
        --set controller="127.0.0.1:$hub_port" --join-file "$work/join" 2>&1)"

# ---- another key of the hub ---------------------------------------------------------------------------------

# As after a restore without it. The authority signs the new one, and the agent checks that.
stop controller
rm "$data/hub.key"
controller_start
check "an agent finds out that the controller has another key" wait_for 20 grep -q "the controller has another key" "$work/$agent.log"
check "and is admitted" wait_for 20 nodes_are_active 1
check_equal "with the same process" "$pid" "$(pid_of_resource "$resource")"

# ---- the file view ----------------------------------------------------------------------------------------

fs_start
check "the view shows it" file_is ALLOCATED "$mount/applications/$long/status"
kill_hard fs
fs_unmount
fs_start
check "and again after a crash of aq-fs" file_is ALLOCATED "$mount/applications/$long/status"
check "deallocate by file" sh -c "echo 1 > '$mount/applications/$long/deallocate'"
check "the process ends" wait_for 20 not test -d "/proc/$pid"
kill_hard controller
check "without a controller, reads go on" test -s "$mount/applications/$long/status"
check_fails "and writes fail" sh -c "echo label=sleeper > '$mount/applications/new'"
controller_start
check "until it is back" wait_for 20 sh -c "echo label=sleeper > '$mount/applications/new'"
finish
