/* Which keys of its records a rule reads, by itself or because a document or index reads the same files: what is left over
 * is listed by a dry run. */
#include "map/compile_internal.h"

static void cover(void *context, const struct json_step *steps, size_t n)
{
    struct program_rule *rule = context;

    json_paths_cover(rule->n_each ? rule->coverage : rule->paths, steps, n);
}

/* Inside an each the record is so many levels up. */
static void cover_expr(struct program_rule *rule, const struct expr *e)
{
    if (!e)
        return;
    if (rule->n_each)
        expr_paths_of_slot(e, SLOT_LEVEL << 16 | (int)rule->n_each, cover, rule);
    else
        expr_paths(e, cover, rule);
}

static void cover_reference(struct program_rule *rule, const struct program_ref *ref)
{
    for (size_t k = 0; k < ref->n; k++) {
        cover_expr(rule, ref->by[k].expr.expr);
        if (ref->by[k].ref)
            cover_reference(rule, ref->by[k].ref);
    }
}

void compile_coverage(struct program_rule *rule)
{
    if (rule->n_each)
        expr_paths(rule->each[0].path.expr, cover, rule);
    for (size_t i = 0; i < rule->n_columns; i++) {
        cover_expr(rule, rule->columns[i].expr.expr);
        if (rule->columns[i].ref)
            cover_reference(rule, rule->columns[i].ref);
    }
    cover_expr(rule, rule->where.expr);
    for (size_t i = 0; i < rule->n_lets; i++)
        cover_expr(rule, rule->lets[i].expr);
    for (size_t i = 0; i < rule->n_warns; i++)
        cover_expr(rule, rule->warns[i].expr);
}

static bool reads(const struct program_rule *rule, const struct mapping_text *files)
{
    for (size_t i = 0; i < rule->source->n_from; i++) {
        if (str_eq(rule->source->from[i].text, files->text))
            return true;
    }
    return false;
}

/* An index that keeps its entries whole reads all of them. */
static void cover_index(struct program_rule *rule, const struct program_index *index)
{
    const struct program_expr *all[] = {&index->each, &index->where, &index->by, &index->value};

    if (!index->each.expr && !index->value.expr) {
        cover(rule, NULL, 0);
        return;
    }
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        if (all[i]->expr && (i == 0 || !index->each.expr))
            expr_paths(all[i]->expr, cover, rule);
    }
    for (size_t i = 0; i < index->n_prefer && !index->each.expr; i++) {
        if (index->prefer[i].expr)
            expr_paths(index->prefer[i].expr, cover, rule);
    }
}

void compile_sibling_coverage(struct compile *c)
{
    const struct program *p = c->p;

    for (size_t r = 0; r < p->n_rules; r++) {
        struct program_rule *rule = &p->rules[r];

        if (!rule->paths || !rule->coverage)
            continue;
        for (size_t i = 0; i < c->m->n_documents; i++) {
            for (size_t k = 0; reads(rule, &c->m->documents[i].file) && k < p->n_exprs; k++)
                expr_paths_of_slot(p->exprs[k], SLOT_DOCUMENT << 16 | (int)i, cover, rule);
        }
        for (size_t i = 0; i < c->m->n_indexes; i++) {
            if (c->m->indexes[i].files.text.at && reads(rule, &c->m->indexes[i].files))
                cover_index(rule, &p->indexes[i]);
        }
    }
}
