#!/bin/sh
# Virtual machines from request to result, with a libvirt of the test's own, which emulates them: a real Linux that boots,
# is found again when libvirt, the driver or the agent is killed, and is given back; and what goes wrong.
# In a network and a mount namespace of its own: libvirt's directories are fixed.
if [ -z "${AQ_OWN_NETWORK-}" ]; then
    [ "$(id -u)" = 0 ] || {
        echo "ok # skip: only root can run libvirt's daemon"
        exit 0
    }
    # While there is a network to get it from.
    "$(dirname "$0")/../../tools/linux-vm.sh" "$(dirname "$0")/../../build/machines" || {
        echo "not ok there is no kernel for a machine"
        exit 1
    }
    exec unshare --net --mount env AQ_OWN_NETWORK=1 sh "$0" "$@"
fi
. "$(dirname "$0")/lib.sh"
. tests/e2e/machine/libvirt.sh

machine_agent() { # NUMBER [ARGUMENTS...]
    local number=$1
    shift
    agent_start "$(agent_name "$number")" --set capacity.ram=2GiB --set capacity.slots=300 --set drivers_dir="$e2e_root/$BUILD" \
        --set drivers=process,libvirt --set identifiers="agent:$number" --set libvirt.images="$work/images" "$@"
}
machine_label() { # NAME OPTIONS(JSON, without braces) [AGENT]
    label_create "$1" libvirt "{\"networks\": [], $2}" "{\"slots\": 1, \"ram\": \"${4:-128MiB}\", \"node_filter\": [\"agent:${3:-1}\"]}"
}
controller_start
machine_agent 1
wait_for 30 nodes_are_active 1 || die "the agent does not join"
AQ_SERVER="unix:$data/run/api.sock"
export AQ_SERVER NO_COLOR=1
logs_have() { # ID TEXT
    aq logs "$1" 2>/dev/null | grep -q "$2"
}
qemu_pid() { # RESOURCE
    cat "/run/libvirt/qemu/aquarium-$(agent_name 1)-$1.pid" 2>/dev/null
}

# ---- a Linux ------------------------------------------------------------------------------------------------

truncate -s 1M "$work/images/disk.raw"
machine_label linux '"image": "disk.raw", "kernel": "vmlinuz", "initramfs": "initramfs", "cmdline": "console=ttyS0 quiet panic=-1", "hostname": "small", "stop_grace": 20'
id=$(aq run linux metadata.branch=main -q 2>"$work/err") || note "$(cat "$work/err")"
resource=$(api_field .data.resource "application/$id")
pid=$(qemu_pid "$resource")
check "a machine runs" kill -0 "$pid"
check_match "and has a name" "machine aquarium-$tag-*-$resource" "$(aq resource "$resource" identifier)"
check "what it prints is in its log" wait_for 60 logs_have "$id" "the machine is up: Linux 6"
check "the seed for cloud-init has its name and metadata" wait_for 20 logs_have "$id" '"branch": "main"'
check "from the first byte on" logs_have "$id" "SeaBIOS\|the machine is up"

# What is typed into the console, and what comes of it; before that, what was printed before.
mkfifo "$work/typed"
timeout 60 "$BUILD/aq" console "$id" <"$work/typed" >"$work/console" 2>"$work/err" &
exec 8>"$work/typed"
wait_for 20 grep -q '/ # ' "$work/console"
# shellcheck disable=SC2016 # the machine's
printf 'echo typed-$((40 + 2))\n' >&8
wait_for 20 grep -q 'typed-42' "$work/console"
exec 8>&-
check "the console shows what was printed before it was opened" grep -q 'the machine is up: Linux 6' "$work/console"
check "and takes what is typed" grep -q 'typed-42' "$work/console"
check "which is in the log, too" logs_have "$id" 'typed-42'
check_match "no other command runs in a machine" '*a machine runs no commands from outside*' "$(aq exec "$id" -- ls 2>&1)"

