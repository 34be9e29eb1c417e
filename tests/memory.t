#!/bin/bash
# Memory grows neither with the size of a JSONL file nor with the number of files; --memory bounds what one record takes.
. "${0%/*}/lib/tap.sh"
need jq perl prlimit
engines=(sqlite)
[ -z "${WINDROW_TEST_PG:-}" ] || engines+=(postgresql)
# A sanitizer's own memory says nothing: the release is measured where it has been built.
windrow=${WINDROW:-$root/build/windrow}
[ -x "$windrow" ] || windrow=windrow

cat >m.yaml <<'EOF'
windrow: 1
name: memory
tables:
  lines: {from: "{f}.jsonl", columns: {n: .n, s: {expr: '.s | .[0:40]'}}}
  files: {from: "d{d}/{f}.json", columns: {n: .n, s: .s}}
  whole: {from: "{f}.doc", read: json, columns: {n: .n, s: {expr: '.a | length'}}}
EOF
tables='CREATE TABLE lines (n bigint, s text); CREATE TABLE files (n bigint, s text); CREATE TABLE whole (n bigint, s bigint);'

make_lines() {  # DIRECTORY RECORDS
    mkdir -p "$1" && perl -e 'my $s = "x" x 2000; printf "{\"n\":%d,\"s\":\"%s\"}\n", $_, $s for 1 .. $ARGV[0]' "$2" >"$1/x.jsonl"
}
make_files() {  # DIRECTORY FILES
    mkdir -p "$1" && perl -e 'chdir $ARGV[0]; for (1 .. $ARGV[1]) { mkdir "d" . int($_ / 1000) if $_ % 1000 == 0 || $_ == 1;
        open my $f, ">", "d" . int($_ / 1000) . "/$_.json" or die; print $f "{\"n\":$_,\"s\":\"text\"}" }' "$1" "$2"
}
# The peak of a command in MiB, in $peak.
measure() {
    set -- "${@/#TARGET/${db:-}}"
    "$windrow" "$@" --jobs 2 --progress none --json >report.json 2>err || { cat report.json err; return 1; }
    peak=$(jq '.peak_bytes / 1048576 | floor' report.json)
    echo "peak $peak MiB: $*" | tee -a peaks
}
# flat SMALL LARGE COMMAND...: three times the data take no more than a tenth and 6 MiB more, and less than 256 MiB.
flat() {
    local small=$1 large=$2 first
    shift 2
    measure "${@//SOURCE/$small}" || return 1
    first=$peak
    [ -z "${db:-}" ] || fresh "$engine" || return 1
    measure "${@//SOURCE/$large}" && [ "$peak" -le $((first + first / 10 + 6)) ] && [ "$peak" -lt 256 ]
}
fresh() {
    fresh_target "$1" && sql "$tables"
}

make_lines few 40000 && make_lines many 120000 && make_files some 4000 && make_files lots 16000
expect_success 'check: three times the lines' 'unset db; flat few many check m.yaml SOURCE --level types'
expect_success 'check: four times the files' 'unset db; flat some lots check m.yaml SOURCE --level types'
for engine in "${engines[@]}"; do
    expect_success "$engine: three times the lines" 'fresh $engine && flat few many load m.yaml SOURCE --to TARGET'
    expect_success "$engine: four times the files" 'fresh $engine && flat some lots load m.yaml SOURCE --to TARGET &&
	[ "$(sql "SELECT count(*) FROM files")" = 16000 ]'
    [ $engine = sqlite ] || expect_success "$engine: and the server knows how many it has: a page of them needs no sort" '
	[ "$(sql "SELECT reltuples FROM pg_class WHERE oid = to_regclass(\$\$windrow.files\$\$)")" = 16000 ]
    '
done

mkdir whole && perl -e 'print "{\"n\":1,\"a\":[", join(",", ("{}") x 4_000_000), "]}"' >whole/a.doc
expect_success 'a document that is too large for --memory is refused with what to do' '
	fresh sqlite && expect_status 3 "$windrow" load m.yaml whole --to "$db" --memory 64M --jobs 1 >out 2>err &&
	contains err "a.doc" "more than the limit of 6291456" "--memory"
