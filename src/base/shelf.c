/* SPDX-License-Identifier: ISC */
#include "base/shelf.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/macro.h"
#include "base/mem.h"

struct shelf_item {
	struct shelf_item *next; /* of those that were dropped */
	void *object;
	uint64_t generation;
	size_t holders; /* the shelf itself counts as one while the item is current */
};

struct shelf {
	_Atomic uint64_t generation;
	pthread_mutex_t mutex;
	struct shelf_item *current;
	struct shelf_item *dropped; /* by the last that held them: for the writer */
	size_t items;               /* current, held, and dropped */
	void (*release)(void *object);
};

struct shelf *shelf_new(void (*release)(void *object))
{
	struct shelf *shelf = mem_new(shelf);

	pthread_mutex_init(&shelf->mutex, NULL);
	shelf->release = release;
	return shelf;
}

/* Takes one holder away. */
static void shelf_let_go(struct shelf *shelf, struct shelf_item *item)
{
	if (item == NULL)
		return;
	ASSERT(item->holders > 0);
	if (--item->holders != 0)
		return;
	item->next = shelf->dropped;
	shelf->dropped = item;
}

/* Outside of the lock: freeing may take a while, and workers would wait. */
static void shelf_release_all(struct shelf *shelf, struct shelf_item *items)
{
	while (items != NULL) {
		struct shelf_item *next = items->next;

		shelf->release(items->object);
		mem_free(items);
		items = next;
	}
}

/* Takes what was dropped off the shelf, under the lock. */
static struct shelf_item *shelf_take_dropped(struct shelf *shelf)
{
	struct shelf_item *dropped = TAKE(shelf->dropped);

	for (const struct shelf_item *item = dropped; item != NULL; item = item->next)
		shelf->items--;
	return dropped;
}

void shelf_put(struct shelf *shelf, void *object)
{
	struct shelf_item *item = mem_new(shelf_item), *old, *dropped;

	item->object = object;
	item->holders = 1;
	pthread_mutex_lock(&shelf->mutex);
	old = shelf->current;
	item->generation = old != NULL ? old->generation + 1 : 1;
	shelf->current = item;
	shelf->items++;
	shelf_let_go(shelf, old);
	atomic_store_explicit(&shelf->generation, item->generation, memory_order_release);
	dropped = shelf_take_dropped(shelf);
	pthread_mutex_unlock(&shelf->mutex);
	shelf_release_all(shelf, dropped);
}

size_t shelf_sweep(struct shelf *shelf)
{
	struct shelf_item *dropped;
	size_t old;

	pthread_mutex_lock(&shelf->mutex);
	dropped = shelf_take_dropped(shelf);
	old = shelf->items - (shelf->current != NULL);
	pthread_mutex_unlock(&shelf->mutex);
	shelf_release_all(shelf, dropped);
	return old;
}

int shelf_refresh(struct shelf *shelf, struct shelf_item **held)
{
	uint64_t seen = *held != NULL ? (*held)->generation : 0;

	if (atomic_load_explicit(&shelf->generation, memory_order_acquire) == seen)
		return 0;
	pthread_mutex_lock(&shelf->mutex);
	shelf_let_go(shelf, *held);
	*held = shelf->current;
	(*held)->holders++;
	pthread_mutex_unlock(&shelf->mutex);
	return 1;
}

void shelf_release(struct shelf *shelf, struct shelf_item **held)
{
	pthread_mutex_lock(&shelf->mutex);
	shelf_let_go(shelf, TAKE(*held));
	pthread_mutex_unlock(&shelf->mutex);
}

void *shelf_object(const struct shelf_item *held)
{
	return held != NULL ? held->object : NULL;
}

void shelf_free(struct shelf **shelf)
{
	if (*shelf == NULL)
		return;
	shelf_let_go(*shelf, (*shelf)->current);
	shelf_release_all(*shelf, (*shelf)->dropped);
	pthread_mutex_destroy(&(*shelf)->mutex);
	mem_free(*shelf);
	*shelf = NULL;
}
