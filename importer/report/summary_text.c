/* The account in pgloader's manner: numbers under each other, totals under a rule, and the equation that must hold. */
#include "report/summary_internal.h"

#include "base/cleanup.h"
#include "report/out.h"
#include "report/render.h"
#include "report/table.h"

#include <inttypes.h>

enum { LIST_MAX = 10, NAME_COLUMNS = 60 };

const char *summary_state_name(enum summary_state state)
{
    static const char *const names[] = {"loaded", "unchanged", "failed", "unfinished"};

    return names[state];
}

void summary_lists(const struct summary *s, struct summary_list ret[SUMMARY_LISTS])
{
    const struct summary_list lists[SUMMARY_LISTS] = {
        {W0807, "mended", "values changed because the mapping asked for it", "values", s->mended},
        {CODE_NONE, "skipped_entries", "entries of the source that were skipped", "entries", s->entries},
        {W0801, "unmatched", "files that no pattern matched", "files", s->unmatched},
        {W0805, "idle", "patterns that matched no file", "patterns", s->idle},
        {W0806, "vanished", "files that an earlier run loaded and that are gone", "files", s->vanished},
        {W0802, "unread", "keys that no path read", "times", s->unread},
        {W0803, "orphans", "index entries that nothing asked for", "entries", s->orphans},
        {W0804, "unfilled", "columns that were never filled", "columns", s->unfilled},
    };

    memcpy(ret, lists, sizeof lists);
}

static void fact(struct out *o, const char *name, struct str value)
{
    if (value.len == 0)
        return;
    out_printf(o, "  %-8s ", name);
    out_with(o, escape_text, value);
    out_text(o, "\n");
}

static void heading(struct out *o, const struct summary *s)
{
    out_text(o, "windrow ");
    out_with(o, escape_text, s->command);
    if (s->level.len) {
        out_text(o, " --level ");
        out_with(o, escape_text, s->level);
    }
    out_text(o, "\n");
    fact(o, "run", s->run);
    fact(o, "mapping", s->mapping);
    for (size_t i = 0; i < s->n_sources; i++)
        fact(o, i ? "" : "from", s->sources[i]);
    fact(o, "to", s->target);
    fact(o, "started", s->started);
    if (s->wall_ns) {
        out_text(o, "  took     ");
        out_number(o, format_duration, s->wall_ns);
        if (s->cpu_ns) {
            out_text(o, ", CPU ");
            out_number(o, format_duration, s->cpu_ns);
        }
        if (s->peak_bytes) {
            out_text(o, ", peak memory ");
            out_number(o, format_bytes, s->peak_bytes);
        }
        if (s->jobs)
            out_printf(o, ", %u job%s", s->jobs, s->jobs == 1 ? "" : "s");
        if (s->retries)
            out_printf(o, ", %llu chunk%s written again", (unsigned long long)s->retries, s->retries == 1 ? "" : "s");
        out_text(o, "\n");
    }
}

/* A cell in a form of report/format.h. */
static int cell(struct table *t, int (*format)(struct buf *, uint64_t), uint64_t n)
{
    CLEANUP(buf_release) struct buf text = BUF_INIT;

    return format(&text, n) < 0 ? -1 : table_cell(t, buf_str(&text));
}

static int table_line(struct table *t, struct str name, const uint64_t numbers[4], uint64_t bytes, uint64_t time_ns)
{
    if (table_cell(t, name) < 0)
        return -1;
    for (int i = 0; i < 4; i++) {
        if (table_count(t, numbers[i]) < 0)
            return -1;
    }
    return cell(t, format_bytes, bytes) < 0 || cell(t, format_duration, time_ns) < 0 ? -1 : 0;
}

static int fill_tables(struct table *t, const struct summary *s)
{
    struct summary_totals all = summary_totals(s);
    uint64_t time_ns = 0;

    for (size_t i = 0; i < s->n_tables; i++) {
        const struct summary_table *x = &s->tables[i];

        if (table_line(t, x->name, (uint64_t[]){x->read, summary_loaded(x), x->rejected, x->skipped}, x->bytes,
                       x->time_ns) < 0)
            return -1;
        time_ns += x->time_ns;
    }
    if (table_rule(t) < 0)
        return -1;
    return table_line(t, str_of("total"), (uint64_t[]){all.read, all.loaded, all.rejected, all.skipped}, all.bytes,
                      time_ns);
}

static void tables(struct out *o, const struct summary *s)
{
    const struct table_column columns[] = {
        {"table", TABLE_TEXT, NAME_COLUMNS}, {"read", TABLE_NUMBER, 0},
        {s->check ? "would load" : "loaded", TABLE_NUMBER, 0}, {"rejected", TABLE_NUMBER, 0},
        {"skipped", TABLE_NUMBER, 0}, {"bytes", TABLE_NUMBER, 0}, {"worker time", TABLE_NUMBER, 0},
    };
    CLEANUP(table_release) struct table t;

    table_init(&t, columns, ARRAY_LEN(columns));
    if (s->n_tables == 0)
        return;
    out_text(o, "\n");
    if (!o->failed && (fill_tables(&t, s) < 0 || table_text(&t, o->buf) < 0))
        o->failed = true;
}

