/* SPDX-License-Identifier: ISC */
/*
 * The publisher's machine in a world where everything goes wrong: sim [SEEDS [FIRST]]. Each seed
 * draws a list of operations, plays it, and looks after each of them whether
 *
 *   a follower serves only what was committed, and one number never means two states;
 *   the serial of a follower never goes back, nor that of a keeper while it lives;
 *   a change is said to be served when everybody serves it;
 *   and, whenever the world comes to rest, every follower serves the last serial and what the
 *   store says; without time and a new file, when there is no gap.
 *
 * When something is wrong, operations are left out as long as it stays wrong, and what is left is
 * told: the shortest way there that was found, line by line.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/macro.h"
#include "base/mem.h"
#include "base/serial.h"
#include "world.h"

enum { OPERATIONS = 1500, SEEDS = 500, REST_ROUNDS = 60 };

struct operation {
	void (*run)(struct sim *sim);
	uint64_t dice; /* for what it does not say itself */
};

/* ---- dice and words ---- */

static uint64_t roll(uint64_t *dice)
{
	*dice ^= *dice << 13;
	*dice ^= *dice >> 7;
	*dice ^= *dice << 17;
	return *dice >> 16;
}

uint32_t sim_roll(struct sim *sim, uint32_t below)
{
	return (uint32_t)(roll(&sim->dice) % below);
}

void sim_say(const struct sim *sim, const char *format, ...)
{
	va_list args;

	if (!sim->is_verbose)
		return;
	va_start(args, format);
	fputs("    ", stdout);
	vprintf(format, args);
	fputs("\n", stdout);
	va_end(args);
}

void sim_fail(struct sim *sim, const char *what, const char *format, ...)
{
	va_list args;

	if (sim->wrong != NULL)
		return;
	sim->wrong = what;
	va_start(args, format);
	vsnprintf(sim->words, sizeof(sim->words), format, args);
	va_end(args);
}

/* ---- operations ---- */

static struct sim_follower *any_follower(struct sim *sim)
{
	return &sim->followers[sim_roll(sim, FOLLOWERS)];
}

static bool may_commit(const struct sim *sim)
{
	return sim->keeper.runs && sim->keeper.has_store;
}

static void change(struct sim *sim)
{
	if (may_commit(sim))
		keeper_commit(sim, 1 << sim_roll(sim, KEYS) | 1 << sim_roll(sim, KEYS), false);
}

static void large_change(struct sim *sim)
{
	if (may_commit(sim))
		keeper_commit(sim, EVERYTHING, false);
}

static void import_part(struct sim *sim)
{
	if (!may_commit(sim))
		return;
	keeper_commit(sim, EVERYTHING, true);
	sim->keeper.importing = sim->keeper.runs;
}

/* By its last part, or because its connection is gone. */
static void import_end(struct sim *sim)
{
	if (!sim->keeper.runs)
		return;
	sim->keeper.importing = false;
	if (may_commit(sim) && sim_roll(sim, 2) == 0)
		keeper_commit(sim, EVERYTHING, false);
	else
		keeper_event(sim, EVENT_TIME_PASSED);
}

static void time_passes(struct sim *sim)
{
	sim->now_ms += sim_roll(sim, 4000);
	if (sim->keeper.runs)
		keeper_event(sim, EVENT_TIME_PASSED);
	if (sim->keeper.runs)
		keeper_event(sim, EVENT_FORGET_DUE);
}

static void job_goes_on(struct sim *sim)
{
	if (sim->keeper.runs)
		keeper_job(sim);
}

static void keeper_crashes(struct sim *sim)
{
	if (sim->keeper.runs)
		keeper_end(sim);
}

/* In the middle of what the next event asks for. */
static void keeper_will_crash(struct sim *sim)
{
	sim->ends_after = 1 + sim_roll(sim, 12);
}

/* The last that the store and the folder know of. */
static uint32_t number_on_disk(struct sim *sim)
{
	const struct file *file = disk_newest_whole(&sim->disk);

	return serial_newest(serial_newest(sim->disk.store.serial, sim->disk.told_serial),
		file != NULL ? file->serial : 0);
}

/* Or a role. */
static uint32_t number_known(struct sim *sim)
{
	uint32_t known = number_on_disk(sim);

	for (size_t i = 0; i < FOLLOWERS; i++)
		known = serial_newest(known, sim->followers[i].view.serial);
	return known;
}

