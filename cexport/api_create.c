/* Making and ending handles: P2P_Create…, P2P_StartSignaling, P2P_Dispose,
 * P2P_Suspend, P2P_Resume, P2P_Shutdown. */
#include "bridge.h"

#include <stddef.h>
#include <string.h>

#define MAX_URL 2048u
#define MAX_ROOM_BYTES 1024u /* 256 UTF-16 code units are at most 768 bytes */
#define MAX_ROOM_UNITS 256u
#define MAX_TOKEN 4096u
#define MAX_ICE 16384u
#define MAX_PIN 128u
#define MAX_ADDRESS 64u

P2P_Handle handle_at(uint32_t n);
bool handles_await_closed(uint64_t deadline);

_Atomic uint32_t bridge_shut;

/* One string of a configuration: where it goes behind the struct. */
struct text_field {
    const char *text;
    uint64_t length, limit;
    const char *wrong;
    uint32_t *offset;
};

static int32_t check_texts(struct text_field *fields, uint32_t count, uint32_t *total) {
    uint64_t offset = sizeof(struct room_config);
    for (uint32_t i = 0; i < count; i++) {
        struct text_field *f = &fields[i];
        *f->offset = 0;
        if (f->text == NULL) continue;
        f->length = text_length(f->text, f->limit);
        if (f->length > f->limit || !utf8_valid(f->text, f->length)) {
            return refuse(P2P_ERR_INVALID_ARGUMENT, f->wrong);
        }
        *f->offset = (uint32_t)offset;
        offset += f->length + 1;
    }
    *total = (uint32_t)offset;
    return P2P_OK;
}

static void copy_texts(uint8_t *payload, const struct text_field *fields, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        if (fields[i].text == NULL) continue;
        memcpy(payload + *fields[i].offset, fields[i].text, (size_t)fields[i].length);
        payload[*fields[i].offset + fields[i].length] = 0;
    }
}

/* UTF-16 code units of valid UTF-8. */
static uint64_t utf16_units(const char *s) {
    uint64_t units = 0;
    for (; *s != '\0'; s++) {
        unsigned char c = (unsigned char)*s;
        if ((c & 0xc0) != 0x80) units += c >= 0xf0 ? 2 : 1;
    }
    return units;
}

/* A number that is 0 for its default, and otherwise within bounds. */
static bool in_range(uint32_t *value, uint32_t fallback, uint32_t least, uint32_t most) {
    if (*value == 0) *value = fallback;
    return *value >= least && *value <= most;
}

