// Turns callgrind's counting on and off from inside the process that is measured.
#include <valgrind/callgrind.h>

void start(void) {
    CALLGRIND_START_INSTRUMENTATION;
    CALLGRIND_ZERO_STATS;
}

void stop(const char *stage) {
    CALLGRIND_DUMP_STATS_AT(stage);
    CALLGRIND_STOP_INSTRUMENTATION;
}
