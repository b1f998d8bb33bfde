#!/bin/sh
# A workload whose author wants out (escape.pl): to see, signal, trace or impersonate another one, to reach the host's
# sockets, its agent, its keys and the cluster's mount, or to get rights from the kernel. And workloads that take all they
# can get. Each fails, and the node and the other workload live on. The same attack from a workload that its node's owner
# lets see the host shows that the attempts are good.
. "$(dirname "$0")/lib.sh"

[ "$(id -u)" = 0 ] || { echo "ok this needs root # SKIP"; exit 0; }
cluster_start 0
node=$(agent_name 1)
agent_start "$node" --set capacity.ram=2GiB --set capacity.slots=32 --set allow.unisolated=true --set allow.disk=32MiB \
    --set allow.files=3000
wait_for 20 nodes_are_active 1 || die "the agent does not join"
fs_start

attack=$(cat "${0%/*}/escape.pl")
log_of() { # APPLICATION
    api GET "application/$1/log" | jq -r .data
}
# label NAME COMMAND [OPTIONS [RESOURCES]]
label() {
    label_create "$1" process "{\"command\": $(printf '%s' "$2" | jq -Rs .)${3:+, $3}}" "${4-}"
}

# ---- the victim, and what could be reached ---------------------------------------------------------------------

mark=victim-$tag
label victim "umask 0; echo treasure >secret; chmod 777 . secret; echo up; : $mark; while :; do sleep 0.2; done"
victim=$(application_create victim)
check "the victim runs" wait_for 20 sh -c "curl -sf -m 5 -u 'admin:$(cat "$data/admin.token")' \
    'http://127.0.0.1:$api_port/api/v1/application/$victim/log' | grep -q up"
resource=$(api_field .data.resource "application/$victim")
identifier=$(api_field .data.identifier "resource/$resource")
pid=${identifier##*[!0-9]}
home=$work/agent/$node/workloads/$resource/driver/work
uid=$(stat -c %u "/proc/$pid")
check "its user has a number of its own" test "$uid" -ge 2147418112
check_equal "it is not root in any way" "0000000000000000" "$(sed -n 's/^CapBnd:\t//p' "/proc/$pid/status")"

# Sockets that everybody may connect to, in the file system and without a file.
start listener perl -MSocket -e 'for my $address (pack_sockaddr_un($ARGV[0]), pack_sockaddr_un($ARGV[1]), pack("Sa*", AF_UNIX, "\0$ARGV[2]")) {
        socket(my $socket, PF_UNIX, SOCK_STREAM, 0); bind($socket, $address) && listen($socket, 9) or die "$!"; push @all, $socket }
    chmod 0777, @ARGV[0, 1]; open(my $ready, ">", $ARGV[3]); close $ready; sleep 1000' \
    "$work/open.sock" "/run/$tag.sock" "$tag" "$work/listening"
trap 'status=$?; rm -rf "/run/$tag.sock" "/opt/$tag"; (exit "$status"); e2e_cleanup' EXIT
check "sockets listen" wait_for 10 test -e "$work/listening"
# Is the kernel new enough (6.12) to keep workloads from abstract sockets?
scoped=$(perl -e 'my $abi = syscall(444, 0, 0, 1); print $abi >= 6 ? 1 : ""' 2>/dev/null)
[ -n "$scoped" ] || note "this kernel has no Landlock scopes: abstract sockets of the host are not tried"
environment="\"environment\": {\"VICTIM\": $pid, \"VICTIM_HOME\": \"$home\", \"VICTIM_UID\": $uid, \"MARK\": \"$mark\",
    \"AGENT\": $(pid_of "$node"), \"ABSTRACT\": \"$tag\", \"SCOPED\": \"$scoped\",
    \"SECRETS\": \"$data/admin.token $data/hub.key $data/tls/authority.key $work/agent/$node/node.key $work/join\",
    \"PATHS\": \"$mount/README $work $work/agent /run/aquarium.numbers\",
    \"SOCKETS\": \"$work/open.sock /run/$tag.sock $data/run/local.sock $data/run/api.sock /run/dbus/system_bus_socket\"}"

# attack_as NAME [OPTIONS [RESOURCES]]: prints what the attack got.
attack_as() {
    local id
    label "$1" "perl -e '$(printf '%s' "$attack" | sed "s/'/'\\\\''/g")' 2>&1" "$environment${2:+, $2}" "${3-}"
    id=$(application_create "$1")
    wait_for 60 application_is DEALLOCATED "$id" || api_field .data.description "application/$id"
    log_of "$id"
}

