#!/bin/sh
# Workloads that see the whole host are nobody in its file view, whatever user they run as; those that are shut in do not
# even see that there is one.
. "$(dirname "$0")/lib.sh"

cluster_start 0
agent_start "$(agent_name 1)" --set capacity.ram=1GiB --set allow.root=true --set allow.users="$(id -un 1)" \
    --set allow.unisolated=true --set allow.directories="$work"
wait_for 20 nodes_are_active 1 || die "the agent does not join"
fs_start
view=$mount
user=daemon # exists on every Debian
uid=$(id -u "$user")

api POST user/ '{"name": "worker", "role": "admin"}' >"$work/answer"
check "an admin of the cluster has the uid of $user" sh -c "echo $uid >'$view/users/worker/uid'"
label_create secret test '{}' '{}'
secret=$(application_create secret '{"key": "do-not-tell"}')
check "the secret's application runs" wait_for 20 application_is ALLOCATED "$secret"

# What a caller sees and can do. Each line says what was tried, and ends in the status.
cat >"$work/look.sh" <<X
cd '$view'
cat applications/$secret/metadata; echo "metadata: \$?"
cat errors/last >/dev/null; echo "errors: \$?"
ls users; echo "users: \$?"
head -n 1 events; echo "events: \$?"
echo label=secret >applications/new; echo "create: \$?"
echo 1 >applications/$secret/deallocate; echo "deallocate: \$?"
echo 1 >users/worker/token; echo "token: \$?"
ls; echo "root: \$?"
X
chmod 644 "$work/look.sh"

lines() { # FILE: the statuses that are 0
    sed -n 's/: 0$//p' "$1" | tr '\n' ' '
}

# The workload of a label that runs as USER. Prints its output.
look_as_workload() { # USER
    local id
    label_create "look-$1" process "{\"user\": \"$1\", \"isolate\": false, \"command\": \"sh $work/look.sh 2>&1\"}"
    id=$(application_create "look-$1")
    wait_for 20 application_is DEALLOCATED "$id" || note "$(api GET "application/$id")"
    api GET "application/$id/log" | jq -r .data
}

for who in root "$user"; do
    setpriv --reuid "$who" --regid "$who" --clear-groups sh "$work/look.sh" >"$work/outside" 2>/dev/null
    check_match "$who outside of a workload reads" '*do-not-tell*' "$(cat "$work/outside")"
    check_match "and changes: $(lines "$work/outside")" 'metadata * users * create *' "$(lines "$work/outside")"
    before=$(cat "$view/cluster/seq")
    look_as_workload "$who" >"$work/inside"
    check_match "a workload that runs as $who sees nothing" '*metadata: *root: 0*' "$(cat "$work/inside")"
    check_equal "only which directories there are" "root " "$(lines "$work/inside")"
    check_fails "and nothing of others" grep -q 'do-not-tell\|worker$' "$work/inside"
    check_equal "none of its commands is in the log" "" \
        "$(tail -n +"$((before + 1))" "$view/events" | grep -o 'application_deallocated\|user_token_changed\|"label":"secret"')"
    secret=$(application_create secret '{"key": "do-not-tell"}')
    wait_for 20 application_is ALLOCATED "$secret"
    sed -i "s|applications/[0-9][0-9]*|applications/$secret|g" "$work/look.sh"
done

# A process that goes on in a group of its own, inside that of its workload.
cat >"$work/inner.sh" <<'X'
group=$(sed -n 's/^0:://p' /proc/self/cgroup)
for root in /sys/fs/cgroup /sys/fs/cgroup/unified; do
    [ -d "$root$group" ] && mkdir "$root$group/inner" && echo 0 >"$root$group/inner/cgroup.procs"
done
cat /proc/self/cgroup
cat "$1"
X
label_create inner process "{\"user\": \"root\", \"isolate\": false, \"command\": \"sh $work/inner.sh '$view/applications/$secret/metadata' 2>&1; true\"}"
inner=$(application_create inner)
wait_for 20 application_is DEALLOCATED "$inner"
api GET "application/$inner/log" | jq -r .data >"$work/inner"
check_fails "nor does one in a group inside" grep -q do-not-tell "$work/inner"
check "which has the reason as an errno" grep -q 'Operation not permitted' "$work/inner"

# Who asks for more than its uid may have waits: it gets no errors, ends when it is told to, and hinders nobody.
stop fs
fs_start --set work_per_uid=10
cat >"$work/hog.sh" <<X
cd '$view' && cat \$(yes README | head -n 60000) >/dev/null
echo "it ended with \$?"
X
reader=bin # on every Debian, too; a user without cluster.exceed
api POST user/ "{\"name\": \"reader\", \"uid\": $(id -u "$reader")}" >"$work/answer"
setpriv --reuid "$reader" --regid "$reader" --clear-groups sh "$work/hog.sh" >"$work/hog" 2>&1 &
hog=$!
check "the journal tells whose requests wait" wait_for 60 grep -q "must wait.*uid=\"*$(id -u "$reader")" "$work/fs.log"
check "others read meanwhile" timeout 20 cat "$view/README" "$view/cluster/seq"
check_equal "what waits gets no error, and has not ended" "" "$(cat "$work/hog")"
for child in $(cat "/proc/$hog/task/$hog/children"); do
    kill -KILL "$child"
done
check "and ends when it is told to" wait_for 20 grep -q "it ended with 137" "$work/hog"
finish
