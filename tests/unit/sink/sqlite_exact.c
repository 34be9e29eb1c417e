/* Whatever the row format accepts, SQLite gives back unchanged: short strings in every kind of column, bytes, numbers. */
#include "base/cleanup.h"
#include "sink/sink.h"
#include "sink/sqlite_row.h"
#include "tap.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { STRING_MAX = 8 };

struct table {
    struct sink *sink;
    struct catalog catalog;
    struct sink_column columns[2];
    struct sink_spec spec;
    struct sink_table *t;
    struct sink_rows rows;
    struct cell *cells;         /* what was accepted, by id */
    size_t n, refused;
};

static void need(bool good, const struct err *err)
{
    if (good)
        return;
    ok(false, "%s", err->message);
    exit(1);
}

static void table_open(struct table *x, const char *declared)
{
    struct err err = {0};
    char sql[80];

    *x = (struct table){.sink = sink_sqlite.open("sqlite::memory:", &(struct db_options){0}, &err)};
    need(x->sink != NULL, &err);
    snprintf(sql, sizeof sql, "CREATE TABLE t(id INTEGER PRIMARY KEY, v %s)", declared);
    need(db_exec(sink_sqlite.db(x->sink), sql, &err) == 0 && sink_sqlite.catalog(x->sink, &x->catalog, &err) == 0, &err);
    for (uint16_t i = 0; i < 2; i++)
        x->columns[i] = (struct sink_column){.column = i, .type = &x->catalog.tables[0].columns[i].type};
    x->spec = (struct sink_spec){.table = &x->catalog.tables[0], .columns = x->columns, .n_columns = 2};
    x->t = sink_sqlite.prepare(x->sink, &x->spec, &err);
    need(x->t != NULL, &err);
}

static void table_close(struct table *x)
{
    for (size_t i = 0; i < x->n; i++) {
        if (x->cells[i].kind != CELL_FLOAT)
            free((char *)x->cells[i].text.at);
    }
    free(x->cells);
    sink_rows_release(&x->rows);
    sink_sqlite.release(x->t);
    arena_release(&x->catalog.arena);
    sink_sqlite.close(x->sink);
}

/* The cell's text is copied. */
static void table_add(struct table *x, struct cell cell)
{
    struct cell row[2] = {{.kind = CELL_INT, .n = (int64_t)x->n}, cell};
    CLEANUP(err_release) struct err err = {0};

    if (sink_sqlite.encode(x->t, row, &x->rows, &err) < 0) {
        x->refused += err.code == W0557;
        return;
    }
    if ((x->n & (x->n - 1)) == 0)
        x->cells = realloc(x->cells, (x->n ? x->n * 2 : 1) * sizeof *x->cells);
    if (cell.kind != CELL_FLOAT)
        cell.text = str_make(str_dup(cell.text), cell.text.len);
    x->cells[x->n++] = cell;
}

struct comparison {
    struct table *x;
    size_t next, wrong;
    struct str first;
};

static bool same(const struct cell *cell, const struct db_value *v)
{
    char text[40];

    switch (cell->kind) {
    case CELL_BYTES:
        return v->type == DB_BYTES && str_eq(v->text, cell->text);
    case CELL_FLOAT:
        snprintf(text, sizeof text, "%.*s", STR_ARG(v->text));
        return v->type == DB_TEXT && (strtod(text, NULL) == cell->f);
    default:
        return v->type == DB_TEXT && str_eq(v->text, cell->text);
    }
}

static int compare(void *context, const struct db_value *values, size_t n, struct err *err)
{
    struct comparison *c = context;

    (void)n, (void)err;
    if (c->next >= c->x->n || !same(&c->x->cells[c->next], &values[0])) {
        if (c->wrong++ == 0 && c->next < c->x->n)
            c->first = c->x->cells[c->next].text;
    }
    c->next++;
    return 0;
}

static void table_check(struct table *x, const char *name)
{
    struct sink_write how = {0};
    struct sink_counts counts;
    struct comparison c = {.x = x};
    struct err err = {0};

    need(sink_sqlite.begin(x->sink, &err) == 0 && sink_sqlite.write(x->t, &x->rows, &how, &counts, &err) == 0, &err);
    need(sink_sqlite.commit(x->sink, &err) == DB_COMMITTED, &err);
    is_int((long long)counts.inserted, (long long)x->n, "%s: all %zu are there, %zu were refused", name, x->n, x->refused);
    need(db_stream(sink_sqlite.db(x->sink), "SELECT v FROM t ORDER BY id", NULL, 0, compare, &c, &err) == 0, &err);
    ok(c.wrong == 0 && c.next == x->n, "%s: %zu came back changed, first '%.*s'", name, c.wrong,
       c.first.at ? (int)c.first.len : 0, c.first.at ? c.first.at : "");
}

