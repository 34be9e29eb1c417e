#!/bin/bash
# `windrow schema verify` finds every kind of change that somebody made by hand, and ends with status 6.
. "${0%/*}/../lib/tap.sh"

mkdir -p mine/shop/sqlite mine/shop/postgresql
cat >mine/shop/sqlite/001_all.up.sql <<'SQL'
CREATE TABLE parent (id integer PRIMARY KEY);
CREATE TABLE t (
	id integer PRIMARY KEY,
	kind text NOT NULL DEFAULT 'a' CHECK (kind IN ('a', 'b')),
	amount integer,
	parent_id integer REFERENCES parent (id),
	note text
);
CREATE INDEX t_amount ON t (amount);
CREATE INDEX t_gone ON t (note);
CREATE VIEW v AS SELECT id, kind FROM t;
CREATE TABLE gone (a integer);
SQL
cp mine/shop/sqlite/001_all.up.sql mine/shop/postgresql/
cat >>mine/shop/sqlite/001_all.up.sql <<'SQL'
CREATE TRIGGER t_touch AFTER UPDATE ON t BEGIN UPDATE t SET note = 'x' WHERE id = new.id; END;
CREATE TRIGGER t_lost AFTER DELETE ON t BEGIN SELECT 1; END;
SQL
cat >>mine/shop/postgresql/001_all.up.sql <<'SQL'
ALTER TABLE t ADD CONSTRAINT t_unique UNIQUE (kind, amount);
CREATE FUNCTION f(a integer) RETURNS integer LANGUAGE sql AS 'SELECT a + 1';
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN new.note := 'x'; RETURN new; END $$;
CREATE TRIGGER t_touch BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION touch();
CREATE TRIGGER t_off BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION touch();
CREATE TYPE mood AS ENUM ('good', 'bad');
CREATE SEQUENCE numbers;
CREATE MATERIALIZED VIEW mv AS SELECT count(*) FROM t;
SQL
for engine in sqlite postgresql; do
	echo '-- windrow: irreversible' | cat - mine/shop/$engine/001_all.up.sql >file && mv file mine/shop/$engine/001_all.up.sql
done

verify() {
	windrow schema verify shop --schema-dir mine --to "$db" "$@"
}
finds() {
	expect_status 6 verify >out && contains out "$@"
}

fresh_target sqlite
windrow schema up shop --schema-dir mine --to "$db" --quiet >/dev/null
expect_success 'sqlite: no drift' 'verify'
expect_success 'sqlite: objects' '
	sql "DROP TABLE gone; DROP INDEX t_gone; CREATE INDEX t_more ON t (kind); CREATE TABLE stranger (a integer);
		DROP INDEX t_amount; CREATE INDEX t_amount ON t (amount DESC); DROP VIEW v; CREATE VIEW v AS SELECT id FROM t;
		DROP TRIGGER t_lost; DROP TRIGGER t_touch;
		CREATE TRIGGER t_touch AFTER UPDATE ON t BEGIN UPDATE t SET note = '\''y'\'' WHERE id = new.id; END" &&
	finds "missing: table gone" "missing: column gone.a" "missing: index t_gone" "extra: index t_more" "extra: table stranger" \
		"different: index t_amount" "different: view v" "missing: trigger t_lost" "different: trigger t_touch" \
		"found    create index t_amount on t ( amount desc )"
'
rebuild() {
	sql "PRAGMA foreign_keys = OFF; PRAGMA legacy_alter_table = ON; DROP TABLE t; CREATE TABLE t ($1)"
}
id='id integer PRIMARY KEY' kind="kind text NOT NULL DEFAULT 'a' CHECK (kind IN ('a', 'b'))" amount='amount integer'
parent='parent_id integer REFERENCES parent (id)'
expect_success 'sqlite: columns' '
	rebuild "$id, kind text NOT NULL DEFAULT '\''b'\'' CHECK (kind IN ('\''a'\'', '\''b'\'')), amount text, parent_id integer, extra text" &&
	finds "different: column t.kind" "different: column t.amount" "different: column t.parent_id" "extra: column t.extra" \
		"missing: column t.note"
'
expect_success 'sqlite: a check, a null' '
	rebuild "$id, kind text DEFAULT '\''a'\'' CHECK (kind IN ('\''a'\'', '\''c'\'')), $amount, $parent, note text, CHECK (amount > 0)" &&
	finds "different: column t.kind" "extra: constraint t."
'
expect_success 'sqlite: other words for the same are no drift' '
	rebuild "ID  INTEGER primary key, \"kind\" TEXT not null default '\''a'\'' check(kind in('\''a'\'','\''b'\'')), amount INTEGER,
		parent_id integer references PARENT(id), note TEXT" && finds "missing: table gone" && ! grep "column t" out
