/* The columns of a rule: where each value comes from, what its type is, what is done to it on the way. */
#include "map/compile_internal.h"

#include "convert/zone.h"

/* In what order: a column comes after those it is made of. */
struct needs {
    struct compile *c;
    const struct mapping_rule *rule;
    bool *of;       /* of[k]: column k is needed */
};

static int ordinal_of(const struct mapping_rule *rule, struct str name)
{
    for (size_t i = 0; i < rule->n_columns; i++) {
        if (str_eq(rule->columns[i].name.text, name))
            return (int)i;
    }
    return -1;
}

/* Without knowing the key of a $row.NAME, every column before is needed; the text tells the names. */
static void note_row_names(struct needs *needs, struct str text)
{
    for (size_t i = 0; i + 5 < text.len; i++) {
        size_t end = i + 5;
        int k;

        if (memcmp(text.at + i, "$row.", 5) != 0)
            continue;
        while (end < text.len && (text.at[end] == '_' || (unsigned)((text.at[end] | 32) - 97) < 26u ||
                                  (unsigned char)(text.at[end] - '0') < 10))
            end++;
        k = ordinal_of(needs->rule, str_make(text.at + i + 5, end - i - 5));
        if (k >= 0)
            needs->of[k] = true;
    }
}

static void note_needs(struct needs *needs, const struct mapping_column *column)
{
    note_row_names(needs, column->path.text);
    note_row_names(needs, column->expr.text);
    for (size_t i = 0; i < column->n_by; i++)
        note_needs(needs, &column->by[i]);
    for (size_t i = 0; i < column->n_uuid5; i++) {
        int k = ordinal_of(needs->rule, column->uuid5[i].text);

        if (k >= 0)
            needs->of[k] = true;
    }
}

static void order_columns(struct compile *c, struct program_rule *rule)
{
    size_t n = rule->n_columns;
    bool *of = compile_alloc(c, n * n, sizeof *of), *done = compile_alloc(c, n, sizeof *done);

    rule->order = compile_alloc(c, n, sizeof *rule->order);
    if (c->oom)
        return;
    for (size_t i = 0; i < n; i++) {
        struct needs needs = {c, rule->source, of + i * n};

        note_needs(&needs, rule->columns[i].source);
    }
    for (size_t placed = 0; placed < n; placed++) {
        size_t pick = n;

        for (size_t i = 0; i < n && pick == n; i++) {
            bool waits = done[i];

            for (size_t k = 0; k < n && !waits; k++)
                waits = of[i * n + k] && !done[k];
            if (!waits)
                pick = i;
        }
        if (pick == n) {
            for (pick = 0; done[pick]; pick++)
                ;
            err_set(compile_fault(c, &rule->columns[pick].source->name), ERR_RUN, W0260,
                    "column %.*s is made of itself, by way of $row or uuid5",
                    STR_ARG(rule->columns[pick].source->name.text));
            return;
        }
        done[pick] = true;
        rule->order[placed] = (uint16_t)pick;
    }
}

static bool same_family(const struct type *given, const struct type *there)
{
    bool text = there->kind == TYPE_TEXT;

    if (given->kind == there->kind || there->kind == TYPE_OTHER || there->stored_as_text)
        return true;
    if (given->kind >= TYPE_INT2 && given->kind <= TYPE_NUMERIC)
        return there->kind >= TYPE_INT2 && there->kind <= TYPE_FLOAT8;
    if (given->kind == TYPE_JSON || given->kind == TYPE_JSONB)
        return there->kind == TYPE_JSON || there->kind == TYPE_JSONB;
    return text && given->kind != TYPE_BYTEA;
}

/* The type of the cell: the column's own, unless `type:` names one that such a column can hold. */
static void column_type(struct compile *c, const struct mapping_column *source, const struct catalog_column *there,
                        struct type *ret, struct type *narrow)
{
    bool sqlite = c->p->catalog && strcmp(c->p->catalog->engine, "sqlite") == 0;
    struct type given = {0};

