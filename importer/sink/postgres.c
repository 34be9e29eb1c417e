/* Statements and transactions over libpq. libpq alone waits for ever on a server that accepts and never answers; here
 * every wait ends. */
#include "sink/postgres_internal.h"

#include "base/fault.h"
#include "base/stop.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <time.h>

/* What is said after the second signal (ROLLBACK, the last word in the ledger) has so long; then it is cancelled too. */
enum { LOOK_MS = 100, LAST_WORD_MS = 500 };

struct postgres *postgres_of(struct db *db)
{
    if (db->ops != &db_ops_postgres)
        BUG("not a connection to PostgreSQL");
    return (struct postgres *)db;
}

struct db *postgres_db(struct postgres *p)
{
    return &p->db;
}

/* ---- waiting ---- */

uint64_t postgres_now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

int postgres_look(int fd, short events, uint64_t deadline_ms)
{
    struct pollfd one = {.fd = fd, .events = events};
    uint64_t now = postgres_now_ms(), left = now < deadline_ms ? deadline_ms - now : 0;

    return poll(&one, 1, (int)(left < LOOK_MS ? left : LOOK_MS)) > 0 ? one.revents : 0;
}

static void *send_cancel(void *cancel)
{
    char ignored[256];

    PQcancel(cancel, ignored, sizeof ignored);
    PQfreeCancel(cancel);
    return NULL;
}

/* libpq sends it over a connection of its own and waits for that to be closed, without a deadline: a silent server would
 * hold whoever asks. */
static void cancel_aside(struct postgres *p)
{
    PGcancel *cancel = PQgetCancel(p->conn);
    pthread_t thread;

    if (!cancel)
        return;
    if (pthread_create(&thread, NULL, send_cancel, cancel) == 0)
        pthread_detach(thread);
    else
        PQfreeCancel(cancel);
}

/* With the second signal the server is asked to stop, and has a short time to say that it did. The deadline moves on while
 * the server is seen to be at work: a statement of after: may take hours. */
static int wait_for(struct postgres *p, short events, uint64_t *deadline_ms, struct err *err)
{
    bool works, idle = false;

    for (;;) {
        uint64_t stop_ms = stop_deadline_ms(), now = postgres_now_ms();
        int got;

        if (stop_now() && now >= p->cancel_ms) {
            p->cancel_ms = UINT64_MAX;
            cancel_aside(p);
        }
        got = postgres_look(PQsocket(p->conn), events, *deadline_ms < stop_ms ? *deadline_ms : stop_ms);
        if ((got & ~POLLOUT) && !PQconsumeInput(p->conn))
            return postgres_lost_now(p, err);
        if (got)
            return 0;
        if (now >= stop_ms)
            return postgres_lost(p, W0612, "interrupted", err);
        if (now < *deadline_ms)
            continue;
        works = postgres_works(p);
        if (!works && (idle || !p->target))
            return postgres_lost(p, W0507, "no answer in time", err);
        idle = !works;      /* on a busy machine it may not have begun: only who is idle twice is */
        *deadline_ms = postgres_now_ms() + (idle ? p->wait_ms / 2 : p->wait_ms);
    }
}

/* Send all that libpq holds; each step forward starts the deadline anew. */
int postgres_flush(struct postgres *p, struct err *err)
{
    for (;;) {
        uint64_t deadline_ms = postgres_now_ms() + p->wait_ms;
        int left = PQflush(p->conn);

        if (left < 0)
            return postgres_lost_now(p, err);
        if (left == 0)
            break;
        if (wait_for(p, POLLIN | POLLOUT, &deadline_ms, err) < 0)
            return -1;
    }
    p->unsent = 0;
    return 0;
}

/* The next result of what was sent; *ret NULL after the last. */
int postgres_next(struct postgres *p, PGresult **ret, struct err *err)
{
    uint64_t deadline_ms = postgres_now_ms() + p->wait_ms;

    while (PQisBusy(p->conn)) {
        if (wait_for(p, POLLIN, &deadline_ms, err) < 0)
            return -1;
    }
    *ret = PQgetResult(p->conn);
    return 0;
}

static bool ends_copy(const PGresult *res)
{
    ExecStatusType status = PQresultStatus(res);

    return status == PGRES_COPY_IN || status == PGRES_COPY_OUT || status == PGRES_COPY_BOTH;
}

