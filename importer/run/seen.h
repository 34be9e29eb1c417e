/* run/seen.h: where other rows came from that have to do with a refused one: the row whose key it has, and the row that it
 * refers to, if that was refused itself.
 *
 * Rows are told apart by their identity (sink/sink.h). A load's ledger knows the keys of all chunks with file and line; a
 * check keeps the identities of its rows in a temporary file, ten bytes or so for each. Nothing is looked up there while
 * rows are written: a finding that will be shown remembers the identity, and one pass at the end fills in the places. Of
 * refused rows whose tables others refer to, the keys are kept in memory, as many as KEPT_MAX. */
#ifndef WINDROW_RUN_SEEN_H
#define WINDROW_RUN_SEEN_H

#include "run/run_internal.h"

/* When the tables are known. */
int seen_open(struct run *run, struct err *err);
void seen_close(struct run *run);       /* accepts a run without */

/* Does this run keep identities itself? */
bool seen_keeps(const struct run *run);
/* Rows that were written, into the keys of the chunk. */
int seen_rows(struct worker *w, const struct program_rule *rule, const struct outgoing *o);
/* The chunk's keys, when it is done. */
int seen_chunk(struct worker *w, struct err *err);
/* The chunk will not stay, but what it found is told: what can be explained by its own rows. */
void seen_undone(struct worker *w);

/* A row was refused: by the database (o, row), or before there was one (o NULL). `line` is the true one. */
void seen_refused(struct worker *w, const struct program_rule *rule, const struct outgoing *o, size_t row,
                  const struct entry *file, uint64_t line);
/* What may explain the refusal of this row, into a finding that will be shown. Asks the database. */
void seen_clues(struct worker *w, const struct program_rule *rule, const struct outgoing *o, size_t row, struct finding *f);

/* The places for all findings that the run shows. */
void seen_settle(struct run *run);

#endif
