#!/bin/sh
# tools/sources.sh: both formats of apt sources, with what occurs in them, become candidates for another suite.
. "$(dirname "$0")/lib.sh"
. tools/sources.sh

apt=$work/apt
out=$work/out
mkdir -p "$apt/sources.list.d" "$out"

fresh() {
    rm -rf "$apt" "$out"
    mkdir -p "$apt/sources.list.d" "$out"
}
candidates() {
    sources_candidates "$apt" bookworm bookworm-backports "$out"
}
content() {
    cat "$out/$1"
}

cat >"$apt/sources.list.d/debian.sources" <<'END'
# made by the installer
Types: deb deb-src
# a comment inside
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main contrib
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://mirror.example/debian-security
Suites: bookworm-security
Components: main
END
candidates
check_equal "deb822: one candidate" 1 "$(find "$out" -type f | wc -l)"
check_equal "deb822: as it was, with the one suite" "Types: deb
Suites: bookworm-backports
URIs: http://mirror.example/debian
Components: main contrib
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg" "$(content 01.sources)"
check_equal "deb822: its address" http://mirror.example/debian "$(sources_addresses "$out/01.sources")"
check_equal "deb822: its keys" /usr/share/keyrings/debian-archive-keyring.gpg "$(sources_keyring "$out/01.sources")"

fresh
cat >"$apt/sources.list.d/odd.sources" <<'END'

types: deb
uris:
 http://one.example/debian
 http://two.example/debian
suites:
 bookworm
 bookworm-updates
components: main
architectures: amd64
check-valid-until: no
signed-by:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 mDMEabcdef
 -----END PGP PUBLIC KEY BLOCK-----


Enabled: no
Types: deb
URIs: http://off.example/debian
Suites: bookworm
Components: main

Types: deb-src
URIs: http://source.example/debian
Suites: bookworm
Components: main
END
candidates
check_equal "deb822: switched off and source-only stanzas are left out" 1 "$(find "$out" -type f | wc -l)"
check_equal "deb822: values over several lines, small letters, a key inside" "Types: deb
Suites: bookworm-backports
uris:
 http://one.example/debian
 http://two.example/debian
components: main
architectures: amd64
check-valid-until: no
signed-by:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 mDMEabcdef
 -----END PGP PUBLIC KEY BLOCK-----" "$(content 01.sources)"
check_equal "deb822: its addresses" "http://one.example/debian
http://two.example/debian" "$(sources_addresses "$out/01.sources")"
check_equal "deb822: a key inside is no file" "" "$(sources_keyring "$out/01.sources")"

fresh
cat >"$apt/sources.list" <<'END'
# deb cdrom:[Debian GNU/Linux 12 _Bookworm_ - Official amd64]/ bookworm main
deb cdrom:[Debian GNU/Linux 12 _Bookworm_ - Official amd64]/ bookworm main
deb http://mirror.example/debian bookworm main non-free-firmware # the usual
deb-src http://mirror.example/debian bookworm main
deb http://mirror.example/debian bookworm-updates main
deb http://mirror.example/debian-security bookworm-security main
END
printf 'deb\t[ arch=amd64  signed-by=/etc/apt/keyrings/a.gpg ]   http://b.example/debian\tbookworm  main\n' \
    >"$apt/sources.list.d/b.list"
echo 'deb http://vendor.example/linux bookworm stable' >"$apt/sources.list.d/vendor.list"
echo 'deb http://off.example/debian bookworm main' >"$apt/sources.list.d/off.list.disabled"
candidates
check_equal "lines: those that name the release and main" "01.list 02.list" "$(cd "$out" && echo *)"
check_equal "lines: components stay, the comment goes" \
    "deb http://mirror.example/debian bookworm-backports main non-free-firmware" "$(content 01.list)"
check_equal "lines: options stay" \
    "deb [ arch=amd64  signed-by=/etc/apt/keyrings/a.gpg ] http://b.example/debian bookworm-backports main" \
    "$(content 02.list)"
check_equal "lines: their addresses" "http://mirror.example/debian http://b.example/debian" \
    "$(sources_addresses "$out/01.list") $(sources_addresses "$out/02.list")"
check_equal "lines: their keys" "/etc/apt/keyrings/a.gpg" \
    "$(sources_keyring "$out/01.list")$(sources_keyring "$out/02.list")"

fresh
cat >"$apt/sources.list.d/a.sources" <<'END'
Types: deb
URIs: http://mirror.example/debian
Suites: trixie
Components: main
END
candidates
check_equal "another release: none" 0 "$(find "$out" -type f | wc -l)"
fresh
candidates
check_equal "no sources at all: none" 0 "$(find "$out" -type f | wc -l)"
finish
