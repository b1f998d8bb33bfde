#!/bin/sh
# Bad input: a clear error that names field, value and bound; the same text from REST, files and aq; nothing half-done.
. "$(dirname "$0")/lib.sh"

cluster_start 1
label_create quick test '{}'
fs_start
seq_of() {
    cat "$mount/cluster/seq"
}
before=$(seq_of)

# same NAME ENTITY LINE JSON PATTERN: a creation that must fail, by three faces, with a message like PATTERN.
same() {
    local name=$1 entity=$2 line=$3 json=$4 pattern=$5 message file words
    message=$(api POST "$entity/" "$json" | jq -r .message)
    check_match "$name: REST says what is wrong" "$pattern" "$message"
    check_match "$name: as the caller's fault" '4*' "$(cat "$work/code")"
    printf '%s\n' "$line" >"$work/line"
    check_fails "$name: the write fails" dd if="$work/line" of="$mount/${entity}s/new" bs=128k status=none
    file=$(cat "$mount/errors/last")
    check_match "$name: errors/last has the same text" "*$(literal "$message")*" "$file"
    eval "set -- $line" # as a shell would split it
    words=$(aq "${entity}s" create "$@" 2>&1 >"$work/answer")
    check_match "$name: aq says that it is the caller's fault" "[23]" "$(aq "${entity}s" create "$@" >"$work/answer" 2>&1; echo $?)"
    check_match "$name: aq has the same text" "*$(literal "$message")*" "$words"
}

# A text to match literally, not as a pattern.
literal() {
    printf '%s' "$1" | sed 's/[][*?\\]/\\&/g'
}

same "unknown label" application label=nosuch '{"label": "nosuch"}' '*nosuch*'
same "unknown version" application 'label=quick version=9' '{"label": "quick", "version": 9}' '*9*'
same "missing label" application 'metadata={}' '{"metadata": {}}' '*label*'
same "unknown field" application 'label=quick colour=red' '{"label": "quick", "colour": "red"}' '*colour*'
same "wrong type" application 'label=quick version=two' '{"label": "quick", "version": "two"}' '*version*two*'
same "out of bounds" application 'label=quick version=99999999999' '{"label": "quick", "version": 99999999999}' \
    '*version*99999999999*4294967295*'
same "negative" application 'label=quick version=-1' '{"label": "quick", "version": -1}' '*version*-1*'
same "bad name" application 'label=a/b' '{"label": "a/b"}' '*label*a/b*'
same "a document that is none" application 'label=quick metadata=nonsense' \
    '{"label": "quick", "metadata": "nonsense"}' '*metadata*'
same "a field of the server's" user 'name=eve hash=x' '{"name": "eve", "hash": "x"}' '*hash*'
same "wrong word" user 'name=eve role=king' '{"name": "eve", "role": "king"}' '*role*king*admin*'
same "name taken" user 'name=admin' '{"name": "admin"}' '*admin*'

# ---- a body that cannot be read -------------------------------------------------------------------------------

rest() { # NAME CODE PATTERN METHOD PATH BODY [CURL ARGUMENTS]
    local name=$1 code=$2 pattern=$3
    shift 3
    api "$@" >"$work/answer"
    check_equal "$name: $code" "$code" "$(cat "$work/code")"
    check_match "$name: says why" "$pattern" "$(cat "$work/answer")"
}
rest "JSON that is cut off" 400 '*"message"*' POST application/ '{"label": "quick"'
rest "JSON with a key twice" 400 '*label*' POST application/ '{"label": "quick", "label": "quick"}'
rest "not an object" 400 '*"message"*' POST application/ '7'
rest "no body" 400 '*"message"*' POST application/ ''
printf '{"label": "qu\377ick"}' >"$work/bad"
rest "wrong UTF-8" 400 '*"message"*' POST application/ "@$work/bad"
head -c 2000000 /dev/zero | tr '\0' ' ' >"$work/bad"
rest "body over the limit" 413 '*1048576*' POST application/ "@$work/bad"
awk 'BEGIN { for (i = 0; i < 5000; i++) printf "{\"a\":"; }' >"$work/bad"
rest "nested too deeply" 400 '*"message"*' POST application/ "@$work/bad"
rest "no such application" 404 '*999*' GET application/999 ''
rest "an id that is no number" 400 '*xyz*' GET application/xyz ''
rest "no such route" 404 '*"message"*' GET nonsense/ ''
rest "no such method" 405 '*"message"*' PUT application/ '{}'
rest "a batch with one bad item does nothing" 404 '*nosuch*' POST application/ '[{"label": "quick"}, {"label": "nosuch"}]'
check_equal "wrong token: 401" 401 \
    "$(curl -s -o "$work/body" -w '%{http_code}' -u admin:wrong "http://127.0.0.1:$api_port/api/v1/application/")"
check_match "with WWW-Authenticate" '*[Ww][Ww][Ww]-[Aa]uthenticate: Basic*' \
    "$(curl -s -i -u admin:wrong "http://127.0.0.1:$api_port/api/v1/application/")"

