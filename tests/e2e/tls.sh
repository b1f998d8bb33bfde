#!/bin/sh
# REST over TLS as clients of openssl and curl see it, on the local socket, and the metadata service by itself.
. "$(dirname "$0")/lib.sh"

certificate=$work/chain.pem key=$work/key.pem
cat >"$work/controller.yml" <<END
api: {tls: {address: 127.0.0.1, port: 0, names: [cluster.example, 10.9.8.7]}, group: nogroup}
meta: {address: 127.0.0.1, port: 0}
END
cluster_start 0 --config "$work/controller.yml"
agent_start "$(agent_name 1)" --set capacity.ram=1GiB --set capacity.slots=200 --set allow.root=true \
    --set allow.unisolated=true
wait_for 20 nodes_are_active 1 || die "the agent does not join"
tls_port=$(cat "$data/run/tls.port")
authority=$data/tls/authority.crt
socket=$data/run/api.sock
chmod 711 "$work"

# ask ARGUMENTS... of s_client: prints what it says; the input ends at once.
ask() {
    openssl s_client -connect "127.0.0.1:$tls_port" "$@" </dev/null 2>&1
}
accepts() {
    ask "$@" | grep -q '^ *Cipher *: [A-Z]\|^New, TLSv1.[23], Cipher is [A-Z]'
}
secure() { # PATH [CURL ARGUMENTS...]
    local path=$1
    shift
    curl -s -m 20 --cacert "$authority" "$@" "https://127.0.0.1:$tls_port/$path"
}

# ---- the certificate ----------------------------------------------------------------------------------------

check_equal "a client that trusts the authority" alive "$(secure livez)"
check_equal "one that does not" 60 "$(curl -s "https://127.0.0.1:$tls_port/livez"; echo $?)"
for name in '-verify_hostname localhost' '-verify_ip 127.0.0.1' '-verify_ip ::1' '-verify_hostname cluster.example' \
    '-verify_ip 10.9.8.7' "-verify_hostname $(uname -n)"; do
    # shellcheck disable=SC2086 # words
    check_match "$name" '*Verify return code: 0 (ok)*' "$(ask -CAfile "$authority" $name)"
done
check_match "another name" '*hostname mismatch*' "$(ask -CAfile "$authority" -verify_hostname other.example)"
ask -showcerts | sed -n '/BEGIN CERT/,/END CERT/p' | csplit -s -z -f "$work/shown" - '/BEGIN CERT/' '{*}'
check_equal "the whole chain is sent" 2 "$(ls "$work"/shown* | wc -l)"
digest() {
    openssl x509 -in "$1" -noout -pubkey | openssl pkey -pubin -outform DER | openssl dgst -sha256 -r | cut -d ' ' -f 1
}
check "with the authority, whose fingerprint the journal tells" \
    grep -q "authority fingerprint=sha256:$(digest "$work/shown01")" "$work/controller.log"
check_equal "keys are for root alone" "700 600 600 600" \
    "$(cd "$data" && echo $(stat -c %a tls tls/authority.key tls/authority.crt tls/server.pem))"

# ---- requests -----------------------------------------------------------------------------------------------

login() { # for curl's option -K
    printf 'user = "admin:%s"\n' "$(cat "$data/admin.token")" >"$work/login"
    echo "$work/login"
}
seq=$(secure api/v1/me -K "$(login)" | jq .seq)
start stream curl -sN -m 60 --cacert "$authority" -K "$(login)" "https://127.0.0.1:$tls_port/api/v1/events?since=$seq"
label_create quick test '{}'
check "a stream follows over TLS" wait_for 10 grep -q label_created "$work/stream.log"
printf '{"label": "quick", "metadata": {"text": "%0600000d"}}' 7 >"$work/large"
check_equal "a body of many records, which is refused" 400 \
    "$(secure api/v1/application/ -K "$(login)" --data-binary "@$work/large" -o "$work/answer" -w '%{http_code}')"
check_match "for what it says at its end" '*metadata*bytes*' "$(jq -r .message "$work/answer")"
printf '[%s]' "$(yes '{"label": "quick", "metadata": {"text": "'"$(printf '%05000d' 7)"'"}}' | head -n 150 | paste -s -d ,)" >"$work/many"
check_equal "and one that is taken" 150 "$(secure api/v1/application/ -K "$(login)" --data-binary "@$work/many" | jq '.data | length')"
check_equal "and answers of many records" 150 "$(secure 'api/v1/application/?limit=1000' -K "$(login)" | jq '.data | length')"

# Many requests, which overlap, on connections of several processes. The agent's part goes through a sealed session.
label_create box process '{"command": "exec sleep 1000", "stop_grace": 0}'
box=$(application_create box)
wait_for 20 application_is ALLOCATED "$box" || note "$(api GET "application/$box")"
over_tls() { # WORDS... of aq
    AQ_SERVER="https://127.0.0.1:$tls_port" AQ_AUTHORITY_FILE="$authority" AQ_USER=admin AQ_TOKEN="$(cat "$data/admin.token")" "$BUILD/aq" "$@"
}
head -c 3000000 /dev/urandom >"$work/bytes"
check_equal "a command in a workload has its input and output over TLS" "$(sha256sum <"$work/bytes")" \
    "$(over_tls exec "$box" -- sh -c 'cat; echo said >&2; exit 7' <"$work/bytes" 2>"$work/said" | sha256sum)"
