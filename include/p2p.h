/*
 * p2p.h - rooms of players that talk to each other directly, over WebRTC.
 *
 * One player hosts a room under a name, others join it by that name, and every
 * pair gets a connection of its own (WebRTC data channels, RFC 8831). A small
 * signaling server only introduces them; it may run inside the host's process.
 *
 *     handle = P2P_CreateServer(&config, &handle)   or P2P_CreateClient
 *     each frame: n = P2P_Poll(handle, events, 64, &batch)
 *     P2P_SendMessage(handle, connection, data, length, P2P_SEND_RELIABLE)
 *     P2P_Dispose(handle)
 *
 * Rules that hold for every function, unless it says otherwise:
 *
 *  - Threads: any function may be called from any thread at any time. At most
 *    one thread at a time polls (or waits on) one handle; a second one gets
 *    P2P_ERR_BUSY.
 *  - Time: no function waits for the network, the disk or another thread's
 *    work. The two that may block say so: P2P_Wait and P2P_Shutdown.
 *  - Errors: a negative return is one of the P2P_ERR_ codes; P2P_LastError has
 *    a sentence. Wrong handles, pointers that are NULL, lengths, strings and
 *    struct sizes are answered with an error and change nothing.
 *  - Memory: what goes in is copied before the call returns. What comes out is
 *    written into memory that the caller owns. Nothing needs to be freed.
 *  - Strings are UTF-8 and end in NUL. Wrong UTF-8 is P2P_ERR_INVALID_ARGUMENT.
 *  - Structs: set struct_size to sizeof the struct and the rest to zero before
 *    filling it in; 0 (or NULL) in a field means its documented default. A
 *    program built against an older header runs with a newer library.
 *  - After fork(), the child's calls answer P2P_ERR_FORKED: the engine's
 *    threads stayed with the parent. A child that wants rooms calls exec().
 *  - The library stays in the process: dlclose and FreeLibrary do nothing to it.
 *  - Windows: not from DllMain, where P2P_Shutdown would wait for threads that
 *    cannot run, or that the end of the process has already stopped.
 *
 * The library is a guest: it registers no callback, prints nothing, keeps the
 * host's signal handlers, and uses at most half of the processor's cores
 * (the environment variable GOMAXPROCS, if set, decides instead).
 */
#ifndef UNITYP2P_P2P_H
#define UNITYP2P_P2P_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(P2P_STATIC)
#  define P2P_API
#elif defined(_WIN32)
#  if defined(P2P_BUILDING)
#    define P2P_API __declspec(dllexport)
#  else
#    define P2P_API __declspec(dllimport)
#  endif
#else
#  define P2P_API __attribute__((visibility("default")))
#endif

#if defined(_WIN32) && !defined(_WIN64)
#  define P2P_CALL __cdecl
#else
#  define P2P_CALL
#endif

/* The ABI that this header describes. It grows by one when something that an
 * old program relies on changes; additions leave it alone. */
#define P2P_ABI_VERSION 1

/* ------------------------------------------------------------------ types */

/* A room that one hosts, a room that one joins, or an embedded signaling
 * server. 0 is never valid, and a disposed handle never becomes valid again. */
typedef uint64_t P2P_Handle;

/* A connection to one other member, within one handle. The low 16 bits
 * (1 to 32767) are free for reuse after the connection's end, the longest
 * unused first; the high 16 bits count the reuses. 0 is never valid. */
typedef uint32_t P2P_Connection;

/* -------------------------------------------------------------- constants */