/* All strings of up to `max` characters of an alphabet in which numbers can be written. */
static void number_like(struct table *x, enum cell_kind kind, size_t max)
{
    static const char alphabet[] = "0159+-.eE x";
    size_t digits[STRING_MAX] = {0}, len = 0;

    while (len <= max) {
        char text[STRING_MAX];
        size_t i;

        for (i = 0; i < len; i++)
            text[i] = alphabet[digits[i]];
        table_add(x, (struct cell){.kind = kind, .text = str_make(text, len)});
        for (i = 0; i < len && ++digits[i] == sizeof alphabet - 1; i++)
            digits[i] = 0;
        len += i == len;
    }
}

static void check_texts(const char *declared, size_t max, bool some_refused)
{
    struct table x;
    char name[60];

    table_open(&x, declared);
    number_like(&x, CELL_TEXT, max);
    snprintf(name, sizeof name, "texts like numbers in %s", declared);
    table_check(&x, name);
    ok((x.refused > 0) == some_refused, "%s: refused as expected", name);
    table_close(&x);
}

static void check_short_strings(enum cell_kind kind, const char *declared, const char *name)
{
    struct table x;

    table_open(&x, declared);
    for (unsigned i = 0; i < 256 + 65536; i++) {
        char bytes[2] = {(char)(i < 256 ? i : (i - 256) >> 8), (char)(i - 256)};
        struct str s = str_make(bytes, i < 256 ? 1 : 2);

        if (kind == CELL_BYTES || (str_utf8_invalid_at(s) == s.len && !memchr(s.at, 0, s.len)))
            table_add(&x, (struct cell){.kind = kind, .text = s});
    }
    table_check(&x, name);
    table_close(&x);
}

static void check_floats(void)
{
    uint64_t bits = 0x9e3779b97f4a7c15;
    struct table x;

    table_open(&x, "REAL");
    for (int i = 0; i < 20000; i++) {
        struct cell cell = {.kind = CELL_FLOAT};

        bits ^= bits << 13, bits ^= bits >> 7, bits ^= bits << 17;
        memcpy(&cell.f, &bits, sizeof cell.f);
        if (i < 5)
            cell.f = (double[]){0, 5, -1e15, INFINITY, 5e-324}[i];
        if (!isnan(cell.f) && !(isinf(cell.f)))
            table_add(&x, cell);
    }
    table_check(&x, "doubles");
    is_int((long long)x.refused, 0, "no double is refused");
    table_close(&x);
}

/* The shortest decimals of doubles, in a NUMERIC column. */
static void check_decimals(void)
{
    uint64_t bits = 0x2545f4914f6cdd1d;
    struct table x;
    size_t given = 0;

    table_open(&x, "NUMERIC");
    for (int i = 0; i < 20000; i++) {
        char text[SQLITE_DOUBLE_MAX];
        size_t len;

        bits ^= bits << 13, bits ^= bits >> 7, bits ^= bits << 17;
        len = sqlite_row_double((double)(int64_t)bits / pow(10, (double)(bits % 20)), text);
        if (memchr(text, 'e', len))
            continue;
        given++;
        table_add(&x, (struct cell){.kind = CELL_NUMERIC, .text = str_make(text, len)});
    }
    table_check(&x, "decimals");
    ok(given > 1000 && x.refused == 0, "shortest decimals of doubles are all accepted: %zu", given);
    table_close(&x);
}

/* Up to 15 digits, the point behind any of them or a little before, both signs: all are kept. */
static void check_short_decimals(void)
{
    uint64_t bits = 0x9e3779b97f4a7c15;
    struct table x;

    table_open(&x, "NUMERIC");
    for (int i = 0; i < 20000; i++) {
        int digits = 1 + i % 15, places = 1 + (int)(bits % (unsigned)(digits + 3)), len;
        uint64_t n;
        char text[40];

        bits ^= bits << 13, bits ^= bits >> 7, bits ^= bits << 17;
        n = bits % (uint64_t)pow(10, digits);
        n += n % 10 == 0;       /* SQLite shows no zeros at the end */
        len = snprintf(text, sizeof text, "%s%0*" PRIu64, i % 2 ? "-" : "", places + 1, n);
        memmove(text + len - places + 1, text + len - places, (size_t)places);
        text[len - places] = '.';
        if (strtod(text, NULL) < -1e-4 || strtod(text, NULL) > 1e-4)    /* and shows smaller ones with an exponent */
            table_add(&x, (struct cell){.kind = CELL_NUMERIC, .text = str_make(text, (size_t)len + 1)});
    }
    table_check(&x, "short decimals");
    ok(x.refused == 0, "up to 15 digits are always kept");
    table_close(&x);
}

int main(void)
{
    check_texts("TEXT", 4, false);
    check_texts("STRING", 5, true);
    check_texts("POINT", 4, true);
    check_texts("DOUBLE", 4, true);
    check_texts("", 4, false);
    check_short_strings(CELL_TEXT, "TEXT", "texts of one and two bytes");
    check_short_strings(CELL_BYTES, "BLOB", "all bytes, one and two");
    check_short_strings(CELL_BYTES, "BYTEA", "all bytes, one and two, in BYTEA");
    check_floats();
    check_decimals();
    check_short_decimals();
    return done_testing();
}
