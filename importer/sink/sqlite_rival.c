/* The row that stands in the way of a refused one, for messages that name both. */
#include "sink/sqlite_sink.h"

#include "base/cleanup.h"

static bool take_values(struct sink_table *t, const struct sink_rows *rows, size_t row)
{
    const char *at = rows->bytes.at + (row ? rows->ends[row - 1] : 0);
    struct sqlite_value *cell = t->cells;

    for (size_t i = 0; i < t->spec->n_columns; i++) {
        const struct sink_reference *r = t->spec->columns[i].reference;
        const struct sqlite_value *first = cell;
        const char *start = at;
        CLEANUP(err_release) struct err ignored = {0};

        for (size_t k = 0; k < (r ? r->n_keys : 1); k++)
            at = sqlite_row_next(at, cell++);
        if (!r)
            t->values[i] = *first;
        else if (sqlite_lookup(t, i, first, str_make(start, (size_t)(at - start)), &ignored) != SQLITE_ROW_DONE)
            return false;
    }
    return true;
}

/* The ordinal of a table's column among those of the rows; n_columns when the rows do not have it. */
static size_t given(const struct sink_spec *spec, uint16_t column)
{
    size_t i = 0;

    while (i < spec->n_columns && spec->columns[i].column != column)
        i++;
    return i;
}

static int add_condition(const struct sink_table *t, const struct catalog_key *key, struct buf *sql)
{
    for (size_t i = 0; i < key->n; i++) {
        size_t ordinal = given(t->spec, key->columns[i]);

        if (ordinal == t->spec->n_columns || buf_add_text(sql, i ? " AND " : " WHERE ") < 0 ||
            db_quote_name(&t->d->db, t->spec->table->columns[key->columns[i]].name, sql) < 0 ||
            buf_printf(sql, " = ?%zu", ordinal + 1) < 0)
            return -1;
    }
    return 0;
}

static bool find(struct sink_table *t, const struct catalog_key *key, int64_t *ret)
{
    CLEANUP(buf_release) struct buf sql = BUF_INIT;
    CLEANUP(err_release) struct err ignored = {0};
    sqlite3_stmt *statement = NULL;
    bool found = false;

    if (buf_add_text(&sql, "SELECT rowid FROM main.") < 0 || db_quote_name(&t->d->db, t->spec->table->name, &sql) < 0 ||
        add_condition(t, key, &sql) < 0 || sqlite_prepare(t->d, buf_text(&sql), &statement, &ignored) < 0)
        return false;
    if (sqlite_lookup_bind(t, statement, t->values, t->spec->n_columns, &ignored) == 0 && sqlite3_step(statement) == SQLITE_ROW) {
        *ret = sqlite3_column_int64(statement, 0);
        found = true;
    }
    sqlite3_finalize(statement);
    return found;
}

bool sqlite_rival(struct sink_table *t, const struct sink_rows *rows, size_t row, int64_t *ret)
{
    if (!take_values(t, rows, row))
        return false;
    for (size_t i = 0; i < t->spec->table->n_keys; i++) {
        const struct catalog_key *key = &t->spec->table->keys[i];

        if (!key->partial && key->n && find(t, key, ret))
            return true;
    }
    return false;
}
