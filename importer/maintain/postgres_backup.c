/* PostgreSQL: backups by pg_dump, of a moment that a transaction of our own holds and counts; restored by pg_restore in one
 * transaction. */
#include "maintain/maintain_internal.h"

#include "base/cleanup.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void close_db(struct db **db) { db_close(*db); }

#define OF_USERS "n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema' AND NOT EXISTS (SELECT 1 FROM pg_depend e" \
    " WHERE e.deptype = 'e' AND e.objid = o.oid)"

/* A number that a statement gives. */
static int ask(struct db *db, const char *sql, int64_t *ret, struct err *err)
{
    CLEANUP(db_result_release) struct db_result r = {0};

    if (db_query(db, sql, NULL, 0, &r, err) < 0)
        return -1;
    *ret = r.n_rows ? db_cell_int(&r, 0, 0) : 0;
    return 0;
}

static int ask_text(struct db *db, const char *sql, struct buf *ret, struct err *err)
{
    CLEANUP(db_result_release) struct db_result r = {0};

    if (db_query(db, sql, NULL, 0, &r, err) < 0)
        return -1;
    return r.n_rows && buf_add_str(ret, db_cell(&r, 0, 0)) == 0 ? 0 : err_oom(err);
}

/* ---- backup ---- */

static int dump_to(const struct maintain_options *o, struct db *db, const char *path, struct err *err)
{
    CLEANUP(buf_release) struct buf target = BUF_INIT, password = BUF_INIT, snapshot = BUF_INIT, file = BUF_INIT, wait = BUF_INIT;
    const char *argv[] = {"pg_dump", "--format=custom", "--no-password", NULL, NULL, NULL, NULL, NULL};
    struct process p = {.argv = argv, .o = o};

    if (buf_add_text(&snapshot, "--snapshot=") < 0 || buf_add_text(&target, "--dbname=") < 0 ||
        buf_printf(&file, "--file=%s", path) < 0 ||
        buf_printf(&wait, "--lock-wait-timeout=%u", o->wait_ms ? o->wait_ms : MAINTAIN_WAIT_MS) < 0)
        return err_oom(err);
    if (ask_text(db, "SELECT pg_export_snapshot()", &snapshot, err) < 0)
        return -1;
    {
        CLEANUP(buf_release) struct buf keywords = BUF_INIT;

        if (db_target_apart(o->target, &keywords, &password, err) < 0)
            return -1;
        if (buf_add_str(&target, buf_str(&keywords)) < 0)
            return err_oom(err);
    }
    argv[3] = buf_text(&wait);
    argv[4] = buf_text(&snapshot);
    argv[5] = buf_text(&file);
    argv[6] = buf_text(&target);
    p.secret = buf_text(&password);
    return process_run(&p, err);
}

/* Every table is in it, with as many rows as the moment had. */
static int check_dump(const struct dump *d, struct db *db, struct err *err)
{
    int64_t tables = 0;

    if (ask(db, "SELECT count(*) FROM pg_class o JOIN pg_namespace n ON n.oid = o.relnamespace WHERE o.relkind = 'r'"
                " AND o.relpersistence <> 't' AND " OF_USERS, &tables, err) < 0)
        return -1;
    if ((uint64_t)tables != d->counts.n)
        return err_set(err, ERR_RUN, W0906, "the backup has %zu tables, the database %lld", d->counts.n, (long long)tables);
    return counts_compare(&d->counts, db, "the database", err);
}

