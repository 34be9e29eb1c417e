/* Temporary files without a name: what is written is read, whatever the system calls do; and each failure tells its reason. */
#include "tap.h"

#include "base/tempfile.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* What the next calls do, in the place of the C library's. */
static struct faults {
    int open_errno;         /* of O_TMPFILE; 0: none */
    int errors[3];          /* of reads and writes, one after the other; 0: none */
    size_t most;            /* bytes at once; 0: no bound */
    bool nothing;           /* 0 bytes, as at the end of a file */
} faults;

static int next_error(void)
{
    int error = faults.errors[0];

    memmove(faults.errors, faults.errors + 1, sizeof faults.errors - sizeof faults.errors[0]);
    faults.errors[2] = 0;
    return error;
}

int open(const char *path, int flags, ...)
{
    if ((flags & O_TMPFILE) == O_TMPFILE && faults.open_errno) {
        errno = faults.open_errno;
        return -1;
    }
    return (int)syscall(SYS_openat, AT_FDCWD, path, flags, 0600);
}

static ssize_t transfer(long call, int fd, void *bytes, size_t n, off_t at)
{
    int error = next_error();

    if (error) {
        errno = error;
        return -1;
    }
    if (faults.nothing)
        return 0;
    return syscall(call, fd, bytes, faults.most && n > faults.most ? faults.most : n, at);
}

ssize_t pwrite(int fd, const void *bytes, size_t n, off_t at)
{
    return transfer(SYS_pwrite64, fd, (void *)(uintptr_t)bytes, n, at);
}

ssize_t pread(int fd, void *bytes, size_t n, off_t at)
{
    return transfer(SYS_pread64, fd, bytes, n, at);
}

static bool fails_with(int got, int error)
{
    return got < 0 && errno == error;
}

static void test_directory(void)
{
    setenv("TMPDIR", "", 1);
    is_str(tempfile_directory(), "/tmp", "an empty TMPDIR is none");
    unsetenv("TMPDIR");
    is_str(tempfile_directory(), "/tmp", "no TMPDIR");
    setenv("TMPDIR", "/nowhere/at/all", 1);
    is_str(tempfile_directory(), "/nowhere/at/all", "TMPDIR");
    ok(fails_with(tempfile_open(), ENOENT), "a directory that is not there");
    setenv("TMPDIR", "/dev/null", 1);
    ok(fails_with(tempfile_open(), ENOTDIR), "a file in the place of a directory");
    faults.open_errno = EISDIR;
    ok(fails_with(tempfile_open(), ENOTDIR), "neither way to make a file");
    faults = (struct faults){0};
}

static size_t count_files(const char *path)
{
    DIR *directory = opendir(path);
    size_t n = 0;

    while (directory && readdir(directory))
        n++;
    if (directory)
        closedir(directory);
    return n;
}

/* In `directory`, which is empty before. */
static void test_file(const char *directory, int open_errno)
{
    struct stat st;
    char back[11] = "";
    int fd;

    faults.open_errno = open_errno;
    fd = tempfile_open();
    ok(fd >= 0 && fstat(fd, &st) == 0 && st.st_nlink == 0 && st.st_size == 0 && (st.st_mode & 0777) == 0600,
       "%d: a file without a name that nobody else may read", open_errno);
    is_int(count_files(directory), 2, "%d: the directory stays empty", open_errno);
    ok(fcntl(fd, F_GETFD) & FD_CLOEXEC, "%d: programs that are started do not get it", open_errno);
    faults = (struct faults){.most = 3, .errors = {0, EINTR, EINTR}};
    is_int(tempfile_write(fd, "0123456789", 10, 5), 0, "%d: written in pieces, between signals", open_errno);
    faults.errors[1] = EINTR;
    ok(tempfile_read(fd, back, 10, 5) == 0 && strcmp(back, "0123456789") == 0, "%d: read so", open_errno);
    faults = (struct faults){0};
    ok(fails_with(tempfile_read(fd, back, 10, 6), EIO), "%d: the file ends too early", open_errno);
    faults.errors[0] = ENOSPC;
    ok(fails_with(tempfile_write(fd, "x", 1, 0), ENOSPC), "%d: no room", open_errno);
    faults.nothing = true;
    ok(fails_with(tempfile_write(fd, "x", 1, 0), EIO), "%d: a write of nothing ends", open_errno);
    faults = (struct faults){.errors = {0, EIO}, .most = 1};
    ok(fails_with(tempfile_read(fd, back, 2, 5), EIO), "%d: a disk that fails in the middle", open_errno);
    faults = (struct faults){0};
    ok(tempfile_write(fd, back, 0, 0) == 0 && tempfile_read(fd, back, 0, 999) == 0, "%d: no bytes", open_errno);
    close(fd);
}

int main(void)
{
    char directory[] = "/tmp/windrow-test.XXXXXX";

    test_directory();
    if (!ok(mkdtemp(directory) != NULL, "a directory"))
        return done_testing();
    setenv("TMPDIR", directory, 1);
    test_file(directory, 0);
    test_file(directory, EOPNOTSUPP);
    test_file(directory, EISDIR);
    rmdir(directory);
    return done_testing();
}