    *ret = there->type;
    if (!source->type.text.at)
        return;
    if (!catalog_type_parse(source->type.text, &c->p->arena, &given)) {
        err_set(compile_fault(c, &source->type), ERR_RUN, W0261, "there is no type '%.*s'", STR_ARG(source->type.text));
        return;
    }
    if (there->type.kind == TYPE_UNKNOWN) {
        *ret = given;
        return;
    }
    if (sqlite ? there->type.kind == TYPE_TEXT || there->type.stored_as_text : false) {
        given.stored_as_text = given.kind != TYPE_TEXT;
        given.spaced_time = there->type.spaced_time;
        if (given.kind == TYPE_TEXT && !given.length)
            given.length = there->type.length;
        *ret = given;
        return;
    }
    if (!same_family(&given, &there->type)) {
        err_set(compile_fault(c, &source->type), ERR_RUN, W0262, "column %s is %s, it cannot take type %.*s", there->name,
                there->type.name, STR_ARG(source->type.text));
        return;
    }
    /* Cells must suit the column's wire format, so the column's own type stays: the value has to fit both. */
    *narrow = given;
}

static struct zone *open_zone(struct compile *c, const struct mapping_text *text, struct str name)
{
    struct err e = {0};
    struct zone *zone = zone_open(name, &e);

    if (!zone) {
        e.has_byte = false;
        compile_fault_from(c, text, &e);
        return NULL;
    }
    c->p->zones[c->p->n_zones++] = zone;
    return zone;
}

static void compile_convert(struct compile *c, const struct mapping_column *source, struct convert_options *o)
{
    struct str word;

    o->trim = source->trim;
    o->coerce = source->coerce;
    if (source->format.text.at)
        o->format = arena_dup(&c->p->arena, source->format.text);
    if (compile_word(c, &source->timezone, &word))
        o->zone = open_zone(c, &source->timezone, word);
    if (compile_word(c, &source->nul, &word)) {
        o->nul = str_is(word, "strip") ? CONVERT_NUL_STRIP : str_is(word, "replace") ? CONVERT_NUL_REPLACE : CONVERT_NUL_REJECT;
        if (o->nul == CONVERT_NUL_REJECT && !str_is(word, "reject"))
            err_set(compile_fault(c, &source->nul), ERR_RUN, W0253, "'%.*s' is none of reject, strip, replace", STR_ARG(word));
    }
    if (compile_word(c, &source->utf8, &word)) {
        o->utf8 = str_is(word, "replace") ? CONVERT_UTF8_REPLACE : CONVERT_UTF8_REJECT;
        if (o->utf8 == CONVERT_UTF8_REJECT && !str_is(word, "reject"))
            err_set(compile_fault(c, &source->utf8), ERR_RUN, W0253, "'%.*s' is none of reject, replace", STR_ARG(word));
    }
}

static void compile_options(struct compile *c, struct program_column *column, struct names *names)
{
    const struct mapping_column *source = column->source;
    struct names check_names = *names;

    compile_convert(c, source, &column->convert);
    column->fallback = compile_constant(c, &source->fallback);
    column->n_null_if = source->n_null_if;
    column->null_if = compile_alloc(c, source->n_null_if, sizeof *column->null_if);
    for (size_t i = 0; column->null_if && i < source->n_null_if; i++)
        column->null_if[i] = compile_constant(c, &source->null_if[i]);
    column->n_map = source->n_map;
    column->map = compile_alloc(c, source->n_map, sizeof *column->map);
    for (size_t i = 0; column->map && i < source->n_map; i++) {
        column->map[i].from = source->map[i].from.text;
        column->map[i].to = compile_constant(c, &source->map[i].to);
    }
    column->map_else = compile_constant(c, &source->map_else);
    check_names.levels = PROGRAM_LEVELS_MAX;
    column->check = compile_expr(c, &source->check, &check_names);
    column->plain = !source->n_null_if && !source->n_map && !source->has_map_else &&
                    column->fallback.type == VALUE_ABSENT && !column->check.expr && column->narrow.kind == TYPE_UNKNOWN;
}

