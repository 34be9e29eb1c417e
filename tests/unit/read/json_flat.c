/* Flat records are what the long way makes of them: the same verdict, the same values, and by their number the same tokens. */
#include "read/json_internal.h"

#include "base/cleanup.h"
#include "tap.h"
#include "texts.h"

static const char *const keys[] = {"user", "n", "a longer name", "exactly twenty-nine character", "\xc3\xa4", "", "last"};
enum { KEYS = ARRAY_LEN(keys), SLOTS = KEYS + 1 /* one that no record has */ };

/* Good and bad, at the edges of eight characters. */
static const char *const values[] = {
    "0", "7", "12345678", "123456789", "1234567.8", "0.5", "12345678.12345678", "-1", "-0", "-0.25", "1e5", "-1E-2", "9007199254740993",
    "true", "false", "null", "\"\"", "\"x\"", "\"seven c\"", "\"a text, with: {brackets} and [commas]\"", "\"\xe5\xb9\xb2\xe8\x8d\x89\"",
    "\"2025-01-31T10:00:00Z\"", "\"a\\nb\"", "\"\\u0041\"", "[1]", "{\"a\":1}", "{}", "[]",
    "01", "-", "--1", "1.", ".5", "1.2.3", "1x", "12345678x", "truE", "nulll", "tru", "\"\\x\"", "\"open", "+1", "\"a\" \"b\"", "1 2", "", "]",
};
enum { GOOD_VALUES = 28, PLAIN_VALUES = 22 };

static struct json_paths *paths;

static void add_path(const char *key)
{
    struct json_step step = {.kind = JSON_STEP_KEY, .key = str_of(key)};

    json_paths_add(paths, &step, 1);
}

/* One bad value among good ones at most, so that what follows a fault is seen too. */
static void random_record(uint64_t *seed, struct buf *out)
{
    uint32_t bad = next_random(seed) % 4 ? KEYS : next_random(seed) % KEYS, good = next_random(seed) % 3 ? PLAIN_VALUES : GOOD_VALUES;

    buf_clear(out);
    for (uint32_t i = 0; i < KEYS; i++)
        buf_printf(out, "%s%s\"%s\":%s%s", i ? "," : "{", next_random(seed) % 20 ? "" : " ", keys[i], next_random(seed) % 20 ? "" : "\t",
                   values[next_random(seed) % (i == bad ? (uint32_t)ARRAY_LEN(values) : good)]);
    buf_add_text(out, next_random(seed) % 50 ? "}" : next_random(seed) % 2 ? " } " : "]");
}

/* Read text[from, to) and tell all of it; the value lives on. */
static bool describe(struct json_parser *p, size_t from, size_t to, struct value *v, struct buf *out)
{
    struct value slots[SLOTS];
    struct err err = {0};

    buf_clear(out);
    if (json_next(p, from, to, v, &err) < 0) {
        buf_printf(out, "%s at %zu: %s", code_entry(err.code)->name, (size_t)err.byte - from, err.message);
        err_release(&err);
        return false;
    }
    json_select(paths, v, slots, NULL, NULL);
    for (size_t i = 0; i < SLOTS; i++) {
        buf_printf(out, "%d %u ", slots[i].type, slots[i].flags);
        buf_add_str(out, value_raw(&slots[i]));
        buf_add_text(out, " | ");
    }
    return true;
}

/* What the numbers of the members say: the same as a selection. */
static bool members_agree(const struct value *v, const struct json_flat *flat)
{
    struct value slots[SLOTS];
    int32_t members[SLOTS];
    bool same = json_flat_members(paths, v, true, members) && flat->members == KEYS;

    json_select(paths, v, slots, NULL, NULL);
    for (size_t i = 0; i < SLOTS && same; i++) {
        if (members[i] < 0)
            same = members[i] == JSON_FLAT_ABSENT && slots[i].type == VALUE_ABSENT;
        else
            same = str_eq(json_flat_token(flat, (size_t)members[i]), value_raw(&slots[i]));
    }
    return same;
}

struct tally {
    size_t different, flat, refused;
};

/* A line as it is alone, and as it is behind others. */
static void compare(struct json_parser *p, const char *text, size_t from, size_t to, struct tally *tally)
{
    CLEANUP(buf_release) struct buf alone = BUF_INIT, behind = BUF_INIT;
    struct json_parser *fresh = json_parser_new(NULL, NULL);
    char *line = padded(text + from, to - from);
    struct json_flat flat;
    struct value v;

    if (json_index(fresh, str_make(line, to - from), 1, NULL) < 0)
        abort();
    describe(fresh, 0, to - from, &v, &alone);
    if (!describe(p, from, to, &v, &behind)) {
        tally->refused++;
    } else if (json_flat(&v, &flat)) {
        tally->flat++;
        tally->different += !members_agree(&v, &flat);
    }
    tally->different += strcmp(buf_text(&alone), buf_text(&behind)) != 0;
    if (tally->different == 1)
        printf("# %.*s\n# %s\n# %s\n", (int)(to - from), line, buf_text(&alone), buf_text(&behind));
    json_parser_free(fresh);
    free(line);
}

