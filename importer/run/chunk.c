/* A unit's files, rule by rule and record by record, into rows. */
#include "run/replay.h"

#include "base/fault.h"
#include "source/walk.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LARGE_BYTES = 1 << 20 };    /* a reader that met a file of this size gives back its memory */
enum { TICK_RECORDS = 4096 };

void chunk_clear(struct worker *w)
{
    account_clear(&w->account);
    arena_reset(&w->arena);
    w->counts = NULL;
    w->rejects = NULL;
    w->last_reject = &w->rejects;
    w->befores = NULL;
    w->last_before = &w->befores;
    arena_reset(&w->pending);
    w->pending_bytes = 0;
    w->chunk_id = w->pieces = 0;
    buf_clear(&w->keys.bytes);
    w->keys.table = (struct str){0};
    keyset_release(&w->old_keys);
    w->others_marked = false;
    w->lines = 0;
    w->over_limit = false;
    w->kept = NULL;
    w->lines_ahead = 0;
    write_clear(w);
    err_release(&w->failure);
}

struct origin chunk_origin(const struct worker *w)
{
    struct origin ret = {.line = w->record->line, .byte = w->record->byte, .index = w->record->index, .file = w->file,
                         .len = (uint32_t)w->record->raw.len};
    unsigned depth;

    ret.lost = !evaluator_steps(w->ev, &depth, &ret.steps);
    ret.depth = (uint8_t)depth;
    ret.item = replay_current(w);
    return ret;
}

/* What the evaluator tells. */

static int on_row(void *context, const struct program_rule *rule, const struct cell *cells, struct err *err)
{
    struct worker *w = context;
    struct account_rule *account = &w->account.rules[rule_ordinal(w->run, rule)];

    if (w->replay && !replay_wants(w))
        return 0;
    account->read++;
    if (w->run->o->level != RUN_LOAD) {
        for (size_t i = 0; i < rule->n_columns; i++)
            account->filled[i] += cells[rule->columns[i].cell].kind != CELL_NULL;
    }
    return write_row(w, rule, cells, err);
}

static void on_rejected(void *context, const struct program_rule *rule, struct err *e)
{
    struct worker *w = context;
    struct origin from;

    if (w->replay && !replay_wants(w)) {
        err_release(e);
        return;
    }
    from = chunk_origin(w);
    w->account.rules[rule_ordinal(w->run, rule)].read++;
    remark_reject(w, rule, w->record->raw, &from, e);
}

static void on_skipped(void *context, const struct program_rule *rule)
{
    struct worker *w = context;
    struct account_rule *account = &w->account.rules[rule_ordinal(w->run, rule)];

    if (w->replay && !replay_wants(w))
        return;
    account->read++;
    account->skipped++;
}

/* Records */

static int after_record(struct worker *w, struct err *err)
{
    if (w->failure.scope) {
        err_move(err, &w->failure);
        return -1;
    }
    if (w->over_limit)
        return err_set(err, ERR_RUN, W0608, w->run->o->stop_on_reject ? "a row was refused and --on-error is stop"
                                                                      : "more rows were refused than --max-rejects allows");
    if (entry_is_full(w) && write_flush(w, w->rule, err) < 0)
        return -1;
    if (stop_now())
        return stop_fail(err);
    if (w->lines % TICK_RECORDS == 0 && w->run->jobs == 1)
        run_draw(w->run);
    return 0;
}

/* A record that could not be read costs each rule that would have made a row of it. */
static int broken_record(struct worker *w, const struct record *record, struct err *e, struct err *err)
{
    struct origin from = {.line = record->line, .byte = record->byte, .index = record->index, .file = w->file,
                          .len = (uint32_t)record->raw.len};

    if (w->replay) {
        replay_broken(w);
        from.item = replay_current(w);
    }
    w->account.rules[rule_ordinal(w->run, w->rule)].read++;
    w->lines++;
    remark_reject(w, w->rule, record->raw, &from, e);
    return after_record(w, err);
}

static int one_record(struct worker *w, const struct record *record, size_t kind, bool first_reader, struct err *err)
{
    w->record = record;
    w->lines++;
    if (first_reader && kind < w->account.n_kinds)
        w->account.kinds[kind].records++;
    if (first_reader && w->counts)
        w->counts[w->file].records++;
    if (w->run->o->level != RUN_PARSE && evaluator_record(w->ev, record, err) < 0)
        return -1;
    return after_record(w, err);
}

static int start_lines(struct worker *w, const struct entry *file, struct input *in, struct err *err)
{
    w->line_known = in->from == 0 || w->rule->uses_index;
    if (in->from == 0 || !w->rule->uses_index)
        return 0;
    if (lines_before(w->run->lines, file->root, file->path, in->fd, in->from, &in->line, &in->index, err) < 0)
        return -1;
    w->lines_ahead = in->line;
    return 0;
}

static void count_failed(struct worker *w, size_t kind)
{
    if (kind < w->account.n_kinds)
        w->account.kinds[kind].failed++;
    if (w->counts)
        w->counts[w->file].state = SUMMARY_FAILED;
}

