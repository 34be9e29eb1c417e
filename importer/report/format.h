/* report/format.h: numbers as people read them. All append; -1 when out of memory. */
#ifndef WINDROW_REPORT_FORMAT_H
#define WINDROW_REPORT_FORMAT_H

#include "base/buf.h"

#include <stdint.h>

int format_count(struct buf *ret, uint64_t n);          /* 1,234,567 */
int format_bytes(struct buf *ret, uint64_t n);          /* 512 B, 1.83 GiB */
int format_clock(struct buf *ret, uint64_t ns);         /* 0:07, 2:14, 1:02:14 */
int format_duration(struct buf *ret, uint64_t ns);      /* 0.313 s, 12.4 s, 2:14 */
int format_plural(struct buf *ret, uint64_t n, const char *one, const char *many);  /* "1 row", "1,204 rows" */

#endif
