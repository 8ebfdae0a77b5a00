/*
 * A host program that unloads the library while a room is open: it stays, and the
 * room goes on.
 *
 *   library_unload FILE
 */
#include "library.h"
#include "load.h"

int main(int argc, char **argv) {
    CHECK_IS(argc, 2);
    void *object = load_library(argv[1]);
    int32_t (*create)(const P2P_Config *, P2P_Handle *);
    int32_t (*wait)(P2P_Handle, uint32_t);
    int32_t (*shutdown)(uint32_t);
    *(void **)&create = find_function(object, "P2P_CreateServer");
    *(void **)&wait = find_function(object, "P2P_Wait");
    *(void **)&shutdown = find_function(object, "P2P_Shutdown");
    char url[64];
    P2P_Handle h;
    P2P_Config config = config_for(url, 1); /* nobody is there, which is an event */
    CHECK_IS(create(&config, &h), P2P_OK);
    for (int i = 0; i < 3; i++) unload_library(object), object = load_library(argv[1]);
    unload_library(object);
    sleep_ms(100);
    CHECK_IS(wait(h, 30000), 1);
    CHECK_IS(shutdown(10000), 1);
    puts("ok");
    return 0;
}
