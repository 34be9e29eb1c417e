/* windrow explain, windrow version */
#include "cli/app.h"

#include "report/explain.h"

#include <stdio.h>

static int write_out(const struct app *app, enum code code)
{
    if (code)
        return explain_text(code, stdout);
    return app->markdown ? explain_markdown(stdout) : explain_list(stdout);
}

int cmd_explain(struct app *app)
{
    enum code code = app->n_args ? code_by_name(app->args[0]) : CODE_NONE;
    struct buf nothing = BUF_INIT;

    app->reads = true;
    if (app->n_args && code == CODE_NONE)
        return app_usage("no code '%s'; 'windrow explain' lists all", app->args[0]);
    return app_print(&nothing, write_out(app, code) < 0 ? EXIT_INTERNAL : EXIT_DONE);
}
