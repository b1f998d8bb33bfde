#!/bin/sh
# What a newcomer does first: from the shell to a running process and back.
. "$(dirname "$0")/lib.sh"

cluster_start 2
fs_start
view=$mount
for name in mac busy test shaky; do
    check "example label $name is accepted" aq labels create --file "tools/examples/$name.yml"
done

# ---- asked for by a file ----------------------------------------------------------------------------------

check "echo label=mac > applications/new" sh -c "echo label=mac > '$view/applications/new'"
status=$(cat "$view/applications/last/status") # at once: the write has waited for the start
check_equal "the very next line, cat applications/last/status: ALLOCATED" ALLOCATED "$status"
check "and so it stays" wait_for 20 file_is ALLOCATED "$view/applications/last/status"
id=$(basename "$(readlink -f "$view/applications/last")")
check_equal "the first application is number 1" 1 "$id"
check_match "cat resources/*/meta: the label's metadata" '*greeting*hello from the label*' "$(cat "$view"/resources/*/meta)"
why=$(cat "$view/applications/last/why")
check_match "why names the node that was chosen" "*$(basename "$(readlink "$view"/resources/1/node)")*" "$why"
check_match "why names every node that was considered" "*$(agent_name 2)*" "$why"

# ---- seen by REST and by aq -------------------------------------------------------------------------------

api GET resource/ >"$work/resources"
check_equal "REST lists the resource" "1 RUNNING mac" \
    "$(jq -r '.data[] | "\(.id) \(.status)"' "$work/resources") $(api_field .data.label "application/$id")"
check_equal "envelope: message and data" '["data","message"]' "$(jq -c '[keys[] | select(. == "data" or . == "message")]' "$work/resources")"
check_match "aq applications: a table" '*mac*ALLOCATED*' "$(aq applications)"
check_match "aq log tail: events" '*application_created*' "$(aq log tail)"
check_match "aq log tail: all the way" '*resource_started*' "$(aq log tail)"

start tail env AQ_SERVER="http://127.0.0.1:$api_port" AQ_USER=admin AQ_TOKEN_FILE="$data/admin.token" \
    "$BUILD/aq" log tail -f
identifier=$(api_field .data.identifier resource/1)
pid=${identifier##*[!0-9]}
check "it runs: a process of that number" test -d "/proc/$pid"
check "its output can be read" wait_for 10 grep -q "resource 1 is up" "$view/resources/1/log"
check_match "aq shows its output" '*resource 1 is up*' "$(aq resources log 1)"

# ---- and deallocated --------------------------------------------------------------------------------------

check "echo 1 > applications/last/deallocate" sh -c "echo 1 > '$view/applications/last/deallocate'"
check "cat status: DEALLOCATED" wait_for 20 file_is DEALLOCATED "$view/applications/last/status"
check "the process is gone" wait_for 10 not test -d "/proc/$pid"
check_equal "no resource is left" 0 "$(api_field '.data | length' resource/)"
check "aq log tail -f told of the end" wait_for 10 grep -q DEALLOCATED "$work/tail.log"
check "why can still be read" grep -q "$(agent_name 1)" "$view/applications/1/why"

# ---- once more, by REST: tried again elsewhere ------------------------------------------------------------

id=$(application_create shaky '{"a": 1}')
check "an application whose first start fails is tried elsewhere" wait_for 30 application_is ALLOCATED "$id"
check_match "and keeps the reason of the try" '*the cable was loose*' "$(api_field '.data.tries[].reason' "application/$id")"
check_equal "metadata is there" 1 "$(api_field .data.metadata.a "application/$id")"
check_equal "reading deallocates nothing" "405 405" \
    "$(api_code GET "application/$id/deallocate") $(api_code HEAD "application/$id/deallocate" "" --head)"
check_equal "a POST does" 200 "$(api_code POST "application/$id/deallocate")"
check "it is deallocated" wait_for 20 application_is DEALLOCATED "$id"

# ---- aq, from wish to wish ------------------------------------------------------------------------------------

check "aq run --wait" aq run test --wait --timeout 30
check_equal "exit code: the user's fault" 3 "$(aq applications create label=nosuch >"$work/answer" 2>&1; echo $?)"
finish
