/* SPDX-License-Identifier: ISC */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int file_refuse(const char *path, struct fault *why)
{
	return fault_set(why, E_IO, "'%s' is not a regular file", path);
}

int file_open(const char *path, int flags, mode_t mode, struct fault *why)
{
	int fd = open(path, flags | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, mode);
	struct stat status;

	if (fd < 0 && (errno == ENXIO || errno == EISDIR)) /* a socket, a pipe without a reader */
		return file_refuse(path, why);
	if (fd < 0)
		return fault_set(
			why, err_from_errno(errno), "cannot open '%s': %s", path, strerror(errno));
	if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode))
		return fd;
	close(fd);
	return file_refuse(path, why);
}

bool file_is_other(const char *path)
{
	struct stat status;

	return stat(path, &status) == 0 && !S_ISREG(status.st_mode);
}
