/* tests/unit/sink/postgres_helper.h: rows written as text, what became of them as text. */
#ifndef WINDROW_TESTS_POSTGRES_HELPER_H
#define WINDROW_TESTS_POSTGRES_HELPER_H

#include "base/cleanup.h"
#include "sink/sink.h"
#include "tap.h"

#include <stdlib.h>

enum { COLUMNS_MAX = 32 };

/* One prepared table; `columns` are names, "a" or "a>table.column:key+key" for a reference. */
struct target {
    struct sink *sink;
    struct catalog *catalog;
    struct sink_spec spec;
    struct sink_column columns[COLUMNS_MAX];
    struct sink_reference references[COLUMNS_MAX];
    uint16_t keys[COLUMNS_MAX][COLUMNS_MAX], key[COLUMNS_MAX], update[COLUMNS_MAX];
    struct sink_table *table;
    const struct type *cell_types[COLUMNS_MAX * 2];
    size_t n_cells;
};

struct outcome {
    struct buf refused;         /* "row:code:sqlstate " each */
    struct buf before;          /* "row=json " each */
    struct buf counts;
    struct err err;
    int result;
    uint64_t skipped;
};

__attribute__((unused)) static const char *test_target(void)
{
    const char *target = getenv("WINDROW_TEST_PG");

    if (!target)
        printf("1..0 # SKIP no WINDROW_TEST_PG\n");
    return target;
}

__attribute__((unused)) static struct sink *test_open(const char *target)
{
    CLEANUP(err_release) struct err err = {0};
    struct sink *s = sink_postgres.open(target, &(struct db_options){.wait_ms = 60000}, &err);

    if (!s) {
        printf("Bail out! %s\n", err.message);
        exit(1);
    }
    return s;
}

/* A schema of its own for each test program, emptied first. */
__attribute__((unused)) static void test_schema(struct sink *s, const char *schema, const char *sql)
{
    CLEANUP(err_release) struct err err = {0};
    CLEANUP(buf_release) struct buf all = BUF_INIT;

    buf_printf(&all, "DROP SCHEMA IF EXISTS %s CASCADE; CREATE SCHEMA %s; SET search_path = %s, public; %s", schema,
               schema, schema, sql);
    if (db_exec(sink_postgres.db(s), buf_text(&all), &err) < 0) {
        printf("Bail out! %s at byte %lld\n", err.message, (long long)err.byte);
        exit(1);
    }
}

__attribute__((unused)) static void test_sql(struct sink *s, const char *sql)
{
    CLEANUP(err_release) struct err err = {0};

    if (db_exec(sink_postgres.db(s), sql, &err) < 0) {
        printf("Bail out! %s: %s\n", err.message, sql);
        exit(1);
    }
}

/* All cells of the answer, joined by "|" and " ". */
__attribute__((unused)) static char *test_answer(struct sink *s, const char *sql)
{
    static char text[8][4000];
    static int turn;
    CLEANUP(err_release) struct err err = {0};
    CLEANUP(db_result_release) struct db_result r = {0};
    CLEANUP(buf_release) struct buf all = BUF_INIT;

    if (db_query(sink_postgres.db(s), sql, NULL, 0, &r, &err) < 0)
        buf_add_text(&all, err.message);
    for (size_t i = 0; i < r.n_rows; i++) {
        for (size_t k = 0; k < r.n_columns; k++) {
            struct str cell = db_cell(&r, i, k);

            buf_printf(&all, "%s%.*s", k ? "|" : i ? " " : "", cell.at ? (int)cell.len : 1, cell.at ? cell.at : "-");
        }
    }
    turn = (turn + 1) % 8;
    snprintf(text[turn], sizeof text[turn], "%s", buf_text(&all));
    return text[turn];
}

__attribute__((unused)) static const struct catalog_table *test_table(const struct catalog *c, const char *name)
{
    const struct catalog_table *table = catalog_table(c, str_of(name));

    if (!table) {
        printf("Bail out! no table %s\n", name);
        exit(1);
    }
    return table;
}

static uint16_t test_column(const struct catalog_table *table, const char *name)
{
    int ordinal = catalog_column(table, str_of(name));

    if (ordinal < 0) {
        printf("Bail out! no column %s in %s\n", name, table->name);
        exit(1);
    }
    return (uint16_t)ordinal;
}

