/* A dump read from beginning to end: pg_restore writes its rows as text, of which the tables' names, the number of their
 * lines and the history of versions are of interest. Lines may be as long as they like; only their beginnings are kept. */
#include "maintain/maintain_internal.h"

#include "base/cleanup.h"

enum { HEAD_MAX = 2048, TAIL = 16 /* holds " FROM stdin;" */ };

struct reading {
    struct dump *d;
    const char *system;
    char head[HEAD_MAX];        /* of the line at hand */
    size_t n_head;
    bool in_copy, in_history;
    struct buf table;
    uint64_t rows;
};

/* COPY windrow.schema_versions (system, version, ...) FROM stdin; */
static int begin_copy(struct reading *r, struct str line, struct err *err)
{
    const char *open = memmem(line.at, line.len, " (", 2);
    struct str rest;

    if (!open || !str_ends(line, str_of(" FROM stdin;")))
        return 0;
    rest = str_make(line.at + 5, (size_t)(open - line.at) - 5);
    buf_clear(&r->table);
    if (buf_add_str(&r->table, rest) < 0)
        return err_oom(err);
    r->in_copy = true;
    r->rows = 0;
    r->in_history = str_is(rest, "windrow.schema_versions") &&
                    str_starts(str_make(open, line.len - (size_t)(open - line.at)), str_of(" (system, version, "));
    return 0;
}

static void take_version(struct reading *r, struct str line)
{
    const char *tab = memchr(line.at, '\t', line.len), *end;
    int64_t number;

    if (!tab || !str_is(str_make(line.at, (size_t)(tab - line.at)), r->system) || r->d->n_versions == DUMP_VERSIONS_MAX)
        return;
    end = memchr(tab + 1, '\t', line.len - (size_t)(tab + 1 - line.at));
    if (end && str_parse_int64(str_make(tab + 1, (size_t)(end - tab - 1)), &number))
        r->d->versions[r->d->n_versions++] = number;
}

static int end_line(struct reading *r, struct err *err)
{
    struct str line = str_make(r->head, r->n_head);

    r->n_head = 0;
    if (!r->in_copy)
        return str_starts(line, str_of("COPY ")) ? begin_copy(r, line, err) : 0;
    if (str_is(line, "\\.")) {
        r->in_copy = false;
        return counts_add(&r->d->counts, buf_str(&r->table), r->rows, err);
    }
    r->rows++;
    if (r->in_history)
        take_version(r, line);
    return 0;
}

/* Of a line that is too long its beginning and its end are kept: a COPY line is known by both. */
static void add_head(struct reading *r, const char *bytes, size_t n)
{
    size_t room = HEAD_MAX - r->n_head, first = n < room ? n : room;
    char *tail = r->head + HEAD_MAX - TAIL;

    memcpy(r->head + r->n_head, bytes, first);
    r->n_head += first;
    bytes += first;
    n -= first;
    if (n >= TAIL) {
        memcpy(tail, bytes + n - TAIL, TAIL);
    } else if (n > 0) {
        memmove(tail, tail + n, TAIL - n);
        memcpy(tail + TAIL - n, bytes, n);
    }
}

static int take(void *context, const char *bytes, size_t n, struct err *err)
{
    struct reading *r = context;

    while (n > 0) {
        const char *end = memchr(bytes, '\n', n);
        size_t len = end ? (size_t)(end - bytes) : n;

        add_head(r, bytes, len);
        if (!end)
            return 0;
        if (end_line(r, err) < 0)
            return -1;
        bytes += len + 1;
        n -= len + 1;
    }
    return 0;
}

int dump_read(const struct maintain_options *o, const char *file, struct dump *ret, struct err *err)
{
    const char *argv[] = {"pg_restore", "--data-only", "--file=-", "--", file, NULL};
    struct reading r = {.d = ret, .system = o->system};
    struct process p = {.argv = argv, .take = take, .context = &r, .o = o};
    int rc = process_run(&p, err);

    if (rc == 0 && r.in_copy)
        rc = err_set(err, ERR_RUN, W0902, "'%s' ends in the middle of %s", file, buf_text(&r.table));
    buf_release(&r.table);
    return rc;
}

void dump_release(struct dump *d)
{
    counts_release(&d->counts);
    *d = (struct dump){0};
}
