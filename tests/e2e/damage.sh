#!/bin/sh
# Bits of the log turn on the disk, while the cluster runs: found by aq log verify and by whoever reads there, named with
# the place, and never served. All that was not hit goes on.
. "$(dirname "$0")/lib.sh"

cluster_start 1
label_create quick test '{}'
fs_start
ids=""
for i in 1 2 3 4 5 6 7 8 9; do
    ids="$ids $(application_create quick "{\"mark\": \"mark-$i-of-nine\"}")"
done
check "all is well" wait_for 20 prints 9 api_field '.data | length' 'application/?status=ALLOCATED'
check_match "before" '*equal*' "$(aq log verify 2>&1)"

# Turns a bit in every copy of a page that holds the text.
damage() { # TEXT
    local at byte
    for at in $(grep -abo "$1" "$data/log/data.mdb" | cut -d: -f1); do
        byte=$(dd if="$data/log/data.mdb" bs=1 skip="$at" count=1 status=none | od -An -tu1)
        # shellcheck disable=SC2059 # the format is the byte
        printf "$(printf '\\%03o' $((byte ^ 4)))" |
            dd of="$data/log/data.mdb" bs=1 seek="$at" conv=notrunc status=none
    done
}

damage mark-5-of-nine
said=$(aq log verify 2>&1)
check_match "aq log verify names it with its place" '*log entry * (seq *) is damaged: its bytes are not what was written*' "$said"
seq=$(echo "$said" | sed -n 's/.*(seq \([0-9]*\)).*/\1/p')
check "which is right" test "$(api_field '.data[0].seq' "application/4/events")" -lt "$seq"
check_equal "its events are not served" 500 "$(api_code GET application/5/events)"
check_match "but an error that says why" "*(seq $seq) is damaged*" "$(jq -r .message "$work/answer")"
check_equal "those of others are" 200 "$(api_code GET application/4/events)"
check_equal "also behind it" 200 "$(api_code GET application/6/events)"
curl -s -m 10 -u "admin:$(cat "$data/admin.token")" "http://127.0.0.1:$api_port/api/v1/events?since=1&follow=false" >"$work/stream"
check "an event stream ends there" grep -q '^event: failed' "$work/stream"
check_fails "and has served nothing of it" grep -q 'mark-.-of-nine.*mark-.-of-nine\|mark-5-of-nine\|mark-[^1-9]' "$work/stream"
check "but all that comes before" grep -q mark-4-of-nine "$work/stream"
check_fails "the file view does not serve it, either" cat "$mount/applications/5/events"
check "tables are read as ever" file_is ALLOCATED "$mount/applications/5/status"
more=$(application_create quick)
check "and work goes on" wait_for 20 application_is ALLOCATED "$more"

# ---- a start ----------------------------------------------------------------------------------------------------

kill_hard controller
controller_start
check_equal "good tables are taken" 9 "$(api_field '.data[8].id' application/)"
stop controller
refused() { # ARGUMENTS
    timeout 20 "$BUILD/aq-controller" --config /dev/null --set data="$data" --set api.port=0 --set hub.port=0 "$@" 2>&1
    echo "status $?"
}
check_match "from such a log, none are made" "*(seq $seq) is damaged*status 1" "$(refused --rebuild)"
check_match "and --check says so" "*(seq $seq) is damaged*status 1" "$(refused --check)"
finish
