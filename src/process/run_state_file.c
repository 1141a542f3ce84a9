/* SPDX-License-Identifier: ISC */
#include "process/run_state_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/macro.h"

enum { FILE_SIZE_MAX = 8192 };

/* run.folder was measured with its sockets: these cannot be too long. */
static const char *state_path(const struct conf *conf, const char *suffix, char path[PATH_MAX])
{
	snprintf(path, PATH_MAX, "%s/%s", conf->run_path, suffix);
	return path;
}

static int state_file_write(const char *path, struct span bytes)
{
	int fd = file_open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600, NULL);
	ssize_t n;
	int r;

	if (fd < 0)
		return fd;
	n = write(fd, bytes.ptr, bytes.len);
	r = n < 0 ? err_from_errno(errno) : (size_t)n == bytes.len ? 0 : E_IO;
	close(fd);
	return r;
}

/* Without fsync: after a power cut nobody wants to read it. */
int run_state_write(const struct conf *conf, const struct run_state *state, struct fault *why)
{
	char path[PATH_MAX], fresh[PATH_MAX];
	struct buf text;
	int r;

	buf_init(&text, FILE_SIZE_MAX);
	run_state_print(state, &text);
	state_path(conf, "state", path);
	r = state_file_write(state_path(conf, "state.new", fresh), buf_span(&text));
	buf_done(&text);
	if (r == 0 && rename(fresh, path) < 0)
		r = err_from_errno(errno);
	if (r == 0)
		return 0;
	unlink(fresh);
	return fault_set(why, r, "cannot write '%s': %s", path, err_text(r));
}

void run_state_remove(const struct conf *conf)
{
	char path[PATH_MAX];

	unlink(state_path(conf, "state", path));
}

static int state_file_read(const char *path, char *text, size_t size, struct span *ret_bytes)
{
	int fd = file_open(path, O_RDONLY | O_NOFOLLOW, 0, NULL);
	ssize_t n;
	int r;

	if (fd < 0)
		return fd;
	n = read(fd, text, size);
	r = n < 0 ? err_from_errno(errno) : 0;
	close(fd);
	if (r == 0)
		*ret_bytes = span_of(text, (size_t)n);
	return r;
}

/* The process that folders_lock has written down; 0: nobody. */
static int64_t lock_owner(const struct conf *conf)
{
	char path[PATH_MAX], text[32];
	struct span bytes, digits;
	uint64_t pid;

	if (state_file_read(state_path(conf, "lock", path), text, sizeof(text), &bytes) < 0)
		return 0;
	digits = span_split(&bytes, '\n');
	return span_parse_u64(digits, INT32_MAX, &pid) == 0 ? (int64_t)pid : 0;
}

int run_state_read(const struct conf *conf, struct run_state *ret_state)
{
	char path[PATH_MAX], text[FILE_SIZE_MAX];
	struct run_state state;
	struct span bytes;
	int r = state_file_read(state_path(conf, "state", path), text, sizeof(text), &bytes);

	if (r == 0)
		r = run_state_parse(bytes, &state);
	if (r == 0 && state.pid != lock_owner(conf))
		r = E_ABSENT;
	if (r == 0)
		*ret_state = state;
	return r;
}
