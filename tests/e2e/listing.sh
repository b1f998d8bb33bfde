#!/bin/sh
# Listings of the file view while the cluster changes, and while its tables are rebuilt: each is
# complete, none is older than what its reader has seen. Several clients list at once, again and again, so that they share.
. "$(dirname "$0")/lib.sh"

cluster_start 1
label_create quick test '{}'
label_create huge test '{}' '{"cpu": 1000}'
fs_start
view=$mount

# Lists until it is ended. Applications are never removed: each listing must be 1 to some number, not smaller than before
# (rebuilt tables lack the log's last entry until there is a leader that commits it again).
cat >"$work/lister.pl" <<'X'
my $before = 0;
for (my $rounds = 0; !-e $ARGV[1]; $rounds++) {
    opendir(my $directory, $ARGV[0]) or die "opendir: $!";
    my @names = grep { /^\d+$/ } readdir($directory);
    closedir($directory);
    for (my $i = 0; $i < @names; $i++) {
        die "not ok: $names[$i] in place of " . ($i + 1) . "\n" if $names[$i] != $i + 1;
    }
    die "not ok: " . @names . " after $before\n" if @names < $before && !-e $ARGV[2];
    $before = @names;
}
print "saw $before\n";
X

newest() {
    basename "$(readlink "$view/applications/last")"
}

made() { # prints the number of a new application
    (exec 3<>"$view/applications/new" && echo huge >&3 && cat <&3)
}

# ---- churn --------------------------------------------------------------------------------------------------

jq -nc '[range(2000) | {label: "huge"}]' >"$work/batch"
api POST application/ "@$work/batch" >"$work/answer"
check_equal "2,000 applications" 200 "$(cat "$work/code")"
for client in 1 2 3 4; do
    start "lister$client" perl "$work/lister.pl" "$view/applications" "$work/end" "$work/remaking"
done
start churn sh -c "while [ ! -e '$work/end' ]; do echo quick >'$view/applications/new'
    echo 1 >'$view/applications/last/deallocate'; done"
start finder sh -c "while [ ! -e '$work/end' ]; do timeout 60 find '$view' -type f -not -path '*/events' -exec cat {} +; done"
missing=""
for i in $(seq 40); do
    id=$(made)
    ls "$view/applications" >"$work/listed"
    grep -qx "$id" "$work/listed" || missing="$missing $id"
done
check_equal "what was written is in the next listing" "" "$missing"
missing=""
for i in $(seq 10); do
    application_create huge >"$work/id"
    ls "$view/applications" >"$work/listed"
    grep -qx "$(cat "$work/id")" "$work/listed" || missing="$missing $(cat "$work/id")"
done
check_equal "also what came by REST" "" "$missing"

# ---- rebuilt tables -----------------------------------------------------------------------------------------

remake() { # HOW: the tables, while all this goes on
    case $1 in
    rebuild)
        stop controller
        controller_start --rebuild
        ;;
    nothing)
        kill_hard controller
        rm -rf "$data/state" "$data/live"
        controller_start
        ;;
    esac
    application_create huge >"$work/id"
    sleep 0.1
    ls "$view/applications" >"$work/listed"
}
touch "$work/remaking"
remake nothing
check "listings come from the rebuilt tables" grep -qx "$(cat "$work/id")" "$work/listed"
remake rebuild
check "those of a rebuild, too" grep -qx "$(cat "$work/id")" "$work/listed"
remake nothing
check "and once more" grep -qx "$(cat "$work/id")" "$work/listed"
wait_for 20 nodes_are_active 1
check "heartbeats are those of the new file" wait_for 10 test -s "$view/nodes/$(agent_name 1)/live/load_milli"

# ---- the end --------------------------------------------------------------------------------------------------

touch "$work/end"
for client in 1 2 3 4; do
    check "lister $client ends" process_wait_gone "$work/lister$client.pid" 20
    check_match "and all that it saw was whole" "saw *" "$(tail -n 1 "$work/lister$client.log")"
done
process_wait_gone "$work/churn.pid" 20
process_wait_gone "$work/finder.pid" 70
check_equal "in the end, all are listed" "$(api_field '.data.id' "application/$(newest)")" \
    "$(find "$view/applications" -mindepth 1 -maxdepth 1 -name '[0-9]*' | wc -l)"
finish
