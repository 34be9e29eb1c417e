/* How a source is cut into units: nothing is left out, nothing is there twice, and the cut depends on the files alone. */
#include "base/cleanup.h"
#include "run/survey.h"
#include "tap.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { UNIT = SURVEY_UNIT_BYTES, UNITS_MAX = 64 };

static const char by_file[] = "windrow: 1\nname: t\ntables:\n  t:\n    from: \"*.jsonl\"\n    key: id\n    columns:\n      id: .id\n";
static const char by_group[] = "windrow: 1\nname: t\nsource:\n  group: \"{who}/\"\ntables:\n  t:\n    from: \"{who}/*.jsonl\"\n    key: id\n"
                               "    columns:\n      id: .id\n";

static struct program *compile(const char *text, struct mapping **m)
{
    struct mapping_faults faults = {0};
    struct program *p;

    *m = mapping_parse(str_of(text), "t.yaml", &faults);
    p = *m ? program_compile(*m, NULL, NULL, 0, &faults) : NULL;
    if (!p) {
        ok(false, "the mapping compiles: %s", faults.n ? faults.at[0].message : "?");
        exit(1);
    }
    mapping_faults_release(&faults);
    return p;
}

/* A file of this size; nobody reads it. */
static void put(const char *name, uint64_t size)
{
    CLEANUP(close_fd) int fd = open(name, O_CREAT | O_TRUNC | O_WRONLY, 0600);

    if (fd < 0 || ftruncate(fd, (off_t)size) < 0) {
        ok(false, "a file %s", name);
        exit(1);
    }
}

struct cut {
    size_t n, files, most_files;
    uint64_t bytes, least, most;    /* of one unit */
    bool gap;                       /* a part does not begin where the one before it ended */
    uint64_t at;
    char first[UNITS_MAX][32];      /* the first file of each unit */
};

static void count_unit(struct cut *c, const struct unit *u)
{
    uint64_t bytes = u->part ? u->to - u->from : u->bytes;

    if (u->part) {
        c->gap |= u->from != c->at || u->to <= u->from;
        c->at = u->to;
    }
    if (c->n < UNITS_MAX)
        snprintf(c->first[c->n], sizeof c->first[0], "%.*s", STR_ARG(u->files[0].path));
    c->n++;
    c->files += u->n_files;
    c->most_files = u->n_files > c->most_files ? u->n_files : c->most_files;
    c->bytes += bytes;
    c->least = c->n == 1 || bytes < c->least ? bytes : c->least;
    c->most = bytes > c->most ? bytes : c->most;
}

static struct cut cut(const char *mapping, const struct survey_out *out, bool threads)
{
    struct mapping *m;
    struct program *p = compile(mapping, &m);
    const char *root = ".";
    struct survey_options options = {.threads = threads};
    struct err err = {0};
    struct survey *s = survey_open(p, &root, 1, out, &options, &err);
    struct unit unit = {0};
    struct cut ret = {0};
    int got = -1;

    while (s && (got = survey_next(s, &unit, &err)) == 1)
        count_unit(&ret, &unit);
    if (got < 0)
        ok(false, "the survey comes to its end: %s", err.message);
    unit_release(&unit);
    survey_close(s);
    program_free(p);
    mapping_free(m);
    err_release(&err);
    return ret;
}

static void test_parts(void)
{
    static const uint64_t sizes[] = {2 * UNIT, 2 * UNIT + 1, 5 * UNIT / 2 - 1, 5 * UNIT / 2, 5 * UNIT / 2 + 1, 10 * UNIT, 40ull * UNIT + 123};
    const struct survey_out out = {0};

    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        struct cut c;
        bool whole = sizes[i] <= 2 * UNIT;

        put("large.jsonl", sizes[i]);
        c = cut(by_file, &out, false);
        ok(c.bytes == sizes[i] && !c.gap && (whole ? c.n == 1 && c.at == 0 : c.at == sizes[i]),
           "%llu bytes: each of them is in one part", (unsigned long long)sizes[i]);
        ok(whole || (c.n > 1 && c.most < 3 * UNIT / 2 && c.least >= UNIT / 2), "%llu bytes: no part is much larger or smaller",
           (unsigned long long)sizes[i]);
    }
    unlink("large.jsonl");
}

