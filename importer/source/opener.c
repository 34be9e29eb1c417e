/* Opening what a walk has found, perhaps much later and in another thread: nothing is trusted to be still the same. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "source/walk.h"
#include "source/walk_internal.h"

enum { LEVELS_MAX = 8, NAME_BYTES_MAX = 1024 };

struct opener {
    char **roots;
    size_t n_roots;
    uint32_t root;              /* whose directories are open */
    struct buf directory;       /* the last one, ends in '/' */
    size_t n_levels;
    int fds[LEVELS_MAX];        /* [0] is the root; in a deeper tree the last one replaces its parent */
    size_t ends[LEVELS_MAX];    /* in `directory` */
};

void opener_free(struct opener *o)
{
    if (!o)
        return;
    while (o->n_levels > 0)
        close(o->fds[--o->n_levels]);
    for (size_t i = 0; i < o->n_roots; i++)
        free(o->roots[i]);
    free(o->roots);
    buf_release(&o->directory);
    free(o);
}

struct opener *opener_new(const char *const *roots, size_t n, struct err *err)
{
    struct opener *o = calloc(1, sizeof *o);

    if (o)
        o->roots = calloc(n + 1, sizeof *o->roots);
    while (o && o->roots && o->n_roots < n && (o->roots[o->n_roots] = strdup(roots[o->n_roots])))
        o->n_roots++;
    if (!o || o->n_roots < n || !o->roots) {
        err_oom(err);
        opener_free(o);
        return NULL;
    }
    return o;
}

static int open_fails(int number, struct err *err)
{
    char text[96];

    switch (number) {
    case ENOMEM: return err_oom(err);
    case EMFILE:
    case ENFILE: return err_set(err, ERR_RUN, W0301, "cannot open: %s", strerror_r(number, text, sizeof text));
    case ELOOP: return err_set(err, ERR_FILE, W0305, "a symbolic link stands in its place");
    case ENOENT: return err_set(err, ERR_FILE, W0305, "it has vanished since the source was walked");
    case ENOTDIR: return err_set(err, ERR_FILE, W0305, "its directory has been replaced since the source was walked");
    case ENXIO: return err_set(err, ERR_FILE, W0305, "it is not a regular file");
    default: return err_set(err, ERR_FILE, W0301, "cannot open: %s", strerror_r(number, text, sizeof text));
    }
}

static void levels_drop(struct opener *o, size_t keep)
{
    while (o->n_levels > keep)
        close(o->fds[--o->n_levels]);
    o->directory.len = keep ? o->ends[keep - 1] : 0;
}

static int name_open(int at, struct str name, int flags)
{
    char text[NAME_BYTES_MAX];

    if (name.len >= sizeof text) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(text, name.at, name.len);
    text[name.len] = '\0';
    return openat(at, text, flags);
}

/* Go down into `name`, which ends in '/'. 0, or -1 and errno. */
static int level_enter(struct opener *o, struct str name)
{
    int fd = name_open(o->fds[o->n_levels - 1], str_make(name.at, name.len - 1), WALK_DIRECTORY_FLAGS);

    if (fd < 0)
        return -1;
    if (buf_add_str(&o->directory, name) < 0) {
        close(fd);
        errno = ENOMEM;
        return -1;
    }
    if (o->n_levels == LEVELS_MAX)
        close(o->fds[--o->n_levels]);
    o->fds[o->n_levels] = fd;
    o->ends[o->n_levels++] = o->directory.len;
    return 0;
}

/* Make `directory` (ends in '/', or empty) the deepest open one. 0, or -1 and errno. */
static int directory_enter(struct opener *o, struct str directory)
{
    size_t keep = o->n_levels;

    while (keep > 1 && (o->ends[keep - 1] > directory.len ||
                        memcmp(o->directory.at, directory.at, o->ends[keep - 1]) != 0))
        keep--;
    levels_drop(o, keep);
    while (o->directory.len < directory.len) {
        const char *name = directory.at + o->directory.len;
        const char *slash = memchr(name, '/', directory.len - o->directory.len);

        if (level_enter(o, str_make(name, (size_t)(slash - name) + 1)) < 0)
            return -1;
    }
    return 0;
}

/* 1 when the root is open as a directory, 0 when it is a file, -1 and errno. */
static int root_enter(struct opener *o, uint32_t root)
{
    if (o->n_levels > 0 && o->root == root)
        return 1;
    levels_drop(o, 0);
    o->fds[0] = open(o->roots[root], WALK_ROOT_FLAGS | O_DIRECTORY);
    if (o->fds[0] < 0)
        return errno == ENOTDIR ? 0 : -1;
    o->root = root;
    o->ends[0] = 0;
    o->n_levels = 1;
    return 1;
}

static int open_once(struct opener *o, uint32_t root, struct str path)
{
    const char *slash = memrchr(path.at, '/', path.len);
    size_t len = slash ? (size_t)(slash - path.at) + 1 : 0;
    int state = root_enter(o, root);

    if (state == 0 && str_is(path, walk_file_name(o->roots[root])))
        return open(o->roots[root], WALK_ROOT_FLAGS);
    if (state <= 0 || directory_enter(o, str_make(path.at, len)) < 0)
        return -1;
    return name_open(o->fds[o->n_levels - 1], str_make(path.at + len, path.len - len), WALK_OPEN_FLAGS);
}

/* A walk gives no such paths; a ledger or a list could. */
static bool path_is_plain(struct str path)
{
    if (path.len == 0 || path.len > PATTERN_PATH_MAX || memchr(path.at, '\0', path.len))
        return false;
    for (size_t i = 0; i <= path.len; ) {
        const char *slash = memchr(path.at + i, '/', path.len - i);
        size_t end = slash ? (size_t)(slash - path.at) : path.len;
        struct str name = str_make(path.at + i, end - i);

        if (name.len == 0 || str_is(name, ".") || str_is(name, ".."))
            return false;
        i = end + 1;
    }
    return true;
}

int opener_open(struct opener *o, uint32_t root, struct str path, uint64_t *size, int64_t *mtime_ns, struct err *err)
{
    bool was_open = o->n_levels > 0;
    struct stat st;
    int fd;

    if (root >= o->n_roots || !path_is_plain(path))
        return err_set(err, ERR_FILE, W0301, "not a path within the source");
    fd = open_once(o, root, path);
    if (fd < 0 && errno == ENOENT && was_open) {
        /* An open directory may have been replaced by another of its name. */
        levels_drop(o, 0);
        fd = open_once(o, root, path);
    }
    if (fd < 0)
        return open_fails(errno, err);
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
        close(fd);
        return err_set(err, ERR_FILE, W0305, "it is not a regular file");
    }
    *size = st.st_size > 0 ? (uint64_t)st.st_size : 0;
    *mtime_ns = walk_mtime_ns(&st);
    return fd;
}
