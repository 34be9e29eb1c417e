/* What is applied, what is pending, what is odd; and what going down would cost. */
#include "migrate/migrate_internal.h"

#include "base/cleanup.h"

#include <stdlib.h>

enum { COUNT_MAX = 100000 };

static enum migrate_state state_of(const struct version *v, const struct history_row *row)
{
    if (!row)
        return MIGRATE_PENDING;
    if (row->state == HISTORY_GOING_UP)
        return MIGRATE_HALF_UP;
    if (row->state == HISTORY_GOING_DOWN)
        return MIGRATE_HALF_DOWN;
    if (!v)
        return MIGRATE_UNKNOWN;
    return strcmp(row->checksum, v->up.checksum) == 0 ? MIGRATE_APPLIED : MIGRATE_CHANGED;
}

static int fill_row(struct migrate_status *s, const struct version *v, const struct history_row *row, struct err *err)
{
    struct migrate_status_row *r = &s->rows[s->n];

    r->number = v ? v->number : row->number;
    r->label = v ? arena_dup(&s->arena, str_of(v->label))
                 : arena_printf(&s->arena, "%03lld_%s", (long long)row->number, row->name);
    r->state = state_of(v, row);
    if (v)
        r->n_statements = r->state == MIGRATE_HALF_DOWN ? v->down.n : v->up.n;
    if (row) {
        r->at = arena_dup(&s->arena, str_of(row->at));
        r->who = arena_dup(&s->arena, str_of(row->who));
        r->program = arena_dup(&s->arena, str_of(row->program));
        r->took_ms = (uint64_t)row->took_ms;
        r->step = (size_t)row->step;
    }
    if (!r->label || (row && (!r->at || !r->who || !r->program)))
        return err_oom(err);
    s->n++;
    s->n_pending += r->state == MIGRATE_PENDING;
    s->n_applied += r->state == MIGRATE_APPLIED || r->state == MIGRATE_CHANGED || r->state == MIGRATE_UNKNOWN;
    s->n_odd += r->state != MIGRATE_PENDING && r->state != MIGRATE_APPLIED;
    if (row && row->state == HISTORY_APPLIED)
        s->current = row->number;
    return 0;
}

/* Files and history, both by number, side by side. */
static int merge(const struct migrate *m, const struct history *h, struct migrate_status *s, struct err *err)
{
    size_t i = 0, k = 0;

    while (i < m->plan.n || k < h->n) {
        const struct version *v = i < m->plan.n ? &m->plan.versions[i] : NULL;
        const struct history_row *row = k < h->n ? &h->rows[k] : NULL;

        if (v && row && v->number < row->number)
            row = NULL;
        else if (v && row && v->number > row->number)
            v = NULL;
        if (fill_row(s, v, row, err) < 0)
            return -1;
        i += v != NULL;
        k += row != NULL;
    }
    return 0;
}

int migrate_status(struct migrate *m, struct migrate_status *ret, struct err *err)
{
    CLEANUP(history_release) struct history h = {0};
    struct migrate_status s = {0};

    if (history_read(m->db, m->o.system, &h, err) < 0)
        return -1;
    s.rows = arena_calloc(&s.arena, m->plan.n + h.n + 1, sizeof *s.rows);
    if (!s.rows)
        return err_oom(err);
    if (merge(m, &h, &s, err) < 0) {
        migrate_status_release(&s);
        return -1;
    }
    *ret = s;
    return 0;
}

void migrate_status_release(struct migrate_status *s)
{
    arena_release(&s->arena);
    *s = (struct migrate_status){0};
}

int migrate_current(struct db *db, const char *system, int64_t *ret, struct err *err)
{
    CLEANUP(history_release) struct history h = {0};

    if (history_read(db, system, &h, err) < 0)
        return -1;
    *ret = 0;
    for (size_t i = 0; i < h.n; i++) {
        if (h.rows[i].state == HISTORY_APPLIED)
            *ret = h.rows[i].number;
    }
    return 0;
}

int migrate_require(struct db *db, const char *system, int64_t needed, struct err *err)
{
    CLEANUP(history_release) struct history h = {0};
    const struct history_row *row;
    int64_t current = 0;

    if (history_read(db, system, &h, err) < 0)
        return -1;
    row = history_find(&h, needed);
    if (row && row->state == HISTORY_APPLIED)
        return 0;
    if (migrate_current(db, system, &current, err) < 0)
        return -1;
    if (row)
        err_set(err, ERR_RUN, W0717, "version %lld of schema '%s' is half done in %s", (long long)needed, system,
                db_name(db));
    else if (current)
        err_set(err, ERR_RUN, W0717, "%s has schema '%s' up to version %lld; version %lld is needed", db_name(db),
                system, (long long)current, (long long)needed);
    else
        err_set(err, ERR_RUN, W0717, "%s has no schema '%s'; version %lld is needed", db_name(db), system,
                (long long)needed);
    return err_help(err, "run `windrow schema up %s --to ...`, or load with --schema", system);
}

