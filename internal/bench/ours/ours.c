/*
 * ours.c - one end of the benchmark, through the library's C functions alone.
 *
 *   ours receive|send URL WORK COUNT
 *
 * The receiver hosts a room, the sender joins it. WORK is bulk (COUNT reliable
 * messages of 16 KiB), flood (COUNT unreliable ones of 100 B as fast as they
 * go), paced (the same at 50 000 a second), ping (COUNT round trips of 64 B),
 * open (how long connecting took), memory (COUNT connections) or idle (COUNT
 * polls of nothing). Each prints one line "name value" for each thing measured.
 */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "p2p.h"

enum { BULK = 16384, SMALL = 100, PING = 64, RATE = 50000, PATIENCE_S = 120, MAX_CLIENTS = 256 };

/* The first byte of a message says what it is. */
enum { START = 'S', DATA = 'M', END = 'E', DONE = 'D', ASK = 'P', ANSWER = 'Q' };

static P2P_Handle room;
static P2P_Connection other;
static uint8_t message[BULK];
static const char *work;
static uint64_t count;

/* What came. */
static uint64_t got, sent_there;
static int members, started, ended, done;
static double connected_at, first_at, last_at, answered_at;
static uint64_t got_there;

static void die(const char *what) {
    char text[512] = "";
    P2P_LastError(room, text, sizeof text);
    fprintf(stderr, "ours: %s: %s\n", what, text);
    exit(1);
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double cpu(void) {
    struct rusage r;
    getrusage(RUSAGE_SELF, &r);
    return (double)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) +
           (double)(r.ru_utime.tv_usec + r.ru_stime.tv_usec) / 1e6;
}

static void sleep_for(double s) {
    struct timespec t = {(time_t)s, (long)((s - (double)(time_t)s) * 1e9)};
    nanosleep(&t, NULL);
}

static double cpu_at_start;

static void take(const P2P_Event *e, const uint8_t *data) {
    switch (data[0]) {
    case DATA:
        got++;
        last_at = now();
        break;
    case START:
        started = 1;
        first_at = last_at = now();
        cpu_at_start = cpu();
        break;
    case END:
        ended = 1;
        memcpy(&sent_there, data + 1, sizeof sent_there);
        break;
    case DONE:
        done = 1;
        memcpy(&got_there, data + 1, sizeof got_there);
        break;
    case ASK:
        memcpy(message, data, e->data_length);
        message[0] = ANSWER;
        if (P2P_SendMessage(room, other, message, PING, P2P_SEND_RELIABLE) < 0) die("answering");
        break;
    case ANSWER:
        answered_at = now();
        break;
    }
}

/* Takes everything that waits. */
static void poll_all(P2P_Handle h) {
    static uint8_t arena[1 << 20];
    static P2P_Event events[8192];
    P2P_Batch batch = {.struct_size = sizeof batch, .arena = arena, .arena_size = sizeof arena};
    do {
        int32_t n = P2P_Poll(h, events, 8192, &batch);
        if (n < 0) die("polling");
        for (int32_t i = 0; i < n; i++) {
            const P2P_Event *e = &events[i];
            if (e->type == P2P_EVENT_ROOM_OPEN) {
                printf("ready 1\n");
                fflush(stdout);
            } else if (e->type == P2P_EVENT_CONNECTED) {
                other = e->connection;
                members++;
                connected_at = now();
            }
            if (e->type == P2P_EVENT_MESSAGE && e->data_length > 0) take(e, arena + e->data_offset);
            if (e->type == P2P_EVENT_DISCONNECTED && !done) members--;
        }
    } while (batch.more);
}

/* Waits for something to come, and takes it. */
static void next(double deadline) {
    if (now() > deadline) die("waited too long");
    P2P_Wait(room, 10);
    poll_all(room);
}

static void send_whole(const void *p, uint32_t length) {
    while (P2P_SendMessage(room, other, p, length, P2P_SEND_RELIABLE) == P2P_ERR_WOULD_BLOCK) {
        sleep_for(0.001);
    }
}

static void send_number(uint8_t kind, uint64_t number) {
    uint8_t p[9] = {kind};
    memcpy(p + 1, &number, sizeof number);
    send_whole(p, sizeof p);
}

/* --------------------------------------------------------------- receiving */

static void receive(void) {
    double deadline = now() + PATIENCE_S;
    while (!started) next(deadline);
    if (strcmp(work, "bulk") == 0) {
        while (got < count) next(deadline);
    } else {
        /* Unreliable ones may be lost: done when all are here, or nothing came
         * for a while after the last was sent. */
        while (!(ended && (got >= sent_there || now() > last_at + 0.5))) next(deadline);
    }
    printf("receiver_cpu %.6f\nseconds %.6f\ngot %llu\n", cpu() - cpu_at_start, last_at - first_at,
           (unsigned long long)got);
    send_number(DONE, got);
    sleep_for(0.2);
}

static void answer(void) {
    double deadline = now() + PATIENCE_S;
    while (!ended) next(deadline);
}

/* ----------------------------------------------------------------- sending */

