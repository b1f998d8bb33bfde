#!/bin/sh
# make install and make uninstall: installs what was built below PREFIX (/usr/local), all of it below DESTDIR if that is set.
#
#   BUILD=build/release PREFIX=/usr/local DESTDIR= tools/install.sh install|uninstall
#
# PREFIX/share/aquarium/installed lists the installed files and the directories that were created for them. Uninstalling
# removes those and nothing else, even if this tree has changed since. /etc is never touched: the settings belong to the
# administrator. Every file is replaced in one step, so running programs are not disturbed.
set -eu
cd "$(dirname "$0")/.."
build=${BUILD:-build/release}
prefix=${PREFIX:-/usr/local}
root=${DESTDIR:-}
prefix=${prefix%/}
list=$prefix/share/aquarium/installed # like all paths below: without DESTDIR

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

# Succeeds if a line of the list may be acted on: a file below PREFIX, or a directory that is below PREFIX or leads to it.
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

# Creates a directory with its parents, and records those that did not exist.
make_directory() { # PATH
    [ -d "$root$1" ] && return 0
    case $1 in
    ?*/*) make_directory "${1%/*}" ;;
    esac
    mkdir "$root$1"
    echo "d $1" >>"$made"
}

# put MODE SOURCE PATH: installs one file, and records it.
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
    for file in aq-output aq-lease; do
        put 755 "$build/$file" "$prefix/libexec/aquarium/$file"
    done
    # Built where its libraries are.
    [ ! -x "$build/aq-driver-libvirt" ] ||
        put 755 "$build/aq-driver-libvirt" "$prefix/libexec/aquarium/aq-driver-libvirt"
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
    for file in tools/examples/drivers/aq-driver-*; do
        put 755 "$file" "$prefix/share/aquarium/examples/drivers/${file##*/}"
    done
    for file in controller agent fs; do
        "$build/aq-$file" --help-config >"$scratch/settings"
        put 644 "$scratch/settings" "$prefix/share/aquarium/$file.yml"
    done
    for file in README.md docs/*.md; do
        put 644 "$file" "$prefix/share/doc/aquarium/$file"
    done
}

# Removes the files that only an older version installed. The list keeps every directory that any version created.
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
    for file in "$build/aq" "$build/aq-controller" "$build/aq-agent" "$build/aq-fs" "$build/aq-output" "$build/aq-lease" build/man/aq.1; do
        [ -f "$file" ] || fail "$file does not exist: run make install, which builds it"
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
    echo "installed below $root$prefix; to change settings, copy files from $prefix/share/aquarium/ to /etc/aquarium/"
}

# ---- uninstalling -----------------------------------------------------------------------------------------

uninstall_all() {
    local kind path lines
    [ -f "$root$list" ] || fail "$root$list does not exist: nothing was installed here"
    # Reads the whole list first, because the list is removed too. Removes directories after their files, and only if empty.
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
    echo "removed what was installed below $root$prefix; /etc/aquarium and /var/lib/aquarium are unchanged"
}

case ${1-} in
install) install_all ;;
uninstall) uninstall_all ;;
*) fail "give \"install\" or \"uninstall\"" ;;
esac
