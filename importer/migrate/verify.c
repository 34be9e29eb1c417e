/* Compares the database with what its versions should have made of an empty one; see migrate_verify(). */
#include "migrate/migrate_internal.h"

#include "base/cleanup.h"

#include <stdlib.h>

/* The plan cut down to what the history says is applied, in the order of numbers. */
static int applied_plan(const struct migrate *m, const struct history *h, struct arena *a, struct plan *ret,
                        struct err *err)
{
    struct version *versions = arena_calloc(a, h->n ? h->n : 1, sizeof *versions);

    if (!versions)
        return err_oom(err);
    *ret = (struct plan){.engine = m->plan.engine, .versions = versions};
    for (size_t i = 0; i < h->n; i++) {
        const struct version *v = plan_version(&m->plan, h->rows[i].number);

        if (!v) {
            err_set(err, ERR_RUN, W0710, "version %lld (%s) is applied, but '%s/%s' does not have it",
                    (long long)h->rows[i].number, h->rows[i].name, m->o.dir, plan_folder(m->plan.engine));
            return err_help(err, "bring its files back; what it made cannot be known without them");
        }
        if (h->rows[i].state != HISTORY_APPLIED)
            return err_set(err, ERR_RUN, W0708, "%s is half done; run `schema %s` first, it goes on where it was left",
                           v->label, h->rows[i].state == HISTORY_GOING_UP ? "up" : "down");
        versions[ret->n++] = *v;
    }
    return 0;
}

/* New objects go where they go in the target: to the schema of the same name, by the same search path. */
static int imitate_search_path(struct migrate *m, struct db *scratch, struct err *err)
{
    CLEANUP(db_result_release) struct db_result r = {0};
    CLEANUP(buf_release) struct buf name = BUF_INIT;
    CLEANUP(buf_release) struct buf sql = BUF_INIT;

    if (db_engine(m->db) == DB_SQLITE)
        return 0;
    if (db_query(m->db, "SELECT current_setting('search_path'), current_schema()", NULL, 0, &r, err) < 0)
        return -1;
    if (r.values[1].type != DB_NULL) {
        if (buf_add_str(&name, db_cell(&r, 0, 1)) < 0 || buf_add_text(&sql, "CREATE SCHEMA IF NOT EXISTS ") < 0 ||
            db_quote_name(scratch, buf_text(&name), &sql) < 0)
            return err_oom(err);
        if (db_exec(scratch, buf_text(&sql), err) < 0)
            return -1;
    }
    return db_query(scratch, "SELECT set_config('search_path', $1, false)", r.values, 1, NULL, err);
}

/* The expected schema, built in a scratch place that stays open for second thoughts. */
static struct scratch *build_expected(struct migrate *m, const struct plan *plan, struct describe *ret, struct err *err)
{
    struct scratch *s = scratch_open(m, err);

    if (s && imitate_search_path(m, scratch_db(s), err) == 0 && migrate_build(scratch_db(s), plan, 0, err) == 0 &&
        describe_database(scratch_db(s), ret, err) == 0)
        return s;
    scratch_close(s);
    return NULL;
}

struct comparing {
    struct migrate_drifts *ret;
    size_t capacity;
    const struct describe *expected;
    bool alone; /* no other system lives in this database */
};

static const char *copied(struct arena *a, const char *text)
{
    return text ? arena_dup(a, str_of(text)) : NULL;
}

static int add_drift(struct comparing *c, enum migrate_drift_kind kind, const struct describe_object *expected,
                     const struct describe_object *found, struct err *err)
{
    const struct describe_object *o = expected ? expected : found;
    struct migrate_drifts *d = c->ret;
    struct migrate_drift *one;

    if (d->n == c->capacity) {
        size_t bigger = c->capacity ? 2 * c->capacity : 32;
        struct migrate_drift *items = arena_calloc(&d->arena, bigger, sizeof *items);

        if (!items)
            return err_oom(err);
        if (d->n)
            memcpy(items, d->items, d->n * sizeof *items);
        d->items = items;
        c->capacity = bigger;
    }
    one = &d->items[d->n];
    *one = (struct migrate_drift){.kind = kind,
                                  .object = copied(&d->arena, o->kind),
                                  .name = copied(&d->arena, o->name),
                                  .expected = copied(&d->arena, expected ? expected->definition : NULL),
                                  .found = copied(&d->arena, found ? found->definition : NULL)};
    if (!one->object || !one->name || (expected && !one->expected) || (found && !one->found))
        return err_oom(err);
    d->n++;
    return 0;
}

static bool expects_table(const struct describe *d, const char *name)
{
    for (size_t i = 0; i < d->n; i++) {
        if (strcmp(d->objects[i].kind, "table") == 0 && strcmp(d->objects[i].name, name) == 0)
            return true;
    }
    return false;
}

/* What hangs on a table of ours is ours; what stands by itself is, when nobody else lives here. Extensions are the
 * administrator's. */
