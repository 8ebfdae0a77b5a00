/*
 * chat.c - a room in the terminal, and the tutorial of p2p.h.
 *
 *   chat host ROOM [--serve [PORT]] [--signaling URL] [--ice SERVERS] [--loopback-only]
 *   chat join ROOM [--signaling URL] [--ice SERVERS] [--loopback-only]
 *
 *   --serve          run the signaling server too; port 0: any that is free
 *   --signaling      where it is; default ws://127.0.0.1 and the port of --serve
 *   --ice            "URL [user secret]", one a line; "": only direct addresses
 *   --loopback-only  nothing leaves this machine
 *
 * Each line goes to everyone in the room. Lines may come from a pipe: they wait
 * until somebody is here, and when the pipe ends, so does the program.
 *   /to ID text        only to the member with that number
 *   /unreliable text   on the unreliable channel
 *   /stats             who is here, by which path
 *   /quit              leave
 *
 * A game does the same once a frame: poll, handle the events, send.
 */
#if !defined(_WIN32)
#define _POSIX_C_SOURCE 200809L /* nanosleep; before the first #include */
#endif

#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "p2p.h"

#if defined(_WIN32)
#include <windows.h>
#else
#include <pthread.h>
#include <time.h>
#endif

#define LINE_SIZE 4096 /* longer ones are sent in parts */
#define LINES 256      /* read ahead; a pipe that brings more waits */
#define MAX_MEMBERS 1024
#define DEFAULT_PORT 12776 /* of the signaling server */

/* ------------------------------------------------------------ the keyboard */

/* Reading a line blocks, so a thread of its own does it: into a ring of lines,
 * of which the first `count` from `first` on are full. */
static struct {
    char lines[LINES][LINE_SIZE];
    int first, count, ended;
#if defined(_WIN32)
    CRITICAL_SECTION lock;
#else
    pthread_mutex_t lock;
#endif
} keyboard;

#if defined(_WIN32)
static void lock(void) { EnterCriticalSection(&keyboard.lock); }
static void unlock(void) { LeaveCriticalSection(&keyboard.lock); }
static void nap(void) { Sleep(1); }
#else
static void lock(void) { pthread_mutex_lock(&keyboard.lock); }
static void unlock(void) { pthread_mutex_unlock(&keyboard.lock); }
static void nap(void) {
    struct timespec t = {0, 1000000};
    nanosleep(&t, NULL);
}
#endif

/* 1: the line has a place; 0: the ring is full. */
static int put_line(const char *line) {
    lock();
    int fits = keyboard.count < LINES;
    if (fits) memcpy(keyboard.lines[(keyboard.first + keyboard.count++) % LINES], line, LINE_SIZE);
    unlock();
    return fits;
}

static void read_lines(void) {
    static char line[LINE_SIZE];
    while (fgets(line, sizeof line, stdin) != NULL) {
        line[strcspn(line, "\r\n")] = '\0';
        while (!put_line(line)) nap();
    }
    lock();
    keyboard.ended = 1;
    unlock();
}

#if defined(_WIN32)
static DWORD WINAPI keyboard_thread(void *unused) {
    (void)unused;
    read_lines();
    return 0;
}
static void start_keyboard(void) {
    InitializeCriticalSection(&keyboard.lock);
    CreateThread(NULL, 0, keyboard_thread, NULL, 0, NULL);
}
#else
static void *keyboard_thread(void *unused) {
    (void)unused;
    read_lines();
    return NULL;
}
static void start_keyboard(void) {
    pthread_t thread;
    pthread_mutex_init(&keyboard.lock, NULL);
    if (pthread_create(&thread, NULL, keyboard_thread, NULL) == 0) pthread_detach(thread);
}
#endif

/* 1: a line was taken; 0: none yet; -1: there will be no more. Text waits, and so
 * does the end, until there is somebody to hear it; /quit and /stats do not. */
