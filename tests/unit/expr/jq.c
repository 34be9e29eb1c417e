/* A second opinion: what jq accepts means the same here. A list of cases and random ones go through both.
 *
 * One jq program holds many cases, each `INPUT | try {ok: [EXPR]} catch {failed: true}`, and prints a line for each.
 * Where jq 1.6 is known to differ (docs/expressions.md lists it) there is no case here. */
#include "try.h"

#include <stdint.h>

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
    static const char *const leaves[] = {".",       ".",        "1",     "2",     "0",     "\"x\"", "\"yz\"",
                                         "null",    "true",     "false", "[]",    "{}",    "[.a?]", "[.[]?]",
                                         "[.[0]?]", "[.b?][0]", "empty", "[1,2]", "{a:1}", "$v",    "(1,2)"};
    static const char *const operators[] = {"+", "-", "==", "!=", "<", "<=", ">", ">=", "and", "or", "//", ",", "|"};
    static const char *const patterns[] = {
        "(% o %)",
        "(% o %)",
        "(% o %)",
        "[%]",
        "first(%)",
        "(% | type)",
        "[% | length?]",
        "(% | tojson)",
        "(% | not)",
        "(% | tostring)",
        "isempty(%)",
        "last(%)",
        "[limit(2; %)]",
        "[% | sort?]",
        "[% | keys?]",
        "[% | add?]",
        "[% | arrays | reverse]",
        "[% | unique?]",
        "[% | (.,.)]",
        "[% | to_entries?]",
        "[% | flatten?]",
        "[% | min?]",
        "[% | max?]",
        "{x: (%)}",
        "[% | .[]?]",
        "[% | any?]",
        "(if % then % else % end)",
        "(if % then % else % end)",
        "(% as $v | %)",
        "[try % catch %]",
        "(reduce % as $v (0; %))",
        "[% | map(%)?]",
        "([%] | map(%))",
        "[foreach % as $v (0; %)]",
        "[% | .[1:]?]",
        "([%] | group_by(%))",
        "([%] | sort_by(%))",
        "([%, % | tojson] | join(\"\"))",
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
    static const char *const inputs[] = {"null",
                                         "1",
                                         "\"ab\"",
                                         "[1,2,3]",
                                         "{\"a\":1,\"b\":[2,\"x\"]}",
                                         "[]",
                                         "{}",
                                         "[null,false,1]",
                                         "{\"b\":null,\"a\":{\"a\":2}}",
                                         "true",
                                         "[[1],[2,3]]",
                                         "[{\"a\":1},{\"a\":2}]",
                                         "-5",
                                         "\"\""};

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

/* The lines of tests/differential/expr-jq.cases; `text` is cut into strings. */
static size_t listed(struct buf *text, struct question *ret, size_t max)
{
    char *rest = text->at, *line;
    const char *input = "null";
    size_t n = 0;

    while ((line = strsep(&rest, "\n")) && n < max) {
        if (strncmp(line, "< ", 2) == 0)
            input = line + 2;
        else if (*line && *line != '#')
            ret[n++] = (struct question){line, input};
    }
    return n;
}

static size_t invented(struct question *ret, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct buf b = BUF_INIT;

        buf_add_text(&b, "7 as $v | ");
        random_expr(&b, 3);
        ret[i] = (struct question){b.at, random_input()};
    }
    return n;
}

int main(void)
{
    enum { QUESTIONS_MAX = 1500 };
    static struct question questions[QUESTIONS_MAX];
    struct buf text = BUF_INIT;
    struct try t;
    size_t n;

    if (system("jq --version >/dev/null 2>&1") != 0) {
        printf("1..0 # SKIP jq is not installed\n");
        return 0;
    }
    try_start(&t);
    ok(try_read_file("tests/differential/expr-jq.cases", &text), "the list can be read");
    n = text.at ? listed(&text, questions, QUESTIONS_MAX) : 0;
    ok(n >= 300, "%zu listed cases", n);
    compare(&t, questions, n, true, "listed");
    n = invented(questions, QUESTIONS_MAX);
    compare(&t, questions, n, false, "random");
    for (size_t i = 0; i < n; i++)
        free((void *)(uintptr_t)questions[i].expr);
    buf_release(&text);
    try_end(&t);
    return done_testing();
}
