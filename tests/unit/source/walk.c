/* The walk against nftw(3) on random trees, and over everything a tree can hold that is no plain file. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "source/walk.h"
#include "tap.h"

struct list {
    char **at;
    size_t n, capacity;
};

static void list_add(struct list *l, const char *text, size_t len)
{
    if (l->n == l->capacity) {
        l->capacity = l->capacity ? l->capacity * 2 : 64;
        l->at = reallocarray(l->at, l->capacity, sizeof *l->at);
    }
    l->at[l->n++] = strndup(text, len);
}

static void list_release(struct list *l)
{
    for (size_t i = 0; i < l->n; i++)
        free(l->at[i]);
    free(l->at);
    *l = (struct list){0};
}

static char scratch[64];

static const char *in(const char *name)
{
    static char path[4][4096];
    static unsigned next;
    char *p = path[next++ % 4];

    snprintf(p, sizeof path[0], "%s/%s", scratch, name);
    return p;
}

static void put(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);

    if (fd < 0 || write(fd, text, strlen(text)) < 0)
        printf("# cannot write %s\n", path);
    close(fd);
}

static void clean(void)
{
    char command[256];

    snprintf(command, sizeof command, "chmod -R u+rwx '%s' 2>/dev/null; rm -rf '%s'", scratch, scratch);
    if (system(command) != 0)
        printf("# cannot remove %s\n", scratch);
}

static void fresh(void)
{
    if (scratch[0])
        clean();
    strcpy(scratch, "/tmp/windrow-walk-XXXXXX");
    if (!mkdtemp(scratch))
        exit(1);
}

/* "reason:path" for what was skipped, else the path. */
static void collect_roots(const char *const *roots, size_t n, const struct walk_options *options, struct list *ret)
{
    struct err err = {0};
    struct walk *w = walk_open(roots, n, options, &err);
    struct entry e;
    int answer = -1;

    while (w && (answer = walk_next(w, &e, &err)) == 1) {
        CLEANUP(buf_release) struct buf text = BUF_INIT;

        if (e.kind == ENTRY_SKIPPED)
            buf_printf(&text, "%s:", entry_reason_name(e.reason));
        buf_add_str(&text, e.path);
        list_add(ret, text.at, text.len);
    }
    if (answer != 0)
        ok(false, "walk of %s: %s", roots[0], err.message);
    err_release(&err);
    walk_close(w);
}

static void collect(const char *root, const struct walk_options *options, struct list *ret)
{
    collect_roots(&root, 1, options, ret);
}

static void is_list(const struct list *got, const char *const *expected, size_t n, const char *name)
{
    size_t same = 0;

    while (same < got->n && same < n && strcmp(got->at[same], expected[same]) == 0)
        same++;
    if (!ok(same == n && got->n == n, "%s", name)) {
        printf("# at %zu of %zu, %zu expected\n", same, got->n, n);
        diag_text("     got", same < got->n ? got->at[same] : "(end)");
        diag_text("expected", same < n ? expected[same] : "(end)");
    }
}

static struct list *second_list;
static size_t second_root_len;

static int second_visit(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    CLEANUP(buf_release) struct buf text = BUF_INIT;

    (void)st;
    if (ftw->level == 0)
        return 0;
    buf_printf(&text, "%s%s", path + second_root_len + 1, type == FTW_D || type == FTW_DNR ? "/" : "");
    list_add(second_list, text.at, text.len);
    return 0;
}

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void second_opinion(const char *root, struct list *ret)
{
    second_list = ret;
    second_root_len = strlen(root);
    nftw(root, second_visit, 16, FTW_PHYS);
    if (ret->n > 0)
        qsort(ret->at, ret->n, sizeof *ret->at, by_bytes);
}

static uint32_t random_next(uint32_t *state)
{
    *state = *state * 1664525 + 1013904223;
    return *state >> 8;
}

