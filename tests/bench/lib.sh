# What the benchmarks that are scripts start from: a private cluster as in the end-to-end tests, and results in the form
# of bench.h.
. "$(dirname "$0")/../e2e/lib.sh"

# figure NAME FIGURE UNIT MOST: a figure that stands for itself, and should not be larger.
figure_at_most() {
    awk -v what="$1" -v figure="$2" -v unit="$3" -v most="$4" 'BEGIN {
        printf "RESULT\t%s\t%.2f %s\t-\t-\tat most %g %s\t%s\n", what, figure, unit, most, unit, figure <= most ? "ok" : "missed"
    }'
}

# An agent and its descendants, but for the workloads: its nurseries, keepers, and process 1 of namespaces.
family() { # PID
    local child
    echo "$1"
    for child in $(cat "/proc/$1/task/$1/children"); do
        case $(cat "/proc/$child/comm") in aq-*) family "$child" ;; esac
    done
}

# What these processes hold, in MiB; pages that several share count in part (PSS).
pss_mib() { # FILE with their numbers
    while read -r pid; do cat "/proc/$pid/smaps_rollup"; done <"$1" | awk '/^Pss:/ { sum += $2 } END { print sum / 1024 }'
}

# Memory of a process that is its own, in MiB: LMDB's file pages and program text are not counted.
anonymous_mib() { # NAME
    awk '$1 == "RssAnon:" { print $2 / 1024 }' "/proc/$(pid_of "$1")/status"
}
