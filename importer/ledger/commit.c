/* What a transaction enters of its chunk: the step of its unit, counts, keys, images. */
#include "ledger/ledger_internal.h"

enum { STATEMENT_BYTES = 4 << 20 };

/* Who finds the unit at another generation has been overtaken, and writes nothing. */
static int swap(struct db *db, const struct ledger_chunk *chunk, struct err *err)
{
    static const char sql[] = "UPDATE {w}units SET gen = gen + 1, state = 1 WHERE id = $1 AND gen = $2 AND state = $3";
    struct db_value params[] = {db_int(chunk->unit->id), db_int(chunk->unit->gen), db_int(chunk->again)};

#ifdef WINDROW_CANARY_NO_CAS
    return ledger_post(db, sql, params, 3, err);
#else
    return ledger_post_one(db, sql, params, 3, W0603, "another windrow has taken over this work", err);
#endif
}

#define ENTER "INSERT INTO {w}chunks (run_id, unit_id, gen, rows_json, lines, hash, keys, keys_seal, seal, transaction_id)" \
              " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, {xid})"

int ledger_commit_chunk(struct db *db, int64_t job, const struct ledger_chunk *chunk, int64_t *chunk_id, struct err *err)
{
    struct db_value row[] = {db_int(chunk->run), db_int(chunk->unit->id), db_int(chunk->unit->gen + 1),
                             db_text(chunk->rows_json), db_int((int64_t)chunk->lines),
                             chunk->hash && chunk->unit->part ? db_bytes(str_make((const char *)chunk->hash, 16)) : db_null(),
                             chunk->keys.len ? db_bytes(chunk->keys) : db_null(), db_int(seal_of(chunk->keys)), db_int(0)};

    row[8] = db_int(ledger_seal_chunk(chunk->run, chunk->unit->id, chunk->unit->gen + 1, chunk->rows_json,
                                      (int64_t)chunk->lines, row[5].text, row[7].n, 0));

    (void)job;
    if (swap(db, chunk, err) < 0)
        return -1;
    if (!chunk_id)
        return ledger_post(db, ENTER, row, 9, err);
    return ledger_query_int(db, ENTER " RETURNING id", row, 9, chunk_id, err) == 1 ? 0 : -1;
}

int ledger_amend_chunk(struct db *db, int64_t chunk_id, const struct ledger_chunk *chunk, struct err *err)
{
    struct db_value hash = chunk->hash && chunk->unit->part ? db_bytes(str_make((const char *)chunk->hash, 16)) : db_null();
    int64_t seal = ledger_seal_chunk(chunk->run, chunk->unit->id, chunk->unit->gen + 1, chunk->rows_json, (int64_t)chunk->lines,
                                     hash.text, seal_of((struct str){0}), chunk->pieces);
    struct db_value params[] = {db_text(chunk->rows_json), db_int((int64_t)chunk->lines), hash, db_int(chunk->pieces), db_int(seal),
                                db_int(chunk_id)};

    return ledger_query(db, "UPDATE {w}chunks SET rows_json = $1, lines = $2, hash = $3, pieces = $4, seal = $5 WHERE id = $6", params,
                        6, NULL, err);
}

int ledger_add_keys(struct db *db, int64_t chunk, struct str keys, int64_t *pieces, struct err *err)
{
    int64_t seal = seal_of(keys);

    *pieces += seal & UINT32_MAX;
    return ledger_query(db, "INSERT INTO {w}keys (chunk_id, keys, seal) VALUES ($1, $2, $3)",
                        (struct db_value[]){db_int(chunk), db_bytes(keys), db_int(seal)}, 3, NULL, err);
}

#define PUT_BEFORE "INSERT INTO {w}before (chunk_id, table_name, row_key, deleted, old) "

static int add_before(struct db *db, int64_t chunk, const struct ledger_before *b, struct err *err)
{
    struct db_value params[] = {db_int(chunk), db_text(b->table), db_bytes(b->key), db_int(b->deleted), db_text(b->old)};

    return ledger_query(db, PUT_BEFORE "VALUES ($1, $2, $3, $4, $5)", params, 5, NULL, err);
}

static int before_columns(struct arrays *a, const struct ledger_before *b)
{
    return arrays_add_text(&a->at[0], b->table) < 0 || arrays_add_bytes(&a->at[1], b->key) < 0 ||
           arrays_add_number(&a->at[2], true, b->deleted) < 0 || arrays_add_text(&a->at[3], b->old) < 0 ? -1 : 0;
}

/* As many as make a statement of moderate size; *from moves on. */
static int before_arrays(struct db *db, int64_t chunk, const struct ledger_before **from, struct arrays *a, struct err *err)
{
    struct db_value params[5] = {db_int(chunk)};
    size_t bytes = 0;
    bool good = arrays_begin(a) == 0;

    for (bool first = true; *from && bytes < STATEMENT_BYTES && good; *from = (*from)->next, first = false) {
        good = arrays_comma(a, first) == 0 && before_columns(a, *from) == 0;
        bytes += (*from)->old.len + 2 * (*from)->key.len;
    }
    if (!good || arrays_end(a, params + 1) < 0)
        return err_oom(err);
    return ledger_query(db, PUT_BEFORE "SELECT $1, f.* FROM unnest($2::text[], $3::bytea[], $4::smallint[], $5::text[]) AS f",
                        params, 5, NULL, err);
}

int ledger_add_before(struct db *db, int64_t chunk, const struct ledger_before *first, struct err *err)
{
    struct arrays a = {.n = 4};
    int ret = 0;

    while (first && ret == 0 && db_engine(db) == DB_POSTGRESQL)
        ret = before_arrays(db, chunk, &first, &a, err);
    arrays_release(&a);
    for (; first && ret == 0; first = first->next)
        ret = add_before(db, chunk, first, err);
    return ret;
}
