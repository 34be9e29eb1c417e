/* tests/unit/sink/postgres_sieve.c: many rows at once, of which some are refused, give what few rows at a time give. */
#include "sink/postgres_sieve.h"
#include "postgres_helper.h"

enum { ROWS_N = 400, COLUMNS_N = 6, PIECE = SIEVE_ROWS_MIN - 1 };

static const char schema_sql[] =
    "CREATE TABLE parents (id int PRIMARY KEY, kind text NOT NULL, UNIQUE (kind, id));"
    "INSERT INTO parents SELECT i, chr(96 + i) FROM generate_series(1, 8) i;"
    "CREATE TABLE rows (seq int PRIMARY KEY, code text UNIQUE, parent int REFERENCES parents, kind text,"
    " n int NOT NULL CHECK (n < 50), a_b text, FOREIGN KEY (kind, parent) REFERENCES parents (kind, id));"
    "CREATE UNIQUE INDEX rows_lower ON rows (lower(a_b), n) WHERE n > 5;"
    "CREATE TABLE plain (seq int PRIMARY KEY, code text UNIQUE, parent int, kind text, n int, a_b text);"
    "CREATE TABLE odd (seq int PRIMARY KEY, code text, parent int, kind text, n int CHECK (n <> 3), a_b inet,"
    " EXCLUDE USING btree (code WITH =));"
    "CREATE FUNCTION curse() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN IF NEW.n = 7 THEN RAISE 'cursed' USING HINT = 'pray';"
    " END IF; RETURN NEW; END$$;"
    "CREATE TRIGGER t BEFORE INSERT ON odd FOR EACH ROW EXECUTE FUNCTION curse();";

static struct catalog catalog;

struct table_of_cells {
    const char *at[ROWS_N * COLUMNS_N];
    char texts[ROWS_N * COLUMNS_N][24];
    unsigned state;
};

static unsigned dice(struct table_of_cells *c, unsigned sides)
{
    c->state = c->state * 1103515245 + 12345;
    return (c->state >> 16) % sides;
}

static void put(struct table_of_cells *c, size_t cell, const char *text)
{
    snprintf(c->texts[cell], sizeof c->texts[cell], "%s", text);
    c->at[cell] = c->texts[cell];
}

static void number(struct table_of_cells *c, size_t cell, const char *before, unsigned n)
{
    char text[24];

    snprintf(text, sizeof text, "%s%u", before, n);
    put(c, cell, text);
}

/* One row in `rare` has each fault. */
static void make(struct table_of_cells *c, unsigned seed, unsigned rare, bool inet)
{
    *c = (struct table_of_cells){.state = seed};
    for (unsigned i = 0; i < ROWS_N; i++) {
        size_t at = (size_t)i * COLUMNS_N;
        unsigned parent = 1 + dice(c, 8);

        number(c, at, "", dice(c, rare) ? i : dice(c, ROWS_N));
        number(c, at + 1, "c", dice(c, rare) ? i : dice(c, ROWS_N));
        number(c, at + 2, "", dice(c, rare) ? parent : 90 + parent);
        put(c, at + 3, (char[]){(char)('a' + (dice(c, rare) ? parent - 1 : dice(c, 8))), '\0'});
        number(c, at + 4, "", dice(c, rare) ? dice(c, 50) : 50);
        number(c, at + 5, inet ? "10.0.0." : dice(c, 2) ? "W" : "w", dice(c, 200));
        if (!dice(c, 9))
            c->at[at + 1] = NULL;
        if (!dice(c, 9))
            c->at[at + 3] = NULL;
        if (!dice(c, rare))
            c->at[at + 4] = NULL;
    }
}

struct heard {
    struct buf text;
    size_t from;
};

static void on_refused(void *context, size_t row, struct err *err)
{
    struct heard *h = context;

    buf_printf(&h->text, "%zu %s %s %s\n", h->from + row, code_entry(err->code)->name, err->sqlstate,
               strncmp(err->message, "new row", 7) == 0 || strncmp(err->message, "null value", 10) == 0 ? "" : err->message);
}

static void heard_release(struct heard *h) { buf_release(&h->text); }

