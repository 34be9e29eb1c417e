/* Conversion against many values: numbers keep their value, floats round as strtod() does, noise does no harm. */
#include "samples.h"

/* Texts of some size: the rows above cannot hold them. */
static void test_large(void)
{
    enum { LEN = 131073 };
    char *text = malloc(LEN + 64);
    CLEANUP(err_release) struct err err = {0};
    struct value v;
    struct type type;
    struct cell cell;

    memset(text, '9', LEN);
    type_of("numeric", &type);
    v = value_number(str_make(text, LEN - 1));
    ok(convert_value(&v, &type, NULL, &arena, &cell, NULL, NULL) == 0 && cell.text.len == LEN - 1, "131072 digits");
    v = value_number(str_make(text, LEN));
    ok(convert_value(&v, &type, NULL, &arena, &cell, NULL, &err) < 0 && err.code == W0415, "131073 digits are refused");
    err_release(&err);
    text[1] = '.';
    v = value_number(str_make(text, 2 + 16383));
    ok(convert_value(&v, &type, NULL, &arena, &cell, NULL, NULL) == 0, "16383 digits after the point");
    v = value_number(str_make(text, 2 + 16384));
    ok(convert_value(&v, &type, NULL, &arena, &cell, NULL, &err) < 0 && err.code == W0415, "16384 are refused");
    err_release(&err);
    type_of("double precision", &type);
    v = value_number(str_make(text, 100000));
    ok(convert_value(&v, &type, NULL, &arena, &cell, NULL, NULL) == 0 && cell.f == 10.0, "a float of 100,000 digits");
    free(text);
}

static uint64_t random_next(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state >> 11;
}

/* Floats as strtod() reads them, on both ways. */
static void test_floats(void)
{
    struct type type;
    uint64_t state = 88172645463325252ULL;
    size_t wrong = 0;

    type_of("double precision", &type);
    for (int i = 0; i < 100000; i++) {
        char text[64];
        struct value v;
        struct cell cell;

        snprintf(text, sizeof text, "%s%d.%06de%d", i & 1 ? "-" : "", (int)(random_next(&state) % 1000000000),
                 (int)(random_next(&state) % 1000000), (int)(random_next(&state) % 61) - 30);
        v = value_number(str_of(text));
        if (convert_value(&v, &type, NULL, &arena, &cell, NULL, NULL) < 0 || cell.f != strtod(text, NULL))
            wrong++;
        arena_reset(&arena);
    }
    is_int((long long)wrong, 0, "100,000 floats are rounded correctly");
}

/* Whatever a numeric column takes is the number that was given. */
static void test_numerics(void)
{
    static const char *const types[] = {"numeric", "numeric(6,2)", "numeric(4)", "numeric(3,5)", "numeric(3,-2)"};
    uint64_t state = 42;
    size_t taken = 0, wrong = 0;

    for (int i = 0; i < 50000; i++) {
        struct type type;
        struct value v, w;
        struct cell cell;
        char text[64];

        snprintf(text, sizeof text, "%s%d", random_next(&state) & 1 ? "-" : "", (int)(random_next(&state) % 12000));
        if (random_next(&state) & 1)
            snprintf(text + strlen(text), 24, ".%0*d", (int)(random_next(&state) % 4) + 1,
                     (int)(random_next(&state) % 10));
        if (random_next(&state) & 1)
            snprintf(text + strlen(text), 24, "e%d", (int)(random_next(&state) % 17) - 8);
        type_of(types[i % ARRAY_LEN(types)], &type);
        v = value_number(str_of(text));
        if (convert_value(&v, &type, NULL, &arena, &cell, NULL, NULL) == 0) {
            w = value_number(cell.text);
            taken++;
            if (value_cmp(&v, &w) != 0 || memchr(cell.text.at, 'e', cell.text.len)) {
                wrong++;
                printf("# %s became %.*s\n", text, STR_ARG(cell.text));
            }
        }
        arena_reset(&arena);
    }
    ok(wrong == 0 && taken > 10000, "%zu numbers keep their value, %zu do not", taken, wrong);
}

