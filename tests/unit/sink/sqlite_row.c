/* What a SQLite column holds for each kind of cell, and what is refused because the column would change it. */
#include "base/cleanup.h"
#include "sink/sqlite_row.h"
#include "tap.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static const struct { const char *declared; enum sqlite_affinity affinity; } affinities[] = {
    {"", SQLITE_AFFINITY_BLOB},           {NULL, SQLITE_AFFINITY_BLOB},        {"INTEGER", SQLITE_AFFINITY_INTEGER},
    {"bigint", SQLITE_AFFINITY_INTEGER},  {"VARCHAR(20)", SQLITE_AFFINITY_TEXT}, {"TEXT", SQLITE_AFFINITY_TEXT},
    {"BLOB", SQLITE_AFFINITY_BLOB},       {"REAL", SQLITE_AFFINITY_REAL},      {"double precision", SQLITE_AFFINITY_REAL},
    {"NUMERIC(10,2)", SQLITE_AFFINITY_NUMERIC}, {"UUID", SQLITE_AFFINITY_NUMERIC}, {"CHARINT", SQLITE_AFFINITY_INTEGER},
};

/* Numbers and texts: `column` is the declared type, `stored` kind and text ("i5", "r0.5", "t007"), NULL: refused. */
static const struct { enum cell_kind kind; const char *column, *text, *stored; } texts[] = {
    {CELL_NUMERIC, "TEXT", "1.50", "t1.50"},
    {CELL_NUMERIC, "TEXT", "NaN", "tNaN"},
    {CELL_NUMERIC, "NUMERIC", "12", "i12"},
    {CELL_NUMERIC, "NUMERIC", "-12.000", "i-12"},
    {CELL_NUMERIC, "NUMERIC", "9223372036854775807", "i9223372036854775807"},
    {CELL_NUMERIC, "NUMERIC", "9223372036854775808", NULL},
    {CELL_NUMERIC, "NUMERIC", "100000000000000000000", "r1e+20"},
    {CELL_NUMERIC, "NUMERIC", "1.50", "r1.5"},
    {CELL_NUMERIC, "NUMERIC", "0.1", "r0.1"},
    {CELL_NUMERIC, "NUMERIC", "-0.00012345", "r-0.00012345"},
    {CELL_NUMERIC, "NUMERIC", "123456789012345.6", "r123456789012345.6"},
    {CELL_NUMERIC, "NUMERIC", "0.30000000000000004", "r0.30000000000000004"},
    {CELL_NUMERIC, "NUMERIC", "0.30000000000000001", NULL},
    {CELL_NUMERIC, "NUMERIC", "0.12345678901234567890", NULL},
    {CELL_NUMERIC, "NUMERIC", "NaN", NULL},
    {CELL_NUMERIC, "NUMERIC", "1e400", NULL},
    {CELL_NUMERIC, "REAL", "3", "r3"},
    {CELL_NUMERIC, "REAL", "9007199254740993", NULL},
    {CELL_TEXT, "TEXT", "007", "t007"},
    {CELL_TEXT, "TEXT", "", "t"},
    {CELL_TEXT, "STRING", "007", NULL},
    {CELL_TEXT, "STRING", "7", "t7"},
    {CELL_TEXT, "STRING", "-7", "t-7"},
    {CELL_TEXT, "STRING", "-0", NULL},
    {CELL_TEXT, "STRING", " 7", NULL},
    {CELL_TEXT, "STRING", "1e5", NULL},
    {CELL_TEXT, "STRING", "1e99999999999999999999", NULL},
    {CELL_TEXT, "STRING", "5.", NULL},
    {CELL_TEXT, "STRING", ".5", NULL},
    {CELL_TEXT, "STRING", "1e", "t1e"},
    {CELL_TEXT, "STRING", "seven", "tseven"},
    {CELL_TEXT, "STRING", "-", "t-"},
    {CELL_TEXT, "STRING", ".", "t."},
    {CELL_TEXT, "DOUBLE", "7", NULL},
    {CELL_JSON, "JSON", "{\"a\":1.10}", "t{\"a\":1.10}"},
    {CELL_JSON, "JSON", "1.10", NULL},
    {CELL_JSON, "TEXT", "1.10", "t1.10"},
    {CELL_BYTES, "BYTEA", "12", "b12"},
};

