/* What the programs that use the real library share: a room on a signaling
 * server of its own, on loopback. */
#ifndef LIBRARY_H
#define LIBRARY_H

#include <string.h>
#include <time.h>

#include "../../../include/p2p.h"
#include "check.h"

#define SHARED __attribute__((unused)) static

SHARED double now_s(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

SHARED void sleep_ms(long ms) {
    struct timespec t = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&t, NULL);
}

#ifndef P2P_EVENT_PATH_CHANGED /* an old program's header */
#define P2P_EVENT_PATH_CHANGED 9
#endif

/* next_event is the next one but for those of another path, which come wherever the
 * network, or a busy machine, stood still for some seconds. */
SHARED P2P_Event next_event(P2P_Handle h, uint8_t *arena, uint32_t size) {
    P2P_Event e;
    do {
        P2P_Batch b = {.struct_size = sizeof b, .arena = arena, .arena_size = size};
        CHECK_IS(P2P_Wait(h, 30000), 1);
        CHECK_IS(P2P_Poll(h, &e, 1, &b), 1);
    } while (e.type == P2P_EVENT_PATH_CHANGED);
    return e;
}

SHARED P2P_Event await_type(P2P_Handle h, uint32_t type, uint8_t *arena, uint32_t size) {
    for (;;) {
        P2P_Event e = next_event(h, arena, size);
        if (e.type == type) return e;
        CHECK(e.type == P2P_EVENT_ROOM_TROUBLE && !(e.flags & P2P_EVENT_FLAG_FINAL));
    }
}

SHARED P2P_Config config_for(char *url, int port) {
    P2P_Config c;
    memset(&c, 0, sizeof c);
    c.struct_size = sizeof c;
    sprintf(url, "ws://127.0.0.1:%d/", port);
    c.signaling_url = url;
    c.room = "r\xc3\xa4um";
    c.ice_servers = "";
    c.loopback = P2P_LOOPBACK_ONLY;
    return c;
}

SHARED int start_signaling(P2P_Handle *server) {
    P2P_SignalingConfig g = {.struct_size = sizeof g, .port = P2P_ANY_PORT, .address = "127.0.0.1"};
    uint8_t text[512];
    CHECK_IS(P2P_StartSignaling(&g, server), P2P_OK);
    P2P_Event e = next_event(*server, text, sizeof text);
    CHECK_IS(e.type, P2P_EVENT_SIGNALING_OPEN);
    CHECK(e.code > 0 && e.code < 65536);
    return e.code;
}

#endif
