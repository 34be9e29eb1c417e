/* SQLSTATEs and SQLite's result codes in words. */
#include "report/state.h"

#include "base/err.h"

#include <stdlib.h>

/* SQLite's own words, for what a load, a check or a migration can meet; extended codes before what they extend. */
static const struct { int code; const char *text; } codes[] = {
    {275, "CHECK constraint failed"},     {531, "commit hook refused"},          {787, "FOREIGN KEY constraint failed"},
    {1043, "function refused"},           {1299, "NOT NULL constraint failed"},  {1555, "PRIMARY KEY constraint failed"},
    {1811, "trigger raised an error"},    {2067, "UNIQUE constraint failed"},    {2579, "row id is not unique"},
    {3091, "datatype constraint failed"}, {13, "database or disk is full"},      {1, "SQL error"},
    {3, "access permission denied"},      {4, "query aborted"},                  {5, "database is locked"},
    {6, "database table is locked"},      {7, "out of memory"},                  {8, "attempt to write a readonly database"},
    {9, "interrupted"},                   {10, "disk I/O error"},                {11, "database disk image is malformed"},
    {14, "unable to open database file"}, {15, "locking protocol"},              {17, "database schema has changed"},
    {18, "string or blob too big"},       {19, "constraint failed"},             {20, "datatype mismatch"},
    {26, "file is not a database"},
};

bool state_is_sqlstate(const char *state)
{
    return strlen(state) >= 5 || state[strspn(state, "0123456789")];
}

static const char *text_of(int code)
{
    for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
        if (codes[i].code == code)
            return codes[i].text;
    }
    return code > 0xff ? text_of(code & 0xff) : NULL;
}

int state_text(const char *state, struct buf *out)
{
    int64_t code = 0;
    const char *text;

    if (state_is_sqlstate(state))
        return buf_printf(out, "SQLSTATE %s", state);
    str_parse_int64(str_of(state), &code);
    text = text_of((int)code);
    return buf_printf(out, "SQLite %s%s%s", state, text ? ", " : "", text ? text : "");
}
