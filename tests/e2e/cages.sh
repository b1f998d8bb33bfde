#!/bin/sh
# The attack of escape.sh from within containers: as a user of the image, and as the container's root. Beside it run a
# container that is the victim, sockets of the host, and services on ports of the node.
# In a network namespace of its own, since containers get a bridge there.
if [ -z "${AQ_OWN_NETWORK-}" ]; then
    [ "$(id -u)" = 0 ] || {
        echo "ok # skip: only root can make containers"
        exit 0
    }
    exec unshare --net env AQ_OWN_NETWORK=1 sh "$0" "$@"
fi
. "$(dirname "$0")/lib.sh"
ip link set lo up
for program in skopeo umoci busybox nft perl; do
    command -v "$program" >/dev/null || die "$program is missing: tools/setup.sh check installs it"
done

# ---- an image with perl, and the attack ------------------------------------------------------------------------

images=$work/images
tools/busybox.sh "$images/local/attack" || die "the image is not made"
umoci unpack --image "$images/local/attack:1" "$work/bundle" >/dev/null || die "the image is not unpacked"
perl -MPOSIX -MFcntl -MSocket -MErrno -MFile::Glob -e 'print "$_\n" for values %INC, @DynaLoader::dl_shared_objects, $^X' >"$work/files"
for file in $(cat "$work/files"); do
    ldd "$file" 2>/dev/null | grep -o '/[^ ]*'
done | sort -u >>"$work/files"
while read -r file; do
    mkdir -p "$work/bundle/rootfs/${file%/*}" && cp -L "$file" "$work/bundle/rootfs/$file"
done <"$work/files"
# On the host, /lib and so on lead into /usr; what is missing in the image is so no directory there.
cp "${0%/*}/escape.pl" "$work/bundle/rootfs/attack.pl"
umoci repack --image "$images/local/attack:2" "$work/bundle" >/dev/null 2>&1 || die "the image is not packed"
rm -rf "$work/bundle"

# ---- what is there to be reached -------------------------------------------------------------------------------

controller_start
node=$(agent_name 1)
agent_start "$node" --set capacity.ram=2GiB --set capacity.slots=32 --set allow.unisolated=true \
    --set container.images="$images"
wait_for 20 nodes_are_active 1 || die "the agent does not join"
fs_start
log_of() { # APPLICATION
    api GET "application/$1/log" | jq -r .data
}
mark=victim-$tag
label_create victim container "{\"image\": \"oci:attack:2\",
    \"command\": \"umask 0; echo treasure >/secret; chmod 777 / /secret; echo up; : $mark; httpd -p 8080; while :; do sleep 0.2; done\"}"
victim=$(application_create victim)
victim_is_up() {
    log_of "$victim" | grep -q '^up'
}
if ! wait_for 60 victim_is_up; then
    description=$(api_field .data.description "application/$victim")
    case $description in *'Operation not permitted'*)
        echo "ok # skip: no containers here: $description"
        exit 0
        ;;
    esac
    die "the victim does not run: $description"
fi
resource=$(api_field .data.resource "application/$victim")
pid=$(api_field .data.identifier "resource/$resource" | sed 's/^pid \([0-9]*\).*/\1/')
address=$(api_field .data.ip_addr "resource/$resource")
home=$work/agent/$node/workloads/$resource/driver/upper
check_equal "the victim's secret is there" treasure "$(cat "$home/secret")"
uid=$(stat -c %u "/proc/$pid")
gateway=$(ip -4 -o addr show dev aq-containers 2>/dev/null | awk '{ sub("/.*", "", $4); print $4 }')
start listener perl -MSocket -e 'for my $address (pack_sockaddr_un($ARGV[0]), pack_sockaddr_un($ARGV[1]), pack("Sa*", AF_UNIX, "\0$ARGV[2]")) {
        socket(my $socket, PF_UNIX, SOCK_STREAM, 0); bind($socket, $address) && listen($socket, 9) or die "$!"; push @all, $socket }
    socket(my $port, PF_INET, SOCK_STREAM, 0); bind($port, pack_sockaddr_in(7777, INADDR_ANY)) && listen($port, 9) or die "$!";
    chmod 0777, @ARGV[0, 1]; open(my $ready, ">", $ARGV[3]); close $ready; sleep 1000' \
    "$work/open.sock" "/run/$tag.sock" "$tag" "$work/listening"
trap 'status=$?; rm -f "/run/$tag.sock"; (exit "$status"); e2e_cleanup' EXIT
check "sockets listen" wait_for 10 test -e "$work/listening"
environment="\"VICTIM\": $pid, \"VICTIM_HOME\": \"$home\", \"VICTIM_UID\": $uid, \"MARK\": \"$mark\",
    \"AGENT\": $(pid_of "$node"), \"ABSTRACT\": \"$tag\", \"SCOPED\": \"1\",
    \"SECRETS\": \"$data/admin.token $data/hub.key $data/tls/authority.key $work/agent/$node/node.key $work/join\",
    \"PATHS\": \"$mount/README $work $work/agent /run/aquarium.numbers /run/aquarium $images\",
    \"PORTS\": \"$gateway:7777 $gateway:$api_port $gateway:$hub_port $address:8080\",
    \"SOCKETS\": \"$work/open.sock /run/$tag.sock $data/run/local.sock $data/run/api.sock /run/dbus/system_bus_socket\""

# ---- the attack ------------------------------------------------------------------------------------------------

is_over() { # APPLICATION
    case $(application_status "$1") in DEALLOCATED | ERROR) ;; *) return 1 ;; esac
}
# attack_as NAME DRIVER OPTIONS: what it got is in $work/NAME.
attack_as() {
    local id
    label_create "$1" "$2" "{$3}"
    id=$(application_create "$1")
    wait_for 60 is_over "$id" || note "$(api_field .data.description "application/$id")"
    log_of "$id" | grep -v '^\[aquarium:' >"$work/$1"
}
attack_as open process "\"isolate\": false, \"environment\": {$environment}, \"command\": \"perl -e '$(
    sed "s/'/'\\\\''/g" "${0%/*}/escape.pl" | jq -Rs . | sed 's/^"//; s/"$//')' 2>&1\""
check "without walls it gets sockets" grep -q "got socket $work/open.sock" "$work/open"
check "ports of the node" grep -q "got port $gateway:7777" "$work/open"
check "and those of the other container" grep -q "got port $address:8080" "$work/open"
container="\"image\": \"oci:attack:2\", \"environment\": {$environment, \"CONTAINER\": \"1\"}, \"command\": \"/usr/bin/perl /attack.pl 2>&1\""
attack_as user container "$container, \"user\": \"user\", \"directory\": \"/home/user\""
check_equal "a user in a container gets nothing" "" "$(grep -v '^tried ' "$work/user")"
check_equal "though it tried all of that" "$(grep '^tried' "$work/open")" "$(grep '^tried' "$work/user")"
attack_as root container "$container"
# Root of a container has what is its own: its number, its files, ports of its own network.
check_equal "root in a container gets only what is its own" "" "$(grep -v -e '^tried ' -e '^got root' \
    -e '^got a program that runs as its owner' -e '^got another root' -e '^got a port of a service' -e '^got system file' "$work/root")"
check_equal "though it tried all of that as well" "$(grep '^tried' "$work/open")" "$(grep '^tried' "$work/root")"
check_equal "the victim runs" ALLOCATED "$(application_status "$victim")"
check_equal "and its secret is what it was" treasure "$(cat "$home/secret")"
check_equal "the node is there" ACTIVE "$(api_field .data.status "node/$node")"
finish
