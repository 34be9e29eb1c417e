/* From entries of the walk to units: groups are gathered, compared with the ledger, bundled or cut. */
#include "run/survey.h"

#include "source/walk.h"

#include <stdlib.h>

struct survey {
    const struct program *p;
    const struct survey_out *out;
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
    struct survey_known known;    /* the next one of the ledger */
    struct buf known_path;
    int has_known;
};

static int next_known(struct survey *survey, struct err *err)
{
    survey->has_known = survey->out->known ? survey->out->known(survey->out->context, &survey->known, err) : 0;
    return survey->has_known < 0 ? -1 : 0;
}

struct survey *survey_open(const struct program *p, const char *const *roots, size_t n, const struct survey_out *out,
                       bool again, struct err *err)
{
    struct walk_options options = {(const struct pattern *const *)p->skip, p->n_skip, p->directories};
    struct survey *survey = calloc(1, sizeof *survey);

    if (!survey || !(survey->rules = calloc(p->n_rules ? p->n_rules : 1, sizeof *survey->rules))) {
        free(survey);
        err_oom(err);
        return NULL;
    }
    survey->p = p;
    survey->out = out;
    survey->again = again;
    survey->walk = walk_open(roots, n, &options, err);
    if (survey->walk && next_known(survey, err) == 0)
        return survey;
    survey_close(survey);
    return NULL;
}

void survey_close(struct survey *survey)
{
    if (!survey)
        return;
    walk_close(survey->walk);
    unit_release(&survey->group);
    unit_release(&survey->bundle);
    unit_release(&survey->large);
    buf_release(&survey->group_name);
    buf_release(&survey->known_path);
    free(survey->rules);
    free(survey);
}

static int compare_known(const struct survey *survey, const struct entry *file)
{
    if (survey->known.root != file->root)
        return survey->known.root < file->root ? -1 : 1;
    return str_cmp(survey->known.path, file->path);
}

/* Bring the ledger's list up to `file`; what stands before it is gone from the source. True when `file` is known. */
static int find_known(struct survey *survey, const struct entry *file, bool *found, struct err *err)
{
    *found = false;
    while (survey->has_known == 1) {
        int c = compare_known(survey, file);

        if (c > 0)
            return 0;
        if (c == 0) {
            *found = true;
            return 0;
        }
        if (survey->out->vanished)
            survey->out->vanished(survey->out->context, &survey->known);
        if (next_known(survey, err) < 0)
            return -1;
    }
    return 0;
}

/* Can parts of this file be loaded apart? Then its rules read lines and look at nothing else. */
static bool splits(const struct survey *survey, const struct entry *file, size_t n_rules)
{
    if (file->kind != ENTRY_FILE || file->size <= 2 * (uint64_t)SURVEY_UNIT_BYTES || survey->p->group || survey->p->whole_source)
        return false;
    for (size_t i = 0; i < n_rules; i++) {
        const struct program_rule *rule = &survey->p->rules[survey->rules[i]];

        if (!rule->reader || !rule->reader->splits || rule->uses_siblings)
            return false;
    }
    return n_rules > 0;
}

static int add_to_group(struct survey *survey, const struct entry *file, struct err *err)
{
    bool found, used, unchanged;
    size_t n = program_match(survey->p, file->path, file->kind == ENTRY_DIRECTORY, survey->rules, &used);

    if (!used) {
        if (file->kind == ENTRY_FILE && survey->out->unmatched)
            survey->out->unmatched(survey->out->context, file);
        return 0;
    }
    if (find_known(survey, file, &found, err) < 0)
        return -1;
    unchanged = found && survey->known.size == file->size && survey->known.mtime_ns == file->mtime_ns && survey->known.unit &&
                !survey->again;
    if (found && survey->known.unit) {
        survey->group_old = true;
        survey->group_previous = survey->known.unit;
    }
    if (found && next_known(survey, err) < 0)
        return -1;
    survey->group_changed |= !unchanged;
    if (unit_add(&survey->group, file) < 0)
        return err_oom(err);
    survey->group.part = splits(survey, file, n) && !survey->group_old;
    return 0;
}

static bool same_group(struct survey *survey, const struct entry *file)
{
    return (survey->p->whole_source || survey->group_root == file->root) &&
           str_eq(program_group(survey->p, file->path), buf_str(&survey->group_name));
}

