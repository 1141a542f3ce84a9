/* SPDX-License-Identifier: ISC */
#include "rbldnsd/logfile.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { OUTPUT_MODE = 0644 };

int query_log_open(struct query_log *log, struct fault *why)
{
	int old = atomic_load_explicit(&log->fd, memory_order_relaxed);
	int fd;

	if (log->path == NULL)
		return 0;
	fd = open(log->path, O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK | O_CLOEXEC, OUTPUT_MODE);
	if (fd < 0)
		return fault_set(why, err_from_errno(errno), "error (re)opening logfile '%s': %s",
			log->path, strerror(errno));
	if (old < 0) {
		atomic_store_explicit(&log->fd, fd, memory_order_relaxed);
		return 0;
	}
	dup3(fd, old, O_CLOEXEC);
	close(fd);
	return 0;
}

void query_log_close(struct query_log *log)
{
	int fd = atomic_exchange(&log->fd, -1);

	if (fd >= 0 && log->path != NULL)
		close(fd);
}

void query_log_write(struct query_log *log, struct span lines)
{
	int fd = atomic_load_explicit(&log->fd, memory_order_relaxed);

	if (fd >= 0 && lines.len != 0)
		(void)!write(fd, lines.ptr, lines.len);
}

int stats_write(const char *path, struct span line)
{
	/* A pipe that nobody reads is an error, not a place to wait for ever. */
	int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK | O_CLOEXEC, OUTPUT_MODE);
	ssize_t written;
	int r = 0;

	if (fd < 0)
		return err_from_errno(errno);
	written = write(fd, line.ptr, line.len);
	if (written < 0)
		r = err_from_errno(errno);
	else if ((size_t)written < line.len)
		r = err_from_errno(ENOSPC);
	close(fd);
	return r;
}
