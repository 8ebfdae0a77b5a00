/* The contract of include/p2p.h against the bridge alone, under ASan and UBSan. */
#include "fake_pump.h"

#include <math.h>
#include <stddef.h>

#if !defined(_WIN32)
#include <sys/wait.h>
#include <unistd.h>
#endif

#define REFUSED(config, code)                                                                      \
    do {                                                                                           \
        P2P_Handle h_ = 99;                                                                        \
        CHECK_IS(P2P_CreateServer(&(config), &h_), code);                                          \
        CHECK_IS(h_, 0);                                                                           \
        CHECK_IS(P2P_CreateClient(&(config), &h_), code);                                          \
    } while (0)

#define PIN "00:112233445566778899AABBCCDDEEFF00112233445566778899aabbccddeeff"

static void wrong_configs(void) {
    P2P_Handle h = 99;
    P2P_Config good = good_config(), c;
    CHECK_IS(P2P_CreateServer(NULL, &h), P2P_ERR_INVALID_ARGUMENT);
    CHECK_IS(h, 0);
    CHECK_IS(P2P_CreateServer(&good, NULL), P2P_ERR_INVALID_ARGUMENT);
    static const uint32_t sizes[] = {0, 1, 4, offsetof(P2P_Config, tls_pin) - 1, offsetof(P2P_Config, tls_pin) + 1,
                                     sizeof(P2P_Config) - 1, 5000, 0xffffffffu};
    for (unsigned i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        c = good;
        c.struct_size = sizes[i];
        REFUSED(c, P2P_ERR_STRUCT_SIZE);
    }
#define WRONG(change)                                                                              \
    c = good;                                                                                      \
    change;                                                                                        \
    REFUSED(c, P2P_ERR_INVALID_ARGUMENT)
    static char large[20000];
    memset(large, 'x', sizeof large - 1);
    WRONG(c.signaling_url = NULL);
    WRONG(c.signaling_url = "http://x/");
    WRONG(c.signaling_url = "");
    WRONG(c.signaling_url = large);
    WRONG(c.signaling_url = "ws://\xff/");
    WRONG(c.unreliable_max_age_ms = 9);
    WRONG(c.unreliable_max_age_ms = 3600001);
    WRONG(c.via_host = 2);
    WRONG(c.via_host_rate = 16383);
    WRONG(c.via_host_rate = (1u << 30) + 1);
    WRONG(c.room = NULL);
    WRONG(c.room = large);
    WRONG(c.room = "\xc0\x80");
    WRONG(c.room = "\xed\xa0\x80");
    WRONG(c.room = "\xf4\x90\x80\x80");
    WRONG(c.room = "abc\xe2\x82");
    WRONG(c.room = large + sizeof large - 1 - 257);
    WRONG(c.token = large);
    WRONG(c.token = "\x80");
    WRONG(c.ice_servers = large);
    WRONG(c.tls_pin = large);
    WRONG(c.tls_pin = "00");
    WRONG((c.tls_pin = PIN "00", c.signaling_url = "wss://x/"));
    WRONG((c.tls_pin = "x" PIN, c.signaling_url = "wss://x/"));
    WRONG(c.tls_pin = PIN); /* ws:// has no certificate */
    WRONG(c.loopback = 4);
    WRONG(c.networks = 4);
    WRONG(c.port_min = 5);
    WRONG((c.port_min = 6, c.port_max = 5));
    WRONG(c.max_message = (16u << 20) + 1);
    WRONG(c.send_buffer = 1);
    WRONG(c.receive_buffer = 0xffffffffu);
    WRONG(c.unreliable_buffer = 100);
    WRONG(c.max_members = 1025);
    WRONG(c.unreachable_after_ms = 499);
    WRONG(c.disconnect_after_ms = 5000);
    WRONG(c.connect_timeout_ms = 3600001);
    char why[200];
    CHECK(P2P_LastError(0, why, sizeof why) > 0);
    CHECK(strstr(why, "times") != NULL);
    CHECK_IS(P2P_LastError(0, why, 5), P2P_ERR_BUFFER_TOO_SMALL);
    CHECK_IS(strlen(why), 4);
    CHECK_IS(P2P_LastError(0, NULL, 5), P2P_ERR_INVALID_ARGUMENT);
    CHECK_IS(P2P_LastError(0, why, 0), P2P_ERR_INVALID_ARGUMENT);
}

