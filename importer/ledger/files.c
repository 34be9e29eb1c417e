/* The list of files: what was loaded of each, by which unit, in which state. */
#include "ledger/ledger_internal.h"

#include "base/cleanup.h"

#include <inttypes.h>
#include <stdio.h>

enum { PAGE = 5000 };   /* files that are fetched at a time */

int ledger_forget_states(struct db *db, int64_t job, bool afresh, struct err *err)
{
    return ledger_query(db, "UPDATE {w}files SET size = $1 WHERE job_id = $2",
                 (struct db_value[]){db_int(afresh ? -2 : -1), db_int(job)}, 2, NULL, err);
}

int ledger_complete_files(struct db *db, int64_t job, struct err *err)
{
    return ledger_query(db, "UPDATE {w}files SET unit_id = -unit_id WHERE job_id = $1 AND unit_id < 0",
                 (struct db_value[]){db_int(job)}, 1, NULL, err);
}

int ledger_touch_file(struct db *db, int64_t job, const struct entry *file, struct err *err)
{
    return ledger_query(db, "UPDATE {w}files SET mtime_ns = $1 WHERE job_id = $2 AND root = $3 AND path = $4",
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
        return ledger_query(db, "DELETE FROM {w}files WHERE job_id = $1 AND root = $2 AND path = $3", params, 3, NULL, err);
    return ledger_query(db, PUT_FILES "VALUES ($1, $2, $3, $4, $5, $6, $7, $8)" PUT_FILES_AGAIN, params, 8, NULL, err);
}

/* One statement for many files. */
enum { FILES_AT_ONCE = 4096 };

static int put_arrays(struct db *db, int64_t job, const struct ledger_chunk *chunk, size_t from, struct err *err)
{
    const struct unit *u = chunk->unit;
    struct arrays c = {.n = 5};
    struct db_value params[8] = {db_int(job), db_int(loaded_by(u)), db_int(chunk->run)};
    size_t to = u->n_files - from < FILES_AT_ONCE ? u->n_files : from + FILES_AT_ONCE;
    bool good = arrays_begin(&c) == 0;
    int ret;

    for (size_t i = from; i < to && good; i++) {
        good = arrays_comma(&c, i == from) == 0 && arrays_add_number(&c.at[0], true, u->files[i].root) == 0 &&
               arrays_add_bytes(&c.at[1], u->files[i].path) == 0 && arrays_add_number(&c.at[2], true, size_of(chunk, i)) == 0 &&
               arrays_add_number(&c.at[3], true, u->files[i].mtime_ns) == 0 && arrays_add_bytes(&c.at[4], hash_of(chunk, i)) == 0;
    }
    if (!good || arrays_end(&c, params + 3) < 0)
        ret = err_oom(err);
    else if (u->mode == UNIT_GONE)
        ret = ledger_post(db, "DELETE FROM {w}files WHERE job_id = $1 AND (root, path) IN"
                    " (SELECT r, p FROM unnest($2::integer[], $3::bytea[]) AS f (r, p))",
                    (struct db_value[]){params[0], params[3], params[4]}, 3, err);
    else
        ret = ledger_post(db, PUT_FILES "SELECT $1, r, p, s, m, h, $2, $3 FROM"
                    " unnest($4::integer[], $5::bytea[], $6::bigint[], $7::bigint[], $8::bytea[]) AS n (r, p, s, m, h)"
                    PUT_FILES_AGAIN, params, 8, err);
    arrays_release(&c);
    return ret;
}

int ledger_put_files(struct db *db, int64_t job, const struct ledger_chunk *chunk, struct err *err)
{
    bool arrays = db_engine(db) == DB_POSTGRESQL;

    for (size_t i = 0; i < chunk->unit->n_files; i += arrays ? FILES_AT_ONCE : 1) {
        if ((arrays ? put_arrays(db, job, chunk, i, err) : put_file(db, job, chunk, i, err)) < 0)
            return -1;
    }
    return 0;
}

int ledger_unit_of_file(struct db *db, int64_t job, uint32_t root, struct str path, int64_t *ret, struct err *err)
{
    return ledger_query_int(db, "SELECT abs(unit_id) FROM {w}files WHERE job_id = $1 AND root = $2 AND path = $3",
                     (struct db_value[]){db_int(job), db_int(root), db_bytes(path)}, 3, ret, err);
}

/* A row of the page; its path follows. */
struct packed {
    int64_t size, mtime_ns;
    bool missing;               /* parts of the file are */
    struct {
        int64_t unit;
        uint32_t root, len;
        bool hashed;
        unsigned char hash[16];
    } __attribute__((packed)) sealed;
} __attribute__((packed));

/* Size and time are left out: where they are wrong the file counts as changed, and is looked at. */
static void add_to_sum(struct ledger_files *files, struct str row)
{
    size_t from = offsetof(struct packed, sealed);

    files->sum += (uint64_t)seal_row(str_make(row.at + from, row.len - from));
    files->n++;
}

static void print_sum(const struct ledger_files *files, char out[sizeof files->expected])
{
    snprintf(out, sizeof files->expected, "%" PRIu64 " %016" PRIx64, files->n, files->sum);
}

static int check_sum(const struct ledger_files *files, struct err *err)
{
    char text[sizeof files->expected];

    print_sum(files, text);
    if (!files->expected[0] || strcmp(text, files->expected) == 0)
        return 0;
    return err_set(err, ERR_RUN, W0604, "the ledger's files are not those that the last run left");
}

/* Without statistics PostgreSQL takes the table for a small one, and sorts all that is left of it for every page. */
static int note_statistics(struct ledger_files *files, struct err *err)
{
    int64_t stale = 0;

    if (files->started || files->rows < PAGE || db_engine(files->db) != DB_POSTGRESQL)
        return 0;
    if (ledger_query_int(files->db, "SELECT (reltuples < $1)::int FROM pg_catalog.pg_class WHERE oid = '{w}files'::regclass",
                         (struct db_value[]){db_int(PAGE)}, 1, &stale, err) < 0)
        return -1;
    return stale ? ledger_query(files->db, "ANALYZE {w}files", NULL, 0, NULL, err) : 0;
}

enum { FILE_ROOT, FILE_PATH, FILE_SIZE, FILE_MTIME, FILE_UNIT, FILE_HASH };

static int on_row(void *context, const struct db_value *values, size_t n, struct err *err)
{
    struct ledger_files *files = context;
    int64_t unit = values[FILE_UNIT].n;
    struct str path = values[FILE_PATH].text, hash = values[FILE_HASH].text;
    struct packed row = {values[FILE_SIZE].n, values[FILE_MTIME].n, unit < 0,
                         {unit < 0 ? -unit : unit, (uint32_t)values[FILE_ROOT].n, (uint32_t)path.len,
                          hash.len == sizeof row.sealed.hash, {0}}};

    (void)n;
    if (row.sealed.hashed)
        memcpy(row.sealed.hash, hash.at, hash.len);
    files->last = files->page.len;
    files->rows++;
    return buf_add(&files->page, &row, sizeof row) < 0 || buf_add_str(&files->page, path) < 0 ? err_oom(err) : 0;
}

/* The row at `at`, of `*len` bytes. */
static struct ledger_file file_at(const struct ledger_files *files, size_t at, size_t *len)
{
    const struct packed *row = (const struct packed *)(files->page.at + at);

    *len = sizeof *row + row->sealed.len;
    return (struct ledger_file){.root = row->sealed.root, .path = str_make((const char *)(row + 1), row->sealed.len),
                                .size = row->size, .mtime_ns = row->mtime_ns,
                                .unit = row->missing ? -row->sealed.unit : row->sealed.unit,
                                .hash = str_make((const char *)row->sealed.hash, row->sealed.hashed ? sizeof row->sealed.hash : 0)};
}

/* Beginning behind the last file of the page before. */
static int next_page(struct ledger_files *files, struct err *err)
{
    CLEANUP(buf_release) struct buf before = buf_take(&files->page);
    struct ledger_file last = {.path = str_of("")};
    struct db_value params[] = {db_int(files->job), db_int(-1), db_bytes(last.path), db_int(PAGE)};
    size_t len;

    if (files->started) {
        last = file_at(&(struct ledger_files){.page = before}, files->last, &len);
        params[1] = db_int(last.root);
        params[2] = db_bytes(last.path);
    }
    files->at = files->rows = 0;
    if (ledger_scan(files->db, "SELECT root, path, size, mtime_ns, unit_id, hash FROM {w}files"
                    " WHERE job_id = $1 AND (root, path) > ($2, $3) ORDER BY root, path LIMIT $4", params, 4, on_row, files, err) < 0 ||
        note_statistics(files, err) < 0)
        return -1;
    files->started = true;
    return 0;
}

int ledger_files_next(struct ledger_files *files, struct ledger_file *ret, struct err *err)
{
    size_t len;

    if (files->ended)
        return 0;
    if (files->at == files->page.len && next_page(files, err) < 0)
        return -1;
    if (files->rows == 0) {
        files->ended = true;
        return check_sum(files, err);
    }
    *ret = file_at(files, files->at, &len);
    add_to_sum(files, str_make(files->page.at + files->at, len));
    files->at += len;
    return 1;
}

/* What the job's last run kept of the files; nothing unless that is done. */
int ledger_files_open(struct ledger_files *files, struct db *db, int64_t job, struct err *err)
{
    struct db_result r = {0};
    int ret = ledger_query(db, "SELECT CASE state WHEN 'done' THEN files END FROM {w}runs WHERE job_id = $1 AND state <> 'abandoned'"
                           " ORDER BY id DESC LIMIT 1", (struct db_value[]){db_int(job)}, 1, &r, err);

    *files = (struct ledger_files){.db = db, .job = job};
    if (ret == 0 && r.n_rows)
        snprintf(files->expected, sizeof files->expected, "%.*s", STR_ARG(db_cell(&r, 0, 0)));
    db_result_release(&r);
    return ret;
}

int ledger_seal_files(struct db *db, int64_t job, int64_t run, struct err *err)
{
    struct ledger_files files = {.db = db, .job = job};
    struct ledger_file file;
    char text[sizeof files.expected];
    int got;

    while ((got = ledger_files_next(&files, &file, err)) == 1)
        ;
    print_sum(&files, text);
    ledger_files_release(&files);
    if (got == 0)
        got = ledger_query(db, "UPDATE {w}runs SET files = $1 WHERE id = $2",
                           (struct db_value[]){db_text(str_of(text)), db_int(run)}, 2, NULL, err);
    return got;
}

void ledger_files_release(struct ledger_files *files)
{
    buf_release(&files->page);
}
