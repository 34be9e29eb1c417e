/* The layout of one finding. Colours and carets are ours; every other character went through report/escape.h. */
#include "report/render.h"

#include "base/cleanup.h"
#include "report/excerpt.h"
#include "report/out.h"
#include "report/state.h"

#include <inttypes.h>

enum { COLUMNS_DEFAULT = 120, COLUMNS_MIN = 40, TAIL_PATH_COLUMNS = 60 };

enum paint { PLAIN, STRONG, FAINT, ERROR, WARNING, NOTE, PAINTS };

struct page {
    struct out out;
    bool color;
    size_t columns;
    int gutter;     /* digits of the longest line number */
};

static void paint(struct page *p, enum paint paint)
{
    static const char *const codes[PAINTS] = {
        [PLAIN] = "\033[0m", [STRONG] = "\033[1m", [FAINT] = "\033[1;34m",
        [ERROR] = "\033[1;31m", [WARNING] = "\033[1;33m", [NOTE] = "\033[1;36m",
    };

    if (p->color)
        out_text(&p->out, codes[paint]);
}

static void painted(struct page *p, enum paint color, const char *text)
{
    paint(p, color);
    out_text(&p->out, text);
    paint(p, PLAIN);
}

static struct page page_make(struct buf *ret, const struct render_options *options)
{
    struct page p = {.out = {ret, false}, .columns = COLUMNS_DEFAULT};

    if (options) {
        p.color = options->color;
        if (options->columns)
            p.columns = options->columns < COLUMNS_MIN ? COLUMNS_MIN : options->columns;
    }
    return p;
}

static int digits(uint64_t n)
{
    int count = 1;

    for (; n >= 10; n /= 10)
        count++;
    return count;
}

static struct str title(const struct finding *f)
{
    return f->message.len ? f->message : str_of(code_entry(f->code)->title);
}

static enum paint severity_paint(const struct finding *f)
{
    static const enum paint paints[] = {ERROR, WARNING, NOTE};

    return paints[f->severity];
}

static void headline(struct page *p, const struct finding *f)
{
    paint(p, severity_paint(f));
    out_text(&p->out, finding_severity_name(f->severity));
    if (f->code)
        out_printf(&p->out, "[%s]", code_entry(f->code)->name);
    paint(p, PLAIN);
    paint(p, STRONG);
    out_text(&p->out, ": ");
    out_with(&p->out, escape_text, title(f));
    paint(p, PLAIN);
    out_text(&p->out, "\n");
}

/* Of several sources, as it would be opened: a source may be the file itself. */
static int add_path(struct buf *out, const struct finding_place *at)
{
    struct str source = str_of(at->source);

    while (source.len > 1 && source.at[source.len - 1] == '/')
        source.len--;
    if (source.len && buf_add_str(out, source) < 0)
        return -1;
    if (source.len >= at->file.len && str_ends(source, at->file) &&
        (source.len == at->file.len || source.at[source.len - at->file.len - 1] == '/'))
        return 0;
    return (source.len && buf_add_char(out, '/') < 0) || buf_add_str(out, at->file) < 0 ? -1 : 0;
}

static void place_text(struct out *o, const struct finding_place *at, size_t columns)
{
    CLEANUP(buf_release) struct buf path = BUF_INIT;

    if (add_path(&path, at) < 0)
        o->failed = true;
    else if (columns && !o->failed)
        o->failed = escape_text_cut_middle(o->buf, buf_str(&path), columns) < 0;
    else
        out_with(o, escape_text, buf_str(&path));
    if (at->line)
        out_printf(o, ":%" PRIu64, at->line);
    if (at->line && at->column)
        out_printf(o, ":%" PRIu64, at->column);
}

int render_place(struct buf *ret, const struct finding_place *place, size_t columns)
{
    struct out o = {ret, false};

    place_text(&o, place, columns);
    if (!place->line && place->has_byte)
        out_printf(&o, " at byte %" PRIu64, place->byte);
    return out_end(&o);
}

/* "  (byte 5310, /addresses/2/zip)" */
static void place_details(struct out *o, const struct finding_place *at)
{
    if (!at->has_byte && at->pointer.len == 0)
        return;
    out_text(o, "  (");
    if (at->has_byte)
        out_printf(o, "byte %" PRIu64, at->byte);
    if (at->has_byte && at->pointer.len)
        out_text(o, ", ");
    out_with(o, escape_text, at->pointer);
    out_text(o, ")");
}

