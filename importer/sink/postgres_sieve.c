/* Suspects are found by questions and tried one by one, the other rows are copied, see sink/postgres_sieve.h. */
#include "sink/postgres_sieve.h"

#include "base/cleanup.h"
#include "sink/db_internal.h"
#include "sink/narrow.h"

#include <endian.h>
#include <stdlib.h>

enum { RULES_MAX = 8, ROUNDS_MAX = 12, SCRATCH_BYTES = 256 << 10 };

/* Outcomes of a step besides 0 (done) and -1 (the transaction is lost). */
enum { SEARCH = 1, AGAIN = 2 };

struct sifting {
    struct sink_table *t;
    const struct sink_rows *rows;
    uint32_t *suspects;         /* ascending */
    size_t n, capacity;
    struct err **reasons;       /* by suspect: why it was refused */
    size_t reasons_n;
    bool forgetful;             /* there was no memory for a reason */
    bool asked;
    size_t asked_n, asked_rules;    /* the suspects of the round before, and the rules that found them */
};

static void forget_reasons(struct sifting *s)
{
    for (size_t i = 0; i < s->reasons_n; i++) {
        if (s->reasons[i])
            err_release(s->reasons[i]);
        free(s->reasons[i]);
    }
    free(s->reasons);
    s->reasons = NULL;
    s->reasons_n = 0;
}

static void sifting_release(struct sifting *s)
{
    forget_reasons(s);
    free(s->suspects);
}

/* ---- statements ---- */

/* A refusal that only says that this way is barred (privileges, a name, a value): SEARCH; any other is the caller's. */
static int barred(int outcome, struct err *why, struct err *err)
{
    bool passes = postgres_blames_row(why->sqlstate) || strncmp(why->sqlstate, "42", 2) == 0 ||
                  strncmp(why->sqlstate, "0A", 2) == 0;

    if (outcome == 0 || (outcome == 1 && passes)) {
        err_release(why);
        return outcome == 0 ? 0 : SEARCH;
    }
    if (err && !err->scope)
        err_move(err, why);
    return -1;
}

static int run(struct sink_table *t, const char *sql, struct db_result *ret, struct err *err)
{
    CLEANUP(err_release) struct err why = {0};

    return barred(postgres_run(t->sink->p, sql, ret, &why), &why, err);
}

static int take_back(struct sink_table *t, struct err *err)
{
    return postgres_run(t->sink->p, "ROLLBACK TO SAVEPOINT windrow_sieve; RELEASE SAVEPOINT windrow_sieve", NULL, err) == 0
               ? 0 : -1;
}

/* Behind a step under the savepoint: keep what it did, or not. */
static int settle(struct sink_table *t, int outcome, struct err *err)
{
    if (outcome > 0)
        return take_back(t, err) < 0 ? -1 : outcome;
    if (outcome == 0 && postgres_run(t->sink->p, "RELEASE SAVEPOINT windrow_sieve", NULL, err) != 0)
        return -1;
    return outcome;
}

static int mark(struct sink_table *t, struct err *err)
{
    return postgres_run(t->sink->p, "SAVEPOINT windrow_sieve", NULL, err) == 0 ? 0 : -1;
}

/* ---- rules ---- */

static bool is_known(const struct sink_table *t, const struct postgres_refusal *refusal)
{
    const char *name = refusal->constraint[0] ? refusal->constraint : refusal->column;

    for (size_t i = 0; i < t->sieve.n_rules; i++) {
        if (strcmp(t->sieve.rules[i].name, name) == 0)
            return true;
    }
    return false;
}

static int read_rule(struct sink_table *t, const struct postgres_refusal *refusal, struct err *err)
{
    CLEANUP(buf_release) struct buf sql = BUF_INIT;
    CLEANUP(db_result_release) struct db_result answer = {0};
    int outcome;

    if (!t->sieve.rules)
        t->sieve.rules = arena_calloc(&t->sieve.arena, RULES_MAX, sizeof *t->sieve.rules);
    if (!t->sieve.rules || postgres_sieve_ask_rule(t, refusal, &sql) < 0)
        return err_oom(err);
    outcome = run(t, buf_text(&sql), &answer, err);
    if (outcome != 0 || answer.n_rows != 1)
        return outcome < 0 ? -1 : SEARCH;
    if (postgres_sieve_read_rule(t, refusal, &answer, &t->sieve.rules[t->sieve.n_rules]) < 0)
        return err_oom(err);
    t->sieve.n_rules++;
    return 0;
}

