/* flock() on the database file. SQLite's own locks are of another kind (fcntl), so the two do not meet; but closing a
 * descriptor of the file drops SQLite's, so this one is opened before the database and closed after it. */
#include "run/lock.h"

#include "base/cleanup.h"
#include "base/fault.h"
#include "base/stop.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>

enum { STEP_MS = 50 };

/* The process that has it, as the kernel lists them; 0 when it cannot be told. */
static long holder(int fd)
{
    FILE *locks = fopen("/proc/locks", "re");
    struct stat file;
    char line[200];
    long pid = 0;

    if (!locks)
        return 0;
    while (pid == 0 && fstat(fd, &file) == 0 && fgets(line, sizeof line, locks)) {
        unsigned major, minor;
        unsigned long long inode;
        long candidate;

        if (sscanf(line, "%*d: FLOCK %*s %*s %ld %x:%x:%llu", &candidate, &major, &minor, &inode) == 4 &&
            inode == file.st_ino && makedev(major, minor) == file.st_dev)
            pid = candidate;
    }
    fclose(locks);
    return pid;
}

static int held(const char *path, int fd, struct err *err)
{
    long pid = holder(fd);

    if (pid > 0)
        err_set(err, ERR_RUN, W0610, "another windrow (process %ld) is writing to '%s'", pid, path);
    else
        err_set(err, ERR_RUN, W0610, "another windrow is writing to '%s'", path);
    return err_help(err, "wait until it has ended, or stop it; then run the same command again");
}

int lock_target(const char *target, unsigned wait_ms, struct err *err)
{
    const char *path = target + 7;
    int fd;

    if (strncmp(target, "sqlite:", 7) != 0 || !*path || strcmp(path, ":memory:") == 0)
        return -1;
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0)
        return -1;      /* whoever opens the database says why */
    for (unsigned waited = 0; flock(fd, LOCK_EX | LOCK_NB) < 0; waited += STEP_MS) {
        if (errno != EWOULDBLOCK && errno != EINTR) {
            close_fd(&fd);
            return -1;  /* a file system without locks: the compare-and-swap in the ledger still stands */
        }
        FAULT("lock_held");
        if (waited >= wait_ms || stop_requested()) {
            if (stop_requested())
                stop_fail(err);
            else
                held(path, fd, err);
            close_fd(&fd);
            return -1;
        }
        nanosleep(&(struct timespec){0, STEP_MS * 1000000L}, NULL);
    }
    return fd;
}
