/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/macro.h"
#include "grey/file.h"

enum { NOW = 1700000000, DAY = 86400 };

struct site {
	char folder[64], path[80], half[2][90];
	struct grey_file *file;
	struct greylist list;
	struct grey_counts found;
};

static void site_begin(struct site *site)
{
	const struct grey_limits limits = {.entries = 1 << 20,
		.network = 1 << 20,
		.retry_within_s = DAY,
		.remember_s = 36 * DAY};

	site->list = (struct greylist){.table = grey_table_new(&limits)};
	assert_int_equal(grey_file_open(site->path, &site->file, NULL), 0);
	grey_file_load(site->file, &site->list, NOW, &site->found);
}

/* As a process that is killed: nothing is written any more. */
static void site_die(struct site *site)
{
	grey_file_free(&site->file);
	grey_table_free(&site->list.table);
}

static void site_init(struct site *site)
{
	memset(site, 0, sizeof(*site));
	strcpy(site->folder, "/tmp/stockade-grey-XXXXXX");
	assert_non_null(mkdtemp(site->folder));
	snprintf(site->path, sizeof(site->path), "%s/grey", site->folder);
	for (int i = 0; i < 2; i++)
		snprintf(site->half[i], sizeof(site->half[i]), "%s.%c", site->path, 'a' + i);
	site_begin(site);
}

static void site_done(struct site *site)
{
	char command[100];

	site_die(site);
	snprintf(command, sizeof(command), "rm -r %s", site->folder);
	assert_int_equal(system(command), 0);
}

static struct grey_entry entry_of(uint64_t number)
{
	return (struct grey_entry){.key = {hash_mix(number + 1), number},
		.first_s = NOW,
		.last_s = NOW,
		.kind = GREY_TRIPLET,
		.state = GREY_PASSED};
}

static void site_put(struct site *site, uint64_t from, uint64_t to)
{
	for (uint64_t i = from; i < to; i++) {
		struct grey_entry entry = entry_of(i);

		assert_int_equal(grey_table_put(site->list.table, &entry, NOW), 0);
		grey_file_put(site->file, &entry);
	}
}

static void site_write(struct site *site)
{
	assert_int_equal(grey_file_write(site->file, site->list.table), 0);
}

static void assert_knows(const struct site *site, uint64_t count)
{
	for (uint64_t i = 0; i < count; i++)
		assert_non_null(grey_table_find(site->list.table, entry_of(i).key, NOW));
	assert_int_equal(grey_table_count(site->list.table), count);
}

static off_t size_of(const char *path)
{
	struct stat status;

	assert_int_equal(stat(path, &status), 0);
	return status.st_size;
}

static void what_was_written_survives(void **state)
{
	struct site site;
	struct grey_secret secret;

	(void)state;
	site_init(&site);
	secret = site.list.secret;
	site_put(&site, 0, 100);
	site_write(&site);
	site_put(&site, 100, 200);
	site_write(&site);
	site_put(&site, 200, 300); /* and this was not */
	site_die(&site);
	site_begin(&site);
	assert_int_equal(site.found.damaged, 0);
	assert_memory_equal(&site.list.secret, &secret, sizeof(secret));
	assert_knows(&site, 200);
	site_put(&site, 200, 250);
	site_write(&site);
	site_die(&site);
	site_begin(&site);
	assert_knows(&site, 250);
	site_done(&site);
}

/* While the table is written in parts, changes go to both halves: each moment can be the last. */
static void it_is_written_anew_and_stays_bounded(void **state)
{
	enum { COUNT = 20000, ROUNDS = 20 };
	struct site site;

	(void)state;
	site_init(&site);
	site_write(&site);
	site_put(&site, 0, COUNT);
	site_write(&site);
	for (int i = 0; i < ROUNDS; i++) {
		for (int k = 0; k < 7; k++) {
			site_put(&site, 0, COUNT / 5);
			site_write(&site);
		}
		site_die(&site);
		site_begin(&site);
		assert_int_equal(site.found.damaged, 0);
		assert_knows(&site, COUNT);
	}
	assert_true(size_of(site.half[0]) + size_of(site.half[1]) <
		    (off_t)2 * (65536 + 6 * COUNT) * GREY_RECORD_SIZE);
	site_done(&site);
}

