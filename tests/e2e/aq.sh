#!/bin/sh
# The command line against a real cluster: what people and scripts rely on.
. "$(dirname "$0")/lib.sh"

cluster_start 2
export NO_COLOR=1
label_create sleeper process '{"command": ["/bin/sh", "-c", "echo one; echo two; exec sleep 1000"]}' '{"cpu": 0.1, "slots": 1}'
label_create broken test '{"fail": "always"}' '{"slots": 1}'

exit_of() { # ARGUMENTS: of aq; its words go to files
    aq "$@" >"$work/out" 2>"$work/err"
    echo $?
}

# ---- asking, waiting, giving back -------------------------------------------------------------------------

check_equal "run waits until it runs" 0 "$(exit_of run sleeper)"
check_match "and shows it" '*ID*LABEL*STATUS*1*sleeper*ALLOCATED*' "$(cat "$work/out")"
check_match "progress goes to standard error" '*application 1 *ALLOCATED*' "$(cat "$work/err")"
check_equal "create -q prints the key alone" 2 "$(aq applications create label=sleeper -q)"
check_equal "several at once" "3 4 5" "$(aq applications create sleeper --count 3 --wait -q 2>/dev/null | xargs)"
check_equal "a dry run changes nothing" 5 "$(aq applications create sleeper --dry-run >"$work/out" && aq applications -aq | wc -l)"
check_match "but shows events" '*application_created*application_elected*' "$(tr '\n' ' ' <"$work/out")"
check_equal "what fails ends with 1" 1 "$(exit_of run broken --timeout 60)"
check_match "and says why" '*aq: application 6 is in ERROR:*' "$(cat "$work/err")"
check_equal "deallocate waits" 0 "$(exit_of applications deallocate 1 3 --wait)"
check_match "until it is given back" '*1 *DEALLOCATED*3 *DEALLOCATED*' "$(tr '\n' ' ' <"$work/out")"
check_equal "one field alone" DEALLOCATED "$(aq application 1 status)"

# ---- looking ----------------------------------------------------------------------------------------------

check_equal "filters" "2 4 5" "$(aq applications --status='ALLO*' -q | xargs)"
check_equal "filters as words, backwards" "5 4" "$(aq applications list status=ALLOCATED --reverse --limit 2 -q | xargs)"
check_equal "JSON is JSON" 6 "$(aq applications -a --json | jq length)"
check_equal "the open ones, unless all are asked for" "2 4 5" "$(aq applications -q | xargs)"
check_equal "several words in any case" "1 3 6" "$(aq applications --status=error,deallocated -q | xargs)"
check_equal "all but one" "1 3" "$(aq applications list -a 'status!=ERROR' status!=ALLOCATED -q | xargs)"
check_equal "the last ones" "5 6" "$(aq applications -a -n 2 -q | xargs)"
check_equal "in another order" "6 1 2 3 4 5" "$(aq applications -a --sort label -q | xargs)"
check_equal "of the last minutes" "2 4 5" "$(aq applications --since 10m -q | xargs)"
check_equal "of the future" 0 "$(exit_of applications --since 2999-01-01T00:00:00Z)"
check_match "nothing is said to be nothing" '*no open applications match; -a *' "$(cat "$work/err")"
check_equal "a word that is none" 2 "$(exit_of applications --status=ALOCATED)"
check_match "is known better" '*did you mean ALLOCATED?*' "$(cat "$work/err")"
check_equal "a cut list" 0 "$(exit_of applications -a --limit 2)"
check_match "says so" '*more than these 2*' "$(cat "$work/err")"
check_match "what is used of what there is" '*CPU*SLOTS*0.3/*' "$(aq nodes -o wide | tr '\n' ' ')"
check_equal "keys alone" "$(agent_name 1) $(agent_name 2)" "$(aq get nodes -o name | xargs)"
check_equal "words of other systems" "2 4 5" "$(aq ps -o name | xargs)"
check_equal "the newest" 6 "$(aq application last id)"
check_match "a description has what led to it" '*application 2 asked for*was chosen*resource_started*' "$(aq describe 2 | tr '\n' ' ')"
check_match "of a name, too" "*name *$(agent_name 1)*" "$(aq describe "$(agent_name 1)" | tr '\n' ' ')"
check_match "YAML" '*status: ALLOCATED*' "$(aq application 2 --yaml)"
check_match "why" '*was chosen*' "$(aq application 2 why)"
check_match "votes" '*AVAILABLE*true*' "$(aq application 2 votes)"
check_match "events of one" '*application_created*resource_started*' "$(aq application 2 events | tr '\n' ' ')"
check_fails "without what nobody asked for" sh -c "'$BUILD/aq' --server 'http://127.0.0.1:$api_port' --user admin \
    --token-file '$data/admin.token' application 2 events | grep lifetime"
resource=$(aq application 2 resource)
check "the log of what runs" wait_for 10 prints "$(printf 'one\ntwo')" aq resources log "$resource"
check_match "status" '*nodes*ACTIVE 2*' "$(aq status | tr '\n' ' ')"
check_match "me" '*name*admin*role*admin*' "$(aq me | tr '\n' ' ')"
check_match "a label by its name" '*name *sleeper*version *1*' "$(aq labels get sleeper | tr '\n' ' ')"
check_match "a label by name and version" '*sleeper*' "$(aq label sleeper:1)"
check_equal "the last events" 5 "$(aq log tail -n 5 | wc -l)"
check_equal "of one kind" 2 "$(aq events application -n 2 | grep -c application_)"
check_equal "since a time" "$(aq events | wc -l)" "$(aq events --since 10m | wc -l)"
check_match "one event" '1  20*' "$(aq log show 1)"
check_match "the log is whole" '*equal*' "$(aq log verify)"

