// A pseudo-random mebibyte, again and again. It lies in memory twice, so that a full period can be read from any offset.
#define _GNU_SOURCE
#include "load.h"
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <unistd.h>

static int memory = -1;
static unsigned char *bytes;

void pattern_begin(void) {
    uint64_t state = 0x9e3779b97f4a7c15u;
    memory = memfd_create("pattern", MFD_CLOEXEC);
    if (memory < 0 || ftruncate(memory, 2 * PERIOD)) fail("memory for the pattern");
    bytes = mmap(NULL, 2 * PERIOD, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
    if (bytes == MAP_FAILED) fail("memory for the pattern");
    for (size_t i = 0; i < PERIOD; i += sizeof state) {
        state ^= state << 13, state ^= state >> 7, state ^= state << 17;
        memcpy(bytes + i, &state, sizeof state);
    }
    memcpy(bytes + PERIOD, bytes, PERIOD);
}

ssize_t pattern_send(int fd, uint64_t offset, uint64_t left) {
    off_t from = (off_t)(offset % PERIOD);
    return sendfile(fd, memory, &from, left < PERIOD ? left : PERIOD);
}

int pattern_holds(const unsigned char *data, size_t size, uint64_t offset) {
    return memcmp(data, bytes + offset % PERIOD, size) == 0;
}
