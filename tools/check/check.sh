#!/bin/sh
# `make check`: everything that must hold before a change goes in. Ends with "N passed, N failed".
#
# What is built here is built with what make(1) hands over: MAKE and JOBS. Logs stay in build/logs.
set -u
cd "$(dirname "$0")/../.." || exit
make=${MAKE:-make}
jobs=${JOBS--j$(nproc)}
run=tests/run.sh
rm -rf build/logs
mkdir -p build/logs

step() {
    "$run" step "$@"
}

step format tools/check/format.sh
step includes tools/check/includes.sh
step lengths tools/check/lengths.sh
step shell tools/check/shell.sh

# shellcheck disable=SC2086 # words
if step build-gcc "$make" -s $jobs all tests; then
    "$run" many unit-release 120 build/release/tests/test_*
fi
# shellcheck disable=SC2086
step build-clang "$make" -s $jobs VARIANT=lint CC=clang objects
# shellcheck disable=SC2086
if step build-asan "$make" -s $jobs VARIANT=asan all tests; then
    "$run" many unit-asan 240 build/asan/tests/test_*
    for test in tests/e2e/*.sh; do
        # lib.sh is what the others share; up.sh is about build/release and comes last, alone.
        case $test in
        */lib.sh | */up.sh) ;;
        *) BUILD=build/asan "$run" one e2e 300 "$test" ;;
        esac
    done
fi
[ -x build/release/aq-controller ] && BUILD=build/release "$run" one e2e 300 tests/e2e/up.sh
exec "$run" total
