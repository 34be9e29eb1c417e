/* run/replay.h: open rejects go through the pipeline again, a unit of work at a time.
 *
 * The bytes are those that the ledger kept, or what a mended file puts in their place; captures, siblings and addresses
 * are those of the file that they came from. Of a record that gave several rows only those that were refused are made
 * again. Rows, the chunk's entry and the new state of the rejects commit together. */
#ifndef WINDROW_RUN_REPLAY_H
#define WINDROW_RUN_REPLAY_H

#include "run/run_internal.h"

/* Try all open rejects of run->id; repeated while some pass, since a row may have waited for its parent. */
int run_replay(struct run *run, struct err *err);

/* What chunk.c and write.c ask while w->replay is set. */

/* Is the row that is being made one of the refused? Remembers which. */
bool replay_wants(struct worker *w);
/* The one it is, for origins; 0 outside of replays. */
uint32_t replay_current(const struct worker *w);
/* It was refused once more; `item` as replay_current() gave it. */
void replay_refused(struct worker *w, uint32_t item);
/* The record that it is in could not be read. */
void replay_broken(struct worker *w);
struct str replay_record(const struct worker *w, uint32_t item);
/* In the transaction: those that passed are settled. */
int replay_settle(struct worker *w, struct db *db, struct err *err);

#endif
