/* windrow schema: ordered versions of a system's tables. All printing is here; migrate/ prints nothing.
 *
 * stdout gets the result (what ran, what would run, the state, the drift), stderr what happens meanwhile. */
#include "cli/system.h"

#include "base/cleanup.h"
#include "base/stop.h"
#include "migrate/migrate.h"
#include "report/finding.h"
#include "report/jsonout.h"
#include "report/progress.h"
#include "report/render.h"
#include "report/table.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

enum { SQL_BYTES_MAX = 16 << 20, COLUMNS_SHOWN = 100, MS = 1000 };

/* ---- failures ---- */

static int status_of(const struct err *err)
{
    switch (err->code) {
    case W0601:
        return EXIT_INTERRUPTED;
    case W0701:
    case W0702:
    case W0703:
    case W0704:
    case W0707:
    case W0708:
    case W0709:
    case W0710:
    case W0711:
    case W0714:
    case W0715:
    case W0718:
    case W0720:
    case W0102:
    case W0301:
    case W0303:
        return EXIT_USAGE;
    default:
        return EXIT_DATABASE;
    }
}

/* The line of the version's file that the failure is about, lent from `text`. */
static struct str line_of(struct str text, uint64_t line)
{
    const char *at = text.at, *end = text.at + text.len;

    for (uint64_t n = 1; n < line && at < end; n++) {
        const char *next = memchr(at, '\n', (size_t)(end - at));

        at = next ? next + 1 : end;
    }
    return str_make(at, at < end ? (size_t)((const char *)(memchr(at, '\n', (size_t)(end - at)) ?: end) - at) : 0);
}

static int fail(const struct app *app, struct err *err)
{
    CLEANUP(buf_release) struct buf text = BUF_INIT;
    CLEANUP(buf_release) struct buf out = BUF_INIT;
    CLEANUP(close_fd) int fd = err->file && err->line ? open(err->file, O_RDONLY | O_CLOEXEC) : -1;
    struct render_options options = {.color = app_color(app, STDERR_FILENO)};
    struct finding finding = finding_of(err);
    int status = status_of(err);

    if (fd >= 0 && buf_read_fd(&text, fd, SQL_BYTES_MAX, NULL) == 0)
        finding.excerpt = line_of(buf_str(&text), err->line);
    if (render_finding(&out, &finding, &options) == 0)
        fputs(buf_text(&out), stderr);
    err_release(err);
    return status;
}

/* ---- meanwhile ---- */

/* Foreign text goes to the terminal escaped. */
static void say(const char *before, const char *text)
{
    CLEANUP(buf_release) struct buf out = BUF_INIT;

    if (buf_add_text(&out, before) == 0 && escape_text(&out, str_of(text ? text : "")) == 0 &&
        buf_add_char(&out, '\n') == 0)
        fputs(buf_text(&out), stderr);
}

static const char *way_of(const struct migrate_event *e)
{
    return e->direction == MIGRATE_DOWN ? "down" : "up";
}

/* An event as an object on a line. */
static void tell_json(void *context, const struct migrate_event *e)
{
    static const char *const names[] = {
        [MIGRATE_WAITING] = "waiting", [MIGRATE_STARTED] = "started", [MIGRATE_FINISHED] = "finished",
        [MIGRATE_BUSY] = "busy",       [MIGRATE_INDEX] = "index",     [MIGRATE_REBUILD] = "rebuild",
        [MIGRATE_RECONNECT] = "reconnect",
    };
    CLEANUP(buf_release) struct buf out = BUF_INIT;
    struct jsonout j;

    (void)context;
    jsonout_init(&j, &out, true);
    jsonout_open(&j, '{');
    jsonout_name(&j, "event");
    jsonout_text(&j, names[e->kind]);
    if (e->label) {
        jsonout_name(&j, "version");
        jsonout_text(&j, e->label);
        jsonout_name(&j, "direction");
        jsonout_text(&j, way_of(e));
    }
    if (e->detail) {
        jsonout_name(&j, "detail");
        jsonout_text(&j, e->detail);
    }
    if (e->kind == MIGRATE_FINISHED) {
        jsonout_member_uint(&j, "ms", e->done);
    } else if (e->kind != MIGRATE_REBUILD && e->kind != MIGRATE_RECONNECT) {
        jsonout_member_uint(&j, e->kind == MIGRATE_WAITING ? "waited_ms" : "done", e->done);
        jsonout_member_uint(&j, e->kind == MIGRATE_WAITING ? "wait_ms" : "total", e->total);
    }
    jsonout_close(&j, '}');
    if (!j.failed && buf_add_char(&out, '\n') == 0)
        fputs(buf_text(&out), stderr);
}

