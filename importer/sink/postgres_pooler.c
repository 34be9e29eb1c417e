/* A pooler may stand between us and the server. Settings, prepared statements and temporary tables live in a session; so it
 * has to leave us one of our own. */
#include "sink/postgres_internal.h"

enum { VISIT_MS = 5000 };

static int session_of(struct postgres *p, const char *sql, int64_t *ret, struct err *err)
{
    CLEANUP(db_result_release) struct db_result r = {0};

    if (postgres_run(p, sql, &r, err) != 0)
        return -1;
    *ret = db_cell_int(&r, 0, 0);
    return 0;
}

static int refuse(const struct postgres *p, struct err *err)
{
    err_set(err, ERR_RUN, W0506, "%s: a connection pooler gives the statements of one client to several sessions", p->name);
    return err_help(err, "use the pooler's session mode, or connect to the server itself");
}

int postgres_same_session(struct postgres *p, struct err *err)
{
    int64_t now = 0;

    if (!p->pooled)
        return 0;
    if (session_of(p, "SELECT pg_catalog.pg_backend_pid()", &now, err) < 0)
        return -1;
    return now == p->backend ? 0 : refuse(p, err);
}

/* A second client comes while we have nothing to do: a pooler that shares sessions gives it ours, for the time of its
 * transaction. Where there is but one session, and it is ours, the second client waits in vain. */
int postgres_pooler_check(struct postgres *p, const char *target, struct err *err)
{
    const struct db_options options = {.wait_ms = VISIT_MS, .read_only = true, .application = "windrow probe"};
    struct postgres *visitor;
    int64_t theirs = 0;
    int ret;

    p->pooled = PQbackendPID(p->conn) != p->backend;
    if (!p->pooled)
        return 0;
    visitor = postgres_connect(target, &options, NULL);
    if (visitor && session_of(visitor, "BEGIN; SELECT pg_catalog.pg_backend_pid()", &theirs, NULL) == 0 &&
        theirs == p->backend)
        ret = refuse(p, err);
    else
        ret = postgres_same_session(p, err);
    if (visitor)
        postgres_close(&visitor->db);
    return ret;
}
