/* Failpoints of test builds, see base/fault.h. */
#include "base/fault.h"

#ifdef WINDROW_FAILPOINTS
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static atomic_int fault_passes;

static void note(const char *name)
{
    const char *path = getenv("WINDROW_FAULT_LOG");
    int fd = path ? open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) : -1;

    if (fd < 0)
        return;
    if (write(fd, name, strlen(name)) < 0 || write(fd, "\n", 1) < 0)
        abort();
    close(fd);
}

bool fault_hit(const char *name)
{
    const char *spec = getenv("WINDROW_CRASH");
    size_t len = strlen(name);
    char *end;

    note(name);
    if (!spec || strncmp(spec, name, len) != 0 || spec[len] != ':')
        return false;
    if (atomic_fetch_add(&fault_passes, 1) + 1 != strtol(spec + len + 1, &end, 10))
        return false;
    if (strcmp(end, ":error") == 0)
        return true;
    raise(strcmp(end, ":stop") == 0 ? SIGSTOP : SIGKILL);
    return false;
}
#else
/* An empty translation unit is not C. */
typedef int fault_unused;
#endif