static int32_t check_numbers(P2P_Config *c) {
    if (c->loopback > P2P_LOOPBACK_ONLY) {
        return refuse(P2P_ERR_INVALID_ARGUMENT, "loopback is no P2P_LOOPBACK_ value");
    }
    if (c->networks & ~(P2P_NETWORK_UDP4 | P2P_NETWORK_UDP6)) {
        return refuse(P2P_ERR_INVALID_ARGUMENT, "networks has unknown bits; see P2P_NETWORK_");
    }
    if (c->port_min > c->port_max || (c->port_min == 0) != (c->port_max == 0)) {
        return refuse(P2P_ERR_INVALID_ARGUMENT, "port_min and port_max are no range of ports");
    }
    if (!in_range(&c->max_message, 16u << 20, 1, 16u << 20)) {
        return refuse(P2P_ERR_INVALID_ARGUMENT, "max_message must be 1 B to 16 MiB");
    }
    if (!in_range(&c->send_buffer, 4u << 20, 64u << 10, 256u << 20) ||
        !in_range(&c->receive_buffer, 2u << 20, 64u << 10, 256u << 20) ||
        !in_range(&c->unreliable_buffer, 1u << 20, 64u << 10, 256u << 20)) {
        return refuse(P2P_ERR_INVALID_ARGUMENT,
                      "send_buffer, receive_buffer and unreliable_buffer must be 64 KiB to 256 MiB");
    }
    if (!in_range(&c->max_members, 64, 1, 1024)) {
        return refuse(P2P_ERR_INVALID_ARGUMENT, "max_members must be 1 to 1024");
    }
    if (!in_range(&c->unreachable_after_ms, 5000, 500, 3600000) ||
        !in_range(&c->disconnect_after_ms, 30000, 500, 3600000) ||
        !in_range(&c->connect_timeout_ms, 30000, 500, 3600000)) {
        return refuse(P2P_ERR_INVALID_ARGUMENT, "times must be 500 ms to 1 h");
    }
    if (!in_range(&c->unreliable_max_age_ms, 100, 10, 3600000)) {
        return refuse(P2P_ERR_INVALID_ARGUMENT, "unreliable_max_age_ms must be 10 ms to 1 h");
    }
    if (c->via_host > P2P_VIA_HOST_NEVER) {
        return refuse(P2P_ERR_INVALID_ARGUMENT, "via_host is no P2P_VIA_HOST_ value");
    }
    if (c->via_host_rate != 0 && (c->via_host_rate < 16u << 10 || c->via_host_rate > 1u << 30)) {
        return refuse(P2P_ERR_INVALID_ARGUMENT, "via_host_rate must be 0, or 16384 B/s to 1 GiB/s");
    }
    if (c->disconnect_after_ms <= c->unreachable_after_ms) {
        return refuse(P2P_ERR_INVALID_ARGUMENT,
                      "disconnect_after_ms must be longer than unreachable_after_ms");
    }
    return P2P_OK;
}

/* A fingerprint: 64 hexadecimal digits, and colons wherever. */
static bool is_pin(const char *s) {
    uint32_t digits = 0;
    for (; *s != '\0'; s++) {
        bool digit = (*s >= '0' && *s <= '9') || (*s >= 'a' && *s <= 'f') || (*s >= 'A' && *s <= 'F');
        if (!digit && *s != ':') return false;
        digits += digit;
    }
    return digits == 64;
}

static bool begins_with(const char *s, const char *prefix) {
    return strncmp(s, prefix, strlen(prefix)) == 0;
}

static int32_t check_config(P2P_Config *c) {
    if (c->signaling_url == NULL) {
        return refuse(P2P_ERR_INVALID_ARGUMENT, "signaling_url is NULL; it says where the signaling server is, such as wss://example.org");
    }
    if (c->room == NULL) return refuse(P2P_ERR_INVALID_ARGUMENT, "room is NULL; it is the name to meet under");
    return check_numbers(c);
}

static void fill_config(struct room_config *r, uint32_t kind, const P2P_Config *c) {
    r->kind = kind;
    r->loopback = c->loopback;
    r->networks = c->networks;
    r->port_min = c->port_min;
    r->port_max = c->port_max;
    r->max_message = c->max_message;
    r->send_buffer = c->send_buffer;
    r->receive_buffer = c->receive_buffer;
    r->unreliable_buffer = c->unreliable_buffer;
    r->max_members = c->max_members;
    r->unreachable_after_ms = c->unreachable_after_ms;
    r->disconnect_after_ms = c->disconnect_after_ms;
    r->connect_timeout_ms = c->connect_timeout_ms;
    r->unreliable_max_age_ms = c->unreliable_max_age_ms;
    r->via_host = c->via_host;
    r->via_host_rate = c->via_host_rate;
}

/* Makes the handle and sends the configuration to the engine. */
static int32_t launch(uint32_t command, struct room_config *r, const struct text_field *fields,
                      uint32_t count, uint32_t total, P2P_Handle *out) {
    int32_t error;
    struct command *c = command_new(command, 0, total, 0, &error);
    if (c == NULL) return refuse(error, P2P_ErrorString(error));
    uint8_t *payload = (uint8_t *)(uintptr_t)c->payload;
    memcpy(payload, r, sizeof *r);
    copy_texts(payload, fields, count);
    struct handle *h = handle_new(r->kind, &error);
    if (h == NULL) {
        command_drop(c);
        return refuse(error, "256 handles are in use; dispose some");
    }
    h->send_buffer = r->send_buffer;
    h->receive_buffer = r->receive_buffer;
    h->unreliable_buffer = r->unreliable_buffer;
    P2P_Handle id = atomic_load_explicit(&h->id, memory_order_relaxed);
    c->handle = id;
    command_put(c);
    mutex_unlock(&h->mutex);
    *out = id;
    return P2P_OK;
}

