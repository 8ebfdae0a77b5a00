/* P2P_SetNetworkConditions: a bad network, for trying games. */
#include "bridge.h"

#include <string.h>

#define MOST_DELAY_MS 10000u
#define MOST_RATE_KBIT 10000000u

/* What is no number is no percentage either. */
static bool is_percentage(float p) { return p >= 0 && p <= 100; }

static int32_t check_conditions(const P2P_NetworkConditions *c) {
    if (c->send_latency_ms > MOST_DELAY_MS || c->send_jitter_ms > MOST_DELAY_MS ||
        c->receive_latency_ms > MOST_DELAY_MS || c->receive_jitter_ms > MOST_DELAY_MS) {
        return refuse(P2P_ERR_INVALID_ARGUMENT, "latency and jitter must be at most 10000 ms");
    }
    if (!is_percentage(c->send_loss_percent) || !is_percentage(c->receive_loss_percent) ||
        !is_percentage(c->send_duplication_percent) || !is_percentage(c->receive_duplication_percent) ||
        !is_percentage(c->send_reordering_percent) || !is_percentage(c->receive_reordering_percent)) {
        return refuse(P2P_ERR_INVALID_ARGUMENT, "loss, duplication and reordering must be 0 to 100 percent");
    }
    if (c->send_rate_kbit > MOST_RATE_KBIT || c->receive_rate_kbit > MOST_RATE_KBIT) {
        return refuse(P2P_ERR_INVALID_ARGUMENT, "rates must be at most 10000000 kbit/s");
    }
    return P2P_OK;
}

/* As with P2P_Suspend, the engine is told once, and then looks at what was wanted
 * last: a slider that is dragged fills no queue. */
P2P_API int32_t P2P_SetNetworkConditions(P2P_Handle handle, const P2P_NetworkConditions *conditions) {
    REFUSE_FORKED();
    int32_t error;
    P2P_NetworkConditions c;
    memset(&c, 0, sizeof c);
    if (conditions != NULL) {
        error = read_struct(&c, sizeof c, NULL, 0, conditions);
        if (error == P2P_OK) error = check_conditions(&c);
        if (error != P2P_OK) return error;
    }
    struct handle *h = handle_lock(handle, &error);
    if (h == NULL) return error;
    error = P2P_OK;
    struct command *told = NULL;
    if (h->kind == KIND_SIGNALING) {
        error = P2P_ERR_INVALID_HANDLE;
    } else if (!h->conditions_told) {
        told = command_new(COMMAND_CONDITIONS, handle, 0, 0, &error);
    }
    if (told != NULL) {
        h->conditions_told = 1;
        command_put(told);
    }
    if (error == P2P_OK) h->conditions = c;
    mutex_unlock(&h->mutex);
    return error;
}

int32_t bridge_conditions(P2P_Handle handle, P2P_NetworkConditions *out) {
    int32_t error;
    struct handle *h = handle_lock(handle, &error);
    if (h == NULL) return 0;
    h->conditions_told = 0;
    *out = h->conditions;
    mutex_unlock(&h->mutex);
    return 1;
}