/* What functions return. P2P_ErrorString has a sentence for each. */
#define P2P_OK                        0
#define P2P_ERR_INVALID_HANDLE      (-1)  /* 0, stale, random, or of another kind */
#define P2P_ERR_INVALID_ARGUMENT    (-2)  /* NULL, out of range, not UTF-8 */
#define P2P_ERR_STRUCT_SIZE         (-3)  /* struct_size is not that of any known version */
#define P2P_ERR_NOT_CONNECTED       (-4)  /* no such member, or it has left */
#define P2P_ERR_TOO_LARGE           (-5)  /* larger than the other side takes */
#define P2P_ERR_WOULD_BLOCK         (-6)  /* send buffer full; nothing was queued */
#define P2P_ERR_BUSY                (-7)  /* another thread is polling this handle */
#define P2P_ERR_NO_MEMORY           (-8)
#define P2P_ERR_LIMIT               (-9)  /* too many handles, or too much waiting to be sent */
#define P2P_ERR_FORKED             (-10)  /* called in a child after fork() */
#define P2P_ERR_BUFFER_TOO_SMALL   (-11)  /* the caller's text buffer */
#define P2P_ERR_SHUT_DOWN          (-12)  /* P2P_Shutdown was called */

/* P2P_Event.type */
#define P2P_EVENT_ROOM_OPEN           1   /* host: the name is ours, now or again */
#define P2P_EVENT_ROOM_TROUBLE        2   /* code says what; flags say whether it is final */
#define P2P_EVENT_CONNECTED           3   /* a member is here; one may send to it */
#define P2P_EVENT_DISCONNECTED        4   /* the last event of that connection; code says why */
#define P2P_EVENT_MESSAGE             5   /* data from a member */
#define P2P_EVENT_UNREACHABLE         6   /* nothing heard from it for a while; not final */
#define P2P_EVENT_REACHABLE           7   /* heard from it again, up to a second ago */
#define P2P_EVENT_SIGNALING_OPEN      8   /* signaling handle: listening; code is the port */
#define P2P_EVENT_PATH_CHANGED        9   /* the connection goes on between other addresses: somebody moved
                                             to another network, or a way broke and another was found.
                                             Nothing reliable was lost; P2P_GetStats has the path a moment
                                             later. Two seconds of silence can be enough for it. */

/* P2P_Event.flags */
#define P2P_EVENT_FLAG_RELIABLE       1u  /* MESSAGE came on the reliable channel */
#define P2P_EVENT_FLAG_FINAL          2u  /* ROOM_TROUBLE: not tried again; dispose the handle */
#define P2P_EVENT_FLAG_ORIGINAL       4u  /* CONNECTED: a peer of the original UnityP2P or a browser */
#define P2P_EVENT_FLAG_HOST           8u  /* CONNECTED: this member hosts the room */

/* P2P_Event.code of ROOM_TROUBLE. All but those with the FINAL flag are
 * retried, with growing pauses. */
#define P2P_TROUBLE_ROOM_TAKEN      101   /* another host holds the name */
#define P2P_TROUBLE_UNREACHABLE     102   /* the signaling server does not answer */
#define P2P_TROUBLE_TOKEN_REFUSED   103   /* the signaling server refused the token */
#define P2P_TROUBLE_REFUSED         104   /* the server answered, but is no signaling server, or not at this path */
#define P2P_TROUBLE_NO_HOST         105   /* client: nobody hosts this room yet */
#define P2P_TROUBLE_SIGNALING_LOST  106   /* the connection to the signaling server broke */
#define P2P_TROUBLE_CONNECT_FAILED  107   /* no network path to a member was found */
#define P2P_TROUBLE_ADDRESS_IN_USE  108   /* signaling: the port is taken, most likely by another copy of the game: connect to it */
#define P2P_TROUBLE_LISTEN_FAILED   109   /* signaling: the system refuses that address or port */
#define P2P_TROUBLE_REMOVED         110   /* client: the host removed us (FINAL) */
#define P2P_TROUBLE_ROOM_FULL       111   /* the host takes no more members */
#define P2P_TROUBLE_INTERNAL        112   /* the engine could not start; P2P_LastError says why (FINAL) */
#define P2P_TROUBLE_CERTIFICATE     113   /* the signaling server's certificate is not trusted, or not the pinned one */
#define P2P_TROUBLE_NOT_ALLOWED     114   /* the token does not allow to host, or to join, this room */
#define P2P_TROUBLE_LIMITED         115   /* a limit of the signaling server; the sentence has its words */
#define P2P_TROUBLE_SIGNALING_ENDED 116   /* the signaling server does not want us back (FINAL); existing connections go on */

