/* Statements of the ledger, see run/ledger.h; the tables are in ledger_tables.c. */
#include "run/ledger.h"

#include <inttypes.h>
#include <stdio.h>

/* The words are replaced, the statement sent. */
static int query(struct db *db, const char *text, const struct db_value *params, size_t n, struct db_result *ret,
                 struct err *err)
{
    struct buf sql = BUF_INIT;
    int result;

    if (ledger_sql(db, text, &sql) < 0) {
        buf_release(&sql);
        return err_oom(err);
    }
    result = db_query(db, buf_text(&sql), params, n, ret, err);
    buf_release(&sql);
    return result;
}

/* A statement that answers with one integer: 1, 0 without a row, -1. */
static int query_int(struct db *db, const char *text, const struct db_value *params, size_t n, int64_t *ret,
                     struct err *err)
{
    struct db_result r = {0};
    int got = query(db, text, params, n, &r, err);

    if (got == 0 && r.n_rows) {
        *ret = db_cell_int(&r, 0, 0);
        got = 1;
    }
    db_result_release(&r);
    return got;
}

int ledger_job(struct db *db, struct str mapping, struct str source, int64_t *ret, struct err *err)
{
    struct db_value params[] = {db_text(mapping), db_text(source)};
    int got = query(db, "INSERT INTO {w}jobs (mapping, source) VALUES ($1, $2) ON CONFLICT DO NOTHING", params, 2, NULL, err);

    if (got < 0)
        return -1;
    got = query_int(db, "SELECT id FROM {w}jobs WHERE mapping = $1 AND source = $2", params, 2, ret, err);
    return got == 1 ? 0 : got < 0 ? -1 : err_set(err, ERR_RUN, W0604, "the ledger lost its job");
}

int ledger_lock_job(struct db *db, int64_t job, struct err *err)
{
    int64_t id;

    return query_int(db, "SELECT id FROM {w}jobs WHERE id = $1{lock}", (struct db_value[]){db_int(job)}, 1, &id, err) < 0 ? -1 : 0;
}

int ledger_last_run(struct db *db, int64_t job, struct ledger_run *ret, struct err *err)
{
    struct db_result r = {0};
    int got = query(db, "SELECT id, digest, state FROM {w}runs WHERE job_id = $1 AND state <> 'abandoned' ORDER BY id DESC LIMIT 1",
                    (struct db_value[]){db_int(job)}, 1, &r, err);

    if (got == 0 && r.n_rows) {
        *ret = (struct ledger_run){.id = db_cell_int(&r, 0, 0), .job = job};
        snprintf(ret->digest, sizeof ret->digest, "%.*s", STR_ARG(db_cell(&r, 0, 1)));
        snprintf(ret->state, sizeof ret->state, "%.*s", STR_ARG(db_cell(&r, 0, 2)));
        got = 1;
    }
    db_result_release(&r);
    return got;
}

int ledger_start_run(struct db *db, int64_t job, struct str digest, struct str parameters, struct str identity,
                     int64_t *ret, struct err *err)
{
    struct db_value params[] = {db_int(job), db_text(digest), db_text(parameters), db_text(identity),
                                db_text(str_of(WINDROW_VERSION))};
    int got = query_int(db, "INSERT INTO {w}runs (job_id, digest, parameters, target, windrow, state)"
                        " VALUES ($1, $2, $3, $4, $5, 'planning') RETURNING id", params, 5, ret, err);

    return got == 1 ? 0 : -1;
}

int ledger_run_state(struct db *db, int64_t run, const char *state, struct err *err)
{
    struct db_value params[] = {db_text(str_of(state)), db_int(run)};

    return query(db, "UPDATE {w}runs SET state = $1 WHERE id = $2", params, 2, NULL, err);
}

int ledger_end_run(struct db *db, int64_t run, const char *state, struct str summary_json, struct err *err)
{
    struct db_value params[] = {db_text(str_of(state)), db_text(summary_json), db_int(run)};

    return query(db, "UPDATE {w}runs SET state = $1, summary = $2, ended_at = {now} WHERE id = $3", params, 3, NULL, err);
}

int ledger_list_runs(struct db *db, int64_t run, struct db_result *ret, struct err *err)
{
    struct db_value params[] = {db_int(run)};

    return query(db, "SELECT r.id, j.mapping, j.source, r.state, r.started_at, r.ended_at,"
                 " (SELECT count(*) FROM {w}units u WHERE u.run_id = r.id),"
                 " (SELECT count(*) FROM {w}units u WHERE u.run_id = r.id AND u.state = 1),"
                 " (SELECT coalesce(sum(u.bytes), 0) FROM {w}units u WHERE u.run_id = r.id),"
                 " (SELECT coalesce(sum(u.bytes), 0) FROM {w}units u WHERE u.run_id = r.id AND u.state = 1),"
                 " (SELECT coalesce(sum(c.lines), 0) FROM {w}chunks c WHERE c.run_id = r.id),"
                 " (SELECT count(*) FROM {w}rejects x WHERE x.run_id = r.id AND x.state = 'open'),"
                 " (SELECT max(c.committed_at) FROM {w}chunks c WHERE c.run_id = r.id)"
                 " FROM {w}runs r JOIN {w}jobs j ON j.id = r.job_id WHERE CAST($1 AS bigint) = 0 OR r.id = CAST($1 AS bigint) ORDER BY r.id DESC", params, 1, ret, err);
}

