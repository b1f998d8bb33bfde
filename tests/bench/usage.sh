#!/bin/sh
# What it costs an agent with 200 workloads to measure what they use: its processor time when nothing changes, without
# (usage.interval 0) and with it, in the same run.
. "$(dirname "$0")/lib.sh"

seconds=${USAGE_SECONDS:-15}
cluster_start 0 --set journal=warn
agent=$(agent_name 1)
printf 'usage:\n  interval: 0\n' >"$work/agent.yml"
agent_start "$agent" --config "$work/agent.yml" --set capacity.ram=16GiB --set capacity.slots=250
wait_for 20 nodes_are_active 1 || die "the agent does not join"
label_create sleeper process '{"command": ["sleep", "1000"], "stop_grace": 0}' '{"slots": 1}'
i=0
while [ "$i" -lt 200 ]; do
    application_create sleeper >"$work/id"
    i=$((i + 1))
done
wait_for 60 application_is ALLOCATED "$(cat "$work/id")" || die "the workloads do not start"
sleep 2

busy() { # the agent's processor time in these seconds, in percent of a core
    local before
    before=$(awk '{ print $1 }' "/proc/$(pid_of "$agent")/schedstat")
    sleep "$seconds"
    awk -v before="$before" -v s="$seconds" '{ print ($1 - before) / s / 1e7 }' "/proc/$(pid_of "$agent")/schedstat"
}
without=$(busy)
printf 'usage:\n  interval: 5s\n' >"$work/agent.yml"
process_signal "$work/$agent.pid" HUP
known() {
    [ "$(api GET 'resource/?limit=1000' | jq '[.data[] | select(.live.cpu != null)] | length')" = 200 ]
}
wait_for 30 known || die "what the workloads use is not known"
with=$(busy)
awk -v with="$with" -v without="$without" 'BEGIN {
    printf "RESULT\tan agent with 200 workloads at rest, their use measured each 5 s; beside it: not measured\t%.2f %% of a core\t%.2f %%\t%.1f\tat most 1 %%\t%s\n",
        with, without, (without > 0 ? with / without : 0), (with <= 1 ? "ok" : "missed")
}'
finish
