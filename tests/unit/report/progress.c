/* Progress on a clock that the test moves: what is said, when, and how wide. */
#include "report/progress.h"
#include "base/cleanup.h"
#include "report/escape.h"
#include "report/format.h"
#include "tap.h"

#include <jansson.h>
#include <stdlib.h>
#include <sys/mman.h>

static const uint64_t S = 1000000000, MS = 1000000, START = 5000000000000;
static const uint64_t GIB = 1ULL << 30;

static size_t wide(int fd)
{
    (void)fd;
    return 200;
}

static size_t narrow(int fd)
{
    (void)fd;
    return 40;
}

/* What has been written to the descriptor so far. */
static void written(int fd, struct buf *ret)
{
    off_t end = lseek(fd, 0, SEEK_END);

    buf_clear(ret);
    if (end <= 0 || buf_reserve(ret, (size_t)end) < 0)
        return;
    ret->len = (size_t)pread(fd, ret->at, (size_t)end, 0);
    ret->at[ret->len] = '\0';
}

static size_t count(const char *text, char c)
{
    size_t n = 0;

    for (; *text; text++)
        n += *text == c;
    return n;
}

/* The example of the design: 1.83 of 2.99 GiB after 2:14 at a steady pace. */
static struct progress_state example(void)
{
    return (struct progress_state){
        .bytes = (uint64_t)(1.83 * (double)GIB), .bytes_total = (uint64_t)(2.99 * (double)GIB), .files = 91204,
        .files_total = 148730, .rows = 3120551, .rejects = 12, .checkpoint_ns = START + 130 * S,
    };
}

static void test_line(void)
{
    CLEANUP(buf_release) struct buf text = BUF_INIT;
    struct progress_state s = example();
    struct progress p;

    progress_init(&p, PROGRESS_LINE, -1, START);
    p.rate = 14.6 * 1024 * 1024;
    progress_format(&p, START + 134 * S, &s, 200, &text);
    is_str(buf_text(&text), "[ 2:14]  61.2%  1.83 / 2.99 GiB  14.6 MiB/s  files 91,204/148,730  rows 3,120,551  "
           "rejects 12  checkpoint 4s ago  ETA 1:22", "the line");
}

static void test_width(void)
{
    struct progress_state s = example();
    struct progress p;
    size_t too_wide = 0, last = 0, grew = 0;

    progress_init(&p, PROGRESS_LINE, -1, START);
    p.rate = 1e6;
    for (size_t columns = 0; columns <= 200; columns++) {
        CLEANUP(buf_release) struct buf text = BUF_INIT;
        size_t width;

        progress_format(&p, START + 134 * S, &s, columns, &text);
        width = escape_width(buf_str(&text));
        too_wide += width > columns;
        grew += width < last;
        last = width;
        if (columns == 30)
            ok(strstr(buf_text(&text), "%") && strstr(buf_text(&text), "ETA"), "share and time to go are kept longest");
    }
    is_int((long long)too_wide, 0, "the line fits every width");
    ok(last > 100 && grew < 20, "and uses what there is");
}

static void test_pace(void)
{
    CLEANUP(close_fd) int fd = memfd_create("line", 0);
    CLEANUP(buf_release) struct buf out = BUF_INIT;
    struct progress_state s = {.bytes_total = 100000};
    struct progress p;

    progress_init(&p, PROGRESS_LINE, fd, START);
    p.columns = wide;
    for (uint64_t ms = 0; ms < 10000; ms++) {
        s.bytes = ms * 10;
        progress_draw(&p, START + ms * MS, &s);
    }
    written(fd, &out);
    is_int((long long)count(buf_text(&out), '\r'), 50, "five times a second, however often it is asked");
    is_int((long long)count(buf_text(&out), '\n'), 0, "one line, never two");
    ok(p.rate > 9900 && p.rate < 10100, "the rate is that of the bytes");
    progress_clear(&p);
    written(fd, &out);
    ok(str_ends(buf_str(&out), str_of("\r\033[K")), "cleared before others write");
    progress_clear(&p);
    written(fd, &out);
    is_int((long long)count(buf_text(&out), '\r'), 51, "clearing twice is clearing once");
    progress_draw(&p, START + 10000 * MS, &s);
    written(fd, &out);
    is_int((long long)count(buf_text(&out), '\r'), 52, "the next draw brings it back at once");
    progress_end(&p, START + 10001 * MS, &s);
    written(fd, &out);
    ok(str_ends(buf_str(&out), str_of("\r\033[K")), "taken away at the end");
}

