/* Entries of an index on disk: a log of packed entries, and their places sorted by hash. */
#include "map/lookup_store.h"

#include "base/cleanup.h"
#include "base/tempfile.h"
#include "map/packed.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { STEP = 256, PLACES_MIN = 1024, LOG_BUFFER = 64 << 10, RUN_BUFFER_MIN = 16 };

struct place {
    uint64_t hash, at;      /* in the log */
};

struct run {
    uint64_t from, n;       /* places, in the file of runs */
};

struct lookup_store {
    int log, places;
    size_t n_prefer;
    struct buf out;         /* of the log, not written yet */
    uint64_t written;
    struct place *gathered;
    size_t n, capacity;
    struct run *runs;
    size_t n_runs;
    uint64_t sorted;        /* places in the file; after the end: in all */
    uint64_t *first;        /* hash of each STEPth */
    unsigned char *asked;   /* a bit for each place */
    struct arena scratch;
};

static int fails(const char *what, struct err *err)
{
    return err_set(err, ERR_RUN, W0310, "cannot %s the temporary file of an index in %s: %s", what, tempfile_directory(),
                   strerror(errno));
}

static int open_file(struct err *err)
{
    int fd = tempfile_open();

    return fd < 0 ? fails("make", err) : fd;
}

void lookup_store_free(struct lookup_store *s)
{
    if (!s)
        return;
    close_fd(&s->log);
    close_fd(&s->places);
    buf_release(&s->out);
    free(s->gathered);
    free(s->runs);
    free(s->first);
    free(s->asked);
    arena_release(&s->scratch);
    free(s);
}

struct lookup_store *lookup_store_new(size_t memory, size_t n_prefer, struct err *err)
{
    struct lookup_store *s = calloc(1, sizeof *s);

    if (!s) {
        err_oom(err);
        return NULL;
    }
    s->n_prefer = n_prefer;
    s->log = s->places = -1;
    s->capacity = memory / sizeof *s->gathered;
    if (s->capacity < PLACES_MIN)
        s->capacity = PLACES_MIN;
    s->gathered = calloc(s->capacity, sizeof *s->gathered);
    if (!s->gathered)
        err_oom(err);
    else if ((s->log = open_file(err)) >= 0 && (s->places = open_file(err)) >= 0)
        return s;
    lookup_store_free(s);
    return NULL;
}

size_t lookup_store_held(const struct lookup_store *s)
{
    return sizeof *s + s->out.capacity + (s->gathered ? s->capacity * sizeof *s->gathered : 0) +
           (s->first ? s->sorted / STEP * sizeof *s->first : 0) + (s->asked ? s->sorted / 8 : 0);
}

static int write_all(int fd, const void *bytes, size_t n, uint64_t at, struct err *err)
{
    return tempfile_write(fd, bytes, n, at) < 0 ? fails("write", err) : 0;
}

static int read_all(int fd, void *bytes, size_t n, uint64_t at, struct err *err)
{
    return tempfile_read(fd, bytes, n, at) < 0 ? fails("read", err) : 0;
}

/* --- the log --- */

static int flush_log(struct lookup_store *s, struct err *err)
{
    if (write_all(s->log, s->out.at, s->out.len, s->written, err) < 0)
        return -1;
    s->written += s->out.len;
    buf_clear(&s->out);
    return 0;
}

/* What has a fixed size; the key, the values of prefer: and the value follow. */
struct head {
    const struct entry *file;
    uint64_t byte, line, size;  /* size: of what follows */
    uint32_t len, key_len;
    bool kept;
};

static int pack(struct lookup_store *s, const struct index_entry *e, struct buf *out)
{
    struct head head = {e->file, e->byte, e->line, 0, e->len, (uint32_t)e->key.len, e->kept};
    size_t start = out->len;

    if (buf_add(out, &head, sizeof head) < 0 || buf_add_str(out, e->key) < 0)
        return -1;
    for (size_t i = 0; i < s->n_prefer; i++) {
        if (packed_add(&e->prefer[i], out) < 0)
            return -1;
    }
    if (e->kept && packed_add(&e->value, out) < 0)
        return -1;
    head.size = out->len - start - sizeof head;
    memcpy(out->at + start, &head, sizeof head);
    return 0;
}

