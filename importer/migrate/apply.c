/* One version in one transaction: its statements and its entry in the history commit together or not at all. */
#include "migrate/migrate_internal.h"

#include "base/cleanup.h"
#include "base/fault.h"

#include <stdio.h>

enum { BUSY_PAUSE_MS = 250, BUSY_PAUSE_MS_MAX = 8000 };

int apply_place(const struct script *s, size_t i, struct err *cause, struct err *err)
{
    const struct statement *st = &s->statements[i];
    size_t at = st->at + (cause->has_byte && cause->byte <= strlen(st->text) ? (size_t)cause->byte : 0);
    uint64_t line, column;

    scan_place(s->text, at, &line, &column);
    err_set(err, ERR_RUN, W0705, "%s", cause->message);
    if (err) {
        memcpy(err->sqlstate, cause->sqlstate, sizeof err->sqlstate);
        err_value(err, str_of(st->text));
        err_label(err, "statement %zu of %zu", i + 1, s->n);
    }
    if (strcmp(cause->sqlstate, "55P04") == 0)
        err_help(err, "a new enum value can be used once it is committed: put '-- windrow: no-transaction' at the head "
                      "of the file");
    else if (cause->help[0])
        err_help(err, "%s", cause->help);
    err_at_byte(err, at);
    return err_at(err, s->path, line, column);
}

int apply_statement(struct migrate *m, const struct migrate_step *step, size_t i, struct err *err)
{
    const struct statement *st = &step->script->statements[i];
    CLEANUP(err_release) struct err cause = {0};
    int rc;

    watch_begin(m->watch, step, st->builds_index);
    rc = db_exec(m->db, st->text, &cause);
    watch_end(m->watch);
    if (rc == 0)
        return 0;
    /* What the caller decides by (lost connection, lock) is in the cause; a place is of use for the rest only. */
    if (!db_alive(m->db) || session_busy(m, &cause) || session_cancelled(m, &cause)) {
        err_move(err, &cause);
        return err_at(err, step->script->path, st->line, st->column);
    }
    return apply_place(step->script, i, &cause, err);
}

int apply_lock_timeout(struct migrate *m, bool on, struct err *err)
{
    char sql[64];

    if (db_engine(m->db) == DB_SQLITE)
        return 0;
    snprintf(sql, sizeof sql, "SET lock_timeout = %u", on ? (unsigned)m->o.lock_ms : 0);
    return db_exec(m->db, sql, err);
}

int apply_begin(struct migrate *m, struct err *err)
{
    if (apply_lock_timeout(m, true, err) < 0 || session_begin(m, err) < 0)
        return -1;
    if (history_hold(m->db, err) < 0) {
        db_rollback(m->db);
        return -1;
    }
    return 0;
}

void apply_rollback(struct migrate *m)
{
    if (db_alive(m->db))
        db_rollback(m->db);
}

enum apply_outcome apply_commit(struct migrate *m, struct err *err)
{
    FAULT("schema_before_commit");
    switch (db_commit(m->db, err)) {
    case DB_COMMITTED:
        FAULT("schema_after_commit");
        return APPLY_DONE;
    case DB_NOT_COMMITTED:
        return APPLY_FAILED;
    case DB_UNKNOWN:
        break;
    }
    return APPLY_AGAIN;
}

static void pause_unless_stopped(const struct migrate *m, uint32_t ms)
{
    for (uint32_t slept = 0; slept < ms && !session_stop(m); slept += BUSY_PAUSE_MS)
        session_pause(BUSY_PAUSE_MS);
}

/* What to do about a failure after rolling back: again at once (a lost connection), again after a pause (a lock), stop,
 * or give up. */
enum apply_outcome apply_failure(struct migrate *m, const struct migrate_step *step, uint32_t *tries, struct err *err)
{
    uint32_t pause_ms = BUSY_PAUSE_MS << (*tries < 5 ? *tries : 5);

    if (!db_alive(m->db)) {
        err_release(err);
        return ++*tries > m->o.lock_tries
                   ? (err_set(err, ERR_RUN, W0719, "the connection was lost %u times", *tries), APPLY_FAILED)
                   : APPLY_AGAIN;
    }
    if (session_cancelled(m, err) || (session_busy(m, err) && session_stop(m))) {
        err_release(err);
        return APPLY_STOPPED;
    }
    if (!session_busy(m, err))
        return APPLY_FAILED;
    if (++*tries >= m->o.lock_tries) {
        struct err given_up = {0};

        err_set(&given_up, ERR_RUN, W0713, "%s: %s", step->label, err->message);
        memcpy(given_up.sqlstate, err->sqlstate, sizeof given_up.sqlstate);
        err_at(&given_up, err->file, err->line, err->column);
        err_help(&given_up, "another session holds a lock for long; end it, or run again with a longer lock timeout");
        err_move(err, &given_up);
        return APPLY_FAILED;
    }
    err_release(err);
    session_event(m, MIGRATE_BUSY, step, NULL, *tries + 1, m->o.lock_tries);
    pause_unless_stopped(m, pause_ms > BUSY_PAUSE_MS_MAX ? BUSY_PAUSE_MS_MAX : pause_ms);
    return session_stop(m) ? APPLY_STOPPED : APPLY_AGAIN;
}

