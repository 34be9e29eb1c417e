/* Where statements end, in both dialects, and what each of them is. */
#include "migrate/statement.h"
#include "base/cleanup.h"
#include "tap.h"

static const struct {
    const char *name;
    enum db_engine engine;
    const char *sql;
    size_t n;
    const char *statements[4];
} cuts[] = {
    {"empty", DB_POSTGRESQL, "", 0, {0}},
    {"only comments and semicolons", DB_POSTGRESQL, "-- a;b\n;;/* c; */;", 0, {0}},
    {"two", DB_POSTGRESQL, "SELECT 1; SELECT 2", 2, {"SELECT 1", "SELECT 2"}},
    {"string", DB_POSTGRESQL, "SELECT ';''--'; b", 2, {"SELECT ';''--'", "b"}},
    {"a backslash ends no plain string", DB_POSTGRESQL, "SELECT '\\'; b", 2, {"SELECT '\\'", "b"}},
    {"escape string", DB_POSTGRESQL, "SELECT e'\\';'; b", 2, {"SELECT e'\\';'", "b"}},
    {"unicode string and name", DB_POSTGRESQL, "SELECT U&';', u&\";\"; b", 2, {"SELECT U&';', u&\";\"", "b"}},
    {"quoted name", DB_POSTGRESQL, "SELECT \"a;\"\"b\"; c", 2, {"SELECT \"a;\"\"b\"", "c"}},
    {"dollar string", DB_POSTGRESQL, "DO $$ a; b $$; c", 2, {"DO $$ a; b $$", "c"}},
    {"tagged dollar string with another inside", DB_POSTGRESQL, "DO $x$ $$;$$ $y$ ; $x$; c", 2,
     {"DO $x$ $$;$$ $y$ ; $x$", "c"}},
    {"dollars in a name are no string", DB_POSTGRESQL, "SELECT a$$b; c$$d", 2, {"SELECT a$$b", "c$$d"}},
    {"parameter", DB_POSTGRESQL, "SELECT $1; c", 2, {"SELECT $1", "c"}},
    {"nested comment", DB_POSTGRESQL, "a /* ; /* ; */ ; */ b; c", 2, {"a /* ; /* ; */ ; */ b", "c"}},
    {"comments do not nest in SQLite", DB_SQLITE, "a /* ; /* ; */ b; c", 2, {"a /* ; /* ; */ b", "c"}},
    {"apostrophe in a comment", DB_POSTGRESQL, "-- don't\nSELECT 1; -- it's\nb", 2, {"SELECT 1", "b"}},
    {"parentheses of a rule", DB_POSTGRESQL, "CREATE RULE r AS ON INSERT TO t DO (a; b); c", 2,
     {"CREATE RULE r AS ON INSERT TO t DO (a; b)", "c"}},
    {"body of a function", DB_POSTGRESQL,
     "CREATE OR REPLACE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; SELECT CASE WHEN true THEN 1 END; END; c", 2,
     {"CREATE OR REPLACE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; SELECT CASE WHEN true THEN 1 END; END", "c"}},
    {"begin elsewhere opens nothing", DB_POSTGRESQL, "begin; c", 2, {"begin", "c"}},
    {"trigger", DB_SQLITE,
     "CREATE TEMP TRIGGER t AFTER UPDATE ON x WHEN CASE a WHEN 1 THEN 2 END BEGIN SELECT CASE WHEN 1 THEN 2 END; b;"
     " END; c", 2,
     {"CREATE TEMP TRIGGER t AFTER UPDATE ON x WHEN CASE a WHEN 1 THEN 2 END BEGIN SELECT CASE WHEN 1 THEN 2 END; b;"
      " END", "c"}},
    {"brackets and backticks", DB_SQLITE, "SELECT [a;b], `c;d`; e", 2, {"SELECT [a;b], `c;d`", "e"}},
    {"brackets are arrays in PostgreSQL", DB_POSTGRESQL, "SELECT a['x;']; e", 2, {"SELECT a['x;']", "e"}},
    {"comment behind the last statement", DB_POSTGRESQL, "SELECT 1 -- end", 1, {"SELECT 1"}},
};

