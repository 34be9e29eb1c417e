/* Counts by name are exact for the names that stay, whatever came in which order. */
#include "report/tally.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "report/samples.h"
#include "tap.h"

#include <stdlib.h>

enum { NAMES = 2500 };

static struct finding_place at(const char *file, uint64_t line)
{
    return (struct finding_place){.file = str_of(file), .line = line};
}

static void describe(struct tally *t, struct buf *ret)
{
    tally_sort(t);
    for (size_t i = 0; i < t->n; i++)
        buf_printf(ret, "%.*s %llu %.*s:%llu\n", STR_ARG(t->entries[i].name), (unsigned long long)t->entries[i].count,
                   STR_ARG(t->entries[i].first.file), (unsigned long long)t->entries[i].first.line);
    buf_printf(ret, "others %llu of %llu\n", (unsigned long long)t->others, (unsigned long long)t->total);
}

static void test_small(void)
{
    CLEANUP(tally_release) struct tally t = {0};
    CLEANUP(buf_release) struct buf text = BUF_INIT;
    struct finding_place late = at("b", 2), early = at("a", 9), earliest = at("a", 3);

    tally_add(&t, str_of(".x"), 1, &late, NULL);
    tally_add(&t, str_of(".y"), 5, NULL, NULL);
    tally_add(&t, str_of(".x"), 2, &early, NULL);
    tally_add(&t, str_of(".x"), 1, &earliest, NULL);
    tally_add(&t, str_of(".x"), 1, &early, NULL);
    tally_add(&t, str_of(".z"), 5, &late, NULL);
    describe(&t, &text);
    is_str(buf_text(&text), ".x 5 a:3\n.y 5 :0\n.z 5 b:2\nothers 0 of 15\n",
           "counts, first places in source order, highest count first");
}

/* Names n0 to n2499, name i counted i % 7 + 1 times in pieces over three workers. */
static void fill(struct tally *workers, unsigned *seed, bool downwards)
{
    for (size_t step = 0; step < NAMES; step++) {
        size_t i = downwards ? NAMES - 1 - step : step * 11 % NAMES;
        char name[16];

        snprintf(name, sizeof name, "n%04zu", i);
        for (size_t k = 0; k < i % 7 + 1; k++) {
            struct finding_place place = at(k % 2 ? "odd" : "even", k + 1);

            tally_add(&workers[(size_t)rand_r(seed) % 3], str_of(name), 1, &place, NULL);
        }
    }
}

static void test_order_does_not_matter(size_t max)
{
    CLEANUP(buf_release) struct buf expected = BUF_INIT;
    unsigned seed = 7;
    size_t wrong = 0;

    for (int round = 0; round < 6; round++) {
        struct tally workers[3] = {{.max = max}, {.max = max}, {.max = max}};
        CLEANUP(tally_release) struct tally sum = {.max = max};
        CLEANUP(buf_release) struct buf text = BUF_INIT;

        fill(workers, &seed, round % 2 == 1);
        for (size_t i = 0; i < 3; i++) {
            tally_merge(&sum, &workers[(i + (size_t)round) % 3], NULL);
            wrong += workers[(i + (size_t)round) % 3].n > 2 * (max ? max : TALLY_NAMES_MAX);
        }
        describe(&sum, &text);
        wrong += sum.n != (max ? max : TALLY_NAMES_MAX);
        if (round == 0)
            expected = buf_take(&text);
        else
            wrong += !str_eq(buf_str(&text), buf_str(&expected));
        for (size_t i = 0; i < 3; i++)
            tally_release(&workers[i]);
    }
    is_int((long long)wrong, 0, "orders and workers do not matter with at most %zu names", max);
    ok(strstr(buf_text(&expected), "n0006 7 even:1\n") != NULL, "the lowest names stay, exactly counted");
}

static void test_after_sort(void)
{
    CLEANUP(tally_release) struct tally t = {.max = 2};
    uint64_t kept = 0;

    for (int i = 0; i < 26; i++) {
        char name[2] = {(char)('z' - i), '\0'};

        tally_add(&t, str_of(name), 1, NULL, NULL);
    }
    tally_sort(&t);
    tally_add(&t, str_of("a"), 5, NULL, NULL);
    tally_add(&t, str_of("q"), 1, NULL, NULL);
    tally_sort(&t);
    for (size_t i = 0; i < t.n; i++)
        kept += t.entries[i].count;
    ok(t.n == 2 && str_is(t.entries[0].name, "a") && t.entries[0].count == 6 && str_is(t.entries[1].name, "b"),
       "counting goes on after sorting");
    is_int((long long)(kept + t.others), (long long)t.total, "what is left out is counted");
}

static void test_samples(void)
{
    static struct samples s;
    size_t wrong = 0;

    for (uint64_t i = 0; i < 1000000; i++)
        samples_add(&s, i * 1000000, i * 10, i);
    samples_end(&s, 1000000ULL * 1000000, 10000000, 1000000);
    ok(s.n > SAMPLES_MAX / 4 && s.n <= SAMPLES_MAX, "a million samples become a bounded number");
    for (size_t i = 1; i < s.n; i++)
        wrong += s.points[i].at_ns <= s.points[i - 1].at_ns || s.points[i].rows < s.points[i - 1].rows;
    is_int((long long)wrong, 0, "in order of time");
    ok(s.points[0].rows == 0 && s.points[s.n - 1].rows == 1000000, "from the first to the last");
}

int main(void)
{
    test_small();
    test_order_does_not_matter(0);
    test_order_does_not_matter(50);
    test_after_sort();
    test_samples();
    return done_testing();
}
