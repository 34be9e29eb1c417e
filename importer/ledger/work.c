/* Units of work as rows of the ledger: entered by a survey, claimed by workers, dropped when nobody is at work on them. */
#include "ledger/ledger_internal.h"

/* The parts of a file point to the first of them, which points to itself. */
int ledger_add_unit(struct db *db, int64_t job, int64_t run, struct unit *unit, struct err *err)
{
    struct buf files = BUF_INIT;
    struct db_value n_files = db_int((int64_t)unit->n_files), seal = db_int(ledger_seal_unit(job, run, unit));
    int got;

    if (unit_pack(unit, &files) < 0) {
        buf_release(&files);
        return err_oom(err);
    }
    unit_forget_files(unit);
    got = ledger_query_int(db, "INSERT INTO {w}units (job_id, run_id, mode, part, from_byte, to_byte, load_id, n_files, bytes, files,"
                    " seal) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) RETURNING id",
                    (struct db_value[]){db_int(job), db_int(run), db_int(unit->mode), db_int(unit->part),
                                        db_int((int64_t)unit->from), db_int((int64_t)unit->to),
                                        unit->load ? db_int(unit->load) : db_null(), n_files,
                                        db_int((int64_t)unit->bytes), db_bytes(buf_str(&files)),
                                        seal},
                    11, &unit->id, err);
    buf_release(&files);
    if (got != 1)
        return -1;
    if (!unit->part || unit->load)
        return 0;
    unit->load = unit->id;
    return ledger_query(db, "UPDATE {w}units SET load_id = id WHERE id = $1", (struct db_value[]){db_int(unit->id)}, 1, NULL, err);
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
    if (ledger_query_int(db, "SELECT count(*) FROM (SELECT id FROM {w}units WHERE job_id = $1 AND state = 0{skip}) AS f", params, 1,
                  &freed, err) != 1)
        return -1;
    *held = open - freed;
    return *held ? 0 : ledger_query(db, "DELETE FROM {w}units WHERE job_id = $1 AND state = 0", params, 1, NULL, err);
}

int ledger_open_units(struct db *db, int64_t job, int64_t *ret, struct err *err)
{
    return ledger_query_int(db, "SELECT count(*) FROM {w}units WHERE job_id = $1 AND state = 0", (struct db_value[]){db_int(job)}, 1,
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
    int got = ledger_query(db, "SELECT id, gen, mode, part, from_byte, to_byte, load_id, files, bytes FROM {w}units WHERE id = $1",
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
    int got = ledger_query(db, "SELECT id, gen, mode, part, from_byte, to_byte, load_id, files, bytes FROM {w}units"
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
    int got = ledger_query_int(db, "SELECT gen FROM {w}units WHERE id = $1{lock}", (struct db_value[]){db_int(unit)}, 1, &now, err);

    if (got < 0)
        return -1;
    if (got == 0 || (now != gen && now != gen + 1))
        return err_set(err, ERR_RUN, W0603, "another windrow has taken over this work");
    *done = now == gen + 1;
    return 0;
}
