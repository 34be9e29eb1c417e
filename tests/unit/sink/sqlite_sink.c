/* Rows into SQLite tables: counts, refusals with their rows and reasons, merging, references, before-images. */
#include "base/buf.h"
#include "base/cleanup.h"
#include "sink/sink.h"
#include "tap.h"

#include <stdio.h>
#include <stdlib.h>

/* A column of a test's spec: "name" or "name=parent(column by key)" is set up by hand below. */
struct fixture {
    struct sink *sink;
    struct catalog catalog;
    struct db *db;
};

static void need(bool good, const char *what, const struct err *err)
{
    if (good)
        return;
    ok(false, "%s: %s", what, err->message);
    exit(1);
}

static void set_up(struct fixture *f, const char *schema)
{
    struct err err = {0};

    *f = (struct fixture){.sink = sink_sqlite.open("sqlite::memory:", &(struct db_options){0}, &err)};
    need(f->sink != NULL, "open", &err);
    f->db = sink_sqlite.db(f->sink);
    need(db_exec(f->db, schema, &err) == 0, "schema", &err);
    need(sink_sqlite.catalog(f->sink, &f->catalog, &err) == 0, "catalogue", &err);
}

static void tear_down(struct fixture *f)
{
    arena_release(&f->catalog.arena);
    sink_sqlite.close(f->sink);
}

static const struct catalog_table *table_of(const struct fixture *f, const char *name)
{
    for (size_t i = 0; i < f->catalog.n_tables; i++) {
        if (strcmp(f->catalog.tables[i].name, name) == 0)
            return &f->catalog.tables[i];
    }
    return NULL;
}

/* All columns of the table, in their order. */
static void columns_of(const struct catalog_table *t, struct sink_column *columns)
{
    for (size_t i = 0; i < t->n_columns; i++)
        columns[i] = (struct sink_column){.column = (uint16_t)i, .type = &t->columns[i].type};
}

/* Rows as a text: cells between blanks, rows between semicolons; a number, - for null, else text. */
static void encode(struct sink_table *t, const char *text, struct sink_rows *rows)
{
    while (*text) {
        struct cell cells[8];
        struct err err = {0};
        size_t n = 0;

        text += strspn(text, " ");
        while (*text && *text != ';') {
            size_t len = strcspn(text, " ;");
            struct str word = str_make(text, len);
            int64_t number;

            if (str_is(word, "-"))
                cells[n++] = (struct cell){.kind = CELL_NULL};
            else if (str_parse_int64(word, &number))
                cells[n++] = (struct cell){.kind = CELL_INT, .n = number};
            else
                cells[n++] = (struct cell){.kind = CELL_TEXT, .text = word};
            text += len + strspn(text + len, " ");
        }
        text += *text == ';';
        need(sink_sqlite.encode(t, cells, rows, &err) == 0, "encode", &err);
    }
}

/* What the callbacks said: "2:W0512 3:W0511 | 1:{...}". */
struct heard {
    struct buf refused, before;
    uint64_t skipped;
};

static void hear_refused(void *context, size_t row, struct err *err)
{
    struct heard *h = context;

    buf_printf(&h->refused, "%s%zu:%s", h->refused.len ? " " : "", row, code_entry(err->code)->name);
}

static int hear_before(void *context, size_t row, struct str old_json, struct err *err)
{
    struct heard *h = context;

    (void)err;
    return buf_printf(&h->before, "%s%zu:%.*s", h->before.len ? " " : "", row, STR_ARG(old_json));
}

static int hear_skipped(void *context, size_t row, struct err *err)
{
    (void)err;
    ((struct heard *)context)->skipped |= (uint64_t)1 << (row % 64);
    return 0;
}

static void heard_release(struct heard *h)
{
    buf_release(&h->refused);
    buf_release(&h->before);
}

static void rows_of(struct db *db, const char *sql, char *out, size_t size)
{
    CLEANUP(db_result_release) struct db_result r = {0};
    struct err err = {0};
    size_t len = 0;

    out[0] = '\0';
    need(db_query(db, sql, NULL, 0, &r, &err) == 0, sql, &err);
    for (size_t i = 0; i < r.n_rows; i++) {
        for (size_t k = 0; k < r.n_columns && len < size; k++) {
            struct str cell = db_cell(&r, i, k);

            len += (size_t)snprintf(out + len, size - len, "%s%.*s", k ? " " : i ? ";" : "", cell.at ? (int)cell.len : 1,
                                    cell.at ? cell.at : "-");
        }
    }
}

