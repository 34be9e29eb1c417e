/* One page that needs nothing but itself: no script, no network, and a policy that forbids both. */
#include "report/summary_internal.h"

#include "base/cleanup.h"
#include "report/out.h"
#include "report/plot.h"
#include "report/render.h"
#include "report/summary_style.h"

#include <inttypes.h>

enum { TABLES_MAX = 200, FINDINGS_OPEN_MAX = 20, LIST_MAX = 200, FILES_MAX = 500 };

static void foreign(struct out *o, struct str s)
{
    out_with(o, escape_markup, s);
}

static void heading(struct out *o, const char *title)
{
    out_printf(o, "<h2>%s</h2>\n", title);
}

static void number_cell(struct out *o, const char *class, uint64_t n)
{
    out_printf(o, "<td class=\"n%s%s\">", n == 0 ? " zero" : "", n ? class : "");
    out_number(o, format_count, n);
    out_text(o, "</td>");
}

static void fact(struct out *o, const char *name, struct str value)
{
    if (value.len == 0)
        return;
    out_printf(o, "<dt>%s</dt><dd>", name);
    foreign(o, value);
    out_text(o, "</dd>\n");
}

static void cost(struct out *o, const struct summary *s)
{
    if (s->wall_ns == 0)
        return;
    out_text(o, "<dt>Took</dt><dd>");
    out_number(o, format_duration, s->wall_ns);
    if (s->cpu_ns) {
        out_text(o, ", CPU ");
        out_number(o, format_duration, s->cpu_ns);
    }
    if (s->peak_bytes) {
        out_text(o, ", peak memory ");
        out_number(o, format_bytes, s->peak_bytes);
    }
    if (s->jobs) {
        out_text(o, ", ");
        out_plural(o, s->jobs, "job", "jobs");
    }
    out_text(o, "</dd>\n");
}

static void top(struct out *o, const struct summary *s)
{
    CLEANUP(buf_release) struct buf verdict = BUF_INIT;
    int status = summary_status(s);
    const char *class = status == 0 ? "good" : status == 3 || status == 7 ? "warn" : "bad";

    if (summary_verdict(s, &verdict) < 0)
        o->failed = true;
    out_text(o, "<header><h1>windrow ");
    foreign(o, s->command);
    out_text(o, " <small>");
    foreign(o, s->mapping);
    out_printf(o, "</small></h1>\n<p class=\"verdict %s\">", class);
    out_with(o, escape_entities, buf_str(&verdict));
    out_printf(o, " <span class=\"status\">exit status %d</span></p>\n<dl>\n", status);
    fact(o, "Run", s->run);
    fact(o, "Level", s->level);
    for (size_t i = 0; i < s->n_sources; i++)
        fact(o, "Source", s->sources[i]);
    fact(o, "Target", s->target);
    fact(o, "Started", s->started);
    cost(o, s);
    fact(o, "Mapping", s->mapping_digest);
    fact(o, "Next", s->next);
    out_text(o, "</dl></header>\n");
}

static void tile(struct out *o, const char *name, uint64_t n, int (*format)(struct buf *, uint64_t), const char *class)
{
    out_printf(o, "<div class=\"tile %s\"><b>", n ? class : "");
    out_number(o, format, n);
    out_printf(o, "</b> %s</div>", name);
}

static void tiles(struct out *o, const struct summary *s)
{
    struct summary_totals all = summary_totals(s);

    out_text(o, "<div class=\"tiles\">");
    tile(o, "rows read", all.read, format_count, "");
    tile(o, s->check ? "would load" : "loaded", all.loaded, format_count, "good");
    tile(o, "rejected", all.rejected, format_count, "bad");
    tile(o, "skipped", all.skipped, format_count, "");
    tile(o, "files", all.files, format_count, "");
    tile(o, "of source", all.source_bytes, format_bytes, "");
    out_text(o, "</div>\n<p class=\"equation\">read = loaded + rejected + skipped: ");
    out_text(o, all.balanced ? "holds for every table</p>\n" : "<strong>does not hold</strong></p>\n");
}

static void table_row(struct out *o, const struct summary_table *t, bool deleted)
{
    out_printf(o, "<tr%s><th scope=\"row\">", summary_balanced(t) ? "" : " class=\"broken\"");
    foreign(o, t->name);
    out_text(o, "</th>");
    number_cell(o, "", t->read);
    number_cell(o, "", summary_loaded(t));
    number_cell(o, " bad", t->rejected);
    number_cell(o, "", t->skipped);
    out_text(o, "<td class=\"n\">");
    out_number(o, format_bytes, t->bytes);
    out_text(o, "</td><td class=\"n\">");
    out_number(o, format_duration, t->time_ns);
    out_text(o, "</td>");
    number_cell(o, "", t->inserted);
    number_cell(o, "", t->updated);
    number_cell(o, "", t->same);
    if (deleted)
        number_cell(o, "", t->deleted);
    out_text(o, "</tr>\n");
}

