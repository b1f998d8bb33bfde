#!/bin/sh
# Worker hosts enrol with join tokens, each with a key of its own; tokens are used up, expire, are revoked and are for
# some names only; nodes are revoked, and come back under a new key; a hub of another cluster learns no secret.
. "$(dirname "$0")/lib.sh"

controller_start

# agent_with TOKEN-FILE NAME [ARGUMENTS...]: an agent that gets nothing but the token.
agent_with() {
    local token=$1 name=$2
    shift 2
    case " $agents " in
    *" $name "*) ;;
    *) agents="$agents $name" ;;
    esac
    start "$name" "$BUILD/aq-agent" --config /dev/null --set data="$work/agent" --set name="$name" \
        --set capacity.ram=1GiB --set capacity.slots=16 --join-file "$token" "$@"
}

node_is() { # STATUS NAME
    [ "$(api_field .data.status "node/$2")" = "$1" ]
}

says() { # NAME TEXT: does the agent's log have it?
    grep -q "$2" "$work/$1.log"
}

token_field() { # FIELD ID
    api_field ".data.$1" "join_token/$2"
}

# ---- a token for two nodes --------------------------------------------------------------------------------

umask 077
aq nodes token --name "$tag-*" --ttl 1h --uses 2 >"$work/token" 2>"$work/said"
check_equal "aq nodes token prints one line" 1 "$(wc -l <"$work/token")"
check_match "that is a join token" 'aqjoin_*' "$(cat "$work/token")"
check "and says that it is a secret" grep -q 'never shown again' "$work/said"
check "the log has the names that it is for" grep -qaF "$tag-*" "$data/log/data.mdb"
check_fails "and not the token" grep -qa aqjoin_ "$data/log/data.mdb"

agent_with "$work/token" "$tag-1"
check "an agent enrols with nothing but the token" wait_for 20 node_is ACTIVE "$tag-1"
key=$(api_field .data.key "node/$tag-1")
check_equal "its public key is in the tables" 64 "${#key}"
check_equal "its private key is its own" 600 "$(stat -c %a "$work/agent/$tag-1/node.key")"
check_equal "the use is counted" 1 "$(token_field used 1)"
check_match "and is an event with its author" "*node:$tag-1*join_token_used*" "$(aq log tail --json | grep join_token_used)"

start two env AQ_JOIN_TOKEN="$(cat "$work/token")" "$BUILD/aq-agent" --config /dev/null --set data="$work/agent" \
    --set name="$tag-2" --set capacity.slots=16
agents="$agents $tag-2"
check "another gets it from AQ_JOIN_TOKEN" wait_for 20 node_is ACTIVE "$tag-2"
check_fails "which leaves its environment" grep -qa aqjoin_ "/proc/$(pid_of two)/environ"

# ---- what a stolen token is good for ----------------------------------------------------------------------

agent_with "$work/token" "$tag-3"
check "used a third time" wait_for 20 says "$tag-3" 'is used up: it was for 2 nodes'
stop "$tag-3"

aq nodes token --name "$tag-4" >"$work/other" 2>/dev/null
agent_with "$work/other" "$tag-5"
check "for another name" wait_for 20 says "$tag-5" "is for nodes called $tag-4, and not for $tag-5"
stop "$tag-5"

aq nodes token --name "$tag-*" --ttl 1s >"$work/late" 2>/dev/null
sleep 1.2
agent_with "$work/late" "$tag-6"
check "too late" wait_for 20 says "$tag-6" 'expired [0-9]* s ago'
stop "$tag-6"

aq nodes token --name "$tag-*" >"$work/revoked" 2>/dev/null
check_equal "it can be revoked" "join token 4 revoked" "$(aq join-tokens revoke 4)"
check_equal "and is called what people call it" "Join token 4" "$(api_field .message join_token/4)"
agent_with "$work/revoked" "$tag-7"
check "and is refused then" wait_for 20 says "$tag-7" 'join token 4 was revoked'
stop "$tag-7"

sed 's/.$/!/' "$work/other" >"$work/broken"
check_match "one that was cut is refused at once" '*not whole*' \
    "$(timeout 10 "$BUILD/aq-agent" --config /dev/null --set data="$work/agent" --set name=x --join-file "$work/broken" 2>&1)"
