/* Each type against each kind of value, with the limits from both sides; what is refused says why. */
#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

#include "base/cleanup.h"
#include "map/convert.h"
#include "map/zone.h"
#include "read/json.h"
#include "tap.h"

static struct json_parser *parser;
static struct arena arena;
static struct zone *berlin, *utc;

/* `options` are words: coerce trim strip replace utf8 berlin utc, and after format= all the rest. */
struct sample {
    const char *type, *options, *json, *cell;
    const char *label;      /* the beginning of it, when refused */
    enum code code;         /* W0412 when 0 */
};

static struct convert_options options_of(const char *text)
{
    struct convert_options o = {0};
    const char *format = strstr(text, "format=");
    size_t len = format ? (size_t)(format - text) : strlen(text);
    char words[64] = "";

    memcpy(words, text, len);
    o.coerce = strstr(words, "coerce") != NULL;
    o.trim = strstr(words, "trim") != NULL;
    o.nul = strstr(words, "strip") ? CONVERT_NUL_STRIP : strstr(words, "replace") ? CONVERT_NUL_REPLACE : CONVERT_NUL_REJECT;
    o.utf8 = strstr(words, "utf8") ? CONVERT_UTF8_REPLACE : CONVERT_UTF8_REJECT;
    o.zone = strstr(words, "berlin") ? berlin : strstr(words, "utc") ? utc : NULL;
    o.format = format ? format + 7 : NULL;
    return o;
}

static const char *const labels[] = {"draft", "posted", "it's"};

static bool type_of(const char *text, struct type *ret)
{
    if (strcmp(text, "enum") == 0) {
        *ret = (struct type){.kind = TYPE_ENUM, .name = "state", .labels = labels, .n_labels = 3};
        return true;
    }
    return catalog_type_parse(str_of(text), &arena, ret);
}

static void show_time(int64_t us, struct buf *out)
{
    int64_t seconds = us / 1000000 - (us % 1000000 < 0);
    time_t t = (time_t)seconds;
    struct tm tm;

    gmtime_r(&t, &tm);
    buf_printf(out, "%04d-%02d-%02d %02d:%02d:%02d.%06d", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min,
               tm.tm_sec, (int)(us - seconds * 1000000));
}

static void show_hex(struct str bytes, struct buf *out)
{
    for (size_t i = 0; i < bytes.len; i++)
        buf_printf(out, "%02x", (unsigned char)bytes.at[i]);
}

static void show(const struct cell *c, struct buf *out)
{
    switch (c->kind) {
    case CELL_NULL: buf_add_text(out, "null"); break;
    case CELL_BOOL: buf_add_text(out, c->n ? "true" : "false"); break;
    case CELL_INT: buf_printf(out, "%" PRId64, c->n); break;
    case CELL_FLOAT: buf_printf(out, "%.17g", c->f); break;
    case CELL_NUMERIC:
    case CELL_TEXT:
    case CELL_JSON: buf_add_str(out, c->text); break;
    case CELL_BYTES:
    case CELL_UUID: show_hex(c->text, out); break;
    case CELL_DATE: show_time(c->n * 86400000000, out); out->at[out->len -= 16] = '\0'; break;
    case CELL_TIME: buf_printf(out, "%" PRId64, c->n); break;
    case CELL_TIMESTAMP: show_time(c->n, out); break;
    case CELL_ARRAY:
        buf_add_char(out, '[');
        for (size_t i = 0; i < c->items.n; i++) {
            buf_add_text(out, i ? "," : "");
            show(&c->items.at[i], out);
        }
        buf_add_char(out, ']');
    }
}

/* JSON text with the padding that the parser asks for; it lives as long as the arena. */
static bool parse(const char *json, struct value *ret)
{
    char *text = arena_alloc(&arena, strlen(json) + JSON_PADDING + 1);
    struct err err = {0};
    bool good;

    memset(text, 0, strlen(json) + JSON_PADDING + 1);
    memcpy(text, json, strlen(json));
    good = json_parse(parser, str_make(text, strlen(json)), ret, &err) == 0;
    if (!good)
        printf("# %s: %s\n", json, err.message);
    err_release(&err);
    return good;
}

static void run(const struct sample *s)
{
    CLEANUP(buf_release) struct buf got = BUF_INIT;
    CLEANUP(err_release) struct err err = {0};
    struct convert_options options = options_of(s->options);
    struct value v;
    struct type type;
    struct cell cell = {0};

    if (!type_of(s->type, &type) || !parse(s->json, &v)) {
        ok(false, "%s: %.60s", s->type, s->json);
        return;
    }
    if (convert_value(&v, &type, &options, &arena, &cell, NULL, &err) == 0) {
        show(&cell, &got);
        is_str(buf_text(&got), s->cell, "%s %s: %.60s", s->type, s->options, s->json);
        return;
    }
    if (s->cell)
        is_str(err.label, s->cell, "%s %s: %.60s", s->type, s->options, s->json);
    else
        ok(s->label ? strncmp(err.label, s->label, strlen(s->label)) == 0 : err.label[0] != '\0', "%s %s: %.60s is refused (%s)", s->type,
           s->options, s->json, err.label);
    if (!ok(err.scope == ERR_RECORD && err.code == (s->code ? s->code : W0412), "%s: scope and code", s->type))
        printf("# %s: %s\n", code_entry(err.code)->name, err.message);
    arena_reset(&arena);
}

#define NO(label) NULL, label, 0
#define CODED(code, label) NULL, label, code
#define IS(cell) cell, NULL, 0

