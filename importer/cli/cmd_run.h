/* cli/cmd_run.h: what load and check print at their end. */
#ifndef WINDROW_CLI_CMD_RUN_H
#define WINDROW_CLI_CMD_RUN_H

#include "cli/app.h"

/* Run with these options, print findings and summary, write the reports. Returns the exit status. */
int cmd_run(struct app *app, const struct run_options *o);

/* `schema up` for the system that the mapping names; without one that is a fault if it `must` be there. */
int cmd_mapping_schema(struct app *app, const char *path, bool must);
/* Before a load: the system's tables if --schema asks for them; there is a database. EXIT_DONE, or the status after a message. */
int cmd_load_schema(struct app *app, const struct run_options *o);

/* Faults of a mapping, each with its line and a caret. */
int cmd_print_faults(struct app *app, const struct mapping *m, const char *path, const struct mapping_faults *faults);
/* The same, into a collection. -1 when out of memory. */
int cmd_fault_findings(const struct mapping *m, const char *path, const struct mapping_faults *faults, struct findings *ret,
                       struct err *err);

#endif
