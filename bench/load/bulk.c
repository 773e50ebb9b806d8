// BYTES in all over STREAMS streams, down from the target or up to it; every byte is compared with the pattern.
// All streams are open before the clock starts; an upload begins when the target has said that it is ready (one byte).
// Prints seconds, bytes, failed streams. SIGTERM ends it early: what was moved until then is printed, and is no failure.
#define _GNU_SOURCE
#include "load.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SILENCE_MS = 15000 };

struct stream {
    struct dial dial;
    int is_ready, is_sent;
    struct order order;
    uint64_t done;
    size_t have;
    unsigned char verdict[8];      // an upload's: how many bytes the target found right
};

static int poll_fd, left, failed;
static volatile sig_atomic_t is_enough;
static unsigned char data[256 * 1024];

static void on_enough(int signal_number) {
    is_enough = signal_number;
}

static void end(struct stream *stream) {
    close(stream->dial.fd);
    stream->dial.fd = -1;
    left--;
}

static void give_up(struct stream *stream, const char *why) {
    unsigned long long done = stream->done, size = stream->order.size;
    fprintf(stderr, "load: %s after %llu of %llu bytes%s%s\n", why, done, size, errno ? ": " : "",
            errno ? strerror(errno) : "");
    failed++;
    end(stream);
}

static void receive(struct stream *stream) {
    errno = 0;
    ssize_t n = recv(stream->dial.fd, data, sizeof data, 0);
    if (n < 0 && errno == EAGAIN) return;
    if (n <= 0) give_up(stream, "closed");
    else if ((uint64_t)n > stream->order.size - stream->done) give_up(stream, "too many bytes");
    else if (!pattern_holds(data, (size_t)n, stream->order.offset + stream->done)) give_up(stream, "wrong bytes");
    else if ((stream->done += (uint64_t)n) == stream->order.size) end(stream);
}

static void supply(struct stream *stream) {
    errno = 0;
    ssize_t n = pattern_send(stream->dial.fd, stream->order.offset + stream->done, stream->order.size - stream->done);
    if (n < 0 && errno == EAGAIN) return;
    if (n <= 0) {
        give_up(stream, "not taken");
        return;
    }
    if ((stream->done += (uint64_t)n) == stream->order.size) {
        stream->is_sent = 1;
        watch(poll_fd, EPOLL_CTL_MOD, stream->dial.fd, EPOLLIN, stream);
    }
}

static void judge(struct stream *stream) {
    errno = 0;
    ssize_t n = recv(stream->dial.fd, stream->verdict + stream->have, sizeof stream->verdict - stream->have, 0);
    if (n < 0 && errno == EAGAIN) return;
    stream->have += n > 0 ? (size_t)n : 0;
    uint64_t right;
    memcpy(&right, stream->verdict, sizeof right);
    if (n <= 0) give_up(stream, "closed before the target had judged,");
    else if (stream->have < sizeof stream->verdict) return;
    else if (right != stream->order.size) give_up(stream, "wrong bytes at the target");
    else end(stream);
}

static void begin(struct stream *stream) {
    unsigned char order[ORDER];
    order_write(order, stream->order);
    if (send(stream->dial.fd, order, ORDER, MSG_NOSIGNAL) != ORDER) give_up(stream, "not ordered");
    else watch(poll_fd, EPOLL_CTL_MOD, stream->dial.fd, EPOLLIN, stream);
}

static void hear_ready(struct stream *stream) {
    stream->is_ready = recv(stream->dial.fd, data, 1, 0) == 1;
    if (!stream->is_ready) give_up(stream, "closed before the target was ready,");
    else watch(poll_fd, EPOLL_CTL_MOD, stream->dial.fd, EPOLLIN | EPOLLOUT, stream);
}

static void on_event(struct stream *stream, uint32_t events) {
    if (stream->dial.fd < 0) return;
    if (stream->order.verb == DOWN) receive(stream);
    else if (!stream->is_ready) hear_ready(stream);
    else if (stream->is_sent) judge(stream);
    else if (events & (EPOLLIN | EPOLLERR | EPOLLHUP)) give_up(stream, "closed");
    else supply(stream);
}

static int wait_open(int count) {  // how many are not
    struct epoll_event events[64];
    int waiting = count;
    while (waiting > 0) {
        int ready = epoll_wait(poll_fd, events, ARRAY(events), SILENCE_MS);
        if (ready <= 0) return waiting;
        for (int i = 0; i < ready; i++) {
            struct stream *stream = events[i].data.ptr;
            enum dialled state = dial_step(&stream->dial, events[i].events);
            if (state == DIAL_WAITS) continue;
            if (state == DIAL_FAILED) return waiting;
            watch(poll_fd, EPOLL_CTL_MOD, stream->dial.fd, 0, stream);
            waiting--;
        }
    }
    return 0;
}

int run_bulk(int count, char **arguments) {
    (void)count;
    struct epoll_event events[64];
    struct route route = parse_route(arguments[1], arguments[2]);
    int streams_wanted = (int)parse_count(arguments[4], 1000);
    uint64_t each = (uint64_t)parse_count(arguments[3], 1L << 50) / (uint64_t)streams_wanted;
    unsigned char verb = strcmp(arguments[0], "down") == 0 ? DOWN : UP;
    struct stream *streams = calloc((size_t)streams_wanted, sizeof *streams);
    poll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (!streams || poll_fd < 0) fail("memory");
    pattern_begin();
    for (int i = 0; i < streams_wanted; i++) {
        streams[i].order = (struct order){.verb = verb, .size = each, .offset = 77773ull * (uint64_t)i};
        if (dial_begin(&streams[i].dial, &route, i) < 0) fail("connect");
        watch(poll_fd, EPOLL_CTL_ADD, streams[i].dial.fd, EPOLLIN | EPOLLOUT | EPOLLET, &streams[i]);
    }
    int closed = wait_open(streams_wanted);
    double began = now();
    left = closed ? 0 : streams_wanted;
    failed = closed;
    for (int i = 0; i < streams_wanted && !closed; i++) begin(&streams[i]);
    sigaction(SIGTERM, &(struct sigaction){.sa_handler = on_enough}, NULL);
    while (left > 0 && !is_enough) {
        int ready = epoll_wait(poll_fd, events, ARRAY(events), SILENCE_MS);
        if (ready == 0) fprintf(stderr, "load: nothing moved for %d s\n", SILENCE_MS / 1000);
        if (ready <= 0) break;
        for (int i = 0; i < ready; i++) on_event(events[i].data.ptr, events[i].events);
    }
    uint64_t done = 0;
    int unfinished = is_enough ? 0 : left;
    for (int i = 0; i < streams_wanted; i++) done += streams[i].done;
    printf("{\"seconds\": %.6f, \"bytes\": %llu, \"failed\": %d}\n", now() - began, (unsigned long long)done, failed + unfinished);
    return failed + unfinished ? 1 : 0;
}