static void compile_source(struct compile *c, struct program_rule *rule, struct program_column *column,
                           struct names *names)
{
    const struct mapping_column *source = column->source;
    const struct json_step *steps;
    size_t n;

    if (source->path.text.at) {
        column->kind = COLUMN_EXPR;
        column->expr = compile_path(c, &source->path, names);
        if (column->expr.expr && expr_plain_path(column->expr.expr, &steps, &n)) {
            column->kind = COLUMN_SLOT;
            column->slot = json_paths_add(rule->paths, steps, n);
            c->oom |= column->slot < 0;
        }
    } else if (source->expr.text.at) {
        column->kind = COLUMN_EXPR;
        column->expr = compile_expr(c, &source->expr, names);
    } else {
        column->kind = COLUMN_VALUE;
        column->constant = compile_constant(c, &source->value);
    }
}

static void compile_uuid5(struct compile *c, struct program_rule *rule, struct program_column *column)
{
    const struct mapping_column *source = column->source;

    column->kind = COLUMN_UUID5;
    column->n_id_of = source->n_uuid5;
    column->id_of = compile_alloc(c, source->n_uuid5, sizeof *column->id_of);
    for (size_t i = 0; column->id_of && i < source->n_uuid5; i++) {
        int k = ordinal_of(rule->source, source->uuid5[i].text);

        column->id_of[i] = (uint16_t)(k < 0 ? 0 : k);   /* the reader of mappings has checked the names */
    }
}

static void no_table(struct compile *c, const struct mapping_text *name)
{
    const struct catalog *catalog = c->p->catalog;
    struct err *e = compile_fault(c, name);
    const char *names[256], *nearest;
    size_t n = 0;

    err_set(e, ERR_RUN, W0263, "the target has no table %.*s", STR_ARG(name->text));
    for (size_t i = 0; i < catalog->n_tables && n < ARRAY_LEN(names); i++)
        names[n++] = catalog->tables[i].name;
    nearest = str_nearest(name->text, names, n);
    if (nearest)
        err_help(e, "did you mean %s?", nearest);
    else
        err_help(e, "windrow schema up makes the tables of a system");
}

static void no_column(struct compile *c, const struct catalog_table *t, const struct mapping_text *name)
{
    struct err *e = compile_fault(c, name);
    const char *names[512], *nearest;
    size_t n = 0;

    err_set(e, ERR_RUN, W0264, "table %s has no column %.*s", t->name, STR_ARG(name->text));
    for (size_t i = 0; i < t->n_columns && n < ARRAY_LEN(names); i++)
        names[n++] = t->columns[i].name;
    nearest = str_nearest(name->text, names, n);
    if (nearest)
        err_help(e, "did you mean %s?", nearest);
}

static void compile_ref(struct compile *c, struct program_rule *rule, struct program_column *column,
                        struct names *names);

static int primary_column(const struct catalog_table *t)
{
    for (size_t i = 0; i < t->n_keys; i++) {
        if (t->keys[i].primary && t->keys[i].n == 1)
            return t->keys[i].columns[0];
    }
    return -1;
}

/* One key of a reference: what it equals. */
static void compile_by(struct compile *c, struct program_rule *rule, struct program_column *by, struct names *names)
{
    if (by->source->ref.text.at)
        compile_ref(c, rule, by, names);
    else
        compile_source(c, rule, by, names);
    compile_options(c, by, names);
}

static void compile_ref(struct compile *c, struct program_rule *rule, struct program_column *column,
                        struct names *names)
{
    const struct mapping_column *source = column->source;
    struct program_ref *ref = compile_alloc(c, 1, sizeof *ref);
    const struct catalog_table *t = c->p->catalog ? catalog_table(c->p->catalog, source->ref.text) : NULL;
    int k;