static void tell(void *context, const struct migrate_event *e)
{
    const char *label = e->label ? e->label : "", *way = way_of(e);
    char line[300];

    (void)context;
    switch (e->kind) {
    case MIGRATE_WAITING:
        say("waiting for another runner: ", e->detail);
        return;
    case MIGRATE_STARTED:
        if (e->done)
            snprintf(line, sizeof line, "%s %s, from statement %llu of %llu", way, label,
                     (unsigned long long)e->done + 1, (unsigned long long)e->total);
        else
            snprintf(line, sizeof line, "%s %s", way, label);
        break;
    case MIGRATE_BUSY:
        snprintf(line, sizeof line, "  a table is busy; try %llu of %llu", (unsigned long long)e->done,
                 (unsigned long long)e->total);
        break;
    case MIGRATE_INDEX:
        snprintf(line, sizeof line, "  %s: %llu of %llu", e->detail, (unsigned long long)e->done,
                 (unsigned long long)e->total);
        break;
    case MIGRATE_REBUILD:
        say("  an earlier attempt left an invalid index, it is built again: ", e->detail);
        return;
    case MIGRATE_RECONNECT:
        snprintf(line, sizeof line, "  connection lost, trying again");
        break;
    default:
        return;
    }
    say("", line);
}

static bool stop_wanted(void *context)
{
    (void)context;
    return stop_requested() != STOP_NO;
}

static bool stop_now_wanted(void *context)
{
    (void)context;
    return stop_requested() == STOP_NOW;
}

static int interrupted(struct app *app)
{
    if (!app->quiet)
        fputs("windrow: interrupted; run the same command again to go on\n", stderr);
    return EXIT_INTERRUPTED;
}

/* ---- opening ---- */

static bool seconds(const char *option, const char *text, uint32_t *ret_ms)
{
    uint64_t n;

    if (!str_parse_uint64(str_of(text), &n) || n < 1 || n > 86400)
        return app_usage("--%s %s: it is a number of seconds from 1 to 86400", option, text), false;
    *ret_ms = (uint32_t)n * MS;
    return true;
}

/* NULL after a message, with *status set. */
static struct migrate *open_system(struct app *app, const char *system, bool read_only, int *status)
{
    struct migrate_options o = {.read_only = read_only,
                                .may_be_new = app->dry_run,
                                .out_of_order = app->out_of_order,
                                .accept_changed = app->accept_changed,
                                .stop = stop_wanted,
                                .stop_now = stop_now_wanted,
                                .scratch = app->scratch ? app->scratch : getenv("WINDROW_SCRATCH")};
    enum progress_mode mode;
    struct system_place place;
    struct err err = {0};
    struct migrate *m;

    *status = EXIT_USAGE;
    o.target = app_target(app, true);
    if (!o.target || !system_find(app, system, &place))
        return NULL;
    o.system = place.name;
    o.dir = place.dir;
    if ((app->wait && !seconds("wait", app->wait, &o.wait_ms)) ||
        (app->lock_timeout && !seconds("lock-timeout", app->lock_timeout, &o.lock_ms)))
        return NULL;
    if (!progress_mode_by_name(app->quiet ? "none" : app->progress ? app->progress : "auto", STDERR_FILENO, &mode)) {
        app_usage("--progress %s: it is auto, plain, json or none", app->progress);
        return NULL;
    }
    if (mode != PROGRESS_NONE)
        o.event = mode == PROGRESS_JSON ? tell_json : tell;
    app->reads = read_only;
    if (read_only) { /* there is nothing to bring to a good end */
        signal(SIGINT, SIG_DFL);
        signal(SIGTERM, SIG_DFL);
    }
    m = migrate_open(&o, &err);
    if (!m)
        *status = fail(app, &err);
    return m;
}

