/* Markdown: front matter as values, the rest as text; each broken head with its place. */
#include "read/reader_internal.h"

#include "base/cleanup.h"
#include "tap.h"
#include "texts.h"

/* expected: the record as JSON, or code line:column byte. */
static const struct { const char *text, *expected; } cases[] = {
    {"", "{\"front\":{},\"body\":\"\"}"},
    {"# Title\n", "{\"front\":{},\"body\":\"# Title\\n\"}"},
    {"---\ntitle: A\n---\nbody\n", "{\"front\":{\"title\":\"A\"},\"body\":\"body\\n\"}"},
    {"---\r\ntitle: A\r\n---\r\nbody\r\n", "{\"front\":{\"title\":\"A\"},\"body\":\"body\\r\\n\"}"},
    {"--- \na: 1\n---", "{\"front\":{\"a\":1},\"body\":\"\"}"},
    {"\xef\xbb\xbf---\na: 1\n---\nx", "{\"front\":{\"a\":1},\"body\":\"x\"}"},
    {"---\n---\nx", "{\"front\":{},\"body\":\"x\"}"},
    {"---\n# only a comment\n---\n", "{\"front\":{},\"body\":\"\"}"},
    {"---\n~\n---\n", "{\"front\":{},\"body\":\"\"}"},
    {"\n---\na: 1\n---\n", "{\"front\":{},\"body\":\"\\n---\\na: 1\\n---\\n\"}"},
    {" ---\na: 1\n---\n", "{\"front\":{},\"body\":\" ---\\na: 1\\n---\\n\"}"},
    {"----\n", "{\"front\":{},\"body\":\"----\\n\"}"},
    {"---\na: 1\n---\nb\n---\nc", "{\"front\":{\"a\":1},\"body\":\"b\\n---\\nc\"}"},
    {"---\nn: null\nt: ~\ne:\nT: True\nf: false\ni: -12\nd: 1.50\nx: 1e3\n---\n",
     "{\"front\":{\"n\":null,\"t\":null,\"e\":null,\"T\":true,\"f\":false,\"i\":-12,\"d\":1.50,\"x\":1e3},\"body\":\"\"}"},
    {"---\na: 0777\nb: 0x1f\nc: +1\nd: .5\ne: 2024-01-02\nf: yes\ng: on\nh: 1_000\ni: .inf\nj: 12:30:00\n---\n",
     "{\"front\":{\"a\":\"0777\",\"b\":\"0x1f\",\"c\":\"+1\",\"d\":\".5\",\"e\":\"2024-01-02\",\"f\":\"yes\",\"g\":\"on\",\"h\":\"1_000\","
     "\"i\":\".inf\",\"j\":\"12:30:00\"},\"body\":\"\"}"},
    {"---\na: \"1\"\nb: 'true'\nc: \"null\"\nd: \"\\u00e9\\n\"\ne: |\n  two\n  lines\n---\n",
     "{\"front\":{\"a\":\"1\",\"b\":\"true\",\"c\":\"null\",\"d\":\"\xc3\xa9\\n\",\"e\":\"two\\nlines\\n\"},\"body\":\"\"}"},
    {"---\ntags: [a, 1, null, [b]]\nmap: {k: v, l: {m: 2}}\nlist:\n  - x: 1\n  - y\n---\n",
     "{\"front\":{\"tags\":[\"a\",1,null,[\"b\"]],\"map\":{\"k\":\"v\",\"l\":{\"m\":2}},\"list\":[{\"x\":1},\"y\"]},\"body\":\"\"}"},
    {"---\n1: a\ntrue: b\n---\n", "{\"front\":{\"1\":\"a\",\"true\":\"b\"},\"body\":\"\"}"},
    {"---\na: 1\n", "W0331 1:1 0"},
    {"---", "W0331 1:1 0"},
    {"---\n- a\n---\n", "W0331 2:1 4"},
    {"---\njust text\n---\n", "W0331 2:1 4"},
    {"---\na: 1\na: 2\n---\n", "W0331 3:1 9"},
    {"---\na: &x 1\n---\n", "W0331 2:4 7"},
    {"---\na: *x\n---\n", "W0331 2:4 7"},
    {"---\na: !!str 1\n---\n", "W0331 2:4 7"},
    {"---\na: !x [1]\n---\n", "W0331 2:4 7"},
    {"---\n[a]: 1\n---\n", "W0331 2:1 4"},
    {"---\n\xc3\xa9: \"x\n---\n", "W0331 2:4 8"},
    {"---\na: b: c\n---\n", "W0331 2:5 8"},
    {"---\na: 1\n\tb: 2\n---\n", "W0331 3:1 9"},
    {"---\na: {b: 1\n---\n", "W0331 2:4 7"},
    {"---\nb: \xc3\xa9\na: \xff\n---\n", "W0321 3:4 13"},
    {"---\na: \x01\n---\n", "W0331 2:4 7"},
    {"---\na: 1\n...\nb: 2\n---\n", "W0331 4:1 13"},
};