static const struct sample kinds[] = {
    {"boolean", "", "true", IS("true")},
    {"boolean", "", "false", IS("false")},
    {"boolean", "", "1", NO("expected boolean")},
    {"boolean", "", "\"true\"", NO("expected boolean")},
    {"boolean", "", "[]", NO("expected boolean")},
    {"boolean", "", "{}", NO("expected boolean")},
    {"boolean", "coerce", "\"true\"", IS("true")},
    {"boolean", "coerce", "\"false\"", IS("false")},
    {"boolean", "coerce", "\"True\"", NO("expected boolean")},
    {"boolean", "coerce", "\"\"", NO("expected boolean")},
    {"boolean", "coerce", "1", NO("expected boolean")},
    {"boolean", "coerce trim", "\" true \"", IS("true")},

    {"smallint", "", "32767", IS("32767")},
    {"smallint", "", "32768", NO("expected integer from -32768 to 32767")},
    {"smallint", "", "-32768", IS("-32768")},
    {"smallint", "", "-32769", NO("expected integer from")},
    {"integer", "", "2147483647", IS("2147483647")},
    {"integer", "", "2147483648", NO("expected integer from -2147483648 to 2147483647")},
    {"integer", "", "-2147483648", IS("-2147483648")},
    {"integer", "", "-2147483649", NO("expected integer from")},
    {"bigint", "", "9223372036854775807", IS("9223372036854775807")},
    {"bigint", "", "9223372036854775808", NO("expected integer from -9223372036854775808 to")},
    {"bigint", "", "-9223372036854775808", IS("-9223372036854775808")},
    {"bigint", "", "-9223372036854775809", NO("expected integer from")},
    {"bigint", "", "999999999999999999", IS("999999999999999999")},
    {"bigint", "", "9007199254740993", IS("9007199254740993")},
    {"bigint", "", "99999999999999999999999999999999999999", NO("expected integer from")},
    {"integer", "", "0", IS("0")},
    {"integer", "", "-0", IS("0")},
    {"integer", "", "1.0", NO("expected integer")},
    {"integer", "", "1e3", NO("expected integer")},
    {"integer", "", "1.5", NO("expected integer")},
    {"integer", "", "true", NO("expected integer")},
    {"integer", "", "\"12\"", NO("expected integer")},
    {"integer", "", "[1]", NO("expected integer")},
    {"integer", "", "{\"a\":1}", NO("expected integer")},
    {"integer", "coerce", "1.0", IS("1")},
    {"integer", "coerce", "1e3", IS("1000")},
    {"integer", "coerce", "1.5e1", IS("15")},
    {"integer", "coerce", "-1200e-2", IS("-12")},
    {"integer", "coerce", "0e999999999999", IS("0")},
    {"integer", "coerce", "1.5", NO("expected integer")},
    {"integer", "coerce", "1e-1", NO("expected integer")},
    {"integer", "coerce", "1e999999999999", NO("expected integer from")},
    {"bigint", "coerce", "922337203685477580.7e1", IS("9223372036854775807")},
    {"bigint", "coerce", "922337203685477580.8e1", NO("expected integer from")},
    {"integer", "coerce", "\"12\"", IS("12")},
    {"integer", "coerce", "\"-12\"", IS("-12")},
    {"integer", "coerce", "\"1.0\"", IS("1")},
    {"integer", "coerce", "\"012\"", NO("expected integer")},
    {"integer", "coerce", "\"+12\"", NO("expected integer")},
    {"integer", "coerce", "\" 12\"", NO("expected integer")},
    {"integer", "coerce trim", "\" 12\"", IS("12")},
    {"integer", "coerce", "\"\"", NO("expected integer")},
    {"integer", "coerce", "\"0x10\"", NO("expected integer")},
    {"integer", "coerce", "\"12 monkeys\"", NO("expected integer")},
    {"integer", "coerce", "true", NO("expected integer")},

    {"numeric", "", "1.50", IS("1.50")},
    {"numeric", "", "-0", IS("-0")},
    {"numeric", "", "0.1", IS("0.1")},
    {"numeric", "", "123456789012345678901234567890.123456789012345678901234567890",
     IS("123456789012345678901234567890.123456789012345678901234567890")},
    {"numeric", "", "1e5", IS("100000")},
    {"numeric", "", "1.5e3", IS("1500")},
    {"numeric", "", "1.50e1", IS("15.0")},
    {"numeric", "", "1.5E-3", IS("0.0015")},
    {"numeric", "", "-12e-1", IS("-1.2")},
    {"numeric", "", "0.05e2", IS("5")},
    {"numeric", "", "0.05e1", IS("0.5")},
    {"numeric", "", "0.5e0", IS("0.5")},
    {"numeric", "", "12e-2", IS("0.12")},
    {"numeric", "", "0e999999999", IS("0")},
    {"numeric", "", "0.000e-999999999", IS("0")},
    {"numeric", "", "1e131072", CODED(W0415, "at most 131072 digits before")},
    {"numeric", "", "1e-16384", CODED(W0415, "at most 131072 digits before")},
    {"numeric", "", "1e999999999999999999999", CODED(W0415, "at most")},
    {"numeric", "", "\"1.5\"", NO("expected number")},
    {"numeric", "", "true", NO("expected number")},
    {"numeric", "", "[]", NO("expected number")},
    {"numeric", "coerce", "\"1.50\"", IS("1.50")},
    {"numeric", "coerce", "\"NaN\"", NO("expected number")},
    {"numeric", "coerce", "\"1,5\"", NO("expected number")},
    {"numeric", "coerce", "\".5\"", NO("expected number")},
    {"numeric", "coerce", "\"1.\"", NO("expected number")},
    {"numeric", "coerce", "\"1e\"", NO("expected number")},
    {"numeric(5,2)", "", "999.99", IS("999.99")},
    {"numeric(5,2)", "", "1000", NO("expected a number that fits numeric(5,2) exactly")},
    {"numeric(5,2)", "", "-999.99", IS("-999.99")},
    {"numeric(5,2)", "", "1.234", NO("expected a number that fits")},
    {"numeric(5,2)", "", "1.230", IS("1.23")},
    {"numeric(5,2)", "", "0.00", IS("0.00")},
    {"numeric(5,2)", "", "1e2", IS("100")},
    {"numeric(5,2)", "", "1e3", NO("expected a number that fits")},
    {"numeric(5,2)", "", "999.999", NO("expected a number that fits")},
    {"numeric(3)", "", "1.0", IS("1")},
    {"numeric(3)", "", "1.5", NO("expected a number that fits")},
    {"numeric(3,5)", "", "0.00999", IS("0.00999")},
    {"numeric(3,5)", "", "0.01", NO("expected a number that fits")},
    {"numeric(2,-3)", "", "99000", IS("99000")},
    {"numeric(2,-3)", "", "99100", NO("expected a number that fits")},
    {"numeric(2,-3)", "", "100000", NO("expected a number that fits")},
    {"numeric(5,2)", "", "1e999999999999", NO("expected a number that fits")},

    {"double precision", "", "1.5", IS("1.5")},
    {"double precision", "", "0.1", IS("0.10000000000000001")},
    {"double precision", "", "-0.0", IS("-0")},
    {"double precision", "", "1e22", IS("1e+22")},
    {"double precision", "", "1e23", IS("9.9999999999999992e+22")},
    {"double precision", "", "9007199254740993", IS("9007199254740992")},
    {"double precision", "", "1.7976931348623157e308", IS("1.7976931348623157e+308")},
    {"double precision", "", "1.8e308", NO("too large for double precision")},
    {"double precision", "", "1e400", NO("too large")},
    {"double precision", "", "5e-324", IS("4.9406564584124654e-324")},
    {"double precision", "", "1e-400", NO("so small that it would become 0")},
    {"double precision", "", "0e-400", IS("0")},
    {"double precision", "", "2.2250738585072011e-308", IS("2.2250738585072009e-308")},
    {"double precision", "", "\"1.5\"", NO("expected number")},
    {"double precision", "", "false", NO("expected number")},
    {"double precision", "coerce", "\"1.5\"", IS("1.5")},
    {"double precision", "coerce", "\"inf\"", NO("expected number")},
    {"double precision", "coerce", "\"0x1p3\"", NO("expected number")},
    {"real", "", "3.4028235e38", IS("3.4028234663852886e+38")},
    {"real", "", "3.5e38", NO("too large for real")},
    {"real", "", "0.1", IS("0.10000000149011612")},
    {"real", "", "1e-50", NO("so small that it would become 0")},

    {"text", "", "\"\"", IS("")},
    {"text", "", "\"abc\"", IS("abc")},
    {"text", "", "\"a\\nb\\u00e9\\ud83c\\udf89\"", IS("a\nb\xc3\xa9\xf0\x9f\x8e\x89")},
    {"text", "", "\"\xf0\x9f\x8e\x89\"", IS("\xf0\x9f\x8e\x89")},
    {"text", "", "\" a \"", IS(" a ")},
    {"text", "trim", "\" a \\t\"", IS("a")},
    {"text", "trim", "\"  \"", IS("")},
    {"text", "", "12", NO("expected text")},
    {"text", "", "true", NO("expected text")},
    {"text", "", "[]", NO("expected text")},
    {"text", "", "{}", NO("expected text")},
    {"text", "coerce", "12.50", IS("12.50")},
    {"text", "coerce", "1e400", IS("1e400")},
    {"text", "coerce", "true", IS("true")},
    {"text", "coerce", "[1]", NO("expected text")},
    {"text", "", "\"a\\u0000b\"", CODED(W0410, "character 2 is NUL")},
    {"text", "", "\"\xc3\xa9\\u0000\"", CODED(W0410, "character 2 is NUL")},
    {"text", "strip", "\"a\\u0000b\\u0000\"", IS("ab")},
    {"text", "replace", "\"a\\u0000b\"", IS("a\xef\xbf\xbd" "b")},
    {"text", "", "\"a\\ud83cb\"", CODED(W0411, "half of a surrogate pair")},
    {"text", "utf8", "\"a\\ud83cb\"", IS("a\xef\xbf\xbd" "b")},
    {"text", "strip utf8", "\"\\udc00\\u0000\"", IS("\xef\xbf\xbd")},
    {"varchar(3)", "", "\"abc\"", IS("abc")},
    {"varchar(3)", "", "\"abcd\"", NO("expected text of at most 3 characters, this has 4")},
    {"varchar(3)", "", "\"\xf0\x9f\x8e\x89\xf0\x9f\x8e\x89\xf0\x9f\x8e\x89\"", IS("\xf0\x9f\x8e\x89\xf0\x9f\x8e\x89\xf0\x9f\x8e\x89")},
    {"varchar(3)", "", "\"\\u00e9\\u00e9\\u00e9\\u00e9\"", NO("expected text of at most 3 characters, this has 4")},
    {"varchar(3)", "", "\"abc \"", NO("expected text of at most 3 characters, this has 4")},
    {"varchar(3)", "trim", "\"abc \"", IS("abc")},
    {"varchar(3)", "", "12", NO("expected text of at most 3 characters")},
    {"varchar(3)", "coerce", "1234", NO("expected text of at most 3 characters, this has 4")},
    {"char(2)", "", "\"DE\"", IS("DE")},

    {"enum", "", "\"posted\"", IS("posted")},
    {"enum", "", "\"it's\"", IS("it's")},
    {"enum", "", "\"Posted\"", NO("expected one of 'draft', 'posted', 'it's'")},
    {"enum", "", "\"\"", NO("expected one of")},
    {"enum", "", "1", NO("expected one of")},
    {"enum", "trim", "\" draft\"", IS("draft")},

    {"inet", "", "\"10.0.0.1\"", IS("10.0.0.1")},
    {"inet", "", "5", IS("5")},
    {"inet", "", "true", IS("true")},
    {"inet", "", "[]", NO("expected the text of a value of type inet")},
    {"inet", "", "\"\\u0000\"", CODED(W0410, "character 1 is NUL")},

    {"uuid", "", "\"123e4567-e89b-12d3-a456-426614174000\"", IS("123e4567e89b12d3a456426614174000")},
    {"uuid", "", "\"123E4567E89B12D3A456426614174000\"", IS("123e4567e89b12d3a456426614174000")},
    {"uuid", "", "\"{123e4567-e89b-12d3-a456-426614174000}\"", NO("expected uuid")},
    {"uuid", "", "\"123e4567-e89b-12d3-a456-42661417400\"", NO("expected uuid")},
    {"uuid", "", "\"123e4567-e89b-12d3-a456-42661417400g\"", NO("expected uuid")},
    {"uuid", "", "\"123e4567e-89b-12d3-a456-426614174000\"", NO("expected uuid")},
    {"uuid", "", "\"\"", NO("expected uuid")},
    {"uuid", "", "5", NO("expected uuid")},

    {"bytea", "", "\"a\\u0000b\\u00e9\"", IS("610062c3a9")},
    {"bytea", "", "\"\"", IS("")},
    {"bytea", "", "\"\\ud800\"", CODED(W0411, "half of a surrogate pair")},
    {"bytea", "", "5", NO("expected bytes, as text")},
    {"bytea", "format=hex", "\"00fF\"", IS("00ff")},
    {"bytea", "format=hex", "\"\\\\x00ff\"", IS("00ff")},
    {"bytea", "format=hex", "\"00f\"", NO("expected pairs of hexadecimal digits")},
    {"bytea", "format=hex", "\"0g\"", NO("expected pairs of hexadecimal digits")},
    {"bytea", "format=base64", "\"\"", IS("")},
    {"bytea", "format=base64", "\"YQ==\"", IS("61")},
    {"bytea", "format=base64", "\"YWI=\"", IS("6162")},
    {"bytea", "format=base64", "\"YWJj\"", IS("616263")},
    {"bytea", "format=base64", "\"+/+/\"", IS("fbffbf")},
    {"bytea", "format=base64", "\"-_-_\"", NO("expected base64 with its padding")},
    {"bytea", "format=base64", "\"YQ\"", NO("expected base64")},
    {"bytea", "format=base64", "\"YR==\"", NO("expected base64")},
    {"bytea", "format=base64", "\"Y===\"", NO("expected base64")},
    {"bytea", "format=base64", "\"Y Q=\"", NO("expected base64")},
    {"bytea", "format=base64", "\"====\"", NO("expected base64")},
    {"bytea", "format=base64url", "\"-_-_\"", IS("fbffbf")},
    {"bytea", "format=base64url", "\"YQ\"", IS("61")},
    {"bytea", "format=base64url", "\"YQ==\"", IS("61")},
    {"bytea", "format=base64url", "\"Y\"", NO("expected base64url")},

    {"jsonb", "", "{ \"a\" : [1, 2.50, null] }", IS("{ \"a\" : [1, 2.50, null] }")},
    {"jsonb", "", "\"x\\u00e9\"", IS("\"x\\u00e9\"")},
    {"jsonb", "", "12.50", IS("12.50")},
    {"jsonb", "", "true", IS("true")},
    {"jsonb", "", "[]", IS("[]")},
    {"jsonb", "", "{\"a\":\"\\u0000\"}", CODED(W0410, "a string inside has the NUL character")},
    {"json", "", "[\"\\u0000\"]", CODED(W0410, "a string inside has the NUL character")},
    {"jsonb", "strip", "{\"a\":\"x\\u0000\\\\u0000y\"}", IS("{\"a\":\"x\\\\u0000y\"}")},
    {"jsonb", "replace", "{\"a\\u0000\":1}", IS("{\"a\\ufffd\":1}")},
    {"jsonb", "", "[\"\\ud800\"]", CODED(W0411, "a string inside has half of a surrogate pair")},
    {"json", "", "[\"\\udfff\"]", CODED(W0411, "a string inside has half")},
    {"jsonb", "utf8", "[\"\\ud800x\\ud83c\\udf89\\udc00\"]", IS("[\"\\ufffdx\\ud83c\\udf89\\ufffd\"]")},
    {"jsonb", "utf8", "\"\\ud800\\ud83c\\udf89\"", IS("\"\\ufffd\\ud83c\\udf89\"")},
    {"jsonb", "", "[1e131071]", IS("[1e131071]")},
    {"jsonb", "", "[1e131072]", CODED(W0415, "the number 1e131072 inside is beyond the range of jsonb")},
    {"jsonb", "", "{\"1e999999\":\"1e999999\"}", IS("{\"1e999999\":\"1e999999\"}")},
    {"jsonb", "", "[1e-16383]", IS("[1e-16383]")},
    {"jsonb", "", "[1e-16384]", CODED(W0415, "the number 1e-16384 inside")},
    {"jsonb", "", "9E+999999", CODED(W0415, "the number 9E+999999 inside")},
    {"json", "", "[1e131072]", IS("[1e131072]")},

    {"integer[]", "", "[1,null,-3]", IS("[1,null,-3]")},
    {"integer[]", "", "[]", IS("[]")},
    {"integer[]", "", "[1,\"2\"]", NO("expected integer")},
    {"integer[]", "coerce", "[1,\"2\"]", IS("[1,2]")},
    {"integer[]", "", "5", NO("expected array of integer")},
    {"integer[]", "", "{}", NO("expected array of integer")},
    {"integer[]", "", "[[1]]", NO("expected integer")},
    {"text[]", "", "[\"a\",\"b\\n\"]", IS("[a,b\n]")},
    {"varchar(1)[]", "", "[\"ab\"]", NO("expected text of at most 1 characters, this has 2")},
    {"timestamptz[]", "", "[\"2025-01-31T10:00:00Z\"]", IS("[2025-01-31 10:00:00.000000]")},
    {"integer[][]", "", "[[1,2],[3,4]]", IS("[[1,2],[3,4]]")},
    {"integer[][]", "", "[[1,2],[3]]", NO("expected inner arrays of equal length")},
    {"integer[][]", "", "[[1,2],null]", NO("expected inner arrays of equal length")},
    {"jsonb[]", "", "[{\"a\":1},[2]]", IS("[{\"a\":1},[2]]")},
};

