#!/bin/sh
# A lease: what runs on a node that is lost is ended there by its keeper, with a dead agent, before it is started elsewhere.
. "$(dirname "$0")/lib.sh"

cluster_start 2
one=$(agent_name 1)
mkdir -m 777 "$work/marks"
label_create short process "{$see_work, \"command\": \"exec sleep 1$$\"}" '{"slots": 1, "lease": "10s", "restart_lost": true}'
label_create once process "{$see_work, \"command\": \"exec sleep 2$$\"}" '{"slots": 1, "lease": "10s"}'
label_create free process "{$see_work, \"command\": \"exec sleep 3$$\"}" '{"slots": 1}'
check_match "too short a lease is refused" '*lease is 5s, but must be at least 10s*' "$(api POST label/ \
    '{"name": "bad", "definitions": [{"driver": "process", "options": {"command": "true"}, "resources": {"lease": "5s"}}]}')"

counts() { # COUNT SECONDS: processes of this test that sleep so long
    [ "$(pgrep -c -x -f "sleep $2" || true)" = "$1" ]
}
node_of() { # APPLICATION
    api_field .data.node "application/$1"
}

short=$(application_create short)
once=$(application_create once)
free=$(application_create free)
for id in $short $once $free; do
    check "application $id runs" wait_for 20 application_is ALLOCATED "$id"
done
check_equal "all on the first node" "$one $one $one" "$(node_of "$short") $(node_of "$once") $(node_of "$free")"
sleep 4 # longer than it takes to be lost: the lease is renewed
check_equal "it goes on while its node is in touch" ALLOCATED "$(api_field .data.status "application/$short")"
resource=$(api_field .data.resource "application/$short")
kill_hard "$one"
check "the node is lost" wait_for 20 prints LOST api_field .data.status "node/$one"
check_match "which is said" '*has been LOST*it may still run there' "$(api_field .data.description "application/$short")"
check "it runs on for now" counts 1 1$$
check_equal "and is not started elsewhere" "$resource" "$(api_field .data.resource "application/$short")"
check "its keeper ends it, without an agent" wait_for 20 counts 0 1$$
check_equal "before it is started elsewhere" "$resource" "$(api_field .data.resource "application/$short")"
check "the other one, too" wait_for 20 counts 0 2$$
check "what has no lease goes on" counts 1 3$$
check "it is started elsewhere" wait_for 30 prints "$(agent_name 2)" node_of "$short"
check "and runs" wait_for 20 application_is ALLOCATED "$short"
check_match "events tell why" "*lost: node $one was lost, and its lease is over*" "$(api GET "application/$short/events")"
check "where its label does not allow that, it is an error" wait_for 20 application_is ERROR "$once"
agent_start "$one" --set capacity.ram=1GiB --set capacity.slots=16 --set allow.directories="$work"
check "the node is back" wait_for 20 nodes_are_active 2
check_equal "what has no lease was never disturbed" ALLOCATED "$(api_field .data.status "application/$free")"
check "one of each is left" counts 1 1$$
check "and of the other one, too" counts 1 3$$
finish
