/* Texts: versions, error sentences, UTF-8. */
#include "bridge.h"

#include <string.h>

#include <stddef.h>

/* The layout that other languages rely on. */
_Static_assert(sizeof(P2P_Event) == 32 && offsetof(P2P_Event, member) == 16 &&
                   offsetof(P2P_Event, data_offset) == 24,
               "P2P_Event");
_Static_assert(sizeof(P2P_Stats) == 232 && offsetof(P2P_Stats, bytes_sent) == 24 &&
                   offsetof(P2P_Stats, member) == 80 &&
                   offsetof(P2P_Stats, local_candidate) == 88 &&
                   offsetof(P2P_Stats, passed_bytes) == 216,
               "P2P_Stats");
_Static_assert(sizeof(P2P_NetworkConditions) == 56 && offsetof(P2P_NetworkConditions, send_latency_ms) == 8 &&
                   offsetof(P2P_NetworkConditions, receive_latency_ms) == 32,
               "P2P_NetworkConditions");
#if UINTPTR_MAX > 0xffffffffu
_Static_assert(sizeof(P2P_Config) == 104 && offsetof(P2P_Config, signaling_url) == 8 &&
                   offsetof(P2P_Config, networks) == 40 &&
                   offsetof(P2P_Config, connect_timeout_ms) == 76 &&
                   offsetof(P2P_Config, tls_pin) == 80 &&
                   offsetof(P2P_Config, unreliable_max_age_ms) == 88 &&
                   offsetof(P2P_Config, via_host) == 92,
               "P2P_Config");
_Static_assert(sizeof(P2P_Batch) == 32 && offsetof(P2P_Batch, more) == 28, "P2P_Batch");
_Static_assert(sizeof(P2P_SignalingConfig) == 16, "P2P_SignalingConfig");
#else
_Static_assert(sizeof(P2P_Config) == 80 && offsetof(P2P_Config, networks) == 24 &&
                   offsetof(P2P_Config, tls_pin) == 64 &&
                   offsetof(P2P_Config, via_host) == 72, "P2P_Config");
_Static_assert(sizeof(P2P_Batch) == 28 && offsetof(P2P_Batch, more) == 24, "P2P_Batch");
_Static_assert(sizeof(P2P_SignalingConfig) == 12, "P2P_SignalingConfig");
#endif

/* So that a file says which ABI it has without being loaded. */
#define QUOTED(x) #x
#define DIGITS(x) QUOTED(x)
__attribute__((used)) static const char identity[] = "unityp2p ABI " DIGITS(P2P_ABI_VERSION);

P2P_API uint32_t P2P_AbiVersion(void) { return P2P_ABI_VERSION; }

static const char *_Atomic version = "unknown";

void bridge_version(const char *text) {
    static char copy[64]; /* written once, before anybody sees it */
    text_copy(copy, sizeof copy, text);
    atomic_store_explicit(&version, copy, memory_order_release);
}

P2P_API const char *P2P_VersionString(void) { return atomic_load_explicit(&version, memory_order_acquire); }

