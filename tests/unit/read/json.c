/* What is JSON and what is not, alone, between other lines, and in the eyes of jansson. */
#include "read/json_internal.h"

#include "base/cleanup.h"
#include "json_documents.h"
#include "tap.h"
#include "texts.h"

#include <jansson.h>

/* A control character or newline in a test's name would break the protocol. */
static const char *shown(const struct document *d)
{
    static char text[160];
    size_t n = 0;

    for (size_t i = 0; i < d->len && n < sizeof text - 8; i++) {
        unsigned char c = (unsigned char)d->text[i];

        n += (size_t)snprintf(text + n, 8, c < 0x20 || c > 0x7e || c == '#' || c == '\\' ? "<%02x>" : "%c", c);
    }
    text[n] = '\0';
    return text;
}

static void test_documents(struct json_parser *p)
{
    for (size_t i = 0; i < ARRAY_LEN(documents); i++) {
        const struct document *d = &documents[i];
        struct err err = {0};
        struct value value;
        char *text = padded(d->text, d->len);
        int failed = json_parse(p, str_make(text, d->len), &value, &err);

        ok((failed < 0 ? err.code : GOOD) == d->verdict && (!failed || (err.line == d->line &&
            err.column == d->column)),
           "%zu: %s", i, shown(d));
        if (failed && (err.code != d->verdict || err.line != d->line || err.column != d->column))
            printf("#   %s at %lu:%lu (%s), expected %s\n", code_entry(err.code)->name, (unsigned long)err.line,
                   (unsigned long)err.column, err.message, code_entry(d->verdict)->name);
        if (failed)
            ok(err.scope == ERR_RECORD && err.message[0] && err.has_byte && err.byte <= d->len,
               "%zu: has scope, reason and byte", i);
        err_release(&err);
        free(text);
    }
}

/* Every document that has no line end in it, between two good lines and after a bad one, in one text. */
static void test_lines(struct json_parser *p)
{
    CLEANUP(buf_release) struct buf text = BUF_INIT;
    size_t first = SIZE_MAX;

    for (int broken = 0; broken < 2; broken++) {
        for (size_t i = 0; i < ARRAY_LEN(documents); i++) {
            const struct document *d = &documents[i];
            static const char before[] = "{\"good\":1}\n", after[] = "\n[\"\\u0041\",{\"k\":2}]\n";
            struct err err = {0};
            struct value value;
            size_t from, to;
            bool bom = str_starts(str_make(d->text, d->len), str_of("\xef\xbb\xbf"));
            enum code code;

            if (memchr(d->text, '\n', d->len) || d->verdict == W0325 || bom)
                continue;
            buf_clear(&text);
            buf_add_text(&text, broken ? "{\"bad\":\"\xff\"}\n" : "");
            buf_add_text(&text, before);
            from = text.len;
            buf_add(&text, d->text, d->len);
            to = text.len;
            buf_add_text(&text, after);
            buf_reserve(&text, JSON_PADDING);
            json_index(p, buf_str(&text), 1000, &err);
            if (broken && json_next(p, 0, from - sizeof before, &value, NULL) == 0)
                first = i;
            if (json_next(p, from - sizeof before + 1, from - 1, &value, &err) < 0)
                first = i;
            code = json_next(p, from, to, &value, &err) < 0 ? err.code : GOOD;
            if (code != d->verdict || (code && (err.column != d->column || err.byte < 1000 + from)))
                first = i;
            err_release(&err);
            if (json_next(p, to + 1, text.len - 1, &value, &err) < 0 || value.type != VALUE_ARRAY)
                first = i;
            err_release(&err);
        }
        ok(first == SIZE_MAX, "documents as lines get the same verdict%s (first wrong: %zd)",
           broken ? ", behind a line that is not UTF-8" : "", (ssize_t)first);
    }
}

/* The slow scan makes the same index as the fast one, and the same verdict as the walk. */
static void test_scan(struct json_parser *p)
{
    struct json_scan how = {.depth_max = JSON_DEPTH_DEFAULT, .file_start = true};
    struct json_simd *simd = json_simd_new();
    size_t wrong = SIZE_MAX, places = 0;

    for (size_t i = 0; i < ARRAY_LEN(documents); i++) {
        const struct document *d = &documents[i];
        uint32_t pos[512];
        const uint32_t *fast;
        struct json_fault fault;
        size_t n, fast_n;
        char *text = padded(d->text, d->len);
        bool good = d->verdict == GOOD || d->verdict == W0322;

        if (str_starts(str_make(d->text, d->len), str_of("\xef\xbb\xbf")))
            good = false;   /* the mark is taken off before */
        if (json_scan(&how, text, d->len, &fault, pos, &n) != good) {
            wrong = i;
        } else if (good) {
            if (json_simd_index(simd, text, d->len, &fast, &fast_n) != JSON_SIMD_GOOD || n != fast_n ||
                memcmp(fast, pos, (n + 1) * sizeof *pos) != 0)
                wrong = i;
            places += n;
        }
        free(text);
    }
    ok(wrong == SIZE_MAX && places > 500, "both indexes agree on %zu places (first wrong: %zd)", places,
        (ssize_t)wrong);
    json_simd_free(simd);
    (void)p;
}

