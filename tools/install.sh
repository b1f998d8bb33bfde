#!/bin/sh
# make install and make uninstall: what was built goes below PREFIX (/usr/local), all of it below DESTDIR if that is set.
#
#   BUILD=build/release PREFIX=/usr/local DESTDIR= tools/install.sh install|uninstall
#
# What was installed is written down in PREFIX/share/aquarium/installed, directories that had to be made included, so
# that uninstalling removes that and nothing else, whatever this tree holds by then. /etc is never touched: settings
# are the administrator's. Every file is put into its place at once, so that programs that run are not disturbed.
set -eu
cd "$(dirname "$0")/.."
build=${BUILD:-build/release}
prefix=${PREFIX:-/usr/local}
root=${DESTDIR:-}
prefix=${prefix%/}
list=$prefix/share/aquarium/installed # as all paths below: without DESTDIR

fail() {
    echo "install: $*" >&2
    exit 1
}

case $prefix in
/*) ;;
*) fail "PREFIX is \"$prefix\", but must be an absolute path below /" ;;
esac
case $prefix$root in
*..* | *[[:space:]]*) fail "PREFIX and DESTDIR must have neither blanks nor \"..\"" ;;
esac

# Is the line one that we may act upon? Files lie below PREFIX; directories may also lead there.
is_ours() { # KIND PATH
    case $1$2 in
    *..* | *//*) return 1 ;;
    "f$prefix"/*) return 0 ;;
    d/*) case $2/ in "$prefix"/*) return 0 ;; esac
        case $prefix/ in "$2"/*) return 0 ;; esac ;;
    esac
    return 1
}

# ---- installing -------------------------------------------------------------------------------------------

# Makes a directory with all that leads to it, and writes down those that were not there.
make_directory() { # PATH
    [ -d "$root$1" ] && return 0
    case $1 in
    ?*/*) make_directory "${1%/*}" ;;
    esac
    mkdir "$root$1"
    echo "d $1" >>"$made"
}

# put MODE SOURCE PATH
put() {
    make_directory "${3%/*}"
    cp "$2" "$root$3.new"
    chmod "$1" "$root$3.new"
    mv -f "$root$3.new" "$root$3"
    echo "f $3" >>"$made"
}

put_all() {
    local file page section
    for file in aq aq-controller aq-agent aq-fs; do
        put 755 "$build/$file" "$prefix/bin/$file"
    done
    for page in build/man/*.[158]; do
        section=${page##*.}
        put 644 "$page" "$prefix/share/man/man$section/${page##*/}"
    done
    put 644 tools/completion/aq.bash "$prefix/share/bash-completion/completions/aq"
    for file in tools/units/*.service; do
        sed "s|/usr/local/bin/|$prefix/bin/|g" "$file" >"$scratch/unit"
        put 644 "$scratch/unit" "$prefix/lib/systemd/system/${file##*/}"
    done
    for file in tools/examples/*.yml; do
        put 644 "$file" "$prefix/share/aquarium/examples/${file##*/}"
    done
    for file in controller agent fs; do
        "$build/aq-$file" --help-config >"$scratch/settings"
        put 644 "$scratch/settings" "$prefix/share/aquarium/$file.yml"
    done
    for file in README.md docs/*.md; do
        put 644 "$file" "$prefix/share/doc/aquarium/$file"
    done
}

# What an older version put here and this one does not is removed; directories stay those that were made, ever.
keep_what_was_made() {
    local kind path
    [ -f "$root$list" ] || return 0
    while read -r kind path; do
        is_ours "$kind" "$path" || continue
        grep -qx "$kind $path" "$made" && continue
        if [ "$kind" = f ]; then
            rm -f "$root$path"
        else
            echo "$kind $path" >>"$made"
        fi
    done <"$root$list"
}

install_all() {
    local file
    for file in "$build/aq" "$build/aq-controller" "$build/aq-agent" "$build/aq-fs" build/man/aq.1; do
        [ -f "$file" ] || fail "$file is not there: run make install, which builds it"
    done
    umask 022
    scratch=$(mktemp -d)
    trap 'rm -rf "$scratch"' EXIT
    made=$scratch/made
    : >"$made"
    [ -z "$root" ] || mkdir -p "$root"
    make_directory "$prefix/share/aquarium"
    put_all
    keep_what_was_made
    echo "f $list" >>"$made"
    sort -u "$made" >"$root$list"
    chmod 644 "$root$list"
    echo "installed below $root$prefix; settings go to /etc/aquarium: $prefix/share/aquarium/*.yml are to begin with"
}

# ---- uninstalling -----------------------------------------------------------------------------------------

uninstall_all() {
    local kind path lines
    [ -f "$root$list" ] || fail "$root$list is not there: nothing was installed here"
    # Read at once: the list is removed, too. Directories go after what is in them, and only when they are empty.
    lines=$(sort -r "$root$list")
    echo "$lines" | while read -r kind path; do
        if [ "$kind" = f ] && is_ours f "$path"; then
            rm -f "$root$path"
        fi
    done
    echo "$lines" | while read -r kind path; do
        if [ "$kind" = d ] && is_ours d "$path" && [ -d "$root$path" ]; then
            rmdir "$root$path" 2>/dev/null || true
        fi
    done
    echo "removed what was installed below $root$prefix; /etc/aquarium and /var/lib/aquarium are as they were"
}

case ${1-} in
install) install_all ;;
uninstall) uninstall_all ;;
*) fail "say install or uninstall" ;;
esac
