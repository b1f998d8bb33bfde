#!/bin/sh
# SIGHUP: the daemons read their settings again, apply what may change while they run, and say what needs a restart.
. "$(dirname "$0")/lib.sh"

settings() { # NAME LINES...
    local name=$1
    shift
    printf '%s\n' "$@" >"$work/$name.yml"
}
reload() { # NAME: returns when it has said something about it
    local before
    before=$(grep -c "settings" "$work/$1.log")
    kill -HUP "$(pid_of "$1")"
    wait_for 10 said_more "$1" "$before"
}
said_more() { # NAME LINES
    [ "$(grep -c "settings" "$work/$1.log")" -gt "$2" ]
}
last_said() { # NAME
    grep "settings" "$work/$1.log" | tail -n 1
}
agent=$(agent_name 1)
settings controller "journal: info"
settings agent "journal: info"
settings fs "journal: info"
trap '' HUP # as nohup does
controller_start --config "$work/controller.yml"
agent_start "$agent" --config "$work/agent.yml"
wait_for 20 nodes_are_active 1 || die "the agent does not join"
fs_start --config "$work/fs.yml"
trap 'exit 143' HUP
pids="$(pid_of controller) $(pid_of "$agent") $(pid_of fs)"
label_create quick test '{}'

# ---- the controller -----------------------------------------------------------------------------------------------

reload controller
check_match "nothing has changed" '*settings read again took_effect=none need_restart=none' "$(last_said controller)"
settings controller "journal: debug" "name: other" "api:" "  body_max: 2KiB" "  streams: 1" "log:" "  batch: 7"
reload controller
check_match "what took effect, and what did not" \
    '*took_effect="journal=debug api.streams=1 api.body_max=2048 log.batch=7" need_restart=name' "$(last_said controller)"
head -c 3000 /dev/zero | tr '\0' ' ' >"$work/large"
check_equal "a limit has changed" 413 "$(api_code POST application/ "@$work/large")"
start stream curl -sN -m 30 -u "admin:$(cat "$data/admin.token")" "http://127.0.0.1:$api_port/api/v1/events"
check "the first stream" wait_for 10 grep -q retry "$work/stream.log"
check_equal "the second is one too many" 503 "$(api_code GET events)"
stop stream
id=$(application_create quick)
check "work goes on" wait_for 20 application_is ALLOCATED "$id"
settings controller "journal: error" "api:" "  body_max: lots"
reload controller
check_match "a wrong file is named" '*error controller: the settings are wrong*controller.yml:3:*body_max*' "$(last_said controller)"
check_equal "and changes nothing" 413 "$(api_code POST application/ "@$work/large")"
rm "$work/controller.yml"
reload controller
check_match "a missing one too" '*the settings are wrong*controller.yml*' "$(last_said controller)"
settings controller "journal: info"
reload controller
check_match "and back" '*took_effect="journal=info api.streams=256 api.body_max=1048576 log.batch=4096" need_restart=none' \
    "$(last_said controller)"

# ---- the others ---------------------------------------------------------------------------------------------------

settings agent "journal: debug" "identifiers: [rack:a7]" "capacity:" "  slots: 3" "drivers: [test]"
reload "$agent"
check_match "the agent" '*took_effect="identifiers=rack:a7 capacity.slots=3 journal=debug" need_restart=drivers' "$(last_said "$agent")"
check "the controller knows" wait_for 20 prints 3 api_field .data.capacity.slots "node/$agent"
settings agent "capacity: 3"
reload "$agent"
check_match "a wrong file" '*error agent: the settings are wrong*agent.yml:1:*' "$(last_said "$agent")"
settings fs "settle_ms: 5s" "answer_after: 3" "mount: /elsewhere"
reload fs
check_match "the file view" '*took_effect="answer_after=3s settle_ms=5000" need_restart=none' "$(last_said fs)"
check "it is there" test -e "$mount/README"
settings fs "settle: 5s"
reload fs
check_match "a wrong file" '*error fs: the settings are wrong*fs.yml:1:*' "$(last_said fs)"
check_equal "all run on" "$pids" "$(pid_of controller) $(pid_of "$agent") $(pid_of fs)"

finish
