/* Tables were emptied on purpose: what the ledger says of their rows is true no longer. */
#include "ledger/ledger_internal.h"

#include "base/cleanup.h"

/* What refers goes before what is referred to. */
static const char *const of_mapping[] = {
    "DELETE FROM {w}rejects WHERE run_id IN (SELECT r.id FROM {w}runs r JOIN {w}jobs j ON j.id = r.job_id WHERE j.mapping = $1)",
    "DELETE FROM {w}before WHERE chunk_id IN (SELECT c.id FROM {w}chunks c JOIN {w}runs r ON r.id = c.run_id"
    " JOIN {w}jobs j ON j.id = r.job_id WHERE j.mapping = $1)",
    "DELETE FROM {w}keys WHERE chunk_id IN (SELECT c.id FROM {w}chunks c JOIN {w}runs r ON r.id = c.run_id"
    " JOIN {w}jobs j ON j.id = r.job_id WHERE j.mapping = $1)",
    "DELETE FROM {w}files WHERE job_id IN (SELECT id FROM {w}jobs WHERE mapping = $1)",
    "DELETE FROM {w}chunks WHERE run_id IN (SELECT r.id FROM {w}runs r JOIN {w}jobs j ON j.id = r.job_id WHERE j.mapping = $1)",
    "DELETE FROM {w}units WHERE job_id IN (SELECT id FROM {w}jobs WHERE mapping = $1)",
    "DELETE FROM {w}runs WHERE job_id IN (SELECT id FROM {w}jobs WHERE mapping = $1)",
    "DELETE FROM {w}jobs WHERE mapping = $1",
};

/* Lines of runs.keys begin with the table and a tab. */
static bool wrote_into(struct str keys, const char *table)
{
    size_t len = strlen(table);

    while (keys.len) {
        const char *end = memchr(keys.at, '\n', keys.len);
        size_t line = end ? (size_t)(end - keys.at) + 1 : keys.len;

        if (line > len && memcmp(keys.at, table, len) == 0 && (keys.at[len] == '\t' || keys.at[len] == '\n'))
            return true;
        keys = str_make(keys.at + line, keys.len - line);
    }
    return false;
}

static int forget_others(struct db *db, const char *const *tables, size_t n, struct err *err)
{
    CLEANUP(db_result_release) struct db_result runs = {0};

    if (ledger_query(db, "SELECT DISTINCT job_id, keys FROM {w}runs", NULL, 0, &runs, err) < 0)
        return -1;
    for (size_t i = 0; i < runs.n_rows; i++) {
        for (size_t t = 0; t < n; t++) {
            if (wrote_into(db_cell(&runs, i, 1), tables[t]) && ledger_forget_states(db, db_cell_int(&runs, i, 0), true, err) < 0)
                return -1;
        }
    }
    return 0;
}

int ledger_forget(struct db *db, struct str mapping, const char *const *tables, size_t n, struct err *err)
{
    for (size_t i = 0; i < ARRAY_LEN(of_mapping); i++) {
        if (ledger_query(db, of_mapping[i], (struct db_value[]){db_text(mapping)}, 1, NULL, err) < 0)
            return -1;
    }
    return forget_others(db, tables, n, err);
}
