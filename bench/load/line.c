// A line: forwards TCP with a delay each way, perhaps a rate and a queue, and fails on command.
//
// - All connections of one direction share its rate: what waits before us delays us. A full queue is not read into.
// - No more is buffered here than the queue and a window would hold: what waits, waits at its sender.
// - A relay's client is connected before the far end is. The round trip of that is made up for: nothing of a connection
//   leaves for the far end before one round trip after it was accepted, and nothing comes back before.
// - The order of a connection's bytes and its end (FIN, or RST at once) is kept.
//
// Commands on stdin, one a line: `cut` (a black hole: nothing moves, nothing is lost), `reset` (every connection is
// reset, new ones too), `delay MS`, `heal`. Prints "ready", then each command once it holds. Ends with stdin.
#define _GNU_SOURCE
#include "load.h"
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CHUNK = 32 * 1024, THERE = 0, BACK = 1 };
static const int RATED_BUFFER = 128 * 1024;      // of a socket's receiving side, with a rate

struct chunk {
    struct chunk *next;
    double due;
    ssize_t size, sent;      // size 0: FIN, -1: RST
    unsigned char data[];
};

struct end {
    struct connection *connection;
    int fd, is_readable, is_blocked, is_over;      // over: its FIN or RST was read
};

struct half {      // what moves from one end to the other
    struct chunk *head, **tail;
    size_t held;
    double not_before, last_due;
};

struct connection {
    struct connection *next, **link;
    struct end ends[2];      // [THERE] is the client's: what is read there goes there
    struct half halves[2];
    int finished;            // halves that are through with their FIN
};

static int poll_fd, listener, is_cut, is_resetting;
static const double FULL_RATE = 125e6;      // bytes per second of one connection that a line without a rate has room for
static double delay, rate, longest_queue = 0.1, free_at[2];
static struct sockaddr_in far;
static struct connection *connections;
static struct end listening, commanding;

static size_t room(void) {  // for bytes of a connection under way in one direction: its window, were it a real line
    return 256 * 1024 + (size_t)(2 * delay * FULL_RATE);
}

static void bound_buffer(int fd) {
    if (rate > 0) setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &RATED_BUFFER, sizeof RATED_BUFFER);
}

static void drop(struct connection *connection, int with_reset) {
    struct linger abrupt = {.l_onoff = 1};
    for (int way = THERE; way <= BACK; way++) {
        if (with_reset) setsockopt(connection->ends[way].fd, SOL_SOCKET, SO_LINGER, &abrupt, sizeof abrupt);
        close(connection->ends[way].fd);
        for (struct chunk *chunk = connection->halves[way].head, *next; chunk; chunk = next) {
            next = chunk->next;
            free(chunk);
        }
    }
    *connection->link = connection->next;
    if (connection->next) connection->next->link = connection->link;
    free(connection);
}

static void welcome(double t) {
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    struct connection *new = fd < 0 ? NULL : calloc(1, sizeof *new);
    if (!new) return;
    int onward = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (onward < 0) fail("socket");
    bound_buffer(onward);
    new->next = connections, new->link = &connections, connections = new;
    if (new->next) new->next->link = &new->next;
    for (int way = THERE; way <= BACK; way++) {
        new->ends[way] = (struct end){.connection = new, .fd = way == THERE ? fd : onward, .is_blocked = 1};
        new->halves[way] = (struct half){.not_before = t + (way == THERE ? 3 : 2) * delay};
        prefer_no_delay(new->ends[way].fd);
    }
    connect(onward, (struct sockaddr *)&far, sizeof far);      // a failure is read from the socket, as a reset
    for (int way = THERE; way <= BACK; way++)
        watch(poll_fd, EPOLL_CTL_ADD, new->ends[way].fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, &new->ends[way]);
}

static void put(struct half *half, int way, struct chunk *chunk, double t) {
    if (rate > 0 && chunk->size > 0) t = free_at[way] = fmax(t, free_at[way]) + (double)chunk->size / rate;
    half->last_due = chunk->due = fmax(fmax(t + delay, half->not_before), half->last_due);
    if (!half->head) half->tail = &half->head;
    *half->tail = chunk;
    half->tail = &chunk->next;
    half->held += chunk->size > 0 ? (size_t)chunk->size : 0;
}

static int is_waiting_for_room(struct connection *connection, int way, double t) {
    return connection->ends[way].is_readable && rate > 0 && free_at[way] > t + longest_queue;
}

static int read_some(struct connection *connection, int way, double t) {
    struct end *end = &connection->ends[way];
    struct half *half = &connection->halves[way];
    if (!end->is_readable || end->is_over || half->held >= room() || is_waiting_for_room(connection, way, t)) return 0;
    struct chunk *chunk = malloc(sizeof *chunk + CHUNK);
    if (!chunk) fail("memory");
    *chunk = (struct chunk){.size = recv(end->fd, chunk->data, CHUNK, 0)};
    if (chunk->size < 0 && errno == EAGAIN) {
        end->is_readable = 0;
        free(chunk);
        return 0;
    }
    end->is_over = chunk->size <= 0;
    if (chunk->size > 0 && chunk->size < CHUNK / 2) chunk = realloc(chunk, sizeof *chunk + (size_t)chunk->size);
    put(half, way, chunk, t);
    return 1;
}