/* Any text into any column: a cell of the right kind, or a refusal with its label. */
static void test_noise(void)
{
    static const struct { const char *type; enum cell_kind kind; } columns[] = {
        {"boolean", CELL_BOOL}, {"integer", CELL_INT}, {"bigint", CELL_INT}, {"numeric(5,2)", CELL_NUMERIC},
        {"real", CELL_FLOAT}, {"double precision", CELL_FLOAT}, {"varchar(5)", CELL_TEXT}, {"bytea", CELL_BYTES},
        {"uuid", CELL_UUID}, {"date", CELL_DATE}, {"time", CELL_TIME}, {"timestamp", CELL_TIMESTAMP},
        {"timestamptz", CELL_TIMESTAMP}, {"jsonb", CELL_JSON}, {"enum", CELL_TEXT}, {"inet", CELL_TEXT},
    };
    static const char *const options[] = {
        "", "coerce trim strip utf8", "coerce berlin format=%Y-%m-%d %H:%M:%S.%f%z", "utc format=epoch_s",
        "format=hex", "format=base64", "format=%a %b %d %I %p %j %y %s %B %A%%",
    };
    static const char alphabet[] = "0123456789-:.TZ+ eE%aAmMpPjJ\\x\"\xc3\xa9\xff\0";
    uint64_t state = 4711;
    size_t wrong = 0;

    for (int i = 0; i < 200000; i++) {
        CLEANUP(err_release) struct err err = {0};
        size_t t = random_next(&state) % ARRAY_LEN(columns), len = random_next(&state) % 40;
        struct convert_options o = options_of(options[random_next(&state) % ARRAY_LEN(options)]);
        char *text = malloc(len + 1);   /* so that a byte too far is seen */
        struct value v;
        struct type type;
        struct cell cell;

        for (size_t k = 0; k < len; k++)
            text[k] = alphabet[random_next(&state) % (sizeof alphabet - 1)];
        if (random_next(&state) % 3 == 0 && len >= 20)
            memcpy(text, "2025-01-31T10:00:00.5", 20);
        text = realloc(text, len ? len : 1);
        v = value_string(str_make(text, len));
        v.flags = random_next(&state) & 1 ? VALUE_BYTES : 0;
        type_of(columns[t].type, &type);
        if (convert_value(&v, &type, &o, &arena, &cell, NULL, &err) == 0)
            wrong += cell.kind != columns[t].kind;
        else
            wrong += !err.scope || (err.scope == ERR_RECORD && !err.label[0]);
        free(text);
        arena_reset(&arena);
    }
    is_int((long long)wrong, 0, "200,000 random texts: a cell of the right kind or a refusal with a label");
}

/* A number, a time or a text, some with one character changed. */
static void random_json(uint64_t *state, char *ret, size_t size)
{
    static const char alphabet[] = "0123456789-:.TZe +x";
    uint64_t kind = random_next(state) % 4;

    if (kind == 0)
        snprintf(ret, size, "%s%lld", random_next(state) & 1 ? "-" : "", (long long)(random_next(state) >> random_next(state) % 53));
    else if (kind == 1)
        snprintf(ret, size, "%d.%0*d", (int)(random_next(state) % 2000), (int)(random_next(state) % 12) + 1, (int)(random_next(state) % 10));
    else if (kind == 2)
        snprintf(ret, size, "\"%04d-%02d-%02dT%02d:%02d:%02dZ\"", (int)(random_next(state) % 2100), (int)(random_next(state) % 14),
                 (int)(random_next(state) % 33), (int)(random_next(state) % 26), (int)(random_next(state) % 62), (int)(random_next(state) % 62));
    else
        snprintf(ret, size, "\"%.*s\"", (int)(random_next(state) % 8), "\xc3\xa9text i");
    if (random_next(state) % 4 == 0)
        ret[random_next(state) % strlen(ret)] = alphabet[random_next(state) % (sizeof alphabet - 1)];
}

/* What the short way takes, the long way takes too, and makes the same of it. */
static void test_quick(void)
{
    static const char *const types[] = {"boolean", "smallint", "integer", "bigint", "numeric", "numeric(6,2)", "numeric(4)", "numeric(3,5)",
                                        "numeric(3,-2)", "varchar(5)", "text", "timestamptz", "timestamptz(0)", "timestamp", "jsonb"};
    CLEANUP(buf_release) struct buf one = BUF_INIT, two = BUF_INIT;
    uint64_t state = 99;
    size_t wrong = 0, quick = 0;

    for (int i = 0; i < 100000; i++) {
        const struct convert_options none = {0};
        struct convert_quick how;
        struct cell got, wanted = {0};
        struct value v;
        struct type type;
        char text[64 + JSON_PADDING] = "";
        struct err err = {0};

        random_json(&state, text, 64);
        type_of(types[random_next(&state) % ARRAY_LEN(types)], &type);
        how = convert_quick(&type, &none, false);
        if (json_parse(parser, str_make(text, strlen(text)), &v, &err) == 0 && convert_quickly(&v, &how, &got)) {
            quick++;
            buf_clear(&one);
            buf_clear(&two);
            show(&got, &one);
            if (convert_value(&v, &type, NULL, &arena, &wanted, NULL, NULL) == 0)
                show(&wanted, &two);
            if (got.kind != wanted.kind || strcmp(buf_text(&one), buf_text(&two)) != 0) {
                wrong++;
                printf("# %s: %s, the long way %s\n", text, buf_text(&one), buf_text(&two));
            }
        }
        err_release(&err);
        arena_reset(&arena);
    }
    ok(wrong == 0 && quick > 10000, "%zu of 100,000 values went the short way, and are the same", quick);
}

int main(void)
{
    if (!samples_begin())
        return 0;
    test_large();
    test_floats();
    test_numerics();
    test_noise();
    test_quick();
    samples_end();
    return done_testing();
}
