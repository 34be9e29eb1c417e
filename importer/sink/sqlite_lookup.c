/* Rows that a row refers to: looked up for references of the mapping, named for violated foreign keys. */
#include "sink/sqlite_sink.h"

#include "base/cleanup.h"

#include <stdlib.h>

static int bind_one(sqlite3_stmt *statement, int at, const struct sqlite_value *v)
{
    switch (v->kind) {
    case SQLITE_IS_NULL:
        return sqlite3_bind_null(statement, at);
    case SQLITE_IS_INTEGER:
        return sqlite3_bind_int64(statement, at, v->n);
    case SQLITE_IS_REAL:
        return sqlite3_bind_double(statement, at, v->f);
    case SQLITE_IS_TEXT:
        return sqlite3_bind_text64(statement, at, v->text.at, v->text.len, SQLITE_STATIC, SQLITE_UTF8);
    case SQLITE_IS_BLOB:
        return sqlite3_bind_blob64(statement, at, v->text.at, v->text.len, SQLITE_STATIC);
    }
    BUG("a value of kind %d", (int)v->kind);
}

/* The statement may have fewer parameters than there are columns: an UPDATE names only some. */
int sqlite_lookup_bind(struct sink_table *t, sqlite3_stmt *statement, const struct sqlite_value *values, size_t n,
                      struct err *err)
{
    size_t last = (size_t)sqlite3_bind_parameter_count(statement);

    for (size_t i = 0; i < n && i < last; i++) {
        int rc = bind_one(statement, (int)i + 1, &values[i]);

        if (rc != SQLITE_OK)
            return sqlite_fail(t->d, rc, err);
    }
    return 0;
}

static int describe_keys(const struct sink_reference *r, const struct sqlite_value *keys, struct buf *out)
{
    int failed = buf_add_text(out, r->table->name);

    for (size_t i = 0; i < r->n_keys; i++) {
        failed |= buf_printf(out, "%s%s = ", i ? ", " : " with ", r->table->columns[r->keys[i]].name);
        if (keys[i].kind == SQLITE_IS_INTEGER)
            failed |= buf_printf(out, "%lld", (long long)keys[i].n);
        else if (keys[i].kind == SQLITE_IS_REAL)
            failed |= buf_printf(out, "%.17g", keys[i].f);
        else if (keys[i].kind == SQLITE_IS_TEXT)
            failed |= buf_printf(out, "'%.*s'", (int)str_cut_utf8(keys[i].text, 80), keys[i].text.at);
        else
            failed |= buf_add_text(out, keys[i].kind == SQLITE_IS_NULL ? "null" : "(bytes)");
    }
    return failed;
}

static int refuse_reference(enum code code, const char *what, const char *column, const struct sink_reference *r,
                            const struct sqlite_value *keys, struct err *why)
{
    CLEANUP(buf_release) struct buf text = BUF_INIT;

    if (describe_keys(r, keys, &text) < 0)
        return err_oom(why);
    return err_set(why, ERR_RECORD, code, "%s: %s %s", column, what, text.at);
}

static int keep_answer(struct sqlite_lookup *l, struct err *err)
{
    sqlite3_stmt *s = l->statement;

    l->answer = (struct sqlite_value){0};
    buf_clear(&l->text);
    switch (sqlite3_column_type(s, 0)) {
    case SQLITE_INTEGER:
        l->answer = (struct sqlite_value){.kind = SQLITE_IS_INTEGER, .n = sqlite3_column_int64(s, 0)};
        return 0;
    case SQLITE_FLOAT:
        l->answer = (struct sqlite_value){.kind = SQLITE_IS_REAL, .f = sqlite3_column_double(s, 0)};
        return 0;
    case SQLITE_NULL:
        return 0;
    case SQLITE_BLOB:
        l->answer.kind = SQLITE_IS_BLOB;
        break;
    default:
        l->answer.kind = SQLITE_IS_TEXT;
    }
    if (buf_add(&l->text, sqlite3_column_blob(s, 0), (size_t)sqlite3_column_bytes(s, 0)) < 0)
        return err_oom(err);
    l->answer.text = buf_str(&l->text);
    return 0;
}

static enum sqlite_outcome ask(struct sink_table *t, size_t column, const struct sqlite_value *keys, struct err *why)
{
    const struct sink_reference *r = t->spec->columns[column].reference;
    const char *name = t->spec->table->columns[t->spec->columns[column].column].name;
    struct sqlite_lookup *l = &t->lookups[column];
    enum sqlite_outcome outcome = SQLITE_ROW_DONE;
    int rc;