/* A number that nobody knows may be used again. */
static void forget_numbers(struct sim *sim)
{
	uint32_t known = number_known(sim);

	for (size_t i = 0; i < SEEN; i++) {
		if (sim->seen[i].serial != 0 && serial_is_before(known, sim->seen[i].serial))
			sim->seen[i].serial = 0;
	}
}

static void rest(struct sim *sim);

/* Numbers that only roles know are safe when they come back before anything else happens, as they
 * do. */
static void open_store(struct sim *sim)
{
	bool is_told = number_known(sim) == number_on_disk(sim);

	keeper_open_store(sim);
	if (!is_told)
		rest(sim);
}

static void keeper_starts(struct sim *sim)
{
	if (sim->keeper.runs)
		return;
	keeper_start(sim);
	if (sim->keeper.runs && sim_roll(sim, 5) != 0)
		open_store(sim);
}

static void store_closes(struct sim *sim)
{
	if (sim->keeper.has_store)
		sim_say(sim, "the store is closed");
	sim->keeper.has_store = false;
}

static void store_opens(struct sim *sim)
{
	if (sim->keeper.runs && !sim->keeper.has_store)
		open_store(sim);
}

static void store_trouble(struct sim *sim)
{
	sim->failures = sim->failures == 0 ? 40 : 0;
	sim_say(sim, "the store %s", sim->failures == 0 ? "works" : "fails now and then");
}

static void backup(struct sim *sim)
{
	struct disk *disk = &sim->disk;

	if (disk->backups_len == BACKUPS) {
		disk->backups_len--;
		memmove(disk->backups, disk->backups + 1,
			disk->backups_len * sizeof(disk->backups[0]));
	}
	disk->backups[disk->backups_len++] = disk->store;
}

/* Under a keeper that has closed it, or none. Backups that were made later are of a history that
 * never happened. */
static void restore(struct sim *sim)
{
	struct disk *disk = &sim->disk;
	unsigned chosen;

	if (sim->keeper.has_store || disk->backups_len == 0)
		return;
	chosen = sim_roll(sim, disk->backups_len);
	disk->store = disk->backups[chosen];
	disk->backups_len = chosen + 1;
	sim->keeper.answers_len = 0; /* to what never happened */
	sim_say(sim, "the store is restored from a backup at %u", disk->store.serial);
	forget_numbers(sim);
}

static void disk_fills(struct sim *sim)
{
	sim->disk.full = !sim->disk.full;
	sim_say(sim, "the disk is %s", sim->disk.full ? "full" : "not full");
}

static void file_is_damaged(struct sim *sim)
{
	struct file *file = &sim->disk.files[sim_roll(sim, 4)];

	if (file->serial == 0)
		return;
	file->damaged = true;
	sim_say(sim, "file %u is damaged", file->serial);
}

static void layout_changes(struct sim *sim)
{
	if (!sim->keeper.runs)
		return;
	sim->layout++;
	sim_say(sim, "a reload with other lists");
	keeper_event(sim, EVENT_LAYOUT_CHANGED);
}

static void disk_syncs(struct sim *sim)
{
	sim->disk.old_serial = sim->disk.told_serial;
	sim->disk.old_snapshot = sim->disk.told_snapshot;
}

/* What the store and the files say is on the disk, the file `serial` is as old as it may be, and
 * nobody serves anything that is newer: such numbers are free again. */
static void power_fails(struct sim *sim)
{
	keeper_crashes(sim);
	sim->disk.told_serial = sim->disk.old_serial;
	sim->disk.told_snapshot = sim->disk.old_snapshot;
	for (size_t i = 0; i < FOLLOWERS; i++)
		follower_restart(sim, &sim->followers[i]);
	forget_numbers(sim);
}

/* The folder of the lists is emptied, and the store comes from a backup: nobody but the roles knows
 * the last number. */
static void lists_are_lost(struct sim *sim)
{
	keeper_crashes(sim);
	restore(sim);
	memset(sim->disk.files, 0, sizeof(sim->disk.files));
	sim->disk.told_serial = sim->disk.told_snapshot = 0;
	sim_say(sim, "the lists are gone");
	forget_numbers(sim);
	rest(sim);
}

static void follower_reads(struct sim *sim)
{
	follower_read(sim, any_follower(sim));
}

static void follower_greets(struct sim *sim)
{
	if (sim->keeper.runs)
		follower_greet(sim, any_follower(sim));
}

static void follower_connects(struct sim *sim)
{
	follower_connect(sim, any_follower(sim));
}

static void follower_is_lost(struct sim *sim)
{
	struct sim_follower *follower = any_follower(sim);

	sim_say(sim, "%zu loses its connection", (size_t)(follower - sim->followers));
	follower_disconnect(sim, follower);
}

