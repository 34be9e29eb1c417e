/* The two tables that remember versions; see migrate/history.h. */
#include "migrate/history.h"

#include "base/cleanup.h"

static const char create_postgresql[] =
    "CREATE SCHEMA IF NOT EXISTS windrow;"
    "CREATE TABLE IF NOT EXISTS windrow.schema_versions ("
    " system text NOT NULL, version bigint NOT NULL, name text NOT NULL,"
    " state text NOT NULL CHECK (state IN ('applied', 'going up', 'going down')),"
    " checksum text NOT NULL, step integer NOT NULL DEFAULT 0, done text, doing text,"
    " at timestamptz NOT NULL DEFAULT clock_timestamp(), took_ms bigint NOT NULL DEFAULT 0,"
    " who text NOT NULL, program text NOT NULL, PRIMARY KEY (system, version));"
    "CREATE TABLE IF NOT EXISTS windrow.schema_log ("
    " id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, system text NOT NULL, version bigint NOT NULL,"
    " name text NOT NULL, direction text NOT NULL, checksum text NOT NULL,"
    " at timestamptz NOT NULL DEFAULT clock_timestamp(), took_ms bigint NOT NULL, who text NOT NULL,"
    " program text NOT NULL);";

static const char create_sqlite[] =
    "CREATE TABLE IF NOT EXISTS windrow_schema_versions ("
    " system TEXT NOT NULL, version INTEGER NOT NULL, name TEXT NOT NULL,"
    " state TEXT NOT NULL CHECK (state IN ('applied', 'going up', 'going down')),"
    " checksum TEXT NOT NULL, step INTEGER NOT NULL DEFAULT 0, done TEXT, doing TEXT,"
    " at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ', 'now')), took_ms INTEGER NOT NULL DEFAULT 0,"
    " who TEXT NOT NULL, program TEXT NOT NULL, PRIMARY KEY (system, version)) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS windrow_schema_log ("
    " id INTEGER PRIMARY KEY, system TEXT NOT NULL, version INTEGER NOT NULL, name TEXT NOT NULL,"
    " direction TEXT NOT NULL, checksum TEXT NOT NULL,"
    " at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ', 'now')), took_ms INTEGER NOT NULL,"
    " who TEXT NOT NULL, program TEXT NOT NULL);";

static const char *const state_words[] = {
    [HISTORY_APPLIED] = "applied", [HISTORY_GOING_UP] = "going up", [HISTORY_GOING_DOWN] = "going down",
};

/* The statement for the engine at hand; the two differ in the table's name and little else. */
static const char *by_engine(struct db *db, const char *postgresql, const char *sqlite)
{
    return db_engine(db) == DB_SQLITE ? sqlite : postgresql;
}

static int history_exists(struct db *db, bool *ret, struct err *err)
{
    const char *sql = by_engine(db,
        "SELECT CASE WHEN to_regclass('windrow.schema_versions') IS NULL OR to_regclass('windrow.schema_log') IS NULL"
        " THEN 0 ELSE 1 END",
        "SELECT count(*) = 2 FROM sqlite_master WHERE type = 'table'"
        " AND name IN ('windrow_schema_versions', 'windrow_schema_log')");
    CLEANUP(db_result_release) struct db_result r = {0};

    if (db_query(db, sql, NULL, 0, &r, err) < 0)
        return -1;
    *ret = r.n_rows == 1 && db_cell_int(&r, 0, 0) == 1;
    return 0;
}

int history_create(struct db *db, struct err *err)
{
    bool there = false;

    if (history_exists(db, &there, err) < 0)
        return -1;
    return there ? 0 : db_exec(db, by_engine(db, create_postgresql, create_sqlite), err);
}

static enum history_state state_of(struct str word)
{
    for (int s = HISTORY_APPLIED; s <= HISTORY_GOING_DOWN; s++) {
        if (str_is(word, state_words[s]))
            return (enum history_state)s;
    }
    return HISTORY_GOING_UP;
}

/* NULL for SQL's NULL; *failed is set when memory is out. */
static const char *text_cell(struct arena *a, const struct db_result *r, size_t row, size_t column, bool *failed)
{
    const char *copy;

    if (r->values[row * r->n_columns + column].type == DB_NULL)
        return NULL;
    copy = arena_dup(a, db_cell(r, row, column));
    *failed |= !copy;
    return copy;
}

static int fill_row(struct history *h, const struct db_result *r, size_t i, struct err *err)
{
    bool failed = false;

    h->rows[i] = (struct history_row){
        .number = db_cell_int(r, i, 0), .name = text_cell(&h->arena, r, i, 1, &failed),
        .state = state_of(db_cell(r, i, 2)), .checksum = text_cell(&h->arena, r, i, 3, &failed),
        .step = db_cell_int(r, i, 4), .done = text_cell(&h->arena, r, i, 5, &failed),
        .doing = text_cell(&h->arena, r, i, 6, &failed), .at = text_cell(&h->arena, r, i, 7, &failed),
        .took_ms = db_cell_int(r, i, 8), .who = text_cell(&h->arena, r, i, 9, &failed),
        .program = text_cell(&h->arena, r, i, 10, &failed),
    };
    return failed ? err_oom(err) : 0;
}

