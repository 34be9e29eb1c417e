/* New files that nobody sees half written: made under a hidden name beside their own, synchronised, renamed without ever
 * replacing anything. */
#include "maintain/maintain_internal.h"

#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

enum { FILE_STAMP = 17 /* "20250819T120000Z" */, NUMBERS_MAX = 1000 };

static void file_stamp(char ret[FILE_STAMP])
{
    time_t now = time(NULL);
    struct tm t;

    gmtime_r(&now, &t);
    strftime(ret, FILE_STAMP, "%Y%m%dT%H%M%SZ", &t);
}

static int refuse(const char *path, const char *why, struct err *err)
{
    return err_set(err, ERR_RUN, W0905, "cannot write the backup '%s': %s", path, why);
}

static bool is_directory(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static bool exists(const char *path)
{
    struct stat st;

    return lstat(path, &st) == 0;
}

/* Two in one second are told apart by a number. */
int file_stamped(const char *stem, const char *ending, char **ret, struct err *err)
{
    char stamp[FILE_STAMP], number[12] = "";

    file_stamp(stamp);
    for (int n = 2;; n++) {
        if (asprintf(ret, "%s-%s%s%s", stem, stamp, number, ending) < 0) {
            *ret = NULL;
            return err_oom(err);
        }
        if (!exists(*ret) || n > NUMBERS_MAX)
            return 0;
        free_ptr(ret);
        snprintf(number, sizeof number, "-%d", n);
    }
}

static int make_path(const char *out, const char *stem, const char *ending, char **ret, struct err *err)
{
    CLEANUP(free_ptr) char *below = NULL;

    if (out && !is_directory(out)) {
        *ret = strdup(out);
        return *ret ? 0 : err_oom(err);
    }
    if (!out)
        return file_stamped(stem, ending, ret, err);
    if (asprintf(&below, "%s%s%s", out, out[strlen(out) - 1] != '/' ? "/" : "", stem) < 0) {
        below = NULL;
        return err_oom(err);
    }
    return file_stamped(below, ending, ret, err);
}

/* Readable by its owner alone: it has all that the database has. */
static int make_work(struct file_new *f, struct err *err)
{
    const char *slash = strrchr(f->path, '/'), *base = slash ? slash + 1 : f->path;
    int fd;

    if (!*base)
        return refuse(f->path, "that is no name of a file", err);
    if (asprintf(&f->work, "%.*s.%s.XXXXXX", (int)(base - f->path), f->path, base) < 0) {
        f->work = NULL;
        return err_oom(err);
    }
    fd = mkstemp(f->work);
    if (fd >= 0) {
        close(fd);
        return 0;
    }
    free_ptr(&f->work);
    f->work = NULL;
    return refuse(f->path, strerror(errno), err);
}

int file_new_open(const char *out, const char *stem, const char *ending, struct file_new *ret, struct err *err)
{
    *ret = (struct file_new){0};
    if (make_path(out, stem, ending, &ret->path, err) < 0)
        return -1;
    if (!exists(ret->path))
        return make_work(ret, err);
    refuse(ret->path, "it exists already", err);
    return err_help(err, "backups never overwrite a file; name another one with --out, or none for a name with the time in it");
}

static int synchronise(const char *path, int flags)
{
    CLEANUP(close_fd) int fd = open(path, flags | O_CLOEXEC);

    return fd < 0 ? -1 : fsync(fd);
}

/* A file system without RENAME_NOREPLACE has links, or nobody to race with. */
static int rename_new(const char *from, const char *to)
{
    if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
        return 0;
    if (errno != EINVAL && errno != ENOSYS)
        return -1;
    return link(from, to) == 0 ? unlink(from) : -1;
}

int file_new_keep(struct file_new *f, uint64_t *ret_bytes, struct err *err)
{
    CLEANUP(free_ptr) char *dir = strdup(f->path);
    char *slash = dir ? strrchr(dir, '/') : NULL;
    struct stat st;

    if (!dir)
        return err_oom(err);
    if (slash)
        slash[slash == dir] = '\0';
    if (synchronise(f->work, O_RDWR) < 0 || stat(f->work, &st) < 0 || rename_new(f->work, f->path) < 0)
        return refuse(f->path, errno == EEXIST ? "it exists already" : strerror(errno), err);
    free_ptr(&f->work);
    f->work = NULL;
    synchronise(slash ? dir : ".", O_RDONLY | O_DIRECTORY);     /* some file systems refuse; the file itself is safe */
    *ret_bytes = (uint64_t)st.st_size;
    return 0;
}

void file_new_release(struct file_new *f)
{
    static const char *const companions[] = {"-journal", "-wal", "-shm", ""};

    for (size_t i = 0; f->work && i < ARRAY_LEN(companions); i++) {
        CLEANUP(buf_release) struct buf name = BUF_INIT;

        if (buf_printf(&name, "%s%s", f->work, companions[i]) == 0)
            unlink(buf_text(&name));
    }
    free(f->path);
    free(f->work);
    *f = (struct file_new){0};
}
