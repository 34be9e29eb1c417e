/* base/tempfile.h: files for what does not fit into memory. They have no name, so nobody else opens them and nothing of them
 * stays behind, however the process ends.
 *
 * Every failure is -1 with errno told; the callers know what the file was for, and say so. */
#ifndef WINDROW_BASE_TEMPFILE_H
#define WINDROW_BASE_TEMPFILE_H

#include <stddef.h>
#include <stdint.h>

/* TMPDIR, else /tmp. */
const char *tempfile_directory(void);

/* An empty file there, to read and to write: its descriptor, which is the caller's. */
int tempfile_open(void);

/* All `n` bytes, at their place. A file that ends before them is EIO. */
int tempfile_write(int fd, const void *bytes, size_t n, uint64_t at);
int tempfile_read(int fd, void *bytes, size_t n, uint64_t at);

#endif
