#!/bin/sh
# Pages of LMDB's files are damaged, at rest and in use, and a machine crash may have damaged the tables. The damage is
# named with its place, the tables are rebuilt, the log is refused, and no process crashes again and again.
. "$(dirname "$0")/lib.sh"

cluster_start 1
label_create quick test '{}'
fs_start
for i in 1 2 3; do
    id=$(application_create quick)
    wait_for 20 application_is ALLOCATED "$id"
done
all_of() {
    for entity in application label resource user; do
        api GET "$entity/" | jq -S '[.data[] | del(.live)]'
    done
}
before=$(all_of)

gone() { # NAME
    not running "$1"
}

# Starts the file view where it has to wait.
fs_begin() {
    start fs "$BUILD/aq-fs" --config /dev/null --data "$data" --mount "$mount"
}
fs_says() { # PATTERN: once since the last start
    [ "$(grep -c "$1" "$work/fs.log")" = 1 ]
}

# ---- the tables, in use -------------------------------------------------------------------------------------------

truncate -s 8192 "$data/state/current/data.mdb"
api GET application/ >"$work/answer"
check "without its pages, the controller ends" wait_for 10 gone controller
check "with the place" grep -q "^aq-controller: exiting: $data/state/g[0-9]*/data.mdb is damaged: page [0-9]*, byte [0-9]*: the disk returned no data" "$work/controller.log"
cat "$mount/applications/1/status" >"$work/answer" 2>&1
check "so does the file view" wait_for 10 gone fs
check "with the place" grep -q "^aq-fs: exiting: $data/state/g[0-9]*/data.mdb is damaged: page [0-9]*, byte [0-9]*" "$work/fs.log"
fs_begin
check "another one waits" wait_for 10 fs_says 'waiting for the controller.*data.mdb is damaged: a process crashed on it (page [0-9]*, byte'
controller_start
check "the next start rebuilds the tables" grep -q 'rebuilding the tables from the log because=.*is damaged: a process crashed on it' "$work/controller.log"
check_equal "as they were" "$before" "$(all_of)"
check "then the file view works again" wait_for 20 file_is ALLOCATED "$mount/applications/1/status"

# ---- at rest ------------------------------------------------------------------------------------------------------

# Flips one bit in the head of each page, but for the first two, which say where the others are.
turn_heads() { # FILE
    # shellcheck disable=SC2016 # that is perl
    perl -e 'open(my $file, "+<", $ARGV[0]) or die;
        for (my $at = 8192 + 10; $at < -s $file; $at += 4096) {
            my $byte;
            sysseek($file, $at, 0) && sysread($file, $byte, 1) && sysseek($file, $at, 0) or die;
            syswrite($file, chr(ord($byte) ^ 16)) or die;
        }' "$1"
}
refused() { # ARGUMENTS
    timeout 20 "$BUILD/aq-controller" --config /dev/null --set data="$data" --set api.port=0 --set hub.port=0 "$@" 2>&1
    echo "status $?"
}

stop fs
stop controller
turn_heads "$data/state/current/data.mdb"
controller_start
check "damaged tables are rebuilt" grep -q 'rebuilding the tables from the log because=.*data.mdb is damaged: page [0-9]*, byte [0-9]*' "$work/controller.log"
check_equal "as they were" "$before" "$(all_of)"
kill_hard controller
turn_heads "$data/live/data.mdb"
controller_start
check "so are damaged heartbeats" wait_for 20 nodes_are_active 1
stop controller
turn_heads "$data/log/data.mdb"
place="$data/log/data.mdb is damaged: page [0-9]*, byte [0-9]*: *"
check_match "a damaged log is refused with the place" "*cannot start*$place*status 1" "$(refused)"
check_match "as --check does" "*$place*status 1" "$(refused --check)"
turn_heads "$data/log/data.mdb"
controller_start
check_equal "and once it is as it was, all is" "$before" "$(all_of)"

# ---- the log, in use ----------------------------------------------------------------------------------------------

turn_heads "$data/log/data.mdb"
check_match "aq log verify names the page" "*$place*" "$(aq log verify 2>&1)"
check "and nobody ends of it" running controller
turn_heads "$data/log/data.mdb"
check_match "as it was, it is whole" '*equal*' "$(aq log verify 2>&1)"

# ---- the machine's end --------------------------------------------------------------------------------------------

kill_hard controller
echo another-start >"$data/state/current/boot"
echo another-start >"$data/live/boot"
fs_begin
check "after the machine's end, the file view waits" wait_for 10 fs_says 'waiting for the controller.*data.mdb may be damaged: the machine stopped'
check_fails "and serves nothing" test -e "$mount/README"
controller_start
check "until the controller has rebuilt the tables" wait_for 20 file_is ALLOCATED "$mount/applications/1/status"
finish
