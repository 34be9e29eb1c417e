/* The four writers over one model: golden text, other parsers, and names that try to break out. With --write DIR
 * a sample of each report is written there, to be looked at. */
#include "report/summary.h"
#include "base/cleanup.h"
#include "tap.h"

#include <jansson.h>
#include <stdlib.h>
#include <sys/stat.h>

static const uint64_t S = 1000000000, MIB = 1 << 20;

struct model {
    struct summary s;
    struct summary_table tables[3];
    struct summary_kind kinds[2];
    struct summary_file files[3];
    struct findings findings;
    struct tally skips, unread, unmatched, orphans, unfilled, entries, mended;
    struct samples samples;
    struct str sources[2], assumptions[1];
};

static struct finding sample_finding(struct str text)
{
    return (struct finding){
        .code = W0412, .outcome = FINDING_REJECTED, .label = str_of("expected integer"),
        .at = {.file = text, .line = 17, .column = 14, .byte = 5310, .has_byte = true,
               .pointer = str_of("/addresses/2/zip")},
        .excerpt = str_of("      \"zip\": \"D-1o115\","), .value = text, .mapping_file = str_of("mappings/chat.yaml"),
        .mapping_line = 31, .mapping_column = 25, .mapping_len = 7,
        .mapping_text = str_of("      zip: {path: .zip, type: integer}"),
        .table = str_of("addresses"), .column = str_of("zip"), .row = text,
    };
}

/* A load of three tables with rejects; `text` stands wherever text comes from outside. */
static void model_fill(struct model *m, struct str text)
{
    struct finding_place place = {.file = text, .line = 3, .column = 1};
    struct finding f = sample_finding(text), warning = {
        .severity = FINDING_WARNING, .code = W0805, .message = text, .kind = str_of("{sender}/profile.json"),
    };

    memset(m, 0, sizeof *m);
    for (int i = 0; i < 12; i++) {
        f.at.line = 17 + (uint64_t)i;
        findings_add(&m->findings, &f, NULL);
    }
    findings_add(&m->findings, &warning, NULL);
    tally_add(&m->skips, str_of("where: is false"), 40, NULL, NULL);
    tally_add(&m->unread, text, 12004, &place, NULL);
    tally_add(&m->unread, str_of("users .nick"), 3, &place, NULL);
    tally_add(&m->unmatched, text, 1, &place, NULL);
    tally_add(&m->orphans, text, 2, &place, NULL);
    tally_add(&m->unfilled, str_of("users.phone"), 1, NULL, NULL);
    tally_add(&m->entries, str_of("symbolic link"), 4, &place, NULL);
    tally_add(&m->mended, str_of("users.name: NUL removed"), 7, &place, NULL);
    for (uint64_t i = 0; i <= 134; i++)
        samples_add(&m->samples, i * S, i * 15 * MIB + (i % 7) * MIB, i * 23000 + (i % 5) * 1000);
    m->tables[0] = (struct summary_table){.name = str_of("users"), .read = 12004, .inserted = 11964, .skipped = 40,
                                          .bytes = 2 * MIB, .time_ns = 313000000, .skips = &m->skips};
    m->tables[1] = (struct summary_table){.name = str_of("addresses"), .read = 30012, .inserted = 29000,
                                          .updated = 900, .same = 100, .rejected = 12, .deleted = 3, .bytes = 5 * MIB,
                                          .time_ns = 800000000};
    m->tables[2] = (struct summary_table){.name = text, .read = 3121004, .inserted = 3121004, .bytes = 612 * MIB,
                                          .time_ns = 131 * S};
    m->kinds[0] = (struct summary_kind){.name = str_of("{sender}/profile.json"), .files = 12004, .unchanged = 4,
                                        .failed = 1, .records = 12003, .bytes = 30 * MIB, .time_ns = 3 * S};
    m->kinds[1] = (struct summary_kind){.name = text, .files = 20, .records = 3121004, .bytes = 2000 * MIB,
                                        .time_ns = 120 * S};
    m->files[0] = (struct summary_file){.path = text, .state = SUMMARY_LOADED, .bytes = 5310, .records = 1, .rejected = 1};
    m->files[1] = (struct summary_file){.path = str_of("tmp/43/profile.json"), .state = SUMMARY_UNCHANGED, .bytes = 4000};
    m->files[2] = (struct summary_file){.path = str_of("tmp/44/profile.json"), .state = SUMMARY_FAILED};
    m->sources[0] = str_of("tmp");
    m->sources[1] = text;
    m->assumptions[0] = str_of("times without zone in users.created_at are Europe/Berlin");
    m->s = (struct summary){
        .command = str_of("load"), .run = str_of("r7"), .mapping = str_of("chat"), .mapping_digest = str_of("8f31"),
        .sources = m->sources, .n_sources = 2, .target = text, .version = str_of("0.1.0"),
        .started = str_of("2024-02-29T12:00:00Z"), .wall_ns = 134 * S, .cpu_ns = 201 * S, .peak_bytes = 41 * MIB,
        .jobs = 2, .tables = m->tables, .n_tables = 3, .kinds = m->kinds, .n_kinds = 2, .files = m->files,
        .n_files = 3, .files_left_out = 12000, .source_bytes = 2030 * MIB, .findings = &m->findings,
        .unread = &m->unread, .unmatched = &m->unmatched, .orphans = &m->orphans, .unfilled = &m->unfilled,
        .entries = &m->entries, .mended = &m->mended, .assumptions = m->assumptions, .n_assumptions = 1,
        .samples = &m->samples, .reject_limit = 100, .next = str_of("windrow rejects list r7"),
    };
    tally_sort(&m->unread);
}

