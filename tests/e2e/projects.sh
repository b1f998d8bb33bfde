#!/bin/sh
# Projects: quotas that make wait, and those that refuse, for all of a project and for each user in it; nodes that serve
# named projects; lists of what belongs to one; over REST, files and aq.
. "$(dirname "$0")/lib.sh"

cluster_start 1
fs_start
view=$mount
numbers() { # of a list, in one line
    grep '^[0-9]' | sort -n | tr '\n' ' ' | sed 's/ $//'
}
label_create big test '{}' '{"slots": 2}'
check_equal "there is a project for all that name none" default "$(api GET project/ | jq -r '.data[].name')"
check_match "aq makes another" "project web created" "$(aq projects create web --quota slots=3 applications=3 2>&1)"
check_equal "with its quotas" "3 3" "$(api GET project/web | jq -r '"\(.data.slots) \(.data.applications)"')"

first=$(aq run big project=web -q)
second=$(aq applications create big project=web -q)
other=$(aq run big -q)
check_equal "what exceeds the quota waits" NEW "$(application_status "$second")"
check_match "and says why" "*it needs 2 slots, but less is left of the quota of project web, which is 3*" \
    "$(aq application "$second" why)"
check_equal "another project is not held up" default "$(api_field .data.project "application/$other")"
check_equal "its applications are listed" "$first $second" "$(aq applications --project=web -q | numbers)"
check_equal "files show what it holds" "2" "$(sed -n 's/.*slots[":= ]*\([0-9]*\).*/\1/p' "$view/projects/web/used" | head -n 1)"
check_equal "and which applications belong to it" "$first $second" "$(ls "$view/projects/web/applications" | numbers)"
check_equal "as links" "../../../applications/$first" "$(readlink "$view/projects/web/applications/$first")"
check_equal "and which resources" "$(api_field .data.resource "application/$first")" "$(ls "$view/projects/web/resources")"
check_equal "one of another project is not there" "" "$(find "$view/projects/web/applications" -mindepth 1 -name "$other")"
check_equal "what has no quota says so" "- null" "$(cat "$view/projects/web/cpu") $(api GET project/web | jq -r .data.cpu)"
check_equal "aq shows it, too" "web - - - 3 3" "$(aq projects --no-headers | awk '$1 == "web" {print $1, $2, $3, $4, $5, $6}')"
check_equal "and an application leads to its project" web "$(basename "$(readlink "$view/applications/$first/project")")"

aq applications create big project=web -q >"$work/third"
check_equal "one application more than the quota is refused" 429 "$(api_code POST application/ '{"label": "big", "project": "web"}')"
check_match "and is told why" "*project web has 3 open applications; its quota is 3*" "$(jq -r .message "$work/answer")"
check_equal "a project that is not there is refused" 400 "$(api_code POST application/ '{"label": "big", "project": "nil"}')"

aq application "$first" deallocate --wait >"$work/out" 2>&1
check "what is given back lets the next one run" wait_for 20 application_is ALLOCATED "$second"
check_equal "and not one more" NEW "$(application_status "$(cat "$work/third")")"
echo slots=4 >"$view/projects/web/update"
check "a larger quota does, too" wait_for 20 application_is ALLOCATED "$(cat "$work/third")"
node=$(agent_name 1)
label_create small test '{}' '{"slots": 1}'
check "a node can serve named projects" aq node "$node" projects web,default
check_equal "which its file shows" "web default " "$(tr '\n' ' ' <"$view/nodes/$node/projects")"
check_equal "aq, too" "web,default" "$(aq nodes get "$node" -o json | jq -r '.projects | join(",")')"
check_equal "one that is not there is refused" 400 "$(api_code POST "node/$node/projects" '{"projects": ["nil"]}')"
check_match "and named" 'projects*0* is "nil", but there is no such project' "$(jq -r .message "$work/answer")"
check "written to the file" sh -c "echo web >'$view/nodes/$node/projects'"
only=$(aq applications create small -q)
check_match "what belongs to another project waits, and says why" \
    "no node that has joined could ever take it: $node: it serves only other projects" "$(api_field .data.description "application/$only")"
check_match "in why, too" "*$node: no: it serves only other projects*" "$(cat "$view/applications/$only/why")"
kill_hard "$node"
agent_start "$node" --set capacity.ram=1GiB --set capacity.slots=16
aq projects update web slots=9 >"$work/out" 2>&1
check "its agent comes back" wait_for 30 application_is ALLOCATED "$(aq applications create small project=web -q)"
check_equal "and it serves the same" web "$(cat "$view/nodes/$node/projects")"
check_equal "the other one still waits" NEW "$(application_status "$only")"
aq projects create idle >"$work/out" 2>&1
aq node "$node" projects web,idle >"$work/out" 2>&1
check_equal "a project that a node names is not deleted" 409 "$(api_code DELETE project/idle)"
check_match "the node is named" "node $node serves project idle: *" "$(jq -r .message "$work/answer")"
check "all projects again" sh -c "echo '*' >'$view/nodes/$node/projects'"
check "lets the other one run" wait_for 20 application_is ALLOCATED "$only"
check_equal "now it can be deleted" 200 "$(api_code DELETE project/idle)"
check_equal "a project in use is not deleted" 409 "$(api_code DELETE project/web)"

# ---- quotas for each user ---------------------------------------------------------------------------------------

