#!/bin/sh
# Who may do what: every REST route and every file, with every role, in the cluster and in a project, against tables that are written
# out in full.
. "$(dirname "$0")/lib.sh"

cluster_start 1 --set api.tls.address=127.0.0.1 --set api.tls.port=0 # so that there is an authority to tell of
node=$(agent_name 1)
epoch=$(api POST epoch/ '{}' | jq -r .data.name)
fs_start
view=$mount
label_create quick test '{}' '{"slots": 1}'
labeller="label.*" nobody=cluster.read
api POST role/ "[{\"name\": \"labeller\", \"may\": [\"$labeller\"]}, {\"name\": \"nobody\", \"may\": [\"$nobody\"]}]" >"$work/answer"
roles="admin operator user viewer labeller nobody"
uid=61000
for role in $roles; do
    uid=$((uid + 1))
    api POST user/ "{\"name\": \"$role-1\", \"role\": \"$role\", \"uid\": $uid}" | jq -r .data.token >"$work/token.$role"
done
api POST join_token/ '{"name": "later"}' >"$work/answer"
application_create quick '{"secret": "others"}' >"$work/others"
others=$(cat "$work/others")

# Those who have a role in the project web, and none in the cluster but that of everybody.
api POST project/ '[{"name": "web"}, {"name": "db"}]' >"$work/answer"
for member in worker:user watcher:viewer lead:admin extra:user; do
    uid=$((uid + 1))
    api POST user/ "{\"name\": \"${member%:*}-1\", \"role\": \"${member#*:}\", \"project\": \"web\", \"uid\": $uid}" |
        jq -r .data.token >"$work/token.${member%:*}"
done
api POST label/ '{"name": "page", "project": "web", "definitions": [{"driver": "test", "options": {}, "resources": {"slots": 1}}]}' |
    jq .data.id >"$work/page"
api POST application/ '{"label": "page", "project": "web", "metadata": {"secret": "web"}}' | jq .data.id >"$work/web"
page=$(cat "$work/page")
web=$(cat "$work/web")
extra=$(api_field .data.id membership/web:extra-1)
roles="$roles worker watcher lead"

as() { # ROLE METHOD PATH [BODY]: prints the status
    printf 'user = "%s-1:%s"\n' "$1" "$(cat "$work/token.$1")" |
        curl -s -m 20 -K - -X "$2" ${4+--data-binary "$4"} -o "$work/body" -w '%{http_code}' "http://127.0.0.1:$api_port/$3"
}

# Those who may create an application have one of their own: members in their project.
for role in $roles; do
    case $role in
    worker | watcher | lead) as "$role" POST api/v1/application/ '{"label": "quick", "project": "web"}' ;;
    *) as "$role" POST api/v1/application/ '{"label": "quick"}' ;;
    esac >"$work/code.$role"
    jq -r '.data.id // 0' "$work/body" >"$work/own.$role"
done
check "what runs has a resource" wait_for 20 application_is ALLOCATED "$others"
check "in the project, too" wait_for 20 application_is ALLOCATED "$web"
check "and so has what the user created" wait_for 20 application_is ALLOCATED "$(cat "$work/own.user")"

for application in "$others" "$web"; do
    api POST task/ "{\"application\": $application, \"kind\": \"snapshot\"}" | jq .data.id >"$work/task.$application"
done