#define TZ "expected a time with its zone, such as 2025-01-31T10:00:00Z"

static const struct sample times[] = {
    {"date", "", "\"2025-01-31\"", IS("2025-01-31")},
    {"date", "", "\"1969-12-31\"", IS("1969-12-31")},
    {"date", "", "\"0001-01-01\"", IS("0001-01-01")},
    {"date", "", "\"9999-12-31\"", IS("9999-12-31")},
    {"date", "", "\"2024-02-29\"", IS("2024-02-29")},
    {"date", "", "\"2025-02-29\"", NO("expected a date, such as 2025-01-31")},
    {"date", "", "\"1900-02-29\"", NO("expected a date")},
    {"date", "", "\"2000-02-29\"", IS("2000-02-29")},
    {"date", "", "\"0000-01-01\"", NO("expected a date")},
    {"date", "", "\"2025-13-01\"", NO("expected a date")},
    {"date", "", "\"2025-00-01\"", NO("expected a date")},
    {"date", "", "\"2025-01-32\"", NO("expected a date")},
    {"date", "", "\"2025-1-1\"", NO("expected a date")},
    {"date", "", "\"2025-01-31T00:00:00Z\"", NO("expected a date")},
    {"date", "", "\"31.01.2025\"", NO("expected a date")},
    {"date", "", "20250131", NO("expected a date")},
    {"date", "format=%d.%m.%Y", "\"31.1.2025\"", IS("2025-01-31")},
    {"date", "format=%Y%m%d", "\"20250131\"", IS("2025-01-31")},
    {"date", "format=%Y-%j", "\"2024-366\"", IS("2024-12-31")},
    {"date", "format=%Y-%j", "\"2025-366\"", NO("expected a time in the form %Y-%j")},
    {"date", "format=%d %b %y", "\"5 Mar 68\"", IS("2068-03-05")},
    {"date", "format=%d %B %y", "\"05 march 69\"", IS("1969-03-05")},
    {"date", "utc format=epoch_s", "86400", IS("1970-01-02")},
    {"date", "utc format=epoch_s", "86401", NO("expected a date without a time of day")},
    {"date", "format=epoch_s", "86400", NO("expected a date")},
    {"date", "format=%Y-%m-%d %H", "\"2025-01-31 10\"", NO("expected a date without a time of day")},

    {"time", "", "\"10:00:00\"", IS("36000000000")},
    {"time", "", "\"23:59:59.999999\"", IS("86399999999")},
    {"time", "", "\"24:00:00\"", NO("expected a time of day, such as 10:00:00")},
    {"time", "", "\"10:60:00\"", NO("expected a time of day")},
    {"time", "", "\"10:00:60\"", NO("expected a time of day")},
    {"time", "", "\"10:00\"", NO("expected a time of day")},
    {"time", "", "\"10:00:00Z\"", NO("expected a time of day")},
    {"time", "", "36000", NO("expected a time of day")},
    {"time", "format=%I:%M %p", "\"12:30 am\"", IS("1800000000")},
    {"time", "format=%I:%M %p", "\"12:30 PM\"", IS("45000000000")},
    {"time", "format=%I:%M", "\"12:30\"", NO("expected a time in the form")},
    {"time", "format=%Y", "\"2025\"", NO("expected a time in the form")},
    {"time(0)", "", "\"10:00:00.5\"", NO("expected at most 0 digits after the second")},

    {"timestamptz", "", "\"2025-01-31T10:00:00Z\"", IS("2025-01-31 10:00:00.000000")},
    {"timestamptz", "", "\"2025-01-31 10:00:00z\"", IS("2025-01-31 10:00:00.000000")},
    {"timestamptz", "", "\"2025-01-31t10:00:00.5Z\"", IS("2025-01-31 10:00:00.500000")},
    {"timestamptz", "", "\"2025-01-31T10:00:00.123456Z\"", IS("2025-01-31 10:00:00.123456")},
    {"timestamptz", "", "\"2025-01-31T10:00:00.123456000Z\"", IS("2025-01-31 10:00:00.123456")},
    {"timestamptz", "", "\"2025-01-31T10:00:00.1234567Z\"", NO(TZ)},
    {"timestamptz", "", "\"2025-01-31T10:00:00.Z\"", NO(TZ)},
    {"timestamptz", "", "\"2025-01-31T10:00:00+02:00\"", IS("2025-01-31 08:00:00.000000")},
    {"timestamptz", "", "\"2025-01-31T10:00:00-05:30\"", IS("2025-01-31 15:30:00.000000")},
    {"timestamptz", "", "\"2025-01-31T10:00:00-00:00\"", IS("2025-01-31 10:00:00.000000")},
    {"timestamptz", "", "\"1969-12-31T23:59:59.999999Z\"", IS("1969-12-31 23:59:59.999999")},
    {"timestamptz", "", "\"2025-01-31T10:00:00\"", CODED(W0413, TZ)},
    {"timestamptz", "", "\"2025-01-31T10:00Z\"", NO(TZ)},
    {"timestamptz", "", "\"2025-01-31T10:00:00+0200\"", NO(TZ)},
    {"timestamptz", "", "\"2025-01-31T10:00:00+24:00\"", NO(TZ)},
    {"timestamptz", "", "\"2025-01-31T10:00:00+02:60\"", NO(TZ)},
    {"timestamptz", "", "\"2025-01-31T10:00:00Zx\"", NO(TZ)},
    {"timestamptz", "", "\"2025-01-31T24:00:00Z\"", NO(TZ)},
    {"timestamptz", "", "\"2016-12-31T23:59:60Z\"", NO(TZ)},
    {"timestamptz", "", "\"2025-02-30T10:00:00Z\"", NO(TZ)},
    {"timestamptz", "", "\"2025-01-31\"", NO(TZ)},
    {"timestamptz", "", "\" 2025-01-31T10:00:00Z\"", NO(TZ)},
    {"timestamptz", "trim", "\" 2025-01-31T10:00:00Z\"", IS("2025-01-31 10:00:00.000000")},
    {"timestamptz", "", "\"2025-01-31T10:00:00\\u005a\"", IS("2025-01-31 10:00:00.000000")},
    {"timestamptz", "", "\"0001-01-01T00:00:00+00:01\"", NO("expected an instant in the years 1 to 9999")},
    {"timestamptz", "", "\"9999-12-31T23:59:59-00:01\"", NO("expected an instant in the years 1 to 9999")},
    {"timestamptz", "", "\"9999-12-31T23:59:59.999999Z\"", IS("9999-12-31 23:59:59.999999")},
    {"timestamptz", "", "1700000000", NO(TZ)},
    {"timestamptz", "", "true", NO(TZ)},
    {"timestamptz", "", "{}", NO(TZ)},
    {"timestamptz", "", "\"now\"", NO(TZ)},
    {"timestamptz", "berlin", "\"2025-01-31T10:00:00\"", IS("2025-01-31 09:00:00.000000")},
    {"timestamptz", "berlin", "\"2025-07-31 10:00:00.123\"", IS("2025-07-31 08:00:00.123000")},
    {"timestamptz", "berlin", "\"2025-01-31T10:00:00Z\"", IS("2025-01-31 10:00:00.000000")},
    {"timestamptz", "berlin", "\"2025-03-30T02:30:00\"", IS("2025-03-30 01:30:00.000000")},
    {"timestamptz", "berlin", "\"2025-10-26T02:30:00\"", IS("2025-10-26 00:30:00.000000")},
    {"timestamptz", "format=rfc3339", "\"2025-01-31T10:00:00Z\"", IS("2025-01-31 10:00:00.000000")},
    {"timestamptz", "format=epoch_s", "1700000000", IS("2023-11-14 22:13:20.000000")},
    {"timestamptz", "format=epoch_s", "1700000000.123456", IS("2023-11-14 22:13:20.123456")},
    {"timestamptz", "format=epoch_s", "1700000000.1234567", NO("finer than a microsecond")},
    {"timestamptz", "format=epoch_s", "1700000000.1234560", IS("2023-11-14 22:13:20.123456")},
    {"timestamptz", "format=epoch_s", "1.7e9", IS("2023-11-14 22:13:20.000000")},
    {"timestamptz", "format=epoch_s", "-1", IS("1969-12-31 23:59:59.000000")},
    {"timestamptz", "format=epoch_s", "-0.5", IS("1969-12-31 23:59:59.500000")},
    {"timestamptz", "format=epoch_s", "1700000000000", NO("expected an instant in the years 1 to 9999")},
    {"timestamptz", "format=epoch_s", "1e999", NO("expected an instant in the years 1 to 9999")},
    {"timestamptz", "format=epoch_s", "253402300799.999999", IS("9999-12-31 23:59:59.999999")},
    {"timestamptz", "format=epoch_s", "253402300800", NO("expected an instant in the years")},
    {"timestamptz", "format=epoch_s", "-62135596800", IS("0001-01-01 00:00:00.000000")},
    {"timestamptz", "format=epoch_s", "-62135596801", NO("expected an instant in the years")},
    {"timestamptz", "format=epoch_s", "\"1700000000\"", NO("expected a number of seconds since 1970")},
    {"timestamptz", "coerce format=epoch_s", "\"1700000000\"", IS("2023-11-14 22:13:20.000000")},
    {"timestamptz", "coerce format=epoch_s", "\"2025-01-31T10:00:00Z\"", NO("expected a number of seconds since 1970")},
    {"timestamptz", "format=epoch_ms", "1700000000123", IS("2023-11-14 22:13:20.123000")},
    {"timestamptz", "format=epoch_ms", "1700000000123.456", IS("2023-11-14 22:13:20.123456")},
    {"timestamptz", "format=epoch_ms", "1700000000123.4567", NO("finer than a microsecond")},
    {"timestamptz", "format=epoch_us", "1700000000123456", IS("2023-11-14 22:13:20.123456")},
    {"timestamptz", "format=epoch_us", "0.5", NO("finer than a microsecond")},
    {"timestamptz", "format=epoch_us", "true", NO("expected a number of microseconds since 1970")},
    {"timestamptz", "format=%Y-%m-%d %H:%M:%S.%f%z", "\"2025-01-31 10:00:00.5+0200\"", IS("2025-01-31 08:00:00.500000")},
    {"timestamptz", "format=%a %b %d %H:%M:%S %z %Y", "\"Wed Oct 10 20:19:24 +0000 2018\"", IS("2018-10-10 20:19:24.000000")},
    {"timestamptz", "format=%a %b %d %H:%M:%S %z %Y", "\"Thu Oct 10 20:19:24 +0000 2018\"", NO("expected a time in the form")},
    {"timestamptz", "format=%A, %d %B %Y %I:%M:%S %p %z", "\"Wednesday, 10 October 2018 08:19:24 pm Z\"",
     IS("2018-10-10 20:19:24.000000")},
    {"timestamptz", "format=%d %b %Y %H:%M %z", "\" 1 Jan 2025  10:00 -05\"", NO("expected a time in the form")},
    {"timestamptz", "format=%d %b %Y %H:%M %z", "\"1 Jan 2025  10:00 -05\"", IS("2025-01-01 15:00:00.000000")},
    {"timestamptz", "format=%Y-%m-%d %H:%M:%S", "\"2025-01-31 10:00:00\"", CODED(W0413, TZ)},
    {"timestamptz", "berlin format=%Y-%m-%d %H:%M:%S", "\"2025-01-31 10:00:00\"", IS("2025-01-31 09:00:00.000000")},
    {"timestamptz", "format=%s", "\"1700000000\"", IS("2023-11-14 22:13:20.000000")},
    {"timestamptz", "format=%s.%f", "\"1700000000.25\"", IS("2023-11-14 22:13:20.250000")},
    {"timestamptz", "format=%s", "\"9999999999999\"", NO("expected a time in the form %s")},
    {"timestamptz", "format=%s", "\"999999999999\"", NO("expected an instant in the years")},
    {"timestamptz", "format=%s", "1700000000", NO(TZ)},
    {"timestamptz", "format=%%%s", "\"%5\"", IS("1970-01-01 00:00:05.000000")},
    {"timestamptz", "format=%Y-%m-%dT%H:%M:%SZ", "\"2025-01-31T10:00:00Z\"", CODED(W0413, TZ)},
    {"timestamptz(3)", "", "\"2025-01-31T10:00:00.123Z\"", IS("2025-01-31 10:00:00.123000")},
    {"timestamptz(3)", "", "\"2025-01-31T10:00:00.1234Z\"", NO("expected at most 3 digits after the second")},

    {"timestamp", "", "\"2025-01-31T10:00:00\"", IS("2025-01-31 10:00:00.000000")},
    {"timestamp", "", "\"2025-01-31 10:00:00.25\"", IS("2025-01-31 10:00:00.250000")},
    {"timestamp", "", "\"2025-01-31T10:00:00Z\"", NO("expected a time without zone, such as 2025-01-31T10:00:00")},
    {"timestamp", "", "\"2025-01-31T10:00:00+02:00\"", NO("expected a time without zone")},
    {"timestamp", "berlin", "\"2025-01-31T10:00:00Z\"", IS("2025-01-31 11:00:00.000000")},
    {"timestamp", "berlin", "\"2025-01-31T10:00:00\"", IS("2025-01-31 10:00:00.000000")},
    {"timestamp", "format=epoch_s", "0", NO("expected a time without zone")},
    {"timestamp", "utc format=epoch_s", "0", IS("1970-01-01 00:00:00.000000")},
    {"timestamp", "berlin format=epoch_s", "0", IS("1970-01-01 01:00:00.000000")},
    {"timestamp", "", "5", NO("expected a time without zone")},
};

