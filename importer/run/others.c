/* Rows that other files give as well: where a rule may meet a row that is there (on_conflict: skip or update), two files, of one
 * job or of two, can have written the same one. */
#include "run/run_internal.h"

#include "base/cleanup.h"

#include <stdlib.h>

/* The chunk that is looked at, file by file: is it what they were loaded with last? */
enum state { UNKNOWN = 0, CURRENT, FORMER };

struct others {
    struct worker *w;
    uint8_t mark;
    struct buf source;      /* of this job */
};

static void others_release(struct others *o) { buf_release(&o->source); }

/* Line `n` of the sources of a job. */
static struct str root_of(struct str source, uint32_t n)
{
    for (;; n--) {
        const char *end = memchr(source.at, '\n', source.len);
        size_t len = end ? (size_t)(end - source.at) : source.len;

        if (n == 0 || !end)
            return str_make(source.at, len);
        source = str_make(end + 1, source.len - len - 1);
    }
}

/* root/path as one text, byte by byte. */
static char byte_at(struct str root, struct str path, size_t i)
{
    return i < root.len ? root.at[i] : i == root.len ? '/' : path.at[i - root.len - 1];
}

static bool same_path(struct str root, struct str path, struct str other_root, struct str other_path)
{
    size_t len = root.len + 1 + path.len;

    if (len != other_root.len + 1 + other_path.len)
        return false;
    while (len && byte_at(root, path, len - 1) == byte_at(other_root, other_path, len - 1))
        len--;
    return len == 0;
}

/* The same file can be loaded by two jobs, when the command was given with other directories. */
static bool is_ours(const struct others *o, const struct ledger_written *written, const struct entry *file)
{
    const struct unit *unit = &o->w->unit;

    if (written->job == o->w->run->job)
        return reconcile_in_unit(unit, file) < unit->n_files;
    for (size_t i = 0; i < unit->n_files; i++) {
        if (same_path(root_of(buf_str(&o->source), unit->files[i].root), unit->files[i].path,
                      root_of(written->source, file->root), file->path))
            return true;
    }
    return false;
}

static int find_state(struct others *o, const struct ledger_written *written, const struct entry *file, enum state *ret,
                      struct err *err)
{
    const struct unit *unit = written->unit;
    int64_t now;
    int got;

    if (is_ours(o, written, file)) {
        *ret = FORMER;
        return 0;
    }
    got = ledger_unit_of_file(o->w->run->ops->db(o->w->sink), written->job, file->root, file->path, &now, err);
    *ret = got == 1 && now == (unit->part ? unit->load : unit->id) ? CURRENT : FORMER;
    return got < 0 ? -1 : 0;
}

static int look(void *context, const struct ledger_written *written, struct err *err)
{
    struct others *o = context;
    struct keys_reader reader = {.rest = written->packed};
    CLEANUP(free_ptr) enum state *states = calloc(written->unit->n_files + 1, sizeof *states);
    struct str table = {0};
    struct keys_item item;
    bool same = false;
    int got;

    if (!states)
        return err_oom(err);
    while ((got = keys_next(&reader, &item, err)) == 1) {
        struct keyset_item old;

        if (table.at != item.table.at)
            same = reconcile_same_columns(o->w, item.table, written->columns);
        table = item.table;
        if (!same || item.file >= written->unit->n_files || states[item.file] == FORMER)
            continue;
        got = keyset_find(&o->w->old_keys, item.table, item.key, &old, err);
        if (got == 1 && states[item.file] == UNKNOWN &&
            find_state(o, written, &written->unit->files[item.file], &states[item.file], err) < 0)
            return -1;
        if (got == 1 && states[item.file] == CURRENT)
            got = keyset_mark(&o->w->old_keys, &old, old.marks | o->mark, err);
        if (got < 0)
            return -1;
    }
    return got;
}

int others_mark(struct worker *w, uint8_t mark, struct err *err)
{
    CLEANUP(others_release) struct others o = {.w = w, .mark = mark, .source = BUF_INIT};

    if (run_source_text(w->run, &o.source, err) < 0)
        return -1;
    return ledger_all_keys(w->run->ops->db(w->sink), look, &o, err);
}