static int add_extra(struct comparing *c, const struct describe_object *o, struct err *err)
{
    bool ours = o->owner ? expects_table(c->expected, o->owner) : c->alone && strcmp(o->kind, "extension") != 0;

    if (ours)
        return add_drift(c, MIGRATE_EXTRA, NULL, o, err);
    c->ret->foreign++;
    return 0;
}

static int compare_order(const struct describe_object *a, const struct describe_object *b)
{
    int by_kind = strcmp(a->kind, b->kind);

    return by_kind ? by_kind : strcmp(a->name, b->name);
}

/* Both lists are sorted: walk them side by side. */
static int compare(struct comparing *c, const struct describe *found, struct err *err)
{
    size_t i = 0, k = 0;
    int rc = 0;

    while (rc == 0 && (i < c->expected->n || k < found->n)) {
        const struct describe_object *e = i < c->expected->n ? &c->expected->objects[i] : NULL;
        const struct describe_object *f = k < found->n ? &found->objects[k] : NULL;
        int order = !e ? 1 : !f ? -1 : compare_order(e, f);

        if (order < 0) {
            rc = add_drift(c, MIGRATE_MISSING, e, NULL, err);
        } else if (order > 0) {
            rc = add_extra(c, f, err);
        } else if (strcmp(e->definition, f->definition) != 0) {
            rc = add_drift(c, MIGRATE_DIFFERENT, e, f, err);
        }
        i += order <= 0;
        k += order >= 0;
    }
    return rc;
}

/* ---- second thoughts ---- */

/* What makes an object of its own definition anew; false for kinds that keep theirs. */
static bool restating_sql(const struct migrate_drift *d, const char *owner, struct buf *sql, bool *ret_failed)
{
    const char *name = strrchr(d->name, '.') ? strrchr(d->name, '.') + 1 : d->name;
    int rc;

    if (strcmp(d->object, "constraint") == 0 && strncmp(d->expected, "CHECK", 5) == 0 && owner)
        rc = buf_printf(sql, "ALTER TABLE %s DROP CONSTRAINT \"%s\", ADD CONSTRAINT \"%s\" %s", owner, name, name, d->expected);
    else if (strcmp(d->object, "index") == 0)
        rc = buf_printf(sql, "DROP INDEX %s; %s", d->name, d->expected);
    else if (strcmp(d->object, "view") == 0)
        rc = buf_printf(sql, "CREATE OR REPLACE VIEW %s AS %s", d->name, d->expected);
    else
        return false;
    *ret_failed = rc < 0;
    return true;
}

static const struct describe_object *find_object(const struct describe *d, const char *kind, const char *name)
{
    for (size_t i = 0; i < d->n; i++) {
        if (strcmp(d->objects[i].kind, kind) == 0 && strcmp(d->objects[i].name, name) == 0)
            return &d->objects[i];
    }
    return NULL;
}

/* A statement that may fail, also inside a transaction: then nothing happened. */
static int try_statement(struct db *db, const char *sql, struct err *err)
{
    CLEANUP(buf_release) struct buf block = BUF_INIT, text = BUF_INIT;

    if (db_quote_text(db, str_of(sql), &text) < 0 ||
        buf_printf(&block, "DO $windrow$ BEGIN EXECUTE %s; EXCEPTION WHEN OTHERS THEN NULL; END $windrow$", buf_text(&text)) < 0)
        return err_oom(err);
    return db_exec(db, buf_text(&block), err);
}

static int restate(struct db *db, const struct describe *expected, const struct migrate_drifts *drifts, struct err *err)
{
    for (size_t i = 0; i < drifts->n; i++) {
        const struct migrate_drift *d = &drifts->items[i];
        const struct describe_object *o = d->kind == MIGRATE_DIFFERENT ? find_object(expected, d->object, d->name) : NULL;
        CLEANUP(buf_release) struct buf sql = BUF_INIT;
        bool failed = false;

        if (!o || !restating_sql(d, o->owner, &sql, &failed))
            continue;
        if (failed)
            return err_oom(err);
        if (try_statement(db, buf_text(&sql), err) < 0)
            return -1;
    }
    return 0;
}

/* What pg_dump writes and pg_restore reads is the server's own words for a definition, and reading them the server may
 * choose other words: (ARRAY['a'::varchar])::text[] comes back as ARRAY[('a'::varchar)::text]. A definition that differs is
 * therefore put in those words too before it is called drift, so that a restored database is what its versions made. */