/* P2P_Event.code of DISCONNECTED */
#define P2P_REASON_LEFT             201   /* it said goodbye */
#define P2P_REASON_REMOVED          202   /* the other side, or the host, called P2P_Disconnect */
#define P2P_REASON_LOCAL            203   /* we called P2P_Disconnect */
#define P2P_REASON_TIMED_OUT        204   /* silent for longer than disconnect_after_ms */
#define P2P_REASON_CLOSED           205   /* its end of the connection closed without a goodbye */
#define P2P_REASON_PROTOCOL         206   /* it broke the protocol */
#define P2P_REASON_REPLACED         207   /* the same member connected anew */

/* flags of P2P_SendMessage and P2P_SendMessageToAll */
#define P2P_SEND_UNRELIABLE           0u
#define P2P_SEND_RELIABLE             1u

/* P2P_Config.loopback */
#define P2P_LOOPBACK_AUTO             0u  /* as INCLUDE if the signaling URL names this machine, else as NEVER */
#define P2P_LOOPBACK_NEVER            1u
#define P2P_LOOPBACK_INCLUDE          2u  /* 127.0.0.1 as well as the network's addresses */
#define P2P_LOOPBACK_ONLY             3u  /* nothing leaves this machine; for tests. IPv4 alone: ICE uses no ::1 */

/* P2P_Config.networks, added up */
#define P2P_NETWORK_UDP4              1u
#define P2P_NETWORK_UDP6              2u

/* P2P_Stats.path */
#define P2P_PATH_NONE                 0u  /* not known yet, or lost and not found again */
#define P2P_PATH_HOST                 1u  /* direct, between the members' own addresses (RFC 8445 host) */
#define P2P_PATH_SRFLX                2u  /* direct, through a NAT mapping that STUN told */
#define P2P_PATH_PRFLX                3u  /* direct, through a NAT mapping that the checks found */
#define P2P_PATH_RELAY                4u  /* through a TURN server */
#define P2P_PATH_VIA_HOST             5u  /* through the room's host: two clients that do not reach each other */

/* P2P_Config.via_host */
#define P2P_VIA_HOST_ALLOWED          0u  /* clients that do not reach each other talk through the room's host */
#define P2P_VIA_HOST_NEVER            1u  /* host: passes nothing on. Client: is not reached so */

/* P2P_SetLogLevel */
#define P2P_LOG_NONE                  0u
#define P2P_LOG_ERROR                 1u
#define P2P_LOG_WARN                  2u  /* the default */
#define P2P_LOG_INFO                  3u
#define P2P_LOG_DEBUG                 4u

/* ---------------------------------------------------------------- structs */

/* What P2P_CreateServer and P2P_CreateClient need. Only signaling_url and
 * room must be set. */