static int unpack(const struct lookup_store *s, const struct head *head, struct str rest, struct arena *a, struct index_entry *e)
{
    *e = (struct index_entry){.key = str_make(rest.at, head->key_len), .hash = 0, .file = head->file, .len = head->len,
                              .byte = head->byte, .line = head->line, .kept = head->kept};
    rest = str_make(rest.at + head->key_len, rest.len - head->key_len);
    e->prefer = arena_calloc(a, s->n_prefer + 1, sizeof *e->prefer);
    if (!e->prefer)
        return -1;
    for (size_t i = 0; i < s->n_prefer; i++) {
        if (packed_take(&rest, a, &e->prefer[i]) < 0)
            return -1;
    }
    return e->kept ? packed_take(&rest, a, &e->value) : 0;
}

static int read_entry(struct lookup_store *s, const struct place *place, struct arena *a, struct index_entry *ret, struct err *err)
{
    struct head head;
    char *rest;

    if (read_all(s->log, &head, sizeof head, place->at, err) < 0)
        return -1;
    rest = arena_alloc(a, head.size + 1);
    if (!rest)
        return err_oom(err);
    if (read_all(s->log, rest, head.size, place->at + sizeof head, err) < 0)
        return -1;
    if (unpack(s, &head, str_make(rest, head.size), a, ret) < 0)
        return err_oom(err);
    ret->hash = place->hash;
    ret->next = place->at;
    return 0;
}

/* --- places --- */

static int by_hash(const void *a, const void *b)
{
    const struct place *x = a, *y = b;

    if (x->hash != y->hash)
        return x->hash < y->hash ? -1 : 1;
    return x->at < y->at ? -1 : x->at > y->at;
}

static int end_run(struct lookup_store *s, struct err *err)
{
    struct run *runs;

    if (s->n == 0)
        return 0;
    runs = realloc(s->runs, (s->n_runs + 1) * sizeof *runs);
    if (!runs)
        return err_oom(err);
    s->runs = runs;
    qsort(s->gathered, s->n, sizeof *s->gathered, by_hash);
    if (write_all(s->places, s->gathered, s->n * sizeof *s->gathered, s->sorted * sizeof *s->gathered, err) < 0)
        return -1;
    runs[s->n_runs++] = (struct run){s->sorted, s->n};
    s->sorted += s->n;
    s->n = 0;
    return 0;
}

int lookup_store_add(struct lookup_store *s, const struct index_entry *e, struct err *err)
{
    if (s->n == s->capacity && end_run(s, err) < 0)
        return -1;
    s->gathered[s->n++] = (struct place){e->hash, s->written + s->out.len};
    if (pack(s, e, &s->out) < 0)
        return err_oom(err);
    return s->out.len < LOG_BUFFER ? 0 : flush_log(s, err);
}

/* A run while it is merged: what of it is in memory. */
struct merging {
    struct run left;
    struct place *at;
    size_t n, next;
};

static int refill(struct lookup_store *s, struct merging *m, size_t room, struct err *err)
{
    m->n = m->left.n < room ? (size_t)m->left.n : room;
    m->next = 0;
    if (read_all(s->places, m->at, m->n * sizeof *m->at, m->left.from * sizeof *m->at, err) < 0)
        return -1;
    m->left.from += m->n;
    m->left.n -= m->n;
    return 0;
}

static struct merging *least(struct merging *runs, size_t n)
{
    struct merging *ret = NULL;

    for (size_t i = 0; i < n; i++) {
        if (runs[i].next < runs[i].n && (!ret || by_hash(&runs[i].at[runs[i].next], &ret->at[ret->next]) < 0))
            ret = &runs[i];
    }
    return ret;
}

