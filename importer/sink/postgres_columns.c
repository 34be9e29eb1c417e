/* Columns of tables, asked again before each commit: rows in binary form were made for certain types, and the server would
 * take the same eight bytes for a whole number, a fraction or a time. */
#include "sink/postgres_sink.h"

#include "base/cleanup.h"

static const char one_table[] =
    "(SELECT string_agg(a.attname || ' ' || format_type(a.atttypid, a.atttypmod), E'\\n' ORDER BY a.attnum)"
    " FROM pg_catalog.pg_attribute a WHERE a.attnum > 0 AND NOT a.attisdropped AND a.attrelid = to_regclass(";

static int make_statement(struct sink *s)
{
    const char *before = "SELECT ";

    for (const struct sink_table *t = s->tables; t; t = t->next, before = ", ") {
        if (buf_add_text(&s->columns_sql, before) < 0 || buf_add_text(&s->columns_sql, one_table) < 0 ||
            db_quote_text(NULL, str_of(t->name), &s->columns_sql) < 0 || buf_add_text(&s->columns_sql, "))") < 0)
            return -1;
    }
    return 0;
}

int postgres_check_columns(struct sink *s, struct err *err)
{
    CLEANUP(db_result_release) struct db_result r = {0};
    size_t i = 0;

    if (!s->tables)
        return 0;
    if (s->columns_sql.len == 0 && make_statement(s) < 0) {
        buf_clear(&s->columns_sql);
        return err_oom(err);
    }
    if (db_query(s->db, buf_text(&s->columns_sql), NULL, 0, &r, err) < 0)
        return -1;
    for (const struct sink_table *t = s->tables; t; t = t->next) {
        if (sink_check_columns(t->spec->table, db_cell(&r, 0, i++), err) < 0)
            return -1;
    }
    return 0;
}

int postgres_doubt_columns(struct sink *s, struct err *err)
{
    if (s->columns_checked == s->transaction)
        return 0;
    s->columns_checked = s->transaction;
    return postgres_check_columns(s, err);
}
