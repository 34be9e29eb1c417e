/* Rows that refer to rows that come later: SQLite is told to check foreign keys at the commit, and asked before it which rows
 * would be refused there. */
#include "sink/sqlite_sink.h"

#include "base/cleanup.h"
#include "sink/dangling.h"
#include "sink/sink_internal.h"

#include <strings.h>

/* No pragma tells which foreign keys are deferred; a word in the table's text that says so costs little if it lies. */
static int is_deferred(struct sink_table *t, bool *ret, struct err *err)
{
    static const char text[] = "SELECT sql FROM main.sqlite_schema WHERE type = 'table' AND name = $1 COLLATE NOCASE";
    CLEANUP(db_result_release) struct db_result sql = {0};
    struct db_value name = db_text(str_of(t->spec->table->name));

    if (db_query(&t->d->db, text, &name, 1, &sql, err) < 0)
        return -1;
    *ret = sql.n_rows == 1 && db_cell(&sql, 0, 0).at && strcasestr(db_cell(&sql, 0, 0).at, "DEFERRED");
    return 0;
}

int sqlite_tangle_find(struct sink_table *t, struct err *err)
{
    bool tangled = false;

    if (t->spec->table->n_references && is_deferred(t, &tangled, err) < 0)
        return -1;
    for (size_t i = 0; i < t->spec->table->n_references; i++)
        tangled = tangled || strcasecmp(t->spec->table->references[i].table, t->spec->table->name) == 0;
    t->tangled = tangled;
    t->sink->n_tangled += tangled;
    return 0;
}

/* The pragma lasts until the end of the transaction. */
static bool defers(const struct sink *s)
{
    return s->n_tangled && s->refusals < 2;
}

int sqlite_tangle_begin(struct sink *s, struct err *err)
{
    if (db_begin(&s->d->db, err) < 0)
        return -1;
    if (!defers(s) || db_exec(&s->d->db, "PRAGMA defer_foreign_keys = ON", err) == 0)
        return 0;
    db_rollback(&s->d->db);
    return -1;
}

enum db_outcome sqlite_tangle_commit(struct sink *s, struct err *err)
{
    CLEANUP(err_release) struct err why = {0};
    enum db_outcome outcome = db_commit(&s->d->db, &why);
    bool foreign = outcome == DB_NOT_COMMITTED && why.code == W0513 && s->refusals < 3;

    s->refusals = foreign ? s->refusals + 1 : 0;
    if (foreign)
        why.scope = ERR_RECORD;
    if (why.scope && err && !err->scope)
        err_move(err, &why);
    return outcome;
}

int sqlite_tangle_mark(struct sink *s, struct err *err)
{
    return db_query(&s->d->db, "SAVEPOINT windrow_mark", NULL, 0, NULL, err);
}

int sqlite_tangle_back(struct sink *s, struct err *err)
{
    return db_query(&s->d->db, "ROLLBACK TO windrow_mark", NULL, 0, NULL, err);
}

/* Zero when every foreign key of the transaction leads somewhere at this moment. */
static int open_foreign_keys(const struct sink_table *t)
{
    int n = 0, highest = 0;

    sqlite3_db_status(t->d->handle, SQLITE_DBSTATUS_DEFERRED_FKS, &n, &highest, 0);
    return n;
}

/* The rows themselves in a table, from which they can be asked for in any order; indexed by what they refer to. */
static int stage_text(const struct sink_table *t, struct buf *sql)
{
    int failed = buf_add_text(sql, "DROP TABLE IF EXISTS temp.windrow_stage; CREATE TEMP TABLE windrow_stage(seq INTEGER PRIMARY KEY");

    for (size_t i = 0; i < t->spec->n_columns; i++)
        failed |= buf_printf(sql, ", c%zu", i);
    failed |= buf_printf(sql, "); INSERT INTO temp.windrow_stage SELECT rowid");
    for (size_t i = 0, slot = 0; i < t->spec->n_columns; i++) {
        const struct sink_reference *r = t->spec->columns[i].reference;

        failed |= r ? buf_add_text(sql, ", NULL") : buf_printf(sql, ", c%zu", slot);
        slot += r ? r->n_keys : 1;
    }
    failed |= buf_printf(sql, " FROM %s;", t->feed.name);
    for (size_t i = 0; i < t->spec->table->n_references; i++) {
        const struct catalog_reference *r = &t->spec->table->references[i];

        for (size_t k = 0; k < t->spec->n_columns && r->n; k++) {
            if (t->spec->columns[k].column == r->columns[0])
                failed |= buf_printf(sql, " CREATE INDEX temp.windrow_stage_%zu ON windrow_stage(c%zu);", i, k);
        }
    }
    return failed;
}

static int stage_rows(struct sink_table *t, const struct sink_rows *rows, struct err *err)
{
    CLEANUP(buf_release) struct buf sql = BUF_INIT;

    if (stage_text(t, &sql) < 0)
        return err_oom(err);
    t->feed.rows = rows;
    t->feed.next = 0;
    t->feed.end = rows->n;
    return db_exec(&t->d->db, buf_text(&sql), err);
}

int sqlite_tangle_dangling(struct sink_table *t, const struct sink_rows *rows, const struct sink_write *how, struct err *err)
{
    const struct dangling d = {.spec = t->spec, .stage = "temp.windrow_stage", .all = true,
                               .fresh = how->mode == SINK_FRESH && t->spec->conflict == SINK_CONFLICT_ERROR};
    CLEANUP(buf_release) struct buf sql = BUF_INIT;
    CLEANUP(db_result_release) struct db_result gone = {0};
    int asked = defers(t->sink) && open_foreign_keys(t) ? dangling_ask(&d, &sql) : 1;

    if (asked != 0)
        return asked < 0 ? err_oom(err) : 0;
    if (stage_rows(t, rows, err) < 0 || db_query(&t->d->db, buf_text(&sql), NULL, 0, &gone, err) < 0)
        return -1;
    dangling_tell(&d, &gone, "787", how);   /* SQLITE_CONSTRAINT_FOREIGNKEY */
    return db_exec(&t->d->db, "DROP TABLE temp.windrow_stage", err);
}