static int take_line(char *line, int audience) {
    lock();
    const char *next = keyboard.lines[keyboard.first];
    int command = strcmp(next, "/quit") == 0 || strcmp(next, "/stats") == 0;
    int result = 0;
    if (keyboard.count > 0 && (audience || command)) {
        memcpy(line, next, LINE_SIZE);
        keyboard.first = (keyboard.first + 1) % LINES;
        keyboard.count--;
        result = 1;
    } else if (keyboard.count == 0 && keyboard.ended && audience) {
        result = -1;
    }
    unlock();
    return result;
}

/* Ctrl-C leaves like /quit, so that the others hear of it at once. */
static volatile sig_atomic_t interrupted;

static void on_interrupt(int unused) {
    (void)unused;
    interrupted = 1;
}

/* ----------------------------------------------------------------- the room */

static P2P_Connection members[MAX_MEMBERS];
static int member_count;
static int left; /* members that have gone: a pipe may end with its listener */

static unsigned number(P2P_Connection c) { return c & 0xffff; }

/* What others send must not control the terminal: neither by ESC and the like,
 * nor by U+0080 to U+009F, which in UTF-8 are C2 and one byte. */
static void print_text(const uint8_t *text, uint32_t length) {
    uint8_t before = 0;
    for (uint32_t i = 0; i < length; i++) {
        uint8_t c = text[i];
        int control = c < ' ' || c == 0x7f || (before == 0xc2 && c >= 0x80 && c < 0xa0);
        putchar(control ? '?' : c);
        before = c;
    }
    putchar('\n');
}

static void on_connected(const P2P_Event *e) {
    if (member_count < MAX_MEMBERS) members[member_count++] = e->connection;
    const char *what = e->flags & P2P_EVENT_FLAG_HOST       ? "host"
                       : e->flags & P2P_EVENT_FLAG_ORIGINAL ? "original peer"
                                                            : "member";
    printf("* %u joined (%s %016llx)\n", number(e->connection), what, (unsigned long long)e->member);
}

static void on_disconnected(const P2P_Event *e) {
    for (int i = 0; i < member_count; i++) {
        if (members[i] == e->connection) members[i] = members[--member_count];
    }
    left++;
    printf("* %u is gone (%s)\n", number(e->connection), P2P_ErrorString(e->code));
}

/* Handles one event; 0 if the room is over. */
static int on_event(const P2P_Event *e, const uint8_t *arena) {
    const uint8_t *data = arena + e->data_offset;
    switch (e->type) {
    case P2P_EVENT_ROOM_OPEN:
        printf("* the room is open\n");
        break;
    case P2P_EVENT_ROOM_TROUBLE:
        printf("* ");
        print_text(data, e->data_length);
        return !(e->flags & P2P_EVENT_FLAG_FINAL);
    case P2P_EVENT_CONNECTED:
        on_connected(e);
        break;
    case P2P_EVENT_DISCONNECTED:
        on_disconnected(e);
        break;
    case P2P_EVENT_UNREACHABLE:
        printf("* %u does not answer\n", number(e->connection));
        break;
    case P2P_EVENT_REACHABLE:
        printf("* %u is back\n", number(e->connection));
        break;
    case P2P_EVENT_PATH_CHANGED:
        printf("* %u is reached another way\n", number(e->connection));
        break;
    case P2P_EVENT_MESSAGE:
        printf("<%u> ", number(e->connection));
        print_text(data, e->data_length);
        break;
    }
    return 1;
}

/* Takes all events that wait. The arena grows when a message needs it to. */
static int poll_room(P2P_Handle room) {
    static uint8_t *arena;
    static uint32_t arena_size;
    P2P_Event events[32];
    P2P_Batch batch = {.struct_size = sizeof batch};
    do {
        batch.arena = arena;
        batch.arena_size = arena_size;
        int32_t n = P2P_Poll(room, events, 32, &batch);
        if (n < 0) {
            fprintf(stderr, "polling: %s\n", P2P_ErrorString(n));
            return 0;
        }
        for (int32_t i = 0; i < n; i++) {
            if (!on_event(&events[i], arena)) return 0;
        }
        if (batch.needed > 0) {
            uint8_t *larger = realloc(arena, batch.needed);
            if (larger == NULL) return 0;
            arena = larger;
            arena_size = batch.needed;
        }
    } while (batch.more);
    fflush(stdout);
    return 1;
}

