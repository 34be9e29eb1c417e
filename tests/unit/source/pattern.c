/* Path patterns: what matches, with which captures, where a pattern is refused, and that hostile paths stay cheap. */
#include <stdlib.h>
#include <time.h>

#include "base/cleanup.h"
#include "source/pattern_internal.h"
#include "tap.h"

/* `captures` is "name=value name=value", NULL when the path does not match. */
static const struct { const char *pattern, *path, *captures; } matches[] = {
    {"a.json", "a.json", ""},
    {"a.json", "a.jsonl", NULL},
    {"a.json", "b/a.json", NULL},
    {"a/", "a/", ""},
    {"a/", "a", NULL},
    {"a", "a/", NULL},
    {"{s}/profile.json", "42/profile.json", "s=42"},
    {"{s}/profile.json", "42/x/profile.json", NULL},
    {"{s}/profile.json", "/profile.json", NULL},
    {"{s}/", "42/", "s=42"},
    {"{s}/", "42/x/", NULL},
    {"{s}/batches/{b}/{n}_{k:output|error}.jsonl", "u/batches/b1/x_output.jsonl", "s=u b=b1 n=x k=output"},
    {"{s}/batches/{b}/{n}_{k:output|error}.jsonl", "u/batches/b1/x_y_error.jsonl", "s=u b=b1 n=x_y k=error"},
    {"{s}/batches/{b}/{n}_{k:output|error}.jsonl", "u/batches/b1/x_other.jsonl", NULL},
    {"{s}/batches/{b}/{n}_{k:output|error}.jsonl", "u/batches/b1/_error.jsonl", NULL},
    {"{id:int}.txt", "007.txt", "id=007"},
    {"{id:int}.txt", "7a.txt", NULL},
    {"{id:int}.txt", ".txt", NULL},
    {"{id:int}.txt", "-7.txt", NULL},
    {"*{id:int}.txt", "page12.txt", "id=12"},
    {"{a:int}{b:int}", "123", "a=1 b=23"},
    {"{a:int}{b}", "12x", "a=1 b=2x"},
    {"{a}{b:int}", "x12", "a=x b=12"},
    {"{a}{b}", "xyz", "a=x b=yz"},
    {"{a}{b}", "x", NULL},
    {"{a}-{b}", "x-y-z", "a=x b=y-z"},
    {"{a}-{b:int}", "x-y-3", "a=x-y b=3"},
    {"{a}.{b}", "a.tar.gz", "a=a b=tar.gz"},
    {"{a:*}.x", "q.x", "a=q"},
    {"{p:**}", "a", "p=a"},
    {"{p:**}", "a/b/c", "p=a/b/c"},
    {"{p:**}", "a/", NULL},
    {"{p:**}/", "a/b/", "p=a/b"},
    {"{p:**}.json", "a/b.json", "p=a/b"},
    {"{p:**}.json", ".json", NULL},
    {"{p:**}/{n}.json", "a/b/c.json", "p=a/b n=c"},
    {"{p:**}/{n}.json", "c.json", NULL},
    {"x/{p:**}/y/{q}", "x/y/y/z/y/w", "p=y/y/z q=w"},
    {"{k:a|b|c}/x", "b/x", "k=b"},
    {"{k:a|b|c}/x", "d/x", NULL},
    {"{k:a|ab|abc}c", "abc", "k=ab"},
    {"{k:abc|ab|a}{r}", "abcd", "k=a r=bcd"},
    {"{k:only}", "only", "k=only"},
    {"{k:int|float}", "int", "k=int"},
    {"{k:int|float}", "3", NULL},
    {"{k:a\\|b|c}", "a|b", "k=a|b"},
    {"{k:a\\}|c\\\\}", "a}", "k=a}"},
    {"*", "anything", ""},
    {"*", "a/b", NULL},
    {"*", ".hidden", ""},
    {"*.json", ".json", ""},
    {"*.json", "x.json", ""},
    {"*/x", "a/x", ""},
    {"*/x", "/x", ""},
    {"*/x", "a/b/x", NULL},
    {"a*b*c", "a__b__c", ""},
    {"a*b*c", "acb", NULL},
    {"?", "x", ""},
    {"?", "/", NULL},
    {"?", "xy", NULL},
    {"a?c", "abc", ""},
    {"a?c", "a/c", NULL},
    {"**", "a/b/c.txt", ""},
    {"**", "a/b/", NULL},
    {"**/", "a/b/", ""},
    {"**/x.json", "x.json", ""},
    {"**/x.json", "a/x.json", ""},
    {"**/x.json", "a/b/x.json", ""},
    {"**/x.json", "ax.json", NULL},
    {"a/**/b", "a/b", ""},
    {"a/**/b", "a/x/y/b", ""},
    {"a/**/b", "a/xb", NULL},
    {"a/**", "a/b/c", ""},
    {"a/**", "a/", NULL},
    {"a/**/", "a/", ""},
    {"a/**/", "a/b/c/", ""},
    {"**/**/x", "x", ""},
    {"a**z", "a/b/z", ""},
    {"a**z", "az", ""},
    {"**/{n}.md", "a/b/c.md", "n=c"},
    {"{s}/**/{n}.md", "u/c.md", "s=u n=c"},
    {"{s}/**/{n:int}.md", "u/1/2/3.md", "s=u n=3"},
    {"\\{a\\}\\*\\?\\\\", "{a}*?\\", ""},
    {"\\*", "x", NULL},
    {"[a]", "[a]", ""},
    {"[a]", "a", NULL},
    {"{s}/{s}.json", "u/u.json", "s=u"},
    {"{s}/{s}.json", "u/v.json", NULL},
    {"{s}/{s}.json", "u/u.json.json", NULL},
    {"{a}-{a}", "x-x", "a=x"},
    {"{a}-{a}", "x-y", NULL},
    {"{a}-{a}", "x-y-x-y", "a=x-y"},
    {"{n}_{k}/{n}.json", "a_b_c/a_b.json", "n=a_b k=c"},
    {"{n}_{k}/{n}.json", "a_b_c/a.json", "n=a k=b_c"},
    {"{s}/{b}/{s}/{b}", "x/y/x/y", "s=x b=y"},
    {"{s}/{b}/{s}/{b}", "x/y/y/x", NULL},
    {"{s:int}/{s}", "1/1", "s=1"},
    {"{s}/{s:int}", "a/a", NULL},
    {"{s}x", "sx", "s=s"},
    {"{s}x", "x", NULL},
    {"{s}", "\xff\xfe", "s=\xff\xfe"},
    {"{s}.x", "a\nb.x", "s=a\nb"},
    {"-{s}", "-rf", "s=rf"},
    {"{a1_B}", "z", "a1_B=z"},
    {"a}b", "", NULL},
    {"x", "", NULL},
};

