/*
 * A host program's signal handlers after it has loaded the library:
 *
 *   library_signals FILE
 */
#include <dlfcn.h>
#include <setjmp.h>
#include <signal.h>
#include <string.h>

#include "../../../include/p2p.h"
#include "check.h"

/* The C library sets this flag itself and tells nobody its name. */
#ifndef SA_RESTORER
#define SA_RESTORER 0x04000000
#endif

static volatile sig_atomic_t faults, floats, users;
static sigjmp_buf back;

static void on_fault(int s, siginfo_t *info, void *context) {
    (void)s, (void)info, (void)context;
    faults = faults + 1;
    siglongjmp(back, 1);
}
static void on_float(int s) {
    (void)s;
    floats = floats + 1;
    siglongjmp(back, 1);
}
static void on_user(int s) {
    (void)s;
    users = users + 1;
}

static void install(int s, void (*f)(int), void (*a)(int, siginfo_t *, void *), int flags) {
    struct sigaction action;
    memset(&action, 0, sizeof action);
    sigemptyset(&action.sa_mask);
    action.sa_flags = flags;
    if (a != NULL) {
        action.sa_sigaction = a;
        action.sa_flags |= SA_SIGINFO;
    } else {
        action.sa_handler = f;
    }
    CHECK_IS(sigaction(s, &action, NULL), 0);
}

/* Loaded when the handlers stand, as a game's runtime does it. */
static void signals(const char *library) {
    install(SIGUSR1, on_user, NULL, SA_RESTART);
    install(SIGFPE, on_float, NULL, SA_NODEFER);
    install(SIGSEGV, NULL, on_fault, SA_NODEFER);
    void *object = dlopen(library, RTLD_NOW);
    if (object == NULL) fprintf(stderr, "%s\n", dlerror());
    CHECK(object != NULL);
    uint32_t (*abi)(void);
    *(void **)&abi = dlsym(object, "P2P_AbiVersion");
    CHECK(abi != NULL && abi() == P2P_ABI_VERSION);
    struct sigaction now;
    CHECK_IS(sigaction(SIGUSR1, NULL, &now), 0);
    CHECK(now.sa_handler == on_user && (now.sa_flags & ~SA_RESTORER) == SA_RESTART);
    CHECK_IS(sigaction(SIGFPE, NULL, &now), 0);
    CHECK(now.sa_handler == on_float && (now.sa_flags & ~SA_RESTORER) == SA_NODEFER);
    raise(SIGUSR1);
    CHECK_IS(users, 1);
    for (int i = 1; i <= 100; i++) {
        if (sigsetjmp(back, 1) == 0) *(volatile int *)(uintptr_t)(16 + (i & 1)) = 1;
        CHECK_IS(faults, i);
    }
    if (sigsetjmp(back, 1) == 0) raise(SIGFPE);
    CHECK_IS(floats, 1);
}

int main(int argc, char **argv) {
    CHECK_IS(argc, 2);
    signals(argv[1]);
    puts("ok");
    return 0;
}