/* ---- up and down ---- */

static bool number(const char *what, const char *text, int64_t *ret)
{
    if (str_parse_int64(str_of(text), ret) && *ret >= 1)
        return true;
    return app_usage("%s %s: it is a number from 1 up", what, text), false;
}

static bool read_range(struct app *app, struct migrate_range *ret)
{
    int64_t count = 0;

    *ret = (struct migrate_range){.all = app->all};
    if (app->n_args > 2 && !number(app->args[0], app->args[2], &count))
        return false;
    if (app->until && !number("--until", app->until, &ret->until))
        return false;
    ret->count = (size_t)count;
    if ((count != 0) + (app->until != NULL) + app->all > 1)
        return app_usage("schema %s: give one of N, --until and --all", app->args[0]), false;
    return true;
}

static const struct table_column step_columns[] = {
    {"version", TABLE_TEXT, 0},
    {"direction", TABLE_TEXT, 0},
    {"statements", TABLE_NUMBER, 0},
    {"ms", TABLE_NUMBER, 0},
};

static int add_step(struct table *t, const struct migrate_step *s)
{
    if (table_cell(t, str_of(s->label)) < 0 || table_cell(t, str_of(s->direction == MIGRATE_UP ? "up" : "down")) < 0 ||
        table_count(t, s->script->n - s->from) < 0)
        return -1;
    return table_count(t, s->took_ms);
}

static int print_steps(struct app *app, const struct migrate_result *r, const char *none, int status)
{
    CLEANUP(buf_release) struct buf out = BUF_INIT;
    struct table t;
    int good = 0;

    table_init(&t, step_columns, ARRAY_LEN(step_columns));
    for (size_t i = 0; i < r->n && good == 0; i++)
        good = add_step(&t, &r->steps[i]);
    if (good == 0 && app->json)
        good = table_json(&t, &out);
    else if (good == 0 && !app->quiet && r->n > 0)
        good = table_text(&t, &out);
    else if (good == 0 && !app->quiet && status == EXIT_DONE)
        good = buf_printf(&out, "%s\n", none);
    table_release(&t);
    return app_print(&out, good < 0 ? EXIT_INTERNAL : status);
}

/* The statements that would run, as SQL that says where it comes from. */
static int print_plan(struct app *app, const struct migrate_result *r)
{
    CLEANUP(buf_release) struct buf out = BUF_INIT;
    int good = 0;

    if (app->json)
        return print_steps(app, r, "", EXIT_DONE);
    for (size_t i = 0; i < r->n && good == 0; i++) {
        const struct script *s = r->steps[i].script;

        good = buf_printf(&out, "-- %s%s\n", s->path, s->no_transaction ? " (statement by statement)" : "");
        for (size_t k = r->steps[i].from; k < s->n && good == 0; k++)
            good = buf_printf(&out, "%s;\n", s->statements[k].text);
    }
    if (good == 0 && r->n == 0)
        good = buf_add_text(&out, "-- nothing to do\n");
    return app_print(&out, good < 0 ? EXIT_INTERNAL : EXIT_DONE);
}

