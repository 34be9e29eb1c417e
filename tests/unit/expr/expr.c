/* What expressions answer: windrow's own functions, exact numbers, paths, names; jq's part is in expr_jq.c. */
#include "try.h"

static const struct { const char *expr, *input, *expected;
} cases[] = {
    /* exact numbers */
    {".", "1.50", "1.50"},
    {". + 0", "1.50", "1.5"},
    {". + 1", "9007199254740993", "9007199254740994"},
    {". + 1", "9223372036854775807", "9223372036854775808"},
    {". - 1", "-9223372036854775808", "-9223372036854775809"},
    {". * .", "99999999999999999999", "9999999999999999999800000000000000000001"},
    {"0.1 + 0.2", "null", "0.3"},
    {"0.1 * 0.1", "null", "0.01"},
    {"1e3 + 0, 1e-3 + 0, 1.5e2 + 0, 12e-1 + 0", "null", "1000 0.001 150 1.2"},
    {"1 / 8, 10 / 4, 6 / 3, 7 / 2", "null", "0.125 2.5 2 3.5"},
    {"1 / 3", "null", "0.3333333333333333333333333333333333"},
    {"2 / 3", "null", "0.6666666666666666666666666666666667"},
    {"1000000000000000000000000000000000000000000 / 3", "null", "333333333333333333333333333333333300000000"},
    {"-1 / 3", "null", "-0.3333333333333333333333333333333333"},
    {"1 / 10995116277760", "null", "0.00000000000009094947017729282379150390625"},
    {"-0 + 0, 0 * -1, -0.0 + 0", "null", "0 0 0"},
    {"-7 % 3, 7 % -3, 123456789012345678901 % 10", "null", "-1 1 1"},
    {"(-7, 7 | idiv(2)), (-7, 7 | mod(2)), (-7 | mod(-2)), (7.5 | idiv(2)), (7.5 | mod(2))", "null",
     "-4 3 1 1 -1 3 1.5"},
    {"1.5, -1.5, 2.5, -0.5, 0.4, 12 | floor", "null", "1 -2 2 -1 0 12"},
    {"1.5, -1.5, 2.5, -0.5, 0.4 | ceil", "null", "2 -1 3 0 1"},
    {"1.5, -1.5, 2.5, -0.5, 0.4, 9.99, -9.5 | round", "null", "2 -2 3 -1 0 10 -10"},
    {"-3, 3, -0.5 | abs", "null", "3 3 0.5"},
    {"1 == 1.0, 1e2 == 100, 0.1 == 0.10, 1 < 1.0000000000000000000001, -0 == 0", "null", "true true true true true"},
    {"9007199254740993 == 9007199254740992", "null", "false"},
    {"1 | shl(70)", "null", "1180591620717411303424"},
    {"1180591620717411303424 | shr(70), shr(80)", "null", "1 0"},
    {"-5 | shr(1), shr(100)", "null", "-3 -1"},
    {"5 | shl(0), shr(0), shr(62)", "null", "5 5 0"},
    {"to_int", "\"007\"", "7"},
    {"to_int", "\" +12 \"", "12"},
    {"to_int", "1.0", "1"},
    {"to_int", "\"1234567890123456789012345\"", "1234567890123456789012345"},
    {"to_decimal", "\"-01.50\"", "-1.5"},
    {"to_decimal", "1E2", "100"},
    {"tonumber", "\"1.50\"", "1.50"},
    {"007, 1., .5, 1.e3", "null", "7 1 0.5 1e3"},
    {"-.a, -(1 + 2), - 2 * 3", "{\"a\":5}", "-5 -3 -6"},
    {"[range(0; 1; 0.25)]", "null", "[0,0.25,0.5,0.75]"},

    /* text */
    {"trim, ltrim, rtrim", "\" \\u00a0a b\\n\"",
     "\"a b\" \"a b\\n\" \" \xc2\xa0"
     "a b\""},
    {"lower, upper", "\"\\u00c4rger \\u00df\"", "\"ärger ß\" \"ÄRGER ẞ\""},
    {"replace(\"a\"; \"bb\")", "\"abca\"", "\"bbbcbb\""},
    {"replace(\"x\"; \"y\")", "\"abc\"", "\"abc\""},
    {"length, utf8bytelength, utf16length", "\"a\\u00e9\\ud83c\\udf89\"", "3 7 4"},
    {".[1:2], .[-1:], .[:1], .[5:], .[2:1]", "\"a\\u00e9\\ud83c\\udf89\"", "\"é\" \"🎉\" \"a\" \"\" \"\""},
    {"[.[1:3], .[-1:], .[:-2], .[1.2:2.5]]", "[1,2,3]", "[[2,3],[3],[1],[2,3]]"},
    {"index(\",\"), rindex(\",\"), indices(\", \")", "\"\\u00e9, b, c\"", "1 4 [1,4]"},
    {"basename, dirname, extname, stem", "\"/a/b.c/d.tar.gz\"", "\"d.tar.gz\" \"/a/b.c\" \".gz\" \"d.tar\""},
    {"basename, dirname, extname, stem", "\".profile\"", "\".profile\" \".\" \"\" \".profile\""},
    {"basename, dirname, extname, stem", "\"/a/\"", "\"a\" \"/\" \"\" \"a\""},
    {"basename, dirname", "\"/\"", "\"/\" \"/\""},
    {"extname, stem", "\"a.\"", "\"\" \"a.\""},
    {"reverse", "\"a\\u00e9\"", "\"éa\""},
    {"\"\\(1 + 1)-\\(\"a\")-\\(null)-\\([1,\"x\"])\"", "null", "\"2-a-null-[1,\\\"x\\\"]\""},
    {"@base64 \"<\\(.)>\", @uri \"q=\\(.)\", @json \"v=\\(.)\", @html \"<b>\\(.)\"", "\"<&\\u00e9>\"",
     "\"<PCbDqT4=>\" \"q=%3C%26%C3%A9%3E\" \"v=\\\"<&é>\\\"\" \"<b>&lt;&amp;é&gt;\""},
    {"@base64d", "\"aMOp\"", "\"hé\""},
    {"@base64d | hex", "\"aMOp-_8\"", "\"68c3a9fbff\""},
    {"@base64, (@base64 | @base64d)", "\"abcd\"", "\"YWJjZA==\" \"abcd\""},
    {"hex, (hex | unhex)", "\"\\u00e9\"", "\"c3a9\" \"é\""},
    {"sha256", "\"abc\"", "\"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\""},
    {"sha1", "\"abc\"", "\"a9993e364706816aba3e25717850c26c9cd0d89d\""},
    {"md5", "\"abc\"", "\"900150983cd24fb0d6963f7d28e17f72\""},
    {"md5", "\"\"", "\"d41d8cd98f00b204e9800998ecf8427e\""},
    {"uuid5(\"dns\"; \"python.org\")", "null", "\"886313e1-3b8a-5372-9b90-0c9aee199e5d\""},
    {"uuid5(\"6ba7b810-9dad-11d1-80b4-00c04fd430c8\"; \"python.org\")", "null",
     "\"886313e1-3b8a-5372-9b90-0c9aee199e5d\""},
    {"uuid5(\"x\") == uuid5(\"x\"), uuid5(\"x\") == uuid5(\"y\"), (uuid5(\"x\") | length)", "null", "true false 36"},
    {"[tojson, (tojson | fromjson)]", "{\"a\" : [1.50 , \"\\u00e9\\n\"]}",
     "[\"{\\\"a\\\":[1.50,\\\"é\\\\n\\\"]}\",{\"a\":[1.50,\"é\\n\"]}]"},

    /* regular expressions */
    {"test(\"^a.c$\"), test(\"A\"), test(\"A\"; \"i\")", "\"abc\"", "true false true"},
    {"capture(\"(?<y>\\\\d+)-(?<m>\\\\d+)(?<z>x)?\")", "\"2025-07\"", "{\"y\":\"2025\",\"m\":\"07\",\"z\":null}"},
    {"[capture(\"(?<l>[a-z])\"; \"g\").l]", "\"abc\"", "[\"a\",\"b\",\"c\"]"},
    {"gsub(\"\\\\s+\"; \" \")", "\"a \\n b\\tc\"", "\"a b c\""},
    {"sub(\"(?<a>.)(?<b>.)\"; \"\\(.b)\\(.a)\")", "\"xyz\"", "\"yxz\""},
    {"gsub(\"(?<d>\\\\d)\"; \"\\(.d | tonumber + 1)\")", "\"1a2\"", "\"2a3\""},
    {"gsub(\"\"; \"-\")", "\"ab\"", "\"-a-b-\""},
    {"gsub(\"a*\"; \"x\")", "\"baac\"", "\"xbxxcx\""},
    {"[match(\"\\u00e9(b)?\"; \"g\") | [.offset, .length, .captures[0].offset]]", "\"x\\u00e9b\\u00e9\"",
     "[[1,2,2],[3,1,-1]]"},
    {"[scan(\"[a-z]\")], [scan(\"([a-z])([0-9])\")]", "\"a1b2\"", "[\"a\",\"b\"] [[\"a\",\"1\"],[\"b\",\"2\"]]"},
    {"split(\", *\"; null), [splits(\"b\")]", "\"a,  b\"", "[\"a\",\"b\"] [\"a,  \",\"\"]"},
    {". as $s | $s | sub(\"^\" + ($s[:1]); \"X\")", "\"abc\"", "\"Xbc\""},

    /* time */
    {"epoch_ms", "1583178896824", "\"2020-03-02T19:54:56.824Z\""},
    {"epoch_us", "1583178896824001", "\"2020-03-02T19:54:56.824001Z\""},
    {"epoch_s", "1583178896.5", "\"2020-03-02T19:54:56.5Z\""},
    {"epoch_s", "-1", "\"1969-12-31T23:59:59Z\""},
    {"epoch_ms", "-1", "\"1969-12-31T23:59:59.999Z\""},
    {"epoch_s", "253402300799", "\"9999-12-31T23:59:59Z\""},
    {"epoch_s", "-62135596800", "\"0001-01-01T00:00:00Z\""},
    {"to_epoch_s, to_epoch_ms, to_epoch_us", "\"2020-03-02T20:54:56.824+01:00\"",
     "1583178896.824 1583178896824 1583178896824000"},
    {".id | to_int | shr(22) + 1288834974657 | epoch_ms", "{\"id\":\"1234567890123456789\"}",
     "\"2020-03-02T19:54:56.824Z\""},
    {"tojson(\"ascii spaced\")", "{\"k,:\\\"\":[1.50,\"\\u00e9,:\360\237\216\211\\n\\\\\",{}],\"b\":true}",
     "\"{\\\"k,:\\\\\\\"\\\": [1.50, \\\"\\\\u00e9,:\\\\ud83c\\\\udf89\\\\n\\\\\\\\\\\", {}], \\\"b\\\": true}\""},
    {"tojson(\"spaced\")", "[\"\\u00e9\",1]", "\"[\\\"\u00e9\\\", 1]\""},
    {"tojson(\"\")", "[1,2]", "\"[1,2]\""},
    {"to_time(\"iso\"; \"Europe/Berlin\"; \"shift\")", "\"2024-03-31T02:30:00.5\"", "\"2024-03-31T01:30:00.5Z\""},
    {"to_time(\"iso\"; \"Europe/Berlin\"; \"shift\")", "\"2024-10-27T02:30:00\"", "\"2024-10-27T00:30:00Z\""},
    {"to_time(\"iso\"; $path[\"Europe/Berlin\"]; \"shift\")", "\"2024-03-31T02:30:00.5\"", "\"2024-03-31T01:30:00.5Z\""},
    {"try to_time(\"iso\"; $path[\"No/Where\"]) catch \"refused\"", "\"2024-03-31T02:30:00\"", "\"refused\""},
    {"if . == 1 then to_time(\"iso\"; $path[\"No/Where\"]) else 2 end", "3", "2"},
    {"gsub($path[\"[ab]+\"]; \"-\")", "\"xaby\"", "\"x-y\""},
    {"try test($path[\"[ab\"]) catch \"refused\"", "\"x\"", "\"refused\""},
    {"$path.Name + \"!\"", "1", "\"Name!\""},
    {"try ($path.Name * {}) catch \"refused\"", "1", "\"refused\""},
    {"to_time(\"iso\"; \"Europe/Berlin\"; \"reject\")", "\"2024-03-31T03:30:00\"", "\"2024-03-31T01:30:00Z\""},
    {"map(time_doubt(\"iso\"; \"Europe/Berlin\"))",
     "[\"2024-03-31T02:30:00\",\"2024-10-27T02:30:00\",\"2024-10-27T02:30:00Z\",\"2024-10-27T03:00:00\",\"2024-03-31T03:00\"]",
     "[\"skipped\",\"twice\",null,null,null]"},
    {"to_time(\"%Y%m%d_%H%M%S\"; \"UTC\")", "\"20250701_120000\"", "\"2025-07-01T12:00:00Z\""},
    {"to_time(\"%Y%m%d_%H%M%S\"; \"+02:00\")", "\"20250701_120000\"", "\"2025-07-01T10:00:00Z\""},
    {"to_time(\"iso\"; \"UTC\")", "\"2025-07-01T12:00:00.123456\"", "\"2025-07-01T12:00:00.123456Z\""},
    {"to_time(\"iso\")", "\"2025-07-01 12:00:00.5-0230\"", "\"2025-07-01T14:30:00.5Z\""},
    {"to_time(\"%d/%b/%Y:%H:%M:%S %z\")", "\"10/Oct/2000:13:55:36 -0700\"", "\"2000-10-10T20:55:36Z\""},
    {"to_time(\"%s\")", "\"1583178896\"", "\"2020-03-02T19:54:56Z\""},
    {"to_time(\"%Y-%m-%d %I:%M %p\"; \"UTC\")", "\"2024-02-29 12:05 AM\"", "\"2024-02-29T00:05:00Z\""},
    {"to_time(\"%Y-%j\"; \"UTC\")", "\"2024-366\"", "\"2024-12-31T00:00:00Z\""},
    {"to_time(\"%Y-%m-%d %H:%M:%S.%f\"; \"UTC\")", "\"2024-02-29 12:05:00.25\"", "\"2024-02-29T12:05:00.25Z\""},
    {"todate, gmtime, (gmtime | mktime), strftime(\"%a %d %b %Y %j %U %u %p\")", "1425599621",
     "\"2015-03-05T23:53:41Z\" [2015,2,5,23,53,41,4,63] 1425599621 \"Thu 05 Mar 2015 064 09 4 PM\""},
    {"gmtime", "1425599621.678", "[2015,2,5,23,53,41.678,4,63]"},
    {"fromdate", "\"2015-03-05T23:51:47Z\"", "1425599507"},
    {"strftime(\"%G-%V\")", "1735603200", "\"2025-01\""},
    {"now, (now | epoch_s)", "null", "1700000000.123456 \"2023-11-14T22:13:20.123456Z\""},

    /* names and levels */
    {"$index + 1, $doc.a.b, ^.id, $path.x, $path[\"a b\"], $path[.k], $path.\"q\"", "{\"k\":\"dyn\"}",
     "8 1 42 \"x\" \"a b\" \"dyn\" \"q\""},
    {"$path[.a], $path[1.0], $path[[1,\"x\"]], $path[true]", "{\"a\":null}", "null \"1\" \"[1,\\\"x\\\"]\" \"true\""},
    {"$path.gone // \"none\", ($path.gone | type)", "null", "\"none\" \"null\""},
    {"$path[.k].x?", "{\"k\":\"dyn\"}", ""},
    {"1 as $path | $path", "null", "1"},
    {"{$index, $doc, a: $path.x}", "null", "{\"index\":7,\"doc\":{\"a\":{\"b\":1}},\"a\":\"x\"}"},
    {"{^.id}", "null", ""},

    /* what mappings ask for */
    {"gsub(\"[\\\\x{10000}-\\\\x{10FFFF}]\"; \"__\") | gsub(\"[^A-Za-z0-9._-]\"; \"_\")",
     "\"a \\u00e9\\ud83c\\udf89 (1).md\"", "\"a______1_.md\""},
    {". as $r | .id | ltrimstr($r.sender + \"__\") | sub(\"__[0-9a-f]{8}$\"; \"\") | "
     "capture(\"^(?<locale>.+?)__(?<file>.*)$\")",
     "{\"sender\":\"a__b\",\"id\":\"a__b__de__x__y.json__0123abcd\"}", "{\"locale\":\"de\",\"file\":\"x__y.json\"}"},
    {"gsub(\"https?://\\\\S+\"; \"x\" * 23) | length", "\"see https://example.org/a?b=c now\"", "31"},
    {"first(.files[] | select(.customId == \"b\")).locale",
     "{\"files\":[{\"customId\":\"a\"},{\"customId\":\"b\",\"locale\":\"de\"}]}", "\"de\""},
    {"with_entries(select(.key != \"a\" and .key != \"b\"))", "{\"a\":1,\"b\":2,\"c\":3}", "{\"c\":3}"},
    {"{upload: .m, raw_ids: ([.a, .b] | unique), n: (.l | length)}",
     "{\"m\":{\"x\":1},\"a\":\"q\",\"b\":\"p\",\"l\":[1,2]}",
     "{\"upload\":{\"x\":1},\"raw_ids\":[\"p\",\"q\"],\"n\":2}"},
    {"if .error then .error.message // \"failed\" elif .status == 200 then null else \"status \\(.status)\" end",
     "{\"status\":429}", "\"status 429\""},
    {"(.text + \"_\" + .lang | sha256)[:16]", "{\"text\":\"hi\",\"lang\":\"de\"}", "\"da13b044401ec4ed\""},
    {".duration_ms / 1000", "{\"duration_ms\":1234.5}", "1.2345"},

    /* limits of what is accepted beyond jq */
    {"{a: 1 + 2, b: 3 | . + 1}", "null", "{\"a\":3,\"b\":4}"},
    {".a?//1", "\"x\"", "1"},
    {". # a comment\n | 1", "null", "1"},
    {"if . then 1 end", "false", "false"},
    {".[1.7]", "[1,2]", "2"},
    {"try error catch ., try error(null) catch .", "{\"a\":1}", "{\"a\":1} null"},
    {"(try 1 catch 2) | try error(\"x\") catch .", "null", "\"x\""},
    {"[.[] | try (if . == 2 then error(\"no\") else . end) catch \"caught\"]", "[1,2,3]", "[1,\"caught\",3]"},
    {"[limit(3; 1, 2, error(\"never\"))] | length", "null", ""},
    {"[limit(2; 1, 2, error(\"never\"))]", "null", "[1,2]"},
    {"first(range(10; 0; -1))", "null", "10"},
    {"[first(range(3), error(\"never\")), isempty(empty), isempty(1, error(\"never\"))]", "null", "[0,true,false]"},
    {"any(true, error(\"never\"); .)", "null", "true"},
    {"[.[] as [$a, {b: $c, $d}] | [$a, $c, $d]]", "[[1,{\"b\":2,\"d\":3}]]", "[[1,2,3]]"},
    {". as {(\"a\", \"b\" | select(. == \"a\")): $x} | $x", "{\"a\":1}", ""},
    {". as {(\"a\"): $x, \"b\": [$y]} | $x + $y", "{\"a\":1,\"b\":[2]}", "3"},
};

