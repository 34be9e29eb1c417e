/* Identities of rows, kept and looked up again, see run/seen.h. */
#include "run/seen.h"

#include "base/cleanup.h"
#include "base/tempfile.h"
#include "source/walk.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

enum { KEPT_MAX = 100000, LABEL_BYTES = 80, REFERENCES_MAX = 64, COLUMNS_MAX = 16, FILTER_BITS = 1 << 16 };

/* Columns of a table by which others refer to its rows. */
struct referred {
    const struct catalog_table *table;
    uint16_t columns[COLUMNS_MAX];
    size_t n;
};

/* A row that was refused, and may be missed by others. */
struct refused {
    uint64_t identity;
    uint32_t root;
    struct str path, label;
    uint64_t line;
};

struct seen {
    int fd;                     /* of the file with the chunks' keys; -1: none yet */
    uint64_t size;
    struct referred referred[REFERENCES_MAX];
    size_t n_referred;
    struct arena arena;         /* of what follows */
    struct refused *refused;
    size_t n, capacity;
    bool partial;               /* not all that were refused are known */
};

/* What stands before a chunk in the file; then its list of files, then its keys. */
struct head {
    uint64_t files, keys, from;
    bool part;
};

bool seen_keeps(const struct run *run)
{
    return run->ops && !run->ledger;
}

/* ---- which columns others refer to ---- */

static void refer(struct seen *s, const struct catalog_table *table, const uint16_t *columns, size_t n)
{
    struct referred *r = &s->referred[s->n_referred];

    if (!table || n == 0 || n > COLUMNS_MAX || s->n_referred == REFERENCES_MAX)
        return;
    for (size_t i = 0; i < s->n_referred; i++) {
        if (s->referred[i].table == table && s->referred[i].n == n && memcmp(s->referred[i].columns, columns, n * sizeof *columns) == 0)
            return;
    }
    *r = (struct referred){.table = table, .n = n};
    memcpy(r->columns, columns, n * sizeof *columns);
    s->n_referred++;
}

/* Their columns, by number: false when one is not known. */
static bool columns_there(const struct catalog_reference *r, const struct catalog_table *there, uint16_t *columns)
{
    for (size_t i = 0; i < r->n; i++) {
        int at = r->n <= COLUMNS_MAX ? catalog_column(there, str_of(r->their_columns[i])) : -1;

        if (at < 0)
            return false;
        columns[i] = (uint16_t)at;
    }
    return true;
}

static void refer_by_rule(struct seen *s, const struct run *run, const struct program_rule *rule)
{
    for (size_t i = 0; i < rule->n_columns; i++) {
        const struct program_ref *ref = rule->columns[i].ref;

        if (ref && !ref->computed)
            refer(s, ref->table, ref->keys, ref->n);
    }
    for (size_t i = 0; i < rule->table->n_references; i++) {
        const struct catalog_reference *r = &rule->table->references[i];
        const struct catalog_table *there = catalog_table(&run->catalog, str_of(r->table));
        uint16_t columns[COLUMNS_MAX];

        if (there && columns_there(r, there, columns))
            refer(s, there, columns, r->n);
    }
}

int seen_open(struct run *run, struct err *err)
{
    struct seen *s = calloc(1, sizeof *s);

    if (!s)
        return err_oom(err);
    s->fd = -1;
    run->seen = s;
    for (size_t i = 0; run->ops && i < run->p->n_rules; i++) {
        if (run->p->rules[i].on)
            refer_by_rule(s, run, &run->p->rules[i]);
    }
    return 0;
}

void seen_close(struct run *run)
{
    if (!run->seen)
        return;
    close_fd(&run->seen->fd);
    arena_release(&run->seen->arena);
    free(run->seen->refused);
    free(run->seen);
    run->seen = NULL;
}

/* ---- rows that were written ---- */

int seen_rows(struct worker *w, const struct program_rule *rule, const struct outgoing *o)
{
    const struct sink_table *table = w->tables[rule_ordinal(w->run, rule)];
    struct keys_item item = {.table = write_table(rule)};
    size_t refused = 0;

    for (size_t i = 0; i < o->rows.n; i++) {
        uint64_t identity;

        if (refused < o->n_refused && o->refused[refused] == i) {
            refused++;
            continue;
        }
        identity = w->run->ops->identity(table, &o->rows, i);
        item.file = o->origins[i].file;
        item.line = entry_line(w, o->origins[i].line);
        item.key = str_make((const char *)&identity, sizeof identity);
        if (keys_add(&w->keys, &item) < 0)
            return -1;
    }
    return 0;
}

