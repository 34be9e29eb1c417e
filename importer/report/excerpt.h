/* report/excerpt.h: one line of data or mapping, cut to a width around the part that is to be underlined. */
#ifndef WINDROW_REPORT_EXCERPT_H
#define WINDROW_REPORT_EXCERPT_H

#include "base/buf.h"

struct excerpt {
    struct str text;
    uint64_t first_column;  /* column of text's first character; 0 is 1 */
    bool cut;               /* the line goes on behind text */
    uint64_t column;        /* where the part begins; 0: there is none */
    uint32_t length;        /* in characters; 0: the token that stands there */
    size_t room;            /* columns on the terminal */
};

/* The part's place below the shown line, in columns of the terminal. */
struct excerpt_mark {
    size_t at, width;       /* width 0: nothing to underline */
};

/* Append the line as it is to be shown (escaped, tabs expanded, no line end). -1 when out of memory. */
int excerpt_show(const struct excerpt *e, struct buf *ret, struct excerpt_mark *ret_mark);

#endif
