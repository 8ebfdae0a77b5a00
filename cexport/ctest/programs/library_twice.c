/*
 * Two copies of the library in one process: the one that is used second says
 * so, and the first goes on.
 *
 *   library_twice FILE COPY
 */
#include "library.h"
#include "load.h"

struct copy {
    int32_t (*create)(const P2P_Config *, P2P_Handle *);
    int32_t (*dispose)(P2P_Handle);
    int32_t (*wait)(P2P_Handle, uint32_t);
    int32_t (*last_error)(P2P_Handle, char *, uint32_t);
    int32_t (*poll_log)(char *, uint32_t, uint32_t *);
    int32_t (*shutdown)(uint32_t);
};

static struct copy load(const char *file) {
    void *o = load_library(file);
    struct copy c;
    *(void **)&c.create = find_function(o, "P2P_CreateServer");
    *(void **)&c.dispose = find_function(o, "P2P_Dispose");
    *(void **)&c.wait = find_function(o, "P2P_Wait");
    *(void **)&c.last_error = find_function(o, "P2P_LastError");
    *(void **)&c.poll_log = find_function(o, "P2P_PollLog");
    *(void **)&c.shutdown = find_function(o, "P2P_Shutdown");
    return c;
}

/* A room that cannot reach its signaling server, which is an event too. */
static void use(const struct copy *c) {
    char url[64];
    P2P_Handle h;
    P2P_Config config = config_for(url, 1);
    CHECK_IS(c->create(&config, &h), P2P_OK);
    CHECK_IS(c->wait(h, 30000), 1);
    CHECK_IS(c->dispose(h), P2P_OK);
}

int main(int argc, char **argv) {
    CHECK(argc == 3);
    char text[512] = "", line[512] = "";
    struct copy first = load(argv[1]);
    use(&first);
    CHECK_IS(first.last_error(0, text, sizeof text), 0);
    struct copy second = load(argv[2]);
    CHECK(first.create != second.create);
    use(&second);
    CHECK(second.last_error(0, text, sizeof text) > 0);
    CHECK(strstr(text, "two copies") != NULL);
    CHECK(second.poll_log(line, sizeof line, NULL) > 0);
    CHECK(strstr(line, "two copies") != NULL);
    use(&first);
    CHECK_IS(first.shutdown(10000), 1);
    CHECK_IS(second.shutdown(10000), 1);
    puts(text);
    return 0;
}
