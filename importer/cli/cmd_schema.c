/* windrow schema: ordered versions. */
#include "cli/app.h"

int cmd_schema(struct app *app)
{
    return app_usage("schema %s: comes next", app->args[0]);
}
