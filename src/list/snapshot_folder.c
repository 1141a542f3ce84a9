/* SPDX-License-Identifier: ISC */
#include "list/snapshot_folder.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "base/macro.h"
#include "base/serial.h"
#include "list/snapshot_write.h"

struct snapshot_file snapshot_file_of(uint32_t serial)
{
	struct snapshot_file file = {.serial = serial};

	snprintf(file.name, sizeof(file.name), "list-%lu.snap", (unsigned long)serial);
	return file;
}

/* 0: not a name of ours. */
static uint32_t serial_of_name(const char *name)
{
	static const char head[] = "list-";
	struct span rest = span_text(name), digits;
	uint64_t serial = 0;

	if (!span_has_prefix_nocase(rest, head))
		return 0;
	rest = span_from(rest, sizeof(head) - 1);
	digits = span_split(&rest, '.');
	if (!span_equal_text(rest, "snap") || span_parse_u64(digits, UINT32_MAX, &serial) < 0)
		return 0;
	return (uint32_t)serial;
}

/* The newest that is older than `before` (0: of all); E_ABSENT, or why it cannot be read. */
static int folder_find(const char *folder, uint32_t before, uint32_t *ret_serial)
{
	DIR *dir = opendir(folder);
	const struct dirent *entry;
	uint32_t newest = 0;

	if (dir == NULL)
		return err_from_errno(errno);
	while ((entry = readdir(dir)) != NULL) {
		uint32_t serial = serial_of_name(entry->d_name);

		if (serial != 0 && (before == 0 || serial_is_before(serial, before)))
			newest = serial_newest(newest, serial);
	}
	closedir(dir);
	if (newest == 0)
		return E_ABSENT;
	*ret_serial = newest;
	return 0;
}

int snapshot_folder_open(const char *folder, const struct snapshot_file *file,
	struct view **ret_view, struct fault *why)
{
	AUTO(view) *view = NULL;
	char path[PATH_MAX];
	int r;

	snprintf(path, sizeof(path), "%s/%s", folder, file->name);
	r = view_open(path, &view, why);
	if (r < 0)
		return r;
	if (view_serial(view) != file->serial)
		return fault_set(why, E_CORRUPT, "'%s' has serial %lu", path,
			(unsigned long)view_serial(view));
	*ret_view = TAKE(view);
	return 0;
}

int snapshot_folder_next(
	const char *folder, struct snapshot_file *file, struct view **ret_view, struct fault *why)
{
	uint32_t serial = 0;
	int r = folder_find(folder, file->serial, &serial);

	*file = snapshot_file_of(serial);
	if (r == 0)
		return snapshot_folder_open(folder, file, ret_view, why);
	if (r == E_ABSENT)
		return fault_set(why, r, "no snapshot in '%s'", folder);
	return fault_set(why, r, "cannot read '%s': %s", folder, err_text(r));
}

int snapshot_folder_publish(const char *folder, uint32_t serial, struct fault *why)
{
	char from[PATH_MAX], to[PATH_MAX];

	snprintf(from, sizeof(from), "%s/%s", folder, SNAPSHOT_NEXT_NAME);
	snprintf(to, sizeof(to), "%s/%s", folder, snapshot_file_of(serial).name);
	return snapshot_rename(from, to, why);
}

int snapshot_folder_remove(const char *folder, uint32_t serial)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", folder, snapshot_file_of(serial).name);
	return unlink(path) < 0 ? err_from_errno(errno) : 0;
}

void snapshot_folder_remove_old(const char *folder, uint32_t serial)
{
	if (folder_find(folder, serial, &serial) < 0)
		return;
	while (folder_find(folder, serial, &serial) == 0) {
		if (snapshot_folder_remove(folder, serial) < 0)
			return; /* tried again after the next one */
	}
}
