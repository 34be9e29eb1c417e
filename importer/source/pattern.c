/* From the text of a path pattern to its parts; see pattern_match.c for how they are matched. */
#include "source/pattern.h"

#include <stdlib.h>

#include "base/cleanup.h"
#include "source/pattern_internal.h"

enum { TEXT_BYTES_MAX = 4096, WORDS_MAX = 256 };

/* The place in the text, and what is known of the paths up to there. */
struct parser {
    struct pattern *p;
    struct str text;
    size_t at;
    size_t segment_start;       /* in the text */
    uint32_t segment;
    int32_t offset;             /* bytes of the segment so far; -1: not certain */
    bool deep, deep_capture;    /* a ** or {name:**} stands to the left */
    struct buf plain;           /* plain bytes not yet made a part */
};

static void parser_release(struct parser *s)
{
    buf_release(&s->plain);
}

static int fault(struct err *err, enum code code, size_t offset, const char *message, const char *help)
{
    err_set(err, ERR_RUN, code, "%s", message);
    err_at_byte(err, offset);
    if (help)
        err_help(err, "%s", help);
    return -1;
}

static struct part *part_add(struct parser *s, enum part_kind kind, struct err *err)
{
    struct pattern *p = s->p;

    if (p->n_parts == PATTERN_PARTS_MAX) {
        err_set(err, ERR_RUN, W0212, "the pattern has more than %d parts", PATTERN_PARTS_MAX);
        err_at_byte(err, s->at);
        return NULL;
    }
    p->parts[p->n_parts] = (struct part){.kind = kind};
    return &p->parts[p->n_parts++];
}

static int plain_flush(struct parser *s, struct err *err)
{
    struct part *part;

    if (s->plain.len == 0)
        return 0;
    part = part_add(s, PART_BYTES, err);
    if (!part)
        return -1;
    part->text = arena_str(&s->p->arena, buf_str(&s->plain));
    if (!part->text.at)
        return err_oom(err);
    buf_clear(&s->plain);
    return 0;
}

static char peek(const struct parser *s, size_t ahead)
{
    return s->at + ahead < s->text.len ? s->text.at[s->at + ahead] : '\0';
}

static int check_segment(const struct parser *s, struct err *err)
{
    struct str name = str_make(s->text.at + s->segment_start, s->at - s->segment_start);

    if (s->at == 0)
        return fault(err, W0210, 0, "a pattern does not begin with '/'", "paths are relative to the source");
    if (name.len == 0)
        return fault(err, W0210, s->at, "an empty name between two '/'", NULL);
    if (str_is(name, ".") || str_is(name, ".."))
        return fault(err, W0210, s->segment_start, "'.' and '..' are no names in a source",
                     "paths are relative to the source");
    return 0;
}

static int parse_plain(struct parser *s, char c, struct err *err)
{
    if (c == '\0')
        return fault(err, W0210, s->at, "a NUL byte: no file name has one", NULL);
    if (c == '/') {
        if (check_segment(s, err) < 0)
            return -1;
        s->segment_start = s->at + 1;
        s->segment++;
        s->offset = 0;
        s->p->inner_slash |= s->at + 1 < s->text.len;
    } else if (s->offset >= 0) {
        s->offset++;
    }
    s->at++;
    return buf_add_char(&s->plain, c) < 0 ? err_oom(err) : 0;
}

static int parse_escape(struct parser *s, const char *escapable, char *ret, struct err *err)
{
    char c = peek(s, 1);

    if (s->at + 1 >= s->text.len)
        return fault(err, W0210, s->at, "'\\' at the end escapes nothing", "write '\\\\' for the byte itself");
    if (c == '\0' || !strchr(escapable, c))
        return fault(err, W0210, s->at, "'\\' stands before a byte that needs no escape",
                     "only { } * ? and \\ are escaped; write '\\\\' for the byte itself");
    *ret = c;
    s->at += 2;
    return 0;
}

static int parse_escaped_plain(struct parser *s, struct err *err)
{
    char c = '\0';

    if (parse_escape(s, "{}*?\\", &c, err) < 0)
        return -1;
    if (s->offset >= 0)
        s->offset++;
    return buf_add_char(&s->plain, c) < 0 ? err_oom(err) : 0;
}

static int parse_stars(struct parser *s, struct err *err)
{
    bool two = peek(s, 1) == '*', starts = s->at == s->segment_start;

    if (two && peek(s, 2) == '*')
        return fault(err, W0210, s->at + 2, "three '*' in a row", "'*' is within a name, '**' crosses '/'");
    if (plain_flush(s, err) < 0)
        return -1;
    s->offset = -1;
    s->deep |= two;
    if (two && starts && peek(s, 2) == '/') {
        s->at += 3;
        s->segment_start = s->at;
        s->p->inner_slash |= s->at < s->text.len;
        return part_add(s, PART_FOLDERS, err) ? 0 : -1;
    }
    s->at += two ? 2 : 1;
    return part_add(s, two ? PART_ANY : PART_RUN, err) ? 0 : -1;
}

