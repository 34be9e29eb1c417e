/* windrow rejects: what was refused by a run, and a second try. */
#include "cli/cmd_run.h"

#include "base/cleanup.h"
#include "ledger/rejects.h"
#include "read/json.h"
#include "report/escape.h"
#include "report/jsonout.h"
#include "report/render.h"
#include "report/table.h"
#include "run/mended.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { SHOWN_BYTES = 2000, EXCERPT_MAX = 400, EXPORT_FLUSH = 1 << 16 };

/* A ledger that can be read, and the run that was asked for. */
struct rejects_app {
    struct app *app;
    struct db *db;
    struct rejects_run run;
    struct buf out;
    struct table table;
    FILE *file;             /* of the export */
    uint64_t n;
    int unwritten;          /* errno of a write that failed */
};

static const struct table_column columns[] = {
    {"id", TABLE_NUMBER, 0}, {"state", TABLE_TEXT, 0}, {"code", TABLE_TEXT, 0}, {"table", TABLE_TEXT, 40}, {"source", TABLE_TEXT, 60},
    {"path", TABLE_TEXT, 60}, {"line", TABLE_NUMBER, 0}, {"column", TABLE_NUMBER, 0}, {"message", TABLE_TEXT, 100},
};
enum { SOURCE_COLUMN = 4 };

/* Which of several sources a reject is in; NULL: there is only one. */
static const char *source_of(const struct rejects_app *r, const struct rejects_item *item)
{
    return r->run.n_sources > 1 && item->root < r->run.n_sources ? r->run.sources[item->root] : NULL;
}

/* What has gathered, to where it belongs. */
static int flush_out(struct rejects_app *r, FILE *to, struct err *err)
{
    if (r->out.len && fwrite(r->out.at, 1, r->out.len, to) != r->out.len) {
        r->unwritten = errno;
        return err_set(err, ERR_RUN, W0103, "cannot write: %s", strerror(errno));
    }
    buf_clear(&r->out);
    return 0;
}

/* Of reading the ledger, or of writing to standard output. */
static int failed(const struct rejects_app *r, const struct err *e)
{
    if (r->unwritten)
        return app_unprinted(r->unwritten);
    return app_fail(e, e->code == W0601 ? EXIT_INTERRUPTED : EXIT_DATABASE);
}

static void place_cell(struct table *t, uint64_t n, int *good)
{
    if (*good == 0)
        *good = n ? table_cellf(t, "%llu", (unsigned long long)n) : table_null(t);
}

/* One row at a time, so that a million rejects need no memory. */
static int list_item(void *context, const struct rejects_item *item, struct err *err)
{
    struct rejects_app *r = context;
    struct table *t = &r->table;
    int good = table_cellf(t, "%lld", (long long)item->id);

    if (good == 0)
        good = table_cell(t, item->state) < 0 || table_cell(t, item->code) < 0 || table_cell(t, item->table) < 0 ||
               (r->run.n_sources > 1 && table_cell(t, str_of(source_of(r, item))) < 0) || table_cell(t, item->path) < 0 ? -1 : 0;
    place_cell(t, item->line, &good);
    place_cell(t, item->column, &good);
    if (good == 0)
        good = table_cell(t, item->message);
    r->n++;
    if (good == 0 && r->app->json) {
        good = buf_add_text(&r->out, r->n == 1 ? "[\n  " : ",\n  ");
        if (good == 0)
            good = table_json_row(t, 0, &r->out);
        table_clear(t);
        if (good == 0 && r->out.len > EXPORT_FLUSH)
            return flush_out(r, stdout, err);
    }
    return good < 0 ? err_oom(err) : 0;
}

static int list(struct rejects_app *r)
{
    struct table_column shown[ARRAY_LEN(columns)];
    size_t n = 0;
    struct rejects_filter filter = {.run = r->run.id, .open = !r->app->all};
    struct err e = {0};
    int good, status = EXIT_DONE;

    for (size_t i = 0; i < ARRAY_LEN(columns); i++) {
        if (i != SOURCE_COLUMN || r->run.n_sources > 1)
            shown[n++] = columns[i];
    }
    table_init(&r->table, shown, n);
    good = rejects_each(r->db, &filter, list_item, r, &e);
    if (good == 0 && r->app->json)
        good = buf_add_text(&r->out, r->n ? "\n]\n" : "[]\n");
    else if (good == 0)
        good = r->n ? table_text(&r->table, &r->out) : buf_printf(&r->out, "run %lld has no %srejects\n", (long long)r->run.id,
                                                                r->app->all ? "" : "open ");
    if (good < 0)
        status = failed(r, &e);
    table_release(&r->table);
    err_release(&e);
    return good < 0 ? status : app_print(&r->out, status);
}