static int32_t begin(P2P_Handle *out_handle, const void *config, bool needed) {
    if (out_handle != NULL) *out_handle = 0;
    REFUSE_FORKED();
    if (atomic_load(&bridge_shut)) return refuse(P2P_ERR_SHUT_DOWN, "P2P_Shutdown was called");
    if (out_handle == NULL || (needed && config == NULL)) {
        return refuse(P2P_ERR_INVALID_ARGUMENT, "a pointer is NULL");
    }
    check_copies();
    return P2P_OK;
}

/* What versions of P2P_Config ended before. Where pointers have 8 bytes, via_host was
 * padding at the end of the last of them, which was to be zero like the rest. */
static const uint64_t older_configs[] = {offsetof(P2P_Config, tls_pin), offsetof(P2P_Config, unreliable_max_age_ms),
                                         sizeof(void *) == 8 ? offsetof(P2P_Config, via_host_rate)
                                                             : offsetof(P2P_Config, via_host)};

static int32_t create(uint32_t kind, const P2P_Config *config, P2P_Handle *out_handle) {
    int32_t error = begin(out_handle, config, true);
    if (error != P2P_OK) return error;
    P2P_Config c;
    error = read_struct(&c, sizeof c, older_configs, sizeof older_configs / sizeof older_configs[0], config);
    if (error != P2P_OK) return error;
    error = check_config(&c);
    if (error != P2P_OK) return error;
    struct room_config r;
    memset(&r, 0, sizeof r);
    struct text_field fields[] = {
        {c.signaling_url, 0, MAX_URL, "signaling_url is longer than 2048 bytes or not UTF-8", &r.signaling_url},
        {c.room, 0, MAX_ROOM_BYTES, "room is too long or not UTF-8", &r.room},
        {c.token, 0, MAX_TOKEN, "token is longer than 4096 bytes or not UTF-8", &r.token},
        {c.ice_servers, 0, MAX_ICE, "ice_servers is longer than 16384 bytes or not UTF-8", &r.ice_servers},
        {c.tls_pin, 0, MAX_PIN, "tls_pin is longer than 128 bytes or not UTF-8", &r.tls_pin},
    };
    uint32_t count = sizeof fields / sizeof fields[0];
    uint32_t total = 0;
    error = check_texts(fields, count, &total);
    if (error != P2P_OK) return error;
    if (!begins_with(c.signaling_url, "ws://") && !begins_with(c.signaling_url, "wss://")) {
        return refuse(P2P_ERR_INVALID_ARGUMENT, "signaling_url must begin with ws:// or wss://");
    }
    if (c.tls_pin != NULL && c.tls_pin[0] != '\0') {
        if (!is_pin(c.tls_pin)) {
            return refuse(P2P_ERR_INVALID_ARGUMENT, "tls_pin is no SHA-256 fingerprint: 64 hexadecimal digits");
        }
        if (!begins_with(c.signaling_url, "wss://")) {
            return refuse(P2P_ERR_INVALID_ARGUMENT, "tls_pin needs a signaling_url that begins with wss://");
        }
    }
    if (utf16_units(c.room) > MAX_ROOM_UNITS) {
        return refuse(P2P_ERR_INVALID_ARGUMENT, "room is longer than 256 UTF-16 code units");
    }
    fill_config(&r, kind, &c);
    return launch(COMMAND_CREATE, &r, fields, count, total, out_handle);
}

P2P_API int32_t P2P_CreateServer(const P2P_Config *config, P2P_Handle *out_handle) {
    return create(KIND_SERVER, config, out_handle);
}

