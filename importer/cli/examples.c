/* Examples of mappings are run and compared, see cli/examples.h. Rows are fetched as JSON, so that both engines speak of the
 * same values. */
#include "cli/examples.h"

#include "base/cleanup.h"
#include "base/tempfile.h"
#include "cli/cmd_run.h"
#include "convert/convert.h"
#include "convert/zone.h"
#include "read/json.h"
#include "report/escape.h"
#include "report/render.h"
#include "run/tempdir.h"
#include "sink/sink.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ROWS_MAX = 1000 };

/* Files */

static int make_parents(char *path)
{
    for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        int made;

        *slash = '\0';
        made = mkdir(path, 0700);
        *slash = '/';
        if (made < 0 && errno != EEXIST)
            return -1;
    }
    return 0;
}

static int write_file(const char *path, struct str content)
{
    CLEANUP(close_fd) int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    while (fd >= 0 && content.len) {
        ssize_t n = write(fd, content.at, content.len);

        if (n <= 0)
            return -1;
        content = str_make(content.at + n, content.len - (size_t)n);
    }
    return fd < 0 ? -1 : 0;
}

static int write_files(const struct mapping_example *example, const char *dir)
{
    for (size_t i = 0; i < example->n_files; i++) {
        const struct mapping_pair *file = &example->files[i];
        CLEANUP(arena_release) struct arena a = {0};
        char *name = arena_dup(&a, file->from.text), *path = name ? arena_printf(&a, "%s/%s", dir, name) : NULL;

        if (!path)
            return app_usage("out of memory"), -1;
        if (make_parents(path) < 0 || (path[strlen(path) - 1] != '/' && write_file(path, file->to.at.text) < 0))
            return app_usage("example '%.*s': cannot write %s: %s", STR_ARG(example->name.text), path, strerror(errno)), -1;
    }
    return 0;
}

/* Rows */

/* SQLite has no function for a whole row, and none for bytes. */
static int add_row_sql(struct db *db, const struct catalog_table *t, struct buf *sql)
{
    if (db_engine(db) == DB_POSTGRESQL) {
        if (buf_add_text(sql, "SELECT to_jsonb(t)::text FROM ") < 0 || db_quote_name(db, t->schema, sql) < 0 ||
            buf_add_char(sql, '.') < 0)
            return -1;
        return db_quote_name(db, t->name, sql) < 0 ? -1 : buf_printf(sql, " t LIMIT %d", ROWS_MAX);
    }
    if (buf_add_text(sql, "SELECT json_object(") < 0)
        return -1;
    for (size_t i = 0; i < t->n_columns; i++) {
        struct str name = str_of(t->columns[i].name);

        if (buf_add_text(sql, i ? ", " : "") < 0 || db_quote_text(db, name, sql) < 0 || buf_add_text(sql, ", CASE typeof(") < 0 ||
            db_quote_name(db, name.at, sql) < 0 || buf_add_text(sql, ") WHEN 'blob' THEN CAST(") < 0 ||
            db_quote_name(db, name.at, sql) < 0 || buf_add_text(sql, " AS text) ELSE ") < 0 ||
            db_quote_name(db, name.at, sql) < 0 || buf_add_text(sql, " END") < 0)
            return -1;
    }
    return buf_add_text(sql, ") FROM ") < 0 || db_quote_name(db, t->name, sql) < 0 ? -1 : buf_printf(sql, " LIMIT %d", ROWS_MAX);
}

static int fetch(struct db *db, const struct catalog_table *t, struct buf *json, struct err *err)
{
    CLEANUP(buf_release) struct buf sql = BUF_INIT;
    CLEANUP(db_result_release) struct db_result rows = {0};

    if (add_row_sql(db, t, &sql) < 0 || buf_add_char(json, '[') < 0)
        return err_oom(err);
    if (db_query(db, buf_text(&sql), NULL, 0, &rows, err) < 0)
        return -1;
    for (size_t i = 0; i < rows.n_rows; i++) {
        if ((i && buf_add_char(json, ',') < 0) || buf_add_str(json, db_cell(&rows, i, 0)) < 0)
            return err_oom(err);
    }
    return buf_add_char(json, ']') < 0 ? err_oom(err) : 0;
}