/* show */

static void add_excerpt(struct finding *f, const struct rejects_item *item)
{
    size_t at = item->has_byte && item->byte >= item->record_byte ? (size_t)(item->byte - item->record_byte) : 0, start, end;

    if (!item->record.at || at > item->record.len)
        return;
    for (start = at; start > 0 && item->record.at[start - 1] != '\n' && at - start < EXCERPT_MAX; start--)
        ;
    while (start < at && ((unsigned char)item->record.at[start] & 0xc0) == 0x80)
        start++;
    for (end = at; end < item->record.len && item->record.at[end] != '\n' && end - at < EXCERPT_MAX; end++)
        ;
    f->excerpt = str_make(item->record.at + start, end - start);
    f->excerpt_cut = end < item->record.len && item->record.at[end] != '\n';
    if (item->column > str_utf8_count(str_make(item->record.at + start, at - start)))
        f->excerpt_column = item->column - str_utf8_count(str_make(item->record.at + start, at - start));
}

static int add_bytes(struct buf *out, struct str record, bool all)
{
    size_t shown = all || record.len <= SHOWN_BYTES ? record.len : SHOWN_BYTES, at = 0;

    while (at < shown) {
        const char *end = memchr(record.at + at, '\n', shown - at);
        size_t len = end ? (size_t)(end - record.at) - at : shown - at;

        if (buf_add_text(out, "   | ") < 0 || escape_text(out, str_make(record.at + at, len)) < 0 || buf_add_char(out, '\n') < 0)
            return -1;
        at += len + (end != NULL);
    }
    if (shown < record.len)
        return buf_printf(out, "   | ... %zu bytes more; --all shows them\n", record.len - shown);
    return 0;
}

static int show_item(void *context, const struct rejects_item *item, struct err *err)
{
    struct rejects_app *r = context;
    struct render_options render = {.color = app_color(r->app, STDOUT_FILENO)};
    CLEANUP(arena_release) struct arena names = {0};
    char *code = arena_dup(&names, item->code), *row = arena_printf(&names, "reject %lld of run %lld, %.*s",
                                                                    (long long)item->id, (long long)item->run, STR_ARG(item->state));
    struct finding f = {.outcome = FINDING_REJECTED, .message = item->message, .table = item->table,
                        .at = {.file = item->path, .source = source_of(r, item), .line = item->line, .column = item->column, .byte = item->byte,
                               .has_byte = item->has_byte, .pointer = item->pointer}};
    int good = code && row ? 0 : -1;

    if (good == 0) {
        f.code = code_by_name(code);
        f.row = str_of(row);
        snprintf(f.sqlstate, sizeof f.sqlstate, "%.*s", STR_ARG(item->sqlstate));
        add_excerpt(&f, item);
        good = render_finding(&r->out, &f, &render);
    }
    if (good == 0 && item->record.at)
        good = buf_printf(&r->out, "   = the record, %zu bytes:\n", item->record.len) < 0 ||
               add_bytes(&r->out, item->record, r->app->all) < 0 ? -1 : 0;
    else if (good == 0)
        good = buf_add_text(&r->out, "   = its bytes were not kept\n");
    if (good == 0)
        good = buf_add_char(&r->out, '\n');
    r->n++;
    return good < 0 ? err_oom(err) : flush_out(r, stdout, err);
}

static int show(struct rejects_app *r)
{
    struct rejects_filter filter = {.run = r->run.id, .open = true, .records = true};
    struct err e = {0};
    int status = EXIT_DONE;

    if (r->app->n_args > 2) {
        if (!str_parse_int64(str_of(r->app->args[2]), &filter.id) || filter.id < 1)
            return app_usage("rejects show RUN %s: a reject is a number, see 'windrow rejects list'", r->app->args[2]);
        filter.open = false;
    }
    if (rejects_each(r->db, &filter, show_item, r, &e) < 0)
        status = failed(r, &e);
    else if (r->n == 0 && filter.id)
        status = app_usage("run %lld has no reject %s", (long long)r->run.id, r->app->args[2]);
    else if (r->n == 0)
        status = app_say(status, "run %lld has no open rejects", (long long)r->run.id);
    err_release(&e);
    return status == EXIT_DONE ? app_print(&r->out, status) : status;
}

/* export */

static int add_base64(struct buf *out, struct str s)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    if (buf_reserve(out, (s.len / 3 + 1) * 4 + 1) < 0)
        return -1;
    for (size_t i = 0; i < s.len; i += 3) {
        size_t left = s.len - i;
        unsigned n = (unsigned)(unsigned char)s.at[i] << 16 | (left > 1 ? (unsigned)(unsigned char)s.at[i + 1] << 8 : 0) |
                     (left > 2 ? (unsigned char)s.at[i + 2] : 0);
        char four[4] = {digits[n >> 18], digits[n >> 12 & 63], left > 1 ? digits[n >> 6 & 63] : '=',
                        left > 2 ? digits[n & 63] : '='};

        if (buf_add(out, four, sizeof four) < 0)
            return -1;
    }
    return 0;
}

