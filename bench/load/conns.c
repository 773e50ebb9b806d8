// New connections, TOGETHER at a time, COUNT in all: connect, SOCKS5, 64 bytes there and back, close.
// Prints rate (per second), p50 and p99 (seconds, connect to echo), errors. Ends by itself when nothing moves for 15 s.
#define _GNU_SOURCE
#include "load.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MESSAGE = 64, SILENCE_MS = 15000 };

struct client {
    struct dial dial;
    int is_open;
    size_t got;
    double began;
    unsigned char sent[MESSAGE];
};

static struct route route;
static int poll_fd;
static long wanted, started, ended, errors, measured;
static double *took;

static void start(struct client *client) {
    while (started < wanted) {
        client->began = now();
        client->is_open = 0;
        client->got = 0;
        if (dial_begin(&client->dial, &route, started++) >= 0) {
            watch(poll_fd, EPOLL_CTL_ADD, client->dial.fd, EPOLLIN | EPOLLOUT | EPOLLET, client);
            return;
        }
        errors++, ended++;
    }
}

static void end(struct client *client, int succeeded) {
    close(client->dial.fd);
    if (succeeded) took[measured++] = now() - client->began;
    else errors++;
    ended++;
    start(client);
}

static int say(struct client *client) {
    memset(client->sent, (int)(started & 255), MESSAGE);
    memcpy(client->sent + 1, &client->began, sizeof client->began);
    client->sent[0] = ECHO;
    client->is_open = 1;
    return send(client->dial.fd, client->sent, MESSAGE, MSG_NOSIGNAL) == MESSAGE;
}

static void on_event(struct client *client, uint32_t events) {
    unsigned char data[MESSAGE];
    if (!client->is_open) {
        enum dialled state = dial_step(&client->dial, events);
        if (state == DIAL_FAILED || (state == DIAL_OPEN && !say(client))) end(client, 0);
    } else if (events & (EPOLLIN | EPOLLERR | EPOLLHUP)) {
        ssize_t n = recv(client->dial.fd, data, MESSAGE - client->got, 0);
        if (n < 0 && errno == EAGAIN) return;
        if (n <= 0 || memcmp(data, client->sent + client->got, (size_t)n) != 0) end(client, 0);
        else if ((client->got += (size_t)n) == MESSAGE) end(client, 1);
    }
}

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void report(double seconds) {
    qsort(took, (size_t)measured, sizeof *took, ascending);
    double p50 = measured ? took[measured / 2] : 0, p99 = measured ? took[measured * 99 / 100] : 0;
    double first = measured ? took[0] : 0, last = measured ? took[measured - 1] : 0;
    printf("{\"count\": %ld, \"errors\": %ld, \"seconds\": %.6f, \"rate\": %.3f, \"least\": %.6f, \"p50\": %.6f, \"p99\": %.6f, \"most\": %.6f}\n",
           ended, errors + (wanted - ended), seconds, (double)measured / seconds, first, p50, p99, last);
}

int run_conns(int count, char **arguments) {
    (void)count;
    struct epoll_event events[256];
    route = parse_route(arguments[0], arguments[1]);
    wanted = parse_count(arguments[2], 100000000);
    long together = parse_count(arguments[3], 20000);
    struct client *clients = calloc((size_t)together, sizeof *clients);
    took = calloc((size_t)wanted, sizeof *took);
    poll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (!clients || !took || poll_fd < 0) fail("memory");
    raise_file_limit();
    double began = now();
    for (long i = 0; i < together; i++) start(&clients[i]);
    while (ended < wanted) {
        int ready = epoll_wait(poll_fd, events, ARRAY(events), SILENCE_MS);
        if (ready <= 0) break;
        for (int i = 0; i < ready; i++) on_event(events[i].data.ptr, events[i].events);
    }
    report(now() - began);
    return ended < wanted || errors ? 1 : 0;
}
