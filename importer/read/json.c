/* The JSON parser: indexes a text, then walks the tokens of one value at a time and links them. */
#include "read/json_internal.h"

#include "base/cleanup.h"
#include "read/reader.h"

#include <inttypes.h>
#include <stdlib.h>

enum {
    LINKS_MIN = 4096, ROOTS_MIN = 64,
    SURELY_FITS = 1 << 20,              /* texts below this are not counted */
    TEXT_COPIES = 4,                    /* the text, and its values on their way to the database */
    TOKEN_BYTES = 10, ALONE_BYTES = 4,  /* of pos and link, with room to grow; of own_pos */
    KEY_BYTES = 24                      /* of json_keys, in the worst object */
};

struct json_parser *json_parser_new(const struct json_options *options, struct err *err)
{
    struct json_parser *p = calloc(1, sizeof *p);

    if (!p) {
        err_oom(err);
        return NULL;
    }
    if (options)
        p->options = *options;
    if (p->options.depth_max == 0)
        p->options.depth_max = JSON_DEPTH_DEFAULT;
    if (p->options.depth_max > JSON_DEPTH_MAX)
        p->options.depth_max = JSON_DEPTH_MAX;
    p->line = 1;
    p->simd = json_simd_new();
    p->frames = malloc(p->options.depth_max * sizeof *p->frames);
    if (!p->simd || !p->frames || json_keys_init(&p->keys) < 0) {
        err_oom(err);
        json_parser_free(p);
        return NULL;
    }
    return p;
}

void json_parser_free(struct json_parser *p)
{
    if (!p)
        return;
    json_simd_free(p->simd);
    json_keys_release(&p->keys);
    free(p->frames);
    free(p->own_pos);
    free(p->doc.link);
    free(p->doc.roots);
    free(p);
}

void json_at_line(struct json_parser *p, uint64_t line)
{
    p->line = line;
}

/* --- indexing --- */

static size_t bom_length(struct str text, uint64_t file_byte)
{
    return file_byte == 0 && str_starts(text, str_of("\xef\xbb\xbf")) ? 3 : 0;
}

/* Room for the links of n tokens and the end; the old ones are kept. */
static int reserve_links(struct json_parser *p, size_t n)
{
    size_t capacity = p->link_capacity ? p->link_capacity : LINKS_MIN;
    uint32_t *link;

    if (n < p->link_capacity)
        return 0;
    while (capacity <= n)
        capacity += capacity / 2;
    link = realloc(p->doc.link, capacity * sizeof *link);
    if (!link)
        return -1;
    p->doc.link = link;
    p->link_capacity = capacity;
    return 0;
}

static int reserve_own(struct json_parser *p, size_t n)
{
    size_t capacity = p->own_capacity ? p->own_capacity : LINKS_MIN;
    uint32_t *own;

    if (n + 1 < p->own_capacity)
        return 0;
    while (capacity <= n + 1)
        capacity += capacity / 2;
    own = realloc(p->own_pos, capacity * sizeof *own);
    if (!own)
        return -1;
    p->own_pos = own;
    p->own_capacity = capacity;
    return 0;
}

/* What the text will take up when it has been looked into, at most. Each key and value but the outermost stands before or
 * behind one of these four characters; what stands in strings is counted too. */
static uint64_t memory_needed(struct str text, bool alone)
{
    size_t opens = 0, commas = 0, colons = 0, tokens;

    for (size_t i = 0; i < text.len; i++) {
        opens += text.at[i] == '{' || text.at[i] == '[';
        commas += text.at[i] == ',';
        colons += text.at[i] == ':';
    }
    tokens = 2 * (opens + commas + colons) + 1;
    return TEXT_COPIES * (uint64_t)text.len + KEY_BYTES * (uint64_t)colons +
           (TOKEN_BYTES + (alone ? ALONE_BYTES : 0)) * (uint64_t)tokens;
}

static bool fits(const struct json_parser *p, struct str text, bool alone, uint64_t *ret)
{
    *ret = 0;
    if (!p->options.memory_max || text.len < SURELY_FITS)
        return true;
    *ret = memory_needed(text, alone);
    return *ret <= p->options.memory_max;
}

