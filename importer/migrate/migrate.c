/* Which version comes next, and the loop that goes from one to the other; see migrate/migrate.h.
 *
 * After every version the history is read again and the next step follows from it alone. So a lost connection, an
 * answer that never came and another runner's work all come to the same: look, and go on. */
#include "migrate/migrate_internal.h"

#include "base/cleanup.h"

#include <stdlib.h>

enum { WAIT_MS = 60000, LOCK_MS = 3000, LOCK_TRIES = 20, ROUNDS_MAX = 1000 };

static int copy_options(struct migrate *m, const struct migrate_options *o, struct err *err)
{
    m->o = *o;
    m->o.target = arena_dup(&m->arena, str_of(o->target));
    m->o.system = arena_dup(&m->arena, str_of(o->system));
    m->o.dir = arena_dup(&m->arena, str_of(o->dir));
    m->o.scratch = o->scratch ? arena_dup(&m->arena, str_of(o->scratch)) : NULL;
    if (!m->o.target || !m->o.system || !m->o.dir || (o->scratch && !m->o.scratch))
        return err_oom(err);
    m->o.wait_ms = o->wait_ms ? o->wait_ms : WAIT_MS;
    m->o.lock_ms = o->lock_ms ? o->lock_ms : LOCK_MS;
    m->o.lock_tries = o->lock_tries ? o->lock_tries : LOCK_TRIES;
    return 0;
}

struct migrate *migrate_open(const struct migrate_options *o, struct err *err)
{
    struct migrate *m = calloc(1, sizeof *m);
    enum db_engine engine = str_starts(str_of(o->target), str_of("sqlite:")) ? DB_SQLITE : DB_POSTGRESQL;

    if (!m) {
        err_oom(err);
        return NULL;
    }
    if (copy_options(m, o, err) < 0 || plan_load(m->o.dir, engine, &m->plan, err) < 0 || session_open(m, err) < 0) {
        migrate_close(m);
        return NULL;
    }
    return m;
}

void migrate_close(struct migrate *m)
{
    if (!m)
        return;
    if (m->db)
        session_unlock(m);
    db_close(m->db);
    plan_release(&m->plan);
    arena_release(&m->arena);
    free(m);
}

const struct plan *migrate_files(const struct migrate *m)
{
    return &m->plan;
}

const char *migrate_target(const struct migrate *m)
{
    return db_name(m->db);
}

void migrate_result_release(struct migrate_result *r)
{
    arena_release(&r->arena);
    *r = (struct migrate_result){0};
}

static int fail_version(struct err *err, enum code code, const char *path, const char *help, const char *message,
                        const char *label)
{
    err_set(err, ERR_RUN, code, "%s %s", label, message);
    err_help(err, "%s", help);
    return err_at(err, path, 0, 0);
}

static bool is_changed(const struct version *v, const struct history_row *row)
{
    return row->checksum && strcmp(row->checksum, v->up.checksum) != 0;
}

static int64_t highest(const struct history *h)
{
    return h->n ? h->rows[h->n - 1].number : 0;
}

/* An applied version below `limit` that the disk does not know: building on it would be building on sand. */
static int refuse_unknown(const struct migrate *m, const struct history *h, int64_t limit, struct err *err)
{
    for (size_t i = 0; i < h->n && h->rows[i].number < limit; i++) {
        if (plan_version(&m->plan, h->rows[i].number))
            continue;
        err_set(err, ERR_RUN, W0710, "version %lld (%s) is applied, but '%s/%s' does not have it",
                (long long)h->rows[i].number, h->rows[i].name, m->o.dir, plan_folder(m->plan.engine));
        return err_help(err, "bring its files back; they came from another branch or another copy");
    }
    return 0;
}

static int check_applied(const struct migrate *m, const struct version *v, const struct history_row *row,
                         struct err *err)
{
    if (row->state == HISTORY_GOING_DOWN)
        return fail_version(err, W0708, v->down.path, "run `schema down` first, it goes on where it was left",
                            "was left half-way down", v->label);
    if (is_changed(v, row) && !m->o.accept_changed)
        return fail_version(err, W0707, v->up.path,
                            "put the file back and write the change as a new version; if the database has the change "
                            "already, accept the file as it is",
                            "was changed since it was applied", v->label);
    return 0;
}

static void fill_step(const struct version *v, enum migrate_direction d, const struct history_row *row,
                      struct migrate_step *ret)
{
    *ret = (struct migrate_step){
        .number = v->number, .label = v->label, .direction = d, .script = d == MIGRATE_UP ? &v->up : &v->down};
    if (row && row->state != HISTORY_APPLIED)
        ret->from = (size_t)row->step;
}

