/* SQLite: a backup is one state of the file and its WAL, copied page by page while others write; a restore is one transaction
 * of the live file, so that neither a kill nor a -wal of before can mix the two. */
#include "maintain/maintain_internal.h"

#include "base/cleanup.h"
#include "migrate/history.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

static void close_db(struct db **db) { db_close(*db); }

static struct db_copy_watch watch_of(const struct maintain_options *o)
{
    return (struct db_copy_watch){o->stop, o->progress, o->context};
}

static struct db *open_path(const struct maintain_options *o, const char *path, bool read_only, struct err *err)
{
    CLEANUP(buf_release) struct buf target = BUF_INIT;

    if (buf_printf(&target, "sqlite:%s", path) < 0) {
        err_oom(err);
        return NULL;
    }
    return maintain_connect(o, buf_text(&target), read_only, err);
}

/* W0906 with SQLite's first words. 1 when stopped. */
static int check_integrity(const struct maintain_options *o, struct db *db, const char *path, struct err *err)
{
    CLEANUP(err_release) struct err failure = {0};
    CLEANUP(db_result_release) struct db_result r = {0};
    struct cancel *cancel = cancel_begin(o, db);
    int rc = db_query(db, "PRAGMA integrity_check(1)", NULL, 0, &r, &failure);

    cancel_end(cancel);
    if (rc < 0 && maintain_cancelled(o, &failure))
        return 1;
    if (rc < 0) {
        err_move(err, &failure);
        return -1;
    }
    if (r.n_rows == 1 && str_is(db_cell(&r, 0, 0), "ok"))
        return 0;
    return err_set(err, ERR_RUN, W0906, "'%s' is damaged: %.*s", path, STR_ARG(db_cell(&r, 0, 0)));
}

/* The copy against the state that it was made of, which `from` still sees. */
static int check_copy(const struct maintain_options *o, struct db *from, const char *path, struct counts *counts, struct err *err)
{
    CLEANUP(close_db) struct db *copy = open_path(o, path, true, err);
    int rc;

    if (!copy)
        return -1;
    rc = check_integrity(o, copy, path, err);
    if (rc == 0)
        rc = counts_sqlite(from, counts, err);
    return rc == 0 ? counts_compare(counts, copy, "the backup", err) : rc;
}

/* From now on `db` sees one state. */
static int hold(struct db *db, struct err *err)
{
    CLEANUP(db_result_release) struct db_result r = {0};

    if (db_exec(db, "BEGIN", err) < 0)
        return -1;
    return db_query(db, "SELECT count(*) FROM sqlite_schema", NULL, 0, &r, err);
}

static int copy_aside(const struct maintain_options *o, struct db *from, struct file_new *file, struct counts *counts,
                      uint64_t *bytes, struct err *err)
{
    struct db_copy_watch watch = watch_of(o);
    int rc = hold(from, err);

    if (rc == 0)
        rc = db_copy_file(from, file->work, &watch, err);
    if (rc == 0)
        rc = check_copy(o, from, file->work, counts, err);
    db_rollback(from);
    return rc == 0 ? file_new_keep(file, bytes, err) : rc;
}

int sqlite_backup(struct maintain *m, const char *out, struct maintain_backup *ret, struct err *err)
{
    CLEANUP(file_new_release) struct file_new file = {0};
    CLEANUP(counts_release) struct counts counts = {0};
    int rc = file_new_open(out, m->o.system, ".db", &file, err);

    if (rc == 0)
        rc = copy_aside(&m->o, m->db, &file, &counts, &ret->bytes, err);
    if (rc != 0)
        return rc;
    ret->path = file.path;
    file.path = NULL;
    ret->tables = counts.n;
    ret->rows = counts.rows;
    return 0;
}

/* ---- restore ---- */

/* Messages of the database begin with the path, which is said already. */
static int not_a_backup(const char *file, const char *why, struct err *err)
{
    const char *behind = why[0] == '\'' ? strstr(why, "': ") : NULL;

    why = behind ? behind + 3 : why;
    return err_set(err, ERR_RUN, W0902, "'%s' is no backup for SQLite: %s", file, why);
}

