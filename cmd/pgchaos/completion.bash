# Completion of pgchaos for bash. It needs bash alone: neither the package bash-completion nor
# any other program.

_pgchaos() {
    # Bash splits the line at = and : too, as in --provider=docker. What stands together on the
    # line is one word here, up to the cursor.
    local rest=${COMP_LINE:0:COMP_POINT} words=() i part
    for ((i = 0; i <= COMP_CWORD; i++)); do
        part=${COMP_WORDS[i]}
        if [[ $i -eq 0 || $rest == [[:space:]]* ]]; then
            words+=("")
            rest=${rest#"${rest%%[![:space:]]*}"}
        fi
        if [[ $i -eq $COMP_CWORD ]]; then
            part=$rest
        fi
        words[${#words[@]} - 1]+=$part
        rest=${rest#"$part"}
    done
    local last=$((${#words[@]} - 1)) program=${words[0]/#\~\//$HOME/} answer directive
    answer=$("$program" __completeNoDesc "${words[@]:1:last-1}" "${words[last]}" 2>/dev/null) || return 0
    directive=${answer##*:}
    answer=${answer%:*}

    # Of a flag with its value, as in --out=DIR, the value alone is completed.
    local value=${words[last]}
    if [[ $value == -*=* ]]; then
        value=${value#*=}
    fi
    COMPREPLY=()
    if ((directive & 1)); then # an error
        return 0
    elif ((directive & 16)); then # directories
        while IFS= read -r part; do COMPREPLY+=("$part"); done < <(compgen -d -- "$value")
        type compopt &>/dev/null && compopt -o filenames
    else
        while IFS= read -r part; do
            if [[ -n $part && $part == "$value"* ]]; then
                COMPREPLY+=("$(printf %q "$part")")
            fi
        done <<<"$answer"
        if ((${#COMPREPLY[@]} == 0 && !(directive & 4))); then # any file
            while IFS= read -r part; do COMPREPLY+=("$part"); done < <(compgen -f -- "$value")
            type compopt &>/dev/null && compopt -o filenames
        elif ((directive & 2)); then # more follows the word
            type compopt &>/dev/null && compopt -o nospace
        fi
    fi

    # Bash replaces only what comes after the last = or : of the word.
    local before=${value%"${value##*[=:]}"}
    if [[ -n $before && $COMP_WORDBREAKS == *[=:]* ]]; then
        for i in "${!COMPREPLY[@]}"; do
            COMPREPLY[i]=${COMPREPLY[i]#"$before"}
        done
    fi
}

complete -F _pgchaos pgchaos
