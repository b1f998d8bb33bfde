#!/bin/sh
# REST, as docs/api.md describes it.
. "$(dirname "$0")/lib.sh"

cluster_start 1
label_create quick test '{}' '{"slots": 1}'
label_create addressed test '{"ip_addr": "127.0.0.1"}'

count() { # ENTITY
    api_field '.data | length' "$1/?limit=1000"
}

# ---- writing ----------------------------------------------------------------------------------------------

api POST application/ '[{"label": "quick"}, {"label": "quick", "metadata": {"n": 2}}, {"label_id": 1}]' >"$work/answer"
check_equal "an array is one batch" "[1,2,3]" "$(jq -c '[.data[].id]' "$work/answer")"
check "with its seq" test "$(jq .seq "$work/answer")" -gt 3
one=$(api POST application/ '{"label": "quick"}' -H 'Idempotency-Key: abc' | jq .data.id)
two=$(api POST application/ '{"label": "quick"}' -H 'Idempotency-Key: abc' | jq .data.id)
check_equal "repeated with the same key: happens once" "$one" "$two"
check_equal "the same key for something else: 422" 422 \
    "$(api_code POST application/ '{"label": "addressed"}' -H 'Idempotency-Key: abc')"
# Whether a node is in maintenance, and back, with a key for each wish.
wish() { # KEY true|false
    api POST "node/$(agent_name 1)/maintenance" "{\"maintenance\": $2}" -H "Idempotency-Key: $1" |
        jq -c '[.data.maintenance, .seq, .repeated]'
}
nothing=$(wish k1 false) # as it is already
wish k2 true >"$work/answer"
check_equal "a key counts even if nothing changed" "$(printf %s "$nothing" | sed s/null/true/)" "$(wish k1 false)"
check_equal "and the later wish holds" true "$(api_field .data.maintenance "node/$(agent_name 1)")"
wish k3 false >"$work/answer"
kill_hard controller
controller_start
check_equal "and still after a crash" "$one" \
    "$(api POST application/ '{"label": "quick"}' -H 'Idempotency-Key: abc' | jq .data.id)"
check_equal "with the same seq" "$(printf %s "$nothing" | sed s/null/true/)" "$(wish k1 false)"
before=$(count application)
check_match "dry run: tells the events" '*application_created*' "$(api POST 'application/?dry_run=true' '{"label": "quick"}')"
check_equal "and changes nothing" "$before" "$(count application)"
api POST label/ '{"name": "flat", "version": 1, "driver": "test", "definition": {"start_delay_ms": 1, "cpu": 1},
    "metadata": {"x": "y"}}' >"$work/answer"
check_equal "an older client's label" "test 1 1" \
    "$(jq -r '.data.definitions[0] | "\(.driver) \(.resources.cpu) \(.options.start_delay_ms)"' "$work/answer")"
check_equal "a label that is not used can be deleted" 200 "$(api_code DELETE "label/$(jq .data.id "$work/answer")")"
check_equal "one that is used cannot" 409 "$(api_code DELETE label/1)"
token=$(api POST user/ '{"name": "bob", "max_applications": 1}' | jq -r .data.token)
check_match "a new user's token is shown" 'aq_*' "$token"
check_fails "and never again" grep -q aq_ "$(api GET user/bob >"$work/answer"; echo "$work/answer")"

# ---- who asks ---------------------------------------------------------------------------------------------

bob() { # METHOD PATH [BODY]
    curl -s -m 20 -u "bob:$token" -X "$1" ${3+--data-binary "$3"} -o "$work/body" -w '%{http_code}' \
        "http://127.0.0.1:$api_port/api/v1/$2"
}
check_equal "bob may ask" 200 "$(bob POST application/ '{"label": "quick"}')"
mine=$(jq .data.id "$work/body")
check_equal "up to the limit of that user" 429 "$(bob POST application/ '{"label": "quick"}')"
check_equal "a user sees what it owns" 200 "$(bob GET "application/$mine")"
check_equal "and no other" 404 "$(bob GET application/1)"
check_equal "nor can that user end it" "404 there is no application 1" "$(bob POST application/1/deallocate) $(jq -r .message "$work/body")"
check_equal "nor in lists" "[$mine]" "$(bob GET application/ >"$work/code"; jq -c '[.data[].id]' "$work/body")"
check_equal "may not make users" 403 "$(bob POST user/ '{"name": "eve"}')"
check_equal "sees the events of its own rows" "200 $mine" \
    "$(bob GET "events?since=0&follow=false") $(sed -n 's/^data: *//p' "$work/body" | jq -s 'map(select(.entity == "application").data.id) | unique | .[]')"
