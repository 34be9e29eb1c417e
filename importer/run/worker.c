/* One worker: claim a unit, map and write it, enter it in the ledger, commit; again when the failure passes. */
#include "run/seen.h"

#include "base/fault.h"
#include "source/walk.h"

#include <stdlib.h>
#include <time.h>

enum { WAIT_MS = 100, PERCENT_FROM = 1000 };

uint64_t run_now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void progress_state(struct run *run, struct progress_state *ret)
{
    *ret = (struct progress_state){.bytes = run->account.bytes, .bytes_total = run->total_bytes, .files = run->account.files,
                                   .files_total = run->total_files, .rows = run->account.rows,
                                   .rejects = run->account.rejects, .checkpoint_ns = run->committed_ns,
                                   .check = !run->ledger};
}

void run_draw(struct run *run)
{
    struct progress_state state;

    pthread_mutex_lock(&run->lock);
    progress_state(run, &state);
    progress_draw(&run->progress, run_now_ns(), &state);
    pthread_mutex_unlock(&run->lock);
}

void run_fail(struct run *run, enum summary_end end, struct err *err)
{
    pthread_mutex_lock(&run->lock);
    if (!run->failure.scope) {
        run->end = end;
        err_move(&run->failure, err);
    }
    run->stopping = true;
    pthread_cond_broadcast(&run->changed);
    pthread_mutex_unlock(&run->lock);
    err_release(err);
}

bool run_stopping(struct run *run)
{
    bool stopping;

    pthread_mutex_lock(&run->lock);
    if (stop_requested() && !run->stopping) {
        run->stopping = true;
        run->end = SUMMARY_INTERRUPTED;
    }
    stopping = run->stopping;
    pthread_mutex_unlock(&run->lock);
    return stopping;
}

/* What the table does not allow is a matter of the rule that writes to it. */
static int blame_rule(const struct mapping_rule *rule, struct err *err)
{
    const struct mapping_text *at = err->code == W0561 ? &rule->conflict_when : &rule->name;

    return (err->code >= W0517 && err->code <= W0520) || err->code == W0561
               ? err_mapping(err, at->line, at->column, at->len) : -1;
}

static int prepare_tables(struct worker *w, struct err *err)
{
    struct run *run = w->run;

    for (size_t i = 0; run->ops && i < run->p->n_rules; i++) {
        if (!run->p->rules[i].on)
            continue;
        run->ops->release(w->tables[i]);
        w->tables[i] = run->ops->prepare(w->sink, &run->specs[i], err);
        if (!w->tables[i])
            return blame_rule(run->p->rules[i].source, err);
    }
    return 0;
}

static bool shares_sink(const struct run *run)
{
    return run->ops && (!run->ops->streams || run->hold);
}

static int connect(struct worker *w, struct err *err)
{
    struct run *run = w->run;
    const struct db_options options = run_db_options(run);

    if (!run->ops)
        return 0;
    w->sink = shares_sink(run) ? run->first : run->ops->open(run->target, &options, err);
    return w->sink && failover_meet(run, run->ops->db(w->sink), err) == 0 ? prepare_tables(w, err) : -1;
}

static void disconnect(struct worker *w)
{
    for (size_t i = 0; w->run->ops && w->tables && i < w->run->p->n_rules; i++) {
        w->run->ops->release(w->tables[i]);
        w->tables[i] = NULL;
    }
    if (w->sink && w->sink != w->run->first)
        w->run->ops->close(w->sink);
    w->sink = NULL;
}