int json_index(struct json_parser *p, struct str text, uint64_t file_byte, struct err *err)
{
    struct json_doc *doc = &p->doc;
    enum json_simd_status status;
    uint64_t needed;

    p->bom = bom_length(text, file_byte);
    doc->text = text.at + p->bom;
    doc->len = text.len - p->bom;
    doc->file_byte = file_byte + p->bom;
    doc->roots_n = 0;
    doc->n = 0;
    doc->expected = UINT32_MAX;
    p->at = p->from = p->backslash = 0;
    p->whole = false;
    if (doc->len > UINT32_MAX - 2 * JSON_PADDING)
        return err_set(err, ERR_FILE, W0328, "a text of %zu bytes is beyond the 4 GiB that can be indexed", doc->len);
    if (!fits(p, text, false, &needed))
        return 0;   /* several records may fit one by one; what is one is refused when it is asked for */
    status = json_simd_index(p->simd, doc->text, doc->len, &doc->pos, &doc->n);
    if (status == JSON_SIMD_OOM || (status == JSON_SIMD_GOOD && reserve_links(p, doc->n) < 0))
        return err_oom(err);
    p->whole = status == JSON_SIMD_GOOD;
    return 0;
}

/* Index text[from, to) alone and append it to the index of what came before. */
static enum json_simd_status index_record(struct json_parser *p, size_t from, size_t to)
{
    struct json_doc *doc = &p->doc;
    const uint32_t *pos;
    enum json_simd_status status;
    size_t n;

    status = json_simd_index(p->simd, doc->text + from, to - from, &pos, &n);
    if (status != JSON_SIMD_GOOD)
        return status;
    if (reserve_own(p, doc->n + n) < 0 || reserve_links(p, doc->n + n) < 0)
        return JSON_SIMD_OOM;
    for (size_t i = 0; i <= n; i++)
        p->own_pos[doc->n + i] = pos[i] + (uint32_t)from;
    p->own_pos[doc->n + n + 1] = (uint32_t)to;
    doc->pos = p->own_pos;
    p->at = doc->n;
    doc->n += n;
    return JSON_SIMD_GOOD;
}

/* The first token at or behind `from`. */
static size_t find_token(const struct json_parser *p, size_t from)
{
    const struct json_doc *doc = &p->doc;
    size_t at = p->at;

    if (at > 0 && doc->pos[at - 1] >= from)
        at = 0;
    while (at < doc->n && doc->pos[at] < from)
        at++;
    return at;
}

/* --- one token --- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Behind the digits that begin at `at`. */
static const char *skip_digits(const char *at, const char *end)
{
    while (at < end && is_digit(*at))
        at++;
    return at;
}

bool json_is_number(struct str token)
{
    const char *at = token.at, *end = at + token.len, *digits;

    if (at < end && *at == '-')
        at++;
    digits = at;
    at = skip_digits(at, end);
    if (at == digits || (*digits == '0' && at > digits + 1))
        return false;
    if (at < end && *at == '.') {
        digits = ++at;
        at = skip_digits(at, end);
        if (at == digits)
            return false;
    }
    if (at < end && (*at == 'e' || *at == 'E')) {
        at++;
        if (at < end && (*at == '+' || *at == '-'))
            at++;
        digits = at;
        at = skip_digits(at, end);
        if (at == digits)
            return false;
    }
    return at == end;
}

/* A string that ends behind the first backslash known of. In most texts the next one is far away, so that
 * strings need not be looked at one by one. */
static int check_escapes(struct json_parser *p, size_t start, size_t end)
{
    const struct json_doc *doc = &p->doc;
    const char *found;

    if (p->backslash < start) {
        found = memchr(doc->text + start, '\\', doc->len - start);
        p->backslash = found ? (size_t)(found - doc->text) : doc->len;
        if (end <= p->backslash)
            return 0;
    }
    return json_escapes_check(doc->text + start, end - start);
}

