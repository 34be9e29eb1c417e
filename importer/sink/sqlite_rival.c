/* The row that stands in the way of a refused one, for messages that name both. */
#include "sink/sqlite_sink.h"

#include "base/cleanup.h"
#include "sink/sink_internal.h"

#include <strings.h>

enum { KEY_COLUMNS_MAX = 32 };

/* ---- cells of encoded rows ---- */

static size_t cells_of(const struct sink_table *t, size_t column)
{
    const struct sink_reference *ref = t->spec->columns[column].reference;

    return ref ? ref->n_keys : 1;
}

static uint64_t add_value(uint64_t identity, const struct sqlite_value *v)
{
    char bytes[9] = {(char)v->kind};

    switch (v->kind) {
    case SQLITE_IS_INTEGER:
        memcpy(bytes + 1, &v->n, 8);
        break;
    case SQLITE_IS_REAL:
        memcpy(bytes + 1, &v->f, 8);
        break;
    case SQLITE_IS_TEXT:
    case SQLITE_IS_BLOB:
        identity = sink_identity(identity, v->text);
        break;
    case SQLITE_IS_NULL:
        break;
    }
    return sink_identity(identity, str_make(bytes, sizeof bytes));
}

static const char *skip_to(const struct sink_table *t, const char *at, size_t column)
{
    struct sqlite_value ignored;

    for (size_t i = 0; i < column; i++) {
        for (size_t k = 0; k < cells_of(t, i); k++)
            at = sqlite_row_next(at, &ignored);
    }
    return at;
}

uint64_t sqlite_identity(const struct sink_table *t, const struct sink_rows *rows, size_t row)
{
    uint64_t identity = 0;

    for (size_t i = 0; i < t->spec->n_identity; i++) {
        const char *at = skip_to(t, sink_rows_row(rows, row).at, t->spec->identity[i]);
        struct sqlite_value v = {0};

        for (size_t k = 0; k < cells_of(t, t->spec->identity[i]); k++) {
            at = sqlite_row_next(at, &v);
            identity = add_value(identity, &v);
        }
    }
    return identity;
}

uint64_t sqlite_key_identity(const struct sink_table *t, struct str key)
{
    const char *at = key.at;
    uint64_t identity = 0;

    for (size_t i = 0; i < t->spec->n_key; i++) {
        struct sqlite_value v = {0};

        at = sqlite_row_next(at, &v);
        identity = add_value(identity, &v);
    }
    return identity;
}

bool sqlite_cell(const struct sink_table *t, const struct sink_rows *rows, size_t row, size_t column, size_t k, struct cell *ret)
{
    const char *at = skip_to(t, sink_rows_row(rows, row).at, column);
    struct sqlite_value v = {0};

    for (size_t i = 0; i <= k; i++)
        at = sqlite_row_next(at, &v);
    *ret = v.kind == SQLITE_IS_INTEGER ? (struct cell){.kind = CELL_INT, .n = v.n} : (struct cell){.kind = CELL_TEXT, .text = v.text};
    return v.kind == SQLITE_IS_INTEGER || v.kind == SQLITE_IS_TEXT;
}

/* ---- what an index is made of ---- */

struct index {
    struct buf expressions[KEY_COLUMNS_MAX];
    size_t n;
    struct buf condition;
};

static void index_release(struct index *x)
{
    for (size_t i = 0; i < KEY_COLUMNS_MAX; i++)
        buf_release(&x->expressions[i]);
    buf_release(&x->condition);
}

/* The end of what begins at `at`: a quoted text, or one character. */
static const char *next_token(const char *at, const char *end)
{
    char close = *at == '[' ? ']' : *at;

    if (*at != '\'' && *at != '"' && *at != '`' && *at != '[')
        return at + 1;
    for (at++; at < end && *at != close; at++)
        ;
    return at < end ? at + 1 : end;
}

/* Up to the comma or parenthesis that ends it. */
static const char *next_expression(const char *at, const char *end)
{
    int depth = 0;

    while (at < end && (depth > 0 || (*at != ',' && *at != ')'))) {
        depth += (*at == '(') - (*at == ')');
        at = next_token(at, end);
    }
    return at;
}

static struct str without_order(struct str s)
{
    s = str_trim(s);
    if (s.len > 4 && strncasecmp(s.at + s.len - 4, " asc", 4) == 0)
        s.len -= 4;
    else if (s.len > 5 && strncasecmp(s.at + s.len - 5, " desc", 5) == 0)
        s.len -= 5;
    return str_trim(s);
}

