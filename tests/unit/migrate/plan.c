/* Version files on disk: names, numbers, heads, checksums, places of failures; and the files of a new version. */
#include "fixture.h"

static const struct {
    const char *name;
    const char *files[4][2];
    enum code code;
    const char *part;           /* of the message */
    uint64_t line;
} wrong[] = {
    {"the same number twice", {{"001_a.up.sql", ""}, {"001_a.down.sql", ""}, {"001_b.up.sql", ""}}, W0702,
     "two versions have the number 1", 0},
    {"a name that is none", {{"first.up.sql", ""}}, W0702, "not the name of a version", 0},
    {"number zero", {{"000_a.up.sql", ""}}, W0702, "not the name of a version", 0},
    {"a direction that is none", {{"001_a.sql", ""}}, W0702, "not the name of a version", 0},
    {"down without up", {{"001_a.down.sql", ""}}, W0702, "no up file", 0},
    {"up without down", {{"001_a.up.sql", ""}}, W0702, "no down file", 0},
    {"an unknown declaration",
     {{"001_a.up.sql", "-- hello\n-- windrow: no-transactions\n"}, {"001_a.down.sql", ""}}, W0702,
     "nothing that a version can declare", 2},
    {"a statement that refuses a transaction",
     {{"001_a.up.sql", "SELECT 1;\n\nVACUUM;"}, {"001_a.down.sql", ""}}, W0703,
     "cannot run inside a transaction", 3},
    {"SET where it would be lost",
     {{"001_a.up.sql", "-- windrow: no-transaction\nSET x = 1;"}, {"001_a.down.sql", ""}}, W0703,
     "SET does not reach", 2},
    {"transaction control", {{"001_a.up.sql", "SELECT 1;\n COMMIT;"}, {"001_a.down.sql", ""}}, W0703,
     "transaction control", 2},
    {"text that is not UTF-8", {{"001_a.up.sql", "SELECT 1;\nSELECT '\xff'"}, {"001_a.down.sql", ""}}, W0701,
     "not UTF-8", 2},
    {"a string without end", {{"001_a.up.sql", "SELECT 1;\nSELECT '"}, {"001_a.down.sql", ""}}, W0701, "never ends", 2},
};

static void test_wrong(void)
{
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        CLEANUP(err_release) struct err err = {0};
        struct plan plan = {0};
        struct fixture f;

        fixture_open(&f, DB_SQLITE);
        for (size_t k = 0; k < 4 && wrong[i].files[k][0]; k++)
            fixture_write(&f, wrong[i].files[k][0], wrong[i].files[k][1]);
        ok(plan_load(f.dir, DB_SQLITE, &plan, &err) < 0 && err.code == wrong[i].code, "%s: refused", wrong[i].name);
        ok(strstr(err.message, wrong[i].part) != NULL, "%s: '%s'", wrong[i].name, err.message);
        ok(err.line == wrong[i].line && err.file, "%s: place %s:%d", wrong[i].name, err.file ? err.file : "",
           (int)err.line);
        fixture_close(&f);
    }
}

static void test_good(void)
{
    CLEANUP(err_release) struct err err = {0};
    struct plan plan = {0}, other = {0};
    struct fixture f;

    fixture_open(&f, DB_SQLITE);
    fixture_write(&f, "0010_ten.up.sql", "-- windrow: irreversible\nSELECT 10;");
    fixture_write(&f, "002_two.up.sql", "\xef\xbb\xbf-- windrow: no-transaction\nVACUUM; SELECT 1;");
    fixture_write(&f, "002_two.down.sql", "");
    fixture_write(&f, "README.md", "not a version");
    ok(plan_load(f.dir, DB_SQLITE, &plan, &err) == 0, "versions with a gap load");
    ok(plan.n == 2 && plan.versions[0].number == 2 && plan.versions[1].number == 10, "in the order of their numbers");
    ok(plan.versions[0].up.no_transaction && !plan.versions[0].down.no_transaction && plan.versions[1].irreversible,
       "heads are read, behind a byte order mark too");
    ok(plan.versions[0].up.n == 2 && plan.versions[0].down.n == 0, "statements are counted");
    ok(plan_last(&plan) == 10 && plan_version(&plan, 10) && !plan_version(&plan, 3), "versions are found by number");
    fixture_write(&f, "0010_ten.up.sql", "-- windrow: irreversible\n-- a word more\nSELECT\n  10");
    plan_load(f.dir, DB_SQLITE, &other, &err);
    is_str(other.versions[1].up.checksum, plan.versions[1].up.checksum, "comments and layout do not change a checksum");
    plan_release(&other);
    fixture_write(&f, "0010_ten.up.sql", "-- windrow: irreversible\nSELECT 11");
    plan_load(f.dir, DB_SQLITE, &other, &err);
    ok(strcmp(other.versions[1].up.checksum, plan.versions[1].up.checksum) != 0, "another statement does");
    plan_release(&other);
    plan_release(&plan);
    ok(plan_load(f.dir, DB_POSTGRESQL, &plan, &err) < 0 && err.code == W0704, "an engine without versions");
    fixture_close(&f);
}

static void test_new(void)
{
    CLEANUP(err_release) struct err err = {0};
    CLEANUP(buf_release) struct buf paths = BUF_INIT;
    struct plan plan = {0};
    struct fixture f;

    fixture_open(&f, DB_SQLITE);
    fixture_write(&f, "007_a.up.sql", "");
    fixture_write(&f, "007_a.down.sql", "");
    ok(migrate_new(f.dir, "add_column", &paths, &err) == 0, "a new version");
    ok(strstr(buf_text(&paths), "/sqlite/008_add_column.up.sql\n") &&
           strstr(buf_text(&paths), "/008_add_column.down.sql\n") && !strstr(buf_text(&paths), "postgresql"),
       "has the next number, for the engines that are there");
    ok(plan_load(f.dir, DB_SQLITE, &plan, &err) == 0 && plan.n == 2, "and loads");
    plan_release(&plan);
    ok(migrate_new(f.dir, "../x", &paths, &err) < 0 && err.code == W0718, "a name that is a path is refused");
    fixture_close(&f);
}

int main(void)
{
    test_wrong();
    test_good();
    test_new();
    return done_testing();
}
