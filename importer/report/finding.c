/* Groups are kept by their keys, examples by their places: neither depends on who reported first. */
#include "report/finding.h"

#include <stddef.h>
#include <stdlib.h>

enum { EXCERPT_BEFORE_BYTES = 240, EXCERPT_AFTER_BYTES = 480 };

/* All text of a finding, and how much of it a collection keeps. */
static const struct { size_t offset, max; } texts[] = {
#define TEXT(member, max) {offsetof(struct finding, member), max}
    TEXT(message, 400), TEXT(label, 100), TEXT(help, 300), TEXT(at.file, 4200), TEXT(at.pointer, 1000),
    TEXT(excerpt, EXCERPT_BEFORE_BYTES + EXCERPT_AFTER_BYTES), TEXT(value, 400), TEXT(mapping_file, 4200),
    TEXT(mapping_text, 1000), TEXT(kind, 500), TEXT(table, 200), TEXT(column, 200), TEXT(row, 400), TEXT(note, 100),
    TEXT(other.file, 4200), TEXT(other.pointer, 1000), TEXT(other_label, 100),
#undef TEXT
};

static struct str *text_of(struct finding *f, size_t i)
{
    return (struct str *)((char *)f + texts[i].offset);
}

static struct str text_read(const struct finding *f, size_t i)
{
    return *(const struct str *)((const char *)f + texts[i].offset);
}

const char *finding_severity_name(enum finding_severity severity)
{
    static const char *const names[] = {"error", "warning", "note"};

    return names[severity];
}

const char *finding_outcome_name(enum finding_outcome outcome)
{
    static const char *const names[] = {"", "rejected", "replaced", "stopped", "skipped"};

    return names[outcome];
}

struct finding finding_of(const struct err *err)
{
    struct finding f = {
        .code = err->code,
        .message = str_of(err->message),
        .label = str_of(err->label),
        .help = str_of(err->help),
        .at = {
            .file = str_of(err->file), .line = err->line, .column = err->column,
            .byte = err->byte, .has_byte = err->has_byte, .pointer = str_of(err->pointer),
        },
        .value = str_of(err->value),
        .mapping_line = err->map_line, .mapping_column = err->map_column, .mapping_len = err->map_len,
    };

    memcpy(f.sqlstate, err->sqlstate, sizeof f.sqlstate);
    return f;
}

static int number_order(uint64_t a, uint64_t b)
{
    return a < b ? -1 : a > b;
}

static int place_order(const struct finding_place *a, const struct finding_place *b)
{
    int order = str_cmp(a->file, b->file);

    if (order == 0)
        order = str_cmp(str_of(a->source), str_of(b->source));
    if (order == 0)
        order = number_order(a->line, b->line);
    if (order == 0)
        order = number_order(a->has_byte ? a->byte : 0, b->has_byte ? b->byte : 0);
    if (order == 0)
        order = number_order(a->column, b->column);
    return order;
}

int finding_order(const struct finding *a, const struct finding *b)
{
    int order = place_order(&a->at, &b->at);

    for (size_t i = 0; order == 0 && i < ARRAY_LEN(texts); i++)
        order = str_cmp(text_read(a, i), text_read(b, i));
    if (order == 0)
        order = place_order(&a->other, &b->other);
    if (order == 0)
        order = strcmp(a->sqlstate, b->sqlstate);
    return order ? order : number_order(a->outcome, b->outcome);
}

static int key_order(const struct finding *a, const struct finding *b)
{
    int order = number_order(a->outcome != FINDING_STOPPED, b->outcome != FINDING_STOPPED);

    if (order == 0)
        order = number_order(a->severity, b->severity);
    if (order == 0)
        order = number_order(a->code, b->code);
    if (order == 0)
        order = str_cmp(a->mapping_file, b->mapping_file);
    if (order == 0)
        order = number_order(a->mapping_line, b->mapping_line);
    if (order == 0)
        order = number_order(a->mapping_column, b->mapping_column);
    if (order == 0)
        order = str_cmp(a->table, b->table);
    if (order == 0)
        order = str_cmp(a->column, b->column);
    if (order == 0)
        order = number_order(a->at.file.len == 0, b->at.file.len == 0);
    if (order == 0 && (a->mapping_line == 0 || a->at.file.len == 0))
        order = str_cmp(a->message, b->message);
    return order;
}