# y: it may. n: it may not, whatever the row (403). -: such a row is not there for it (404). Writes are dry runs, and lack what they need.
# A session is only looked for when the query is right, and sessions know no dry run (400).
# The last three have a role in the project web: for them, and for {web}, the row is one of web.
cat >"$work/routes" <<X
GET    api/v1/me                              y y y y y y  y y y
GET    api/v1/me/can                          y y y y y y  y y y
GET    api/v1/authority                       y y y y y y  y y y
GET    api/v1/events?since=1&follow=false     y y y y y n  y y y
GET    api/v1/log/verify                      y y n n n n  n n n
GET    api/v1/vote                            y y y y n n  y y y
GET    api/v1/votes                           y y y y n n  y y y
GET    api/v1/vote?application=OTHERS         y y - y n n  - y y
GET    api/v1/application/                    y y y y n n  y y y
POST   api/v1/application/                    y y y n n n  y n y
GET    api/v1/application/{id}                y y - y n n  - y y
GET    api/v1/application/{id}/status         y y - y n n  - y y
GET    api/v1/application/{id}/metadata       y y - y n n  - y y
GET    api/v1/application/{id}/user           y y - y n n  - - -
GET    api/v1/application/{id}/why            y y - y n n  - y y
GET    api/v1/application/{id}/events         y y - y n n  - y y
GET    api/v1/application/{id}/log            y - - y n n  - y y
POST   api/v1/application/{id}/deallocate     y - - n n n  - n y
POST   api/v1/application/{id}/extend         y - - n n n  - n y
GET    api/v1/resource/                       y y y y n n  y y y
GET    api/v1/resource/{id}                   y y - y n n  - y y
GET    api/v1/resource/{id}/node              y y - y n n  - - -
GET    api/v1/resource/{id}/load              y y - y n n  - y y
GET    api/v1/resource/{id}/log               y - - y n n  - y y
POST   api/v1/resource/{id}/exec              y - - n n n  - n y
GET    api/v1/resource/{id}/exec/{session}    - - - n n n  - n -
POST   api/v1/resource/{id}/exec/{session}    y - - n n n  - n y
DELETE api/v1/resource/{id}/exec/{session}    y - - n n n  - n y
GET    api/v1/task/                           y y y y n n  y y y
POST   api/v1/task/                           y y y n n n  y n y
GET    api/v1/task/{id}                       y y - y n n  - y y
GET    api/v1/task/{id}/status                y y - y n n  - y y
POST   api/v1/task/{id}/cancel                y - - n n n  - n y
GET    api/v1/node/                           y y y y n n  n n n
GET    api/v1/node/{name}                     y y y y n n  n n n
GET    api/v1/node/{name}/load                y y y y n n  n n n
GET    api/v1/node/{name}/status              y y y y n n  n n n
DELETE api/v1/node/{name}                     y y n n n n  n n n
POST   api/v1/node/{name}/maintenance         y y n n n n  n n n
POST   api/v1/node/{name}/drain               y y n n n n  n n n
POST   api/v1/node/{name}/quarantine          y y n n n n  n n n
POST   api/v1/node/{name}/projects            y y n n n n  n n n
POST   api/v1/node/{name}/revoke              y y n n n n  n n n
GET    api/v1/join_token/                     y y n y n n  n n n
POST   api/v1/join_token/                     y y n n n n  n n n
GET    api/v1/join_token/{id}                 y y n y n n  n n n
POST   api/v1/join_token/{id}/revoke          y y n n n n  n n n
GET    api/v1/label/                          y y y y y n  y y y
POST   api/v1/label/                          y y n n y n  n n y
POST   api/v1/label/apply                     y y n n y n  n n y
GET    api/v1/label/{id}                      y y y y y n  y y y
GET    api/v1/label/{id}/name                 y y y y y n  y y y
DELETE api/v1/label/{id}                      y y n n y n  n n -
GET    api/v1/label/{web}                     y y y y y n  y y y
DELETE api/v1/label/{web}                     y y n n y n  n n y
GET    api/v1/project/                        y y y y n n  y y y
POST   api/v1/project/                        y n n n n n  n n n
GET    api/v1/project/{name}                  y y y y n n  y y y
GET    api/v1/project/{name}/used             y y y y n n  y y y
POST   api/v1/project/{name}                  y n n n n n  n n n
DELETE api/v1/project/{name}                  y n n n n n  n n n
GET    api/v1/membership/                     y y n y n n  n y y
POST   api/v1/membership/                     y n n n n n  n n y
GET    api/v1/membership/{id}                 y y n y n n  n y y
POST   api/v1/membership/{id}                 y n n n n n  n n y
DELETE api/v1/membership/{id}                 y n n n n n  n n y
GET    api/v1/user/                           y y y y n n  y y y
POST   api/v1/user/                           y n n n n n  n n n
GET    api/v1/user/{name}                     y y - y n n  - - -
POST   api/v1/user/{name}                     y n n n n n  n n n
DELETE api/v1/user/{name}                     y n n n n n  n n n
GET    api/v1/user/{name}/role                y y - y n n  - - -
GET    api/v1/user/{name}/can                 y y - y n n  - - -
POST   api/v1/user/{name}/token               y - - - n n  - - -
POST   api/v1/user/{name}/uid                 y n n n n n  n n n
GET    api/v1/token/                          y y y y n n  y y y
POST   api/v1/token/                          y y y y n n  y y y
GET    api/v1/token/{id}                      y - - y n n  - - -
GET    api/v1/token/{id}/only                 y - - y n n  - - -
DELETE api/v1/token/{id}                      y - - - n n  - - -
GET    api/v1/role/                           y y y y n n  y y y
POST   api/v1/role/                           y n n n n n  n n n
GET    api/v1/role/{name}                     y y y y n n  y y y
POST   api/v1/role/{name}                     y n n n n n  n n n
DELETE api/v1/role/{name}                     y n n n n n  n n n
GET    api/v1/role/{name}/may                 y y y y n n  y y y
GET    api/v1/role/{name}/can                 y y y y n n  y y y
GET    api/v1/epoch/                          y n n y n n  n n n
POST   api/v1/epoch/                          y n n n n n  n n n
GET    api/v1/epoch/{name}                    y n n y n n  n n n
X