/* Versions of the system in a database. */
static int check_versions(const struct maintain_options *o, struct db *db, const char *file, struct maintain_restore *ret,
                          struct err *err)
{
    CLEANUP(history_release) struct history h = {0};
    struct plan plan = {0};
    int64_t *versions;
    int rc = plan_load(o->dir, DB_SQLITE, &plan, err);

    if (rc == 0)
        rc = history_read(db, o->system, &h, err);
    versions = rc == 0 ? calloc(h.n + 1, sizeof *versions) : NULL;
    if (rc == 0 && !versions)
        rc = err_oom(err);
    for (size_t i = 0; rc == 0 && i < h.n; i++)
        versions[i] = ret->version = h.rows[i].number;
    if (rc == 0)
        rc = maintain_known(&plan, o->system, file, versions, h.n, err);
    ret->latest = plan_last(&plan);
    free(versions);
    plan_release(&plan);
    return rc;
}

static bool same_file(const char *a, const char *b)
{
    struct stat one, other;

    return stat(a, &one) == 0 && stat(b, &other) == 0 && one.st_dev == other.st_dev && one.st_ino == other.st_ino;
}

static struct db *open_backup(const struct maintain_options *o, const char *file, struct maintain_restore *ret, int *rc,
                              struct err *err)
{
    CLEANUP(err_release) struct err failure = {0};
    struct db *db = NULL;

    *rc = -1;
    if (same_file(file, o->target + strlen("sqlite:"))) {
        not_a_backup(file, "it is the target itself", err);
        return NULL;
    }
    db = open_path(o, file, true, &failure);
    if (!db) {
        not_a_backup(file, failure.message, err);
        return NULL;
    }
    *rc = check_integrity(o, db, file, &failure);
    if (*rc < 0)
        not_a_backup(file, failure.message, err);
    else if (*rc == 0)
        *rc = check_versions(o, db, file, ret, err);
    if (*rc == 0)
        return db;
    db_close(db);
    return NULL;
}

static int refuse_filled(const char *path, const char *yes, struct err *err)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;

    if (yes && strcmp(yes, name) == 0)
        return 0;
    if (yes)
        err_set(err, ERR_RUN, W0903, "'%s' is not empty, and its name is '%s', not '%s'", path, name, yes);
    else
        err_set(err, ERR_RUN, W0903, "'%s' is not empty", path);
    return err_help(err, "to replace what it has, after a backup of that: --yes-really %s", name);
}

static int has_tables(struct db *db, bool *ret, struct err *err)
{
    CLEANUP(db_result_release) struct db_result r = {0};

    if (db_query(db, "SELECT count(*) FROM sqlite_schema", NULL, 0, &r, err) < 0)
        return -1;
    *ret = db_cell_int(&r, 0, 0) > 0;
    return 0;
}

static int aside_stem(const char *path, char **ret, struct err *err)
{
    if (asprintf(ret, "%s.before-restore", path) >= 0)
        return 0;
    *ret = NULL;
    return err_oom(err);
}

/* What is damaged cannot be copied by SQLite, so its files go aside as they are. */
static int move_aside(const char *path, struct maintain_restore *ret, struct err *err)
{
    static const char *const companions[] = {"-wal", "-shm", ""};
    CLEANUP(free_ptr) char *stem = NULL;

    if (aside_stem(path, &stem, err) < 0 || file_stamped(stem, "", &ret->aside, err) < 0)
        return -1;
    for (size_t i = 0; i < ARRAY_LEN(companions); i++) {
        CLEANUP(buf_release) struct buf from = BUF_INIT, to = BUF_INIT;

        if (buf_printf(&from, "%s%s", path, companions[i]) < 0 || buf_printf(&to, "%s%s", ret->aside, companions[i]) < 0)
            return err_oom(err);
        if (renameat2(AT_FDCWD, buf_text(&from), AT_FDCWD, buf_text(&to), RENAME_NOREPLACE) < 0 && errno != ENOENT)
            return err_set(err, ERR_RUN, W0905, "cannot move '%s' aside: %s", buf_text(&from), strerror(errno));
    }
    ret->moved = true;
    return 0;
}