static int read_records(struct worker *w, struct reader *reader, size_t kind, bool first_reader, struct err *err)
{
    const struct reader_ops *ops = w->rule->reader;
    struct record record = {0};
    struct err e = {0};     /* empty again after each record */

    for (;;) {
        int got = ops->next(reader, &record, &e);

        if (got == 0)
            return 0;
        if (got == 1) {
            if (one_record(w, &record, kind, first_reader, err) < 0)
                return -1;
            continue;
        }
        if (e.scope == ERR_RUN || e.code == W0302) {   /* an I/O error says nothing of the file: try again another time */
            e.scope = ERR_RUN;
            err_move(err, &e);
            return -1;
        }
        got = e.scope == ERR_RECORD;
        if (!got && first_reader)
            count_failed(w, kind);
        if (!got)
            record = (struct record){0};    /* only a broken record tells of itself */
        if (broken_record(w, &record, &e, err) < 0)
            return -1;
        if (!got)
            return 0;
    }
}

/* A directory, or a file that is not to be read, is one record without content. */
static int read_nothing(struct worker *w, size_t kind, bool first_reader, struct err *err)
{
    struct record record = {.value = value_object(NULL, 0), .line = 1};

    return one_record(w, &record, kind, first_reader, err);
}

static struct reader *reader_of(struct worker *w, struct err *err)
{
    struct reader **reader = &w->readers[rule_ordinal(w->run, w->rule)];

    if (!*reader)
        *reader = w->rule->reader->open(&w->rule->read, err);
    return *reader;
}

static int changed(struct err *err)
{
    err_set(err, ERR_RUN, W0605, "the file changed while it was being read");
    return err_help(err, "run the same command again when nobody writes to the source");
}

/* What the survey saw may be old by now: the first rule takes the file as it is, the others must find the same. */
static int check_open(struct worker *w, struct entry *file, uint64_t size, int64_t mtime_ns, bool first, struct err *err)
{
    if (size == file->size && mtime_ns == file->mtime_ns)
        return 0;
    if (w->unit.part || !first)
        return changed(err);
    file->size = size;
    file->mtime_ns = mtime_ns;
    return 0;
}

static int check_closed(const struct entry *file, int fd, struct err *err)
{
    struct stat now;

    if (fstat(fd, &now) < 0)
        return err_set(err, ERR_RUN, W0302, "cannot look at the file again: %s", strerror(errno));
    if ((uint64_t)now.st_size == file->size &&
        (int64_t)now.st_mtim.tv_sec * 1000000000 + now.st_mtim.tv_nsec == file->mtime_ns)
        return 0;
    return changed(err);
}

/* Lines that the mapping tells the reader to skip are in the account too. */
static void count_passed_over(struct worker *w, uint64_t lines)
{
    struct account_rule *account = &w->account.rules[rule_ordinal(w->run, w->rule)];

    account->read += lines;
    account->skipped += lines;
}

static int read_file(struct worker *w, struct entry *file, size_t kind, bool first_reader, struct err *err)
{
    struct reader *reader = reader_of(w, err);
    struct input in = {.line = 1, .from = w->unit.part ? w->unit.from : 0};
    struct err e = {0};
    int64_t mtime;
    int ret;

    if (!reader)
        return -1;
    in.fd = opener_open(w->opener, file->root, file->path, &in.size, &mtime, &e);
    if (in.fd < 0 && (e.scope == ERR_RUN || w->unit.part)) {
        e.scope = ERR_RUN;
        err_move(err, &e);
        return -1;
    }
    if (in.fd < 0) {
        if (first_reader)
            count_failed(w, kind);
        return entry_mark(w, ENTRY_FAILED, err) < 0 ? -1 : broken_record(w, &(struct record){0}, &e, err);
    }
    in.to = w->unit.part ? w->unit.to : in.size;
    ret = check_open(w, file, in.size, mtime, first_reader, err);
    if (ret == 0)
        ret = entry_mark(w, ENTRY_OPENED, err);
    if (ret == 0)
        ret = start_lines(w, file, &in, err);
    if (ret == 0)
        ret = w->rule->reader->start(reader, &in, err);
    if (ret == 0)
        ret = read_records(w, reader, kind, first_reader, err);
    if (ret == 0)
        count_passed_over(w, reader_skipped(reader));
    if (ret == 0 && first_reader)
        ret = entry_hash(w, in.fd, err);
    if (ret == 0)
        ret = check_closed(file, in.fd, err);
    close(in.fd);
    return ret;
}

/* Is this the first rule that reads the file? It counts the records. */
static bool reads_first(const struct worker *w, const struct entry *file)
{
    uint16_t rules[64];
    bool used;
    size_t n = w->run->p->n_rules <= ARRAY_LEN(rules)
                   ? program_match(w->run->p, file->path, file->kind == ENTRY_DIRECTORY, rules, &used) : 0;

    return n == 0 || rules[0] == rule_ordinal(w->run, w->rule);
}

