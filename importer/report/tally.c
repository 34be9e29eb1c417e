/* A hash table that takes twice as many names as it keeps, then drops the upper half: a dropped name can never be
 * among the lowest again, so the counts of those that stay are exact. */
#include "report/tally.h"

#include <stdlib.h>

enum { NAME_BYTES_MAX = 1000, PLACE_BYTES_MAX = 4200, SLOTS_MIN = 32 };

static size_t names_max(const struct tally *t)
{
    return t->max ? t->max : TALLY_NAMES_MAX;
}

/* The slot that holds `name` or is free for it. */
static size_t slot_of(const struct tally *t, struct str name)
{
    size_t at = str_hash(name) & (t->n_slots - 1);

    while (t->slots[at] && !str_eq(t->entries[t->slots[at] - 1].name, name))
        at = (at + 1) & (t->n_slots - 1);
    return at;
}

static void rebuild(struct tally *t)
{
    if (!t->slots)
        return;
    memset(t->slots, 0, t->n_slots * sizeof *t->slots);
    for (size_t i = 0; i < t->n; i++)
        t->slots[slot_of(t, t->entries[i].name)] = (uint32_t)i + 1;
}

static void entry_release(struct tally_entry *e)
{
    free((char *)e->name.at);
    free((char *)e->first.file.at);
}

static int name_order(const void *a, const void *b)
{
    return str_cmp(((const struct tally_entry *)a)->name, ((const struct tally_entry *)b)->name);
}

/* Keep the lowest names only, and remember the highest of them. */
static void trim(struct tally *t)
{
    if (t->n <= names_max(t))
        return;
    qsort(t->entries, t->n, sizeof *t->entries, name_order);
    while (t->n > names_max(t)) {
        t->others += t->entries[--t->n].count;
        entry_release(&t->entries[t->n]);
    }
    t->trimmed = true;
    t->highest = t->n - 1;
    rebuild(t);
}

/* Slots twice as many as names, at least. */
static int grow(struct tally *t)
{
    size_t n_slots = t->n_slots ? t->n_slots * 2 : SLOTS_MIN;
    struct tally_entry *entries = reallocarray(t->entries, n_slots / 2, sizeof *entries);
    uint32_t *slots;

    if (!entries)
        return -1;
    t->entries = entries;
    slots = reallocarray(t->slots, n_slots, sizeof *slots);
    if (!slots)
        return -1;
    t->slots = slots;
    t->n_slots = n_slots;
    rebuild(t);
    return 0;
}

static bool earlier(const struct finding_place *a, const struct finding_place *b)
{
    int order;

    if (a->file.len == 0 || b->file.len == 0)
        return a->file.len > 0;
    order = str_cmp(a->file, b->file);
    if (order == 0 && a->line != b->line)
        order = a->line < b->line ? -1 : 1;
    if (order == 0 && a->has_byte && b->has_byte && a->byte != b->byte)
        order = a->byte < b->byte ? -1 : 1;
    if (order == 0)
        order = a->column < b->column ? -1 : 1;
    return order < 0;
}

/* The pointer is left out: the name says it. */
static int take_place(struct tally_entry *e, const struct finding_place *first)
{
    struct finding_place place;
    char *file;

    if (!first || first->file.len == 0)
        return 0;
    place = *first;
    place.pointer = str_make(NULL, 0);
    if (place.file.len > PLACE_BYTES_MAX)
        place.file.len = str_cut_utf8(place.file, PLACE_BYTES_MAX);
    if (e->first.file.len && !earlier(&place, &e->first))
        return 0;
    if (!str_eq(place.file, e->first.file)) {
        file = str_dup(place.file);
        if (!file)
            return -1;
        free((char *)e->first.file.at);
        e->first.file = str_make(file, place.file.len);
    }
    place.file = e->first.file;
    e->first = place;
    return 0;
}

/* An entry for a name that is not there. NULL: it stands too high to be kept, or *no_memory. */
static struct tally_entry *new_entry(struct tally *t, struct str name, bool *no_memory)
{
    char *copy;

    if (t->n == 2 * names_max(t))
        trim(t);
    if (t->trimmed && str_cmp(name, t->entries[t->highest].name) > 0)
        return NULL;
    copy = str_dup(name);
    if (!copy || (t->n * 2 >= t->n_slots && grow(t) < 0)) {
        free(copy);
        *no_memory = true;
        return NULL;
    }
    t->entries[t->n++] = (struct tally_entry){.name = str_make(copy, name.len)};
    t->slots[slot_of(t, name)] = (uint32_t)t->n;
    return &t->entries[t->n - 1];
}

int tally_add(struct tally *t, struct str name, uint64_t n, const struct finding_place *first, struct err *err)
{
    struct tally_entry *e = NULL;
    bool no_memory = false;

    if (name.len > NAME_BYTES_MAX)
        name.len = str_cut_utf8(name, NAME_BYTES_MAX);
    t->total += n;
    if (t->n_slots) {
        uint32_t slot = t->slots[slot_of(t, name)];

        e = slot ? &t->entries[slot - 1] : NULL;
    }
    if (!e)
        e = new_entry(t, name, &no_memory);
    if (!e) {
        t->others += n;
        return no_memory ? err_oom(err) : 0;
    }
    e->count += n;
    return take_place(e, first) < 0 ? err_oom(err) : 0;
}

int tally_merge(struct tally *to, const struct tally *from, struct err *err)
{
    int status = 0;

    for (size_t i = 0; i < from->n; i++) {
        const struct tally_entry *e = &from->entries[i];

        if (tally_add(to, e->name, e->count, &e->first, err) < 0)
            status = -1;
    }
    to->others += from->others;
    to->total += from->others;
    return status;
}

static int count_order(const void *a, const void *b)
{
    const struct tally_entry *x = a, *y = b;

    if (x->count != y->count)
        return x->count > y->count ? -1 : 1;
    return str_cmp(x->name, y->name);
}

void tally_sort(struct tally *t)
{
    struct str highest = {0};

    if (t->n == 0)
        return;
    trim(t);
    if (t->trimmed)
        highest = t->entries[t->highest].name;
    qsort(t->entries, t->n, sizeof *t->entries, count_order);
    rebuild(t);
    for (size_t i = 0; t->trimmed && i < t->n; i++) {
        if (t->entries[i].name.at == highest.at)
            t->highest = i;
    }
}

void tally_release(struct tally *t)
{
    for (size_t i = 0; i < t->n; i++)
        entry_release(&t->entries[i]);
    free(t->entries);
    free(t->slots);
    *t = (struct tally){.max = t->max};
}