# ---- documents ------------------------------------------------------------------------------------------------

cat >"$work/label.yml" <<'END'
name: broken
definitions:
  - driver: test
    resources:
      cpu: many
END
check_fails "a label file with a fault is refused" aq labels create --file "$work/label.yml"
check_match "aq names file, line and column" '*label.yml:5:*cpu*many*' "$(aq labels create --file "$work/label.yml" 2>&1)"
check_fails "so it is as a file" sh -c "cat '$work/label.yml' >'$mount/labels/new'"
check_match "which names line and column" '*5:*cpu*many*' "$(cat "$mount/errors/last")"
printf 'name: broken\n  definitions: [\n' >"$work/label.yml"
check_fails "YAML that cannot be read" sh -c "cat '$work/label.yml' >'$mount/labels/new'"
check_match "names the line" '*2:*' "$(cat "$mount/errors/last")"

check_equal "nothing of all this changed anything" "$before" "$(seq_of)"

# ---- given back twice -----------------------------------------------------------------------------------------

id=$(application_create quick)
check "an application" wait_for 20 application_is ALLOCATED "$id"
api POST "application/$id/deallocate" >"$work/answer"
check "is given back" wait_for 20 application_is DEALLOCATED "$id"
before=$(seq_of)
check_equal "once more is fine by REST" 200 "$(api_code POST "application/$id/deallocate")"
check "by file" sh -c "echo 1 > '$mount/applications/$id/deallocate'"
check "by aq, two of them" aq applications deallocate "$id" "$id"
check "also when it waits" aq applications deallocate "$id" --wait
check_equal "and nothing happened" "$before" "$(seq_of)"

# ---- unknown peers on the agents' port --------------------------------------------------------------------------------

head -c 100000 /dev/urandom >"$work/noise"
for i in 1 2 3 4 5; do
    timeout 5 bash -c "cat '$work/noise' >/dev/tcp/127.0.0.1/$hub_port" 2>/dev/null
done
printf 'GET / HTTP/1.0\r\n\r\n' >"$work/http"
timeout 5 bash -c "cat '$work/http' >/dev/tcp/127.0.0.1/$hub_port" 2>/dev/null
check "the controller is still there" controller_is_ready
check "and so is the agent" nodes_are_active 1
id=$(application_create quick)
check "and work continues" wait_for 20 application_is ALLOCATED "$id"

# ---- configuration ------------------------------------------------------------------------------------------------

printf 'name: c\napi:\n  port: 70000\n' >"$work/bad.yml"
check_match "a wrong setting: file, line, column, bound" '*bad.yml:3:*api.port*70000*65535*' \
    "$(timeout 10 "$BUILD/aq-controller" --config "$work/bad.yml" 2>&1)"
printf 'name: c\napi:\n  prot: 1\n' >"$work/bad.yml"
check_match "an unknown setting" '*bad.yml:3:*prot*' "$(timeout 10 "$BUILD/aq-controller" --config "$work/bad.yml" 2>&1)"
check_match "--set, too" '*api.port*70000*' "$(timeout 10 "$BUILD/aq-controller" --set api.port=70000 2>&1)"
for setting in api.address=nosuch api.address=0.0.0.0 hub.address=nosuch meta.networks=foo data=relative; do
    check_equal "$setting is refused" 2 \
        "$(timeout 10 "$BUILD/aq-controller" --set data="$work/none" --set "$setting" 2>"$work/refused"; echo $?)"
    check_match "by its name" "*${setting%%=*}*${setting#*=}*" "$(cat "$work/refused")"
done
check_fails "before anything is touched" test -e "$work/none"
check_match "and for the agent" '*nonsense*' "$(timeout 10 "$BUILD/aq-agent" --set nonsense=1 2>&1)"
for program in aq-controller aq-agent aq-fs; do
    check_match "$program: a list where one text is wanted" '*data is ?"a"?, a list, but must be one text*' \
        "$(timeout 10 "$BUILD/$program" --config /dev/null --set 'data=["a"]' 2>&1)"
done
for form in '["rack:a7", "disk:ssd"]' 'rack:a7,disk:ssd'; do
    agent_start "$(agent_name 2)" --set "identifiers=$form"
    check "identifiers=$form" wait_for 20 prints 2 sh -c "curl -s -u 'admin:$(cat "$data/admin.token")' \
        'http://127.0.0.1:$api_port/api/v1/node/$(agent_name 2)/identifiers' | jq '[.data[] | select(. == \"rack:a7\" or . == \"disk:ssd\")] | length'"
    stop "$(agent_name 2)"
done
for program in aq-controller aq-agent aq-fs aq; do
    check "$program --help" timeout 10 "$BUILD/$program" --help
    check_match "$program --nosuch leads there" "*$program --help*" "$(timeout 10 "$BUILD/$program" --nosuch 2>&1)"
done
finish
