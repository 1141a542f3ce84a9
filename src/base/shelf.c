/* SPDX-License-Identifier: ISC */
#include "base/shelf.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/macro.h"
#include "base/mem.h"

struct shelf_item {
	void *object;
	uint64_t generation;
	size_t holders; /* the shelf itself counts as one while the item is current */
};

struct shelf {
	_Atomic uint64_t generation;
	pthread_mutex_t mutex;
	struct shelf_item *current;
	void (*release)(void *object);
};

struct shelf *shelf_new(void (*release)(void *object))
{
	struct shelf *shelf = mem_new(shelf);

	pthread_mutex_init(&shelf->mutex, NULL);
	shelf->release = release;
	return shelf;
}

/* Takes one holder away; true when the item is to be freed, which the caller does outside the lock. */
static bool shelf_let_go(struct shelf_item *item)
{
	if (item == NULL)
		return false;
	ASSERT(item->holders > 0);
	item->holders--;
	return item->holders == 0;
}

static void shelf_drop(struct shelf *shelf, struct shelf_item *item)
{
	shelf->release(item->object);
	mem_free(item);
}

void shelf_put(struct shelf *shelf, void *object)
{
	struct shelf_item *item = mem_new(shelf_item);
	struct shelf_item *old;
	bool last;

	item->object = object;
	item->holders = 1;
	pthread_mutex_lock(&shelf->mutex);
	old = shelf->current;
	item->generation = old != NULL ? old->generation + 1 : 1;
	shelf->current = item;
	last = shelf_let_go(old);
	atomic_store_explicit(&shelf->generation, item->generation, memory_order_release);
	pthread_mutex_unlock(&shelf->mutex);
	if (last)
		shelf_drop(shelf, old);
}

int shelf_refresh(struct shelf *shelf, struct shelf_item **held)
{
	uint64_t seen = *held != NULL ? (*held)->generation : 0;
	struct shelf_item *old = *held;
	bool last;

	if (atomic_load_explicit(&shelf->generation, memory_order_acquire) == seen)
		return 0;
	pthread_mutex_lock(&shelf->mutex);
	*held = shelf->current;
	(*held)->holders++;
	last = shelf_let_go(old);
	pthread_mutex_unlock(&shelf->mutex);
	if (last)
		shelf_drop(shelf, old);
	return 1;
}

void shelf_release(struct shelf *shelf, struct shelf_item **held)
{
	struct shelf_item *old = TAKE(*held);
	bool last;

	pthread_mutex_lock(&shelf->mutex);
	last = shelf_let_go(old);
	pthread_mutex_unlock(&shelf->mutex);
	if (last)
		shelf_drop(shelf, old);
}

void *shelf_object(const struct shelf_item *held)
{
	return held != NULL ? held->object : NULL;
}

void shelf_free(struct shelf **shelf)
{
	if (*shelf == NULL)
		return;
	if (shelf_let_go((*shelf)->current))
		shelf_drop(*shelf, (*shelf)->current);
	pthread_mutex_destroy(&(*shelf)->mutex);
	mem_free(*shelf);
	*shelf = NULL;
}
