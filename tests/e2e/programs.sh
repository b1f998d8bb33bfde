#!/bin/sh
# Drivers that are programs: found in their directory, used by labels like others, killed, adopted by the next agent; and those
# that cannot be used, with the reason.
. "$(dirname "$0")/lib.sh"

drivers=$work/drivers
mkdir "$drivers"
cp tools/examples/drivers/aq-driver-shell tools/examples/drivers/aq-driver-python "$BUILD/aq-output" "$BUILD/aq-lease" "$drivers"
printf '#!/bin/sh\nexec sleep 1000\n' >"$drivers/aq-driver-silent"
printf '#!/bin/sh\necho nonsense\nexec sleep 1000\n' >"$drivers/aq-driver-liar"
printf '#!/bin/sh\necho no hypervisor >&2\nexit 3\n' >"$drivers/aq-driver-dead"
printf '#!/bin/sh\necho "{\\"hello\\":1}"\nyes >&2 &\nexec yes\n' >"$drivers/aq-driver-flood"
printf '#!/bin/sh\necho "{\\"hello\\":1}"\nexec cat >/dev/null\n' >"$drivers/aq-driver-plain"
printf '#!/bin/sh\n' >"$drivers/aq-driver-open"
printf '#!/bin/sh\n' >"$drivers/aq-driver-process"
chmod 755 "$drivers"/aq-driver-*
chmod 777 "$drivers/aq-driver-open"
ln -s aq-driver-shell "$drivers/aq-driver-link"

controller_start
node=$(agent_name 1)
agent_start "$node" --set drivers_dir="$drivers" --set capacity.ram=1GiB --set capacity.slots=16
wait_for 20 nodes_are_active 1 || die "the agent does not join"
AQ_SERVER="http://127.0.0.1:$api_port" AQ_USER=admin AQ_TOKEN="$(cat "$data/admin.token")"
export AQ_SERVER AQ_USER AQ_TOKEN NO_COLOR=1
resource_of() { # APPLICATION
    api_field .data.resource "application/$1"
}
identifier_of() { # RESOURCE
    api_field .data.identifier "resource/$1"
}
program_pid() { # DRIVER: of the program that the agent runs
    local pid
    for pid in $(pgrep -P "$(pid_of "$node")"); do
        ! tr '\0' ' ' <"/proc/$pid/cmdline" | grep -q "aq-driver-$1 \$" || echo "$pid"
    done
}
told() { # TEXT: in the agent's journal
    grep -q "$1" "$work/$node.log"
}

# ---- which there are ----------------------------------------------------------------------------------------

check_equal "the node has the drivers that are programs" "plain process python shell test" \
    "$(api_field '.data.drivers | map(select(. != "container" and . != "flood")) | sort | join(" ")' "node/$node")"
check "and says which options these have" wait_for 10 prints "shell.stop_grace: duration, preset 10: how long it may go on after SIGTERM" \
    api_field '.data.live.driver_options[] | select(startswith("shell.stop_grace"))' "node/$node"
check "one that ends is told of, with its last words" wait_for 10 told 'driver=dead error="it ended with status 3: no hypervisor"'
check "so is one that does not speak the protocol" wait_for 10 told 'driver=liar error="hello: a line is no JSON object'
check "and one that floods" wait_for 10 told 'driver=flood error="it said what cannot be 16 times'
check "one that others may change is not used" told 'driver=open .*others than its owner may write to it (mode 0777)'
check "nor one with the name of a driver that is built in" told 'driver=process .*the agent has a driver of this name built in'
check "nor a symbolic link" told 'driver=link .*symbolic links are not followed'

# ---- workloads ----------------------------------------------------------------------------------------------

