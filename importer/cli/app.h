/* cli/app.h: what every command gets: its options, parsed, and where it may print. */
#ifndef WINDROW_CLI_APP_H
#define WINDROW_CLI_APP_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "map/program.h"
#include "run/run.h"

/* The published exit statuses. */
enum exit_status {
    EXIT_DONE = 0, EXIT_INTERNAL = 1, EXIT_USAGE = 2, EXIT_REJECTS = 3, EXIT_LIMIT = 4, EXIT_DATABASE = 5,
    EXIT_DIFFERENT = 6, EXIT_INTERRUPTED = 7, EXIT_NOTHING = 8,
    EXIT_PIPE = 141     /* nobody reads standard output any more; what a shell says of programs that SIGPIPE ended */
};

enum { APP_LIST_MAX = 64 };

struct app {
    struct arena arena;
    const char *command;
    const char *args[APP_LIST_MAX];         /* what is not an option */
    size_t n_args;

    const char *to, *level, *jobs, *memory, *max_rejects, *on_error, *progress, *color, *show, *schema_dir, *system, *mapping;
    const char *set[APP_LIST_MAX], *summary[APP_LIST_MAX];
    size_t n_set, n_summary;
    bool reads;                     /* the command changes nothing: nothing is lost when nobody reads its result to the end */
    bool json, quiet, fresh, rehash, prune, no_sql, hide_values, help, yes, dry_run, sql, schema, out_of_order,
        accept_changed, all, markdown;
    bool csv;                       /* report */
    const char *section;
    const char *out, *yes_really;   /* maintain */
    bool fix;
    const char *until, *wait, *scratch, *lock_timeout;
    const char *also[APP_LIST_MAX], *now, *name, *format;       /* fixture */
    size_t n_also;
    bool template, write, stdin_ends;
};

/* Print "windrow: MESSAGE" to stderr and return EXIT_USAGE. */
int app_usage(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Print a failure with its place and help to stderr, escaped; returns `status`. */
int app_fail(const struct err *err, int status);
/* The same for what is no failure. */
void app_warn(const struct err *err);
/* Write a result to stdout: `status`; if that fails app_unprinted(). */
int app_print(const struct buf *text, int status);
/* The same for one line, escaped. */
int app_say(int status, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Writing to stdout failed by this errno: EXIT_INTERNAL after a message; EXIT_PIPE without one when the reader has gone. */
int app_unprinted(int error);
/* The message of a command for which that is a failure; EXIT_INTERNAL. */
int app_unread(void);

/* The target: --to, or WINDROW_TARGET; env:NAME is looked up. NULL after a message when there is none and `must`. */
const char *app_target(struct app *app, bool must);
/* A mapping's path: as given when it names a file, else in mappings/ here, else in the share directory. NULL after a
 * message that says where it was looked for. */
const char *app_mapping(struct app *app, const char *name);
/* The folder that holds schema/<system>/: --schema-dir, ./schema, the share directory. Never NULL. */
const char *app_schema_dir(struct app *app);
/* Colours for this stream? */
bool app_color(const struct app *app, int fd);
/* The options that load and check share; false after a message. */
bool app_run_options(struct app *app, struct run_options *ret);
/* The name of the share directory, found beside the program. */
const char *app_share(struct app *app);

/* One file each: cmd_<verb>.c. They return the exit status. */
int cmd_load(struct app *app);
int cmd_check(struct app *app);
int cmd_status(struct app *app);
int cmd_lint(struct app *app);
int cmd_explain(struct app *app);
int cmd_schema(struct app *app);
int cmd_report(struct app *app);
int cmd_maintain(struct app *app);
int cmd_fixture(struct app *app);
/* `schema up` of a whole system before something else; prints to stderr alone. */
int cmd_schema_first(struct app *app, const char *system);
int cmd_rejects(struct app *app);
int cmd_version(struct app *app);

#endif
