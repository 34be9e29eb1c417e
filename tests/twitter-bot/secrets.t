#!/bin/bash
# No secret of .env reaches the database, its ledger, a report or a log. The fixture has one value in all its secrets.
. "${0%/*}/../lib/tap.sh"
. "$root/tests/twitter-bot/lib.sh"

canary=CANARY-1f0e8b

clean() {
	local file
	for file; do
		[ -e "$file" ] || { echo "$file is missing"; return 1; }
		! grep -qaF -e "$canary" -e "$(printf %s "$canary" | od -An -tx1 | tr -d ' \n')" -- "$file" || { echo "$canary is in $file"; return 1; }
	done
}

tree 16-accounts
expect_success 'the fixture has it in every form' '[ "$(grep -aoF "$canary" "$tree/.env" | wc -l)" -ge 12 ]'
for engine in $engines; do
	fresh_bot "$engine"
	expect_success "$engine: load with all reports" '
		load "$tree" --summary s.txt --summary s.json --summary s.html --summary s.xml --show unread &&
		[ "$(sql "SELECT account_name FROM users WHERE account_type = '\''primary'\''")" = acme_news ]
	' 
	expect_success "$engine: it is in none of them, nor on the terminal" 'clean "$said" s.txt s.json s.html s.xml'
	expect_success "$engine: nor in the database" '
		case $db in
		sqlite:*) cat "${db#sqlite:}"* >everything ;;
		*) pg_dump --inserts -d "$db" >everything ;;
		esac && grep -qa acme_news everything && clean everything
	'
	expect_success "$engine: nor when rows of .env are refused" '
		sql "DELETE FROM users; DELETE FROM system_state" &&
		case $db in
		sqlite:*) sql "CREATE TRIGGER no BEFORE INSERT ON system_state BEGIN SELECT RAISE(ABORT, '\''no'\''); END" ;;
		*) sql "ALTER TABLE system_state ADD CHECK (false) NOT VALID" ;;
		esac && expect_status 3 load "$tree" --fresh --summary r.html --summary r.json && contains "$said" "rejected" &&
		"$windrow" status --to "$db" >status.out 2>&1 && clean "$said" r.html r.json status.out &&
		case $db in
		sqlite:*) cat "${db#sqlite:}"* >everything ;;
		*) pg_dump --inserts -d "$db" >everything ;;
		esac && clean everything
	'
done
expect_success 'check says nothing of it either' '
	{ "$windrow" check "$mapping" "$tree" --summary c.json --schema-dir "$root/schema" --progress none || true; } >checked 2>&1 &&
	contains checked "system_state" && clean checked c.json
'
done_testing