/* Text with the bytes behind it that json_parse() may look at. */
static int parse(struct json_parser *p, struct buf *text, struct value *ret, struct err *err)
{
    static const char padding[JSON_PADDING];

    if (buf_add(text, padding, sizeof padding) < 0)
        return err_oom(err);
    return json_parse(p, str_make(text->at, text->len - sizeof padding), ret, err);
}

/* Equality of one value: numbers as numbers, times as instants, JSON as JSON, whatever form they were stored in. */

static bool same_cell(const struct cell *a, const struct cell *b)
{
    if (a->kind != b->kind)
        return false;
    switch (a->kind) {
    case CELL_BOOL:
    case CELL_INT:
    case CELL_DATE:
    case CELL_TIME:
    case CELL_TIMESTAMP:
        return a->n == b->n;
    case CELL_FLOAT:
        return a->f == b->f;
    case CELL_UUID:
    case CELL_TEXT:
    case CELL_BYTES:
        return str_eq(a->text, b->text);
    default:
        return false;
    }
}

static bool same_json(const struct value *expected, const struct value *found, struct arena *a)
{
    const struct json_options options = {0};
    struct json_parser *p;
    struct str text;
    struct value v;
    char *copy;
    bool same = false;

    if (value_cmp(expected, found) == 0)
        return true;
    if (found->type != VALUE_STRING || value_text(found, a, &text) < 0)
        return false;
    p = json_parser_new(&options, NULL);
    copy = arena_calloc(a, text.len + JSON_PADDING, 1);
    if (p && copy) {
        memcpy(copy, text.at, text.len);
        same = json_parse(p, str_make(copy, text.len), &v, NULL) == 0 && value_cmp(expected, &v) == 0;
    }
    json_parser_free(p);
    return same;
}

static bool same_number(const struct value *expected, const struct value *found, struct arena *a)
{
    struct value x = *expected, y = *found;
    struct str text;

    if (x.type == VALUE_STRING && value_text(&x, a, &text) == 0)
        x = value_number(text);
    if (y.type == VALUE_STRING && value_text(&y, a, &text) == 0)
        y = value_number(text);
    return x.type == VALUE_NUMBER && y.type == VALUE_NUMBER && value_cmp(&x, &y) == 0;
}

static bool same_value(const struct type *type, const struct zone *utc, const struct value *expected,
                       const struct value *found, struct arena *a)
{
    const struct convert_options options = {.coerce = true, .zone = utc};
    CLEANUP(err_release) struct err ignored = {0};
    struct cell x, y;

    if (expected->type == VALUE_NULL || found->type == VALUE_NULL)
        return expected->type == found->type;
    switch (type->kind) {
    case TYPE_BOOL:
        return expected->type == VALUE_BOOL && (found->type == VALUE_BOOL ? found->truth == expected->truth
                                                : found->type == VALUE_NUMBER && str_is(found->text, expected->truth ? "1" : "0"));
    case TYPE_INT2:
    case TYPE_INT4:
    case TYPE_INT8:
    case TYPE_NUMERIC:
    case TYPE_FLOAT4:
    case TYPE_FLOAT8:
        return same_number(expected, found, a);
    case TYPE_JSON:
    case TYPE_JSONB:
    case TYPE_ARRAY:
        return same_json(expected, found, a);
    case TYPE_UUID:
    case TYPE_DATE:
    case TYPE_TIME:
    case TYPE_TIMESTAMP:
    case TYPE_TIMESTAMPTZ:
        return convert_value(expected, type, &options, a, &x, NULL, &ignored) == 0 &&
               convert_value(found, type, &options, a, &y, NULL, &ignored) == 0 && same_cell(&x, &y);
    default:
        return value_cmp(expected, found) == 0;
    }
}

