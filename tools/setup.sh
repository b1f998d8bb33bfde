#!/bin/sh
# Installs what is missing to build and run Aquarium on Debian 12 or 13; with `libvirt` also what the driver libvirt needs,
# which is large, with `check` what the tests need, and with `debian` what makes a root of another release
# (tools/check/debian.sh).
# Prints little unless something fails. Returns at once, and needs no root, when nothing is missing.
#
#   tools/setup.sh [libvirt|check|debian]
set -eu
cd "$(dirname "$0")/.."
. tools/sources.sh

raft_least=0.22.1
msgpack=libmsgpack-c-dev # since Debian 13
grep -q '^VERSION_CODENAME=bookworm' /etc/os-release && msgpack=libmsgpack-dev
to_run="gcc libc6-dev make pkg-config liblmdb-dev libnanomsg-dev libsodium-dev libgnutls28-dev libmicrohttpd-dev $msgpack
    libjansson-dev libyaml-dev libfuse3-dev libcurl4-openssl-dev libssl-dev libevent-dev libseccomp-dev e2fsprogs fuse3 curl
    procps util-linux"
to_check="clang libclang-rt-dev clang-format libcmocka-dev jq iproute2 git patch openssl perl-base python3 chromium-headless-shell
    crun runc skopeo umoci busybox-static docker-registry nftables"
to_libvirt="libvirt-dev libarchive-dev libvirt-daemon-system libvirt-clients qemu-system-x86 qemu-utils busybox-static"
to_debian="debootstrap util-linux curl"
own_source=/etc/apt/sources.list.d/aquarium-backports

say() {
    echo "setup: $*" >&2
}

fail() {
    say "$@"
    exit 1
}

# Prints the packages of the list that are not installed.
missing_of() {
    local installed package
    installed=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' "$@" 2>/dev/null | sed -n 's/^installed //p')
    installed=" $(echo $installed) "
    for package in "$@"; do
        case $installed in
        *" $package "*) ;;
        *) echo "$package" ;;
        esac
    done
}

raft_is_good() {
    local version
    [ "$raft_least" != 0 ] || return 0
    version=$(dpkg-query -W -f '${db:Status-Status} ${Version}' libraft-dev 2>/dev/null | sed -n 's/^installed //p')
    [ -n "$version" ] && dpkg --compare-versions "$version" ge "$raft_least"
}

# ---- apt ------------------------------------------------------------------------------------------------

# Runs apt-get. Shows its output only if the last attempt fails. Another apt may hold the locks for a while.
apt_try() {
    local attempt
    for attempt in 1 2 3 4 5 6; do
        if DEBIAN_FRONTEND=noninteractive apt-get -y -q -o DPkg::Lock::Timeout=60 -o Dpkg::Use-Pty=0 \
            -o Acquire::Retries=3 "$@" </dev/null >"$scratch/apt.log" 2>&1; then
            return 0
        fi
        grep -q 'Could not get lock\|Unable to lock\|Unable to acquire the dpkg' "$scratch/apt.log" || break
        [ "$attempt" = 1 ] && say "waiting for another apt to finish"
        sleep 10
    done
    return 1
}

apt_show() {
    tail -n 40 "$scratch/apt.log" | sed 's/^/    /' >&2
}

updated=no
apt_update() {
    [ "$updated" = no ] || return 0
    updated=yes
    # Ignores a failure: the source that is down may not be needed. If it is, the installation fails.
    apt_try update || true
}

lists_are_there() {
    [ -n "$(find /var/lib/apt/lists -maxdepth 1 -name '*_Packages*' -mtime -7 2>/dev/null | head -n 1)" ]
}

apt_install() {
    lists_are_there || apt_update
    apt_try install --no-install-recommends "$@" && return 0
    if [ "$updated" = no ]; then
        apt_update
        apt_try install --no-install-recommends "$@" && return 0
    fi
    apt_show
    fail "apt-get could not install: $*"
}

# ---- libraft ----------------------------------------------------------------------------------------------

# Prints the suite that offers a libraft-dev that is new enough: "default" if a plain install takes it.
raft_offered() {
    local version
    version=$(apt-cache policy libraft-dev | sed -n 's/^ *Candidate: //p')
    if [ -n "$version" ] && [ "$version" != "(none)" ] && dpkg --compare-versions "$version" ge "$raft_least"; then
        echo default
        return 0
    fi
    version=$(apt-cache madison libraft-dev | grep "$release-backports/" | awk -F '|' 'NR == 1 { gsub(/ /, "", $2); print $2 }')
    if [ -n "$version" ] && dpkg --compare-versions "$version" ge "$raft_least"; then
        echo "$release-backports"
    fi
}

# Tries one candidate for a source of backports. Updates only its lists, so that a wrong one costs little.
backports_use() {
    local target="$own_source.${1##*.}"
    rm -f "$own_source.sources" "$own_source.list"
    cp "$1" "$target"
    chmod 644 "$target"
    apt_try update -o Dir::Etc::sourcelist="$target" -o Dir::Etc::sourceparts=- -o APT::Get::List-Cleanup=0 &&
        [ -n "$(raft_offered)" ] && return 0
    rm -f "$target"
    return 1
}

raft_install() {
    local suite candidate
    suite=$(raft_offered)
    if [ -z "$suite" ]; then
        apt_update
        suite=$(raft_offered)
    fi
    if [ -z "$suite" ]; then
        mkdir "$scratch/candidates"
        sources_candidates /etc/apt "$release" "$release-backports" "$scratch/candidates"
        for candidate in "$scratch"/candidates/*; do
            [ -f "$candidate" ] && backports_use "$candidate" && break
        done
        suite=$(raft_offered)
    fi
    case $suite in
    "") fail "libraft-dev $raft_least or later is not available: on Debian 12 it comes from the suite" \
        "$release-backports, on later releases from main; add that suite to the apt sources and run this again" ;;
    default) apt_install libraft-dev ;;
    *) apt_install -t "$suite" libraft-dev ;;
    esac
    raft_is_good || fail "libraft-dev was installed, but is older than $raft_least"
}

# ---- what to do -------------------------------------------------------------------------------------------

command -v dpkg-query >/dev/null || fail "this script is for Debian: install the libraries of docs/dependencies.md by hand"
wanted=$to_run
case ${1-} in
"") ;;
libvirt) wanted="$wanted $to_libvirt" ;;
check) wanted="$wanted $to_check $to_libvirt" ;;
debian) wanted=$to_debian ;;
*) fail "unknown word \"$1\": give nothing, \"libvirt\", \"check\" or \"debian\"" ;;
esac
[ "${1-}" = debian ] && raft_least=0 # not needed
# shellcheck disable=SC2086 # words
missing=$(missing_of $wanted)
[ -z "$missing" ] && raft_is_good && exit 0

# shellcheck disable=SC2086 # words
list=$(echo $missing $(raft_is_good || echo "libraft-dev>=$raft_least"))
[ "$(id -u)" = 0 ] || fail "not installed: $list. Run this once as root: $0 ${1-}"
release=$(. /etc/os-release && echo "${VERSION_CODENAME:-unknown}")
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
trap 'exit 130' INT TERM
say "installing $list"
# shellcheck disable=SC2086 # words
[ -z "$missing" ] || apt_install $missing
raft_is_good || raft_install