    column->kind = COLUMN_REF;
    if (!ref)
        return;
    if (!t) {
        if (c->p->catalog)
            no_table(c, &source->ref);
        return;
    }
    column->ref = ref;
    ref->table = t;
    ref->optional = source->on_error == MAPPING_ON_ERROR_NULL;
    k = source->ref_column.text.at ? catalog_column(t, source->ref_column.text) : primary_column(t);
    if (k < 0) {
        if (source->ref_column.text.at)
            no_column(c, t, &source->ref_column);
        else
            err_set(compile_fault(c, &source->ref), ERR_RUN, W0264, "table %s has no primary key of one column; add column:",
                    t->name);
        column->ref = NULL;
        return;
    }
    ref->column = (uint16_t)k;
    ref->n = source->n_by;
    ref->keys = compile_alloc(c, ref->n, sizeof *ref->keys);
    ref->by = compile_alloc(c, ref->n, sizeof *ref->by);
    for (size_t i = 0; ref->keys && ref->by && i < ref->n; i++) {
        const struct mapping_column *by = &source->by[i];

        k = catalog_column(t, by->name.text);
        if (k < 0)
            no_column(c, t, &by->name);
        ref->keys[i] = (uint16_t)(k < 0 ? 0 : k);
        ref->by[i].source = by;
        ref->by[i].type = t->columns[ref->keys[i]].type;
        ref->by[i].column = ref->keys[i];
        compile_by(c, rule, &ref->by[i], names);
    }
}

static const struct catalog_table *invented_table(struct compile *c, const struct mapping_rule *rule)
{
    struct catalog_table *t = compile_alloc(c, 1, sizeof *t);
    struct catalog_column *columns = compile_alloc(c, rule->n_columns, sizeof *columns);

    if (!t || !columns)
        return NULL;
    for (size_t i = 0; i < rule->n_columns; i++) {
        columns[i].name = arena_dup(&c->p->arena, rule->columns[i].name.text);
        columns[i].type = (struct type){.kind = TYPE_UNKNOWN, .name = "unknown"};
    }
    *t = (struct catalog_table){.name = arena_dup(&c->p->arena, rule->into.text), .columns = columns,
                                .n_columns = rule->n_columns};
    return t;
}

static const struct catalog_table *find_table(struct compile *c, const struct mapping_rule *rule)
{
    const struct catalog_table *t;

    if (!c->p->catalog)
        return invented_table(c, rule);
    t = catalog_table(c->p->catalog, rule->into.text);
    if (!t)
        no_table(c, &rule->into);
    return t;
}

static bool find_column(struct compile *c, const struct catalog_table *t, struct program_column *column)
{
    const struct mapping_text *name = &column->source->name;
    int k = catalog_column(t, name->text);

    if (k >= 0 && !t->columns[k].generated) {
        column->column = (uint16_t)k;
        return true;
    }
    if (k >= 0)
        err_set(compile_fault(c, name), ERR_RUN, W0265, "column %s of table %s is generated by the database",
                t->columns[k].name, t->name);
    else
        no_column(c, t, name);
    return false;
}

/* Columns that the table needs and nothing fills. */
static void check_filled(struct compile *c, const struct program_rule *rule)
{
    const struct catalog_table *t = rule->table;

    for (size_t i = 0; i < t->n_columns; i++) {
        const struct catalog_column *column = &t->columns[i];

        if (!column->not_null || column->has_default || column->identity || column->generated ||
            ordinal_of(rule->source, str_of(column->name)) >= 0)
            continue;
        err_set(compile_fault(c, &rule->source->mark), ERR_RUN, W0266,
                "column %s of table %s must not be null, has no default, and nothing fills it", column->name, t->name);
    }
}

static void compile_column(struct compile *c, struct program_rule *rule, struct program_column *column,
                           struct names *names)
{
    const struct mapping_column *source = column->source;
    const struct catalog_column *there;
    struct err e = {0};

