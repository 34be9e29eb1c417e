/* windrow load */
#include "cli/cmd_run.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

int cmd_mapping_schema(struct app *app, const char *path, bool must)
{
    struct mapping_faults faults = {0};
    struct mapping *m = mapping_open(path, &faults);
    char *system = m && m->schema.text.at ? arena_dup(&app->arena, m->schema.text) : NULL;
    int status = EXIT_DONE;

    if (system)
        status = cmd_schema_first(app, system);
    else if (!m)
        status = cmd_print_faults(app, m, path, &faults);
    else if (must)
        status = app_usage("--schema: the mapping names no system; add schema: NAME to it");
    mapping_free(m);
    mapping_faults_release(&faults);
    return status;
}

/* A mistyped path would leave an empty database behind. */
static bool has_database(const char *target)
{
    const char *path = target + strlen("sqlite:");

    if (strncmp(target, "sqlite:", strlen("sqlite:")) != 0 || !*path || *path == ':' || strncmp(path, "file:", 5) == 0)
        return true;
    return access(path, F_OK) == 0 || errno != ENOENT;
}

int cmd_load_schema(struct app *app, const struct run_options *o)
{
    struct err e = {0};
    int status = app->schema ? cmd_mapping_schema(app, o->mapping, true) : EXIT_DONE;

    if (status != EXIT_DONE || has_database(o->target))
        return status;
    err_set(&e, ERR_RUN, W0501, "there is no database '%s'", o->target + strlen("sqlite:"));
    err_help(&e, "`windrow schema up SYSTEM` makes one with a system's tables, `load --schema` does so before it loads");
    status = app_fail(&e, EXIT_DATABASE);
    err_release(&e);
    return status;
}

int cmd_load(struct app *app)
{
    struct run_options o;
    int status;

    if (!app_run_options(app, &o))
        return EXIT_USAGE;
    o.level = RUN_LOAD;
    o.target = app_target(app, true);
    if (!o.target)
        return EXIT_USAGE;
    status = cmd_load_schema(app, &o);
    return status == EXIT_DONE ? cmd_run(app, &o) : status;
}
