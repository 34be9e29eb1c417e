/* A unit's files, rule by rule and record by record, into rows; and what is said of those that fail. */
#include "run/replay.h"

#include "base/cleanup.h"
#include "base/fault.h"
#include "source/walk.h"

#include <errno.h>
#include <sys/stat.h>

enum { RECORD_KEPT_MAX = 1 << 20, EXCERPT_BYTES = 400, TICK_RECORDS = 4096 };

void chunk_clear(struct worker *w)
{
    account_clear(&w->account);
    arena_reset(&w->arena);
    w->rejects = NULL;
    w->last_reject = &w->rejects;
    w->befores = NULL;
    buf_clear(&w->keys.bytes);
    w->keys.table = (struct str){0};
    keys_set_release(&w->old_keys);
    w->lines = 0;
    w->over_limit = false;
    w->kept = NULL;
    w->lines_ahead = 0;
    write_clear(w);
    err_release(&w->failure);
}

/* May the bytes of this rule's files be shown and kept? */
static bool is_secret(const struct program_rule *rule)
{
    return rule && rule->source->read.secret;
}

/* The line around the place, as much of it as a finding can show. */
static void add_excerpt(struct finding *f, struct str raw, uint64_t raw_byte)
{
    size_t at = f->at.has_byte && f->at.byte >= raw_byte ? (size_t)(f->at.byte - raw_byte) : 0, start, end;

    if (!raw.at || at > raw.len)
        return;
    for (start = at; start > 0 && raw.at[start - 1] != '\n' && at - start < EXCERPT_BYTES; start--)
        ;
    for (end = at; end < raw.len && raw.at[end] != '\n' && end - at < EXCERPT_BYTES; end++)
        ;
    while (start < at && start > 0 && raw.at[start - 1] != '\n' && ((unsigned char)raw.at[start] & 0xc0) == 0x80)
        start++;
    f->excerpt = str_make(raw.at + start, end - start);
    f->excerpt_cut = end < raw.len && raw.at[end] != '\n';
    if (f->at.column > str_utf8_count(str_make(raw.at + start, at - start)))
        f->excerpt_column = f->at.column - str_utf8_count(str_make(raw.at + start, at - start));
}

static void add_mapping(const struct run *run, struct finding *f)
{
    if (!f->mapping_line)
        return;
    f->mapping_file = str_of(run->o->mapping);
    if (f->mapping_line <= run->n_mapping_lines)
        f->mapping_text = run->mapping_lines[f->mapping_line - 1];
}

static struct str kind_name(const struct worker *w, const struct entry *file)
{
    size_t kind = account_kind_of(&w->account, file->path, file->kind == ENTRY_DIRECTORY);

    return kind < w->account.n_kinds ? w->account.kinds[kind].name : (struct str){0};
}

static int tell(struct worker *w, struct finding *f, const struct program_rule *rule, const struct entry *file,
                struct err *err)
{
    add_mapping(w->run, f);
    if (file)
        f->kind = kind_name(w, file);
    if (rule)
        f->table = str_of(rule->table->name);
    return findings_add(&w->account.findings, f, err);
}

static struct str kept(struct arena *a, struct str s)
{
    return s.at ? arena_str(a, s) : (struct str){0};
}

/* "3.0": which row of the record, for the ledger. */
static struct str steps_text(struct worker *w, const struct program_rule *rule, const struct origin *from)
{
    char text[200];
    int len = 0;

    if (from->lost)
        return (struct str){0};
    text[0] = '\0';
    for (unsigned i = 0; rule && i < from->depth; i++)
        len += snprintf(text + len, sizeof text - (size_t)len, "%s%llu", i ? "." : "",
                        (unsigned long long)evaluator_step(from->steps, (unsigned)rule->n_each, i));
    return arena_str(&w->arena, str_make(text, (size_t)len));
}

