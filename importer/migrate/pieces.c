/* Versions that declare `no-transaction`: statement by statement, each noted in the history, so that a run that died
 * goes on where it was.
 *
 * Each note is written with the history held and only over the note that we know of: where the lock of one runner is
 * worth nothing (SQLite has none between transactions, a pooler takes its meaning away) the second one finds the place
 * moved and looks again.
 *
 * A statement that tolerates a transaction shares one with its note: it happens exactly once. Of the others one may be
 * in doubt after a crash: `doing` was noted, its end was not. Then the catalogue is asked what became of it; an INVALID
 * index is dropped and built again. */
#include "migrate/migrate_internal.h"

#include "base/cleanup.h"
#include "base/fault.h"

struct pieces {
    struct migrate *m;
    const struct version *v;
    struct migrate_step *step;
    size_t at;     /* statements done */
    bool in_doubt; /* statement `at` was begun before, with the same text */
    uint64_t start_ms;
};

enum index_state { INDEX_ABSENT = 0, INDEX_VALID = 1, INDEX_INVALID = 2, INDEX_BEING_BUILT = 3 };

static int statement_digest(const struct pieces *p, char ret[PLAN_DIGEST], struct err *err)
{
    return plan_digest(str_of(p->step->script->statements[p->at].text), p->m->plan.engine, ret, err);
}

static int put_note(const struct pieces *p, size_t done, const char *doing, struct err *err)
{
    char digest[PLAN_DIGEST];
    struct history_row row = {.number = p->v->number,
                              .name = p->v->name,
                              .checksum = p->v->up.checksum,
                              .step = (int64_t)done,
                              .done = digest,
                              .doing = doing};

    row.state = p->step->direction == MIGRATE_UP ? HISTORY_GOING_UP : HISTORY_GOING_DOWN;
    row.took_ms = (int64_t)(session_now_ms() - p->start_ms);
    if (plan_prefix(p->step->script, done, p->m->plan.engine, digest, err) < 0)
        return -1;
    return history_put(p->m->db, p->m->o.system, &row, p->m->who, err);
}

/* What is behind us must be what the file says now; what is still to come may have been mended. */
static int check_done(const struct pieces *p, const struct history_row *row, struct err *err)
{
    char digest[PLAN_DIGEST];
    const struct script *s = p->step->script;

    if (row->step < 0 || (uint64_t)row->step > s->n)
        goto differs;
    if (plan_prefix(s, (size_t)row->step, p->m->plan.engine, digest, err) < 0)
        return -1;
    if (row->done && strcmp(digest, row->done) == 0)
        return 0;
differs:
    err_set(err, ERR_RUN, W0707, "%s was left after statement %lld, and the statements up to there were changed since",
            p->v->label, (long long)row->step);
    err_help(err, "put the first %lld statements back as they were; the ones after them may be changed",
             (long long)row->step);
    return err_at(err, s->path, 0, 0);
}

static bool is_ours(const struct pieces *p, const struct history_row *row)
{
    return row && row->state == (p->step->direction == MIGRATE_UP ? HISTORY_GOING_UP : HISTORY_GOING_DOWN);
}

/* With the history held. */
static enum apply_outcome read_place(struct pieces *p, struct err *err)
{
    CLEANUP(history_release) struct history h = {0};
    const struct history_row *row;
    char digest[PLAN_DIGEST];

    if (history_read(p->m->db, p->m->o.system, &h, err) < 0)
        return APPLY_FAILED;
    row = history_find(&h, p->v->number);
    if (p->step->direction == MIGRATE_UP ? row == NULL : row && row->state == HISTORY_APPLIED)
        return put_note(p, 0, NULL, err) < 0 ? APPLY_FAILED : APPLY_DONE;
    if (!is_ours(p, row))
        return APPLY_AGAIN;
    if (check_done(p, row, err) < 0)
        return APPLY_FAILED;
    p->at = (size_t)row->step;
    if (row->doing && p->at < p->step->script->n) {
        if (statement_digest(p, digest, err) < 0)
            return APPLY_FAILED;
        p->in_doubt = strcmp(digest, row->doing) == 0;
    }
    return APPLY_DONE;
}

static enum apply_outcome find_place(struct pieces *p, struct err *err)
{
    enum apply_outcome outcome;

