/* The slow scan: byte by byte through a JSON text that is known to be wrong, to say what is wrong, and where. */
#include "read/json_internal.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

enum state { WANT_VALUE, WANT_ITEM, WANT_FIRST_KEY, WANT_KEY, WANT_COLON, WANT_COMMA };

struct scanner {
    const struct json_scan *how;
    const char *text;
    size_t len, at;
    size_t invalid_at;          /* the first byte that is not UTF-8, or len */
    uint32_t *pos;
    size_t n;
    uint32_t depth;
    struct json_fault *fault;
    uint32_t open[JSON_DEPTH_MAX];
};

__attribute__((format(printf, 5, 6)))
static bool wrong(struct scanner *s, enum code code, size_t at, size_t end, const char *fmt, ...)
{
    va_list args;

    s->fault->code = code;
    s->fault->at = at;
    s->fault->end = end;
    va_start(args, fmt);
    vsnprintf(s->fault->message, sizeof s->fault->message, fmt, args);
    va_end(args);
    return false;
}

static bool label(struct scanner *s, const char *text, const char *help)
{
    s->fault->label = text;
    s->fault->help = help;
    return false;
}

static bool not_utf8(struct scanner *s)
{
    wrong(s, W0321, s->invalid_at, 0, "invalid UTF-8, byte 0x%02x", (unsigned char)s->text[s->invalid_at]);
    return label(s, "not UTF-8", "if the file is in another encoding such as Latin-1, convert it to UTF-8");
}

static void token(struct scanner *s)
{
    if (s->pos)
        s->pos[s->n] = (uint32_t)s->at;
    s->n++;
}

/* --- strings --- */

static const char *control_label(unsigned char c)
{
    switch (c) {
    case '\0': return "a NUL byte, in JSON \\u0000";
    case '\t': return "a tab, in JSON \\t";
    case '\n': return "the line ends inside the string; in JSON \\n";
    case '\r': return "a carriage return, in JSON \\r";
    default: return "in JSON \\u00XX";
    }
}

static bool wrong_escape(struct scanner *s, size_t at, size_t end)
{
    if (s->text[at + 1] == 'u') {
        wrong(s, W0320, at, at + 2, "invalid \\u escape");
        return label(s, "expected four hexadecimal digits", NULL);
    }
    wrong(s, W0320, at, at + 2 < end ? at + 2 : end, "invalid escape");
    return label(s, "expected one of \\\" \\\\ \\/ \\b \\f \\n \\r \\t \\u", NULL);
}

/* What ends a scan through a string too early, in the order of the text. */
static bool scan_string(struct scanner *s)
{
    size_t start = s->at + 1, i = start, escape;

    while (i < s->len && i < s->invalid_at && s->text[i] != '"' && (unsigned char)s->text[i] >= 0x20) {
        if (s->text[i] == '\\' && i + 1 < s->len && (s->text[i + 1] == '"' || s->text[i + 1] == '\\'))
            i++;
        i++;
    }
    escape = start + json_escapes_wrong_at(s->text + start, i - start);
    if (escape + 1 < i && (i < s->len || escape + 6 <= i))
        return wrong_escape(s, escape, i);
    if (i < s->len && i == s->invalid_at)
        return not_utf8(s);
    if (i >= s->len) {
        wrong(s, W0320, s->at, s->len, "unterminated string");
        return label(s, "opened here, never closed", NULL);
    }
    if (s->text[i] != '"') {
        wrong(s, W0326, i, i + 1, "control character in a string");
        return label(s, control_label((unsigned char)s->text[i]), NULL);
    }
    s->at = i + 1;
    return true;
}

/* --- numbers and words --- */

static bool is_digit(const struct scanner *s, size_t i)
{
    return i < s->len && s->text[i] >= '0' && s->text[i] <= '9';
}

/* The end of a run of characters that could have been meant as one number or word. */
static size_t word_end(const struct scanner *s, size_t i)
{
    while (i < s->len && i < s->invalid_at && !json_is_space(s->text[i]) && !memchr("{}[]:,\"", s->text[i], 7))
        i++;
    return i;
}

static bool wrong_number(struct scanner *s, size_t at, const char *what)
{
    wrong(s, W0320, at, word_end(s, s->at), "not a JSON number");
    return label(s, what, NULL);
}

