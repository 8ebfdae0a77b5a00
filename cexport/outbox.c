/* Commands on their way from the game's threads to the engine: one queue, taken
 * a batch at a time. */
#include "bridge.h"

#include <stdlib.h>
#include <string.h>

static p2p_mutex queue_mutex = P2P_MUTEX_INIT;
static struct command *queue_first, *queue_last;
static bool engine_sleeps; /* or is about to: it found nothing */
static _Atomic uint64_t queue_bytes; /* of commands that exist */

static uint64_t command_size(uint32_t length, uint32_t targets) {
    return sizeof(struct command) + (uint64_t)targets * sizeof(uint32_t) + length;
}

struct command *command_new(uint32_t type, P2P_Handle h, uint32_t length, uint32_t targets,
                            int32_t *error) {
    uint64_t size = command_size(length, targets);
    if (atomic_fetch_add_explicit(&queue_bytes, size, memory_order_relaxed) + size > QUEUE_BUDGET) {
        atomic_fetch_sub_explicit(&queue_bytes, size, memory_order_relaxed);
        *error = P2P_ERR_LIMIT;
        return NULL;
    }
    struct command *c = size > SIZE_MAX ? NULL : malloc((size_t)size);
    if (c == NULL) {
        atomic_fetch_sub_explicit(&queue_bytes, size, memory_order_relaxed);
        *error = P2P_ERR_NO_MEMORY;
        return NULL;
    }
    memset(c, 0, sizeof *c);
    c->type = type;
    c->handle = h;
    c->length = length;
    c->target_count = targets;
    c->targets = (const uint32_t *)(c + 1);
    c->payload = (const uint8_t *)(c->targets + targets);
    return c;
}

void command_drop(struct command *c) {
    atomic_fetch_sub_explicit(&queue_bytes, command_size(c->length, c->target_count),
                              memory_order_relaxed);
    free(c);
}

/* The engine sleeps in the network poller of its language's runtime, where a
 * pipe wakes it in microseconds. A thread of its own that waited for a condition
 * in here would have to get back into that runtime first: with few threads and
 * much to do that took up to ten milliseconds. */
#if defined(_WIN32)

/* That poller knows no pipes here. */
static p2p_mutex alarm_mutex = P2P_MUTEX_INIT;
static p2p_cond alarm_rang = P2P_COND_INIT;
static bool alarm_on;

intptr_t bridge_alarm(void) { return -1; }

int32_t bridge_sleep(void) {
    mutex_lock(&alarm_mutex);
    while (!alarm_on) cond_wait(&alarm_rang, &alarm_mutex);
    alarm_on = false;
    mutex_unlock(&alarm_mutex);
    return 1;
}

static void wake_engine(void) {
    mutex_lock(&alarm_mutex);
    alarm_on = true;
    mutex_unlock(&alarm_mutex);
    cond_broadcast(&alarm_rang);
}

#else

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

static int alarm_pipe[2] = {-1, -1};

intptr_t bridge_alarm(void) {
    if (alarm_pipe[0] < 0 && pipe(alarm_pipe) == 0) {
        for (int i = 0; i < 2; i++) {
            fcntl(alarm_pipe[i], F_SETFD, FD_CLOEXEC);
            fcntl(alarm_pipe[i], F_SETFL, O_NONBLOCK);
        }
    }
    return alarm_pipe[0];
}

int32_t bridge_sleep(void) {
    char rung[64];
    struct pollfd p = {.fd = alarm_pipe[0], .events = POLLIN};
    poll(&p, 1, -1);
    return read(alarm_pipe[0], rung, sizeof rung) > 0;
}

/* One byte each time that the engine went to sleep, so the pipe is never full. */
static void wake_engine(void) {
    ssize_t ignored = write(alarm_pipe[1], "", 1);
    (void)ignored;
}

#endif

void command_put(struct command *c) {
    c->next = NULL;
    mutex_lock(&queue_mutex);
    if (queue_last != NULL) {
        queue_last->next = c;
    } else {
        queue_first = c;
    }
    queue_last = c;
    bool wake = engine_sleeps;
    engine_sleeps = false;
    mutex_unlock(&queue_mutex);
    if (wake) wake_engine();
}

struct command *bridge_take(void) {
    mutex_lock(&queue_mutex);
    struct command *first = queue_first;
    queue_first = queue_last = NULL;
    engine_sleeps = first == NULL;
    mutex_unlock(&queue_mutex);
    return first;
}

void bridge_free(struct command *first) {
    while (first != NULL) {
        struct command *next = first->next;
        command_drop(first);
        first = next;
    }
}
