#!/bin/bash
# Every fixture tree of the bot gives the expected rows and rejects on both engines, and loaded again changes nothing.
. "${0%/*}/../lib/tap.sh"
. "$root/tests/twitter-bot/lib.sh"

# case | sources below it | options | status | what it shows
while IFS='|' read -r case sources options status shows; do
	[ -n "$case" ] || continue
	name=$case${sources:+-${sources// /-}}
	case $options in *usage_rows*) name=$name-rows ;; *replace*) name=$name-replaced ;; *structured_log*) name=$name-read ;; esac
	for engine in $engines; do
		fresh_bot "$engine"
		tree "$case"
		paths=
		for source in ${sources:-.}; do
			paths="$paths $tree/$source"
		done
		expect_success "$engine: $name: $shows" '
			expect_status $status load $paths $options && dump >dump && compare "$root/tests/twitter-bot/expected/$name.tsv" dump
		'
		expect_success "$engine: $name: loaded again, nothing changes" '
			load $paths $options; dump >again && compare dump again && contains "$said" "nothing changed"
		'
		case $name in *rows | *read | 01-* | 11-* | 16-*) ;; *) continue ;; esac
		expect_success "$engine: $name: started over, nothing changes either" '
			expect_status $status load $paths $options --fresh && dump | sed "/^\[rejects]/,\$d" >again &&
			sed "/^\[rejects]/,\$d" dump | compare - again
		'
	done
done <<'CASES'
01-duplicates|||0|three drafts and a post of one pair are one posted row
02-cut-posted|||3|damage is reported and the intact half imported
03-texts|||3|NUL and lone surrogates are refused with their place
03-texts||--set nul=replace --set utf8=replace|3|and replaced when asked
04-languages|||3|names of languages keep their length
05-ids|||0|times come out of ids to the millisecond, ids keep their digits
06-times||--set timezone=Europe/Berlin|3|fractions, offsets, hours that do not exist or exist twice
07-usage|other-month||0|counters keep the day and month of the file
07-usage|missing||0|a counter without its day makes no row
07-usage|bad||3|a cut file is refused once
07-usage|other-month one-line newer missing bad|--set usage_rows=true|3|of several roots the newest counter counts
08-last-id|empty||0|an empty file is no state
08-last-id|newline||0|white space is no part of an id
08-last-id|smaller newline empty||0|the largest id counts
09-metrics|a b empty||0|overlapping snapshots and Infinity
10-structured-log||--set structured_log=true|0|a logged post makes its draft posted
10-structured-log|||0|unless it is not asked
11-roots|a b||0|two roots merge
16-accounts|||0|accounts, settings, cache entries whose text is known
CASES
for engine in $engines; do
	fresh_bot "$engine"
	expect_success "$engine: the examples of the mapping hold, one of every kind of file" '
		"$windrow" lint "$mapping" --to "$db" --schema-dir "$root/schema" >linted 2>&1 && contains linted "8 examples, 0 wrong" && sql "SELECT count(*) FROM tweets" | compare - <(echo 0) &&
		for kind in drafts/pending drafts/posted last_tweet_id.txt api_usage.json "bot_2025-01-18.log" "bot_2025-01-18.json" async_translation_cache performance_metrics languages.json .env; do
			sed -n "/^examples:/,\$p" "$mapping" | grep -qF "$kind" || { echo "no example has $kind"; return 1; }
		done
	'
done
done_testing
