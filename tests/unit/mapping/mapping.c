/* Every directory of tests/mappings/wrong holds a mapping and all its faults, in order: place, code, message. */
#include "base/buf.h"
#include "base/cleanup.h"
#include "mapping/mapping.h"
#include "tap.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

enum { CASES_MIN = 70 };

static bool read_text(const char *path, struct buf *ret)
{
    CLEANUP(close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC);

    return fd >= 0 && buf_read_fd(ret, fd, 8 << 20, NULL) == 0;
}

static void print_faults(const struct mapping_faults *faults, struct buf *out)
{
    for (size_t i = 0; i < faults->n; i++) {
        const struct err *e = &faults->at[i];

        buf_printf(out, "%u:%u %s %s\n", e->map_line, e->map_column, code_entry(e->code)->name, e->message);
    }
}

static void test_wrong(const char *root, const char *name)
{
    CLEANUP(mapping_faults_release) struct mapping_faults faults = {0};
    CLEANUP(buf_release) struct buf path = BUF_INIT, expected_path = BUF_INIT, expected = BUF_INIT, got = BUF_INIT;
    struct mapping *m;
    bool scopes = true;

    buf_printf(&path, "%s/tests/mappings/wrong/%s/mapping.yaml", root, name);
    buf_printf(&expected_path, "%s/tests/mappings/wrong/%s/expected", root, name);
    m = mapping_open(buf_text(&path), &faults);
    ok(m == NULL, "%s: refused", name);
    mapping_free(m);
    print_faults(&faults, &got);
    ok(read_text(buf_text(&expected_path), &expected), "%s: has an expectation", name);
    is_str(buf_text(&got), buf_text(&expected), "%s: faults", name);
    for (size_t i = 0; i < faults.n; i++)
        scopes = scopes && faults.at[i].scope == ERR_RUN && faults.at[i].map_len > 0;
    ok(scopes, "%s: each stops the run and has a caret", name);
}

