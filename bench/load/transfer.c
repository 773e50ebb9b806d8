// The order that opens a transfer: verb, 1 byte; length and offset, 8 bytes each, as this machine keeps them.
#include "load.h"
#include <string.h>

void order_write(unsigned char out[ORDER], struct order order) {
    out[0] = order.verb;
    memcpy(out + 1, &order.size, 8);
    memcpy(out + 9, &order.offset, 8);
}

struct order order_read(const unsigned char in[ORDER]) {
    struct order order = {.verb = in[0]};
    memcpy(&order.size, in + 1, 8);
    memcpy(&order.offset, in + 9, 8);
    return order;
}
