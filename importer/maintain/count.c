/* Rows counted on both sides of a copy: what a backup is checked by, beside the integrity of its file. */
#include "maintain/maintain_internal.h"

#include "base/cleanup.h"

int counts_add(struct counts *c, struct str table, uint64_t rows, struct err *err)
{
    if (c->n == c->capacity) {
        size_t bigger = c->capacity ? 2 * c->capacity : 32;
        struct count *items = arena_calloc(&c->arena, bigger, sizeof *items);

        if (!items)
            return err_oom(err);
        if (c->n)
            memcpy(items, c->items, c->n * sizeof *items);
        c->items = items;
        c->capacity = bigger;
    }
    c->items[c->n] = (struct count){arena_dup(&c->arena, table), rows};
    if (!c->items[c->n].table)
        return err_oom(err);
    c->n++;
    c->rows += rows;
    return 0;
}

void counts_release(struct counts *c)
{
    arena_release(&c->arena);
    *c = (struct counts){0};
}

static int count_rows(struct db *db, const char *table, uint64_t *ret, struct err *err)
{
    CLEANUP(db_result_release) struct db_result r = {0};
    CLEANUP(buf_release) struct buf sql = BUF_INIT;

    if (buf_printf(&sql, "SELECT count(*) FROM %s", table) < 0)
        return err_oom(err);
    if (db_query(db, buf_text(&sql), NULL, 0, &r, err) < 0)
        return -1;
    *ret = (uint64_t)db_cell_int(&r, 0, 0);
    return 0;
}

/* Virtual tables keep their rows in ordinary ones, or not in this file at all. */
int counts_sqlite(struct db *db, struct counts *ret, struct err *err)
{
    CLEANUP(db_result_release) struct db_result r = {0};

    if (db_query(db, "SELECT name FROM sqlite_schema WHERE type = 'table' AND rootpage > 0 ORDER BY name", NULL, 0, &r, err) < 0)
        return -1;
    for (size_t i = 0; i < r.n_rows; i++) {
        CLEANUP(buf_release) struct buf name = BUF_INIT, plain = BUF_INIT;
        uint64_t rows = 0;

        if (buf_add_str(&plain, db_cell(&r, i, 0)) < 0 || db_quote_name(db, buf_text(&plain), &name) < 0)
            return err_oom(err);
        if (count_rows(db, buf_text(&name), &rows, err) < 0 || counts_add(ret, buf_str(&name), rows, err) < 0)
            return -1;
    }
    return 0;
}

int counts_compare(const struct counts *names, struct db *db, const char *what, struct err *err)
{
    for (size_t i = 0; i < names->n; i++) {
        const struct count *c = &names->items[i];
        uint64_t rows = 0;

        if (count_rows(db, c->table, &rows, err) < 0)
            return -1;
        if (rows != c->rows)
            return err_set(err, ERR_RUN, W0906, "%s has %llu rows in %s, not %llu", what, (unsigned long long)rows, c->table,
                           (unsigned long long)c->rows);
    }
    return 0;
}
