/* Paths walked together: slots, misfits, and keys that nobody read. */
#include "read/json_internal.h"

#include "base/cleanup.h"
#include "tap.h"
#include "texts.h"

/* "a.b[0].c" as steps; the keys are lent. */
static size_t steps_of(const char *path, struct json_step *steps)
{
    size_t n = 0;

    while (*path) {
        if (*path == '[') {
            steps[n++] = (struct json_step){.kind = JSON_STEP_INDEX, .index = strtol(path + 1, (char **)&path, 10)};
            path++;
        } else {
            size_t len;

            path += *path == '.';
            len = strcspn(path, ".[");
            steps[n++] = (struct json_step){.kind = JSON_STEP_KEY, .key = str_make(path, len)};
            path += len;
        }
    }
    return n;
}

static int add(struct json_paths *paths, const char *path)
{
    struct json_step steps[16];

    return json_paths_add(paths, steps, steps_of(path, steps));
}

static void cover(struct json_paths *paths, const char *path)
{
    struct json_step steps[16];

    json_paths_cover(paths, steps, steps_of(path, steps));
}

static void note_unread(void *context, const struct value *object, struct str key, const struct value *item)
{
    struct buf *out = context;

    value_pointer(object, out);
    buf_add_char(out, '.');
    buf_add_str(out, key);
    buf_add_text(out, item->type == VALUE_OBJECT ? "{} " : " ");
}

/* paths: `slots` are read, `covers` only marked; expected: the slots as JSON (- for absent), the misfit, and
 * what is unread. */
static const struct {
    const char *json, *slots[6], *covers[3], *expected, *misfit, *unread;
} cases[] = {
    {"{\"a\":1,\"b\":\"x\",\"c\":null}", {"a", "b", "c", "d"}, {0}, "1|\"x\"|null|-|", "", ""},
    {"{\"c\":3,\"b\":2,\"a\":1}", {"a", "b", "c"}, {0}, "1|2|3|", "", ""},
    {"{\"a\":{\"b\":{\"c\":1}}}", {"a.b.c", "a.b", "a", ""}, {0},
    "1|{\"c\":1}|{\"b\":{\"c\":1}}|{\"a\":{\"b\":{\"c\":1}}}|", "", ""},
    {"{\"a\":1,\"z\":2,\"y\":{\"q\":1}}", {"a"}, {0}, "1|", "", ".z .y{} "},
    {"{\"a\":{\"b\":1,\"x\":{\"y\":2}}}", {"a.b"}, {0}, "1|", "", "/a.x{} "},
    {"{\"a\":{\"b\":1,\"x\":{\"y\":2}}}", {"a.b", "a"}, {0}, "1|{\"b\":1,\"x\":{\"y\":2}}|", "", ""},
    {"{\"a\":{\"b\":1,\"x\":2},\"z\":0}", {"a.b"}, {"a"}, "1|", "", ".z "},
    {"{\"a\":{\"x\":2},\"z\":{\"y\":1,\"w\":0}}", {"q"}, {"a", "z.y"}, "-|", "", "/z.w "},
    {"{\"a\":1}", {0}, {0}, "", "", ".a "},
    {"{\"a\":1,\"b\":2}", {0}, {"b"}, "", "", ".a "},
    {"{\"a\":5}", {"a.b"}, {0}, "-|", "5", ""},
    {"{\"a\":null}", {"a.b"}, {0}, "-|", "", ""},
    {"{\"a\":[1,2]}", {"a.b"}, {0}, "-|", "[1,2]", ""},
    {"{\"a\":{\"b\":1}}", {"a[0]"}, {0}, "-|", "{\"b\":1}", "/a.b "},
    {"{\"a\":\"s\",\"b\":\"t\"}", {"b.x", "a.x"}, {0}, "-|-|", "\"s\"", ""},
    {"7", {"a", ""}, {0}, "-|7|", "7", ""},
    {"[10,[20,21],{\"k\":30}]", {"[0]", "[1][1]", "[2].k", "[-1].k", "[-3]", "[3]"}, {0}, "10|21|30|30|10|-|", "", ""},
    {"[{\"k\":1,\"l\":2}]", {"[0].k"}, {0}, "1|", "", "/0.l "},
    {"{\"\\u0061\":1,\"b\\n\":2}", {"a", "b\n"}, {0}, "1|2|", "", ""},
    {"{\"a key of more than sixteen bytes\":1,\"a key of more than seventeen b\":2}",
     {"a key of more than sixteen bytes", "a key of more than seventeen b"}, {0}, "1|2|", "", ""},
    {"{\"12345678\":8,\"1234567\":7,\"123456789\":9,\"\":0}", {"1234567", "12345678", "123456789"}, {0}, "7|8|9|", "",
    ". "},
    {"{\"1234567\":1}", {"1234568", "123456", "12345678"}, {0}, "-|-|-|", "", ".1234567 "},
};

