/* SPDX-License-Identifier: ISC */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/macro.h"
#include "base/mem.h"
#include "base/obj.h"
#include "base/serial.h"
#include "keeper/keeper_priv.h"
#include "list/snapshot_write.h"

/*
 * Snapshot files. They are written by a thread with a read-only connection of its own, inside one
 * read transaction: one state of everything, while commands go on. A forked child would not do: the
 * locks of the store do not survive fork(2), and the jail lets no role fork. For the same reason
 * the thread is made once, before the jail closes, and sleeps between jobs. A published file is
 * never written again: a serial is used once.
 *
 *   loop:    writer->job = job, signal  ...........................  watch on done_fd: job_done
 *   thread:  waits for a job -> writes the file -> done_fd -> waits
 *
 * `mutex` guards job and quit. While a job is at the thread, the loop does not touch it.
 */
enum { RETRY_MS = 5000 };

struct snapshot_job {
	uint32_t magic;
	char *url;
	char *folder;
	struct shape *shape;
	int64_t now_s;
	uint32_t serial;
	uint64_t entries;
	int64_t took_ms;
	int error;
	struct fault why;
};

struct snapshot_thread {
	pthread_t thread;
	pthread_mutex_t mutex;
	pthread_cond_t news;
	struct snapshot_job *job; /* to be done */
	bool quit;
	int done_fd;
	struct watch *done;
};

void snapshot_name(uint32_t serial, char name[FILE_NAME_SIZE])
{
	snprintf(name, FILE_NAME_SIZE, "list-%lu.snap", (unsigned long)serial);
}

/* 0: no name of ours. */
static uint32_t snapshot_serial_of(const char *name)
{
	static const char head[] = "list-";
	struct span rest = span_text(name);
	struct span digits;
	uint64_t serial = 0;

	if (!span_has_prefix_nocase(rest, head))
		return 0;
	rest = span_from(rest, sizeof(head) - 1);
	digits = span_split(&rest, '.');
	if (!span_equal_text(rest, "snap") || span_parse_u64(digits, UINT32_MAX, &serial) < 0)
		return 0;
	return (uint32_t)serial;
}

/* ---- the thread ---- */

struct writing {
	struct snapshot_job *job;
	struct snapshot_writer *writer;
	int places[LISTS_MAX];
	/* most rows are of the sublist of the row before, and then these are the same pointers */
	const uint8_t *list;
	const uint8_t *sublist;
	int list_place;
	unsigned sublist_place;
	bool published;
};

static void writing_find(struct writing *writing, const struct store_listing *listing)
{
	if (listing->list.ptr == writing->list && listing->sublist.ptr == writing->sublist)
		return;
	writing->published = shape_find(writing->job->shape, listing->list, listing->sublist,
		&writing->list_place, &writing->sublist_place);
	writing->list = listing->list.ptr;
	writing->sublist = listing->sublist.ptr;
}

static int writing_add(const struct store_listing *listing, void *arg)
{
	struct writing *writing = arg;

	writing_find(writing, listing);
	if (!writing->published)
		return 0; /* a list that the configuration no longer has */
	writing->job->entries++;
	return snapshot_writer_add(writing->writer, writing->places[writing->list_place],
		&(struct list_entry){listing->source, (uint8_t)writing->sublist_place,
			listing->excluded, listing->until_s, listing->reason});
}

static int writing_lists(struct writing *writing)
{
	const struct shape *shape = writing->job->shape;

	if (shape_list_count(shape) > LISTS_MAX)
		return E_LIMIT;
	for (size_t i = 0; i < shape_list_count(shape); i++) {
		size_t count = 0;
		const struct span *sublists = shape_sublists(shape, i, &count);
		int r = snapshot_writer_add_list(
			writing->writer, shape_list_name(shape, i), sublists, count);

		if (r < 0)
			return r;
		writing->places[i] = r;
	}
	return 0;
}

