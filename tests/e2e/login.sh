#!/bin/sh
# aq against its cluster as root on the controller's host, as a user elsewhere, and against whoever poses as the cluster.
# In a network of its own, with the ports and paths that aq takes by preset.
[ -n "${AQ_UNSHARED-}" ] || AQ_UNSHARED=1 exec unshare -m -n --propagation private "$0" "$@"
. "$(dirname "$0")/lib.sh"

ip link set lo up
ip link add aq0 type veth peer name aq1 || die "no network can be made"
ip addr add 10.0.0.1/24 dev aq0
ip link set aq0 up
ip link set aq1 up
mkdir -p "$data" "$work/home"
mount -t tmpfs aq-var /var/lib && mkdir -p /var/lib/aquarium/controller &&
    mount --bind "$data" /var/lib/aquarium/controller || die "the usual place cannot be used"
chown 12345:12345 "$work/home"
chmod 755 "$work"
export NO_COLOR=1
unset AQ_SERVER AQ_USER AQ_TOKEN AQ_TOKEN_FILE AQ_CONTEXT AQ_FINGERPRINT AQ_AUTHORITY_FILE http_proxy https_proxy
api_port=8001 url=https://10.0.0.1:8001
cluster_start 1 --set api.tls.address=0.0.0.0
label_create lines process '{"command": "echo one; sleep 0.3; echo two; exit 3"}'
label_create sleeper test '{}'

fingerprint_of() { # FILE
    echo "sha256:$(openssl x509 -in "$1" -noout -pubkey | openssl pkey -pubin -outform DER | openssl dgst -sha256 -r | cut -d ' ' -f 1)"
}
fingerprint=$(fingerprint_of "$data/tls/authority.crt")

# As a user of another host, who has nothing of the cluster's.
as_user() {
    setpriv --reuid 12345 --regid 12345 --clear-groups env HOME="$work/home" XDG_CONFIG_HOME="$work/home/.config" \
        timeout 60 "$BUILD/aq" "$@"
}
exit_of() { # COMMAND...: its words go to files
    "$@" >"$work/out" 2>"$work/err" </dev/null
    echo $?
}

# ---- on the controller's host ----------------------------------------------------------------------------------

check_equal "root needs no token" admin "$("$BUILD/aq" me --json | jq -r .name)"
check_equal "and learns what others must know" "$fingerprint" "$("$BUILD/aq" fingerprint)"
check_equal "with the certificate" "$(openssl x509 -in "$data/tls/authority.crt")" \
    "$("$BUILD/aq" fingerprint --json | jq -r .certificate | openssl x509)"
plain_of() { # DATA: what doctor says of REST without TLS
    "$BUILD/aq" doctor "$1" --json 2>"$work/err" | jq -r '.[] | select(.check == "plain REST").state'
}
check_equal "TLS for all addresses, with loopback plain, is fine for doctor" ok "$(plain_of "$data")"
mkdir -p "$work/plain/run"
echo 8009 >"$work/plain/run/api.port"
start plain perl -MIO::Socket::INET -e '$listener = IO::Socket::INET->new(LocalAddr => "0.0.0.0", LocalPort => 8009,
    Listen => 9, ReuseAddr => 1) or die $!;
    while ($peer = $listener->accept) { print $peer "HTTP/1.0 200 OK\r\n\r\nalive"; close $peer }'
check "a server without TLS listens for all" wait_for 10 sh -c "ss -Hltn 'sport = :8009' | grep -q ."
check_equal "which is not" bad "$(plain_of "$work/plain")"
stop plain
check_equal "a job at the socket" "one two 3" "$("$BUILD/aq" run lines --attach 2>"$work/err" | xargs) $(exit_of "$BUILD/aq" run lines --attach)"
check_match "another account may not use it" '4*for root and for the group*' "$(exit_of as_user nodes; cat "$work/err")"
"$BUILD/aq" users create bob >"$work/bob.token" 2>"$work/err"
chmod 644 "$work/bob.token"

# ---- who poses as the controller while it is down ---------------------------------------------------------------

impostor='use IO::Socket::INET; $| = 1;
    $listener = IO::Socket::INET->new(LocalAddr => "127.0.0.1:8001", Listen => 9, ReuseAddr => 1) or die $!;
    while ($peer = $listener->accept) { print $_ while sysread($peer, $_, 4096) }'
