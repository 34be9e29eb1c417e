/* Facts of files: $file.path, .name, .size, .mtime, .sha256, .text and so on. */
#include "map/lookup_internal.h"

#include "base/digest.h"
#include "source/walk.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum { FILE_BYTES_MAX = 64 << 20 };

static int file_text(struct lookup *l, const struct entry *file, struct err *err)
{
    struct input in;
    int read;

    if (l->fact_path.at == file->path.at && l->fact_root == file->root)
        return 0;
    l->fact_path.at = NULL;
    if (lookup_open(l, file, &in, err) < 0)
        return -1;
    buf_clear(&l->fact_text);
    read = buf_read_fd(&l->fact_text, in.fd, FILE_BYTES_MAX, err);
    close(in.fd);
    if (read < 0)
        return -1;
    l->fact_path = file->path;
    l->fact_root = file->root;
    return 0;
}

static struct str last_name(struct str path)
{
    size_t end = path.len && path.at[path.len - 1] == '/' ? path.len - 1 : path.len, start = end;

    while (start > 0 && path.at[start - 1] != '/')
        start--;
    return str_make(path.at + start, end - start);
}

/* From the last dot; a leading dot begins a name, not an ending. */
static size_t ending_at(struct str name)
{
    for (size_t i = name.len; i-- > 1;) {
        if (name.at[i] == '.')
            return i;
    }
    return name.len;
}

static struct value text_value(struct str text)
{
    struct value v = value_string(text);

    v.flags = VALUE_BYTES;
    if (text.len && memchr(text.at, 0, text.len))
        v.flags |= VALUE_NUL;
    return v;
}

static int64_t changed_us(const struct lookup *l, const struct entry *file)
{
    return l->now.of_files ? l->now.now_us : file->mtime_ns / 1000 - (file->mtime_ns % 1000 < 0);
}

static int time_fact(int64_t us, struct arena *a, struct value *ret)
{
    time_t seconds = (time_t)(us / 1000000 - (us % 1000000 < 0));
    struct tm tm;
    char *text = arena_alloc(a, 40);
    size_t n;

    if (!text || !gmtime_r(&seconds, &tm))
        return -1;
    n = strftime(text, 40, "%Y-%m-%dT%H:%M:%S", &tm);
    n += (size_t)snprintf(text + n, 40 - n, ".%06dZ", (int)(us - (int64_t)seconds * 1000000));
    *ret = value_string(str_make(text, n));
    return 0;
}

/* A failure costs the row that asked. */
static int record_failed(struct err *err)
{
    if (err->scope == ERR_FILE)
        err->scope = ERR_RECORD;
    return -1;
}

/* Of the text that is there already, else block by block: a large file needs no memory for its digest. */
static int file_digest(struct lookup *l, const struct entry *file, unsigned char sha[DIGEST_SHA256], struct err *err)
{
    struct input in;
    int ret;

    if (l->fact_path.at == file->path.at && l->fact_root == file->root) {
        digest_sha256(buf_str(&l->fact_text), sha);
        return 0;
    }
    if (lookup_open(l, file, &in, err) < 0)
        return -1;
    ret = digest_sha256_fd(in.fd, sha);
    if (ret < 0)
        err_set(err, errno == ENOMEM ? ERR_RUN : ERR_FILE, W0302, "cannot read: %s", strerror(errno));
    close(in.fd);
    return ret;
}

static int text_fact(struct lookup *l, const struct entry *file, struct value *ret, struct err *err)
{
    *ret = value_null();
    if (file->kind == ENTRY_DIRECTORY)
        return 0;
    if (file_text(l, file, err) < 0)
        return record_failed(err);
    *ret = text_value(buf_str(&l->fact_text));
    return 0;
}

static int digest_fact(struct lookup *l, const struct entry *file, struct arena *a, struct value *ret, struct err *err)
{
    unsigned char sha[DIGEST_SHA256];
    char *hex = arena_alloc(a, 2 * DIGEST_SHA256 + 1);

    *ret = value_null();
    if (file->kind == ENTRY_DIRECTORY)
        return 0;
    if (!hex)
        return err_oom(err);
    if (file_digest(l, file, sha, err) < 0)
        return record_failed(err);
    digest_hex(sha, sizeof sha, hex);
    *ret = value_string(str_make(hex, 2 * DIGEST_SHA256));
    return 0;
}

int lookup_fact(struct lookup *l, const struct entry *file, struct str name, struct arena *a, struct value *ret,
                struct err *err)
{
    struct str last = last_name(file->path);
    size_t ending = ending_at(last);
    struct str parent = str_make(file->path.at, (size_t)(last.at - file->path.at));

    if (str_is(name, "path"))
        *ret = text_value(file->path);
    else if (str_is(name, "name"))
        *ret = text_value(last);
    else if (str_is(name, "stem"))
        *ret = text_value(str_make(last.at, ending));
    else if (str_is(name, "ext"))
        *ret = text_value(str_make(last.at + ending, last.len - ending));
    else if (str_is(name, "dir"))
        *ret = text_value(parent);
    else if (str_is(name, "size"))
        *ret = value_int((int64_t)file->size, a);
    else if (str_is(name, "root"))
        *ret = value_int((int64_t)file->root, a);
    else if (str_is(name, "kind"))
        *ret = value_string(str_of(file->kind == ENTRY_DIRECTORY ? "directory" : "file"));
    else if (str_is(name, "mtime"))
        return time_fact(changed_us(l, file), a, ret) < 0 ? err_oom(err) : 0;
    else if (str_is(name, "sha256") || str_is(name, "text"))
        return str_is(name, "sha256") ? digest_fact(l, file, a, ret, err) : text_fact(l, file, ret, err);
    else
        *ret = value_null();
    return ret->type == VALUE_ABSENT ? err_oom(err) : 0;
}