/* A rule for what has just been refused, unless there is one. */
static int learn(struct sink_table *t, const struct postgres_refusal *refusal, struct err *err)
{
    if (is_known(t, refusal))
        return 0;
    if (t->sieve.n_rules == RULES_MAX)
        return SEARCH;
    if (mark(t, err) < 0)
        return -1;
    return settle(t, read_rule(t, refusal, err), err);
}

static void forget_rules(struct sink_table *t)
{
    t->sieve.rules = NULL;
    t->sieve.n_rules = 0;
    arena_reset(&t->sieve.arena);
}

/* ---- the stage ---- */

static int make_function(struct sink_table *t, struct err *err)
{
    CLEANUP(buf_release) struct buf sql = BUF_INIT;

    if (postgres_sieve_function(t, &sql) < 0)
        return err_oom(err);
    return run(t, buf_text(&sql), NULL, err);
}

static int make_both(struct sink_table *t, struct err *err)
{
    CLEANUP(err_release) struct err why = {0};
    int outcome = t->stage.made ? 0 : barred(postgres_stage_ready(t, &t->stage, &why), &why, err);

    return outcome ? outcome : make_function(t, err);
}

/* Stage and function are there, and outlive the round. */
static int make_ready(struct sink_table *t, struct err *err)
{
    bool had_stage = t->stage.made;
    int outcome;

    if (t->stage.made && t->sieve.made)
        return 0;
    if (mark(t, err) < 0)
        return -1;
    outcome = settle(t, make_both(t, err), err);
    if (outcome != 0) {
        t->stage.made = had_stage;
        t->sieve.off = true;
        forget_rules(t);
        return outcome;
    }
    t->sieve.made = true;
    t->sieve.made_in = t->sink->transaction;
    return 0;
}

static size_t size_at(const char *at)
{
    uint32_t size;

    memcpy(&size, at, sizeof size);
    size = be32toh(size);
    return size == UINT32_MAX ? 0 : size;
}

static int add_binary(struct buf *out, const struct row_form *form, size_t seq, struct str row, const bool *wanted)
{
    uint16_t columns = 1;
    uint32_t head[2] = {htobe32(4), htobe32((uint32_t)seq)};
    const char *at = row.at + sizeof columns;

    for (size_t i = 0; i < form->n; i++)
        columns = (uint16_t)(columns + (!wanted || wanted[i]));
    columns = htobe16(columns);
    if (buf_reserve(out, row.len + sizeof head) < 0)
        return -1;
    buf_add(out, &columns, sizeof columns);
    buf_add(out, head, sizeof head);
    if (!wanted)
        return buf_add(out, at, row.len - sizeof columns);
    for (size_t i = 0; i < form->n; i++) {
        size_t len = sizeof head[0] + size_at(at);

        if (wanted[i])
            buf_add(out, at, len);
        at += len;
    }
    return 0;
}

static int add_text(struct buf *out, const struct row_form *form, size_t seq, struct str row, const bool *wanted)
{
    const char *at = row.at, *end = row.at + row.len - 1;

    if (buf_printf(out, "%zu", seq) < 0 || buf_reserve(out, row.len + 1) < 0)
        return -1;
    for (size_t i = 0; i < form->n; i++) {
        const char *tab = memchr(at, '\t', (size_t)(end - at));

        tab = tab ? tab : end;
        if (!wanted || wanted[i]) {
            buf_add_char(out, '\t');
            buf_add(out, at, (size_t)(tab - at));
        }
        at = tab + 1;
    }
    return buf_add_char(out, '\n');
}

