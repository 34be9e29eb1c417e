/* cli/cmd_fixture.h: what the commands of `windrow fixture` share. */
#ifndef WINDROW_CLI_CMD_FIXTURE_H
#define WINDROW_CLI_CMD_FIXTURE_H

#include "cli/app.h"

/* Print the failure; its exit status. The failure is released. */
int cmd_fixture_fail(struct err *err);

#endif
