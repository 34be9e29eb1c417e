/* One rule of a mapping, and the documents and indexes beside the rules: files, formats, levels, keys. */
#include "map/compile_internal.h"

/* A regular expression that cannot be used is told now, not at the first file. */
static void try_reader(struct compile *c, const struct reader_ops *ops, const struct reader_options *options,
                       const struct mapping_text *at)
{
    struct err e = {0};
    struct reader *r = ops->open(options, &e);

    if (r)
        ops->close(r);
    else
        compile_fault_from(c, at, &e);
}

void compile_read(struct compile *c, const struct mapping_read *read, const struct mapping_text *file,
                  const struct reader_ops **reader, struct reader_options *options)
{
    const struct mapping_text *at = read->format.text.at ? &read->format : file;
    struct err *e;

    *options = (struct reader_options){
        .json = {.depth_max = read->depth, .allow_nonfinite = read->nonfinite},
        .pattern = read->pattern.text,
        .unmatched = read->unmatched.text,
        .record_max = read->max_bytes,
    };
    if (str_is(read->duplicates.text, "first"))
        options->json.duplicates = JSON_DUPLICATES_FIRST;
    else if (str_is(read->duplicates.text, "last"))
        options->json.duplicates = JSON_DUPLICATES_LAST;
    *reader = NULL;
    if (str_ends(file->text, str_of("/")) || str_is(read->format.text, "none"))
        return;
    *reader = read->format.text.at ? reader_by_name(read->format.text) : reader_by_path(file->text);
    if (*reader) {
        try_reader(c, *reader, options, read->pattern.text.at ? &read->pattern : at);
        return;
    }
    e = compile_fault(c, at);
    if (read->format.text.at)
        err_set(e, ERR_RUN, W0253, "there is no format '%.*s'", STR_ARG(at->text));
    else
        err_set(e, ERR_RUN, W0254, "the ending of '%.*s' does not say how to read it", STR_ARG(at->text));
    err_help(e, "read: is one of json, jsonl, text, bytes, lines, markdown, none");
}

/* The same captures in the same places, so that one set of expressions serves all patterns of a rule. */
static void check_captures(struct compile *c, const struct program_rule *rule)
{
    for (size_t i = 1; i < rule->n_from; i++) {
        if (!rule->from[0] || !rule->from[i])
            continue;
        for (size_t k = 0; k < pattern_captures(rule->from[0]); k++) {
            struct str name = pattern_capture_name(rule->from[0], k);

            if (pattern_capture_index(rule->from[i], name) < 0)
                err_set(compile_fault(c, &rule->source->from[i]), ERR_RUN, W0255,
                        "this pattern lacks the capture {%.*s} of the first one", STR_ARG(name));
        }
    }
}

/* Split `.a[].b[]` into one path for each []. */
static void compile_each(struct compile *c, struct program_rule *rule, struct names *names)
{
    const struct mapping_text *each = &rule->source->each;
    struct str text = each->text;
    struct expr_names known = names_for_expr(names);
    size_t start = 0;
    bool quoted = false;

    rule->each = compile_alloc(c, PROGRAM_LEVELS_MAX, sizeof *rule->each);
    for (size_t i = 0; rule->each && i < text.len; i++) {
        struct str part = str_make(text.at + start, i - start);
        struct err e = {0};

        quoted ^= text.at[i] == '"' && (i == 0 || text.at[i - 1] != '\\');
        if (quoted || text.at[i] != '[' || i + 1 >= text.len || text.at[i + 1] != ']')
            continue;
        if (rule->n_each == PROGRAM_LEVELS_MAX - 1) {
            err_set(compile_fault_inside(c, each, start, 0), ERR_RUN, W0256, "more than eight [] in one each:");
            return;
        }
        if (part.len == 0 || str_is(part, "."))
            part = str_of(".");
        else if (part.at[part.len - 1] == '.')
            part.len--;
        names->levels = rule->n_each;
        rule->each[rule->n_each].path = (struct program_expr){
            expr_compile_path(part, false, &known, &c->p->arena, &e), each};
        if (!rule->each[rule->n_each].path.expr) {
            e.byte = (e.has_byte ? e.byte : 0) + start;
            e.has_byte = true;
            compile_fault_from(c, each, &e);
            return;
        }
        rule->n_each++;
        start = i + 2;
        i++;
    }
    if (text.at && start != text.len)
        err_set(compile_fault_inside(c, each, start, text.len - start), ERR_RUN, W0257,
                "each: must end in [], it says what there is one row for");
    names->levels = rule->n_each;
}

