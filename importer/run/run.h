/* run/run.h: the whole of a load or a check: mapping, target, ledger, workers, account. What cli/ calls. */
#ifndef WINDROW_RUN_RUN_H
#define WINDROW_RUN_RUN_H

#include "map/program.h"
#include "report/progress.h"
#include "report/summary.h"
#include "sink/db.h"

enum run_level { RUN_LOAD = 0, RUN_PARSE, RUN_TYPES, RUN_CONSTRAINTS, RUN_REHEARSE };

/* A load that makes the same of the same source, whenever and wherever it runs: the clock stands still, files have no times
 * of their own, rows are written in the order of the source. */
struct run_fixture {
    int64_t now_us;
    /* Called before the mapping is compiled; it may be changed. */
    int (*mapping)(void *context, struct db *db, const struct catalog *catalog, struct mapping *m, struct err *err);
    /* Called in the transaction that plans the run, before the ledger is asked what earlier runs did. */
    int (*begin)(void *context, struct db *db, const struct program *p, struct err *err);
    void *context;
};

struct run_options {
    enum run_level level;
    const char *mapping;            /* path of the file */
    const char *const *sources;
    size_t n_sources;
    const char *target;             /* NULL: none (parse, types, constraints) */
    const char *schema_dir;         /* where schema/<system>/ is found, for constraints without a target */
    unsigned jobs;                  /* 0: the number of cores */
    uint64_t memory;
    bool has_max_rejects;
    uint64_t max_rejects;
    double max_reject_percent;      /* 0: not given */
    bool stop_on_reject;
    bool fresh, rehash, prune;
    const struct program_set *sets;
    size_t n_sets;
    bool no_sql;                    /* refuse after: and conflict conditions */
    bool examples;                  /* a check that may invent tables from the mapping when no others are known */
    int64_t replay;                 /* not a load: a second try of the rejects of this run, of this job */
    int64_t replay_job;
    const char *mended;             /* a file of exported rejects, with changed records; NULL: as they were */
    const struct run_fixture *fixture;      /* NULL: a load like any other */
    enum progress_mode progress;
    bool hide_values;
};

struct run_result {
    struct summary summary;         /* lends from what follows */
    struct mapping_faults faults;   /* of the mapping: nothing was touched */
    struct err failure;             /* why the run ended early; scope 0: it did not */
    struct mapping *mapping;
    struct run *run;
    struct arena arena;
};

/* Do it. Always fills *ret, which the caller releases; the exit status is summary_status(&ret->summary). */
void run_execute(const struct run_options *o, struct run_result *ret);
/* The throw-away database of a check that is done, until run_result_release(); NULL: there was none. */
const char *run_scratch(const struct run_result *r);
void run_result_release(struct run_result *r);

#endif