static const struct { const char *pattern; enum code code; unsigned offset; } faults[] = {
    {"", W0210, 0},          {"/a", W0210, 0},        {"a//b", W0210, 2},     {"a/../b", W0210, 2},
    {"./a", W0210, 0},       {"..", W0210, 0},        {"a/.", W0210, 2},      {"a}b", W0210, 1},
    {"a{b", W0210, 1},       {"a{b:x", W0210, 1},     {"a{b:int", W0210, 1},  {"a\\", W0210, 1},
    {"a\\n", W0210, 1},      {"ab***", W0210, 4},     {"{}", W0211, 1},       {"{:int}", W0211, 1},
    {"{1a}", W0211, 1},      {"{a-b}", W0211, 2},     {"{a b}", W0211, 2},    {"x{a:}", W0210, 4},
    {"{a:b||c}", W0210, 5},  {"{a:b|}", W0210, 5},    {"{a:b/c}", W0210, 4},  {"{a:b*}", W0210, 4},
    {"{a:{b}}", W0210, 3},   {"{a:b\\x}", W0210, 4},  {"{a:**}{b:**}", W0210, 8}, {"{a:***}", W0210, 3},
    {"{a}{b}{a}{b}", W0211, 9}, {"**/{a}/{a}", W0211, 7}, {"{a:**}/{a}", W0211, 7}, {"*{a}-{a}", W0211, 5},
    {"{b}{a}/{a}", W0211, 7}, {"{a}-{b}/{b}{a}/{b}", W0211, 8}, {"**//x", W0210, 3},
};

