// The bed: carries packets between network namespaces, each pair of them with a delay, jitter, loss, rate and queue.
//
//     bed NAMESPACE...      node N (from 1) is NAMESPACE, and has the address 198.18.7.N
//
// Every namespace gets a TUN device, wan0. A packet read from one is written to that of its destination when it is due.
// - Packets of one direction leave in order, one after another at the rate; one that would wait longer than the queue
//   holds is dropped, as is one by chance. Jitter delays and does not reorder.
// - A pair that was never linked carries nothing.
//
// Commands on stdin, one a line; each is printed again once it holds, or as `error` and why. Ends with stdin.
//     link A B DELAY_MS JITTER_MS LOSS_PERCENT RATE_MBIT QUEUE_MS     the delay is of one way, a rate of 0 is none
//     police A B RATE_MBIT BURST_KB      what comes faster than that is dropped and not queued, until the next link
//     down A B                           nothing passes, and nothing is told to anybody
//     up A B
// With A>B in place of A B they concern what passes from A to B; else both ways.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <math.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

enum { MOST_NODES = 16, LARGEST = 2048, BURST = 64, HEADER = 20, SUBNET = 7 };

struct way {      // one direction of a pair
    double delay, jitter, loss, rate, queue;      // seconds, share, bytes per second; rate 0: unlimited
    int is_linked, is_down;
    double free_at, last_due;
    double policed, burst, tokens, filled_at;      // bytes per second, 0: not at all; bytes; when there were so many
};

struct packet {
    double due;
    uint64_t order;      // of equal dues the first to be read goes first
    int to;
    size_t size;
    unsigned char data[];
};

static struct way ways[MOST_NODES][MOST_NODES];
static const char *names[MOST_NODES];
static int tuns[MOST_NODES], nodes;
static struct packet **heap;
static size_t held, room;
static uint64_t read_so_far;

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

// ---- what is under way: a heap, the first due on top

static int is_before(const struct packet *a, const struct packet *b) {
    return a->due < b->due || (a->due == b->due && a->order < b->order);
}

static void push(struct packet *packet) {
    if (held == room && !(heap = realloc(heap, (room = room ? 2 * room : 4096) * sizeof *heap))) fail("memory");
    size_t at = held++;
    for (; at && is_before(packet, heap[(at - 1) / 2]); at = (at - 1) / 2) heap[at] = heap[(at - 1) / 2];
    heap[at] = packet;
}

static struct packet *pop(void) {
    struct packet *first = heap[0], *last = heap[--held];
    size_t at = 0;
    for (size_t child; (child = 2 * at + 1) < held; at = child) {
        if (child + 1 < held && is_before(heap[child + 1], heap[child])) child++;
        if (!is_before(heap[child], last)) break;
        heap[at] = heap[child];
    }
    heap[at] = last;
    return first;
}

// ---- packets

static int is_too_fast(struct way *way, size_t size, double t) {      // a bucket of tokens, as policers are
    if (way->policed <= 0) return 0;
    way->tokens = fmin(way->burst, way->tokens + (t - way->filled_at) * way->policed);
    way->filled_at = t;
    if (way->tokens < (double)size) return 1;
    way->tokens -= (double)size;
    return 0;
}

static void send_off(int from, const unsigned char *data, size_t size, double t) {
    int is_ours = size >= HEADER && data[0] >> 4 == 4 && data[16] == 198 && data[17] == 18 && data[18] == SUBNET;
    int to = is_ours ? data[19] - 1 : -1;
    if (to < 0 || to >= nodes) return;
    struct way *way = &ways[from][to];
    if (!way->is_linked || way->is_down || drand48() < way->loss || is_too_fast(way, size, t)) return;
    if (way->rate > 0) {
        double start = fmax(t, way->free_at);
        if (start - t > way->queue) return;
        t = way->free_at = start + (double)size / way->rate;
    }
    struct packet *packet = malloc(sizeof *packet + size);
    if (!packet) fail("memory");
    way->last_due = fmax(t + way->delay + way->jitter * drand48(), way->last_due);
    *packet = (struct packet){.due = way->last_due, .order = read_so_far++, .to = to, .size = size};
    memcpy(packet->data, data, size);
    push(packet);
}

static void take_in(int from) {
    unsigned char data[LARGEST];
    for (int count = 0; count < BURST; count++) {
        ssize_t size = read(tuns[from], data, sizeof data);
        if (size <= 0) return;
        send_off(from, data, (size_t)size, now());
    }
}

static double hand_out(double t) {      // how long until the next is due; -1: nothing is under way
    while (held && heap[0]->due <= t) {
        struct packet *packet = pop();
        if (write(tuns[packet->to], packet->data, packet->size) < 0 && errno == EBADF) fail("tun");
        free(packet);
    }
    return held ? heap[0]->due - t : -1;
}