/* One write in one transaction: rows, counts "inserted updated same skipped refused", refusals, the table afterwards. */
static void write_rows(struct fixture *f, struct sink_table *t, enum sink_mode mode, const char *text,
                       const char *counts, const char *refused, const char *before, const char *sql, const char *after,
                       const char *name)
{
    struct sink_rows rows = {0};
    struct sink_counts c = {0};
    CLEANUP(heard_release) struct heard heard = {0};
    struct sink_write how = {.mode = mode, .refused = hear_refused, .before = before ? hear_before : NULL,
                             .skipped = hear_skipped, .context = &heard};
    struct err err = {0};
    char got[400];

    encode(t, text, &rows);
    need(sink_sqlite.begin(f->sink, &err) == 0, "begin", &err);
    need(sink_sqlite.write(t, &rows, &how, &c, &err) == 0, name, &err);
    need(sink_sqlite.commit(f->sink, &err) == DB_COMMITTED, "commit", &err);
    snprintf(got, sizeof got, "%d %d %d %d %d", (int)c.inserted, (int)c.updated, (int)c.same, (int)c.skipped,
             (int)c.refused);
    is_str(got, counts, "%s: counts", name);
    is_int((long long)(c.inserted + c.updated + c.same + c.skipped + c.refused), (long long)rows.n, "%s: sum", name);
    is_str(buf_text(&heard.refused), refused, "%s: refused", name);
    is_int(__builtin_popcountll(heard.skipped), (long long)c.skipped, "%s: each row that was left out is told", name);
    if (before)
        is_str(buf_text(&heard.before), before, "%s: before", name);
    rows_of(f->db, sql, got, sizeof got);
    is_str(got, after, "%s: rows", name);
    sink_rows_release(&rows);
}

static struct sink_table *prepare(struct fixture *f, const struct sink_spec *spec)
{
    struct err err = {0};
    struct sink_table *t = sink_sqlite.prepare(f->sink, spec, &err);

    need(t != NULL, "prepare", &err);
    return t;
}

static void check_refusals(void)
{
    static const struct { const char *rows, *counts, *refused, *after; } cases[] = {
        {"1 a 1; 2 b 2; 3 c 3", "3 0 0 0 0", "", "1 a 1;2 b 2;3 c 3"},
        {"4 d 4; 5 - 5; 6 f 6", "2 0 0 0 1", "1:W0511", "1 a 1;2 b 2;3 c 3;4 d 4;6 f 6"},
        {"- a 7; 7 a 7; 8 h -1; 9 i 9", "1 0 0 0 3", "0:W0512 1:W0512 2:W0514", "1 a 1;2 b 2;3 c 3;4 d 4;6 f 6;9 i 9"},
        {"1 x 1; 1 x 1", "0 0 0 0 2", "0:W0512 1:W0512", "1 a 1;2 b 2;3 c 3;4 d 4;6 f 6;9 i 9"},
        {"x y 1; 10 j 10", "1 0 0 0 1", "0:W0521", "1 a 1;2 b 2;3 c 3;4 d 4;6 f 6;9 i 9;10 j 10"},
        {"", "0 0 0 0 0", "", "1 a 1;2 b 2;3 c 3;4 d 4;6 f 6;9 i 9;10 j 10"},
    };
    struct fixture f;
    struct sink_column columns[8];
    struct sink_spec spec;
    struct sink_table *t;

    set_up(&f, "CREATE TABLE t(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE ON CONFLICT REPLACE, n INT CHECK(n > 0))");
    columns_of(table_of(&f, "t"), columns);
    spec = (struct sink_spec){.table = table_of(&f, "t"), .columns = columns, .n_columns = 3};
    t = prepare(&f, &spec);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        write_rows(&f, t, SINK_FRESH, cases[i].rows, cases[i].counts, cases[i].refused, NULL, "SELECT * FROM t ORDER BY id",
                   cases[i].after, cases[i].rows);
    sink_sqlite.release(t);
    tear_down(&f);
}

