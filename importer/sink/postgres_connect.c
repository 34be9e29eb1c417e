/* From a connection string to a session whose settings are known. libpq prints parts of a malformed string, password
 * and all; so what is printed of it here are words of our own. */
#include "sink/postgres_internal.h"

#include "base/stop.h"

#include <poll.h>

enum {
    WAIT_MS = 120 * 1000,
    LOCK_WAIT_MS = 60 * 1000,
    CONNECT_WAIT_MS = 10 * 1000
};

static void finish_options(PQconninfoOption **options) { PQconninfoFree(*options); }

static const char *option_of(const PQconninfoOption *options, const char *keyword)
{
    for (; options && options->keyword; options++) {
        if (strcmp(options->keyword, keyword) == 0)
            return options->val && *options->val ? options->val : NULL;
    }
    return NULL;
}

static int not_understood(const char *what, struct err *err)
{
    err_set(err, ERR_RUN, W0503, "%s", what);
    return err_help(err, "write sqlite:PATH, or postgresql://user@host:port/database with special characters percent-encoded");
}

/* A password with a character that a URI cannot hold plainly ends up in host or port; libpq would print it. */
static int check_target(const char *target, struct err *err)
{
    char *ignored = NULL;
    CLEANUP(finish_options) PQconninfoOption *options = PQconninfoParse(target, &ignored);
    const char *host = option_of(options, "host"), *port = option_of(options, "port");

    PQfreemem(ignored);
    if (!options)
        return not_understood("the target is neither sqlite:PATH nor a connection string", err);
    if (host && host[0] != '/' && host[strcspn(host, "@ /?#")])
        return not_understood("host of the connection string has a character that no host name has", err);
    if (port && port[strspn(port, "0123456789,")])
        return not_understood("port of the connection string is no number", err);
    return 0;
}

static void ignore_notice(void *context, const PGresult *res)
{
    (void)context;
    (void)res;
}

static PGconn *connect_start(const char *target, const struct db_options *options)
{
    bool timed = getenv("PGCONNECT_TIMEOUT") != NULL;
    const char *keywords[] = {"keepalives_idle", "keepalives_interval", "keepalives_count", "tcp_user_timeout",
                              "fallback_application_name", timed ? "fallback_application_name" : "connect_timeout",
                              "dbname", "client_encoding", NULL};
    const char *name = options->application ? options->application : "windrow";
    const char *values[] = {"30", "10", "3", "30000", name, timed ? name : "10", target, "UTF8", NULL};
    PGconn *conn = PQconnectStartParams(keywords, values, 1);

    if (conn) {
        PQsetErrorVerbosity(conn, PQERRORS_VERBOSE);    /* it alone tells the SQLSTATE of a refused connection */
        PQsetNoticeReceiver(conn, ignore_notice, NULL);
    }
    return conn;
}

static uint64_t connect_wait_ms(const PQconninfoOption *options)
{
    const char *timeout = option_of(options, "connect_timeout"), *host = option_of(options, "host");
    uint64_t seconds = CONNECT_WAIT_MS / 1000, hosts = 1;

    if (timeout && str_parse_uint64(str_of(timeout), &seconds) && (seconds == 0 || seconds > 3600))
        seconds = 3600;
    for (; host && *host; host++)
        hosts += *host == ',';
    return (seconds < 2 ? 2 : seconds) * 1000 * hosts;
}

/* A first signal is enough here: nothing is in hand that would have to be finished. */
static enum code connect_finish(PGconn *conn, uint64_t deadline_ms)
{
    PostgresPollingStatusType state = PQstatus(conn) == CONNECTION_BAD ? PGRES_POLLING_FAILED : PGRES_POLLING_WRITING;

    while (state == PGRES_POLLING_READING || state == PGRES_POLLING_WRITING) {
        if (stop_requested())
            return W0612;
        if (postgres_look(PQsocket(conn), state == PGRES_POLLING_READING ? POLLIN : POLLOUT, deadline_ms))
            state = PQconnectPoll(conn);
        else if (postgres_now_ms() >= deadline_ms)
            return W0507;
    }
    return state == PGRES_POLLING_OK ? CODE_NONE : W0501;
}