/* What an older program's struct does not have is not read. */
static void older_structs(void) {
    P2P_Handle h;
    P2P_Config c = good_config();
    c.via_host_rate = 1; /* behind what is read, and wrong */
    c.struct_size = offsetof(P2P_Config, via_host) + (sizeof(void *) == 8 ? 4 : 0);
    CHECK_IS(P2P_CreateServer(&c, &h), P2P_OK);
    CHECK_IS(P2P_Dispose(h), P2P_OK);
    c.unreliable_max_age_ms = 1;
    c.struct_size = offsetof(P2P_Config, unreliable_max_age_ms);
    CHECK_IS(P2P_CreateServer(&c, &h), P2P_OK);
    CHECK_IS(P2P_Dispose(h), P2P_OK);
    c.struct_size = offsetof(P2P_Config, tls_pin);
    c.tls_pin = (const char *)(uintptr_t)1;
    CHECK_IS(P2P_CreateServer(&c, &h), P2P_OK);
    CHECK_IS(P2P_Dispose(h), P2P_OK);
}

/* An older program's struct is filled as far as it goes. */
static void older_stats(void) {
    P2P_Handle h = open_room();
    P2P_Stats s;
    memset(&s, 0xee, sizeof s);
    s.struct_size = offsetof(P2P_Stats, passed_bytes);
    CHECK_IS(P2P_GetStats(h, 0, &s), P2P_OK);
    CHECK_IS(s.struct_size, offsetof(P2P_Stats, passed_bytes));
    CHECK_IS(s.member, 0);
    CHECK(s.passed_bytes == 0xeeeeeeeeeeeeeeeeull);
    s.struct_size = offsetof(P2P_Stats, passed_dropped);
    CHECK_IS(P2P_GetStats(h, 0, &s), P2P_ERR_STRUCT_SIZE);
    CHECK_IS(P2P_Dispose(h), P2P_OK);
}

/* A newer program's struct is longer: accepted if the rest is zero. */
static void newer_structs(void) {
    struct {
        P2P_Config config;
        uint64_t later[4];
    } c;
    memset(&c, 0, sizeof c);
    c.config = good_config();
    c.config.struct_size = sizeof c;
    P2P_Handle h;
    CHECK_IS(P2P_CreateServer(&c.config, &h), P2P_OK);
    CHECK_IS(P2P_Dispose(h), P2P_OK);
    c.later[3] = 1;
    CHECK_IS(P2P_CreateServer(&c.config, &h), P2P_ERR_STRUCT_SIZE);
}

static void wrong_handles(void) {
    P2P_Event e;
    P2P_Batch b = {.struct_size = sizeof b};
    P2P_Stats s = {.struct_size = sizeof s};
    char text[10];
    P2P_Handle stale = open_room();
    CHECK_IS(P2P_Dispose(stale), P2P_OK);
    CHECK_IS(P2P_Dispose(stale), P2P_OK); /* any number of times */
    CHECK_IS(P2P_Dispose(0), P2P_OK);
    P2P_Handle live = open_room();
    const P2P_Handle wrong[] = {0, 1, 42, ~0ull, stale, live ^ 1ull << 56, live ^ 1ull << 16,
                                live ^ 1ull << 48, live + 1, 0x0100000000000001ull};
    for (unsigned i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        P2P_Handle h = wrong[i];
        CHECK_IS(P2P_Poll(h, &e, 1, &b), P2P_ERR_INVALID_HANDLE);
        CHECK_IS(P2P_Wait(h, 0), P2P_ERR_INVALID_HANDLE);
        CHECK(P2P_WaitingFlag(h) == NULL);
        CHECK_IS(P2P_SendMessage(h, 1, "x", 1, 1), P2P_ERR_INVALID_HANDLE);
        CHECK_IS(P2P_SendMessageToAll(h, "x", 1, 1), P2P_ERR_INVALID_HANDLE);
        CHECK_IS(P2P_Disconnect(h, 1), P2P_ERR_INVALID_HANDLE);
        CHECK_IS(P2P_GetStats(h, 0, &s), P2P_ERR_INVALID_HANDLE);
        CHECK_IS(P2P_Suspend(h), P2P_ERR_INVALID_HANDLE);
        CHECK_IS(P2P_Resume(h), P2P_ERR_INVALID_HANDLE);
        CHECK_IS(P2P_SetNetworkConditions(h, NULL), P2P_ERR_INVALID_HANDLE);
        if (h != 0) CHECK_IS(P2P_LastError(h, text, sizeof text), P2P_ERR_INVALID_HANDLE);
    }
    CHECK_IS(P2P_Dispose(42), P2P_ERR_INVALID_HANDLE);
    CHECK_IS(P2P_Dispose(~0ull), P2P_ERR_INVALID_HANDLE);
    CHECK_IS(P2P_Suspend(live), P2P_OK);
    CHECK_IS(P2P_Resume(live), P2P_OK);
    CHECK_IS(P2P_Dispose(live), P2P_OK);
}

