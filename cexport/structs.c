/* Reading the structs that the game gives. */
#include "bridge.h"

#include <string.h>

int32_t refuse(int32_t code, const char *why) {
    last_error_set(why);
    return code;
}

static bool is_known(uint32_t claimed, const uint64_t *older, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        if (claimed == older[i]) return true;
    }
    return false;
}

int32_t read_struct(void *dst, uint64_t size, const uint64_t *older, uint32_t count, const void *src) {
    uint32_t claimed;
    memcpy(&claimed, src, sizeof claimed);
    if ((claimed < size && !is_known(claimed, older, count)) || claimed > 4096) {
        return refuse(P2P_ERR_STRUCT_SIZE, "struct_size is not that of any version of this struct");
    }
    memset(dst, 0, (size_t)size);
    memcpy(dst, src, claimed < size ? claimed : (size_t)size);
    for (uint64_t i = size; i < claimed; i++) {
        if (((const uint8_t *)src)[i] != 0) {
            return refuse(P2P_ERR_STRUCT_SIZE,
                          "the struct sets something that this older library does not know");
        }
    }
    return P2P_OK;
}
