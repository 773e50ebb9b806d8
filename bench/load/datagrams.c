// Datagrams through a SOCKS5 proxy (or straight), and the target that answers them. The target keeps nothing: what a
// datagram asks for stands in it, so that a lost one costs what it asked for and no more.
#define _GNU_SOURCE
#include "load.h"
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BUFFER = 8 << 20, MOST = 65536, SOCKS_HEAD = 10, TOGETHER = 8, LATE_MS = 50, BATCH = 64 };
enum { PACED = 'E', UPWARDS = 'U', DOWNWARDS = 'D' };

struct head {
    unsigned char kind, unused[3];
    uint32_t flow;
    uint64_t number;
    double sent;
    uint32_t size, count;       // of DOWNWARDS: what is asked for
};

static int udp_socket(int flags) {
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | flags, 0), size = BUFFER;
    if (fd < 0) fail("socket");
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size)) setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size)) setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    return fd;
}

// ---- the target

static void answer(int fd, unsigned char *data, size_t size, struct sockaddr_in *from) {
    static unsigned char zeros[MOST];
    struct head head;
    size_t length = size;
    if (size < sizeof head) return;
    memcpy(&head, data, sizeof head);
    if (head.kind == UPWARDS) {
        if (head.number % TOGETHER != TOGETHER - 1) return;
        length = sizeof head;
    }
    if (head.kind != DOWNWARDS) {
        sendto(fd, data, length, 0, (struct sockaddr *)from, sizeof *from);
        return;
    }
    if (head.size > MOST || head.size < sizeof head || head.count > TOGETHER) return;
    memcpy(zeros, &head, sizeof head);
    for (uint32_t i = 0; i < head.count; i++) sendto(fd, zeros, head.size, 0, (struct sockaddr *)from, sizeof *from);
}

int run_udp_target(int count, char **arguments) {
    (void)count;
    struct sockaddr_in at = port_at(parse_ports(arguments[0]), 0);
    int fd = udp_socket(0);
    if (bind(fd, (struct sockaddr *)&at, sizeof at)) fail("bind");
    printf("ready\n");
    static unsigned char data[BATCH][MOST];
    static struct mmsghdr got[BATCH];
    static struct iovec parts[BATCH];
    static struct sockaddr_in from[BATCH];
    for (;;) {
        for (int i = 0; i < BATCH; i++) {
            parts[i] = (struct iovec){data[i], MOST};
            got[i].msg_hdr = (struct msghdr){.msg_name = &from[i], .msg_namelen = sizeof from[i], .msg_iov = &parts[i], .msg_iovlen = 1};
        }
        int found = recvmmsg(fd, got, BATCH, MSG_WAITFORONE, NULL);
        for (int i = 0; i < found; i++) answer(fd, data[i], got[i].msg_len, &from[i]);
    }
}

// ---- the clients

struct flow {
    int fd, control;
    uint64_t number, done;      // datagrams said (or asked for), and known to be through
    double next, moved;
};

static struct route route;
static struct sockaddr_in target;

static void read_whole(int fd, void *into, size_t size) {
    if (recv(fd, into, size, MSG_WAITALL) != (ssize_t)size) fail("the proxy did not answer");
}

// Where datagrams for the target are sent.
static struct sockaddr_in associate(int *control) {
    unsigned char reply[22];
    struct sockaddr_in bound = target;
    if (!route.is_socks) return bound;
    *control = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(*control, (struct sockaddr *)&route.via, sizeof route.via)) fail("connect to the proxy");
    if (write(*control, "\5\1\0", 3) != 3) fail("greeting");
    read_whole(*control, reply, 2);
    if (write(*control, "\5\3\0\1\0\0\0\0\0\0", 10) != 10) fail("UDP ASSOCIATE");
    read_whole(*control, reply, 4);
    errno = 0;
    if (reply[1]) fail("UDP ASSOCIATE is refused");
    read_whole(*control, reply + 4, reply[3] == 4 ? 18 : 6);
    bound = route.via;
    if (reply[3] == 1 && memcmp(reply + 4, "\0\0\0\0", 4)) memcpy(&bound.sin_addr, reply + 4, 4);
    memcpy(&bound.sin_port, reply + (reply[3] == 4 ? 20 : 8), 2);
    return bound;
}

static unsigned char out[MOST], in[MOST];
static size_t lead;             // bytes of the SOCKS header before a payload

static void say(struct flow *flow, struct head head, size_t size) {
    memcpy(out + lead, &head, sizeof head);
    if (send(flow->fd, out, lead + size, MSG_DONTWAIT) < 0 && errno != EAGAIN && errno != ECONNREFUSED) fail("send");
}

static int by_value(const void *a, const void *b) {
    double one = *(const double *)a, other = *(const double *)b;
    return (one > other) - (one < other);
}

