/* cli/examples.h: the examples of a mapping: files that are written to a private directory, run through the pipeline into a
 * throw-away database, and compared with the rows and rejects that the mapping says they give. */
#ifndef WINDROW_CLI_EXAMPLES_H
#define WINDROW_CLI_EXAMPLES_H

#include "cli/app.h"

/* Run all of them with these options (sources and level are set here), print what differs to stderr. *ran and *wrong are
 * counted. -1 after a message when an example could not be run. */
int examples_run(struct app *app, const struct mapping *m, const struct run_options *o, size_t *ran, size_t *wrong);

#endif