static void test_case(size_t n)
{
    CLEANUP(close_fd) int fd = file_of(cases[n].text, strlen(cases[n].text));
    CLEANUP(buf_release) struct buf got = BUF_INIT;
    struct input in = input_of(fd, strlen(cases[n].text));
    struct reader_options options = {0};
    struct reader *r = reader_markdown.open(&options, NULL);
    struct record record = {0};
    struct err err = {0};

    r->ops->start(r, &in, NULL);
    if (r->ops->next(r, &record, &err) == 1)
        value_json(&record.value, &got);
    else
        buf_printf(&got, "%s %lu:%lu %lu", code_entry(err.code)->name, (unsigned long)err.line,
            (unsigned long)err.column,
                   (unsigned long)err.byte);
    if (!is_str(buf_text(&got), cases[n].expected, "case %zu", n) && err.scope)
        printf("#   %s\n", err.message);
    ok(!err.scope || (err.scope == ERR_RECORD && record.raw.len == in.size), "case %zu: scope and raw", n);
    err_release(&err);
    ok(r->ops->next(r, &record, &err) == 0, "case %zu: one record", n);
    r->ops->close(r);
}

static void test_depth(const char *open, const char *inner, const char *close_, size_t depth, bool good)
{
    CLEANUP(buf_release) struct buf text = BUF_INIT;
    CLEANUP(arena_release) struct arena a = {0};
    struct value v;
    struct err err = {0};
    int failed;

    buf_add_text(&text, "a: ");
    for (size_t i = 0; i < depth; i++)
        buf_add_text(&text, open);
    buf_add_text(&text, inner);
    for (size_t i = 0; i < depth; i++)
        buf_add_text(&text, close_);
    failed = front_matter_parse(buf_str(&text), 2, 4, &a, &v, &err);
    ok((failed == 0) == good && (good || err.code == W0331), "%zu levels of %s", depth + 1, open);
    err_release(&err);
}

static void test_flags(void)
{
    static const char text[] = "---\na: \"\\0\"\n---\nx\0y";
    CLEANUP(close_fd) int fd = file_of(text, sizeof text - 1);
    struct input in = input_of(fd, sizeof text - 1);
    struct reader_options options = {0};
    struct reader *r = reader_markdown.open(&options, NULL);
    struct record record = {0};
    struct value v;

    r->ops->start(r, &in, NULL);
    ok(r->ops->next(r, &record, NULL) == 1, "NULs are read");
    ok(record.value.flags & VALUE_NUL, "and flagged on the record");
    v = value_get(&record.value, str_of("front"));
    ok(v.flags & VALUE_NUL, "on the front");
    v = value_get(&record.value, str_of("body"));
    ok(v.flags == (VALUE_NUL | VALUE_BYTES) && v.text.len == 3, "on the body");
    r->ops->close(r);
}

int main(void)
{
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        test_case(i);
    test_depth("[", "1", "]", 31, true);
    test_depth("[", "1", "]", 32, false);
    test_depth("{b: ", "1", "}", 31, true);
    test_depth("{b: ", "1", "}", 32, false);
    test_depth("[", "", "", 40000, false);
    test_flags();
    return done_testing();
}
