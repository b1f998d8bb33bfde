# Starts, finds and stops processes that outlive the shell that started them.
#
# A pid file identifies a process by three words: its pid, its start time and the boot that both belong to. Pids are
# reused; the three together never are. Sourced from the root of the tree by tools/up.sh, tools/down.sh and the
# end-to-end tests.

# Prints the start time of a process in ticks. Fails if the process is gone. A zombie counts as gone: its parent may be
# slow to wait for it.
process_start_time() { # PID
    local stat
    { read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 1
    # The name, in parentheses, may contain anything. The fields after the last parenthesis are fixed.
    stat=${stat##*) }
    # shellcheck disable=SC2086 # words
    set -- $stat
    [ "$1" != Z ] && [ "$1" != X ] && echo "${20}"
}

process_boot() {
    cat /proc/sys/kernel/random/boot_id
}

# Prints the pid in the file if exactly that process runs, else fails.
process_pid() { # PIDFILE
    local pid start boot
    [ -f "$1" ] && read -r pid start boot <"$1" || return 1
    [ "$boot" = "$(process_boot)" ] && [ "$(process_start_time "$pid")" = "$start" ] && echo "$pid"
}

process_runs() { # PIDFILE
    process_pid "$1" >/dev/null
}

# Starts a program in a session of its own. Appends its standard output and error to a log. The pid file exists on return.
process_start() { # PIDFILE LOG PROGRAM ARGUMENTS...
    local pidfile=$1 log=$2 tries=200
    shift 2
    rm -f "$pidfile"
    # The shell writes its own pid to the pid file and then becomes the program, with the same pid and start time. The
    # program does not inherit a lock that the caller holds on descriptor 9.
    setsid sh -c '
        . "$1"
        echo "$$ $(process_start_time $$) $(process_boot)" >"$2.new" && mv "$2.new" "$2"
        shift 2
        exec "$@"' sh "$PWD/tools/processes.sh" "$pidfile" "$@" </dev/null >>"$log" 2>&1 9>&- &
    while [ ! -f "$pidfile" ] && [ "$tries" -gt 0 ]; do
        sleep 0.02
        tries=$((tries - 1))
    done
    [ -f "$pidfile" ]
}

process_signal() { # PIDFILE SIGNAL
    local pid
    pid=$(process_pid "$1") || return 0
    kill -s "$2" "$pid" 2>/dev/null || true
}

process_wait_gone() { # PIDFILE SECONDS
    local tries=$(($2 * 20))
    while process_runs "$1"; do
        [ "$tries" -gt 0 ] || return 1
        tries=$((tries - 1))
        sleep 0.05
    done
}

# Sends SIGTERM, and SIGKILL if the process still runs after SECONDS. Removes the pid file.
process_stop() { # PIDFILE SECONDS
    process_signal "$1" TERM
    process_wait_gone "$1" "$2" || {
        process_signal "$1" KILL
        process_wait_gone "$1" 10 || return 1
    }
    rm -f "$1"
}

mountpoint_is() { # DIRECTORY
    # Not mountpoint(1): it asks the file system itself, and a dead one does not answer.
    awk -v path="$1" '$5 == path { found = 1 } END { exit !found }' /proc/self/mountinfo
}
