/* report/jsonout.h: JSON written piece by piece, with commas, indents and escapes seen to.
 *
 * Reports may be larger than one would hold as a tree, and their text is foreign; so the writer streams into a buffer
 * and all strings pass report/escape.h. Calls do not fail one by one: `failed` is set and the rest does nothing. */
#ifndef WINDROW_REPORT_JSONOUT_H
#define WINDROW_REPORT_JSONOUT_H

#include "base/buf.h"

#include <stdint.h>

enum { JSONOUT_DEPTH_MAX = 16 };

struct jsonout {
    struct buf *buf;
    bool compact;           /* one line */
    bool failed;
    bool pending_name;      /* a member's name was written, its value comes next */
    unsigned depth;
    bool filled[JSONOUT_DEPTH_MAX];     /* something stands before at this depth */
};

void jsonout_init(struct jsonout *j, struct buf *buf, bool compact);

/* The next member's name; the value must follow. */
void jsonout_name(struct jsonout *j, const char *name);

void jsonout_open(struct jsonout *j, char bracket);     /* '{' or '[' */
void jsonout_close(struct jsonout *j, char bracket);    /* '}' or ']' */
void jsonout_str(struct jsonout *j, struct str s);
void jsonout_text(struct jsonout *j, const char *text);
void jsonout_uint(struct jsonout *j, uint64_t n);
void jsonout_double(struct jsonout *j, double d, int digits);   /* not finite: null */
void jsonout_bool(struct jsonout *j, bool b);
void jsonout_null(struct jsonout *j);
void jsonout_raw(struct jsonout *j, struct str json);   /* JSON text by the caller's word */

/* name and value in one, leaving out what is empty or zero. */
void jsonout_member_str(struct jsonout *j, const char *name, struct str s);
void jsonout_member_uint(struct jsonout *j, const char *name, uint64_t n);      /* always written */
void jsonout_member_place(struct jsonout *j, const char *name, uint64_t n);     /* left out when 0 */

#endif
