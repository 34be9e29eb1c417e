/* Lines of text by regular expression: groups, lines that do not match, and patterns that never end. */
#include "read/reader_internal.h"

#include "base/cleanup.h"
#include "tap.h"
#include "texts.h"

#define LEVEL "^\\[(?<level>[A-Z]+)\\] (?:(?<user>\\d+): )?(?<text>.*)$"

/* Each record as line=JSON; failures as line!code:column. `from` splits the file: only the part from there. */
static const struct { const char *name, *pattern, *unmatched, *text, *expected; uint64_t from, to; } cases[] = {
    {"groups in the order of the pattern", LEVEL, "", "[INFO] 7: hello\n[WARN] no user\n",
     "1={\"level\":\"INFO\",\"user\":\"7\",\"text\":\"hello\"} 2={\"level\":\"WARN\",\"user\":null,\"text\":\"no user\"} ", 0, 0},
    {"no groups: the line", "^\\d+$", "", "12\nx\n34", "1=\"12\" 2!W0329:1 3=\"34\" ", 0, 0},
    {"unnamed groups do not count", "^(\\d)(?<b>.)", "", "1x", "1={\"b\":\"x\"} ", 0, 0},
    {"an empty group is not an unset one", "^(?<a>x*)(?<b>y)?", "", "z", "1={\"a\":\"\",\"b\":null} ", 0, 0},
    {"CRLF", LEVEL, "", "[A] b\r\n[C] d\r\n",
        "1={\"level\":\"A\",\"user\":null,\"text\":\"b\"} 2={\"level\":\"C\",\"user\":null,\"text\":\"d\"} ", 0, 0},
    {"rejected", LEVEL, "reject", "[A] b\n!\n[C] d\n",
        "1={\"level\":\"A\",\"user\":null,\"text\":\"b\"} 2!W0329:1 3={\"level\":\"C\",\"user\":null,\"text\":\"d\"} ",
            0, 0},
    {"skipped", "^\\d$", "skip", "1\nx\n\n2", "1=\"1\" 4=\"2\" ", 0, 0},
    {"appended", "^(?<n>\\d) (?<t>.*)$", "append", "1 a\n  b\n\n  c\n2 d\n",
        "1={\"n\":\"1\",\"t\":\"a\\n  b\\n\\n  c\"} 5={\"n\":\"2\",\"t\":\"d\"} ", 0, 0},
    {"appended to the last", "^(?<n>\\d) (?<t>.*)$", "append", "1 a\r\n  b\r\n",
        "1={\"n\":\"1\",\"t\":\"a\\r\\n  b\"} ", 0, 0},
    {"nothing to append to", "^(?<n>\\d)", "append", "x\ny\n1", "1!W0329:1 2!W0329:1 3={\"n\":\"1\"} ", 0, 0},
    {"no group to append to", "^(?<n>\\d) a", "append", "1 a.\nx\n2 a", "1!W0329:1 3={\"n\":\"2\"} ", 0, 0},
    {"appended without groups", "^\\d", "append", "1\nx\n2", "1=\"1\\nx\" 3=\"2\" ", 0, 0},
    {"nested groups grow together", "^(?<all>(?<n>\\d) (?<t>.*))$", "append", "1 a\nb",
     "1={\"all\":\"1 a\\nb\",\"n\":\"1\",\"t\":\"a\\nb\"} ", 0, 0},
    {"the part behind leaves continuations to the one before", "^\\d", "append", "1\nx\ny\n2\nz\n", "2=\"2\\nz\" ", 3,
        10},
    {"the part before reads them to their end", "^\\d", "append", "1\nx\ny\n2\nz\n", "1=\"1\\nx\\ny\" ", 0, 3},
    {"a part begins with a whole line", "^\\d", "", "1\n2\n3\n", "1=\"2\" 2=\"3\" ", 2, 6},
    {"a part begins inside a line", "^\\d", "", "11\n2\n3\n", "1=\"2\" 2=\"3\" ", 1, 7},
    {"not UTF-8", "^(?<t>.*)$", "", "a\n\xc3\xa9\xff\nb", "1={\"t\":\"a\"} 2!W0321:2 3={\"t\":\"b\"} ", 0, 0},
    {"byte order mark", "^\\d$", "", "\xef\xbb\xbf" "1\n2", "1=\"1\" 2=\"2\" ", 0, 0},
    {"Unicode", "^(?<a>.)(?<b>.)$", "", "\xc3\xa9\xf0\x9f\x8e\x89",
        "1={\"a\":\"\xc3\xa9\",\"b\":\"\xf0\x9f\x8e\x89\"} ", 0, 0},
    {"a pattern that never ends", "^(?<a>(a+)+)+$", "",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!\naa",
     "1!W0330:1 2={\"a\":\"aa\"} ", 0, 0},
};