static void follower_dies(struct sim *sim)
{
	follower_restart(sim, any_follower(sim));
}

/* One that was taken over and claims a number that never was. */
static void follower_lies(struct sim *sim)
{
	struct sim_follower *follower = any_follower(sim);

	if (!sim->keeper.runs || follower->connected)
		return;
	follower_restart(sim, follower);
	follower->view.serial = 0;
	follower->lies = true;
	follower_connect(sim, follower);
	follower->hellos[0] = sim->keeper.state.serial + sim_roll(sim, 1000);
	follower_greet(sim, follower);
	follower_restart(sim, follower);
}

/* ---- rest ---- */

static bool is_at_rest(const struct sim *sim)
{
	for (size_t i = 0; i < FOLLOWERS; i++) {
		const struct sim_follower *f = &sim->followers[i];

		if (!f->connected || f->inbox_len != 0 || f->hellos_len != 0 ||
			f->view.serial != sim->keeper.state.serial)
			return false;
	}
	return sim->keeper.state.gap == GAP_NONE && sim->keeper.job == JOB_NONE;
}

/* All that was said is heard. */
static void listen(struct sim *sim)
{
	for (size_t i = 0; i < FOLLOWERS; i++) {
		struct sim_follower *follower = &sim->followers[i];

		follower_connect(sim, follower);
		while (follower->hellos_len != 0 || follower->inbox_len != 0) {
			follower_greet(sim, follower);
			follower_read(sim, follower);
		}
	}
}

static void check_follower(struct sim *sim, const struct sim_follower *follower)
{
	const struct sim_view *view = &follower->view;
	size_t number = (size_t)(follower - sim->followers);

	if (view->serial != sim->keeper.state.serial)
		sim_fail(sim, "a follower never reaches the last serial", "%zu stays at %u, not %u",
			number, view->serial, sim->keeper.state.serial);
	else if (!view_shows(view, sim->disk.store.rows) || view->file.layout != sim->layout)
		sim_fail(sim, "a follower serves something else than the store says", "%zu at %u",
			number, view->serial);
}

/* Its number is that of the file, or a delta leads there: it lacks nothing but deltas. */
static bool goes_on_with_deltas(const struct sim *sim, const struct sim_follower *follower)
{
	const struct publisher_state *state = &sim->keeper.state;

	return follower->connected && state->gap == GAP_NONE &&
	       delta_log_after(&state->log, state->snapshot_serial, follower->state.sent) >= 0;
}

static void check_without_file(struct sim *sim)
{
	if (!sim->keeper.runs || !sim->keeper.has_store)
		return;
	listen(sim);
	for (size_t i = 0; i < FOLLOWERS; i++) {
		if (goes_on_with_deltas(sim, &sim->followers[i]))
			check_follower(sim, &sim->followers[i]);
	}
}

static void rest_round(struct sim *sim)
{
	if (!sim->keeper.runs)
		keeper_start(sim);
	if (!sim->keeper.has_store)
		keeper_open_store(sim);
	listen(sim);
	sim->now_ms += 3000;
	keeper_event(sim, EVENT_TIME_PASSED);
	while (sim->keeper.job != JOB_NONE)
		keeper_job(sim);
}

/* Nothing goes wrong any more: then everybody has to get there. */
static void rest(struct sim *sim)
{
	unsigned rounds = 0;

	sim_say(sim, "rest");
	sim->ends_after = sim->failures = 0;
	sim->disk.full = false;
	sim->keeper.importing = false;
	check_without_file(sim);
	do
		rest_round(sim);
	while (!is_at_rest(sim) && rounds++ < REST_ROUNDS);
	for (size_t i = 0; i < FOLLOWERS; i++)
		check_follower(sim, &sim->followers[i]);
}

/* ---- runs ---- */