static int no_file(const char *what, struct err *err)
{
    return err_set(err, ERR_RUN, W0617, "cannot %s a file in %s: %s", what, tempfile_directory(), strerror(errno));
}

static int open_file(struct seen *s, struct err *err)
{
    s->fd = tempfile_open();
    return s->fd < 0 ? no_file("make", err) : 0;
}

static int append(struct seen *s, const void *bytes, size_t len, struct err *err)
{
    if (tempfile_write(s->fd, bytes, len, s->size) < 0)
        return no_file("write", err);
    s->size += len;
    return 0;
}

int seen_chunk(struct worker *w, struct err *err)
{
    struct seen *s = w->run->seen;
    CLEANUP(buf_release) struct buf files = BUF_INIT;
    struct head head = {.keys = w->keys.bytes.len, .from = w->unit.from, .part = w->unit.part};
    int ret = 0;

    if (!seen_keeps(w->run) || w->keys.bytes.len == 0)
        return 0;
    if (unit_pack(&w->unit, &files) < 0)
        return err_oom(err);
    head.files = files.len;
    pthread_mutex_lock(&w->run->lock);
    if (s->fd < 0)
        ret = open_file(s, err);
    if (ret == 0 && (append(s, &head, sizeof head, err) < 0 || append(s, files.at, files.len, err) < 0 ||
                     append(s, w->keys.bytes.at, w->keys.bytes.len, err) < 0))
        ret = -1;
    pthread_mutex_unlock(&w->run->lock);
    return ret;
}

/* ---- rows that were refused, and those that refer to them ---- */

/* The ordinal of a table's column among those of the rule; n_columns when the rule does not fill it. */
static size_t given(const struct program_rule *rule, uint16_t column)
{
    size_t i = 0;

    while (i < rule->n_columns && rule->columns[i].column != column)
        i++;
    return i;
}

/* One more value of a key, for the identity of what is referred to and for people. */
static bool add_value(const struct cell *cell, uint64_t *identity, struct buf *label)
{
    CLEANUP(buf_release) struct buf text = BUF_INIT;
    size_t len;

    if (cell->kind == CELL_NULL || !cell_text(cell, &text))
        return false;
    *identity = sink_identity(*identity, buf_str(&text));
    if (!label)
        return true;
    len = str_cut_utf8(buf_str(&text), LABEL_BYTES);
    return buf_printf(label, "%s%.*s", label->at[label->len - 1] == '(' ? "" : ", ", (int)len, buf_text(&text)) == 0;
}

static uint64_t start_identity(const struct catalog_table *table, const uint16_t *columns, size_t n)
{
    uint64_t identity = sink_identity(0, str_of(table->name));

    for (size_t i = 0; i < n; i++)
        identity = sink_identity(identity, str_of(table->columns[columns[i]].name));
    return identity;
}

/* One of the row's own cells. `cell` is made anew or lent. */
static bool own_cell(struct worker *w, const struct program_rule *rule, const struct outgoing *o, size_t row, size_t column,
                     struct cell *cell)
{
    const struct cell *made;

    if (column == rule->n_columns || (rule->columns[column].ref && !rule->columns[column].ref->computed))
        return false;
    if (o)
        return w->run->ops->cell(w->tables[rule_ordinal(w->run, rule)], &o->rows, row, column, 0, cell);
    made = evaluator_cell(w->ev, column);
    if (made)
        *cell = *made;
    return made != NULL;
}

static bool identify_refused(struct worker *w, const struct program_rule *rule, const struct referred *r, const struct outgoing *o,
                             size_t row, uint64_t *identity, struct buf *label)
{
    *identity = start_identity(r->table, r->columns, r->n);
    if (buf_printf(label, "%s(", r->table->name) < 0)
        return false;
    for (size_t i = 0; i < r->n; i++) {
        struct cell cell;

        if (!own_cell(w, rule, o, row, given(rule, r->columns[i]), &cell) || !add_value(&cell, identity, label))
            return false;
    }
    return buf_add_char(label, ')') == 0;
}

/* With the lock. */
static bool keep(struct seen *s, uint64_t identity, struct str label, const struct entry *file, uint64_t line)
{
    struct refused *last = s->n ? &s->refused[s->n - 1] : NULL;
    struct str path = last && last->root == file->root && str_eq(last->path, file->path) ? last->path : arena_str(&s->arena, file->path);

    if (s->n == s->capacity) {
        size_t capacity = s->capacity ? s->capacity * 2 : 64;
        struct refused *grown = s->n < KEPT_MAX ? realloc(s->refused, capacity * sizeof *grown) : NULL;

        if (!grown)
            return false;
        s->refused = grown;
        s->capacity = capacity;
    }
    s->refused[s->n] = (struct refused){identity, file->root, path, arena_str(&s->arena, label), line};
    return path.at && s->refused[s->n++].label.at;
}

