/* Is the target still the one that this run began in, and does it remember what it has acknowledged? A server that fails
 * over to a copy that lags behind, or is restored from a backup while a load is at work, does not. */
#include "run/run_internal.h"

#include "base/cleanup.h"

#include <stdio.h>
#include <stdlib.h>

static bool has_begun(const struct run *run)
{
    return run->failover.server.len > 0;
}

int failover_begin(struct run *run, struct db *db, struct err *err)
{
    if (db_engine(db) != DB_POSTGRESQL)
        return 0;
    buf_clear(&run->failover.server);
    run->failover.timeline = db_timeline(db);
    return db_identity(db, &run->failover.server, err);
}

static int elsewhere(const struct db *db, const char *why, struct err *err)
{
    err_set(err, ERR_RUN, W0523, "%s: %s", db_name(db), why);
    return err_help(err, "what is committed stays where it is; name the one server that is to have it, and run the same command"
                    " again");
}

int failover_meet(struct run *run, struct db *db, struct err *err)
{
    CLEANUP(buf_release) struct buf id = BUF_INIT;
    unsigned timeline;
    int ret = 0;

    if (!has_begun(run))
        return 0;
    if (db_identity(db, &id, err) < 0)
        return -1;
    if (!str_eq(buf_str(&id), buf_str(&run->failover.server)))
        return elsewhere(db, "this is another server or database than the one that the load began in", err);
    timeline = db_timeline(db);
    pthread_mutex_lock(&run->lock);
    if (timeline && timeline < run->failover.timeline)
        ret = elsewhere(db, "this server was left behind: the load has met one that was promoted after it", err);
    else if (timeline)
        run->failover.timeline = timeline;
    pthread_mutex_unlock(&run->lock);
    return ret;
}

/* Units come nearly in order, so that a new one mostly goes to the end. */
static int keep(struct failover *f, int64_t unit, bool *known)
{
    size_t at = f->n;

    while (at && f->units[at - 1] > unit)
        at--;
    *known = at && f->units[at - 1] == unit;
    if (*known)
        return 0;
    if (f->n == f->capacity) {
        size_t capacity = f->capacity ? f->capacity * 2 : 256;
        int64_t *units = realloc(f->units, capacity * sizeof *units);

        if (!units)
            return -1;
        f->units = units;
        f->capacity = capacity;
    }
    memmove(f->units + at + 1, f->units + at, (f->n - at) * sizeof *f->units);
    f->units[at] = unit;
    f->n++;
    return 0;
}

int failover_acknowledge(struct run *run, int64_t unit, bool *again, struct err *err)
{
    int ret;

    *again = false;
    if (!has_begun(run))
        return 0;
    pthread_mutex_lock(&run->lock);
    ret = keep(&run->failover, unit, again);
    run->failover.forgotten += *again;
    pthread_mutex_unlock(&run->lock);
    return ret < 0 ? err_oom(err) : 0;
}

int failover_remembered(struct run *run, struct db *db, struct err *err)
{
    int known = has_begun(run) ? ledger_knows_run(db, run->id, err) : 1;

    if (known != 0)
        return known < 0 ? -1 : 0;
    err_set(err, ERR_RUN, W0620, "the target does not remember run %lld, which it had acknowledged: it failed over to a server"
            " that lagged behind, or was restored from a backup", (long long)run->id);
    return err_help(err, "run the same command again: what the target has lost is loaded again");
}

static void tell(struct run *run, const char *message, const char *help)
{
    struct finding f = {.code = W0620, .severity = FINDING_WARNING, .message = str_of(message), .help = str_of(help)};

    findings_add(&run->account.findings, &f, NULL);
}

void failover_tell(struct run *run)
{
    uint64_t n = run->failover.forgotten;
    char text[200];

    if (!n)
        return;
    snprintf(text, sizeof text, "the target has lost %llu chunk%s that it had acknowledged; %s loaded again",
             (unsigned long long)n, n == 1 ? "" : "s", n == 1 ? "it was" : "they were");
    tell(run, text, "");
}

/* "postgresql:7301234567890123456:16384 timeline 3" */
int failover_text(const struct run *run, struct db *db, struct buf *out, struct err *err)
{
    if (!has_begun(run))
        return db_identity(db, out, err);
    if (buf_add_str(out, buf_str(&run->failover.server)) < 0 ||
        (run->failover.timeline && buf_printf(out, " timeline %u", run->failover.timeline) < 0))
        return err_oom(err);
    return 0;
}

void failover_compare(struct run *run, const struct ledger_run *last)
{
    const char *word = " timeline ", *at = strstr(last->target, word);
    struct str id = at ? str_make(last->target, (size_t)(at - last->target)) : str_of(last->target);
    uint64_t timeline = 0;
    char text[200];

    if (!has_begun(run))
        return;
    if (!str_eq(id, buf_str(&run->failover.server))) {
        snprintf(text, sizeof text, "run %lld began on another server: its ledger has come here with its rows",
                 (long long)last->id);
        tell(run, text, "what is missing here is loaded; the other server is not looked at");
    } else if (at && str_parse_uint64(str_of(at + strlen(word)), &timeline) &&
               run->failover.timeline > timeline) {
        snprintf(text, sizeof text, "the server has failed over or was restored since run %lld began (timeline %u, was %u)",
                 (long long)last->id, run->failover.timeline, (unsigned)timeline);
        tell(run, text, "what it has lost of that run is loaded again");
    }
}
