/* Start, wait for and stop a private PostgreSQL, see run/server.h. The server refuses to run as root, so root becomes
 * the user postgres, or nobody. */
#include "run/server.h"

#include "base/cleanup.h"
#include "sink/db.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { START_MS = 60000, STOP_MS = 10000, STEP_MS = 20 };

struct server {
    char dir[80], bindir[200];
    char target[160];
    pid_t pid;
    uid_t uid;
    gid_t gid;
    bool drop;          /* become this user */
};

static bool has_programs(const char *dir)
{
    char path[300];

    snprintf(path, sizeof path, "%s/initdb", dir);
    if (access(path, X_OK) < 0)
        return false;
    snprintf(path, sizeof path, "%s/postgres", dir);
    return access(path, X_OK) == 0;
}

static bool find_programs(char *ret, size_t size)
{
    const char *given = getenv("WINDROW_PG_BINDIR");
    DIR *versions = given ? NULL : opendir("/usr/lib/postgresql");
    struct dirent *entry;
    int best = 0;

    if (given) {
        snprintf(ret, size, "%s", given);
        return has_programs(given);
    }
    while (versions && (entry = readdir(versions))) {
        char dir[200];
        int64_t version;

        if (!str_parse_int64(str_of(entry->d_name), &version) || version <= best || version > 1000)
            continue;
        snprintf(dir, sizeof dir, "/usr/lib/postgresql/%d/bin", (int)version);
        if (has_programs(dir)) {
            best = (int)version;
            snprintf(ret, size, "%s", dir);
        }
    }
    if (versions)
        closedir(versions);
    return best > 0;
}

bool server_available(void)
{
    char bindir[200];

    return find_programs(bindir, sizeof bindir);
}

/* After fork() only what is safe there. The session is our own, so that Ctrl-C on the terminal does not reach it; the
 * signal at the parent's death is asked for last, because changing the user takes it back. */
static _Noreturn void become(const struct server *s, const char *log, const char *const *argv)
{
    int null = open("/dev/null", O_RDONLY), out;

    setsid();
    if (s->drop && (setgroups(1, &s->gid) < 0 || setgid(s->gid) < 0 || setuid(s->uid) < 0))
        _exit(127);
    out = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (null < 0 || out < 0 || dup2(null, 0) < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0 || chdir(s->dir) < 0)
        _exit(127);
    prctl(PR_SET_PDEATHSIG, SIGQUIT);
    execv(argv[0], (char *const *)(uintptr_t)argv);
    _exit(127);
}

static pid_t launch(const struct server *s, const char *const *argv)
{
    char log[120];
    pid_t pid;

    snprintf(log, sizeof log, "%s/log", s->dir);
    pid = fork();
    if (pid == 0)
        become(s, log, argv);
    return pid;
}

/* The last line of the log, for messages. */
static int fail(const struct server *s, const char *what, struct err *err)
{
    char log[120];
    CLEANUP(buf_release) struct buf text = BUF_INIT;
    CLEANUP(err_release) struct err ignored = {0};
    struct str last;

    snprintf(log, sizeof log, "%s/log", s->dir);
    {
        CLEANUP(close_fd) int fd = open(log, O_RDONLY | O_CLOEXEC);

        if (fd >= 0)
            buf_read_fd(&text, fd, 1 << 20, &ignored);
    }
    last = str_trim(buf_str(&text));
    for (size_t i = last.len; i > 0; i--) {
        if (last.at[i - 1] == '\n') {
            last = str_make(last.at + i, last.len - i);
            break;
        }
    }
    return err_set(err, ERR_RUN, W0617, "%s%s%.*s", what, last.len ? ": " : "", STR_ARG(last));
}

/* May another user walk to it? Root's own temporary directories are mostly closed. */
static bool is_open(const char *path)
{
    CLEANUP(free_ptr) char *real = realpath(path, NULL);
    struct stat st;

    while (real && *real) {
        if (stat(real, &st) < 0 || !(st.st_mode & S_IXOTH))
            return false;
        *strrchr(real, '/') = '\0';
    }
    return real != NULL;
}

/* A socket's path is short by nature. */
static const char *place(void)
{
    const char *tmp = getenv("TMPDIR");

    return tmp && *tmp && strlen(tmp) <= 50 && (geteuid() != 0 || is_open(tmp)) ? tmp : "/tmp";
}