static void random_name(uint32_t *seed, char *out)
{
    static const char *const odd[] = {
        "-rf", "a\nb", "\xff\xfe", "...", " ", "a", "a.", "a-b", "a0", "A", "\x1b[31m", "*", "..x", "\xc3\xa9",
        "e\xcc\x81", "a!", "a b", "~", "\\", "$(x)",
    };

    if (random_next(seed) % 40 == 0) {
        memset(out, 'x', 255);
        out[255] = '\0';
    } else if (random_next(seed) % 3 == 0) {
        strcpy(out, odd[random_next(seed) % ARRAY_LEN(odd)]);
    } else {
        sprintf(out, "%c%u", "abc"[random_next(seed) % 3], random_next(seed) % 30);
    }
}

static void random_tree(int fd, uint32_t *seed, int depth)
{
    for (uint32_t n = random_next(seed) % 12; n > 0; n--) {
        char name[256];
        int below;

        random_name(seed, name);
        if (depth == 0 || random_next(seed) % 3) {
            below = openat(fd, name, O_WRONLY | O_CREAT | O_NOFOLLOW, 0644);
            if (below >= 0)
                close(below);
            continue;
        }
        if (mkdirat(fd, name, 0755) == 0 && (below = openat(fd, name, O_RDONLY | O_DIRECTORY)) >= 0) {
            random_tree(below, seed, depth - 1);
            close(below);
        }
    }
}

static void test_random_trees(void)
{
    const struct walk_options options = {.directories = true};

    for (uint32_t round = 1; round <= 20; round++) {
        struct list one = {0}, two = {0};
        uint32_t seed = round;
        int fd;

        fresh();
        fd = open(scratch, O_RDONLY | O_DIRECTORY);
        random_tree(fd, &seed, 6);
        close(fd);
        collect(scratch, &options, &one);
        second_opinion(scratch, &two);
        is_list(&one, (const char *const *)two.at, two.n, "a random tree as nftw(3) sees it");
        list_release(&one);
        list_release(&two);
    }
}

static void test_order(void)
{
    static const char *const expected[] = {"a-b", "a.json", "a/", "a/x", "a0", "ab"};
    const struct walk_options options = {.directories = true};
    struct list got = {0};

    fresh();
    put(in("ab"), "");
    put(in("a0"), "");
    put(in("a.json"), "");
    put(in("a-b"), "");
    mkdir(in("a"), 0755);
    put(in("a/x"), "");
    collect(scratch, &options, &got);
    is_list(&got, expected, ARRAY_LEN(expected), "a directory sorts as its name with '/'");
    list_release(&got);
}

static void make_socket(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    strncpy(address.sun_path, path, sizeof address.sun_path - 1);
    if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0)
        printf("# no socket\n");
    close(fd);
}

static void test_not_files(void)
{
    static const char *const expected[] = {
        "dir.json/", "dir.json/file", "symbolic link:dir.json/loop", "not a regular file:fifo",
        "symbolic link:link-dangling", "symbolic link:link-in", "symbolic link:link-out", "symbolic link:link-self",
        "not a regular file:socket",
    };
    const struct walk_options options = {.directories = true};
    struct list got = {0};
    bool linked = true;

    fresh();
    mkdir(in("dir.json"), 0755);
    put(in("dir.json/file"), "x");
    linked &= symlink("..", in("dir.json/loop")) == 0 && symlink("/etc", in("link-out")) == 0;
    linked &= symlink("dir.json", in("link-in")) == 0 && symlink("nowhere", in("link-dangling")) == 0;
    linked &= symlink("link-self", in("link-self")) == 0 && mkfifo(in("fifo"), 0644) == 0;
    make_socket(in("socket"));
    ok(linked, "links and a FIFO are made");
    collect(scratch, &options, &got);
    is_list(&got, expected, ARRAY_LEN(expected), "links, FIFOs and sockets are counted, not entered");
    list_release(&got);
}

