/* Pollers, senders, waiters and disposers at once, on the bridge alone: for
 * TSan, which sees every access that is not ordered, and for ASan. */
#include "fake_pump.h"

#define ROOMS 4
#define THREADS 8
#define ROUNDS 3000

static _Atomic uint64_t rooms[ROOMS];
static _Atomic uint64_t received;

static void poll_once(P2P_Handle h) {
    P2P_Event events[16];
    uint8_t arena[4096];
    P2P_Batch b = {.struct_size = sizeof b, .arena = arena, .arena_size = sizeof arena};
    int32_t n = P2P_Poll(h, events, 16, &b);
    CHECK(n >= 0 || n == P2P_ERR_BUSY || n == P2P_ERR_INVALID_HANDLE);
    for (int32_t i = 0; i < n; i++) {
        if (events[i].type == P2P_EVENT_MESSAGE) atomic_fetch_add(&received, 1);
    }
}

static void replace(uint32_t i) {
    P2P_Config c = good_config();
    P2P_Handle fresh = 0;
    int32_t result = P2P_CreateServer(&c, &fresh);
    CHECK(result == P2P_OK || result == P2P_ERR_LIMIT);
    if (result != P2P_OK) return;
    CHECK_IS(P2P_Dispose(atomic_exchange(&rooms[i], fresh)), P2P_OK);
}

static void *act(void *seed) {
    uint32_t x = (uint32_t)(uintptr_t)seed * 2654435761u + 1;
    for (int round = 0; round < ROUNDS; round++) {
        x = x * 1664525u + 1013904223u;
        uint32_t i = x >> 8 & (ROOMS - 1);
        P2P_Handle h = atomic_load(&rooms[i]);
        P2P_Stats s = {.struct_size = sizeof s};
        char text[64];
        switch (x >> 24 & 15) {
        case 0: replace(i); break;
        case 1: P2P_Wait(h, x >> 16 & 3); break;
        case 2: P2P_GetStats(h, 1, &s); break;
        case 3: P2P_Disconnect(h, 1); break;
        case 4: P2P_Suspend(h); break;
        case 5: P2P_Resume(h); break;
        case 6: P2P_LastError(h, text, sizeof text); break;
        case 7: P2P_SendMessageToAll(h, text, 10, x >> 16 & 1); break;
        case 8: P2P_PollLog(text, sizeof text, NULL); break;
        case 9: P2P_WaitingFlag(h); break;
        case 13: P2P_SetNetworkConditions(h, NULL); break;
        case 10:
        case 11:
        case 12: P2P_SendMessage(h, 1, &s, 100, x >> 16 & 1); break;
        default: poll_once(h); break;
        }
    }
    return NULL;
}

int main(void) {
    fake_start();
    for (uint32_t i = 0; i < ROOMS; i++) replace(i);
    pthread_t threads[THREADS];
    for (uintptr_t i = 0; i < THREADS; i++) {
        CHECK(pthread_create(&threads[i], NULL, act, (void *)(i + 1)) == 0);
    }
    for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    CHECK_IS(P2P_Shutdown(10000), 1);
    CHECK(atomic_load(&received) > 0);
    puts("ok");
    return 0;
}
