/* Does a path match a pattern, and with which captures: a backtracking matcher with a budget, and one that
 * cannot be made slow for the paths that exhaust it. */
#include "source/pattern_internal.h"

enum { NO_END = -1, LOOSE_BYTES_MAX = 1024 };

struct match {
    const struct pattern *p;
    struct str path;
    struct str values[PATTERN_CAPTURES_MAX];    /* of captures that are known; at = NULL where not */
    bool fixed[PATTERN_CAPTURES_MAX];           /* known from the start, not by this match */
    uint64_t steps;
    bool gave_up;
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool starts_at(struct str path, size_t at, struct str text)
{
    return path.len - at >= text.len && memcmp(path.at + at, text.at, text.len) == 0;
}

bool part_allows(const struct part *part, struct str value)
{
    if (!value.at || value.len == 0)
        return false;
    switch (part->kind) {
    case PART_NAME:
        return !memchr(value.at, '/', value.len);
    case PART_INT:
        for (size_t i = 0; i < value.len; i++)
            if (!is_digit(value.at[i]))
                return false;
        return true;
    case PART_WORDS:
        for (size_t i = 0; i < part->n_words; i++)
            if (str_eq(part->words[i], value))
                return true;
        return false;
    default:
        return true;
    }
}

/* The value that this part can only have, or at = NULL. */
static struct str only_value(const struct match *m, const struct part *part)
{
    if (part->kind == PART_BYTES)
        return part->text;
    if (part_is_capture(part) && (part->again || m->fixed[part->capture]))
        return m->values[part->capture];
    return str_make(NULL, 0);
}

static int64_t word_end(const struct part *part, struct str path, size_t from, size_t end)
{
    for (size_t i = 0; i < part->n_words; i++)
        if (from + part->words[i].len >= end && starts_at(path, from, part->words[i]))
            return (int64_t)(from + part->words[i].len);
    return NO_END;
}

/* The first place from `end` on where the part can end that began at `from`. Ends are asked for one after the
 * other, so everything between `from` and `end` is known to suit the part. */
static int64_t next_end(const struct match *m, const struct part *part, size_t from, size_t end)
{
    struct str path = m->path, only = only_value(m, part);
    const char *slash;

    if (only.at) {
        bool suits = part->kind == PART_BYTES || part_allows(part, only);

        return suits && from + only.len >= end && starts_at(path, from, only) ? (int64_t)(from + only.len) : NO_END;
    }
    if (part->kind == PART_WORDS)
        return word_end(part, path, from, end);
    if (end == from && (part->kind == PART_RUN || part->kind == PART_ANY || part->kind == PART_FOLDERS))
        return (int64_t)end;
    if (end == from)
        end++;
    if (end > path.len || (part->kind == PART_ONE && end > from + 1))
        return NO_END;
    switch (part->kind) {
    case PART_FOLDERS:
        slash = memchr(path.at + end - 1, '/', path.len - end + 1);
        return slash ? slash - path.at + 1 : NO_END;
    case PART_INT:
        return is_digit(path.at[end - 1]) ? (int64_t)end : NO_END;
    case PART_ANY:
    case PART_DEEP:
        return (int64_t)end;
    default:
        return path.at[end - 1] != '/' ? (int64_t)end : NO_END;
    }
}

static bool try_parts(struct match *m, size_t i, size_t from);

/* Recursion is as deep as the pattern has parts, PATTERN_PARTS_MAX. */
static bool try_ends(struct match *m, size_t i, size_t from)
{
    const struct part *part = &m->p->parts[i], *next = part + 1;
    bool last = i + 1 == m->p->n_parts, catches = part_is_capture(part) && !part->again && !m->fixed[part->capture];
    char lead = !last && next->kind == PART_BYTES ? next->text.at[0] : '\0';
    int64_t end;

    for (end = next_end(m, part, from, from); end != NO_END; end = next_end(m, part, from, (size_t)end + 1)) {
        if (m->steps-- == 0)
            m->gave_up = true;
        if (m->gave_up)
            return false;
        if (last ? (size_t)end < m->path.len : lead && ((size_t)end == m->path.len || m->path.at[end] != lead))
            continue;
        if (catches)
            m->values[part->capture] = str_make(m->path.at + from, (size_t)end - from);
        if (try_parts(m, i + 1, (size_t)end))
            return true;
    }
    if (catches)
        m->values[part->capture] = str_make(NULL, 0);
    return false;
}

static bool try_parts(struct match *m, size_t i, size_t from)
{
    for (; i < m->p->n_parts; i++) {
        const struct part *part = &m->p->parts[i];

        if (part->kind != PART_BYTES)
            return try_ends(m, i, from);
        if (!starts_at(m->path, from, part->text))
            return false;
        from += part->text.len;
    }
    return from == m->path.len;
}

static struct match match_make(const struct pattern *p, struct str path, const struct str *bound)
{
    struct match m = {.p = p, .path = path};

