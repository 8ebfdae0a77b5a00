/* What concerns the whole process: that the library stays in it, fork, and a second
 * copy of this library. */
#if defined(__linux__) && !defined(_GNU_SOURCE)
#define _GNU_SOURCE 1 /* dl_iterate_phdr, RTLD_NOLOAD */
#endif
#include "bridge.h"

#include <string.h>

_Atomic uint32_t bridge_forked;

#if defined(_WIN32)

#define PSAPI_VERSION 2
#include <psapi.h>

/* Go's threads never end, so their code must stay: FreeLibrary only pretends. The
 * linker has a flag for this on Linux. */
__attribute__((constructor)) static void stay(void) {
    HMODULE self;
    GetModuleHandleExA(GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | GET_MODULE_HANDLE_EX_FLAG_PIN,
                       (LPCSTR)(void *)&stay, &self);
}

static bool other_copy(void) {
    HMODULE modules[1024], self = NULL;
    DWORD bytes = 0;
    GetModuleHandleExA(GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS |
                           GET_MODULE_HANDLE_EX_FLAG_UNCHANGED_REFCOUNT,
                       (LPCSTR)(void *)&other_copy, &self);
    if (!K32EnumProcessModules(GetCurrentProcess(), modules, sizeof modules, &bytes)) return false;
    DWORD count = bytes / sizeof modules[0];
    if (count > 1024) count = 1024;
    for (DWORD i = 0; i < count; i++) {
        if (modules[i] != self && GetProcAddress(modules[i], "P2P_AbiVersion") != NULL) return true;
    }
    return false;
}

#else

#include <dlfcn.h>
#include <pthread.h>

static void in_child(void) { atomic_store(&bridge_forked, 1); }

__attribute__((constructor)) static void watch(void) { pthread_atfork(NULL, NULL, in_child); }

/* Whether the object at path has a P2P_AbiVersion that is not ours. */
static bool has_other(const char *path) {
    if (path == NULL || path[0] == '\0') return false;
    void *object = dlopen(path, RTLD_LAZY | RTLD_NOLOAD);
    if (object == NULL) return false;
    void *found = dlsym(object, "P2P_AbiVersion");
    Dl_info there, here;
    bool other = found != NULL && dladdr(found, &there) && dladdr((void *)&has_other, &here) &&
                 there.dli_fbase != here.dli_fbase;
    dlclose(object);
    return other;
}

#if defined(__APPLE__)

#include <TargetConditionals.h>
#include <mach-o/dyld.h>

#if !TARGET_OS_IPHONE
/* Go's threads never end, so their code must stay: dlclose only pretends. On iOS the
 * library is part of the app. */
__attribute__((constructor)) static void stay(void) {
    Dl_info here;
    if (dladdr((void *)&has_other, &here)) dlopen(here.dli_fname, RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE);
}
#endif

static bool other_copy(void) {
    for (uint32_t i = 0; i < _dyld_image_count(); i++) {
        if (has_other(_dyld_get_image_name(i))) return true;
    }
    return false;
}

#else

#include <link.h>

/* dlopen must not be called while the list is walked, so the names are copied. */
struct names {
    uint32_t count;
    char path[128][256];
};

static int collect(struct dl_phdr_info *info, size_t size, void *data) {
    (void)size;
    struct names *n = data;
    const char *path = info->dlpi_name;
    if (n->count == 128) return 1;
    /* Only files that carry our name: a copy that was renamed is meant to be. */
    if (path == NULL || strstr(path, "unityp2p") == NULL || strlen(path) >= 256) return 0;
    strcpy(n->path[n->count++], path);
    return 0;
}

static bool other_copy(void) {
    static struct names n; /* check_copies lets one thread in */
    n.count = 0;
    dl_iterate_phdr(collect, &n);
    for (uint32_t i = 0; i < n.count; i++) {
        if (has_other(n.path[i])) return true;
    }
    return false;
}

#endif
#endif

void check_copies(void) {
    static const char text[] =
        "this process has loaded two copies of the unityp2p library; keep only one of them";
    static p2p_mutex once = P2P_MUTEX_INIT;
    static bool checked;
    mutex_lock(&once);
    if (!checked) {
        checked = true;
        if (other_copy()) {
            bridge_log(P2P_LOG_WARN, text, sizeof text - 1);
            last_error_set(text);
        }
    }
    mutex_unlock(&once);
}
