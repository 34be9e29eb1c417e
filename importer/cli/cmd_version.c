/* windrow version */
#include "cli/app.h"

int cmd_version(struct app *app)
{
    struct buf out = BUF_INIT;
    int status = EXIT_DONE;

    app->reads = true;
    if (buf_printf(&out, "windrow %s\n", WINDROW_VERSION) < 0)
        status = EXIT_INTERNAL;
    status = app_print(&out, status);
    buf_release(&out);
    return status;
}