check_equal "its errors" "said" "$(cat "$work/said")"
over_tls exec "$box" -- sh -c 'exit 7' </dev/null
check_equal "and its exit status" 7 $?
check "files go in" over_tls cp "$work/bytes" "$box:/work/"
check "and out" over_tls cp "$box:/work/bytes" "$work/back"
check "as they were" cmp "$work/bytes" "$work/back"
check_fails "nothing of that for one that does not trust the authority" env AQ_SERVER="https://127.0.0.1:$tls_port" \
    AQ_USER=admin AQ_TOKEN="$(cat "$data/admin.token")" "$BUILD/aq" exec "$box" -- true

# ---- protocols ----------------------------------------------------------------------------------------------

for good in -tls1_3 -tls1_2 '-tls1_2 -cipher ECDHE-ECDSA-AES128-GCM-SHA256' '-tls1_2 -cipher ECDHE-ECDSA-CHACHA20-POLY1305' \
    '-groups X25519' '-groups P-256'; do
    # shellcheck disable=SC2086 # words
    check "accepts $good" accepts $good
done
for bad in '-tls1 -cipher ALL:@SECLEVEL=0' '-tls1_1 -cipher ALL:@SECLEVEL=0' '-tls1_2 -cipher ECDHE-ECDSA-AES128-SHA256' \
    '-tls1_2 -cipher ECDHE-ECDSA-AES256-SHA' '-tls1_2 -cipher AES128-GCM-SHA256' '-tls1_2 -cipher DHE-RSA-AES128-GCM-SHA256' \
    '-tls1_2 -cipher ECDHE-ECDSA-AES128-CCM8:@SECLEVEL=0' '-tls1_2 -cipher aNULL:@SECLEVEL=0' '-tls1_3 -groups P-521'; do
    # shellcheck disable=SC2086 # words
    check_fails "refuses $bad" accepts $bad
done
for version in tls1_2 tls1_3; do
    printf 'GET /livez HTTP/1.0\r\n\r\n' |
        openssl s_client -connect "127.0.0.1:$tls_port" "-$version" -sess_out "$work/session" -ign_eof >"$work/first" 2>&1
    check_match "$version: a first session" '*New, TLS*alive*' "$(cat "$work/first")"
    check_match "$version: resumed" '*Reused, TLS*' "$(ask "-$version" -sess_in "$work/session")"
done
check_match "no early data" '*Early data was not sent*' "$(ask -tls1_3 -sess_in "$work/session")"

# ---- other files, taken over at SIGHUP --------------------------------------------------------------------------

make_pair() { # NAME
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$key" -out "$certificate" -days 9 \
        -subj "/CN=$1" -addext subjectAltName=IP:127.0.0.1 2>"$work/made"
}
subject() {
    ask | sed -n 's/^subject=.*CN *= *//p'
}
mkfifo "$work/in"
openssl s_client -connect "127.0.0.1:$tls_port" -quiet -no_ign_eof <"$work/in" >"$work/open" 2>"$work/open.err" &
open=$!
exec 7>"$work/in"
printf 'GET /livez HTTP/1.1\r\nHost: h\r\n\r\n' >&7
check "a connection is open" wait_for 10 grep -q alive "$work/open"
cat >"$work/controller.yml" <<END
api: {tls: {address: 127.0.0.1, port: 0, names: [new.example]}, group: nogroup}
meta: {address: 127.0.0.1, port: 0}
END
hup() {
    kill -HUP "$(pid_of controller)"
}
verifies() { # NAME
    ask -CAfile "$authority" -verify_hostname "$1" | grep -q 'Verify return code: 0 (ok)'
}
hup
check "a new name makes a new certificate" wait_for 10 verifies new.example
make_pair other
cat >"$work/controller.yml" <<END
api: {tls: {address: 127.0.0.1, port: 0, certificate: $certificate, key: $key}, group: nogroup}
meta: {address: 127.0.0.1, port: 0}
END
hup
check "an operator's certificate is taken over" wait_for 10 prints other subject
printf 'GET /readyz HTTP/1.1\r\nHost: h\r\n\r\n' >&7
check "and the open connection goes on" wait_for 10 grep -q ready "$work/open"
exec 7>&-
wait "$open"
check_equal "an old session is resumed all the same" 1 "$(ask -tls1_3 -sess_in "$work/session" | grep -c '^Reused')"
make_pair renewed
hup
check "files that were renewed" wait_for 10 prints renewed subject
hup
hup
echo nonsense >"$key"
hup
check "a broken key is refused" wait_for 10 grep -q "cannot take over a certificate.*must have a private key" \
    "$work/controller.log"
