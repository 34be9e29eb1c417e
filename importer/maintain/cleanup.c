/* Clean-up: the rules of a system, each in a savepoint of its own, all in one transaction; a dry run is the same with another
 * end.
 *
 * On PostgreSQL the transaction keeps one view of the database. Where children are removed before their parents, a child that
 * another session adds in between would go with its parent unseen; under REPEATABLE READ the server refuses instead, and the
 * whole of it is tried again. */
#include "maintain/maintain_internal.h"

#include "base/cleanup.h"
#include "migrate/statement.h"
#include "query/query.h"

#include <time.h>

enum { TRIES = 3, LOCK_SLICE_MS = 200 /* busy_timeout in begin() */ };

struct rule {
    const char *name;           /* without number and ending */
    const char *path;
    struct query query;
    const struct query_param *missing;
};

struct cleaning {
    struct maintain *m;
    struct rule *rules;
    size_t n;
    struct maintain_cleanup *ret;
};

/* ---- rules ---- */

static const char *without_number(const char *name)
{
    size_t digits = strspn(name, "0123456789");

    return digits && name[digits] == '_' && name[digits + 1] ? name + digits + 1 : name;
}

/* What else would a rule of clean-up do? A SELECT's rows would be counted as removed. */
static int check_statements(const struct query *q, enum db_engine engine, struct err *err)
{
    for (size_t i = 0; i < q->n_sections; i++) {
        struct scan scan = {.sql = str_of(q->sections[i].sql), .engine = engine};
        struct scan_token t;

        if (scan_token(&scan, &t, err) <= 0)
            return -1;
        if (scan_is(&t, "delete") || scan_is(&t, "update") || scan_is(&t, "with"))
            continue;
        err_set(err, ERR_RUN, W0104, "a rule of clean-up is made of DELETE and UPDATE, and this begins with %.*s", STR_ARG(t.text));
        return err_at(err, q->path, q->sections[i].line, 1);
    }
    return 0;
}

static int load_rules(struct cleaning *c, struct err *err)
{
    struct arena *a = &c->ret->arena;
    enum db_engine engine = c->m->plan.engine;
    const char *dir = arena_printf(a, "%s/maintain", c->m->o.dir), **names;
    size_t n;

    if (!dir)
        return err_oom(err);
    if (query_names(dir, a, &names, &n, err) < 0)
        return -1;
    c->rules = arena_calloc(a, n + 1, sizeof *c->rules);
    if (!c->rules)
        return err_oom(err);
    for (size_t i = 0; i < n; i++) {
        struct rule *r = &c->rules[c->n];

        r->path = query_path(dir, names[i], engine, a);
        if (!r->path)
            continue;
        r->name = without_number(names[i]);
        if (query_load(r->path, engine, a, &r->query, err) < 0 || check_statements(&r->query, engine, err) < 0)
            return -1;
        c->n++;
    }
    if (c->n)
        return 0;
    err_set(err, ERR_RUN, W0901, "%s has no rules of clean-up in %s", c->m->o.system, dir);
    return err_help(err, "docs/maintain.md tells how such a file is written");
}

static int check_names(const struct cleaning *c, const char *const *set, size_t n_set, struct err *err)
{
    for (size_t i = 0; i < n_set; i++) {
        struct str name = str_make(set[i], strcspn(set[i], "="));
        const char *names[256], *nearest;
        size_t n = 0;
        bool known = false;

        if (!set[i][name.len])
            return err_set(err, ERR_RUN, W0101, "--set %s: expected NAME=VALUE", set[i]);
        for (size_t k = 0; k < c->n; k++) {
            const struct query *q = &c->rules[k].query;

            known |= query_has_param(q, name);
            for (size_t p = 0; p < q->n_params && n < ARRAY_LEN(names); p++)
                names[n++] = q->params[p].name;
        }
        if (known)
            continue;
        err_set(err, ERR_RUN, W0101, "no rule of %s has a parameter '%.*s'", c->m->o.system, STR_ARG(name));
        nearest = str_nearest(name, names, n);
        return nearest ? err_help(err, "did you mean '%s'?", nearest) : -1;
    }
    return 0;
}

static int64_t clock_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* All rules are about one moment. */
static int settle(struct cleaning *c, const char *const *set, size_t n_set, struct err *err)
{
    int64_t now = clock_us();

    if (check_names(c, set, n_set, err) < 0)
        return -1;
    for (size_t i = 0; i < c->n; i++) {
        struct rule *r = &c->rules[i];

        r->missing = query_missing(&r->query, set, n_set);
        if (!r->missing && query_settle_known(&r->query, set, n_set, c->m->plan.engine, now, &c->ret->arena, err) < 0)
            return err_at(err, r->path, 0, 0);
        if (!r->missing)
            c->ret->now = r->query.params[QUERY_NOW].value;
    }
    return 0;
}

static int first_name(void *context, struct str name, bool is_schema)
{
    (void)is_schema;
    *(struct str *)context = name;
    return 1;
}

