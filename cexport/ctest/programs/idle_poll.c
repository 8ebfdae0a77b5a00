/* What an idle poll and a send cost a game's thread, in nanoseconds: for the
 * log of the tests, not a verdict. */
#include <time.h>

#include "fake_pump.h"

static double now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

int main(void) {
    fake_start();
    P2P_Handle h = open_room();
    P2P_Event e;
    P2P_Batch b = {.struct_size = sizeof b};
    enum { COUNT = 5000000, SENDS = 20000 };
    double began = now_ns();
    for (int i = 0; i < COUNT; i++) CHECK_IS(P2P_Poll(h, &e, 1, &b), 0);
    printf("idle poll %.1f ns, ", (now_ns() - began) / COUNT);
    uint8_t data[100] = {0};
    atomic_store(&fake_hold, 1);
    began = now_ns();
    for (int i = 0; i < SENDS; i++) CHECK_IS(P2P_SendMessage(h, 1, data, sizeof data, 1), P2P_OK);
    printf("send of 100 B %.0f ns\n", (now_ns() - began) / SENDS);
    return 0;
}
