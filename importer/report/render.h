/* report/render.h: findings as text for people, in the manner of rustc: the message, the place and line in the data
 * with carets, the place and line in the mapping, what happened, what to do. Foreign text is escaped. */
#ifndef WINDROW_REPORT_RENDER_H
#define WINDROW_REPORT_RENDER_H

#include "base/buf.h"
#include "report/finding.h"

struct render_options {
    bool color;
    size_t columns;     /* of the terminal; 0 is 120. Lines of data are cut to it, around the caret */
};

/* A block of lines. -1 when out of memory. `options` may be NULL. */
int render_finding(struct buf *ret, const struct finding *finding, const struct render_options *options);
int render_group(struct buf *ret, const struct finding_group *group, const struct render_options *options);

/* All groups with an empty line after each, what was left out, and how to read more about the codes. Nothing for an
 * empty collection. */
int render_findings(struct buf *ret, const struct findings *findings, const struct render_options *options);

/* "tmp/42/profile.json:17:16", or "tmp/42/x.bin at byte 5" without a line; escaped, the path cut to `columns`
 * (0: whole). */
int render_place(struct buf *ret, const struct finding_place *place, size_t columns);

#endif
