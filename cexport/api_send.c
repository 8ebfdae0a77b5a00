/* P2P_SendMessage, P2P_SendMessageToAll, P2P_Disconnect. */
#include "bridge.h"

#include <string.h>

/* Reserves send buffer for one message. Under the handle's mutex. */
static int32_t reserve(struct handle *h, struct slot *s, uint32_t length, bool reliable) {
    uint64_t cost = (uint64_t)length + MESSAGE_COST;
    uint64_t *unsent = reliable ? &s->unsent_reliable : &s->unsent_unreliable;
    uint64_t budget = reliable ? h->send_buffer : UNRELIABLE_BUDGET;
    if (length > (reliable ? s->max_reliable : s->max_unreliable)) return P2P_ERR_TOO_LARGE;
    if (*unsent > 0 && *unsent + cost > budget) return P2P_ERR_WOULD_BLOCK;
    *unsent += cost;
    return P2P_OK;
}

static void fill(struct command *c, const void *data, uint32_t length, uint32_t flags) {
    c->flags = flags;
    if (length > 0) memcpy((uint8_t *)(uintptr_t)c->payload, data, length);
}

static int32_t check_message(const void *data, uint32_t length, uint32_t flags) {
    if ((data == NULL && length > 0) || flags > P2P_SEND_RELIABLE) return P2P_ERR_INVALID_ARGUMENT;
    return P2P_OK;
}

P2P_API int32_t P2P_SendMessage(P2P_Handle handle, P2P_Connection connection, const void *data,
                        uint32_t length, uint32_t flags) {
    REFUSE_FORKED();
    int32_t error = check_message(data, length, flags);
    if (error != P2P_OK) return error;
    struct handle *h = handle_lock(handle, &error);
    if (h == NULL) return error;
    struct slot *s = handle_slot(h, connection);
    error = s == NULL || s->state != SLOT_OPEN ? P2P_ERR_NOT_CONNECTED
                                               : reserve(h, s, length, flags & P2P_SEND_RELIABLE);
    mutex_unlock(&h->mutex);
    if (error != P2P_OK) return error;

    struct command *c = command_new(COMMAND_SEND, handle, length, 0, &error);
    if (c == NULL) {
        bridge_sent(handle, connection, flags & P2P_SEND_RELIABLE,
                    (uint64_t)length + MESSAGE_COST);
        return error;
    }
    c->connection = connection;
    fill(c, data, length, flags);
    command_put(c);
    return P2P_OK;
}

P2P_API int32_t P2P_SendMessageToAll(P2P_Handle handle, const void *data, uint32_t length,
                             uint32_t flags) {
    REFUSE_FORKED();
    int32_t error = check_message(data, length, flags);
    if (error != P2P_OK) return error;
    struct handle *h = handle_lock(handle, &error);
    if (h == NULL) return error;
    uint32_t targets[sizeof h->open / sizeof h->open[0]];
    uint32_t count = 0;
    int32_t refusal = P2P_OK;
    for (uint32_t i = 0; i < h->open_count; i++) {
        struct slot *s = handle_slot(h, h->open[i]);
        if (s == NULL) continue;
        error = reserve(h, s, length, flags & P2P_SEND_RELIABLE);
        if (error == P2P_OK) {
            targets[count++] = h->open[i];
        } else if (refusal != P2P_ERR_WOULD_BLOCK) {
            refusal = error;
        }
    }
    mutex_unlock(&h->mutex);
    if (count == 0) return refusal;

    struct command *c = command_new(COMMAND_SEND, handle, length, count, &error);
    if (c == NULL) {
        for (uint32_t i = 0; i < count; i++) {
            bridge_sent(handle, targets[i], flags & P2P_SEND_RELIABLE,
                        (uint64_t)length + MESSAGE_COST);
        }
        return error;
    }
    memcpy((uint32_t *)(uintptr_t)c->targets, targets, count * sizeof targets[0]);
    fill(c, data, length, flags);
    command_put(c);
    return (int32_t)count;
}

P2P_API int32_t P2P_Disconnect(P2P_Handle handle, P2P_Connection connection) {
    REFUSE_FORKED();
    int32_t error;
    struct handle *h = handle_lock(handle, &error);
    if (h == NULL) return error;
    struct slot *s = handle_slot(h, connection);
    struct command *c = NULL;
    if (s == NULL || (s->state != SLOT_OPEN && s->state != SLOT_ANNOUNCED)) {
        error = P2P_ERR_NOT_CONNECTED;
    } else {
        c = command_new(COMMAND_DISCONNECT, handle, 0, 0, &error);
    }
    if (c != NULL) {
        s->state = SLOT_CLOSED;
        handle_open_remove(h, connection);
        c->connection = connection;
        command_put(c);
        error = P2P_OK;
    }
    mutex_unlock(&h->mutex);
    return error;
}
