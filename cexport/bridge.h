/*
 * bridge.h - between the P2P_ entry points, which are C and run on the game's
 * threads, and the Go engine behind them.
 *
 * Nothing here enters Go. The game's side puts commands into one queue
 * (outbox.c); Go takes them a batch at a time. Go puts events into a handle's
 * inbox (inbox.c); P2P_Poll takes them. Handles and connection slots (slab.c)
 * live in memory that is never freed, so that a late call finds something to
 * look at, and a generation tells it that it is late.
 *
 * Locks: a slot's and an inbox's state is under its handle's mutex, the command
 * queue has one of its own. No lock is held while another is taken, except
 * handle then queue. None is held while memory is copied to the game.
 */
#ifndef UNITYP2P_BRIDGE_H
#define UNITYP2P_BRIDGE_H

#define P2P_BUILDING 1
#include "../include/p2p.h"
#include "sync.h"

#define MESSAGE_COST 32u             /* as core.MessageCost */
#define MAX_HANDLES 256u
#define MAX_CONNECTION_INDEX 32767u
#define SLOTS_PER_CHUNK 64u
#define SLOT_CHUNKS (MAX_CONNECTION_INDEX / SLOTS_PER_CHUNK + 1u)
#define UNRELIABLE_BUDGET (512u << 10) /* unreliable bytes accepted but not yet sent, a connection: what the engine holds */
#define QUEUE_BUDGET (1ull << 30)    /* bytes of all commands together */

enum handle_kind { KIND_FREE = 0, KIND_SERVER = 1, KIND_CLIENT = 2, KIND_SIGNALING = 3 };

/* ------------------------------------------------- commands, game to engine */

enum command_type {
    COMMAND_CREATE = 1, /* payload: struct room_config, then its strings */
    COMMAND_SIGNALING,  /* payload: struct room_config with address and port */
    COMMAND_SEND,       /* payload: the message; targets if to many */
    COMMAND_DISCONNECT,
    COMMAND_CREDIT,     /* amount: cost of reliable messages that the game took */
    COMMAND_SUSPEND,    /* or resume: bridge_suspended says which */
    COMMAND_CONDITIONS, /* of the network: bridge_conditions says which */
    COMMAND_STATS,      /* keep statistics fresh for a while */
    COMMAND_DISPOSE,
    COMMAND_LOG_LEVEL   /* amount: the level */
};

/* One command. The payload and the targets stand behind it in memory. */
struct command {
    struct command *next;
    P2P_Handle handle;
    uint32_t type;
    uint32_t connection;   /* one target, or 0 */
    uint32_t flags;        /* P2P_SEND_ */
    uint32_t target_count; /* send to all: how many uint32_t stand at targets */
    uint64_t amount;
    uint32_t length;       /* of the payload */
    uint32_t reserved;
    const uint8_t *payload;
    const uint32_t *targets;
};

/* A checked configuration, with offsets of strings behind the struct. A string
 * that was NULL has the offset 0. Each ends in NUL. */
struct room_config {
    uint32_t kind;
    uint32_t loopback, networks;
    uint32_t port_min, port_max;
    uint32_t max_message, send_buffer, receive_buffer, unreliable_buffer, max_members;
    uint32_t unreachable_after_ms, disconnect_after_ms, connect_timeout_ms, unreliable_max_age_ms;
    uint32_t via_host, via_host_rate;
    uint32_t signaling_url, room, token, ice_servers, tls_pin;
    uint32_t port, address; /* signaling */
};

/* ---------------------------------------------------- events, engine to game */

/* What Go says of one event; data points to Go's memory for the call. */
struct event_record {
    uint32_t type, connection, flags;
    int32_t code;
    uint64_t member;
    uint32_t offset, length;               /* of the data behind base */
    uint32_t max_reliable, max_unreliable; /* CONNECTED */
};

/* An event that waits for a poll. */
struct event_node {
    struct event_node *next, *prev;
    struct event_node *next_unreliable; /* of the same connection */
    P2P_Event event;
    uint8_t data[];
};

/* One connection of one handle. */
enum slot_state { SLOT_FREE = 0, SLOT_ANNOUNCED, SLOT_OPEN, SLOT_CLOSED };

struct slot {
    uint32_t connection; /* with its generation */
    uint32_t state;
    uint32_t max_reliable, max_unreliable;
    uint64_t unsent_reliable, unsent_unreliable; /* cost accepted and not yet sent */
    uint64_t consumed;                           /* cost polled and not yet told */
    /* Unreliable messages in the inbox that the poller has not taken yet; valid
     * while epoch is the handle's. */
    uint64_t epoch, waiting_unreliable;
    struct event_node *oldest_unreliable, *newest_unreliable;
    uint64_t dropped_received;
    P2P_Stats stats;
    uint64_t stats_at; /* now_ms of the snapshot; 0: none */
};

/* ----------------------------------------------------------------- handles */

struct handle {
    /* Written under the mutex; read anywhere. */
    _Atomic uint64_t id;      /* 0 while free */
    _Atomic uint32_t waiting; /* events wait: what P2P_WaitingFlag points to */

    p2p_mutex mutex;
    p2p_cond changed; /* for P2P_Wait */
    uint32_t generation;
    uint32_t kind;
    uint32_t closing; /* disposed, but the engine is not done yet */
    uint32_t users;   /* threads inside P2P_Poll or P2P_Wait */
    uint32_t polling; /* one of them polls or waits */
    uint64_t send_buffer, receive_buffer, unreliable_buffer;

