# tests/bench/sides.sh: windrow and the programs beside it, each as a function; see measure.sh. Sourced by scripts/bench.

# --- PostgreSQL ---

need_server() {
    [ -z "${WINDROW_TEST_PG:-}" ] || return 0
    pg_start fsync=on full_page_writes=on
    pg_psql -f tests/bench/tables.postgresql.sql
}

pg_empty() {
    pg_psql -c 'DROP SCHEMA IF EXISTS windrow CASCADE' -c 'TRUNCATE narrow, keyed, wide, small RESTART IDENTITY' -c CHECKPOINT 2>/dev/null
}

rows_are() { # TABLE N
    local got
    got=$(pg_psql -c "SELECT count(*) FROM $1")
    [ "$got" = "$2" ] || { echo "$got rows in $1 instead of $2"; return 1; }
}

pg_side() { # PHASE NAME TABLE ROWS COMMAND...
    local phase=$1 name=$2 table=$3 rows=$4
    shift 4
    case $phase in
    name) echo "$name" ;;
    prepare) pg_empty ;;
    run) timed "$@" ;;
    check) rows_are "$table" "$rows" ;;
    esac
}

# PHASE NAME TABLE ROWS MAPPING SOURCE JOBS
pg_windrow() { pg_side "$1" "$2" "$3" "$4" "$windrow" load "$mappings/$5.yaml" "$data/$6" --jobs "$7" --to "$WINDROW_TEST_PG"; }

columns='(user_id,name,kind,amount,score,active,created,city,note,ref)'
narrow_text() { pg_side "$1" 'psql \copy, text rows ready' narrow "$narrow_rows" psql -qX -c "\\copy narrow $columns from '$data/narrow.text'"; }
narrow_binary() { pg_side "$1" 'psql \copy, binary rows ready' narrow "$narrow_rows" psql -qX -c "\\copy narrow $columns from '$data/narrow.binary' binary"; }
narrow_two() {
    pg_side "$1" 'the same, text, two connections' narrow "$narrow_rows" sh -c "
        psql -qX -c \"\\\\copy narrow $columns from '$data/narrow.half.aa.text'\" &
        psql -qX -c \"\\\\copy narrow $columns from '$data/narrow.half.ab.text'\" && wait \$!"
}
narrow_node() { pg_side "$1" 'Node, pg-copy-streams, from the JSONL' narrow "$narrow_rows" node tests/bench/pg_copy.mjs "$data/narrow/rows.jsonl"; }
narrow_windrow1() { pg_windrow "$1" 'windrow load, --jobs 1' narrow "$narrow_rows" narrow narrow 1; }
narrow_windrow2() { pg_windrow "$1" 'windrow load, --jobs 2' narrow "$narrow_rows" narrow narrow 2; }
wide_text() { pg_side "$1" 'psql \copy, text rows ready' wide "$wide_rows" psql -qX -c "\\copy wide from '$data/wide.text'"; }
wide_binary() { pg_side "$1" 'psql \copy, binary rows ready' wide "$wide_rows" psql -qX -c "\\copy wide from '$data/wide.binary' binary"; }
wide_two() {
    pg_side "$1" 'the same, text, two connections' wide "$wide_rows" sh -c "
        psql -qX -c \"\\\\copy wide from '$data/wide.half.aa.text'\" &
        psql -qX -c \"\\\\copy wide from '$data/wide.half.ab.text'\" && wait \$!"
}
wide_windrow1() { pg_windrow "$1" 'windrow load, --jobs 1' wide "$wide_rows" wide wide 1; }
wide_windrow2() { pg_windrow "$1" 'windrow load, --jobs 2' wide "$wide_rows" wide wide 2; }

# --- slow peers: a tenth of the rows ---

tenth_text() { pg_side "$1" 'psql \copy, text rows ready' narrow "$tenth_rows" psql -qX -c "\\copy narrow $columns from '$data/tenth.text'"; }
tenth_windrow() { pg_windrow "$1" 'windrow load, --jobs 2' narrow "$tenth_rows" narrow tenth 2; }
tenth_jq() {
    pg_side "$1" 'jq to text rows, then psql \copy' narrow "$tenth_rows" sh -c "
        jq -r '[.user,.name,.kind,.amount,.score,.active,.created,.city,.note,.ref] | @tsv' '$data/tenth/rows.jsonl' |
        psql -qX -c \"\\\\copy narrow $columns from stdin\""
}
tenth_pgloader() {
    [ "$1" != prepare ] || cat >"$work/pgloader.load" <<END
LOAD CSV FROM '$data/tenth.text' (user_id,name,kind,amount,score,active,created,city,note,ref)
INTO postgresql://postgres@unix:$WINDROW_PG_DIR:5432/windrow_test TARGET TABLE narrow $columns
WITH fields terminated by '\t';
END
    pg_side "$1" 'pgloader, text rows ready' narrow "$tenth_rows" pgloader --root-dir "$work/pgloader" "$work/pgloader.load"
}

# --- SQLite ---

sqlite_fresh() {
    rm -f "$work"/bench.db*
    sqlite3 "$work/bench.db" <tests/bench/tables.sqlite.sql
}

