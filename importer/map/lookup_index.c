/* Asking an index: it is filled when first asked, one for each set of captures; entries are read again from their place. */
#include "map/lookup_internal.h"

#include "base/cleanup.h"
#include "map/constant.h"
#include "map/lookup_store.h"

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

static void index_free(struct lookup_index *index)
{
    lookup_store_free(index->store);
    arena_release(&index->arena);
    free(index->entries);
    free(index->slots);
    free(index->captures);
    err_release(&index->unread);
    free(index);
}

/* One that cannot be built is forgotten: the next row that asks has to be told so too. */
static struct lookup_index *make_index(struct lookup *l, int ordinal, const struct lookup_captures *captures, struct str key,
                                       struct err *err)
{
    struct lookup_index *index = calloc(1, sizeof *index);

    if (!index) {
        err_oom(err);
        return NULL;
    }
    *index = (struct lookup_index){.older = l->indexes, .source = &l->p->indexes[ordinal], .ordinal = ordinal,
                                   .captures = str_dup(key), .arena = {.modest = true}};
    l->indexes = index;     /* its memory counts while it is filled */
    if (!index->captures)
        err_oom(err);
    else if (lookup_build(l, index, captures, err) == 0)
        return index;
    l->indexes = index->older;
    index_free(index);
    return NULL;
}

static struct lookup_index *find_index(struct lookup *l, int ordinal, const struct lookup_captures *captures,
                                       struct err *err)
{
    struct lookup_index *index;
    CLEANUP(buf_release) struct buf key = BUF_INIT;

    if (captures_key(&l->p->indexes[ordinal], captures, &key) < 0) {
        err_oom(err);
        return NULL;
    }
    for (index = l->indexes; index; index = index->older) {
        if (index->ordinal == ordinal && strcmp(index->captures, buf_text(&key)) == 0)
            break;
    }
    if (!index)
        index = make_index(l, ordinal, captures, buf_str(&key), err);
    if (!index || !index->unread.scope)
        return index;
    err_set(err, ERR_RECORD, index->unread.code, "%s", index->unread.message);
    err_help(err, "%s", index->unread.help);
    return NULL;
}