static void wrong_arguments(void) {
    P2P_Handle h = open_room();
    P2P_Event e;
    P2P_Batch b = {.struct_size = sizeof b};
    CHECK_IS(P2P_Poll(h, NULL, 1, &b), P2P_ERR_INVALID_ARGUMENT);
    CHECK_IS(P2P_Poll(h, &e, 0, &b), P2P_ERR_INVALID_ARGUMENT);
    CHECK_IS(P2P_Poll(h, &e, 65537, &b), P2P_ERR_INVALID_ARGUMENT);
    CHECK_IS(P2P_Poll(h, &e, 1, NULL), P2P_ERR_INVALID_ARGUMENT);
    b.arena_size = 1;
    CHECK_IS(P2P_Poll(h, &e, 1, &b), P2P_ERR_INVALID_ARGUMENT);
    b.arena = &e;
    b.arena_size = 0x80000000u;
    CHECK_IS(P2P_Poll(h, &e, 1, &b), P2P_ERR_INVALID_ARGUMENT);
    b.struct_size = 3;
    CHECK_IS(P2P_Poll(h, &e, 1, &b), P2P_ERR_STRUCT_SIZE);
    CHECK_IS(P2P_SendMessage(h, 1, NULL, 1, 1), P2P_ERR_INVALID_ARGUMENT);
    CHECK_IS(P2P_SendMessage(h, 1, "x", 1, 2), P2P_ERR_INVALID_ARGUMENT);
    CHECK_IS(P2P_SendMessageToAll(h, NULL, 1, 1), P2P_ERR_INVALID_ARGUMENT);
    CHECK_IS(P2P_SendMessageToAll(h, "x", 1, 7), P2P_ERR_INVALID_ARGUMENT);
    static const uint32_t nobody[] = {0, 2, 0x10001, 0xffff, 0x8000, 0xffffffffu};
    P2P_Stats s = {.struct_size = sizeof s};
    for (unsigned i = 0; i < 6; i++) {
        CHECK_IS(P2P_SendMessage(h, nobody[i], "x", 1, 1), P2P_ERR_NOT_CONNECTED);
        CHECK_IS(P2P_Disconnect(h, nobody[i]), P2P_ERR_NOT_CONNECTED);
        if (nobody[i] != 0) CHECK_IS(P2P_GetStats(h, nobody[i], &s), P2P_ERR_NOT_CONNECTED);
    }
    CHECK_IS(P2P_GetStats(h, 1, NULL), P2P_ERR_INVALID_ARGUMENT);
    s.struct_size = 8;
    CHECK_IS(P2P_GetStats(h, 1, &s), P2P_ERR_STRUCT_SIZE);
    CHECK_IS(P2P_SetLogLevel(5), P2P_ERR_INVALID_ARGUMENT);
    CHECK_IS(P2P_PollLog(NULL, 1, NULL), P2P_ERR_INVALID_ARGUMENT);
    P2P_SignalingConfig g = {.struct_size = sizeof g, .port = 70000};
    P2P_Handle out;
    CHECK_IS(P2P_StartSignaling(&g, &out), P2P_ERR_INVALID_ARGUMENT);
    g.struct_size = 1;
    CHECK_IS(P2P_StartSignaling(&g, &out), P2P_ERR_STRUCT_SIZE);
    CHECK_IS(P2P_StartSignaling(NULL, NULL), P2P_ERR_INVALID_ARGUMENT);
    CHECK_IS(P2P_StartSignaling(NULL, &out), P2P_OK);
    g = (P2P_SignalingConfig){.struct_size = sizeof g};
    s.struct_size = sizeof s;
    CHECK_IS(P2P_GetStats(out, 0, &s), P2P_ERR_INVALID_HANDLE);
    CHECK_IS(P2P_Dispose(out), P2P_OK);
    CHECK_IS(P2P_Dispose(h), P2P_OK);
    CHECK(P2P_ErrorString(12345) != NULL && P2P_ErrorString(-12345) != NULL);
    CHECK_IS(P2P_AbiVersion(), P2P_ABI_VERSION);
}