static void test_facts(void)
{
    const char *root = scratch;
    struct timespec times[2] = {{1, 2}, {-5, 7}};
    struct walk *w;
    struct entry e;
    struct stat st;

    fresh();
    put(in("f"), "12345");
    utimensat(AT_FDCWD, in("f"), times, 0);
    stat(in("f"), &st);
    w = walk_open(&root, 1, NULL, NULL);
    ok(walk_next(w, &e, NULL) == 1 && e.kind == ENTRY_FILE && e.reason == ENTRY_TAKEN, "the file");
    is_int((long long)e.size, 5, "its size");
    is_int(e.mtime_ns, -4999999993LL, "its time in nanoseconds");
    ok(e.root == 0 && !e.message, "its root");
    ok(walk_next(w, &e, NULL) == 0 && walk_next(w, &e, NULL) == 0, "the end stays the end");
    walk_close(w);
    walk_close(NULL);
}

static void test_roots(void)
{
    const char *roots[2];
    struct list got = {0};
    struct err err = {0};
    static const char *const expected[] = {"b", "z", "a", "only.json"};

    fresh();
    mkdir(in("two"), 0755);
    mkdir(in("one"), 0755);
    put(in("two/z"), "");
    put(in("two/b"), "");
    put(in("one/a"), "");
    put(in("only.json"), "");
    ok(symlink("only.json", in("link.json")) == 0 && symlink("one", in("link")) == 0, "links are made");
    roots[0] = in("two");
    roots[1] = in("one/");
    collect_roots(roots, 2, NULL, &got);
    roots[0] = in("only.json");
    collect_roots(roots, 1, NULL, &got);
    is_list(&got, expected, 4, "root by root as given, a file under its own name");
    list_release(&got);
    roots[0] = in("link");
    roots[1] = in("link.json");
    collect_roots(roots, 2, NULL, &got);
    is_list(&got, (const char *const[]){"a", "link.json"}, 2, "a root may be a link");
    list_release(&got);
    roots[0] = in("missing");
    ok(!walk_open(roots, 1, NULL, &err) && err.scope == ERR_RUN && err.code == W0304, "a missing root: %s",
       err.message);
    err_release(&err);
    roots[0] = "/dev/null";
    ok(!walk_open(roots, 1, NULL, &err) && err.code == W0304, "a device as root: %s", err.message);
    err_release(&err);
}

static void test_skip_list(void)
{
    static const char *const expected[] = {"on the skip list:.env", "a/", "a/f.json", "on the skip list:a/logs/",
                                           "on the skip list:a/x.tmp", "on the skip list:logs/"};
    struct pattern *patterns[] = {pattern_new(str_of("logs/"), NULL), pattern_new(str_of(".*"), NULL),
                                  pattern_new(str_of("*.tmp"), NULL)};
    const struct walk_options options = {
        .skip = (const struct pattern *const *)patterns, .n_skip = 3, .directories = true,
    };
    struct list got = {0};

    fresh();
    mkdir(in("logs"), 0755);
    mkdir(in("a"), 0755);
    mkdir(in("a/logs"), 0755);
    put(in("a/logs/never"), "");
    put(in("a/f.json"), "");
    put(in("a/x.tmp"), "");
    put(in(".env"), "");
    collect(scratch, &options, &got);
    is_list(&got, expected, ARRAY_LEN(expected), "what the skip list names is counted and not entered");
    list_release(&got);
    for (size_t i = 0; i < 3; i++)
        pattern_free(patterns[i]);
}

/* Descend `levels` directories called `name`, put a file before and after each. */
static void deep_tree(const char *root, const char *name, int levels)
{
    int fd = open(root, O_RDONLY | O_DIRECTORY);

    for (int i = 0; i < levels && fd >= 0; i++) {
        int below;

        close(openat(fd, "a", O_WRONLY | O_CREAT, 0644));
        close(openat(fd, "z", O_WRONLY | O_CREAT, 0644));
        mkdirat(fd, name, 0755);
        below = openat(fd, name, O_RDONLY | O_DIRECTORY);
        close(fd);
        fd = below;
    }
    close(fd);
}

