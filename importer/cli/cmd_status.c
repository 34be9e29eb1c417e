/* windrow status */
#include "cli/app.h"

#include "ledger/ledger.h"
#include "report/table.h"

static const struct table_column columns[] = {
    {"run", TABLE_NUMBER, 0},       {"mapping", TABLE_TEXT, 30},     {"source", TABLE_TEXT, 60}, {"state", TABLE_TEXT, 0},
    {"started", TABLE_TEXT, 0},     {"ended", TABLE_TEXT, 0},        {"units", TABLE_NUMBER, 0}, {"done", TABLE_NUMBER, 0},
    {"bytes", TABLE_NUMBER, 0},     {"bytes done", TABLE_NUMBER, 0}, {"records", TABLE_NUMBER, 0},
    {"open rejects", TABLE_NUMBER, 0}, {"last commit", TABLE_TEXT, 0},
};

static int print_runs(struct app *app, const struct db_result *runs)
{
    struct buf out = BUF_INIT;
    struct table t;
    int good = 0, status = EXIT_DONE;

    table_init(&t, columns, ARRAY_LEN(columns));
    for (size_t row = 0; row < runs->n_rows && good == 0; row++) {
        for (size_t c = 0; c < ARRAY_LEN(columns) && good == 0; c++) {
            struct str cell = db_cell(runs, row, c);

            good = runs->values[row * runs->n_columns + c].type == DB_NULL ? table_null(&t) : table_cell(&t, c == 2 ? str_trim(cell) : cell);
        }
    }
    if (good == 0 && runs->n_rows == 0 && !app->json)
        good = buf_add_text(&out, "no runs\n");
    else if (good == 0)
        good = app->json ? table_json(&t, &out) : table_text(&t, &out);
    if (good < 0)
        status = EXIT_INTERNAL;
    status = app_print(&out, status);
    table_release(&t);
    buf_release(&out);
    return status;
}

int cmd_status(struct app *app)
{
    const char *target = app_target(app, true);
    struct db_options options = {.read_only = true};
    struct db_result runs = {0};
    struct err e = {0};
    struct db *db;
    int64_t run = 0;
    int status = EXIT_DATABASE, there;

    app->reads = true;
    if (!target)
        return EXIT_USAGE;
    if (app->n_args && !str_parse_int64(str_of(app->args[0]), &run))
        return app_usage("status %s: a run is a number", app->args[0]);
    db = db_open(target, &options, &e);
    there = db ? ledger_exists(db, &e) : -1;
    if (there == 1 && ledger_list_runs(db, run, &runs, &e) == 0)
        status = run && runs.n_rows == 0 ? app_usage("there is no run %s", app->args[0]) : print_runs(app, &runs);
    else if (there == 0)
        status = run ? app_usage("there is no run %s", app->args[0]) : print_runs(app, &runs);
    else
        app_fail(&e, EXIT_DATABASE);
    db_result_release(&runs);
    err_release(&e);
    db_close(db);
    return status;
}
