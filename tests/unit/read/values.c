/* Values: members, items, text, source, places, order; read ones and built ones alike. */
#include "read/json_internal.h"

#include "base/cleanup.h"
#include "tap.h"
#include "texts.h"

#define S(text) str_make(text, sizeof(text) - 1)

struct fixture {
    struct json_parser *p;
    char *text;
    struct value v;
};

static struct fixture parsed(const char *text, const struct json_options *options)
{
    struct fixture f = {.p = json_parser_new(options, NULL), .text = padded(text, strlen(text))};
    struct err err = {0};

    if (json_parse(f.p, str_make(f.text, strlen(text)), &f.v, &err) < 0) {
        printf("# %s: %s\n", text, err.message);
        abort();
    }
    return f;
}

static void drop(struct fixture *f)
{
    json_parser_free(f->p);
    free(f->text);
}

static const char *json_of(const struct value *v, struct buf *out)
{
    buf_clear(out);
    value_json(v, out);
    return buf_text(out);
}

static void test_members(void)
{
    struct fixture f = parsed("{\"a\":1,\"b\":[10,\"x\",{\"c\":null}],\"\\u0063\\n\":true,\"long key of many bytes\":-1.50e3}", NULL);
    CLEANUP(buf_release) struct buf out = BUF_INIT;
    struct value b = value_get(&f.v, S("b")), v;

    is_int((long long)value_count(&f.v), 4, "members are counted");
    is_int((long long)value_count(&b), 3, "items are counted");
    is_str(json_of((v = value_get(&f.v, S("a")), &v), &out), "1", "a member");
    ok(value_get(&f.v, S("c\n")).type == VALUE_BOOL, "a member whose key is spelt with escapes");
    v = value_get(&f.v, S("long key of many bytes"));
    ok(v.type == VALUE_NUMBER && str_is(v.text, "-1.50e3"), "a number keeps its digits");
    ok(value_get(&f.v, S("c")).type == VALUE_ABSENT, "a missing member is absent");
    ok(value_get(&b, S("a")).type == VALUE_ABSENT, "a member of an array is absent");
    ok(str_is(value_at(&b, 0).text, "10"), "first item");
    ok(value_at(&b, -1).type == VALUE_OBJECT, "last item");
    ok(str_is(value_at(&b, -3).text, "10"), "third from the end");
    ok(value_at(&b, 3).type == VALUE_ABSENT && value_at(&b, -4).type == VALUE_ABSENT, "items beyond the ends");
    ok(value_at(&f.v, 0).type == VALUE_ABSENT, "an item of an object is absent");
    drop(&f);
}

static void test_iteration(void)
{
    struct fixture f = parsed(" { \"a\" : [ ] , \"b\\\"\" : { } , \"c\" : \"x\" } ", NULL);
    struct value_iter it = value_iter(&f.v);
    struct value key, item;
    CLEANUP(buf_release) struct buf out = BUF_INIT;

    while (value_iter_next(&it, &key, &item)) {
        buf_add_str(&out, key.text);
        buf_printf(&out, "%s=", key.flags & VALUE_ESCAPED ? "(escaped)" : "");
        buf_add_str(&out, value_raw(&item));
        buf_add_char(&out, ';');
    }
    is_str(buf_text(&out), "a=[ ];b\\\"(escaped)={ };c=\"x\";", "members in the order of the text");
    ok(!value_iter_next(&it, &key, &item), "the end stays the end");
    item = value_null();
    it = value_iter(&item);
    ok(!value_iter_next(&it, &key, &item), "null has no members");
    drop(&f);
}