static int deliver(struct connection *connection, int way, double t) {  // -1: the connection is gone
    struct end *to = &connection->ends[!way];
    struct half *half = &connection->halves[way];
    struct chunk *chunk = half->head;
    if (!chunk || chunk->due > t || (to->is_blocked && chunk->size >= 0)) return 0;
    if (chunk->size > 0) {
        ssize_t n = send(to->fd, chunk->data + chunk->sent, (size_t)(chunk->size - chunk->sent), MSG_NOSIGNAL);
        if (n < 0 && errno == EAGAIN) return to->is_blocked = 1, 0;
        if (n >= 0 && (chunk->sent += n) < chunk->size) return 1;
        if (n < 0) return drop(connection, 1), -1;
    }
    if (chunk->size < 0) return drop(connection, 1), -1;
    if (chunk->size == 0) shutdown(to->fd, SHUT_WR);
    int is_finished = chunk->size == 0 && ++connection->finished == 2;
    half->held -= (size_t)chunk->size;
    half->head = chunk->next;
    free(chunk);
    return is_finished ? (drop(connection, 0), -1) : 1;
}

static double move_all(double t) {  // how long until something is due
    double next = 1e9;
    for (struct connection *one = connections, *following; one; one = following) {
        following = one->next;
        int moved = 0;
        for (int turn = 0; turn < 4 && moved >= 0; turn++) {
            moved = 0;
            for (int way = THERE; way <= BACK && moved >= 0; way++) {
                moved |= read_some(one, way, t);
                int delivered = deliver(one, way, t);
                moved = delivered < 0 ? -1 : moved | delivered;
            }
            if (moved == 0) break;
        }
        if (moved != 0) next = fmin(next, 0);
        for (int way = THERE; way <= BACK && moved == 0; way++) {
            if (one->halves[way].head && !one->ends[!way].is_blocked) next = fmin(next, one->halves[way].head->due - t);
            if (is_waiting_for_room(one, way, t)) next = fmin(next, free_at[way] - t - longest_queue);
        }
    }
    return fmax(next, 0);
}

static void obey(void) {
    static char text[256];
    static size_t have;
    ssize_t n = read(0, text + have, sizeof text - 1 - have);
    if (n <= 0) exit(0);
    text[have += (size_t)n] = 0;
    for (char *end; (end = strchr(text, '\n')); memmove(text, end + 1, have + 1)) {
        *end = 0;
        have -= (size_t)(end + 1 - text);
        double value = strncmp(text, "delay ", 6) == 0 ? atof(text + 6) : -1;
        if (value >= 0) delay = value / 1000;
        else if (strcmp(text, "cut") == 0) is_cut = 1;
        else if (strcmp(text, "reset") == 0) is_resetting = 1;
        else if (strcmp(text, "heal") == 0) is_cut = is_resetting = 0;
        else fail("a command is cut, reset, delay MS or heal");
        puts(text);
    }
}

static void on_event(struct end *end, uint32_t events, double t) {
    if (end == &listening) welcome(t);
    else if (end == &commanding) obey();
    else {
        if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) end->is_readable = 1;
        if (events & EPOLLOUT) end->is_blocked = 0;
    }
}

int run_line(int count, char **arguments) {
    struct epoll_event events[256];
    listener = listen_at(port_at(parse_ports(arguments[0]), 0));
    far = port_at(parse_ports(arguments[1]), 0);
    delay = atof(arguments[2]) / 1000;
    if (count > 3) rate = atof(arguments[3]) * 1e6 / 8;
    if (count > 4) longest_queue = atof(arguments[4]) / 1000;
    bound_buffer(listener);      // what it accepts inherits it
    poll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (poll_fd < 0) fail("epoll");
    raise_file_limit();
    watch(poll_fd, EPOLL_CTL_ADD, listener, EPOLLIN, &listening);
    watch(poll_fd, EPOLL_CTL_ADD, 0, EPOLLIN, &commanding);
    puts("ready");
    for (;;) {
        double wait = is_cut ? 1e9 : move_all(now());
        struct timespec limit = {.tv_sec = (time_t)wait, .tv_nsec = (long)(fmod(wait, 1) * 1e9)};
        int ready = epoll_pwait2(poll_fd, events, ARRAY(events), &limit, NULL);
        for (int i = 0; i < ready; i++) on_event(events[i].data.ptr, events[i].events, now());
        while (is_resetting && connections) drop(connections, 1);      // none of them has an event left
    }
}
