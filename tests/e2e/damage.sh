#!/bin/sh
# Bits of the log flip on the disk while the cluster runs. aq log verify and every reader find them, name the place, and
# never serve them. Everything else keeps working.
. "$(dirname "$0")/lib.sh"

cluster_start 1
label_create quick test '{}'
fs_start
for i in 1 2 3 4 5 6 7 8 9; do # one after the other, so that no two share an entry
    id=$(application_create quick "{\"mark\": \"mark-$i-of-nine\"}")
    wait_for 20 application_is ALLOCATED "$id"
done
check "all is well" wait_for 20 prints 9 api_field '.data | length' 'application/?status=ALLOCATED'
check_match "before" '*equal*' "$(aq log verify 2>&1)"

# Flips a bit in every copy of a page that holds the text.
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
check "and work continues" wait_for 20 application_is ALLOCATED "$more"

# ---- what is damaged before the file view has read it -------------------------------------------------------------

# Reads for ever, also after errors.
cat >"$work/reader.pl" <<'X'
$| = 1;
open(my $file, "<", $ARGV[0]) or die "open: $!";
while (1) {
    my $got = sysread($file, my $data, 65536);
    print defined $got ? $data : "error $!\n";
}
X
start reader env LC_ALL=C perl "$work/reader.pl" "$mount/events"
wait_for 10 grep -q "\"seq\":$(cat "$mount/cluster/seq")," "$work/reader.log"
process_signal "$work/fs.pid" STOP
hit=$(application_create quick '{"mark": "mark-ten-of-nine"}')
wait_for 20 application_is ALLOCATED "$hit" # then nothing is written meanwhile
damage mark-ten-of-nine
behind=$(application_create quick)
check "an application behind it runs" wait_for 20 application_is ALLOCATED "$behind"
process_signal "$work/fs.pid" CONT
about() { # APPLICATION
    printf '"event":"application_created","entity":"application","data":{"id":%s,' "$1"
}
check "who follows the events gets those behind it" wait_for 10 grep -qF "$(about "$behind")" "$work/reader.log"
check_equal "and is told once that some are missing" "error Input/output error" "$(grep error "$work/reader.log")"
check_fails "which are not served" grep -qF "$(about "$hit")" "$work/reader.log"
check_match "errors/last names the place" '*log entry * (seq *) is damaged*reading /events*' "$(cat "$mount/errors/last")"
check "so does the journal" grep -q "events cannot be read and are left out.*(seq [0-9]*) is damaged" "$work/fs.log"
cp "$mount/events" "$work/later"
check "who opens the file later reads on from there" grep -qF "$(about "$behind")" "$work/later"
check_equal "without a hole" "$(jq -s '[range(.[0].seq; .[-1].seq + 1)] | length' "$work/later")" "$(jq -s length "$work/later")"
newer=$(application_create quick)
check "and what is new comes" wait_for 10 grep -qF "$(about "$newer")" "$work/reader.log"
stop fs
fs_start
wait_for 10 grep -qF "$(about "$newer")" "$mount/events"
check "a new mount goes on behind it, too" grep -qF "$(about "$newer")" "$mount/events"

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
