/* A throw-away place to build a schema in: SQLite in memory; on PostgreSQL a database of the same server, made and
 * dropped here, or an empty one that the user names.
 *
 * The name of a made database tells whose it is and when: windrow_scratch_<backend pid>_<backend start>. One whose
 * session is gone is a leftover of a killed run and is dropped by the next. */
#include "migrate/migrate_internal.h"

#include "base/cleanup.h"

#include <stdio.h>
#include <stdlib.h>

struct scratch {
    struct db *server; /* of the target, to make and drop the database */
    struct db *db;
    struct buf name; /* of the database that was made; empty when none was */
};

static bool is_uri(const char *target)
{
    return str_starts(str_of(target), str_of("postgresql://")) || str_starts(str_of(target), str_of("postgres://"));
}

/* libpq takes the last of several values for a keyword. */
int scratch_target(const char *target, const char *database, struct buf *out, struct err *err)
{
    int rc;

    if (is_uri(target))
        rc = buf_printf(out, "%s%cdbname=%s", target, strchr(target, '?') ? '&' : '?', database);
    else
        rc = buf_printf(out, "%s dbname='%s'", target, database);
    return rc < 0 ? err_oom(err) : 0;
}

static int drop_database(struct db *server, const char *name, struct err *err)
{
    CLEANUP(buf_release) struct buf sql = BUF_INIT;

    if (buf_add_text(&sql, "DROP DATABASE IF EXISTS ") < 0 || db_quote_name(server, name, &sql) < 0)
        return err_oom(err);
    return db_exec(server, buf_text(&sql), err);
}

/* Leftovers of sessions that are gone. Nobody else may be connected to them, so dropping is safe. */
static void drop_leftovers(struct db *server)
{
    static const char sql[] =
        "SELECT d.datname FROM pg_catalog.pg_database d WHERE d.datname ~ '^windrow_scratch_[0-9]+_[0-9]+$'"
        " AND pg_catalog.pg_has_role(d.datdba, 'USAGE') AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_stat_activity a"
        " WHERE d.datname = 'windrow_scratch_' || a.pid || '_' || floor(extract(epoch FROM a.backend_start))::bigint)";
    CLEANUP(db_result_release) struct db_result r = {0};
    CLEANUP(buf_release) struct buf name = BUF_INIT;

    if (db_query(server, sql, NULL, 0, &r, NULL) < 0)
        return;
    for (size_t i = 0; i < r.n_rows; i++) {
        buf_clear(&name);
        if (buf_add_str(&name, db_cell(&r, i, 0)) == 0)
            drop_database(server, buf_text(&name), NULL);
    }
}

static int make_database(struct scratch *s, struct err *err)
{
    static const char name_sql[] =
        "SELECT 'windrow_scratch_' || pid || '_' || floor(extract(epoch FROM backend_start))::bigint"
        " FROM pg_catalog.pg_stat_activity WHERE pid = pg_catalog.pg_backend_pid()";
    CLEANUP(db_result_release) struct db_result r = {0};
    CLEANUP(buf_release) struct buf sql = BUF_INIT;
    CLEANUP(err_release) struct err cause = {0};

    drop_leftovers(s->server);
    if (db_query(s->server, name_sql, NULL, 0, &r, err) < 0)
        return -1;
    if (r.n_rows != 1 || buf_add_str(&s->name, db_cell(&r, 0, 0)) < 0)
        return err_oom(err);
    if (buf_add_text(&sql, "CREATE DATABASE ") < 0 || db_quote_name(s->server, buf_text(&s->name), &sql) < 0 ||
        buf_add_text(&sql, " TEMPLATE template0") < 0)
        return err_oom(err);
    if (db_exec(s->server, buf_text(&sql), &cause) == 0)
        return 0;
    buf_clear(&s->name);
    err_set(err, ERR_RUN, W0716, "cannot make a throw-away database: %s", cause.message);
    return err_help(
        err, "let the role create databases (ALTER ROLE ... CREATEDB), or name an empty database by --scratch");
}

static int refuse_filled(struct db *db, struct err *err)
{
    CLEANUP(describe_release) struct describe d = {0};

    if (describe_database(db, &d, err) < 0)
        return -1;
    return d.n == 0 ? 0
                    : err_set(err, ERR_RUN, W0716, "the scratch database is not empty: it has the %s '%s'",
                              d.objects[0].kind, d.objects[0].name);
}

static int open_named(struct scratch *s, const char *target, struct err *err)
{
    struct db_options o = {.application = "windrow schema scratch"};

    s->db = db_open(target, &o, err);
    if (!s->db || refuse_filled(s->db, err) < 0)
        return -1;
    /* Rolled back at the end, so a named database is as empty afterwards as before. */
    return db_begin(s->db, err);
}

static int open_made(struct scratch *s, const struct migrate *m, struct err *err)
{
    struct db_options o = {.application = "windrow schema scratch"};
    CLEANUP(buf_release) struct buf target = BUF_INIT;

    s->server = db_open(m->o.target, &o, err);
    if (!s->server || make_database(s, err) < 0 || scratch_target(m->o.target, buf_text(&s->name), &target, err) < 0)
        return -1;
    s->db = db_open(buf_text(&target), &o, err);
    return s->db ? 0 : -1;
}

struct scratch *scratch_open(struct migrate *m, struct err *err)
{
    struct scratch *s = calloc(1, sizeof *s);
    struct db_options o = {0};
    int rc;

    if (!s) {
        err_oom(err);
        return NULL;
    }
    if (m->plan.engine == DB_SQLITE) {
        s->db = db_open("sqlite::memory:", &o, err);
        rc = s->db ? 0 : -1;
    } else {
        rc = m->o.scratch ? open_named(s, m->o.scratch, err) : open_made(s, m, err);
    }
    if (rc == 0)
        return s;
    scratch_close(s);
    return NULL;
}

struct db *scratch_db(struct scratch *s)
{
    return s->db;
}

void scratch_close(struct scratch *s)
{
    if (!s)
        return;
    db_close(s->db);
    if (s->name.len)
        drop_database(s->server, buf_text(&s->name), NULL);
    db_close(s->server);
    buf_release(&s->name);
    free(s);
}
