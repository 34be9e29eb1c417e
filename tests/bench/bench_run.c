/* Runs a program and writes what it took as one line: bench_run RESULT PROGRAM [ARGUMENT...]
 *
 *     wall seconds, CPU seconds (with all its children), peak memory of the largest process in MiB, exit status */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double seconds(struct timeval t)
{
    return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
    struct rusage used;
    double start = now(), wall;
    FILE *out;
    int status;
    pid_t child;

    if (argc < 3)
        return 2;
    child = fork();
    if (child == 0) {
        execvp(argv[2], argv + 2);
        fprintf(stderr, "bench_run: %s: %s\n", argv[2], strerror(errno));
        _exit(127);
    }
    if (child < 0 || waitpid(child, &status, 0) < 0)
        return 1;
    wall = now() - start;
    getrusage(RUSAGE_CHILDREN, &used);
    out = fopen(argv[1], "w");
    if (!out)
        return 1;
    fprintf(out, "%.4f %.4f %.1f %d\n", wall, seconds(used.ru_utime) + seconds(used.ru_stime), (double)used.ru_maxrss / 1024,
            WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
    return fclose(out) == 0 ? 0 : 1;
}
