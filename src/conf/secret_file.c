/* SPDX-License-Identifier: ISC */
#include "conf/secret_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

struct file_kind {
	const char *path;
	mode_t forbidden; /* of its mode */
};

static int file_check(const struct file_kind *kind, const struct stat *status,
	const struct buf *out, struct fault *why)
{
	const char *path = kind->path;

	if (!S_ISREG(status->st_mode))
		return fault_set(why, E_CONFIG, "'%s' is not a file", path);
	if ((status->st_mode & kind->forbidden) != 0)
		return fault_set(why, E_CONFIG,
			"'%s' holds secrets, and everybody may read or change it: chmod o= '%s'",
			path, path);
	if ((uintmax_t)status->st_size > out->limit)
		return fault_set(why, E_CONFIG, "'%s' is too long", path);
	return 0;
}

/* The buffer gets its size at once, so that no copy of a secret stays behind. */
static int file_read(int fd, size_t size, struct buf *out)
{
	uint8_t *room = buf_reserve(out, size);
	size_t len = 0;
	ssize_t n;

	do {
		n = read(fd, room + len, size - len);
		len += n > 0 ? (size_t)n : 0;
	} while (n > 0 || (n < 0 && errno == EINTR));
	buf_wrote(out, len);
	buf_consume(out, len - span_without_mark(buf_span(out)).len);
	return n < 0 ? err_from_errno(errno) : 0;
}

static int kind_read(const struct file_kind *kind, struct buf *out, struct fault *why)
{
	struct stat status;
	int fd = open(kind->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	int r = fd < 0 || fstat(fd, &status) < 0 ? err_from_errno(errno)
						 : file_check(kind, &status, out, why);

	if (r == 0)
		r = file_read(fd, (size_t)status.st_size, out);
	if (fd >= 0)
		close(fd);
	if (r == 0 || r == E_CONFIG)
		return r;
	return fault_set(why, E_CONFIG, "cannot read '%s': %s%s", kind->path, err_text(r),
		r == E_DENIED ? "; who starts this program has to be able to read it" : "");
}

int secret_file_read(const char *path, struct buf *out, struct fault *why)
{
	return kind_read(&(struct file_kind){path, S_IRWXO}, out, why);
}

int public_file_read(const char *path, struct buf *out, struct fault *why)
{
	return kind_read(&(struct file_kind){path, 0}, out, why);
}

void secret_done(struct buf *secret)
{
	if (secret->ptr != NULL)
		explicit_bzero(secret->ptr, secret->size);
	buf_done(secret);
}
