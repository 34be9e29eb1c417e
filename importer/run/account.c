/* Counting, merging, and the summary's tables; see run/account.h. */
#include "run/account.h"

#include <stdlib.h>

/* Distinct pattern texts, in the mapping's order: rules, then documents, then indexes. */
static void add_kind(struct account *a, struct str text)
{
    for (size_t i = 0; i < a->n_kinds; i++) {
        if (str_eq(a->kinds[i].name, text))
            return;
    }
    a->kinds[a->n_kinds++].name = text;
}

int account_init(struct account *a, const struct program *p, bool hide_values, struct err *err)
{
    const struct mapping *m = p->mapping;
    size_t most = m->n_documents + m->n_indexes + 1;

    *a = (struct account){.p = p, .findings = {.hide_values = hide_values}};
    for (size_t i = 0; i < p->n_rules; i++)
        most += p->rules[i].n_from;
    a->rules = calloc(p->n_rules + 1, sizeof *a->rules);
    a->kinds = calloc(most, sizeof *a->kinds);
    if (!a->rules || !a->kinds)
        return err_oom(err);
    for (size_t i = 0; i < p->n_rules; i++) {
        a->rules[i].filled = calloc(p->rules[i].n_columns + 1, sizeof *a->rules[i].filled);
        if (!a->rules[i].filled)
            return err_oom(err);
        for (size_t k = 0; k < p->rules[i].n_from; k++)
            add_kind(a, pattern_text(p->rules[i].from[k]));
    }
    a->n_rule_kinds = a->n_kinds;
    for (size_t i = 0; i < m->n_documents; i++)
        add_kind(a, pattern_text(p->documents[i].file));
    for (size_t i = 0; i < m->n_indexes; i++) {
        if (p->indexes[i].files)
            add_kind(a, pattern_text(p->indexes[i].files));
    }
    a->ready = true;
    return 0;
}

static void release_lists(struct account *a)
{
    findings_release(&a->findings);
    filelist_release(&a->list);
    tally_release(&a->unread);
    tally_release(&a->unmatched);
    tally_release(&a->orphans);
    tally_release(&a->entries);
    tally_release(&a->vanished);
    tally_release(&a->mended);
    tally_release(&a->unfilled);
    tally_release(&a->idle);
}

void account_release(struct account *a)
{
    for (size_t i = 0; a->rules && i < a->p->n_rules; i++)
        free(a->rules[i].filled);
    free(a->rules);
    free(a->kinds);
    release_lists(a);
    *a = (struct account){0};
}

void account_clear(struct account *a)
{
    for (size_t i = 0; i < a->p->n_rules; i++) {
        uint64_t *filled = a->rules[i].filled;

        memset(filled, 0, a->p->rules[i].n_columns * sizeof *filled);
        a->rules[i] = (struct account_rule){.filled = filled};
    }
    for (size_t i = 0; i < a->n_kinds; i++)
        a->kinds[i] = (struct account_kind){.name = a->kinds[i].name};
    release_lists(a);
    a->files = a->rows = a->rejects = a->bytes = 0;
}

static void merge_rule(struct account_rule *to, const struct account_rule *from, size_t n_columns)
{
    to->read += from->read;
    to->inserted += from->inserted;
    to->updated += from->updated;
    to->same += from->same;
    to->rejected += from->rejected;
    to->skipped += from->skipped;
    to->bytes += from->bytes;
    to->deleted += from->deleted;
    to->time_ns += from->time_ns;
    for (size_t i = 0; i < n_columns; i++)
        to->filled[i] += from->filled[i];
}

int account_merge(struct account *to, struct account *from, struct err *err)
{
    struct tally *tallies[][2] = {
        {&to->unread, &from->unread},   {&to->unmatched, &from->unmatched}, {&to->orphans, &from->orphans},
        {&to->entries, &from->entries}, {&to->vanished, &from->vanished},   {&to->mended, &from->mended},
    };
    int ret = 0;

    for (size_t i = 0; i < to->p->n_rules; i++)
        merge_rule(&to->rules[i], &from->rules[i], to->p->rules[i].n_columns);
    for (size_t i = 0; i < to->n_kinds; i++) {
        to->kinds[i].files += from->kinds[i].files;
        to->kinds[i].unchanged += from->kinds[i].unchanged;
        to->kinds[i].failed += from->kinds[i].failed;
        to->kinds[i].records += from->kinds[i].records;
        to->kinds[i].bytes += from->kinds[i].bytes;
        to->kinds[i].time_ns += from->kinds[i].time_ns;
    }
    to->files += from->files;
    to->rows += from->rows;
    to->rejects += from->rejects;
    to->bytes += from->bytes;
    for (size_t i = 0; i < ARRAY_LEN(tallies); i++) {
        if (tally_merge(tallies[i][0], tallies[i][1], err) < 0)
            ret = -1;
    }
    if (findings_merge(&to->findings, &from->findings, err) < 0 || filelist_merge(&to->list, &from->list, err) < 0)
        ret = -1;
    account_clear(from);
    return ret;
}

