#!/bin/sh
# The file view, with 10,000 applications, against a trivial FUSE file system with the same caching.
. "$(dirname "$0")/lib.sh"

plain=$work/plain

# Whatever becomes of its server, the other mount goes before the directory does.
plain_stop() {
    process_stop "$work/plain_fuse.pid" 10
    if mountpoint_is "$plain"; then
        fusermount3 -uz "$plain"
    fi
}
trap 'status=$?; plain_stop; (exit $status); e2e_cleanup' EXIT

cluster_start 0 --set journal=warn
label_create bench test '{}'
awk 'BEGIN { for (i = 0; i < 2500; i++) printf "%s{\"label\":\"bench\"}", i ? "," : "["; print "]" }' >"$work/batch"
for batch in 1 2 3 4; do
    api POST application/ "@$work/batch" >"$work/answer"
    [ "$(cat "$work/code")" = 200 ] || die "batch $batch: $(head -c 300 "$work/answer")"
done
fs_start --set journal=warn
mkdir "$plain"
start plain_fuse "$BUILD/bench/plain_fuse" "$plain"
wait_for 10 test -e "$plain/applications/1/status" || die "the trivial file system does not get ready"
"$BUILD/bench/fileview" "$mount/applications" "$plain/applications" || die "measuring failed"
finish
