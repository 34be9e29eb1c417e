/* Asking an index: it is filled when first asked, one for each set of captures; entries are read again from their place. */
#include "map/lookup_internal.h"

#include "map/constant.h"

#include <stdlib.h>
#include <unistd.h>

/* What tells apart two instances of an index: the values of the asking file's captures that it can depend on. */
static int captures_key(const struct program_index *source, const struct lookup_captures *captures, struct buf *out)
{
    if (!source->files && buf_printf(out, "%u", captures->root) < 0)
        return -1;
    for (size_t i = 0; captures->pattern && i < pattern_captures(captures->pattern); i++) {
        struct str name = pattern_capture_name(captures->pattern, i);

        if (source->files && pattern_capture_index(source->files, name) < 0)
            continue;
        if (buf_add_str(out, name) < 0 || buf_add_char(out, '=') < 0 || buf_add_str(out, captures->at[i]) < 0 ||
            buf_add_char(out, '\n') < 0)
            return -1;
    }
    return 0;
}

static struct lookup_index *find_index(struct lookup *l, int ordinal, const struct lookup_captures *captures,
                                       struct err *err)
{
    const struct program_index *source = &l->p->indexes[ordinal];
    struct lookup_index *index;
    struct buf key = BUF_INIT;

    if (captures_key(source, captures, &key) < 0) {
        err_oom(err);
        return NULL;
    }
    for (index = l->indexes; index; index = index->older) {
        if (index->ordinal == ordinal && strcmp(index->captures, buf_text(&key)) == 0)
            break;
    }
    if (!index && (index = calloc(1, sizeof *index))) {
        *index = (struct lookup_index){.older = l->indexes, .source = source, .ordinal = ordinal,
                                       .captures = str_dup(buf_str(&key))};
        l->indexes = index;
        if (!index->captures)
            err_oom(err);
        if (!index->captures || lookup_build(l, index, captures, err) < 0)
            index = NULL;
    }
    buf_release(&key);
    return index;
}

/* Entries in the pool stay until the row is done; beyond the pool they are copied. */
void lookup_row(struct lookup *l)
{
    l->n_pool = 0;
    arena_reset(&l->row_arena);
}

void lookup_pool_release(struct lookup *l)
{
    for (size_t i = 0; i < LOOKUP_POOL; i++) {
        json_parser_free(l->pool[i].parser);
        buf_release(&l->pool[i].text);
    }
    arena_release(&l->row_arena);
}

static int read_again(struct lookup *l, const struct lookup_index *index, size_t entry, struct lookup_parsed *into,
                      struct err *err)
{
    const struct index_entry *e = &index->entries[entry];
    struct input in;
    ssize_t n;

    into->index = NULL;
    if (!into->parser && !(into->parser = json_parser_new(&index->source->read.json, err)))
        return -1;
    buf_clear(&into->text);
    if (buf_reserve(&into->text, e->len + JSON_PADDING) < 0)
        return err_oom(err);
    if (lookup_open(l, e->file, &in, err) < 0)
        return -1;
    n = pread(in.fd, into->text.at, e->len, (off_t)e->byte);
    close(in.fd);
    if (n != (ssize_t)e->len)
        return err_set(err, ERR_FILE, W0305, "the file changed while it was being read");
    memset(into->text.at + e->len, 0, JSON_PADDING);
    if (json_index(into->parser, str_make(into->text.at, e->len), e->byte, err) < 0 ||
        json_next(into->parser, 0, e->len, &into->value, err) < 0)
        return -1;
    into->index = index;
    into->entry = entry;
    return 0;
}

static int entry_value(struct lookup *l, struct lookup_index *index, size_t entry, struct value *ret, struct err *err)
{
    const struct index_entry *e = &index->entries[entry];
    struct lookup_parsed *into;

    if (e->kept) {
        *ret = e->value;
        return 0;
    }
    for (size_t i = 0; i < l->n_pool; i++) {
        if (l->pool[i].index == index && l->pool[i].entry == entry) {
            *ret = l->pool[i].value;
            return 0;
        }
    }
    into = &l->pool[l->n_pool < LOOKUP_POOL - 1 ? l->n_pool : LOOKUP_POOL - 1];
    if (read_again(l, index, entry, into, err) < 0)
        return -1;
    *ret = into->value;
    if (l->n_pool < LOOKUP_POOL - 1) {
        l->n_pool++;
        return 0;
    }
    return constant_copy(&into->value, &l->row_arena, ret) < 0 ? err_oom(err) : 0;
}

