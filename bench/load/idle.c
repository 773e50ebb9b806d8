// COUNT streams, each proven by one echo, then held open and silent until stdin closes. Prints opened and failed once all
// stand. Each line on stdin has every stream echo one byte more; prints how many answered.
#define _GNU_SOURCE
#include "load.h"
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>

enum { TOGETHER = 32, SILENCE_MS = 15000 };

struct held {
    struct dial dial;
    int is_open;
};

static struct route route;
static int poll_fd;
static long wanted, started, opened, failed;

static void start(struct held *held) {
    if (dial_begin(&held[started].dial, &route, started) < 0) failed++;
    else watch(poll_fd, EPOLL_CTL_ADD, held[started].dial.fd, EPOLLIN | EPOLLOUT | EPOLLET, &held[started]);
    started++;
}

static int step(struct held *held, uint32_t events) {  // 1: stands, 0: not yet, -1: failed
    unsigned char byte = ECHO;
    if (held->is_open) return events & EPOLLIN ? (recv(held->dial.fd, &byte, 1, 0) == 1 ? 1 : -1) : 0;
    enum dialled state = dial_step(&held->dial, events);
    if (state != DIAL_OPEN) return state == DIAL_FAILED ? -1 : 0;
    held->is_open = 1;
    return send(held->dial.fd, &byte, 1, MSG_NOSIGNAL) == 1 ? 0 : -1;
}

static int answers(int fd) {  // 1: one byte came, 0: the stream has ended, -1: silence
    struct pollfd one = {.fd = fd, .events = POLLIN};
    unsigned char byte;
    if (poll(&one, 1, SILENCE_MS) != 1) return -1;
    return recv(fd, &byte, 1, 0) == 1;
}

static long ask_again(struct held *held) {  // TOGETHER at a time; one silence is enough
    unsigned char byte = ECHO;
    long answered = 0;
    for (long first = 0; first < started; first += TOGETHER) {
        long last = first + TOGETHER < started ? first + TOGETHER : started;
        for (long i = first; i < last; i++)
            if (held[i].is_open) send(held[i].dial.fd, &byte, 1, MSG_NOSIGNAL);
        for (long i = first; i < last; i++) {
            int state = held[i].is_open ? answers(held[i].dial.fd) : 0;
            if (state < 0) return answered;
            answered += state;
        }
    }
    return answered;
}

int run_idle(int count, char **arguments) {
    (void)count;
    struct epoll_event events[TOGETHER];
    char rest[64];
    route = parse_route(arguments[0], arguments[1]);
    wanted = parse_count(arguments[2], 1000000);
    struct held *held = calloc((size_t)wanted, sizeof *held);
    poll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (!held || poll_fd < 0) fail("memory");
    raise_file_limit();
    while (opened + failed < wanted) {
        while (started < wanted && started - opened - failed < TOGETHER) start(held);
        int ready = epoll_wait(poll_fd, events, ARRAY(events), SILENCE_MS);
        if (ready <= 0) break;
        for (int i = 0; i < ready; i++) {
            struct held *one = events[i].data.ptr;
            int state = step(one, events[i].events);
            if (state == 0) continue;
            if (state > 0) opened++;
            else failed++, one->is_open = 0;
            epoll_ctl(poll_fd, EPOLL_CTL_DEL, one->dial.fd, NULL);
        }
    }
    printf("{\"opened\": %ld, \"failed\": %ld}\n", opened, wanted - opened);
    while (fgets(rest, sizeof rest, stdin)) printf("{\"answered\": %ld}\n", ask_again(held));
    return 0;
}