static int column_of(const struct mapping_rule *rule, struct str name)
{
    for (size_t i = 0; i < rule->n_columns; i++) {
        if (str_eq(rule->columns[i].name.text, name))
            return (int)i;
    }
    return -1;
}

static uint16_t *ordinals(struct compile *c, const struct mapping_rule *rule, const struct mapping_text *names, size_t n)
{
    uint16_t *ret = compile_alloc(c, n, sizeof *ret);

    for (size_t i = 0; ret && i < n; i++) {
        int k = column_of(rule, names[i].text);

        if (k < 0)
            err_set(compile_fault(c, &names[i]), ERR_RUN, W0251, "no column of this rule named '%.*s'",
                    STR_ARG(names[i].text));
        ret[i] = (uint16_t)(k < 0 ? 0 : k);
    }
    return ret;
}

/* Conflict rules and loading a changed file again need a unique key that the database knows. */
static void check_key(struct compile *c, const struct program_rule *rule)
{
    const struct catalog_table *t = rule->table;
    struct err *e;

    if (rule->n_key == 0 || !c->p->catalog)
        return;
    for (size_t k = 0; k < t->n_keys; k++) {
        size_t hits = 0;

        for (size_t i = 0; i < rule->n_key; i++) {
            for (size_t j = 0; j < t->keys[k].n; j++)
                hits += t->keys[k].columns[j] == rule->columns[rule->key[i]].column;
        }
        if (hits == rule->n_key && t->keys[k].n == rule->n_key && !t->keys[k].partial)
            return;
    }
    e = compile_fault(c, &rule->source->key[0]);
    err_set(e, ERR_RUN, W0259, "table %s has no unique key on just these columns", t->name);
    err_help(e, "name the columns of its primary key or of a UNIQUE constraint");
}

void compile_rule(struct compile *c, const struct mapping_rule *source, struct program_rule *rule)
{
    struct names names = {.c = c, .rule = rule, .siblings = true, .n_shared = c->m->n_lets};

    rule->source = source;
    rule->n_lets = source->n_lets;
    rule->lets = compile_alloc(c, source->n_lets + c->m->n_lets, sizeof *rule->lets);
    rule->shared = compile_alloc(c, c->m->n_lets, sizeof *rule->shared);
    if (c->oom)
        return;
    rule->on = compile_when(c, &source->when, true);
    rule->n_from = source->n_from;
    rule->from = compile_alloc(c, source->n_from, sizeof(struct pattern *));
    for (size_t i = 0; rule->from && i < source->n_from; i++) {
        rule->from[i] = compile_pattern(c, &source->from[i]);
        if (rule->from[i] && pattern_is_directory(rule->from[i]))
            c->p->directories = true;
    }
    check_captures(c, rule);
    if (source->n_from)
        compile_read(c, &source->read, &source->from[0], &rule->reader, &rule->read);
    names.from = rule->from;
    names.n_from = rule->n_from;
    compile_each(c, rule, &names);
    for (size_t i = 0; i < source->n_lets; i++) {
        names.n_lets = i;
        rule->lets[i] = compile_expr(c, &source->lets[i].expr, &names);
    }
    names.n_lets = source->n_lets;
    rule->n_warns = source->n_warns;
    rule->warns = compile_alloc(c, source->n_warns, sizeof *rule->warns);
    for (size_t i = 0; rule->warns && i < source->n_warns; i++)
        rule->warns[i] = compile_expr(c, &source->warns[i], &names);
    rule->where = compile_expr(c, &source->where, &names);
    if (c->oom)
        return;
    compile_columns(c, rule, &names);
    rule->n_key = source->n_key;
    rule->key = ordinals(c, source, source->key, source->n_key);
    rule->conflict = source->conflict;
    rule->n_update = source->n_conflict_columns;
    rule->update = ordinals(c, source, source->conflict_columns, source->n_conflict_columns);
    if (rule->table && rule->key && rule->n_columns)
        check_key(c, rule);
}

/* A pattern that does not begin as the groups do leads out of them. */
static bool is_outside(const struct compile *c, const struct mapping_text *pattern)
{
    return c->m->group.text.at && !str_starts(pattern->text, c->m->group.text);
}

static void note_path(void *context, const struct json_step *steps, size_t n)
{
    (void)steps;
    (void)n;
    *(bool *)context = false;
}

static void note_other_slot(void *context, int slot)
{
    if (slot_kind(slot) != SLOT_PATH && slot_kind(slot) != SLOT_PARAM)
        *(bool *)context = false;
}

