/* Cells become what a SQLite column will hold, exactly, see sink/sqlite_row.h. */
#include "sink/sqlite_row.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

enum {
    VALUE_BYTES_MAX = 1000000000,   /* SQLITE_MAX_LENGTH, for a value and for a row */
    ARRAY_DEPTH_MAX = 16,
    DECIMAL_BYTES_MAX = 400,        /* longer texts are no double's digits */
    DAY_SECONDS = 86400
};
static const int64_t EXACT_IN_DOUBLE = INT64_C(1) << 53;

enum sqlite_affinity sqlite_row_affinity(const char *declared)
{
    static const struct { const char *part; enum sqlite_affinity affinity; } rules[] = {
        {"INT", SQLITE_AFFINITY_INTEGER}, {"CHAR", SQLITE_AFFINITY_TEXT}, {"CLOB", SQLITE_AFFINITY_TEXT},
        {"TEXT", SQLITE_AFFINITY_TEXT},   {"BLOB", SQLITE_AFFINITY_BLOB}, {"REAL", SQLITE_AFFINITY_REAL},
        {"FLOA", SQLITE_AFFINITY_REAL},   {"DOUB", SQLITE_AFFINITY_REAL},
    };

    if (!declared || !*declared)
        return SQLITE_AFFINITY_BLOB;
    for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
        if (strcasestr(declared, rules[i].part))
            return rules[i].affinity;
    }
    return SQLITE_AFFINITY_NUMERIC;
}

struct sqlite_slot sqlite_row_slot(const struct type *cell, const struct type *column)
{
    const struct type *time = cell->kind == TYPE_ARRAY && cell->element ? cell->element : cell;

    return (struct sqlite_slot){
        .affinity = sqlite_row_affinity(column->name),
        .zoned = time->kind == TYPE_TIMESTAMPTZ,
        .spaced = column->spaced_time,
    };
}

size_t sqlite_row_double(double f, char out[SQLITE_DOUBLE_MAX])
{
    if (isnan(f) || isinf(f))
        return (size_t)snprintf(out, SQLITE_DOUBLE_MAX, "%s", isnan(f) ? "NaN" : f > 0 ? "Infinity" : "-Infinity");
    for (int digits = 15;; digits++) {
        int n = snprintf(out, SQLITE_DOUBLE_MAX, "%.*g", digits, f);

        if (digits == 17 || strtod(out, NULL) == f)
            return (size_t)n;
    }
}

/* Tags and payloads */

static int add_number(struct buf *out, enum sqlite_kind kind, const void *eight_bytes)
{
    if (buf_reserve(out, 9) < 0)
        return -1;
    out->at[out->len] = (char)kind;
    memcpy(out->at + out->len + 1, eight_bytes, 8);
    out->len += 9;
    return 0;
}

static int add_bytes(struct buf *out, enum sqlite_kind kind, struct str s, struct err *err)
{
    uint32_t len = (uint32_t)s.len;

    if (s.len > VALUE_BYTES_MAX)
        return err_set(err, ERR_RECORD, W0516, "value of %zu bytes; SQLite takes %d at most", s.len, VALUE_BYTES_MAX);
    if (buf_reserve(out, 5 + s.len) < 0)
        return err_oom(err);
    out->at[out->len] = (char)kind;
    memcpy(out->at + out->len + 1, &len, 4);
    if (len)
        memcpy(out->at + out->len + 5, s.at, len);
    out->len += 5 + s.len;
    return 0;
}

static int add_text(struct buf *out, struct str s, struct err *err)
{
    return add_bytes(out, SQLITE_IS_TEXT, s, err);
}

static int add_int(struct buf *out, int64_t n, struct err *err)
{
    return add_number(out, SQLITE_IS_INTEGER, &n) < 0 ? err_oom(err) : 0;
}

static int add_real(struct buf *out, double f, struct err *err)
{
    return add_number(out, SQLITE_IS_REAL, &f) < 0 ? err_oom(err) : 0;
}

const char *sqlite_row_next(const char *at, struct sqlite_value *ret)
{
    uint32_t len;

    ret->kind = (enum sqlite_kind)*at;
    switch (ret->kind) {
    case SQLITE_IS_NULL:
        return at + 1;
    case SQLITE_IS_INTEGER:
        memcpy(&ret->n, at + 1, 8);
        return at + 9;
    case SQLITE_IS_REAL:
        memcpy(&ret->f, at + 1, 8);
        return at + 9;
    case SQLITE_IS_TEXT:
    case SQLITE_IS_BLOB:
        memcpy(&len, at + 1, 4);
        ret->text = str_make(at + 5, len);
        return at + 5 + len;
    }
    BUG("a row for SQLite holds the tag %d", *at);
}