/* Sends a line to one member. While its send buffer is full, the game would try
 * again in the next frame; here we let events come in and try again. */
static int send_to(P2P_Handle room, P2P_Connection c, const char *text, uint32_t flags) {
    for (;;) {
        int32_t result = P2P_SendMessage(room, c, text, (uint32_t)strlen(text), flags);
        if (result != P2P_ERR_WOULD_BLOCK) {
            if (result < 0) printf("* not sent: %s\n", P2P_ErrorString(result));
            return 1;
        }
        P2P_Wait(room, 10);
        if (!poll_room(room) || interrupted) return 0;
    }
}

static void print_stats(P2P_Handle room) {
    static const char *paths[] = {"none", "host", "srflx", "prflx", "relay"};
    for (int i = 0; i < member_count; i++) {
        P2P_Stats s = {.struct_size = sizeof s};
        /* The first question starts the gathering; the answer is there soon. */
        for (int tries = 0; tries < 1000; tries++) {
            if (P2P_GetStats(room, members[i], &s) != P2P_OK || s.age_ms != UINT32_MAX) break;
            nap();
        }
        printf("* %u %016llx: %s %s - %s, rtt %.3f ms, connected in %u ms, sent %llu B, received %llu B\n",
               number(members[i]), (unsigned long long)s.member, paths[s.path < 5 ? s.path : 0],
               s.local_candidate, s.remote_candidate, s.rtt_us / 1000.0, s.connected_ms,
               (unsigned long long)s.bytes_sent, (unsigned long long)s.bytes_received);
    }
}

/* Carries out one line; 0 to leave. */
static int on_line(P2P_Handle room, const char *line) {
    if (strcmp(line, "/quit") == 0) return 0;
    if (strcmp(line, "/stats") == 0) {
        print_stats(room);
        return 1;
    }
    if (strncmp(line, "/to ", 4) == 0) {
        char *text;
        unsigned long id = strtoul(line + 4, &text, 10);
        for (int i = 0; i < member_count; i++) {
            if (number(members[i]) == id) {
                return send_to(room, members[i], *text == ' ' ? text + 1 : text, P2P_SEND_RELIABLE);
            }
        }
        printf("* there is no %lu here\n", id);
        return 1;
    }
    if (strncmp(line, "/unreliable ", 12) == 0) {
        P2P_SendMessageToAll(room, line + 12, (uint32_t)strlen(line + 12), P2P_SEND_UNRELIABLE);
        return 1;
    }
    /* P2P_SendMessageToAll leaves out members whose send buffer is full. A chat
     * wants everyone to hear everything, so it sends to each: of a copy of the
     * list, because events that come in meanwhile change it. */
    static P2P_Connection to[MAX_MEMBERS];
    int count = member_count;
    memcpy(to, members, sizeof to);
    for (int i = 0; i < count; i++) {
        if (!send_to(room, to[i], line, P2P_SEND_RELIABLE)) return 0;
    }
    return 1;
}

/* Until /quit, the end of the pipe or Ctrl-C; 1 if the room ended instead. */
static int talk(P2P_Handle room) {
    char line[LINE_SIZE];
    int got = 0;
    while (got >= 0 && !interrupted) {
        /* A game would draw a frame instead. While lines come, there is no wait. */
        P2P_Wait(room, got == 1 ? 0 : 15);
        if (!poll_room(room)) return 1;
        got = take_line(line, member_count > 0 || left > 0);
        if (got == 1 && !on_line(room, line)) break;
    }
    return 0;
}

/* --------------------------------------------------------------- the program */

struct options {
    const char *room, *signaling, *ice;
    int host, serve, loopback_only;
    uint32_t port;
};

static int usage(void) {
    fprintf(stderr, "usage: chat host|join ROOM [--signaling URL] [--ice \"URL [user secret]\"]\n"
                    "            [--loopback-only] [--serve [PORT]]\n");
    return 2;
}

/* A port, or 0: any that is free. */
static int parse_port(const char *text, uint32_t *port) {
    char *end;
    unsigned long n = strtoul(text, &end, 10);
    *port = n == 0 ? P2P_ANY_PORT : (uint32_t)n;
    return *text != '-' && end != text && *end == '\0' && n <= 65535;
}

