#!/bin/bash
# `windrow maintain backup` and `restore`: one state, checked, under its name only when whole; nothing is overwritten unasked.
. "${0%/*}/../lib/tap.sh"
. "$root/tests/maintain/lib.sh"
need jq

backup() { m backup "$@"; }
restore() { m restore "$@"; }
# A second database, empty: $other.
other() {
	case $db in
	sqlite:*) other=sqlite:$scratch/other$((++shops)).db ;;
	*) local kept=$db && fresh_target postgresql && other=$db && db=$kept ;;
	esac
}
on() { local db=$1; shift; "$@"; }
left() { ls -A "${1:-.}" | grep -v -x -e out -e said -e before -e mine -e template.db -e '\.tap.*' -e 'live.*' -e 'trace.*'; }

for engine in $engines; do
	shop $engine
	expect_success "$engine: a backup gets a name with the time, and is for its owner alone" '
		mkdir -p b$engine && cd b$engine && backup --schema-dir ../mine && file=$(head -n 1 out) && [[ $file =~ ^shop-[0-9]{8}T[0-9]{6}Z\.(db|dump)$ ]] && [ "$(stat -c %a "$file")" = 600 ] &&
		contains out "KiB: " "shop up to version 1; read again and counted" && ls -A | compare - <(printf "%s\nout\nsaid\n" "$file" | LC_ALL=C sort)
	'
	file=$scratch/$engine.backup
	expect_success "$engine: or the name that is asked for, or a directory, and never that of a file that is there" '
		backup --out "$file" --json && jq -e ".bytes == $(stat -c %s "$file") and .schema_version == 1 and .rows > 10" out && cksum <"$file" >before &&
		expect_status 1 backup --out "$file" && contains said W0905 "exists already" && cksum <"$file" | compare before - &&
		mkdir "d$engine" && backup --out "d$engine" && [ "$(ls "d$engine" | wc -l)" = 1 ] && ln -s nowhere "l$engine" && expect_status 1 backup --out "l$engine" &&
		expect_status 1 backup --out none/x && contains said W0905 "No such file"
	'
	expect_success "$engine: restored into an empty database it is all there, and the database lives on" '
		other && all >before && on "$other" restore "$file" && contains out "restored" "up to version 1" && on "$other" all | compare before - &&
		on "$other" m indexes && on "$other" sql "INSERT INTO log (id, at) VALUES (99, '\''y'\'')"
	'
	expect_success "$engine: a target with tables is refused until its name is typed" '
		sql "DELETE FROM orders" && all >before && expect_status 2 restore "$file" && contains said W0903 "--yes-really" &&
		expect_status 2 restore "$file" --yes-really no && contains said "not '\''no'\''" && all | compare before -
	'
	expect_success "$engine: then what was there is kept aside, as a backup" '
		name=$(sed -n "s/.*--yes-really //p" said) && mkdir -p aside && cd aside && m restore "$file" --schema-dir ../mine --yes-really "$name" --json &&
		aside=$(jq -r .aside out) && [ -s "$aside" ] && aside=$(realpath "$aside") && cd .. && sql "SELECT count(*) FROM orders" | compare - <(echo 5) &&
		other && on "$other" restore "$aside" && on "$other" all | compare before -
	'
	expect_success "$engine: what is no backup of the system is told before anything is touched" '
		other && printf "rubbish, and more of it than a header has: %s\n" {1..50} >rubbish && expect_status 2 on "$other" restore rubbish && contains said W0902 &&
		expect_status 2 on "$other" restore nothing && contains said W0902 && head -c 3000 "$file" >cut && expect_status 2 on "$other" restore cut && contains said W0902 &&
		expect_status 2 "$windrow" maintain restore bare "$file" --schema-dir mine --to "$other" 2>said && contains said W0902 "no tables of bare" &&
		mv mine/shop/$engine/001_tables.up.sql kept && { expect_status 2 on "$other" restore "$file"; mv kept mine/shop/$engine/001_tables.up.sql; } && expect_status 2 restore
	'
	expect_success "$engine: a version that is newer here is named" '
		echo "CREATE TABLE later (a integer);" >mine/shop/$engine/002_later.up.sql && echo "DROP TABLE later;" >mine/shop/$engine/002_later.down.sql && other &&
		on "$other" restore "$file"; status=$?; rm mine/shop/$engine/002*; [ $status = 0 ] && contains out "schema up shop" "version 2"
	'