/* All results: 0 and the last in *ret (NULL allowed), 1 when one was a refusal, -1. */
int postgres_all(struct postgres *p, const char *sql, PGresult **ret, struct err *err)
{
    int outcome = 0;

    if (postgres_flush(p, err) < 0)
        return -1;
    for (;;) {
        CLEANUP(postgres_clear) PGresult *res = NULL;

        if (postgres_next(p, &res, err) < 0)
            return -1;
        if (!res)
            return p->lost ? -1 : outcome;
        if (ends_copy(res)) {
            if (PQresultStatus(res) != PGRES_COPY_IN)
                return postgres_lost(p, W0502, "COPY to the client is not for a statement", err);
            if (PQputCopyEnd(p->conn, "COPY from the client is not for a statement") < 0 || postgres_flush(p, err) < 0)
                return postgres_lost_now(p, err);
        } else if (PQresultStatus(res) == PGRES_FATAL_ERROR || PQresultStatus(res) == PGRES_BAD_RESPONSE) {
            outcome = outcome ? outcome : postgres_refused(p, res, sql, err);
        } else if (ret) {
            PQclear(*ret);
            *ret = res;
            res = NULL;
        }
    }
}

int postgres_usable(struct postgres *p, struct err *err)
{
    p->cancel_ms = stop_now() ? postgres_now_ms() + LAST_WORD_MS : 0;
    return p->lost ? postgres_lost(p, W0501, "connection lost", err) : 0;
}

/* ---- transactions ---- */

bool postgres_in_transaction(const struct postgres *p)
{
    return !p->lost && (p->n_posted || PQtransactionStatus(p->conn) != PQTRANS_IDLE);
}

static int postgres_tangle_begin(struct db *db, struct err *err)
{
    return postgres_exec(db, "BEGIN", err) < 0 ? -1 : postgres_same_session(postgres_of(db), err);
}

static int postgres_rollback(struct db *db)
{
    struct postgres *p = postgres_of(db);

    if (p->lost || postgres_settle(p, NULL, NULL) < 0)
        return -1;
    if (PQtransactionStatus(p->conn) == PQTRANS_IDLE)
        return 0;
    if (PQtransactionStatus(p->conn) == PQTRANS_ACTIVE && postgres_copy_cancel(p, "rolled back", NULL) < 0)
        return -1;
    return postgres_exec(db, "ROLLBACK", NULL);
}

/* A lost connection is unknown only once COMMIT may have left; what follows the tag cannot change it. */
static enum db_outcome postgres_commit(struct db *db, struct err *err)
{
    struct postgres *p = postgres_of(db);
    CLEANUP(postgres_clear) PGresult *res = NULL;
    enum db_outcome outcome = DB_UNKNOWN;

    if (postgres_settle(p, NULL, err) != 0)
        return DB_NOT_COMMITTED;
    FAULT("before_commit");
    if (!PQsendQuery(p->conn, "COMMIT")) {
        postgres_lost_now(p, err);
        return DB_UNKNOWN;
    }
    if (postgres_flush(p, err) < 0)
        return DB_UNKNOWN;
    FAULT("after_commit_sent");
    if (postgres_next(p, &res, err) < 0)
        return DB_UNKNOWN;
    if (FAULT_FAILS("answer_lost")) {
        postgres_lost_now(p, err);
        return DB_UNKNOWN;
    }
    if (PQresultStatus(res) == PGRES_COMMAND_OK && strcmp(PQcmdStatus(res), "COMMIT") == 0) {
        outcome = DB_COMMITTED;
    } else if (PQresultStatus(res) == PGRES_COMMAND_OK) {
        err_set(err, ERR_RUN, W0509, "the server rolled the transaction back, for a statement in it had failed");
        outcome = DB_NOT_COMMITTED;
    } else {
        outcome = res && postgres_refused(p, res, NULL, err) == 1 ? DB_NOT_COMMITTED : DB_UNKNOWN;
        if (!res)
            postgres_lost_now(p, err);
    }
    if (!p->lost && postgres_all(p, NULL, NULL, NULL) < 0)
        p->lost = true;
    FAULT("after_commit");
    return outcome;
}

static const char *postgres_name(const struct db *db)
{
    return ((const struct postgres *)db)->name;
}

static bool postgres_alive(const struct db *db)
{
    const struct postgres *p = (const struct postgres *)db;

    return !p->lost && PQstatus(p->conn) == CONNECTION_OK;
}

const struct db_ops db_ops_postgres = {
    .engine = DB_POSTGRESQL,
    .open = postgres_open,
    .close = postgres_close,
    .name = postgres_name,
    .identity = postgres_server_identity,
    .timeline = postgres_timeline,
    .exec = postgres_exec,
    .query = postgres_query,
    .stream = postgres_stream,
    .scan = postgres_scan,
    .post = postgres_post,
    .begin = postgres_tangle_begin,
    .rollback = postgres_rollback,
    .commit = postgres_commit,
    .alive = postgres_alive,
    .cancel = postgres_cancel,
};
