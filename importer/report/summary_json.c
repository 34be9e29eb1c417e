/* The shape that docs/summary.md describes. Members are added under version 1, never renamed. */
#include "report/summary_internal.h"

#include "base/cleanup.h"
#include "report/jsonout.h"
#include "report/render.h"
#include "report/state.h"

enum { VERSION = 1, TIME_DIGITS = 3 };
static const double NS_PER_S = 1e9;

static void seconds(struct jsonout *j, const char *name, uint64_t ns)
{
    jsonout_name(j, name);
    jsonout_double(j, (double)ns / NS_PER_S, TIME_DIGITS);
}

static void place(struct jsonout *j, const char *name, const struct finding_place *at)
{
    if (at->file.len == 0)
        return;
    jsonout_name(j, name);
    jsonout_open(j, '{');
    jsonout_member_str(j, "file", at->file);
    jsonout_member_str(j, "source", str_of(at->source));
    jsonout_member_place(j, "line", at->line);
    jsonout_member_place(j, "column", at->column);
    if (at->has_byte)
        jsonout_member_uint(j, "byte", at->byte);
    jsonout_member_str(j, "pointer", at->pointer);
    jsonout_close(j, '}');
}

/* What the database calls it: PostgreSQL's state, or SQLite's number. */
static void database(struct jsonout *j, const struct finding *f)
{
    uint64_t code = 0;

    if (state_is_sqlstate(f->sqlstate))
        jsonout_member_str(j, "sqlstate", str_of(f->sqlstate));
    else if (str_parse_uint64(str_of(f->sqlstate), &code))
        jsonout_member_uint(j, "sqlite", code);
}

static void mapping_place(struct jsonout *j, const struct finding *f)
{
    if (f->mapping_line == 0)
        return;
    jsonout_name(j, "mapping");
    jsonout_open(j, '{');
    jsonout_member_str(j, "file", f->mapping_file);
    jsonout_member_uint(j, "line", f->mapping_line);
    jsonout_member_place(j, "column", f->mapping_column);
    jsonout_member_place(j, "length", f->mapping_len);
    jsonout_member_str(j, "text", f->mapping_text);
    jsonout_close(j, '}');
}

static void example(struct jsonout *j, const struct finding *f)
{
    jsonout_open(j, '{');
    jsonout_member_str(j, "message", f->message);
    place(j, "place", &f->at);
    jsonout_member_str(j, "label", f->label);
    jsonout_member_str(j, "value", f->value);
    jsonout_member_str(j, "excerpt", f->excerpt);
    if (f->excerpt.len)
        jsonout_member_uint(j, "excerpt_column", f->excerpt_column ? f->excerpt_column : 1);
    jsonout_member_str(j, "row", f->row);
    jsonout_member_str(j, "outcome", str_of(finding_outcome_name(f->outcome)));
    jsonout_member_str(j, "note", f->note);
    database(j, f);
    place(j, "other", &f->other);
    jsonout_member_str(j, "other_label", f->other_label);
    jsonout_close(j, '}');
}

static void group(struct jsonout *j, const struct finding_group *g)
{
    CLEANUP(buf_release) struct buf rendered = BUF_INIT;
    const struct finding *f = g->examples[0];

    jsonout_open(j, '{');
    if (f->code)
        jsonout_member_str(j, "code", str_of(code_entry(f->code)->name));
    jsonout_member_str(j, "severity", str_of(finding_severity_name(f->severity)));
    jsonout_member_str(j, "title", str_of(code_entry(f->code)->title));
    jsonout_member_uint(j, "count", g->count);
    jsonout_member_str(j, "kind", f->kind);
    jsonout_member_str(j, "table", f->table);
    jsonout_member_str(j, "column", f->column);
    mapping_place(j, f);
    jsonout_member_str(j, "help", f->help);
    jsonout_name(j, "examples");
    jsonout_open(j, '[');
    for (size_t i = 0; i < g->n_examples; i++)
        example(j, g->examples[i]);
    jsonout_close(j, ']');
    if (render_group(&rendered, g, NULL) < 0)
        j->failed = true;
    jsonout_member_str(j, "rendered", buf_str(&rendered));
    jsonout_close(j, '}');
}

