/*
 * The real library: the boundary as a host program sees it. Every part runs in
 * a process of its own:
 *
 *   library_room room        two members and an embedded signaling server
 *   library_room connecting  dispose while connecting, many times
 *   library_room exit        return from main with live handles
 *   library_room taken PORT  the signaling port is in use
 */
#include <string.h>
#include <time.h>

#include "library.h"

static void room(void) {
    static uint8_t arena[20 << 20], data[16 << 20];
    char url[64];
    P2P_Handle server, host, client;
    P2P_Config c = config_for(url, start_signaling(&server));
    CHECK_IS(P2P_CreateServer(&c, &host), P2P_OK);
    CHECK_IS(P2P_CreateClient(&c, &client), P2P_OK);
    await_type(host, P2P_EVENT_ROOM_OPEN, arena, sizeof arena);
    P2P_Event there = await_type(host, P2P_EVENT_CONNECTED, arena, sizeof arena);
    P2P_Event here = await_type(client, P2P_EVENT_CONNECTED, arena, sizeof arena);
    CHECK(there.member != here.member && there.member != 0);
    CHECK_IS(here.flags, P2P_EVENT_FLAG_HOST);
    CHECK_IS(there.flags, 0);
    CHECK_IS(here.connection & 0xffff, 1);
    for (uint32_t i = 0; i < sizeof data; i++) data[i] = (uint8_t)(i * 31 + (i >> 9));
    const uint32_t sizes[] = {0, 1, 1000, 65536, 262144, sizeof data};
    for (unsigned i = 0; i < 6; i++) {
        CHECK_IS(P2P_SendMessage(client, here.connection, data, sizes[i], P2P_SEND_RELIABLE), P2P_OK);
        P2P_Event m = await_type(host, P2P_EVENT_MESSAGE, arena, sizeof arena);
        CHECK(m.data_length == sizes[i] && m.connection == there.connection && m.member == there.member);
        CHECK(memcmp(arena + m.data_offset, data, sizes[i]) == 0);
        while (P2P_SendMessageToAll(host, data, sizes[i], P2P_SEND_RELIABLE) == P2P_ERR_WOULD_BLOCK) {}
        m = await_type(client, P2P_EVENT_MESSAGE, arena, sizeof arena);
        CHECK(m.data_length == sizes[i] && memcmp(arena + m.data_offset, data, sizes[i]) == 0);
    }
    CHECK_IS(P2P_SendMessage(client, here.connection, data, 262145, P2P_SEND_UNRELIABLE), P2P_ERR_TOO_LARGE);
    CHECK(P2P_VersionString()[0] >= '0' && P2P_VersionString()[0] <= '9');
    P2P_Stats s = {.struct_size = sizeof s, .age_ms = UINT32_MAX};
    time_t deadline = time(NULL) + 30;
    do {
        CHECK(time(NULL) < deadline);
        CHECK_IS(P2P_GetStats(client, here.connection, &s), P2P_OK);
    } while (s.age_ms == UINT32_MAX || s.path == P2P_PATH_NONE);
    CHECK(s.path == P2P_PATH_HOST || s.path == P2P_PATH_PRFLX);
    CHECK(s.member == here.member && strncmp(s.local_candidate, "127.0.0.1:", 10) == 0);
    CHECK_IS(P2P_Dispose(client), P2P_OK);
    P2P_Event end = await_type(host, P2P_EVENT_DISCONNECTED, arena, sizeof arena);
    CHECK(end.code == P2P_REASON_LEFT && end.connection == there.connection);
    CHECK_IS(P2P_SendMessage(host, there.connection, data, 1, 1), P2P_ERR_NOT_CONNECTED);
    CHECK_IS(P2P_Shutdown(10000), 1);
}

static void connecting(void) {
    char url[64];
    P2P_Handle server;
    P2P_Config c = config_for(url, start_signaling(&server));
    for (int i = 0; i < 50; i++) {
        P2P_Handle host, client;
        CHECK_IS(P2P_CreateServer(&c, &host), P2P_OK);
        CHECK_IS(P2P_CreateClient(&c, &client), P2P_OK);
        struct timespec t = {0, i * 400000L}; /* at various moments of the connecting */
        nanosleep(&t, NULL);
        CHECK_IS(P2P_Dispose(client), P2P_OK);
        CHECK_IS(P2P_Dispose(host), P2P_OK);
    }
    CHECK_IS(P2P_Shutdown(20000), 1);
}

static void leave_by_exit(void) {
    char url[64];
    P2P_Handle server, host, client;
    uint8_t text[512];
    P2P_Config c = config_for(url, start_signaling(&server));
    CHECK_IS(P2P_CreateServer(&c, &host), P2P_OK);
    CHECK_IS(P2P_CreateClient(&c, &client), P2P_OK);
    await_type(client, P2P_EVENT_CONNECTED, text, sizeof text);
}

static void taken(int port) {
    P2P_SignalingConfig g = {.struct_size = sizeof g, .port = (uint32_t)port, .address = "127.0.0.1"};
    P2P_Handle h;
    uint8_t text[512];
    CHECK_IS(P2P_StartSignaling(&g, &h), P2P_OK);
    P2P_Event e = next_event(h, text, sizeof text);
    CHECK_IS(e.type, P2P_EVENT_ROOM_TROUBLE);
    CHECK_IS(e.code, P2P_TROUBLE_ADDRESS_IN_USE);
    CHECK(e.flags & P2P_EVENT_FLAG_FINAL && e.data_length > 20);
    g.address = "no address";
    CHECK_IS(P2P_StartSignaling(&g, &h), P2P_OK);
    CHECK_IS(next_event(h, text, sizeof text).code, P2P_TROUBLE_LISTEN_FAILED);
}

int main(int argc, char **argv) {
    CHECK(argc >= 2);
    if (strcmp(argv[1], "room") == 0) room();
    if (strcmp(argv[1], "connecting") == 0) connecting();
    if (strcmp(argv[1], "exit") == 0) leave_by_exit();
    if (strcmp(argv[1], "taken") == 0) taken(atoi(argv[2]));
    puts("ok");
    return 0;
}
