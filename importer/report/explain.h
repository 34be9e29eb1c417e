/* report/explain.h: what each code means, for `windrow explain` and docs/findings.md. */
#ifndef WINDROW_REPORT_EXPLAIN_H
#define WINDROW_REPORT_EXPLAIN_H

#include "base/code.h"

#include <stdio.h>

/* Title and explanation of one code, wrapped at 80 columns. -1 when writing fails. */
int explain_text(enum code code, FILE *out);

/* All codes, a line each. */
int explain_list(FILE *out);

/* docs/findings.md as it is committed. */
int explain_markdown(FILE *out);

#endif