stop controller
start impostor setpriv --reuid 12345 --regid 12345 --clear-groups perl -e "$impostor"
check "a stranger listens on port 8001" wait_for 10 sh -c "ss -Hltn 'sport = :8001' | grep -q ."
for line in nodes 'run lines --timeout 1' 'events --timeout 1' 'wait 1 --timeout 1' status 'users create eve --timeout 1'; do
    # shellcheck disable=SC2086 # words
    check_fails "aq $line finds no controller" "$BUILD/aq" $line
done
check_match "and says where it looked" '*unix:/var/lib/aquarium/controller/run/api.sock does not answer*' \
    "$(exit_of "$BUILD/aq" nodes; cat "$work/err")"
check_equal "a named server gets no token that is not for it" 2 "$(exit_of "$BUILD/aq" --server http://127.0.0.1:8001 nodes)"
check_equal "the stranger has got nothing" "" "$(cat "$work/impostor.log")"
stop impostor
controller_start --set api.tls.address=0.0.0.0

# ---- from elsewhere ------------------------------------------------------------------------------------------

# A server that closes before its answer is read, as the controller's may, resets the connection: this one stays.
start answers perl -MIO::Socket::INET -e '$| = 1;
    $listener = IO::Socket::INET->new(LocalAddr => "127.0.0.1", LocalPort => 8009, Listen => 9, ReuseAddr => 1) or die $!;
    while ($peer = $listener->accept) {
        sysread($peer, $_, 4096); syswrite($peer, "HTTP/1.1 400 Bad Request\r\n\r\n"); push @kept, $peer }'
check "a server of plain http listens" wait_for 10 sh -c "ss -Hltn 'sport = :8009' | grep -q ."
exit_of as_user login https://127.0.0.1:8009 --fingerprint "$fingerprint" --token-file "$work/bob.token" >"$work/code"
check "a port of plain http is told as that" grep -q 'does not speak TLS' "$work/err"
stop answers
check_equal "with the status of a server that is not the right one" 4 "$(cat "$work/code")"
check_match "plain http to another address is refused" '2*only by https*' \
    "$(exit_of as_user login http://10.0.0.1:8001 --token-file "$work/bob.token"; cat "$work/err")"
check_match "nobody is trusted unasked" "4*nothing was sent to $url*$fingerprint*" \
    "$(exit_of as_user login "$url" --user bob --token-file "$work/bob.token"; cat "$work/err")"
check_fails "and nothing kept" test -e "$work/home/.config/aquarium/contexts/10.0.0.1"
check_equal "a login with the fingerprint" 0 \
    "$(exit_of as_user login 10.0.0.1 --fingerprint "$fingerprint" --token-file "$work/bob.token")"
check_match "says who it is" "user bob (role user) of $url; context 10.0.0.1 is in use" "$(cat "$work/err")"
check_equal "what is kept is the user's alone" "700 700 600 600" \
    "$(cd "$work/home/.config" && echo $(stat -c %a aquarium aquarium/contexts aquarium/current aquarium/contexts/10.0.0.1))"
check_equal "and used" bob "$(as_user me --json | jq -r .name)"
check_match "status, without what a user may not see" '*ready*yes*nodes*ACTIVE 1*' "$(as_user status | xargs)"
check_equal "a job over TLS" "one two 3" "$(as_user run lines --attach 2>"$work/err" | xargs) $(exit_of as_user run lines --attach)"
check_equal "its output, followed" "one two" "$(as_user logs last -f | xargs)"
check_match "a wrong token" '3*token*wrong*' \
    "$(echo aq_wrong >"$work/wrong"; chmod 644 "$work/wrong"; exit_of as_user login 10.0.0.1 --user bob --token-file "$work/wrong"; cat "$work/err")"
check_equal "does not replace the right one" bob "$(as_user me --json | jq -r .name)"

