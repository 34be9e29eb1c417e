/* windrow fixture: load, reset; expect and serve have files of their own. */
#include "cli/cmd_fixture.h"

#include "base/cleanup.h"
#include "cli/cmd_run.h"
#include "fixture/copy.h"
#include "fixture/guard.h"
#include "fixture/load.h"
#include "fixture/names.h"
#include "report/jsonout.h"

#include <stdio.h>

enum { WAIT_MS = 10000 };

static void close_db(struct db **db) { db_close(*db); }

int cmd_fixture_fail(struct err *err)
{
    int status = EXIT_DATABASE;

    switch (err->code) {
    case W0601:
        status = EXIT_INTERNAL;
        break;
    case W0101:
    case W0102:
    case W0503:
    case W1001:
    case W1002:
    case W1003:
    case W1005:
    case W1006:
        status = EXIT_USAGE;
        break;
    case W0612:
        status = EXIT_INTERRUPTED;
        break;
    default:
        break;
    }
    app_fail(err, status);
    err_release(err);
    return status;
}

static bool read_wait(const struct app *app, uint32_t *ret_ms)
{
    uint64_t seconds = WAIT_MS / 1000;

    if (app->wait && (!str_parse_uint64(str_of(app->wait), &seconds) || seconds < 1 || seconds > 3600))
        return app_usage("--wait %s: it is a number of seconds from 1 to 3600", app->wait), false;
    *ret_ms = (uint32_t)seconds * 1000;
    return true;
}

/* Columns that no load can make the same again. */
static void tell_chance(const struct fixture_load *l)
{
    struct err err = {0};

    if (l->chance.len == 0)
        return;
    err_set(&err, ERR_RUN, W1007, "not the same at every load: %s", buf_text(&l->chance));
    err_help(&err, "let the mapping fill them");
    app_warn(&err);
    err_release(&err);
}

/* `l` has what was asked for; what came of it is printed as by `load`. */
static int load_into(struct app *app, struct run_options *o, struct fixture_load *l)
{
    CLEANUP(close_db) struct db *alone = NULL;
    struct err err = {0};
    int status;

    if (fixture_load_begin(l, o, &err) < 0 || fixture_load_alone(o->target, l->empty.wait_ms, &alone, &err) < 0)
        return cmd_fixture_fail(&err);
    status = cmd_run(app, o);
    tell_chance(l);
    if (status == EXIT_DONE || status == EXIT_REJECTS || status == EXIT_NOTHING || !l->begun)
        return status;
    if (fixture_load_undo(l, o->target, alone, &err) < 0)
        return cmd_fixture_fail(&err);
    fputs("windrow: the fixture was not loaded; its tables are empty\n", stderr);
    return status;
}

/* Into the template, which is then copied. */
static int load_template(struct app *app, struct run_options *o, struct fixture_load *l)
{
    CLEANUP(buf_release) struct buf template = BUF_INIT;
    const char *target = o->target;
    struct err err = {0};
    int status;

    if (copy_begin_template(target, &template, &err) < 0)
        return cmd_fixture_fail(&err);
    app->to = o->target = buf_text(&template);
    status = cmd_mapping_schema(app, o->mapping, false);
    if (status == EXIT_DONE)
        status = load_into(app, o, l);
    app->to = o->target = target;
    if (status != EXIT_DONE && status != EXIT_REJECTS)
        return status;
    return copy_end_template(target, &err) < 0 || copy_make(target, target, &err) < 0 ? cmd_fixture_fail(&err) : status;
}

int cmd_fixture_load(struct app *app, const char *target)
{
    CLEANUP(fixture_load_release) struct fixture_load l = {
        .empty = {.also = app->also, .n_also = app->n_also}, .time = app->now ? app->now : "2000-01-01T00:00:00Z"};
    struct run_options o;
    int status;

    if (!read_wait(app, &l.empty.wait_ms) || !app_run_options(app, &o))
        return EXIT_USAGE;
    o.level = RUN_LOAD;
    o.target = target;
    if (app->template)
        return load_template(app, &o, &l);
    status = cmd_load_schema(app, &o);
    return status == EXIT_DONE ? load_into(app, &o, &l) : status;
}

static int do_load(struct app *app)
{
    const char *target = app_target(app, true);
    struct err err = {0};

    if (app->n_args < 2)
        return app_usage("usage: windrow fixture load MAPPING SOURCE...");
    if (!target)
        return EXIT_USAGE;
    if (fixture_allowed(target, app->yes_really, &err) < 0)
        return cmd_fixture_fail(&err);
    return cmd_fixture_load(app, target);
}

/* ---- reset ---- */

/* "worker3": what may be added to the name of a database without surprise. */
static bool is_plain(const char *name)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";

    return *name && name[strspn(name, letters)] == '\0' && strcmp(name, "template") != 0;
}

static int print_target(struct app *app, const char *copy)
{
    CLEANUP(buf_release) struct buf out = BUF_INIT;
    CLEANUP(buf_release) struct buf shown = BUF_INIT;
    struct err err = {0};

    if (fixture_path(copy) ? buf_add_text(&shown, copy) < 0 : db_target_uri(copy, &shown, &err) < 0)
        return cmd_fixture_fail(&err);
    if (app->json) {
        struct jsonout j;

        jsonout_init(&j, &out, true);
        jsonout_open(&j, '{');
        jsonout_member_str(&j, "target", buf_str(&shown));
        jsonout_close(&j, '}');
    } else if (buf_add_str(&out, buf_str(&shown)) < 0) {
        return EXIT_INTERNAL;
    }
    return app->quiet && !app->json ? EXIT_DONE : app_print(&out, buf_add_char(&out, '\n') < 0 ? EXIT_INTERNAL : EXIT_DONE);
}

static int do_reset(struct app *app)
{
    CLEANUP(buf_release) struct buf copy = BUF_INIT;
    const char *target = app_target(app, true);
    struct err err = {0};

    if (app->n_args > 0)
        return app_usage("usage: windrow fixture reset --to TARGET [--name NAME]");
    if (!target)
        return EXIT_USAGE;
    if (app->name && !is_plain(app->name))
        return app_usage("--name %s: it is made of letters, digits, - and _, and is not 'template'", app->name);
    if ((app->name ? fixture_beside(target, app->name, &copy, &err) : buf_add_text(&copy, target) < 0 ? err_oom(&err) : 0) < 0 ||
        fixture_allowed(buf_text(&copy), app->yes_really, &err) < 0 || copy_make(target, buf_text(&copy), &err) < 0)
        return cmd_fixture_fail(&err);
    return print_target(app, buf_text(&copy));
}

int cmd_fixture(struct app *app)
{
    static const struct { const char *name; int (*run)(struct app *app); } verbs[] = {
        {"load", do_load}, {"reset", do_reset}, {"expect", cmd_fixture_expect}, {"serve", cmd_fixture_serve}};
    const char *verb = app->args[0];

    for (size_t i = 0; i < ARRAY_LEN(verbs); i++) {
        if (strcmp(verb, verbs[i].name) != 0)
            continue;
        app->n_args--;
        memmove(app->args, app->args + 1, app->n_args * sizeof *app->args);
        return verbs[i].run(app);
    }
    return app_usage("fixture %s: it is load, reset, expect or serve", verb);
}