size_t account_kind_of(const struct account *a, struct str path, bool directory)
{
    struct str captures[PATTERN_CAPTURES_MAX];
    const struct program *p = a->p;
    const struct pattern *found = NULL;

    for (size_t i = 0; i < p->n_rules && !found; i++) {
        for (size_t k = 0; k < p->rules[i].n_from && !found; k++) {
            if (pattern_is_directory(p->rules[i].from[k]) == directory && pattern_match(p->rules[i].from[k], path, captures))
                found = p->rules[i].from[k];
        }
    }
    for (size_t i = 0; i < p->mapping->n_documents && !found; i++) {
        if (pattern_is_directory(p->documents[i].file) == directory && pattern_match(p->documents[i].file, path, captures))
            found = p->documents[i].file;
    }
    for (size_t i = 0; i < p->mapping->n_indexes && !found; i++) {
        if (p->indexes[i].files && pattern_is_directory(p->indexes[i].files) == directory &&
            pattern_match(p->indexes[i].files, path, captures))
            found = p->indexes[i].files;
    }
    for (size_t i = 0; found && i < a->n_kinds; i++) {
        if (str_eq(a->kinds[i].name, pattern_text(found)))
            return i;
    }
    return a->n_kinds;
}

static struct summary_table *table_line(struct summary_table *tables, size_t *n, const char *name)
{
    for (size_t i = 0; i < *n; i++) {
        if (str_is(tables[i].name, name))
            return &tables[i];
    }
    tables[*n].name = str_of(name);
    return &tables[(*n)++];
}

static int summary_tables(const struct account *a, struct arena *arena, struct summary *s)
{
    struct summary_table *tables = arena_calloc(arena, a->p->n_rules + 1, sizeof *tables);

    if (!tables)
        return -1;
    for (size_t i = 0; i < a->p->n_rules; i++) {
        const struct account_rule *r = &a->rules[i];
        struct summary_table *t;

        if (!a->p->rules[i].on)
            continue;
        t = table_line(tables, &s->n_tables, a->p->rules[i].table->name);
        t->read += r->read;
        t->inserted += r->inserted;
        t->updated += r->updated;
        t->same += r->same;
        t->rejected += r->rejected;
        t->skipped += r->skipped;
        t->bytes += r->bytes;
        t->deleted += r->deleted;
        t->time_ns += r->time_ns;
    }
    s->tables = tables;
    return 0;
}

/* A file counts for the first pattern that reads it, so those of documents and indexes often have none of their own. */
static bool is_shown(const struct account *a, size_t i)
{
    return i < a->n_rule_kinds || a->kinds[i].files || a->kinds[i].unchanged || a->kinds[i].failed;
}

static int summary_kinds(const struct account *a, struct arena *arena, struct summary *s)
{
    struct summary_kind *kinds = arena_calloc(arena, a->n_kinds + 1, sizeof *kinds);

    if (!kinds)
        return -1;
    for (size_t i = 0; i < a->n_kinds; i++) {
        const struct account_kind *k = &a->kinds[i];

        s->source_bytes += k->bytes;
        if (!is_shown(a, i))
            continue;
        kinds[s->n_kinds++] = (struct summary_kind){.name = k->name, .files = k->files, .unchanged = k->unchanged, .failed = k->failed,
                                                    .records = k->records, .bytes = k->bytes, .time_ns = k->time_ns};
    }
    s->kinds = kinds;
    return 0;
}

