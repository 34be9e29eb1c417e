/* Records from files: every window size, every part of a file, everything that a line end can be. */
#include "read/json_internal.h"
#include "read/reader_internal.h"

#include "base/cleanup.h"
#include "json_documents.h"
#include "tap.h"
#include "texts.h"

/* --- one line of text for all that a reader says about a file --- */

static void tell_record(struct buf *out, const struct record *record)
{
    buf_printf(out, "%lu.%lu@%lu=", (unsigned long)record->index, (unsigned long)record->line,
        (unsigned long)record->byte);
    value_json(&record->value, out);
    buf_add_char(out, '<');
    buf_add_str(out, record->raw);
    buf_add_text(out, ">\n");
}

static void tell_failure(struct buf *out, const struct record *record, const struct err *err)
{
    buf_printf(out, "%lu.%lu@%lu!", (unsigned long)record->index, (unsigned long)record->line,
        (unsigned long)record->byte);
    buf_printf(out, "%d %s %lu:%lu %lu", err->scope, code_entry(err->code)->name, (unsigned long)err->line,
               (unsigned long)err->column, (unsigned long)err->byte);
    buf_add_char(out, '<');
    buf_add_str(out, record->raw);
    buf_add_text(out, ">\n");
}

static void tell_all(struct reader *r, const struct input *in, struct buf *out)
{
    struct err err = {0};
    struct record record = {0};
    int found = r->ops->start(r, in, &err);

    while (found == 0 && (found = r->ops->next(r, &record, &err)) != 0) {
        if (found > 0)
            tell_record(out, &record);
        else
            tell_failure(out, &record, &err);
        if (found < 0 && err.scope != ERR_RECORD)
            break;
        found = 0;
        err_release(&err);
    }
    err_release(&err);
}

static struct reader *reader_of(const char *name, const struct reader_options *options)
{
    struct reader_options none = {0};
    struct reader *r = reader_by_name(str_of(name))->open(options ? options : &none, NULL);

    if (!r)
        abort();
    return r;
}

/* --- small files, each with what is to be said about it --- */

static const struct { const char *format; const char *text; size_t len; const char *expected; uint64_t blank; } files[] = {
#define F(format, text, expected, blank) {format, text, sizeof(text) - 1, expected, blank}
    F("jsonl", "", "", 0),
    F("jsonl", "1\n2\n", "0.1@0=1<1>\n1.2@2=2<2>\n", 0),
    F("jsonl", "1\n2", "0.1@0=1<1>\n1.2@2=2<2>\n", 0),
    F("jsonl", "1\r\n2\r\n", "0.1@0=1<1>\n1.2@3=2<2>\n", 0),
    F("jsonl", "\n1\n \t\r\n\n2\n\n", "0.2@1=1<1>\n1.5@8=2<2>\n", 4),
    F("jsonl", "\xef\xbb\xbf{\"a\":1}\n[]", "0.1@3={\"a\":1}<{\"a\":1}>\n1.2@11=[]<[]>\n", 0),
    F("jsonl", "1\n\xef\xbb\xbf" "2\n", "0.1@0=1<1>\n1.2@2!1 W0320 2:1 2<\xef\xbb\xbf" "2>\n", 0),
    F("jsonl", "1 2\n3\n", "0.1@0!1 W0324 1:3 2<1 2>\n1.2@4=3<3>\n", 0),
    F("jsonl", "{\"a\":1}\n{\"b\":\"x", "0.1@0={\"a\":1}<{\"a\":1}>\n1.2@8!1 W0320 2:6 13<{\"b\":\"x>\n", 0),
    F("jsonl", "\"a\nb\"\n3", "0.1@0!1 W0320 1:1 0<\"a>\n1.2@3!1 W0320 2:1 3<b\">\n2.3@6=3<3>\n", 0),
    F("jsonl", "[\n1\n]\n", "0.1@0!1 W0320 1:2 1<[>\n1.2@2=1<1>\n2.3@4!1 W0320 3:1 4<]>\n", 0),
    F("jsonl", "{\"k\":\"\xc3\xa9\xff\"}\n4\n", "0.1@0!1 W0321 1:8 8<{\"k\":\"\xc3\xa9\xff\"}>\n1.2@12=4<4>\n", 0),
    F("jsonl", "1\r2\n", "0.1@0!1 W0324 1:3 2<1\r2>\n", 0),
    F("jsonl", "\xff\xfe{\0}\0\n\0", "0.0@0!2 W0325 1:1 0<>\n", 0),
    F("jsonl", "{\0}\0\n\0", "0.0@0!2 W0325 1:1 0<>\n", 0),
    F("json", "{\"a\":\n1}", "0.1@0={\"a\":\n1}<{\"a\":\n1}>\n", 0),
    F("json", "\xef\xbb\xbf 5 ", "0.1@0=5<\xef\xbb\xbf 5 >\n", 0),
    F("json", "", "0.1@0!1 W0327 1:1 0<>\n", 0),
    F("json", "{\"a\":1}\n{\"a\":2}\n", "0.1@0!1 W0324 2:1 8<{\"a\":1}\n{\"a\":2}\n>\n", 0),
    F("json", "\xef\xbb\xbf[1,\n2 3]", "0.1@0!1 W0320 2:3 9<\xef\xbb\xbf[1,\n2 3]>\n", 0),
    F("text", "a\nb\xff\n", "0.1@0=\"a\\nb\xef\xbf\xbd\\n\"<a\nb\xff\n>\n", 0),
    F("text", "\xef\xbb\xbfx", "0.1@0=\"\xef\xbb\xbfx\"<\xef\xbb\xbfx>\n", 0),
    F("text", "", "0.1@0=\"\"<>\n", 0),
    F("lines", "a\n\n b \r\nc", "0.1@0=\"a\"<a>\n1.3@3=\" b \"< b >\n2.4@8=\"c\"<c>\n", 1),
#undef F
};

