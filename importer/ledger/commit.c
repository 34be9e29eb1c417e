/* What a transaction enters of its chunk, and which keys earlier ones wrote. */
#include "ledger/ledger_internal.h"

#include <stdlib.h>

int ledger_commit_chunk(struct db *db, int64_t job, const struct ledger_chunk *chunk, int64_t *chunk_id, struct err *err)
{
    struct db_result r = {0};
    struct db_value swap[] = {db_int(chunk->unit->id), db_int(chunk->unit->gen), db_int(chunk->again)};
    struct db_value row[] = {db_int(chunk->run), db_int(chunk->unit->id), db_int(chunk->unit->gen + 1),
                             db_text(chunk->rows_json), db_int((int64_t)chunk->lines),
                             chunk->hash && chunk->unit->part ? db_bytes(str_make((const char *)chunk->hash, 16)) : db_null(),
                             chunk->keys.len ? db_bytes(chunk->keys) : db_null(), db_int(seal_of(chunk->keys)), db_int(0)};

    row[8] = db_int(ledger_seal_chunk(chunk->run, chunk->unit->id, chunk->unit->gen + 1, chunk->rows_json,
                                      (int64_t)chunk->lines, row[5].text, row[7].n));

    (void)job;
    if (ledger_query(db, "UPDATE {w}units SET gen = gen + 1, state = 1 WHERE id = $1 AND gen = $2 AND state = $3", swap, 3, &r, err) < 0) {
        db_result_release(&r);
        return -1;
    }
#ifndef WINDROW_CANARY_NO_CAS
    if (r.affected != 1) {
        db_result_release(&r);
        return err_set(err, ERR_RUN, W0603, "another windrow has taken over this work");
    }
#endif
    db_result_release(&r);
    return ledger_query_int(db, "INSERT INTO {w}chunks (run_id, unit_id, gen, rows_json, lines, hash, keys, keys_seal, seal,"
                     " transaction_id) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, {xid}) RETURNING id", row, 9, chunk_id, err) == 1 ? 0 : -1;
}

int ledger_add_before(struct db *db, int64_t chunk, struct str table, struct str key, struct str old_json, struct err *err)
{
    struct db_value params[] = {db_int(chunk), db_text(table), db_bytes(key), db_text(old_json)};

    return ledger_query(db, "INSERT INTO {w}before (chunk_id, table_name, row_key, old) VALUES ($1, $2, $3, $4)", params, 4, NULL, err);
}

static int keys_row(void *context, const struct db_value *values, size_t n, struct err *err)
{
    const struct ledger_keys *out = context;
    struct unit unit = {0};
    int64_t seal;
    int ret = unit_unpack(&unit, values[0].text, err);

    (void)n;
    unit.part = !str_is(values[1].text, "0");
    if (!str_parse_int64(values[2].text, &unit.id) || !str_parse_int64(values[3].text, &unit.load))
        ret = err_set(err, ERR_RUN, W0604, "the ledger's list of units is damaged");
    if (ret == 0 && (!str_parse_int64(values[6].text, &seal) || seal != seal_of(values[5].text)))
        ret = err_set(err, ERR_RUN, W0604, "the ledger's list of keys is damaged");
    if (ret == 0 && values[5].type != DB_NULL)
        ret = out->keys(out->context, &unit, values[4].text, values[5].text, err);
    unit_release(&unit);
    return ret;
}

static int stream_keys(struct db *db, const char *where, const struct db_value *params, size_t n,
                       const struct ledger_keys *out, struct err *err)
{
    struct buf text = BUF_INIT, sql = BUF_INIT;
    int ret;

    if (buf_printf(&text, "SELECT u.files, u.part, u.id, coalesce(u.load_id, 0), r.keys, c.keys, c.keys_seal FROM {w}units u"
                   " JOIN {w}chunks c ON c.unit_id = u.id JOIN {w}runs r ON r.id = u.run_id WHERE %s ORDER BY u.id", where) < 0 ||
        ledger_sql(db, buf_text(&text), &sql) < 0)
        ret = err_oom(err);
    else
        ret = db_stream(db, buf_text(&sql), params, n, keys_row, (void *)(uintptr_t)out, err);
    buf_release(&text);
    buf_release(&sql);
    return ret;
}

static int compare_ids(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return x < y ? -1 : x > y;
}

/* The units that loaded these files last; of a file that was loaded in parts, all of them. */
int ledger_old_keys(struct db *db, int64_t job, const struct unit *unit, const struct ledger_keys *out, struct err *err)
{
    int64_t *ids = calloc(unit->n_files + 1, sizeof *ids);
    size_t n = 0;
    int ret = ids ? 0 : err_oom(err);

    for (size_t i = 0; i < unit->n_files && ret == 0; i++) {
        int got = ledger_unit_of_file(db, job, unit->files[i].root, unit->files[i].path, &ids[n], err);

        n += got == 1;
        ret = got < 0 ? -1 : 0;
    }
    if (n)
        qsort(ids, n, sizeof *ids, compare_ids);
    for (size_t i = 0; i < n && ret == 0; i++) {
        struct db_value params[] = {db_int(ids[i]), db_int(job)};

        if (i == 0 || ids[i] != ids[i - 1])
            ret = stream_keys(db, "(u.id = $1 OR u.load_id = $1) AND u.job_id = $2", params, 2, out, err);
    }
    free(ids);
    return ret;
}

int ledger_all_keys(struct db *db, int64_t job, const struct ledger_keys *out, struct err *err)
{
    return stream_keys(db, "u.job_id = $1", (struct db_value[]){db_int(job)}, 1, out, err);
}
