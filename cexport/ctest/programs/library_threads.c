/*
 * The real library under sixteen threads that call everything, in any order,
 * with right and wrong handles, while rooms come and go.
 *
 *   library_threads SECONDS SEED
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "library.h"

#define THREADS 16
#define PATIENCE_S 60
#define ROOMS 6

static _Atomic P2P_Handle rooms[ROOMS];
static _Atomic uint64_t calls, received;
static _Atomic uint64_t slowest_us[THREADS];
static P2P_Config configs[ROOMS];
static double until;

/* Counts and codes; below the last of them is nothing that the header names. */
static void documented(int32_t result) { CHECK(result >= P2P_ERR_SHUT_DOWN); }

static void poll_once(P2P_Handle h) {
    P2P_Event events[16];
    uint8_t arena[4096];
    P2P_Batch b = {.struct_size = sizeof b, .arena = arena, .arena_size = sizeof arena};
    int32_t n = P2P_Poll(h, events, 16, &b);
    documented(n);
    for (int32_t i = 0; i < n; i++) {
        CHECK(events[i].data_length == 0 || events[i].data_offset + events[i].data_length <= sizeof arena);
        if (events[i].type == P2P_EVENT_MESSAGE) atomic_fetch_add(&received, 1);
    }
    if (n == 0 && b.needed > 0) { /* a message larger than the arena */
        void *large = malloc(b.needed);
        CHECK(large != NULL);
        b.arena = large;
        b.arena_size = b.needed;
        documented(P2P_Poll(h, events, 1, &b));
        free(large);
    }
}

/* Even places host, odd ones join the room of the place before. */
static void replace(uint32_t i) {
    P2P_Handle fresh = 0;
    int32_t result = i % 2 == 0 ? P2P_CreateServer(&configs[i], &fresh) : P2P_CreateClient(&configs[i], &fresh);
    CHECK(result == P2P_OK || result == P2P_ERR_LIMIT);
    if (result == P2P_OK) documented(P2P_Dispose(atomic_exchange(&rooms[i], fresh)));
}

static void call(uint32_t x, P2P_Handle h) {
    static uint8_t data[100000];
    static const uint32_t sizes[] = {0, 1, 100, 1000, 20000, 100000};
    uint32_t length = sizes[(x >> 4) % 6], connection = x >> 16 & 3, flags = x >> 18 & 1;
    P2P_Stats s = {.struct_size = sizeof s};
    char text[64];
    uint32_t level;
    switch (x >> 24 & 15) {
    case 0: documented(P2P_GetStats(h, connection, &s)); break;
    case 1: documented(P2P_Dispose(x)); break;
    case 2: documented(P2P_Dispose(h ^ 0x10000)); break;
    case 3: documented(P2P_LastError(h, text, sizeof text)); break;
    case 4: documented(P2P_PollLog(text, sizeof text, &level)); break;
    case 5: documented(P2P_SetLogLevel(x >> 16 & 7)); break;
    case 6: P2P_WaitingFlag(h); break;
    case 7: P2P_ErrorString((int32_t)x); break;
    case 8: documented(P2P_SendMessageToAll(h, data, length, flags)); break;
    case 9:
        if ((x >> 12 & 4095) == 0) documented(P2P_Disconnect(h, connection));
        break;
    case 10:
    case 11: documented(P2P_SendMessage(h, connection, data, length, flags)); break;
    default: poll_once(h); break;
    }
}

/* For the time asked for; on a slow machine longer, until rooms, now left in peace,
 * have connected. */
static bool goes_on(double now) {
    return now < until || (now < until + PATIENCE_S && atomic_load(&received) == 0);
}

static void *act(void *argument) {
    uint32_t number = (uint32_t)(uintptr_t)argument, x = number * 2654435761u + 1;
    uint64_t slowest = 0;
    double due = now_s() + 0.5;
    for (double now = now_s(); goes_on(now); now = now_s()) {
        x = x * 1664525u + 1013904223u;
        P2P_Handle h = atomic_load(&rooms[(x >> 8) % ROOMS]);
        if ((x >> 12 & 31) == 0) h ^= (P2P_Handle)1 << (x >> 20 & 63); /* one bit wrong */
        if (number % 4 == 0 && now > due && now < until) { /* rooms live long enough to connect */
            replace((x >> 8) % ROOMS);
            due = now + 2;
        } else if (number % 4 == 1 && now > due && now < until) {
            documented(P2P_Suspend(h));
            documented(P2P_Resume(h));
            P2P_NetworkConditions bad = {.struct_size = sizeof bad, .send_loss_percent = (float)(x >> 20 & 15)};
            documented(P2P_SetNetworkConditions(h, &bad));
            due = now + 0.3;
        } else if ((x >> 14 & 255) == 1) {
            documented(P2P_Wait(h, x >> 16 & 3));
        } else {
            double began = now_s();
            call(x, h);
            uint64_t took = (uint64_t)((now_s() - began) * 1e6);
            if (took > slowest) slowest = took;
        }
        atomic_fetch_add(&calls, 1);
    }
    slowest_us[number % THREADS] = slowest;
    return NULL;
}

int main(int argc, char **argv) {
    CHECK(argc == 3);
    char url[64];
    P2P_Handle server;
    P2P_Config config = config_for(url, start_signaling(&server));
    static const char *names[] = {"one", "two", "three"};
    for (uint32_t i = 0; i < ROOMS; i++) {
        configs[i] = config;
        configs[i].room = names[i / 2];
        replace(i);
    }
    until = now_s() + atof(argv[1]);
    pthread_t threads[THREADS];
    for (uintptr_t i = 0; i < THREADS; i++) {
        CHECK(pthread_create(&threads[i], NULL, act, (void *)(i + (uintptr_t)atol(argv[2]) * THREADS)) == 0);
    }
    uint64_t slowest = 0;
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        if (slowest_us[i] > slowest) slowest = slowest_us[i];
    }
    CHECK_IS(P2P_Shutdown(30000), 1);
    printf("%llu calls, %llu messages received, slowest call that may not block %llu us\n",
           (unsigned long long)calls, (unsigned long long)received, (unsigned long long)slowest);
    CHECK(received > 0);
    return 0;
}
