/* report/state.h: what a database calls a failure, for people. */
#ifndef WINDROW_REPORT_STATE_H
#define WINDROW_REPORT_STATE_H

#include "base/buf.h"

/* Is `state` (of struct err or a finding) a SQLSTATE? Else it is the number of SQLite's extended result
 * code, which is shorter and has digits only. */
bool state_is_sqlstate(const char *state);
/* "SQLSTATE 23505", or "SQLite 787, FOREIGN KEY constraint failed". -1 when out of memory. */
int state_text(const char *state, struct buf *out);

#endif
