/* The second try of what was refused, see run/replay.h. */
#include "run/replay.h"

#include "base/cleanup.h"
#include "ledger/rejects.h"
#include "run/mended.h"
#include "source/walk.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

enum { UNITS_AT_ONCE = 500 };

struct item {
    int64_t id;
    uint32_t root;
    struct str path, rule, record;
    uint64_t line, column;
    uint64_t record_line, record_byte, record_index;
    bool whole, lost;           /* all of the record; its place in it is not known */
    struct str row;
    unsigned depth;
    uint64_t steps;
    bool unable, refused, seen;
};

struct replay {
    struct arena arena;
    const struct mended *mended;
    struct item *items;         /* of the unit */
    size_t n, capacity;
    size_t first, end;          /* those in the record that is being read */
    size_t current;             /* the one whose row is being made */
    unsigned n_each;
    int fd;                     /* memory, where readers find the bytes */
    uint64_t left;              /* of the unit: without a line in the mended file */
    uint64_t settled, all_left; /* in this pass */
};

/* The unit's rejects, with their bytes. */

static int keep(void *context, const struct rejects_item *r, struct err *err)
{
    struct replay *p = context;
    struct item item = {.id = r->id, .root = r->root, .line = r->line, .column = r->column, .record_line = r->record_line,
                        .record_byte = r->record_byte, .record_index = r->record_index, .lost = !r->row.at,
                        .whole = r->row.at && r->row.len == 0};
    struct str mended = {0};

    if (p->mended && !mended_find(p->mended, r->id, &mended)) {
        p->left++;
        return 0;
    }
    if (p->n == p->capacity) {
        size_t capacity = p->capacity ? p->capacity * 2 : 64;
        struct item *items = realloc(p->items, capacity * sizeof *items);

        if (!items)
            return err_oom(err);
        p->items = items;
        p->capacity = capacity;
    }
    item.path = arena_str(&p->arena, r->path);
    item.rule = arena_str(&p->arena, r->rule);
    item.row = arena_str(&p->arena, r->row);
    if (!item.path.at || !item.rule.at || !item.row.at)
        return err_oom(err);
    if (mended.at) {
        item.record = mended;
    } else if (r->record.at) {
        const struct item *last = p->n ? &p->items[p->n - 1] : NULL;

        item.record = last && last->record.at && str_eq(last->record, r->record) ? last->record : arena_str(&p->arena, r->record);
        if (!item.record.at)
            return err_oom(err);
    }
    p->items[p->n++] = item;
    return 0;
}

static void forget(struct replay *p)
{
    arena_reset(&p->arena);
    p->n = p->first = p->end = 0;
    p->left = 0;
}

/* "3.0" to the packed form. */
static bool read_steps(struct item *item, unsigned n_each)
{
    unsigned bits = n_each ? 64 / n_each : 64;
    struct str rest = item->row;

    item->depth = 0;
    item->steps = 0;
    if (item->lost)
        return false;
    while (rest.len) {
        const char *dot = memchr(rest.at, '.', rest.len);
        size_t len = dot ? (size_t)(dot - rest.at) : rest.len;
        uint64_t n;

        if (item->depth == n_each || !str_parse_uint64(str_make(rest.at, len), &n) || (bits < 64 && n >> bits))
            return false;
        item->steps |= n << (bits * (n_each - 1 - item->depth++));
        rest = str_make(rest.at + len + (dot != NULL), rest.len - len - (dot != NULL));
    }
    return true;
}

/* What the pipeline asks */

bool replay_wants(struct worker *w)
{
    struct replay *p = w->replay;
    unsigned depth, bits = p->n_each ? 64 / p->n_each : 64;
    uint64_t steps;

    if (!evaluator_steps(w->ev, &depth, &steps))
        return false;
    for (size_t i = p->first; i < p->end; i++) {
        struct item *item = &p->items[i];
        unsigned below = bits * (p->n_each - item->depth);

        if (item->unable || (item->depth && (below < 64 ? (item->steps ^ steps) >> below : 0)))
            continue;
        item->seen = true;
        p->current = i;
        return true;
    }
    return false;
}