static int job_write(struct snapshot_job *job, struct store *store)
{
	AUTO(snapshot_writer) *writer = NULL;
	struct writing writing = {.job = job};
	char name[FILE_NAME_SIZE];
	char path[PATH_MAX];
	int r = store_serial(store, &job->serial);

	if (r < 0)
		return fault_set(&job->why, r, "%s", store_error_text(store));
	writer = snapshot_writer_new(job->serial, job->now_s);
	writing.writer = writer;
	r = writing_lists(&writing);
	if (r >= 0)
		r = store_listings_all(store, writing_add, &writing);
	if (r < 0)
		return fault_set(&job->why, r, "reading the lists: %s",
			store_error_text(store)[0] != '\0' ? store_error_text(store) : err_text(r));
	snapshot_name(job->serial, name);
	snprintf(path, sizeof(path), "%s/%s", job->folder, name);
	return snapshot_writer_finish(writer, path, &job->why);
}

/* What was committed while we read. When it fails, commits go on with it, and they have somebody to
 * tell. */
static void job_sync(const struct snapshot_job *job)
{
	struct fault why;

	store_sync(job->url, &why);
}

static int job_run(struct snapshot_job *job)
{
	AUTO(store) *store = NULL;
	int r = store_open_reader(job->url, &store, &job->why);

	if (r < 0)
		return r;
	r = store_begin(store);
	if (r < 0)
		return fault_set(&job->why, r, "%s", store_error_text(store));
	r = job_write(job, store);
	store_rollback(store);
	job_sync(job);
	return r;
}

static void job_do(struct snapshot_job *job)
{
	int64_t start_ms = clock_monotonic_ms();

	job->error = job_run(job);
	job->took_ms = clock_monotonic_ms() - start_ms;
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
		job_do(job);
		pthread_mutex_lock(&thread->mutex);
		thread->job = NULL;
		if (write(thread->done_fd, &one, sizeof(one)) < 0)
			break; /* cannot happen: nothing else counts there */
	}
	pthread_mutex_unlock(&thread->mutex);
	return NULL;
}

/* ---- the keeper's side ---- */

static void job_free(struct snapshot_job **job)
{
	struct snapshot_job *j = *job;

	if (j == NULL)
		return;
	shape_free(&j->shape);
	mem_free(j->url);
	mem_free(j->folder);
	j->magic = 0;
	mem_free(j);
	*job = NULL;
}

static void job_failed(struct keeper *keeper, const struct snapshot_job *job)
{
	log_event(EV_SNAPSHOT_BAD,
		LOG_FIELDS(log_error(job->error), log_text("reason", job->why.text)));
	if (job->error == E_CORRUPT)
		store_guard_failed(&keeper->guard, job->error);
	keeper->publisher.job_not_before_ms = loop_now_ms(keeper->loop) + RETRY_MS;
}

static void job_on_done(struct watch *watch, int ready, void *arg)
{
	struct keeper *keeper = OBJ(keeper, arg);
	struct snapshot_job *job = keeper->publisher.job;
	char name[FILE_NAME_SIZE];
	uint64_t count;

	(void)watch;
	(void)ready;
	if (read(keeper->publisher.thread->done_fd, &count, sizeof(count)) < 0 || job == NULL)
		return;
	keeper->publisher.job = NULL;
	if (keeper->guard.store != NULL)
		store_sync_resume(keeper->guard.store);
	if (job->error < 0) {
		job_failed(keeper, job);
	} else {
		snapshot_name(job->serial, name);
		log_event(EV_SNAPSHOT_WRITTEN,
			LOG_FIELDS(log_text("file", name), log_number("serial", job->serial),
				log_number("listings", (int64_t)job->entries),
				log_number("ms", job->took_ms)));
		keeper->publisher.rest_until_ms = loop_now_ms(keeper->loop) + SNAPSHOT_REST_MS +
						  SNAPSHOT_REST_FACTOR * job->took_ms;
		publish_adopt(keeper, job->serial, name);
	}
	job_free(&job);
}

