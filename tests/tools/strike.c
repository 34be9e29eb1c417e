/* Run a program and strike it at its N-th system call: kill it there, send a signal, or make the call fail.
 *
 *     strike count LIST|all [-m TEXT] -- PROGRAM ARG...     write the number of calls to descriptor 3
 *     strike kill N [-m TEXT] -- PROGRAM ARG...             SIGKILL before call N is executed
 *     strike signal N SIGNAL[,N2,SIGNAL2] ...               deliver a signal before call N (and another before N2)
 *     strike fail N ERRNO LIST [on] ...                     call N of those in LIST fails; `on`: and all that follow
 *     strike slow MS ...                                    nothing is struck; wait MS milliseconds before each call
 *
 * LIST is names of calls with commas between them. Calls are counted over all threads, in the order in which they come, so
 * for a program of one thread N means the same call in each run. With -m counting begins at the first openat() of a path
 * that ends in TEXT: what the loader does before is the loader's. The exit status is the program's, 128 + signal if it died
 * of one, 125 when the program could not be run, 124 when it had ended before call N. */
#include <elf.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <linux/ptrace.h>
#include <time.h>
#include <unistd.h>

enum { NO_CALL = -1, LIST_MAX = 32, DONE_EARLY = 124, CANNOT = 125 };
enum mode { COUNT, KILL, SIGNAL, FAIL, SLOW };

static const struct {
    const char *name;
    long number;
} calls[] = {
    {"read", SYS_read},           {"write", SYS_write},         {"pread64", SYS_pread64},   {"pwrite64", SYS_pwrite64},
    {"openat", SYS_openat},       {"close", SYS_close},         {"fsync", SYS_fsync},       {"fdatasync", SYS_fdatasync},
    {"ftruncate", SYS_ftruncate}, {"fallocate", SYS_fallocate}, {"lseek", SYS_lseek},       {"fcntl", SYS_fcntl},
    {"mmap", SYS_mmap},           {"brk", SYS_brk},             {"munmap", SYS_munmap},     {"socket", SYS_socket},
    {"connect", SYS_connect},     {"sendto", SYS_sendto},       {"recvfrom", SYS_recvfrom}, {"ppoll", SYS_ppoll},
    {"getdents64", SYS_getdents64}, {"newfstatat", SYS_newfstatat}, {"clone3", SYS_clone3}, {"unlinkat", SYS_unlinkat},
    {"flock", SYS_flock},         {"nanosleep", SYS_nanosleep}, {"clock_nanosleep", SYS_clock_nanosleep},
#ifdef SYS_poll
    {"poll", SYS_poll},           {"unlink", SYS_unlink},       {"open", SYS_open},         {"stat", SYS_stat},
    {"fstat", SYS_fstat},
#endif
};

static const struct {
    const char *name;
    int number;
} errors[] = {
    {"EIO", EIO},       {"ENOSPC", ENOSPC}, {"EINTR", EINTR},   {"EMFILE", EMFILE},         {"EACCES", EACCES},
    {"ENOMEM", ENOMEM}, {"EAGAIN", EAGAIN}, {"EPIPE", EPIPE},   {"ECONNRESET", ECONNRESET}, {"EBADF", EBADF},
    {"ELOOP", ELOOP},
};

static enum mode mode;
static long list[LIST_MAX];
static size_t n_list;           /* 0: all calls */
static uint64_t strike_at, second_at, seen;
static int strike_signal, second_signal, strike_errno;
static bool keep_on, marked, struck;
static const char *mark;
static long slow_ms;

static void die(const char *what)
{
    fprintf(stderr, "strike: %s\n", what);
    exit(CANNOT);
}

static void take_list(char *names)
{
    for (char *name = strtok(names, ","); name; name = strtok(NULL, ",")) {
        size_t i = 0;

        while (i < sizeof calls / sizeof *calls && strcmp(calls[i].name, name) != 0)
            i++;
        if (i < sizeof calls / sizeof *calls && n_list < LIST_MAX)
            list[n_list++] = calls[i].number;
        else if (strcmp(name, "all") != 0)
            die(name);
    }
}

static int error_number(const char *name)
{
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
        if (strcmp(errors[i].name, name) == 0)
            return errors[i].number;
    }
    die(name);
    return 0;
}

static int signal_number(const char *name)
{
    return strcmp(name, "INT") == 0 ? SIGINT : strcmp(name, "TERM") == 0 ? SIGTERM : strcmp(name, "STOP") == 0 ? SIGSTOP : atoi(name);
}

static bool counts(const struct ptrace_syscall_info *info)
{
    if (n_list == 0)
        return true;
    for (size_t i = 0; i < n_list; i++) {
        if ((long)info->entry.nr == list[i])
            return true;
    }
    return false;
}

/* Does this openat() name a path that ends in the mark? */
static bool is_mark(pid_t pid, const struct ptrace_syscall_info *info)
{
    char path[4096] = "";
    size_t len = strlen(mark);
    uint64_t at = info->entry.nr == SYS_openat ? info->entry.args[1] : info->entry.args[0];

    if (info->entry.nr != SYS_openat
#ifdef SYS_open
        && info->entry.nr != SYS_open
#endif
    )
        return false;
    for (size_t i = 0; i < sizeof path - sizeof(long); i += sizeof(long)) {
        long word;

        errno = 0;
        word = ptrace(PTRACE_PEEKDATA, pid, (void *)(uintptr_t)(at + i), NULL);
        if (errno)
            return false;
        memcpy(path + i, &word, sizeof word);
        if (memchr(&word, '\0', sizeof word))
            break;
    }
    return strlen(path) >= len && strcmp(path + strlen(path) - len, mark) == 0;
}