/* What a statement removes from: as its comment calls it, else as it calls the table. */
static const char *table_of(struct cleaning *c, const struct query_section *s)
{
    struct str name = str_of("rows");

    if (s->title)
        return s->title;
    statement_losses(s->sql, c->m->plan.engine, first_name, &name);
    return arena_dup(&c->ret->arena, name);
}

static int make_steps(struct cleaning *c, struct err *err)
{
    struct maintain_cleanup *ret = c->ret;

    ret->steps = arena_calloc(&ret->arena, c->n, sizeof *ret->steps);
    if (!ret->steps)
        return err_oom(err);
    for (size_t i = 0; i < c->n; i++) {
        struct maintain_step *s = &ret->steps[i];
        const struct query *q = &c->rules[i].query;

        *s = (struct maintain_step){.rule = c->rules[i].name, .about = q->about ? q->about : "", .n_removed = q->n_sections};
        s->needs = c->rules[i].missing ? c->rules[i].missing->name : NULL;
        s->removed = arena_calloc(&ret->arena, q->n_sections, sizeof *s->removed);
        if (!s->removed)
            return err_oom(err);
        for (size_t k = 0; k < q->n_sections; k++) {
            s->removed[k].table = table_of(c, &q->sections[k]);
            if (!s->removed[k].table)
                return err_oom(err);
        }
        ret->n = i + 1;
    }
    return 0;
}

/* ---- running ---- */

static int run_statement(struct cleaning *c, const struct query *q, const struct query_section *s, uint64_t *ret, struct err *err)
{
    struct db_value params[QUERY_PARAMS_MAX];
    CLEANUP(db_result_release) struct db_result r = {0};

    for (size_t i = 0; i < s->n_of; i++)
        params[i] = db_text(str_of(q->params[s->of[i]].value));
    if (db_query(c->m->db, s->sql, params, s->n_of, &r, err) < 0)
        return err_at(err, q->path, s->line, 1);
    *ret = r.affected;
    return 0;
}

/* Who has locks on tables of ours that a writer would have to wait for; for people. */
static void name_holder(struct db *db, struct err *err)
{
    static const char sql[] =
        "SELECT a.pid || ' (' || coalesce(a.usename, '?') || ', ' || coalesce(nullif(a.application_name, ''), 'no name') || ', '"
        " || a.state || ' since ' || to_char(a.state_change AT TIME ZONE 'UTC', 'HH24:MI:SS') || ' UTC)'"
        " FROM pg_locks l JOIN pg_stat_activity a USING (pid) WHERE l.granted AND l.locktype = 'relation'"
        " AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()) AND a.pid <> pg_backend_pid()"
        " AND l.mode <> 'AccessShareLock' AND l.relation >= 16384 ORDER BY a.xact_start LIMIT 1";
    CLEANUP(db_result_release) struct db_result r = {0};
    struct err named = {0};

    if (db_query(db, sql, NULL, 0, &r, NULL) < 0 || r.n_rows == 0)
        return;
    err_set(&named, ERR_RUN, W0908, "a lock was not to be had in time; process %.*s has one", STR_ARG(db_cell(&r, 0, 0)));
    err_at(&named, err->file, err->line, err->column);
    db_set_state(&named, err->sqlstate);
    err_help(&named, "run the command again when that session is done, or give --wait more seconds");
    err_move(err, &named);
    err_release(&named);
}

/* The engines' words are for those who insert: that a key leads nowhere. */
static void name_reference(struct err *err)
{
    struct err named = {0};

    if (err->code != W0513 && strcmp(err->sqlstate, "23503") != 0)
        return;
    if (err->code == W0513)     /* SQLite's, which knows no more */
        err_set(&named, ERR_RUN, W0909, "rows that were to go are referred to by others");
    else
        err_set(&named, ERR_RUN, W0909, "rows that were to go are referred to by others: %s", err->message);
    err_at(&named, err->file, err->line, err->column);
    db_set_state(&named, err->sqlstate);
    err_help(&named, "let the rule remove the others first, or spare the rows that have some");
    err_move(err, &named);
    err_release(&named);
}

static bool must_try_again(const struct err *err)
{
    return strcmp(err->sqlstate, "40001") == 0 || strcmp(err->sqlstate, "40P01") == 0;
}

/* No fault of the rule, and the next one would fare no better. */
static bool concerns_all(const struct err *err)
{
    return err->code == W0601 || err->code == W0551 || err->code == W0552;
}

