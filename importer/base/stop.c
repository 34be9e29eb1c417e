/* Signals that ask for the end, see base/stop.h. */
#include "base/stop.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { GRACE_MS = 2000 };

static volatile sig_atomic_t stop_count;
static atomic_ullong stop_deadline = UINT64_MAX;
static const char *_Atomic stop_line;

static void say(const char *line)
{
    int saved = errno;
    ssize_t ignored = line ? write(STDERR_FILENO, line, strlen(line)) : 0;

    (void)ignored;
    errno = saved;
}

static void stop_on_signal(int signo)
{
    struct timespec now;

    if (stop_count == 0) {
        stop_count = 1;
        say(stop_line);
        return;
    }
    clock_gettime(CLOCK_MONOTONIC, &now);
    if (stop_count == 1)
        stop_deadline = (unsigned long long)now.tv_sec * 1000 + (unsigned long long)now.tv_nsec / 1000000 + GRACE_MS;
    stop_count = 2;
    signal(signo, SIG_DFL);     /* who asks a third time does not want to wait for the rollback */
}

void stop_install(void)
{
    struct sigaction action = {.sa_handler = stop_on_signal};

    sigemptyset(&action.sa_mask);
    sigaddset(&action.sa_mask, SIGINT);
    sigaddset(&action.sa_mask, SIGTERM);
    sigaddset(&action.sa_mask, SIGHUP);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGHUP, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
}

void stop_say(const char *line)
{
    stop_line = line;
}

enum stop stop_requested(void)
{
    return (enum stop)stop_count;
}

int stop_fail(struct err *err)
{
    err_set(err, ERR_RUN, W0612, "interrupted");
    return err_help(err, "run the same command again to go on");
}

uint64_t stop_deadline_ms(void)
{
    return stop_deadline;
}
