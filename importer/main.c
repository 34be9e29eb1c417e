/* Start up and hand over to cli/. */
#include "cli/commands.h"

#include <sys/stat.h>

int main(int argc, char **argv)
{
    umask(077);
    return commands_run(argc, argv);
}
