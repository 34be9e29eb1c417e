/* Paths compiled into a trie, filled by one walk over those objects and arrays that a path goes through. */
#include "read/json_internal.h"

#include <stdlib.h>

/* A key in its parent's table. */
struct entry {
    const char *key;            /* of the child's step, with 8 readable bytes behind it; NULL: empty */
    uint32_t len, hash;
    const struct node *child;
    int slot;                   /* of a child that is a path's end and has nothing below it; else -1 */
};

struct node {
    struct json_step step;      /* from the parent; key is owned */
    uint32_t hash;
    int slot;                   /* -1: no path ends here */
    bool covered;               /* all below counts as read */
    struct node *children;
    size_t n, keys, indexes;
    struct entry *table;        /* of the keys among the children, by hash */
    size_t mask;
};

struct json_paths {
    struct node root;
    size_t count;
};

enum { CHILDREN_MAX = 32 * 1024 };

struct json_paths *json_paths_new(struct err *err)
{
    struct json_paths *paths = calloc(1, sizeof *paths);

    if (!paths)
        err_oom(err);
    else
        paths->root.slot = -1;
    return paths;
}

static void node_release(struct node *node)
{
    for (size_t i = 0; i < node->n; i++)
        node_release(&node->children[i]);
    free(node->children);
    free(node->table);
    if (node->step.kind == JSON_STEP_KEY)
        free((char *)node->step.key.at);
}

void json_paths_free(struct json_paths *paths)
{
    if (!paths)
        return;
    node_release(&paths->root);
    free(paths);
}

size_t json_paths_count(const struct json_paths *paths)
{
    return paths->count;
}

/* --- building --- */

static bool same_step(const struct json_step *a, const struct json_step *b)
{
    if (a->kind != b->kind)
        return false;
    return a->kind == JSON_STEP_KEY ? str_eq(a->key, b->key) : a->index == b->index;
}

/* Made anew whenever a child changes. */
static int table_rebuild(struct node *node)
{
    size_t size = 4;
    struct entry *table;

    while (size < 4 * node->n)
        size *= 2;
    table = calloc(size, sizeof *table);
    if (!table)
        return -1;
    free(node->table);
    node->table = table;
    node->mask = size - 1;
    for (size_t i = 0; i < node->n; i++) {
        const struct node *child = &node->children[i];
        size_t at = child->hash & node->mask;

        if (child->step.kind != JSON_STEP_KEY)
            continue;
        while (table[at].key)
            at = (at + 1) & node->mask;
        table[at] = (struct entry){child->step.key.at, (uint32_t)child->step.key.len, child->hash, child,
                                   child->n == 0 ? child->slot : -1};
    }
    return 0;
}

static int add_child(struct node *node, const struct json_step *step)
{
    struct node *children, child = {.step = *step, .slot = -1};

    if (node->n == CHILDREN_MAX)
        return -1;
    children = realloc(node->children, (node->n + 1) * sizeof *children);
    if (!children)
        return -1;
    node->children = children;
    if (step->kind == JSON_STEP_KEY) {
        char *key = calloc(1, step->key.len + 8);   /* json_same_bytes() reads in eights */

        if (!key)
            return -1;
        if (step->key.len)
            memcpy(key, step->key.at, step->key.len);
        child.hash = json_key_hash_of(step->key);
        child.step.key.at = key;
    }
    children[node->n++] = child;
    node->keys += step->kind == JSON_STEP_KEY;
    node->indexes += step->kind == JSON_STEP_INDEX;
    return 0;
}

/* The node of a path, made where missing; NULL when out of memory. */
static struct node *node_of(struct json_paths *paths, const struct json_step *steps, size_t n)
{
    struct node *node = &paths->root;

    for (size_t i = 0; i < n; i++) {
        size_t child = 0;

        while (child < node->n && !same_step(&node->children[child].step, &steps[i]))
            child++;
        if (child == node->n && add_child(node, &steps[i]) < 0)
            return NULL;
        node = &node->children[child];
    }
    return node;
}

/* The tables along a path, after something changed at its end. */
static int refresh(struct json_paths *paths, const struct json_step *steps, size_t n)
{
    struct node *node = &paths->root;

    for (size_t i = 0; i < n; i++) {
        size_t child = 0;

        if (table_rebuild(node) < 0)
            return -1;
        while (!same_step(&node->children[child].step, &steps[i]))
            child++;
        node = &node->children[child];
    }
    return 0;
}

