/* Which keys earlier chunks wrote. Their places are listed first and then fetched one by one, so that who looks at them may ask
 * for more in between. */
#include "ledger/ledger_internal.h"

#include "base/cleanup.h"

#include <stdlib.h>

/* A chunk, or one of its pieces. */
struct place {
    int64_t chunk, piece;
};

struct places {
    struct place *at;
    size_t n, capacity;
};

static void places_release(struct places *p) { free(p->at); }

static int64_t number(const struct db_value *v)
{
    int64_t n = 0;

    str_parse_int64(v->text, &n);
    return n;
}

static int on_place(void *context, const struct db_value *values, size_t n, struct err *err)
{
    struct places *p = context;

    (void)n;
    if (p->n == p->capacity) {
        size_t capacity = p->capacity ? p->capacity * 2 : 64;
        struct place *grown = realloc(p->at, capacity * sizeof *grown);

        if (!grown)
            return err_oom(err);
        p->at = grown;
        p->capacity = capacity;
    }
    p->at[p->n++] = (struct place){number(&values[0]), number(&values[1])};
    return 0;
}

static int list_places(struct db *db, const char *where, const struct db_value *params, size_t n, struct places *ret,
                       struct err *err)
{
    CLEANUP(buf_release) struct buf text = BUF_INIT;
    CLEANUP(buf_release) struct buf sql = BUF_INIT;

    if (buf_printf(&text, "SELECT c.id, coalesce(k.id, 0) FROM {w}units u JOIN {w}chunks c ON c.unit_id = u.id"
                   " LEFT JOIN {w}keys k ON k.chunk_id = c.id WHERE (c.keys IS NOT NULL OR k.id IS NOT NULL)%s ORDER BY 1, 2",
                   where) < 0 ||
        ledger_sql(db, buf_text(&text), &sql) < 0)
        return err_oom(err);
    return db_stream(db, buf_text(&sql), params, n, on_place, ret, err);
}

static int give(struct db *db, const struct place *place, ledger_on_keys *keys, void *context, struct err *err)
{
    CLEANUP(db_result_release) struct db_result r = {0};
    struct unit unit = {0};
    struct ledger_written written = {.chunk = place->chunk, .unit = &unit};
    int ret;

    if (ledger_query(db, "SELECT u.files, u.part, u.id, u.load_id, u.job_id, j.source, r.keys, coalesce(k.keys, c.keys), coalesce(k.seal, c.keys_seal), u.from_byte"
                     " FROM {w}chunks c JOIN {w}units u ON u.id = c.unit_id JOIN {w}runs r ON r.id = u.run_id"
                     " JOIN {w}jobs j ON j.id = u.job_id LEFT JOIN {w}keys k ON k.id = $2 WHERE c.id = $1",
                     (struct db_value[]){db_int(place->chunk), db_int(place->piece)}, 2, &r, err) < 0)
        return -1;
    if (r.n_rows == 0)
        return err_set(err, ERR_RUN, W0604, "the ledger lost a chunk");
    ret = unit_unpack(&unit, db_cell(&r, 0, 0), err);
    unit.part = db_cell_int(&r, 0, 1) != 0;
    unit.id = db_cell_int(&r, 0, 2);
    unit.load = db_cell_int(&r, 0, 3);
    unit.from = (uint64_t)db_cell_int(&r, 0, 9);
    written.job = db_cell_int(&r, 0, 4);
    written.source = db_cell(&r, 0, 5);
    written.columns = db_cell(&r, 0, 6);
    written.packed = db_cell(&r, 0, 7);
    if (ret == 0 && db_cell_int(&r, 0, 8) != seal_of(written.packed))
        ret = err_set(err, ERR_RUN, W0604, "the ledger's list of keys is damaged");
    if (ret == 0)
        ret = keys(context, &written, err);
    unit_release(&unit);
    return ret;
}

static int give_all(struct db *db, const struct places *places, ledger_on_keys *keys, void *context, struct err *err)
{
    for (size_t i = 0; i < places->n; i++) {
        if (give(db, &places->at[i], keys, context, err) < 0)
            return -1;
    }
    return 0;
}

static int compare_ids(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

static int of_units(struct db *db, int64_t job, int64_t *ids, size_t n, ledger_on_keys *keys, void *context, struct err *err)
{
    CLEANUP(places_release) struct places places = {0};

    if (n)
        qsort(ids, n, sizeof *ids, compare_ids);
    for (size_t i = 0; i < n; i++) {
        struct db_value params[] = {db_int(ids[i]), db_int(job)};

        if ((i == 0 || ids[i] != ids[i - 1]) &&
            list_places(db, " AND (u.id = $1 OR u.load_id = $1) AND u.job_id = $2", params, 2, &places, err) < 0)
            return -1;
    }
    return give_all(db, &places, keys, context, err);
}

int ledger_old_keys(struct db *db, int64_t job, const struct unit *unit, ledger_on_keys *keys, void *context,
                    struct err *err)
{
    CLEANUP(free_ptr) int64_t *ids = calloc(unit->n_files + 1, sizeof *ids);
    size_t n = 0;

    if (!ids)
        return err_oom(err);
    for (size_t i = 0; i < unit->n_files; i++) {
        int got = ledger_unit_of_file(db, job, unit->files[i].root, unit->files[i].path, &ids[n], err);

        if (got < 0)
            return -1;
        n += got == 1;
    }
    return of_units(db, job, ids, n, keys, context, err);
}

int ledger_all_keys(struct db *db, ledger_on_keys *keys, void *context, struct err *err)
{
    CLEANUP(places_release) struct places places = {0};

    return list_places(db, "", NULL, 0, &places, err) < 0 ? -1 : give_all(db, &places, keys, context, err);
}
