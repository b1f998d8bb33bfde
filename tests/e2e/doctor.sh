#!/bin/sh
# aq doctor: on this machine, beside a cluster that runs, with another program at a port, and with a wrong directory.
. "$(dirname "$0")/lib.sh"

export NO_COLOR=1
cluster_start 1

doctor() { # ARGUMENTS...: its words go to files
    timeout 60 "$BUILD/aq" doctor "$@" >"$work/out" 2>"$work/err"
    echo $?
}
state_of() { # CHECK
    jq -r --arg name "$1" '.[] | select(.check == $name) | .state' "$work/out"
}
finding_of() { # CHECK
    jq -r --arg name "$1" '.[] | select(.check == $name) | .finding' "$work/out"
}

# Control groups of doctors that have ended; others may be running on this machine.
groups_left() {
    local group
    find /sys/fs/cgroup -maxdepth 2 -name 'aquarium-doctor-*' 2>/dev/null | while read -r group; do
        [ -d "/proc/${group##*-}" ] || [ ! -d "$group" ] || echo "$group"
    done
}

# A zombie does not run.
# shellcheck disable=SC2016 # perl's
start parent perl -e '$| = 1; if ($pid = fork) { print "$pid\n"; sleep 1000 } $0 = "aq-controller"; exit'
check "a controller has just ended" wait_for 10 sh -c "grep -q '^State:.*Z' /proc/\$(cat '$work/parent.log')/status"
groups_before=$(groups_left)
files_before=$(find "$data" | sort)
status=$(doctor "$data" --json)
check "it knows many checks" test "$(jq length "$work/out")" -gt 20
check_equal "status 1 when something is bad, else 0" \
    "$(jq 'if any(.[]; .state == "bad") then 1 else 0 end' "$work/out")" "$status"
check_equal "what is not ok has advice" 0 "$(jq '[.[] | select(.state != "ok" and .advice == "")] | length' "$work/out")"
check_equal "this cluster's ports are ours" "ok ok" "$(state_of "port for REST") $(state_of "port for agents")"
check_match "and known" "*controller of Aquarium answers on port $api_port*" "$(finding_of "port for REST")"
check_match "the hub's, too" "*controller of Aquarium answers on port $hub_port*" "$(finding_of "port for agents")"
check_match "the disk was measured" "*$data takes *ms*" "$(finding_of "disk sync")"
check_match "the controller is of our version" "runs here, version $("$BUILD/aq" --version | cut -d' ' -f2)*" \
    "$(finding_of controller)"
check_match "libraries are known" '*libraft 0.*LMDB*' "$(finding_of libraries)"
check_equal "nothing of it stays: files" "$files_before" "$(find "$data" | sort)"
check_equal "nothing of it stays: control groups" "$groups_before" "$(groups_left)"
stop parent

known=$(jq length "$work/out")
doctor "$data" >"$work/code"
check_equal "for people: a line for each check" "$known" "$(wc -l <"$work/out")"
check_match "and a sum" '*ok, *bad*' "$(cat "$work/err")"

# What is open to others.
doctor "$data" --json >"$work/code"
check_equal "modes as they are made" ok "$(state_of modes)"
check_equal "REST without TLS for this host alone" ok "$(state_of "plain REST")"
check_equal "certificates that last" ok "$(state_of certificates)"
chmod 644 "$data/admin.token"
chmod 777 "$data/log"
doctor "$data" --json >"$work/code"
check_equal "a token that all may read, a log that all may change" bad "$(state_of modes)"
check_match "are named" "*$data/log has mode 0777, $data/admin.token has mode 0644*" "$(finding_of modes)"
sh -c "$(jq -r '.[] | select(.check == "modes") | .fix' "$work/out")"
doctor "$data" --json >"$work/code"
check_equal "the commands that it tells close them" "ok 600 700" \
    "$(state_of modes) $(stat -c %a "$data/admin.token") $(stat -c %a "$data/log")"
printf 'allow: {root: true}\n' >"$work/root.yml"
agent_start "$(agent_name 2)" --config "$work/root.yml"
wait_for 20 nodes_are_active 2
doctor "$data" --json >"$work/code"
check_equal "an agent that lets workloads run as root" warn "$(state_of workloads)"
check_match "is named" "*allow.root of the agent with pid*$(pid_of "$(agent_name 2)")*" "$(finding_of workloads)"
stop "$(agent_name 2)"
mkdir "$work/plain"
cp "$BUILD/aq-agent" "$work/join" "$work/plain/"
chown -R 65534 "$work/plain"
start plain setpriv --reuid=65534 --regid=65534 --clear-groups "$work/plain/aq-agent" --config /dev/null \
    --set data="$work/plain" --set name="$tag-plain" --set controller="127.0.0.1:$hub_port" \
    --join-file "$work/plain/join" --set allow.users=daemon
wait_for 20 grep -q 'welcomed by the controller' "$work/plain.log" # the node before stays ACTIVE for a while
check "an agent that is not root says what it cannot allow" grep -q 'allow.users and allow.root have no effect' "$work/plain.log"
doctor "$data" --json >"$work/code"
check_match "and doctor, what its workloads lack" "*of the agent with pid $(pid_of plain) all have its user*" "$(finding_of workloads)"
stop plain
mkdir -p "$work/short/tls"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 5 -subj /CN=x -keyout "$work/short/tls/x.key" \
    -out "$work/short/tls/authority.crt" 2>"$work/openssl.log"
doctor "$work/short" --json >"$work/code"
check_equal "a certificate that ends soon" warn "$(state_of certificates)"
check_match "is named" "*authority.crt expires in [45] days*" "$(finding_of certificates)"

# Another program at a port.
strange=$work/strange
mkdir -p "$strange/run"
cp "$data/run/hub.port" "$strange/run/api.port"
cp "$data/run/api.port" "$strange/run/hub.port"
check_equal "other programs at both ports" 1 "$(doctor "$strange" --json)"
check_equal "are bad" "bad bad" "$(state_of "port for REST") $(state_of "port for agents")"
stop "$(agent_name 1)"
stop controller
doctor "$data" --json >"$work/code"
check_equal "ports that nobody has are free" "ok ok" "$(state_of "port for REST") $(state_of "port for agents")"
: >"$work/out.file"
check_equal "a directory that is not there yet" "ok" "$(doctor /nowhere/at/all --json >"$work/code"; state_of "file system")"
check_equal "a path that is none" 2 "$(doctor here)"
check_equal "a file, and what would be in it" "2 2" "$(doctor "$work/out.file") $(doctor "$work/out.file/data")"
check_match "is not a directory" "*$work/out.file is not a directory*" "$(cat "$work/err")"
check_equal "too many words" 2 "$(doctor /a /b)"
cp "$BUILD/aq" "$work/aq" # where another user can get at it
setpriv --reuid=65534 --regid=65534 --clear-groups timeout 60 "$work/aq" doctor /tmp --json >"$work/out" 2>"$work/err"
check "as another user it works as well" test "$(jq length "$work/out")" -gt 20
check_match "and says that root is needed where it is" '*run as root*' "$(jq -r '.[].advice' "$work/out")"
finish
