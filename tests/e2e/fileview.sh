#!/bin/sh
# The file view's rules, one by one, on a real mount: errors and their texts, sizes, events, other users, restarts.
# files.sh tests what docs/files.md shows.
. "$(dirname "$0")/lib.sh"

cluster_start 1
fs_start
view=$mount
new=$view/applications/new
node=$(agent_name 1)
user=daemon # exists on every Debian; not yet a user of the cluster

last_error() {
    head -n 1 "$view/errors/last"
}

# refused NAME ERRNO-TEXT ERROR-TEXT FILE CONTENT: the error of the write, and the text in errors/last.
refused() {
    local said
    said=$(printf '%s' "$5" | LC_ALL=C cat 2>&1 >"$4")
    check_match "$1: errno" "*: $2" "$said"
    check_match "$1: errors/last" "$3" "$(last_error)"
}

as_user() { # SHELL COMMAND: runs it as the other user, in the mount
    (cd "$view" && LC_ALL=C setpriv --reuid "$user" --regid "$user" --clear-groups sh -c "$1" 2>&1)
}

written() { # TEXT FILE
    printf '%s\n' "$1" | cat >"$2"
}

applications() {
    find "$view/applications" -mindepth 1 -maxdepth 1 -printf '%f\n' | sort -V | tr '\n' ' '
}

# ---- one write, one command ---------------------------------------------------------------------------------

cat tools/examples/mac.yml >"$view/labels/new"
written '{"name": "huge", "definitions": [{"driver": "test", "resources": {"cpu": 1000}}]}' "$view/labels/new"
check "the old form of a label" written '{"name": "old", "driver": "test", "definition": {"cpu": 1}}' "$view/labels/new"
check "its definition, written again, makes the next version" \
    sh -c "cat '$view/labels/mac/1/definition.yml' | cat >'$view/labels/new'"
check_equal "which is the same recipe" "$(cat "$view/labels/mac/1/definitions")" "$(cat "$view/labels/mac/2/definitions")"
check "a version can be removed" written 1 "$view/labels/mac/2/delete"
check_equal "latest moves back" 1 "$(readlink "$view/labels/mac/latest")"

check "a line" sh -c "echo label=mac >'$new'"
check "a bare word" sh -c "echo mac >'$new'"
check "appending" sh -c "echo label=mac >>'$new'"
check "a document" sh -c "printf 'label: huge\nmetadata: {a: 1}\n' | cat >'$new'"
check "truncating and touching have no effect" sh -c ": >'$new' && truncate -s 0 '$new' && touch '$new'"
check_equal "four applications" "1 2 3 4 last new " "$(applications)"
check_equal "the answer is on the descriptor that wrote" 5 "$(exec 3<>"$new" && echo label=huge >&3 && cat <&3)"
check_equal "last is the newest" 5 "$(readlink "$view/applications/last")"
check "ALLOCATED" wait_for 20 file_is ALLOCATED "$view/applications/1/status"
check_equal "a relation is a link" "../../nodes/$node" "$(readlink "$view/applications/1/resource/node")"
check "and the resource links back" test "$view/applications/1" -ef "$view/applications/1/resource/application"
check "the workload's log" wait_for 10 grep -q "is up" "$view/applications/1/resource/log"
check "heartbeats" wait_for 10 test -s "$view/nodes/$node/live/load_milli"
check_equal "the view's seq is that of the last event" "$(tail -n 1 "$view/events" | jq .seq)" "$(cat "$view/cluster/seq")"
check_equal "the leader" "controller-1 true voter" \
    "$(cat "$view/cluster/leader" "$view/cluster/members/controller-1/leader" "$view/cluster/members/controller-1/role" |
        tr '\n' ' ' | sed 's/ $//')"

# ---- errors -------------------------------------------------------------------------------------------------

