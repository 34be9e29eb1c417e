/* Lines of text, taken apart by a regular expression: a record is a line, or a line and its continuations. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "read/reader_internal.h"

#include <pcre2.h>
#include <stdlib.h>

/* Beyond these a pattern gives up on a line instead of going on for ever. */
enum { MATCH_LIMIT = 2000000, DEPTH_LIMIT = 100000, HEAP_LIMIT_KIB = 64 * 1024, JIT_STACK = 1024 * 1024 };

enum unmatched { UNMATCHED_REJECT, UNMATCHED_SKIP, UNMATCHED_APPEND };

struct group {
    struct str name;        /* lent by the pattern */
    uint32_t number;
};

struct lines_reader {
    struct reader head;
    struct lines lines;
    enum unmatched unmatched;
    uint64_t index;
    pcre2_code *code;       /* NULL: no pattern */
    pcre2_match_context *limits;
    pcre2_jit_stack *stack;
    pcre2_match_data *match;
    struct group *groups;
    struct member *members;
    uint32_t groups_n;
};

static void lines_close(struct reader *reader)
{
    struct lines_reader *r = (struct lines_reader *)reader;

    if (!r)
        return;
    lines_release(&r->lines);
    pcre2_match_data_free(r->match);
    pcre2_jit_stack_free(r->stack);
    pcre2_match_context_free(r->limits);
    pcre2_code_free(r->code);
    free(r->groups);
    free(r->members);
    free(r);
}

/* --- the pattern --- */

static int read_groups(struct lines_reader *r, struct err *err)
{
    uint32_t entry_size = 0;
    PCRE2_SPTR entry = NULL;

    pcre2_pattern_info(r->code, PCRE2_INFO_NAMECOUNT, &r->groups_n);
    pcre2_pattern_info(r->code, PCRE2_INFO_NAMEENTRYSIZE, &entry_size);
    pcre2_pattern_info(r->code, PCRE2_INFO_NAMETABLE, &entry);
    r->groups = calloc(r->groups_n + (size_t)1, sizeof *r->groups);
    r->members = calloc(r->groups_n + (size_t)1, sizeof *r->members);
    if (!r->groups || !r->members)
        return err_oom(err);
    for (uint32_t i = 0; i < r->groups_n; i++, entry += entry_size) {
        uint32_t number = (uint32_t)entry[0] << 8 | entry[1], at = i;

        for (; at > 0 && r->groups[at - 1].number > number; at--)
            r->groups[at] = r->groups[at - 1];
        r->groups[at] = (struct group){str_of((const char *)entry + 2), number};
    }
    return 0;
}

static int compile(struct lines_reader *r, struct str pattern, struct err *err)
{
    uint32_t options = PCRE2_UTF | PCRE2_MATCH_INVALID_UTF | PCRE2_NEVER_BACKSLASH_C;
    PCRE2_UCHAR reason[120];
    PCRE2_SIZE offset;
    int code;

    r->code = pcre2_compile((PCRE2_SPTR)pattern.at, pattern.len, options, &code, &offset, NULL);
    if (!r->code) {
        pcre2_get_error_message(code, reason, sizeof reason);
        return err_set(err, ERR_RUN, W0330, "the pattern is wrong at its character %zu: %s", (size_t)offset + 1,
                       (const char *)reason);
    }
    r->limits = pcre2_match_context_create(NULL);
    r->match = pcre2_match_data_create_from_pattern(r->code, NULL);
    r->stack = pcre2_jit_stack_create(32 * 1024, JIT_STACK, NULL);
    if (!r->limits || !r->match || !r->stack)
        return err_oom(err);
    pcre2_set_match_limit(r->limits, MATCH_LIMIT);
    pcre2_set_depth_limit(r->limits, DEPTH_LIMIT);
    pcre2_set_heap_limit(r->limits, HEAP_LIMIT_KIB);
    pcre2_jit_stack_assign(r->limits, NULL, r->stack);
    pcre2_jit_compile(r->code, PCRE2_JIT_COMPLETE);     /* if it cannot, matching goes without */
    return read_groups(r, err);
}

