/* run/stop.h: SIGINT and SIGTERM. The first ends after this chunk, the second rolls it back. */
#ifndef WINDROW_RUN_STOP_H
#define WINDROW_RUN_STOP_H

enum stop { STOP_NO = 0, STOP_SOON, STOP_NOW };

/* Install the handlers; SIGPIPE and SIGXFSZ become errors of write(). */
void stop_install(void);
enum stop stop_requested(void);

#endif
