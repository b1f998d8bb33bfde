# What every end-to-end test uses: a private cluster of real processes, on free ports, in a directory of its own.
#
#   . "$(dirname "$0")/lib.sh"
#   cluster_start 2                     a controller and two agents; cluster_start 0: the controller alone
#   check "the id is a number" test "$id" -gt 0
#   finish
#
# Each check prints "ok NAME" or "not ok NAME"; after a "not ok" the test continues. Nothing is left behind: when the
# test ends, its processes are ended by their pids, mounts and control groups are removed. BUILD says which binaries are
# tested (build/release). Nothing waits without a bound.
set -u

e2e_root=$(cd "$(dirname "$0")/../.." && pwd)
cd "$e2e_root" || exit 1
. tools/processes.sh
. tools/workloads.sh
BUILD=${BUILD:-build/release}
work=$(mktemp -d /tmp/aq-e2e.XXXXXX) # short: a socket's path has little room
chmod 711 "$work"                    # workloads have users of their own, and find what they wait for
data=$work/controller
mount=$work/mount
tag=e2e-$$ # names of agents begin with it: control groups of two tests never meet
memory=/dev/shm/$tag # secrets of workloads
checks_failed=0
agents=""
export XDG_CONFIG_HOME="$work/config" # aq uses no context of whoever runs the tests
# A process that a sanitizer ended says so in its log.
export ASAN_OPTIONS="${ASAN_OPTIONS-abort_on_error=0}" UBSAN_OPTIONS="${UBSAN_OPTIONS-print_stacktrace=1}"

# ---- checks -----------------------------------------------------------------------------------------------

note() {
    echo "# $*"
}

passed() {
    echo "ok $*"
}

failed() {
    echo "not ok $*"
    checks_failed=$((checks_failed + 1))
}

# check NAME COMMAND...: is the command's status 0? Its output is shown only if not.
check() {
    local name=$1 said
    shift
    if said=$("$@" 2>&1); then
        passed "$name"
    else
        failed "$name"
        note "failed: $*"
        printf '%s\n' "$said" | head -n 20 | sed 's/^/# /'
    fi
}

check_fails() {
    local name=$1
    shift
    check "$name" not "$@"
}

# grep says by its status that it found nothing (1); anything more is a failure, as of a file that is not there.
not() {
    local status=0
    "$@" || status=$?
    case $1 in
    grep) [ "$status" = 1 ] ;;
    *) [ "$status" != 0 ] ;;
    esac
}

check_equal() { # NAME EXPECTED ACTUAL
    if [ "$2" = "$3" ]; then
        passed "$1"
    else
        failed "$1"
        printf '%s\n' "$2" >"$work/expected"
        printf '%s\n' "$3" >"$work/actual"
        diff -U 2 "$work/expected" "$work/actual" | head -n 60 | sed 's/^/# /'
    fi
}

check_match() { # NAME PATTERN(of case) ACTUAL
    # shellcheck disable=SC2254 # the pattern is meant as one
    case $3 in
    $2) passed "$1" ;;
    *)
        failed "$1"
        printf 'expected: %s\nactual:   %s\n' "$2" "$3" | head -n 40 | sed 's/^/# /'
        ;;
    esac
}

# wait_for SECONDS COMMAND...: repeats the command until it succeeds.
wait_for() {
    local tries=$(($1 * 20))
    shift
    while [ "$tries" -gt 0 ]; do
        "$@" >/dev/null 2>&1 && return 0
        sleep 0.05
        tries=$((tries - 1))
    done
    note "waited in vain for: $*"
    return 1
}

# Does the command print just this text? For wait_for and check.
prints() { # TEXT COMMAND...
    local expected=$1
    shift
    [ "$("$@" 2>/dev/null)" = "$expected" ]
}

file_is() { # TEXT FILE
    [ "$(cat "$2" 2>/dev/null)" = "$1" ]
}