    if (apply_begin(p->m, err) < 0)
        return APPLY_FAILED;
    outcome = read_place(p, err);
    if (outcome == APPLY_DONE)
        return apply_commit(p->m, err);
    apply_rollback(p->m);
    return outcome;
}

/* Begin a transaction that holds the history, if the place in it is still ours. */
static enum apply_outcome begin_here(struct pieces *p, struct err *err)
{
    CLEANUP(history_release) struct history h = {0};
    const struct history_row *row;

    if (apply_begin(p->m, err) < 0)
        return APPLY_FAILED;
    if (history_read(p->m->db, p->m->o.system, &h, err) < 0) {
        apply_rollback(p->m);
        return APPLY_FAILED;
    }
    row = history_find(&h, p->v->number);
    if (is_ours(p, row) && row->step == (int64_t)p->at)
        return APPLY_DONE;
    apply_rollback(p->m);
    return APPLY_AGAIN;
}

static enum apply_outcome note_here(struct pieces *p, size_t done, const char *doing, struct err *err)
{
    enum apply_outcome outcome = begin_here(p, err);

    if (outcome != APPLY_DONE)
        return outcome;
    if (put_note(p, done, doing, err) == 0)
        return apply_commit(p->m, err);
    apply_rollback(p->m);
    return APPLY_FAILED;
}

static int index_state(struct pieces *p, const char *index, struct err *err)
{
    static const char sql[] =
        "SELECT CASE WHEN i.indisvalid THEN 1 WHEN EXISTS (SELECT 1 FROM pg_catalog.pg_stat_progress_create_index b"
        " WHERE b.index_relid = i.indexrelid) THEN 3 ELSE 2 END"
        " FROM pg_catalog.pg_index i WHERE i.indexrelid = to_regclass($1)::oid";
    CLEANUP(db_result_release) struct db_result r = {0};
    struct db_value name = db_text(str_of(index));

    if (db_query(p->m->db, sql, &name, 1, &r, err) < 0)
        return -1;
    return r.n_rows ? (int)db_cell_int(&r, 0, 0) : INDEX_ABSENT;
}

static int drop_index(struct pieces *p, const char *index, struct err *err)
{
    CLEANUP(buf_release) struct buf sql = BUF_INIT;

    if (buf_printf(&sql, "DROP INDEX CONCURRENTLY IF EXISTS %s", index) < 0)
        return err_oom(err);
    return db_exec(p->m->db, buf_text(&sql), err);
}

/* 1: the statement has had its effect; 0: run it; -1. */
static int prepare_create_index(struct pieces *p, const struct statement *st, struct err *err)
{
    int state = index_state(p, st->index, err);

    if (state < 0)
        return -1;
    if (state == INDEX_VALID)
        return p->in_doubt;
    if (state == INDEX_BEING_BUILT) {
        err_set(err, ERR_RUN, W0713, "another session is building the index %s", st->index);
        memcpy(err->sqlstate, "55P03", 6);
        return -1;
    }
    if (state == INDEX_INVALID) {
        session_event(p->m, MIGRATE_REBUILD, p->step, st->index, 0, 0);
        return drop_index(p, st->index, err);
    }
    return 0;
}

/* REINDEX CONCURRENTLY that died leaves copies called *_ccnew or *_ccold, invalid. Only those that nobody is building.
 */
static int drop_reindex_leftovers(struct pieces *p, struct err *err)
{
    static const char sql[] =
        "SELECT i.indexrelid::regclass::text FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = "
        "i.indexrelid"
        " WHERE NOT i.indisvalid AND c.relname ~ '_cc(new|old)[0-9]*$' AND pg_catalog.pg_table_is_visible(i.indrelid)"
        " AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_stat_progress_create_index b WHERE b.relid = i.indrelid)";
    CLEANUP(db_result_release) struct db_result r = {0};
    CLEANUP(buf_release) struct buf name = BUF_INIT;

    if (db_query(p->m->db, sql, NULL, 0, &r, err) < 0)
        return -1;
    for (size_t i = 0; i < r.n_rows; i++) {
        buf_clear(&name);
        if (buf_add_str(&name, db_cell(&r, i, 0)) < 0)
            return err_oom(err);
        session_event(p->m, MIGRATE_REBUILD, p->step, buf_text(&name), 0, 0);
        if (drop_index(p, buf_text(&name), err) < 0)
            return -1;
    }
    return 0;
}

