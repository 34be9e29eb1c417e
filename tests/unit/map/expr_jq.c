/* A second opinion: what jq accepts means the same here. A list of cases and random ones go through both.
 *
 * One jq program holds many cases, each `INPUT | try {ok: [EXPR]} catch {failed: true}`, and prints a line for each.
 * Where jq 1.6 is known to differ (docs/expressions.md lists it) there is no case here. */
#include "expr_try.h"

#include <stdint.h>

static const struct { const char *input; const char *const *exprs; } groups[] = {
    {"null", (const char *const[]){
        "1 + 2 * 3 - 4 / 2", "(1 + 2) * 3", "10 % 3, -10 % 3, 10 % -3", "-1 + 2", "- 2 * 3", "1 - 1 - 1", "8 / 2 / 2",
        "1, 2 | . + 10", "1, 2 + 10", "[(1, 2) + (10, 20)]", "[(1, 2) < (2, 1)]", "[(1, 2) * (3, 4) - (1, 0)]",
        "1 == 1.0", "1 < 2 and 2 < 3", "true and (true, false)", "(true, false) or (true, false)",
        "(false, true) and (error(\"x\"), true)", "false and error(\"x\")", "true or error(\"x\")", "null and 1, 0 and 1",
        "1 // 2", "null // 2", "false // 2", "(null, 1, false, 2) // 3", "(null, false) // (4, 5)", "empty // 6",
        "error(\"x\") // 7", "(1, error(\"x\")) // 8", "(error(\"x\"), 1) // 8", "1 // 2 // 3", "null // null // 3",
        "(1, null, 2) | (. // \"d\")", "if true then 1 else 2 end", "if null then 1 else 2 end",
        "if (true, false) then 1 else 2 end", "if 0 then \"zero is true\" else 1 end", "if empty then 1 else 2 end",
        "if false then 1 elif null then 2 elif 1 then 3 else 4 end", "[if (1, null) then (1, 2) else (3, 4) end]",
        "[1, 2, 3]", "[]", "[empty]", "[[1], [2]]", "{}", "{a: 1}", "{\"a\": 1, b: 2}", "{(\"a\" + \"b\"): 1}",
        "{a: (1, 2), b: (3, 4)}", "{(\"a\", \"b\"): (1, 2)}", "{a: 1 | (. + 1)}", "{a: empty}", "{a: 1, a: 2}",
        "{\"a b\": 1}", "{if: 1, and: 2, then: 3}", "1 as $x | {$x, y: $x}", "{\"x\\(1 + 1)\": 3}", "{a: -1}",
        "1 as $x | 2 as $y | [$x, $y, $x + $y]", "(1, 2) as $x | $x * 10", "[1, [2, 3]] as [$a, [$b, $c]] | [$a, $b, $c]",
        "{a: 1, b: {c: 2}} as {a: $x, b: {c: $y}} | [$x, $y]", "{a: 1} as {$a} | $a", "[1] as [$a, $b] | [$a, $b]",
        "{\"k\": \"a\", \"a\": 5} as {k: $k} | $k", "[[1, 2], [3, 4]] | .[] as [$a, $b] | $a + $b",
        "1 as $x | [2 as $x | $x, 3] + [$x]", "[1, 2] as [$x] | $x as $y | $y + 1",
        "reduce (1, 2, 3) as $x (0; . + $x)", "reduce empty as $x (5; . + 1)", "reduce (1, 2) as $x (0; empty)",
        "reduce ([1, 2], [3, 4]) as [$a, $b] (0; . + $a * $b)", "[foreach (1, 2, 3) as $x (0; . + $x)]",
        "[foreach (1, 2, 3) as $x (0; . + $x; [$x, .])]", "[foreach range(5) as $x (null; $x; select(. % 2 == 0))]",
        "reduce range(5) as $i ([]; . + [$i * $i])", "try error(\"x\") catch .", "try error({a: 1}) catch .a",
        "try (1, error(\"x\"), 3) catch .", "[.[]?]", "[(1, 2, error(\"x\"), 3)?]", "try error(\"a\") catch (., \"b\")",
        "(try error(\"x\") catch 1) + 1", "[range(5)]", "[range(2; 5)]", "[range(0; 10; 3)]", "[range(5; 0; -2)]",
        "[range(0, 1; 3, 4)]", "[range(3, 1)]", "[range(0)]", "[range(2.5)]", "first(range(10; 0; -1))",
        "[limit(3; range(10))]", "[limit(-1; 1, 2)]", "[first(empty)]", "first(1, error(\"x\"))",
        "last(1, 2, 3)", "[last(empty)]", "nth(2; 1, 2, 3, 4)", "isempty(empty), isempty(1)",
        "\"\\(1 + 1) and \\(\"in\\(\"ner\")\")\"", "\"\\(1, 2) \\(3, 4)\"", "\"a\\u0041\\ud83c\\udf89\\n\\t\\\"\\\\\\/\"",
        "@text \"v: \\([1, \"a\"])\"", "@json \"v: \\([1, \"a\"])\"", "@base64 \"v: \\(\"abc\")\"", "@uri \"?q=\\(\"a b&c\")\"",
        "[1, 2] | @json, @text", "\"abc\" | @base64, (@base64 | @base64d)", "\"<&>\\\"\" | @html", "\"\\u00e9 ~-._\" | @uri",
        "\"abc\" * 3, \"abc\" * 0, 0 * \"abc\"", "\"a,b, c\" / \", \", \"a,b\" / \",\"", "\"abc\" / \"\"", "\"\" / \",\"",
        "null + 1, 1 + null, null + null, null + \"a\"", "[1, 2] + [3], [1, 2, 1] - [1], {a: 1} + {b: 2} + {a: 3}",
        "{a: {b: 1}} * {a: {c: 2}}, {a: 1} * {a: {b: 2}}", "\"a\" < \"b\", [1] < [2], {} < [], null < false, \"a\" < 1",
        "[{a: 1}, {a: 2}] | .[0] < .[1]", "{a: 1, b: 2} < {a: 1, c: 0}", "[1] + 1", "{} - 1", "\"a\" - \"b\"",
        "[] | implode", "[65, 233, 127881] | implode", "\"a\\u00e9\\ud83c\\udf89\" | explode", "error(\"x\")", "error(null)?",
        "1 | tojson, tostring, type", "\"x\" | tojson, tostring", "[1, \"a\", null] | tojson, tostring",
        "\"[1, {\\\"a\\\": null}]\" | fromjson", "\"12\" | tonumber", "\"x\" | tonumber", "\"1e2\" | tonumber", "[1] | tonumber",
        "1425599621 | todate, gmtime, (gmtime | mktime), (gmtime | todate)", "\"2015-03-05T23:51:47Z\" | fromdate",
        "\"2015-03-05T23:51:47Z\" | fromdateiso8601, (strptime(\"%Y-%m-%dT%H:%M:%SZ\") | mktime, .)",
        "1425599621 | strftime(\"%A, %B %d, %Y %j %H:%M:%S %e %a %b %p %I %y %u %w\")", "0 | todateiso8601",
        "951782400 | gmtime, todate", "-1 | todate", "\"2024-02-29 01:02:03\" | strptime(\"%Y-%m-%d %H:%M:%S\") | mktime",
        "\"10/Oct/2000:13:55:36\" | strptime(\"%d/%b/%Y:%H:%M:%S\") | mktime", "\"nonsense\" | fromdate",
        "[2024, 1, 29, 1, 2, 3, 0, 0] | mktime, todate", "1 | not, (null | not), (false | not)", "[true, 1, null | not]",
        "splits(\"a\")", "1.5, -1.5, 2 | floor", "[1.1, 1.9] | map(floor)", "[3, 3.5] | add", "[0.5, 0.25] | add", "16 | . / 5",
        "1e3, 1.5e2, 0.5, 100", "[.5, 1.]", "{} | .a.b.c", "[][0], [1][0], [1, 2][-1]", "\"x\" as $x | \"a\\($x)b\"",
        "[1, [2, [3, [4]]]] | flatten, flatten(1), flatten(0)", "({} | .a) == null", "[{}, [], \"a\", 1, true, false, null] | sort",
        "[limit(3; .[]?)]", "(1, 2) as $x | (3, 4) as $y | [$x, $y]", "[1, 2, 3] | .[1:][0]",
        "[[1, 2], [3, 4]] | .[][1]", "[[1, 2], [3, 4]] | map(.[0])", "{a: [1, 2, {b: 3}]} | .a[2].b, .a[0:2], .\"a\"[1]", NULL}},
    {"{\"a\": 1, \"b\": {\"c\": [10, 20, 30], \"d\": null}, \"e f\": \"text\", \"n\": null, \"t\": true, \"f\": false, \"s\": \"x\"}",
     (const char *const[]){
        ".", ".a", ".b.c", ".b.c[0]", ".b.c[-1]", ".b.c[1:]", ".b.c[:-1]", ".b.c[5]", ".b.d.x", ".none", ".none.x", ".[\"a\"]",
        ".\"e f\"", ".[\"e f\"]", ".b[\"c\"][1]", ".a.x", ".a[0]", ".b.c.x", ".s.x?", ".a?", "(.a.x)?", "[.b.c[] | . * 2]",
        ".b.c | length", "length", ".b.c[]", ".b.c[] as $x | $x + 1", ".[\"a\", \"s\"]", ".b.c[0, 2]", ".b.c[(0, 1)]",
        "keys", "keys_unsorted", "[.[]] | length", "to_entries | map(.key)", "with_entries(select(.value != null)) | keys",
        "map_values(. == null)", "map_values(empty)", "map_values(., 1)", "has(\"a\"), has(\"z\")",
        "has(1)", ".b | has(\"d\")", ".n // \"none\"", ".f // \"none\"", ".t // \"none\"", "[.n, .f, .t, .a | not]",
        "if .t then .a else .s end", "if .n then 1 else 2 end", "{a, s, x: .b.c[0]}", "{\"e f\", a}", "{(.s): .a}",
        "{(.s, \"y\"): .a}", "{a, c: .b.c[]}", "[.a, .s, .none]", ".a + .b.c[0]", ".s + \"y\"", ".s + .a", ".a + .n",
        ".s | ascii_upcase, ascii_downcase, length, utf8bytelength", ".t and .f, (.t or .f), (.n or .t)", ".a == 1, .a != 1, .a > 0, .a <= 1",
        ".b == {c: [10, 20, 30], d: null}", ".b == {d: null, c: [10, 20, 30]}", ".s == \"x\" and .a == 1", "type, (.[] | type)",
        "[.[] | scalars]", "[.[] | numbers], [.[] | strings], [.[] | nulls], [.[] | booleans], [.[] | arrays], [.[] | objects]",
        "[.[] | values | type]", "[.[] | iterables | length]", "to_entries", "to_entries | from_entries", "add", "any, all", ".b.c | any, all",
        ".b.c | add, min, max, reverse, first, last, nth(1)", "[.b.c[] | select(. > 10)]", "first(.b.c[] | select(. > 10))",
        ".b.c | map(. / 10)", ".b.c | map(select(. != 20))", ".b.c | index(20), index(5), indices(20), indices([20, 30])",
        ".b.c | contains([10]), contains([11]), inside([10, 20, 30, 40])", "contains({b: {d: null}})", "contains({b: 1})",
        ".b.c | join(\"-\")", ".b.c | tojson, tostring", ".b.c as [$x, $y] | $x * $y", ". as {a: $x, b: {c: [$y]}} | [$x, $y]",
        ". as {s: $k, $a} | [$k, $a]", ".b.c | to_entries?", ".a | tostring, tojson, @base64, @text", ".a as $v | .b.c | map(. + $v)",
        "reduce .b.c[] as $x (0; . + $x)", "reduce .b.c[] as $x (.a; . * $x)", "[foreach .b.c[] as $x (0; . + $x; . * 2)]",
        ".b.c | any(. > 25), all(. > 5), any(.[]; . == 10), all(.[]; . == 10)", "[limit(2; .b.c[])]", "isempty(.b.c[])",
        ".b | to_entries | map(\"\\(.key)=\\(.value)\") | join(\"&\")", "try .a.x catch \"caught\"", "[.b.c[] | try error catch .]",
        ".a as $x | .s as $y | \"\\($x)\\($y)\"", ".b.c | .[1:] + .[:1]", ".b.c | .[length - 1]", ".b.c - [20]",
        ".b.c | in([0])?", "\"a\" | in({\"a\": 1})", "[.b.c | .[] | tostring | tonumber]", ".[\"b\"].c[1]", ".b.\"c\"", ".b.c | sort_by(-.)",
        ".[\"b\"] | .c | .[0]", ".a.b?, 1", ".s[0:1], .s[1:]", ".n[0:1], .n.x, .n[0]", ".a[0:1]", ".b[0:1]", "[.b.c[1:][]]", NULL}},
    {"[3, 1, 2, 1, null, \"b\", \"a\", [1], {\"k\": 1}, true, false]", (const char *const[]){
        "sort", "unique", "length", "min, max", "reverse", "map(type)", "group_by(type)", "unique_by(type)", "sort_by(type)",
        "min_by(type), max_by(type)", "map(tojson)", "index(1), rindex(1), indices(1)", "indices([1, null])", "indices([])?",
        "map(select(type == \"number\")) | add, sort, (add / length)", ".[2:4], .[:2], .[-2:], .[4:2], .[100:], .[-100:2]",
        "[.[] | numbers] | map(. * .) | add", "map(. == 1)", "[.[] | strings] | join(\",\"), add", "contains([1]), contains([[1]])",
        "first, last, nth(3)", "any, all", "map(tostring)", "flatten", "to_entries | length", "has(0), has(11), has(-1)",
        "keys", "[limit(3; .[])]", "first(.[] | strings)", "[.[] | select(. != null)] | length", ". - [1]", "add?", "map(not)",
        "[.[:2][] | . + 1]", "[.[0, 1]]", "sort_by(type, .)", "group_by(. == 1) | map(length)", "index(\"a\")", "inside([1])",
        "[.[] | try (. + 1) catch \"no\"]", "[.[] | (. + 1)?]", "[.[] | tojson | fromjson] == .", "map([.]) | add | length",
        "[.[] | length?]", "unique_by(length?)", "from_entries?", "implode?", "join(\"-\")?", "[.[] | if type == \"number\" then . else empty end]", NULL}},
    {"[{\"id\": 3, \"n\": \"c\", \"g\": 1}, {\"id\": 1, \"n\": \"a\", \"g\": 2}, {\"id\": 2, \"n\": \"b\", \"g\": 1}]", (const char *const[]){
        "sort_by(.id)", "sort_by(.g, .n)", "sort_by(.g)", "group_by(.g)", "group_by(.g) | map({g: .[0].g, n: map(.n)})",
        "unique_by(.g)", "min_by(.id), max_by(.id), max_by(.g), min_by(.g)", "map(.id)", "map({(.n): .id}) | add", ".[].id",
        "[.[] | select(.g == 1) | .n]", "first(.[] | select(.id == 2)).n", "map(select(.id > 1)) | length", "any(.id == 2), all(.id > 0)",
        "[.[] | {id, n}]", "map(has(\"g\"))", "map(.id) | sort | join(\",\")", "(map(select(.n == \"z\")) | first) // \"none\"",
        "map({key: .n, value: .id}) | from_entries", "map({name: .n, value: .id}) | from_entries", 
        "reduce .[] as $r ({}; . + {($r.n): $r.id})", "reduce .[] as {id: $i, n: $n} (\"\"; . + $n + ($i | tostring))",
        "map(to_entries | map(.value) | length)", "[.[] as {n: $n} | $n]", "map(with_entries(select(.key == \"id\")))",
        "map(.x)", "map(.x // .n)", "[.[] | .id as $i | .n * $i]", "[.[].n] | index(\"b\")", "contains([{id: 1}])",
        "map(contains({n: \"a\"}))", "[.[] | keys] | unique | length", "(.[0] | keys), (.[0] | keys_unsorted)", NULL}},
    {"\"The quick br\\u00f6wn fox, 12 jumps 345\"", (const char *const[]){
        "test(\"quick\")", "test(\"QUICK\")", "test(\"QUICK\"; \"i\")", "test(\"qu ick\"; \"x\")", "test(\"^The\"), test(\"^quick\"), test(\"345$\")",
        "[match(\"o\"; \"g\").offset]", "match(\"(?<a>[0-9]+) (?<w>[a-z]+)\")", "[match(\"([0-9])([0-9])\"; \"g\") | .captures | map(.string)]",
        "capture(\"(?<num>[0-9]+)\")", "[capture(\"(?<num>[0-9]+)\"; \"g\")]", "[scan(\"[0-9]+\")]", "[scan(\"([a-z])([0-9])?\")] | length",
        "sub(\"[0-9]+\"; \"#\")", "gsub(\"[0-9]+\"; \"#\")", "gsub(\"(?<d>[0-9])\"; \"<\\(.d)>\")", "sub(\"(?<x>quick)\"; \"\\(.x | ascii_upcase)\")",
        "split(\" \")", "split(\"[, ]+\"; null)", "[splits(\" +\")]", "split(\"O\"; \"i\")", "ascii_downcase, ascii_upcase",
        "startswith(\"The\"), endswith(\"345\"), startswith(\"x\")", "ltrimstr(\"The \"), rtrimstr(\"345\"), ltrimstr(\"x\"), ltrimstr(1)",
        "length, utf8bytelength", ".[4:9], .[-3:], .[:3]", "explode | length", "explode | implode", "index(\"quick\")", "contains(\"fox\"), contains(\"dog\")",
        "split(\" \") | map(length)", "split(\" \") | join(\"_\")", "[match(\"\\\\p{L}+\"; \"g\").string] | length", "test(\"\\\\d+\"), test(\"\\\\w \\\\w\")",
        "[match(\"nothing\")]", "capture(\"nothing\")", "sub(\"nothing\"; \"x\")", "test(\"(\")", "startswith(1)", "split(1)", "test(1)",
        "[match(\"(x)?q\").captures[0].string]", "capture(\"(?<a>x)?(?<b>q)\")", "@base64", "@base64 | @base64d", "@uri", "@json", "@html", "tojson | fromjson",
        "gsub(\"o\"; \"0\"; \"g\")", "sub(\"T\"; \"t\"; \"i\")", "gsub(\"^The\"; \"A\")", "[match(\"ö\").offset]", "[match(\"fox\").offset]", "ascii_downcase == .",
        "test(\"the.*345\"; \"ix\")", "tonumber?", "inside(\"xx The quick br\\u00f6wn fox, 12 jumps 345 yy\")", "has(0)?", "keys?", ".[0]?", ".a?", NULL}},
};

