/* Lists of keys and of files as the ledger keeps them: what goes in comes out, and damaged bytes are refused, never read over. */
#include "tap.h"

#include "ledger/keys.h"
#include "ledger/unit.h"

#include <stdlib.h>

static uint64_t seed = 1;

static unsigned any(unsigned below)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(seed >> 33) % below;
}

enum { ITEMS = 2000, KEY_MAX = 300 };
static char bytes[KEY_MAX];

static struct keys_item item_of(unsigned i)
{
    static const char *const tables[] = {"users", "a table \"with\" quotes", "", "events"};
    static const uint64_t lines[] = {1, 1, UINT64_MAX, 0, 1000000000000, 5};

    for (unsigned k = 0; k < KEY_MAX; k++)
        bytes[k] = (char)(i * 31 + k);
    return (struct keys_item){.table = str_of(tables[i / 100 % 4]), .file = i % 3 ? i : UINT32_MAX - 1, .line = lines[i % 6] + i % 2,
                              .key = str_make(bytes, i * 7 % KEY_MAX)};
}

static bool same(const struct keys_item *a, const struct keys_item *b)
{
    return str_eq(a->table, b->table) && a->file == b->file && a->line == b->line && str_eq(a->key, b->key);
}

static void keys_there_and_back(struct buf *ret)
{
    struct keys_writer w = {.bytes = BUF_INIT};
    struct keys_reader r;
    struct keys_item item;
    struct err err = {0};
    unsigned n = 0, good = 0;
    int got;

    for (unsigned i = 0; i < ITEMS; i++) {
        item = item_of(i);
        good += keys_add(&w, &item) == 0;
    }
    ok(good == ITEMS, "keys of all sizes, files and lines are packed");
    r = (struct keys_reader){.rest = buf_str(&w.bytes)};
    good = 0;
    while ((got = keys_next(&r, &item, &err)) == 1 && n < ITEMS) {
        struct keys_item expected = item_of(n++);

        good += same(&item, &expected);
    }
    ok(got == 0 && n == ITEMS && good == ITEMS, "and come out in their order, with table, file, line and bytes");
    *ret = w.bytes;
}

/* Every prefix, and bytes changed at random: an end or a refusal, within what was given (the sanitizers see to that). */
static void damaged_keys(const struct buf *whole)
{
    unsigned refused = 0, ended = 0, endless = 0;

    for (size_t cut = 0; cut < 5000; cut++) {
        size_t len = cut < 2500 ? cut : any((unsigned)whole->len);
        char *exact = malloc(len + 1);
        struct keys_reader r = {.rest = str_make(exact, len)};
        struct keys_item item;
        struct err err = {0};
        size_t n = 0;
        int got;

        if (!exact)
            break;
        memcpy(exact, whole->at, len);
        for (unsigned k = 0; k < 4 && len && cut >= 2500; k++)
            exact[any((unsigned)len)] = (char)any(256);
        while ((got = keys_next(&r, &item, &err)) == 1 && n <= len)
            n += item.key.len < SIZE_MAX;
        endless += got == 1;
        ended += got == 0;
        refused += got < 0 && err.code == W0604 && err.scope == ERR_RUN;
        err_release(&err);
        free(exact);
    }
    ok(!endless && refused + ended == 5000 && refused > 1000, "damaged lists of keys end, most of them in a refusal (%u)", refused);
}

static void overlong(void)
{
    /* file, line 0, and a length that wraps around when it is added to the place */
    static const char wraps[] = "\0\1t\1\0\xff\xff\xff\xff\xff\xff\xff\xff\xff\1k";
    struct keys_reader r = {.rest = str_make(wraps, sizeof wraps - 1)};
    struct keys_item item;
    struct err err = {0};

    ok(keys_next(&r, &item, &err) < 0 && err.code == W0604, "a length beyond the end is refused");
    err_release(&err);
}

static void files_there_and_back(struct buf *ret)
{
    struct unit u = {0}, back = {0};
    struct err err = {0};
    unsigned good = 0;

    for (unsigned i = 0; i < 50; i++) {
        struct entry file = {.kind = i % 5 ? ENTRY_FILE : ENTRY_DIRECTORY, .root = i % 3, .size = i ? UINT64_MAX / i : 0,
                             .mtime_ns = i % 2 ? -(int64_t)i : INT64_MAX, .path = str_make(bytes, i * 5)};

        good += unit_add(&u, &file) == 0;
    }
    ok(good == 50 && unit_pack(&u, ret) == 0 && unit_unpack(&back, buf_str(ret), &err) == 0 && back.n_files == 50,
       "a list of files is packed and read back");
    good = 0;
    for (size_t i = 0; i < back.n_files; i++)
        good += back.files[i].kind == u.files[i].kind && back.files[i].root == u.files[i].root && back.files[i].size == u.files[i].size &&
                back.files[i].mtime_ns == u.files[i].mtime_ns && str_eq(back.files[i].path, u.files[i].path);
    ok(good == 50, "with kinds, sizes, times and any bytes in their paths");
    unit_release(&u);
    unit_release(&back);
}

static void damaged_files(const struct buf *whole)
{
    unsigned refused = 0, tries = 0;

    for (size_t i = 0; i < whole->len + 1000; i++) {
        size_t len = i < whole->len ? i : whole->len;
        char *exact = malloc(len + 1);
        struct unit u = {0};
        struct err err = {0};

        if (!exact)
            break;
        memcpy(exact, whole->at, len);
        if (i >= whole->len)
            exact[any((unsigned)len)] ^= (char)(1 + any(255));
        tries++;
        refused += unit_unpack(&u, str_make(exact, len), &err) < 0 && err.code == W0604;
        unit_release(&u);
        err_release(&err);
        free(exact);
    }
    ok(refused == tries, "a list of files with a byte missing or changed is refused (%u of %u)", refused, tries);
}

int main(void)
{
    struct buf keys = BUF_INIT, files = BUF_INIT;

    keys_there_and_back(&keys);
    damaged_keys(&keys);
    overlong();
    files_there_and_back(&files);
    damaged_files(&files);
    buf_release(&keys);
    buf_release(&files);
    return done_testing();
}
