/* map/constant.h: values that outlive the text they were read from. */
#ifndef WINDROW_MAP_CONSTANT_H
#define WINDROW_MAP_CONSTANT_H

#include "read/value.h"

/* A deep copy without places, all of it in `a`. -1 when out of memory. Nesting is bounded by the JSON reader. */
int constant_copy(const struct value *v, struct arena *a, struct value *ret);

/* The value of a JSON text, copied. */
int constant_parse(struct str json, struct arena *a, struct value *ret, struct err *err);

#endif