static void check_many_refusals(void)
{
    struct fixture f;
    struct sink_column columns[8];
    struct sink_spec spec;
    struct sink_table *t;
    struct sink_rows rows = {0};
    struct sink_counts c;
    CLEANUP(heard_release) struct heard heard = {0};
    struct sink_write how = {.refused = hear_refused, .context = &heard};
    struct err err = {0};

    set_up(&f, "CREATE TABLE t(id INTEGER PRIMARY KEY CHECK(id % 2 = 0))");
    columns_of(table_of(&f, "t"), columns);
    spec = (struct sink_spec){.table = table_of(&f, "t"), .columns = columns, .n_columns = 1};
    t = prepare(&f, &spec);
    for (int i = 1; i <= 20000; i++) {
        struct cell cell = {.kind = CELL_INT, .n = i};

        need(sink_sqlite.encode(t, &cell, &rows, &err) == 0, "encode", &err);
    }
    need(sink_sqlite.begin(f.sink, &err) == 0 && sink_sqlite.write(t, &rows, &how, &c, &err) == 0, "write", &err);
    is_int((long long)c.inserted, 10000, "every second row is refused: the others are written");
    is_int((long long)c.refused, 10000, "and they are counted");
    sink_sqlite.rollback(f.sink);
    sink_rows_release(&rows);
    sink_sqlite.release(t);
    tear_down(&f);
}

static const char merge_schema[] =
    "CREATE TABLE t(k TEXT PRIMARY KEY COLLATE NOCASE, v TEXT, n INT, touched INT DEFAULT 0, twice INT AS (n * 2));"
    "CREATE TRIGGER touch AFTER UPDATE OF v, n ON t BEGIN UPDATE t SET touched = touched + 1 WHERE k = new.k; END;"
    "INSERT INTO t(k, v, n) VALUES('a', 'x', 1), ('b', 'y', 2), ('c', 'z', 3)";

static void check_merges(void)
{
    static const uint16_t key[] = {0}, update[] = {1};
    static const struct {
        const char *name;
        enum sink_conflict conflict;
        enum sink_mode mode;
        size_t n_update;
        const char *when, *rows, *counts, *refused, *before, *after;
    } cases[] = {
        {"error", SINK_CONFLICT_ERROR, SINK_FRESH, 0, NULL, "a x 1; d q 4", "1 0 0 0 1", "0:W0512", "",
         "a x 1 0;b y 2 0;c z 3 0;d q 4 0"},
        {"skip", SINK_CONFLICT_SKIP, SINK_FRESH, 0, NULL, "a q 9; d q 4; d r 5", "1 0 0 2 0", "", "",
         "a x 1 0;b y 2 0;c z 3 0;d q 4 0"},
        {"update", SINK_CONFLICT_UPDATE, SINK_FRESH, 0, NULL, "d q 4; a x 1; b Y 2; d r 5", "1 2 1 0 0", "",
         "2:{\"k\":\"b\",\"v\":\"y\",\"n\":2,\"touched\":0} 3:{\"k\":\"d\",\"v\":\"q\",\"n\":4,\"touched\":0}",
         "a x 1 0;b Y 2 1;c z 3 0;d r 5 1"},
        {"update of some columns", SINK_CONFLICT_UPDATE, SINK_FRESH, 1, NULL, "a x 9; b q 9", "0 1 1 0 0", "",
         "1:{\"k\":\"b\",\"v\":\"y\",\"n\":2,\"touched\":0}", "a x 1 0;b q 2 1;c z 3 0"},
        {"update on a condition", SINK_CONFLICT_UPDATE, SINK_FRESH, 0, "new.n > old.n -- newest", "a q 0; b q 3; c z 3",
         "0 1 1 1 0", "", "1:{\"k\":\"b\",\"v\":\"y\",\"n\":2,\"touched\":0}", "a x 1 0;b q 3 1;c z 3 0"},
        {"a null condition does not hold", SINK_CONFLICT_UPDATE, SINK_FRESH, 0, "new.n > old.n", "a q -", "0 0 0 1 0",
         "", "", "a x 1 0;b y 2 0;c z 3 0"},
        {"reconcile keeps what the condition forbids", SINK_CONFLICT_UPDATE, SINK_RECONCILE, 0, "new.n > old.n",
         "a q 0; b q 3; e q 5", "1 1 0 1 0", "", "1:{\"k\":\"b\",\"v\":\"y\",\"n\":2,\"touched\":0}",
         "a x 1 0;b q 3 1;c z 3 0;e q 5 0"},
        {"and the columns that it does not name", SINK_CONFLICT_UPDATE, SINK_RECONCILE, 1, "new.n > old.n", "b q 3; c z 9",
         "0 1 1 0 0", "", "0:{\"k\":\"b\",\"v\":\"y\",\"n\":2,\"touched\":0}", "a x 1 0;b q 2 1;c z 3 0"},
        {"reconcile with columns and no condition", SINK_CONFLICT_UPDATE, SINK_RECONCILE, 1, NULL, "b q 3",
         "0 1 0 0 0", "", "0:{\"k\":\"b\",\"v\":\"y\",\"n\":2,\"touched\":0}", "a x 1 0;b q 3 1;c z 3 0"},
        {"reconcile in spite of skip and condition", SINK_CONFLICT_SKIP, SINK_RECONCILE, 0, "0", "a x 1; b - 2; e q 5",
         "1 1 1 0 0", "", "1:{\"k\":\"b\",\"v\":\"y\",\"n\":2,\"touched\":0}", "a x 1 0;b - 2 1;c z 3 0;e q 5 0"},
        {"reconcile with conflict error", SINK_CONFLICT_ERROR, SINK_RECONCILE, 0, NULL, "a x 2", "0 1 0 0 0", "",
         "0:{\"k\":\"a\",\"v\":\"x\",\"n\":1,\"touched\":0}", "a x 2 1;b y 2 0;c z 3 0"},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct fixture f;
        struct sink_column columns[8];
        struct sink_spec spec;
        struct sink_table *t;

        set_up(&f, merge_schema);
        columns_of(table_of(&f, "t"), columns);
        spec = (struct sink_spec){.table = table_of(&f, "t"), .columns = columns, .n_columns = 3, .key = key, .n_key = 1,
                                  .conflict = cases[i].conflict, .update = update, .n_update = cases[i].n_update,
                                  .when = cases[i].when};
        t = prepare(&f, &spec);
        write_rows(&f, t, cases[i].mode, cases[i].rows, cases[i].counts, cases[i].refused, cases[i].before,
                   "SELECT k, v, n, touched FROM t ORDER BY k", cases[i].after, cases[i].name);
        sink_sqlite.release(t);
        tear_down(&f);
    }
}

