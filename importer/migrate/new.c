/* The empty files of a new version, numbered after the last one of either engine; see migrate_new(). */
#include "migrate/migrate.h"

#include "base/cleanup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

static const char *const folders[] = {"postgresql", "sqlite"};

/* Raise *last to the highest number in a folder; *there says whether the folder exists. */
static int last_number(int dir, const char *folder, int64_t *last, bool *there, struct err *err)
{
    int fd = openat(dir, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    struct dirent *e;

    *there = fd >= 0;
    if (fd < 0)
        return errno == ENOENT ? 0 : err_set(err, ERR_RUN, W0718, "cannot open '%s': %s", folder, strerror(errno));
    if (!d) {
        close(fd);
        return err_oom(err);
    }
    while ((e = readdir(d))) {
        size_t digits = strspn(e->d_name, "0123456789");
        int64_t n;

        if (digits && e->d_name[digits] == '_' && str_parse_int64(str_make(e->d_name, digits), &n) && n > *last)
            *last = n;
    }
    closedir(d);
    return 0;
}

static int check_name(const char *name, struct err *err)
{
    size_t good = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");

    if (name[0] && !name[good] && good <= 100)
        return 0;
    err_set(err, ERR_RUN, W0718, "'%s' cannot be the name of a version", name);
    return err_help(err, "letters, digits and underscores, at most 100");
}

static int create_file(int dir, const char *path, const char *text, struct err *err)
{
    CLEANUP(close_fd) int fd = openat(dir, path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    size_t len = strlen(text);

    if (fd < 0)
        return err_set(err, ERR_RUN, W0718, "cannot create '%s': %s", path, strerror(errno));
    if (write(fd, text, len) != (ssize_t)len)
        return err_set(err, ERR_RUN, W0718, "cannot write '%s': %s", path, strerror(errno));
    return 0;
}

static int create_pair(int dir, const char *base, const char *folder, int64_t number, const char *name, struct buf *ret,
                       struct err *err)
{
    static const char *const directions[] = {"up", "down"};
    static const char *const texts[] = {
        "-- What this version changes, and why.\n",
        "-- Back to what was before, with nothing left behind.\n",
    };

    for (size_t i = 0; i < ARRAY_LEN(directions); i++) {
        CLEANUP(buf_release) struct buf path = BUF_INIT;

        if (buf_printf(&path, "%s/%03lld_%s.%s.sql", folder, (long long)number, name, directions[i]) < 0)
            return err_oom(err);
        if (create_file(dir, buf_text(&path), texts[i], err) < 0)
            return -1;
        if (buf_printf(ret, "%s/%s\n", base, buf_text(&path)) < 0)
            return err_oom(err);
    }
    return 0;
}

int migrate_new(const char *dir, const char *name, struct buf *ret, struct err *err)
{
    CLEANUP(close_fd) int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool there[ARRAY_LEN(folders)] = {false};
    int64_t last = 0;

    if (check_name(name, err) < 0)
        return -1;
    if (fd < 0)
        return err_set(err, ERR_RUN, W0718, "cannot open '%s': %s", dir, strerror(errno));
    for (size_t i = 0; i < ARRAY_LEN(folders); i++) {
        if (last_number(fd, folders[i], &last, &there[i], err) < 0)
            return -1;
    }
    for (size_t i = 0; i < ARRAY_LEN(folders); i++) {
        if (!there[0] && !there[1] && mkdirat(fd, folders[i], 0755) < 0)
            return err_set(err, ERR_RUN, W0718, "cannot create '%s/%s': %s", dir, folders[i], strerror(errno));
        if ((there[i] || (!there[0] && !there[1])) && create_pair(fd, dir, folders[i], last + 1, name, ret, err) < 0)
            return -1;
    }
    return 0;
}
