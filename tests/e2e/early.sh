#!/bin/sh
# The first command through a mount that has just come: also when the file view started before its controller.
. "$(dirname "$0")/lib.sh"

mkdir -p "$mount" "$data"
start fs "$BUILD/aq-fs" --config /dev/null --data "$data" --mount "$mount"
start controller "$BUILD/aq-controller" --config /dev/null --set data="$data" --set api.port=0 --set hub.port=0
# The first moment is the one that counts, so it looks without a pause.
timeout 20 sh -c 'until [ -e "$1/README" ]; do :; done' sh "$mount" || die "the mount does not come"
check_fails "it reaches the controller" sh -c "echo nosuch >'$mount/applications/new'"
check_match "which knows no such label" '*nosuch*' "$(cat "$mount/errors/last")"
finish
