#!/bin/sh
# `make up`: starts a cluster on this machine: a controller, two agents, the file view at /aquarium, a few labels.
# Starts only what does not run yet. Needs no systemd. The processes outlive this shell; `make down` stops them.
set -eu
cd "$(dirname "$0")/.."
. tools/machine.sh

started=""

# Starts PROGRAM of the build with ARGUMENTS..., unless the process NAME runs already.
ensure() { # NAME PROGRAM ARGUMENTS...
    local name=$1 program=$2
    shift 2
    process_runs "$(pid_file "$name")" && return 0
    process_start "$(pid_file "$name")" "$logs/$name.log" "$PWD/$build/$program" "$@" ||
        fail "$program cannot be started; see $logs/$name.log"
    started="$started $name"
}

# wait_until NAME SECONDS WHAT COMMAND...: waits until COMMAND succeeds. After SECONDS, or when the process NAME ends, fails
# with the text WHAT.
wait_until() {
    local name=$1 tries=$(($2 * 20)) what=$3
    shift 3
    until "$@" >/dev/null 2>&1; do
        if ! process_runs "$(pid_file "$name")" || [ "$tries" = 0 ]; then
            tail -n 15 "$logs/$name.log" | sed 's/^/    /' >&2
            fail "$what; the end of $logs/$name.log is above"
        fi
        tries=$((tries - 1))
        sleep 0.05
    done
}

ready() {
    machine_read_ports && curl -sf -m 5 -o "$run/ready" "$AQ_SERVER/readyz"
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

machine_lock
mkdir -p "$state"

ensure controller aq-controller --set data="$state/controller" --set api.port="$api_port" --set hub.port="$hub_port"
wait_until controller 60 "the controller did not become ready" ready

# Each agent offers half of the machine.
half_cpu=$(nproc | awk '{ printf "%.1f", $1 / 2 }')
half_ram=$(awk '$1 == "MemTotal:" { printf "%dMiB", $2 / 1024 / 2 }' /proc/meminfo)
for node in $nodes; do
    ensure "$node" aq-agent --set name="$node" --set data="$state/agent" \
        --set controller="$hub" --set key_file="$state/controller/agent.key" \
        --set capacity.cpu="$half_cpu" --set capacity.ram="$half_ram" --set capacity.slots=16
done
for node in $nodes; do
    wait_until "$node" 30 "$node did not join" node_is_active "$node"
done

if ! process_runs "$(pid_file fs)"; then
    machine_unmount || fail "$mount is in use and cannot be unmounted"
    mkdir -p "$mount"
fi
ensure fs aq-fs --data "$state/controller" --mount "$mount"
wait_until fs 30 "the file view did not appear at $mount" view_is_there

# ---- example labels, and the command ----------------------------------------------------------------------

for file in tools/examples/*.yml; do
    name=$(sed -n 's/^name: *//p' "$file")
    label_is_there "$name" || "$build/aq" labels create --file "$file" >/dev/null ||
        fail "the label in $file was not accepted"
done

if [ ! -e "$command_link" ] || [ -L "$command_link" ]; then
    mkdir -p "${command_link%/*}"
    ln -sfn "$PWD/$build/aq" "$command_link"
else
    say "note: $command_link is another program and was not replaced; use $build/aq"
fi

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
    curl -su "admin:\$(cat $token_file)" ${AQ_SERVER#http://}/api/v1/resource/
    echo 1 > $mount/applications/1/deallocate

$mount/README explains the files; aq --help and README.md say more. make down stops everything.
END