fill() { # PATH APPLICATION PROJECT: with rows of others
    case $1 in
    */application/*) printf %s "$1" | sed "s/{id}/$2/" ;;
    */task/*) printf %s "$1" | sed "s/{id}/$(cat "$work/task.$2")/" ;;
    */resource/*) printf %s "$1" | sed "s/{id}/$(api_field .data.resource "application/$2")/; s/{session}/1/" ;;
    */node/*) printf %s "$1" | sed "s/{name}/$node/" ;;
    */user/*) printf %s "$1" | sed "s/{name}/admin/" ;;
    */project/*) printf %s "$1" | sed "s/{name}/$3/" ;;
    */role/*) printf %s "$1" | sed "s/{name}/labeller/" ;;
    */epoch/*) printf %s "$1" | sed "s/{name}/$epoch/" ;;
    */membership/*) printf %s "$1" | sed "s/{id}/$extra/" ;;
    *) printf %s "$1" | sed "s/{id}/1/; s/{web}/$page/; s/OTHERS/$2/" ;;
    esac
}

body_of() { # PATH
    case $1 in
    */extend) echo '{"by": 60}' ;;
    */application/) echo '{"project": "web"}' ;;
    */membership/*[0-9]) echo '{"role": "viewer"}' ;;
    *) echo '{}' ;;
    esac
}

answer_of() { # ROLE METHOD PATH
    local code
    case $2 in
    GET) code=$(as "$1" GET "$3") ;;
    *) code=$(as "$1" "$2" "$3?dry_run=true" "$(body_of "$3")") ;;
    esac
    case $code in
    403) echo n ;;
    404) echo - ;;
    200 | 400 | 409) echo y ;;
    *) echo "$code" ;;
    esac
}

while read -r method path expected; do
    filled=$(fill "$path" "$others" default)
    for role in $roles; do
        case $role in
        worker) filled=$(fill "$path" "$web" web) ;;
        esac
        answer_of "$role" "$method" "$filled"
    done | tr '\n' ' ' >"$work/got"
    # shellcheck disable=SC2086 # one space between words
    check_equal "$method $path" "$(echo $expected) " "$(cat "$work/got")"
done <"$work/routes"

# ---- rows of other projects are not there ---------------------------------------------------------------------

grep '/\(application\|resource\|task\|project\)/{' "$work/routes" | grep -v 'exec/{session}' | while read -r method path expected; do
    filled=$(fill "$path" "$others" default)
    for role in worker watcher lead; do
        case $(answer_of "$role" "$method" "$filled") in
        n | -) ;;
        *) echo "$role $method $filled" ;;
        esac
    done
done >"$work/reached"
check_equal "members reach nothing of other projects" "" "$(cat "$work/reached")"
for role in worker watcher lead; do
    check_equal "the $role is told of others' rows as of none" \
        "$(as "$role" GET api/v1/application/4711 >"$work/code" && sed 's/4711/N/g' "$work/body" | jq -r .message)" \
        "$(as "$role" GET "api/v1/application/$others" >"$work/code" && sed "s/\\b$others\\b/N/g" "$work/body" | jq -r .message)"
    check_equal "and of others' projects" "there is no project db / there is no project nil" \
        "$(as "$role" GET api/v1/project/db >"$work/code" && jq -r .message "$work/body") / $(as "$role" GET api/v1/project/nil >"$work/code" && jq -r .message "$work/body")"
done

# ---- no route is left out -----------------------------------------------------------------------------------

curl -s "http://127.0.0.1:$api_port/api/v1/openapi.json" >"$work/openapi"
jq -r '.paths | to_entries[] | .key as $path | .value | to_entries[] | "\(.key | ascii_upcase) \($path | ltrimstr("/")) \(.value["x-permission"] // "-")"' \
    "$work/openapi" >"$work/described"
# Fields of a row are read as the row is; the table has one or two of each entity.
grep -v ' \(livez\|readyz\|meta/\|metrics\|api/v1/openapi\)' "$work/described" | while read -r method path permission; do
    case $permission in
    *.read) [ "$(printf %s "$path" | tr -dc / | wc -c)" -gt 3 ] && continue ;;
    esac
    sed 's/?[^ ]*//' "$work/routes" | awk -v m="$method" -v p="$path" '$1 == m && $2 == p {found = 1} END {exit !found}' ||
        echo "$method $path"
