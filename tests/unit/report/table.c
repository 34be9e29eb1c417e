/* Tables: golden text, and CSV and JSON that other parsers read back. */
#include "report/table.h"
#include "base/cleanup.h"
#include "tap.h"

#include <jansson.h>

static const struct table_column columns[] = {
    {"name", TABLE_TEXT, 12}, {"rows", TABLE_NUMBER, 0}, {"done", TABLE_BOOL, 0}, {"body", TABLE_JSON, 0},
};

static void fill(struct table *t)
{
    table_init(t, columns, ARRAY_LEN(columns));
    table_cell(t, str_of("users"));
    table_count(t, 1234567);
    table_cell(t, str_of("t"));
    table_cell(t, str_of("{\"a\": 1}"));
    table_cell(t, str_of("\xe6\xbc\xa2\xe5\xad\x97"));
    table_cellf(t, "%d.50", -3);
    table_cell(t, str_of("false"));
    table_null(t);
    table_rule(t);
    table_cell(t, str_of("a name that is too long"));
    table_cell(t, str_of("007"));
    table_null(t);
    table_null(t);
    table_rule(t);
}

static void test_forms(void)
{
    CLEANUP(table_release) struct table t;
    CLEANUP(buf_release) struct buf text = BUF_INIT;
    CLEANUP(buf_release) struct buf csv = BUF_INIT;
    CLEANUP(buf_release) struct buf json = BUF_INIT;

    fill(&t);
    table_text(&t, &text);
    is_str(buf_text(&text),
           "name               rows  done   body\n"
           "------------  ---------  -----  --------\n"
           "users         1,234,567  t      {\"a\": 1}\n"
           "\xe6\xbc\xa2\xe5\xad\x97              -3.50  false\n"
           "------------  ---------  -----  --------\n"
           "a name th...        007\n", "text");
    table_csv(&t, &csv, ESCAPE_CSV_SAFE);
    is_str(buf_text(&csv),
           "name,rows,done,body\r\n"
           "users,1234567,t,\"{\"\"a\"\": 1}\"\r\n"
           "\xe6\xbc\xa2\xe5\xad\x97,-3.50,false,\r\n"
           "a name that is too long,007,,\r\n", "CSV");
    table_json(&t, &json);
    is_str(buf_text(&json),
           "[\n {\"name\": \"users\", \"rows\": 1234567, \"done\": true, \"body\": {\"a\": 1}},\n"
           " {\"name\": \"\xe6\xbc\xa2\xe5\xad\x97\", \"rows\": -3.50, \"done\": false, \"body\": null},\n"
           " {\"name\": \"a name that is too long\", \"rows\": \"007\", \"done\": null, \"body\": null}\n]\n", "JSON");
}

static void test_empty(void)
{
    CLEANUP(table_release) struct table t;
    CLEANUP(buf_release) struct buf text = BUF_INIT;

    table_init(&t, columns, ARRAY_LEN(columns));
    table_text(&t, &text);
    is_str(buf_text(&text), "name  rows  done  body\n----  ----  ----  ----\n", "an empty table has its titles");
    buf_clear(&text);
    table_csv(&t, &text, ESCAPE_CSV_EXACT);
    is_str(buf_text(&text), "name,rows,done,body\r\n", "also as CSV");
    buf_clear(&text);
    table_json(&t, &text);
    is_str(buf_text(&text), "[]\n", "and is an empty array in JSON");
}

static void test_rows_one_by_one(void)
{
    CLEANUP(table_release) struct table t;
    CLEANUP(buf_release) struct buf whole = BUF_INIT;
    CLEANUP(buf_release) struct buf pieces = BUF_INIT;

    table_init(&t, columns, 2);
    table_csv_titles(&t, &pieces, ESCAPE_CSV_SAFE);
    for (int i = 0; i < 200; i++) {
        table_cellf(&t, "r%d", i);
        table_count(&t, (uint64_t)i);
        table_csv_row(&t, 0, &pieces, ESCAPE_CSV_SAFE);
        table_clear(&t);
    }
    for (int i = 0; i < 200; i++) {
        table_cellf(&t, "r%d", i);
        table_count(&t, (uint64_t)i);
    }
    table_csv(&t, &whole, ESCAPE_CSV_SAFE);
    is_str(buf_text(&pieces), buf_text(&whole), "row by row is the same as all at once");
}

