/* tests/mappings/full/mapping.yaml has every key once; here is where each of them lands. */
#include "base/buf.h"
#include "base/cleanup.h"
#include "mapping/mapping.h"
#include "tap.h"

#include <stdlib.h>

static void is_text(struct str got, bool placed, const char *expected, const char *name)
{
    if (!ok(str_is(got, expected) && placed, "%s", name))
        printf("# got '%.*s'%s, expected '%s'\n", STR_ARG(got), placed ? "" : " without a place", expected);
}

#define TEXT(got, expected) is_text((got).text, (got).line > 0, expected, #got)
#define CONSTANT(got, expected) is_text((got).json, (got).at.text.at != NULL, expected, #got)
#define NOT_GIVEN(got) ok((got).text.at == NULL, "%s is not given", #got)

static const struct mapping_column *column(const struct mapping_rule *rule, const char *name)
{
    static const struct mapping_column none;

    for (size_t i = 0; i < rule->n_columns; i++) {
        if (str_is(rule->columns[i].name.text, name))
            return &rule->columns[i];
    }
    return &none;
}

static void test_top(const struct mapping *m)
{
    TEXT(m->name, "shop");
    TEXT(m->schema, "shop-db");
    is_int(m->schema_version, 3, "schema version");
    TEXT(m->group, "{sender}/");
    is_int((long long)m->n_skip, 2, "skip");
    TEXT(m->skip[1].pattern, ".*");
    is_int((long long)strlen(m->digest), 64, "digest");
    ok(m->source.len > 1000 && m->source.at[0] == '#', "the source is kept");
}

static void test_params(const struct mapping *m)
{
    const struct mapping_param *p = m->params;

    is_int((long long)m->n_params, 5, "params");
    TEXT(p[0].name, "zone");
    TEXT(p[0].type, "timezone");
    TEXT(p[0].help, "where the shop stands");
    CONSTANT(p[0].fallback, "\"UTC\"");
    CONSTANT(p[1].fallback, "null");
    NOT_GIVEN(p[1].type);
    is_int((long long)p[2].n_choices, 3, "one_of");
    TEXT(p[2].choices[2], "3");
    ok(p[3].required && !p[3].fallback.at.text.at && !p[0].required, "required");
    CONSTANT(p[4].fallback, "false");
}

static void test_documents(const struct mapping *m)
{
    const struct mapping_index *reply = &m->indexes[1];
    uint32_t line, place;

    is_int((long long)m->n_documents, 2, "documents");
    TEXT(m->documents[0].file, "{sender}/manifest.json");
    ok(!m->documents[0].required && m->documents[1].required, "documents: required");
    TEXT(m->documents[1].read.format, "json");
    is_int((long long)m->n_indexes, 2, "indexes");
    TEXT(m->indexes[0].of, "$manifest.files");
    TEXT(m->indexes[0].by, ".customId");
    ok(m->indexes[0].orphans && m->indexes[0].duplicates == MAPPING_DUPLICATE_LAST, "an index by default");
    TEXT(reply->files, "{sender}/{name}_{kind:output|error}.jsonl");
    TEXT(reply->read.format, "jsonl");
    TEXT(reply->read.duplicates, "first");
    ok(reply->read.nonfinite && reply->read.depth == 100 && reply->read.max_bytes == 64 << 20 && reply->read.secret, "read options");
    TEXT(reply->each, ".items[]");
    TEXT(reply->where, ".type == \"x\"");
    TEXT(reply->value, "{id, at}");
    is_int((long long)reply->n_prefer, 2, "prefer");
    TEXT(reply->prefer[1], "$file.kind == \"output\"");
    ok(reply->duplicates == MAPPING_DUPLICATE_ALL && !reply->orphans, "duplicates, orphans");
    TEXT(reply->by, "[(.custom_id\n), (.a | first\n)]");
    mapping_place(&reply->by, 2, &line, &place);
    ok(line == reply->by.parts[0].line && place == reply->by.parts[0].column, "the place of the first part");
    mapping_place(&reply->by, 17 + 5, &line, &place);
    ok(line == reply->by.parts[1].line && place == reply->by.parts[1].column + 5, "a place in the second part");
}

