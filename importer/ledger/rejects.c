/* Statements about rejects, see ledger/rejects.h. */
#include "ledger/rejects.h"

#include "base/cleanup.h"
#include "ledger/ledger_internal.h"

#include <stdio.h>

enum { REJECT_BYTES = 4 << 20 };    /* of one statement */

static int split_sources(struct rejects_run *r, struct str text, struct err *err)
{
    size_t n = 0;

    for (size_t i = 0; i < text.len; i++)
        n += text.at[i] == '\n';
    r->sources = arena_calloc(&r->arena, n + 1, sizeof *r->sources);
    while (r->sources && text.len) {
        const char *end = memchr(text.at, '\n', text.len);
        size_t len = end ? (size_t)(end - text.at) : text.len;

        if (!(r->sources[r->n_sources] = arena_dup(&r->arena, str_make(text.at, len))))
            return err_oom(err);
        r->n_sources++;
        text = str_make(text.at + len + (end != NULL), text.len - len - (end != NULL));
    }
    return r->sources ? 0 : err_oom(err);
}

int rejects_run(struct db *db, int64_t id, struct rejects_run *ret, struct err *err)
{
    CLEANUP(db_result_release) struct db_result row = {0};
    struct rejects_run r = {0};

    if (ledger_query(db, "SELECT r.id, r.job_id, j.mapping, r.digest, r.parameters, r.state, j.source, r.mapping_path FROM {w}runs r"
              " JOIN {w}jobs j ON j.id = r.job_id WHERE r.id = CASE WHEN CAST($1 AS bigint) <> 0 THEN CAST($1 AS bigint)"
              " ELSE (SELECT max(run_id) FROM {w}rejects) END",
              (struct db_value[]){db_int(id)}, 1, &row, err) < 0)
        return -1;
    if (row.n_rows == 0)
        return 0;
    r.id = db_cell_int(&row, 0, 0);
    r.job = db_cell_int(&row, 0, 1);
    r.mapping = arena_str(&r.arena, db_cell(&row, 0, 2));
    r.digest = arena_str(&r.arena, db_cell(&row, 0, 3));
    r.parameters = arena_str(&r.arena, db_cell(&row, 0, 4));
    r.state = arena_str(&r.arena, db_cell(&row, 0, 5));
    r.mapping_path = arena_str(&r.arena, db_cell(&row, 0, 7));
    if (!r.mapping.at || !r.digest.at || !r.parameters.at || !r.state.at || split_sources(&r, db_cell(&row, 0, 6), err) < 0) {
        rejects_run_release(&r);
        return err_oom(err);
    }
    *ret = r;
    return 1;
}

void rejects_run_release(struct rejects_run *r)
{
    arena_release(&r->arena);
    *r = (struct rejects_run){0};
}

/* The record of several refused rows is kept once, with the first of them. */
#define RECORD \
    "coalesce(x.record, (SELECT f.record FROM {w}rejects f WHERE f.run_id = x.run_id AND f.chunk_id = x.chunk_id" \
    " AND f.record_byte = x.record_byte AND f.root = x.root AND f.path = x.path AND f.record IS NOT NULL" \
    " ORDER BY f.id LIMIT 1))"
#define COLUMNS \
    "SELECT x.id, x.run_id, c.unit_id, x.root, x.path, x.pointer, x.table_name, x.rule, x.code, x.sqlstate, x.message," \
    " x.state, x.row_path, x.line, x.col, x.byte, x.map_line, x.record_line, x.record_byte, x.record_index, "
#define FROM \
    " FROM {w}rejects x JOIN {w}chunks c ON c.id = x.chunk_id WHERE x.run_id = $1" \
    " AND (CAST($2 AS bigint) = 0 OR x.id = CAST($2 AS bigint))" \
    " AND (CAST($3 AS bigint) = 0 OR c.unit_id = CAST($3 AS bigint)) AND (CAST($4 AS bigint) = 0 OR x.state = 'open')" \
    " ORDER BY c.unit_id, x.root, x.path, x.record_byte, x.id"