enum { LINE_MAX_BYTES = 65536 };

/* jq's line for each case, one program for all. */
static FILE *ask_jq(const struct buf *program)
{
    char path[] = "/tmp/windrow-jq-XXXXXX", command[128];
    int fd = mkstemp(path);
    FILE *answers = NULL;

    if (fd < 0)
        return NULL;
    if (write(fd, program->at, program->len) == (ssize_t)program->len) {
        snprintf(command, sizeof command, "jq -nc -f %s 2>&1", path);
        answers = popen(command, "r");
    }
    close(fd);
    if (answers) {
        int c = getc(answers);      /* jq has read its program by now */

        ungetc(c, answers);
    }
    unlink(path);
    return answers;
}

static void add_case(struct buf *program, const char *expr, const char *input)
{
    buf_printf(program, "%s(%s | try {ok: [%s]} catch {failed: true})\n", program->len ? ", " : "", input, expr);
}

/* What we answer, in jq's frame. */
static void our_line(struct try *t, const char *expr, const char *input, struct buf *out)
{
    const char *results;

    buf_clear(out);
    buf_printf(out, "[%s]", expr);
    results = try_expr(t, buf_text(out), input);
    buf_clear(out);
    if (t->err.scope) {
        buf_add_text(out, "{\"failed\":true}");
        return;
    }
    buf_printf(out, "{\"ok\":%s}", results);
}

