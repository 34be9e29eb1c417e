/* Golden blocks of text: where the carets stand, what is cut, what is escaped. */
#include "report/render.h"
#include "report/escape.h"
#include "base/cleanup.h"
#include "tap.h"

#include <stdlib.h>

static struct finding design(void)
{
    return (struct finding){
        .code = W0412, .outcome = FINDING_REJECTED, .label = str_of("expected integer"),
        .at = {.file = str_of("tmp/42/profile.json"), .line = 17, .column = 14, .byte = 5310, .has_byte = true,
               .pointer = str_of("/addresses/2/zip")},
        .excerpt = str_of("      \"zip\": \"D-1o115\","),
        .value = str_of("D-1o115"),
        .mapping_file = str_of("mappings/chat.yaml"), .mapping_line = 31, .mapping_column = 25, .mapping_len = 7,
        .mapping_text = str_of("      zip: {path: .zip, type: integer}"),
        .table = str_of("addresses"), .column = str_of("zip"), .row = str_of("addresses, number 2 of users(42)"),
        .note = str_of("1 of at most 100"),
    };
}

static void is_rendered(const struct finding *f, size_t columns, const char *expected, const char *name)
{
    CLEANUP(buf_release) struct buf text = BUF_INIT;
    struct render_options options = {.columns = columns};

    ok(render_finding(&text, f, &options) == 0, "%s: rendered", name);
    is_str(buf_text(&text), expected, "%s: text", name);
}

static void test_group(void)
{
    CLEANUP(findings_release) struct findings f = {0};
    CLEANUP(buf_release) struct buf text = BUF_INIT;
    struct finding x = design();

    findings_add(&f, &x, NULL);
    x.at.line = 9;
    for (int i = 51; i < 62; i++) {
        char file[32];

        snprintf(file, sizeof file, "tmp/%d/profile.json", i);
        x.at.file = str_of(file);
        findings_add(&f, &x, NULL);
    }
    render_findings(&text, &f, NULL);
    is_str(buf_text(&text),
           "error[W0412]: value does not fit the column\n"
           "  --> tmp/42/profile.json:17:14  (byte 5310, /addresses/2/zip)\n"
           "   |\n"
           "17 |       \"zip\": \"D-1o115\",\n"
           "   |              ^^^^^^^^^ expected integer\n"
           "  ::: mappings/chat.yaml:31:25\n"
           "31 |       zip: {path: .zip, type: integer}\n"
           "   |                         ------- because of this\n"
           "   = row:  addresses, number 2 of users(42): rejected, 1 of at most 100\n"
           "   = same in 11 more rows; first: tmp/51/profile.json:9:14, tmp/52/profile.json:9:14, "
           "tmp/53/profile.json:9:14\n"
           "\n"
           "for more: windrow explain W0412\n", "a group");
}

static void test_mapping_alone(void)
{
    struct finding f = {
        .code = W0201, .message = str_of("unknown key 'colums'"), .label = str_of("did you mean 'columns'?"),
        .mapping_file = str_of("chat.yaml"), .mapping_line = 8, .mapping_column = 5, .mapping_len = 6,
        .mapping_text = str_of("    colums:"), .help = str_of("see docs/mapping.md"),
    };

    is_rendered(&f, 80,
                "error[W0201]: unknown key 'colums'\n"
                " --> chat.yaml:8:5\n"
                "  |\n"
                "8 |     colums:\n"
                "  |     ^^^^^^ did you mean 'columns'?\n"
                "  = help: see docs/mapping.md\n", "a fault of the mapping");
}

static void test_no_place(void)
{
    struct finding f = {
        .code = W0501, .message = str_of("cannot connect"), .sqlstate = "28P01", .label = str_of("as app@db"),
        .help = str_of("try again"),
    };

    is_rendered(&f, 80, "error[W0501]: cannot connect\n  = as app@db\n  = database: SQLSTATE 28P01\n"
                "  = help: try again\n", "no place at all");
}

static void test_other_place(void)
{
    struct finding f = {
        .severity = FINDING_WARNING, .message = str_of("two rows have the same key"),
        .at = {.file = str_of("b.jsonl"), .line = 120, .column = 0}, .excerpt = str_of("{\"id\":1}"),
        .other = {.file = str_of("a.jsonl"), .line = 3, .column = 7}, .other_label = str_of("first seen here"),
        .table = str_of("users"), .outcome = FINDING_SKIPPED, .value = str_of("line 1\nline 2"),
    };

    is_rendered(&f, 80,
                "warning: two rows have the same key\n"
                "   --> b.jsonl:120\n"
                "    |\n"
                "120 | {\"id\":1}\n"
                "   ::: a.jsonl:3:7  first seen here\n"
                "    = value: line 1\\x0Aline 2\n"
                "    = table: users: skipped\n", "a second place, no column, a value of two lines");
}