/* Numbers */

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

/* The decimal as its significant digits and the power of ten of the last one. */
struct decimal {
    char digits[20];
    size_t n;
    long power;
    bool negative;
    bool too_long;      /* more digits than any double needs */
};

static bool add_digit(struct decimal *d, char c, long *zeros)
{
    if (c == '0') {
        ++*zeros;
        return true;
    }
    while (d->n && *zeros > 0 && d->n < sizeof d->digits) {
        d->digits[d->n++] = '0';
        --*zeros;
    }
    if (d->n >= sizeof d->digits)
        return false;
    *zeros = 0;
    d->digits[d->n++] = c;
    return true;
}

static bool exponent_parse(struct str s, struct decimal *ret)
{
    bool negative = s.len && s.at[0] == '-';
    size_t i = s.len && (s.at[0] == '-' || s.at[0] == '+');
    long e = 0;

    if (i == s.len)
        return false;
    for (; i < s.len && is_digit(s.at[i]); i++)
        e = e < 1000 ? e * 10 + (s.at[i] - '0') : e;
    ret->too_long |= e > 400;
    ret->power += negative ? -e : e;
    return i == s.len;
}

/* False when the text is no decimal number. */
static bool decimal_parse(struct str s, struct decimal *ret)
{
    long zeros = 0, fraction = 0;
    bool point = false, any = false;
    size_t i = 0;

    *ret = (struct decimal){0};
    if (i < s.len && (s.at[i] == '-' || s.at[i] == '+'))
        ret->negative = s.at[i++] == '-';
    for (; i < s.len && (is_digit(s.at[i]) || (s.at[i] == '.' && !point)); i++) {
        if (s.at[i] == '.') {
            point = true;
            continue;
        }
        any = true;
        fraction += point;
        if (!ret->too_long && !add_digit(ret, s.at[i], &zeros))
            ret->too_long = true;
    }
    ret->power = zeros - fraction;
    if (any && i < s.len && (s.at[i] == 'e' || s.at[i] == 'E')) {
        if (!exponent_parse(str_make(s.at + i + 1, s.len - i - 1), ret))
            return false;
        i = s.len;
    }
    return any && i == s.len;
}

/* Up to 15 digits come back from every double, and one operation on two exact ones rounds once. */
static bool short_decimal(const struct decimal *d, double *ret)
{
    static const double powers[] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
    int64_t digits = 0;
    double f;

    if (d->n > 15 || d->power > 15 || d->power < -15)
        return false;
    for (size_t i = 0; i < (size_t)d->n; i++)
        digits = digits * 10 + (d->digits[i] - '0');
    f = d->power < 0 ? (double)digits / powers[-d->power] : (double)digits * powers[d->power];
    *ret = d->negative ? -f : f;
    return true;
}

/* The double whose shortest digits are those of `s`. False when there is none. */
static bool decimal_to_double(struct str s, double *ret)
{
    char text[DECIMAL_BYTES_MAX], printed[SQLITE_DOUBLE_MAX];
    struct decimal asked, got;

    if (s.len >= sizeof text || !decimal_parse(s, &asked) || asked.too_long)
        return false;
    if (short_decimal(&asked, ret))
        return true;
    memcpy(text, s.at, s.len);
    text[s.len] = '\0';
    *ret = strtod(text, NULL);
    if (!isfinite(*ret) || !decimal_parse(str_make(printed, sqlite_row_double(*ret, printed)), &got))
        return false;
    return got.n == asked.n && memcmp(got.digits, asked.digits, got.n) == 0 && (got.n == 0 || got.power == asked.power);
}

/* Whole numbers within 64 bits, also written as 5.00. */
static bool decimal_to_int64(struct str s, int64_t *ret)
{
    const char *point = memchr(s.at, '.', s.len);
    struct str whole = point ? str_make(s.at, (size_t)(point - s.at)) : s;

    for (size_t i = whole.len + 1; i < s.len; i++) {
        if (s.at[i] != '0')
            return false;
    }
    if (whole.len && whole.at[0] == '+')
        whole = str_make(whole.at + 1, whole.len - 1);
    return str_parse_int64(whole, ret);
}

