/* tests/unit/sink/copybinary.c: fields of binary COPY, byte by byte. What the server makes of them is in
 * postgres_roundtrip.c. */
#include "sink/copybinary.h"

#include "base/cleanup.h"
#include "tap.h"

#include <math.h>

#define TEXT(kind_, s) {.kind = (kind_), .text = {(s), sizeof(s) - 1}}
#define TYPE(var, kind_, oid_) static const struct type var = {.kind = (kind_), .oid = (oid_), .name = #var}

TYPE(boolean, TYPE_BOOL, 16);
TYPE(int2, TYPE_INT2, 21);
TYPE(int4, TYPE_INT4, 23);
TYPE(int8, TYPE_INT8, 20);
TYPE(numeric, TYPE_NUMERIC, 1700);
TYPE(float4, TYPE_FLOAT4, 700);
TYPE(float8, TYPE_FLOAT8, 701);
TYPE(text, TYPE_TEXT, 25);
TYPE(bytea, TYPE_BYTEA, 17);
TYPE(uuid, TYPE_UUID, 2950);
TYPE(date, TYPE_DATE, 1082);
TYPE(clock, TYPE_TIME, 1083);
TYPE(timestamptz, TYPE_TIMESTAMPTZ, 1184);
TYPE(json, TYPE_JSON, 114);
TYPE(jsonb, TYPE_JSONB, 3802);
TYPE(mood, TYPE_ENUM, 99999);
TYPE(inet, TYPE_OTHER, 869);
static const struct type ints = {.kind = TYPE_ARRAY, .oid = 1007, .element = &int4};
static const struct type inets = {.kind = TYPE_ARRAY, .oid = 1041, .element = &inet};

static const struct cell one_null[] = {{.kind = CELL_INT, .n = 1}, {.kind = CELL_NULL}};
static const struct cell pairs[] = {{.kind = CELL_ARRAY, .items = {one_null, 1}},
                                    {.kind = CELL_ARRAY, .items = {one_null, 1}}};
static const struct cell ragged[] = {{.kind = CELL_ARRAY, .items = {one_null, 1}},
                                     {.kind = CELL_ARRAY, .items = {one_null, 2}}};
static const struct cell mixed[] = {{.kind = CELL_ARRAY, .items = {one_null, 1}}, {.kind = CELL_INT, .n = 1}};
static const struct cell flat_first[] = {{.kind = CELL_INT, .n = 1}, {.kind = CELL_ARRAY, .items = {one_null, 1}}};
static const struct cell hollow[] = {{.kind = CELL_ARRAY, .items = {one_null, 0}}};

