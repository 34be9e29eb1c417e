/* What foreign text looks like after the escaper: nothing of it moves a cursor, opens an element or runs. */
#include "report/escape.h"
#include "base/cleanup.h"
#include "tap.h"

#include <jansson.h>

#define BYTES(text) {text, sizeof(text) - 1}

static const struct { const char *name; struct str in; const char *out; size_t width; } shown[] = {
    {"plain", BYTES("abc"), "abc", 3},
    {"ESC sequence", BYTES("\033[31mred"), "\\x1B[31mred", 11},
    {"OSC 52 with BEL", BYTES("\033]52;c;x\a"), "\\x1B]52;c;x\\x07", 15},
    {"NUL, newline, tab", BYTES("a\0b\nc\t"), "a\\x00b\\x0Ac\\x09", 15},
    {"DEL", BYTES("\x7f"), "\\x7F", 4},
    {"C1 as a code point", BYTES("\xc2\x9b" "1m"), "\\u{9B}1m", 8},
    {"C1 as a byte", BYTES("\x9b" "1m"), "\\x9B1m", 6},
    {"bidi override", BYTES("\xe2\x80\xae" "exe"), "\\u{202E}exe", 11},
    {"bidi isolate", BYTES("\xe2\x81\xa6"), "\\u{2066}", 8},
    {"line and paragraph separator", BYTES("\xe2\x80\xa8\xe2\x80\xa9"), "\\u{2028}\\u{2029}", 16},
    {"zero width space and BOM", BYTES("\xe2\x80\x8b\xef\xbb\xbf"), "\\u{200B}\\u{FEFF}", 16},
    {"tag character", BYTES("\xf3\xa0\x81\x81"), "\\u{E0041}", 9},
    {"noncharacter", BYTES("\xef\xbf\xbf"), "\\u{FFFF}", 8},
    {"overlong", BYTES("\xc0\x80"), "\\xC0\\x80", 8},
    {"surrogate", BYTES("\xed\xa0\x80"), "\\xED\\xA0\\x80", 12},
    {"truncated", BYTES("a\xe2\x82"), "a\\xE2\\x82", 9},
    {"wide", BYTES("\xe6\xbc\xa2\xe5\xad\x97"), "\xe6\xbc\xa2\xe5\xad\x97", 4},
    {"combining", BYTES("e\xcc\x81"), "e\xcc\x81", 1},
    {"emoji", BYTES("\xf0\x9f\x8e\x89"), "\xf0\x9f\x8e\x89", 2},
    {"joiner of an emoji", BYTES("\xe2\x80\x8d"), "\xe2\x80\x8d", 0},
    {"backslash", BYTES("a\\b\\n\\u0041"), "a\\b\\n\\u0041", 11},
    {"backslash that looks like ours", BYTES("\\x1B \\u{9B}"), "\\x5Cx1B \\x5Cu{9B}", 17},
    {"backslash before an escape", BYTES("\\\033"), "\\\\x1B", 5},
    {"two backslashes", BYTES("\\\\x1B"), "\\\\x5Cx1B", 8},
};

static const struct { const char *in; size_t columns; const char *end, *middle; } cuts[] = {
    {"abcdef", 6, "abcdef", "abcdef"},
    {"abcdefghij", 9, "abcdef...", "ab...ghij"},
    {"abcdef", 3, "...", "..."},
    {"abcdef", 2, "..", ".."},
    {"abcdef", 0, "", ""},
    {"\xe6\xbc\xa2\xe5\xad\x97\xe6\xbc\xa2\xe5\xad\x97", 6, "\xe6\xbc\xa2...", "...\xe5\xad\x97"},
    {"\033\033\033\033", 12, "\\x1B\\x1B...", "...\\x1B"},
};

static const struct { const char *in, *out; } markup[] = {
    {"<img src=x onerror=alert(1)>", "&lt;img src=x onerror=alert(1)&gt;"},
    {"\" onload='x' &amp;", "&quot; onload=&#39;x&#39; &amp;amp;"},
    {"]]>\x01", "]]&gt;\\x01"},
    {"a\nb", "a\\x0Ab"},
};

static const struct { const char *in, *safe, *exact; } cells[] = {
    {"plain", "plain", "plain"},
    {"a,b", "\"a,b\"", "\"a,b\""},
    {"say \"x\"", "\"say \"\"x\"\"\"", "\"say \"\"x\"\"\""},
    {"=1+1", "\"'=1+1\"", "=1+1"},
    {"+cmd", "\"'+cmd\"", "+cmd"},
    {"-cmd", "\"'-cmd\"", "-cmd"},
    {"@SUM(A1)", "\"'@SUM(A1)\"", "@SUM(A1)"},
    {"\tx", "\"'\tx\"", "\"\tx\""},
    {"\rx", "\"'\\x0Dx\"", "\"\rx\""},
    {"\nx", "\"'\nx\"", "\"\nx\""},
    {"-12.5", "-12.5", "-12.5"},
    {"+1e-3", "+1e-3", "+1e-3"},
    {"-1-1", "\"'-1-1\"", "-1-1"},
    {"-", "\"'-\"", "-"},
    {"-.", "\"'-.\"", "-."},
    {"-1e", "\"'-1e\"", "-1e"},
    {"a\033b", "a\\x1Bb", "a\033b"},
    {" x", "\" x\"", "\" x\""},
    {"", "", ""},
};

