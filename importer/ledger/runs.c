/* Jobs and runs: which command was given when, by what mapping, and how it ended. */
#include "ledger/ledger_internal.h"

#include <stdio.h>

int ledger_job(struct db *db, struct str mapping, struct str source, int64_t *ret, struct err *err)
{
    struct db_value params[] = {db_text(mapping), db_text(source), db_int(ledger_seal_job(mapping, source))};
    int got = ledger_query(db, "INSERT INTO {w}jobs (mapping, source, seal) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING", params, 3,
                           NULL, err);

    if (got < 0)
        return -1;
    got = ledger_query_int(db, "SELECT id FROM {w}jobs WHERE mapping = $1 AND source = $2", params, 2, ret, err);
    return got == 1 ? 0 : got < 0 ? -1 : err_set(err, ERR_RUN, W0604, "the ledger lost its job");
}

int ledger_find_job(struct db *db, struct str mapping, struct str source, int64_t *ret, struct err *err)
{
    struct db_value params[] = {db_text(mapping), db_text(source)};

    return ledger_query_int(db, "SELECT id FROM {w}jobs WHERE mapping = $1 AND source = $2", params, 2, ret, err);
}

int ledger_lock_job(struct db *db, int64_t job, struct err *err)
{
    int64_t id;

    return ledger_query_int(db, "SELECT id FROM {w}jobs WHERE id = $1{lock}", (struct db_value[]){db_int(job)}, 1, &id, err) < 0 ? -1 : 0;
}

int ledger_last_run(struct db *db, int64_t job, struct ledger_run *ret, struct err *err)
{
    struct db_result r = {0};
    int got = ledger_query(db, "SELECT id, digest, state, target FROM {w}runs WHERE job_id = $1 AND state <> 'abandoned' ORDER BY id DESC LIMIT 1",
                    (struct db_value[]){db_int(job)}, 1, &r, err);

    if (got == 0 && r.n_rows) {
        *ret = (struct ledger_run){.id = db_cell_int(&r, 0, 0), .job = job};
        snprintf(ret->digest, sizeof ret->digest, "%.*s", STR_ARG(db_cell(&r, 0, 1)));
        snprintf(ret->state, sizeof ret->state, "%.*s", STR_ARG(db_cell(&r, 0, 2)));
        snprintf(ret->target, sizeof ret->target, "%.*s", STR_ARG(db_cell(&r, 0, 3)));
        got = 1;
    }
    db_result_release(&r);
    return got;
}

int ledger_knows_run(struct db *db, int64_t run, struct err *err)
{
    int64_t id;

    return ledger_query_int(db, "SELECT id FROM {w}runs WHERE id = $1", (struct db_value[]){db_int(run)}, 1, &id, err);
}

int ledger_start_run(struct db *db, int64_t job, struct str digest, struct str parameters, struct str keys,
                     struct str identity, int64_t *ret, struct err *err)
{
    struct db_value params[] = {db_int(job), db_text(digest), db_text(parameters), db_text(identity),
                                db_text(str_of(WINDROW_VERSION)), db_text(keys), db_int(0)};
    int got;

    params[6] = db_int(ledger_seal_run(job, (struct str[]){digest, parameters, identity, str_of(WINDROW_VERSION), keys}));
    got = ledger_query_int(db, "INSERT INTO {w}runs (job_id, digest, parameters, target, windrow, keys, state, seal)"
                           " VALUES ($1, $2, $3, $4, $5, $6, 'planning', $7) RETURNING id", params, 7, ret, err);

    return got == 1 ? 0 : -1;
}

int ledger_count_rejects(struct db *db, int64_t run, int64_t *ret, struct err *err)
{
    return ledger_query_int(db, "SELECT count(*) FROM {w}rejects WHERE run_id = $1 AND state = 'open'",
                     (struct db_value[]){db_int(run)}, 1, ret, err) == 1 ? 0 : -1;
}

int ledger_run_mapping(struct db *db, int64_t run, struct str path, struct err *err)
{
    return ledger_query(db, "UPDATE {w}runs SET mapping_path = $1 WHERE id = $2", (struct db_value[]){db_text(path), db_int(run)}, 2, NULL,
                 err);
}

int ledger_run_state(struct db *db, int64_t run, const char *state, struct err *err)
{
    struct db_value params[] = {db_text(str_of(state)), db_int(run)};

    return ledger_query(db, "UPDATE {w}runs SET state = $1 WHERE id = $2", params, 2, NULL, err);
}

int ledger_end_run(struct db *db, int64_t run, const char *state, struct str summary_json, struct err *err)
{
    struct db_value params[] = {db_text(str_of(state)), db_text(summary_json), db_int(run)};

    return ledger_query(db, "UPDATE {w}runs SET state = $1, summary = $2, ended_at = {now} WHERE id = $3", params, 3, NULL, err);
}

int ledger_list_runs(struct db *db, int64_t run, struct db_result *ret, struct err *err)
{
    struct db_value params[] = {db_int(run)};

    return ledger_query(db, "SELECT r.id, j.mapping, j.source, r.state, r.started_at, r.ended_at,"
                 " (SELECT count(*) FROM {w}units u WHERE u.run_id = r.id),"
                 " (SELECT count(*) FROM {w}units u WHERE u.run_id = r.id AND u.state = 1),"
                 " (SELECT coalesce(sum(u.bytes), 0) FROM {w}units u WHERE u.run_id = r.id),"
                 " (SELECT coalesce(sum(u.bytes), 0) FROM {w}units u WHERE u.run_id = r.id AND u.state = 1),"
                 " (SELECT coalesce(sum(c.lines), 0) FROM {w}chunks c WHERE c.run_id = r.id),"
                 " (SELECT count(*) FROM {w}rejects x WHERE x.run_id = r.id AND x.state = 'open'),"
                 " (SELECT max(c.committed_at) FROM {w}chunks c WHERE c.run_id = r.id)"
                 " FROM {w}runs r JOIN {w}jobs j ON j.id = r.job_id WHERE CAST($1 AS bigint) = 0 OR r.id = CAST($1 AS bigint) ORDER BY r.id DESC", params, 1, ret, err);
}
