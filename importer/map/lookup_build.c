/* Filling an index: records of sibling files or items of a document, keyed, the preferred one first. */
#include "map/lookup_internal.h"

#include "map/constant.h"
#include "map/lookup_store.h"

#include <stdlib.h>
#include <unistd.h>

/* What the expressions of an index see while it is built. */
struct building {
    struct lookup *l;
    struct lookup_index *index;
    const struct entry *file;
    const struct str *captures;
    const struct record *record;
    struct str key;             /* of a member of an object */
    uint64_t ordinal;
    struct arena *scratch;      /* of one entry */
    struct expr_run run;        /* for its expressions */
    struct expr_run outer;      /* for what entries are found with: of:, each: */
    size_t held;                /* of the index when it was looked at last */
};

/* A document beside the file whose records are being entered. */
static int building_document(struct building *b, int ordinal, struct value *ret, struct err *err)
{
    const struct pattern *pattern = b->index->source->files;
    struct lookup_captures captures = {.pattern = pattern, .root = b->file->root,
                                       .group = program_group(b->l->p, b->file->path)};

    for (size_t i = 0; i < pattern_captures(pattern); i++)
        captures.at[i] = b->captures[i];
    if (lookup_document(b->l, ordinal, &captures, ret, err) < 0)
        return -1;
    if (ret->type == VALUE_ABSENT)
        *ret = value_null();
    return 0;
}

static int building_variable(void *context, int slot, struct value *ret, struct err *err)
{
    struct building *b = context;

    *ret = value_null();
    if (slot_kind(slot) == SLOT_DOCUMENT && b->file)
        return building_document(b, slot_ordinal(slot), ret, err);
    if (slot_kind(slot) == SLOT_INDEX)
        *ret = value_int((int64_t)b->ordinal, b->scratch);
    else if (slot_kind(slot) == SLOT_LINE && b->record)
        *ret = value_int((int64_t)b->record->line, b->scratch);
    else if (slot_kind(slot) == SLOT_KEY && b->key.at)
        *ret = value_string(b->key);
    return 0;
}

static int building_keyed(void *context, int slot, struct str key, struct value *ret, struct err *err)
{
    struct building *b = context;
    const struct program *p = b->l->p;
    int k;

    *ret = value_null();
    switch (slot_kind(slot)) {
    case SLOT_PARAM:
        for (size_t i = 0; i < p->n_params; i++) {
            if (str_is(key, p->params[i].name))
                *ret = p->params[i].value;
        }
        return 0;
    case SLOT_FILE:
        return b->file ? lookup_fact(b->l, b->file, key, b->scratch, ret, err) : 0;
    case SLOT_PATH:
        k = b->index->source->files ? pattern_capture_index(b->index->source->files, key) : -1;
        if (k >= 0 && b->captures)
            *ret = value_string(b->captures[k]);
        return 0;
    default:
        return 0;
    }
}

size_t *lookup_find_slot(const struct lookup_index *index, uint64_t hash, struct str key)
{
    size_t at = hash & (index->n_slots - 1);

    while (index->slots[at]) {
        const struct index_entry *e = &index->entries[index->slots[at] - 1];

        if (e->hash == hash && str_eq(e->key, key))
            break;
        at = (at + 1) & (index->n_slots - 1);
    }
    return &index->slots[at];
}

static int grow(struct lookup_index *index)
{
    size_t capacity = index->capacity ? index->capacity * 2 : 64;
    struct index_entry *entries = realloc(index->entries, capacity * sizeof *entries);
    size_t *slots, *old = index->slots, n_old = index->n_slots;

    if (!entries)
        return -1;
    index->entries = entries;
    index->capacity = capacity;
    slots = calloc(capacity * 2, sizeof *slots);
    if (!slots)
        return -1;
    index->slots = slots;
    index->n_slots = capacity * 2;
    for (size_t i = 0; i < n_old; i++) {
        if (old[i])
            *lookup_find_slot(index, entries[old[i] - 1].hash, entries[old[i] - 1].key) = old[i];
    }
    free(old);
    return 0;
}

