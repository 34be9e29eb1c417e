/* Does the ledger hold together? Seals of its rows, and what the rows of one table say of those of another. */
#include "ledger/ledger_internal.h"

#include <stdlib.h>

int64_t ledger_seal_job(struct str mapping, struct str source)
{
    struct seal s = {0};

    seal_text(&s, mapping);
    seal_text(&s, source);
    return seal_end(&s);
}

int64_t ledger_seal_run(int64_t job, const struct str texts[5])
{
    struct seal s = {0};

    seal_number(&s, job);
    for (size_t i = 0; i < 5; i++)
        seal_text(&s, texts[i]);
    return seal_end(&s);
}

/* A file's first part does not know its own id yet, by which its load is called. */
int64_t ledger_seal_unit(int64_t job, int64_t run, const struct unit *unit)
{
    struct seal s = {0};

    seal_number(&s, job);
    seal_number(&s, run);
    seal_number(&s, unit->mode);
    seal_number(&s, unit->part);
    seal_number(&s, (int64_t)unit->from);
    seal_number(&s, (int64_t)unit->to);
    seal_number(&s, unit->load == unit->id ? 0 : unit->load);
    seal_number(&s, (int64_t)unit->n_files);
    seal_number(&s, (int64_t)unit->bytes);
    return seal_end(&s);
}

int64_t ledger_seal_chunk(int64_t run, int64_t unit, int64_t gen, struct str rows_json, int64_t lines, struct str hash,
                          int64_t keys_seal, int64_t pieces)
{
    struct seal s = {0};

    seal_number(&s, run);
    seal_number(&s, unit);
    seal_number(&s, gen);
    seal_text(&s, rows_json);
    seal_number(&s, lines);
    seal_text(&s, hash);
    seal_number(&s, keys_seal);
    seal_number(&s, pieces);
    return seal_end(&s);
}

static const char restore[] = "nothing was touched; restore the target from a backup: rows and ledger belong together";

static int damaged(struct err *err, const char *what, int64_t id)
{
    err_set(err, ERR_RUN, W0604, "the ledger's %s %lld is not as it was written", what, (long long)id);
    return err_help(err, "%s", restore);
}

static int check_jobs(struct db *db, struct err *err)
{
    struct db_result r = {0};
    int ret = ledger_query(db, "SELECT id, mapping, source, seal FROM {w}jobs", NULL, 0, &r, err);

    for (size_t i = 0; ret == 0 && i < r.n_rows; i++) {
        if (db_cell_int(&r, i, 3) != ledger_seal_job(db_cell(&r, i, 1), db_cell(&r, i, 2)))
            ret = damaged(err, "job", db_cell_int(&r, i, 0));
    }
    db_result_release(&r);
    return ret;
}

static int run_row(void *context, const struct db_value *values, size_t n, struct err *err)
{
    const int64_t *job = context;
    const struct str texts[] = {values[1].text, values[2].text, values[3].text, values[4].text, values[5].text};
    int64_t id = 0, seal = 0, open = 0;

    (void)n;
    if (!str_parse_int64(values[0].text, &id) || !str_parse_int64(values[6].text, &seal) ||
        seal != ledger_seal_run(*job, texts) || !str_parse_int64(values[7].text, &open) || open)
        return damaged(err, "run", id);
    return 0;
}

/* One chunk of a unit, in order of generations; a unit without any has one row. */
struct steps {
    int64_t job, unit, gen, chunks;     /* of the unit at hand */
};

static int unit_ended(const struct steps *s, struct err *err)
{
    return s->unit && s->chunks != s->gen ? damaged(err, "unit", s->unit) : 0;
}

enum {
    UNIT_ID, UNIT_RUN, UNIT_MODE, UNIT_PART, UNIT_FROM, UNIT_TO, UNIT_LOAD, UNIT_FILES, UNIT_BYTES, UNIT_STATE, UNIT_GEN, UNIT_SEAL,
    CHUNK_ID, CHUNK_RUN, CHUNK_GEN, CHUNK_ROWS, CHUNK_LINES, CHUNK_HASH, CHUNK_KEYS_SEAL, CHUNK_PIECES, CHUNK_SEAL,
    PIECES, COLUMNS
};