static void run_cases(struct try *t)
{
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const char *got = try_expr(t, cases[i].expr, cases[i].input);

        if (!is_str(got, cases[i].expected, "%s over %s", cases[i].expr, cases[i].input) && t->err.scope)
            diag_text("failure", t->err.message);
    }
}

/* A path answers ABSENT for what is missing, and null for null. */
static const struct { const char *path, *input, *expected; bool each; } paths[] = {
    {".a", "{\"a\":1}", "1", false}, {".a", "{\"a\":null}", "null", false}, {".a", "{}", "absent", false},
    {".a.b", "{\"a\":null}", "absent", false}, {".a[-1]", "{\"a\":[1,2]}", "2", false},
    {".a[5]", "{\"a\":[1,2]}", "absent", false}, {".content-type", "{\"content-type\":1}", "1", false},
    {".@id", "{\"@id\":1}", "1", false}, {".\"odd key\"", "{\"odd key\":1}", "1", false},
    {".[\"odd key\"].x", "{\"odd key\":{\"x\":2}}", "2", false}, {".a?", "\"text\"", "absent", false},
    {".a.b?", "{\"a\":\"text\"}", "absent", false}, {".", "5", "5", false}, {"$path.gone", "1", "absent", false},
    {"$path.x-y", "1", "\"x-y\"", false}, {"$index", "1", "7", false}, {"^.id", "1", "42", false},
    {"^.none", "1", "absent", false}, {"$doc.a.b", "1", "1", false}, {"$doc.x.y", "1", "absent", false},
    {".a[].b[]", "{\"a\":[{\"b\":[1,2]},{\"b\":null},{},{\"b\":[3]}]}", "1 2 3", true}, {".a[]", "{}", "", true},
    {".[]", "{\"x\":1,\"y\":2}", "1 2", true}, {".\"\\u0061\"", "{\"a\":1}", "1", false},
};

