#!/bin/sh
# The disk of log and tables becomes full while the cluster is busy: writes are refused with a clear error, reads still
# work, nothing is half done, and everything recovers by itself when there is room again.
[ -n "${AQ_UNSHARED-}" ] || AQ_UNSHARED=1 exec unshare -m --propagation private "$0" "$@"
. "$(dirname "$0")/lib.sh"

unmount_and_clean() {
    local status=$?
    cluster_stop >>"$work/cleanup.log" 2>&1
    umount -l "$data"
    (exit "$status")
    e2e_cleanup
}
trap unmount_and_clean EXIT
mkdir -p "$data"
mount -t tmpfs -o size=192m aq-full "$data" || die "a small disk cannot be mounted"

cluster_start 1 --set log.disk_reserve=1MiB
label_create quick test '{}'
fs_start
controller=$(pid_of controller)
big=$(head -c 30000 /dev/zero | tr '\0' x)
batch="[$(for i in $(seq 30); do printf '%s{"label": "quick", "metadata": {"x": "%s"}}' "${comma-}" "$big"; comma=,; done)]"
printf '%s' "$batch" >"$work/batch.json"

free_kib() {
    echo $(($(stat -f -c '%a * %S / 1024' "$data")))
}

# Leaves this much of the disk free.
fill_up() { # KIB
    local kib=$(($(free_kib) - $1))
    [ "$kib" -le 0 ] || fallocate -l "${kib}KiB" "$data/filler"
}

make_room() {
    rm -f "$data/filler"
}

post_big() { # KEY
    api_code POST application/ @"$work/batch.json" -H "Idempotency-Key: $1"
}

count() {
    api_field '.data[0].id' 'application/?reverse=true&limit=1'
}

# ---- nearly full ----------------------------------------------------------------------------------------------

one=$(application_create quick)
check "with room, it works" wait_for 20 application_is ALLOCATED "$one"
fill_up 800
check_equal "below the reserve, writes are refused" 507 "$(api_code POST application/ '{"label": "quick"}')"
check_match "with the reason" '*disk has 0 MiB free, less than 1 (log.disk_reserve)*' "$(jq -r .message "$work/answer")"
check_fails "in the file view, too" sh -c "echo label=quick >'$mount/applications/new'"
check_match "with ENOSPC" '*disk*' "$(cat "$mount/errors/last")"
check_equal "REST reads go on" 200 "$(api_code GET "application/$one")"
check "file reads go on" file_is ALLOCATED "$mount/applications/$one/status"
check_equal "nothing was done" 1 "$(count)"
sleep 4 # longer than lost_after
check "heartbeats go on" nodes_are_active 1
make_room
check "with room again, it goes on by itself" wait_for 5 sh -c "echo label=quick >'$mount/applications/new'"
check_equal "also over REST" 200 "$(api_code POST application/ '{"label": "quick"}')"

# ---- full in the middle ------------------------------------------------------------------------------------------

# Wherever the space runs out: in the log, in the tables, or not at all.
seen=""
round=0
for left in 1024 1028 1040 1060 1080 1100 1150 1200 1250 1300 1350 1400 1500 1600 1700 1800 2000 2200 2500 3000; do
    round=$((round + 1))
    before=$(count)
    fill_up "$left"
    code=$(post_big "round-$round")
    seen="$seen $left:$code"
    case $code in
    200 | 504 | 507) ;;
    *) die "full with $left KiB left: status $code: $(head -c 300 "$work/answer")" ;;
    esac
    [ "$code" != 507 ] || [ "$(count)" = "$before" ] || failed "refused with $left KiB left, but done"
    make_room
    tries=100
    while [ "$(post_big "round-$round")" != 200 ] && [ "$tries" -gt 0 ]; do
        tries=$((tries - 1))
        sleep 0.1
    done
    [ "$tries" -gt 0 ] || die "with $left KiB left: does not go on when there is room: $(head -c 300 "$work/answer")"
    [ "$(count)" = $((before + 30)) ] || failed "with $left KiB left: $(count) applications, not $((before + 30))"
    for id in $(jq '.data[].id' "$work/answer"); do
        api POST "application/$id/deallocate" >"$work/answer2"
    done
done
note "room left, and what was answered:$seen"
check_match "some found no room" "*:50[47]*" "$seen"
check_equal "the same controller runs" "$controller" "$(pid_of controller)"

# ---- afterwards ----------------------------------------------------------------------------------------------------

check_match "aq log verify: equal" '*equal*' "$(aq log verify 2>&1)"
kill_hard controller
controller_start --set log.disk_reserve=1MiB
check_match "after a crash, too" '*equal*' "$(aq log verify 2>&1)"
fill_up 500
stop controller
check_fails "a start without room says so" timeout 20 "$BUILD/aq-controller" --config /dev/null --set data="$data" \
    --set api.port=0 --set hub.port=0 --rebuild
make_room
controller_start --set log.disk_reserve=1MiB
check_match "and with room it starts" '*equal*' "$(aq log verify 2>&1)"
finish