static int all_values(struct lookup *l, struct lookup_index *index, size_t first, struct value *ret, struct err *err)
{
    size_t n = 0, i = 0;
    struct member *members;

    for (size_t at = first + 1; at; at = index->entries[at - 1].next)
        n++;
    members = arena_calloc(&l->row_arena, n, sizeof *members);
    if (!members)
        return err_oom(err);
    for (size_t at = first + 1; at; at = index->entries[at - 1].next) {
        index->entries[at - 1].asked = true;
        if (entry_value(l, index, at - 1, &members[i++].value, err) < 0)
            return -1;
    }
    *ret = value_array(members, n);
    return 0;
}

static int value_of_key(struct lookup *l, struct lookup_index *index, size_t entry, struct value *ret, struct err *err)
{
    index->entries[entry].asked = true;
    if (index->source->source->duplicates == MAPPING_DUPLICATE_ALL)
        return all_values(l, index, entry, ret, err);
    return entry_value(l, index, entry, ret, err);
}

int lookup_entry(struct lookup *l, int ordinal, const struct lookup_captures *captures, struct str key,
                 struct value *ret, struct err *err)
{
    struct lookup_index *index = find_index(l, ordinal, captures, err);
    size_t found;

    *ret = value_absent();
    if (!index)
        return -1;
    index->asked = true;
    found = *lookup_find_slot(index, str_hash(key), key);
    return found ? value_of_key(l, index, found - 1, ret, err) : 0;
}

static int by_key(const void *a, const void *b)
{
    return str_cmp(((const struct member *)a)->key, ((const struct member *)b)->key);
}

int lookup_whole(struct lookup *l, int ordinal, const struct lookup_captures *captures, struct arena *a,
                 struct value *ret, struct err *err)
{
    struct lookup_index *index = find_index(l, ordinal, captures, err);
    struct member *members;
    size_t n = 0;

    if (!index)
        return -1;
    members = arena_calloc(a, index->n + 1, sizeof *members);
    if (!members)
        return err_oom(err);
    for (size_t i = 0; i < index->n_slots; i++) {
        struct value v;

        if (!index->slots[i])
            continue;
        members[n].key = index->entries[index->slots[i] - 1].key;
        if (value_of_key(l, index, index->slots[i] - 1, &v, err) < 0)
            return -1;
        if (constant_copy(&v, a, &members[n++].value) < 0)
            return err_oom(err);
    }
    qsort(members, n, sizeof *members, by_key);
    *ret = value_object(members, n);
    return 0;
}

static void tell_orphans(struct lookup *l, const struct lookup_index *index)
{
    for (size_t i = 0; i < index->n_slots; i++) {
        const struct index_entry *e;

        if (!index->slots[i])
            continue;
        e = &index->entries[index->slots[i] - 1];
        if (!e->asked)
            l->out->orphan(l->out->context, index->source, e->key,
                           e->file ? e->file->path : (struct str){0}, e->line);
    }
}

void lookup_indexes_release(struct lookup *l, bool group)
{
    struct lookup_index **link = &l->indexes;

    while (*link) {
        struct lookup_index *index = *link;

        if (group && index->source->global && index->captures && !index->captures[0]) {
            link = &index->older;
            continue;
        }
        *link = index->older;
        if (group && index->asked && index->source->source->orphans && !index->source->global)
            tell_orphans(l, index);
        arena_release(&index->arena);
        free(index->entries);
        free(index->slots);
        free(index->captures);
        free(index);
    }
    l->n_pool = 0;
    for (size_t i = 0; i < LOOKUP_POOL; i++)
        l->pool[i].index = NULL;
}
