/* windrow report: a system's named reports, listed or run. Nothing is ever written. */
#include "cli/system.h"

#include "base/cleanup.h"
#include "query/query.h"
#include "report/jsonout.h"
#include "report/table.h"

#include <stdlib.h>
#include <time.h>

static int64_t clock_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* The list */

static int add_params(const struct query *q, struct buf *out)
{
    for (size_t i = QUERY_OWN; i < q->n_params; i++) {
        const struct query_param *p = &q->params[i];

        if (buf_printf(out, "%s%s%s%s", i > QUERY_OWN ? ", " : "", p->name, p->fallback ? " = " : "",
                       p->fallback ? p->fallback : "") < 0)
            return -1;
    }
    return 0;
}

static int add_report(struct app *app, const char *dir, const char *name, struct table *t, struct err *err)
{
    static const enum db_engine engines[] = {DB_POSTGRESQL, DB_SQLITE};
    CLEANUP(buf_release) struct buf params = BUF_INIT;
    struct query *q = arena_calloc(&app->arena, 1, sizeof *q);
    const char *path = NULL;
    enum db_engine engine = DB_POSTGRESQL;

    for (size_t i = 0; i < ARRAY_LEN(engines) && !path; i++)
        path = query_path(dir, name, engine = engines[i], &app->arena);
    if (!path)
        return 0;
    if (!q)
        return err_oom(err);
    if (query_load(path, engine, &app->arena, q, err) < 0)
        return -1;
    if (add_params(q, &params) < 0 || table_cell(t, str_of(name)) < 0 || table_cell(t, str_of(q->about ? q->about : "")) < 0 ||
        table_cell(t, buf_str(&params)) < 0)
        return err_oom(err);
    return 0;
}

static int list(struct app *app, const char *dir)
{
    static const struct table_column columns[] = {{"report", TABLE_TEXT, 0}, {"what it shows", TABLE_TEXT, 70},
                                                  {"parameters", TABLE_TEXT, 60}};
    CLEANUP(table_release) struct table t = {0};
    CLEANUP(buf_release) struct buf out = BUF_INIT;
    CLEANUP(err_release) struct err err = {0};
    const char **names;
    size_t n;

    table_init(&t, columns, ARRAY_LEN(columns));
    if (query_names(dir, &app->arena, &names, &n, &err) < 0)
        return app_fail(&err, EXIT_INTERNAL);
    if (n == 0)
        return app_usage("there are no reports in %s", dir);
    for (size_t i = 0; i < n; i++) {
        if (add_report(app, dir, names[i], &t, &err) < 0)
            return app_fail(&err, EXIT_USAGE);
    }
    if ((app->json ? table_json(&t, &out) : app->csv ? table_csv(&t, &out, ESCAPE_CSV_SAFE) : table_text(&t, &out)) < 0)
        return EXIT_INTERNAL;
    return app_print(&out, EXIT_DONE);
}

/* One report */

/* A column is of numbers when all that stands in it is. */
static enum table_kind kind_of(const struct db_result *r, size_t column)
{
    bool some = false;

    for (size_t row = 0; row < r->n_rows; row++) {
        const struct db_value *v = &r->values[row * r->n_columns + column];

        if (v->type != DB_NULL && !v->number)
            return TABLE_TEXT;
        some |= v->type != DB_NULL;
    }
    return some ? TABLE_NUMBER : TABLE_TEXT;
}

/* Both engines' numbers alike: no zeros at the end of a fraction. */
static struct str plain_number(struct str s)
{
    if (!memchr(s.at, '.', s.len) || memchr(s.at, 'e', s.len))
        return s;
    while (s.at[s.len - 1] == '0')
        s.len--;
    s.len -= s.at[s.len - 1] == '.';
    return s;
}

static int fill(struct app *app, const struct db_result *r, struct table *t)
{
    struct table_column *columns = arena_calloc(&app->arena, r->n_columns + 1, sizeof *columns);

    if (!columns)
        return -1;
    for (size_t i = 0; i < r->n_columns; i++)
        columns[i] = (struct table_column){r->names[i], kind_of(r, i), 0};
    table_init(t, columns, r->n_columns);
    for (size_t i = 0; i < r->n_rows * r->n_columns; i++) {
        const struct db_value *v = &r->values[i];

        if (v->type == DB_NULL ? table_null(t) < 0 : table_cell(t, v->number ? plain_number(v->text) : v->text) < 0)
            return -1;
    }
    return 0;
}

static const char *title_of(const struct query_section *s)
{
    return s->title ? s->title : "";
}

static int print_text(const struct query *q, const struct query_section *s, const struct table *t, bool first,
                      struct buf *out)
{
    if (!first && buf_add_char(out, '\n') < 0)
        return -1;
    if (q->n_sections > 1 && s->title && buf_printf(out, "%s\n", s->title) < 0)
        return -1;
    if (t->n == 0)
        return buf_add_text(out, "no rows\n");
    return table_text(t, out);
}

static int print_json(const struct query_section *s, const struct table *t, struct jsonout *j)
{
    CLEANUP(buf_release) struct buf rows = BUF_INIT;

    if (table_json(t, &rows) < 0)
        return -1;
    jsonout_open(j, '{');
    jsonout_name(j, "title");
    jsonout_text(j, title_of(s));
    jsonout_name(j, "rows");
    jsonout_raw(j, str_trim(buf_str(&rows)));
    jsonout_close(j, '}');
    return 0;
}