/* The start of the character that holds byte `at`. */
static size_t character_start(struct str s, size_t at)
{
    for (size_t back = 0; back < 3 && at > 0 && ((unsigned char)s.at[at] & 0xC0) == 0x80; back++)
        at--;
    return at;
}

static bool continues(struct str s, size_t at)
{
    return at < s.len && ((unsigned char)s.at[at] & 0xC0) == 0x80;
}

/* Keep what stands around the column. */
static void cut_excerpt(struct finding *f)
{
    uint64_t first = f->excerpt_column ? f->excerpt_column : 1, column = first;
    size_t at = 0, start = 0, max = EXCERPT_BEFORE_BYTES + EXCERPT_AFTER_BYTES;

    if (f->excerpt.len <= max)
        return;
    while (column < f->at.column && at < f->excerpt.len) {
        for (at++; continues(f->excerpt, at); at++)
            ;
        column++;
    }
    if (at > EXCERPT_BEFORE_BYTES) {
        start = character_start(f->excerpt, at - EXCERPT_BEFORE_BYTES);
        for (size_t i = start; i < at; i++)
            column -= !continues(f->excerpt, i);
        f->excerpt_column = column;
    }
    f->excerpt = str_make(f->excerpt.at + start, f->excerpt.len - start);
    if (f->excerpt.len > max) {
        f->excerpt.len = str_cut_utf8(f->excerpt, max);
        f->excerpt_cut = true;
    }
}

/* Messages about a record may quote it, as those of databases do; the code's title says the same of all records. */
static void hide(struct finding *f)
{
    f->excerpt = f->value = f->row = str_make(NULL, 0);
    if (f->at.line || f->at.has_byte)
        f->message = f->help = str_make(NULL, 0);
}

/* As a collection keeps it, still lent. */
static struct finding bounded(const struct finding *finding, bool hide_values)
{
    struct finding f = *finding;

    if (hide_values)
        hide(&f);
    cut_excerpt(&f);
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct str *text = text_of(&f, i);

        if (text->len > texts[i].max)
            text->len = str_cut_utf8(*text, texts[i].max);
    }
    return f;
}

/* One block: the finding and its text. */
static struct finding *copy(const struct finding *f)
{
    size_t bytes = sizeof *f;
    struct finding *made;
    char *at;

    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        bytes += text_read(f, i).len;
    made = malloc(bytes);
    if (!made)
        return NULL;
    *made = *f;
    at = (char *)(made + 1);
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct str text = text_read(f, i);

        if (text.len)
            memcpy(at, text.at, text.len);
        *text_of(made, i) = str_make(at, text.len);
        at += text.len;
    }
    return made;
}

static void group_release(struct finding_group *g)
{
    for (size_t i = 0; i < g->n_examples; i++)
        free(g->examples[i]);
}

