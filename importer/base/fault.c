/* Failpoints of test builds, see base/fault.h. */
#include "base/fault.h"

#ifdef WINDROW_FAILPOINTS
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SPECS_MAX = 4 };

static atomic_int fault_passes[SPECS_MAX];

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

/* "NAME:N", "NAME:N:stop" or "NAME:N:error", ended by a comma or the end of the text. */
static bool pass(const char *spec, const char *name, atomic_int *passes)
{
    size_t len = strlen(name);
    char *end;

    if (strncmp(spec, name, len) != 0 || spec[len] != ':' ||
        atomic_fetch_add(passes, 1) + 1 != strtol(spec + len + 1, &end, 10))
        return false;
    if (strncmp(end, ":error", 6) == 0)
        return true;
    raise(strncmp(end, ":stop", 5) == 0 ? SIGSTOP : SIGKILL);
    return false;
}

bool fault_hit(const char *name)
{
    const char *spec = getenv("WINDROW_CRASH");
    bool fails = false;

    note(name);
    for (size_t i = 0; spec && i < SPECS_MAX; i++) {
        const char *comma = strchr(spec, ',');

        fails |= pass(spec, name, &fault_passes[i]);
        spec = comma ? comma + 1 : NULL;
    }
    return fails;
}
#else
/* An empty translation unit is not C. */
typedef int fault_unused;
#endif
