/* Throw-away directories and the locks that tell the living from the dead, see run/tempdir.h. */
#include "run/tempdir.h"

#include "base/buf.h"
#include "base/cleanup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOCK_NAME ".windrow-throw-away"

enum { OPEN_DIRECTORIES = 16 };

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    const char *name = path + at->base;

    (void)st;
    (void)kind;
    if (at->level > 0 && !(at->level == 1 && strcmp(name, LOCK_NAME) == 0))
        remove(path);
    return 0;
}

/* Root follows nobody's links: what another user owns is removed as that user. No other thread runs at these times. The
 * lock goes last, so that a removal that was interrupted is finished by the next process. */
static void remove_tree(const char *path, uid_t uid, gid_t gid)
{
    bool change = geteuid() == 0 && uid != 0;
    CLEANUP(buf_release) struct buf lock = BUF_INIT;

    if (change && (setegid(gid) < 0 || seteuid(uid) < 0))
        return;
    nftw(path, remove_one, OPEN_DIRECTORIES, FTW_DEPTH | FTW_PHYS);
    if (buf_printf(&lock, "%s/%s", path, LOCK_NAME) == 0)
        unlink(buf_text(&lock));
    if (change && (seteuid(0) < 0 || setegid(getgid()) < 0))
        BUG("cannot be root again");
    rmdir(path);
}

/* Somebody's who is dead: then its lock, held by us now; else -1. */
static int take_over(const char *path, uid_t uid, struct stat *st)
{
    CLEANUP(buf_release) struct buf name = BUF_INIT;
    int fd;

    if (lstat(path, st) < 0 || !S_ISDIR(st->st_mode) || (st->st_uid != geteuid() && st->st_uid != uid) ||
        buf_printf(&name, "%s/%s", path, LOCK_NAME) < 0)
        return -1;
    fd = open(buf_text(&name), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0)
        goto failed;
    return fd;
failed:
    close(fd);
    return -1;
}

static void remove_dead(const char *base, uid_t uid)
{
    DIR *entries = opendir(base);
    struct dirent *entry;

    while (entries && (entry = readdir(entries))) {
        CLEANUP(buf_release) struct buf path = BUF_INIT;
        CLEANUP(close_fd) int lock = -1;
        struct stat st;

        if (!str_starts(str_of(entry->d_name), str_of("windrow-")) || buf_printf(&path, "%s/%s", base, entry->d_name) < 0)
            continue;
        lock = take_over(buf_text(&path), uid, &st);
        if (lock >= 0)
            remove_tree(buf_text(&path), st.st_uid, st.st_gid);
    }
    if (entries)
        closedir(entries);
}

/* Nobody sees the file under its name before it is locked. */
static int make_lock(const char *dir, uid_t uid, gid_t gid)
{
    CLEANUP(buf_release) struct buf from = BUF_INIT;
    CLEANUP(buf_release) struct buf to = BUF_INIT;
    int fd;

    if (buf_printf(&from, "%s/%s.new", dir, LOCK_NAME) < 0 || buf_printf(&to, "%s/%s", dir, LOCK_NAME) < 0) {
        errno = ENOMEM;
        return -1;
    }
    fd = open(buf_text(&from), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd >= 0 && (flock(fd, LOCK_EX | LOCK_NB) < 0 || fchown(fd, uid, gid) < 0 || rename(buf_text(&from), buf_text(&to)) < 0))
        goto failed;
    return fd;
failed:
    close(fd);
    return -1;
}

int tempdir_make(struct tempdir *t, const char *base, uid_t uid, gid_t gid, struct err *err)
{
    struct buf path = BUF_INIT;

    remove_dead(base, uid);
    *t = (struct tempdir){.lock = -1, .uid = uid, .gid = gid};
    if (buf_printf(&path, "%s/windrow-XXXXXX", base) < 0)
        return err_oom(err);
    if (!mkdtemp(path.at)) {
        err_set(err, ERR_RUN, W0617, "cannot make a directory in %s: %s", base, strerror(errno));
        buf_release(&path);
        return -1;
    }
    t->path = path.at;
    t->lock = make_lock(t->path, uid, gid);
    if (t->lock < 0 || chown(t->path, uid, gid) < 0) {
        err_set(err, ERR_RUN, W0617, "cannot make a file in %s: %s", t->path, strerror(errno));
        tempdir_remove(t);
        return -1;
    }
    return 0;
}

void tempdir_remove(struct tempdir *t)
{
    if (!t->path)
        return;
    remove_tree(t->path, t->uid, t->gid);
    free(t->path);
    close_fd(&t->lock);
    *t = (struct tempdir){0};
}
