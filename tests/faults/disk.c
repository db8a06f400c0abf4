/* A disk that fails on command, for whoever is started with it preloaded.
 *
 * While the file named by FAULT_DISK holds a byte other than 0, writing to the segments of a spool
 * and forcing them to the disk end with that error number.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static volatile const unsigned char *failure;

__attribute__((constructor)) static void begin(void)
{
	const char *path = getenv("FAULT_DISK");
	int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;

	if (file < 0)
		return;
	void *mapped = mmap(NULL, 1, PROT_READ, MAP_SHARED, file, 0);

	close(file);
	if (mapped != MAP_FAILED)
		failure = mapped;
}

static int fails(int file)
{
	char link[64], path[PATH_MAX];
	ssize_t length;

	if (!failure || !*failure)
		return 0;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", file);
	length = readlink(link, path, sizeof(path) - 1);
	if (length < 4 || memcmp(path + length - 4, ".log", 4))
		return 0;
	errno = *failure;
	return 1;
}

ssize_t pwrite64(int file, const void *data, size_t size, off64_t at)
{
	return fails(file) ? -1 : syscall(SYS_pwrite64, file, data, size, at);
}

ssize_t pwrite(int file, const void *data, size_t size, off_t at)
{
	return pwrite64(file, data, size, at);
}

int fdatasync(int file)
{
	return fails(file) ? -1 : (int)syscall(SYS_fdatasync, file);
}
