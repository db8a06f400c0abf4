/* A wall clock that is wrong by what a file says, for whoever is started with it preloaded.
 *
 * The file, named by FAULT_CLOCK, holds seconds to add as an 8-byte integer and may be changed at
 * any time. Only the wall clock is wrong: the clocks since boot are the machine's. Who waits until
 * a moment of the wrong clock waits as long as on a machine whose clock is wrong.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

static volatile const int64_t *wrong;

__attribute__((constructor)) static void begin(void)
{
	const char *path = getenv("FAULT_CLOCK");
	int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;

	if (file < 0)
		return;
	void *mapped = mmap(NULL, sizeof(*wrong), PROT_READ, MAP_SHARED, file, 0);

	close(file);
	if (mapped != MAP_FAILED)
		wrong = mapped;
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
	long failed = syscall(SYS_clock_gettime, clock, now);

	if (!failed && wrong && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
		now->tv_sec += *wrong;
	return (int)failed;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
	struct timespec exact;

	(void)zone;
	if (clock_gettime(CLOCK_REALTIME, &exact))
		return -1;
	now->tv_sec = exact.tv_sec;
	now->tv_usec = exact.tv_nsec / 1000;
	return 0;
}

time_t time(time_t *now)
{
	struct timespec exact;

	clock_gettime(CLOCK_REALTIME, &exact);
	if (now)
		*now = exact.tv_sec;
	return exact.tv_sec;
}

/* What librdkafka waits with; Python waits by the clock since boot. */
int cnd_timedwait(cnd_t *restrict cond, mtx_t *restrict mutex, const struct timespec *restrict until)
{
	static int (*wait)(cnd_t *, mtx_t *, const struct timespec *);
	struct timespec really = *until;

	if (!wait)
		*(void **)&wait = dlsym(RTLD_NEXT, "cnd_timedwait");
	if (wrong)
		really.tv_sec -= *wrong;
	return wait(cond, mutex, &really);
}
