/* Constraints that are checked at the commit: when they refuse it, which rows was that for? */
#include "sink/postgres_sink.h"

#include "base/cleanup.h"
#include "sink/dangling.h"
#include "sink/db_internal.h"

/* Foreign keys of the tables that are prepared, as they were declared. */
static int defer_foreign_keys(struct sink *s, struct err *err)
{
    for (const struct sink_table *t = s->tables; t; t = t->next) {
        for (size_t i = 0; i < t->spec->table->n_references; i++) {
            const struct catalog_reference *r = &t->spec->table->references[i];
            CLEANUP(buf_release) struct buf sql = BUF_INIT;

            if (!r->deferred)
                continue;
            if (buf_add_text(&sql, "SET CONSTRAINTS ") < 0 || db_quote_name(NULL, t->spec->table->schema, &sql) < 0 ||
                buf_add_char(&sql, '.') < 0 || db_quote_name(NULL, r->name, &sql) < 0 || buf_add_text(&sql, " DEFERRED") < 0)
                return err_oom(err);
            if (db_post(s->db, buf_text(&sql), NULL, 0, err) < 0)
                return -1;
        }
    }
    return 0;
}

int postgres_tangle_begin(struct sink *s, struct err *err)
{
    s->transaction++;
    if (db_post(s->db, "BEGIN", NULL, 0, err) < 0 ||
        (s->immediate && db_post(s->db, "SET CONSTRAINTS ALL IMMEDIATE", NULL, 0, err) < 0) ||
        (s->immediate && !s->strict && defer_foreign_keys(s, err) < 0))
        return -1;
    s->in_transaction = true;
    return postgres_same_session(s->p, err);
}

static void forget_stages(struct sink *s)
{
    for (struct sink_table *t = s->tables; t; t = t->next) {
        t->stage.made = t->stage.made && t->stage.made_in != s->transaction;
        t->key_stage.made = t->key_stage.made && t->key_stage.made_in != s->transaction;
        t->sieve.made = t->sieve.made && t->sieve.made_in != s->transaction;
    }
}

/* What was refused now is checked earlier the next time, foreign keys last: rows that refer to each other are innocent until
 * their chunk is complete. False when that has been tried already. */
static bool learn(struct sink *s, const char *sqlstate)
{
    bool foreign = strcmp(sqlstate, "23503") == 0;

    if (s->strict || (!foreign && s->immediate) || !postgres_blames_row(sqlstate))
        return false;
    s->strict = foreign && s->foreign;
    s->immediate = s->immediate || !foreign || s->strict;
    s->foreign = s->foreign || foreign;
    return true;
}

enum db_outcome postgres_tangle_commit(struct sink *s, struct err *err)
{
    CLEANUP(err_release) struct err why = {0};
    enum db_outcome outcome;

    if (postgres_check_columns(s, err) < 0)
        return DB_NOT_COMMITTED;
    outcome = db_commit(s->db, &why);
    s->in_transaction = false;
    if (outcome != DB_COMMITTED)
        forget_stages(s);
    if (outcome == DB_NOT_COMMITTED && learn(s, why.sqlstate))
        postgres_blame_row(&why);
    else
        s->foreign = s->immediate = s->strict = false;
    if (why.scope && err && !err->scope)
        err_move(err, &why);
    return outcome;
}

void postgres_tangle_rollback(struct sink *s)
{
    if (s->in_transaction)
        forget_stages(s);
    s->in_transaction = false;
    db_rollback(s->db);
}

/* Stages and functions that are made behind the mark go with it. */
int postgres_tangle_mark(struct sink *s, struct err *err)
{
    for (struct sink_table *t = s->tables; t; t = t->next) {
        t->stage.made_at_mark = t->stage.made;
        t->key_stage.made_at_mark = t->key_stage.made;
        t->sieve.made_at_mark = t->sieve.made;
    }
    return postgres_run(s->p, "SAVEPOINT windrow_mark", NULL, err) == 0 ? 0 : -1;
}

int postgres_tangle_back(struct sink *s, struct err *err)
{
    for (struct sink_table *t = s->tables; t; t = t->next) {
        t->stage.made = t->stage.made && t->stage.made_at_mark;
        t->key_stage.made = t->key_stage.made && t->key_stage.made_at_mark;
        t->sieve.made = t->sieve.made && t->sieve.made_at_mark;
    }
    return postgres_run(s->p, "ROLLBACK TO SAVEPOINT windrow_mark", NULL, err) == 0 ? 0 : -1;
}

int postgres_tangle_dangling(struct sink_table *t, const struct sink_rows *rows, const struct sink_write *how, struct err *err)
{
    const struct dangling d = {.spec = t->spec, .stage = t->stage.name, .fresh = t->direct && how->mode == SINK_FRESH};
    CLEANUP(buf_release) struct buf sql = BUF_INIT;
    CLEANUP(db_result_release) struct db_result gone = {0};
    int asked = t->sink->strict ? 1 : dangling_ask(&d, &sql);

    if (asked != 0)
        return asked < 0 ? err_oom(err) : 0;
    if (postgres_stage_fill(t, rows, err) < 0 || postgres_run(t->sink->p, buf_text(&sql), &gone, err) != 0)
        return -1;
    dangling_tell(&d, &gone, "23503", how);
    return 0;
}
