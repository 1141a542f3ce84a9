/* SPDX-License-Identifier: ISC */
#pragma once
/* What `lookup` found, from the keeper (lookup.c) or from a snapshot file (snapshot.c). Texts live in the arena of cli. */
#include "cli/keeper_client.h"
#include "list/view.h"

struct lookup_row {
	const char *list, *sublist, *code;
	const char *
		policy; /* NULL: of a snapshot, which knows neither that nor what follows it here */
	unsigned version;
	int64_t since_s;
	const char *incident; /* "-": none */
	const char *source;   /* the entry that covers the address */
	const char *reason;
	int64_t until_s;
};

struct lookup_result {
	size_t len;
	struct lookup_row *rows;
	bool allowed;
	const char *allow_reason;
	uint32_t serial;
	bool from_snapshot;
};

/* An exit code. */
int lookup_in_snapshot(struct cli *cli, const struct source *source, struct lookup_result *result);

/* The newest snapshot file of the lists folder that can be read, as a view: 0, or E_... with text. E_ABSENT: there is none. */
int snapshot_open_newest(const char *folder, struct view **ret_view, struct fault *why);