/* Bytes of memory for what is kept of an index. */
static size_t held(const struct lookup_index *index)
{
    return index->arena.total + index->capacity * sizeof *index->entries + index->n_slots * sizeof *index->slots +
           (index->store ? lookup_store_held(index->store) : 0);
}

size_t lookup_indexes_held(const struct lookup *l)
{
    size_t ret = 0;

    for (const struct lookup_index *index = l->indexes; index; index = index->older)
        ret += held(index);
    return ret;
}

/* > 0: a is preferred to b by the first expression that tells them apart. */
static int compare_preferred(const struct lookup_index *index, const struct index_entry *a, const struct index_entry *b)
{
    for (size_t i = 0; i < index->source->n_prefer; i++) {
        int c = value_cmp(&a->prefer[i], &b->prefer[i]);

        if (c)
            return c;
    }
    return 0;
}

/* Put the new entry in its place among those with the same key, best first; equal ones in order of arrival. */
void lookup_insert_among(struct lookup_index *index, size_t *head, size_t added)
{
    size_t *link = head;

    while (*link && compare_preferred(index, &index->entries[added], &index->entries[*link - 1]) <= 0)
        link = &index->entries[*link - 1].next;
    index->entries[added].next = *link;
    *link = added + 1;
}

bool lookup_is_better(const struct lookup_index *index, const struct index_entry *e, const struct index_entry *best)
{
    int c = compare_preferred(index, e, best);

    return c > 0 || (c == 0 && index->source->source->duplicates == MAPPING_DUPLICATE_LAST);
}

static bool is_twice(const struct lookup_index *index, const struct index_entry *e, const struct index_entry *best)
{
    return index->source->source->duplicates == MAPPING_DUPLICATE_REJECT && compare_preferred(index, e, best) == 0;
}

static void tell_duplicate(struct building *b, const struct index_entry *e)
{
    struct err fault = {0};

    err_set(&fault, ERR_RECORD, W0409, "the key '%.*s' stands twice in the index %.*s", STR_ARG(e->key),
            STR_ARG(b->index->source->source->name.text));
    if (e->file) {
        char *path = str_dup(e->file->path);

        err_at(&fault, path, e->line ? e->line : 1, 1);
        free(path);
    }
    b->l->out->sibling(b->l->out->context, &fault);
    err_release(&fault);
}

/* --- an index that has outgrown its memory goes on in a store --- */

static int move_to_store(struct building *b, struct err *err)
{
    struct lookup_index *index = b->index;
    struct lookup_store *store = lookup_store_new(b->l->memory / 4, index->source->n_prefer, err);

    if (!store)
        return -1;
    for (size_t i = 0; i < index->n; i++) {
        if (lookup_store_add(store, &index->entries[i], err) < 0) {
            lookup_store_free(store);
            return -1;
        }
    }
    arena_release(&index->arena);
    free(index->entries);
    free(index->slots);
    index->entries = NULL;
    index->slots = NULL;
    index->n = index->capacity = index->n_slots = 0;
    index->store = store;
    return 0;
}

/* A small index among many stays: a store of its own would take more. */
static bool is_too_large(struct building *b)
{
    size_t now = held(b->index);

    if (!b->l->memory || now == b->held)
        return false;
    b->held = now;
    return now > b->l->memory / 8 && lookup_indexes_held(b->l) > b->l->memory / 2;
}

static int tell_duplicates_of(void *context, uint64_t hash, struct str key, struct err *err)
{
    struct building *b = context;
    struct index_entry *entries;
    size_t n, best = 0;

    arena_reset(b->scratch);
    if (lookup_store_all(b->index->store, hash, key, b->scratch, &entries, &n, err) < 0)
        return -1;
    for (size_t i = 1; i < n; i++) {
        if (is_twice(b->index, &entries[i], &entries[best]))
            tell_duplicate(b, &entries[i]);
        if (lookup_is_better(b->index, &entries[i], &entries[best]))
            best = i;
    }
    return 0;
}

