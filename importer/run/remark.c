/* What is said of records and rows: findings with their addresses, tallies, and rejects as the ledger keeps them. */
#include "run/replay.h"
#include "run/seen.h"

#include "base/cleanup.h"
#include "source/walk.h"

enum { RECORD_KEPT_MAX = 1 << 20, EXCERPT_BYTES = 400 };

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

static void complete(struct worker *w, struct finding *f, const struct program_rule *rule, const struct entry *file)
{
    add_mapping(w->run, f);
    if (file)
        f->kind = kind_name(w, file);
    if (rule)
        f->table = str_of(rule->table->name);
}

static int tell(struct worker *w, struct finding *f, const struct program_rule *rule, const struct entry *file,
                struct err *err)
{
    complete(w, f, rule, file);
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
    return arena_str(&w->pending, str_make(text, (size_t)len));
}

static int keep_reject(struct worker *w, const struct program_rule *rule, struct str record, const struct origin *from,
                       const struct err *e)
{
    const struct entry *file = &w->unit.files[from->file];
    struct ledger_reject *r = arena_calloc(&w->pending, 1, sizeof *r);

    if (!r)
        return -1;
    if (w->kept && w->kept->root == file->root && w->kept->record_byte == from->byte && str_eq(w->kept->path, file->path))
        record = (struct str){0};   /* stands with the reject before, of the same record */
    *r = (struct ledger_reject){
        .root = file->root, .path = file->path, .pointer = kept(&w->pending, str_of(e->pointer)),
        .table = rule ? str_of(rule->table->name) : (struct str){0}, .code = str_of(code_entry(e->code)->name),
        .sqlstate = kept(&w->pending, str_of(e->sqlstate)), .message = kept(&w->pending, str_of(e->message)),
        .record = record.len <= RECORD_KEPT_MAX ? kept(&w->pending, record) : (struct str){0},
        .line = e->line, .column = e->column, .byte = e->byte, .has_byte = e->has_byte, .map_line = e->map_line,
        .rule = rule ? rule->source->name.text : (struct str){0}, .record_line = from->line, .record_byte = from->byte,
        .record_index = from->index, .row = steps_text(w, rule, from)};
    if (r->record.at)
        w->kept = r;
    w->pending_bytes += sizeof *r + r->record.len + r->message.len;
    *w->last_reject = r;
    w->last_reject = &r->next;
    return 0;
}

int remark_true_line(struct worker *w, const struct entry *file, uint64_t *line, struct err *err)
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

void remark_failure(struct worker *w, struct err *e)
{
    e->scope = ERR_RUN;
    if (!w->failure.scope)
        err_move(&w->failure, e);
    err_release(e);
}

/* Is this not about the data at all: did memory end, for one, while the address was written? Then the chunk does not stay. */
static bool ends_chunk(struct worker *w, struct err *e)
{
    if (e->scope != ERR_RUN)
        return false;
    remark_failure(w, e);
    return true;
}

/* Among the few that stand for all of their kind. */
static bool is_shown(struct worker *w, const struct finding *f)
{
    bool shown = findings_shows(&w->account.findings, f);

    pthread_mutex_lock(&w->run->lock);
    shown = shown && findings_shows(&w->run->account.findings, f);
    pthread_mutex_unlock(&w->run->lock);
    return shown;
}

void remark_reject(struct worker *w, const struct program_rule *rule, struct str record, const struct origin *from,
                  struct err *e)
{
    const struct entry *file = &w->unit.files[from->file];
    struct origin at = *from;
    struct finding f;
    struct err oom = {0};

    if (ends_chunk(w, e))
        return;
    if (remark_true_line(w, file, &e->line, &oom) < 0 || remark_true_line(w, file, &at.line, &oom) < 0) {
        e->line = e->column = 0;    /* not known is better than wrong; and the chunk does not stay */
        remark_failure(w, &oom);
    }
    f = finding_of(e);
    f.at.file = file->path;
    f.at.source = run_source(w->run, file->root);
    f.outcome = FINDING_REJECTED;
    if (is_secret(rule))
        record = f.value = (struct str){0};
    add_excerpt(&f, record, from->byte);
    w->account.rejects++;
    if (w->counts)
        w->counts[from->file].rejected++;
    if ((e->code == W0301 || e->code == W0302) && entry_mark(w, ENTRY_FAILED, &w->failure) < 0)
        err_oom(&w->failure);
    if (rule)
        w->account.rules[rule_ordinal(w->run, rule)].rejected++;
    seen_refused(w, rule, w->refusing, w->refusing_row, file, at.line);
    complete(w, &f, rule, file);
    if (w->refusing && is_shown(w, &f))
        seen_clues(w, rule, w->refusing, w->refusing_row, &f);
    if (findings_add(&w->account.findings, &f, &w->failure) < 0)
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

/* The column that the mapping's place is in: the last that begins before it. */
static struct str column_at(const struct program_rule *rule, const struct err *e)
{
    const struct mapping_text *best = NULL;

