/*
 * A bad network, and a good one again, at run time: late, then black.
 */
#include <time.h>

#include "library.h"

static void await_round_trip(P2P_Handle h, P2P_Connection connection, uint32_t us) {
    P2P_Stats s = {.struct_size = sizeof s};
    time_t deadline = time(NULL) + 30;
    do {
        CHECK(time(NULL) < deadline);
        CHECK_IS(P2P_GetStats(h, connection, &s), P2P_OK);
    } while (s.age_ms == UINT32_MAX || s.rtt_us < us);
}

int main(void) {
    char url[64];
    uint8_t arena[1024];
    P2P_Handle server, host, client;
    P2P_Config c = config_for(url, start_signaling(&server));
    c.unreachable_after_ms = 1000;
    CHECK_IS(P2P_CreateServer(&c, &host), P2P_OK);
    CHECK_IS(P2P_CreateClient(&c, &client), P2P_OK);
    await_type(host, P2P_EVENT_ROOM_OPEN, arena, sizeof arena);
    await_type(host, P2P_EVENT_CONNECTED, arena, sizeof arena);
    P2P_Event here = await_type(client, P2P_EVENT_CONNECTED, arena, sizeof arena);

    P2P_NetworkConditions bad = {.struct_size = sizeof bad, .send_latency_ms = 60, .receive_latency_ms = 40};
    CHECK_IS(P2P_SetNetworkConditions(host, &bad), P2P_OK);
    await_round_trip(client, here.connection, 50000); /* it is smoothed */

    P2P_NetworkConditions black = {.struct_size = sizeof black, .send_loss_percent = 100, .receive_loss_percent = 100};
    CHECK_IS(P2P_SetNetworkConditions(host, &black), P2P_OK);
    await_type(host, P2P_EVENT_UNREACHABLE, arena, sizeof arena);
    await_type(client, P2P_EVENT_UNREACHABLE, arena, sizeof arena);
    CHECK_IS(P2P_SendMessage(client, here.connection, "dark", 4, P2P_SEND_RELIABLE), P2P_OK);

    CHECK_IS(P2P_SetNetworkConditions(host, NULL), P2P_OK);
    P2P_Event first = next_event(host, arena, sizeof arena), second = next_event(host, arena, sizeof arena);
    P2P_Event m = first.type == P2P_EVENT_MESSAGE ? first : second;
    CHECK_IS(first.type + second.type, P2P_EVENT_REACHABLE + P2P_EVENT_MESSAGE);
    CHECK(m.data_length == 4);
    CHECK_IS(P2P_Shutdown(10000), 1);
    puts("ok");
    return 0;
}