static int summary_assumptions(const struct account *a, struct arena *arena, struct summary *s)
{
    struct str *texts = arena_calloc(arena, a->p->n_assumed_zones + 1, sizeof *texts);

    if (!texts)
        return -1;
    for (size_t i = 0; i < a->p->n_assumed_zones; i++) {
        char *text = arena_printf(arena, "%s, the mapping's default, for times without a zone", a->p->assumed_zones[i]);

        if (!text)
            return -1;
        texts[s->n_assumptions++] = str_of(text);
    }
    s->assumptions = texts;
    return 0;
}

/* Over all rules of the table: how many rows, and how often the column got a value. */
static void column_use(const struct account *a, const struct catalog_table *t, uint16_t column, uint64_t *rows, uint64_t *filled)
{
    *rows = *filled = 0;
    for (size_t i = 0; i < a->p->n_rules; i++) {
        const struct program_rule *rule = &a->p->rules[i];

        if (!rule->on || rule->table != t)
            continue;
        *rows += a->rules[i].inserted + a->rules[i].updated + a->rules[i].same;
        for (size_t k = 0; k < rule->n_columns; k++)
            *filled += rule->columns[k].column == column ? a->rules[i].filled[k] : 0;
    }
}

static int unfilled_of(struct account *a, const struct catalog_table *t, struct err *err)
{
    for (uint16_t c = 0; c < t->n_columns; c++) {
        const struct catalog_column *column = &t->columns[c];
        struct buf name = BUF_INIT;
        uint64_t rows, filled;
        int ret = 0;

        column_use(a, t, c, &rows, &filled);
        if (rows && !filled && !column->has_default && !column->identity && !column->generated) {
            ret = buf_printf(&name, "%s.%s", t->name, column->name);
            if (ret == 0)
                ret = tally_add(&a->unfilled, buf_str(&name), 1, NULL, err);
        }
        buf_release(&name);
        if (ret < 0)
            return -1;
    }
    return 0;
}

static int summary_unfilled(struct account *a, struct err *err)
{
    tally_release(&a->unfilled);
    for (size_t i = 0; i < a->p->n_rules; i++) {
        bool first = a->p->rules[i].on;

        for (size_t k = 0; k < i; k++)
            first = first && a->p->rules[k].table != a->p->rules[i].table;
        if (first && unfilled_of(a, a->p->rules[i].table, err) < 0)
            return -1;
    }
    return 0;
}

static bool is_idle(const struct account *a, struct str pattern)
{
    for (size_t i = 0; i < a->n_kinds; i++) {
        if (str_eq(a->kinds[i].name, pattern))
            return a->kinds[i].files == 0;
    }
    return false;
}

/* Only a run that came to its end has met all files. */
static int summary_idle(struct account *a, enum summary_end end, struct err *err)
{
    bool met = false;

    tally_release(&a->idle);
    for (size_t i = 0; i < a->n_kinds; i++)
        met = met || a->kinds[i].files;
    for (size_t i = 0; met && end == SUMMARY_DONE && i < a->p->n_rules; i++) {
        const struct program_rule *rule = &a->p->rules[i];

        for (size_t k = 0; rule->on && k < rule->n_from; k++) {
            if (is_idle(a, pattern_text(rule->from[k])) && tally_add(&a->idle, pattern_text(rule->from[k]), 1, NULL, err) < 0)
                return -1;
        }
    }
    return 0;
}

int account_summary(struct account *a, struct arena *arena, struct summary *s, struct err *err)
{
    struct tally *const tallies[] = {&a->unread, &a->unmatched, &a->orphans, &a->entries, &a->vanished, &a->mended};

    if (summary_tables(a, arena, s) < 0 || summary_kinds(a, arena, s) < 0 || summary_assumptions(a, arena, s) < 0)
        return err_oom(err);
    if (s->check && summary_unfilled(a, err) < 0)
        return err_oom(err);
    if (summary_idle(a, s->end, err) < 0)
        return -1;
    tally_sort(&a->unfilled);
    tally_sort(&a->idle);
    for (size_t i = 0; i < ARRAY_LEN(tallies); i++)
        tally_sort(tallies[i]);
    s->findings = &a->findings;
    s->files = a->list.files;
    s->n_files = a->list.n;
    s->files_left_out = a->files > a->list.n ? a->files - a->list.n : 0;
    s->unread = &a->unread;
    s->unmatched = &a->unmatched;
    s->orphans = &a->orphans;
    s->entries = &a->entries;
    s->vanished = &a->vanished;
    s->mended = &a->mended;
    s->unfilled = &a->unfilled;
    s->idle = &a->idle;
    return 0;
}