static void test_terminal_width(void)
{
    CLEANUP(close_fd) int fd = memfd_create("line", 0);
    CLEANUP(buf_release) struct buf out = BUF_INIT;
    struct progress_state s = example();
    struct progress p;
    size_t before;

    progress_init(&p, PROGRESS_LINE, fd, START);
    p.columns = wide;
    progress_draw(&p, START + S, &s);
    written(fd, &out);
    before = out.len;
    p.columns = narrow;
    progress_draw(&p, START + 2 * S, &s);
    written(fd, &out);
    ok(before > 60 && out.len - before <= 39 + 4, "the width is asked for at each draw");
}

static void test_resumed_rate(void)
{
    struct progress_state s = {.bytes = 1000000, .bytes_total = 3000000};
    CLEANUP(buf_release) struct buf text = BUF_INIT;
    struct progress p;

    progress_init(&p, PROGRESS_LINE, -1, START);
    progress_draw(&p, START, &s);
    s.bytes += 10000;
    progress_draw(&p, START + S, &s);
    ok(p.rate > 9900 && p.rate < 10100, "what an earlier run committed is no speed");
    progress_format(&p, START + S, &s, 200, &text);
    ok(strstr(buf_text(&text), "ETA 3:19") != NULL, "nor does it make the end come sooner");
}

/* Walking the source takes time before the first byte; it does not slow the rate down. */
static void test_late_start(void)
{
    struct progress_state s = {.bytes_total = 3000000};
    struct progress p;

    progress_init(&p, PROGRESS_LINE, -1, START);
    for (uint64_t i = 0; i < 20; i++) {
        progress_draw(&p, START + 3 * S + i * 200 * MS, &s);
        s.bytes += 1000;
    }
    ok(p.rate > 4900 && p.rate < 5100, "the rate counts from the first look");
}

static void test_rate_settles(void)
{
    struct progress_state s = {.bytes_total = 1ULL << 40};
    struct progress p;

    progress_init(&p, PROGRESS_LINE, -1, START);
    for (uint64_t i = 0; i < 600; i++) {
        s.bytes += i < 300 ? 1000 : 5000;
        progress_draw(&p, START + i * 200 * MS, &s);
    }
    ok(p.rate > 22000 && p.rate < 25100, "the rate follows a change of pace");
}

static void test_plain(void)
{
    CLEANUP(close_fd) int fd = memfd_create("plain", 0);
    CLEANUP(buf_release) struct buf out = BUF_INIT;
    struct progress_state s = {.bytes_total = 100000, .phase = "walking\033[2J"};
    struct progress p;

    progress_init(&p, PROGRESS_PLAIN, fd, START);
    for (uint64_t ms = 0; ms <= 35000; ms += 100)
        progress_draw(&p, START + ms * MS, &s);
    written(fd, &out);
    is_int((long long)count(buf_text(&out), '\n'), 3, "a line each ten seconds");
    ok(!strchr(buf_text(&out), '\033') && !strchr(buf_text(&out), '\r'), "without escapes");
    ok(strstr(buf_text(&out), "ETA") == NULL, "no time to go while nothing moves");
    progress_end(&p, START + 36 * S, &s);
    written(fd, &out);
    is_int((long long)count(buf_text(&out), '\n'), 4, "and one at the end");
}

