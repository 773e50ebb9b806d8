// Clock, addresses, sockets.
#define _GNU_SOURCE
#include "load.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>

double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

void fail(const char *what) {
    fprintf(stderr, "load: %s%s%s\n", what, errno ? ": " : "", errno ? strerror(errno) : "");
    exit(2);
}

struct ports parse_ports(const char *text) {
    struct ports ports = {.last = 0};
    char host[64];
    errno = 0;
    int found = sscanf(text, "%63[0-9.]:%d-%d", host, &ports.first, &ports.last);
    if (found == 2) ports.last = ports.first;
    if (found < 2 || !inet_aton(host, &ports.host) || ports.first < 1 || ports.last < ports.first || ports.last > 65535)
        fail("an address is IP:PORT or IP:FIRST-LAST");
    return ports;
}

struct sockaddr_in port_at(struct ports ports, long index) {
    int port = ports.first + (int)(index % (ports.last - ports.first + 1));
    return (struct sockaddr_in){.sin_family = AF_INET, .sin_addr = ports.host, .sin_port = htons((uint16_t)port)};
}

long parse_count(const char *text, long most) {
    char *end;
    errno = 0;
    long count = strtol(text, &end, 10);
    if (errno || *end || count < 1 || count > most) fail("a count is out of range");
    return count;
}

void watch(int poll, int operation, int fd, uint32_t events, void *data) {
    struct epoll_event event = {.events = events, .data.ptr = data};
    if (epoll_ctl(poll, operation, fd, &event)) fail("epoll");
}

int listen_at(struct sockaddr_in at) {
    int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) fail("socket");
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(fd, (struct sockaddr *)&at, sizeof at) || listen(fd, 4096)) fail("listen");
    return fd;
}

void prefer_no_delay(int fd) {
    int one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

void raise_file_limit(void) {
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}