/* Rows first..first+n-1, or those of a list, with their numbers; all their columns, or some. */
static int send_rows(struct sink_table *t, const struct sink_rows *rows, const uint32_t *list, size_t first, size_t n,
                     const bool *wanted, struct err *err)
{
    for (size_t i = first; i < first + n;) {
        buf_clear(&t->scratch);
        for (; i < first + n && t->scratch.len < SCRATCH_BYTES; i++) {
            size_t row = list ? list[i] : i;

            if ((t->row.binary ? add_binary : add_text)(&t->scratch, &t->row, row, sink_rows_row(rows, row), wanted) < 0)
                return err_oom(err);
        }
        if (postgres_copy_send(t->sink->p, t->scratch.at, t->scratch.len, err) < 0)
            return -1;
    }
    return 0;
}

/* 0 taken, 1 refused and taken back, -1. */
static int end_copy(struct sink_table *t, size_t sent, struct err *err)
{
    uint64_t counted = 0;
    int outcome;

    if (postgres_send_tail(t, &t->row, err) < 0)
        return -1;
    outcome = postgres_copy_end(t->sink->p, &counted, err);
    if (outcome != 0)
        return outcome < 0 ? -1 : postgres_after_refusal(t, err);
    if (counted != sent)
        return err_set(err, ERR_RUN, W0508, "%s: %zu rows were staged, the database took %llu", t->label, sent,
                       (unsigned long long)counted);
    return 0;
}

static int start_keys(struct sink_table *t, struct err *err)
{
    CLEANUP(buf_release) struct buf sql = BUF_INIT;
    CLEANUP(err_release) struct err why = {0};
    int outcome = barred(postgres_stage_ready(t, &t->stage, &why), &why, err);

    if (outcome != 0)
        return outcome;
    if (postgres_sieve_copy(t, &sql) < 0)
        return err_oom(err);
    if (postgres_copy_start(t->sink->p, buf_text(&sql), err) != 0)
        return -1;
    return postgres_send_head(t, &t->row, err);
}

/* What the rules need of the rows, all at once. */
static int stage_keys(struct sink_table *t, const struct sink_rows *rows, struct err *err)
{
    CLEANUP(err_release) struct err why = {0};
    int outcome = start_keys(t, err);

    if (outcome != 0)
        return outcome;
    if (send_rows(t, rows, NULL, 0, rows->n, t->sieve.wanted, err) < 0)
        return -1;
    return barred(end_copy(t, rows->n, &why), &why, err);
}

/* ---- one round ---- */

static int read_suspects(struct sifting *s, const struct db_result *r, struct err *err)
{
    if (r->n_rows > s->capacity) {
        uint32_t *more = realloc(s->suspects, r->n_rows * sizeof *more);

        if (!more)
            return err_oom(err);
        s->suspects = more;
        s->capacity = r->n_rows;
    }
    for (size_t i = 0; i < r->n_rows; i++)
        s->suspects[i] = (uint32_t)db_cell_int(r, i, 0);
    s->n = r->n_rows;
    forget_reasons(s);
    s->reasons = calloc(s->n + 1, sizeof *s->reasons);
    if (!s->reasons)
        return err_oom(err);
    s->reasons_n = s->n;
    return 0;
}

/* The same question again is pointless, unless others have committed rows since. */
static int ask(struct sifting *s, struct err *err)
{
    CLEANUP(buf_release) struct buf sql = BUF_INIT;
    CLEANUP(db_result_release) struct db_result r = {0};
    int outcome;

    if (postgres_sieve_suspects(s->t, s->rows->n, &sql) < 0)
        return err_oom(err);
    outcome = run(s->t, buf_text(&sql), &r, err);
    if (outcome != 0)
        return outcome;
    if (s->asked && r.n_rows <= s->asked_n && s->t->sieve.n_rules == s->asked_rules)
        return SEARCH;
    s->asked = true;
    s->asked_n = r.n_rows;
    s->asked_rules = s->t->sieve.n_rules;
    return read_suspects(s, &r, err);
}

