/* map/packed.h: values as bytes, exactly, for temporary files of the same process. */
#ifndef WINDROW_MAP_PACKED_H
#define WINDROW_MAP_PACKED_H

#include "read/value.h"

/* Append a value with all that is in it. -1 when out of memory. */
int packed_add(const struct value *v, struct buf *out);

/* Take one off the front of `from`, lent from it and from `a`. -1 when out of memory. */
int packed_take(struct str *from, struct arena *a, struct value *ret);

#endif