/* Under wide characters, tabs and escapes the caret stands where the eye expects it. */
static const struct {
    const char *name, *text;
    uint64_t column;
    uint32_t length;
    const char *line, *carets;
} carets[] = {
    {"string token", "{\"a\": \"x\\\"y\", \"b\": 1}", 7, 0, "{\"a\": \"x\\\"y\", \"b\": 1}", "      ^^^^^^"},
    {"number token", "{\"a\": -12.5e3}", 7, 0, "{\"a\": -12.5e3}", "      ^^^^^^^"},
    {"bracket", "{\"a\": [1]}", 7, 0, "{\"a\": [1]}", "      ^"},
    {"unterminated string", "{\"a\": \"xyz", 7, 0, "{\"a\": \"xyz", "      ^^^^"},
    {"behind the end", "{\"a\": ", 7, 0, "{\"a\": ", "      ^"},
    {"far behind the end", "{}", 70, 0, "{}", "  ^"},
    {"wide before", "\"\xe6\xbc\xa2\xe5\xad\x97\": 1", 6, 0, "\"\xe6\xbc\xa2\xe5\xad\x97\": 1", "       ^"},
    {"wide itself", "[\"\xe6\xbc\xa2\"]", 2, 3, "[\"\xe6\xbc\xa2\"]", " ^^^^"},
    {"tab before", "\tx", 2, 1, "    x", "    ^"},
    {"tab in the middle", "ab\tx", 4, 1, "ab  x", "    ^"},
    {"combining before", "e\xcc\x81x", 3, 1, "e\xcc\x81x", " ^"},
    {"escape before", "\033x", 2, 1, "\\x1Bx", "    ^"},
    {"escape itself", "a\033b", 2, 1, "a\\x1B" "b", " ^^^^"},
    {"invalid byte itself", "a\xff" "b", 2, 1, "a\\xFF" "b", " ^^^^"},
};

static void test_carets(void)
{
    for (size_t i = 0; i < ARRAY_LEN(carets); i++) {
        CLEANUP(buf_release) struct buf expected = BUF_INIT;
        struct finding f = {
            .message = str_of("m"), .at = {.file = str_of("f"), .line = 1, .column = carets[i].column},
            .excerpt = str_of(carets[i].text), .length = carets[i].length,
        };

        buf_printf(&expected, "error: m\n --> f:1:%d\n  |\n1 | %s\n  | %s\n", (int)carets[i].column, carets[i].line,
                   carets[i].carets);
        is_rendered(&f, 80, buf_text(&expected), carets[i].name);
    }
}

/* The line with the carets and the one before it. */
static void caret_lines(const char *text, char *line, char *marks, size_t size)
{
    const char *at = strstr(text, "\n1 | ");
    const char *end = strchr(at + 1, '\n');

    snprintf(line, size, "%.*s", (int)(end - at - 5), at + 5);
    at = end + 5;
    end = strchr(at, '\n');
    snprintf(marks, size, "%.*s", (int)(end - at), at);
}

/* Columns of text that is shown already. */
static size_t shown_width(const char *text, size_t len)
{
    CLEANUP(buf_release) struct buf copy = BUF_INIT;

    buf_add(&copy, text, len);
    for (size_t i = 0; i < copy.len; i++) {
        if (copy.at[i] == '\\')
            copy.at[i] = '/';
    }
    return escape_width(buf_str(&copy));
}

/* Wherever the part stands in a long line, it is shown above its carets and the line fits the terminal. */
static void test_long_lines(void)
{
    static const char *const fillers[] = {"x", "\xe6\xbc\xa2", "\xff", "\t"};
    size_t wrong = 0, too_wide = 0;

    for (size_t filler = 0; filler < ARRAY_LEN(fillers); filler++) {
        for (int at = 0; at < 400; at += 13) {
            CLEANUP(buf_release) struct buf line = BUF_INIT;
            CLEANUP(buf_release) struct buf text = BUF_INIT;
            CLEANUP(findings_release) struct findings all = {0};
            struct render_options options = {.columns = 60};
            struct finding f = {.message = str_of("m"), .at = {str_of("f"), 1, (uint64_t)at + 1, 0, false, {0}, NULL}};
            char shown[1000], marks[1000], *caret;

            for (int i = 0; i < 400; i++)
                buf_add_text(&line, i == at ? "123" : fillers[filler]);
            f.excerpt = buf_str(&line);
            f.length = 3;
            findings_add(&all, &f, NULL);
            render_group(&text, &all.groups[0], &options);
            caret_lines(buf_text(&text), shown, marks, sizeof shown);
            caret = strchr(marks, '^');
            too_wide += shown_width(shown, strlen(shown)) > 56;
            if (!caret || strcmp(caret, "^^^") != 0) {
                wrong++;
                continue;
            }
            /* The marks are ASCII: their column is the width of what stands before the part. */
            wrong += !strstr(shown, "123")
                || shown_width(shown, (size_t)(strstr(shown, "123") - shown)) != (size_t)(caret - marks);
        }
    }
    is_int((long long)wrong, 0, "carets stand below their part in long lines");
    is_int((long long)too_wide, 0, "long lines are cut to the terminal");
}

