/* SPDX-License-Identifier: ISC */
#include "courier/zone_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "process/folders.h"

enum { FILE_MOST = 1 << 30 };

static int file_path(struct feed_file file, const char *ending, char path[PATH_MAX])
{
	size_t len;
	int n;

	if (folders_state(file.conf, "courier", path, PATH_MAX) < 0)
		return E_LIMIT;
	len = strlen(path);
	n = snprintf(path + len, PATH_MAX - len, "/%s.zone%s", file.feed->name, ending);
	return n < 0 || (size_t)n >= PATH_MAX - len ? E_LIMIT : 0;
}

static int file_read_all(int fd, struct buf *out)
{
	struct stat status;
	ssize_t n = 1;

	if (fstat(fd, &status) < 0 || status.st_size > FILE_MOST)
		return E_IO;
	while (n > 0) {
		uint8_t *room = buf_reserve(out, (size_t)status.st_size + 1 - buf_len(out));

		if (room == NULL || buf_len(out) > (size_t)status.st_size)
			return E_IO;
		n = read(fd, room, (size_t)status.st_size + 1 - buf_len(out));
		if (n < 0)
			return err_from_errno(errno);
		buf_wrote(out, (size_t)n);
	}
	return 0;
}

int feed_file_read(struct feed_file file, struct feed_zone **ret_zone, int64_t *ret_confirmed_s)
{
	char path[PATH_MAX];
	struct dns_name name;
	struct buf bytes;
	int fd;
	int r = file_path(file, "", path);

	if (r < 0 || dns_name_parse(span_text(file.feed->zone), &name) < 0)
		return E_LIMIT;
	fd = file_open(path, O_RDONLY | O_NOFOLLOW, 0, NULL);
	if (fd < 0)
		return fd;
	buf_init(&bytes, 0);
	r = file_read_all(fd, &bytes);
	if (r >= 0)
		r = feed_zone_decode(buf_span(&bytes), &name, ret_zone, ret_confirmed_s);
	buf_done(&bytes);
	close(fd);
	return r;
}

static int file_write_all(int fd, struct span bytes)
{
	while (bytes.len != 0) {
		ssize_t n = write(fd, bytes.ptr, bytes.len);

		if (n < 0 && errno != EINTR)
			return err_from_errno(errno);
		bytes = span_from(bytes, n > 0 ? (size_t)n : 0);
	}
	return fsync(fd) < 0 ? err_from_errno(errno) : 0;
}

int feed_file_write(
	struct feed_file file, const struct feed_zone *zone, int64_t confirmed_s, struct fault *why)
{
	char path[PATH_MAX], fresh[PATH_MAX];
	struct buf bytes;
	int fd;
	int r = file_path(file, "", path);

	if (r >= 0)
		r = file_path(file, ".new", fresh);
	if (r < 0)
		return fault_set(why, r, "the path of its file is too long");
	fd = file_open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600, why);
	if (fd < 0)
		return fd;
	buf_init(&bytes, 0);
	feed_zone_encode(zone, confirmed_s, &bytes);
	r = file_write_all(fd, buf_span(&bytes));
	buf_done(&bytes);
	if (close(fd) < 0 && r >= 0)
		r = err_from_errno(errno);
	if (r >= 0 && rename(fresh, path) < 0)
		r = err_from_errno(errno);
	if (r >= 0)
		return 0;
	unlink(fresh);
	return fault_set(why, r, "cannot write '%s': %s", path, err_text(r));
}

/* In place: a torn write of eight octets is a wrong time, and then the server is asked. */
void feed_file_confirm(struct feed_file file, int64_t confirmed_s)
{
	char path[PATH_MAX];
	uint8_t octets[8];
	int fd;

	if (file_path(file, "", path) < 0)
		return;
	fd = file_open(path, O_WRONLY | O_NOFOLLOW, 0, NULL);
	if (fd < 0)
		return;
	for (int i = 0; i < 8; i++)
		octets[i] = (uint8_t)((uint64_t)confirmed_s >> (56 - 8 * i));
	if (pwrite(fd, octets, sizeof(octets), FEED_CONFIRMED_AT) < 0)
		feed_file_remove(
			file); /* it cannot be kept right: a transfer after the restart does */
	close(fd);
}

void feed_file_remove(struct feed_file file)
{
	char path[PATH_MAX];

	if (file_path(file, "", path) >= 0)
		unlink(path);
}