static void run_paths(struct try *t)
{
    struct expr_names names = try_names_of(t);

    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        struct expr_run run = try_run_of(t);
        struct value in, v = value_absent();
        struct expr *e;

        try_clear(t);
        in = try_parse(t->parser, &t->input, paths[i].input);
        e = expr_compile_path(str_of(paths[i].path), paths[i].each, &names, &t->compiled, &t->err);
        if (e && paths[i].each)
            expr_each(e, &in, &run, try_put, t, &t->err);
        else if (e && expr_eval(e, &in, &run, &v, &t->err) == 0)
            v.type == VALUE_ABSENT ? buf_add_text(&t->out, "absent") : value_json(&v, &t->out);
        if (!is_str(buf_text(&t->out), paths[i].expected, "path %s over %s", paths[i].path, paths[i].input))
            diag_text("failure", t->err.message);
        expr_release(e);
    }
}

static void add_path(void *context, const struct json_step *steps, size_t n)
{
    struct buf *out = context;

    buf_add_text(out, out->len ? " ." : ".");
    for (size_t i = 0; i < n; i++) {
        if (steps[i].kind == JSON_STEP_KEY)
            buf_printf(out, "%s%.*s", i ? "/" : "", STR_ARG(steps[i].key));
        else
            buf_printf(out, "[%lld]", (long long)steps[i].index);
    }
}

