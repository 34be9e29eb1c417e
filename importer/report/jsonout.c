/* Where commas and line ends go. Depth is that of our own documents, never of the input. */
#include "report/jsonout.h"

#include "report/escape.h"

#include <inttypes.h>
#include <math.h>

void jsonout_init(struct jsonout *j, struct buf *buf, bool compact)
{
    *j = (struct jsonout){.buf = buf, .compact = compact};
}

static void add(struct jsonout *j, const char *text)
{
    if (!j->failed && buf_add_text(j->buf, text) < 0)
        j->failed = true;
}

static void new_line(struct jsonout *j)
{
    if (j->compact)
        return;
    add(j, "\n");
    for (unsigned i = 0; i < j->depth; i++)
        add(j, "  ");
}

/* Before a value, or before a name. */
static void separate(struct jsonout *j)
{
    if (j->pending_name) {
        j->pending_name = false;
        return;
    }
    if (j->depth == 0)
        return;
    if (j->filled[j->depth - 1])
        add(j, j->compact ? ", " : ",");
    j->filled[j->depth - 1] = true;
    new_line(j);
}

void jsonout_name(struct jsonout *j, const char *name)
{
    separate(j);
    if (!j->failed && escape_json(j->buf, str_of(name)) < 0)
        j->failed = true;
    add(j, ": ");
    j->pending_name = true;
}

void jsonout_open(struct jsonout *j, char bracket)
{
    if (j->depth == JSONOUT_DEPTH_MAX)
        BUG("JSON deeper than %d", JSONOUT_DEPTH_MAX);
    separate(j);
    add(j, bracket == '{' ? "{" : "[");
    j->filled[j->depth++] = false;
}

void jsonout_close(struct jsonout *j, char bracket)
{
    bool filled = j->filled[--j->depth];

    if (filled)
        new_line(j);
    add(j, bracket == '}' ? "}" : "]");
}

void jsonout_str(struct jsonout *j, struct str s)
{
    separate(j);
    if (!j->failed && escape_json(j->buf, s) < 0)
        j->failed = true;
}

void jsonout_text(struct jsonout *j, const char *text)
{
    jsonout_str(j, str_of(text));
}

void jsonout_uint(struct jsonout *j, uint64_t n)
{
    separate(j);
    if (!j->failed && buf_printf(j->buf, "%" PRIu64, n) < 0)
        j->failed = true;
}

void jsonout_double(struct jsonout *j, double d, int digits)
{
    separate(j);
    if (!isfinite(d))
        add(j, "null");
    else if (!j->failed && buf_printf(j->buf, "%.*f", digits, d) < 0)
        j->failed = true;
}

void jsonout_bool(struct jsonout *j, bool b)
{
    separate(j);
    add(j, b ? "true" : "false");
}

void jsonout_null(struct jsonout *j)
{
    separate(j);
    add(j, "null");
}

void jsonout_raw(struct jsonout *j, struct str json)
{
    separate(j);
    if (!j->failed && buf_add_str(j->buf, json) < 0)
        j->failed = true;
}

void jsonout_member_str(struct jsonout *j, const char *name, struct str s)
{
    if (s.len == 0)
        return;
    jsonout_name(j, name);
    jsonout_str(j, s);
}

void jsonout_member_uint(struct jsonout *j, const char *name, uint64_t n)
{
    jsonout_name(j, name);
    jsonout_uint(j, n);
}

void jsonout_member_place(struct jsonout *j, const char *name, uint64_t n)
{
    if (n)
        jsonout_member_uint(j, name, n);
}
