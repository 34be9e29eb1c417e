/* The commands as a table: `windrow help` prints it. */
#include "cli/commands.h"

#include "base/stop.h"
#include "cli/options.h"

#include <stdio.h>
#include <string.h>

#define RUN_OPTIONS "jobs memory set max-rejects on-error summary json progress quiet color show no-sql hide-values schema-dir"

static int cmd_help(struct app *app);

static const struct command {
    const char *name, *args;
    size_t min_args, max_args;
    int (*run)(struct app *app);
    const char *options;
    const char *help;           /* a line for the list; what follows it is shown when the command is asked for */
} commands[] = {
    {"check", "MAPPING SOURCE...", 2, APP_LIST_MAX, cmd_check, "to level " RUN_OPTIONS,
     "dry run: say what a load would refuse, and where"},
    {"load", "MAPPING SOURCE...", 2, APP_LIST_MAX, cmd_load, "to fresh rehash prune schema wait lock-timeout " RUN_OPTIONS,
     "load, or go on where an earlier run stopped"},
    {"status", "[RUN]", 0, 1, cmd_status, "to json", "show runs and what is left of them"},
    {"rejects", "list|show|export|replay [RUN] [ID|FILE]", 1, 3, cmd_rejects,
     "to all mapping set summary json progress quiet color no-sql hide-values schema-dir",
     "what was refused; a second try after mending"},
    {"schema", "up|down|status|verify|new|baseline SYSTEM [N|NAME]", 2, 3, cmd_schema,
     "to until dry-run yes wait lock-timeout scratch out-of-order accept-changed json quiet progress color schema-dir all",
     "ordered versions of a system's tables"},
    {"report", "SYSTEM [NAME]", 1, 2, cmd_report, "to set json csv section schema-dir",
     "run a named report of a system, or list them"},
    {"maintain", "backup|restore|cleanup|vacuum|indexes SYSTEM [FILE]", 2, 3, cmd_maintain,
     "to out set dry-run yes-really fix wait scratch json quiet schema-dir",
     "upkeep: backups, removal of old rows, space, indexes\n\n"
     "  cleanup    remove what the rules of schema/SYSTEM/maintain/ say; takes --set and --dry-run\n"
     "  backup     the whole database into a new file, read again and counted; takes --out\n"
     "  restore    make the database what FILE holds; one with tables needs --yes-really, and is saved first\n"
     "  vacuum     give space back\n"
     "  indexes    compare indexes with what the versions make; --fix builds missing and rebuilds invalid ones"},
    {"fixture", "load|reset|expect|serve ...", 1, APP_LIST_MAX, cmd_fixture,
     "to yes-really also now template name format write all stdin wait schema " RUN_OPTIONS,
     "known states of a database for tests\n\n"
     "  load MAPPING SOURCE...       empty the mapping's tables and load: of the same source the same rows\n"
     "  reset                        make the target, or a copy beside it, what its template is; prints it\n"
     "  expect DIR [TABLE...]        compare tables with the rows of DIR/TABLE.jsonl; status 6 when they differ\n"
     "  serve [MAPPING [SOURCE...]]  a throw-away PostgreSQL with that in it; prints its URI, stays until it is stopped"},
    {"lint", "MAPPING", 1, 1, cmd_lint, "to set sql json quiet color schema-dir", "check a mapping and run its examples"},
    {"explain", "[CODE]", 0, 1, cmd_explain, "markdown", "what a finding's code means"},
    {"help", "[COMMAND]", 0, 1, cmd_help, "", "this text, or a command's options"},
    {"version", "", 0, 0, cmd_version, "", "the version of windrow"},
};

static const struct command *find(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
        if (strcmp(name, commands[i].name) == 0)
            return &commands[i];
    }
    return NULL;
}

static int help_of(const struct command *c)
{
    struct buf out = BUF_INIT;
    int status = EXIT_DONE;

    if (buf_printf(&out, "usage: windrow %s %s\n\n%s\n\n", c->name, c->args, c->help) < 0 || options_help(c->options, &out) < 0)
        status = EXIT_INTERNAL;
    status = app_print(&out, status);
    buf_release(&out);
    return status;
}

static int cmd_help(struct app *app)
{
    struct buf out = BUF_INIT;
    int status = EXIT_DONE;

    app->reads = true;
    if (app->n_args) {
        const struct command *c = find(app->args[0]);

        return c ? help_of(c) : app_usage("no command '%s'; see 'windrow help'", app->args[0]);
    }
    buf_add_text(&out, "windrow rakes trees of files into database rows\n\n");
    for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
        char line[80];
        int width = snprintf(line, sizeof line, "%s %s", commands[i].name, commands[i].args);

        if (buf_printf(&out, "  %-28s%s%.*s\n", line, width > 28 ? "\n                              " : "",
                       (int)strcspn(commands[i].help, "\n"), commands[i].help) < 0)
            status = EXIT_INTERNAL;
    }
    buf_add_text(&out, "\nexit status: 0 done · 1 internal error · 2 wrong usage or mapping · 3 done, with rejects · "
                       "4 stopped by the reject limit\n             5 database · 6 difference found · 7 interrupted, "
                       "run the same command again · 8 nothing matched\n");
    status = app_print(&out, status);
    buf_release(&out);
    return status;
}

int commands_run(int argc, char **argv)
{
    struct app app = {0};
    const struct command *c;
    int status;

    if (argc < 2 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
        return argc < 2 ? (cmd_help(&app), EXIT_USAGE) : cmd_help(&app);
    if (strcmp(argv[1], "--version") == 0)
        return cmd_version(&app);
    c = find(argv[1]);
    if (!c) {
        const char *names[ARRAY_LEN(commands)], *nearest;

        for (size_t i = 0; i < ARRAY_LEN(commands); i++)
            names[i] = commands[i].name;
        nearest = str_nearest(str_of(argv[1]), names, ARRAY_LEN(names));
        if (nearest)
            return app_usage("unknown command '%s'; did you mean '%s'?", argv[1], nearest);
        return app_usage("unknown command '%s'; see 'windrow help'", argv[1]);
    }
    app.command = c->name;
    stop_install();
    if (!options_parse(&app, c->options, argc - 2, argv + 2))
        status = EXIT_USAGE;
    else if (app.help)
        status = help_of(c);
    else if (app.n_args < c->min_args || app.n_args > c->max_args)
        status = app_usage("usage: windrow %s %s", c->name, c->args);
    else
        status = c->run(&app);
    if (status == EXIT_PIPE && !app.reads && !app.help)
        status = app_unread();
    arena_release(&app.arena);
    return status;
}
