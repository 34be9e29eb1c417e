/* Columns of characters become columns of the terminal: wide characters take two, marks none, escapes several. */
#include "report/excerpt.h"

#include "report/escape.h"

enum { TAB = 4, DOTS = 3, ROOM_MIN = 20 };

/* The character at `at` as it looks with `column` columns before it. */
static bool next_piece(struct str s, size_t at, size_t column, struct escape_piece *ret)
{
    if (!escape_next(s, at, ret))
        return false;
    if (s.at[at] == '\t') {
        ret->len = ret->width = (unsigned)(TAB - column % TAB);
        memset(ret->text, ' ', ret->len);
    }
    return true;
}

static bool word_byte(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || strchr("_.+-$", c) || c & 0x80;
}

/* The byte behind the token at `at`: a string with its quotes, a word or number, else one character. */
static size_t token_end(struct str s, size_t at)
{
    size_t end = at;

    if (at >= s.len)
        return at;
    if (s.at[at] == '"' || s.at[at] == '\'') {
        for (end++; end < s.len && s.at[end] != s.at[at]; end++) {
            if (s.at[end] == '\\')
                end++;
        }
        return end < s.len ? end + 1 : s.len;
    }
    while (end < s.len && s.at[end] && word_byte(s.at[end]))
        end++;
    return end > at ? end : at + 1;
}

/* Where the part lies and how wide line and part are, uncut. */
static size_t measure(const struct excerpt *e, struct excerpt_mark *ret)
{
    uint64_t column = e->first_column ? e->first_column : 1, last = e->length ? e->column + e->length : UINT64_MAX;
    size_t shown = 0, end = SIZE_MAX;
    bool open = false;
    struct escape_piece p;

    *ret = (struct excerpt_mark){0, 0};
    for (size_t at = 0; next_piece(e->text, at, shown, &p); at += p.bytes, column++) {
        if (!open && e->column && column == e->column) {
            open = true;
            ret->at = shown;
            if (!e->length)
                end = token_end(e->text, at);
        }
        if (open && column < last && at < end)
            ret->width = shown + p.width - ret->at;
        shown += p.width;
    }
    if (e->column >= column && !open)   /* behind the end, as of a missing bracket */
        ret->at = shown;
    if (e->column && ret->width == 0 && e->column >= (e->first_column ? e->first_column : 1))
        ret->width = 1;
    return ret->at + ret->width > shown ? ret->at + ret->width : shown;
}

/* Append what lies between the columns `from` and `to`; *ret_from is where the first shown character began. */
static int show_between(struct str s, size_t from, size_t to, struct buf *ret, size_t *ret_from, bool *ret_all)
{
    size_t shown = 0;
    bool first = true;
    struct escape_piece p;

    *ret_from = from;
    *ret_all = true;
    for (size_t at = 0; next_piece(s, at, shown, &p); shown += p.width, at += p.bytes) {
        if (shown < from || (first && p.width == 0 && from > 0))
            continue;
        if (shown + p.width > to) {
            *ret_all = false;
            break;
        }
        if (first)
            *ret_from = shown;
        first = false;
        if (buf_add(ret, p.text, p.len) < 0)
            return -1;
    }
    return 0;
}

int excerpt_show(const struct excerpt *e, struct buf *ret, struct excerpt_mark *ret_mark)
{
    size_t room = e->room < ROOM_MIN ? ROOM_MIN : e->room, from = 0, to, start, lead;
    size_t width = measure(e, ret_mark);
    bool dots_before = e->first_column > 1, all;

    to = width;
    if (width + (dots_before ? DOTS : 0) + (e->cut ? DOTS : 0) > room) {
        size_t keep = room - 2 * DOTS, before = keep / 3;

        from = ret_mark->at > before ? ret_mark->at - before : 0;
        if (from > 0 && width - from < keep)
            from = width > keep ? width - keep : 0;
        to = from + keep;
    }
    dots_before |= from > 0;
    lead = dots_before ? DOTS : 0;
    if (dots_before && buf_add_text(ret, "...") < 0)
        return -1;
    if (show_between(e->text, from, to, ret, &start, &all) < 0)
        return -1;
    if ((!all || e->cut) && buf_add_text(ret, "...") < 0)
        return -1;
    ret_mark->at = ret_mark->at + lead - start;
    if (ret_mark->at + ret_mark->width > lead + (to - start) + 1)
        ret_mark->width = lead + (to - start) > ret_mark->at ? lead + (to - start) - ret_mark->at : 1;
    return 0;
}
