# Finds sources of <release>-backports packages: derives them from the machine's own apt sources.
#
# Sourced by tools/setup.sh and by its test. A machine's sources have one of two formats, and a line that names the release
# is not always Debian's own. So the result is a list of candidates; the caller tries one after the other.

# backports_candidates APT_DIRECTORY RELEASE OUT_DIRECTORY
# Writes OUT_DIRECTORY/01.sources, 02.list, ...: one for each stanza or line that is enabled, gives binary packages and
# names RELEASE among its suites. Each is a copy of it that has RELEASE-backports as its only suite.
backports_candidates() {
    local file
    backports_made=0
    for file in "$1"/sources.list.d/*.sources; do
        [ -f "$file" ] && backports_stanzas "$file" "$2" "$3"
    done
    for file in "$1"/sources.list "$1"/sources.list.d/*.list; do
        [ -f "$file" ] && backports_lines "$file" "$2" "$3"
    done
    return 0
}

# Stanzas of "Name: value" lines, with empty lines between them; a value continues on lines that begin with a blank.
backports_stanzas() {
    awk -v release="$2" -v out="$3" -v made="$backports_made" '
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
                printf "Types: deb\nSuites: %s-backports\n%s", release, kept > path
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
    backports_count "$3"
}

# Lines such as: deb [signed-by=/a/key.gpg] http://mirror/debian bookworm main contrib
backports_lines() {
    awk -v release="$2" -v out="$3" -v made="$backports_made" '
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
            printf "deb %s%s %s-backports%s\n", options, words[1], release, components > path
            close(path)
        }' "$1"
    backports_count "$3"
}

backports_count() {
    backports_made=$(find "$1" -type f | wc -l)
}
