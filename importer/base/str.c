/* Views of bytes, see base/str.h. */
#include "base/str.h"

#include <stdlib.h>

int str_cmp(struct str a, struct str b)
{
    size_t n = a.len < b.len ? a.len : b.len;
    int c = n ? memcmp(a.at, b.at, n) : 0;

    return c ? c : (a.len > b.len) - (a.len < b.len);
}

bool str_starts(struct str s, struct str prefix)
{
    return s.len >= prefix.len && memcmp(s.at, prefix.at, prefix.len) == 0;
}

bool str_ends(struct str s, struct str suffix)
{
    return s.len >= suffix.len && memcmp(s.at + s.len - suffix.len, suffix.at, suffix.len) == 0;
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

struct str str_trim(struct str s)
{
    while (s.len && is_space(s.at[0])) {
        s.at++;
        s.len--;
    }
    while (s.len && is_space(s.at[s.len - 1]))
        s.len--;
    return s;
}

bool str_parse_uint64(struct str s, uint64_t *ret)
{
    uint64_t n = 0;

    if (s.len == 0)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        if (s.at[i] < '0' || s.at[i] > '9' || __builtin_mul_overflow(n, 10, &n) ||
            __builtin_add_overflow(n, (uint64_t)(s.at[i] - '0'), &n))
            return false;
    }
    *ret = n;
    return true;
}

bool str_parse_int64(struct str s, int64_t *ret)
{
    bool negative = s.len && s.at[0] == '-';
    uint64_t n;

    if (negative || (s.len && s.at[0] == '+'))
        s = str_make(s.at + 1, s.len - 1);
    if (!str_parse_uint64(s, &n) || n > (uint64_t)INT64_MAX + negative)
        return false;
    *ret = negative ? (int64_t)(0 - n) : (int64_t)n;
    return true;
}

static int size_shift(char c)
{
    switch (c) {
    case 'k': case 'K': return 10;
    case 'm': case 'M': return 20;
    case 'g': case 'G': return 30;
    case 't': case 'T': return 40;
    default: return -1;
    }
}

bool str_parse_size(struct str s, uint64_t *ret)
{
    char text[32], *end;
    double n;
    int shift = 0;

    if (s.len == 0 || s.len >= sizeof text || s.at[0] < '0' || s.at[0] > '9')
        return false;
    memcpy(text, s.at, s.len);
    text[s.len] = '\0';
    n = strtod(text, &end);
    if (*end && size_shift(*end) > 0)
        shift = size_shift(*end++);
    if (strcmp(end, "") != 0 && strcmp(end, "B") != 0 && strcmp(end, "iB") != 0)
        return false;
    n *= (double)(1ULL << shift);
    if (!(n >= 0 && n < 9e18))
        return false;
    *ret = (uint64_t)n;
    return true;
}

char *str_dup(struct str s)
{
    char *copy = malloc(s.len + 1);

    if (!copy)
        return NULL;
    if (s.len)
        memcpy(copy, s.at, s.len);
    copy[s.len] = '\0';
    return copy;
}

size_t str_cut_utf8(struct str s, size_t max)
{
    size_t n = max;

    if (s.len <= max && (s.len == 0 || !(s.at[s.len - 1] & 0x80)))
        return s.len;
    if (s.len < n)
        n = s.len;
    for (size_t back = 1; back <= 4 && back <= n; back++) {
        unsigned char c = (unsigned char)s.at[n - back];
        size_t need = c < 0x80 ? 1 : c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : c >= 0xc0 ? 2 : 0;

        if (need)
            return back >= need ? n : n - back;
    }
    return n;
}

/* The length of the valid character at s.at[i], or 0. */
static size_t char_length(struct str s, size_t i)
{
    const unsigned char *p = (const unsigned char *)s.at + i;
    size_t left = s.len - i;

    if (p[0] < 0x80)
        return 1;
    if (p[0] >= 0xc2 && p[0] <= 0xdf)
        return left >= 2 && (p[1] & 0xc0) == 0x80 ? 2 : 0;
    if (p[0] >= 0xe0 && p[0] <= 0xef) {
        unsigned char low = p[0] == 0xe0 ? 0xa0 : 0x80, high = p[0] == 0xed ? 0x9f : 0xbf;

        return left >= 3 && p[1] >= low && p[1] <= high && (p[2] & 0xc0) == 0x80 ? 3 : 0;
    }
    if (p[0] >= 0xf0 && p[0] <= 0xf4) {
        unsigned char low = p[0] == 0xf0 ? 0x90 : 0x80, high = p[0] == 0xf4 ? 0x8f : 0xbf;

        return left >= 4 && p[1] >= low && p[1] <= high && (p[2] & 0xc0) == 0x80 && (p[3] & 0xc0) == 0x80 ? 4 : 0;
    }
    return 0;
}

size_t str_utf8_invalid_at(struct str s)
{
    size_t i = 0;

    while (i < s.len) {
        uint64_t eight;
        size_t n;

        if (s.len - i >= 8) {
            memcpy(&eight, s.at + i, 8);
            if (!(eight & 0x8080808080808080ULL)) {
                i += 8;
                continue;
            }
        }
        n = char_length(s, i);
        if (n == 0)
            return i;
        i += n;
    }
    return s.len;
}

size_t str_utf8_count(struct str s)
{
    size_t n = 0;

    for (size_t i = 0; i < s.len; i++)
        n += (s.at[i] & 0xc0) != 0x80;
    return n;
}

static size_t edit_distance(struct str a, struct str b)
{
    enum { MAX = 64 };
    size_t row[MAX + 1];

    if (a.len > MAX || b.len > MAX)
        return MAX;
    for (size_t j = 0; j <= b.len; j++)
        row[j] = j;
    for (size_t i = 1; i <= a.len; i++) {
        size_t diagonal = row[0];

        row[0] = i;
        for (size_t j = 1; j <= b.len; j++) {
            size_t best = diagonal + (a.at[i - 1] != b.at[j - 1]);

            diagonal = row[j];
            if (row[j] + 1 < best)
                best = row[j] + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            row[j] = best;
        }
    }
    return row[b.len];
}

const char *str_nearest(struct str word, const char *const *candidates, size_t n)
{
    const char *nearest = NULL;
    size_t best = word.len / 3 + 2;

    for (size_t i = 0; i < n; i++) {
        size_t distance = edit_distance(word, str_of(candidates[i]));

        if (distance < best) {
            best = distance;
            nearest = candidates[i];
        }
    }
    return nearest;
}

uint64_t str_hash(struct str s)
{
    uint64_t h = 0xcbf29ce484222325ULL;

    for (size_t i = 0; i < s.len; i++)
        h = (h ^ (unsigned char)s.at[i]) * 0x100000001b3ULL;
    return h;
}