/* ---- what going down costs ---- */

struct losing {
    struct migrate *m;
    struct migrate_losses *ret;
    const struct script *script;
    struct err *err;
};

static bool knows_table(const struct migrate_losses *l, struct str name)
{
    for (size_t i = 0; i < l->n; i++) {
        if (str_is(name, l->items[i].table))
            return true;
    }
    return false;
}

/* A table that is dropped and comes back under its name is only built anew. */
static bool is_rebuilt(const struct losing *l, struct str name)
{
    for (size_t i = 0; i < l->script->n; i++) {
        if (str_eq(statement_renamed_to(l->script->statements[i].text, l->m->plan.engine), name))
            return true;
    }
    return false;
}

static int table_exists(struct db *db, struct str name, bool *ret, struct err *err)
{
    const char *sql =
        db_engine(db) == DB_SQLITE
            ? "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND lower(name) = lower(trim($1, '\"`[]'))"
            : "SELECT CASE WHEN to_regclass($1) IS NULL THEN 0 ELSE 1 END";
    CLEANUP(db_result_release) struct db_result r = {0};
    struct db_value value = db_text(name);

    if (db_query(db, sql, &value, 1, &r, err) < 0)
        return -1;
    *ret = db_cell_int(&r, 0, 0) > 0;
    return 0;
}

static int count_rows(struct losing *l, struct str name, int64_t *ret)
{
    CLEANUP(db_result_release) struct db_result r = {0};
    CLEANUP(buf_release) struct buf sql = BUF_INIT;

    if (buf_printf(&sql, "SELECT count(*) FROM (SELECT 1 FROM %.*s LIMIT %d) AS some_rows", STR_ARG(name),
                   COUNT_MAX + 1) < 0)
        return err_oom(l->err);
    if (db_query(l->m->db, buf_text(&sql), NULL, 0, &r, l->err) < 0)
        return -1;
    *ret = db_cell_int(&r, 0, 0);
    return 0;
}

static int note_table(struct losing *l, struct str name)
{
    struct migrate_loss *one;
    bool there = false;
    int64_t rows = 0;

    if (name.len == 0 || knows_table(l->ret, name) || is_rebuilt(l, name))
        return 0;
    if (table_exists(l->m->db, name, &there, l->err) < 0)
        return -1;
    if (!there)
        return 0;
    if (count_rows(l, name, &rows) < 0)
        return -1;
    if (rows == 0)
        return 0;
    if (l->ret->n % 16 == 0) {
        struct migrate_loss *items = arena_calloc(&l->ret->arena, l->ret->n + 16, sizeof *items);

        if (!items)
            return err_oom(l->err);
        if (l->ret->n)
            memcpy(items, l->ret->items, l->ret->n * sizeof *items);
        l->ret->items = items;
    }
    one = &l->ret->items[l->ret->n];
    *one = (struct migrate_loss){arena_dup(&l->ret->arena, name), (uint64_t)(rows > COUNT_MAX ? COUNT_MAX : rows),
                                 rows > COUNT_MAX};
    if (!one->table)
        return err_oom(l->err);
    l->ret->n++;
    return 0;
}

static int note_loss(void *context, struct str name, bool is_schema)
{
    static const char tables[] = "SELECT format('%I.%I', n.nspname, c.relname) FROM pg_catalog.pg_class c"
                                 " JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
                                 " WHERE n.oid = to_regnamespace($1) AND c.relkind IN ('r', 'p') ORDER BY 1";
    struct losing *l = context;
    CLEANUP(db_result_release) struct db_result r = {0};
    struct db_value value = db_text(name);

    if (!is_schema)
        return note_table(l, name);
    if (db_query(l->m->db, tables, &value, 1, &r, l->err) < 0)
        return -1;
    for (size_t i = 0; i < r.n_rows; i++) {
        if (note_table(l, db_cell(&r, i, 0)) < 0)
            return -1;
    }
    return 0;
}

int migrate_losses(struct migrate *m, const struct migrate_result *plan, struct migrate_losses *ret, struct err *err)
{
    struct migrate_losses losses = {0};
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < plan->n; i++) {
        struct losing l = {m, &losses, plan->steps[i].script, err};

        for (size_t k = plan->steps[i].from; rc == 0 && k < l.script->n; k++)
            rc = statement_losses(l.script->statements[k].text, m->plan.engine, note_loss, &l);
    }
    if (rc < 0) {
        migrate_losses_release(&losses);
        return -1;
    }
    *ret = losses;
    return 0;
}

void migrate_losses_release(struct migrate_losses *l)
{
    arena_release(&l->arena);
    *l = (struct migrate_losses){0};
}