attack_as open '"isolate": false' >"$work/open"
check "the attack is complete" grep -q '^tried [0-9][0-9]' "$work/open"
check "without walls it finds the victim" grep -q 'got the victim in /proc' "$work/open"
check "and the sockets" grep -q "got socket $work/open.sock" "$work/open"
check "it would see the mount" grep -q "got path $work" "$work/open"
attack_as shut-in >"$work/shut-in"
check_equal "a workload that is shut in gets nothing" "" "$(grep -v '^tried ' "$work/shut-in")"
check_equal "though it tried all of that" "$(grep '^tried' "$work/open")" "$(grep '^tried' "$work/shut-in")"
attack_as alone '"network": "none"' >"$work/alone"
check_equal "nor does one without a network" "" "$(grep -v '^tried ' "$work/alone")"

# ---- an agent that is not root ---------------------------------------------------------------------------------

if setpriv --reuid=65534 --regid=65534 --clear-groups unshare -U true 2>"$work/said"; then
    mkdir "$work/plain" "/opt/$tag"
    cp "$work/join" "$work/plain/"
    cp "$BUILD/aq-agent" "/opt/$tag/" # where workloads see what is there
    chown -R 65534:65534 "$work/plain"
    start plain setpriv --reuid=65534 --regid=65534 --clear-groups "/opt/$tag/aq-agent" --config /dev/null \
        --set data="$work/plain" --set name="$tag-plain" --set controller="127.0.0.1:$hub_port" \
        --join-file "$work/plain/join"
    agents="$agents $tag-plain"
    wait_for 20 nodes_are_active 2 || die "the agent that is not root does not join"
    attack_as plain '' "{\"node_filter\": [\"name:$tag-plain\"], \"slots\": 1}" >"$work/plain.got"
    check_equal "its workload has its number, and gets nothing all the same" "" "$(grep -v '^tried ' "$work/plain.got")"
    check_equal "though it tried all of that" "$(grep '^tried' "$work/open")" "$(grep '^tried' "$work/plain.got")"
    label plain-key "cat $work/plain/$tag-plain/node.key || echo no key; kill -9 1 $(pid_of plain) || echo no signal
        test -e /opt/$tag/aq-agent && echo a file; /opt/$tag/aq-agent --version || echo no program; wc -c </opt/$tag/aq-agent" '' \
        "{\"node_filter\": [\"name:$tag-plain\"], \"slots\": 1}"
    id=$(application_create plain-key)
    wait_for 30 application_is DEALLOCATED "$id" || note "$(api GET "application/$id")"
    check_match "nor the agent's key, nor its program" "*no key*no signal*a file*no program*
0*" "$(log_of "$id")"
    label plain-disk "true" '' "{\"node_filter\": [\"name:$tag-plain\"], \"disks\": [{\"name\": \"work\", \"size\": \"8MiB\"}], \"slots\": 1}"
    id=$(application_create plain-disk)
    wait_for 30 application_is ERROR "$id" || note "$(api GET "application/$id")"
    check_match "and a disk is refused with the reason" "*disks are only for agents that run as root*" \
        "$(api_field .data.description "application/$id")"
    stop plain
else
    echo "ok an agent that is not root: this builder gives it no user namespace # SKIP"
fi

# ---- what takes all it can get ---------------------------------------------------------------------------------

is_over() { # APPLICATION
    case $(application_status "$1") in DEALLOCATED | ERROR) ;; *) return 1 ;; esac
}
# takes NAME COMMAND [OPTIONS [RESOURCES]]: runs it until it ends. Prints its status and description.
takes() {
    local id
    label "$@"
    id=$(application_create "$1")
    wait_for 60 is_over "$id" || echo "does not end"
    echo "$(application_status "$id") $(api_field .data.description "application/$id")"
}
lives() { # AFTER WHAT
    local id
    check_equal "after $1 the node is there" ACTIVE "$(api_field .data.status "node/$node")"
    check_equal "and the victim runs" ALLOCATED "$(application_status "$victim")"
    id=$(application_create quick)
    check "and another workload, too" wait_for 30 application_is DEALLOCATED "$id"
}
label quick "exit 0"

check_match "forks without end come to a bound" "DEALLOCATED*exit status 0" \
    "$(takes forks 'perl -e "while (defined(fork())) { \$n++ < 100000 or last } exit 0"' '"pids": 50, "stop_grace": 0')"