static int export_record(struct jsonout *j, struct str record)
{
    CLEANUP(buf_release) struct buf coded = BUF_INIT;

    if (str_utf8_invalid_at(record) == record.len) {
        jsonout_name(j, "record");
        jsonout_str(j, record);
        return 0;
    }
    if (add_base64(&coded, record) < 0)
        return -1;
    jsonout_member_str(j, "record_base64", buf_str(&coded));
    return 0;
}

static int export_item(void *context, const struct rejects_item *item, struct err *err)
{
    struct rejects_app *r = context;
    struct jsonout j;

    jsonout_init(&j, &r->out, true);
    jsonout_open(&j, '{');
    jsonout_member_uint(&j, "id", (uint64_t)item->id);
    jsonout_member_uint(&j, "run", (uint64_t)item->run);
    jsonout_member_str(&j, "source", str_of(source_of(r, item)));
    jsonout_member_str(&j, "path", item->path);
    jsonout_member_place(&j, "line", item->line);
    jsonout_member_place(&j, "column", item->column);
    jsonout_member_str(&j, "pointer", item->pointer);
    jsonout_member_str(&j, "code", item->code);
    jsonout_member_str(&j, "message", item->message);
    jsonout_member_str(&j, "table", item->table);
    jsonout_member_str(&j, "row", item->row);
    if (item->record.at && export_record(&j, item->record) < 0)
        return err_oom(err);
    jsonout_close(&j, '}');
    if (j.failed || buf_add_char(&r->out, '\n') < 0)
        return err_oom(err);
    r->n++;
    return flush_out(r, r->file, err);
}

static int export_all(struct rejects_app *r)
{
    struct rejects_filter filter = {.run = r->run.id, .open = !r->app->all, .records = true};
    CLEANUP(err_release) struct err e = {0};

    if (rejects_each(r->db, &filter, export_item, r, &e) == 0 && fflush(r->file) == 0)
        return EXIT_DONE;
    if (!r->unwritten && !e.scope)
        r->unwritten = errno;
    if (!r->unwritten || r->file == stdout)
        return failed(r, &e);
    err_release(&e);
    err_set(&e, ERR_RUN, W0103, "cannot write '%s': %s", r->app->args[2], strerror(r->unwritten));
    return app_fail(&e, EXIT_INTERNAL);
}

/* A new file only: what somebody has mended is not written over. Half a file is none. */
static int export_to_file(struct rejects_app *r, const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    int status;

    if (fd < 0)
        return app_usage("cannot make the file %s: %s", path, strerror(errno));
    r->file = fdopen(fd, "w");
    if (!r->file) {
        close(fd);
        unlink(path);
        return EXIT_INTERNAL;
    }
    status = export_all(r);
    fclose(r->file);
    if (status != EXIT_DONE)
        unlink(path);
    else if (!r->app->quiet)
        status = app_say(status, "%llu rejects of run %lld", (unsigned long long)r->n, (long long)r->run.id);
    return status;
}

static int export(struct rejects_app *r)
{
    if (r->app->n_args > 2 && strcmp(r->app->args[2], "-") != 0)
        return export_to_file(r, r->app->args[2]);
    r->file = stdout;
    return export_all(r);
}

/* replay */

/* A JSON string becomes its text; other values stay as they are written. */
static int plain_text(struct arena *a, struct str *value)
{
    struct json_options options = {0};
    struct json_parser *parser = value->len && value->at[0] == '"' ? json_parser_new(&options, NULL) : NULL;
    char *padded = arena_alloc(a, value->len + JSON_PADDING);
    struct value v;
    int ret = padded ? 0 : -1;

    if (parser && padded) {
        memcpy(padded, value->at, value->len);
        memset(padded + value->len, 0, JSON_PADDING);
        ret = json_parse(parser, str_make(padded, value->len), &v, NULL) < 0 || value_text(&v, a, value) < 0 ? -1 : 0;
        if (ret == 0 && !(value->at = arena_dup(a, *value)))
            ret = -1;
    }
    json_parser_free(parser);
    return ret;
}

