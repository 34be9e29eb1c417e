/* A set of keys that may be larger than memory: a log of records in the order of their coming, and a table of places in it. */
#include "ledger/keyset.h"

#include "base/cleanup.h"
#include "base/digest.h"
#include "base/tempfile.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

enum { TWICE = 0x80 };     /* a mark of ours: the key was added before */
enum { WRITE_BYTES = 64 << 10, READ_BYTES = 64 << 10, SLOTS_MIN = 64, SLOTS_AT_ONCE = 8 };

struct record {
    uint32_t len, file;
    uint16_t table;
    uint8_t marks;
} __attribute__((packed));

/* A slot: 0, or the record's place + 1 in the lower 48 bits and 16 bits of its hash. */
#define PLACE_BITS 48
#define PLACE_MASK ((UINT64_C(1) << PLACE_BITS) - 1)

/* Bytes by their place */

static int no_file(const char *what, struct err *err)
{
    err_set(err, ERR_RUN, W0619, "cannot %s a temporary file in %s: %s", what, tempfile_directory(), strerror(errno));
    return err_help(err, "make room, or name another directory in TMPDIR");
}

static int write_all(int fd, const void *bytes, size_t n, uint64_t place, struct err *err)
{
    return tempfile_write(fd, bytes, n, place) < 0 ? no_file("write", err) : 0;
}

static int flush(struct keyset_bytes *b, struct err *err)
{
    if (write_all(b->fd, b->memory.at, b->memory.len, b->written, err) < 0)
        return -1;
    b->written += b->memory.len;
    buf_clear(&b->memory);
    return 0;
}

static uint64_t length(const struct keyset_bytes *b)
{
    return b->written + b->memory.len;
}

static int spill(struct keyset_bytes *b, struct err *err)
{
    int fd = tempfile_open();

    if (fd < 0)
        return no_file("make", err);
    b->fd = fd;
    b->in_file = true;
    if (flush(b, err) < 0)
        return -1;
    buf_release(&b->memory);
    return 0;
}

static int append(struct keyset_bytes *b, const void *at, size_t len, struct err *err)
{
    if (buf_add(&b->memory, at, len) < 0)
        return err_oom(err);
    return b->in_file && b->memory.len >= WRITE_BYTES ? flush(b, err) : 0;
}

/* What lies between `place` and `place + len` is there. */
static int get(struct keyset_bytes *b, uint64_t place, void *to, size_t len, struct err *err)
{
    if (!b->in_file) {
        memcpy(to, b->memory.at + place, len);
        return 0;
    }
    if (b->memory.len && flush(b, err) < 0)
        return -1;
    return tempfile_read(b->fd, to, len, place) < 0 ? no_file("read", err) : 0;
}

static int put(struct keyset_bytes *b, uint64_t place, const void *from, size_t len, struct err *err)
{
    if (b->in_file)
        return write_all(b->fd, from, len, place, err);
    memcpy(b->memory.at + place, from, len);
    return 0;
}

static void release(struct keyset_bytes *b)
{
    buf_release(&b->memory);
    if (b->in_file)
        close_fd(&b->fd);
    *b = (struct keyset_bytes){0};
}

void keyset_release(struct keyset *s)
{
    release(&s->log);
    release(&s->slots);
    buf_release(&s->tables);
    buf_release(&s->scratch);
    s->n = s->n_slots = 0;
}

/* Tables by number */

static struct str table_of(const struct keyset *s, size_t number)
{
    size_t at = 0, len;

    for (;; number--) {
        memcpy(&len, s->tables.at + at, sizeof len);
        if (number == 0)
            return str_make(s->tables.at + at + sizeof len, len);
        at += sizeof len + len;
    }
}

/* False when it is not among them; *ret is the number of a new one then. */
static bool find_table(const struct keyset *s, struct str table, uint16_t *ret)
{
    size_t len;

    *ret = 0;
    for (size_t at = 0; at < s->tables.len; at += sizeof len + len, ++*ret) {
        memcpy(&len, s->tables.at + at, sizeof len);
        if (str_eq(str_make(s->tables.at + at + sizeof len, len), table))
            return true;
    }
    return false;
}

