/* What the ledger is told of a chunk: its counts, keys, images, rejects, and what its files were when they were read. */
#include "run/replay.h"

#include "base/cleanup.h"
#include "base/fault.h"
#include "ledger/content.h"
#include "ledger/rejects.h"
#include "source/walk.h"

#include <inttypes.h>
#include <stdlib.h>

int entry_before(void *context, size_t row, struct str old, struct err *err)
{
    struct write_flush *f = context;
    struct before *b = arena_calloc(&f->w->arena, 1, sizeof *b);
    const struct sink_rows *keys = f->o->keys.n ? &f->o->keys : &f->o->rows;
    uint32_t start = row ? keys->ends[row - 1] : 0;

    if (!b)
        return err_oom(err);
    b->table = write_table(f->rule);
    b->key = arena_str(&f->w->arena, str_make(keys->bytes.at + start, keys->ends[row] - start));
    b->old = arena_str(&f->w->arena, old);
    b->next = f->w->befores;
    f->w->befores = b;
    return b->key.at && b->old.at ? 0 : err_oom(err);
}

/* Left out because another row stands there, which may be anybody's: ours only if an earlier load made it. */
static bool is_others(const struct worker *w, const struct outgoing *o, const struct keys_item *item, size_t *skipped,
                      size_t row)
{
    while (*skipped < o->n_skipped && o->skipped[*skipped] < row)
        ++*skipped;
    return *skipped < o->n_skipped && o->skipped[*skipped] == row && !keys_set_find(&w->old_keys, item->table, item->key);
}

static int by_number(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

/* The chunk's keys are those of rows that the database took: a row that another file's row kept out is not ours. */
int entry_keys(struct worker *w, const struct program_rule *rule, const struct outgoing *o)
{
    struct keys_item item = {.table = write_table(rule)};
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
    if (w->rejects && rejects_add(db, w->run->id, chunk, w->rejects, err) < 0)
        return -1;
    for (const struct before *b = w->befores; b; b = b->next) {
        if (ledger_add_before(db, chunk, b->table, b->key, b->old, err) < 0)
            return -1;
    }
    return 0;
}

int entry_mark(struct worker *w, unsigned char mark, struct err *err)
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

int entry_hash(struct worker *w, int fd, struct err *err)
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
        if (fd >= 0 && entry_hash(w, fd, &e) < 0 && e.scope == ERR_RUN) {
            err_move(err, &e);
            return -1;
        }
        err_release(&e);
    }
    return 0;
}

int entry_put(struct worker *w, struct err *err)
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