/* Opens every eighth file that the walk gives, with few descriptors. */
static void walk_and_open(const char *root, size_t *files, size_t *opened, size_t *too_deep, size_t *longest)
{
    struct walk *w = walk_open(&root, 1, NULL, NULL);
    struct opener *o = opener_new(&root, 1, NULL);
    struct err err = {0};
    struct entry e;

    *files = *opened = *too_deep = *longest = 0;
    while (walk_next(w, &e, &err) == 1) {
        uint64_t size;
        int64_t mtime;
        int fd;

        *too_deep += e.reason == ENTRY_TOO_DEEP;
        if (e.kind != ENTRY_FILE)
            continue;
        ++*files;
        *longest = e.path.len > *longest ? e.path.len : *longest;
        if (*files % 8 != 0)
            continue;
        fd = opener_open(o, e.root, e.path, &size, &mtime, &err);
        *opened += fd >= 0 && size == e.size && mtime == e.mtime_ns;
        if (fd >= 0)
            close(fd);
    }
    if (err.scope)
        printf("# %s\n", err.message);
    err_release(&err);
    walk_close(w);
    opener_free(o);
}

static void test_deep(void)
{
    struct rlimit before, few = {48, 48};
    size_t files, opened, too_deep, longest;
    char name[251];

    memset(name, 'n', 250);
    name[250] = '\0';
    getrlimit(RLIMIT_NOFILE, &before);
    few.rlim_max = before.rlim_max;
    fresh();
    deep_tree(scratch, name, 1000);
    setrlimit(RLIMIT_NOFILE, &few);
    walk_and_open(scratch, &files, &opened, &too_deep, &longest);
    is_int((long long)files, 2000, "1,000 levels: files on the way down and up again");
    is_int((long long)opened, 2000 / 8, "1,000 levels: every eighth file is opened");
    ok(longest > 240 * 1000, "the longest path has %zu bytes", longest);
    is_int((long long)too_deep, 0, "nothing is too deep");
    setrlimit(RLIMIT_NOFILE, &before);
    fresh();
    deep_tree(scratch, name, 1060);
    walk_and_open(scratch, &files, &opened, &too_deep, &longest);
    is_int((long long)too_deep, 1, "beyond the limit: one entry says so");
    ok(files / 8 == opened && longest <= PATTERN_PATH_MAX, "and the others are there: %zu files", files);
}

static void test_unreadable(void)
{
    static const char *const expected[] = {"a", "not readable:closed/", "open/", "open/f", "z"};
    const struct walk_options options = {.directories = true};
    const char *root = scratch;
    struct list got = {0};
    struct err err = {0};
    struct opener *o;
    uint64_t size;
    int64_t mtime;

    fresh();
    chmod(scratch, 0755);
    put(in("a"), "");
    put(in("z"), "");
    mkdir(in("closed"), 0700);
    put(in("closed/f"), "");
    mkdir(in("open"), 0755);
    put(in("open/f"), "");
    chmod(in("open/f"), 0);
    chmod(in("closed"), 0);
    if (geteuid() == 0 && seteuid(65534) < 0) {
        ok(true, "# SKIP cannot become another user");
        return;
    }
    collect(scratch, &options, &got);
    is_list(&got, expected, ARRAY_LEN(expected), "an unreadable directory is an entry with a reason");
    o = opener_new(&root, 1, NULL);
    ok(opener_open(o, 0, str_of("open/f"), &size, &mtime, &err) < 0 && err.scope == ERR_FILE && err.code == W0301,
       "an unreadable file: %s", err.message);
    err_release(&err);
    ok(opener_open(o, 0, str_of("closed/f"), &size, &mtime, &err) < 0 && err.code == W0301,
       "below an unreadable directory: %s",
       err.message);
    err_release(&err);
    opener_free(o);
    root = in("closed");
    ok(!walk_open(&root, 1, NULL, &err) && err.code == W0304, "an unreadable root: %s", err.message);
    err_release(&err);
    if (getuid() == 0 && seteuid(0) < 0)
        printf("# cannot become root again\n");
    list_release(&got);
}

