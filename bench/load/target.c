// The far end: does what the first byte of a stream asks. Echo gives back all it gets, that byte too; a download sends
// the pattern; an upload is told to begin by one byte, compared with the pattern, and answered at its end with how many
// bytes were right.
#define _GNU_SOURCE
#include "load.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

struct served {
    int fd, is_listener;
    unsigned char verb;      // 0: not yet known
    struct order order;
    uint64_t done, right;
};

static int poll_fd;
static unsigned char data[256 * 1024];

static void end(struct served *served) {
    close(served->fd);
    free(served);
}

static void welcome(int listener) {
    for (;;) {
        int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) return;
        struct served *served = calloc(1, sizeof *served);
        if (!served) fail("memory");
        served->fd = fd;
        prefer_no_delay(fd);
        watch(poll_fd, EPOLL_CTL_ADD, fd, EPOLLIN, served);
    }
}

static int echo(struct served *served) {
    ssize_t n = recv(served->fd, data, 4096, 0);      // clients exchange a few bytes: what the socket does not take is an error
    return n > 0 && send(served->fd, data, (size_t)n, MSG_NOSIGNAL) == n;
}

static int give(struct served *served) {
    ssize_t n = pattern_send(served->fd, served->order.offset + served->done, served->order.size - served->done);
    if (n < 0) return errno == EAGAIN;
    served->done += (uint64_t)n;
    if (served->done == served->order.size) watch(poll_fd, EPOLL_CTL_MOD, served->fd, EPOLLIN, served);
    return n > 0;
}

static int take(struct served *served) {
    ssize_t n = recv(served->fd, data, sizeof data, 0);
    if (n <= 0) return n < 0 && errno == EAGAIN;
    if (pattern_holds(data, (size_t)n, served->order.offset + served->done)) served->right += (uint64_t)n;
    served->done += (uint64_t)n;
    if (served->done < served->order.size) return 1;
    return send(served->fd, &served->right, sizeof served->right, MSG_NOSIGNAL) == sizeof served->right;
}

static int begin(struct served *served) {
    unsigned char head[ORDER];
    ssize_t n = recv(served->fd, head, sizeof head, MSG_PEEK);
    if (n <= 0) return 0;
    if (head[0] != ECHO && n < ORDER) return 1;
    served->verb = head[0];
    if (head[0] == ECHO) return echo(served);
    served->order = order_read(head);
    recv(served->fd, head, sizeof head, 0);
    if (head[0] == DOWN) watch(poll_fd, EPOLL_CTL_MOD, served->fd, EPOLLOUT, served);
    return head[0] == DOWN || (head[0] == UP && send(served->fd, head, 1, MSG_NOSIGNAL) == 1);
}

static int serve(struct served *served, uint32_t events) {  // 0: to be closed
    if (served->verb == 0) return begin(served);
    if (served->verb == ECHO) return echo(served);
    if (served->verb == UP) return take(served);
    return events & EPOLLOUT ? give(served) : recv(served->fd, data, 1, 0) > 0;
}

int run_target(int count, char **arguments) {
    struct epoll_event events[256];
    poll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (poll_fd < 0) fail("epoll");
    pattern_begin();
    raise_file_limit();
    for (int i = 0; i < count; i++) {
        struct ports ports = parse_ports(arguments[i]);
        for (int port = ports.first; port <= ports.last; port++) {
            struct served *listener = calloc(1, sizeof *listener);
            if (!listener) fail("memory");
            listener->fd = listen_at(port_at(ports, port - ports.first));
            listener->is_listener = 1;
            watch(poll_fd, EPOLL_CTL_ADD, listener->fd, EPOLLIN, listener);
        }
    }
    puts("ready");
    for (;;) {
        int ready = epoll_wait(poll_fd, events, ARRAY(events), -1);
        for (int i = 0; i < ready; i++) {
            struct served *served = events[i].data.ptr;
            if (served->is_listener) welcome(served->fd);
            else if (!serve(served, events[i].events)) end(served);
        }
    }
}
