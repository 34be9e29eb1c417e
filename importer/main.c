/* Start up and hand over to cli/. */
#include "cli/commands.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* Without these three a file or connection would get one of their numbers, and what is printed would go there. To be
 * read only: printing then fails, as it should when the caller has closed the descriptor. */
static void fill_descriptors(void)
{
    int fd;

    do {
        fd = open("/dev/null", O_RDONLY);
    } while (fd >= 0 && fd <= 2);
    if (fd > 2)
        close(fd);
}

int main(int argc, char **argv)
{
    umask(077);
    fill_descriptors();
    return commands_run(argc, argv);
}
