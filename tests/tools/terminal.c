/* Run a program on a terminal of its own and keep what it writes there.
 *
 *     terminal FILE COLUMNS[,COLUMNS...] [-c N] -- PROGRAM ARG...
 *
 * Standard input and standard error are the terminal, standard output is left alone. Everything that comes out of the
 * terminal goes to FILE. With several COLUMNS the width changes at each line that is drawn anew (a carriage return), until
 * the last is reached. -c: Ctrl-C is typed at the N-th of these. The exit status is the program's, 128 + signal if it died
 * of one, 125 when it could not be run. */
#include <errno.h>
#include <fcntl.h>
#include <pty.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CANNOT = 125 };

static void set_columns(int terminal, const char **list)
{
    char *end;
    struct winsize size = {.ws_row = 24, .ws_col = (unsigned short)strtoul(*list, &end, 10)};

    ioctl(terminal, TIOCSWINSZ, &size);
    *list = *end == ',' ? end + 1 : *list;
}

static int child(int slave, char **argv)
{
    setsid();
    ioctl(slave, TIOCSCTTY, 0);
    dup2(slave, STDIN_FILENO);
    dup2(slave, STDERR_FILENO);
    if (slave > STDERR_FILENO)
        close(slave);
    execvp(argv[0], argv);
    perror(argv[0]);
    return CANNOT;
}

/* Until the program and all it has started have let go of the terminal. */
static void copy(int master, int out, const char *columns, long interrupt)
{
    char bytes[4096];
    long drawn = 0;
    ssize_t n;

    while ((n = read(master, bytes, sizeof bytes)) > 0) {
        for (ssize_t i = 0; i < n; i++) {
            if (bytes[i] != '\r')
                continue;
            if (++drawn == interrupt && write(master, "\003", 1) != 1)
                return;
            set_columns(master, &columns);
        }
        if (write(out, bytes, (size_t)n) != n)
            return;
    }
}

int main(int argc, char **argv)
{
    int master, slave, out, status, at = 3;
    long interrupt = 0;
    const char *columns;
    pid_t pid;

    if (argc < 5)
        return CANNOT;
    columns = argv[2];
    if (strcmp(argv[at], "-c") == 0) {
        interrupt = strtol(argv[at + 1], NULL, 10);
        at += 2;
    }
    out = open(argv[1], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (out < 0 || at + 1 >= argc || openpty(&master, &slave, NULL, NULL, NULL) < 0)
        return CANNOT;
    fcntl(master, F_SETFD, FD_CLOEXEC);
    set_columns(master, &columns);
    pid = fork();
    if (pid == 0)
        _exit(child(slave, argv + at + 1));
    close(slave);
    if (pid < 0)
        return CANNOT;
    copy(master, out, columns, interrupt);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
