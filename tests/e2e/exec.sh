#!/bin/sh
# Commands in workloads (aq exec): what they find, input and output byte by byte, terminals, exit status; and that they
# end with the workload, the client, the agent, the controller, and the right.
. "$(dirname "$0")/lib.sh"

lost_after=30
cluster_start 1
node=$(agent_name 1)
AQ_SERVER="http://127.0.0.1:$api_port" AQ_USER=admin AQ_TOKEN="$(cat "$data/admin.token")"
export AQ_SERVER AQ_USER AQ_TOKEN NO_COLOR=1
aq_exec() {
    "$BUILD/aq" exec "$@" 2>"$work/err"
}
status_of() { # COMMAND...: its exit status; its output is in $work/out
    "$@" >"$work/out" </dev/null
    echo $?
}

label_create box process '{"command": "mkdir sub; echo ready; exec sleep 1000", "environment": {"COLOUR": "blue"}, "stop_grace": 0}' '{"slots": 1, "ram": "128MiB"}'
label_create short process '{"command": "sleep 1000", "stop_grace": 0}'
label_create pretended test '{}'
box=$(application_create box)
wait_for 20 application_is ALLOCATED "$box"
resource=$(api_field .data.resource "application/$box")
wait_for 20 grep -qs ready "$work/agent/$node/workloads/$resource/driver/output.0"

# ---- what a command finds -----------------------------------------------------------------------------------

check_equal "a command runs" 0 "$(status_of aq_exec "$box" -- echo hello)"
check_equal "and its output comes" hello "$(cat "$work/out")"
check_equal "its exit status is that of aq" 42 "$(status_of aq_exec "$box" -- sh -c 'exit 42')"
check_equal "as a shell has it, after a signal" 137 "$(status_of aq_exec "$box" -- sh -c 'kill -9 $$')"
check_equal "standard error is apart" "1:out 2:err" \
    "$("$BUILD/aq" exec "$box" -- sh -c 'echo out; echo err >&2' </dev/null 2>"$work/err" | sed 's/^/1:/') $(sed 's/^/2:/' "$work/err")"
check_equal "it has the workload's user" "$(aq_exec "$box" -- sh -c 'stat -Lc %u /proc/self; stat -c %u .' </dev/null | sort -u | wc -l)" 1
main=$(api_field .data.identifier "resource/$resource" | sed 's/pid //')
uid=$(stat -c %u "/proc/$main")
check_equal "which is not root" "$uid" "$(aq_exec "$box" -- id -u </dev/null)"
check_equal "its environment" "blue $resource" "$(aq_exec "$box" -- sh -c 'echo $COLOUR $AQUARIUM_RESOURCE' </dev/null)"
check_equal "its directory" sub "$(aq_exec "$box" -- ls </dev/null)"
check_equal "no capabilities" "0000000000000000 0000000000000000" \
    "$(aq_exec "$box" -- sh -c 'grep -E "^Cap(Eff|Prm):" /proc/self/status' </dev/null | awk '{print $2}' | xargs)"
check_equal "no new privileges" 1 "$(aq_exec "$box" -- sh -c 'grep NoNewPrivs: /proc/self/status' </dev/null | awk '{print $2}')"
check_match "its control group" "*/r$resource*" "$(aq_exec "$box" -- cat /proc/self/cgroup </dev/null | tr '\n' ' ')"
check_equal "and nothing open but what it should" "0 1 2 3" "$(aq_exec "$box" -- sh -c 'ls /proc/self/fd' </dev/null | xargs)"
check_equal "by the number of the resource, too" 0 "$(status_of aq_exec resource "$resource" -- true)"
check_equal "a program that there is not" 127 "$(status_of aq_exec "$box" -- /no/such/program)"
check_match "is told" '*cannot run /no/such/program: No such file or directory*' "$(cat "$work/err")"
check_equal "a file that is no program" 126 "$(status_of aq_exec "$box" -- /etc/passwd)"
check_equal "a command needs no -- before it, and keeps its flags" "-n x" "$(aq_exec "$box" printf '%s %s' -n x </dev/null)"
check_equal "-i is known from others" 4 "$(status_of aq_exec -i "$box" sh -c 'exit 4')"
check_equal "so is -it" 6 "$(script -qec "'$BUILD/aq' exec -it $box sh -c 'tty >&2; test -t 0 && exit 6'" /dev/null </dev/null >/dev/null 2>&1; echo $?)"
check_equal "-t without a terminal" 2 "$(status_of aq_exec -t "$box" true)"
check_equal "no command" 2 "$(status_of aq_exec "$box")"
check_equal "no such application" 125 "$(status_of aq_exec 9999 -- true)"
fake=$(application_create pretended)
wait_for 20 application_is ALLOCATED "$fake"
check_equal "driver test pretends" "well 3" "$(aq_exec "$fake" -- say well 3 </dev/null) $(status_of aq_exec "$fake" -- say well 3)"

