# Completion of aq for bash: source it, or put it into /usr/share/bash-completion/completions/aq. What can come next, aq
# itself knows: nouns, verbs, flags, fields, and keys that it asks from the server.
_aq() {
    # The line up to the cursor, cut at blanks only: bash would cut at "=" and ":" too.
    local line=${COMP_LINE:0:COMP_POINT} words current candidate
    read -ra words <<<"$line"
    [[ $line == *[[:space:]] ]] && words+=("")
    current=${words[${#words[@]} - 1]}
    COMPREPLY=()
    case ${words[${#words[@]} - 2]} in
    --file | --token-file | -f)
        mapfile -t COMPREPLY < <(compgen -f -- "$current")
        return
        ;;
    esac
    while IFS= read -r candidate; do
        # Bash replaces only what follows its own last cut.
        case $current in
        *[=:]*) candidate=${candidate#"${current%"${current##*[=:]}"}"} ;;
        esac
        COMPREPLY+=("$candidate")
    done < <("${words[0]}" __complete "${words[@]:1}" 2>/dev/null | sort -u)
    if [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *= ]]; then
        compopt -o nospace
    fi
}
complete -F _aq aq