refused "no such label" "No such file or directory" "there is no label nope" "$new" "label=nope"
check_equal "REST says the same" "$(api POST application/ '{"label": "nope"}' | jq -r .message)" "$(last_error)"
refused "unknown field" "Invalid argument" "*colour*known*" "$new" "label=mac colour=red"
check_equal "REST says the same about an unknown field" \
    "$(api POST application/ '{"label": "mac", "colour": "red"}' | jq -r .message)" "$(last_error)"
refused "wrong type" "Invalid argument" 'version is "x"*' "$new" "label=mac version=x"
refused "out of bounds" "Invalid argument" "*version*4294967295*" "$new" "label=mac version=99999999999"
refused "missing field" "Invalid argument" "*definitions is missing*" "$view/labels/new" "name: x
metadata: {a: 1}"
refused "a line of a document" "Invalid argument" '"label: mac" is one line of a document: write label=mac, or *cat <<X*' \
    "$new" "label: mac"
refused "an option that its driver does not know" "Invalid argument" \
    'definitions?0?.options (driver process): option "comand" is unknown*' "$view/labels/new" \
    '{"name": "x", "definitions": [{"driver": "process", "options": {"comand": "y"}}]}'
check_equal "a driver that no node has is warned of, on the descriptor that wrote" \
    'warning=definitions[0].driver is "docker", which no node has: its options were not checked, and it cannot run yet' \
    "$(exec 3<>"$view/labels/new" && echo '{"name": "d", "definitions": [{"driver": "docker"}]}' >&3 && tail -n 1 <&3)"
check_match "and in errors/last" 'definitions*driver is "docker"*ago, writing /labels/new: done, with a warning' "$(cat "$view/errors/last")"
cat "$view/labels/mac/1/definition.yml" | cat >"$view/labels/apply"
check_equal "applying what is there makes no version" 1 "$(readlink "$view/labels/mac/latest")"
before=$(applications)
check_fails "bash's printf writes line by line, and fails" bash -c "printf 'label: mac\nversion: 1\n' >'$new' 2>'$work/said'"
check_match "errors/last says what to type" '"label: mac"*write label=mac, or *cat <<X*opened again*' "$(last_error)"
check_fails "whatever the lines are" bash -c "printf -- '---\n# why\nmetadata:\n  mac\n  label=mac\n- mac\n' >'$new' 2>'$work/said'"
check_fails "also those that would be commands by themselves" \
    bash -c "for text in '[\nmac\n]\n' 'label: [\nmac\n]\n' 'metadata: |\nlabel=mac\n' 'label=\"\nmac\n\"\n' '{\n\"label\":\n\"mac\"\n}\n'; do
        printf \"\$text\" >'$new' 2>'$work/said' && exit; done; exit 1"
check_equal "no part of a document has acted" "$before" "$(applications)"
check_fails "two lines that are commands by themselves: the second fails" \
    bash -c "printf 'true\nmaybe\n' >'$view/nodes/$node/maintenance' 2>'$work/said'"
check_match "and it is told that the first was carried out" \
    'maintenance is "maybe"*(what was written before it was a command by itself, and was carried out)*' "$(last_error)"
check_equal "as it was" true "$(cat "$view/nodes/$node/maintenance")"
echo false >"$view/nodes/$node/maintenance"
check_fails "also where 'true' alone would do" bash -c "printf 'maintenance:\n  true\n' >'$view/nodes/$node/maintenance' 2>'$work/said'"
check_equal "nothing has changed" false "$(cat "$view/nodes/$node/maintenance")"
check "dash's printf writes the document as a whole" \
    dash -c "printf -- '---\nmaintenance: true\n' >'$view/nodes/$node/maintenance'"
check_equal "which acts" true "$(cat "$view/nodes/$node/maintenance")"
{
    printf 'name: long\ndefinitions:\n  - driver: test\nmetadata:\n'
    awk 'BEGIN { for (i = 0; i < 2000; i++) printf "  key%d: value\n", i }'
} >"$work/long.yml"
for bytes in 512 4096 8192 10000; do
    check_fails "a document in pieces of $bytes bytes is refused" \
        dd if="$work/long.yml" of="$view/labels/new" bs=$bytes conv=notrunc status=none
