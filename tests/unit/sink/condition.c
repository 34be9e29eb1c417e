/* tests/unit/sink/condition.c: old. and new. are replaced where they qualify a name, and nowhere else. */
#include "sink/sink_internal.h"

#include "base/cleanup.h"
#include "tap.h"

static const struct {
    const char *name, *input, *expected;
} cases[] = {
    {"both", "old.a < new.a", "T.a < N.a"},
    {"upper case and spaces", "OLD . a < New\n.a", "T . a < N\n.a"},
    {"quoted column", "new.\"old.a\" > old.\"x\"\"new.b\"", "N.\"old.a\" > T.\"x\"\"new.b\""},
    {"text", "old.a = 'new.a' and new.b = 'it''s old.b'", "T.a = 'new.a' and N.b = 'it''s old.b'"},
    {"escaped text", "old.a = E'\\'new.a' and new.b", "T.a = E'\\'new.a' and N.b"},
    {"dollar quotes", "old.a = $$new.a$$ and new.a = $x$old.$$ $x$", "T.a = $$new.a$$ and N.a = $x$old.$$ $x$"},
    {"line comment", "old.a -- new.a\n or new.b", "T.a -- new.a\n or N.b"},
    {"nested comment", "/* new.a /* old.b */ new.c */ old.d", "/* new.a /* old.b */ new.c */ T.d"},
    {"part of a word", "bold.a = renew.b and older.c = newer.d", "bold.a = renew.b and older.c = newer.d"},
    {"a column called old", "old.old = new.new", "T.old = N.new"},
    {"a schema before it", "s.old.a", "s.old.a"},
    {"no dot", "old = 1 and new is null", "old = 1 and new is null"},
    {"a quoted name that says old", "\"old\".a", "\"old\".a"},
    {"unterminated text", "old.a = 'new.b", "T.a = 'new.b"},
    {"unterminated comment", "old.a /* new.b", "T.a /* new.b"},
    {"ends in old", "x = old", "x = old"},
    {"empty", "", ""},
};

int main(void)
{
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(buf_release) struct buf out = BUF_INIT;

        ok(sink_condition(str_of(cases[i].input), "T", "N", &out) == 0, "%s: done", cases[i].name);
        is_str(buf_text(&out), cases[i].expected, "%s: text", cases[i].name);
    }
    return done_testing();
}