void seen_refused(struct worker *w, const struct program_rule *rule, const struct outgoing *o, size_t row,
                  const struct entry *file, uint64_t line)
{
    struct seen *s = w->run->seen;

    for (size_t i = 0; s && rule && i < s->n_referred; i++) {
        CLEANUP(buf_release) struct buf label = BUF_INIT;
        uint64_t identity;
        bool kept;

        if (s->referred[i].table != rule->table)
            continue;
        kept = identify_refused(w, rule, &s->referred[i], o, row, &identity, &label);
        pthread_mutex_lock(&w->run->lock);
        if (!kept || !keep(s, identity, buf_str(&label), file, line))
            s->partial = true;
        pthread_mutex_unlock(&w->run->lock);
    }
}

/* The rows that a row refers to: by references of the mapping, then by foreign keys of the table. */
static void clues_of_mapping(struct worker *w, const struct program_rule *rule, const struct outgoing *o, size_t row, struct finding *f)
{
    for (size_t i = 0, n = 0; i < rule->n_columns && n < ARRAY_LEN(f->parents); i++) {
        const struct program_ref *ref = rule->columns[i].ref;
        struct cell cell;
        bool good = ref && !ref->computed;

        if (!good)
            continue;
        f->parents[n] = start_identity(ref->table, ref->keys, ref->n);
        for (size_t k = 0; k < ref->n && good; k++)
            good = w->run->ops->cell(w->tables[rule_ordinal(w->run, rule)], &o->rows, row, i, k, &cell) &&
                   add_value(&cell, &f->parents[n], NULL);
        if (good)
            n++;
        else
            f->parents[n] = 0;
    }
}

static void clues_of_table(struct worker *w, const struct program_rule *rule, const struct outgoing *o, size_t row, struct finding *f)
{
    for (size_t i = 0, n = 0; i < rule->table->n_references && n < ARRAY_LEN(f->parents); i++) {
        const struct catalog_reference *r = &rule->table->references[i];
        const struct catalog_table *there = catalog_table(&w->run->catalog, str_of(r->table));
        uint16_t columns[COLUMNS_MAX];
        struct cell cell;
        bool good = there && r->n && columns_there(r, there, columns);

        if (!good)
            continue;
        f->parents[n] = start_identity(there, columns, r->n);
        for (size_t k = 0; k < r->n && good; k++)
            good = own_cell(w, rule, o, row, given(rule, r->columns[k]), &cell) && add_value(&cell, &f->parents[n], NULL);
        if (good)
            n++;
        else
            f->parents[n] = 0;
    }
}

void seen_clues(struct worker *w, const struct program_rule *rule, const struct outgoing *o, size_t row, struct finding *f)
{
    if (f->code == W0512)
        f->rival = w->run->ops->rival(w->tables[rule_ordinal(w->run, rule)], &o->rows, row);
    else if (f->code == W0510)
        clues_of_mapping(w, rule, o, row, f);
    else if (f->code == W0513)
        clues_of_table(w, rule, o, row, f);
}

/* ---- places, at the end ---- */

struct pending {
    struct finding *finding;
    struct str path;            /* found: copied */
    uint64_t line;
    uint32_t root;
};

struct settling {
    struct run *run;
    struct pending *all;        /* in order of their identities */
    size_t n;
    unsigned char *filter;      /* bits of identities that are looked for */
    bool last;                  /* the later of two entries counts: a changed file was loaded again */
    struct sink_table **tables; /* by rule, for keys of the ledger; NULL: the keys are identities */
    const struct unit *unit;
};

static int by_identity(const void *a, const void *b)
{
    uint64_t x = ((const struct pending *)a)->finding->rival, y = ((const struct pending *)b)->finding->rival;

    return (x > y) - (x < y);
}

static bool is_wanted(const struct settling *s, uint64_t identity)
{
    size_t bit = identity % FILTER_BITS;

    return s->filter[bit / 8] & 1u << bit % 8;
}

/* The first of those that look for it. */
static struct pending *find(const struct settling *s, uint64_t identity)
{
    size_t low = 0, high = s->n;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (s->all[middle].finding->rival < identity)
            low = middle + 1;
        else
            high = middle;
    }
    return low < s->n && s->all[low].finding->rival == identity ? &s->all[low] : NULL;
}

