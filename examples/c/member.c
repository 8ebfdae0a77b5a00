/*
 * member.c - one member of the demo: `./build.sh demo` starts four of them, each
 * in a process of its own, and reads what they print.
 *
 *   member host|join ROOM --signaling URL --index I --of COUNT
 *
 * It sends a reliable, an unreliable and a 200 KB message to every other member,
 * confirms what it gets, and leaves when all COUNT members have everything. For
 * each member that has all three it prints, whether the rest went well or not:
 *
 *   pair OWN-INDEX ITS-INDEX PATH CONNECTED-MS LOCAL REMOTE UNRELIABLE-TRIES
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "p2p.h"

#if defined(_WIN32)
#  include <windows.h>
#endif

#define MAX_MEMBERS 64
#define LARGE (200 * 1024)
#define DEADLINE_S 60
#define RETRY_S 0.25

/* What a message is, its first byte. The second is the sender's index. */
enum { RELIABLE = 'R', UNRELIABLE = 'U', BIG = 'L', CONFIRM = 'C', DONE = 'D' };

static const char kinds[] = {RELIABLE, UNRELIABLE, BIG};

struct member {
    P2P_Connection connection;
    int index;                 /* -1 until it has said so */
    int confirmed[3], came[3]; /* by kind: ours there, theirs here */
    int tries;                 /* of the unreliable message */
    double tried;              /* when, in seconds */
    int told, done;            /* it knows that we, or has said that it, is done with all */
    P2P_Stats stats;
};

static struct member members[MAX_MEMBERS];
static int member_count, own_index, expected;
static uint8_t large[LARGE];

#if defined(_WIN32)
static double now(void) { return (double)GetTickCount64() / 1e3; }
#else
static double now(void) {
    struct timespec t;
    timespec_get(&t, TIME_UTC);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}
#endif

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

/* All that is sent to one member fits into its send buffer, so that nothing
 * here has to be tried again. */
static int send_bytes(P2P_Handle room, struct member *m, const void *p, uint32_t n, uint32_t flags) {
    int32_t result = P2P_SendMessage(room, m->connection, p, n, flags);
    if (result == P2P_OK) return 1;
    fprintf(stderr, "sending to member %d: %s\n", m->index, P2P_ErrorString(result));
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
    int reliable = (e->flags & P2P_EVENT_FLAG_RELIABLE) != 0;
    if (e->data_length < 2 || p[1] > expected || p[1] == own_index ||
        (m->index >= 0 && m->index != p[1])) {
        fprintf(stderr, "a message that no member of the demo sends\n");
        return 0;
    }
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
    uint32_t length = p[0] == BIG ? LARGE : 2;
    if (p[0] == BIG) fill(theirs, m->index);
    if (k < 0 || reliable != (p[0] != UNRELIABLE) || e->data_length != length ||
        (p[0] == BIG && memcmp(theirs, p, LARGE) != 0)) {
        fprintf(stderr, "a message of member %d is damaged\n", m->index);
        return 0;
    }
    /* Once is enough. A second one that was under way may be read when its
     * sender, done with all, has left already. */
    if (m->came[k]) return 1;
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

/* Whether this pair has exchanged everything, and its path is known. */
static int complete(const struct member *m) {
    return all(m->confirmed) && all(m->came) && m->stats.path != P2P_PATH_NONE;
}

/* What one frame does for one member; 0 if it cannot go on. */
static int attend(P2P_Handle room, struct member *m) {
    if (complete(m)) return 1;
    m->stats.struct_size = sizeof m->stats;
    P2P_GetStats(room, m->connection, &m->stats);
    if (m->confirmed[kind_of(UNRELIABLE)] || now() < m->tried + RETRY_S) return 1;
    /* It may be lost, so it is sent until it is confirmed; and if there is no
     * room for it, the next frame is soon enough. */
    uint8_t small[2] = {UNRELIABLE, (uint8_t)own_index};
    int32_t result = P2P_SendMessage(room, m->connection, small, 2, P2P_SEND_UNRELIABLE);
    if (result == P2P_OK) {
        m->tries++;
        m->tried = now();
    }
    return result == P2P_OK || result == P2P_ERR_WOULD_BLOCK;
}

/* Says goodbye only when we are done with all: the host in particular is what
 * the others find each other through. Returns 1 when all have said it too. */
static int finish(P2P_Handle room) {
    int done = 0;
    for (int i = 0; i < member_count; i++) {
        if (!complete(&members[i])) return 0;
    }
    if (member_count < expected) return 0;
    for (int i = 0; i < member_count; i++) {
        struct member *m = &members[i];
        uint8_t word[2] = {DONE, (uint8_t)own_index};
        if (!m->told) m->told = send_bytes(room, m, word, 2, P2P_SEND_RELIABLE);
        done += m->told && m->done;
    }
    return done == expected;
}

static const char *or_dash(const char *text) { return *text ? text : "-"; }

static void report(const struct member *m) {
    static const char *paths[] = {"none", "host", "srflx", "prflx", "relay"};
    printf("pair %d %d %s %u %s %s %d\n", own_index, m->index,
           paths[m->stats.path < 5 ? m->stats.path : 0], m->stats.connected_ms,
           or_dash(m->stats.local_candidate), or_dash(m->stats.remote_candidate), m->tries);
}

static void complain(void) {
    fprintf(stderr, "member %d has met %d of %d members after %d s\n", own_index, member_count,
            expected, DEADLINE_S);
    for (int i = 0; i < member_count; i++) {
        const struct member *m = &members[i];
        fprintf(stderr, "  with %d: confirmed %d%d%d, came %d%d%d, path %u, told %d, done %d\n",
                m->index, m->confirmed[0], m->confirmed[1], m->confirmed[2], m->came[0],
                m->came[1], m->came[2], m->stats.path, m->told, m->done);
    }
}

static int run(P2P_Handle room) {
    double deadline = now() + DEADLINE_S;
    while (!finish(room)) {
        P2P_Wait(room, 20);
        if (!poll_room(room)) return 1;
        for (int i = 0; i < member_count; i++) {
            if (!attend(room, &members[i])) return 1;
        }
        if (now() > deadline) {
            complain();
            return 1;
        }
    }
    return 0;
}

static int usage(void) {
    fprintf(stderr, "usage: member host|join ROOM --signaling URL --index I --of COUNT\n");
    return 2;
}

int main(int argc, char **argv) {
    P2P_Config config = {.struct_size = sizeof config};
    int count = 0;
    own_index = -1;
    if (argc != 9) return usage();
    for (int i = 3; i < argc; i += 2) {
        if (strcmp(argv[i], "--signaling") == 0) config.signaling_url = argv[i + 1];
        if (strcmp(argv[i], "--index") == 0) own_index = atoi(argv[i + 1]);
        if (strcmp(argv[i], "--of") == 0) count = atoi(argv[i + 1]);
    }
    if (config.signaling_url == NULL || count < 2 || count > MAX_MEMBERS || own_index < 0 ||
        own_index >= count) {
        return usage();
    }
    expected = count - 1; /* members beside ourselves */
    fill(large, own_index);
    config.room = argv[2];
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
    for (int i = 0; i < member_count; i++) {
        if (complete(&members[i])) report(&members[i]);
    }
    fflush(stdout);
    P2P_Dispose(room);
    P2P_Shutdown(1000); /* what was accepted is sent before we are gone */
    return result;
}
