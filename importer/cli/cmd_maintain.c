/* windrow maintain: clean-up, backup, restore, space and indexes of a system's tables. All printing is here; maintain/ prints
 * nothing. */
#include "cli/system.h"

#include "base/cleanup.h"
#include "base/stop.h"
#include "maintain/maintain.h"
#include "report/format.h"
#include "report/jsonout.h"
#include "report/table.h"
#include "run/lock.h"

#include <stdio.h>
#include <stdlib.h>

enum { MS = 1000, ABOUT_SHOWN = 60, DEFINITION_SHOWN = 100, LOCK_WAIT_MS = 10000 };

static int status_of(const struct err *err)
{
    switch (err->code) {
    case W0601:
        return EXIT_INTERRUPTED;
    case W0905:
        return EXIT_INTERNAL;
    case W0101:
    case W0102:
    case W0104:
    case W0503:
    case W0702:
    case W0703:
    case W0704:
    case W0710:
    case W0716:
    case W0901:
    case W0902:
    case W0903:
    case W0907:
        return EXIT_USAGE;
    default:
        return EXIT_DATABASE;
    }
}

static int fail(struct err *err)
{
    int status = app_fail(err, status_of(err));

    err_release(err);
    return status;
}

static int interrupted(const struct app *app, const char *what)
{
    if (!app->quiet)
        fprintf(stderr, "windrow: interrupted; %s\n", what);
    return EXIT_INTERRUPTED;
}

static bool stop_wanted(void *context)
{
    (void)context;
    return stop_requested() != STOP_NO;
}

static void show_pages(void *context, uint64_t done, uint64_t total)
{
    unsigned *shown = context, percent = total ? (unsigned)(100 * done / total) : 100;

    if (percent == *shown)
        return;
    *shown = percent;
    fprintf(stderr, percent < 100 ? "\rcopying: %u %%" : "\r\033[K", percent);
}

/* ---- opening ---- */

struct upkeep {
    struct maintain_options o;
    unsigned percent;
};

static bool read_wait(const struct app *app, uint32_t *ret_ms)
{
    uint64_t n;

    if (!app->wait)
        return true;
    if (!str_parse_uint64(str_of(app->wait), &n) || n < 1 || n > 86400)
        return app_usage("--wait %s: it is a number of seconds from 1 to 86400", app->wait), false;
    *ret_ms = (uint32_t)n * MS;
    return true;
}

static bool prepare(struct app *app, bool read_only, struct upkeep *ret)
{
    struct system_place place;
    bool shows = !app->quiet && !app->json && isatty(STDERR_FILENO);

    if (!system_find(app, app->args[1], &place))
        return false;
    *ret = (struct upkeep){.o = {.system = place.name, .dir = place.dir, .read_only = read_only, .stop = stop_wanted,
                                 .scratch = app->scratch ? app->scratch : getenv("WINDROW_SCRATCH"),
                                 .progress = shows ? show_pages : NULL, .context = &ret->percent}};
    ret->o.target = app_target(app, true);
    return ret->o.target && read_wait(app, &ret->o.wait_ms);
}

static struct maintain *open_system(struct app *app, bool read_only, struct upkeep *u, int *status)
{
    struct err err = {0};
    struct maintain *m = NULL;

    *status = EXIT_USAGE;
    if (prepare(app, read_only, u) && !(m = maintain_open(&u->o, &err)))
        *status = fail(&err);
    return m;
}

static void begin_json(struct app *app, struct buf *out, struct jsonout *j)
{
    jsonout_init(j, out, false);
    jsonout_open(j, '{');
    jsonout_name(j, "format");
    jsonout_text(j, "windrow.maintain");
    jsonout_name(j, "version");
    jsonout_uint(j, 1);
    jsonout_name(j, "command");
    jsonout_text(j, app->args[0]);
    jsonout_name(j, "system");
    jsonout_text(j, app->args[1]);
}

static int end_json(struct jsonout *j, struct buf *out, int status)
{
    jsonout_close(j, '}');
    return app_print(out, j->failed || buf_add_char(out, '\n') < 0 ? EXIT_INTERNAL : status);
}

static void member_text(struct jsonout *j, const char *name, const char *text)
{
    jsonout_name(j, name);
    if (text)
        jsonout_text(j, text);
    else
        jsonout_null(j);
}