static void test_text(void)
{
    for (size_t i = 0; i < ARRAY_LEN(shown); i++) {
        CLEANUP(buf_release) struct buf out = BUF_INIT;

        ok(escape_text(&out, shown[i].in) == 0, "%s: shown", shown[i].name);
        is_str(buf_text(&out), shown[i].out, "%s: text", shown[i].name);
        is_int((long long)escape_width(shown[i].in), (long long)shown[i].width, "%s: width", shown[i].name);
    }
}

/* Turn shown text back, by the rule that the header gives. */
static void unescape(const char *text, struct buf *ret)
{
    while (*text) {
        unsigned value;
        int used = 0;

        if (sscanf(text, "\\x%2X%n", &value, &used) == 1 && used == 4) {
            buf_add_char(ret, (char)value);
            text += used;
        } else {
            buf_add_char(ret, *text++);
        }
    }
}

/* Every byte string of two and three characters from a hostile alphabet comes back as it was. */
static void test_unambiguous(void)
{
    static const char alphabet[] = {'\\', 'x', '1', 'B', '\033', '5', 'C', '\0', (char)0xFF};
    size_t n = sizeof alphabet, wrong = 0;

    for (size_t i = 0; i < n * n * n * n; i++) {
        char text[4] = {alphabet[i % n], alphabet[i / n % n], alphabet[i / n / n % n], alphabet[i / n / n / n % n]};
        CLEANUP(buf_release) struct buf out = BUF_INIT;
        CLEANUP(buf_release) struct buf back = BUF_INIT;

        escape_text(&out, str_make(text, sizeof text));
        unescape(buf_text(&out), &back);
        wrong += !str_eq(buf_str(&back), str_make(text, sizeof text));
    }
    is_int((long long)wrong, 0, "shown text can be turned back");
}

/* Each code point and each byte: nothing that comes out is a control, and the width told is the width taken. */
static void test_all_characters(void)
{
    size_t controls = 0;

    for (int byte = 0; byte < 256; byte++) {
        CLEANUP(buf_release) struct buf out = BUF_INIT;
        char c = (char)byte;

        escape_text(&out, str_make(&c, 1));
        for (size_t i = 0; i < out.len; i++)
            controls += (unsigned char)out.at[i] < 0x20 || out.at[i] == 0x7F;
        controls += str_utf8_invalid_at(buf_str(&out)) != out.len;
    }
    is_int((long long)controls, 0, "no byte comes out as a control or as broken UTF-8");
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

static void test_cut(void)
{
    for (size_t i = 0; i < ARRAY_LEN(cuts); i++) {
        CLEANUP(buf_release) struct buf end = BUF_INIT;
        CLEANUP(buf_release) struct buf middle = BUF_INIT;

        escape_text_cut(&end, str_of(cuts[i].in), cuts[i].columns);
        escape_text_cut_middle(&middle, str_of(cuts[i].in), cuts[i].columns);
        is_str(buf_text(&end), cuts[i].end, "cut %zu at the end", i);
        is_str(buf_text(&middle), cuts[i].middle, "cut %zu in the middle", i);
        ok(shown_width(buf_text(&end), end.len) <= cuts[i].columns
           && shown_width(buf_text(&middle), middle.len) <= cuts[i].columns, "cut %zu fits", i);
    }
}

static void test_json(void)
{
    static const struct str texts[] = {
        BYTES("plain"), BYTES("\"\\/\n\r\t\b\033\0x"), BYTES("\x7f\xc2\x9b\xe2\x80\xae\xf3\xa0\x81\x81"),
        BYTES("\xe6\xbc\xa2\xf0\x9f\x8e\x89"), BYTES("\\x41 \\u{9B}"), BYTES(""),
    };
    CLEANUP(buf_release) struct buf broken = BUF_INIT;

    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        CLEANUP(buf_release) struct buf out = BUF_INIT;
        json_t *value;

        escape_json(&out, texts[i]);
        value = json_loadb(out.at, out.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
        ok(value && str_eq(str_make(json_string_value(value), json_string_length(value)), texts[i]),
           "JSON text %zu means the same to another parser", i);
        ok(!memchr(out.at, 0x7F, out.len) && !memchr(out.at, 0x1B, out.len), "JSON text %zu has no control", i);
        json_decref(value);
    }
    escape_json(&broken, str_of("a\xff\"b"));
    is_str(buf_text(&broken), "\"a\\\\xFF\\\"b\"", "bytes that are no UTF-8 are shown in JSON");
}

int main(void)
{
    test_text();
    test_unambiguous();
    test_all_characters();
    test_cut();
    test_json();
    for (size_t i = 0; i < ARRAY_LEN(markup); i++) {
        CLEANUP(buf_release) struct buf out = BUF_INIT;

        escape_markup(&out, str_of(markup[i].in));
        is_str(buf_text(&out), markup[i].out, "markup %zu", i);
    }
    for (size_t i = 0; i < ARRAY_LEN(cells); i++) {
        CLEANUP(buf_release) struct buf safe = BUF_INIT;
        CLEANUP(buf_release) struct buf exact = BUF_INIT;

        escape_csv(&safe, str_of(cells[i].in), ESCAPE_CSV_SAFE);
        escape_csv(&exact, str_of(cells[i].in), ESCAPE_CSV_EXACT);
        is_str(buf_text(&safe), cells[i].safe, "CSV cell %zu, safe", i);
        is_str(buf_text(&exact), cells[i].exact, "CSV cell %zu, exact", i);
    }
    return done_testing();
}