static bool scan_number(struct scanner *s)
{
    size_t i = s->at + (s->text[s->at] == '-'), first = i;

    if (!is_digit(s, i))
        return wrong_number(s, i, "expected a digit");
    while (is_digit(s, i))
        i++;
    if (s->text[first] == '0' && i > first + 1)
        return wrong_number(s, first, "leading zero");
    if (i < s->len && s->text[i] == '.') {
        if (!is_digit(s, ++i))
            return wrong_number(s, i, "expected a digit after the point");
        while (is_digit(s, i))
            i++;
    }
    if (i < s->len && (s->text[i] | 0x20) == 'e') {
        i++;
        if (i < s->len && (s->text[i] == '+' || s->text[i] == '-'))
            i++;
        if (!is_digit(s, i))
            return wrong_number(s, i, "expected a digit of the exponent");
        while (is_digit(s, i))
            i++;
    }
    if (word_end(s, i) > i || (i < s->len && s->text[i] == '"'))
        return wrong_number(s, i, "this does not belong to a number");
    s->at = i;
    return true;
}

static bool is_word(const struct scanner *s, const char *word)
{
    return str_is(str_make(s->text + s->at, word_end(s, s->at) - s->at), word);
}

static bool wrong_word(struct scanner *s, size_t end)
{
    char c = s->text[s->at];

    wrong(s, W0320, s->at, end, "expected a value");
    if (c == '\'')
        return label(s, "strings stand in double quotes", NULL);
    if (c == '+' || c == '.')
        return label(s, "a number begins with a digit or '-'", NULL);
    if (c == '/' || c == '#')
        return label(s, "JSON has no comments", NULL);
    if (is_word(s, "NaN") || is_word(s, "Infinity") || is_word(s, "-Infinity"))
        return label(s, "not in JSON", "allow non-finite numbers in the mapping to read them as null");
    if (is_word(s, "True") || is_word(s, "False") || is_word(s, "None"))
        return label(s, "in JSON true, false and null", "this looks like the printed form of a Python value");
    if (is_word(s, "undefined"))
        return label(s, "in JSON null", NULL);
    if (strncmp(s->text + s->at, "\xef\xbb\xbf", s->len - s->at < 3 ? s->len - s->at : 3) == 0)
        return label(s, "a byte order mark in the middle of the text", NULL);
    if ((unsigned char)c < 0x20)
        return label(s, "a control character", NULL);
    return label(s, c == '}' || c == ']' ? "a value is missing here" : "this is no value", NULL);
}

static bool scan_scalar(struct scanner *s)
{
    static const char *const words[] = {"true", "false", "null", "NaN", "Infinity", "-Infinity"};
    size_t end = word_end(s, s->at);
    bool quote = end < s->len && s->text[end] == '"';   /* `true"x"` is one broken word */

    if (end == s->at && end == s->invalid_at)
        return not_utf8(s);
    for (size_t i = 0; i < (s->how->allow_nonfinite ? ARRAY_LEN(words) : 3); i++) {
        if (!is_word(s, words[i]))
            continue;
        if (end == s->invalid_at && end < s->len)
            return not_utf8(s);
        if (quote)
            break;
        s->at = end;
        return true;
    }
    if (is_word(s, "-Infinity"))
        return wrong_word(s, end);
    if (s->text[s->at] == '-' || is_digit(s, s->at))
        return scan_number(s);
    return wrong_word(s, end);
}

/* --- structure --- */

static bool ends_early(struct scanner *s, enum state state)
{
    static const char *const wanted[] = {"expected a value", "expected a value or ']'", "expected a member name or '}'",
                                         "expected a member name", "expected ':'", "expected ',' or the end of it"};
    uint32_t open = s->depth ? s->open[s->depth - 1] : 0;

    if (s->depth == 0) {
        wrong(s, W0327, 0, 0, s->len ? "the document is nothing but white space" : "the document is empty");
        return label(s, "expected a value", NULL);
    }
    wrong(s, W0320, s->len, 0, "the text ends inside %s", s->text[open] == '{' ? "an object" : "an array");
    return label(s, wanted[state], "the file or line may have been cut off while it was written");
}

static bool wrong_token(struct scanner *s, const char *message, const char *what)
{
    size_t end = word_end(s, s->at);

    if (s->at == s->invalid_at)
        return not_utf8(s);
    wrong(s, W0320, s->at, end > s->at ? end : s->at + 1, "%s", message);
    return label(s, what, NULL);
}

static bool wrong_comma(struct scanner *s)
{
    char c = s->text[s->at];
    bool object = s->text[s->open[s->depth - 1]] == '{';

    if (c == '}' || c == ']')
        return wrong_token(s, object ? "expected ',' or '}'" : "expected ',' or ']'",
                           object ? "closes an array, an object is open" : "closes an object, an array is open");
    return wrong_token(s, object ? "expected ',' or '}'" : "expected ',' or ']'", "a comma is missing before this");
}

