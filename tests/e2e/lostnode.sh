#!/bin/sh
# A node that is lost: its applications name it, on every face, until it is back; and what nobody could ever take says so.
. "$(dirname "$0")/lib.sh"

cluster_start 2
fs_start
label_create sleeper process '{"command": ["sleep", "1000"], "stop_grace": 1}' '{"slots": 1}'
label_create huge process '{"command": ["true"]}' '{"slots": 100}'

# ---- lost -------------------------------------------------------------------------------------------------

runs=$(application_create sleeper)
ends=$(application_create sleeper)
check "an application runs" wait_for 20 application_is ALLOCATED "$runs"
check "and another one" wait_for 20 application_is ALLOCATED "$ends"
node=$(api_field .data.node "application/$runs")
check_equal "both on the same node" "$node" "$(api_field .data.node "application/$ends")"
check_equal "nothing is said about it" "" "$(api_field .data.description "application/$runs")"
kill_hard "$node"
check "the node is lost" wait_for 20 sh -c "[ \"\$(cat '$mount/nodes/$node/status')\" = LOST ]"

said="node $node has been LOST since 20*Z: its agent is not heard from; it may still run there"
check_match "REST says so" "$said" "$(api_field .data.description "application/$runs")"
check_match "a field alone" "$said" "$(api_field .data "application/$runs/description")"
check_match "lists" "$said" "$(api_field ".data[] | select(.id == $runs) | .description" application/)"
check_match "filters" "$runs $ends" "$(api_field '[.data[].id] | join(" ")' 'application/?description=*LOST*')"
check_match "files" "$said" "$(cat "$mount/applications/$runs/description")"
check_match "why, in files" "*it is ALLOCATED: $said*" "$(cat "$mount/applications/$runs/why")"
check_match "why, in REST" "*it is ALLOCATED: $said*" "$(api_field .data "application/$runs/why")"
check_match "aq" "$said" "$(aq application "$runs" description)"
check_match "the time is that of the node" "*$(api_field .data.lost_at "node/$node")*" "$(aq application "$runs" description)"

waits="deallocated by admin; node $node has been LOST since *: its agent is not heard from; it is ended when the node is back; if it never will be, an admin can delete the node"
check_match "giving it back says what it waits for" "$waits" "$(api POST "application/$ends/deallocate" | jq -r .data.description)"
check_match "and so does what is read after it" "$waits" "$(cat "$mount/applications/$ends/description")"

agent_start "$node" --set capacity.ram=1GiB --set capacity.slots=16
check "when the node is back, it is deallocated" wait_for 20 application_is DEALLOCATED "$ends"
check "and nothing more is said about it" wait_for 20 prints "" api_field .data.description "application/$runs"
check_equal "files" "" "$(cat "$mount/applications/$runs/description")"

# ---- impossible -------------------------------------------------------------------------------------------

api POST application/ '{"label": "huge"}' >"$work/huge"
check_match "what no node could ever take is told at once" \
    "NEW true no node that has joined could ever take it: it needs 100 slots; the largest node, $tag-[12], has 16" \
    "$(jq -r '.data | "\(.status) \(.impossible) \(.description)"' "$work/huge")"
huge=$(jq .data.id "$work/huge")
check_match "why says it too" "*could ever take it: it needs 100 slots*" "$(aq application "$huge" why)"
agent_start "$(agent_name 3)" --set capacity.ram=1GiB --set capacity.slots=200
check "it is placed when such a node joins" wait_for 20 prints "$(agent_name 3)" api_field .data.node "application/$huge"
check_equal "and is no longer impossible" false "$(api_field .data.impossible "application/$huge")"
check_equal "the log proves the tables" 200 "$(api_code GET log/verify)"
finish
