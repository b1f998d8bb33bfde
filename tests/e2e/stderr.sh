#!/bin/sh
# Standard error that nobody reads, and standard descriptors that are closed: neither stops or harms a daemon.
. "$(dirname "$0")/lib.sh"

# A pipe that is full, with a reader that does not read. Descriptor 9 keeps it open, here alone.
mkfifo "$work/full"
exec 9<>"$work/full"
timeout 2 dd if=/dev/zero of="$work/full" bs=4096 status=none 9<&-

# Runs "$@" with the full pipe as its standard error.
cat >"$work/unread" <<X
#!/bin/sh
exec 2>"$work/full" 9<&-
exec "\$@"
X
# Runs "$@" without any standard descriptor.
cat >"$work/closed" <<X
#!/bin/sh
exec 9<&-
exec "\$@" <&- >&- 2>&-
X
chmod +x "$work/unread" "$work/closed"

# The daemons are started as lib.sh does, but under $wrapper.
wrapper=""
start() { # NAME PROGRAM ARGUMENTS...
    local name=$1
    shift
    process_start "$work/$name.pid" "$work/$name.log" "$wrapper" "$@"
}

standard_files() { # NAME
    local pid
    pid=$(pid_of "$1")
    echo "$(readlink "/proc/$pid/fd/0") $(readlink "/proc/$pid/fd/1") $(readlink "/proc/$pid/fd/2")"
}

dropped() {
    curl -sf -m 5 "http://127.0.0.1:$api_port/metrics" | sed -n 's/^aquarium_journal_dropped_total //p'
}

# ---- nobody reads it ---------------------------------------------------------------------------------------

wrapper=$work/unread
cluster_start 1 --set journal=debug
fs_start
label_create quick test '{}'
id=$(application_create quick)
check "work goes on" wait_for 20 application_is ALLOCATED "$id"
check "messages are counted" test "$(dropped)" -gt 0
flags=$(sed -n 's/^flags:[[:space:]]*//p' "/proc/$(pid_of controller)/fdinfo/2")
check_equal "the flags of the shared pipe are as they were" 0 $((0$flags & 04000)) # O_NONBLOCK
timeout 2 dd if="$work/full" of="$work/read" bs=1M count=1 iflag=nonblock status=none
for path in 1 2 3; do
    api GET "boat/$path" >"$work/answer"
    api POST "application/$id/deallocate" >"$work/answer"
done
kill -TERM "$(pid_of controller)"
check "SIGTERM ends the controller" process_wait_gone "$work/controller.pid" 20
timeout 2 dd if="$work/full" of="$work/read" bs=1M count=1 iflag=nonblock status=none
check "it tells how many were dropped" grep -aq "messages were dropped: standard error took no more count=" "$work/read"
kill -TERM "$(pid_of "$(agent_name 1)")"
check "and the agent" process_wait_gone "$work/$(agent_name 1).pid" 20
kill -TERM "$(pid_of fs)"
check "and the file view" process_wait_gone "$work/fs.pid" 20
rm -f "$work"/*.pid

# ---- all are closed ----------------------------------------------------------------------------------------

wrapper=$work/closed
cluster_start 1
fs_start
for name in controller "$(agent_name 1)" fs; do
    check_equal "$name: they are /dev/null" "/dev/null /dev/null /dev/null" "$(standard_files "$name")"
done
id=$(application_create quick)
check "work goes on" wait_for 20 application_is ALLOCATED "$id"
check_match "the log is intact" '*equal*' "$(aq log verify)"
stop controller
controller_start
check "and opens again" controller_is_ready

finish
