/* JUnit as CI systems read it: a suite of file kinds, one of tables, and the run itself as a case, so that every
 * finding fails exactly one case. */
#include "report/summary_internal.h"

#include "base/cleanup.h"
#include "report/out.h"
#include "report/render.h"

#include <inttypes.h>

static const double NS_PER_S = 1e9;

static void attribute(struct out *o, const char *name, struct str value)
{
    out_printf(o, " %s=\"", name);
    out_with(o, escape_markup, value);
    out_text(o, "\"");
}

static bool is_kind(const struct summary *s, struct str name)
{
    for (size_t i = 0; i < s->n_kinds; i++) {
        if (str_eq(s->kinds[i].name, name))
            return true;
    }
    return false;
}

static bool is_table(const struct summary *s, struct str name)
{
    for (size_t i = 0; i < s->n_tables; i++) {
        if (str_eq(s->tables[i].name, name))
            return true;
    }
    return false;
}

enum owner { OWNER_TABLE, OWNER_KIND, OWNER_RUN };

static enum owner owner_of(const struct summary *s, const struct finding *f)
{
    if (f->table.len && is_table(s, f->table))
        return OWNER_TABLE;
    if (f->kind.len && is_kind(s, f->kind))
        return OWNER_KIND;
    return OWNER_RUN;
}

static bool owns(const struct summary *s, enum owner owner, struct str name, const struct finding *f)
{
    if (owner_of(s, f) != owner)
        return false;
    return owner == OWNER_RUN || str_eq(owner == OWNER_TABLE ? f->table : f->kind, name);
}

/* The findings of one case as text; *errors counts those that make it fail. */
static int case_findings(const struct summary *s, enum owner owner, struct str name, struct buf *ret, uint64_t *errors)
{
    *errors = 0;
    for (size_t i = 0; s->findings && i < s->findings->n; i++) {
        const struct finding_group *g = &s->findings->groups[i];

        if (!owns(s, owner, name, g->examples[0]))
            continue;
        if (g->examples[0]->severity == FINDING_ERROR)
            *errors += g->count;
        if ((ret->len > 0 && buf_add_char(ret, '\n') < 0) || render_group(ret, g, NULL) < 0)
            return -1;
    }
    return 0;
}

struct test {
    enum owner owner;
    struct str name;
    uint64_t time_ns;
    bool failed;            /* for a reason other than findings */
    struct str message;     /* of the failure; empty: the number of errors */
};

struct suite {
    struct buf cases;
    unsigned tests, failures;
};

static void add_case(struct suite *suite, const struct summary *s, const struct test *test, struct out *o)
{
    static const char *const classes[] = {"tables", "files", "run"};
    CLEANUP(buf_release) struct buf text = BUF_INIT;
    struct out c = {&suite->cases, false};
    uint64_t errors;
    bool failed;

    if (case_findings(s, test->owner, test->name, &text, &errors) < 0)
        o->failed = true;
    failed = test->failed || errors > 0;
    suite->tests++;
    suite->failures += failed;
    out_printf(&c, "    <testcase classname=\"windrow.%s\"", classes[test->owner]);
    attribute(&c, "name", test->name);
    out_printf(&c, " time=\"%.3f\">", (double)test->time_ns / NS_PER_S);
    if (failed) {
        out_text(&c, "\n      <failure message=\"");
        if (test->message.len) {
            out_with(&c, escape_markup, test->message);
        } else {
            out_plural(&c, errors, "error", "errors");
        }
        out_printf(&c, "\" type=\"%s\">", errors ? "findings" : "account");
        out_with(&c, escape_entities, buf_str(&text));
        out_text(&c, "</failure>\n    ");
    } else if (text.len) {
        out_text(&c, "\n      <system-out>");
        out_with(&c, escape_entities, buf_str(&text));
        out_text(&c, "</system-out>\n    ");
    }
    out_text(&c, "</testcase>\n");
    o->failed |= c.failed;
}

