/*
 * A pump in C in place of the engine's: what the bridge is tested with alone,
 * under the sanitizers. A room that is created opens and has one member
 * (connection 1), which echoes what it is sent.
 */
#ifndef FAKE_PUMP_H
#define FAKE_PUMP_H

#include <pthread.h>
#include <string.h>

#include "../../bridge.h"
#include "check.h"

static _Atomic uint32_t fake_hold;       /* 1: sends are taken, but not reported as sent */
static _Atomic uint64_t fake_credit;     /* all credit that came */
static _Atomic uint32_t fake_latency;     /* of the network that the room was last told of */
static _Atomic int32_t fake_suspended;   /* what the room was last told to be */
static _Atomic uint32_t fake_commands;   /* how many commands came */

static void fake_event(P2P_Handle h, uint32_t type, uint32_t connection, uint32_t flags,
                       const void *data, uint32_t length) {
    struct event_record r = {.type = type, .connection = connection, .flags = flags, .member = 42,
                             .length = length, .max_reliable = 1 << 20, .max_unreliable = 1 << 16};
    bridge_put(h, &r, 1, data);
}

static void fake_send(const struct command *c) {
    uint32_t flags = c->flags & P2P_SEND_RELIABLE ? P2P_EVENT_FLAG_RELIABLE : 0;
    uint32_t count = c->target_count > 0 ? c->target_count : 1;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t to = c->target_count > 0 ? c->targets[i] : c->connection;
        if (atomic_load(&fake_hold)) continue;
        bridge_sent(c->handle, to, c->flags & P2P_SEND_RELIABLE, (uint64_t)c->length + MESSAGE_COST);
        fake_event(c->handle, P2P_EVENT_MESSAGE, to, flags, c->payload, c->length);
    }
}

static void fake_command(const struct command *c) {
    atomic_fetch_add(&fake_commands, 1);
    switch (c->type) {
    case COMMAND_CREATE:
        fake_event(c->handle, P2P_EVENT_ROOM_OPEN, 0, 0, NULL, 0);
        fake_event(c->handle, P2P_EVENT_CONNECTED, 1, 0, NULL, 0);
        break;
    case COMMAND_SEND:
        fake_send(c);
        break;
    case COMMAND_DISCONNECT:
        fake_event(c->handle, P2P_EVENT_DISCONNECTED, c->connection, 0, NULL, 0);
        break;
    case COMMAND_CREDIT:
        atomic_fetch_add(&fake_credit, c->amount);
        break;
    case COMMAND_SUSPEND:
        atomic_store(&fake_suspended, bridge_suspended(c->handle));
        break;
    case COMMAND_CONDITIONS: {
        P2P_NetworkConditions n;
        if (bridge_conditions(c->handle, &n)) atomic_store(&fake_latency, n.send_latency_ms);
        break;
    }
    case COMMAND_STATS: {
        P2P_Stats s = {.path = P2P_PATH_HOST, .rtt_us = 7, .bytes_sent = 5};
        bridge_stats(c->handle, 1, &s);
        break;
    }
    case COMMAND_DISPOSE:
        bridge_closed(c->handle);
        break;
    }
}

static void *fake_run(void *unused) {
    (void)unused;
    for (;;) {
        struct command *first = bridge_take();
        if (first == NULL) bridge_sleep();
        for (struct command *c = first; c != NULL; c = c->next) fake_command(c);
        bridge_free(first);
    }
    return NULL;
}

static void fake_start(void) {
    pthread_t thread;
#if defined(_WIN32)
    CHECK_IS(bridge_alarm(), -1); /* no pipe: it sleeps on a condition */
#else
    CHECK(bridge_alarm() >= 0);
#endif
    CHECK(pthread_create(&thread, NULL, fake_run, NULL) == 0);
    pthread_detach(thread);
}

static P2P_Config good_config(void) {
    P2P_Config c;
    memset(&c, 0, sizeof c);
    c.struct_size = sizeof c;
    c.signaling_url = "ws://127.0.0.1:1/";
    c.room = "room";
    return c;
}

/* Polls one event, waiting for it. */
__attribute__((unused)) static P2P_Event next_event(P2P_Handle h, void *arena, uint32_t size) {
    P2P_Event e;
    P2P_Batch b = {.struct_size = sizeof b, .arena = arena, .arena_size = size};
    CHECK_IS(P2P_Wait(h, 10000), 1);
    CHECK_IS(P2P_Poll(h, &e, 1, &b), 1);
    return e;
}

__attribute__((unused)) static P2P_Handle open_room(void) {
    P2P_Config c = good_config();
    P2P_Handle h = 0;
    uint64_t deadline = now_ms() + 10000;
    int32_t result;
    /* Disposed handles count until the pump is done with them. */
    while ((result = P2P_CreateServer(&c, &h)) == P2P_ERR_LIMIT) CHECK(now_ms() < deadline);
    CHECK_IS(result, P2P_OK);
    CHECK_IS(next_event(h, NULL, 0).type, P2P_EVENT_ROOM_OPEN);
    CHECK_IS(next_event(h, NULL, 0).type, P2P_EVENT_CONNECTED);
    return h;
}

#endif