static void findings(struct jsonout *j, const struct findings *all)
{
    static const struct findings none = {0};

    if (!all)
        all = &none;
    jsonout_name(j, "findings");
    jsonout_open(j, '{');
    jsonout_member_uint(j, "errors", all->count[FINDING_ERROR]);
    jsonout_member_uint(j, "warnings", all->count[FINDING_WARNING]);
    jsonout_member_uint(j, "notes", all->count[FINDING_NOTE]);
    jsonout_member_uint(j, "left_out", all->overflow);
    jsonout_name(j, "groups");
    jsonout_open(j, '[');
    for (size_t i = 0; i < all->n; i++)
        group(j, &all->groups[i]);
    jsonout_close(j, ']');
    jsonout_close(j, '}');
}

static void list(struct jsonout *j, enum code code, const char *name, const struct tally *tally)
{
    if (!tally)
        return;
    jsonout_name(j, name);
    jsonout_open(j, '{');
    if (code)
        jsonout_member_str(j, "code", str_of(code_entry(code)->name));
    jsonout_member_uint(j, "total", tally->total);
    jsonout_member_uint(j, "left_out", tally->others);
    jsonout_name(j, "entries");
    jsonout_open(j, '[');
    for (size_t i = 0; i < tally->n; i++) {
        jsonout_open(j, '{');
        jsonout_name(j, "name");
        jsonout_str(j, tally->entries[i].name);
        jsonout_member_uint(j, "count", tally->entries[i].count);
        place(j, "first", &tally->entries[i].first);
        jsonout_close(j, '}');
    }
    jsonout_close(j, ']');
    jsonout_close(j, '}');
}

/* What tables and totals have in common. */
static void rows(struct jsonout *j, const struct summary_totals *t)
{
    jsonout_member_uint(j, "read", t->read);
    jsonout_member_uint(j, "loaded", t->loaded);
    jsonout_member_uint(j, "inserted", t->inserted);
    jsonout_member_uint(j, "updated", t->updated);
    jsonout_member_uint(j, "same", t->same);
    jsonout_member_uint(j, "rejected", t->rejected);
    jsonout_member_uint(j, "skipped", t->skipped);
    jsonout_member_uint(j, "deleted", t->deleted);
    jsonout_member_uint(j, "bytes", t->bytes);
}

static void table(struct jsonout *j, const struct summary_table *t)
{
    jsonout_open(j, '{');
    jsonout_name(j, "name");
    jsonout_str(j, t->name);
    rows(j, &(struct summary_totals){.read = t->read, .loaded = summary_loaded(t), .inserted = t->inserted,
                                     .updated = t->updated, .same = t->same, .rejected = t->rejected,
                                     .skipped = t->skipped, .deleted = t->deleted, .bytes = t->bytes});
    list(j, CODE_NONE, "skip_reasons", t->skips);
    seconds(j, "worker_seconds", t->time_ns);
    jsonout_close(j, '}');
}

static void tables(struct jsonout *j, const struct summary *s)
{
    jsonout_name(j, "tables");
    jsonout_open(j, '[');
    for (size_t i = 0; i < s->n_tables; i++)
        table(j, &s->tables[i]);
    jsonout_close(j, ']');
}

static void kinds(struct jsonout *j, const struct summary *s)
{
    jsonout_name(j, "kinds");
    jsonout_open(j, '[');
    for (size_t i = 0; i < s->n_kinds; i++) {
        const struct summary_kind *k = &s->kinds[i];

        jsonout_open(j, '{');
        jsonout_name(j, "name");
        jsonout_str(j, k->name);
        jsonout_member_uint(j, "files", k->files);
        jsonout_member_uint(j, "unchanged", k->unchanged);
        jsonout_member_uint(j, "failed", k->failed);
        jsonout_member_uint(j, "records", k->records);
        jsonout_member_uint(j, "bytes", k->bytes);
        seconds(j, "worker_seconds", k->time_ns);
        jsonout_close(j, '}');
    }
    jsonout_close(j, ']');
}

static void files(struct jsonout *j, const struct summary *s)
{
    jsonout_name(j, "files");
    jsonout_open(j, '{');
    jsonout_member_uint(j, "left_out", s->files_left_out);
    jsonout_name(j, "entries");
    jsonout_open(j, '[');
    for (size_t i = 0; i < s->n_files; i++) {
        const struct summary_file *f = &s->files[i];

        jsonout_open(j, '{');
        jsonout_name(j, "path");
        jsonout_str(j, f->path);
        jsonout_member_str(j, "source", f->source);
        jsonout_member_str(j, "state", str_of(summary_state_name(f->state)));
        jsonout_member_uint(j, "bytes", f->bytes);
        jsonout_member_uint(j, "records", f->records);
        jsonout_member_uint(j, "rejected", f->rejected);
        jsonout_close(j, '}');
    }
    jsonout_close(j, ']');
    jsonout_close(j, '}');
}

