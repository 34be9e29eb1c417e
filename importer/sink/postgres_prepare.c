/* What can be known about a write before its first row: forms of the cells, statements, privileges, keys. */
#include "sink/postgres_order.h"

#include "base/cleanup.h"

#include <stdlib.h>

const struct catalog_column *postgres_column(const struct sink_table *t, size_t i)
{
    return &t->spec->table->columns[t->spec->columns[i].column];
}

int postgres_add_name(struct buf *out, const char *prefix, const char *name)
{
    if (prefix && (buf_add_text(out, prefix) < 0 || buf_add_char(out, '.') < 0))
        return -1;
    return db_quote_name(NULL, name, out);
}

int postgres_add_table(struct buf *out, const struct catalog_table *table)
{
    if (table->schema && (db_quote_name(NULL, table->schema, out) < 0 || buf_add_char(out, '.') < 0))
        return -1;
    return db_quote_name(NULL, table->name, out);
}

/* ---- forms ---- */

static bool limits_time(const struct type *column)
{
    const struct type *t = column->kind == TYPE_ARRAY && column->element ? column->element : column;

    return (t->kind == TYPE_TIME || t->kind == TYPE_TIMESTAMP || t->kind == TYPE_TIMESTAMPTZ) && t->precision;
}

static int form_init(struct row_form *form, size_t max, struct arena *a)
{
    form->binary = true;
    form->fields = arena_calloc(a, max + 1, sizeof *form->fields);
    form->columns = arena_calloc(a, max + 1, sizeof *form->columns);
    form->cells = arena_calloc(a, max + 1, sizeof *form->cells);
    return form->fields && form->columns && form->cells ? 0 : -1;
}

static void form_add(struct row_form *form, const struct type *column, const struct type *cell)
{
    if (!copybinary_field(column, cell, &form->fields[form->n]))
        form->binary = false;
    form->columns[form->n] = column;
    form->cells[form->n] = cell;
    form->limited = form->limited || limits_time(column);
    form->n++;
}

/* The cells of one column: itself, or the keys of what it refers to. */
static void form_add_column(struct row_form *form, const struct sink_table *t, size_t i)
{
    const struct sink_column *c = &t->spec->columns[i];

    if (!c->reference) {
        form_add(form, &postgres_column(t, i)->type, c->type ? c->type : &postgres_column(t, i)->type);
        return;
    }
    for (size_t k = 0; k < c->reference->n_keys; k++) {
        const struct type *key = &c->reference->table->columns[c->reference->keys[k]].type;

        form_add(form, key, key);
    }
}

static int make_forms(struct sink_table *t)
{
    const struct sink_spec *spec = t->spec;
    size_t max = 0;

    for (size_t i = 0; i < spec->n_columns; i++)
        max += spec->columns[i].reference ? spec->columns[i].reference->n_keys : 1;
    if (form_init(&t->row, max, &t->arena) < 0 || form_init(&t->key, max, &t->arena) < 0)
        return -1;
    for (size_t i = 0; i < spec->n_columns; i++)
        form_add_column(&t->row, t, i);
    for (size_t i = 0; i < spec->n_key; i++)
        form_add_column(&t->key, t, spec->key[i]);
    return 0;
}

/* ---- statements ---- */

/* One name a cell: c<i> for a column, k<i>_<n> for the keys of a reference. */
static int add_cells(const struct sink_table *t, size_t i, bool typed, struct buf *out)
{
    const struct sink_reference *ref = t->spec->columns[i].reference;

    if (!ref) {
        if (typed && (buf_add_text(out, ", ") < 0 || postgres_add_name(out, "w_old", postgres_column(t, i)->name) < 0))
            return -1;
        return buf_printf(out, typed ? " AS c%zu" : ", c%zu", i);
    }
    for (size_t k = 0; k < ref->n_keys; k++) {
        char alias[32];

        snprintf(alias, sizeof alias, "w_r%zu", i);
        if (typed && (buf_add_text(out, ", ") < 0 ||
                      postgres_add_name(out, alias, ref->table->columns[ref->keys[k]].name) < 0))
            return -1;
        if (buf_printf(out, typed ? " AS k%zu_%zu" : ", k%zu_%zu", i, k) < 0)
            return -1;
    }
    return 0;
}

static int add_sources(const struct sink_table *t, struct buf *out)
{
    if (buf_printf(out, " FROM %s AS w_old", t->name) < 0)
        return -1;
    for (size_t i = 0; i < t->spec->n_columns; i++) {
        const struct sink_reference *ref = t->spec->columns[i].reference;

        if (ref && (buf_add_text(out, ", ") < 0 || postgres_add_table(out, ref->table) < 0 ||
                    buf_printf(out, " AS w_r%zu", i) < 0))
            return -1;
    }
    return 0;
}

int postgres_add_copy(const char *table, struct buf *out)
{
    return buf_printf(out, "SAVEPOINT windrow; COPY %s (", table);
}

int postgres_add_copy_end(const struct row_form *form, struct buf *out)
{
    return buf_printf(out, ") FROM STDIN%s; RELEASE SAVEPOINT windrow", form->binary ? " (FORMAT binary)" : "");
}