typedef struct P2P_Config {
    uint32_t struct_size;          /* sizeof(P2P_Config) */
    uint32_t loopback;             /* P2P_LOOPBACK_; default AUTO */
    const char *signaling_url;     /* "ws://…" or "wss://…", at most 2048 bytes */
    const char *room;              /* any text of at most 256 UTF-16 code units; may be "" */
    const char *token;             /* for the signaling server: sent in the Authorization header, and as
                                      ?userToken= to a server that wants it there; NULL: none */
    const char *ice_servers;       /* one a line: "URL [username credential]" (RFC 7064, RFC 7065);
                                      NULL: those that the signaling server hands out, else
                                      stun:stun.l.google.com:19302; "": none */
    uint32_t networks;             /* P2P_NETWORK_; 0: all */
    uint16_t port_min, port_max;   /* UDP ports to use, both ends included; 0: any */
    uint32_t max_message;          /* largest message, bytes; default and most 16 MiB */
    uint32_t send_buffer;          /* reliable bytes accepted but not yet sent, a connection;
                                      default 4 MiB, 64 KiB to 256 MiB. A message that alone is
                                      larger is accepted when nothing else waits. */
    uint32_t receive_buffer;       /* unpolled reliable bytes, a connection, beyond which the sender
                                      is held; default 2 MiB, 64 KiB to 256 MiB. At most this plus
                                      one message is held in memory. */
    uint32_t unreliable_buffer;    /* unpolled unreliable bytes, a connection, beyond which the oldest
                                      are dropped; default 1 MiB, 64 KiB to 256 MiB. As much again may
                                      be held that a poll began to take and had no room for. */
    uint32_t max_members;          /* host: members beside itself; default 64, at most 1024 */
    uint32_t unreachable_after_ms; /* default 5000, 500 to 3600000 */
    uint32_t disconnect_after_ms;  /* default 30000, more than unreachable_after_ms */
    uint32_t connect_timeout_ms;   /* for one attempt to connect to one member; default 30000 */
    const char *tls_pin;           /* SHA-256 fingerprint of the one certificate that is trusted for wss://,
                                      whoever made it: 64 hexadecimal digits, with or without colons;
                                      NULL or "": the system says what is trusted */
    uint32_t unreliable_max_age_ms; /* unreliable messages that could not leave within this are dropped,
                                      not sent late, and counted in dropped_sent; default 100,
                                      10 to 3600000 */
    uint32_t via_host;             /* P2P_VIA_HOST_. What goes through the host it could read, drop or
                                      forge; nobody else could. */
    uint32_t via_host_rate;        /* host: bytes a second that it passes on, of all clients together;
                                      0: any number, else 16384 to 2^30 */
} P2P_Config;

/* One event. For MESSAGE, the data is at arena + data_offset. */
typedef struct P2P_Event {
    uint32_t type;                 /* P2P_EVENT_ */
    P2P_Connection connection;     /* 0 for events of the room itself */
    uint32_t flags;                /* P2P_EVENT_FLAG_ */
    int32_t  code;                 /* P2P_TROUBLE_, P2P_REASON_ or a port; else 0 */
    uint64_t member;               /* room-wide id of the member: the same at every member that sees it.
                                      Proven, but for those who are reached through the host */
    uint32_t data_offset;          /* into the arena */
    uint32_t data_length;          /* MESSAGE: bytes of the message. ROOM_TROUBLE: bytes of a sentence
                                      in UTF-8 without NUL, for a log */
} P2P_Event;

/* The memory of one poll, and what came of it. */
typedef struct P2P_Batch {
    uint32_t struct_size;          /* in: sizeof(P2P_Batch) */
    uint32_t event_count;          /* out: events written */
    void    *arena;                /* in: where payloads go; NULL only if arena_size is 0 */
    uint32_t arena_size;           /* in: its bytes, at most 2^31 - 1 */
    uint32_t arena_used;           /* out: bytes written */
    uint32_t needed;               /* out: if the next event did not fit, the arena size it wants; else 0 */
    uint32_t more;                 /* out: 1 if events are still waiting; else 0 */
} P2P_Batch;

/* A snapshot, of one connection or (connection 0) of all added up. */
typedef struct P2P_Stats {
    uint32_t struct_size;          /* in: sizeof(P2P_Stats) */
    uint32_t age_ms;               /* how old the snapshot is; 4294967295: none yet, ask again soon */
    uint32_t path;                 /* P2P_PATH_ */
    uint32_t rtt_us;               /* smoothed round trip; 0: not known yet */
    uint32_t connected_ms;         /* from the first offer to the open connection */
    uint32_t members;              /* connection 0: how many connections; else 1 */
    uint64_t bytes_sent, bytes_received;        /* payloads */
    uint64_t messages_sent, messages_received;
    uint64_t unsent_bytes;         /* accepted, not yet acknowledged by the other side's transport */
    uint64_t dropped_sent;         /* unreliable messages dropped here before sending */
    uint64_t dropped_received;     /* unreliable messages dropped here because nobody polled */
    uint64_t member;               /* room-wide id; 0 for connection 0 */
    char local_candidate[64];      /* "127.0.0.1:40000"; "" if not known */
    char remote_candidate[64];
    uint64_t passed_bytes;         /* host: bytes from other clients that it passed on to this one */
    uint64_t passed_dropped;       /* host: unreliable packets of theirs that it dropped, being late or too many */
} P2P_Stats;

