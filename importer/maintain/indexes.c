/* Indexes: those of the database beside those that the applied versions make, by definition; and what an index says of itself. */
#include "maintain/maintain_internal.h"

#include "base/cleanup.h"
#include "migrate/migrate.h"

#include <stdlib.h>

enum { DAMAGES_MAX = 1000 };

static void close_migrate(struct migrate **m) { migrate_close(*m); }

static struct maintain_index *add(struct maintain_indexes *ret, struct err *err)
{
    if (ret->n % 32 == 0) {
        struct maintain_index *items = arena_calloc(&ret->arena, ret->n + 32, sizeof *items);

        if (!items) {
            err_oom(err);
            return NULL;
        }
        if (ret->n)
            memcpy(items, ret->items, ret->n * sizeof *items);
        ret->items = items;
    }
    return &ret->items[ret->n++];
}

/* The server's definition, to which migrate/describe adds this word. */
static bool cut_invalid(struct str *definition)
{
    static const char word[] = " INVALID";

    if (!str_ends(*definition, str_of(word)))
        return false;
    definition->len -= strlen(word);
    return true;
}

static int add_drift(const struct migrate_drift *d, struct maintain_indexes *ret, struct err *err)
{
    struct str found = str_of(d->found);
    bool invalid = d->found && cut_invalid(&found);
    struct maintain_index *i = add(ret, err);

    if (!i)
        return -1;
    *i = (struct maintain_index){.state = invalid && d->kind == MIGRATE_DIFFERENT && str_is(found, d->expected) ? MAINTAIN_INVALID
                                          : d->kind == MIGRATE_MISSING                                         ? MAINTAIN_MISSING
                                          : d->kind == MIGRATE_EXTRA                                           ? MAINTAIN_EXTRA
                                                                                                               : MAINTAIN_DIFFERENT,
                                 .name = arena_dup(&ret->arena, str_of(d->name)),
                                 .expected = d->expected ? arena_dup(&ret->arena, str_of(d->expected)) : NULL,
                                 .found = d->found ? arena_dup(&ret->arena, str_of(d->found)) : NULL};
    return i->name ? 0 : err_oom(err);
}

static int compare(const struct maintain *m, struct maintain_indexes *ret, struct err *err)
{
    struct migrate_options o = {.target = m->o.target, .system = m->o.system, .dir = m->o.dir, .read_only = true,
                                .scratch = m->o.scratch};
    CLEANUP(migrate_drifts_release) struct migrate_drifts drifts = {0};
    CLEANUP(close_migrate) struct migrate *migrate = migrate_open(&o, err);

    if (!migrate || migrate_verify(migrate, &drifts, err) < 0)
        return -1;
    for (size_t i = 0; i < drifts.n; i++) {
        if (strcmp(drifts.items[i].object, "index") == 0 && add_drift(&drifts.items[i], ret, err) < 0)
            return -1;
    }
    return 0;
}

static bool known(const struct maintain_indexes *ret, struct str name)
{
    for (size_t i = 0; i < ret->n; i++) {
        if (str_is(name, ret->items[i].name))
            return true;
    }
    return false;
}

static int add_invalid(struct maintain_indexes *ret, struct str name, struct str why, struct err *err)
{
    struct maintain_index *i;

    if (known(ret, name))
        return 0;
    i = add(ret, err);
    if (!i)
        return -1;
    *i = (struct maintain_index){.state = MAINTAIN_INVALID, .name = arena_dup(&ret->arena, name), .found = arena_dup(&ret->arena, why)};
    return i->name && i->found ? 0 : err_oom(err);
}

/* "row 3 missing from index NAME", "wrong # of entries in index NAME", "non-unique entry in index NAME" */
static int sqlite_damage(struct maintain *m, struct maintain_indexes *ret, struct err *err)
{
    CLEANUP(db_result_release) struct db_result r = {0};

    if (db_query(m->db, "PRAGMA integrity_check(1000)", NULL, 0, &r, err) < 0)
        return -1;
    for (size_t i = 0; i < r.n_rows; i++) {
        struct str line = db_cell(&r, i, 0);
        const char *word = memmem(line.at, line.len, " index ", 7);

        if (str_is(line, "ok"))
            continue;
        if (!word)
            return err_set(err, ERR_RUN, W0553, "%s: the file is damaged beyond its indexes: %.*s", db_name(m->db), STR_ARG(line));
        if (add_invalid(ret, str_make(word + 7, line.len - (size_t)(word + 7 - line.at)), line, err) < 0)
            return -1;
    }
    return 0;
}

/* Indexes of constraints, which a comparison of definitions does not look at. */
static int postgres_invalid(struct maintain *m, struct maintain_indexes *ret, struct err *err)
{
    static const char sql[] = "SELECT CASE WHEN n.nspname = current_schema() THEN '' ELSE n.nspname || '.' END || i.relname,"
                              " pg_get_indexdef(i.oid) FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid"
                              " JOIN pg_namespace n ON n.oid = i.relnamespace WHERE x.indrelid = to_regclass($1)"
                              " AND NOT x.indisvalid";
    const char **tables;
    size_t n;

    if (maintain_tables(m, &tables, &n, err) < 0)
        return -1;
    for (size_t i = 0; i < n; i++) {
        CLEANUP(db_result_release) struct db_result r = {0};
        struct db_value name = db_text(str_of(tables[i]));

        if (db_query(m->db, sql, &name, 1, &r, err) < 0)
            return -1;
        for (size_t k = 0; k < r.n_rows; k++) {
            if (add_invalid(ret, db_cell(&r, k, 0), db_cell(&r, k, 1), err) < 0)
                return -1;
        }
    }
    return 0;
}

