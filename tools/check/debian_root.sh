#!/bin/sh
# The part of tools/check/debian.sh that runs in namespaces of its own: makes the root and runs the commands in it. All its
# mounts and processes end with the namespaces.
#
#   debian_root.sh make RELEASE GROUP "MOUNTS of control groups" WORK MIRROR KEYRING LOGS
#   debian_root.sh use RELEASE        in the root, when everything is installed
set -eu
part=$1 release=$2
tree=/usr/src/aquarium # in the root

say() {
    echo "check-debian: $*"
}

fail() {
    say "$@" >&2
    exit 1
}

# ---- the root ---------------------------------------------------------------------------------------------

make_root() {
    say "making a root of $release in $root"
    mkdir "$root"
    # Scripts of debootstrap for releases that are newer than itself are links to that of sid.
    if ! debootstrap --variant=minbase --include=ca-certificates ${keyring:+--keyring="$keyring"} "$release" "$root" \
        "$mirror" $([ -f "/usr/share/debootstrap/scripts/$release" ] || echo /usr/share/debootstrap/scripts/sid) \
        >"$work/debootstrap.log" 2>&1; then
        tail -n 20 "$work/debootstrap.log" >&2
        fail "debootstrap cannot make a root of $release from $mirror"
    fi
    # Names are looked up, and packages fetched, as on this machine.
    cp /etc/resolv.conf /etc/hosts "$root/etc/" 2>/dev/null || true
    apt-config dump | grep -i '^Acquire::https*::Proxy ' >"$root/etc/apt/apt.conf.d/90proxy" || true
    # No service is to be started when its package is installed.
    printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
    chmod 755 "$root/usr/sbin/policy-rc.d"
    mkdir -p "$root/usr/src"
    mv "$work/sources" "$root$tree"
}

mount_root() {
    local mount
    mount --bind "$root" "$root"
    mount -t proc proc "$root/proc"
    mount -t sysfs sysfs "$root/sys"
    mount -t tmpfs tmpfs "$root/dev/shm"
    mkdir -p "$root/dev/pts"
    mount -t devpts -o newinstance,ptmxmode=0666 devpts "$root/dev/pts"
    ln -sfn pts/ptmx "$root/dev/ptmx"
    ln -sfn /proc/self/fd "$root/dev/fd"
    [ -e "$root/dev/fuse" ] || mknod -m 666 "$root/dev/fuse" c 10 229
    for mount in $mounts; do
        [ -d "$mount/$group" ] || continue
        case $mount in
        /sys/fs/cgroup) ;;
        /sys/fs/cgroup/*)
            mountpoint -q "$root/sys/fs/cgroup" || mount -t tmpfs tmpfs "$root/sys/fs/cgroup"
            mkdir -p "$root$mount"
            ;;
        *) continue ;;
        esac
        mount --bind "$mount/$group" "$root$mount"
    done
    mount --bind "$logs" "$root/mnt"
}

# Not chroot(1): tests that enter a mount namespace would find themselves in this machine's root.
enter_root() {
    cd "$root"
    mkdir -p .machine
    pivot_root . .machine
    cd /
    umount -l /.machine
    rmdir /.machine
}

# ---- commands in it ---------------------------------------------------------------------------------------

# run NAME COMMAND: as a login of root on a fresh machine, with nothing of the environment here but the way to the network.
run() {
    local started
    started=$(date +%s)
    say "$release: $1"
    cd "$tree"
    env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 \
        ${http_proxy:+http_proxy="$http_proxy"} ${https_proxy:+https_proxy="$https_proxy"} \
        ${no_proxy:+no_proxy="$no_proxy"} bash -c "$2" || fail "$release: $1: failed with status $?"
    say "$release: $1: good, $(($(date +%s) - started)) s"
}

# What README.md shows in its first minutes.
try_cluster='
    set -eu
    test -d /aquarium
    echo label=mac > /aquarium/applications/new
    for try in $(seq 100); do
        [ "$(cat /aquarium/applications/last/status)" != ALLOCATED ] || break
        sleep 0.1
    done
    test "$(cat /aquarium/applications/last/status)" = ALLOCATED
    grep -q "hello from the label" /aquarium/resources/*/meta
    grep -q "was chosen" /aquarium/applications/last/why
    curl -sf --unix-socket /var/lib/aquarium/controller/run/api.sock localhost/api/v1/resource/ | grep -q RUNNING
    aq run shaky | grep -q ALLOCATED
    aq log verify | grep -qx equal
    echo 1 > /aquarium/applications/1/deallocate
    for try in $(seq 100); do
        [ "$(cat /aquarium/applications/1/status)" != DEALLOCATED ] || break
        sleep 0.1
    done
    test "$(cat /aquarium/applications/1/status)" = DEALLOCATED
'

nothing_left='
    ! grep " /aquarium " /proc/self/mountinfo &&
    ! ps -e -o comm= | grep "^aq-"
'

make_part() {
    group=$1 mounts=$2 work=$3 mirror=$4 keyring=$5 logs=$6
    root=$work/root
    make_root
    mount_root
    enter_root
    run "tools/setup.sh" "tools/setup.sh"
    run "tools/setup.sh check" "tools/setup.sh check"
    # With a network of its own, so that ports are free, and nothing but what is installed can be used.
    exec unshare --net "$tree/tools/check/debian_root.sh" use "$release"
}

use_part() {
    ip link set lo up
    run "make up" "make up"
    run "the cluster" "$try_cluster"
    run "make down" "make down"
    run "nothing is left" "$nothing_left"
    trap 'cp -r "$tree/build/logs" /mnt/ 2>/dev/null' EXIT
    run "make check" "make check"
}

shift 2
case $part in
make) make_part "$@" ;;
use) use_part ;;
esac