static bool wrong_key(struct scanner *s)
{
    char c = s->text[s->at];

    if (c == '}')
        return wrong_token(s, "expected a member name", "a comma before the closing brace");
    return wrong_token(s, "expected a member name", "names are strings in double quotes");
}

static bool behind_the_end(struct scanner *s)
{
    if (s->at == s->invalid_at)
        return not_utf8(s);
    wrong(s, W0324, s->at, word_end(s, s->at), "text after the end of the value");
    return label(s, "the value ended before this", NULL);
}

static bool open_container(struct scanner *s, enum state *state)
{
    if (s->depth == s->how->depth_max) {
        wrong(s, W0323, s->at, s->at + 1, "nested deeper than %" PRIu32 " levels", s->how->depth_max);
        return label(s, "one level too many", NULL);
    }
    s->open[s->depth++] = (uint32_t)s->at;
    *state = s->text[s->at++] == '{' ? WANT_FIRST_KEY : WANT_ITEM;
    return true;
}

static bool close_container(struct scanner *s, enum state *state)
{
    s->depth--;
    s->at++;
    *state = WANT_COMMA;
    return true;
}

static bool scan_value(struct scanner *s, enum state *state)
{
    char c = s->text[s->at];

    if (c == ']' && *state == WANT_ITEM)
        return close_container(s, state);
    if (c == '{' || c == '[')
        return open_container(s, state);
    *state = WANT_COMMA;
    if (c == '"')
        return scan_string(s);
    return scan_scalar(s);
}

static bool scan_comma(struct scanner *s, enum state *state)
{
    char c = s->text[s->at], open = s->text[s->open[s->depth - 1]];

    if (c == open + 2)
        return close_container(s, state);
    if (c != ',')
        return wrong_comma(s);
    s->at++;
    *state = open == '{' ? WANT_KEY : WANT_VALUE;
    return true;
}

static bool scan_key(struct scanner *s, enum state *state)
{
    char c = s->text[s->at];

    if (c == '}' && *state == WANT_FIRST_KEY)
        return close_container(s, state);
    *state = WANT_COLON;
    return c == '"' ? scan_string(s) : wrong_key(s);
}

static bool scan_token(struct scanner *s, enum state *state)
{
    switch (*state) {
    case WANT_VALUE:
    case WANT_ITEM:
        return scan_value(s, state);
    case WANT_FIRST_KEY:
    case WANT_KEY:
        return scan_key(s, state);
    case WANT_COLON:
        if (s->text[s->at] != ':')
            return wrong_token(s, "expected ':' after the member name", NULL);
        s->at++;
        *state = WANT_VALUE;
        return true;
    case WANT_COMMA:
        return scan_comma(s, state);
    }
    BUG("state %d", (int)*state);
}

bool json_looks_like_utf16(const char *text, size_t len)
{
    if (len < 2)
        return false;
    if (memcmp(text, "\xff\xfe", 2) == 0 || memcmp(text, "\xfe\xff", 2) == 0)
        return true;
    if ((text[0] == '\0') == (text[1] == '\0'))
        return false;
    return len < 4 || ((text[0] == '\0') == (text[2] == '\0') && (text[1] == '\0') == (text[3] == '\0'));
}

bool json_scan(const struct json_scan *how, const char *text, size_t len, struct json_fault *ret, uint32_t *pos,
               size_t *n)
{
    struct scanner s = {.how = how, .text = text, .len = len, .pos = pos, .fault = ret};
    enum state state = WANT_VALUE;

    s.invalid_at = str_utf8_invalid_at(str_make(text, len));
    if (how->file_start && json_looks_like_utf16(text, len)) {
        wrong(&s, W0325, 0, 0, "this looks like UTF-16; convert it to UTF-8");
        return label(&s, "not UTF-8", "iconv -f UTF-16 -t UTF-8 converts a file");
    }
    for (;;) {
        while (s.at < len && json_is_space(text[s.at]))
            s.at++;
        if (s.depth == 0 && state == WANT_COMMA)
            break;
        if (s.at == len)
            return ends_early(&s, state);
        token(&s);
        if (!scan_token(&s, &state))
            return false;
    }
    if (s.at < len)
        return behind_the_end(&s);
    if (pos)
        pos[s.n] = (uint32_t)len;
    if (n)
        *n = s.n;
    return true;
}