    struct event_node *first, *last;           /* put, not yet taken by the poller */
    struct event_node *taken_first;              /* the poller's own, oldest first */
    uint64_t epoch;                            /* counts how often the poller took */

    struct slot *chunks[SLOT_CHUNKS];
    uint32_t open[1024]; /* connections that a message to all goes to */
    uint32_t open_count;
    bool owes_credit; /* for want of memory: the next poll tries again */
    uint64_t stats_asked; /* now_ms; 0: never */
    uint32_t suspended;    /* as the game wants it */
    uint32_t suspend_told; /* a command is on its way */
    P2P_NetworkConditions conditions; /* as the game wants them */
    uint32_t conditions_told;         /* a command is on its way */
    char trouble[512];    /* for P2P_LastError */
};

/* Finds a live handle and locks it. NULL, and nothing locked, if there is none;
 * then *error says why. */
struct handle *handle_lock(P2P_Handle id, int32_t *error);
/* The same without the lock, for reads of atomics. */
struct handle *handle_peek(P2P_Handle id);
/* A fresh handle, locked. */
struct handle *handle_new(uint32_t kind, int32_t *error);
/* Marks a locked handle as disposed and frees its events; the engine's
 * handle_closed makes the place free again. */
void handle_retire(struct handle *h);
/* True if the value was once a handle, or is 0. */
bool handle_was(P2P_Handle id);
/* The slot of a connection of a locked handle, NULL if there never was one. */
struct slot *handle_slot(struct handle *h, uint32_t connection);
/* The same, making it. NULL without memory. */
struct slot *handle_slot_make(struct handle *h, uint32_t connection);
void handle_open_remove(struct handle *h, uint32_t connection);
void inbox_free(struct handle *h);

/* ------------------------------------------------------------ command queue */

/* Memory for a command with its payload and targets behind it; NULL if there is
 * none, or if QUEUE_BUDGET is spent (then *error is LIMIT). */
struct command *command_new(uint32_t type, P2P_Handle h, uint32_t length, uint32_t targets,
                            int32_t *error);
void command_drop(struct command *c);
/* Queues it and wakes the engine if it sleeps. */
void command_put(struct command *c);

/* ------------------------------------------------------- for Go, called by cgo */

/* Takes all commands, oldest first. NULL: there are none, and the engine is to
 * sleep until it is woken. */
struct command *bridge_take(void);
/* What to sleep on: a descriptor that becomes readable, to be read empty. Or -1:
 * then bridge_sleep, which blocks and returns whether it was woken. To be called
 * once, before the first bridge_take. */
intptr_t bridge_alarm(void);
int32_t bridge_sleep(void);
void bridge_free(struct command *first);

/* Puts events of one handle. base is what the offsets count from. Returns 0 if
 * the handle is gone. */
int32_t bridge_put(P2P_Handle h, const struct event_record *records, uint32_t count,
                   const uint8_t *base);
/* Gives back send buffer. */
void bridge_sent(P2P_Handle h, uint32_t connection, uint32_t reliable, uint64_t cost);
/* A fresh snapshot of one connection. The struct's size and age are not read. */
void bridge_stats(P2P_Handle h, uint32_t connection, const P2P_Stats *stats);
/* Whether statistics of the handle were asked for in the last 10 s. */
int32_t bridge_stats_wanted(P2P_Handle h);
/* What COMMAND_SUSPEND is about: 1 suspend, 0 resume, -1 the handle is gone. */
int32_t bridge_suspended(P2P_Handle h);
/* What COMMAND_CONDITIONS is about. Returns 0 if the handle is gone. */
int32_t bridge_conditions(P2P_Handle h, P2P_NetworkConditions *out);
/* The engine is done with a disposed handle. */
void bridge_closed(P2P_Handle h);
void bridge_log(uint32_t level, const char *line, uint32_t length);
/* What P2P_VersionString answers from now on. To be called once. */
void bridge_version(const char *text);

/* --------------------------------------------------------------------- other */

bool utf8_valid(const char *s, uint64_t length);
/* Length without NUL, or limit + 1 if there is no NUL within limit + 1 bytes. */
uint64_t text_length(const char *s, uint64_t limit);
/* Copies a NUL-terminated text, cut at a character's edge if need be. */
void text_copy(char *dst, uint64_t size, const char *src);
void last_error_set(const char *text); /* of handle 0 */
/* Sets it and returns the code. */
int32_t refuse(int32_t code, const char *why);
/* Copies a struct of size bytes that the game gave and that begins with its size. It
 * may be of an older version, which has one of the sizes in older, in which case the
 * rest is 0; or of a newer one: what we do not know must be 0. Between two versions a
 * field would be cut in half. */
int32_t read_struct(void *dst, uint64_t size, const uint64_t *older, uint32_t count, const void *src);
void check_copies(void);               /* says so if the library is loaded twice */
extern _Atomic uint32_t bridge_forked; /* set in the child after fork */
extern _Atomic uint32_t bridge_shut;   /* P2P_Shutdown was called */

#define REFUSE_FORKED()                                                                            \
    do {                                                                                           \
        if (atomic_load_explicit(&bridge_forked, memory_order_relaxed)) return P2P_ERR_FORKED;     \
    } while (0)

#endif