static bool same_row(const struct catalog_table *t, const struct zone *utc, const struct value *expected, const struct value *found)
{
    struct value_iter it = value_iter(expected);
    struct value key, wanted;
    CLEANUP(arena_release) struct arena a = {0};

    while (value_iter_next(&it, &key, &wanted)) {
        struct str name;
        struct value is;
        int column;

        if (value_text(&key, &a, &name) < 0 || (column = catalog_column(t, name)) < 0)
            return false;
        is = value_get(found, str_of(t->columns[column].name));
        if (!same_value(&t->columns[column].type, utc, &wanted, &is, &a))
            return false;
    }
    return true;
}

/* Each expected row is given a row of its own that agrees with it: a matching, since rows may leave columns out. */
struct matching {
    const struct catalog_table *t;
    const struct zone *utc;
    const struct value *expected, *found;
    size_t n_expected, n_found;
    size_t *owner;          /* by found row: the expected one + 1 */
    bool *tried;
};

static bool give(struct matching *m, size_t wanted)
{
    struct value e = value_at(m->expected, (int64_t)wanted);

    for (size_t i = 0; i < m->n_found; i++) {
        struct value f = value_at(m->found, (int64_t)i);

        if (m->tried[i] || !same_row(m->t, m->utc, &e, &f))
            continue;
        m->tried[i] = true;
        if (m->owner[i] == 0 || give(m, m->owner[i] - 1)) {
            m->owner[i] = wanted + 1;
            return true;
        }
    }
    return false;
}

static int add_row(struct buf *out, char sign, const struct value *row)
{
    CLEANUP(buf_release) struct buf json = BUF_INIT;

    return value_json(row, &json) < 0 || buf_printf(out, "  %c ", sign) < 0 || escape_text_cut(out, buf_str(&json), 300) < 0
               ? -1 : buf_add_char(out, '\n');
}

/* 0 equal, 1 different and told, -1. */
static int compare(struct matching *m, const struct mapping_example *example, struct buf *out)
{
    CLEANUP(buf_release) struct buf rows = BUF_INIT;
    size_t missing = 0, extra = 0;

    m->n_expected = value_count(m->expected);
    m->n_found = value_count(m->found);
    m->owner = calloc(m->n_found + 1, sizeof *m->owner);
    m->tried = calloc(m->n_found + 1, sizeof *m->tried);
    if (!m->owner || !m->tried || m->n_expected > ROWS_MAX)
        return -1;
    for (size_t i = 0; i < m->n_expected; i++) {
        struct value row = value_at(m->expected, (int64_t)i);

        memset(m->tried, 0, m->n_found * sizeof *m->tried);
        if (!give(m, i)) {
            missing++;
            if (add_row(&rows, '-', &row) < 0)
                return -1;
        }
    }
    for (size_t i = 0; i < m->n_found; i++) {
        struct value row = value_at(m->found, (int64_t)i);

        if (m->owner[i] == 0) {
            extra++;
            if (add_row(&rows, '+', &row) < 0)
                return -1;
        }
    }
    if (missing + extra == 0)
        return 0;
    if (buf_printf(out, "example '%.*s': table %s: %zu of %zu rows expected (-) did not come, %zu others (+) did\n",
                   STR_ARG(example->name.text), m->t->name, missing, m->n_expected, extra) < 0)
        return -1;
    return buf_add_str(out, buf_str(&rows)) < 0 ? -1 : 1;
}

static int compare_table(struct db *db, const struct catalog_table *t, const struct value *expected,
                         const struct mapping_example *example, struct buf *out, struct err *err)
{
    const struct json_options options = {0};
    struct zone *utc = zone_open(str_of("UTC"), err);
    struct json_parser *p = json_parser_new(&options, err);
    CLEANUP(buf_release) struct buf json = BUF_INIT;
    struct value found;
    struct matching m = {.t = t, .utc = utc, .expected = expected, .found = &found};
    int ret = -1;

    if (utc && p && fetch(db, t, &json, err) == 0 && parse(p, &json, &found, err) == 0) {
        ret = compare(&m, example, out);
        if (ret < 0)
            err_oom(err);
    }
    free(m.owner);
    free(m.tried);
    json_parser_free(p);
    zone_close(utc);
    return ret;
}