static void test_files(void)
{
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        CLEANUP(close_fd) int fd = file_of(files[i].text, files[i].len);
        CLEANUP(buf_release) struct buf got = BUF_INIT;
        struct input in = input_of(fd, files[i].len);
        struct reader *r = reader_of(files[i].format, NULL);

        buf_add_text(&got, "");
        tell_all(r, &in, &got);
        if (got.len != strlen(files[i].expected) || memcmp(buf_text(&got), files[i].expected, got.len) != 0)
            is_str(buf_text(&got), files[i].expected, "%s file %zu", files[i].format, i);
        else
            ok(true, "%s file %zu", files[i].format, i);
        is_int((long long)reader_blank(r), (long long)files[i].blank, "%s file %zu: blank lines", files[i].format, i);
        r->ops->close(r);
    }
}

/* --- all windows, all parts --- */

/* What has to be said about a JSON Lines file, found line by line with json_parse(). */
static void expect_lines(struct str text, struct buf *out)
{
    struct json_parser *p = json_parser_new(NULL, NULL);
    size_t at = 0, index = 0;

    for (size_t line = 1; at < text.len; line++) {
        const char *lf = memchr(text.at + at, '\n', text.len - at);
        size_t len = (lf ? (size_t)(lf - text.at) : text.len) - at;
        struct record record = {.raw = {text.at + at, len}, .line = line, .byte = at, .index = index};
        struct err err = {0};
        char *copy;

        at += len + 1;
        if (len && record.raw.at[len - 1] == '\r')
            record.raw.len--;
        if (str_trim(record.raw).len == 0 && !memchr(record.raw.at, '\f', record.raw.len) &&
            !memchr(record.raw.at, '\v', record.raw.len))
            continue;
        index++;
        copy = padded(record.raw.at, record.raw.len);
        if (json_parse(p, str_make(copy, record.raw.len), &record.value, &err) == 0) {
            tell_record(out, &record);
        } else {
            err.line += line - 1;
            err.byte += record.byte;
            tell_failure(out, &record, &err);
        }
        err_release(&err);
        free(copy);
    }
    json_parser_free(p);
}

/* Documents as lines, blank ones and CRLF between them; without a byte order mark or UTF-16, which a line of its
 * own is judged differently for. */
static void make_lines(struct buf *out, size_t first, size_t step)
{
    for (size_t i = first; i < ARRAY_LEN(documents); i += step) {
        const struct document *d = &documents[i];

        if (memchr(d->text, '\n', d->len) || d->verdict == W0325 || (d->len && d->text[0] == '\xef'))
            continue;
        if (d->len > 1 && (d->text[0] == '\0') != (d->text[1] == '\0'))
            continue;
        buf_add(out, d->text, d->len);
        buf_add_text(out, i % 3 ? "\n" : "\r\n");
        if (i % 7 == 0)
            buf_add_text(out, " \n");
    }
    buf_add_text(out, "{\"last\":[1,2,{\"x\":\"\\u00e9\"}]}");
}

static bool equal(const struct buf *a, const struct buf *b)
{
    return str_eq(buf_str(a), buf_str(b));
}

static void test_windows(void)
{
    static const size_t more[] = {131, 257, 512, 1000, 1024, 4096};
    CLEANUP(buf_release) struct buf text = BUF_INIT, expected = BUF_INIT, got = BUF_INIT;
    struct reader *r = reader_of("jsonl", NULL);
    struct input in;
    int fd, wrong = 0, tried;

    make_lines(&text, 0, 1);
    expect_lines(buf_str(&text), &expected);
    fd = file_of(text.at, text.len);
    in = input_of(fd, text.len);
    for (tried = 0; tried < 100 + (int)ARRAY_LEN(more); tried++) {
        r->lines->window = tried < 100 ? (size_t)tried + 1 : more[tried - 100];
        buf_clear(&got);
        tell_all(r, &in, &got);
        wrong += !equal(&got, &expected);
    }
    ok(wrong == 0 && expected.len > 5000, "%zu bytes of good and bad lines read alike through %d windows", text.len,
        tried);
    r->ops->close(r);
    close(fd);
}

