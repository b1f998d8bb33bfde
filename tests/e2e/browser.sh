#!/bin/sh
# A page of another origin, in a real browser that knows a login for REST, can neither write nor read. The same page at a
# server without protection shows that the browser does send what the page tries.
. "$(dirname "$0")/lib.sh"

browser=$(command -v chromium-headless-shell || command -v chromium) || {
    note "skipped: there is no chromium-headless-shell; tools/setup.sh check installs it"
    finish
}

cluster_start 0
label_create bait test '{}'
seq=$(api GET label/ | jq .seq)
page=$PWD/tests/e2e/browser/page.html

server_start() { # NAME [LOG]
    local name=$1
    shift
    start "$name" perl tests/e2e/browser/serve.pl "$page" "$@"
    wait_for 10 test -s "$work/$name.log" || die "$name does not start"
}
server_start evil
server_start victim "$work/taken"
evil=$(head -n 1 "$work/evil.log")
victim=$(head -n 1 "$work/victim.log")

# visit HOST_OF_THE_PAGE PORT_OF_THE_TARGET: prints the page's lines. As root, the browser has no sandbox.
visit() {
    rm -rf "$work/profile"
    HOME=$work timeout 30 "$browser" --headless --no-sandbox --disable-gpu --disable-dev-shm-usage --user-data-dir="$work/profile" \
        --disable-popup-blocking --no-first-run --host-resolver-rules="MAP evil.example 127.0.0.1" \
        --virtual-time-budget=20000 --dump-dom \
        "http://$1:$evil/#http://127.0.0.1:$2,$(cat "$data/admin.token")" 2>"$work/browser.log" |
        sed -n '/<pre>/,/<\/pre>/p' | sed 's/.*<pre>//' | sed '/<\/pre>/d'
}

: >"$work/taken"
said=$(visit evil.example "$victim")
check_match "the page tries all of it" '*simple: *end: reached*' "$said"
for try in '"by":"simple"' '"by":"cors"' '"by":"beacon"' '"by":"form-text=' label=bait; do
    check "where nothing is checked, the browser sends $try with its login" grep -q "^POST /api/v1/application/ .*$try" "$work/taken"
done

for host in evil.example localhost 127.0.0.1; do
    said=$(visit "$host" "$api_port")
    check_match "a page of $host tries all of it" '*simple: *end: reached*' "$said"
    check_equal "and reads nothing" "beacon: true form-text: sent form: sent end: reached" \
        "$(printf '%s\n' "$said" | grep -v ': blocked$' | grep -v '^simple: $' | tr '\n' ' ' | sed 's/ $//')"
    check_equal "and writes nothing" "$seq 0" "$(api GET application/ | jq -r '"\(.seq) \(.data | length)"')"
done

# What the page sent is taken from a caller that is no page.
check_equal "a script may" 200 "$(api_code POST application/ '{"label":"bait"}')"
finish
