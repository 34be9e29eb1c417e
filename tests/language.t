#!/bin/bash
# Every feature of the mapping language on both engines: tests/language/CASE/ has
#
#   mapping.yaml, tree/         what is loaded; by `windrow load`, once
#   schema.sql                  the tables; schema.sqlite.sql or schema.postgresql.sql where the engines differ
#   rows.txt                    queries (lines that begin with "> ") and the rows expected, or rows.ENGINE.txt
#   says.txt                    texts that the run must print, or says.ENGINE.txt; "status N" for another exit status than 0
#   args                        more arguments, one a line
#
# All cases of an engine share one database: on PostgreSQL each has a schema of its own in the search path.
. "${0%/*}/lib/tap.sh"
need_postgres
# shellcheck source=tests/lib/postgres.sh
. "$root/tests/lib/postgres.sh"
windrow=${WINDROW:-windrow}
cases=$root/tests/language

file_of() {     # CASE NAME ENGINE ENDING
    if [ -e "$cases/$1/$2.$3.$4" ]; then
        echo "$cases/$1/$2.$3.$4"
    else
        echo "$cases/$1/$2.$4"
    fi
}

target_of() {   # ENGINE CASE
    case $1 in
    sqlite) echo "sqlite:$scratch/$2.db" ;;
    postgresql) echo "$db options='-c search_path=$2'" ;;
    esac
}

make_tables() {
    case $1 in
    sqlite)
        for name in "${names[@]}"; do
            sqlite3 -bail -batch "$name.db" <"$(file_of "$name" schema sqlite sql)" || return 1
        done
        ;;
    postgresql)
        for name in "${names[@]}"; do
            printf 'CREATE SCHEMA "%s"; SET search_path = "%s";\n' "$name" "$name"
            cat "$(file_of "$name" schema postgresql sql)"
        done >all.sql
        pg_psql -d "$db" -f all.sql
        ;;
    esac
}

load() {        # ENGINE CASE
    local args=()
    [ ! -e "$cases/$2/args" ] || mapfile -t args <"$cases/$2/args"
    timeout 60 "$windrow" load "$cases/$2/mapping.yaml" "$cases/$2/tree" --to "$(target_of "$1" "$2")" --progress none --jobs 1 \
        "${args[@]}" >"$2.$1.said" 2>&1 </dev/null
    echo $? >"$2.$1.status"
}

# Ask the queries of rows.txt again; the answers make a file of the same form.
queries() {
    sed -n "/^> /{s/^> //;h;s/'/''/g;s/.*/SELECT '> &';/p;g;s/\$/;/p}" "$(file_of "$2" rows "$1" txt)"
}

ask_all() {
    case $1 in
    sqlite)
        for name in "${names[@]}"; do
            queries sqlite "$name" | sqlite3 -bail -batch -separator '|' -nullvalue NULL "$name.db" >"$name.sqlite.rows" || return 1
        done
        ;;
    postgresql)
        for name in "${names[@]}"; do
            printf 'SET search_path = "%s";\n\\o %s\n' "$name" "$scratch/$name.postgresql.rows"
            queries postgresql "$name"
        done >ask.sql
        psql -X -q -A -t -v ON_ERROR_STOP=1 -F '|' -P null=NULL -d "$db" -f ask.sql
        ;;
    esac
}

check() {       # ENGINE CASE
    local line status=0 says
    says=$(file_of "$2" says "$1" txt)
    compare "$(file_of "$2" rows "$1" txt)" "$2.$1.rows" || { cat "$2.$1.said"; return 1; }
    if [ -e "$says" ]; then
        while IFS= read -r line; do
            case $line in
            'status '*) status=${line#status } ;;
            *) contains "$2.$1.said" "$line" || return 1 ;;
            esac
        done <"$says"
    fi
    [ "$(cat "$2.$1.status")" = "$status" ] && return
    echo "status $(cat "$2.$1.status") instead of $status:"
    cat "$2.$1.said"
    return 1
}

names=()
for dir in "$cases"/${LANGUAGE_CASES:-*}/; do
    dir=${dir%/}
    names+=("${dir##*/}")
done
for engine in sqlite postgresql; do
    fresh_target "$engine"
    expect_success "$engine: the tables of ${#names[@]} cases" 'make_tables $engine' || continue
    for name in "${names[@]}"; do
        load $engine "$name"
    done
    expect_success "$engine: the rows can be asked for" 'ask_all $engine'
    for name in "${names[@]}"; do
        expect_success "$engine: $name" 'check $engine "$name"'
    done
done
done_testing