/* Entries in the pool stay until the row is done; beyond the pool they are copied. */
void lookup_row(struct lookup *l)
{
    l->row_clock = l->clock;
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

static int read_again(struct lookup *l, const struct lookup_index *index, const struct index_entry *e,
                      struct lookup_parsed *into, struct err *err)
{
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
    into->file = e->file;
    into->byte = e->byte;
    return 0;
}

static int entry_value(struct lookup *l, const struct lookup_index *index, const struct index_entry *e, struct value *ret,
                       struct err *err)
{
    struct lookup_parsed *into;

    if (e->kept) {
        *ret = e->value;
        return 0;
    }
    for (size_t i = 0; i < l->n_pool; i++) {
        if (l->pool[i].index == index && l->pool[i].file == e->file && l->pool[i].byte == e->byte) {
            *ret = l->pool[i].value;
            return 0;
        }
    }
    into = &l->pool[l->n_pool < LOOKUP_POOL - 1 ? l->n_pool : LOOKUP_POOL - 1];
    if (read_again(l, index, e, into, err) < 0)
        return -1;
    *ret = into->value;
    if (l->n_pool < LOOKUP_POOL - 1) {
        l->n_pool++;
        return 0;
    }
    return constant_copy(&into->value, &l->row_arena, ret) < 0 ? err_oom(err) : 0;
}

static int too_large(const struct lookup *l, const struct lookup_index *index, const char *what, struct err *err)
{
    err_set(err, ERR_RECORD, W0451, "%s the index $%.*s need more than %zu MiB of memory", what,
            STR_ARG(index->source->source->name.text), l->memory >> 20);
    return err_help(err, "give more --memory, or fewer --jobs");
}

/* All entries of a chain, best first. */
static int all_values(struct lookup *l, const struct lookup_index *index, const struct index_entry *entries, size_t first,
                      struct value *ret, struct err *err)
{
    size_t n = 0, i = 0;
    struct member *members;

    for (size_t at = first; at; at = entries[at - 1].next)
        n++;
    members = arena_calloc(&l->row_arena, n ? n : 1, sizeof *members);
    if (!members)
        return err_oom(err);
    for (size_t at = first; at; at = entries[at - 1].next) {
        if (entry_value(l, index, &entries[at - 1], &members[i++].value, err) < 0)
            return -1;
        if (l->memory && l->row_arena.total > l->memory)
            return too_large(l, index, "the entries with one key of", err);
    }
    *ret = value_array(members, n);
    return 0;
}

/* --- in memory --- */

static int value_of_key(struct lookup *l, struct lookup_index *index, size_t entry, struct value *ret, struct err *err)
{
    if (index->source->source->duplicates != MAPPING_DUPLICATE_ALL) {
        index->entries[entry].asked = true;
        return entry_value(l, index, &index->entries[entry], ret, err);
    }
    for (size_t at = entry + 1; at; at = index->entries[at - 1].next)
        index->entries[at - 1].asked = true;
    return all_values(l, index, index->entries, entry + 1, ret, err);
}

/* --- in a store --- */

static bool is_better(void *context, const struct index_entry *e, const struct index_entry *best)
{
    return lookup_is_better(context, e, best);
}

static int all_stored(struct lookup *l, struct lookup_index *index, uint64_t hash, struct str key, struct value *ret,
                      struct err *err)
{
    struct lookup_index chain = {.source = index->source};
    size_t n, head = 0;

    if (lookup_store_all(index->store, hash, key, &l->row_arena, &chain.entries, &n, err) < 0)
        return -1;
    if (n == 0)
        return 0;
    if (l->memory && l->row_arena.total > l->memory)
        return too_large(l, index, "the entries with one key of", err);
    for (size_t i = 0; i < n; i++)
        lookup_insert_among(&chain, &head, i);
    return all_values(l, index, chain.entries, head, ret, err);
}

static int value_of_stored(struct lookup *l, struct lookup_index *index, uint64_t hash, struct str key, struct value *ret,
                           struct err *err)
{
    struct index_entry e;
    int got;

    if (index->source->source->duplicates == MAPPING_DUPLICATE_ALL)
        return all_stored(l, index, hash, key, ret, err);
    got = lookup_store_best(index->store, hash, key, is_better, index, &e, &l->row_arena, err);
    return got == 1 ? entry_value(l, index, &e, ret, err) : got;
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
    if (index->store)
        return value_of_stored(l, index, str_hash(key), key, ret, err);
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
    if (index->store)
        return too_large(l, index, "all keys of", err);
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
        if (l->memory && a->total + l->row_arena.total > l->memory)
            return too_large(l, index, "all entries of", err);
    }
    qsort(members, n, sizeof *members, by_key);
    *ret = value_object(members, n);
    return 0;
}

static void tell_orphan(struct lookup *l, const struct lookup_index *index, const struct index_entry *e)
{
    l->out->orphan(l->out->context, index->source, e->key, e->file ? e->file->path : (struct str){0}, e->line);
}

struct orphans {
    struct lookup *l;
    struct lookup_index *index;
    struct arena arena;
};

static int stored_orphan(void *context, uint64_t hash, struct str key, struct err *err)
{
    struct orphans *o = context;
    struct index_entry e;
    int got;

    arena_reset(&o->arena);
    got = lookup_store_best(o->index->store, hash, key, is_better, o->index, &e, &o->arena, err);
    if (got == 1)
        tell_orphan(o->l, o->index, &e);
    return got < 0 ? -1 : 0;
}

/* What cannot be read any more is not counted: a list of orphans is for information. */
static void tell_stored_orphans(struct lookup *l, struct lookup_index *index)
{
    struct orphans o = {.l = l, .index = index};
    struct err ignored = {0};

    if (lookup_store_each(index->store, stored_orphan, &o, &ignored) < 0)
        err_release(&ignored);
    arena_release(&o.arena);
}

static void tell_orphans(struct lookup *l, struct lookup_index *index)
{
    if (index->store)
        tell_stored_orphans(l, index);
    for (size_t i = 0; i < index->n_slots; i++) {
        if (index->slots[i] && !index->entries[index->slots[i] - 1].asked)
            tell_orphan(l, index, &index->entries[index->slots[i] - 1]);
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
        index_free(index);
    }
    l->n_pool = 0;
    for (size_t i = 0; i < LOOKUP_POOL; i++)
        l->pool[i].index = NULL;
}