# Has the process read in this file, or gone to its end? For wait_for.
has_read_in() { # NAME FILE
    local pid descriptor
    pid=$(pid_of "$1")
    for descriptor in /proc/"$pid"/fd/*; do
        [ "$(readlink "$descriptor")" = "$2" ] || continue
        grep -q '^pos:.*[1-9]' "/proc/$pid/fdinfo/${descriptor##*/}" && return 0
    done
    return 1
}

# ---- processes --------------------------------------------------------------------------------------------

pid_of() { # NAME
    process_pid "$work/$1.pid"
}

# start NAME PROGRAM ARGUMENTS...
start() {
    local name=$1
    shift
    process_start "$work/$name.pid" "$work/$name.log" "$@"
}

stop() { # NAME: politely
    process_stop "$work/$1.pid" 20
}

kill_hard() { # NAME: as a crash would
    process_signal "$work/$1.pid" KILL
    process_wait_gone "$work/$1.pid" 10
    rm -f "$work/$1.pid"
}

running() { # NAME
    process_runs "$work/$1.pid"
}

# ---- the cluster ------------------------------------------------------------------------------------------

# --config /dev/null: tests do not use what the machine has in /etc/aquarium. Ports are chosen at the first start and kept, so that agents find a restarted controller.
controller_start() { # [ARGUMENTS...]
    mkdir -p "$data"
    start controller "$BUILD/aq-controller" --config /dev/null --set data="$data" --set api.port="${api_port:-0}" \
        --set hub.port="${hub_port:-0}" --set log.map_size=1GiB --set state.map_size=1GiB \
        --set hub.lost_after="${lost_after:-3}" "$@"
    wait_for 20 controller_is_ready || die "the controller does not get ready"
}

# Makes a join token of these fields (JSON), and puts it into a file.
join_token_make() { # FILE FIELDS
    (umask 077 && api POST join_token/ "{$2}" | jq -r '.data.token' >"$1")
}

controller_is_ready() {
    [ -s "$data/run/api.port" ] && [ -s "$data/run/hub.port" ] || return 1
    api_port=$(cat "$data/run/api.port")
    hub_port=$(cat "$data/run/hub.port")
    curl -sf -m 5 -o "$work/ready" "http://127.0.0.1:$api_port/readyz"
}

agent_start() { # NAME [ARGUMENTS...]
    local name=$1
    shift
    case " $agents " in
    *" $name "*) ;;
    *) agents="$agents $name" ;;
    esac
    [ -s "$work/join" ] || join_token_make "$work/join" '"name": "*", "ttl": "1d", "uses": 1000, "replaces": true'
    start "$name" "$BUILD/aq-agent" --config /dev/null --set data="$work/agent" --set name="$name" \
        --set controller="127.0.0.1:$hub_port" ${memory:+--set secrets="$memory"} --join-file "$work/join" "$@"
}

fs_start() { # [ARGUMENTS...]
    mkdir -p "$mount"
    start fs "$BUILD/aq-fs" --config /dev/null --data "$data" --mount "$mount" "$@"
    wait_for 20 test -e "$mount/README" || die "the file view does not get ready"
}

fs_unmount() {
    local tries=100
    while mountpoint_is "$mount" && [ "$tries" -gt 0 ]; do
        fusermount3 -u "$mount" 2>/dev/null || { [ "$tries" -lt 50 ] && fusermount3 -uz "$mount" 2>/dev/null; }
        tries=$((tries - 1))
        sleep 0.05
    done
    ! mountpoint_is "$mount"
}

# The nth agent's name.
agent_name() {
    echo "$tag-$1"
}

cluster_start() { # AGENTS [ARGUMENTS of the controller...]
    local count=$1 i=1
    shift
    controller_start "$@"
    while [ "$i" -le "$count" ]; do
        agent_start "$(agent_name "$i")" --set capacity.ram=1GiB --set capacity.slots=16 \
            --set allow.directories="$work"
        i=$((i + 1))
    done
    wait_for 20 nodes_are_active "$count" || die "the agents do not join"
}

# The option with which a workload sees the test's own directory, under the same path, and writes what its user may. Its
# agent needs --set allow.directories="$work", as cluster_start gives it.
see_work="\"mounts\": [\"$work:$work:rw\"]"