/* The flags of the string at token i, whose contents end at *ret_end; or -1. */
static inline int check_string(struct json_parser *p, size_t i, size_t *ret_end)
{
    const struct json_doc *doc = &p->doc;
    size_t start = doc->pos[i] + (size_t)1, end = doc->pos[i + 1] - (size_t)1;

    if (doc->text[end] != '"')
        end = json_token_end(doc, i) - 1;
    if (end < start || doc->text[end] != '"')
        return -1;
    *ret_end = end;
    return end <= p->backslash ? 0 : check_escapes(p, start, end);
}

/* The most frequent kind of number: digits, perhaps a point and digits. False says nothing. */
static inline bool is_plain_number(const char *at, const char *end)
{
    const char *start = at;

    if (*at == '0')
        at++;
    else
        while (at < end && is_digit(*at))
            at++;
    if (at == end || at == start)
        return at > start;
    if (*at != '.')
        return false;
    start = ++at;
    while (at < end && is_digit(*at))
        at++;
    return at == end && at > start;
}

/* Numbers and words; flags, or -1. */
static inline int check_scalar(const struct json_parser *p, size_t i)
{
    const struct json_doc *doc = &p->doc;
    size_t start = doc->pos[i];
    struct str token = str_make(doc->text + start, json_token_end(doc, i) - start);

    if (is_digit(*token.at) && is_plain_number(token.at, token.at + token.len))
        return 0;
    switch (*token.at) {
    case 't': return str_eq(token, str_make("true", 4)) ? 0 : -1;
    case 'f': return str_eq(token, str_make("false", 5)) ? 0 : -1;
    case 'n': return str_eq(token, str_make("null", 4)) ? 0 : -1;
    case 'N': return p->options.allow_nonfinite && str_is(token, "NaN") ? JSON_REWRITE : -1;
    case 'I': return p->options.allow_nonfinite && str_is(token, "Infinity") ? JSON_REWRITE : -1;
    }
    if (json_is_number(token))
        return 0;
    return p->options.allow_nonfinite && str_is(token, "-Infinity") ? JSON_REWRITE : -1;
}

/* Note the key at token i, which ends at `end`, and its hash for those who look for it. */
static inline int note_key(struct json_parser *p, uint32_t i, size_t end, int flags, uint32_t *ret_hash)
{
    struct json_doc *doc = &p->doc;
    size_t start = doc->pos[i] + (size_t)1;

    if (!(flags & VALUE_ESCAPED))
        *ret_hash = json_key_hash(doc->text + start, end - start);
    else if (json_keys_hash_escaped(&p->keys, str_make(doc->text + start, end - start), ret_hash) < 0)
        return -1;
    doc->link[i] = (uint32_t)flags;
    doc->link[i + 1] = *ret_hash;
    return json_keys_push(&p->keys, i, *ret_hash);
}

/* Is the key at token i what it was in the record before? Then it has been checked: it has no escapes, and the quote
 * behind it is its end. */
static inline bool is_expected(const char *text, const uint32_t *pos, const struct json_shape_key *key)
{
    const char *at = text + pos[0] + 1;

    return pos[1] == pos[0] + (uint64_t)key->len + 2 && at[key->len] == '"' && at[key->len + 1] == ':' &&
           json_same_bytes(at, key->at, key->len);
}

/* --- the walk --- */

enum walk { WALK_GOOD, WALK_WRONG, WALK_OOM };

/* A bit for the hash of each key noted. */
static uint64_t keys_seen(const struct json_keys *k)
{
    uint64_t seen = 0;

    for (size_t i = 0; i < k->n; i++)
        seen |= (uint64_t)1 << (k->at[i].hash >> 26);
    return seen;
}

static inline void note_expected(struct json_parser *p, uint32_t root, size_t members)
{
    p->doc.expected = members == p->keys.shape_members && members > 0 ? root : UINT32_MAX;
    p->doc.keys = p->keys.at;
    p->doc.keys_n = members;
}

