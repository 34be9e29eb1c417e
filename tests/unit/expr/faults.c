/* Every refusal names its place: faults by offset and length, failures of a run by the value as well. */
#include "try.h"

static const struct {
    const char *expr;
    enum code code;
    unsigned at, len;
    const char *message, *help;
} faults[] = {
    {"lngth", W0231, 0, 5, "there is no function 'lngth'", "did you mean 'length'?"},
    {".a | xyzzyx(1)", W0231, 5, 6, "there is no function 'xyzzyx'", "a key of the record begins with a dot: .xyzzyx"},
    {"1 | replace(\"a\")", W0232, 4, 12, "'replace' takes 2 arguments, not 1", "arguments are separated by ';'"},
    {"length(1)", W0232, 0, 9, "'length' takes no arguments, not 1", "arguments are separated by ';'"},
    {"split(1; 2; 3)", W0232, 0, 14, "'split' takes 1 or 2 arguments, not 3", "arguments are separated by ';'"},
    {"$pth.a", W0233, 0, 4, "there is no name '$pth' here", "did you mean '$path'?"},
    {"1 as $long | $lang", W0233, 13, 5, "there is no name '$lang' here", "did you mean '$long'?"},
    {"$path.wrong", W0233, 0, 11, "there is no key 'wrong'", ""},
    {"$path[\"wrong\"]", W0233, 0, 14, "there is no key 'wrong'", ""},
    {"^^.a", W0233, 0, 2, "'^^' goes above the outermost level",
     "^ is the level around this each:; there must be one each: more than there are ^"},
    {"(1 as $x | 2) | $x", W0233, 16, 2, "there is no name '$x' here", ""},
    {"@base63", W0231, 0, 7, "unknown format '@base63'", "there are @text, @json, @base64, @base64d, @uri and @html"},
    {"def f: 1; f", W0234, 0, 3, "'def' is not part of windrow's expressions", "name values with 'as $x |'"},
    {".a = 1", W0234, 3, 1, "'=' is not part of windrow's expressions", "to compare, write =="},
    {".a |= 1", W0234, 3, 2, "'|=' is not part of windrow's expressions",
     "nothing is assigned here; make a new value, as in . + {a: 1}"},
    {"..", W0234, 0, 2, "'..' is not part of windrow's expressions", "name the path, or use .[] once for each level"},
    {"recurse", W0234, 0, 7, "'recurse' is not part of windrow's expressions", "use .[] once for each level"},
    {"$ENV.HOME", W0234, 0, 4, "'$ENV' is not part of windrow's expressions", ""},
    {". as [$a] ?// $a | 1", W0234, 10, 1, "'?//' is not part of windrow's expressions", ""},
    {"", W0230, 0, 0, "the expression ends where a value is expected", ""},
    {"1 +", W0230, 3, 0, "the expression ends where a value is expected", ""},
    {"(1", W0230, 0, 1, "this '(' is not closed", ""},
    {"[1, (2]", W0230, 4, 1, "this '(' is not closed", ""},
    {"{a: 1", W0230, 0, 1, "this '{' is not closed", ""},
    {"{a: 1 b}", W0230, 6, 1, "expected '}', found 'b'", ""},
    {"1)", W0230, 1, 1, "nothing is open that this ')' could close", ""},
    {"\"abc", W0230, 0, 1, "this string does not end", ""},
    {"\"a\\(1\"", W0230, 5, 1, "expected ')', found '\"'", ""},
    {"\"\\d\"", W0230, 1, 2, "unknown escape; a backslash itself is written twice, also in regular expressions", ""},
    {"\"\\ud800\"", W0230, 1, 6, "half of a surrogate pair", ""},
    {"'a'", W0230, 0, 1, "strings stand in double quotes", ""},
    {".a && .b", W0230, 3, 1, "the logical operators are 'and', 'or' and '| not'", ""},
    {"\xc2\xa7", W0230, 0, 2, "this character has no meaning here", ""},
    {"if 1 then 2", W0230, 0, 2, "this 'if' has no 'end'", ""},
    {"if 1 2 end", W0230, 5, 1, "expected 'then', found '2'", ""},
    {"1 == 2 == 3", W0230, 7, 2, "comparisons do not chain; use 'and'", ""},
    {"1 2", W0230, 2, 1, "expected an operator or the end, found '2'", ""},
    {"{1: 2}", W0230, 1, 1, "a key is a word or stands in quotes", ""},
    {"1 as x | 2", W0230, 5, 1, "expected a variable such as $x, found 'x'", ""},
    {"reduce .[] as $x (0, . + $x)", W0230, 27, 1, "expected ';', found ')'", ""},
    {".a \xff", W0230, 3, 1, "not valid UTF-8", ""},
    {"test(\"(a\")", W0235, 5, 4, "missing closing parenthesis", "at character 3 of the regular expression"},
    {"test(\"a\"; \"q\")", W0235, 5, 3, "there is no flag 'q'; there are g, i, n, p, s and x",
     "at character 1 of the regular expression"},
    {"to_time(\"%Q\"; \"UTC\")", W0236, 8, 4, "the format has a letter behind '%' that cannot be read", NULL},
    {"to_time(\"%H:%M\"; \"UTC\")", W0236, 8, 7, "the format gives no whole date", NULL},
    {"to_time(\"%Y-%m-%d\")", W0236, 8, 10, "a time in this format does not say its zone",
     "name the zone: to_time(format; \"Europe/Berlin\"), or \"UTC\""},
    {"to_time(\"%F\"; \"Europe/Berln\")", W0236, 14, 14, "no such time zone: 'Europe/Berln'", NULL},
    {"strftime(\"%E\")", W0236, 9, 4, "the format has a letter behind '%' that cannot be written", NULL},
    {"\"a\" + 1", W0237, 0, 7, "cannot add a string (\"a\") and an integer (1)",
     "\"\\(...)\" puts any value into a string"},
    {".x + (1 / 0)", W0237, 6, 5, "1 cannot be divided by zero", ""},
    {"limit(1, 2; .)", W0237, 6, 4, "a count takes one value, and this may give many",
     "first(...) takes the first of them, [...] makes an array"},
    {"sub(\"a\"; \"b\", \"c\")", W0237, 9, 8, "this may give many values, and 'sub' takes one here", ""},
    {"reduce 1 as $x (1, 2; 3)", W0237, 16, 4, "the start of a loop takes one value, and this may give many", NULL},
};

