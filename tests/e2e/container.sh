#!/bin/sh
# Containers from request to result: images of the node and of a registry, shared by two agents; their network and ports;
# what happens when an agent is restarted, and to images that are missing, damaged or too large.
# In a network namespace of its own, since containers get a bridge there, and a mount namespace, for a small disk.
if [ -z "${AQ_OWN_NETWORK-}" ]; then
    [ "$(id -u)" = 0 ] || {
        echo "ok # skip: only root can make containers"
        exit 0
    }
    exec unshare --net --mount env AQ_OWN_NETWORK=1 sh "$0" "$@"
fi
. "$(dirname "$0")/lib.sh"
ip link set lo up
images=$work/images
registry=127.0.0.1:5000
for program in skopeo umoci busybox nft docker-registry; do
    command -v "$program" >/dev/null || die "$program is missing: tools/setup.sh check installs it"
done

# As image, and as another one with a file more.
tools/busybox.sh "$images/local/busybox" || die "the image is not made"
image_change() { # LAYOUT TAG NEWTAG: adds a file with the name of the new tag
    umoci unpack --image "$1:$2" "$work/bundle" >/dev/null &&
        echo "$3" >"$work/bundle/rootfs/version" &&
        umoci repack --image "$1:$3" "$work/bundle" >/dev/null 2>&1
    rm -rf "$work/bundle"
}
cp -r "$images/local/busybox" "$work/layout"
image_change "$work/layout" 1 2 || die "the second image is not made"

container_agent() { # NUMBER [ARGUMENTS...]
    local number=$1
    shift
    agent_start "$(agent_name "$number")" --set capacity.ram=1GiB --set capacity.slots=50 --set identifiers="agent:$number" \
        --set container.images="$images" --set container.plain="$registry" --set container.ports=20000-20999 "$@"
}
controller_start
container_agent 1
wait_for 20 nodes_are_active 1 || die "the agent does not join" # and so has port 80 of the gateway
container_agent 2
wait_for 20 nodes_are_active 2 || die "the agents do not join"
agent1=$(agent_name 1)

# container_label NAME OPTIONS(JSON, without braces) [AGENT]
container_label() {
    label_create "$1" container "{$2}" "{\"slots\": 1, \"ram\": \"128MiB\", \"node_filter\": [\"agent:${3:-1}\"]}"
}
run_attached() { # LABEL [ARGUMENTS...]: the output, without lines about images, in $work/out; prints the status
    timeout 120 "$BUILD/aq" run "$@" --attach >"$work/all" 2>"$work/err"
    echo $?
    grep -v '^\[aquarium:' "$work/all" >"$work/out"
}
AQ_SERVER="unix:$data/run/api.sock"
export AQ_SERVER NO_COLOR=1

# ---- from request to result ---------------------------------------------------------------------------------

container_label job '"image": "oci:busybox:1", "network": "none", "user": "user",
    "command": "echo \"testing $AQ_META_BRANCH as $(id -un)\"; exit 3"'
status=$(run_attached job metadata.branch=main)
if [ "$status" = 125 ] && grep -q 'Operation not permitted' "$work/err"; then
    echo "ok # skip: no containers here: $(tail -n 1 "$work/err")"
    exit 0
fi
check_equal "a container's exit status" 3 "$status"
check_equal "and its output" "testing main as user" "$(cat "$work/out")"
check_match "getting the image is told in the log" '*\[aquarium: getting image oci:busybox:1\]*got, in *' "$(cat "$work/all")"
check_match "the event of the start has the digest" '*image oci:busybox@sha256:????????????????*' \
    "$(api GET application/1 | jq -c .)$(aq events -n 50 2>/dev/null; aq log show application 1 -o json)"
check_equal "the second time, the image is there" 3 "$(run_attached job metadata.branch=main)"
check_equal "without a word" "testing main as user" "$(cat "$work/all")"

# ---- what it has left ---------------------------------------------------------------------------------------

container_label leaves '"image": "oci:busybox:1", "network": "none", "directory": "/out",
    "command": "echo report >report.xml; chmod 600 report.xml; rm /etc/group; ln -s / up"'
