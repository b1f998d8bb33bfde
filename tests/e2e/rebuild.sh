#!/bin/sh
# The tables are a cache of the log: rebuilt from nothing they are the same, byte for byte.
. "$(dirname "$0")/lib.sh"

cluster_start 2
label_create quick test '{"start_delay_ms": 10}'
label_create once test '{"run_ms": 100, "exit_status": 3}'
label_create never test '{"fail": "always", "fail_reason": "no such luck"}'
for label in quick once never quick once quick; do
    id=$(application_create "$label" "{\"for\": \"$label\"}")
done
check "one of them runs" wait_for 20 application_is ALLOCATED "$id"
api POST user/ '{"name": "bob"}' >"$work/answer"
api POST "node/$(agent_name 2)/maintenance" '{"maintenance": true}' >"$work/answer"
check_equal "maintenance" 200 "$(cat "$work/code")"
api POST "application/$id/deallocate" >"$work/answer"
check "and is given back" wait_for 20 application_is DEALLOCATED "$id"
for agent in $agents; do
    stop "$agent"
done

all_of() {
    for entity in application label resource user node vote; do
        # Live values are not in the log.
        api GET "$entity/" | jq -S '[.data[] | del(.live)]'
    done
}
settled() {
    [ "$(all_of)" = "$(sleep 0.5; all_of)" ]
}
check "both nodes are lost" wait_for 30 nodes_are_active 0
check "nothing moves any more" wait_for 30 settled
before=$(all_of)
check_match "aq log verify" '*' "$(aq log verify 2>&1 || echo failed >"$work/verify-failed")"
check "it finds nothing wrong" test ! -e "$work/verify-failed"

stop controller
check "aq-controller --check: tables in use and fresh ones are equal" \
    "$BUILD/aq-controller" --config /dev/null --set data="$data" --check
controller_start --rebuild
check_equal "aq-controller --rebuild: the same tables" "$before" "$(all_of)"
kill_hard controller
rm -rf "$data/state"
controller_start
check_equal "thrown away, they come back" "$before" "$(all_of)"
stop controller
check "and are equal again" "$BUILD/aq-controller" --config /dev/null --set data="$data" --check
check_fails "a directory without a log is not good" \
    sh -c "'$BUILD/aq-controller' --config /dev/null --set data='$work/mistyped' --check >'$work/said' 2>&1"
check_match "that is told" "*there is no log to check: $work/mistyped/log/data.mdb*" "$(cat "$work/said")"
check_fails "and none is made" test -e "$work/mistyped"
finish
