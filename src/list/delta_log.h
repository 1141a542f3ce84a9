/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * The deltas that are newer than the snapshot, packed, for followers that come late or have fallen
 * behind: a zeroed struct is an empty log. Serials ascend, in their circle, and may leave numbers
 * out. Owner: the publisher. Pure; one thread.
 */
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct logged_delta {
	uint32_t to_serial;
	uint32_t ranges; /* repainted by it */
	uint8_t *packed; /* without its from_serial: each follower gets it from where it is */
	size_t packed_len;
};

struct delta_log {
	struct logged_delta *deltas;
	size_t len;
	size_t room;
	size_t ranges; /* of all */
};

/* Takes delta->packed over. */
void delta_log_add(struct delta_log *log, const struct logged_delta *delta);
/* Drops what leads up to serial or less far: a snapshot holds it. */
void delta_log_drop(struct delta_log *log, uint32_t serial);
void delta_log_clear(struct delta_log *log);

/* The first delta that a follower at `serial` lacks, above a snapshot of serial `base` (0: none);
 * log->len: it lacks nothing; -1: no delta goes on from there, so it has to begin with the
 * snapshot. */
ssize_t delta_log_after(const struct delta_log *log, uint32_t base, uint32_t serial);