int worker_open(struct worker *w, struct run *run, unsigned number, struct err *err)
{
    *w = (struct worker){.run = run, .number = number, .fd = -1};
    w->out = (struct evaluate_out){.context = w};
    w->opener = opener_new(run->o->sources, run->o->n_sources, err);
    w->readers = calloc(run->p->n_rules + 1, sizeof *w->readers);
    w->tables = calloc(run->p->n_rules + 1, sizeof *w->tables);
    w->outgoing = calloc(2 * run->p->n_rules + 1, sizeof *w->outgoing);
    if (!w->opener)
        return -1;
    if (!w->readers || !w->outgoing || !w->tables)
        return err_oom(err);
    if (account_init(&w->account, run->p, run->o->hide_values, err) < 0)
        return -1;
    w->ev = evaluator_new(run->p, w->opener, &w->out, run->clock, share_beside(run), err);
    if (w->ev)
        evaluator_globals(w->ev, run->globals.files, run->globals.n_files);
    chunk_clear(w);
    return w->ev ? connect(w, err) : -1;
}

void worker_close(struct worker *w)
{
    for (size_t i = 0; w->run && i < w->run->p->n_rules; i++) {
        if (w->readers && w->readers[i])
            w->run->p->rules[i].reader->close(w->readers[i]);
    }
    if (w->run) {
        disconnect(w);
        write_release(w);
    }
    evaluator_free(w->ev);
    opener_free(w->opener);
    account_release(&w->account);
    arena_release(&w->arena);
    arena_release(&w->pending);
    unit_release(&w->unit);
    buf_release(&w->keys.bytes);
    keyset_release(&w->old_keys);
    sink_rows_release(&w->key_row);
    free(w->readers);
    free(w->tables);
    err_release(&w->failure);
    err_release(&w->refusal);
}

/* The transaction of a held run stays open from unit to unit. */
static void leave(struct worker *w)
{
    if (w->begun && w->sink == w->run->first)
        pthread_mutex_unlock(&w->run->sink_lock);
    w->begun = false;
}

void worker_roll_back(struct worker *w)
{
    if (w->begun)
        w->run->ops->rollback(w->sink);
    leave(w);
}

/* Claims */

/* The workers of one process share the sink's connection, so that they keep apart what each is working on themselves. */
static int claim_shared(struct worker *w, struct err *err)
{
    struct run *run = w->run;
    struct db *db = run->ops->db(w->sink);
    int64_t after = 0;
    int got;

    pthread_mutex_lock(&run->sink_lock);
    while ((got = ledger_claim(db, run->job, after, &w->unit, err)) == 1 && turn_claimed(w, w->unit.id))
        after = w->unit.id;
    if (got == 1)
        turn_claim(w);
    else
        turn_end(w);
    if (got == 2 && after)
        got = 0;    /* what is left others of this process are doing */
    pthread_mutex_unlock(&run->sink_lock);
    FAULT("after_claim");
    return got;
}

/* One after the other, so that who has an earlier unit is known before a later one is given out. */
static int claim_by_row_lock(struct worker *w, struct err *err)
{
    struct run *run = w->run;
    int got;

    pthread_mutex_lock(&run->claim_lock);
    got = write_begin(w, err) < 0 ? -1 : ledger_claim(run->ops->db(w->sink), run->job, 0, &w->unit, err);
    if (got == 1)
        turn_claim(w);
    else
        turn_end(w);    /* another process or worker has what this one rolled back: nobody is to wait for it here */
    pthread_mutex_unlock(&run->claim_lock);
    if (got != 1)
        worker_roll_back(w);
    return got;
}

static int claim(struct worker *w, struct err *err)
{
    struct run *run = w->run;
    int got;

    FAULT("before_claim");
    if (run->ledger)
        return shares_sink(run) ? claim_shared(w, err) : claim_by_row_lock(w, err);
    if (w->again) {
        w->again = false;
        return 1;
    }
    pthread_mutex_lock(&run->lock);
    got = survey_next(run->survey, &w->unit, err);
    if (got == 1)
        run->claimed[w->number] = w->unit.id = ++run->given;
    pthread_mutex_unlock(&run->lock);
    return got;
}

/* Commits */