static void test_json(void)
{
    CLEANUP(close_fd) int fd = memfd_create("json", 0);
    CLEANUP(buf_release) struct buf out = BUF_INIT;
    struct progress_state s = example();
    struct progress p;
    size_t lines = 0, wrong = 0, ends = 0;

    progress_init(&p, PROGRESS_JSON, fd, START);
    for (uint64_t ms = 0; ms <= 5000; ms += 100)
        progress_draw(&p, START + ms * MS, &s);
    progress_end(&p, START + 6 * S, &s);
    written(fd, &out);
    for (char *line = out.at, *end; line && (end = strchr(line, '\n')); line = end + 1) {
        json_t *o = json_loadb(line, (size_t)(end - line), 0, NULL);

        lines++;
        wrong += !o || json_integer_value(json_object_get(o, "rows")) != 3120551
            || json_integer_value(json_object_get(o, "bytes_total")) != (json_int_t)s.bytes_total;
        ends += json_is_true(json_object_get(o, "end"));
        json_decref(o);
    }
    is_int((long long)lines, 6, "an object each second, and at the end");
    ok(wrong == 0 && ends == 1, "each is read back; the last says so");
}

static void test_none(void)
{
    CLEANUP(close_fd) int fd = memfd_create("none", 0);
    CLEANUP(buf_release) struct buf out = BUF_INIT;
    struct progress_state s = example();
    struct progress p;

    progress_init(&p, PROGRESS_NONE, fd, START);
    progress_draw(&p, START + 60 * S, &s);
    progress_clear(&p);
    progress_end(&p, START + 70 * S, &s);
    written(fd, &out);
    is_int((long long)out.len, 0, "none says nothing");
}

static void test_end_of_the_scale(void)
{
    static const struct { uint64_t done, total; const char *share; } cases[] = {
        {0, 10, "0.0%"}, {9999, 10000, "99.9%"}, {10000, 10000, "100.0%"}, {11, 10, "100.0%"}, {5, 0, NULL},
        {UINT64_MAX - 1, UINT64_MAX, "%"},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(buf_release) struct buf text = BUF_INIT;
        struct progress_state s = {.bytes = cases[i].done, .bytes_total = cases[i].total};
        struct progress p;

        progress_init(&p, PROGRESS_LINE, -1, START);
        progress_format(&p, START, &s, 200, &text);
        ok(cases[i].share ? strstr(buf_text(&text), cases[i].share) != NULL : !strchr(buf_text(&text), '%'),
           "share of case %zu: %s", i, buf_text(&text));
    }
}

static void test_modes(void)
{
    CLEANUP(close_fd) int fd = memfd_create("file", 0);
    enum progress_mode mode = PROGRESS_NONE;

    ok(progress_mode_by_name("auto", fd, &mode) && mode == PROGRESS_PLAIN, "auto on a file is plain");
    ok(progress_mode_by_name("json", fd, &mode) && mode == PROGRESS_JSON, "json");
    ok(!progress_mode_by_name("fancy", fd, &mode) && mode == PROGRESS_JSON, "an unknown name changes nothing");
}

static void test_numbers(void)
{
    static const struct { int (*format)(struct buf *, uint64_t); uint64_t n; const char *text; } cases[] = {
        {format_count, 0, "0"}, {format_count, 999, "999"}, {format_count, 1000, "1,000"},
        {format_count, UINT64_MAX, "18,446,744,073,709,551,615"}, {format_bytes, 0, "0 B"},
        {format_bytes, 1023, "1023 B"}, {format_bytes, 1024, "1.00 KiB"}, {format_bytes, 1536 * 1024, "1.50 MiB"},
        {format_bytes, 1024 * 1024 - 1, "1.00 MiB"}, {format_bytes, 999ULL << 30, "999 GiB"},
        {format_bytes, UINT64_MAX, "16384 PiB"}, {format_clock, 7000000000, "0:07"},
        {format_clock, 134000000000, "2:14"},
        {format_clock, 3734000000000, "1:02:14"}, {format_duration, 313000000, "0.313 s"},
        {format_duration, 12400000000, "12.4 s"}, {format_duration, 134000000000, "2:14"},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(buf_release) struct buf text = BUF_INIT;

        cases[i].format(&text, cases[i].n);
        is_str(buf_text(&text), cases[i].text, "number %zu", i);
    }
}

int main(void)
{
    test_line();
    test_width();
    test_pace();
    test_terminal_width();
    test_resumed_rate();
    test_late_start();
    test_rate_settles();
    test_plain();
    test_json();
    test_none();
    test_end_of_the_scale();
    test_modes();
    test_numbers();
    return done_testing();
}
