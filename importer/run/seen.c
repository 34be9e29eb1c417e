/* Packed origins of the rows of a throw-away database, see run/seen.h. */
#include "run/seen.h"

#include "base/cleanup.h"
#include "source/walk.h"

int seen_create(struct db *db, struct err *err)
{
    return db_exec(db, "CREATE TABLE windrow_seen (table_name text, first integer, n integer, by_value integer, root integer, from_byte integer,"
                   " lines blob, PRIMARY KEY (table_name, first, by_value)) WITHOUT ROWID", err);
}

bool seen_by_value(const struct program_rule *rule, uint16_t *cell)
{
    for (size_t i = 0; i < rule->n_columns; i++) {
        if (rule->table->columns[rule->columns[i].column].identity) {
            *cell = rule->columns[i].cell;
            return true;
        }
    }
    return false;
}

static bool is_followed(const struct program_rule *rule)
{
    const struct catalog_table *t = rule->table;

    for (size_t i = 0; i < t->n_references; i++) {
        if (strcmp(t->references[i].table, t->name) == 0)
            return false;
    }
    for (size_t i = 0; i < rule->n_columns; i++) {
        const struct program_column *c = &rule->columns[i];

        if (c->ref && (c->ref->table == t || t->columns[c->column].identity))
            return false;
    }
    return rule->conflict == MAPPING_CONFLICT_ERROR;
}

static int64_t highest(struct worker *w, const struct program_rule *rule)
{
    struct db *db = w->run->ops->db(w->sink);
    CLEANUP(buf_release) struct buf sql = BUF_INIT;
    CLEANUP(db_result_release) struct db_result r = {0};
    CLEANUP(err_release) struct err ignored = {0};

    if (buf_add_text(&sql, "SELECT coalesce(max(rowid), 0) FROM main.") < 0 || db_quote_name(db, rule->table->name, &sql) < 0 ||
        db_query(db, buf_text(&sql), NULL, 0, &r, &ignored) < 0 || r.n_rows != 1)
        return -1;
    return db_cell_int(&r, 0, 0);
}

int64_t seen_before(struct worker *w, const struct program_rule *rule)
{
    if (!w->run->scratch || !w->run->ops->rival || !is_followed(rule))
        return -1;
    return highest(w, rule);
}

static int put_number(struct buf *out, uint64_t n)
{
    do {
        if (buf_add_char(out, (char)((n & 0x7f) | (n > 0x7f ? 0x80 : 0))) < 0)
            return -1;
        n >>= 7;
    } while (n);
    return 0;
}

static bool get_number(struct str *from, uint64_t *ret)
{
    uint64_t n = 0;

    for (unsigned shift = 0; from->len && shift < 64; shift += 7) {
        unsigned char c = (unsigned char)from->at[0];

        *from = str_make(from->at + 1, from->len - 1);
        n |= (uint64_t)(c & 0x7f) << shift;
        if (!(c & 0x80)) {
            *ret = n;
            return true;
        }
    }
    return false;
}

static uint64_t fold(int64_t n)
{
    return ((uint64_t)n << 1) ^ (uint64_t)(n >> 63);
}

static int64_t unfold(uint64_t n)
{
    return (int64_t)(n >> 1) ^ -(int64_t)(n & 1);
}

/* The difference of lines, folded, with a bit that says whether a path follows. */
static int put_line(struct buf *out, int64_t difference, bool path_follows)
{
    return put_number(out, fold(difference) << 1 | path_follows);
}

static int pack(const struct worker *w, const struct outgoing *o, bool by_value, struct buf *out)
{
    uint64_t line = 0, number = 0;
    uint32_t file = UINT32_MAX;
    size_t refused = 0;

    for (size_t i = 0; i < o->n_origins; i++) {
        const struct origin *from = &o->origins[i];
        bool other = from->file != file;

        if (refused < o->n_refused && o->refused[refused] == i) {
            refused++;
            continue;
        }
        if (put_line(out, (int64_t)(from->line - line), other) < 0 ||
            (by_value && put_number(out, fold((int64_t)(from->index - number))) < 0))
            return -1;
        line = from->line;
        number = from->index;
        file = from->file;
        if (other && (put_number(out, w->unit.files[file].path.len) < 0 || buf_add_str(out, w->unit.files[file].path) < 0))
            return -1;
    }
    return 0;
}

static void range_of(const struct outgoing *o, int64_t *first, int64_t *last)
{
    size_t refused = 0;

    *first = INT64_MAX;
    *last = INT64_MIN;
    for (size_t i = 0; i < o->n_origins; i++) {
        int64_t number = (int64_t)o->origins[i].index;

        if (refused < o->n_refused && o->refused[refused] == i) {
            refused++;
            continue;
        }
        *first = number < *first ? number : *first;
        *last = number > *last ? number : *last;
    }
}

int seen_after(struct worker *w, const struct program_rule *rule, const struct outgoing *o, int64_t before, uint64_t n,
               struct err *err)
{
    CLEANUP(buf_release) struct buf lines = BUF_INIT;
    int64_t first = before + 1, last = before + (int64_t)n;
    uint16_t cell;
    bool by_value = seen_by_value(rule, &cell);

