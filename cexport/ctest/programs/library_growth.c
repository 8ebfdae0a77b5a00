/*
 * Rooms that come and go leave nothing behind: no thread, no descriptor, no
 * memory.
 *
 *   library_growth SEED
 */
#include <dirent.h>

#include "library.h"

static uint32_t seed;

static uint32_t draw(uint32_t below) {
    seed = seed * 1664525u + 1013904223u;
    return (seed >> 8) % below;
}

static int entries(const char *path) {
    DIR *d = opendir(path);
    int n = 0;
    CHECK(d != NULL);
    while (readdir(d) != NULL) n++;
    closedir(d);
    return n;
}

static long resident_kb(void) {
    FILE *f = fopen("/proc/self/status", "r");
    char line[256];
    long kb = 0;
    CHECK(f != NULL);
    while (fgets(line, sizeof line, f) != NULL) {
        if (strncmp(line, "VmRSS:", 6) == 0) kb = atol(line + 6);
    }
    fclose(f);
    return kb;
}

#define MARGIN_KB 4096 /* 20 KB a room would be too much */

struct usage { int threads, descriptors; long kb; };

static struct usage usage(void) {
    return (struct usage){entries("/proc/self/task"), entries("/proc/self/fd"), resident_kb()};
}

/* Handles that were disposed count until the engine is done with them. */
static P2P_Handle create(const P2P_Config *c, int host) {
    P2P_Handle h = 0;
    for (double deadline = now_s() + 60;; sleep_ms(1)) {
        int32_t result = host ? P2P_CreateServer(c, &h) : P2P_CreateClient(c, &h);
        if (result == P2P_OK) return h;
        CHECK_IS(result, P2P_ERR_LIMIT);
        CHECK(now_s() < deadline);
    }
}

static void create_and_dispose(const P2P_Config *c, int times) {
    for (int i = 0; i < times; i++) CHECK_IS(P2P_Dispose(create(c, i % 2)), P2P_OK);
}

/* A host and up to three clients, dropped at a random moment of their lives: while
 * they connect, or, every other room, some time after the first two have met.
 * Returns how many rooms had connections. */
static int rooms(const P2P_Config *base, int times) {
    uint8_t arena[4096];
    P2P_Event events[16];
    int met_in = 0;
    for (int i = 0; i < times; i++) {
        char name[32];
        P2P_Config c = *base;
        P2P_Handle h[4];
        uint32_t members = 2 + draw(3);
        snprintf(name, sizeof name, "room %d", i);
        c.room = name;
        for (uint32_t m = 0; m < members; m++) h[m] = create(&c, m == 0);
        double life = draw(60) / 1000.0, began = now_s(), patience = began + 60;
        int met = 0;
        while (now_s() < began + life || (i % 2 == 0 && !met)) {
            CHECK(now_s() < patience);
            for (uint32_t m = 0; m < members; m++) {
                P2P_Batch b = {.struct_size = sizeof b, .arena = arena, .arena_size = sizeof arena};
                int32_t n = P2P_Poll(h[m], events, 16, &b);
                CHECK(n >= 0);
                for (int32_t k = 0; k < n; k++) {
                    if (events[k].type != P2P_EVENT_CONNECTED || met) continue;
                    met = 1;
                    began = now_s();
                }
                P2P_SendMessageToAll(h[m], arena, draw(2000), draw(2));
            }
            sleep_ms(1);
        }
        met_in += met;
        for (uint32_t m = 0; m < members; m++) CHECK_IS(P2P_Dispose(h[(m + draw(2)) % members]), P2P_OK);
        for (uint32_t m = 0; m < members; m++) CHECK_IS(P2P_Dispose(h[m]), P2P_OK);
    }
    return met_in;
}

/* Everything is closed when as many handles as there may be can be made. */
static void settle(const P2P_Config *c) {
    P2P_Handle all[255];
    for (int i = 0; i < 255; i++) all[i] = create(c, 0);
    for (int i = 0; i < 255; i++) CHECK_IS(P2P_Dispose(all[i]), P2P_OK);
}

/* Waits until the usage is back at what it was. */
static void compare(struct usage before, const char *what) {
    struct usage now;
    double deadline = now_s() + 60;
    do {
        sleep_ms(100);
        now = usage();
    } while ((now.threads > before.threads + 2 || now.descriptors > before.descriptors ||
              now.kb > before.kb + MARGIN_KB) && now_s() < deadline);
    printf("%s: threads %d, then %d; descriptors %d, then %d; resident %ld KiB, then %ld\n", what,
           before.threads, now.threads, before.descriptors, now.descriptors, before.kb, now.kb);
    CHECK(now.threads <= before.threads + 2);
    CHECK(now.descriptors <= before.descriptors);
    CHECK(now.kb <= before.kb + MARGIN_KB);
}

int main(int argc, char **argv) {
    CHECK(argc == 2);
    seed = (uint32_t)atol(argv[1]);
    char url[64];
    P2P_Handle server;
    P2P_Config c = config_for(url, start_signaling(&server));
    struct usage empty = usage();
    rooms(&c, 100); /* what a process keeps once it has worked */
    settle(&c);
    sleep_ms(6000);
    struct usage before = usage();
    create_and_dispose(&c, 1000);
    compare(before, "created and disposed 1000 times");
    int met = rooms(&c, 200);
    printf("%d of 200 rooms had connections\n", met);
    CHECK(met >= 100);
    settle(&c);
    empty.threads = before.threads; /* a pool that does not shrink */
    empty.kb = before.kb;
    compare(empty, "200 rooms");
    CHECK_IS(P2P_Shutdown(30000), 1);
    return 0;
}