static int end_store(struct building *b, struct err *err)
{
    struct lookup_store *store = b->index->store;

    if (!store)
        return 0;
    if (lookup_store_end(store, err) < 0)
        return -1;
    if (b->index->source->source->duplicates != MAPPING_DUPLICATE_REJECT)
        return 0;
    if (lookup_store_each(store, tell_duplicates_of, b, err) < 0)
        return -1;
    lookup_store_forget_asked(store);
    return 0;
}

static void link_entry(struct building *b, size_t added)
{
    struct lookup_index *index = b->index;
    struct index_entry *e = &index->entries[added];
    size_t *slot = lookup_find_slot(index, e->hash, e->key);

    if (!*slot) {
        *slot = added + 1;
        return;
    }
    if (index->source->source->duplicates == MAPPING_DUPLICATE_ALL) {
        lookup_insert_among(index, slot, added);
        return;
    }
    if (is_twice(index, e, &index->entries[*slot - 1]))
        tell_duplicate(b, e);
    if (lookup_is_better(index, e, &index->entries[*slot - 1]))
        *slot = added + 1;
}

static int evaluate_into(struct building *b, const struct program_expr *expr, const struct value *input,
                         struct value *ret, struct err *err)
{
    uint32_t line, column;

    if (expr_eval(expr->expr, input, &b->run, ret, err) == 0)
        return 0;
    mapping_place(expr->text, err->map_column, &line, &column);
    err->map_line = line;
    err->map_column = column;
    return -1;
}

/* What an entry is made of; a store keeps its own copy. */
static struct arena *arena_of(struct building *b)
{
    return b->index->store ? b->scratch : &b->index->arena;
}

static int keep_value(struct building *b, const struct value *item, struct index_entry *e, bool readable, struct err *err)
{
    struct value v = *item;

    if (b->index->source->value.expr && evaluate_into(b, &b->index->source->value, item, &v, err) < 0)
        return -1;
    e->kept = b->index->source->value.expr || !readable;
    if (e->kept && constant_copy(&v, arena_of(b), &e->value) < 0)
        return err_oom(err);
    return 0;
}

static int add_entry(struct building *b, const struct value *item, bool readable, struct err *err)
{
    struct lookup_index *index = b->index;
    struct index_entry e = {0};
    struct value v;

    if (index->source->where.expr) {
        if (evaluate_into(b, &index->source->where, item, &v, err) < 0)
            return -1;
        if (!expr_true(&v))
            return 0;
    }
    if (evaluate_into(b, &index->source->by, item, &v, err) < 0)
        return -1;
    if (v.type == VALUE_ABSENT || v.type == VALUE_NULL)
        return 0;
    if (expr_lookup_key(&v, b->scratch, &e.key, err) < 0)
        return -1;
    if (!(e.key = arena_str(arena_of(b), e.key)).at)
        return err_oom(err);
    e.hash = str_hash(e.key);
    e.file = b->file;
    if (b->record) {
        e.byte = b->record->byte;
        e.len = (uint32_t)b->record->raw.len;
        e.line = b->record->line;
    }
    if (keep_value(b, item, &e, readable, err) < 0)
        return -1;
    e.prefer = arena_calloc(arena_of(b), index->source->n_prefer + 1, sizeof *e.prefer);
    if (!e.prefer)
        return err_oom(err);
    for (size_t i = 0; i < index->source->n_prefer; i++) {
        if (evaluate_into(b, &index->source->prefer[i], item, &v, err) < 0)
            return -1;
        if (v.type == VALUE_ABSENT)
            v = value_null();
        if (constant_copy(&v, arena_of(b), &e.prefer[i]) < 0)
            return err_oom(err);
    }
    if (index->store)
        return lookup_store_add(index->store, &e, err);
    if (index->n == index->capacity && grow(index) < 0)
        return err_oom(err);
    index->entries[index->n] = e;
    link_entry(b, index->n++);
    return is_too_large(b) ? move_to_store(b, err) : 0;
}