check_equal "a container that leaves something" 0 "$(run_attached leaves)"
leaves=$("$BUILD/aq" application last id)
check "a file comes out after its end" "$BUILD/aq" cp "$leaves:report.xml" "$work/report.xml"
check_equal "as it was" report "$(cat "$work/report.xml")"
check "a directory from which it has removed something" "$BUILD/aq" cp "$leaves:/etc" "$work/etc"
check_equal "without that" "" "$(ls "$work/etc/group" 2>/dev/null)"
check "a link leads to its own root" "$BUILD/aq" cp "$leaves:/out/up/out/report.xml" "$work/again"
check_fails "and not to the host's" "$BUILD/aq" cp "$leaves:/out/up$data/admin.token" "$work/token"

# ---- refused when the label is made -------------------------------------------------------------------------

refused() { # OPTIONS
    api_code POST label/ "{\"name\": \"wrong\", \"definitions\": [{\"driver\": \"container\", \"options\": {$1}}]}"
}
check_equal "an image must be given" 400 "$(refused '"command": "true"')"
check_equal "a wrong reference" 400 "$(refused '"image": "busybox:a b"')"
check_match "is explained" '*option \\"image\\" is \\"busybox:a b\\", but it has a wrong tag*' "$(cat "$work/answer")"
check_equal "a wrong port" 400 "$(refused '"image": "b", "ports": ["80"]')"
check_equal "a wrong mount" 400 "$(refused '"image": "b", "mounts": ["/a/../b:/c"]')"
check_equal "a wrong network" 400 "$(refused '"image": "b", "network": "bridged"')"
check_equal "an unknown option" 400 "$(refused '"image": "b", "privileged": true')"

# ---- a registry ---------------------------------------------------------------------------------------------

cat >"$work/registry.yml" <<X
version: 0.1
storage: {filesystem: {rootdirectory: $work/registry}, delete: {enabled: true}}
http: {addr: $registry}
X
start registry docker-registry serve "$work/registry.yml"
wait_for 20 curl -sf "http://$registry/v2/" || die "the registry does not get ready"
push() { # TAG NEWTAG
    skopeo copy --quiet --dest-tls-verify=false "oci:$work/layout:$1" "docker://$registry/team/busybox:$2" || die "no push"
}
push 1 stable
container_label pulled "\"image\": \"$registry/team/busybox:stable\", \"network\": \"none\", \"command\": \"cat /version || echo none\""
check_equal "an image of a registry" 0 "$(run_attached pulled)"
check_equal "runs" none "$(grep -v 'No such' "$work/out")"
container_label pulled-2 "\"image\": \"$registry/team/busybox:stable\", \"network\": \"none\", \"command\": \"true\"" 2
check_equal "the other agent of the host" 0 "$(run_attached pulled-2)"
check_equal "need not get it again" "" "$(cat "$work/all")"
push 2 stable
check_equal "a tag that is known is not asked for again" 0 "$(run_attached pulled)"
check_equal "so it stays what it was" none "$(grep -v 'No such' "$work/out")"
container_label newest "\"image\": \"$registry/team/busybox:stable\", \"network\": \"none\", \"pull\": \"always\", \"command\": \"cat /version\""
check_equal "with pull: always" 0 "$(run_attached newest)"
check_equal "it is what the registry has now" 2 "$(cat "$work/out")"
digest=$(skopeo inspect --tls-verify=false --no-tags --format '{{.Digest}}' "docker://$registry/team/busybox:stable")
container_label exact "\"image\": \"docker://$registry/team/busybox@$digest\", \"network\": \"none\", \"command\": \"cat /version\""
check_equal "by its digest" 0 "$(run_attached exact)"
check_equal "it is the same" 2 "$(cat "$work/out")"
container_label absent "\"image\": \"$registry/team/absent:1\", \"network\": \"none\""
check_equal "an image that does not exist" 125 "$(run_attached absent)"
check_match "is told" "*image $registry/team/absent:1*" "$(cat "$work/err")"
stop registry
check_equal "without the registry, images that are there still run" 0 "$(run_attached exact)"

