/* run/run_internal.h: shared by run.c (start, end), worker.c (claim, commit, retry), chunk.c (files to rows),
 * remark.c (what is said of them), write.c, refusal.c, reconcile.c (rows to the sink) and entry.c (rows to the ledger). */
#ifndef WINDROW_RUN_RUN_INTERNAL_H
#define WINDROW_RUN_RUN_INTERNAL_H

#include "base/stop.h"
#include "ledger/keys.h"
#include "ledger/keyset.h"
#include "ledger/ledger.h"
#include "ledger/rejects.h"
#include "map/evaluate.h"
#include "run/account.h"
#include "run/lines.h"
#include "run/patience.h"
#include "run/survey.h"
#include "run/run.h"
#include "run/tempdir.h"
#include "sink/sink.h"

#include <pthread.h>

/* failover.c: the server that the run began on, and what it has acknowledged. */
struct failover {
    struct buf server;
    unsigned timeline;              /* the highest that was met */
    int64_t *units;                 /* committed by this process, in order */
    size_t n, capacity;
    uint64_t forgotten;             /* of these: so many chunks the target had lost again */
};

/* One for the run, shared by its workers. */
struct run {
    const struct run_options *o;
    struct mapping *mapping;
    struct str *mapping_lines;      /* text of each line of the mapping, for findings */
    size_t n_mapping_lines;
    struct catalog catalog;
    struct program *p;
    const struct sink_ops *ops;     /* NULL: nothing is written */
    const char *target;
    struct sink *first;             /* SQLite: the only one; rehearse: the only one; else for planning and the end */
    struct sink_spec *specs;        /* by rule */
    struct arena arena;
    bool ledger;                    /* chunks are entered and committed */
    bool recalls;                   /* what earlier runs did is known from the ledger */
    bool recalls_nothing_same;      /* but by another mapping: every file is to be loaded again */
    bool hold;                      /* rehearse: one transaction, rolled back at the end */
    int64_t job, id, started_us;
    struct evaluate_clock clock;
    int lock_fd;                    /* on a SQLite file; -1: none */
    uint64_t undone_rejects;        /* of the chunk in which the limit was reached */
    uint64_t open_rejects, left_rejects;    /* after a replay, see report/summary.h */
    int64_t all_rejects;            /* of the run, when it is done; also those of earlier processes */
    bool left;                      /* units are open that this process cannot get at */
    struct lines *lines;
    uint64_t start_ns;
    unsigned jobs;
    struct tempdir dir;             /* of a throw-away database */
    char *scratch;                  /* its path; NULL: none */
    struct server *server;          /* or the server it is on */
    struct seen *seen;
    bool scratch_made;              /* target and ops are of a throw-away database */
    const char *checked;            /* the target whose tables it has; NULL: none */
    struct db_result *sequences;    /* by rule, before a rehearsal */
    struct findings notes;          /* of the time before there is an account */

    pthread_mutex_t claim_lock;     /* PostgreSQL: one worker claims at a time */
    pthread_mutex_t sink_lock;      /* whoever writes to a shared sink */
    pthread_mutex_t lock;           /* all below */
    pthread_cond_t changed;
    struct survey *survey;            /* without a ledger workers take units from here */
    struct account account;
    struct samples samples;
    struct progress progress;
    struct survey_out survey_out;
    struct unit globals;            /* files that all groups see */
    struct ledger_files known;
    struct opener *opener;          /* of the survey */
    uint64_t n_units, matched;      /* found by the survey */
    uint64_t total_bytes, total_files;
    struct failover failover;
    int64_t *claimed;               /* units in work, by worker; 0: none */
    int64_t given;                  /* without a ledger: units given out so far */
    struct err failure;
    enum summary_end end;           /* SUMMARY_DONE while nothing stops the run */
    bool stopping;
    unsigned working;               /* workers that have not ended */
    uint64_t committed_ns, retries;
};

/* Where a row came from. Lines count from the part's first until a finding needs the true one. */
struct origin {
    uint64_t line, byte, index;     /* of the record */
    uint32_t file, len;
    uint64_t steps;                 /* the row in the record, see evaluator_steps() */
    uint8_t depth;                  /* so many of the steps; 0: the record as a whole */
    bool lost;                      /* they could not be kept */
    uint32_t item;                  /* of a replay */
};

/* What became of a file, for the summary. A unit may have millions. */
struct file_count {
    uint64_t records : 56;
    enum summary_state state : 8;
    uint64_t rejected;
};

