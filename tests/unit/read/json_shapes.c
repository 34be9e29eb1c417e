/* Records like the one before are read a shorter way: whatever follows on what, it must be as if it stood alone. */
#include "read/json_internal.h"

#include "base/cleanup.h"
#include "tap.h"
#include "texts.h"

static const char *const records[] = {
    "{\"a\":1,\"b\":\"x\",\"c\":null}",
    "{\"a\":1,\"b\":\"x\",\"c\":null,\"d\":4}",
    "{\"a\":1,\"b\":\"x\"}",
    "{\"a\":1,\"c\":2,\"b\":3}",
    "{\"a\":1,\"b\":2,\"a\":3}",
    "{\"a\":1,\"b\":2,\"c\":3,\"b\":4}",
    "{\"b\":1,\"a\":2,\"b\":3}",
    "{\"a\" :1,\"b\"\t: 2 , \"c\":3}",
    "{\"a\\u0062\":1,\"b\":2}",
    "{\"ab\":1,\"b\":2}",
    "{\"\\u0061\":1,\"b\":2}",
    "{\"a\":{\"a\":1,\"b\":{\"a\":2}},\"b\":[{\"a\":1},{\"a\":2}],\"c\":3}",
    "{\"a\":{\"a\":1,\"a\":2}}",
    "{\"\":1,\"a\":2}",
    "{}",
    "[{\"a\":1,\"b\":2},{\"a\":1,\"b\":2}]",
    "{\"a key that is longer than twenty-four bytes\":1,\"a\":2,\"b\":3}",
    "{\"a\":2,\"a key that is longer than twenty-four bytes\":1,\"b\":3}",
    "{\"exactly twenty-four bytes\":1,\"exactly twenty-four byteS\":2}",
    "{\"a\":1,\"b\":tru}",
    "{\"a\":1,\"b\":\"\\x\"}",
    "{\"a\"x:1}",
    "{\"a\",1}",
    "{\"a\":1,\"b\"",
    "{\"a\":1,\"b\":",
    "{\"a\":\"q\\\"a\\\":1\",\"b\":0}",
};

static struct json_paths *paths;
enum { SLOTS = 4 };

static void add_path(const char *first, const char *second)
{
    struct json_step steps[] = {{.kind = JSON_STEP_KEY, .key = str_of(first)}, {.kind = JSON_STEP_KEY, .key = str_of(second)}};

    json_paths_add(paths, steps, *second ? 2 : 1);
}

static void note_unread(void *context, const struct value *object, struct str key, const struct value *item)
{
    (void)item;
    buf_printf(context, " %u.%.*s", (unsigned)object->node, STR_ARG(key));
}

/* All that can be told of a record: its value, what is selected and what is not, or why it is refused. */
static void describe(struct json_parser *p, struct str text, struct json_memo *memo, struct buf *out)
{
    struct value v, slots[SLOTS], misfit;
    struct err err = {0};

    buf_clear(out);
    if (json_parse(p, text, &v, &err) < 0) {
        buf_printf(out, "%s at %llu: %s", code_entry(err.code)->name, (unsigned long long)err.byte, err.message);
        err_release(&err);
        return;
    }
    value_json(&v, out);
    buf_add_text(out, " unread:");
    json_select_again(paths, &v, slots, &misfit, &(struct json_unread){note_unread, out}, memo);
    for (size_t i = 0; i < SLOTS; i++) {
        buf_printf(out, " | %d ", slots[i].type);
        value_json(&slots[i], out);
    }
    if (misfit.type != VALUE_ABSENT)
        value_json(&misfit, out);
}

static bool same_after(const struct json_options *options, struct str first, struct str second)
{
    CLEANUP(buf_release) struct buf alone = BUF_INIT, after = BUF_INIT;
    struct json_memo memo = {0};
    struct json_parser *fresh = json_parser_new(options, NULL), *used = json_parser_new(options, NULL);
    char *one = padded(first.at, first.len), *two = padded(second.at, second.len);
    bool same;

    describe(fresh, str_make(two, second.len), NULL, &alone);
    describe(used, str_make(one, first.len), &memo, &after);
    describe(used, str_make(one, first.len), &memo, &after);
    describe(used, str_make(two, second.len), &memo, &after);
    describe(used, str_make(two, second.len), &memo, &after);
    same = strcmp(buf_text(&alone), buf_text(&after)) == 0;
    if (!same)
        printf("# %.*s\n# after %.*s\n# alone: %s\n# then:  %s\n", STR_ARG(second), STR_ARG(first), buf_text(&alone),
               buf_text(&after));
    json_parser_free(fresh);
    json_parser_free(used);
    free(one);
    free(two);
    return same;
}

static void test_pairs(enum json_duplicates duplicates)
{
    struct json_options options = {.duplicates = duplicates};
    size_t different = 0;

    for (size_t i = 0; i < ARRAY_LEN(records); i++) {
        for (size_t k = 0; k < ARRAY_LEN(records); k++)
            different += !same_after(&options, str_of(records[i]), str_of(records[k]));
    }
    ok(different == 0, "duplicates %d: each record after each other is as alone", (int)duplicates);
}

