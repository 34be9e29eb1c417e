/* windrow explain, windrow version */
#include "cli/app.h"

#include "report/explain.h"

#include <stdio.h>

int cmd_explain(struct app *app)
{
    enum code code;

    if (app->markdown || app->n_args == 0)
        return (app->markdown ? explain_markdown(stdout) : explain_list(stdout)) < 0 ? EXIT_INTERNAL : EXIT_DONE;
    code = code_by_name(app->args[0]);
    if (code == CODE_NONE)
        return app_usage("no code '%s'; 'windrow explain' lists all", app->args[0]);
    return explain_text(code, stdout) < 0 ? EXIT_INTERNAL : EXIT_DONE;
}