/* True when the user agrees to lose rows: by --yes, or by typing the system's name at a terminal. */
static bool agreed(struct app *app, const char *system, const struct migrate_losses *losses)
{
    char answer[256] = "";

    if (losses->n == 0 || app->yes)
        return true;
    fprintf(stderr, "going down takes rows away:\n");
    for (size_t i = 0; i < losses->n; i++)
        fprintf(stderr, "  %s: %s%llu row%s\n", losses->items[i].table, losses->items[i].more ? "more than " : "",
                (unsigned long long)losses->items[i].rows, losses->items[i].rows == 1 ? "" : "s");
    if (!isatty(STDIN_FILENO)) {
        struct err err = {0};

        err_set(&err, ERR_RUN, W0714, "rows would be lost, and there is nobody to ask");
        err_help(&err, "give --yes when that is meant; `schema down --dry-run` shows the statements");
        fail(app, &err);
        return false;
    }
    fprintf(stderr, "type the name of the system (%s) to agree: ", system);
    if (!fgets(answer, sizeof answer, stdin)) {
        fputc('\n', stderr);
        app_usage("no answer; nothing was done");
        return false;
    }
    answer[strcspn(answer, "\r\n")] = '\0';
    if (strcmp(answer, system) == 0)
        return true;
    app_usage("that is not '%s'; nothing was done", system);
    return false;
}

static int go_down(struct app *app, struct migrate *m, const struct migrate_range *range, struct migrate_result *ret,
                   struct err *err)
{
    CLEANUP(migrate_losses_release) struct migrate_losses losses = {0};
    CLEANUP(migrate_result_release) struct migrate_result plan = {0};
    struct system_place place;

    if (migrate_plan(m, MIGRATE_DOWN, range, &plan, err) < 0 || migrate_losses(m, &plan, &losses, err) < 0)
        return -1;
    if (!system_place(app, app->args[1], &place) || !agreed(app, place.name, &losses))
        return 1;
    return migrate_down(m, range, ret, err);
}

/* Versions that a newer copy has applied are no fault of this one, but it does not know them. */
static bool warn_of_unknown(struct migrate *m, const char *dir)
{
    CLEANUP(migrate_status_release) struct migrate_status s = {0};
    CLEANUP(err_release) struct err err = {0};

    if (migrate_status(m, &s, &err) < 0)
        return false;
    for (size_t i = 0; i < s.n && !err.scope; i++) {
        if (s.rows[i].state == MIGRATE_UNKNOWN)
            err_set(&err, ERR_RUN, W0710, "version %s is applied, and %s does not have it", s.rows[i].label, dir);
    }
    if (!err.scope)
        return false;
    err_help(&err, "it came from another branch or a newer copy; `schema status` lists all versions");
    app_warn(&err);
    return true;
}

static int print_moved(struct app *app, struct migrate *m, enum migrate_direction d, const struct migrate_result *r, int status)
{
    struct system_place place;
    const char *none = d == MIGRATE_UP ? "all versions are applied" : "no version is applied";

    if (d == MIGRATE_UP && status == EXIT_DONE && system_place(app, app->args[1], &place) && warn_of_unknown(m, place.dir))
        none = "no version is pending";
    return print_steps(app, r, none, status);
}

static int schema_move(struct app *app, enum migrate_direction d)
{
    CLEANUP(migrate_result_release) struct migrate_result r = {0};
    struct migrate_range range;
    struct err err = {0};
    struct migrate *m;
    int status = EXIT_DONE, rc;

    if (!read_range(app, &range))
        return EXIT_USAGE;
    m = open_system(app, app->args[1], app->dry_run, &status);
    if (!m)
        return status;
    if (app->dry_run) {
        rc = migrate_plan(m, d, &range, &r, &err);
        status = rc < 0 ? fail(app, &err) : print_plan(app, &r);
    } else {
        rc = d == MIGRATE_UP ? migrate_up(m, &range, &r, &err) : go_down(app, m, &range, &r, &err);
        if (rc > 0 && stop_requested() != STOP_NO)
            r.stopped = true;
        status = rc < 0 ? fail(app, &err) : r.stopped ? interrupted(app) : rc > 0 ? EXIT_USAGE : EXIT_DONE;
        if (rc <= 0)
            status = print_moved(app, m, d, &r, status);
    }
    migrate_close(m);
    return status;
}