/* The same JSON: jq writes numbers as doubles, so that 1.0 is 1; compare as values. */
static bool same(const char *a, const char *b)
{
    struct json_parser *p = json_parser_new(NULL, NULL), *q = json_parser_new(NULL, NULL);
    struct buf x = BUF_INIT, y = BUF_INIT;
    struct value v, w;
    bool equal = strcmp(a, b) == 0;

    buf_add_text(&x, a);
    buf_add_text(&y, b);
    buf_reserve(&x, JSON_PADDING);
    buf_reserve(&y, JSON_PADDING);
    if (!equal && json_parse(p, buf_str(&x), &v, NULL) == 0 && json_parse(q, buf_str(&y), &w, NULL) == 0)
        equal = value_cmp(&v, &w) == 0;
    buf_release(&x);
    buf_release(&y);
    json_parser_free(p);
    json_parser_free(q);
    return equal;
}

static bool next_line(FILE *f, char *line)
{
    if (!fgets(line, LINE_MAX_BYTES, f))
        return false;
    line[strcspn(line, "\n")] = '\0';
    return true;
}

/* --- random expressions ------------------------------------------------------------------------------------- */

static uint64_t seed = 20240229;

static unsigned pick(unsigned n)
{
    seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
    return (unsigned)(seed >> 33) % n;
}

