/* Groups and examples do not depend on the order of reports, on how many collections there were, or on bounds. */
#include "report/finding.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "tap.h"

#include <stdlib.h>

enum { MANY = 300 };

static struct finding sample(const char *file, uint64_t line, uint32_t mapping_line)
{
    return (struct finding){
        .code = W0412, .at = {.file = str_of(file), .line = line}, .mapping_line = mapping_line,
        .table = str_of("users"), .column = str_of("zip"), .outcome = FINDING_REJECTED,
    };
}

/* All that a collection holds, as text. */
static void describe(const struct findings *f, struct buf *ret)
{
    for (size_t i = 0; i < f->n; i++) {
        const struct finding_group *g = &f->groups[i];

        buf_printf(ret, "%d/%u/%.*s x%llu:", (int)g->examples[0]->code, g->examples[0]->mapping_line,
                   STR_ARG(g->examples[0]->message), (unsigned long long)g->count);
        for (size_t e = 0; e < g->n_examples; e++)
            buf_printf(ret, " %.*s:%llu", STR_ARG(g->examples[e]->at.file),
                       (unsigned long long)g->examples[e]->at.line);
        buf_add_text(ret, "\n");
    }
    buf_printf(ret, "overflow %llu errors %llu\n", (unsigned long long)f->overflow,
               (unsigned long long)f->count[FINDING_ERROR]);
}

static void test_grouping(void)
{
    CLEANUP(findings_release) struct findings f = {0};
    CLEANUP(buf_release) struct buf text = BUF_INIT;
    struct finding x = sample("b", 7, 31), y;

    findings_add(&f, &x, NULL);
    x.at.line = 10;
    x.message = str_of("another value, the same mistake");
    findings_add(&f, &x, NULL);
    x.at.file = str_of("a");
    findings_add(&f, &x, NULL);
    x.mapping_line = 32;
    findings_add(&f, &x, NULL);
    x.mapping_line = 31;
    x.column = str_of("city");
    findings_add(&f, &x, NULL);
    y = (struct finding){.code = W0301, .message = str_of("cannot open"), .at.file = str_of("d")};
    findings_add(&f, &y, NULL);
    y.at.file = str_of("c");
    findings_add(&f, &y, NULL);
    y.message = str_of("cannot read");
    findings_add(&f, &y, NULL);
    y.severity = FINDING_WARNING;
    findings_add(&f, &y, NULL);
    is_int((long long)f.n, 6, "severity, code, mapping place, table, column, and message without a place, part groups");
    is_int((long long)f.count[FINDING_WARNING], 1, "severities are counted");
    describe(&f, &text);
    ok(strstr(buf_text(&text), "x3: a:10 b:7 b:10\n") != NULL, "examples stand in source order");
    ok(strstr(buf_text(&text), "cannot open x2: c:0 d:0\n") != NULL, "without a mapping place the message groups");
}

static void fill(struct finding *all, char (*names)[16])
{
    for (size_t i = 0; i < MANY; i++) {
        snprintf(names[i], sizeof names[i], "f%03zu", i * 7 % MANY);
        all[i] = sample(names[i], i % 5 + 1, (uint32_t)(i % 23));
        if (i % 23 == 0)
            all[i].message = str_of(i % 2 ? "odd" : "even");
    }
}

static void shuffle(struct finding *all, unsigned *seed)
{
    for (size_t i = MANY - 1; i > 0; i--) {
        size_t j = (size_t)rand_r(seed) % (i + 1);
        struct finding keep = all[i];

        all[i] = all[j];
        all[j] = keep;
    }
}

static void test_order_does_not_matter(size_t max)
{
    static struct finding all[MANY];
    static char names[MANY][16];
    CLEANUP(buf_release) struct buf expected = BUF_INIT;
    unsigned seed = 42;
    size_t wrong = 0;

    fill(all, names);
    for (int round = 0; round < 20; round++) {
        struct findings workers[3] = {{.max = max}, {.max = max}, {.max = max}};
        CLEANUP(findings_release) struct findings sum = {.max = max};
        CLEANUP(buf_release) struct buf text = BUF_INIT;

        for (size_t i = 0; i < MANY; i++)
            findings_add(&workers[round ? (size_t)rand_r(&seed) % 3 : 0], &all[i], NULL);
        for (size_t i = 0; i < 3; i++)
            findings_merge(&sum, &workers[(i + (size_t)round) % 3], NULL);
        describe(&sum, &text);
        if (round == 0)
            expected = buf_take(&text);
        else
            wrong += !str_eq(buf_str(&text), buf_str(&expected));
        for (size_t i = 0; i < 3; i++)
            wrong += workers[i].n != 0;
        shuffle(all, &seed);
    }
    is_int((long long)wrong, 0, "20 orders over three collections of at most %zu groups: one result", max);
}

