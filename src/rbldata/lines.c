/* SPDX-License-Identifier: ISC */
#include "rbldata/lines.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/macro.h"
#include "base/mem.h"
#include "rbldata/gunzip.h"

/* One buffer: the incomplete line that the last block left over lies at its beginning, and the file
 * is read behind it. A line that fills a whole buffer without an end is given out cut, and the rest
 * of it is passed over. */
enum { BUFFER_SIZE = 256 * 1024 };

struct rbl_lines {
	int fd;
	bool owns_fd, at_end, skipping;
	struct stat before;
	struct rbl_gunzip *gunzip; /* NULL: not compressed */
	uint8_t *input;            /* compressed octets */
	struct span input_rest;
	uint64_t plain_bytes, gzip_max;
	uint8_t *buffer;
	size_t start, end; /* given out up to start, filled up to end */
};

static int64_t fd_read(int fd, uint8_t *out, size_t size, struct fault *why)
{
	ssize_t got;

	do
		got = read(fd, out, size);
	while (got < 0 && errno == EINTR);
	return got < 0 ? fault_set(why, err_from_errno(errno), "cannot read: %m") : got;
}

/* Enough to see whether it is compressed: a pipe may bring one octet at a time. */
static int first_read(struct rbl_lines *lines, struct fault *why)
{
	int64_t got = 1;

	while (lines->end < 2 && got > 0) {
		got = fd_read(lines->fd, lines->buffer + lines->end, BUFFER_SIZE - lines->end, why);
		if (got < 0)
			return (int)got;
		lines->end += (size_t)got;
	}
	return 0;
}

static int lines_start(
	struct rbl_lines *lines, const struct rbl_lines_options *options, struct fault *why)
{
	int r;

	if (fstat(lines->fd, &lines->before) < 0)
		return fault_set(why, err_from_errno(errno), "cannot read: %m");
	if (S_ISDIR(lines->before.st_mode))
		return fault_set(why, E_IO, "this is a folder");
	if (S_ISFIFO(lines->before.st_mode) && options->no_pipe)
		return fault_set(why, E_USAGE, "this is a pipe, which cannot be read again");
	posix_fadvise(lines->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	lines->buffer = mem_alloc(BUFFER_SIZE);
	r = first_read(lines, why);
	if (r < 0)
		return r;
	if (!rbl_is_gzip(span_of(lines->buffer, lines->end)))
		return 0;
	if (options->no_gzip)
		return fault_set(
			why, E_USAGE, "the file is compressed, and reading such files is off");
	lines->gunzip = rbl_gunzip_new();
	lines->gzip_max = options->gzip_max != 0 ? options->gzip_max : RBL_GZIP_MAX;
	lines->input = mem_alloc(BUFFER_SIZE);
	memcpy(lines->input, lines->buffer, lines->end);
	lines->input_rest = span_of(lines->input, lines->end);
	lines->end = 0;
	return 0;
}

int rbl_lines_open_fd(int fd, const struct rbl_lines_options *options, struct rbl_lines **ret_lines,
	struct fault *why)
{
	AUTO(rbl_lines) *lines = mem_new(rbl_lines);
	int r;

	lines->fd = fd;
	r = lines_start(lines, options, why);
	if (r == 0)
		*ret_lines = TAKE(lines);
	return r;
}

int rbl_lines_open(const char *path, const struct rbl_lines_options *options,
	struct rbl_lines **ret_lines, struct fault *why)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | (options->no_pipe ? O_NONBLOCK : 0));
	int r;

	if (fd < 0)
		return fault_set(why, err_from_errno(errno), "cannot open: %m");
	r = rbl_lines_open_fd(fd, options, ret_lines, why);
	if (r < 0)
		close(fd);
	else
		(*ret_lines)->owns_fd = true;
	return r;
}

void rbl_lines_free(struct rbl_lines **lines)
{
	struct rbl_lines *l = *lines;

	*lines = NULL;
	if (l == NULL)
		return;
	if (l->owns_fd)
		close(l->fd);
	rbl_gunzip_free(&l->gunzip);
	mem_free(l->input);
	mem_free(l->buffer);
	mem_free(l);
}