nodes_are_active() { # COUNT
    [ "$(api GET node/ | jq '[.data[] | select(.status == "ACTIVE")] | length')" = "$1" ]
}

# ---- REST -------------------------------------------------------------------------------------------------

# api METHOD PATH [BODY [CURL ARGUMENTS...]]: prints the body of the answer; its HTTP status is in the file $work/code.
api() {
    local method=$1 path=$2 body=${3-}
    shift 2
    [ $# -gt 0 ] && shift
    [ -n "$body" ] && set -- --data-binary "$body" "$@"
    curl -s -m 20 -u "admin:$(cat "$data/admin.token")" -X "$method" -o "$work/body" -w '%{http_code}' \
        "$@" "http://127.0.0.1:$api_port/api/v1/$path" >"$work/code"
    cat "$work/body" 2>/dev/null
}

api_code() { # as api; prints the HTTP status alone
    api "$@" >"$work/answer"
    cat "$work/code"
}

api_field() { # JQ PATH: of a GET
    api GET "$2" | jq -r "$1"
}

# As root does it on the controller's host.
aq() {
    AQ_SERVER="unix:$data/run/api.sock" "$BUILD/aq" "$@"
}

application_status() { # ID
    api_field .data.status "application/$1"
}

application_is() { # STATUS ID
    [ "$(application_status "$2")" = "$1" ]
}

# label_create NAME DRIVER OPTIONS(JSON) [RESOURCES(JSON)]
label_create() {
    api POST label/ "{\"name\": \"$1\", \"definitions\": [{\"driver\": \"$2\", \"options\": $3,
        \"resources\": ${4:-{\}}}]}" >"$work/answer"
    case $(cat "$work/code") in
    20*) ;;
    *) die "label $1: $(cat "$work/answer")" ;;
    esac
}

# Prints the id of a new application.
application_create() { # LABEL [METADATA(JSON)]
    api POST application/ "{\"label\": \"$1\", \"metadata\": ${2:-{\}}}" | jq -r '.data.id'
}

# ---- the end ----------------------------------------------------------------------------------------------

die() {
    failed "${0##*/}: $*"
    show_logs
    exit 1
}

show_logs() {
    local log
    for log in "$work"/*.log; do
        [ -f "$log" ] || continue
        note "---- ${log##*/}"
        tail -n "${1:-40}" "$log" | sed 's/^/# /'
    done
}

# A sanitizer's report, or a broken assertion, in any process fails the test even if no check noticed.
check_logs() {
    local log bad=""
    for log in "$work"/*.log; do
        [ -f "$log" ] && grep -q 'Sanitizer\|runtime error:\|broken invariant' "$log" && bad="$bad ${log##*/}"
    done
    [ -z "$bad" ] && return 0
    failed "${0##*/}: a sanitizer or an assertion reported in$bad"
    for log in $bad; do
        grep -n -A 40 'Sanitizer\|runtime error:\|broken invariant' "$work/$log" | head -n 80 | sed 's/^/# /'
    done
}

cluster_stop() {
    local agent pidfile
    running fs && stop fs
    fs_unmount
    for agent in $agents; do
        running "$agent" && stop "$agent"
        workloads_end "$agent" "$work/agent/$agent" || note "workloads of $agent do not end"
    done
    for pidfile in "$work"/*.pid; do
        [ -f "$pidfile" ] && process_stop "$pidfile" 20
    done
    agents=""
}

e2e_cleanup() {
    local status=$?
    trap - EXIT
    trap '' INT TERM HUP
    cluster_stop >>"$work/cleanup.log" 2>&1
    rm -rf "$memory"
    check_logs
    if [ "$checks_failed" -gt 0 ]; then
        [ "$status" = 0 ] && show_logs 20
        status=1
    fi
    if [ -n "${KEEP-}" ]; then
        note "kept: $work"
    else
        rm -rf --one-file-system "$work"
    fi
    exit "$status"
}
trap e2e_cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# The last line of a test.
finish() {
    [ "$checks_failed" = 0 ]
    exit
}
