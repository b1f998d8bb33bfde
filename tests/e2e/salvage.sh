#!/bin/sh
# The log is damaged, there is no backup, and no controller starts: its intact entries are salvaged, and the cluster
# continues from there.
. "$(dirname "$0")/lib.sh"

cluster_start 1
label_create quick test '{}'
for i in 1 2 3 4 5 6; do # one after the other, so that no two share an entry
    id=$(application_create quick "{\"mark\": \"mark-$i-of-six\"}")
    wait_for 20 application_is ALLOCATED "$id"
done
check "all is well" wait_for 20 prints 6 api_field '.data | length' 'application/?status=ALLOCATED'

salvage() { # ARGUMENTS
    timeout 60 "$BUILD/aq-controller" --config /dev/null --set data="$data" --salvage "$@" 2>&1
    echo "status $?"
}
# Flips a bit at each of these bytes of the log's file.
turn() { # [BYTE...]
    # shellcheck disable=SC2016 # that is perl
    perl -e 'open(my $file, "+<", shift) or die;
        for my $at (@ARGV) {
            my $byte;
            sysseek($file, $at, 0) && sysread($file, $byte, 1) && sysseek($file, $at, 0) or die;
            syswrite($file, chr(ord($byte) ^ 16)) or die;
        }' "$data/log/data.mdb" "$@"
}
heads() { # the flags of each page
    seq 10 4096 "$(stat -c %s "$data/log/data.mdb")"
}
refused() {
    timeout 20 "$BUILD/aq-controller" --config /dev/null --set data="$data" --set api.port=0 --set hub.port=0 2>&1
    echo "status $?"
}
# The salvaged log replaces the damaged one.
take_over() {
    mv "$data/log" "$data/log.damaged-$1"
    mv "$data/log.salvaged" "$data/log"
}

check_match "not while a controller runs" "*another controller uses $data
status 1" "$(salvage "$data/log.salvaged")"
check_fails "and nothing is made" test -e "$data/log.salvaged"
check_match "not without a directory" "*requires an argument*status 2" "$(salvage)"

# ---- pages that lead to the entries ---------------------------------------------------------------------------------

before=$(api GET application/ | jq -S '.data | map({id, status})')
kill_hard controller
# shellcheck disable=SC2046 # numbers
turn $(heads)
check_match "no controller starts of it" '*cannot start*data.mdb is damaged: page 0*status 1' "$(refused)"
sum=$(cksum "$data/log/data.mdb")
said=$(salvage "$data/log.salvaged")
check_match "all entries are salvaged" "intact and copied: entries 1 to * (seq 1 to *, until 2*Z)
to $data/log.salvaged
lost: nothing that can be detected
$data/log/data.mdb is damaged: page 0*
status 0" "$said"
check_equal "the damaged log is as it was" "$sum" "$(cksum "$data/log/data.mdb")"
check_match "nothing is written over" "*$data/log.salvaged already exists*status 1" "$(salvage "$data/log.salvaged")"
take_over 1
controller_start
check_equal "with all that there was" "$before" "$(api GET application/ | jq -S '.data | map({id, status})')"
check_fails "and the tables that there were" grep -q 'rebuilding the tables' "$work/controller.log"
check_match "which agree" '*equal*' "$(aq log verify 2>&1)"
wait_for 20 nodes_are_active 1

# ---- an entry -------------------------------------------------------------------------------------------------------

stop controller
# shellcheck disable=SC2046 # numbers
turn $(grep -abo mark-5-of-six "$data/log/data.mdb" | cut -d: -f1)
said=$(salvage "$data/log.salvaged")
check_match "what comes before a damaged entry is salvaged" "intact and copied: entries 1 to * (seq 1 to *, until 2*Z)
to $data/log.salvaged
lost: log entry * (seq *) is damaged: its bytes are not what was written
lost in total: entries * to * (seq * to *, until 2*Z); no entry can follow a lost one
status 0" "$said"
take_over 2
controller_start
check "tables that are ahead of it are not taken" grep -q 'rebuilding the tables from the log because="the tables applied log entry [0-9]*, which the log does not have' "$work/controller.log"
check_equal "the applications before are there" '1 2 3 4' "$(api_field '.data | map(.id) | join(" ")' application/)"
check_match "log and tables agree" '*equal*' "$(aq log verify 2>&1)"
ended() { # COUNT
    [ "$(grep -c "workload ended resource=[56] " "$work/$(agent_name 1).log")" = "$1" ]
}
check "what was lost is ended by its agent" wait_for 20 ended 2
application_create quick >"$work/answer" # the numbers of what was lost are given again: their node takes them for what
application_create quick >"$work/answer" # has ended there before
more=$(application_create quick)
check "and work continues" wait_for 20 application_is ALLOCATED "$more"
fs_start
check "files too" file_is ALLOCATED "$mount/applications/$more/status"
finish