check_equal "is bob" bob "$(bob GET me/ >"$work/code"; jq -r .data.name "$work/body")"
check_equal "and gives it back" 200 "$(bob POST "application/$mine/deallocate")"

# ---- lists ------------------------------------------------------------------------------------------------

check_equal "limit" "[1,2]" "$(api_field '[.data[].id] | tostring' 'application/?limit=2')"
next=$(api_field .next 'application/?limit=2')
check_equal "next, after" "[3,4]" "$(api_field '[.data[].id] | tostring' "application/?limit=2&after=$next")"
check_equal "reverse" "$mine" "$(api_field '.data[0].id' 'application/?reverse=true&limit=1')"
check_equal "filter" "[$mine]" "$(api_field '[.data[].id] | tostring' 'application/?user=b*')"
check_equal "a parameter that is none" 400 "$(api_code GET 'application/?colour=red')"
check_equal "a field" quick "$(api_field .data application/1/label)"
check_equal "what a field refers to" quick "$(api_field .data.name application/1/label_id)"
check_equal "plural, and no slash at the end" 200 "$(api_code GET applications)"
seq=$(api POST application/ '{"label": "quick"}' | jq .seq)
check "read your writes: min_seq" test "$(api_field .seq "application/?min_seq=$seq")" -ge "$seq"
check_equal "a seq that is not reached: 503" 503 "$(api_code GET 'application/?min_seq=99999')"
check_match "and how far it is" "*seq 99999 was asked for, but this controller is at [0-9]*" "$(jq -r .message "$work/answer")"
check_match "why" '*was chosen*' "$(api_field .data application/1/why)"
check_equal "votes: one for each node" "$(agent_name 1)" "$(api_field '.data[0].node' 'vote/?application=1')"

# ---- events -----------------------------------------------------------------------------------------------

api GET 'events?since=0&follow=false' >"$work/events"
check_equal "events, all of them, in order" "$(seq "$(api_field .seq me/)" | md5sum)" \
    "$(sed -n 's/^id: *//p' "$work/events" | md5sum)"
check "data is JSON" sh -c "sed -n 's/^data: *//p' '$work/events' | jq -e .event >'$work/answer'"
seq=$(api_field .seq me/)
start stream curl -sN -m 60 -u "admin:$(cat "$data/admin.token")" "http://127.0.0.1:$api_port/api/v1/events?since=$seq"
application_create quick >"$work/answer"
check "a stream goes on" wait_for 10 grep -q application_created "$work/stream.log"
check_fails "from where it was told to" grep -q "^id: *$seq\$" "$work/stream.log"

# ---- the metadata service ---------------------------------------------------------------------------------

meta() {
    curl -s -m 10 "http://127.0.0.1:$api_port/meta/v1/data/$1"
}
check_match "an unknown address has no metadata" '*127.0.0.1*' "$(meta '')"
id=$(application_create addressed '{"ssh": {"port": 22}, "name": "it'"'"'s me"}')
check "a resource with an address" wait_for 20 application_is ALLOCATED "$id"
check_equal "its metadata, without a password" 22 "$(meta '' | jq .ssh.port)"
check_equal "a single key" 22 "$(meta ssh/port)"
check_match "YAML" '*port: 22*' "$(meta '?format=yaml')"
meta '?format=env&prefix=AQ_' >"$work/env"
check_equal "env, for a shell" "22 it's me" "$(. "$work/env"; set | grep -q . && eval "echo \$$(grep -io '^[a-z_]*port' "$work/env") \$$(grep -io '^[a-z_]*name' "$work/env")")"
check_equal "a key that is not there" 404 \
    "$(curl -s -o "$work/answer" -w '%{http_code}' "http://127.0.0.1:$api_port/meta/v1/data/nosuch")"

# ---- the rest ---------------------------------------------------------------------------------------------

check "OpenAPI" sh -c "curl -s 'http://127.0.0.1:$api_port/api/v1/openapi.json' | jq -e '.paths | length > 10' >'$work/answer'"
check "livez" curl -sf -o "$work/answer" "http://127.0.0.1:$api_port/livez"
check "metrics" sh -c "curl -sf 'http://127.0.0.1:$api_port/metrics' | grep -q '^aquarium_seq '"
check_match "log/verify" '*equal*' "$(api GET log/verify)"

# 128 connections at once: a count at which libmicrohttpd has been seen to hang.
i=0
while [ "$i" -lt 128 ]; do
    echo "url = \"http://127.0.0.1:$api_port/livez\""
    echo "output = \"$work/alive\""
    i=$((i + 1))
done >"$work/curl"
check "128 connections at once" timeout 60 curl -s -Z --parallel-max 128 -K "$work/curl"
check "do not stop it" controller_is_ready
finish