done
check_fails "and one from a program with a buffer of its own" sh -c "sed '' '$work/long.yml' >'$view/labels/new' 2>'$work/said'"
check_match "the error says so" '*write it as a whole*' "$(last_error)"
check_fails "no piece of them has acted" test -e "$view/labels/long"
check "as a whole it is taken" sh -c "cat '$work/long.yml' >'$view/labels/new'"
check_equal "all of it" 2000 "$(jq length "$view/labels/long/1/metadata")"
check "a line of words acts too" bash -c "printf 'maintenance=false\n' >'$view/nodes/$node/maintenance'"
refused "malformed YAML" "Invalid argument" "2:*" "$view/labels/new" "name: x
 y: ["
refused "malformed JSON" "Invalid argument" "*not valid JSON*" "$view/labels/new" '{"name": '
refused "not UTF-8" "Invalid argument" "*UTF-8*" "$new" "label=$(printf '\377')"
refused "nothing" "Invalid argument" "nothing was written*" "$new" "
"
refused "not 1, yes or true" "Invalid argument" "*must be 1, yes or true*" "$view/applications/1/deallocate" perhaps
refused "another row's key" "Invalid argument" "id is 2, but the path names application 1*" "$view/applications/1/deallocate" id=2
written 1 "$view/applications/5/deallocate"
written 1 "$view/applications/5/deallocate" # given back already, which is fine
refused "not in this state" "Device or resource busy" "node * is ACTIVE*" "$view/nodes/$node/delete" 1
check_match "too large: errno" "*Message too long*" \
    "$(head -c 140000 /dev/zero | LC_ALL=C dd bs=140000 iflag=fullblock of="$view/labels/new" 2>&1)"
check_match "too large: errors/last" "140000 bytes were written, more than 131072" "$(last_error)"
check_match "a read-only file cannot be written" "*not permitted*" \
    "$(LC_ALL=C sh -c "echo x >'$view/applications/1/status'" 2>&1)"
for path in applications/007 applications/99 applications/0 applications/-1 labels/mac/9 labels/none nodes/none \
    users/none applications/1/none resources/99; do
    check_fails "$path does not exist" test -e "$view/$path"
done
check_fails "no file can be created" sh -c "echo x >'$view/applications/none'"
check_fails "no directory can be created" mkdir "$view/applications/77"
check_fails "nothing can be removed" rm -f "$view/applications/1/status"
check_fails "no directory can be removed" rmdir "$view/users/admin"
check_fails "nothing can be renamed" mv "$view/applications/1" "$view/applications/77"
check_fails "no mode can be changed" chmod 777 "$view/README"
check_equal "all this changed nothing" "1 2 3 4 5 last new " "$(applications)"

# ---- sizes, tools, many -------------------------------------------------------------------------------------

wrong=""
for file in "$view"/README "$view"/events "$view"/applications/1/* "$view"/labels/mac/1/* "$view"/nodes/"$node"/*; do
    if [ ! -f "$file" ] || [ -L "$file" ]; then
        continue
    fi
    [ "$(stat -c %s "$file")" = "$(wc -c <"$file")" ] || wrong="$wrong $file"
    [ "$(stat -c %s "$file")" = "$(cat "$file" | wc -c)" ] || wrong="$wrong $file"
done
check_equal "sizes are right" "" "$wrong"
check "find and cat end" timeout 60 find "$view" -type f -exec cat {} +
check "cp -r" timeout 60 cp -r "$view/labels" "$work/copy"
check "diff -r" timeout 60 diff -r --exclude=created_by "$view/labels" "$work/copy"
check_equal "a file has one inode number by any path" "$(stat -c %i "$view/labels/mac/1/name")" \
    "$(stat -c %i "$view/labels/mac/latest/name")"
jq -nc '[range(2500) | {label: "huge"}]' >"$work/batch"
api POST application/ "@$work/batch" >"$work/answer"
api POST application/ "@$work/batch" >"$work/answer"
check_equal "a directory of 5,000" 5005 "$(applications | tr ' ' '\n' | grep -c '^[0-9]')"
check_equal "each of them once" 5005 "$(applications | tr ' ' '\n' | grep '^[0-9]' | sort -u | wc -l)"

# ---- events -------------------------------------------------------------------------------------------------

# Reads to the end, then reads again: at once, or after poll().
cat >"$work/reader.pl" <<'X'
use Fcntl;
$| = 1;
sysopen(my $fd, $ARGV[0], O_RDONLY) or die "open: $!";
while (($got = sysread($fd, $data, 65536)) > 0) {}
print "end\n";
sub ready { my $set = ""; vec($set, fileno($fd), 1) = 1; return select($set, undef, undef, $_[0]); }
if ($ARGV[1] eq "poll") {
    print "early\n" if ready(0.1);
    print "waits\n";
    print "ready\n" if ready(20);
}
$got = sysread($fd, $data, 65536);
print defined $got ? "data $data" : "error $!\n";
X
check_equal "a read at the end does not wait" "end data " \
    "$(LC_ALL=C timeout 20 perl "$work/reader.pl" "$view/events" again | tr '\n' ' ')"
# A loop of reads ends although events come all the time.
start busy sh -c "while :; do echo huge >'$new'; done"
# shellcheck disable=SC2016
check "Python reads to the end" timeout 20 python3 -c 'import sys; data = open(sys.argv[1], "rb").read(); sys.exit(data[-1:] != b"\n")' \
    "$view/events"
check "so does a loop of single reads" timeout 20 python3 -c 'import os, sys
fd = os.open(sys.argv[1], os.O_RDONLY)
while os.read(fd, 4096): pass' "$view/events"
check "and shutil" timeout 20 python3 -c 'import shutil, sys; shutil.copyfileobj(open(sys.argv[1], "rb"), open(sys.argv[2], "wb"))' \
    "$view/events" "$work/events"
stop busy
start tail tail -n 0 -f "$view/events"
start poller perl "$work/reader.pl" "$view/events" poll
wait_for 10 grep -q waits "$work/poller.log"
wait_for 10 has_read_in tail "$view/events"
sleep 0.5
written huge "$new"
check "poll wakes up" wait_for 10 grep -q 'data .*application_created' "$work/poller.log"
check "when there is something to read" grep -q ready "$work/poller.log"
check_fails "and not before" grep -q early "$work/poller.log"
check "tail -f shows it" wait_for 10 grep -q application_created "$work/tail.log"

# ---- other users --------------------------------------------------------------------------------------------

check_match "a caller that is not a user sees nothing" "*not permitted*" "$(as_user 'cat labels/mac/1/name')"
check_match "and errors/last says why" "*not a user of this cluster*" "$(as_user 'cat errors/last')"
check_match "a new user's token is shown once" "$user token=aq_*" \
    "$(exec 3<>"$view/users/new" && echo "name=$user" >&3 && tr '\n' ' ' <&3)"
check_match "to have a user's name is not enough" "*not permitted*" "$(as_user 'cat labels/mac/1/name')"
check "an admin says which unix user it is" written "$(id -u "$user")" "$view/users/$user/uid"
check_fails "no other user has it then" written "name=other uid=$(id -u "$user")" "$view/users/new"
check_match "and errors/last says whose it is" "uid * is that of user $user already" "$(head -n 1 "$view/errors/last")"
check_equal "a user sees no one else's applications" "new " "$(as_user 'ls applications' | tr '\n' ' ')"
check_equal "nor users" "$user new " "$(as_user 'ls users' | tr '\n' ' ')"
check_match "nor rows by their names" "*No such file*" "$(as_user 'cat applications/1/status')"
check_match "nor events" "*denied*" "$(as_user 'cat events')"
check_equal "but may create an application" "" "$(as_user 'echo mac >applications/new')"
own=$(as_user 'readlink applications/last')
check_equal "which belongs to the user" "$user" "$(basename "$(readlink "$view/applications/$own/user")")"
check_equal "and to the unix user" "$user 500" "$(stat -c '%U %a' "$view/applications/$own")"
check_match "commands of admins are refused" "*denied*" "$(as_user 'echo name=eve >users/new')"
check_equal "the user may deallocate it" "" "$(as_user "echo 1 >applications/$own/deallocate")"
as_user 'echo label=nope >applications/new' >"$work/answer"
check_equal "errors/last is each user's own" "there is no label nope" "$(as_user 'head -n 1 errors/last')"
written foo=1 "$new" 2>"$work/answer"
check_equal "and stays" "there is no label nope" "$(as_user 'head -n 1 errors/last')"

# An admin that is not root reads events as long as it is one.
api POST "user/$user" '{"role": "admin", "max_applications": 0}' >"$work/answer"
start reader setpriv --reuid "$user" --regid "$user" --clear-groups tail -n 0 -f "$view/events"
check "an admin follows events" wait_for 10 has_read_in reader "$view/events"
api POST "user/$user" '{"role": "user", "max_applications": 0}' >"$work/answer"
written mac "$new"
check "a user who is no admin any more reads no more of them" wait_for 10 grep -qi 'error reading.*not permitted' "$work/reader.log"
check_fails "and sees none of what comes then" grep -q application_created "$work/reader.log"
stop reader

# ---- without a controller -----------------------------------------------------------------------------------

settled() {
    seq=$(cat "$view/cluster/seq")
    sleep 0.5
    file_is "$seq" "$view/cluster/seq"
}
wait_for 20 settled # what was deallocated has ended
kill_hard controller
check_equal "reads work" "$seq mac" "$(cat "$view/cluster/seq") $(cat "$view/applications/1/label")"
check "there is no leader" wait_for 10 file_is none "$view/cluster/leader"
refused "writes fail" "Read-only file system" "no controller is running*" "$new" mac
controller_start
check "and work when it is back" wait_for 20 written huge "$new"
check "so do events" wait_for 10 sh -c "[ \"\$(tail -n 1 '$view/events' | jq .seq)\" = \"\$(cat '$view/cluster/seq')\" ]"

process_signal "$work/controller.pid" STOP
echo mac >"$work/mac"
start writer dd if="$work/mac" of="$new" status=none
waits_in_write() {
    has_read_in writer "$work/mac" && grep -q '^State:.*S' "/proc/$(pid_of writer)/status"
}
check "a write waits for the controller" wait_for 10 waits_in_write
check_equal "a controller that hangs does not stop reads" mac "$(timeout 5 cat "$view/applications/1/label")"
process_signal "$work/writer.pid" TERM
check "a write that waits can be interrupted" process_wait_gone "$work/writer.pid" 10
check_match "and errors/last says what that means" "*may still be carried out" "$(last_error)"
process_signal "$work/controller.pid" CONT
check "then writes work again" wait_for 20 written huge "$new"

# ---- restarts of the view -----------------------------------------------------------------------------------

check_match "a second view at the same place is refused" "*another file system is mounted there*" \
    "$("$BUILD/aq-fs" --config /dev/null --data "$data" --mount "$mount" 2>&1)"
kill_hard fs
check_fails "a dead view returns errors" ls "$view/applications"
fs_start
check_equal "and is replaced" mac "$(cat "$view/applications/1/label")"
check "writes work" wait_for 10 written huge "$new"
stop fs
check_fails "on SIGTERM it unmounts" mountpoint_is "$mount"
start early "$BUILD/aq-fs" --config /dev/null --data "$work/nothing" --mount "$mount"
check "a view without a controller waits for it" wait_for 10 grep -q "waiting for the controller" "$work/early.log"
process_signal "$work/early.pid" TERM
check "until SIGTERM" process_wait_gone "$work/early.pid" 5
finish
