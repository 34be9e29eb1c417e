/* Rows that the database does not take, for their own sake or because of another: which they are, and where they come from. */
#include "run/replay.h"

#include "base/cleanup.h"
#include "source/walk.h"

#include <stdlib.h>
#include <unistd.h>

enum { RECORD_READ_MAX = 1 << 20 };

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

/* "column: ...", as our own messages begin. */
static bool begins_with(const char *message, const char *name)
{
    size_t len = strlen(name);

    return strncmp(message, name, len) == 0 && message[len] == ':';
}

/* Databases name the column, or the first of a key, in their own words; what is not understood is the rule's. */
static const struct mapping_text *guilty(const struct program_rule *rule, const struct err *e)
{
    for (size_t i = 0; i < rule->n_columns; i++) {
        const char *name = rule->table->columns[rule->columns[i].column].name;

        if (begins_with(e->message, name) || follows(e->message, ".", name) || follows(e->message, "Key (", name) || follows(e->message, "column \"", name))
            return &rule->columns[i].source->name;
    }
    return &rule->source->mark;
}

/* The address of a row that was made and then refused: its record, and the rule or its column. */
void refusal_place(struct worker *w, const struct program_rule *rule, const struct origin *from, struct err *e)
{
    const struct mapping_text *mark = guilty(rule, e);
    char *path = str_dup(w->unit.files[from->file].path);

    err_at(e, path ? path : "", from->line, 1);
    err_at_byte(e, from->byte);
    err_mapping(e, mark->line, mark->column, mark->len);
    free(path);
}

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

int refusal_skipped(void *context, size_t row, struct err *err)
{
    struct outgoing *o = ((struct write_flush *)context)->o;

    return add_number(&o->skipped, &o->n_skipped, &o->skipped_capacity, row) < 0 ? err_oom(err) : 0;
}

static void read_again(struct worker *w, const struct origin *from, struct buf *record)
{
    const struct entry *file = &w->unit.files[from->file];
    struct err failure = {0};
    uint64_t size;
    int64_t mtime;
    CLEANUP(close_fd) int fd = opener_open(w->opener, file->root, file->path, &size, &mtime, &failure);

    if (fd < 0)
        remark_failure(w, &failure);
    else if (buf_reserve(record, from->len) < 0)
        err_oom(&w->failure);
    else if (pread(fd, record->at, from->len, (off_t)from->byte) == (ssize_t)from->len)
        record->len = from->len;
}

/* The record of a refused row is read again from its file. */
void refusal_of_row(void *context, size_t row, struct err *e)
{
    struct write_flush *f = context;
    struct worker *w = f->w;
    const struct origin *from = &f->o->origins[row];
    struct buf record = BUF_INIT;

    if (w->replay) {
        struct str kept = replay_record(w, from->item);

        if (kept.at && buf_add_str(&record, kept) < 0)
            err_oom(&w->failure);
    } else if (from->len && from->len <= RECORD_READ_MAX) {
        read_again(w, from, &record);
    }
    refusal_place(w, f->rule, from, e);
    if (add_refused(f->o, row) < 0)
        err_oom(&w->failure);
    if (f->o != &w->outgoing[rule_ordinal(w->run, f->rule)])
        reconcile_refused(w, f->rule, sink_rows_row(&f->o->keys, row), &w->failure);
    w->refusing = f->o;
    w->refusing_row = row;
    remark_reject(w, f->rule, record.len ? buf_str(&record) : (struct str){0}, from, e);
    w->refusing = NULL;
    buf_release(&record);
}
