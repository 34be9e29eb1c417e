/* Files of `rejects export` that come back: one JSON object a line with `id` and `record` or `record_base64`. */
#include "run/mended.h"

#include "base/cleanup.h"
#include "convert/convert.h"
#include "read/reader.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

struct entry_of {
    int64_t id;
    struct str record;
};

struct mended {
    struct arena arena;
    struct entry_of *entries;   /* by id */
    size_t n, capacity;
};

static int by_id(const void *a, const void *b)
{
    int64_t x = ((const struct entry_of *)a)->id, y = ((const struct entry_of *)b)->id;

    return x < y ? -1 : x > y;
}

static int add(struct mended *m, int64_t id, struct str record)
{
    if (m->n == m->capacity) {
        size_t capacity = m->capacity ? m->capacity * 2 : 256;
        struct entry_of *entries = realloc(m->entries, capacity * sizeof *entries);

        if (!entries)
            return -1;
        m->entries = entries;
        m->capacity = capacity;
    }
    m->entries[m->n++] = (struct entry_of){id, arena_str(&m->arena, record)};
    return m->entries[m->n - 1].record.at ? 0 : -1;
}

static int bytes_of(struct mended *m, const struct value *coded, struct str *ret, struct err *err)
{
    const struct type bytea = {.kind = TYPE_BYTEA, .name = "bytea"};
    const struct convert_options options = {.format = "base64"};
    struct cell cell;

    if (convert_value(coded, &bytea, &options, &m->arena, &cell, NULL, err) < 0)
        return -1;
    *ret = cell.text;
    return 0;
}

/* A line without a record, as of a file that could not be opened, only says: try again. */
static int one_line(struct mended *m, const struct value *v, struct err *err)
{
    struct value id = value_get(v, str_of("id")), text = value_get(v, str_of("record")),
                 coded = value_get(v, str_of("record_base64"));
    struct str record;
    int64_t n;

    if (id.type != VALUE_NUMBER || !str_parse_int64(id.text, &n))
        return err_set(err, ERR_RUN, W0614, "a line of mended rejects needs the \"id\" that it was exported with");
    if (text.type == VALUE_STRING) {
        if (value_text(&text, &m->arena, &record) < 0)
            return err_oom(err);
    } else if (coded.type == VALUE_STRING) {
        if (bytes_of(m, &coded, &record, err) < 0)
            return -1;
    } else {
        return 0;
    }
    return add(m, n, record) < 0 ? err_oom(err) : 0;
}

static int read_lines(struct mended *m, struct reader *reader, const struct reader_ops *ops, struct err *err)
{
    struct record record;
    int got;

    while ((got = ops->next(reader, &record, err)) == 1) {
        if (one_line(m, &record.value, err) < 0) {
            err_at(err, NULL, record.line, 1);
            return -1;
        }
    }
    return got;
}

struct mended *mended_open(const char *path, struct err *err)
{
    const struct reader_ops *ops = reader_by_name(str_of("jsonl"));
    struct reader_options options = {0};
    CLEANUP(close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct mended *m = calloc(1, sizeof *m);
    struct reader *reader = m ? ops->open(&options, err) : NULL;
    struct input in = {.fd = fd, .line = 1};
    struct stat st;
    int good = reader ? 0 : err_oom(err);

    if (good == 0 && (fd < 0 || fstat(fd, &st) < 0))
        good = err_set(err, ERR_RUN, W0614, "cannot open: %s", strerror(errno));
    if (good == 0) {
        in.size = in.to = (uint64_t)st.st_size;
        good = ops->start(reader, &in, err) < 0 || read_lines(m, reader, ops, err) < 0 ? -1 : 0;
    }
    if (reader)
        ops->close(reader);
    if (good == 0) {
        if (m->n)
            qsort(m->entries, m->n, sizeof *m->entries, by_id);
        return m;
    }
    err_at(err, path, 0, 0);
    mended_free(m);
    return NULL;
}

bool mended_find(const struct mended *m, int64_t id, struct str *ret)
{
    size_t low = 0, high = m->n;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (m->entries[middle].id < id)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == m->n || m->entries[low].id != id)
        return false;
    *ret = m->entries[low].record;
    return true;
}

size_t mended_count(const struct mended *m)
{
    return m->n;
}

void mended_free(struct mended *m)
{
    if (!m)
        return;
    arena_release(&m->arena);
    free(m->entries);
    free(m);
}