static const struct { const char *pattern, *path; bool skipped; } skips[] = {
    {"logs/", "logs/", true},   {"logs/", "a/b/logs/", true}, {"logs/", "logs", false}, {"logs/", "xlogs/", false},
    {".*", ".git/", true},      {".*", "a/.env", true},       {".*", "a.b", false},     {".*", ".git/x", false},
    {"*.tmp", "a/b.tmp", true}, {"*.tmp", "a.tmp/", true},    {"a/b", "a/b", true},     {"a/b", "x/a/b", false},
    {"a/b", "a/b/", true},      {"a/b/", "a/b", false},       {"**/b/", "x/b/", true},  {"**/b/", "b/", true},
    {"**", "anything", true},   {"a/*", "a/x", true},         {"a/*", "a/x/y", false},  {"x", "", false},
};

static const char *describe(const struct pattern *p, const struct str *captures, char *out, size_t size)
{
    size_t n = 0;

    out[0] = '\0';
    for (size_t i = 0; i < pattern_captures(p); i++) {
        struct str name = pattern_capture_name(p, i);

        n += (size_t)snprintf(out + n, size - n, "%s%.*s=%.*s", i ? " " : "", STR_ARG(name), STR_ARG(captures[i]));
    }
    return out;
}

static struct pattern *compile(const char *text)
{
    struct err err = {0};
    struct pattern *p = pattern_new(str_of(text), &err);

    if (!p)
        ok(false, "pattern '%s': %s", text, err.message);
    err_release(&err);
    return p;
}

static void test_matches(void)
{
    for (size_t i = 0; i < ARRAY_LEN(matches); i++) {
        struct str captures[PATTERN_CAPTURES_MAX] = {0}, path = str_of(matches[i].path);
        struct err err = {0};
        struct pattern *p = pattern_new(str_of(matches[i].pattern), &err);
        char text[256];

        if (p && pattern_match(p, path, captures))
            is_str(describe(p, captures, text, sizeof text), matches[i].captures, "case %zu: '%s' matches", i,
                   matches[i].pattern);
        else
            ok(matches[i].captures == NULL, "case %zu: '%s' does not match", i, matches[i].pattern);
        pattern_free(p);
        err_release(&err);
    }
}

static void test_faults(void)
{
    char many[2048] = "";
    struct err err = {0};

    for (size_t i = 0; i < ARRAY_LEN(faults); i++) {
        struct pattern *p = pattern_new(str_of(faults[i].pattern), &err);

        ok(!p && err.scope == ERR_RUN && err.code == faults[i].code, "'%s' is refused: %s", faults[i].pattern,
           err.message);
        is_int(err.has_byte ? (long long)err.byte : -1, faults[i].offset, "'%s': place", faults[i].pattern);
        pattern_free(p);
        err_release(&err);
    }
    ok(!pattern_new(str_make("a\0b", 3), &err) && err.byte == 1, "a NUL byte is refused");
    err_release(&err);
    for (int i = 0; i < 17; i++)
        snprintf(many + strlen(many), sizeof many - strlen(many), "{c%d}/", i);
    ok(!pattern_new(str_of(many), &err) && err.code == W0212, "17 captures are refused: %s", err.message);
    err_release(&err);
    many[0] = '\0';
    for (int i = 0; i < 33; i++)
        strcat(many, "*a");
    ok(!pattern_new(str_of(many), &err) && err.code == W0212, "66 parts are refused: %s", err.message);
    err_release(&err);
}

static void test_skips(void)
{
    for (size_t i = 0; i < ARRAY_LEN(skips); i++) {
        struct pattern *p = compile(skips[i].pattern);

        if (!p)
            continue;
        ok(pattern_match_skip(p, str_of(skips[i].path)) == skips[i].skipped, "skip '%s' on '%s'", skips[i].pattern,
           skips[i].path);
        pattern_free(p);
    }
}

static void test_bound(void)
{
    struct pattern *p = compile("{s}/b/{n}_{k:output|error}.jsonl");
    struct str bound[PATTERN_CAPTURES_MAX] = {0}, captures[PATTERN_CAPTURES_MAX];
    struct str path = str_of("u/b/x_y_error.jsonl");
    char text[256];

    ok(pattern_match_bound(p, path, bound, captures), "nothing bound: as pattern_match");
    bound[1] = str_of("x_y");
    ok(pattern_match_bound(p, path, bound, captures), "bound to the value it has");
    is_str(describe(p, captures, text, sizeof text), "s=u n=x_y k=error", "all captures are filled");
    bound[1] = str_of("x");
    ok(!pattern_match_bound(p, path, bound, captures), "bound to another value");
    bound[1] = str_of("");
    ok(!pattern_match_bound(p, path, bound, captures), "bound to nothing");
    pattern_free(p);
    p = compile("{a}-{b}");
    memset(bound, 0, sizeof bound);
    bound[0] = str_of("x-y");
    ok(pattern_match_bound(p, str_of("x-y-z"), bound, captures) && str_is(captures[1], "z"),
       "a bound capture is not minimal");
    bound[0] = str_of("x/y");
    ok(!pattern_match_bound(p, str_of("x/y-z"), bound, captures), "a bound value must have the capture's form");
    pattern_free(p);
}

