/* A walk ahead gives what the walk gives, in its order, whatever the number of entries; and can be left at any time. */
#include "source/ahead.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "tap.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char scratch[] = "/tmp/windrow-ahead-XXXXXX";

static void clean(void)
{
    char command[80];

    snprintf(command, sizeof command, "rm -rf '%s'", scratch);
    if (system(command) != 0)
        printf("# cannot remove %s\n", scratch);
}

/* Directories of different sizes, links, and files of different lengths. */
static void make_tree(unsigned first, unsigned end)
{
    for (unsigned d = first; d < end; d++) {
        char path[80];

        snprintf(path, sizeof path, "%s/%u", scratch, d);
        mkdir(path, 0700);
        for (unsigned f = 0; f < (d % 3 ? 10 : 700); f++) {
            int fd;

            snprintf(path, sizeof path, "%s/%u/file %u", scratch, d, f);
            if (f % 50 == 7 && symlink("nowhere", path) == 0)
                continue;
            fd = open(path, O_WRONLY | O_CREAT, 0600);
            if (fd < 0 || ftruncate(fd, f) < 0)
                printf("# cannot make %s: %s\n", path, strerror(errno));
            close(fd);
        }
    }
}

static bool same_entry(const struct entry *a, const struct entry *b)
{
    return a->kind == b->kind && a->reason == b->reason && a->root == b->root && str_eq(a->path, b->path) && a->size == b->size &&
           a->mtime_ns == b->mtime_ns && !a->message == !b->message;
}

/* How many entries are the same; SIZE_MAX when the ends differ. */
static size_t compare(const char *const *roots, size_t n, bool threads)
{
    const struct walk_options options = {.directories = true};
    CLEANUP(err_release) struct err err = {0};
    struct walk *walk = walk_open(roots, n, &options, &err);
    struct ahead *ahead = ahead_open(roots, n, &options, threads, &err);
    struct entry a, b;
    size_t same = 0;
    int left = -1, right = -1;

    while (walk && ahead) {
        left = walk_next(walk, &a, &err);
        right = ahead_next(ahead, &b, &err);
        if (left != 1 || right != 1 || !same_entry(&a, &b))
            break;
        same++;
    }
    walk_close(walk);
    ahead_close(ahead);
    return left == 0 && right == 0 ? same : SIZE_MAX;
}

static void test_left_early(const char *root)
{
    static const size_t after[] = {0, 1, 1000, 1001, 1500, 2300};

    for (size_t i = 0; i < ARRAY_LEN(after); i++) {
        CLEANUP(err_release) struct err err = {0};
        struct ahead *ahead = ahead_open(&root, 1, NULL, true, &err);
        struct entry e;
        size_t n = 0;

        while (n < after[i] && ahead_next(ahead, &e, &err) == 1)
            n++;
        ahead_close(ahead);
        ok(n == after[i], "left after %zu entries", after[i]);
    }
}

/* The second root goes while the first is walked: it fails when its turn comes, and not before. */
static void test_failure(const char *root)
{
    char second[80];
    const char *roots[] = {root, second};
    CLEANUP(err_release) struct err err = {0};
    struct ahead *ahead;
    struct entry e;
    size_t n = 0, all = compare(&root, 1, false);
    int got;

    snprintf(second, sizeof second, "%s.gone", scratch);
    mkdir(second, 0700);
    ahead = ahead_open(roots, 2, &(struct walk_options){.directories = true}, true, &err);
    rmdir(second);
    while ((got = ahead_next(ahead, &e, &err)) == 1)
        n++;
    ok(got == -1 && n == all && err.code == W0304, "a root that is gone fails after %zu entries: %s", n, err.message);
    ahead_close(ahead);
}

int main(void)
{
    const char *root = scratch, *missing = "/nowhere at all";
    CLEANUP(err_release) struct err err = {0};
    const char *twice[] = {scratch, scratch};

    if (!mkdtemp(scratch))
        return 1;
    make_tree(0, 1);
    ok(compare(&root, 1, true) == 701, "a small tree");
    make_tree(1, 20);
    ok(compare(&root, 1, true) == 20 + 7 * 700 + 13 * 10, "a tree that takes a thread");
    ok(compare(&root, 1, false) == 20 + 7 * 700 + 13 * 10, "the same without");
    ok(compare(twice, 2, true) == 2 * (20 + 7 * 700 + 13 * 10), "two roots");
    test_left_early(root);
    test_failure(root);
    ok(!ahead_open(&missing, 1, NULL, true, &err) && err.code == W0304, "a missing root");
    clean();
    return done_testing();
}
