#!/bin/sh
# make install and make uninstall, below a DESTDIR: what was installed works from there, what an administrator wrote
# stays, and uninstalling leaves nothing. groff accepts the manual pages without a warning.
. "$(dirname "$0")/lib.sh"

variant=${BUILD##*/}
stage=$work/stage
prefix=$stage/opt/aq
elsewhere=$work/not/yet/there
unset MAKEFLAGS MFLAGS MAKELEVEL

made() { # TARGET [DESTDIR]
    make -s --no-print-directory VARIANT="$variant" DESTDIR="${2:-$stage}" PREFIX=/opt/aq "$1"
}
files() {
    (cd "$stage" && find . -type f | sort)
}

mkdir -p "$stage/etc/aquarium" "$stage/opt/other"
echo "name: mine" >"$stage/etc/aquarium/controller.yml"
echo "not ours" >"$stage/opt/other/file"
before=$(cd "$stage" && find . | sort)

check "install" made install
first=$(files)
check "install again" made install
check_equal "puts the same there" "$first" "$(files)"
check_equal "settings of the administrator are left alone" "name: mine" "$(cat "$stage/etc/aquarium/controller.yml")"

# ---- what is there ----------------------------------------------------------------------------------------

for file in bin/aq bin/aq-controller bin/aq-agent bin/aq-fs libexec/aquarium/aq-output libexec/aquarium/aq-lease share/aquarium/examples/drivers/aq-driver-shell share/man/man1/aq.1 share/man/man8/aq-controller.8 \
    share/man/man8/aq-agent.8 share/man/man8/aq-fs.8 share/man/man5/aquarium-labels.5 share/man/man5/aquarium.yml.5 \
    share/bash-completion/completions/aq lib/systemd/system/aq-controller.service \
    lib/systemd/system/aq-agent@.service lib/systemd/system/aq-fs.service share/aquarium/examples/mac.yml \
    share/aquarium/controller.yml share/aquarium/agent.yml share/aquarium/fs.yml share/doc/aquarium/README.md; do
    check "there is $file" test -s "$prefix/$file"
done
check_match "units name the programs where they are" '*ExecStart=/opt/aq/bin/aq-controller*' \
    "$(cat "$prefix/lib/systemd/system/aq-controller.service")"
check_equal "and nowhere else" "" "$(grep -l /usr/local "$prefix"/lib/systemd/system/*)"
for page in "$prefix"/share/man/man*/*; do
    if command -v groff >"$work/groff"; then
        check_equal "${page##*/} is good roff" "" "$(groff -man -Tutf8 -ww "$page" 2>&1 >"$work/page")"
    fi
done
check_match "a page tells every field" '*capacity.cpu*' "$(cat "$prefix/share/man/man1/aq.1")"
check_match "and every setting" '*api.connections_per_address*' "$(sed 's/\\-/-/g' "$prefix/share/man/man5/aquarium.yml.5")"

# ---- it works ---------------------------------------------------------------------------------------------

BUILD=$prefix/bin
check_match "aq --version" 'aq [0-9]*' "$("$BUILD/aq" --version)"
printf 'data: %s\napi: {port: 0}\nhub: {port: 0}\n' "$data" >"$work/own.yml"
controller_start --config "$work/own.yml"
check_match "the controller runs from there" '*aquarium_seq*' \
    "$(curl -s -m 10 "http://127.0.0.1:$api_port/metrics" | grep '^aquarium_seq')"
check "and takes the labels that were installed" aq labels create -f "$prefix/share/aquarium/examples/mac.yml"
stop controller
for file in controller agent fs; do
    check_equal "the settings to begin with for $file are good" 0 \
        "$(timeout 10 "$BUILD/aq-$file" --config "$prefix/share/aquarium/$file.yml" --help >"$work/help"; echo $?)"
done

# ---- and goes ---------------------------------------------------------------------------------------------

echo "not ours" >"$prefix/share/aquarium/foreign"
check "uninstall" made uninstall
check_equal "only what was there before, and a file of another program, are left" \
    "$(printf '%s\n' "$before" ./opt/aq ./opt/aq/share ./opt/aq/share/aquarium ./opt/aq/share/aquarium/foreign | sort)" \
    "$(cd "$stage" && find . | sort)"
rm -r "$prefix"
check "install, once more" made install
check "uninstall, once more" made uninstall
check_equal "nothing is left" "$before" "$(cd "$stage" && find . | sort)"
check_fails "what is not installed cannot be uninstalled" made uninstall

check "install below a directory that is not there yet" made install "$elsewhere"
check "uninstall there" made uninstall "$elsewhere"
check_equal "only that directory is left" "$elsewhere" "$(find "$elsewhere")"
finish
