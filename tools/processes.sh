# Processes that outlive the shell that started them, and are ended by no one but themselves or by their exact name.
#
# A process is known by its number, its start time and the boot that both belong to: the three words of its pid file.
# Numbers are used again; the three together never are. Sourced, from the
# root of the tree, by tools/up.sh, tools/down.sh and the end-to-end tests.

# The start time of a process in ticks; nothing if it is gone. A zombie is gone: whoever should wait for it may be slow.
process_start_time() { # PID
    local stat
    { read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 1
    # The name, in parentheses, may hold anything: what follows the last parenthesis is fixed.
    stat=${stat##*) }
    # shellcheck disable=SC2086 # words
    set -- $stat
    [ "$1" != Z ] && [ "$1" != X ] && echo "${20}"
}

process_boot() {
    cat /proc/sys/kernel/random/boot_id
}

# The pid in the file if that very process runs.
process_pid() { # PIDFILE
    local pid start boot
    [ -f "$1" ] && read -r pid start boot <"$1" || return 1
    [ "$boot" = "$(process_boot)" ] && [ "$(process_start_time "$pid")" = "$start" ] && echo "$pid"
}

process_runs() { # PIDFILE
    process_pid "$1" >/dev/null
}

# Starts a program with its own session, standard output and error added to a log. The pid file is there on return.
process_start() { # PIDFILE LOG PROGRAM ARGUMENTS...
    local pidfile=$1 log=$2 tries=200
    shift 2
    rm -f "$pidfile"
    # The shell names itself in the pid file and then becomes the program: same number, same start time. A lock that
    # the caller may hold on descriptor 9 is not handed on.
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

# Asks it to end, and ends it if it does not within the time. The pid file goes.
process_stop() { # PIDFILE SECONDS
    process_signal "$1" TERM
    process_wait_gone "$1" "$2" || {
        process_signal "$1" KILL
        process_wait_gone "$1" 10 || return 1
    }
    rm -f "$1"
}

mountpoint_is() { # DIRECTORY
    # Not mountpoint(1): that asks the file system itself, and a dead one would not answer.
    awk -v path="$1" '$5 == path { found = 1 } END { exit !found }' /proc/self/mountinfo
}