static void add_slot(void *context, int slot)
{
    buf_printf(context, " %d", slot);
}

/* The paths that coverage counts as read. */
static const struct { const char *expr, *read, *of_doc, *slots; } surveys[] = {
    {".a.b", ".a/b", "", ""}, {".a.b + .c[0]", ".a/b .c[0]", "", ""}, {".", ".", "", ""},
    {".a | .b | .c", ".a/b/c", "", ""}, {".a[.k]", ".k .a", "", ""}, {".a | length", ".a", "", ""},
    {"first(.a[] | select(.b == 1)).c", ".a", "", ""}, {". as $r | .x | $r.y", ".y", "", ""},
    {"$doc.a.b // $index", "", ".a/b", " 5 4"}, {"if .a then .b else .c end", ".a .b .c", "", ""},
    {"\"\\(.a)-\\(.b)\"", ".a .b", "", ""}, {"{a: .x, b}", ".x .b", "", ""}, {"uuid5(.a)", ".a", "", ""},
    {".a as [$x] | $x", ".a", "", ""}, {".a?.b", ".a/b", "", ""}, {"1", "", "", ""},
    {".a | select(.b) | .c", ".a/b .a/c", "", ""}, {"with_entries(.)", ".", "", ""},
    {"reduce .a[] as $x (.b; . + $x)", ".a .b", "", ""}, {"$path[.k]", ".k", "", " 3"}, {"@base64", ".", "", ""},
};