/* Lines of a part of a file count from its beginning. */
static uint64_t true_line(const struct run *run, const struct entry *file, const struct unit *unit, uint64_t line)
{
    CLEANUP(err_release) struct err ignored = {0};
    uint64_t before, index, size;
    int64_t mtime;
    struct opener *opener = unit->part && unit->from ? opener_new(run->o->sources, run->o->n_sources, &ignored) : NULL;
    CLEANUP(close_fd) int fd = opener ? opener_open(opener, file->root, file->path, &size, &mtime, &ignored) : -1;

    if (unit->part && unit->from)
        line = fd >= 0 && lines_before(run->lines, file->root, file->path, fd, unit->from, &before, &index, &ignored) == 0
                   ? line + before - 1 : 0;
    opener_free(opener);
    return line;
}

static int take(const struct settling *s, const struct keys_item *item, uint64_t identity, struct err *err)
{
    const struct entry *file = item->file < s->unit->n_files ? &s->unit->files[item->file] : NULL;

    for (struct pending *p = file ? find(s, identity) : NULL; p && p < s->all + s->n && p->finding->rival == identity; p++) {
        if (!str_eq(p->finding->table, item->table) || (p->path.at && !s->last))
            continue;
        p->path = arena_str(&s->run->arena, file->path);
        p->root = file->root;
        p->line = true_line(s->run, file, s->unit, item->line);
        if (!p->path.at)
            return err_oom(err);
    }
    return 0;
}

/* Whose keys the ledger's section holds, if they are made of the same columns today. */
static const struct sink_table *table_of(const struct settling *s, struct str table, struct str columns)
{
    for (size_t i = 0; i < s->run->p->n_rules; i++) {
        const struct program_rule *rule = &s->run->p->rules[i];
        CLEANUP(buf_release) struct buf line = BUF_INIT;

        if (!s->tables[i] || rule->n_key == 0 || !str_is(table, rule->table->name))
            continue;
        if (!columns.at || (run_key_line(rule, &line) == 0 && memmem(columns.at, columns.len, line.at, line.len)))
            return s->tables[i];
    }
    return NULL;
}

static int take_keys(struct settling *s, struct str columns, struct str packed, struct err *err)
{
    struct keys_reader reader = {.rest = packed};
    const struct sink_table *table = NULL;
    const char *section = NULL;
    struct keys_item item;
    int got;

    while ((got = keys_next(&reader, &item, err)) == 1) {
        uint64_t identity = 0;

        if (!s->tables) {
            memcpy(&identity, item.key.at, sizeof identity);
        } else {
            if (section != item.table.at)
                table = table_of(s, item.table, columns);
            section = item.table.at;
            identity = table ? s->run->ops->key_identity(table, item.key) : 0;
        }
        if (identity && is_wanted(s, identity) && take(s, &item, identity, err) < 0)
            return -1;
    }
    return got;
}

static int take_ledger(void *context, const struct ledger_written *written, struct err *err)
{
    struct settling *s = context;

    s->unit = written->unit;
    return take_keys(s, written->columns, written->packed, err);
}

static int read_at(const struct seen *s, void *bytes, size_t len, uint64_t *at, struct err *err)
{
    if (tempfile_read(s->fd, bytes, len, *at) < 0)
        return no_file("read", err);
    *at += len;
    return 0;
}

static int search_file(struct settling *s, struct err *err)
{
    const struct seen *seen = s->run->seen;
    CLEANUP(buf_release) struct buf bytes = BUF_INIT;
    struct head head;

    for (uint64_t at = 0; at < seen->size;) {
        CLEANUP(unit_release) struct unit unit = {0};

        buf_clear(&bytes);
        if (read_at(seen, &head, sizeof head, &at, err) < 0 || buf_reserve(&bytes, head.files + head.keys) < 0 ||
            read_at(seen, bytes.at, head.files + head.keys, &at, err) < 0 ||
            unit_unpack(&unit, str_make(bytes.at, head.files), err) < 0)
            return -1;
        unit.part = head.part;
        unit.from = head.from;
        s->unit = &unit;
        if (take_keys(s, (struct str){0}, str_make(bytes.at + head.files, head.keys), err) < 0)
            return -1;
    }
    return 0;
}

