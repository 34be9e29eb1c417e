/* A set of keys says what was added to it, in memory and in a file: against a plain list, with keys of all kinds. */
#include "tap.h"

#include "ledger/keyset.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

static struct str key_of(unsigned i, char *text, size_t size)
{
    int n = snprintf(text, size, "%u", i * 2654435761u);

    if (i % 7 == 0)
        text[0] = '\0';             /* a NUL in the key */
    if (i % 1000 == 1) {            /* longer than any piece that is read at a time */
        memset(text + n, 'x', 100000);
        n += 100000;
    }
    return str_make(text, (size_t)n);
}

static unsigned found(struct keyset *s, unsigned from, unsigned to, unsigned step, bool mark)
{
    static char text[120000];
    struct err err = {0};
    unsigned n = 0;

    for (unsigned i = from; i < to; i += step) {
        struct keyset_item item;
        int got = keyset_find(s, str_of(i % 2 ? "odd" : "even"), key_of(i, text, sizeof text), &item, &err);

        n += got == 1 && item.file == i % 100;
        if (got == 1 && mark)
            keyset_mark(s, &item, 3, &err);
    }
    if (err.scope)
        printf("# %s\n", err.message);
    err_release(&err);
    return n;
}

static void many(size_t most, const char *where)
{
    static char text[120000];
    struct keyset s = {.most = most};
    struct keyset_walk walk = {0};
    struct keyset_item item;
    struct err err = {0};
    unsigned n = 3000, left = 0, marked = 0, wrong = 0;
    uint64_t last = 0;
    int bad = 0, got;

    for (unsigned i = 0; i < n; i++)
        bad |= keyset_add(&s, str_of(i % 2 ? "odd" : "even"), key_of(i, text, sizeof text), i % 100, &err);
    bad |= keyset_add(&s, str_of("odd"), key_of(5, text, sizeof text), 77, &err);
    ok(!bad && keyset_count(&s) == n + 1, "%s: keys are added", where);
    ok(s.log.in_file == (most != 0), "%s: that is where they are", where);
    ok(found(&s, 0, n, 1, false) == n, "%s: each is found, with its file; of two the first", where);
    ok(s.slots.in_file == (most != 0 && most < 1000), "%s: and the table of places", where);
    ok(found(&s, n, 2 * n, 1, false) == 0, "%s: no other is", where);
    ok(keyset_find(&s, str_of("none"), str_of("0"), &item, &err) == 0, "%s: nor in a table without keys", where);
    found(&s, 0, n, 3, true);
    while ((got = keyset_next(&s, &walk, str_of("odd"), &item, &err)) == 1) {
        marked += item.marks == 3;
        left += !item.marks;
        wrong += !str_is(item.table, "odd") || item.at <= last;
        last = item.at;
    }
    ok(got == 0 && left == n / 2 - n / 6 && marked == n / 6 && !wrong, "%s: what is not marked is left, of its table", where);
    ok(!err.scope, "%s: no failure", where);
    keyset_walk_release(&walk);
    keyset_release(&s);
}

static void without_room(void)
{
    struct keyset s = {.most = 100};
    struct err err = {0};
    int bad = 0;

    setenv("TMPDIR", "/nowhere", 1);
    for (unsigned i = 0; i < 100 && !bad; i++)
        bad = keyset_add(&s, str_of("t"), str_of("a key of some length"), 0, &err);
    ok(bad && err.scope == ERR_RUN && err.code == W0619 && err.help[0], "no directory for temporary files: refused, with help");
    err_release(&err);
    keyset_release(&s);
    unsetenv("TMPDIR");
}

static void empty(void)
{
    struct keyset s = {0};
    struct keyset_walk walk = {0};
    struct keyset_item item;
    struct err err = {0};

    ok(keyset_find(&s, str_of("t"), str_of(""), &item, &err) == 0 && keyset_next(&s, &walk, str_of("t"), &item, &err) == 0,
       "an empty set has nothing");
    ok(keyset_add(&s, str_of("t"), (struct str){0}, 3, &err) == 0 && keyset_find(&s, str_of("t"), str_of(""), &item, &err) == 1 &&
       item.file == 3 && !item.marks, "the empty key is a key");
    keyset_walk_release(&walk);
    keyset_release(&s);
}

int main(void)
{
    many(0, "in memory");
    many(100, "in files");
    many(1 << 20, "log in a file, table in memory");
    without_room();
    empty();
    return done_testing();
}
