#!/bin/sh
# The output of workloads, from the keeper to `aq`, REST and the file view: while it is written, after the end, after
# restarts, and until keep.logs of the agent deletes it.
. "$(dirname "$0")/lib.sh"

lost_after=30
cluster_start 0
node=$(agent_name 1)
keep() { # NUMBER: (re)starts the agent, which keeps so many logs
    running "$node" && stop "$node"
    agent_start "$node" --set capacity.ram=1GiB --set capacity.slots=16 --set keep.logs.number="$1" \
        --set allow.directories="$work"
    wait_for 20 nodes_are_active 1
}
keep 100

# Lines of 20 bytes, numbered from 1: 65,000 of them are 1.3 MB.
label_create burst process '{"command": ["/usr/bin/awk", "BEGIN { for (i = 1; i <= 3; i++) { print \"begin \" i; system(\"sleep 0.3\") }; for (i = 1; i <= 65000; i++) printf \"line %014d\\n\", i; print \"end\" }"]}'
label_create same process '{"command": "for i in 1 2 3 4 5 6 7 8; do echo same; sleep 0.2; done"}'
label_create small process '{"command": "i=0; while [ $i -lt 4000 ]; do echo \"line $i\"; i=$((i + 1)); done; sleep 1000", "log_size": 4096, "log_files": 2, "stop_grace": 0}'
label_create fails process '{"command": "echo out; echo why >&2; exit 3"}'
label_create nothing process '{"command": ["/nowhere/at/all"]}'
label_create slow process '{'"$see_work"', "command": "echo one; while [ ! -e '"$work"'/go ]; do sleep 0.1; done; echo two"}'

ended() { # APPLICATION
    case $(application_status "$1") in
    DEALLOCATED | ERROR) ;;
    *) return 1 ;;
    esac
}

resource_of() { # APPLICATION: its last one
    api_field .data.last_resource "application/$1"
}

# ---- following ----------------------------------------------------------------------------------------------

follow() { # NAME NOUN KEY
    AQ_SERVER="http://127.0.0.1:$api_port" AQ_USER=admin AQ_TOKEN_FILE="$data/admin.token" \
        start "$1" sh -c "exec '$BUILD/aq' '$2' '$3' log -f >'$work/$1.out'"
}

burst=$(application_create burst)
check "it runs" wait_for 20 application_is ALLOCATED "$burst"
resource=$(resource_of "$burst")
follow burst resource "$resource"
check "log -f ends when the job has ended" wait_for 30 not running burst
check_equal "it has shown 1.3 MB, each line whole and once" "65004 65000 65000" \
    "$(wc -l <"$work/burst.out") $(grep -c '^line [0-9]\{14\}$' "$work/burst.out") $(sort -u "$work/burst.out" | grep -c '^line')"
check_equal "to the end" end "$(tail -n 1 "$work/burst.out")"
same=$(application_create same)
wait_for 20 application_is ALLOCATED "$same"
follow same resource "$(resource_of "$same")"
check "equal lines, too" wait_for 20 not running same
check_equal "are all shown" 8 "$(grep -c '^same$' "$work/same.out")"

crowd=$(application_create burst)
wait_for 20 application_is ALLOCATED "$crowd"
for i in $(seq 60); do
    follow "crowd-$i" application "$crowd"
done
none_runs() {
    local i
    for i in $(seq 60); do
        running "crowd-$i" && return 1
    done
    return 0
}
check "sixty follow another one" wait_for 60 none_runs
check_equal "and all of them see all of it, at once" "65004 " \
    "$(cat "$work"/crowd-*.out | wc -l | awk '{ print $1 / 60 }') $(sort -u "$work"/crowd-*.log)"
rm -f "$work"/crowd-*

# ---- after the end ------------------------------------------------------------------------------------------

check_equal "log of an ended job" 65004 "$(aq resource "$resource" log | wc -l)"
check_equal "by the application" 65004 "$(aq application "$burst" log | wc -l)"
check_equal "log -f of an ended job ends" end "$(timeout 10 "$BUILD/aq" --server "http://127.0.0.1:$api_port" --user admin \
    --token-file "$data/admin.token" resource "$resource" log -f | tail -n 1)"