static void check_case_of_equal_keys(void)
{
    static const uint16_t key[] = {0};
    struct fixture f;
    struct sink_column columns[8];
    struct sink_spec spec;
    struct sink_table *t;

    set_up(&f, "CREATE TABLE t(id INTEGER PRIMARY KEY, v TEXT COLLATE NOCASE, r REAL, b BLOB);"
               "INSERT INTO t VALUES(1, 'abc', 0.30000000000000004, x'00ff')");
    columns_of(table_of(&f, "t"), columns);
    spec = (struct sink_spec){.table = table_of(&f, "t"), .columns = columns, .n_columns = 2, .key = key, .n_key = 1,
                              .conflict = SINK_CONFLICT_UPDATE};
    t = prepare(&f, &spec);
    write_rows(&f, t, SINK_FRESH, "1 ABC", "0 1 0 0 0", "",
               "0:{\"id\":1,\"v\":\"abc\",\"r\":0.30000000000000004,\"b\":\"\\\\x00ff\"}", "SELECT v FROM t", "ABC",
               "what a collation takes for equal is not the same");
    sink_sqlite.release(t);
    tear_down(&f);
}

static void check_references(void)
{
    static const uint16_t email[] = {1}, key[] = {0};
    struct fixture f;
    struct sink_reference to_user, to_itself;
    struct sink_column columns[8];
    struct sink_spec spec;
    struct sink_table *t;

    set_up(&f, "CREATE TABLE users(id INTEGER PRIMARY KEY, email TEXT, x TEXT);"
               "INSERT INTO users VALUES(10, 'a@x', 'p'), (20, 'b@x', 'p'), (30, 'twice', ''), (31, 'twice', '');"
               "CREATE TABLE posts(id INTEGER PRIMARY KEY, slug TEXT UNIQUE, author INT NOT NULL REFERENCES users,"
               "                   reply_to INT REFERENCES posts)");
    to_user = (struct sink_reference){.table = table_of(&f, "users"), .column = 0, .keys = email, .n_keys = 1};
    to_itself = (struct sink_reference){.table = table_of(&f, "posts"), .column = 0, .keys = email, .n_keys = 1};
    columns[0] = (struct sink_column){.column = 1, .type = &table_of(&f, "posts")->columns[1].type};
    columns[1] = (struct sink_column){.column = 2, .type = &table_of(&f, "posts")->columns[2].type, .reference = &to_user};
    columns[2] = (struct sink_column){.column = 3, .type = &table_of(&f, "posts")->columns[3].type, .reference = &to_itself};
    spec = (struct sink_spec){.table = table_of(&f, "posts"), .columns = columns, .n_columns = 3, .key = key, .n_key = 1,
                              .conflict = SINK_CONFLICT_UPDATE};
    t = prepare(&f, &spec);
    write_rows(&f, t, SINK_FRESH, "p1 a@x -; p2 a@x p1; p3 nobody -; p4 - -; p5 twice -; p6 b@x p2", "3 0 0 0 3",
               "2:W0510 3:W0511 4:W0559", NULL, "SELECT slug, author, reply_to FROM posts ORDER BY slug",
               "p1 10 -;p2 10 1;p6 20 2", "references by natural keys");
    write_rows(&f, t, SINK_FRESH, "q1 a@x q3; q2 nobody q1; q3 b@x -; q4 a@x q9; q5 a@x q4", "2 0 0 0 3",
               "1:W0510 3:W0510 4:W0510", NULL, "SELECT slug, author, reply_to FROM posts WHERE slug > 'q' ORDER BY slug",
               "q1 10 4;q3 20 -", "a parent may come later in its own table");
    write_rows(&f, t, SINK_FRESH, "p1 b@x -; p2 a@x p1", "0 1 1 0 0", "",
               "0:{\"id\":1,\"slug\":\"p1\",\"author\":10,\"reply_to\":null}",
               "SELECT slug, author, reply_to FROM posts WHERE slug < 'p3' ORDER BY slug", "p1 20 -;p2 10 1",
               "a reference is compared by what it resolves to");
    sink_sqlite.release(t);
    tear_down(&f);
}