static void test_expand(void)
{
    struct pattern *p = compile("{s}/\\*/{k:a|b}_{s}.json"), *open = compile("{s}/*.json"), *deep = compile("{d:**}/x");
    struct str captures[PATTERN_CAPTURES_MAX] = {str_of("u"), str_of("b")};
    CLEANUP(buf_release) struct buf out = BUF_INIT;

    buf_add_text(&out, "=");
    ok(pattern_expand(p, captures, &out), "all captures given");
    is_str(buf_text(&out), "=u/*/b_u.json", "the path is appended");
    captures[1] = str_of("c");
    ok(!pattern_expand(p, captures, &out), "a word that is not in the list");
    captures[1] = str_make(NULL, 0);
    ok(!pattern_expand(p, captures, &out), "a capture left open");
    captures[0] = str_of("a/b");
    ok(!pattern_expand(p, captures, &out), "'/' in a name");
    ok(pattern_expand(deep, captures, &out), "'/' in {d:**}");
    captures[0] = str_of("a");
    ok(!pattern_expand(open, captures, &out), "a wildcard left open");
    is_str(buf_text(&out), "=u/*/b_u.jsona/b/x", "a refusal appends nothing");
    pattern_free(p);
    pattern_free(open);
    pattern_free(deep);
}

static void test_questions(void)
{
    struct pattern *p = compile("{a}/{b:int}/"), *file = compile("{a}.x");

    ok(pattern_is_directory(p) && !pattern_is_directory(file), "which patterns are for directories");
    is_int((long long)pattern_captures(p), 2, "captures");
    is_int(pattern_capture_index(p, str_of("b")), 1, "index of a capture");
    is_int(pattern_capture_index(p, str_of("c")), -1, "no such capture");
    ok(str_is(pattern_text(p), "{a}/{b:int}/"), "the text");
    ok(str_is(pattern_capture_name(p, 1), "b"), "the name");
    pattern_free(p);
    pattern_free(file);
    pattern_free(NULL);
}

/* The plainest matcher there is, over a path made of few bytes: try every length, the shortest first. */
static bool naive(const struct pattern *p, size_t i, struct str rest, struct str *captures)
{
    const struct part *part = &p->parts[i];

    if (i == p->n_parts)
        return rest.len == 0;
    for (size_t n = 0; n <= rest.len; n++) {
        struct str piece = str_make(rest.at, n), before = {0};
        bool good = false, slash = memchr(rest.at, '/', n) != NULL;

        switch (part->kind) {
        case PART_BYTES: good = str_eq(piece, part->text); break;
        case PART_ONE: good = n == 1 && !slash; break;
        case PART_RUN: good = !slash; break;
        case PART_ANY: good = true; break;
        case PART_FOLDERS: good = n == 0 || rest.at[n - 1] == '/'; break;
        default: good = part_allows(part, piece) && (!part->again || str_eq(piece, captures[part->capture]));
        }
        if (!good)
            continue;
        if (part_is_capture(part)) {
            before = captures[part->capture];
            captures[part->capture] = piece;
        }
        if (naive(p, i + 1, str_make(rest.at + n, rest.len - n), captures))
            return true;
        if (part_is_capture(part))
            captures[part->capture] = before;
    }
    return false;
}

static uint32_t random_next(uint32_t *state)
{
    *state = *state * 1664525 + 1013904223;
    return *state >> 8;
}

static struct pattern *random_pattern(uint32_t *seed)
{
    static const char *const pieces[] = {
        "a", "b", "/", "1", "*", "?", "**", "**/", "{x}", "{y}", "{x}", "{i:int}", "{w:a|ab|1}", "{d:**}", "/", "a",
        "b1",
    };
    char text[64] = "";
    struct err err = {0};
    struct pattern *p;

