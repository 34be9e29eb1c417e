/* The rate is smoothed over some ten seconds; what an earlier run had committed does not count as speed. */
#include "report/progress.h"

#include "base/cleanup.h"
#include "report/jsonout.h"
#include "report/out.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>

static const uint64_t NS_PER_S = 1000000000;
static const double SMOOTH_S = 10;

enum { COLUMNS_DEFAULT = 80, FIELDS_MAX = 10 };

static size_t terminal_columns(int fd)
{
    struct winsize size;

    if (ioctl(fd, TIOCGWINSZ, &size) < 0 || size.ws_col == 0)
        return COLUMNS_DEFAULT;
    return size.ws_col;
}

bool progress_mode_by_name(const char *name, int fd, enum progress_mode *ret)
{
    static const struct { const char *name; enum progress_mode mode; } modes[] = {
        {"none", PROGRESS_NONE}, {"plain", PROGRESS_PLAIN}, {"json", PROGRESS_JSON}, {"line", PROGRESS_LINE},
    };
    const char *term = getenv("TERM");

    if (strcmp(name, "auto") == 0) {
        *ret = isatty(fd) && term && strcmp(term, "dumb") != 0 ? PROGRESS_LINE : PROGRESS_PLAIN;
        return true;
    }
    for (size_t i = 0; i < ARRAY_LEN(modes); i++) {
        if (strcmp(name, modes[i].name) == 0) {
            *ret = modes[i].mode;
            return true;
        }
    }
    return false;
}

static uint64_t clock_speed(void)
{
#ifdef WINDROW_FAILPOINTS
    const char *given = getenv("WINDROW_PROGRESS_SPEED");

    if (given)
        return strtoull(given, NULL, 10);
#endif
    return 1;
}

void progress_init(struct progress *p, enum progress_mode mode, int fd, uint64_t start_ns)
{
    *p = (struct progress){
        .mode = mode, .fd = fd, .columns = terminal_columns, .start_ns = start_ns, .drawn_ns = start_ns,
        .rate_ns = start_ns, .speed = clock_speed(),
    };
}

static uint64_t on_clock(const struct progress *p, uint64_t ns)
{
    return ns > p->start_ns ? p->start_ns + (ns - p->start_ns) * p->speed : ns;
}

static uint64_t interval_ns(enum progress_mode mode)
{
    switch (mode) {
    case PROGRESS_LINE:
        return NS_PER_S / 5;
    case PROGRESS_PLAIN:
        return 10 * NS_PER_S;
    default:
        return NS_PER_S;
    }
}

/* At once when no line is there; plain lines wait for their first ten seconds. */
static uint64_t due_ns(const struct progress *p)
{
    if (p->mode == PROGRESS_LINE && !p->visible)
        return 0;
    return p->drawn_ns + interval_ns(p->mode);
}

static void update_rate(struct progress *p, uint64_t now_ns, uint64_t bytes)
{
    double seconds = (double)(now_ns - p->rate_ns) / (double)NS_PER_S, weight, rate;

    if (now_ns < p->rate_ns + NS_PER_S / 5 || bytes < p->rate_bytes)
        return;
    rate = (double)(bytes - p->rate_bytes) / seconds;
    weight = seconds / (seconds + SMOOTH_S);
    /* Until the smoothing has seen enough, the mean since the first look tells more. */
    if (now_ns - p->first_ns < (uint64_t)SMOOTH_S * NS_PER_S)
        p->rate = (double)(bytes - p->start_bytes) / ((double)(now_ns - p->first_ns) / (double)NS_PER_S);
    else
        p->rate += (rate - p->rate) * weight;
    p->rate_ns = now_ns;
    p->rate_bytes = bytes;
}

static void observe(struct progress *p, uint64_t now_ns, const struct progress_state *s)
{
    if (!p->started) {
        p->started = true;
        p->first_ns = p->rate_ns = now_ns;
        p->start_bytes = p->rate_bytes = s->bytes;
        return;
    }
    update_rate(p, now_ns, s->bytes);
}

/* 0 to 1000, never 100.0% before all is committed; -1 when unknown. */
static int permille(const struct progress_state *s)
{
    if (s->bytes_total == 0)
        return -1;
    if (s->bytes >= s->bytes_total)
        return 1000;
    return (int)((double)s->bytes * 1000 / (double)s->bytes_total);
}