static void run_surveys(struct try *t)
{
    struct expr_names names = try_names_of(t);

    for (size_t i = 0; i < ARRAY_LEN(surveys); i++) {
        struct expr *e;

        try_clear(t);
        e = expr_compile(str_of(surveys[i].expr), &names, &t->compiled, &t->err);
        if (!ok(e != NULL, "%s compiles", surveys[i].expr))
            continue;
        expr_paths(e, add_path, &t->out);
        is_str(buf_text(&t->out), surveys[i].read, "%s reads", surveys[i].expr);
        buf_clear(&t->out);
        expr_paths_of_slot(e, SLOT_DOC, add_path, &t->out);
        is_str(buf_text(&t->out), surveys[i].of_doc, "%s reads of $doc", surveys[i].expr);
        buf_clear(&t->out);
        expr_slots(e, add_slot, &t->out);
        is_str(buf_text(&t->out), surveys[i].slots, "%s uses slots", surveys[i].expr);
        expr_release(e);
    }
}

static void test_plain_paths(struct try *t)
{
    struct expr_names names = try_names_of(t);
    const struct json_step *steps;
    struct expr *e;
    size_t n;

    try_clear(t);
    e = expr_compile(str_of(".a.\"b c\"[-2]"), &names, &t->compiled, &t->err);
    ok(e && expr_plain_path(e, &steps, &n) && n == 3 && str_is(steps[1].key, "b c") &&
       steps[2].kind == JSON_STEP_INDEX && steps[2].index == -2, "a plain path gives its steps");
    e = expr_compile(str_of("."), &names, &t->compiled, &t->err);
    ok(e && expr_plain_path(e, &steps, &n) && n == 0, "so does '.'");
    e = expr_compile(str_of(".a?"), &names, &t->compiled, &t->err);
    ok(e && !expr_plain_path(e, &steps, &n), "with '?' it is not plain");
    e = expr_compile(str_of("$doc.a"), &names, &t->compiled, &t->err);
    ok(e && !expr_plain_path(e, &steps, &n), "nor from a name");
    e = expr_compile(str_of(".a | .b"), &names, &t->compiled, &t->err);
    ok(e && !expr_plain_path(e, &steps, &n), "nor with a pipe");
}