/* A file that was left half done and has lost its declaration would run as a whole, and twice. */
static int check_half(const struct version *v, const struct migrate_step *step, const struct history_row *row,
                      struct err *err)
{
    if (!row || row->state == HISTORY_APPLIED || step->script->no_transaction)
        return 1;
    return fail_version(err, W0707, step->script->path, "put '-- windrow: no-transaction' back at the head of the file",
                        "was left half done, and its file has become another one", v->label);
}

/* The step up that follows from the history: 1, 0 when all is applied, -1 for what is in the way. `after`: versions up
 * to this number count as done (planning runs ahead of the database). */
static int next_up(struct migrate *m, const struct history *h, const struct migrate_range *range, int64_t after,
                   struct migrate_step *ret, struct err *err)
{
    for (size_t i = 0; i < m->plan.n; i++) {
        const struct version *v = &m->plan.versions[i];
        const struct history_row *row = history_find(h, v->number);

        if (row && row->state != HISTORY_GOING_UP) {
            if (check_applied(m, v, row, err) < 0)
                return -1;
            continue;
        }
        if (v->number <= after)
            continue;
        if (range->until && v->number > range->until)
            return 0;
        if (refuse_unknown(m, h, v->number, err) < 0)
            return -1;
        if (v->number < highest(h) && !m->o.out_of_order)
            return fail_version(err, W0709, v->up.path,
                                "give it the next free number; or allow versions out of order, knowing that new "
                                "databases will run it in another order",
                                "comes before versions that are applied", v->label);
        fill_step(v, MIGRATE_UP, row, ret);
        return check_half(v, ret, row, err);
    }
    return refuse_unknown(m, h, plan_last(&m->plan), err);
}

static int next_down(struct migrate *m, const struct history *h, const struct migrate_range *range, int64_t before,
                     struct migrate_step *ret, struct err *err)
{
    const struct history_row *row = NULL;
    const struct version *v;

    for (size_t i = 0; i < h->n && h->rows[i].number < before; i++)
        row = &h->rows[i];
    if (!row || (range->until && row->number <= range->until))
        return 0;
    v = plan_version(&m->plan, row->number);
    if (!v)
        return refuse_unknown(m, h, INT64_MAX, err);
    if (row->state == HISTORY_GOING_UP)
        return fail_version(err, W0708, v->up.path, "run `schema up` first, it goes on where it was left",
                            "was left half-way up", v->label);
    if (!v->down.path)
        return fail_version(err, W0711, v->up.path, "restore a backup, or write a new version that does what is wanted",
                            "is declared irreversible", v->label);
    if (is_changed(v, row) && !m->o.accept_changed)
        return fail_version(err, W0707, v->up.path,
                            "its down file may not fit what was applied; put the file back, or accept it as it is",
                            "was changed since it was applied", v->label);
    fill_step(v, MIGRATE_DOWN, row, ret);
    return check_half(v, ret, row, err);
}

static bool range_reached(enum migrate_direction d, const struct migrate_range *range, size_t done)
{
    if (range->count)
        return done >= range->count;
    return d == MIGRATE_DOWN && !range->until && !range->all && done >= 1;
}

static int check_range(const struct migrate *m, const struct migrate_range *range, struct err *err)
{
    if (range->until && !plan_version(&m->plan, range->until))
        return err_set(err, ERR_RUN, W0702, "there is no version %lld in '%s/%s'", (long long)range->until, m->o.dir,
                       plan_folder(m->plan.engine));
    return 0;
}

static int add_step(struct migrate_result *r, const struct migrate_step *step, size_t *capacity, struct err *err)
{
    if (r->n == *capacity) {
        size_t bigger = *capacity ? 2 * *capacity : 16;
        struct migrate_step *steps = arena_calloc(&r->arena, bigger, sizeof *steps);

        if (!steps)
            return err_oom(err);
        if (r->n)
            memcpy(steps, r->steps, r->n * sizeof *steps);
        r->steps = steps;
        *capacity = bigger;
    }
    r->steps[r->n++] = *step;
    return 0;
}

int migrate_plan(struct migrate *m, enum migrate_direction d, const struct migrate_range *range,
                 struct migrate_result *ret, struct err *err)
{
    CLEANUP(history_release) struct history h = {0};
    int64_t edge = d == MIGRATE_UP ? 0 : INT64_MAX;
    struct migrate_result r = {0};
    struct migrate_step step;
    size_t capacity = 0;
    int rc = 0;

