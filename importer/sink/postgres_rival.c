/* Which row stands in the way of another, for messages that name both: asked of the server, index by index. */
#include "sink/postgres_sink.h"

#include "base/cleanup.h"
#include "sink/copytext.h"

#include <endian.h>
#include <stdlib.h>

enum { CELLS_MAX = 256, NUMERIC_SCALE_AT = 6 };

/* ---- cells of encoded rows ---- */

static size_t cells_of(const struct sink_table *t, size_t column)
{
    const struct sink_reference *ref = t->spec->columns[column].reference;

    return ref ? ref->n_keys : 1;
}

static size_t first_cell(const struct sink_table *t, size_t column)
{
    size_t n = 0;

    for (size_t i = 0; i < column; i++)
        n += cells_of(t, i);
    return n;
}

static uint32_t big_endian(const char *at)
{
    uint32_t n;

    memcpy(&n, at, sizeof n);
    return be32toh(n);
}

/* The next field of a row in the binary form; at == NULL: null. */
static struct str next_field(struct str *rest)
{
    uint32_t len = big_endian(rest->at);
    struct str field = len == UINT32_MAX ? (struct str){0} : str_make(rest->at + 4, len);

    *rest = str_make(rest->at + 4 + field.len, rest->len - 4 - field.len);
    return field;
}

/* In the text form, as it stands there. */
static struct str next_text(struct str *rest)
{
    const char *end = rest->len ? memchr(rest->at, '\t', rest->len) : NULL;
    size_t len = end ? (size_t)(end - rest->at) : rest->len - (rest->len && rest->at[rest->len - 1] == '\n');
    struct str field = str_make(rest->at, len);

    *rest = end ? str_make(end + 1, rest->len - len - 1) : (struct str){0};
    return str_is(field, "\\N") ? (struct str){0} : field;
}

static struct str cell_of(const struct row_form *form, struct str row, size_t cell)
{
    struct str rest = form->binary ? str_make(row.at + 2, row.len - 2) : row, field = {0};

    for (size_t i = 0; i <= cell; i++)
        field = form->binary ? next_field(&rest) : next_text(&rest);
    return field;
}

/* Equal values give equal bytes, whatever digits behind the point or blanks they were written with. */
static uint64_t add_cell(uint64_t identity, const struct type *type, bool binary, struct str cell)
{
    if (binary && type->kind == TYPE_NUMERIC && cell.len >= NUMERIC_SCALE_AT + 2) {
        identity = sink_identity(identity, str_make(cell.at, NUMERIC_SCALE_AT));
        cell = str_make(cell.at + NUMERIC_SCALE_AT + 2, cell.len - NUMERIC_SCALE_AT - 2);
    }
    while (type->kind == TYPE_TEXT && cell.len && cell.at[cell.len - 1] == ' ' && type->name && strncmp(type->name, "character(", 10) == 0)
        cell.len--;
    return sink_identity(identity, cell);
}

uint64_t postgres_identity(const struct sink_table *t, const struct sink_rows *rows, size_t row)
{
    uint64_t identity = 0;

    for (size_t i = 0; i < t->spec->n_identity; i++) {
        size_t column = t->spec->identity[i], first = first_cell(t, column);

        for (size_t k = 0; k < cells_of(t, column); k++)
            identity = add_cell(identity, t->row.columns[first + k], t->row.binary,
                                cell_of(&t->row, sink_rows_row(rows, row), first + k));
    }
    return identity;
}

uint64_t postgres_key_identity(const struct sink_table *t, struct str key)
{
    uint64_t identity = 0;

    for (size_t i = 0; i < t->key.n; i++)
        identity = add_cell(identity, t->key.columns[i], t->key.binary, cell_of(&t->key, key, i));
    return identity;
}