static int prepare_alone(struct pieces *p, const struct statement *st, struct err *err)
{
    int state;

    switch (st->kind) {
    case STATEMENT_CREATE_INDEX:
        return prepare_create_index(p, st, err);
    case STATEMENT_DROP_INDEX:
        state = p->in_doubt ? index_state(p, st->index, err) : INDEX_VALID;
        return state < 0 ? -1 : state == INDEX_ABSENT;
    case STATEMENT_REINDEX:
        return p->in_doubt ? drop_reindex_leftovers(p, err) : 0;
    case STATEMENT_PLAIN:
    case STATEMENT_DETACH:
    case STATEMENT_REPEATABLE:
        break;
    }
    return 0;
}

/* A failed concurrent build leaves an invalid index that costs every write; better none. */
static void clean_up_after(struct pieces *p, const struct statement *st)
{
    if (st->kind == STATEMENT_CREATE_INDEX && db_alive(p->m->db) && index_state(p, st->index, NULL) == INDEX_INVALID &&
        (!session_stop_now(p->m) || apply_lock_timeout(p->m, true, NULL) == 0))
        drop_index(p, st->index, NULL);
}

static int run_it(struct pieces *p, const struct statement *st, struct err *err)
{
    int done;

    if (apply_lock_timeout(p->m, st->kind == STATEMENT_REPEATABLE, err) < 0)
        return -1;
    done = prepare_alone(p, st, err);
    if (done < 0)
        return -1;
    if (done == 0 && apply_statement(p->m, p->step, p->at, err) < 0) {
        if (st->kind == STATEMENT_DETACH && p->in_doubt && strcmp(err->sqlstate, "42P01") == 0) {
            err_release(err); /* it is detached already */
        } else {
            clean_up_after(p, st);
            return -1;
        }
    }
    return 0;
}

static enum apply_outcome run_alone(struct pieces *p, struct err *err)
{
    const struct statement *st = &p->step->script->statements[p->at];
    enum apply_outcome outcome = APPLY_DONE;
    char digest[PLAN_DIGEST];

    if (statement_digest(p, digest, err) < 0)
        return APPLY_FAILED;
    if (!p->in_doubt)
        outcome = note_here(p, p->at, digest, err);
    if (outcome != APPLY_DONE)
        return outcome;
    FAULT("schema_doing_noted");
    if (run_it(p, st, err) < 0)
        return APPLY_FAILED;
    FAULT("schema_alone_done");
    return note_here(p, p->at + 1, NULL, err);
}

static enum apply_outcome run_together(struct pieces *p, struct err *err)
{
    enum apply_outcome outcome = begin_here(p, err);

    if (outcome != APPLY_DONE)
        return outcome;
    if (apply_statement(p->m, p->step, p->at, err) < 0 || put_note(p, p->at + 1, NULL, err) < 0) {
        apply_rollback(p->m);
        return APPLY_FAILED;
    }
    return apply_commit(p->m, err);
}

static enum apply_outcome finish(struct pieces *p, struct err *err)
{
    enum apply_outcome outcome = begin_here(p, err);

    if (outcome != APPLY_DONE)
        return outcome;
    p->step->took_ms = session_now_ms() - p->start_ms;
    if (apply_check_references(p->m, p->step->script, err) < 0 || apply_record(p->m, p->v, p->step, err) < 0) {
        apply_rollback(p->m);
        return APPLY_FAILED;
    }
    return apply_commit(p->m, err);
}

enum apply_outcome pieces_apply(struct migrate *m, const struct version *v, struct migrate_step *step, struct err *err)
{
    struct pieces p = {.m = m, .v = v, .step = step, .start_ms = session_now_ms()};
    enum apply_outcome outcome = find_place(&p, err);

    if (outcome != APPLY_DONE)
        return outcome;
    for (; p.at < step->script->n; p.at++, p.in_doubt = false) {
        if (session_stop(m))
            return APPLY_STOPPED;
        if (statement_in_transaction(&step->script->statements[p.at]))
            outcome = run_together(&p, err);
        else
            outcome = run_alone(&p, err);
        if (outcome != APPLY_DONE)
            return outcome;
    }
    return finish(&p, err);
}