/* "FATAL:  57P03: the database system is starting up": the state, and the text without it. */
static void take_state(char *message, struct err *err)
{
    char *at = strstr(message, ":  ");
    struct str state;

    for (; at; at = strstr(at + 1, ":  ")) {
        state = str_make(at + 3, strcspn(at + 3, ":"));
        if (state.len == 5 && strspn(state.at, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") >= 5) {
            char text[6] = {0};

            memcpy(text, state.at, 5);
            db_set_state(err, text);
            memmove(at + 2, at + 9, strlen(at + 9) + 1);
            break;
        }
    }
}

static int unreachable(const PGconn *conn, const char *name, enum code why, struct err *err)
{
    CLEANUP(buf_release) struct buf text = BUF_INIT;
    char *message = conn ? PQerrorMessage(conn) : NULL, *location, *password = conn ? PQpass(conn) : NULL;
    struct err state = {0};

    if (!conn)
        return err_oom(err);
    if (why == W0612)
        return stop_fail(err);
    if (why == W0501 && strncmp(message, "connection to server", 20) != 0 &&
        strncmp(message, "definition of service", 21) != 0)
        return not_understood("a parameter of the connection string has a value that libpq does not take", err);
    take_state(message, &state);
    location = strstr(message, "\nLOCATION:");      /* of the server's source */
    if (location)
        *location = '\0';
    postgres_add_line(&text, why == W0507 ? "no answer in time" : message);
    if (password && *password && strstr(buf_text(&text), password)) {
        buf_clear(&text);
        postgres_add_line(&text, "connection failed");
    }
    err_set(err, ERR_RUN, why, "%s: %s", name, buf_text(&text));
    /* A server that is not there may come; one that says no with a state of its own will say it again. */
    return db_set_state(err, state.sqlstate[0] ? state.sqlstate : "08001");
}

static char *make_name(const PQconninfoOption *options)
{
    CLEANUP(buf_release) struct buf name = BUF_INIT;
    const char *user = option_of(options, "user"), *host = option_of(options, "host");
    const char *port = option_of(options, "port"), *database = option_of(options, "dbname");

    if (!host)
        host = option_of(options, "hostaddr");
    if (buf_printf(&name, "postgresql://%s%s%s:%s/%s", user ? user : "", user ? "@" : "", host ? host : "local",
                   port ? port : "5432", database ? database : user ? user : "") < 0)
        return NULL;
    return buf_take(&name).at;
}

/* ---- the session ---- */

/* Names that could be shadowed are qualified: the search path is the server's until this has run. What it held is
 * kept, written out, without pg_catalog, which then comes first by itself. */
static const char session_sql[] =
    "SELECT pg_catalog.set_config('search_path', coalesce((SELECT pg_catalog.string_agg(pg_catalog.quote_ident(s.name),"
    " ', ' ORDER BY s.n) FROM unnest(pg_catalog.current_schemas(false)) WITH ORDINALITY AS s(name, n)"
    " WHERE s.name OPERATOR(pg_catalog.<>) 'pg_catalog'), ''), false);"
    "SELECT set_config('DateStyle', 'ISO, YMD', false), set_config('TimeZone', 'UTC', false),"
    " set_config('array_nulls', 'on', false), set_config('quote_all_identifiers', 'off', false),"
    " set_config('IntervalStyle', 'postgres', false), set_config('extra_float_digits', '1', false),"
    " set_config('bytea_output', 'hex', false), set_config('standard_conforming_strings', 'on', false),"
    " set_config('row_security', 'off', false), set_config('statement_timeout', '0', false),"
    " set_config('idle_in_transaction_session_timeout', '0', false), set_config('lock_timeout', '%u', false),"
    " set_config('default_transaction_isolation', 'read committed', false),"
    " set_config('default_transaction_deferrable', 'off', false),"
    " set_config('synchronous_commit', CASE current_setting('synchronous_commit') WHEN 'remote_apply' THEN"
    " 'remote_apply' ELSE 'on' END, false), set_config('default_transaction_read_only', CASE WHEN %s THEN 'on' ELSE"
    " current_setting('default_transaction_read_only') END, false);"
    "SELECT set_config(name, CASE name WHEN 'client_connection_check_interval' THEN '10s' ELSE '0' END, false)"
    " FROM pg_settings WHERE name IN ('client_connection_check_interval', 'idle_session_timeout',"
    " 'transaction_timeout');"
    "SELECT pg_is_in_recovery() OR current_setting('default_transaction_read_only') = 'on',"
    " current_setting('session_replication_role'), current_setting('standard_conforming_strings') = 'on'"
    " AND current_setting('row_security') = 'off' AND current_setting('statement_timeout') = '0'"
    " AND current_setting('TimeZone') = 'UTC' AND current_setting('synchronous_commit') IN ('on', 'remote_apply'),"
    " pg_backend_pid()";

static int check_encoding(struct postgres *p, struct err *err)
{
    const char *server = PQparameterStatus(p->conn, "server_encoding");
    const char *client = PQparameterStatus(p->conn, "client_encoding");
    const char *integers = PQparameterStatus(p->conn, "integer_datetimes");

    if (server && strcmp(server, "SQL_ASCII") == 0)
        return err_set(err, ERR_RUN, W0505, "%s: the database is in SQL_ASCII, which checks no text", p->name);
    if (!client || strcmp(client, "UTF8") != 0)
        return err_set(err, ERR_RUN, W0506, "%s: the session is not in UTF8", p->name);
    if (integers && strcmp(integers, "on") != 0)
        return err_set(err, ERR_RUN, W0506, "%s: the server does not store times as integers", p->name);
    return 0;
}

static int check_session(struct postgres *p, const struct db_options *options, const struct db_result *r,
                         struct err *err)
{
    if (str_is(db_cell(r, 0, 0), "t") && !options->read_only) {
        err_set(err, ERR_RUN, W0504, "%s: the server accepts no writes", p->name);
        return db_set_state(err, "25006");
    }
    if (!str_is(db_cell(r, 0, 1), "origin") &&
        postgres_run(p, "SET session_replication_role = origin", NULL, NULL) != 0)
        return err_set(err, ERR_RUN, W0506, "%s: session_replication_role is %.*s: foreign keys and triggers would "
                       "not be checked", p->name, STR_ARG(db_cell(r, 0, 1)));
    if (!str_is(db_cell(r, 0, 2), "t"))
        return err_set(err, ERR_RUN, W0506, "%s: a setting of the session did not stay", p->name);
    p->backend = db_cell_int(r, 0, 3);
    return 0;
}

/* A server that lets us in and then says nothing is as good as none: the first answer has to come as soon as the
 * connection. */
static int pin_session(struct postgres *p, const struct db_options *options, uint64_t connect_ms, struct err *err)
{
    CLEANUP(buf_release) struct buf sql = BUF_INIT;
    CLEANUP(db_result_release) struct db_result r = {0};
    uint32_t wait_ms = p->wait_ms, lock_ms = wait_ms / 2 < LOCK_WAIT_MS ? wait_ms / 2 : LOCK_WAIT_MS;

    if (check_encoding(p, err) < 0)
        return -1;
    if (buf_printf(&sql, session_sql, lock_ms ? lock_ms : 1, options->read_only ? "true" : "false") < 0)
        return err_oom(err);
    if (connect_ms < wait_ms)
        p->wait_ms = (uint32_t)connect_ms;
    if (postgres_run(p, buf_text(&sql), &r, err) != 0)
        return -1;
    p->wait_ms = wait_ms;
    return check_session(p, options, &r, err);
}

void postgres_close(struct db *db)
{
    struct postgres *p = postgres_of(db);

    while (p->n_statements)
        buf_release(&p->statements[--p->n_statements].text);
    PQfreeCancel(p->cancel);
    PQfinish(p->conn);
    free(p->name);
    free(p->target);
    free(p);
}

/* *ret_ms: how long it may take. */
static int connect_to(struct postgres *p, const char *target, const struct db_options *options, uint64_t *ret_ms,
                      struct err *err)
{
    CLEANUP(finish_options) PQconninfoOption *effective = NULL;
    enum code failure;

    p->conn = connect_start(target, options);
    effective = p->conn ? PQconninfo(p->conn) : NULL;
    p->name = make_name(effective);
    if (!p->name)
        return err_oom(err);
    *ret_ms = connect_wait_ms(effective);
    failure = connect_finish(p->conn, postgres_now_ms() + *ret_ms);
    if (failure)
        return unreachable(p->conn, p->name, failure, err);
    PQsetErrorVerbosity(p->conn, PQERRORS_DEFAULT);
    p->cancel = PQgetCancel(p->conn);
    return p->cancel && PQsetnonblocking(p->conn, 1) == 0 ? 0 : err_oom(err);
}

static struct postgres *connected(const char *target, const struct db_options *options, uint64_t *ret_ms, struct err *err)
{
    struct postgres *p;

    if (check_target(target, err) < 0)
        return NULL;
    p = calloc(1, sizeof *p);
    if (!p) {
        err_oom(err);
        return NULL;
    }
    p->db.ops = &db_ops_postgres;
    p->wait_ms = options->wait_ms ? options->wait_ms : WAIT_MS;
    if (connect_to(p, target, options, ret_ms, err) == 0)
        return p;
    postgres_close(&p->db);
    return NULL;
}

struct postgres *postgres_connect(const char *target, const struct db_options *options, struct err *err)
{
    uint64_t ignored_ms;

    return connected(target, options, &ignored_ms, err);
}

struct db *postgres_open(const char *target, const struct db_options *options, struct err *err)
{
    uint64_t connect_ms = 0;
    struct postgres *p = connected(target, options, &connect_ms, err);

    if (!p)
        return NULL;
    if (pin_session(p, options, connect_ms, err) < 0 || postgres_pooler_check(p, target, err) < 0)
        goto fail;
    p->target = strdup(target);
    if (p->target)
        return &p->db;
    err_oom(err);
fail:
    postgres_close(&p->db);
    return NULL;
}

/* A backend that waits for its client while the client waits for it: what one of them said was lost. */
bool postgres_works(const struct postgres *p)
{
    static const char sql[] = "SELECT 1 FROM pg_catalog.pg_stat_activity WHERE pid = $1 AND state = 'active'"
                              " AND wait_event_type IS DISTINCT FROM 'Client'";
    const struct db_options options = {.wait_ms = CONNECT_WAIT_MS, .read_only = true, .application = "windrow probe"};
    CLEANUP(db_result_release) struct db_result r = {0};
    struct db_value backend = db_int(p->backend);
    struct db *db = p->target ? postgres_open(p->target, &options, NULL) : NULL;
    bool works;

    if (!db)
        return false;
    free(postgres_of(db)->target);
    postgres_of(db)->target = NULL;     /* nobody asks after the one that asks */
    works = db_query(db, sql, &backend, 1, &r, NULL) == 0 && r.n_rows > 0;
    db_close(db);
    return works;
}