/* The rows between the suspects, straight into the table. */
static int copy_others(struct sifting *s, struct err *err)
{
    CLEANUP(err_release) struct err why = {0};
    struct sink_table *t = s->t;
    size_t next = 0;
    int outcome;

    if (s->n == s->rows->n)
        return 0;
    if (postgres_copy_start(t->sink->p, t->copy, err) != 0 || postgres_send_head(t, &t->row, err) < 0)
        return -1;
    for (size_t i = 0; i <= s->n; i++) {
        size_t end = i < s->n ? s->suspects[i] : s->rows->n, start = sink_rows_start_of(s->rows, next);

        if (end > next && postgres_copy_send(t->sink->p, s->rows->bytes.at + start, s->rows->ends[end - 1] - start, err) < 0)
            return -1;
        next = end + 1;
    }
    outcome = postgres_finish_copy(t, s->rows->n - s->n, &why);
    if (outcome < 0 && err && !err->scope)
        err_move(err, &why);
    return outcome == 1 ? AGAIN : outcome;
}

static int attempt_suspects(void *context, size_t first, size_t n, size_t *hint, struct err *err)
{
    struct sifting *s = context;
    struct postgres *p = s->t->sink->p;
    int outcome;

    if (postgres_copy_start(p, s->t->stage.copy, err) != 0 || postgres_send_head(s->t, &s->t->row, err) < 0 ||
        send_rows(s->t, s->rows, s->suspects, first, n, NULL, err) < 0)
        return -1;
    outcome = end_copy(s->t, n, err);
    if (outcome == 1 && postgres_copy_line(p) >= 1 && postgres_copy_line(p) <= n)
        *hint = first + postgres_copy_line(p) - 1;
    return outcome;
}

static void refuse_suspect(void *context, size_t i, struct err *why)
{
    struct sifting *s = context;
    struct err *reason = calloc(1, sizeof *reason);

    if (!reason) {
        s->forgetful = true;
        return;
    }
    postgres_blame_row(why);
    err_move(reason, why);
    s->reasons[i] = reason;
}

/* Constraints of several rows: what such a one says of a suspect may depend on rows that come after it. */
static bool is_shared(const char *sqlstate)
{
    return strcmp(sqlstate, "23505") == 0 || strcmp(sqlstate, "23P01") == 0 || strcmp(sqlstate, "23503") == 0;
}