static int backup_to(const struct maintain_options *o, struct db *db, const char *path, struct dump *d, struct err *err)
{
    int rc = db_exec(db, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", err);

    if (rc == 0)
        rc = dump_to(o, db, path, err);
    if (rc == 0)
        rc = dump_read(o, path, d, err);
    if (rc == 0)
        rc = check_dump(d, db, err);
    db_rollback(db);
    return rc;
}

static int backup_file(const struct maintain_options *o, struct db *db, const char *out, struct maintain_backup *ret, struct err *err)
{
    CLEANUP(file_new_release) struct file_new file = {0};
    CLEANUP(dump_release) struct dump d = {0};
    int rc = file_new_open(out, o->system, ".dump", &file, err);

    if (rc == 0)
        rc = backup_to(o, db, file.work, &d, err);
    if (rc == 0)
        rc = file_new_keep(&file, &ret->bytes, err);
    if (rc != 0)
        return rc;
    ret->path = file.path;
    file.path = NULL;
    ret->tables = d.counts.n;
    ret->rows = d.counts.rows;
    return 0;
}

int postgres_backup(struct maintain *m, const char *out, struct maintain_backup *ret, struct err *err)
{
    return backup_file(&m->o, m->db, out, ret, err);
}

/* ---- restore ---- */

static int check_file(const struct maintain_options *o, const char *file, struct dump *d, struct maintain_restore *ret, struct err *err)
{
    CLEANUP(err_release) struct err failure = {0};
    struct plan plan = {0};
    int rc;

    if (access(file, R_OK) < 0)
        return err_set(err, ERR_RUN, W0902, "there is no file '%s' that can be read", file);
    rc = plan_load(o->dir, DB_POSTGRESQL, &plan, err);
    if (rc == 0) {
        rc = dump_read(o, file, d, &failure);
        if (rc < 0 && failure.code == W0904 && failure.help[0] == '\0')
            err_set(err, ERR_RUN, W0902, "'%s' is no backup for PostgreSQL: %s", file, failure.message);
        else if (rc < 0)
            err_move(err, &failure);
    }
    if (rc == 0)
        rc = maintain_known(&plan, o->system, file, d->versions, d->n_versions, err);
    for (size_t i = 0; i < d->n_versions; i++)
        ret->version = d->versions[i] > ret->version ? d->versions[i] : ret->version;
    ret->latest = plan_last(&plan);
    plan_release(&plan);
    return rc;
}

static int is_filled(struct db *db, bool *ret, struct err *err)
{
    int64_t objects = 0;

    if (ask(db, "SELECT (SELECT count(*) FROM pg_class o JOIN pg_namespace n ON n.oid = o.relnamespace WHERE " OF_USERS ")"
                " + (SELECT count(*) FROM pg_proc o JOIN pg_namespace n ON n.oid = o.pronamespace WHERE " OF_USERS ")",
            &objects, err) < 0)
        return -1;
    *ret = objects > 0;
    return 0;
}

static int refuse_filled(struct db *db, const char *yes, struct err *err)
{
    CLEANUP(buf_release) struct buf name = BUF_INIT;

    if (ask_text(db, "SELECT current_database()", &name, err) < 0)
        return -1;
    if (yes && strcmp(yes, buf_text(&name)) == 0)
        return 0;
    if (yes)
        err_set(err, ERR_RUN, W0903, "%s is not empty, and its name is '%s', not '%s'", db_name(db), buf_text(&name), yes);
    else
        err_set(err, ERR_RUN, W0903, "%s is not empty", db_name(db));
    return err_help(err, "name an empty database; or, to replace what the backup has, after a backup of what is there: --yes-really %s",
                    buf_text(&name));
}

static int save_aside(const struct maintain_options *o, struct db *db, struct maintain_restore *ret, struct err *err)
{
    struct maintain_backup aside = {0};
    CLEANUP(free_ptr) char *stem = NULL;
    struct maintain_options options = *o;
    int rc;

    if (asprintf(&stem, "%s-before-restore", o->system) < 0) {
        stem = NULL;
        return err_oom(err);
    }
    options.system = stem;      /* it names the file */
    rc = backup_file(&options, db, NULL, &aside, err);
    ret->aside = aside.path;
    return rc;
}

static int load_dump(const struct maintain_options *o, const char *file, bool over, struct err *err)
{
    CLEANUP(buf_release) struct buf keywords = BUF_INIT, target = BUF_INIT, password = BUF_INIT;
    const char *argv[] = {"pg_restore", "--single-transaction", "--exit-on-error", "--no-owner", "--no-password", NULL, NULL, NULL,
                          NULL, NULL, NULL};
    struct process p = {.argv = argv, .o = o};
    size_t n = 5;

    if (db_target_apart(o->target, &keywords, &password, err) < 0)
        return -1;
    if (buf_printf(&target, "--dbname=%s", buf_text(&keywords)) < 0)
        return err_oom(err);
    argv[n++] = buf_text(&target);
    if (over) {
        argv[n++] = "--clean";
        argv[n++] = "--if-exists";
    }
    argv[n++] = "--";
    argv[n] = file;
    p.secret = buf_text(&password);
    return process_run(&p, err);
}

int postgres_restore(const struct maintain_options *o, const char *file, const char *yes, struct maintain_restore *ret,
                     struct err *err)
{
    CLEANUP(dump_release) struct dump d = {0};
    CLEANUP(close_db) struct db *db = NULL;
    bool filled = false;
    int rc = check_file(o, file, &d, ret, err);

    if (rc != 0)
        return rc;
    db = maintain_connect(o, o->target, false, err);
    if (!db || is_filled(db, &filled, err) < 0 || (filled && refuse_filled(db, yes, err) < 0))
        return -1;
    if (filled)
        rc = save_aside(o, db, ret, err);
    if (rc == 0)
        rc = load_dump(o, file, filled, err);
    if (rc == 0)
        rc = counts_compare(&d.counts, db, db_name(db), err);
    ret->tables = d.counts.n;
    ret->rows = d.counts.rows;
    return rc;
}