int ledger_add_unit(struct db *db, int64_t job, int64_t run, const struct unit *unit, struct err *err)
{
    struct buf files = BUF_INIT;
    int ret;

    if (unit_pack(unit, &files) < 0) {
        buf_release(&files);
        return err_oom(err);
    }
    ret = query(db, "INSERT INTO {w}units (job_id, run_id, reconcile, part, from_byte, to_byte, previous, n_files, bytes, files)"
                " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
                (struct db_value[]){db_int(job), db_int(run), db_int(unit->reconcile), db_int(unit->part),
                                    db_int((int64_t)unit->from), db_int((int64_t)unit->to), db_int(unit->previous),
                                    db_int((int64_t)unit->n_files), db_int((int64_t)unit->bytes), db_bytes(buf_str(&files))},
                10, NULL, err);
    buf_release(&files);
    return ret;
}

int ledger_drop_open(struct db *db, int64_t job, int64_t *held, struct err *err)
{
    struct db_value params[] = {db_int(job)};

    if (query(db, "DELETE FROM {w}units WHERE id IN (SELECT id FROM {w}units WHERE job_id = $1 AND state = 0{skip})",
              params, 1, NULL, err) < 0)
        return -1;
    return ledger_open_units(db, job, held, err);
}

int ledger_open_units(struct db *db, int64_t job, int64_t *ret, struct err *err)
{
    return query_int(db, "SELECT count(*) FROM {w}units WHERE job_id = $1 AND state = 0", (struct db_value[]){db_int(job)}, 1,
                     ret, err) == 1 ? 0 : -1;
}

static int unit_of_row(const struct db_result *r, struct unit *ret, struct err *err)
{
    unit_clear(ret);
    if (unit_unpack(ret, db_cell(r, 0, 7), err) < 0)
        return -1;
    ret->id = db_cell_int(r, 0, 0);
    ret->gen = db_cell_int(r, 0, 1);
    ret->reconcile = db_cell_int(r, 0, 2) != 0;
    ret->part = db_cell_int(r, 0, 3) != 0;
    ret->from = (uint64_t)db_cell_int(r, 0, 4);
    ret->to = (uint64_t)db_cell_int(r, 0, 5);
    ret->previous = db_cell_int(r, 0, 6);
    ret->bytes = (uint64_t)db_cell_int(r, 0, 8);
    return 0;
}

int ledger_claim(struct db *db, int64_t job, int64_t after, struct unit *ret, struct err *err)
{
    struct db_result r = {0};
    int64_t left = 0;
    int got = query(db, "SELECT id, gen, reconcile, part, from_byte, to_byte, previous, files, bytes FROM {w}units"
                    " WHERE job_id = $1 AND state = 0 AND id > $2 ORDER BY id LIMIT 1{skip}",
                    (struct db_value[]){db_int(job), db_int(after)}, 2, &r, err);

    if (got == 0 && r.n_rows)
        got = unit_of_row(&r, ret, err) < 0 ? -1 : 1;
    db_result_release(&r);
    if (got != 0)
        return got;
    if (ledger_open_units(db, job, &left, err) < 0)
        return -1;
    return left ? 2 : 0;
}

int ledger_unit_done(struct db *db, int64_t unit, int64_t gen, bool *done, struct err *err)
{
    int64_t now = 0;
    int got = query_int(db, "SELECT gen FROM {w}units WHERE id = $1{lock}", (struct db_value[]){db_int(unit)}, 1, &now, err);

    if (got < 0)
        return -1;
    if (got == 0 || (now != gen && now != gen + 1))
        return err_set(err, ERR_RUN, W0603, "another windrow has taken over this work");
    *done = now == gen + 1;
    return 0;
}