static void test_constants(struct try *t)
{
    static const struct { const char *expr, *expected; } constants[] = {
        {"1 + 2 * 3", "7"}, {"\"a\\(1)b\"", "\"a1b\""}, {"[1, \"x\", {a: [2]}]", "[1,\"x\",{\"a\":[2]}]"}, {"-5", "-5"},
        {"1 < 2", "true"}, {"null", "null"}, {"{}", "{}"}, {".a", NULL}, {"$index", NULL}, {"(1 - \"a\")? // 2", NULL},
        {"@base64 \"x\\(\"ab\")\"", "\"xYWI=\""},
    };
    struct expr_names names = try_names_of(t);

    for (size_t i = 0; i < ARRAY_LEN(constants); i++) {
        struct value v;
        struct expr *e;

        try_clear(t);
        e = expr_compile(str_of(constants[i].expr), &names, &t->compiled, &t->err);
        if (!ok(e && expr_constant(e, &v) == (constants[i].expected != NULL), "%s is folded or not",
                constants[i].expr) ||
            !constants[i].expected)
            continue;
        value_json(&v, &t->out);
        is_str(buf_text(&t->out), constants[i].expected, "the constant %s", constants[i].expr);
    }
}

/* What is wrong inside a string stays known, so that the column can decide. */
static void test_flags(struct try *t)
{
    static const struct { const char *expr, *input; unsigned flags;
    } flags[] = {
        {".a + \"x\"", "{\"a\":\"\\u0000\"}", VALUE_NUL},
        {".a + \"x\"", "{\"a\":\"\\ud800\"}", VALUE_SURROGATE},
        {"[.a]", "{\"a\":\"\\u0000\"}", VALUE_NUL},
        {"{b: .a}", "{\"a\":\"\\ud800\"}", VALUE_SURROGATE},
        {".a | upper", "{\"a\":\"\\ud800\"}", VALUE_SURROGATE},
        {"\"-\\(.a)\"", "{\"a\":\"\\ud800\"}", VALUE_SURROGATE},
        {".a | tojson", "{\"a\":\"\\u0000\"}", 0},
        {"unhex", "\"ff\"", VALUE_BYTES},
        {".a[:1]", "{\"a\":\"x\\u0000\"}", 0},
    };
    struct expr_names names = try_names_of(t);

    for (size_t i = 0; i < ARRAY_LEN(flags); i++) {
        struct expr_run run = try_run_of(t);
        struct value in, v;
        struct expr *e;

        try_clear(t);
        in = try_parse(t->parser, &t->input, flags[i].input);
        e = expr_compile(str_of(flags[i].expr), &names, &t->compiled, &t->err);
        if (!ok(e && expr_eval(e, &in, &run, &v, &t->err) == 0, "%s runs", flags[i].expr))
            continue;
        is_int(v.flags & (VALUE_NUL | VALUE_SURROGATE | VALUE_BYTES), flags[i].flags, "%s over %s keeps its flags",
               flags[i].expr, flags[i].input);
    }
}

