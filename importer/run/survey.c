/* From entries of the walk to units: groups are gathered, compared with the ledger, bundled or cut. */
#include "run/survey.h"

#include "source/ahead.h"

#include <stdlib.h>

struct survey {
    const struct program *p;
    const struct survey_out *out;
    struct survey_options options;
    uint64_t unit_bytes;
    struct ahead *walk;
    uint16_t *rules;
    struct unit group;          /* files of the group being gathered */
    uint64_t group_bytes;       /* that its list takes */
    struct buf group_name;
    uint32_t group_root;
    bool group_changed;
    struct survey_cause cause;  /* of that */
    struct buf cause_path;
    struct unit bundle;         /* groups that will be one unit */
    struct unit large;          /* one large file that is being cut: group of one */
    struct survey_missing missing, group_missing;   /* what is to be loaded of it; of the group's only file */
    size_t missing_at;
    struct unit gone;           /* files that have vanished */
    bool ended;
    struct ledger_file known;    /* the next one of the ledger */
    int has_known;
};

/* A test build can be told to cut finer. */
static uint64_t unit_bytes(void)
{
    uint64_t bytes = SURVEY_UNIT_BYTES;

#ifdef WINDROW_FAILPOINTS
    const char *given = getenv("WINDROW_UNIT_BYTES");

    if (given && (!str_parse_uint64(str_of(given), &bytes) || bytes == 0))
        bytes = SURVEY_UNIT_BYTES;
#endif
    return bytes;
}

static int next_known(struct survey *survey, struct err *err)
{
    survey->has_known = survey->out->known ? survey->out->known(survey->out->context, &survey->known, err) : 0;
    return survey->has_known < 0 ? -1 : 0;
}

struct survey *survey_open(const struct program *p, const char *const *roots, size_t n, const struct survey_out *out,
                           const struct survey_options *options, struct err *err)
{
    struct walk_options how = {(const struct pattern *const *)p->skip, p->n_skip, p->directories};
    struct survey *survey = calloc(1, sizeof *survey);

    if (!survey || !(survey->rules = calloc(p->n_rules ? p->n_rules : 1, sizeof *survey->rules))) {
        free(survey);
        err_oom(err);
        return NULL;
    }
    survey->p = p;
    survey->out = out;
    survey->options = *options;
    survey->unit_bytes = unit_bytes();
    survey->walk = ahead_open(roots, n, &how, options->threads, err);
    if (survey->walk && next_known(survey, err) == 0)
        return survey;
    survey_close(survey);
    return NULL;
}

void survey_close(struct survey *survey)
{
    if (!survey)
        return;
    ahead_close(survey->walk);
    unit_release(&survey->group);
    unit_release(&survey->bundle);
    unit_release(&survey->large);
    unit_release(&survey->gone);
    buf_release(&survey->group_name);
    buf_release(&survey->cause_path);
    free(survey->missing.ranges);
    free(survey->group_missing.ranges);
    free(survey->rules);
    free(survey);
}

static int compare_known(const struct survey *survey, const struct entry *file)
{
    if (survey->known.root != file->root)
        return survey->known.root < file->root ? -1 : 1;
    return str_cmp(survey->known.path, file->path);
}

static bool same_group(struct survey *survey, uint32_t root, struct str path)
{
    return (survey->p->whole_source || survey->group_root == root) &&
           str_eq(program_group(survey->p, path), buf_str(&survey->group_name));
}

/* The group is to be loaded; the first cause counts. */
static int change_group(struct survey *survey, enum survey_change kind, struct str path, struct err *err)
{
    if (survey->group_changed)
        return 0;
    survey->group_changed = true;
    buf_clear(&survey->cause_path);
    if (buf_add_str(&survey->cause_path, path) < 0)
        return err_oom(err);
    survey->cause = (struct survey_cause){kind, buf_str(&survey->cause_path)};
    return 0;
}

static int note_vanished(struct survey *survey, struct err *err)
{
    const struct ledger_file *known = &survey->known;
    struct entry file = {.kind = ENTRY_FILE, .root = known->root, .path = known->path};

    if (survey->out->vanished)
        survey->out->vanished(survey->out->context, known);
    if (!survey->options.prune)
        return 0;
    if (survey->group_name.at && same_group(survey, known->root, known->path) &&
        change_group(survey, SURVEY_VANISHED, known->path, err) < 0)    /* others may have looked into it */
        return -1;
    return unit_add(&survey->gone, &file) < 0 ? err_oom(err) : 0;
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
        if (note_vanished(survey, err) < 0 || next_known(survey, err) < 0)
            return -1;
    }
    return 0;
}

