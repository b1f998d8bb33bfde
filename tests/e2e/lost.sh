#!/bin/sh
# An agent that has lost its directory, hosts that were cloned together with it, and hosts that were reinstalled: nothing is
# started twice, and every agent is told why it waits.
. "$(dirname "$0")/lib.sh"

cluster_start 1
node=$(agent_name 1)
home=$work/agent/$node

# Waits until exactly so many processes run this workload. Each writes a line when it starts.
runs() { # COUNT MARK
    [ "$(pgrep -f "sh -c .*$2" | wc -l)" = "$1" ]
}
starts() { # MARK
    cat "$work/marks/started.$1" 2>/dev/null | wc -l
}
job() { # LABEL MARK RESOURCES
    : >"$work/marks/started.$2"
    chmod 666 "$work/marks/started.$2"
    label_create "$1" process "{$see_work, \"command\": \"echo here >>$work/marks/started.$2; while :; do sleep 0.1; done # $tag-$2\"}" "$3"
}
said() { # PROGRAM TEXT
    grep -c "$2" "$work/$1.log"
}

mkdir -m 777 "$work/marks" # each workload is another user
job plain one '{"slots": 1}'
job again two '{"slots": 1, "restart_lost": true}'

# ---- the directory is moved away --------------------------------------------------------------------------

plain=$(application_create plain)
again=$(application_create again)
check "both run" wait_for 20 application_is ALLOCATED "$plain"
check "both run, the second too" wait_for 20 application_is ALLOCATED "$again"
check "as one process each" wait_for 20 runs 1 "$tag-one"
lost_resource=$(api_field .data.resource "application/$again")
kill_hard "$node"
mv "$home" "$work/away"
agent_start "$node" --set capacity.ram=1GiB --set capacity.slots=16 --set allow.directories="$work"
check "the agent enrols anew, with a token that says that it replaces" wait_for 10 grep -q "enrolled authority=" "$work/$node.log"
check "what has run and is unknown has failed" wait_for 30 application_is ERROR "$plain"
check_match "and says why" "lost: its node ha* lost its state; what still ran was ended" \
    "$(api_field .data.description "application/$plain")"
check "nothing of it is left" wait_for 20 runs 0 "$tag-one"
check_equal "it was not started again" 1 "$(starts one)"
check "the other one is started again, as its label says" wait_for 20 runs 1 "$tag-two"
check "and told as such" wait_for 20 application_is ALLOCATED "$again"
check_equal "it was started twice, once for each resource" 2 "$(starts two)"
check "as a new resource" test "$(api_field .data.resource "application/$again")" -gt "$lost_resource"
check "the agent did not give up" running "$node"
api POST "application/$again/deallocate" '{}' >"$work/answer"
check "the new one ends as usual" wait_for 20 application_is DEALLOCATED "$again"
check "without a process" wait_for 20 runs 0 "$tag-two"

# ---- what is deallocated while nobody has a record of it ----------------------------------------------------

plain=$(application_create plain)
check "another one runs" wait_for 20 application_is ALLOCATED "$plain"
kill_hard "$node"
rm -rf "$work/away"
mv "$home" "$work/away"
api POST "application/$plain/deallocate" '{}' >"$work/answer"
agent_start "$node" --set capacity.ram=1GiB --set capacity.slots=16 --set allow.directories="$work"
check "is deallocated" wait_for 30 application_is DEALLOCATED "$plain"
check "without a process" wait_for 20 runs 0 "$tag-one"

# ---- a copy of the directory --------------------------------------------------------------------------------

# The clone: the same node and instance. `data` of the clone differs, as its disk would.
clone_start() {
    start clone "$BUILD/aq-agent" --config /dev/null --set data="$work/clone" --set name="$node" \
        --set controller="127.0.0.1:$hub_port" --join-file "$work/join" \
        --set capacity.ram=1GiB --set capacity.slots=16
}
joins() {
    grep -c "agent joined node=\"\\{0,1\\}$node" "$work/controller.log"
}
joined() { # COUNT
    [ "$(joins)" = "$1" ]
}

rm -f "$work/marks/started.one"
mkdir -p "$work/clone"
cp -a "$home" "$work/clone/$node"
before=$(joins)
clone_start
check "the clone is told that it is one" wait_for 10 grep -q "not admitted.*has a copy of its directory" "$work/clone.log"
plain=$(application_create plain)
check "an application runs" wait_for 20 application_is ALLOCATED "$plain"
sleep 2 # the clone asks again
check_equal "the first agent has its session all the time" "$before" "$(joins)"
check_equal "the application runs once" 1 "$(starts one)"
check "the clone goes on asking" running clone

# A restart of the first is no chance for the clone, and is quick.
refusals=$(said "$node" "not admitted by the controller")
for signal in TERM KILL; do
    process_signal "$work/$node.pid" "$signal"
    process_wait_gone "$work/$node.pid" 20
    agent_start "$node" --set capacity.ram=1GiB --set capacity.slots=16 --set allow.directories="$work"
    before=$((before + 1))
    check "restarted after SIG$signal, the first is admitted" wait_for 10 joined "$before"
done
check_equal "at once" "$refusals" "$(said "$node" "not admitted by the controller")"
check_equal "and the application runs on" ALLOCATED "$(application_status "$plain")"

kill_hard "$node"
check "when the first is lost, the clone may have the node" wait_for 30 grep -q "welcomed by the controller" "$work/clone.log"
agent_start "$node" --set capacity.ram=1GiB --set capacity.slots=16 --set allow.directories="$work"
check "now the first waits" wait_for 10 grep -q "not admitted.*has a copy of its directory" "$work/$node.log"
stop clone
check "until the clone is lost" wait_for 30 joined $((before + 2))
finish
