#!/bin/sh
# A controller that is told to end waits for nobody: not for agents, not for a request of which only a part has come.
. "$(dirname "$0")/lib.sh"

TRIES=3 # the fastest counts: the machine may be busy, but what the controller waits for it waits for each time

# Prints how long the fastest of TRIES stops takes, in ms. Before each, `$1` opens something, whose processes it adds to $open.
fastest_stop_ms() { # OPENER
    local try=0 begun taken fastest=999999
    while [ "$try" -lt "$TRIES" ]; do
        open=""
        "$1"
        begun=$(date +%s%N)
        stop controller
        taken=$((($(date +%s%N) - begun) / 1000000))
        [ "$taken" -lt "$fastest" ] && fastest=$taken
        # shellcheck disable=SC2086 # numbers
        [ -n "$open" ] && kill $open 2>/dev/null
        controller_start
        wait_for 20 agent_answers >>"$work/waits" || die "the agent does not come back"
        try=$((try + 1))
    done
    echo "$fastest"
}

agent_answers() {
    [ "$(api_code GET "application/$id/log")" = 200 ]
}

# Much more than a stop takes, less than the shortest of the waits.
is_prompt() { # MS
    [ "$1" -lt 1500 ]
}

open_requests() {
    curl -sf -m 5 "http://127.0.0.1:$api_port/metrics" | sed -n 's/^aquarium_http_requests_open //p'
}

# Are at least so many requests open, besides the one that asks?
requests_are_open() { # COUNT
    [ "$(open_requests)" -gt "$1" ]
}

half_requests() {
    bash -c 'exec 7<>"/dev/tcp/127.0.0.1/$1" && printf "GET /livez HTTP/1.1\r\nHost: x\r\n" >&7 && sleep 100' half "$api_port" &
    open=$!
    bash -c 'exec 7<>"/dev/tcp/127.0.0.1/$1" && printf "POST /api/v1/label/ HTTP/1.1\r\nHost: x\r\nAuthorization: $2\r\nContent-Length: 9\r\n\r\n{" >&7 &&
        sleep 100' half "$api_port" "Basic $(printf 'admin:%s' "$(cat "$data/admin.token")" | base64 -w 0)" &
    open="$open $!"
    wait_for 20 requests_are_open 2 >>"$work/waits" || die "the requests do not come"
}

followers() {
    curl -s -m 100 -o "$work/follow" -u "admin:$(cat "$data/admin.token")" \
        "http://127.0.0.1:$api_port/api/v1/application/$id/log?after=0&follow=true" &
    open=$!
    curl -s -m 100 -o "$work/stream" -u "admin:$(cat "$data/admin.token")" "http://127.0.0.1:$api_port/api/v1/events" &
    open="$open $!"
    wait_for 20 requests_are_open 2 >>"$work/waits" || die "the requests do not come"
}

nothing() {
    :
}

cluster_start 1
label_create silent process '{"command": ["sleep", "1000"], "stop_grace": 0}'
id=$(application_create silent)
check "a workload that writes nothing" wait_for 20 application_is ALLOCATED "$id"
check "an idle controller ends at once" is_prompt "$(fastest_stop_ms nothing)"
check "and does not wait for the rest of a request" is_prompt "$(fastest_stop_ms half_requests)"
check "nor for the next output of a workload" is_prompt "$(fastest_stop_ms followers)"

# The follower asks again when the controller is back.
label_create ticks process '{"command": "while :; do echo tick; sleep 0.1; done", "stop_grace": 0}'
ticks=$(application_create ticks)
wait_for 20 application_is ALLOCATED "$ticks" || die "it does not run"
start follower env AQ_SERVER="http://127.0.0.1:$api_port" AQ_USER=admin AQ_TOKEN_FILE="$data/admin.token" \
    "$BUILD/aq" logs "$ticks" -f
wait_for 20 grep -q tick "$work/follower.log" || die "nothing is followed"
stop controller
controller_start
before=$(grep -c tick "$work/follower.log")
more_ticks() {
    [ "$(grep -c tick "$work/follower.log")" -gt "$before" ]
}
check "aq logs -f goes on after it" wait_for 30 more_ticks

finish