check_equal "a snapshot is made of it" before "$(aq snapshot "$id" --name before 2>"$work/err")"
check_equal "which libvirt has" before "$(virsh -q snapshot-list "aquarium-$(agent_name 1)-$resource" --name)"
check_match "a second one of the name is refused" '*the machine has a snapshot "before" already*' "$(aq snapshot "$id" --name before 2>&1)"
check_equal "an image is made of it at its end" NEW "$(aq image "$id" --name last --when DEALLOCATE -o json 2>"$work/err" | jq -r .status)"

kill_hard libvirtd
check "it runs on when libvirt's daemon is killed" kill -0 "$pid"
libvirtd_start
check "the driver finds the daemon again" wait_for 30 grep -q 'the connection to libvirt has ended' "$work/$(agent_name 1).log"
check "and the machine" wait_for 30 application_is ALLOCATED "$id"
stop "$(agent_name 1)"
machine_agent 1
wait_for 20 nodes_are_active 1 || die "the agent does not come back"
check "it is the same after a restart of the agent" kill -0 "$pid"
check "and known" application_is ALLOCATED "$id"
driver=$(cat /proc/[0-9]*/stat 2>/dev/null | sed -n "s/^\([0-9]*\) (aq-driver-libvi) . $(pid_of "$(agent_name 1)") .*/\1/p")
# As if the driver was making an image when it is killed.
disk=$(find "$work" -path "*/workloads/$resource/driver/disk.qcow2")
touch "$work/images/.task-99"
printf '1 %s\n' "$work/images/.task-99" >"$disk.paused"
virsh -q suspend "aquarium-$(agent_name 1)-$resource" >"$work/out"
machine_goes_on() {
    [ "$(virsh -q domstate "aquarium-$(agent_name 1)-$resource")" = running ] && [ ! -e "$work/images/.task-99" ]
}
check "its driver is a program of its own" kill -9 "$driver"
check "which is started again when it is killed" wait_for 20 grep -q 'connected to libvirt' "$work/$(agent_name 1).log"
check "a machine that it has paused for an image goes on" wait_for 20 machine_goes_on
knows_use() { # FIELD of the resource's usage
    [ "$(api_field ".data.live.$1" "resource/$resource")" -gt 0 ]
}
check "what it uses of the node's memory is known" wait_for 30 knows_use memory_bytes
check "and of its processors" wait_for 30 knows_use cpu_ms
check "it is given back" aq rm "$id"
check "it shuts down" wait_for 60 application_is DEALLOCATED "$id"
check_equal "after its image was made" last.qcow2 "$(api_field '.data[-1].result.image' "task/?application=$id")"
check "which is a whole disk" qemu-img check -q "$work/images/last.qcow2"
check_equal "nothing of it stays" "" "$(qemu_pid "$resource")$(ls /etc/libvirt/qemu/*.xml 2>/dev/null)$(ls /run/aquarium/machines)"

# ---- an image, and the next version of its label --------------------------------------------------------------

machine_label boots '"image": "waits.raw", "stop_grace": 0'
id=$(aq run boots -q 2>"$work/err")
check "a machine is up" wait_for 30 logs_have "$id" ready
check_equal "its image is made while it runs" kept.qcow2 "$(aq image "$id" --name kept 2>"$work/err")"
check_match "the name is taken" '*the node has an image "kept.qcow2" already*' "$(aq image "$id" --name kept 2>&1)"
machine_label boots '"image": "kept.qcow2", "stop_grace": 0'
id=$(aq run boots -q 2>"$work/err")
check_equal "the next version of the label names it" 2 "$(aq application "$id" version)"
check "and boots" wait_for 30 logs_have "$id" ready

# ---- what goes wrong ----------------------------------------------------------------------------------------