static void tables(struct out *o, const struct summary *s)
{
    struct summary_totals all = summary_totals(s);

    if (s->n_tables == 0)
        return;
    heading(o, "Tables");
    out_printf(o, "<div class=\"wide\" tabindex=\"0\"><table><thead><tr><th>table</th><th class=\"n\">read</th>"
               "<th class=\"n\">%s</th><th class=\"n\">rejected</th><th class=\"n\">skipped</th>"
               "<th class=\"n\">bytes</th><th class=\"n\">worker time</th><th class=\"n\">inserted</th>"
               "<th class=\"n\">updated</th><th class=\"n\">there already</th>%s</tr></thead>\n<tbody>\n",
               s->check ? "would load" : "loaded", all.deleted ? "<th class=\"n\">deleted</th>" : "");
    for (size_t i = 0; i < s->n_tables && i < TABLES_MAX; i++)
        table_row(o, &s->tables[i], all.deleted > 0);
    out_text(o, "</tbody><tfoot><tr><th scope=\"row\">total</th>");
    number_cell(o, "", all.read);
    number_cell(o, "", all.loaded);
    number_cell(o, " bad", all.rejected);
    number_cell(o, "", all.skipped);
    out_text(o, "<td class=\"n\">");
    out_number(o, format_bytes, all.bytes);
    out_text(o, "</td><td></td>");
    number_cell(o, "", all.inserted);
    number_cell(o, "", all.updated);
    number_cell(o, "", all.same);
    if (all.deleted)
        number_cell(o, "", all.deleted);
    out_text(o, "</tr></tfoot></table></div>\n");
}

/* A bar for each table, the numbers beside it. */
static void bars(struct out *o, const struct summary *s, bool bytes)
{
    uint64_t max = 0;

    for (size_t i = 0; i < s->n_tables; i++) {
        uint64_t n = bytes ? s->tables[i].bytes : s->tables[i].read;

        if (n > max)
            max = n;
    }
    if (max == 0)
        return;
    out_printf(o, "<figure><figcaption>%s by table</figcaption><table class=\"bars\">\n", bytes ? "Bytes" : "Rows");
    for (size_t i = 0; i < s->n_tables && i < TABLES_MAX; i++) {
        const struct summary_table *t = &s->tables[i];
        const struct plot_part rows[] = {
            {"loaded", summary_loaded(t)}, {"rejected", t->rejected}, {"skipped", t->skipped},
        };
        const struct plot_part sent[] = {{"bytes", t->bytes}};

        out_text(o, "<tr><th scope=\"row\">");
        foreign(o, t->name);
        out_text(o, "</th><td>");
        plot_bar(o, bytes ? sent : rows, bytes ? 1 : ARRAY_LEN(rows), max);
        out_text(o, "</td><td class=\"n\">");
        out_number(o, bytes ? format_bytes : format_count, bytes ? t->bytes : t->read);
        out_text(o, "</td></tr>\n");
    }
    out_text(o, "</table>");
    if (!bytes)
        out_text(o, "<p class=\"legend\"><i class=\"loaded\"></i> loaded <i class=\"rejected\"></i> rejected "
                    "<i class=\"skipped\"></i> skipped</p>");
    out_text(o, "</figure>\n");
}

static void rate(struct out *o, const struct samples *samples, enum plot_what what)
{
    double max = plot_rate_max(samples, what);

    if (max <= 0)
        return;
    out_printf(o, "<figure><figcaption>%s a second, over time</figcaption><div class=\"axis\"><span>",
               what == PLOT_ROWS ? "Rows" : "Bytes");
    out_number(o, what == PLOT_ROWS ? format_count : format_bytes, (uint64_t)max);
    out_text(o, " at most</span></div>");
    plot_rate(o, samples, what, max);
    out_text(o, "<div class=\"axis\"><span>");
    out_number(o, format_clock, samples->points[0].at_ns);
    out_text(o, "</span><span>");
    out_number(o, format_clock, samples->points[samples->n - 1].at_ns);
    out_text(o, "</span></div></figure>\n");
}

