/* A file that was loaded before and is another now: rows that it gave then and does not give any more. */
#include "run/run_internal.h"

#include <stdlib.h>

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

int reconcile_possible(const struct program *p, const struct unit *unit, struct err *err)
{
    for (size_t i = 0; i < p->n_rules && unit->mode != UNIT_NEW && unit->mode != UNIT_AFRESH; i++) {
        if (!p->rules[i].on || p->rules[i].n_key || !reads(&p->rules[i], unit))
            continue;
        err_set(err, ERR_RUN, W0609, "%.*s was loaded before and has %s, and the rule %.*s has no key",
                STR_ARG(unit->files[0].path), unit->mode == UNIT_GONE ? "vanished" : "changed",
                STR_ARG(p->rules[i].source->name.text));
        return err_help(err, "give the rule a key:, or load into an empty table with --fresh");
    }
    return 0;
}

int reconcile_read(struct worker *w, struct err *err)
{
    if (w->unit.mode == UNIT_NEW || !w->run->recalls)
        return 0;
    if (reconcile_possible(w->run->p, &w->unit, err) < 0 || write_begin(w, err) < 0)
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
    return w->marks && w->marks[file] == ENTRY_FAILED;
}

static int delete_of_rule(struct worker *w, const struct program_rule *rule, struct err *err)
{
    struct str table = write_table(rule);
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
int reconcile_delete(struct worker *w, struct err *err)
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
