#!/bin/sh
# How much memory each process holds when a small cluster rests: what is its own, file pages not counted.
. "$(dirname "$0")/lib.sh"

cluster_start 1 --set journal=warn
fs_start
label_create bench test '{}'
i=0
while [ "$i" -lt 20 ]; do
    application_create bench >"$work/id"
    i=$((i + 1))
done
wait_for 20 application_is ALLOCATED "$(cat "$work/id")" || die "the applications do not get ready"
find "$mount" -type f -not -path '*/events' -exec cat {} + >"$work/all" 2>/dev/null
sleep 3

figure_at_most "memory of the controller, idle" "$(anonymous_mib controller)" MiB 32
figure_at_most "memory of an agent, idle, 20 workloads of the driver test" "$(anonymous_mib "$(agent_name 1)")" MiB 6
figure_at_most "memory of aq-fs, after all was read once" "$(anonymous_mib fs)" MiB 8
finish