    if (before < 0 || n == 0 || n != o->n_origins - o->n_refused)
        return 0;
    if (by_value)
        range_of(o, &first, &last);
    else if (highest(w, rule) != last)
        return 0;
    if (pack(w, o, by_value, &lines) < 0)
        return err_oom(err);
    return db_query(w->run->ops->db(w->sink), "INSERT OR IGNORE INTO windrow_seen VALUES ($1, $2, $3, $4, $5, $6, $7)",
                    (struct db_value[]){db_text(str_of(rule->table->name)), db_int(first), db_int(last - first + 1),
                                        db_int(by_value),
                                        db_int(w->unit.files[0].root), db_int(w->unit.part ? (int64_t)w->unit.from : 0),
                                        db_bytes(buf_str(&lines))}, 7, NULL, err);
}

/* In the write that is going on: rows that were refused have no number. */
static bool find_here(const struct outgoing *o, bool by_value, int64_t wanted, size_t row, struct origin *ret)
{
    size_t refused = 0;

    for (size_t i = 0; i < row; i++) {
        if (refused < o->n_refused && o->refused[refused] == i) {
            refused++;
            continue;
        }
        if (by_value ? (int64_t)o->origins[i].index == wanted : wanted-- == 0) {
            *ret = o->origins[i];
            return true;
        }
    }
    return false;
}

/* `wanted` is a number, or an ordinal. */
static bool unpack(struct str packed, bool by_value, int64_t wanted, struct str *path, uint64_t *line)
{
    uint64_t n, len, step = 0;
    int64_t number = 0;

    *line = 0;
    while (get_number(&packed, &n) && (!by_value || get_number(&packed, &step))) {
        *line += (uint64_t)unfold(n >> 1);
        number += unfold(step);
        if (n & 1) {
            if (!get_number(&packed, &len) || len > packed.len)
                return false;
            *path = str_make(packed.at, len);
            packed = str_make(packed.at + len, packed.len - len);
        }
        if (by_value ? number == wanted : wanted-- == 0)
            return path->at != NULL;
    }
    return false;
}

/* Lines of a part of a file count from its beginning. */
static bool true_line(struct worker *w, uint32_t root, struct str path, uint64_t from, uint64_t *line)
{
    CLEANUP(err_release) struct err ignored = {0};
    uint64_t before, index, size;
    int64_t mtime;
    CLEANUP(close_fd) int fd = from ? opener_open(w->opener, root, path, &size, &mtime, &ignored) : -1;

    if (from == 0)
        return true;
    if (fd < 0 || lines_before(w->run->lines, root, path, fd, from, &before, &index, &ignored) < 0)
        return false;
    *line += before - 1;
    return true;
}

static bool find_packed(struct worker *w, const struct program_rule *rule, int64_t number, struct finding_place *ret)
{
    CLEANUP(db_result_release) struct db_result r = {0};
    CLEANUP(err_release) struct err ignored = {0};
    struct str path = {0};
    uint64_t line;

    if (db_query(w->run->ops->db(w->sink), "SELECT first, root, from_byte, lines, by_value FROM windrow_seen"
                 " WHERE table_name = $1 AND first <= $2 AND first + n > $2 ORDER BY first DESC LIMIT 50",
                 (struct db_value[]){db_text(str_of(rule->table->name)), db_int(number)}, 2, &r, &ignored) < 0)
        return false;
    for (size_t i = 0; i < r.n_rows; i++) {
        bool by_value = db_cell_int(&r, i, 4) != 0;

        if (!unpack(db_cell(&r, i, 3), by_value, by_value ? number : number - db_cell_int(&r, i, 0), &path, &line))
            continue;
        if (!true_line(w, (uint32_t)db_cell_int(&r, i, 1), path, (uint64_t)db_cell_int(&r, i, 2), &line))
            return false;
        *ret = (struct finding_place){.file = arena_str(&w->arena, path), .line = line, .column = 1};
        return ret->file.at != NULL;
    }
    return false;
}

bool seen_find(struct worker *w, const struct program_rule *rule, const struct outgoing *o, int64_t before, size_t row,
               struct finding_place *ret)
{
    struct origin from;
    int64_t number;
    uint64_t line;
    uint16_t cell;
    bool by_value = seen_by_value(rule, &cell);

    if (before < 0 || !w->run->ops->rival(w->tables[rule_ordinal(w->run, rule)], &o->rows, row, &number))
        return false;
    if ((!by_value && number <= before) || !find_here(o, by_value, by_value ? number : number - before - 1, row, &from))
        return find_packed(w, rule, number, ret);
    line = from.line;
    if (w->unit.part && !w->line_known && !true_line(w, w->unit.files[from.file].root, w->unit.files[from.file].path, w->unit.from, &line))
        return false;
    *ret = (struct finding_place){.file = w->unit.files[from.file].path, .line = line, .column = 1};
    return true;
}
