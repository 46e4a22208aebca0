// Process creation, death and confinement.
#pragma once
#include <stdint.h>
#include <sys/types.h>

/// Starts `path` with the given three descriptors as its fd 0, fd 1 + 2, and fd 3; every other descriptor is closed. The child
/// gets an empty signal mask, default dispositions for all signals and its own process group, whatever the calling
/// thread has (a Dispatch thread blocks most signals). Returns 0 or an errno; `pid` is set on success.
int octavo_spawn(
    const char *path, char *const arguments[], char *const environment[], int order, int output, int events,
    pid_t *pid);

/// Stops the process group of this child of ours (SIGSTOP) and waits until the child itself stands still or has ended,
/// for 100 ms at most: a thread that sleeps in the kernel stops when it wakes. 0, or -1 with errno ETIMEDOUT.
int octavo_hold(pid_t pid);

/// A descriptor, close-on-exec, that becomes readable when the process ends; -1 with errno where the kernel has none.
int octavo_pidfd_open(pid_t pid);

/// A pipe whose ends are close-on-exec. 0, or -1 with errno.
int octavo_pipe(int ends[2]);

/// Marks a descriptor non-blocking. 0, or -1 with errno.
int octavo_set_nonblocking(int fd);

/// Reaps exactly this child. Returns 1 when it is gone, 0 when it still runs and `block` is 0, -1 with errno.
/// `code` is the exit status, or -1 when a signal ended it; `signal` is that signal, or 0.
int octavo_reap(pid_t pid, int block, int *code, int *signal);

/// Limits the calling process for good: address space, CPU seconds and size of any file written (0 leaves a limit as it
/// is), no core files, no new privileges, first to go when the machine runs out of memory, and killed when the thread that
/// spawned it ends. Called by a worker before it reads its order. 0, or -1 with errno.
int octavo_confine(uint64_t address_space, uint64_t cpu_seconds, uint64_t file_bytes);

/// Gives the memory that malloc holds and nobody uses back to the system.
void octavo_trim_memory(void);

/// From now on blocks of 512 KiB and more go back to the system when they are freed. Left alone, glibc moves that line up to
/// the size of what was freed last, up to 32 MiB, and each thread's arena keeps such blocks: a server that handles bodies
/// in blocks of 1 MiB grew by 5 MB with every upload.
void octavo_return_large_blocks(void);

/// "SIGSEGV" and the like, or NULL for a signal without a name here.
const char *octavo_signal_name(int signal);
