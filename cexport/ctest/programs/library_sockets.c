/*
 * A phone whose system took all of an app's sockets while it was in the
 * background: as iOS does, and Android now and then. The rooms recover.
 *
 *   library_sockets client HOW   the phone plays along in a room
 *   library_sockets host HOW     the phone is the host, and runs the signaling
 *
 * HOW is "told" if the system wakes who waits on such a socket, else "silent".
 *
 * The other side is a process of its own: "desktop PORT", which hosts a room and
 * the signaling if PORT is 0, else joins there, and echoes what it hears.
 */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "library.h"

extern char **environ;

static P2P_Config impatient(char *url, int port) {
    P2P_Config c = config_for(url, port);
    c.unreachable_after_ms = 500;
    c.disconnect_after_ms = 1500;
    return c;
}

/* Runs until nobody holds its input any more. */
static void desktop(int port) {
    static uint8_t arena[1 << 16];
    char url[64];
    P2P_Handle server, room;
    bool hosts = port == 0;
    if (hosts) port = start_signaling(&server);
    P2P_Config c = impatient(url, port);
    CHECK_IS(hosts ? P2P_CreateServer(&c, &room) : P2P_CreateClient(&c, &room), P2P_OK);
    printf("%d\n", port);
    fflush(stdout);
    fcntl(0, F_SETFL, O_NONBLOCK);
    char byte;
    while (read(0, &byte, 1) != 0) {
        P2P_Event e;
        P2P_Batch b = {.struct_size = sizeof b, .arena = arena, .arena_size = sizeof arena};
        P2P_Wait(room, 10);
        if (P2P_Poll(room, &e, 1, &b) != 1) continue;
        if (e.type == P2P_EVENT_ROOM_TROUBLE) CHECK(!(e.flags & P2P_EVENT_FLAG_FINAL));
        if (e.type != P2P_EVENT_MESSAGE) continue;
        int32_t sent = P2P_SendMessage(room, e.connection, arena + e.data_offset, e.data_length, P2P_SEND_RELIABLE);
        CHECK(sent == P2P_OK || sent == P2P_ERR_NOT_CONNECTED);
    }
}

struct child {
    pid_t pid;
    int keyboard;
    int port;
};

static struct child start_desktop(char *self, int port) {
    struct child c;
    int in[2], out[2];
    char number[16], line[32] = "";
    CHECK(pipe(in) == 0 && pipe(out) == 0);
    for (int i = 0; i < 2; i++) {
        fcntl(in[i], F_SETFD, FD_CLOEXEC);
        fcntl(out[i], F_SETFD, FD_CLOEXEC);
    }
    snprintf(number, sizeof number, "%d", port);
    char *args[] = {self, "desktop", number, NULL};
    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_adddup2(&files, in[0], 0);
    posix_spawn_file_actions_adddup2(&files, out[1], 1);
    CHECK_IS(posix_spawn(&c.pid, self, &files, NULL, args, environ), 0);
    posix_spawn_file_actions_destroy(&files);
    close(in[0]);
    close(out[1]);
    CHECK(read(out[0], line, sizeof line - 1) > 0);
    close(out[0]);
    c.keyboard = in[1];
    c.port = atoi(line);
    return c;
}

static void end_desktop(struct child c) {
    int status;
    close(c.keyboard);
    CHECK(waitpid(c.pid, &status, 0) == c.pid);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* What is read or written afterwards fails. Who waits for a datagram is told, or
 * not even that. */
static int take_sockets(bool told) {
    int dead[2], taken = 0;
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, dead) == 0);
    close(dead[1]);
    for (int fd = 3; fd < 1024; fd++) {
        int type;
        socklen_t size = sizeof type;
        if (fd == dead[0] || getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) != 0) continue;
        if (told) {
            shutdown(fd, SHUT_RDWR);
        } else {
            CHECK(dup2(dead[0], fd) == fd);
        }
        taken++;
    }
    close(dead[0]);
    return taken;
}

static void await_echo(P2P_Handle h, uint32_t connection, uint32_t number) {
    uint32_t back;
    CHECK_IS(P2P_SendMessage(h, connection, &number, sizeof number, P2P_SEND_RELIABLE), P2P_OK);
    P2P_Event e = await_type(h, P2P_EVENT_MESSAGE, (uint8_t *)&back, sizeof back);
    CHECK(e.connection == connection && e.data_length == sizeof back && back == number);
}

/* The connection ends, if it was not saved, and there is another. */
static void recovers(P2P_Handle h, uint32_t connection) {
    static uint8_t arena[1 << 16];
    double began = now_s();
    for (;;) {
        P2P_Event e = next_event(h, arena, sizeof arena);
        switch (e.type) {
        case P2P_EVENT_DISCONNECTED:
            CHECK(e.connection == connection && (e.code == P2P_REASON_TIMED_OUT || e.code == P2P_REASON_CLOSED));
            printf("lost after %.2f s\n", now_s() - began);
            break;
        case P2P_EVENT_CONNECTED:
        case P2P_EVENT_REACHABLE:
            await_echo(h, e.connection, 2);
            printf("back after %.2f s\n", now_s() - began);
            return;
        case P2P_EVENT_ROOM_TROUBLE:
            CHECK(!(e.flags & P2P_EVENT_FLAG_FINAL));
            break;
        case P2P_EVENT_UNREACHABLE:
        case P2P_EVENT_ROOM_OPEN:
            break;
        default:
            CHECK(!"an event that cannot be");
        }
    }
}

static void phone(char *self, bool hosts, bool told) {
    char url[64];
    static uint8_t arena[1 << 16];
    P2P_Handle server = 0, room;
    struct child other;
    int port = 0;
    if (hosts) port = start_signaling(&server);
    other = start_desktop(self, port);
    P2P_Config c = impatient(url, other.port);
    CHECK_IS(hosts ? P2P_CreateServer(&c, &room) : P2P_CreateClient(&c, &room), P2P_OK);
    if (hosts) await_type(room, P2P_EVENT_ROOM_OPEN, arena, sizeof arena);
    P2P_Event there = await_type(room, P2P_EVENT_CONNECTED, arena, sizeof arena);
    await_echo(room, there.connection, 1);

    CHECK_IS(P2P_Suspend(room), P2P_OK);
    if (hosts) CHECK_IS(P2P_Suspend(server), P2P_OK);
    CHECK(take_sockets(told) > 0);
    CHECK_IS(P2P_Resume(room), P2P_OK);
    if (hosts) CHECK_IS(P2P_Resume(server), P2P_OK);
    recovers(room, there.connection);

    P2P_Event e;
    P2P_Batch b = {.struct_size = sizeof b, .arena = arena, .arena_size = sizeof arena};
    if (hosts && P2P_Poll(server, &e, 1, &b) == 1) { /* it was told, and said so */
        CHECK(told && e.type == P2P_EVENT_ROOM_TROUBLE && !(e.flags & P2P_EVENT_FLAG_FINAL));
        CHECK_IS(next_event(server, arena, sizeof arena).type, P2P_EVENT_SIGNALING_OPEN);
    }
    end_desktop(other);
    CHECK_IS(P2P_Shutdown(10000), 1);
}

int main(int argc, char **argv) {
    CHECK(argc == 3);
    if (strcmp(argv[1], "desktop") == 0) {
        desktop(atoi(argv[2]));
    } else {
        phone(argv[0], strcmp(argv[1], "host") == 0, strcmp(argv[2], "told") == 0);
    }
    return 0;
}