/* Values that no JSON text gives: bytes of files, results of expressions. */
static void test_built(void)
{
    static const struct {
        const char *type, *options, *bytes, *cell;
        size_t len;
        uint16_t flags;
        enum code code;
    } cases[] = {
        {"text", "", "abc", "abc", 3, VALUE_BYTES, 0},
        {"text", "", "a\xff" "b", NULL, 3, VALUE_BYTES, W0411},
        {"text", "utf8", "a\xff\xfe" "b", "a\xef\xbf\xbd\xef\xbf\xbd" "b", 4, VALUE_BYTES, 0},
        {"text", "utf8", "\xe2\x82", "\xef\xbf\xbd\xef\xbf\xbd", 2, VALUE_BYTES, 0},
        {"text", "", "a\0b", NULL, 3, VALUE_BYTES, W0410},
        {"text", "", "a\0b", NULL, 3, 0, W0410},
        {"text", "strip", "a\0b", "ab", 3, 0, 0},
        {"text", "", "\xff", NULL, 1, 0, W0411},
        {"bytea", "", "\0\xff", "00ff", 2, VALUE_BYTES, 0},
        {"integer", "coerce", "12", "12", 2, VALUE_BYTES, 0},
        {"timestamptz", "trim", "2025-01-31T10:00:00Z\n", "2025-01-31 10:00:00.000000", 21, VALUE_BYTES, 0},
        {"jsonb", "", "a\"b", "\"a\\\"b\"", 3, VALUE_BYTES, 0},
        {"jsonb", "", "a\0", NULL, 2, VALUE_BYTES, W0410},
        {"jsonb", "replace", "a\0", "\"a\\ufffd\"", 2, 0, 0},
        {"jsonb", "", "\xff", NULL, 1, VALUE_BYTES, W0411},
        {"jsonb", "utf8", "\xff", "\"\xef\xbf\xbd\"", 1, VALUE_BYTES, 0},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(buf_release) struct buf got = BUF_INIT;
        CLEANUP(err_release) struct err err = {0};
        struct convert_options options = options_of(cases[i].options);
        struct value v = value_string(str_make(cases[i].bytes, cases[i].len));
        struct type type;
        struct cell cell;

        v.flags = cases[i].flags;
        type_of(cases[i].type, &type);
        if (convert_value(&v, &type, &options, &arena, &cell, NULL, &err) == 0)
            show(&cell, &got);
        ok(err.code == cases[i].code, "bytes %zu into %s: %s", i, cases[i].type, code_entry(err.code)->name);
        if (cases[i].cell)
            is_str(buf_text(&got), cases[i].cell, "bytes %zu: cell", i);
    }
}