/* Rows of one rule on their way. */
struct outgoing {
    struct sink_rows rows, keys;    /* keys: of the same rows, when the rule has one and there is a ledger */
    struct origin *origins;
    size_t n_origins, capacity;
    uint32_t *refused;              /* rows of the last write that the database refused, in order */
    size_t n_refused, refused_capacity;
    uint32_t *skipped;              /* rows of the last write that another row keeps out */
    size_t n_skipped, skipped_capacity;
    bool streaming;
    size_t streamed;                /* bytes already handed to the server */
};

struct worker {
    struct run *run;
    unsigned number;
    pthread_t thread;
    struct sink *sink;              /* own, or run->first */
    bool begun;                     /* a transaction is open */
    bool again;                     /* the unit at hand is to be done once more */
    bool together;                  /* its rows wait for each other, see together.c */
    struct opener *opener;
    struct evaluator *ev;
    struct evaluate_out out;
    struct reader **readers;        /* by rule, opened when first used */
    struct sink_table **tables;     /* by rule */
    struct outgoing *outgoing;      /* by rule: rows that are new; then, by rule, rows of keys that these files wrote before */
    struct unit unit;

    /* The open chunk. */
    struct account account;
    struct arena arena;             /* marks, hashes */
    struct arena pending;           /* of what is for the ledger and not in it yet: rejects, images */
    size_t pending_bytes;
    struct ledger_reject *rejects, **last_reject;
    struct ledger_before *befores, **last_before;
    struct keys_writer keys;
    int64_t chunk_id;               /* of a chunk that is entered before its end, because it is large; else 0 */
    int64_t pieces;                 /* of its keys, as ledger_add_keys() sums them up */
    struct keyset old_keys;
    bool others_marked;             /* those that other files wrote as well are marked */
    struct sink_rows key_row;
    uint64_t lines;
    struct file_count *counts;      /* by file; NULL: none is counted */
    unsigned char *marks;           /* by file; NULL: none yet */
    unsigned char *hashes;          /* of the part, or of each file; NULL: not known */
    bool over_limit;                /* of rejects */
    const struct outgoing *refusing;    /* the row that the database has just refused; NULL: none */
    size_t refusing_row;
    const struct ledger_reject *kept;   /* the last one that holds its record's bytes */

    struct patience patience;       /* with what keeps a chunk from being committed */
    struct replay *replay;          /* rejects that are tried again; else NULL */

    /* The record being mapped. */
    uint32_t file;
    const struct program_rule *rule;
    const struct record *record;
    int fd;
    bool line_known;                /* lines of this part are true lines */
    uint64_t lines_ahead;           /* number of the first line of the part; 0 until somebody asks */
    struct err failure;             /* from a callback that cannot return one */
    struct err refusal;             /* of the row being encoded; empty between rows */
};

uint64_t run_now_ns(void);          /* monotonic */
static inline size_t rule_ordinal(const struct run *run, const struct program_rule *rule)
{
    return (size_t)(rule - run->p->rules);
}

/* prepare.c: the mapping, the target's tables, the program; -1 with faults or a failure. */
int run_prepare(struct run *run, struct run_result *ret);
void run_unprepare(struct run *run);
/* Fails when the database does not have the version of the schema that the mapping asks for. */
int run_require_schema(struct run *run, struct db *db, struct err *err);

