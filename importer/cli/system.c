/* SYSTEM as a folder: found, or told which folders there are, see cli/system.h. */
#include "cli/system.h"

#include "base/cleanup.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { KNOWN_MAX = 64 };

bool system_place(struct app *app, const char *given, struct system_place *ret)
{
    size_t len = strlen(given);
    const char *path, *slash;

    while (len > 1 && given[len - 1] == '/')
        len--;
    path = arena_dup(&app->arena, str_make(given, len));
    slash = path ? strrchr(path, '/') : NULL;
    if (!path || path[strspn(path, "./")] == '\0')
        return app_usage("'%s' is no system", given), false;
    ret->name = slash ? slash + 1 : path;
    ret->dir = slash ? path : arena_printf(&app->arena, "%s/%s", app_schema_dir(app), path);
    return ret->dir != NULL;
}

static bool is_directory(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static void close_directory(DIR **d)
{
    if (*d)
        closedir(*d);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The systems of the schema directory, in order; their number, or -1 with errno. */
static int list_known(struct app *app, const char **names)
{
    const char *dir = app_schema_dir(app);
    CLEANUP(close_directory) DIR *d = opendir(dir);
    struct dirent *entry;
    int n = 0;

    if (!d)
        return -1;
    while (n < KNOWN_MAX && (entry = readdir(d))) {
        const char *path = arena_printf(&app->arena, "%s/%s", dir, entry->d_name);

        if (entry->d_name[0] == '.' || !path || !is_directory(path))
            continue;
        names[n] = arena_dup(&app->arena, str_of(entry->d_name));
        n += names[n] != NULL;
    }
    qsort(names, (size_t)n, sizeof *names, by_name);
    return n;
}

static int add_known(const char *const *names, size_t n, struct buf *out)
{
    for (size_t i = 0; i < n; i++) {
        if (buf_printf(out, "%s%s", i ? ", " : "there are ", names[i]) < 0)
            return -1;
    }
    return 0;
}

static void help_with_known(const char *name, const char *const *names, size_t n, struct err *err)
{
    CLEANUP(buf_release) struct buf all = BUF_INIT;
    const char *nearest = str_nearest(str_of(name), names, n);

    if (nearest)
        err_help(err, "did you mean '%s'?", nearest);
    else if (n && add_known(names, n, &all) == 0)
        err_help(err, "%s; or give a path with a slash", buf_text(&all));
}

static void tell_unknown(struct app *app, const struct system_place *place)
{
    CLEANUP(err_release) struct err err = {0};
    const char *names[KNOWN_MAX];
    int n = list_known(app, names);

    if (n < 0) {
        err_set(&err, ERR_RUN, W0704, "there is no system '%s': cannot open the directory %s: %s", place->name,
                app_schema_dir(app), strerror(errno));
        err_help(&err, "--schema-dir names the directory that holds the systems");
    } else {
        err_set(&err, ERR_RUN, W0704, "there is no system '%s' in %s", place->name, app_schema_dir(app));
        help_with_known(place->name, names, (size_t)n, &err);
    }
    app_fail(&err, EXIT_USAGE);
}

bool system_find(struct app *app, const char *given, struct system_place *ret)
{
    if (!system_place(app, given, ret))
        return false;
    if (is_directory(ret->dir))
        return true;
    if (strchr(given, '/'))
        app_usage("there is no system at '%s'", ret->dir);
    else
        tell_unknown(app, ret);
    return false;
}
