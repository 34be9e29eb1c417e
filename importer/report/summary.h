/* report/summary.h: the account of a run, one model with four writers.
 *
 * run/ fills the model (all pointers are lent while a function here runs, zero or NULL means "nothing to say");
 * exit status, last line and every report come from it, so they cannot disagree. */
#ifndef WINDROW_REPORT_SUMMARY_H
#define WINDROW_REPORT_SUMMARY_H

#include "base/buf.h"
#include "report/finding.h"
#include "report/samples.h"
#include "report/tally.h"

/* How the run ended; with the counts this decides the exit status. */
enum summary_end {
    SUMMARY_DONE = 0,       /* 0, or 3 with rejects (check: with findings that are errors) */
    SUMMARY_INTERNAL,       /* 1 */
    SUMMARY_USAGE,          /* 2: usage or mapping, nothing touched */
    SUMMARY_LIMIT,          /* 4: stopped by the reject limit or by on_error: stop */
    SUMMARY_DATABASE,       /* 5 */
    SUMMARY_DIFFERENT,      /* 6: verify, expect */
    SUMMARY_INTERRUPTED,    /* 7 */
    SUMMARY_NOTHING,        /* 8: nothing matched */
};

struct summary_table {
    struct str name;
    uint64_t read, inserted, updated, same, rejected, skipped;  /* loaded: inserted + updated + same */
    uint64_t deleted;       /* rows of files that have changed or gone; not among those read */
    uint64_t bytes;         /* as sent to the database */
    uint64_t time_ns;       /* summed over workers */
    const struct tally *skips;      /* reasons */
};

struct summary_kind {
    struct str name;        /* the pattern */
    uint64_t files, unchanged /* loaded by an earlier run */, failed /* could not be read */;
    uint64_t records, bytes, time_ns;
};

enum summary_state { SUMMARY_LOADED = 0, SUMMARY_UNCHANGED, SUMMARY_FAILED, SUMMARY_UNFINISHED };

struct summary_file {
    struct str source;      /* which of several it is in; empty: there is one */
    struct str path;
    enum summary_state state;
    uint64_t bytes, records, rejected;
};

struct summary {
    bool check;             /* dry run: "would load" */
    struct str command;     /* "load", "check", "rejects replay" */
    struct str level;       /* of check: reached; empty else */
    struct str run;         /* run id */
    struct str mapping, mapping_digest;
    const struct str *sources;
    size_t n_sources;
    struct str target;      /* without password */
    struct str version;     /* windrow's own */
    struct str started;     /* ISO 8601, UTC; empty in tests */
    uint64_t wall_ns, cpu_ns, peak_bytes;
    unsigned jobs;
    uint64_t retries;       /* chunks rolled back and written again: a lost connection, a deadlock */

    const struct summary_table *tables;
    size_t n_tables;
    const struct summary_kind *kinds;
    size_t n_kinds;
    const struct summary_file *files;   /* bounded by the caller */
    size_t n_files;
    uint64_t files_left_out;
    uint64_t source_bytes;              /* of all matched files */

    const struct findings *findings;
    /* Coverage. Names are: "KIND .path", the file, "INDEX key", "TABLE.COLUMN". */
    const struct tally *unread, *unmatched, *orphans, *unfilled;
    const struct tally *entries;        /* of the source that were skipped, by reason */
    const struct tally *idle;           /* patterns of rules that matched no file */
    const struct tally *vanished;       /* files that earlier runs loaded and that are gone */
    const struct tally *mended;         /* values changed because the mapping asked: "users.name: NUL removed" */
    const struct str *assumptions;      /* "times without zone in users.created_at are Europe/Berlin" */
    size_t n_assumptions;
    const struct samples *samples;

    enum summary_end end;
    struct str end_reason;              /* beside `end`: the failure's message; empty when none */
    uint64_t earlier_rejects;           /* of this run, refused before it was interrupted, and still open */
    uint64_t open_rejects;              /* of a replay: those of the run that stay open */
    uint64_t left_rejects;              /* of them: without a line in the file that was replayed */
    uint64_t undone_rejects;            /* of work that was rolled back because the limit was reached; not in the tables */
    uint64_t reject_limit;              /* UINT64_MAX or 0: none */
    struct str next;                    /* the command to type next; empty when none */
};

/* Over all tables. `balanced`: read = loaded + rejected + skipped in each of them. */
struct summary_totals {
    uint64_t read, loaded, inserted, updated, same, rejected, skipped, deleted, bytes;
    uint64_t files, unchanged, failed, records, source_bytes;   /* over all kinds */
    bool balanced;
};
struct summary_totals summary_totals(const struct summary *s);

/* The published exit status; 1 instead of 0 or 3 when the account does not balance. */
int summary_status(const struct summary *s);

/* The last line, without line end: "done: 12 rows loaded, nothing refused". */
int summary_verdict(const struct summary *s, struct buf *ret);

/* The account alone: heading, tables, totals, coverage, and the verdict as last line; for terminals, where findings
 * are shown by render_findings(). */
int summary_account(const struct summary *s, struct buf *ret);

/* The writers; text is findings and account. */
int summary_text(const struct summary *s, struct buf *ret);
int summary_json(const struct summary *s, struct buf *ret);
int summary_html(const struct summary *s, struct buf *ret);
int summary_xml(const struct summary *s, struct buf *ret);

/* Check beforehand that the ending of `path` is one of .txt .json .html .xml (ERR_RUN W0101 else). */
int summary_check_path(const char *path, struct err *err);

/* Write the form that the ending asks for to a new file beside `path` (mode 0600), sync, and rename it. */
int summary_write(const struct summary *s, const char *path, struct err *err);

#endif