static void totals(struct jsonout *j, const struct summary *s)
{
    struct summary_totals all = summary_totals(s);

    jsonout_name(j, "totals");
    jsonout_open(j, '{');
    rows(j, &all);
    jsonout_name(j, "balanced");
    jsonout_bool(j, all.balanced);
    jsonout_member_uint(j, "files", all.files);
    jsonout_member_uint(j, "files_unchanged", all.unchanged);
    jsonout_member_uint(j, "files_failed", all.failed);
    jsonout_member_uint(j, "records", all.records);
    jsonout_member_uint(j, "source_bytes", all.source_bytes);
    jsonout_close(j, '}');
}

static void texts(struct jsonout *j, const char *name, const struct str *items, size_t n)
{
    jsonout_name(j, name);
    jsonout_open(j, '[');
    for (size_t i = 0; i < n; i++)
        jsonout_str(j, items[i]);
    jsonout_close(j, ']');
}

static void header(struct jsonout *j, const struct summary *s)
{
    CLEANUP(buf_release) struct buf verdict = BUF_INIT;

    jsonout_member_str(j, "format", str_of("windrow.summary"));
    jsonout_member_uint(j, "version", VERSION);
    jsonout_member_str(j, "windrow", s->version);
    jsonout_member_str(j, "command", s->command);
    jsonout_name(j, "dry_run");
    jsonout_bool(j, s->check);
    jsonout_member_str(j, "level", s->level);
    jsonout_member_uint(j, "status", (uint64_t)summary_status(s));
    if (summary_verdict(s, &verdict) < 0)
        j->failed = true;
    jsonout_member_str(j, "verdict", buf_str(&verdict));
    jsonout_member_str(j, "reason", s->end_reason);
    jsonout_member_str(j, "next", s->next);
    jsonout_member_str(j, "run", s->run);
    jsonout_member_str(j, "mapping", s->mapping);
    jsonout_member_str(j, "mapping_digest", s->mapping_digest);
    texts(j, "sources", s->sources, s->n_sources);
    jsonout_member_str(j, "target", s->target);
    jsonout_member_str(j, "started", s->started);
    seconds(j, "wall_seconds", s->wall_ns);
    seconds(j, "cpu_seconds", s->cpu_ns);
    jsonout_member_uint(j, "peak_bytes", s->peak_bytes);
    jsonout_member_uint(j, "jobs", s->jobs);
    jsonout_member_uint(j, "retries", s->retries);
    if (s->reject_limit && s->reject_limit != UINT64_MAX)
        jsonout_member_uint(j, "reject_limit", s->reject_limit);
    if (summary_is_replay(s))
        jsonout_member_uint(j, "open_rejects", s->open_rejects);
}

static void samples(struct jsonout *j, const struct samples *all)
{
    jsonout_name(j, "samples");
    jsonout_open(j, '[');
    for (size_t i = 0; all && i < all->n; i++) {
        jsonout_open(j, '{');
        seconds(j, "seconds", all->points[i].at_ns);
        jsonout_member_uint(j, "bytes", all->points[i].bytes);
        jsonout_member_uint(j, "rows", all->points[i].rows);
        jsonout_close(j, '}');
    }
    jsonout_close(j, ']');
}

int summary_json(const struct summary *s, struct buf *ret)
{
    struct summary_list lists[SUMMARY_LISTS];
    struct jsonout j;

    jsonout_init(&j, ret, false);
    jsonout_open(&j, '{');
    header(&j, s);
    totals(&j, s);
    tables(&j, s);
    kinds(&j, s);
    files(&j, s);
    findings(&j, s->findings);
    summary_lists(s, lists);
    for (size_t i = 0; i < SUMMARY_LISTS; i++)
        list(&j, lists[i].code, lists[i].name, lists[i].tally);
    texts(&j, "assumptions", s->assumptions, s->n_assumptions);
    samples(&j, s->samples);
    jsonout_close(&j, '}');
    return j.failed ? -1 : buf_add_char(ret, '\n');
}
