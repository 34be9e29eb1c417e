/* report/summary_internal.h: what the four writers of report/summary.h share. */
#ifndef WINDROW_REPORT_SUMMARY_INTERNAL_H
#define WINDROW_REPORT_SUMMARY_INTERNAL_H

#include "report/summary.h"

uint64_t summary_loaded(const struct summary_table *t);
bool summary_balanced(const struct summary_table *t);
bool summary_is_replay(const struct summary *s);
const char *summary_state_name(enum summary_state state);

/* The lists of a summary in the order in which all writers show them. */
struct summary_list {
    enum code code;
    const char *name;       /* in JSON */
    const char *title;
    const char *noun;       /* of the counts: "times", "values" */
    const struct tally *tally;
};
enum { SUMMARY_LISTS = 8 };
void summary_lists(const struct summary *s, struct summary_list ret[SUMMARY_LISTS]);

#endif
