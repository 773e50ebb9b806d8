// The benchmarks' load generator and target in one program.
#include "load.h"
#include <signal.h>
#include <stdio.h>
#include <string.h>

static const struct command {
    const char *name, *usage;
    int least, (*run)(int, char **);
} commands[] = {
    {"target", "ADDRESS...", 1, run_target},
    {"conns", "ROUTE TARGET COUNT TOGETHER", 4, run_conns},
    {"bulk", "down|up ROUTE TARGET BYTES STREAMS", 5, run_bulk},
    {"idle", "ROUTE TARGET COUNT", 3, run_idle},
    {"udp-target", "ADDRESS", 1, run_udp_target},
    {"datagrams", "paced|up|down ROUTE TARGET FLOWS RATE-OR-WINDOW SIZE SECONDS", 7, run_datagrams},
};

int main(int count, char **arguments) {
    signal(SIGPIPE, SIG_IGN);
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (size_t i = 0; i < ARRAY(commands); i++)
        if (count > 1 && strcmp(arguments[1], commands[i].name) == 0 && count - 2 >= commands[i].least)
            return commands[i].run(count - 2, arguments + 2);
    fprintf(stderr, "usage, with ADDRESS and TARGET as IP:PORT or IP:FIRST-LAST, ROUTE as socks:IP:PORT or direct:IP:PORT:\n");
    for (size_t i = 0; i < ARRAY(commands); i++)
        fprintf(stderr, "  load %s %s\n", commands[i].name, commands[i].usage);
    return 2;
}
