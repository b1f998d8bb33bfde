#!/bin/sh
# From `echo label= > new` to a process that runs: the workload's first act is to write the time, and the time before the
# write is known. The disk's own sync is measured in the same run. Once as workloads are, shut in, and once not.
. "$(dirname "$0")/lib.sh"

runs=${LAUNCH_RUNS:-200}
cluster_start 0 --set journal=warn
agent_start "$(agent_name 1)" --set capacity.ram=1GiB --set capacity.slots=16 --set allow.unisolated=true \
    --set allow.directories="$work"
wait_for 20 nodes_are_active 1 || die "the agent does not join"
fs_start
mkdir -m 777 "$work/born" # each workload has a user of its own
cp "$BUILD/bench/plain_born" "$work/"
label_create bench process "{\"command\": [\"$work/plain_born\", \"$work/born\"], $see_work}"
label_create open process "{\"command\": [\"$work/plain_born\", \"$work/born\"], \"isolate\": false}"
"$BUILD/bench/launch" "$mount/applications/new" "$work/born" "$work" "$runs" || die "launching failed"
finish
