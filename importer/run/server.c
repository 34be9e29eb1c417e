/* Start, wait for and stop a private PostgreSQL, see run/server.h. The server refuses to run as root, so root becomes
 * the user postgres, or nobody. */
#include "run/server.h"

#include "base/cleanup.h"
#include "base/stop.h"
#include "base/tempfile.h"
#include "run/tempdir.h"
#include "sink/db.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/magic.h>
#include <locale.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MEMORY "/dev/shm"

enum { START_MS = 60000, STOP_MS = 10000, STEP_MS = 20, MEMORY_BYTES = 1 << 30 };

struct server {
    struct tempdir dir;     /* of the user that the server runs as */
    char bindir[200];
    char target[160];
    pid_t pid;
    bool other_text;
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
    if (geteuid() == 0 && (setgroups(1, &s->dir.gid) < 0 || setgid(s->dir.gid) < 0 || setuid(s->dir.uid) < 0))
        _exit(127);
    out = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (null < 0 || out < 0 || dup2(null, 0) < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0 || chdir(s->dir.path) < 0)
        _exit(127);
    prctl(PR_SET_PDEATHSIG, SIGQUIT);
    execv(argv[0], (char *const *)(uintptr_t)argv);
    _exit(127);
}

static pid_t launch(const struct server *s, const char *const *argv)
{
    char log[120];
    pid_t pid;

    snprintf(log, sizeof log, "%s/log", s->dir.path);
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

    snprintf(log, sizeof log, "%s/log", s->dir.path);
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

static bool memory_has_room(void)
{
    struct statfs fs;

    return !getenv("TMPDIR") && statfs(MEMORY, &fs) == 0 && fs.f_type == TMPFS_MAGIC && access(MEMORY, W_OK) == 0 &&
           (uint64_t)fs.f_bavail * (uint64_t)fs.f_bsize >= MEMORY_BYTES;
}

/* A socket's path is short by nature. */
static const char *place(bool in_memory)
{
    const char *tmp = tempfile_directory();

    if (in_memory && memory_has_room())
        return MEMORY;
    return strlen(tmp) <= 50 && (geteuid() != 0 || is_open(tmp)) ? tmp : "/tmp";
}

static int make_directory(struct server *s, const struct server_options *o, struct err *err)
{
    const struct passwd *user = geteuid() == 0 ? getpwnam("postgres") : NULL;

    if (geteuid() != 0)
        return tempdir_make(&s->dir, place(o->in_memory), geteuid(), getegid(), err);
    if (!user)
        user = getpwnam("nobody");
    if (!user)
        return err_set(err, ERR_RUN, W0617, "there is no user to run the server as");
    return tempdir_make(&s->dir, place(o->in_memory), user->pw_uid, user->pw_gid, err);
}

/* Letters outside of ASCII have to have their upper and lower case. */
static const char *locale(void)
{
    locale_t unicode = newlocale(LC_ALL_MASK, "C.UTF-8", (locale_t)0);

    if (!unicode)
        return "C";
    freelocale(unicode);
    return "C.UTF-8";
}

static int cannot_launch(struct server *s, struct err *err)
{
    s->pid = 0;
    return err_set(err, ERR_RUN, W0617, "cannot start a process: %s", strerror(errno));
}

static void pause_ms(unsigned ms)
{
    struct timespec pause = {ms / 1000, (long)(ms % 1000) * 1000000};

    nanosleep(&pause, NULL);
}

/* *status: how, when it has. */
static bool ended(struct server *s, int *status)
{
    if (s->pid > 0 && waitpid(s->pid, status, WNOHANG) == s->pid)
        s->pid = 0;
    return s->pid == 0;
}

static int interrupted(struct err *err)
{
    return err_set(err, ERR_RUN, W0612, "interrupted");
}

static int run_initdb(struct server *s, struct err *err)
{
    char program[220], data[100];
    const char *const argv[] = {program, "-D", data, "-U", "windrow", "-A", "trust", "-E", "UTF8", "--locale", locale(),
                                "--no-sync", NULL};
    int status = 0;

    snprintf(program, sizeof program, "%s/initdb", s->bindir);
    snprintf(data, sizeof data, "%s/data", s->dir.path);
    s->pid = launch(s, argv);
    if (s->pid < 0)
        return cannot_launch(s, err);
    while (!ended(s, &status)) {
        if (stop_requested())
            return interrupted(err);
        pause_ms(STEP_MS);
    }
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : fail(s, "initdb failed", err);
}

static int run_postgres(struct server *s, const struct server_options *o, struct err *err)
{
    char program[220], data[100];
    const char *const argv[] = {program, "-D", data, "-k", s->dir.path, "-c", "listen_addresses=", "-c", "fsync=off", "-c",
                                "full_page_writes=off", "-c", o->in_memory ? "max_wal_size=256MB" : "max_wal_size=4GB", "-c", "autovacuum=off", "-c",
                                "log_min_messages=fatal", "-c", "log_statement=none", NULL};

    snprintf(program, sizeof program, "%s/postgres", s->bindir);
    snprintf(data, sizeof data, "%s/data", s->dir.path);
    s->pid = launch(s, argv);
    return s->pid > 0 ? 0 : cannot_launch(s, err);
}

static struct db *connect_when_ready(struct server *s, struct err *err)
{
    struct db_options options = {0};
    char target[160];
    int status;

    snprintf(target, sizeof target, "host=%s dbname=postgres user=windrow", s->dir.path);
    for (unsigned waited = 0; waited < START_MS; waited += STEP_MS) {
        CLEANUP(err_release) struct err not_yet = {0};
        struct db *db = db_open(target, &options, &not_yet);

        if (db)
            return db;
        if (ended(s, &status) || stop_requested())
            break;
        pause_ms(STEP_MS);
    }
    if (stop_requested())
        interrupted(err);
    else
        fail(s, "the throw-away server did not start", err);
    return NULL;
}

static int create_database(struct db *db, const char *name, const char *text, struct err *err)
{
    CLEANUP(buf_release) struct buf sql = BUF_INIT;

    if (buf_printf(&sql, "CREATE DATABASE %s OWNER %s TEMPLATE template0 %s", name, name, text ? text : "") < 0)
        return err_oom(err);
    return db_exec(db, buf_text(&sql), err);
}

static int create_role(struct db *db, const struct server_options *o, struct err *err)
{
    CLEANUP(buf_release) struct buf sql = BUF_INIT;

    if (buf_printf(&sql, "CREATE ROLE %s LOGIN%s", o->name, o->creates ? " CREATEDB" : "") < 0)
        return err_oom(err);
    return db_exec(db, buf_text(&sql), err);
}

/* Functions of foreign schemas run here, as a role that can neither read files nor start programs. */
static int make_database(struct server *s, const struct server_options *o, struct err *err)
{
    CLEANUP(err_release) struct err why = {0};
    struct db *db = connect_when_ready(s, err);
    int ret = db ? create_role(db, o, err) : -1;

    if (ret == 0 && create_database(db, o->name, o->text, &why) < 0) {
        s->other_text = true;
        ret = create_database(db, o->name, o->otherwise, err);
    }
    db_close(db);
    snprintf(s->target, sizeof s->target, "host=%s dbname=%s user=%s", s->dir.path, o->name, o->name);
    return ret;
}

struct server *server_start(const struct server_options *o, struct err *err)
{
    struct server *s = calloc(1, sizeof *s);

    if (!s) {
        err_oom(err);
        return NULL;
    }
    if (!find_programs(s->bindir, sizeof s->bindir))
        err_set(err, ERR_RUN, W0617, "the programs of a PostgreSQL server are not installed here");
    else if (make_directory(s, o, err) == 0 && run_initdb(s, err) == 0 && run_postgres(s, o, err) == 0 &&
             make_database(s, o, err) == 0)
        return s;
    server_stop(s);
    return NULL;
}

const char *server_target(const struct server *s)
{
    return s->target;
}

const char *server_host(const struct server *s)
{
    return s->dir.path;
}

bool server_ended(struct server *s)
{
    int status;

    return ended(s, &status);
}

bool server_other_text(const struct server *s)
{
    return s->other_text;
}

void server_stop(struct server *s)
{
    int status;

    if (!s)
        return;
    if (s->pid > 0 && kill(-s->pid, SIGQUIT) < 0)
        kill(s->pid, SIGQUIT);      /* it has not become a group yet */
    for (unsigned waited = 0; !ended(s, &status) && waited < STOP_MS; waited += STEP_MS)
        pause_ms(STEP_MS);
    if (s->pid > 0) {
        kill(s->pid, SIGKILL);
        waitpid(s->pid, NULL, 0);
    }
    tempdir_remove(&s->dir);
    free(s);
}
