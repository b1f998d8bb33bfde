#!/bin/sh
# The file view, as docs/files.md describes it.
. "$(dirname "$0")/lib.sh"

cluster_start 1
label_create quick test '{}'
label_create talks process '{"command": "echo hello; exec sleep 1000"}'
fs_start
view=$mount
last=$view/applications/last

# ---- writing ----------------------------------------------------------------------------------------------

check "one word" sh -c "echo quick >'$view/applications/new'"
echo "label=quick version=1 metadata='{\"a\":1}'" >"$work/line"
check "field=value, quoted as in a shell" sh -c "cat '$work/line' >'$view/applications/new'"
check_equal "is as written" '{"a":1}' "$(cat "$last/metadata")"
check "a dot names a member of a document" sh -c "echo 'label=quick metadata.b=2' >'$view/applications/new'"
check_match "which is set" '*"b":*2*' "$(cat "$last/metadata")"
check "YAML" sh -c "printf 'label: quick\nmetadata:\n  c: [1, 2]\n' >'$work/a.yml' && cat '$work/a.yml' >'$view/applications/new'"
check_equal "with its contents" '{"c":[1,2]}' "$(cat "$last/metadata")"
check "JSON, by cp" sh -c "echo '{\"label\": \"quick\"}' >'$work/a.json' && cp '$work/a.json' '$view/applications/new'"
check "by tee" sh -c "echo quick | tee '$view/applications/new'"
check "by dd" sh -c "echo quick | dd of='$view/applications/new' status=none"
check_equal "each made one application" 7 "$(api_field '.data | length' application/)"
check_equal "the answer is on the descriptor that wrote" 8 \
    "$(exec 3<>"$view/applications/new" && echo quick >&3 && cat <&3)"
check_match "a control file says what it takes" '*label*version*metadata*' "$(cat "$view/applications/new")"
check_fails "a refused write fails" sh -c "echo nosuch >'$view/applications/new'"
check_match "and errors/last says why" '*nosuch*' "$(cat "$view/errors/last")"
check_fails "a field is not a control file" sh -c "echo x >'$last/status'"
check_fails "nothing can be created" touch "$view/applications/mine"
check_fails "or removed" rm -rf "$view/applications/1"
check "an old label's file makes the next version" sh -c "cat '$view/labels/quick/latest/definition.yml' >'$work/l.yml' &&
    cat '$work/l.yml' >'$view/labels/new'"
check_equal "which is the latest" 2 "$(readlink "$view/labels/quick/latest")"
check "maintenance on" sh -c "echo true >'$view/nodes/$(agent_name 1)/maintenance'"
check_equal "is shown" true "$(cat "$view/nodes/$(agent_name 1)/maintenance")"
check "a node in maintenance takes no new work" sh -c "echo quick >'$view/applications/new'; sleep 0.5;
    [ \$(cat '$last/status') = NEW ] && grep -q 'no new work' '$last/why'"
check_fails "it has no resource yet" test -e "$last/resource"
check "maintenance off" sh -c "echo false >'$view/nodes/$(agent_name 1)/maintenance'"
check "and it is allocated" wait_for 20 file_is ALLOCATED "$last/status"
check "name:version" sh -c "echo quick:1 >'$view/applications/new'"
check_equal "is that version" 1 "$(cat "$last/version")"

# ---- reading ----------------------------------------------------------------------------------------------

check "links lead to directories" test -d "$last/resource/node/live"
check_equal "and back" "$(cat "$last/id")" "$(cat "$last/resource/application/id")"
check "sizes are correct" sh -c "[ \$(stat -c %s '$view/README') = \$(wc -c <'$view/README') ]"
check "tar reads all of it" sh -c "tar -C '$view/labels' -cf '$work/labels.tar' quick && tar -xOf '$work/labels.tar' \
    quick/2/definition.yml | grep -q 'driver: test'"
check "find finds everything" sh -c "[ \$(find '$view' -name status | wc -l) -ge 9 ]"
check "everything can be read" sh -c "find '$view' -type f -exec cat {} + >'$work/all'"
echo talks >"$view/applications/new"
check "a workload's output" wait_for 20 grep -qx hello "$last/resource/log"

start tail tail -n 0 -f "$view/events"
wait_for 20 has_read_in tail "$view/events"
echo quick >"$view/applications/new"
id=$(cat "$last/id")
check "tail -f shows events" wait_for 10 grep -q "\"application_created\".*\"id\":$id" "$work/tail.log"
check_equal "events are lines of JSON, in order" "$(seq "$(cat "$view/cluster/seq")" | md5sum)" \
    "$(jq .seq "$view/events" | md5sum)"
check_match "an application has its own" "*application_created*" "$(cat "$last/events")"
check "leader" test "$(cat "$view/cluster/leader")" = controller-1

# ---- permissions ------------------------------------------------------------------------------------------

chmod 755 "$work" "$mount" 2>/dev/null
as_nobody() {
    setpriv --reuid=nobody --regid=nogroup --clear-groups "$@"
}
check_fails "a caller that is not a user of the cluster may not write" as_nobody sh -c "echo quick >'$view/applications/new'"
check "but errors/last says why" sh -c ". tools/processes.sh; setpriv --reuid=nobody --regid=nogroup --clear-groups cat '$view/errors/last' | grep -q 'uid 65534 is not a user'"
echo name=nobody >"$view/users/new"
check_fails "nor may one that is called as a user is" as_nobody sh -c "echo quick >'$view/applications/new'"
id -u nobody >"$view/users/nobody/uid"
check "a user of the cluster may" as_nobody sh -c "echo quick >'$view/applications/new'"
check_equal "and owns it" nobody "$(as_nobody sh -c "stat -c %U '$view/applications/last/'")"
check_fails "applications of others are hidden" as_nobody cat "$view/applications/1/metadata"
check_fails "and cannot be deallocated" as_nobody sh -c "echo 1 >'$view/applications/1/deallocate'"
check_fails "a user may not create users" as_nobody sh -c "echo name=eve >'$view/users/new'"
check "a user may deallocate its own" as_nobody sh -c "echo 1 >'$view/applications/last/deallocate'"

# ---- without a controller ---------------------------------------------------------------------------------

kill_hard controller
check "reads work" test "$(cat "$view/applications/1/label")" = quick
check "writes fail with EROFS" sh -c "LC_ALL=C sh -c \"echo quick >'$view/applications/new'\" 2>&1 | grep -qi 'read-only\|I/O error'"
finish