done

shop sqlite
# A moment is found by counting writes: the same in every run.
calls=pwrite64
traced() { ASAN_OPTIONS=$ASAN_OPTIONS:detect_leaks=0 strace -f -qq -o trace -e trace=$calls -e inject="$calls:$1" "${@:2}"; }
command -v strace >/dev/null || skip_all "no strace here"
expect_success 'sqlite: a full disk: status, reason, nothing left behind' '
	mkdir full && cd full && expect_status 5 traced error=ENOSPC:when=3+ "$windrow" maintain backup shop --schema-dir ../mine --to $db 2>said && contains said W0551 "no space left" &&
	left . | compare - /dev/null
'
expect_success 'sqlite: Ctrl-C: status 7, nothing left behind' '
	mkdir int && cd int && expect_status 7 traced signal=INT:when=2 "$windrow" maintain backup shop --schema-dir ../mine --to $db 2>said && contains said "no backup was made" &&
	left . | compare - /dev/null
'
# Some thousand pages, and the few of before.
m backup --out whole.db
sqlite3 "${db#sqlite:}" "DELETE FROM log; WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1500) INSERT INTO log SELECT i, hex(randomblob(900)) FROM n"
sum() { all | cksum; }
sum >big
m backup --out big.db
m restore whole.db --yes-really shop.db
sum >small
over=("$windrow" maintain restore shop big.db --schema-dir mine --to "$db" --yes-really shop.db)
expect_success 'sqlite: Ctrl-C in the middle of a restore: the target is as it was' '
	calls=pread64 expect_status 7 traced signal=INT:when=900 "${over[@]}" >out 2>said && contains said "as it was" && sum | compare small - && m restore whole.db --yes-really shop.db
'
expect_success 'sqlite: killed in the middle of a restore: the target is as it was, or all is there' '
	traced delay_enter=1:when=1 "${over[@]}" >out && sum | compare big - && writes=$(grep -c pwrite64 trace) && seen= &&
	for part in 10 30 60 90 100; do
		m restore whole.db --yes-really shop.db && { traced signal=KILL:when=$((writes * part / 100 - 2)) "${over[@]}" >out 2>said; [ $? = 137 ]; } || return
		sum >now && { cmp -s now small || cmp -s now big; } && sqlite3 "${db#sqlite:}" "PRAGMA integrity_check" | compare - <(echo ok) || return
		cmp -s now small && seen+=s || seen+=b
	done && echo "$seen" && [[ $seen = s*b ]]
