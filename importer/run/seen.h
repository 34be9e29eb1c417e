/* run/seen.h: which file and line made each row of a throw-away SQLite database, so that a duplicate can name the row
 * that came first.
 *
 * SQLite numbers rows one after the other, so for each write it is enough to keep the first number and the lines, packed,
 * in a table of the throw-away database: two or three bytes a row, none of them in memory. Where the mapping gives the
 * number (INTEGER PRIMARY KEY) that is kept too. Tables that refer to themselves are left out: their rows may change order. */
#ifndef WINDROW_RUN_SEEN_H
#define WINDROW_RUN_SEEN_H

#include "run/run_internal.h"

/* Make the table. */
int seen_create(struct db *db, struct err *err);

/* Does the mapping number the rows of this rule? *cell: with which cell. */
bool seen_by_value(const struct program_rule *rule, uint16_t *cell);
/* Before a write: the highest number of a row so far; -1 when this table is left out. */
int64_t seen_before(struct worker *w, const struct program_rule *rule);
/* After it: `n` rows were inserted. */
int seen_after(struct worker *w, const struct program_rule *rule, const struct outgoing *o, int64_t before, uint64_t n,
               struct err *err);
/* During it: where the row came from that stands in the way of `row`, whose refusal has just been told. The path is in the
 * worker's arena. */
bool seen_find(struct worker *w, const struct program_rule *rule, const struct outgoing *o, int64_t before, size_t row,
               struct finding_place *ret);

#endif