# ---- watching ---------------------------------------------------------------------------------------------

AQ_SERVER="http://127.0.0.1:$api_port" AQ_TOKEN_FILE="$data/admin.token"
export AQ_SERVER AQ_TOKEN_FILE
check_equal "a watch ends in time" 0 "$(timeout 20 "$BUILD/aq" nodes --watch --timeout 1 >"$work/watched"; echo $?)"
start watch "$BUILD/aq" nodes --watch
start follow "$BUILD/aq" log tail -f -n 1
wait_for 10 grep -q ACTIVE "$work/watch.log"
check "tail -f shows the last one at once" wait_for 10 grep -q 20 "$work/follow.log"
check_equal "maintenance" 0 "$(exit_of nodes maintenance "$(agent_name 1)" true)"
check "a watch prints what changed" wait_for 10 grep -q "$(agent_name 1) .*ACTIVE *true" "$work/watch.log"
check "tail -f goes on" wait_for 10 grep -q node_maintenance_set "$work/follow.log"
controller_pid=$(pid_of controller)
kill_hard controller
controller_start
check "the controller is another one" test "$(pid_of controller)" != "$controller_pid"
check_equal "and off" 0 "$(exit_of node "$(agent_name 1)" maintenance false)"
check "a watch survives a restart" wait_for 20 grep -q "$(agent_name 1) .*ACTIVE *false.*" "$work/watch.log"
check "tail -f does, too" wait_for 20 grep -q "maintenance=false" "$work/follow.log"
check_equal "each event is shown once" "" "$(cut -d' ' -f1 "$work/follow.log" | sort | uniq -d)"
stop watch
stop follow

# A write that finds no controller is repeated, and happens once.
before=$(aq applications -aq | wc -l)
kill_hard controller
start late "$BUILD/aq" applications create label=sleeper --wait --timeout 60
wait_for 10 grep -q "trying again" "$work/late.log"
controller_start
check "a write outlasts a restart" wait_for 30 grep -q ALLOCATED "$work/late.log"
check_equal "and happens once" $((before + 1)) "$(aq applications -aq | wc -l)"

# ---- users ------------------------------------------------------------------------------------------------

aq users create bob role=user >"$work/bob.token" 2>"$work/err"
check_match "a token is printed alone" 'aq_*' "$(cat "$work/bob.token")"
as_bob() {
    AQ_USER=bob AQ_TOKEN_FILE="$work/bob.token" "$BUILD/aq" "$@"
}
check_match "it works" '*bob*' "$(as_bob me)"
check_equal "who may not follow the log can wait all the same" 0 "$(as_bob run sleeper >"$work/out" 2>&1; echo $?)"
check_equal "what is forbidden is the user's fault" 3 "$(as_bob users delete admin 2>"$work/err"; echo $?)"
check_equal "an update" 0 "$(exit_of users update bob max_applications=1)"
check_equal "keeps what it does not name" "user 1" "$(aq user bob --json | jq -r '"\(.role) \(.max_applications)"')"
check_equal "a limit" 3 "$(as_bob run sleeper >"$work/out" 2>&1; echo $?)"
aq users token bob >"$work/new.token" 2>"$work/err"
check_equal "an old token is void" 3 "$(as_bob me >"$work/out" 2>&1; echo $?)"

# ---- faults -----------------------------------------------------------------------------------------------

check_equal "usage" 2 "$(exit_of aplications)"
check_match "did you mean" '*did you mean applications?*' "$(cat "$work/err")"
check_equal "no such thing" 3 "$(exit_of application 999)"
check_equal "a wrong field" 3 "$(exit_of applications create lable=x)"
check_match "is named by the server" 'aq: lable is not known; did you mean label?' "$(cat "$work/err")"
check_equal "giving back twice, and what has failed, is fine" 0 "$(exit_of applications deallocate 1 6 --wait)"
check_equal "a state that forbids it" 3 "$(exit_of nodes delete "$(agent_name 1)")"
printf 'name: x\ndefinitions:\n  - driver: process\n    resources: {cpu: lots}\n' >"$work/x.yml"
check_equal "a file with a fault" 3 "$(exit_of labels create -f "$work/x.yml")"
check_match "is named with line and column" "aq: $work/x.yml:4:22: *cpu*lots*" "$(cat "$work/err")"
check_equal "a file that is no YAML" 2 "$(printf 'a: [\n' | aq labels create -f - 2>"$work/err" >"$work/out"; echo $?)"
check_match "says where" 'aq: standard input:2:1:*' "$(cat "$work/err")"
check_equal "nobody listens" 4 "$(exit_of --server http://127.0.0.1:1 nodes)"
check_equal "no token" 2 "$(AQ_TOKEN_FILE=$work/none "$BUILD/aq" nodes >"$work/out" 2>&1; echo $?)"
check_equal "help is everywhere" 0 "$(exit_of labels create --help)"

# ---- completion -------------------------------------------------------------------------------------------

completes() { # LINE: prints what bash would offer
    # shellcheck disable=SC2016 # it is for bash to expand
    PATH=$PWD/$BUILD:$PATH bash -c '. tools/completion/aq.bash
        compopt() { :; }
        COMP_LINE=$1 COMP_POINT=${#1}
        _aq
        echo "${COMPREPLY[*]}"' bash "$1"
}
check_equal "nouns" "label labels" "$(completes 'aq lab')"
check_equal "verbs" "deallocate" "$(completes 'aq applications dea')"
check_equal "keys" "$(agent_name 2)" "$(completes "aq nodes get $(agent_name 2)")"
check_equal "flags" "--no-headers" "$(completes 'aq nodes --no')"
check_equal "words of a field" "admin" "$(completes 'aq users create role=ad')"
check_match "a label to run" '*sleeper*' "$(completes 'aq run ')"
finish
