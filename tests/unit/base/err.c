/* A failure keeps its first reason and place; one that could not be told whole is that of memory. */
#include "base/err.h"

#include "tap.h"

static void first_wins(void)
{
    struct err err = {0};

    err_set(&err, ERR_RECORD, W0412, "value does not fit the column");
    err_set(&err, ERR_RUN, W0601, "later");
    err_at(&err, "a.json", 3, 7);
    err_at(&err, "b.json", 4, 8);
    err_in(&err, "/id");
    err_in(&err, "/other");
    ok(err.scope == ERR_RECORD && err.code == W0412, "the first failure stays");
    is_str(err.file, "a.json", "and its file");
    ok(err.line == 3 && err.column == 7, "and its place");
    is_str(err.pointer, "/id", "and its pointer");
    err_release(&err);
}

static void incomplete(void)
{
    struct err err = {0};

    err_set(&err, ERR_RECORD, W0412, "value does not fit the column");
    err_label(&err, "expected integer");
    err_help(&err, "mend it");
    err_at(&err, "a.json", 3, 7);
    ok(err_incomplete(&err) == -1, "memory ended while it was told");
    ok(err.scope == ERR_RUN && err.code == W0601, "then it is the run's, and says so");
    is_str(err.message, "out of memory", "in its message");
    ok(!err.label[0] && !err.help[0], "without the words of the other");
    is_str(err.file, "a.json", "what is known of the place stays");
    err_release(&err);
    ok(err_incomplete(NULL) == -1, "nobody asks");
}

int main(void)
{
    first_wins();
    incomplete();
    return done_testing();
}