// ---- commands

static int find(const char *name) {
    for (int node = 0; node < nodes; node++)
        if (strcmp(name, names[node]) == 0) return node;
    return -1;
}

static void link_way(struct way *way, const double *values) {
    *way = (struct way){
        .delay = values[0] / 1e3, .jitter = values[1] / 1e3, .loss = values[2] / 100, .rate = values[3] * 1e6 / 8,
        .queue = values[4] / 1e3, .is_linked = 1, .is_down = way->is_down, .free_at = way->free_at,
        .last_due = way->last_due};
}

static const char *change(struct way *way, const char *verb, const double *values, int count) {
    if (strcmp(verb, "link") == 0) {
        if (count != 5) return "link takes five numbers";
        link_way(way, values);
    } else if (strcmp(verb, "police") == 0) {
        if (count != 2) return "police takes two numbers";
        way->policed = values[0] * 1e6 / 8;
        way->burst = way->tokens = values[1] * 1e3;
        way->filled_at = now();
    } else if (strcmp(verb, "down") == 0 || strcmp(verb, "up") == 0) {
        way->is_down = verb[0] == 'd';
    } else {
        return "a verb is link, police, down or up";
    }
    return NULL;
}

static const char *obey(const char *text) {      // NULL, or what is wrong
    char verb[8], from[64], to[64];
    int used = 0, is_one_way = sscanf(text, "%7s %63[^> ]>%63s%n", verb, from, to, &used) == 3;
    if (!is_one_way && sscanf(text, "%7s %63s %63s%n", verb, from, to, &used) != 3) return "a command is: VERB A B ...";
    double values[5] = {0}, *v = values;
    int count = sscanf(text + used, "%lf %lf %lf %lf %lf", v, v + 1, v + 2, v + 3, v + 4);
    int a = find(from), b = find(to);
    if (a < 0 || b < 0) return "no such node";
    const char *wrong = change(&ways[a][b], verb, values, count);
    return wrong || is_one_way ? wrong : change(&ways[b][a], verb, values, count);
}

static void listen_to_commands(void) {
    static char text[1024];
    static size_t have;
    ssize_t size = read(STDIN_FILENO, text + have, sizeof text - 1 - have);
    if (size <= 0) exit(0);
    text[have += (size_t)size] = 0;
    for (char *end; (end = strchr(text, '\n')); memmove(text, end + 1, have + 1)) {
        *end = 0;
        have -= (size_t)(end + 1 - text);
        const char *wrong = obey(text);
        printf(wrong ? "error: %s\n" : "%s\n", wrong ? wrong : text);
        fflush(stdout);
    }
}

// ---- namespaces

static int open_tun(const char *namespace) {
    char path[256];
    snprintf(path, sizeof path, "/run/netns/%s", namespace);
    int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC), there = open(path, O_RDONLY | O_CLOEXEC);
    if (home < 0 || there < 0 || setns(there, CLONE_NEWNET) < 0) fail(path);
    struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI, .ifr_name = "wan0"};
    int tun = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (tun < 0 || ioctl(tun, TUNSETIFF, &request) < 0) fail("/dev/net/tun");
    if (setns(home, CLONE_NEWNET) < 0) fail("setns");
    close(home);
    close(there);
    return tun;
}

int main(int count, char **arguments) {
    int poll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (count < 2 || count - 1 > MOST_NODES || poll_fd < 0) return 2;
    for (nodes = 0; nodes < count - 1; nodes++) {
        names[nodes] = arguments[nodes + 1];
        tuns[nodes] = open_tun(names[nodes]);
        struct epoll_event event = {.events = EPOLLIN, .data.fd = nodes};
        if (epoll_ctl(poll_fd, EPOLL_CTL_ADD, tuns[nodes], &event) < 0) fail("epoll");
    }
    struct epoll_event commands = {.events = EPOLLIN, .data.fd = -1}, events[MOST_NODES + 1];
    epoll_ctl(poll_fd, EPOLL_CTL_ADD, STDIN_FILENO, &commands);
    srand48((long)getpid());
    puts("ready");
    fflush(stdout);
    for (;;) {
        double wait = hand_out(now());
        struct timespec limit = {.tv_sec = (time_t)fmax(wait, 0), .tv_nsec = (long)(fmod(fmax(wait, 0), 1) * 1e9)};
        int ready = epoll_pwait2(poll_fd, events, MOST_NODES + 1, wait < 0 ? NULL : &limit, NULL);
        for (int i = 0; i < ready; i++) {
            if (events[i].data.fd < 0) listen_to_commands();
            else take_in(events[i].data.fd);
        }
    }
}
