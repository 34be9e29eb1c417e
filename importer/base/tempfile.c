/* Temporary files without a name: made so where the file system can, else their name is removed at once. */
#include "base/tempfile.h"

#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

const char *tempfile_directory(void)
{
    const char *directory = getenv("TMPDIR");

    return directory && *directory ? directory : "/tmp";
}

static int open_and_unlink(const char *directory)
{
    CLEANUP(free_ptr) char *path = NULL;
    int fd;

    if (asprintf(&path, "%s/windrow-XXXXXX", directory) < 0) {
        path = NULL;
        errno = ENOMEM;
        return -1;
    }
    fd = mkostemp(path, O_CLOEXEC);
    if (fd >= 0)
        unlink(path);
    return fd;
}

/* File systems differ in how they refuse O_TMPFILE; a failure that is not theirs meets the second way as well. */
int tempfile_open(void)
{
    const char *directory = tempfile_directory();
    int fd = open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

    return fd < 0 ? open_and_unlink(directory) : fd;
}

int tempfile_write(int fd, const void *bytes, size_t n, uint64_t at)
{
    for (size_t done = 0; done < n;) {
        ssize_t put = pwrite(fd, (const char *)bytes + done, n - done, (off_t)(at + done));

        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0) {
            errno = put < 0 ? errno : EIO;
            return -1;
        }
        done += (size_t)put;
    }
    return 0;
}

int tempfile_read(int fd, void *bytes, size_t n, uint64_t at)
{
    for (size_t done = 0; done < n;) {
        ssize_t got = pread(fd, (char *)bytes + done, n - done, (off_t)(at + done));

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0) {
            errno = got < 0 ? errno : EIO;
            return -1;
        }
        done += (size_t)got;
    }
    return 0;
}