/* Tables that the example names; of the others no rows are expected. */
static int compare_tables(struct db *db, const struct catalog *catalog, const struct mapping *m,
                          const struct mapping_example *example, struct buf *out, struct err *err)
{
    const struct json_options options = {0};
    struct json_parser *p = json_parser_new(&options, err);
    CLEANUP(buf_release) struct buf text = BUF_INIT;
    struct value all = value_absent(), none = value_array(NULL, 0);
    int different = p && buf_add_str(&text, example->rows.json) == 0 ? 0 : err_oom(err);

    if (different == 0 && example->rows.json.at && parse(p, &text, &all, err) < 0)
        different = -1;
    for (size_t i = 0; i < m->n_rules && different >= 0 && example->rows.json.at; i++) {
        struct str name = m->rules[i].into.text.at ? m->rules[i].into.text : m->rules[i].name.text;
        const struct catalog_table *t = catalog_table(catalog, name);
        struct value expected = value_get(&all, name);
        bool seen = false;
        int one;

        for (size_t k = 0; k < i; k++)
            seen = seen || str_eq(name, m->rules[k].into.text.at ? m->rules[k].into.text : m->rules[k].name.text);
        if (seen || !t)
            continue;
        one = compare_table(db, t, expected.type == VALUE_ARRAY ? &expected : &none, example, out, err);
        different = one < 0 ? -1 : different | one;
    }
    json_parser_free(p);
    return different;
}

/* Rejects */

static uint64_t count_of(const struct findings *findings, enum code code)
{
    uint64_t n = 0;

    for (size_t i = 0; findings && i < findings->n; i++) {
        const struct finding *f = findings->groups[i].examples[0];

        if (f->severity == FINDING_ERROR && f->code == code)
            n += findings->groups[i].count;
    }
    return n;
}

static int compare_codes(const struct summary *s, const struct value *codes, const struct mapping_example *example, struct buf *out)
{
    CLEANUP(arena_release) struct arena a = {0};
    size_t n = value_count(codes);
    int different = 0;

    for (int code = CODE_NONE + 1; code < CODE_COUNT; code++) {
        uint64_t expected = 0, found = count_of(s->findings, (enum code)code);

        for (size_t i = 0; i < n; i++) {
            struct value v = value_at(codes, (int64_t)i);
            struct str name;

            expected += v.type == VALUE_STRING && value_text(&v, &a, &name) == 0 && str_is(name, code_entry((enum code)code)->name);
        }
        if (expected == found)
            continue;
        different = 1;
        if (buf_printf(out, "example '%.*s': %llu rejects with %s expected, %llu found\n", STR_ARG(example->name.text),
                       (unsigned long long)expected, code_entry((enum code)code)->name, (unsigned long long)found) < 0)
            return -1;
    }
    return different;
}

static int compare_rejects(const struct summary *s, const struct mapping_example *example, struct buf *out, struct err *err)
{
    const struct json_options options = {0};
    struct json_parser *p = json_parser_new(&options, err);
    CLEANUP(buf_release) struct buf text = BUF_INIT;
    uint64_t rejected = summary_totals(s).rejected, expected = 0;
    struct value v = value_absent();
    int ret = p ? 0 : -1;

    if (ret == 0 && example->rejects.json.at && (buf_add_str(&text, example->rejects.json) < 0 || parse(p, &text, &v, err) < 0))
        ret = -1;
    if (ret == 0 && v.type == VALUE_ARRAY) {
        ret = compare_codes(s, &v, example, out);
    } else if (ret == 0) {
        if (v.type == VALUE_NUMBER)
            (void)str_parse_uint64(v.text, &expected);
        ret = expected != rejected;
        if (ret && buf_printf(out, "example '%.*s': %llu rejects expected, %llu found\n", STR_ARG(example->name.text),
                              (unsigned long long)expected, (unsigned long long)rejected) < 0)
            ret = -1;
    }
    json_parser_free(p);
    return ret;
}

