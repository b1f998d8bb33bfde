#!/bin/sh
# Nobody has it all: requests of a token, a user and an address, and what a user may write, have limits that pass.
. "$(dirname "$0")/lib.sh"

cluster_start 0 --set api.requests_per_token=2 --set api.requests_per_user=3 --set api.requests_per_address=2 \
    --set log.user_burst=65536 --set log.user_rate=1024
fs_start
view=$mount
label_create test test '{}'
for user in eve bob; do
    uid=$((${uid-4000} + 1))
    api POST user/ "{\"name\": \"$user\", \"uid\": $uid, \"max_applications\": 1}" | jq -r .data.token >"$work/$user"
done

# many COUNT TOKEN METHOD PATH [BODY]: the statuses of as many requests on one connection, counted: "3 200,4 429".
many() {
    local count=$1 token=$2 method=$3 path=$4 body=${5-} i=0
    while [ "$i" -lt "$count" ]; do
        printf 'url = "http://127.0.0.1:%s/%s"\noutput = "%s"\n' "$api_port" "$path" "$work/body"
        i=$((i + 1))
    done >"$work/urls"
    [ -n "$token" ] && printf 'header = "Authorization: Bearer %s"\n' "$token" >>"$work/urls"
    curl -s -m 60 -K "$work/urls" -X "$method" -D "$work/head" -w '%{http_code}\n' -H 'Content-Type: application/json' \
        ${body:+--data-binary "$body"} | sort | uniq -c | awk '{printf "%s%s %s", (NR > 1 ? "," : ""), $1, $2}'
}

metric() { # NAME
    curl -s "http://127.0.0.1:$api_port/metrics" | awk -v n="aquarium_$1" '$1 == n {print $2}'
}

# ---- requests -----------------------------------------------------------------------------------------------

check_match "a token sends a minute's worth at once, and not more" '1[2-5]? 200,* 429' "$(many 160 "$(cat "$work/eve")" GET api/v1/label/)"
check_match "it is told when to try again" '*[Rr]etry-[Aa]fter: [1-9]*' "$(cat "$work/head")"
check_equal "by a name of its own" rate "$(jq -r .error "$work/body")"
check_match "and which limit it is" '*token * of user eve sends more than 2 requests a second (api.requests_per_token)*' "$(jq -r .message "$work/body")"
check_equal "another user goes on" "5 200" "$(many 5 "$(cat "$work/bob")" GET api/v1/label/)"
check_equal "who looks after the cluster has no limit" "200 200" "$(many 200 "$(cat "$data/admin.token")" GET api/v1/label/)"
sleep 1.5
check_match "it passes with time" '[1-9]* 200,* 429' "$(many 20 "$(cat "$work/eve")" GET api/v1/label/)"
for name in a b; do
    api POST token/ "{\"name\": \"$name\", \"user\": \"bob\"}" | jq -r .data.token >"$work/bob.$name"
done
many 115 "$(cat "$work/bob")" GET api/v1/label/ >"$work/got"
check_match "more tokens do not give a user more" '* 429' "$(many 100 "$(cat "$work/bob.a")" GET api/v1/label/)"
check_match "as the message says" '*user bob sends more than 3 requests a second (api.requests_per_user)*' "$(jq -r .message "$work/body")"
check_match "and without a login there is one for the address" '* 200,* 429' "$(many 160 "" GET livez)"
check_equal "what is refused before anybody asks for a login counts, too" "20 429" "$(many 20 "" GET nowhere)"
check_equal "which is no limit for logins" "1 200" "$(many 1 "$(cat "$data/admin.token")" GET api/v1/label/)"
check "the journal tells of it" grep -q 'too many requests.*who=' "$work/controller.log"

# ---- bytes: create and deallocate, with large metadata --------------------------------------------------------

stop controller
controller_start --set log.user_burst=65536 --set log.user_rate=1024
metadata=$(head -c 30000 /dev/zero | tr '\0' x)
wrote=0
for i in 1 2 3 4 5 6; do
    code=$(curl -s -m 20 -H "Authorization: Bearer $(cat "$work/eve")" -H 'Content-Type: application/json' -D "$work/head" \
        -o "$work/body" -w '%{http_code}' -d "{\"label\": \"test\", \"metadata\": {\"x\": \"$metadata\"}}" \
        "http://127.0.0.1:$api_port/api/v1/application/")
    [ "$code" = 200 ] || break
    wrote=$i
    many 1 "$(cat "$work/eve")" POST "api/v1/application/$(jq .data.id "$work/body")/deallocate" >"$work/got"
done
check_equal "a user writes as much as it may, and a last one" 3 "$wrote"
check_equal "then it is told to wait" "429 rate" "$code $(jq -r .error "$work/body")"
check_match "for how long" '*[Rr]etry-[Aa]fter: [1-9]*' "$(cat "$work/head")"
check_match "and why" '*user eve has written more than 65536 bytes*log.user_burst*' "$(jq -r .message "$work/body")"
check_match "in the file view, too" '*user eve has written more than 65536 bytes*' "$( (cd "$view" &&
    setpriv --reuid 4001 --regid 4001 --clear-groups sh -c 'echo label=test > applications/new || cat errors/last' 2>"$work/err"))"
check_equal "she still reads" "1 200" "$(many 1 "$(cat "$work/eve")" GET api/v1/application/)"
check_equal "another user writes" "1 200" "$(many 1 "$(cat "$work/bob")" POST api/v1/application/ '{"label": "test"}')"
i=0
while [ "$i" -lt 5 ]; do
    application_create test "{\"x\": \"$metadata\"}"
    i=$((i + 1))
done >"$work/ids"
check_equal "and so does admin, without a limit" 5 "$(grep -c '^[0-9]' "$work/ids")"
check "metrics count it" test "$(metric writes_limited_total)" -ge 2
check "the journal tells of it" grep -q 'a user writes too much.*user=eve' "$work/controller.log"

finish
