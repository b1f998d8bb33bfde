#!/bin/sh
# Builds the controller, the agent and aq of the previous commit for the upgrade test, and prints the directory of the programs:
# build/previous/<commit>/bin. Builds each commit once, and removes the builds of other commits. If there is no previous
# commit here (a shallow clone, or no history at all), or it cannot be built here (it may be older than the support of
# this Debian), prints nothing, says why on standard error, and returns 77, "skipped". That is not the fault of this commit.
#
# If the tree has changes that are not committed, the last commit is the previous one; else the one before the last.
set -eu
cd "$(dirname "$0")/../.."
unset MAKEFLAGS MFLAGS MAKELEVEL
make=${MAKE:-make}
jobs=${JOBS--j$(nproc)}
folders="schema controller agent drivers fs tools/aq"

skip() {
    echo "previous: $*" >&2
    exit 77
}

command -v git >/dev/null || skip "git is not installed"
git rev-parse -q --verify HEAD >/dev/null 2>&1 || skip "there is no git history here"
before=HEAD
# shellcheck disable=SC2086 # words
[ -n "$(git status --porcelain -- $folders)" ] || before=HEAD~1
commit=$(git rev-parse -q --verify "$before^{commit}" 2>/dev/null) || skip "the commit before the last is not here"
target=build/previous/$commit
mkdir -p build/previous
exec 9>build/previous/lock # two tests may need it at once
flock -w 280 9 || skip "another process has been building it for minutes"
if [ ! -x "$target/bin/aq-controller" ] || [ ! -x "$target/bin/aq-agent" ] || [ ! -x "$target/bin/aq" ]; then
    find build/previous -mindepth 1 -maxdepth 1 ! -name "$commit" ! -name lock -exec rm -rf {} +
    rm -rf "$target"
    mkdir -p "$target/tree" "$target/bin"
    git archive "$commit" | tar -xf - -C "$target/tree"
    # shellcheck disable=SC2086 # words
    if ! "$make" -C "$target/tree" -s $jobs build/release/aq-controller build/release/aq-agent build/release/aq >&2 9>&-; then
        rm -rf "$target/tree"
        skip "commit $(git rev-parse --short "$commit") cannot be built here"
    fi
    mv "$target/tree/build/release/aq-controller" "$target/tree/build/release/aq-agent" "$target/tree/build/release/aq" \
        "$target/bin"
    rm -rf "$target/tree"
fi
echo "$PWD/$target/bin"
