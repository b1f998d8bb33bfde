#!/bin/sh
# How applications end, and when: exit statuses, lifetimes of single requests, and their extension; on every face.
. "$(dirname "$0")/lib.sh"

cluster_start 1
fs_start
label_create job process '{"command": "exit 3"}'
label_create sleeper process '{"command": ["sleep", "1000"], "stop_grace": 1}'
label_create bounded process '{"command": ["sleep", "1000"], "stop_grace": 1}' '{"lifetime": "4h"}'

# ---- its end stays with it --------------------------------------------------------------------------------

id=$(application_create job)
check "a job ends" wait_for 20 application_is ERROR "$id"
check_equal "REST: exit status, last resource and node" "3 1 $(agent_name 1) null" \
    "$(api_field '.data | "\(.exit_status) \(.last_resource) \(.node) \(.resource)"' "application/$id")"
check_match "and when" '20*Z' "$(api_field .data.ended_at "application/$id")"
check_equal "files" "3 1" "$(cat "$mount/applications/$id/exit_status" "$mount/applications/$id/last_resource" | xargs)"
check_equal "aq" 3 "$(aq application "$id" exit_status)"
check_equal "a field alone" 3 "$(api_field .data "application/$id/exit_status")"

id=$(application_create sleeper)
check "another one runs" wait_for 20 application_is ALLOCATED "$id"
check_equal "and has no exit status: REST" null "$(api_field .data.exit_status "application/$id")"
check_equal "files" - "$(cat "$mount/applications/$id/exit_status")"
api POST "application/$id/deallocate" >"$work/answer"
check "it is deallocated" wait_for 20 application_is DEALLOCATED "$id"
check_equal "a signal's number and 128" 143 "$(api_field .data.exit_status "application/$id")"

# ---- lifetimes --------------------------------------------------------------------------------------------

id=$(api POST application/ '{"label": "sleeper", "lifetime": "2s"}' | jq .data.id)
check "a lifetime of its own ends it" wait_for 20 application_is DEALLOCATED "$id"
check_equal "and it says so" "its lifetime is over" "$(api_field .data.description "application/$id")"

ends() { # the time left, in hours
    api_field '(.data.expires_at | sub("\\.[0-9]+Z"; "Z") | fromdate) - now | . / 3600 | round' "application/$id"
}
id=$(api POST application/ '{"label": "bounded", "lifetime": "1h"}' | jq .data.id)
check "another one runs" wait_for 20 application_is ALLOCATED "$id"
check_equal "for an hour" 1 "$(ends)"
check_equal "REST extends it" 200 "$(api_code POST "application/$id/extend" '{"by": "1h"}')"
check_equal "to two hours" 2 "$(ends)"
check "so does a file" sh -c "echo 1h > '$mount/applications/$id/extend'"
check_equal "to three hours" 3 "$(ends)"
check "so does aq" aq application "$id" extend 1h
check_equal "to four hours" 4 "$(ends)"
check "for a lifetime too" aq application "$id" extend lifetime=9h
check_equal "of nine hours, for an admin" 9 "$(ends)"
check_match "the event tells" '*"lifetime":32400*"expires_at":"20*' "$(grep application_extended "$mount/applications/$id/events" | tail -n 1)"
check_fails "nonsense is refused" sh -c "echo soon > '$mount/applications/$id/extend'"
check_match "with the reason" '*by is "soon", but must be a duration*' "$(cat "$mount/errors/last")"
kill_hard controller
controller_start --rebuild
check_equal "a rebuild gives the same" 9 "$(ends)"
check_equal "and the log proves it" 200 "$(api_code GET log/verify)"
finish