int history_read(struct db *db, const char *system, struct history *ret, struct err *err)
{
    const char *sql = by_engine(db,
        "SELECT version, name, state, checksum, step, done, doing,"
        " to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'), took_ms, who, program"
        " FROM windrow.schema_versions WHERE system = $1 ORDER BY version",
        "SELECT version, name, state, checksum, step, done, doing, at, took_ms, who, program"
        " FROM windrow_schema_versions WHERE system = $1 ORDER BY version");
    CLEANUP(db_result_release) struct db_result r = {0};
    struct db_value parameter = db_text(str_of(system));
    struct history h = {0};
    bool there = false;

    if (history_exists(db, &there, err) < 0)
        return -1;
    if (there && db_query(db, sql, &parameter, 1, &r, err) < 0)
        return -1;
    h.rows = arena_calloc(&h.arena, r.n_rows ? r.n_rows : 1, sizeof *h.rows);
    if (!h.rows)
        return err_oom(err);
    for (h.n = 0; h.n < r.n_rows; h.n++) {
        if (fill_row(&h, &r, h.n, err) < 0) {
            history_release(&h);
            return -1;
        }
    }
    *ret = h;
    return 0;
}

void history_release(struct history *h)
{
    arena_release(&h->arena);
    *h = (struct history){0};
}

const struct history_row *history_find(const struct history *h, int64_t number)
{
    for (size_t i = 0; i < h->n; i++) {
        if (h->rows[i].number == number)
            return &h->rows[i];
    }
    return NULL;
}

int history_hold(struct db *db, struct err *err)
{
    if (db_engine(db) == DB_SQLITE)
        return 0;   /* BEGIN IMMEDIATE has done it */
    return db_exec(db, "LOCK TABLE windrow.schema_versions IN SHARE ROW EXCLUSIVE MODE", err);
}

int history_put(struct db *db, const char *system, const struct history_row *row, const char *who, struct err *err)
{
    const char *sql = by_engine(db,
        "INSERT INTO windrow.schema_versions"
        " (system, version, name, state, checksum, step, done, doing, took_ms, who, program)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"
        " ON CONFLICT (system, version) DO UPDATE SET name = excluded.name, state = excluded.state,"
        " checksum = excluded.checksum, step = excluded.step, done = excluded.done, doing = excluded.doing,"
        " at = excluded.at, took_ms = excluded.took_ms, who = excluded.who, program = excluded.program",
        "INSERT INTO windrow_schema_versions"
        " (system, version, name, state, checksum, step, done, doing, took_ms, who, program)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"
        " ON CONFLICT (system, version) DO UPDATE SET name = excluded.name, state = excluded.state,"
        " checksum = excluded.checksum, step = excluded.step, done = excluded.done, doing = excluded.doing,"
        " at = excluded.at, took_ms = excluded.took_ms, who = excluded.who, program = excluded.program");
    struct db_value values[] = {
        db_text(str_of(system)), db_int(row->number), db_text(str_of(row->name)),
        db_text(str_of(state_words[row->state])), db_text(str_of(row->checksum)), db_int(row->step),
        db_text(str_of(row->done)), db_text(str_of(row->doing)), db_int(row->took_ms), db_text(str_of(who)),
        db_text(str_of("windrow " WINDROW_VERSION)),
    };

    return db_query(db, sql, values, ARRAY_LEN(values), NULL, err);
}

int history_remove(struct db *db, const char *system, int64_t number, struct err *err)
{
    const char *sql = by_engine(db, "DELETE FROM windrow.schema_versions WHERE system = $1 AND version = $2",
                                "DELETE FROM windrow_schema_versions WHERE system = $1 AND version = $2");
    struct db_value values[] = {db_text(str_of(system)), db_int(number)};

    return db_query(db, sql, values, ARRAY_LEN(values), NULL, err);
}

int history_log(struct db *db, const char *system, const struct history_row *row, const char *direction,
                const char *who, struct err *err)
{
    const char *sql = by_engine(db,
        "INSERT INTO windrow.schema_log (system, version, name, direction, checksum, took_ms, who, program)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        "INSERT INTO windrow_schema_log (system, version, name, direction, checksum, took_ms, who, program)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8)");
    struct db_value values[] = {
        db_text(str_of(system)), db_int(row->number), db_text(str_of(row->name)), db_text(str_of(direction)),
        db_text(str_of(row->checksum)), db_int(row->took_ms), db_text(str_of(who)),
        db_text(str_of("windrow " WINDROW_VERSION)),
    };

    return db_query(db, sql, values, ARRAY_LEN(values), NULL, err);
}

int history_systems(struct db *db, int64_t *ret, struct err *err)
{
    const char *sql = by_engine(db, "SELECT count(DISTINCT system) FROM windrow.schema_versions",
                                "SELECT count(DISTINCT system) FROM windrow_schema_versions");
    CLEANUP(db_result_release) struct db_result r = {0};
    bool there = false;

    *ret = 0;
    if (history_exists(db, &there, err) < 0)
        return -1;
    if (!there)
        return 0;
    if (db_query(db, sql, NULL, 0, &r, err) < 0)
        return -1;
    *ret = db_cell_int(&r, 0, 0);
    return 0;
}
