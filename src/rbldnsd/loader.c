/* SPDX-License-Identifier: ISC */
#include "rbldnsd/loader.h"

#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/macro.h"
#include "base/mem.h"
#include "rbldnsd/messages.h"

enum { LOADER_NICE = 10, NOTES_MAX = 100, SWEEP_MS = 100 };

/* What tells a file from its successors: rbldnsd looks at whole seconds and the size. */
struct stamp {
	struct timespec changed;
	off_t size;
	dev_t device;
	ino_t inode;
};

struct loader_source {
	struct rbl_dataset *set; /* NULL: could not be read so far */
	struct stamp *stamps;    /* of its files, as they were before they were read */
};

/* An object on the shelf; in the list of the dead when nobody holds it. */
struct loaded {
	struct rbl_table *table;
	struct rbldnsd_loader *loader;
	struct loaded *next_dead;
};

struct rbldnsd_loader {
	struct rbldnsd_loader_settings settings;
	struct loader_source *sources; /* of the loader's thread alone */
	bool old_is_held;              /* a worker has yet to let it go; likewise */
	bool *told_expired;            /* zones, likewise */
	pthread_t thread;
	pthread_mutex_t mutex; /* for all below */
	pthread_cond_t changed;
	struct loaded *dead;
	uint64_t asked, done; /* checks */
	bool complete;        /* each data set is there */
	bool ready;           /* the thread has done what the jail will not let it */
	bool stop;
};

const struct rbl_table *rbldnsd_loader_table(const struct shelf_item *held)
{
	const struct loaded *loaded = shelf_object(held);

	return loaded != NULL ? loaded->table : NULL;
}

void rbldnsd_loader_release(void *object)
{
	struct loaded *loaded = object;
	struct rbldnsd_loader *loader = loaded->loader;

	pthread_mutex_lock(&loader->mutex);
	loaded->next_dead = loader->dead;
	loader->dead = loaded;
	pthread_cond_broadcast(&loader->changed);
	pthread_mutex_unlock(&loader->mutex);
}

static void loader_bury(struct loaded *dead)
{
	while (dead != NULL) {
		struct loaded *next = dead->next_dead;

		rbl_table_free(&dead->table);
		mem_free(dead);
		dead = next;
	}
}

/* ---- files ---- */

static bool stamp_read(const char *file, struct stamp *ret_stamp)
{
	struct stat status;

	if (stat(file, &status) < 0)
		return false;
	*ret_stamp = (struct stamp){status.st_mtim, status.st_size, status.st_dev, status.st_ino};
	return true;
}

static bool stamp_equal(const struct stamp *a, const struct stamp *b)
{
	return a->changed.tv_sec == b->changed.tv_sec && a->changed.tv_nsec == b->changed.tv_nsec &&
	       a->size == b->size && a->device == b->device && a->inode == b->inode;
}

/* Whether it has to be read: never was, or a file is not what it was, or cannot be looked at. */
static bool source_is_outdated(
	const struct loader_source *state, const struct rbl_source *source, struct stamp *stamps)
{
	bool outdated = state->set == NULL;

	for (size_t i = 0; i < source->files_len; i++) {
		stamps[i] = (struct stamp){.size = 0};
		if (!stamp_read(source->files[i], &stamps[i]) ||
			!stamp_equal(&stamps[i], &state->stamps[i]))
			outdated = true;
	}
	return outdated;
}

/* A file of nonsense would fill the log: the first notes of a reading show what is wrong. */
static void loader_on_note(void *arg, const struct rbl_note *note)
{
	uint64_t *count = arg;

	if (++*count > NOTES_MAX)
		return;
	if (note->line != 0)
		message_log(MESSAGE_WARNING, "%s:%llu: %s", note->file,
			(unsigned long long)note->line, note->text);
	else
		message_log(MESSAGE_WARNING, "%s: %s", note->file, note->text);
}

int rbldnsd_load(const struct rbl_source *source, const struct rbl_options *options,
	struct rbl_dataset **ret_set, struct fault *why)
{
	uint64_t notes = 0;
	char summary[RBL_SUMMARY_SIZE], time[CLOCK_TEXT_SIZE];
	const struct rbl_report report = {.note = loader_on_note, .arg = &notes};
	const struct rbl_load load = {
		.type = source->type,
		.files_len = source->files_len,
		.files = source->files,
		.options = options,
		.now_s = clock_now_s(),
		.report = &report,
	};
	int r = rbl_dataset_load(&load, ret_set, why);

	if (notes > NOTES_MAX)
		message_log(MESSAGE_WARNING, "%s: %llu more warnings suppressed", source->name,
			(unsigned long long)(notes - NOTES_MAX));
	if (r == 0)
		message_log(MESSAGE_INFO, "%s: %s: %s", source->name,
			clock_print_utc(rbl_dataset_head(*ret_set)->changed_s, time),
			rbl_dataset_summary(*ret_set, summary));
	return r;
}

