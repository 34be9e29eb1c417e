/* An index on disk says what one in memory would: keys with one entry and with many, runs that have to be merged, keys of
 * one hash, what nothing asked for. */
#include "tap.h"

#include "map/lookup_store.h"

#include <stdlib.h>

enum { KEYS = 5000, SAME = 77 };     /* more than one run; the key SAME has many entries */

static struct str key_of(unsigned i, char text[40])
{
    return str_make(text, (size_t)snprintf(text, 40, i % 5 ? "key %u" : "%c%u", i % 5 ? i : 0, i));
}

/* Few hashes, so that different keys share one. */
static uint64_t hash_of(unsigned i)
{
    return (i % 1000) * UINT64_C(0x9e3779b97f4a7c15);
}

static void add(struct lookup_store *s, unsigned i, unsigned n, struct err *err)
{
    struct member items[2] = {{str_make("a\0b", 3), value_bool(true)}, {str_of("n"), value_null()}};
    struct value prefer[1] = {value_string(str_of(n % 2 ? "odd" : "even"))};
    char text[40], digits[20];
    struct index_entry e = {.key = key_of(i, text), .hash = hash_of(i), .file = (const struct entry *)s, .byte = i, .line = n,
                            .len = 7, .kept = i % 2 == 0, .prefer = prefer};

    items[1].value = value_number(str_make(digits, (size_t)snprintf(digits, sizeof digits, "%u.50", i)));
    e.value = value_object(items, 2);
    lookup_store_add(s, &e, err);
}

static bool later_odd(void *context, const struct index_entry *e, const struct index_entry *best)
{
    (void)context;
    return value_cmp(&e->prefer[0], &best->prefer[0]) > 0;
}

static bool is_right(struct lookup_store *s, unsigned i, const struct index_entry *e)
{
    char text[40];
    struct value n = value_get(&e->value, str_of("n")), b = value_get(&e->value, str_make("a\0b", 3));

    if (!str_eq(e->key, key_of(i, text)) || e->file != (const struct entry *)s || e->byte != i || e->len != 7)
        return false;
    if (!e->kept)
        return i % 2 == 1;
    snprintf(text, sizeof text, "%u.50", i);
    return i % 2 == 0 && value_count(&e->value) == 2 && str_is(n.text, text) && n.type == VALUE_NUMBER && b.type == VALUE_BOOL &&
           b.truth;
}

static int count_unasked(void *context, uint64_t hash, struct str key, struct err *err)
{
    unsigned *n = context;

    (void)err;
    *n += key.len > 0 && hash % 1 == 0;
    return 0;
}

static struct lookup_store *filled(unsigned keys, struct err *err)
{
    struct lookup_store *s = lookup_store_new(0, 1, err);

    for (unsigned i = 0; i < keys; i++)
        add(s, i, 0, err);
    for (unsigned n = 1; n <= 300 && keys > SAME; n++)
        add(s, SAME, n, err);
    lookup_store_end(s, err);
    return s;
}

static void test_find(unsigned keys)
{
    struct err err = {0};
    struct lookup_store *s = filled(keys, &err);
    struct arena a = {0};
    unsigned good = 0, left = 0;
    struct index_entry e, *all = NULL;
    size_t n = 0;
    char text[40];

    ok(!err.scope, "%u keys: filled", keys);
    for (unsigned i = 0; i < keys; i++)
        good += lookup_store_best(s, hash_of(i), key_of(i, text), later_odd, NULL, &e, &a, &err) == 1 && is_right(s, i, &e);
    is_int(good, keys, "%u keys: each is found with all that it had", keys);
    is_int(lookup_store_best(s, hash_of(3), str_of("nobody"), later_odd, NULL, &e, &a, &err), 0, "%u keys: a key of a known hash", keys);
    is_int(lookup_store_best(s, 12345, str_of("nobody"), later_odd, NULL, &e, &a, &err), 0, "%u keys: a hash that is not there", keys);
    ok(lookup_store_each(s, count_unasked, &left, &err) == 0 && left == 0, "%u keys: everything was asked for", keys);
    lookup_store_forget_asked(s);
    if (keys > SAME) {
        key_of(SAME, text);
        ok(lookup_store_best(s, hash_of(SAME), str_of(text), later_odd, NULL, &e, &a, &err) == 1 && e.line == 1,
           "of many the first that is better");
        ok(lookup_store_all(s, hash_of(SAME), str_of(text), &a, &all, &n, &err) == 0 && n == 301, "all of them");
        good = 0;
        for (unsigned i = 0; i < n; i++)
            good += all[i].line == i && is_right(s, SAME, &all[i]);
        is_int(good, 301, "in the order in which they came");
    }
    ok(lookup_store_each(s, count_unasked, &left, &err) == 0 && left == keys - (keys > SAME), "%u keys: the others were not", keys);
    ok(lookup_store_each(s, count_unasked, &left, &err) == 0 && left == keys - (keys > SAME), "%u keys: and are told once", keys);
    ok(lookup_store_held(s) < 64 << 10, "%u keys: %zu bytes of memory", keys, lookup_store_held(s));
    ok(!err.scope, "%u keys: no failure: %s", keys, err.message);
    arena_release(&a);
    lookup_store_free(s);
}

static void test_no_directory(void)
{
    struct err err = {0};

    setenv("TMPDIR", "/nowhere/at/all", 1);
    ok(!lookup_store_new(0, 0, &err) && err.code == W0310 && err.scope == ERR_RUN, "no directory for temporary files");
    ok(strstr(err.message, "No such file"), "and why: %s", err.message);
    err_release(&err);
    unsetenv("TMPDIR");
}

int main(void)
{
    test_find(0);
    test_find(1);
    test_find(256);
    test_find(KEYS);
    test_no_directory();
    return done_testing();
}