int cmd_schema_first(struct app *app, const char *system)
{
    CLEANUP(migrate_result_release) struct migrate_result r = {0};
    const struct migrate_range all = {0};
    struct err err = {0};
    int status = EXIT_DONE;
    struct migrate *m = open_system(app, system, false, &status);

    if (!m)
        return status;
    status = migrate_up(m, &all, &r, &err) < 0 ? fail(app, &err) : r.stopped ? interrupted(app) : EXIT_DONE;
    migrate_close(m);
    return status;
}

static int schema_up(struct app *app)
{
    return schema_move(app, MIGRATE_UP);
}
static int schema_down(struct app *app)
{
    return schema_move(app, MIGRATE_DOWN);
}

/* ---- status ---- */

static const char *const state_names[] = {
    [MIGRATE_PENDING] = "pending",         [MIGRATE_APPLIED] = "applied",     [MIGRATE_CHANGED] = "changed on disk",
    [MIGRATE_UNKNOWN] = "unknown to disk", [MIGRATE_HALF_UP] = "half-way up", [MIGRATE_HALF_DOWN] = "half-way down",
};

static const struct table_column status_columns[] = {
    {"version", TABLE_TEXT, 0}, {"state", TABLE_TEXT, 0}, {"at", TABLE_TEXT, 0},
    {"ms", TABLE_NUMBER, 0},    {"by", TABLE_TEXT, 60},   {"with", TABLE_TEXT, 0},
};

static int add_state(struct table *t, const struct migrate_status_row *r)
{
    bool half = r->state == MIGRATE_HALF_UP || r->state == MIGRATE_HALF_DOWN;
    int good = table_cell(t, str_of(r->label));

    if (good == 0)
        good = half ? table_cellf(t, "%s, %zu of %zu", state_names[r->state], r->step, r->n_statements)
                    : table_cell(t, str_of(state_names[r->state]));
    if (good == 0)
        good = table_cell(t, str_of(r->at));
    if (good == 0)
        good = r->at ? table_count(t, r->took_ms) : table_null(t);
    if (good == 0)
        good = table_cell(t, str_of(r->who));
    return good == 0 ? table_cell(t, str_of(r->program)) : good;
}

static int print_status(struct app *app, const struct migrate_status *s)
{
    CLEANUP(buf_release) struct buf out = BUF_INIT;
    struct table t;
    int good = 0;

    table_init(&t, status_columns, ARRAY_LEN(status_columns));
    for (size_t i = 0; i < s->n && good == 0; i++)
        good = add_state(&t, &s->rows[i]);
    if (good == 0)
        good = app->json ? table_json(&t, &out) : table_text(&t, &out);
    if (good == 0 && !app->json)
        good = buf_printf(&out, "%zu applied, %zu pending%s\n", s->n_applied, s->n_pending,
                          s->n_odd ? "; see 'state' for what is in the way" : "");
    table_release(&t);
    return app_print(&out, good < 0 ? EXIT_INTERNAL : EXIT_DONE);
}

static int schema_status(struct app *app)
{
    CLEANUP(migrate_status_release) struct migrate_status s = {0};
    struct err err = {0};
    int status;
    struct migrate *m = open_system(app, app->args[1], true, &status);

    if (!m)
        return status;
    status = migrate_status(m, &s, &err) < 0 ? fail(app, &err) : print_status(app, &s);
    migrate_close(m);
    return status;
}

/* ---- verify ---- */

static const char *const drift_names[] = {
    [MIGRATE_MISSING] = "missing",
    [MIGRATE_EXTRA] = "extra",
    [MIGRATE_DIFFERENT] = "different",
};

static const struct table_column drift_columns[] = {
    {"drift", TABLE_TEXT, 0},
    {"object", TABLE_TEXT, 0},
    {"name", TABLE_TEXT, 0},
    {"expected", TABLE_TEXT, COLUMNS_SHOWN},
    {"found", TABLE_TEXT, COLUMNS_SHOWN},
};

static int add_drift(struct table *t, const struct migrate_drift *d)
{
    if (table_cell(t, str_of(drift_names[d->kind])) < 0 || table_cell(t, str_of(d->object)) < 0 ||
        table_cell(t, str_of(d->name)) < 0 || table_cell(t, str_of(d->expected)) < 0)
        return -1;
    return table_cell(t, str_of(d->found));
}