/* ---- clean-up ---- */

static const char *const state_names[] = {
    [MAINTAIN_DONE] = "done", [MAINTAIN_FAILED] = "failed", [MAINTAIN_NOT_ASKED] = "not asked for",
};

static int add_step(struct table *t, const struct maintain_step *s)
{
    for (size_t i = 0; i < s->n_removed; i++) {
        int good = table_cell(t, str_of(i == 0 ? s->rule : ""));

        if (good == 0)
            good = table_cell(t, str_of(s->removed[i].table));
        if (good == 0)
            good = s->state == MAINTAIN_DONE ? table_count(t, s->removed[i].rows) : table_null(t);
        if (good == 0)
            good = s->state == MAINTAIN_NOT_ASKED ? table_cellf(t, "not asked for: --set %s=...", s->needs)
                                                  : table_cell(t, str_of(i > 0 ? "" : s->state == MAINTAIN_FAILED ? "failed, taken back" : s->about));
        if (good < 0)
            return -1;
    }
    return 0;
}

static int cleanup_text(const struct maintain_cleanup *c, bool dry_run, struct buf *out)
{
    static const struct table_column columns[] = {
        {"rule", TABLE_TEXT, 0}, {"table", TABLE_TEXT, 0}, {"rows", TABLE_NUMBER, 0}, {"what goes", TABLE_TEXT, ABOUT_SHOWN}};
    CLEANUP(table_release) struct table t = {0};

    table_init(&t, columns, ARRAY_LEN(columns));
    for (size_t i = 0; i < c->n; i++) {
        if (add_step(&t, &c->steps[i]) < 0)
            return -1;
    }
    if (table_text(&t, out) < 0 || format_plural(out, c->total, "row", "rows") < 0)
        return -1;
    return buf_add_text(out, dry_run ? " would be removed; nothing was changed\n" : " removed\n");
}

static void step_json(const struct maintain_step *s, struct jsonout *j)
{
    jsonout_open(j, '{');
    member_text(j, "rule", s->rule);
    member_text(j, "about", s->about);
    member_text(j, "state", state_names[s->state]);
    if (s->needs)
        member_text(j, "needs", s->needs);
    jsonout_name(j, "removed");
    jsonout_open(j, '[');
    for (size_t i = 0; i < s->n_removed; i++) {
        jsonout_open(j, '{');
        member_text(j, "table", s->removed[i].table);
        jsonout_member_uint(j, "rows", s->removed[i].rows);
        jsonout_close(j, '}');
    }
    jsonout_close(j, ']');
    if (s->err.scope) {
        jsonout_name(j, "error");
        jsonout_open(j, '{');
        member_text(j, "code", code_entry(s->err.code)->name);
        member_text(j, "message", s->err.message);
        jsonout_member_str(j, "sqlstate", str_of(s->err.sqlstate));
        member_text(j, "file", s->err.file);
        jsonout_member_place(j, "line", s->err.line);
        jsonout_close(j, '}');
    }
    jsonout_close(j, '}');
}

static int cleanup_json(struct app *app, const struct maintain_cleanup *c, int status)
{
    CLEANUP(buf_release) struct buf out = BUF_INIT;
    struct jsonout j;

    begin_json(app, &out, &j);
    member_text(&j, "now", c->now);
    jsonout_name(&j, "dry_run");
    jsonout_bool(&j, app->dry_run);
    jsonout_name(&j, "steps");
    jsonout_open(&j, '[');
    for (size_t i = 0; i < c->n; i++)
        step_json(&c->steps[i], &j);
    jsonout_close(&j, ']');
    jsonout_member_uint(&j, "rows", c->total);
    jsonout_member_uint(&j, "failed", c->n_failed);
    return end_json(&j, &out, status);
}

static int print_cleanup(struct app *app, const struct maintain_cleanup *c)
{
    CLEANUP(buf_release) struct buf out = BUF_INIT;
    int status = c->n_failed ? EXIT_REJECTS : EXIT_DONE;

    for (size_t i = 0; i < c->n; i++) {
        if (c->steps[i].err.scope)
            app_fail(&c->steps[i].err, status);
    }
    if (app->json)
        return cleanup_json(app, c, status);
    if (app->quiet)
        return status;
    return app_print(&out, cleanup_text(c, app->dry_run, &out) < 0 ? EXIT_INTERNAL : status);
}

