/* tests/unit/sink/celltext.c: cells in PostgreSQL's words, and a line of COPY made of them. */
#include "sink/celltext.h"
#include "sink/copytext.h"

#include "base/cleanup.h"
#include "tap.h"

#include <math.h>

#define DAY INT64_C(86400000000)
#define TEXT(kind_, s) {.kind = (kind_), .text = {(s), sizeof(s) - 1}}

static const struct type int4 = {.kind = TYPE_INT4}, float4 = {.kind = TYPE_FLOAT4}, float8 = {.kind = TYPE_FLOAT8};
static const struct type text = {.kind = TYPE_TEXT};
static const struct type zoned = {.kind = TYPE_TIMESTAMPTZ}, plain = {.kind = TYPE_TIMESTAMP};
static const struct type texts = {.kind = TYPE_ARRAY, .element = &text};

static const struct cell words[] = {TEXT(CELL_TEXT, "a,b"), TEXT(CELL_TEXT, ""), {.kind = CELL_NULL},
                                    TEXT(CELL_TEXT, "NULL"), TEXT(CELL_TEXT, "q\"\\\t")};
static const struct cell inner[] = {{.kind = CELL_ARRAY, .items = {words, 1}},
                                    {.kind = CELL_ARRAY, .items = {words, 1}}};

static const struct {
    const char *name;
    struct cell cell;
    const struct type *type;
    const char *expected;
} cases[] = {
    {"true", {.kind = CELL_BOOL, .n = 1}, NULL, "true"},
    {"smallest integer", {.kind = CELL_INT, .n = INT64_MIN}, &int4, "-9223372036854775808"},
    {"0.1", {.kind = CELL_FLOAT, .f = 0.1}, &float8, "0.1"},
    {"17 digits", {.kind = CELL_FLOAT, .f = 0.1 + 0.2}, &float8, "0.30000000000000004"},
    {"single", {.kind = CELL_FLOAT, .f = 16777216.0}, &float4, "16777216"},
    {"single of few digits", {.kind = CELL_FLOAT, .f = (double)0.1f}, &float4, "0.1"},
    {"no number", {.kind = CELL_FLOAT, .f = NAN}, &float8, "NaN"},
    {"below all", {.kind = CELL_FLOAT, .f = -INFINITY}, &float8, "-Infinity"},
    {"minus zero", {.kind = CELL_FLOAT, .f = -0.0}, &float8, "-0"},
    {"decimal", TEXT(CELL_NUMERIC, "-001.500"), NULL, "-001.500"},
    {"bytes", TEXT(CELL_BYTES, "\0\x7f\xff"), NULL, "\\x007fff"},
    {"no bytes", TEXT(CELL_BYTES, ""), NULL, "\\x"},
    {"uuid", TEXT(CELL_UUID, "\x01\x23\x45\x67\x89\xab\xcd\xef\x00\x11\x22\x33\x44\x55\x66\x77"), NULL,
     "01234567-89ab-cdef-0011-223344556677"},
    {"day 0", {.kind = CELL_DATE, .n = 0}, NULL, "1970-01-01"},
    {"leap day", {.kind = CELL_DATE, .n = 11016}, NULL, "2000-02-29"},
    {"no leap day in 1900", {.kind = CELL_DATE, .n = -25508}, NULL, "1900-03-01"},
    {"first day of PostgreSQL", {.kind = CELL_DATE, .n = -2440588}, NULL, "4714-11-24 BC"},
    {"last day of 1 BC", {.kind = CELL_DATE, .n = -719163}, NULL, "0001-12-31 BC"},
    {"clock", {.kind = CELL_TIME, .n = DAY - 1}, NULL, "23:59:59.999999"},
    {"end of day", {.kind = CELL_TIME, .n = DAY}, NULL, "24:00:00.000000"},
    {"instant", {.kind = CELL_TIMESTAMP, .n = INT64_C(1738317600123456)}, &zoned, "2025-01-31T10:00:00.123456Z"},
    {"wall clock", {.kind = CELL_TIMESTAMP, .n = -1}, &plain, "1969-12-31T23:59:59.999999"},
    {"instant before Christ", {.kind = CELL_TIMESTAMP, .n = -719163 * DAY}, &zoned, "0001-12-31 00:00:00.000000+00 BC"},
    {"array", {.kind = CELL_ARRAY, .items = {words, 5}}, &texts, "{\"a,b\",\"\",NULL,\"NULL\",\"q\\\"\\\\\t\"}"},
    {"empty array", {.kind = CELL_ARRAY, .items = {NULL, 0}}, &texts, "{}"},
    {"array of arrays", {.kind = CELL_ARRAY, .items = {inner, 2}}, &texts, "{{\"a,b\"},{\"a,b\"}}"},
};

static void too_deep(void)
{
    CLEANUP(err_release) struct err err = {0};
    CLEANUP(buf_release) struct buf out = BUF_INIT;
    struct cell levels[CELLTEXT_DIMENSIONS_MAX + 1];

    levels[0] = (struct cell){.kind = CELL_ARRAY, .items = {words, 1}};
    for (size_t i = 1; i < ARRAY_LEN(levels); i++)
        levels[i] = (struct cell){.kind = CELL_ARRAY, .items = {&levels[i - 1], 1}};
    ok(celltext_add(&levels[CELLTEXT_DIMENSIONS_MAX - 1], &texts, &out, &err) == 0, "six dimensions");
    ok(celltext_add(&levels[CELLTEXT_DIMENSIONS_MAX], &texts, &out, &err) < 0 && err.scope == ERR_RECORD &&
       err.code == W0521, "seven are refused");
}

static void lines(void)
{
    CLEANUP(err_release) struct err err = {0};
    CLEANUP(buf_release) struct buf out = BUF_INIT;
    const struct type *types[] = {&text, &text, &texts, &int4};
    const struct cell cells[] = {TEXT(CELL_TEXT, "a\tb\nc\rd\\e"), TEXT(CELL_TEXT, "\\."),
                                 {.kind = CELL_ARRAY, .items = {words + 4, 1}}, {.kind = CELL_NULL}};
    const struct cell far[] = {{.kind = CELL_INT, .n = 1}, {.kind = CELL_DATE, .n = INT64_MAX}};

    ok(copytext_row(types, 4, cells, &out, &err) == 0, "a line");
    is_str(buf_text(&out), "a\\tb\\nc\\rd\\\\e\t\\\\.\t{\"q\\\\\"\\\\\\\\\\t\"}\t\\N\n", "its escapes");
    ok(copytext_row(types, 2, far, &out, &err) < 0 && err.scope == ERR_RECORD, "a date out of range is refused");
    ok(out.at[out.len - 1] == '\n', "and nothing of that line is left");
}

int main(void)
{
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(err_release) struct err err = {0};
        CLEANUP(buf_release) struct buf out = BUF_INIT;

        ok(celltext_add(&cases[i].cell, cases[i].type, &out, &err) == 0, "%s: written", cases[i].name);
        is_str(buf_text(&out), cases[i].expected, "%s: text", cases[i].name);
    }
    too_deep();
    lines();
    return done_testing();
}
