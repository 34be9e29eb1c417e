/* windrow load */
#include "cli/cmd_run.h"

int cmd_load(struct app *app)
{
    struct run_options o;

    if (!app_run_options(app, &o))
        return EXIT_USAGE;
    o.level = RUN_LOAD;
    o.target = app_target(app, true);
    return o.target ? cmd_run(app, &o) : EXIT_USAGE;
}