static int make_directory(struct server *s, struct err *err)
{
    const char *tmp = place();

    snprintf(s->dir, sizeof s->dir, "%.50s/windrow-server-XXXXXX", tmp);
    if (!mkdtemp(s->dir)) {
        s->dir[0] = '\0';
        return err_set(err, ERR_RUN, W0617, "cannot make a directory in %s: %s", tmp, strerror(errno));
    }
    if (geteuid() == 0) {
        const struct passwd *user = getpwnam("postgres");

        if (!user)
            user = getpwnam("nobody");
        if (!user || chown(s->dir, user->pw_uid, user->pw_gid) < 0)
            return err_set(err, ERR_RUN, W0617, "there is no user to run the server as");
        s->uid = user->pw_uid;
        s->gid = user->pw_gid;
        s->drop = true;
    }
    return 0;
}

static int run_initdb(const struct server *s, struct err *err)
{
    char program[220], data[100];
    const char *const argv[] = {program, "-D", data, "-U", "windrow", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync", NULL};
    int status = 0;
    pid_t pid;

    snprintf(program, sizeof program, "%s/initdb", s->bindir);
    snprintf(data, sizeof data, "%s/data", s->dir);
    pid = launch(s, argv);
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (pid < 0 || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
        return fail(s, "initdb failed", err);
    return 0;
}

static int run_postgres(struct server *s, struct err *err)
{
    char program[220], data[100];
    const char *const argv[] = {program, "-D", data, "-k", s->dir, "-c", "listen_addresses=", "-c", "fsync=off", "-c",
                                "full_page_writes=off", "-c", "max_wal_size=4GB", "-c", "autovacuum=off", "-c",
                                "log_min_messages=fatal", "-c", "log_statement=none", NULL};

    snprintf(program, sizeof program, "%s/postgres", s->bindir);
    snprintf(data, sizeof data, "%s/data", s->dir);
    s->pid = launch(s, argv);
    return s->pid > 0 ? 0 : err_set(err, ERR_RUN, W0617, "cannot start a process: %s", strerror(errno));
}

static void pause_ms(unsigned ms)
{
    struct timespec pause = {ms / 1000, (long)(ms % 1000) * 1000000};

    nanosleep(&pause, NULL);
}

static bool ended(struct server *s)
{
    if (s->pid > 0 && waitpid(s->pid, NULL, WNOHANG) == s->pid)
        s->pid = 0;
    return s->pid == 0;
}

static struct db *connect_when_ready(struct server *s, struct err *err)
{
    struct db_options options = {0};
    char target[160];

    snprintf(target, sizeof target, "host=%s dbname=postgres user=windrow", s->dir);
    for (unsigned waited = 0; waited < START_MS; waited += STEP_MS) {
        CLEANUP(err_release) struct err not_yet = {0};
        struct db *db = db_open(target, &options, &not_yet);

        if (db)
            return db;
        if (ended(s))
            break;
        pause_ms(STEP_MS);
    }
    fail(s, "the throw-away server did not start", err);
    return NULL;
}

/* Functions of foreign schemas run here, as a role that can neither read files nor start programs. */
static int make_database(struct server *s, struct err *err)
{
    struct db *db = connect_when_ready(s, err);
    int ret = db ? 0 : -1;

    if (ret == 0 && (db_exec(db, "CREATE ROLE windrow_check LOGIN", err) < 0 ||
                     db_exec(db, "CREATE DATABASE windrow_check OWNER windrow_check TEMPLATE template0", err) < 0))
        ret = -1;
    db_close(db);
    snprintf(s->target, sizeof s->target, "host=%s dbname=windrow_check user=windrow_check", s->dir);
    return ret;
}

struct server *server_start(struct err *err)
{
    struct server *s = calloc(1, sizeof *s);

    if (!s) {
        err_oom(err);
        return NULL;
    }
    if (!find_programs(s->bindir, sizeof s->bindir))
        err_set(err, ERR_RUN, W0617, "the programs of a PostgreSQL server are not installed here");
    else if (make_directory(s, err) == 0 && run_initdb(s, err) == 0 && run_postgres(s, err) == 0 && make_database(s, err) == 0)
        return s;
    server_stop(s);
    return NULL;
}

const char *server_target(const struct server *s)
{
    return s->target;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st;
    (void)kind;
    (void)at;
    remove(path);
    return 0;
}

void server_stop(struct server *s)
{
    if (!s)
        return;
    if (s->pid > 0)
        kill(s->pid, SIGQUIT);
    for (unsigned waited = 0; !ended(s) && waited < STOP_MS; waited += STEP_MS)
        pause_ms(STEP_MS);
    if (s->pid > 0) {
        kill(s->pid, SIGKILL);
        waitpid(s->pid, NULL, 0);
    }
    if (s->dir[0])
        nftw(s->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    free(s);
}
