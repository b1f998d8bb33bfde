# Where `make up` and `make down` keep things on this machine. Sourced from the root of the tree. AQUARIUM_ROOT puts all of
# it below another directory, with ports and names of its own, so that tests can use the scripts beside a running cluster.
. tools/processes.sh
. tools/workloads.sh

root=${AQUARIUM_ROOT-}
build=${BUILD:-build/release}
state=$root/var/lib/aquarium
run=$root/run/aquarium
logs=$root/var/log/aquarium
mount=$root/aquarium
nodes=${AQUARIUM_NODES:-node-1 node-2}
command_link=$root/usr/local/bin/aq
api_port=${AQUARIUM_API_PORT:-8001} # 0: any free one
hub_port=${AQUARIUM_HUB_PORT:-8002}
tls_address=${AQUARIUM_TLS_ADDRESS-} # where other hosts reach REST; none: as /etc/aquarium/controller.yml says
api_socket=$state/controller/run/api.sock

say() {
    echo "$*"
}

fail() {
    echo "aquarium: $*" >&2
    exit 1
}

# Allows one `make up` or `make down` at a time.
machine_lock() {
    [ "$(id -u)" = 0 ] || fail "this needs root: it mounts $mount and makes control groups"
    mkdir -p "$run" "$logs"
    chmod 700 "$logs" # what programs say is for root; that of earlier builds had admin's token in it
    exec 9>"$run/lock"
    flock -w 120 9 || fail "another make up or make down has been running for two minutes: see which process holds $run/lock"
}

# Sets the controller's addresses. Fails until the controller listens.
machine_read_ports() {
    [ -S "$api_socket" ] && [ -s "$state/controller/run/hub.port" ] || return 1
    hub=127.0.0.1:$(cat "$state/controller/run/hub.port")
    AQ_SERVER=unix:$api_socket
    export AQ_SERVER
    unset AQ_CONTEXT AQ_USER AQ_TOKEN AQ_TOKEN_FILE
}

pid_file() { # NAME
    echo "$run/$1.pid"
}

# Unmounts the file view, even if no process serves it.
machine_unmount() {
    local tries=60
    while mountpoint_is "$mount"; do
        [ "$tries" -gt 0 ] || return 1
        # A process may be using the mount: after a while, detach it, so that it goes away when that process is done.
        fusermount3 -u "$mount" 2>/dev/null || { [ "$tries" -lt 40 ] && fusermount3 -uz "$mount" 2>/dev/null; } ||
            sleep 0.05
        tries=$((tries - 1))
    done
}
