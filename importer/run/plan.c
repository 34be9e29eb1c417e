/* From entries of the walk to units: groups are gathered, compared with the ledger, bundled or cut. */
#include "run/plan.h"

#include "source/walk.h"

#include <stdlib.h>

struct plan {
    const struct program *p;
    const struct plan_out *out;
    bool again;                 /* load everything again, whatever the ledger says */
    struct walk *walk;
    uint16_t *rules;
    struct unit group;          /* files of the group being gathered */
    struct buf group_name;
    uint32_t group_root;
    bool group_changed, group_old;
    int64_t group_previous;
    struct unit bundle;         /* groups that will be one unit */
    struct unit large;          /* one large file that is being cut: group of one */
    uint64_t large_at;
    bool ended;
    struct plan_known known;    /* the next one of the ledger */
    struct buf known_path;
    int has_known;
};

static int next_known(struct plan *plan, struct err *err)
{
    plan->has_known = plan->out->known ? plan->out->known(plan->out->context, &plan->known, err) : 0;
    return plan->has_known < 0 ? -1 : 0;
}

struct plan *plan_open(const struct program *p, const char *const *roots, size_t n, const struct plan_out *out,
                       bool again, struct err *err)
{
    struct walk_options options = {(const struct pattern *const *)p->skip, p->n_skip, p->directories};
    struct plan *plan = calloc(1, sizeof *plan);

    if (!plan || !(plan->rules = calloc(p->n_rules ? p->n_rules : 1, sizeof *plan->rules))) {
        free(plan);
        err_oom(err);
        return NULL;
    }
    plan->p = p;
    plan->out = out;
    plan->again = again;
    plan->walk = walk_open(roots, n, &options, err);
    if (plan->walk && next_known(plan, err) == 0)
        return plan;
    plan_close(plan);
    return NULL;
}

void plan_close(struct plan *plan)
{
    if (!plan)
        return;
    walk_close(plan->walk);
    unit_release(&plan->group);
    unit_release(&plan->bundle);
    unit_release(&plan->large);
    buf_release(&plan->group_name);
    buf_release(&plan->known_path);
    free(plan->rules);
    free(plan);
}

static int compare_known(const struct plan *plan, const struct entry *file)
{
    if (plan->known.root != file->root)
        return plan->known.root < file->root ? -1 : 1;
    return str_cmp(plan->known.path, file->path);
}

/* Bring the ledger's list up to `file`; what stands before it is gone from the source. True when `file` is known. */
static int find_known(struct plan *plan, const struct entry *file, bool *found, struct err *err)
{
    *found = false;
    while (plan->has_known == 1) {
        int c = compare_known(plan, file);

        if (c > 0)
            return 0;
        if (c == 0) {
            *found = true;
            return 0;
        }
        if (plan->out->vanished)
            plan->out->vanished(plan->out->context, &plan->known);
        if (next_known(plan, err) < 0)
            return -1;
    }
    return 0;
}

/* Can parts of this file be loaded apart? Then its rules read lines and look at nothing else. */
static bool splits(const struct plan *plan, const struct entry *file, size_t n_rules)
{
    if (file->kind != ENTRY_FILE || file->size <= 2 * (uint64_t)PLAN_UNIT_BYTES || plan->p->group || plan->p->whole_source)
        return false;
    for (size_t i = 0; i < n_rules; i++) {
        const struct program_rule *rule = &plan->p->rules[plan->rules[i]];

        if (!rule->reader || !rule->reader->splits || rule->uses_siblings)
            return false;
    }
    return n_rules > 0;
}

static int add_to_group(struct plan *plan, const struct entry *file, struct err *err)
{
    bool found, used, unchanged;
    size_t n = program_match(plan->p, file->path, file->kind == ENTRY_DIRECTORY, plan->rules, &used);

    if (!used) {
        if (file->kind == ENTRY_FILE && plan->out->unmatched)
            plan->out->unmatched(plan->out->context, file);
        return 0;
    }
    if (find_known(plan, file, &found, err) < 0)
        return -1;
    unchanged = found && plan->known.size == file->size && plan->known.mtime_ns == file->mtime_ns && plan->known.unit &&
                !plan->again;
    if (found && plan->known.unit) {
        plan->group_old = true;
        plan->group_previous = plan->known.unit;
    }
    if (found && next_known(plan, err) < 0)
        return -1;
    plan->group_changed |= !unchanged;
    if (plan->out->matched)
        plan->out->matched(plan->out->context, file, plan->rules, n, unchanged);
    if (unit_add(&plan->group, file) < 0)
        return err_oom(err);
    plan->group.part = splits(plan, file, n) && !plan->group_old;
    return 0;
}

