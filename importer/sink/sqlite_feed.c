/* Encoded rows as a virtual table that only the connection itself can name, see sink/sqlite_feed.h. */
#include "sink/sqlite_feed.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "sink/sink_internal.h"

#include <stdio.h>
#include <stdlib.h>

struct feed_table {
    sqlite3_vtab base;          /* first, SQLite's own */
    struct sqlite_feed *feed;
};

struct feed_cursor {
    sqlite3_vtab_cursor base;
    struct sqlite_feed *feed;
    struct sqlite_value values[];
};

static int declare(sqlite3 *handle, size_t n_columns)
{
    CLEANUP(buf_release) struct buf sql = BUF_INIT;
    int failed = buf_add_text(&sql, "CREATE TABLE feed(");

    for (size_t i = 0; i < n_columns; i++)
        failed |= buf_printf(&sql, "%sc%zu", i ? "," : "", i);
    failed |= buf_add_char(&sql, ')');
    return failed ? SQLITE_NOMEM : sqlite3_declare_vtab(handle, sql.at);
}

static int feed_connect(sqlite3 *handle, void *context, int argc, const char *const *argv, sqlite3_vtab **ret,
                        char **message)
{
    struct sqlite_feed *feed = context;
    struct feed_table *t;
    int rc = declare(handle, feed->n_columns);

    (void)argc, (void)argv, (void)message;
    if (rc != SQLITE_OK)
        return rc;
    sqlite3_vtab_config(handle, SQLITE_VTAB_DIRECTONLY);
    t = calloc(1, sizeof *t);
    if (!t)
        return SQLITE_NOMEM;
    t->feed = feed;
    *ret = &t->base;
    return SQLITE_OK;
}

static int feed_disconnect(sqlite3_vtab *table)
{
    free(table);
    return SQLITE_OK;
}

static int feed_best_index(sqlite3_vtab *table, sqlite3_index_info *info)
{
    (void)table;
    info->estimatedRows = 100000;
    return SQLITE_OK;
}

static int feed_open(sqlite3_vtab *table, sqlite3_vtab_cursor **ret)
{
    struct sqlite_feed *feed = ((struct feed_table *)table)->feed;
    struct feed_cursor *c = calloc(1, sizeof *c + feed->n_columns * sizeof c->values[0]);

    if (!c)
        return SQLITE_NOMEM;
    c->feed = feed;
    *ret = &c->base;
    return SQLITE_OK;
}

static int feed_close(sqlite3_vtab_cursor *cursor)
{
    free(cursor);
    return SQLITE_OK;
}

static void decode(struct feed_cursor *c)
{
    struct sqlite_feed *feed = c->feed;
    const char *at;

    if (feed->next >= feed->end)
        return;
    at = feed->rows->bytes.at + sink_rows_start_of(feed->rows, feed->next);
    for (size_t i = 0; i < feed->n_columns; i++)
        at = sqlite_row_next(at, &c->values[i]);
}

static int feed_filter(sqlite3_vtab_cursor *cursor, int number, const char *name, int argc, sqlite3_value **argv)
{
    (void)number, (void)name, (void)argc, (void)argv;
    decode((struct feed_cursor *)cursor);
    return SQLITE_OK;
}

static int feed_next(sqlite3_vtab_cursor *cursor)
{
    struct feed_cursor *c = (struct feed_cursor *)cursor;

    c->feed->next++;
    decode(c);
    return SQLITE_OK;
}

static int feed_eof(sqlite3_vtab_cursor *cursor)
{
    const struct sqlite_feed *feed = ((struct feed_cursor *)cursor)->feed;

    return feed->next >= feed->end;
}

/* The bytes stay where they are until the statement has ended, so SQLite need not copy them. */
static int feed_column(sqlite3_vtab_cursor *cursor, sqlite3_context *out, int column)
{
    const struct sqlite_value *v = &((struct feed_cursor *)cursor)->values[column];

    switch (v->kind) {
    case SQLITE_IS_NULL:
        break;
    case SQLITE_IS_INTEGER:
        sqlite3_result_int64(out, v->n);
        break;
    case SQLITE_IS_REAL:
        sqlite3_result_double(out, v->f);
        break;
    case SQLITE_IS_TEXT:
        sqlite3_result_text64(out, v->text.at, v->text.len, SQLITE_STATIC, SQLITE_UTF8);
        break;
    case SQLITE_IS_BLOB:
        sqlite3_result_blob64(out, v->text.at, v->text.len, SQLITE_STATIC);
        break;
    }
    return SQLITE_OK;
}

static int feed_rowid(sqlite3_vtab_cursor *cursor, sqlite3_int64 *ret)
{
    *ret = (sqlite3_int64)((struct feed_cursor *)cursor)->feed->next;
    return SQLITE_OK;
}

/* Without xCreate the table is there by its name alone and nobody can make another one. */
static const sqlite3_module feed_module = {
    .xConnect = feed_connect,
    .xBestIndex = feed_best_index,
    .xDisconnect = feed_disconnect,
    .xOpen = feed_open,
    .xClose = feed_close,
    .xFilter = feed_filter,
    .xNext = feed_next,
    .xEof = feed_eof,
    .xColumn = feed_column,
    .xRowid = feed_rowid,
};

int sqlite_feed_init(struct sqlite_feed *feed, struct sqlite_db *d, unsigned serial, size_t n_columns, struct err *err)
{
    int rc;

    *feed = (struct sqlite_feed){.d = d, .n_columns = n_columns};
    snprintf(feed->name, sizeof feed->name, "windrow_feed_%u", serial);
    rc = sqlite3_create_module(d->handle, feed->name, &feed_module, feed);
    return rc == SQLITE_OK ? 0 : sqlite_fail(d, rc, err);
}

void sqlite_feed_release(struct sqlite_feed *feed)
{
    if (feed->d)
        sqlite3_create_module(feed->d->handle, feed->name, NULL, NULL);
    feed->d = NULL;
}
