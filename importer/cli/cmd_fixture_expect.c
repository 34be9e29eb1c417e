/* windrow fixture expect: differences as a diff, as JSON or as TAP. */
#include "cli/cmd_fixture.h"

#include "base/cleanup.h"
#include "fixture/expect.h"
#include "report/escape.h"
#include "report/format.h"
#include "report/jsonout.h"

#include <stdio.h>

enum { LISTED = 100 };

static bool differs(const struct expect_table *t)
{
    return t->changed + t->missing + t->extra > 0;
}

/* ---- text ---- */

static int add_line(struct buf *out, const char *before, const char *mark, const char *text)
{
    if (buf_printf(out, "%s%s ", before, mark) < 0 || escape_text(out, str_of(text)) < 0)
        return -1;
    return buf_add_char(out, '\n');
}

/* "@@ id=7 @@ expected/users.jsonl:3" */
static int add_place(const struct expect_table *t, const struct expect_difference *d, const char *before, struct buf *out)
{
    if (buf_printf(out, "%s@@ ", before) < 0 || escape_text(out, str_of(d->key ? d->key : "row")) < 0 || buf_add_text(out, " @@") < 0)
        return -1;
    if (d->line && (buf_add_char(out, ' ') < 0 || escape_text(out, str_of(t->file)) < 0 ||
                    buf_printf(out, ":%llu", (unsigned long long)d->line) < 0))
        return -1;
    return buf_add_text(out, d->kind == EXPECT_CHANGED ? "\n" : d->kind == EXPECT_MISSING ? " is not there\n" : " is not expected\n");
}

static int add_column(const struct expect_column *c, const char *before, struct buf *out)
{
    if (add_line(out, before, " ", c->name) < 0 || add_line(out, before, "-", c->expected) < 0)
        return -1;
    return add_line(out, before, "+", c->found);
}

static int add_difference(const struct expect_table *t, const struct expect_difference *d, const char *before, struct buf *out)
{
    if (add_place(t, d, before, out) < 0)
        return -1;
    for (size_t i = 0; i < d->n_columns; i++) {
        if (add_column(&d->columns[i], before, out) < 0)
            return -1;
    }
    return d->row ? add_line(out, before, d->kind == EXPECT_MISSING ? "-" : "+", d->row) : 0;
}

/* Every line begins with `before`, which makes comments of them in TAP. */
static int add_table(const struct expect_table *t, const char *target, const char *before, struct buf *out)
{
    uint64_t all = t->changed + t->missing + t->extra;

    if (add_line(out, before, "---", t->file) < 0 || buf_printf(out, "%s+++ ", before) < 0 || escape_text(out, str_of(t->name)) < 0 ||
        buf_add_text(out, " in ") < 0 || escape_text(out, str_of(target)) < 0 || buf_add_char(out, '\n') < 0)
        return -1;
    for (const struct expect_difference *d = t->first; d; d = d->next) {
        if (add_difference(t, d, before, out) < 0)
            return -1;
    }
    if (all == t->listed)
        return 0;
    if (buf_add_text(out, before) < 0 || format_count(out, all - t->listed) < 0)
        return -1;
    return buf_add_text(out, " more differences, see --all\n");
}

/* "users: 2 rows differ, 1 is missing, 3 are not expected" */
static int add_counts(const struct expect_table *t, struct buf *out)
{
    const struct { uint64_t n; const char *one, *many; } parts[] = {
        {t->changed, "row differs", "rows differ"},
        {t->missing, "row is not there", "rows are not there"},
        {t->extra, "row is not expected", "rows are not expected"},
    };
    const char *between = ": ";

    if (escape_text(out, str_of(t->name)) < 0)
        return -1;
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        if (parts[i].n == 0)
            continue;
        if (buf_add_text(out, between) < 0 || format_plural(out, parts[i].n, parts[i].one, parts[i].many) < 0)
            return -1;
        between = ", ";
    }
    if (differs(t))
        return 0;
    return buf_add_text(out, ": ") < 0 || format_plural(out, t->expected, "row", "rows") < 0 ? -1 : buf_add_text(out, " as expected");
}

static int add_text(const struct expect_result *r, bool quiet, struct buf *out)
{
    for (size_t i = 0; i < r->n; i++) {
        if (differs(&r->tables[i]) && add_table(&r->tables[i], r->target, "", out) < 0)
            return -1;
    }
    for (size_t i = 0; i < r->n; i++) {
        if (quiet)
            continue;
        if (add_counts(&r->tables[i], out) < 0 || buf_add_char(out, '\n') < 0)
            return -1;
    }
    return 0;
}

static int add_tap(const struct expect_result *r, struct buf *out)
{
    if (buf_printf(out, "TAP version 13\n1..%zu\n", r->n) < 0)
        return -1;
    for (size_t i = 0; i < r->n; i++) {
        const struct expect_table *t = &r->tables[i];

        if (buf_printf(out, "%sok %zu - ", differs(t) ? "not " : "", i + 1) < 0 || add_counts(t, out) < 0 || buf_add_char(out, '\n') < 0 ||
            (differs(t) && add_table(t, r->target, "# ", out) < 0))
            return -1;
    }
    return 0;
}