/* The old data stay when the new ones cannot be read: a list of yesterday is better than none. */
static void loader_read(struct rbldnsd_loader *loader, size_t index, const struct stamp *stamps)
{
	const struct rbl_source *source = &loader->settings.plan->sources[index];
	struct loader_source *state = &loader->sources[index];
	struct rbl_dataset *set = NULL;
	struct fault why = {""};

	if (rbldnsd_load(source, loader->settings.options, &set, &why) < 0) {
		message_log(MESSAGE_ERROR, "%s%s", why.text,
			state->set != NULL ? "; its last good data stay in service" : "");
		return;
	}
	if (state->set != NULL)
		rbl_dataset_unref(&state->set);
	state->set = set;
	memcpy(state->stamps, stamps, source->files_len * sizeof(*stamps));
}

/* Reads what changed; whether anything is new. */
static bool loader_read_changed(struct rbldnsd_loader *loader)
{
	const struct rbl_plan *plan = loader->settings.plan;
	bool any = false;

	for (size_t i = 0; i < plan->sources_len; i++) {
		const struct rbl_source *source = &plan->sources[i];
		const struct rbl_dataset *before = loader->sources[i].set;
		struct stamp *stamps = mem_alloc_array(source->files_len, sizeof(*stamps));

		if (source_is_outdated(&loader->sources[i], source, stamps))
			loader_read(loader, i, stamps);
		any = any || loader->sources[i].set != before;
		mem_free(stamps);
	}
	return any;
}

/* ---- the table ---- */

static void loader_put(struct rbldnsd_loader *loader)
{
	const struct rbl_plan *plan = loader->settings.plan;
	struct rbl_dataset **sets =
		mem_alloc_array(plan->sources_len, sizeof(struct rbl_dataset *));
	struct loaded *loaded = mem_new(loaded);

	for (size_t i = 0; i < plan->sources_len; i++)
		sets[i] = loader->sources[i].set;
	loaded->table = rbl_table_new(plan, sets);
	loaded->loader = loader;
	mem_free(sets);
	shelf_put(loader->settings.shelf, loaded);
}

/* Zones that are not served, once each time. The shelf's own table cannot go while the loader is
 * the only one to put. */
static void loader_log_zones(struct rbldnsd_loader *loader)
{
	const struct rbl_plan *plan = loader->settings.plan;
	struct shelf_item *held = NULL;
	const struct rbl_table *table;

	shelf_refresh(loader->settings.shelf, &held);
	table = rbldnsd_loader_table(held);
	for (size_t i = 0; i < plan->zones_len; i++) {
		const struct rbl_zone *zone = &table->zones[i];
		bool told = loader->told_expired[i];

		loader->told_expired[i] = !rbl_zone_serves(zone, clock_now_s());
		if (told || !loader->told_expired[i])
			continue;
		message_log(MESSAGE_WARNING, "zone %s: %s, zone will not be serviced",
			plan->zones[i].name,
			zone->is_whole ? "zone data expired" : "not all datasets are loaded");
	}
	shelf_release(loader->settings.shelf, &held);
}

static bool loader_is_complete(const struct rbldnsd_loader *loader)
{
	bool complete = true;

	for (size_t i = 0; i < loader->settings.plan->sources_len; i++)
		complete &= loader->sources[i].set != NULL;
	return complete;
}

static void loader_check(struct rbldnsd_loader *loader)
{
	int64_t from_ms = clock_monotonic_ms();
	bool any = loader_read_changed(loader);

	if (any) {
		loader_put(loader);
		loader->settings.loaded(loader->settings.arg);
		message_log(MESSAGE_INFO, "zones reloaded, time %lld ms",
			(long long)(clock_monotonic_ms() - from_ms));
	}
	loader_log_zones(loader);
}

/* ---- the thread ---- */

/* Waits, with the mutex held, for somebody to call, or for the time to look what workers have let
 * go: whether that has come. */
static bool loader_rest(struct rbldnsd_loader *loader)
{
	struct timespec until;

	if (!loader->old_is_held) {
		pthread_cond_wait(&loader->changed, &loader->mutex);
		return false;
	}
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += SWEEP_MS * 1000000L;
	until.tv_sec += until.tv_nsec / 1000000000L;
	until.tv_nsec %= 1000000000L;
	return pthread_cond_timedwait(&loader->changed, &loader->mutex, &until) == ETIMEDOUT;
}

/* Without the mutex. What reading and burying freed goes back to the system, which the heap does
 * not do by itself. */
