/* What SQLite's result codes mean for a user: which file, who holds the lock, how much space is left.
 *
 * The holder of a lock is looked up in /proc/locks. Asking fcntl instead would need a descriptor of our own, and
 * closing that one would drop all of SQLite's locks on the file. */
#include "sink/sqlite_internal.h"

#include "base/cleanup.h"
#include "base/stop.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>

const char *sqlite_network(unsigned long magic)
{
    static const struct { unsigned long magic; const char *name; } systems[] = {
        {0x6969, "NFS"},       {0x517b, "SMB"},        {0xff534d42, "CIFS"}, {0xfe534d42, "SMB2"},
        {0x01021997, "9p"},    {0x5346414f, "AFS"},    {0x73757245, "Coda"}, {0x00c36400, "Ceph"},
        {0x0bd00bd0, "Lustre"}, {0x564c, "NCP"},       {0x7461636f, "OCFS2"}, {0x19830326, "BeeGFS"},
    };

    for (size_t i = 0; i < ARRAY_LEN(systems); i++) {
        if ((magic & 0xffffffff) == systems[i].magic)
            return systems[i].name;
    }
    return NULL;
}

/* The process that holds a write lock on `path`, other than ourselves; 0 when there is none or nobody tells. */
static int lock_holder(const char *path)
{
    CLEANUP(close_file) FILE *locks = NULL;
    struct stat file;
    char line[256];

    if (stat(path, &file) < 0 || !(locks = fopen("/proc/locks", "re")))
        return 0;
    while (fgets(line, sizeof line, locks)) {
        unsigned major_number, minor_number;
        unsigned long long inode;
        int pid;

        if (sscanf(line, "%*d: %*15s %*15s WRITE %d %x:%x:%llu", &pid, &major_number, &minor_number, &inode) == 4 &&
            inode == file.st_ino && major_number == major(file.st_dev) && minor_number == minor(file.st_dev) &&
            pid != (int)getpid())
            return pid;
    }
    return 0;
}

static int process_name(int pid, char *name, size_t size)
{
    CLEANUP(close_file) FILE *comm = NULL;
    char path[64];

    snprintf(path, sizeof path, "/proc/%d/comm", pid);
    comm = fopen(path, "re");
    if (!comm || !fgets(name, (int)size, comm))
        return -1;
    name[strcspn(name, "\n")] = '\0';
    return 0;
}

static int fail_busy(struct sqlite_db *d, int rc, struct err *err)
{
    CLEANUP(buf_release) struct buf shared = BUF_INIT;
    char name[32] = "a process";
    int pid = 0;

    if (!d->in_memory && buf_printf(&shared, "%s-shm", d->path) == 0)
        pid = lock_holder(shared.at);
    if (!pid && !d->in_memory)
        pid = lock_holder(d->path);
    if (pid)
        process_name(pid, name, sizeof name);
    if (pid)
        err_set(err, ERR_RUN, W0550, "'%s' is locked by %s (pid %d)", d->path, name, pid);
    else if ((rc & 0xff) == SQLITE_LOCKED)
        err_set(err, ERR_RUN, W0550, "'%s' is locked by another statement: %s", d->path, sqlite3_errmsg(d->handle));
    else
        err_set(err, ERR_RUN, W0550, "'%s' is locked by another process", d->path);
    return err_help(err, "windrow waited up to %g s; wait until the other has finished, or stop it", d->wait_ms / 1000.0);
}

static int fail_full(struct sqlite_db *d, struct err *err)
{
    struct statvfs space;

    if (d->in_memory || statvfs(d->path, &space) < 0)
        return err_set(err, ERR_RUN, W0551, "no space left for '%s'", d->path);
    return err_set(err, ERR_RUN, W0551, "no space left for '%s': %llu bytes are free", d->path,
                   (unsigned long long)space.f_bavail * space.f_frsize);
}

static int fail_io(struct sqlite_db *d, int rc, struct err *err)
{
    int system = sqlite3_system_errno(d->handle);

    d->dead = true;
    if (system == ENOSPC || system == EDQUOT)
        return fail_full(d, err);
    return err_set(err, ERR_RUN, W0552, "cannot read or write '%s': %s%s%s (code %d)", d->path,
                   sqlite3_errmsg(d->handle), system ? ": " : "", system ? strerror(system) : "", rc);
}

static int fail_open(struct sqlite_db *d, struct err *err)
{
    int system = sqlite3_system_errno(d->handle);

    return err_set(err, ERR_RUN, W0501, "cannot open database '%s': %s", d->path,
                   system ? strerror(system) : sqlite3_errmsg(d->handle));
}

static int fail_sound(struct sqlite_db *d, struct err *err)
{
    d->dead = true;
    return err_set(err, ERR_RUN, W0553, "'%s': %s", d->path, sqlite3_errmsg(d->handle));
}

