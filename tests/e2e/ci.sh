#!/bin/sh
# docs/ci.md: the scripts and the steps of the pipeline in it are run as they stand there.
. "$(dirname "$0")/lib.sh"

cluster_start 2
AQ_SERVER="http://127.0.0.1:$api_port" AQ_USER=admin AQ_TOKEN="$(cat "$data/admin.token")" PATH="$PWD/$BUILD:$PATH"
export AQ_SERVER AQ_USER AQ_TOKEN PATH NO_COLOR=1
"$BUILD/aq" labels create tools/examples/mac.yml >"$work/out"

block() { # LANGUAGE NUMBER: of the document
    awk -v language="$1" -v number="$2" '
        $0 == "```" language { inside = ++count == number; next }
        $0 == "```" { inside = 0 }
        inside' docs/ci.md
}

block sh 1 >"$work/ci.sh"
chmod +x "$work/ci.sh"
check "the script in the document is the example" cmp "$work/ci.sh" tools/examples/ci.sh
check_equal "it has about twenty lines" 1 "$([ "$(wc -l <"$work/ci.sh")" -le 24 ] && echo 1)"

check_equal "it runs" 0 "$("$work/ci.sh" my-branch >"$work/out" 2>"$work/err"; echo $?)"
check_equal "with the output of the tests alone" "testing my-branch build: ok unit: ok" "$(xargs <"$work/out")"
check "and gives back the machine" wait_for 20 application_is DEALLOCATED 1
check_equal "again: no new version of the label" 0 "$("$work/ci.sh" other >"$work/out" 2>"$work/err"; echo $?)"
check_match "as it says" '*ci-tests:1 unchanged*' "$(cat "$work/err")"

# A user that is no admin runs what comes after the label.
check_equal "a user that may run is made" 0 "$("$BUILD/aq" users create ci role=user max_applications=20 >"$work/ci.token" 2>"$work/err"; echo $?)"
as_ci() { # SCRIPT
    AQ_USER=ci AQ_TOKEN=$(cat "$work/ci.token") "$1" mine >"$work/out" 2>"$work/err"
    echo $?
}
check_fails "it may not apply the label" test 0 = "$(as_ci "$work/ci.sh")"
check_match "and is told why" '*ci may not apply labels: that takes the permission label.apply*' "$(cat "$work/err")"
sed '/^aq labels apply/,/^X$/d' "$work/ci.sh" >"$work/user.sh"
chmod +x "$work/user.sh"
check_equal "without that part it runs" 0 "$(as_ci "$work/user.sh")"
check_equal "with the output of the tests" "testing mine build: ok unit: ok" "$(xargs <"$work/out")"

# Tests that fail.
sed 's/echo "\$test: ok"/exit 7/' "$work/ci.sh" >"$work/fails.sh"
check_equal "the exit status is that of the tests" 7 "$(sh "$work/fails.sh" main >"$work/out" 2>"$work/err"; echo $?)"

# A build that is aborted: everything is given back.
sed 's/echo "\$test: ok"/sleep 1000/' "$work/ci.sh" >"$work/hangs.sh"
chmod +x "$work/hangs.sh"
setsid "$work/hangs.sh" main >"$work/hangs.log" 2>&1 &
script=$!
wait_for 20 grep -q "testing main" "$work/hangs.log"
/bin/kill -TERM -- "-$script" # as a build server does: the whole group
wait "$script"
check "what is aborted is given back" wait_for 20 prints "" "$BUILD/aq" applications -q

check_equal "the label is as it was" 0 "$("$work/ci.sh" main >"$work/out" 2>"$work/err"; echo $?)"

# The other script, and the steps of the pipeline.
cd "$work" || exit 1
(cd "$e2e_root" && block sh 2) >"$work/many.sh"
check_equal "several at once" 0 "$(PATH="$e2e_root/$BUILD:$PATH" sh "$work/many.sh" >"$work/out" 2>"$work/err"; echo $?)"
check_equal "each with its log" 4 "$(cat "$work"/test-*.log 2>/dev/null | grep -c 'testing main')"
cd "$e2e_root" || exit 1
# Commands of requests.
block yaml 1 | "$BUILD/aq" labels apply - >"$work/out" 2>"$work/err"
check_equal "a label that takes a command is made" 0 "$?"
check_equal "a command of the request runs" 7 \
    "$("$BUILD/aq" run ci-command --attach -- sh -c 'echo "a b" "$AQ_META_BRANCH"; exit 7' >"$work/out" 2>"$work/err"; echo $?)"
check_equal "and it alone" "a b " "$(cat "$work/out")"
check_equal "with metadata" 0 "$("$BUILD/aq" run ci-command metadata.branch=main --attach -- sh -c 'echo "on $AQ_META_BRANCH"' >"$work/out" 2>"$work/err"; echo $?)"
check_equal "as before" "on main" "$(cat "$work/out")"
check_equal "without one, that of the label" 0 "$("$BUILD/aq" run ci-command --attach >"$work/out" 2>"$work/err"; echo $?)"
check_equal "runs" "nothing to do" "$(cat "$work/out")"
id=$("$BUILD/aq" applications create ci-command -q -- sh -c 'exit 0' "it's")
check_equal "it is recorded, as a shell would read it" "sh -c 'exit 0' 'it'\\''s'" "$("$BUILD/aq" application "$id" arguments)"
check_match "in the event" '*application_created*sh*exit 0*' "$("$BUILD/aq" application "$id" events)"
check_match "and in what describes it" "*arguments*sh -c 'exit 0'*" "$("$BUILD/aq" describe application "$id")"
check_equal "as a field, too" 0 "$("$BUILD/aq" run ci-command 'arguments=echo "x  y"' --attach >"$work/out" 2>"$work/err"; echo $?)"
check_equal "with quotes" "x  y" "$(cat "$work/out")"
check_equal "every other label refuses it" 125 "$("$BUILD/aq" run ci-tests --attach -- true >"$work/out" 2>"$work/err"; echo $?)"
check_match "and says why" '*arguments: label ci-tests, version *, does not let applications say which command it runs*' "$(cat "$work/err")"
check_equal "a program that there is not" 125 "$("$BUILD/aq" run ci-command --attach -- /no/such/program >"$work/out" 2>"$work/err"; echo $?)"
check_match "is told" '*/no/such/program*' "$(cat "$work/err")"

(block groovy 1 | sed -n "s/^ *sh '\(.*\)'$/\1/p") >"$work/steps.sh"
check_equal "the pipeline has two steps" 2 "$(wc -l <"$work/steps.sh")"
check_equal "they run" 0 "$(BRANCH_NAME=topic sh -e "$work/steps.sh" >"$work/out" 2>"$work/err"; echo $?)"
check_match "and show what they should" '*testing topic*ci-tests*DEALLOCATED*' "$(tr '\n' ' ' <"$work/out")"
finish
