#!/bin/sh
# The power is cut, and what was not synced is lost in any combination: tests/torture/lostwrites.c. SEED chooses a run.
set -u
cd "$(dirname "$0")/../.." || exit
exec "${BUILD:-build/release}/lostwrites" ${SEED:+--seed "$SEED"}
