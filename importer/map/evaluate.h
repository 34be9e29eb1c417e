/* map/evaluate.h: run a program over records. One evaluator a worker; it knows the current group and file. */
#ifndef WINDROW_MAP_EVALUATE_H
#define WINDROW_MAP_EVALUATE_H

#include "map/program.h"
#include "convert/row.h"
#include "source/entry.h"

struct opener;
struct evaluator;

/* Where results go. */
struct evaluate_out {
    void *context;
    /* A finished row; cells are lent until the call returns. -1 stops. */
    int (*row)(void *context, const struct program_rule *rule, const struct cell *cells, struct err *err);
    /* A row that could not be made; e has every place. It counts as read and rejected. */
    void (*rejected)(void *context, const struct program_rule *rule, struct err *e);
    /* A row that `where:` left out. */
    void (*skipped)(void *context, const struct program_rule *rule);
    /* A value was mended or replaced on request; e tells which and why. `did` is 0 for on_error: null and default. */
    void (*mended)(void *context, const struct program_rule *rule, unsigned did, struct err *e);
    /* Something is wrong with a document or an index's file; told once for each group. */
    void (*sibling)(void *context, struct err *e);
    /* An entry of an index that nothing asked for: its key and place. */
    void (*orphan)(void *context, const struct program_index *index, struct str key, struct str path, uint64_t line);
    /* A warning of the mapping; e tells the record and the text. It changes no count. */
    void (*warned)(void *context, const struct program_rule *rule, struct err *e);
    /* A key that no rule of this file reads; NULL: do not look. */
    void (*unread)(void *context, const struct program_rule *rule, const struct value *object, struct str key,
                   const struct value *item);
};

/* What `now` answers; `of_files`: $file.mtime answers the same, whatever the files say. */
struct evaluate_clock {
    int64_t now_us;
    bool of_files;
};

/* `memory` is for the files beside the one being read, see lookup.h; 0: no bound. */
struct evaluator *evaluator_new(const struct program *p, struct opener *opener, const struct evaluate_out *out,
                                struct evaluate_clock clock, size_t memory, struct err *err);
void evaluator_free(struct evaluator *ev);

/* The files of the group that is being worked on, sorted by (root, path); lent until the next group. Ends the group
 * before: orphans are told. */
int evaluator_group(struct evaluator *ev, const struct entry *files, size_t n, struct err *err);

/* Files outside of every group that documents and indexes may ask for; lent as long as the evaluator lives. */
void evaluator_globals(struct evaluator *ev, const struct entry *files, size_t n);

/* The file whose records follow, for this rule. False when no pattern of the rule matches it. */
bool evaluator_file(struct evaluator *ev, const struct program_rule *rule, const struct entry *file);

/* All rows of one record for the rule and file set last. -1 only when the run must stop (scope ERR_RUN, or on_error: stop). */
int evaluator_record(struct evaluator *ev, const struct record *record, struct err *err);

/* During a call of evaluate_out: where in its record the row stands, as the indexes of the each: levels above it, from the
 * outermost, packed into one number of 64 / n_each bits each; *depth levels are known (fewer than n_each when the
 * container itself is at fault), the others are 0. False when an index does not fit. */
bool evaluator_steps(const struct evaluator *ev, unsigned *depth, uint64_t *steps);
/* One of these indexes: level 0 is the outermost. */
static inline uint64_t evaluator_step(uint64_t steps, unsigned n_each, unsigned level)
{
    unsigned bits = n_each ? 64 / n_each : 64;

    return bits == 64 ? steps : (steps >> (bits * (n_each - 1 - level))) & (((uint64_t)1 << bits) - 1);
}

/* During `row` and `rejected`: the first cell of the rule's column `i`, made anew if need be; NULL where it cannot be made, or
 * there was no row yet to make it of. */
const struct cell *evaluator_cell(struct evaluator *ev, size_t i);

/* The text form of a cell for ids and keys; false for kinds that have none (json, arrays, bytes, null). */
bool cell_text(const struct cell *cell, struct buf *out);

#endif