# ---- input and output ---------------------------------------------------------------------------------------

check_equal "input arrives, and its end" "3" "$(printf 'a\nb\nc\n' | aq_exec "$box" -- wc -l)"
head -c 10485760 /dev/urandom >"$work/big"
check_equal "10 MB go in and come out, byte by byte" "$(sha256sum <"$work/big")" \
    "$(aq_exec "$box" -- cat <"$work/big" | sha256sum)"
check_equal "output that nobody takes makes the command wait" 0 "$(aq_exec "$box" -- sh -c 'head -c 3000000 /dev/zero' </dev/null | (sleep 2; wc -c) | grep -c 3000000 | sed 's/1/0/')"
check_equal "output that nobody wants ends it, and nothing is said" "y 141 0" \
    "$( (aq_exec "$box" -- yes </dev/null; echo $? >"$work/status") 2>"$work/err" | head -n 1) $(wait_for 10 test -s "$work/status"; cat "$work/status") $(wc -c <"$work/err")"
check_equal "a command that reads nothing ends at once" 0 "$(status_of aq_exec "$box" -- true)"
check_equal "input that nobody takes does not keep it" 5 "$(yes | head -c 2000000 | aq_exec "$box" -- sh -c 'exit 5' >/dev/null; echo $?)"

# ---- terminals ----------------------------------------------------------------------------------------------

in_terminal() { # COMMANDS...: types them into a shell there
    (sleep 1; for line in "$@"; do printf '%s\r' "$line"; sleep 0.3; done) |
        script -qec "stty cols 91 rows 33; '$BUILD/aq' exec $box -- sh" /dev/null | tr -d '\r' >"$work/typed"
}
in_terminal 'test -t 0 && echo a-terminal; stty size' 'echo $TERM; exit 6'
check "a terminal has the size of ours" wait_for 1 grep -q '^33 91$' "$work/typed"
check "and is one" grep -q '^a-terminal$' "$work/typed"
check_equal "exit status, with a terminal" 6 "$(script -qec "'$BUILD/aq' exec $box -- sh -c 'exit 6'" /dev/null </dev/null >/dev/null 2>&1; echo $?)"
(sleep 1; printf 'sleep 100\r'; sleep 1; printf '\003'; sleep 0.3; printf 'echo interrupted-$?\r'; sleep 0.3; printf 'exit\r') |
    script -qec "'$BUILD/aq' exec $box -- sh" /dev/null | tr -d '\r' >"$work/typed"
check "Ctrl-C goes to the command" grep -q '^interrupted-130$' "$work/typed"

# ---- who may ------------------------------------------------------------------------------------------------