static int add_definition(struct buf *out, const char *what, const char *text)
{
    if (!text || !*text)
        return 0;
    if (buf_printf(out, "    %s ", what) < 0 || escape_text(out, str_of(text)) < 0)
        return -1;
    return buf_add_char(out, '\n');
}

/* A block for each drift: a definition is often longer than a line. */
static int drifts_text(const struct migrate_drifts *d, struct buf *out)
{
    for (size_t i = 0; i < d->n; i++) {
        const struct migrate_drift *one = &d->items[i];

        if (buf_printf(out, "%s: %s ", drift_names[one->kind], one->object) < 0 ||
            escape_text(out, str_of(one->name)) < 0 || buf_add_char(out, '\n') < 0 ||
            add_definition(out, "expected", one->expected) < 0 || add_definition(out, "found   ", one->found) < 0)
            return -1;
    }
    if (d->n == 0)
        return buf_printf(out, "%zu objects are what their versions made\n", d->compared);
    return buf_printf(out, "%zu of %zu objects are not what their versions made\n", d->n, d->compared);
}

static int print_drifts(struct app *app, const struct migrate_drifts *d)
{
    CLEANUP(buf_release) struct buf out = BUF_INIT;
    struct table t;
    int good = 0;

    table_init(&t, drift_columns, ARRAY_LEN(drift_columns));
    for (size_t i = 0; app->json && i < d->n && good == 0; i++)
        good = add_drift(&t, &d->items[i]);
    if (good == 0)
        good = app->json ? table_json(&t, &out) : drifts_text(d, &out);
    table_release(&t);
    return app_print(&out, good < 0 ? EXIT_INTERNAL : d->n ? EXIT_DIFFERENT : EXIT_DONE);
}

static int schema_verify(struct app *app)
{
    CLEANUP(migrate_drifts_release) struct migrate_drifts d = {0};
    struct err err = {0};
    int status;
    struct migrate *m = open_system(app, app->args[1], true, &status);

    if (!m)
        return status;
    status = migrate_verify(m, &d, &err) < 0 ? fail(app, &err) : print_drifts(app, &d);
    migrate_close(m);
    return status;
}

/* ---- new and baseline ---- */

static int schema_new(struct app *app)
{
    CLEANUP(buf_release) struct buf paths = BUF_INIT;
    struct system_place place;
    struct err err = {0};

    if (!system_place(app, app->args[1], &place))
        return EXIT_USAGE;
    if (app->n_args < 3)
        return app_usage("schema new SYSTEM NAME: the version needs a name");
    return migrate_new(place.dir, app->args[2], &paths, &err) < 0 ? fail(app, &err) : app_print(&paths, EXIT_DONE);
}

static int schema_baseline(struct app *app)
{
    struct err err = {0};
    struct migrate *m;
    int64_t version;
    int status;

    if (app->n_args < 3)
        return app_usage("schema baseline SYSTEM N: the version that the database has");
    if (!number("baseline", app->args[2], &version))
        return EXIT_USAGE;
    m = open_system(app, app->args[1], false, &status);
    if (!m)
        return status;
    status = migrate_baseline(m, version, &err) < 0 ? fail(app, &err) : EXIT_DONE;
    migrate_close(m);
    return status;
}

int cmd_schema(struct app *app)
{
    static const struct {
        const char *name;
        int (*run)(struct app *app);
    } verbs[] = {
        {"up", schema_up},         {"down", schema_down}, {"status", schema_status},
        {"verify", schema_verify}, {"new", schema_new},   {"baseline", schema_baseline},
    };

    for (size_t i = 0; i < ARRAY_LEN(verbs); i++) {
        if (strcmp(app->args[0], verbs[i].name) == 0)
            return verbs[i].run(app);
    }
    return app_usage("schema %s: it is up, down, status, verify, new or baseline", app->args[0]);
}
