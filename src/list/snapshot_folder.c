/* SPDX-License-Identifier: ISC */
#include "list/snapshot_folder.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>

#include "base/log.h"
#include "base/serial.h"
#include "list/view.h"

/* The serial in "list-<serial>.snap"; 0 for any other name. */
static uint32_t last_view_serial(const char *name)
{
	static const char head[] = "list-";
	static const char tail[] = ".snap";
	struct span s = span_text(name);
	uint64_t serial;

	if (!span_has_prefix_nocase(s, head) || !span_has_suffix_nocase(s, span_text(tail)) ||
		s.len < sizeof(head) + sizeof(tail) - 2)
		return 0;
	s = span_from(s, sizeof(head) - 1);
	s = span_first(s, s.len - (sizeof(tail) - 1));
	return span_parse_u64(s, UINT32_MAX, &serial) == 0 ? (uint32_t)serial : 0;
}

/* The newest that is older than `before` (0: of all), in the circle of serials; 0 when there is none. */
static uint32_t last_view_newest(const char *lists_path, uint32_t before)
{
	DIR *dir = opendir(lists_path);
	struct dirent *entry;
	uint32_t newest = 0;

	if (dir == NULL)
		return 0;
	while ((entry = readdir(dir)) != NULL) {
		uint32_t serial = last_view_serial(entry->d_name);

		if (serial != 0 && (before == 0 || serial_is_before(serial, before)))
			newest = serial_newest(newest, serial);
	}
	closedir(dir);
	return newest;
}

void last_view_put(const char *lists_path, struct shelf *views)
{
	uint32_t serial = 0;

	while ((serial = last_view_newest(lists_path, serial)) != 0) {
		char path[PATH_MAX];
		struct view *view = NULL;
		struct fault why = {""};
		int r;

		snprintf(path, sizeof(path), "%s/list-%u.snap", lists_path, serial);
		r = view_open(path, &view, &why);
		if (r == 0) {
			shelf_put(views, view);
			return;
		}
		log_event(EV_SNAPSHOT_BAD, LOG_FIELDS(log_text("file", path),
						   log_text("why", why.text), log_error(r)));
	}
}
