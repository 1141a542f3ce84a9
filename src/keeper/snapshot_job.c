/* SPDX-License-Identifier: ISC */
#include "keeper/snapshot_job.h"

#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/macro.h"
#include "base/mem.h"
#include "base/obj.h"
#include "list/snapshot_folder.h"
#include "list/snapshot_write.h"
#include "store/store.h"

/*
 * A file is read through a connection of its own, inside one read transaction: one state of
 * everything, while commands go on. The loop opens it and reads the serial, so that no change can
 * slip in between; from then on it is the thread's. A forked child would not do: SQLite's locks do
 * not survive fork(2), and the jail lets no role fork. For the same reason the thread is made once
 * and sleeps between jobs.
 *
 *   loop:    thread->job = job, signal  .......................  watch on done_fd: thread_on_done
 *   thread:  waits for a job -> writes the file -> done_fd -> waits
 *
 * `mutex` guards job and quit. While a job is at the thread, the loop does not touch it.
 */
struct snapshot_job {
	struct store *store; /* reading */
	char *url;
	char *folder;
	struct list_layout *layout;
	int64_t now_s;
	struct snapshot_result result;
};

struct snapshot_thread {
	uint32_t magic;
	pthread_t thread;
	pthread_mutex_t mutex;
	pthread_cond_t news;
	struct snapshot_job *job; /* to be done */
	bool quit;
	struct snapshot_job *current; /* the loop's: what it asked for last, until it is done */
	int done_fd;
	struct watch *watch;
	void (*done)(const struct snapshot_result *result, void *arg);
	void *arg;
};

/* ---- the thread ---- */

struct writing {
	struct snapshot_job *job;
	struct snapshot_writer *writer;
	int lists[LISTS_MAX];
	/* most rows are of the sublist of the row before, and then these are the same pointers */
	const uint8_t *list;
	const uint8_t *sublist;
	struct layout_index index;
	bool published;
};

static void writing_find(struct writing *writing, const struct store_listing *listing)
{
	if (listing->list.ptr == writing->list && listing->sublist.ptr == writing->sublist)
		return;
	writing->published =
		layout_find(writing->job->layout, listing->list, listing->sublist, &writing->index);
	writing->list = listing->list.ptr;
	writing->sublist = listing->sublist.ptr;
}

static int writing_add(const struct store_listing *listing, void *arg)
{
	struct writing *writing = arg;

	writing_find(writing, listing);
	if (!writing->published)
		return 0; /* a list that the configuration no longer has */
	writing->job->result.entries++;
	return snapshot_writer_add(writing->writer, writing->lists[writing->index.list],
		&(struct list_entry){listing->source, (uint8_t)writing->index.sublist,
			listing->excluded, listing->until_s, listing->reason});
}

static int writing_lists(struct writing *writing)
{
	const struct list_layout *layout = writing->job->layout;

	if (layout_list_count(layout) > LISTS_MAX)
		return E_LIMIT;
	for (size_t i = 0; i < layout_list_count(layout); i++) {
		size_t count = 0;
		const struct span *sublists = layout_sublists(layout, i, &count);
		int r = snapshot_writer_add_list(
			writing->writer, layout_list_name(layout, i), sublists, count);

		if (r < 0)
			return r;
		writing->lists[i] = r;
	}
	return 0;
}

static int job_write(struct snapshot_job *job)
{
	AUTO(snapshot_writer) *writer = snapshot_writer_new(job->result.serial, job->now_s);
	struct writing writing = {.job = job, .writer = writer};
	char path[PATH_MAX];
	int r = writing_lists(&writing);

	if (r >= 0)
		r = store_listings_all(job->store, writing_add, &writing);
	if (r < 0)
		return fault_set(&job->result.why, r, "reading the lists: %s",
			store_error_text(job->store)[0] != '\0' ? store_error_text(job->store)
								: err_text(r));
	snprintf(path, sizeof(path), "%s/" SNAPSHOT_NEXT_NAME, job->folder);
	return snapshot_writer_finish(writer, path, &job->result.why);
}

static void job_run(struct snapshot_job *job)
{
	int64_t start_ms = clock_monotonic_ms();
	struct fault why;

	job->result.error = job_write(job);
	store_rollback(job->store);
	store_free(&job->store);
	/* What was committed meanwhile. When it fails, commits go on with it, and they have
	 * somebody to tell. */
	store_sync(job->url, &why);
	job->result.took_ms = clock_monotonic_ms() - start_ms;
}

static void *thread_main(void *arg)
{
	struct snapshot_thread *thread = arg;
	uint64_t one = 1;

	pthread_mutex_lock(&thread->mutex);
	while (!thread->quit) {
		struct snapshot_job *job = thread->job;

		if (job == NULL) {
			pthread_cond_wait(&thread->news, &thread->mutex);
			continue;
		}
		pthread_mutex_unlock(&thread->mutex);
		job_run(job);
		pthread_mutex_lock(&thread->mutex);
		thread->job = NULL;
		if (write(thread->done_fd, &one, sizeof(one)) < 0)
			break; /* cannot happen: nothing else counts there */
	}
	pthread_mutex_unlock(&thread->mutex);
	return NULL;
}