static void model_release(struct model *m)
{
    findings_release(&m->findings);
    tally_release(&m->skips);
    tally_release(&m->unread);
    tally_release(&m->unmatched);
    tally_release(&m->orphans);
    tally_release(&m->unfilled);
    tally_release(&m->entries);
    tally_release(&m->mended);
}

static const char evil[] = "</pre></script><img src=x onerror=alert(1)>\"' onload='x' ]]>&amp;\033[2J\x01\x7f\xff"
                           "\xe2\x80\xae\xef\xbf\xbf\n<failure/>--><!--";

static void test_text(void)
{
    CLEANUP(buf_release) struct buf text = BUF_INIT;
    struct model m;

    model_fill(&m, str_of("messages"));
    summary_account(&m.s, &text);
    is_str(buf_text(&text),
           "windrow load\n"
           "  run      r7\n"
           "  mapping  chat\n"
           "  from     tmp\n"
           "           messages\n"
           "  to       messages\n"
           "  started  2024-02-29T12:00:00Z\n"
           "  took     2:14, CPU 3:21, peak memory 41.0 MiB, 2 jobs\n"
           "\n"
           "table           read     loaded  rejected  skipped     bytes  worker time\n"
           "---------  ---------  ---------  --------  -------  --------  -----------\n"
           "users         12,004     11,964         0       40  2.00 MiB      0.313 s\n"
           "addresses     30,012     30,000        12        0  5.00 MiB      0.800 s\n"
           "messages   3,121,004  3,121,004         0        0   612 MiB         2:11\n"
           "---------  ---------  ---------  --------  -------  --------  -----------\n"
           "total      3,163,020  3,162,968        12       40   619 MiB         2:12\n"
           "3,163,020 read = 3,162,968 loaded + 12 rejected + 40 skipped: holds\n"
           "of the loaded: 3,161,968 inserted, 900 updated, 100 there already\n"
           "deleted from addresses: 3 rows of files that have changed or are gone\n"
           "\n"
           "files                  matched  unchanged  failed    records     bytes\n"
           "---------------------  -------  ---------  ------  ---------  --------\n"
           "{sender}/profile.json   12,004          4       1     12,003  30.0 MiB\n"
           "messages                    20          0       0  3,121,004  1.95 GiB\n"
           "\n"
           "skipped rows of users: 40\n"
           "  where: is false  40 rows\n"
           "\n"
           "values changed because the mapping asked for it (W0807): 7\n"
           "  users.name: NUL removed  7 values  first: messages:3:1\n"
           "\n"
           "entries of the source that were skipped: 4\n"
           "  symbolic link  4 entries  first: messages:3:1\n"
           "\n"
           "files that no pattern matched (W0801): 1\n"
           "  messages  first: messages:3:1\n"
           "\n"
           "keys that no path read (W0802): 12,007\n"
           "  messages  12,004 times  first: messages:3:1\n"
           "  users .nick  3 times  first: messages:3:1\n"
           "\n"
           "index entries that nothing asked for (W0803): 2\n"
           "  messages  2 entries  first: messages:3:1\n"
           "\n"
           "columns that were never filled (W0804): 1\n"
           "  users.phone\n"
           "\n"
           "assumed (W0808)\n"
           "  times without zone in users.created_at are Europe/Berlin\n"
           "\n"
           "next: windrow rejects list r7\n"
           "done with rejects: 3,162,968 rows loaded, 12 rejected, 1 file not read\n", "the account as text");
    model_release(&m);
}