/* Made from the tables themselves, so that types, lengths and collations are theirs. */
static int make_stage(struct sink_table *t, struct stage *stage, const struct row_form *form,
                      const uint16_t *ordinals, size_t n)
{
    CLEANUP(buf_release) struct buf create = BUF_INIT;
    CLEANUP(buf_release) struct buf copy = BUF_INIT;

    stage->name = arena_printf(&t->arena, "pg_temp.windrow_stage_%zu", ++t->sink->n_stages);
    if (!stage->name ||
        buf_printf(&create, "CREATE TEMPORARY TABLE windrow_stage_%zu ON COMMIT DELETE ROWS AS SELECT"
                   " 0::pg_catalog.int4 AS seq, 0::pg_catalog.int4 AS turn, 0::pg_catalog.int4 AS again",
                   t->sink->n_stages) < 0 ||
        postgres_add_copy(stage->name, &copy) < 0 || buf_add_text(&copy, "seq") < 0)
        return -1;
    for (size_t i = 0; i < n; i++) {
        if (add_cells(t, ordinals ? ordinals[i] : i, true, &create) < 0 ||
            add_cells(t, ordinals ? ordinals[i] : i, false, &copy) < 0)
            return -1;
    }
    if (add_sources(t, &create) < 0 ||
        buf_printf(&create, " WITH NO DATA; ALTER TABLE %s ALTER turn SET DEFAULT %d, ALTER again SET DEFAULT 0",
                   stage->name, t->self_reference ? -1 : 0) < 0 ||
        postgres_add_copy_end(form, &copy) < 0)
        return -1;
    stage->create = arena_dup(&t->arena, buf_str(&create));
    stage->copy = arena_dup(&t->arena, buf_str(&copy));
    return stage->create && stage->copy ? 0 : -1;
}

static int make_direct(struct sink_table *t)
{
    CLEANUP(buf_release) struct buf sql = BUF_INIT;

    if (postgres_add_copy(t->name, &sql) < 0)
        return -1;
    for (size_t i = 0; i < t->spec->n_columns; i++) {
        if ((i && buf_add_text(&sql, ", ") < 0) || postgres_add_name(&sql, NULL, postgres_column(t, i)->name) < 0)
            return -1;
    }
    if (postgres_add_copy_end(&t->row, &sql) < 0)
        return -1;
    t->copy = arena_dup(&t->arena, buf_str(&sql));
    return t->copy ? 0 : -1;
}

static int make_names(struct sink_table *t)
{
    CLEANUP(buf_release) struct buf name = BUF_INIT;
    const struct catalog_table *table = t->spec->table;

    if (postgres_add_table(&name, table) < 0)
        return -1;
    t->name = arena_dup(&t->arena, buf_str(&name));
    t->label = arena_printf(&t->arena, "%s%s%s", table->schema ? table->schema : "", table->schema ? "." : "",
                            table->name);
    return t->name && t->label ? 0 : -1;
}

static int make_statements(struct sink_table *t)
{
    if (make_direct(t) < 0 || make_stage(t, &t->stage, &t->row, NULL, t->spec->n_columns) < 0)
        return -1;
    return make_stage(t, &t->key_stage, &t->key, t->spec->key, t->spec->n_key);
}

/* ---- checks ---- */

static bool contains(const uint16_t *columns, size_t n, uint16_t column)
{
    for (size_t i = 0; i < n; i++) {
        if (columns[i] == column)
            return true;
    }
    return false;
}

/* Every column of the key is among `columns`, so these find at most one row. */
static bool covers(const struct catalog_key *key, const uint16_t *columns, size_t n)
{
    for (size_t i = 0; i < key->n; i++) {
        if (!contains(columns, n, key->columns[i]))
            return false;
    }
    return !key->partial && key->n;
}

static bool finds_one(const struct catalog_table *table, const uint16_t *columns, size_t n, bool exactly)
{
    for (size_t i = 0; i < table->n_keys; i++) {
        if (covers(&table->keys[i], columns, n) && (!exactly || table->keys[i].n == n))
            return true;
    }
    return false;
}

static bool key_is_unique(const struct sink_table *t)
{
    const struct sink_spec *spec = t->spec;
    uint16_t columns[64];

    if (spec->n_key == 0 || spec->n_key > ARRAY_LEN(columns))
        return false;
    for (size_t i = 0; i < spec->n_key; i++)
        columns[i] = spec->columns[spec->key[i]].column;
    return finds_one(spec->table, columns, spec->n_key, true);
}

static int check_columns(const struct sink_table *t, struct err *err)
{
    if (t->spec->n_columns == 0)
        return err_set(err, ERR_RUN, W0520, "no column of %s is given", t->label);
    for (size_t i = 0; i < t->spec->n_columns; i++) {
        if (postgres_column(t, i)->generated)
            return err_set(err, ERR_RUN, W0520, "column %s of %s is generated by the database",
                           postgres_column(t, i)->name, t->label);
    }
    return 0;
}