    if (check_range(m, range, err) < 0 || history_read(m->db, m->o.system, &h, err) < 0)
        return -1;
    while (!range_reached(d, range, r.n)) {
        rc = d == MIGRATE_UP ? next_up(m, &h, range, edge, &step, err) : next_down(m, &h, range, edge, &step, err);
        if (rc <= 0)
            break;
        edge = step.number;
        rc = add_step(&r, &step, &capacity, err);
        if (rc < 0)
            break;
    }
    if (rc < 0)
        migrate_result_release(&r);
    else
        *ret = r;
    return rc < 0 ? -1 : 0;
}

/* The next step by what the database says now: 1, 0, -1. */
static int next_step(struct migrate *m, enum migrate_direction d, const struct migrate_range *range,
                     struct migrate_step *ret, struct err *err)
{
    CLEANUP(history_release) struct history h = {0};

    if (history_read(m->db, m->o.system, &h, err) < 0)
        return -1;
    return d == MIGRATE_UP ? next_up(m, &h, range, 0, ret, err) : next_down(m, &h, range, INT64_MAX, ret, err);
}

/* Did the step happen although nobody heard the answer? */
static int has_happened(struct migrate *m, const struct migrate_step *step, bool *ret, struct err *err)
{
    CLEANUP(history_release) struct history h = {0};
    const struct history_row *row;

    if (history_read(m->db, m->o.system, &h, err) < 0)
        return -1;
    row = history_find(&h, step->number);
    *ret = step->direction == MIGRATE_UP ? row && row->state == HISTORY_APPLIED : row == NULL;
    return 0;
}

/* Run one step to its end, over lost connections and busy tables. 0, 1 when stopped, -1. */
static int take_step(struct migrate *m, struct migrate_step *step, struct err *err)
{
    const struct version *v = plan_version(&m->plan, step->number);
    uint32_t tries = 0;

    for (unsigned round = 0; round < ROUNDS_MAX; round++) {
        struct err failure = {0};
        enum apply_outcome outcome = apply_version(m, v, step, &failure);
        bool happened = false;

        if (outcome == APPLY_DONE)
            return 0;
        if (outcome == APPLY_FAILED)
            outcome = apply_failure(m, step, &tries, &failure);
        if (outcome == APPLY_FAILED) {
            err_move(err, &failure);
            return -1;
        }
        err_release(&failure);
        if (outcome == APPLY_STOPPED)
            return 1;
        if (!db_alive(m->db)) {
            int rc = session_reopen(m, err);

            if (rc != 0)
                return rc;
        }
        if (has_happened(m, step, &happened, err) < 0)
            return -1;
        if (happened)
            return 0;
    }
    return err_set(err, ERR_RUN, W0706, "the history of %s changes while it is at work: another runner is there",
                   step->label);
}

/* Files of applied versions that changed and were accepted: remember what they say now. */
static int record_accepted(struct migrate *m, struct err *err)
{
    CLEANUP(history_release) struct history h = {0};

    if (history_read(m->db, m->o.system, &h, err) < 0)
        return -1;
    for (size_t i = 0; i < h.n; i++) {
        const struct version *v = plan_version(&m->plan, h.rows[i].number);

        if (!v || h.rows[i].state != HISTORY_APPLIED || !is_changed(v, &h.rows[i]))
            continue;
        h.rows[i].checksum = v->up.checksum;
        if (history_put(m->db, m->o.system, &h.rows[i], m->who, err) < 0 ||
            history_log(m->db, m->o.system, &h.rows[i], "accepted", m->who, err) < 0)
            return -1;
    }
    return 0;
}

/* In a transaction of its own. */
static enum apply_outcome write_history(struct migrate *m, struct err *err)
{
    if (session_begin(m, err) < 0)
        return session_busy(m, err) && session_stop(m) ? APPLY_STOPPED : APPLY_FAILED;
    if (history_create(m->db, err) < 0 || (m->o.accept_changed && record_accepted(m, err) < 0)) {
        apply_rollback(m);
        return APPLY_FAILED;
    }
    return apply_commit(m, err);
}

/* The history's tables are made under the lock. 0, 1 when stopped, -1. */
static int prepare_history(struct migrate *m, struct err *err)
{
    for (unsigned tries = 0; tries < m->o.lock_tries; tries++) {
        CLEANUP(err_release) struct err failure = {0};
        enum apply_outcome outcome = write_history(m, &failure);
        int rc;

        if (outcome == APPLY_DONE || outcome == APPLY_STOPPED)
            return outcome == APPLY_STOPPED;
        if (db_alive(m->db)) {
            err_move(err, &failure);
            return -1;
        }
        rc = session_reopen(m, err);
        if (rc != 0)
            return rc;
    }
    return err_set(err, ERR_RUN, W0719, "the connection was lost %u times", m->o.lock_tries);
}

