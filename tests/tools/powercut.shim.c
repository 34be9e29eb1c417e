/* LD_PRELOAD: the power goes at the N-th call that changes files. POWERCUT_AT=N, POWERCUT_MOUNT=DIR: the file system
 * there is shut down, whatever is not on its disk is lost, and the process dies with status 137. Without POWERCUT_AT the
 * number of calls is written to POWERCUT_COUNT at the end. ext4 only. */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { NO_LOG_FLUSH = 2 };

static atomic_ulong seen;

static void cut(void)
{
    const char *at = getenv("POWERCUT_AT"), *mount = getenv("POWERCUT_MOUNT");
    uint32_t how = NO_LOG_FLUSH;
    int fd;

    if (atomic_fetch_add(&seen, 1) + 1 != (at ? strtoul(at, NULL, 10) : 0))
        return;
    fd = open(mount ? mount : "", O_RDONLY);
    if (fd < 0 || ioctl(fd, _IOR('X', 125, uint32_t), &how) < 0) {
        perror("powercut");
        _exit(99);
    }
    _exit(137);
}

static void __attribute__((destructor)) end(void)
{
    const char *path = getenv("POWERCUT_COUNT");
    FILE *out = path ? fopen(path, "w") : NULL;

    if (out && (fprintf(out, "%lu\n", (unsigned long)seen) < 0 || fclose(out) != 0))
        _exit(99);
}

#define NEXT(name, type) \
    static type next; \
    if (!next) \
        *(void **)&next = dlsym(RTLD_NEXT, name)

typedef ssize_t pwrite_function(int, const void *, size_t, off_t);
typedef ssize_t write_function(int, const void *, size_t);
typedef int sync_function(int);
typedef int truncate_function(int, off_t);
typedef int unlink_function(const char *);

ssize_t pwrite64(int fd, const void *bytes, size_t n, off_t at)
{
    NEXT("pwrite64", pwrite_function *);
    cut();
    return next(fd, bytes, n, at);
}

ssize_t pwrite(int fd, const void *bytes, size_t n, off_t at)
{
    NEXT("pwrite", pwrite_function *);
    cut();
    return next(fd, bytes, n, at);
}

ssize_t write(int fd, const void *bytes, size_t n)
{
    NEXT("write", write_function *);
    if (fd > 2)
        cut();
    return next(fd, bytes, n);
}

int fsync(int fd)
{
    NEXT("fsync", sync_function *);
    cut();
    return next(fd);
}

int fdatasync(int fd)
{
    NEXT("fdatasync", sync_function *);
    cut();
    return next(fd);
}

int ftruncate64(int fd, off_t size)
{
    NEXT("ftruncate64", truncate_function *);
    cut();
    return next(fd, size);
}

int ftruncate(int fd, off_t size)
{
    NEXT("ftruncate", truncate_function *);
    cut();
    return next(fd, size);
}

int unlink(const char *path)
{
    NEXT("unlink", unlink_function *);
    cut();
    return next(path);
}