    if (!find_column(c, rule->table, column))
        return;
    there = &rule->table->columns[column->column];
    column->not_null = source->required || (there->not_null && !there->identity);
    column_type(c, source, there, &column->type, &column->narrow);
    if (source->n_uuid5)
        compile_uuid5(c, rule, column);
    else if (source->ref.text.at)
        compile_ref(c, rule, column, names);
    else
        compile_source(c, rule, column, names);
    compile_options(c, column, names);
    if (column->kind == COLUMN_SLOT && column->plain)
        column->quick = convert_quick(&column->type, &column->convert, !column->not_null);
    if (column->convert.format && convert_format_check(column->convert.format, &column->type, &e) < 0) {
        e.map_len = 0;
        compile_fault_from(c, &source->format, &e);
    }
}

void compile_columns(struct compile *c, struct program_rule *rule, struct names *names)
{
    const struct mapping_rule *source = rule->source;
    struct err e = {0};

    rule->table = find_table(c, source);
    rule->paths = json_paths_new(&e);
    rule->coverage = json_paths_new(&e);
    rule->columns = compile_alloc(c, source->n_columns, sizeof *rule->columns);
    c->oom |= !rule->paths || !rule->coverage;
    if (!rule->table || c->oom)
        return;
    rule->n_columns = source->n_columns;
    for (size_t i = 0; i < rule->n_columns; i++) {
        rule->columns[i].source = &source->columns[i];
        rule->columns[i].cell = (uint16_t)rule->n_cells;
        compile_column(c, rule, &rule->columns[i], names);
        rule->n_cells += rule->columns[i].ref ? rule->columns[i].ref->n : 1;
    }
    order_columns(c, rule);
    if (c->p->catalog)
        check_filled(c, rule);
    if (c->faults->n == 0)
        compile_coverage(rule);
}

/* Does every rule that fills the table make this column as a uuid5 of just these keys? */
static bool is_computed(const struct program *p, const struct program_ref *ref)
{
    bool found = false;

    for (size_t i = 0; i < p->n_rules; i++) {
        const struct program_rule *rule = &p->rules[i];

        if (rule->table != ref->table)
            continue;
        for (size_t k = 0; k < rule->n_columns; k++) {
            const struct program_column *column = &rule->columns[k];

            if (column->column != ref->column)
                continue;
            if (column->kind != COLUMN_UUID5 || column->n_id_of != ref->n)
                return false;
            for (size_t j = 0; j < ref->n; j++) {
                if (rule->columns[column->id_of[j]].column != ref->keys[j])
                    return false;
            }
            found = true;
        }
    }
    return found;
}

/* References among the keys of a reference: ids that need no look-up. */
static void compile_inner_references(struct compile *c, struct program_ref *ref)
{
    for (size_t i = 0; i < ref->n; i++) {
        struct program_ref *inner = ref->by[i].ref;

        if (!inner)
            continue;
        inner->computed = is_computed(c->p, inner);
        if (!inner->computed)
            err_set(compile_fault(c, &ref->by[i].source->ref), ERR_RUN, W0270,
                    "a reference inside by: must be an id that is made of its keys; %s.%s is not", inner->table->name,
                    inner->table->columns[inner->column].name);
        compile_inner_references(c, inner);
    }
}

void compile_references(struct compile *c)
{
    for (size_t i = 0; i < c->p->n_rules; i++) {
        struct program_rule *rule = &c->p->rules[i];
        uint16_t cell = 0;

        for (size_t k = 0; k < rule->n_columns; k++) {
            struct program_column *column = &rule->columns[k];

            if (column->ref) {
                column->ref->computed = !column->ref->optional && is_computed(c->p, column->ref);
                compile_inner_references(c, column->ref);
            }
            column->cell = cell;
            cell = (uint16_t)(cell + (column->ref && !column->ref->computed ? column->ref->n : 1));
        }
        rule->n_cells = cell;
    }
}