/* Adding */

int keyset_add(struct keyset *s, struct str table, struct str key, uint32_t file, struct err *err)
{
    struct record r = {.len = (uint32_t)key.len, .file = file};
    uint16_t number;

    if (s->n_slots)
        BUG("a key is added to a set that is in use");
    if (!find_table(s, table, &number) &&
        (buf_add(&s->tables, &table.len, sizeof table.len) < 0 || buf_add_str(&s->tables, table) < 0))
        return err_oom(err);
    r.table = number;
    if (s->most && !s->log.in_file && s->log.memory.len > s->most / 4 && spill(&s->log, err) < 0)
        return -1;
    if (append(&s->log, &r, sizeof r, err) < 0 || append(&s->log, key.at, key.len, err) < 0)
        return -1;
    s->n++;
    return 0;
}

/* Looking */

/* With a secret in front of the key, so that nobody can choose keys that meet. */
static int hash_of(struct keyset *s, uint16_t table, struct str key, uint64_t *ret, struct err *err)
{
    unsigned char digest[16];

    buf_clear(&s->scratch);
    if (buf_add(&s->scratch, s->seed, sizeof s->seed) < 0 || buf_add(&s->scratch, &table, sizeof table) < 0 ||
        buf_add_str(&s->scratch, key) < 0)
        return err_oom(err);
    digest_content(buf_str(&s->scratch), digest);
    memcpy(ret, digest, sizeof *ret);
    return 0;
}

/* Is the record at `place` of this key? */
static int is_key(struct keyset *s, uint64_t place, uint16_t table, struct str key, struct record *ret, struct err *err)
{
    if (get(&s->log, place, ret, sizeof *ret, err) < 0)
        return -1;
    if (ret->table != table || ret->len != key.len)
        return 0;
    if (!s->log.in_file)
        return memcmp(s->log.memory.at + place + sizeof *ret, key.at, key.len) == 0;
    buf_clear(&s->scratch);
    if (buf_reserve(&s->scratch, key.len + 1) < 0)
        return err_oom(err);
    if (get(&s->log, place + sizeof *ret, s->scratch.at, key.len, err) < 0)
        return -1;
    return memcmp(s->scratch.at, key.at, key.len) == 0;
}

/* 1 with the place of the key's record, 0 with the slot where it would stand, -1. */
static int search(struct keyset *s, uint64_t hash, uint16_t table, struct str key, uint64_t *place, struct record *r,
                  struct err *err)
{
    uint64_t slots[SLOTS_AT_ONCE], base = UINT64_MAX;

    for (uint64_t i = hash & (s->n_slots - 1);; i = (i + 1) & (s->n_slots - 1)) {
        uint64_t slot;
        int same;

        if (base != i / SLOTS_AT_ONCE && get(&s->slots, i / SLOTS_AT_ONCE * sizeof slots, slots, sizeof slots, err) < 0)
            return -1;
        base = i / SLOTS_AT_ONCE;
        slot = slots[i % SLOTS_AT_ONCE];
        if (slot == 0) {
            *place = i;
            return 0;
        }
        if (slot >> PLACE_BITS != hash >> PLACE_BITS)
            continue;
        same = is_key(s, (slot & PLACE_MASK) - 1, table, key, r, err);
        if (same) {
            *place = (slot & PLACE_MASK) - 1;
            return same;
        }
    }
}

/* From the log's records to slots. */
static int enter(struct keyset *s, uint64_t at, const struct record *r, struct str key, struct err *err)
{
    const uint8_t twice = TWICE;
    struct record other;
    uint64_t hash, place, slot;
    int got = hash_of(s, r->table, key, &hash, err) < 0 ? -1 : search(s, hash, r->table, key, &place, &other, err);

    if (got < 0)
        return -1;
    if (got)
        return put(&s->log, at + offsetof(struct record, marks), &twice, 1, err);
    slot = (hash >> PLACE_BITS << PLACE_BITS) | (at + 1);
    return put(&s->slots, place * sizeof slot, &slot, sizeof slot, err);
}