# ---- a registry that wants a login --------------------------------------------------------------------------

secret="s3cret-$$"
# shellcheck disable=SC2016 # perl's
printf 'ci:%s\n' "$(perl -e 'print crypt($ARGV[0], q($2y$05$) . "aquarium" x 2 . "aquari")' "$secret")" >"$work/htpasswd"
echo "auth: {htpasswd: {realm: aquarium, path: $work/htpasswd}}" >>"$work/registry.yml"
start registry docker-registry serve "$work/registry.yml"
wait_for 20 curl -sf -u "ci:$secret" "http://$registry/v2/" || die "the registry does not get ready"
(umask 077 && printf %s "$secret" |
    skopeo login --tls-verify=false --authfile "$work/logins.json" -u ci --password-stdin "$registry" >/dev/null)
skopeo copy --quiet --authfile "$work/logins.json" --dest-tls-verify=false "oci:$work/layout:2" \
    "docker://$registry/private/busybox:1" || die "no push to the private registry"
stop "$(agent_name 2)"
container_agent 2 --set container.credentials="$work/logins.json"
wait_for 20 nodes_are_active 2 || die "the second agent does not come back"
private="\"image\": \"$registry/private/busybox:1\", \"network\": \"none\", \"command\": \"cat /version\""
container_label private-1 "$private" 1
check_equal "without a login, an image of a private registry" 125 "$(run_attached private-1)"
check_match "is refused" "*image $registry/private/busybox:1*authentication required*" "$(cat "$work/err")"
container_label private-2 "$private" 2
check_equal "with the node's login" 0 "$(run_attached private-2)"
check_equal "it runs" 2 "$(cat "$work/out")"
# One that the label gives; only root sees what is in memory.
printf 'name: private-3\nsecrets: [token]\nmetadata: {token: %s-token}\ndefinitions:\n  - driver: container\n    options: {image: "%s/private/busybox:1", network: none, pull: always, command: "cat /version $AQ_META_TOKEN_FILE; ! env | grep -q -e -token"}\n    resources: {slots: 1, ram: 128MiB, node_filter: ["agent:1"]}\n    registry: {username: ci, password: %s}\n' \
    "$secret" "$registry" "$secret" >"$work/private.yml"
"$BUILD/aq" labels create -q -f "$work/private.yml" >"$work/answer"
check_equal "with a login of the label" 0 "$(run_attached private-3)"
check_match "it runs, and reads its own secrets" "2*$secret-token*" "$(tr '\n' ' ' <"$work/out")"
check_fails "which are in no file of node or controller" grep -rqaF "$secret" "$work/agent" "$data" --exclude="output.*"
check_fails "the login is in no event" sh -c "'$BUILD/aq' log tail -n 1000 -o json | grep -q '$secret\|$(printf 'ci:%s' "$secret" | base64)'"
stop registry

# ---- images that are no good --------------------------------------------------------------------------------

cp -r "$work/layout" "$images/local/broken"
blob=$(find "$images/local/broken/blobs" -type f -size +100k | head -n 1)
printf 'damage' | dd of="$blob" bs=1 seek=5000 conv=notrunc 2>/dev/null
rm -rf "$images"/sha256-*
container_label broken '"image": "oci:broken:2", "network": "none", "command": "true"'
check_equal "a damaged image" 125 "$(run_attached broken)"
check_match "is told" '*image oci:broken:2*' "$(cat "$work/err")"
check_equal "nothing of it stays" "" "$(find "$images" -maxdepth 2 -name 'sha256-*' ! -name '*.lock')"
container_agent 3 --set container.image_size=1MiB
wait_for 20 nodes_are_active 3 || die "the third agent does not join"
container_label large '"image": "oci:busybox:1", "network": "none", "command": "true"' 3
check_equal "an image that is too large" 125 "$(run_attached large)"
check_match "is told with the bound" '*larger than 1 MiB (container.image_size of the agent)*' "$(cat "$work/err")"
check_equal "and nothing of it stays" "" "$(find "$images" -maxdepth 2 -name 'sha256-*' ! -name '*.lock')"
stop "$(agent_name 3)"
mkdir "$work/small"
mount -t tmpfs -o size=3m tmpfs "$work/small" && mkdir "$work/small/local" &&
    cp -r "$images/local/busybox" "$work/small/local/" || die "there is no small disk"