static void test_built(void)
{
    struct value items[] = {value_null(), value_bool(true)};
    struct member list[] = {{.value = items[0]}, {.value = items[1]}};
    struct member members[] = {{S("k\"\n\x01"), value_string(S("tab\there \xff \xc3\xa9"))}, {S("list"),
        value_array(list, 2)}};
    struct value v = value_object(members, 2), item = value_get(&v, S("list"));
    CLEANUP(buf_release) struct buf out = BUF_INIT;
    CLEANUP(arena_release) struct arena a = {0};
    uint64_t byte;

    is_str(json_of(&v, &out), "{\"k\\\"\\n\\u0001\":\"tab\\there \xef\xbf\xbd \xc3\xa9\",\"list\":[null,true]}",
        "built JSON");
    ok(value_count(&item) == 2 && value_at(&item, -1).type == VALUE_BOOL, "a built array has items");
    ok(!value_byte(&v, &byte) && !value_pointer(&v, &out) && !value_raw(&v).at, "a built value has no place");
    item = value_int(INT64_MIN, &a);
    ok(str_is(item.text, "-9223372036854775808"), "an integer becomes digits");
}

static const struct { const char *json; uint16_t flags; } flags[] = {
    {"\"a\"", 0}, {"\"\\n\"", VALUE_ESCAPED}, {"\"\\u0000\"", VALUE_ESCAPED | VALUE_NUL},
    {"\"\\ud800\"", VALUE_ESCAPED | VALUE_SURROGATE}, {"\"\\ud83c\\udf89\"", VALUE_ESCAPED}, {"[\"\\n\"]", 0},
    {"[[{\"a\":\"\\u0000\"}]]", VALUE_NUL}, {"{\"\\u0000\":1}", VALUE_NUL}, {"{\"a\":[\"\\udfff\"],\"b\":\"\\u0000\"}",
    VALUE_NUL | VALUE_SURROGATE}, {"[\"\\\\u0000\"]", 0}, {"\"\\\\u0000\"", VALUE_ESCAPED},
};

static void test_flags(void)
{
    for (size_t i = 0; i < ARRAY_LEN(flags); i++) {
        struct fixture f = parsed(flags[i].json, NULL);

        is_int(f.v.flags, flags[i].flags, "flags, case %zu", i);
        drop(&f);
    }
    {
        struct fixture f = parsed("{\"bad\":[\"\\u0000\"],\"good\":[{\"x\":\"y\"}]}", NULL);

        is_int(value_get(&f.v, S("good")).flags, 0, "a flag stays with the containers around it");
        is_int(value_get(&f.v, S("bad")).flags, VALUE_NUL, "and is on those");
        drop(&f);
    }
}

static const struct { const char *json, *text; } texts[] = {
    {"\"plain\"", "plain"}, {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t"}, {"\"\\u0041\\u00e9\\u20ac\"",
    "A\xc3\xa9\xe2\x82\xac"},
    {"\"\\ud83c\\udf89!\"", "\xf0\x9f\x8e\x89!"}, {"\"a\\ud800b\"", "a\xef\xbf\xbd" "b"}, {"\"\\ud800\\ud83c\\udf89\"",
    "\xef\xbf\xbd\xf0\x9f\x8e\x89"}, {"\"\\udc00\\ud800\"", "\xef\xbf\xbd\xef\xbf\xbd"}, {"\"\"", ""}, {"  \" \"  ",
        " "},
    {"\"\\uFFFF\"", "\xef\xbf\xbf"}, {"\"\\u007f\\u0080\\u07ff\\u0800\"", "\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80"},
};

static void test_texts(void)
{
    CLEANUP(arena_release) struct arena a = {0};

    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct fixture f = parsed(texts[i].json, NULL);
        struct str s = {0};

        ok(value_text(&f.v, &a, &s) == 0 && str_is(s, texts[i].text), "text of %s", texts[i].json);
        drop(&f);
    }
}

static const struct { const char *json, *path, *pointer; uint64_t byte; } places[] = {
    {"1", "", "", 0}, {" 1", "", "", 1}, {"{\"a\":1}", "a", "/a", 5}, {"{\"a\":{\"b\":[7,8,9]}}", "a b 2", "/a/b/2",
    15},
    {"{\"x\":[1,[2]],\"y\":{\"a/b~\":3}}", "y a/b~", "/y/a~1b~0", 25}, {"{\"\":{\"\":5}}", " ", "//", 8},
    {"[[],{},[[4]]]", "2 0 0", "/2/0/0", 9}, {"{\"\\u002f\\u007e\\u0061\":1}", "/~a", "/~1~0a", 22},
    {"{\"a\":{},\"b\":[],\"c\":[{\"d\":1},2]}", "c 1", "/c/1", 28},
};