static const struct {
    const char *name;
    enum db_engine engine;
    const char *sql, *message;
    uint64_t line, column;
} endless[] = {
    {"string", DB_POSTGRESQL, "SELECT 1;\n  'abc", "a string that begins here never ends", 2, 3},
    {"dollar string", DB_POSTGRESQL, "\n\xc3\xa4 $a$ x $b$", "a dollar-quoted string that begins here never ends", 2,
     3},
    {"name", DB_SQLITE, "[abc", "a quoted name that begins here never ends", 1, 1},
    {"comment", DB_POSTGRESQL, "a /* /* */", "a comment that begins here never ends", 1, 3},
    {"parenthesis", DB_POSTGRESQL, "SELECT (1;", "a parenthesis that opens here is never closed", 1, 8},
    {"body", DB_SQLITE, "CREATE TRIGGER t AFTER INSERT ON x BEGIN SELECT 1;", "a body that begins here has no END", 1,
     36},
};

static const struct { const char *sql; enum db_engine engine; enum statement_kind kind; const char *index; } kinds[] = {
    {"CREATE TABLE t (a int)", DB_POSTGRESQL, STATEMENT_PLAIN, NULL},
    {"CREATE INDEX i ON t (a)", DB_POSTGRESQL, STATEMENT_PLAIN, NULL},
    {"CREATE UNIQUE INDEX CONCURRENTLY i ON t (a)", DB_POSTGRESQL, STATEMENT_CREATE_INDEX, "i"},
    {"create index concurrently if not exists \"I x\" on only s . \"T\" (a)", DB_POSTGRESQL, STATEMENT_CREATE_INDEX,
     "s.\"I x\""},
    {"DROP INDEX CONCURRENTLY IF EXISTS s.i", DB_POSTGRESQL, STATEMENT_DROP_INDEX, "s.i"},
    {"DROP INDEX i", DB_POSTGRESQL, STATEMENT_PLAIN, NULL},
    {"VACUUM (FULL) t", DB_POSTGRESQL, STATEMENT_REPEATABLE, NULL},
    {"CLUSTER", DB_POSTGRESQL, STATEMENT_REPEATABLE, NULL},
    {"CLUSTER t USING i", DB_POSTGRESQL, STATEMENT_PLAIN, NULL},
    {"REINDEX INDEX CONCURRENTLY i", DB_POSTGRESQL, STATEMENT_REINDEX, NULL},
    {"ALTER TYPE e ADD VALUE 'x'", DB_POSTGRESQL, STATEMENT_PLAIN, NULL},
    {"ALTER TABLE t DETACH PARTITION p CONCURRENTLY", DB_POSTGRESQL, STATEMENT_DETACH, NULL},
    {"REFRESH MATERIALIZED VIEW CONCURRENTLY v", DB_POSTGRESQL, STATEMENT_PLAIN, NULL},
    {"VACUUM", DB_SQLITE, STATEMENT_REPEATABLE, NULL},
    {"PRAGMA journal_mode = DELETE", DB_SQLITE, STATEMENT_REPEATABLE, NULL},
    {"PRAGMA user_version = 3", DB_SQLITE, STATEMENT_PLAIN, NULL},
};

static const struct { const char *sql; enum db_engine engine; } refused[] = {
    {"BEGIN", DB_POSTGRESQL}, {"START TRANSACTION", DB_POSTGRESQL}, {"COMMIT", DB_SQLITE}, {"END", DB_SQLITE},
    {"ROLLBACK", DB_POSTGRESQL}, {"PREPARE TRANSACTION 'x'", DB_POSTGRESQL}, {"COPY t FROM STDIN", DB_POSTGRESQL},
    {"CREATE DATABASE d", DB_POSTGRESQL}, {"ATTACH 'x' AS y", DB_SQLITE}, {"PRAGMA foreign_keys = ON", DB_SQLITE},
    {"CREATE INDEX CONCURRENTLY ON t (a)", DB_POSTGRESQL}, {"\\i other.sql", DB_POSTGRESQL},
};

