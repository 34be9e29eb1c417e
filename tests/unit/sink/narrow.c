/* tests/unit/sink/narrow.c: exactly the guilty rows are refused, in order, at a bounded cost. */
#include "sink/narrow.h"

#include "base/cleanup.h"
#include "tap.h"

enum { ROWS_MAX = 20000 };

enum hint { HINT_NONE, HINT_RIGHT, HINT_LAST, HINT_WRONG };

struct world {
    bool guilty[ROWS_MAX], taken[ROWS_MAX], refused[ROWS_MAX];
    size_t next;            /* rows before it are settled */
    size_t attempts, tried; /* calls, and rows in them */
    size_t fail_at;         /* this attempt fails for good; 0: none */
    enum hint hint;
    bool in_order;
    unsigned long long random;
};

static unsigned random_below(struct world *w, unsigned n)
{
    w->random = w->random * 6364136223846793005ULL + 1442695040888963407ULL;
    return (unsigned)(w->random >> 33) % n;
}

static int attempt(void *context, size_t first, size_t n, size_t *hint, struct err *err)
{
    struct world *w = context;

    w->attempts++;
    w->tried += n;
    w->in_order = w->in_order && first == w->next && n > 0;
    if (w->attempts == w->fail_at)
        return err_set(err, ERR_RUN, W0501, "gone");
    for (size_t i = first; i < first + n; i++) {
        if (!w->guilty[i])
            continue;
        err_set(err, ERR_RUN, W0502, "row %zu", i);
        if (w->hint == HINT_RIGHT)
            *hint = i;
        if (w->hint == HINT_LAST)
            *hint = first + n - 1;
        if (w->hint == HINT_WRONG)
            *hint = first - 1 + random_below(w, (unsigned)n + 2);
        return 1;
    }
    memset(w->taken + first, 1, n);
    w->next = first + n;
    return 0;
}

static void refuse(void *context, size_t row, struct err *err)
{
    struct world *w = context;
    char expected[40];

    snprintf(expected, sizeof expected, "row %zu", row);
    w->in_order = w->in_order && row == w->next && strcmp(err->message, expected) == 0;
    w->refused[row] = true;
    w->next = row + 1;
}

static const struct narrow_ops ops = {attempt, refuse};

static bool right(const struct world *w, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (w->guilty[i] != w->refused[i] || w->guilty[i] == w->taken[i])
            return false;
    }
    return w->in_order;
}

static void run(struct world *w, size_t n, size_t attempts_max, size_t tried_max, const char *name)
{
    CLEANUP(err_release) struct err err = {0};

    w->in_order = true;
    ok(narrow_run(n, &ops, w, &err) == 0 && right(w, n), "%s: exactly the guilty rows", name);
    ok(w->attempts <= attempts_max && w->tried <= tried_max, "%s: %zu attempts of %zu rows", name, w->attempts,
       w->tried);
}

static struct world world;

static struct world *fresh(enum hint hint)
{
    world = (struct world){.hint = hint, .random = 42};
    return &world;
}

static void one_guilty(void)
{
    static const size_t places[] = {0, 1, 4999, 5000, 9998, 9999};

    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        fresh(HINT_NONE)->guilty[places[i]] = true;
        run(&world, 10000, 60, 60000, "one of 10000, no hint");
        fresh(HINT_RIGHT)->guilty[places[i]] = true;
        run(&world, 10000, 20, 40000, "one of 10000, hint");
    }
}

static void many_guilty(void)
{
    for (int hint = HINT_NONE; hint <= HINT_WRONG; hint++) {
        memset(fresh(hint)->guilty, 1, ROWS_MAX);
        run(&world, ROWS_MAX, 2 * ROWS_MAX + 40, 4 * ROWS_MAX, "every row");
        fresh(hint);
        for (size_t i = 0; i < ROWS_MAX; i += 2)
            world.guilty[i] = true;
        run(&world, ROWS_MAX, 3 * ROWS_MAX, 6 * ROWS_MAX, "every other row");
        fresh(hint);
        for (size_t i = 999; i < ROWS_MAX; i += 1000)
            world.guilty[i] = true;
        run(&world, ROWS_MAX, 800, 12 * ROWS_MAX, "one in a thousand");
        fresh(hint);
        memset(world.guilty + ROWS_MAX / 2, 1, 500);
        run(&world, ROWS_MAX, 1200, 12 * ROWS_MAX, "500 in a row");
    }
}

static void random_guilt(void)
{
    bool good = true;

    for (int round = 0; round < 400; round++) {
        size_t n = 1 + (size_t)round % 65;
        unsigned odds = 1 + (unsigned)round % 7;

        fresh((enum hint)(round % 4))->random = (unsigned long long)round;
        for (size_t i = 0; i < n; i++)
            world.guilty[i] = random_below(&world, odds) == 0;
        world.in_order = true;
        good = good && narrow_run(n, &ops, &world, NULL) == 0 && right(&world, n);
    }
    ok(good, "400 random worlds");
}

int main(void)
{
    CLEANUP(err_release) struct err err = {0};

    run(fresh(HINT_NONE), 0, 0, 0, "no rows");
    run(fresh(HINT_NONE), 10000, 1, 10000, "no guilty row");
    one_guilty();
    many_guilty();
    random_guilt();
    for (size_t i = 1; i <= 3; i++) {
        fresh(HINT_RIGHT)->guilty[7] = true;
        world.fail_at = i;
        err_release(&err);
        ok(narrow_run(10, &ops, &world, &err) < 0 && strcmp(err.message, "gone") == 0, "attempt %zu fails for good", i);
    }
    return done_testing();
}
