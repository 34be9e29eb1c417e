/* Rows to the sink, keys and images aside for the ledger, and the chunk's entry. */
#include "run/rejects.h"
#include "run/replay.h"
#include "run/seen.h"

#include "base/cleanup.h"
#include "base/fault.h"
#include "run/content.h"
#include "source/walk.h"

#include <inttypes.h>
#include <stdlib.h>

enum { STREAM_BYTES = 64 << 10, FLUSH_BYTES = 4 << 20, RECORD_READ_MAX = 1 << 20, SEEN_ASKED_MAX = 16 };

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

static struct str table_of(const struct program_rule *rule)
{
    return str_of(rule->table->name);
}

static bool keeps_keys(const struct worker *w, const struct program_rule *rule)
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

static int add_origin(struct worker *w, const struct program_rule *rule, const struct cell *cells, struct outgoing *o)
{
    uint16_t number;

    if (o->n_origins == o->capacity) {
        size_t capacity = o->capacity ? o->capacity * 2 : 1024;
        struct origin *origins = realloc(o->origins, capacity * sizeof *origins);

        if (!origins)
            return -1;
        o->origins = origins;
        o->capacity = capacity;
    }
    o->origins[o->n_origins] = chunk_origin(w);
    if (w->run->scratch && seen_by_value(rule, &number) && cells[number].kind == CELL_INT)
        o->origins[o->n_origins].index = (uint64_t)cells[number].n;
    o->n_origins++;
    return 0;
}