/* Turn the call that is about to begin into one that does nothing. */
static void skip_call(pid_t pid)
{
#if defined(__x86_64__)
    if (ptrace(PTRACE_POKEUSER, pid, (void *)offsetof(struct user_regs_struct, orig_rax), (void *)(long)NO_CALL) < 0)
        die("cannot change the call");
#elif defined(__aarch64__)
    int none = NO_CALL;
    struct iovec io = {&none, sizeof none};

    if (ptrace(PTRACE_SETREGSET, pid, (void *)NT_ARM_SYSTEM_CALL, &io) < 0)
        die("cannot change the call");
#else
    die("no failing calls on this processor");
#endif
}

static void set_result(pid_t pid, long value)
{
    struct user_regs_struct regs;
    struct iovec io = {&regs, sizeof regs};

    if (ptrace(PTRACE_GETREGSET, pid, (void *)NT_PRSTATUS, &io) < 0)
        die("cannot read registers");
#if defined(__x86_64__)
    regs.rax = (unsigned long long)value;
#elif defined(__aarch64__)
    regs.regs[0] = (unsigned long long)value;
#endif
    if (ptrace(PTRACE_SETREGSET, pid, (void *)NT_PRSTATUS, &io) < 0)
        die("cannot write registers");
}

/* A thread stands before or after a call. Returns the signal to go on with. */
static int at_call(pid_t pid, pid_t group, pid_t *failing)
{
    struct ptrace_syscall_info info;

    if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, (void *)sizeof info, &info) <= 0)
        return 0;
    if (info.op == PTRACE_SYSCALL_INFO_EXIT) {
        if (*failing == pid) {
            set_result(pid, -strike_errno);
            *failing = 0;
        }
        return 0;
    }
    if (info.op != PTRACE_SYSCALL_INFO_ENTRY)
        return 0;
    if (!marked && mark && is_mark(pid, &info))
        marked = true;
    if ((mark && !marked) || !counts(&info))
        return 0;
    seen++;
    if (mode == SLOW) {
        struct timespec pause = {slow_ms / 1000, slow_ms % 1000 * 1000000};

        nanosleep(&pause, NULL);
    }
    if (mode == KILL && seen == strike_at) {
        struck = true;
        kill(group, SIGKILL);
    }
    if (mode == SIGNAL && (seen == strike_at || (second_at && seen == second_at))) {
        struck = true;
        kill(group, seen == strike_at ? strike_signal : second_signal);
    }
    if (mode == FAIL && (seen == strike_at || (keep_on && seen > strike_at))) {
        struck = true;
        skip_call(pid);
        *failing = pid;
    }
    return 0;
}

static int follow(pid_t group)
{
    int status, result = CANNOT;
    pid_t failing = 0, pid;
    bool first = true;

    while ((pid = waitpid(-1, &status, __WALL)) > 0) {
        int signo = 0;

        if (WIFEXITED(status) || WIFSIGNALED(status)) {
            if (pid == group)
                result = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
            continue;
        }
        if (WSTOPSIG(status) == (SIGTRAP | 0x80))
            signo = at_call(pid, group, &failing);
        else if (first && WSTOPSIG(status) == SIGSTOP)
            first = false;
        else if (status >> 16 == 0 && WSTOPSIG(status) != SIGSTOP && WSTOPSIG(status) != SIGTRAP)
            signo = WSTOPSIG(status);
        ptrace(PTRACE_SYSCALL, pid, NULL, (void *)(long)signo);
    }
    return result;
}

static char **parse(int argc, char **argv)
{
    int i = 3;

    if (argc < 5)
        die("usage: see the head of strike.c");
    if (strcmp(argv[1], "count") == 0) {
        mode = COUNT;
        take_list(argv[2]);
    } else if (strcmp(argv[1], "slow") == 0) {
        mode = SLOW;
        slow_ms = atol(argv[2]);
    } else {
        mode = strcmp(argv[1], "kill") == 0 ? KILL : strcmp(argv[1], "signal") == 0 ? SIGNAL : FAIL;
        strike_at = strtoull(argv[2], NULL, 10);
    }
    if (mode == SIGNAL) {
        char *word = strtok(argv[i++], ",");

        strike_signal = signal_number(word);
        if ((word = strtok(NULL, ",")))
            second_at = strtoull(word, NULL, 10);
        if ((word = strtok(NULL, ",")))
            second_signal = signal_number(word);
    }
    if (mode == FAIL) {
        strike_errno = error_number(argv[i++]);
        take_list(argv[i++]);
    }
    for (; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (strcmp(argv[i], "on") == 0)
            keep_on = true;
        else if (strcmp(argv[i], "-m") == 0 && i + 1 < argc)
            mark = argv[++i];
        else
            die(argv[i]);
    }
    if (i + 1 >= argc)
        die("no program");
    return argv + i + 1;
}

int main(int argc, char **argv)
{
    char **program = parse(argc, argv);
    pid_t pid = fork();
    int result, status;

    if (pid == 0) {
        ptrace(PTRACE_TRACEME, 0, NULL, NULL);
        raise(SIGSTOP);
        execvp(program[0], program);
        perror(program[0]);
        _exit(CANNOT);
    }
    if (pid < 0 || waitpid(pid, &status, 0) != pid ||
        ptrace(PTRACE_SETOPTIONS, pid, NULL, (void *)(long)(PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK |
                                                            PTRACE_O_TRACEVFORK | PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL)) < 0)
        die("cannot trace");
    ptrace(PTRACE_SYSCALL, pid, NULL, NULL);
    result = follow(pid);
    if (mode == COUNT)
        dprintf(3, "%llu\n", (unsigned long long)seen);
    return mode != COUNT && mode != SLOW && !struck ? DONE_EARLY : result;
}
