/* When the room is used up every second point goes and the interval doubles, so the plot stays even. */
#include "report/samples.h"

static const uint64_t FIRST_INTERVAL_NS = 100000000;

static void thin(struct samples *s)
{
    size_t kept = 0;

    for (size_t i = 0; i < s->n; i += 2)
        s->points[kept++] = s->points[i];
    s->n = kept;
    s->interval_ns *= 2;
}

void samples_add(struct samples *s, uint64_t at_ns, uint64_t bytes, uint64_t rows)
{
    if (s->interval_ns == 0)
        s->interval_ns = FIRST_INTERVAL_NS;
    if (s->n > 0 && at_ns < s->points[s->n - 1].at_ns + s->interval_ns)
        return;
    samples_end(s, at_ns, bytes, rows);
}

void samples_end(struct samples *s, uint64_t at_ns, uint64_t bytes, uint64_t rows)
{
    if (s->interval_ns == 0)
        s->interval_ns = FIRST_INTERVAL_NS;
    if (s->n == SAMPLES_MAX)
        thin(s);
    s->points[s->n++] = (struct sample){at_ns, bytes, rows};
}