static void test_case(size_t n)
{
    struct json_parser *p = json_parser_new(NULL, NULL);
    struct json_paths *paths = json_paths_new(NULL);
    CLEANUP(buf_release) struct buf got = BUF_INIT, unread = BUF_INIT;
    struct json_unread teller = {note_unread, &unread};
    struct value root, slots[8], misfit;
    char *text = padded(cases[n].json, strlen(cases[n].json));
    size_t count = 0;

    for (size_t i = 0; i < 3 && cases[n].covers[i]; i++)
        cover(paths, cases[n].covers[i]);
    for (; count < 6 && cases[n].slots[count]; count++)
        if (add(paths, cases[n].slots[count]) != (int)count)
            ok(false, "case %zu: slot %zu has another number", n, count);
    is_int((long long)json_paths_count(paths), (long long)count, "case %zu: %s", n, cases[n].json);
    ok(json_parse(p, str_make(text, strlen(cases[n].json)), &root, NULL) == 0, "case %zu: is JSON", n);
    for (int telling = 0; telling < 2; telling++) {
        buf_clear(&got);
        json_select(paths, &root, slots, &misfit, telling ? &teller : NULL);
        for (size_t i = 0; i < count; i++) {
            if (slots[i].type == VALUE_ABSENT)
                buf_add_char(&got, '-');
            else
                value_json(&slots[i], &got);
            buf_add_char(&got, '|');
        }
        is_str(buf_text(&got), cases[n].expected, "case %zu: slots%s", n, telling ? ", telling" : "");
        buf_clear(&got);
        if (misfit.type != VALUE_ABSENT)
            value_json(&misfit, &got);
        is_str(buf_text(&got), cases[n].misfit, "case %zu: misfit", n);
    }
    is_str(buf_text(&unread), cases[n].unread, "case %zu: unread", n);
    json_paths_free(paths);
    json_parser_free(p);
    free(text);
}

static void test_same_path(void)
{
    struct json_paths *paths = json_paths_new(NULL);

    is_int(add(paths, "a.b"), 0, "a path");
    is_int(add(paths, "a[0]"), 1, "another");
    is_int(add(paths, "a.b"), 0, "the first again has the same slot");
    is_int((long long)json_paths_count(paths), 2, "two slots");
    json_paths_free(paths);
}

static void test_shadowed(void)
{
    for (int mode = JSON_DUPLICATES_FIRST; mode <= JSON_DUPLICATES_LAST; mode++) {
        struct json_options options = {.duplicates = (enum json_duplicates)mode};
        struct json_parser *p = json_parser_new(&options, NULL);
        struct json_paths *paths = json_paths_new(NULL);
        static const char json[] = "{\"a\":1,\"b\":2,\"a\":3}";
        char *text = padded(json, sizeof json - 1);
        struct value root, slots[2];

        add(paths, "a");
        add(paths, "b");
        json_parse(p, str_make(text, sizeof json - 1), &root, NULL);
        json_select(paths, &root, slots, NULL, NULL);
        ok(str_is(slots[0].text, mode == JSON_DUPLICATES_FIRST ? "1" : "3"), "mode %d: the one that counts", mode);
        ok(str_is(slots[1].text, "2"), "mode %d: the other key", mode);
        json_paths_free(paths);
        json_parser_free(p);
        free(text);
    }
}

static void test_built(void)
{
    struct member inner[] = {{str_of("b"), value_null()}, {str_of("c"), value_bool(true)}};
    struct member list[] = {{.value = value_bool(false)}};
    struct member members[] = {{str_of("a"), value_object(inner, 2)}, {str_of("l"), value_array(list, 1)}};
    struct value root = value_object(members, 2), slots[3];
    CLEANUP(buf_release) struct buf unread = BUF_INIT;
    struct json_unread teller = {note_unread, &unread};
    struct json_paths *paths = json_paths_new(NULL);

    add(paths, "a.c");
    add(paths, "l[0]");
    add(paths, "a.x");
    json_select(paths, &root, slots, NULL, &teller);
    ok(slots[0].type == VALUE_BOOL && slots[0].truth && slots[1].type == VALUE_BOOL && !slots[1].truth &&
       slots[2].type == VALUE_ABSENT, "built values are walked as read ones are");
    is_str(buf_text(&unread), ".b ", "unread too");
    json_paths_free(paths);
}

int main(void)
{
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        test_case(i);
    test_same_path();
    test_shadowed();
    test_built();
    return done_testing();
}
