/* Signals that ask for the end, see run/stop.h. */
#include "run/stop.h"

#include <signal.h>
#include <stddef.h>

static volatile sig_atomic_t stop_count;

static void stop_on_signal(int signo)
{
    stop_count += stop_count < 2;
    if (stop_count == 2)
        signal(signo, SIG_DFL);     /* who asks a third time does not want to wait for the rollback */
}

void stop_install(void)
{
    struct sigaction action = {.sa_handler = stop_on_signal};

    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGHUP, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
}

enum stop stop_requested(void)
{
    return (enum stop)stop_count;
}