int worker_merge(struct worker *w, struct err *err)
{
    struct run *run = w->run;
    bool again;
    int ret;

    if (failover_acknowledge(run, w->unit.id, &again, err) < 0)
        return -1;
    if (again)
        return 0;
    if (seen_chunk(w, err) < 0)
        return -1;
    pthread_mutex_lock(&run->lock);
    ret = account_merge(&run->account, &w->account, err);
    run->committed_ns = run_now_ns();
    samples_add(&run->samples, run->committed_ns - run->start_ns, run->account.bytes, run->account.rows);
    pthread_mutex_unlock(&run->lock);
    if (w->number == 0 && run->jobs == 1)
        run_draw(run);
    return ret;
}

static bool again(struct worker *w, const struct err *err)
{
    return !run_stopping(w->run) && patience_again(&w->patience, err);
}

/* Opens a lost connection again, for as long as there is patience. */
static int reconnect(struct worker *w, struct err *err)
{
    if (!w->run->ops || shares_sink(w->run) || (w->sink && db_alive(w->run->ops->db(w->sink))))
        return 0;
    for (;;) {
        disconnect(w);
        if (connect(w, err) == 0)
            return 0;
        if (!again(w, err))
            return -1;
        err_release(err);
    }
}

bool worker_again(struct worker *w, struct err *err)
{
    struct run *run = w->run;

    worker_roll_back(w);
    chunk_clear(w);
    if (!again(w, err))
        return false;
    pthread_mutex_lock(&run->lock);
    run->retries++;
    pthread_mutex_unlock(&run->lock);
    err_release(err);
    return reconnect(w, err) == 0;
}

static int ask_once(struct worker *w, bool *done, struct err *err)
{
    struct db *db;
    int ret;

    if (reconnect(w, err) < 0)
        return -1;
    db = w->run->ops->db(w->sink);
    if (db_begin(db, err) < 0)
        return -1;
    ret = ledger_unit_done(db, w->unit.id, w->unit.gen, done, err);
    db_rollback(db);
    return ret;
}

/* The answer to COMMIT was lost: a new connection asks the ledger, which waits for the old session to end. */
static int ask_ledger(struct worker *w, bool *done, struct err *err)
{
    leave(w);
    disconnect(w);
    if (shares_sink(w->run))
        return err_set(err, ERR_RUN, W0601, "the database file failed during a commit");
    while (ask_once(w, done, err) < 0) {
        if (!again(w, err))
            return -1;
        err_release(err);
    }
    return 0;
}

void run_lost_before_commit(struct err *err)
{
    err_set(err, ERR_RUN, W0501, "the connection was lost before the commit");
    db_set_state(err, "08006");     /* it passes: the same is written again */
}

/* 0: committed; 1: not, try again; -1: failed. */
int worker_commit(struct worker *w, struct err *err)
{
    struct run *run = w->run;
    enum db_outcome outcome;
    bool done = false;

    if (!run->ops || run->hold)
        return 0;
#ifdef WINDROW_CANARY_LEDGER_OUTSIDE
    if (w->begun && (run->ops->commit(w->sink, err) != DB_COMMITTED || run->ops->begin(w->sink, err) < 0))
        return -1;
#endif
    if (run->ledger && (turn_wait(w, err) < 0 || entry_put(w, err) < 0))
        return -1;
    if (!w->begun)
        return 0;
    FAULT("chunk_before_commit");
    outcome = run->ops->commit(w->sink, err);
    FAULT("chunk_after_commit");
    if (outcome == DB_COMMITTED) {
        w->together = false;
        leave(w);
        return 0;
    }
    if (outcome == DB_NOT_COMMITTED) {
        w->together = err->scope == ERR_RECORD;
        worker_roll_back(w);
        return -1;
    }
    err_release(err);
    if (!run->ledger)
        return err_set(err, ERR_RUN, W0601, "the answer to a commit was lost");
    if (ask_ledger(w, &done, err) < 0)
        return -1;
    return done ? 0 : 1;
}