P2P_API int32_t P2P_CreateClient(const P2P_Config *config, P2P_Handle *out_handle) {
    return create(KIND_CLIENT, config, out_handle);
}

P2P_API int32_t P2P_StartSignaling(const P2P_SignalingConfig *config, P2P_Handle *out_handle) {
    int32_t error = begin(out_handle, config, false);
    if (error != P2P_OK) return error;
    P2P_SignalingConfig c;
    memset(&c, 0, sizeof c);
    if (config != NULL) {
        error = read_struct(&c, sizeof c, NULL, 0, config);
        if (error != P2P_OK) return error;
    }
    if (c.port > 65535 && c.port != P2P_ANY_PORT) {
        return refuse(P2P_ERR_INVALID_ARGUMENT, "port must be 1 to 65535, 0 or P2P_ANY_PORT");
    }
    struct room_config r;
    memset(&r, 0, sizeof r);
    r.kind = KIND_SIGNALING;
    r.port = c.port == 0 ? 12776 : c.port;
    struct text_field field = {c.address, 0, MAX_ADDRESS, "address is longer than 64 bytes or not UTF-8", &r.address};
    uint32_t total = 0;
    error = check_texts(&field, 1, &total);
    if (error != P2P_OK) return error;
    return launch(COMMAND_SIGNALING, &r, &field, 1, total, out_handle);
}

P2P_API int32_t P2P_Dispose(P2P_Handle handle) {
    REFUSE_FORKED();
    int32_t error;
    if (!handle_was(handle)) return P2P_ERR_INVALID_HANDLE;
    /* The command first: when it cannot be queued the handle stays usable. */
    struct command *c = command_new(COMMAND_DISPOSE, handle, 0, 0, &error);
    struct handle *h = handle_lock(handle, &error);
    if (h == NULL) {
        if (c != NULL) command_drop(c);
        return P2P_OK;
    }
    if (c == NULL) {
        mutex_unlock(&h->mutex);
        return P2P_ERR_NO_MEMORY;
    }
    handle_retire(h);
    command_put(c);
    mutex_unlock(&h->mutex);
    return P2P_OK;
}

/* Notes what is wanted. The engine is told once, and then looks at what was
 * wanted last: a game that toggles faster than rooms can follow fills no queue. */
static int32_t suspend(P2P_Handle handle, uint32_t suspended) {
    REFUSE_FORKED();
    int32_t error;
    struct handle *h = handle_lock(handle, &error);
    if (h == NULL) return error;
    error = P2P_OK;
    if (h->suspended != suspended && !h->suspend_told) {
        struct command *c = command_new(COMMAND_SUSPEND, handle, 0, 0, &error);
        if (c != NULL) {
            h->suspend_told = 1;
            command_put(c);
        }
    }
    if (error == P2P_OK) h->suspended = suspended;
    mutex_unlock(&h->mutex);
    return error;
}

int32_t bridge_suspended(P2P_Handle handle) {
    int32_t error;
    struct handle *h = handle_lock(handle, &error);
    if (h == NULL) return -1;
    h->suspend_told = 0;
    int32_t suspended = (int32_t)h->suspended;
    mutex_unlock(&h->mutex);
    return suspended;
}

P2P_API int32_t P2P_Suspend(P2P_Handle handle) { return suspend(handle, 1); }

P2P_API int32_t P2P_Resume(P2P_Handle handle) { return suspend(handle, 0); }

P2P_API int32_t P2P_Shutdown(uint32_t timeout_ms) {
    REFUSE_FORKED();
    if (timeout_ms > 60000) timeout_ms = 60000;
    atomic_store(&bridge_shut, 1);
    for (uint32_t i = 0; i < MAX_HANDLES; i++) {
        P2P_Handle id = handle_at(i);
        if (id != 0) P2P_Dispose(id);
    }
    return handles_await_closed(now_ms() + timeout_ms) ? 1 : 0;
}