static void test_bundles(void)
{
    const struct survey_out out = {0};
    struct cut c, again;
    char name[32];

    for (unsigned i = 0; i < 2500; i++) {
        snprintf(name, sizeof name, "%04u.jsonl", i);
        put(name, i == 1500 ? UNIT + 1 : 10);
    }
    c = cut(by_file, &out, false);
    is_int((long long)c.files, 2500, "2,500 small files: each is in one unit");
    is_int((long long)c.most_files, SURVEY_UNIT_FILES, "as many at most as a unit takes");
    is_str(c.first[1], "1000.jsonl", "the second begins behind the first");
    is_str(c.first[2], "1500.jsonl", "a large one among them is a unit by itself");
    is_str(c.first[3], "1501.jsonl", "after those before it");
    again = cut(by_file, &out, true);
    ok(memcmp(&c, &again, sizeof c) == 0, "a walk in a thread of its own makes the same cut");
    for (unsigned i = 0; i < 2500; i++) {
        snprintf(name, sizeof name, "%04u.jsonl", i);
        unlink(name);
    }
}

static void test_groups(void)
{
    const struct survey_out out = {0};
    struct cut c;

    mkdir("ann", 0700);
    mkdir("bob", 0700);
    put("ann/1.jsonl", 4 * UNIT);
    put("ann/2.jsonl", 4 * UNIT);
    put("bob/1.jsonl", 10);
    c = cut(by_group, &out, false);
    ok(c.n == 2 && c.files == 3 && c.at == 0, "a group is never parted, however large");
    is_str(c.first[0], "ann/1.jsonl", "and groups come in their order");
    unlink("ann/1.jsonl");
    unlink("ann/2.jsonl");
    unlink("bob/1.jsonl");
}

/* A ledger that knows a.jsonl to c.jsonl as they are, but for `changed`. */
struct remembered {
    unsigned at, changed;
};

static int remember(void *context, struct ledger_file *ret, struct err *err)
{
    static const char *const names[] = {"a.jsonl", "b.jsonl", "c.jsonl"};
    struct remembered *r = context;
    struct stat now;

    if (r->at == ARRAY_LEN(names))
        return 0;
    if (stat(names[r->at], &now) < 0)
        return err_set(err, ERR_RUN, W0302, "no %s", names[r->at]);
    *ret = (struct ledger_file){.path = str_of(names[r->at]), .unit = 1, .size = now.st_size + (r->at == r->changed),
                                .mtime_ns = (int64_t)now.st_mtim.tv_sec * 1000000000 + now.st_mtim.tv_nsec};
    r->at++;
    return 1;
}

static void test_known(void)
{
    struct remembered r = {.changed = 3};
    const struct survey_out out = {.context = &r, .known = remember};
    struct cut c;

    put("a.jsonl", 10);
    put("b.jsonl", 10);
    put("c.jsonl", 10);
    is_int((long long)cut(by_file, &out, false).n, 0, "files that are as they were make no unit");
    r = (struct remembered){.changed = 1};
    c = cut(by_file, &out, false);
    ok(c.n == 1 && c.files == 1, "one that has changed makes one");
    is_str(c.first[0], "b.jsonl", "of itself");
}

/* Three files in one group, and memory for the list of two. */
static void test_group_bytes(void)
{
    struct mapping *m;
    struct program *p = compile(by_group, &m);
    const struct survey_out out = {0};
    const struct survey_options options = {.group_bytes = 2 * (sizeof(struct entry) + strlen("ann/1.jsonl"))};
    const char *root = ".";
    CLEANUP(err_release) struct err err = {0};
    struct survey *s;
    struct unit unit = {0};

    put("ann/1.jsonl", 10);
    put("ann/2.jsonl", 10);
    s = survey_open(p, &root, 1, &out, &options, &err);
    is_int(survey_next(s, &unit, &err), 1, "a group whose list just fits");
    survey_close(s);
    put("ann/3.jsonl", 10);
    s = survey_open(p, &root, 1, &out, &options, &err);
    ok(survey_next(s, &unit, &err) == -1 && err.code == W0303, "one more file is refused");
    survey_close(s);
    unit_release(&unit);
    program_free(p);
    mapping_free(m);
}

int main(void)
{
    char dir[] = "/tmp/windrow-survey-XXXXXX", command[64];

    if (!mkdtemp(dir) || chdir(dir) < 0)
        return 1;
    test_parts();
    test_bundles();
    test_groups();
    test_group_bytes();
    test_known();
    snprintf(command, sizeof command, "rm -rf %s", dir);
    ok(chdir("/") == 0 && system(command) == 0, "nothing is left behind");
    return done_testing();
}
