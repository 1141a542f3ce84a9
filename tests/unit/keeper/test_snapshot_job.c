/* SPDX-License-Identifier: ISC */
#include "keeper/snapshot_job.h"

#include "keeper/temp_store.h"
#include "list/snapshot_folder.h"

static const struct conf_sublist sublists[] = {{.name = "manual", .policy = "by-hand"}};
static const struct conf_list lists[] = {
	{.name = "main", .sublists_len = COUNTOF(sublists), .sublists = sublists}};
static const struct conf conf = {.lists = lists, .lists_len = COUNTOF(lists)};

static struct loop *loop;
static struct list_layout *layout;
static struct snapshot_thread *thread;
static struct snapshot_result written;

static void on_done(const struct snapshot_result *result, void *arg)
{
	(void)arg;
	written = *result;
	loop_stop(loop);
}

static int job_make(void **state)
{
	int r = temp_store_make(state);

	loop = loop_new();
	layout = layout_new(&conf);
	written = (struct snapshot_result){.serial = 0};
	return r < 0 ? r : snapshot_thread_new(loop, on_done, NULL, &thread);
}

static int job_remove(void **state)
{
	snapshot_thread_free(&thread);
	layout_free(&layout);
	loop_free(&loop);
	return temp_store_remove(state);
}

static void serial_set(struct store *store, uint32_t serial)
{
	assert_int_equal(store_begin(store), 0);
	assert_int_equal(store_serial_set(store, serial), 0);
	assert_int_equal(store_commit(store), 0);
}

static int write_snapshot(struct fault *why)
{
	struct snapshot_wish wish = {.store_url = temp_url,
		.store = temp_store,
		.folder = temp_folder,
		.layout = layout,
		.now_s = 1000};

	return snapshot_thread_write(thread, &wish, why);
}

/* Puts another store, which is at this serial, where the keeper's is. */
static void store_replace(uint32_t serial)
{
	static const char *const suffixes[] = {"", "-wal", "-shm"};
	struct store *other = NULL;
	char path[128];

	for (size_t i = 0; i < COUNTOF(suffixes); i++) {
		snprintf(path, sizeof(path), "%s/s.db%s", temp_folder, suffixes[i]);
		unlink(path);
	}
	assert_int_equal(
		store_open(&(struct store_opening){.url = temp_url, .create = true}, &other, NULL),
		0);
	serial_set(other, serial);
	store_free(&other);
}

static void a_file_has_the_serial_of_the_store(void **state)
{
	struct fault why = {""};

	(void)state;
	serial_set(temp_store, 7);
	assert_int_equal(write_snapshot(&why), 0);
	loop_run(loop);
	assert_int_equal(written.error, 0);
	assert_int_equal(written.serial, 7);
	snapshot_folder_remove(temp_folder, 7);
}

static bool folder_has(const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", temp_folder, name);
	return access(path, F_OK) == 0;
}

/* A role that starts looks into the folder, and what it serves then the keeper has to know. */
static void nobody_finds_a_file_before_the_loop_knows_of_it(void **state)
{
	struct fault why = {""};

	(void)state;
	serial_set(temp_store, 7);
	assert_int_equal(write_snapshot(&why), 0);
	for (unsigned i = 0; i < 10000 && !folder_has(SNAPSHOT_NEXT_NAME); i++)
		usleep(1000);
	assert_true(folder_has(SNAPSHOT_NEXT_NAME));
	assert_false(folder_has("list-7.snap"));
	loop_run(loop);
	assert_int_equal(written.error, 0);
	assert_true(folder_has("list-7.snap"));
	assert_false(folder_has(SNAPSHOT_NEXT_NAME));
	snapshot_folder_remove(temp_folder, 7);
}

static void a_store_that_was_replaced_is_not_published(void **state)
{
	static const uint32_t serials[] = {3, 7, 9}; /* older, of the same number, newer */

	(void)state;
	serial_set(temp_store, 7);
	for (size_t i = 0; i < COUNTOF(serials); i++) {
		struct fault why = {""};

		store_replace(serials[i]);
		assert_int_equal(write_snapshot(&why), E_CORRUPT);
		assert_string_not_equal(why.text, "");
	}
	assert_int_equal(written.serial, 0);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, job_make, job_remove)
	const struct CMUnitTest tests[] = {
		CASE(a_file_has_the_serial_of_the_store),
		CASE(nobody_finds_a_file_before_the_loop_knows_of_it),
		CASE(a_store_that_was_replaced_is_not_published),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