/* These name their columns, or the constraint, unless memory ended while SQLite wrote the message. */
static bool lacks_name(struct sqlite_db *d, int rc)
{
    switch (rc) {
    case SQLITE_CONSTRAINT_NOTNULL:
    case SQLITE_CONSTRAINT_UNIQUE:
    case SQLITE_CONSTRAINT_PRIMARYKEY:
    case SQLITE_CONSTRAINT_ROWID:
    case SQLITE_CONSTRAINT_CHECK:
        return !strstr(sqlite3_errmsg(d->handle), "failed: ");
    default:
        return false;
    }
}

/* "UNIQUE constraint failed: t.a, t.b" names columns behind the colon, a CHECK its name; a trigger has its own words. */
static int fail_constraint(struct sqlite_db *d, int rc, enum err_scope scope, struct err *err)
{
    const char *message = sqlite3_errmsg(d->handle), *colon = strstr(message, "failed: ");
    const char *what = colon ? colon + 8 : message;

    switch (rc) {
    case SQLITE_CONSTRAINT_NOTNULL:
        return err_set(err, scope, W0511, "null in %s, which allows none", what);
    case SQLITE_CONSTRAINT_UNIQUE:
    case SQLITE_CONSTRAINT_PRIMARYKEY:
    case SQLITE_CONSTRAINT_ROWID:
        return err_set(err, scope, W0512, "another row has the same %s", what);
    case SQLITE_CONSTRAINT_FOREIGNKEY:
        return err_set(err, scope, W0513, "a foreign key leads nowhere");
    case SQLITE_CONSTRAINT_CHECK:
        return err_set(err, scope, W0514, "check constraint is not met: %s", what);
    case SQLITE_CONSTRAINT_DATATYPE:
    case SQLITE_MISMATCH:
        return err_set(err, scope, W0521, "%s", what);
    default:
        return err_set(err, scope, W0515, "%s", message);
    }
}

static int set_state(struct err *err, int rc)
{
    char state[sizeof err->sqlstate];

    snprintf(state, sizeof state, "%u", (unsigned)rc & 0xffff);
    return db_set_state(err, state);
}

static int describe(struct sqlite_db *d, int rc, struct err *err)
{
    if (stop_now() && ((rc & 0xff) == SQLITE_BUSY || (rc & 0xff) == SQLITE_INTERRUPT))
        return stop_fail(err);
    switch (rc & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL:
        return fail_busy(d, rc, err);
    case SQLITE_FULL:
        return fail_full(d, err);
    case SQLITE_IOERR:
        return rc == SQLITE_IOERR_NOMEM ? err_oom(err) : fail_io(d, rc, err);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_FORMAT:
        return fail_sound(d, err);
    case SQLITE_READONLY:
    case SQLITE_PERM:
        return err_set(err, ERR_RUN, W0554, "cannot write '%s': %s", d->path, sqlite3_errmsg(d->handle));
    case SQLITE_CANTOPEN:
        return fail_open(d, err);
    case SQLITE_NOMEM:
        return err_oom(err);
    case SQLITE_INTERRUPT:
        return err_set(err, ERR_RUN, W0560, "statement was interrupted");
    case SQLITE_TOOBIG:
        return err_set(err, ERR_RUN, W0516, "%s", sqlite3_errmsg(d->handle));
    case SQLITE_CONSTRAINT:
    case SQLITE_MISMATCH:
        if (rc == SQLITE_CONSTRAINT_COMMITHOOK)
            return err_set(err, ERR_RUN, W0509, "the database had rolled the transaction back before its commit");
        return lacks_name(d, rc) ? err_oom(err) : fail_constraint(d, rc, ERR_RUN, err);
    default:
        return err_set(err, ERR_RUN, W0502, "%s", sqlite3_errmsg(d->handle));
    }
}

int sqlite_fail(struct sqlite_db *d, int rc, struct err *err)
{
    if (err && err->scope)
        return -1;
    describe(d, rc, err);
    return set_state(err, rc);
}

/* SQLITE_ERROR comes from an expression in a CHECK or a trigger (malformed JSON, say), or from a schema that changed
 * under the statement; the latter concerns every row. */
static bool row_is_guilty(struct sqlite_db *d, int rc)
{
    switch (rc & 0xff) {
    case SQLITE_CONSTRAINT:
        return !lacks_name(d, rc);
    case SQLITE_MISMATCH:
    case SQLITE_TOOBIG:
        return true;
    case SQLITE_ERROR:
        return strncmp(sqlite3_errmsg(d->handle), "no such ", 8) != 0;
    default:
        return false;
    }
}

int sqlite_refusal(struct sqlite_db *d, int rc, struct err *err)
{
    if (!row_is_guilty(d, rc))
        return sqlite_fail(d, rc, err);
    if (sqlite3_get_autocommit(d->handle)) {
        err_set(err, ERR_RUN, W0502, "the database rolled the transaction back: %s", sqlite3_errmsg(d->handle));
        return set_state(err, rc);
    }
    if ((rc & 0xff) == SQLITE_TOOBIG)
        err_set(err, ERR_RECORD, W0516, "row too large for SQLite");
    else
        fail_constraint(d, rc, ERR_RECORD, err);
    set_state(err, rc);
    return 0;
}