/* CREATE UNIQUE INDEX name ON table (expression, ...) WHERE condition */
static bool parse_index(struct str sql, struct index *x)
{
    const char *at = sql.at, *end = sql.at + sql.len;

    while (at < end && *at != '(')
        at = next_token(at, end);
    while (at < end && *at != ')') {
        const char *start = at + 1;
        struct str e;

        at = next_expression(start, end);
        e = without_order(str_make(start, (size_t)(at - start)));
        if (x->n == KEY_COLUMNS_MAX || buf_add_str(&x->expressions[x->n++], e) < 0)
            return false;
    }
    if (at == end)
        return false;
    for (at++; at < end && (*at == ' ' || *at == '\n' || *at == '\t' || *at == '\r'); at++)
        ;
    if (end - at < 5 || strncasecmp(at, "where", 5) != 0)
        return buf_add_text(&x->condition, "true") == 0;
    return buf_add(&x->condition, at + 5, (size_t)(end - at - 5)) == 0;
}

static bool index_of_columns(const struct sink_table *t, const struct catalog_key *key, struct index *x)
{
    for (size_t i = 0; i < key->n && i < KEY_COLUMNS_MAX; i++) {
        if (db_quote_name(&t->d->db, t->spec->table->columns[key->columns[i]].name, &x->expressions[x->n++]) < 0)
            return false;
    }
    return buf_add_text(&x->condition, "true") == 0;
}

static bool describe(const struct sink_table *t, const struct catalog_key *key, struct index *x)
{
    CLEANUP(db_result_release) struct db_result r = {0};
    CLEANUP(err_release) struct err ignored = {0};

    if (!key->partial)
        return index_of_columns(t, key, x);
    if (db_query(&t->d->db, "SELECT sql FROM main.sqlite_schema WHERE type = 'index' AND name = $1",
                 (struct db_value[]){db_text(str_of(key->name))}, 1, &r, &ignored) < 0)
        return false;
    return r.n_rows == 1 && db_cell(&r, 0, 0).len && parse_index(db_cell(&r, 0, 0), x);
}

/* ---- the question ---- */

static bool take_values(struct sink_table *t, const struct sink_rows *rows, size_t row)
{
    const char *at = sink_rows_row(rows, row).at;
    struct sqlite_value *cell = t->cells;

    for (size_t i = 0; i < t->spec->n_columns; i++) {
        const struct sink_reference *r = t->spec->columns[i].reference;
        const struct sqlite_value *first = cell;
        const char *start = at;
        CLEANUP(err_release) struct err ignored = {0};

        for (size_t k = 0; k < cells_of(t, i); k++)
            at = sqlite_row_next(at, cell++);
        if (!r)
            t->values[i] = *first;
        else if (sqlite_lookup(t, i, first, str_make(start, (size_t)(at - start)), &ignored) != SQLITE_ROW_DONE)
            return false;
    }
    return true;
}

static int add_name(const struct sink_table *t, const char *prefix, size_t number, const char *name, struct buf *sql)
{
    return buf_printf(sql, "%s%zu.", prefix, number) < 0 ? -1 : db_quote_name(&t->d->db, name, sql);
}

/* The identity of the row that is there; references by the keys they are looked up by. */
static int add_identity(const struct sink_table *t, struct buf *sql)
{
    size_t n = 0;

    for (size_t i = 0; i < t->spec->n_identity; i++) {
        size_t column = t->spec->identity[i];
        const struct sink_reference *ref = t->spec->columns[column].reference;

        for (size_t k = 0; k < cells_of(t, column); k++) {
            if (buf_add_text(sql, n++ ? ", " : "SELECT ") < 0 ||
                (ref ? add_name(t, "w_r", column, ref->table->columns[ref->keys[k]].name, sql)
                     : add_name(t, "w_there", 0, t->spec->table->columns[t->spec->columns[column].column].name, sql)) < 0)
                return -1;
        }
    }
    return 0;
}

static int add_joins(const struct sink_table *t, struct buf *sql)
{
    for (size_t i = 0; i < t->spec->n_identity; i++) {
        size_t column = t->spec->identity[i];
        const struct sink_reference *ref = t->spec->columns[column].reference;

        if (ref && (buf_add_text(sql, " LEFT JOIN main.") < 0 || db_quote_name(&t->d->db, ref->table->name, sql) < 0 ||
                    buf_printf(sql, " AS w_r%zu ON ", column) < 0 ||
                    add_name(t, "w_r", column, ref->table->columns[ref->column].name, sql) < 0 || buf_add_text(sql, " = ") < 0 ||
                    add_name(t, "w_there", 0, t->spec->table->columns[t->spec->columns[column].column].name, sql) < 0))
            return -1;
    }
    return 0;
}