static void equation(struct out *o, const struct summary *s)
{
    struct summary_totals all = summary_totals(s);

    if (s->n_tables == 0)
        return;
    out_number(o, format_count, all.read);
    out_text(o, " read = ");
    out_number(o, format_count, all.loaded);
    out_text(o, s->check ? " would load + " : " loaded + ");
    out_number(o, format_count, all.rejected);
    out_text(o, " rejected + ");
    out_number(o, format_count, all.skipped);
    out_text(o, all.balanced ? " skipped: holds\n" : " skipped: DOES NOT HOLD\n");
    for (size_t i = 0; !all.balanced && i < s->n_tables; i++) {
        if (summary_balanced(&s->tables[i]))
            continue;
        out_text(o, "  it is broken in ");
        out_with(o, escape_text, s->tables[i].name);
        out_text(o, "\n");
    }
    if (all.updated || all.same) {
        out_text(o, "of the loaded: ");
        out_number(o, format_count, all.inserted);
        out_text(o, " inserted, ");
        out_number(o, format_count, all.updated);
        out_text(o, " updated, ");
        out_number(o, format_count, all.same);
        out_text(o, " there already\n");
    }
    for (size_t i = 0; i < s->n_tables; i++) {
        if (s->tables[i].deleted == 0)
            continue;
        out_text(o, "deleted from ");
        out_with(o, escape_text, s->tables[i].name);
        out_text(o, ": ");
        out_plural(o, s->tables[i].deleted, "row", "rows");
        out_text(o, " of files that have changed or are gone\n");
    }
}

static int fill_kinds(struct table *t, const struct summary *s)
{
    for (size_t i = 0; i < s->n_kinds; i++) {
        const struct summary_kind *k = &s->kinds[i];

        if (table_cell(t, k->name) < 0 || table_count(t, k->files) < 0 || table_count(t, k->unchanged) < 0
            || table_count(t, k->failed) < 0 || table_count(t, k->records) < 0
            || cell(t, format_bytes, k->bytes) < 0)
            return -1;
    }
    return 0;
}

static void kinds(struct out *o, const struct summary *s)
{
    static const struct table_column columns[] = {
        {"files", TABLE_TEXT, NAME_COLUMNS}, {"matched", TABLE_NUMBER, 0}, {"unchanged", TABLE_NUMBER, 0},
        {"failed", TABLE_NUMBER, 0}, {"records", TABLE_NUMBER, 0}, {"bytes", TABLE_NUMBER, 0},
    };
    CLEANUP(table_release) struct table t;

    table_init(&t, columns, ARRAY_LEN(columns));
    if (s->n_kinds == 0)
        return;
    out_text(o, "\n");
    if (!o->failed && (fill_kinds(&t, s) < 0 || table_text(&t, o->buf) < 0))
        o->failed = true;
}

/* "(W0801)" behind a title, for `windrow explain`. */
static void code_behind(struct out *o, enum code code)
{
    if (code)
        out_printf(o, " (%s)", code_entry(code)->name);
}

static void list(struct out *o, enum code code, const char *title, const char *noun, const struct tally *tally)
{
    size_t shown = tally->n < LIST_MAX ? tally->n : LIST_MAX;

    out_printf(o, "\n%s", title);
    code_behind(o, code);
    out_text(o, ": ");
    out_number(o, format_count, tally->total);
    out_text(o, "\n");
    for (size_t i = 0; i < shown; i++) {
        const struct tally_entry *e = &tally->entries[i];

        out_text(o, "  ");
        if (!o->failed && escape_text_cut_middle(o->buf, e->name, NAME_COLUMNS) < 0)
            o->failed = true;
        if (e->count > 1) {
            out_text(o, "  ");
            out_number(o, format_count, e->count);
            out_printf(o, " %s", noun);
        }
        if (e->first.file.len) {
            out_text(o, "  first: ");
            if (!o->failed && render_place(o->buf, &e->first, NAME_COLUMNS) < 0)
                o->failed = true;
        }
        out_text(o, "\n");
    }
    if (tally->n > shown || tally->others)
        out_text(o, "  and more\n");
}

static void lists(struct out *o, const struct summary *s)
{
    struct summary_list all[SUMMARY_LISTS];

    for (size_t i = 0; i < s->n_tables; i++) {
        CLEANUP(buf_release) struct buf title = BUF_INIT;
        struct out t = {&title, false};

        if (!s->tables[i].skips || s->tables[i].skips->total == 0)
            continue;
        out_text(&t, "skipped rows of ");
        out_with(&t, escape_text, s->tables[i].name);
        o->failed |= t.failed;
        list(o, CODE_NONE, buf_text(&title), "rows", s->tables[i].skips);
    }
    summary_lists(s, all);
    for (size_t i = 0; i < SUMMARY_LISTS; i++) {
        if (all[i].tally && all[i].tally->total)
            list(o, all[i].code, all[i].title, all[i].noun, all[i].tally);
    }
    if (s->n_assumptions) {
        out_text(o, "\nassumed");
        code_behind(o, W0808);
        out_text(o, "\n");
    }
    for (size_t i = 0; i < s->n_assumptions; i++) {
        out_text(o, "  ");
        out_with(o, escape_text, s->assumptions[i]);
        out_text(o, "\n");
    }
}

int summary_account(const struct summary *s, struct buf *ret)
{
    struct out o = {ret, false};

    heading(&o, s);
    tables(&o, s);
    equation(&o, s);
    kinds(&o, s);
    lists(&o, s);
    out_text(&o, "\n");
    if (s->next.len) {
        out_text(&o, "next: ");
        out_with(&o, escape_text, s->next);
        out_text(&o, "\n");
    }
    if (!o.failed && summary_verdict(s, ret) < 0)
        o.failed = true;
    out_text(&o, "\n");
    return out_end(&o);
}

int summary_text(const struct summary *s, struct buf *ret)
{
    if (s->findings && s->findings->n
        && (render_findings(ret, s->findings, NULL) < 0 || buf_add_char(ret, '\n') < 0))
        return -1;
    return summary_account(s, ret);
}