/* A string without escapes, a plain number or a word, from `start` to the separator at `end`, no white space between? */
static inline bool is_plain_value(const char *text, size_t start, size_t end, size_t backslash)
{
    const char *at = text + start;
    size_t len = end - start;

    switch (*at) {
    case '"': return len >= 2 && text[end - 1] == '"' && end <= backslash;
    case 't': return len == 4 && memcmp(at, "true", 4) == 0;
    case 'f': return len == 5 && memcmp(at, "false", 5) == 0;
    case 'n': return len == 4 && memcmp(at, "null", 4) == 0;
    case '-': return is_digit(at[1]) && is_plain_number(at + 1, at + len);
    default: return is_digit(*at) && is_plain_number(at, at + len);
    }
}

/* Most records are an object with the keys of the one before and no container inside. One that is takes this short cut: each
 * member has four tokens, and all is as it was but the values. False says nothing. */
static bool walk_flat(struct json_parser *p, uint32_t first, size_t to, uint32_t *ret)
{
    const char *text = p->doc.text;
    size_t members = p->keys.shape_members, backslash = p->backslash;
    const uint32_t *pos = p->doc.pos + first;
    const struct json_shape_key *key = p->keys.shape;
    uint32_t *link = p->doc.link + first, last = (uint32_t)(4 * members);

    if (members == 0 || members > JSON_SHAPE_KEYS || first + (size_t)last >= p->doc.n || pos[last] >= to || pos[last + 1] < to ||
        text[pos[0]] != '{' || text[pos[last]] != '}')
        return false;
    for (uint32_t i = 1; i < last; i += 4, key++) {
        if (text[pos[i]] != '"' || !is_expected(text, pos + i, key) || text[pos[i + 3]] != (i + 3 < last ? ',' : '}') ||
            !is_plain_value(text, pos[i + 2], pos[i + 3], backslash))
            return false;
        link[i] = 0;
        link[i + 1] = key->hash;
        link[i + 2] = 0;
    }
    if (json_token_end(&p->doc, first + last) > to)
        return false;
    link[0] = first + last;
    link[last] = 0;
    p->doc.expected = first;
    p->doc.keys = NULL;
    p->doc.keys_n = members;
    *ret = first + last + 1;
    return true;
}

/* Check the value that begins at token `first` and ends before `to`; *ret is the token behind it. The innermost
 * container (its bracket, its first key, what is in it) is held in variables, those around it in p->frames.
 *
 * Commas and colons are not compared with `to`: where one is behind it, so is what must follow. */