static int parse_one(struct parser *s, struct err *err)
{
    if (plain_flush(s, err) < 0 || !part_add(s, PART_ONE, err))
        return -1;
    s->at++;
    if (s->offset >= 0)
        s->offset++;
    return 0;
}

static bool is_name_byte(char c, bool first)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (!first && c >= '0' && c <= '9');
}

static int parse_capture_name(struct parser *s, struct str *ret, struct err *err)
{
    size_t start = s->at;

    while (s->at < s->text.len && is_name_byte(s->text.at[s->at], s->at == start))
        s->at++;
    if (s->at >= s->text.len)
        return fault(err, W0210, start - 1, "'{' is never closed", "write '\\{' for the byte itself");
    if (s->text.at[s->at] != '}' && s->text.at[s->at] != ':')
        return fault(err, W0211, s->at, "a capture's name has only letters, digits and '_', and no digit first", NULL);
    if (s->at == start)
        return fault(err, W0211, s->at, "a capture needs a name", "write {name}, or '*' for what nobody asks for");
    *ret = str_make(s->text.at + start, s->at - start);
    return 0;
}

/* One word, up to '|' or '}'. */
static int parse_word(struct parser *s, struct str *ret, struct err *err)
{
    CLEANUP(buf_release) struct buf word = BUF_INIT;
    size_t start = s->at;

    while (s->at < s->text.len && peek(s, 0) != '|' && peek(s, 0) != '}') {
        char c = peek(s, 0);

        if (c == '/' || c == '*' || c == '?' || c == '{' || c == '\0')
            return fault(err, W0210, s->at, "a word has no '/', wildcards or braces",
                         "the forms are {name}, {name:int}, {name:a|b} and {name:**}");
        if (c != '\\')
            s->at++;
        else if (parse_escape(s, "{}*?\\|", &c, err) < 0)
            return -1;
        if (buf_add_char(&word, c) < 0)
            return err_oom(err);
    }
    if (word.len == 0)
        return fault(err, W0210, start, "an empty word", "the forms are {name}, {name:int}, {name:a|b} and {name:**}");
    *ret = arena_str(&s->p->arena, buf_str(&word));
    return ret->at ? 0 : err_oom(err);
}

/* Sort by length as they come, so that a match tries the shortest first. */
static void word_insert(struct str *words, size_t n, struct str word)
{
    for (; n > 0 && words[n - 1].len > word.len; n--)
        words[n] = words[n - 1];
    words[n] = word;
}

static int parse_words(struct parser *s, struct part *ret, struct err *err)
{
    struct str *words = arena_calloc(&s->p->arena, WORDS_MAX, sizeof *words);
    size_t n = 0;

    if (!words)
        return err_oom(err);
    for (;;) {
        struct str word;

        if (n == WORDS_MAX)
            return fault(err, W0212, s->at, "more than 256 words in a capture", NULL);
        if (parse_word(s, &word, err) < 0)
            return -1;
        word_insert(words, n++, word);
        if (peek(s, 0) != '|')
            break;
        s->at++;
    }
    ret->kind = PART_WORDS;
    ret->words = words;
    ret->n_words = n;
    return 0;
}

static bool skip_form(struct parser *s, const char *form)
{
    size_t len = strlen(form);

    if (s->text.len - s->at <= len || memcmp(s->text.at + s->at, form, len) != 0 || s->text.at[s->at + len] != '}')
        return false;
    s->at += len;
    return true;
}

static int parse_form(struct parser *s, struct part *ret, struct err *err)
{
    size_t start = s->at;

    ret->kind = PART_NAME;
    if (peek(s, 0) == '}')
        return 0;
    s->at++;
    if (skip_form(s, "*"))
        return 0;
    if (skip_form(s, "int")) {
        ret->kind = PART_INT;
        return 0;
    }
    if (!skip_form(s, "**"))
        return parse_words(s, ret, err);
    if (s->deep_capture)
        return fault(err, W0210, start, "a second capture that crosses '/'",
                     "one {name:**} at most; '**' may stand anywhere");
    ret->kind = PART_DEEP;
    s->deep_capture = true;
    return 0;
}

/* The rules for a name's second place, see pattern.h: without them a match could take quadratic time and more. */
static int capture_again(struct parser *s, struct capture *c, size_t start, struct err *err)
{
    s->p->repeats = true;
    if (c->place != CAPTURE_ONCE)
        return 0;
    c->place = c->whole ? CAPTURE_WHOLE : CAPTURE_LOOSE;
    for (size_t i = 0; i < s->p->n_captures; i++) {
        const struct capture *other = &s->p->captures[i];

        if (c->place == CAPTURE_LOOSE && other != c && other->place == CAPTURE_LOOSE)
            c->certain = false;
    }
    if (!c->certain || c->kind == PART_DEEP || (c->place == CAPTURE_LOOSE && c->offset < 0)) {
        err_set(err, ERR_RUN, W0211, "'{%.*s}' stands twice, but where it first begins or ends is not certain",
                STR_ARG(c->name));
        err_help(err, "let it fill a whole name between two '/' the first time, with no '**' before");
        return err_at_byte(err, start);
    }
    return 0;
}

