/* ledger/ledger.h: what the target remembers of its loads. Schema `windrow` in PostgreSQL, tables windrow_* in SQLite.
 *
 *     meta     the ledger's format
 *     jobs     a mapping over a source: "the same command"
 *     runs     each time the command was given: digest, parameters, how it ended; keys: for each table a line with its
 *              name and the columns of its key, in the order in which they are packed, with tabs between them
 *     units    the work of a run; open or done; `gen` counts the commits (the compare-and-swap). Parts of one large
 *              file have the same load_id: the id of the file's first part
 *     files    each file by job, root and path: size, time, hash, and the unit that loaded it last. Of a file that
 *              is loaded in parts unit_id is its load_id, negative while parts are missing; a size of -1 or -2 says
 *              that it is to be loaded again, because the mapping changed or because of --fresh
 *     chunks   one row for each commit: rows by table, keys written, byte and line range
 *     keys     of a chunk whose keys do not go into one value: they are here, in pieces
 *     before   rows that were updated or deleted, as they were
 *     rejects  what was refused, with the original bytes
 *
 * Jobs, runs, units and chunks carry a seal over what is written once (ledger/seal.h); a run that is done keeps the sum of
 * the job's files. A ledger that was changed by other hands is refused (W0604), never mended.
 *
 * A chunk's rows, its entry and the step of its unit commit together. Functions here speak on the connection given,
 * inside whatever transaction is open. All values bound as parameters; both engines run the same statements. */
#ifndef WINDROW_LEDGER_LEDGER_H
#define WINDROW_LEDGER_LEDGER_H

#include "ledger/unit.h"
#include "sink/db.h"

#define LEDGER_FORMAT "3"

/* Create the tables if they are not there; refuse another format (W0602). */
int ledger_create(struct db *db, struct err *err);
/* Is there a ledger? 1, 0, -1; of another format: -1 (W0602). */
int ledger_exists(struct db *db, struct err *err);

struct ledger_run {
    int64_t id, job;
    char digest[65];
    char target[120];       /* server, database and timeline when it began */
    char state[16];         /* planning, running, done, stopped, failed, interrupted, abandoned */
};

/* The job of this mapping over this source, made if need be. */
int ledger_job(struct db *db, struct str mapping, struct str source, int64_t *ret, struct err *err);
/* The same without making it: 1, 0 when there is none, -1. */
int ledger_find_job(struct db *db, struct str mapping, struct str source, int64_t *ret, struct err *err);
/* Does the job's ledger hold together? -1 with W0604 when a row of it was changed, added or taken away by other hands.
 * Keys and lists of files are looked at when they are read, files while they are read. */
int ledger_check(struct db *db, int64_t job, struct err *err);
/* What a run that goes on has done already: such files and parts are not entered again as new (W0604). */
struct ledger_done {
    int64_t *places;
    size_t n, capacity;
};
int ledger_done_open(struct ledger_done *done, struct db *db, int64_t job, int64_t run, struct err *err);
int ledger_done_check(const struct ledger_done *done, const struct unit *unit, struct err *err);
void ledger_done_release(struct ledger_done *done);
/* Wait for and hold the right to plan this job, until the transaction ends. */
int ledger_lock_job(struct db *db, int64_t job, struct err *err);
/* The last run of a job: 1, 0, -1. */
int ledger_last_run(struct db *db, int64_t job, struct ledger_run *ret, struct err *err);
/* Is there a run of this number? 1, 0, -1. */
int ledger_knows_run(struct db *db, int64_t run, struct err *err);
int ledger_start_run(struct db *db, int64_t job, struct str digest, struct str parameters, struct str keys,
                     struct str identity, int64_t *ret, struct err *err);
static inline bool ledger_unfinished(const struct ledger_run *run)
{
    return strcmp(run->state, "done") != 0;
}
/* Everything that was refused in a run so far and is still open, by whatever process. */
int ledger_count_rejects(struct db *db, int64_t run, int64_t *ret, struct err *err);
/* Where the mapping stands, for replays. */
int ledger_run_mapping(struct db *db, int64_t run, struct str path, struct err *err);
int ledger_run_state(struct db *db, int64_t run, const char *state, struct err *err);
int ledger_end_run(struct db *db, int64_t run, const char *state, struct str summary_json, struct err *err);
/* Keep what the job's files sum up to; the run is done with this transaction. */
int ledger_seal_files(struct db *db, int64_t job, int64_t run, struct err *err);

/* For `status`: one row a run, the newest first; `run` 0: all. Columns: id, mapping, source, state, started, ended, units,
 * units done, bytes, bytes done, records read, rejects that are open, time of the last commit. */
int ledger_list_runs(struct db *db, int64_t run, struct db_result *ret, struct err *err);

/* Work. */
/* Enter a unit; sets its id, and its load if it is the first part of a file. Its list of files, which may be long, is gone then. */
int ledger_add_unit(struct db *db, int64_t job, int64_t run, struct unit *unit, struct err *err);
/* How many open units other sessions hold now. Where nobody holds any, all are dropped. */
int ledger_drop_open(struct db *db, int64_t job, int64_t *held, struct err *err);
/* Let every file of the job count as changed; `afresh`: because of --fresh. */
int ledger_forget_states(struct db *db, int64_t job, bool afresh, struct err *err);
/* These tables were emptied: what this mapping's jobs did is forgotten, rejects and all; other jobs that wrote into one of
 * them, as far as the keys of their rows tell, load every file again. */
