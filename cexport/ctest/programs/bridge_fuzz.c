/*
 * For libFuzzer: the bytes of an input are calls into the bridge, right and
 * wrong, and what the engine does meanwhile. A model of each handle knows what
 * must come out. Pointers are NULL or valid: nothing can survive others.
 */
#include <stdlib.h>
#include <string.h>

#include "../../bridge.h"
#include "check.h"

#define TRAP_UNLESS(condition)                                                                     \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);                \
            __builtin_trap();                                                                      \
        }                                                                                          \
    } while (0)

static const uint8_t *input;
static size_t left;

static uint32_t u8(void) {
    if (left == 0) return 0;
    left--;
    return *input++;
}

static uint64_t u64(void) {
    uint64_t v = 0;
    for (int i = 0; i < 8; i++) v = v << 8 | u8();
    return v;
}

#define PICK(list) ((list)[u8() % (sizeof(list) / sizeof((list)[0]))])

/* ------------------------------------------------------------------- model */

enum { MODELS = 6, QUEUE = 64 };

struct expected {
    P2P_Event event;
    uint8_t fill;  /* each byte of its data */
    int droppable; /* may be missing: unreliable, or put with one that had no place */
};

struct model {
    P2P_Handle id, before; /* before: of an earlier life */
    uint64_t accepted, taken; /* sends */
    struct expected queue[QUEUE];
    uint32_t count;
};

static struct model models[MODELS];

static struct model *model_of(P2P_Handle id) {
    for (int i = 0; i < MODELS; i++) {
        if (id != 0 && models[i].id == id) return &models[i];
    }
    return NULL;
}

static P2P_Handle pick_handle(void) {
    uint32_t how = u8();
    struct model *m = &models[how % MODELS];
    switch (how / MODELS % 8) {
    case 0: return 0;
    case 1: return m->before;
    case 2: return m->id ^ (P2P_Handle)1 << u8() % 64;
    case 3: return u64();
    default: return m->id;
    }
}

/* What came out must be the next that went in, but for dropped ones. */
static void came(struct model *m, const P2P_Event *e, const uint8_t *arena, uint32_t size) {
    TRAP_UNLESS(m != NULL);
    uint32_t at = 0;
    for (;; at++) {
        TRAP_UNLESS(at < m->count);
        const P2P_Event *w = &m->queue[at].event;
        if (w->type == e->type && w->connection == e->connection && w->flags == e->flags &&
            w->data_length == e->data_length && w->code == e->code) {
            break;
        }
        TRAP_UNLESS(m->queue[at].droppable);
    }
    TRAP_UNLESS(e->data_offset <= size && e->data_length <= size - e->data_offset);
    for (uint32_t i = 0; i < e->data_length; i++) {
        TRAP_UNLESS(arena[e->data_offset + i] == m->queue[at].fill || m->queue[at].droppable);
    }
    m->count -= at + 1;
    memmove(m->queue, m->queue + at + 1, m->count * sizeof m->queue[0]);
}

/* ------------------------------------------------------------- the game's side */

/* A text of bytes of the input, of any length up to a little more than is allowed,
 * in memory that ASan guards to the byte. For the caller to free. */
static char *wild_text(void) {
    static const uint32_t lengths[] = {1, 7, 63, 64, 65, 255, 257, 769, 1024, 1025, 2048, 2049, 4096, 4097, 16384, 16385};
    uint32_t length = PICK(lengths), period = 1 + u8() % 8;
    char *text = malloc(length + 1);
    for (uint32_t i = 0; i < length; i++) text[i] = i < period ? (char)u8() : text[i - period];
    text[length] = '\0';
    return text;
}

/* A fresh handle takes the place of another. */
static void begun(P2P_Handle h) {
    struct model *m = &models[u8() % MODELS];
    TRAP_UNLESS(model_of(h) == NULL);
    if (m->id != 0) TRAP_UNLESS(P2P_Dispose(m->id) == P2P_OK);
    P2P_Handle before = m->id;
    memset(m, 0, sizeof *m);
    m->id = h;
    m->before = before;
}