static int do_cleanup(struct app *app)
{
    struct maintain_cleanup c = {0};
    struct err err = {0};
    struct upkeep u;
    int status, rc;
    struct maintain *m = open_system(app, false, &u, &status);

    if (!m)
        return status;
    app->reads = app->dry_run;
    rc = maintain_cleanup(m, app->set, app->n_set, app->dry_run, &c, &err);
    status = rc < 0 ? fail(&err) : rc > 0 ? interrupted(app, "nothing was removed") : print_cleanup(app, &c);
    maintain_cleanup_release(&c);
    maintain_close(m);
    return status;
}

/* ---- backup and restore ---- */

static int add_size(struct buf *out, uint64_t tables, uint64_t rows)
{
    if (format_plural(out, tables, "table", "tables") < 0 || buf_add_text(out, ", ") < 0)
        return -1;
    return format_plural(out, rows, "row", "rows");
}

static int backup_text(struct app *app, const struct maintain_backup *b, struct buf *out)
{
    if (escape_text(out, str_of(b->path)) < 0 || buf_add_char(out, '\n') < 0)
        return -1;
    if (app->quiet)
        return 0;
    if (buf_add_text(out, "  ") < 0 || format_bytes(out, b->bytes) < 0 || buf_add_text(out, ": ") < 0 ||
        add_size(out, b->tables, b->rows) < 0)
        return -1;
    return buf_printf(out, "; %s up to version %lld; read again and counted\n", app->args[1], (long long)b->version);
}

static int backup_json(struct app *app, const struct maintain_backup *b)
{
    CLEANUP(buf_release) struct buf out = BUF_INIT;
    struct jsonout j;

    begin_json(app, &out, &j);
    member_text(&j, "file", b->path);
    jsonout_member_uint(&j, "bytes", b->bytes);
    jsonout_member_uint(&j, "schema_version", (uint64_t)b->version);
    jsonout_member_uint(&j, "tables", b->tables);
    jsonout_member_uint(&j, "rows", b->rows);
    return end_json(&j, &out, EXIT_DONE);
}

static int print_backup(struct app *app, const struct maintain_backup *b)
{
    CLEANUP(buf_release) struct buf out = BUF_INIT;

    if (app->json)
        return backup_json(app, b);
    return app_print(&out, backup_text(app, b, &out) < 0 ? EXIT_INTERNAL : EXIT_DONE);
}

static int do_backup(struct app *app)
{
    struct maintain_backup b = {0};
    struct err err = {0};
    struct upkeep u;
    int status, rc;
    struct maintain *m = open_system(app, true, &u, &status);

    if (!m)
        return status;
    rc = maintain_backup(m, app->out, &b, &err);
    status = rc < 0 ? fail(&err) : rc > 0 ? interrupted(app, "no backup was made") : print_backup(app, &b);
    maintain_backup_release(&b);
    maintain_close(m);
    return status;
}

static int restore_text(struct app *app, const struct maintain_restore *r, struct buf *out)
{
    int good = r->aside ? buf_printf(out, r->moved ? "what was there could not be read; its file is now " : "what was there is in ") : 0;

    if (good == 0 && r->aside)
        good = escape_text(out, str_of(r->aside)) < 0 ? -1 : buf_add_char(out, '\n');
    if (good < 0 || buf_add_text(out, "restored ") < 0 || add_size(out, r->tables, r->rows) < 0 ||
        buf_printf(out, "; %s up to version %lld", app->args[1], (long long)r->version) < 0)
        return -1;
    if (r->latest > r->version && buf_printf(out, "; run `windrow schema up %s` for version %lld", app->args[1], (long long)r->latest) < 0)
        return -1;
    return buf_add_char(out, '\n');
}

static int restore_json(struct app *app, const struct maintain_restore *r)
{
    CLEANUP(buf_release) struct buf out = BUF_INIT;
    struct jsonout j;

    begin_json(app, &out, &j);
    member_text(&j, "file", app->args[2]);
    member_text(&j, "aside", r->aside);
    jsonout_member_uint(&j, "schema_version", (uint64_t)r->version);
    jsonout_member_uint(&j, "latest_version", (uint64_t)r->latest);
    jsonout_member_uint(&j, "tables", r->tables);
    jsonout_member_uint(&j, "rows", r->rows);
    return end_json(&j, &out, EXIT_DONE);
}