static const struct {
    const char *name;
    const struct type *column, *cells;
    struct cell cell;
    const char *hex;        /* length and value; NULL: refused */
} cases[] = {
    {"null", &int4, &int4, {.kind = CELL_NULL}, "ffffffff"},
    {"true", &boolean, &boolean, {.kind = CELL_BOOL, .n = 1}, "0000000101"},
    {"int2", &int2, &int2, {.kind = CELL_INT, .n = -2}, "00000002fffe"},
    {"int4", &int4, &int8, {.kind = CELL_INT, .n = INT32_MIN}, "0000000480000000"},
    {"int8", &int8, &int2, {.kind = CELL_INT, .n = 258}, "000000080000000000000102"},
    {"int2 too large", &int2, &int8, {.kind = CELL_INT, .n = 32768}, NULL},
    {"int4 too small", &int4, &int8, {.kind = CELL_INT, .n = (int64_t)INT32_MIN - 1}, NULL},
    {"float4", &float4, &float4, {.kind = CELL_FLOAT, .f = 1.5}, "000000043fc00000"},
    {"float8", &float8, &float4, {.kind = CELL_FLOAT, .f = -0.0}, "000000088000000000000000"},
    {"text", &text, &text, TEXT(CELL_TEXT, "h\303\251"), "0000000368c3a9"},
    {"empty text", &text, &text, TEXT(CELL_TEXT, ""), "00000000"},
    {"bytea", &bytea, &bytea, TEXT(CELL_BYTES, "\0\xff"), "0000000200ff"},
    {"json", &json, &json, TEXT(CELL_JSON, "[]"), "000000025b5d"},
    {"jsonb", &jsonb, &json, TEXT(CELL_JSON, "[]"), "00000003015b5d"},
    {"enum", &mood, &mood, TEXT(CELL_TEXT, "ok"), "000000026f6b"},
    {"uuid", &uuid, &uuid, TEXT(CELL_UUID, "0123456789abcdef"), "0000001030313233343536373839616263646566"},
    {"date of 2000", &date, &date, {.kind = CELL_DATE, .n = 10957}, "0000000400000000"},
    {"date before", &date, &date, {.kind = CELL_DATE, .n = 10956}, "00000004ffffffff"},
    {"date too far", &date, &date, {.kind = CELL_DATE, .n = INT64_C(2147494604)}, NULL},
    {"time", &clock, &clock, {.kind = CELL_TIME, .n = 1}, "000000080000000000000001"},
    {"instant", &timestamptz, &timestamptz, {.kind = CELL_TIMESTAMP, .n = INT64_C(946684800000001)},
     "000000080000000000000001"},
    {"instant too early", &timestamptz, &timestamptz, {.kind = CELL_TIMESTAMP, .n = INT64_MIN + 5}, NULL},
    {"numeric 0", &numeric, &numeric, TEXT(CELL_NUMERIC, "0"), "000000080000ffff00000000"},
    {"numeric 0.00", &numeric, &numeric, TEXT(CELL_NUMERIC, "0.00"), "0000000a0001ffff000000020000"},
    {"numeric -12345.678", &numeric, &numeric, TEXT(CELL_NUMERIC, "-12345.678"),
     "0000000e0003000140000003000109291a7c"},
    {"numeric 0.0001", &numeric, &numeric, TEXT(CELL_NUMERIC, "0.0001"), "0000000a0001ffff000000040001"},
    {"numeric NaN", &numeric, &numeric, TEXT(CELL_NUMERIC, "NaN"), "0000000800000000c0000000"},
    {"numeric of an integer", &numeric, &int8, {.kind = CELL_INT, .n = INT64_MIN},
     "000000120005000440000000039a0d2c0170156516b0"},
    {"no numeric", &numeric, &numeric, TEXT(CELL_NUMERIC, "1e5"), NULL},
    {"no digits", &numeric, &numeric, TEXT(CELL_NUMERIC, "-."), NULL},
    {"uuid in a text", &text, &uuid, TEXT(CELL_UUID, "0123456789abcdef"),
     "0000002433303331333233332d333433352d333633372d333833392d363136323633363436353636"},
    {"integer in a text", &text, &int4, {.kind = CELL_INT, .n = -12}, "000000032d3132"},
    {"array", &ints, &ints, {.kind = CELL_ARRAY, .items = {one_null, 2}},
     "000000200000000100000001000000170000000200000001" "0000000400000001ffffffff"},
    {"empty array", &ints, &ints, {.kind = CELL_ARRAY, .items = {NULL, 0}}, "0000000c000000000000000000000017"},
    {"array of arrays", &ints, &ints, {.kind = CELL_ARRAY, .items = {pairs, 2}},
     "0000002c00000002000000000000001700000002000000010000000100000001" "00000004000000010000000400000001"},
    {"ragged array", &ints, &ints, {.kind = CELL_ARRAY, .items = {ragged, 2}}, NULL},
    {"array and number", &ints, &ints, {.kind = CELL_ARRAY, .items = {mixed, 2}}, NULL},
    {"number and array", &ints, &ints, {.kind = CELL_ARRAY, .items = {flat_first, 2}}, NULL},
    {"array of an empty array", &ints, &ints, {.kind = CELL_ARRAY, .items = {hollow, 1}}, NULL},
};

static const struct {
    const char *name;
    const struct type *column, *cells;
} without[] = {
    {"inet", &inet, &inet}, {"array of inet", &inets, &inets}, {"text into an integer", &int4, &text},
    {"integer into a float", &float8, &int8}, {"numeric into a float", &float8, &numeric},
    {"array into a number", &int4, &ints}, {"text into a uuid", &uuid, &text},
    {"double into a single", &float4, &float8},
};

static void to_hex(const struct buf *b, size_t from, char *out)
{
    for (size_t i = from; i < b->len; i++)
        sprintf(out + 2 * (i - from), "%02x", (unsigned char)b->at[i]);
}

int main(void)
{
    CLEANUP(buf_release) struct buf out = BUF_INIT;
    struct copybinary_field field;
    char hex[400];

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(err_release) struct err err = {0};
        size_t before = out.len;
        int done;

        if (!ok(copybinary_field(cases[i].column, cases[i].cells, &field), "%s: has a form", cases[i].name))
            continue;
        done = copybinary_row(&field, 1, &cases[i].cell, &out, &err);
        if (!cases[i].hex) {
            ok(done < 0 && err.scope == ERR_RECORD && err.code == W0521 && out.len == before, "%s: refused",
               cases[i].name);
            continue;
        }
        hex[0] = '\0';
        to_hex(&out, before, hex);
        ok(done == 0 && strncmp(hex, "0001", 4) == 0, "%s: one field", cases[i].name);
        is_str(hex + 4, cases[i].hex, "%s: bytes", cases[i].name);
    }
    for (size_t i = 0; i < ARRAY_LEN(without); i++)
        ok(!copybinary_field(without[i].column, without[i].cells, &field), "%s: no binary form", without[i].name);
    ok(memcmp(copybinary_header, "PGCOPY\n\377\r\n\0", 11) == 0 && copybinary_header[18] == 0, "the header");
    return done_testing();
}