static double at_share(const double *sorted, size_t count, double share) {
    size_t index = (size_t)((double)count * share);
    return count ? sorted[index < count ? index : count - 1] : 0;
}

struct tally {
    uint64_t sent, got;
    double *trips;
    size_t room, trips_count;
};

static void hear(struct flow *flow, int kind, struct tally *tally, double when) {
    for (;;) {
        ssize_t size = recv(flow->fd, in, sizeof in, MSG_DONTWAIT);
        struct head head;
        if (size < (ssize_t)(lead + sizeof head)) return;
        memcpy(&head, in + lead, sizeof head);
        if (head.kind != kind) continue;
        flow->moved = when;
        tally->got += kind == UPWARDS ? TOGETHER : 1;
        if (kind == UPWARDS && head.number + 1 > flow->done) flow->done = head.number + 1;
        if (kind == DOWNWARDS) flow->done++;
        if (kind == PACED && tally->trips_count < tally->room) tally->trips[tally->trips_count++] = now() - head.sent;
    }
}

static void keep_going(struct flow *flow, uint32_t index, int kind, long rate, size_t size, struct tally *tally, double when) {
    if (kind == PACED) {
        for (; flow->next <= when; flow->next += 1.0 / (double)rate, tally->sent++)
            say(flow, (struct head){.kind = PACED, .flow = index, .number = flow->number++, .sent = now()}, size);
        return;
    }
    if (when - flow->moved > LATE_MS * 1e-3) flow->done = flow->number, flow->moved = when;     // what is out was lost
    while (flow->number - flow->done + TOGETHER <= (uint64_t)rate) {
        struct head head = {.kind = (unsigned char)kind, .flow = index, .number = flow->number, .size = (uint32_t)size, .count = TOGETHER};
        if (kind == DOWNWARDS) say(flow, head, sizeof head);
        for (int i = 0; kind == UPWARDS && i < TOGETHER; i++, head.number++) say(flow, head, size);
        flow->number += TOGETHER;
        tally->sent += TOGETHER;
    }
}

int run_datagrams(int count, char **arguments) {
    (void)count;
    int kind = strcmp(arguments[0], "paced") == 0 ? PACED : strcmp(arguments[0], "up") == 0 ? UPWARDS : DOWNWARDS;
    route = parse_route(arguments[1], arguments[2]);
    target = port_at(route.targets, 0);
    long flows = parse_count(arguments[3], 10000), rate = parse_count(arguments[4], 100000);
    size_t size = (size_t)parse_count(arguments[5], MOST - 64);
    double seconds = (double)parse_count(arguments[6], 3600);
    if (size < sizeof(struct head)) fail("a size is too small");
    raise_file_limit();
    if (route.is_socks) {
        lead = SOCKS_HEAD;
        out[3] = 1;
        memcpy(out + 4, &target.sin_addr, 4);
        memcpy(out + 8, &target.sin_port, 2);
    }
    struct flow *all = calloc((size_t)flows, sizeof *all);
    int poll = epoll_create1(EPOLL_CLOEXEC);
    for (long i = 0; i < flows; i++) {
        struct sockaddr_in to = associate(&all[i].control);
        all[i].fd = udp_socket(0);
        if (connect(all[i].fd, (struct sockaddr *)&to, sizeof to)) fail("connect");
        say(&all[i], (struct head){.kind = 'E', .number = ~0ull}, sizeof(struct head));     // whatever is set up at first
        watch(poll, EPOLL_CTL_ADD, all[i].fd, EPOLLIN, &all[i]);
    }
    usleep(2500000);
    struct tally tally = {.room = kind == PACED ? (size_t)((double)(flows * rate) * seconds) + 1000 : 0};
    tally.trips = calloc(tally.room + 1, sizeof *tally.trips);
    for (long i = 0; i < flows; i++) hear(&all[i], 0, &tally, 0);
    double began = now(), end = began + seconds;
    for (long i = 0; i < flows; i++) all[i].next = began + (double)i / (double)(flows * rate), all[i].moved = began;
    for (double when = began; when < end + (kind == PACED ? 0.5 : 0); when = now()) {
        struct epoll_event events[BATCH];
        if (when < end)
            for (long i = 0; i < flows; i++) keep_going(&all[i], (uint32_t)i, kind, rate, size, &tally, when);
        int found = epoll_wait(poll, events, BATCH, 1);
        for (int i = 0; i < found; i++) hear(events[i].data.ptr, kind, &tally, now());
    }
    qsort(tally.trips, tally.trips_count, sizeof *tally.trips, by_value);
    printf("{\"sent\": %lu, \"got\": %lu, \"seconds\": %g, \"p50\": %g, \"p95\": %g, \"p99\": %g}\n", tally.sent, tally.got, seconds,
           at_share(tally.trips, tally.trips_count, 0.5), at_share(tally.trips, tally.trips_count, 0.95), at_share(tally.trips, tally.trips_count, 0.99));
    return 0;
}
