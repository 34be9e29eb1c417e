/* Keys that stand twice in one object: by quick hashes while the object is small, by a table under a secret
 * seed when it is large, so that no choice of keys makes the search quadratic. */
#include "read/json_internal.h"

#include <stdlib.h>
#include <sys/random.h>

int json_keys_init(struct json_keys *k)
{
    k->shapes = malloc(JSON_SHAPES_KEYS * sizeof *k->shapes);
    if (!k->shapes)
        return -1;
    k->none.words[0] = 1;   /* a bit that the mask does not let through */
    k->record.inside = k->shapes;
    k->record.inside[0] = k->none;
    k->items.inside = k->nowhere.inside = &k->none;
    k->to_learn = JSON_SHAPES_LEARN;
    if (getrandom(k->seed, sizeof k->seed, GRND_NONBLOCK) != (ssize_t)sizeof k->seed) {
        k->seed[0] = (uint64_t)(uintptr_t)k;
        k->seed[1] = (uint64_t)(uintptr_t)&k;
    }
    return json_keys_grow(k);
}

void json_keys_release(struct json_keys *k)
{
    free(k->at);
    free(k->table);
    free(k->shapes);
    buf_release(&k->decoded);
}

int json_keys_grow(struct json_keys *k)
{
    size_t capacity = k->capacity ? 2 * k->capacity : 256;
    struct json_key *at = realloc(k->at, capacity * sizeof *at);

    if (!at)
        return -1;
    k->at = at;
    k->capacity = capacity;
    return 0;
}

uint32_t json_key_hash_of(struct str key)
{
    char padded[8] = {0};

    if (key.len >= 8)
        return json_key_hash(key.at, key.len);
    if (key.len)
        memcpy(padded, key.at, key.len);
    return json_key_hash(padded, key.len);
}

/* A decoded key in scratch memory; at == NULL when out of memory. */
static struct str decode(struct json_keys *k, struct str raw)
{
    buf_clear(&k->decoded);
    if (buf_reserve(&k->decoded, raw.len) < 0)
        return str_make(NULL, 0);
    return str_make(k->decoded.at, json_decode(raw.at, raw.len, k->decoded.at, true));
}

int json_keys_hash_escaped(struct json_keys *k, struct str raw, uint32_t *ret)
{
    struct str key = decode(k, raw);

    if (!key.at)
        return -1;
    *ret = json_key_hash_of(key);
    return 0;
}

static bool same_key(const struct json_doc *doc, uint32_t a, uint32_t b)
{
    return json_text_cmp(json_token_text(doc, a), doc->link[a] & VALUE_ESCAPED, json_token_text(doc, b),
                         doc->link[b] & VALUE_ESCAPED) == 0;
}

/* Token `second` repeats `first`: remember the earliest such pair of the record, hide the one that loses. */
static void repeated(struct json_parser *p, uint32_t first, uint32_t second)
{
    struct json_keys *k = &p->keys;

    if (!k->found || second < k->second) {
        k->found = true;
        k->first = first;
        k->second = second;
    }
    p->doc.link[p->options.duplicates == JSON_DUPLICATES_LAST ? first : second] |= JSON_SHADOWED;
}

int json_keys_compare(struct json_parser *p, size_t base)
{
    const struct json_key *keys = p->keys.at + base;
    size_t last = p->keys.n - base - 1;
    int flags = 0;

    for (size_t i = 0; last < JSON_KEYS_SMALL && i < last; i++) {
        if (keys[i].hash == keys[last].hash && same_key(&p->doc, keys[i].node, keys[last].node)) {
            repeated(p, keys[i].node, keys[last].node);
            flags = JSON_REWRITE;
        }
    }
    return flags;
}

/* The key `"text":` in words; false when it is too long. */
static bool make_shape_key(struct json_keys *k, struct json_shape_key *key, struct str text, uint32_t hash)
{
    char at[JSON_SHAPE_BYTES] = {'"'};

    *key = (struct json_shape_key){.len = text.len + 3, .links = {0, hash, 0, 0}, .inside = &k->none};
    if (key->len > sizeof at)
        return false;
    memcpy(at + 1, text.at, text.len);
    memcpy(at + 1 + text.len, "\":", 2);
    for (size_t i = 0; 8 * i < key->len; i++) {
        key->words[i] = swar_load(at + 8 * i);
        key->masks[i] = key->len - 8 * i < 8 ? swar_first(key->len - 8 * i) : ~(uint64_t)0;
    }
    return true;
}

/* Keys noted from `base` on, side by side at the end of those that are kept already. A key that is long or has escapes ends what
 * can be foretold. */
static struct json_shape_key *make_shape(struct json_parser *p, size_t base, size_t n)
{
    struct json_shape_key *shape = p->keys.shapes + p->keys.shapes_n;
    size_t known = 0;