as_uid() { # UID COMMAND...: in the view, for others cannot go through $work
    (
        uid=$1
        shift
        cd "$view" && exec setpriv --reuid "$uid" --regid "$uid" --clear-groups "$@"
    )
}
aq users create ann uid=4001 >"$work/out" 2>&1
aq users create ben uid=4002 >"$work/out" 2>&1
check_equal "a project may limit each user" "1 2 null" \
    "$(aq projects create lab user_slots=1 user_applications=2 >"$work/out" 2>&1; api GET project/lab | jq -r '"\(.data.user_slots) \(.data.user_applications) \(.data.slots)"')"
check "ann asks for one" as_uid 4001 sh -c 'echo label=small project=lab >applications/new'
ann_runs=$(as_uid 4001 readlink applications/last)
check "which runs" wait_for 20 application_is ALLOCATED "$ann_runs"
check "and for another one" as_uid 4001 sh -c 'echo label=small project=lab >applications/new'
ann_waits=$(as_uid 4001 readlink applications/last)
check_equal "which waits for the quota of ann" \
    "it needs 1 slots, but less is left of the quota of user ann in project lab, which is 1" "$(as_uid 4001 cat applications/last/description)"
check_match "as why says" "*quota of user ann in project lab*" "$(as_uid 4001 cat applications/last/why)"
check_fails "a third one is refused" as_uid 4001 sh -c 'echo label=small project=lab >applications/new'
check_match "with the reason" "user ann has 2 open applications in project lab; its quota for each user is 2*" "$(as_uid 4001 cat errors/last)"
check "ben is not held up" as_uid 4002 sh -c 'echo label=small project=lab >applications/new'
ben_runs=$(as_uid 4002 readlink applications/last)
check "the application of ben runs" wait_for 20 application_is ALLOCATED "$ben_runs"
check_equal "each sees their own in the project" "$ann_runs $ann_waits:$ben_runs" \
    "$(as_uid 4001 ls projects/lab/applications | numbers):$(as_uid 4002 ls projects/lab/applications)"
check_fails "and not those of others" as_uid 4001 readlink "projects/lab/applications/$ben_runs"
# ---- a mount for one project, with users of its own --------------------------------------------------------------

check_match "a wrong map is refused" "*users*0* is \"ann\", but must be a uid and the name of a user, such as 1001=ann*" \
    "$("$BUILD/aq-fs" --config /dev/null --data "$data" --mount "$work/lab" --set users=ann 2>&1)"
mkdir "$work/lab"
start fslab "$BUILD/aq-fs" --config /dev/null --data "$data" --mount "$work/lab" --set project=lab --set users=7001=ben
check "it is mounted" wait_for 20 test -e "$work/lab/README"
check_equal "it shows what belongs to the project" "$ann_runs $ann_waits $ben_runs" "$(ls "$work/lab/applications" | numbers)"
check_fails "and nothing else" test -e "$work/lab/applications/$first"
lab_as() { # UID COMMAND...
    (
        uid=$1
        shift
        cd "$work/lab" && exec setpriv --reuid "$uid" --regid "$uid" --clear-groups "$@"
    )
}
check_equal "the map says which user a uid is" "$ben_runs" "$(lab_as 7001 ls applications | grep '^[0-9]')"
check_equal "owners are shown by it" 7001 "$(stat -c %u "$work/lab/applications/$ben_runs")"
check "what is created belongs to the project" lab_as 7001 sh -c 'echo small >applications/new'
ben_other=$(lab_as 7001 readlink applications/last)
check_equal "of the user whom the map says" "lab ben" "$(api GET "application/$ben_other" | jq -r '"\(.data.project) \(.data.user)"')"
check_fails "another project is refused" lab_as 7001 sh -c 'echo label=small project=web >applications/new'
check_match "with the reason" 'project is "web", but this mount is for project lab*' "$(lab_as 7001 cat errors/last)"
check_fails "the uid of a user's row means nothing there" lab_as 4002 ls applications
check_equal "and in the other mount it does" "$ben_runs $ben_other" "$(as_uid 4002 ls projects/lab/applications | numbers)"
check "a label that is made there belongs to it, too" sh -c "echo '{\"name\": \"own\", \"definitions\": [{\"driver\": \"test\"}]}' >'$work/lab/labels/new'"
check_equal "as the other mount shows" "own ../../../labels/own" \
    "$(ls "$view/projects/lab/labels") $(readlink "$view/projects/lab/labels/own")"
check_equal "other projects have none" "" "$(ls "$view/projects/web/labels")"
check_equal "labels of all projects are there as well" "big own small" "$(ls -I new -I apply "$work/lab/labels" | sort | tr '\n' ' ' | sed 's/ $//')"
api POST label/ '{"name": "theirs", "project": "web", "definitions": [{"driver": "test"}]}' >"$work/answer"
check_fails "and not those of another" test -e "$work/lab/labels/theirs"
aq memberships create lab:ann --role viewer >"$work/out" 2>&1
check_equal "members are listed" ann "$(basename "$(readlink "$(echo "$view"/projects/lab/memberships/*/)user")")"
check_equal "and see what others have in the project" "$ann_runs $ann_waits $ben_runs $ben_other" "$(as_uid 4001 ls projects/lab/applications | numbers)"
stop fslab
check_fails "it is unmounted" mountpoint_is "$work/lab"

aq projects update lab user_slots=none >"$work/out" 2>&1
check "without the quota, what waited runs at once" wait_for 20 application_is ALLOCATED "$ann_waits"

kill_hard controller
controller_start
check_equal "all of it outlives a crash" "5 3" "$(api GET project/web | jq -r '"\(.data.used.slots) \(.data.open)"')"
check_match "and the tables are those of the log" '*"data":*' "$(api GET log/verify)"
finish
