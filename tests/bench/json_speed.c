/* How fast JSON Lines are indexed, checked and selected from: `json_speed [FILE.jsonl]`, one core, best of
 * fifty. Without a file it makes 16 MiB of records of 190 bytes. Not a test: it prints and judges nothing. */
#include "read/reader.h"

#include "base/cleanup.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const char *const columns[] = {"id", "user", "kind", "amount", "score", "active", "created", "city", "note",
                                      "ref"};

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int made_file(void)
{
    char name[] = "/tmp/json_speed.XXXXXX";
    int fd = mkstemp(name);
    struct buf text = BUF_INIT;

    unlink(name);
    for (int i = 0; text.len < 16 << 20; i++)
        buf_printf(&text,
            "{\"id\":%d,\"user\":\"user_%d\",\"kind\":\"%s\",\"amount\":%d.%02d,\"score\":%d,\"active\":%s,"
                   "\"created\":\"2024-0%d-1%dT12:34:56Z\",\"city\":\"Town %d\",\"note\":\"some words to fill %d\","
                   "\"ref\":\"%08x\"}\n", 1000000 + i, i % 99991, i % 3 ? "purchase" : "refund", i % 1000, i % 100,
                   i % 100, i % 2 ? "true" : "false", 1 + i % 9, i % 10, i % 777, i % 1000, (unsigned)i * 2654435761u);
    if (write(fd, text.at, text.len) != (ssize_t)text.len)
        abort();
    buf_release(&text);
    return fd;
}

/* Seconds for one pass; with `paths` each record is selected from. */
static double pass(struct reader *r, int fd, uint64_t size, const struct json_paths *paths, uint64_t *records)
{
    struct input in = {.fd = fd, .size = size, .to = size, .line = 1};
    struct value slots[ARRAY_LEN(columns)];
    struct record record;
    struct err err = {0};
    double start = now();

    reader_by_name(str_of("jsonl"))->start(r, &in, &err);
    for (*records = 0; reader_by_name(str_of("jsonl"))->next(r, &record, &err) == 1; ++*records) {
        if (paths)
            json_select(paths, &record.value, slots, NULL, NULL);
    }
    if (err.scope)
        fprintf(stderr, "line %lu: %s\n", (unsigned long)err.line, err.message);
    err_release(&err);
    return now() - start;
}

int main(int argc, char **argv)
{
    int fd = argc > 1 ? open(argv[1], O_RDONLY) : made_file();
    struct reader_options options = {0};
    struct reader *r = reader_by_name(str_of("jsonl"))->open(&options, NULL);
    struct json_paths *paths = json_paths_new(NULL);
    struct stat st;

    if (fd < 0 || fstat(fd, &st) < 0 || !r || !paths)
        return 1;
    for (size_t i = 0; i < ARRAY_LEN(columns); i++)
        json_paths_add(paths, &(struct json_step){.kind = JSON_STEP_KEY, .key = str_of(columns[i])}, 1);
    for (int selecting = 0; selecting < 2; selecting++) {
        double best = 1e9;
        uint64_t records = 0;

        for (int i = 0; i < 50; i++) {
            double seconds = pass(r, fd, (uint64_t)st.st_size, selecting ? paths : NULL, &records);

            best = seconds < best ? seconds : best;
        }
        printf("%-24s %7.0f MB/s  %6.0f ns a record of %.0f bytes\n",
            selecting ? "read, check, select 10" : "read, check",
               (double)st.st_size / best / 1e6, best * 1e9 / (double)records, (double)st.st_size / (double)records);
    }
    json_paths_free(paths);
    reader_by_name(str_of("jsonl"))->close(r);
    close(fd);
    return 0;
}