static void arrow(struct page *p, const char *sign)
{
    out_repeat(&p->out, ' ', (size_t)p->gutter);
    painted(p, FAINT, sign);
    out_text(&p->out, " ");
}

/* "17 | " or "   | " when there is no number. */
static void gutter(struct page *p, uint64_t line, const char *behind)
{
    paint(p, FAINT);
    if (line)
        out_printf(&p->out, "%*" PRIu64 " |", p->gutter, line);
    else
        out_printf(&p->out, "%*s |", p->gutter, "");
    paint(p, PLAIN);
    out_text(&p->out, behind);
}

static void excerpt(struct page *p, uint64_t line, struct excerpt *e, char caret, enum paint color, struct str label)
{
    CLEANUP(buf_release) struct buf text = BUF_INIT;
    struct excerpt_mark mark;

    e->room = p->columns - (size_t)p->gutter - 3;
    if (excerpt_show(e, &text, &mark) < 0)
        p->out.failed = true;
    gutter(p, line, " ");
    out_bytes(&p->out, buf_text(&text), text.len);
    out_text(&p->out, "\n");
    if (mark.width == 0)
        return;
    gutter(p, 0, " ");
    out_repeat(&p->out, ' ', mark.at);
    paint(p, color);
    out_repeat(&p->out, caret, mark.width);
    if (label.len) {
        out_text(&p->out, " ");
        out_with(&p->out, escape_text, label);
    }
    paint(p, PLAIN);
    out_text(&p->out, "\n");
}

static bool has_data_place(const struct finding *f)
{
    return f->at.file.len > 0;
}

static void data_place(struct page *p, const struct finding *f)
{
    struct excerpt e = {
        .text = f->excerpt, .first_column = f->excerpt_column, .cut = f->excerpt_cut,
        .column = f->at.column, .length = f->length,
    };

    arrow(p, "-->");
    place_text(&p->out, &f->at, 0);
    place_details(&p->out, &f->at);
    out_text(&p->out, "\n");
    if (f->excerpt.len) {
        gutter(p, 0, "\n");
        excerpt(p, f->at.line, &e, '^', severity_paint(f), f->label);
    }
}

static void other_place(struct page *p, const struct finding *f)
{
    arrow(p, ":::");
    place_text(&p->out, &f->other, 0);
    place_details(&p->out, &f->other);
    if (f->other_label.len) {
        out_text(&p->out, "  ");
        out_with(&p->out, escape_text, f->other_label);
    }
    out_text(&p->out, "\n");
}

static void mapping_place(struct page *p, const struct finding *f)
{
    bool alone = !has_data_place(f);
    struct excerpt e = {
        .text = f->mapping_text, .column = f->mapping_column, .length = f->mapping_len,
    };

    arrow(p, alone ? "-->" : ":::");
    out_with(&p->out, escape_text, f->mapping_file.len ? f->mapping_file : str_of("mapping"));
    out_printf(&p->out, ":%" PRIu32, f->mapping_line);
    if (f->mapping_column)
        out_printf(&p->out, ":%" PRIu32, f->mapping_column);
    out_text(&p->out, "\n");
    if (f->mapping_text.len == 0)
        return;
    if (alone)
        gutter(p, 0, "\n");
    excerpt(p, f->mapping_line, &e, alone ? '^' : '-', alone ? severity_paint(f) : FAINT,
            alone ? f->label : str_of("because of this"));
}

/* "   = help: ..." */
static void remark(struct page *p, const char *name, struct str text)
{
    out_repeat(&p->out, ' ', (size_t)p->gutter);
    painted(p, FAINT, " = ");
    painted(p, STRONG, name);
    out_with(&p->out, escape_text, text);
}

static void row_remark(struct page *p, const struct finding *f)
{
    bool row = f->row.len > 0;

    /* What stopped a run is told by its last line. */
    if (!row && !f->table.len && (!f->outcome || f->outcome == FINDING_STOPPED))
        return;
    remark(p, row ? "row:  " : f->table.len ? "table: " : "", row ? f->row : f->table);
    if (!row && f->column.len) {
        out_text(&p->out, ", column ");
        out_with(&p->out, escape_text, f->column);
    }
    if (f->outcome) {
        out_text(&p->out, row || f->table.len ? ": " : "");
        out_text(&p->out, finding_outcome_name(f->outcome));
    }
    if (f->note.len) {
        out_text(&p->out, ", ");
        out_with(&p->out, escape_text, f->note);
    }
    out_text(&p->out, "\n");
}