/* NULL and the empty string are two things in CSV as in JSON. */
static void test_null(void)
{
    static const struct table_column two[] = {{"a", TABLE_TEXT, 0}, {"b", TABLE_TEXT, 0}};
    CLEANUP(table_release) struct table t;
    CLEANUP(buf_release) struct buf csv = BUF_INIT;

    table_init(&t, two, 2);
    table_cell(&t, str_make("", 0));
    table_cell(&t, str_make(NULL, 0));
    table_csv(&t, &csv, ESCAPE_CSV_EXACT);
    is_str(buf_text(&csv), "a,b\r\n\"\",\r\n", "an empty cell is quoted, NULL is nothing");
}

static void test_hostile(void)
{
    static const struct table_column two[] = {{"a", TABLE_TEXT, 0}, {"n", TABLE_NUMBER, 0}};
    static const char *const evil[] = {"=cmd|' /C calc'!A0", "\033[2J\n", "x\",\"y", "1e", "-", "1.", "01", "NaN"};
    CLEANUP(table_release) struct table t;
    CLEANUP(buf_release) struct buf text = BUF_INIT;
    CLEANUP(buf_release) struct buf json = BUF_INIT;
    size_t lines = 0;
    json_t *rows;

    table_init(&t, two, 2);
    for (size_t i = 0; i < ARRAY_LEN(evil); i++) {
        table_cell(&t, str_of(evil[i]));
        table_cell(&t, str_of(evil[i]));
    }
    table_text(&t, &text);
    for (size_t i = 0; i < text.len; i++)
        lines += text.at[i] == '\n';
    ok(lines == ARRAY_LEN(evil) + 2 && !strchr(buf_text(&text), '\033'), "text: one row one line, no controls");
    table_json(&t, &json);
    rows = json_loadb(json.at, json.len, 0, NULL);
    is_int((long long)json_array_size(rows), (long long)ARRAY_LEN(evil), "JSON is read back");
    for (size_t i = 0; i < ARRAY_LEN(evil); i++) {
        json_t *row = json_array_get(rows, i);

        is_str(json_string_value(json_object_get(row, "a")), evil[i], "text of row %zu", i);
        is_str(json_string_value(json_object_get(row, "n")), evil[i], "what is no JSON number is a string, row %zu", i);
    }
    json_decref(rows);
}

/* Cells of wide characters and escapes are cut without moving what stands right of them; titles are foreign too. */
static void test_cut(void)
{
    static const struct table_column two[] = {{"a\033", TABLE_TEXT, 6}, {"n", TABLE_NUMBER, 0}};
    CLEANUP(table_release) struct table t;
    CLEANUP(buf_release) struct buf text = BUF_INIT;

    table_init(&t, two, 2);
    table_cell(&t, str_of("\xe6\xbc\xa2\xe5\xad\x97\xe6\xbc\xa2\xe5\xad\x97"));
    table_count(&t, 1);
    table_cell(&t, str_of("\033[2J\033[2J"));
    table_count(&t, 2);
    table_cell(&t, str_of("\\x1B"));
    table_count(&t, 3);
    table_text(&t, &text);
    is_str(buf_text(&text), "a\\x1B  n\n-----  -\n\xe6\xbc\xa2...  1\n...    2\n...    3\n", "cut cells");
}

int main(void)
{
    test_cut();
    test_forms();
    test_empty();
    test_rows_one_by_one();
    test_null();
    test_hostile();
    return done_testing();
}
