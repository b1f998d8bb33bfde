#!/bin/sh
# Nodes are emptied and their hosts shut down: what labels say, what is late, what is called off. And quarantine: of what
# keeps failing, and by hand.
. "$(dirname "$0")/lib.sh"

controller_start
fs_start
one=$(agent_name 1)
two=$(agent_name 2)
agent_start "$one" --drivers test --set capacity.slots=8 --set shutdown.command="touch,$work/off"
agent_start "$two" --drivers test --set capacity.slots=8
wait_for 20 nodes_are_active 2 || die "the agents do not join"
label_create stays test '{}' "{\"slots\": 1, \"node_filter\": [\"name:$one\"]}"
label_create batch test '{}' "{\"slots\": 1, \"node_filter\": [\"name:$one\"], \"drain\": \"give_back\"}"

node_says() { # TEXT FIELD [NODE]
    prints "$1" cat "$mount/nodes/${3:-$one}/$2"
}

# ---- drain ------------------------------------------------------------------------------------------------

stays=$(application_create stays)
batch=$(application_create batch)
check "both run" wait_for 20 application_is ALLOCATED "$stays"
check "the other one, too" wait_for 20 application_is ALLOCATED "$batch"
check_equal "the node is to drain" "node $one drain set" "$(aq node "$one" drain --timeout 1)"
check "what its label gives back is given back" wait_for 20 application_is DEALLOCATED "$batch"
check_equal "and says why" "node $one drains" "$(api_field .data.description "application/$batch")"
check "the drain is late" wait_for 20 node_says late drain_status
check_equal "and says what is there" "application $stays: still there" "$(aq node "$one" drain_reason)"
check_equal "which goes on" ALLOCATED "$(api_field .data.status "application/$stays")"
check "why says that the node takes no work" wait_for 20 sh -c "
    id=\$(echo batch >'$mount/applications/new' && basename \$(readlink '$mount/applications/last'))
    grep -q 'it takes no new work' '$mount/applications/last/why'"
check "it is called off, with a file" sh -c "echo cancel=true >'$mount/nodes/$one/drain'"
check "the node takes work again" wait_for 20 sh -c "[ \"\$(cat '$mount/applications/last/status')\" = ALLOCATED ]"
check_equal "REST forces a drain" 200 "$(api_code POST "node/$one/drain" '{"force": true}')"
check "all is given back" wait_for 20 application_is DEALLOCATED "$stays"
check "the node is drained" wait_for 20 node_says drained drain_status

# ---- shutdown ---------------------------------------------------------------------------------------------

check_equal "a shutdown is planned" "node $one: maintenance on" "$(aq node "$one" maintenance --shutdown-after 1h)"
check_equal "which is shown" planned "$(aq node "$one" shutdown_status)"
check_equal "and called off" "node $one: maintenance off" "$(aq node "$one" maintenance --cancel)"
check_equal "which is shown, too" none "$(aq node "$one" shutdown_status)"
check "another one comes soon" sh -c "echo shutdown_after=1s >'$mount/nodes/$one/maintenance'"
check "the agent runs its command" wait_for 20 test -e "$work/off"
check_equal "the host goes" going "$(aq node "$one" shutdown_status)"
check_fails "it is too late to call that off" aq node "$one" maintenance --cancel
check "a shutdown is planned for a node whose agent has no command" aq node "$two" maintenance --shutdown-after 1s
check "it fails" wait_for 20 node_says failed shutdown_status "$two"
check_match "with the reason" "shutdown.command is not set*" "$(aq node "$two" shutdown_reason)"

# ---- quarantine -------------------------------------------------------------------------------------------

aq node "$two" maintenance --cancel >"$work/out"
label_create broken test '{"fail": "always", "fail_reason": "no disk"}' "{\"slots\": 1, \"node_filter\": [\"name:$two\"]}"
label_create fine test '{}' "{\"slots\": 1, \"node_filter\": [\"name:$two\"]}"
for i in 1 2 3; do
    id=$(application_create broken)
    check "try $i fails" wait_for 20 application_is ERROR "$id"
done
check "the label is in quarantine there" wait_for 20 node_says labels quarantine_status "$two"
check_match "with the reason" "*broken:1*3 starts in a row failed: no disk*" "$(aq node "$two" quarantines)"
id=$(application_create broken)
check_match "the next one waits, and says why" "*it is in quarantine for this label*" "$(aq why "$id")"
fine=$(application_create fine)
check "others start" wait_for 20 application_is ALLOCATED "$fine"
check "it is cleared" aq node "$two" quarantine --clear
check "what waited is tried" wait_for 20 application_is ERROR "$id"
check "the whole node, by hand" aq node "$two" quarantine --ttl 1h --reason smells
id=$(application_create fine)
check_match "takes nothing" "*it is in quarantine" "$(api_field .data.description "application/$id")"
check "until a file clears it" sh -c "echo clear=true >'$mount/nodes/$two/quarantine'"
check "then it does" wait_for 20 application_is ALLOCATED "$id"
kill_hard controller
controller_start --rebuild
check_equal "a rebuild gives the same" "going none" "$(aq node "$one" shutdown_status) $(aq node "$two" quarantine_status)"
check_equal "and the log proves it" 200 "$(api_code GET log/verify)"
finish
