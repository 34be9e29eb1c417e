/* The end of a run: what follows the last unit, and the word in the ledger how it ended. */
#include "run/run_internal.h"

#include "base/fault.h"

static int statements_after(struct run *run, struct db *db, struct err *err)
{
    const struct mapping *m = run->mapping;
    const char *engine = db_engine(db) == DB_SQLITE ? "sqlite" : "postgresql";

    for (size_t i = 0; i < m->n_afters; i++) {
        const struct mapping_after *after = &m->afters[i];
        char *sql;

        if (!run->p->after_on[i] || (after->engine.text.at && !str_is(after->engine.text, engine)))
            continue;
        sql = arena_dup(&run->arena, after->sql.text);
        if (!sql)
            return err_oom(err);
        if (db_exec(db, sql, err) < 0) {
            err_mapping(err, after->sql.line ? after->sql.line : after->file.line,
                        after->sql.line ? after->sql.column : after->file.column, 1);
            return -1;
        }
    }
    return 0;
}

/* Deferred constraints, which only a commit would ask for, and the statements of after:. */
void run_rehearse_end(struct run *run)
{
    struct db *db = run->ops->db(run->first);
    struct err e = {0};
    struct finding f;

    if (db_exec(db, "SET CONSTRAINTS ALL IMMEDIATE", &e) == 0 && statements_after(run, db, &e) == 0)
        return;
    f = finding_of(&e);
    f.outcome = FINDING_STOPPED;
    if (findings_add(&run->account.findings, &f, NULL) < 0)
        run->end = SUMMARY_INTERRUPTED;
    err_release(&e);
}

int run_after(struct run *run, struct err *err)
{
    struct db *db = run->ops->db(run->first);

    if (run->mapping->n_afters == 0)
        return 0;
    if (db_begin(db, err) < 0)
        return -1;
    if (statements_after(run, db, err) < 0) {
        db_rollback(db);
        return -1;
    }
    return db_commit(db, err) == DB_COMMITTED ? 0 : -1;
}

/* The statements of after:, and the word that the run is done, in one transaction. */
static int finish_in_transaction(struct run *run, struct db *db, bool *finished, struct err *err)
{
    int64_t open = 0;
    struct ledger_run last;
    int there;

    if (failover_remembered(run, db, err) < 0 || ledger_lock_job(db, run->job, err) < 0 || ledger_open_units(db, run->job, &open, err) < 0)
        return -1;
    run->left = open > 0;
    there = open ? 0 : ledger_last_run(db, run->job, &last, err);
    if (there != 1 || !ledger_unfinished(&last))
        return there < 0 ? -1 : 0;
    if (statements_after(run, db, err) < 0 || ledger_complete_files(db, run->job, err) < 0 ||
        ledger_seal_files(db, run->job, run->id, err) < 0 ||
        ledger_count_rejects(db, run->id, &run->all_rejects, err) < 0)
        return -1;
    *finished = true;
    return ledger_end_run(db, run->id, "done", (struct str){0}, err);
}

static int reconnect(struct run *run, struct err *err)
{
    const struct db_options options = run_db_options(run);

    if (run->first)
        run->ops->close(run->first);
    run->first = run->ops->open(run->target, &options, err);
    return run->first ? failover_meet(run, run->ops->db(run->first), err) : -1;
}

int run_connected(struct run *run, struct err *err)
{
    if (!run->ops->streams || (run->first && db_alive(run->ops->db(run->first))))
        return 0;
    return reconnect(run, err);
}

/* COMMIT was not answered: the ledger knows. 1: the run is done, 0: it is not. */
static int ask_ledger(struct run *run, struct err *err)
{
    struct ledger_run last;
    struct db *db;
    int there;

    if (reconnect(run, err) < 0)
        return -1;
    db = run->ops->db(run->first);
    if (db_begin(db, err) < 0)
        return -1;
    there = ledger_lock_job(db, run->job, err) < 0 ? -1 : ledger_last_run(db, run->job, &last, err);
    db_rollback(db);
    return there < 0 ? -1 : there == 1 && last.id == run->id && !ledger_unfinished(&last);
}

static int finish_once(struct run *run, bool *finished, struct err *err)
{
    enum db_outcome outcome;
    struct db *db;
    int done;

    *finished = false;
    if (run_connected(run, err) < 0)
        return -1;
    db = run->ops->db(run->first);
    if (db_begin(db, err) < 0)
        return -1;
    if (finish_in_transaction(run, db, finished, err) < 0) {
        db_rollback(db);
        return -1;
    }
    FAULT("before_end");
    outcome = db_commit(db, err);
    FAULT("after_end");
    if (outcome == DB_COMMITTED)
        return 0;
    if (outcome == DB_NOT_COMMITTED || !*finished)
        return err_set(err, ERR_RUN, W0501, "the end of the run could not be committed");
    err_release(err);
    done = ask_ledger(run, err);
    if (done == 0)
        run_lost_before_commit(err);
    return done > 0 ? 0 : -1;
}

int run_finish(struct run *run, bool *finished, struct err *err)
{
    struct patience patience = {0};

    *finished = false;
    if (!run->id)
        return 0;
    while (finish_once(run, finished, err) < 0) {
        if (!patience_again(&patience, err))
            return -1;
        err_release(err);
    }
    return 0;
}

void run_note_end(struct run *run, const char *state)
{
    struct err ignored = {0};

    if (run->id && run->first && db_alive(run->ops->db(run->first)) &&
        ledger_run_state(run->ops->db(run->first), run->id, state, &ignored) < 0)
        err_release(&ignored);
}