/* One example */

static const struct program_set *sets_of(const struct mapping_example *example, const struct run_options *o, struct arena *a, size_t *n)
{
    struct program_set *sets = arena_calloc(a, o->n_sets + example->n_params + 1, sizeof *sets);

    *n = 0;
    for (size_t i = 0; sets && i < example->n_params; i++)
        sets[(*n)++] = (struct program_set){example->params[i].from.text, example->params[i].to.at.text};
    for (size_t i = 0; sets && i < o->n_sets; i++) {
        bool given = false;

        for (size_t k = 0; k < example->n_params; k++)
            given = given || str_eq(sets[k].name, o->sets[i].name);
        if (!given)
            sets[(*n)++] = o->sets[i];
    }
    return sets;
}

static int judge(struct run_result *r, const struct mapping *m, const struct mapping_example *example, struct buf *out,
                 struct err *err)
{
    const char *target = run_scratch(r);
    const struct sink_ops *ops = target ? sink_for(target) : NULL;
    struct db_options options = {.read_only = true};
    CLEANUP(catalog_release) struct catalog catalog = {0};
    struct sink *sink = ops ? ops->open(target, &options, err) : NULL;
    int rows = -1, rejects = -1;

    if (sink && ops->catalog(sink, &catalog, err) == 0) {
        rows = compare_tables(ops->db(sink), &catalog, m, example, out, err);
        rejects = rows < 0 ? -1 : compare_rejects(&r->summary, example, out, err);
    }
    if (sink)
        ops->close(sink);
    if (rejects == 1 && r->summary.findings && render_findings(out, r->summary.findings, NULL) < 0)
        return err_oom(err);
    return rejects < 0 ? -1 : rows | rejects;
}

/* 0 as it should be, 1 different, -1 it could not be run. */
static int run_one(struct app *app, const struct mapping *m, const struct mapping_example *example, struct run_options o,
                   struct buf *out)
{
    CLEANUP(arena_release) struct arena a = {0};
    CLEANUP(err_release) struct err e = {0};
    struct tempdir dir = {0};
    char *tree;
    const char *sources[1];
    struct run_result r;
    size_t n_sets;
    int ret = -1;

    if (tempdir_make(&dir, tempfile_directory(), geteuid(), getegid(), &e) < 0)
        return app_fail(&e, -1);
    sources[0] = tree = arena_printf(&a, "%s/tree", dir.path);
    o.sources = sources;
    o.n_sources = 1;
    o.sets = sets_of(example, &o, &a, &n_sets);
    o.n_sets = n_sets;
    if (o.sets && tree && mkdir(tree, 0700) == 0 && write_files(example, tree) == 0) {
        run_execute(&o, &r);
        if (r.faults.n)
            cmd_print_faults(app, r.mapping, o.mapping, &r.faults);
        else if (r.failure.scope || (r.summary.end != SUMMARY_DONE && r.summary.end != SUMMARY_NOTHING))
            app_fail(&r.failure, 0);
        else
            ret = judge(&r, m, example, out, &e);
        if (ret < 0 && e.scope)
            app_fail(&e, 0);
        run_result_release(&r);
    }
    tempdir_remove(&dir);
    return ret;
}

int examples_run(struct app *app, const struct mapping *m, const struct run_options *o, size_t *ran, size_t *wrong)
{
    CLEANUP(buf_release) struct buf out = BUF_INIT;
    struct run_options options = *o;
    int ret = 0;

    options.level = RUN_CONSTRAINTS;
    options.examples = true;
    options.jobs = 1;
    options.has_max_rejects = options.stop_on_reject = false;
    options.max_reject_percent = 0;
    options.progress = PROGRESS_NONE;
    for (size_t i = 0; i < m->n_examples && ret == 0; i++) {
        int one = run_one(app, m, &m->examples[i], options, &out);

        ++*ran;
        *wrong += one == 1;
        ret = one < 0 ? -1 : 0;
    }
    fwrite(buf_text(&out), 1, out.len, stderr);
    return ret;
}