/* For each end: the status, and a last line that says the same. */
static void test_verdicts(void)
{
    static const struct summary_table good = {.read = 5, .inserted = 4, .skipped = 1};
    static const struct summary_table bad = {.read = 5, .inserted = 4, .rejected = 1};
    static const struct summary_table broken = {.read = 5, .inserted = 3, .rejected = 1};
    static const struct summary_table none = {0};
    static const struct summary_kind unchanged = {.files = 2, .unchanged = 2}, failed = {.files = 2, .failed = 1};
    static const struct {
        const struct summary_table *table;
        const struct summary_kind *kind;
        enum summary_end end;
        bool check;
        int status;
        const char *reason, *line;
    } cases[] = {
        {&good, NULL, SUMMARY_DONE, false, 0, "", "done: 4 rows loaded, nothing refused"},
        {&good, NULL, SUMMARY_DONE, true, 0, "", "clean: 4 rows would load, nothing would be refused"},
        {&none, &unchanged, SUMMARY_DONE, false, 0, "", "done: nothing changed, 2 files are loaded already"},
        {&bad, NULL, SUMMARY_DONE, false, 3, "", "done with rejects: 4 rows loaded, 1 rejected"},
        {&bad, NULL, SUMMARY_DONE, true, 3, "", "findings: 4 rows would load, 1 would be rejected"},
        {&good, &failed, SUMMARY_DONE, false, 3, "", "done with rejects: 4 rows loaded, 0 rejected, 1 file not read"},
        {&broken, NULL, SUMMARY_DONE, false, 1, "", "internal error: the account does not balance: read 5, loaded + "
         "rejected + skipped 4"},
        {&bad, NULL, SUMMARY_INTERNAL, false, 1, "out of memory", "internal error: out of memory"},
        {&none, NULL, SUMMARY_USAGE, false, 2, "no \033", "nothing was touched: no \\x1B"},
        {&bad, NULL, SUMMARY_LIMIT, false, 4, "", "stopped: 1 row rejected, the limit is 7; 4 rows stay loaded"},
        {&bad, NULL, SUMMARY_LIMIT, true, 4, "", "stopped: 1 row would be rejected, the limit is 7"},
        {&none, NULL, SUMMARY_DATABASE, false, 5, "", "database: unreachable or refused"},
        {&none, NULL, SUMMARY_DIFFERENT, false, 6, "2 rows", "different: 2 rows"},
        {&good, NULL, SUMMARY_INTERRUPTED, false, 7, "why", "interrupted: why; 4 rows are loaded; run the same command again "
         "to go on"},
        {&good, NULL, SUMMARY_INTERRUPTED, false, 7, "", "interrupted: 4 rows are loaded; run the same command again "
         "to go on"},
        {&none, NULL, SUMMARY_NOTHING, false, 8, "", "nothing matched: no file of the source is one that the mapping "
         "reads"},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(buf_release) struct buf line = BUF_INIT;
        struct summary s = {
            .tables = cases[i].table, .n_tables = 1, .kinds = cases[i].kind, .n_kinds = cases[i].kind ? 1 : 0,
            .end = cases[i].end, .check = cases[i].check, .end_reason = str_of(cases[i].reason), .reject_limit = 7,
        };

        summary_verdict(&s, &line);
        is_str(buf_text(&line), cases[i].line, "last line %zu", i);
        is_int(summary_status(&s), cases[i].status, "exit status %zu", i);
    }
}