/* Step until an entry's path is `path`. */
static bool advance(struct walk *w, const char *path, struct entry *e)
{
    while (walk_next(w, e, NULL) == 1)
        if (str_is(e->path, path))
            return true;
    return false;
}

static void test_changes(void)
{
    const struct walk_options options = {.directories = true};
    const char *root = scratch;
    struct walk *w;
    struct entry e;
    char path[512] = "";
    size_t rest = 0;

    fresh();
    mkdir(in("b"), 0755);
    mkdir(in("c"), 0755);
    mkdir(in("d"), 0755);
    put(in("a"), "");
    put(in("b/f"), "");
    put(in("b/g"), "");
    put(in("e"), "");
    put(in("f"), "");
    w = walk_open(&root, 1, &options, NULL);
    ok(advance(w, "b/f", &e), "in the middle of a directory");
    unlink(in("b/g"));
    rmdir(in("c"));
    ok(symlink("/etc", in("c")) == 0 && rmdir(in("d")) == 0 && unlink(in("e")) == 0 && mkdir(in("e"), 0755) == 0,
       "the tree changes");
    ok(walk_next(w, &e, NULL) == 1 && str_is(e.path, "b/g") && e.reason == ENTRY_UNREADABLE && e.message,
       "a file that vanished");
    ok(walk_next(w, &e, NULL) == 1 && str_is(e.path, "c/") && e.kind == ENTRY_SKIPPED,
       "a directory that became a link");
    ok(walk_next(w, &e, NULL) == 1 && str_is(e.path, "d/") && e.reason == ENTRY_UNREADABLE,
       "a directory that vanished: %s", e.message);
    ok(walk_next(w, &e, NULL) == 1 && str_is(e.path, "e") && e.reason == ENTRY_UNREADABLE,
       "a file that became a directory: %s", e.message);
    ok(walk_next(w, &e, NULL) == 1 && str_is(e.path, "f") && e.kind == ENTRY_FILE, "the walk goes on");
    walk_close(w);

    fresh();
    deep_tree(scratch, "m", 60);
    w = walk_open(&root, 1, &options, NULL);
    for (int i = 0; i < 58; i++)
        strcat(path, "m/");
    ok(advance(w, path, &e), "58 levels down");
    ok(rename(in("m/m/m/m"), in("moved")) == 0, "a directory above is moved away");
    while (walk_next(w, &e, NULL) == 1) {
        rest += e.kind == ENTRY_FILE;
        if (e.reason == ENTRY_UNREADABLE)
            printf("# %.*s: %s\n", STR_ARG(e.path), e.message);
    }
    ok(rest > 40, "the walk goes on where the names still lead: %zu files", rest);
    walk_close(w);
}