static int check_unit(struct steps *s, const int64_t *number, struct err *err)
{
    const struct unit unit = {.id = number[UNIT_ID], .mode = (enum unit_mode)number[UNIT_MODE], .part = number[UNIT_PART] != 0,
                              .from = (uint64_t)number[UNIT_FROM], .to = (uint64_t)number[UNIT_TO],
                              .load = number[UNIT_LOAD], .n_files = (size_t)number[UNIT_FILES],
                              .bytes = (uint64_t)number[UNIT_BYTES]};

    if (unit_ended(s, err) < 0)
        return -1;
    *s = (struct steps){.job = s->job, .unit = unit.id, .gen = number[UNIT_GEN]};
    if (number[UNIT_SEAL] != ledger_seal_unit(s->job, number[UNIT_RUN], &unit) || number[UNIT_STATE] != (s->gen > 0))
        return damaged(err, "unit", unit.id);
    return 0;
}

static int step_row(void *context, const struct db_value *values, size_t n, struct err *err)
{
    struct steps *s = context;
    int64_t number[COLUMNS] = {0};

    for (size_t i = 0; i < n && i < COLUMNS; i++) {
        if (i != CHUNK_ROWS && i != CHUNK_HASH && values[i].type != DB_NULL && !str_parse_int64(values[i].text, &number[i]))
            return damaged(err, "unit", number[UNIT_ID]);
    }
    if (number[UNIT_ID] != s->unit && check_unit(s, number, err) < 0)
        return -1;
    if (values[CHUNK_ID].type == DB_NULL)
        return 0;
    if (number[CHUNK_GEN] != ++s->chunks || number[CHUNK_PIECES] != number[PIECES] ||
        number[CHUNK_SEAL] != ledger_seal_chunk(number[CHUNK_RUN], s->unit, s->chunks, values[CHUNK_ROWS].text, number[CHUNK_LINES],
                                                values[CHUNK_HASH].text, number[CHUNK_KEYS_SEAL], number[CHUNK_PIECES]))
        return damaged(err, "chunk", number[CHUNK_ID]);
    return 0;
}

static int stream(struct db *db, const char *text, int64_t job,
                  int (*row)(void *context, const struct db_value *values, size_t n, struct err *err), void *context,
                  struct err *err)
{
    struct db_value param = db_int(job);
    struct buf sql = BUF_INIT;
    int ret = ledger_sql(db, text, &sql) < 0 ? err_oom(err) : db_stream(db, buf_text(&sql), &param, 1, row, context, err);

    buf_release(&sql);
    return ret;
}

/* Rows whose parents are not there, or are another's; both engines keep them apart only while foreign keys are on. */
static int check_orphans(struct db *db, struct err *err)
{
    int64_t orphans = 0;

    if (ledger_query_int(db, "SELECT (SELECT count(*) FROM {w}runs r LEFT JOIN {w}jobs j ON j.id = r.job_id WHERE j.id IS NULL)"
                         " + (SELECT count(*) FROM {w}units u LEFT JOIN {w}runs r ON r.id = u.run_id AND r.job_id = u.job_id"
                         "    WHERE r.id IS NULL)"
                         " + (SELECT count(*) FROM {w}chunks c LEFT JOIN {w}units u ON u.id = c.unit_id WHERE u.id IS NULL)",
                         NULL, 0, &orphans, err) < 0)
        return -1;
    if (orphans == 0)
        return 0;
    err_set(err, ERR_RUN, W0604, "the ledger lost rows that others refer to");
    return err_help(err, "%s", restore);
}

