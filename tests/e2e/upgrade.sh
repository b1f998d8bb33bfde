#!/bin/sh
# A log that the previous commit's release wrote opens in this one: every row is unchanged, the tables equal the
# replayed log, and work continues; after an orderly end and after a crash, and with tables that must be rebuilt. The
# logs in tests/data open as well; tests/unit/test_log_samples.c checks their rows.
. "$(dirname "$0")/lib.sh"

# ---- kept logs, of any age --------------------------------------------------------------------------------

for sample in tests/data/log-*; do
    rm -rf "$data"
    mkdir -p "$data/log"
    gzip -dc "$sample/data.mdb.gz" >"$data/log/data.mdb"
    check_match "${sample##*/}: opens" '*equal*' \
        "$("$BUILD/aq-controller" --config /dev/null --set data="$data" --check 2>"$work/check.err")"
done
rm -rf "$data"

# ---- the commit before ------------------------------------------------------------------------------------

previous=$(tools/check/previous.sh 2>"$work/previous.out")
if [ -z "$previous" ]; then
    echo "ok upgrade # SKIP $(tail -n 1 "$work/previous.out")"
    finish
fi
ours=$BUILD

# Everything that can be read, a line of JSON for each row and each event, in order.
everything() { # FILE
    local entity
    for entity in user label node application resource; do
        api GET "$entity/?limit=1000" | jq -c --arg entity "$entity" '.data[] | {($entity): .}'
    done >"$1"
    api GET 'events?since=0&follow=false' | sed -n 's/^data: *//p' >>"$1"
}

# Is everything in the first file also in the second? The second may have newer fields besides.
within() { # OLD NEW
    jq -n -e --slurpfile old "$1" --slurpfile new "$2" '
        def within($a; $b):
            if ($a | type) == "object" and ($b | type) == "object" then
                all($a | keys_unsorted[]; . as $key | within($a[$key]; $b[$key]))
            elif ($a | type) == "array" and ($b | type) == "array" then
                ($a | length) == ($b | length) and all(range($a | length); . as $i | within($a[$i]; $b[$i]))
            else $a == $b end;
        within($old; $new)' >"$work/within"
}

# ---- the previous one writes ------------------------------------------------------------------------------

BUILD=$previous memory= # it has no such setting
controller_start
api POST user/ '{"name": "anna", "max_applications": 50}' >"$work/answer"
api POST user/ '{"name": "bert", "role": "admin"}' >"$work/answer"
api POST user/anna '{"role": "user", "max_applications": 60}' >"$work/answer"
api POST user/bert/token '{}' >"$work/answer"
label_create mac test '{}' '{"cpu": 0.5, "ram": "64MiB", "slots": 1, "lifetime": "1h"}'
label_create mac process '{"command": ["sleep", "1000"]}' '{"slots": 1, "node_filter": ["os:lin*"]}'
label_create gone test '{}'
api DELETE label/3 >"$work/answer"
for number in 1 2 3 4 5; do
    application_create mac "{\"n\": $number, \"text\": \"h\\u00e9\"}" >"$work/answer"
done
one=$(api POST application/ '{"label": "mac"}' -H 'Idempotency-Key: abc' | jq .data.id)
api POST application/2/deallocate '{}' >"$work/answer"
api DELETE user/bert >"$work/answer"
everything "$work/before"
check "the previous commit wrote a log" test "$(wc -l <"$work/before")" -gt 20
stop controller
cp -a "$data" "$work/kept"

# ---- this one reads ---------------------------------------------------------------------------------------

BUILD=$ours memory=/dev/shm/$tag
controller_start
everything "$work/after"
check "every row and event is what it was" within "$work/before" "$work/after"
check_match "the log is whole, and equals the tables" '*equal*' "$(aq log verify)"
check_equal "a request of then is known now" "$one" \
    "$(api POST application/ '{"label": "mac"}' -H 'Idempotency-Key: abc' | jq .data.id)"
id=$(application_create mac)
check_equal "numbers go on" $((one + 1)) "$id"
check_match "the previous token is good" '*admin*' "$(aq me)"
stop controller

# With tables from the log alone; a crash of the previous one leaves them open.
rm -rf "$data"
cp -a "$work/kept" "$data"
BUILD=$previous memory= # it has no such setting
controller_start
application_create mac >"$work/answer"
everything "$work/before"
kill_hard controller
BUILD=$ours memory=/dev/shm/$tag
controller_start --rebuild
everything "$work/after"
check "after a crash, with rebuilt tables: the same" within "$work/before" "$work/after"
check_match "and equal" '*equal*' "$(aq log verify)"
stop controller

# ---- an agent of then, with this controller -----------------------------------------------------------------

# Before agents had keys of their own, they shared the controller's agent.key. Such an agent speaks with the controller of
# then only; when both are updated, it enrols, and keeps its workloads.
shares_key() {
    "$previous/aq-agent" --help-config | grep -q '^ *#* *key_file'
}
takes_token() {
    "$previous/aq-agent" --help | grep -q -- --join-file
}

rm -rf "$data"
node=$(agent_name 1)
agents=$node
start_agent_of() { # BUILD
    set -- "$1/aq-agent" --config /dev/null --set data="$work/agent" --set name="$node" \
        --set controller="127.0.0.1:$hub_port" --set capacity.ram=1GiB --set capacity.slots=16
    if [ "$1" = "$previous/aq-agent" ] && shares_key; then
        set -- "$@" --set key_file="$data/agent.key"
    fi
    if [ "$1" != "$previous/aq-agent" ] || takes_token; then
        [ -s "$work/join" ] || join_token_make "$work/join" '"name": "*", "ttl": "1d", "uses": 1000'
        set -- "$@" --join-file "$work/join"
    fi
    start "$node" "$@"
    wait_for 20 nodes_are_active 1 || die "the agent does not join"
}
welcomes_are() { # COUNT
    [ "$(grep -c "welcomed by the controller" "$work/$node.log")" = "$1" ]
}
restart_with() { # BUILD
    starts=$((starts + 1))
    stop "$node"
    start_agent_of "$1"
    wait_for 20 welcomes_are "$starts"
}
starts=1
BUILD=$previous memory= # it has no such setting
controller_start
start_agent_of "$previous"
label_create job process '{"command": "echo here; exec sleep 1000"}' '{"slots": 1}'
id=$(application_create job)
check "an agent of then runs what it is given" wait_for 20 application_is ALLOCATED "$id"
identifier=$(api_field .data.identifier "resource/$(api_field .data.resource "application/$id")")
restart_with "$previous"
check_equal "and finds it again" ALLOCATED "$(application_status "$id")"
stop controller
BUILD=$ours memory=/dev/shm/$tag
controller_start
restart_with "$ours"
check_equal "so does the agent of now" ALLOCATED "$(application_status "$id")"
check_equal "it is the same workload" "$identifier" \
    "$(api_field .data.identifier "resource/$(api_field .data.resource "application/$id")")"
check_equal "which was started once" here "$(api GET "application/$id/log" | jq -r .data)"
second=$(application_create job)
check "the agent of now runs more" wait_for 20 application_is ALLOCATED "$second"
if ! shares_key; then
    restart_with "$previous"
    api POST "application/$second/deallocate" '{}' >"$work/answer"
    check "and the agent of then ends it" wait_for 20 application_is DEALLOCATED "$second"
fi
finish