/* 0 also when the step failed and was taken back; 1 when everything has to be tried again; -1 when nothing can go on. */
static int run_step(struct cleaning *c, size_t i, bool last_try, struct err *err)
{
    struct maintain_step *s = &c->ret->steps[i];
    const struct query *q = &c->rules[i].query;
    struct db *db = c->m->db;
    int rc = db_exec(db, "SAVEPOINT windrow_step", err);

    if (rc < 0)
        return -1;
    for (size_t k = 0; rc == 0 && k < q->n_sections; k++)
        rc = run_statement(c, q, &q->sections[k], &s->removed[k].rows, &s->err);
    if (rc == 0) {
        s->state = MAINTAIN_DONE;
        return db_exec(db, "RELEASE SAVEPOINT windrow_step", err);
    }
    if (maintain_cancelled(&c->m->o, &s->err) || (must_try_again(&s->err) && !last_try))
        return 1;
    s->state = MAINTAIN_FAILED;
    for (size_t k = 0; k < s->n_removed; k++)
        s->removed[k].rows = 0;
    if (!concerns_all(&s->err) && db_alive(db) && db_exec(db, "ROLLBACK TO SAVEPOINT windrow_step; RELEASE SAVEPOINT windrow_step", NULL) == 0) {
        if (strcmp(s->err.sqlstate, "55P03") == 0)
            name_holder(db, &s->err);
        name_reference(&s->err);
        return 0;
    }
    err_move(err, &s->err);
    return -1;
}

static void forget(struct maintain_cleanup *ret)
{
    ret->total = 0;
    ret->n_failed = 0;
    for (size_t i = 0; i < ret->n; i++) {
        err_release(&ret->steps[i].err);
        ret->steps[i].state = 0;
        for (size_t k = 0; k < ret->steps[i].n_removed; k++)
            ret->steps[i].removed[k].rows = 0;
    }
}

static int run_steps(struct cleaning *c, bool last_try, struct err *err)
{
    struct maintain_cleanup *ret = c->ret;

    forget(ret);
    for (size_t i = 0; i < c->n; i++) {
        struct maintain_step *s = &ret->steps[i];
        int rc = 0;

        if (s->needs)
            s->state = MAINTAIN_NOT_ASKED;
        else if (maintain_stopped(&c->m->o))
            rc = 1;
        else
            rc = run_step(c, i, last_try, err);
        if (rc != 0)
            return rc;
        for (size_t k = 0; k < s->n_removed; k++)
            ret->total += s->removed[k].rows;
        ret->n_failed += s->state == MAINTAIN_FAILED;
    }
    return 0;
}

/* SQLite's lock is waited for in slices, so that somebody who does not want to wait is heard. */
static int begin(struct maintain *m, struct err *err)
{
    uint32_t wait_ms = m->o.wait_ms ? m->o.wait_ms : MAINTAIN_WAIT_MS;

    if (db_engine(m->db) == DB_POSTGRESQL)
        return db_exec(m->db, "BEGIN ISOLATION LEVEL REPEATABLE READ", err) < 0 ||
                       db_exec(m->db, "SET CONSTRAINTS ALL IMMEDIATE", err) < 0 ? -1 : 0;
    if (db_exec(m->db, "PRAGMA busy_timeout = 200", err) < 0)
        return -1;
    for (uint32_t waited = 0;; waited += LOCK_SLICE_MS) {
        CLEANUP(err_release) struct err failure = {0};

        if (db_begin(m->db, &failure) == 0)
            return 0;
        if (maintain_stopped(&m->o))
            return 1;
        if (!db_transient(&failure) || waited >= wait_ms) {
            failure.help[0] = '\0';
            err_help(&failure, "windrow waited %u s; wait until the other has finished, stop it, or give --wait more seconds",
                     wait_ms / 1000);
            err_move(err, &failure);
            return -1;
        }
    }
}

static int finish(struct maintain *m, bool dry_run, struct err *err)
{
    if (!dry_run)
        return db_commit(m->db, err) == DB_COMMITTED ? 0 : -1;
    db_rollback(m->db);
    return 0;
}

static int try_once(struct cleaning *c, bool dry_run, bool last_try, struct err *err)
{
    struct cancel *cancel;
    int rc = begin(c->m, err);

    if (rc != 0)
        return rc;
    cancel = cancel_begin(&c->m->o, c->m->db);
    rc = run_steps(c, last_try, err);
    cancel_end(cancel);
    if (rc == 0)
        return finish(c->m, dry_run, err);
    db_rollback(c->m->db);
    return rc;
}

int maintain_cleanup(struct maintain *m, const char *const *set, size_t n_set, bool dry_run, struct maintain_cleanup *ret,
                     struct err *err)
{
    struct cleaning c = {.m = m, .ret = ret};
    int rc = 1;

    *ret = (struct maintain_cleanup){0};
    if (load_rules(&c, err) < 0 || settle(&c, set, n_set, err) < 0 || make_steps(&c, err) < 0)
        return -1;
    for (int tries = 1; rc == 1 && tries <= TRIES && !maintain_stopped(&m->o); tries++)
        rc = try_once(&c, dry_run, tries == TRIES, err);
    return rc;
}

void maintain_cleanup_release(struct maintain_cleanup *c)
{
    for (size_t i = 0; i < c->n; i++)
        err_release(&c->steps[i].err);
    arena_release(&c->arena);
    *c = (struct maintain_cleanup){0};
}