static void test_parts(void)
{
    CLEANUP(buf_release) struct buf text = BUF_INIT, expected = BUF_INIT, got = BUF_INIT;
    struct reader *r = reader_of("jsonl", NULL);
    int fd, wrong = 0;
    struct input whole;

    make_lines(&text, 3, 9);
    expect_lines(buf_str(&text), &expected);
    fd = file_of(text.at, text.len);
    whole = input_of(fd, text.len);
    r->lines->window = 50;
    for (size_t cut = 1; cut < text.len; cut++) {
        struct input first = whole, second = whole;

        first.to = second.from = cut;
        buf_clear(&got);
        tell_all(r, &first, &got);
        second.line = 1;
        for (size_t i = 0; i < text.len && (i < cut || text.at[i - 1] != '\n'); i++)
            second.line += text.at[i] == '\n';
        for (size_t i = 0; i < got.len; i++)
            second.index += got.at[i] == '\n';
        tell_all(r, &second, &got);
        wrong += !equal(&got, &expected);
    }
    ok(wrong == 0, "a file cut in two anywhere gives the same records (%zu cuts, %d wrong)", text.len - 1, wrong);
    r->ops->close(r);
    close(fd);
}

/* Stop after each record, go on from reader_consumed(). */
static void test_resume(const char *format, const struct reader_options *options, const char *text, size_t len)
{
    CLEANUP(buf_release) struct buf expected = BUF_INIT, got = BUF_INIT;
    CLEANUP(close_fd) int fd = file_of(text, len);
    struct reader *r = reader_of(format, options);
    struct input in = input_of(fd, len);
    struct record record = {0};
    uint64_t n = 0;

    r->lines->window = 16;
    tell_all(r, &in, &expected);
    for (;;) {
        struct err err = {0};
        int found;

        r->ops->start(r, &in, &err);
        found = r->ops->next(r, &record, &err);
        if (found == 0)
            break;
        if (found > 0)
            tell_record(&got, &record);
        else
            tell_failure(&got, &record, &err);
        err_release(&err);
        in.from = reader_consumed(r);
        in.index = ++n;
        in.line = 1;
        for (size_t i = 0; i < in.from; i++)
            in.line += text[i] == '\n';
    }
    ok(equal(&got, &expected) && got.len > 0, "%s: stopped and resumed after each record", format);
    r->ops->close(r);
}

/* --- limits --- */

static void test_long_lines(void)
{
    struct reader_options options = {.record_max = 2000};
    static const size_t lengths[] = {1998, 2000, 2001, 3000, 100000};

    for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
        CLEANUP(buf_release) struct buf text = BUF_INIT, got = BUF_INIT;
        struct reader *r = reader_of("jsonl", &options);
        struct record record = {0};
        struct err err = {0};
        struct input in;
        int fd;

        buf_add_text(&text, "1\n\"");
        while (text.len < 2 + lengths[i] - 1)
            buf_add_char(&text, 'x');
        buf_add_text(&text, "\"\n[3]\n4");
        fd = file_of(text.at, text.len);
        in = input_of(fd, text.len);
        r->lines->window = 512;
        r->ops->start(r, &in, NULL);
        ok(r->ops->next(r, &record, &err) == 1, "%zu: the line before", lengths[i]);
        if (lengths[i] <= 2000) {
            ok(r->ops->next(r, &record, &err) == 1 && record.raw.len == lengths[i], "%zu: fits", lengths[i]);
        } else {
            char size[40];

            snprintf(size, sizeof size, "a line of %zu bytes", lengths[i]);
            ok(r->ops->next(r, &record, &err) < 0 && err.scope == ERR_RECORD && err.code == W0328, "%zu: refused",
                lengths[i]);
            ok(strncmp(err.message, size, strlen(size)) == 0 && strstr(err.message, "2000"), "%s", err.message);
            ok(err.line == 2 && record.line == 2 && record.byte == 2 && record.raw.len == 1024, "%zu: place and head",
                lengths[i]);
        }
        err_release(&err);
        ok(r->ops->next(r, &record, &err) == 1 && record.line == 3 && record.byte == 2 + lengths[i] + 1 &&
            record.index == 2 &&
           record.value.type == VALUE_ARRAY, "%zu: the line behind", lengths[i]);
        ok(r->ops->next(r, &record, &err) == 1 && str_is(record.raw, "4"), "%zu: and the last", lengths[i]);
        ok(r->ops->next(r, &record, &err) == 0 && reader_consumed(r) == text.len, "%zu: then the end", lengths[i]);
        ok(r->lines->capacity < 8192, "%zu: in a window of %zu bytes", lengths[i], r->lines->capacity);
        r->ops->close(r);
        close(fd);
    }
}

