/* A file that was loaded before and is another now: rows that it gave then and does not give any more. */
#include "run/run_internal.h"

#include "base/cleanup.h"

#include <stdlib.h>

/* Rows deleted at a time: the images of that many are in memory. Of a worker's memory the part that old keys may take. */
enum { DELETE_ROWS = 1000, KEYS_PART = 8 };

size_t reconcile_in_unit(const struct unit *unit, const struct entry *file)
{
    size_t i = 0;

    while (i < unit->n_files && (unit->files[i].root != file->root || !str_eq(unit->files[i].path, file->path)))
        i++;
    return i;
}

/* Are the keys of this table packed now as they were then? If not they cannot be compared: rows that are gone stay. */
bool reconcile_same_columns(const struct worker *w, struct str table, struct str columns)
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
static int collect_old(void *context, const struct ledger_written *old, struct err *err)
{
    struct worker *w = context;
    struct keys_reader reader = {.rest = old->packed};
    struct keys_item item;
    CLEANUP(free_ptr) size_t *ours = calloc(old->unit->n_files + 1, sizeof *ours);
    bool same = false;
    struct str table = {0};
    int got;

    if (!ours)
        return err_oom(err);
    for (size_t i = 0; i < old->unit->n_files; i++)
        ours[i] = reconcile_in_unit(&w->unit, &old->unit->files[i]);
    while ((got = keys_next(&reader, &item, err)) == 1) {
        if (table.at != item.table.at)
            same = reconcile_same_columns(w, item.table, old->columns);
        table = item.table;
        if (same && item.file < old->unit->n_files && ours[item.file] < w->unit.n_files &&
            keyset_add(&w->old_keys, item.table, item.key, (uint32_t)ours[item.file], err) < 0)
            return -1;
    }
    return got;
}

static bool reads(const struct program_rule *rule, struct str path)
{
    struct str captures[PATTERN_CAPTURES_MAX];

    for (size_t k = 0; k < rule->n_from; k++) {
        if (pattern_match(rule->from[k], path, captures))
            return true;
    }
    return false;
}

/* A file of the unit that the rule reads: `first` if it can be. */
static struct str find_read(const struct program_rule *rule, const struct unit *unit, struct str first)
{
    if (reads(rule, first))
        return first;
    for (size_t i = 0; i < unit->n_files; i++) {
        if (reads(rule, unit->files[i].path))
            return unit->files[i].path;
    }
    return (struct str){0};
}

static int impossible(const struct program_rule *rule, struct str file, const struct survey_cause *cause, struct err *err)
{
    static const char *const changes[] = {[SURVEY_CHANGED] = "has changed", [SURVEY_AGAIN] = "is to be loaded again",
                                          [SURVEY_NEW] = "is new", [SURVEY_VANISHED] = "has vanished"};
    bool itself = str_eq(file, cause->path);

    if (itself && cause->kind != SURVEY_NEW)
        err_set(err, ERR_RUN, W0609, "%.*s was loaded before and %s, and the rule %.*s has no key", STR_ARG(file),
                changes[cause->kind], STR_ARG(rule->source->name.text));
    else
        err_set(err, ERR_RUN, W0609, "%.*s %s, so %.*s%s is loaded again, and the rule %.*s has no key", STR_ARG(cause->path),
                changes[cause->kind], itself ? 0 : (int)file.len, file.at, itself ? "its group" : " of its group",
                STR_ARG(rule->source->name.text));
    return err_help(err, "give the rule a key:, or load into an empty table with --fresh");
}

int reconcile_possible(const struct program *p, const struct unit *unit, const struct survey_cause *cause, struct err *err)
{
    for (size_t i = 0; i < p->n_rules && unit->mode != UNIT_NEW && unit->mode != UNIT_AFRESH; i++) {
        struct str file = p->rules[i].on && !p->rules[i].n_key ? find_read(&p->rules[i], unit, cause->path) : (struct str){0};
        struct survey_cause itself = {cause->kind, file};

        if (file.at)
            return impossible(&p->rules[i], file, unit->mode == UNIT_GONE ? &itself : cause, err);
    }
    return 0;
}

/* A rule that updates only some columns of a row that is there must know whether the row is another file's too. */
static bool asks_for_others(const struct worker *w)
{
    const struct program *p = w->run->p;

    for (size_t i = 0; i < p->n_rules; i++) {
        const struct sink_spec *spec = &w->run->specs[i];

        if (p->rules[i].on && spec->conflict == SINK_CONFLICT_UPDATE && spec->n_update && !spec->when)
            return true;
    }
    return false;
}

static int mark_others(struct worker *w, struct err *err)
{
    if (w->others_marked)
        return 0;
    w->others_marked = true;
    return write_begin(w, err) < 0 ? -1 : others_mark(w, RECONCILE_SHARED, err);
}