int ledger_forget(struct db *db, struct str mapping, const char *const *tables, size_t n, struct err *err);
/* All units are done: files that were loaded in parts are complete. */
int ledger_complete_files(struct db *db, int64_t job, struct err *err);
/* The content is what it was: only remember the new time. */
int ledger_touch_file(struct db *db, int64_t job, const struct entry *file, struct err *err);
/* The parts of a file that are done, in order of bytes: 0 or -1. The unit lent to `part` has `from` and `to`. */
int ledger_parts(struct db *db, int64_t job, int64_t load, const struct entry *file,
                 int (*part)(void *context, uint64_t from, uint64_t to, struct str hash, struct err *err), void *context,
                 struct err *err);
/* Claim the next open unit after `after`: 1 with *ret, 0 when none is open, 2 when all open ones are held by others. The
 * claim is a row lock of the transaction on PostgreSQL. */
int ledger_claim(struct db *db, int64_t job, int64_t after, struct unit *ret, struct err *err);
/* A unit by its id, whatever its state. */
int ledger_unit(struct db *db, int64_t id, struct unit *ret, struct err *err);
int ledger_open_units(struct db *db, int64_t job, int64_t *ret, struct err *err);
/* After a commit of unknown outcome: waits for the lost session. *done: the unit was committed at this generation. */
int ledger_unit_done(struct db *db, int64_t unit, int64_t gen, bool *done, struct err *err);

/* One commit. */
struct ledger_chunk {
    const struct unit *unit;
    int64_t run;
    struct str rows_json;           /* {"table": {"inserted": n, ...}} */
    struct str keys;                /* as ledger/keys.h packs them */
    int64_t pieces;                 /* what ledger_add_keys() made of those that went before */
    uint64_t lines;                 /* records read */
    const unsigned char *hash;      /* part: 16 bytes over it; else 16 for each file of the unit; NULL: none */
    const unsigned char *marks;     /* 1: opened, 2: failed to be read, by file; NULL: all were read */
    bool again;                     /* a replay: the unit is done already */
};
/* The compare-and-swap and the chunk's row. W0603 when the unit was overtaken: on PostgreSQL the next call that waits for the
 * server may be the one that says so. `chunk_id` NULL: nobody needs it, and there is no waiting. */
int ledger_commit_chunk(struct db *db, int64_t job, const struct ledger_chunk *chunk, int64_t *chunk_id, struct err *err);
/* The files of the chunk's unit, as they were when they were read; of a unit of files that are gone: their rows go. */
int ledger_put_files(struct db *db, int64_t job, const struct ledger_chunk *chunk, struct err *err);

/* Images of rows as they were before they were updated, or deleted. */
struct ledger_before {
    struct ledger_before *next;
    struct str table, key, old;     /* old: a JSON object */
    bool deleted;
};
int ledger_add_before(struct db *db, int64_t chunk, const struct ledger_before *first, struct err *err);

/* A unit so large that its keys, images and rejects do not stay in memory hands them on in pieces: its chunk is entered
 * by ledger_commit_chunk() with the first of them, `keys` empty, and amended at the end. *pieces, 0 at first, sums up the
 * seals of the pieces (their lower halves, so that SQL can add them): a piece that is lost or changed shows in its chunk. */
int ledger_add_keys(struct db *db, int64_t chunk, struct str keys, int64_t *pieces, struct err *err);
int ledger_amend_chunk(struct db *db, int64_t chunk_id, const struct ledger_chunk *chunk, struct err *err);

/* Keys that a chunk wrote, or some of them. All is lent while the call runs, which may ask the ledger. */
struct ledger_written {
    int64_t job, chunk;
    struct str source;          /* of the job */
    const struct unit *unit;    /* whose files they count by */
    struct str columns;         /* of the keys then, as in runs */
    struct str packed;
};
typedef int ledger_on_keys(void *context, const struct ledger_written *written, struct err *err);
/* Of the units that loaded these files last; of a file that was loaded in parts, of all parts. */
int ledger_old_keys(struct db *db, int64_t job, const struct unit *unit, ledger_on_keys *keys, void *context,
                    struct err *err);
/* Of all that was ever loaded, by any job. */
int ledger_all_keys(struct db *db, ledger_on_keys *keys, void *context, struct err *err);
/* Which unit loaded a file last: 1, 0 when none, -1. */
int ledger_unit_of_file(struct db *db, int64_t job, uint32_t root, struct str path, int64_t *ret, struct err *err);

/* A file as an earlier run left it. */
struct ledger_file {
    uint32_t root;
    struct str path;
    int64_t size;               /* negative: to be loaded again, see above */
    int64_t mtime_ns;
    int64_t unit;               /* that loaded it last; negative: of a file in parts, some of which are missing */
    struct str hash;            /* of its content, 16 bytes; empty for a file in parts */
};                              /* path and hash are lent until the next one */
/* The files of a job in order of (root, path), fetched in pages. The last page is refused (W0604) when the files do not
 * sum up to what the job's last run, if that is done, kept of them. */
struct ledger_files {
    struct db *db;
    int64_t job;
    struct buf page;
    size_t at, last, rows;      /* of the page: where the next row begins, where the last one does, how many there are */
    bool started, ended;
    uint64_t n, sum;
    char expected[40];          /* empty: nothing was kept */
};
int ledger_files_open(struct ledger_files *files, struct db *db, int64_t job, struct err *err);
int ledger_files_next(struct ledger_files *files, struct ledger_file *ret, struct err *err);
void ledger_files_release(struct ledger_files *files);

/* The table's name as SQL: windrow.units or windrow_units. */
int ledger_sql(const struct db *db, const char *text, struct buf *out);

#endif