/* All runs into one, in the file `to`. The memory of the gathered places is divided among them. */
static int merge_into(struct lookup_store *s, int to, struct merging *runs, struct err *err)
{
    size_t room = s->capacity / (s->n_runs + 1), n_out = 0;
    struct place *out = s->gathered + s->n_runs * room;
    struct merging *next;
    uint64_t done = 0;

    for (size_t i = 0; i < s->n_runs; i++) {
        runs[i] = (struct merging){.left = s->runs[i], .at = s->gathered + i * room};
        if (refill(s, &runs[i], room, err) < 0)
            return -1;
    }
    while ((next = least(runs, s->n_runs))) {
        out[n_out++] = next->at[next->next++];
        if (next->next == next->n && next->left.n && refill(s, next, room, err) < 0)
            return -1;
        if (n_out < room)
            continue;
        if (write_all(to, out, n_out * sizeof *out, done * sizeof *out, err) < 0)
            return -1;
        done += n_out;
        n_out = 0;
    }
    return write_all(to, out, n_out * sizeof *out, done * sizeof *out, err);
}

/* With very many runs a few places of each have to do. */
static int make_room(struct lookup_store *s, struct err *err)
{
    size_t least_places = (s->n_runs + 1) * RUN_BUFFER_MIN;
    struct place *more;

    if (s->capacity >= least_places)
        return 0;
    more = realloc(s->gathered, least_places * sizeof *more);
    if (!more)
        return err_oom(err);
    s->gathered = more;
    s->capacity = least_places;
    return 0;
}

static int merge(struct lookup_store *s, struct err *err)
{
    CLEANUP(free_ptr) struct merging *runs = calloc(s->n_runs, sizeof *runs);
    int to;

    if (!runs)
        return err_oom(err);
    if (make_room(s, err) < 0 || (to = open_file(err)) < 0)
        return -1;
    if (merge_into(s, to, runs, err) < 0) {
        close(to);
        return -1;
    }
    close(s->places);
    s->places = to;
    return 0;
}

static int read_firsts(struct lookup_store *s, struct err *err)
{
    uint64_t n = (s->sorted + STEP - 1) / STEP;

    s->first = calloc(n + 1, sizeof *s->first);
    s->asked = calloc(s->sorted / 8 + 1, 1);
    if (!s->first || !s->asked)
        return err_oom(err);
    for (uint64_t i = 0; i < n; i++) {
        if (read_all(s->places, &s->first[i], sizeof *s->first, i * STEP * sizeof(struct place), err) < 0)
            return -1;
    }
    return 0;
}

int lookup_store_end(struct lookup_store *s, struct err *err)
{
    if (flush_log(s, err) < 0 || end_run(s, err) < 0 || (s->n_runs > 1 && merge(s, err) < 0))
        return -1;
    free(s->gathered);
    s->gathered = NULL;
    buf_release(&s->out);
    return read_firsts(s, err);
}

/* --- asking --- */

/* The last block whose first hash is below `hash`: places of this hash begin there or in the next. */
static uint64_t block_of(const struct lookup_store *s, uint64_t hash)
{
    uint64_t low = 0, high = (s->sorted + STEP - 1) / STEP;

    while (low < high) {
        uint64_t middle = low + (high - low) / 2;

        if (s->first[middle] < hash)
            low = middle + 1;
        else
            high = middle;
    }
    return low ? low - 1 : 0;
}

static size_t read_block(struct lookup_store *s, uint64_t from, struct place places[STEP], struct err *err)
{
    size_t n = s->sorted - from < STEP ? (size_t)(s->sorted - from) : STEP;

    return read_all(s->places, places, n * sizeof *places, from * sizeof *places, err) < 0 ? 0 : n;
}

/* An entry of the key that is asked for; -1 stops. `e` is lent until the call returns. */
typedef int found_fn(void *context, const struct place *place, const struct index_entry *e, struct err *err);

static int visit(struct lookup_store *s, const struct place *place, uint64_t number, struct str key, found_fn *found,
                 void *context, struct err *err)
{
    struct index_entry e;

    arena_reset(&s->scratch);
    if (read_entry(s, place, &s->scratch, &e, err) < 0)
        return -1;
    if (!str_eq(e.key, key))
        return 0;
    s->asked[number / 8] |= (unsigned char)(1u << number % 8);
    return found(context, place, &e, err);
}

