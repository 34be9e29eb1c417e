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
    p->frames = malloc((p->options.depth_max + (size_t)1) * sizeof *p->frames);
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

void json_find_backslash(struct json_parser *p, size_t from)
{
    const struct json_doc *doc = &p->doc;
    const char *found;

    if (p->backslash >= from)
        return;
    found = memchr(doc->text + from, '\\', doc->len - from);
    p->backslash = found ? (size_t)(found - doc->text) : doc->len;
}

/* A string that ends behind the first backslash known of. */
static int check_escapes(struct json_parser *p, size_t start, size_t end)
{
    json_find_backslash(p, start);
    return end <= p->backslash ? 0 : json_escapes_check(p->doc.text + start, end - start);
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

/* Numbers and words; flags, or -1. */
static inline int check_scalar(const struct json_parser *p, size_t i)
{
    const struct json_doc *doc = &p->doc;
    size_t start = doc->pos[i];
    struct str token = str_make(doc->text + start, json_token_end(doc, i) - start);

    if (json_is_plain_number(token.at, token.len))
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

/* --- the walk --- */

enum walk { WALK_GOOD, WALK_WRONG, WALK_OOM };

/* The keys of the object `in` before token i, which were as expected so far, are not any longer, or are asked for. */
static int note_expected(struct json_parser *p, struct json_frame *in, uint32_t i)
{
    const struct json_doc *doc = &p->doc;

    in->keys = (uint32_t)p->keys.n;
    in->seen = 0;
    for (uint32_t key = in->open + 1; key < i; key = json_value_end(doc, key + 2) + 2) {
        if (json_keys_push(&p->keys, key, doc->link[key + 1]) < 0)
            return -1;
        in->seen |= (uint64_t)1 << (doc->link[key + 1] >> 26);
    }
    return 0;
}

/* The record is an object with these keys; `learn` tells that another one stood where one was foretold. */
static void end_of_record(struct json_parser *p, const struct json_frame *in, bool learn)
{
    struct json_keys *k = &p->keys;

    if (in->expected != &k->none && k->n == k->shape_members) {
        p->doc.expected = in->open;
        p->doc.keys = k->at;
        p->doc.keys_n = k->n;
        k->to_learn = JSON_SHAPES_LEARN;
    } else if (learn || k->n != k->shape_members) {
        json_keys_learn(p, k->found ? 0 : k->n);
    }
}

/* The record, or an object that is not as expected, ends at token i: more flags of it; -1 when out of memory. */
static int end_of_object(struct json_parser *p, struct json_frame *in, uint32_t i, bool learn)
{
    struct json_keys *k = &p->keys;
    size_t members;
    int flags;

    if (in->expected != &k->none && note_expected(p, in, i) < 0)
        return -1;
    members = k->n - in->keys;
    flags = members > JSON_KEYS_SMALL ? json_keys_close(p, in->keys) : 0;
    if (flags < 0)
        return -1;
    if (members > 0 && in->place == &k->record)
        end_of_record(p, in, learn);
    else if (members > 0 && !k->found)
        json_keys_learn_inside(p, in->place, in->keys);
    k->n = in->keys;
    return flags;
}

/* Check the value that begins at token `first` and ends before `to`; *ret is the token behind it. The innermost
 * container is *in, those around it stand before it in p->frames; `place` is that of the next value.
 *
 * Commas and colons are not compared with `to`: where one is behind it, so is what must follow. */
static enum walk walk(struct json_parser *p, uint32_t first, size_t to, uint32_t *ret)
{
    const uint32_t *pos = p->doc.pos;
    const char *text = p->doc.text;
    struct json_keys *k = &p->keys;
    struct json_shape_key *place = &k->record;
    struct json_frame *in = p->frames, *const outermost = in, *const deepest = in + p->options.depth_max;
    uint32_t *link = p->doc.link, hash;
    size_t i = first, end;
    uint64_t bit;
    int flags;
    bool learn = false;

    *in = (struct json_frame){.open = first};
value:
    if (pos[i] >= to)
        return WALK_WRONG;
    switch (text[pos[i]]) {
    case '{':
    case '[':
        if (in == deepest)
            return WALK_WRONG;
        if (in == outermost && text[pos[i]] == '[')
            place = &k->items;
        *++in = (struct json_frame){.place = place, .expected = place->inside, .open = (uint32_t)i, .keys = (uint32_t)k->n,
                                    .closer = (char)(text[pos[i]] + 2)};
        i++;
        if (text[pos[i]] == in->closer)
            goto close;
        if (in->closer == '}')
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
    in->flags |= flags;
    i++;

behind_value:
    if (in == outermost) {
        *ret = (uint32_t)i;
        return pos[i] >= to && json_token_end(&p->doc, i - 1) <= to ? WALK_GOOD : WALK_WRONG;
    }
    if (text[pos[i]] == ',') {
        i++;
        if (in->closer == '}')
            goto member;
        goto value;
    }
    if (text[pos[i]] != in->closer)
        return WALK_WRONG;

close:
    if (pos[i] >= to)
        return WALK_WRONG;
    if (in->closer == '}' && (in->expected == &k->none || in->place == &k->record)) {
        flags = end_of_object(p, in, (uint32_t)i, learn);
        if (flags < 0)
            return WALK_OOM;
        in->flags |= flags;
    }
    flags = in->flags & JSON_INSIDE;
    link[in->open] = (uint32_t)i;
    link[i++] = (uint32_t)flags;
    place = in->place;
    in--;
    in->flags |= flags;
    goto behind_value;

member:
    if (pos[i] >= to)
        return WALK_WRONG;
    if (json_key_stands(text + pos[i], in->expected)) {
        place = in->expected++;
        memcpy(link + i, place->links, 2 * sizeof *link);
        i += 2;
        goto value;
    }
    if (text[pos[i]] != '"')
        return WALK_WRONG;
    if (in->expected != &k->none) {
        learn |= in->place == &k->record && in->expected->len > 0;
        in->expected = &k->none;
        if (note_expected(p, in, (uint32_t)i) < 0)
            return WALK_OOM;
    }
    place = &k->nowhere;
    flags = check_string(p, i, &end);
    if (flags < 0 || text[pos[i + 1]] != ':')
        return WALK_WRONG;
    if (note_key(p, (uint32_t)i, end, flags, &hash) < 0)
        return WALK_OOM;
    in->flags |= flags;
    bit = (uint64_t)1 << (hash >> 26);
    if (in->seen & bit)
        in->flags |= json_keys_compare(p, in->keys);
    in->seen |= bit;
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
    else
        err_incomplete(err);
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
    switch (json_walk_flat(p, root, to, &end) ? WALK_GOOD : walk(p, root, to, &end)) {
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
