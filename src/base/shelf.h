/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * One writer puts a new immutable object on the shelf; each worker thread keeps a reference of its
 * own and looks for a newer one at the top of its loop. Unchanged costs one atomic load. What
 * nobody holds any more is freed by the writer: an object may be large, and a worker has better to
 * do.
 *
 *   writer  shelf_put(shelf, object)         the shelf owns object from now on; the old one loses
 *                                            the shelf's reference
 *   writer  shelf_sweep(shelf)               from time to time, while it does not return 0
 *   worker  shelf_refresh(shelf, &held)      1: held is newer now (the old reference was given
 *                                            back), 0: unchanged
 *   worker  shelf_release(&held)             before the thread ends
 *
 * Locking: `generation` is read without a lock; `current`, `dropped` and all counts change under
 * `mutex`.
 */
#include <stddef.h>
#include <stdint.h>

struct shelf;
struct shelf_item; /* a counted object */

/* release: frees an object when nobody holds it any more; called in the writer's thread. */
struct shelf *shelf_new(void (*release)(void *object));
/* All workers have to be gone. */
void shelf_free(struct shelf **shelf);

void shelf_put(struct shelf *shelf, void *object);
/* Frees what was let go; how many old objects are still held by somebody. */
size_t shelf_sweep(struct shelf *shelf);
int shelf_refresh(struct shelf *shelf, struct shelf_item **held);
void shelf_release(struct shelf *shelf, struct shelf_item **held);

/* The object of a held item; NULL for NULL (nothing was ever put). */
void *shelf_object(const struct shelf_item *held);
