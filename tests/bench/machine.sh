#!/bin/sh
# From a request to a virtual machine that runs, against what libvirt alone takes to create the same machine, in turns; and
# what an agent and its driver hold with 200 machines on libvirt's test connection.
if [ -z "${AQ_OWN_NETWORK-}" ]; then
    "$(dirname "$0")/../../tools/linux-vm.sh" "$(dirname "$0")/../../build/machines" || exit 1
    exec unshare --net --mount env AQ_OWN_NETWORK=1 sh "$0" "$@"
fi
. "$(dirname "$0")/lib.sh"
. tests/e2e/machine/libvirt.sh
rounds=9
controller_start --set journal=warn
agent_start "$(agent_name 1)" --set capacity.ram=2GiB --set capacity.slots=250 --set drivers_dir="$e2e_root/$BUILD" \
    --set drivers=libvirt --set identifiers=agent:1 --set libvirt.images="$work/images"
wait_for 20 nodes_are_active 1 || die "the agent does not join"
label_create bench libvirt '{"kernel": "vmlinuz", "initramfs": "initramfs", "networks": [], "stop_grace": 0}' \
    '{"slots": 1, "ram": "128MiB", "node_filter": ["agent:1"]}'
AQ_SERVER=unix:$data/run/api.sock
export AQ_SERVER
now_us() {
    echo $(($(date +%s%N) / 1000))
}
# The same machine, with another name, and a console of its own.
first=$(aq run bench -q)
virsh dumpxml --inactive "aquarium-$(agent_name 1)-$(api_field .data.resource "application/$first")" |
    sed -e '/<uuid>/d' -e 's|<name>.*</name>|<name>plain</name>|' -e "s|file='[^']*/console/log'|file='$work/plain'|g" >"$work/plain.xml"
aq rm "$first" --wait >/dev/null || die "a machine does not end"
round=0
while [ "$round" -lt "$rounds" ]; do
    began=$(now_us)
    virsh -q create "$work/plain.xml" >/dev/null || die "libvirt does not create the machine"
    echo $(($(now_us) - began)) >>"$work/plain.times"
    virsh -q destroy plain
    began=$(now_us)
    id=$("$BUILD/aq" run bench -q) || die "the machine does not run"
    echo $(($(now_us) - began)) >>"$work/ours.times"
    aq rm "$id" --wait >/dev/null || die "a machine does not end"
    round=$((round + 1))
done
middle() {
    sort -n "$1" | sed -n "$((rounds / 2 + 1))p"
}
awk -v ours="$(middle "$work/ours.times")" -v plain="$(middle "$work/plain.times")" 'BEGIN {
    printf "RESULT\tfrom aq run to a machine that runs, beside virsh create\t%.0f ms\t%.0f ms\t%.2f\tat most 1.2 times\t%s\n",
        ours / 1000, plain / 1000, ours / plain, ours <= 1.2 * plain ? "ok" : "missed"
}'

agent_start "$(agent_name 2)" --set capacity.ram=2GiB --set capacity.slots=250 --set drivers_dir="$e2e_root/$BUILD" \
    --set drivers=libvirt --set identifiers=agent:2 --set libvirt.uri=test:///default
wait_for 20 nodes_are_active 2 || die "the second agent does not join"
label_create many libvirt '{}' '{"slots": 1, "node_filter": ["agent:2"]}'
aq run many --count 200 -q >"$work/many" || die "200 machines do not run"
family "$(pid_of "$(agent_name 2)")" >"$work/family"
figure_at_most "memory of an agent and its driver with 200 machines" "$(pss_mib "$work/family")" MiB 48
finish