/* What the excerpt does not show: values from elsewhere, or with line ends. */
static void value_remark(struct page *p, const struct finding *f)
{
    if (f->value.len == 0 || (f->excerpt.len && memmem(f->excerpt.at, f->excerpt.len, f->value.at, f->value.len)))
        return;
    remark(p, "value: ", str_make(NULL, 0));
    if (!p->out.failed && escape_text_cut(p->out.buf, f->value, p->columns - (size_t)p->gutter - 10) < 0)
        p->out.failed = true;
    out_text(&p->out, "\n");
}

static void remarks(struct page *p, const struct finding *f)
{
    bool label_shown = (f->excerpt.len && f->at.column && has_data_place(f))
        || (!has_data_place(f) && f->mapping_text.len && f->mapping_column);

    if (f->label.len && !label_shown) {
        remark(p, "", f->label);
        out_text(&p->out, "\n");
    }
    value_remark(p, f);
    row_remark(p, f);
    if (f->sqlstate[0]) {
        CLEANUP(buf_release) struct buf state = BUF_INIT;

        p->out.failed |= state_text(f->sqlstate, &state) < 0;
        remark(p, "database: ", buf_str(&state));
        out_text(&p->out, "\n");
    }
    if (f->help.len) {
        remark(p, "help: ", f->help);
        out_text(&p->out, "\n");
    }
}

static void finding(struct page *p, const struct finding *f)
{
    p->gutter = digits(f->at.line > f->mapping_line ? f->at.line : f->mapping_line);
    headline(p, f);
    if (has_data_place(f))
        data_place(p, f);
    if (f->other.file.len)
        other_place(p, f);
    if (f->mapping_line)
        mapping_place(p, f);
    remarks(p, f);
}

/* "   = same in 11 more rows; first: a:1:2, b:3:4" */
static void group_tail(struct page *p, const struct finding_group *g)
{
    const struct finding *f = g->examples[0];
    bool placed = false;

    if (g->count < 2)
        return;
    remark(p, "", str_of("same in "));
    out_plural(&p->out, g->count - 1, f->table.len ? "more row" : "more place",
               f->table.len ? "more rows" : "more places");
    for (size_t i = 1; i < g->n_examples; i++) {
        const struct finding_place *at = &g->examples[i]->at;

        if (at->file.len == 0)
            continue;
        out_text(&p->out, placed ? ", " : "; first: ");
        placed = true;
        if (!p->out.failed && render_place(p->out.buf, at, TAIL_PATH_COLUMNS) < 0)
            p->out.failed = true;
    }
    out_text(&p->out, "\n");
}

int render_finding(struct buf *ret, const struct finding *f, const struct render_options *options)
{
    struct page p = page_make(ret, options);

    finding(&p, f);
    return out_end(&p.out);
}

int render_group(struct buf *ret, const struct finding_group *group, const struct render_options *options)
{
    struct page p = page_make(ret, options);

    finding(&p, group->examples[0]);
    group_tail(&p, group);
    return out_end(&p.out);
}

/* "for more: windrow explain W0412, W0413" with each code once. */
static void explain_hint(struct out *o, const struct findings *all)
{
    bool seen[CODE_COUNT] = {false};
    const char *before = "for more: windrow explain ";

    for (size_t i = 0; i < all->n; i++) {
        enum code code = all->groups[i].examples[0]->code;

        if (code == CODE_NONE || code >= CODE_COUNT || seen[code])
            continue;
        seen[code] = true;
        out_text(o, before);
        out_text(o, code_entry(code)->name);
        before = " ";
    }
    if (before[0] == ' ')
        out_text(o, "\n");
}

int render_findings(struct buf *ret, const struct findings *findings, const struct render_options *options)
{
    struct page p = page_make(ret, options);

    for (size_t i = 0; i < findings->n; i++) {
        finding(&p, findings->groups[i].examples[0]);
        group_tail(&p, &findings->groups[i]);
        out_text(&p.out, "\n");
    }
    if (findings->overflow) {
        out_plural(&p.out, findings->overflow, "more finding", "more findings");
        out_text(&p.out, " of other kinds are not shown\n\n");
    }
    explain_hint(&p.out, findings);
    return out_end(&p.out);
}