static void loader_work(struct rbldnsd_loader *loader, struct loaded *dead, bool check)
{
	loader_bury(dead);
	if (check)
		loader_check(loader);
	/* What workers have let go comes to the dead. */
	loader->old_is_held = shelf_sweep(loader->settings.shelf) != 0;
	if (dead != NULL || check)
		malloc_trim(0);
}

static void *loader_thread(void *arg)
{
	struct rbldnsd_loader *loader = arg;

	/* Of this thread alone, on Linux; refused, it reads as fast as others answer. */
	(void)setpriority(PRIO_PROCESS, (id_t)gettid(), LOADER_NICE);
	pthread_mutex_lock(&loader->mutex);
	loader->ready = true;
	pthread_cond_broadcast(&loader->changed);
	while (!loader->stop) {
		struct loaded *dead;
		uint64_t asked;

		if (loader->dead == NULL && loader->asked == loader->done && !loader_rest(loader))
			continue;
		dead = TAKE(loader->dead);
		asked = loader->asked;
		pthread_mutex_unlock(&loader->mutex);
		loader_work(loader, dead, asked != loader->done);
		pthread_mutex_lock(&loader->mutex);
		loader->done = asked;
		loader->complete = loader_is_complete(loader);
		pthread_cond_broadcast(&loader->changed);
	}
	pthread_mutex_unlock(&loader->mutex);
	return NULL;
}

static void loader_init(
	struct rbldnsd_loader *loader, const struct rbldnsd_loader_settings *settings)
{
	const struct rbl_plan *plan = settings->plan;
	pthread_condattr_t monotonic;

	loader->settings = *settings;
	loader->sources = mem_alloc_array(plan->sources_len, sizeof(*loader->sources));
	for (size_t i = 0; i < plan->sources_len; i++)
		loader->sources[i].stamps = mem_alloc_array(
			plan->sources[i].files_len, sizeof(*loader->sources[i].stamps));
	loader->told_expired = mem_alloc_array(plan->zones_len, sizeof(*loader->told_expired));
	pthread_mutex_init(&loader->mutex, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&loader->changed, &monotonic);
	pthread_condattr_destroy(&monotonic);
}

int rbldnsd_loader_new(const struct rbldnsd_loader_settings *settings,
	struct rbldnsd_loader **ret_loader, struct fault *why)
{
	struct rbldnsd_loader *loader = mem_new(rbldnsd_loader);
	sigset_t all, old;
	int r;

	loader_init(loader, settings);
	loader_put(loader);
	sigfillset(&all); /* signals belong to the main thread */
	sigdelset(&all, SIGSYS);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	r = pthread_create(&loader->thread, NULL, loader_thread, loader);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (r != 0) /* the process ends: the shelf still holds a table of this loader */
		return fault_set(why, err_from_errno(r), "cannot start the thread that reads data");
	pthread_mutex_lock(&loader->mutex);
	while (!loader->ready)
		pthread_cond_wait(&loader->changed, &loader->mutex);
	pthread_mutex_unlock(&loader->mutex);
	*ret_loader = loader;
	return 0;
}

void rbldnsd_loader_check(struct rbldnsd_loader *loader)
{
	pthread_mutex_lock(&loader->mutex);
	loader->asked++;
	pthread_cond_broadcast(&loader->changed);
	pthread_mutex_unlock(&loader->mutex);
}

bool rbldnsd_loader_wait(struct rbldnsd_loader *loader)
{
	bool complete;

	pthread_mutex_lock(&loader->mutex);
	while (loader->done != loader->asked)
		pthread_cond_wait(&loader->changed, &loader->mutex);
	complete = loader->complete;
	pthread_mutex_unlock(&loader->mutex);
	return complete;
}

bool rbldnsd_loader_stop(struct rbldnsd_loader *loader)
{
	bool idle;

	pthread_mutex_lock(&loader->mutex);
	idle = loader->done == loader->asked;
	loader->stop = true;
	pthread_cond_broadcast(&loader->changed);
	pthread_mutex_unlock(&loader->mutex);
	if (idle)
		pthread_join(loader->thread, NULL);
	return idle;
}

void rbldnsd_loader_free(struct rbldnsd_loader **loader)
{
	struct rbldnsd_loader *l = *loader;

	if (l == NULL)
		return;
	loader_bury(l->dead);
	for (size_t i = 0; i < l->settings.plan->sources_len; i++) {
		if (l->sources[i].set != NULL)
			rbl_dataset_unref(&l->sources[i].set);
		mem_free(l->sources[i].stamps);
	}
	mem_free(l->sources);
	mem_free(l->told_expired);
	pthread_cond_destroy(&l->changed);
	pthread_mutex_destroy(&l->mutex);
	mem_free(l);
	*loader = NULL;
}
