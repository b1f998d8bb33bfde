#!/bin/sh
# Finds rings: object files that call each other in a circle. Layers have none, since no file calls one above it.
#
#   tools/check/rings.sh [BUILD [SOURCES]]
#
# Reads the symbols of the objects in BUILD (build/release) whose source is below SOURCES (the root of the tree). When two
# programs define the same function, a call goes to the one in the caller's own folder. Prints each ring with the calls
# that form it. Fails when a ring is missing from the list below, and when a ring in the list is no longer there.
set -eu
cd "$(dirname "$0")/../.."
build=${1:-build/release}
sources=${2:-.}

# The members of a ring that may stay, sorted, and the reason.
allowed='
controller/place/index controller/place/opinion: the index keeps what its nodes answered last, and an answer is computed from the index
tools/aq/doctor tools/aq/doctor_disk tools/aq/doctor_host tools/aq/doctor_judge tools/aq/doctor_kernel tools/aq/doctor_machines tools/aq/doctor_parts tools/aq/doctor_secure: the doctor runs a table of checks, and the checks report through it
'

objects() {
    (cd "$sources" && find schema controller agent drivers fs tools -name '*.c' 2>/dev/null) | sort |
        while read -r source; do
            object=$build/${source%.c}.o
            [ ! -f "$object" ] || echo "$object"
        done
}

[ -n "$(objects)" ] || {
    echo "there are no objects in $build: run make"
    exit 1
}
# shellcheck disable=SC2046 # names without blanks
nm -A -g $(objects) | awk -v build="$build/" -v allowed="$allowed" '
    # The part of the tree that an object belongs to: a folder at the top, or one of the programs in tools.
    function part_of(object,    words) {
        split(object, words, "/")
        return words[1] == "tools" ? words[1] "/" words[2] : words[1]
    }
    function min(a, b) {
        return a < b ? a : b
    }
    {
        end = index($0, ".o:")
        object = substr($0, length(build) + 1, end - length(build) - 1)
        symbol = $NF
        kind = $(NF - 1)
        if (!(object in known)) {
            known[object] = 1
            names[++objects] = object
        }
        if (kind == "T" || kind == "W")
            definers[symbol] = definers[symbol] " " object
        else if (kind == "U")
            needs[object, ++need_count[object]] = symbol
    }
    function add_call(caller, callee, symbol) {
        if (caller == callee)
            return
        if ((caller, callee) in calls) {
            calls[caller, callee] = calls[caller, callee] ", " symbol
            return
        }
        edges[caller, ++edge_count[caller]] = callee
        calls[caller, callee] = symbol
    }
    function add_calls(caller, symbol,    words, n, i, near) {
        n = split(definers[symbol], words, " ")
        near = 0
        for (i = 1; i <= n; i++)
            near = near || part_of(words[i]) == part_of(caller)
        for (i = 1; i <= n; i++)
            if (!near || part_of(words[i]) == part_of(caller))
                add_call(caller, words[i], symbol)
    }
    # The algorithm of Tarjan: a strongly connected component of two members or more is a ring.
    function visit(object,    i, next_object) {
        number[object] = lowest[object] = ++visited
        stack[++depth] = object
        on_stack[object] = 1
        for (i = 1; i <= edge_count[object]; i++) {
            next_object = edges[object, i]
            if (!(next_object in number)) {
                visit(next_object)
                lowest[object] = min(lowest[object], lowest[next_object])
            } else if (on_stack[next_object]) {
                lowest[object] = min(lowest[object], number[next_object])
            }
        }
        if (lowest[object] == number[object])
            take_ring(object)
    }
    function take_ring(object,    size, members, top, i, j) {
        do {
            top = stack[depth--]
            on_stack[top] = 0
            for (i = ++size; i > 1 && members[i - 1] > top; i--)
                members[i] = members[i - 1]
            members[i] = top
        } while (top != object)
        if (size > 1)
            report(members, size)
    }
    function report(members, size,    text, i, j) {
        text = members[1]
        for (i = 2; i <= size; i++)
            text = text " " members[i]
        if (text in reasons) {
            seen[text] = 1
            print "may stay: " text ": " reasons[text]
            return
        }
        bad = 1
        print "ring of " size ": " text
        for (i = 1; i <= size; i++)
            for (j = 1; j <= size; j++)
                if ((members[i], members[j]) in calls)
                    print "    " members[i] " calls " members[j] ": " calls[members[i], members[j]]
    }
    END {
        count = split(allowed, lines, "\n")
        for (i = 1; i <= count; i++)
            if (colon = index(lines[i], ": "))
                reasons[substr(lines[i], 1, colon - 1)] = substr(lines[i], colon + 2)
        for (i = 1; i <= objects; i++)
            for (j = 1; j <= need_count[names[i]]; j++)
                add_calls(names[i], needs[names[i], j])
        for (i = 1; i <= objects; i++)
            if (!(names[i] in number))
                visit(names[i])
        for (text in reasons)
            if (!(text in seen)) {
                print "in the list, but not a ring: " text
                bad = 1
            }
        exit bad
    }' || {
    echo "open the ring, or list it with its reason in tools/check/rings.sh"
    exit 1
}