static void test_opener(void)
{
    static const char *const refused[] = {"../x", "a/../b", "/etc/passwd", "", "a//b", "a/./b", "a/", "."};
    const char *roots[2] = {scratch, NULL};
    struct err err = {0};
    struct opener *o;
    uint64_t size = 0;
    int64_t mtime;
    char byte = 0;
    int fd;

    fresh();
    put(in("single"), "s");
    mkdir(in("a"), 0755);
    put(in("a/f"), "1");
    roots[1] = in("single");
    ok(mkfifo(in("fifo"), 0644) == 0 && symlink("/etc/passwd", in("link")) == 0 && symlink("/etc", in("etc")) == 0,
       "traps are made");
    o = opener_new(roots, 2, &err);
    fd = opener_open(o, 0, str_of("a/f"), &size, &mtime, &err);
    ok(fd >= 0 && size == 1 && read(fd, &byte, 1) == 1 && byte == '1', "a file is opened");
    ok(fd >= 0 && (fcntl(fd, F_GETFD) & FD_CLOEXEC), "and not inherited");
    close(fd);
    fd = opener_open(o, 1, str_of("single"), &size, &mtime, &err);
    ok(fd >= 0 && size == 1, "a root that is a file");
    close(fd);
    ok(opener_open(o, 1, str_of("other"), &size, &mtime, &err) < 0, "no other name in it");
    err_release(&err);
    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        ok(opener_open(o, 0, str_of(refused[i]), &size, &mtime, &err) < 0 && err.scope == ERR_FILE,
           "'%s' is refused: %s",
           refused[i], err.message);
        err_release(&err);
    }
    ok(opener_open(o, 0, str_of("link"), &size, &mtime, &err) < 0 && err.code == W0305, "a link: %s", err.message);
    err_release(&err);
    ok(opener_open(o, 0, str_of("etc/passwd"), &size, &mtime, &err) < 0 && err.code == W0305, "below a link: %s",
       err.message);
    err_release(&err);
    ok(opener_open(o, 0, str_of("fifo"), &size, &mtime, &err) < 0 && err.code == W0305, "a FIFO does not block: %s",
       err.message);
    err_release(&err);
    ok(opener_open(o, 0, str_of("a"), &size, &mtime, &err) < 0 && err.code == W0305, "a directory: %s", err.message);
    err_release(&err);
    ok(opener_open(o, 0, str_of("a/none"), &size, &mtime, &err) < 0 && err.code == W0305, "a missing file: %s",
       err.message);
    err_release(&err);
    fd = opener_open(o, 0, str_of("a/f"), &size, &mtime, &err);
    close(fd);
    ok(rename(in("a"), in("old")) == 0 && mkdir(in("a"), 0755) == 0, "a directory is replaced");
    put(in("a/new"), "22");
    fd = opener_open(o, 0, str_of("a/new"), &size, &mtime, &err);
    ok(fd >= 0 && size == 2, "its successor is found");
    close(fd);
    ok(opener_open(o, 7, str_of("a/f"), &size, &mtime, &err) < 0, "no such root");
    err_release(&err);
    opener_free(o);
    opener_free(NULL);
}

/* Someone swaps a file and a link to a secret all the time: the secret is never read. */
static void test_race(void)
{
    enum { SWAPS = 5000 };
    const char *root = scratch;
    size_t opened = 0, refused = 0, leaked = 0;
    struct opener *o;
    pid_t child;

    fresh();
    put(in("secret"), "s");
    mkdir(in("tree"), 0755);
    put(in("tree/f"), "1");
    ok(symlink("../secret", in("tree/link")) == 0, "a link out of the tree");
    root = in("tree");
    o = opener_new(&root, 1, NULL);
    fflush(stdout);
    child = fork();
    if (child == 0) {
        for (int i = 0; i < SWAPS; i++)
            renameat2(AT_FDCWD, in("tree/f"), AT_FDCWD, in("tree/link"), RENAME_EXCHANGE);
        _exit(0);
    }
    while (waitpid(child, NULL, WNOHANG) == 0) {
        struct err err = {0};
        uint64_t size;
        int64_t mtime;
        char byte = 0;
        int fd = opener_open(o, 0, str_of("f"), &size, &mtime, &err);

        opened += fd >= 0;
        refused += err.code == W0305;
        leaked += fd >= 0 && (read(fd, &byte, 1) != 1 || byte != '1');
        if (fd >= 0)
            close(fd);
        err_release(&err);
    }
    opener_free(o);
    ok(leaked == 0, "a link is never followed: %zu opened, %zu refused, %zu leaked", opened, refused, leaked);
}

int main(void)
{
    umask(022);
    test_random_trees();
    test_order();
    test_not_files();
    test_facts();
    test_roots();
    test_skip_list();
    test_deep();
    test_unreadable();
    test_changes();
    test_opener();
    test_race();
    clean();
    for (int i = 0; i < ENTRY_REASON_COUNT; i++)
        ok(entry_reason_name((enum entry_reason)i)[0] != '\0', "reason %d has a name", i);
    ok(entry_reason_code(ENTRY_LINK) == W0306 && entry_reason_code(ENTRY_SKIP_LIST) == CODE_NONE, "codes of reasons");
    return done_testing();
}