    while (known < n && known < JSON_SHAPE_KEYS) {
        uint32_t node = p->keys.at[base + known].node;

        if ((p->doc.link[node] & VALUE_ESCAPED) ||
            !make_shape_key(&p->keys, &shape[known], json_token_text(&p->doc, node), p->doc.link[node + 1]))
            break;
        known++;
    }
    shape[known] = p->keys.none;
    p->keys.shapes_n += known + 1;
    return shape;
}

void json_keys_learn(struct json_parser *p, size_t n)
{
    p->keys.shapes_n = 0;
    p->keys.items.inside = &p->keys.none;
    p->keys.record.inside = make_shape(p, 0, n);
    p->keys.shape_members = n;
    p->doc.shape++;
}

void json_keys_learn_inside(struct json_parser *p, struct json_shape_key *place, size_t base)
{
    struct json_keys *k = &p->keys;

    if (place == &k->nowhere || k->to_learn == 0 || k->shapes_n + JSON_SHAPE_KEYS + 1 > JSON_SHAPES_KEYS)
        return;
    k->to_learn--;
    place->inside = make_shape(p, base, k->n - base);
}

static inline uint64_t rotate(uint64_t x, int by)
{
    return x << by | x >> (64 - by);
}

static inline void sip_round(uint64_t v[4])
{
    v[0] += v[1];
    v[1] = rotate(v[1], 13) ^ v[0];
    v[0] = rotate(v[0], 32);
    v[2] += v[3];
    v[3] = rotate(v[3], 16) ^ v[2];
    v[0] += v[3];
    v[3] = rotate(v[3], 21) ^ v[0];
    v[2] += v[1];
    v[1] = rotate(v[1], 17) ^ v[2];
    v[2] = rotate(v[2], 32);
}

/* SipHash-1-3: without the seed nobody can name two keys that collide. */
static uint64_t sip_hash(const uint64_t seed[2], struct str s)
{
    uint64_t v[4] = {seed[0] ^ 0x736f6d6570736575ULL, seed[1] ^ 0x646f72616e646f6dULL,
                     seed[0] ^ 0x6c7967656e657261ULL, seed[1] ^ 0x7465646279746573ULL};
    char tail[8] = {0};
    uint64_t word;
    size_t i;

    for (i = 0; i + 8 <= s.len; i += 8) {
        word = swar_load(s.at + i);
        v[3] ^= word;
        sip_round(v);
        v[0] ^= word;
    }
    if (s.len > i)
        memcpy(tail, s.at + i, s.len - i);
    word = swar_load(tail) | (uint64_t)s.len << 56;
    v[3] ^= word;
    sip_round(v);
    v[0] ^= word;
    v[2] ^= 0xff;
    for (int round = 0; round < 3; round++)
        sip_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

/* An empty table with room for n keys at most half full. */
static int table_clear(struct json_keys *k, size_t n, size_t *ret_mask)
{
    size_t size = 64;

    while (size < 2 * n)
        size *= 2;
    if (size > k->table_capacity) {
        free(k->table);
        k->table_capacity = 0;
        k->table = malloc(size * sizeof *k->table);
        if (!k->table)
            return -1;
        k->table_capacity = size;
    }
    memset(k->table, 0, size * sizeof *k->table);
    *ret_mask = size - 1;
    return 0;
}

/* The table holds indexes of keys plus one; the keys' hashes make place for parts of the strong ones, as nothing
 * asks for the quick ones after this. */
int json_keys_close(struct json_parser *p, size_t base)
{
    struct json_keys *k = &p->keys;
    struct json_key *keys = k->at + base;
    size_t n = k->n - base, mask, slot;
    int flags = 0;

    if (table_clear(k, n, &mask) < 0)
        return -1;
    for (size_t i = 0; i < n; i++) {
        struct str key = json_token_text(&p->doc, keys[i].node);
        uint64_t strong;

        if (p->doc.link[keys[i].node] & VALUE_ESCAPED)
            key = decode(k, key);
        if (!key.at)
            return -1;
        strong = sip_hash(k->seed, key);
        keys[i].hash = (uint32_t)(strong >> 32);
        for (slot = strong & mask; k->table[slot]; slot = (slot + 1) & mask) {
            const struct json_key *other = &keys[k->table[slot] - 1];

            if (other->hash == keys[i].hash && same_key(&p->doc, other->node, keys[i].node)) {
                repeated(p, other->node, keys[i].node);
                flags = JSON_REWRITE;
                break;
            }
        }
        if (!k->table[slot] || p->options.duplicates == JSON_DUPLICATES_LAST)
            k->table[slot] = (uint32_t)i + 1;
    }
    return flags;
}
