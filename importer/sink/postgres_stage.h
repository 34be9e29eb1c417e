/* sink/postgres_stage.h: one write by way of the stage, and the SQL for it. Of postgres_stage.c and
 * postgres_stage_sql.c alone.
 *
 * In the stage "seq" is the number of the row, "turn" the pass in which rows of a table that refers to itself follow
 * their parents (-1: not yet), and "again" counts the rows of one key, for ON CONFLICT DO UPDATE touches a row only
 * once in a statement. In the statements w_s is the stage, w_r<i> the table that column i refers to, w_new the staged
 * rows under the names of the target's columns, and w_old the target. The functions append to `out`; -1 only on want
 * of memory. */
#ifndef WINDROW_SINK_POSTGRES_STAGE_H
#define WINDROW_SINK_POSTGRES_STAGE_H

#include "sink/postgres_order.h"

struct staged {
    struct sink_table *t;
    struct stage *stage;
    const struct row_form *form;
    const struct sink_rows *rows;
    const struct sink_write *how;
    struct sink_counts *counts;
    struct err **reasons;       /* of the refused rows as they were given; NULL for the others */
    size_t n_given;
    struct postgres_rings *rings;   /* the rows are in an order of their own; NULL: as they were given */
    bool forgetful;             /* there was no memory for a reason */
    bool keys_only;             /* the rows are keys (for DELETE) */
    bool updates;               /* ON CONFLICT DO UPDATE */
    bool nothing;               /* ON CONFLICT DO NOTHING */
    bool skips;                 /* a row that was there counts as skipped, not as the same */
    bool repeats;               /* some key comes more than once: "again" is filled in */
    bool indexed;
    int turn;
    unsigned again;
};

size_t postgres_stage_count_updated(const struct staged *w);
bool postgres_stage_has_condition(const struct staged *w);

/* (SELECT ...) AS w_new: rows first..first+n-1 of this turn, references resolved. */
int postgres_stage_source(const struct staged *w, size_t first, size_t n, struct buf *out);
/* Columns of the key, each with this prefix; and the condition that the keys of both are equal. */
int postgres_stage_key(const struct sink_table *t, const char *prefix, struct buf *out);
int postgres_stage_match(const struct sink_table *t, const char *left, const char *right, struct buf *out);
/* The condition that what would be updated differs between w_old and `new_name`. */
int postgres_stage_differs(const struct staged *w, const char *new_name, struct buf *out);
int postgres_stage_insert(const struct staged *w, size_t first, size_t n, struct buf *out);
/* Rows of turn -1 whose references lead somewhere get this turn. */
int postgres_stage_take_turn(const struct staged *w, int turn, struct buf *out);
/* Delete the rows of the present turn with a reference that leads nowhere, giving seq, column and key. */
int postgres_stage_drop_nowhere(const struct staged *w, struct buf *out);

#endif