bool postgres_cell(const struct sink_table *t, const struct sink_rows *rows, size_t row, size_t column, size_t k, struct cell *ret)
{
    size_t at = first_cell(t, column) + k;
    struct str field = cell_of(&t->row, sink_rows_row(rows, row), at);
    int64_t n = 0;

    if (!field.at)
        return false;
    switch (t->row.binary ? t->row.fields[at].form : COPYBINARY_SPELLED) {
    case COPYBINARY_INT2:
    case COPYBINARY_INT4:
    case COPYBINARY_INT8:
        n = (signed char)field.at[0];
        for (size_t i = 1; i < field.len; i++)
            n = (int64_t)((uint64_t)n << 8 | (unsigned char)field.at[i]);
        *ret = (struct cell){.kind = CELL_INT, .n = n};
        return true;
    case COPYBINARY_UUID:
        *ret = (struct cell){.kind = CELL_UUID, .text = field};
        return true;
    case COPYBINARY_BYTES:
    case COPYBINARY_SPELLED:
        *ret = (struct cell){.kind = CELL_TEXT, .text = field};
        return t->row.columns[at]->kind == TYPE_TEXT || t->row.columns[at]->kind == TYPE_ENUM;
    default:
        return false;
    }
}

/* ---- the question ---- */

/* The form of the cells of an identity. Keys are written without the columns that may make their row one of text. */
static bool is_binary(const struct sink_table *t)
{
    return t->spec->identity == t->spec->key ? t->key.binary : t->row.binary;
}

static const char indexes_sql[] =
    "SELECT i.indexrelid::pg_catalog.text, coalesce(pg_catalog.to_jsonb(i) ->> 'indnullsnotdistinct', 'false'),"
    " coalesce(pg_catalog.pg_get_expr(i.indpred, i.indrelid), 'true'), pg_catalog.pg_get_indexdef(i.indexrelid, k, false)"
    " FROM pg_catalog.pg_index i, pg_catalog.generate_series(1, i.indnkeyatts) k WHERE i.indrelid = $1::pg_catalog.regclass"
    " AND i.indisunique ORDER BY i.indexrelid, k";

/* (SELECT $1::type AS "a", ...) AS w_given: the row that was refused. */
static int add_given(const struct sink_table *t, struct buf *sql)
{
    size_t cell = 0;

    if (buf_add_text(sql, "(SELECT ") < 0)
        return -1;
    for (size_t i = 0; i < t->spec->n_columns; i++) {
        const struct sink_reference *ref = t->spec->columns[i].reference;

        if (buf_add_text(sql, i ? ", " : "") < 0)
            return -1;
        if (ref && (buf_add_text(sql, "(SELECT ") < 0 || postgres_add_name(sql, "w_r", ref->table->columns[ref->column].name) < 0 ||
                    buf_add_text(sql, " FROM ") < 0 || postgres_add_table(sql, ref->table) < 0 ||
                    buf_add_text(sql, " AS w_r WHERE ") < 0))
            return -1;
        for (size_t k = 0; k < cells_of(t, i); k++, cell++) {
            if (ref && (buf_add_text(sql, k ? " AND " : "") < 0 ||
                        postgres_add_name(sql, "w_r", ref->table->columns[ref->keys[k]].name) < 0 || buf_add_text(sql, " = ") < 0))
                return -1;
            if (buf_printf(sql, "$%zu::%s", cell + 1, t->row.columns[cell]->name) < 0)
                return -1;
        }
        if ((ref && buf_add_char(sql, ')') < 0) || buf_add_text(sql, " AS ") < 0 ||
            postgres_add_name(sql, NULL, postgres_column(t, i)->name) < 0)
            return -1;
    }
    return buf_add_text(sql, ") AS w_given");
}

/* As the type's own function prints it; a cast to text may differ. */
static int add_value(bool binary, const char *prefix, const char *name, struct buf *sql)
{
    if (binary)
        return postgres_add_name(sql, prefix, name);
    if (buf_add_text(sql, "CASE WHEN ") < 0 || postgres_add_name(sql, prefix, name) < 0 ||
        buf_add_text(sql, " IS NOT NULL THEN pg_catalog.format('%s', ") < 0 || postgres_add_name(sql, prefix, name) < 0)
        return -1;
    return buf_add_text(sql, ") END");
}

