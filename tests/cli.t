#!/bin/bash
# The command line as a newcomer meets it: help, mistakes, odd sources, closed and full outputs, exit statuses.
. "${0%/*}/lib/tap.sh"
windrow=${WINDROW:-windrow}
engines=(sqlite)
[ -z "${WINDROW_TEST_PG:-}" ] || engines+=(postgresql)

cat >m.yaml <<'EOF'
windrow: 1
name: newcomer
tables:
  lines: {from: "**/{f}.jsonl", columns: {f: $path.f, n: .n}}
  files: {from: "{f}.json", columns: {f: $path.f, n: .n}}
EOF
tables='CREATE TABLE lines (f text, n bigint); CREATE TABLE files (f text, n bigint);'

fresh() {
    fresh_target "$1" && sql "$tables"
}
# refused STATUS TEXT ARGUMENTS...: nothing on stdout, the text on stderr.
refused() {
    local status=$1 text=$2
    shift 2
    expect_status "$status" "$windrow" "$@" >out 2>err && ! [ -s out ] && contains err "$text" && return
    cat out err
    return 1
}
load() {
    "$windrow" load m.yaml "$@" --to "$db" --progress none >out 2>err
}

# --- help ---

"$windrow" help >help.txt
commands=$(sed -n 's/^  \([a-z]\+\) .*/\1/p; s/^  \([a-z]\+\)$/\1/p' help.txt)
expect_success 'help lists the commands on stdout' '[ "$(echo "$commands" | wc -l)" -ge 7 ] && "$windrow" --help | compare help.txt -'
for command in $commands; do
    expect_success "$command --help" '
	expect_status 0 "$windrow" $command --help >said 2>err && ! [ -s err ] && contains said "usage: windrow $command" &&
	"$windrow" help $command | compare said - && "$windrow" $command -h | compare said - &&
	! grep -v "^  [-a-z]\|^usage: \|^$" said | sed 1d | grep .
    '
done
expect_success 'without a command: the same text, status 2' 'expect_status 2 "$windrow" >out && compare help.txt out'
expect_success 'version' '"$windrow" version >out && grep -q "^windrow [0-9]" out && "$windrow" --version | compare out -'

# --- mistakes ---

expect_success 'unknown command' 'refused 2 "unknown command '\''lod'\''; did you mean '\''load'\''?" lod'
expect_success 'unknown option' 'refused 2 "did you mean --summary?" load m.yaml x --summry y'
expect_success 'option of another command' 'refused 2 "status has no option --jobs" status --jobs 2'
expect_success 'short option' 'refused 2 "options are spelled out" load m.yaml x -j 2'
expect_success 'option without its value' 'refused 2 "--to needs a value: TARGET" load m.yaml x --to'
expect_success 'too few arguments' 'refused 2 "usage: windrow load MAPPING SOURCE..." load m.yaml'
expect_success 'no target' 'mkdir -p tree && refused 2 "give --to TARGET" load m.yaml tree'
expect_success 'a variable that is not set' 'refused 2 "env:NOPE: that variable is not set" load m.yaml tree --to env:NOPE'
expect_success 'no such mapping' 'refused 2 "no mapping '\''nope'\''" load nope tree --to sqlite:x'
expect_success 'a mapping that is a directory' 'fresh sqlite && refused 2 "Is a directory" load ./tree tree --to "$db"'
expect_success 'values of options' '
	refused 2 "from 1 to 256" load m.yaml tree --to sqlite:x --jobs 0 &&
	refused 2 "at least 16M" load m.yaml tree --to sqlite:x --memory 1 &&
	refused 2 "a number or a percentage" load m.yaml tree --to sqlite:x --max-rejects many &&
	refused 2 "reject or stop" load m.yaml tree --to sqlite:x --on-error skip &&
	refused 2 "NAME=VALUE" load m.yaml tree --to sqlite:x --set x &&
	refused 2 "parse, types, constraints or rehearse" check m.yaml tree --level all