label_create inshell shell '{"command": "echo hello from the shell; exec sleep 1000", "stop_grace": "1s"}' '{"slots": 1, "ram": "64MiB"}'
label_create inpython python '{"command": ["sh", "-c", "echo $COLOUR; exec sleep 1000"], "environment": {"COLOUR": "blue it is"}, "stop_grace": 1}'
label_create leased plain '{}' '{"slots": 1, "lease": "10s"}'
label_create wrong shell '{"comand": "true"}'
first=$(application_create inshell)
second=$(application_create inpython)
check "a workload of one in shell runs" wait_for 30 application_is ALLOCATED "$first"
check "and one of one in Python" wait_for 30 application_is ALLOCATED "$second"
check "its output is kept" wait_for 20 prints "hello from the shell" "$BUILD/aq" logs "$first"
check "so is the other's" wait_for 20 prints "blue it is" "$BUILD/aq" logs "$second"
check_equal "commands run in it, if the driver has them" "blue it is" "$("$BUILD/aq" exec "$second" -- sh -c 'cat; echo $COLOUR' </dev/null)"
check_equal "input arrives, and its end" 3 "$(printf 'a\nb\nc\n' | "$BUILD/aq" exec "$second" -- wc -l)"
check_match "if it has none, that is said" '*workloads of driver shell take no commands*' "$("$BUILD/aq" exec "$first" -- true 2>&1)"
refused=$(application_create wrong)
check "a wrong option is refused by the node" wait_for 30 application_is ERROR "$refused"
check_match "with the reason" '*option "comand" is unknown to driver shell, which knows: command, user, stop_grace*' \
    "$(api_field .data.description "application/$refused")"
leased=$(application_create leased)
check "a lease is refused for a driver that keeps none" wait_for 30 application_is ERROR "$leased"
check_match "which is said" '*driver plain keeps no leases*' "$(api_field .data.description "application/$leased")"

# ---- a driver that is killed --------------------------------------------------------------------------------

shell_resource=$(resource_of "$first") python_resource=$(resource_of "$second")
shell_identifier=$(identifier_of "$shell_resource") python_identifier=$(identifier_of "$python_resource")
for driver in shell python; do
    kill -KILL "$(program_pid "$driver")"
done
third=$(application_create inshell)
check "a start waits for a driver that was killed" wait_for 30 application_is ALLOCATED "$third"
check_equal "workloads have not noticed" "ALLOCATED ALLOCATED" "$(application_status "$first") $(application_status "$second")"
"$BUILD/aq" deallocate "$third" >"$work/out"
check "and can be ended" wait_for 30 application_is DEALLOCATED "$third"

# ---- an agent that is killed --------------------------------------------------------------------------------

programs="$(program_pid shell) $(program_pid python) $(program_pid silent)"
kill_hard "$node"
for pid in $programs; do
    check "a program ends with its agent" wait_for 20 not kill -0 "$pid"
done
printf '#!/bin/sh\necho "{\\"hello\\":1}"\nwhile read -r line; do :; done\n' >"$drivers/aq-driver-late"
agent_start "$node" --set drivers_dir="$drivers" --set capacity.ram=1GiB --set capacity.slots=16
wait_for 20 nodes_are_active 1
check "the next agent has adopted them" wait_for 20 told 'a driver program runs driver=python'
check_equal "they are the same" "$shell_identifier $python_identifier" "$(identifier_of "$shell_resource") $(identifier_of "$python_resource")"
check "and run" kill -0 "${shell_identifier#pid }" "${python_identifier#pid }"
for application in "$first" "$second"; do
    "$BUILD/aq" deallocate "$application" >"$work/out"
    check "one is ended" wait_for 30 application_is DEALLOCATED "$application"
done
check_fails "nothing is left of it" kill -0 "${shell_identifier#pid }"
chmod 755 "$drivers/aq-driver-late"
kill -HUP "$(pid_of "$node")"
late_is_there() {
    api_field .data.drivers "node/$node" | grep -q late
}
check "a program that comes later is found on SIGHUP" wait_for 20 late_is_there
chmod 777 "$drivers/aq-driver-late"
rm "$drivers/aq-driver-shell"
kill -HUP "$(pid_of "$node")"
check "one that others may change now is not used any more" wait_for 20 not late_is_there
check "nor one that is gone" wait_for 10 told 'driver=shell error="its file is not there any more"'

finish