done >"$work/missing"
check_equal "every route is in the table" "" "$(cat "$work/missing")"
check_equal "and says which permission it takes" "api/v1/authority api/v1/events api/v1/me api/v1/me/can " \
    "$(grep -v ' \(livez\|readyz\|meta/\|api/v1/openapi\)' "$work/described" | awk '$3 == "-" {print $2}' | sort | tr '\n' ' ')"

# ---- one's own ----------------------------------------------------------------------------------------------

own=$(cat "$work/own.user")
for part in "" /status /why /events; do
    check_equal "the user reads its own$part" 200 "$(as user GET "api/v1/application/$own$part")"
done
check_equal "and lists it alone" "[$own]" "$(as user GET api/v1/application/ >"$work/code" && jq -c '[.data[].id]' "$work/body")"
check_equal "ends it" 200 "$(as user POST "api/v1/application/$own/deallocate")"
check_equal "a guessed number is told as a free one" "404 404" \
    "$(as user GET "api/v1/application/$others") $(as user GET api/v1/application/4711)"
check_equal "its own account" 200 "$(as user GET api/v1/user/user-1)"
check_equal "and its rights" 200 "$(as user GET api/v1/user/user-1/can)"
check_equal "nobody sees itself, too" "nobody-1" "$(as nobody GET api/v1/me >"$work/code" && jq -r .data.name "$work/body")"
check_equal "and what it may" '["cluster.read"]' "$(as nobody GET api/v1/me/can >"$work/code" && jq -c .data "$work/body")"

# Events are those of entities whose events the reader may see.
kinds() { # ROLE
    as "$1" GET 'api/v1/events?since=0&follow=false' >"$work/code"
    sed -n 's/^data: //p' "$work/body" | jq -r .entity | sort -u | tr '\n' ' '
}
check_equal "admin sees all events" "application epoch join_token label membership node project resource role task user " "$(kinds admin)"
check_equal "labeller those of labels" "label " "$(kinds labeller)"
check_equal "user those of its own rows" "application resource " "$(kinds user)"
check_equal "and no others" "$(cat "$work/own.user")" "$(sed -n 's/^data: //p' "$work/body" | jq -r 'select(.entity == "application") | .data.id' | sort -u)"
check_equal "operator not those of users" "application join_token label node resource role task " "$(kinds operator)"

# ---- files --------------------------------------------------------------------------------------------------