static void plots(struct out *o, const struct summary *s)
{
    if (s->n_tables == 0)
        return;
    out_text(o, "<div class=\"plots\">\n");
    bars(o, s, false);
    bars(o, s, true);
    if (s->samples) {
        rate(o, s->samples, PLOT_ROWS);
        rate(o, s->samples, PLOT_BYTES);
    }
    out_text(o, "</div>\n");
}

/* What stands between backticks is code. */
static void explanation(struct out *o, const char *text)
{
    bool code = false;

    out_text(o, "<p class=\"explain\">");
    while (*text) {
        size_t len = strcspn(text, "`");

        foreign(o, str_make(text, len));
        text += len;
        if (*text) {
            out_text(o, code ? "</code>" : "<code>");
            code = !code;
            text++;
        }
    }
    out_text(o, code ? "</code></p>" : "</p>");
}

static void finding(struct out *o, const struct finding_group *g, bool open)
{
    static const char *const classes[] = {"bad", "warn", "note"};
    CLEANUP(buf_release) struct buf text = BUF_INIT;
    const struct finding *f = g->examples[0];

    out_printf(o, "<details class=\"finding %s\"%s><summary><b>%s</b> ", classes[f->severity], open ? " open" : "",
               f->code ? code_entry(f->code)->name : "");
    foreign(o, f->message.len ? f->message : str_of(code_entry(f->code)->title));
    if (f->table.len) {
        out_text(o, " <code>");
        foreign(o, f->table);
        out_text(o, f->column.len ? "." : "");
        foreign(o, f->column);
        out_text(o, "</code>");
    }
    out_text(o, " <span class=\"count\">&times;&nbsp;");
    out_number(o, format_count, g->count);
    out_text(o, "</span></summary>\n<pre tabindex=\"0\">");
    if (render_group(&text, g, NULL) < 0)
        o->failed = true;
    out_with(o, escape_entities, buf_str(&text));
    out_text(o, "</pre>");
    if (f->code)
        explanation(o, code_entry(f->code)->text);
    out_text(o, "</details>\n");
}

static void findings(struct out *o, const struct findings *all)
{
    if (!all || all->n == 0)
        return;
    heading(o, "Findings");
    for (size_t i = 0; i < all->n; i++)
        finding(o, &all->groups[i], i < FINDINGS_OPEN_MAX);
    if (all->overflow) {
        out_text(o, "<p>");
        out_plural(o, all->overflow, "more finding", "more findings");
        out_text(o, " of other kinds</p>\n");
    }
}

static void list_entry(struct out *o, const struct tally_entry *e)
{
    CLEANUP(buf_release) struct buf place = BUF_INIT;

    out_text(o, "<tr><td class=\"name\">");
    foreign(o, e->name);
    out_text(o, "</td>");
    number_cell(o, "", e->count);
    out_text(o, "<td class=\"name\">");
    if (e->first.file.len && render_place(&place, &e->first, 0) < 0)
        o->failed = true;
    out_with(o, escape_entities, buf_str(&place));
    out_text(o, "</td></tr>\n");
}

static void list(struct out *o, enum code code, struct str title, const char *noun, const struct tally *tally)
{
    size_t shown = tally->n < LIST_MAX ? tally->n : LIST_MAX;

    out_printf(o, "<details%s><summary>", tally->n <= 20 ? " open" : "");
    if (code)
        out_printf(o, "<b>%s</b> ", code_entry(code)->name);
    foreign(o, title);
    out_text(o, " <span class=\"count\">");
    out_number(o, format_count, tally->total);
    out_printf(o, "</span></summary>\n<table class=\"list\"><thead><tr><th>name</th>"
               "<th class=\"n\">%s</th><th>first</th></tr></thead><tbody>\n", noun);
    for (size_t i = 0; i < shown; i++)
        list_entry(o, &tally->entries[i]);
    out_text(o, "</tbody></table>");
    if (shown < tally->n || tally->others)
        out_text(o, "<p>and more</p>");
    out_text(o, "</details>\n");
}

static void lists(struct out *o, const struct summary *s)
{
    struct summary_list all[SUMMARY_LISTS];
    bool titled = false;

    summary_lists(s, all);
    for (size_t i = 0; i < s->n_tables; i++) {
        CLEANUP(buf_release) struct buf title = BUF_INIT;

        if (!s->tables[i].skips || s->tables[i].skips->total == 0)
            continue;
        if (!titled)
            heading(o, "Coverage");
        titled = true;
        if (buf_add_text(&title, "rows skipped of ") < 0 || buf_add_str(&title, s->tables[i].name) < 0)
            o->failed = true;
        list(o, CODE_NONE, buf_str(&title), "rows", s->tables[i].skips);
    }
    for (size_t i = 0; i < SUMMARY_LISTS; i++) {
        if (!all[i].tally || all[i].tally->total == 0)
            continue;
        if (!titled)
            heading(o, "Coverage");
        titled = true;
        list(o, all[i].code, str_of(all[i].title), all[i].noun, all[i].tally);
    }
}

