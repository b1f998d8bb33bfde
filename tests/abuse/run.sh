#!/bin/sh
# `make abuse`: measures exactly by how much misbehaving clients slow others. Takes three minutes on a machine that does
# nothing else. `make check` runs the same tests in a short form.
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
