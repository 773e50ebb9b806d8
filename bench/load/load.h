// What the load generator's parts share. Everything is one thread around one epoll; every descriptor is non-blocking.
#pragma once
#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define ARRAY(a) (sizeof(a) / sizeof *(a))

// ---- support.c

struct ports {  // IP:PORT or IP:FIRST-LAST
    struct in_addr host;
    int first, last;
};

double now(void);
void fail(const char *what) __attribute__((noreturn));     // one line on stderr, status 2
struct ports parse_ports(const char *text);
struct sockaddr_in port_at(struct ports, long index);      // the range is gone through in turn
long parse_count(const char *text, long most);
void watch(int poll, int operation, int fd, uint32_t events, void *data);
int listen_at(struct sockaddr_in);
void prefer_no_delay(int fd);
void raise_file_limit(void);

// ---- pattern.c: the bytes of a transfer, so that a wrong, lost, doubled or foreign one is noticed

enum { PERIOD = 1 << 20 };
void pattern_begin(void);
ssize_t pattern_send(int fd, uint64_t offset, uint64_t left);                  // what the socket took, as send(2)
int pattern_holds(const unsigned char *data, size_t size, uint64_t offset);

// ---- dial.c: a connection to the target, through a SOCKS5 proxy or a plain forwarder

struct route {
    int is_socks;
    struct sockaddr_in via;
    struct ports targets;
};

enum dialled { DIAL_FAILED = -1, DIAL_WAITS, DIAL_OPEN };

struct dial {
    int fd, stage;
    size_t have;
    struct sockaddr_in target;
    unsigned char reply[512];
};

struct route parse_route(const char *via, const char *targets);      // socks:IP:PORT or direct:IP:PORT
int dial_begin(struct dial *, const struct route *, long index);     // the descriptor, to be watched, or -1
enum dialled dial_step(struct dial *, uint32_t events);              // after each event until it is not DIAL_WAITS

// ---- transfer.c: what a client asks of the target with its first bytes

enum { ECHO = 'E', DOWN = 'D', UP = 'U', ORDER = 17 };
struct order {
    unsigned char verb;
    uint64_t size, offset;      // of a transfer: its length, and where in the pattern it begins
};
void order_write(unsigned char out[ORDER], struct order);
struct order order_read(const unsigned char in[ORDER]);

// ---- the commands: each takes its own arguments and gives an exit status

int run_target(int count, char **arguments);
int run_conns(int count, char **arguments);
int run_bulk(int count, char **arguments);
int run_idle(int count, char **arguments);
int run_udp_target(int count, char **arguments);
int run_datagrams(int count, char **arguments);