/* The identity of w_there, in the form of the rows; references by the keys they are looked up by. */
static int add_identity(const struct sink_table *t, struct buf *sql)
{
    size_t n = 0;

    for (size_t i = 0; i < t->spec->n_identity; i++) {
        size_t column = t->spec->identity[i];
        const struct sink_reference *ref = t->spec->columns[column].reference;
        char alias[32];

        snprintf(alias, sizeof alias, "w_r%zu", column);
        for (size_t k = 0; k < cells_of(t, column); k++) {
            const char *name = ref ? ref->table->columns[ref->keys[k]].name : postgres_column(t, column)->name;

            if (buf_add_text(sql, n++ ? ", " : "") < 0 || add_value(is_binary(t), ref ? alias : "w_there", name, sql) < 0)
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
        char alias[32];

        if (!ref)
            continue;
        snprintf(alias, sizeof alias, "w_r%zu", column);
        if (buf_add_text(sql, " LEFT JOIN ") < 0 || postgres_add_table(sql, ref->table) < 0 || buf_printf(sql, " AS %s ON (", alias) < 0 ||
            postgres_add_name(sql, alias, ref->table->columns[ref->column].name) < 0 || buf_add_text(sql, " = ") < 0 ||
            postgres_add_name(sql, "w_there", postgres_column(t, column)->name) < 0 || buf_add_char(sql, ')') < 0)
            return -1;
    }
    return 0;
}

static int add_keys(const struct db_result *indexes, size_t first, size_t n, struct buf *sql)
{
    for (size_t k = 0; k < n; k++) {
        if (buf_printf(sql, ", (%.*s) AS windrow_%zu", STR_ARG(db_cell(indexes, first + k, 3)), k) < 0)
            return -1;
    }
    return 0;
}

/* The expressions of the index over both rows: they name columns bare. */
static int question(const struct sink_table *t, const struct db_result *indexes, size_t first, size_t n, struct buf *sql)
{
    struct str condition = db_cell(indexes, first, 2);
    const char *equal = str_is(db_cell(indexes, first, 1), "true") ? "IS NOT DISTINCT FROM" : "=";

    if (buf_add_text(sql, is_binary(t) ? "SELECT pg_catalog.record_send(ROW(" : "SELECT ") < 0 || add_identity(t, sql) < 0 ||
        buf_add_text(sql, is_binary(t) ? ")) FROM (SELECT *" : " FROM (SELECT *") < 0 || add_keys(indexes, first, n, sql) < 0 ||
        buf_printf(sql, " FROM %s WHERE %.*s) AS w_there", t->name, STR_ARG(condition)) < 0 || add_joins(t, sql) < 0 ||
        buf_add_text(sql, " CROSS JOIN (SELECT true") < 0 || add_keys(indexes, first, n, sql) < 0 || buf_add_text(sql, " FROM ") < 0 ||
        add_given(t, sql) < 0 || buf_printf(sql, " WHERE %.*s) AS w_new WHERE true", STR_ARG(condition)) < 0)
        return -1;
    for (size_t k = 0; k < n; k++) {
        if (buf_printf(sql, " AND w_there.windrow_%zu %s w_new.windrow_%zu", k, equal, k) < 0)
            return -1;
    }
    return buf_add_text(sql, " LIMIT 1");
}

static bool unescaped(struct str text, struct buf *out)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];

        if (c == '\\' && i + 1 < text.len) {
            c = text.at[++i];
            c = c == 't' ? '\t' : c == 'n' ? '\n' : c == 'r' ? '\r' : c == 'b' ? '\b' : c == 'f' ? '\f' : c == 'v' ? '\v' : c;
        }
        if (buf_add_char(out, c) < 0)
            return false;
    }
    return true;
}

