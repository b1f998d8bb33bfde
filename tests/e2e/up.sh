#!/bin/sh
# make up and make down: running them twice does no harm; down leaves no process, mount or control group, and keeps the state.
# In a network of its own, since its containers get a bridge there.
[ "$(id -u)" != 0 ] || [ -n "${AQ_UNSHARED-}" ] || AQ_UNSHARED=1 exec unshare -n "$0" "$@"
. "$(dirname "$0")/lib.sh"
[ -z "${AQ_UNSHARED-}" ] || ip link set lo up

export AQUARIUM_ROOT="$work/m" AQUARIUM_NODES="$tag-1 $tag-2" AQUARIUM_API_PORT=0 AQUARIUM_HUB_PORT=0
view=$AQUARIUM_ROOT/aquarium
run=$AQUARIUM_ROOT/run/aquarium
mkdir -p "$AQUARIUM_ROOT"

# `make down` cleans up in any case.
at_end() {
    tools/down.sh >>"$work/down.log" 2>&1 9>&-
    e2e_cleanup
}
trap at_end EXIT

pids() {
    cat "$run"/*.pid | sort
}

aq_as_admin() { # WORDS...
    AQ_SERVER="http://127.0.0.1:$(cat "$AQUARIUM_ROOT/var/lib/aquarium/controller/run/api.port")" AQ_USER=admin \
        AQ_TOKEN_FILE="$AQUARIUM_ROOT/var/lib/aquarium/controller/admin.token" "$BUILD/aq" "$@"
}

aq_count() { # WORDS...: how many rows does aq list?
    aq_as_admin "$@" --quiet | wc -l
}

aq_nodes_active() {
    aq_count nodes --status=ACTIVE
}

container_says() { # or the machine forbids containers
    grep -q '^unit: ok' "$view/applications/last/log" ||
        grep -q 'Operation not permitted' "$view/applications/last/description"
}

groups_of() {
    find /sys/fs/cgroup -maxdepth 4 -type d -path "*/aquarium/$tag-*" 2>/dev/null
}

unset MAKEFLAGS MFLAGS MAKELEVEL
said=$(make --no-print-directory VARIANT="${BUILD##*/}" up 2>&1)
check_match "make up" 'Started: *' "$said" # all is built: not a word of that
check_match "the request that it shows works" '{"message":"Cluster resources list"*' "$(eval "$(echo "$said" | grep curl)")"
first=$(pids)
check_equal "a controller, two agents, the view" 4 "$(echo "$first" | wc -l)"
check_equal "logs are for root alone" 700 "$(stat -c %a "$AQUARIUM_ROOT/var/log/aquarium")"
check_fails "and admin's token is not in them" grep -r aq_ "$AQUARIUM_ROOT/var/log/aquarium"
check "up again" tools/up.sh
check_equal "starts nothing twice" "$first" "$(pids)"
check_equal "labels are loaded once" 1 "$(cat "$view/labels/mac/latest/version")"

# Told to end, but slow to do so: it still has its pid, and answers nothing.
old=$(process_pid "$run/controller.pid")
kill -STOP "$old"
kill -TERM "$old"
(sleep 1 && kill -CONT "$old") &
check "up while the controller ends" tools/up.sh
check "starts another one" process_runs "$run/controller.pid"
check_fails "not the same" test "$old" = "$(process_pid "$run/controller.pid")"
check "which is ready" prints 2 aq_nodes_active
for name in $AQUARIUM_NODES fs; do
    kill -TERM "$(process_pid "$run/$name.pid")"
done
check "up while the others end" tools/up.sh
sleep 1 # if they were not started again, they are gone by then
check_equal "who has enrolled needs no other join token" 2 "$(aq_count join-tokens)"
check_equal "all four run" 4 "$(for name in controller $AQUARIUM_NODES fs; do process_pid "$run/$name.pid"; done | wc -l)"
for round in 1 2; do
    check "down and up in a row ($round): down" tools/down.sh
    check "up" tools/up.sh
    check "all is there" file_is 1 "$view/labels/mac/latest/version"
done
first=$(pids)

echo label=mac >"$view/applications/new"
check "mac runs" wait_for 20 file_is ALLOCATED "$view/applications/last/status"
pid=$(cat "$view/resources/1/identifier")
pid=${pid##*[!0-9]}
check "as a process" test -d "/proc/$pid"

if [ "$(id -u)" = 0 ] && command -v crun >/dev/null && command -v umoci >/dev/null && command -v busybox >/dev/null; then
    echo label=ci-container >"$view/applications/new"
    check "and a container, of an image made on the spot" wait_for 30 container_says
    if grep -q '^unit: ok' "$view/applications/last/log"; then
        # shellcheck disable=SC2016 # the container's
        check_equal "with a command of the request, which gets its metadata at the gateway" "BRANCH='main'" \
            "$(aq_as_admin run ci-container metadata.branch=main --attach -- sh -c 'wget -qO- "$AQ_METADATA_URL?format=env"')"
    fi
fi

kill -9 "$(process_pid "$run/fs.pid")"
check "up after a crash of the view" tools/up.sh
check "brings it back" file_is ALLOCATED "$view/applications/1/status"

check "down" tools/down.sh
check_fails "no mount is left" mountpoint_is "$view"
check_fails "the workload is gone" test -d "/proc/$pid"
check_equal "no control group is left" "" "$(groups_of)"
alive=$(echo "$first" | while read -r number begun _; do
    [ "$(process_start_time "$number")" = "$begun" ] && echo "$number"
done)
check_equal "no process is left" "" "$alive"
check "down again" tools/down.sh

check "up once more" tools/up.sh
check "the state was kept" test -f "$view/applications/1/status"
check "the cluster notices that the workload is gone" wait_for 20 not file_is ALLOCATED "$view/applications/1/status"
check "down at last" tools/down.sh
check_fails "nothing is mounted" mountpoint_is "$view"
finish