static int add_expressions(const struct index *x, struct buf *sql)
{
    for (size_t i = 0; i < x->n; i++) {
        if (buf_printf(sql, ", (%s) AS windrow_%zu", buf_text(&x->expressions[i]), i) < 0)
            return -1;
    }
    return 0;
}

static int add_given(const struct sink_table *t, struct buf *sql)
{
    for (size_t i = 0; i < t->spec->n_columns; i++) {
        if (buf_printf(sql, "%s?%zu AS ", i ? ", " : "(SELECT ", i + 1) < 0 ||
            db_quote_name(&t->d->db, t->spec->table->columns[t->spec->columns[i].column].name, sql) < 0)
            return -1;
    }
    return buf_add_char(sql, ')');
}

/* The expressions of the index over both rows: they name columns bare. */
static int question(const struct sink_table *t, const struct index *x, struct buf *sql)
{
    if (add_identity(t, sql) < 0 || buf_add_text(sql, " FROM (SELECT *") < 0 || add_expressions(x, sql) < 0 ||
        buf_add_text(sql, " FROM main.") < 0 || db_quote_name(&t->d->db, t->spec->table->name, sql) < 0 ||
        buf_printf(sql, " WHERE %s) AS w_there0 CROSS JOIN (SELECT true", buf_text(&x->condition)) < 0 || add_expressions(x, sql) < 0 ||
        buf_add_text(sql, " FROM ") < 0 || add_given(t, sql) < 0 ||
        buf_printf(sql, " WHERE %s) AS w_new", buf_text(&x->condition)) < 0 || add_joins(t, sql) < 0 || buf_add_text(sql, " WHERE true") < 0)
        return -1;
    for (size_t i = 0; i < x->n; i++) {
        if (buf_printf(sql, " AND w_there0.windrow_%zu = w_new.windrow_%zu", i, i) < 0)
            return -1;
    }
    return buf_add_text(sql, " LIMIT 1");
}

static struct sqlite_value column_of(sqlite3_stmt *s, int column)
{
    struct str text = str_make(sqlite3_column_blob(s, column), (size_t)sqlite3_column_bytes(s, column));

    switch (sqlite3_column_type(s, column)) {
    case SQLITE_INTEGER:
        return (struct sqlite_value){.kind = SQLITE_IS_INTEGER, .n = sqlite3_column_int64(s, column)};
    case SQLITE_FLOAT:
        return (struct sqlite_value){.kind = SQLITE_IS_REAL, .f = sqlite3_column_double(s, column)};
    case SQLITE_TEXT:
        return (struct sqlite_value){.kind = SQLITE_IS_TEXT, .text = text};
    case SQLITE_BLOB:
        return (struct sqlite_value){.kind = SQLITE_IS_BLOB, .text = text};
    default:
        return (struct sqlite_value){.kind = SQLITE_IS_NULL};
    }
}

/* An index whose expressions need a column that the rows do not have cannot be asked. */
static uint64_t ask(struct sink_table *t, const struct catalog_key *key)
{
    CLEANUP(buf_release) struct buf sql = BUF_INIT;
    CLEANUP(index_release) struct index x = {0};
    CLEANUP(err_release) struct err ignored = {0};
    sqlite3_stmt *statement = NULL;
    uint64_t identity = 0;

    if (!describe(t, key, &x) || question(t, &x, &sql) < 0 || sqlite_prepare(t->d, buf_text(&sql), &statement, &ignored) < 0)
        return 0;
    if (sqlite_lookup_bind(t, statement, t->values, t->spec->n_columns, &ignored) == 0 && sqlite3_step(statement) == SQLITE_ROW) {
        for (int i = 0; i < sqlite3_column_count(statement); i++) {
            struct sqlite_value v = column_of(statement, i);

            identity = add_value(identity, &v);
        }
    }
    sqlite3_finalize(statement);
    return identity;
}

uint64_t sqlite_rival(struct sink_table *t, const struct sink_rows *rows, size_t row)
{
    uint64_t identity = 0;

    if (t->spec->n_identity == 0 || !take_values(t, rows, row))
        return 0;
    for (size_t i = 0; i < t->spec->table->n_keys && identity == 0; i++)
        identity = ask(t, &t->spec->table->keys[i]);
    return identity;
}