static void messages(void) {
    P2P_Handle h = open_room();
    const volatile uint32_t *flag = P2P_WaitingFlag(h);
    CHECK(flag != NULL && *flag == 0);
    P2P_Event events[4];
    uint8_t arena[100];
    P2P_Batch b = {.struct_size = sizeof b, .arena = arena, .arena_size = sizeof arena};
    CHECK_IS(P2P_Poll(h, events, 4, &b), 0);
    CHECK_IS(P2P_SendMessage(h, 1, "hello", 5, P2P_SEND_RELIABLE), P2P_OK);
    P2P_Event e = next_event(h, arena, sizeof arena);
    CHECK(e.type == P2P_EVENT_MESSAGE && e.connection == 1 && e.data_length == 5 && e.member == 42);
    CHECK(e.flags == P2P_EVENT_FLAG_RELIABLE && memcmp(arena + e.data_offset, "hello", 5) == 0);
    CHECK_IS(P2P_SendMessage(h, 1, NULL, 0, P2P_SEND_UNRELIABLE), P2P_OK);
    e = next_event(h, NULL, 0);
    CHECK(e.type == P2P_EVENT_MESSAGE && e.data_length == 0 && e.flags == 0);
    CHECK_IS(P2P_SendMessageToAll(h, "all", 3, 1), 1);
    e = next_event(h, arena, sizeof arena);
    CHECK(e.data_length == 3);
    /* Larger than the arena: it waits, and says how much it wants. */
    uint8_t data[300];
    memset(data, 7, sizeof data);
    CHECK_IS(P2P_SendMessage(h, 1, data, 300, 1), P2P_OK);
    CHECK_IS(P2P_Wait(h, 10000), 1);
    CHECK_IS(P2P_Poll(h, events, 4, &b), 0);
    CHECK(b.needed == 300 && b.more == 1 && *flag == 1);
    uint8_t larger[300];
    b.arena = larger;
    b.arena_size = 300;
    CHECK_IS(P2P_Poll(h, events, 4, &b), 1);
    CHECK(b.needed == 0 && b.more == 0 && memcmp(larger, data, 300) == 0 && *flag == 0);
    /* Two that fit one at a time. */
    CHECK_IS(P2P_SendMessage(h, 1, data, 200, 1), P2P_OK);
    CHECK_IS(P2P_SendMessage(h, 1, data, 201, 1), P2P_OK);
    for (uint32_t want = 200; want <= 201; want++) {
        e = next_event(h, larger, 300);
        CHECK_IS(e.data_length, want);
    }
    CHECK_IS(P2P_SendMessage(h, 1, data, (1 << 20) + 1, 1), P2P_ERR_TOO_LARGE);
    CHECK_IS(P2P_SendMessage(h, 1, data, (1 << 16) + 1, 0), P2P_ERR_TOO_LARGE);
    CHECK_IS(P2P_SendMessageToAll(h, data, (1 << 20) + 1, 1), P2P_ERR_TOO_LARGE);
    CHECK_IS(P2P_Dispose(h), P2P_OK);
    CHECK_IS(*flag, 0);
}