/* The run's parameters were kept as NAME=JSON, a line each; what --set says now comes first. */
static int parameters(struct rejects_app *r, struct run_options *o)
{
    struct program_set *sets = arena_calloc(&r->app->arena, o->n_sets + 64, sizeof *sets);
    struct str rest = r->run.parameters;
    size_t n = o->n_sets, given = o->n_sets;

    if (!sets)
        return -1;
    for (size_t i = 0; i < given; i++)
        sets[i] = o->sets[i];
    while (rest.len && n < given + 64) {
        const char *end = memchr(rest.at, '\n', rest.len), *equals = memchr(rest.at, '=', rest.len);
        size_t len = end ? (size_t)(end - rest.at) : rest.len;
        struct program_set set;
        bool known = false;

        if (!equals || (size_t)(equals - rest.at) > len)
            break;
        set.name = str_make(rest.at, (size_t)(equals - rest.at));
        set.value = str_make(equals + 1, len - set.name.len - 1);
        for (size_t i = 0; i < given; i++)
            known = known || str_eq(sets[i].name, set.name);
        if (!known && !str_is(set.value, "null")) {
            if (plain_text(&r->app->arena, &set.value) < 0)
                return -1;
            sets[n++] = set;
        }
        rest = str_make(rest.at + len + (end != NULL), rest.len - len - (end != NULL));
    }
    o->sets = sets;
    o->n_sets = n;
    return 0;
}

/* The mapping that was used, where it was, else by its name. */
static int replay(struct rejects_app *r)
{
    struct app *app = r->app;
    struct run_options o;
    char *path = arena_dup(&app->arena, r->run.mapping_path), *name = arena_dup(&app->arena, r->run.mapping);

    app->args[0] = app->mapping ? app->mapping : path && access(path, R_OK) == 0 ? path : name;
    if (!app->args[0] || !app_run_options(app, &o))
        return EXIT_USAGE;
    if (parameters(r, &o) < 0)
        return EXIT_INTERNAL;
    o.mended = app->n_args > 2 ? app->args[2] : NULL;
    o.level = RUN_LOAD;
    o.target = app_target(app, true);
    o.sources = r->run.sources;
    o.n_sources = r->run.n_sources;
    o.replay = r->run.id;
    o.replay_job = r->run.job;
    o.jobs = 1;
    db_close(r->db);
    r->db = NULL;
    return cmd_run(app, &o);
}

static const struct {
    const char *name;
    size_t max_args;
    int (*run)(struct rejects_app *r);
} actions[] = {{"list", 2, list}, {"show", 3, show}, {"export", 3, export}, {"replay", 3, replay}};

/* 0 with r->run filled, or the exit status. */
static int open_run(struct rejects_app *r, const char *target)
{
    struct db_options options = {.read_only = true};
    struct err e = {0};
    int64_t id = 0;
    int got;

    if (r->app->n_args > 1 && strcmp(r->app->args[1], "last") != 0 &&
        (!str_parse_int64(str_of(r->app->args[1]), &id) || id < 1))
        return app_usage("rejects %s %s: a run is a number (see 'windrow status') or 'last'", r->app->args[0], r->app->args[1]);
    r->db = db_open(target, &options, &e);
    got = r->db ? ledger_exists(r->db, &e) : -1;
    if (got == 1)
        got = rejects_run(r->db, id, &r->run, &e);
    if (got < 0)
        app_fail(&e, EXIT_DATABASE);
    err_release(&e);
    if (got == 0)
        return id ? app_usage("there is no run %lld", (long long)id) : app_usage("no run has rejects");
    return got < 0 ? EXIT_DATABASE : 0;
}

int cmd_rejects(struct app *app)
{
    struct rejects_app r = {.app = app};
    const char *target, *names[ARRAY_LEN(actions)], *nearest;
    size_t i = 0;
    int status;

    while (i < ARRAY_LEN(actions) && strcmp(app->args[0], actions[i].name) != 0)
        i++;
    if (i == ARRAY_LEN(actions)) {
        for (size_t k = 0; k < ARRAY_LEN(actions); k++)
            names[k] = actions[k].name;
        nearest = str_nearest(str_of(app->args[0]), names, ARRAY_LEN(names));
        return nearest ? app_usage("rejects %s: did you mean '%s'?", app->args[0], nearest)
                       : app_usage("rejects %s: it is list, show, export or replay", app->args[0]);
    }
    if (app->n_args > actions[i].max_args)
        return app_usage("usage: windrow rejects %s [RUN]%s", actions[i].name,
                         actions[i].run == show ? " [ID]" : actions[i].max_args == 3 ? " [FILE]" : "");
    target = app_target(app, true);
    if (!target)
        return EXIT_USAGE;
    app->reads = actions[i].run != replay;
    status = open_run(&r, target);
    if (status == 0)
        status = actions[i].run(&r);
    db_close(r.db);
    rejects_run_release(&r.run);
    buf_release(&r.out);
    return status;
}