static const struct {
    const char *path;
    bool each;
    enum code code;
    unsigned at, len;
    const char *message;
} path_faults[] = {
    {"a", false, W0238, 0, 1, "a path begins with '.', '^' or '$'"},
    {"\"text\"", false, W0238, 0, 1, "a path begins with '.', '^' or '$'"},
    {".a[]", false, W0238, 2, 2, "[] gives many values, and a column takes one"},
    {".a | length", false, W0238, 3, 1, "'|' has no place in a path"},
    {".a + 1", false, W0238, 3, 1, "'+' has no place in a path"},
    {".a[1:2]", false, W0230, 4, 1, "expected ']', found ':'"},
    {".a[.b]", false, W0238, 3, 2, "a path takes a whole number or a quoted key between [ and ]"},
    {".a[1.5]", false, W0238, 3, 3, "a path takes a whole number or a quoted key between [ and ]"},
    {".\"a\\(1)\"", false, W0238, 3, 2, "a path has no interpolation; use expr:"},
    {"$nope", true, W0233, 0, 5, "there is no name '$nope' here"},
    {".a.", true, W0230, 3, 0, "the expression ends where a key behind '.' is expected"},
};

static const struct {
    const char *expr, *input;
    enum code code;
    unsigned at, len;
    const char *message, *value, *pointer;
} failures[] = {
    {".a.b", "{\"a\":\"text\"}", W0431, 0, 4, "cannot get \"b\" of a string (\"text\")", "text", "/a"},
    {".a[0].x", "{\"a\":[true]}", W0431, 0, 7, "cannot get \"x\" of a boolean (true)", "true", "/a/0"},
    {".a[0]", "{\"a\":{}}", W0431, 0, 5, "cannot get item 0 of an object", "{}", "/a"},
    {"1 + .a", "{\"a\":\"x\"}", W0431, 0, 6, "cannot add an integer (1) and a string (\"x\")", NULL, NULL},
    {"[.[] | .]", "5", W0431, 1, 3, "cannot go through the items of an integer (5)", "5", ""},
    {".a | tonumber", "{\"a\":\"1,5\"}", W0435, 5, 8, "a string (\"1,5\") is not a number as JSON spells it", "1,5",
     "/a"},
    {".a | to_int", "{\"a\":1.5}", W0435, 5, 6, "a number (1.5) is not a whole number", "1.5", "/a"},
    {".a / .b", "{\"a\":1,\"b\":0}", W0440, 0, 7, "1 cannot be divided by zero", NULL, NULL},
    {"1.5 % .", "2", W0431, 0, 7, "'%' is for whole numbers", NULL, NULL},
    {".[]", "[1,2]", W0430, 0, 3, "the expression gives more than one value", NULL, NULL},
    {"error(\"no \\(.a)\")", "{\"a\":5}", W0432, 0, 17, "no 5", NULL, NULL},
    {"range(.)|select(. < 0)", "100000000", W0433, 16, 5, NULL, NULL, NULL},
    {"\"x\" * .", "100000000", W0433, 0, 7, "the expression makes more than 64 MB", NULL, NULL},
    {"reduce range(.) as $i (null; [.])", "1000", W0433, 29, 3,
     "the expression makes a value that nests deeper than 512", NULL, NULL},
    {"reduce range(.) as $i (10; . * .)", "20", W0434, 27, 5,
     "the result has more than 1000 digits before or behind its point", NULL, NULL},
    {". + 1", "1e5000", W0434, 0, 5, "a number to calculate with has at most 1000 digits before and behind its point",
     "1e5000", ""},
    {"test(.)", "\"(\"", W0437, 0, 7, "missing closing parenthesis, at character 2 of the regular expression", "(", ""},
    {"test(\"(a+)+$\")", "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab\"", W0437, 0, 14,
     "the regular expression gave up on this text: it needs too many attempts", NULL, NULL},
    {"to_time(\"%Y-%m-%d\"; \"UTC\")", "\"2023-02-29\"", W0438, 0, 26,
     "a string (\"2023-02-29\") is not a time that to_time can read: the month has no such day", "2023-02-29", ""},
    {"to_time(\"%Y-%m-%d\"; \"UTC\")", "\"2023-02-28x\"", W0438, 0, 26,
     "a string (\"2023-02-28x\") is not a time that to_time can read: the text goes on behind what the format "
     "describes", NULL, NULL},
    {"to_time(\"iso\")", "\"2023-02-28T10:00:00\"", W0438, 0, 14, "this time does not say its zone", NULL, NULL},
    {"epoch_s", "1.0000001", W0438, 0, 7, "a number (1.0000001) is finer than a microsecond", NULL, NULL},
    {"epoch_s", "253402300800", W0438, 0, 7, "this is no time between the years 1 and 9999", NULL, NULL},
    {"epoch_s", "\"5\"", W0431, 0, 7, "epoch_s needs a number, not a string (\"5\")", NULL, NULL},
    {"to_time(\"iso\"; \"Europe/Berlin\")", "\"2025-03-30T02:30:00\"", W0441, 0, 31,
     "the clocks of this zone skipped this time of day", "2025-03-30T02:30:00", ""},
    {"fromjson", "\"[1,]\"", W0439, 0, 8, "not JSON: expected a value at character 4", NULL, NULL},
    {"fromjson", "\"{\\\"a\\\":1} x\"", W0439, 0, 8, "not JSON: something follows the value at character 9", NULL,
     NULL},
    {"@base64d", "\"a%\"", W0439, 0, 8, "not base64: byte 1 is no letter of it", NULL, NULL},
    {"unhex", "\"abc\"", W0439, 0, 5, "an odd number of hexadecimal digits", NULL, NULL},
    {"unhex | length", "\"ff\"", W0436, 8, 6, "length needs text, and byte 0 of this is not valid UTF-8", NULL, NULL},
    {"uuid5(\"x\"; .)", "\"a\"", W0439, 0, 13, "the namespace is neither a UUID nor one of dns, url, oid, x500", NULL,
     NULL},
    {"length", "true", W0431, 0, 6, "a boolean (true) has no length", NULL, NULL},
    {"trim", "5", W0431, 0, 4, "trim needs a string, not an integer (5)", NULL, NULL},
    {"{(.): 1}", "5", W0431, 2, 1, "a key is a string, not an integer (5)", "5", ""},
    {"gsub(\"a\"; .)", "\"a\"", W0431, 0, 12, NULL, NULL, NULL},
    {".a | length | .b", "{\"a\":\"0123456789012345678901234567890123456789 and more\"}", W0431, 14, 2,
     "cannot get \"b\" of an integer (49)", "49", NULL},
    {".a.b", "{\"a\":\"0123456789012345678901234567890123456789 and more\"}", W0431, 0, 4,
     "cannot get \"b\" of a string (\"012345678901234567890123456789012345678...)", NULL, "/a"},
};