/* Texts of some lines: one that is open to its end has the others indexed one by one. */
static void test_lines(void)
{
    enum { TEXTS = 800, LINES = 8 };
    CLEANUP(buf_release) struct buf line = BUF_INIT, all = BUF_INIT;
    struct json_parser *p = json_parser_new(NULL, NULL);
    struct tally tally = {0};
    uint64_t seed = 20;

    for (int i = 0; i < TEXTS; i++) {
        size_t ends[LINES];
        char *text;

        buf_clear(&all);
        for (size_t k = 0; k < LINES; k++) {
            random_record(&seed, &line);
            buf_add_str(&all, buf_str(&line));
            ends[k] = all.len;
            buf_add_char(&all, '\n');
        }
        text = padded(all.at, all.len);
        if (json_index(p, str_make(text, all.len), 1, NULL) < 0)
            abort();
        for (size_t k = 0; k < LINES; k++)
            compare(p, text, k ? ends[k - 1] + 1 : 0, ends[k], &tally);
        free(text);
    }
    json_parser_free(p);
    ok(tally.different == 0, "%d random records in lines are what they are alone", TEXTS * LINES);
    ok(tally.flat > 1000 && tally.refused > 400, "%zu of them were flat, %zu refused", tally.flat, tally.refused);
}

/* The value of `second` after `first`, the texts included; json_parse() and json_flat() of it. */
static bool flat_after(const char *first, const char *second, struct json_parser *p, char *texts[2], struct value *ret, struct json_flat *flat)
{
    struct err err = {0};
    bool good;

    texts[0] = padded(first, strlen(first));
    texts[1] = padded(second, strlen(second));
    good = json_parse(p, str_make(texts[0], strlen(first)), ret, &err) == 0 && json_parse(p, str_make(texts[1], strlen(second)), ret, &err) == 0;
    err_release(&err);
    return good && json_flat(ret, flat);
}

static const struct {
    const char *first, *second;
    bool flat;
} pairs[] = {
    {"{\"a\":1}", "{\"a\":2}", true},
    {"{\"a\":[1]}", "{\"a\":2}", true},
    {"{\"a\" : 1}", " { \"a\": 2} ", true},
    {"{\"a\":1}", "{\"b\":2}", false},
    {"{\"a\":1}", "{\"a\":1,\"b\":2}", false},
    {"{\"a\":1,\"b\":2}", "{\"a\":1}", false},
    {"{\"a\":1}", "{\"a\":[]}", false},
    {"{\"a\":1}", "{\"a\":1e2}", false},
    {"{\"a\":1}", "{\"a\":\"\\n\"}", false},
    {"{\"a\":1}", "{\"a\":1 }", false},
    {"{\"a\":1}", "{\"a\" :1}", false},
    {"{}", "{}", false},
    {"1", "1", false},
    {"{\"1234567890123456789012345678901\":1}", "{\"1234567890123456789012345678901\":1}", false},
};

static void test_pairs(void)
{
    for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
        struct json_parser *p = json_parser_new(NULL, NULL);
        struct json_flat flat;
        struct value v;
        char *texts[2];

        ok(flat_after(pairs[i].first, pairs[i].second, p, texts, &v, &flat) == pairs[i].flat, "%.30s after %.30s is %sflat", pairs[i].second,
           pairs[i].first, pairs[i].flat ? "" : "not ");
        json_parser_free(p);
        free(texts[0]);
        free(texts[1]);
    }
}

/* Paths that ask for more than members. */
static void test_members(void)
{
    static const struct json_step a = {.kind = JSON_STEP_KEY, .key = {"a", 1}}, b = {.kind = JSON_STEP_KEY, .key = {"b", 1}};
    const struct json_step below[] = {a, b}, item = {.kind = JSON_STEP_INDEX};
    struct json_parser *p = json_parser_new(NULL, NULL);
    struct json_paths *few = json_paths_new(NULL);
    struct json_flat flat;
    struct value v;
    char *texts[2];
    int32_t members[4];

    ok(flat_after("{\"a\":1,\"b\":2}", "{\"a\":3,\"b\":4}", p, texts, &v, &flat), "two members");
    json_paths_add(few, &b, 1);
    ok(json_flat_members(few, &v, false, members) && members[0] == 1, "b is member 1");
    ok(!json_flat_members(few, &v, true, members), "nothing reads a, and somebody is to be told");
    json_paths_cover(few, &a, 1);
    ok(json_flat_members(few, &v, true, members) && members[0] == 1, "an expression reads a");
    json_paths_add(few, NULL, 0);
    ok(json_flat_members(few, &v, true, members) && members[1] == JSON_FLAT_WHOLE, "the record itself");
    json_paths_add(few, below, 2);
    ok(!json_flat_members(few, &v, false, members), "a path goes on below a");
    json_paths_free(few);
    few = json_paths_new(NULL);
    json_paths_add(few, &item, 1);
    ok(!json_flat_members(few, &v, false, members), "a path goes through an array");
    json_paths_free(few);
    json_parser_free(p);
    free(texts[0]);
    free(texts[1]);
}

int main(void)
{
    paths = json_paths_new(NULL);
    for (size_t i = 0; i < KEYS; i++)
        add_path(keys[i]);
    add_path("missing");
    test_lines();
    test_pairs();
    test_members();
    json_paths_free(paths);
    return done_testing();
}