'
expect_success 'with enough of it, it loads and stays below' '
	fresh sqlite && measure load m.yaml whole --to "$db" --memory 256M --jobs 1 && [ "$peak" -lt 256 ] &&
	[ "$(sql "SELECT s FROM whole")" = 4000000 ]
'
expect_success 'under a hard limit of the system it ends in good order, and the next run goes on' '
	fresh sqlite && status=0 && { prlimit --as=90000000 "$windrow" load m.yaml whole --to "$db" --memory 256M --jobs 1 >out 2>err || status=$?; } &&
	cat err && [ $status -gt 0 ] && [ $status -lt 9 ] && measure load m.yaml whole --to "$db" --jobs 1 &&
	[ "$(sql "SELECT s FROM whole")" = 4000000 ]
'
{ sed '/^  whole/d' m.yaml && for i in 1 2 3 4 5 6; do
    echo "  whole$i: {into: whole, from: \"{f}.doc\", read: json, columns: {n: .n, s: {expr: '.a | length'}}}"
done; } >rules.yaml
expect_success 'six rules that read it take no more than one' '
	fresh sqlite && measure load rules.yaml whole --to "$db" --memory 256M --jobs 1 && [ "$peak" -lt 256 ] &&
	[ "$(sql "SELECT count(*), min(s) FROM whole")" = "6	4000000" ]
'

# --- what makes much of few bytes ---
mkdir bombs && perl -e 'print "{\"n\":1,\"a\":[", join(",", ("[]") x 500_000), "]}"' >bombs/parts.doc
perl -e 'print "{\"n\":2,\"a\":", "[" x 700_000, "]" x 700_000, "}"' >bombs/deep.doc
perl -e 'print "{\"n\":3,\"a\":{\"k0\":0"; print ",\"k$_\":$_" for 1 .. 250_000; print "}}"' >bombs/keys.doc
echo '{"n":4,"a":[1,2]}' >bombs/small.doc
expect_success 'many parts, many keys, deep nesting: refused each with its reason, and the small one loads' '
	fresh sqlite && expect_status 3 "$windrow" load m.yaml bombs --to "$db" --memory 16M --jobs 1 --progress none >out 2>err &&
	contains err "parts.doc:1:1" "so many parts" "--memory" "deep.doc:1:1" "keys.doc" "more than the limit" &&
	peak=$(sed -n "s/.*peak memory \([0-9]*\).*/\1/p" out) && [ "$peak" -lt 24 ] && [ "$(sql "SELECT n, s FROM whole")" = "4	2" ]
'
expect_success 'with enough memory all but the deep one' '
	fresh sqlite && expect_status 3 "$windrow" load m.yaml bombs --to "$db" --memory 512M --jobs 1 --progress none >out 2>err &&
	contains err "deep.doc:1:" "nested" && [ "$(sql "SELECT count(*), sum(s) FROM whole")" = "3	750003" ]
'
mkdir line && { printf '{"n":3,"s":"'; head -c 20000000 /dev/zero | tr '\0' x; printf '"}\n{"n":4}\n'; } >line/x.jsonl
expect_success 'one line of 20 MB: the advice that a refusal gives is good' '
	fresh sqlite && expect_status 3 "$windrow" load m.yaml line --to "$db" --jobs 2 --progress none >out 2>err &&
	contains err "x.jsonl:1:1" "a line of 20000014 bytes" && advised=$(grep -o "\-\-memory [0-9]*M" err | head -n 1) &&
	fresh sqlite && measure load m.yaml line --to "$db" $advised && [ "$peak" -lt "${advised//[^0-9]/}" ] &&
	[ "$(sql "SELECT count(*) FROM lines")" = 2 ]
'