int reconcile_read(struct worker *w, struct err *err)
{
    if (w->unit.mode == UNIT_NEW || !w->run->recalls)
        return 0;
    w->old_keys.most = w->run->o->memory / w->run->jobs / KEYS_PART;
    if (write_begin(w, err) < 0 ||
        ledger_old_keys(w->run->ops->db(w->sink), w->run->job, &w->unit, collect_old, w, err) < 0)
        return -1;
    return keyset_count(&w->old_keys) && asks_for_others(w) ? mark_others(w, err) : 0;
}

/* A row of a key that these files wrote before is theirs, and is brought to its new state. Any other is new, also a second one
 * of the same key: what the mapping says of conflicts holds for it as in a first load. So it does where a rule that only
 * updates some columns meets a row that another file gives as well. */
int reconcile_row(struct worker *w, const struct program_rule *rule, struct str key, struct err *err)
{
    const struct sink_spec *spec = &w->run->specs[rule_ordinal(w->run, rule)];
    struct keyset_item old;
    int got;

    if (!keyset_count(&w->old_keys))
        return 0;
    got = keyset_find(&w->old_keys, write_table(rule), key, &old, err);
    if (got <= 0 || (old.marks & RECONCILE_PRESENT))
        return got < 0 ? -1 : 0;
    if (keyset_mark(&w->old_keys, &old, old.marks | RECONCILE_PRESENT, err) < 0)
        return -1;
    return !((old.marks & RECONCILE_SHARED) && spec->conflict == SINK_CONFLICT_UPDATE);
}

int reconcile_refused(struct worker *w, const struct program_rule *rule, struct str key, struct err *err)
{
    struct keyset_item old;
    int got = keyset_find(&w->old_keys, write_table(rule), key, &old, err);

    return got == 1 ? keyset_mark(&w->old_keys, &old, old.marks & (uint8_t)~RECONCILE_PRESENT, err) : got;
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
    return w->marks && w->marks[file] == ENTRY_FAILED;
}

struct deletion {
    struct worker *w;
    const struct program_rule *rule;
    struct sink_rows keys;
};

static void deletion_release(struct deletion *d) { sink_rows_release(&d->keys); }

static int on_deleted(void *context, size_t row, struct str old, struct err *err)
{
    struct deletion *d = context;

    return entry_image(d->w, d->rule, sink_rows_row(&d->keys, row), old, true, err);
}

static int delete_some(struct deletion *d, struct err *err)
{
    struct worker *w = d->w;
    size_t ordinal = rule_ordinal(w->run, d->rule);
    struct sink_write how = {.before = w->run->ledger ? on_deleted : NULL, .context = d};
    uint64_t deleted = 0;

    if (d->keys.n && (write_begin(w, err) < 0 || w->run->ops->delete_keys(w->tables[ordinal], &d->keys, &how, &deleted, err) < 0))
        return -1;
    w->account.rules[ordinal].deleted += deleted;
    sink_rows_clear(&d->keys);
    return entry_relieve(w, err);
}

/* What is there no more, in the order in which it was written, some at a time. */
static int delete_of_rule(struct worker *w, const struct program_rule *rule, struct err *err)
{
    CLEANUP(keyset_walk_release) struct keyset_walk walk = {0};
    CLEANUP(deletion_release) struct deletion d = {.w = w, .rule = rule};
    struct str table = write_table(rule);
    struct keyset_item item;
    int got;

    while ((got = keyset_next(&w->old_keys, &walk, table, &item, err)) == 1) {
        if (item.marks || unread(w, item.file))
            continue;
        if (sink_rows_add(&d.keys, item.key) < 0)
            return err_oom(err);
        if (d.keys.n == DELETE_ROWS && delete_some(&d, err) < 0)
            return -1;
    }
    return got < 0 ? -1 : delete_some(&d, err);
}

/* Is some row of the table gone? */
static int any_gone(struct worker *w, struct str table, struct err *err)
{
    CLEANUP(keyset_walk_release) struct keyset_walk walk = {0};
    struct keyset_item item;
    int got;

    while ((got = keyset_next(&w->old_keys, &walk, table, &item, err)) == 1 && (item.marks || unread(w, item.file)))
        ;
    return got;
}

/* Is it the last rule of its table? */
static bool is_last(const struct program *p, size_t rule)
{
    for (size_t i = rule + 1; i < p->n_rules; i++) {
        if (p->rules[i].on && p->rules[i].n_key && p->rules[i].table == p->rules[rule].table)
            return false;
    }
    return true;
}

/* Children first. */
int reconcile_delete(struct worker *w, struct err *err)
{
    const struct program *p = w->run->p;

    for (size_t i = p->n_rules; i-- > 0 && keyset_count(&w->old_keys);) {
        const struct program_rule *rule = &p->rules[i];
        int gone;

        if (!rule->on || !rule->n_key || !is_last(p, i))
            continue;
        gone = any_gone(w, write_table(rule), err);
        if (gone > 0 && may_share(w, write_table(rule)) && mark_others(w, err) < 0)
            return -1;
        if (gone < 0 || (gone && delete_of_rule(w, rule, err) < 0))
            return -1;
    }
    return 0;
}