static void test_add_column(struct target *t, char *text)
{
    size_t i = t->spec.n_columns++;
    struct sink_column *c = &t->columns[i];
    char *arrow = strchr(text, '>'), *dot, *colon;

    if (arrow)
        *arrow = '\0';
    c->column = test_column(t->spec.table, text);
    c->type = &t->spec.table->columns[c->column].type;
    if (!arrow) {
        t->cell_types[t->n_cells++] = c->type;
        return;
    }
    dot = strchr(arrow + 1, '.');
    colon = strchr(dot, ':');
    *dot = *colon = '\0';
    t->references[i].table = test_table(t->catalog, arrow + 1);
    t->references[i].column = test_column(t->references[i].table, dot + 1);
    t->references[i].keys = t->keys[i];
    for (char *key = strtok(colon + 1, "+"); key; key = strtok(NULL, "+")) {
        t->keys[i][t->references[i].n_keys] = test_column(t->references[i].table, key);
        t->cell_types[t->n_cells++] = &t->references[i].table->columns[t->keys[i][t->references[i].n_keys++]].type;
    }
    c->reference = &t->references[i];
}

static size_t test_ordinals(const struct target *t, const char *names, uint16_t *ret)
{
    char text[400], *save;
    size_t n = 0;

    snprintf(text, sizeof text, "%s", names ? names : "");
    for (char *name = strtok_r(text, " ", &save); name; name = strtok_r(NULL, " ", &save)) {
        uint16_t column = test_column(t->spec.table, name);

        for (uint16_t i = 0; i < t->spec.n_columns; i++) {
            if (t->columns[i].column == column)
                ret[n++] = i;
        }
    }
    return n;
}

/* NULL when preparing fails; err says why. The target is freed by test_release(). */
__attribute__((unused)) static struct target *test_try_prepare(struct sink *s, struct catalog *catalog,
                                                               const char *table, const char *columns, const char *key,
                                                               enum sink_conflict conflict, const char *update,
                                                               const char *when, struct err *err)
{
    struct target *t = calloc(1, sizeof *t);
    char text[400], *names[COLUMNS_MAX], *save;
    size_t n = 0;

    t->sink = s;
    t->catalog = catalog;
    t->spec.table = test_table(catalog, table);
    t->spec.columns = t->columns;
    snprintf(text, sizeof text, "%s", columns);
    for (char *name = strtok_r(text, " ", &save); name; name = strtok_r(NULL, " ", &save))
        names[n++] = name;
    for (size_t i = 0; i < n; i++)
        test_add_column(t, names[i]);
    t->spec.key = t->key;
    t->spec.n_key = test_ordinals(t, key, t->key);
    t->spec.conflict = conflict;
    t->spec.update = t->update;
    t->spec.n_update = test_ordinals(t, update, t->update);
    t->spec.when = when;
    t->table = sink_postgres.prepare(s, &t->spec, err);
    if (t->table)
        return t;
    free(t);
    return NULL;
}

__attribute__((unused)) static struct target *test_prepare(struct sink *s, struct catalog *catalog, const char *table,
                                                           const char *columns, const char *key,
                                                           enum sink_conflict conflict, const char *update,
                                                           const char *when)
{
    CLEANUP(err_release) struct err err = {0};
    struct target *t = test_try_prepare(s, catalog, table, columns, key, conflict, update, when, &err);

    if (!t) {
        printf("Bail out! prepare %s: %s\n", table, err.message);
        exit(1);
    }
    return t;
}

__attribute__((unused)) static void test_release(struct target *t)
{
    sink_postgres.release(t->table);
    free(t);
}

static struct cell test_cell(const struct type *type, const char *text, struct cell *items)
{
    struct cell c = {.kind = CELL_TEXT, .text = str_of(text)};
    size_t n = 0;

    if (!text)
        return (struct cell){.kind = CELL_NULL};
    switch (type->kind) {
    case TYPE_INT2: case TYPE_INT4: case TYPE_INT8: return (struct cell){.kind = CELL_INT, .n = atoll(text)};
    case TYPE_BOOL: return (struct cell){.kind = CELL_BOOL, .n = *text == 't'};
    case TYPE_FLOAT4: case TYPE_FLOAT8: return (struct cell){.kind = CELL_FLOAT, .f = atof(text)};
    case TYPE_TIMESTAMP: case TYPE_TIMESTAMPTZ: return (struct cell){.kind = CELL_TIMESTAMP, .n = atoll(text)};
    case TYPE_NUMERIC: c.kind = CELL_NUMERIC; break;
    case TYPE_JSON: case TYPE_JSONB: c.kind = CELL_JSON; break;
    case TYPE_ARRAY:            /* one character an item */
        for (; *text; text++) {
            static const char digits[] = "0123456789abcdefghijklmnopqrstuvwxyz";
            const char *digit = strchr(digits, *text);

            items[n++] = (struct cell){.kind = CELL_TEXT, .text = {digit, 1}};
        }
        return (struct cell){.kind = CELL_ARRAY, .items = {items, n}};
    default: break;
    }
    return c;
}