    for (size_t i = 0; i < rule->n_columns; i++) {
        const struct mapping_text *name = &rule->columns[i].source->name;

        if (name->line > e->map_line || (name->line == e->map_line && name->column > e->map_column))
            continue;
        if (!best || name->line > best->line || (name->line == best->line && name->column > best->column))
            best = name;
    }
    return best ? best->text : (struct str){0};
}

void remark_mended(void *context, const struct program_rule *rule, unsigned did, struct err *e)
{
    struct worker *w = context;
    const struct entry *file = &w->unit.files[w->file];
    struct finding f;
    struct err ignored = {0};
    struct str column = column_at(rule, e);
    char name[200];

    if (ends_chunk(w, e))
        return;
    if (remark_true_line(w, file, &e->line, &ignored) < 0) {
        e->line = e->column = 0;    /* not known is better than wrong */
        err_release(&ignored);
    }
    f = finding_of(e);
    f.severity = FINDING_WARNING;
    f.outcome = FINDING_REPLACED;
    f.at.file = file->path;
    f.at.source = run_source(w->run, file->root);
    if (is_secret(rule))
        f.value = (struct str){0};
    else
        add_excerpt(&f, w->record->raw, w->record->byte);
    snprintf(name, sizeof name, "%s%s%.*s: %s", rule->table->name, column.len ? "." : "", STR_ARG(column),
             did & CONVERT_DID_NUL ? "NUL" : did & CONVERT_DID_UTF8 ? "invalid UTF-8" : did ? "time" : "set to null");
    if (tally_add(&w->account.mended, str_of(name), 1, &f.at, &w->failure) < 0 || tell(w, &f, rule, file, &w->failure) < 0)
        err_oom(&w->failure);
}

void remark_warned(void *context, const struct program_rule *rule, struct err *e)
{
    struct worker *w = context;
    const struct entry *file = &w->unit.files[w->file];
    struct finding f;
    struct err ignored = {0};

    if (ends_chunk(w, e))
        return;
    if (remark_true_line(w, file, &e->line, &ignored) < 0) {
        e->line = e->column = 0;    /* not known is better than wrong */
        err_release(&ignored);
    }
    f = finding_of(e);
    f.severity = FINDING_WARNING;
    f.at.file = file->path;
    f.at.source = run_source(w->run, file->root);
    if (is_secret(rule))
        f.value = (struct str){0};
    else
        add_excerpt(&f, w->record->raw, w->record->byte);
    if (tell(w, &f, rule, file, &w->failure) < 0)
        err_oom(&w->failure);
}

void remark_sibling(void *context, struct err *e)
{
    struct worker *w = context;
    struct finding f;

    if (ends_chunk(w, e))
        return;
    f = finding_of(e);
    f.outcome = FINDING_SKIPPED;
    f.severity = FINDING_WARNING;
    if (tell(w, &f, NULL, NULL, &w->failure) < 0)
        err_oom(&w->failure);
}

void remark_orphan(void *context, const struct program_index *index, struct str key, struct str path, uint64_t line)
{
    struct worker *w = context;
    struct finding_place place = {.file = path, .line = line};
    struct buf name = BUF_INIT;

    if (w->run->o->hide_values)
        key = (struct str){0};
    if (buf_add_str(&name, index->source->name.text) < 0 || buf_add_text(&name, key.len ? " " : "") < 0 ||
        buf_add_str(&name, key) < 0 ||
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

void remark_unread(void *context, const struct program_rule *rule, const struct value *object, struct str key,
                      const struct value *item)
{
    struct worker *w = context;
    struct finding_place place = {.file = w->unit.files[w->file].path, .line = w->record->line,
                                  .source = run_source(w->run, w->unit.files[w->file].root)};
    struct buf name = BUF_INIT, pointer = BUF_INIT;

    (void)rule;
    (void)item;
    if (value_pointer(object, &pointer) < 0)
        err_oom(&w->failure);
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

void remark_no_orphan(void *context, const struct program_index *index, struct str key, struct str path,
                                uint64_t line)
{
    (void)context;
    (void)index;
    (void)key;
    (void)path;
    (void)line;
}