static int forgive_words(struct db *scratch, const struct describe *expected, struct migrate_drifts *drifts, struct err *err)
{
    CLEANUP(describe_release) struct describe again = {0};
    size_t n = 0, different = 0;

    for (size_t i = 0; i < drifts->n; i++)
        different += drifts->items[i].kind == MIGRATE_DIFFERENT;
    if (different == 0 || db_engine(scratch) == DB_SQLITE)
        return 0;
    if (restate(scratch, expected, drifts, err) < 0 || describe_database(scratch, &again, err) < 0)
        return -1;
    for (size_t i = 0; i < drifts->n; i++) {
        const struct migrate_drift *d = &drifts->items[i];
        const struct describe_object *o = d->kind == MIGRATE_DIFFERENT ? find_object(&again, d->object, d->name) : NULL;

        if (!o || strcmp(o->definition, d->found) != 0)
            drifts->items[n++] = *d;
    }
    drifts->n = n;
    return 0;
}

static int compare_in(struct migrate *m, struct scratch *scratch, const struct describe *expected, struct migrate_drifts *ret,
                      struct err *err)
{
    CLEANUP(describe_release) struct describe found = {0};
    struct comparing c = {.ret = ret, .expected = expected};
    int64_t systems = 0;

    if (history_systems(m->db, &systems, err) < 0 || describe_database(m->db, &found, err) < 0)
        return -1;
    c.alone = systems <= 1;
    ret->compared = expected->n;
    return compare(&c, &found, err) < 0 ? -1 : forgive_words(scratch_db(scratch), expected, ret, err);
}

static int compare_with(struct migrate *m, const struct plan *plan, struct migrate_drifts *ret, struct err *err)
{
    CLEANUP(describe_release) struct describe expected = {0};
    struct migrate_drifts drifts = {0};
    struct scratch *scratch = build_expected(m, plan, &expected, err);
    int rc = scratch ? compare_in(m, scratch, &expected, &drifts, err) : -1;

    scratch_close(scratch);
    if (rc < 0)
        migrate_drifts_release(&drifts);
    else
        *ret = drifts;
    return rc;
}

int migrate_verify(struct migrate *m, struct migrate_drifts *ret, struct err *err)
{
    CLEANUP(history_release) struct history h = {0};
    CLEANUP(arena_release) struct arena a = {0};
    struct plan plan;

    if (history_read(m->db, m->o.system, &h, err) < 0 || applied_plan(m, &h, &a, &plan, err) < 0)
        return -1;
    return compare_with(m, &plan, ret, err);
}

void migrate_drifts_release(struct migrate_drifts *d)
{
    arena_release(&d->arena);
    *d = (struct migrate_drifts){0};
}

static int record_baseline(struct migrate *m, const struct plan *plan, struct err *err)
{
    for (size_t i = 0; i < plan->n; i++) {
        const struct version *v = &plan->versions[i];
        struct history_row row = {
            .number = v->number, .name = v->name, .state = HISTORY_APPLIED, .checksum = v->up.checksum};

        if (history_put(m->db, m->o.system, &row, m->who, err) < 0 ||
            history_log(m->db, m->o.system, &row, "baseline", m->who, err) < 0)
            return -1;
    }
    return 0;
}

static int write_baseline(struct migrate *m, const struct plan *plan, struct err *err)
{
    CLEANUP(history_release) struct history h = {0};

    if (session_begin(m, err) < 0)
        return -1;
    if (history_create(m->db, err) < 0 || history_hold(m->db, err) < 0 || history_read(m->db, m->o.system, &h, err) < 0)
        goto undo;
    if (h.n > 0) {
        err_set(err, ERR_RUN, W0720, "the history has versions of %s already", m->o.system);
        goto undo;
    }
    if (record_baseline(m, plan, err) < 0)
        goto undo;
    return db_commit(m->db, err) == DB_COMMITTED ? 0 : -1;
undo:
    db_rollback(m->db);
    return -1;
}

int migrate_baseline(struct migrate *m, int64_t number, struct err *err)
{
    CLEANUP(migrate_drifts_release) struct migrate_drifts drifts = {0};
    struct plan plan = m->plan;
    int rc;

    if (!plan_version(&m->plan, number))
        return err_set(err, ERR_RUN, W0702, "there is no version %lld in '%s/%s'", (long long)number, m->o.dir,
                       plan_folder(m->plan.engine));
    while (plan.n > 0 && plan.versions[plan.n - 1].number > number)
        plan.n--;
    rc = session_lock(m, err);
    if (rc != 0)
        return rc < 0 ? -1 : err_set(err, ERR_RUN, W0706, "stopped while another runner is at work");
    rc = compare_with(m, &plan, &drifts, err);
    for (size_t i = 0; rc == 0 && i < drifts.n; i++) {
        if (drifts.items[i].kind != MIGRATE_EXTRA)
            rc = err_set(err, ERR_RUN, W0715, "the database is not what versions up to %lld make: %s '%s' is %s",
                         (long long)number, drifts.items[i].object, drifts.items[i].name,
                         drifts.items[i].kind == MIGRATE_MISSING ? "missing" : "different");
    }
    if (rc == 0)
        rc = write_baseline(m, &plan, err);
    session_unlock(m);
    return rc;
}