'

if [ -n "${WINDROW_TEST_PG:-}" ]; then
	fresh_target postgresql
	windrow schema up shop --schema-dir mine --to "$db" --quiet >/dev/null
	expect_success 'postgresql: no drift' 'verify'
	expect_success 'postgresql: every kind' '
		sql "DROP TABLE gone; DROP INDEX t_gone; CREATE INDEX t_more ON t (kind); CREATE TABLE stranger (a integer);
			DROP INDEX t_amount; CREATE INDEX t_amount ON t (amount DESC); CREATE OR REPLACE VIEW v AS SELECT id, upper(kind) AS kind FROM t;
			ALTER TABLE t ALTER kind SET DEFAULT '\''b'\'', ALTER kind DROP NOT NULL, ALTER amount TYPE bigint, DROP note, ADD extra text;
			ALTER TABLE t DROP CONSTRAINT t_kind_check, ADD CONSTRAINT t_kind_check CHECK (kind IN ('\''a'\'', '\''c'\''));
			ALTER TABLE t DROP CONSTRAINT t_unique, DROP CONSTRAINT t_parent_id_fkey;
			ALTER TABLE t ADD CONSTRAINT t_parent_id_fkey FOREIGN KEY (parent_id) REFERENCES parent ON DELETE CASCADE;
			CREATE OR REPLACE FUNCTION f(a integer) RETURNS integer LANGUAGE sql AS '\''SELECT a + 2'\'';
			CREATE FUNCTION g() RETURNS integer LANGUAGE sql AS '\''SELECT 1'\'';
			DROP TRIGGER t_touch ON t; ALTER TABLE t DISABLE TRIGGER t_off; ALTER TYPE mood ADD VALUE '\''ugly'\'';
			ALTER SEQUENCE numbers INCREMENT 2; DROP MATERIALIZED VIEW mv" &&
		finds "missing: table gone" "missing: index t_gone" "extra: index t_more" "extra: table stranger" \
			"different: index t_amount" "different: view v" "different: column t.kind" "different: column t.amount" \
			"missing: column t.note" "extra: column t.extra" "different: constraint t.t_kind_check" \
			"missing: constraint t.t_unique" "different: constraint t.t_parent_id_fkey" "different: function f(a integer)" \
			"extra: function g()" "missing: trigger t.t_touch" "different: trigger t.t_off" "different: type mood" \
			"different: sequence numbers" "missing: materialized view mv" "default '\''b'\''::text"
	'
	expect_success 'postgresql: the same as JSON' '
		expect_status 6 verify --json >out && jq -e "map(select(.object == \"trigger\")) | length == 2" out
	'
	expect_success 'postgresql: an empty database of the user will do, and stays empty' '
		scratch_db=$(pg_fresh "windrow_test_$$_scratch") && expect_status 6 verify --scratch "$scratch_db" >again &&
		expect_status 6 verify --scratch "$scratch_db" >out && compare again out
	'
	expect_success 'postgresql: one that is not empty is refused' '
		expect_status 5 verify --scratch "$db" 2>err && contains err W0716
	'
	expect_success 'postgresql: what pg_dump and a restore put into other words is no drift; another list is' '
		mkdir -p mine/words/postgresql && echo "-- windrow: irreversible
			CREATE TABLE w (state varchar(10) CHECK (state IN ('\''a'\'', '\''b'\'')), n integer);
			CREATE INDEX w_some ON w (n) WHERE state IN ('\''a'\'', '\''b'\'');
			CREATE VIEW wv AS SELECT n FROM w WHERE state IN ('\''a'\'', '\''b'\'');" >mine/words/postgresql/001_words.up.sql &&
		fresh_target postgresql && windrow schema up words --schema-dir mine --to "$db" --quiet >/dev/null && pg_dump -d "$db" >dump.sql &&
		fresh_target postgresql && psql -X -q -d "$db" -f dump.sql >/dev/null && sql "SELECT pg_get_viewdef('\''wv'\''::regclass)" | grep -q "::character varying)::text" &&
		windrow schema verify words --schema-dir mine --to "$db" &&
		sql "DROP INDEX w_some; CREATE INDEX w_some ON w (n) WHERE state IN ('\''a'\'', '\''c'\''); ALTER TABLE w DROP CONSTRAINT w_state_check, ADD CONSTRAINT w_state_check CHECK (state IN ('\''a'\''))" &&
		expect_status 6 windrow schema verify words --schema-dir mine --to "$db" >out && contains out "different: index w_some" "different: constraint w.w_state_check" && ! grep -q "view wv" out
	'
fi
done_testing
