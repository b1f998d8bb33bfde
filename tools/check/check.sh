#!/bin/sh
# `make check`: runs every check and test that must pass before a change is merged. Ends with "N passed, N failed".
#
# Builds with the values of MAKE and JOBS that make(1) passes on. Logs stay in build/logs.
set -u
cd "$(dirname "$0")/../.." || exit
make=${MAKE:-make}
jobs=${JOBS--j$(nproc)}
run=tests/run.sh
# The sanitizers of gcc 12 fail when addresses have as many random bits as newer kernels use: turn randomization off.
fixed=""
setarch "$(uname -m)" -R true 2>/dev/null && fixed="setarch $(uname -m) -R"
rm -rf build/logs
mkdir -p build/logs

step() {
    "$run" step "$@"
}

build() { # NAME ARGUMENTS OF make...
    local name=$1
    shift
    # shellcheck disable=SC2086 # words
    step "$name" "$make" -s $jobs "$@"
}

# Nothing runs beside these: they run make(1), or, as the doctor does, look at all agents of this machine.
alone="tests/e2e/doctor.sh tests/e2e/install.sh tests/e2e/make.sh tests/e2e/up.sh"

# e2e VARIANT TEST...: one after the other
e2e() {
    local variant=$1
    shift
    # shellcheck disable=SC2086 # words
    BUILD=build/$variant $fixed "$run" one "e2e-$variant" 300 "$@"
}

# They take longest, and begin first.
long="tests/e2e/machine.sh tests/e2e/slowdisk.sh tests/e2e/exec.sh tests/e2e/container.sh tests/e2e/fulldisk.sh tests/e2e/logs.sh
tests/e2e/lostwrites.sh tests/e2e/listing.sh"

# The end-to-end tests, several at once: they mostly wait.
e2e_all() { # VARIANT
    local test together="$long"
    for test in tests/e2e/*.sh; do
        # lib.sh is no test: the tests source it.
        case " $alone $(echo $long) tests/e2e/lib.sh " in
        *" $test "*) ;;
        *) together="$together $test" ;;
        esac
    done
    # shellcheck disable=SC2086 # words
    BUILD=build/$1 $fixed "$run" many "e2e-$1" 300 $together
    # shellcheck disable=SC2086 # words
    e2e "$1" $alone
}

step format tools/check/format.sh
step includes tools/check/includes.sh
step lengths tools/check/lengths.sh
step shell tools/check/shell.sh
step sim-patches tests/sim/mutants.sh apply

if build build-gcc all tests abuse-programs man; then
    step rings tools/check/rings.sh
    "$run" many unit-release 120 build/release/tests/test_*
    step sim tests/sim/check.sh build/release/sim 270
    step sim-mutants env VARIANT=release SEEDS=300 tests/sim/mutants.sh key-not-remembered delivery-not-repeated index-not-undone
    e2e release tests/e2e/session.sh tests/e2e/up.sh
    e2e release build/release/abuse/http build/release/abuse/port tests/abuse/mount.sh
fi
# For the upgrade test. Built once for each commit, and here, so that it does not use up that test's time.
step previous tools/check/previous.sh
build build-clang VARIANT=lint CC=clang objects
if build build-asan VARIANT=asan all tests man fuzzers; then
    # shellcheck disable=SC2086 # words
    $fixed "$run" many unit-asan 240 build/asan/tests/test_*
    # shellcheck disable=SC2086 # words
    step sim-asan $fixed tests/sim/check.sh build/asan/sim 30
    # shellcheck disable=SC2086 # words
    step fuzz-replay $fixed tests/fuzz/run.sh replay build/asan/fuzz/*
    e2e_all asan
fi
build fuzz VARIANT=fuzz CC=clang fuzzers && step fuzz-short tests/fuzz/run.sh total 24
if build build-tsan VARIANT=tsan all; then
    # shellcheck disable=SC2086 # words
    BUILD=build/tsan $fixed "$run" many e2e-tsan 300 tests/e2e/session.sh tests/e2e/restart.sh tests/e2e/errors.sh
fi
exec "$run" total
