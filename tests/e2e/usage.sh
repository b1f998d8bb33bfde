#!/bin/sh
# What nodes and workloads use: REST, files, aq top, /metrics, and who sees it.
. "$(dirname "$0")/lib.sh"

controller_start --set usage.metrics=2
node=$(agent_name 1)
agent_start "$node" --set capacity.ram=1GiB --set capacity.slots=16 --set usage.interval=1s
wait_for 20 nodes_are_active 1 || die "the agent does not join"
fs_start
AQ_SERVER="unix:$data/run/api.sock"
export AQ_SERVER NO_COLOR=1

api POST user/ '{"name": "ann", "role": "user"}' | jq -r .data.token >"$work/ann.token"
label_create burn process '{"command": "while :; do :; done"}' '{"slots": 1, "cpu": 0.5}'
label_create hold process '{"command": "x=$(head -c 30000000 /dev/zero | tr \"\\0\" x); sleep 1000; echo ${#x}"}' '{"slots": 1, "ram": "256MiB"}'
label_create plain process '{"command": "sleep 1000"}' '{"slots": 1}'
burn=$(application_create burn)
hold=$(application_create hold)
plain=$(curl -s -m 20 -u "ann:$(cat "$work/ann.token")" -d '{"label": "plain"}' "http://127.0.0.1:$api_port/api/v1/application/" | jq .data.id)
for id in "$burn" "$hold" "$plain"; do
    wait_for 20 application_is ALLOCATED "$id" || die "application $id does not run"
done
resource_of() { # APPLICATION
    api_field .data.resource "application/$1"
}
burning=$(resource_of "$burn")
holding=$(resource_of "$hold")
idle=$(resource_of "$plain")

# now JQ RESOURCE: is it true of what the workload uses now?
now() {
    api GET "resource/$2/load" | jq -e ".data.now | $1"
}

# ---- figures --------------------------------------------------------------------------------------------------

check "half a core is burnt" wait_for 20 now '.cpu > 0.25 and .cpu < 0.75' "$burning"
check "and counted" now '.cpu_ms > 0' "$burning"
check "30 MB are held" wait_for 20 now '.memory_bytes > 25000000 and .memory_bytes < 268435456' "$holding"
check "a workload that sleeps uses next to nothing" wait_for 20 now '.cpu != null and .cpu < 0.05' "$idle"
check "its memory is known, though nothing limits it" now '.memory_bytes > 10000 and .memory_bytes < 25000000' "$idle"
check "its disk, too" now '.written_bytes != null' "$idle"
check "not its network: that is the host's" now 'has("received_bytes") and .received_bytes == null and .send_rate == null' "$idle"
check "the node uses what they use together" wait_for 20 \
    sh -c "curl -sf -m 5 -u 'admin:$(cat "$data/admin.token")' 'http://127.0.0.1:$api_port/api/v1/node/$node/load' | jq -e '.data.now | .cpu > 0.25 and .memory_bytes > 25000000'"
check "a list has it in live" test "$(api GET resource/ | jq "[.data[] | select(.live.memory_bytes > 0)] | length")" = 3

# ---- history --------------------------------------------------------------------------------------------------

check "there is a history by steps of 10 s" test "$(api GET "resource/$burning/load" | jq -c '[.data.step, (.data.means | length > 0)]')" = "[10,true]"
check "and coarser ones" test "$(api GET "resource/$burning/load?since=1h" | jq -c '[.data.step, (.data.means | length > 0)]')" = "[60,true]"
check "down to 10 minutes" test "$(api GET "resource/$burning/load?since=1d" | jq -c '[.data.step, (.data.means | length > 0)]')" = "[600,true]"
check_equal "a step that is not there is refused" 400 "$(api_code GET "resource/$burning/load?step=7s")"
check_match "with what would be right" '*step is 7s, but must be 10s, 1m or 10m*' "$(cat "$work/answer")"
check_equal "a time that is none, too" 400 "$(api_code GET "resource/$burning/load?since=soon")"
check_equal "a resource that is not there has none" 404 "$(api_code GET resource/4711/load)"

# ---- files ----------------------------------------------------------------------------------------------------

