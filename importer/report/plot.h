/* report/plot.h: plots as inline SVG without text or script: labels are HTML beside them, so that they stay readable
 * however narrow the page is. Colours come from the page's style sheet by class. */
#ifndef WINDROW_REPORT_PLOT_H
#define WINDROW_REPORT_PLOT_H

#include "report/out.h"
#include "report/samples.h"

struct plot_part {
    const char *class;
    uint64_t n;
};

/* A bar of parts beside each other; `max` is as wide as the plot. Nothing but zeros is an empty bar. */
void plot_bar(struct out *o, const struct plot_part *parts, size_t n, uint64_t max);

/* What grew between two samples, a second. */
enum plot_what { PLOT_ROWS, PLOT_BYTES };

/* The highest rate of all; 0 when there are fewer than two points in time. */
double plot_rate_max(const struct samples *samples, enum plot_what what);

/* The rate over time as a filled curve, `max` at the top. */
void plot_rate(struct out *o, const struct samples *samples, enum plot_what what, double max);

#endif