/* A byte of the second record is another one. */
static void test_changes(void)
{
    static const char bytes[] = "{}[]:,\"\\ ab1\x01";
    struct json_options options = {.duplicates = JSON_DUPLICATES_REJECT};
    size_t different = 0, tried = 0;

    for (size_t i = 0; i < ARRAY_LEN(records); i++) {
        for (size_t at = 0; records[i][at]; at++, tried++) {
            char changed[128];

            snprintf(changed, sizeof changed, "%s", records[i]);
            changed[at] = bytes[(at + i) % (sizeof bytes - 1)];
            different += !same_after(&options, str_of(records[i]), str_of(changed));
        }
    }
    ok(different == 0 && tried > 500, "%zu records with one byte changed after the record itself", tried);
}

/* Beyond what is remembered of an object, and with the strong hashes of large objects. */
static void test_many_keys(size_t n)
{
    CLEANUP(buf_release) struct buf text = BUF_INIT, twice = BUF_INIT;
    struct json_options options = {.duplicates = JSON_DUPLICATES_REJECT};

    for (size_t i = 0; i < n; i++)
        buf_printf(&text, "%s\"%s%zu\":%zu", i ? "," : "{", i == n - 1 ? "a\":0,\"" : "k", i, i);
    buf_add_str(&twice, buf_str(&text));
    buf_add_text(&twice, ",\"k1\":0}");
    buf_add_char(&text, '}');
    ok(same_after(&options, buf_str(&text), buf_str(&text)), "%zu keys, twice", n);
    ok(same_after(&options, buf_str(&text), buf_str(&twice)), "%zu keys, then one of them again", n);
}

/* Objects in objects and arrays: most have the keys of the others in their place, some others, or one twice. */
static void random_value(uint64_t *seed, int depth, struct buf *out)
{
    static const char *const keys[] = {"a", "b", "role", "exactly twenty-four byteS", "\\u0061", "a key that is longer than twenty-nine bytes"};
    static const char *const scalars[] = {"1", "-2.5", "1e3", "true", "null", "\"x\"", "\"a\\nb\"", "\"{[,:\"", "01"};
    uint32_t kind = depth == 4 ? 0 : next_random(seed) % 5, n;

    if (kind < 2) {
        buf_add_text(out, scalars[next_random(seed) % (ARRAY_LEN(scalars) - (next_random(seed) % 40 != 0))]);
        return;
    }
    n = next_random(seed) % 8 ? 3 : next_random(seed) % 5;
    buf_add_char(out, kind == 2 ? '[' : '{');
    for (uint32_t i = 0; i < n; i++) {
        buf_add_text(out, i ? "," : "");
        if (kind > 2)
            buf_printf(out, "\"%s\":", keys[next_random(seed) % 12 ? i : next_random(seed) % (uint32_t)ARRAY_LEN(keys)]);
        random_value(seed, depth + 1, out);
    }
    buf_add_char(out, kind == 2 ? ']' : '}');
}

static void test_random(const struct json_options *options)
{
    CLEANUP(buf_release) struct buf text = BUF_INIT, alone = BUF_INIT, behind = BUF_INIT;
    struct json_parser *used = json_parser_new(options, NULL);
    size_t different = 0, refused = 0;
    uint64_t seed = 7;

    for (int i = 0; i < 3000; i++) {
        struct json_parser *fresh = json_parser_new(options, NULL);
        char *copy;

        buf_clear(&text);
        buf_add_text(&text, i % 10 ? "{\"a\":" : "");
        random_value(&seed, 1, &text);
        buf_add_text(&text, i % 10 ? ",\"b\":" : "");
        if (i % 10)
            random_value(&seed, 0, &text);
        buf_add_text(&text, i % 10 ? "}" : "");
        copy = padded(text.at, text.len);
        describe(fresh, str_make(copy, text.len), NULL, &alone);
        describe(used, str_make(copy, text.len), NULL, &behind);
        different += strcmp(buf_text(&alone), buf_text(&behind)) != 0;
        refused += strncmp(buf_text(&alone), "W0", 2) == 0;
        json_parser_free(fresh);
        free(copy);
    }
    json_parser_free(used);
    ok(different == 0 && refused > 100 && refused < 2000, "3,000 random records, one after the other, are as alone; %zu are refused", refused);
}

int main(void)
{
    paths = json_paths_new(NULL);
    add_path("a", "");
    add_path("b", "");
    add_path("a", "b");
    add_path("exactly twenty-four byteS", "");
    test_pairs(JSON_DUPLICATES_REJECT);
    test_pairs(JSON_DUPLICATES_FIRST);
    test_pairs(JSON_DUPLICATES_LAST);
    test_changes();
    test_random(&(struct json_options){.duplicates = JSON_DUPLICATES_REJECT});
    test_random(&(struct json_options){.duplicates = JSON_DUPLICATES_LAST, .depth_max = 4});
    for (size_t n = 30; n <= 36; n++)
        test_many_keys(n);
    json_paths_free(paths);
    return done_testing();
}