uint32_t replay_current(const struct worker *w)
{
    return w->replay ? (uint32_t)w->replay->current : 0;
}

void replay_refused(struct worker *w, uint32_t item)
{
    w->replay->items[item].refused = true;
}

void replay_broken(struct worker *w)
{
    for (size_t i = w->replay->first; i < w->replay->end; i++)
        w->replay->items[i].refused = true;
    w->replay->current = w->replay->first;
}

struct str replay_record(const struct worker *w, uint32_t item)
{
    return w->replay->items[item].record;
}

static bool passed(const struct item *item)
{
    return !item->unable && !item->refused && (item->whole || item->seen);
}

int replay_settle(struct worker *w, struct db *db, struct err *err)
{
    for (size_t i = 0; i < w->replay->n; i++) {
        if (passed(&w->replay->items[i]) && rejects_settle(db, w->replay->items[i].id, err) < 0)
            return -1;
    }
    return 0;
}

/* Records */

static const struct program_rule *rule_by_name(const struct program *p, struct str name)
{
    for (size_t i = 0; i < p->n_rules; i++) {
        if (p->rules[i].on && str_eq(p->rules[i].source->name.text, name))
            return &p->rules[i];
    }
    return NULL;
}

static bool find_file(const struct unit *unit, const struct item *item, uint32_t *ret)
{
    for (size_t i = 0; i < unit->n_files; i++) {
        if (unit->files[i].root == item->root && str_eq(unit->files[i].path, item->path)) {
            *ret = (uint32_t)i;
            return true;
        }
    }
    return false;
}

/* Why the rest of a record cannot be tried, told once. */
static void unable(struct worker *w, size_t first, size_t end, const char *why)
{
    for (size_t i = first; i < end; i++) {
        const struct item *item = &w->replay->items[i];
        struct finding f = {.code = W0615, .severity = FINDING_ERROR, .outcome = FINDING_SKIPPED,
                            .at = {.file = item->path, .source = run_source(w->run, item->root), .line = item->line,
                                   .column = item->column}};

        if (item->unable)
            continue;
        w->replay->items[i].unable = true;
        f.message = str_of(why);
        if (findings_add(&w->account.findings, &f, &w->failure) < 0)
            return;
    }
}

/* The bytes at their own place in memory, so that every address is that of the file they came from. */
static int put_bytes(struct replay *p, const struct program_rule *rule, const struct item *item, struct input *ret,
                     struct err *err)
{
    uint64_t at = rule->reader->splits ? item->record_byte : 0;
    struct str before = str_make("\n", 1);

    *ret = (struct input){.fd = p->fd, .size = at + item->record.len, .from = at, .to = at + item->record.len + 1,
                          .line = item->record_line ? item->record_line : 1, .index = item->record_index};
    if (ret->to > ret->size)
        ret->to = ret->size;
    if (ftruncate(p->fd, 0) < 0 || (at && pwrite(p->fd, before.at, 1, (off_t)at - 1) != 1) ||
        pwrite(p->fd, item->record.at, item->record.len, (off_t)at) != (ssize_t)item->record.len)
        return err_set(err, ERR_RUN, W0601, "no memory for the record of a reject: %s", strerror(errno));
    return 0;
}

/* The ledger has not kept them: the file itself, when it is as it was, or could not be read before. 1, 0 it is not. */
static int open_source(struct worker *w, const struct program_rule *rule, const struct entry *file, const struct item *item,
                       struct input *ret)
{
    struct err ignored = {0};
    int64_t mtime;