/* Such a condition is decided before the file is opened. */
static bool asks_for_path_only(const struct expr *e)
{
    bool ret = true;

    expr_paths(e, note_path, &ret);
    expr_slots(e, note_other_slot, &ret);
    return ret;
}

static void compile_index(struct compile *c, const struct mapping_index *source, struct program_index *index)
{
    struct names names = {.c = c, .siblings = true};

    index->source = source;
    index->files = compile_pattern(c, &source->files);
    index->global = index->files && !pattern_is_directory(index->files) && is_outside(c, &source->files);
    if (index->files) {
        compile_read(c, &source->read, &source->files, &index->reader, &index->read);
        c->p->directories |= pattern_is_directory(index->files);
        names.siblings = false;
        names.from = &index->files;
        names.n_from = 1;
    }
    index->of = compile_path(c, &source->of, &names);
    names.siblings = false;
    names.documents = index->files;
    index->each = compile_expr(c, &source->each, &names);
    index->where = compile_expr(c, &source->where, &names);
    index->by = compile_expr(c, &source->by, &names);
    index->value = compile_expr(c, &source->value, &names);
    index->where_by_path = index->where.expr && asks_for_path_only(index->where.expr);
    index->n_prefer = source->n_prefer;
    index->prefer = compile_alloc(c, source->n_prefer, sizeof *index->prefer);
    for (size_t i = 0; index->prefer && i < source->n_prefer; i++)
        index->prefer[i] = compile_expr(c, &source->prefer[i], &names);
}

void compile_siblings(struct compile *c)
{
    const struct mapping *m = c->m;

    c->p->documents = compile_alloc(c, m->n_documents, sizeof *c->p->documents);
    c->p->indexes = compile_alloc(c, m->n_indexes, sizeof *c->p->indexes);
    if (c->oom)
        return;
    for (size_t i = 0; i < m->n_documents; i++) {
        struct program_document *d = &c->p->documents[i];

        d->source = &m->documents[i];
        d->file = compile_pattern(c, &m->documents[i].file);
        d->global = d->file && is_outside(c, &m->documents[i].file);
        compile_read(c, &m->documents[i].read, &m->documents[i].file, &d->reader, &d->read);
    }
    for (size_t i = 0; i < m->n_indexes; i++)
        compile_index(c, &m->indexes[i], &c->p->indexes[i]);
}

/* Does `child` refer to the table of `parent`, by its own references or by the database's? */
static bool depends(const struct program_rule *child, const struct program_rule *parent)
{
    if (child->table == parent->table || !child->table || !parent->table)
        return false;
    for (size_t i = 0; i < child->n_columns; i++) {
        if (child->columns[i].ref && child->columns[i].ref->table == parent->table)
            return true;
    }
    for (size_t i = 0; i < child->table->n_references; i++) {
        if (strcmp(child->table->references[i].table, parent->table->name) == 0)
            return true;
    }
    return false;
}

/* Do rules that belong together read different files? Then those files cannot be loaded apart. */
static bool crosses_files(const struct program *p)
{
    for (size_t i = 0; i < p->n_rules; i++) {
        if (p->rules[i].uses_siblings)
            return true;
        for (size_t k = 0; k < p->n_rules; k++) {
            const struct program_rule *a = &p->rules[i], *b = &p->rules[k];

            if (depends(a, b) && (a->n_from != 1 || b->n_from != 1 ||
                                  !str_eq(pattern_text(a->from[0]), pattern_text(b->from[0]))))
                return true;
        }
    }
    return false;
}

/* Parents first, otherwise as written: take again and again the first rule that waits for none that is left. */
void compile_order_of_rules(struct compile *c)
{
    struct program *p = c->p;
    struct program_rule *sorted = compile_alloc(c, p->n_rules, sizeof *sorted);
    bool *taken = compile_alloc(c, p->n_rules, sizeof *taken);

    if (!sorted || !taken)
        return;
    for (size_t n = 0; n < p->n_rules; n++) {
        size_t pick = p->n_rules;

        for (size_t i = 0; i < p->n_rules && pick == p->n_rules; i++) {
            bool waits = taken[i];

            for (size_t k = 0; k < p->n_rules && !waits; k++)
                waits = k != i && !taken[k] && depends(&p->rules[i], &p->rules[k]);
            if (!waits)
                pick = i;
        }
        for (size_t i = 0; pick == p->n_rules; i++) {   /* a circle of references: as written */
            if (!taken[i])
                pick = i;
        }
        taken[pick] = true;
        sorted[n] = p->rules[pick];
    }
    memcpy(p->rules, sorted, p->n_rules * sizeof *sorted);
    p->whole_source = !p->group && crosses_files(p);
}
