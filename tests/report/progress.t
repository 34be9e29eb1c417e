#!/bin/bash
# Progress on a terminal, in a pipe and as JSON; Ctrl-C; the exit status and the last line never disagree.
. "${0%/*}/../lib/tap.sh"
need jq awk sqlite3 script

mkdir tree empty
awk 'BEGIN { for (i = 1; i <= 400000; i++) printf "{\"id\":%d,\"n\":%d,\"pad\":\"0123456789012345678901234567890123456789\"}\n", i, i }' >tree/a.jsonl
cat >mapping.yaml <<'END'
windrow: 1
name: progress
tables:
  t:
    from: "{f}.jsonl"
    columns: {id: .id, n: .n}
END
tables="CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER CHECK (n < 1000000))"
fresh() { rm -f t.db*; sqlite3 t.db "$tables"; }

# on_terminal COLUMNS COMMAND: what a terminal of this width gets, in out; the status in status.
on_terminal() {
    script -qec "stty cols $1 rows 24; $2; echo \$? >status" /dev/null </dev/null >out 2>&1
}

expect_success "terminal: the line is drawn, follows the width, and is gone at the end" '
    fresh; on_terminal 60 "windrow load mapping.yaml tree --to sqlite:t.db --jobs 1" || return 1
    [ "$(cat status)" = 0 ] || { cat out; return 1; }
    LC_ALL=C grep -q "$(printf "\r")" out || { echo "nothing was drawn"; return 1; }
    LC_ALL=C tr "\r" "\n" <out | sed "s/\x1b\[[0-9;?]*[A-Za-z]//g" | grep -E "^\[ *[0-9]+:[0-9]+\]" >drawn
    awk "length > 60 { print; bad = 1 } END { exit bad || NR == 0 }" drawn &&
    tail -n 1 out | grep -q "done: 400,000 rows loaded"'
expect_success "terminal: a dumb one gets plain lines" '
    fresh; on_terminal 80 "TERM=dumb windrow load mapping.yaml tree --to sqlite:t.db" &&
    ! LC_ALL=C grep -q "$(printf "\033")" out'
expect_success "terminal: none when asked" '
    fresh; on_terminal 80 "windrow load mapping.yaml tree --to sqlite:t.db --progress none 2>err" && [ ! -s err ]'
expect_success "pipe: standard output holds the result alone" '
    fresh; windrow load mapping.yaml tree --to sqlite:t.db --json --progress json >out 2>err && jq -e ".status == 0" out >/dev/null &&
    jq -es "length > 0 and (.[-1] | has(\"rows\"))" err >/dev/null || { head -3 err; false; }'
expect_success "Ctrl-C: the cursor is back, the status is 7, the last line says how to go on, and the same command finishes" '
    fresh
    script -qec "stty cols 80 rows 24; exec windrow load mapping.yaml tree --to sqlite:t.db --jobs 1" /dev/null </dev/null >out 2>&1 &
    script=$!
    for i in $(seq 600); do pid=$(pgrep -P $script windrow) && [ "$(sqlite3 t.db "SELECT count(*) FROM t" 2>/dev/null)" != 0 ] && break; sleep 0.05; done
    [ -n "$pid" ] && kill -INT "$pid"
    wait $script; status=$?
    [ $status = 7 ] || [ $status = 0 ] || { echo "status $status"; tail -5 out; return 1; }
    if [ $status = 7 ]; then tail -n 1 out | grep -q "interrupted" || { tail -3 out; return 1; }; fi
    ! LC_ALL=C grep -q "$(printf "\033")\[?25l" out || LC_ALL=C grep -q "$(printf "\033")\[?25h" out || { echo "no cursor"; return 1; }
    expect_status 0 windrow load mapping.yaml tree --to sqlite:t.db --progress none >/dev/null &&
    [ "$(sqlite3 t.db "SELECT count(*) FROM t")" = 400000 ]'

# agree STATUS WORD ARGS...: the exit status, the verdict and the last line of three forms.
agree() {
    local status=$1 word=$2
    shift 2
    fresh
    expect_status "$status" "$@" --progress none --summary s.txt --summary s.json --summary s.xml >out 2>err || { cat out err; return 1; }
    tail -n 1 out | grep -q "^$word" || { echo "last line: $(tail -n 1 out)"; return 1; }
    [ "$(tail -n 1 s.txt)" = "$(tail -n 1 out)" ] && [ "$(jq .status s.json)" = "$status" ] &&
    [ "$(jq -r .verdict s.json)" = "$(tail -n 1 out)" ] && xmllint --noout s.xml || { tail -n 1 s.txt; jq "{status, verdict}" s.json; return 1; }
}
mkdir small bad
echo '{"id":1,"n":1}' >small/a.jsonl
for i in 1 2 3 4 5; do echo "{\"id\":$i,\"n\":\"x\"}"; done >bad/a.jsonl
echo '{"id":9,"n":1}' >>bad/a.jsonl
need xmllint

expect_success "agree: done" 'agree 0 "done" windrow load mapping.yaml small --to sqlite:t.db'
expect_success "agree: with rejects" 'agree 3 "done with rejects" windrow load mapping.yaml bad --to sqlite:t.db'
expect_success "agree: check finds" 'agree 3 "findings" windrow check mapping.yaml bad --to sqlite:t.db'
expect_success "agree: check finds nothing" 'agree 0 "clean" windrow check mapping.yaml small --to sqlite:t.db'
expect_success "agree: stopped by the limit" 'agree 4 "stopped" windrow load mapping.yaml bad --to sqlite:t.db --max-rejects 2'
expect_success "agree: stopped at the first" 'agree 4 "stopped" windrow load mapping.yaml bad --to sqlite:t.db --on-error stop'
expect_success "agree: nothing matched" 'agree 8 "nothing" windrow load mapping.yaml empty --to sqlite:t.db'
expect_success "agree: the check of a limit" 'agree 4 "stopped" windrow check mapping.yaml bad --to sqlite:t.db --max-rejects 2'

expect_success "300,000 equal findings are one block" '
    awk "BEGIN { for (i = 1; i <= 300000; i++) printf \"{\\\"id\\\":%d,\\\"n\\\":\\\"x\\\"}\n\", i }" >bad/a.jsonl
    fresh; expect_status 3 windrow check mapping.yaml bad --to sqlite:t.db --progress none >out || return 1
    [ "$(grep -c "^error" out)" = 1 ] && contains out "same in 299,999 more rows" && [ "$(wc -l <out)" -lt 40 ]'
done_testing
