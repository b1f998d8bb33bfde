#!/bin/sh
# From a request to a container that runs, and 200 containers at once, against what the OCI runtime alone takes for the
# same container (create and start), in turns. The image is there already.
. "$(dirname "$0")/../e2e/lib.sh"

images=$work/images
born=$work/born
tools/busybox.sh "$images/local/busybox" || die "no image can be made"
controller_start --set journal=warn
agent_start "$(agent_name 1)" --set capacity.slots=2000 --set container.images="$images" --set allow.directories="$born"
wait_for 20 nodes_are_active 1 || die "the agent does not join"
fs_start
mkdir -m 777 "$born"
label_create bench container '{"image": "oci:busybox:1", "network": "none", "mounts": ["'"$born"':/born:rw"], "stop_grace": 0,
    "command": ": > /born/$AQUARIUM_RESOURCE; exec sleep 1000"}' '{"slots": 1}'
first=$(aq run bench -q)
directory=$work/agent/$(agent_name 1)/workloads/$(api_field .data.resource "application/$first")/driver
mkdir "$work/bundle" "$work/runtime"
jq '.process.args = ["sleep", "1000"]' "$directory/bundle/config.json" >"$work/bundle/config.json"
rm -f "$born"/*
unified=$(awk '$3 == "cgroup2" { print $2 }' /proc/mounts | head -n 1)
[ -d /sys/fs/cgroup/memory ] || unified=""
export BENCH_CREATE="AQ_SERVER=unix:$data/run/api.sock $BUILD/aq applications create bench --count=%d >/dev/null"
# The runtime finds the image's files, as those of the container's users, where the configuration says that the root is.
users=$(jq '.linux.uidMappings[0].hostID' "$work/bundle/config.json")
cp -a "$(echo "$images"/sha256-*/rootfs)" "$work/root" && chown -R "$users:$users" "$work/root"
unshare --mount sh -c '
    [ -z "$1" ] || umount "$1"
    mount --bind "$2" /run/aquarium/containers/root || exit 1
    shift 2
    exec "$@"' sh "$unified" "$work/root" \
    "$BUILD/bench/container" "$mount/applications/new" "$born" "$work/bundle" "$work/runtime" ||
    die "it could not be measured"
finish
