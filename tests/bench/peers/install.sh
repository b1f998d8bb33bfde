#!/bin/sh
# Installs the neighbours from Debian's packages: Slurm with munge, etcd, h2load, which speaks etcd's own protocol, and
# Docker.
# No daemon is started by this, nor at the next boot, whatever the machine's policy is: the benchmarks start their own, in
# their own directory.
set -u

policy=/usr/sbin/policy-rc.d
missing=""
services=""

need() { # PROGRAM PACKAGE [SERVICE]
    command -v "$1" >/dev/null 2>&1 && return
    missing="$missing $2"
    services="$services ${3-}"
}

PATH=$PATH:/usr/sbin:/sbin
need slurmctld slurmctld slurmctld
need slurmd slurmd slurmd
need sbatch slurm-client
need munged munge munge
need etcd etcd-server etcd
need h2load nghttp2-client
need dockerd docker.io "docker docker.socket containerd"
[ -n "$missing" ] || exit 0
[ "$(id -u)" = 0 ] || {
    echo "install.sh: these packages are missing, and only root can install them:$missing" >&2
    exit 1
}
if [ ! -e "$policy" ]; then
    trap 'rm -f "$policy"' EXIT
    trap 'exit 143' INT TERM HUP
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
fi
apt-get -qq update >&2
# shellcheck disable=SC2086 # words
DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends $missing >&2 || exit
# shellcheck disable=SC2086 # words
set -- $services
if [ -d /run/systemd/system ] && [ $# -gt 0 ]; then
    systemctl disable -q "$@"
fi
