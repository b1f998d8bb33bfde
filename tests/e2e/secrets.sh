#!/bin/sh
# Secrets: nobody but the workload sees one. They are sealed at the door, kept in memory by agents, taken over by each new epoch, and lost with
# the keyring.
. "$(dirname "$0")/lib.sh"

label_secret=label-secret-$$-Zq8
own_secret=own-secret-$$-Vx3
file_secret=file-secret-$$-Kd5
sum() {
    printf %s "$1" | sha256sum | cut -d ' ' -f 1
}

cluster_start 0
node=$(agent_name 1)
agent_up() {
    agent_start "$node" --set drivers=process --set capacity.slots=16 --set allow.directories="$work"
}
agent_up
wait_for 20 nodes_are_active 1 || die "the agent does not join"
fs_start

# Its output is what it was given, but nobody can tell from that what it was.
cat >"$work/program" <<'X'
#!/bin/sh
echo "$(sha256sum <"$AQ_META_PASSWORD_FILE" | cut -d ' ' -f 1) ${AQ_META_PASSWORD-unset} $AQ_META_HOST $(ls "$AQUARIUM_SECRETS")"
exec sleep 1000
X
chmod 755 "$work/program"
cat >"$work/label.yml" <<X
name: db
secrets: [password]
metadata: {password: $label_secret, host: db.example}
definitions:
  - driver: process
    options:
      command: [sh, $work/program]
      mounts: ["$work:$work:ro"]
    resources: {slots: 1}
    restart: always
    restart_wait: 1s
    authentication: {username: ann, password: $file_secret}
X
output_is() { # ID TEXT
    api GET "application/$1/log" | grep -qF "$2"
}

# ---- to the workload ---------------------------------------------------------------------------------------

check "a label with secrets is created" aq labels create -f "$work/label.yml"
check_equal "they are shown as ***" '{"host":"db.example","password":"***"}' "$(api GET label/db | jq -cS .data.metadata)"
check_equal "so is the password of a login" '***' "$(api_field '.data.definitions[0].authentication.password' label/db)"
check "applying the same changes nothing" aq labels apply -f "$work/label.yml"
check_equal "which is known without showing them" 1 "$(api_field .data.version label/db)"
sed "s/$label_secret/$label_secret-2/" "$work/label.yml" >"$work/changed.yml"
check "applying another secret makes a version" aq labels apply -f "$work/changed.yml"
check_equal "of its own" 2 "$(api_field .data.version label/db)"
one=$(printf %s "$label_secret" | aq run db:1 --secret password=- -q)
check_match "workloads that see the whole host have none" '*definitions?0?.options.isolate is false, but the label has secrets*' \
    "$(api POST label/ '{"name": "open", "secrets": ["password"], "definitions": [{"driver": "process", "options": {"command": "true", "isolate": false}}]}' | jq -r .message)"
check_fails "one with a misspelt key is not stored" aq run db:1 --secret passwort="$work/label.yml" -q
two=$(application_create db:1 "{\"password\": \"$own_secret\"}")
check "a workload reads the secret that aq was given" wait_for 20 output_is "$one" "$(sum "$label_secret") unset db.example password"
check "or that of its application" wait_for 20 output_is "$two" "$(sum "$own_secret") unset db.example password"
printf '{"label": "db:1", "metadata": {"password": "%s"}}' "$file_secret" >"$mount/applications/new"
three=$(cat "$mount/applications/last/id")
check "also one that came through a file" wait_for 20 output_is "$three" "$(sum "$file_secret") unset db.example password"
check_equal "which shows it as ***" '***' "$(jq -r .password "$mount/applications/$three/meta" 2>/dev/null || jq -r .password "$mount/applications/$three/metadata")"
resource=$(api_field .data.resource "application/$two")
cat "$memory"/*/"$resource"/files/password >"$work/found"
check "the agent has it in memory" grep -qF "$own_secret" "$work/found"
rm "$work/found"

# ---- a restart of the workload, and of the agent ----------------------------------------------------------

kill_hard "$node"
agent_up
pid=$(api_field .data.identifier "resource/$resource" | tr -dc 0-9)
kill -9 "$pid"
runs_again() {
    [ "$(api GET "application/$two/log" | grep -oF "$(sum "$own_secret")" | wc -l)" = 2 ]
}
check "a workload that is started again by the next agent reads it again" wait_for 30 runs_again

# ---- nobody else ------------------------------------------------------------------------------------------

printf '%s\n' "$label_secret" "$own_secret" "$file_secret" >"$work/patterns"
search() { # what is anywhere on disk, in a journal, in arguments, in an environment, in a file of the view, or in an event
    grep -rlaF -f "$work/patterns" "$data" "$work/agent" "$work"/*.log
    grep -laF -f "$work/patterns" /proc/[0-9]*/environ /proc/[0-9]*/cmdline
    timeout 10 grep -laF -f "$work/patterns" "$mount"/errors/last "$mount"/applications/"$two"/metadata "$mount"/applications/"$two"/events \
        "$mount"/labels/db/1/metadata "$mount"/labels/db/1/definition.yml
    api GET 'events?since=0&follow=false' | grep -aF -f "$work/patterns"
}
search >"$work/leaks" 2>/dev/null
check_equal "log, tables, agents' files, journals, environments and events hold no secret" "" "$(cat "$work/leaks")"
check "the search finds what is there" grep -rqaF "db.example" "$data/log"