static int parse_unmatched(struct lines_reader *r, struct str word, struct err *err)
{
    if (word.len == 0 || str_is(word, "reject"))
        r->unmatched = UNMATCHED_REJECT;
    else if (str_is(word, "skip"))
        r->unmatched = UNMATCHED_SKIP;
    else if (str_is(word, "append"))
        r->unmatched = UNMATCHED_APPEND;
    else
        return err_set(err, ERR_RUN, W0330, "unmatched lines are a matter of reject, skip or append, not '%.*s'",
                       STR_ARG(word));
    return 0;
}

static struct reader *lines_open(const struct reader_options *options, struct err *err)
{
    struct lines_reader *r = reader_new(&reader_lines, sizeof *r, err);

    if (!r)
        return NULL;
    r->head.lines = &r->lines;
    lines_init(&r->lines, options);
    if (parse_unmatched(r, options->unmatched, err) == 0 &&
        (options->pattern.len == 0 || compile(r, options->pattern, err) == 0))
        return &r->head;
    lines_close(&r->head);
    return NULL;
}

/* 1: it matches, 0: it does not, -1: it was given up. */
static int match(struct lines_reader *r, struct str line, struct err *err)
{
    PCRE2_UCHAR reason[120];
    int found;

    if (!r->code)
        return 1;
    found = pcre2_match(r->code, (PCRE2_SPTR)line.at, line.len, 0, 0, r->match, r->limits);
    if (found >= 0 || found == PCRE2_ERROR_NOMATCH)
        return found >= 0;
    if (found == PCRE2_ERROR_NOMEMORY)
        return err_oom(err);
    pcre2_get_error_message(found, reason, sizeof reason);
    err_set(err, ERR_RECORD, W0330, "the pattern gave up on this line: %s", (const char *)reason);
    return err_help(err, "a pattern with nested repetition such as (a+)+ can take for ever; write it without");
}

/* --- records --- */

static int lines_begin(struct reader *reader, const struct input *in, struct err *err)
{
    struct lines_reader *r = (struct lines_reader *)reader;

    (void)err;
    lines_start(&r->lines, in);
    r->index = in->index;
    r->head.consumed = in->from;
    r->head.blank = r->head.skipped = 0;
    return 0;
}

static int reject(const struct line *line, struct err *err)
{
    size_t invalid = str_utf8_invalid_at(line->text);
    uint64_t at, column;

    if (invalid < line->text.len) {
        reader_place(line->text, 0, line->line, invalid, &at, &column);
        err_set(err, ERR_RECORD, W0321, "the line does not match the pattern: invalid UTF-8, byte 0x%02x",
                (unsigned char)line->text.at[invalid]);
        err_label(err, "not UTF-8");
        err_at(err, NULL, at, column);
        return err_at_byte(err, line->byte + invalid);
    }
    err_set(err, ERR_RECORD, W0329, "the line does not match the pattern");
    err_value(err, line->text);
    err_help(err, "unmatched: skip passes such lines over, append makes them part of the record before");
    err_at(err, NULL, line->line, 1);
    return err_at_byte(err, line->byte);
}

static bool is_blank(struct str line)
{
    return str_trim(line).len == 0;
}

static uint16_t flags_of(struct str text)
{
    return (uint16_t)(VALUE_BYTES | (text.len && memchr(text.at, '\0', text.len) ? VALUE_NUL : 0));
}

/* The groups of the last match as an object. A group that reaches the end of its line (`first`) goes on to
 * the end of the record. False when there is more than the line, but no such group. */
static bool build(struct lines_reader *r, struct str first, struct str whole, struct value *ret)
{
    const PCRE2_SIZE *place = r->code ? pcre2_get_ovector_pointer(r->match) : NULL;
    bool reached = whole.len == first.len || r->groups_n == 0;
    uint16_t flags = 0;

    for (uint32_t i = 0; i < r->groups_n; i++) {
        size_t from = place[2 * r->groups[i].number], to = place[2 * r->groups[i].number + 1];
        struct value *v = &r->members[i].value;

        r->members[i].key = r->groups[i].name;
        *v = value_null();
        if (from == PCRE2_UNSET || from > to)
            continue;
        if (to == first.len && whole.len > first.len) {
            to = whole.len;
            reached = true;
        }
        *v = value_string(str_make(whole.at + from, to - from));
        flags |= v->flags = flags_of(v->text);
    }
    *ret = r->groups_n ? value_object(r->members, r->groups_n) : value_string(whole);
    ret->flags = r->groups_n ? flags & VALUE_NUL : flags_of(whole);
    return reached;
}

