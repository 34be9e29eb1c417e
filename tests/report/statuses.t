#!/bin/bash
# The exit status and the last line never disagree: for check and load, over the statuses that they have, in the four forms of
# the report, as JSON and on the terminal. (6 is of `verify` and `lint`.)
. "${0%/*}/../lib/tap.sh"
need jq sqlite3 xmllint
windrow=${WINDROW:-${WINDROW_FAULTS:-$root/build-faults}/windrow}
tools=${WINDROW_TOOLS:-$(dirname "$windrow")/tools}
[ -x "$windrow" ] && [ -x "$tools/strike" ] || skip_all "no build with failpoints; run it by scripts/test"

mkdir good bad empty
echo '{"id":1,"n":1}' >good/a.jsonl
printf '{"id":1,"n":"x"}\n{"id":2,"n":2}\n' >bad/a.jsonl
printf 'windrow: 1\nname: statuses\ntables:\n  t: {from: "{f}.jsonl", columns: {id: .id, n: .n}}\n' >m.yaml
sed 's/columns/colums/' m.yaml >faulty.yaml
fresh() {
    rm -f t.db* s.*
    sqlite3 t.db 'CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER)'
}
# The words with which the last line of each status begins.
words=('done: \|clean: ' 'internal error: ' 'nothing was touched: ' 'done with rejects: \|findings: ' 'stopped: ' 'database: ' \
    'different: ' 'interrupted: ' 'nothing matched: ')

# agree STATUS COMMAND ARGS...; struck() runs the program, perhaps with a failing call
agree() {
    local status=$1 verdict i
    shift
    struck "$windrow" "$@" --to sqlite:t.db --progress none --jobs 1 --summary s.txt --summary s.json --summary s.html --summary s.xml >out 2>err
    [ $? = "$status" ] || { echo "another status than $status"; cat out err; return 1; }
    verdict=$(tail -n 1 s.txt)
    for i in "${!words[@]}"; do
        if [ "$i" = "$status" ]; then
            echo "$verdict" | grep -q "^\(${words[i]}\)" || { echo "status $i: $verdict"; return 1; }
        else
            ! echo "$verdict" | grep -q "^\(${words[i]}\)" || { echo "status $status, but words of $i: $verdict"; return 1; }
        fi
    done
    [ "$(jq -r .verdict s.json)" = "$verdict" ] && [ "$(jq .status s.json)" = "$status" ] || { jq "{status, verdict}" s.json; return 1; }
    xmllint --html --xpath 'string(//p[starts-with(@class, "verdict")])' s.html 2>/dev/null >in-html
    [ "$(cat in-html)" = "$verdict exit status $status" ] || { cat in-html; return 1; }
    case $status in
    0) [ "$(xmllint --xpath 'string(/testsuites/@failures)' s.xml)" = 0 ] ;;
    *) [ "$(xmllint --xpath 'string(/testsuites/@failures)' s.xml)" != 0 ] ;;
    esac || { cat s.xml; return 1; }
    # Where nothing was begun, the reason on standard error is all there is.
    if [ -s out ]; then [ "$(tail -n 1 out)" = "$verdict" ]; else grep -q '^error\[W' err; fi || { cat out err; return 1; }
}
struck() { "$@" </dev/null; }

for command in load check; do
    expect_success "$command: 0" 'fresh; agree 0 $command m.yaml good'
    expect_success "$command: 3" 'fresh; agree 3 $command m.yaml bad'
    expect_success "$command: 4, by the limit" 'fresh; agree 4 $command m.yaml bad --max-rejects 0'
    expect_success "$command: 4, at the first" 'fresh; agree 4 $command m.yaml bad --on-error stop'
    expect_success "$command: 8" 'fresh; agree 8 $command m.yaml empty'
    expect_success "$command: 2, a mapping with faults" 'fresh; agree 2 $command faulty.yaml good'
    expect_success "$command: 2, a source that is not there" 'fresh; agree 2 $command m.yaml nowhere'
    expect_success "$command: 5" 'fresh; echo "this is no database, but long enough to be one: $(seq 200)" >t.db; agree 5 $command m.yaml good'
    expect_success "$command: 7, a disk that fails" '
        fresh; struck() { "$tools/strike" fail 1 EIO pread64 -m a.jsonl -- "$@" </dev/null; }; agree 7 $command m.yaml good'
    expect_success "$command: 7" '
        fresh; struck() { "$tools/strike" signal 1 INT -m a.jsonl -- "$@" </dev/null; }; agree 7 $command m.yaml good'
    struck() { "$@" </dev/null; }
done
expect_success 'load: 0 again, with nothing to do' 'fresh; agree 0 load m.yaml good && rm -f s.* && agree 0 load m.yaml good'
expect_success 'wrong usage has no report: status 2, the reason on standard error, nothing on standard output' '
    expect_status 2 "$windrow" load m.yaml good --to sqlite:t.db --jbos 1 >out 2>err && [ ! -s out ] && contains err "error[W0101]" &&
    expect_status 2 "$windrow" load m.yaml good >out 2>err && [ ! -s out ] && contains err "error[W0102]"'
done_testing