static void assumptions(struct out *o, const struct summary *s)
{
    if (s->n_assumptions == 0)
        return;
    heading(o, "Assumed");
    out_text(o, "<ul>\n");
    for (size_t i = 0; i < s->n_assumptions; i++) {
        out_text(o, "<li>");
        foreign(o, s->assumptions[i]);
        out_text(o, "</li>\n");
    }
    out_text(o, "</ul>\n");
}

static void kinds(struct out *o, const struct summary *s)
{
    if (s->n_kinds == 0)
        return;
    heading(o, "Files");
    out_text(o, "<div class=\"wide\" tabindex=\"0\"><table><thead><tr><th>pattern</th><th class=\"n\">matched</th>"
                "<th class=\"n\">unchanged</th><th class=\"n\">failed</th><th class=\"n\">records</th>"
                "<th class=\"n\">bytes</th></tr></thead><tbody>\n");
    for (size_t i = 0; i < s->n_kinds; i++) {
        const struct summary_kind *k = &s->kinds[i];

        out_text(o, "<tr><th scope=\"row\">");
        foreign(o, k->name);
        out_text(o, "</th>");
        number_cell(o, "", k->files);
        number_cell(o, "", k->unchanged);
        number_cell(o, " bad", k->failed);
        number_cell(o, "", k->records);
        out_text(o, "<td class=\"n\">");
        out_number(o, format_bytes, k->bytes);
        out_text(o, "</td></tr>\n");
    }
    out_text(o, "</tbody></table></div>\n");
}

static void files(struct out *o, const struct summary *s)
{
    size_t shown = s->n_files < FILES_MAX ? s->n_files : FILES_MAX;
    uint64_t left_out = s->files_left_out + (s->n_files - shown);

    if (s->n_files == 0)
        return;
    out_printf(o, "<details%s><summary>single files</summary>\n<div class=\"wide\" tabindex=\"0\"><table><thead><tr>"
               "<th>file</th><th>state</th><th class=\"n\">records</th><th class=\"n\">rejected</th>"
               "<th class=\"n\">bytes</th></tr></thead><tbody>\n", shown <= 50 ? " open" : "");
    for (size_t i = 0; i < shown; i++) {
        const struct summary_file *f = &s->files[i];

        out_text(o, "<tr><td class=\"name\">");
        if (f->source.len) {
            foreign(o, f->source);
            out_text(o, "/");
        }
        foreign(o, f->path);
        out_printf(o, "</td><td%s>%s</td>", f->state == SUMMARY_FAILED ? " class=\"bad\"" : "", summary_state_name(f->state));
        number_cell(o, "", f->records);
        number_cell(o, " bad", f->rejected);
        out_text(o, "<td class=\"n\">");
        out_number(o, format_bytes, f->bytes);
        out_text(o, "</td></tr>\n");
    }
    out_text(o, "</tbody></table></div>");
    if (left_out) {
        out_text(o, "<p>and ");
        out_plural(o, left_out, "more file", "more files");
        out_text(o, "</p>");
    }
    out_text(o, "</details>\n");
}

static void head(struct out *o, const struct summary *s)
{
    out_text(o, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
                "'unsafe-inline'; base-uri 'none'; form-action 'none'\">\n"
                "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                "<meta name=\"color-scheme\" content=\"light dark\">\n"
                "<meta name=\"referrer\" content=\"no-referrer\">\n<title>windrow ");
    foreign(o, s->command);
    out_text(o, " ");
    foreign(o, s->mapping);
    out_text(o, "</title>\n<style>\n");
    out_text(o, summary_style);
    out_text(o, "</style>\n</head>\n<body>\n<main>\n");
}

int summary_html(const struct summary *s, struct buf *ret)
{
    struct out o = {ret, false};

    head(&o, s);
    top(&o, s);
    tiles(&o, s);
    tables(&o, s);
    plots(&o, s);
    findings(&o, s->findings);
    lists(&o, s);
    assumptions(&o, s);
    kinds(&o, s);
    files(&o, s);
    out_text(&o, "</main>\n<footer>windrow ");
    foreign(&o, s->version);
    out_text(&o, "</footer>\n</body>\n</html>\n");
    return out_end(&o);
}