    *ret = (struct input){.line = 1};
    ret->fd = opener_open(w->opener, file->root, file->path, &ret->size, &mtime, &ignored);
    err_release(&ignored);
    if (ret->fd < 0)
        return 0;
    ret->to = ret->size;
    if (item->record_line == 0)
        return 1;   /* nothing of the file was read */
    if (ret->size != file->size || mtime != file->mtime_ns) {
        close(ret->fd);
        return 0;
    }
    if (rule->reader->splits) {
        ret->from = item->record_byte;
        ret->to = item->record_byte + 1;
        ret->line = item->record_line;
        ret->index = item->record_index;
    }
    return 1;
}

/* The items first..end-1 are of one record. */
static int one_record(struct worker *w, const struct program_rule *rule, size_t first, size_t end, struct err *err)
{
    struct replay *p = w->replay;
    struct item *item = &p->items[first];
    struct input in;
    uint32_t file;
    int fed, own = 0;

    p->first = first;
    p->end = end;
    p->current = first;
    p->n_each = (unsigned)rule->n_each;
    if (!find_file(&w->unit, item, &file)) {
        unable(w, first, end, "the ledger does not know its file");
        return 0;
    }
    for (size_t i = first; i < end; i++) {
        if (!read_steps(&p->items[i], p->n_each))
            unable(w, i, i + 1, "which of the record's rows it is cannot be told");
    }
    if (rule->reader && item->record.at) {
        if (put_bytes(p, rule, item, &in, err) < 0)
            return -1;
    } else if (rule->reader) {
        own = open_source(w, rule, &w->unit.files[file], item, &in);
        if (!own) {
            unable(w, first, end, "its bytes were not kept, and the file cannot be read or has changed");
            return 0;
        }
    }
    fed = chunk_feed(w, rule, file, rule->reader ? &in : NULL, err);
    if (own)
        close(in.fd);
    if (fed < 0)
        return -1;
    if (fed == 0)
        unable(w, first, end, "the rule does not read this file any more");
    for (size_t i = first; i < end && fed; i++) {
        if (!p->items[i].unable && !p->items[i].refused && !p->items[i].whole && !p->items[i].seen)
            unable(w, i, i + 1, "the record has no such row any more");
    }
    return 0;
}

static bool same_record(const struct item *a, const struct item *b)
{
    return a->root == b->root && a->record_byte == b->record_byte && str_eq(a->path, b->path) && str_eq(a->rule, b->rule) &&
           a->record.at == b->record.at;
}

static int one_rule(struct worker *w, const struct program_rule *rule, struct err *err)
{
    struct replay *p = w->replay;
    size_t end;

    for (size_t i = 0; i < p->n; i = end) {
        end = i + 1;
        if (!str_eq(p->items[i].rule, rule->source->name.text))
            continue;
        while (end < p->n && same_record(&p->items[i], &p->items[end]))
            end++;
        if (one_record(w, rule, i, end, err) < 0)
            return -1;
    }
    p->first = p->end = 0;
    return write_flush(w, rule, err);
}

static int feed_unit(struct worker *w, struct err *err)
{
    const struct program *program = w->run->p;
    struct replay *p = w->replay;

    chunk_listen(w);
    if (evaluator_group(w->ev, w->unit.files, w->unit.n_files, err) < 0)
        return -1;
    for (size_t i = 0; i < p->n; i++) {
        if (!rule_by_name(program, p->items[i].rule))
            unable(w, i, i + 1, "the mapping has no such rule any more");
    }
    for (size_t i = 0; i < program->n_rules; i++) {
        if (program->rules[i].on && one_rule(w, &program->rules[i], err) < 0)
            return -1;
    }
    return evaluator_group(w->ev, NULL, 0, err) < 0 ? -1 : write_end(w, err);
}

