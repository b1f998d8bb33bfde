#!/bin/sh
# `make abuse`: clients that misbehave, and by how much they slow the others, exactly. Takes three minutes; the figures
# mean something on a machine that does nothing else meanwhile. `make check` runs the same tests in a short form.
set -u
cd "$(dirname "$0")/../.." || exit
BUILD=${BUILD:-build/release}
export BUILD
status=0
for test in "$BUILD/abuse/http" "$BUILD/abuse/port" tests/abuse/mount.sh; do
    echo "# ---- $(basename "$test")"
    "$test" exact || status=1
done
exit "$status"
