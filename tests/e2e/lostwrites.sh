#!/bin/sh
# The machine stops, and what was not synced is lost in any combination: tests/torture/lostwrites.c. SEED chooses a run.
set -u
cd "$(dirname "$0")/../.." || exit
exec "${BUILD:-build/release}/lostwrites" ${SEED:+"$SEED"}
