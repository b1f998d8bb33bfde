#!/bin/sh
# `make up`: starts a cluster on this machine: a controller, two agents, the file view at /aquarium, a few labels.
# Starts only what does not run yet. Needs no systemd. The processes outlive this shell; `make down` stops them.
set -eu
cd "$(dirname "$0")/.."
. tools/machine.sh

started=""
join_file=$run/join-token
TRIES=3 # to start a process again that someone else ends meanwhile

# Starts PROGRAM of the build with ARGUMENTS..., unless the process NAME runs already.
ensure() { # NAME PROGRAM ARGUMENTS...
    local name=$1 program=$2
    shift 2
    process_runs "$(pid_file "$name")" && return 0
    process_start "$(pid_file "$name")" "$logs/$name.log" "$PWD/$build/$program" "$@" ||
        fail "$program cannot be started; see $logs/$name.log"
    started="$started $name"
}

give_up() { # NAME WHAT
    tail -n 15 "$logs/$1.log" | sed 's/^/    /' >&2
    fail "$2; the end of $logs/$1.log is above"
}

# wait_until NAME SECONDS WHAT COMMAND...: waits until COMMAND succeeds. After SECONDS, or when the process NAME or the
# controller, having been started here, ends, fails with the text WHAT. Returns 1 when one that ran before ends: it was
# ending all along.
wait_until() {
    local name=$1 tries=$(($2 * 20)) what=$3 process
    shift 3
    until "$@" >/dev/null 2>&1; do
        for process in controller "$name"; do
            process_runs "$(pid_file "$process")" && continue
            case " $started " in
            *" $process "*) give_up "$process" "$what" ;;
            *) return 1 ;;
            esac
        done
        [ "$tries" -gt 0 ] || give_up "$name" "$what"
        tries=$((tries - 1))
        sleep 0.05
    done
}

# The hub's port is read when the controller is ready: before, the file may be that of the one before.
ready() {
    curl -sf -m 5 -o "$run/ready" --unix-socket "$api_socket" http://localhost/readyz && machine_read_ports
}

node_is_active() { # NAME
    "$build/aq" nodes --name="$1" --status=ACTIVE --quiet | grep -q .
}

label_is_there() { # NAME
    "$build/aq" labels --name="$1" --quiet | grep -q .
}

view_is_there() {
    [ -f "$mount/README" ]
}

# ---- the processes ----------------------------------------------------------------------------------------

start_controller() {
    ensure controller aq-controller --set data="$state/controller" --set api.port="$api_port" --set hub.port="$hub_port" \
        ${tls_address:+--set api.tls.address="$tls_address" --set api.tls.port="$api_port"}
    wait_until controller 60 "the controller did not become ready" ready
}

# Has it enrolled, with a key that the cluster takes? Then it needs no token.
node_has_enrolled() { # NODE
    [ -s "$state/agent/$1/node.key" ] && "$build/aq" nodes --name="$1" --revoked=false --quiet | grep -q .
}

# Agents enrol by themselves at their first start. The token is for one node and a few minutes.
make_join_token() { # NODE
    rm -f "$join_file-$1"
    (umask 077 && "$build/aq" nodes token --name="$1" --ttl=5m >"$join_file-$1" 2>"$run/join.log") ||
        fail "no join token was made for $1: $(tail -n 1 "$run/join.log")"
}

# Each agent offers half of the machine. The driver libvirt is in the build where its libraries are.
start_agents() {
    local node half_cpu half_ram drivers_dir=""
    [ ! -x "$build/aq-driver-libvirt" ] || drivers_dir=$PWD/$build
    half_cpu=$(nproc | awk '{ printf "%.1f", $1 / 2 }')
    half_ram=$(awk '$1 == "MemTotal:" { printf "%dMiB", $2 / 1024 / 2 }' /proc/meminfo)
    for node in $nodes; do
        process_runs "$(pid_file "$node")" || node_has_enrolled "$node" || make_join_token "$node"
        ensure "$node" aq-agent --set name="$node" --set data="$state/agent" \
            --set controller="$hub" --join-file "$join_file-$node" \
            --set capacity.cpu="$half_cpu" --set capacity.ram="$half_ram" --set capacity.slots=16 \
            --set container.images="$state/images" ${drivers_dir:+--set drivers_dir="$drivers_dir"}
    done
    for node in $nodes; do
        wait_until "$node" 30 "$node did not join" node_is_active "$node" || return 1
        rm -f "$join_file-$node"
    done
}

start_view() {
    if ! process_runs "$(pid_file fs)"; then
        machine_unmount || fail "$mount is in use and cannot be unmounted"
        mkdir -p "$mount"
    fi
    ensure fs aq-fs --data "$state/controller" --mount "$mount"
    wait_until fs 30 "the file view did not appear at $mount" view_is_there
}

all_run() {
    local name
    for name in controller $nodes fs; do
        process_runs "$(pid_file "$name")" || return 1
    done
}

# A process that was told to end just before may answer for a moment: so all are looked at once more.
start_all() {
    local tries=$TRIES
    until start_controller && start_agents && start_view && all_run; do
        tries=$((tries - 1))
        [ "$tries" -gt 0 ] || fail "something ends the processes as soon as they run; see $logs"
    done
}

machine_lock
mkdir -p "$state"
start_all

# An image for the example ci-container, where the host has what that takes (aq doctor tells what is missing).
if command -v umoci >/dev/null && command -v busybox >/dev/null; then
    tools/busybox.sh "$state/images/local/busybox" >"$logs/busybox.log" 2>&1 ||
        say "note: no image was made for the label ci-container; see $logs/busybox.log"
fi

# ---- example labels, and the command ----------------------------------------------------------------------

for file in tools/examples/*.yml; do
    name=$(sed -n 's/^name: *//p' "$file")
    # That no node here has the driver of one is no news.
    label_is_there "$name" || "$build/aq" labels create --file "$file" >>"$logs/labels.log" 2>&1 ||
        fail "the label in $file was not accepted: $(tail -n 1 "$logs/labels.log")"
done

if [ ! -e "$command_link" ] || [ -L "$command_link" ]; then
    mkdir -p "${command_link%/*}"
    ln -sfn "$PWD/$build/aq" "$command_link"
else
    say "note: $command_link is another program and was not replaced; use $build/aq"
fi

# How to get here from another machine.
tell_others() {
    local fingerprint host
    if ! fingerprint=$("$build/aq" fingerprint 2>/dev/null); then
        echo "Other machines do not reach this one; for that: make down, then AQUARIUM_TLS_ADDRESS=0.0.0.0 make up."
        return
    fi
    case $tls_address in
    "" | 0.0.0.0 | ::) host=$(hostname -I 2>/dev/null | cut -d ' ' -f 1) ;;
    *) host=$tls_address ;;
    esac
    echo "From another machine, with the token that aq users create NAME prints here:"
    echo "    aq login https://${host:-$(uname -n)}:$(cat "$state/controller/run/tls.port") --fingerprint $fingerprint"
}

all_run || start_all
if [ -n "$started" ]; then
    say "Started:$started. Logs are in $logs, state in $state."
else
    say "Everything is running already."
fi
cat <<END

Try:
    echo label=mac > $mount/applications/new
    cat $mount/applications/last/status
    cat $mount/resources/*/meta
    cat $mount/applications/last/why
    aq run shaky
    aq logs 1
    aq applications
    aq log tail -f
    curl -s --unix-socket $api_socket localhost/api/v1/resource/
    echo 1 > $mount/applications/1/deallocate

$(tell_others)

$mount/README explains the files; aq --help and README.md say more. make down stops everything.
END
