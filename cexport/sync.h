/* Mutexes, condition variables and atomics of this platform: pthread, or the
 * slim locks of Windows. Only what the bridge needs. */
#ifndef UNITYP2P_SYNC_H
#define UNITYP2P_SYNC_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#if defined(_WIN32)

#include <windows.h>

typedef SRWLOCK p2p_mutex;
typedef CONDITION_VARIABLE p2p_cond;
#define P2P_MUTEX_INIT SRWLOCK_INIT
#define P2P_COND_INIT CONDITION_VARIABLE_INIT

static inline void mutex_init(p2p_mutex *m) { InitializeSRWLock(m); }
static inline void cond_init(p2p_cond *c) { InitializeConditionVariable(c); }
static inline void mutex_lock(p2p_mutex *m) { AcquireSRWLockExclusive(m); }
static inline void mutex_unlock(p2p_mutex *m) { ReleaseSRWLockExclusive(m); }
static inline void cond_wait(p2p_cond *c, p2p_mutex *m) {
    SleepConditionVariableSRW(c, m, INFINITE, 0);
}
static inline void cond_broadcast(p2p_cond *c) { WakeAllConditionVariable(c); }

/* Milliseconds of a clock that never goes back. */
static inline uint64_t now_ms(void) { return GetTickCount64(); }

/* Waits until deadline (of now_ms) at most; false when it has passed. */
static inline bool cond_wait_until(p2p_cond *c, p2p_mutex *m, uint64_t deadline) {
    uint64_t now = now_ms();
    if (now >= deadline) return false;
    uint64_t left = deadline - now;
    SleepConditionVariableSRW(c, m, left > 0x7fffffff ? 0x7fffffff : (DWORD)left, 0);
    return true;
}

#else

#include <pthread.h>
#include <time.h>

typedef pthread_mutex_t p2p_mutex;
typedef pthread_cond_t p2p_cond;
#define P2P_MUTEX_INIT PTHREAD_MUTEX_INITIALIZER
#define P2P_COND_INIT PTHREAD_COND_INITIALIZER

static inline void mutex_init(p2p_mutex *m) { pthread_mutex_init(m, NULL); }
static inline void cond_init(p2p_cond *c) { pthread_cond_init(c, NULL); }
static inline void mutex_lock(p2p_mutex *m) { pthread_mutex_lock(m); }
static inline void mutex_unlock(p2p_mutex *m) { pthread_mutex_unlock(m); }
static inline void cond_wait(p2p_cond *c, p2p_mutex *m) { pthread_cond_wait(c, m); }
static inline void cond_broadcast(p2p_cond *c) { pthread_cond_broadcast(c); }

static inline uint64_t now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* Condition variables wait by the wall clock (macOS and old Android have no
 * other), so a wait is cut into pieces: a clock that is set cannot stretch it. */
static inline bool cond_wait_until(p2p_cond *c, p2p_mutex *m, uint64_t deadline) {
    uint64_t now = now_ms();
    if (now >= deadline) return false;
    uint64_t left = deadline - now;
    if (left > 1000) left = 1000;
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    t.tv_sec += (time_t)(left / 1000);
    t.tv_nsec += (long)(left % 1000) * 1000000;
    if (t.tv_nsec >= 1000000000) {
        t.tv_sec++;
        t.tv_nsec -= 1000000000;
    }
    pthread_cond_timedwait(c, m, &t);
    return true;
}

#endif

#endif
