/* Each type against each kind of value, with the limits from both sides; what is refused says why. */
#include "samples.h"

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
    {"varchar(3)", "", "\"\xf0\x9f\x8e\x89\xf0\x9f\x8e\x89\xf0\x9f\x8e\x89\"",
     IS("\xf0\x9f\x8e\x89\xf0\x9f\x8e\x89\xf0\x9f\x8e\x89")},
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
    struct member list[] = {{.value = value_number(str_of("1"))}, {.value = value_string(str_of("x"))},
        {.value = value_null()}};
    struct member pairs[] = {{str_of("k\n"), value_array(list, 3)}, {str_of("n"), value_bool(true)}};
    struct value v = value_object(pairs, 2);
    CLEANUP(err_release) struct err err = {0};
    struct type type;
    struct cell cell;

    type_of("jsonb", &type);
    ok(convert_value(&v, &type, NULL, &arena, &cell, NULL, NULL) == 0, "a built object");
    is_str(arena_dup(&arena, cell.text), "{\"k\\n\":[1,\"x\",null],\"n\":true}", "is written as JSON");
    list[1].value = value_string(str_make("\0", 1));
    ok(convert_value(&v, &type, NULL, &arena, &cell, NULL, &err) < 0 && err.code == W0410,
       "a NUL deep inside is found");
    err_release(&err);
    list[1].value = value_null();
    pairs[1].key = str_make("\xff", 1);
    ok(convert_value(&v, &type, NULL, &arena, &cell, NULL, &err) < 0 && err.code == W0411,
       "so are invalid bytes in a key");
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
    ok(convert_value(&v, &type, &(struct convert_options){.format = "%Q"}, &arena, &cell, NULL, &err) < 0 &&
       err.scope == ERR_RUN &&
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
        {"timestamptz", "rfc3339", -1}, {"date", "%d.%m.%Y", -1}, {"timestamptz", "epoch_ms", -1},
        {"timestamptz[]", "epoch_s", -1},
        {"timestamptz", "%Y-%Q", 3},    {"timestamptz", "%Y%", 2}, {"timestamptz", "epoch", 0},
        {"timestamptz", "", 0},
        {"timestamptz", "%%", 0},       {"bytea", "hex", -1},      {"bytea", "base32", 0},           {"text", "hex", 0},
        {"bytea", "base64url", -1},     {"bytea", "raw", -1},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(err_release) struct err err = {0};
        struct type type;
        int answer;

        type_of(cases[i].type, &type);
        answer = convert_format_check(cases[i].format, &type, &err);
        is_int(answer == 0 ? -1 : (long long)err.byte, cases[i].fault, "format '%s' for %s", cases[i].format,
               cases[i].type);
        ok(answer == 0 || (err.scope == ERR_RUN && err.code == W0414), "its code");
    }
}

int main(void)
{
    if (!samples_begin())
        return 0;
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        run(&kinds[i]);
    test_built();
    test_built_json();
    test_did();
    test_messages();
    test_formats();
    ok(taken_quickly >= 20, "%u of them went the short way", taken_quickly);
    samples_end();
    return done_testing();
}