static int parse(int argc, char **argv, struct options *o) {
    if (argc < 3) return 0;
    o->host = strcmp(argv[1], "host") == 0;
    if (!o->host && strcmp(argv[1], "join") != 0) return 0;
    o->room = argv[2];
    for (int i = 3; i < argc; i++) {
        int has_value = i + 1 < argc && argv[i + 1][0] != '-';
        if (strcmp(argv[i], "--signaling") == 0 && has_value) {
            o->signaling = argv[++i];
        } else if (strcmp(argv[i], "--ice") == 0 && i + 1 < argc) {
            o->ice = argv[++i]; /* "" means none */
        } else if (strcmp(argv[i], "--loopback-only") == 0) {
            o->loopback_only = 1;
        } else if (strcmp(argv[i], "--serve") == 0) {
            o->serve = 1;
            if (has_value && !parse_port(argv[++i], &o->port)) return 0;
        } else {
            return 0;
        }
    }
    return 1;
}

/* Runs the signaling server in this process, waits for it to be there, and
 * returns its port; 0 if there is none. */
static uint32_t serve(const struct options *o, P2P_Handle *server) {
    P2P_SignalingConfig config = {.struct_size = sizeof config, .port = o->port};
    if (o->loopback_only) config.address = "127.0.0.1";
    int32_t error = P2P_StartSignaling(&config, server);
    if (error < 0) {
        fprintf(stderr, "starting the signaling server: %s\n", P2P_ErrorString(error));
        return 0;
    }
    uint8_t text[512];
    P2P_Event e;
    P2P_Batch batch = {.struct_size = sizeof batch, .arena = text, .arena_size = sizeof text};
    if (P2P_Wait(*server, 5000) != 1 || P2P_Poll(*server, &e, 1, &batch) != 1) {
        fprintf(stderr, "the signaling server does not start\n");
        return 0;
    }
    if (e.type == P2P_EVENT_SIGNALING_OPEN) {
        printf("* signaling at ws://%s:%d\n", o->loopback_only ? "127.0.0.1" : "THIS-MACHINE", e.code);
        return (uint32_t)e.code;
    }
    printf("* ");
    print_text(text + e.data_offset, e.data_length);
    /* If the port is taken, another copy runs the server: go there. */
    return e.code == P2P_TROUBLE_ADDRESS_IN_USE ? (o->port ? o->port : DEFAULT_PORT) : 0;
}

int main(int argc, char **argv) {
    struct options o = {0};
    if (!parse(argc, argv, &o)) return usage();
    if (P2P_AbiVersion() != P2P_ABI_VERSION) {
        fprintf(stderr, "the library has another ABI than p2p.h\n");
        return 1;
    }
    P2P_Handle server = 0, room = 0;
    uint32_t port = o.serve ? serve(&o, &server) : DEFAULT_PORT;
    if (port == 0) return 1;
    char own_url[64];
    snprintf(own_url, sizeof own_url, "ws://127.0.0.1:%u", (unsigned)port);

    P2P_Config config = {.struct_size = sizeof config};
    config.signaling_url = o.signaling ? o.signaling : own_url;
    config.room = o.room;
    config.ice_servers = o.ice;
    config.loopback = o.loopback_only ? P2P_LOOPBACK_ONLY : P2P_LOOPBACK_AUTO;
    int32_t error = o.host ? P2P_CreateServer(&config, &room) : P2P_CreateClient(&config, &room);
    if (error < 0) {
        char why[512];
        P2P_LastError(0, why, sizeof why);
        fprintf(stderr, "%s: %s\n", P2P_ErrorString(error), why);
        return 1;
    }
    signal(SIGINT, on_interrupt);
    start_keyboard();
    int result = talk(room);

    P2P_Dispose(room); /* sends what was accepted and says goodbye */
    P2P_Dispose(server);
    P2P_Shutdown(1000); /* waits for that */
    fflush(stdout);
    _Exit(result); /* exit() would wait for stdin, where the keyboard's thread still reads */
}