/* What a replay leaves open is told, and that nothing is left. */
static void test_replay_verdicts(void)
{
    static const struct { uint64_t loaded, rejected, open, left; int status; const char *line; } cases[] = {
        {7, 0, 0, 0, 0, "done: 7 rows loaded, nothing refused; run 3 has no open rejects"},
        {0, 0, 1, 1, 0, "done: 0 rows loaded, nothing refused; 1 reject of run 3 stays open, 1 has no line in the file"},
        {1, 2, 1234, 1230, 3,
         "done with rejects: 1 row loaded, 2 rejected; 1,234 rejects of run 3 stay open, 1,230 have no line in the file"},
        {0, 1, 1, 0, 3, "done with rejects: 0 rows loaded, 1 rejected; 1 reject of run 3 stays open"},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(buf_release) struct buf line = BUF_INIT;
        struct summary_table t = {.read = cases[i].loaded + cases[i].rejected, .inserted = cases[i].loaded, .rejected = cases[i].rejected};
        struct summary s = {.command = str_of("rejects replay"), .run = str_of("3"), .tables = &t, .n_tables = 1,
                            .open_rejects = cases[i].open, .left_rejects = cases[i].left};

        summary_verdict(&s, &line);
        is_str(buf_text(&line), cases[i].line, "last line of replay %zu", i);
        is_int(summary_status(&s), cases[i].status, "exit status of replay %zu", i);
    }
}

static void test_broken_account(void)
{
    CLEANUP(buf_release) struct buf text = BUF_INIT;
    struct summary_table tables[] = {{.name = str_of("a"), .read = 2, .inserted = 1},
                                     {.name = str_of("b"), .read = 1, .inserted = 2}};
    struct summary s = {.command = str_of("load"), .tables = tables, .n_tables = 2};

    summary_text(&s, &text);
    ok(strstr(buf_text(&text), "DOES NOT HOLD") && strstr(buf_text(&text), "broken in a\n")
       && strstr(buf_text(&text), "broken in b\n"), "tables that make up for each other are both named");
    is_int(summary_status(&s), 1, "and the run has failed");
}

static void test_json(struct str text, const char *name)
{
    CLEANUP(buf_release) struct buf out = BUF_INIT;
    struct model m;
    json_error_t error;
    json_t *o, *groups, *totals;

    model_fill(&m, text);
    ok(summary_json(&m.s, &out) == 0, "%s: JSON written", name);
    o = json_loadb(out.at, out.len, 0, &error);
    ok(o != NULL, "%s: read by another parser: %s", name, o ? "" : error.text);
    is_str(json_string_value(json_object_get(o, "format")), "windrow.summary", "%s: format", name);
    is_int(json_integer_value(json_object_get(o, "version")), 1, "%s: version", name);
    is_int(json_integer_value(json_object_get(o, "status")), 3, "%s: status", name);
    totals = json_object_get(o, "totals");
    ok(json_integer_value(json_object_get(totals, "read")) == 3163020
       && json_is_true(json_object_get(totals, "balanced")), "%s: totals", name);
    groups = json_object_get(json_object_get(o, "findings"), "groups");
    is_int((long long)json_array_size(groups), 2, "%s: groups of findings", name);
    is_int(json_integer_value(json_object_get(json_array_get(groups, 0), "count")), 12, "%s: count of a group", name);
    is_int((long long)json_array_size(json_object_get(o, "samples")), (long long)m.samples.n, "%s: samples", name);
    ok(!memchr(out.at, 0x1B, out.len) && !memchr(out.at, 0x7F, out.len), "%s: no controls", name);
    json_decref(o);
    model_release(&m);
}

