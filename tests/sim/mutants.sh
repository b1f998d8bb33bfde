#!/bin/sh
# Plants the faults of tests/sim/mutants/, one at a time, in a copy of the sources, and shows that each is found: by the
# simulator, or by the program that its patch names (lostwrites: tests/torture/lostwrites.c).
#
#   tests/sim/mutants.sh all | NAME...     NAME: a patch without its ending; "apply": only tries that all of them apply
#
# VARIANT (lint) is built, MAKE and JOBS as make(1) passes them on. Each must break the invariant that its patch names (one of
# them, between bars; or "any") within SEEDS (2000) lives, or CUT_LIVES (10) of lostwrites; unpatched, as many lives as the
# slowest took must break nothing.
set -eu
cd "$(dirname "$0")/../.."
variant=${VARIANT:-lint}
seeds=${SEEDS:-2000}
cut_lives=${CUT_LIVES:-10}
make=${MAKE:-make}
copy=build/mutants
mutants=tests/sim/mutants
bad=0
longest=20
longest_cut=0

fail() {
    echo "$1: $2"
    bad=1
}

# The sources with what is built of them, so that little has to be built again.
make_copy() {
    rm -rf $copy
    mkdir -p $copy/build/$variant/tests
    cp -a Makefile agent controller drivers schema $copy/
    mkdir -p $copy/tests
    cp -a tests/sim tests/lib tests/torture $copy/tests/
    [ "$1" = sources ] && return
    # shellcheck disable=SC2086 # words
    $make -s ${JOBS-} VARIANT=$variant build/$variant/sim build/$variant/lostwrites
    (cd build/$variant && cp -a flags agent controller drivers schema sim lostwrites "../../$copy/build/$variant/")
    cp -a build/$variant/tests/sim build/$variant/tests/lib build/$variant/tests/torture $copy/build/$variant/tests/
}

apply() { # NAME OPTION...
    local patch=$PWD/$mutants/$1.patch
    shift
    (cd $copy && patch -p1 -s -f "$@" <"$patch") >$copy/said 2>&1
}

program_of() { # NAME
    sed -n '1,/^Breaks: /s/^Program: //p' $mutants/"$1".patch | grep . || echo sim
}

run() { # PROGRAM LIVES
    case $1 in
    */sim) "$1" --seeds "$2" --most 1 --jobs 1 ;;
    *) "$1" --seed 1 --lives "$2" ;;
    esac
}

try() { # NAME
    local name=$1 invariant said lives broken program most=$seeds
    program=$(program_of "$name")
    [ "$program" = sim ] || most=$cut_lives
    invariant=$(sed -n 's/^Breaks: //p' $mutants/"$name".patch)
    apply "$name" || { fail "$name" "the patch no longer applies: $(head -n 1 $copy/said)"; return; }
    # shellcheck disable=SC2086 # words
    if (cd $copy && $make -s ${JOBS-} VARIANT=$variant build/$variant/"$program") >$copy/said 2>&1; then
        said=$(run $copy/build/$variant/"$program" "$most") || true
        lives=$(echo "$said" | sed -n 's/^[0-9]* of \([0-9]*\) lives broke something/\1/p')
        [ "$invariant" != any ] || invariant=$(echo "$said" | sed -n 's/^seed .* breaks "\([^"]*\)".*/\1/p' | head -n 1)
        broken=$(echo "$said" | sed -n 's/^seed .* breaks "\([^"]*\)".*/\1/p' | head -n 1)
        case "|$invariant|" in
        *"|${broken:--}|"*)
            echo "$name: found, after $lives lives: $broken"
            [ "$program" = lostwrites ] && [ "$lives" -gt $longest_cut ] && longest_cut=$lives
            [ "$program" = sim ] && [ "$lives" -gt $longest ] && longest=$lives
            ;;
        *) fail "$name" "not found as \"$invariant\" in $lives lives, but as \"$broken\"" ;;
        esac
    else
        fail "$name" "does not compile: $(grep error $copy/said | head -n 1)"
    fi
    apply "$name" -R || exit 2
}

names=$*
case $names in
all | apply) names=$(cd $mutants && for patch in *.patch; do echo "${patch%.patch}"; done) ;;
esac
if [ "$*" = apply ]; then
    make_copy sources
    for name in $names; do
        apply "$name" --dry-run || fail "$name" "the patch no longer applies: $(head -n 1 $copy/said)"
        grep -q '^Breaks: ' $mutants/"$name".patch || fail "$name" "it does not say what it breaks"
    done
else
    make_copy built
    for name in $names; do
        try "$name"
    done
    [ $longest_cut = 0 ] || run build/$variant/lostwrites $longest_cut >$copy/said ||
        fail "without a mutant" "$(grep breaks $copy/said | head -n 1)"
    build/$variant/sim --seeds $longest >$copy/said || fail "without a mutant" "$(grep breaks $copy/said | head -n 1)"
fi
rm -rf $copy
exit $bad