/* What the ledger knows of the group's end, and the walk has not come upon, is gone. */
static int end_known(struct survey *survey, struct err *err)
{
    while (survey->options.prune && survey->has_known == 1 && same_group(survey, survey->known.root, survey->known.path)) {
        if (note_vanished(survey, err) < 0 || next_known(survey, err) < 0)
            return -1;
    }
    return 0;
}

/* Can parts of this file be loaded apart? Then its rules read lines and look at nothing else. */
static bool splits(const struct survey *survey, const struct entry *file, size_t n_rules)
{
    if (file->kind != ENTRY_FILE || file->size <= 2 * survey->unit_bytes || survey->p->group || survey->p->whole_source)
        return false;
    for (size_t i = 0; i < n_rules; i++) {
        const struct program_rule *rule = &survey->p->rules[survey->rules[i]];

        if (!rule->reader || !rule->reader->splits || rule->uses_siblings)
            return false;
    }
    return n_rules > 0;
}

static int whole_file(struct survey *survey, const struct entry *file, struct err *err)
{
    survey->group_missing.n = 0;
    return survey_missing_add(&survey->group_missing, 0, file->size) < 0 ? err_oom(err) : 0;
}

static enum survey_change how_changed(const struct ledger_file *known)
{
    return known->size == -3 ? SURVEY_NEW : known->size < 0 ? SURVEY_AGAIN : SURVEY_CHANGED;
}

/* A file that the ledger knows: is there anything to do? Sets how the group has to be loaded. */
static int compare_file(struct survey *survey, const struct entry *file, bool cut, struct err *err)
{
    const struct ledger_file *known = &survey->known;
    bool grown = cut && known->size >= 0 && known->unit && (uint64_t)known->size <= file->size;
    bool unchanged = known->size == (int64_t)file->size && known->mtime_ns == file->mtime_ns && known->unit > 0;
    int same = unchanged && !survey->options.rehash;

    survey->group_missing.n = 0;
    if (!same && (unchanged || grown)) {
        same = survey->out->same(survey->out->context, file, known, &survey->group_missing, err);
        if (same < 0)
            return -1;
    }
    if (same && survey->group_missing.n) {
        survey->group.part = true;
        survey->group.load = known->unit < 0 ? -known->unit : known->unit;
    }
    if ((!same || survey->group_missing.n) && change_group(survey, how_changed(known), file->path, err) < 0)
        return -1;
    if (!same) {
        if (known->size == -3) {    /* nothing was loaded of it */
            survey->group.part = cut;
            return cut ? whole_file(survey, file, err) : 0;
        }
        if (known->unit && survey->group.mode == UNIT_NEW)
            survey->group.mode = known->size == -2 ? UNIT_AFRESH : UNIT_CHANGED;
    }
    if (known->unit && !survey->group.part && survey->group.mode == UNIT_NEW)
        survey->group.mode = UNIT_CHANGED;  /* should another file of the group have changed */
    return 0;
}

int survey_missing_add(struct survey_missing *missing, uint64_t from, uint64_t to)
{
    if (missing->n == missing->capacity) {
        size_t capacity = missing->capacity ? missing->capacity * 2 : 16;
        struct survey_range *ranges = realloc(missing->ranges, capacity * sizeof *ranges);

        if (!ranges)
            return -1;
        missing->ranges = ranges;
        missing->capacity = capacity;
    }
    missing->ranges[missing->n++] = (struct survey_range){from, to};
    return 0;
}

/* A group is one transaction, and its files are known all the time. */
static int list_file(struct survey *survey, const struct entry *file, struct err *err)
{
    struct unit *group = &survey->group;

    if (unit_add(group, file) < 0)
        return err_oom(err);
    survey->group_bytes += sizeof *file + file->path.len;
    if (!survey->options.group_bytes || survey->group_bytes <= survey->options.group_bytes)
        return 0;
    err_set(err, ERR_RUN, W0303, "the group of %.*s has more files than a tenth of --memory can list", STR_ARG(group->files[0].path));
    return err_help(err, "raise --memory, or let `group` of the mapping make smaller groups");
}

static int add_to_group(struct survey *survey, const struct entry *file, struct err *err)
{
    bool found, used, cut;
    size_t n = program_match(survey->p, file->path, file->kind == ENTRY_DIRECTORY, survey->rules, &used);

    if (!used && program_is_global(survey->p, file->path))
        return 0;
    if (!used) {
        if (file->kind == ENTRY_FILE && survey->out->unmatched)
            survey->out->unmatched(survey->out->context, file);
        return 0;
    }
    if (find_known(survey, file, &found, err) < 0)
        return -1;
    cut = splits(survey, file, n);
    if (found) {
        if (compare_file(survey, file, cut, err) < 0 || next_known(survey, err) < 0)
            return -1;
    } else {
        if (change_group(survey, SURVEY_NEW, file->path, err) < 0)
            return -1;
        survey->group.part = cut;
        if (cut && whole_file(survey, file, err) < 0)
            return -1;
    }
    return list_file(survey, file, err);
}