/* A bad network, for trying a game before its players do. "send" is what leaves
 * this room, "receive" what comes to it. All 0: a good network. */
typedef struct P2P_NetworkConditions {
    uint32_t struct_size;          /* sizeof(P2P_NetworkConditions) */
    uint32_t seed;                 /* makes chance repeat itself: the same datagrams meet the same
                                      fate; 0: something new each time */
    uint32_t send_latency_ms;      /* every datagram is late by this; at most 10000 */
    uint32_t send_jitter_ms;       /* and by up to this more, without overtaking another; at most 10000 */
    float    send_loss_percent;    /* of the datagrams, lost; 0 to 100; 100: nothing passes */
    float    send_duplication_percent; /* arrive twice */
    float    send_reordering_percent;  /* held back for 50 ms more, so that later ones overtake them */
    uint32_t send_rate_kbit;       /* 1000 bits a second that pass, headers of IP and UDP included; 0: no
                                      limit; at most 10000000. Datagrams that would wait for longer than
                                      half a second for it are lost, as in a router whose queue is full. */
    uint32_t receive_latency_ms;
    uint32_t receive_jitter_ms;
    float    receive_loss_percent;
    float    receive_duplication_percent;
    float    receive_reordering_percent;
    uint32_t receive_rate_kbit;
} P2P_NetworkConditions;

/* The embedded signaling server. */
typedef struct P2P_SignalingConfig {
    uint32_t struct_size;          /* sizeof(P2P_SignalingConfig) */
    uint32_t port;                 /* 0: 12776. P2P_ANY_PORT: one that is free */
    const char *address;           /* IP address to listen on; NULL: all of this machine's */
} P2P_SignalingConfig;

#define P2P_ANY_PORT 0xffffffffu

/* -------------------------------------------------------------- functions */

/* The ABI of the library that is loaded. Compare with P2P_ABI_VERSION. */
P2P_API uint32_t P2P_CALL P2P_AbiVersion(void);

/* "1.2.3 (commit)"; static, never NULL. "unknown" in the first moments after loading,
 * while the engine starts. */
P2P_API const char *P2P_CALL P2P_VersionString(void);

/* A sentence for any P2P_ERR_, P2P_TROUBLE_ or P2P_REASON_ code; static, never
 * NULL, also for unknown codes. For logs and developers, not for players. */
P2P_API const char *P2P_CALL P2P_ErrorString(int32_t code);

/*
 * Hosts a room: claims its name at the signaling server and keeps it.
 * Returns at once; ROOM_OPEN or ROOM_TROUBLE tells what came of it, and the
 * name is tried for again until P2P_Dispose.
 *
 * config      what and where; copied
 * out_handle  receives the handle, or 0 on error
 * returns     P2P_OK, INVALID_ARGUMENT, STRUCT_SIZE, LIMIT (256 handles),
 *             NO_MEMORY, FORKED, SHUT_DOWN
 */
P2P_API int32_t P2P_CALL P2P_CreateServer(const P2P_Config *config, P2P_Handle *out_handle);

/* Joins a room: connects to its host, and through it to every other member.
 * Keeps trying while there is no host. Otherwise as P2P_CreateServer. */
P2P_API int32_t P2P_CALL P2P_CreateClient(const P2P_Config *config, P2P_Handle *out_handle);

/*
 * Runs a signaling server inside this process. Returns at once;
 * SIGNALING_OPEN with the port, or ROOM_TROUBLE, says what came of it.
 * Poll the handle like any other; P2P_Dispose stops the server.
 * config may be NULL: port 12776 on all addresses.
 */