# An admin sees the same at the socket, plain, and over TLS.
admin() { # SERVER WORDS...
    AQ_SERVER=$1 AQ_TOKEN_FILE=$data/admin.token AQ_FINGERPRINT=$fingerprint
    export AQ_SERVER AQ_TOKEN_FILE AQ_FINGERPRINT
    shift
    timeout 30 "$BUILD/aq" "$@"
}
id=0
for server in unix:"$data/run/api.sock" http://127.0.0.1:8001 http://localhost:8001 "$url"; do
    id=$((id + 1))
    start "stream$id" env AQ_SERVER="$server" AQ_TOKEN_FILE="$data/admin.token" AQ_FINGERPRINT="$fingerprint" \
        "$BUILD/aq" events application -f
    check "a stream of ${server%%:*}" wait_for 10 grep -q application_created "$work/stream$id.log"
    made=$(admin "$server" run sleeper -q 2>"$work/err")
    check "sees what is new" wait_for 10 grep -q "application_created.*id=$made " "$work/stream$id.log"
    stop "stream$id"
    check_equal "a watch" 0 "$(admin "$server" nodes --watch --timeout 1 >"$work/watch.$id" 2>&1; echo $?)"
    check_match "giving back" "*$made *DEALLOCATED*" "$(admin "$server" rm "$made" --wait 2>"$work/err" | xargs)"
done
unset AQ_SERVER AQ_TOKEN_FILE AQ_FINGERPRINT

# A stream outlasts a controller that restarts, over TLS too.
as_user login 10.0.0.1 --context admin --user admin --fingerprint "$fingerprint" --token-file - <"$data/admin.token" 2>"$work/err"
start follow env HOME="$work/home" XDG_CONFIG_HOME="$work/home/.config" "$BUILD/aq" --context admin events node -f
check "a context of somebody else is not used, not even by root" wait_for 20 not running follow
check_fails "so nothing is read" grep -q node_ "$work/follow.log"
check_match "and says so" '*belongs to user 12345*' "$(cat "$work/follow.log")"
start follow setpriv --reuid 12345 --regid 12345 --clear-groups env HOME="$work/home" XDG_CONFIG_HOME="$work/home/.config" \
    "$BUILD/aq" --context admin events node -f
check "a stream over TLS" wait_for 10 grep -q node_ "$work/follow.log"
kill_hard controller
controller_start --set api.tls.address=0.0.0.0
wait_for 20 nodes_are_active 1
"$BUILD/aq" nodes maintenance "$(agent_name 1)" true >"$work/out" 2>&1
check "goes on after a restart" wait_for 30 grep -q node_maintenance_set "$work/follow.log"
"$BUILD/aq" nodes maintenance "$(agent_name 1)" false >"$work/out" 2>&1
stop follow

# ---- contexts ------------------------------------------------------------------------------------------------

check_match "contexts" "*10.0.0.1*$url*bob*admin*true*" "$(as_user context list | xargs)"
check_equal "one is chosen" bob "$(as_user context use 10.0.0.1 2>"$work/err"; as_user me --json | jq -r .name)"
check_equal "for one command" admin "$(as_user --context admin me --json | jq -r .name)"
chmod 644 "$work/home/.config/aquarium/contexts/admin"
check_match "one that others may read" '2*chmod 600*' "$(exit_of as_user --context admin me; cat "$work/err")"

# ---- at a terminal -------------------------------------------------------------------------------------------

# The answers are typed once their question is there.
at_terminal() { # NAME ARGUMENTS... : of aq; each line of the file "answers" is a question and what is typed
    local name=$1 question answer screen=$work/$1.screen
    shift
    : >"$screen"
    mkfifo "$work/$name.keys"
    HOME=$work/$name timeout 30 script -qefc "env XDG_CONFIG_HOME=$work/$name $BUILD/aq $*" "$screen" <"$work/$name.keys" >/dev/null 2>&1 &
    exec 8>"$work/$name.keys"
    while IFS='|' read -r question answer; do
        wait_for 10 grep -q "$question" "$screen" || note "no question: $question"
        printf '%s\n' "$answer" >&8
    done <"$work/answers"
    wait $!
    exec 8>&-
}
printf '%s\n' "Is it the same|yes" "token (it is|$(cat "$work/bob.token")" >"$work/answers"
at_terminal asked login 10.0.0.1
check "the fingerprint is shown" grep -q "$fingerprint" "$work/asked.screen"
check "and the login goes on" grep -q "user bob (role user)" "$work/asked.screen"
check_fails "the token is not shown" grep -q "$(cat "$work/bob.token")" "$work/asked.screen"
check_equal "and kept" bob "$(XDG_CONFIG_HOME=$work/asked "$BUILD/aq" me --json | jq -r .name)"
printf '%s\n' "Is it the same|no" >"$work/answers"
at_terminal declined login 10.0.0.1
check "who says no" grep -q "nothing was sent to" "$work/declined.screen"
check_fails "keeps nothing" test -e "$work/declined/aquarium/contexts/10.0.0.1"

