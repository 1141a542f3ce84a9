/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * The thread that reads data files, so that answers go on meanwhile: it looks whether files
 * changed, reads what did, puts zones and data together and lays the result on the shelf. It is
 * also where old data are freed: giving back the memory of ten million entries takes time that no
 * worker has.
 *
 * Owner: the main thread. The thread has a lower priority than those that answer.
 */
#include "base/shelf.h"
#include "rbldnsd/table.h"

struct rbldnsd_loader;

/* Reads one data set, in the caller's thread, and logs about it. E_... of rbl_dataset_load. */
int rbldnsd_load(const struct rbl_source *source, const struct rbl_options *options,
	struct rbl_dataset **ret_set, struct fault *why);

struct rbldnsd_loader_settings {
	const struct rbl_plan *plan; /* outlives the loader */
	const struct rbl_options *options;
	struct shelf *shelf;
	void (*loaded)(
		void *arg); /* something newer lies on the shelf; called in the loader's thread */
	void *arg;
};

/* What lies on the shelf: a struct rbl_table, wrapped. */
const struct rbl_table *rbldnsd_loader_table(const struct shelf_item *held);

/* For the shelf: hands an object that nobody holds any more to the loader. Any thread. */
void rbldnsd_loader_release(void *object);

/* Lays a table without data on the shelf, and starts the thread, which waits for
 * rbldnsd_loader_check. E_SYSTEM. */
int rbldnsd_loader_new(const struct rbldnsd_loader_settings *settings,
	struct rbldnsd_loader **ret_loader, struct fault *why);

/* Has the files looked at and what changed read. At once; a reading is followed by another. */
void rbldnsd_loader_check(struct rbldnsd_loader *loader);

/* Waits until everything asked for is done; whether each data set is there. */
bool rbldnsd_loader_wait(struct rbldnsd_loader *loader);

/* Ends the thread: false while it is reading, which nothing interrupts; the loader lives on. */
bool rbldnsd_loader_stop(struct rbldnsd_loader *loader);
/* After rbldnsd_loader_stop, and after the shelf is empty. */
void rbldnsd_loader_free(struct rbldnsd_loader **loader);
