/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * Builds views from what the keeper announces and puts them on the shelf. Its serial never goes
 * back while the keeper stays the same: a snapshot older than what is served is held back until the
 * deltas that follow have caught up. Owner: the bus client; one thread. The shelf may be read by
 * others.
 */
#include "base/err.h"
#include "base/shelf.h"

typedef struct Stockade__Snapshot Stockade__Snapshot;
typedef struct Stockade__Delta Stockade__Delta;

struct follower;

struct follower *follower_new(const char *lists_path, struct shelf *shelf);
void follower_free(struct follower **follower);

/* A new connection: the keeper says to which serial it will bring us; a smaller one than ours is
 * believed (a backup). */
void follower_expect(struct follower *follower, uint32_t serial);

/* 1: a newer view is on the shelf; 0: not yet, deltas have to follow; E_...: stays as it was. The
 * file is looked for in the lists folder only. E_CONFLICT of a delta: something was missed, a
 * snapshot is needed. */
int follower_snapshot(
	struct follower *follower, const Stockade__Snapshot *snapshot, struct fault *why);
int follower_delta(struct follower *follower, const Stockade__Delta *delta, struct fault *why);

/* Frees old views; how many are still in use somewhere: call from time to time until it is 0. */
size_t follower_sweep(struct follower *follower);
/* call: before a delta is applied to what is served, with what it holds; for who has to know what
 * changed. Of what comes by a file, and of deltas on top of that, it hears nothing but the view. */
struct delta;
void follower_on_delta(
	struct follower *follower, void (*call)(void *arg, const struct delta *delta), void *arg);

uint32_t follower_serial(const struct follower *follower); /* served now; 0: nothing yet */