lives "forks without end"
check_match "so do files in memory" "DEALLOCATED*exit status 0" \
    "$(takes memory-files 'head -c 100000000 /dev/zero >/tmp/x 2>/dev/null; test $(stat -c %s /tmp/x) -le 8388608' '"memory_files": "8MiB"')"
if [ -d "$(awk '$9 ~ /^cgroup/ { print $5 }' /proc/self/mountinfo | grep -m1 memory)" ]; then
    check_match "memory without end is told" "ERROR*out of memory*" \
        "$(takes memory 'exec tail /dev/zero' '"stop_grace": 0' '{"ram": "32MiB", "slots": 1}')"
fi
lives "memory without end"
if [ -e /dev/loop-control ]; then
    check_match "a full disk is full for its workload alone" "DEALLOCATED*exit status 0" \
        "$(takes disk 'head -c 100000000 /dev/zero >x 2>said; grep -q "No space left" said; test $(stat -c %s x) -lt 33554432' \
            '"stop_grace": 0' '{"disks": [{"name": "work", "size": "32MiB"}], "slots": 1}')"
else
    echo "ok a full disk: this builder has no loop devices # SKIP"
fi

check_match "without a disk, files beyond the bound end it" "ERROR*SIGKILL*its files took more than 32 MiB*allow.disk*" \
    "$(takes no-disk 'head -c 60000000 /dev/zero >x; sync; sleep 1000' '"stop_grace": 0')"
check_match "so do too many" "ERROR*SIGKILL*more than 3000 files*allow.files*" \
    "$(takes no-files 'mkdir a; i=0; while [ $i -lt 8000 ]; do : >a/$i; i=$((i + 1)); done; sleep 1000' '"stop_grace": 0')"
check_match "and directories that are too deep to count" "ERROR*SIGKILL*nested more than 200 deep*" \
    "$(takes no-depth 'perl -e "while (\$n++ < 300) { mkdir q(d); chdir q(d) }" && head -c 20000000 /dev/zero >/work/x; sync; sleep 1000' '"stop_grace": 0')"
lives "files without end"

if [ -n "$(awk '$9 ~ /^cgroup/ && $NF ~ /blkio/' /proc/self/mountinfo)" ] && [ "$(stat -c %Hd /tmp)" != 0 ]; then
    # 6 MiB at 2 MiB in a second, of which the first may come at once.
    label slow-reads 'head -c 6291456 /dev/zero >x; sync x; begin=$(date +%s%N); dd if=x of=/dev/null bs=1M iflag=direct 2>/dev/null
        echo took $((($(date +%s%N) - begin) / 1000000))' '"io_read": "2MiB"'
    slow=$(application_create slow-reads)
    wait_for 60 application_is DEALLOCATED "$slow" || note "$(api_field .data.description "application/$slow")"
    check "reading is limited" test "$(log_of "$slow" | sed -n 's/^took //p')" -ge 1500
else
    echo "ok reading is limited: this builder has no controller for it # SKIP"
fi

label shouts 'trap "" TERM INT HUP; yes aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa' '"stop_grace": 1'
label stays 'trap "" TERM INT HUP; (setsid sh -c "trap \"\" TERM; : '"$mark"'-daemon; while :; do sleep 0.2; done" &) ; while :; do sleep 0.2; done' '"stop_grace": 1'
shouts=$(application_create shouts)
stays=$(application_create stays)
check "one that writes without end runs" wait_for 20 application_is ALLOCATED "$shouts"
check "one that ignores signals runs" wait_for 20 application_is ALLOCATED "$stays"
check "its daemon runs" wait_for 20 pgrep -f "$mark-daemon"
lives "100 MB/s of output"
shouting=$work/agent/$node/workloads/$(api_field .data.resource "application/$shouts")/driver
check "its log is bounded" test "$(du -sk "$shouting" | cut -f1)" -le 4096
for id in "$shouts" "$stays"; do
    api POST "application/$id/deallocate" '{}' >"$work/answer"
done
check "it ends all the same" wait_for 30 application_is DEALLOCATED "$shouts"
check "and so does the one that ignores signals" wait_for 30 application_is DEALLOCATED "$stays"
daemon_is_gone() {
    ! pgrep -f "$mark-daemon" >/dev/null
}
check "with its daemon" wait_for 20 daemon_is_gone
lives "all of that"
check_equal "the victim's secret is what it was" treasure "$(cat "$home/secret")"
finish
