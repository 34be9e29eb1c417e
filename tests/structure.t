#!/bin/bash
# The source keeps to its own rules: no application in C, includes that point one way, libraries behind few files, functions
# that are not used, and the pages that are made from it.
. "${0%/*}/lib/tap.sh"

# Run a check in the project's directory: it fails when the function prints anything.
nothing_from() {
    (cd "$root" && "$@") >found
    ! [ -s found ] || { cat found; return 1; }
}

# Systems by their directories, and words that only their tables and files know.
application_names() {
    local system words=()
    for system in schema/*/ mappings/*.yaml; do
        system=$(basename "$system" .yaml)
        words+=("$system" "${system//-/_}" "${system//-/}")
    done
    words+=(tweet openai anthropic senderId sender_id customId custom_id translation_job batch_request)
    grep -rnwiF "${words[@]/#/-e}" importer --include='*.[ch]' --include='*.cpp' --include='*.def'
}

# folder: the folders that it may use
allowed='base: base
source: source base
read: read source base
convert: convert read source base
expr: expr convert read source base
mapping: mapping read source base
map: map mapping expr convert read source base
sink: sink convert read source base
migrate: migrate sink convert read source base
query: query migrate sink expr base
maintain: maintain query migrate sink base
report: report base
ledger: ledger sink source base
run: run ledger report migrate sink map mapping expr convert read source base
fixture: fixture run ledger report migrate sink map mapping convert read source base
cli: cli fixture run maintain query ledger report migrate sink map mapping expr convert read source base
main.c: cli'

wrong_includes() {
    grep -rn '#include "' importer | awk -v allowed="$allowed" '
        BEGIN { n = split(allowed, lines, "\n"); for (i = 1; i <= n; i++) { split(lines[i], at, ": "); may[at[1]] = " " at[2] " " } }
        { split($0, part, ":"); split(part[1], path, "/"); split($0, quoted, "\""); split(quoted[2], used, "/") }
        !(path[2] in may) || !index(may[path[2]], " " used[1] " ")'
}

# Everything that is included by "folder/name_internal.h" belongs to that folder.
borrowed_internals() {
    grep -rn '#include "[a-z]*/[a-z_]*internal\.h"' importer | grep -v '^importer/\([a-z]*\)/.*"\1/'
}

# library header: the files that wrap it
wrappers='archive.h:
archive_entry.h:
gmp.h: expr/number.c
jansson.h:
libpq-fe.h: sink/postgres_internal.h
openssl/md5.h: base/digest.c
openssl/sha.h: base/digest.c
pcre2.h: expr/regex.c read/reader_lines.c
simdjson.h: read/json_simd.cpp
sqlite3.h: sink/sqlite_internal.h
utf8proc.h: expr/string.c report/escape.c
xxhash.h: base/digest.c
yaml.h: mapping/yaml.c read/front_matter.c'

foreign_headers() {
    grep -rn '#include <' importer | awk -v wrappers="$wrappers" '
        BEGIN { n = split(wrappers, lines, "\n"); for (i = 1; i <= n; i++) { split(lines[i], at, ":"); may[at[1]] = at[2] " " } }
        { split($0, part, ":"); sub(/^importer\//, "", part[1]); header = $0; sub(/.*</, "", header); sub(/>.*/, "", header) }
        (header in may) && !index(may[header], " " part[1] " ")'
}

banned='gets|strcpy|stpcpy|strcat|strncat|sprintf|vsprintf|strtok|system|popen|alloca|mktemp|tmpnam|tempnam|gmtime|localtime|ctime|asctime|atoi|atol|atoll|atof|rand|setjmp|longjmp|vfork'
banned_calls() {
    grep -rnE "(^|[^a-zA-Z0-9_>.])($banned)\\(" importer --include='*.[ch]' --include='*.cpp' | grep -vE '^[^:]*banned\.h:|^[^:]*:[0-9]*: *(/\*|\*)'
}

# Only main returns to the system; below report/, run/ and cli/ nothing prints.
exits() {
    grep -rnE '\b_?exit\(' importer --include='*.c' | grep -vE 'base/fault\.c|base/err\.[ch]|run/server\.c'
}
prints() {
    grep -rnwE 'printf|puts|putchar|fputs|fprintf|vfprintf|fwrite|perror' importer/base importer/source importer/read importer/convert importer/expr importer/mapping importer/map importer/sink importer/migrate importer/ledger importer/fixture \
        --include='*.c' | grep -E '(printf|puts|putchar|fputs|fprintf|vfprintf|fwrite|perror)\(' | grep -vE 'base/fault\.c|base/err\.c|BUG|^[^:]*:[0-9]*: *(/\*|\*)'
}
without_opening() {
    for file in importer/*/*.[ch] importer/*/*.cpp importer/*.c; do
        grep -v '^#define' "$file" | grep -v '^#include' | grep -m1 . | grep -q '^/\*' || echo "$file opens without a sentence"
    done
    for file in importer/*/*.c; do
        grep -v '^#' "$file" | grep -m1 .
    done | sort | uniq -d
}
unlisted_functions() {
    for header in importer/*/*.h; do
        case $header in *_internal.h | */cleanup.h) continue ;; esac
        grep -q "^#ifndef WINDROW_" "$header" || echo "$header has no guard"
    done
}

expect_success 'no application is named' 'nothing_from application_names'
expect_success 'includes point one way' 'nothing_from wrong_includes'
expect_success 'internal headers stay in their folder' 'nothing_from borrowed_internals'
expect_success 'the header of a library is included by its wrappers alone' 'nothing_from foreign_headers'
expect_success 'risky functions are not called' 'nothing_from banned_calls'
expect_success 'nothing but main ends the program' 'nothing_from exits'
expect_success 'only report, run and cli print' 'nothing_from prints'
expect_success 'each file opens with a sentence of its own' 'nothing_from without_opening'
expect_success 'headers have guards' 'nothing_from unlisted_functions'
expect_success 'importer/README.md lists the files' 'cd "$root" && scripts/docs-files --check'
expect_success 'shell scripts can be read' 'cd "$root" && for file in scripts/* .ci/run tests/*.t tests/*/*.t tests/lib/*.sh; do
	case $(head -n 1 "$file") in *perl*) perl -c "$file" 2>&1 | grep -v "syntax OK" ;; *) bash -n "$file" ;; esac; done; true'
expect_success 'tests can be started' '! find "$root/tests" -name "*.t" ! -perm -u+x | grep .'
done_testing