static void table_cases(struct suite *suite, const struct summary *s, struct out *o)
{
    for (size_t i = 0; i < s->n_tables; i++) {
        const struct summary_table *t = &s->tables[i];
        CLEANUP(buf_release) struct buf message = BUF_INIT;
        struct out m = {&message, false};

        out_plural(&m, t->rejected, "row", "rows");
        out_text(&m, s->check ? " would be rejected of " : " rejected of ");
        out_number(&m, format_count, t->read);
        if (!summary_balanced(t))
            out_text(&m, "; the account does not balance");
        o->failed |= m.failed;
        add_case(suite, s, &(struct test){OWNER_TABLE, t->name, t->time_ns, t->rejected || !summary_balanced(t),
                                          buf_str(&message)}, o);
    }
}

static void kind_cases(struct suite *suite, const struct summary *s, struct out *o)
{
    for (size_t i = 0; i < s->n_kinds; i++) {
        const struct summary_kind *k = &s->kinds[i];
        CLEANUP(buf_release) struct buf message = BUF_INIT;
        struct out m = {&message, false};

        if (k->failed) {
            out_plural(&m, k->failed, "file", "files");
            out_text(&m, " not read of ");
            out_number(&m, format_count, k->files);
        }
        o->failed |= m.failed;
        add_case(suite, s, &(struct test){OWNER_KIND, k->name, k->time_ns, k->failed > 0, buf_str(&message)}, o);
    }
}

/* Fails for ends that no other case shows. */
static void run_case(struct suite *suite, const struct summary *s, struct out *o)
{
    CLEANUP(buf_release) struct buf message = BUF_INIT;
    int status = summary_status(s);

    if (summary_verdict(s, &message) < 0)
        o->failed = true;
    add_case(suite, s, &(struct test){OWNER_RUN, s->command.len ? s->command : str_of("run"), s->wall_ns,
                                      status != 0 && status != 3, buf_str(&message)}, o);
}

/* The account, where CI systems show what is neither good nor bad. */
static void properties(struct out *o, const struct summary *s)
{
    const struct summary_totals all = summary_totals(s);
    const struct { const char *name; uint64_t n; } counts[] = {
        {"read", all.read}, {"loaded", all.loaded}, {"rejected", all.rejected}, {"skipped", all.skipped},
        {"deleted", all.deleted},
    };

    out_text(o, "    <properties>\n");
    for (size_t i = 0; i < ARRAY_LEN(counts); i++)
        out_printf(o, "      <property name=\"%s\" value=\"%" PRIu64 "\"/>\n", counts[i].name, counts[i].n);
    out_text(o, "    </properties>\n");
}

static void suite_text(struct out *o, const struct suite *suite, const char *name, const struct summary *s)
{
    out_printf(o, "  <testsuite name=\"%s\" tests=\"%u\" failures=\"%u\" errors=\"0\" skipped=\"0\" time=\"%.3f\"",
               name, suite->tests, suite->failures, (double)s->wall_ns / NS_PER_S);
    if (s->started.len)
        attribute(o, "timestamp", s->started);
    out_text(o, ">\n");
    if (str_is(str_of(name), "run"))
        properties(o, s);
    out_bytes(o, buf_text(&suite->cases), suite->cases.len);
    out_text(o, "  </testsuite>\n");
}

int summary_xml(const struct summary *s, struct buf *ret)
{
    static const char *const names[] = {"files", "tables", "run"};
    struct suite suites[3] = {0};
    struct out o = {ret, false};
    unsigned tests = 0, failures = 0;

    kind_cases(&suites[0], s, &o);
    table_cases(&suites[1], s, &o);
    run_case(&suites[2], s, &o);
    for (size_t i = 0; i < ARRAY_LEN(suites); i++) {
        tests += suites[i].tests;
        failures += suites[i].failures;
    }
    out_text(&o, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites");
    attribute(&o, "name", str_of("windrow"));
    out_printf(&o, " tests=\"%u\" failures=\"%u\" errors=\"0\" time=\"%.3f\">\n", tests, failures,
               (double)s->wall_ns / NS_PER_S);
    for (size_t i = 0; i < ARRAY_LEN(suites); i++) {
        suite_text(&o, &suites[i], names[i], s);
        buf_release(&suites[i].cases);
    }
    out_text(&o, "</testsuites>\n");
    return out_end(&o);
}