struct each {
    int (*item)(void *context, const struct rejects_item *item, struct err *err);
    void *context;
};

static uint64_t number(const struct db_value *v)
{
    int64_t n = 0;

    if (v->type == DB_INT)
        n = v->n;
    else if (v->type != DB_NULL)
        str_parse_int64(v->text, &n);
    return (uint64_t)n;
}

static struct str text_of(const struct db_value *v)
{
    return v->type == DB_NULL ? (struct str){0} : str_make(v->text.at ? v->text.at : "", v->text.len);
}

static int one_item(void *context, const struct db_value *v, size_t n, struct err *err)
{
    struct each *each = context;
    struct rejects_item item = {
        .id = (int64_t)number(&v[0]), .run = (int64_t)number(&v[1]), .unit = (int64_t)number(&v[2]),
        .root = (uint32_t)number(&v[3]), .path = text_of(&v[4]), .pointer = text_of(&v[5]), .table = text_of(&v[6]),
        .rule = text_of(&v[7]), .code = text_of(&v[8]), .sqlstate = text_of(&v[9]), .message = text_of(&v[10]),
        .state = text_of(&v[11]), .row = text_of(&v[12]), .line = number(&v[13]), .column = number(&v[14]),
        .byte = number(&v[15]), .has_byte = v[15].type != DB_NULL, .map_line = (uint32_t)number(&v[16]),
        .record_line = number(&v[17]), .record_byte = number(&v[18]), .record_index = number(&v[19]),
        .record = text_of(&v[20])};

    (void)n;
    return each->item(each->context, &item, err);
}

int rejects_each(struct db *db, const struct rejects_filter *filter,
                 int (*item)(void *context, const struct rejects_item *item, struct err *err), void *context,
                 struct err *err)
{
    struct db_value params[] = {db_int(filter->run), db_int(filter->id), db_int(filter->unit), db_int(filter->open)};
    CLEANUP(buf_release) struct buf sql = BUF_INIT;
    struct each each = {item, context};

    if (ledger_sql(db, filter->records ? COLUMNS RECORD FROM : COLUMNS "NULL" FROM, &sql) < 0)
        return err_oom(err);
    return db_stream(db, buf_text(&sql), params, ARRAY_LEN(params), one_item, &each, err);
}

int rejects_units(struct db *db, int64_t run, int64_t after, int64_t *ret, size_t max, size_t *n, struct err *err)
{
    struct db_value params[] = {db_int(run), db_int(after), db_int((int64_t)max)};
    CLEANUP(db_result_release) struct db_result r = {0};

    if (ledger_query(db, "SELECT DISTINCT c.unit_id FROM {w}rejects x JOIN {w}chunks c ON c.id = x.chunk_id"
              " WHERE x.run_id = $1 AND x.state = 'open' AND c.unit_id > $2 ORDER BY c.unit_id LIMIT $3", params, 3, &r, err) < 0)
        return -1;
    for (*n = 0; *n < r.n_rows && *n < max; ++*n)
        ret[*n] = db_cell_int(&r, *n, 0);
    return 0;
}

int rejects_count_open(struct db *db, int64_t run, uint64_t *ret, struct err *err)
{
    CLEANUP(db_result_release) struct db_result r = {0};

    if (ledger_query(db, "SELECT count(*) FROM {w}rejects WHERE run_id = $1 AND state = 'open'", (struct db_value[]){db_int(run)}, 1,
              &r, err) < 0)
        return -1;
    *ret = (uint64_t)db_cell_int(&r, 0, 0);
    return 0;
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

    return ledger_query(db, PUT_REJECTS "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17,"
                 " $18, $19)", params, 19, NULL, err);
}

static struct str or_null(struct str s)
{
    return s.len ? s : (struct str){0};
}

