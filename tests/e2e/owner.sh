#!/bin/sh
# What the owner of a node allows (agent.yml): what is refused and how that is told, and that placement knows of it.
. "$(dirname "$0")/lib.sh"

first=$(agent_name 1)
second=$(agent_name 2)

# ---- settings -------------------------------------------------------------------------------------------------

# wrong NAME WORDS: the agent does not start, and says what is wrong with which setting.
wrong() { # EXPECTED SETTING
    local said status=0
    said=$("$BUILD/aq-agent" --config /dev/null --set data="$work/none" --set name=x --set "$2" 2>&1) || status=$?
    check_match "$2" "*$1*" "$said"
    check_equal "and it does not start" 2 "$status"
}
wrong "allow.user is root" allow.user=root
wrong 'allow.users\[1\] is "5-1"' allow.users=build,5-1
wrong 'allow.directories\[0\] is "srv"' allow.directories=srv
wrong 'allow.root is' allow.root=maybe
printf 'allow:\n  users: [build]\n  rot: true\n' >"$work/wrong.yml"
check_match "an unknown one is named with its place" "*wrong.yml:3:*rot*" \
    "$("$BUILD/aq-agent" --config "$work/wrong.yml" 2>&1)"

# ---- the preset is tight --------------------------------------------------------------------------------------

cat >"$work/first.yml" <<X
name: $first
data: $work/agent
X
controller_start
agent_start "$first" --config "$work/first.yml"
wait_for 20 nodes_are_active 1 || die "the agent does not join"

log_of() { # APPLICATION
    api GET "application/$1/log" | jq -r .data
}

# runs NAME OPTIONS(JSON): prints the output of a workload that ends by itself, or what its application says.
runs() {
    local id
    label_create "$1" process "$2"
    id=$(application_create "$1")
    wait_for 20 application_is DEALLOCATED "$id" || api_field .data.description "application/$id"
    log_of "$id"
}

check_match "a workload has a number of its own, and gets to its own directory" "2147[0-9]* ok /work" \
    "$(runs plain '{"command": "test $(id -u) = $(id -G) && echo $(id -u) $(cd / && cd \"$HOME\" && touch x && echo ok) $HOME"}')"
check_equal "it sees no keys, and nothing of other workloads" "none" \
    "$(runs curious "{\"command\": \"cat $data/hub.key $data/admin.token $work/agent/$first/node.key $work/agent/$first/instance 2>/dev/null || ls $work/agent/$first/workloads 2>/dev/null || echo none\"}")"
check_equal "the agent tells what it allows" "allows:own_user allows:user:nobody allows:ports:none" \
    "$(api GET "node/$first" | jq -r '.data.identifiers[]' | grep '^allows:' | tr '\n' ' ' | sed 's/ $//')"

label_create rootly process '{"user": "root", "command": "id -u"}'
root=$(application_create rootly)
check_equal "root is refused before it is tried" NEW "$(application_status "$root")"
check_equal "with the reason, at once" \
    "no node that has joined could ever take it: $first: workloads may not run as root there (allow.root of its agent)" \
    "$(api_field .data.description "application/$root")"
check_equal "and as impossible" true "$(api_field .data.impossible "application/$root")"
label_create elsewhere process '{"directory": "/srv", "command": "pwd"}'
elsewhere=$(application_create elsewhere)
check_match "so is a directory" '*may not run in directory "/srv" there, only in their own*' \
    "$(api_field .data.description "application/$elsewhere")"
check "why says it for the node" sh -c "
    curl -sf -m 5 -u 'admin:$(cat "$data/admin.token")' 'http://127.0.0.1:$api_port/api/v1/application/$root/why' |
    grep -q 'its owner does not allow that'"

# ---- another node allows it -----------------------------------------------------------------------------------

agent_start "$second" --set capacity.ram=1GiB --set allow.root=true
check "what waited is placed where root is allowed" wait_for 20 application_is DEALLOCATED "$root"
check_equal "on the other node" "$second" "$(api GET "application/$root/events" | jq -r '.. | .node? // empty' | tail -n 1)"
check_equal "where it is root" 0 "$(log_of "$root")"
check_equal "not one try was lost on the first" 0 "$(api_field '.data.tries | length' "application/$root")"

# ---- live -----------------------------------------------------------------------------------------------------

mkdir "$work/jobs"
cat >>"$work/first.yml" <<X
allow:
  directories: [$work/jobs, /srv]
  users: [daemon]
X
process_signal "$work/$first.pid" HUP
check "what waited runs when its owner allows it" wait_for 20 application_is DEALLOCATED "$elsewhere"
check_equal "where it asked for" /srv "$(log_of "$elsewhere")"
check_equal "as another user that is allowed" "1 $work/jobs" \
    "$(runs other "{\"user\": \"daemon\", \"directory\": \"$work/jobs\", \"command\": \"echo \$(id -u) \$(pwd)\"}")"

# A controller that does not know, or knows too late, gets the refusal from the node itself.
ln -s / "$work/jobs/out"
label_create sly process "{\"directory\": \"$work/jobs/out/etc\", \"command\": \"pwd\"}"
sly=$(application_create sly)
wait_for 20 application_is ERROR "$sly"
check_match "a link does not lead out" "*refused by the node: directory*leads out of $work/jobs*" \
    "$(api_field .data.description "application/$sly")"

printf 'allow:\n  users: [root]\n' >>"$work/first.yml.new"
cp "$work/first.yml.new" "$work/first.yml"
process_signal "$work/$first.pid" HUP
check "wrong settings are told, and the previous ones stay" wait_for 10 grep -q 'allow.users\[0\] is root' "$work/$first.log"
check_equal "as before" "1 $work/jobs" \
    "$(runs again "{\"user\": \"daemon\", \"directory\": \"$work/jobs\", \"command\": \"echo \$(id -u) \$(pwd)\"}")"
finish