/* `cells` holds n rows of t->n_cells texts. */
__attribute__((unused)) static int test_encode(const struct target *t, const char *const *cells, size_t n,
                                               struct sink_rows *rows, struct err *err)
{
    for (size_t i = 0; i < n; i++) {
        struct cell row[COLUMNS_MAX * 2], items[64];

        for (size_t k = 0; k < t->n_cells; k++)
            row[k] = test_cell(t->cell_types[k], cells[i * t->n_cells + k], items);
        if (sink_postgres.encode(t->table, row, rows, err) < 0)
            return -1;
    }
    return 0;
}

__attribute__((unused)) static void test_refused(void *context, size_t row, struct err *err)
{
    struct outcome *o = context;

    buf_printf(&o->refused, "%s%zu:%s:%s", o->refused.len ? " " : "", row, code_entry(err->code)->name, err->sqlstate);
    if (err->scope != ERR_RECORD)
        buf_add_text(&o->refused, "!scope");
}

__attribute__((unused)) static int test_before(void *context, size_t row, struct str json, struct err *err)
{
    struct outcome *o = context;

    (void)err;
    return buf_printf(&o->before, "%s%zu=%.*s", o->before.len ? " " : "", row, STR_ARG(json));
}

__attribute__((unused)) static int test_skipped(void *context, size_t row, struct err *err)
{
    (void)err;
    ((struct outcome *)context)->skipped |= (uint64_t)1 << (row % 64);
    return 0;
}

__attribute__((unused)) static void outcome_release(struct outcome *o)
{
    buf_release(&o->refused);
    buf_release(&o->before);
    buf_release(&o->counts);
    err_release(&o->err);
}

/* Write in the transaction that is open. */
__attribute__((unused)) static struct outcome test_write(struct target *t, enum sink_mode mode, bool before,
                                                         const char *const *cells, size_t n)
{
    CLEANUP(sink_rows_release) struct sink_rows rows = {0};
    struct outcome o = {.result = -1};
    struct sink_write how = {mode, test_refused, before ? test_before : NULL, &o, test_skipped};
    struct sink_counts c = {0};

    if (test_encode(t, cells, n, &rows, &o.err) == 0)
        o.result = sink_postgres.write(t->table, &rows, &how, &c, &o.err);
    buf_printf(&o.counts, "%llu %llu %llu %llu %llu", (unsigned long long)c.inserted, (unsigned long long)c.updated,
               (unsigned long long)c.same, (unsigned long long)c.skipped, (unsigned long long)c.refused);
    if (o.result == 0 && n < 64)
        ok(t->spec.conflict == SINK_CONFLICT_SKIP ? (unsigned)__builtin_popcountll(o.skipped) <= c.skipped
                                                  : (unsigned)__builtin_popcountll(o.skipped) == c.skipped,
           "each row that was left out is told");
    if (o.result < 0)
        printf("# %s %s: %s\n", code_entry(o.err.code)->name, o.err.sqlstate, o.err.message);
    return o;
}

/* One write in a transaction of its own: counts ("inserted updated same skipped refused") and refusals. */
__attribute__((unused)) static void test_load(struct target *t, enum sink_mode mode, const char *const *cells, size_t n,
                                              const char *counts, const char *refused, const char *name)
{
    CLEANUP(err_release) struct err err = {0};
    CLEANUP(outcome_release) struct outcome o = {0};
    bool good = sink_postgres.begin(t->sink, &err) == 0;

    o = test_write(t, mode, false, cells, n);
    ok(good && o.result == 0, "%s: written", name);
    is_str(buf_text(&o.counts), counts, "%s: counts", name);
    is_str(buf_text(&o.refused), refused, "%s: refusals", name);
    if (o.result < 0)
        sink_postgres.rollback(t->sink);
    else
        ok(sink_postgres.commit(t->sink, &err) == DB_COMMITTED, "%s: committed", name);
}

#define ROWS(...) ((const char *const[]){__VA_ARGS__})

#endif
