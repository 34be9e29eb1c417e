/* Statements of the ledger, see run/ledger.h; the tables are in ledger_tables.c. */
#include "run/ledger.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { REJECT_BYTES = 4 << 20 };    /* of one statement */

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

int ledger_find_job(struct db *db, struct str mapping, struct str source, int64_t *ret, struct err *err)
{
    struct db_value params[] = {db_text(mapping), db_text(source)};

    return query_int(db, "SELECT id FROM {w}jobs WHERE mapping = $1 AND source = $2", params, 2, ret, err);
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

int ledger_start_run(struct db *db, int64_t job, struct str digest, struct str parameters, struct str keys,
                     struct str identity, int64_t *ret, struct err *err)
{
    struct db_value params[] = {db_int(job), db_text(digest), db_text(parameters), db_text(identity),
                                db_text(str_of(WINDROW_VERSION)), db_text(keys)};
    int got = query_int(db, "INSERT INTO {w}runs (job_id, digest, parameters, target, windrow, keys, state)"
                        " VALUES ($1, $2, $3, $4, $5, $6, 'planning') RETURNING id", params, 6, ret, err);

    return got == 1 ? 0 : -1;
}

int ledger_count_rejects(struct db *db, int64_t run, int64_t *ret, struct err *err)
{
    return query_int(db, "SELECT count(*) FROM {w}rejects WHERE run_id = $1 AND state = 'open'",
                     (struct db_value[]){db_int(run)}, 1, ret, err) == 1 ? 0 : -1;
}

int ledger_run_mapping(struct db *db, int64_t run, struct str path, struct err *err)
{
    return query(db, "UPDATE {w}runs SET mapping_path = $1 WHERE id = $2", (struct db_value[]){db_text(path), db_int(run)}, 2, NULL,
                 err);
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

/* The parts of a file point to the first of them, which points to itself. */
int ledger_add_unit(struct db *db, int64_t job, int64_t run, struct unit *unit, struct err *err)
{
    struct buf files = BUF_INIT;
    int got;

    if (unit_pack(unit, &files) < 0) {
        buf_release(&files);
        return err_oom(err);
    }
    got = query_int(db, "INSERT INTO {w}units (job_id, run_id, mode, part, from_byte, to_byte, load_id, n_files, bytes, files)"
                    " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) RETURNING id",
                    (struct db_value[]){db_int(job), db_int(run), db_int(unit->mode), db_int(unit->part),
                                        db_int((int64_t)unit->from), db_int((int64_t)unit->to),
                                        unit->load ? db_int(unit->load) : db_null(), db_int((int64_t)unit->n_files),
                                        db_int((int64_t)unit->bytes), db_bytes(buf_str(&files))},
                    10, &unit->id, err);
    buf_release(&files);
    if (got != 1)
        return -1;
    if (!unit->part || unit->load)
        return 0;
    unit->load = unit->id;
    return query(db, "UPDATE {w}units SET load_id = id WHERE id = $1", (struct db_value[]){db_int(unit->id)}, 1, NULL, err);
}

/* Who holds a unit has locked its row. Dropping what is left while somebody is at work would take it from them: they
 * join instead. */
int ledger_drop_open(struct db *db, int64_t job, int64_t *held, struct err *err)
{
    struct db_value params[] = {db_int(job)};
    int64_t open = 0, freed = 0;

    if (ledger_open_units(db, job, &open, err) < 0)
        return -1;
    *held = 0;
    if (open == 0)
        return 0;
    if (query_int(db, "SELECT count(*) FROM (SELECT id FROM {w}units WHERE job_id = $1 AND state = 0{skip}) AS f", params, 1,
                  &freed, err) != 1)
        return -1;
    *held = open - freed;
    return *held ? 0 : query(db, "DELETE FROM {w}units WHERE job_id = $1 AND state = 0", params, 1, NULL, err);
}

int ledger_forget_states(struct db *db, int64_t job, bool afresh, struct err *err)
{
    return query(db, "UPDATE {w}files SET size = $1 WHERE job_id = $2",
                 (struct db_value[]){db_int(afresh ? -2 : -1), db_int(job)}, 2, NULL, err);
}

int ledger_complete_files(struct db *db, int64_t job, struct err *err)
{
    return query(db, "UPDATE {w}files SET unit_id = -unit_id WHERE job_id = $1 AND unit_id < 0",
                 (struct db_value[]){db_int(job)}, 1, NULL, err);
}

int ledger_touch_file(struct db *db, int64_t job, const struct entry *file, struct err *err)
{
    return query(db, "UPDATE {w}files SET mtime_ns = $1 WHERE job_id = $2 AND root = $3 AND path = $4",
                 (struct db_value[]){db_int(file->mtime_ns), db_int(job), db_int(file->root), db_bytes(file->path)}, 4, NULL, err);
}

struct parts {
    const struct entry *file;
    int (*part)(void *context, uint64_t from, uint64_t to, struct str hash, struct err *err);
    void *context;
};

static int parts_row(void *context, const struct db_value *values, size_t n, struct err *err)
{
    struct parts *p = context;
    struct unit unit = {0};
    int64_t from = 0, to = 0;
    int ret = unit_unpack(&unit, values[2].text, err);

    (void)n;
    if (ret == 0 && unit.n_files == 1 && unit.files[0].root == p->file->root && str_eq(unit.files[0].path, p->file->path) &&
        str_parse_int64(values[0].text, &from) && str_parse_int64(values[1].text, &to))
        ret = p->part(p->context, (uint64_t)from, (uint64_t)to, values[3].text, err);
    unit_release(&unit);
    return ret;
}

int ledger_parts(struct db *db, int64_t job, int64_t load, const struct entry *file,
                 int (*part)(void *context, uint64_t from, uint64_t to, struct str hash, struct err *err), void *context,
                 struct err *err)
{
    struct parts p = {file, part, context};
    struct db_value params[] = {db_int(job), db_int(load)};
    struct buf sql = BUF_INIT;
    int ret;

    if (ledger_sql(db, "SELECT u.from_byte, u.to_byte, u.files, c.hash FROM {w}units u JOIN {w}chunks c ON c.unit_id = u.id"
                   " WHERE u.job_id = $1 AND u.load_id = $2 AND u.state = 1 ORDER BY u.from_byte", &sql) < 0)
        ret = err_oom(err);
    else
        ret = db_stream(db, buf_text(&sql), params, 2, parts_row, &p, err);
    buf_release(&sql);
    return ret;
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
    ret->mode = (enum unit_mode)db_cell_int(r, 0, 2);
    ret->part = db_cell_int(r, 0, 3) != 0;
    ret->from = (uint64_t)db_cell_int(r, 0, 4);
    ret->to = (uint64_t)db_cell_int(r, 0, 5);
    ret->load = db_cell_int(r, 0, 6);
    ret->bytes = (uint64_t)db_cell_int(r, 0, 8);
    return 0;
}

int ledger_unit(struct db *db, int64_t id, struct unit *ret, struct err *err)
{
    struct db_result r = {0};
    int got = query(db, "SELECT id, gen, mode, part, from_byte, to_byte, load_id, files, bytes FROM {w}units WHERE id = $1",
                    (struct db_value[]){db_int(id)}, 1, &r, err);

    if (got == 0)
        got = r.n_rows ? unit_of_row(&r, ret, err) : err_set(err, ERR_RUN, W0604, "the ledger lost a unit of work");
    db_result_release(&r);
    return got;
}

int ledger_claim(struct db *db, int64_t job, int64_t after, struct unit *ret, struct err *err)
{
    struct db_result r = {0};
    int64_t left = 0;
    int got = query(db, "SELECT id, gen, mode, part, from_byte, to_byte, load_id, files, bytes FROM {w}units"
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
    struct db_value swap[] = {db_int(chunk->unit->id), db_int(chunk->unit->gen), db_int(chunk->again)};
    struct db_value row[] = {db_int(chunk->run), db_int(chunk->unit->id), db_int(chunk->unit->gen + 1),
                             db_text(chunk->rows_json), db_int((int64_t)chunk->lines),
                             chunk->hash && chunk->unit->part ? db_bytes(str_make((const char *)chunk->hash, 16)) : db_null(),
                             chunk->keys.len ? db_bytes(chunk->keys) : db_null()};

    (void)job;
    if (query(db, "UPDATE {w}units SET gen = gen + 1, state = 1 WHERE id = $1 AND gen = $2 AND state = $3", swap, 3, &r, err) < 0) {
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
    return query_int(db, "INSERT INTO {w}chunks (run_id, unit_id, gen, rows_json, lines, hash, keys, transaction_id)"
                     " VALUES ($1, $2, $3, $4, $5, $6, $7, {xid}) RETURNING id", row, 7, chunk_id, err) == 1 ? 0 : -1;
}

#define PUT_FILES \
    "INSERT INTO {w}files AS f (job_id, root, path, size, mtime_ns, hash, unit_id, run_id) "
#define PUT_FILES_AGAIN \
    " ON CONFLICT (job_id, root, path) DO UPDATE SET mtime_ns = excluded.mtime_ns, hash = excluded.hash," \
    " size = CASE excluded.size WHEN -3 THEN CASE f.size WHEN -3 THEN -3 ELSE -1 END ELSE excluded.size END," \
    " run_id = excluded.run_id, unit_id = CASE excluded.size WHEN -3 THEN f.unit_id ELSE excluded.unit_id END"

/* A file in parts is not known as loaded before the last of them is. */
static int64_t loaded_by(const struct unit *u)
{
    return u->part ? -u->load : u->id;
}

static bool failed(const struct ledger_chunk *chunk, size_t file)
{
    return chunk->marks && (chunk->marks[file] & 2);
}

/* What could not be read is not known as loaded: the next run tries again. */
static int64_t size_of(const struct ledger_chunk *chunk, size_t file)
{
    if (!failed(chunk, file))
        return (int64_t)chunk->unit->files[file].size;
    return chunk->marks[file] & 1 ? -1 : -3;
}

static struct str hash_of(const struct ledger_chunk *chunk, size_t file)
{
    if (failed(chunk, file))
        return (struct str){0};

    return chunk->hash && !chunk->unit->part ? str_make((const char *)chunk->hash + 16 * file, 16) : (struct str){0};
}

static int put_file(struct db *db, int64_t job, const struct ledger_chunk *chunk, size_t i, struct err *err)
{
    const struct entry *file = &chunk->unit->files[i];
    struct str hash = hash_of(chunk, i);
    struct db_value params[] = {db_int(job), db_int(file->root), db_bytes(file->path), db_int(size_of(chunk, i)),
                                db_int(file->mtime_ns), hash.at ? db_bytes(hash) : db_null(), db_int(loaded_by(chunk->unit)),
                                db_int(chunk->run)};

    if (chunk->unit->mode == UNIT_GONE)
        return query(db, "DELETE FROM {w}files WHERE job_id = $1 AND root = $2 AND path = $3", params, 3, NULL, err);
    return query(db, PUT_FILES "VALUES ($1, $2, $3, $4, $5, $6, $7, $8)" PUT_FILES_AGAIN, params, 8, NULL, err);
}

/* An element of a bytea array. */
static int add_bytes(struct buf *out, struct str bytes)
{
    static const char digits[] = "0123456789abcdef";

    if (!bytes.at)
        return buf_add_text(out, "NULL");
    if (buf_add_text(out, "\"\\\\x") < 0 || buf_reserve(out, 2 * bytes.len + 2) < 0)
        return -1;
    for (size_t i = 0; i < bytes.len; i++) {
        out->at[out->len++] = digits[(unsigned char)bytes.at[i] >> 4];
        out->at[out->len++] = digits[(unsigned char)bytes.at[i] & 15];
    }
    return buf_add_char(out, '"');
}

/* An element of a text array. */
static int add_text(struct buf *out, struct str text)
{
    if (!text.at)
        return buf_add_text(out, "NULL");
    if (buf_add_char(out, '"') < 0)
        return -1;
    for (size_t i = 0; i < text.len; i++) {
        if (((text.at[i] == '"' || text.at[i] == '\\') && buf_add_char(out, '\\') < 0) || buf_add_char(out, text.at[i]) < 0)
            return -1;
    }
    return buf_add_char(out, '"');
}

static int add_number(struct buf *out, bool there, int64_t n)
{
    return there ? buf_printf(out, "%" PRId64, n) : buf_add_text(out, "NULL");
}

/* Columns of many rows as PostgreSQL's arrays. */
enum { COLUMNS_MAX = 17 };

struct columns {
    struct buf at[COLUMNS_MAX];
    size_t n;
};

static int columns_begin(struct columns *c)
{
    for (size_t i = 0; i < c->n; i++) {
        buf_clear(&c->at[i]);
        if (buf_add_char(&c->at[i], '{') < 0)
            return -1;
    }
    return 0;
}

static int columns_comma(struct columns *c, bool first)
{
    for (size_t i = 0; i < c->n && !first; i++) {
        if (buf_add_char(&c->at[i], ',') < 0)
            return -1;
    }
    return 0;
}

static int columns_end(struct columns *c, struct db_value *params)
{
    for (size_t i = 0; i < c->n; i++) {
        if (buf_add_char(&c->at[i], '}') < 0)
            return -1;
        params[i] = db_text(buf_str(&c->at[i]));
    }
    return 0;
}

static void columns_release(struct columns *c)
{
    for (size_t i = 0; i < c->n; i++)
        buf_release(&c->at[i]);
}

/* One statement for all files of a unit. */
static int put_arrays(struct db *db, int64_t job, const struct ledger_chunk *chunk, struct err *err)
{
    const struct unit *u = chunk->unit;
    struct columns c = {.n = 5};
    struct db_value params[8] = {db_int(job), db_int(loaded_by(u)), db_int(chunk->run)};
    bool good = columns_begin(&c) == 0;
    int ret;

    for (size_t i = 0; i < u->n_files && good; i++) {
        good = columns_comma(&c, i == 0) == 0 && add_number(&c.at[0], true, u->files[i].root) == 0 &&
               add_bytes(&c.at[1], u->files[i].path) == 0 && add_number(&c.at[2], true, size_of(chunk, i)) == 0 &&
               add_number(&c.at[3], true, u->files[i].mtime_ns) == 0 && add_bytes(&c.at[4], hash_of(chunk, i)) == 0;
    }
    if (!good || columns_end(&c, params + 3) < 0)
        ret = err_oom(err);
    else if (u->mode == UNIT_GONE)
        ret = query(db, "DELETE FROM {w}files WHERE job_id = $1 AND (root, path) IN"
                    " (SELECT r, p FROM unnest($2::integer[], $3::bytea[]) AS f (r, p))",
                    (struct db_value[]){params[0], params[3], params[4]}, 3, NULL, err);
    else
        ret = query(db, PUT_FILES "SELECT $1, r, p, s, m, h, $2, $3 FROM"
                    " unnest($4::integer[], $5::bytea[], $6::bigint[], $7::bigint[], $8::bytea[]) AS n (r, p, s, m, h)"
                    PUT_FILES_AGAIN, params, 8, NULL, err);
    columns_release(&c);
    return ret;
}

int ledger_put_files(struct db *db, int64_t job, const struct ledger_chunk *chunk, struct err *err)
{
    int ret = 0;

    if (db_engine(db) == DB_POSTGRESQL)
        return put_arrays(db, job, chunk, err);
    for (size_t i = 0; i < chunk->unit->n_files && ret == 0; i++)
        ret = put_file(db, job, chunk, i, err);
    return ret;
}

static struct db_value text_or_null(struct str s)
{
    return s.len ? db_text(s) : db_null();
}

#define PUT_REJECTS \
    "INSERT INTO {w}rejects (run_id, chunk_id, root, path, line, col, byte, pointer, table_name, code, sqlstate," \
    " message, map_line, record, rule, record_line, record_byte, record_index, row_path) "

static int add_reject(struct db *db, int64_t run, int64_t chunk, const struct ledger_reject *r, struct err *err)
{
    struct db_value params[] = {
        db_int(run), db_int(chunk), db_int(r->root), db_bytes(r->path), r->line ? db_int((int64_t)r->line) : db_null(),
        r->column ? db_int((int64_t)r->column) : db_null(), r->has_byte ? db_int((int64_t)r->byte) : db_null(),
        text_or_null(r->pointer), text_or_null(r->table), db_text(r->code), text_or_null(r->sqlstate), db_text(r->message),
        r->map_line ? db_int(r->map_line) : db_null(), r->record.at ? db_bytes(r->record) : db_null(), text_or_null(r->rule),
        db_int((int64_t)r->record_line), db_int((int64_t)r->record_byte), db_int((int64_t)r->record_index),
        r->row.at ? db_text(r->row) : db_null()};

    return query(db, PUT_REJECTS "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17,"
                 " $18, $19)", params, 19, NULL, err);
}

static struct str or_null(struct str s)
{
    return s.len ? s : (struct str){0};
}

static int reject_columns(struct columns *c, const struct ledger_reject *r)
{
    return add_number(&c->at[0], true, r->root) < 0 || add_bytes(&c->at[1], r->path) < 0 ||
           add_number(&c->at[2], r->line, (int64_t)r->line) < 0 || add_number(&c->at[3], r->column, (int64_t)r->column) < 0 ||
           add_number(&c->at[4], r->has_byte, (int64_t)r->byte) < 0 || add_text(&c->at[5], or_null(r->pointer)) < 0 ||
           add_text(&c->at[6], or_null(r->table)) < 0 || add_text(&c->at[7], r->code) < 0 ||
           add_text(&c->at[8], or_null(r->sqlstate)) < 0 || add_text(&c->at[9], r->message) < 0 ||
           add_number(&c->at[10], r->map_line, r->map_line) < 0 || add_bytes(&c->at[11], r->record) < 0 ||
           add_text(&c->at[12], or_null(r->rule)) < 0 || add_number(&c->at[13], true, (int64_t)r->record_line) < 0 ||
           add_number(&c->at[14], true, (int64_t)r->record_byte) < 0 ||
           add_number(&c->at[15], true, (int64_t)r->record_index) < 0 ||
           add_text(&c->at[16], r->row) < 0 ? -1 : 0;
}

/* As many as make a statement of moderate size; *from moves on. */
static int reject_arrays(struct db *db, int64_t run, int64_t chunk, const struct ledger_reject **from, struct columns *c,
                         struct err *err)
{
    struct db_value params[COLUMNS_MAX + 2] = {db_int(run), db_int(chunk)};
    size_t bytes = 0;
    bool good = columns_begin(c) == 0;

    for (bool first = true; *from && bytes < REJECT_BYTES && good; *from = (*from)->next, first = false) {
        good = columns_comma(c, first) == 0 && reject_columns(c, *from) == 0;
        bytes += 2 * (*from)->record.len + (*from)->message.len + 100;
    }
    if (!good || columns_end(c, params + 2) < 0)
        return err_oom(err);
    return query(db, PUT_REJECTS "SELECT $1, $2, f.* FROM unnest($3::integer[], $4::bytea[], $5::bigint[], $6::bigint[],"
                 " $7::bigint[], $8::text[], $9::text[], $10::text[], $11::text[], $12::text[], $13::integer[], $14::bytea[],"
                 " $15::text[], $16::bigint[], $17::bigint[], $18::bigint[], $19::text[]) AS f",
                 params, COLUMNS_MAX + 2, NULL, err);
}

int ledger_add_rejects(struct db *db, int64_t run, int64_t chunk, const struct ledger_reject *first, struct err *err)
{
    struct columns c = {.n = COLUMNS_MAX};
    int ret = 0;

    if (db_engine(db) == DB_POSTGRESQL) {
        while (first && ret == 0)
            ret = reject_arrays(db, run, chunk, &first, &c, err);
        columns_release(&c);
        return ret;
    }
    for (; first && ret == 0; first = first->next)
        ret = add_reject(db, run, chunk, first, err);
    return ret;
}

int ledger_add_before(struct db *db, int64_t chunk, struct str table, struct str key, struct str old_json, struct err *err)
{
    struct db_value params[] = {db_int(chunk), db_text(table), db_bytes(key), db_text(old_json)};

    return query(db, "INSERT INTO {w}before (chunk_id, table_name, row_key, old) VALUES ($1, $2, $3, $4)", params, 4, NULL, err);
}

static int keys_row(void *context, const struct db_value *values, size_t n, struct err *err)
{
    const struct ledger_keys *out = context;
    struct unit unit = {0};
    int ret = unit_unpack(&unit, values[0].text, err);

    (void)n;
    unit.part = !str_is(values[1].text, "0");
    if (!str_parse_int64(values[2].text, &unit.id) || !str_parse_int64(values[3].text, &unit.load))
        ret = err_set(err, ERR_RUN, W0604, "the ledger's list of units is damaged");
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

    if (buf_printf(&text, "SELECT u.files, u.part, u.id, coalesce(u.load_id, 0), r.keys, c.keys FROM {w}units u"
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

int ledger_unit_of_file(struct db *db, int64_t job, uint32_t root, struct str path, int64_t *ret, struct err *err)
{
    return query_int(db, "SELECT abs(unit_id) FROM {w}files WHERE job_id = $1 AND root = $2 AND path = $3",
                     (struct db_value[]){db_int(job), db_int(root), db_bytes(path)}, 3, ret, err);
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

int ledger_files_next(struct ledger_files *files, struct survey_known *ret, struct err *err)
{
    if (files->ended)
        return 0;
    if (files->at == files->page.n_rows) {
        struct db_value params[] = {db_int(files->job), db_int(files->started ? (int64_t)files->last_root : -1),
                                    db_bytes(files->started ? buf_str(&files->last) : str_make("", 0))};

        db_result_release(&files->page);
        if (query(files->db, "SELECT root, path, size, mtime_ns, unit_id, hash FROM {w}files WHERE job_id = $1 AND (root, path) > ($2, $3)"
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
                               .size = db_cell_int(&files->page, files->at, 2),
                               .mtime_ns = db_cell_int(&files->page, files->at, 3),
                               .unit = db_cell_int(&files->page, files->at, 4),
                               .hash = db_cell(&files->page, files->at, 5)};
    files->at++;
    return 1;
}

void ledger_files_release(struct ledger_files *files)
{
    db_result_release(&files->page);
    buf_release(&files->last);
}