# r: it reads (or lists), w: it may write, -: neither; .: it is not there.
cat >"$work/files" <<X
README                              r  r  r  r  r  r    r  r  r
errors/last                         r  r  r  r  r  r    r  r  r
events                              r  -  -  r  -  -    -  -  -
cluster/seq                         r  r  r  r  .  r    r  r  r
cluster/leader                      r  r  r  r  .  r    r  r  r
applications                        r  r  r  r  -  -    r  r  r
applications/new                    rw rw rw -  -  -    rw -  rw
applications/OTHERS                 r  r  .  r  .  .    .  .  .
applications/OTHERS/status          r  r  .  r  .  .    .  .  .
applications/OTHERS/metadata        r  r  .  r  .  .    .  .  .
applications/OTHERS/why             r  r  .  r  .  .    .  .  .
applications/OTHERS/events          r  r  .  r  .  .    .  .  .
applications/OTHERS/log             r  -  .  r  .  .    .  .  .
applications/OTHERS/deallocate      rw -  .  -  .  .    .  .  .
applications/OTHERS/extend          rw -  .  -  .  .    .  .  .
applications/WEB                    r  r  .  r  .  .   .  r  r
applications/WEB/status             r  r  .  r  .  .   .  r  r
applications/WEB/why                r  r  .  r  .  .   .  r  r
applications/WEB/events             r  r  .  r  .  .   .  r  r
applications/WEB/log                r  -  .  r  .  .   .  r  r
applications/WEB/deallocate         rw -  .  -  .  .   .  -  rw
resources                           r  r  r  r  -  -    r  r  r
tasks                               r  r  r  r  -  -    r  r  r
tasks/new                           rw rw rw -  -  -    rw -  rw
tasks/1/status                      r  r  .  r  .  .    .  .  .
tasks/1/cancel                      rw -  .  -  .  .    .  .  .
nodes                               r  r  r  r  -  -    -  -  -
nodes/NODE/status                   r  r  r  r  .  .    .  .  .
nodes/NODE/load                     r  r  r  r  .  .    .  .  .
nodes/NODE/live/cpu                 r  r  r  r  .  .    .  .  .
nodes/NODE/maintenance              rw rw r  r  .  .    .  .  .
nodes/NODE/drain                    rw rw -  -  .  .    .  .  .
nodes/NODE/quarantine               rw rw -  -  .  .    .  .  .
nodes/NODE/projects                 rw rw r  r  .  .    .  .  .
nodes/NODE/delete                   rw rw -  -  .  .    .  .  .
nodes/NODE/revoke                   rw rw -  -  .  .    .  .  .
join-tokens                         r  r  -  r  -  -    -  -  -
join-tokens/new                     rw rw -  -  -  -    -  -  -
join-tokens/1/name                  r  r  .  r  .  .    .  .  .
join-tokens/1/revoke                rw rw .  -  .  .    .  .  .
labels                              r  r  r  r  r  -    r  r  r
labels/new                          rw rw -  -  rw -    -  -  rw
labels/apply                        rw rw -  -  rw -    -  -  rw
labels/quick                        r  r  r  r  r  .    r  r  r
labels/quick/1/name                 r  r  r  r  r  .    r  r  r
labels/quick/1/definition.yml       r  r  r  r  r  .    r  r  r
labels/quick/1/delete               rw rw -  -  rw .    -  -  -
labels/page                         r  r  r  r  r  .   r  r  r
labels/page/1/name                  r  r  r  r  r  .   r  r  r
labels/page/1/delete                rw rw -  -  rw .   -  -  rw
projects                            r  r  r  r  -  -    r  r  r
projects/new                        rw -  -  -  -  -    -  -  -
projects/default/used               r  r  r  r  .  .    .  .  .
projects/default/update             rw -  -  -  .  .    .  .  .
projects/default/delete             rw -  -  -  .  .    .  .  .
projects/web/used                   r  r  r  r  .  .   r  r  r
projects/web/update                 rw -  -  -  .  .   -  -  -
projects/web/delete                 rw -  -  -  .  .   -  -  -
memberships                         r  r  -  r  -  -   -  r  r
memberships/new                     rw -  -  -  -  -   -  -  rw
memberships/EXTRA/created_at        r  r  .  r  .  .   .  r  r
memberships/EXTRA/update            rw -  .  -  .  .   .  -  rw
memberships/EXTRA/delete            rw -  .  -  .  .   .  -  rw
users                               r  r  r  r  -  -    r  r  r
users/new                           rw -  -  -  -  -    -  -  -
users/admin/role                    r  r  .  r  .  .    .  .  .
users/admin/can                     r  r  .  r  .  .    .  .  .
users/admin/uid                     rw r  .  r  .  .    .  .  .
users/admin/token                   rw -  .  -  .  .    .  .  .
users/admin/update                  rw -  .  -  .  .    .  .  .
users/admin/delete                  rw -  .  -  .  .    .  .  .
tokens                              r  r  r  r  -  -    r  r  r
tokens/new                          rw rw rw rw -  -    rw rw rw
tokens/1/name                       r  .  .  r  .  .    .  .  .
tokens/1/only                       r  .  .  r  .  .    .  .  .
tokens/1/live/used_at               r  .  .  r  .  .    .  .  .
tokens/1/delete                     rw .  .  -  .  .    .  .  .
roles                               r  r  r  r  -  -    r  r  r
roles/new                           rw -  -  -  -  -    -  -  -
roles/labeller/may                  r  r  r  r  .  .    r  r  r
roles/labeller/can                  r  r  r  r  .  .    r  r  r
roles/labeller/update               rw -  -  -  .  .    -  -  -
roles/labeller/delete               rw -  -  -  .  .    -  -  -
X

