/* windrow fixture: load, reset; expect and serve have files of their own. */
#include "cli/cmd_fixture.h"

#include "base/cleanup.h"
#include "cli/cmd_run.h"
#include "fixture/guard.h"
#include "fixture/load.h"

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
    if (fixture_load_undo(l, o->target, &err) < 0)
        return cmd_fixture_fail(&err);
    fputs("windrow: the fixture was not loaded; its tables are empty\n", stderr);
    return status;
}

static int do_load(struct app *app)
{
    CLEANUP(fixture_load_release) struct fixture_load l = {
        .empty = {.also = app->also, .n_also = app->n_also}, .time = app->now ? app->now : "2000-01-01T00:00:00Z"};
    struct run_options o;
    struct err err = {0};
    int status;

    if (app->n_args < 2)
        return app_usage("usage: windrow fixture load MAPPING SOURCE...");
    if (!read_wait(app, &l.empty.wait_ms) || !app_run_options(app, &o))
        return EXIT_USAGE;
    o.level = RUN_LOAD;
    o.target = app_target(app, true);
    if (!o.target)
        return EXIT_USAGE;
    if (fixture_allowed(o.target, app->yes_really, &err) < 0)
        return cmd_fixture_fail(&err);
    status = cmd_load_schema(app, &o);
    return status == EXIT_DONE ? load_into(app, &o, &l) : status;
}

int cmd_fixture(struct app *app)
{
    static const struct { const char *name; int (*run)(struct app *app); } verbs[] = {{"load", do_load}};
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
