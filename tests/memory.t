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
	fresh sqlite && status=0 && { prlimit --as=200000000 "$windrow" load m.yaml whole --to "$db" --memory 256M --jobs 1 >out 2>err || status=$?; } &&
	cat err && [ $status -gt 0 ] && [ $status -lt 9 ] && measure load m.yaml whole --to "$db" --jobs 1 &&
	[ "$(sql "SELECT s FROM whole")" = 4000000 ]
'
sed 's/^/# /' peaks
done_testing
