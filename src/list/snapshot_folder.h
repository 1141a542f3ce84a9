/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * The folder of the snapshot files, list-<serial>.snap: the keeper writes them, roles and verbs
 * read the newest when nobody tells them more. Serials are compared in their circle. Files that
 * cannot be read are the caller's to tell of:
 *
 *   while ((r = snapshot_folder_next(folder, &file, &view, &why)) < 0 && file.serial != 0)
 *           ... file.name cannot be read: r, why; the one before may
 */
#include "list/view.h"

enum { SNAPSHOT_NAME_SIZE = 32 };

struct snapshot_file {
	uint32_t serial; /* 0: none */
	char name[SNAPSHOT_NAME_SIZE];
};

struct snapshot_file snapshot_file_of(uint32_t serial);

/* E_CORRUPT: damaged, or another serial than its name says; and the errors of view_open(). */
int snapshot_folder_open(const char *folder, const struct snapshot_file *file,
	struct view **ret_view, struct fault *why);
/* Moves *file, zeroed at first, to the newest, then to the one before, and opens it. < 0 with
 * file->serial 0: there are no more (E_ABSENT), or the folder cannot be read. */
int snapshot_folder_next(
	const char *folder, struct snapshot_file *file, struct view **ret_view, struct fault *why);

/* The keeper writes a file by this name, which nobody reads, and publishes it: then it has that of
 * its serial. E_SYSTEM and others: it is gone. */
#define SNAPSHOT_NEXT_NAME "list.next"
int snapshot_folder_publish(const char *folder, uint32_t serial, struct fault *why);
/* Keeps `serial` and the one before, should the newest be damaged. What is mapped stays so. */
void snapshot_folder_remove_old(const char *folder, uint32_t serial);
/* One that nobody was told of. */
int snapshot_folder_remove(const char *folder, uint32_t serial);