static int refuse(struct err *err, struct str value, const char *why, const char *label)
{
    err_set(err, ERR_RECORD, W0557, "%s", why);
    err_value(err, value);
    err_label(err, "%s", label);
    return err_help(err, "declare the column TEXT, or change the value in the mapping");
}

static int add_numeric(const struct sqlite_slot *slot, struct str s, struct buf *out, struct err *err)
{
    int64_t n;
    double f;

    if (slot->affinity == SQLITE_AFFINITY_TEXT || slot->affinity == SQLITE_AFFINITY_BLOB)
        return add_text(out, s, err);
    if (slot->affinity != SQLITE_AFFINITY_REAL && decimal_to_int64(s, &n))
        return add_int(out, n, err);
    if (!decimal_to_double(s, &f))
        return refuse(err, s, "SQLite cannot keep all digits of this number", "more digits than a double holds");
    return add_real(out, f, err);
}

static int add_integer(const struct sqlite_slot *slot, int64_t n, struct buf *out, struct err *err)
{
    char text[24];
    size_t len;

    if (slot->affinity != SQLITE_AFFINITY_TEXT && slot->affinity != SQLITE_AFFINITY_REAL)
        return add_int(out, n, err);
    len = (size_t)snprintf(text, sizeof text, "%lld", (long long)n);
    if (slot->affinity == SQLITE_AFFINITY_TEXT)
        return add_text(out, str_make(text, len), err);
    if (n > EXACT_IN_DOUBLE || n < -EXACT_IN_DOUBLE)
        return refuse(err, str_make(text, len), "SQLite cannot keep all digits of this integer in a REAL column",
                      "beyond 2^53");
    return add_real(out, (double)n, err);
}

static int add_float(const struct sqlite_slot *slot, double f, struct buf *out, struct err *err)
{
    char text[SQLITE_DOUBLE_MAX];

    if (slot->affinity == SQLITE_AFFINITY_TEXT)
        return add_text(out, str_make(text, sqlite_row_double(f, text)), err);
    if (isnan(f))
        return refuse(err, str_of("NaN"), "SQLite stores NULL instead of NaN", "not a number");
    return add_real(out, f, err);
}

static int add_bool(const struct sqlite_slot *slot, bool b, struct buf *out, struct err *err)
{
    if (slot->affinity == SQLITE_AFFINITY_TEXT)
        return add_text(out, str_of(b ? "true" : "false"), err);
    return add_int(out, b, err);
}

/* Text in a column that prefers numbers. */

static bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

static bool is_canonical_int64(struct str s)
{
    struct str digits = s.len && s.at[0] == '-' ? str_make(s.at + 1, s.len - 1) : s;
    int64_t n;

    return digits.len && is_digit(digits.at[0]) && (digits.at[0] != '0' || s.len == 1) && str_parse_int64(s, &n);
}

static int add_characters(const struct sqlite_slot *slot, struct str s, struct buf *out, struct err *err)
{
    struct str bare = s;
    struct decimal ignored;

    if (slot->affinity == SQLITE_AFFINITY_TEXT || slot->affinity == SQLITE_AFFINITY_BLOB)
        return add_text(out, s, err);
    while (bare.len && is_space(bare.at[0]))
        bare = str_make(bare.at + 1, bare.len - 1);
    while (bare.len && is_space(bare.at[bare.len - 1]))
        bare.len--;
    if (!decimal_parse(bare, &ignored) || (slot->affinity != SQLITE_AFFINITY_REAL && is_canonical_int64(s)))
        return add_text(out, s, err);
    return refuse(err, s, "SQLite would turn this text into a number", "would lose its form");
}

/* Identifiers and times, as text */

static char *put_digits(char *at, int n, uint64_t value)
{
    for (int i = n - 1; i >= 0; i--) {
        at[i] = (char)('0' + value % 10);
        value /= 10;
    }
    return at + n;
}