/* Written, then asked for what leads nowhere; the commit is refused if anything does. */
static void check_dangling(struct fixture *f, struct sink_table *t, const char *text, const char *counts, const char *dangling,
                           const char *name)
{
    CLEANUP(sink_rows_release) struct sink_rows rows = {0};
    CLEANUP(heard_release) struct heard heard = {0};
    CLEANUP(err_release) struct err err = {0};
    struct sink_write silent = {0}, how = {.refused = hear_refused, .context = &heard};
    struct sink_counts c = {0};
    char got[80];

    encode(t, text, &rows);
    need(sink_sqlite.begin(f->sink, &err) == 0 && sink_sqlite.mark(f->sink, &err) == 0, "begin", &err);
    need(sink_sqlite.write(t, &rows, &silent, &c, &err) == 0 && sink_sqlite.back(f->sink, &err) == 0, "there and back", &err);
    need(sink_sqlite.write(t, &rows, &silent, &c, &err) == 0 && sink_sqlite.dangling(t, &rows, &how, &err) == 0, name, &err);
    snprintf(got, sizeof got, "%d %d", (int)c.inserted, (int)c.refused);
    is_str(got, counts, "%s: counts", name);
    is_str(buf_text(&heard.refused), dangling, "%s: what leads nowhere, and hangs on that", name);
    if (*dangling)
        ok(sink_sqlite.commit(f->sink, &err) == DB_NOT_COMMITTED && err.scope == ERR_RECORD && err.code == W0513,
           "%s: the chunk may be repeated", name);
    else
        ok(sink_sqlite.commit(f->sink, &err) == DB_COMMITTED, "%s: committed", name);
}

