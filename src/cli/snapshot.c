/* SPDX-License-Identifier: ISC */
#include "cli/snapshot.h"

#include "list/snapshot_folder.h"

/* Of several that cannot be read, the newest is what an administrator should hear of. */
int snapshot_open_newest(const char *folder, struct view **ret_view, struct fault *why)
{
	struct snapshot_file file = {.serial = 0};
	int damaged = snapshot_folder_next(folder, &file, ret_view, why);
	int r = damaged;

	while (r < 0 && file.serial != 0)
		r = snapshot_folder_next(folder, &file, ret_view, NULL);
	return r < 0 ? damaged : r;
}