/* ---- the loop's side ---- */

static void snapshot_job_free(struct snapshot_job **job)
{
	struct snapshot_job *j = *job;

	if (j == NULL)
		return;
	store_free(&j->store);
	layout_free(&j->layout);
	mem_free(j->url);
	mem_free(j->folder);
	mem_free(j);
	*job = NULL;
}

/* In the same turn in which the loop hears of it: a role that starts reads the newest file, and one
 * of which the loop does not know yet would be news from another history. */
static void job_publish(struct snapshot_job *job)
{
	struct snapshot_result *result = &job->result;

	if (result->error >= 0)
		result->error = snapshot_folder_publish(job->folder, result->serial, &result->why);
}

static void thread_on_done(struct watch *watch, int ready, void *arg)
{
	struct snapshot_thread *thread = OBJ(snapshot_thread, arg);
	AUTO(snapshot_job) *job = NULL;
	uint64_t count;

	(void)watch;
	(void)ready;
	if (read(thread->done_fd, &count, sizeof(count)) < 0 || thread->current == NULL)
		return;
	job = thread->current;
	thread->current = NULL;
	job_publish(job);
	thread->done(&job->result, thread->arg);
}

int snapshot_thread_new(struct loop *loop,
	void (*done)(const struct snapshot_result *result, void *arg), void *arg,
	struct snapshot_thread **ret_thread)
{
	struct snapshot_thread *thread = mem_new(snapshot_thread);

	thread->magic = (uint32_t)MAGIC_snapshot_thread;
	thread->done = done;
	thread->arg = arg;
	pthread_mutex_init(&thread->mutex, NULL);
	pthread_cond_init(&thread->news, NULL);
	thread->done_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (thread->done_fd < 0 ||
		pthread_create(&thread->thread, NULL, thread_main, thread) != 0) {
		if (thread->done_fd >= 0)
			close(thread->done_fd);
		mem_free(thread);
		return E_SYSTEM;
	}
	thread->watch = watch_new(loop, thread->done_fd, thread_on_done, thread);
	watch_set(thread->watch, WATCH_READ);
	*ret_thread = thread;
	return 0;
}

void snapshot_thread_free(struct snapshot_thread **thread)
{
	struct snapshot_thread *t = *thread;

	if (t == NULL)
		return;
	pthread_mutex_lock(&t->mutex);
	t->quit = true;
	pthread_cond_signal(&t->news);
	pthread_mutex_unlock(&t->mutex);
	pthread_join(t->thread, NULL);
	snapshot_job_free(&t->current);
	watch_free(&t->watch);
	close(t->done_fd);
	pthread_cond_destroy(&t->news);
	pthread_mutex_destroy(&t->mutex);
	t->magic = 0;
	mem_free(t);
	*thread = NULL;
}

/* The reader opened what the path names by now; that has to be the store of the loop. */
static int job_check(const struct snapshot_job *job, struct store *store, struct fault *why)
{
	uint32_t serial = 0;
	int r = store_check(store);

	if (r >= 0)
		r = store_serial(store, &serial);
	if (r < 0)
		return fault_set(why, r, "%s", store_error_text(store));
	if (serial == job->result.serial)
		return 0;
	return fault_set(why, E_CORRUPT, "the store is at serial %lu, its file at %lu",
		(unsigned long)serial, (unsigned long)job->result.serial);
}

static int job_begin(struct snapshot_job *job, struct fault *why)
{
	int r = store_open_reader(job->url, &job->store, why);

	if (r < 0)
		return r;
	r = store_begin(job->store);
	if (r >= 0)
		r = store_serial(job->store, &job->result.serial);
	return r < 0 ? fault_set(why, r, "%s", store_error_text(job->store)) : 0;
}

int snapshot_thread_write(
	struct snapshot_thread *thread, const struct snapshot_wish *wish, struct fault *why)
{
	AUTO(snapshot_job) *job = mem_new(snapshot_job);
	int r;

	job->url = mem_copy_string(wish->store_url);
	job->folder = mem_copy_string(wish->folder);
	job->layout = layout_copy(wish->layout);
	job->now_s = wish->now_s;
	r = job_begin(job, why);
	if (r >= 0)
		r = job_check(job, wish->store, why);
	if (r < 0)
		return r;
	thread->current = job;
	pthread_mutex_lock(&thread->mutex);
	thread->job = TAKE(job);
	pthread_cond_signal(&thread->news);
	pthread_mutex_unlock(&thread->mutex);
	return 0;
}