static void test_built_json(void)
{
    struct member list[] = {{.value = value_number(str_of("1"))}, {.value = value_string(str_of("x"))}, {.value = value_null()}};
    struct member pairs[] = {{str_of("k\n"), value_array(list, 3)}, {str_of("n"), value_bool(true)}};
    struct value v = value_object(pairs, 2);
    CLEANUP(err_release) struct err err = {0};
    struct type type;
    struct cell cell;

    type_of("jsonb", &type);
    ok(convert_value(&v, &type, NULL, &arena, &cell, NULL, NULL) == 0, "a built object");
    is_str(arena_dup(&arena, cell.text), "{\"k\\n\":[1,\"x\",null],\"n\":true}", "is written as JSON");
    list[1].value = value_string(str_make("\0", 1));
    ok(convert_value(&v, &type, NULL, &arena, &cell, NULL, &err) < 0 && err.code == W0410, "a NUL deep inside is found");
    err_release(&err);
    list[1].value = value_null();
    pairs[1].key = str_make("\xff", 1);
    ok(convert_value(&v, &type, NULL, &arena, &cell, NULL, &err) < 0 && err.code == W0411, "so are invalid bytes in a key");
    err_release(&err);
    type_of("text[]", &type);
    v = value_array(list, 1);
    ok(convert_value(&v, &type, NULL, &arena, &cell, NULL, &err) < 0 && !err.pointer, "a built element has no pointer");
}