static int print_restore(struct app *app, const struct maintain_restore *r)
{
    CLEANUP(buf_release) struct buf out = BUF_INIT;

    if (app->json)
        return restore_json(app, r);
    return app->quiet ? EXIT_DONE : app_print(&out, restore_text(app, r, &out) < 0 ? EXIT_INTERNAL : EXIT_DONE);
}

/* No load may run into the file meanwhile; a file that is not there yet must not be made by locking it. */
static int lock(const struct maintain_options *o, struct err *err)
{
    return strncmp(o->target, "sqlite:", 7) == 0 && access(o->target + 7, F_OK) == 0 ? lock_target(o->target, LOCK_WAIT_MS, err) : -1;
}

static int do_restore(struct app *app)
{
    struct maintain_restore r = {0};
    struct err err = {0};
    struct upkeep u;
    int status, rc;

    if (app->n_args < 3)
        return app_usage("maintain restore SYSTEM FILE: which backup?");
    if (!prepare(app, false, &u))
        return EXIT_USAGE;
    {
        CLEANUP(close_fd) int fd = lock(&u.o, &err);

        (void)fd;
        rc = err.scope ? -1 : maintain_restore(&u.o, app->args[2], app->yes_really, &r, &err);
    }
    status = rc < 0 ? fail(&err) : rc > 0 ? interrupted(app, "the target is as it was") : print_restore(app, &r);
    maintain_restore_release(&r);
    return status;
}

/* ---- space ---- */

static int vacuum_text(const struct maintain_vacuum *v, struct buf *out)
{
    bool grown = v->after > v->before;

    if (v->tables && (format_plural(out, v->tables, "table", "tables") < 0 || buf_add_text(out, ": ") < 0))
        return -1;
    if (format_bytes(out, v->before) < 0 || buf_add_text(out, " before, ") < 0 || format_bytes(out, v->after) < 0 ||
        buf_add_text(out, " after, ") < 0 || format_bytes(out, grown ? v->after - v->before : v->before - v->after) < 0)
        return -1;
    return buf_add_text(out, grown ? " more\n" : " saved\n");
}

static int print_vacuum(struct app *app, const struct maintain_vacuum *v)
{
    CLEANUP(buf_release) struct buf out = BUF_INIT;
    struct jsonout j;

    if (!app->json)
        return app->quiet ? EXIT_DONE : app_print(&out, vacuum_text(v, &out) < 0 ? EXIT_INTERNAL : EXIT_DONE);
    begin_json(app, &out, &j);
    jsonout_member_uint(&j, "bytes_before", v->before);
    jsonout_member_uint(&j, "bytes_after", v->after);
    return end_json(&j, &out, EXIT_DONE);
}

static int do_vacuum(struct app *app)
{
    struct maintain_vacuum v = {0};
    struct err err = {0};
    struct upkeep u;
    int status, rc;
    struct maintain *m = open_system(app, false, &u, &status);

    if (!m)
        return status;
    rc = maintain_vacuum(m, &v, &err);
    status = rc < 0 ? fail(&err) : rc > 0 ? interrupted(app, "run the same command again") : print_vacuum(app, &v);
    maintain_close(m);
    return status;
}

/* ---- indexes ---- */

static const char *index_word(const struct maintain_index *i)
{
    static const char *const names[] = {[MAINTAIN_MISSING] = "missing", [MAINTAIN_DIFFERENT] = "different",
                                        [MAINTAIN_INVALID] = "invalid", [MAINTAIN_EXTRA] = "extra"};

    return names[i->state];
}

static int add_line(struct buf *out, const char *before, const char *text)
{
    if (!text)
        return 0;
    if (buf_printf(out, "    %s ", before) < 0 || escape_text(out, str_of(text)) < 0)
        return -1;
    return buf_add_char(out, '\n');
}