check_equal "the newest lines" "line 00000000065000 end" "$(aq resource "$resource" log -n 2 | tr '\n' ' ' | sed 's/ $//')"
check_equal "the newest bytes begin with a line" "line 00000000065000 end" \
    "$(aq resource "$resource" log --size 39 | tr '\n' ' ' | sed 's/ $//')"
controller_restart() {
    stop controller
    controller_start
    wait_for 20 nodes_are_active 1
}
controller_restart
check_equal "after a restart of the controller" 65004 "$(aq resource "$resource" log | wc -l)"
keep 100
check_equal "after a restart of the agent" 65004 "$(aq resource "$resource" log | wc -l)"

# ---- positions ----------------------------------------------------------------------------------------------

api GET "resource/$resource/log?after=8&size=10" >"$work/piece"
check_equal "a piece by its position" '["begin 2\nbe",8,18,0,1300028,false]' \
    "$(jq -c '[.data, .start, .next, .first, .end, .complete]' "$work/piece")"
api GET "resource/$resource/log?after=1300024&follow=true" >"$work/piece"
check_equal "the last piece" '["end\n",1300024,1300028,true]' "$(jq -c '[.data, .start, .next, .complete]' "$work/piece")"
api GET "resource/$resource/log?after=1300028&follow=true" >"$work/piece"
check_equal "there is no more" '["",1300028,true]' "$(jq -c '[.data, .next, .complete]' "$work/piece")"
api GET "resource/$resource/log?after=99999999" >"$work/piece"
check_equal "far behind the end" '["",1300028,true]' "$(jq -c '[.data, .next, .complete]' "$work/piece")"
check_equal "not a position" 400 "$(api_code GET "resource/$resource/log?after=-1")"
small=$(application_create small)
wait_for 20 application_is ALLOCATED "$small"
output_ends() { # APPLICATION POSITION
    [ "$(api_field .end "application/$1/log?size=1")" = "$2" ]
}
check "what is dropped counts" wait_for 10 output_ends "$small" 38890
api GET "application/$small/log?after=0&size=20" >"$work/piece"
check_equal "a piece that was dropped" "true true" \
    "$(jq -r '"\(.start == .first and .start > 0) \(.data | startswith("line "))"' "$work/piece")"

# What is not one byte for each character, and what is no text.
label_create umlauts process '{"command": "for i in 1 2 3 4; do printf \"\\303\\244\\303\\266\\303\\274\\n\"; done"}' # seven bytes in each line
umlauts=$(application_create umlauts)
wait_for 20 ended "$umlauts"
check_equal "a piece ends with a whole character" '["äö",0,4]' \
    "$(api GET "application/$umlauts/log?after=0&size=5" | jq -c '[.data, .start, .next]')"
check_equal "or with a part of one, if there is nothing else" '["ww==",true,0,1]' \
    "$(api GET "application/$umlauts/log?after=0&size=1" | jq -c '[.data, .base64, .start, .next]')"
check_equal "the newest bytes of a long line begin with a whole character" '["ü\n",25]' \
    "$(api GET "application/$umlauts/log?size=4" | jq -c '[.data, .start]')"
check_equal "as many bytes as there are" '["äöü\näöü\näöü\n",7]' \
    "$(api GET "application/$umlauts/log?size=27" | jq -c '[.data, .start]')"
check_equal "all of them" "äöü äöü äöü äöü" "$(aq application "$umlauts" log | tr '\n' ' ' | sed 's/ $//')"
label_create bytes process '{"command": "head -c 300000 /dev/zero | tr \"\\0\" \"\\377\"; printf \"\\0end\\n\""}'
bytes=$(application_create bytes)
wait_for 20 ended "$bytes"
check_equal "bytes that are no text" "300005 end" \
    "$(aq application "$bytes" log | wc -c) $(aq application "$bytes" log | tail -c 4)"