static void test_did(void)
{
    static const struct { const char *type, *options, *json; unsigned did; } cases[] = {
        {"text", "trim strip utf8", "\"a\"", 0},
        {"text", "trim", "\" a\"", CONVERT_DID_TRIM},
        {"text", "strip", "\"\\u0000\"", CONVERT_DID_NUL},
        {"text", "replace utf8 trim", "\"\\u0000\\ud800 \"", CONVERT_DID_NUL | CONVERT_DID_UTF8 | CONVERT_DID_TRIM},
        {"jsonb", "strip utf8", "[\"\\u0000\\ud800\"]", CONVERT_DID_NUL | CONVERT_DID_UTF8},
        {"text[]", "strip", "[\"a\",\"\\u0000\"]", CONVERT_DID_NUL},
        {"timestamptz", "berlin", "\"2025-10-26T02:30:00\"", CONVERT_DID_AMBIGUOUS},
        {"timestamptz", "berlin", "\"2025-03-30T02:30:00\"", CONVERT_DID_GAP},
        {"timestamptz", "berlin", "\"2025-03-30T03:00:00\"", 0},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct convert_options options = options_of(cases[i].options);
        unsigned did = 1024;
        struct value v;
        struct type type;
        struct cell cell;

        type_of(cases[i].type, &type);
        parse(cases[i].json, &v);
        ok(convert_value(&v, &type, &options, &arena, &cell, &did, NULL) == 0, "%s %s", cases[i].type, cases[i].json);
        is_int(did, 1024 + cases[i].did, "what was mended is added");
    }
}

