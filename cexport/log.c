/* Log lines: a ring that P2P_PollLog empties. */
#include "bridge.h"

#include <string.h>

#define LOG_LINES 256
#define LOG_LENGTH 400

static p2p_mutex log_mutex = P2P_MUTEX_INIT;
static struct {
    uint32_t level;
    char text[LOG_LENGTH];
} lines[LOG_LINES];
static uint64_t written, taken;
static _Atomic uint32_t log_level = P2P_LOG_WARN;

void bridge_log(uint32_t level, const char *line, uint32_t length) {
    if (level > atomic_load_explicit(&log_level, memory_order_relaxed)) return;
    if (length >= LOG_LENGTH) length = LOG_LENGTH - 1;
    mutex_lock(&log_mutex);
    if (written - taken == LOG_LINES) taken++; /* the oldest goes */
    char *text = lines[written % LOG_LINES].text;
    for (uint32_t i = 0; i < length; i++) text[i] = line[i] == '\n' ? ' ' : line[i];
    while (length > 0 && !utf8_valid(text, length)) length--; /* cut within a character */
    text[length] = '\0';
    lines[written % LOG_LINES].level = level;
    written++;
    mutex_unlock(&log_mutex);
}

P2P_API int32_t P2P_SetLogLevel(uint32_t level) {
    REFUSE_FORKED();
    if (level > P2P_LOG_DEBUG) return P2P_ERR_INVALID_ARGUMENT;
    atomic_store(&log_level, level);
    int32_t error;
    struct command *c = command_new(COMMAND_LOG_LEVEL, 0, 0, 0, &error);
    if (c == NULL) return error;
    c->amount = level;
    command_put(c);
    return P2P_OK;
}

P2P_API int32_t P2P_PollLog(char *buffer, uint32_t size, uint32_t *out_level) {
    REFUSE_FORKED();
    if (buffer == NULL || size == 0) return P2P_ERR_INVALID_ARGUMENT;
    buffer[0] = '\0';
    mutex_lock(&log_mutex);
    int32_t length = 0;
    if (taken != written) {
        text_copy(buffer, size, lines[taken % LOG_LINES].text);
        if (out_level != NULL) *out_level = lines[taken % LOG_LINES].level;
        length = (int32_t)strlen(buffer);
        taken++;
    }
    mutex_unlock(&log_mutex);
    return length;
}
