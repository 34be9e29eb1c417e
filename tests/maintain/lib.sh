# tests/maintain/lib.sh: a small shop to be kept up, on both engines. Source it after tap.sh.
#
#   engines                  the engines there are to test
#   shop ENGINE              $db: customers, orders that refer to them without ON DELETE, log lines; rules below mine/shop/maintain
#   m VERB ARGS...           windrow maintain VERB shop --to $db ARGS: standard output in `out`, standard error in `said`
#   all                      all rows of the shop
engines=sqlite
[ -z "${WINDROW_TEST_PG:-}" ] || engines='sqlite postgresql'
windrow=${WINDROW:-windrow}
# shellcheck source=tests/lib/holder.sh
. "$root/tests/lib/holder.sh"
need sqlite3
shopt -s nullglob

mkdir -p mine/shop/sqlite mine/shop/postgresql mine/shop/maintain mine/bare/sqlite mine/bare/postgresql
for engine in sqlite postgresql; do
	cat >mine/shop/$engine/001_tables.up.sql <<'SQL'
-- windrow: irreversible
CREATE TABLE customers (id integer PRIMARY KEY, seen varchar(30) NOT NULL);
CREATE TABLE orders (id integer PRIMARY KEY, customer_id integer NOT NULL REFERENCES customers (id), at varchar(30) NOT NULL, state text);
CREATE TABLE log (id integer PRIMARY KEY, at varchar(30) NOT NULL);
CREATE INDEX orders_at ON orders (at);
CREATE UNIQUE INDEX log_at ON log (at, id);
SQL
	cp mine/shop/$engine/001_tables.up.sql mine/bare/$engine/
done
cat >mine/shop/maintain/10_orders.sql <<'SQL'
-- Old orders.
-- windrow: param orders_days days = 30
-- windrow: section closed orders
DELETE FROM orders WHERE at < substr(CAST(:orders_days AS text), 1, 10) AND state = 'closed';
DELETE FROM orders WHERE at < substr(CAST(:orders_days AS text), 1, 10) AND state = 'lost';
SQL
cat >mine/shop/maintain/20_customers.sql <<'SQL'
-- Customers not seen for long; those with orders are in the way.
-- windrow: param customers_days days
DELETE FROM customers WHERE seen < substr(CAST(:customers_days AS text), 1, 10);
SQL
cat >mine/shop/maintain/30_log.sql <<'SQL'
-- Old log lines.
-- windrow: param log_days days = 30
-- windrow: param keep integer = 0
DELETE FROM log WHERE at < substr(CAST(:log_days AS text), 1, 10) AND id > CAST(:keep AS integer);
SQL

rows='INSERT INTO customers (id, seen) VALUES (1, '\''2025-01-01'\''), (2, '\''2025-06-01'\''), (3, '\''2025-01-01'\'');
INSERT INTO orders (id, customer_id, at, state) VALUES (1, 1, '\''2025-01-01'\'', '\''closed'\''), (2, 1, '\''2025-01-02'\'', '\''open'\''),
	(3, 2, '\''2025-06-01'\'', '\''closed'\''), (4, 2, '\''2025-04-30'\'', '\''closed'\''), (5, 2, '\''2025-01-05'\'', '\''lost'\'');
INSERT INTO log (id, at) VALUES (1, '\''2025-01-01'\''), (2, '\''2025-05-02'\''), (3, '\''2025-05-01'\'');'

shop() {
	local up="schema up shop --schema-dir mine --progress none --quiet"
	engine=$1
	if [ "$1" = sqlite ]; then
		[ -f template.db ] || { "$windrow" $up --to sqlite:template.db >/dev/null && sqlite3 template.db "$rows"; } || return
		mkdir -p "live$((++shops))" && db=sqlite:$scratch/live$shops/shop.db && cp template.db "${db#sqlite:}"
	elif [ -z "${shop_db:-}" ]; then
		fresh_target postgresql && "$windrow" $up --to "$db" >/dev/null && sql "$rows" >/dev/null && shop_db=$db
	else
		db=$shop_db
		sql "SET client_min_messages = error; TRUNCATE customers, orders, log; DROP INDEX IF EXISTS orders_at, log_at, more;
			CREATE INDEX orders_at ON orders (at); CREATE UNIQUE INDEX log_at ON log (at, id); $rows" >/dev/null
	fi
}
shops=0

m() {
	local verb=$1
	shift
	"$windrow" maintain "$verb" shop --schema-dir mine --to "$db" "$@" >out 2>said
}

all() {
	sql "SELECT 'customer', id, seen FROM customers ORDER BY id; SELECT 'order', id, at FROM orders ORDER BY id; SELECT 'log', id, at FROM log ORDER BY id"
}