/* What has to be done first, then the rest. */
static int by_state(const void *a, const void *b)
{
    const struct maintain_index *x = a, *y = b;

    return x->state != y->state ? (int)x->state - (int)y->state : strcmp(x->name, y->name);
}

/* ---- mending ---- */

/* The definition is the server's own, or the version's own words: behind CREATE [UNIQUE] INDEX goes CONCURRENTLY. */
static int build_sql(const struct maintain *m, const struct maintain_index *i, struct buf *out)
{
    const char *word = db_engine(m->db) == DB_POSTGRESQL ? strstr(i->expected, "INDEX ") : NULL;

    if (!word)
        return buf_add_text(out, i->expected);
    return buf_printf(out, "%.*sINDEX CONCURRENTLY %s", (int)(word - i->expected), i->expected, word + 6);
}

/* describe gives "schema.name", but for the schema that new objects go to. */
static int rebuild_sql(const struct maintain *m, const struct maintain_index *i, struct buf *out)
{
    bool postgres = db_engine(m->db) == DB_POSTGRESQL;
    const char *dot = postgres ? strchr(i->name, '.') : NULL;

    if (buf_add_text(out, postgres ? "REINDEX INDEX CONCURRENTLY " : "REINDEX ") < 0)
        return -1;
    if (!dot)
        return db_quote_name(m->db, i->name, out);
    if (buf_printf(out, "\"%.*s\".", (int)(dot - i->name), i->name) < 0)
        return -1;
    return db_quote_name(m->db, dot + 1, out);
}

/* What a build that failed half-way leaves behind would stand in the way of the next. */
static void drop_half_built(struct maintain *m, const struct maintain_index *i)
{
    CLEANUP(buf_release) struct buf sql = BUF_INIT;
    CLEANUP(db_result_release) struct db_result r = {0};
    struct db_value name = db_text(str_of(i->name));

    if (db_engine(m->db) == DB_SQLITE || !db_alive(m->db))
        return;
    if (db_query(m->db, "SELECT c.oid::regclass FROM pg_index x JOIN pg_class c ON c.oid = x.indexrelid WHERE NOT x.indisvalid"
                        " AND x.indexrelid = to_regclass(quote_ident($1))", &name, 1, &r, NULL) < 0 || r.n_rows != 1)
        return;
    if (buf_printf(&sql, "DROP INDEX CONCURRENTLY %.*s", STR_ARG(db_cell(&r, 0, 0))) == 0)
        db_exec(m->db, buf_text(&sql), NULL);
}

static int mend(struct maintain *m, struct maintain_index *i, struct err *err)
{
    CLEANUP(buf_release) struct buf sql = BUF_INIT;
    bool missing = i->state == MAINTAIN_MISSING;

    if ((missing ? build_sql(m, i, &sql) : rebuild_sql(m, i, &sql)) < 0)
        return err_oom(err);
    if (db_exec(m->db, buf_text(&sql), err) < 0) {
        if (missing)
            drop_half_built(m, i);
        return err_value(err, str_of(i->name));
    }
    i->fixed = true;
    return 0;
}

static int mend_all(struct maintain *m, struct maintain_indexes *ret, struct err *err)
{
    for (size_t k = 0; k < ret->n; k++) {
        struct maintain_index *i = &ret->items[k];

        if ((i->state == MAINTAIN_MISSING || i->state == MAINTAIN_INVALID) && mend(m, i, err) < 0)
            return -1;
    }
    return 0;
}

int maintain_indexes(struct maintain *m, bool fix, struct maintain_indexes *ret, struct err *err)
{
    CLEANUP(err_release) struct err failure = {0};
    struct cancel *cancel;
    int rc;

    *ret = (struct maintain_indexes){0};
    if (compare(m, ret, err) < 0)
        return -1;
    cancel = cancel_begin(&m->o, m->db);
    rc = db_engine(m->db) == DB_SQLITE ? sqlite_damage(m, ret, &failure) : postgres_invalid(m, ret, &failure);
    if (ret->n)
        qsort(ret->items, ret->n, sizeof *ret->items, by_state);
    if (rc == 0 && fix)
        rc = mend_all(m, ret, &failure);
    cancel_end(cancel);
    for (size_t i = 0; i < ret->n; i++)
        ret->n_open += ret->items[i].state != MAINTAIN_EXTRA && !ret->items[i].fixed;
    if (rc == 0)
        return 0;
    if (maintain_cancelled(&m->o, &failure))
        return 1;
    err_move(err, &failure);
    return -1;
}

void maintain_indexes_release(struct maintain_indexes *i)
{
    arena_release(&i->arena);
    *i = (struct maintain_indexes){0};
}
