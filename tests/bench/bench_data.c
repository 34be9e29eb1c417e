/* Makes the data sets of scripts/bench, the same bytes every time:
 *
 *     bench_data narrow ROWS FORM     10 columns a row, about 190 bytes as JSON
 *     bench_data wide ROWS FORM       a uuid and an object of about 1 KB
 *     bench_data small FILES DIR      JSON documents of 2 to 10 KB, a thousand to a directory, below DIR
 *
 * FORM is jsonl, text (COPY's), binary (COPY's) or csv (narrow: with a number in front, which is the key); the rows go
 * to stdout. */
#include "base/buf.h"

#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum form { JSONL, TEXT, BINARY, CSV };

struct random {
    uint64_t state;
};

/* splitmix64 */
static uint64_t next(struct random *r)
{
    uint64_t z = r->state += 0x9e3779b97f4a7c15u;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static unsigned below(struct random *r, unsigned n)
{
    return (unsigned)((next(r) >> 32) * n >> 32);
}

static const char *const words[] = {
    "hay", "meadow", "scythe", "barn", "clover", "Gr\xc3\xbcnland", "field", "rake", "harvest", "morning", "dew", "cart",
    "stack", "weather", "\xe5\xb9\xb2\xe8\x8d\x89", "straw", "mower", "pasture", "autumn", "fence", "brook", "hill", "acre", "seed",
};
static const char *const kinds[] = {"purchase", "refund", "transfer", "fee"};
static const char *const cities[] = {"Berlin", "Paris", "Roma", "Oslo", "Lima", "K\xc3\xb8" "benhavn", "Hanoi", "Quito"};

static void die(const char *what)
{
    fprintf(stderr, "bench_data: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void add(struct buf *out, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void add(struct buf *out, const char *format, ...)
{
    char text[512];
    va_list args;
    int n;

    va_start(args, format);
    n = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (buf_add(out, text, (size_t)n) < 0)
        die("no memory");
}

static void add_words(struct buf *out, struct random *r, unsigned n)
{
    while (n--)
        add(out, "%s%s", words[below(r, ARRAY_LEN(words))], n ? " " : "");
}

/* --- narrow --- */

struct narrow {
    uint64_t user_id, reference;
    char name[32], created[32], note[160];
    const char *kind, *city;
    unsigned cents, whole, score, day, second;
    bool active;
};

static void make_narrow(struct random *r, uint64_t i, struct narrow *n)
{
    struct buf note = BUF_INIT;

    n->user_id = 1000000 + below(r, 900000);
    snprintf(n->name, sizeof n->name, "user_%" PRIu64, i % 99991);
    n->kind = kinds[below(r, ARRAY_LEN(kinds))];
    n->whole = below(r, 5000);
    n->cents = below(r, 100);
    n->score = below(r, 1000);
    n->active = below(r, 3) != 0;
    n->day = 19723 + below(r, 28);          /* January 2024 */
    n->second = below(r, 86400);
    snprintf(n->created, sizeof n->created, "2024-01-%02uT%02u:%02u:%02uZ", n->day - 19722, n->second / 3600,
             n->second / 60 % 60, n->second % 60);
    n->city = cities[below(r, ARRAY_LEN(cities))];
    add_words(&note, r, 4 + below(r, 3));
    snprintf(n->note, sizeof n->note, "%s", buf_text(&note));
    n->reference = next(r);
    buf_release(&note);
}

static void narrow_json(const struct narrow *n, struct buf *out)
{
    add(out, "{\"user\":%" PRIu64 ",\"name\":\"%s\",\"kind\":\"%s\",\"amount\":%u.%02u,\"score\":%u,\"active\":%s,\"created\":\"%s\",",
        n->user_id, n->name, n->kind, n->whole, n->cents, n->score, n->active ? "true" : "false", n->created);
    add(out, "\"city\":\"%s\",\"note\":\"%s\",\"ref\":\"%016" PRIx64 "\"}\n", n->city, n->note, n->reference);
}

static void narrow_text(const struct narrow *n, char separator, struct buf *out)
{
    char s = separator;

    add(out, "%" PRIu64 "%c%s%c%s%c%u.%02u%c%u%c%s%c%s%c", n->user_id, s, n->name, s, n->kind, s, n->whole, n->cents, s, n->score, s,
        n->active ? "true" : "false", s, n->created, s);
    add(out, "%s%c%s%c%016" PRIx64 "\n", n->city, s, n->note, s, n->reference);
}

static void put(struct buf *out, const void *at, size_t n)
{
    if (buf_add(out, at, n) < 0)
        die("no memory");
}

static void put16(struct buf *out, uint16_t n)
{
    n = htobe16(n);
    put(out, &n, 2);
}

static void put32(struct buf *out, uint32_t n)
{
    n = htobe32(n);
    put(out, &n, 4);
}

static void put64(struct buf *out, uint64_t n)
{
    n = htobe64(n);
    put(out, &n, 8);
}

static void put_bytes(struct buf *out, const char *text, size_t n)
{
    put32(out, (uint32_t)n);
    put(out, text, n);
}

static void put_text(struct buf *out, const char *text)
{
    put_bytes(out, text, strlen(text));
}

/* Whole part below 10,000, two digits behind the point. */
static void put_numeric(struct buf *out, unsigned whole, unsigned cents)
{
    bool has_whole = whole > 0, has_cents = cents > 0;

    put32(out, 8 + 2 * (uint32_t)(has_whole + has_cents));
    put16(out, (uint16_t)(has_whole + has_cents));
    put16(out, has_whole || !has_cents ? 0 : 0xffff);
    put16(out, 0);
    put16(out, 2);
    if (has_whole)
        put16(out, (uint16_t)whole);
    if (has_cents)
        put16(out, (uint16_t)(cents * 100));
}

static void narrow_binary(const struct narrow *n, struct buf *out)
{
    char reference[17];
    char active = (char)n->active;

    put16(out, 10);
    put32(out, 8);
    put64(out, n->user_id);
    put_text(out, n->name);
    put_text(out, n->kind);
    put_numeric(out, n->whole, n->cents);
    put32(out, 4);
    put32(out, n->score);
    put_bytes(out, &active, 1);
    put32(out, 8);
    put64(out, ((uint64_t)(n->day - 10957) * 86400 + n->second) * 1000000);
    put_text(out, n->city);
    put_text(out, n->note);
    snprintf(reference, sizeof reference, "%016" PRIx64, n->reference);
    put_text(out, reference);
}

/* --- wide --- */

static void add_uuid(struct buf *out, uint64_t high, uint64_t low)
{
    add(out, "%08x-%04x-4%03x-8%03x-%012" PRIx64, (unsigned)(high >> 32), (unsigned)(high >> 16) & 0xffff, (unsigned)high & 0xfff,
        (unsigned)(low >> 48) & 0xfff, low & 0xffffffffffffu);
}

/* An object of about `size` bytes, without line ends. */
static void add_object(struct buf *out, struct random *r, size_t size)
{
    size_t start = out->len;

    add(out, "{\"title\":\"");
    add_words(out, r, 5);
    add(out, "\",\"lang\":\"en\",\"retries\":%u,\"ratio\":%u.%03u,\"open\":%s,\"tags\":[\"%s\",\"%s\"],\"messages\":[", below(r, 9),
        below(r, 10), below(r, 1000), below(r, 2) ? "true" : "false", words[below(r, 24)], words[below(r, 24)]);
    for (unsigned i = 0; out->len - start + 40 < size; i++) {
        add(out, "%s{\"role\":\"%s\",\"at\":%u,\"text\":\"", i ? "," : "", i % 2 ? "reader" : "writer", 1700000000 + below(r, 9999999));
        add_words(out, r, 12);
        add(out, "%s\"}", below(r, 4) ? "" : "\\n\\\"so it went\\\"");
    }
    add(out, "],\"done\":null}");
}

static void add_escaped(struct buf *out, struct str text, enum form form)
{
    if (form == CSV)
        add(out, "\"");
    for (size_t i = 0; i < text.len; i++) {
        if ((form == TEXT && text.at[i] == '\\') || (form == CSV && text.at[i] == '"'))
            put(out, &text.at[i], 1);
        put(out, &text.at[i], 1);
    }
    if (form == CSV)
        add(out, "\"");
}

static void wide_row(struct random *r, enum form form, struct buf *body, struct buf *out)
{
    uint64_t high = next(r), low = next(r);
    struct buf id = BUF_INIT;

    buf_clear(body);
    add_object(body, r, 940);
    if (form == BINARY) {
        put16(out, 2);
        put32(out, 16);
        put64(out, (high & ~(uint64_t)0xffff) | 0x4000 | (high & 0xfff));
        put64(out, (low & 0x0fffffffffffffffu) | (uint64_t)8 << 60);
        put32(out, (uint32_t)body->len + 1);
        put(out, "\1", 1);
        put(out, body->at, body->len);
        return;
    }
    add_uuid(&id, high, low);
    if (form == JSONL) {
        add(out, "{\"id\":\"%s\",\"body\":", buf_text(&id));
        put(out, body->at, body->len);
        put(out, "}\n", 2);
    } else {
        add(out, "%s%c", buf_text(&id), form == CSV ? ',' : '\t');
        add_escaped(out, buf_str(body), form);
        put(out, "\n", 1);
    }
    buf_release(&id);
}

/* --- */

static void rows(bool wide, uint64_t n, enum form form)
{
    struct random r = {wide ? 2 : 1};
    struct buf out = BUF_INIT, body = BUF_INIT;
    struct narrow row;

    if (form == BINARY)
        put(&out, "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0", 19);
    for (uint64_t i = 0; i < n; i++) {
        if (wide)
            wide_row(&r, form, &body, &out);
        else
            make_narrow(&r, i, &row);
        if (!wide && form == JSONL)
            narrow_json(&row, &out);
        else if (!wide && form == BINARY)
            narrow_binary(&row, &out);
        else if (!wide && form == TEXT)
            narrow_text(&row, '\t', &out);
        else if (!wide) {
            add(&out, "%" PRIu64 ",", i + 1);
            narrow_text(&row, ',', &out);
        }
        if (out.len > 1 << 16) {
            if (fwrite(out.at, 1, out.len, stdout) != out.len)
                die("stdout");
            buf_clear(&out);
        }
    }
    if (form == BINARY)
        put(&out, "\377\377", 2);
    if (fwrite(out.at, 1, out.len, stdout) != out.len || fflush(stdout) != 0)
        die("stdout");
    buf_release(&out);
    buf_release(&body);
}

static void small_files(uint64_t n, const char *directory)
{
    struct random r = {3};
    struct buf out = BUF_INIT;
    char path[4096];

    if (mkdir(directory, 0777) < 0 && errno != EEXIST)
        die(directory);
    for (uint64_t i = 0; i < n; i++) {
        FILE *file;

        if (i % 1000 == 0) {
            snprintf(path, sizeof path, "%s/s%05" PRIu64, directory, i / 1000);
            if (mkdir(path, 0777) < 0)
                die(path);
        }
        buf_clear(&out);
        add(&out, "{\"id\":%" PRIu64 ",\"body\":", i);
        add_object(&out, &r, 1900 + below(&r, 8000));
        add(&out, "}\n");
        snprintf(path, sizeof path, "%s/s%05" PRIu64 "/item%03" PRIu64 ".json", directory, i / 1000, i % 1000);
        file = fopen(path, "w");
        if (!file || fwrite(out.at, 1, out.len, file) != out.len || fclose(file) != 0)
            die(path);
    }
    buf_release(&out);
}

int main(int argc, char **argv)
{
    static const char *const forms[] = {"jsonl", "text", "binary", "csv"};
    uint64_t n = argc == 4 ? strtoull(argv[2], NULL, 10) : 0;

    if (n && strcmp(argv[1], "small") == 0) {
        small_files(n, argv[3]);
        return 0;
    }
    for (unsigned form = 0; n && form < ARRAY_LEN(forms); form++) {
        if (strcmp(argv[3], forms[form]) == 0 && (strcmp(argv[1], "wide") == 0 || strcmp(argv[1], "narrow") == 0)) {
            rows(argv[1][0] == 'w', n, (enum form)form);
            return 0;
        }
    }
    fputs("usage: bench_data narrow|wide ROWS jsonl|text|binary|csv, or bench_data small FILES DIR\n", stderr);
    return 2;
}