/* "1.83 / 2.99 GiB": both in the unit of the larger. */
static void byte_pair(struct out *o, uint64_t done, uint64_t total)
{
    CLEANUP(buf_release) struct buf text = BUF_INIT;
    double scale = 1;
    int precision = 0;

    if (total <= done || format_bytes(&text, total) < 0) {
        out_number(o, format_bytes, done);
        return;
    }
    for (uint64_t t = total; (double)t >= 1023.5; t /= 1024)
        scale *= 1024;
    if (scale > 1)
        precision = (double)total / scale < 9.995 ? 2 : (double)total / scale < 99.95 ? 1 : 0;
    out_printf(o, "%.*f / %s", precision, (double)done / scale, buf_text(&text));
}

/* The time to go, in ns; false while nobody can tell. */
static bool eta(const struct progress *p, const struct progress_state *s, uint64_t *ret)
{
    double left;

    if (s->bytes_total == 0 || s->bytes > s->bytes_total || p->rate < 1)
        return false;
    left = (double)(s->bytes_total - s->bytes) / p->rate;
    if (left > 99.0 * 3600)
        return false;
    *ret = (uint64_t)(left * (double)NS_PER_S);
    return true;
}

/* Fields in the order of the line; the one with the lowest weight goes first when room is short. */
struct field {
    struct buf text;
    int weight;
};

struct line {
    struct field fields[FIELDS_MAX];
    size_t n;
    bool failed;
};

static struct out field(struct line *l, int weight)
{
    struct field *f = &l->fields[l->n++];

    f->weight = weight;
    return (struct out){&f->text, false};
}

static void close_field(struct line *l, const struct out *o)
{
    l->failed |= o->failed;
}

static void count_field(struct line *l, int weight, const char *name, uint64_t n, uint64_t total)
{
    struct out o = field(l, weight);

    out_text(&o, name);
    out_number(&o, format_count, n);
    if (total) {
        out_text(&o, "/");
        out_number(&o, format_count, total);
    }
    close_field(l, &o);
}

static void checkpoint_field(struct line *l, uint64_t now_ns, const struct progress_state *s)
{
    struct out o;
    uint64_t age = now_ns > s->checkpoint_ns ? (now_ns - s->checkpoint_ns) / NS_PER_S : 0;

    if (s->check || s->checkpoint_ns == 0)
        return;
    o = field(l, 2);
    if (age < 100)
        out_printf(&o, "checkpoint %" PRIu64 "s ago", age);
    else
        out_printf(&o, "checkpoint %" PRIu64 "m ago", age / 60);
    close_field(l, &o);
}

static void fill_line(struct line *l, const struct progress *p, uint64_t now_ns, const struct progress_state *s)
{
    struct out o = field(l, 10);
    uint64_t left_ns;
    int done = permille(s);

    out_text(&o, "[");
    if (now_ns - p->start_ns < 600 * NS_PER_S)
        out_text(&o, " ");
    out_number(&o, format_clock, now_ns - p->start_ns);
    out_text(&o, "]");
    close_field(l, &o);
    if (s->phase) {
        o = field(l, 9);
        out_with(&o, escape_text, str_of(s->phase));
        close_field(l, &o);
    }
    if (done >= 0) {
        o = field(l, 9);
        out_printf(&o, "%2d.%d%%", done / 10, done % 10);
        close_field(l, &o);
    }
    o = field(l, 4);
    byte_pair(&o, s->bytes, s->bytes_total);
    close_field(l, &o);
    o = field(l, 5);
    out_number(&o, format_bytes, p->rate > 0 ? (uint64_t)p->rate : 0);
    out_text(&o, "/s");
    close_field(l, &o);
    count_field(l, 3, "files ", s->files, s->files_total);
    count_field(l, 6, "rows ", s->rows, 0);
    count_field(l, s->rejects ? 7 : 1, "rejects ", s->rejects, 0);
    checkpoint_field(l, now_ns, s);
    if (eta(p, s, &left_ns) && s->bytes < s->bytes_total) {
        o = field(l, 8);
        out_text(&o, "ETA ");
        out_number(&o, format_clock, left_ns + NS_PER_S - 1);
        close_field(l, &o);
    }
}

static size_t line_width(const struct line *l)
{
    size_t width = 0;

    for (size_t i = 0; i < l->n; i++)
        width += escape_width(buf_str(&l->fields[i].text)) + (i ? 2 : 0);
    return width;
}

static void drop_field(struct line *l)
{
    size_t least = 0;

    for (size_t i = 1; i < l->n; i++) {
        if (l->fields[i].weight < l->fields[least].weight)
            least = i;
    }
    buf_release(&l->fields[least].text);
    l->n--;
    memmove(l->fields + least, l->fields + least + 1, (l->n - least) * sizeof *l->fields);
}

int progress_format(const struct progress *p, uint64_t now_ns, const struct progress_state *state, size_t columns,
                    struct buf *ret)
{
    struct line l = {0};
    int status = 0;

