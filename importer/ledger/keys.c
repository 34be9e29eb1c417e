/* Packed lists and sets of keys. Numbers are written seven bits a byte, lines as differences. */
#include "ledger/keys.h"

#include <stdlib.h>

static int put_number(struct buf *out, uint64_t n)
{
    do {
        if (buf_add_char(out, (char)((n & 0x7f) | (n > 0x7f ? 0x80 : 0))) < 0)
            return -1;
        n >>= 7;
    } while (n);
    return 0;
}

static bool get_number(struct str *from, uint64_t *ret)
{
    uint64_t n = 0;

    for (unsigned shift = 0; from->len && shift < 64; shift += 7) {
        unsigned char c = (unsigned char)from->at[0];

        *from = str_make(from->at + 1, from->len - 1);
        n |= (uint64_t)(c & 0x7f) << shift;
        if (!(c & 0x80)) {
            *ret = n;
            return true;
        }
    }
    return false;
}

static bool get_text(struct str *from, struct str *ret)
{
    uint64_t len;

    if (!get_number(from, &len) || len > from->len)
        return false;
    *ret = str_make(from->at, len);
    *from = str_make(from->at + len, from->len - len);
    return true;
}

/* Signed to unsigned, small numbers small. */
static uint64_t fold(int64_t n)
{
    return ((uint64_t)n << 1) ^ (uint64_t)(n >> 63);
}

static int64_t unfold(uint64_t n)
{
    return (int64_t)(n >> 1) ^ -(int64_t)(n & 1);
}

/* An item begins with file + 1; 0 begins a section with its table's name. */
int keys_add(struct keys_writer *w, const struct keys_item *item)
{
    if (!str_eq(w->table, item->table) || w->bytes.len == 0) {
        if (put_number(&w->bytes, 0) < 0 || put_number(&w->bytes, item->table.len) < 0 || buf_add_str(&w->bytes, item->table) < 0)
            return -1;
        w->table = item->table;
        w->last_line = 0;
    }
    if (put_number(&w->bytes, (uint64_t)item->file + 1) < 0 ||
        put_number(&w->bytes, fold((int64_t)(item->line - w->last_line))) < 0 ||
        put_number(&w->bytes, item->key.len) < 0 || buf_add_str(&w->bytes, item->key) < 0)
        return -1;
    w->last_line = item->line;
    return 0;
}

int keys_next(struct keys_reader *r, struct keys_item *ret, struct err *err)
{
    uint64_t n, line;

    while (r->rest.len) {
        if (!get_number(&r->rest, &n))
            break;
        if (n == 0) {
            if (!get_text(&r->rest, &r->table))
                break;
            r->last_line = 0;
            continue;
        }
        if (!get_number(&r->rest, &line) || !get_text(&r->rest, &ret->key))
            break;
        r->last_line += (uint64_t)unfold(line);
        ret->file = (uint32_t)(n - 1);
        ret->line = r->last_line;
        ret->table = r->table;
        return 1;
    }
    return r->rest.len ? err_set(err, ERR_RUN, W0604, "the ledger's list of keys is damaged") : 0;
}

static uint64_t hash_of(struct str table, struct str key)
{
    return str_hash(table) * 31 + str_hash(key);
}

static uint32_t *find(const struct keys_set *s, uint64_t hash, struct str table, struct str key)
{
    size_t at = hash & (s->n_slots - 1);

    while (s->slots[at]) {
        size_t i = s->slots[at] - 1;

        if (s->entries[i].hash == hash && str_eq(keys_set_table(s, i), table) && str_eq(keys_set_key(s, i), key))
            break;
        at = (at + 1) & (s->n_slots - 1);
    }
    return &s->slots[at];
}

static int grow(struct keys_set *s)
{
    size_t capacity = s->capacity ? s->capacity * 2 : 256;
    struct keys_set_entry *entries = realloc(s->entries, capacity * sizeof *entries);
    uint32_t *slots = calloc(capacity * 2, sizeof *slots);

    if (entries)
        s->entries = entries;
    if (!entries || !slots) {
        free(slots);
        return -1;
    }
    free(s->slots);
    s->slots = slots;
    s->n_slots = capacity * 2;
    s->capacity = capacity;
    for (size_t i = 0; i < s->n; i++)
        *find(s, entries[i].hash, keys_set_table(s, i), keys_set_key(s, i)) = (uint32_t)i + 1;
    return 0;
}

int keys_set_add(struct keys_set *s, struct str table, struct str key, uint32_t file)
{
    uint64_t hash = hash_of(table, key);
    uint32_t *slot;

    if (s->n == s->capacity && grow(s) < 0)
        return -1;
    slot = find(s, hash, table, key);
    if (*slot)
        return 0;
    s->entries[s->n] = (struct keys_set_entry){s->bytes.len, table.len, key.len, hash, file, false};
    if (buf_add_str(&s->bytes, table) < 0 || buf_add_str(&s->bytes, key) < 0)
        return -1;
    *slot = (uint32_t)++s->n;
    return 0;
}

struct keys_set_entry *keys_set_find(const struct keys_set *s, struct str table, struct str key)
{
    uint32_t *slot = s->n_slots ? find(s, hash_of(table, key), table, key) : NULL;

    return slot && *slot ? &s->entries[*slot - 1] : NULL;
}

void keys_set_release(struct keys_set *s)
{
    buf_release(&s->bytes);
    free(s->entries);
    free(s->slots);
    *s = (struct keys_set){0};
}
