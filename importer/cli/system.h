/* cli/system.h: SYSTEM on the command line: a folder of the schema directory, or a path with a slash in it. */
#ifndef WINDROW_CLI_SYSTEM_H
#define WINDROW_CLI_SYSTEM_H

#include "cli/app.h"

/* Lent by app->arena. */
struct system_place {
    const char *name;   /* the last part of the path */
    const char *dir;    /* what holds postgresql/, sqlite/ and queries/ */
};

/* Where the system is or would be. False after a message: that is no name. */
bool system_place(struct app *app, const char *given, struct system_place *ret);
/* The same for one that is there. False after a message that names those that are. */
bool system_find(struct app *app, const char *given, struct system_place *ret);

#endif