static void test_bounds(void)
{
    CLEANUP(findings_release) struct findings f = {.max = 3};
    struct finding x = sample("a", 1, 0);
    uint64_t kept = 0;
    char message[16];

    for (int i = 9; i >= 0; i--) {
        snprintf(message, sizeof message, "m%d", i);
        x.message = str_of(message);
        findings_add(&f, &x, NULL);
        findings_add(&f, &x, NULL);
    }
    for (size_t i = 0; i < f.n; i++)
        kept += f.groups[i].count;
    is_int((long long)f.n, 3, "no more groups than allowed");
    is_int((long long)(kept + f.overflow), 20, "what is left out is counted");
    ok(str_is(f.groups[0].examples[0]->message, "m0") && f.groups[0].count == 2, "the lowest keys stay");
}

static void test_copies(void)
{
    static char line[100000];
    CLEANUP(findings_release) struct findings f = {0}, hidden = {.hide_values = true};
    struct finding x = sample("a", 1, 3);
    const struct finding *kept;

    memset(line, 'x', sizeof line);
    memcpy(line + 50000, "\"bad\"", 5);
    x.excerpt = str_make(line, sizeof line);
    x.at.column = 50001;
    x.value = str_make(line, sizeof line);
    findings_add(&f, &x, NULL);
    findings_add(&hidden, &x, NULL);
    memset(line, '?', sizeof line);
    kept = f.groups[0].examples[0];
    ok(kept->excerpt.len < 1000 && kept->excerpt_cut, "a long line is kept around its column only");
    ok(kept->excerpt_column < 50001 && memcmp(kept->excerpt.at + (50001 - kept->excerpt_column), "\"bad\"", 5) == 0,
       "and the column still points at the same characters");
    ok(kept->value.len <= 400, "a long value is cut");
    ok(hidden.groups[0].examples[0]->excerpt.len == 0 && hidden.groups[0].examples[0]->value.len == 0,
       "values can be hidden");
}

/* The column counts characters; the cut must not shift it in text of several bytes a character. */
static void test_wide_excerpt(void)
{
    CLEANUP(findings_release) struct findings f = {0};
    CLEANUP(buf_release) struct buf line = BUF_INIT;
    struct finding x = sample("a", 1, 3);
    const struct finding *kept;
    size_t at = 0;

    for (int i = 0; i < 2000; i++)
        buf_add_text(&line, i == 1500 ? "!" : "\xe6\xbc\xa2");
    x.excerpt = buf_str(&line);
    x.at.column = 1501;
    findings_add(&f, &x, NULL);
    kept = f.groups[0].examples[0];
    for (uint64_t column = kept->excerpt_column; column < 1501; column++)
        at += 3;
    ok(at < kept->excerpt.len && kept->excerpt.at[at] == '!', "columns of wide characters survive the cut");
    ok(str_utf8_invalid_at(kept->excerpt) == kept->excerpt.len, "the cut is between characters");
}

static void test_from_err(void)
{
    CLEANUP(err_release) struct err err = {0};
    struct finding x;

    err_set(&err, ERR_RECORD, W0412, "'%s' is no integer", "D-1");
    err_at(&err, "tmp/a.json", 17, 16);
    err_at_byte(&err, 5310);
    err_in(&err, "/zip");
    err_mapping(&err, 31, 7, 4);
    err_value(&err, str_of("D-1"));
    err_label(&err, "expected integer");
    err_help(&err, "mend it");
    memcpy(err.sqlstate, "22P02", 6);
    x = finding_of(&err);
    ok(x.code == W0412 && str_is(x.message, "'D-1' is no integer") && str_is(x.label, "expected integer")
       && str_is(x.help, "mend it") && str_is(x.value, "D-1"), "text of a failure");
    ok(str_is(x.at.file, "tmp/a.json") && x.at.line == 17 && x.at.column == 16 && x.at.has_byte && x.at.byte == 5310
       && str_is(x.at.pointer, "/zip"), "place of a failure");
    ok(x.mapping_line == 31 && x.mapping_column == 7 && x.mapping_len == 4 && strcmp(x.sqlstate, "22P02") == 0,
       "mapping place and SQLSTATE of a failure");
}

static void test_many_equal(void)
{
    CLEANUP(findings_release) struct findings f = {0};

    for (uint64_t i = 300000; i > 0; i--) {
        struct finding x = sample("log.jsonl", i, 9);

        findings_add(&f, &x, NULL);
    }
    ok(f.n == 1 && f.groups[0].count == 300000 && f.groups[0].examples[0]->at.line == 1
       && f.groups[0].examples[3]->at.line == 4, "300,000 equal findings are one group with the first ones");
}

int main(void)
{
    test_grouping();
    test_order_does_not_matter(0);
    test_order_does_not_matter(5);
    test_bounds();
    test_copies();
    test_wide_excerpt();
    test_from_err();
    test_many_equal();
    return done_testing();
}