/* ---- JSON ---- */

static void member_text(struct jsonout *j, const char *name, const char *text)
{
    if (text)
        jsonout_member_str(j, name, str_of(text));
}

static void member_raw(struct jsonout *j, const char *name, const char *json)
{
    jsonout_name(j, name);
    jsonout_raw(j, str_of(json));
}

static void difference_json(const struct expect_difference *d, struct jsonout *j)
{
    static const char *const kinds[] = {[EXPECT_CHANGED] = "changed", [EXPECT_MISSING] = "missing", [EXPECT_EXTRA] = "unexpected"};

    jsonout_open(j, '{');
    member_text(j, "kind", kinds[d->kind]);
    member_text(j, "key", d->key);
    jsonout_member_place(j, "line", d->line);
    if (d->row)
        member_raw(j, "row", d->row);
    if (d->kind == EXPECT_CHANGED) {
        jsonout_name(j, "columns");
        jsonout_open(j, '[');
        for (size_t i = 0; i < d->n_columns; i++) {
            jsonout_open(j, '{');
            member_text(j, "column", d->columns[i].name);
            member_raw(j, "expected", d->columns[i].expected);
            member_raw(j, "found", d->columns[i].found);
            jsonout_close(j, '}');
        }
        jsonout_close(j, ']');
    }
    jsonout_close(j, '}');
}

static void table_json(const struct expect_table *t, bool written, struct jsonout *j)
{
    jsonout_open(j, '{');
    member_text(j, "table", t->name);
    member_text(j, "file", t->file);
    if (!written)
        jsonout_member_uint(j, "expected", t->expected);
    jsonout_member_uint(j, written ? "rows" : "found", t->found);
    if (!written) {
        jsonout_member_uint(j, "changed", t->changed);
        jsonout_member_uint(j, "missing", t->missing);
        jsonout_member_uint(j, "unexpected", t->extra);
        jsonout_name(j, "differences");
        jsonout_open(j, '[');
        for (const struct expect_difference *d = t->first; d; d = d->next)
            difference_json(d, j);
        jsonout_close(j, ']');
    }
    jsonout_close(j, '}');
}

static int add_json(const struct expect_result *r, bool written, struct buf *out)
{
    struct jsonout j;

    jsonout_init(&j, out, false);
    jsonout_open(&j, '{');
    member_text(&j, "format", "windrow.expect");
    jsonout_name(&j, "version");
    jsonout_uint(&j, 1);
    member_text(&j, "target", r->target);
    jsonout_name(&j, "tables");
    jsonout_open(&j, '[');
    for (size_t i = 0; i < r->n; i++)
        table_json(&r->tables[i], written, &j);
    jsonout_close(&j, ']');
    jsonout_close(&j, '}');
    return j.failed ? -1 : buf_add_char(out, '\n');
}

/* ---- the command ---- */

static int print_compared(struct app *app, const struct expect_result *r)
{
    CLEANUP(buf_release) struct buf out = BUF_INIT;
    int status = r->different ? EXIT_DIFFERENT : EXIT_DONE;
    int good = app->json ? add_json(r, false, &out) : app->format && strcmp(app->format, "tap") == 0 ? add_tap(r, &out)
                                                                                                    : add_text(r, app->quiet, &out);

    return app_print(&out, good < 0 ? EXIT_INTERNAL : status);
}

static int print_written(struct app *app, const struct expect_result *r)
{
    CLEANUP(buf_release) struct buf out = BUF_INIT;
    int good = app->json ? add_json(r, true, &out) : 0;

    for (size_t i = 0; good == 0 && !app->json && !app->quiet && i < r->n; i++) {
        good = escape_text(&out, str_of(r->tables[i].file)) < 0 || buf_add_text(&out, ": ") < 0 ||
               format_plural(&out, r->tables[i].found, "row", "rows") < 0 || buf_add_char(&out, '\n') < 0 ? -1 : 0;
    }
    return app_print(&out, good < 0 ? EXIT_INTERNAL : EXIT_DONE);
}

int cmd_fixture_expect(struct app *app)
{
    struct expect_options o = {.dir = app->args[0], .tables = app->args + 1, .list_max = app->all ? 0 : LISTED};
    CLEANUP(expect_release) struct expect_result r = {0};
    struct err err = {0};

    if (app->n_args < 1)
        return app_usage("usage: windrow fixture expect DIR [TABLE...]");
    if (app->format && strcmp(app->format, "tap") != 0 && strcmp(app->format, "text") != 0)
        return app_usage("--format %s: it is text or tap", app->format);
    o.n_tables = app->n_args - 1;
    o.target = app_target(app, true);
    if (!o.target)
        return EXIT_USAGE;
    if ((app->write ? expect_write(&o, &r, &err) : expect_compare(&o, &r, &err)) < 0)
        return cmd_fixture_fail(&err);
    return app->write ? print_written(app, &r) : print_compared(app, &r);
}
