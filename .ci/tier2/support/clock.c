/* The time of day as it is, moved by CLOCK_SHIFT_SECONDS; no other clock. For LD_PRELOAD.

   libfaketime is no help where a program brings its own malloc: each of the two calls the other while it begins. */

#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static long shift;

__attribute__((constructor)) static void begin(void) {
    const char *seconds = getenv("CLOCK_SHIFT_SECONDS");
    if (seconds != NULL) {
        shift = atol(seconds);
    }
}

int clock_gettime(clockid_t clock, struct timespec *now) {
    int result = (int)syscall(SYS_clock_gettime, clock, now);
    if (result == 0 && clock == CLOCK_REALTIME) {
        now->tv_sec += shift;
    }
    return result;
}