/* The budget is exact: what fits is taken, the next is refused. */
static void budget(void) {
    P2P_Config c = good_config();
    c.send_buffer = 64 << 10;
    P2P_Handle h;
    CHECK_IS(P2P_CreateClient(&c, &h), P2P_OK);
    next_event(h, NULL, 0);
    CHECK_IS(P2P_SendMessage(h, 1, "x", 1, 1), P2P_ERR_NOT_CONNECTED); /* not polled yet */
    CHECK_IS(P2P_SendMessageToAll(h, "x", 1, 1), 0);
    CHECK_IS(next_event(h, NULL, 0).type, P2P_EVENT_CONNECTED);
    atomic_store(&fake_hold, 1);
    static uint8_t data[1 << 20];
    const uint32_t size = 1024 - MESSAGE_COST;
    for (int i = 0; i < 64; i++) CHECK_IS(P2P_SendMessage(h, 1, data, size, 1), P2P_OK);
    CHECK_IS(P2P_SendMessage(h, 1, data, 0, 1), P2P_ERR_WOULD_BLOCK);
    CHECK_IS(P2P_SendMessageToAll(h, data, 0, 1), P2P_ERR_WOULD_BLOCK);
    bridge_sent(h, 1, 1, 1024);
    CHECK_IS(P2P_SendMessage(h, 1, data, size + 1, 1), P2P_ERR_WOULD_BLOCK);
    CHECK_IS(P2P_SendMessage(h, 1, data, size, 1), P2P_OK);
    bridge_sent(h, 1, 1, 64 * 1024);
    CHECK_IS(P2P_SendMessage(h, 1, data, 1 << 20, 1), P2P_OK); /* alone it may be larger */
    CHECK_IS(P2P_SendMessage(h, 1, data, 0, 1), P2P_ERR_WOULD_BLOCK);
    CHECK_IS(P2P_SendMessage(h, 1, data, 0, 0), P2P_OK); /* the channels have their own */
    atomic_store(&fake_hold, 0);
    CHECK_IS(P2P_Dispose(h), P2P_OK);
}

static void unreliable_drops_the_oldest(void) {
    P2P_Config c = good_config();
    c.unreliable_buffer = 64 << 10;
    P2P_Handle h;
    CHECK_IS(P2P_CreateClient(&c, &h), P2P_OK);
    next_event(h, NULL, 0);
    next_event(h, NULL, 0);
    static uint8_t data[1024 - MESSAGE_COST];
    for (uint32_t i = 0; i < 200; i++) {
        memcpy(data, &i, sizeof i);
        fake_event(h, P2P_EVENT_MESSAGE, 1, 0, data, sizeof data);
        fake_event(h, P2P_EVENT_MESSAGE, 1, P2P_EVENT_FLAG_RELIABLE, data, sizeof i);
    }
    static uint8_t arena[1 << 20];
    static P2P_Event events[1000];
    P2P_Batch b = {.struct_size = sizeof b, .arena = arena, .arena_size = sizeof arena};
    int32_t n = P2P_Poll(h, events, 1000, &b);
    uint32_t reliable = 0, unreliable = 0;
    for (int32_t i = 0; i < n; i++) {
        uint32_t number;
        memcpy(&number, arena + events[i].data_offset, sizeof number);
        if (events[i].flags & P2P_EVENT_FLAG_RELIABLE) {
            CHECK_IS(number, reliable++);
        } else {
            CHECK_IS(number, 136 + unreliable++); /* the newest 64 */
        }
    }
    CHECK_IS(reliable, 200);
    CHECK_IS(unreliable, 64);
    P2P_Stats s = {.struct_size = sizeof s};
    CHECK_IS(P2P_GetStats(h, 1, &s), P2P_OK);
    CHECK_IS(s.dropped_received, 136);
    CHECK_IS(P2P_Dispose(h), P2P_OK);
}

