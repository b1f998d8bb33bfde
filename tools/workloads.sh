# Ends the workloads of an agent that does not run, and removes their control groups. Writes nothing to the cluster's log:
# when the agent runs again, it reports that they are gone. Sourced after tools/processes.sh.

# workloads_end NODE DIRECTORY_OF_THE_AGENT: sends SIGTERM to the keepers, which stop their workloads
# (drivers/keeper/keeper.h). Kills what is left after a while. Succeeds if nothing is left.
workloads_end() {
    local waits=100
    workloads_keepers "$2" | while read -r pid; do
        kill -s TERM "$pid" 2>/dev/null
    done
    while [ "$waits" -gt 0 ] && [ -n "$(workloads_keepers "$2")$(workloads_in_groups "$1")" ]; do
        [ "$waits" -gt 60 ] || workloads_kill "$1"
        sleep 0.1
        waits=$((waits - 1))
    done
    workloads_remove_groups "$1"
    [ "$waits" -gt 0 ]
}

# Prints the pids of the keepers that still run. Reads only the driver's own files, never one that a workload may have
# written.
workloads_keepers() { # DIRECTORY
    local boot
    [ -d "$1/workloads" ] || return 0
    boot=$(process_boot)
    find "$1/workloads" -mindepth 3 -maxdepth 3 -path '*/driver/state' -type f -exec awk -v boot="$boot" '
        FNR == 1 { known = $0 ~ /^aquarium-process /; here = 0 }
        known && $1 == "boot" { here = $2 == boot }
        known && here && $1 == "keeper" { print $2, $3 }' {} + 2>/dev/null |
        while read -r pid start; do
            [ "$pid" -gt 1 ] && [ "$(process_start_time "$pid")" = "$start" ] && echo "$pid"
        done
    return 0
}

# Prints the node's directory in each hierarchy of control groups.
workloads_groups() { # NODE
    awk '{ for (i = 7; i < NF; i++) if ($i == "-" && ($(i + 1) == "cgroup" || $(i + 1) == "cgroup2")) print $5 }' \
        /proc/self/mountinfo | while read -r root; do
        [ -d "$root/aquarium/$1" ] && echo "$root/aquarium/$1"
    done
    return 0
}

workloads_in_groups() { # NODE
    workloads_groups "$1" | while read -r group; do
        find "$group" -name cgroup.procs -exec cat {} + 2>/dev/null
    done | sort -u
}

workloads_kill() { # NODE
    workloads_groups "$1" | while read -r group; do
        [ -f "$group/cgroup.kill" ] && echo 1 >"$group/cgroup.kill" 2>/dev/null
    done
    workloads_in_groups "$1" | while read -r pid; do
        [ "$pid" -gt 1 ] && kill -s KILL "$pid" 2>/dev/null
    done
    return 0
}

workloads_remove_groups() { # NODE
    workloads_groups "$1" | while read -r group; do
        find "$group" -depth -type d -exec rmdir {} \; 2>/dev/null
        rmdir "${group%/*}" 2>/dev/null
    done
    return 0
}