static void test_messages(void)
{
    struct err err = {0};
    struct value v;
    struct type type;
    struct cell cell = {.kind = CELL_INT, .n = 77};

    type_of("integer[]", &type);
    parse("  [1, 2, \"x\"]", &v);
    ok(convert_value(&v, &type, NULL, &arena, &cell, NULL, &err) < 0, "a wrong element");
    is_str(err.pointer, "/2", "its pointer");
    is_int(err.has_byte ? (long long)err.byte : -1, 9, "its byte");
    is_str(err.value, "x", "its value");
    ok(cell.kind == CELL_INT && cell.n == 77, "a failure leaves the cell alone");
    err_release(&err);

    type_of("enum", &type);
    parse("\"postet\"", &v);
    convert_value(&v, &type, NULL, &arena, &cell, NULL, &err);
    ok(strstr(err.message, "'draft', 'posted', 'it's'") != NULL, "the labels: %s", err.message);
    ok(strstr(err.help, "did you mean 'posted'?") != NULL, "the nearest: %s", err.help);
    err_release(&err);

    type_of("integer", &type);
    parse("\"12\"", &v);
    convert_value(&v, &type, NULL, &arena, &cell, NULL, &err);
    is_str(err.message, "value does not fit the column", "the message");
    ok(strstr(err.help, "coerce: true") != NULL, "the way out: %s", err.help);
    err_release(&err);
    parse("1.0", &v);
    convert_value(&v, &type, NULL, &arena, &cell, NULL, &err);
    ok(strstr(err.help, "coerce: true") != NULL, "the way out of 1.0: %s", err.help);
    err_release(&err);

    type_of("timestamptz", &type);
    parse("1700000000000", &v);
    convert_value(&v, &type, &(struct convert_options){.format = "epoch_s"}, &arena, &cell, NULL, &err);
    ok(strstr(err.help, "epoch_ms") != NULL, "seconds that are milliseconds: %s", err.help);
    err_release(&err);
    ok(convert_value(&v, &type, &(struct convert_options){.format = "%Q"}, &arena, &cell, NULL, &err) < 0 && err.scope == ERR_RUN &&
       err.code == W0414, "a wrong format is the mapping's fault");
    err_release(&err);

    type_of("varchar(255)[]", &type);
    is_str(convert_expected(&type, &arena), "array of text of at most 255 characters", "what is expected");
    type_of("enum", &type);
    is_str(convert_expected(&type, &arena), "one of 'draft', 'posted', 'it's'", "what is expected of an enum");
}

static void test_formats(void)
{
    static const struct { const char *type, *format; int fault; } cases[] = {
        {"timestamptz", "rfc3339", -1}, {"date", "%d.%m.%Y", -1}, {"timestamptz", "epoch_ms", -1}, {"timestamptz[]", "epoch_s", -1},
        {"timestamptz", "%Y-%Q", 3},    {"timestamptz", "%Y%", 2}, {"timestamptz", "epoch", 0},      {"timestamptz", "", 0},
        {"timestamptz", "%%", 0},       {"bytea", "hex", -1},      {"bytea", "base32", 0},           {"text", "hex", 0},
        {"bytea", "base64url", -1},     {"bytea", "raw", -1},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(err_release) struct err err = {0};
        struct type type;
        int answer;

        type_of(cases[i].type, &type);
        answer = convert_format_check(cases[i].format, &type, &err);
        is_int(answer == 0 ? -1 : (long long)err.byte, cases[i].fault, "format '%s' for %s", cases[i].format, cases[i].type);
        ok(answer == 0 || (err.scope == ERR_RUN && err.code == W0414), "its code");
    }
}