/* Whole numbers stay below 2^53 within the few operations of one expression, and division is left out. `?` and `try`
 * stand in brackets of their own, because in jq 1.6 they also catch what fails behind them. */
static void random_expr(struct buf *b, int depth)
{
    static const char *const leaves[] = {".", ".", "1", "2", "0", "\"x\"", "\"yz\"", "null", "true", "false", "[]", "{}",
                                         "[.a?]", "[.[]?]", "[.[0]?]", "[.b?][0]", "empty", "[1,2]", "{a:1}", "$v", "(1,2)"};
    static const char *const operators[] = {"+", "-", "==", "!=", "<", "<=", ">", ">=", "and", "or", "//", ",", "|"};
    static const char *const patterns[] = {
        "(% o %)", "(% o %)", "(% o %)", "[%]", "first(%)", "(% | type)", "[% | length?]", "(% | tojson)", "(% | not)",
        "(% | tostring)", "isempty(%)", "last(%)", "[limit(2; %)]", "[% | sort?]", "[% | keys?]", "[% | add?]",
        "[% | arrays | reverse]", "[% | unique?]", "[% | (.,.)]", "[% | to_entries?]", "[% | flatten?]", "[% | min?]",
        "[% | max?]", "{x: (%)}", "[% | .[]?]", "[% | any?]", "(if % then % else % end)", "(if % then % else % end)",
        "(% as $v | %)", "[try % catch %]", "(reduce % as $v (0; %))", "[% | map(%)?]", "([%] | map(%))",
        "[foreach % as $v (0; %)]", "[% | .[1:]?]", "([%] | group_by(%))", "([%] | sort_by(%))", "([%, % | tojson] | join(\"\"))",
    };

    if (depth <= 0 || pick(5) == 0) {
        buf_add_text(b, leaves[pick(ARRAY_LEN(leaves))]);
        return;
    }
    for (const char *c = patterns[pick(ARRAY_LEN(patterns))]; *c; c++) {
        if (*c == '%')
            random_expr(b, depth - 1);
        else if (*c == 'o' && c[-1] == ' ' && c[1] == ' ')
            buf_add_text(b, operators[pick(ARRAY_LEN(operators))]);
        else
            buf_add_char(b, *c);
    }
}