static void test_rule(const struct mapping_rule *rule)
{
    TEXT(rule->name, "requests");
    TEXT(rule->mark, "requests");
    TEXT(rule->into, "shop.requests");
    is_int((long long)rule->n_from, 2, "from");
    TEXT(rule->from[1], "{sender}/more/");
    TEXT(rule->read.format, "jsonl");
    TEXT(rule->when, "$param.logs");
    TEXT(rule->each, ".jobs[].files[]");
    TEXT(rule->where, ".type == \"x\"");
    is_int((long long)rule->n_lets, 2, "let");
    TEXT(rule->lets[0].name, "ext");
    TEXT(rule->lets[1].expr, ".at[0:10]");
    is_int((long long)rule->n_key, 2, "key");
    TEXT(rule->key[1], "b");
    is_int(rule->conflict, MAPPING_CONFLICT_UPDATE, "on_conflict");
    is_int((long long)rule->n_conflict_columns, 2, "update");
    TEXT(rule->conflict_columns[0], "c");
    TEXT(rule->conflict_when, "old.status <> 'posted'");
    is_int((long long)rule->n_columns, 11, "columns");
}

static void test_columns(const struct mapping_rule *rule)
{
    const struct mapping_column *c = column(rule, "c"), *d = column(rule, "d"), *g = column(rule, "g"),
                                *h = column(rule, "h");

    TEXT(column(rule, "a")->path, ".path");
    TEXT(column(rule, "b")->path, "$path.batch");
    TEXT(c->path, ".x");
    TEXT(c->type, "integer");
    TEXT(c->format, "epoch_ms");
    TEXT(c->timezone, "Europe/Berlin");
    TEXT(c->nul, "strip");
    TEXT(c->utf8, "$param.utf8");
    TEXT(c->check, ". > 0");
    CONSTANT(c->fallback, "0");
    ok(c->required && c->trim && c->coerce && c->on_error == MAPPING_ON_ERROR_NULL, "required, trim, coerce, on_error");
    is_int((long long)c->n_null_if, 4, "null_if");
    CONSTANT(c->null_if[0], "\"\"");
    CONSTANT(c->null_if[1], "\"n/a\"");
    CONSTANT(c->null_if[2], "null");
    CONSTANT(c->null_if[3], "7");
    CONSTANT(column(rule, "k")->null_if[0], "\"none\"");
    TEXT(d->expr, ".a + .b");
    TEXT(d->nul, "replace");
    NOT_GIVEN(d->path);
    ok(!d->required && !d->trim && !d->coerce && d->on_error == MAPPING_ON_ERROR_STOP, "options by default; stop");
    CONSTANT(column(rule, "e")->value, "{\"list\":[1,2.50,true,null,\"no\",\"plain\"],\"empty\":{}}");
    is_int((long long)column(rule, "f")->n_uuid5, 2, "uuid5");
    TEXT(column(rule, "f")->uuid5[1], "b");
    TEXT(g->ref, "batches");
    TEXT(g->ref_column, "id");
    is_int((long long)g->n_by, 4, "by");
    TEXT(g->by[0].name, "batch_id");
    TEXT(g->by[0].path, "$path.batch");
    TEXT(g->by[1].expr, ".kind // \"x\"");
    CONSTANT(g->by[2].value, "1");
    TEXT(g->by[3].path, ".site");
    is_int((long long)h->n_map, 3, "map");
    TEXT(h->map[0].from, "a");
    CONSTANT(h->map[0].to, "\"active\"");
    CONSTANT(h->map[1].to, "2");
    CONSTANT(h->map[2].to, "null");
    CONSTANT(h->map_else, "\"unknown\"");
    ok(h->has_map_else && !h->map_else_keep && !h->map_else_reject, "else: a constant");
    ok(column(rule, "i")->map_else_keep && column(rule, "i")->n_map == 1, "else: keep");
    ok(column(rule, "j")->map_else_reject && !column(rule, "j")->has_map_else, "else: reject by default");
    TEXT(column(rule, "j")->map[0].from, "else");
    ok(!c->map_else_reject, "without map: there is no else:");
}

static void test_like(const struct mapping *m)
{
    const struct mapping_rule *more = &m->rules[2], *third = &m->rules[3], *fourth = &m->rules[4];

    is_int((long long)more->n_columns, 11, "one removed, one added");
    TEXT(more->columns[0].name, "a");
    TEXT(more->columns[1].name, "b");
    CONSTANT(more->columns[1].value, "\"changed\"");
    NOT_GIVEN(more->columns[1].path);
    TEXT(more->columns[2].name, "d");
    TEXT(more->columns[10].name, "z");
    TEXT(more->columns[2].path, ".d");
    NOT_GIVEN(more->columns[2].expr);
    is_int((long long)more->n_lets, 3, "let is taken over");
    TEXT(more->lets[1].expr, ".other");
    TEXT(more->lets[2].name, "last");
    TEXT(more->key[1], "b");
    NOT_GIVEN(more->each);
    NOT_GIVEN(more->where);
    NOT_GIVEN(more->conflict_when);
    ok(more->conflict == MAPPING_CONFLICT_UPDATE && more->n_conflict_columns == 0, "update: all");
    TEXT(more->read.format, "jsonl");
    TEXT(m->rules[1].read.pattern, "^(?<at>\\S+) (?<text>.*)");
    TEXT(m->rules[1].read.unmatched, "append");
    ok(m->rules[1].conflict == MAPPING_CONFLICT_SKIP, "on_conflict: skip");
    ok(m->rules[1].n_columns == 2 && third->n_columns == 3, "the earlier rule keeps its columns");
    ok(third->conflict == MAPPING_CONFLICT_SKIP, "{skip: true}");
    TEXT(third->into, "third");
    TEXT(third->read.pattern, "^(?<at>\\S+) (?<text>.*)");
    ok(fourth->conflict == MAPPING_CONFLICT_ERROR && fourth->n_key == 1, "like: of a rule that has like:");
    TEXT(fourth->read.duplicates, "last");
    CONSTANT(column(fourth, "b")->value, "\"changed\"");
}