'
expect_success 'a report that cannot be written is told first' '
	refused 2 "no report that can be written" load m.yaml tree --to sqlite:x --summary x.pdf &&
	refused 2 "cannot write" load m.yaml tree --to sqlite:x --summary /nowhere/x.json
'
expect_success 'explain and help of nothing' 'refused 2 "no code '\''W9999'\''" explain W9999 && refused 2 "no command '\''x'\''" help x'

# --- targets ---

expect_success 'a SQLite file that is not there is not made' '
	refused 5 "there is no database '\''nope.db'\''" load m.yaml tree --to sqlite:nope.db && ! [ -e nope.db ] &&
	refused 5 "No such file" status --to sqlite:nope.db && ! [ -e nope.db ]
'
expect_success 'a file that is no database' 'refused 5 "not a database" load m.yaml tree --to sqlite:m.yaml'
expect_success 'a server that is not there; the password is not shown' '
	refused 5 "localhost" load m.yaml tree --to postgresql://me:s3cret@localhost:1/x && ! grep s3cret out err
'
expect_success 'no connection string' 'refused 2 "connection string" load m.yaml tree --to nonsense'

for engine in "${engines[@]}"; do
    expect_success "$engine: tables that are not there" '
	fresh_target $engine && sql "CREATE TABLE other (id int)" && refused 2 "the target has no table lines" load m.yaml tree --to "$db" &&
	contains err "the target has no table files" "2 faults, nothing was touched"
    '

    # --- sources ---

    expect_success "$engine: an empty source" 'fresh $engine && mkdir -p empty && expect_status 8 load empty && contains out "nothing"'
    expect_success "$engine: a source that is missing" 'refused 2 "cannot read the source" load m.yaml nowhere --to "$db"'
    expect_success "$engine: a source that is a file" '
	fresh $engine && mkdir -p one && echo "{\"n\":1}" >one/a.json && expect_status 0 load one/a.json &&
	[ "$(sql "SELECT n FROM files")" = 1 ]
    '
    expect_success "$engine: two sources" '
	fresh $engine && mkdir -p two && echo "{\"n\":2}" >two/a.json && expect_status 0 load one two &&
	[ "$(sql "SELECT sum(n) FROM files")" = 3 ]
    '
    expect_success "$engine: sources that overlap" '
	refused 2 "overlap" load m.yaml one one --to "$db" && refused 2 "overlap" load m.yaml . two --to "$db"
    '
    expect_success "$engine: links, pipes and directories are passed over and counted" '
	fresh $engine && rm -rf odd && mkdir -p odd/dir.json && mkfifo odd/fifo.json && ln -s /etc/passwd odd/link.json && ln -s . odd/loop &&
	echo "{\"n\":1}" >odd/real.json && expect_status 0 load odd &&
	contains out "entries of the source that were skipped: 3" "symbolic link, W0306  2 entries" "not a regular file, W0307" &&
	[ "$(sql "SELECT f FROM files")" = real ]
    '
    expect_success "$engine: hostile names" '
	fresh $engine && mkdir -p names && echo "{\"n\":1}" >"names/a b
