/* ledger/seal.h: a number over the columns of a ledger's row, kept beside them: what was changed since shows. It tells of
 * damage, not of forgery. */
#ifndef WINDROW_LEDGER_SEAL_H
#define WINDROW_LEDGER_SEAL_H

#include "base/str.h"

struct seal {
    unsigned char state[16];
};

/* Begin with a seal that is all zero. */
void seal_text(struct seal *s, struct str text);    /* at NULL: null, which is not the empty text */
void seal_number(struct seal *s, int64_t n);
int64_t seal_end(const struct seal *s);

/* Of one value alone; and of a row that is packed so that its bytes tell its columns apart, which is quicker. */
int64_t seal_of(struct str bytes);
int64_t seal_row(struct str packed);

#endif
