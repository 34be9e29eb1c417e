/* COPY from the client, sent while the caller goes on making rows, see sink/postgres.h. */
#include "sink/postgres_internal.h"

enum {
    UNSENT_BYTES_MAX = 4 << 20,     /* how far COPY may run ahead of the socket */
    SEND_BYTES = 256 << 10
};

int postgres_copy_start(struct postgres *p, const char *sql, struct err *err)
{
    if (postgres_settle(p, NULL, err) != 0)
        return -1;
    p->copy_line = 0;
    p->unsent = 0;
    if (!PQsendQuery(p->conn, sql))
        return postgres_lost_now(p, err);
    if (postgres_flush(p, err) < 0)
        return -1;
    for (;;) {
        CLEANUP(postgres_clear) PGresult *res = NULL;
        int outcome;

        if (postgres_next(p, &res, err) < 0)
            return -1;
        if (!res)
            return postgres_lost(p, W0502, "the server did not begin COPY", err);
        if (PQresultStatus(res) == PGRES_COPY_IN)
            return 0;
        if (PQresultStatus(res) == PGRES_COMMAND_OK)
            continue;
        outcome = postgres_refused(p, res, sql, err);
        return postgres_all(p, sql, NULL, err) < 0 ? -1 : outcome;
    }
}

/* Send what the socket takes now; wait only when the rest is much. */
static int send_some(struct postgres *p, struct err *err)
{
    int left = PQflush(p->conn);

    if (left < 0)
        return postgres_lost_now(p, err);
    if (left == 0)
        p->unsent = 0;
    return p->unsent > UNSENT_BYTES_MAX ? postgres_flush(p, err) : 0;
}

int postgres_copy_send(struct postgres *p, const char *bytes, size_t len, struct err *err)
{
    while (len) {
        size_t n = len < SEND_BYTES ? len : SEND_BYTES;
        int put = PQputCopyData(p->conn, bytes, (int)n);

        if (put < 0)
            return postgres_lost_now(p, err);
        if (put == 0) {
            if (postgres_flush(p, err) < 0)
                return -1;
            continue;
        }
        bytes += n;
        len -= n;
        p->unsent += n;
        if (send_some(p, err) < 0)
            return -1;
    }
    return 0;
}

/* Of all statements that were sent with the COPY: 0 with *rows when one said how many it copied, 1, -1. */
static int read_counts(struct postgres *p, uint64_t *rows, bool *counted, struct err *err)
{
    int outcome = 0;

    for (;;) {
        CLEANUP(postgres_clear) PGresult *res = NULL;

        if (postgres_next(p, &res, err) < 0)
            return -1;
        if (!res)
            return p->lost ? -1 : outcome;
        if (PQresultStatus(res) != PGRES_COMMAND_OK) {
            outcome = outcome ? outcome : postgres_refused(p, res, NULL, err);
        } else if (strncmp(PQcmdStatus(res), "COPY ", 5) == 0) {
            *rows = strtoull(PQcmdTuples(res), NULL, 10);
            *counted = true;
        }
    }
}

static int copy_finish(struct postgres *p, const char *reason, uint64_t *rows, bool *counted, struct err *err)
{
    int put;

    while ((put = PQputCopyEnd(p->conn, reason)) == 0) {
        if (postgres_flush(p, err) < 0)
            return -1;
    }
    if (put < 0)
        return postgres_lost_now(p, err);
    return postgres_flush(p, err) < 0 ? -1 : read_counts(p, rows, counted, err);
}

int postgres_copy_end(struct postgres *p, uint64_t *rows, struct err *err)
{
    bool counted = false;
    int outcome = copy_finish(p, NULL, rows, &counted, err);

    if (outcome == 0 && !counted)
        return postgres_lost(p, W0502, "the server did not end COPY", err);
    return outcome;
}

int postgres_copy_cancel(struct postgres *p, const char *reason, struct err *err)
{
    CLEANUP(err_release) struct err expected = {0};
    uint64_t rows;
    bool counted;

    if (p->lost)
        return postgres_usable(p, err);
    if (copy_finish(p, reason, &rows, &counted, &expected) >= 0)
        return 0;
    if (err && !err->scope)
        err_move(err, &expected);
    return -1;
}

uint64_t postgres_copy_line(const struct postgres *p)
{
    return p->copy_line;
}

const struct postgres_refusal *postgres_refusal(const struct postgres *p)
{
    return &p->refusal;
}
