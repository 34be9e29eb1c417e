/* Rows on their way to the sink: gathered by rule, streamed where they may be, written when there are enough. */
#include "run/replay.h"
#include "run/seen.h"

#include "base/fault.h"

#include <inttypes.h>
#include <stdlib.h>

enum { STREAM_BYTES = 64 << 10, FLUSH_BYTES = 4 << 20, WHOLE_BYTES = 64 << 20 };

/* PostgreSQL workers have begun when they claimed; a shared sink is taken when the first rows are ready. */
int write_begin(struct worker *w, struct err *err)
{
    struct run *run = w->run;

    if (w->begun)
        return 0;
    if (w->sink == run->first && turn_wait(w, err) < 0)
        return -1;
    if (w->sink == run->first)
        pthread_mutex_lock(&run->sink_lock);
    if (run->ops->begin(w->sink, err) < 0) {
        if (w->sink == run->first)
            pthread_mutex_unlock(&run->sink_lock);
        return -1;
    }
    w->begun = true;
    return 0;
}

struct str write_table(const struct program_rule *rule)
{
    return str_of(rule->table->name);
}

bool write_keeps_keys(const struct worker *w, const struct program_rule *rule)
{
    return rule->n_key && w->run->recalls;
}

/* The key of the row, in w->key_row. */
static int encode_key(struct worker *w, const struct program_rule *rule, const struct cell *cells, struct err *err)
{
    struct cell key[32];

    for (size_t i = 0; i < rule->n_key && i < ARRAY_LEN(key); i++)
        key[i] = cells[rule->columns[rule->key[i]].cell];
    sink_rows_clear(&w->key_row);
    return w->run->ops->encode_key(w->tables[rule_ordinal(w->run, rule)], key, &w->key_row, err);
}

static int add_origin(struct worker *w, struct outgoing *o)
{
    if (o->n_origins == o->capacity) {
        size_t capacity = o->capacity ? o->capacity * 2 : 1024;
        struct origin *origins = realloc(o->origins, capacity * sizeof *origins);

        if (!origins)
            return -1;
        o->origins = origins;
        o->capacity = capacity;
    }
    o->origins[o->n_origins] = chunk_origin(w);
    o->n_origins++;
    return 0;
}

static bool whole(const struct worker *w, const struct program_rule *rule)
{
    return w->run->ops->whole(w->tables[rule_ordinal(w->run, rule)]);
}

static size_t bytes_held(const struct worker *w)
{
    size_t n = 0;

    for (size_t i = 0; i < 2 * w->run->p->n_rules; i++)
        n += w->outgoing[i].rows.bytes.len;
    return n;
}

static bool is_much(const struct worker *w, const struct program_rule *rule, const struct outgoing *o)
{
    if (w->together)
        return bytes_held(w) > WHOLE_BYTES;
    return o->rows.bytes.len > (whole(w, rule) ? WHOLE_BYTES : FLUSH_BYTES);
}

/* Plain inserts may flow while later rows are still being made. */
static bool may_stream(const struct worker *w, const struct program_rule *rule)
{
    const struct run *run = w->run;
    const struct sink_spec *spec = &run->specs[rule_ordinal(run, rule)];

    if (!run->ops->streams || w->together || w->unit.mode != UNIT_NEW || spec->conflict != SINK_CONFLICT_ERROR)
        return false;
    for (size_t i = 0; i < spec->n_columns; i++) {
        if (spec->columns[i].reference)
            return false;
    }
    return true;
}

static int stream(struct worker *w, const struct program_rule *rule, struct outgoing *o, struct err *err)
{
    struct sink_table *table = w->tables[rule_ordinal(w->run, rule)];

    if (o->rows.bytes.len - o->streamed < STREAM_BYTES || !may_stream(w, rule))
        return 0;
    if (write_begin(w, err) < 0)
        return -1;
    if (!o->streaming && w->run->ops->stream_start(table, err) < 0)
        return -1;
    o->streaming = true;
    o->streamed = o->rows.bytes.len;
    return w->run->ops->stream_more(table, &o->rows, err) < 0 ? -1 : 0;
}

static int put_row(struct worker *w, const struct program_rule *rule, const struct cell *cells, struct err *err)
{
    struct run *run = w->run;
    size_t ordinal = rule_ordinal(run, rule);
    struct str key = {0};
    struct outgoing *o;
    int old = 0;

    if (write_keeps_keys(w, rule)) {
        if (encode_key(w, rule, cells, err) < 0)
            return -1;
        key = buf_str(&w->key_row.bytes);
        old = reconcile_row(w, rule, key, err);
        if (old < 0)
            return -1;
    }
    o = &w->outgoing[old ? run->p->n_rules + ordinal : ordinal];
    if (run->ops->encode(w->tables[ordinal], cells, &o->rows, err) < 0) {
        if (old && err->scope == ERR_RECORD && reconcile_refused(w, rule, key, &w->failure) < 0)
            err->scope = ERR_RUN;   /* the chunk fails, with that other failure */
        return -1;
    }
    if (add_origin(w, o) < 0 || (write_keeps_keys(w, rule) && sink_rows_add(&o->keys, key) < 0))
        return err_oom(err);
    if (stream(w, rule, o, err) < 0)
        return -1;
    return is_much(w, rule, o) ? write_flush(w, rule, err) : 0;
}

