/* report/escape.h: the one way by which foreign text (names, values, server messages) reaches a person or a file.
 *
 * Shown text is one line of printable UTF-8. What could move a cursor, reorder text or hide in it is written out:
 * a byte as \xNN (C0 controls, DEL, bytes that are not UTF-8), a code point as \u{N} (C1 controls, bidirectional
 * and other format controls except the joiners, U+2028, U+2029, noncharacters). A backslash that stands before
 * `x` or `u{` is itself written \x5C and every other one as it is, so that shown text can be turned back, and
 * JSON looks as it does in its file. All functions append; -1 when out of memory. */
#ifndef WINDROW_REPORT_ESCAPE_H
#define WINDROW_REPORT_ESCAPE_H

#include "base/buf.h"

/* One character of the input and how it is shown. `bytes` of the input became text[0..len), `width` columns wide. */
struct escape_piece {
    size_t bytes;
    unsigned width;
    unsigned len;
    char text[16];
};

/* The character at s.at[at]; false at the end. A tab is a piece like other controls: layout is the caller's. */
bool escape_next(struct str s, size_t at, struct escape_piece *ret);

/* For terminals, plain files and logs. */
int escape_text(struct buf *ret, struct str s);

/* The same, at most `columns` wide; what is cut off is replaced by "..." (at the end, or in the middle, which suits
 * paths). Narrower than 3 columns, only dots remain. */
int escape_text_cut(struct buf *ret, struct str s, size_t columns);
int escape_text_cut_middle(struct buf *ret, struct str s, size_t columns);

/* Columns that escape_text() of `s` takes on a terminal. */
size_t escape_width(struct str s);

/* Shown text inside HTML or XML 1.0, as content or within a quoted attribute. */
int escape_markup(struct buf *ret, struct str s);

/* The same for text that is shown text already, with line ends: only & < > " ' change. */
int escape_entities(struct buf *ret, struct str shown);

/* A JSON string with its quotes. Valid text keeps its meaning exactly (controls as \uNNNN); bytes that are no
 * UTF-8 appear as the text \xNN. */
int escape_json(struct buf *ret, struct str s);

/* A CSV cell, quoted when it must be. SAFE shows controls other than line ends as above and puts ' before a cell
 * that a spreadsheet would run as a formula (= + - @ TAB CR LF; plain numbers are left alone); EXACT changes
 * nothing. */
enum escape_csv { ESCAPE_CSV_SAFE = 0, ESCAPE_CSV_EXACT };
int escape_csv(struct buf *ret, struct str s, enum escape_csv how);

#endif