user_add() { # NAME ROLE
    (umask 077 && "$BUILD/aq" users create "$1" role="$2" >"$work/$1.token" 2>>"$work/err")
}
as() { # USER WORDS...
    local user=$1
    shift
    AQ_USER=$user AQ_TOKEN="$(cat "$work/$user.token")" "$BUILD/aq" "$@" 2>"$work/err"
}
user_add ann user
user_add eve user
user_add vic viewer
anns=$(as ann applications create box -q)
wait_for 20 application_is ALLOCATED "$anns"
anns_resource=$(api_field .data.resource "application/$anns")
check_equal "a user runs commands in its own workload" own "$(as ann exec "$anns" -- echo own </dev/null)"
check_equal "not in another's" 125 "$(as eve exec resource "$anns_resource" -- echo no </dev/null >"$work/out"; echo $?)"
check_match "which is not there for it" "*there is no resource $anns_resource*" "$(cat "$work/err")"
check_equal "a viewer runs none" 125 "$(as vic exec "$anns" -- echo no </dev/null >"$work/out"; echo $?)"
check_match "and is told what that takes" '*resource.exec*' "$(cat "$work/err")"
check_equal "nobody joins another's session" 404 "$(
    as ann exec "$anns" -- sleep 1000 </dev/null >/dev/null & echo $! >"$work/pid"
    wait_for 20 sh -c "'$BUILD/aq' application $anns events | grep -q sleep" || exit 1
    session=$(api GET "application/$anns/events" | jq '[.data[] | select(.event == "resource_exec_started")][-1].data.session')
    curl -s -o /dev/null -w '%{http_code}' -u "eve:$(cat "$work/eve.token")" "http://127.0.0.1:$api_port/api/v1/resource/$anns_resource/exec/$session"
    kill "$(cat "$work/pid")")"

# ---- the record ---------------------------------------------------------------------------------------------

check_match "each command is an event, with its author" '*"author":"ann"*"event":"resource_exec_started"*"arguments":\["echo","own"\]*' \
    "$(api GET "application/$anns/events" | jq -c '.data[]' | grep exec_started | head -n 1)"
check_match "and so is its end" '*"event":"resource_exec_ended"*"user":"ann"*"exit_status":0*' \
    "$(api GET "application/$anns/events" | jq -c '.data[]' | grep exec_ended | head -n 1)"

# ---- ends ---------------------------------------------------------------------------------------------------

sleeps() { # NUMBER: does a command `sleep NUMBER` run?
    pgrep -fx "sleep $1" >/dev/null
}
measured_sessions() {
    curl -sf "http://127.0.0.1:$api_port/metrics" | sed -n 's/^aquarium_exec_sessions //p'
}
begin_sleep() { # NAME NUMBER [USER APPLICATION]
    AQ_USER=${3:-admin} AQ_TOKEN="$(cat "$work/${3:-admin}.token" 2>/dev/null || cat "$data/admin.token")" \
        start "$1" "$BUILD/aq" exec "${4:-$box}" -- sh -c "echo begun; sleep $2 & exec sleep $2"
    wait_for 20 grep -q begun "$work/$1.log" # then the client knows its session
    wait_for 20 sleeps "$2"
}
helpers_run() { # of this cluster: others on the machine have some, too
    local pid
    for pid in $(pgrep -f aq-command); do
        if grep -qs "/$node/" "/proc/$pid/cgroup" ||
            [ "$(ps -o ppid= -p "$pid" | xargs)" = "$(process_pid "$work/$node.pid")" ]; then
            return 0
        fi
    done
    return 1
}
begin_sleep killed 7001
check "a command has a helper" helpers_run
kill_hard killed
check "the client is killed: the command ends, with all that it has started" wait_for 60 not sleeps 7001
begin_sleep stopped 7002
process_signal "$work/stopped.pid" TERM
check "the client is ended: at once" wait_for 10 not sleeps 7002

begin_sleep revoked 7003 ann "$anns"
"$BUILD/aq" users update ann role=viewer >"$work/out" 2>&1
check "the right ends: so does the command" wait_for 15 not sleeps 7003
"$BUILD/aq" users update ann role=user >"$work/out" 2>&1