static void start_signaling(void) {
    static const uint32_t sizes[] = {sizeof(P2P_SignalingConfig), 0, 8, sizeof(P2P_SignalingConfig) + 8, UINT32_MAX};
    static const uint32_t ports[] = {0, 1, 65535, 65536, P2P_ANY_PORT, UINT32_MAX};
    struct {
        P2P_SignalingConfig c;
        uint64_t later;
    } config;
    memset(&config, 0, sizeof config);
    char *wild = u8() % 2 ? wild_text() : NULL;
    config.later = u8() % 4 == 0;
    config.c.struct_size = PICK(sizes);
    config.c.port = PICK(ports);
    config.c.address = wild;
    P2P_Handle h = 99;
    int32_t result = P2P_StartSignaling(u8() % 8 == 0 ? NULL : &config.c, u8() % 16 == 0 ? NULL : &h);
    free(wild);
    TRAP_UNLESS(result == P2P_OK || result >= P2P_ERR_LIMIT);
    if (result == P2P_OK) begun(h);
}

static void create(void) {
    static const uint32_t sizes[] = {sizeof(P2P_Config), 0, 4, 64, sizeof(P2P_Config) + 8, UINT32_MAX};
    static const char *urls[] = {"ws://h/", NULL, "", "http://h/", "\xff\xfe", "wss://h:1/path"};
    static const char *texts[] = {"room", NULL, "", "\xc3\x28", "r\xc3\xa4um"};
    static const uint32_t numbers[] = {0, 1, 65536, UINT32_MAX};
    struct {
        P2P_Config c;
        uint64_t later; /* fields of a version to come */
    } config;
    memset(&config, 0, sizeof config);
    P2P_Config *c = &config.c;
    config.later = u8() % 4 == 0;
    c->struct_size = PICK(sizes);
    if (c->struct_size > sizeof config) c->struct_size = UINT32_MAX; /* refused before it is read */
    c->signaling_url = PICK(urls);
    c->room = PICK(texts);
    c->token = PICK(texts);
    c->ice_servers = PICK(texts);
    if (u8() % 4 == 0) c->max_message = PICK(numbers);
    if (u8() % 4 == 0) c->unreliable_buffer = PICK(numbers);
    if (u8() % 8 == 0) c->loopback = PICK(numbers);
    char *wild = u8() % 2 ? wild_text() : NULL;
    if (wild != NULL) {
        const char **fields[] = {&c->signaling_url, &c->room, &c->token, &c->ice_servers};
        *PICK(fields) = wild;
    }
    P2P_Handle h = 99;
    P2P_Config *given = u8() % 16 == 0 ? NULL : c;
    int32_t result = u8() % 2 ? P2P_CreateServer(given, &h) : P2P_CreateClient(given, &h);
    free(wild); /* copied, or not wanted */
    TRAP_UNLESS((result == P2P_OK) == (h != 0));
    if (result != P2P_OK) return;
    TRAP_UNLESS(given != NULL);
    begun(h);
}

static void dispose(void) {
    P2P_Handle h = pick_handle();
    int32_t result = P2P_Dispose(h);
    TRAP_UNLESS(result == P2P_OK || result == P2P_ERR_INVALID_HANDLE);
    struct model *m = model_of(h);
    if (m == NULL) return;
    TRAP_UNLESS(result == P2P_OK);
    memset(m, 0, sizeof *m);
    m->before = h;
}

static void poll_events(void) {
    static const uint32_t counts[] = {1, 3, 64, 0, 65537}, arenas[] = {0, 1, 100, 5000, 0x80000000u};
    static P2P_Event events[64];
    P2P_Handle h = pick_handle();
    uint32_t most = PICK(counts), size = PICK(arenas);
    uint8_t *arena = size > 0 && size <= 5000 ? malloc(size) : NULL; /* ASan guards its end */
    P2P_Batch b = {.struct_size = u8() % 8 == 0 ? u8() : sizeof b, .arena = arena, .arena_size = size};
    if (b.struct_size > sizeof b) b.struct_size = sizeof b;
    int32_t n = P2P_Poll(h, u8() % 16 == 0 ? NULL : events, most, u8() % 16 == 0 ? NULL : &b);
    TRAP_UNLESS(n >= P2P_ERR_STRUCT_SIZE && n <= 64);
    for (int32_t i = 0; i < n; i++) came(model_of(h), &events[i], arena, size);
    if (n >= 0 && b.needed > 0) TRAP_UNLESS(n == 0 || b.needed > size);
    free(arena);
}