sqlite_side() { # PHASE NAME TABLE ROWS COMMAND...
    local phase=$1 name=$2 table=$3 rows=$4 got
    shift 4
    case $phase in
    name) echo "$name" ;;
    prepare) sqlite_fresh ;;
    run) timed "$@" ;;
    check)
        got=$(sqlite3 "$work/bench.db" "SELECT count(*) FROM $table")
        [ "$got" = "$rows" ] || { echo "$got rows instead of $rows"; return 1; }
        ;;
    esac
}
# PHASE NAME TABLE ROWS MAPPING SOURCE JOBS
sqlite_windrow() { sqlite_side "$1" "$2" "$3" "$4" "$windrow" load "$mappings/$5.yaml" "$data/$6" --jobs "$7" --to "sqlite:$work/bench.db"; }

sqlite_import() { sqlite_side "$1" 'sqlite3 .import, CSV ready' narrow "$narrow_rows" sqlite3 "$work/bench.db" '.mode csv' ".import $data/narrow.csv narrow"; }
sqlite_windrow1() { sqlite_windrow "$1" 'windrow load, --jobs 1' narrow "$narrow_rows" narrow narrow 1; }
sqlite_windrow2() { sqlite_windrow "$1" 'windrow load, --jobs 2' narrow "$narrow_rows" narrow narrow 2; }
tenth_import() { sqlite_side "$1" 'sqlite3 .import, CSV ready' narrow "$tenth_rows" sqlite3 "$work/bench.db" '.mode csv' ".import $data/tenth.csv narrow"; }
tenth_sqlite() { sqlite_windrow "$1" 'windrow load, --jobs 1' narrow "$tenth_rows" narrow tenth 1; }
# Its table has the record's names and the types that it finds.
tenth_utils() {
    sqlite_side "$1" 'sqlite-utils insert --nl' narrow "$tenth_rows" sqlite-utils insert --nl "$work/bench.db" narrow "$data/tenth/rows.jsonl"
    [ "$1" != prepare ] || rm -f "$work"/bench.db*
}

# --- reading without writing ---

plain_side() { # PHASE NAME COMMAND...
    local phase=$1 name=$2
    shift 2
    case $phase in
    name) echo "$name" ;;
    prepare | check) ;;
    run) timed "$@" ;;
    esac
}
# PHASE NAME MAPPING SOURCE JOBS
types_of() { plain_side "$1" "$2" "$windrow" check "$mappings/$3.yaml" "$data/$4" --level types --jobs "$5" --to "sqlite:$work/types.db"; }
duckdb_side() { # PHASE NAME KIND THREADS
    case $1 in
    name) echo "$2" ;;
    prepare | check) ;;
    run) node tests/bench/duckdb_parse.mjs "$data/$3/rows.jsonl" "$4" "$3" "$work/result" >"$work/stdout" 2>"$work/stderr" ;;
    esac
}
duckdb_narrow() { duckdb_side "$1" 'DuckDB, into memory, 1 thread' narrow 1; }
duckdb_narrow2() { duckdb_side "$1" 'DuckDB, into memory, 2 threads' narrow 2; }
duckdb_wide() { duckdb_side "$1" 'DuckDB, into memory, 1 thread' wide 1; }
duckdb_wide2() { duckdb_side "$1" 'DuckDB, into memory, 2 threads' wide 2; }
check_narrow() { types_of "$1" 'windrow check --level types, --jobs 1' narrow narrow 1; }
check_narrow2() { types_of "$1" 'windrow check --level types, --jobs 2' narrow narrow 2; }
check_wide() { types_of "$1" 'windrow check --level types, --jobs 1' wide wide 1; }
check_wide2() { types_of "$1" 'windrow check --level types, --jobs 2' wide wide 2; }

# --- many small files ---

small_cat() { plain_side "$1" 'cat of all files' sh -c "find '$data/small' -type f -print0 | xargs -0 cat >/dev/null"; }
small_check1() { types_of "$1" 'windrow check --level types, --jobs 1' small small 1; }
small_check2() { types_of "$1" 'windrow check --level types, --jobs 2' small small 2; }
again_find() { plain_side "$1" "find -printf '%s %T@'" sh -c "find '$data/small' -printf '%s %T@\\n' >/dev/null"; }
again_sqlite() { plain_side "$1" 'windrow load again, SQLite' "$windrow" load "$mappings/small.yaml" "$data/small" --to "sqlite:$work/small.db"; }
again_postgres() { plain_side "$1" 'windrow load again, PostgreSQL' "$windrow" load "$mappings/small.yaml" "$data/small" --to "$WINDROW_TEST_PG"; }

# --- rejects, and what the ledger costs ---

clean_postgres() { pg_windrow "$1" 'PostgreSQL, clean' narrow "$third_rows" narrow clean 2; }
dirty_postgres() { pg_windrow "$1" 'PostgreSQL, 1 % of the lines refused' narrow $((third_rows - third_rows / 100)) narrow dirty 2; }
clean_sqlite() { sqlite_windrow "$1" 'SQLite, clean' narrow "$third_rows" narrow clean 2; }
dirty_sqlite() { sqlite_windrow "$1" 'SQLite, 1 % of the lines refused' narrow $((third_rows - third_rows / 100)) narrow dirty 2; }
plain_postgres() { pg_windrow "$1" 'PostgreSQL, no key: in the mapping' keyed "$third_rows" unkeyed clean 1; }
keyed_postgres() { pg_windrow "$1" 'PostgreSQL, keys kept in the ledger' keyed "$third_rows" keyed clean 1; }
plain_sqlite() { sqlite_windrow "$1" 'SQLite, no key: in the mapping' keyed "$third_rows" unkeyed clean 1; }
keyed_sqlite() { sqlite_windrow "$1" 'SQLite, keys kept in the ledger' keyed "$third_rows" keyed clean 1; }
