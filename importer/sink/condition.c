/* The condition of an update, written over old.COLUMN and new.COLUMN, put into an engine's own words.
 *
 * Only a word that qualifies a name is replaced; text in quotes, quoted names and comments are copied as they are. */
#include "sink/sink_internal.h"

#include <strings.h>

static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '$' ||
           (c & 0x80);
}

/* The end of a text or name in quotes that begins at `i`; a doubled quote simply begins another one. */
static size_t skip_quoted(struct str s, size_t i, bool escapes)
{
    char mark = s.at[i++];

    while (i < s.len && s.at[i] != mark)
        i += escapes && s.at[i] == '\\' && i + 1 < s.len ? 2 : 1;
    return i < s.len ? i + 1 : s.len;
}

static size_t skip_line(struct str s, size_t i)
{
    while (i < s.len && s.at[i] != '\n')
        i++;
    return i;
}

static size_t skip_comment(struct str s, size_t i)
{
    size_t depth = 0;

    do {
        if (i + 1 < s.len && s.at[i] == '/' && s.at[i + 1] == '*') {
            depth++;
            i += 2;
        } else if (i + 1 < s.len && s.at[i] == '*' && s.at[i + 1] == '/') {
            depth--;
            i += 2;
        } else {
            i++;
        }
    } while (depth && i < s.len);
    return i < s.len ? i : s.len;
}

/* $tag$ ... $tag$ of PostgreSQL, or just past the dollar when it begins none. */
static size_t skip_dollar(struct str s, size_t i)
{
    size_t end = i + 1;
    struct str tag;
    const char *close;

    while (end < s.len && s.at[end] != '$' && is_word(s.at[end]))
        end++;
    if (end >= s.len || s.at[end] != '$' || (end > i + 1 && s.at[i + 1] >= '0' && s.at[i + 1] <= '9'))
        return i + 1;
    tag = str_make(s.at + i, end + 1 - i);
    close = memmem(s.at + end + 1, s.len - end - 1, tag.at, tag.len);
    return close ? (size_t)(close - s.at) + tag.len : s.len;
}

/* Just past the piece at `i` that must be copied untouched; `i` itself when there is none. */
static size_t skip_opaque(struct str s, size_t i)
{
    char c = s.at[i], next = i + 1 < s.len ? s.at[i + 1] : '\0';

    if (c == '\'' || c == '"')
        return skip_quoted(s, i, false);
    if ((c == 'e' || c == 'E') && next == '\'')
        return skip_quoted(s, i + 1, true);
    if (c == '-' && next == '-')
        return skip_line(s, i);
    if (c == '/' && next == '*')
        return skip_comment(s, i);
    if (c == '$')
        return skip_dollar(s, i);
    return i;
}

static bool dot_follows(struct str s, size_t i)
{
    while (i < s.len && (s.at[i] == ' ' || s.at[i] == '\t' || s.at[i] == '\n' || s.at[i] == '\r'))
        i++;
    return i < s.len && s.at[i] == '.';
}

static const char *replacement(struct str word, const char *old_name, const char *new_name)
{
    if (word.len != 3)
        return NULL;
    if (strncasecmp(word.at, "old", 3) == 0)
        return old_name;
    return strncasecmp(word.at, "new", 3) == 0 ? new_name : NULL;
}

int sink_condition(struct str when, const char *old_name, const char *new_name, struct buf *out)
{
    bool after_dot = false;

    for (size_t i = 0; i < when.len;) {
        size_t end = skip_opaque(when, i);
        const char *name = NULL;

        if (end == i && is_word(when.at[i])) {
            while (end < when.len && is_word(when.at[end]))
                end++;
            if (!after_dot && dot_follows(when, end))
                name = replacement(str_make(when.at + i, end - i), old_name, new_name);
        } else if (end == i) {
            end++;
        }
        if ((name ? buf_add_text(out, name) : buf_add(out, when.at + i, end - i)) < 0)
            return -1;
        after_dot = when.at[i] == '.' || (after_dot && (when.at[i] == ' ' || when.at[i] == '\n'));
        i = end;
    }
    return 0;
}