static void a_torn_end_costs_what_was_torn(void **state)
{
	struct site site;

	(void)state;
	site_init(&site);
	site_put(&site, 0, 100);
	site_write(&site);
	site_put(&site, 100, 101);
	site_write(&site);
	site_die(&site);
	assert_int_equal(truncate(site.half[0], size_of(site.half[0]) - 7), 0);
	site_begin(&site);
	assert_int_equal(site.found.damaged, 1);
	assert_knows(&site, 100);
	site_write(&site); /* written anew */
	site_die(&site);
	site_begin(&site);
	assert_int_equal(site.found.damaged, 0);
	assert_knows(&site, 100);
	site_done(&site);
}

static void a_damaged_head_means_to_begin_anew(void **state)
{
	struct site site;
	int fd;

	(void)state;
	site_init(&site);
	site_put(&site, 0, 100);
	site_write(&site);
	site_die(&site);
	fd = open(site.half[0], O_WRONLY);
	assert_int_equal(pwrite(fd, "rubbish", 7, 10), 7);
	close(fd);
	site_begin(&site);
	assert_int_equal(site.found.damaged, 1);
	assert_knows(&site, 0);
	site_put(&site, 0, 10);
	site_write(&site);
	site_die(&site);
	site_begin(&site);
	assert_knows(&site, 10);
	site_done(&site);
}

/* A successor begins with what the predecessor has by then, and writes beside it. */
static void two_processes_have_files_of_their_own(void **state)
{
	struct site site, old;
	char beside[100];

	(void)state;
	site_init(&site);
	site_put(&site, 0, 100);
	site_write(&site);
	old = site;
	site_begin(&site);
	assert_memory_equal(&site.list.secret, &old.list.secret, sizeof(struct grey_secret));
	assert_knows(&site, 100);
	site_put(&site, 101, 110);
	site_write(&site);
	site_put(&old, 100, 101);
	site_write(&old);
	site_die(&old);
	site_die(&site);
	site_begin(&site);
	assert_knows(&site, 110);
	site_write(&site); /* what the other left is ours now */
	for (char half = 'a'; half <= 'b'; half++) {
		snprintf(beside, sizeof(beside), "%s-1.%c", site.path, half);
		assert_int_equal(size_of(beside), 0);
	}
	site_die(&site);
	site_begin(&site);
	assert_knows(&site, 110);
	site_done(&site);
}

/* What could not be written is not lost: the table still has it. */
static void a_full_disk_costs_nothing_once_there_is_room(void **state)
{
	const struct rlimit full = {1000, RLIM_INFINITY}, room = {RLIM_INFINITY, RLIM_INFINITY};
	struct site site;

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	site_init(&site);
	site_write(&site);
	site_put(&site, 0, 10);
	site_write(&site);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &full), 0);
	site_put(&site, 10, 100);
	assert_true(grey_file_write(site.file, site.list.table) < 0);
	assert_true(grey_file_write(site.file, site.list.table) < 0);
	site_put(&site, 100, 200);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &room), 0);
	site_write(&site);
	site_die(&site);
	site_begin(&site);
	assert_knows(&site, 200);
	site_done(&site);
}

static void who_looks_disturbs_nobody(void **state)
{
	struct greylist seen = {0};
	struct site site;

	(void)state;
	site_init(&site);
	site_put(&site, 0, 100);
	site_write(&site);
	seen.table = grey_table_new(&(struct grey_limits){
		.entries = 1000, .network = 1000, .retry_within_s = DAY, .remember_s = DAY});
	assert_true(grey_file_peek(site.path, &seen, NOW));
	assert_int_equal(grey_table_count(seen.table), 100);
	assert_memory_equal(&seen.secret, &site.list.secret, sizeof(seen.secret));
	grey_table_free(&seen.table);
	site_done(&site);
	assert_false(grey_file_peek(site.path, &seen, NOW));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_written_survives),
		cmocka_unit_test(it_is_written_anew_and_stays_bounded),
		cmocka_unit_test(a_torn_end_costs_what_was_torn),
		cmocka_unit_test(a_damaged_head_means_to_begin_anew),
		cmocka_unit_test(two_processes_have_files_of_their_own),
		cmocka_unit_test(a_full_disk_costs_nothing_once_there_is_room),
		cmocka_unit_test(who_looks_disturbs_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
