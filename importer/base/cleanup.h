/* base/cleanup.h: memory and descriptors that clean up after themselves at the end of their scope.
 *
 *     CLEANUP(close_fd) int fd = open(...);
 *     CLEANUP(buf_release) struct buf text = BUF_INIT;
 */
#ifndef WINDROW_BASE_CLEANUP_H
#define WINDROW_BASE_CLEANUP_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define CLEANUP(function) __attribute__((cleanup(function)))

static inline void free_ptr(void *p) { free(*(void **)p); }

static inline void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

static inline void close_file(FILE **f)
{
    if (*f)
        fclose(*f);
}

#endif