/* An entry that cannot be made costs that entry. */
static void tell_sibling(struct building *b, struct err *e)
{
    char *path = b->file ? str_dup(b->file->path) : NULL;

    if (path)
        err_at(e, path, e->line ? e->line : b->record ? b->record->line : 1, e->column ? e->column : 1);
    if (b->index->source->source->read.secret) {
        free(e->value);
        e->value = NULL;
    }
    lookup_tell(b->l, e);
    free(path);
}

/* It may be the one that a row asks for: to go on without it would lose it. */
static void note_unread(struct building *b, struct err *e)
{
    err_set(&b->index->unread, ERR_RECORD, W0451, "the index $%.*s lacks a record of %.*s: %s",
            STR_ARG(b->index->source->source->name.text), STR_ARG(b->file->path), e->message);
    if (e->help[0])
        err_help(&b->index->unread, "%s", e->help);
    err_release(e);
}

/* What a rule reads too is refused there, with its bytes. */
static void tell_unreadable(struct building *b, struct err *e)
{
    if (e->code == W0328)
        note_unread(b, e);
    else if (lookup_is_read(b->l, b->file))
        err_release(e);
    else
        tell_sibling(b, e);
}

static int add_or_tell(struct building *b, const struct value *item, bool readable, struct err *err)
{
    struct err e = {0};

    if (add_entry(b, item, readable, &e) == 0)
        return 0;
    if (e.scope != ERR_RECORD) {
        err_move(err, &e);
        return -1;
    }
    tell_sibling(b, &e);
    return 0;
}

static int add_each(void *context, const struct value *item, struct err *err)
{
    struct building *b = context;
    int ret;

    arena_reset(b->scratch);
    ret = add_or_tell(b, item, false, err);
    b->ordinal++;
    return ret;
}

static int add_record(struct building *b, const struct record *record, bool readable, struct err *err)
{
    struct err e = {0};

    arena_reset(b->scratch);
    arena_reset(b->outer.arena);
    b->record = record;
    b->l->built_to = b->l->clock;
    if (!b->index->source->each.expr) {
        b->ordinal = record->index;
        return add_or_tell(b, &record->value, readable, err);
    }
    b->ordinal = 0;
    if (expr_each(b->index->source->each.expr, &record->value, &b->outer, add_each, b, &e) == 0)
        return 0;
    if (e.scope == ERR_RUN) {
        err_move(err, &e);
        return -1;
    }
    tell_sibling(b, &e);
    return 0;
}

/* Directories and files that are not read are entries by their path. */
static int add_unread(struct building *b, struct err *err)
{
    struct member *members = arena_calloc(b->scratch, 2, sizeof *members);
    struct value v;

    if (!members)
        return err_oom(err);
    members[0].key = str_of("path");
    members[1].key = str_of("name");
    if (lookup_fact(b->l, b->file, str_of("path"), b->scratch, &members[0].value, err) < 0 ||
        lookup_fact(b->l, b->file, str_of("name"), b->scratch, &members[1].value, err) < 0)
        return -1;
    v = value_object(members, 2);
    return add_or_tell(b, &v, false, err);
}

static int add_records(struct building *b, struct reader *reader, const struct reader_ops *ops, struct err *err)
{
    for (;;) {
        struct record record;
        struct err e = {0};
        int got = ops->next(reader, &record, &e);

        if (got == 0)
            return 0;
        if (got == 1) {
            if (add_record(b, &record, strcmp(ops->name, "jsonl") == 0, err) < 0)
                return -1;
            continue;
        }
        if (e.scope == ERR_RUN) {
            err_move(err, &e);
            return -1;
        }
        b->record = NULL;
        got = e.scope == ERR_RECORD;
        tell_unreadable(b, &e);
        if (!got)
            return 0;
    }
}

