/* tests/unit/sink/postgres_roundtrip.c: what is encoded comes back equal, in the binary and in the text form of COPY.
 *
 * All strings of one and two bytes, and random values of the other types. The server itself compares: each value
 * is also sent as a literal in its own words by another way (a parameter). */
#include "postgres_helper.h"

#include "sink/celltext.h"

enum { PAIRS = 65536 + 256, RANDOM = 400 };

/* The column of type interval makes a table use the text form. */
static const char schema_sql[] =
    "CREATE TABLE binary_form (id int4, b bytea, t text, n numeric, i int8, s int2, f float8, r float4, u uuid, d date,"
    " c time, w timestamp, z timestamptz, j json, k jsonb, l numeric[], m text[], g int4[], h bytea[], y bool,"
    " o interval);"
    "CREATE TABLE text_form (LIKE binary_form); ALTER TABLE binary_form DROP COLUMN o;"
    "CREATE TABLE expected (LIKE binary_form);";

static uint64_t state = 88172645463325252ULL;

static uint64_t random64(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

static uint64_t below(uint64_t n)
{
    return random64() % n;
}

/* A string of bytes number `n` of all those with one or two bytes. */
static struct str pair_of(size_t n, char bytes[2])
{
    if (n < 256) {
        bytes[0] = (char)n;
        return str_make(bytes, 1);
    }
    bytes[0] = (char)((n - 256) >> 8);
    bytes[1] = (char)(n - 256);
    return str_make(bytes, 2);
}

static bool is_text(struct str s)
{
    return str_utf8_invalid_at(s) == s.len && !memchr(s.at, '\0', s.len);
}

static struct target *prepare(struct sink *s, struct catalog *c, const char *table, const char *columns)
{
    return test_prepare(s, c, table, columns, "", SINK_CONFLICT_ERROR, "", NULL);
}

static void load(struct target *t, const struct sink_rows *rows, const char *name)
{
    CLEANUP(err_release) struct err err = {0};
    struct sink_counts counts = {0};
    struct outcome o = {0};
    bool good = sink_postgres.begin(t->sink, &err) == 0 &&
                sink_postgres.write(t->table, rows, &(struct sink_write){.refused = test_refused, .context = &o}, &counts,
                                    &err) == 0 &&
                sink_postgres.commit(t->sink, &err) == DB_COMMITTED;

    ok(good && counts.inserted == rows->n, "%s: %zu rows stored", name, rows->n);
    if (!good || o.refused.len)
        printf("# %s; %s\n", err.message, buf_text(&o.refused));
    outcome_release(&o);
}

static void pairs(struct sink *s, struct catalog *c, const char *table, const char *columns)
{
    struct target *t = prepare(s, c, table, columns);
    CLEANUP(sink_rows_release) struct sink_rows rows = {0};
    CLEANUP(err_release) struct err err = {0};
    char sql[500];
    bool good = true;

    for (size_t i = 0; i < PAIRS; i++) {
        char bytes[2];
        struct str text = pair_of(i, bytes);
        struct cell cells[] = {{.kind = CELL_INT, .n = (int64_t)i}, {.kind = CELL_BYTES, .text = text},
                               {.kind = is_text(text) ? CELL_TEXT : CELL_NULL, .text = text}, {.kind = CELL_NULL}};

        good = good && sink_postgres.encode(t->table, cells, &rows, &err) == 0;
    }
    ok(good && rows.n == PAIRS, "%s: all strings of one and two bytes are encoded", table);
    load(t, &rows, table);
    snprintf(sql, sizeof sql, "SELECT count(*), count(*) FILTER (WHERE b = CASE WHEN id < 256"
             " THEN set_byte('\\x00', 0, id) ELSE set_byte(set_byte('\\x0000', 0, (id - 256) / 256), 1, id %%"
             " 256) END),"
             " count(t),"
             " count(*) FILTER (WHERE convert_to(t, 'UTF8') = b) FROM %s", table);
    is_str(test_answer(s, sql), "65792|65792|18176|18176", "%s: all are equal", table);
    snprintf(sql, sizeof sql, "TRUNCATE %s", table);
    test_sql(s, sql);
    test_release(t);
}

static char *random_decimal(char *out)
{
    size_t whole = below(4) ? below(12) : below(60), fraction = below(4) ? below(6) : below(60), n = 0;

    if (whole + fraction == 0)
        whole = 1;
    if (below(2))
        out[n++] = '-';
    for (size_t i = 0; i < whole; i++)
        out[n++] = below(3) ? (char)('0' + below(10)) : '0';
    if (fraction)
        out[n++] = '.';
    for (size_t i = 0; i < fraction; i++)
        out[n++] = below(3) ? (char)('0' + below(10)) : '0';
    out[n] = '\0';
    return out;
}

static double random_double(void)
{
    static const double special[] = {0.0, -0.0, 1.0, 0.1, 5e-324, 1.7976931348623157e308, 1.0 / 0.0, -1.0 / 0.0};
    uint64_t bits = random64();
    double f;

    if (below(8) == 0)
        return special[below(ARRAY_LEN(special))];
    memcpy(&f, &bits, sizeof f);
    return f == f ? f : 0.5;
}

static float random_float(void)
{
    uint32_t bits = (uint32_t)random64();
    float f;

    memcpy(&f, &bits, sizeof f);
    return f == f ? f : 0.5f;
}

/* Between 4713 BC and 294276 AD, or near the epoch. */
static int64_t random_instant(void)
{
    static const int64_t low = -INT64_C(210866803200000000), high = INT64_C(9223371331199999999);

    if (below(2))
        return (int64_t)below(INT64_C(4000000000000000)) - INT64_C(2000000000000000);
    return low + (int64_t)below((uint64_t)(high / 2 - low / 2)) * 2;
}

static struct str random_bytes(struct arena *a, bool text)
{
    static const char *const pieces[] = {"a", "\\", "\"", "{", "}", ",", "\t", "\n", "\r", "NULL", "\\N", "\\.", " ",
                                         "\303\251", "\360\237\230\200", "'", "\001", "\177"};
    struct buf b = BUF_INIT;
    struct str s;
    char c;

    for (uint64_t n = below(12); n; n--) {
        c = (char)random64();
        if (text)
            buf_add_text(&b, pieces[below(ARRAY_LEN(pieces))]);
        else
            buf_add_char(&b, c);
    }
    s = arena_str(a, buf_str(&b));
    buf_release(&b);
    return s.at ? s : str_of("");
}

static struct cell random_scalar(char kind, struct arena *a)
{
    static const char *const json[] = {"null", "1.50", "\"\\u00e9\\n\"", "[]",
                                       "{\"a\": [1, 2.0, -0.10, 1e5], \"b\": {}}",
                                       "123456789012345678901234567890.123456789"};
    char digits[200];

    switch (kind) {
    case 'b': return (struct cell){.kind = CELL_BYTES, .text = random_bytes(a, false)};
    case 't': return (struct cell){.kind = CELL_TEXT, .text = random_bytes(a, true)};
    case 'n': return (struct cell){.kind = CELL_NUMERIC, .text = arena_str(a, str_of(random_decimal(digits)))};
    case 'i': return (struct cell){.kind = CELL_INT, .n = (int64_t)(random64() >> below(64))};
    case 's': return (struct cell){.kind = CELL_INT, .n = (int16_t)random64()};
    case 'g': return (struct cell){.kind = CELL_INT, .n = (int32_t)random64()};
    case 'f': return (struct cell){.kind = CELL_FLOAT, .f = random_double()};
    case 'r': return (struct cell){.kind = CELL_FLOAT, .f = (double)random_float()};
    case 'u': {
        uint64_t two[2] = {random64(), random64()};

        return (struct cell){.kind = CELL_UUID, .text = arena_str(a, str_make((const char *)two, 16))};
    }
    case 'd': return (struct cell){.kind = CELL_DATE, .n = (int64_t)below(2400000) - (below(2) ? 2400000 : 0)};
    case 'c': return (struct cell){.kind = CELL_TIME, .n = (int64_t)below(INT64_C(86400000001))};
    case 'w': case 'z': return (struct cell){.kind = CELL_TIMESTAMP, .n = random_instant()};
    case 'j': case 'k': return (struct cell){.kind = CELL_JSON, .text = str_of(json[below(ARRAY_LEN(json))])};
    default: return (struct cell){.kind = CELL_BOOL, .n = (int64_t)below(2)};
    }
}

static struct cell random_array(char kind, struct arena *a, bool nested)
{
    size_t n = nested && below(3) == 0 ? 1 + below(3) : 0, length = below(5);
    struct cell *outer = arena_calloc(a, n + 1, sizeof *outer);

    if (!n) {
        struct cell *items = arena_calloc(a, length + 1, sizeof *items);

        for (size_t i = 0; i < length; i++)
            items[i] = below(5) ? random_scalar(kind, a) : (struct cell){.kind = CELL_NULL};
        return (struct cell){.kind = CELL_ARRAY, .items = {items, length}};
    }
    for (size_t i = 0; i < n; i++) {
        do
            outer[i] = random_array(kind, a, false);
        while (outer[i].items.n != outer[0].items.n || outer[i].items.n == 0);
    }
    return (struct cell){.kind = CELL_ARRAY, .items = {outer, n}};
}

static struct cell random_cell(char column, struct arena *a)
{
    static const char arrays[] = "lmgh", elements[] = "ntgb";
    const char *array = strchr(arrays, column);

    if (below(10) == 0)
        return (struct cell){.kind = CELL_NULL};
    return array ? random_array(elements[array - arrays], a, true) : random_scalar(column, a);
}

static const char names[] = "btnisfrudcwzjklmghy";

/* The same value as a parameter of INSERT, spelled by celltext.c: a third way to the server. */
static void insert_expected(struct sink *s, const struct target *t, size_t id, const struct cell *cells)
{
    struct db_value params[40];
    struct buf texts[40] = {{0}};
    CLEANUP(err_release) struct err err = {0};
    CLEANUP(buf_release) struct buf sql = BUF_INIT;
    size_t n = strlen(names);

    buf_add_text(&sql, "INSERT INTO expected VALUES ($1");
    params[0] = db_int((int64_t)id);
    for (size_t i = 1; i <= n; i++) {
        buf_printf(&sql, ", $%zu", i + 1);
        params[i] = db_null();
        if (cells[i].kind == CELL_NULL)
            continue;
        buf_add_text(&texts[i], "");
        celltext_add(&cells[i], t->cell_types[i], &texts[i], &err);
        params[i] = db_text(buf_str(&texts[i]));
    }
    buf_add_char(&sql, ')');
    if (db_query(sink_postgres.db(s), buf_text(&sql), params, n + 1, NULL, &err) < 0)
        ok(false, "row %zu as parameters: %s", id, err.message);
    for (size_t i = 1; i <= n; i++)
        buf_release(&texts[i]);
}

static void random_values(struct sink *s, struct catalog *c)
{
    struct target *b = prepare(s, c, "binary_form", "id b t n i s f r u d c w z j k l m g h y");
    struct target *t = prepare(s, c, "text_form", "id b t n i s f r u d c w z j k l m g h y o");
    CLEANUP(sink_rows_release) struct sink_rows rows = {0};
    CLEANUP(sink_rows_release) struct sink_rows text_rows = {0};
    CLEANUP(err_release) struct err err = {0};
    bool good = true;

    for (size_t id = 0; id < RANDOM; id++) {
        struct arena arena = {0};
        struct cell cells[32] = {{.kind = CELL_INT, .n = (int64_t)id}};

        for (size_t i = 0; names[i]; i++)
            cells[i + 1] = random_cell(names[i], &arena);
        insert_expected(s, b, id, cells);
        good = good && sink_postgres.encode(b->table, cells, &rows, &err) == 0 &&
               sink_postgres.encode(t->table, cells, &text_rows, &err) == 0;
        arena_release(&arena);
    }
    ok(good, "random values are encoded %s", err.message);
    load(b, &rows, "binary form");
    load(t, &text_rows, "text form");
    for (size_t i = 0; names[i]; i++) {
        char sql[600];

        snprintf(sql, sizeof sql, "SELECT count(*), count(*) FILTER (WHERE record_image_eq(ROW(b.%c), ROW(e.%c))),"
                 " count(*) FILTER (WHERE record_image_eq(ROW(t.%c), ROW(e.%c))) FROM expected e JOIN binary_form b"
                 " USING (id) JOIN text_form t USING (id)", names[i], names[i], names[i], names[i]);
        is_str(test_answer(s, sql), "400|400|400", "column %c: equal by all three ways", names[i]);
    }
    test_release(b);
    test_release(t);
}

int main(void)
{
    const char *target = test_target();
    CLEANUP(err_release) struct err err = {0};
    struct catalog catalog;
    struct sink *s;

    if (!target)
        return 0;
    s = test_open(target);
    test_schema(s, "roundtrip_test", schema_sql);
    if (sink_postgres.catalog(s, &catalog, &err) < 0) {
        printf("Bail out! %s\n", err.message);
        return 1;
    }
    pairs(s, &catalog, "binary_form", "id b t");
    pairs(s, &catalog, "text_form", "id b t o");
    random_values(s, &catalog);
    catalog_release(&catalog);
    sink_postgres.close(s);
    return done_testing();
}