/* The connection cannot prepare anything while it reads. */
static int search_ledger(struct settling *s, struct err *err)
{
    struct run *run = s->run;
    int got = run->first ? 0 : -1;

    s->last = true;
    s->tables = calloc(run->p->n_rules + 1, sizeof *s->tables);
    for (size_t i = 0; s->tables && i < run->p->n_rules && got == 0; i++) {
        if (!run->p->rules[i].on || run->p->rules[i].n_key == 0)
            continue;
        s->tables[i] = run->ops->prepare(run->first, &run->specs[i], err);
        got = s->tables[i] ? 0 : -1;
    }
    if (s->tables && got == 0)
        got = ledger_all_keys(run->ops->db(run->first), take_ledger, s, err);
    for (size_t i = 0; s->tables && i < run->p->n_rules; i++)
        run->ops->release(s->tables[i]);
    free(s->tables);
    s->tables = NULL;
    return got;
}

static int collect(struct settling *s, const struct findings *findings)
{
    for (size_t i = 0; i < findings->n; i++)
        s->n += findings->groups[i].n_examples;
    s->all = calloc(s->n + 1, sizeof *s->all);
    s->filter = calloc(FILTER_BITS / 8, 1);
    s->n = 0;
    if (!s->all || !s->filter)
        return -1;
    for (size_t i = 0; i < findings->n; i++) {
        for (size_t k = 0; k < findings->groups[i].n_examples; k++) {
            struct finding *f = findings->groups[i].examples[k];
            size_t bit = f->rival % FILTER_BITS;

            if (f->rival == 0)
                continue;
            s->all[s->n++].finding = f;
            s->filter[bit / 8] = (unsigned char)(s->filter[bit / 8] | 1u << bit % 8);
        }
    }
    qsort(s->all, s->n, sizeof *s->all, by_identity);
    return 0;
}

static void show_rivals(const struct settling *s)
{
    for (size_t i = 0; i < s->n; i++) {
        struct finding *f = s->all[i].finding;

        if (!s->all[i].path.at)
            continue;
        f->other = (struct finding_place){.file = s->all[i].path, .source = run_source(s->run, s->all[i].root), .line = s->all[i].line, .column = s->all[i].line > 0};
        f->other_label = str_of("first seen here");
        f->rival = 0;
    }
}

static void settling_release(struct settling *s)
{
    free(s->all);
    free(s->filter);
}

static void settle_rivals(struct run *run)
{
    CLEANUP(settling_release) struct settling s = {.run = run};
    CLEANUP(err_release) struct err ignored = {0};
    int got = collect(&s, &run->account.findings);

    if (got == 0 && s.n)
        got = run->ledger ? search_ledger(&s, &ignored) : search_file(&s, &ignored);
    show_rivals(&s);
    for (size_t i = 0; i < s.n && got == 0 && run->ledger; i++) {
        struct finding *f = s.all[i].finding;

        if (f->rival && f->help.len == 0)
            f->help = str_of("that row was in the table before; no load that this ledger knows made it");
    }
}

void seen_undone(struct worker *w)
{
    CLEANUP(settling_release) struct settling s = {.run = w->run, .unit = &w->unit, .tables = seen_keeps(w->run) ? NULL : w->tables};
    CLEANUP(err_release) struct err ignored = {0};

    pthread_mutex_lock(&w->run->lock);
    if (collect(&s, &w->account.findings) == 0 && s.n && take_keys(&s, (struct str){0}, buf_str(&w->keys.bytes), &ignored) == 0)
        show_rivals(&s);
    pthread_mutex_unlock(&w->run->lock);
}

static const struct refused *find_refused(const struct seen *s, const struct finding *f)
{
    for (size_t i = 0; i < s->n; i++) {
        for (size_t k = 0; k < ARRAY_LEN(f->parents) && f->parents[k]; k++) {
            if (s->refused[i].identity == f->parents[k])
                return &s->refused[i];
        }
    }
    return NULL;
}

static void settle_parents(struct run *run)
{
    const struct findings *findings = &run->account.findings;

    for (size_t i = 0; i < findings->n; i++) {
        for (size_t k = 0; k < findings->groups[i].n_examples; k++) {
            struct finding *f = findings->groups[i].examples[k];
            const struct refused *r = f->parents[0] ? find_refused(run->seen, f) : NULL;
            const char *label = r ? arena_printf(&run->arena, "the parent %.*s was itself refused", STR_ARG(r->label)) : NULL;

            if (label) {
                f->other = (struct finding_place){.file = arena_str(&run->arena, r->path), .source = run_source(run, r->root), .line = r->line, .column = 1};
                f->other_label = str_of(label);
            } else if (f->parents[0] && f->help.len == 0 && !run->seen->partial) {
                f->help = str_of("no such row came from the source before this one, neither loaded nor refused");
            }
        }
    }
}

void seen_settle(struct run *run)
{
    if (!run->seen || !run->ops)
        return;
    settle_rivals(run);
    settle_parents(run);
}