static int keep_reject(struct worker *w, const struct program_rule *rule, struct str record, const struct origin *from,
                       const struct err *e)
{
    const struct entry *file = &w->unit.files[from->file];
    struct ledger_reject *r = arena_calloc(&w->arena, 1, sizeof *r);

    if (!r)
        return -1;
    if (w->kept && w->kept->root == file->root && w->kept->record_byte == from->byte && str_eq(w->kept->path, file->path))
        record = (struct str){0};   /* stands with the reject before, of the same record */
    *r = (struct ledger_reject){
        .root = file->root, .path = file->path, .pointer = kept(&w->arena, str_of(e->pointer)),
        .table = rule ? str_of(rule->table->name) : (struct str){0}, .code = str_of(code_entry(e->code)->name),
        .sqlstate = kept(&w->arena, str_of(e->sqlstate)), .message = kept(&w->arena, str_of(e->message)),
        .record = record.len <= RECORD_KEPT_MAX ? kept(&w->arena, record) : (struct str){0},
        .line = e->line, .column = e->column, .byte = e->byte, .has_byte = e->has_byte, .map_line = e->map_line,
        .rule = rule ? rule->source->name.text : (struct str){0}, .record_line = from->line, .record_byte = from->byte,
        .record_index = from->index, .row = steps_text(w, rule, from)};
    if (r->record.at)
        w->kept = r;
    *w->last_reject = r;
    w->last_reject = &r->next;
    return 0;
}