static const char *random_input(void)
{
    static const char *const inputs[] = {"null", "1", "\"ab\"", "[1,2,3]", "{\"a\":1,\"b\":[2,\"x\"]}", "[]", "{}", "[null,false,1]",
                                         "{\"b\":null,\"a\":{\"a\":2}}", "true", "[[1],[2,3]]", "[{\"a\":1},{\"a\":2}]", "-5", "\"\""};

    return inputs[pick(ARRAY_LEN(inputs))];
}

/* --- the test ----------------------------------------------------------------------------------------------- */

struct question {
    const char *expr;
    const char *input;
};

/* One jq program for `n` questions; how many of them it answered. */
static size_t compare_some(struct try *t, const struct question *questions, size_t n, bool each, size_t *differ)
{
    CLEANUP(buf_release) struct buf program = BUF_INIT, ours = BUF_INIT;
    char *line = malloc(LINE_MAX_BYTES);
    size_t i = 0;
    FILE *jq;

    for (size_t k = 0; k < n; k++)
        add_case(&program, questions[k].expr, questions[k].input);
    jq = ask_jq(&program);
    for (; jq && line && i < n && next_line(jq, line); i++) {
        bool good;

        our_line(t, questions[i].expr, questions[i].input, &ours);
        /* What fails whatever the input is a fault of the mapping here, and may never be reached in jq. */
        good = same(buf_text(&ours), line) || t->err.code == W0237;
        *differ += !good;
        if (each)
            ok(good, "%s over %s", questions[i].expr, questions[i].input);
        if (!good && *differ <= 20) {
            printf("#   %s over %s\n", questions[i].expr, questions[i].input);
            diag_text("ours", buf_text(&ours));
            if (t->err.scope)
                diag_text(" why", t->err.message);
            diag_text("  jq", line);
        }
    }
    if (jq)
        pclose(jq);
    free(line);
    return i;
}