# Opens each file of the list for reading and for writing, without writing anything.
cat >"$work/touch.sh" <<'X'
cd "$1" || exit
while read -r path; do
    said=
    if [ ! -e "$path" ]; then
        echo .
        continue
    fi
    if [ -d "$path" ]; then
        ls "$path" >/dev/null 2>&1 && said=r
    else
        (exec 3<"$path") 2>/dev/null && said=r
        case $path in
        *new | *apply | *update | *delete | *token | *uid | *revoke | *deallocate | *cancel | *extend | *maintenance | *drain | *quarantine | */projects)
            (exec 3>>"$path") 2>/dev/null && said=${said}w ;;
        esac
    fi
    echo "${said:--}"
done
X
chmod 644 "$work/touch.sh"
chmod 711 "$work"
sed "s/OTHERS/$others/; s/NODE/$node/; s/WEB/$web/; s/EXTRA/$extra/" "$work/files" >"$work/files.here"
uid=61000
for role in $roles; do
    uid=$((uid + 1))
    awk '{print $1}' "$work/files.here" | setpriv --reuid "$uid" --regid 65534 --clear-groups sh "$work/touch.sh" "$view" \
        >"$work/files.$role" 2>"$work/files.err"
done
(cd "$work" && paste -d ' ' files.admin files.operator files.user files.viewer files.labeller files.nobody files.worker \
    files.watcher files.lead) >"$work/files.got"
awk '{print $1}' "$work/files" | paste -d ' ' - "$work/files.got" >"$work/files.both"
while read -r path got; do
    check_equal "file $path" "$(awk -v p="$path" '$1 == p {$1 = ""; sub(/^ /, ""); print}' "$work/files")" "$got"
done <"$work/files.both"

# ---- roles in a project ---------------------------------------------------------------------------------------

ids() { # ROLE ENTITY
    as "$1" GET "api/v1/$2/" >"$work/code" && jq -c '[.data[] | .id // .name]' "$work/body"
}
mine=$(cat "$work/own.worker")
check_equal "a watcher lists all applications of its project" "[$web,$mine,$(cat "$work/own.lead")]" "$(ids watcher application)"
check_equal "a worker its own" "[$mine]" "$(ids worker application)"
check_equal "page by page" "[$mine]" \
    "$(as watcher GET "api/v1/application/?after=$web&limit=1" >"$work/code" && jq -c '[.data[].id]' "$work/body")"
check_equal "and only what is open" "[$web,$mine,$(cat "$work/own.lead")]" \
    "$(as watcher GET 'api/v1/application/?status=NEW,ELECTED,ALLOCATED,DEALLOCATE' >"$work/code" && jq -c '[.data[].id]' "$work/body")"
check_equal "its project alone" '["web"]' "$(ids watcher project)"
check_equal "labels of all, and of its project" "[1,$page]" "$(ids worker label)"
check_equal "its own membership" web "$(as worker GET api/v1/me >"$work/code" && jq -r '.data.memberships[].project' "$work/body")"
check_equal "or all of the project" 4 "$(as watcher GET api/v1/membership/ >"$work/code" && jq '.data | length' "$work/body")"
check_equal "an application that names no project belongs to the only one" 200 "$(as worker POST 'api/v1/application/?dry_run=true' '{"label": "quick"}')"
check_match "in which its user may create any" '*"project":"web"*' "$(jq -c . "$work/body")"
check_equal "a project of others is not there" 400 "$(as worker POST api/v1/application/ '{"label": "quick", "project": "db"}')"
check_equal "the lead ends what others run" 200 "$(as lead POST "api/v1/application/$mine/deallocate")"
check_equal "the lead makes a member" 200 "$(as lead POST api/v1/membership/ '{"project": "web", "user": "nobody-1", "role": "viewer"}')"
check_equal "who sees the project at once" 200 "$(as nobody GET "api/v1/application/$web")"
check_equal "elsewhere it makes none" 400 "$(as lead POST api/v1/membership/ '{"project": "db", "user": "nobody-1", "role": "viewer"}')"
api POST role/ '{"name": "gate", "may": ["membership.*", "project.read"]}' >"$work/answer"
api POST user/ '{"name": "gate-1", "role": "gate", "project": "web"}' | jq -r .data.token >"$work/token.gate"
check_equal "nobody gives more than they have there" 403 "$(as gate POST api/v1/membership/ '{"project": "web", "user": "user-1", "role": "user"}')"
check_match "and is told why" '*gives application.read in project web, which gate-1 does not have there*' "$(jq -r .message "$work/body")"
check_equal "nor takes more" 403 "$(as gate DELETE api/v1/membership/web:lead-1)"