static void tell(struct reader *r, const struct input *in, struct buf *out)
{
    struct record record = {0};
    struct err err = {0};
    int found;

    r->ops->start(r, in, &err);
    while ((found = r->ops->next(r, &record, &err)) != 0) {
        buf_printf(out, "%lu", (unsigned long)record.line);
        if (found < 0) {
            buf_printf(out, "!%s:%lu", code_entry(err.code)->name, (unsigned long)err.column);
            if (err.scope != ERR_RECORD || err.line != record.line || !err.has_byte)
                buf_add_text(out, "?");
        } else {
            buf_add_char(out, '=');
            value_json(&record.value, out);
        }
        buf_add_char(out, ' ');
        err_release(&err);
    }
}

static void test_case(size_t n)
{
    static const size_t windows[] = {1, 5, 4096};

    for (size_t i = 0; i < ARRAY_LEN(windows); i++) {
        bool skip = strcmp(cases[n].unmatched, "skip") == 0;
        struct reader_options options = {.pattern = str_of(cases[n].pattern), .unmatched = str_of(cases[n].unmatched)};
        CLEANUP(close_fd) int fd = file_of(cases[n].text, strlen(cases[n].text));
        CLEANUP(buf_release) struct buf got = BUF_INIT;
        struct input in = input_of(fd, strlen(cases[n].text));
        struct err err = {0};
        struct reader *r = reader_lines.open(&options, &err);

        if (!r) {
            ok(false, "%s: %s", cases[n].name, err.message);
            err_release(&err);
            return;
        }
        in.from = cases[n].from;
        in.to = cases[n].to ? cases[n].to : in.to;
        r->lines->window = windows[i];
        tell(r, &in, &got);
        is_str(buf_text(&got), cases[n].expected, "%s (window %zu)", cases[n].name, windows[i]);
        is_int((long long)reader_skipped(r), skip ? 1 : 0, "%s: lines passed over", cases[n].name);
        r->ops->close(r);
    }
}

static void test_wrong_options(void)
{
    static const struct { const char *pattern, *unmatched, *message; } wrong[] = {
        {"(?<a>", "", "the pattern is wrong at its character 6: missing closing parenthesis"},
        {"a\\Cb", "", "the pattern is wrong at its character 4: using \\C is disabled by the application"},
        {"a", "keep", "unmatched lines are a matter of reject, skip or append, not 'keep'"},
    };

    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        struct reader_options options = {.pattern = str_of(wrong[i].pattern), .unmatched = str_of(wrong[i].unmatched)};
        struct err err = {0};
        struct reader *r = reader_lines.open(&options, &err);

        ok(!r && err.scope == ERR_RUN && err.code == W0330, "%s %s: refused", wrong[i].pattern, wrong[i].unmatched);
        is_str(err.message, wrong[i].message, "with the reason");
        err_release(&err);
    }
}

/* A record that grows beyond the limit by its continuations. */
static void test_long_record(void)
{
    struct reader_options options = {.pattern = str_of("^\\d"), .unmatched = str_of("append"), .record_max = 100};
    CLEANUP(buf_release) struct buf text = BUF_INIT;
    struct record record = {0};
    struct reader *r = reader_lines.open(&options, NULL);
    struct err err = {0};
    struct input in;
    int fd;

    buf_add_text(&text, "0\n1 start\n");
    for (int i = 0; i < 10000; i++)
        buf_add_text(&text, "  at somewhere\n");
    buf_add_text(&text, "2 next\nx\n");
    fd = file_of(text.at, text.len);
    in = input_of(fd, text.len);
    r->lines->window = 64;
    r->ops->start(r, &in, NULL);
    ok(r->ops->next(r, &record, &err) == 1 && str_is(record.raw, "0"), "the record before");
    ok(r->ops->next(r, &record, &err) < 0 && err.code == W0328 && err.line == 2 && record.byte == 2,
        "one too long is refused");
    is_str(err.message, "a line of 150007 bytes is longer than the limit of 100", "with its size");
    err_release(&err);
    ok(r->ops->next(r, &record, &err) == 1 && str_is(record.raw, "2 next\nx") && record.line == 10003,
        "the one behind is read");
    ok(r->lines->capacity < 4096, "in a window of %zu bytes", r->lines->capacity);
    r->ops->close(r);
    close(fd);
}

int main(void)
{
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        test_case(i);
    test_wrong_options();
    test_long_record();
    return done_testing();
}
