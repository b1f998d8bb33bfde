#!/bin/sh
# Checks the architecture: which folder may include which. Our own includes are in quotes, with paths from the root.
# In addition, the pure parts of the controller may not read a clock or use files, sockets, threads or random numbers; and
# what takes turns on the time that it is given may not read a clock or the kernel's random numbers, or wait. It may take
# random bytes from libsodium, whose source the simulator replaces.
set -eu
cd "$(dirname "${1:-$0}")/../.."
. tools/check/files.sh

# folder  folders (or files) it may include
rules='
schema/base          schema/base
schema/model         schema/base schema/model
schema/codec         schema/base schema/model schema/codec
schema/wire          schema/base schema/model schema/codec schema/wire
schema/drivers       schema/base schema/model schema/codec schema/drivers
drivers              schema drivers
agent                schema drivers agent
controller/settings  schema controller/settings
controller/lmdb      schema/base controller/lmdb
controller/state     schema controller/state controller/lmdb
controller/place     schema controller/place
controller/decide    schema controller/decide controller/state controller/place
controller/project   schema controller/project controller/state controller/place
controller/log       schema controller/log controller/lmdb controller/state controller/place controller/project
controller/write     schema controller/write controller/settings controller/log controller/state controller/place controller/decide controller/project
controller/auth      schema controller/auth controller/state
controller/secrets   schema controller/secrets controller/settings controller/log controller/state controller/write
controller/tls       schema controller/settings controller/tls
controller/usage     schema controller/usage
controller/hub       schema drivers/cgroup controller/hub controller/settings controller/state controller/usage controller/write controller/auth controller/secrets
controller/serve     schema drivers/cgroup controller/serve controller/settings controller/tls controller/state controller/usage controller/write controller/auth controller/secrets controller/hub
controller/react     schema controller/settings controller/react controller/state controller/write controller/secrets
controller           schema controller
fs/settings          schema fs/settings
fs/link              schema controller/state fs/link
fs/tree              schema controller/state fs/link fs/tree
fs/kernel            schema controller/state drivers/cgroup fs/settings fs/link fs/tree fs/kernel
fs                   schema controller/state controller/lmdb drivers/cgroup fs
tools                schema tools drivers/cgroup
tools/man            schema tools controller/settings agent/settings fs/settings
tests                schema drivers agent controller fs tools tests
'

pure='controller/decide controller/project controller/place'
impure_headers='time\.h|sys/time\.h|pthread\.h|threads\.h|sys/socket\.h|netinet/.*|sys/stat\.h|fcntl\.h|unistd\.h|poll\.h|sys/epoll\.h|sys/random\.h|sodium\.h|nanomsg/.*|curl/.*|microhttpd\.h|signal\.h|spawn\.h|dirent\.h'
impure_calls='time|clock_gettime|gettimeofday|rand|random|srand|getrandom|randombytes_[a-z]*|open|openat|fopen|read|write|pread|pwrite|socket|connect|send|recv|fork|pthread_[a-z_]*|getenv|sleep|usleep|nanosleep|getpid|aq_clock_[a-z_]*|aq_file_[a-z_]*'

# Folders and files that take turns, and what in them gives turns on real time.
timeless='controller/hub controller/write controller/log controller/state controller/usage controller/react controller/serve agent drivers/test drivers/schedule.c schema/base/journal.c schema/wire'
timed='controller/serve/serve.c controller/serve/exchange.c controller/serve/verify.c controller/hub/loop.c controller/write/loop.c controller/log/thread.c controller/react/loop.c agent/main.c'
timeless_calls='time|clock_gettime|gettimeofday|rand|random|srand|getrandom|sleep|usleep|nanosleep|poll|select|pthread_cond_[a-z]*|pthread_create|aq_clock_[a-z_]*|aq_clocks_read'

# shellcheck disable=SC2046 # names without blanks
awk -v rules="$rules" -v timeless="$timeless" -v timed="$timed" -v timeless_calls="$timeless_calls" -v pure="$pure" -v headers="$impure_headers" -v calls="$impure_calls" '
    BEGIN {
        count = split(rules, lines, "\n")
        for (i = 1; i <= count; i++) {
            n = split(lines[i], words, " ")
            if (n == 0)
                continue
            order[++folders] = words[1]
            for (j = 2; j <= n; j++)
                may[words[1], ++uses[words[1]]] = words[j]
        }
        pures = split(pure, pure_list, " ")
        timelesses = split(timeless, timeless_list, " ")
        timeds = split(timed, timed_list, " ")
    }
    function below(path, folder) {
        return index(path, folder "/") == 1 || path == folder
    }
    # The longest folder that has a rule.
    function home_of(path,    i, best) {
        best = ""
        for (i = 1; i <= folders; i++)
            if (below(path, order[i]) && length(order[i]) > length(best))
                best = order[i]
        return best
    }
    function complain(what) {
        print FILENAME ":" FNR ": " what
        bad = 1
    }
    FNR == 1 {
        home = home_of(FILENAME)
        is_pure = 0
        for (i = 1; i <= pures; i++)
            is_pure = is_pure || below(FILENAME, pure_list[i])
        is_timeless = 0
        for (i = 1; i <= timelesses; i++)
            is_timeless = is_timeless || below(FILENAME, timeless_list[i])
        for (i = 1; i <= timeds; i++)
            is_timeless = is_timeless && !below(FILENAME, timed_list[i])
        in_comment = 0
    }
    /^[ \t]*#[ \t]*include[ \t]*"/ {
        target = $0
        sub(/^[^"]*"/, "", target)
        sub(/".*/, "", target)
        allowed = 0
        for (i = 1; i <= uses[home]; i++)
            allowed = allowed || below(target, may[home, i])
        if (!allowed)
            complain(home " may not include \"" target "\"")
    }
    is_pure && /^[ \t]*#[ \t]*include[ \t]*</ {
        target = $0
        sub(/^[^<]*</, "", target)
        sub(/>.*/, "", target)
        if (target ~ "^(" headers ")$")
            complain(home " is pure, and may not include <" target ">")
    }
    is_pure || is_timeless {
        line = $0
        gsub(/"([^"\\]|\\.)*"/, "", line)
        gsub(/\/\*.*\*\//, "", line)
        if (sub(/\/\*.*/, "", line))
            opens = 1
        else
            opens = 0
        if (in_comment) {
            if (sub(/^.*\*\//, "", line))
                in_comment = 0
            else
                line = ""
        }
        if (opens)
            in_comment = 1
        if (is_pure && match(line, "(^|[^A-Za-z0-9_>.])(" calls ")[ \t]*\\("))
            complain(home " is pure, and may not call: " substr(line, RSTART, RLENGTH) ")")
        if (is_timeless && match(line, "(^|[^A-Za-z0-9_>.])(" timeless_calls ")[ \t]*\\("))
            complain("turns get their time, and may not call: " substr(line, RSTART, RLENGTH) ")")
    }
    END { exit bad }' $(c_files) || {
    echo "the rules are in $0"
    exit 1
}