/* Steps of `path`, parted by blanks; digits go into arrays. */
static struct value follow(struct value v, const char *path)
{
    while (*path || path[-1] == ' ') {
        size_t n = strcspn(path, " ");

        v = v.type == VALUE_ARRAY ? value_at(&v, atoi(path)) : value_get(&v, str_make(path, n));
        path += n;
        if (!*path++)
            break;
    }
    return v;
}

static void test_places(void)
{
    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        struct fixture f = parsed(places[i].json, NULL);
        struct value v = *places[i].path ? follow(f.v, places[i].path) : f.v;
        CLEANUP(buf_release) struct buf out = BUF_INIT;
        uint64_t byte = 0;

        ok(v.type != VALUE_ABSENT && value_byte(&v, &byte) && byte == places[i].byte, "byte of %s", places[i].pointer);
        ok(value_pointer(&v, &out), "it has a pointer");
        is_str(buf_text(&out), places[i].pointer, "which is right");
        drop(&f);
    }
}

/* Values of several records of one text stay reachable, and each knows its own root. */
static void test_records(bool broken)
{
    CLEANUP(buf_release) struct buf text = BUF_INIT;
    struct json_parser *p = json_parser_new(NULL, NULL);
    size_t place[3], wrong = 0;
    struct value v[3], item;
    uint64_t byte;

    for (int i = 0; i < 3; i++) {
        place[i] = text.len;
        buf_printf(&text, "{\"n\":%d,\"list\":[[],{\"k\":\"%d\"}]}\n", i, 100 + i);
        if (broken)
            buf_add_text(&text, "\"\n");
    }
    buf_reserve(&text, JSON_PADDING);
    json_index(p, buf_str(&text), 5000, NULL);
    for (int i = 0; i < 3; i++) {
        wrong += json_next(p, place[i], place[i] + 31, &v[i], NULL) != 0;
        wrong += broken && json_next(p, place[i] + 32, place[i] + 33, &item, NULL) == 0;
    }
    for (int i = 0; i < 3; i++) {
        CLEANUP(buf_release) struct buf pointer = BUF_INIT;
        struct value list = value_get(&v[i], S("list"));

        item = value_at(&list, 1);
        item = value_get(&item, S("k"));
        wrong += item.text.len != 3 || item.text.at[2] != '0' + i;
        wrong += !value_pointer(&item, &pointer) || strcmp(buf_text(&pointer), "/list/1/k") != 0;
        wrong += !value_byte(&item, &byte) || byte != 5000 + place[i] + 23;
    }
    ok(wrong == 0, "values of earlier records stay reachable%s", broken ? ", also between broken ones" : "");
    json_parser_free(p);
}

/* What goes from right to left against the contract is slower, but not wrong. */
static void test_backwards(void)
{
    static const char text[] = "\"\\n\"\n\"x\"\n\"\\u0041\\q\"\n[\"\\u0000\"]\n";
    static const size_t from[] = {20, 9, 5, 0, 0, 20}, to[] = {30, 19, 8, 4, 4, 30};
    static const int good[] = {1, 0, 1, 1, 1, 1}, flag[] = {VALUE_NUL, 0, 0, VALUE_ESCAPED, VALUE_ESCAPED, VALUE_NUL};
    struct json_parser *p = json_parser_new(NULL, NULL);
    char *copy = padded(text, sizeof text - 1);

    json_index(p, str_make(copy, sizeof text - 1), 0, NULL);
    for (size_t i = 0; i < ARRAY_LEN(from); i++) {
        struct value v = {0};
        bool taken = json_next(p, from[i], to[i], &v, NULL) == 0;

        ok(taken == good[i] && (!taken || v.flags == flag[i]), "record at %zu, read out of turn", from[i]);
    }
    json_parser_free(p);
    free(copy);
}