/* A connection that is lost now takes its settings with it, and the version has happened already. */
static int restore_settings(struct migrate *m, const struct db_result *settings, struct err *err)
{
    CLEANUP(err_release) struct err failure = {0};

    if (session_restore_settings(m, settings, &failure) == 0)
        return 0;
    if (!db_alive(m->db))
        return session_reopen(m, err);
    err_move(err, &failure);
    return -1;
}

/* 0, 1 when stopped, -1. */
static int step_with_settings(struct migrate *m, struct migrate_step *step, struct err *err)
{
    CLEANUP(db_result_release) struct db_result settings = {0};
    int rc;

    if (session_note_settings(m, &settings, err) < 0)
        return -1;
    session_event(m, MIGRATE_STARTED, step, NULL, step->from, step->script->n);
    rc = take_step(m, step, err);
    if (rc != 0)
        return rc;
    session_event(m, MIGRATE_FINISHED, step, NULL, step->took_ms, 0);
    return restore_settings(m, &settings, err) < 0 ? -1 : 0;
}

static int run_steps(struct migrate *m, enum migrate_direction d, const struct migrate_range *range,
                     struct migrate_result *ret, struct err *err)
{
    size_t capacity = 0;

    while (!range_reached(d, range, ret->n)) {
        struct migrate_step step;
        int rc = next_step(m, d, range, &step, err);

        if (rc <= 0)
            return rc;
        rc = session_stop(m) ? 1 : step_with_settings(m, &step, err);
        if (rc > 0)
            ret->stopped = true;
        if (rc != 0)
            return rc < 0 ? -1 : 0;
        if (add_step(ret, &step, &capacity, err) < 0)
            return -1;
    }
    return 0;
}

static int run(struct migrate *m, enum migrate_direction d, const struct migrate_range *range,
               struct migrate_result *ret, struct err *err)
{
    int rc;

    *ret = (struct migrate_result){0};
    if (check_range(m, range, err) < 0)
        return -1;
    rc = session_lock(m, err);
    if (rc == 0)
        rc = prepare_history(m, err);
    ret->stopped = rc > 0;
    if (rc == 0) {
        m->watch = watch_open(m);
        rc = run_steps(m, d, range, ret, err);
        watch_close(m->watch);
        m->watch = NULL;
    }
    session_unlock(m);
    return rc < 0 ? -1 : 0;
}

int migrate_up(struct migrate *m, const struct migrate_range *range, struct migrate_result *ret, struct err *err)
{
    return run(m, MIGRATE_UP, range, ret, err);
}

int migrate_down(struct migrate *m, const struct migrate_range *range, struct migrate_result *ret, struct err *err)
{
    return run(m, MIGRATE_DOWN, range, ret, err);
}

static int build_script(struct db *db, const struct script *s, struct err *err)
{
    CLEANUP(arena_release) struct arena a = {0};

    for (size_t i = 0; i < s->n; i++) {
        CLEANUP(err_release) struct err cause = {0};
        const char *sql = statement_without_concurrently(&s->statements[i], &a);

        if (!sql)
            return err_oom(err);
        if (s->statements[i].kind != STATEMENT_REPEATABLE && db_exec(db, sql, &cause) < 0)
            return apply_place(s, i, &cause, err);
    }
    return 0;
}

int migrate_build(struct db *db, const struct plan *plan, int64_t until, struct err *err)
{
    bool sqlite = db_engine(db) == DB_SQLITE;
    CLEANUP(db_result_release) struct db_result path = {0};
    int rc = sqlite ? db_exec(db, "PRAGMA foreign_keys = OFF", err)
                    : db_query(db, "SELECT current_setting('search_path')", NULL, 0, &path, err);

    for (size_t i = 0; rc == 0 && i < plan->n; i++) {
        if (until && plan->versions[i].number > until)
            break;
        rc = build_script(db, &plan->versions[i].up, err);
        /* A search path that a version sets ends with it, here as in a real run. */
        if (rc == 0 && !sqlite)
            rc = db_query(db, "SELECT set_config('search_path', $1, false)", path.values, 1, NULL, err);
    }
    if (rc == 0 && sqlite)
        rc = db_exec(db, "PRAGMA foreign_keys = ON", err);
    return rc;
}
