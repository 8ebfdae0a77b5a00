/*
 * The host's signal handlers. Go's runtime, when it is loaded, installs
 * handlers of its own for SIGSEGV, SIGBUS, SIGFPE, SIGPIPE and SIGURG and adds
 * SA_ONSTACK to every other handler. Managed runtimes (Mono, IL2CPP) stop
 * their threads by signals and turn SIGFPE into an exception; with Go's changes
 * they crash. So the dispositions are saved before Go's constructor and, after
 * it, given back:
 *
 *  - SIGFPE wholly: Go's own code checks divisors and never raises it;
 *  - the flags of every handler that Go left in place.
 *
 * Go keeps SIGSEGV, SIGBUS, SIGPIPE and SIGURG. A fault in the host's code is
 * passed on to the host's handler by Go's.
 *
 * ELF runs constructors by priority, so 101 comes before Go's and a plain one,
 * linked after it, behind. Mach-O runs them in the order of linking; there the
 * first of ours may come late, and then nothing is changed.
 */
#if !defined(_WIN32)

#include <signal.h>
#include <string.h>

#ifndef NSIG
#define NSIG 65
#endif

static struct sigaction saved[NSIG];
static unsigned char have[NSIG];

static int is_handler(const struct sigaction *a) {
    return a->sa_handler != SIG_DFL && a->sa_handler != SIG_IGN;
}

static int same_handler(const struct sigaction *a, const struct sigaction *b) {
    if ((a->sa_flags & SA_SIGINFO) != (b->sa_flags & SA_SIGINFO)) return 0;
    if (a->sa_flags & SA_SIGINFO) return a->sa_sigaction == b->sa_sigaction;
    return a->sa_handler == b->sa_handler;
}

__attribute__((constructor(101))) static void save_signals(void) {
    for (int s = 1; s < NSIG; s++) have[s] = sigaction(s, NULL, &saved[s]) == 0;
}

__attribute__((constructor)) static void restore_signals(void) {
    for (int s = 1; s < NSIG; s++) {
        struct sigaction now;
        if (!have[s] || sigaction(s, NULL, &now) != 0) continue;
        if (s == SIGFPE) {
            sigaction(s, &saved[s], NULL);
        } else if (is_handler(&saved[s]) && same_handler(&saved[s], &now) &&
                   now.sa_flags != saved[s].sa_flags) {
            sigaction(s, &saved[s], NULL);
        }
    }
}

#else
/* Windows has no signals of this kind. */
typedef int guard_is_empty;
#endif
