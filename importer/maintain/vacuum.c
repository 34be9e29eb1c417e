/* Space given back: SQLite's VACUUM of the file, PostgreSQL's of the system's tables. Both refuse to run in a transaction. */
#include "maintain/maintain_internal.h"

#include "base/cleanup.h"

#include <sys/stat.h>

static uint64_t size_of(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 ? (uint64_t)st.st_size : 0;
}

/* With what is still in the WAL: a file that shrank while its WAL grew has saved nothing. */
static int sqlite_size(const struct maintain *m, uint64_t *ret, struct err *err)
{
    const char *path = m->o.target + strlen("sqlite:");
    CLEANUP(buf_release) struct buf wal = BUF_INIT;

    if (buf_printf(&wal, "%s-wal", path) < 0)
        return err_oom(err);
    *ret = size_of(path) + size_of(buf_text(&wal));
    return 0;
}

static int sqlite_vacuum(struct maintain *m, struct maintain_vacuum *ret, struct err *err)
{
    if (sqlite_size(m, &ret->before, err) < 0 || db_exec(m->db, "VACUUM", err) < 0)
        return -1;
    db_exec(m->db, "PRAGMA wal_checkpoint(TRUNCATE)", NULL);    /* a reader may hold it up: then the size says so */
    return sqlite_size(m, &ret->after, err);
}

static int postgres_size(struct maintain *m, const char *const *tables, size_t n, uint64_t *ret, struct err *err)
{
    *ret = 0;
    for (size_t i = 0; i < n; i++) {
        CLEANUP(db_result_release) struct db_result r = {0};
        struct db_value name = db_text(str_of(tables[i]));

        if (db_query(m->db, "SELECT pg_total_relation_size(to_regclass($1))", &name, 1, &r, err) < 0)
            return -1;
        *ret += (uint64_t)db_cell_int(&r, 0, 0);
    }
    return 0;
}

/* Of a table of somebody else the server would only warn, and skip it. */
static int check_owner(struct maintain *m, const char *table, struct err *err)
{
    CLEANUP(db_result_release) struct db_result r = {0};
    struct db_value name = db_text(str_of(table));

    if (db_query(m->db, "SELECT 1 FROM pg_class WHERE oid = to_regclass($1) AND NOT pg_has_role(relowner, 'USAGE') AND NOT"
                        " pg_has_role((SELECT datdba FROM pg_database WHERE datname = current_database()), 'USAGE')",
                 &name, 1, &r, err) < 0)
        return -1;
    return r.n_rows == 0 ? 0 : err_set(err, ERR_RUN, W0517, "only the owner of %s or of the database may vacuum it", table);
}

/* Autovacuum may have a table just now: then it is waited for as long as --wait says. */
static int postgres_vacuum(struct maintain *m, struct maintain_vacuum *ret, struct err *err)
{
    const char **tables;
    size_t n;

    if (maintain_tables(m, &tables, &n, err) < 0 || postgres_size(m, tables, n, &ret->before, err) < 0)
        return -1;
    for (size_t i = 0; i < n; i++) {
        if (check_owner(m, tables[i], err) < 0)
            return -1;
    }
    for (size_t i = 0; i < n; i++) {
        CLEANUP(buf_release) struct buf sql = BUF_INIT;

        if (buf_printf(&sql, "VACUUM (ANALYZE) %s", tables[i]) < 0)
            return err_oom(err);
        if (db_exec(m->db, buf_text(&sql), err) < 0)
            return -1;
    }
    ret->tables = n;
    return postgres_size(m, tables, n, &ret->after, err);
}

int maintain_vacuum(struct maintain *m, struct maintain_vacuum *ret, struct err *err)
{
    CLEANUP(err_release) struct err failure = {0};
    struct cancel *cancel = cancel_begin(&m->o, m->db);
    int rc;

    *ret = (struct maintain_vacuum){0};
    rc = db_engine(m->db) == DB_SQLITE ? sqlite_vacuum(m, ret, &failure) : postgres_vacuum(m, ret, &failure);
    cancel_end(cancel);
    if (rc == 0)
        return 0;
    if (maintain_cancelled(&m->o, &failure))
        return 1;
    err_move(err, &failure);
    return -1;
}