static int visit_key(struct lookup_store *s, uint64_t hash, struct str key, found_fn *found, void *context, struct err *err)
{
    struct place places[STEP];

    for (uint64_t from = block_of(s, hash) * STEP; from < s->sorted; from += STEP) {
        size_t got = read_block(s, from, places, err);

        if (got == 0)
            return -1;
        for (size_t i = 0; i < got; i++) {
            if (places[i].hash > hash)
                return 0;
            if (places[i].hash == hash && visit(s, &places[i], from + i, key, found, context, err) < 0)
                return -1;
        }
    }
    return 0;
}

struct best {
    struct lookup_store *s;
    bool (*better)(void *context, const struct index_entry *e, const struct index_entry *best);
    void *context;
    struct arena arena;     /* of `entry` */
    struct index_entry entry;
    bool there;
};

static int keep_best(void *context, const struct place *place, const struct index_entry *e, struct err *err)
{
    struct best *b = context;

    if (b->there && !b->better(b->context, e, &b->entry))
        return 0;
    b->there = true;
    arena_reset(&b->arena);
    return read_entry(b->s, place, &b->arena, &b->entry, err);
}

int lookup_store_best(struct lookup_store *s, uint64_t hash, struct str key,
                      bool (*better)(void *context, const struct index_entry *e, const struct index_entry *best), void *context,
                      struct index_entry *ret, struct arena *a, struct err *err)
{
    struct best b = {.s = s, .better = better, .context = context};
    int got = visit_key(s, hash, key, keep_best, &b, err);

    if (got == 0 && b.there)
        got = read_entry(s, &(struct place){hash, b.entry.next}, a, ret, err) < 0 ? -1 : 1;
    arena_release(&b.arena);
    return got;
}

struct all {
    struct lookup_store *s;
    struct arena *arena;
    struct index_entry *list;
    size_t n, capacity;
};

static int keep_all(void *context, const struct place *place, const struct index_entry *e, struct err *err)
{
    struct all *all = context;

    (void)e;
    if (all->n == all->capacity) {
        size_t capacity = all->capacity ? all->capacity * 2 : 4;
        struct index_entry *list = arena_calloc(all->arena, capacity, sizeof *list);

        if (!list)
            return err_oom(err);
        if (all->n)
            memcpy(list, all->list, all->n * sizeof *list);
        all->list = list;
        all->capacity = capacity;
    }
    return read_entry(all->s, place, all->arena, &all->list[all->n++], err);
}

int lookup_store_all(struct lookup_store *s, uint64_t hash, struct str key, struct arena *a, struct index_entry **ret, size_t *n,
                     struct err *err)
{
    struct all all = {.s = s, .arena = a};
    int got = visit_key(s, hash, key, keep_all, &all, err);

    *ret = all.list;
    *n = all.n;
    return got;
}

static bool is_asked(const struct lookup_store *s, uint64_t number)
{
    return s->asked[number / 8] >> number % 8 & 1;
}

static int mark_only(void *context, const struct place *place, const struct index_entry *e, struct err *err)
{
    (void)context;
    (void)place;
    (void)e;
    (void)err;
    return 0;
}

/* A key that was given counts as asked for: that is how its other entries are passed over. */
int lookup_store_each(struct lookup_store *s, int (*found)(void *context, uint64_t hash, struct str key, struct err *err),
                      void *context, struct err *err)
{
    struct place places[STEP];
    struct arena a = {0};
    int ret = 0;

    for (uint64_t from = 0; from < s->sorted && ret == 0; from += STEP) {
        size_t got = read_block(s, from, places, err);

        ret = got ? 0 : -1;
        for (size_t i = 0; i < got && ret == 0; i++) {
            struct index_entry e;

            if (is_asked(s, from + i))
                continue;
            arena_reset(&a);
            ret = read_entry(s, &places[i], &a, &e, err);
            if (ret == 0)
                ret = visit_key(s, e.hash, e.key, mark_only, NULL, err);
            if (ret == 0)
                ret = found(context, e.hash, e.key, err);
        }
    }
    arena_release(&a);
    return ret;
}

void lookup_store_forget_asked(struct lookup_store *s)
{
    memset(s->asked, 0, s->sorted / 8 + 1);
}
