// A client's way to the target: connect, and through a SOCKS5 proxy (RFC 1928) greeting and request, each answer awaited.
#define _GNU_SOURCE
#include "load.h"
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum stage { CONNECTING, GREETED, REQUESTED, OPEN };

struct route parse_route(const char *via, const char *targets) {
    struct route route = {.is_socks = strncmp(via, "socks:", 6) == 0, .targets = parse_ports(targets)};
    if (!route.is_socks && strncmp(via, "direct:", 7) != 0) fail("a route is socks:IP:PORT or direct:IP:PORT");
    route.via = port_at(parse_ports(strchr(via, ':') + 1), 0);
    return route;
}

int dial_begin(struct dial *dial, const struct route *route, long index) {
    *dial = (struct dial){.target = port_at(route->targets, index)};
    dial->stage = route->is_socks ? CONNECTING : OPEN;
    dial->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (dial->fd < 0) return -1;
    prefer_no_delay(dial->fd);
    if (connect(dial->fd, (const struct sockaddr *)&route->via, sizeof route->via) && errno != EINPROGRESS) {
        close(dial->fd);
        dial->fd = -1;
    }
    return dial->fd;
}

static enum dialled say(struct dial *dial, enum stage next, const void *data, size_t size) {
    dial->stage = next;
    dial->have = 0;
    return send(dial->fd, data, size, MSG_NOSIGNAL) == (ssize_t)size ? DIAL_WAITS : DIAL_FAILED;
}

static enum dialled request(struct dial *dial) {
    unsigned char request[10] = {5, 1, 0, 1};
    memcpy(request + 4, &dial->target.sin_addr, 4);
    memcpy(request + 8, &dial->target.sin_port, 2);
    return say(dial, REQUESTED, request, sizeof request);
}

static size_t reply_size(const struct dial *dial) {  // as far as it is known yet
    if (dial->stage == GREETED) return 2;
    if (dial->have < 5) return 5;
    return dial->reply[3] == 1 ? 10 : dial->reply[3] == 4 ? 22 : 7u + dial->reply[4];
}

enum dialled dial_step(struct dial *dial, uint32_t events) {
    if (events & EPOLLERR) return DIAL_FAILED;
    if (dial->stage == OPEN) return DIAL_OPEN;
    if (dial->stage == CONNECTING) return events & EPOLLOUT ? say(dial, GREETED, "\5\1\0", 3) : DIAL_WAITS;
    if (!(events & EPOLLIN)) return DIAL_WAITS;
    ssize_t got = recv(dial->fd, dial->reply + dial->have, sizeof dial->reply - dial->have, 0);
    if (got <= 0) return got < 0 && errno == EAGAIN ? DIAL_WAITS : DIAL_FAILED;
    dial->have += (size_t)got;
    if (dial->have < reply_size(dial)) return DIAL_WAITS;
    if (dial->have > reply_size(dial) || dial->reply[0] != 5 || dial->reply[1] != 0) return DIAL_FAILED;
    if (dial->stage == GREETED) return request(dial);
    dial->stage = OPEN;
    return DIAL_OPEN;
}
