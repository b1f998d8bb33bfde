#!/bin/sh
# make up and make down: running them twice does no harm; down leaves no process, mount or control group, and keeps the state.
. "$(dirname "$0")/lib.sh"

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

groups_of() {
    find /sys/fs/cgroup -maxdepth 4 -type d -path "*/aquarium/$tag-*" 2>/dev/null
}

unset MAKEFLAGS MFLAGS MAKELEVEL
check_match "make up" 'Started: *' "$(make --no-print-directory VARIANT="${BUILD##*/}" up 2>&1)" # all is built: not a word of that
first=$(pids)
check_equal "a controller, two agents, the view" 4 "$(echo "$first" | wc -l)"
check "up again" tools/up.sh
check_equal "starts nothing twice" "$first" "$(pids)"
check_equal "labels are loaded once" 1 "$(cat "$view/labels/mac/latest/version")"

echo label=mac >"$view/applications/new"
check "mac runs" wait_for 20 file_is ALLOCATED "$view/applications/last/status"
pid=$(cat "$view/resources/1/identifier")
pid=${pid##*[!0-9]}
check "as a process" test -d "/proc/$pid"

kill -9 "$(process_pid "$run/fs.pid")"
check "up after a crash of the view" tools/up.sh
check "brings it back" file_is ALLOCATED "$view/applications/last/status"

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