/* A game that takes one event at a time, and less than comes, makes the inbox
 * hold no more than its bound and as much again that the poll has taken. */
static void slow_polls_hold_no_more(void) {
    P2P_Config c = good_config();
    c.unreliable_buffer = 64 << 10;
    P2P_Handle h;
    CHECK_IS(P2P_CreateClient(&c, &h), P2P_OK);
    next_event(h, NULL, 0);
    next_event(h, NULL, 0);
    static uint8_t data[1024 - MESSAGE_COST];
    uint8_t arena[1024];
    for (int i = 0; i < 3000; i++) {
        fake_event(h, P2P_EVENT_MESSAGE, 1, 0, data, sizeof data);
        fake_event(h, P2P_EVENT_MESSAGE, 1, 0, data, sizeof data);
        next_event(h, arena, sizeof arena);
    }
    uint32_t held = 0;
    P2P_Event e;
    P2P_Batch b = {.struct_size = sizeof b, .arena = arena, .arena_size = sizeof arena};
    while (P2P_Poll(h, &e, 1, &b) == 1) held++;
    CHECK(held >= 64 && held <= 128);
    CHECK_IS(P2P_Dispose(h), P2P_OK);
}

/* Toggling is cheap: the engine hears of the last state alone. */
static void suspending(void) {
    P2P_Handle h = open_room();
    for (int i = 0; i < 10000; i++) {
        CHECK_IS(P2P_Suspend(h), P2P_OK);
        CHECK_IS(P2P_Resume(h), P2P_OK);
    }
    CHECK_IS(P2P_Suspend(h), P2P_OK);
    uint64_t deadline = now_ms() + 10000;
    while (atomic_load(&fake_suspended) != 1) CHECK(now_ms() < deadline);
    CHECK_IS(P2P_Suspend(h), P2P_OK); /* twice is as good as once */
    CHECK_IS(P2P_Resume(h), P2P_OK);
    while (atomic_load(&fake_suspended) != 0) CHECK(now_ms() < deadline);
    CHECK_IS(P2P_Dispose(h), P2P_OK);
}

/* What is wrong changes nothing, and of many changes the engine hears the last. */
static void conditions(void) {
    P2P_Handle h = open_room(), signaling;
    P2P_NetworkConditions good = {.struct_size = sizeof good}, c;
    static const uint32_t sizes[] = {0, 4, sizeof(P2P_NetworkConditions) - 1, sizeof(P2P_NetworkConditions) - 4, 5000};
    for (unsigned i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        c = good;
        c.struct_size = sizes[i];
        CHECK_IS(P2P_SetNetworkConditions(h, &c), P2P_ERR_STRUCT_SIZE);
    }
#define WRONG_FOR(field, value)                                                                    \
    c = good;                                                                                      \
    c.send_##field = value;                                                                        \
    CHECK_IS(P2P_SetNetworkConditions(h, &c), P2P_ERR_INVALID_ARGUMENT);                           \
    c = good;                                                                                      \
    c.receive_##field = value;                                                                     \
    CHECK_IS(P2P_SetNetworkConditions(h, &c), P2P_ERR_INVALID_ARGUMENT)
    WRONG_FOR(latency_ms, 10001);
    WRONG_FOR(jitter_ms, 0xffffffffu);
    WRONG_FOR(loss_percent, 100.5f);
    WRONG_FOR(loss_percent, -1);
    WRONG_FOR(duplication_percent, (float)NAN);
    WRONG_FOR(reordering_percent, (float)INFINITY);
    WRONG_FOR(rate_kbit, 10000001);
    CHECK_IS(P2P_StartSignaling(NULL, &signaling), P2P_OK);
    CHECK_IS(P2P_SetNetworkConditions(signaling, &good), P2P_ERR_INVALID_HANDLE);
    CHECK_IS(P2P_Dispose(signaling), P2P_OK);
    for (uint32_t i = 0; i <= 10000; i++) {
        c = good;
        c.send_latency_ms = i;
        c.send_loss_percent = c.receive_reordering_percent = 100;
        CHECK_IS(P2P_SetNetworkConditions(h, &c), P2P_OK);
    }
    uint64_t deadline = now_ms() + 10000;
    while (atomic_load(&fake_latency) != 10000) CHECK(now_ms() < deadline);
    CHECK_IS(P2P_SetNetworkConditions(h, NULL), P2P_OK);
    while (atomic_load(&fake_latency) != 0) CHECK(now_ms() < deadline);
    CHECK_IS(P2P_Dispose(h), P2P_OK);
}