/* `each` separate tests, or one for all that names the first that differ. jq bounds the size of a program. */
static void compare(struct try *t, const struct question *questions, size_t n, bool each, const char *name)
{
    enum { BATCH = 75 };
    size_t answered = 0, differ = 0;

    for (size_t i = 0; i < n; i += BATCH)
        answered += compare_some(t, questions + i, n - i < BATCH ? n - i : BATCH, each, &differ);
    ok(answered == n && differ == 0, "%s: %zu of %zu answers, %zu differ", name, answered, n, differ);
}

static struct question questions[2000];

static size_t listed(void)
{
    size_t n = 0;

    for (size_t g = 0; g < ARRAY_LEN(groups); g++) {
        for (const char *const *e = groups[g].exprs; *e; e++)
            questions[n++] = (struct question){*e, groups[g].input};
    }
    return n;
}

int main(void)
{
    enum { RANDOM = 1500 };
    struct try t;
    size_t n;

    if (system("jq --version >/dev/null 2>&1") != 0) {
        printf("1..0 # SKIP jq is not installed\n");
        return 0;
    }
    try_start(&t);
    n = listed();
    ok(n >= 300, "%zu listed cases", n);
    compare(&t, questions, n, true, "listed");
    for (size_t i = 0; i < RANDOM; i++) {
        struct buf b = BUF_INIT;

        buf_add_text(&b, "7 as $v | ");
        random_expr(&b, 3);
        questions[i] = (struct question){b.at, random_input()};
    }
    compare(&t, questions, RANDOM, false, "random");
    for (size_t i = 0; i < RANDOM; i++)
        free((void *)(uintptr_t)questions[i].expr);
    try_end(&t);
    return done_testing();
}
