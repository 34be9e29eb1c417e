/* Choice of the sink by the target's text, and the rows that all sinks share, see sink/sink.h. */
#include "sink/sink.h"

#include "base/digest.h"
#include "sink/db_internal.h"
#include "sink/sink_internal.h"

#include <stdlib.h>

const struct sink_ops *sink_for(const char *target)
{
    return db_target_is_sqlite(target) ? &sink_sqlite : &sink_postgres;
}

uint64_t sink_identity(uint64_t identity, struct str cell)
{
    unsigned char digest[16];
    uint64_t n;

    digest_content(cell, digest);
    memcpy(&n, digest, sizeof n);
    n ^= identity * 0x9e3779b97f4a7c15u + !cell.at;
    return n ? n : 1;
}

static struct str take_line(struct str *text)
{
    const char *end = text->len ? memchr(text->at, '\n', text->len) : NULL;
    struct str line = end ? str_make(text->at, (size_t)(end - text->at)) : *text;

    *text = end ? str_make(end + 1, text->len - line.len - 1) : (struct str){0};
    return line;
}

static bool column_is(const struct catalog_column *c, struct str line)
{
    size_t len = strlen(c->name);

    return line.len > len && line.at[len] == ' ' && memcmp(line.at, c->name, len) == 0 &&
           str_is(str_make(line.at + len + 1, line.len - len - 1), c->type.name);
}

static int columns_changed(const struct catalog_table *table, const struct catalog_column *was, struct str now, struct err *err)
{
    struct str line = now.len ? now : str_of("nothing");

    if (was)
        err_set(err, ERR_RUN, W0522, "%s was changed while it was being loaded: column %s %s is now %.*s", table->name, was->name,
                was->type.name, STR_ARG(line));
    else
        err_set(err, ERR_RUN, W0522, "%s was changed while it was being loaded: it has got %.*s", table->name, STR_ARG(line));
    return err_help(err, "what is committed stays; run the same command again, which looks at the table anew");
}

int sink_check_columns(const struct catalog_table *table, struct str now, struct err *err)
{
    struct str line;

    for (size_t i = 0; i < table->n_columns; i++) {
        line = take_line(&now);
        if (!column_is(&table->columns[i], line))
            return columns_changed(table, &table->columns[i], line, err);
    }
    line = take_line(&now);
    return line.len ? columns_changed(table, NULL, line, err) : 0;
}

void sink_rows_clear(struct sink_rows *rows)
{
    buf_clear(&rows->bytes);
    rows->n = 0;
}

void sink_rows_release(struct sink_rows *rows)
{
    buf_release(&rows->bytes);
    free(rows->ends);
    *rows = (struct sink_rows){0};
}

static int grow_ends(struct sink_rows *rows)
{
    size_t capacity = rows->capacity ? rows->capacity * 2 : 256;
    uint32_t *ends = realloc(rows->ends, capacity * sizeof *ends);

    if (!ends)
        return -1;
    rows->ends = ends;
    rows->capacity = capacity;
    return 0;
}

int sink_rows_end(struct sink_rows *rows, size_t start, struct err *err)
{
    int failed = 0;

    if (rows->bytes.len > SINK_ROWS_BYTES_MAX)
        failed = err_set(err, ERR_RECORD, W0516, "row of %zu bytes does not fit into a chunk any more",
                         rows->bytes.len - start);
    else if (rows->n == rows->capacity && grow_ends(rows) < 0)
        failed = err_oom(err);
    if (failed) {
        rows->bytes.len = start;
        return -1;
    }
    rows->ends[rows->n++] = (uint32_t)rows->bytes.len;
    return 0;
}

int sink_rows_add(struct sink_rows *rows, struct str row)
{
    size_t start = rows->bytes.len;

    return buf_add_str(&rows->bytes, row) < 0 ? -1 : sink_rows_end(rows, start, NULL);
}