static void check_foreign_keys(const char *deferred)
{
    struct fixture f;
    struct sink_column columns[8];
    struct sink_spec spec;
    struct sink_table *t;
    char schema[400], name[80];

    snprintf(schema, sizeof schema,
             "CREATE TABLE p(a INT, b TEXT, PRIMARY KEY(a, b)); INSERT INTO p VALUES(1, 'x'), (2, 'y');"
             "CREATE TABLE t(id INTEGER PRIMARY KEY, a INT, b TEXT, up INT REFERENCES t %s, "
             "FOREIGN KEY(a, b) REFERENCES p %s)", deferred, deferred);
    set_up(&f, schema);
    columns_of(table_of(&f, "t"), columns);
    spec = (struct sink_spec){.table = table_of(&f, "t"), .columns = columns, .n_columns = 4};
    t = prepare(&f, &spec);
    snprintf(name, sizeof name, "foreign keys%s%s", *deferred ? " " : "", deferred);
    check_dangling(&f, t, "1 1 x -; 2 1 y -; 3 - y 1; 4 2 y 5; 5 2 y -; 6 - - 7; 7 9 z -; 8 - - 6; 1 1 x -", "8 1",
                   "1:W0513 5:W0513 6:W0513 7:W0513", name);
    check_dangling(&f, t, "1 1 x -; 3 - y 1; 4 2 y 5; 5 2 y 4", "4 0", "", name);
    write_rows(&f, t, SINK_FRESH, "11 1 x 12; 12 1 x -; 1 1 x -", "2 0 0 0 1", "2:W0512", NULL,
               "SELECT id FROM t ORDER BY id", "1;3;4;5;11;12", name);
    sink_sqlite.release(t);
    tear_down(&f);
}

static void message_of(void *context, size_t row, struct err *err)
{
    (void)row;
    snprintf(context, 400, "%s", err->message);
}

static void check_messages(void)
{
    static const struct { const char *row, *message; } cases[] = {
        {"1 1 1 1", "another row has the same t.id"},
        {"2 - 1 1", "null in t.n, which allows none"},
        {"2 7 1 1", "check constraint is not met: small"},
        {"2 1 9 1", "t.p refers to a row of parent that is not there"},
        {"2 1 1 forbidden", "not this one"},
    };
    struct fixture f;
    struct sink_column columns[8];
    struct sink_spec spec;
    struct sink_table *t;

    set_up(&f, "CREATE TABLE parent(id INTEGER PRIMARY KEY); INSERT INTO parent VALUES(1);"
               "CREATE TABLE t(id INTEGER PRIMARY KEY, n INT NOT NULL CONSTRAINT small CHECK(n < 5), p REFERENCES parent, s TEXT);"
               "CREATE TRIGGER no BEFORE INSERT ON t WHEN new.s = 'forbidden' BEGIN SELECT RAISE(ABORT, 'not this one'); END;"
               "INSERT INTO t VALUES(1, 1, 1, '')");
    columns_of(table_of(&f, "t"), columns);
    spec = (struct sink_spec){.table = table_of(&f, "t"), .columns = columns, .n_columns = 4};
    t = prepare(&f, &spec);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct sink_rows rows = {0};
        struct sink_counts c;
        struct err err = {0};
        char message[400] = "";
        struct sink_write how = {.refused = message_of, .context = message};

        encode(t, cases[i].row, &rows);
        need(sink_sqlite.begin(f.sink, &err) == 0 && sink_sqlite.write(t, &rows, &how, &c, &err) == 0, "write", &err);
        sink_sqlite.rollback(f.sink);
        is_str(message, cases[i].message, "message for %s", cases[i].row);
        sink_rows_release(&rows);
    }
    sink_sqlite.release(t);
    tear_down(&f);
}

static void check_vanishing(void)
{
    struct fixture f;
    struct sink_column columns[8];
    struct sink_spec spec;
    struct sink_table *t;
    struct sink_rows rows = {0};
    struct sink_counts c;
    struct sink_write how = {0};
    CLEANUP(err_release) struct err err = {0};

    set_up(&f, "CREATE TABLE t(id INTEGER PRIMARY KEY);"
               "CREATE TRIGGER no BEFORE INSERT ON t WHEN new.id = 2 BEGIN SELECT RAISE(IGNORE); END");
    columns_of(table_of(&f, "t"), columns);
    spec = (struct sink_spec){.table = table_of(&f, "t"), .columns = columns, .n_columns = 1};
    t = prepare(&f, &spec);
    encode(t, "1; 2; 3", &rows);
    need(sink_sqlite.begin(f.sink, &err) == 0, "begin", &err);
    ok(sink_sqlite.write(t, &rows, &how, &c, &err) < 0 && err.code == W0508 && err.scope == ERR_RUN,
       "a trigger that ignores a row stops the run");
    sink_sqlite.rollback(f.sink);
    sink_rows_release(&rows);
    sink_sqlite.release(t);
    tear_down(&f);
}

