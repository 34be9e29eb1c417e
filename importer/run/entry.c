/* What the ledger is told of a chunk: its counts, keys, images, rejects, and what its files were when they were read. */
#include "run/replay.h"

#include "base/cleanup.h"
#include "base/fault.h"
#include "ledger/content.h"
#include "ledger/rejects.h"
#include "source/walk.h"

#include <inttypes.h>
#include <stdlib.h>

/* Of a worker's memory the part that may wait for the ledger. */
enum { PENDING_BYTES = 16 << 20, PENDING_PART = 8 };

int entry_image(struct worker *w, const struct program_rule *rule, struct str key, struct str old, bool deleted, struct err *err)
{
    struct ledger_before *b = arena_calloc(&w->pending, 1, sizeof *b);

    if (!b)
        return err_oom(err);
    *b = (struct ledger_before){NULL, write_table(rule), arena_str(&w->pending, key), arena_str(&w->pending, old), deleted};
    *w->last_before = b;
    w->last_before = &b->next;
    w->pending_bytes += sizeof *b + key.len + old.len;
    return b->key.at && b->old.at ? 0 : err_oom(err);
}

int entry_before(void *context, size_t row, struct str old, struct err *err)
{
    struct write_flush *f = context;

    return entry_image(f->w, f->rule, sink_rows_row(f->o->keys.n ? &f->o->keys : &f->o->rows, row), old, false, err);
}

/* Left out because another row stands there, which may be anybody's: ours only if an earlier load made it. 1, 0, -1. */
static int is_others(struct worker *w, const struct outgoing *o, const struct keys_item *item, size_t *skipped, size_t row,
                     struct err *err)
{
    struct keyset_item old;
    int ours;

    while (*skipped < o->n_skipped && o->skipped[*skipped] < row)
        ++*skipped;
    if (*skipped == o->n_skipped || o->skipped[*skipped] != row)
        return 0;
    ours = keyset_find(&w->old_keys, item->table, item->key, &old, err);
    return ours < 0 ? -1 : !ours;
}