static void send_message(int all) {
    static uint8_t data[3000];
    static const uint32_t lengths[] = {0, 1, 100, 3000, 1u << 30};
    static const uint32_t connections[] = {1, 2, 0, 3, 0x10001, UINT32_MAX};
    P2P_Handle h = pick_handle();
    uint32_t connection = PICK(connections), length = PICK(lengths), flags = u8() % 4;
    const void *p = length <= sizeof data && u8() % 8 != 0 ? data : NULL;
    int32_t result = all ? P2P_SendMessageToAll(h, p, length, flags)
                         : P2P_SendMessage(h, connection, p, length, flags);
    TRAP_UNLESS(result >= P2P_ERR_LIMIT);
    struct model *m = model_of(h);
    if (m == NULL) TRAP_UNLESS(result < 0);
    if (p == NULL && length > 0) TRAP_UNLESS(result == P2P_ERR_INVALID_ARGUMENT);
    if (m != NULL && result >= 0) m->accepted += all ? (uint64_t)result : 1;
}

static void ask(void) {
    P2P_Handle h = pick_handle();
    P2P_Stats s = {.struct_size = u8() % 4 == 0 ? u8() : sizeof s};
    if (s.struct_size > sizeof s) s.struct_size = sizeof s;
    char *text = malloc(8);
    uint32_t level;
    switch (u8() % 11) {
    case 0: TRAP_UNLESS(P2P_GetStats(h, u8() % 4, u8() % 8 == 0 ? NULL : &s) <= 0); break;
    case 1: TRAP_UNLESS(P2P_LastError(h, text, u8() % 9) <= 512); break;
    case 2: TRAP_UNLESS(P2P_LastError(h, NULL, u8() % 9) <= 0); break;
    case 3: TRAP_UNLESS(P2P_PollLog(text, u8() % 9, u8() % 2 ? &level : NULL) <= 8); break;
    case 4: TRAP_UNLESS(P2P_SetLogLevel(u8()) <= 0); break;
    case 5: TRAP_UNLESS(strlen(P2P_ErrorString((int32_t)u64())) > 0); break;
    case 6: TRAP_UNLESS((P2P_WaitingFlag(h) != NULL) == (model_of(h) != NULL)); break;
    case 7: TRAP_UNLESS(P2P_Wait(h, 0) <= 1); break;
    case 8: TRAP_UNLESS(P2P_Suspend(h) <= 0); break;
    case 9: TRAP_UNLESS(P2P_Resume(h) <= 0); break;
    case 10: {
        P2P_NetworkConditions n;
        uint8_t *raw = (uint8_t *)&n;
        for (size_t i = 0; i < sizeof n; i++) raw[i] = u8();
        if (u8() % 2) n.struct_size = sizeof n;
        if (n.struct_size > sizeof n) n.struct_size = sizeof n;
        TRAP_UNLESS(P2P_SetNetworkConditions(h, u8() % 8 == 0 ? NULL : &n) <= 0);
        break;
    }
    }
    free(text);
}

/* ----------------------------------------------------------- the engine's side */

/* The engine finds every text of a configuration where it is said to be, ended. */
static void read_config(const struct command *c) {
    struct room_config r;
    TRAP_UNLESS(c->length >= sizeof r);
    memcpy(&r, c->payload, sizeof r);
    const uint32_t offsets[] = {r.signaling_url, r.room, r.token, r.ice_servers, r.address};
    for (uint32_t i = 0; i < sizeof offsets / sizeof offsets[0]; i++) {
        if (offsets[i] == 0) continue;
        TRAP_UNLESS(offsets[i] >= sizeof r && offsets[i] < c->length);
        const char *text = (const char *)c->payload + offsets[i];
        uint32_t most = c->length - offsets[i];
        TRAP_UNLESS(text_length(text, most - 1) < most && utf8_valid(text, strlen(text)));
    }
}

