#!/bin/sh
# A short run of `make torture`: processes of a cluster under load are killed at random moments, and nothing is lost.
# ROUNDS and SEED choose another run.
set -u
cd "$(dirname "$0")/../.." || exit
export BUILD="${BUILD:-build/release}"
exec "$BUILD/torture" --rounds "${ROUNDS:-8}" ${SEED:+--seed "$SEED"}