static void credit_comes_back(void) {
    P2P_Config c = good_config();
    c.receive_buffer = 64 << 10;
    P2P_Handle h;
    CHECK_IS(P2P_CreateClient(&c, &h), P2P_OK);
    next_event(h, NULL, 0);
    next_event(h, NULL, 0);
    atomic_store(&fake_credit, 0);
    static uint8_t data[8192 - MESSAGE_COST], arena[8192];
    fake_event(h, P2P_EVENT_MESSAGE, 1, P2P_EVENT_FLAG_RELIABLE, data, sizeof data);
    next_event(h, arena, sizeof arena);
    uint64_t deadline = now_ms() + 10000;
    while (atomic_load(&fake_credit) != 8192) CHECK(now_ms() < deadline);

    /* Also if there was no memory to say so when the last message was polled. */
    int32_t error;
    uint64_t size = QUEUE_BUDGET - 2 * sizeof(struct command) + 1;
    struct command *all; /* not before the pump has freed what it took */
    while ((all = command_new(COMMAND_SEND, h, (uint32_t)size, 0, &error)) == NULL) CHECK(now_ms() < deadline);
    fake_event(h, P2P_EVENT_MESSAGE, 1, P2P_EVENT_FLAG_RELIABLE, data, sizeof data);
    next_event(h, arena, sizeof arena);
    CHECK_IS(*P2P_WaitingFlag(h), 1);
    P2P_Event e;
    P2P_Batch b = {.struct_size = sizeof b};
    CHECK_IS(P2P_Poll(h, &e, 1, &b), 0);
    CHECK_IS(b.more, 0);
    command_drop(all);
    CHECK_IS(P2P_Poll(h, &e, 1, &b), 0);
    CHECK_IS(*P2P_WaitingFlag(h), 0);
    while (atomic_load(&fake_credit) != 2 * 8192) CHECK(now_ms() < deadline);
    CHECK_IS(P2P_Dispose(h), P2P_OK);
}

static void ends(void) {
    P2P_Handle h = open_room();
    CHECK_IS(P2P_Disconnect(h, 1), P2P_OK);
    CHECK_IS(P2P_SendMessage(h, 1, "x", 1, 1), P2P_ERR_NOT_CONNECTED);
    CHECK_IS(P2P_Disconnect(h, 1), P2P_ERR_NOT_CONNECTED);
    CHECK_IS(next_event(h, NULL, 0).type, P2P_EVENT_DISCONNECTED);
    fake_event(h, P2P_EVENT_CONNECTED, 0x10001, 0, NULL, 0); /* the index again */
    CHECK_IS(next_event(h, NULL, 0).connection, 0x10001);
    CHECK_IS(P2P_SendMessage(h, 1, "x", 1, 1), P2P_ERR_NOT_CONNECTED);
    CHECK_IS(P2P_SendMessage(h, 0x10001, "x", 1, 1), P2P_OK);
    char text[] = "what is wrong";
    fake_event(h, P2P_EVENT_ROOM_TROUBLE, 0, 0, text, sizeof text - 1);
    char why[100];
    CHECK_IS(P2P_LastError(h, why, sizeof why), sizeof text - 1);
    CHECK_IS(strcmp(why, text), 0);
    CHECK_IS(P2P_Dispose(h), P2P_OK);
}

