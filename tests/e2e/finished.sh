#!/bin/sh
# Finished applications leave the tables as the settings say; the log keeps them, and a rebuild gives the same tables.
. "$(dirname "$0")/lib.sh"

cluster_start 1 --set keep.finished.number=5
fs_start
label_create job test '{"run_ms": 10}'
label_create sleeper test '{}'

kept() {
    api_field '[.data[].id] | join(" ")' "application/$1"
}

open=$(application_create sleeper)
check "an application runs" wait_for 20 application_is ALLOCATED "$open"
for _ in 1 2 3 4 5 6 7 8 9; do
    last=$(application_create job)
done
check_equal "ten were asked for" 10 "$last"
check "nine end, and the oldest four leave" wait_for 30 prints 5 api_field '[.data[] | select(.status == "DEALLOCATED")] | length' application/
check "what is open stays" application_is ALLOCATED "$open"
gone=$(api_field '[.data[].id] as $all | [range(1; 11)] - $all | .[0]' application/)
check_match "who asks for one that left is told so" "application $gone has ended and left the tables; *" \
    "$(api GET "application/$gone" | jq -r .message)"
check_equal "with 404" 404 "$(cat "$work/code")"
check_equal "giving it back is done already" 200 "$(api_code POST "application/$gone/deallocate")"
check "aq says so, too" aq applications deallocate "$gone"
check "it is no longer a directory" not test -d "$mount/applications/$gone"
check_match "the log keeps its events" '*application_created*application_elected*resource_started*resource_ended*application_removed*' \
    "$(api GET "events?since=0&follow=false&entity=application&key=$gone" | tr '\n' ' ')"
check_match "aq log show finds them" '*application_created*resource_ended*application_removed*' \
    "$(aq log show application "$gone" | tr '\n' ' ')"
check_fails "of one that never was, there are none" aq log show application 999
check_equal "numbers are not used again" 11 "$(application_create sleeper)"

# ---- by age, while it runs --------------------------------------------------------------------------------

printf 'keep: {finished: {age: 2s}}\n' >"$work/controller.yml"
stop controller
start controller "$BUILD/aq-controller" --config "$work/controller.yml" --set data="$data" --set api.port="$api_port" \
    --set hub.port="$hub_port" --set log.map_size=1GiB --set state.map_size=1GiB --set hub.lost_after=3
wait_for 20 controller_is_ready || die "the controller does not get ready"
check "by age, all finished ones leave" wait_for 30 prints "$open 11" kept ""
check_equal "the log proves the tables" 200 "$(api_code GET log/verify)"
before=$(api GET application/ | jq -S .data)
kill_hard controller
controller_start --rebuild
check_equal "a rebuild gives the same" "$before" "$(api GET application/ | jq -S .data)"

# ---- without the setting ----------------------------------------------------------------------------------

check "the agent is back" wait_for 20 nodes_are_active 1
id=$(application_create job)
check "another job ends" wait_for 20 application_is DEALLOCATED "$id"
check_equal "without the setting it stays" "$open 11 $id" "$(kept "")"
finish