int ledger_commit_chunk(struct db *db, int64_t job, const struct ledger_chunk *chunk, int64_t *chunk_id, struct err *err)
{
    struct db_result r = {0};
    struct db_value swap[] = {db_int(chunk->unit->id), db_int(chunk->unit->gen)};
    struct db_value row[] = {db_int(chunk->run), db_int(chunk->unit->id), db_int(chunk->unit->gen + 1),
                             db_text(chunk->rows_json), db_int((int64_t)chunk->lines),
                             chunk->hash ? db_bytes(str_make((const char *)chunk->hash, 16)) : db_null(),
                             chunk->keys.len ? db_bytes(chunk->keys) : db_null()};

    (void)job;
    if (query(db, "UPDATE {w}units SET gen = gen + 1, state = 1 WHERE id = $1 AND gen = $2 AND state = 0", swap, 2, &r, err) < 0) {
        db_result_release(&r);
        return -1;
    }
    if (r.affected != 1) {
        db_result_release(&r);
        return err_set(err, ERR_RUN, W0603, "another windrow has taken over this work");
    }
    db_result_release(&r);
    return query_int(db, "INSERT INTO {w}chunks (run_id, unit_id, gen, rows_json, lines, hash, keys, transaction_id)"
                     " VALUES ($1, $2, $3, $4, $5, $6, $7, {xid}) RETURNING id", row, 7, chunk_id, err) == 1 ? 0 : -1;
}

#define PUT_FILES \
    "INSERT INTO {w}files (job_id, root, path, size, mtime_ns, unit_id, run_id) "
#define PUT_FILES_AGAIN \
    " ON CONFLICT (job_id, root, path) DO UPDATE SET size = excluded.size, mtime_ns = excluded.mtime_ns," \
    " unit_id = excluded.unit_id, run_id = excluded.run_id"

static int put_file(struct db *db, int64_t job, const struct ledger_chunk *chunk, const struct entry *file, struct err *err)
{
    struct db_value params[] = {db_int(job), db_int(file->root), db_bytes(file->path), db_int((int64_t)file->size),
                                db_int(file->mtime_ns), db_int(chunk->unit->id), db_int(chunk->run)};

    return query(db, PUT_FILES "VALUES ($1, $2, $3, $4, $5, $6, $7)" PUT_FILES_AGAIN, params, 7, NULL, err);
}

static int add_path(struct buf *out, struct str path)
{
    static const char digits[] = "0123456789abcdef";

    if (buf_add_text(out, "\"\\\\x") < 0 || buf_reserve(out, 2 * path.len + 2) < 0)
        return -1;
    for (size_t i = 0; i < path.len; i++) {
        out->at[out->len++] = digits[(unsigned char)path.at[i] >> 4];
        out->at[out->len++] = digits[(unsigned char)path.at[i] & 15];
    }
    return buf_add_char(out, '"');
}

/* One statement for all files of a unit: PostgreSQL takes the columns as arrays. */
static int put_arrays(struct db *db, int64_t job, const struct ledger_chunk *chunk, struct buf columns[4], struct err *err)
{
    const struct unit *u = chunk->unit;
    bool good = true;

    for (size_t c = 0; c < 4; c++)
        good = good && buf_add_char(&columns[c], '{') == 0;
    for (size_t i = 0; i < u->n_files && good; i++) {
        const char *comma = i ? "," : "";

        good = buf_printf(&columns[0], "%s%u", comma, u->files[i].root) == 0 && buf_add_text(&columns[1], comma) == 0 &&
               add_path(&columns[1], u->files[i].path) == 0 &&
               buf_printf(&columns[2], "%s%" PRIu64, comma, u->files[i].size) == 0 &&
               buf_printf(&columns[3], "%s%" PRId64, comma, u->files[i].mtime_ns) == 0;
    }
    for (size_t c = 0; c < 4; c++)
        good = good && buf_add_char(&columns[c], '}') == 0;
    if (!good)
        return err_oom(err);
    return query(db, PUT_FILES "SELECT $1, r, p, s, m, $2, $3 FROM unnest($4::integer[], $5::bytea[], $6::bigint[], $7::bigint[])"
                 " AS f (r, p, s, m)" PUT_FILES_AGAIN,
                 (struct db_value[]){db_int(job), db_int(u->id), db_int(chunk->run), db_text(buf_str(&columns[0])),
                                     db_text(buf_str(&columns[1])), db_text(buf_str(&columns[2])), db_text(buf_str(&columns[3]))},
                 7, NULL, err);
}

int ledger_put_files(struct db *db, int64_t job, const struct ledger_chunk *chunk, struct err *err)
{
    struct buf columns[4] = {BUF_INIT, BUF_INIT, BUF_INIT, BUF_INIT};
    int ret = 0;

    if (db_engine(db) == DB_POSTGRESQL) {
        ret = put_arrays(db, job, chunk, columns, err);
        for (size_t c = 0; c < 4; c++)
            buf_release(&columns[c]);
        return ret;
    }
    for (size_t i = 0; i < chunk->unit->n_files && ret == 0; i++)
        ret = put_file(db, job, chunk, &chunk->unit->files[i], err);
    return ret;
}

static struct db_value text_or_null(struct str s)
{
    return s.len ? db_text(s) : db_null();
}