static void statistics(void) {
    P2P_Handle h = open_room();
    P2P_Stats s = {.struct_size = sizeof s};
    CHECK_IS(P2P_GetStats(h, 1, &s), P2P_OK);
    uint64_t deadline = now_ms() + 10000;
    while (s.age_ms == UINT32_MAX) {
        CHECK(now_ms() < deadline);
        CHECK_IS(P2P_GetStats(h, 1, &s), P2P_OK);
    }
    CHECK(s.path == P2P_PATH_HOST && s.rtt_us == 7 && s.members == 1);
    CHECK_IS(P2P_GetStats(h, 0, &s), P2P_OK);
    CHECK(s.members == 1 && s.bytes_sent == 5);
    CHECK_IS(P2P_Dispose(h), P2P_OK);
}

static void logs(void) {
    char line[500];
    uint32_t level = 0;
    while (P2P_PollLog(line, sizeof line, NULL) > 0) {}
    bridge_log(P2P_LOG_DEBUG, "quiet", 5); /* below the level */
    CHECK_IS(P2P_PollLog(line, sizeof line, &level), 0);
    bridge_log(P2P_LOG_WARN, "two\nlines", 9);
    CHECK_IS(P2P_PollLog(line, sizeof line, &level), 9);
    CHECK(level == P2P_LOG_WARN && strcmp(line, "two lines") == 0);
    for (int i = 0; i < 300; i++) {
        char text[20];
        int n = snprintf(text, sizeof text, "%d", i);
        bridge_log(P2P_LOG_ERROR, text, (uint32_t)n);
    }
    CHECK(P2P_PollLog(line, sizeof line, &level) == 2 && strcmp(line, "44") == 0);
    memset(line, 'x', sizeof line);
    bridge_log(P2P_LOG_ERROR, line, sizeof line);
}

static void too_many_handles(void) {
    static P2P_Handle all[MAX_HANDLES + 1];
    P2P_Config c = good_config();
    uint32_t n = 0;
    while (P2P_CreateServer(&c, &all[n]) == P2P_OK) {
        CHECK(n < MAX_HANDLES);
        n++;
    }
    CHECK_IS(P2P_CreateServer(&c, &all[n]), P2P_ERR_LIMIT);
    for (uint32_t i = 0; i < n; i++) CHECK_IS(P2P_Dispose(all[i]), P2P_OK);
}

#if defined(_WIN32)
static void in_a_forked_child(void) {} /* there is no fork */
#else
static void in_a_forked_child(void) {
    P2P_Handle h = open_room();
    pid_t child = fork();
    if (child == 0) {
        P2P_Config c = good_config();
        P2P_Handle other;
        P2P_Event e;
        P2P_Batch b = {.struct_size = sizeof b};
        int wrong = P2P_CreateServer(&c, &other) != P2P_ERR_FORKED ||
                    P2P_Poll(h, &e, 1, &b) != P2P_ERR_FORKED ||
                    P2P_SendMessage(h, 1, "x", 1, 1) != P2P_ERR_FORKED ||
                    P2P_Wait(h, 1000) != P2P_ERR_FORKED || P2P_Dispose(h) != P2P_ERR_FORKED ||
                    P2P_Shutdown(1000) != P2P_ERR_FORKED || P2P_WaitingFlag(h) != NULL;
        _exit(wrong);
    }
    int status = 0;
    CHECK_IS(waitpid(child, &status, 0), child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    CHECK_IS(P2P_SendMessage(h, 1, "x", 1, 1), P2P_OK); /* the parent goes on */
    CHECK_IS(P2P_Dispose(h), P2P_OK);
}
#endif

int main(void) {
    fake_start();
    wrong_configs();
    older_structs();
    older_stats();
    newer_structs();
    wrong_handles();
    wrong_arguments();
    messages();
    budget();
    unreliable_drops_the_oldest();
    slow_polls_hold_no_more();
    suspending();
    conditions();
    credit_comes_back();
    ends();
    statistics();
    logs();
    too_many_handles();
    in_a_forked_child();
    P2P_Handle h = open_room();
    (void)h;
    CHECK_IS(P2P_Shutdown(10000), 1);
    P2P_Config c = good_config();
    CHECK_IS(P2P_CreateServer(&c, &h), P2P_ERR_SHUT_DOWN);
    puts("ok");
    return 0;
}