static bool same_group(struct plan *plan, const struct entry *file)
{
    return (plan->p->whole_source || plan->group_root == file->root) &&
           str_eq(program_group(plan->p, file->path), buf_str(&plan->group_name));
}

static int begin_group(struct plan *plan, const struct entry *file, struct err *err)
{
    unit_clear(&plan->group);
    plan->group_changed = plan->group_old = false;
    plan->group_previous = 0;
    plan->group_root = file->root;
    buf_clear(&plan->group_name);
    if (buf_add_str(&plan->group_name, program_group(plan->p, file->path)) < 0)
        return err_oom(err);
    return add_to_group(plan, file, err);
}

static int give_bundle(struct plan *plan, struct unit *ret)
{
    unit_move(ret, &plan->bundle);
    return 1;
}

/* The group that was gathered is complete: pass it over, bundle it, or set it aside to be cut. 1: *ret is a unit. */
static int end_group(struct plan *plan, struct unit *ret, struct err *err)
{
    struct unit *group = &plan->group, *bundle = &plan->bundle;
    bool alone = plan->group_old || group->bytes >= PLAN_UNIT_BYTES || plan->p->whole_source;

    if (!plan->group_changed || group->n_files == 0) {
        unit_clear(group);
        return 0;
    }
    if (group->part) {
        unit_move(&plan->large, group);
        plan->large_at = 0;
        return bundle->n_files ? give_bundle(plan, ret) : 0;
    }
    if (alone && bundle->n_files == 0) {
        unit_move(ret, group);
        ret->reconcile = plan->group_old;
        ret->previous = plan->group_previous;
        return 1;
    }
    if (alone) {    /* the bundle goes first, in order; the group becomes the next bundle, and full */
        struct unit waiting = {0};

        unit_move(&waiting, bundle);
        unit_move(bundle, group);
        bundle->reconcile = plan->group_old;
        bundle->previous = plan->group_previous;
        unit_move(ret, &waiting);
        return 1;
    }
    if (bundle->reconcile || (bundle->n_files && (bundle->bytes + group->bytes > PLAN_UNIT_BYTES ||
                                                  bundle->n_files + group->n_files > PLAN_UNIT_FILES))) {
        struct unit full = {0};

        unit_move(&full, bundle);
        unit_move(bundle, group);
        unit_move(ret, &full);
        return 1;
    }
    for (size_t i = 0; i < group->n_files; i++) {
        if (unit_add(bundle, &group->files[i]) < 0)
            return err_oom(err);
    }
    unit_clear(group);
    return 0;
}

static int give_part(struct plan *plan, struct unit *ret, struct err *err)
{
    const struct entry *file = &plan->large.files[0];
    uint64_t to = plan->large_at + PLAN_UNIT_BYTES;

    unit_clear(ret);
    if (unit_add(ret, file) < 0)
        return err_oom(err);
    if (file->size - plan->large_at < 3 * (uint64_t)PLAN_UNIT_BYTES / 2)
        to = file->size;
    ret->part = true;
    ret->from = plan->large_at;
    ret->to = to;
    ret->bytes = to - ret->from;
    plan->large_at = to;
    if (to == file->size)
        unit_clear(&plan->large);
    return 1;
}

static int take_entry(struct plan *plan, const struct entry *entry, struct unit *ret, struct err *err)
{
    int got = 0;

    if (entry->kind == ENTRY_SKIPPED) {
        if (plan->out->skipped)
            plan->out->skipped(plan->out->context, entry);
        return 0;
    }
    if (plan->group.n_files || plan->group_name.at) {
        if (same_group(plan, entry))
            return add_to_group(plan, entry, err);
        got = end_group(plan, ret, err);
        if (got < 0)
            return -1;
    }
    return begin_group(plan, entry, err) < 0 ? -1 : got;
}

static int finish(struct plan *plan, struct unit *ret, struct err *err)
{
    int got;

    if (!plan->ended) {
        plan->ended = true;
        while (plan->has_known == 1) {
            if (plan->out->vanished)
                plan->out->vanished(plan->out->context, &plan->known);
            if (next_known(plan, err) < 0)
                return -1;
        }
        got = end_group(plan, ret, err);
        if (got)
            return got;
    }
    if (plan->bundle.n_files)
        return give_bundle(plan, ret);
    return 0;
}

int plan_next(struct plan *plan, struct unit *ret, struct err *err)
{
    struct entry entry;

    for (;;) {
        int got;

        if (plan->large.n_files)
            return give_part(plan, ret, err);
        got = plan->ended ? 0 : walk_next(plan->walk, &entry, err);
        if (got < 0)
            return -1;
        got = got ? take_entry(plan, &entry, ret, err) : finish(plan, ret, err);
        if (got < 0)
            return -1;
        if (got || (plan->ended && !plan->large.n_files))
            return got;
    }
}