container_agent 4 --set container.images="$work/small"
wait_for 20 nodes_are_active 3 || die "the fourth agent does not join"
container_label full '"image": "oci:busybox:1", "network": "none", "command": "true"' 4
check_equal "an image for which the disk has no room" 125 "$(run_attached full)"
check_match "is told" '*image oci:busybox:1: *o space left on device*' "$(cat "$work/err")"
check_equal "and leaves the room" "" "$(find "$work/small" -maxdepth 2 -name 'sha256-*' ! -name '*.lock')"
stop "$(agent_name 4)"
umount "$work/small"

# ---- an image that wants out --------------------------------------------------------------------------------

umoci unpack --image "$images/local/busybox:1" "$work/bundle" >/dev/null
# One that everybody may open elsewhere: a builder may forbid the others itself.
mknod -m 666 "$work/bundle/rootfs/device" c 1 5
umoci repack --image "$images/local/busybox:device" "$work/bundle" >/dev/null 2>&1 || die "no image with a device"
rm -rf "$work/bundle"
container_label device '"image": "oci:busybox:device", "network": "none",
    "command": "test -c /device && echo there; dd if=/device of=/dev/null bs=512 count=1 2>/dev/null && echo opened"'
run_attached device >/dev/null
check_equal "a device in an image does not open" there "$(cat "$work/out")"

# ---- an agent that restarts ---------------------------------------------------------------------------------

container_label sleeper '"image": "oci:busybox:1", "network": "none", "stop_grace": 1,
    "command": "trap \"exit 0\" TERM; echo up; while true; do sleep 0.1; done"'
id=$(aq run sleeper -q 2>"$work/err")
resource=$(api_field .data.resource "application/$id")
pid=$(aq resource "$resource" identifier | sed 's/^pid \([0-9]*\),.*/\1/')
check "it runs" kill -0 "$pid"
stop "$agent1"
check "without its agent, too" kill -0 "$pid"
container_agent 1
wait_for 20 nodes_are_active 2 || die "the agent does not come back"
check "the agent knows it again" application_is ALLOCATED "$id"
check "and it is the same" kill -0 "$pid"
said=$(aq exec "$id" -- sh -c 'id -un; ls /bin/busybox; exit 4' 2>"$work/err")
check_equal "a command runs in it: its exit status" 4 $?
check_equal "and its output" "root
/bin/busybox" "$said"
check "it is given back" aq rm "$id"
check "and ends" wait_for 20 application_is DEALLOCATED "$id"
check_fails "nothing of it runs" kill -0 "$pid"

# ---- metadata -----------------------------------------------------------------------------------------------

# The first container with an address: the network, and who listens there, come with it.
container_label early '"image": "oci:busybox:1", "command": "echo $AQ_METADATA_URL; wget -qO- \"$AQ_METADATA_URL?format=env\""'
run_attached early metadata.branch=main metadata.ssh.port=22 >/dev/null
check_equal "a container gets its metadata as soon as it asks" "http://10.83.0.1/meta/v1/data/
BRANCH='main'
SSH_PORT='22'" "$(cat "$work/out")"
sleeping='"image": "oci:busybox:1", "command": "exec sleep 1000"'
api POST label/ "{\"name\": \"sleeping\", \"secrets\": [\"only\"], \"definitions\": [{\"driver\": \"container\", \"options\": {$sleeping},
    \"resources\": {\"slots\": 1, \"ram\": \"128MiB\", \"node_filter\": [\"agent:1\"]}}]}" >"$work/answer"