/* Each rule has a reader of its own: what a large document took up must not wait until the others have read it too. */
static void release_reader(struct worker *w, uint64_t largest)
{
    struct reader **reader = &w->readers[rule_ordinal(w->run, w->rule)];

    if (!*reader || largest < LARGE_BYTES)
        return;
    w->rule->reader->close(*reader);
    *reader = NULL;
}

static int run_rule(struct worker *w, const struct program_rule *rule, struct err *err)
{
    uint64_t begun = run_now_ns(), largest = 0;
    int flushed;

    w->rule = rule;
    for (uint32_t i = 0; i < w->unit.n_files; i++) {
        struct entry *file = &w->unit.files[i];
        uint64_t opened;
        size_t kind;
        bool first;
        int ret;

        if (!evaluator_file(w->ev, rule, file))
            continue;
        opened = run_now_ns();
        w->file = i;
        kind = account_kind_of(&w->account, file->path, file->kind == ENTRY_DIRECTORY);
        first = reads_first(w, file);
        ret = rule->reader ? read_file(w, file, kind, first, err) : read_nothing(w, kind, first, err);
        if (ret < 0) {
            char *path = str_dup(file->path);

            err_at(err, path ? path : "", 0, 0);
            free(path);
            return -1;
        }
        if (kind < w->account.n_kinds)
            w->account.kinds[kind].time_ns += run_now_ns() - opened;
        largest = file->size > largest ? file->size : largest;
    }
    release_reader(w, largest);
    flushed = write_flush(w, rule, err);
    w->account.rules[rule_ordinal(w->run, rule)].time_ns += run_now_ns() - begun;
    return flushed;
}

/* The counts of each file, filled by what follows. */
static int start_counts(struct worker *w, struct err *err)
{
    w->counts = arena_calloc(&w->arena, w->unit.n_files + 1, sizeof *w->counts);
    return w->counts ? 0 : err_oom(err);
}

static int keep_counts(struct worker *w, struct err *err)
{
    for (size_t i = 0; i < w->unit.n_files; i++) {
        const struct entry *file = &w->unit.files[i];
        const struct summary_file count = {.path = file->path, .source = str_of(run_source(w->run, file->root)),
                                           .bytes = w->unit.part ? w->unit.to - w->unit.from : file->size,
                                           .state = w->counts[i].state, .records = w->counts[i].records,
                                           .rejected = w->counts[i].rejected};

        if (file->kind == ENTRY_FILE && filelist_add(&w->account.list, &count, err) < 0)
            return -1;
    }
    return 0;
}

static void count_files(struct worker *w)
{
    for (size_t i = 0; i < w->unit.n_files; i++) {
        const struct entry *file = &w->unit.files[i];
        size_t kind = account_kind_of(&w->account, file->path, file->kind == ENTRY_DIRECTORY);
        uint64_t bytes = w->unit.part ? w->unit.to - w->unit.from : file->size;

        if (file->kind != ENTRY_FILE)
            bytes = 0;
        if (kind < w->account.n_kinds) {
            w->account.kinds[kind].files += !w->unit.part || w->unit.from == 0;
            w->account.kinds[kind].bytes += bytes;
        }
        w->account.files += file->kind == ENTRY_FILE && (!w->unit.part || w->unit.from == 0);
        w->account.bytes += bytes;
    }
}

void chunk_listen(struct worker *w)
{
    w->out = (struct evaluate_out){w, on_row, on_rejected, on_skipped, remark_mended, remark_sibling, remark_orphan,
                                     remark_warned, NULL};
    if (w->replay)
        w->out.orphan = remark_no_orphan;
    else if (w->run->o->level != RUN_LOAD)
        w->out.unread = remark_unread;
}

int chunk_feed(struct worker *w, const struct program_rule *rule, uint32_t file, struct input *in, struct err *err)
{
    struct reader *reader;

    if (!evaluator_file(w->ev, rule, &w->unit.files[file]))
        return 0;
    w->rule = rule;
    w->file = file;
    w->line_known = true;
    if (!rule->reader)
        return read_nothing(w, SIZE_MAX, false, err) < 0 ? -1 : 1;
    reader = reader_of(w, err);
    if (!reader || rule->reader->start(reader, in, err) < 0 || read_records(w, reader, SIZE_MAX, false, err) < 0)
        return -1;
    return 1;
}

int chunk_run(struct worker *w, struct err *err)
{
    const struct program *p = w->run->p;

    chunk_listen(w);
    if (w->unit.mode == UNIT_GONE)
        return reconcile_read(w, err) < 0 ? -1 : reconcile_delete(w, err);
    count_files(w);
    if (start_counts(w, err) < 0)
        return -1;
    if (evaluator_group(w->ev, w->unit.files, w->unit.n_files, err) < 0 || reconcile_read(w, err) < 0)
        return -1;
    for (size_t i = 0; i < p->n_rules; i++) {
        if (p->rules[i].on && run_rule(w, &p->rules[i], err) < 0)
            return -1;
    }
    if (evaluator_group(w->ev, NULL, 0, err) < 0 || write_end(w, err) < 0 || after_record(w, err) < 0)
        return -1;
    FAULT("after_rows");
    return reconcile_delete(w, err) < 0 ? -1 : keep_counts(w, err);
}