    for (size_t i = 0; bound && i < p->n_captures; i++) {
        m.values[i] = bound[i];
        m.fixed[i] = bound[i].at != NULL;
    }
    return m;
}

enum quick pattern_match_quick(const struct pattern *p, struct str path, const struct str *bound,
                               struct str *captures)
{
    struct match m = match_make(p, path, bound);

    m.steps = 8 * path.len + 256;
    if (!try_parts(&m, 0, 0))
        return m.gave_up ? QUICK_GAVE_UP : QUICK_NO;
    memcpy(captures, m.values, p->n_captures * sizeof *captures);
    return QUICK_YES;
}

/* Bit i of a row: the parts from a certain one on match the path from byte i on. The row of a part is made from
 * that of the part to its right, in place: every change below reads only bits that are still the old ones. */
struct row {
    uint64_t bits[PATTERN_PATH_MAX / 64 + 1];
};

static bool row_get(const struct row *r, size_t i)
{
    return r->bits[i / 64] >> (i % 64) & 1;
}

static void row_put(struct row *r, size_t i, bool bit)
{
    r->bits[i / 64] = (r->bits[i / 64] & ~(1ULL << (i % 64))) | (uint64_t)bit << (i % 64);
}

static void row_bytes(struct row *r, struct str path, struct str text)
{
    for (size_t i = 0; i <= path.len; i++)
        row_put(r, i, starts_at(path, i, text) && row_get(r, i + text.len));
}

static void row_words(struct row *r, struct str path, const struct part *part)
{
    for (size_t i = 0; i <= path.len; i++) {
        bool any = false;

        for (size_t w = 0; w < part->n_words && !any; w++)
            any = starts_at(path, i, part->words[w]) && row_get(r, i + part->words[w].len);
        row_put(r, i, any);
    }
}

static bool suits(enum part_kind kind, char c)
{
    return kind == PART_INT ? is_digit(c) : kind == PART_ANY || kind == PART_DEEP ? true : c != '/';
}

/* From the last byte to the first: `longer` says that the part may begin here and end further right. */
static void row_run(struct row *r, struct str path, enum part_kind kind)
{
    bool may_be_empty = kind == PART_RUN || kind == PART_ANY, right = false, now = false;

    for (size_t i = path.len + 1; i-- > 0; ) {
        bool here = row_get(r, i), on = right || (now && kind != PART_ONE);
        bool longer = i < path.len && suits(kind, path.at[i]) && on;

        now = longer || (may_be_empty && here);
        right = here;
        row_put(r, i, now);
    }
}

static void row_folders(struct row *r, struct str path)
{
    bool later = false;

    for (size_t i = path.len + 1; i-- > 0; ) {
        bool here = row_get(r, i);

        row_put(r, i, here || later);
        later |= here && i > 0 && path.at[i - 1] == '/';
    }
}

static void row_before(struct row *r, const struct match *m, const struct part *part)
{
    struct str only = only_value(m, part);

    if (only.at && part->kind != PART_BYTES && !part_allows(part, only))
        memset(r->bits, 0, (m->path.len / 64 + 1) * sizeof r->bits[0]);
    else if (only.at)
        row_bytes(r, m->path, only);
    else if (part->kind == PART_WORDS)
        row_words(r, m->path, part);
    else if (part->kind == PART_FOLDERS)
        row_folders(r, m->path);
    else
        row_run(r, m->path, part->kind);
}

/* The row of part `first`. */
static void row_make(struct row *r, const struct match *m, size_t first)
{
    memset(r->bits, 0, (m->path.len / 64 + 1) * sizeof r->bits[0]);
    row_put(r, m->path.len, true);
    for (size_t i = m->p->n_parts; i-- > first; )
        row_before(r, m, &m->p->parts[i]);
}

/* With every name that stands twice fixed. Each part takes the first end from which the rest can match. */
static bool match_by_rows(struct match *m)
{
    struct row row;
    size_t from = 0;

    row_make(&row, m, 0);
    if (!row_get(&row, 0))
        return false;
    for (size_t i = 0; i < m->p->n_parts; i++) {
        const struct part *part = &m->p->parts[i];
        int64_t end = next_end(m, part, from, from);

        if (part->kind != PART_BYTES && part->kind != PART_ONE) {
            row_make(&row, m, i + 1);
            while (end != NO_END && !row_get(&row, (size_t)end))
                end = next_end(m, part, from, (size_t)end + 1);
        }
        if (end == NO_END)
            BUG("a path that matches has no place for part %zu", i);
        if (part_is_capture(part) && !part->again && !m->fixed[part->capture])
            m->values[part->capture] = str_make(m->path.at + from, (size_t)end - from);
        from = (size_t)end;
    }
    return true;
}

static bool segment_find(struct str path, uint32_t number, struct str *ret)
{
    const char *at = path.at, *end = path.at + path.len, *slash;

    for (uint32_t i = 0; i < number; i++) {
        slash = memchr(at, '/', (size_t)(end - at));
        if (!slash)
            return false;
        at = slash + 1;
    }
    slash = memchr(at, '/', (size_t)(end - at));
    *ret = str_make(at, (size_t)((slash ? slash : end) - at));
    return true;
}

static bool match_loose(struct match *m, size_t loose)
{
    const struct capture *c = &m->p->captures[loose];
    struct str name;

    if (!segment_find(m->path, c->segment, &name))
        return false;
    m->fixed[loose] = true;
    for (size_t len = 1; (size_t)c->offset + len <= name.len && len <= LOOSE_BYTES_MAX; len++) {
        m->values[loose] = str_make(name.at + c->offset, len);
        if (match_by_rows(m))
            return true;
    }
    return false;
}

bool pattern_match_slow(const struct pattern *p, struct str path, const struct str *bound, struct str *captures)
{
    struct match m = match_make(p, path, bound);
    size_t loose = SIZE_MAX;
    bool good;

    for (size_t i = 0; i < p->n_captures; i++) {
        if (m.fixed[i] || p->captures[i].place == CAPTURE_ONCE)
            continue;
        if (p->captures[i].place == CAPTURE_LOOSE) {
            loose = i;
            continue;
        }
        if (!segment_find(path, p->captures[i].segment, &m.values[i]))
            return false;
        m.fixed[i] = true;
    }
    good = loose == SIZE_MAX ? match_by_rows(&m) : match_loose(&m, loose);
    if (good)
        memcpy(captures, m.values, p->n_captures * sizeof *captures);
    return good;
}

/* Most paths fail here: the last plain bytes of a pattern say ".jsonl". */
static bool ends_agree(const struct pattern *p, struct str path)
{
    const struct part *last = &p->parts[p->n_parts - 1];

    if (path.len == 0 || path.len > PATTERN_PATH_MAX)
        return false;
    return last->kind != PART_BYTES || str_ends(path, last->text);
}

static bool match(const struct pattern *p, struct str path, const struct str *bound, struct str *captures)
{
    enum quick quick;

    if (!ends_agree(p, path))
        return false;
    quick = pattern_match_quick(p, path, bound, captures);
    return quick == QUICK_GAVE_UP ? pattern_match_slow(p, path, bound, captures) : quick == QUICK_YES;
}

bool pattern_match_bound(const struct pattern *p, struct str path, const struct str bound[PATTERN_CAPTURES_MAX],
                         struct str captures[PATTERN_CAPTURES_MAX])
{
    if (path.len == 0 || (path.at[path.len - 1] == '/') != p->directory)
        return false;
    return match(p, path, bound, captures);
}

bool pattern_match(const struct pattern *p, struct str path, struct str captures[PATTERN_CAPTURES_MAX])
{
    return pattern_match_bound(p, path, NULL, captures);
}

bool pattern_match_skip(const struct pattern *p, struct str path)
{
    struct str captures[PATTERN_CAPTURES_MAX], name = path;
    bool directory = path.len > 0 && path.at[path.len - 1] == '/';
    const char *slash;

    if (p->directory && !directory)
        return false;
    if (directory && !p->directory)
        name.len--;
    if (p->inner_slash)
        return match(p, name, NULL, captures);
    slash = name.len ? memrchr(name.at, '/', name.len - (p->directory ? 1 : 0)) : NULL;
    if (slash)
        name = str_make(slash + 1, name.len - (size_t)(slash + 1 - name.at));
    return match(p, name, NULL, captures);
}
