/* base/fault.h: named places where a test build dies, stops or fails on request.
 *
 *     WINDROW_CRASH=after_copy:3          die by SIGKILL at the third pass of FAULT("after_copy")
 *     WINDROW_CRASH=before_cas:1:stop     raise SIGSTOP there instead
 *     WINDROW_CRASH=before_cas:1:error    make FAULT_FAILS() true there
 *
 * Up to four of them, with commas between. Release builds contain none of it. With WINDROW_FAULT_LOG=FILE each place that is passed is appended to
 * FILE once, so that the suite can show that every place is reached. */
#ifndef WINDROW_BASE_FAULT_H
#define WINDROW_BASE_FAULT_H

#include <stdbool.h>

#ifdef WINDROW_FAILPOINTS
bool fault_hit(const char *name);
#define FAULT(name) ((void)fault_hit(name))
#define FAULT_FAILS(name) fault_hit(name)
#else
#define FAULT(name) ((void)0)
#define FAULT_FAILS(name) false
#endif

#endif
