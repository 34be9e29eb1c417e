/* cli/options.h: the command line's options as a table. */
#ifndef WINDROW_CLI_OPTIONS_H
#define WINDROW_CLI_OPTIONS_H

#include "cli/app.h"

/* Sort the arguments into *app. An option may stand anywhere; `--` ends them; --name=value and --name value are the same.
 * `allowed` is a list of names separated by blanks; others are faults. False after a message. */
bool options_parse(struct app *app, const char *allowed, int argc, char **argv);

/* The lines of help for these options. */
int options_help(const char *allowed, struct buf *out);

#endif