int json_paths_add(struct json_paths *paths, const struct json_step *steps, size_t n)
{
    struct node *node = node_of(paths, steps, n);

    if (!node)
        return -1;
    if (node->slot < 0)
        node->slot = (int)paths->count++;
    node->covered = true;
    return refresh(paths, steps, n) < 0 ? -1 : node->slot;
}

int json_paths_cover(struct json_paths *paths, const struct json_step *steps, size_t n)
{
    struct node *node = node_of(paths, steps, n);

    if (!node)
        return -1;
    node->covered = true;
    return refresh(paths, steps, n);
}

/* --- walking: recursion ends at the length of the longest path --- */

struct selection {
    const struct json_paths *paths;
    struct value *slots, *misfit;
    const struct json_unread *unread;
    struct json_memo *memo;
};

static void visit(const struct selection *s, const struct node *node, const struct value *v, bool covered);

/* Is the entry's key the one at token i? Only white space stands between a key's closing quote and the colon, so a
 * quote before the colon is that one. */
static inline bool key_is(const struct json_doc *doc, uint32_t i, const struct entry *e)
{
    const uint32_t *pos = doc->pos + i;
    const char *at = doc->text + pos[0] + 1;

    if (doc->link[i] & VALUE_ESCAPED)
        return json_text_cmp(json_token_text(doc, i), true, str_make(e->key, e->len), false) == 0;
    if (pos[1] - pos[0] < e->len + 2 || (pos[1] - pos[0] > e->len + 2 && at[e->len] != '"'))
        return false;
    return json_same_bytes(at, e->key, e->len);
}

static inline const struct entry *find_key(const struct node *node, const struct json_doc *doc, uint32_t i)
{
    uint32_t hash = doc->link[i + 1];

    for (size_t at = hash & node->mask; node->table[at].key; at = (at + 1) & node->mask) {
        if (node->table[at].hash == hash && key_is(doc, i, &node->table[at]))
            return &node->table[at];
    }
    return NULL;
}

/* The member whose key is token i of the object v. */
static inline void visit_member(const struct selection *s, const struct entry *found, const struct value *v, uint32_t i,
                                bool covered)
{
    struct value item;

    if (found && found->slot >= 0) {
        json_fill(v->doc, i + 2, &s->slots[found->slot]);
        return;
    }
    json_fill(v->doc, i + 2, &item);
    if (found)
        visit(s, found->child, &item, covered);
    else
        s->unread->key(s->unread->context, v, json_token_text(v->doc, i), &item);
}

static inline uint32_t expected_key(const struct json_doc *doc, size_t i)
{
    return doc->keys ? doc->keys[i].node : doc->expected + 1 + 4 * (uint32_t)i;
}

static void remember(const struct selection *s, const struct node *node, const struct json_doc *doc)
{
    s->memo->paths = s->paths;
    s->memo->doc = doc;
    s->memo->shape = doc->shape;
    for (size_t i = 0; i < doc->keys_n; i++)
        s->memo->found[i] = find_key(node, doc, expected_key(doc, i));
}

static void visit_expected(const struct selection *s, const struct node *node, const struct value *v, bool covered)
{
    const struct json_doc *doc = v->doc;
    const struct json_memo *memo = s->memo;
    bool all = !covered && s->unread;

    if (memo->shape != doc->shape || memo->doc != doc || memo->paths != s->paths)
        remember(s, node, doc);
    for (size_t i = 0; i < doc->keys_n; i++) {
        if (memo->found[i] || all)
            visit_member(s, memo->found[i], v, expected_key(doc, i), covered);
    }
}

static void visit_doc_object(const struct selection *s, const struct node *node, const struct value *v, bool covered)
{
    const struct json_doc *doc = v->doc;
    uint32_t end = doc->link[v->node];
    size_t left = node->keys;
    bool all = !covered && s->unread;

    if (s->memo && doc->expected == v->node && node == &s->paths->root) {
        visit_expected(s, node, v, covered);
        return;
    }
    for (uint32_t i = v->node + 1; i < end; i = json_value_end(doc, i + 2) + 2) {
        const struct entry *found = find_key(node, doc, i);

        if ((!found && !all) || (doc->link[i] & JSON_SHADOWED))
            continue;
        visit_member(s, found, v, i, covered);
        if (--left == 0 && !all)
            return;
    }
}

