/* A whole database into another file, page by page, with SQLite's backup interface: the source is only read. */
#include "sink/sqlite_internal.h"

#include "base/cleanup.h"

enum { PAGES_AT_ONCE = 256 };

/* The source's failures come back by their number alone; the words would be those of the target. */
static int fail(struct sqlite_db *from, struct sqlite_db *to, int rc, struct err *err)
{
    switch (rc & 0xff) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        err_set(err, ERR_RUN, W0553, "'%s': %s", from->path, sqlite3_errstr(rc));
        return db_set_state(err, "SQ011");
    default:
        return sqlite_fail(to, rc, err);
    }
}

/* 0, 1 when it was asked to stop (the target's transaction is rolled back), -1. */
static int copy(struct sqlite_db *from, struct sqlite_db *to, const struct db_copy_watch *watch, struct err *err)
{
    sqlite3_backup *backup = sqlite3_backup_init(to->handle, "main", from->handle, "main");
    int rc = SQLITE_OK;
    bool stopped = false;

    if (!backup)
        return sqlite_fail(to, sqlite3_extended_errcode(to->handle), err);
    while (rc == SQLITE_OK && !(stopped = watch && watch->stop && watch->stop(watch->context))) {
        rc = sqlite3_backup_step(backup, PAGES_AT_ONCE);
        if (watch && watch->progress)
            watch->progress(watch->context, (uint64_t)(sqlite3_backup_pagecount(backup) - sqlite3_backup_remaining(backup)),
                            (uint64_t)sqlite3_backup_pagecount(backup));
    }
    sqlite3_backup_finish(backup);
    if (stopped)
        return 1;
    return rc == SQLITE_DONE ? 0 : fail(from, to, rc, err);
}

/* "PRAGMA journal_mode" answers with the mode that it could reach. */
static int set_journal(struct db *db, const char *mode, struct err *err)
{
    CLEANUP(db_result_release) struct db_result r = {0};
    CLEANUP(buf_release) struct buf sql = BUF_INIT;

    if (buf_printf(&sql, "PRAGMA journal_mode = %s", mode) < 0)
        return err_oom(err);
    if (db_query(db, buf_text(&sql), NULL, 0, &r, err) < 0)
        return -1;
    if (r.n_rows == 1 && str_is(db_cell(&r, 0, 0), mode))
        return 0;
    return err_set(err, ERR_RUN, W0558, "%s: journal_mode cannot be set to '%s'", db_name(db), mode);
}

int db_copy_file(struct db *from, const char *path, const struct db_copy_watch *watch, struct err *err)
{
    struct db_options options = {0};
    CLEANUP(buf_release) struct buf target = BUF_INIT;
    struct db *to;
    int ret = -1;

    if (db_engine(from) != DB_SQLITE)
        BUG("only SQLite databases are files");
    if (buf_printf(&target, "sqlite:%s", path) < 0)
        return err_oom(err);
    to = db_open(buf_text(&target), &options, err);
    /* A copy that was not finished is worth nothing, so it needs no journal on the disk; with a WAL every page would be
     * written twice, and pages of another size would not fit. */
    if (to && set_journal(to, "memory", err) == 0 && db_exec(to, "PRAGMA synchronous = OFF", err) == 0)
        ret = copy((struct sqlite_db *)from, (struct sqlite_db *)to, watch, err);
    db_close(to);
    return ret;
}

static int page_size(struct db *db, int64_t *ret, struct err *err)
{
    CLEANUP(db_result_release) struct db_result r = {0};

    if (db_query(db, "PRAGMA page_size", NULL, 0, &r, err) < 0)
        return -1;
    *ret = db_cell_int(&r, 0, 0);
    return 0;
}

int db_copy_over(struct db *from, struct db *to, const struct db_copy_watch *watch, struct err *err)
{
    int64_t size_from, size_to;
    int ret;

    if (db_engine(from) != DB_SQLITE || db_engine(to) != DB_SQLITE)
        BUG("only SQLite databases are files");
    if (page_size(from, &size_from, err) < 0 || page_size(to, &size_to, err) < 0)
        return -1;
    /* Pages of another size do not fit a WAL. The rollback journal is as safe. */
    if (size_from != size_to && set_journal(to, "delete", err) < 0)
        return -1;
    ret = copy((struct sqlite_db *)from, (struct sqlite_db *)to, watch, err);
    if (ret == 0 && size_from != size_to)
        ret = set_journal(to, "wal", err);
    return ret;
}