static const struct { enum cell_kind kind; const char *column; int64_t n; const char *stored; } integers[] = {
    {CELL_BOOL, "BOOLEAN", 1, "i1"},
    {CELL_BOOL, "TEXT", 0, "tfalse"},
    {CELL_INT, "INTEGER", INT64_MIN, "i-9223372036854775808"},
    {CELL_INT, "TEXT", -5, "t-5"},
    {CELL_INT, "REAL", INT64_C(9007199254740992), "r9007199254740992"},
    {CELL_INT, "REAL", INT64_C(9007199254740993), NULL},
    {CELL_DATE, "DATE", 0, "t1970-01-01"},
    {CELL_DATE, "DATE", -1, "t1969-12-31"},
    {CELL_DATE, "DATE", 11016, "t2000-02-29"},
    {CELL_DATE, "DATE", -719528, "t0000-01-01"},
    {CELL_DATE, "DATE", -719529, NULL},
    {CELL_DATE, "DATE", 2932896, "t9999-12-31"},
    {CELL_DATE, "DATE", 2932897, NULL},
    {CELL_TIME, "TIME", INT64_C(86399999999), "t23:59:59.999999"},
    {CELL_TIMESTAMP, "TIMESTAMP", 0, "t1970-01-01T00:00:00.000000"},
    {CELL_TIMESTAMP, "TIMESTAMPTZ", -1, "t1969-12-31T23:59:59.999999Z"},
    {CELL_TIMESTAMP, "TIMESTAMPTZ", INT64_C(1738317600123456), "t2025-01-31T10:00:00.123456Z"},
    {CELL_TIMESTAMP, "DATETIME", INT64_C(1738317600000000), "t2025-01-31 10:00:00.000000"},
    {CELL_TIMESTAMP, "TIMESTAMPTZ", INT64_MAX, NULL},
    {CELL_TIMESTAMP, "TIMESTAMPTZ", INT64_MIN, NULL},
};

static struct type type_of(const char *declared)
{
    struct type t = {.kind = TYPE_TEXT, .name = declared};

    if (declared && strcmp(declared, "TIMESTAMPTZ") == 0)
        t.kind = TYPE_TIMESTAMPTZ;
    if (declared && strcmp(declared, "DATETIME") == 0) {
        t.kind = TYPE_TIMESTAMPTZ;
        t.spaced_time = true;
    }
    return t;
}

static void show(const struct sqlite_value *v, char *out, size_t size)
{
    char number[SQLITE_DOUBLE_MAX] = "";

    if (v->kind == SQLITE_IS_NULL)
        snprintf(out, size, "null");
    else if (v->kind == SQLITE_IS_INTEGER)
        snprintf(out, size, "i%lld", (long long)v->n);
    else if (v->kind == SQLITE_IS_REAL)
        snprintf(out, size, "r%.*s", (int)sqlite_row_double(v->f, number), number);
    else
        snprintf(out, size, "%c%.*s", v->kind == SQLITE_IS_TEXT ? 't' : 'b', STR_ARG(v->text));
}

static void check(const char *column, const struct type *cell_type, const struct cell *cell, const char *expected,
                  const char *name)
{
    CLEANUP(buf_release) struct buf out = BUF_INIT;
    CLEANUP(err_release) struct err err = {0};
    struct type type = type_of(column);
    struct sqlite_slot slot = sqlite_row_slot(cell_type ? cell_type : &type, &type);
    struct sqlite_value v = {0};
    char got[200];
    int failed;

    buf_add_text(&out, "before");
    failed = sqlite_row_add(&slot, cell, &out, &err);
    if (!expected) {
        ok(failed < 0 && err.scope == ERR_RECORD && err.code == W0557 && out.len == 6, "%s in %s: refused", name, column);
        return;
    }
    if (!ok(failed == 0, "%s in %s: stored", name, column))
        return;
    ok(sqlite_row_next(out.at + 6, &v) == out.at + out.len, "%s in %s: read back whole", name, column);
    show(&v, got, sizeof got);
    is_str(got, expected, "%s in %s: form", name, column);
}

