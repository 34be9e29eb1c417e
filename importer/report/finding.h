/* report/finding.h: one complaint, with its places, and the bounded collection in which equal ones are one group.
 *
 * A finding lends all its text; a collection keeps copies, each string cut to a bound, the excerpt around its
 * column. */
#ifndef WINDROW_REPORT_FINDING_H
#define WINDROW_REPORT_FINDING_H

#include "base/err.h"
#include "base/str.h"

enum finding_severity { FINDING_ERROR = 0, FINDING_WARNING, FINDING_NOTE };

/* What became of the row, value or file. */
enum finding_outcome {
    FINDING_NONE = 0, FINDING_REJECTED, FINDING_REPLACED, FINDING_STOPPED, FINDING_SKIPPED,
};

const char *finding_severity_name(enum finding_severity severity);    /* "error" */
const char *finding_outcome_name(enum finding_outcome outcome);       /* "rejected"; "" for NONE */

enum { FINDING_PARENTS_MAX = 4 };

/* A place in the data. */
struct finding_place {
    struct str file;        /* with archive member, as it is to be shown; empty when unknown */
    uint64_t line, column;  /* from 1; 0 when unknown; columns count characters */
    uint64_t byte;          /* from 0; meaningful when has_byte */
    bool has_byte;
    struct str pointer;     /* JSON Pointer */
    const char *source;     /* which of several sources the file is in; lives as long as the run. NULL: there is only one */
};

struct finding {
    enum code code;
    enum finding_severity severity;
    enum finding_outcome outcome;
    char sqlstate[6];
    struct str message, label, help;    /* empty message: the code's title */

    struct finding_place at;
    struct str excerpt;                 /* the line at.line or a part of it, without its line end; may be empty */
    uint64_t excerpt_column;            /* column of the excerpt's first character; 0 is 1 */
    bool excerpt_cut;                   /* the line goes on behind the excerpt */
    uint32_t length;                    /* characters to underline; 0: the token that begins there */
    struct str value;

    struct str mapping_file, mapping_text;              /* mapping_text: the line mapping_line */
    uint32_t mapping_line, mapping_column, mapping_len; /* from 1; 0 when unknown */

    struct str kind;                    /* of files: the pattern or name under which summary lists them */
    struct str table, column;
    struct str row;                     /* "addresses, number 2 of users(42)" */
    struct str note;                    /* after the outcome: "1 of at most 100" */

    struct finding_place other;         /* a second place, as of the row that came first; empty file: none */
    struct str other_label;             /* "first seen here" */

    /* Until run/ knows their places: the row whose key this one has, and those it refers to (run/seen.h). 0: none. */
    uint64_t rival, parents[FINDING_PARENTS_MAX];
};

/* The finding that `err` describes: an error; text is lent from `err`. */
struct finding finding_of(const struct err *err);

/* Source order: path bytes, line, byte, column, then all else, so that only equal findings compare equal. */
int finding_order(const struct finding *a, const struct finding *b);

enum { FINDING_EXAMPLES_MAX = 4 /* one shown in full and three more */, FINDINGS_GROUPS_MAX = 1000 };

/* Findings of one kind: severity, code and mapping place, table and column are the same; where no mapping place is
 * known, or none in the data, the message too. */
struct finding_group {
    uint64_t count;
    struct finding *examples[FINDING_EXAMPLES_MAX]; /* the first of all in source order; owned */
    size_t n_examples;                              /* at least 1 */
};

/* `= {0}` is an empty collection. What it holds depends on what was added, not on the order or on the way over several
 * collections: of too many groups those with the lowest keys (what stopped the run, severity, code, mapping place ...)
 * stay. One thread at a time. */
struct findings {
    struct finding_group *groups;   /* in order of their keys */
    size_t n, capacity;
    size_t max;                     /* groups; 0 is FINDINGS_GROUPS_MAX */
    uint64_t count[3];              /* all that were added, by severity */
    uint64_t overflow;              /* those that belong to no group kept */
    bool hide_values;               /* keep neither excerpts nor values, nor messages about a record (personal data) */
};

/* Would findings_add() keep it as one that is shown? */
bool findings_shows(const struct findings *f, const struct finding *finding);

/* Copy `finding` in. -1 when out of memory; the finding is counted all the same. */
int findings_add(struct findings *f, const struct finding *finding, struct err *err);

/* Move all of `from` into `to`; `from` is empty afterwards, also on failure. */
int findings_merge(struct findings *to, struct findings *from, struct err *err);

void findings_release(struct findings *f);

#endif