/* Where the group of `f` stands or belongs. */
static size_t find(const struct findings *all, const struct finding *f, bool *found)
{
    size_t low = 0, high = all->n;

    *found = false;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = key_order(f, all->groups[middle].examples[0]);

        if (order == 0) {
            *found = true;
            return middle;
        }
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

/* Where `f` belongs among the examples of its group; FINDING_EXAMPLES_MAX when it comes too late. */
static size_t example_slot(const struct finding_group *g, const struct finding *f)
{
    size_t i = g->n_examples;

    while (i > 0 && finding_order(f, g->examples[i - 1]) < 0)
        i--;
    return i;
}

/* Takes `f`. */
static void example_insert(struct finding_group *g, size_t slot, struct finding *f)
{
    if (g->n_examples == FINDING_EXAMPLES_MAX)
        free(g->examples[--g->n_examples]);
    memmove(g->examples + slot + 1, g->examples + slot, (g->n_examples - slot) * sizeof *g->examples);
    g->examples[slot] = f;
    g->n_examples++;
}

/* Room for one more group at `at`; the highest one goes when there are too many. */
static int open_slot(struct findings *all, size_t at, size_t max)
{
    if (all->n == max) {
        struct finding_group *last = &all->groups[--all->n];

        all->overflow += last->count;
        group_release(last);
    }
    if (all->n == all->capacity) {
        size_t capacity = all->capacity ? all->capacity * 2 : 16;
        struct finding_group *groups = reallocarray(all->groups, capacity, sizeof *groups);

        if (!groups)
            return -1;
        all->groups = groups;
        all->capacity = capacity;
    }
    memmove(all->groups + at + 1, all->groups + at, (all->n - at) * sizeof *all->groups);
    all->groups[at] = (struct finding_group){0};
    all->n++;
    return 0;
}

static size_t groups_max(const struct findings *all)
{
    return all->max ? all->max : FINDINGS_GROUPS_MAX;
}

bool findings_shows(const struct findings *f, const struct finding *finding)
{
    struct finding view = bounded(finding, f->hide_values);
    bool found;
    size_t at = find(f, &view, &found);

    return found ? example_slot(&f->groups[at], &view) < FINDING_EXAMPLES_MAX : at < groups_max(f);
}

int findings_add(struct findings *f, const struct finding *finding, struct err *err)
{
    struct finding view = bounded(finding, f->hide_values), *made;
    size_t at, slot = 0;
    bool found;

    f->count[view.severity]++;
    at = find(f, &view, &found);
    if (!found && at == groups_max(f)) {
        f->overflow++;
        return 0;
    }
    if (found) {
        f->groups[at].count++;
        slot = example_slot(&f->groups[at], &view);
        if (slot == FINDING_EXAMPLES_MAX)
            return 0;
    }
    made = copy(&view);
    if (!made || (!found && open_slot(f, at, groups_max(f)) < 0)) {
        free(made);
        f->overflow += !found;
        return err_oom(err);
    }
    f->groups[at].count += !found;
    example_insert(&f->groups[at], slot, made);
    return 0;
}

/* Move the examples of `from` into `to`, best first; what comes too late is freed. */
static void merge_group(struct finding_group *to, struct finding_group *from)
{
    to->count += from->count;
    for (size_t i = 0; i < from->n_examples; i++) {
        size_t slot = example_slot(to, from->examples[i]);

        if (slot == FINDING_EXAMPLES_MAX)
            free(from->examples[i]);
        else
            example_insert(to, slot, from->examples[i]);
    }
    *from = (struct finding_group){0};
}

int findings_merge(struct findings *to, struct findings *from, struct err *err)
{
    int status = 0;

    for (size_t i = 0; i < from->n; i++) {
        struct finding_group *g = &from->groups[i];
        bool found;
        size_t at = find(to, g->examples[0], &found);

        if (found || (status == 0 && at < groups_max(to) && open_slot(to, at, groups_max(to)) == 0)) {
            merge_group(&to->groups[at], g);
            continue;
        }
        to->overflow += g->count;
        if (at < groups_max(to))
            status = -1;
    }
    for (size_t i = 0; i < ARRAY_LEN(to->count); i++)
        to->count[i] += from->count[i];
    to->overflow += from->overflow;
    findings_release(from);
    return status < 0 ? err_oom(err) : 0;
}

void findings_release(struct findings *f)
{
    for (size_t i = 0; i < f->n; i++)
        group_release(&f->groups[i]);
    free(f->groups);
    *f = (struct findings){.max = f->max, .hide_values = f->hide_values};
}