int chunk_true_line(struct worker *w, const struct entry *file, uint64_t *line, struct err *err)
{
    uint64_t index, size;
    int64_t mtime;

    if (w->line_known || !w->unit.part || w->unit.from == 0 || *line == 0)
        return 0;
    if (!w->lines_ahead) {
        CLEANUP(close_fd) int fd = opener_open(w->opener, file->root, file->path, &size, &mtime, err);

        if (fd < 0 || lines_before(w->run->lines, file->root, file->path, fd, w->unit.from, &w->lines_ahead, &index, err) < 0)
            return -1;
    }
    *line += w->lines_ahead - 1;
    return 0;
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

void chunk_fail(struct worker *w, struct err *e)
{
    e->scope = ERR_RUN;
    if (!w->failure.scope)
        err_move(&w->failure, e);
    err_release(e);
}

void chunk_reject(struct worker *w, const struct program_rule *rule, struct str record, const struct origin *from,
                  struct err *e)
{
    const struct entry *file = &w->unit.files[from->file];
    struct origin at = *from;
    struct finding f;
    struct err oom = {0};

    if (chunk_true_line(w, file, &e->line, &oom) < 0 || chunk_true_line(w, file, &at.line, &oom) < 0) {
        e->line = e->column = 0;    /* not known is better than wrong; and the chunk does not stay */
        chunk_fail(w, &oom);
    }
    f = finding_of(e);
    f.at.file = file->path;
    f.outcome = FINDING_REJECTED;
    f.other = w->first_seen;
    f.other_label = str_of(w->first_seen.file.at ? "first seen here" : NULL);
    w->first_seen = (struct finding_place){0};
    if (is_secret(rule))
        record = f.value = (struct str){0};
    add_excerpt(&f, record, from->byte);
    w->account.rejects++;
    if ((e->code == W0301 || e->code == W0302) && write_mark(w, FILE_FAILED, &w->failure) < 0)
        err_oom(&w->failure);
    if (rule)
        w->account.rules[rule_ordinal(w->run, rule)].rejected++;
    if (tell(w, &f, rule, file, &w->failure) < 0)
        err_oom(&w->failure);
    if (w->replay)
        replay_refused(w, from->item);
    else if (w->run->ledger && keep_reject(w, rule, record, &at, e) < 0)
        err_oom(&w->failure);
    if (w->run->o->stop_on_reject ||
        (w->run->o->has_max_rejects && __atomic_load_n(&w->run->account.rejects, __ATOMIC_RELAXED) + w->account.rejects >
                                           w->run->o->max_rejects))
        w->over_limit = true;
    err_release(e);
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
    chunk_reject(w, rule, w->record->raw, &from, e);
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

static void on_mended(void *context, const struct program_rule *rule, unsigned did, struct err *e)
{
    struct worker *w = context;
    const struct entry *file = &w->unit.files[w->file];
    struct finding f;
    struct err ignored = {0};
    char name[200];

    if (chunk_true_line(w, file, &e->line, &ignored) < 0) {
        e->line = e->column = 0;    /* not known is better than wrong */
        err_release(&ignored);
    }
    f = finding_of(e);
    f.severity = FINDING_WARNING;
    f.outcome = FINDING_REPLACED;
    f.at.file = file->path;
    if (is_secret(rule))
        f.value = (struct str){0};
    else
        add_excerpt(&f, w->record->raw, w->record->byte);
    snprintf(name, sizeof name, "%s: %s", rule->table->name,
             did & CONVERT_DID_NUL ? "NUL" : did & CONVERT_DID_UTF8 ? "invalid UTF-8" : did ? "time" : "set to null");
    if (tally_add(&w->account.mended, str_of(name), 1, &f.at, &w->failure) < 0 || tell(w, &f, rule, file, &w->failure) < 0)
        err_oom(&w->failure);
}

static void on_warned(void *context, const struct program_rule *rule, struct err *e)
{
    struct worker *w = context;
    const struct entry *file = &w->unit.files[w->file];
    struct finding f;
    struct err ignored = {0};

    if (chunk_true_line(w, file, &e->line, &ignored) < 0) {
        e->line = e->column = 0;    /* not known is better than wrong */
        err_release(&ignored);
    }
    f = finding_of(e);
    f.severity = FINDING_WARNING;
    f.at.file = file->path;
    if (is_secret(rule))
        f.value = (struct str){0};
    else
        add_excerpt(&f, w->record->raw, w->record->byte);
    if (tell(w, &f, rule, file, &w->failure) < 0)
        err_oom(&w->failure);
}

static void on_sibling(void *context, struct err *e)
{
    struct worker *w = context;
    struct finding f = finding_of(e);

    f.outcome = FINDING_SKIPPED;
    f.severity = FINDING_WARNING;
    if (tell(w, &f, NULL, NULL, &w->failure) < 0)
        err_oom(&w->failure);
}

static void on_orphan(void *context, const struct program_index *index, struct str key, struct str path, uint64_t line)
{
    struct worker *w = context;
    struct finding_place place = {.file = path, .line = line};
    struct buf name = BUF_INIT;

    if (buf_add_str(&name, index->source->name.text) < 0 || buf_add_char(&name, ' ') < 0 || buf_add_str(&name, key) < 0 ||
        tally_add(&w->account.orphans, buf_str(&name), 1, &place, &w->failure) < 0)
        err_oom(&w->failure);
    buf_release(&name);
}

/* Append `key` as a step of a path: .name, or ."odd name". */
static int add_step(struct buf *out, struct str key)
{
    bool plain = key.len > 0;

    for (size_t i = 0; i < key.len; i++)
        plain = plain && (key.at[i] == '_' || (unsigned)((key.at[i] | 32) - 'a') < 26 ||
                          (i && (unsigned)(key.at[i] - '0') < 10));
    return plain ? buf_printf(out, ".%.*s", STR_ARG(key)) : buf_printf(out, ".\"%.*s\"", STR_ARG(key));
}

static void on_unread(void *context, const struct program_rule *rule, const struct value *object, struct str key,
                      const struct value *item)
{
    struct worker *w = context;
    struct finding_place place = {.file = w->unit.files[w->file].path, .line = w->record->line};
    struct buf name = BUF_INIT, pointer = BUF_INIT;

    (void)rule;
    (void)item;
    if (!value_pointer(object, &pointer))
        buf_clear(&pointer);
    for (size_t i = 0; i < pointer.len; i++) {
        if (pointer.at[i] == '/')
            pointer.at[i] = '.';
    }
    if (buf_add_str(&name, kind_name(w, &w->unit.files[w->file])) < 0 || buf_add_char(&name, ' ') < 0 ||
        buf_add_str(&name, buf_str(&pointer)) < 0 || add_step(&name, key) < 0 ||
        tally_add(&w->account.unread, buf_str(&name), 1, &place, &w->failure) < 0)
        err_oom(&w->failure);
    buf_release(&name);
    buf_release(&pointer);
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
    if (w->lines % TICK_RECORDS == 0) {
        if (stop_requested() == STOP_NOW)
            return err_set(err, ERR_RUN, W0612, "interrupted");
        if (w->run->jobs == 1)
            run_draw(w->run);
    }
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
    chunk_reject(w, w->rule, record->raw, &from, e);
    return after_record(w, err);
}

static int one_record(struct worker *w, const struct record *record, size_t kind, bool first_reader, struct err *err)
{
    w->record = record;
    w->lines++;
    if (first_reader && kind < w->account.n_kinds)
        w->account.kinds[kind].records++;
    if (w->run->o->level != RUN_PARSE && evaluator_record(w->ev, record, err) < 0)
        return -1;
    return after_record(w, err);
}

static int start_lines(struct worker *w, const struct entry *file, struct input *in, struct err *err)
{
    w->line_known = in->from == 0 || w->rule->uses_index;
    if (in->from == 0 || !w->rule->uses_index)
        return 0;
    return lines_before(w->run->lines, file->root, file->path, in->fd, in->from, &in->line, &in->index, err);
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
        if (!got && kind < w->account.n_kinds && first_reader)
            w->account.kinds[kind].failed++;
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
        if (kind < w->account.n_kinds && first_reader)
            w->account.kinds[kind].failed++;
        return write_mark(w, FILE_FAILED, err) < 0 ? -1 : broken_record(w, &(struct record){0}, &e, err);
    }
    in.to = w->unit.part ? w->unit.to : in.size;
    ret = check_open(w, file, in.size, mtime, first_reader, err);
    if (ret == 0)
        ret = write_mark(w, FILE_OPENED, err);
    if (ret == 0)
        ret = start_lines(w, file, &in, err);
    if (ret == 0)
        ret = w->rule->reader->start(reader, &in, err);
    if (ret == 0)
        ret = read_records(w, reader, kind, first_reader, err);
    if (ret == 0)
        count_passed_over(w, reader_skipped(reader));
    if (ret == 0 && first_reader)
        ret = write_hash(w, in.fd, err);
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

static int run_rule(struct worker *w, const struct program_rule *rule, struct err *err)
{
    uint64_t begun = run_now_ns();
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
    }
    flushed = write_flush(w, rule, err);
    w->account.rules[rule_ordinal(w->run, rule)].time_ns += run_now_ns() - begun;
    return flushed;
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

static void on_orphan_of_replay(void *context, const struct program_index *index, struct str key, struct str path,
                                uint64_t line)
{
    (void)context;
    (void)index;
    (void)key;
    (void)path;
    (void)line;
}

void chunk_listen(struct worker *w)
{
    w->out = (struct evaluate_out){w, on_row, on_rejected, on_skipped, on_mended, on_sibling, on_orphan, on_warned, NULL};
    if (w->replay)
        w->out.orphan = on_orphan_of_replay;
    else if (w->run->o->level != RUN_LOAD)
        w->out.unread = on_unread;
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
        return write_read_old_keys(w, err) < 0 ? -1 : write_delete_gone(w, err);
    count_files(w);
    if (evaluator_group(w->ev, w->unit.files, w->unit.n_files, err) < 0 || write_read_old_keys(w, err) < 0)
        return -1;
    for (size_t i = 0; i < p->n_rules; i++) {
        if (p->rules[i].on && run_rule(w, &p->rules[i], err) < 0)
            return -1;
    }
    if (evaluator_group(w->ev, NULL, 0, err) < 0 || after_record(w, err) < 0)
        return -1;
    FAULT("after_rows");
    return write_delete_gone(w, err);
}