check_equal "and the previous one kept" renewed "$(subject)"
rm "$certificate"
hup
check "so is a file that is missing" wait_for 10 grep -q "cannot take over a certificate.*cannot open" "$work/controller.log"
check_equal "and it goes on" renewed "$(subject)"

# ---- what is refused at the start ---------------------------------------------------------------------------

refused() { # ARGUMENTS...
    "$BUILD/aq-controller" --config /dev/null --set data="$work/none" "$@" 2>&1
    echo "$?"
}
check_match "a setting of earlier builds says what to do" "*api.allow_plain is gone: *set api.tls.address*2" \
    "$(refused --set api.allow_plain=true)"
check_match "an address without TLS" '*api.address is 0.0.0.0, but only loopback*set api.tls.address*2' \
    "$(refused --set api.address=0.0.0.0)"
check_match "half of a pair" '*api.tls.certificate is set, but api.tls.key is not*2' \
    "$(refused --set api.tls.address=127.0.0.1 --set api.tls.certificate=/x)"
check_match "what is no name" '*api.tls.names: "a b" is neither a DNS name nor an IP address*2' \
    "$(refused --set api.tls.address=127.0.0.1 --set 'api.tls.names=a b')"

# ---- the local socket -------------------------------------------------------------------------------------------

as() { # UID GID PATH [CURL ARGUMENTS...]: prints the HTTP status and the body
    local uid=$1 gid=$2 path=$3
    shift 3
    setpriv --reuid "$uid" --regid "$gid" --clear-groups curl -s -m 20 --unix-socket "$socket" -w '%{http_code}' "$@" \
        "http://localhost/$path"
}
check_match "root is admin there, without a token" '*"name":"admin"*200' "$(as 0 0 api/v1/me)"
check_equal "nobody else may connect" 000 "$(as 12345 12345 livez)"
check_match "but the group of api.group" 'alive*200' "$(as 12345 65534 livez)"
check_match "whose members need a token" '*uid 12345 is not a user of this cluster*401' "$(as 12345 65534 api/v1/me)"
token=$(api POST user/ '{"name": "bob", "uid": 12345}' | jq -r .data.token)
check_match "or a uid that an admin knows" '*"name":"bob"*200' "$(as 12345 65534 api/v1/me)"
check_match "which gives the rights of that user" '*403' "$(as 12345 65534 api/v1/user/ -d '{"name": "eve"}')"
check_match "a token counts before the uid" '*"name":"bob"*200' "$(as 0 0 api/v1/me -u "bob:$token")"
api POST user/bob '{"role": "viewer", "max_applications": 0}' >"$work/answer"
(
    as 12345 65534 api/v1/events -N -m 60 >"$work/stream"
    : >"$work/stream-ended"
) &
check "a stream is open by the uid alone" wait_for 10 grep -q retry "$work/stream"
api POST user/bob/uid '{"uid": 0}' >"$work/answer"
check "and ends when the uid is not bob's any more" wait_for 5 test -e "$work/stream-ended"
check_match "nor is the next request bob's" '*uid 12345 is not a user of this cluster*401' "$(as 12345 65534 api/v1/me)"
check_fails "the group sees no names in the data directory" \
    setpriv --reuid 12345 --regid 65534 --clear-groups ls "$data" 2>"$work/refused"
check_fails "nor secrets" setpriv --reuid 12345 --regid 65534 --clear-groups cat "$data/admin.token" 2>"$work/refused"
label_create look process "{\"user\": \"root\", \"isolate\": false, \"command\": \"curl -s --unix-socket $socket http://localhost/api/v1/me\"}"
id=$(application_create look)
wait_for 20 application_is DEALLOCATED "$id" || note "$(api GET "application/$id")"
check_match "a workload is nobody there, even as root" '*a workload of this host has no rights of its own here*' \
    "$(api GET "application/$id/log" | jq -r .data)"

# ---- the metadata service ---------------------------------------------------------------------------------------

meta() { # PATH
    curl -s -m 10 "http://127.0.0.1:$(cat "$data/run/meta.port")/$1"
}
label_create addressed test '{"ip_addr": "127.0.0.1"}'
id=$(application_create addressed '{"ssh": {"port": 22}}')
check "a resource with an address" wait_for 20 application_is ALLOCATED "$id"
check_equal "reads its metadata on a listener of its own" 22 "$(meta meta/v1/data/ssh/port)"
check_match "where nothing else is served" '*only metadata is served here*' "$(meta api/v1/me)"

stop controller
check_equal "with the controller down, nobody listens on the local socket" 000 "$(as 0 0 livez)"
check_equal "the group may pass" "710 710" "$(stat -c %a "$data" "$data/run" | xargs)"
controller_start
check_equal "and no longer, without the setting" "700 700" "$(stat -c %a "$data" "$data/run" | xargs)"
check_fails "nor is there a port of TLS" test -e "$data/run/tls.port"
finish