c.json" && echo "{\"n\":2}" >names/$'"'"'esc\e[31m.json'"'"' && echo "{\"n\":3}" >names/--to.json && echo "{\"n\":4}" >names/$'"'"'bad\xff.json'"'"' &&
	echo "{\"n\":\"x\"}" >names/$'"'"'red\e[31m.json'"'"' && expect_status 3 load names && ! grep -q $'"'"'\e'"'"' out err &&
	contains err "bad\\xFF.json:1:1" "red\\x1B[31m.json:1:6" && [ "$(sql "SELECT sum(n) FROM files")" = 6 ]
    '
    expect_success "$engine: byte order mark, CRLF, UTF-16, a huge line" '
	fresh $engine && mkdir -p bytes && printf "\357\273\277{\"n\":1}\r\n{\"n\":2}\r\n" >bytes/bom.jsonl &&
	printf "\377\376{\000\"\000" >bytes/utf16.json &&
	{ printf "{\"n\":3,\"s\":\""; head -c 20000000 /dev/zero | tr "\0" x; printf "\"}\n{\"n\":4}\n"; } >bytes/huge.jsonl &&
	expect_status 3 load bytes --memory 16M --jobs 1 && contains err "this looks like UTF-16" "huge.jsonl:1:1" "longer than the limit of 1572864" "--memory" &&
	[ "$(sql "SELECT sum(n) FROM lines")" = 7 ]
    '
    expect_success "$engine: a second load finds everything done" '
	fresh $engine && expect_status 0 load one && expect_status 0 load one && contains out "nothing changed" &&
	[ "$(sql "SELECT count(*) FROM files")" = 1 ]
    '

    # --- outputs ---

    expect_success "$engine: --json alone is on stdout" '
	fresh $engine && expect_status 3 load bytes --json --jobs 1 --memory 16M && jq -e ".status == 3 and .totals.balanced" out >/dev/null &&
	"$windrow" status --to "$db" --json | jq -e "length == 1" >/dev/null
    '
    expect_success "$engine: a result that cannot be written is a failure, the rows are in" '
	fresh $engine && expect_status 1 "$windrow" load m.yaml one --to "$db" >/dev/full 2>err && contains err "cannot write" &&
	[ "$(sql "SELECT count(*) FROM files")" = 1 ]
    '
    expect_success "$engine: closed descriptors do no harm" '
	fresh $engine && expect_status 1 "$windrow" load m.yaml one --to "$db" <&- >&- 2>/dev/null &&
	[ "$(sql "SELECT count(*) FROM files")" = 1 ] && fresh $engine && "$windrow" load m.yaml one --to "$db" --quiet <&- >&- 2>&-;
	[ "$(sql "SELECT count(*) FROM files")" = 1 ]
    '
    expect_success "$engine: a command that only reads ends without a word when nobody reads it, one that changes something tells" '
	unread() { perl -e "pipe R, W; close R; open STDOUT, q(>&W); exec { \$ARGV[0] } @ARGV" "$windrow" "$@" 2>err; }
	fresh $engine && expect_status 1 unread load m.yaml bytes --to "$db" --jobs 1 --quiet --json && contains err "error[W0103]" "Broken pipe" || return 1
	for list in "status --to" "rejects list --to" "rejects list --json --to" "rejects show --to" "rejects export --to" "lint m.yaml --to" \
	    "check m.yaml one --to"; do
	    expect_status 141 unread $list "$db" && [ ! -s err ] || { echo "$list"; cat err; return 1; }
	done
	for list in explain help version "help load" "load --help"; do expect_status 141 unread $list && [ ! -s err ] || { echo "$list"; cat err; return 1; }; done
    '
    expect_success "$engine: a reader that leaves early stops nothing" '
	fresh $engine && { "$windrow" load m.yaml bytes --to "$db" --jobs 1 2>&1 | true; [ "$(sql "SELECT count(*) FROM lines WHERE n < 3")" = 2 ]; }
    '
done
expect_success 'what cannot be read as another user is told' '
	mkdir -p secret/dir && echo "{\"n\":1}" >secret/a.json && echo "{}" >secret/no.json && chmod 000 secret/no.json secret/dir && chmod 755 . secret &&
	fresh sqlite && mkdir -p open && mv "${db#sqlite:}" open/x.db && chmod -R a+rwX open && cp "$(command -v "$windrow")" ./w && chmod 755 w &&
	if [ "$(id -u)" = 0 ]; then set -- setpriv --reuid=65534 --regid=65534 --clear-groups; else set --; fi &&
	expect_status 3 "$@" ./w load m.yaml secret --to sqlite:open/x.db >out 2>err &&
	contains err "cannot open: Permission denied" "no.json" "cannot read the directory" && chmod -R u+rwX secret
'
done_testing