static void test_after(const struct mapping *m)
{
    is_int((long long)m->n_afters, 3, "after");
    TEXT(m->afters[0].sql, "ANALYZE requests");
    TEXT(m->afters[0].engine, "postgresql");
    TEXT(m->afters[0].when, "$param.logs");
    TEXT(m->afters[1].file, "after/stats.sql");
    TEXT(m->afters[1].sql, "REFRESH MATERIALIZED VIEW totals;\n");
    TEXT(m->afters[2].sql, "plain sql");
    NOT_GIVEN(m->afters[2].engine);
}

static void test_examples(const struct mapping *m)
{
    const struct mapping_example *e = m->examples;

    is_int((long long)m->n_examples, 2, "examples");
    TEXT(e->name, "one request");
    is_int((long long)e->n_params, 2, "an example's params");
    TEXT(e->params[1].from, "level");
    CONSTANT(e->params[1].to, "3");
    is_int((long long)e->n_files, 7, "an example's files");
    TEXT(e->files[0].from, "s1/input.jsonl");
    TEXT(e->files[0].to.at, "{\"custom_id\":\"x\"}");
    TEXT(e->files[1].to.at, "{\"a\":1}\n\"two\"\n");
    TEXT(e->files[2].to.at, "[{\"a\":1},\"two\"]");
    TEXT(e->files[3].to.at, "{\"files\":[]}");
    TEXT(e->files[4].to.at, "");
    TEXT(e->files[5].to.at, "12");
    TEXT(e->files[6].from, "s1/more/");
    CONSTANT(e->rows, "{\"shop.requests\":[{\"a\":\"x\"}],\"lines\":[]}");
    CONSTANT(e->rejects, "[\"W0412\"]");
    CONSTANT(e[1].rejects, "1");
}

/* A file with a byte order mark and Windows line ends is the same mapping. */
static void test_windows(const struct mapping *unix_form)
{
    CLEANUP(mapping_faults_release) struct mapping_faults faults = {0};
    CLEANUP(buf_release) struct buf text = BUF_INIT;
    struct mapping *m;

    buf_add_text(&text, "\xEF\xBB\xBF");
    for (size_t i = 0; i < unix_form->source.len; i++)
        buf_printf(&text, "%s%c", unix_form->source.at[i] == '\n' ? "\r" : "", unix_form->source.at[i]);
    m = mapping_parse(buf_str(&text), unix_form->path, &faults);
    ok(m && faults.n == 0, "a byte order mark and \\r\\n are accepted");
    ok(m && m->n_rules == unix_form->n_rules && strcmp(m->digest, unix_form->digest) != 0,
       "the same rules, another digest");
    ok(m && m->rules[3].mark.line == unix_form->rules[3].mark.line &&
           m->rules[3].mark.column == unix_form->rules[3].mark.column,
       "the same places");
    mapping_free(m);
}

int main(void)
{
    CLEANUP(mapping_faults_release) struct mapping_faults faults = {0};
    CLEANUP(buf_release) struct buf path = BUF_INIT;
    const char *root = getenv("WINDROW_SOURCE_DIR");
    struct mapping *m;

    buf_printf(&path, "%s/tests/mappings/full/mapping.yaml", root ? root : ".");
    m = mapping_open(buf_text(&path), &faults);
    for (size_t i = 0; i < faults.n; i++)
        printf("# %u:%u %s\n", faults.at[i].map_line, faults.at[i].map_column, faults.at[i].message);
    if (!ok(m != NULL, "the mapping is read"))
        return done_testing();
    test_top(m);
    test_params(m);
    test_documents(m);
    is_int((long long)m->n_rules, 5, "rules");
    test_rule(&m->rules[0]);
    test_columns(&m->rules[0]);
    test_like(m);
    test_after(m);
    test_examples(m);
    test_windows(m);
    mapping_free(m);
    return done_testing();
}