static enum walk walk(struct json_parser *p, uint32_t first, size_t to, uint32_t *ret)
{
    const uint32_t *pos = p->doc.pos;
    const char *text = p->doc.text;
    uint32_t *link = p->doc.link, open = 0, keys = 0, depth = 0, hash;
    size_t i = first;
    uint64_t seen = 0, bit;
    int flags, inside = 0;
    char closer = 0;
    size_t end, members = 0;
    const struct json_shape_key *expected = p->keys.shape, *const unexpected = expected + JSON_SHAPE_KEYS;
    bool learn = false;

value:
    if (pos[i] >= to)
        return WALK_WRONG;
    switch (text[pos[i]]) {
    case '{':
    case '[':
        if (depth == p->options.depth_max)
            return WALK_WRONG;
        p->frames[depth].open = open;
        p->frames[depth].keys = keys;
        p->frames[depth].seen = seen;
        p->frames[depth++].flags = inside;
        open = (uint32_t)i++;
        keys = (uint32_t)p->keys.n;
        seen = 0;
        inside = 0;
        closer = (char)(text[pos[open]] + 2);
        if (text[pos[i]] == closer)
            goto close;
        if (closer == '}')
            goto member;
        goto value;
    case '"':
        flags = check_string(p, i, &end);
        link[i] = (uint32_t)flags;
        break;
    default:
        flags = check_scalar(p, i);
        break;
    }
    if (flags < 0)
        return WALK_WRONG;
    inside |= flags;
    i++;

behind_value:
    if (depth == 0) {
        if (expected == p->keys.shape + members)
            note_expected(p, first, members);
        else if (learn || members != p->keys.shape_members)
            json_keys_learn(p, p->keys.found ? 0 : members);
        *ret = (uint32_t)i;
        return pos[i] >= to && json_token_end(&p->doc, i - 1) <= to ? WALK_GOOD : WALK_WRONG;
    }
    if (text[pos[i]] == ',') {
        i++;
        if (closer == '}')
            goto member;
        goto value;
    }
    if (text[pos[i]] != closer)
        return WALK_WRONG;

close:
    if (pos[i] >= to)
        return WALK_WRONG;
    flags = p->keys.n - keys > JSON_KEYS_SMALL ? json_keys_close(p, keys) : 0;
    if (flags < 0)
        return WALK_OOM;
    members = p->keys.n - keys;
    p->keys.n = keys;
    flags = (flags | inside) & JSON_INSIDE;
    link[open] = (uint32_t)i;
    link[i] = (uint32_t)flags;
    open = p->frames[--depth].open;
    keys = p->frames[depth].keys;
    seen = p->frames[depth].seen;
    inside = p->frames[depth].flags | flags;
    closer = (char)(text[pos[open]] + 2);
    i++;
    goto behind_value;

member:
    if (pos[i] >= to || text[pos[i]] != '"')
        return WALK_WRONG;
    if (depth == 1 && is_expected(text, pos + i, expected)) {
        link[i] = 0;
        link[i + 1] = expected->hash;
        p->keys.at[p->keys.n++] = (struct json_key){expected->hash, (uint32_t)i};
        expected++;
        i += 2;
        goto value;
    }
    if (depth == 1 && expected != unexpected) {
        learn = expected->len != UINT32_MAX;
        expected = unexpected;
        seen = keys_seen(&p->keys);
    }
    flags = check_string(p, i, &end);
    if (flags < 0 || text[pos[i + 1]] != ':')
        return WALK_WRONG;
    if (note_key(p, (uint32_t)i, end, flags, &hash) < 0)
        return WALK_OOM;
    inside |= flags;
    bit = (uint64_t)1 << (hash >> 26);
    if (seen & bit)
        inside |= json_keys_compare(p, keys);
    seen |= bit;
    i += 2;
    goto value;
}

/* --- what is wrong --- */

static void add_place(const struct json_parser *p, size_t from, size_t to, size_t at, struct err *err)
{
    uint64_t line, column;

    reader_place(str_make(p->doc.text + from, to - from), from, p->line, at, &line, &column);
    err_at(err, NULL, line, column);
    err_at_byte(err, p->doc.file_byte + at);
}

static int report_fault(const struct json_parser *p, size_t from, size_t to, struct err *err)
{
    struct json_scan how = {p->options.depth_max, p->options.allow_nonfinite, p->doc.file_byte + from == 0};
    struct json_fault fault = {.code = W0320, .message = "not JSON"};
    const char *text = p->doc.text + from;

    json_scan(&how, text, to - from, &fault, NULL, NULL);
    err_set(err, ERR_RECORD, fault.code, "%s", fault.message);
    if (fault.label)
        err_label(err, "%s", fault.label);
    if (fault.help)
        err_help(err, "%s", fault.help);
    if (fault.end > fault.at)
        err_value(err, str_make(text + fault.at, fault.end - fault.at));
    add_place(p, from, to, from + fault.at, err);
    return -1;
}

static int report_duplicate(const struct json_parser *p, uint32_t root, size_t from, size_t to, struct err *err)
{
    CLEANUP(buf_release) struct buf pointer = BUF_INIT;
    const struct json_doc *doc = &p->doc;
    struct str key = json_token_text(doc, p->keys.second);
    uint64_t line, column;

    reader_place(str_make(doc->text + from, to - from), from, p->line, doc->pos[p->keys.first], &line, &column);
    err_set(err, ERR_RECORD, W0322, "duplicate key \"%.*s\", first at line %" PRIu64 ", column %" PRIu64,
            (int)str_cut_utf8(key, 80), key.at, line, column);
    err_label(err, "stands here again");
    if (json_pointer(doc, root, p->keys.second + 2, &pointer))
        err_in(err, buf_text(&pointer));
    add_place(p, from, to, doc->pos[p->keys.second], err);
    return -1;
}