static int add_file(void *context, const struct entry *file, const struct str *captures, struct err *err)
{
    struct building *b = context;
    const struct program_index *source = b->index->source;
    struct reader *reader;
    struct input in;
    struct err e = {0};
    int ret;

    b->l->built_to = b->l->clock;
    b->file = file;
    b->captures = captures;
    b->record = NULL;
    arena_reset(b->scratch);
    if (source->where_by_path) {
        struct value verdict, null = value_null();

        if (evaluate_into(b, &source->where, &null, &verdict, &e) < 0) {
            tell_sibling(b, &e);
            return 0;
        }
        if (!expr_true(&verdict))
            return 0;
    }
    if (!source->reader)
        return add_unread(b, err);
    if (lookup_open(b->l, file, &in, &e) < 0) {
        tell_unreadable(b, &e);
        return 0;
    }
    reader = source->reader->open(&source->read, err);
    ret = reader && source->reader->start(reader, &in, err) == 0 ? add_records(b, reader, source->reader, err) : -1;
    if (reader)
        source->reader->close(reader);
    close(in.fd);
    return ret;
}

/* The value of `of: $document.path`. */
static int container_variable(void *context, int slot, struct value *ret, struct err *err)
{
    struct { struct lookup *l; const struct lookup_captures *captures; } *c = context;

    *ret = value_null();
    if (slot_kind(slot) != SLOT_DOCUMENT)
        return 0;
    if (lookup_document(c->l, slot_ordinal(slot), c->captures, ret, err) < 0)
        return -1;
    if (ret->type == VALUE_ABSENT)
        *ret = value_null();
    return 0;
}

static int container_keyed(void *context, int slot, struct str key, struct value *ret, struct err *err)
{
    (void)context;
    (void)slot;
    (void)key;
    (void)err;
    *ret = value_null();
    return 0;
}

static int build_of(struct building *b, const struct lookup_captures *captures, struct err *err)
{
    struct { struct lookup *l; const struct lookup_captures *captures; } context = {b->l, captures};
    struct value container, key, item, null = value_null();
    struct value_iter it;

    b->outer.variable = container_variable;
    b->outer.keyed = container_keyed;
    b->outer.context = &context;
    if (expr_eval(b->index->source->of.expr, &null, &b->outer, &container, err) < 0)
        return -1;
    it = value_iter(&container);
    for (b->ordinal = 0; value_iter_next(&it, &key, &item); b->ordinal++) {
        arena_reset(b->scratch);
        b->key = (struct str){0};
        if (key.type == VALUE_STRING && value_text(&key, b->scratch, &b->key) < 0)
            return err_oom(err);
        if (add_or_tell(b, &item, false, err) < 0)
            return -1;
    }
    return 0;
}

int lookup_build(struct lookup *l, struct lookup_index *index, const struct lookup_captures *captures, struct err *err)
{
    struct arena scratch = {0}, outer = {0};
    struct building b = {.l = l, .index = index, .scratch = &scratch};
    int ret;

    b.run = (struct expr_run){.arena = &scratch, .variable = building_variable, .keyed = building_keyed, .context = &b,
                              .now_us = l->now.now_us, .uuid_namespace = l->p->space};
    b.outer = b.run;
    b.outer.arena = &outer;
    if (grow(index) < 0)
        return err_oom(err);
    l->building = true;
    l->built_from = l->built_to = l->clock;
    ret = index->source->files ? lookup_siblings(l, index->source->files, index->source->global, captures,
                                                       add_file, &b, err)
                               : build_of(&b, captures, err);
    l->building = false;
    if (ret == 0)
        ret = end_store(&b, err);
    arena_release(&scratch);
    arena_release(&outer);
    return ret;
}
