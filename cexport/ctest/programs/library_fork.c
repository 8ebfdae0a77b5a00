/* fork() while rooms are connected and threads call: the child's calls are
 * refused, the parent does not notice. */
#include <pthread.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

#include "library.h"

static P2P_Handle host, client;
static _Atomic uint64_t received;
static _Atomic int stop;

static void *play(void *argument) {
    P2P_Handle own = argument == NULL ? host : client;
    uint8_t arena[65536];
    P2P_Event events[64];
    while (!stop) {
        P2P_Batch b = {.struct_size = sizeof b, .arena = arena, .arena_size = sizeof arena};
        int32_t n = P2P_Poll(own, events, 64, &b);
        CHECK(n >= 0);
        for (int32_t i = 0; i < n; i++) {
            CHECK(events[i].type != P2P_EVENT_DISCONNECTED);
            if (events[i].type == P2P_EVENT_MESSAGE) atomic_fetch_add(&received, 1);
        }
        int32_t result = P2P_SendMessageToAll(own, arena, 500, P2P_SEND_RELIABLE);
        CHECK(result >= 0 || result == P2P_ERR_WOULD_BLOCK);
        sleep_ms(1);
    }
    return NULL;
}

static void child(const P2P_Config *c) {
    P2P_Event e;
    P2P_Batch b = {.struct_size = sizeof b};
    P2P_Stats s = {.struct_size = sizeof s};
    P2P_SignalingConfig g = {.struct_size = sizeof g};
    P2P_Handle h = 7;
    CHECK_IS(P2P_CreateServer(c, &h), P2P_ERR_FORKED);
    CHECK_IS(h, 0);
    CHECK_IS(P2P_CreateClient(c, &h), P2P_ERR_FORKED);
    CHECK_IS(P2P_StartSignaling(&g, &h), P2P_ERR_FORKED);
    CHECK_IS(P2P_Poll(host, &e, 1, &b), P2P_ERR_FORKED);
    CHECK_IS(P2P_Wait(host, 1000), P2P_ERR_FORKED);
    CHECK_IS(P2P_SendMessage(host, 1, "x", 1, 1), P2P_ERR_FORKED);
    CHECK_IS(P2P_SendMessageToAll(host, "x", 1, 1), P2P_ERR_FORKED);
    CHECK_IS(P2P_Disconnect(host, 1), P2P_ERR_FORKED);
    CHECK_IS(P2P_GetStats(host, 0, &s), P2P_ERR_FORKED);
    CHECK_IS(P2P_Suspend(host), P2P_ERR_FORKED);
    CHECK_IS(P2P_Resume(host), P2P_ERR_FORKED);
    CHECK_IS(P2P_SetNetworkConditions(host, NULL), P2P_ERR_FORKED);
    CHECK_IS(P2P_Dispose(host), P2P_ERR_FORKED);
    CHECK_IS(P2P_Shutdown(1000), P2P_ERR_FORKED);
    CHECK(P2P_WaitingFlag(host) == NULL);
    CHECK_IS(P2P_AbiVersion(), P2P_ABI_VERSION);
    CHECK(strlen(P2P_ErrorString(P2P_ERR_FORKED)) > 10);
}

int main(void) {
    char url[64];
    P2P_Handle server;
    uint8_t text[512];
    P2P_Config c = config_for(url, start_signaling(&server));
    CHECK_IS(P2P_CreateServer(&c, &host), P2P_OK);
    CHECK_IS(P2P_CreateClient(&c, &client), P2P_OK);
    await_type(client, P2P_EVENT_CONNECTED, text, sizeof text);
    pthread_t a, b;
    CHECK(pthread_create(&a, NULL, play, NULL) == 0);
    CHECK(pthread_create(&b, NULL, play, &client) == 0);
    for (int i = 0; i < 20; i++) {
        uint64_t before = received;
        pid_t pid = fork();
        CHECK(pid >= 0);
        if (pid == 0) {
            child(&c);
            if (i % 2 == 0) _exit(0);
            execl("/bin/true", "true", (char *)NULL);
            _exit(1);
        }
        int status;
        CHECK(waitpid(pid, &status, 0) == pid);
        CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
        double deadline = now_s() + 30;
        while (received < before + 10) { /* the parent's room goes on */
            CHECK(now_s() < deadline);
            sleep_ms(1);
        }
    }
    stop = 1;
    pthread_join(a, NULL);
    pthread_join(b, NULL);
    CHECK_IS(P2P_Shutdown(10000), 1);
    puts("ok");
    return 0;
}