/* What xmllint says about a report, as one line. */
static bool xmllint(const char *options, int (*write)(const struct summary *, struct buf *), struct str text,
                    char *ret, size_t size)
{
    CLEANUP(buf_release) struct buf out = BUF_INIT;
    char path[] = "/tmp/windrow-report-XXXXXX", command[400];
    CLEANUP(close_fd) int fd = mkstemp(path);
    struct model m;
    bool good;
    FILE *pipe;

    model_fill(&m, text);
    write(&m.s, &out);
    model_release(&m);
    if (fd < 0 || pwrite(fd, out.at, out.len, 0) != (ssize_t)out.len)
        return false;
    snprintf(command, sizeof command, "xmllint %s %s 2>/dev/null", options, path);
    pipe = popen(command, "r");
    if (pipe && !fgets(ret, (int)size, pipe))
        ret[0] = '\0';
    good = pipe && pclose(pipe) == 0;
    unlink(path);
    return good;
}

static void test_markup(void)
{
    char plain[64], hostile[64];

    if (system("command -v xmllint >/dev/null 2>&1") != 0) {
        ok(true, "markup # SKIP xmllint is not installed");
        return;
    }
    ok(xmllint("--noout", summary_xml, str_of("x"), plain, sizeof plain), "XML is well-formed");
    ok(xmllint("--noout", summary_xml, str_of(evil), hostile, sizeof hostile), "also with hostile names");
    ok(xmllint("--xpath 'count(//*|//@*)'", summary_xml, str_of("x"), plain, sizeof plain)
       && xmllint("--xpath 'count(//*|//@*)'", summary_xml, str_of(evil), hostile, sizeof hostile), "XML is counted");
    is_str(hostile, plain, "hostile names add no element or attribute to XML");
    xmllint("--xpath '//testsuites/@failures - count(//failure)'", summary_xml, str_of("x"), plain, sizeof plain);
    is_str(plain, "0\n", "the number of failures is that of the failures");
    xmllint("--xpath '//testsuites/@tests - count(//testcase)'", summary_xml, str_of("x"), plain, sizeof plain);
    is_str(plain, "0\n", "the number of tests is that of the cases");
    xmllint("--html --xpath 'count(//*|//@*)'", summary_html, str_of("x"), plain, sizeof plain);
    xmllint("--html --xpath 'count(//*|//@*)'", summary_html, str_of(evil), hostile, sizeof hostile);
    ok(atoi(plain) > 100, "HTML is counted");
    is_str(hostile, plain, "hostile names add no element or attribute to HTML");
    xmllint("--html --xpath 'count(//script|//link|//img|//iframe|//object|//form|//@src|//@href|//@style)'",
            summary_html, str_of(evil), plain, sizeof plain);
    is_str(plain, "0\n", "nothing that runs or loads");
    xmllint("--html --xpath 'count(//@*[starts-with(name(), \"on\")])'", summary_html, str_of(evil), plain,
            sizeof plain);
    is_str(plain, "0\n", "no handlers");
}

static void test_html(void)
{
    CLEANUP(buf_release) struct buf out = BUF_INIT;
    struct model m;

    model_fill(&m, str_of(evil));
    summary_html(&m.s, &out);
    ok(strstr(buf_text(&out), "Content-Security-Policy"), "the page forbids what it does not need");
    ok(!strstr(buf_text(&out), "http:") && !strstr(buf_text(&out), "https:") && !strstr(buf_text(&out), "url("),
       "no address of a network");
    ok(!memchr(out.at, 0x1B, out.len) && !memchr(out.at, 0x01, out.len) && !memchr(out.at, 0x7F, out.len)
       && str_utf8_invalid_at(buf_str(&out)) == out.len, "no controls, all UTF-8");
    ok(strstr(buf_text(&out), "<svg"), "plots are there");
    model_release(&m);
}