/* A record and its key stand together in the piece, which is read anew where it ends. */
static int fill(struct keyset *s, struct keyset_walk *g, uint64_t at, size_t want, struct err *err)
{
    uint64_t left = length(&s->log) - at;
    size_t n = want > READ_BYTES ? want : left < READ_BYTES ? (size_t)left : READ_BYTES;

    if (at >= g->from && at - g->from + want <= g->piece.len)
        return 0;
    buf_clear(&g->piece);
    if (buf_reserve(&g->piece, n + 1) < 0)
        return err_oom(err);
    g->from = at;
    g->piece.len = n;
    return get(&s->log, at, g->piece.at, n, err);
}

static int record_at(struct keyset *s, struct keyset_walk *g, uint64_t at, struct record *r, struct str *key, struct err *err)
{
    if (fill(s, g, at, sizeof *r, err) < 0)
        return -1;
    memcpy(r, g->piece.at + (at - g->from), sizeof *r);
    if (fill(s, g, at, sizeof *r + r->len, err) < 0)
        return -1;
    *key = str_make(g->piece.at + (at - g->from) + sizeof *r, r->len);
    return 0;
}

void keyset_walk_release(struct keyset_walk *w)
{
    buf_release(&w->piece);
}

static int make_slots(struct keyset *s, struct err *err)
{
    static const char zeros[4096];
    uint64_t n = SLOTS_MIN, bytes;

    while (n < s->n + s->n / 2)
        n *= 2;
    bytes = n * sizeof(uint64_t);
    if (s->most && bytes > s->most / 2 && spill(&s->slots, err) < 0)
        return -1;
    if (s->slots.in_file && ftruncate(s->slots.fd, (off_t)bytes) < 0)
        return no_file("write", err);
    for (uint64_t at = 0; !s->slots.in_file && at < bytes; at += sizeof zeros) {
        if (append(&s->slots, zeros, bytes - at < sizeof zeros ? (size_t)(bytes - at) : sizeof zeros, err) < 0)
            return -1;
    }
    if (getrandom(s->seed, sizeof s->seed, GRND_NONBLOCK) != (ssize_t)sizeof s->seed)
        memcpy(s->seed, &s, sizeof s);
    s->n_slots = n;
    return 0;
}

static int index_keys(struct keyset *s, struct err *err)
{
    CLEANUP(keyset_walk_release) struct keyset_walk g = {0};

    if (make_slots(s, err) < 0)
        return -1;
    for (uint64_t at = 0; at < length(&s->log);) {
        struct record r;
        struct str key;

        if (record_at(s, &g, at, &r, &key, err) < 0 || enter(s, at, &r, key, err) < 0)
            return -1;
        at += sizeof r + r.len;
    }
    return 0;
}

int keyset_find(struct keyset *s, struct str table, struct str key, struct keyset_item *ret, struct err *err)
{
    struct record r;
    uint64_t hash, place;
    uint16_t number;
    int got;

    if (s->n == 0 || !find_table(s, table, &number))
        return 0;
    if ((!s->n_slots && index_keys(s, err) < 0) || hash_of(s, number, key, &hash, err) < 0)
        return -1;
    got = search(s, hash, number, key, &place, &r, err);
    if (got == 1)
        *ret = (struct keyset_item){table, key, r.file, r.marks, place};
    return got;
}

int keyset_mark(struct keyset *s, const struct keyset_item *item, uint8_t marks, struct err *err)
{
    return put(&s->log, item->at + offsetof(struct record, marks), &marks, 1, err);
}

int keyset_next(struct keyset *s, struct keyset_walk *w, struct str table, struct keyset_item *ret, struct err *err)
{
    uint16_t number;

    if (s->n == 0 || !find_table(s, table, &number))
        return 0;
    if (!s->n_slots && index_keys(s, err) < 0)
        return -1;
    while (w->at < length(&s->log)) {
        uint64_t place = w->at;
        struct record r;
        struct str key;

        if (record_at(s, w, place, &r, &key, err) < 0)
            return -1;
        w->at += sizeof r + r.len;
        if (r.table != number || r.marks == TWICE)
            continue;
        *ret = (struct keyset_item){table_of(s, number), key, r.file, r.marks, place};
        return 1;
    }
    return 0;
}