static int check_references(struct sink_table *t, struct err *err)
{
    for (size_t i = 0; i < t->spec->n_columns; i++) {
        const struct sink_reference *ref = t->spec->columns[i].reference;

        if (!ref)
            continue;
        t->self_reference = t->self_reference || ref->table == t->spec->table;
        if (!finds_one(ref->table, ref->keys, ref->n_keys, false))
            return err_set(err, ERR_RUN, W0519, "column %s of %s refers to %s by columns that have no unique key there",
                           postgres_column(t, i)->name, t->label, ref->table->name);
    }
    return 0;
}

static int add_privileges(const struct sink_table *t, bool update, struct buf *sql)
{
    if (buf_add_text(sql, "SELECT row_security_active(o.oid), has_table_privilege(o.oid, 'SELECT'),"
                     " has_database_privilege(current_database(), 'TEMPORARY'),"
                     " (SELECT c.relkind = 'p' FROM pg_catalog.pg_class c WHERE c.oid = o.oid), ''") < 0)
        return -1;
    for (size_t i = 0; i < t->spec->n_columns; i++) {
        const char *const words[] = {"INSERT", "UPDATE"};

        for (size_t k = 0; k < (update ? 2 : 1); k++) {
            if (buf_add_text(sql, " || CASE WHEN has_column_privilege(o.oid, ") < 0 ||
                db_quote_text(NULL, str_of(postgres_column(t, i)->name), sql) < 0 ||
                buf_printf(sql, ", '%s') THEN '' ELSE ' %s' END", words[k], words[k]) < 0)
                return -1;
        }
    }
    if (buf_add_text(sql, " FROM (SELECT ") < 0 || db_quote_text(NULL, str_of(t->name), sql) < 0)
        return -1;
    return buf_add_text(sql, "::pg_catalog.regclass) o(oid)");
}

static int check_privileges(struct sink_table *t, struct err *err)
{
    CLEANUP(buf_release) struct buf sql = BUF_INIT;
    CLEANUP(db_result_release) struct db_result r = {0};
    struct str missing;

    if (add_privileges(t, t->spec->conflict == SINK_CONFLICT_UPDATE, &sql) < 0)
        return err_oom(err);
    if (postgres_run(t->sink->p, buf_text(&sql), &r, err) != 0)
        return -1;
    if (t->spec->table->row_security || str_is(db_cell(&r, 0, 0), "t"))
        return err_set(err, ERR_RUN, W0518, "row-level security of %s applies to this role", t->label);
    missing = str_trim(db_cell(&r, 0, 4));
    t->partitioned = str_is(db_cell(&r, 0, 3), "t");
    if (missing.len)
        return err_set(err, ERR_RUN, W0517, "this role lacks %.*s on %s or some of its columns",
                       (int)strcspn(missing.at, " "), missing.at, t->label);
    if (!t->direct && !str_is(db_cell(&r, 0, 1), "t"))
        return err_set(err, ERR_RUN, W0517, "this role lacks SELECT on %s", t->label);
    if (!t->direct && !str_is(db_cell(&r, 0, 2), "t"))
        return err_set(err, ERR_RUN, W0517, "this role lacks TEMPORARY on the database");
    return 0;
}

static int check_key(struct sink_table *t, struct err *err)
{
    t->key_is_unique = key_is_unique(t);
    if (t->key_is_unique || t->spec->conflict == SINK_CONFLICT_ERROR)
        return 0;
    return err_set(err, ERR_RUN, W0519, "%s has no unique key over exactly the columns of key:", t->label);
}

static bool has_references(const struct sink_spec *spec)
{
    for (size_t i = 0; i < spec->n_columns; i++) {
        if (spec->columns[i].reference)
            return true;
    }
    return false;
}

struct sink_table *postgres_prepare(struct sink *s, const struct sink_spec *spec, struct err *err)
{
    struct sink_table *t = calloc(1, sizeof *t);

    if (!t) {
        err_oom(err);
        return NULL;
    }
    t->sink = s;
    t->spec = spec;
    t->direct = spec->conflict == SINK_CONFLICT_ERROR && !has_references(spec);
    if (make_names(t) < 0)
        goto oom;
    if (check_columns(t, err) < 0 || check_references(t, err) < 0 || check_key(t, err) < 0 ||
        check_privileges(t, err) < 0)
        goto fail;
    t->sieve.wanted = arena_calloc(&t->arena, spec->n_columns, sizeof *t->sieve.wanted);
    if (!t->sieve.wanted || make_forms(t) < 0 || make_statements(t) < 0)
        goto oom;
    t->own = postgres_order_matters(t);
    t->next = s->tables;
    s->tables = t;
    buf_clear(&s->columns_sql);
    return t;
oom:
    err_oom(err);
fail:
    postgres_release(t);
    return NULL;
}

void postgres_release(struct sink_table *t)
{
    if (!t)
        return;
    for (struct sink_table **at = &t->sink->tables; *at; at = &(*at)->next) {
        if (*at == t) {
            *at = t->next;
            buf_clear(&t->sink->columns_sql);
            break;
        }
    }
    buf_release(&t->scratch);
    arena_release(&t->sieve.arena);
    arena_release(&t->arena);
    free(t);
}