static void take(void) {
    struct command *first = bridge_take();
    for (struct command *c = first; c != NULL; c = c->next) {
        struct model *m = model_of(c->handle);
        if (c->type == COMMAND_CREATE || c->type == COMMAND_SIGNALING) read_config(c);
        if (c->type == COMMAND_DISPOSE) bridge_closed(c->handle);
        if (c->type == COMMAND_SUSPEND) bridge_suspended(c->handle);
        if (c->type != COMMAND_SEND) continue;
        if (m != NULL) m->taken += c->target_count > 0 ? c->target_count : 1;
        for (uint32_t i = 0; i < (c->target_count > 0 ? c->target_count : 1); i++) {
            uint32_t to = c->target_count > 0 ? c->targets[i] : c->connection;
            bridge_sent(c->handle, to, c->flags & P2P_SEND_RELIABLE, (uint64_t)c->length + MESSAGE_COST);
        }
    }
    bridge_free(first);
    for (int i = 0; i < MODELS; i++) TRAP_UNLESS(models[i].accepted == models[i].taken);
}

static void put(void) {
    static uint8_t data[4000];
    static const uint32_t lengths[] = {0, 1, 90, 4000}, connections[] = {1, 2, 0, 0x10001, 65535};
    struct event_record r[4];
    uint32_t count = 1 + u8() % 4;
    for (uint32_t i = 0; i < count; i++) {
        r[i] = (struct event_record){.type = u8() % 9,
                                     .connection = PICK(connections),
                                     .flags = u8() % 2,
                                     .code = (int32_t)u8(),
                                     .length = PICK(lengths),
                                     .max_reliable = 2000,
                                     .max_unreliable = 1000};
    }
    P2P_Handle h = pick_handle();
    struct model *m = model_of(h);
    if (m != NULL && m->count + count > QUEUE) return;
    uint8_t fill = (uint8_t)u8();
    memset(data, fill, sizeof data);
    int32_t result = bridge_put(h, r, count, data);
    TRAP_UNLESS((m == NULL) == (result != P2P_OK && result != P2P_ERR_NO_MEMORY));
    if (m == NULL) return;
    for (uint32_t i = 0; i < count; i++) {
        struct expected *e = &m->queue[m->count++];
        e->event = (P2P_Event){.type = r[i].type, .connection = r[i].connection, .flags = r[i].flags,
                               .code = r[i].code, .data_length = r[i].length};
        e->fill = fill;
        e->droppable = result != P2P_OK ||
                       (r[i].type == P2P_EVENT_MESSAGE && !(r[i].flags & P2P_EVENT_FLAG_RELIABLE));
    }
}

static void report(void) {
    P2P_Stats s = {.path = u8()};
    P2P_Handle h = pick_handle();
    switch (u8() % 3) {
    case 0: bridge_stats(h, u8() % 4, &s); break;
    case 1: bridge_stats_wanted(h); break;
    case 2: bridge_log(u8() % 6, "a line of a log", u8() % 16); break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    input = data;
    left = size;
    while (left > 0) {
        switch (u8() % 16) {
        case 0: u8() % 4 == 0 ? start_signaling() : create(); break;
        case 1: dispose(); break;
        case 2:
        case 3:
        case 4: poll_events(); break;
        case 5:
        case 6: send_message(0); break;
        case 7: send_message(1); break;
        case 8: ask(); break;
        case 9: take(); break;
        case 10: report(); break;
        case 11: TRAP_UNLESS(P2P_Disconnect(pick_handle(), u8() % 4) <= 0); break;
        default: put(); break;
        }
    }
    take();
    for (int i = 0; i < MODELS; i++) {
        if (models[i].id != 0) TRAP_UNLESS(P2P_Dispose(models[i].id) == P2P_OK);
    }
    memset(models, 0, sizeof models);
    take();
    return 0;
}
