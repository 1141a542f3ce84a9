/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * One writer puts a new immutable object on the shelf; each worker thread keeps a reference of its own and looks for a
 * newer one at the top of its loop. Unchanged costs one atomic load. The last holder frees.
 *
 *   writer  shelf_put(shelf, object)         the shelf owns object from now on; the old one loses the shelf's reference
 *   worker  shelf_refresh(shelf, &held)      1: held is newer now (the old reference was given back), 0: unchanged
 *   worker  shelf_release(&held)             before the thread ends
 *
 * Locking: `generation` is read without a lock; `current` and all counts change under `mutex`.
 */
#include <stdint.h>

struct shelf;
struct shelf_item; /* a counted object */

/* release: frees an object when nobody holds it any more; called in the thread that let go last. */
struct shelf *shelf_new(void (*release)(void *object));
/* All workers have to be gone. */
void shelf_free(struct shelf **shelf);

void shelf_put(struct shelf *shelf, void *object);
int shelf_refresh(struct shelf *shelf, struct shelf_item **held);
void shelf_release(struct shelf *shelf, struct shelf_item **held);

/* The object of a held item; NULL for NULL (nothing was ever put). */
void *shelf_object(const struct shelf_item *held);
