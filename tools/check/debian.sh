#!/bin/sh
# `make check-debian RELEASE=trixie`: makes a root with a fresh Debian of that release, and runs in it what README.md
# promises there: tools/setup.sh, make up, a try of the cluster, make down, make check.
#
# Debian's debootstrap makes the root, from the mirror of this machine's own apt sources. It has a copy of the sources, and
# namespaces of its own for mounts, processes, control groups and, once everything is installed, the network. So nothing of
# it is left on this machine when it ends or is interrupted. Needs root and about 4 GB in TMPDIR (/var/tmp); the logs of
# make check are kept in build/check-debian/.
set -eu
cd "$(dirname "$0")/../.."
. tools/sources.sh

say() {
    echo "check-debian: $*"
}

fail() {
    say "$@" >&2
    exit 1
}

release=${1-}
case $release in
"" | *[!a-z]*) fail "\"$release\" is no release of Debian: give its code name, such as RELEASE=trixie" ;;
esac
[ "$(id -u)" = 0 ] || fail "this needs root: it makes a root directory and namespaces"
for program in debootstrap unshare curl; do
    command -v "$program" >/dev/null || fail "$program is not installed: run tools/setup.sh debian"
done

# ---- cleaning up ------------------------------------------------------------------------------------------

work=$(mktemp -d "${TMPDIR:-/var/tmp}/aquarium-debian.XXXXXX")
root=$work/root
group=aquarium-debian-$$
inside="" # pid of unshare: when it ends, all processes of the root end with it

# The mounts of control groups that can be used, one on each line.
group_mounts() {
    awk '{ for (i = 7; i < NF; i++) if ($i == "-" && ($(i + 1) == "cgroup" || $(i + 1) == "cgroup2")) print $5 }' \
        /proc/self/mountinfo | while read -r mount; do
        [ -w "$mount/cgroup.procs" ] && echo "$mount"
    done
}

groups_remove() {
    local mount tries=100
    for mount in $(group_mounts); do
        while [ -d "$mount/$group" ] && [ "$tries" -gt 0 ]; do
            find "$mount/$group" -depth -type d -exec rmdir {} \; 2>/dev/null || true
            [ ! -d "$mount/$group" ] || sleep 0.1
            tries=$((tries - 1))
        done
        [ ! -d "$mount/$group" ] || say "$mount/$group is in use and was not removed" >&2
    done
}

cleanup() {
    local status=$?
    trap - EXIT
    trap '' INT TERM HUP
    if [ -n "$inside" ]; then
        kill -s KILL "$inside" 2>/dev/null || true
        wait "$inside" 2>/dev/null || true
    fi
    groups_remove
    rm -rf --one-file-system "$work"
    exit "$status"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# ---- what the root needs from here ------------------------------------------------------------------------

# The packages come by the same way as this machine's own.
find_proxy() {
    local proxy=""
    eval "$(apt-config shell proxy Acquire::http::Proxy)"
    [ -z "$proxy" ] || [ "$proxy" = DIRECT ] || export http_proxy="$proxy"
}

# Does this mirror have the release, and is it Debian's own? Others offer packages for it, too.
is_debian() { # MIRROR
    curl -sfL -m 60 "$1/dists/$release/Release" | grep -q '^Origin: Debian$'
}

# Sets mirror, and keyring to the file of its keys or "". Sources may name their release by its code name or as stable.
find_mirror() {
    local own name candidate
    own=$(. /etc/os-release && echo "${VERSION_CODENAME:-unknown}")
    for name in "$own" stable oldstable testing; do
        rm -rf "$work/candidates"
        mkdir "$work/candidates"
        sources_candidates /etc/apt "$name" "$release" "$work/candidates"
        for candidate in "$work"/candidates/*; do
            [ -f "$candidate" ] || continue
            keyring=$(sources_keyring "$candidate" | head -n 1)
            [ -f "$keyring" ] || keyring=""
            for mirror in $(sources_addresses "$candidate" | grep -E '^(https?|file):'); do
                is_debian "$mirror" && return 0
            done
        done
    done
    fail "no mirror in this machine's apt sources has Debian $release"
}

# The tree as it is, with changes that are not committed and with its history, but without what was built.
copy_sources() {
    local to=$work/sources
    if git rev-parse -q --verify HEAD >/dev/null 2>&1; then
        git clone -q --no-checkout --depth 3 "file://$PWD" "$to"
        git ls-files -z --cached --others --exclude-standard >"$work/files"
        tar --null --ignore-failed-read -T "$work/files" -cf - 2>/dev/null | tar -xf - -C "$to"
        git -C "$to" reset -q
    else
        mkdir "$to"
        tar --exclude=./build -cf - . | tar -xf - -C "$to"
    fi
}

# In version 2 a group with processes cannot pass controllers on, so the processes get a group in the group.
make_groups() {
    local mount file
    for mount in $(group_mounts); do
        mkdir "$mount/$group" || continue
        for file in cpuset.cpus cpuset.mems; do # version 1: empty at first, and then no process can join
            [ ! -f "$mount/$file" ] || cat "$mount/$file" >"$mount/$group/$file" 2>/dev/null || true
        done
        [ -f "$mount/$group/cgroup.controllers" ] || continue
        mkdir "$mount/$group/init"
        for file in cpu memory pids; do
            echo "+$file" >"$mount/$group/cgroup.subtree_control" 2>/dev/null || true
        done
    done
}

# ---- the run ----------------------------------------------------------------------------------------------

find_proxy
find_mirror
copy_sources
make_groups
mounts=$(group_mounts)
kept=build/check-debian/$release
rm -rf "$kept"
mkdir -p "$kept"
# The first shell joins the groups and becomes process 1 of the root's namespaces.
unshare --mount --propagation private --pid --fork --kill-child --mount-proc --uts --ipc sh -c '
    group=$1 mounts=$2
    for mount in $mounts; do
        [ -d "$mount/$group" ] || continue
        if [ -d "$mount/$group/init" ]; then echo 0 >"$mount/$group/init/cgroup.procs"
        else echo 0 >"$mount/$group/cgroup.procs"; fi || exit 1
    done
    shift 2
    exec unshare --cgroup tools/check/debian_root.sh make "$@"
' sh "$group" "$mounts" "$release" "$group" "$mounts" "$work" "$mirror" "$keyring" "$PWD/$kept" </dev/null &
inside=$!
status=0
wait "$inside" || status=$?
inside=""
[ "$status" = 0 ] || fail "$release: failed; see above, and the logs in $kept"
say "$release: make up, the cluster, make down and make check are good"