static void check_array(void)
{
    static const unsigned char uuid[16] = {0x55, 0x0e, 0x84, 0, 0xe2, 0x9b, 0x41, 0xd4, 0xa7, 0x16, 0x44, 0x66, 0x55, 0x44, 0, 1};
    const struct cell inner[] = {{.kind = CELL_INT, .n = 7}, {.kind = CELL_NULL}};
    const struct cell items[] = {
        {.kind = CELL_TEXT, .text = str_of("a\"b\\c\n\xc3\xa9")}, {.kind = CELL_BOOL, .n = 1},
        {.kind = CELL_NUMERIC, .text = str_of("1.50")}, {.kind = CELL_FLOAT, .f = 0.1},
        {.kind = CELL_UUID, .text = str_make((const char *)uuid, 16)}, {.kind = CELL_TIMESTAMP, .n = 0},
        {.kind = CELL_BYTES, .text = str_make("\0\xff", 2)}, {.kind = CELL_JSON, .text = str_of("{\"k\":[]}")},
        {.kind = CELL_ARRAY, .items = {inner, 2}},
    };
    const struct type element = {.kind = TYPE_TIMESTAMPTZ}, type = {.kind = TYPE_ARRAY, .element = &element};
    const struct cell bad = {.kind = CELL_FLOAT, .f = NAN};
    struct cell nested[20];

    check("TEXT", &type, &(struct cell){.kind = CELL_ARRAY, .items = {items, ARRAY_LEN(items)}},
          "t[\"a\\\"b\\\\c\\u000a\xc3\xa9\",true,1.50,0.1,\"550e8400-e29b-41d4-a716-446655440001\","
          "\"1970-01-01T00:00:00.000000Z\",\"\\\\x00ff\",{\"k\":[]},[7,null]]", "array");
    check("TEXT", &type, &(struct cell){.kind = CELL_ARRAY}, "t[]", "empty array");
    check("TEXT", &type, &(struct cell){.kind = CELL_ARRAY, .items = {&bad, 1}}, NULL, "array with NaN");
    nested[0] = (struct cell){.kind = CELL_ARRAY};
    for (size_t i = 1; i < ARRAY_LEN(nested); i++)
        nested[i] = (struct cell){.kind = CELL_ARRAY, .items = {&nested[i - 1], 1}};
    check("TEXT", &type, &nested[15], "t[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]", "16 dimensions");
    check("TEXT", &type, &nested[16], NULL, "17 dimensions");
}

/* Every double reads back equal from its shortest digits. */
static void check_doubles(void)
{
    uint64_t bits = 88172645463325252u;
    int wrong = 0;

    for (int i = 0; i < 20000; i++) {
        char text[SQLITE_DOUBLE_MAX];
        double f;

        bits ^= bits << 13, bits ^= bits >> 7, bits ^= bits << 17;
        memcpy(&f, &bits, sizeof f);
        if (!isfinite(f))
            continue;
        wrong += sqlite_row_double(f, text) >= SQLITE_DOUBLE_MAX || strtod(text, NULL) != f;
    }
    is_int(wrong, 0, "doubles read back equal");
}

int main(void)
{
    static const unsigned char uuid[16] = {0xff, 0xee, 1};

    for (size_t i = 0; i < ARRAY_LEN(affinities); i++)
        is_int(sqlite_row_affinity(affinities[i].declared), affinities[i].affinity, "affinity of '%s'",
               affinities[i].declared ? affinities[i].declared : "(none)");
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        check(texts[i].column, NULL, &(struct cell){.kind = texts[i].kind, .text = str_of(texts[i].text)},
              texts[i].stored, texts[i].text);
    for (size_t i = 0; i < ARRAY_LEN(integers); i++) {
        char name[48];

        snprintf(name, sizeof name, "kind %d, %lld", (int)integers[i].kind, (long long)integers[i].n);
        check(integers[i].column, NULL, &(struct cell){.kind = integers[i].kind, .n = integers[i].n},
              integers[i].stored, name);
    }
    check("TEXT", NULL, &(struct cell){.kind = CELL_NULL}, "null", "null");
    check("REAL", NULL, &(struct cell){.kind = CELL_FLOAT, .f = 1.0 / 3}, "r0.3333333333333333", "float");
    check("TEXT", NULL, &(struct cell){.kind = CELL_FLOAT, .f = -INFINITY}, "t-Infinity", "infinite float");
    check("REAL", NULL, &(struct cell){.kind = CELL_FLOAT, .f = NAN}, NULL, "NaN");
    check("UUID", NULL, &(struct cell){.kind = CELL_UUID, .text = str_make((const char *)uuid, 16)},
          "tffee0100-0000-0000-0000-000000000000", "uuid");
    check_array();
    check_doubles();
    return done_testing();
}
