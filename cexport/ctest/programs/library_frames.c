/*
 * What a game's frame loop feels while everything else is busy: 60 times a
 * second it polls and sends, and the time that it spends inside P2P_ calls is
 * measured, but for the time in which the system ran something else in its place
 * although it was ready to run.
 *
 *   library_frames THREADS SECONDS    THREADS of C burn the processor
 *   library_frames share SECONDS      only the engine does: how much it takes
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <unistd.h>

#include "library.h"

static _Atomic int stop;
static _Atomic uint64_t burned;

static void *burn(void *unused) {
    (void)unused;
    while (!stop) atomic_fetch_add_explicit(&burned, 1, memory_order_relaxed);
    return NULL;
}

static double cpu_s(void) {
    struct rusage r;
    getrusage(RUSAGE_SELF, &r);
    return (double)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) +
           (double)(r.ru_utime.tv_usec + r.ru_stime.tv_usec) / 1e6;
}

static double rtt_us[8192];
static uint32_t rtts;

/* One frame of one member: takes everything, answers pings, sends a few. */
static void frame(P2P_Handle h, int asks) {
    static uint8_t arena[1 << 18];
    static P2P_Event events[256];
    P2P_Batch b = {.struct_size = sizeof b, .arena = arena, .arena_size = sizeof arena};
    do {
        int32_t n = P2P_Poll(h, events, 256, &b);
        CHECK(n >= 0);
        for (int32_t i = 0; i < n; i++) {
            if (events[i].type != P2P_EVENT_MESSAGE || events[i].data_length < 16) continue;
            uint8_t *p = arena + events[i].data_offset;
            if (p[8] == 1) { /* a ping */
                p[8] = 2;
                P2P_SendMessage(h, events[i].connection, p, 16, P2P_SEND_RELIABLE);
            } else if (p[8] == 2 && rtts < 8192) {
                double asked;
                memcpy(&asked, p, sizeof asked);
                rtt_us[rtts++] = (now_s() - asked) * 1e6;
            }
        }
    } while (b.more);
    uint8_t p[16] = {0};
    if (asks) {
        double now = now_s();
        memcpy(p, &now, sizeof now);
        p[8] = 1;
        P2P_SendMessageToAll(h, p, sizeof p, P2P_SEND_RELIABLE);
    }
    for (int i = 0; i < 4; i++) P2P_SendMessageToAll(h, arena, 200, P2P_SEND_UNRELIABLE);
}

static int by_size(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double part(double *all, uint32_t count, double share) {
    qsort(all, count, sizeof *all, by_size);
    uint32_t at = (uint32_t)(share * count);
    return all[at < count ? at : count - 1];
}

/* A busy engine may take several attempts. */
static void await_connected(P2P_Handle h, uint8_t *arena, uint32_t size) {
    while (next_event(h, arena, size).type != P2P_EVENT_CONNECTED) continue;
}

/* How long this thread was ready to run, and did not. */
static double queued_us(void) {
    static int file = -1;
    char text[128];
    unsigned long long ran, queued;
    if (file < 0) file = open("/proc/thread-self/schedstat", O_RDONLY);
    ssize_t n = pread(file, text, sizeof text - 1, 0);
    CHECK(n > 0);
    text[n] = '\0';
    CHECK_IS(sscanf(text, "%llu %llu", &ran, &queued), 2);
    return (double)queued / 1e3;
}

int main(int argc, char **argv) {
    CHECK(argc == 3);
    char url[64];
    P2P_Handle server, host, client;
    uint8_t text[512];
    P2P_Config c = config_for(url, start_signaling(&server));
    CHECK_IS(P2P_CreateServer(&c, &host), P2P_OK);
    CHECK_IS(P2P_CreateClient(&c, &client), P2P_OK);
    await_connected(client, text, sizeof text);
    await_connected(host, text, sizeof text);
    double seconds = atof(argv[2]);
    if (strcmp(argv[1], "share") == 0) {
        double began = now_s(), before = cpu_s();
        sleep_ms((long)(seconds * 1000));
        printf("%.3f\n", (cpu_s() - before) / (now_s() - began));
        return 0;
    }
    pthread_t threads[16];
    int burners = atoi(argv[1]);
    CHECK(burners <= 16);
    for (int i = 0; i < burners; i++) CHECK(pthread_create(&threads[i], NULL, burn, NULL) == 0);
    static double inside_us[8192], wall_us[8192];
    uint32_t frames = 0;
    struct timespec next;
    clock_gettime(CLOCK_MONOTONIC, &next);
    for (double end = now_s() + seconds; now_s() < end && frames < 8192; frames++) {
        next.tv_nsec += 1000000000 / 60;
        if (next.tv_nsec >= 1000000000) {
            next.tv_nsec -= 1000000000;
            next.tv_sec++;
        }
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL);
        double queued = queued_us(), began = now_s();
        frame(host, 0);
        frame(client, 1);
        wall_us[frames] = (now_s() - began) * 1e6;
        inside_us[frames] = wall_us[frames] - (queued_us() - queued);
    }
    stop = 1;
    for (int i = 0; i < burners; i++) pthread_join(threads[i], NULL);
    /* median and p99.9 inside; p99.9 by the wall clock; median ping, and how many */
    printf("%.1f %.1f %.1f %.0f %u\n", part(inside_us, frames, 0.5), part(inside_us, frames, 0.999),
           part(wall_us, frames, 0.999), part(rtt_us, rtts, 0.5), rtts);
    CHECK(rtts > frames / 4);
    return 0;
}
