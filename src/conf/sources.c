/* SPDX-License-Identifier: ISC */
#include "conf/sources.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/macro.h"
#include "conf/tree.h"

/* What cannot be read is no part of the configuration: nobody can say what it would change. */
static int source_fail(struct loader *loader, const char *file, int number)
{
	const struct conf_location location = {.file = file};

	if (number == EISDIR)
		error_at(loader->diagnostics, location,
			"is a folder; the configuration is a file in it, as a rule stockade.yaml");
	else if (number == ENOTDIR)
		error_at(loader->diagnostics, location, "is not a folder");
	else if (number == ESPIPE)
		error_at(loader->diagnostics, location, "is a pipe or a socket, not a file");
	else
		error_at(loader->diagnostics, location, "cannot be read: %s",
			err_text(err_from_errno(number)));
	return number == ENOENT ? E_ABSENT : E_CONFIG;
}

/* A pipe that nobody writes into reads as an empty file, and is none. An errno. */
static int source_file_open(const char *path, int *ret_fd)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat status;

	if (fd < 0)
		return errno == ENXIO ? ESPIPE : errno;
	*ret_fd = fd;
	return fstat(fd, &status) == 0 && S_ISFIFO(status.st_mode) ? ESPIPE : 0;
}

/* The whole file, at most one byte more than a tree may have: tree_parse says that it is too
 * large. An errno. */
static int source_file_read(const char *path, struct buf *out)
{
	int fd = -1, number = source_file_open(path, &fd);

	if (fd < 0)
		return number;
	while (number == 0 && buf_len(out) < TREE_TEXT_MAX + 1) {
		size_t room = TREE_TEXT_MAX + 1 - buf_len(out);
		ssize_t n = read(fd, buf_reserve(out, room), room);

		if (n > 0)
			buf_wrote(out, (size_t)n);
		else if (n == 0)
			break;
		else if (errno != EINTR)
			number = errno;
	}
	close(fd);
	return number;
}

static int source_read(struct loader *loader, const char *path)
{
	struct conf *conf = loader->conf;
	struct conf_source *source = &conf->sources[conf->sources_len];
	struct buf text;
	int number;

	source->file = arena_copy_string(loader->arena, path);
	if (conf->sources_len == SOURCES_MAX) {
		error_at(loader->diagnostics, (struct conf_location){.file = source->file},
			"too many files");
		return E_CONFIG;
	}
	buf_init(&text, 0);
	number = source_file_read(path, &text);
	if (number == 0) {
		source->text = arena_copy(loader->arena, buf_span(&text));
		conf->sources_len++;
	}
	buf_done(&text);
	return number == 0 ? 0 : source_fail(loader, source->file, number);
}

static int is_yaml(const struct dirent *entry)
{
	size_t len = strlen(entry->d_name);

	return entry->d_name[0] != '.' && len > 5 && strcmp(entry->d_name + len - 5, ".yaml") == 0;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int folder_read(struct loader *loader, const char *folder)
{
	struct dirent **found = NULL;
	int r = 0, count = scandir(folder, &found, is_yaml, by_name);

	if (count < 0)
		return errno == ENOENT ? 0
				       : source_fail(loader,
						 arena_copy_string(loader->arena, folder), errno);
	for (int i = 0; i < count; i++) {
		const char *path = arena_format(loader->arena, "%s/%s", folder, found[i]->d_name);

		if (source_read(loader, path) < 0)
			r = E_CONFIG;
		free(found[i]);
	}
	free(found);
	return r;
}

int sources_read(struct loader *loader, const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *folder = arena_format(
		loader->arena, "%.*sconf.d", slash != NULL ? (int)(slash - path + 1) : 0, path);
	int r;

	loader->conf->sources =
		arena_alloc(loader->arena, (SOURCES_MAX + 1) * sizeof(*loader->conf->sources));
	r = source_read(loader, path);
	return r < 0 ? r : folder_read(loader, folder);
}