/* The window may have moved: where the bytes from `byte` on are now. */
static struct str text_at(const struct lines *l, uint64_t byte, size_t len)
{
    return str_make(l->at + (byte - l->byte), len);
}

/* Lines that do not match belong to the record that begins with `line`: find its end. *ret_len is its length;
 * it is 0 when it became longer than record_max, *ret_size then tells how long. */
static int read_continuation(struct lines_reader *r, const struct line *line, size_t *ret_len, uint64_t *ret_size,
                             struct err *err)
{
    uint64_t end = line->byte + line->text.len;
    struct line next;
    struct err gave_up = {0};
    int found, matched = 0;

    lines_keep(&r->lines, line->byte);
    while ((found = lines_next(&r->lines, &next, err)) > 0) {
        if (!next.size && !is_blank(next.text))
            matched = match(r, next.text, &gave_up);
        err_release(&gave_up);
        if (matched) {
            lines_unread(&r->lines, &next);
            break;
        }
        if (next.size || !is_blank(next.text))
            end = next.byte + (next.size ? next.size : next.text.len);
        if (end - line->byte > r->lines.limit.bytes)
            lines_drop(&r->lines);
    }
    *ret_size = end - line->byte;
    *ret_len = *ret_size <= r->lines.limit.bytes ? (size_t)*ret_size : 0;
    lines_drop(&r->lines);
    r->head.consumed = lines_at(&r->lines);
    return found < 0 ? -1 : 0;
}

static int give(struct lines_reader *r, const struct line *line, struct record *ret, struct err *err)
{
    size_t len = line->text.len;
    uint64_t size = 0;
    struct line longer = *line;

    if (r->unmatched == UNMATCHED_APPEND && r->code && read_continuation(r, line, &len, &size, err) < 0)
        return -1;
    if (len == 0 && size) {
        longer.size = size;
        longer.text = str_make(NULL, 0);
        return reader_too_long(&longer, &r->lines.limit, ret, err);
    }
    ret->raw = text_at(&r->lines, line->byte, len);
    longer.text.at = ret->raw.at;
    if (r->unmatched == UNMATCHED_APPEND && r->code)
        match(r, longer.text, NULL);    /* once more: looking ahead has overwritten it */
    if (build(r, longer.text, ret->raw, &ret->value))
        return 1;
    err_set(err, ERR_RECORD, W0329, "more lines follow, but no group of the pattern reaches the end of its line");
    err_help(err, "let the last group end in .*$ so that it can take the lines that are appended");
    err_at(err, NULL, line->line, 1);
    return err_at_byte(err, line->byte);
}

/* Is this line no record, and no error either? At the start of a part, lines that continue a record of the
 * part before are that part's. */
static bool passed_over(struct lines_reader *r)
{
    if (r->unmatched == UNMATCHED_SKIP) {
        r->head.skipped++;
        return true;
    }
    return r->unmatched == UNMATCHED_APPEND && r->index == r->lines.in.index && r->lines.in.from > 0;
}

static int lines_read(struct reader *reader, struct record *ret, struct err *err)
{
    struct lines_reader *r = (struct lines_reader *)reader;
    struct line line;

    for (;;) {
        int found;

        r->head.consumed = lines_at(&r->lines);
        if (r->head.consumed >= r->lines.in.to && !r->lines.skip_first)
            return 0;
        found = lines_next(&r->lines, &line, err);
        if (found <= 0 || line.byte >= r->lines.in.to)
            return found < 0 ? -1 : 0;
        r->head.consumed = lines_at(&r->lines);
        if (!line.size && is_blank(line.text)) {
            r->head.blank++;
            continue;
        }
        *ret = (struct record){.raw = line.text, .line = line.line, .byte = line.byte, .index = r->index};
        if (!line.size)
            found = match(r, line.text, err);
        if (found == 0 && passed_over(r))
            continue;
        r->index++;
        if (line.size)
            return reader_too_long(&line, &r->lines.limit, ret, err);
        if (found < 0) {
            err_at(err, NULL, line.line, 1);
            return err_at_byte(err, line.byte);
        }
        return found ? give(r, &line, ret, err) : reject(&line, err);
    }
}

const struct reader_ops reader_lines = {"lines", true, lines_open, lines_begin, lines_read, lines_close};