machine_label waits '"image": "waits.raw", "stop_grace": 5'
id=$(aq run waits -q 2>"$work/err")
resource=$(api_field .data.resource "application/$id")
check "a machine whose qemu is killed" kill -9 "$(qemu_pid "$resource")"
check "has ended" wait_for 20 application_is ERROR "$id"
check_match "which is told" '*it crashed, or the program that emulates it was killed*' "$(aq log show application "$id")"
id=$(aq run waits -q 2>"$work/err")
resource=$(api_field .data.resource "application/$id")
check "one that is ended by other means" virsh -q destroy "aquarium-$(agent_name 1)-$resource"
check "has ended" wait_for 20 application_is ERROR "$id"
check_match "which is told" '*ended by force, from outside*' "$(aq log show application "$id")"

fails() { # LABEL PATTERN: a start that fails with this reason
    timeout 60 "$BUILD/aq" run "$1" -q >"$work/out" 2>"$work/err"
    check_match "which is told" "$2" "$(cat "$work/err")"
}
machine_label missing '"image": "absent.qcow2"'
fails missing '*image "absent.qcow2" in*No such file or directory*'
label_create bridged libvirt '{"image": "waits.raw", "networks": ["bridge:br0"]}' '{"slots": 1}'
fails bridged '*network "bridge:br0"*does not allow (libvirt.networks)*'
label_create small libvirt '{"image": "waits.raw", "networks": [], "disks": ["no.qcow2"]}' '{"slots": 1}'
fails small '*image "no.qcow2"*'
check_equal "other devices cannot be asked for" 400 \
    "$(api_code POST label/ '{"name": "wrong", "definitions": [{"driver": "libvirt", "options": {"image": "a", "hostdev": "0000:00:02.0"}}]}')"

# A daemon that hangs: a start fails in time, and other drivers go on.
machine_agent 2 --set libvirt.patience=10s --set libvirt.kvm=probe
wait_for 20 nodes_are_active 2 || die "the second agent does not join"
machine_label waits2 '"image": "waits.raw"' 2
label_create process process '{"command": ["true"]}' '{"slots": 1, "node_filter": ["agent:2"]}'
# A lease is over meanwhile, of a machine whose agent and driver are dead.
label_create leased libvirt '{"image": "waits.raw", "networks": []}' '{"slots": 1, "ram": "128MiB", "node_filter": ["agent:1"], "lease": "10s"}'
leased=$(aq run leased -q 2>"$work/err") || note "$(cat "$work/err")"
leased_pid=$(qemu_pid "$(api_field .data.resource "application/$leased")")
check "a machine with a lease runs" kill -0 "$leased_pid"
process_signal "$work/libvirtd.pid" STOP
kill_hard "$(agent_name 1)"
fails waits2 '*libvirt did not answer for 10 s*'
leased_ends() {
    ! kill -0 "$leased_pid"
}
check "its lease ends it, though agent, driver and libvirt are dead or hang" wait_for 20 leased_ends
check "a process starts beside it" timeout 20 "$BUILD/aq" run process --attach
process_signal "$work/libvirtd.pid" CONT
no_machines() { # but that whose agent is dead
    [ -z "$(virsh -q list --all --name | grep -v "^aquarium-$(agent_name 1)-")" ]
}
check "what libvirt then starts late is ended" wait_for 30 no_machines
check "and then machines start again" timeout 60 "$BUILD/aq" run waits2 -q

# ---- the contract of drivers, with real machines --------------------------------------------------------------

machine_agent 1
check "which is told when the agent is back" wait_for 30 application_is ERROR "$leased"
check_match "with the reason" '*its lease is over*' "$(api_field .data.description "application/$leased")"
stop "$(agent_name 2)"
stop "$(agent_name 1)"
conformance() {
    timeout 200 "$BUILD/tests/test_drivers_conformance_libvirt" "$work/images" >"$work/conformance.log" 2>&1
}
check "the driver keeps the contract of drivers" conformance
tasks() {
    timeout 100 "$BUILD/tests/test_libvirt_tasks" "$work/images" >"$work/tasks.log" 2>&1
}
check "snapshots and images are made of machines that run" tasks
finish