/* Days since 1970-01-01 as year, month, day of the Gregorian calendar (after Howard Hinnant). False outside 0..9999. */
static bool put_date(char **at, int64_t days)
{
    int64_t z = days + 719468, era, year;
    uint64_t of_era, of_year, month;

    if (days < -719528 || days > 2932896)
        return false;
    era = (z >= 0 ? z : z - 146096) / 146097;
    of_era = (uint64_t)(z - era * 146097);
    year = (int64_t)((of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365);
    of_year = of_era - (uint64_t)(365 * year + year / 4 - year / 100);
    month = (5 * of_year + 2) / 153;
    year += era * 400 + (month >= 10);
    *at = put_digits(*at, 4, (uint64_t)year);
    *(*at)++ = '-';
    *at = put_digits(*at, 2, month < 10 ? month + 3 : month - 9);
    *(*at)++ = '-';
    *at = put_digits(*at, 2, of_year - (153 * month + 2) / 5 + 1);
    return true;
}

static char *put_time(char *at, int64_t microseconds)
{
    uint64_t seconds = (uint64_t)microseconds / 1000000;

    at = put_digits(at, 2, seconds / 3600);
    *at++ = ':';
    at = put_digits(at, 2, seconds / 60 % 60);
    *at++ = ':';
    at = put_digits(at, 2, seconds % 60);
    *at++ = '.';
    return put_digits(at, 6, (uint64_t)microseconds % 1000000);
}

static bool put_timestamp(const struct sqlite_slot *slot, char **at, int64_t microseconds)
{
    const int64_t day = (int64_t)DAY_SECONDS * 1000000;
    int64_t days = microseconds / day - (microseconds % day < 0);

    if (!put_date(at, days))
        return false;
    *(*at)++ = slot->spaced ? ' ' : 'T';
    *at = put_time(*at, microseconds - days * day);
    if (slot->zoned && !slot->spaced)
        *(*at)++ = 'Z';
    return true;
}

static char *put_uuid(char *at, const unsigned char *bytes)
{
    static const char hex[] = "0123456789abcdef";

    for (int i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *at++ = '-';
        *at++ = hex[bytes[i] >> 4];
        *at++ = hex[bytes[i] & 15];
    }
    return at;
}

enum { PLAIN_MAX = 48 };

/* The text of a uuid, date, time or timestamp. False when the year is out of range. */
static bool plain_text(const struct sqlite_slot *slot, const struct cell *cell, char out[PLAIN_MAX], struct str *ret)
{
    char *at = out;
    bool good = true;

    if (cell->kind == CELL_UUID)
        at = put_uuid(at, (const unsigned char *)cell->text.at);
    else if (cell->kind == CELL_DATE)
        good = put_date(&at, cell->n);
    else if (cell->kind == CELL_TIME)
        at = put_time(at, cell->n);
    else
        good = put_timestamp(slot, &at, cell->n);
    *ret = str_make(out, (size_t)(at - out));
    return good;
}

static int refuse_year(struct err *err)
{
    return err_set(err, ERR_RECORD, W0557, "time outside the years 0000 to 9999, which SQLite could not sort");
}

static int add_plain(const struct sqlite_slot *slot, const struct cell *cell, struct buf *out, struct err *err)
{
    char text[PLAIN_MAX];
    struct str s;

    return plain_text(slot, cell, text, &s) ? add_text(out, s, err) : refuse_year(err);
}

/* Arrays, as JSON text */

static int json_string(struct buf *json, struct str s)
{
    static const char hex[] = "0123456789abcdef";

    if (buf_reserve(json, s.len * 6 + 2) < 0)
        return -1;
    json->at[json->len++] = '"';
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.at[i];

        if (c < 0x20) {
            memcpy(json->at + json->len, (char[]){'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]}, 6);
            json->len += 6;
            continue;
        }
        if (c == '"' || c == '\\')
            json->at[json->len++] = '\\';
        json->at[json->len++] = (char)c;
    }
    json->at[json->len++] = '"';
    json->at[json->len] = '\0';
    return 0;
}

static int json_bytes(struct buf *json, struct str s)
{
    static const char hex[] = "0123456789abcdef";

    if (buf_add_text(json, "\"\\\\x") < 0 || buf_reserve(json, s.len * 2 + 1) < 0)
        return -1;
    for (size_t i = 0; i < s.len; i++) {
        json->at[json->len++] = hex[(unsigned char)s.at[i] >> 4];
        json->at[json->len++] = hex[s.at[i] & 15];
    }
    return buf_add_char(json, '"');
}

static int json_double(struct buf *json, double f, struct err *err)
{
    char text[SQLITE_DOUBLE_MAX];
    size_t len = sqlite_row_double(f, text);

    if (!isfinite(f))
        return refuse(err, str_make(text, len), "JSON has no such number", "not finite");
    return buf_add(json, text, len) < 0 ? err_oom(err) : 0;
}

static int json_plain(const struct sqlite_slot *slot, const struct cell *cell, struct buf *json, struct err *err)
{
    char text[PLAIN_MAX];
    struct str s;

    if (!plain_text(slot, cell, text, &s))
        return refuse_year(err);
    return json_string(json, s) < 0 ? err_oom(err) : 0;
}

static int json_array(const struct sqlite_slot *slot, const struct cell *cell, unsigned depth, struct buf *json,
                      struct err *err);

static int json_item(const struct sqlite_slot *slot, const struct cell *cell, unsigned depth, struct buf *json,
                     struct err *err)
{
    int failed;

    switch (cell->kind) {
    case CELL_NULL:
        failed = buf_add_text(json, "null");
        break;
    case CELL_BOOL:
        failed = buf_add_text(json, cell->n ? "true" : "false");
        break;
    case CELL_INT:
        failed = buf_printf(json, "%lld", (long long)cell->n);
        break;
    case CELL_NUMERIC:
        if (str_is(cell->text, "NaN"))
            return refuse(err, cell->text, "JSON has no such number", "not finite");
        failed = buf_add_str(json, cell->text);
        break;
    case CELL_JSON:
        failed = buf_add_str(json, cell->text);
        break;
    case CELL_TEXT:
        failed = json_string(json, cell->text);
        break;
    case CELL_BYTES:
        failed = json_bytes(json, cell->text);
        break;
    case CELL_FLOAT:
        return json_double(json, cell->f, err);
    case CELL_ARRAY:
        return json_array(slot, cell, depth + 1, json, err);
    default:
        return json_plain(slot, cell, json, err);
    }
    return failed ? err_oom(err) : 0;
}

/* Its own caller through json_item(), at most ARRAY_DEPTH_MAX deep. */
static int json_array(const struct sqlite_slot *slot, const struct cell *cell, unsigned depth, struct buf *json,
                      struct err *err)
{
    if (depth > ARRAY_DEPTH_MAX)
        return err_set(err, ERR_RECORD, W0557, "array of more than %d dimensions", ARRAY_DEPTH_MAX);
    if (buf_add_char(json, '[') < 0)
        return err_oom(err);
    for (size_t i = 0; i < cell->items.n; i++) {
        if (i && buf_add_char(json, ',') < 0)
            return err_oom(err);
        if (json_item(slot, &cell->items.at[i], depth, json, err) < 0)
            return -1;
    }
    return buf_add_char(json, ']') < 0 ? err_oom(err) : 0;
}

/* The text is written behind its tag and length, which are filled in when it is known. */
static int add_array(const struct sqlite_slot *slot, const struct cell *cell, struct buf *out, struct err *err)
{
    size_t start = out->len, bytes;
    uint32_t len;

    if (buf_reserve(out, 5) < 0)
        return err_oom(err);
    out->len += 5;
    if (json_array(slot, cell, 1, out, err) < 0) {
        out->len = start;
        return -1;
    }
    bytes = out->len - start - 5;
    if (bytes > VALUE_BYTES_MAX) {
        out->len = start;
        return err_set(err, ERR_RECORD, W0516, "array of %zu bytes; SQLite takes %d at most", bytes, VALUE_BYTES_MAX);
    }
    len = (uint32_t)bytes;
    out->at[start] = SQLITE_IS_TEXT;
    memcpy(out->at + start + 1, &len, 4);
    return 0;
}

int sqlite_row_add(const struct sqlite_slot *slot, const struct cell *cell, struct buf *out, struct err *err)
{
    switch (cell->kind) {
    case CELL_NULL:
        return buf_add_char(out, SQLITE_IS_NULL) < 0 ? err_oom(err) : 0;
    case CELL_BOOL:
        return add_bool(slot, cell->n != 0, out, err);
    case CELL_INT:
        return add_integer(slot, cell->n, out, err);
    case CELL_FLOAT:
        return add_float(slot, cell->f, out, err);
    case CELL_NUMERIC:
        return add_numeric(slot, cell->text, out, err);
    case CELL_TEXT:
    case CELL_JSON:
        return add_characters(slot, cell->text, out, err);
    case CELL_BYTES:
        return add_bytes(out, SQLITE_IS_BLOB, cell->text, err);
    case CELL_UUID:
    case CELL_DATE:
    case CELL_TIME:
    case CELL_TIMESTAMP:
        return add_plain(slot, cell, out, err);
    case CELL_ARRAY:
        return add_array(slot, cell, out, err);
    }
    BUG("a cell of kind %d", (int)cell->kind);
}
