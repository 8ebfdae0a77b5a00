/*
 * The pinned certificate is trusted, though the system does not know it, and no
 * other is.
 *
 *   library_pin URL PIN
 */
#include "library.h"

static P2P_Event first_event(const P2P_Config *c, char *text, uint32_t size) {
    P2P_Handle h;
    CHECK_IS(P2P_CreateServer(c, &h), P2P_OK);
    memset(text, 0, size);
    P2P_Event e = next_event(h, (uint8_t *)text, size - 1);
    CHECK_IS(P2P_Dispose(h), P2P_OK);
    return e;
}

int main(int argc, char **argv) {
    CHECK(argc == 3);
    char url[64], text[1024];
    P2P_Config c = config_for(url, 0);
    c.signaling_url = argv[1];
    c.tls_pin = argv[2];
    CHECK_IS(first_event(&c, text, sizeof text).type, P2P_EVENT_ROOM_OPEN);
    const char *wrong[] = {
        NULL, "", "0000000000000000000000000000000000000000000000000000000000000000",
    };
    for (unsigned i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        c.tls_pin = wrong[i];
        P2P_Event e = first_event(&c, text, sizeof text);
        CHECK_IS(e.type, P2P_EVENT_ROOM_TROUBLE);
        CHECK_IS(e.code, P2P_TROUBLE_CERTIFICATE);
        CHECK_IS(e.flags & P2P_EVENT_FLAG_FINAL, 0);
        CHECK(strstr(text, "certificate") != NULL);
    }
    CHECK(strstr(text, argv[2]) != NULL); /* what to pin */
    CHECK_IS(P2P_Shutdown(30000), 1);
    return 0;
}