static void check_faults(struct try *t)
{
    struct expr_names names = try_names_of(t);

    for (size_t i = 0; i < ARRAY_LEN(faults); i++) {
        struct expr *e;

        try_clear(t);
        e = expr_compile(str_of(faults[i].expr), &names, &t->compiled, &t->err);
        ok(!e && t->err.code == faults[i].code, "%s is refused: %s", faults[i].expr, code_entry(t->err.code)->name);
        is_str(t->err.message, faults[i].message, "%s: reason", faults[i].expr);
        if (!ok(t->err.byte == faults[i].at && t->err.map_len == faults[i].len, "%s: place", faults[i].expr))
            printf("#   got %u+%u\n", (unsigned)t->err.byte, t->err.map_len);
        if (faults[i].help)
            is_str(t->err.help, faults[i].help, "%s: help", faults[i].expr);
        expr_release(e);
    }
}

static void check_path_faults(struct try *t)
{
    struct expr_names names = try_names_of(t);

    for (size_t i = 0; i < ARRAY_LEN(path_faults); i++) {
        try_clear(t);
        ok(!expr_compile_path(str_of(path_faults[i].path), path_faults[i].each, &names, &t->compiled, &t->err) &&
           t->err.code == path_faults[i].code, "path %s is refused", path_faults[i].path);
        is_str(t->err.message, path_faults[i].message, "path %s: reason", path_faults[i].path);
        if (!ok(t->err.byte == path_faults[i].at && t->err.map_len == path_faults[i].len, "path %s: place",
                path_faults[i].path))
            printf("#   got %u+%u\n", (unsigned)t->err.byte, t->err.map_len);
    }
}

