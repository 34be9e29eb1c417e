/* Coordinates are 1,000 units wide and stretched to the page; strokes are not (vector-effect). */
#include "report/plot.h"

#include <inttypes.h>

enum { WIDTH = 1000, BAR_HEIGHT = 10, HEIGHT = 200 };
static const double NS_PER_S = 1e9;

void plot_bar(struct out *o, const struct plot_part *parts, size_t n, uint64_t max)
{
    double at = 0;

    out_printf(o, "<svg class=\"bar\" viewBox=\"0 0 %d %d\" preserveAspectRatio=\"none\" aria-hidden=\"true\">", WIDTH,
               BAR_HEIGHT);
    for (size_t i = 0; max > 0 && i < n; i++) {
        double width = (double)parts[i].n * WIDTH / (double)max;

        if (parts[i].n == 0)
            continue;
        if (width < 2)      /* a few rejects among millions are to be seen */
            width = 2;
        if (at + width > WIDTH)
            at = WIDTH - width;
        out_printf(o, "<rect class=\"%s\" x=\"%.2f\" y=\"0\" width=\"%.2f\" height=\"%d\"/>", parts[i].class, at, width,
                   BAR_HEIGHT);
        at += width;
    }
    out_text(o, "</svg>");
}

static double rate(const struct samples *s, size_t i, enum plot_what what)
{
    const struct sample *a = &s->points[i - 1], *b = &s->points[i];
    uint64_t from = what == PLOT_ROWS ? a->rows : a->bytes, to = what == PLOT_ROWS ? b->rows : b->bytes;

    if (b->at_ns <= a->at_ns || to <= from)
        return 0;
    return (double)(to - from) / ((double)(b->at_ns - a->at_ns) / NS_PER_S);
}

double plot_rate_max(const struct samples *samples, enum plot_what what)
{
    double max = 0;

    for (size_t i = 1; i < samples->n; i++) {
        double r = rate(samples, i, what);

        if (r > max)
            max = r;
    }
    return max;
}

static double x_of(const struct samples *s, size_t i)
{
    uint64_t first = s->points[0].at_ns, last = s->points[s->n - 1].at_ns;

    return last > first ? (double)(s->points[i].at_ns - first) * WIDTH / (double)(last - first) : 0;
}

/* A staircase: between two samples nothing more is known than the mean. */
static void steps(struct out *o, const struct samples *s, enum plot_what what, double max)
{
    for (size_t i = 1; i < s->n; i++) {
        double y = HEIGHT - rate(s, i, what) * HEIGHT / max;

        out_printf(o, "L%.1f %.1fL%.1f %.1f", x_of(s, i - 1), y, x_of(s, i), y);
    }
}

void plot_rate(struct out *o, const struct samples *samples, enum plot_what what, double max)
{
    if (samples->n < 2 || max <= 0)
        return;
    out_printf(o, "<svg class=\"rate %s\" viewBox=\"0 0 %d %d\" preserveAspectRatio=\"none\" aria-hidden=\"true\">",
               what == PLOT_ROWS ? "rows" : "bytes", WIDTH, HEIGHT);
    for (int i = 1; i < 4; i++)
        out_printf(o, "<path class=\"grid\" d=\"M0 %d L%d %d\"/>", HEIGHT * i / 4, WIDTH, HEIGHT * i / 4);
    out_printf(o, "<path class=\"area\" d=\"M0 %d", HEIGHT);
    steps(o, samples, what, max);
    out_printf(o, "L%d %dZ\"/></svg>", WIDTH, HEIGHT);
}