static int by_number(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

uint64_t entry_line(const struct worker *w, uint64_t line)
{
    return w->line_known && w->unit.part && w->lines_ahead ? line - (w->lines_ahead - 1) : line;
}

/* The chunk's keys are those of rows that the database took: a row that another file's row kept out is not ours. */
int entry_keys(struct worker *w, const struct program_rule *rule, struct outgoing *o, struct err *err)
{
    struct keys_item item = {.table = write_table(rule)};
    size_t refused = 0, skipped = 0;

    if (o->n_skipped)
        qsort(o->skipped, o->n_skipped, sizeof *o->skipped, by_number);
    for (size_t i = 0; i < o->keys.n; i++) {
        int others;

        if (refused < o->n_refused && o->refused[refused] == i) {
            refused++;
            continue;
        }
        item.file = o->origins[i].file;
        item.line = entry_line(w, o->origins[i].line);
        item.key = sink_rows_row(&o->keys, i);
        others = is_others(w, o, &item, &skipped, i, err);
        if (others < 0)
            return -1;
        if (!others && keys_add(&w->keys, &item) < 0)
            return err_oom(err);
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

        if (!r->read && !r->deleted)
            continue;
        if (buf_printf(out, "%s\"%.*s\":{\"read\":%" PRIu64 ",\"inserted\":%" PRIu64 ",\"updated\":%" PRIu64 ",\"same\":%" PRIu64
                       ",\"rejected\":%" PRIu64 ",\"skipped\":%" PRIu64 ",\"deleted\":%" PRIu64 "}", first ? "" : ",",
                       STR_ARG(w->run->p->rules[i].source->name.text), r->read, r->inserted, r->updated, r->same, r->rejected,
                       r->skipped, r->deleted) < 0)
            return -1;
        first = false;
    }
    return buf_add_char(out, '}');
}

/* What has been gathered, to the chunk's entry. */
static int hand_on(struct worker *w, struct db *db, int64_t chunk, struct err *err)
{
    if ((w->rejects && rejects_add(db, w->run->id, chunk, w->rejects, err) < 0) ||
        ledger_add_before(db, chunk, w->befores, err) < 0)
        return -1;
    w->rejects = NULL;
    w->last_reject = &w->rejects;
    w->kept = NULL;
    w->befores = NULL;
    w->last_before = &w->befores;
    arena_reset(&w->pending);
    w->pending_bytes = 0;
    return 0;
}

static int hand_on_keys(struct worker *w, struct db *db, struct err *err)
{
    if (w->keys.bytes.len && ledger_add_keys(db, w->chunk_id, buf_str(&w->keys.bytes), &w->pieces, err) < 0)
        return -1;
    buf_clear(&w->keys.bytes);
    w->keys.table = (struct str){0};
    return 0;
}

/* A test build can be told to hand on sooner. */
static uint64_t most_pending(const struct run *run)
{
    uint64_t share = run->o->memory / run->jobs / PENDING_PART, most = PENDING_BYTES;

#ifdef WINDROW_FAILPOINTS
    const char *given = getenv("WINDROW_PENDING_BYTES");

    if (given && !str_parse_uint64(str_of(given), &most))
        most = PENDING_BYTES;
#endif
    return share < most ? share : most;
}

bool entry_is_full(const struct worker *w)
{
    return w->run->ledger && !w->replay && w->pending_bytes + w->keys.bytes.len > most_pending(w->run);
}

int entry_relieve(struct worker *w, struct err *err)
{
    struct ledger_chunk chunk = {.unit = &w->unit, .run = w->run->id, .rows_json = str_of("{}")};
    struct db *db;

    if (!entry_is_full(w))
        return 0;
    if (write_begin(w, err) < 0)
        return -1;
    db = w->run->ops->db(w->sink);
    if (!w->chunk_id && (ledger_commit_chunk(db, w->run->job, &chunk, &w->chunk_id, err) < 0 ||
                         rejects_supersede(db, w->run->job, &w->unit, err) < 0))
        return -1;
    return hand_on_keys(w, db, err) < 0 || hand_on(w, db, w->chunk_id, err) < 0 ? -1 : 0;
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

/* 0, with the chunk's id where something refers to it. */
static int put_chunk(struct worker *w, struct db *db, struct ledger_chunk *chunk, int64_t *id, struct err *err)
{
    CLEANUP(buf_release) struct buf rows = BUF_INIT;

    if (rows_json(w, &rows) < 0)
        return err_oom(err);
    chunk->rows_json = buf_str(&rows);
    *id = w->chunk_id;
    if (!w->chunk_id) {
        chunk->keys = buf_str(&w->keys.bytes);
        return ledger_commit_chunk(db, w->run->job, chunk, w->rejects || w->befores ? id : NULL, err);
    }
    if (hand_on_keys(w, db, err) < 0)
        return -1;
    chunk->pieces = w->pieces;
    return ledger_amend_chunk(db, w->chunk_id, chunk, err);
}

int entry_put(struct worker *w, struct err *err)
{
    struct ledger_chunk chunk = {.unit = &w->unit, .run = w->run->id, .lines = w->replay ? 0 : w->lines,
                                 .again = w->replay != NULL};
    struct db *db;
    int64_t id;

    if ((w->unit.mode != UNIT_GONE && !w->replay && hash_others(w, err) < 0) || write_begin(w, err) < 0)
        return -1;
    chunk.hash = w->replay ? NULL : w->hashes;
    chunk.marks = w->marks;
    db = w->run->ops->db(w->sink);
    FAULT("before_cas");
    if (put_chunk(w, db, &chunk, &id, err) < 0)
        return -1;
    FAULT("after_cas");
    if (w->replay) {
        if (replay_settle(w, db, err) < 0)
            return -1;
    } else if ((!w->chunk_id && rejects_supersede(db, w->run->job, &w->unit, err) < 0) ||
               ledger_put_files(db, w->run->job, &chunk, err) < 0) {
        return -1;
    }
    return hand_on(w, db, id, err);
}