static const struct { const char *sql; enum db_engine engine; const char *tables; } losses[] = {
    {"DROP TABLE a", DB_POSTGRESQL, "a,"}, {"DROP TABLE IF EXISTS s.a, \"B\" CASCADE", DB_POSTGRESQL, "s.a,\"B\","},
    {"ALTER TABLE IF EXISTS ONLY a DROP CONSTRAINT c, DROP COLUMN d", DB_POSTGRESQL, "a,"},
    {"ALTER TABLE a DROP d", DB_SQLITE, "a,"}, {"ALTER TABLE a DROP CONSTRAINT c", DB_POSTGRESQL, ""},
    {"ALTER TABLE a ALTER COLUMN c DROP NOT NULL, ALTER c DROP DEFAULT", DB_POSTGRESQL, ""},
    {"TRUNCATE a, b", DB_POSTGRESQL, "a,b,"}, {"TRUNCATE TABLE ONLY a", DB_POSTGRESQL, "a,"},
    {"DELETE FROM a WHERE true", DB_SQLITE, "a,"}, {"DROP INDEX a", DB_SQLITE, ""}, {"DROP VIEW a", DB_SQLITE, ""},
    {"CREATE TABLE a (b int)", DB_SQLITE, ""},
    {"DROP SCHEMA IF EXISTS a, \"B\" CASCADE", DB_POSTGRESQL, "a.*,\"B\".*,"},
};

static const struct { const char *a, *b; bool same; } normals[] = {
    {"SELECT  a,b -- why\n FROM t", "SELECT a, b\r\nFROM t /* how */", true},
    {"SELECT 'a  b'", "SELECT 'a b'", false},
    {"SELECT a<=b", "SELECT a <= b", true},
    {"SELECT a < =b", "SELECT a <= b", false},
    {"SELECT a", "SELECT A", false},
};

static struct scan scan_of(const char *sql, enum db_engine engine)
{
    return (struct scan){.sql = str_of(sql), .engine = engine};
}

static void test_cuts(void)
{
    for (size_t i = 0; i < ARRAY_LEN(cuts); i++) {
        struct scan s = scan_of(cuts[i].sql, cuts[i].engine);
        CLEANUP(err_release) struct err err = {0};
        struct scan_statement st;
        size_t n = 0;
        bool same = true;

        while (scan_statement(&s, &st, &err) > 0) {
            same = same && n < 4 && cuts[i].statements[n] && str_is(st.text, cuts[i].statements[n]);
            n++;
        }
        ok(same && n == cuts[i].n && !err.scope, "cut: %s", cuts[i].name);
    }
}

static void test_endless(void)
{
    for (size_t i = 0; i < ARRAY_LEN(endless); i++) {
        struct scan s = scan_of(endless[i].sql, endless[i].engine);
        CLEANUP(err_release) struct err err = {0};
        struct scan_statement st;
        int rc;

        while ((rc = scan_statement(&s, &st, &err)) > 0)
            ;
        ok(rc < 0 && err.code == W0701, "endless %s is refused", endless[i].name);
        is_str(err.message, endless[i].message, "endless %s: reason", endless[i].name);
        ok(err.line == endless[i].line && err.column == endless[i].column, "endless %s: place %d:%d", endless[i].name,
           (int)err.line, (int)err.column);
    }
}

static int classify(const char *sql, enum db_engine engine, struct arena *a, struct statement *ret, struct err *err)
{
    struct scan s = scan_of(sql, engine);
    struct scan_statement st;

    return scan_statement(&s, &st, err) > 0 ? statement_of(&st, engine, a, ret, err) : -1;
}

