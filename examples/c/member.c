/*
 * member.c - one member of the demo: `./build.sh demo` starts four of them, each
 * in a process of its own, and reads what they print.
 *
 *   member host|join ROOM URL INDEX COUNT
 *
 * It sends a reliable, an unreliable and a 200 KB message to every other member,
 * confirms what it gets, and leaves when all COUNT members have everything.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "p2p.h"

#define MAX_MEMBERS 64
#define LARGE (200 * 1024)
#define DEADLINE_S 60

/* What a message is, its first byte. The second is the sender's index. */
enum { RELIABLE = 'R', UNRELIABLE = 'U', BIG = 'L', CONFIRM = 'C', DONE = 'D' };

static const char kinds[] = {RELIABLE, UNRELIABLE, BIG};

struct member {
    P2P_Connection connection;
    int index;                 /* -1 until it has said so */
    int confirmed[3], came[3]; /* by kind: ours there, theirs here */
    int tries;                 /* of the unreliable message */
    int told, done;            /* we, or it, have everything */
    P2P_Stats stats;
};

static struct member members[MAX_MEMBERS];
static int member_count, own_index, expected;
static uint8_t large[LARGE];

static double now(void) {
    struct timespec t;
    timespec_get(&t, TIME_UTC);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* The large message: its kind, its sender, and a pattern that depends on it. */
static void fill(uint8_t *buffer, int sender) {
    uint32_t x = 2463534242u + (uint32_t)sender;
    for (int i = 0; i < LARGE; i++) {
        x ^= x << 13;
        x ^= x >> 17;
        x ^= x << 5;
        buffer[i] = (uint8_t)x;
    }
    buffer[0] = BIG;
    buffer[1] = (uint8_t)sender;
}

static int kind_of(int c) {
    for (int k = 0; k < 3; k++) {
        if (kinds[k] == c) return k;
    }
    return -1;
}

static struct member *find(P2P_Connection c) {
    for (int i = 0; i < member_count; i++) {
        if (members[i].connection == c) return &members[i];
    }
    return NULL;
}

static int send_bytes(P2P_Handle room, struct member *m, const void *p, uint32_t n, uint32_t flags) {
    int32_t result = P2P_SendMessage(room, m->connection, p, n, flags);
    if (result == P2P_OK || result == P2P_ERR_WOULD_BLOCK) return 1;
    fprintf(stderr, "sending: %s\n", P2P_ErrorString(result));
    return 0;
}

static int greet(P2P_Handle room, const P2P_Event *e) {
    if (member_count == MAX_MEMBERS) return 0;
    struct member *m = &members[member_count++];
    memset(m, 0, sizeof *m);
    m->connection = e->connection;
    m->index = -1;
    uint8_t small[2] = {RELIABLE, (uint8_t)own_index};
    return send_bytes(room, m, small, 2, P2P_SEND_RELIABLE) &&
           send_bytes(room, m, large, LARGE, P2P_SEND_RELIABLE);
}

static int on_message(P2P_Handle room, struct member *m, const P2P_Event *e, const uint8_t *p) {
    static uint8_t theirs[LARGE];
    if (e->data_length < 2) return 0;
    int reliable = (e->flags & P2P_EVENT_FLAG_RELIABLE) != 0;
    m->index = p[1];
    if (p[0] == DONE) {
        m->done = 1;
        return 1;
    }
    if (p[0] == CONFIRM && e->data_length == 3 && kind_of(p[2]) >= 0) {
        m->confirmed[kind_of(p[2])] = 1;
        return 1;
    }
    int k = kind_of(p[0]);
    if (k < 0 || reliable != (p[0] != UNRELIABLE)) return 0;
    if (p[0] == BIG) {
        fill(theirs, m->index);
        if (e->data_length != LARGE || memcmp(theirs, p, LARGE) != 0) {
            fprintf(stderr, "the large message of %d is damaged\n", m->index);
            return 0;
        }
    }
    m->came[k] = 1;
    uint8_t confirm[3] = {CONFIRM, (uint8_t)own_index, p[0]};
    return send_bytes(room, m, confirm, 3, P2P_SEND_RELIABLE);
}

static int on_event(P2P_Handle room, const P2P_Event *e, const uint8_t *arena) {
    struct member *m = find(e->connection);
    switch (e->type) {
    case P2P_EVENT_CONNECTED:
        return greet(room, e);
    case P2P_EVENT_MESSAGE:
        return m == NULL || on_message(room, m, e, arena + e->data_offset);
    case P2P_EVENT_DISCONNECTED:
        if (m != NULL && !m->done) {
            fprintf(stderr, "member %d went early: %s\n", m->index, P2P_ErrorString(e->code));
            return 0;
        }
        break;
    case P2P_EVENT_ROOM_TROUBLE:
        fprintf(stderr, "%.*s\n", (int)e->data_length, (const char *)arena + e->data_offset);
        return !(e->flags & P2P_EVENT_FLAG_FINAL);
    }
    return 1;
}

static int poll_room(P2P_Handle room) {
    static uint8_t arena[1 << 20];
    P2P_Event events[64];
    P2P_Batch batch = {.struct_size = sizeof batch, .arena = arena, .arena_size = sizeof arena};
    do {
        int32_t n = P2P_Poll(room, events, 64, &batch);
        if (n < 0) return 0;
        for (int32_t i = 0; i < n; i++) {
            if (!on_event(room, &events[i], arena)) return 0;
        }
    } while (batch.more);
    return 1;
}

static int all(const int *flags) { return flags[0] && flags[1] && flags[2]; }

/* What one frame does for one member. Returns 1 if all is done with it. */
static int attend(P2P_Handle room, struct member *m) {
    if (!m->confirmed[kind_of(UNRELIABLE)]) {
        /* It may be lost, so it is sent until it is confirmed. */
        uint8_t small[2] = {UNRELIABLE, (uint8_t)own_index};
        m->tries++;
        send_bytes(room, m, small, 2, P2P_SEND_UNRELIABLE);
    }
    m->stats.struct_size = sizeof m->stats;
    if (!m->told) {
        P2P_GetStats(room, m->connection, &m->stats);
        if (!all(m->confirmed) || !all(m->came) || m->stats.age_ms == UINT32_MAX ||
            m->stats.path == P2P_PATH_NONE) {
            return 0;
        }
        uint8_t done[2] = {DONE, (uint8_t)own_index};
        m->told = send_bytes(room, m, done, 2, P2P_SEND_RELIABLE);
    }
    return m->told && m->done;
}

static void report(const struct member *m) {
    static const char *paths[] = {"none", "host", "srflx", "prflx", "relay"};
    printf("pair %d %d %s %u %s %s %d\n", own_index, m->index,
           paths[m->stats.path < 5 ? m->stats.path : 0], m->stats.connected_ms,
           m->stats.local_candidate, m->stats.remote_candidate, m->tries);
}

static int run(P2P_Handle room) {
    double deadline = now() + DEADLINE_S;
    int finished = 0;
    while (finished < expected) {
        P2P_Wait(room, 20);
        if (!poll_room(room)) return 1;
        finished = 0;
        for (int i = 0; i < member_count; i++) finished += attend(room, &members[i]);
        if (now() > deadline) {
            fprintf(stderr, "member %d: %d of %d members done after %d s\n", own_index, finished,
                    expected, DEADLINE_S);
            for (int i = 0; i < member_count; i++) {
                const struct member *m = &members[i];
                fprintf(stderr, "  with %d: confirmed %d%d%d, came %d%d%d, told %d, done %d\n",
                        m->index, m->confirmed[0], m->confirmed[1], m->confirmed[2], m->came[0],
                        m->came[1], m->came[2], m->told, m->done);
            }
            return 1;
        }
    }
    for (int i = 0; i < member_count; i++) report(&members[i]);
    return 0;
}

int main(int argc, char **argv) {
    if (argc != 6) {
        fprintf(stderr, "usage: member host|join ROOM URL INDEX COUNT\n");
        return 2;
    }
    own_index = atoi(argv[4]);
    expected = atoi(argv[5]) - 1;
    fill(large, own_index);
    P2P_Config config = {.struct_size = sizeof config};
    config.room = argv[2];
    config.signaling_url = argv[3];
    config.ice_servers = "";
    config.loopback = P2P_LOOPBACK_ONLY;
    P2P_Handle room;
    int32_t error = strcmp(argv[1], "host") == 0 ? P2P_CreateServer(&config, &room)
                                                 : P2P_CreateClient(&config, &room);
    if (error < 0) {
        fprintf(stderr, "%s\n", P2P_ErrorString(error));
        return 1;
    }
    int result = run(room);
    fflush(stdout);
    P2P_Shutdown(2000); /* what was accepted is sent before we are gone */
    return result;
}
