/* Accounts of chunks, merged in any order, are that of one worker that did everything; what was rolled back is in none. */
#include "base/cleanup.h"
#include "run/account.h"
#include "tap.h"

#include <stdio.h>
#include <stdlib.h>

enum { WORKERS = 3, EVENTS = 2000 };

static const char mapping[] =
    "windrow: 1\nname: t\ntables:\n"
    "  a:\n    from: \"a/*.jsonl\"\n    columns:\n      id: .id\n      x: .x\n"
    "  b:\n    from: \"b/*.json\"\n    columns:\n      id: .id\n";

/* One record, as chunk.c counts it. */
static void count(struct account *a, unsigned chance)
{
    size_t rule = chance & 1;
    struct account_rule *r = &a->rules[rule];
    struct account_kind *k = &a->kinds[rule];

    r->read++;
    k->records++;
    r->bytes += chance % 1000;
    a->bytes += chance % 1000;
    switch (chance >> 1 & 3) {
    case 0:
        r->rejected++;
        a->rejects++;
        break;
    case 1:
        r->skipped++;
        break;
    case 2:
        r->updated++;
        a->rows++;
        break;
    default:
        r->inserted++;
        a->rows++;
        r->filled[0]++;
    }
}

static bool same(const struct account *a, const struct account *b)
{
    for (size_t i = 0; i < a->p->n_rules; i++) {
        const struct account_rule *x = &a->rules[i], *y = &b->rules[i];

        if (x->read != y->read || x->inserted != y->inserted || x->updated != y->updated || x->rejected != y->rejected ||
            x->skipped != y->skipped || x->bytes != y->bytes || x->filled[0] != y->filled[0] ||
            a->kinds[i].records != b->kinds[i].records)
            return false;
    }
    return a->rows == b->rows && a->rejects == b->rejects && a->bytes == b->bytes;
}

static bool is_empty(const struct account *a)
{
    struct account none = {0};
    struct err err = {0};
    bool ret = account_init(&none, a->p, false, &err) == 0 && same(a, &none);

    account_release(&none);
    return ret;
}

static void check_summary(struct account *all)
{
    CLEANUP(arena_release) struct arena arena = {0};
    struct summary s = {0};
    struct err err = {0};

    is_int(account_summary(all, &arena, &s, &err), 0, "a summary is made of it");
    is_int((long long)s.n_tables, 2, "with a line for each table");
    for (size_t i = 0; i < s.n_tables; i++) {
        const struct summary_table *t = &s.tables[i];

        ok(t->read && t->read == t->inserted + t->updated + t->same + t->rejected + t->skipped,
           "%.*s: read is loaded and rejected and skipped", STR_ARG(t->name));
    }
}

int main(void)
{
    struct mapping_faults faults = {0};
    struct mapping *m = mapping_parse(str_of(mapping), "t.yaml", &faults);
    struct program *p = m ? program_compile(m, NULL, NULL, 0, &faults) : NULL;
    struct account one = {0}, all = {0}, workers[WORKERS] = {{0}};
    struct err err = {0};
    unsigned seed = 1, undone = 0;

    if (!p || account_init(&one, p, false, &err) < 0 || account_init(&all, p, false, &err) < 0)
        return 1;
    for (unsigned i = 0; i < WORKERS; i++) {
        if (account_init(&workers[i], p, false, &err) < 0)
            return 1;
    }
    is_int((long long)account_kind_of(&one, str_of("b/1.json"), false), 1, "a path has the kind of its pattern");
    is_int((long long)account_kind_of(&one, str_of("c/1.json"), false), (long long)one.n_kinds, "or none");
    for (unsigned i = 0; i < EVENTS; i++) {
        struct account *w;
        unsigned chance;

        seed = seed * 1103515245 + 12345;
        chance = seed >> 16;
        w = &workers[chance % WORKERS];
        if (chance % 50 == 0) {     /* a commit */
            if (account_merge(&all, w, &err) < 0 || !is_empty(w))
                ok(false, "an account that was merged is empty");
        } else if (chance % 71 == 0) {      /* a chunk that is counted and rolled back */
            if (account_merge(&all, w, &err) < 0)
                ok(false, "%s", err.message);
            for (unsigned k = 0; k < 20; k++, undone++)
                count(w, chance + 7 * k);
            account_clear(w);
        } else {
            count(w, chance);
            count(&one, chance);
        }
    }
    for (unsigned i = WORKERS; i-- > 0;)
        account_merge(&all, &workers[i], &err);
    ok(same(&one, &all), "the accounts of three workers, merged, are that of one");
    ok(undone > 0 && one.rows > 0 && one.rejects > 0, "with chunks that were rolled back among them");
    check_summary(&all);
    account_release(&one);
    account_release(&all);
    for (unsigned i = 0; i < WORKERS; i++)
        account_release(&workers[i]);
    program_free(p);
    mapping_free(m);
    mapping_faults_release(&faults);
    return done_testing();
}