    if (sqlite_lookup_bind(t, l->statement, keys, r->n_keys, why) < 0)
        return SQLITE_ROW_LOST;
    rc = sqlite3_step(l->statement);
    if (rc == SQLITE_DONE && r->optional) {
        l->answer = (struct sqlite_value){0};
    } else if (rc == SQLITE_DONE) {
        refuse_reference(W0510, "there is no row of", name, r, keys, why);
        outcome = SQLITE_ROW_REFUSED;
    } else if (rc != SQLITE_ROW || keep_answer(l, why) < 0) {
        sqlite_fail(t->d, rc, why);
        outcome = SQLITE_ROW_LOST;
    } else if ((rc = sqlite3_step(l->statement)) == SQLITE_ROW) {
        refuse_reference(W0559, "there are several rows of", name, r, keys, why);
        outcome = SQLITE_ROW_REFUSED;
    } else if (rc != SQLITE_DONE) {
        sqlite_fail(t->d, rc, why);
        outcome = SQLITE_ROW_LOST;
    }
    sqlite3_reset(l->statement);
    return outcome;
}

static bool all_null(const struct sqlite_value *keys, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (keys[i].kind != SQLITE_IS_NULL)
            return false;
    }
    return true;
}

enum sqlite_outcome sqlite_lookup(struct sink_table *t, size_t column, const struct sqlite_value *keys,
                                  struct str encoded, struct err *why)
{
    const struct sink_reference *r = t->spec->columns[column].reference;
    struct sqlite_lookup *l = &t->lookups[column];
    enum sqlite_outcome outcome;

    t->values[column] = (struct sqlite_value){0};
    if (all_null(keys, r->n_keys))
        return SQLITE_ROW_DONE;
    if (!l->known || !str_eq(buf_str(&l->key), encoded)) {
        l->known = false;
        buf_clear(&l->key);
        outcome = ask(t, column, keys, why);
        if (outcome != SQLITE_ROW_DONE)
            return outcome;
        if (buf_add_str(&l->key, encoded) < 0)
            return err_oom(why), SQLITE_ROW_LOST;
        l->known = true;
    }
    t->values[column] = l->answer;
    return SQLITE_ROW_DONE;
}

void sqlite_lookup_forget(struct sink_table *t)
{
    for (size_t i = 0; i < t->spec->n_columns; i++)
        t->lookups[i].known = false;
}

/* Positions in t->values of the columns of a foreign key, or false when the mapping does not give them all. */
static bool given_columns(const struct sink_spec *spec, const struct catalog_reference *fk, size_t *ret)
{
    for (size_t i = 0; i < fk->n; i++) {
        size_t k = 0;

        while (k < spec->n_columns && spec->columns[k].column != fk->columns[i])
            k++;
        if (k == spec->n_columns)
            return false;
        ret[i] = k;
    }
    return true;
}

static bool parent_is_there(struct sink_table *t, const struct catalog_reference *fk, const size_t *given)
{
    CLEANUP(buf_release) struct buf sql = BUF_INIT;
    sqlite3_stmt *statement = NULL;
    int failed = buf_add_text(&sql, "SELECT 1 FROM main."), rc = SQLITE_ROW;

    failed |= db_quote_name(&t->d->db, fk->table, &sql);
    for (size_t i = 0; i < fk->n; i++) {
        failed |= buf_add_text(&sql, i ? " AND " : " WHERE ");
        failed |= db_quote_name(&t->d->db, fk->their_columns[i], &sql);
        failed |= buf_printf(&sql, "=?%zu", i + 1);
    }
    if (failed || sqlite3_prepare_v2(t->d->handle, sql.at, -1, &statement, NULL) != SQLITE_OK)
        return true;
    for (size_t i = 0; i < fk->n; i++) {
        if (t->values[given[i]].kind == SQLITE_IS_NULL)
            goto end;   /* a null asks for nothing */
        bind_one(statement, (int)i + 1, &t->values[given[i]]);
    }
    rc = sqlite3_step(statement);
end:
    sqlite3_finalize(statement);
    return rc == SQLITE_ROW;
}

int sqlite_lookup_foreign_key(struct sink_table *t, struct err *why)
{
    for (size_t i = 0; i < t->spec->table->n_references; i++) {
        const struct catalog_reference *fk = &t->spec->table->references[i];
        CLEANUP(free_ptr) size_t *given = calloc(fk->n + 1, sizeof *given);

        if (!given)
            return -1;
        if (given_columns(t->spec, fk, given) && !parent_is_there(t, fk, given)) {
            struct err named = {0};

            err_set(&named, ERR_RECORD, W0513, "%s.%s%s refers to a row of %s that is not there", t->spec->table->name,
                    t->spec->table->columns[fk->columns[0]].name, fk->n > 1 ? ", ..." : "", fk->table);
            db_set_state(&named, why->sqlstate);
            err_move(why, &named);
            return 0;
        }
    }
    return 0;
}