static int begin_group(struct survey *survey, const struct entry *file, struct err *err)
{
    unit_clear(&survey->group);
    survey->group_changed = survey->group_old = false;
    survey->group_previous = 0;
    survey->group_root = file->root;
    buf_clear(&survey->group_name);
    if (buf_add_str(&survey->group_name, program_group(survey->p, file->path)) < 0)
        return err_oom(err);
    return add_to_group(survey, file, err);
}

static int give_bundle(struct survey *survey, struct unit *ret)
{
    unit_move(ret, &survey->bundle);
    return 1;
}

/* The group that was gathered is complete: pass it over, bundle it, or set it aside to be cut. 1: *ret is a unit. */
static int end_group(struct survey *survey, struct unit *ret, struct err *err)
{
    struct unit *group = &survey->group, *bundle = &survey->bundle;
    bool alone = survey->group_old || group->bytes >= SURVEY_UNIT_BYTES || survey->p->whole_source;

    for (size_t i = 0; i < group->n_files && survey->out->matched; i++)
        survey->out->matched(survey->out->context, &group->files[i], !survey->group_changed);
    if (!survey->group_changed || group->n_files == 0) {
        unit_clear(group);
        return 0;
    }
    if (group->part) {
        unit_move(&survey->large, group);
        survey->large_at = 0;
        return bundle->n_files ? give_bundle(survey, ret) : 0;
    }
    if (alone && bundle->n_files == 0) {
        unit_move(ret, group);
        ret->reconcile = survey->group_old;
        ret->previous = survey->group_previous;
        return 1;
    }
    if (alone) {    /* the bundle goes first, in order; the group becomes the next bundle, and full */
        struct unit waiting = {0};

        unit_move(&waiting, bundle);
        unit_move(bundle, group);
        bundle->reconcile = survey->group_old;
        bundle->previous = survey->group_previous;
        unit_move(ret, &waiting);
        return 1;
    }
    if (bundle->reconcile || (bundle->n_files && (bundle->bytes + group->bytes > SURVEY_UNIT_BYTES ||
                                                  bundle->n_files + group->n_files > SURVEY_UNIT_FILES))) {
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

static int give_part(struct survey *survey, struct unit *ret, struct err *err)
{
    const struct entry *file = &survey->large.files[0];
    uint64_t to = survey->large_at + SURVEY_UNIT_BYTES;

    unit_clear(ret);
    if (unit_add(ret, file) < 0)
        return err_oom(err);
    if (file->size - survey->large_at < 3 * (uint64_t)SURVEY_UNIT_BYTES / 2)
        to = file->size;
    ret->part = true;
    ret->from = survey->large_at;
    ret->to = to;
    ret->bytes = to - ret->from;
    survey->large_at = to;
    if (to == file->size)
        unit_clear(&survey->large);
    return 1;
}

static int take_entry(struct survey *survey, const struct entry *entry, struct unit *ret, struct err *err)
{
    int got = 0;

    if (entry->kind == ENTRY_SKIPPED) {
        if (survey->out->skipped)
            survey->out->skipped(survey->out->context, entry);
        return 0;
    }
    if (survey->group.n_files || survey->group_name.at) {
        if (same_group(survey, entry))
            return add_to_group(survey, entry, err);
        got = end_group(survey, ret, err);
        if (got < 0)
            return -1;
    }
    return begin_group(survey, entry, err) < 0 ? -1 : got;
}

static int finish(struct survey *survey, struct unit *ret, struct err *err)
{
    int got;

    if (!survey->ended) {
        survey->ended = true;
        while (survey->has_known == 1) {
            if (survey->out->vanished)
                survey->out->vanished(survey->out->context, &survey->known);
            if (next_known(survey, err) < 0)
                return -1;
        }
        got = end_group(survey, ret, err);
        if (got)
            return got;
    }
    if (survey->bundle.n_files)
        return give_bundle(survey, ret);
    return 0;
}

int survey_next(struct survey *survey, struct unit *ret, struct err *err)
{
    struct entry entry;

    for (;;) {
        int got;

        if (survey->large.n_files)
            return give_part(survey, ret, err);
        got = survey->ended ? 0 : walk_next(survey->walk, &entry, err);
        if (got < 0)
            return -1;
        got = got ? take_entry(survey, &entry, ret, err) : finish(survey, ret, err);
        if (got < 0)
            return -1;
        if (got || (survey->ended && !survey->large.n_files))
            return got;
    }
}
