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

# An agent with its nursery, and what each workload has besides itself: a keeper, and process 1 of its namespace. Shared
# pages count in part (PSS).
many=$(agent_name 2)
agent_start "$many" --set capacity.ram=16GiB --set capacity.slots=250
wait_for 20 nodes_are_active 2 || die "the agent does not join"
label_create sleeper process '{"command": ["sleep", "1000"], "stop_grace": 0}' "{\"node_filter\": [\"name:$many\"], \"slots\": 1}"
i=0
while [ "$i" -lt 200 ]; do
    application_create sleeper >"$work/id"
    i=$((i + 1))
done
wait_for 60 application_is ALLOCATED "$(cat "$work/id")" || die "the workloads do not start"
sleep 2
family() { # PID: it and its descendants, but for the workloads
    local child
    echo "$1"
    for child in $(cat "/proc/$1/task/$1/children"); do
        case $(cat "/proc/$child/comm") in aq-*) family "$child" ;; esac
    done
}
figure_at_most "memory of an agent with 200 workloads, keepers included" \
    "$(for pid in $(family "$(pid_of "$many")"); do cat "/proc/$pid/smaps_rollup"; done | awk '/^Pss:/ { sum += $2 } END { print sum / 1024 }')" MiB 24
finish