# A member of a project sees what a command in it has written, as long as it is one.
"$BUILD/aq" projects create lab >"$work/out" 2>&1
"$BUILD/aq" roles create runner may='resource.*' >"$work/out" 2>&1
user_add mia user
"$BUILD/aq" memberships create lab:mia --role runner >"$work/out" 2>&1
labs=$("$BUILD/aq" applications create box project=lab -q)
wait_for 20 application_is ALLOCATED "$labs"
labs_exec=resource/$(api_field .data.resource "application/$labs")/exec
as_mia() { # METHOD PATH [BODY]: the status; the answer is in $work/answer
    curl -s -o "$work/answer" -w '%{http_code}' -u "mia:$(cat "$work/mia.token")" -X "$1" \
        ${3:+-H 'Content-Type: application/json' -d "$3"} "http://127.0.0.1:$api_port/api/v1/$2"
}
check_equal "a member runs a command" 200 "$(as_mia POST "$labs_exec" '{"arguments": ["sh", "-c", "echo word; exec sleep 7008"]}')"
session=$(jq .data.session "$work/answer")
has_output() {
    [ "$(as_mia GET "$labs_exec/$session")" = 200 ] && jq -e '.data.data != ""' "$work/answer" >/dev/null
}
check "and sees what it writes" wait_for 30 has_output
wait_for 20 sleeps 7008
"$BUILD/aq" memberships delete lab:mia >"$work/out" 2>&1
check_equal "not when it is none any more" 404 "$(as_mia GET "$labs_exec/$session")"
check "and the command ends" wait_for 15 not sleeps 7008
as ann tokens create extra -q >"$work/made.token"
AQ_USER=ann AQ_TOKEN="$(grep -o 'aq_[0-9A-Za-z]*' "$work/made.token" | head -n 1)" start token "$BUILD/aq" exec "$anns" -- sh -c 'exec sleep 7004'
check "another one runs" wait_for 20 sleeps 7004
"$BUILD/aq" tokens list user=ann -q >"$work/tokens"
"$BUILD/aq" tokens delete "$(tail -n 1 "$work/tokens")" >"$work/out" 2>&1
check "a token that is deleted ends it" wait_for 15 not sleeps 7004

begin_sleep ended 7005 ann "$anns"
"$BUILD/aq" applications deallocate "$anns" >"$work/out" 2>&1
check "the workload ends: so does the command" wait_for 20 not sleeps 7005
check "and the client" wait_for 20 not running ended

begin_sleep agentless 7006
kill_hard "$node"
check "the agent is killed: the command ends" wait_for 20 not sleeps 7006
agent_start "$node"
check "the client is told" wait_for 40 not running agentless
check_match "why" '*agent was restarted*' "$(cat "$work/agentless.log")"
check "the workload goes on" application_is ALLOCATED "$box"
check "and takes commands of a workload that was adopted" wait_for 20 prints adopted "$BUILD/aq" exec "$box" -- sh -c 'echo adopted'

begin_sleep uncontrolled 7007
kill_hard controller
controller_start
check "the controller is killed: the command ends" wait_for 40 not sleeps 7007
check "the client is told" wait_for 40 not running uncontrolled
check_match "why" '*controller was restarted*' "$(cat "$work/uncontrolled.log")"
wait_for 20 nodes_are_active 1
check "commands run again" wait_for 20 prints again "$BUILD/aq" exec "$box" -- echo again

# ---- limits -------------------------------------------------------------------------------------------------

stop controller
controller_start --set hub.exec.per_user=2 --set hub.exec.idle=10s
wait_for 20 nodes_are_active 1
check "after a restart" wait_for 20 prints on "$BUILD/aq" exec "$box" -- echo on
begin_sleep one 7011
begin_sleep two 7012
check "how many run is measured" wait_for 20 prints 2 measured_sessions
check_equal "no more than a user may have" 125 "$(status_of aq_exec "$box" -- true)"
check_match "with the limit" '*admin runs 2 commands in workloads; the limit is 2 (hub.exec.per_user)*' "$(cat "$work/err")"
check "what is idle is ended" wait_for 30 not sleeps 7011
check_match "and says so" '*hub.exec.idle*' "$(wait_for 20 not running one; cat "$work/one.log")"
check "nothing is left" wait_for 20 not helpers_run
finish