static void check_failures(struct try *t)
{
    struct expr_names names = try_names_of(t);

    for (size_t i = 0; i < ARRAY_LEN(failures); i++) {
        struct expr_run run = try_run_of(t);
        struct value in, v = value_bool(true);
        struct expr *e;
        bool failed;

        try_clear(t);
        in = try_parse(t->parser, &t->input, failures[i].input);
        e = expr_compile(str_of(failures[i].expr), &names, &t->compiled, &t->err);
        if (!ok(e != NULL, "%s compiles", failures[i].expr)) {
            diag_text("fault", t->err.message);
            continue;
        }
        failed = expr_eval(e, &in, &run, &v, &t->err) < 0;
        ok(failed && t->err.scope == ERR_RECORD && t->err.code == failures[i].code, "%s fails: %s", failures[i].expr,
           code_entry(t->err.code)->name);
        ok(v.type == VALUE_BOOL && v.truth, "%s: the result is untouched", failures[i].expr);
        if (failures[i].message)
            is_str(t->err.message, failures[i].message, "%s: reason", failures[i].expr);
        if (!ok(t->err.map_column == failures[i].at && t->err.map_len == failures[i].len, "%s: place",
                failures[i].expr))
            printf("#   got %u+%u\n", t->err.map_column, t->err.map_len);
        if (failures[i].value)
            is_str(t->err.value, failures[i].value, "%s: value", failures[i].expr);
        if (failures[i].pointer)
            is_str(t->err.pointer, failures[i].pointer, "%s: pointer", failures[i].expr);
        expr_release(e);
    }
}

/* What neither try nor ? may hide. */
static void check_fatal(struct try *t)
{
    try_expr(t, "try $path.broken catch 1", "null");
    is_str(t->err.message, "the index cannot be read", "a failure behind a name passes try");
    ok(t->err.scope == ERR_FILE && t->err.code == W0302, "with its scope and code");
    try_expr(t, "try ([range(.)] | length) catch 1", "100000000");
    ok(t->err.code == W0433, "so does the end of the budget");
    is_str(try_expr(t, "try error(\"x\") catch .", "null"), "\"x\"", "error(...) does not");
}

static void check_bounds(struct try *t)
{
    enum { MANY = 70000 };
    char *text = malloc(MANY + 1);
    static const struct { const char *part; size_t times; bool good; } texts[] = {
        {"(", 90, false}, {"(", 5000, false}, {"[", 60000, false}, {"-", 60000, false}, {"1+", 30000, false},
        {"if 1 then ", 6000, false}, {"try ", 15000, false}, {".a", 30000, false}, {".a?", 20000, false},
        {"\"\\(", 20000, false}, {"reduce ", 8000, false}, {"1,", 30000, true}, {"1|", 30000, true},
        {". as $x|", 8000, false}, {"{a:", 20000, false}, {"not|", 15000, true}, {"$x", 1, false},
    };

    for (size_t i = 0; text && i < ARRAY_LEN(texts); i++) {
        size_t len = strlen(texts[i].part), n = texts[i].times * len;

        for (size_t k = 0; k < n; k++)
            text[k] = texts[i].part[k % len];
        text[n] = '1';
        text[n + 1] = '\0';
        try_expr(t, text, "null");
        ok((t->err.scope == 0) == texts[i].good, "%zu times '%s' %s", texts[i].times, texts[i].part,
           texts[i].good ? "runs" : "is refused");
    }
    memset(text, ' ', MANY);
    text[MANY] = '\0';
    try_expr(t, text, "null");
    ok(t->err.code == W0239, "too many bytes are refused");
    free(text);
}

int main(void)
{
    struct try t;

    try_start(&t);
    check_faults(&t);
    check_path_faults(&t);
    check_failures(&t);
    check_fatal(&t);
    check_bounds(&t);
    try_end(&t);
    return done_testing();
}