# --- what stands beside the file being read ---
cat >beside.yaml <<'EOF'
windrow: 1
name: beside
indexes:
  last:   {files: "{s}/e.jsonl", by: .k}
  first:  {files: "{s}/e.jsonl", by: .k, duplicates: first, orphans: false}
  every:  {files: "{s}/e.jsonl", by: .k, duplicates: all, value: .v, prefer: '.v % 3', orphans: false}
  once:   {files: "{s}/e.jsonl", by: [.k, .v], duplicates: reject, orphans: false}
  best:   {files: "{s}/e.jsonl", by: .k, prefer: ['.v % 3', '.v % 2 == 0'], orphans: false}
tables:
  t:
    from: "{s}/ask.jsonl"
    columns: {k: .k, last: {expr: '$last[.k].v'}, first: {expr: '$first[.k].v'}, every: {expr: '$every[.k] | tojson'},
              once: {expr: '$once[[.k, 5]].v'}, best: {expr: '$best[.k].v'}}
EOF
mkdir -p beside/s && perl -e 'printf "{\"k\":\"key %d\",\"v\":%d}\n", $_ * 7919 % 15000, $_ for 1 .. 45000; print "{\"k\":\"key 9\",\"v\":5}\n" x 2' >beside/s/e.jsonl
perl -e 'printf "{\"k\":\"key %d\"}\n", $_ * 13 for 0 .. 1200' >beside/s/ask.jsonl
beside() {  # NAME MEMORY
    fresh_target sqlite && sql 'CREATE TABLE t (k text, last integer, first integer, every text, once integer, best integer)' &&
        measure load beside.yaml beside --to "$db" --memory "$2" --jobs 1 && rows_of t k >"$1" && echo "$peak" >"$1.peak" &&
        jq -c '([.. | objects | select(has("code")) | {code, message, count}] | sort), .exit_status' report.json >>"$1"
}
expect_success 'an index that outgrows its memory goes on in a file, and says the same' '
	beside large 1G && beside small 16M && compare large small && grep -q "key 13" large &&
	[ "$(cat small.peak)" -lt 40 ] && [ "$(cat small.peak)" -lt "$(cat large.peak)" ]
'
expect_success 'without room for the file it ends in good order, and the next run loads' '
	fresh_target sqlite && sql "CREATE TABLE t (k text, last integer, first integer, every text, once integer, best integer)" &&
	TMPDIR=/nowhere expect_status 7 "$windrow" load beside.yaml beside --to "$db" --memory 16M --jobs 1 >out 2>err &&
	contains err "temporary file of an index" "/nowhere" && measure load beside.yaml beside --to "$db" --jobs 1 &&
	[ "$(sql "SELECT count(*) FROM t")" = 1201 ]
'
{ echo 'windrow: 1' && echo 'name: documents' && echo 'documents:' && for i in {1..12}; do echo "  d$i: \"{s}/$i.json\""; done
  echo 'tables:' && echo '  t: {from: "{s}/ask.jsonl", columns: {n: .n, s: {expr: '"'"'[$d1.s, $d2.s, $d3.s, $d4.s, $d5.s, $d6.s, $d7.s, $d8.s, $d9.s, $d10.s, $d11.s, $d12.s, ($d1.t | length)] | tojson'"'"'}}}'; } >documents.yaml
mkdir -p documents/s && for i in {1..12}; do
    { printf '{"s":%d,"t":"' "$i" && head -c 400000 /dev/zero | tr '\0' x && printf '"}'; } >documents/s/$i.json
done
echo '{"n":1}' >documents/s/ask.jsonl
expect_success 'twelve documents of one row are all there' '
	fresh_target sqlite && sql "CREATE TABLE t (n integer, s text)" &&
	measure load documents.yaml documents --to "$db" --jobs 1 && [ "$(sql "SELECT s FROM t")" = "[1,2,3,4,5,6,7,8,9,10,11,12,400000]" ]
'
expect_success 'where they do not fit the row is refused' '
	fresh_target sqlite && sql "CREATE TABLE t (n integer, s text)" &&
	expect_status 3 "$windrow" load documents.yaml documents --to "$db" --memory 16M --jobs 1 >out 2>err && contains err W0451 "ask.jsonl:1" "--memory"
'
sed 's/^/# /' peaks
done_testing
