#!/bin/sh
# From `echo label= > new` to a process that runs: the workload's first act is to write the time, and the time before the
# write is known. The disk's own sync is measured in the same run.
. "$(dirname "$0")/lib.sh"

runs=${LAUNCH_RUNS:-200}
cluster_start 1 --set journal=warn
fs_start
mkdir -p "$work/born"
label_create bench process "{\"command\": [\"$(realpath "$BUILD/bench/plain_born")\", \"$work/born\"]}"
"$BUILD/bench/launch" "$mount/applications/new" "$work/born" "$work" "$runs" || die "launching failed"
finish