static int reject_columns(struct arrays *a, const struct ledger_reject *r)
{
    return arrays_add_number(&a->at[0], true, r->root) < 0 || arrays_add_bytes(&a->at[1], r->path) < 0 ||
           arrays_add_number(&a->at[2], r->line, (int64_t)r->line) < 0 || arrays_add_number(&a->at[3], r->column, (int64_t)r->column) < 0 ||
           arrays_add_number(&a->at[4], r->has_byte, (int64_t)r->byte) < 0 || arrays_add_text(&a->at[5], or_null(r->pointer)) < 0 ||
           arrays_add_text(&a->at[6], or_null(r->table)) < 0 || arrays_add_text(&a->at[7], r->code) < 0 ||
           arrays_add_text(&a->at[8], or_null(r->sqlstate)) < 0 || arrays_add_text(&a->at[9], r->message) < 0 ||
           arrays_add_number(&a->at[10], r->map_line, r->map_line) < 0 || arrays_add_bytes(&a->at[11], r->record) < 0 ||
           arrays_add_text(&a->at[12], or_null(r->rule)) < 0 || arrays_add_number(&a->at[13], true, (int64_t)r->record_line) < 0 ||
           arrays_add_number(&a->at[14], true, (int64_t)r->record_byte) < 0 ||
           arrays_add_number(&a->at[15], true, (int64_t)r->record_index) < 0 ||
           arrays_add_text(&a->at[16], r->row) < 0 ? -1 : 0;
}

/* As many as make a statement of moderate size; *from moves on. */
static int reject_arrays(struct db *db, int64_t run, int64_t chunk, const struct ledger_reject **from, struct arrays *a,
                         struct err *err)
{
    struct db_value params[ARRAYS_MAX + 2] = {db_int(run), db_int(chunk)};
    size_t bytes = 0;
    bool good = arrays_begin(a) == 0;

    for (bool first = true; *from && bytes < REJECT_BYTES && good; *from = (*from)->next, first = false) {
        good = arrays_comma(a, first) == 0 && reject_columns(a, *from) == 0;
        bytes += 2 * (*from)->record.len + (*from)->message.len + 100;
    }
    if (!good || arrays_end(a, params + 2) < 0)
        return err_oom(err);
    return ledger_query(db, PUT_REJECTS "SELECT $1, $2, f.* FROM unnest($3::integer[], $4::bytea[], $5::bigint[], $6::bigint[],"
                 " $7::bigint[], $8::text[], $9::text[], $10::text[], $11::text[], $12::text[], $13::integer[], $14::bytea[],"
                 " $15::text[], $16::bigint[], $17::bigint[], $18::bigint[], $19::text[]) AS f",
                 params, ARRAYS_MAX + 2, NULL, err);
}

int rejects_add(struct db *db, int64_t run, int64_t chunk, const struct ledger_reject *first, struct err *err)
{
    struct arrays a = {.n = ARRAYS_MAX};
    int ret = 0;

    if (db_engine(db) == DB_POSTGRESQL) {
        while (first && ret == 0)
            ret = reject_arrays(db, run, chunk, &first, &a, err);
        arrays_release(&a);
        return ret;
    }
    for (; first && ret == 0; first = first->next)
        ret = add_reject(db, run, chunk, first, err);
    return ret;
}

int rejects_settle(struct db *db, int64_t id, struct err *err)
{
    return ledger_query(db, "UPDATE {w}rejects SET state = 'replayed' WHERE id = $1", (struct db_value[]){db_int(id)}, 1, NULL, err);
}

int rejects_supersede(struct db *db, int64_t job, const struct unit *unit, struct err *err)
{
    for (size_t i = 0; i < unit->n_files && unit->mode != UNIT_NEW; i++) {
        struct db_value params[] = {db_int(unit->files[i].root), db_bytes(unit->files[i].path), db_int(job)};

        if (ledger_post(db, "UPDATE {w}rejects SET state = 'superseded' WHERE state = 'open' AND root = $1 AND path = $2"
                        " AND run_id IN (SELECT id FROM {w}runs WHERE job_id = $3)", params, 3, err) < 0)
            return -1;
    }
    return 0;
}
