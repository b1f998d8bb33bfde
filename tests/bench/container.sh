#!/bin/sh
# From a request to a container that runs, and 200 containers at once, against what the OCI runtime alone takes for the
# same container (create and start), in turns. The image is there already. BENCH_RUNTIME: crun or runc.
. "$(dirname "$0")/lib.sh"

images=$work/images
born=$work/born
BENCH_RUNTIME=${BENCH_RUNTIME:-$(command -v crun >/dev/null && echo crun || echo runc)}
tools/busybox.sh "$images/local/busybox" || die "no image can be made"
controller_start --set journal=warn
agent_start "$(agent_name 1)" --set capacity.slots=250 --set container.images="$images" --set allow.directories="$born" \
    --set container.runtime="$BENCH_RUNTIME"
wait_for 20 nodes_are_active 1 || die "the agent does not join"
fs_start
mkdir -m 755 "$born" && mkfifo "$born/pipe" && chmod 666 "$born/pipe"
label_create bench container '{"image": "oci:busybox:1", "network": "none", "mounts": ["'"$born"':/born:rw"], "stop_grace": 0,
    "command": "echo up >/born/pipe; exec sleep 1000"}' '{"slots": 1}'
exec 3<>"$born/pipe"
first=$(aq run bench -q)
directory=$work/agent/$(agent_name 1)/workloads/$(api_field .data.resource "application/$first")/driver
mkdir "$work/bundle" "$work/runtime"
# As any tool would write it: with the rules of the filter, and namespaces that the runtime makes. Each has its own group.
jq 'del(.linux.cgroupsPath) | del(.linux.namespaces[].path) | del(.annotations)' "$directory/bundle/config.json" \
    >"$work/bundle/config.json"
read -r _ <&3
AQ_SERVER=unix:$data/run/api.sock
BENCH_CREATE="$BUILD/aq applications create bench --count=%d >/dev/null"
BENCH_REMOVE="$BUILD/aq applications deallocate \$($BUILD/aq applications -q) --wait >/dev/null"
export AQ_SERVER BENCH_CREATE BENCH_REMOVE BENCH_RUNTIME
sh -c "$BENCH_REMOVE" || die "a container does not end"
# The runtime finds the image's files, as those of the container's users, where the configuration says that the root is,
# and no control groups of version 2, as the agent has it.
users=$(jq '.linux.uidMappings[0].hostID' "$work/bundle/config.json")
cp -a "$(echo "$images"/sha256-*/rootfs)" "$work/root" && chown -R "$users:$users" "$work/root" && mkdir "$work/root/born"
unified=$(awk '$3 == "cgroup2" { print $2 }' /proc/mounts | head -n 1)
[ -d /sys/fs/cgroup/memory ] || unified=""
unshare --mount sh -c '
    [ -z "$1" ] || umount "$1"
    mount --bind "$2" /run/aquarium/containers/root && mount --bind "$3" /run/aquarium/containers/root/born || exit 1
    shift 3
    exec "$@"' sh "$unified" "$work/root" "$born" \
    "$BUILD/bench/container" "$mount/applications/new" "$born/pipe" "$work/bundle" "$work/runtime" ||
    die "it could not be measured"

allocated() {
    api GET 'application/?status=ALLOCATED&limit=1000' | jq '.data | length'
}
wait_for 60 prints 200 allocated || die "200 containers do not run"
sleep 1
family "$(pid_of "$(agent_name 1)")" >"$work/family"
figure_at_most "memory of an agent with 200 containers, keepers included" "$(pss_mib "$work/family")" MiB 24
sh -c "$BENCH_REMOVE"
finish
