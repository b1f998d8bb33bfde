#!/bin/sh
# `make down`: stops exactly what `make up` started, by pid and start time, and ends the workloads. Leaves no mount, process
# or control group. Keeps the state for the next `make up`.
set -eu
cd "$(dirname "$0")/.."
. tools/machine.sh

stopped=""
left=""

stop() { # NAME
    local file
    file=$(pid_file "$1")
    process_runs "$file" && stopped="$stopped $1"
    process_stop "$file" 20 || left="$left $1"
}

machine_lock
# The file view first: it reads the controller's tables. Then the agents, so that they start nothing again.
stop fs
machine_unmount || left="$left $mount"
for node in $nodes; do
    stop "$node"
done
for node in $nodes; do
    workloads_end "$node" "$state/agent/$node" || left="$left workloads-of-$node"
done
stop controller

rmdir "$mount" 2>/dev/null || true
[ "$(readlink "$command_link" 2>/dev/null)" = "$PWD/$build/aq" ] && rm -f "$command_link"
rm -f "$run/ready"

[ -z "$left" ] || fail "could not be stopped:$left"
if [ -n "$stopped" ]; then
    say "Stopped:$stopped. State is kept in $state."
else
    say "Nothing was running."
fi