/* --- the three steps --- */

static int note_root(struct json_doc *doc, uint32_t root)
{
    while (doc->roots_n && doc->roots[doc->roots_n - 1] >= root)
        doc->roots_n--;
    if (doc->roots_n == doc->roots_capacity) {
        size_t capacity = doc->roots_capacity ? 2 * doc->roots_capacity : ROOTS_MIN;
        uint32_t *roots = realloc(doc->roots, capacity * sizeof *roots);

        if (!roots)
            return -1;
        doc->roots = roots;
        doc->roots_capacity = capacity;
    }
    doc->roots[doc->roots_n++] = root;
    return 0;
}

uint64_t json_memory(const struct value *v)
{
    return v->doc ? v->doc->len + TOKEN_BYTES * (uint64_t)v->doc->n : 0;
}

static int report_too_large(const struct json_parser *p, size_t from, size_t to, uint64_t needed, struct err *err)
{
    err_set(err, ERR_RECORD, W0328, "a value of %zu bytes and so many parts that it takes %" PRIu64 " MiB of memory, more than %" PRIu64,
            to - from, needed >> 20, p->options.memory_max >> 20);
    err_help(err, "give --memory %.1f times as much, or fewer --jobs", (double)needed / (double)p->options.memory_max + 0.1);
    add_place(p, from, from, from, err);
    return -1;
}

/* Find the tokens of text[from, to): *ret is the first. */
static int find_record(struct json_parser *p, size_t from, size_t to, uint32_t *ret, struct err *err)
{
    enum json_simd_status status = JSON_SIMD_GOOD;
    uint64_t needed;

    if (!p->whole) {    /* a text that is one record has failed already */
        bool all = from == 0 && to == p->doc.len;

        if (!fits(p, str_make(p->doc.text + from, to - from), !all, &needed))
            return report_too_large(p, from, to, needed, err);
        status = all ? JSON_SIMD_BAD : index_record(p, from, to);
    }
    if (status == JSON_SIMD_OOM)
        return err_oom(err);
    if (status == JSON_SIMD_BAD)
        return report_fault(p, from, to, err);
    if (from <= p->from)
        p->backslash = 0;
    p->from = from;
    p->at = find_token(p, from);
    *ret = (uint32_t)p->at;
    return 0;
}

static int check_record(struct json_parser *p, size_t from, size_t to, struct value *ret, struct err *err)
{
    uint32_t root = 0, end;

    if (find_record(p, from, to, &root, err) < 0)
        return -1;
    p->keys.n = 0;
    p->keys.found = false;
    p->doc.expected = UINT32_MAX;
    switch (walk_flat(p, root, to, &end) ? WALK_GOOD : walk(p, root, to, &end)) {
    case WALK_GOOD: break;
    case WALK_WRONG: return report_fault(p, from, to, err);
    case WALK_OOM: return err_oom(err);
    }
    if (p->keys.found && p->options.duplicates == JSON_DUPLICATES_REJECT)
        return report_duplicate(p, root, from, to, err);
    if (note_root(&p->doc, root) < 0)
        return err_oom(err);
    p->at = end;
    json_fill(&p->doc, root, ret);
    return 0;
}

int json_next(struct json_parser *p, size_t from, size_t to, struct value *ret, struct err *err)
{
    int failed;

    from = from > p->bom ? from - p->bom : 0;
    to = to > p->bom ? to - p->bom : 0;
    if (from > to || to > p->doc.len)
        BUG("a record outside of its text");
    failed = check_record(p, from, to, ret, err);
    p->line = 1;
    return failed;
}

int json_parse(struct json_parser *p, struct str text, struct value *ret, struct err *err)
{
    if (json_index(p, text, 0, err) < 0)
        return -1;
    return json_next(p, 0, text.len, ret, err);
}