static int indexes_text(const struct maintain_indexes *x, struct buf *out)
{
    for (size_t k = 0; k < x->n; k++) {
        const struct maintain_index *i = &x->items[k];

        if (buf_printf(out, "%s: ", index_word(i)) < 0 || escape_text(out, str_of(i->name)) < 0 ||
            buf_add_text(out, i->fixed ? (i->state == MAINTAIN_MISSING ? "; built\n" : "; rebuilt\n") : "\n") < 0 ||
            add_line(out, "expected", i->fixed ? NULL : i->expected) < 0 || add_line(out, "found   ", i->fixed ? NULL : i->found) < 0)
            return -1;
    }
    if (x->n == 0)
        return buf_add_text(out, "all indexes are what the versions make\n");
    if (x->n_open == 0)
        return buf_add_text(out, "no index is missing or invalid\n");
    return format_plural(out, x->n_open, "index is", "indexes are") < 0 ? -1
               : buf_add_text(out, " not what the versions make; --fix builds missing ones and rebuilds invalid ones\n");
}

static int indexes_json(struct app *app, const struct maintain_indexes *x, int status)
{
    CLEANUP(buf_release) struct buf out = BUF_INIT;
    struct jsonout j;

    begin_json(app, &out, &j);
    jsonout_name(&j, "indexes");
    jsonout_open(&j, '[');
    for (size_t k = 0; k < x->n; k++) {
        jsonout_open(&j, '{');
        member_text(&j, "index", x->items[k].name);
        member_text(&j, "state", index_word(&x->items[k]));
        member_text(&j, "expected", x->items[k].expected);
        member_text(&j, "found", x->items[k].found);
        jsonout_name(&j, "fixed");
        jsonout_bool(&j, x->items[k].fixed);
        jsonout_close(&j, '}');
    }
    jsonout_close(&j, ']');
    jsonout_member_uint(&j, "open", x->n_open);
    return end_json(&j, &out, status);
}

static int print_indexes(struct app *app, const struct maintain_indexes *x)
{
    CLEANUP(buf_release) struct buf out = BUF_INIT;
    int status = x->n_open ? EXIT_DIFFERENT : EXIT_DONE;

    if (app->json)
        return indexes_json(app, x, status);
    return app->quiet ? status : app_print(&out, indexes_text(x, &out) < 0 ? EXIT_INTERNAL : status);
}

static int do_indexes(struct app *app)
{
    struct maintain_indexes x = {0};
    struct err err = {0};
    struct upkeep u;
    int status, rc;
    struct maintain *m = open_system(app, !app->fix, &u, &status);

    if (!m)
        return status;
    app->reads = !app->fix;
    rc = maintain_indexes(m, app->fix, &x, &err);
    status = rc < 0 ? fail(&err) : rc > 0 ? interrupted(app, "what was built stays; run the same command again") : print_indexes(app, &x);
    maintain_indexes_release(&x);
    maintain_close(m);
    return status;
}

/* ---- choosing ---- */

/* An option that the verb does not have would be a wish that nobody heard. */
static bool fits(const struct app *app, const char *verb)
{
    const struct { const char *name, *verbs; bool given; } options[] = {
        {"set", "cleanup", app->n_set > 0},      {"dry-run", "cleanup", app->dry_run},
        {"out", "backup", app->out != NULL},     {"yes-really", "restore", app->yes_really != NULL},
        {"fix", "indexes", app->fix},            {"scratch", "indexes", app->scratch != NULL},
    };

    for (size_t i = 0; i < ARRAY_LEN(options); i++) {
        if (options[i].given && strcmp(verb, options[i].verbs) != 0)
            return app_usage("maintain %s has no option --%s; `maintain %s` has", verb, options[i].name, options[i].verbs), false;
    }
    if (app->n_args > 2 && strcmp(verb, "restore") != 0)
        return app_usage("maintain %s takes the system alone, not '%s' too%s", verb, app->args[2],
                         strcmp(verb, "backup") == 0 ? "; the backup's name goes behind --out" : ""), false;
    return true;
}

int cmd_maintain(struct app *app)
{
    static const struct {
        const char *name;
        int (*run)(struct app *app);
    } verbs[] = {
        {"backup", do_backup}, {"restore", do_restore}, {"cleanup", do_cleanup}, {"vacuum", do_vacuum}, {"indexes", do_indexes},
    };

    for (size_t i = 0; i < ARRAY_LEN(verbs); i++) {
        if (strcmp(app->args[0], verbs[i].name) == 0)
            return fits(app, verbs[i].name) ? verbs[i].run(app) : EXIT_USAGE;
    }
    return app_usage("maintain %s: it is backup, restore, cleanup, vacuum or indexes", app->args[0]);
}
