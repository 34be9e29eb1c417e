/* cli/cmd_fixture.h: what the commands of `windrow fixture` share. */
#ifndef WINDROW_CLI_CMD_FIXTURE_H
#define WINDROW_CLI_CMD_FIXTURE_H

#include "cli/app.h"

/* Print the failure; its exit status. The failure is released. */
int cmd_fixture_fail(struct err *err);

/* Load into `target`, which may be emptied: as app's options say. */
int cmd_fixture_load(struct app *app, const char *target);

int cmd_fixture_serve(struct app *app);
int cmd_fixture_expect(struct app *app);

#endif