/* --- depth --- */

static enum code depth_code(struct json_parser *p, size_t depth, const char *opener, char closer, uint64_t *byte)
{
    CLEANUP(buf_release) struct buf text = BUF_INIT;
    struct err err = {0};
    struct value value;
    enum code code;

    for (size_t i = 0; i < depth; i++)
        buf_add_text(&text, opener);
    buf_add_text(&text, closer == '}' ? "1" : "");
    for (size_t i = 0; i < depth && closer; i++)
        buf_add_char(&text, closer);
    buf_reserve(&text, JSON_PADDING);
    code = json_parse(p, buf_str(&text), &value, &err) < 0 ? err.code : GOOD;
    *byte = err.byte;
    err_release(&err);
    return code;
}

static void test_depth(void)
{
    struct json_options deep = {.depth_max = 100000}, flat = {.depth_max = 1};
    struct json_parser *p = json_parser_new(NULL, NULL), *q = json_parser_new(&deep, NULL), *f = json_parser_new(&flat,
        NULL);
    uint64_t byte;

    is_int(depth_code(p, 512, "[", ']', &byte), GOOD, "512 arrays");
    is_int(depth_code(p, 513, "[", ']', &byte), W0323, "513 arrays");
    is_int((long long)byte, 512, "the place is the 513th");
    is_int(depth_code(p, 512, "{\"a\":", '}', &byte), GOOD, "512 objects");
    is_int(depth_code(p, 513, "{\"a\":", '}', &byte), W0323, "513 objects");
    is_int(depth_code(p, 100000, "[", ']', &byte), W0323, "100,000 arrays");
    is_int(depth_code(p, 100000, "[", 0, &byte), W0323, "100,000 arrays, never closed");
    is_int(depth_code(p, 500, "[", 0, &byte), W0320, "500 arrays, never closed");
    is_int(depth_code(q, 2048, "[", ']', &byte), GOOD, "2,048 arrays where more were asked for");
    is_int(depth_code(q, 2049, "[{\"a\":", 0, &byte), W0323, "never more than 2,048");
    is_int(depth_code(f, 1, "[", ']', &byte), GOOD, "one level");
    is_int(depth_code(f, 2, "[", ']', &byte), W0323, "and no second");
    json_parser_free(p);
    json_parser_free(q);
    json_parser_free(f);
}

/* --- a second opinion --- */

/* What jansson makes of the same bytes. */
static json_t *theirs_of(const char *text, size_t len)
{
    json_error_t error;

    return json_loadb(text, len, JSON_DECODE_ANY | JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES, &error);
}

static bool same_string(const struct value *v, const json_t *theirs)
{
    CLEANUP(arena_release) struct arena a = {0};
    struct str s;

    return v->type == VALUE_STRING && value_text(v, &a, &s) == 0 &&
           str_eq(s, str_make(json_string_value(theirs), json_string_length(theirs)));
}

static bool same(const struct value *v, const json_t *theirs);

/* Compared as C numbers here, as decimals in values.c. */
static bool same_number(const struct value *v, const json_t *theirs)
{
    char digits[256];

    if (v->type != VALUE_NUMBER)
        return false;
    snprintf(digits, sizeof digits, "%.*s", STR_ARG(v->text));
    if (json_is_integer(theirs))
        return strtoll(digits, NULL, 10) == json_integer_value(theirs);
    return strtod(digits, NULL) == json_real_value(theirs);
}

static bool same_items(const struct value *v, const json_t *theirs)
{
    struct value_iter it = value_iter(v);
    struct value item;
    size_t i = 0;

    for (; value_iter_next(&it, NULL, &item); i++) {
        struct value again = value_at(v, (int64_t)i);

        if (!same(&item, json_array_get(theirs, i)) || again.node != item.node)
            return false;
    }
    return i == json_array_size(theirs) && i == value_count(v);
}