int snapshot_thread_start(struct keeper *keeper)
{
	struct snapshot_thread *thread = mem_new(snapshot_thread);

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
	thread->done = watch_new(keeper->loop, thread->done_fd, job_on_done, keeper);
	watch_set(thread->done, WATCH_READ);
	keeper->publisher.thread = thread;
	return 0;
}

void snapshot_job_start(struct keeper *keeper)
{
	struct snapshot_thread *thread = keeper->publisher.thread;
	struct snapshot_job *job = mem_new(snapshot_job);

	job->magic = (uint32_t)MAGIC_snapshot_job;
	job->url = mem_copy_string(keeper->guard.conf->store);
	job->folder = mem_copy_string(keeper->guard.conf->lists_path);
	job->shape = shape_copy(keeper->publisher.shape);
	job->now_s = loop_now_s(keeper->loop);
	keeper->publisher.job = job;
	store_sync_defer(keeper->guard.store);
	pthread_mutex_lock(&thread->mutex);
	thread->job = job;
	pthread_cond_signal(&thread->news);
	pthread_mutex_unlock(&thread->mutex);
}

/* Waits for the job that is being done; its file, if any, is found at the next start. */
void snapshot_thread_stop(struct keeper *keeper)
{
	struct snapshot_thread *thread = keeper->publisher.thread;

	if (thread == NULL)
		return;
	pthread_mutex_lock(&thread->mutex);
	thread->quit = true;
	pthread_cond_signal(&thread->news);
	pthread_mutex_unlock(&thread->mutex);
	pthread_join(thread->thread, NULL);
	job_free(&keeper->publisher.job);
	watch_free(&thread->done);
	close(thread->done_fd);
	pthread_cond_destroy(&thread->news);
	pthread_mutex_destroy(&thread->mutex);
	mem_free(thread);
	keeper->publisher.thread = NULL;
}

/* ---- files ---- */

bool snapshot_is_whole(const char *folder, const char *name, uint32_t serial)
{
	AUTO(view) *view = NULL;
	struct fault why = {""};
	char path[PATH_MAX];
	int r;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	r = view_open(path, &view, &why);
	if (r == 0 && view_serial(view) == serial)
		return true;
	log_event(EV_SNAPSHOT_BAD,
		LOG_FIELDS(log_text("file", name), log_error(r < 0 ? r : E_CORRUPT),
			log_text("reason", why.text)));
	return false;
}

/* The newest that is older than `before` (0: of all); 0: none. */
static uint32_t snapshot_newest_before(const char *folder, uint32_t before)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;
	uint32_t newest = 0;

	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		uint32_t serial = snapshot_serial_of(entry->d_name);

		if (serial != 0 && (before == 0 || serial_is_before(serial, before)))
			newest = serial_newest(newest, serial);
	}
	if (dir != NULL)
		closedir(dir);
	return newest;
}

int snapshot_find_newest(const char *folder, uint32_t *ret_serial, char name[FILE_NAME_SIZE])
{
	char candidate[FILE_NAME_SIZE];
	uint32_t serial = 0;

	while ((serial = snapshot_newest_before(folder, serial)) != 0) {
		snapshot_name(serial, candidate);
		if (!snapshot_is_whole(folder, candidate, serial))
			continue;
		memcpy(name, candidate, FILE_NAME_SIZE);
		*ret_serial = serial;
		return 0;
	}
	return E_ABSENT;
}

/* Keeps the one in use and the one before, should the newest turn out to be damaged. Who has one
 * mapped keeps it. */
void snapshot_remove_old(const char *folder, uint32_t serial)
{
	uint32_t before = snapshot_newest_before(folder, serial);

	while (before != 0 && (before = snapshot_newest_before(folder, before)) != 0) {
		char name[FILE_NAME_SIZE];
		char path[PATH_MAX];

		snapshot_name(before, name);
		snprintf(path, sizeof(path), "%s/%s", folder, name);
		if (unlink(path) < 0)
			return; /* tried again after the next one */
	}
}
