#!/bin/sh
# Aquarium beside Docker's swarm: 200 containers asked for at once on one node, of the same image and with the same
# program, each on a bridge of the node, until all of them run: each writes a line into a pipe. Docker has its presets
# (runc, overlay2), a swarm of one node, and one service with 200 replicas. Aquarium has runc, and crun where that is
# installed. Both have network namespaces of their own, so that nothing is left on the host.

# lib.sh finds the tree from the name that the script has, which must be two folders deep.
case $0 in
*/peers/*) exec unshare --net sh -c '. "$1"' "${0%/peers/*}/swarm.sh" "$0" ;;
esac
. "$(dirname "$0")/../e2e/lib.sh"
. tests/bench/peers/figures.sh
ip link set lo up

rounds=${PEERS_ROUNDS:-3}
many=200
patience=120
born=$work/born
images=$work/images
export DOCKER_HOST="unix://$work/docker.sock"
new_groups="" # control groups that dockerd makes and leaves
for hierarchy in /sys/fs/cgroup /sys/fs/cgroup/*/; do
    [ -e "$hierarchy/docker" ] || new_groups="$new_groups $hierarchy/docker"
done

# Whatever state it is in: its containers end with it, and so do their mounts, with its mount namespace.
stop_all() {
    trap '' INT TERM HUP
    running dockerd || return
    timeout 60 docker service rm bench >/dev/null 2>&1
    wait_for 60 no_containers
    stop dockerd
    # shellcheck disable=SC2086 # words
    [ -z "$new_groups" ] || rmdir $new_groups 2>/dev/null
}
trap 'status=$?; stop_all; (exit $status); e2e_cleanup' EXIT

# ---- Docker -----------------------------------------------------------------------------------------------

# /sys shows the devices of the network namespace in which it was mounted; the control groups below it are kept.
swarm_start() {
    mkdir "$work/groups"
    start dockerd unshare --net --mount --propagation private sh -c '
        ip link set lo up &&
            mount --rbind /sys/fs/cgroup "$1/groups" && mount -t sysfs sysfs /sys &&
            mount --rbind "$1/groups" /sys/fs/cgroup && umount -l "$1/groups" || exit
        exec dockerd --data-root "$1/docker" --exec-root "$1/docker-run" --pidfile "$1/docker-pid" --host "unix://$1/docker.sock"' \
        sh "$work"
    wait_for 30 docker info || die "dockerd does not get ready"
    tar -C "$(echo "$images"/sha256-*/rootfs)" -c . | docker import - bench >/dev/null || die "docker has no image"
    docker swarm init --advertise-addr 127.0.0.1 --listen-addr 127.0.0.1:2377 >/dev/null || die "there is no swarm"
}

no_containers() {
    [ -z "$(docker ps -q)" ]
}

swarm_many() {
    local begun
    begun=$(now)
    docker service create --quiet --detach --no-resolve-image --name bench --replicas "$1" --stop-grace-period 1ms \
        --mount "type=bind,source=$born,target=/born" bench sh -c 'echo up >/born/pipe; exec sleep 1000' >/dev/null ||
        die "docker makes no service"
    await_born "$1"
    [ "$1" = 1 ] || note_figure swarm theirs "$1" "$begun" "$(now)"
    docker service rm bench >/dev/null && wait_for 120 no_containers || die "docker's containers do not end"
}

# ---- Aquarium ---------------------------------------------------------------------------------------------

aquarium_start() {
    local runtime number=1
    tools/busybox.sh "$images/local/busybox" || die "no image can be made"
    controller_start --set journal=warn
    for runtime in $runtimes; do
        agent_start "$(agent_name "$number")" --set journal=warn --set capacity.slots=$((many + 1)) \
            --set container.images="$images" --set allow.directories="$born" --set container.runtime="$runtime" \
            --set identifiers="runtime:$runtime"
        label_create "$runtime" container '{"image": "oci:busybox:1", "mounts": ["'"$born"':/born:rw"], "stop_grace": 0,
            "command": "echo up >/born/pipe; exec sleep 1000"}' "{\"slots\": 1, \"node_filter\": [\"runtime:$runtime\"]}"
        number=$((number + 1))
    done
    # shellcheck disable=SC2086 # words
    wait_for 20 nodes_are_active "$(echo $runtimes | wc -w)" || die "the agents do not join"
}

aquarium_many() { # RUNTIME COUNT
    local begun
    begun=$(now)
    aq applications create "$1" --count="$2" >/dev/null || die "aq failed"
    await_born "$2"
    [ "$2" = 1 ] || note_figure "$1" ours "$2" "$begun" "$(now)"
    # shellcheck disable=SC2046 # words
    aq applications deallocate $(aq applications -q) --wait >/dev/null || die "containers do not end"
}

# ---- all of it --------------------------------------------------------------------------------------------

await_born() { # COUNT
    timeout "$patience" head -n "$1" <&3 >"$work/lines" || die "of $1 containers only $(wc -l <"$work/lines") run"
}

runtimes=runc
command -v crun >/dev/null && runtimes="crun runc"
mkdir -m 755 "$born" && mkfifo "$born/pipe" && chmod 666 "$born/pipe"
exec 3<>"$born/pipe"
aquarium_start
for runtime in $runtimes; do
    aquarium_many "$runtime" 1 # the image is there
done
swarm_start
swarm_many 1
round=1
while [ "$round" -le "$rounds" ]; do
    swarm_many "$many"
    for runtime in $runtimes; do
        sleep 1
        aquarium_many "$runtime" "$many"
    done
    sleep 1
    round=$((round + 1))
done
for runtime in $runtimes; do
    [ "$runtime" = crun ] && least=8 || least=4
    result "$many containers on one node, asked for at once: Docker's swarm; Aquarium with $runtime" "$runtime" swarm "$least"
done
finish