/* Into a file that is not there yet: as a backup is made. */
static int restore_new(const struct maintain_options *o, struct db *from, struct maintain_restore *ret, struct err *err)
{
    CLEANUP(file_new_release) struct file_new file = {0};
    CLEANUP(counts_release) struct counts counts = {0};
    uint64_t bytes;
    int rc = file_new_open(o->target + strlen("sqlite:"), NULL, NULL, &file, err);

    if (rc == 0)
        rc = copy_aside(o, from, &file, &counts, &bytes, err);
    ret->tables = counts.n;
    ret->rows = counts.rows;
    return rc;
}

static int save_aside(const struct maintain_options *o, struct db *to, struct maintain_restore *ret, struct err *err)
{
    CLEANUP(file_new_release) struct file_new file = {0};
    CLEANUP(counts_release) struct counts counts = {0};
    CLEANUP(free_ptr) char *stem = NULL;
    uint64_t bytes;
    int rc = aside_stem(o->target + strlen("sqlite:"), &stem, err);

    if (rc == 0)
        rc = file_new_open(NULL, stem, "", &file, err);
    if (rc == 0)
        rc = copy_aside(o, to, &file, &counts, &bytes, err);
    if (rc != 0)
        return rc;
    ret->aside = file.path;
    file.path = NULL;
    return 0;
}

static int restore_over(const struct maintain_options *o, struct db *from, struct db *to, struct maintain_restore *ret,
                        struct err *err)
{
    CLEANUP(counts_release) struct counts counts = {0};
    struct db_copy_watch watch = watch_of(o);
    int rc = hold(from, err);

    if (rc == 0)
        rc = db_copy_over(from, to, &watch, err);
    if (rc == 0)
        rc = counts_sqlite(from, &counts, err);
    if (rc == 0)
        rc = counts_compare(&counts, to, db_name(to), err);
    ret->tables = counts.n;
    ret->rows = counts.rows;
    return rc;
}

/* 1: the file cannot be read as a database. */
static int open_target(const struct maintain_options *o, struct db **ret, struct err *err)
{
    CLEANUP(err_release) struct err failure = {0};

    *ret = maintain_connect(o, o->target, false, &failure);
    if (*ret)
        return 0;
    if (failure.code == W0553)
        return 1;
    err_move(err, &failure);
    return -1;
}

static int restore_into(const struct maintain_options *o, struct db *from, const char *yes, struct maintain_restore *ret,
                        struct err *err)
{
    const char *path = o->target + strlen("sqlite:");
    CLEANUP(close_db) struct db *to = NULL;
    CLEANUP(err_release) struct err failure = {0};
    bool filled = true;
    int rc;

    if (access(path, F_OK) < 0 && errno == ENOENT)
        return restore_new(o, from, ret, err);
    rc = open_target(o, &to, err);
    if (rc < 0 || (rc == 0 && has_tables(to, &filled, err) < 0) || (filled && refuse_filled(path, yes, err) < 0))
        return -1;
    if (rc == 0 && filled)
        rc = save_aside(o, to, ret, &failure);
    if (rc == 0)
        return restore_over(o, from, to, ret, err);
    if (failure.code && failure.code != W0553 && failure.code != W0906) {
        err_move(err, &failure);
        return -1;
    }
    if (maintain_stopped(o))
        return 1;
    db_close(to);
    to = NULL;
    rc = move_aside(path, ret, err);
    return rc == 0 ? restore_new(o, from, ret, err) : rc;
}

int sqlite_restore(const struct maintain_options *o, const char *file, const char *yes, struct maintain_restore *ret,
                   struct err *err)
{
    int rc;
    CLEANUP(close_db) struct db *from = open_backup(o, file, ret, &rc, err);

    return from ? restore_into(o, from, yes, ret, err) : rc;
}
