// Sockets and epoll: the calls that Glibc's Swift module hides. Results are the call's own, or minus errno.
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum {
    OCTAVO_READABLE = 1,  // bytes or an end of stream wait
    OCTAVO_WRITABLE = 2,  // the send buffer has room
    OCTAVO_BROKEN = 4,    // error or both sides closed; reported without asking
};

struct octavo_event {
    uint64_t token;
    uint32_t readiness;
};

/// Accepts one connection, close-on-exec and non-blocking. Writes the peer's numeric address.
int octavo_accept(int listener, char *address, size_t capacity);

int octavo_epoll_create(void);
int octavo_epoll_add(int set, int fd, uint32_t readiness, uint64_t token);
int octavo_epoll_modify(int set, int fd, uint32_t readiness, uint64_t token);
int octavo_epoll_remove(int set, int fd);
/// Waits up to `milliseconds` for the first event; fills at most `capacity` events.
int octavo_epoll_wait(int set, struct octavo_event *events, int capacity, int milliseconds);

/// A counter to put into an epoll set: `octavo_signal` makes it readable, `octavo_quiet` makes it unreadable again.
int octavo_eventfd(void);
void octavo_signal(int eventfd);
void octavo_quiet(int eventfd);

/// `more` promises that the next call follows at once (MSG_MORE). Never raises SIGPIPE.
ssize_t octavo_send(int fd, const void *bytes, size_t count, int more);
ssize_t octavo_receive(int fd, void *bytes, size_t count);
/// Advances `offset`. Raises SIGPIPE on a closed peer: the process must ignore it.
ssize_t octavo_sendfile(int fd, int file, int64_t *offset, size_t count);

/// Monotonic time in nanoseconds.
uint64_t octavo_now(void);
