/* windrow fixture serve: a private server as long as a test run lasts. */
#include "cli/cmd_fixture.h"

#include "base/cleanup.h"
#include "base/stop.h"
#include "cli/cmd_run.h"
#include "fixture/copy.h"
#include "report/jsonout.h"
#include "run/server.h"
#include "sink/db.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#define NAME "windrow_test"

enum { LOOK_MS = 200 };

/* What the load has to say goes to stderr: on stdout is the target alone. */
static int fill(struct app *app, const char *target)
{
    bool json = app->json, quiet = app->quiet;
    int status;

    app->json = false;
    app->quiet = true;
    app->template = true;
    status = cmd_fixture_load(app, target);
    app->json = json;
    app->quiet = quiet;
    return status;
}

/* The system's tables without rows, or nothing at all. */
static int prepare_empty(struct app *app, const char *mapping, const char *target)
{
    CLEANUP(buf_release) struct buf template = BUF_INIT;
    struct err err = {0};
    int status = EXIT_DONE;

    if (copy_begin_template(target, &template, &err) < 0)
        return cmd_fixture_fail(&err);
    app->to = buf_text(&template);
    if (mapping)
        status = cmd_mapping_schema(app, mapping, true);
    app->to = NULL;
    if (status != EXIT_DONE)
        return status;
    return copy_end_template(target, &err) < 0 || copy_make(target, target, &err) < 0 ? cmd_fixture_fail(&err) : EXIT_DONE;
}

static int print_facts(struct app *app, const struct server *server)
{
    CLEANUP(buf_release) struct buf out = BUF_INIT;
    CLEANUP(buf_release) struct buf uri = BUF_INIT;
    struct err err = {0};
    struct jsonout j;

    if (db_target_uri(server_target(server), &uri, &err) < 0)
        return cmd_fixture_fail(&err);
    if (!app->json)
        return app_print(&uri, buf_add_char(&uri, '\n') < 0 ? EXIT_INTERNAL : EXIT_DONE);
    jsonout_init(&j, &out, true);
    jsonout_open(&j, '{');
    jsonout_member_str(&j, "target", buf_str(&uri));
    jsonout_member_str(&j, "host", str_of(server_host(server)));
    jsonout_member_uint(&j, "port", 5432);
    jsonout_member_str(&j, "user", str_of(NAME));
    jsonout_member_str(&j, "database", str_of(NAME));
    jsonout_member_str(&j, "template", str_of(NAME "_template"));
    jsonout_member_uint(&j, "pid", (uint64_t)getpid());
    jsonout_close(&j, '}');
    return app_print(&out, j.failed || buf_add_char(&out, '\n') < 0 ? EXIT_INTERNAL : EXIT_DONE);
}

static bool input_ended(void)
{
    char bytes[256];
    ssize_t n = read(STDIN_FILENO, bytes, sizeof bytes);

    return n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN);
}

static int stay(const struct app *app, struct server *server)
{
    struct pollfd input = {.fd = app->stdin_ends ? STDIN_FILENO : -1, .events = POLLIN};

    while (!stop_requested()) {
        if (poll(&input, 1, LOOK_MS) > 0 && input_ended())
            return EXIT_DONE;
        if (server_ended(server)) {
            struct err err = {0};

            err_set(&err, ERR_RUN, W0617, "the server has ended by itself");
            return cmd_fixture_fail(&err);
        }
    }
    return EXIT_DONE;
}

int cmd_fixture_serve(struct app *app)
{
    const struct server_options options = {.name = NAME, .creates = true, .in_memory = true};
    const char *mapping = NULL;
    struct err err = {0};
    struct server *server;
    int status;

    if (app->to || app->name)
        return app_usage("fixture serve makes its own database: it takes neither --to nor --name");
    if (app->n_args && !(mapping = app_mapping(app, app->args[0])))
        return EXIT_USAGE;
    server = server_start(&options, &err);
    if (!server)
        return cmd_fixture_fail(&err);
    status = app->n_args > 1 ? fill(app, server_target(server)) : prepare_empty(app, mapping, server_target(server));
    stop_say(NULL);
    if (status == EXIT_DONE || status == EXIT_REJECTS)
        status = print_facts(app, server);
    if (status == EXIT_DONE)
        status = stay(app, server);
    server_stop(server);
    return status;
}
