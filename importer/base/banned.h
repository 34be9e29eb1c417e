/* base/banned.h: functions that overrun, keep state behind the scenes, or start a shell. The build includes this before
 * every C file of importer/, so that a call of one is a compile error that names it. */
#ifndef WINDROW_BASE_BANNED_H
#define WINDROW_BASE_BANNED_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define BANNED(function) this_function_is_banned_##function

#undef strcpy
#undef strcat
#undef strncat
#undef stpcpy
#undef strtok
#undef gets
#undef sprintf
#undef vsprintf
#undef system
#undef popen
#undef alloca
#undef mktemp
#undef tmpnam
#undef tempnam
#undef gmtime
#undef localtime
#undef ctime
#undef asctime
#undef atoi
#undef atol
#undef atoll
#undef atof
#undef rand
#undef vfork

#define strcpy(...) BANNED(strcpy)
#define strcat(...) BANNED(strcat)
#define strncat(...) BANNED(strncat)
#define stpcpy(...) BANNED(stpcpy)
#define strtok(...) BANNED(strtok)
#define gets(...) BANNED(gets)
#define sprintf(...) BANNED(sprintf)
#define vsprintf(...) BANNED(vsprintf)
#define system(...) BANNED(system)
#define popen(...) BANNED(popen)
#define alloca(...) BANNED(alloca)
#define mktemp(...) BANNED(mktemp)
#define tmpnam(...) BANNED(tmpnam)
#define tempnam(...) BANNED(tempnam)
#define gmtime(...) BANNED(gmtime)
#define localtime(...) BANNED(localtime)
#define ctime(...) BANNED(ctime)
#define asctime(...) BANNED(asctime)
#define atoi(...) BANNED(atoi)
#define atol(...) BANNED(atol)
#define atoll(...) BANNED(atoll)
#define atof(...) BANNED(atof)
#define rand(...) BANNED(rand)
#define vfork(...) BANNED(vfork)

#endif
