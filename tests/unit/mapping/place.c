/* A byte of a text has a line and column in the YAML, whatever style the text was written in. */
#include "base/cleanup.h"
#include "mapping/mapping.h"
#include "tap.h"

#define HEAD "windrow: 1\nname: n\ntables: {t: {from: x, columns: {a: .a}}}\nafter:\n"

/* The place of byte `offset` of `text`. */
static const struct { const char *name, *yaml, *text; size_t offset; uint32_t line, column; } cases[] = {
    {"plain, first", "- .a | b\n", ".a | b", 0, 5, 3},
    {"plain", "- .a | b\n", ".a | b", 5, 5, 8},
    {"plain, end", "- .a | b\n", ".a | b", 6, 5, 9},
    {"plain, wide characters", "- é😀 b\n", "é😀 b", 7, 5, 6},
    {"plain over two lines", "- .a |\n    b c\n", ".a | b c", 5, 6, 5},
    {"plain over two lines, later", "- .a |\n    b c\n", ".a | b c", 7, 6, 7},
    {"plain with an empty line", "- a\n\n  b\n", "a\nb", 2, 7, 3},
    {"plain with two empty lines", "- a\n\n\n  b\n", "a\n\nb", 3, 8, 3},
    {"plain, the fold itself", "- ab\n  c\n", "ab c", 2, 5, 5},
    {"single quotes", "- 'a b'\n", "a b", 2, 5, 6},
    {"single quotes, first", "- 'a b'\n", "a b", 0, 5, 4},
    {"a quote that is doubled", "- 'it''s ok'\n", "it's ok", 2, 5, 6},
    {"behind a doubled quote", "- 'it''s ok'\n", "it's ok", 3, 5, 8},
    {"two doubled quotes", "- 'a''''b'\n", "a''b", 3, 5, 9},
    {"single quotes over lines", "- 'a\n   b\n\n   c'\n", "a b\nc", 4, 8, 4},
    {"double quotes", "- \"a b\"\n", "a b", 2, 5, 6},
    {"an escape", "- \"a\\nb\"\n", "a\nb", 1, 5, 5},
    {"behind an escape", "- \"a\\nb\"\n", "a\nb", 2, 5, 7},
    {"behind \\\" and \\\\", "- \"\\\"\\\\x\"\n", "\"\\x", 2, 5, 8},
    {"behind \\x", "- \"\\x41b\"\n", "Ab", 1, 5, 8},
    {"behind \\u of two bytes", "- \"\\u00e9b\"\n", "éb", 2, 5, 10},
    {"inside \\u of two bytes", "- \"x\\u00e9b\"\n", "xéb", 2, 5, 5},
    {"behind \\U", "- \"\\U0001F600b\"\n", "😀b", 4, 5, 14},
    {"behind \\N, \\_ and \\L", "- \"\\N\\_\\Lb\"\n", "\xC2\x85\xC2\xA0\xE2\x80\xA8" "b", 7, 5, 10},
    {"behind an escaped blank", "- \"a\\ b\"\n", "a b", 2, 5, 7},
    {"behind an escaped line end", "- \"ab\\\n   cd\"\n", "abcd", 2, 6, 4},
    {"behind an escaped line end, later", "- \"ab\\\n   cd\"\n", "abcd", 3, 6, 5},
    {"an escaped blank after a fold", "- \"ab\\\n   \\ cd\"\n", "ab cd", 3, 6, 6},
    {"double quotes over lines", "- \"ab\n   cd\"\n", "ab cd", 3, 6, 4},
    {"an escape on the second line", "- \"ab\n   c\\td\"\n", "ab c\td", 5, 6, 7},
    {"literal block", "- |\n  abc\n  def\n", "abc\ndef\n", 0, 6, 3},
    {"literal block, second line", "- |\n  abc\n  def\n", "abc\ndef\n", 5, 7, 4},
    {"literal block, deeper line", "- |\n  abc\n    def\n", "abc\n  def\n", 6, 7, 5},
    {"literal block, blanks of a deeper line", "- |\n  abc\n    def\n", "abc\n  def\n", 4, 7, 3},
    {"literal block with empty lines", "- |\n\n  abc\n\n  def\n", "\nabc\n\ndef\n", 7, 9, 4},
    {"literal block, stripped", "- |-   # comment\n     abc\n     def\n", "abc\ndef", 4, 7, 6},
    {"literal block with an indicator", "- |2\n    abc\n  def\n", "  abc\ndef\n", 6, 7, 3},
    {"folded block", "- >\n  abc\n  def\n", "abc def\n", 4, 7, 3},
    {"folded block, deeper line", "- >\n  abc\n    def\n  ghi\n", "abc\n  def\nghi\n", 7, 7, 6},
    {"folded block, behind the deeper line", "- >\n  abc\n    def\n  ghi\n", "abc\n  def\nghi\n", 11, 8, 4},
    {"folded block with an empty line", "- >\n  abc\n\n  def\n", "abc\ndef\n", 4, 8, 3},
    {"windows line ends", "- |\r\n  abc\r\n  def\r\n", "abc\ndef\n", 4, 7, 3},
    {"plain, windows line ends", "- abc\r\n  def\r\n", "abc def", 4, 6, 3},
    {"beyond the end", "- abc\n", "abc", 99, 5, 6},
};

static void test_case(size_t i)
{
    CLEANUP(mapping_faults_release) struct mapping_faults faults = {0};
    char text[512];
    uint32_t line = 0, column = 0;
    struct mapping *m;

    snprintf(text, sizeof text, "%s%s", HEAD, cases[i].yaml);
    m = mapping_parse(str_of(text), "test.yaml", &faults);
    if (ok(m && m->n_afters == 1 && str_is(m->afters[0].sql.text, cases[i].text), "%s: text", cases[i].name)) {
        mapping_place(&m->afters[0].sql, cases[i].offset, &line, &column);
        is_int(line, cases[i].line, "%s: line", cases[i].name);
        is_int(column, cases[i].column, "%s: column", cases[i].name);
    }
    mapping_free(m);
}

static const struct { const char *yaml; uint32_t line, column, len; char style; } carets[] = {
    {"- .abc\n", 5, 3, 4, 'p'},
    {"- 'a b'\n", 5, 4, 3, 's'},
    {"- \"é😀\"\n", 5, 4, 2, 'd'},
    {"- ab cd   # comment\n", 5, 3, 5, 'p'},
    {"- ab\n  cdef\n", 5, 3, 2, 'p'},
    {"- |\n   abcd  \n   e\n", 6, 4, 4, '|'},
    {"- >-\n   abcd\n   e\n", 6, 4, 4, '>'},
};

static void test_caret(size_t i)
{
    CLEANUP(mapping_faults_release) struct mapping_faults faults = {0};
    char text[512];
    struct mapping *m;
    struct mapping_text *sql;

    snprintf(text, sizeof text, "%s%s", HEAD, carets[i].yaml);
    m = mapping_parse(str_of(text), "test.yaml", &faults);
    if (!ok(m && m->n_afters == 1, "caret %zu: read", i))
        return;
    sql = (struct mapping_text *)&m->afters[0].sql;
    is_int(sql->line, carets[i].line, "caret %zu: line", i);
    is_int(sql->column, carets[i].column, "caret %zu: column", i);
    is_int(sql->len, carets[i].len, "caret %zu: length", i);
    is_int(sql->style, carets[i].style, "caret %zu: style", i);
    mapping_free(m);
}

int main(void)
{
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        test_case(i);
    for (size_t i = 0; i < ARRAY_LEN(carets); i++)
        test_caret(i);
    return done_testing();
}
