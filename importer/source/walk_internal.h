/* source/walk_internal.h: how walk.c and opener.c open what a path leads to. */
#ifndef WINDROW_SOURCE_WALK_INTERNAL_H
#define WINDROW_SOURCE_WALK_INTERNAL_H

#include <fcntl.h>
#include <sys/stat.h>

/* Nothing is followed, nothing blocks, no terminal is acquired: the entry may be anything by now. */
enum {
    WALK_OPEN_FLAGS = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY,
    WALK_DIRECTORY_FLAGS = WALK_OPEN_FLAGS | O_DIRECTORY,
    /* A root is what the user named, even through a link. */
    WALK_ROOT_FLAGS = O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY
};

/* What stands behind a name inside a root that is itself a file: its last name. */
static inline const char *walk_file_name(const char *root)
{
    const char *slash = strrchr(root, '/');

    return slash ? slash + 1 : root;
}

static inline int64_t walk_mtime_ns(const struct stat *st)
{
    int64_t ns;

    if (__builtin_mul_overflow((int64_t)st->st_mtim.tv_sec, (int64_t)1000000000, &ns) ||
        __builtin_add_overflow(ns, (int64_t)st->st_mtim.tv_nsec, &ns))
        return st->st_mtim.tv_sec < 0 ? INT64_MIN : INT64_MAX;
    return ns;
}

#endif