check_equal "none of them made a node" 2 "$(api GET node/ | jq '.data | length')"

# ---- later starts need no token ---------------------------------------------------------------------------

rm "$work/token"
stop "$tag-1"
check "the node is lost" wait_for 20 node_is LOST "$tag-1"
agent_with "$work/token" "$tag-1"
check "the agent comes back without a token" wait_for 20 node_is ACTIVE "$tag-1"

# ---- a node is revoked, with its connections open ---------------------------------------------------------

label_create sleeper process '{"command": "sleep 1000"}'
id=$(application_create sleeper)
wait_for 20 application_is ALLOCATED "$id"
node=$(api_field .data.node "application/$id")
aq nodes revoke "$node" >"$work/out" 2>"$work/said"
check "a node is revoked" grep -qx "node $node revoked" "$work/out"
check "what becomes of its workloads is told" grep -q 'holds 1 resource, as a lost node does' "$work/said"
check "it is lost at once" node_is LOST "$node"
process=$node
[ "$node" = "$tag-2" ] && process=two
check "its agent is out" wait_for 20 says "$process" 'revoked'
sleep 2
check "and stays out" node_is LOST "$node"
check_equal "what it ran counts as before" ALLOCATED "$(application_status "$id")"
stop "$process"

aq nodes token --name "$node" >"$work/again" 2>/dev/null
aq nodes token --name "$node" --replaces >"$work/replaces" 2>/dev/null
agent_with "$work/replaces" "$node" --join-file "$work/replaces"
check "its key never works again, whatever the token" wait_for 20 says "$node" 'never works again'
check_fails "which it is told at once" says "$node" 'no answer'
stop "$node"
mv "$work/agent/$node" "$work/agent/old"
agent_with "$work/again" "$node"
check "a new key needs a token that says that it replaces" wait_for 20 says "$node" 'says that it replaces'
stop "$node"
agent_with "$work/replaces" "$node"
check "with one, the host is back under its name" wait_for 20 node_is ACTIVE "$node"
check "what it does not know any more is over" wait_for 20 application_is ERROR "$id"

# ---- a key that leaked, on a host that is good -------------------------------------------------------------

api POST "node/$node/maintenance" '{"maintenance": true}' >"$work/out"
kept=$tag-1 process=$tag-1
[ "$node" = "$tag-1" ] && kept=$tag-2 process=two
id=$(application_create sleeper)
wait_for 20 application_is ALLOCATED "$id"
aq nodes revoke "$kept" >"$work/out" 2>&1
stop "$process"
rm "$work/agent/$kept/node.key"
aq nodes token --name "$kept" --replaces >"$work/kept" 2>/dev/null
agent_with "$work/kept" "$kept"
check "an agent with its directory comes back under a new key" wait_for 20 node_is ACTIVE "$kept"
sleep 1
check "and keeps its workloads" application_is ALLOCATED "$id"

# ---- a hub in the middle ----------------------------------------------------------------------------------

real_hub=$hub_port real_api=$api_port real_data=$data
data=$work/middle hub_port=0 api_port=0
start middle "$BUILD/aq-controller" --config /dev/null --set data="$data" --set api.port=0 --set hub.port=0 \
    --set log.map_size=1GiB --set state.map_size=1GiB
wait_for 20 controller_is_ready
middle_hub=$hub_port
data=$real_data hub_port=$real_hub api_port=$real_api
aq nodes token --name "$tag-9" >"$work/middle-token" 2>/dev/null
agent_with "$work/middle-token" "$tag-9" --controller "127.0.0.1:$middle_hub"
check "an agent notices a hub of another authority" wait_for 20 says "$tag-9" 'authority'
sleep 1
check_equal "and does not say its secret" 0 \
    "$(api_field '[.data[] | select(.used > 0 and .name == "'"$tag-9"'")] | length' join_token/)"
check "there is a log" grep -qa admin "$work/middle/log/data.mdb"
check_fails "in which it is no node" grep -qa "node_enrolled\|$tag-9" "$work/middle/log/data.mdb"
stop "$tag-9"
agent_with "$work/middle-token" "$tag-9"
check "the token is still good for the right one" wait_for 20 node_is ACTIVE "$tag-9"

finish
