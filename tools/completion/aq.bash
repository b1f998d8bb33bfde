# Bash completion for aq: source this file, or copy it to /usr/share/bash-completion/completions/aq. aq itself lists the
# possible next words: nouns, verbs, flags, fields, and keys that it reads from the server.
_aq() {
    # The line up to the cursor, split at blanks only: bash would also split at "=" and ":" too.
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
        # Bash replaces only the text after its own last split.
        case $current in
        *[=:]*) candidate=${candidate#"${current%"${current##*[=:]}"}"} ;;
        esac
        COMPREPLY+=("$candidate")
    done < <("${words[0]}" __complete "${words[@]:1}" 2>/dev/null | sort -u)
    case " ${words[*]:1:2} " in
    *" create "* | *" apply "*) # labels are given as files, too
        [[ " ${words[*]:1:2}" == *" label"* || ${words[1]} == apply ]] && mapfile -t -O ${#COMPREPLY[@]} COMPREPLY < <(compgen -f -- "$current") ;;
    esac
    if [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *= ]]; then
        compopt -o nospace
    fi
}
complete -F _aq aq