# ---- waiting ------------------------------------------------------------------------------------------------

slow=$(application_create slow)
wait_for 20 application_is ALLOCATED "$slow"
follow slow application "$slow"
check "the first line" wait_for 10 file_is one "$work/slow.out"
stop controller
sleep 1
controller_start
check "a restart of the controller is not the end" running slow
touch "$work/go"
check "it ends with the job" wait_for 20 not running slow
check_equal "and has missed nothing" "one two" "$(tr '\n' ' ' <"$work/slow.out" | sed 's/ $//')"

# ---- whose log it is ----------------------------------------------------------------------------------------

user_token() { # NAME
    api POST user/ "{\"name\": \"$1\"}" | jq -r .data.token
}
anna=$(user_token anna)
bert=$(user_token bert)
as() { # NAME TOKEN PATH [CURL ARGUMENTS]: the answer
    local name=$1 token=$2 path=$3
    shift 3
    curl -s -m 20 -u "$name:$token" "$@" "http://127.0.0.1:$api_port/api/v1/$path"
}
failing=$(as anna "$anna" application/ -d '{"label": "fails"}' | jq -r .data.id)
check "a job that fails" wait_for 20 application_is ERROR "$failing"
failed_resource=$(resource_of "$failing")
check_equal "its owner reads why" "out
why" "$(as anna "$anna" "resource/$failed_resource/log" | jq -r .data)"
check_equal "by the application, too" "out
why" "$(as anna "$anna" "application/$failing/log" | jq -r .data)"
check_equal "another user does not" "no resource $failed_resource" \
    "$(as bert "$bert" "resource/$failed_resource/log" | jq -r .message | sed 's/there is //')"
never=$(as anna "$anna" application/ -d '{"label": "nothing"}' | jq -r .data.id)
check "a program that does not exist" wait_for 20 application_is ERROR "$never"
check_equal "has an empty log" '["",true]' "$(as anna "$anna" "application/$never/log" | jq -c '[.data, .complete]')"

# ---- as files -----------------------------------------------------------------------------------------------

fs_start
view=$mount
user=daemon # exists on every Debian
sizes() { # FILE: by stat, wc and cat
    echo "$(stat -c %s "$1") $(wc -c <"$1") $(cat "$1" | wc -c)"
}
check_equal "an ended job: its size before it is opened" 1300028 "$(stat -c %s "$view/applications/$burst/log")"
check_equal "and what stat, wc and cat say" "1300028 1300028 1300028" "$(sizes "$view/applications/$burst/log")"
tar -C "$view/applications/$burst" -cf "$work/log.tar" log
check_equal "tar stores all of it" "0 1300028" "$? $(tar -xOf "$work/log.tar" log | wc -c)"
check "so does cp" sh -c "cp '$view/applications/$burst/log' '$work/copy' && cmp '$work/copy' '$work/burst.out'"
check "Python reads all of it" python3 -c 'import sys; sys.exit(open(sys.argv[1], "rb").read() != open(sys.argv[2], "rb").read())' \
    "$view/applications/$burst/log" "$work/burst.out"
check "tail reads its end alone" prints end tail -n 1 "$view/applications/$burst/log"

label_create ticks process '{"command": "i=0; while :; do i=$((i + 1)); echo \"tick $i of a line that fills the file soon\"; sleep 0.02; done", "log_size": 16384, "log_files": 2, "stop_grace": 0}'
ticks=$(application_create ticks)
wait_for 20 application_is ALLOCATED "$ticks"
log=$view/applications/$ticks/resource/log
sized() { # FILE
    [ "$(stat -c %s "$1")" -gt 0 ]
}
check "the size of a running job's log comes with heartbeats" wait_for 10 sized "$log"
start tail tail -n +1 -f "$log"
cat >"$work/poll.py" <<'Y'
import os, select, sys
fd = os.open(sys.argv[1], os.O_RDONLY)
poll = select.poll()
poll.register(fd, select.POLLIN)
for i in range(3):
    while os.read(fd, 65536): pass
    print("end", flush=True)
    print("ready", poll.poll(20000), flush=True)
    print("more", len(os.read(fd, 65536)) > 0, flush=True)