int64_t rbl_lines_changed_s(const struct rbl_lines *lines)
{
	return lines->before.st_mtime;
}

static int64_t fill_gzip(struct rbl_lines *lines, uint8_t *out, size_t size, struct fault *why)
{
	int64_t got = 0;

	while (got == 0) {
		if (lines->input_rest.len == 0) {
			got = fd_read(lines->fd, lines->input, BUFFER_SIZE, why);
			if (got < 0)
				return got;
			lines->input_rest = span_of(lines->input, (size_t)got);
		}
		if (lines->input_rest.len == 0)
			return rbl_gunzip_is_whole(lines->gunzip)
				       ? 0
				       : fault_set(why, E_TRUNCATED,
						 "the compressed file is cut short");
		got = rbl_gunzip_next(lines->gunzip, &lines->input_rest, out, size);
		if (got < 0)
			return fault_set(why, E_CORRUPT, "the compressed file is damaged");
		lines->plain_bytes += (uint64_t)got;
		if (lines->plain_bytes > lines->gzip_max)
			return fault_set(why, E_LIMIT,
				"the compressed file holds more than %llu bytes",
				(unsigned long long)lines->gzip_max);
	}
	return got;
}

/* Reads until there is no room or no more; 0 or an error. */
static int lines_fill(struct rbl_lines *lines, struct fault *why)
{
	if (lines->start != 0)
		memmove(lines->buffer, lines->buffer + lines->start, lines->end - lines->start);
	lines->end -= lines->start;
	lines->start = 0;
	while (lines->end < BUFFER_SIZE && !lines->at_end) {
		uint8_t *out = lines->buffer + lines->end;
		size_t room = BUFFER_SIZE - lines->end;
		int64_t got = lines->gunzip != NULL ? fill_gzip(lines, out, room, why)
						    : fd_read(lines->fd, out, room, why);

		if (got < 0)
			return (int)got;
		lines->at_end = got == 0;
		lines->end += (size_t)got;
	}
	return 0;
}

/* Who writes into a file that is being read gets half of the old one and half of the new. */
static int lines_end(const struct rbl_lines *lines, struct fault *why)
{
	struct stat now;

	if (fstat(lines->fd, &now) < 0)
		return fault_set(why, err_from_errno(errno), "cannot read: %m");
	if (S_ISREG(now.st_mode) && (now.st_mtim.tv_sec != lines->before.st_mtim.tv_sec ||
					    now.st_mtim.tv_nsec != lines->before.st_mtim.tv_nsec ||
					    now.st_size != lines->before.st_size))
		return fault_set(why, E_CONFLICT,
			"the file changed while it was read; write to another file and rename it");
	return 0;
}

/* Passes over the rest of a line that was cut. */
static void lines_skip(struct rbl_lines *lines)
{
	struct span rest = span_of(lines->buffer + lines->start, lines->end - lines->start);
	size_t newline = span_find(rest, '\n');

	lines->skipping = newline == rest.len;
	lines->start += newline + !lines->skipping;
}

int rbl_lines_next(struct rbl_lines *lines, struct span *ret_block, struct fault *why)
{
	const uint8_t *newline;
	size_t len;

	do {
		int r = lines_fill(lines, why);

		if (r < 0)
			return r;
		if (lines->skipping)
			lines_skip(lines);
	} while (lines->start == lines->end && !lines->at_end);
	len = lines->end - lines->start;
	if (len == 0)
		return lines_end(lines, why);
	newline = memrchr(lines->buffer + lines->start, '\n', len);
	*ret_block = span_of(lines->buffer + lines->start, len);
	if (newline != NULL)
		ret_block->len = (size_t)(newline + 1 - ret_block->ptr);
	else
		lines->skipping = len > RBL_LINE_MAX;
	lines->start += ret_block->len;
	return 1;
}
