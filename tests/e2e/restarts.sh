#!/bin/sh
# Workloads that are started again in their place, with the agent and without it, up to their limit; and health over the network.
. "$(dirname "$0")/lib.sh"

cluster_start 1
node=$(agent_name 1)
export NO_COLOR=1
AQ_SERVER="http://127.0.0.1:$api_port" AQ_TOKEN_FILE="$data/admin.token"
export AQ_SERVER AQ_TOKEN_FILE

kept() { # LABEL COMMAND FIELDS: of its definition
    printf '{"name": "%s", "definitions": [{"driver": "process", "options": {"command": "%s"}, %s}]}' "$1" "$2" "$3" >"$work/$1.json"
    "$BUILD/aq" labels create -f "$work/$1.json" >"$work/out" 2>&1 || die "label $1: $(cat "$work/out")"
}
resource_field() { # RESOURCE FIELD
    api_field ".data.$2" "resource/$1"
}
has_restarted() { # RESOURCE TIMES: at least
    [ "$(resource_field "$1" restarts)" -ge "$2" ]
}
is_health() { # RESOURCE HEALTH
    [ "$(resource_field "$1" health)" = "$2" ]
}
lines() { # RESOURCE
    "$BUILD/aq" resource "$1" log | grep -c run
}
has_lines() { # RESOURCE COUNT: at least
    [ "$(lines "$1")" -ge "$2" ]
}

# ---- restarts -------------------------------------------------------------------------------------------------

kept flaky "echo run; sleep 1; exit 3" '"restart": "on-failure", "restart_wait": "1s", "restart_wait_most": "1s"'
flaky=$(application_create flaky)
check "it runs" wait_for 30 application_is ALLOCATED "$flaky"
resource=$(api_field .data.resource "application/$flaky")
check "it is started again" wait_for 30 has_restarted "$resource" 2
check_equal "as the same resource" "$resource" "$(api_field .data.resource "application/$flaky")"
check_equal "of an application that goes on" ALLOCATED "$(application_status "$flaky")"
check_equal "which says why" "exit status 3" "$(resource_field "$resource" restarted)"
check "its output goes on" wait_for 30 has_lines "$resource" 3
check_match "each restart is an event" '*resource_restarted*' "$("$BUILD/aq" application "$flaky" events)"
check_match "and a column" '*RESTARTS*HEALTH*' "$("$BUILD/aq" resources)"
kill_hard "$node"
before=$(resource_field "$resource" restarts)
sleep 2
agent_start "$node"
check "an agent that was killed goes on" wait_for 30 has_restarted "$resource" "$((before + 2))"
check "with the same output" wait_for 30 has_lines "$resource" "$((before + 2))"
api POST "application/$flaky/deallocate" '{}' >"$work/answer"
check "it can be given back at any time" wait_for 30 application_is DEALLOCATED "$flaky"
check_equal "and has the status of its last end" true "$(api_field '.data.exit_status == 3 or .data.exit_status == 143' "application/$flaky")"
last=$(lines "$resource")
sleep 2
check_equal "and is not started any more" "$last" "$(lines "$resource")"

# ---- the limit ------------------------------------------------------------------------------------------------

kept limited "echo run; exit 4" '"restart": "always", "restart_limit": 1'
timeout 120 "$BUILD/aq" run limited --attach >"$work/out" 2>"$work/err"
check_equal "only the last end counts" 4 $?
check_equal "after all runs" "run run" "$(tr '\n' ' ' <"$work/out" | sed 's/ $//')"
limited=$("$BUILD/aq" application last id)
check "the application ends" wait_for 30 application_is ERROR "$limited"
check_equal "with a reason" "ended: exit status 4; restarted 1 time, which is its restart_limit" "$(api_field .data.description "application/$limited")"

# ---- health ---------------------------------------------------------------------------------------------------

kept web "exec sleep 1000" "\"health\": {\"http\": \"$api_port/livez\"}"
kept deaf "exec sleep 1000" '"health": {"tcp": 1, "interval": 1, "retries": 1}, "restart": "on-failure", "restart_limit": 1, "restart_wait": 1'
kept inside "sleep 2; echo mine > ready; exec sleep 1000" '"health": {"command": ["grep", "mine", "ready"], "interval": 1, "retries": 1000}'
web=$(application_create web)
inside=$(application_create inside)
deaf=$(application_create deaf)
check "both run" wait_for 30 application_is ALLOCATED "$web"
check "what answers is healthy" wait_for 30 is_health "$(api_field .data.resource "application/$web")" healthy
check_match "and says what it was told" 'GET /livez: HTTP/1.? 200 OK' "$(resource_field "$(api_field .data.resource "application/$web")" checked)"
check "a command in the workload finds its files" wait_for 30 is_health "$(api_field .data.resource "application/$inside")" healthy
check_equal "and says what it found" "exit status 0: mine" "$(resource_field "$(api_field .data.resource "application/$inside")" checked)"
check "what does not is restarted, and given up at the limit" wait_for 60 application_is ERROR "$deaf"
check_match "with the reason" "ended: unhealthy: port 1 of 127.0.0.1: Connection refused; killed by signal 15*; restarted 1 time*" "$(api_field .data.description "application/$deaf")"
check_fails "what no agent could check is refused" "$BUILD/aq" labels create -f - <<X
{"name": "far", "definitions": [{"driver": "process", "options": {"command": "true", "network": "none"}, "health": {"tcp": 22}}]}
X
check_equal "the other one runs on" ALLOCATED "$(application_status "$web")"

finish