/* Texts of some size: the rows above cannot hold them. */
static void test_large(void)
{
    enum { LEN = 131073 };
    char *text = malloc(LEN + 64);
    CLEANUP(err_release) struct err err = {0};
    struct value v;
    struct type type;
    struct cell cell;

    memset(text, '9', LEN);
    type_of("numeric", &type);
    v = value_number(str_make(text, LEN - 1));
    ok(convert_value(&v, &type, NULL, &arena, &cell, NULL, NULL) == 0 && cell.text.len == LEN - 1, "131072 digits");
    v = value_number(str_make(text, LEN));
    ok(convert_value(&v, &type, NULL, &arena, &cell, NULL, &err) < 0 && err.code == W0415, "131073 digits are refused");
    err_release(&err);
    text[1] = '.';
    v = value_number(str_make(text, 2 + 16383));
    ok(convert_value(&v, &type, NULL, &arena, &cell, NULL, NULL) == 0, "16383 digits after the point");
    v = value_number(str_make(text, 2 + 16384));
    ok(convert_value(&v, &type, NULL, &arena, &cell, NULL, &err) < 0 && err.code == W0415, "16384 are refused");
    err_release(&err);
    type_of("double precision", &type);
    v = value_number(str_make(text, 100000));
    ok(convert_value(&v, &type, NULL, &arena, &cell, NULL, NULL) == 0 && cell.f == 10.0, "a float of 100,000 digits");
    free(text);
}

static uint64_t random_next(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state >> 11;
}

/* Floats as strtod() reads them, on both ways. */
static void test_floats(void)
{
    struct type type;
    uint64_t state = 88172645463325252ULL;
    size_t wrong = 0;

    type_of("double precision", &type);
    for (int i = 0; i < 100000; i++) {
        char text[64];
        struct value v;
        struct cell cell;

        snprintf(text, sizeof text, "%s%d.%06de%d", i & 1 ? "-" : "", (int)(random_next(&state) % 1000000000),
                 (int)(random_next(&state) % 1000000), (int)(random_next(&state) % 61) - 30);
        v = value_number(str_of(text));
        if (convert_value(&v, &type, NULL, &arena, &cell, NULL, NULL) < 0 || cell.f != strtod(text, NULL))
            wrong++;
        arena_reset(&arena);
    }
    is_int((long long)wrong, 0, "100,000 floats are rounded correctly");
}

/* Whatever a numeric column takes is the number that was given. */
static void test_numerics(void)
{
    static const char *const types[] = {"numeric", "numeric(6,2)", "numeric(4)", "numeric(3,5)", "numeric(3,-2)"};
    uint64_t state = 42;
    size_t taken = 0, wrong = 0;

    for (int i = 0; i < 50000; i++) {
        struct type type;
        struct value v, w;
        struct cell cell;
        char text[64];

        snprintf(text, sizeof text, "%s%d", random_next(&state) & 1 ? "-" : "", (int)(random_next(&state) % 12000));
        if (random_next(&state) & 1)
            snprintf(text + strlen(text), 24, ".%0*d", (int)(random_next(&state) % 4) + 1, (int)(random_next(&state) % 10));
        if (random_next(&state) & 1)
            snprintf(text + strlen(text), 24, "e%d", (int)(random_next(&state) % 17) - 8);
        type_of(types[i % ARRAY_LEN(types)], &type);
        v = value_number(str_of(text));
        if (convert_value(&v, &type, NULL, &arena, &cell, NULL, NULL) == 0) {
            w = value_number(cell.text);
            taken++;
            if (value_cmp(&v, &w) != 0 || memchr(cell.text.at, 'e', cell.text.len)) {
                wrong++;
                printf("# %s became %.*s\n", text, STR_ARG(cell.text));
            }
        }
        arena_reset(&arena);
    }
    ok(wrong == 0 && taken > 10000, "%zu numbers keep their value, %zu do not", taken, wrong);
}

/* Any text into any column: a cell of the right kind, or a refusal with its label. */
static void test_noise(void)
{
    static const char *const types[] = {"boolean", "integer", "bigint", "numeric(5,2)", "real", "double precision", "varchar(5)", "bytea",
                                        "uuid", "date", "time", "timestamp", "timestamptz", "jsonb", "enum", "inet"};
    static const char *const options[] = {"", "coerce trim strip utf8", "coerce berlin format=%Y-%m-%d %H:%M:%S.%f%z", "utc format=epoch_s",
                                          "format=hex", "format=base64", "format=%a %b %d %I %p %j %y %s %B %A%%"};
    static const enum cell_kind expected[] = {CELL_BOOL, CELL_INT, CELL_INT, CELL_NUMERIC, CELL_FLOAT, CELL_FLOAT, CELL_TEXT, CELL_BYTES,
                                              CELL_UUID, CELL_DATE, CELL_TIME, CELL_TIMESTAMP, CELL_TIMESTAMP, CELL_JSON, CELL_TEXT, CELL_TEXT};
    static const char alphabet[] = "0123456789-:.TZ+ eE%aAmMpPjJ\\x\"\xc3\xa9\xff\0";
    uint64_t state = 4711;
    size_t wrong = 0;

    for (int i = 0; i < 200000; i++) {
        CLEANUP(err_release) struct err err = {0};
        size_t t = random_next(&state) % ARRAY_LEN(types), len = random_next(&state) % 40;
        struct convert_options o = options_of(options[random_next(&state) % ARRAY_LEN(options)]);
        char *text = malloc(len + 1);   /* so that a byte too far is seen */
        struct value v;
        struct type type;
        struct cell cell;

        for (size_t k = 0; k < len; k++)
            text[k] = alphabet[random_next(&state) % (sizeof alphabet - 1)];
        if (random_next(&state) % 3 == 0 && len >= 20)
            memcpy(text, "2025-01-31T10:00:00.5", 20);
        text = realloc(text, len ? len : 1);
        v = value_string(str_make(text, len));
        v.flags = random_next(&state) & 1 ? VALUE_BYTES : 0;
        type_of(types[t], &type);
        if (convert_value(&v, &type, &o, &arena, &cell, NULL, &err) == 0)
            wrong += cell.kind != expected[t];
        else
            wrong += !err.scope || (err.scope == ERR_RECORD && !err.label[0]);
        free(text);
        arena_reset(&arena);
    }
    is_int((long long)wrong, 0, "200,000 random texts: a cell of the right kind or a refusal with a label");
}

int main(void)
{
    berlin = zone_open(str_of("Europe/Berlin"), NULL);
    utc = zone_open(str_of("UTC"), NULL);
    parser = json_parser_new(&(struct json_options){0}, NULL);
    if (!berlin) {
        printf("1..0 # SKIP tzdata is not installed\n");
        return 0;
    }
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        run(&kinds[i]);
    for (size_t i = 0; i < ARRAY_LEN(times); i++)
        run(&times[i]);
    test_built();
    test_built_json();
    test_did();
    test_messages();
    test_formats();
    test_large();
    test_floats();
    test_numerics();
    test_noise();
    json_parser_free(parser);
    arena_release(&arena);
    zone_close(berlin);
    zone_close(utc);
    return done_testing();
}