/* --- order --- */

/* Ascending by jq's order; equal ones share a number. */
static const struct { int rank; const char *json; } ordered[] = {
    {0, "null"}, {1, "false"}, {2, "true"}, {3, "-1e99999999999999999999"}, {4, "-1e400"}, {5, "-100"}, {5, "-1e2"},
    {6, "-99.5"},
    {7, "-0.001"}, {8, "-1e-400"}, {9, "0"}, {9, "-0"}, {9, "0.00e5"}, {9,
    "0e99999999999999999999999999999999999999999999"},
    {10, "1e-99999999999999999999"}, {11, "1e-400"}, {12, "0.001"}, {12, "1e-3"}, {12, "0.00100"}, {13, "0.0011"}, {14,
    "1"}, {14, "1.0"},
    {14, "10e-1"}, {14, "0.1e1"}, {15, "1.0000000000000000000000000000001"}, {16, "1.05"}, {17, "2"}, {18, "9.99"},
    {19, "10"}, {19, "1e1"},
    {19, "1E+01"}, {20, "99"}, {21, "100"}, {21, "1e2"}, {21, "0.001e5"}, {22, "9007199254740992"}, {23,
    "9007199254740993"},
    {24, "123456789012345678901234567890"}, {25, "1e400"}, {26, "1e99999999999999999999"}, {26,
    "10e99999999999999999998"}, {27, "\"\""},
    {28, "\"\\u0000\""}, {29, "\"A\""}, {30, "\"a\""}, {30, "\"\\u0061\""}, {31, "\"a\\u0000\""}, {32, "\"ab\""}, {33,
    "\"\\u007f\""},
    {34, "\"\xc3\xa9\""}, {34, "\"\\u00e9\""}, {35, "\"\xef\xbf\xbf\""}, {36, "\"\xf0\x9f\x8e\x89\""}, {36,
    "\"\\ud83c\\udf89\""}, {37, "[]"},
    {38, "[null]"}, {39, "[1]"}, {39, "[1.0]"}, {40, "[1,0]"}, {41, "[[]]"}, {42, "{}"}, {43, "{\"a\":2}"}, {44,
    "{\"a\":1,\"b\":3}"},
    {44, "{\"b\":3.0,\"\\u0061\":1}"}, {45, "{\"a\":1,\"b\":4}"}, {46, "{\"a\":2,\"b\":1}"}, {47, "{\"a\":0,\"c\":0}"},
    {48, "{\"b\":0}"},
};

static void test_order(void)
{
    enum { N = ARRAY_LEN(ordered) };
    struct fixture f[N];
    size_t wrong = 0;

    for (size_t i = 0; i < N; i++)
        f[i] = parsed(ordered[i].json, NULL);
    for (size_t i = 0; i < N; i++) {
        for (size_t j = 0; j < N; j++) {
            int expected = (ordered[i].rank > ordered[j].rank) - (ordered[i].rank < ordered[j].rank);
            int got = value_cmp(&f[i].v, &f[j].v);

            if ((got > 0) - (got < 0) != expected) {
                wrong++;
                printf("# %s <=> %s: %d, expected %d\n", ordered[i].json, ordered[j].json, got, expected);
            }
        }
    }
    ok(wrong == 0, "%d values, each compared with each", N);
    for (size_t i = 0; i < N; i++)
        drop(&f[i]);
}

/* --- one key twice, where the mapping allows it --- */

