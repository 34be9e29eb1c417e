/* The table of options, and the one loop that reads them. */
#include "cli/options.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

enum option_kind { OPTION_FLAG, OPTION_TEXT, OPTION_LIST };

static const struct option {
    const char *name;
    enum option_kind kind;
    size_t at, count_at;        /* in struct app */
    const char *argument, *help;
} options[] = {
#define TEXT(name, field, argument, help) {name, OPTION_TEXT, offsetof(struct app, field), 0, argument, help}
#define FLAG(name, field, help) {name, OPTION_FLAG, offsetof(struct app, field), 0, NULL, help}
#define LIST(name, field, argument, help) \
    {name, OPTION_LIST, offsetof(struct app, field), offsetof(struct app, n_##field), argument, help}
    TEXT("to", to, "TARGET", "sqlite:PATH, a libpq connection string or URI, or env:NAME; default $WINDROW_TARGET"),
    TEXT("level", level, "LEVEL", "parse, types, constraints (default) or rehearse"),
    TEXT("jobs", jobs, "N", "workers; default: the number of cores"),
    TEXT("memory", memory, "SIZE", "upper bound of memory; default 256M"),
    LIST("set", set, "NAME=VALUE", "a parameter of the mapping, report or rule; may be repeated"),
    TEXT("max-rejects", max_rejects, "N|P%", "stop (status 4) when more rows than this are refused"),
    TEXT("on-error", on_error, "reject|stop", "stop at the first refused row; default reject"),
    LIST("summary", summary, "FILE", "write a report; .txt, .json, .html or .xml (JUnit); may be repeated"),
    FLAG("json", json, "print the result as one JSON document"),
    FLAG("csv", csv, "print the result as CSV"),
    TEXT("section", section, "TITLE", "only this part of a report"),
    TEXT("progress", progress, "MODE", "auto (default), plain, json or none"),
    FLAG("quiet", quiet, "no progress and no summary on the terminal"),
    TEXT("color", color, "WHEN", "auto (default), always or never"),
    TEXT("mapping", mapping, "FILE", "the mapping to use; default: the run's, by its name"),
    TEXT("show", show, "WHAT", "list all of: unmatched, unread, orphans, unfilled, vanished, mended, idle"),
    FLAG("fresh", fresh, "start over: load everything again, whatever the ledger says"),
    FLAG("rehash", rehash, "compare content, not only size and time, with what was loaded"),
    FLAG("prune", prune, "delete the rows of files that have vanished"),
    FLAG("no-sql", no_sql, "refuse SQL in the mapping (after:, conflict conditions)"),
    FLAG("hide-values", hide_values, "keep data out of findings and reports"),
    FLAG("schema", schema, "run `schema up` first"),
    FLAG("sql", sql, "list the SQL that the mapping would run"),
    FLAG("all", all, "everything"),
    FLAG("markdown", markdown, "all codes as a Markdown table"),
    TEXT("schema-dir", schema_dir, "DIR", "where schema/<system>/ is looked for; default ./schema"),
    TEXT("until", until, "N", "up to this version; down to this version"),
    TEXT("wait", wait, "SECONDS", "how long to wait for others; schema: 60 by default, maintain: 30, fixture: 10"),
    TEXT("lock-timeout", lock_timeout, "SECONDS", "how long a statement waits for a busy table; default 3"),
    TEXT("scratch", scratch, "TARGET", "verify, indexes: an empty PostgreSQL database to build the expected schema in"),
    FLAG("dry-run", dry_run, "tell what would be done, and change nothing"),
    TEXT("out", out, "FILE", "where the backup goes: a new file or a directory; default: a name with the time, here"),
    TEXT("yes-really", yes_really, "NAME", "the target's name, for what takes away what it has"),
    LIST("also", also, "TABLE", "a table that is emptied as well; may be repeated"),
    TEXT("now", now, "TIME", "what the clock says, and the times of all files; default 2000-01-01T00:00:00Z"),
    FLAG("template", template, "make the target's template anew, and the target a copy of it"),
    TEXT("name", name, "NAME", "the copy of this name beside the target: TARGET_NAME"),
    TEXT("format", format, "FORM", "text (default) or tap"),
    FLAG("write", write, "write what is there as what is expected"),
    FLAG("stdin", stdin_ends, "end when standard input does, too: with the program that holds its other end"),
    FLAG("fix", fix, "build missing indexes, rebuild invalid ones"),
    FLAG("yes", yes, "do not ask"),
    FLAG("out-of-order", out_of_order, "run versions below one that is applied"),
    FLAG("accept-changed", accept_changed, "take changed files of applied versions as they are"),
    FLAG("help", help, "this text"),
};

static bool listed(const char *allowed, const char *name, size_t len)
{
    for (const char *at = allowed; *at;) {
        size_t n = strcspn(at, " ");

        if (n == len && strncmp(at, name, len) == 0)
            return true;
        at += n + (at[n] == ' ');
    }
    return len == 4 && strncmp(name, "help", 4) == 0;
}

static const struct option *find(const char *allowed, const char *name, size_t len)
{
    for (size_t i = 0; i < ARRAY_LEN(options); i++) {
        if (strlen(options[i].name) == len && strncmp(options[i].name, name, len) == 0)
            return listed(allowed, name, len) ? &options[i] : NULL;
    }
    return NULL;
}

static bool unknown(const struct app *app, const char *allowed, const char *given, size_t len)
{
    const char *names[ARRAY_LEN(options)], *nearest;
    size_t n = 0;

    for (size_t i = 0; i < ARRAY_LEN(options); i++) {
        if (listed(allowed, options[i].name, strlen(options[i].name)))
            names[n++] = options[i].name;
    }
    nearest = str_nearest(str_make(given, len), names, n);
    if (nearest)
        app_usage("%s has no option --%.*s; did you mean --%s?", app->command, (int)len, given, nearest);
    else
        app_usage("%s has no option --%.*s; see 'windrow help %s'", app->command, (int)len, given, app->command);
    return false;
}

static bool store(struct app *app, const struct option *o, const char *value)
{
    char *base = (char *)app;

    if (o->kind == OPTION_FLAG) {
        *(bool *)(base + o->at) = true;
    } else if (o->kind == OPTION_TEXT) {
        *(const char **)(base + o->at) = value;
    } else {
        size_t *n = (size_t *)(base + o->count_at);

        if (*n == APP_LIST_MAX)
            return app_usage("--%s was given too often", o->name), false;
        ((const char **)(base + o->at))[(*n)++] = value;
    }
    return true;
}

static bool positional(struct app *app, const char *text)
{
    if (app->n_args == APP_LIST_MAX)
        return app_usage("too many arguments"), false;
    app->args[app->n_args++] = text;
    return true;
}

bool options_parse(struct app *app, const char *allowed, int argc, char **argv)
{
    bool ended = false;

    for (int i = 0; i < argc; i++) {
        const char *text = argv[i], *equals;
        const struct option *o;
        size_t len;

        if (!ended && strcmp(text, "--") == 0) {
            ended = true;
            continue;
        }
        if (!ended && strcmp(text, "-h") == 0)
            text = "--help";
        if (ended || text[0] != '-' || text[1] != '-') {
            if (!ended && text[0] == '-' && text[1])
                return app_usage("unknown option %s; options are spelled out, see 'windrow help %s'", text, app->command), false;
            if (!positional(app, text))
                return false;
            continue;
        }
        text += 2;
        equals = strchr(text, '=');
        len = equals ? (size_t)(equals - text) : strlen(text);
        o = find(allowed, text, len);
        if (!o)
            return unknown(app, allowed, text, len);
        if (o->kind == OPTION_FLAG && equals)
            return app_usage("--%s takes no value", o->name), false;
        if (o->kind != OPTION_FLAG && !equals && i + 1 == argc)
            return app_usage("--%s needs a value: %s", o->name, o->argument), false;
        if (!store(app, o, o->kind == OPTION_FLAG ? NULL : equals ? equals + 1 : argv[++i]))
            return false;
    }
    return true;
}

int options_help(const char *allowed, struct buf *out)
{
    for (size_t i = 0; i < ARRAY_LEN(options); i++) {
        char name[60];

        if (!listed(allowed, options[i].name, strlen(options[i].name)))
            continue;
        snprintf(name, sizeof name, "--%s%s%s", options[i].name, options[i].argument ? " " : "",
                 options[i].argument ? options[i].argument : "");
        if (buf_printf(out, "  %-24s %s\n", name, options[i].help) < 0)
            return -1;
    }
    return 0;
}