P2P_API int32_t P2P_CALL P2P_StartSignaling(const P2P_SignalingConfig *config, P2P_Handle *out_handle);

/*
 * Ends a room, a client or a signaling server. Returns at once; what was
 * accepted by P2P_SendMessage is sent, goodbyes are said, and the sockets are
 * closed in the background within a second (P2P_Shutdown waits for it).
 * After it returned the handle is invalid and no event comes from it.
 *
 * returns  P2P_OK; also for 0 and for a handle that is disposed already
 *          (so that it may be called any number of times);
 *          INVALID_HANDLE for a value that never was a handle; FORKED
 */
P2P_API int32_t P2P_CALL P2P_Dispose(P2P_Handle handle);

/*
 * Takes what has happened since the last poll. Call it once a frame.
 *
 * Order: a connection's CONNECTED comes before its first message, messages of
 * one channel come in the order sent (reliable) or as they arrived, and
 * DISCONNECTED comes once, after its last message.
 *
 * events      room for max_events events, at least 1
 * max_events  1 to 65536
 * batch       the arena for payloads, in; the counts, out. If needed is not 0,
 *             the next event waits for an arena of that size: poll again with one.
 * returns     the number of events written, 0 if there were none or if the
 *             first one does not fit; or INVALID_HANDLE, INVALID_ARGUMENT,
 *             STRUCT_SIZE, BUSY, FORKED
 */
P2P_API int32_t P2P_CALL P2P_Poll(P2P_Handle handle, P2P_Event *events, uint32_t max_events,
                                  P2P_Batch *batch);

/*
 * BLOCKS until an event is waiting on the handle, but at most timeout_ms
 * (4294967295: no limit). For programs without a frame loop.
 * returns  1 if an event is waiting, 0 after the time, or an error as P2P_Poll
 *          (INVALID_HANDLE also when the handle is disposed meanwhile)
 */
P2P_API int32_t P2P_CALL P2P_Wait(P2P_Handle handle, uint32_t timeout_ms);

/*
 * The address of a number that is not 0 while events wait on the handle, so
 * that an idle frame costs one read. Valid for as long as the process lives;
 * after P2P_Dispose it reads as 0 or belongs to a later handle. NULL for an
 * invalid handle.
 */
P2P_API const volatile uint32_t *P2P_CALL P2P_WaitingFlag(P2P_Handle handle);

/*
 * Sends one message to one member; copies it and returns at once.
 *
 * data    may be NULL if length is 0
 * length  0 to P2P_Config.max_message for own peers (unreliable: at most 262144);
 *         less if the other side takes less (original peers: usually 262144)
 * flags   P2P_SEND_RELIABLE: arrives once, whole and in order, unless the
 *         connection ends, and then that end is reported.
 *         P2P_SEND_UNRELIABLE: arrives whole, perhaps not at all or not in order.
 * returns P2P_OK, NOT_CONNECTED, TOO_LARGE, WOULD_BLOCK (nothing was queued:
 *         try again in a later frame), INVALID_HANDLE, INVALID_ARGUMENT,
 *         NO_MEMORY, FORKED
 */
P2P_API int32_t P2P_CALL P2P_SendMessage(P2P_Handle handle, P2P_Connection connection,
                                         const void *data, uint32_t length, uint32_t flags);

/*
 * Sends one message to every member whose CONNECTED event was polled.
 * returns  how many took it (0 if there is nobody); members whose send buffer
 *          is full or who do not take that size are left out; TOO_LARGE if it
 *          is too large for all, WOULD_BLOCK if all of their buffers are full;
 *          otherwise errors as P2P_SendMessage
 */
P2P_API int32_t P2P_CALL P2P_SendMessageToAll(P2P_Handle handle, const void *data, uint32_t length,
                                              uint32_t flags);