static void visit_built_object(const struct selection *s, const struct node *node, const struct value *v, bool covered)
{
    for (size_t i = 0; i < v->built.n; i++) {
        const struct member *m = &v->built.members[i];
        size_t child = 0;

        while (child < node->n && !(node->children[child].step.kind == JSON_STEP_KEY &&
                                    str_eq(node->children[child].step.key, m->key)))
            child++;
        if (child < node->n)
            visit(s, &node->children[child], &m->value, covered);
        else if (s->unread && !covered)
            s->unread->key(s->unread->context, v, m->key, &m->value);
    }
}

static void visit_array(const struct selection *s, const struct node *node, const struct value *v, bool covered)
{
    struct value_iter it = value_iter(v);
    struct value item;
    int64_t n = (int64_t)value_count(v);

    for (int64_t i = 0; value_iter_next(&it, NULL, &item); i++) {
        for (size_t child = 0; child < node->n; child++) {
            const struct json_step *step = &node->children[child].step;

            if (step->kind == JSON_STEP_INDEX && (step->index == i || step->index + n == i))
                visit(s, &node->children[child], &item, covered);
        }
    }
}

/* Null has no members and is no misfit: a path through it is as absent as one through a missing key. */
static void note_misfit(const struct selection *s, const struct node *node, const struct value *v)
{
    bool fits = (v->type == VALUE_OBJECT && node->indexes == 0) || (v->type == VALUE_ARRAY && node->keys == 0);

    if (!fits && v->type != VALUE_NULL && s->misfit && s->misfit->type == VALUE_ABSENT)
        *s->misfit = *v;
}

/* All members of an object that no path goes into. */
static void tell_all(const struct json_unread *unread, const struct value *v)
{
    struct value_iter it = value_iter(v);
    struct value key, item;

    while (v->type == VALUE_OBJECT && value_iter_next(&it, &key, &item))
        unread->key(unread->context, v, key.text, &item);
}

static void visit(const struct selection *s, const struct node *node, const struct value *v, bool covered)
{
    covered = covered || node->covered;
    if (node->slot >= 0)
        s->slots[node->slot] = *v;
    if (node->n == 0) {
        if (!covered && s->unread)
            tell_all(s->unread, v);
        return;
    }
    note_misfit(s, node, v);
    if (v->type == VALUE_ARRAY && node->indexes)
        visit_array(s, node, v, covered);
    else if (v->type == VALUE_OBJECT && v->doc && (node->keys || !covered))
        visit_doc_object(s, node, v, covered);
    else if (v->type == VALUE_OBJECT)
        visit_built_object(s, node, v, covered);
}

void json_select_again(const struct json_paths *paths, const struct value *root, struct value *slots,
                       struct value *misfit, const struct json_unread *unread, struct json_memo *memo)
{
    struct selection s = {paths, slots, misfit, unread, memo};

    for (size_t i = 0; i < paths->count; i++)
        slots[i] = value_absent();
    if (misfit)
        *misfit = value_absent();
    visit(&s, &paths->root, root, false);
}

void json_select(const struct json_paths *paths, const struct value *root, struct value *slots,
                 struct value *misfit, const struct json_unread *unread)
{
    json_select_again(paths, root, slots, misfit, unread, NULL);
}

bool json_flat_members(const struct json_paths *paths, const struct value *root, bool all, int32_t *ret)
{
    const struct node *node = &paths->root;
    const struct json_doc *doc = root->doc;

    if (node->indexes)
        return false;
    for (size_t i = 0; i < paths->count; i++)
        ret[i] = JSON_FLAT_ABSENT;
    if (node->slot >= 0)
        ret[node->slot] = JSON_FLAT_WHOLE;
    for (size_t i = 0; i < doc->keys_n; i++) {
        const struct entry *found = node->keys ? find_key(node, doc, expected_key(doc, i)) : NULL;

        if (found ? found->child->n > 0 : all && !node->covered)
            return false;
        if (found && found->slot >= 0)
            ret[found->slot] = (int32_t)i;
    }
    return true;
}
