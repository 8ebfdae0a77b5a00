/* P2P_GetStats: snapshots that the engine keeps fresh while somebody asks. */
#include "bridge.h"

#include <stddef.h>
#include <string.h>

#define STATS_KEPT_MS 10000u /* after the last question */

void bridge_stats(P2P_Handle id, uint32_t connection, const P2P_Stats *stats) {
    int32_t error;
    struct handle *h = handle_lock(id, &error);
    if (h == NULL) return;
    struct slot *s = handle_slot(h, connection);
    if (s != NULL) {
        s->stats = *stats;
        s->stats_at = now_ms();
    }
    mutex_unlock(&h->mutex);
}

int32_t bridge_stats_wanted(P2P_Handle id) {
    int32_t error;
    struct handle *h = handle_lock(id, &error);
    if (h == NULL) return 0;
    bool wanted = h->stats_asked != 0 && now_ms() - h->stats_asked < STATS_KEPT_MS;
    if (!wanted) h->stats_asked = 0;
    mutex_unlock(&h->mutex);
    return wanted;
}

static uint32_t age_of(const struct slot *s) {
    if (s->stats_at == 0) return UINT32_MAX;
    uint64_t age = now_ms() - s->stats_at;
    return age < UINT32_MAX - 1 ? (uint32_t)age : UINT32_MAX - 1;
}

static void read_slot(const struct slot *s, P2P_Stats *out) {
    *out = s->stats;
    out->age_ms = age_of(s);
    out->members = 1;
    out->dropped_received = s->dropped_received;
}

static void add(P2P_Stats *sum, const P2P_Stats *one) {
    if (one->age_ms > sum->age_ms || sum->members == 0) sum->age_ms = one->age_ms;
    sum->members++;
    sum->bytes_sent += one->bytes_sent;
    sum->bytes_received += one->bytes_received;
    sum->messages_sent += one->messages_sent;
    sum->messages_received += one->messages_received;
    sum->unsent_bytes += one->unsent_bytes;
    sum->dropped_sent += one->dropped_sent;
    sum->dropped_received += one->dropped_received;
    sum->passed_bytes += one->passed_bytes;
    sum->passed_dropped += one->passed_dropped;
}

static int32_t gather(struct handle *h, P2P_Connection connection, P2P_Stats *out) {
    memset(out, 0, sizeof *out);
    if (connection != 0) {
        struct slot *s = handle_slot(h, connection);
        if (s == NULL || s->state == SLOT_ANNOUNCED) return P2P_ERR_NOT_CONNECTED;
        read_slot(s, out);
        return P2P_OK;
    }
    for (uint32_t i = 0; i < h->open_count; i++) {
        struct slot *s = handle_slot(h, h->open[i]);
        P2P_Stats one;
        if (s == NULL) continue;
        read_slot(s, &one);
        add(out, &one);
    }
    return P2P_OK;
}

/* Wakes the engine's statistics if they sleep. Under the mutex. */
static void ask(struct handle *h, P2P_Handle id) {
    int32_t error;
    bool asleep = h->stats_asked == 0;
    if (asleep) {
        struct command *c = command_new(COMMAND_STATS, id, 0, 0, &error);
        if (c == NULL) return;
        command_put(c);
    }
    h->stats_asked = now_ms();
}

/* What the version of P2P_Stats before this one ended before. */
#define OLDER_STATS offsetof(P2P_Stats, passed_bytes)

P2P_API int32_t P2P_GetStats(P2P_Handle handle, P2P_Connection connection, P2P_Stats *stats) {
    REFUSE_FORKED();
    if (stats == NULL) return P2P_ERR_INVALID_ARGUMENT;
    uint32_t size = stats->struct_size;
    if ((size < sizeof(P2P_Stats) && size != OLDER_STATS) || size > 4096) return P2P_ERR_STRUCT_SIZE;
    int32_t error;
    struct handle *h = handle_lock(handle, &error);
    if (h == NULL) return error;
    if (h->kind == KIND_SIGNALING) {
        mutex_unlock(&h->mutex);
        return P2P_ERR_INVALID_HANDLE;
    }
    P2P_Stats out;
    error = gather(h, connection, &out);
    if (error == P2P_OK) ask(h, handle);
    mutex_unlock(&h->mutex);
    if (error != P2P_OK) return error;
    out.struct_size = size;
    memcpy(stats, &out, size < sizeof out ? size : sizeof out);
    /* A newer program's fields that we do not know stay 0. */
    if (size > sizeof out) memset((uint8_t *)stats + sizeof out, 0, size - sizeof out);
    return P2P_OK;
}