/* So many rows at a time; what became of them, and what is in the table. */
static char *outcome_of(struct target *t, const char *const *cells, size_t at_once, bool streamed)
{
    CLEANUP(heard_release) struct heard h = {0};
    CLEANUP(err_release) struct err err = {0};
    CLEANUP(buf_release) struct buf sql = BUF_INIT;
    struct sink_counts sum = {0};
    bool good = sink_postgres.begin(t->sink, &err) == 0;

    for (; good && h.from < ROWS_N; h.from += at_once) {
        CLEANUP(sink_rows_release) struct sink_rows rows = {0};
        size_t n = ROWS_N - h.from < at_once ? ROWS_N - h.from : at_once;
        struct sink_write how = {.refused = on_refused, .context = &h};
        struct sink_counts counts = {0};
        int refused = 1;

        good = (!streamed || sink_postgres.stream_start(t->table, &err) == 0) &&
               test_encode(t, cells + h.from * COLUMNS_N, n, &rows, &err) == 0;
        if (good && streamed)
            refused = sink_postgres.stream_end(t->table, &rows, &counts, &err);
        good = good && refused >= 0 && (refused == 0 || sink_postgres.write(t->table, &rows, &how, &counts, &err) == 0) &&
               counts.inserted + counts.refused == n;
        sum.inserted += counts.inserted;
        sum.refused += counts.refused;
    }
    buf_printf(&h.text, "%d %llu %llu %s\n", good, (unsigned long long)sum.inserted, (unsigned long long)sum.refused,
               err.message);
    buf_printf(&sql, "SELECT count(*), md5(string_agg(t::text, ' ' ORDER BY seq)) FROM %s t", t->spec.table->name);
    if (good)
        buf_add_text(&h.text, test_answer(t->sink, buf_text(&sql)));
    sink_postgres.rollback(t->sink);
    return str_dup(buf_str(&h.text));
}

static void same_outcome(struct sink *s, const char *table, unsigned rare, bool inet)
{
    static struct table_of_cells cells;
    struct target *t = test_prepare(s, &catalog, table, "seq code parent kind n a_b", "", SINK_CONFLICT_ERROR, "", NULL);

    for (unsigned seed = 1; seed <= 3; seed++) {
        char *few, *all, *again, *half;

        make(&cells, seed * rare, rare, inet);
        few = outcome_of(t, cells.at, PIECE, false);
        all = outcome_of(t, cells.at, ROWS_N, false);
        again = outcome_of(t, cells.at, ROWS_N, true);
        half = outcome_of(t, cells.at, ROWS_N / 3, seed % 2);
        ok(strstr(few, "\n1 ") != NULL, "%s, 1 in %u, tree %u: some rows are refused", table, rare, seed);
        is_str(all, few, "%s, 1 in %u, tree %u: all at once", table, rare, seed);
        is_str(again, few, "%s, 1 in %u, tree %u: streamed", table, rare, seed);
        is_str(half, few, "%s, 1 in %u, tree %u: in parts", table, rare, seed);
        free(few);
        free(all);
        free(again);
        free(half);
    }
    test_release(t);
}

/* Rules are made of what was refused, and forgotten when nothing is. */
static void rules(struct sink *s)
{
    static struct table_of_cells cells;
    struct target *t = test_prepare(s, &catalog, "plain", "seq code parent kind n a_b", "", SINK_CONFLICT_ERROR, "", NULL);

    make(&cells, 5, 1u << 30, false);
    free(outcome_of(t, cells.at, ROWS_N, false));
    is_int((int)t->table->sieve.n_rules, 0, "rows that are taken teach nothing");
    put(&cells, 7 * COLUMNS_N, "3");
    free(outcome_of(t, cells.at, ROWS_N, true));
    is_int((int)t->table->sieve.n_rules, 1, "a key that comes twice");
    put(&cells, 9 * COLUMNS_N + 1, "c4");
    free(outcome_of(t, cells.at, ROWS_N, true));
    is_int((int)t->table->sieve.n_rules, 2, "another key too");
    make(&cells, 5, 1u << 30, false);
    free(outcome_of(t, cells.at, ROWS_N, true));
    is_int((int)t->table->sieve.n_rules, 0, "and nothing any more");
    test_release(t);
}

int main(void)
{
    const char *target = test_target();
    CLEANUP(err_release) struct err err = {0};
    struct sink *s;

    if (!target)
        return 0;
    s = test_open(target);
    test_schema(s, "sieve_test", schema_sql);
    if (sink_postgres.catalog(s, &catalog, &err) < 0)
        return 1;
    same_outcome(s, "plain", 20, false);
    same_outcome(s, "rows", 100, false);
    same_outcome(s, "rows", 6, false);
    same_outcome(s, "odd", 30, true);
    rules(s);
    catalog_release(&catalog);
    test_sql(s, "DROP SCHEMA sieve_test CASCADE");
    sink_postgres.close(s);
    return done_testing();
}