# ---- somebody in the middle ------------------------------------------------------------------------------------

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$work/evil.key" -out "$work/evil.crt" -days 9 \
    -subj "/CN=authority" -addext subjectAltName=IP:10.0.0.1 2>"$work/made"
cat "$work/evil.crt" "$data/tls/authority.crt" >"$work/evil.chain" # the cluster's certificate is public
start middle openssl s_server -accept 127.0.0.1:9443 -key "$work/evil.key" -cert "$work/evil.crt" -cert_chain "$work/evil.chain" -quiet
proxy='use IO::Socket::INET; use IO::Select;
    $listener = IO::Socket::INET->new(LocalAddr => "127.0.0.1:3128", Listen => 9, ReuseAddr => 1) or die $!;
    $SIG{CHLD} = "IGNORE";
    while ($peer = $listener->accept) {
        next if fork;
        do { sysread($peer, $byte, 1) or exit; $head .= $byte } until $head =~ /\r\n\r\n$/;
        print STDERR "asked for ", $head =~ /^(.*)\r/;
        $middle = IO::Socket::INET->new(PeerAddr => $ENV{TO}) or exit;
        syswrite($peer, "HTTP/1.1 200 Connected\r\n\r\n");
        $both = IO::Select->new($peer, $middle);
        while (@ready = $both->can_read) { for (@ready) { sysread($_, $bytes, 65536) or exit; syswrite($_ == $peer ? $middle : $peer, $bytes) } }
    }'
TO=127.0.0.1:9443 start proxy perl -e "$proxy"
check "a proxy that reads along" wait_for 10 sh -c "ss -Hltn 'sport = :3128' | grep -q ."
https_proxy=http://127.0.0.1:3128
export https_proxy
check_match "is noticed" "4*nothing was sent to $url*" "$(exit_of as_user me; cat "$work/err")"
check "although it was used" wait_for 10 grep -q "CONNECT 10.0.0.1:8001" "$work/proxy.log"
check_match "at a login, too" "4*nothing was sent to $url*" \
    "$(exit_of as_user login 10.0.0.1 --context new --user bob --fingerprint "$fingerprint" --token-file "$work/bob.token"; cat "$work/err")"
check_match "and a job does not wait for it" "4*nothing was sent*" "$(exit_of as_user wait 1 --timeout 50; cat "$work/err")"
check_fails "it has read nothing" grep -qa "Authorization\|GET\|aq_" "$work/middle.log"
stop proxy
TO=10.0.0.1:8001 start proxy perl -e "$proxy"
wait_for 10 sh -c "ss -Hltn 'sport = :3128' | grep -q ."
check_equal "an honest proxy is fine" bob "$(as_user me --json | jq -r .name)"
stop proxy
unset https_proxy

# ---- names, and a new authority --------------------------------------------------------------------------------

ip addr add 10.0.0.2/24 dev aq0
check_match "an address that the certificate does not have" "4*its certificate is for *10.0.0.1*, and not for 10.0.0.2*" \
    "$(exit_of as_user --context 10.0.0.1 --server https://10.0.0.2:8001 me; cat "$work/err")"
kill -HUP "$(pid_of controller)"
check "is in the next one" wait_for 10 sh -c "setpriv --reuid 12345 --regid 12345 --clear-groups env HOME='$work/home' \
    XDG_CONFIG_HOME='$work/home/.config' '$BUILD/aq' --context 10.0.0.1 --server https://10.0.0.2:8001 me"
check_equal "which the same fingerprint vouches for" bob "$(as_user me --json | jq -r .name)"
stop controller
rm -r "$data/tls"
controller_start --set api.tls.address=0.0.0.0
check_match "a new authority is not trusted" "4*nothing was sent*$fingerprint*somebody else answers*" "$(exit_of as_user me; cat "$work/err")"
check_equal "until somebody says so" 0 "$(exit_of as_user login 10.0.0.1 --fingerprint "$("$BUILD/aq" fingerprint)" \
    --token-file "$work/bob.token")"
check_equal "with its fingerprint" bob "$(as_user me --json | jq -r .name)"
finish
