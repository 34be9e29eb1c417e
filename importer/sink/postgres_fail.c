/* What a server says when it refuses, and what libpq says when there is no server any more, as failures of ours. */
#include "sink/postgres_internal.h"

#include "base/stop.h"

bool postgres_blames_row(const char *sqlstate)
{
    /* Classes of the connection, the session, the statement, resources and the server itself. Everything else (22
     * values, 23 constraints, 44, 54 limits, P0 and users' own classes raised by triggers) can be a row's fault. */
    static const char *const others[] = {"",   "00", "01", "02", "03", "08", "0A", "0B", "0L", "0P", "25", "26",
                                         "28", "2B", "2D", "34", "3B", "3D", "3F", "40", "42", "53", "55", "57",
                                         "58", "72", "F0", "XX"};
    char class[3] = {0};

    strncpy(class, sqlstate, 2);
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        if (strcmp(class, others[i]) == 0)
            return false;
    }
    return true;
}

static enum code row_code(const char *sqlstate)
{
    static const struct {
        const char *state;
        enum code code;
    } codes[] = {
        {"23502", W0511}, {"23505", W0512}, {"23503", W0513}, {"23001", W0513}, {"23514", W0514}, {"23P01", W0514},
        {"44000", W0514}, {"54000", W0516},
    };

    for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
        if (strcmp(sqlstate, codes[i].state) == 0)
            return codes[i].code;
    }
    return strncmp(sqlstate, "22", 2) == 0 ? W0521 : W0515;
}

void postgres_blame_row(struct err *err)
{
    err->scope = ERR_RECORD;
    err->code = row_code(err->sqlstate);
    err->has_byte = false;      /* it was an offset in our own statement */
}

static enum code statement_code(const char *sqlstate, const char *message)
{
    if (strcmp(sqlstate, "57014") == 0 && stop_now())
        return W0612;
    if (strncmp(sqlstate, "08", 2) == 0 || strncmp(sqlstate, "57P", 3) == 0 || strcmp(sqlstate, "25P03") == 0)
        return W0501;
    if (strcmp(sqlstate, "25006") == 0)
        return W0504;
    if (strcmp(sqlstate, "26000") == 0 || strcmp(sqlstate, "42P05") == 0)
        return W0506;   /* what we prepare is gone, or was there before: a pooler gave us a session of somebody else's */
    if (strcmp(sqlstate, "53100") == 0)
        return W0524;
    if (strstr(message, "row-level security"))
        return W0518;
    return strcmp(sqlstate, "42501") == 0 ? W0517 : W0502;
}

/* One line, without what would move a terminal's cursor. */
void postgres_add_line(struct buf *out, const char *text)
{
    size_t len = strcspn(text, "\n");

    for (; *text; text += len + (text[len] == '\n'), len = strcspn(text, "\n")) {
        struct str line = str_trim(str_make(text, len));

        if (line.len && out->len && buf_add_text(out, "; ") < 0)
            return;
        if (buf_add_str(out, line) < 0)
            return;
    }
}

static size_t byte_of_character(const char *text, long n)
{
    size_t i = 0;

    while (text[i] && n > 1) {
        i++;
        while ((text[i] & 0xc0) == 0x80)
            i++;
        n--;
    }
    return i;
}

/* "COPY t, line 3, column a: ..." in the language of the server; triggers put lines of their own before it. */
static uint64_t copy_line_of(const char *context)
{
    while (context) {
        if (strncmp(context, "COPY ", 5) == 0) {
            const char *comma = strchr(context, ',');
            const char *digit = comma ? comma + strcspn(comma, "0123456789\n") : NULL;

            return digit && *digit != '\n' ? strtoull(digit, NULL, 10) : 0;
        }
        context = strchr(context, '\n');
        context = context ? context + 1 : NULL;
    }
    return 0;
}

int postgres_lost(struct postgres *p, enum code code, const char *why, struct err *err)
{
    CLEANUP(buf_release) struct buf text = BUF_INIT;

    if (!p->lost && err && err->scope)
        err_release(err);       /* a refusal before it matters no more: what was refused is gone with all the rest */
    p->lost = true;
    if (code == W0612)
        return stop_fail(err);
    postgres_add_line(&text, why && *why ? why : "connection lost");
    err_set(err, ERR_RUN, code, "%s: %s", p->name, buf_text(&text));
    /* What a server says against the protocol it will say again. */
    return db_set_state(err, code == W0502 ? "08P01" : "08006");
}

int postgres_lost_now(struct postgres *p, struct err *err)
{
    return postgres_lost(p, W0501, PQerrorMessage(p->conn), err);
}

void postgres_quote(struct err *err, const char *sqlstate, const char *message, const char *detail, const char *hint,
                    const char *constraint)
{
    CLEANUP(buf_release) struct buf text = BUF_INIT;
    CLEANUP(buf_release) struct buf help = BUF_INIT;

    postgres_add_line(&text, message);
    if (detail)
        postgres_add_line(&text, detail);
    err_set(err, ERR_RUN, statement_code(sqlstate, message), "%s", buf_text(&text));
    db_set_state(err, sqlstate);
    if (constraint)
        err_label(err, "constraint %s", constraint);
    if (hint && buf_add_text(&help, hint) == 0) {
        for (size_t i = 0; i < help.len; i++)
            help.at[i] = help.at[i] == '\n' ? ' ' : help.at[i];
        err_help(err, "%s", buf_text(&help));
    }
}

static void note_name(const char *name, char *ret, size_t size)
{
    size_t len = name ? strlen(name) : 0;

    if (len >= size)
        len = 0;
    if (len)
        memcpy(ret, name, len);
    ret[len] = '\0';
}

void postgres_name_refusal(const char *sqlstate, const char *constraint, const char *column, struct postgres_refusal *ret)
{
    note_name(sqlstate, ret->sqlstate, sizeof ret->sqlstate);
    note_name(constraint, ret->constraint, sizeof ret->constraint);
    note_name(column, ret->column, sizeof ret->column);
}

/* Fill err from a refusal of the server: 1, or -1 when the session ended with it. */
int postgres_refused(struct postgres *p, const PGresult *res, const char *sql, struct err *err)
{
    const char *state = PQresultErrorField(res, PG_DIAG_SQLSTATE);
    const char *message = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);
    const char *position = PQresultErrorField(res, PG_DIAG_STATEMENT_POSITION);
    const char *severity = PQresultErrorField(res, PG_DIAG_SEVERITY_NONLOCALIZED);

    if (!state || !message)
        return postgres_lost_now(p, err);
    p->copy_line = copy_line_of(PQresultErrorField(res, PG_DIAG_CONTEXT));
    postgres_name_refusal(state, PQresultErrorField(res, PG_DIAG_CONSTRAINT_NAME),
                          PQresultErrorField(res, PG_DIAG_COLUMN_NAME), &p->refusal);
    if (severity && (strcmp(severity, "FATAL") == 0 || strcmp(severity, "PANIC") == 0))
        p->lost = true;
    if (!err || err->scope)
        return p->lost ? -1 : 1;
    postgres_quote(err, state, message, PQresultErrorField(res, PG_DIAG_MESSAGE_DETAIL),
                   PQresultErrorField(res, PG_DIAG_MESSAGE_HINT), PQresultErrorField(res, PG_DIAG_CONSTRAINT_NAME));
    if (position && sql)
        err_at_byte(err, byte_of_character(sql, strtol(position, NULL, 10)));
    return p->lost ? -1 : 1;
}
