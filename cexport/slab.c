/* Handles and connection slots: memory that is never freed. */
#include "bridge.h"

#include <stdlib.h>
#include <string.h>

/* A handle's value: kind (8 bits), a mark that garbage lacks (8), generation
 * (32), index + 1 (16). */
#define HANDLE_MARK 0xb2ull

static struct handle handles[MAX_HANDLES];
static p2p_mutex slab_mutex; /* guards which places are free */

__attribute__((constructor)) static void slab_init(void) {
    mutex_init(&slab_mutex);
    for (uint32_t i = 0; i < MAX_HANDLES; i++) {
        mutex_init(&handles[i].mutex);
        cond_init(&handles[i].changed);
    }
}

static P2P_Handle handle_value(uint32_t kind, uint32_t generation, uint32_t index) {
    return (uint64_t)kind << 56 | HANDLE_MARK << 48 | (uint64_t)generation << 16 | (index + 1);
}

/* The place that a value names, NULL if it cannot be a handle. */
static struct handle *handle_place(P2P_Handle id) {
    uint64_t index = id & 0xffff;
    if (index == 0 || index > MAX_HANDLES || (id >> 48 & 0xff) != HANDLE_MARK) return NULL;
    return &handles[index - 1];
}

struct handle *handle_peek(P2P_Handle id) {
    struct handle *h = handle_place(id);
    if (h == NULL || atomic_load_explicit(&h->id, memory_order_acquire) != id) return NULL;
    return h;
}

struct handle *handle_lock(P2P_Handle id, int32_t *error) {
    *error = P2P_ERR_INVALID_HANDLE;
    struct handle *h = handle_place(id);
    if (h == NULL) return NULL;
    mutex_lock(&h->mutex);
    if (atomic_load_explicit(&h->id, memory_order_relaxed) == id) return h;
    mutex_unlock(&h->mutex);
    return NULL;
}

bool handle_was(P2P_Handle id) {
    if (id == 0) return true;
    struct handle *h = handle_place(id);
    uint64_t kind = id >> 56;
    if (h == NULL || kind < KIND_SERVER || kind > KIND_SIGNALING) return false;
    uint32_t generation = (uint32_t)(id >> 16);
    mutex_lock(&h->mutex);
    bool was = generation != 0 && generation <= h->generation;
    mutex_unlock(&h->mutex);
    return was;
}

struct handle *handle_new(uint32_t kind, int32_t *error) {
    mutex_lock(&slab_mutex);
    for (uint32_t i = 0; i < MAX_HANDLES; i++) {
        struct handle *h = &handles[i];
        mutex_lock(&h->mutex);
        if (h->kind == KIND_FREE && !h->closing && h->users == 0) {
            h->kind = kind;
            h->generation++;
            h->open_count = 0;
            h->owes_credit = false;
            h->stats_asked = 0;
            h->suspended = h->suspend_told = 0;
            h->conditions_told = 0;
            h->trouble[0] = '\0';
            h->send_buffer = h->receive_buffer = h->unreliable_buffer = 0;
            atomic_store_explicit(&h->waiting, 0, memory_order_relaxed);
            atomic_store_explicit(&h->id, handle_value(kind, h->generation, i),
                                  memory_order_release);
            mutex_unlock(&slab_mutex);
            return h;
        }
        mutex_unlock(&h->mutex);
    }
    mutex_unlock(&slab_mutex);
    *error = P2P_ERR_LIMIT;
    return NULL;
}

void handle_retire(struct handle *h) {
    atomic_store_explicit(&h->id, 0, memory_order_release);
    atomic_store_explicit(&h->waiting, 0, memory_order_release);
    h->kind = KIND_FREE;
    h->closing = 1;
    h->open_count = 0;
    inbox_free(h);
    for (uint32_t c = 0; c < SLOT_CHUNKS; c++) {
        if (h->chunks[c] != NULL) memset(h->chunks[c], 0, SLOTS_PER_CHUNK * sizeof(struct slot));
    }
    cond_broadcast(&h->changed);
}

/* For P2P_Shutdown: the n-th place's live handle, 0 if there is none. */
P2P_Handle handle_at(uint32_t n) {
    return n < MAX_HANDLES ? atomic_load_explicit(&handles[n].id, memory_order_acquire) : 0;
}

/* The engine's word that nothing of a disposed handle is left. */
static p2p_mutex closed_mutex = P2P_MUTEX_INIT;
static p2p_cond closed_cond = P2P_COND_INIT;

void bridge_closed(P2P_Handle id) {
    struct handle *h = handle_place(id);
    if (h == NULL) return;
    mutex_lock(&h->mutex);
    if (h->generation == (uint32_t)(id >> 16)) h->closing = 0;
    mutex_unlock(&h->mutex);
    mutex_lock(&closed_mutex);
    cond_broadcast(&closed_cond);
    mutex_unlock(&closed_mutex);
}

static bool all_closed(void) {
    for (uint32_t i = 0; i < MAX_HANDLES; i++) {
        mutex_lock(&handles[i].mutex);
        bool busy = handles[i].closing != 0;
        mutex_unlock(&handles[i].mutex);
        if (busy) return false;
    }
    return true;
}

bool handles_await_closed(uint64_t deadline) {
    mutex_lock(&closed_mutex);
    bool closed = all_closed();
    while (!closed && cond_wait_until(&closed_cond, &closed_mutex, deadline)) {
        closed = all_closed();
    }
    mutex_unlock(&closed_mutex);
    return closed;
}

struct slot *handle_slot(struct handle *h, uint32_t connection) {
    uint32_t index = connection & 0xffff;
    if (index == 0 || index > MAX_CONNECTION_INDEX) return NULL;
    struct slot *chunk = h->chunks[index / SLOTS_PER_CHUNK];
    if (chunk == NULL) return NULL;
    struct slot *s = &chunk[index % SLOTS_PER_CHUNK];
    return s->state != SLOT_FREE && s->connection == connection ? s : NULL;
}

struct slot *handle_slot_make(struct handle *h, uint32_t connection) {
    uint32_t index = connection & 0xffff;
    if (index == 0 || index > MAX_CONNECTION_INDEX) return NULL;
    struct slot **chunk = &h->chunks[index / SLOTS_PER_CHUNK];
    if (*chunk == NULL) *chunk = calloc(SLOTS_PER_CHUNK, sizeof(struct slot));
    if (*chunk == NULL) return NULL;
    struct slot *s = &(*chunk)[index % SLOTS_PER_CHUNK];
    memset(s, 0, sizeof *s);
    s->connection = connection;
    return s;
}

void handle_open_remove(struct handle *h, uint32_t connection) {
    for (uint32_t i = 0; i < h->open_count; i++) {
        if (h->open[i] == connection) {
            h->open[i] = h->open[--h->open_count];
            return;
        }
    }
}