static bool fill_params(const struct sink_table *t, struct str row, struct db_value *params, struct arena *a)
{
    struct str rest = t->row.binary ? str_make(row.at + 2, row.len - 2) : row;

    for (size_t i = 0; i < t->row.n; i++) {
        struct str field = t->row.binary ? next_field(&rest) : next_text(&rest);
        CLEANUP(buf_release) struct buf plain = BUF_INIT;

        params[i] = field.at ? db_bytes(field) : db_null();
        if (!field.at || t->row.binary)
            continue;
        if (!unescaped(field, &plain))
            return false;
        params[i] = db_text(arena_str(a, buf_str(&plain)));
    }
    return true;
}

/* As record_send() writes it: the number of fields, then for each its type, its length and its bytes. */
static uint64_t identity_of_record(const struct sink_table *t, struct str record)
{
    uint64_t identity = 0;
    struct str rest = str_make(record.at + 4, record.len - 4);

    for (size_t i = 0; i < t->spec->n_identity; i++) {
        size_t column = t->spec->identity[i], first = first_cell(t, column);

        for (size_t k = 0; k < cells_of(t, column) && rest.len >= 8; k++) {
            rest = str_make(rest.at + 4, rest.len - 4);
            identity = add_cell(identity, t->row.columns[first + k], true, next_field(&rest));
        }
    }
    return identity;
}

static uint64_t identity_of_texts(const struct sink_table *t, const struct db_result *r)
{
    uint64_t identity = 0;
    size_t at = 0;

    for (size_t i = 0; i < t->spec->n_identity; i++) {
        size_t column = t->spec->identity[i], first = first_cell(t, column);

        for (size_t k = 0; k < cells_of(t, column); k++, at++) {
            struct db_value v = r->values[at];
            CLEANUP(buf_release) struct buf text = BUF_INIT;

            if (v.type != DB_NULL && copytext_escape(v.text, &text) < 0)
                return 0;
            identity = add_cell(identity, t->row.columns[first + k], false, v.type == DB_NULL ? (struct str){0} : buf_str(&text));
        }
    }
    return identity;
}

/* An index whose expressions need a column that the rows do not have cannot be asked. */
static uint64_t ask(struct sink_table *t, const struct db_result *indexes, size_t first, size_t n, const struct db_value *params)
{
    CLEANUP(buf_release) struct buf sql = BUF_INIT;
    CLEANUP(db_result_release) struct db_result r = {0};
    CLEANUP(err_release) struct err why = {0};
    struct db *db = t->sink->db;
    uint64_t identity = 0;

    if (question(t, indexes, first, n, &sql) < 0 || db_exec(db, "SAVEPOINT windrow_rival", &why) < 0)
        return 0;
    if (db_query(db, buf_text(&sql), params, t->row.n, &r, &why) == 0 && r.n_rows)
        identity = is_binary(t) ? identity_of_record(t, db_cell(&r, 0, 0)) : identity_of_texts(t, &r);
    err_release(&why);
    if (db_alive(db))
        db_exec(db, "ROLLBACK TO SAVEPOINT windrow_rival; RELEASE SAVEPOINT windrow_rival", &why);
    return identity;
}

uint64_t postgres_rival(struct sink_table *t, const struct sink_rows *rows, size_t row)
{
    CLEANUP(db_result_release) struct db_result indexes = {0};
    CLEANUP(arena_release) struct arena a = {0};
    CLEANUP(err_release) struct err why = {0};
    struct db_value params[CELLS_MAX];
    uint64_t identity = 0;

    if (t->row.n > CELLS_MAX || t->spec->n_identity == 0 || !fill_params(t, sink_rows_row(rows, row), params, &a) ||
        db_query(t->sink->db, indexes_sql, (struct db_value[]){db_text(str_of(t->name))}, 1, &indexes, &why) < 0)
        return 0;
    for (size_t i = 0, n; i < indexes.n_rows && identity == 0; i += n) {
        for (n = 1; i + n < indexes.n_rows && str_eq(db_cell(&indexes, i + n, 0), db_cell(&indexes, i, 0)); n++)
            ;
        identity = ask(t, &indexes, i, n, params);
    }
    return identity;
}
