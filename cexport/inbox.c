/* Events on their way from the engine to a handle's poller. */
#include "bridge.h"

#include <stdlib.h>
#include <string.h>

static void free_list(struct event_node *n) {
    while (n != NULL) {
        struct event_node *next = n->next;
        free(n);
        n = next;
    }
}

/* Under the handle's mutex. What a poller has taken is the poller's to free. */
void inbox_free(struct handle *h) {
    free_list(h->first);
    h->first = h->last = NULL;
    h->epoch++;
    if (!h->polling) {
        free_list(h->taken_first);
        h->taken_first = NULL;
    }
}

static struct event_node *make_node(const struct event_record *r, const uint8_t *base) {
    struct event_node *n = malloc(sizeof *n + r->length);
    if (n == NULL) return NULL;
    n->next = n->prev = n->next_unreliable = NULL;
    n->event = (P2P_Event){.type = r->type,
                           .connection = r->connection,
                           .flags = r->flags,
                           .code = r->code,
                           .member = r->member,
                           .data_length = r->length};
    if (r->length > 0) memcpy(n->data, base + r->offset, r->length);
    return n;
}

static void unlink_node(struct handle *h, struct event_node *n) {
    if (n->prev != NULL) {
        n->prev->next = n->next;
    } else {
        h->first = n->next;
    }
    if (n->next != NULL) {
        n->next->prev = n->prev;
    } else {
        h->last = n->prev;
    }
}

static void append_node(struct handle *h, struct event_node *n) {
    n->next = NULL;
    n->prev = h->last;
    if (h->last != NULL) {
        h->last->next = n;
    } else {
        h->first = n;
    }
    h->last = n;
}

/* Counts an unreliable message, and drops the oldest of its connection while
 * there are too many. Returns what is to be freed. */
static struct event_node *bound_unreliable(struct handle *h, struct slot *s, struct event_node *n) {
    if (s->epoch != h->epoch) {
        s->epoch = h->epoch;
        s->waiting_unreliable = 0;
        s->oldest_unreliable = s->newest_unreliable = NULL;
    }
    if (s->newest_unreliable != NULL) {
        s->newest_unreliable->next_unreliable = n;
    } else {
        s->oldest_unreliable = n;
    }
    s->newest_unreliable = n;
    s->waiting_unreliable += (uint64_t)n->event.data_length + MESSAGE_COST;
    struct event_node *drop = NULL;
    while (s->waiting_unreliable > h->unreliable_buffer && s->oldest_unreliable != n) {
        struct event_node *oldest = s->oldest_unreliable;
        s->oldest_unreliable = oldest->next_unreliable;
        s->waiting_unreliable -= (uint64_t)oldest->event.data_length + MESSAGE_COST;
        s->dropped_received++;
        unlink_node(h, oldest);
        oldest->next = drop;
        drop = oldest;
    }
    return drop;
}

/* What an event means for its connection, from the moment it is put. */
static bool note_put(struct handle *h, const struct event_record *r) {
    struct slot *s;
    switch (r->type) {
    case P2P_EVENT_CONNECTED:
        s = handle_slot_make(h, r->connection);
        if (s == NULL) return false;
        s->state = SLOT_ANNOUNCED;
        s->max_reliable = r->max_reliable;
        s->max_unreliable = r->max_unreliable;
        s->stats.member = r->member;
        break;
    case P2P_EVENT_DISCONNECTED:
        s = handle_slot(h, r->connection);
        if (s != NULL) s->state = SLOT_CLOSED;
        handle_open_remove(h, r->connection);
        break;
    }
    return true;
}

static void keep_trouble(struct handle *h, const struct event_node *n) {
    uint32_t length = n->event.data_length;
    if (length >= sizeof h->trouble) length = sizeof h->trouble - 1;
    memcpy(h->trouble, n->data, length);
    h->trouble[length] = '\0';
}

static bool put_one(struct handle *h, const struct event_record *r, struct event_node *n,
                    struct event_node **drop) {
    if (!note_put(h, r)) return false;
    append_node(h, n);
    if (r->type == P2P_EVENT_ROOM_TROUBLE) keep_trouble(h, n);
    if (r->type == P2P_EVENT_MESSAGE && !(r->flags & P2P_EVENT_FLAG_RELIABLE)) {
        struct slot *s = handle_slot(h, r->connection);
        if (s != NULL) {
            struct event_node *more = bound_unreliable(h, s, n);
            while (more != NULL) {
                struct event_node *next = more->next;
                more->next = *drop;
                *drop = more;
                more = next;
            }
        }
    }
    return true;
}

