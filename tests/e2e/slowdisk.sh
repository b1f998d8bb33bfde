#!/bin/sh
# A disk that takes 200 ms for each sync: answers take longer, and nothing else changes. Writes gather, the queue is
# bounded, heartbeats and reads are not affected.
. "$(dirname "$0")/lib.sh"

export ASAN_OPTIONS="$ASAN_OPTIONS:verify_asan_link_order=0" SLOW_SYNC_MS=200
slowly() { # COMMAND...: what it starts has a slow disk
    export LD_PRELOAD="$PWD/$BUILD/slowdisk.so"
    case $BUILD in /*) LD_PRELOAD=$BUILD/slowdisk.so ;; esac
    "$@"
    unset LD_PRELOAD
}
queue=20
lost_after=6 # less than it takes to store all workloads below, one after the other
slowly cluster_start 2 --set log.queue="$queue" --set log.batch=8
slowly fs_start
label_create quick test '{}'
label_create real process '{"command": ["sleep", "1000"], "stop_grace": 1}' '{"slots": 1}'

now_ms() {
    date +%s%3N
}

took_ms() { # COMMAND...: prints how long it took
    local begun
    begun=$(now_ms)
    "$@" >"$work/answer"
    echo $(($(now_ms) - begun))
}

# ---- latency ----------------------------------------------------------------------------------------------------

took=$(took_ms application_create quick)
note "one application: $took ms"
check "an answer waits for the disk" test "$took" -ge 200
check "and for nothing else" test "$took" -lt 3000
check "a write to a file, too" sh -c "echo label=quick >'$mount/applications/new'"
check "they run" wait_for 20 prints 2 api_field '.data | length' 'application/?status=ALLOCATED'

# ---- the queue, while it is busy -------------------------------------------------------------------------------

flood() { # COUNT: all at once, by one process, which a busy machine cannot stretch; a file with the head of each answer
    local i token
    token=$(cat "$data/admin.token")
    rm -f "$work"/flood.*
    for i in $(seq "$1"); do
        printf '%s\n' "url = \"http://127.0.0.1:$api_port/api/v1/application/\"" "user = \"admin:$token\"" \
            'data = "{\"label\": \"quick\"}"' "dump-header = \"$work/flood.$i.head\"" "output = \"$work/flood.$i.body\"" \
            'max-time = 60' next
    done | sed '$d' >"$work/floods" # no next after the last
    curl --parallel --parallel-immediate --parallel-max "$1" -K "$work/floods" 2>"$work/flood.err" &
    flood=$!
}
flood 120
sleep 0.1
check "reads do not wait" test "$(took_ms api GET application/1)" -lt 1000
check "nor do those of files" test "$(took_ms cat "$mount/applications/1/status")" -lt 1000
wait "$flood"
count_code() {
    cat "$work"/flood.*.head | grep -c "^HTTP/1.1 $1"
}
note "$(count_code 200) taken, $(count_code 503) refused"
check_equal "each was taken or refused" 120 $(($(count_code 200) + $(count_code 503)))
check "more than the queue holds are refused" test "$(count_code 503)" -gt 0
check "as many as it holds are taken" test "$(count_code 200)" -ge "$queue"
refused=$(grep -l '^HTTP/1.1 503' "$work"/flood.*.head | head -n 1)
check "with when to come again" grep -qi '^Retry-After:' "$refused"
check_match "and why" '*commands are waiting already (log.queue): try again*' "$(cat "${refused%.head}.body")"
check_equal "what was taken is there, and no more" $((2 + $(count_code 200))) \
    "$(api_field '.data | length' 'application/?limit=1000')"

# ---- agents -----------------------------------------------------------------------------------------------------

for i in $(seq 16); do
    application_create real >"$work/answer"
done
check "many workloads start" wait_for 60 prints 16 api_field '.data | length' 'application/?label=real&status=ALLOCATED'
sleep $((lost_after + 1))
check "both nodes are there" nodes_are_active 2
for id in $(api_field '.data[].id' 'application/?label=real'); do
    api POST "application/$id/deallocate" >"$work/answer"
done
check "they end" wait_for 60 prints 0 api_field '.data | length' 'resource/?driver=process'
check_fails "no node was lost" grep -q 'agent lost' "$work/controller.log"
check_match "aq log verify: equal" '*equal*' "$(aq log verify 2>&1)"
finish