static void begin_json(const char *system, const char *name, const struct query *q, struct jsonout *j)
{
    jsonout_open(j, '{');
    jsonout_name(j, "format");
    jsonout_text(j, "windrow.report");
    jsonout_name(j, "version");
    jsonout_uint(j, 1);
    jsonout_name(j, "system");
    jsonout_text(j, system);
    jsonout_name(j, "report");
    jsonout_text(j, name);
    jsonout_name(j, "parameters");
    jsonout_open(j, '{');
    for (size_t i = 0; i < q->n_params; i++) {
        jsonout_name(j, q->params[i].name);
        jsonout_text(j, q->params[i].value);
    }
    jsonout_close(j, '}');
    jsonout_name(j, "sections");
    jsonout_open(j, '[');
}

static int run_section(struct db *db, const struct query *q, const struct query_section *s, struct db_result *ret,
                       struct err *err)
{
    struct db_value params[QUERY_PARAMS_MAX];

    for (size_t i = 0; i < s->n_of; i++)
        params[i] = db_text(str_of(q->params[s->of[i]].value));
    if (db_query(db, s->sql, params, s->n_of, ret, err) == 0)
        return 0;
    return err_at(err, q->path, s->line, 1);
}

static bool wanted(const struct app *app, const struct query_section *s)
{
    return !app->section || strcmp(app->section, title_of(s)) == 0;
}

/* All sections see the same state of the database. */
static int run(struct app *app, struct db *db, const struct query *q, struct buf *out, struct err *err)
{
    struct jsonout j;
    bool first = true;

    jsonout_init(&j, out, false);
    if (app->json)
        begin_json(app->args[0], app->args[1], q, &j);
    if (db_exec(db, db_engine(db) == DB_SQLITE ? "BEGIN" : "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", err) < 0)
        return -1;
    for (size_t i = 0; i < q->n_sections; i++) {
        CLEANUP(db_result_release) struct db_result r = {0};
        CLEANUP(table_release) struct table t = {0};
        int printed;

        if (!wanted(app, &q->sections[i]))
            continue;
        if (run_section(db, q, &q->sections[i], &r, err) < 0)
            return -1;
        if (fill(app, &r, &t) < 0)
            return err_oom(err);
        printed = app->json  ? print_json(&q->sections[i], &t, &j)
                  : app->csv ? table_csv(&t, out, ESCAPE_CSV_SAFE)
                             : print_text(q, &q->sections[i], &t, first, out);
        if (printed < 0)
            return err_oom(err);
        first = false;
    }
    if (app->json) {
        jsonout_close(&j, ']');
        jsonout_close(&j, '}');
        if (j.failed || buf_add_char(out, '\n') < 0)
            return err_oom(err);
    }
    return 0;
}

static bool check_sections(const struct app *app, const struct query *q)
{
    size_t n = 0;

    for (size_t i = 0; i < q->n_sections; i++)
        n += wanted(app, &q->sections[i]);
    if (n == 0)
        return app_usage("report %s %s has no section '%s'", app->args[0], app->args[1], app->section), false;
    if (app->csv && n > 1)
        return app_usage("report %s %s has %zu sections: choose one for --csv with --section TITLE", app->args[0],
                         app->args[1], n), false;
    return true;
}

static int unknown(struct app *app, const char *dir)
{
    const char **names, *nearest;
    struct err ignored = {0};
    size_t n;

    if (query_names(dir, &app->arena, &names, &n, &ignored) < 0) {
        err_release(&ignored);
        return EXIT_INTERNAL;
    }
    nearest = str_nearest(str_of(app->args[1]), names, n);
    if (nearest && strcmp(nearest, app->args[1]) == 0)
        return app_usage("the report '%s' is not for this database engine", app->args[1]);
    if (nearest)
        return app_usage("%s has no report '%s'; did you mean '%s'?", app->args[0], app->args[1], nearest);
    return app_usage("%s has no report '%s'; see 'windrow report %s'", app->args[0], app->args[1], app->args[0]);
}

static int one(struct app *app, const char *dir)
{
    const char *target = app_target(app, true);
    bool sqlite = target && strncmp(target, "sqlite:", 7) == 0;
    enum db_engine engine = sqlite ? DB_SQLITE : DB_POSTGRESQL;
    const char *path = target ? query_path(dir, app->args[1], engine, &app->arena) : NULL;
    struct db_options options = {.read_only = true};
    struct query *q = arena_calloc(&app->arena, 1, sizeof *q);
    CLEANUP(err_release) struct err err = {0};
    CLEANUP(buf_release) struct buf out = BUF_INIT;
    struct db *db;
    int status = EXIT_DONE;

    if (!target)
        return EXIT_USAGE;
    if (!path)
        return unknown(app, dir);
    if (!q)
        return EXIT_INTERNAL;
    if (query_load(path, engine, &app->arena, q, &err) < 0 ||
        query_settle(q, app->set, app->n_set, engine, clock_us(), &app->arena, &err) < 0)
        return app_fail(&err, EXIT_USAGE);
    if (!check_sections(app, q))
        return EXIT_USAGE;
    db = db_open(target, &options, &err);
    if (!db || run(app, db, q, &out, &err) < 0)
        status = app_fail(&err, EXIT_DATABASE);
    db_close(db);
    return status == EXIT_DONE ? app_print(&out, status) : status;
}

int cmd_report(struct app *app)
{
    struct system_place place;
    const char *dir;

    app->reads = true;
    if (app->json && app->csv)
        return app_usage("--json or --csv, not both");
    if (!system_find(app, app->args[0], &place))
        return EXIT_USAGE;
    dir = arena_printf(&app->arena, "%s/queries", place.dir);
    if (!dir)
        return EXIT_INTERNAL;
    return app->n_args == 1 ? list(app, dir) : one(app, dir);
}