int apply_record(struct migrate *m, const struct version *v, const struct migrate_step *step, struct err *err)
{
    bool up = step->direction == MIGRATE_UP;
    struct history_row row = {.number = v->number,
                              .name = v->name,
                              .state = HISTORY_APPLIED,
                              .checksum = v->up.checksum,
                              .took_ms = (int64_t)step->took_ms};

    if ((up ? history_put(m->db, m->o.system, &row, m->who, err) : history_remove(m->db, m->o.system, v->number, err)) <
        0)
        return -1;
    return history_log(m->db, m->o.system, &row, up ? "up" : "down", m->who, err);
}

/* The row as it was when the step was planned? Another runner that holds no lock (a pooler in between) shows here. */
static int still_due(struct migrate *m, const struct version *v, const struct migrate_step *step, struct err *err)
{
    CLEANUP(history_release) struct history h = {0};
    const struct history_row *row;

    if (history_read(m->db, m->o.system, &h, err) < 0)
        return -1;
    row = history_find(&h, v->number);
    return step->direction == MIGRATE_UP ? row == NULL : row && row->state == HISTORY_APPLIED;
}

/* SQLite checks no reference while a version runs, so that tables can be built anew; all are checked here. */
int apply_check_references(struct migrate *m, const struct script *s, struct err *err)
{
    CLEANUP(db_result_release) struct db_result r = {0};

    if (db_engine(m->db) != DB_SQLITE)
        return 0;
    if (db_query(m->db, "SELECT \"table\", rowid, parent FROM pragma_foreign_key_check LIMIT 1000", NULL, 0, &r, err) <
        0)
        return -1;
    if (r.n_rows == 0)
        return 0;
    err_set(err, ERR_RUN, W0712,
            "%zu%s left referring to rows that are not there; the first is row %.*s of '%.*s', which refers to '%.*s'",
            r.n_rows, r.n_rows == 1000 ? " or more rows" : r.n_rows == 1 ? " row" : " rows", STR_ARG(db_cell(&r, 0, 1)), STR_ARG(db_cell(&r, 0, 0)),
            STR_ARG(db_cell(&r, 0, 2)));
    return err_at(err, s->path, 0, 0);
}

static int run_all(struct migrate *m, const struct version *v, struct migrate_step *step, struct err *err)
{
    uint64_t start = session_now_ms();

    for (size_t i = 0; i < step->script->n; i++) {
        FAULT("schema_before_statement");
        if (apply_statement(m, step, i, err) < 0)
            return -1;
    }
    if (apply_check_references(m, step->script, err) < 0)
        return -1;
    step->took_ms = session_now_ms() - start;
    /* A version may have changed role or search path; its entry is written as ourselves. */
    if (db_engine(m->db) == DB_POSTGRESQL && db_exec(m->db, "RESET SESSION AUTHORIZATION; RESET ROLE", err) < 0)
        return -1;
    FAULT("schema_before_record");
    return apply_record(m, v, step, err);
}

static enum apply_outcome run_once(struct migrate *m, const struct version *v, struct migrate_step *step,
                                   struct err *err)
{
    enum apply_outcome outcome;
    int due;

    if (apply_begin(m, err) < 0)
        return APPLY_FAILED;
    due = still_due(m, v, step, err);
    if (due <= 0) {
        apply_rollback(m);
        return due < 0 ? APPLY_FAILED : APPLY_AGAIN;
    }
    if (run_all(m, v, step, err) < 0) {
        apply_rollback(m);
        return APPLY_FAILED;
    }
    outcome = apply_commit(m, err);
    if (outcome == APPLY_FAILED) {
        apply_rollback(m);
        err_at(err, step->script->path, 0, 0);
    }
    return outcome;
}

enum apply_outcome apply_version(struct migrate *m, const struct version *v, struct migrate_step *step, struct err *err)
{
    bool sqlite = db_engine(m->db) == DB_SQLITE;
    enum apply_outcome outcome;

    if (sqlite && db_exec(m->db, "PRAGMA foreign_keys = OFF", err) < 0)
        return APPLY_FAILED;
    outcome = step->script->no_transaction ? pieces_apply(m, v, step, err) : run_once(m, v, step, err);
    if (sqlite && db_exec(m->db, "PRAGMA foreign_keys = ON", outcome == APPLY_FAILED ? NULL : err) < 0)
        return APPLY_FAILED;
    return outcome;
}