static void test_keys(struct try *t)
{
    static const struct { const char *json, *key;
    } keys[] = {
        {"\"a\\u00e9\"", "aé"},      {"1.0", "1"},     {"1e2", "100"},
        {"[1, \"x\"]", "[1,\"x\"]"}, {"null", "null"}, {"true", "true"},
    };

    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        struct value v;
        struct str key;

        try_clear(t);
        v = try_parse(t->parser, &t->input, keys[i].json);
        ok(expr_lookup_key(&v, &t->results, &key, &t->err) == 0 && str_is(key, keys[i].key), "the key of %s is %s",
           keys[i].json, keys[i].key);
    }
}

static void test_namespace(struct try *t)
{
    static const uint8_t dns[16] = {0x6b, 0xa7, 0xb8, 0x10, 0x9d, 0xad, 0x11, 0xd1,
                                    0x80, 0xb4, 0x00, 0xc0, 0x4f, 0xd4, 0x30, 0xc8};
    struct expr_names names = try_names_of(t);
    struct expr_run run = try_run_of(t);
    struct value in = value_null(), v = value_null();
    struct expr *e;
    char id[37];

    try_clear(t);
    run.uuid_namespace = dns;
    e = expr_compile(str_of("uuid5(\"python.org\")"), &names, &t->compiled, &t->err);
    ok(e && expr_eval(e, &in, &run, &v, &t->err) == 0 && str_is(v.text, "886313e1-3b8a-5372-9b90-0c9aee199e5d"),
       "uuid5(name) uses the run's namespace");
    ok(expr_uuid5(dns, str_of("python.org"), id) == 0 && strcmp(id, "886313e1-3b8a-5372-9b90-0c9aee199e5d") == 0,
       "and so does the function for others");
}

int main(void)
{
    struct try t;

    try_start(&t);
    run_cases(&t);
    run_paths(&t);
    run_surveys(&t);
    test_plain_paths(&t);
    test_constants(&t);
    test_flags(&t);
    test_keys(&t);
    test_namespace(&t);
    try_end(&t);
    return done_testing();
}