static void check_delete(void)
{
    static const uint16_t key[] = {1, 0};
    struct fixture f;
    struct sink_column columns[8];
    struct sink_spec spec;
    struct sink_table *t;
    struct sink_rows keys = {0};
    struct cell cells[2] = {{.kind = CELL_TEXT, .text = str_of("b")}, {.kind = CELL_INT, .n = 2}};
    struct err err = {0};
    uint64_t deleted = 0;
    char got[80];

    set_up(&f, "CREATE TABLE t(a INT, b TEXT, PRIMARY KEY(a, b)) WITHOUT ROWID; INSERT INTO t VALUES(1, 'a'), (2, 'b'), (3, 'b')");
    columns_of(table_of(&f, "t"), columns);
    spec = (struct sink_spec){.table = table_of(&f, "t"), .columns = columns, .n_columns = 2, .key = key, .n_key = 2,
                              .conflict = SINK_CONFLICT_SKIP};
    t = prepare(&f, &spec);
    need(sink_sqlite.encode_key(t, cells, &keys, &err) == 0, "encode key", &err);
    cells[1].n = 9;
    need(sink_sqlite.encode_key(t, cells, &keys, &err) == 0, "encode key", &err);
    need(sink_sqlite.begin(f.sink, &err) == 0 && sink_sqlite.delete_keys(t, &keys, &(struct sink_write){0}, &deleted, &err) == 0, "delete", &err);
    need(sink_sqlite.commit(f.sink, &err) == DB_COMMITTED, "commit", &err);
    is_int((long long)deleted, 1, "one of two keys was there");
    rows_of(f.db, "SELECT a, b FROM t", got, sizeof got);
    is_str(got, "1 a;3 b", "the others stay");
    sink_rows_release(&keys);
    sink_sqlite.release(t);
    tear_down(&f);
}

static void check_prepare(void)
{
    static const uint16_t key[] = {1};
    struct fixture f;
    struct sink_column columns[8];
    struct sink_spec spec;
    CLEANUP(err_release) struct err err = {0};

    set_up(&f, "CREATE TABLE t(a INTEGER PRIMARY KEY, b INT, c INT AS (b)); CREATE UNIQUE INDEX i ON t(b) WHERE b > 5");
    columns_of(table_of(&f, "t"), columns);
    spec = (struct sink_spec){.table = table_of(&f, "t"), .columns = columns, .n_columns = 3};
    ok(!sink_sqlite.prepare(f.sink, &spec, &err) && err.code == W0520, "a generated column takes no value");
    err_release(&err);
    spec.n_columns = 2;
    spec.key = key;
    spec.n_key = 1;
    spec.conflict = SINK_CONFLICT_SKIP;
    ok(!sink_sqlite.prepare(f.sink, &spec, &err) && err.code == W0519, "a partial index is no key");
    err_release(&err);
    spec.key = (const uint16_t[]){0};
    spec.conflict = SINK_CONFLICT_UPDATE;
    spec.when = "new.b > old.nothing";
    ok(!sink_sqlite.prepare(f.sink, &spec, &err) && err.code == W0561, "a condition with an unknown column");
    err_release(&err);
    spec.when = "1); DELETE FROM t; --";
    ok(!sink_sqlite.prepare(f.sink, &spec, &err), "a condition that ends the statement");
    err_release(&err);
    tear_down(&f);
}

static void check_names(void)
{
    struct fixture f;
    struct sink_column columns[8];
    struct sink_spec spec;
    struct sink_table *t;

    set_up(&f, "CREATE TABLE \"or\"\"der; --\"(\"a\"\"b\" INTEGER PRIMARY KEY, \"select\" TEXT)");
    columns_of(table_of(&f, "or\"der; --"), columns);
    spec = (struct sink_spec){.table = table_of(&f, "or\"der; --"), .columns = columns, .n_columns = 2,
                              .key = (const uint16_t[]){0}, .n_key = 1, .conflict = SINK_CONFLICT_UPDATE};
    t = prepare(&f, &spec);
    write_rows(&f, t, SINK_FRESH, "1 a; 1 b", "1 1 0 0 0", "", NULL, "SELECT * FROM \"or\"\"der; --\"", "1 b",
               "names that need quotes");
    sink_sqlite.release(t);
    tear_down(&f);
}

int main(void)
{
    check_refusals();
    check_many_refusals();
    check_merges();
    check_case_of_equal_keys();
    check_references();
    check_foreign_keys("");
    check_foreign_keys("DEFERRABLE INITIALLY DEFERRED");
    check_messages();
    check_vanishing();
    check_delete();
    check_prepare();
    check_names();
    return done_testing();
}