static void test_kinds(void)
{
    CLEANUP(arena_release) struct arena a = {0};
    struct statement st;

    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        CLEANUP(err_release) struct err err = {0};

        ok(classify(kinds[i].sql, kinds[i].engine, &a, &st, &err) == 0 && st.kind == kinds[i].kind, "kind: %s",
           kinds[i].sql);
        is_str(st.index, kinds[i].index, "index: %s", kinds[i].sql);
    }
    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        CLEANUP(err_release) struct err err = {0};

        ok(classify(refused[i].sql, refused[i].engine, &a, &st, &err) < 0 && err.code == W0703 && err.help[0],
           "refused: %s", refused[i].sql);
    }
    classify("CREATE INDEX CONCURRENTLY i ON t (a)", DB_POSTGRESQL, &a, &st, NULL);
    is_str(statement_without_concurrently(&st, &a), "CREATE INDEX  i ON t (a)", "a plain index for a throw-away place");
}

static int add_name(void *context, struct str name, bool is_schema)
{
    return buf_add_str(context, name) < 0 || buf_add_text(context, is_schema ? ".*," : ",") < 0 ? -1 : 0;
}

static void test_losses(void)
{
    struct str renamed = statement_renamed_to("ALTER TABLE new_t RENAME TO t", DB_SQLITE);

    for (size_t i = 0; i < ARRAY_LEN(losses); i++) {
        CLEANUP(buf_release) struct buf names = BUF_INIT;

        statement_losses(losses[i].sql, losses[i].engine, add_name, &names);
        is_str(buf_text(&names), losses[i].tables, "loses rows: %s", losses[i].sql);
    }
    ok(str_is(renamed, "t"), "a table that comes back under its name");
    ok(statement_renamed_to("ALTER TABLE t RENAME COLUMN a TO b", DB_SQLITE).len == 0,
       "a renamed column is no such thing");
}

static void test_normal(void)
{
    for (size_t i = 0; i < ARRAY_LEN(normals); i++) {
        CLEANUP(buf_release) struct buf a = BUF_INIT;
        CLEANUP(buf_release) struct buf b = BUF_INIT;

        scan_normal(str_of(normals[i].a), DB_POSTGRESQL, &a, NULL);
        scan_normal(str_of(normals[i].b), DB_POSTGRESQL, &b, NULL);
        ok(str_eq(buf_str(&a), buf_str(&b)) == normals[i].same, "normal form %zu: %s", i,
           normals[i].same ? "the same" : "another");
    }
}

/* Any bytes at all: the scanner must come to an end, within the text. */
static void test_noise(void)
{
    static const char alphabet[] = "'\"$a;/*-()[`\\eE&uU \n\xc3\x00";
    uint64_t seed = 42;
    bool good = true;

    for (int round = 0; round < 20000; round++) {
        char text[24];
        struct scan s = {.sql = {text, (size_t)(round % 24)}, .engine = round & 1 ? DB_SQLITE : DB_POSTGRESQL};
        CLEANUP(err_release) struct err err = {0};
        struct scan_statement st;
        int rc, n = 0;

        for (size_t i = 0; i < sizeof text; i++) {
            seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
            text[i] = alphabet[(seed >> 33) % (sizeof alphabet - 1)];
        }
        while ((rc = scan_statement(&s, &st, &err)) > 0 && ++n < 100)
            good = good && st.text.at >= text && st.text.at + st.text.len <= text + s.sql.len;
        good = good && n < 100 && s.at <= s.sql.len;
    }
    ok(good, "20,000 texts of noise are scanned to their end");
}

int main(void)
{
    test_cuts();
    test_endless();
    test_kinds();
    test_losses();
    test_normal();
    test_noise();
    return done_testing();
}