# ---- epochs ------------------------------------------------------------------------------------------------

first=$(aq epochs -o json | jq -r '.[0].name // .data[0].name')
check "its key is in the keyring" test -s "$data/keyring/$first"
check_equal "which only root reads" "700 600" "$(stat -c %a "$data/keyring") $(stat -c %a "$data/keyring/$first")"
check "a new epoch begins" aq epochs create
is_gone() {
    ! [ -e "$data/keyring/$first" ] && [ "$(api_field '.data | length' epoch/)" = 1 ]
}
check "what lives is taken over, the old one ends and its key is deleted" wait_for 30 is_gone
four=$(application_create db:1)
check "the label's secret can be read as before" wait_for 20 output_is "$four" "$(sum "$label_secret")"
check_equal "the proof of the log needs no key" 200 "$(api_code GET log/verify)"
api POST "application/$two/deallocate" >"$work/answer"
secrets_are_gone() {
    ! ls -d "$memory"/*/"$resource"
}
check "with the workload, its secrets leave the node" wait_for 20 secrets_are_gone

# ---- a lost keyring ---------------------------------------------------------------------------------------

printf 'a passphrase of many words\n' >"$work/passphrase"
check "the keyring is saved with a passphrase" "$BUILD/aq-controller" --config /dev/null --set data="$data" --keyring-save "$work/saved" --passphrase "$work/passphrase"
stop controller
mv "$data/keyring" "$work/keyring"
controller_start
is_lost() {
    [ "$(api_field '.data[0].lost' epoch/)" = true ]
}
check "a lost keyring is noticed" wait_for 20 is_lost
check "the journal names the labels and applications whose secrets are lost" grep -q 'secrets of these cannot be read.*labels=.*db:1, db:2.* applications=' "$work/controller.log"
check_match "what is lost is named" '*label db, version 1, has lost its secrets, which are metadata.password, definitions?0?.authentication.password*' \
    "$(api POST application/ '{"label": "db:1"}' | jq -r .message)"
check "what runs goes on" application_is ALLOCATED "$one"
lost="its secrets cannot be read: the key of epoch * is not in the keyring"
check_match "and says so" "$lost; it runs on *" "$(api_field .data.description "application/$one")"
check_match "in its file, too" "$lost; it runs on *" "$(cat "$mount/applications/$one/description")"
check_match "its label says what helps" "$lost; load the backup *" "$(aq label db:1 remark)"
label_create plain process '{"command": ["sleep", "1000"]}' '{"slots": 1}'
plain=$(application_create plain)
check "and the cluster lives on" wait_for 20 application_is ALLOCATED "$plain"
check "new secrets can be given" aq labels create -f "$work/changed.yml"
five=$(application_create db)
check "and read" wait_for 20 output_is "$five" "$(sum "$label_secret-2")"
load() { # FILE: with its passphrase
    "$BUILD/aq-controller" --config /dev/null --set data="$data" --keyring-load "$work/saved" --passphrase "$1"
}
check_fails "nothing is loaded while the controller runs" load "$work/passphrase"
stop controller
printf 'another passphrase\n' >"$work/wrong"
check_fails "a wrong passphrase opens nothing" load "$work/wrong"
check_equal "the right one does, with the spare key" "2 keys, 2 of them new" "$(load "$work/passphrase")"
controller_start
is_back() {
    [ "$(api_field '[.data[] | select(.lost)] | length' epoch/)" = 0 ]
}
check "a key that is there again is noticed" wait_for 20 is_back
six=$(application_create db:1)
check "and opens what it did" wait_for 20 output_is "$six" "$(sum "$label_secret")"
finish