static int begin_group(struct survey *survey, const struct entry *file, struct err *err)
{
    unit_clear(&survey->group);
    survey->group_bytes = 0;
    survey->group_changed = false;
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

static void swap_missing(struct survey *survey)
{
    struct survey_missing now = survey->group_missing;

    survey->group_missing = survey->missing;
    survey->missing = now;
    survey->missing_at = 0;
}

static int tell_group(struct survey *survey, const struct unit *group, struct err *err)
{
    return survey->out->group ? survey->out->group(survey->out->context, group, &survey->cause, err) : 0;
}

/* The group that was gathered is complete: pass it over, bundle it, or set it aside to be cut. 1: *ret is a unit. */
static int end_group(struct survey *survey, struct unit *ret, struct err *err)
{
    struct unit *group = &survey->group, *bundle = &survey->bundle;
    bool alone = group->bytes >= survey->unit_bytes || survey->p->whole_source;

    if (end_known(survey, err) < 0)
        return -1;
    for (size_t i = 0; i < group->n_files && survey->out->matched; i++)
        survey->out->matched(survey->out->context, &group->files[i], !survey->group_changed);
    if (!survey->group_changed || group->n_files == 0) {
        unit_clear(group);
        return 0;
    }
    if (tell_group(survey, group, err) < 0)
        return -1;
    if (group->part) {
        unit_move(&survey->large, group);
        swap_missing(survey);
        return bundle->n_files ? give_bundle(survey, ret) : 0;
    }
    if (alone && bundle->n_files == 0) {
        unit_move(ret, group);
        return 1;
    }
    if (alone) {    /* the bundle goes first, in order; the group becomes the next bundle, and full */
        struct unit waiting = {0};

        unit_move(&waiting, bundle);
        unit_move(bundle, group);
        unit_move(ret, &waiting);
        return 1;
    }
    if (bundle->n_files && (bundle->mode != group->mode || bundle->bytes + group->bytes > survey->unit_bytes ||
                            bundle->n_files + group->n_files > SURVEY_UNIT_FILES)) {
        struct unit full = {0};

        unit_move(&full, bundle);
        unit_move(bundle, group);
        unit_move(ret, &full);
        return 1;
    }
    bundle->mode = group->mode;
    for (size_t i = 0; i < group->n_files; i++) {
        if (unit_add(bundle, &group->files[i]) < 0)
            return err_oom(err);
    }
    unit_clear(group);
    return 0;
}

static int give_part(struct survey *survey, struct unit *ret, struct err *err)
{
    struct survey_range *left = &survey->missing.ranges[survey->missing_at];
    uint64_t to = left->from + survey->unit_bytes;

    unit_clear(ret);
    if (unit_add(ret, &survey->large.files[0]) < 0)
        return err_oom(err);
    if (left->to - left->from < 3 * survey->unit_bytes / 2)
        to = left->to;
    ret->part = true;
    ret->load = survey->large.load;
    ret->from = left->from;
    ret->to = to;
    ret->bytes = to - ret->from;
    left->from = to;
    if (to == left->to && ++survey->missing_at == survey->missing.n)
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
        if (same_group(survey, entry->root, entry->path))
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
        got = survey->group_name.at ? end_group(survey, ret, err) : 0;
        if (got)
            return got;
    }
    if (survey->large.n_files)
        return 0;
    if (survey->bundle.n_files)
        return give_bundle(survey, ret);
    while (survey->has_known == 1) {
        if (note_vanished(survey, err) < 0 || next_known(survey, err) < 0)
            return -1;
    }
    if (!survey->gone.n_files)
        return 0;
    survey->gone.mode = UNIT_GONE;
    survey->cause = (struct survey_cause){SURVEY_VANISHED, survey->gone.files[0].path};
    if (tell_group(survey, &survey->gone, err) < 0)
        return -1;
    unit_move(ret, &survey->gone);
    return 1;
}

int survey_next(struct survey *survey, struct unit *ret, struct err *err)
{
    struct entry entry;

    for (;;) {
        int got;

        if (survey->large.n_files)
            return give_part(survey, ret, err);
        got = survey->ended ? 0 : ahead_next(survey->walk, &entry, err);
        if (got < 0)
            return -1;
        got = got ? take_entry(survey, &entry, ret, err) : finish(survey, ret, err);
        if (got < 0)
            return -1;
        if (got || (survey->ended && !survey->large.n_files))
            return got;
    }
}