printf mine >"$work/only"
container_label sleeping-2 "$sleeping" 2
start_sleeping() { # LABEL ARGUMENTS...: prints the application, the container's main process, and its address
    local id resource
    id=$(aq run "$@" -q 2>>"$work/err")
    resource=$(api_field .data.resource "application/$id")
    echo "$id $(aq resource "$resource" identifier | sed 's/^pid \([0-9]*\).*/\1/') $(aq resource "$resource" ip_addr)"
}
started=$(start_sleeping sleeping metadata.who=one --secret only="$work/only")
read -r one pid1 address1 <<X
$started
X
started=$(start_sleeping sleeping metadata.who=two)
read -r two pid2 address2 <<X
$started
X
started=$(start_sleeping sleeping-2 metadata.who=three)
read -r three pid3 _ <<X
$started
X
asks() { # PID PATH [PORT]: from the container's network; prints the answer
    nsenter -t "$1" -n curl -s -m 20 "http://10.83.0.1:${3:-80}/meta/v1/data/$2"
}
# As a program in it would that has another address, or forges it. Prints curl's exit status.
asks_from() { # PID ADDRESS
    nsenter -t "$1" -n curl -s -m 3 --interface "$2" -o "$work/answer" http://10.83.0.1/meta/v1/data/
    echo $?
}
check_equal "a secret is shown to nobody" '***' "$(api_field .data.metadata.only "application/$one")"
check_equal "but to its container" mine "$(asks "$pid1" only)"
stop controller
check_equal "it needs no controller" one "$(asks "$pid1" who)"
check_equal "it is where clouds have it, too" one "$(nsenter -t "$pid1" -n curl -s -m 20 http://169.254.169.254/meta/v1/data/who)"
check_equal "another container gets its own" two "$(asks "$pid2" who)"
check_match "and nothing of the first" '*"not_found"*' "$(asks "$pid2" only)"
check_equal "as YAML" "only: mine
who: one" "$(asks "$pid1" '?format=yaml' | sort)"
check_equal "the other agent of the host has a port of its own" three "$(asks "$pid3" who 81)"
check_match "and the first one knows nothing of its containers" '*"not_found"*' "$(asks "$pid3" who)"
stop "$agent1"
container_agent 1
check "after a restart of the agent it is there again" wait_for 20 asks "$pid1" who
check_equal "for the same container" one "$(asks "$pid1" who)"
check_equal "with its secret" mine "$(asks "$pid1" only)"
check_match "a process of the host is no workload" '*"not_found"*' "$(curl -s -m 20 http://10.83.0.1/meta/v1/data/)"
check_fails "and cannot have the address of one" curl -s -m 20 --interface "$address1" http://10.83.0.1/meta/v1/data/
check_equal "by its own address, one answers" 0 "$(asks_from "$pid2" "$address2")"
nsenter -t "$pid2" -n ip addr add "$address1/32" dev eth0
check_equal "by that of another, the network keeps it away" 28 "$(asks_from "$pid2" "$address1")"
nsenter -t "$pid2" -n ip link set eth0 address "$(nsenter -t "$pid1" -n cat /sys/class/net/eth0/address)"
check_equal "also with its hardware address" 28 "$(asks_from "$pid2" "$address1")"
start everywhere busybox httpd -f -p 79
check "a server of the host that listens everywhere" wait_for 20 curl -s -m 5 http://10.83.0.1:79/
check_equal "is not reached by containers" 28 "$(nsenter -t "$pid1" -n curl -s -m 3 http://10.83.0.1:79/; echo $?)"
stop everywhere
controller_start
wait_for 20 nodes_are_active 2 || die "the agents do not come back to the controller"
check "they are given back" aq rm "$one" "$two" "$three"

# ---- network ------------------------------------------------------------------------------------------------

container_label web '"image": "oci:busybox:1", "ports": ["20080:80"],
    "command": "mkdir /www; echo hello from $(hostname) > /www/index.html; exec httpd -f -p 80 -h /www"'