/* 0 done, 1 try again, -1. */
static int try_unit(struct worker *w, struct db *db, int64_t id, struct err *err)
{
    struct rejects_filter filter = {.run = w->run->id, .unit = id, .open = true, .records = true};
    struct replay *p = w->replay;
    uint64_t n = 0;
    int ret;

    forget(p);
    chunk_clear(w);
    if (write_begin(w, err) < 0 || ledger_unit(db, id, &w->unit, err) < 0 ||
        rejects_each(db, &filter, keep, p, err) < 0 || feed_unit(w, err) < 0)
        return -1;
    for (size_t i = 0; i < p->n; i++)
        n += passed(&p->items[i]);
    if (n == 0) {
        worker_roll_back(w);
        return 0;
    }
    ret = worker_commit(w, err);
    if (ret == 0)
        p->settled += n;
    return ret;
}

static int one_unit(struct worker *w, int64_t id, struct err *err)
{
    for (;;) {
        int ret = try_unit(w, w->run->ops->db(w->sink), id, err);

        if (ret == 0)
            break;
        if (ret > 0)
            run_lost_before_commit(err);
        if (!worker_again(w, err))
            return -1;
    }
    w->patience = (struct patience){0};
    w->replay->all_left += w->replay->left;
    return worker_merge(w, err);
}

/* What a pass found is what counts: of earlier passes only what they loaded. */
static int one_pass(struct worker *w, struct err *err)
{
    int64_t units[UNITS_AT_ONCE], after = 0;
    size_t n = 0;

    do {
        if (rejects_units(w->run->ops->db(w->sink), w->run->id, after, units, UNITS_AT_ONCE, &n, err) < 0)
            return -1;
        for (size_t i = 0; i < n; i++) {
            if (run_stopping(w->run))
                return stop_fail(err);
            if (one_unit(w, units[i], err) < 0)
                return -1;
            after = units[i];
        }
    } while (n == UNITS_AT_ONCE);
    return 0;
}

/* Rows that were refused again in this pass may pass in the next, and are not to be counted twice. */
static void forget_refusals(struct run *run)
{
    struct account *a = &run->account;

    for (size_t i = 0; i < run->p->n_rules; i++) {
        a->rules[i].read -= a->rules[i].rejected;
        a->rules[i].rejected = 0;
    }
    a->rejects = 0;
    findings_release(&a->findings);
}

static int all_passes(struct worker *w, uint64_t *settled, struct err *err)
{
    for (;;) {
        w->replay->settled = w->replay->all_left = 0;
        if (one_pass(w, err) < 0)
            return -1;
        *settled += w->replay->settled;
        if (!w->replay->settled || !w->run->account.rejects)
            return 0;
        forget_refusals(w->run);
    }
}

static int with_worker(struct run *run, struct worker *w, struct err *err)
{
    uint64_t settled = 0;
    int ret = all_passes(w, &settled, err);

    if (ret == 0 && settled)
        ret = run_after(run, err);
    return ret;
}

static int try_open(struct run *run, struct replay *replay, struct err *err)
{
    struct worker w = {0};
    int ret = worker_open(&w, run, 0, err);

    w.replay = replay;
    if (ret == 0)
        ret = with_worker(run, &w, err);
    if (w.run) {
        worker_roll_back(&w);
        worker_close(&w);
    }
    return ret;
}

static int count_open(struct run *run, struct err *err)
{
    return rejects_count_open(run->ops->db(run->first), run->id, &run->open_rejects, err);
}

int run_replay(struct run *run, struct err *err)
{
    struct replay replay = {.fd = memfd_create("windrow reject", MFD_CLOEXEC)};
    struct mended *mended = run->o->mended ? mended_open(run->o->mended, err) : NULL;
    int ret = -1;

    run->claimed = calloc(1, sizeof *run->claimed);
    replay.mended = mended;
    if (replay.fd < 0 || !run->claimed)
        err_oom(err);
    else if (!run->o->mended || mended)
        ret = count_open(run, err);
    if (ret == 0 && run->open_rejects)
        ret = try_open(run, &replay, err) < 0 ? -1 : count_open(run, err);
    run->left_rejects = replay.all_left;
    if (replay.fd >= 0)
        close(replay.fd);
    mended_free(mended);
    arena_release(&replay.arena);
    free(replay.items);
    return ret;
}