/* Whatever the data and however wrong the places: shown lines have no controls and are not wider than allowed. */
static void test_random(void)
{
    static const char *const bits[] = {"a", "\"", "\\", "\t", "\033", "\xff", "\xe6\xbc\xa2", "\xcc\x81", "{", " "};
    unsigned seed = 1;
    size_t bad = 0, too_wide = 0;

    for (int round = 0; round < 5000; round++) {
        CLEANUP(buf_release) struct buf line = BUF_INIT;
        CLEANUP(buf_release) struct buf text = BUF_INIT;
        CLEANUP(findings_release) struct findings all = {0};
        struct render_options options = {.columns = 40 + (size_t)rand_r(&seed) % 60};
        struct finding f = {.message = str_of("m"), .at = {.file = str_of("f"), .line = (uint64_t)rand_r(&seed) % 3}};

        for (int n = rand_r(&seed) % (round % 10 ? 80 : 1500); n > 0; n--)
            buf_add_text(&line, bits[(size_t)rand_r(&seed) % ARRAY_LEN(bits)]);
        f.excerpt = buf_str(&line);
        f.excerpt_column = (uint64_t)rand_r(&seed) % 4;
        f.excerpt_cut = rand_r(&seed) % 2;
        f.at.column = (uint64_t)rand_r(&seed) % 1600;
        f.length = (uint32_t)rand_r(&seed) % 100;
        findings_add(&all, &f, NULL);
        bad += render_group(&text, &all.groups[0], &options) < 0;
        for (size_t i = 0; i < text.len; i++)
            bad += ((unsigned char)text.at[i] < 0x20 && text.at[i] != '\n') || text.at[i] == 0x7F;
        for (const char *at = buf_text(&text); *at; at += strcspn(at, "\n") + 1)
            too_wide += shown_width(at, strcspn(at, "\n")) > options.columns;
    }
    is_int((long long)bad, 0, "5,000 random lines are shown without controls");
    is_int((long long)too_wide, 0, "and within the terminal");
}

static void test_colors(void)
{
    CLEANUP(buf_release) struct buf plain = BUF_INIT;
    CLEANUP(buf_release) struct buf colored = BUF_INIT;
    CLEANUP(buf_release) struct buf stripped = BUF_INIT;
    struct render_options options = {.color = true, .columns = 120};
    struct finding f = design();

    render_finding(&plain, &f, NULL);
    render_finding(&colored, &f, &options);
    for (size_t i = 0; i < colored.len; i++) {
        if (colored.at[i] == '\033')
            i += strcspn(colored.at + i, "m");
        else
            buf_add_char(&stripped, colored.at[i]);
    }
    ok(strchr(buf_text(&colored), '\033') != NULL, "colours are there when asked for");
    is_str(buf_text(&stripped), buf_text(&plain), "colours change nothing else");
    ok(strchr(buf_text(&plain), '\033') == NULL, "and no escape without");
}

static void test_hostile(void)
{
    static const char evil[] = "\033]0;pwn\a\033[2J\xe2\x80\xae\x9b\n\r\x7f<script>";
    CLEANUP(buf_release) struct buf text = BUF_INIT;
    CLEANUP(findings_release) struct findings all = {0};
    struct str e = str_of(evil);
    struct finding f = {
        .code = W0412, .message = e, .label = e, .help = e, .at = {e, 1, 3, 5, true, e, "\033[2J"}, .excerpt = e, .value = e,
        .mapping_file = e, .mapping_text = e, .mapping_line = 1, .mapping_column = 1, .kind = e, .table = e,
        .column = e, .row = e, .note = e, .other = {e, 1, 1, 0, true, e, "\033[2J"}, .other_label = e,
        .outcome = FINDING_REJECTED, .sqlstate = "\033[2J",
    };
    size_t controls = 0, lines = 0;

    findings_add(&all, &f, NULL);
    findings_add(&all, &f, NULL);
    render_findings(&text, &all, NULL);
    for (size_t i = 0; i < text.len; i++) {
        controls += ((unsigned char)text.at[i] < 0x20 && text.at[i] != '\n') || text.at[i] == 0x7F;
        lines += text.at[i] == '\n';
    }
    is_int((long long)controls, 0, "no control of the data reaches the text");
    is_int((long long)lines, 15, "and no line end does");
    ok(str_utf8_invalid_at(buf_str(&text)) == text.len, "what comes out is UTF-8");
}

int main(void)
{
    test_group();
    test_mapping_alone();
    test_no_place();
    test_other_place();
    test_carets();
    test_long_lines();
    test_random();
    test_colors();
    test_hostile();
    return done_testing();
}