printf 'user = "nobody-1:%s"\n' "$(cat "$work/token.nobody")" >"$work/curlrc"
start members curl -sN -K "$work/curlrc" -o "$work/members" "http://127.0.0.1:$api_port/api/v1/events?entity=application"
check "a stream is open" wait_for 30 grep -q retry "$work/members"
application_create quick '{"note": "elsewhere"}' >"$work/answer"
api POST application/ '{"label": "page", "project": "web", "metadata": {"note": "inside"}}' >"$work/answer"
check "it shows what happens in the project" wait_for 30 grep -q inside "$work/members"
check_fails "and nothing of others" grep -q elsewhere "$work/members"
check_equal "a member leaves by the lead" 200 "$(as lead DELETE api/v1/membership/web:nobody-1)"
check "its stream ends" wait_for 30 not running members
check_equal "and its rights" 403 "$(as nobody GET "api/v1/application/$web")"

# ---- tokens of one project --------------------------------------------------------------------------------------

as user POST api/v1/token/ '{"name": "ci", "project": "web", "only": ["application.create", "application.deallocate", "application.read"]}' >"$work/code"
jq -r .data.token "$work/body" >"$work/ci"
ci() { # METHOD PATH [BODY]
    printf 'header = "Authorization: Bearer %s"\n' "$(cat "$work/ci")" |
        curl -s -m 20 -K - -X "$1" ${3+-H 'Content-Type: application/json' --data-binary "$3"} -o "$work/body" -w '%{http_code}' "http://127.0.0.1:$api_port/$2"
}
check_equal "with it, applications belong to the project" web \
    "$(ci POST api/v1/application/ '{"label": "quick"}' >"$work/code" && jq -r .data.project "$work/body")"
check_equal "to no other" 400 "$(ci POST api/v1/application/ '{"label": "quick", "project": "default"}')"
check_equal "the user's others are not there" 404 "$(ci GET "api/v1/application/$(cat "$work/own.user")")"
check_equal "nor are tokens made with it" 403 "$(ci POST api/v1/token/ '{"name": "more"}')"

# ---- nobody gives more than they have -------------------------------------------------------------------------

api POST role/ '{"name": "clerk", "may": ["user.*", "role.*", "label.read"]}' >"$work/answer"
api POST user/ '{"name": "clerk-1", "role": "clerk"}' | jq -r .data.token >"$work/token.clerk"
check_equal "a clerk makes no admin" 403 "$(as clerk POST api/v1/user/ '{"name": "eve", "role": "admin"}')"
check_match "and is told why" '*the role admin gives application.read for all rows, which clerk-1 does not have*' "$(jq -r .message "$work/body")"
check_equal "nor a role with more" 403 "$(as clerk POST api/v1/role/ '{"name": "more", "may": ["label.*"]}')"
check_equal "but one with less" 200 "$(as clerk POST api/v1/role/ '{"name": "less", "may": ["label.read", "user.read:own"]}')"
check_equal "and a user of it" 200 "$(as clerk POST api/v1/user/ '{"name": "eve", "role": "less"}')"
check_equal "takes no token of admin" 403 "$(as clerk POST api/v1/user/admin/token)"
check_equal "makes no uid admin" 403 "$(as clerk POST api/v1/user/admin/uid '{"uid": 4242}')"
check_equal "deletes no admin" 403 "$(as clerk DELETE api/v1/user/admin-1)"
check_equal "makes itself no admin" 403 "$(as clerk POST api/v1/user/clerk-1 '{"role": "admin", "max_applications": 0}')"
check_equal "nor its role more" 403 "$(as clerk POST api/v1/role/clerk '{"may": ["*"]}')"
check_equal "a built-in role stays" 409 "$(api_code POST role/viewer '{"may": ["*"]}')"
check_equal "and is not deleted" 409 "$(api_code DELETE role/user)"
check_equal "a role in use is not deleted" 409 "$(api_code DELETE role/less)"
check_match "and says by whom" '*user eve has the role less*' "$(jq -r .message "$work/answer")"
check_equal "admin stays admin" 409 "$(api_code POST user/admin '{"role": "user", "max_applications": 0}')"
check_equal "a pattern that permits nothing is refused" 400 "$(api_code POST role/ '{"name": "x", "may": ["label.lend"]}')"
check_match "with what would be right" '*the verbs of label are read, list, events*' "$(jq -r .message "$work/answer")"
check_equal "an unknown role is refused" 400 "$(api_code POST user/ '{"name": "x", "role": "king"}')"