static void test_large_files(void)
{
    static const char *const formats[] = {"json", "text", "bytes", "markdown"};
    struct reader_options options = {.record_max = 10};

    for (size_t i = 0; i < ARRAY_LEN(formats); i++) {
        CLEANUP(close_fd) int fd = file_of("\"12345678\"x", 11);
        struct reader *r = reader_of(formats[i], &options);
        struct record record = {0};
        struct err err = {0};
        struct input in = input_of(fd, 11);

        r->ops->start(r, &in, NULL);
        ok(r->ops->next(r, &record, &err) < 0 && err.scope == ERR_FILE && err.code == W0328, "%s: a file too large",
            formats[i]);
        ok(strstr(err.message, "11 bytes") && strstr(err.message, "limit of 10") && strstr(err.help, "max_bytes") &&
           strstr(err.help, "--memory"), "%s: %s", formats[i], err.message);
        err_release(&err);
        in.size = in.to = 10;
        r->ops->start(r, &in, NULL);
        ok(r->ops->next(r, &record, &err) == 1, "%s: the next one is read", formats[i]);
        in.size = in.to = 100;
        options.record_max = 1000;
        r->ops->close(r);
        r = reader_of(formats[i], &options);
        r->ops->start(r, &in, NULL);
        ok(r->ops->next(r, &record, &err) < 0 && err.scope == ERR_FILE && err.code == W0332, "%s: a file that shrank",
            formats[i]);
        err_release(&err);
        r->ops->close(r);
        options.record_max = 10;
    }
    {
        CLEANUP(close_fd) int fd = file_of("1\n2\n", 4);
        struct reader *r = reader_of("jsonl", NULL);
        struct record record = {0};
        struct err err = {0};
        struct input in = input_of(fd, 9);

        r->ops->start(r, &in, NULL);
        while (r->ops->next(r, &record, &err) > 0)
            ;
        ok(err.scope == ERR_FILE && err.code == W0332, "jsonl: a file that shrank");
        err_release(&err);
        in.fd = -1;
        r->ops->start(r, &in, NULL);
        ok(r->ops->next(r, &record, &err) < 0 && err.scope == ERR_FILE && err.code == W0302,
            "jsonl: one that cannot be read");
        err_release(&err);
        r->ops->close(r);
    }
}

static void test_registry(void)
{
    static const struct { const char *path, *name; } paths[] = {
        {"a.json", "json"}, {"x/y.jsonl", "jsonl"}, {"n.ndjson", "jsonl"}, {"r.md", "markdown"}, {"r.mdx", "markdown"},
        {"t.txt", "text"}, {"app.log", "lines"}, {"noending", NULL}, {"x.png", NULL}, {"json", NULL},
    };
    size_t n;
    const char *const *names = reader_names(&n);

    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        const struct reader_ops *ops = reader_by_path(str_of(paths[i].path));

        is_str(ops ? ops->name : NULL, paths[i].name, "%s", paths[i].path);
    }
    for (size_t i = 0; i < n; i++)
        is_str(reader_by_name(str_of(names[i]))->name, names[i], "format %s", names[i]);
    ok(reader_by_name(str_of("xml")) == NULL, "no such format");
    is_int((long long)n, 6, "six formats");
}

static void test_place(void)
{
    static const struct { uint64_t byte, line, column; } places[] = {
        {100, 7, 1}, {101, 7, 2}, {103, 7, 3}, {104, 8, 1}, {105, 8, 2}, {106, 9, 1}, {999, 9, 1}, {3, 7, 1},
    };

    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        uint64_t line, column;

        reader_place(str_of("a\xc3\xa9\nb\n"), 100, 7, places[i].byte, &line, &column);
        ok(line == places[i].line && column == places[i].column, "place of byte %lu", (unsigned long)places[i].byte);
    }
}

int main(void)
{
    static const char lines[] = "{\"a\":1}\n\n2\n\"bad\n[3]\r\n \n4";
    static const char log[] = "1 start\n  at x\n\n  at y\n2 next\n3 last\nmore";
    struct reader_options append = {.pattern = str_of("^(?<n>\\d) (?<text>.*)$"), .unmatched = str_of("append")};

    test_files();
    test_windows();
    test_parts();
    test_resume("jsonl", NULL, lines, sizeof lines - 1);
    test_resume("lines", &append, log, sizeof log - 1);
    test_long_lines();
    test_large_files();
    test_registry();
    test_place();
    return done_testing();
}