int32_t bridge_put(P2P_Handle id, const struct event_record *records, uint32_t count,
                   const uint8_t *base) {
    struct event_node *nodes = NULL, **end = &nodes;
    for (uint32_t i = 0; i < count; i++) {
        struct event_node *n = make_node(&records[i], base);
        if (n == NULL) {
            free_list(nodes);
            return P2P_ERR_NO_MEMORY;
        }
        *end = n;
        end = &n->next;
    }
    int32_t result = P2P_OK;
    struct handle *h = handle_lock(id, &result);
    if (h == NULL) {
        free_list(nodes);
        return result;
    }
    result = P2P_OK;
    struct event_node *drop = NULL;
    for (uint32_t i = 0; i < count; i++) {
        struct event_node *n = nodes;
        nodes = n->next;
        if (!put_one(h, &records[i], n, &drop)) {
            free(n);
            result = P2P_ERR_NO_MEMORY;
        }
    }
    atomic_store_explicit(&h->waiting, 1, memory_order_release);
    bool waited_for = h->users > 0;
    mutex_unlock(&h->mutex);
    /* Not under the mutex, which whoever is woken wants at once. */
    if (waited_for) cond_broadcast(&h->changed);
    free_list(drop);
    return result;
}

void bridge_sent(P2P_Handle id, uint32_t connection, uint32_t reliable, uint64_t cost) {
    int32_t error;
    struct handle *h = handle_lock(id, &error);
    if (h == NULL) return;
    struct slot *s = handle_slot(h, connection);
    if (s != NULL) {
        uint64_t *unsent = reliable ? &s->unsent_reliable : &s->unsent_unreliable;
        *unsent -= cost < *unsent ? cost : *unsent;
    }
    mutex_unlock(&h->mutex);
}

/* ------------------------------------------------------------------ polling */

/* The poller takes all that was put, once it has nothing left: what it has taken
 * cannot be dropped any more. Under the mutex. */
static void take_all(struct handle *h) {
    if (h->first == NULL || h->taken_first != NULL) return;
    h->taken_first = h->first;
    h->first = h->last = NULL;
    h->epoch++;
}

/* Copies taken events to the game; without the lock, since they are the
 * poller's. Returns the list of copied nodes. */
static struct event_node *hand_over(struct handle *h, P2P_Event *events, uint32_t max_events,
                                    void *arena, uint32_t arena_size, P2P_Batch *out) {
    struct event_node *done = h->taken_first;
    struct event_node *last = NULL;
    struct event_node *n = done;
    while (n != NULL && out->event_count < max_events) {
        uint32_t length = n->event.data_length;
        if (length > arena_size - out->arena_used) {
            /* Ask for more only if even an empty arena would not hold it: else
             * the next poll has room. */
            out->needed = length > arena_size ? length : 0;
            break;
        }
        P2P_Event *e = &events[out->event_count++];
        *e = n->event;
        e->data_offset = out->arena_used;
        if (length > 0) memcpy((uint8_t *)arena + out->arena_used, n->data, length);
        out->arena_used += length;
        last = n;
        n = n->next;
    }
    if (last == NULL) return NULL;
    last->next = NULL;
    h->taken_first = n;
    if (n != NULL) n->prev = NULL;
    return done;
}

/* What a polled event means for its connection. Under the mutex. */
static void note_polled(struct handle *h, const P2P_Event *e) {
    struct slot *s = handle_slot(h, e->connection);
    if (s == NULL) return;
    switch (e->type) {
    case P2P_EVENT_CONNECTED:
        if (s->state == SLOT_ANNOUNCED) {
            s->state = SLOT_OPEN;
            if (h->open_count < sizeof h->open / sizeof h->open[0]) {
                h->open[h->open_count++] = e->connection;
            }
        }
        break;
    case P2P_EVENT_DISCONNECTED:
        s->state = SLOT_FREE;
        break;
    case P2P_EVENT_MESSAGE:
        if (e->flags & P2P_EVENT_FLAG_RELIABLE) {
            s->consumed += (uint64_t)e->data_length + MESSAGE_COST;
        }
        break;
    }
}

/* Tells the engine what the game took of one connection, once there is an eighth
 * of the window to tell. Reports false if there was no memory to say it in. */
static bool give_credit(struct handle *h, P2P_Handle id, struct slot *s) {
    if (s == NULL || s->consumed < h->receive_buffer / 8) return true;
    int32_t error;
    struct command *c = command_new(COMMAND_CREDIT, id, 0, 0, &error);
    if (c == NULL) return false;
    c->connection = s->connection;
    c->amount = s->consumed;
    s->consumed = 0;
    command_put(c);
    return true;
}

/* Does so for all whose messages were taken. What could not be said is said by a
 * later poll, even if nothing comes any more: the sender waits for it. Under the
 * mutex. */