    for (uint32_t n = 1 + random_next(seed) % 6; n > 0; n--)
        strcat(text, pieces[random_next(seed) % ARRAY_LEN(pieces)]);
    p = pattern_new(str_of(text), &err);
    err_release(&err);
    return p;
}

static bool same_captures(const struct pattern *p, const struct str *a, const struct str *b)
{
    for (size_t i = 0; i < p->n_captures; i++)
        if (!str_eq(a[i], b[i]))
            return false;
    return true;
}

static void test_against_naive(void)
{
    uint32_t seed = 7;
    size_t matched = 0, compared = 0;

    for (int round = 0; round < 60000; round++) {
        struct str one[PATTERN_CAPTURES_MAX] = {0}, two[PATTERN_CAPTURES_MAX] = {0}, three[PATTERN_CAPTURES_MAX] = {0};
        struct pattern *p = random_pattern(&seed);
        char path[16];
        size_t len = 1 + random_next(&seed) % 9;
        bool good, quick, slow;

        if (!p)
            continue;
        for (size_t i = 0; i < len; i++)
            path[i] = "ab/1ab1a"[random_next(&seed) % 8];
        good = naive(p, 0, str_make(path, len), one);
        quick = pattern_match_quick(p, str_make(path, len), NULL, two) == QUICK_YES;
        slow = pattern_match_slow(p, str_make(path, len), NULL, three);
        compared++;
        matched += good;
        if (good != quick || good != slow || (good && (!same_captures(p, one, two) || !same_captures(p, one, three))))
            ok(false, "'%.*s' on '%.*s': naive %d, quick %d, slow %d", STR_ARG(p->text), (int)len, path, good, quick,
               slow);
        pattern_free(p);
    }
    ok(compared > 20000 && matched > 1000, "both matchers agree with a naive one: %zu cases, %zu matches", compared,
       matched);
}

/* Each of these is exponential or of a high power for a plain backtracker. */
static void test_hostile(void)
{
    static const char *const patterns[] = {
        "*a*a*a*a*a*a*a*a*a*a*x*", "{a}a{b}a{c}a{d}a{e}a{f}x*", "**a**a**a**a**a**a**x**",
        "{w:a|aa|aaa}{v:a|aa|aaa}{u:a|aa|aaa}*{t}*{s}x*", "**/a/**/a/**/a**x**", "{p:**}{q}{r}{s}x*", "{a}a{b}/{a}x*",
    };
    size_t len = 50 * 1000;
    char *path = malloc(len);
    struct str captures[PATTERN_CAPTURES_MAX];
    clock_t start = clock();
    int gave_up = 0;

    memset(path, 'a', len);
    path[len / 2] = '/';
    for (size_t i = 0; i < ARRAY_LEN(patterns); i++) {
        struct pattern *p = compile(patterns[i]);
        size_t used = p->repeats ? 400 : len;
        const char *at = path + len / 2 - used / 2;

        gave_up += pattern_match_quick(p, str_make(at, used), NULL, captures) == QUICK_GAVE_UP;
        ok(!pattern_match(p, str_make(at, used), captures), "'%s' on a hostile path", patterns[i]);
        pattern_free(p);
    }
    ok(gave_up >= 4, "the quick matcher gives up on %d of them", gave_up);
    ok(clock() - start < 60 * CLOCKS_PER_SEC, "they are answered in %.2f s",
       (double)(clock() - start) / CLOCKS_PER_SEC);
    free(path);
}

static void test_limits(void)
{
    size_t len = PATTERN_PATH_MAX;
    char *path = malloc(len + 1);
    struct str captures[PATTERN_CAPTURES_MAX];
    struct pattern *p = compile("*{a}*{b}b");

    memset(path, 'a', len + 1);
    path[len - 1] = 'b';
    ok(pattern_match(p, str_make(path, len), captures) && captures[1].len == len - 2, "the longest path matches");
    ok(pattern_match_slow(p, str_make(path, len), NULL, captures) && captures[1].len == len - 2, "by rows as well");
    path[len] = 'b';
    ok(!pattern_match(p, str_make(path, len + 1), captures), "a longer one matches nothing");
    pattern_free(p);
    free(path);
}

int main(void)
{
    test_matches();
    test_faults();
    test_skips();
    test_bound();
    test_expand();
    test_questions();
    test_against_naive();
    test_hostile();
    test_limits();
    return done_testing();
}