static size_t index_of(const struct sifting *s, int64_t row)
{
    size_t low = 0, high = s->n;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (s->suspects[middle] < row)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static int read_verdict(struct sifting *s, const struct db_result *r, size_t i, struct postgres_refusal *refusal,
                        struct err *err)
{
    CLEANUP(err_release) struct err why = {0};
    const char *texts[5];
    size_t suspect = index_of(s, db_cell_int(r, i, 0));

    for (size_t k = 0; k < ARRAY_LEN(texts); k++) {
        struct str text = db_cell(r, i, k + 1);

        texts[k] = text.at && text.len ? arena_dup(r->arena, text) : NULL;
        if (text.at && text.len && !texts[k])
            return err_oom(err);
    }
    if (!texts[0] || suspect == s->n || s->suspects[suspect] != db_cell_int(r, i, 0))
        return err_set(err, ERR_RUN, W0508, "%s: a row was sent, and the database did not take it", s->t->label);
    postgres_quote(&why, texts[0], texts[1] ? texts[1] : texts[0], texts[2], texts[3], texts[4]);
    if (!postgres_blames_row(texts[0])) {
        err_move(err, &why);
        return -1;
    }
    postgres_name_refusal(texts[0], texts[4], NULL, refusal);
    if (is_shared(texts[0]) && !is_known(s->t, refusal))
        return AGAIN;
    refuse_suspect(s, suspect, &why);
    return 0;
}

static int try_suspects(struct sifting *s, struct postgres_refusal *refusal, struct err *err)
{
    static const struct narrow_ops ops = {attempt_suspects, refuse_suspect};
    CLEANUP(buf_release) struct buf sql = BUF_INIT;
    CLEANUP(db_result_release) struct db_result r = {0};
    int outcome = 0;

    if (s->n == 0)
        return 0;
    if (postgres_stage_ready(s->t, &s->t->stage, err) != 0 || narrow_run(s->n, &ops, s, err) < 0)
        return -1;
    if (postgres_sieve_try(s->t, &sql) < 0)
        return err_oom(err);
    outcome = run(s->t, buf_text(&sql), &r, err);
    for (size_t i = 0; outcome == 0 && i < r.n_rows; i++)
        outcome = read_verdict(s, &r, i, refusal, err);
    if (outcome == 0 && s->forgetful)
        return err_oom(err);
    return outcome;
}

/* AGAIN: *refusal is what the rules did not foresee. */
static int sift(struct sifting *s, struct postgres_refusal *refusal, struct err *err)
{
    bool staged = s->t->sieve.staged == s->rows->n;
    int outcome = staged ? 0 : stage_keys(s->t, s->rows, err);

    s->t->sieve.staged = 0;
    if (outcome == 0)
        outcome = ask(s, err);
    if (outcome == 0)
        outcome = copy_others(s, err);
    if (outcome == AGAIN)
        *refusal = *postgres_refusal(s->t->sink->p);
    if (outcome == 0)
        outcome = try_suspects(s, refusal, err);
    return outcome;
}

static int sift_again(struct sifting *s, struct postgres_refusal *refusal, bool hurt, struct err *err)
{
    int outcome = hurt ? learn(s->t, refusal, err) : 0;

    if (outcome == 0)
        outcome = make_ready(s->t, err);
    if (outcome != 0)
        return outcome;
    if (mark(s->t, err) < 0)
        return -1;
    return settle(s->t, sift(s, refusal, err), err);
}

/* ---- a write ---- */

static void tell(const struct sifting *s, const struct sink_write *how, struct sink_counts *ret)
{
    *ret = (struct sink_counts){.inserted = s->rows->n};
    for (size_t i = 0; i < s->n; i++) {
        if (!s->reasons[i])
            continue;
        ret->inserted--;
        ret->refused++;
        if (how->refused)
            how->refused(how->context, s->suspects[i], s->reasons[i]);
    }
}

int postgres_sieve_write(struct sink_table *t, const struct sink_rows *rows, const struct sink_write *how,
                         struct sink_counts *ret, struct err *err)
{
    CLEANUP(sifting_release) struct sifting s = {.t = t, .rows = rows};
    struct postgres_refusal refusal = *postgres_refusal(t->sink->p);
    bool hurt = t->sieve.refused;
    int outcome = AGAIN;

    t->sieve.refused = false;
    if (t->sieve.off || rows->n < SIEVE_ROWS_MIN)
        return 1;
    if (!hurt && !postgres_sieve_is_on(t)) {
        outcome = read_suspects(&s, &(struct db_result){0}, err) < 0 ? -1 : copy_others(&s, err);
        refusal = *postgres_refusal(t->sink->p);
        hurt = true;
    }
    for (int round = 0; round < ROUNDS_MAX && outcome == AGAIN; round++, hurt = true)
        outcome = sift_again(&s, &refusal, hurt, err);
    if (outcome != 0)
        return outcome < 0 ? -1 : 1;
    tell(&s, how, ret);
    if (s.n == 0)
        forget_rules(t);
    return 0;
}

/* ---- streaming ---- */

int postgres_sieve_start(struct sink_table *t, struct err *err)
{
    int outcome = make_ready(t, err);

    t->sieve.staged = 0;
    if (outcome == 0)
        outcome = start_keys(t, err);
    t->sieve.streaming = outcome == 0;
    return outcome;
}

int postgres_sieve_more(struct sink_table *t, const struct sink_rows *rows, struct err *err)
{
    size_t from = t->streamed_rows;

    t->streamed_rows = rows->n;
    return send_rows(t, rows, NULL, from, rows->n - from, t->sieve.wanted, err);
}

int postgres_sieve_end(struct sink_table *t, const struct sink_rows *rows, struct err *err)
{
    CLEANUP(err_release) struct err why = {0};
    int outcome = barred(end_copy(t, rows->n, &why), &why, err);

    t->sieve.streaming = false;
    if (outcome == 0)
        t->sieve.staged = rows->n;
    return outcome < 0 ? -1 : 1;
}
