# Finds apt sources of another suite, such as the backports of this release or another release: derives them from the
# machine's own apt sources.
#
# Sourced by tools/setup.sh, tools/check/debian.sh and their test. A machine's sources have one of two formats, and a line
# that names the release is not always Debian's own. So the result is a list of candidates; the caller tries one after the
# other.

# sources_candidates APT_DIRECTORY RELEASE SUITE OUT_DIRECTORY
# Writes OUT_DIRECTORY/01.sources, 02.list, ...: one for each stanza or line that is enabled, gives binary packages and
# names RELEASE among its suites. Each is a copy of it that has SUITE as its only suite.
sources_candidates() {
    local file
    sources_made=0
    for file in "$1"/sources.list.d/*.sources; do
        [ -f "$file" ] && sources_stanzas "$file" "$2" "$3" "$4"
    done
    for file in "$1"/sources.list "$1"/sources.list.d/*.list; do
        [ -f "$file" ] && sources_lines "$file" "$2" "$3" "$4"
    done
    return 0
}

# Prints the addresses in a candidate, one on each line.
sources_addresses() { # FILE
    awk '
        FILENAME ~ /[.]list$/ { sub(/^deb[ \t]+/, ""); sub(/^\[[^]]*\][ \t]*/, ""); print $1; next }
        { text = $0 }
        /^[^ \t]/ { name = tolower($0); sub(/[ \t]*:.*/, "", name); sub(/^[^:]*:/, "", text) }
        name == "uris" { n = split(text, words, /[ \t]+/); for (i = 1; i <= n; i++) if (words[i] != "") print words[i] }' "$1"
}

# Prints the file of keys that a candidate names, if it names one.
sources_keyring() { # FILE
    sed -n -e 's/^[Ss][Ii][Gg][Nn][Ee][Dd]-[Bb][Yy]:[ \t]*\(\/[^ \t]*\).*/\1/p' \
        -e 's/^deb[ \t]*\[[^]]*signed-by=\(\/[^] \t,]*\).*/\1/p' "$1"
}

# Stanzas of "Name: value" lines, with empty lines between them; a value continues on lines that begin with a blank.
sources_stanzas() {
    awk -v release="$2" -v suite="$3" -v out="$4" -v made="$sources_made" '
        function has(words, word,    parts, n, i) {
            n = split(words, parts, /[ \t\n]+/)
            for (i = 1; i <= n; i++)
                if (parts[i] == word)
                    return 1
            return 0
        }
        function finish(    path) {
            if (has(value["suites"], release) && has(value["types"], "deb") && has(value["components"], "main") &&
                tolower(value["enabled"]) !~ /^(no|false|off|0|without|disable)/ && value["uris"] !~ /cdrom:/) {
                path = sprintf("%s/%02d.sources", out, ++made)
                printf "Types: deb\nSuites: %s\n%s", suite, kept > path
                close(path)
            }
            kept = ""
            name = ""
            delete value
        }
        /^#/ { next }
        /^[ \t]*$/ { finish(); next }
        /^[ \t]/ { value[name] = value[name] "\n" $0; if (name != "types" && name != "suites") kept = kept $0 "\n"; next }
        {
            name = tolower($0)
            sub(/[ \t]*:.*/, "", name)
            text = $0
            sub(/^[^:]*:[ \t]*/, "", text)
            value[name] = text
            if (name != "types" && name != "suites")
                kept = kept $0 "\n"
        }
        END { finish() }' "$1"
    sources_count "$4"
}

# Lines such as: deb [signed-by=/a/key.gpg] http://mirror/debian bookworm main contrib
sources_lines() {
    awk -v release="$2" -v suite="$3" -v out="$4" -v made="$sources_made" '
        /^[ \t]*deb[ \t]/ && !/cdrom:/ {
            rest = $0
            sub(/[ \t]*#.*/, "", rest)
            sub(/^[ \t]*deb[ \t]+/, "", rest)
            options = ""
            if (match(rest, /^\[[^]]*\][ \t]*/)) {
                options = substr(rest, 1, RLENGTH)
                sub(/[ \t]*$/, " ", options)
                rest = substr(rest, RLENGTH + 1)
            }
            n = split(rest, words, /[ \t]+/)
            if (n < 3 || words[2] != release)
                next
            components = ""
            main = 0
            for (i = 3; i <= n; i++) {
                components = components " " words[i]
                main = main || words[i] == "main"
            }
            if (!main)
                next
            path = sprintf("%s/%02d.list", out, ++made)
            printf "deb %s%s %s%s\n", options, words[1], suite, components > path
            close(path)
        }' "$1"
    sources_count "$4"
}

sources_count() {
    sources_made=$(find "$1" -type f | wc -l)
}