int ledger_add_reject(struct db *db, int64_t run, int64_t chunk, const struct ledger_reject *r, struct err *err)
{
    struct db_value params[] = {
        db_int(run), db_int(chunk), db_int(r->root), db_bytes(r->path), r->line ? db_int((int64_t)r->line) : db_null(),
        r->column ? db_int((int64_t)r->column) : db_null(), r->has_byte ? db_int((int64_t)r->byte) : db_null(),
        text_or_null(r->pointer), text_or_null(r->table), db_text(r->code), text_or_null(r->sqlstate), db_text(r->message),
        r->map_line ? db_int(r->map_line) : db_null(), r->record.at ? db_bytes(r->record) : db_null(), text_or_null(r->rule),
        db_int((int64_t)r->record_line), db_int((int64_t)r->record_byte), db_int((int64_t)r->record_index),
        r->row.at ? db_text(r->row) : db_null()};

    return query(db, "INSERT INTO {w}rejects (run_id, chunk_id, root, path, line, col, byte, pointer, table_name, code, sqlstate,"
                 " message, map_line, record, rule, record_line, record_byte, record_index, row_path)"
                 " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)",
                 params, 19, NULL, err);
}

int ledger_add_before(struct db *db, int64_t chunk, struct str table, struct str key, struct str old_json, struct err *err)
{
    struct db_value params[] = {db_int(chunk), db_text(table), db_bytes(key), db_text(old_json)};

    return query(db, "INSERT INTO {w}before (chunk_id, table_name, row_key, old) VALUES ($1, $2, $3, $4)", params, 4, NULL, err);
}

struct old_keys {
    int (*keys)(void *context, const struct unit *old_unit, struct str packed, struct err *err);
    void *context;
};

static int old_keys_row(void *context, const struct db_value *values, size_t n, struct err *err)
{
    struct old_keys *o = context;
    struct unit old = {0};
    int ret;

    (void)n;
    if (unit_unpack(&old, values[0].text, err) < 0) {
        unit_release(&old);
        return -1;
    }
    ret = values[1].type == DB_NULL ? 0 : o->keys(o->context, &old, values[1].text, err);
    unit_release(&old);
    return ret;
}

/* The unit that loaded these files before; of a file that was loaded in parts, all parts of that run. */
int ledger_old_keys(struct db *db, int64_t job, const struct unit *unit,
                    int (*keys)(void *context, const struct unit *old_unit, struct str packed, struct err *err),
                    void *context, struct err *err)
{
    struct old_keys o = {keys, context};
    struct db_value params[] = {db_int(unit->previous), db_int(job)};
    struct buf sql = BUF_INIT;
    int ret;

    if (ledger_sql(db, "SELECT u.files, c.keys FROM {w}units u JOIN {w}chunks c ON c.unit_id = u.id"
                   " JOIN {w}units p ON p.id = $1 AND (u.id = p.id OR (p.part = 1 AND u.part = 1 AND u.files = p.files))"
                   " WHERE u.job_id = $2 ORDER BY u.id", &sql) < 0) {
        buf_release(&sql);
        return err_oom(err);
    }
    ret = db_stream(db, buf_text(&sql), params, 2, old_keys_row, &o, err);
    buf_release(&sql);
    return ret;
}

int ledger_files_next(struct ledger_files *files, struct survey_known *ret, struct err *err)
{
    if (files->ended)
        return 0;
    if (files->at == files->page.n_rows) {
        struct db_value params[] = {db_int(files->job), db_int(files->started ? (int64_t)files->last_root : -1),
                                    db_bytes(files->started ? buf_str(&files->last) : str_make("", 0))};

        db_result_release(&files->page);
        if (query(files->db, "SELECT root, path, size, mtime_ns, unit_id FROM {w}files WHERE job_id = $1 AND (root, path) > ($2, $3)"
                  " ORDER BY root, path LIMIT 5000", params, 3, &files->page, err) < 0)
            return -1;
        files->at = 0;
        files->started = true;
        if (files->page.n_rows == 0) {
            files->ended = true;
            return 0;
        }
        files->last_root = (uint32_t)db_cell_int(&files->page, files->page.n_rows - 1, 0);
        buf_clear(&files->last);
        if (buf_add_str(&files->last, db_cell(&files->page, files->page.n_rows - 1, 1)) < 0)
            return err_oom(err);
    }
    *ret = (struct survey_known){.root = (uint32_t)db_cell_int(&files->page, files->at, 0),
                               .path = db_cell(&files->page, files->at, 1),
                               .size = (uint64_t)db_cell_int(&files->page, files->at, 2),
                               .mtime_ns = db_cell_int(&files->page, files->at, 3),
                               .unit = db_cell_int(&files->page, files->at, 4)};
    files->at++;
    return 1;
}

void ledger_files_release(struct ledger_files *files)
{
    db_result_release(&files->page);
    buf_release(&files->last);
}
