#!/bin/sh
# Who is who: users by their numbers, and their tokens; with attacks.
. "$(dirname "$0")/lib.sh"

cluster_start 1
fs_start
view=$mount
label_create test test '{}'
label_create busy process '{"command": ["sh", "-c", "echo hello; sleep 600"]}'

# as USER:TOKEN METHOD PATH [BODY [CURL ARGUMENTS...]]: prints the HTTP status; the answer is in $work/body.
as() {
    local login=$1 method=$2 path=$3 body=${4-}
    shift 3
    [ $# -gt 0 ] && shift
    [ -n "$body" ] && set -- --data-binary "$body" "$@"
    curl -s -m 20 -u "$login" -X "$method" -H 'Content-Type: application/json' -o "$work/body" -w '%{http_code}' "$@" \
        "http://127.0.0.1:$api_port/api/v1/$path"
}

new_user() { # NAME [MORE]: prints NAME:TOKEN
    printf '%s:%s' "$1" "$(api POST user/ "{\"name\": \"$1\"${2-}}" | jq -r '.data.token')"
}

as_uid() { # UID COMMAND...: in the view, for others cannot go through $work
    (
        uid=$1
        shift
        cd "$view" && exec setpriv --reuid "$uid" --regid "$uid" --clear-groups "$@"
    )
}

# ---- a user who is deleted, and another one of that name ---------------------------------------------------

first=$(new_user eve ', "uid": 4001')
check_equal "eve works" 200 "$(as "$first" POST application/ '{"label": "busy"}' -H 'Idempotency-Key: k1')"
check "her application runs" wait_for 20 application_is ALLOCATED 1
check "and has written something" wait_for 20 grep -q hello "$view/resources/1/log"
check_equal "she sees it" "1 eve" "$(as "$first" GET application/ >"$work/status"; jq -r '.data[] | "\(.id) \(.user)"' "$work/body")"
check "in the file view, too" as_uid 4001 test -d applications/1
check_equal "she gives it back" 200 "$(as "$first" POST application/1/deallocate)"
check "it ends" wait_for 20 application_is DEALLOCATED 1
check_equal "an admin deletes her" 200 "$(api_code DELETE user/eve)"
check_equal "her token is nothing now" 401 "$(as "$first" GET application/)"
check_fails "nor is her uid" as_uid 4001 test -d applications/1

second=$(new_user eve ', "uid": 4001')
check_equal "another eve gets the name" "2 3" \
    "$(api_field '"\(.data.user_number)"' application/1) $(api_field .data.number user/eve)"
check_equal "the first one's token is nothing to her" 401 "$(as "$first" GET application/)"
for path in application/1 application/1/why application/1/events application/1/log resource/1/log 'vote/?application=1'; do
    check_equal "the second eve does not see $path" 404 "$(as "$second" GET "$path")"
done
for path in application/ 'application/?status=DEALLOCATED' 'application/?user=eve' resource/ vote/; do
    check_equal "nor is anything in $path" "200 0" "$(as "$second" GET "$path") $(jq '.data | length' "$work/body")"
done
check_equal "nor can she act on it" "404 404" \
    "$(as "$second" POST application/1/deallocate) $(as "$second" POST application/1/extend '{"by": 5}')"
check_equal "her keys are her own" 200 "$(as "$second" POST application/ '{"label": "busy"}' -H 'Idempotency-Key: k1')"
check_equal "the answer is new" "2 null" "$(jq -r '"\(.data.id) \(.repeated)"' "$work/body")"
check "it runs" wait_for 20 application_is ALLOCATED 2
check_equal "the file view shows her own" "2" "$(as_uid 4001 ls applications | grep '^[0-9]')"
check_equal "and her newest" ALLOCATED "$(as_uid 4001 cat applications/last/status)"
check_fails "and not the old one" as_uid 4001 cat applications/1/status
check_fails "nor its output" as_uid 4001 cat resources/1/log
check_equal "what the first one left belongs to root" 0 "$(stat -c %u "$view/applications/1/status")"
check_equal "an admin sees both, and whose they were" "1 eve 2;2 eve 3" \
    "$(api GET application/ | jq -r '[.data[] | "\(.id) \(.user) \(.user_number)"] | join(";")')"

# ---- and after the tables were made again ------------------------------------------------------------------

stop controller
controller_start --rebuild
check_equal "the numbers are the same after a rebuild" "1 eve 2;2 eve 3" \
    "$(api GET application/ | jq -r '[.data[] | "\(.id) \(.user) \(.user_number)"] | join(";")')"
check_equal "and so is what she sees" "404 200" \
    "$(as "$second" GET application/1) $(as "$second" GET application/2)"
check "the log and its replay agree" aq log verify

# ---- several tokens, named and narrowed --------------------------------------------------------------------

aq_as() { # TOKEN ARGUMENTS...: as the second eve
    local token=$1
    shift
    AQ_SERVER="http://127.0.0.1:$api_port" AQ_USER=eve AQ_TOKEN=$token "$BUILD/aq" "$@"
}

bearer() { # TOKEN METHOD PATH [BODY]: prints the HTTP status; the answer is in $work/body
    curl -s -m 20 -H "Authorization: Bearer $1" -X "$2" -H 'Content-Type: application/json' -o "$work/body" \
        -w '%{http_code}' ${4+--data-binary "$4"} "http://127.0.0.1:$api_port/api/v1/$3"
}

eve=${second#*:}
ci=$(aq_as "$eve" tokens create ci --ttl 90d --only application.create,application.deallocate 2>"$work/said")
check_match "aq tokens create prints a token alone" 'aq_????????????????????????????????????????????*' "$ci"
check_match "and says that it is the only time" '*never shown again*' "$(cat "$work/said")"
check_equal "it is good for what it is for, by Bearer" 200 "$(bearer "$ci" POST application/ '{"label": "test"}')"
id=$(jq .data.id "$work/body")
check_equal "and by Basic" 200 "$(as "eve:$ci" POST "application/$id/deallocate" '{}')"
check_equal "with another name it is nothing" 401 "$(as "admin:$ci" POST "application/$id/deallocate" '{}')"

# Every route and what it gives with the narrow token; the first token of eve gives 200 for the first group.
for route in 'GET application/' "GET application/$id" "GET application/$id/why" "GET application/$id/events" \
    'GET resource/' 'GET label/' 'GET label/1' 'GET node/' 'GET user/' 'GET user/eve' 'GET token/' 'GET role/' \
    'GET vote/' 'GET events?follow=false'; do
    # shellcheck disable=SC2086 # two words
    check_equal "the narrow token may not $route" 403 "$(bearer "$ci" $route)"
done
for route in "POST application/$id/extend" 'POST token/' 'POST user/eve/token' 'DELETE token/1' 'POST label/' \
    'DELETE label/1' 'POST user/' 'DELETE user/eve' 'POST user/eve/uid' 'POST node/x/maintenance' 'POST role/'; do
    # shellcheck disable=SC2086
    check_equal "nor $route" 403 "$(bearer "$ci" $route '{}')"
done
for path in application/ label/ node/ user/ token/ role/ "application/$id/why" 'vote/'; do
    check_equal "eve's first token may GET $path" 200 "$(bearer "$eve" GET "$path")"
done
check_match "the refusal says what is missing" '*label.list*the token does not give*' \
    "$(bearer "$ci" GET label/ >"$work/status"; jq -r .message "$work/body")"
check_match "aq tokens lists the tokens of eve" '*ci*application.create*' "$(aq_as "$eve" tokens)"
check_equal "and no others" "ci first" "$(bearer "$eve" GET token/ >"$work/status"; jq -r '[.data[].name] | sort | join(" ")' "$work/body")"
check "its last use is shown, and from where" wait_for 10 sh -c "curl -s -m 5 -H 'Authorization: Bearer $eve' \
    http://127.0.0.1:$api_port/api/v1/token/ci | jq -e '.data.live.used_at != null and .data.live.address == \"127.0.0.1\"'"
check_equal "and in the file view" 127.0.0.1 "$(cat "$view"/tokens/"$(api GET token/ | jq '.data[] | select(.name == "ci") | .id')"/live/address)"
check_equal "the hash is shown nowhere" "" "$(api GET token/ | grep -o 'blake2b')"
check_equal "a token made in the file view belongs to eve, too" "1 eve" "$(as_uid 4001 sh -c \
    'exec 3<>tokens/new; echo name=fromfile >&3; cat <&3' | grep -c 'aq_') $(api GET token/ | jq -r '.data[] | select(.name == "fromfile") | .user')"

# ---- nobody gives more than they have -----------------------------------------------------------------------

maker=$(aq_as "$eve" tokens create maker only=token.create,application.create ttl=1h 2>"$work/said")
check_equal "a narrowed token makes no wider one" "403 403 403" "$(bearer "$maker" POST token/ '{"name": "a", "ttl": 60}') $(
    bearer "$maker" POST token/ '{"name": "a", "only": ["application.*"], "ttl": 60}') $(
    bearer "$maker" POST token/ '{"name": "a", "only": ["application.create"]}')"
check_equal "nor one for another user" 404 "$(bearer "$maker" POST token/ '{"name": "a", "user": "admin", "only": ["application.create"], "ttl": 60}')"
check_equal "but one as narrow" 200 "$(bearer "$maker" POST token/ '{"name": "a", "only": ["application.create"], "ttl": 60}')"
check_equal "eve makes none for admin" 404 "$(bearer "$eve" POST token/ '{"name": "a", "user": "admin"}')"
limited=$(aq tokens create limited role=user 2>"$work/said")
check_equal "admin's token with the role user is no admin's" "403 403" \
    "$(bearer "$limited" DELETE user/eve) $(bearer "$limited" POST user/admin/token '{}')"
check_equal "and wrong patterns are told" 400 "$(bearer "$eve" POST token/ '{"name": "b", "only": ["application.crate"]}')"

# ---- revoked at once, with connections open -----------------------------------------------------------------

watch=$(aq tokens create watch only='*.events,application.list' 2>"$work/said")
(
    curl -sN -m 60 -H "Authorization: Bearer $watch" "http://127.0.0.1:$api_port/api/v1/events" >"$work/stream"
    : >"$work/stream-ended"
) &
check "an event stream is open" wait_for 10 grep -q retry "$work/stream"
check_equal "aq tokens delete, by its name" 0 "$(aq tokens delete watch >"$work/said"; echo $?)"
check "its stream ends at once" wait_for 2 test -e "$work/stream-ended"
label_create after test '{}'
check_equal "and has nothing of what came after" 0 "$(grep -c '"after"' "$work/stream")"
check_equal "a new request with it is refused" 401 "$(bearer "$watch" GET application/)"

# The body comes after the token has gone: it is decided by the rights of then.
requests() { # that have begun, this one too
    curl -s "http://127.0.0.1:$api_port/metrics" | awk '$1 == "aquarium_http_requests_total" {print $2}'
}
polls=0
another_has_begun() {
    polls=$((polls + 1))
    [ "$(requests)" -gt $((begun + polls)) ]
}
late=$(aq_as "$eve" tokens create late 2>"$work/said")
before=$(api_field '.data | length' application/)
begun=$(requests)
(
    printf '{"label":'
    wait_for 10 test -e "$work/gone"
    printf ' "test"}'
) | curl -s -m 20 -H "Authorization: Bearer $late" -H 'Content-Type: application/json' -H 'Expect:' -X POST -T - \
    -o "$work/body.late" -w '%{http_code}' "http://127.0.0.1:$api_port/api/v1/application/" >"$work/late" &
check "the head of a request has come" wait_for 20 another_has_begun
aq_as "$eve" tokens delete late >"$work/said"
: >"$work/gone"
wait $!
check_equal "a body that comes late is refused" 401 "$(cat "$work/late")"
check_equal "and has changed nothing" "$before" "$(api_field '.data | length' application/)"

# ---- expiry, demotion, the first token -----------------------------------------------------------------------

short=$(aq_as "$eve" tokens create short ttl=2s 2>"$work/said")
check_equal "a token for two seconds" 200 "$(bearer "$short" GET label/)"
check "expires" wait_for 10 sh -c "[ \"\$(curl -s -o /dev/null -w '%{http_code}' -H 'Authorization: Bearer $short' http://127.0.0.1:$api_port/api/v1/label/)\" = 401 ]"
check "and is removed" wait_for 10 sh -c "! curl -s -H 'Authorization: Bearer $eve' http://127.0.0.1:$api_port/api/v1/token/ | grep -q '\"short\"'"
boss=$(new_user boss ', "role": "admin"')
check_equal "an admin" 200 "$(as "$boss" GET user/eve)"
api POST user/boss '{"role": "user", "max_applications": 0}' >"$work/answer"
check_equal "a user who is demoted is demoted with every token" "404 403" "$(as "$boss" GET user/eve) $(bearer "${boss#*:}" DELETE label/1)"
renewed=$(aq users token eve 2>"$work/said")
check_equal "aq users token replaces the first one" "401 200" "$(bearer "$eve" GET label/) $(bearer "$renewed" GET label/)"
check_equal "and no other" 200 "$(bearer "$ci" POST application/ '{"label": "test"}')"
api GET application/ | jq -r '.data[] | select(.status != "DEALLOCATED") | .id' | while read -r id; do
    api POST "application/$id/deallocate" >"$work/answer"
done
open_of_eve() { api GET "application/?user=eve" | jq '[.data[] | select(.status != "DEALLOCATED" and .status != "RECALLED")] | length'; }
check "her applications end" wait_for 20 prints 0 open_of_eve
check_equal "a user that goes takes its tokens with it" "200 401 0" "$(api_code DELETE user/eve) $(bearer "$ci" POST application/ '{"label": "test"}') $(
    api GET token/ | jq '[.data[] | select(.user == "eve")] | length')"
check_match "the OpenAPI document has them" '*bearer*' "$(curl -s "http://127.0.0.1:$api_port/api/v1/openapi.json" | jq -r '.components.securitySchemes | keys | join(" ")')"
check "the log and its replay agree" aq log verify

finish
