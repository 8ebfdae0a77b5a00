/* Commands on their way from the game's threads to the engine: one queue, taken
 * a batch at a time. */
#include "bridge.h"

#include <stdlib.h>
#include <string.h>

static p2p_mutex queue_mutex = P2P_MUTEX_INIT;
static p2p_cond queue_filled = P2P_COND_INIT;
static struct command *queue_first, *queue_last;
static bool engine_sleeps;
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
    mutex_unlock(&queue_mutex);
    if (wake) cond_broadcast(&queue_filled);
}

struct command *bridge_take(void) {
    mutex_lock(&queue_mutex);
    engine_sleeps = true;
    while (queue_first == NULL) cond_wait(&queue_filled, &queue_mutex);
    engine_sleeps = false;
    struct command *first = queue_first;
    queue_first = queue_last = NULL;
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