/* Plain inserts may flow while later rows are still being made. */
static bool may_stream(const struct worker *w, const struct program_rule *rule)
{
    const struct run *run = w->run;
    const struct sink_spec *spec = &run->specs[rule_ordinal(run, rule)];

    if (!run->ops->streams || w->unit.mode != UNIT_NEW || spec->conflict != SINK_CONFLICT_ERROR)
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

/* A row of a key that these files wrote before is brought to its new state; any other is new, also a second one of the
 * same key: what the mapping says of conflicts holds for it as in a first load. */
static struct keys_set_entry *old_key(struct worker *w, const struct program_rule *rule)
{
    struct keys_set_entry *e = w->unit.mode == UNIT_NEW || !keeps_keys(w, rule)
                                   ? NULL : keys_set_find(&w->old_keys, table_of(rule), buf_str(&w->key_row.bytes));

    return e && !e->present ? e : NULL;
}

static int put_row(struct worker *w, const struct program_rule *rule, const struct cell *cells, struct err *err)
{
    struct run *run = w->run;
    size_t ordinal = rule_ordinal(run, rule);
    struct keys_set_entry *old;
    struct outgoing *o;

    if (keeps_keys(w, rule) && encode_key(w, rule, cells, err) < 0)
        return -1;
    old = old_key(w, rule);
    o = &w->outgoing[old ? run->p->n_rules + ordinal : ordinal];
    if (run->ops->encode(w->tables[ordinal], cells, &o->rows, err) < 0)
        return -1;
    if (old)
        old->present = true;
    if (add_origin(w, rule, cells, o) < 0 || (keeps_keys(w, rule) && sink_rows_add(&o->keys, buf_str(&w->key_row.bytes)) < 0))
        return err_oom(err);
    if (stream(w, rule, o, err) < 0)
        return -1;
    return o->rows.bytes.len > FLUSH_BYTES ? write_flush(w, rule, err) : 0;
}

static bool follows(const char *message, const char *before, const char *name)
{
    size_t len = strlen(name);

    for (const char *at = strstr(message, before); at; at = strstr(at + 1, before)) {
        const char *end = at + strlen(before) + len;

        if (strncmp(at + strlen(before), name, len) == 0 && !(*end == '_' || (unsigned)((*end | 32) - 'a') < 26 ||
                                                             (unsigned)(*end - '0') < 10))
            return true;
    }
    return false;
}

/* Databases name the column, or the first of a key, in their own words; what is not understood is the rule's. */
static const struct mapping_text *guilty(const struct program_rule *rule, const struct err *e)
{
    for (size_t i = 0; i < rule->n_columns; i++) {
        const char *name = rule->table->columns[rule->columns[i].column].name;

        if (follows(e->message, ".", name) || follows(e->message, "Key (", name) || follows(e->message, "column \"", name))
            return &rule->columns[i].source->name;
    }
    return &rule->source->mark;
}

/* The address of a row that was made and then refused: its record, and the rule or its column. */
static void place(struct worker *w, const struct program_rule *rule, const struct origin *from, struct err *e)
{
    const struct mapping_text *mark = guilty(rule, e);
    char *path = str_dup(w->unit.files[from->file].path);

    err_at(e, path ? path : "", from->line, 1);
    err_at_byte(e, from->byte);
    err_mapping(e, mark->line, mark->column, mark->len);
    free(path);
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
    place(w, rule, &from, e);
    chunk_reject(w, rule, w->record->raw, &from, e);
    return 0;
}

struct flush {
    struct worker *w;
    const struct program_rule *rule;
    struct outgoing *o;
    int64_t before;     /* see seen.h */
    unsigned asked;     /* for the rows that came first */
};

static int add_number(uint32_t **list, size_t *n, size_t *capacity, size_t row)
{
    if (*n == *capacity) {
        size_t more = *capacity ? *capacity * 2 : 64;
        uint32_t *grown = realloc(*list, more * sizeof *grown);

        if (!grown)
            return -1;
        *list = grown;
        *capacity = more;
    }
    (*list)[(*n)++] = (uint32_t)row;
    return 0;
}

static int add_refused(struct outgoing *o, size_t row)
{
    return add_number(&o->refused, &o->n_refused, &o->refused_capacity, row);
}

static int on_skipped(void *context, size_t row, struct err *err)
{
    struct outgoing *o = ((struct flush *)context)->o;

    return add_number(&o->skipped, &o->n_skipped, &o->skipped_capacity, row) < 0 ? err_oom(err) : 0;
}

static int by_number(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

/* The record of a refused row is read again from its file. */
static void on_refused(void *context, size_t row, struct err *e)
{
    struct flush *f = context;
    struct worker *w = f->w;
    const struct origin *from = &f->o->origins[row];
    const struct entry *file = &w->unit.files[from->file];
    struct buf record = BUF_INIT;
    struct err failure = {0};
    uint64_t size;
    int64_t mtime;

    if (w->replay) {
        struct str kept = replay_record(w, from->item);

        if (kept.at)
            buf_add_str(&record, kept);
    } else if (from->len && from->len <= RECORD_READ_MAX && buf_reserve(&record, from->len) == 0) {
        CLEANUP(close_fd) int fd = opener_open(w->opener, file->root, file->path, &size, &mtime, &failure);

        if (fd < 0)
            chunk_fail(w, &failure);
        else if (pread(fd, record.at, from->len, (off_t)from->byte) == (ssize_t)from->len)
            record.len = from->len;
    }
    if (e->code == W0512 && f->asked++ < SEEN_ASKED_MAX && !seen_find(w, f->rule, f->o, f->before, row, &w->first_seen))
        w->first_seen = (struct finding_place){0};
    place(w, f->rule, from, e);
    if (add_refused(f->o, row) < 0)
        err_oom(&w->failure);
    chunk_reject(w, f->rule, record.len ? buf_str(&record) : (struct str){0}, from, e);
    buf_release(&record);
}

static int on_before(void *context, size_t row, struct str old, struct err *err)
{
    struct flush *f = context;
    struct before *b = arena_calloc(&f->w->arena, 1, sizeof *b);
    const struct sink_rows *keys = f->o->keys.n ? &f->o->keys : &f->o->rows;
    uint32_t start = row ? keys->ends[row - 1] : 0;

    if (!b)
        return err_oom(err);
    b->table = table_of(f->rule);
    b->key = arena_str(&f->w->arena, str_make(keys->bytes.at + start, keys->ends[row] - start));
    b->old = arena_str(&f->w->arena, old);
    b->next = f->w->befores;
    f->w->befores = b;
    return b->key.at && b->old.at ? 0 : err_oom(err);
}

static int send(struct worker *w, const struct program_rule *rule, struct outgoing *o, struct sink_counts *counts,
                struct err *err)
{
    size_t ordinal = rule_ordinal(w->run, rule);
    struct sink_table *table = w->tables[ordinal];
    struct flush context = {w, rule, o, seen_before(w, rule), 0};
    struct sink_write how = {.mode = o == &w->outgoing[ordinal] ? SINK_FRESH : SINK_RECONCILE, .refused = on_refused,
                             .before = w->run->ledger ? on_before : NULL,
                             .context = &context,
                             .skipped = w->run->ledger && keeps_keys(w, rule) ? on_skipped : NULL};
    int refused = 0;

    if (o->streaming) {
        o->streaming = false;
        refused = w->run->ops->stream_end(table, &o->rows, counts, err);
        if (refused <= 0)
            return refused;
        *counts = (struct sink_counts){0};
    }
    if (w->run->ops->write(table, &o->rows, &how, counts, err) < 0)
        return -1;
    return seen_after(w, rule, o, context.before, counts->inserted, err);
}

/* Left out because another row stands there, which may be anybody's: ours only if an earlier load made it. */
static bool is_others(const struct worker *w, const struct outgoing *o, const struct keys_item *item, size_t *skipped,
                      size_t row)
{
    while (*skipped < o->n_skipped && o->skipped[*skipped] < row)
        ++*skipped;
    return *skipped < o->n_skipped && o->skipped[*skipped] == row && !keys_set_find(&w->old_keys, item->table, item->key);
}

/* The chunk's keys are those of rows that the database took: a row that another file's row kept out is not ours. */
static int keep_keys(struct worker *w, const struct program_rule *rule, const struct outgoing *o)
{
    struct keys_item item = {.table = table_of(rule)};
    size_t refused = 0, skipped = 0;

    if (o->n_skipped)
        qsort(o->skipped, o->n_skipped, sizeof *o->skipped, by_number);
    for (size_t i = 0; i < o->keys.n; i++) {
        uint32_t start = i ? o->keys.ends[i - 1] : 0;

        if (refused < o->n_refused && o->refused[refused] == i) {
            refused++;
            continue;
        }
        item.file = o->origins[i].file;
        item.line = o->origins[i].line;
        item.key = str_make(o->keys.bytes.at + start, o->keys.ends[i] - start);
        if (!is_others(w, o, &item, &skipped, i) && keys_add(&w->keys, &item) < 0)
            return -1;
    }
    return 0;
}

static void clear_outgoing(struct outgoing *o)
{
    sink_rows_clear(&o->rows);
    sink_rows_clear(&o->keys);
    o->n_origins = o->n_refused = o->n_skipped = o->streamed = 0;
    o->streaming = false;
}

static int flush(struct worker *w, const struct program_rule *rule, struct outgoing *o, struct err *err)
{
    struct account_rule *account = &w->account.rules[rule_ordinal(w->run, rule)];
    struct sink_counts counts = {0};

    if (o->rows.n == 0)
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
    if (keep_keys(w, rule, o) < 0)
        return err_oom(err);
    clear_outgoing(o);
    return w->failure.scope ? (err_move(err, &w->failure), -1) : 0;
}

/* Old keys first: a second row of the same key has to meet the first. */
int write_flush(struct worker *w, const struct program_rule *rule, struct err *err)
{
    size_t ordinal = rule_ordinal(w->run, rule);

    if (!w->run->ops)
        return 0;
    if (flush(w, rule, &w->outgoing[w->run->p->n_rules + ordinal], err) < 0)
        return -1;
    return flush(w, rule, &w->outgoing[ordinal], err);
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

/* Its ordinal in the unit; n_files when it is not in it. */
static size_t in_unit(const struct unit *unit, const struct entry *file)
{
    size_t i = 0;

    while (i < unit->n_files && (unit->files[i].root != file->root || !str_eq(unit->files[i].path, file->path)))
        i++;
    return i;
}

/* Are the keys of this table packed now as they were then? If not they cannot be compared: rows that are gone stay. */
static bool same_columns(const struct worker *w, struct str table, struct str columns)
{
    const struct program *p = w->run->p;

    for (size_t i = 0; i < p->n_rules; i++) {
        const struct program_rule *rule = &p->rules[i];
        struct buf line = BUF_INIT;
        bool same = rule->on && rule->n_key && str_is(table, rule->table->name) && run_key_line(rule, &line) == 0 &&
                    memmem(columns.at, columns.len, line.at, line.len);

        buf_release(&line);
        if (same)
            return true;
    }
    return false;
}

/* Old units may have held other files too: their rows are no business of this one. */
static int collect_old(void *context, const struct unit *old, struct str columns, struct str packed, struct err *err)
{
    struct worker *w = context;
    struct keys_reader reader = {.rest = packed};
    struct keys_item item;
    size_t *ours = calloc(old->n_files + 1, sizeof *ours);
    bool same = false;
    struct str table = {0};
    int got;

    if (!ours)
        return err_oom(err);
    for (size_t i = 0; i < old->n_files; i++)
        ours[i] = in_unit(&w->unit, &old->files[i]);
    while ((got = keys_next(&reader, &item, err)) == 1) {
        if (table.at != item.table.at)
            same = same_columns(w, item.table, columns);
        table = item.table;
        if (same && item.file < old->n_files && ours[item.file] < w->unit.n_files &&
            keys_set_add(&w->old_keys, item.table, item.key, (uint32_t)ours[item.file]) < 0) {
            got = err_oom(err);
            break;
        }
    }
    free(ours);
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

    if (w->unit.mode == UNIT_NEW || !w->run->recalls)
        return 0;
    for (size_t i = 0; i < p->n_rules && w->unit.mode != UNIT_AFRESH; i++) {
        if (!p->rules[i].on || p->rules[i].n_key || !reads(&p->rules[i], &w->unit))
            continue;
        err_set(err, ERR_RUN, W0609, "%.*s was loaded before and has %s, and the rule %.*s has no key",
                STR_ARG(w->unit.files[0].path), w->unit.mode == UNIT_GONE ? "vanished" : "changed",
                STR_ARG(p->rules[i].source->name.text));
        return err_help(err, "give the rule a key:, or load into an empty table with --fresh");
    }
    if (write_begin(w, err) < 0)
        return -1;
    return ledger_old_keys(w->run->ops->db(w->sink), w->run->job, &w->unit, &(struct ledger_keys){w, collect_old}, err);
}

/* Rows of tables where one file's row may meet another's (on_conflict: skip or update) can be wanted by both. */
struct shared {
    struct shared *next;
    struct keys_set_entry *entry;
    int64_t unit;
    uint32_t root;
    struct str path;
};

struct sharing {
    struct worker *w;
    struct shared *found;
};

static int find_shared(void *context, const struct unit *other, struct str columns, struct str packed, struct err *err)
{
    struct sharing *s = context;
    struct keys_reader reader = {.rest = packed};
    struct keys_item item;
    int got;

    (void)columns;
    while ((got = keys_next(&reader, &item, err)) == 1) {
        struct keys_set_entry *e = keys_set_find(&s->w->old_keys, item.table, item.key);
        const struct entry *file = item.file < other->n_files ? &other->files[item.file] : NULL;
        struct shared *found;

        if (!e || e->present || !file || in_unit(&s->w->unit, file) < s->w->unit.n_files)
            continue;
        found = arena_calloc(&s->w->arena, 1, sizeof *found);
        if (!found)
            return err_oom(err);
        *found = (struct shared){s->found, e, other->part ? other->load : other->id, file->root,
                                 arena_str(&s->w->arena, file->path)};
        if (!found->path.at)
            return err_oom(err);
        s->found = found;
    }
    return got;
}

/* A row that another file gives as well, as that file was loaded last, stays. */
static int keep_shared(struct worker *w, struct err *err)
{
    struct sharing s = {.w = w};
    struct db *db = w->run->ops->db(w->sink);

    if (ledger_all_keys(db, w->run->job, &(struct ledger_keys){&s, find_shared}, err) < 0)
        return -1;
    for (struct shared *f = s.found; f; f = f->next) {
        int64_t unit;
        int got = ledger_unit_of_file(db, w->run->job, f->root, f->path, &unit, err);

        if (got < 0)
            return -1;
        f->entry->present |= got == 1 && unit == f->unit;
    }
    return 0;
}

static bool may_share(const struct worker *w, struct str table)
{
    const struct program *p = w->run->p;

    for (size_t i = 0; i < p->n_rules; i++) {
        if (p->rules[i].on && str_is(table, p->rules[i].table->name) && p->rules[i].conflict != (int)SINK_CONFLICT_ERROR)
            return true;
    }
    return false;
}

/* A file that cannot be opened now is not an empty one: its rows stay. */
static bool unread(const struct worker *w, uint32_t file)
{
    return w->marks && w->marks[file] == FILE_FAILED;
}

static int delete_of_rule(struct worker *w, const struct program_rule *rule, struct err *err)
{
    struct str table = table_of(rule);
    struct sink_rows gone = {0};
    uint64_t deleted = 0;
    int ret = 0;

    for (size_t i = 0; i < w->old_keys.n && ret == 0; i++) {
        struct str key = keys_set_key(&w->old_keys, i);

        if (w->old_keys.entries[i].present || !str_eq(keys_set_table(&w->old_keys, i), table) ||
            unread(w, w->old_keys.entries[i].file))
            continue;
        w->old_keys.entries[i].present = true;
        ret = sink_rows_add(&gone, key);
    }
    if (ret < 0)
        err_oom(err);
    else if (gone.n && (write_begin(w, err) < 0 ||
                        w->run->ops->delete_keys(w->tables[rule_ordinal(w->run, rule)], &gone, &deleted, err) < 0))
        ret = -1;
    sink_rows_release(&gone);
    return ret;
}

/* Children first. */
int write_delete_gone(struct worker *w, struct err *err)
{
    bool shared = false;

    for (size_t i = 0; i < w->old_keys.n && !shared; i++)
        shared = !w->old_keys.entries[i].present && may_share(w, keys_set_table(&w->old_keys, i));
    if (shared && (write_begin(w, err) < 0 || keep_shared(w, err) < 0))
        return -1;
    for (size_t i = w->run->p->n_rules; i-- > 0;) {
        const struct program_rule *rule = &w->run->p->rules[i];

        if (w->old_keys.n && rule->on && rule->n_key && delete_of_rule(w, rule, err) < 0)
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
    if (w->rejects && ledger_add_rejects(db, w->run->id, chunk, w->rejects, err) < 0)
        return -1;
    for (const struct before *b = w->befores; b; b = b->next) {
        if (ledger_add_before(db, chunk, b->table, b->key, b->old, err) < 0)
            return -1;
    }
    return 0;
}

int write_mark(struct worker *w, unsigned char mark, struct err *err)
{
    if (!w->run->ledger)
        return 0;
    if (!w->marks)
        w->marks = arena_calloc(&w->arena, w->unit.n_files, 1);
    if (!w->marks)
        return err_oom(err);
    w->marks[w->file] |= mark;
    return 0;
}

int write_hash(struct worker *w, int fd, struct err *err)
{
    const struct unit *u = &w->unit;

    if (!w->run->ledger)
        return 0;
    if (!w->hashes)
        w->hashes = arena_calloc(&w->arena, u->n_files, CONTENT_HASH);
    if (!w->hashes)
        return err_oom(err);
    return content_hash(fd, u->part ? u->from : 0, u->part ? u->to : u->files[w->file].size,
                        w->hashes + CONTENT_HASH * (size_t)w->file, err);
}

/* Files that no rule reads, documents and such, were not hashed when they were read. What cannot be read now has no hash,
 * and so counts as changed when somebody compares. */
static int hash_others(struct worker *w, struct err *err)
{
    static const unsigned char none[CONTENT_HASH];

    for (w->file = 0; w->file < w->unit.n_files; w->file++) {
        const struct entry *file = &w->unit.files[w->file];
        struct err e = {0};
        uint64_t size;
        int64_t mtime;
        CLEANUP(close_fd) int fd = -1;

        if (file->kind != ENTRY_FILE || (w->hashes && memcmp(w->hashes + CONTENT_HASH * (size_t)w->file, none, CONTENT_HASH) != 0))
            continue;
        fd = opener_open(w->opener, file->root, file->path, &size, &mtime, &e);
        if (fd >= 0 && write_hash(w, fd, &e) < 0 && e.scope == ERR_RUN) {
            err_move(err, &e);
            return -1;
        }
        err_release(&e);
    }
    return 0;
}

int write_ledger(struct worker *w, struct err *err)
{
    struct ledger_chunk chunk = {.unit = &w->unit, .run = w->run->id, .keys = buf_str(&w->keys.bytes),
                                 .lines = w->replay ? 0 : w->lines, .again = w->replay != NULL};
    struct buf rows = BUF_INIT;
    struct db *db;
    int64_t id;
    int ret = -1;

    if ((w->unit.mode != UNIT_GONE && !w->replay && hash_others(w, err) < 0) || write_begin(w, err) < 0)
        return -1;
    chunk.hash = w->replay ? NULL : w->hashes;
    chunk.marks = w->marks;
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
    if (ret == 0 && w->replay)
        ret = replay_settle(w, db, err);
    else if (ret == 0)
        ret = rejects_supersede(db, w->run->job, &w->unit, err) < 0 ? -1 : ledger_put_files(db, w->run->job, &chunk, err);
    return ret < 0 ? -1 : put_rejects(w, db, id, err);
}
