/* Rows to the sink, keys and images aside for the ledger, and the chunk's entry. */
#include "run/run_internal.h"

#include "base/cleanup.h"
#include "base/fault.h"
#include "source/walk.h"

#include <inttypes.h>

enum { STREAM_BYTES = 64 << 10, FLUSH_BYTES = 4 << 20, RECORD_READ_MAX = 1 << 20 };

/* PostgreSQL workers have begun when they claimed; a shared sink is taken when the first rows are ready. */
int write_begin(struct worker *w, struct err *err)
{
    struct run *run = w->run;

    if (w->begun)
        return 0;
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

static int key_of(struct worker *w, const struct program_rule *rule, const struct outgoing *o, const struct cell *cells,
                  struct err *err)
{
    struct cell key[32];
    struct keys_item item = {.table = str_of(rule->table->name), .file = w->file, .line = w->record->line};

    for (size_t i = 0; i < rule->n_key && i < ARRAY_LEN(key); i++)
        key[i] = cells[rule->columns[rule->key[i]].cell];
    sink_rows_clear(&w->key_row);
    if (w->run->ops->encode_key(o->table, key, &w->key_row, err) < 0)
        return -1;
    item.key = buf_str(&w->key_row.bytes);
    if (keys_add(&w->keys, &item) < 0)
        return err_oom(err);
    keys_set_mark(&w->old_keys, item.table, item.key);
    return 0;
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
    o->origins[o->n_origins++] = chunk_origin(w);
    return 0;
}

/* Plain inserts may flow while later rows are still being made. */
static bool may_stream(const struct worker *w, const struct program_rule *rule)
{
    const struct run *run = w->run;
    const struct sink_spec *spec = &run->specs[rule_ordinal(run, rule)];

    if (!run->ops->streams || w->unit.reconcile || spec->conflict != SINK_CONFLICT_ERROR)
        return false;
    for (size_t i = 0; i < spec->n_columns; i++) {
        if (spec->columns[i].reference)
            return false;
    }
    return true;
}

static int stream(struct worker *w, const struct program_rule *rule, struct outgoing *o, struct err *err)
{
    if (o->rows.bytes.len - o->streamed < STREAM_BYTES || !may_stream(w, rule))
        return 0;
    if (write_begin(w, err) < 0)
        return -1;
    if (!o->streaming && w->run->ops->stream_start(o->table, err) < 0)
        return -1;
    o->streaming = true;
    o->streamed = o->rows.bytes.len;
    return w->run->ops->stream_more(o->table, &o->rows, err) < 0 ? -1 : 0;
}

int write_row(struct worker *w, const struct program_rule *rule, const struct cell *cells, struct err *err)
{
    struct run *run = w->run;
    size_t ordinal = rule_ordinal(run, rule);
    struct outgoing *o = &w->outgoing[ordinal];
    struct err e = {0};

    if (!run->ops) {
        w->account.rules[ordinal].inserted++;
        w->account.rows++;
        return 0;
    }
    if (run->ops->encode(o->table, cells, &o->rows, &e) < 0) {
        if (e.scope == ERR_RUN) {
            err_move(err, &e);
            return -1;
        }
        struct origin from = chunk_origin(w);

        chunk_reject(w, rule, w->record->raw, &from, &e);
        return 0;
    }
    if (add_origin(w, o) < 0)
        return err_oom(err);
    if (rule->n_key && run->ledger && key_of(w, rule, o, cells, err) < 0)
        return -1;
    if (stream(w, rule, o, err) < 0)
        return -1;
    return o->rows.bytes.len > FLUSH_BYTES ? write_flush(w, rule, err) : 0;
}

struct flush {
    struct worker *w;
    const struct program_rule *rule;
    struct outgoing *o;
};

/* The record of a refused row is read again from its file. */
static void on_refused(void *context, size_t row, struct err *e)
{
    struct flush *f = context;
    struct worker *w = f->w;
    const struct origin *from = &f->o->origins[row];
    const struct entry *file = &w->unit.files[from->file];
    struct buf record = BUF_INIT;
    struct err ignored = {0};
    char *path = str_dup(file->path);
    uint64_t size;
    int64_t mtime;
    const struct mapping_text *mark = &f->rule->source->mark;

    if (from->len && from->len <= RECORD_READ_MAX && buf_reserve(&record, from->len) == 0) {
        CLEANUP(close_fd) int fd = opener_open(w->opener, file->root, file->path, &size, &mtime, &ignored);

        if (fd >= 0 && pread(fd, record.at, from->len, (off_t)from->byte) == (ssize_t)from->len)
            record.len = from->len;
    }
    err_release(&ignored);
    err_at(e, path ? path : "", from->line, 1);
    err_at_byte(e, from->byte);
    err_mapping(e, mark->line, mark->column, mark->len);
    chunk_reject(w, f->rule, record.len ? buf_str(&record) : (struct str){0}, from, e);
    buf_release(&record);
    free(path);
}

static int on_before(void *context, size_t row, struct str old, struct err *err)
{
    struct flush *f = context;
    struct before *b = arena_calloc(&f->w->arena, 1, sizeof *b);
    uint32_t start = row ? f->o->rows.ends[row - 1] : 0;

    if (!b)
        return err_oom(err);
    b->table = str_of(f->rule->table->name);
    b->key = arena_str(&f->w->arena, str_make(f->o->rows.bytes.at + start, f->o->rows.ends[row] - start));
    b->old = arena_str(&f->w->arena, old);
    b->next = f->w->befores;
    f->w->befores = b;
    return b->key.at && b->old.at ? 0 : err_oom(err);
}

static int send(struct worker *w, const struct program_rule *rule, struct outgoing *o, struct sink_counts *counts,
                struct err *err)
{
    struct flush context = {w, rule, o};
    struct sink_write how = {w->unit.reconcile ? SINK_RECONCILE : SINK_FRESH, on_refused,
                             w->run->ledger ? on_before : NULL, &context};
    int refused = 0;

    if (o->streaming) {
        o->streaming = false;
        refused = w->run->ops->stream_end(o->table, &o->rows, counts, err);
        if (refused <= 0)
            return refused;
        *counts = (struct sink_counts){0};
    }
    return w->run->ops->write(o->table, &o->rows, &how, counts, err);
}

int write_flush(struct worker *w, const struct program_rule *rule, struct err *err)
{
    size_t ordinal = rule_ordinal(w->run, rule);
    struct account_rule *account = &w->account.rules[ordinal];
    struct outgoing *o = w->run->ops ? &w->outgoing[ordinal] : NULL;
    struct sink_counts counts = {0};

    if (!o || o->rows.n == 0)
        return 0;
    if (write_begin(w, err) < 0 || send(w, rule, o, &counts, err) < 0)
        return -1;
    FAULT("after_copy");
    account->inserted += counts.inserted;
    account->updated += counts.updated;
    account->same += counts.same;
    account->skipped += counts.skipped;
    account->bytes += o->rows.bytes.len;
    w->account.rows += counts.inserted + counts.updated + counts.same;
    if (counts.inserted + counts.updated + counts.same + counts.skipped + counts.refused != o->rows.n)
        return err_set(err, ERR_RUN, W0607, "%s: %zu rows sent, but %" PRIu64 " inserted, %" PRIu64 " updated, %" PRIu64
                       " equal, %" PRIu64 " skipped, %" PRIu64 " refused", rule->table->name, o->rows.n, counts.inserted,
                       counts.updated, counts.same, counts.skipped, counts.refused);
    sink_rows_clear(&o->rows);
    o->n_origins = o->streamed = 0;
    return w->failure.scope ? (err_move(err, &w->failure), -1) : 0;
}

static bool in_unit(const struct unit *unit, const struct entry *file)
{
    for (size_t i = 0; i < unit->n_files; i++) {
        if (unit->files[i].root == file->root && str_eq(unit->files[i].path, file->path))
            return true;
    }
    return false;
}

/* Old units may have held other files too; vanished files of the group lose their rows with it. */
static int collect_old(void *context, const struct unit *old, struct str packed, struct err *err)
{
    struct worker *w = context;
    struct keys_reader reader = {.rest = packed};
    struct keys_item item;
    bool *ours = arena_calloc(&w->arena, old->n_files + 1, sizeof *ours);
    int got;

    if (!ours)
        return err_oom(err);
    for (size_t i = 0; i < old->n_files; i++)
        ours[i] = in_unit(&w->unit, &old->files[i]);
    while ((got = keys_next(&reader, &item, err)) == 1) {
        if (item.file < old->n_files && ours[item.file] && keys_set_add(&w->old_keys, item.table, item.key) < 0)
            return err_oom(err);
    }
    return got;
}

static bool reads(const struct program_rule *rule, const struct unit *unit)
{
    struct str captures[PATTERN_CAPTURES_MAX];

    for (size_t i = 0; i < unit->n_files; i++) {
        for (size_t k = 0; k < rule->n_from; k++) {
            if (pattern_match(rule->from[k], unit->files[i].path, captures))
                return true;
        }
    }
    return false;
}

int write_read_old_keys(struct worker *w, struct err *err)
{
    const struct program *p = w->run->p;

    if (!w->unit.reconcile || !w->run->ledger)
        return 0;
    for (size_t i = 0; i < p->n_rules; i++) {
        if (!p->rules[i].on || p->rules[i].n_key || !reads(&p->rules[i], &w->unit))
            continue;
        err_set(err, ERR_RUN, W0609, "%.*s was loaded before and has changed, and the rule %.*s has no key",
                STR_ARG(w->unit.files[0].path), STR_ARG(p->rules[i].source->name.text));
        return err_help(err, "give the rule a key:, or load into an empty table with --fresh");
    }
    if (!w->unit.previous)
        return 0;
    if (write_begin(w, err) < 0)
        return -1;
    return ledger_old_keys(w->run->ops->db(w->sink), w->run->job, &w->unit, collect_old, w, err);
}

static int delete_of_rule(struct worker *w, const struct program_rule *rule, struct err *err)
{
    struct str table = str_of(rule->table->name);
    struct sink_rows gone = {0};
    uint64_t deleted = 0;
    int ret = 0;

    for (size_t i = 0; i < w->old_keys.n && ret == 0; i++) {
        struct str key = keys_set_key(&w->old_keys, i);

        if (w->old_keys.entries[i].present || !str_eq(keys_set_table(&w->old_keys, i), table))
            continue;
        w->old_keys.entries[i].present = true;
        ret = sink_rows_add(&gone, key);
    }
    if (ret < 0)
        err_oom(err);
    else if (gone.n && (write_begin(w, err) < 0 ||
                        w->run->ops->delete_keys(w->outgoing[rule_ordinal(w->run, rule)].table, &gone, &deleted, err) < 0))
        ret = -1;
    sink_rows_release(&gone);
    return ret;
}

/* Children first. */
int write_delete_gone(struct worker *w, struct err *err)
{
    for (size_t i = w->run->p->n_rules; i-- > 0;) {
        if (w->old_keys.n && w->run->p->rules[i].n_key && delete_of_rule(w, &w->run->p->rules[i], err) < 0)
            return -1;
    }
    return 0;
}

static int rows_json(struct worker *w, struct buf *out)
{
    bool first = true;

    if (buf_add_char(out, '{') < 0)
        return -1;
    for (size_t i = 0; i < w->run->p->n_rules; i++) {
        const struct account_rule *r = &w->account.rules[i];

        if (!r->read)
            continue;
        if (buf_printf(out, "%s\"%.*s\":{\"read\":%" PRIu64 ",\"inserted\":%" PRIu64 ",\"updated\":%" PRIu64 ",\"same\":%" PRIu64
                       ",\"rejected\":%" PRIu64 ",\"skipped\":%" PRIu64 "}", first ? "" : ",",
                       STR_ARG(w->run->p->rules[i].source->name.text), r->read, r->inserted, r->updated, r->same, r->rejected,
                       r->skipped) < 0)
            return -1;
        first = false;
    }
    return buf_add_char(out, '}');
}

static int put_rejects(struct worker *w, struct db *db, int64_t chunk, struct err *err)
{
    for (const struct reject *r = w->rejects; r; r = r->next) {
        if (ledger_add_reject(db, w->run->id, chunk, &r->entry, err) < 0)
            return -1;
    }
    for (const struct before *b = w->befores; b; b = b->next) {
        if (ledger_add_before(db, chunk, b->table, b->key, b->old, err) < 0)
            return -1;
    }
    return 0;
}

int write_ledger(struct worker *w, struct err *err)
{
    struct ledger_chunk chunk = {.unit = &w->unit, .run = w->run->id, .keys = buf_str(&w->keys.bytes), .lines = w->lines};
    struct buf rows = BUF_INIT;
    struct db *db;
    int64_t id;
    int ret = -1;

    if (write_begin(w, err) < 0)
        return -1;
    db = w->run->ops->db(w->sink);
    FAULT("before_cas");
    if (rows_json(w, &rows) < 0) {
        err_oom(err);
    } else {
        chunk.rows_json = buf_str(&rows);
        ret = ledger_commit_chunk(db, w->run->job, &chunk, &id, err);
    }
    buf_release(&rows);
    FAULT("after_cas");
    if (ret == 0)
        ret = ledger_put_files(db, w->run->job, &chunk, err);
    return ret < 0 ? -1 : put_rejects(w, db, id, err);
}