    fill_line(&l, p, now_ns, state);
    while (l.n > 0 && line_width(&l) > columns)
        drop_field(&l);
    for (size_t i = 0; i < l.n; i++) {
        if ((i > 0 && buf_add_text(ret, "  ") < 0) || buf_add_str(ret, buf_str(&l.fields[i].text)) < 0)
            status = -1;
        buf_release(&l.fields[i].text);
    }
    return l.failed ? -1 : status;
}

static int format_json(const struct progress *p, uint64_t now_ns, const struct progress_state *s, bool last,
                       struct buf *ret)
{
    struct jsonout j;
    uint64_t left_ns;

    jsonout_init(&j, ret, true);
    jsonout_open(&j, '{');
    jsonout_name(&j, "progress");
    jsonout_text(&j, s->phase ? s->phase : s->check ? "check" : "load");
    jsonout_name(&j, "elapsed");
    jsonout_double(&j, (double)(now_ns - p->start_ns) / (double)NS_PER_S, 3);
    jsonout_member_uint(&j, "bytes", s->bytes);
    jsonout_member_place(&j, "bytes_total", s->bytes_total);
    jsonout_member_uint(&j, "files", s->files);
    jsonout_member_place(&j, "files_total", s->files_total);
    jsonout_member_uint(&j, "rows", s->rows);
    jsonout_member_uint(&j, "rejects", s->rejects);
    jsonout_name(&j, "bytes_per_second");
    jsonout_double(&j, p->rate, 0);
    if (s->checkpoint_ns && !s->check) {
        jsonout_name(&j, "checkpoint_age");
        jsonout_double(&j, (double)(now_ns > s->checkpoint_ns ? now_ns - s->checkpoint_ns : 0) / (double)NS_PER_S, 3);
    }
    if (eta(p, s, &left_ns)) {
        jsonout_name(&j, "eta");
        jsonout_double(&j, (double)left_ns / (double)NS_PER_S, 1);
    }
    if (last) {
        jsonout_name(&j, "end");
        jsonout_bool(&j, true);
    }
    jsonout_close(&j, '}');
    return j.failed ? -1 : buf_add_char(ret, '\n');
}

/* One write, so that lines of several writers do not mix. */
static void send(int fd, const struct buf *text)
{
    size_t at = 0;

    while (at < text->len) {
        ssize_t n = write(fd, text->at + at, text->len - at);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return;
        at += (size_t)n;
    }
}

static void draw(struct progress *p, uint64_t now_ns, const struct progress_state *s, bool last)
{
    CLEANUP(buf_release) struct buf text = BUF_INIT;
    size_t columns;

    p->drawn_ns = now_ns;
    switch (p->mode) {
    case PROGRESS_NONE:
        return;
    case PROGRESS_LINE:
        columns = p->columns(p->fd);    /* the last column stays empty: some terminals wrap there */
        if (buf_add_char(&text, '\r') < 0 || progress_format(p, now_ns, s, columns ? columns - 1 : 0, &text) < 0
            || buf_add_text(&text, "\033[K") < 0)
            return;
        p->visible = true;
        break;
    case PROGRESS_PLAIN:
        if (progress_format(p, now_ns, s, SIZE_MAX, &text) < 0 || buf_add_char(&text, '\n') < 0)
            return;
        break;
    case PROGRESS_JSON:
        if (format_json(p, now_ns, s, last, &text) < 0)
            return;
        break;
    }
    send(p->fd, &text);
}

static struct progress_state state_on_clock(const struct progress *p, const struct progress_state *state)
{
    struct progress_state s = *state;

    s.checkpoint_ns = on_clock(p, s.checkpoint_ns);
    return s;
}

void progress_draw(struct progress *p, uint64_t now_ns, const struct progress_state *state)
{
    struct progress_state s = state_on_clock(p, state);

    now_ns = on_clock(p, now_ns);
    if (p->mode == PROGRESS_NONE)
        return;
    observe(p, now_ns, &s);
    if (now_ns >= due_ns(p))
        draw(p, now_ns, &s, false);
}

void progress_clear(struct progress *p)
{
    struct buf erase = {.at = (char *)"\r\033[K", .len = 4};

    if (!p->visible)
        return;
    send(p->fd, &erase);
    p->visible = false;
}

void progress_end(struct progress *p, uint64_t now_ns, const struct progress_state *state)
{
    struct progress_state s = state_on_clock(p, state);

    now_ns = on_clock(p, now_ns);
    progress_clear(p);
    if (p->mode != PROGRESS_PLAIN && p->mode != PROGRESS_JSON)
        return;
    observe(p, now_ns, &s);
    if (p->mode == PROGRESS_JSON || now_ns >= p->start_ns + interval_ns(p->mode))
        draw(p, now_ns, &s, true);
}