static int capture_first(struct parser *s, struct str name, size_t start, const struct part *part, struct err *err)
{
    struct pattern *p = s->p;
    bool ends = s->at >= s->text.len || s->text.at[s->at] == '/';

    if (p->n_captures == PATTERN_CAPTURES_MAX)
        return fault(err, W0212, start, "more than 16 captures", NULL);
    p->captures[p->n_captures++] = (struct capture){
        .name = name, .segment = s->segment, .offset = s->offset, .certain = !s->deep,
        .whole = start == s->segment_start && ends, .kind = part->kind,
    };
    return 0;
}

static int parse_capture(struct parser *s, struct err *err)
{
    size_t start = s->at;
    struct part part = {0}, *added;
    struct str name;
    int known;

    if (plain_flush(s, err) < 0)
        return -1;
    s->at++;
    if (parse_capture_name(s, &name, err) < 0 || parse_form(s, &part, err) < 0)
        return -1;
    if (peek(s, 0) != '}')
        return fault(err, W0210, start, "'{' is never closed", "write '\\{' for the byte itself");
    s->at++;
    known = pattern_capture_index(s->p, name);
    part.again = known >= 0;
    part.capture = (uint8_t)(known >= 0 ? (size_t)known : s->p->n_captures);
    if (known >= 0 ? capture_again(s, &s->p->captures[known], start, err) < 0
                   : capture_first(s, name, start, &part, err) < 0)
        return -1;
    s->offset = -1;
    s->deep |= part.kind == PART_DEEP;
    added = part_add(s, part.kind, err);
    if (!added)
        return -1;
    *added = part;
    return 0;
}

static int parse_step(struct parser *s, struct err *err)
{
    char c = s->text.at[s->at];

    switch (c) {
    case '{': return parse_capture(s, err);
    case '*': return parse_stars(s, err);
    case '?': return parse_one(s, err);
    case '\\': return parse_escaped_plain(s, err);
    case '}': return fault(err, W0210, s->at, "'}' closes nothing", "write '\\}' for the byte itself");
    default: return parse_plain(s, c, err);
    }
}

static int parse(struct pattern *p, struct err *err)
{
    CLEANUP(parser_release) struct parser s = {.p = p, .text = p->text};

    while (s.at < s.text.len)
        if (parse_step(&s, err) < 0)
            return -1;
    p->directory = s.text.at[s.text.len - 1] == '/';
    if (!p->directory && check_segment(&s, err) < 0)
        return -1;
    return plain_flush(&s, err);
}

struct pattern *pattern_new(struct str text, struct err *err)
{
    struct pattern *p;

    if (text.len == 0 || text.len > TEXT_BYTES_MAX) {
        fault(err, text.len ? W0212 : W0210, 0,
              text.len ? "the pattern is longer than 4096 bytes" : "the pattern is empty", NULL);
        return NULL;
    }
    p = calloc(1, sizeof *p);
    if (!p) {
        err_oom(err);
        return NULL;
    }
    p->text = arena_str(&p->arena, text);
    if (!p->text.at)
        err_oom(err);
    if (!p->text.at || parse(p, err) < 0) {
        pattern_free(p);
        return NULL;
    }
    return p;
}

void pattern_free(struct pattern *p)
{
    if (!p)
        return;
    arena_release(&p->arena);
    free(p);
}

struct str pattern_text(const struct pattern *p)
{
    return p->text;
}

bool pattern_is_directory(const struct pattern *p)
{
    return p->directory;
}

size_t pattern_captures(const struct pattern *p)
{
    return p->n_captures;
}

struct str pattern_capture_name(const struct pattern *p, size_t i)
{
    return i < p->n_captures ? p->captures[i].name : str_make("", 0);
}

int pattern_capture_index(const struct pattern *p, struct str name)
{
    for (size_t i = 0; i < p->n_captures; i++)
        if (str_eq(p->captures[i].name, name))
            return (int)i;
    return -1;
}

bool pattern_expand(const struct pattern *p, const struct str captures[PATTERN_CAPTURES_MAX], struct buf *out)
{
    size_t before = out->len;

    for (size_t i = 0; i < p->n_parts; i++) {
        const struct part *part = &p->parts[i];
        struct str text = part->kind == PART_BYTES ? part->text : str_make(NULL, 0);

        if (part_is_capture(part) && part_allows(part, captures[part->capture]))
            text = captures[part->capture];
        if (!text.at || buf_add_str(out, text) < 0) {
            out->len = before;
            if (out->at)
                out->at[before] = '\0';
            return false;
        }
    }
    return true;
}