Y
check_equal "poll tells when there is more" 3 "$(python3 "$work/poll.py" "$log" | grep -c 'more True')"
dropped_file() { # the first file of the log is gone
    [ "$(api_field .first "application/$ticks/log?size=1")" -gt 4096 ]
}
wait_for 30 dropped_file
sleep 3
tar -C "$view/applications/$ticks/resource" -cf "$work/log.tar" log 2>"$work/tar.err"
check_match "tar of a log whose begin was dropped" "tick [1-9]*" "$(tar -xOf "$work/log.tar" log | head -n 1)"
api POST "application/$ticks/deallocate" >"$work/answer"
wait_for 20 application_is DEALLOCATED "$ticks"
last=$(aq application "$ticks" log | tail -n 1)
tail_has_last() {
    [ "$(tail -n 1 "$work/tail.log")" = "$last" ]
}
check "tail -f has followed to the end of the job" wait_for 15 tail_has_last
check_fails "and says nothing else" grep -v '^tick [0-9]* of a line that fills the file soon$' "$work/tail.log"
check_equal "with each line once and in order" "" \
    "$(awk '$2 != NR { print "line " NR " is " $0; exit }' "$work/tail.log")"
stop tail

label_create steady process '{'"$see_work"', "command": "i=0; while [ ! -e '"$work"'/stop ]; do i=$((i + 1)); echo \"tick $i\"; sleep 0.1; done"}'
steady=$(application_create steady)
wait_for 20 application_is ALLOCATED "$steady"
wait_for 10 sized "$view/applications/$steady/log"
start steady tail -n +1 -f "$view/applications/$steady/log"
wait_for 10 grep -q tick "$work/steady.log"
stop controller
sleep 2 # tail reads meanwhile
controller_start
keep 100
touch "$work/stop"
wait_for 20 application_is DEALLOCATED "$steady"
all_is_shown() {
    [ "$(aq application "$steady" log | tail -n 1)" = "$(tail -n 1 "$work/steady.log")" ]
}
check "tail -f goes on when controller and agent have restarted" wait_for 15 all_is_shown
check_equal "and shows all of it" "$(aq application "$steady" log)" "$(cat "$work/steady.log")"
stop steady

check_equal "another user sees no log" "2" "$( (cd "$view" && setpriv --reuid "$user" --regid "$user" --clear-groups \
    sh -c "cat applications/$burst/log" >"$work/answer" 2>&1) && echo 0 || echo 2)"
api POST user/ "{\"name\": \"$user\", \"uid\": $(id -u "$user")}" >"$work/answer"
as_user() { # SHELL COMMAND: runs it as the other user, in the mount
    (cd "$view" && setpriv --reuid "$user" --regid "$user" --clear-groups sh -c "$1" 2>&1)
}
check_match "even one of the cluster" "*No such file*" "$(as_user "LC_ALL=C cat applications/$burst/log")"
own=$(as_user 'exec 3<>applications/new && echo fails >&3 && cat <&3')
wait_for 20 application_is ERROR "$own"
check_equal "but its own, after the job failed" "out why" "$(as_user "cat applications/$own/log" | tr '\n' ' ' | sed 's/ $//')"

# ---- keep.logs ----------------------------------------------------------------------------------------------

keep 1
check "the agent keeps one log" wait_for 10 prints 404 api_code GET "resource/$resource/log"
check_match "and says so" "there is no log of resource $resource: its node keeps the newest 1 logs*" \
    "$(api GET "resource/$resource/log" | jq -r .message)"
check_match "as a file, too" "*No such file*" "$(LC_ALL=C cat "$view/applications/$burst/log" 2>&1)"
check_match "with the reason in errors/last" "there is no log of resource $resource: *" "$(head -n 1 "$view/errors/last")"
finish
