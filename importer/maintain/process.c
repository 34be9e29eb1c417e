/* Programs of PostgreSQL: started by their arguments, never through a shell, with what is secret in their environment. */
#include "maintain/maintain_internal.h"

#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SAID_MAX = 4096, CHUNK = 65536 };

struct running {
    const struct process *p;
    pid_t pid;
    int out, said;              /* -1 after their end */
    struct buf words;           /* of its standard error, cut */
    struct err failure;         /* of `take` */
    bool stopped;
};

static int close_pipe(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
    return -1;
}

/* Ours, with the password. The strings of ours are lent. */
static char **environment(const struct process *p, char **ret_secret)
{
    size_t n = 0, k = 0;
    char **env;

    while (environ[n])
        n++;
    *ret_secret = NULL;
    env = calloc(n + 2, sizeof *env);
    if (!env)
        return NULL;
    for (size_t i = 0; i < n; i++) {
        if (!p->secret || !*p->secret || strncmp(environ[i], "PGPASSWORD=", 11) != 0)
            env[k++] = environ[i];
    }
    if (!p->secret || !*p->secret)
        return env;
    if (asprintf(ret_secret, "PGPASSWORD=%s", p->secret) < 0) {
        *ret_secret = NULL;
        free(env);
        return NULL;
    }
    env[k] = *ret_secret;
    return env;
}

/* With the signals that we ignore as they are by default. */
static int prepare(posix_spawnattr_t *attr, posix_spawn_file_actions_t *actions, int out, int said)
{
    sigset_t signals;

    sigemptyset(&signals);
    sigaddset(&signals, SIGPIPE);
    sigaddset(&signals, SIGXFSZ);
    if (posix_spawnattr_setsigdefault(attr, &signals) || posix_spawnattr_setflags(attr, POSIX_SPAWN_SETSIGDEF) ||
        posix_spawn_file_actions_addopen(actions, 0, "/dev/null", O_RDONLY, 0) ||
        posix_spawn_file_actions_adddup2(actions, out, 1) || posix_spawn_file_actions_adddup2(actions, said, 2))
        return -1;
    return 0;
}

static int spawn(struct running *r, char *program, int out, int said)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attr;
    char *secret, **env = environment(r->p, &secret);
    int rc = ENOMEM;

    if (!env)
        return ENOMEM;
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attr);
    if (prepare(&attr, &actions, out, said) == 0)
        rc = posix_spawnp(&r->pid, program, &actions, &attr, (char *const *)(uintptr_t)r->p->argv, env);
    posix_spawnattr_destroy(&attr);
    posix_spawn_file_actions_destroy(&actions);
    free(secret);
    free(env);
    return rc;
}

static int start(struct running *r, struct err *err)
{
    const char *bindir = getenv("WINDROW_PG_BINDIR"), *name = r->p->argv[0];
    CLEANUP(free_ptr) char *program = NULL;
    int out[2] = {-1, -1}, said[2] = {-1, -1}, rc;

    if (asprintf(&program, "%s%s%s", bindir ? bindir : "", bindir ? "/" : "", name) < 0) {
        program = NULL;
        return err_oom(err);
    }
    rc = pipe2(out, O_CLOEXEC) < 0 || pipe2(said, O_CLOEXEC) < 0 ? errno : spawn(r, program, out[1], said[1]);
    close_pipe(&out[1]);
    close_pipe(&said[1]);
    r->out = out[0];
    r->said = said[0];
    if (rc == 0)
        return 0;
    close_pipe(&r->out);
    close_pipe(&r->said);
    err_set(err, ERR_RUN, W0904, "cannot start %s: %s", program, strerror(rc));
    return rc == ENOENT ? err_help(err, "install PostgreSQL's client programs (Debian: postgresql-client), or set WINDROW_PG_BINDIR")
                        : -1;
}

static void take_words(struct running *r, const char *bytes, size_t n)
{
    size_t room = r->words.len < SAID_MAX ? SAID_MAX - r->words.len : 0;

    (void)buf_add(&r->words, bytes, n < room ? n : room);
}

/* Read what is there; the descriptor is closed at its end. */
static void drain(struct running *r, int *fd, bool words)
{
    char bytes[CHUNK];
    ssize_t n = read(*fd, bytes, sizeof bytes);

    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    if (n <= 0) {
        close_pipe(fd);
        return;
    }
    if (words)
        take_words(r, bytes, (size_t)n);
    else if (r->p->take && !r->failure.scope && r->p->take(r->p->context, bytes, (size_t)n, &r->failure) < 0)
        kill(r->pid, SIGTERM);
}

static void attend(struct running *r)
{
    while (r->out >= 0 || r->said >= 0) {
        struct pollfd fds[2] = {{.fd = r->out, .events = POLLIN}, {.fd = r->said, .events = POLLIN}};

        if (!r->stopped && maintain_stopped(r->p->o)) {
            r->stopped = true;
            kill(r->pid, SIGTERM);
        }
        if (poll(fds, 2, MAINTAIN_TICK_MS) <= 0)
            continue;
        if (fds[0].revents)
            drain(r, &r->out, false);
        if (fds[1].revents)
            drain(r, &r->said, true);
    }
}

/* "pg_dump: error: connection failed": its first line that is no mere detail, as one line. */
static struct str first_words(const struct running *r)
{
    struct str s = str_trim(buf_str(&r->words));
    const char *end = s.len ? memchr(s.at, '\n', s.len) : NULL;

    return str_trim(end ? str_make(s.at, (size_t)(end - s.at)) : s);
}

static int outcome(struct running *r, int status, struct err *err)
{
    struct str words = first_words(r);

    if (r->stopped)
        return 1;
    if (r->failure.scope) {
        err_move(err, &r->failure);
        return -1;
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return 0;
    if (WIFSIGNALED(status))
        return err_set(err, ERR_RUN, W0904, "%s was ended by signal %d", r->p->argv[0], WTERMSIG(status));
    if (words.len)
        return err_set(err, ERR_RUN, W0904, "%.*s", STR_ARG(words));
    return err_set(err, ERR_RUN, W0904, "%s ended with status %d", r->p->argv[0], WEXITSTATUS(status));
}

int process_run(const struct process *p, struct err *err)
{
    struct running r = {.p = p, .out = -1, .said = -1};
    int status = 0, rc;

    if (start(&r, err) < 0)
        return -1;
    attend(&r);
    while (waitpid(r.pid, &status, 0) < 0 && errno == EINTR)
        ;
    rc = outcome(&r, status, err);
    buf_release(&r.words);
    err_release(&r.failure);
    return rc;
}
