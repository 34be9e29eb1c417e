/* LD_PRELOAD: one allocation fails. MALLOC_FAIL_AT=N: the N-th; with MALLOC_FAIL_ON=1 all from there. MALLOC_COUNT=FILE:
 * how many there were, written at the end. Counted from the first open of a path that ends in MALLOC_MARK. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *at, size_t size);

static atomic_ulong seen;
static atomic_bool counting;
static unsigned long fail_at;
static bool fail_on;
static const char *mark;

static void __attribute__((constructor)) begin(void)
{
    const char *at = getenv("MALLOC_FAIL_AT");

    fail_at = at ? strtoul(at, NULL, 10) : 0;
    fail_on = getenv("MALLOC_FAIL_ON") != NULL;
    mark = getenv("MALLOC_MARK");
    counting = mark == NULL;
}

static void __attribute__((destructor)) end(void)
{
    const char *path = getenv("MALLOC_COUNT");
    char text[32];
    int fd = path ? open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600) : -1;

    counting = false;
    if (fd < 0)
        return;
    snprintf(text, sizeof text, "%lu\n", (unsigned long)seen);
    if (write(fd, text, strlen(text)) < 0)
        _exit(99);
    close(fd);
}

static bool fails(void)
{
    unsigned long n;

    if (!counting)
        return false;
    n = atomic_fetch_add(&seen, 1) + 1;
    if (fail_at == 0 || !(n == fail_at || (fail_on && n > fail_at)))
        return false;
    errno = ENOMEM;
    return true;
}

void *malloc(size_t size) { return fails() ? NULL : __libc_malloc(size); }
void *calloc(size_t n, size_t size) { return fails() ? NULL : __libc_calloc(n, size); }
void *realloc(void *at, size_t size) { return fails() ? NULL : __libc_realloc(at, size); }

static void look_at(const char *path)
{
    if (mark && !counting && strlen(path) >= strlen(mark) && strcmp(path + strlen(path) - strlen(mark), mark) == 0)
        counting = true;
}

static mode_t mode_of(int flags, va_list args)
{
    return flags & (O_CREAT | __O_TMPFILE) ? va_arg(args, mode_t) : 0;
}

int open(const char *path, int flags, ...)
{
    static int (*next)(const char *, int, ...);
    mode_t mode;
    va_list args;

    va_start(args, flags);
    mode = mode_of(flags, args);
    va_end(args);
    if (!next)
        *(void **)&next = dlsym(RTLD_NEXT, "open");
    look_at(path);
    return next(path, flags, mode);
}

int openat(int dir, const char *path, int flags, ...)
{
    static int (*next)(int, const char *, int, ...);
    mode_t mode;
    va_list args;

    va_start(args, flags);
    mode = mode_of(flags, args);
    va_end(args);
    if (!next)
        *(void **)&next = dlsym(RTLD_NEXT, "openat");
    look_at(path);
    return next(dir, path, flags, mode);
}

/* What openat() is called where the compiler knows its arguments and libc checks them. */
int __openat_2(int dir, const char *path, int flags);
int __openat_2(int dir, const char *path, int flags)
{
    return openat(dir, path, flags);
}
