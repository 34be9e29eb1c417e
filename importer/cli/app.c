/* Messages, targets, mappings and other things that several commands need. */
#include "cli/app.h"

#include "base/cleanup.h"
#include "report/escape.h"
#include "report/render.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int app_usage(const char *fmt, ...)
{
    struct err err = {0};
    char text[sizeof err.message];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    err_set(&err, ERR_RUN, W0101, "%s", text);
    app_fail(&err, EXIT_USAGE);
    err_release(&err);
    return EXIT_USAGE;
}

static void tell(const struct err *err, enum finding_severity severity)
{
    CLEANUP(buf_release) struct buf out = BUF_INIT;
    struct finding finding = finding_of(err);

    finding.severity = severity;
    if (render_finding(&out, &finding, NULL) == 0)
        fputs(buf_text(&out), stderr);
}

int app_fail(const struct err *err, int status)
{
    tell(err, FINDING_ERROR);
    return status;
}

void app_warn(const struct err *err)
{
    tell(err, FINDING_WARNING);
}

/* The same as app_fail(), then `help`; returns NULL. */
static const char *fail_with_help(enum code code, const char *help, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static const char *fail_with_help(enum code code, const char *help, const char *fmt, ...)
{
    struct err err = {0};
    char text[sizeof err.message];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    err_set(&err, ERR_RUN, code, "%s", text);
    err_help(&err, "%s", help);
    app_fail(&err, EXIT_USAGE);
    err_release(&err);
    return NULL;
}

static int tell_unprinted(int error)
{
    fail_with_help(W0103, "what was committed stays", "cannot write to standard output: %s", strerror(error));
    return EXIT_INTERNAL;
}

int app_unprinted(int error)
{
    return error == EPIPE ? EXIT_PIPE : tell_unprinted(error);
}

int app_unread(void)
{
    return tell_unprinted(EPIPE);
}

int app_print(const struct buf *text, int status)
{
    if ((text->len && fwrite(text->at, 1, text->len, stdout) != text->len) || fflush(stdout) != 0)
        return app_unprinted(errno);
    return status;
}

int app_say(int status, const char *fmt, ...)
{
    CLEANUP(buf_release) struct buf line = BUF_INIT;
    char text[400];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    return app_print(&line, escape_text(&line, str_of(text)) < 0 || buf_add_char(&line, '\n') < 0 ? EXIT_INTERNAL : status);
}

const char *app_target(struct app *app, bool must)
{
    const char *to = app->to ? app->to : getenv("WINDROW_TARGET");

    if (to && strncmp(to, "env:", 4) == 0) {
        const char *name = to + 4;

        to = getenv(name);
        if (!to || !*to)
            return fail_with_help(W0102, "export it, or name the target itself", "--to env:%s: that variable is not set", name);
    }
    if ((!to || !*to) && must)
        return fail_with_help(W0102, "give --to TARGET (sqlite:PATH, postgresql://..., env:NAME) or set WINDROW_TARGET",
                              "no target");
    return to && *to ? to : NULL;
}

const char *app_share(struct app *app)
{
    char path[4096];
    ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
    char *slash;

    if (n <= 0)
        return "/usr/share/windrow";
    path[n] = '\0';
    slash = strrchr(path, '/');
    if (slash)
        *slash = '\0';
    slash = arena_printf(&app->arena, "%s/../share/windrow", path);
    if (slash && access(slash, R_OK) == 0)
        return slash;
    /* Not installed: the build folder stands in the project. */
    slash = arena_printf(&app->arena, "%s/..", path);
    return slash ? slash : "/usr/share/windrow";
}

const char *app_mapping(struct app *app, const char *name)
{
    const char *share = app_share(app);
    const char *places[4];

    if (strchr(name, '/') || str_ends(str_of(name), str_of(".yaml")) || access(name, R_OK) == 0) {
        if (access(name, R_OK) == 0)
            return name;
        return fail_with_help(W0222, "MAPPING is a path, or a name that is looked up in mappings/",
                              "cannot read the mapping '%s': %s", name, strerror(errno));
    }
    places[0] = arena_printf(&app->arena, "mappings/%s.yaml", name);
    places[1] = arena_printf(&app->arena, "%s/mappings/%s.yaml", share, name);
    for (size_t i = 0; i < 2; i++) {
        if (places[i] && access(places[i], R_OK) == 0)
            return places[i];
    }
    return fail_with_help(W0222, "MAPPING is a path, or a name that is looked up in mappings/",
                          "no mapping '%s': neither a file, nor mappings/%s.yaml here, nor in %s/mappings", name, name, share);
}

const char *app_schema_dir(struct app *app)
{
    const char *beside;

    if (app->schema_dir)
        return app->schema_dir;
    if (access("schema", R_OK) == 0)
        return "schema";
    beside = arena_printf(&app->arena, "%s/schema", app_share(app));
    return beside ? beside : "schema";
}

bool app_color(const struct app *app, int fd)
{
    if (app->color && strcmp(app->color, "always") == 0)
        return true;
    if (app->color && strcmp(app->color, "never") == 0)
        return false;
    return isatty(fd) && !getenv("NO_COLOR");
}

static bool max_rejects(const char *text, struct run_options *o)
{
    size_t len = strlen(text);
    char *end;

    if (len && text[len - 1] == '%') {
        o->max_reject_percent = strtod(text, &end);
        return end == text + len - 1 && o->max_reject_percent > 0 && o->max_reject_percent <= 100;
    }
    o->has_max_rejects = true;
    return str_parse_uint64(str_of(text), &o->max_rejects);
}

static bool sets(struct app *app, struct run_options *o)
{
    struct program_set *list = arena_calloc(&app->arena, app->n_set + 1, sizeof *list);

    if (!list)
        return app_usage("out of memory"), false;
    for (size_t i = 0; i < app->n_set; i++) {
        const char *equals = strchr(app->set[i], '=');

        if (!equals)
            return app_usage("--set %s: it is NAME=VALUE", app->set[i]), false;
        list[i] = (struct program_set){str_make(app->set[i], (size_t)(equals - app->set[i])), str_of(equals + 1)};
    }
    o->sets = list;
    o->n_sets = app->n_set;
    return true;
}

/* A file that belongs to two sources would be loaded twice. */
static bool sources_apart(struct app *app)
{
    for (size_t i = 1; i + 1 < app->n_args; i++) {
        char *one = realpath(app->args[i], NULL);

        for (size_t k = i + 1; one && k < app->n_args; k++) {
            char *other = realpath(app->args[k], NULL);
            size_t shorter = other ? strlen(one) < strlen(other) ? strlen(one) : strlen(other) : 0;
            const char *longer = other && strlen(other) > strlen(one) ? other : one;
            bool inside = other && strncmp(one, other, shorter) == 0 &&
                          (!longer[shorter] || longer[shorter] == '/' || shorter == 1);

            free(other);
            if (inside) {
                free(one);
                app_usage("the sources '%s' and '%s' overlap; each file is loaded once", app->args[i], app->args[k]);
                return false;
            }
        }
        free(one);
    }
    return true;
}

/* Better now than after hours of loading. */
static bool can_write_beside(const char *path, struct err *err)
{
    const char *slash = strrchr(path, '/');
    char *dir = slash ? strndup(path, slash == path ? 1 : (size_t)(slash - path)) : NULL;
    bool good = !slash || (dir && access(dir, W_OK) == 0);

    if (!good)
        err_set(err, ERR_RUN, W0103, "cannot write '%s': %s", path, strerror(errno));
    free(dir);
    return good;
}

static bool jobs(const char *text, unsigned *ret)
{
    uint64_t n;

    if (!str_parse_uint64(str_of(text), &n) || n < 1 || n > 256)
        return app_usage("--jobs %s: it is a number from 1 to 256", text), false;
    *ret = (unsigned)n;
    return true;
}

bool app_run_options(struct app *app, struct run_options *o)
{
    *o = (struct run_options){.sources = app->args + 1, .n_sources = app->n_args - 1, .memory = 256u << 20,
                              .fresh = app->fresh, .rehash = app->rehash, .prune = app->prune, .no_sql = app->no_sql,
                              .hide_values = app->hide_values, .schema_dir = app_schema_dir(app)};
    if (app->jobs && !jobs(app->jobs, &o->jobs))
        return false;
    if (app->memory && (!str_parse_size(str_of(app->memory), &o->memory) || o->memory < 16u << 20))
        return app_usage("--memory %s: it is a size of at least 16M, such as 256M", app->memory), false;
    if (app->max_rejects && !max_rejects(app->max_rejects, o))
        return app_usage("--max-rejects %s: it is a number or a percentage, such as 100 or 1%%", app->max_rejects), false;
    if (app->on_error && strcmp(app->on_error, "stop") != 0 && strcmp(app->on_error, "reject") != 0)
        return app_usage("--on-error %s: it is reject or stop", app->on_error), false;
    o->stop_on_reject = app->on_error && strcmp(app->on_error, "stop") == 0;
    if (!progress_mode_by_name(app->quiet ? "none" : app->progress ? app->progress : "auto", STDERR_FILENO, &o->progress))
        return app_usage("--progress %s: it is auto, plain, json or none", app->progress), false;
    for (size_t i = 0; i < app->n_summary; i++) {
        struct err e = {0};

        if (summary_check_path(app->summary[i], &e) < 0 || !can_write_beside(app->summary[i], &e)) {
            app_fail(&e, EXIT_USAGE);
            err_release(&e);
            return false;
        }
    }
    o->mapping = app_mapping(app, app->args[0]);
    return o->mapping && sets(app, o) && sources_apart(app);
}