check "a file has all of it, a line each" wait_for 20 grep -q '^cpu=0\.[1-9]' "$mount/resources/$burning/load"
check "and of the node" grep -q '^memory_bytes=[1-9]' "$mount/nodes/$node/load"
check "what is not known is -" grep -qx 'receive_rate=-' "$mount/resources/$idle/load"
check "each figure is a file" grep -q '^[1-9][0-9]*$' "$mount/resources/$holding/live/memory_bytes"

# ---- aq top ---------------------------------------------------------------------------------------------------

"$BUILD/aq" top >"$work/top" 2>"$work/err"
check "top shows the node" grep -q "^$node  *ACTIVE  *[0-9]" "$work/top"
check_equal "and workloads, those first that use most" "$burning" "$(sed -n '/^RESOURCE/,$p' "$work/top" | awk 'NR == 2 {print $1}')"
check_equal "by memory, if asked" "$holding" "$("$BUILD/aq" top resources --sort memory --no-headers | awk 'NR == 1 {print $1}')"
check_equal "only so many" 1 "$("$BUILD/aq" top resources --limit 1 --no-headers | wc -l)"
check "it prints JSON" sh -c "'$BUILD/aq' top -o json | jq -e '.nodes[0].name == \"$node\" and (.resources[0] | .cpu > 0 and .cpu_most == 0.5)'"
check_match "a word that is none" '*top is of nodes or of resources, not of "labels"*' "$("$BUILD/aq" top labels 2>&1)"
check_match "an order that is none" '*--sort is "size", but top sorts by cpu, memory,*' "$("$BUILD/aq" top --sort size 2>&1)"
check "the history of one" sh -c "'$BUILD/aq' resource $burning load | grep -q 'Z  *0\.[0-9]'"

# ---- who sees it ----------------------------------------------------------------------------------------------

as_ann() {
    curl -s -m 20 -u "ann:$(cat "$work/ann.token")" -o "$work/body" -w '%{http_code}' "http://127.0.0.1:$api_port/$1"
}
check_equal "a user sees its own" 200 "$(as_ann "api/v1/resource/$idle/load")"
check_equal "and none of others" 404 "$(as_ann "api/v1/resource/$burning/load")"
check_equal "in top, too" "[$idle]" "$(AQ_SERVER="http://127.0.0.1:$api_port" AQ_USER=ann AQ_TOKEN="$(cat "$work/ann.token")" \
    "$BUILD/aq" top resources -o json | jq -c '[.resources[].id]')"

# ---- /metrics -------------------------------------------------------------------------------------------------

curl -s -m 20 "http://127.0.0.1:$api_port/metrics" >"$work/anonymous"
check "a caller without a token sees no rows" not grep -q 'aquarium_node_\|aquarium_workload_' "$work/anonymous"
check "but how many there are" grep -qx 'aquarium_usage_rows 4' "$work/anonymous"
curl -s -m 20 -u "admin:$(cat "$data/admin.token")" "http://127.0.0.1:$api_port/metrics" >"$work/metrics"
check "admin sees workloads" grep -q "^aquarium_workload_cpu_cores{resource=\"$burning\",application=\"$burn\",node=\"$node\",user=\"admin\",project=\"default\"} [01]\.[0-9]" "$work/metrics"
check "and nodes" grep -q "^aquarium_node_cpu_seconds_total{node=\"$node\"} [0-9]" "$work/metrics"
check "no more than the setting allows" test "$(grep -c '^aquarium_workload_memory_bytes{' "$work/metrics")" = 2
check "which is told" grep -qx 'aquarium_workload_rows_cut 1' "$work/metrics"
check "only of what is cut off" grep -qx 'aquarium_node_rows_cut 0' "$work/metrics"
check "what is not known is not there" not grep -q "aquarium_workload_received_bytes_total{" "$work/metrics"

# ---- the end --------------------------------------------------------------------------------------------------

api POST "application/$hold/deallocate" >"$work/answer"
check "it ends" wait_for 20 application_is DEALLOCATED "$hold"
check_equal "and nothing more is told of it" 404 "$(api_code GET "resource/$holding/load")"
check "nor kept" wait_for 10 sh -c "curl -s -m 5 http://127.0.0.1:$api_port/metrics | grep -qx 'aquarium_usage_rows 3'"
finish