/*
 * Ends the connection to one member: what was accepted for it is sent, it hears
 * REMOVED, and DISCONNECTED with LOCAL follows here. A host removes
 * the member from the room: all others drop it too.
 * returns  P2P_OK, NOT_CONNECTED, INVALID_HANDLE, FORKED
 */
P2P_API int32_t P2P_CALL P2P_Disconnect(P2P_Handle handle, P2P_Connection connection);

/*
 * Copies statistics. They are gathered from the first call on, about four
 * times a second, and no longer 10 s after the last; age_ms says how old.
 * connection  one of the handle's, or 0 for all of them added up
 * returns     P2P_OK, NOT_CONNECTED, STRUCT_SIZE, INVALID_HANDLE,
 *             INVALID_ARGUMENT, FORKED
 */
P2P_API int32_t P2P_CALL P2P_GetStats(P2P_Handle handle, P2P_Connection connection, P2P_Stats *stats);

/* For phones: the app goes to the background. A room lets go of the signaling
 * server and judges no silence until P2P_Resume; a signaling server goes on as far
 * as the system lets it. Twice is as good as once. */
P2P_API int32_t P2P_CALL P2P_Suspend(P2P_Handle handle);

/* The app is back: reconnects what the system closed meanwhile. A signaling
 * server listens anew, on the same port. A connection whose sockets are gone gets
 * others (PATH_CHANGED) where the other side has this library; else it is judged like
 * any silent one: UNREACHABLE, then DISCONNECTED, and a client looks for the room again. */
P2P_API int32_t P2P_CALL P2P_Resume(P2P_Handle handle);

/*
 * Makes the network of one room a bad one, from the next datagram on, until it is
 * called again: for trying a game before its players do. It acts on every UDP
 * datagram between this room and other members, or TURN and STUN servers, of
 * connections that exist and that come. If both ends of a connection do it, it acts
 * twice. Signaling, and connections to a TURN server over TCP or TLS, stay as they
 * are. In each direction at most 8 MiB wait a socket; what comes beyond is lost.
 *
 * conditions  copied; NULL: a good network again. What waits then arrives as it was
 *             going to.
 * returns     P2P_OK, INVALID_ARGUMENT, STRUCT_SIZE, INVALID_HANDLE (also for a
 *             signaling server), NO_MEMORY, LIMIT, FORKED
 */
P2P_API int32_t P2P_CALL P2P_SetNetworkConditions(P2P_Handle handle,
                                                  const P2P_NetworkConditions *conditions);

/*
 * BLOCKS until every handle is disposed, goodbyes included, but at most
 * timeout_ms (0 to 60000). For the end of the program; afterwards P2P_Create…
 * answers SHUT_DOWN.
 * returns  1 if all is closed, 0 if time ran out first; FORKED
 */
P2P_API int32_t P2P_CALL P2P_Shutdown(uint32_t timeout_ms);

/*
 * Copies the sentence that goes with the last error or trouble of a handle
 * (0: of calls that had no valid handle, such as a refused P2P_Create…).
 * buffer  receives UTF-8, always ended by NUL if size > 0
 * returns the length without NUL, 0 if there is none, or BUFFER_TOO_SMALL
 *         (the text is cut), INVALID_HANDLE, INVALID_ARGUMENT
 */
P2P_API int32_t P2P_CALL P2P_LastError(P2P_Handle handle, char *buffer, uint32_t size);

/* Which log lines are kept for P2P_PollLog: P2P_LOG_; the default is WARN. */
P2P_API int32_t P2P_CALL P2P_SetLogLevel(uint32_t level);

/*
 * Takes one log line. 256 are kept; when nobody takes them the oldest go.
 * buffer     receives UTF-8 without newline, ended by NUL; longer lines are cut
 * out_level  receives the line's P2P_LOG_; may be NULL
 * returns    the length of the line, 0 if there is none, INVALID_ARGUMENT
 */
P2P_API int32_t P2P_CALL P2P_PollLog(char *buffer, uint32_t size, uint32_t *out_level);

#ifdef __cplusplus
}
#endif

#endif /* UNITYP2P_P2P_H */