first=$(aq run web -q 2>"$work/err")
address=$(aq resource "$(api_field .data.resource "application/$first")" ip_addr)
check_match "it has an address" '10.83.*' "$address"
check "its port is that of the node" wait_for 20 curl -sf -m 2 "http://127.0.0.1:20080/"
aq run web -q --timeout 20 >"$work/out" 2>"$work/err"
check "another one that wants the same port of the host" wait_for 30 application_is ERROR "$(aq application last id)"
check_match "is told" '*port 20080 of the node is in use, by another container or a server*' "$(aq application last description)"
container_label forbidden '"image": "oci:busybox:1", "ports": ["80:80"]'
forbidden=$(application_create forbidden)
check_match "one that wants a port that no node allows waits, and is told at once" \
    "*NEW*port 80 may not lead to containers there, only: 20000-20999 (container.ports of its agent)*" \
    "$(application_status "$forbidden") $(api_field .data.description "application/$forbidden")"
check "and it answers the host itself" curl -sf -m 5 "http://$address/"
container_label peer '"image": "oci:busybox:1",
    "command": "httpd -p 81; try() { nc -w 2 $1 $2 </dev/null && echo reached $1; }; try 127.0.0.1 81; try $AQ_META_PEER 80; try 10.83.0.1 '"$api_port"'; ip -o addr show eth0 | grep -c inet"'
run_attached peer "metadata.peer=$address" >/dev/null
check_equal "others do not reach it, nor the host; they have one address" "reached 127.0.0.1
1" "$(grep -v '^nc:' "$work/out")"
# Another host, which knows no way to the addresses of containers: so they come with that of the node.
mkdir "$work/far" && echo "from afar" >"$work/far/index.html"
start far unshare --net sh -c "ip link set lo up; echo ready; exec busybox httpd -f -p 80 -h '$work/far'"
wait_for 10 grep -q ready "$work/far.log" || die "there is no other host"
far=$(pid_of far)
ip link add far0 type veth peer name far1 netns "$far" && ip addr add 192.0.2.1/30 dev far0 && ip link set far0 up &&
    nsenter --net="/proc/$far/ns/net" ip addr add 192.0.2.2/30 dev far1 &&
    nsenter --net="/proc/$far/ns/net" ip link set far1 up || die "the other host is not connected"
container_label traveller '"image": "oci:busybox:1", "command": "printf \"GET / HTTP/1.0\\r\\n\\r\\n\" | nc -w 5 192.0.2.2 80 | tail -n 1"'
run_attached traveller >/dev/null
check_equal "a container reaches other hosts by its node" "from afar" "$(cat "$work/out")"
far_reaches() { # ADDRESS PORT
    nsenter --net="/proc/$far/ns/net" curl -sf -m 2 "http://$1:$2/"
}
check_match "and they reach its ports at the node" 'hello from *' "$(far_reaches 192.0.2.1 20080)"
nsenter --net="/proc/$far/ns/net" ip route add 10.83.0.0/20 via 192.0.2.1
check_fails "but not its own address" far_reaches "$address" 80
stop far
carried() {
    api GET "resource/$(api_field .data.resource "application/$first")/load" |
        jq -e '.data.now | .received_bytes > 100 and .sent_bytes > 100 and .cpu != null and .memory_bytes > 0'
}
check "what it receives and sends is counted" wait_for 20 carried

[ -n "${AQ_OWN_NETWORK:-}" ] || die "this is not the test's own network"
nft flush ruleset # as many hosts do when they load their own rules anew
check "after the host's rules were removed, containers that run get theirs back" wait_for 20 curl -sf -m 2 "http://127.0.0.1:20080/"
check_equal "and what keeps them apart is there again" 2 "$(nft list tables | grep -c aquarium_containers)"

container_label same '"image": "oci:busybox:1", "ports": ["20080:81"], "command": "true"'
check_equal "a port is given out once" 125 "$(run_attached same)"
check_match "another container that asks for it is told" '*port 20080 of the node*in use*' "$(cat "$work/err")"
check "it is given back" aq rm "$first"
check "it ends" wait_for 20 application_is DEALLOCATED "$first"
check_equal "and the port is free again" 0 "$(run_attached same)"
finish