static const struct {
	const char *name;
	void (*run)(struct sim *sim);
	unsigned weight;
} kinds[] = {
	{"a change", change, 120},
	{"a large change", large_change, 12},
	{"a part of an import", import_part, 10},
	{"the end of an import", import_end, 12},
	{"time passes", time_passes, 60},
	{"the snapshot thread works", job_goes_on, 120},
	{"the keeper is killed", keeper_crashes, 5},
	{"the keeper will be killed", keeper_will_crash, 12},
	{"the keeper starts", keeper_starts, 60},
	{"the store closes", store_closes, 4},
	{"the store opens", store_opens, 20},
	{"the store fails", store_trouble, 4},
	{"a backup", backup, 8},
	{"a restore", restore, 20},
	{"the disk fills", disk_fills, 4},
	{"a file is damaged", file_is_damaged, 3},
	{"the disk is written", disk_syncs, 20},
	{"the power fails", power_fails, 2},
	{"the lists are lost", lists_are_lost, 2},
	{"the lists change", layout_changes, 3},
	{"a follower reads", follower_reads, 400},
	{"a follower's greeting arrives", follower_greets, 300},
	{"a follower connects", follower_connects, 100},
	{"a follower is lost", follower_is_lost, 20},
	{"a follower starts anew", follower_dies, 10},
	{"a follower lies", follower_lies, 2},
	{"rest", rest, 4},
};

static void draw(struct operation *operations, size_t len, uint64_t seed)
{
	uint64_t dice = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
	unsigned total = 0;

	for (size_t i = 0; i < COUNTOF(kinds); i++)
		total += kinds[i].weight;
	for (size_t i = 0; i < len; i++) {
		unsigned at = (unsigned)(roll(&dice) % total);
		size_t kind = 0;

		while (at >= kinds[kind].weight)
			at -= kinds[kind++].weight;
		operations[i] = (struct operation){kinds[kind].run, roll(&dice) | 1};
	}
}

static const char *name_of(const struct operation *operation)
{
	size_t kind = 0;

	while (kinds[kind].run != operation->run)
		kind++;
	return kinds[kind].name;
}

/* What went wrong, NULL: nothing; *ret_len operations were played until then. */
static const char *play(
	const struct operation *operations, size_t *len, uint64_t seed, bool is_verbose)
{
	struct sim *sim = mem_new(sim);
	const char *wrong;

	sim->seen = mem_alloc_array(SEEN, sizeof(*sim->seen));
	sim->is_verbose = is_verbose;
	sim->now_ms = 100000;
	sim->disk.store.serial =
		seed % 2 == 0 ? 1000 : UINT32_MAX - 200; /* over the end of the circle */
	for (size_t i = 0; i <= *len && sim->wrong == NULL; i++) {
		struct operation last = {rest, 1};
		const struct operation *operation = i < *len ? &operations[i] : &last;

		if (is_verbose)
			printf("%s\n", name_of(operation));
		sim->dice = operation->dice;
		operation->run(sim);
		if (sim->wrong != NULL && i < *len)
			*len = i + 1;
	}
	if (is_verbose && sim->wrong != NULL)
		printf("%s: %s\n", sim->wrong, sim->words);
	wrong = sim->wrong;
	publisher_state_done(&sim->keeper.state);
	publisher_actions_done(&sim->keeper.actions);
	mem_free(sim->seen);
	mem_free(sim);
	return wrong;
}

/* Leaves out what is not needed for the same fault: halves first, single operations last. */
static void shorten(struct operation *operations, size_t *len, uint64_t seed, const char *wrong)
{
	struct operation *less = mem_alloc_array(*len + 1, sizeof(*less));

	for (size_t step = *len; step != 0; step /= 2) {
		for (size_t from = 0; from < *len;) {
			size_t out = step < *len - from ? step : *len - from, left = *len - out;

			memcpy(less, operations, from * sizeof(*less));
			memcpy(less + from, operations + from + out,
				(*len - from - out) * sizeof(*less));
			if (play(less, &left, seed, false) != wrong) {
				from += step;
				continue;
			}
			memcpy(operations, less, left * sizeof(*less));
			*len = left;
		}
	}
	mem_free(less);
}

static bool run_seed(uint64_t seed)
{
	struct operation *operations = mem_alloc_array(OPERATIONS, sizeof(*operations));
	size_t len = OPERATIONS;
	const char *wrong;

	draw(operations, len, seed);
	wrong = play(operations, &len, seed, false);
	if (wrong != NULL) {
		shorten(operations, &len, seed, wrong);
		printf("seed %llu, %zu operations:\n", (unsigned long long)seed, len);
		play(operations, &len, seed, true);
	}
	mem_free(operations);
	return wrong == NULL;
}

int main(int argc, char **argv)
{
	unsigned long seeds = argc > 1 ? strtoul(argv[1], NULL, 10) : SEEDS;
	unsigned long first = argc > 2 ? strtoul(argv[2], NULL, 10) : 1;

	for (unsigned long i = 0; i < seeds; i++) {
		if (!run_seed(first + i))
			return 1;
	}
	printf("%lu seeds, %d operations each\n", seeds, OPERATIONS);
	return 0;
}
