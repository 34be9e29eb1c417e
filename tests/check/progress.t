#!/bin/bash
# What is said while a run runs: one line on a terminal, that follows its width and goes away; a line each ten seconds
# elsewhere; JSON for machines. Never on standard output.
. "${0%/*}/../lib/tap.sh"
. "$root/tests/lib/engine.sh"
engine_need
need jq
[ -x "$tools/terminal" ] || skip_all "no $tools/terminal"

scene
sqlite3 empty.db <schema.sql
unset WINDROW_PROGRESS_SPEED
export TERM=xterm

# on_terminal COLUMNS [-c N] -- ARGS...: a load on a terminal: what it drew is in `drawn`, standard output in `result`
on_terminal() {
    local columns=$1 status=0
    shift
    cp empty.db t.db
    rm -f t.db-*
    "$tools/terminal" drawn "$columns" "$@" >result || status=$?
    return $status
}

# The lines that were drawn one over the other, without what moves the cursor.
frames() {
    tr '\r' '\n' <drawn | sed 's/\x1b\[K//g' | grep '\S'
}

widest() {
    frames | awk '{ if (length($0) > n) n = length($0) } END { print n + 0 }'
}

fast="WINDROW_PROGRESS_SPEED=2000"
load="$windrow load m.yaml tree --to sqlite:t.db --jobs 1"

expect_success "a terminal: one line with everything that is known, drawn over and over" '
    on_terminal 200 -- env $fast $load --json; [ $? = 3 ] && [ "$(frames | grep -c "rows")" -gt 3 ] &&
    frames | grep -E "^\[ *[0-9:]+\] +[0-9.]+%  [0-9.]+ / [0-9.]+ Ki?B  .*/s  files [0-9]+/[0-9]+  rows [0-9]+  rejects [0-9]+  checkpoint [0-9]+[sm] ago  ETA"'
expect_success "it is taken away before anything else is written, and at the end" '
    [ "$(tail -c 4 drawn | od -An -c | tr -d " \n")" = "\r033[K" ]'
expect_success "standard output is the result and nothing else" 'jq -e ".status == 3" result'
expect_success "no line is wider than the terminal, whose last column stays empty" '
    on_terminal 40 -- env $fast $load --json; [ "$(widest)" -le 39 ] && [ "$(widest)" -gt 20 ]'
expect_success "nor after its width has changed" '
    on_terminal 120,120,120,30,30,30,30,30,30 -- env $fast $load --json; [ "$(frames | awk "NR > 6 && length(\$0) > 29" | wc -l)" = 0 ] && [ "$(widest)" -gt 60 ]'
expect_success "a terminal of no width at all" 'on_terminal 1 -- env $fast $load --json; [ $? = 3 ] && jq -e . result >/dev/null'
expect_success "Ctrl-C: the line goes away, the message stands alone, status 7" '
    on_terminal 100 -c 3 -- env $fast $load; [ $? = 7 ] && ! tr "\r" "\n" <drawn | grep -a "rows.*interrupted" && grep -aq "same command" drawn result'
expect_success "and the same command goes on to the end" '
    WINDROW_UNIT_BYTES=400 expect_status 3 "$windrow" load m.yaml tree --to sqlite:t.db --quiet >/dev/null 2>&1'
expect_success "a terminal that cannot move its cursor gets plain lines" '
    on_terminal 100 -- env TERM=dumb $fast $load --json; [ $? = 3 ] && ! grep -aq "\[K" drawn && grep -aq "checkpoint" drawn'
expect_success "--progress none and --quiet say nothing" '
    on_terminal 100 -- env $fast $load --json --progress none; [ ! -s drawn ] || { cat -A drawn; false; }'

plain() {
    cp empty.db t.db && rm -f t.db-*
    env "$@" $load --json >result 2>said
}

expect_success "elsewhere: a plain line each ten seconds, of which a test has a thousand" '
    plain WINDROW_PROGRESS_SPEED=1000000; [ $? = 3 ] && [ "$(grep -c "rows .*rejects .*checkpoint" said)" -gt 3 ] && ! grep -q "$(printf "\033")" said && jq -e . result >/dev/null'
expect_success "a short run says nothing of the kind" 'plain A=1; ! grep "checkpoint" said'
expect_success "ten seconds are ten seconds: as many lines as the clock allows" '
    plain WINDROW_PROGRESS_SPEED=20; [ "$(grep -c checkpoint said)" -le 3 ]'
expect_success "--progress json: objects on standard error, the last one says so" '
    cp empty.db t.db && rm -f t.db-* && WINDROW_PROGRESS_SPEED=100000 expect_status 3 $load --json --progress json >result 2>said &&
    grep "^{" said | jq -s -e "(length > 3) and (.[-1].end == true) and (.[0].progress == \"load\") and all(.[]; has(\"bytes\") and has(\"rows\") and has(\"rejects\") and has(\"files\") and has(\"elapsed\")) and any(.[]; has(\"checkpoint_age\"))" &&
    jq -e .status result'
expect_success "a check has no checkpoints" '
    WINDROW_PROGRESS_SPEED=100000 expect_status 3 "$windrow" check m.yaml tree --to sqlite:t.db --jobs 1 --json --progress json >result 2>said &&
    grep "^{" said | jq -s -e "(.[0].progress == \"check\") and all(.[]; has(\"checkpoint_age\") | not)"'
expect_success "a reader who went away does no harm" '
    cp empty.db t.db && rm -f t.db-* && { env $fast $load --json --progress json 2>&1 >result | head -1 >/dev/null; [ "${PIPESTATUS[0]}" = 3 ]; } && jq -e .status result'
done_testing