static bool same_members(const struct value *v, json_t *theirs)
{
    const char *key;
    json_t *item;

    json_object_foreach(theirs, key, item)
    {
        struct value ours = value_get(v, str_of(key));

        if (!same(&ours, item))
            return false;
    }
    return json_object_size(theirs) == value_count(v);
}

static bool same(const struct value *v, const json_t *theirs)
{
    switch (json_typeof(theirs)) {
    case JSON_NULL: return v->type == VALUE_NULL;
    case JSON_TRUE: return v->type == VALUE_BOOL && v->truth;
    case JSON_FALSE: return v->type == VALUE_BOOL && !v->truth;
    case JSON_INTEGER:
    case JSON_REAL: return same_number(v, theirs);
    case JSON_STRING: return same_string(v, theirs);
    case JSON_ARRAY: return v->type == VALUE_ARRAY && same_items(v, theirs);
    case JSON_OBJECT: return v->type == VALUE_OBJECT && same_members(v, (json_t *)(uintptr_t)theirs);
    }
    return false;
}

/* Where jansson's verdict is known to differ: it refuses numbers that no double or long long holds, lone
 * surrogates, and \u0000 in keys; it takes a NUL byte behind a number. */
static bool may_differ(const char *text, size_t len)
{
    for (size_t i = 0, digits = 0; i < len; i++) {
        bool behind_digit = digits > 0;

        digits = text[i] >= '0' && text[i] <= '9' ? digits + 1 : 0;
        if (digits > 17 || (behind_digit && (text[i] == '\0' || (text[i] | 0x20) == 'e')))
            return true;
    }
    return memmem(text, len, "\\ud", 3) || memmem(text, len, "\\uD", 3) || memmem(text, len, "\\u0000", 6);
}

static size_t mutate(char *text, size_t len, uint64_t *seed)
{
    static const char bytes[] = "{}[]:,\"\\ \n\t0123456789-+.eEtrufalsn/u\x01\x7f\x80\xc3\xa9\xe2\x82\xac\xf0\x9f\x8e\x89";
    int changes = 1 + (int)(next_random(seed) % 3);

    while (changes--) {
        size_t at = len ? next_random(seed) % len : 0;
        char c = bytes[next_random(seed) % (sizeof bytes - 1)];

        switch (next_random(seed) % 4) {
        case 0:
            if (len)
                text[at] = c;
            break;
        case 1:
            memmove(text + at + 1, text + at, len - at);
            text[at] = c;
            len++;
            break;
        case 2:
            if (len) {
                memmove(text + at, text + at + 1, len - at - 1);
                len--;
            }
            break;
        default:
            if (len && next_random(seed) % 4 == 0)
                len = at;
        }
    }
    return len;
}

static void test_mutations(struct json_parser *p)
{
    struct json_scan how = {.depth_max = JSON_DEPTH_DEFAULT, .file_start = true};
    size_t compared = 0, taken = 0, differ = 0, scans = 0, other = 0;
    uint64_t seed = 42;

    for (int round = 0; round < 60; round++) {
        for (size_t i = 0; i < ARRAY_LEN(documents); i++) {
            char scratch[512], *text;
            struct json_fault fault;
            struct err err = {0};
            struct value value;
            size_t len;
            bool good;

            memcpy(scratch, documents[i].text, documents[i].len);
            len = mutate(scratch, documents[i].len, &seed);
            text = padded(scratch, len);
            good = json_parse(p, str_make(text, len), &value, &err) == 0;
            if (!str_starts(str_make(text, len), str_of("\xef\xbb\xbf"))) {
                bool scanned = json_scan(&how, text, len, &fault, NULL, NULL);

                scans += scanned != (good || err.code == W0322) || (!scanned && fault.code != err.code);
                if (!may_differ(text, len)) {
                    json_t *theirs = theirs_of(text, len);

                    compared++;
                    taken += good;
                    differ += (theirs != NULL) != good;
                    other += theirs && good && !same(&value, theirs);
                    json_decref(theirs);
                }
            }
            err_release(&err);
            free(text);
        }
    }
    ok(differ == 0, "%zu mutations judged as jansson does, %zu of them taken", compared, taken);
    ok(other == 0, "and those hold the same values");
    ok(compared > 5000 && taken > 500, "and they were worth judging");
    ok(scans == 0, "the slow scan refuses what the walk refuses");
}

int main(void)
{
    struct json_parser *p = json_parser_new(NULL, NULL);

    ok(ARRAY_LEN(documents) >= 150, "%zu documents", ARRAY_LEN(documents));
    test_documents(p);
    test_lines(p);
    test_scan(p);
    test_depth();
    test_mutations(p);
    json_parser_free(p);
    return done_testing();
}