static void give_credits(struct handle *h, P2P_Handle id, const struct event_node *done) {
    bool owed = h->owes_credit;
    h->owes_credit = false;
    for (; done != NULL; done = done->next) {
        if (done->event.type != P2P_EVENT_MESSAGE) continue;
        if (!give_credit(h, id, handle_slot(h, done->event.connection))) h->owes_credit = true;
    }
    for (uint32_t i = 0; owed && i < h->open_count; i++) {
        if (!give_credit(h, id, handle_slot(h, h->open[i]))) h->owes_credit = true;
    }
}

static int32_t check_poll(const P2P_Event *events, uint32_t max_events, const P2P_Batch *batch) {
    if (events == NULL || max_events == 0 || max_events > 65536 || batch == NULL) {
        return P2P_ERR_INVALID_ARGUMENT;
    }
    if (batch->struct_size < sizeof(P2P_Batch)) return P2P_ERR_STRUCT_SIZE;
    if (batch->arena_size > 0x7fffffffu || (batch->arena == NULL && batch->arena_size > 0)) {
        return P2P_ERR_INVALID_ARGUMENT;
    }
    return P2P_OK;
}

/* Enters a handle as its one poller, locked. */
static struct handle *enter(P2P_Handle id, int32_t *error) {
    struct handle *h = handle_lock(id, error);
    if (h == NULL) return NULL;
    if (h->polling) {
        mutex_unlock(&h->mutex);
        *error = P2P_ERR_BUSY;
        return NULL;
    }
    h->polling = 1;
    h->users++;
    return h;
}

static bool has_events(const struct handle *h) { return h->taken_first != NULL || h->first != NULL; }

/* Leaves it. If it was disposed meanwhile, what was taken goes with us. */
static void leave(struct handle *h, P2P_Handle id) {
    h->polling = 0;
    h->users--;
    if (atomic_load_explicit(&h->id, memory_order_relaxed) != id) {
        free_list(h->taken_first);
        h->taken_first = NULL;
        return;
    }
    uint32_t waiting = has_events(h) || h->owes_credit;
    atomic_store_explicit(&h->waiting, waiting, memory_order_release);
}

P2P_API int32_t P2P_Poll(P2P_Handle handle, P2P_Event *events, uint32_t max_events, P2P_Batch *batch) {
    REFUSE_FORKED();
    int32_t error = check_poll(events, max_events, batch);
    if (error != P2P_OK) return error;
    P2P_Batch out = *batch;
    out.event_count = out.arena_used = out.needed = out.more = 0;
    struct handle *h = handle_peek(handle);
    if (h == NULL) return P2P_ERR_INVALID_HANDLE;
    if (!atomic_load_explicit(&h->waiting, memory_order_acquire)) {
        batch->event_count = batch->arena_used = batch->needed = batch->more = 0;
        return 0;
    }
    h = enter(handle, &error);
    if (h == NULL) return error;
    take_all(h);
    mutex_unlock(&h->mutex);

    struct event_node *done = hand_over(h, events, max_events, out.arena, out.arena_size, &out);

    mutex_lock(&h->mutex);
    bool alive = atomic_load_explicit(&h->id, memory_order_relaxed) == handle;
    if (alive) {
        for (struct event_node *n = done; n != NULL; n = n->next) note_polled(h, &n->event);
        give_credits(h, handle, done);
    }
    leave(h, handle);
    out.more = alive && has_events(h);
    mutex_unlock(&h->mutex);
    free_list(done);
    if (!alive) return P2P_ERR_INVALID_HANDLE;
    batch->event_count = out.event_count;
    batch->arena_used = out.arena_used;
    batch->needed = out.needed;
    batch->more = out.more;
    return (int32_t)out.event_count;
}

P2P_API int32_t P2P_Wait(P2P_Handle handle, uint32_t timeout_ms) {
    REFUSE_FORKED();
    int32_t error;
    uint64_t deadline = timeout_ms == UINT32_MAX ? UINT64_MAX : now_ms() + timeout_ms;
    struct handle *h = enter(handle, &error);
    if (h == NULL) return error;
    int32_t result = 0;
    for (;;) {
        if (atomic_load_explicit(&h->id, memory_order_relaxed) != handle) {
            result = P2P_ERR_INVALID_HANDLE;
            break;
        }
        if (has_events(h)) {
            result = 1;
            break;
        }
        if (!cond_wait_until(&h->changed, &h->mutex, deadline)) break;
    }
    leave(h, handle);
    mutex_unlock(&h->mutex);
    return result;
}

P2P_API const volatile uint32_t *P2P_WaitingFlag(P2P_Handle handle) {
    if (atomic_load_explicit(&bridge_forked, memory_order_relaxed)) return NULL;
    struct handle *h = handle_peek(handle);
    /* An atomic 32-bit number is read like a plain one on every platform that
     * Unity has; the flag itself promises nothing but "poll now". */
    return h == NULL ? NULL : (const volatile uint32_t *)&h->waiting;
}
