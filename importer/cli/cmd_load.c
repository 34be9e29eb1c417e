/* windrow load */
#include "cli/cmd_run.h"

/* --schema: bring the mapping's system up first. A mapping that cannot be read is left to the run, which says why. */
static int schema_first(struct app *app, const char *path)
{
    struct mapping_faults faults = {0};
    struct mapping *m = mapping_open(path, &faults);
    char *system = m && m->schema.text.at ? arena_dup(&app->arena, m->schema.text) : NULL;
    int status = EXIT_DONE;

    if (system)
        status = cmd_schema_first(app, system);
    else if (m)
        status = app_usage("--schema: the mapping names no system; add schema: NAME to it");
    mapping_free(m);
    mapping_faults_release(&faults);
    return status;
}

int cmd_load(struct app *app)
{
    struct run_options o;
    int status = EXIT_DONE;

    if (!app_run_options(app, &o))
        return EXIT_USAGE;
    o.level = RUN_LOAD;
    o.target = app_target(app, true);
    if (!o.target)
        return EXIT_USAGE;
    if (app->schema)
        status = schema_first(app, o.mapping);
    return status == EXIT_DONE ? cmd_run(app, &o) : status;
}