'
expect_success 'sqlite: a damaged target goes aside as it is' '
	shop sqlite && printf "this is no database at all" | dd of="${db#sqlite:}" conv=notrunc 2>/dev/null && expect_status 2 restore whole.db && expect_status 0 restore whole.db --yes-really shop.db &&
	contains out "could not be read" && [ "$(head -c 10 "${db#sqlite:}".before-restore-*)" = "this is no" ] && sql "SELECT count(*) FROM orders" | compare - <(echo 5)
'
expect_success 'sqlite: pages of another size' '
	shop sqlite && sqlite3 "${db#sqlite:}" "PRAGMA journal_mode = DELETE; PRAGMA page_size = 1024; VACUUM" && restore whole.db --yes-really shop.db && sum | compare small - &&
	sqlite3 "${db#sqlite:}" "PRAGMA page_size; PRAGMA journal_mode" | compare - <(printf "4096\nwal\n")
'
expect_success 'sqlite: a backup that is damaged, or the target itself' '
	cp whole.db bad.db && dd if=/dev/urandom of=bad.db bs=1000 seek=6 count=8 conv=notrunc 2>/dev/null && other && expect_status 2 on "$other" restore bad.db && contains said W0902 &&
	! [ -e "${other#sqlite:}" ] && expect_status 2 restore "${db#sqlite:}" --yes-really shop.db && contains said "the target itself"
'
expect_success 'sqlite: not while a load has the file' '
	expect_status 5 flock "${db#sqlite:}" "$windrow" maintain restore shop whole.db --schema-dir mine --to $db --yes-really shop.db 2>said && contains said W0610
'
expect_success 'vacuum: what was saved is told; a file that others hold is named' '
	shop sqlite && sqlite3 "${db#sqlite:}" "WITH RECURSIVE n(i) AS (SELECT 100 UNION ALL SELECT i + 1 FROM n WHERE i < 9000) INSERT INTO log SELECT i, hex(randomblob(8)) FROM n; DELETE FROM log WHERE i > 99" 2>/dev/null;
	sqlite3 "${db#sqlite:}" "DELETE FROM log WHERE id > 99" && m vacuum --json && jq -e ".bytes_after < .bytes_before and .bytes_after == $(stat -c %s "${db#sqlite:}")" out &&
	m vacuum && contains out "0 B saved" && expect_status 5 locked "INSERT INTO log VALUES (9999, '\''x'\'')" m vacuum --wait 1 && contains said W0550
'

if [[ $engines = *postgresql* ]]; then
	shop postgresql
	mkdir bin empty
	cat >bin/pg_dump <<-'SH'
		#!/bin/bash
		printf '%s\n' "$@" >"$SEEN.args"; env >"$SEEN.env"
		exec $REAL/pg_dump "$@" $MORE
	SH
	ln -s "$(command -v pg_restore)" bin/
	chmod 755 bin/pg_dump
	REAL=$(dirname "$(command -v pg_dump)") SEEN=$scratch/seen
	export REAL SEEN
	expect_success 'postgresql: a password is in no argument' '
		WINDROW_PG_BINDIR=$scratch/bin "$windrow" maintain backup shop --schema-dir mine --to "$db password='\''sec ret'\''" --out p.dump >out 2>said &&
		! grep "sec ret" seen.args && grep -x "PGPASSWORD=sec ret" seen.env && grep -q "snapshot=" seen.args
	'
	expect_success 'postgresql: a dump that lacks rows is found out and not kept' '
		MORE=--exclude-table-data=orders WINDROW_PG_BINDIR=$scratch/bin expect_status 5 m backup --out lacks.dump && contains said W0906 && ! ls -A | grep lacks
	'
	expect_success 'postgresql: programs that are missing or fail' '
		WINDROW_PG_BINDIR=$scratch/empty expect_status 5 m backup && contains said W0904 "postgresql-client" && MORE=--nonsense WINDROW_PG_BINDIR=$scratch/bin expect_status 5 m backup && contains said W0904 nonsense
	'
	expect_success 'postgresql: a table that somebody has: not for ever; and Ctrl-C leaves nothing behind' '
		expect_status 5 locked "LOCK TABLE orders" m backup --out waits.dump --wait 1 && contains said W0904 && ! ls -A | grep waits &&
		stop_it() { "$windrow" maintain backup shop --schema-dir mine --to "$db" --out waits.dump --wait 60 >out 2>said & stopping=$!
			until psql -XAtq -d "$db" -c "SELECT count(*) FROM pg_stat_activity WHERE application_name = '\''pg_dump'\'' AND wait_event_type = '\''Lock'\''" | grep -qx 1; do sleep 0.05; done
			kill -INT $stopping; wait $stopping; } && expect_status 7 locked "LOCK TABLE orders" stop_it && ! ls -A | grep waits
	'
	expect_success 'postgresql: a restore that fails leaves the database empty' '
		other && on "$other" sql "CREATE SCHEMA IF NOT EXISTS windrow" && expect_status 5 on "$other" restore "$scratch/postgresql.backup" && contains said W0904 &&
		on "$other" sql "SELECT count(*) FROM pg_class WHERE relname = '\''orders'\''" | compare - <(echo 0)
	'
	expect_success 'postgresql: vacuum of the tables of the system' '
		m vacuum && contains out "3 tables: " && sql "SELECT count(*) FROM pg_stat_user_tables WHERE last_vacuum IS NOT NULL AND last_analyze IS NOT NULL AND relname IN ('\''customers'\'', '\''orders'\'', '\''log'\'')" | compare - <(echo 3)
	'
fi
done_testing