static void send_data(uint32_t length, uint32_t flags, double rate) {
    double began = now(), cpu_before = cpu();
    uint64_t refused = 0;
    message[0] = DATA;
    for (uint64_t i = 0; i < count;) {
        if (rate > 0 && (double)i > (now() - began) * rate) {
            sleep_for(0.001);
            continue;
        }
        int32_t result = P2P_SendMessage(room, other, message, length, flags);
        if (result == P2P_OK) {
            i++;
        } else if (result == P2P_ERR_WOULD_BLOCK) {
            refused++;
            sleep_for(0.0005);
        } else {
            die("sending");
        }
    }
    send_number(END, count);
    double deadline = now() + PATIENCE_S;
    while (!done) next(deadline);
    printf("sender_cpu %.6f\nsent %llu\nrefused %llu\n", cpu() - cpu_before,
           (unsigned long long)count, (unsigned long long)refused);
}

static int by_size(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void ping(void) {
    double *took = calloc(count, sizeof *took), deadline = now() + PATIENCE_S;
    uint8_t p[PING] = {ASK};
    if (took == NULL) die("memory");
    for (uint64_t i = 0; i < count; i++) {
        double asked = now();
        answered_at = 0;
        send_whole(p, sizeof p);
        while (answered_at == 0) next(deadline);
        took[i] = answered_at - asked;
    }
    send_number(END, 0);
    qsort(took, count, sizeof *took, by_size);
    printf("p50 %.9f\np99 %.9f\n", took[count / 2], took[count * 99 / 100]);
    sleep_for(0.2);
    free(took);
}

/* ------------------------------------------------------------------ memory */

static uint64_t resident_kb(void) {
    FILE *f = fopen("/proc/self/status", "r");
    char line[256];
    uint64_t kb = 0;
    while (f != NULL && fgets(line, sizeof line, f) != NULL) {
        if (strncmp(line, "VmRSS:", 6) == 0) kb = strtoull(line + 6, NULL, 10);
    }
    if (f != NULL) fclose(f);
    return kb;
}

/* The receiver measures what COUNT connections to a process of clients add to
 * the first one, which brings in code and tables that all share. */
static void hold(void) {
    double deadline = now() + PATIENCE_S;
    while (members == 0) next(deadline);
    sleep_for(2);
    uint64_t before = resident_kb();
    while ((uint64_t)members < count + 1) next(deadline);
    sleep_for(10);
    poll_all(room);
    printf("kb_per_connection %.1f\n", ((double)resident_kb() - (double)before) / (double)count);
}

static void crowd(P2P_Config *config) {
    static P2P_Handle clients[MAX_CLIENTS];
    for (uint64_t i = 0; i <= count && i < MAX_CLIENTS; i++) {
        if (P2P_CreateClient(config, &clients[i]) < 0) die("joining");
        if (i == 0) sleep_for(4);
    }
    char line[16];
    while (fgets(line, sizeof line, stdin) != NULL) continue; /* until the receiver is done */
}

static void idle(void) {
    P2P_Event e;
    P2P_Batch b = {.struct_size = sizeof b};
    sleep_for(0.3);
    poll_all(room);
    double began = now();
    for (uint64_t i = 0; i < count; i++) {
        if (P2P_Poll(room, &e, 1, &b) != 0) die("an event");
    }
    printf("ns %.3f\n", (now() - began) * 1e9 / (double)count);
}

int main(int argc, char **argv) {
    if (argc != 5) {
        fprintf(stderr, "usage: ours receive|send URL WORK COUNT\n");
        return 2;
    }
    int sender = strcmp(argv[1], "send") == 0;
    work = argv[3];
    count = strtoull(argv[4], NULL, 10);
    P2P_Config config = {.struct_size = sizeof config,
                         .signaling_url = argv[2],
                         .room = "bench",
                         .ice_servers = "",
                         .loopback = P2P_LOOPBACK_ONLY,
                         .max_members = MAX_CLIENTS};
    if (sender && strcmp(work, "memory") == 0) {
        crowd(&config);
        return 0;
    }
    double began = now();
    if ((sender ? P2P_CreateClient : P2P_CreateServer)(&config, &room) < 0) die("opening the room");
    if (strcmp(work, "idle") == 0) {
        idle();
    } else if (strcmp(work, "memory") == 0) {
        hold();
    } else {
        while (members == 0) next(began + PATIENCE_S);
        if (sender && strcmp(work, "open") == 0) printf("open %.6f\n", connected_at - began);
        if (sender && strcmp(work, "ping") != 0) send_number(START, 0);
        if (strcmp(work, "ping") == 0) {
            if (sender) ping();
            else answer();
        } else if (strcmp(work, "open") == 0) {
            sleep_for(0.1);
        } else if (!sender) {
            receive();
        } else if (strcmp(work, "bulk") == 0) {
            send_data(BULK, P2P_SEND_RELIABLE, 0);
        } else {
            send_data(SMALL, P2P_SEND_UNRELIABLE, strcmp(work, "paced") == 0 ? RATE : 0);
        }
    }
    fflush(stdout);
    P2P_Dispose(room);
    P2P_Shutdown(1000);
    return 0;
}
