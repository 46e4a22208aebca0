#define _GNU_SOURCE
#include "CLinux.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { first_free_descriptor = 4, out_of_the_way = 16 };

static int add_actions(posix_spawn_file_actions_t *actions, const int copies[3]) {
    const int targets[4] = {0, 1, 2, 3};
    const int sources[4] = {copies[0], copies[1], copies[1], copies[2]};
    for (int i = 0; i < 4; i++) {
        int error = posix_spawn_file_actions_adddup2(actions, sources[i], targets[i]);
        if (error) return error;
    }
    return posix_spawn_file_actions_addclosefrom_np(actions, first_free_descriptor);
}

static int set_attributes(posix_spawnattr_t *attributes) {
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    int error = posix_spawnattr_setsigmask(attributes, &none);
    if (!error) error = posix_spawnattr_setsigdefault(attributes, &all);
    if (!error) error = posix_spawnattr_setpgroup(attributes, 0);
    if (!error) {
        error = posix_spawnattr_setflags(
            attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
    }
    return error;
}

int octavo_spawn(
    const char *path, char *const arguments[], char *const environment[], int order, int output, int events,
    pid_t *pid) {
    // Copies above the targets, so that no dup2 overwrites a source that is still needed.
    const int given[3] = {order, output, events};
    int copies[3] = {-1, -1, -1};
    int error = 0;
    for (int i = 0; i < 3 && !error; i++) {
        copies[i] = fcntl(given[i], F_DUPFD_CLOEXEC, out_of_the_way);
        if (copies[i] < 0) error = errno;
    }
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    if (!error) error = posix_spawn_file_actions_init(&actions);
    if (!error) {
        error = posix_spawnattr_init(&attributes);
        if (!error) {
            error = add_actions(&actions, copies);
            if (!error) error = set_attributes(&attributes);
            if (!error) error = posix_spawn(pid, path, &actions, &attributes, arguments, environment);
            posix_spawnattr_destroy(&attributes);
        }
        posix_spawn_file_actions_destroy(&actions);
    }
    for (int i = 0; i < 3; i++) {
        if (copies[i] >= 0) close(copies[i]);
    }
    return error;
}

int octavo_hold(pid_t pid) {
    enum { tries = 500 };
    const struct timespec pause = {.tv_nsec = 200 * 1000};
    if (kill(-pid, SIGSTOP) != 0) return -1;
    for (int i = 0; i < tries; i++) {
        siginfo_t info = {0};
        // WNOWAIT: its end is for `octavo_reap` to take.
        if (waitid(P_PID, (id_t)pid, &info, WSTOPPED | WEXITED | WNOWAIT | WNOHANG) != 0) return -1;
        if (info.si_pid == pid) return 0;
        nanosleep(&pause, NULL);
    }
    errno = ETIMEDOUT;
    return -1;
}

int octavo_pidfd_open(pid_t pid) { return (int)syscall(SYS_pidfd_open, pid, 0); }

int octavo_pipe(int ends[2]) { return pipe2(ends, O_CLOEXEC); }

int octavo_set_nonblocking(int fd) {
    int flags = fcntl(fd, F_GETFL);
    return flags < 0 ? -1 : fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

int octavo_reap(pid_t pid, int block, int *code, int *signal) {
    int status = 0;
    pid_t result;
    do {
        result = waitpid(pid, &status, block ? 0 : WNOHANG);
    } while (result < 0 && errno == EINTR);
    if (result <= 0) return (int)result;
    *code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    *signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    return 1;
}

/// Lowers a limit for good, the hard one by `slack` later than the soft one; never raises one.
static int lower(__rlimit_resource_t resource, uint64_t value, uint64_t slack) {
    struct rlimit limit;
    if (getrlimit(resource, &limit) != 0) return -1;
    if (limit.rlim_max != RLIM_INFINITY && limit.rlim_max < value + slack) return 0;
    limit.rlim_cur = (rlim_t)value;
    limit.rlim_max = (rlim_t)(value + slack);
    return setrlimit(resource, &limit);
}

/// When memory runs out the kernel ends this process first, not its server. Not everywhere can it be asked for.
static void offer_for_oom(void) {
    int file = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (file < 0) return;
    ssize_t written = write(file, "1000", 4);
    (void)written;
    close(file);
}

int octavo_confine(uint64_t address_space, uint64_t cpu_seconds, uint64_t file_bytes) {
    offer_for_oom();
    if (lower(RLIMIT_CORE, 0, 0) != 0) return -1;
    // The end of fd 0 tells a worker that its server is gone, but not one that is held still.
    if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0) return -1;
    if (address_space && lower(RLIMIT_AS, address_space, 0) != 0) return -1;
    // The slack lets SIGXCPU, which says what happened, come before SIGKILL, which does not.
    if (cpu_seconds && lower(RLIMIT_CPU, cpu_seconds, 5) != 0) return -1;
    if (file_bytes && lower(RLIMIT_FSIZE, file_bytes, 0) != 0) return -1;
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

void octavo_trim_memory(void) { malloc_trim(0); }

void octavo_return_large_blocks(void) { mallopt(M_MMAP_THRESHOLD, 512 << 10); }

const char *octavo_signal_name(int signal) {
    switch (signal) {
    case SIGSEGV: return "SIGSEGV";
    case SIGABRT: return "SIGABRT";
    case SIGBUS: return "SIGBUS";
    case SIGILL: return "SIGILL";
    case SIGFPE: return "SIGFPE";
    case SIGTRAP: return "SIGTRAP";
    case SIGKILL: return "SIGKILL";
    case SIGTERM: return "SIGTERM";
    case SIGXCPU: return "SIGXCPU";
    case SIGXFSZ: return "SIGXFSZ";
    case SIGSYS: return "SIGSYS";
    case SIGPIPE: return "SIGPIPE";
    case SIGINT: return "SIGINT";
    case SIGHUP: return "SIGHUP";
    case SIGQUIT: return "SIGQUIT";
    default: return NULL;
    }
}