P2P_API const char *P2P_ErrorString(int32_t code) {
    switch (code) {
    case P2P_OK: return "no error";
    case P2P_ERR_INVALID_HANDLE: return "not a handle, or it is disposed, or of another kind";
    case P2P_ERR_INVALID_ARGUMENT: return "an argument is NULL, out of range or not UTF-8";
    case P2P_ERR_STRUCT_SIZE: return "struct_size does not fit: set it to sizeof the struct";
    case P2P_ERR_NOT_CONNECTED: return "there is no connection to that member (any more)";
    case P2P_ERR_TOO_LARGE: return "the message is larger than the other side takes";
    case P2P_ERR_WOULD_BLOCK: return "the send buffer is full; nothing was queued: try again in a later frame";
    case P2P_ERR_BUSY: return "another thread is polling this handle";
    case P2P_ERR_NO_MEMORY: return "out of memory";
    case P2P_ERR_LIMIT: return "too many handles, or too much is waiting to be sent";
    case P2P_ERR_FORKED: return "called in a child process after fork; call exec first";
    case P2P_ERR_BUFFER_TOO_SMALL: return "the buffer is too small; the text was cut";
    case P2P_ERR_SHUT_DOWN: return "P2P_Shutdown was called; nothing new can be created";
    case P2P_TROUBLE_ROOM_TAKEN: return "another host holds this room name";
    case P2P_TROUBLE_UNREACHABLE: return "the signaling server does not answer; check its URL and that it runs";
    case P2P_TROUBLE_TOKEN_REFUSED: return "the signaling server refused the token";
    case P2P_TROUBLE_REFUSED: return "there is no signaling server at that URL; check the path";
    case P2P_TROUBLE_NO_HOST: return "nobody hosts this room yet";
    case P2P_TROUBLE_SIGNALING_LOST: return "the connection to the signaling server broke; existing connections go on";
    case P2P_TROUBLE_CONNECT_FAILED: return "no network path to a member was found; a TURN server would help";
    case P2P_TROUBLE_ADDRESS_IN_USE: return "the port is taken, most likely by another copy of the game: connect to it";
    case P2P_TROUBLE_LISTEN_FAILED: return "the system does not allow listening at that address and port";
    case P2P_TROUBLE_REMOVED: return "the host removed us from the room";
    case P2P_TROUBLE_ROOM_FULL: return "the room takes no more members";
    case P2P_TROUBLE_INTERNAL: return "the engine could not start; P2P_LastError says why";
    case P2P_TROUBLE_CERTIFICATE: return "the signaling server's certificate is not trusted, or not the pinned one; check tls_pin";
    case P2P_TROUBLE_NOT_ALLOWED: return "the token does not allow to host, or to join, this room; get one that does";
    case P2P_TROUBLE_LIMITED: return "a limit of the signaling server was met; trying again later";
    case P2P_TROUBLE_SIGNALING_ENDED: return "the signaling server does not want us back; existing connections go on";
    case P2P_REASON_LEFT: return "it left";
    case P2P_REASON_REMOVED: return "it was removed, or removed us";
    case P2P_REASON_LOCAL: return "we ended the connection";
    case P2P_REASON_TIMED_OUT: return "nothing was heard from it for too long";
    case P2P_REASON_CLOSED: return "its end of the connection closed";
    case P2P_REASON_PROTOCOL: return "it broke the protocol";
    case P2P_REASON_REPLACED: return "it connected anew";
    }
    return "unknown code";
}

uint64_t text_length(const char *s, uint64_t limit) {
    uint64_t n = 0;
    while (n <= limit && s[n] != '\0') n++;
    return n;
}

/* How many bytes the character at s has, 0 if it is none (RFC 3629). */
static uint64_t utf8_character(const unsigned char *s, uint64_t left) {
    if (s[0] < 0x80) return 1;
    uint64_t n = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
    if (s[0] < 0xc2 || s[0] > 0xf4 || n > left) return 0;
    for (uint64_t i = 1; i < n; i++) {
        if ((s[i] & 0xc0) != 0x80) return 0;
    }
    if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
        (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f)) {
        return 0; /* overlong, a surrogate, or beyond Unicode */
    }
    return n;
}

bool utf8_valid(const char *s, uint64_t length) {
    for (uint64_t i = 0; i < length;) {
        uint64_t n = utf8_character((const unsigned char *)s + i, length - i);
        if (n == 0) return false;
        i += n;
    }
    return true;
}

void text_copy(char *dst, uint64_t size, const char *src) {
    uint64_t n = 0;
    while (src[n] != '\0' && n + 1 < size) n++;
    while (n > 0 && src[n] != '\0' && ((unsigned char)src[n] & 0xc0) == 0x80) n--;
    memcpy(dst, src, (size_t)n);
    dst[n] = '\0';
}

/* ------------------------------------------------------------ P2P_LastError */

static p2p_mutex last_mutex = P2P_MUTEX_INIT;
static char last_error[512]; /* of calls without a valid handle */

void last_error_set(const char *text) {
    mutex_lock(&last_mutex);
    text_copy(last_error, sizeof last_error, text);
    mutex_unlock(&last_mutex);
}

P2P_API int32_t P2P_LastError(P2P_Handle handle, char *buffer, uint32_t size) {
    REFUSE_FORKED();
    if (buffer == NULL || size == 0) return P2P_ERR_INVALID_ARGUMENT;
    buffer[0] = '\0';
    char text[sizeof last_error];
    if (handle == 0) {
        mutex_lock(&last_mutex);
        memcpy(text, last_error, sizeof text);
        mutex_unlock(&last_mutex);
    } else {
        int32_t error;
        struct handle *h = handle_lock(handle, &error);
        if (h == NULL) return error;
        _Static_assert(sizeof text == sizeof h->trouble, "one size of sentences");
        memcpy(text, h->trouble, sizeof text);
        mutex_unlock(&h->mutex);
    }
    text_copy(buffer, size, text);
    uint64_t length = strlen(text);
    return length < size ? (int32_t)length : P2P_ERR_BUFFER_TOO_SMALL;
}