int ledger_check(struct db *db, int64_t job, struct err *err)
{
    struct steps steps = {.job = job};

    if (check_jobs(db, err) < 0 || check_orphans(db, err) < 0 ||
        stream(db, "SELECT r.id, r.digest, r.parameters, r.target, r.windrow, r.keys, r.seal, CASE r.state WHEN 'done' THEN"
               " (SELECT count(*) FROM {w}units u WHERE u.run_id = r.id AND u.state = 0 AND u.job_id = r.job_id) ELSE 0 END"
               " FROM {w}runs r WHERE r.job_id = $1", job, run_row, &job, err) < 0 ||
        stream(db, "SELECT u.id, u.run_id, u.mode, u.part, u.from_byte, u.to_byte, u.load_id, u.n_files, u.bytes, u.state, u.gen, u.seal,"
               " c.id, c.run_id, c.gen, c.rows_json, c.lines, c.hash, c.keys_seal, c.pieces, c.seal,"
               " (SELECT coalesce(sum(k.seal & 4294967295), 0) FROM {w}keys k WHERE k.chunk_id = c.id) FROM {w}units u"
               " LEFT JOIN {w}chunks c ON c.unit_id = u.id WHERE u.job_id = $1 ORDER BY u.id, c.gen", job, step_row, &steps, err) < 0)
        return -1;
    return unit_ended(&steps, err);
}

/* What an unfinished run has done: 8 bytes for each file or part of one. */

static int64_t place_of(const struct unit *unit, const struct entry *file)
{
    struct seal s = {0};

    seal_number(&s, file->root);
    seal_text(&s, file->path);
    seal_number(&s, unit->part ? (int64_t)unit->from : 0);
    return seal_end(&s);
}

static int add_place(struct ledger_done *done, int64_t place)
{
    if (done->n == done->capacity) {
        size_t capacity = done->capacity ? done->capacity * 2 : 256;
        int64_t *places = realloc(done->places, capacity * sizeof *places);

        if (!places)
            return -1;
        done->places = places;
        done->capacity = capacity;
    }
    done->places[done->n++] = place;
    return 0;
}

static int done_row(void *context, const struct db_value *values, size_t n, struct err *err)
{
    struct ledger_done *done = context;
    struct unit unit = {0};
    int64_t from = 0;
    int ret = unit_unpack(&unit, values[0].text, err);

    (void)n;
    unit.part = !str_is(values[1].text, "0");
    if (ret == 0 && !str_parse_int64(values[2].text, &from))
        ret = err_set(err, ERR_RUN, W0604, "the ledger's list of units is damaged");
    unit.from = (uint64_t)from;
    for (size_t i = 0; i < unit.n_files && ret == 0; i++) {
        if (unit.files[i].kind == ENTRY_FILE && add_place(done, place_of(&unit, &unit.files[i])) < 0)
            ret = err_oom(err);
    }
    unit_release(&unit);
    return ret;
}

static int compare_places(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return x < y ? -1 : x > y;
}

/* A run that deleted rows of files that are gone may meet them again: then nothing is known. */
int ledger_done_open(struct ledger_done *done, struct db *db, int64_t job, int64_t run, struct err *err)
{
    struct buf sql = BUF_INIT;
    struct db_value params[] = {db_int(job), db_int(run)};
    int ret;

    *done = (struct ledger_done){0};
    if (ledger_sql(db, "SELECT files, part, from_byte FROM {w}units WHERE job_id = $1 AND run_id = $2 AND state = 1 AND NOT EXISTS"
                   " (SELECT 1 FROM {w}units g WHERE g.job_id = $1 AND g.run_id = $2 AND g.mode = 3)", &sql) < 0)
        ret = err_oom(err);
    else
        ret = db_stream(db, buf_text(&sql), params, 2, done_row, done, err);
    buf_release(&sql);
    if (done->n)
        qsort(done->places, done->n, sizeof *done->places, compare_places);
    return ret;
}

int ledger_done_check(const struct ledger_done *done, const struct unit *unit, struct err *err)
{
    if (unit->mode != UNIT_NEW)
        return 0;
    for (size_t i = 0; i < unit->n_files && done->n; i++) {
        int64_t place = place_of(unit, &unit->files[i]);

        if (unit->files[i].kind == ENTRY_FILE && bsearch(&place, done->places, done->n, sizeof place, compare_places)) {
            err_set(err, ERR_RUN, W0604, "the ledger forgot that this run has loaded %.*s", STR_ARG(unit->files[i].path));
            return err_help(err, "%s", restore);
        }
    }
    return 0;
}

void ledger_done_release(struct ledger_done *done)
{
    free(done->places);
    *done = (struct ledger_done){0};
}
