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

running_sleepers() {
    api GET 'application/?label=sleeper&status=ALLOCATED&limit=1000' | jq '.data | length'
}
sleepers() { # their processes, with the times of their starts
    pgrep -x sleep | while read -r pid; do
        grep -q "/$many/" "/proc/$pid/cgroup" 2>/dev/null && awk '{ print $1, $22 }' "/proc/$pid/stat"
    done
}

many=$(agent_name 2)
agent_start "$many" --set capacity.ram=16GiB --set capacity.slots=250
wait_for 20 nodes_are_active 2 || die "the agent does not join"
label_create sleeper process '{"command": ["sleep", "1000"], "stop_grace": 0}' "{\"node_filter\": [\"name:$many\"], \"slots\": 1}"
id=$(aq applications create sleeper --count=200 -q | tail -n 1)
wait_for 60 application_is ALLOCATED "$id" || die "the workloads do not start"
wait_for 60 prints 200 running_sleepers || die "the workloads do not start"
sleep 2
family "$(pid_of "$many")" >"$work/family"
figure_at_most "memory of an agent with 200 workloads, keepers included" "$(pss_mib "$work/family")" MiB 24

processor_time() { # of the family, in nanoseconds
    while read -r pid; do cat "/proc/$pid/schedstat"; done <"$work/family" | awk '{ sum += $1 } END { printf "%.0f\n", sum }'
}
seconds=10
before=$(processor_time)
sleep "$seconds"
figure_at_most "share of a core that it takes when nothing changes" \
    "$(awk -v before="$before" -v after="$(processor_time)" -v seconds="$seconds" 'BEGIN { print (after - before) / seconds / 1e7 }')" % 1

# Back: a command runs in the workload that was started last. Untouched: they are the same processes.
sleepers >"$work/sleepers"
[ "$(wc -l <"$work/sleepers")" = 200 ] || die "there are $(wc -l <"$work/sleepers") processes"
stop "$many"
begun=$(date +%s.%N)
agent_start "$many" --set capacity.ram=16GiB --set capacity.slots=250
wait_for 20 aq exec "$id" -- true || die "the agent does not come back"
ended=$(date +%s.%N)
sleepers >"$work/sleepers.after"
cmp -s "$work/sleepers" "$work/sleepers.after" || die "a restart of the agent has touched workloads"
[ "$(running_sleepers)" = 200 ] || die "a restart of the agent has ended workloads"
figure_at_most "back after a restart with 200 workloads, none touched" "$(awk -v from="$begun" -v to="$ended" 'BEGIN { print to - from }')" s 1
finish