static enum summary_end end_of(const struct err *err)
{
    if (stop_requested() && db_transient(err))
        return SUMMARY_INTERRUPTED;     /* without the signal it would have been tried again */
    switch (err->code) {
    case W0608:
        return SUMMARY_LIMIT;
    case W0605:     /* not now: whoever writes to the source has to end first */
    case W0612:
        return SUMMARY_INTERRUPTED;
    case W0303:
    case W0609:
        return SUMMARY_USAGE;
    default:
        break;
    }
    if (run_lacked(err))
        return SUMMARY_INTERRUPTED;
    if (err->sqlstate[0] || strncmp(code_entry(err->code)->name, "W05", 3) == 0 || err->code == W0604 || err->code == W0610 ||
        err->code == W0617 || err->code == W0620)
        return SUMMARY_DATABASE;
    /* A value of a column with on_error: stop. */
    return strncmp(code_entry(err->code)->name, "W04", 3) == 0 ? SUMMARY_LIMIT : SUMMARY_INTERNAL;
}

static void wait_ms(unsigned ms)
{
    struct timespec pause = {ms / 1000, (long)(ms % 1000) * 1000000};

    nanosleep(&pause, NULL);
}

/* The limit was reached within a chunk that is rolled back: its rows count for nothing, but what was refused in it is the
 * reason to stop, and has to be seen. */
static void keep_findings(struct worker *w)
{
    struct run *run = w->run;
    struct err ignored = {0};

    seen_undone(w);
    pthread_mutex_lock(&run->lock);
    run->undone_rejects += w->account.rejects;
    if (findings_merge(&run->account.findings, &w->account.findings, &ignored) < 0)
        err_release(&ignored);
    pthread_mutex_unlock(&run->lock);
}

/* True when the worker may go on. */
static bool recover(struct worker *w, struct err *err)
{
    struct run *run = w->run;

    if (!run->hold)
        worker_roll_back(w);
    if (err->code == W0608)
        keep_findings(w);
    chunk_clear(w);
    if (err->code == W0603 && !run->hold) {   /* somebody else did it: go on with what is left */
        err_release(err);
        turn_end(w);
        return true;
    }
    if (run->hold || !worker_again(w, err)) {
        run_fail(run, end_of(err), err);
        return false;
    }
    w->again = !run->ledger;    /* with a ledger the unit is claimed anew */
    return true;
}

void run_check_percent(struct run *run, bool last)
{
    double limit = run->o->max_reject_percent;
    uint64_t read = 0, rejects;
    struct err e = {0};

    if (limit <= 0)
        return;
    pthread_mutex_lock(&run->lock);
    rejects = run->account.rejects;
    for (size_t i = 0; i < run->p->n_rules; i++)
        read += run->account.rules[i].read;
    pthread_mutex_unlock(&run->lock);
    if ((!last && read < PERCENT_FROM) || (double)rejects * 100 <= limit * (double)read)
        return;
    err_set(&e, ERR_RUN, W0608, "more than %g %% of the rows were refused", limit);
    run_fail(run, SUMMARY_LIMIT, &e);
}

/* 1: a unit was done; 0: nothing is left; -1: failed. */
static int one_unit(struct worker *w, struct err *err)
{
    int got = claim(w, err);

    if (got == 2) {
        wait_ms(WAIT_MS);
        return 1;
    }
    if (got != 1)
        return got;
    if (chunk_run(w, err) < 0)
        return -1;
    got = worker_commit(w, err);
    if (got == 0)
        got = worker_merge(w, err);
    else if (got == 1)
        run_lost_before_commit(err);
    if (got)
        return -1;
    FAULT("after_merge");
    chunk_clear(w);
    turn_end(w);
    return 1;
}

void worker_loop(struct worker *w)
{
    struct run *run = w->run;
    struct err e = {0};

    while (!run_stopping(run)) {
        int got = one_unit(w, &e);

        if (got == 0)
            break;
        if (got < 0) {
            if (!recover(w, &e))
                break;
            continue;
        }
        w->patience = (struct patience){0};
        run_check_percent(run, false);
    }
    if (!run->hold)
        worker_roll_back(w);
    turn_end(w);
}