static void test_empty(void)
{
    static int (*const write[])(const struct summary *, struct buf *) = {
        summary_text, summary_json, summary_html, summary_xml,
    };
    static const struct samples one = {.n = 1};
    struct summary s = {.command = str_of("check"), .check = true, .end = SUMMARY_NOTHING, .samples = &one};

    for (size_t i = 0; i < ARRAY_LEN(write); i++) {
        CLEANUP(buf_release) struct buf out = BUF_INIT;

        ok(write[i](&s, &out) == 0 && strstr(buf_text(&out), "nothing matched"), "an empty run, writer %zu", i);
    }
}

static void read_file(const char *path, struct buf *ret)
{
    CLEANUP(close_file) FILE *f = fopen(path, "re");

    buf_clear(ret);
    if (f)
        buf_read_fd(ret, fileno(f), 1 << 24, NULL);
}

static void test_write(void)
{
    static const struct { const char *ending, *begins; } cases[] = {
        {"txt", "error[W0412]"}, {"json", "{\n"}, {"html", "<!DOCTYPE html>"}, {"xml", "<?xml "},
    };
    CLEANUP(buf_release) struct buf text = BUF_INIT;
    CLEANUP(err_release) struct err err = {0};
    char dir[] = "/tmp/windrow-report-XXXXXX", path[100], command[200];
    struct stat st;
    struct model m;

    if (!mkdtemp(dir))
        return;
    model_fill(&m, str_of("x"));
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        snprintf(path, sizeof path, "%s/report.%s", dir, cases[i].ending);
        ok(summary_write(&m.s, path, NULL) == 0 && summary_write(&m.s, path, NULL) == 0, "written, twice: %s",
           cases[i].ending);
        read_file(path, &text);
        ok(str_starts(buf_str(&text), str_of(cases[i].begins)), "in the form of its ending");
        ok(stat(path, &st) == 0 && (st.st_mode & 0777) == 0600, "for its owner only");
    }
    snprintf(command, sizeof command, "test $(ls -A %s | wc -l) = 4", dir);
    ok(system(command) == 0, "nothing else is left behind");
    ok(summary_write(&m.s, "report.pdf", &err) < 0 && err.code == W0101 && err.help[0], "another ending is refused");
    err_release(&err);
    snprintf(path, sizeof path, "%s/none/report.txt", dir);
    ok(summary_write(&m.s, path, &err) < 0 && err.code == W0103, "a missing directory is told");
    err_release(&err);
    snprintf(path, sizeof path, "%s/dir.txt", dir);
    mkdir(path, 0700);
    ok(summary_write(&m.s, path, &err) < 0 && err.code == W0103, "a directory in the way is told");
    snprintf(command, sizeof command, "test $(ls -A %s | wc -l) = 5 && rm -r %s", dir, dir);
    ok(system(command) == 0, "and a failed write leaves nothing");
    model_release(&m);
}

static int write_samples(const char *dir)
{
    static const char *const endings[] = {"txt", "json", "html", "xml"};
    struct model m;

    model_fill(&m, str_of("tmp/42/\xe6\xbc\xa2\xe5\xad\x97/messages.jsonl"));
    for (size_t i = 0; i < ARRAY_LEN(endings); i++) {
        CLEANUP(err_release) struct err err = {0};
        char path[1000];

        snprintf(path, sizeof path, "%s/report.%s", dir, endings[i]);
        if (summary_write(&m.s, path, &err) < 0)
            fprintf(stderr, "%s\n", err.message);
    }
    model_release(&m);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "--write") == 0)
        return write_samples(argv[2]);
    test_text();
    test_verdicts();
    test_replay_verdicts();
    test_broken_account();
    test_json(str_of("messages"), "plain");
    test_json(str_of(evil), "hostile");
    test_markup();
    test_html();
    test_empty();
    test_write();
    return done_testing();
}