static int is_visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static void test_all_wrong(const char *root)
{
    CLEANUP(buf_release) struct buf path = BUF_INIT;
    struct dirent **entries = NULL;
    int n;

    buf_printf(&path, "%s/tests/mappings/wrong", root);
    n = scandir(buf_text(&path), &entries, is_visible, alphasort);
    ok(n >= CASES_MIN, "%d wrong mappings in %s", n, buf_text(&path));
    for (int i = 0; i < n; i++) {
        test_wrong(root, entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
}

/* Faults that need bytes which no file in the repository should have. */
static const struct { const char *name, *bytes; size_t len; const char *fault; } bytes[] = {
    {"empty", "", 0, "1:1 W0208 the mapping is empty\n"},
    {"comment only", "# nothing\n", 10, "1:1 W0208 the mapping is empty\n"},
    {"UTF-16", "\xFF\xFEw\0i\0", 6, "1:1 W0201 this is UTF-16 or UTF-32, or no text; a mapping is UTF-8\n"},
    {"UTF-16 without a mark", "w\0i\0n\0", 6, "1:1 W0201 this is UTF-16 or UTF-32, or no text; a mapping is UTF-8\n"},
    {"NUL", "a: b\nc: d\0\n", 11,
     "2:5 W0201 character U+0000 cannot stand in a mapping; write \"\\u0000\" in double quotes\n"},
    {"Latin-1", "name: caf\xE9\n", 11, "1:10 W0201 byte 0xE9 is not UTF-8\n"},
    {"overlong", "name: \xC0\xAF\n", 9, "1:7 W0201 byte 0xC0 is not UTF-8\n"},
    {"escape", "name: \x1B[0m\n", 11,
     "1:7 W0201 character U+001B cannot stand in a mapping; write \"\\u001B\" in double quotes\n"},
    {"line separator", "n\xC3\xA9: a\xE2\x80\xA8" "b\n", 11,
     "1:6 W0201 character U+2028 cannot stand in a mapping; write \"\\u2028\" in double quotes\n"},
    {"byte order mark inside", "a: \xEF\xBB\xBF" "b\n", 8,
     "1:4 W0201 character U+FEFF cannot stand in a mapping; write \"\\uFEFF\" in double quotes\n"},
    {"carriage returns", "a: b\rc: d\r", 10, "1:5 W0201 a carriage return alone is no line end; use \\n or \\r\\n\n"},
};

static void test_bytes(void)
{
    for (size_t i = 0; i < ARRAY_LEN(bytes); i++) {
        CLEANUP(mapping_faults_release) struct mapping_faults faults = {0};
        CLEANUP(buf_release) struct buf got = BUF_INIT;
        struct mapping *m = mapping_parse(str_make(bytes[i].bytes, bytes[i].len), "test.yaml", &faults);

        print_faults(&faults, &got);
        is_str(buf_text(&got), bytes[i].fault, "%s", bytes[i].name);
        mapping_free(m);
    }
}

/* Where the answer is "quote this", the help shows the whole value in quotes. */
static const struct { const char *line, *help; uint32_t column, len; } quotes[] = {
    {"a: {path: .a[0], type: integer}", "write '.a[0]'", 11, 5},
    {"a: [.a[0], .b]", "write '.a[0]'", 5, 5},
    {"a: {expr: if .a then {b: .c} else 1 end}", "write 'if .a then {b: .c} else 1 end'", 11, 29},
    {"a: {expr: .a | test(\"x\", .b), type: text}", "write '.a | test(\"x\", .b)'", 11, 18},
    {"a: {expr: .a | split(\", \") | last}", "write '.a | split(\", \") | last'", 11, 23},
    {"a: {sender}/x.json   # the file", "write '{sender}/x.json'", 4, 15},
    {"a: [{sender}/x.json, y]", "write '{sender}/x.json'", 5, 15},
    {"a: **/*.json", "write '**/*.json'", 4, 9},
    {"a: [logs/, *.tmp, x]", "write '*.tmp'", 12, 5},
    {"a: [logs/, *tmp]", "write '*tmp'", 12, 4},
    {"a: \"it's\" + .b", "write '\"it''s\" + .b'", 4, 11},
    {"a: [.a, .b] | join(\",\")", "write '[.a, .b] | join(\",\")'", 4, 20},
    {"a: .tags | index(\"a #1\")", "write '.tags | index(\"a #1\")'", 4, 21},
    {"a: if .a then {b: 1} else false end", "write 'if .a then {b: 1} else false end'", 4, 32},
    {"a: @base64 # x", "write '@base64'", 4, 7},
    {"a: !.deleted", "write '!.deleted'", 4, 9},
};

static void test_quotes(void)
{
    for (size_t i = 0; i < ARRAY_LEN(quotes); i++) {
        CLEANUP(mapping_faults_release) struct mapping_faults faults = {0};
        struct mapping *m = mapping_parse(str_of(quotes[i].line), "test.yaml", &faults);
        const struct err *e = NULL;

        for (size_t k = 0; k < faults.n && !e; k++)
            e = faults.at[k].code == W0203 ? &faults.at[k] : NULL;
        ok(e && e->map_column == quotes[i].column && e->map_len == quotes[i].len, "%s: caret", quotes[i].line);
        is_str(e ? e->help : NULL, quotes[i].help, "%s: help", quotes[i].line);
        mapping_free(m);
    }
}

#define MINIMAL "windrow: 1\nname: n\ntables: {t: {from: x, columns: {a: .a}}}\n"

static void test_limits(void)
{
    CLEANUP(mapping_faults_release) struct mapping_faults faults = {0}, many = {0}, deep = {0};
    CLEANUP(buf_release) struct buf text = BUF_INIT;
    struct mapping *m;

    buf_add_text(&text, MINIMAL "#");
    while (text.len < 1024 * 1024)
        buf_add_char(&text, '#');
    m = mapping_parse(buf_str(&text), "test.yaml", &faults);
    ok(m && faults.n == 0, "exactly 1 MiB is read");
    mapping_free(m);
    buf_add_char(&text, '#');
    m = mapping_parse(buf_str(&text), "test.yaml", &faults);
    ok(!m && faults.n == 1 && faults.at[0].code == W0205, "one byte more is refused");

    buf_clear(&text);
    buf_add_text(&text, "windrow: 1\nname: n\n");
    for (int i = 0; i < 5000; i++)
        buf_printf(&text, "odd%d: 1\n", i);
    m = mapping_parse(buf_str(&text), "test.yaml", &many);
    ok(!m && many.n == MAPPING_FAULTS_MAX, "not more than %d faults are kept", MAPPING_FAULTS_MAX);
    ok(many.at[0].map_line == 1 && many.at[1].map_line == 3, "in the order of their places");

    buf_clear(&text);
    for (int i = 0; i < 40000; i++)
        buf_add_char(&text, '[');
    m = mapping_parse(buf_str(&text), "test.yaml", &deep);
    ok(!m && deep.n == 1 && deep.at[0].code == W0205 && deep.at[0].map_column == 33, "40,000 brackets end at the 33rd");
}

/* Many keys and many faults on one long line: no step may cost a scan of the line each time. */
static void test_long_line(void)
{
    CLEANUP(mapping_faults_release) struct mapping_faults faults = {0};
    CLEANUP(buf_release) struct buf text = BUF_INIT;
    struct mapping *m;

    buf_add_text(&text, "{");
    for (int i = 0; i < 60000; i++)
        buf_printf(&text, "&a k%d: !t x,", i % 30000);
    buf_add_text(&text, "}");
    m = mapping_parse(buf_str(&text), "test.yaml", &faults);
    ok(!m && faults.n == MAPPING_FAULTS_MAX, "a line of 60,000 keys with a fault in each");
}

/* Names are compared with each other; too many of them are refused at once. */
static void test_many_names(void)
{
    CLEANUP(mapping_faults_release) struct mapping_faults faults = {0};
    CLEANUP(buf_release) struct buf text = BUF_INIT;
    struct mapping *m;

    buf_add_text(&text, MINIMAL "documents: {");
    for (int i = 0; i < 1000; i++)
        buf_printf(&text, "d%d: x,", i);
    buf_add_text(&text, "}\nindexes: {");
    for (int i = 0; i < 30000; i++)
        buf_printf(&text, "i%d: {of: $z, by: .a},", i);
    buf_add_text(&text, "}\n");
    m = mapping_parse(buf_str(&text), "test.yaml", &faults);
    ok(!m && faults.n == 1 && faults.at[0].code == W0224 && faults.at[0].map_line == 5,
       "1,000 documents, not 30,000 indexes");
}

static void test_files(void)
{
    CLEANUP(mapping_faults_release) struct mapping_faults faults = {0}, both = {0};
    struct mapping *m = mapping_open("/nowhere/mapping.yaml", &faults);

    ok(!m && faults.n == 1 && faults.at[0].code == W0222, "a file that is not there");
    is_str(faults.at[0].message, "cannot open '/nowhere/mapping.yaml': No such file or directory", "says so");
    m = mapping_parse(str_of(MINIMAL), "test.yaml", &faults);
    ok(m && faults.n == 1, "faults of another mapping do not refuse this one");
    mapping_free(m);
    m = mapping_open("/", &both);
    ok(!m && both.n == 1 && both.at[0].code == W0222, "a directory");
}

int main(void)
{
    const char *root = getenv("WINDROW_SOURCE_DIR");

    test_all_wrong(root ? root : ".");
    test_bytes();
    test_quotes();
    test_limits();
    test_long_line();
    test_many_names();
    test_files();
    return done_testing();
}
