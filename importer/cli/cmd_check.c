/* windrow check */
#include "cli/cmd_run.h"

#include <string.h>

static bool level_by_name(const char *name, enum run_level *ret)
{
    static const struct { const char *name; enum run_level level; } levels[] = {
        {"parse", RUN_PARSE}, {"types", RUN_TYPES}, {"constraints", RUN_CONSTRAINTS}, {"rehearse", RUN_REHEARSE}};

    for (size_t i = 0; i < ARRAY_LEN(levels); i++) {
        if (strcmp(name, levels[i].name) == 0) {
            *ret = levels[i].level;
            return true;
        }
    }
    return false;
}

int cmd_check(struct app *app)
{
    struct run_options o;

    if (!app_run_options(app, &o))
        return EXIT_USAGE;
    app->reads = true;
    o.level = RUN_CONSTRAINTS;
    if (app->level && !level_by_name(app->level, &o.level))
        return app_usage("--level %s: it is parse, types, constraints or rehearse", app->level);
    o.target = app_target(app, o.level == RUN_REHEARSE);
    if (app->to && !o.target)
        return EXIT_USAGE;
    return o.level == RUN_REHEARSE && !o.target ? EXIT_USAGE : cmd_run(app, &o);
}