int write_row(struct worker *w, const struct program_rule *rule, const struct cell *cells, struct err *err)
{
    size_t ordinal = rule_ordinal(w->run, rule);
    struct origin from;
    struct err *e = &w->refusal;

    if (!w->run->ops) {
        w->account.rules[ordinal].inserted++;
        w->account.rows++;
        return 0;
    }
    if (put_row(w, rule, cells, e) == 0)
        return 0;
    if (e->scope == ERR_RUN) {
        err_move(err, e);
        return -1;
    }
    from = chunk_origin(w);
    refusal_place(w, rule, &from, e);
    remark_reject(w, rule, w->record->raw, &from, e);
    return 0;
}

static int send(struct worker *w, const struct program_rule *rule, struct outgoing *o, struct sink_counts *counts,
                struct err *err)
{
    size_t ordinal = rule_ordinal(w->run, rule);
    struct sink_table *table = w->tables[ordinal];
    struct write_flush context = {w, rule, o};
    struct sink_write how = {.mode = o == &w->outgoing[ordinal] ? SINK_FRESH : SINK_RECONCILE, .refused = refusal_of_row,
                             .before = w->run->ledger ? entry_before : NULL,
                             .context = &context,
                             .skipped = w->run->ledger && write_keeps_keys(w, rule) ? refusal_skipped : NULL};
    int refused = 0;

    if (o->streaming) {
        o->streaming = false;
        refused = w->run->ops->stream_end(table, &o->rows, counts, err);
        if (refused <= 0)
            return refused;
        *counts = (struct sink_counts){0};
    }
    return w->run->ops->write(table, &o->rows, &how, counts, err);
}

static void clear_outgoing(struct outgoing *o)
{
    sink_rows_clear(&o->rows);
    sink_rows_clear(&o->keys);
    o->n_origins = o->n_refused = o->n_skipped = o->streamed = 0;
    o->streaming = false;
}

int write_settle(struct worker *w, const struct program_rule *rule, struct outgoing *o, const struct sink_counts *counts,
                 struct err *err)
{
    struct account_rule *account = &w->account.rules[rule_ordinal(w->run, rule)];

    account->inserted += counts->inserted;
    account->updated += counts->updated;
    account->same += counts->same;
    account->skipped += counts->skipped;
    account->bytes += o->rows.bytes.len;
    w->account.rows += counts->inserted + counts->updated + counts->same;
    if (counts->inserted + counts->updated + counts->same + counts->skipped + counts->refused != o->rows.n)
        return err_set(err, ERR_RUN, W0607, "%s: %zu rows sent, but %" PRIu64 " inserted, %" PRIu64 " updated, %" PRIu64
                       " equal, %" PRIu64 " skipped, %" PRIu64 " refused", rule->table->name, o->rows.n, counts->inserted,
                       counts->updated, counts->same, counts->skipped, counts->refused);
    if (seen_keeps(w->run) ? seen_rows(w, rule, o) < 0 && err_oom(err) < 0 : entry_keys(w, rule, o, err) < 0)
        return -1;
    clear_outgoing(o);
    return w->failure.scope ? (err_move(err, &w->failure), -1) : 0;
}

static int flush(struct worker *w, const struct program_rule *rule, struct outgoing *o, struct err *err)
{
    struct sink_counts counts = {0};

    if (o->rows.n == 0)
        return 0;
    if (write_begin(w, err) < 0 || send(w, rule, o, &counts, err) < 0)
        return -1;
    FAULT("after_copy");
    return write_settle(w, rule, o, &counts, err);
}

/* Old keys first: a second row of the same key has to meet the first. */
int write_flush(struct worker *w, const struct program_rule *rule, struct err *err)
{
    size_t ordinal = rule_ordinal(w->run, rule);

    if (!w->run->ops)
        return 0;
    if (w->together && bytes_held(w) <= WHOLE_BYTES)
        return entry_relieve(w, err);
    if (w->together)
        return together_write(w, err);
    if (flush(w, rule, &w->outgoing[w->run->p->n_rules + ordinal], err) < 0 || flush(w, rule, &w->outgoing[ordinal], err) < 0)
        return -1;
    return entry_relieve(w, err);
}

int write_end(struct worker *w, struct err *err)
{
    return w->together ? together_write(w, err) : 0;
}

void write_clear(struct worker *w)
{
    for (size_t i = 0; i < 2 * w->run->p->n_rules; i++)
        clear_outgoing(&w->outgoing[i]);
    w->hashes = w->marks = NULL;
}

void write_release(struct worker *w)
{
    for (size_t i = 0; w->outgoing && i < 2 * w->run->p->n_rules; i++) {
        sink_rows_release(&w->outgoing[i].rows);
        sink_rows_release(&w->outgoing[i].keys);
        free(w->outgoing[i].origins);
        free(w->outgoing[i].refused);
        free(w->outgoing[i].skipped);
    }
    free(w->outgoing);
}