static void test_duplicates(size_t filler)
{
    static const char *const expected[] = {"", "{\"a\":1,\"b\":{\"k\":\"x\"},\"c\":5}",
        "{\"b\":{\"k\":\"z\"},\"a\":3,\"c\":5}"};

    for (int mode = JSON_DUPLICATES_FIRST; mode <= JSON_DUPLICATES_LAST; mode++) {
        struct json_options options = {.duplicates = (enum json_duplicates)mode};
        CLEANUP(buf_release) struct buf text = BUF_INIT, out = BUF_INIT, pointer = BUF_INIT;
        struct fixture f;
        struct value a, b;

        buf_add_text(&text, "[{\"a\":1,\"b\":{\"k\":\"x\",\"\\u006b\":\"y\",\"k\":\"z\"},\"\\u0061\":2,");
        for (size_t i = 0; i < filler; i++)
            buf_printf(&text, "\"filler %zu\":%zu,", i, i);
        buf_add_text(&text, "\"a\":3,\"c\":5}]");
        f = parsed(buf_text(&text), &options);
        a = value_at(&f.v, 0);
        is_int((long long)value_count(&a), 3 + (long long)filler, "mode %d, %zu more keys: no key twice", mode, filler);
        b = value_get(&a, S("b"));
        b = value_get(&b, S("k"));
        ok(str_is(b.text, mode == JSON_DUPLICATES_FIRST ? "x" : "z"), "inner value");
        b = value_get(&a, S("a"));
        ok(str_is(b.text, mode == JSON_DUPLICATES_FIRST ? "1" : "3"), "outer value");
        value_pointer(&b, &pointer);
        is_str(buf_text(&pointer), "/0/a", "and its pointer");
        if (!filler)
            is_str(json_of(&a, &out), expected[mode], "JSON shows each key once");
        drop(&f);
    }
}

static void test_many_keys(void)
{
    for (int repeat = 0; repeat < 3; repeat++) {
        CLEANUP(buf_release) struct buf text = BUF_INIT;
        struct json_parser *p = json_parser_new(NULL, NULL);
        struct err err = {0};
        struct value v;

        buf_add_char(&text, '{');
        for (int i = 0; i < 100000; i++)
            buf_printf(&text, "\"k%d\":{\"a\":[%d]},", i, i);
        buf_add_text(&text, repeat == 0 ? "\"x\":0}" : repeat == 1 ? "\"k77\":0}" : "\"\\u006b77\":0}");
        buf_reserve(&text, JSON_PADDING);
        if (repeat == 0) {
            ok(json_parse(p, buf_str(&text), &v, &err) == 0, "100,000 keys");
            is_int((long long)value_count(&v), 100001, "are counted");
            ok(value_get(&v, S("k99999")).type == VALUE_OBJECT, "and found");
        } else {
            ok(json_parse(p, buf_str(&text), &v, &err) < 0 && err.code == W0322, "the 78th comes again at the end");
            is_str(err.pointer, "/k77", "it is named");
            is_str(strstr(err.message, "first at"), "first at line 1, column 1291", "with the first place");
        }
        err_release(&err);
        json_parser_free(p);
    }
}

static void test_nonfinite(void)
{
    struct json_options options = {.allow_nonfinite = true};
    struct fixture f = parsed("{\"a\":[NaN, Infinity ,-Infinity],\"b\":[1 ]}", &options);
    struct value a = value_get(&f.v, S("a")), item = value_at(&a, 2);
    CLEANUP(buf_release) struct buf out = BUF_INIT;

    ok(item.type == VALUE_NULL, "-Infinity reads as null");
    is_str(json_of(&f.v, &out), "{\"a\":[null,null,null],\"b\":[1 ]}", "and is written as null");
    is_str(json_of(&item, &out), "null", "alone, too");
    drop(&f);
}

static void test_names(void)
{
    struct fixture f = parsed("[1,1.0,-7,\"\",true,null,[],{}]", NULL);
    static const char *const names[] = {"an integer", "a number", "an integer", "a string", "a boolean", "null",
        "an array",
                                        "an object"};

    for (int i = 0; i < 8; i++) {
        struct value v = value_at(&f.v, i);

        is_str(value_type_name(&v), names[i], "type %d has a name", i);
    }
    drop(&f);
}

int main(void)
{
    test_members();
    test_iteration();
    test_built();
    test_flags();
    test_texts();
    test_places();
    test_records(false);
    test_records(true);
    test_backwards();
    test_order();
    test_duplicates(0);
    test_duplicates(100);
    test_many_keys();
    test_nonfinite();
    test_names();
    return done_testing();
}
