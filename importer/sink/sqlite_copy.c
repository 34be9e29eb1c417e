/* A whole database into another file, page by page, with SQLite's backup interface: the source is only read. */
#include "sink/sqlite_internal.h"

int db_copy_file(struct db *from, const char *path, struct err *err)
{
    struct db_options options = {0};
    struct buf target = BUF_INIT;
    struct sqlite_db *to = NULL;
    sqlite3_backup *backup = NULL;
    int rc = SQLITE_NOMEM, ret = -1;

    if (db_engine(from) != DB_SQLITE)
        BUG("only SQLite databases are files");
    if (buf_printf(&target, "sqlite:%s", path) < 0)
        err_oom(err);
    else
        to = (struct sqlite_db *)db_open(buf_text(&target), &options, err);
    if (to && (backup = sqlite3_backup_init(to->handle, "main", ((struct sqlite_db *)from)->handle, "main"))) {
        rc = sqlite3_backup_step(backup, -1);
        sqlite3_backup_finish(backup);
    }
    if (to && rc != SQLITE_DONE)
        sqlite_fail(to, rc, err);
    else if (to)
        ret = 0;
    if (to)
        db_close(&to->db);
    buf_release(&target);
    return ret;
}
