#define _GNU_SOURCE
#include "CLinux.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

int octavo_accept(int listener, char *address, size_t capacity) {
    struct sockaddr_storage peer;
    socklen_t length = sizeof peer;
    int fd = accept4(listener, (struct sockaddr *)&peer, &length, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) return -errno;
    const void *raw = NULL;
    if (peer.ss_family == AF_INET) raw = &((struct sockaddr_in *)&peer)->sin_addr;
    if (peer.ss_family == AF_INET6) raw = &((struct sockaddr_in6 *)&peer)->sin6_addr;
    if (capacity > 0) address[0] = 0;
    if (raw != NULL) inet_ntop(peer.ss_family, raw, address, (socklen_t)capacity);
    return fd;
}

int octavo_epoll_create(void) {
    int set = epoll_create1(EPOLL_CLOEXEC);
    return set < 0 ? -errno : set;
}

static int change(int set, int operation, int fd, uint32_t readiness, uint64_t token) {
    struct epoll_event event = {0};
    if (readiness & OCTAVO_READABLE) event.events |= EPOLLIN;
    if (readiness & OCTAVO_WRITABLE) event.events |= EPOLLOUT;
    event.data.u64 = token;
    return epoll_ctl(set, operation, fd, &event) < 0 ? -errno : 0;
}

int octavo_epoll_add(int set, int fd, uint32_t readiness, uint64_t token) {
    return change(set, EPOLL_CTL_ADD, fd, readiness, token);
}

int octavo_epoll_modify(int set, int fd, uint32_t readiness, uint64_t token) {
    return change(set, EPOLL_CTL_MOD, fd, readiness, token);
}

int octavo_epoll_remove(int set, int fd) { return change(set, EPOLL_CTL_DEL, fd, 0, 0); }

int octavo_epoll_wait(int set, struct octavo_event *events, int capacity, int milliseconds) {
    struct epoll_event raw[128];
    if (capacity > 128) capacity = 128;
    int count = epoll_wait(set, raw, capacity, milliseconds);
    if (count < 0) return -errno;
    for (int i = 0; i < count; i++) {
        uint32_t readiness = 0;
        if (raw[i].events & EPOLLIN) readiness |= OCTAVO_READABLE;
        if (raw[i].events & EPOLLOUT) readiness |= OCTAVO_WRITABLE;
        if (raw[i].events & (EPOLLERR | EPOLLHUP)) readiness |= OCTAVO_BROKEN;
        events[i].token = raw[i].data.u64;
        events[i].readiness = readiness;
    }
    return count;
}

int octavo_eventfd(void) {
    int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return fd < 0 ? -errno : fd;
}

// Both can only fail when there is nothing to do: the counter is full, or already empty.
void octavo_signal(int fd) {
    uint64_t one = 1;
    ssize_t written = write(fd, &one, sizeof one);
    (void)written;
}

void octavo_quiet(int fd) {
    uint64_t count;
    ssize_t taken = read(fd, &count, sizeof count);
    (void)taken;
}

ssize_t octavo_send(int fd, const void *bytes, size_t count, int more) {
    ssize_t sent = send(fd, bytes, count, MSG_NOSIGNAL | (more ? MSG_MORE : 0));
    return sent < 0 ? -errno : sent;
}

ssize_t octavo_receive(int fd, void *bytes, size_t count) {
    ssize_t received = recv(fd, bytes, count, 0);
    return received < 0 ? -errno : received;
}

ssize_t octavo_sendfile(int fd, int file, int64_t *offset, size_t count) {
    off_t position = *offset;
    ssize_t sent = sendfile(fd, file, &position, count);
    if (sent < 0) return -errno;
    *offset = position;
    return sent;
}

uint64_t octavo_now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000ull + (uint64_t)time.tv_nsec;
}