/* scratch.c: a throw-away database with the tables that are to be checked. 1: run->target is it; 0: none can be had; -1. */
int scratch_make(struct run *run, struct err *err);
/* A copy of the SQLite target with all its rows, for rehearsals. */
int scratch_copy(struct run *run, struct err *err);
void scratch_remove(struct run *run);
/* A finding without a place in the data. */
void run_note(struct run *run, enum code code, enum finding_severity severity, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* rehearse.c: what a rehearsal inside a PostgreSQL target costs, as notes; before it begins, and when it is rolled back. */
int rehearse_begin(struct run *run, struct err *err);
void rehearse_end(struct run *run);

/* standing.c: survey_out.same, with the run as context. */
int standing_compare(void *context, const struct entry *file, const struct ledger_file *known,
                     struct survey_missing *missing, struct err *err);

/* For places: the source that a file is in, when there are several; else NULL. */
static inline const char *run_source(const struct run *run, uint32_t root)
{
    return run->o->n_sources > 1 && root < run->o->n_sources ? run->o->sources[root] : NULL;
}

/* Every connection of the run is opened with these. */
struct db_options run_db_options(const struct run *run);

/* share.c: how --memory is shared out. */
/* Of the readers, when the number of workers is known. */
void share_limit_records(struct run *run);
/* Bytes for the list of files of one group. */
uint64_t share_of_group(const struct run *run);
/* Bytes for documents and indexes, of one worker. */
uint64_t share_beside(const struct run *run);

/* agenda.c: what there is to do. With a ledger: the units are entered; without: run->survey is ready. */
int run_agenda(struct run *run, struct err *err);
/* The directories that the run was given, as the ledger's jobs keep them. */
int run_source_text(const struct run *run, struct buf *out, struct err *err);
/* --jobs, or the number of cores; run->jobs is what the run can use of them. */
unsigned run_jobs_wanted(const struct run *run);
/* The table and the columns of its key, as the ledger's runs keep them. */
int run_key_line(const struct program_rule *rule, struct buf *out);
/* failover.c: nothing of it happens on SQLite, nor before failover_begin(). */
/* This is the server that the run begins on. Outside of transactions, like the next. */
int failover_begin(struct run *run, struct db *db, struct err *err);
/* A new connection: -1 with W0523 when it leads elsewhere. */
int failover_meet(struct run *run, struct db *db, struct err *err);
/* The server, as the ledger keeps it of a run; and has it changed since the last run, which is not finished, began? */
int failover_text(const struct run *run, struct db *db, struct buf *out, struct err *err);
void failover_compare(struct run *run, const struct ledger_run *last);
/* A unit's commit is acknowledged. *again: it had been before, and its rows are counted; the target had lost it in between. */
int failover_acknowledge(struct run *run, int64_t unit, bool *again, struct err *err);
/* -1 with W0620 when the target has forgotten the run itself. */
int failover_remembered(struct run *run, struct db *db, struct err *err);
/* Say at the end what was lost. */
void failover_tell(struct run *run);
/* finish.c: what follows the last unit: after:, the run's end. *finished: this process did it. */
int run_finish(struct run *run, bool *finished, struct err *err);
/* The connection for planning and for the end, opened again if it was lost: while the workers were at work it was idle. */
int run_connected(struct run *run, struct err *err);
/* Record how a run ended that is not finished. */
void run_note_end(struct run *run, const char *state);
/* The statements of after: in a transaction of their own. */
int run_after(struct run *run, struct err *err);
/* The end of a rehearsal, inside its transaction: what a commit and after: would say. What fails is a finding. */
void run_rehearse_end(struct run *run);

/* worker.c */
int worker_open(struct worker *w, struct run *run, unsigned number, struct err *err);
void worker_close(struct worker *w);
/* Work until nothing is left or the run stops. Failures go to run_fail(). */
void worker_loop(struct worker *w);
/* Was it for want of memory, room or a readable file? The same command can go on when that is there. */
bool run_lacked(const struct err *err);
/* End the run for this reason; the first one wins. Takes the lock. */
void run_fail(struct run *run, enum summary_end end, struct err *err);
bool run_stopping(struct run *run);
/* Has --max-rejects P% been passed? Asked after each commit, when there are enough rows to tell, and at the end. */
void run_check_percent(struct run *run, bool last);
/* For replays: 0 committed, 1 not (try again), -1. The others as their names say. */
int worker_commit(struct worker *w, struct err *err);
/* After a failure: what was begun is rolled back, and the unit may be tried once more, on a new connection if need be. False:
 * there is no patience left, err says with what. */
bool worker_again(struct worker *w, struct err *err);
/* The ledger says that a commit without an answer was none. */
void run_lost_before_commit(struct err *err);
int worker_merge(struct worker *w, struct err *err);
void worker_roll_back(struct worker *w);
void run_draw(struct run *run);     /* takes the lock */

/* turn.c: units are committed in their order. */
void turn_claim(struct worker *w);                  /* w->unit is this worker's */
bool turn_claimed(const struct worker *w, int64_t unit);     /* by another worker of this process */
void turn_end(struct worker *w);
/* Until all earlier units of this process are done. -1: it must be written again after them, or the run has failed. */
int turn_wait(struct worker *w, struct err *err);

/* chunk.c: everything of w->unit, to rows that are written but not committed. */
int chunk_run(struct worker *w, struct err *err);
void chunk_clear(struct worker *w);
/* For replays: set up w->out; then records of one file for one rule: 1, 0 when the rule does not read it, -1. `in` NULL: it
 * has no content. */
void chunk_listen(struct worker *w);
int chunk_feed(struct worker *w, const struct program_rule *rule, uint32_t file, struct input *in, struct err *err);
/* Of the row that is being made. */
struct origin chunk_origin(const struct worker *w);

/* remark.c: what is said of a chunk's records. */
/* A failure that a callback cannot return: the chunk fails with it. Empties e. */
void remark_failure(struct worker *w, struct err *e);
/* Count and report a refusal: rule (NULL: none), its place in `e`, the record's bytes and place. Empties e. */
void remark_reject(struct worker *w, const struct program_rule *rule, struct str record, const struct origin *from,
                   struct err *e);
/* True lines instead of lines counted from the start of the part. */
int remark_true_line(struct worker *w, const struct entry *file, uint64_t *line, struct err *err);
/* For the evaluator, see evaluate_out; the context is the worker. */
void remark_mended(void *context, const struct program_rule *rule, unsigned did, struct err *e);
void remark_warned(void *context, const struct program_rule *rule, struct err *e);
void remark_sibling(void *context, struct err *e);
void remark_orphan(void *context, const struct program_index *index, struct str key, struct str path, uint64_t line);
void remark_no_orphan(void *context, const struct program_index *index, struct str key, struct str path, uint64_t line);
void remark_unread(void *context, const struct program_rule *rule, const struct value *object, struct str key,
                   const struct value *item);

/* write.c: rows on their way to the sink. */
int write_begin(struct worker *w, struct err *err);
int write_row(struct worker *w, const struct program_rule *rule, const struct cell *cells, struct err *err);
int write_flush(struct worker *w, const struct program_rule *rule, struct err *err);
/* All rows of the chunk have come. */
int write_end(struct worker *w, struct err *err);
/* What became of the rows of `o`, into the account and the ledger's entry; `o` is empty afterwards. */
int write_settle(struct worker *w, const struct program_rule *rule, struct outgoing *o, const struct sink_counts *counts,
                 struct err *err);
void write_clear(struct worker *w);
void write_release(struct worker *w);
struct str write_table(const struct program_rule *rule);
/* Are the keys of this rule's rows entered in the ledger? */
bool write_keeps_keys(const struct worker *w, const struct program_rule *rule);

/* The context of the sink's calls while the rows of a rule are written. */
struct write_flush {
    struct worker *w;
    const struct program_rule *rule;
    struct outgoing *o;
};

/* together.c: write all rows that are held, of all rules, but those that would wait in vain for others. */
int together_write(struct worker *w, struct err *err);

/* refusal.c: rows that the database does not take. */
/* The address of a row that was made and then refused: its record, and the rule or its column. */
void refusal_place(struct worker *w, const struct program_rule *rule, const struct origin *from, struct err *e);
/* For the sink: one row was refused; one was left out. */
void refusal_of_row(void *context, size_t row, struct err *e);
int refusal_skipped(void *context, size_t row, struct err *err);

/* reconcile.c: keys that the files of this unit wrote before, and do perhaps not any more. */
enum { RECONCILE_PRESENT = 1, RECONCILE_SHARED = 2 };   /* marks of old keys */
/* A row whose key is an old one: 1 when it is to be brought to its new state, 0 when it is written like a new one, -1. */
int reconcile_row(struct worker *w, const struct program_rule *rule, struct str key, struct err *err);
/* It was refused after all: the file does not give it any more. */
int reconcile_refused(struct worker *w, const struct program_rule *rule, struct str key, struct err *err);
/* Can these files be loaded again? Not by a rule without a key (W0609). */
int reconcile_possible(const struct program *p, const struct unit *unit, const struct survey_cause *cause, struct err *err);
int reconcile_read(struct worker *w, struct err *err);
int reconcile_delete(struct worker *w, struct err *err);
/* The file's ordinal in the unit; n_files when it is not in it. */
size_t reconcile_in_unit(const struct unit *unit, const struct entry *file);
/* Are the keys of this table packed now as they were in `columns`? If not they cannot be compared: rows that are gone stay. */
bool reconcile_same_columns(const struct worker *w, struct str table, struct str columns);

/* others.c: mark the old keys that another file, as it was loaded last, wrote too. */
int others_mark(struct worker *w, uint8_t mark, struct err *err);

/* entry.c: what the ledger is told. */
/* What became of the file that is being read. One that could not be read is not known as loaded. */
enum { ENTRY_OPENED = 1, ENTRY_FAILED = 2 };
int entry_mark(struct worker *w, unsigned char mark, struct err *err);
/* The hash of the file that is being read, or of the part. */
int entry_hash(struct worker *w, int fd, struct err *err);
/* For the sink: a row was updated. */
int entry_before(void *context, size_t row, struct str old, struct err *err);
/* Keys have lines that count from the first one of their part. */
uint64_t entry_line(const struct worker *w, uint64_t line);
int entry_image(struct worker *w, const struct program_rule *rule, struct str key, struct str old, bool deleted, struct err *err);
/* The keys of rows that were written. */
int entry_keys(struct worker *w, const struct program_rule *rule, struct outgoing *o, struct err *err);
/* Hand on what has been gathered when it has become much; only while no rows are streaming. */
int entry_relieve(struct worker *w, struct err *err);
bool entry_is_full(const struct worker *w);
/* The chunk's entry, its files, rejects and images. */
int entry_put(struct worker *w, struct err *err);

#endif
