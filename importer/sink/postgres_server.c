/* Which server and database this is, and by how many promotions it came to be what it is. */
#include "sink/postgres_internal.h"

int postgres_server_identity(struct db *db, struct buf *ret, struct err *err)
{
    CLEANUP(db_result_release) struct db_result r = {0};

    if (db_query(db, "SELECT s.system_identifier, d.oid FROM pg_catalog.pg_control_system() s, pg_catalog.pg_database d"
                 " WHERE d.datname = pg_catalog.current_database()", NULL, 0, &r, err) < 0)
        return -1;
    if (buf_printf(ret, "postgresql:%.*s:%.*s", STR_ARG(db_cell(&r, 0, 0)), STR_ARG(db_cell(&r, 0, 1))) < 0)
        return err_oom(err);
    return 0;
}

/* The first digits of a WAL file's name. Not every service lets everybody ask. */
unsigned postgres_timeline(struct db *db)
{
    CLEANUP(db_result_release) struct db_result r = {0};
    static const char sql[] = "SELECT CASE WHEN NOT pg_catalog.pg_is_in_recovery() THEN"
                              " pg_catalog.left(pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_insert_lsn()), 8) END";
    char digits[9] = {0};

    if (db_query(db, sql, NULL, 0, &r, NULL) < 0 || db_cell(&r, 0, 0).len != 8)
        return 0;
    memcpy(digits, db_cell(&r, 0, 0).at, 8);
    return (unsigned)strtoul(digits, NULL, 16);
}