# ---- a role that changes ------------------------------------------------------------------------------------

printf 'user = "labeller-1:%s"\n' "$(cat "$work/token.labeller")" >"$work/curlrc"
start stream curl -sN -K "$work/curlrc" -o "$work/stream" "http://127.0.0.1:$api_port/api/v1/events?entity=label"
check "a stream is open" wait_for 10 grep -q retry "$work/stream"
label_create first test '{}' '{}'
check "an open stream shows what it may" wait_for 10 grep -q '"first"' "$work/stream"
api POST role/labeller '{"may": ["label.read"]}' >"$work/answer"
label_create second test '{}' '{}'
check "and ends with the right" wait_for 10 not running stream
check_fails "without what came after" grep -q '"second"' "$work/stream"
check_equal "the next command is refused" 403 "$(as labeller POST 'api/v1/label/?dry_run=true' '{}')"
check_equal "and the next list" 403 "$(as labeller GET api/v1/label/)"

# ---- aq can -------------------------------------------------------------------------------------------------

check_equal "aq can, for oneself" "yes" "$(aq can label.create)"
check_equal "for another" "no 1" "$(aq can user-1 label.create | tr "\n" " "; aq can user-1 label.create >"$work/no" || echo $?)"
check_equal "with rows of its own" "yes, with rows of its own" "$(aq can user-1 application.deallocate)"
check_equal "all of it" "cluster.read" "$(aq can nobody-1)"
check_equal "of a role" "label.read" "$(aq roles can labeller)"
check_match "as JSON" '*"rows": "own"*' "$(aq can user-1 application.read -o json)"
check_match "no such permission" '*there is no permission "label.lend"*' "$(aq can user-1 label.lend 2>&1)"
check_equal "in a project" "yes" "$(aq can lead-1 membership.create --project web)"
check_equal "and not in another" "no" "$(aq can lead-1 membership.create --project db)"
check_equal "in which ones" "yes, in project web" "$(aq can lead-1 membership.create)"
check_match "all of it" '*application.read in web*' "$(aq can watcher-1)"
check_match "in the project" '*application.read*' "$(aq can watcher-1 --project web)"
check_match "not in one that is not there" '*there is no project nil' "$(aq can watcher-1 --project nil 2>&1)"
check_equal "which one of others is not, either" 404 "$(as watcher GET 'api/v1/me/can?project=db')"
check_equal "and its own is" 200 "$(as watcher GET 'api/v1/me/can?project=web')"
check_match "a user for one project" '*bot-9*' "$(aq users create bot-9 --role user --project web --max-applications 20 2>&1)"
check_equal "has nothing elsewhere" "member web" "$(aq users get bot-9 -o json | jq -r '"\(.role) \(.memberships[0].project)"')"
check_equal "members by name" "membership web:watcher-1 updated" "$(aq memberships update web:watcher-1 --role user 2>&1 | head -n 1)"
check_equal "a word names both" "membership db:user-1 created" "$(aq memberships create db:user-1 --role viewer 2>&1 | head -n 1)"
check_equal "and is taken away by it" "membership db:user-1 deleted" "$(aq memberships delete db:user-1 2>&1 | head -n 1)"
check_equal "roles are made with flags" "role bosun created" "$(aq roles create bosun --may 'node.*' 2>&1 | head -n 1)"

finish
