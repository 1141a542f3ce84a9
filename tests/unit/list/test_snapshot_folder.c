/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/macro.h"
#include "list/snapshot_folder.h"
#include "list/snapshot_write.h"

static char folder[64];

static int folder_make(void **state)
{
	(void)state;
	snprintf(folder, sizeof(folder), "/tmp/stk-snapshots-XXXXXX");
	return mkdtemp(folder) != NULL ? 0 : -1;
}

static int folder_remove(void **state)
{
	char command[96];

	(void)state;
	snprintf(command, sizeof(command), "rm -r %s", folder);
	return system(command);
}

static void path_of(const char *name, char path[128])
{
	snprintf(path, 128, "%s/%s", folder, name);
}

/* A whole file of one serial under the name of another, or the same. */
static void write_file(uint32_t serial, uint32_t named)
{
	AUTO(snapshot_writer) *writer = snapshot_writer_new(serial, 1);
	char path[128];

	path_of(snapshot_file_of(named).name, path);
	assert_int_equal(snapshot_writer_finish(writer, path, NULL), 0);
}

static void write_rubbish(const char *name)
{
	char path[128];
	FILE *file;

	path_of(name, path);
	file = fopen(path, "w");
	assert_non_null(file);
	fputs("not a snapshot", file);
	fclose(file);
}

/* Opens the newest, or the one before; its serial, 0 when it cannot be read. */
static uint32_t next(struct snapshot_file *file)
{
	AUTO(view) *view = NULL;
	struct fault why = {""};

	if (snapshot_folder_next(folder, file, &view, &why) < 0) {
		assert_true(why.text[0] != '\0');
		return 0;
	}
	assert_int_equal(view_serial(view), file->serial);
	return file->serial;
}

static bool exists(uint32_t serial)
{
	char path[128];

	path_of(snapshot_file_of(serial).name, path);
	return access(path, R_OK) == 0;
}

static void files_come_from_the_newest_on(void **state)
{
	struct snapshot_file file = {.serial = 0};

	(void)state;
	write_file(9, 9);
	write_file(100, 100);
	write_file(11, 11);
	assert_int_equal(next(&file), 100);
	assert_string_equal(file.name, "list-100.snap");
	assert_int_equal(next(&file), 11);
	assert_int_equal(next(&file), 9);
	assert_int_equal(next(&file), 0);
	assert_int_equal(file.serial, 0);
}

static void the_newest_is_found_over_the_end_of_the_circle(void **state)
{
	struct snapshot_file file = {.serial = 0};

	(void)state;
	write_file(UINT32_MAX - 1, UINT32_MAX - 1);
	write_file(3, 3);
	assert_int_equal(next(&file), 3);
	assert_int_equal(next(&file), UINT32_MAX - 1);
}

static void damaged_files_are_named_and_passed_over(void **state)
{
	struct snapshot_file file = {.serial = 0};

	(void)state;
	write_file(7, 7);
	write_rubbish("list-8.snap");
	write_file(5, 9); /* copied there by somebody */
	assert_int_equal(next(&file), 0);
	assert_int_equal(file.serial, 9);
	assert_int_equal(next(&file), 0);
	assert_string_equal(file.name, "list-8.snap");
	assert_int_equal(next(&file), 7);
}

static void other_names_are_not_ours(void **state)
{
	static const char *const names[] = {"list-.snap", "list-12.snap.new", "list-x.snap",
		"list-0.snap", "list-4294967296.snap", "serial", "12.snap", "list-12.snap~"};
	struct snapshot_file file = {.serial = 0};

	(void)state;
	for (size_t i = 0; i < COUNTOF(names); i++)
		write_rubbish(names[i]);
	assert_int_equal(next(&file), 0);
	assert_int_equal(file.serial, 0);
	snapshot_folder_remove_old(folder, 13);
	for (size_t i = 0; i < COUNTOF(names); i++) {
		char path[128];

		path_of(names[i], path);
		assert_int_equal(access(path, R_OK), 0);
	}
}

static void an_empty_folder_and_none_are_told_apart(void **state)
{
	struct snapshot_file file = {.serial = 0};
	struct view *view = NULL;

	(void)state;
	assert_int_equal(snapshot_folder_next(folder, &file, &view, NULL), E_ABSENT);
	assert_true(snapshot_folder_next("/dev/null", &file, &view, NULL) < 0);
	assert_int_equal(file.serial, 0);
	assert_null(view);
}

static void the_one_before_is_kept(void **state)
{
	(void)state;
	for (uint32_t serial = UINT32_MAX - 2; serial != 3; serial++)
		write_file(serial == 0 ? 7 : serial, serial == 0 ? 7 : serial);
	snapshot_folder_remove_old(folder, 2);
	assert_true(exists(7)); /* newer: not there yet when 2 was asked about */
	assert_true(exists(2) && exists(1));
	assert_false(exists(UINT32_MAX) || exists(UINT32_MAX - 1) || exists(UINT32_MAX - 2));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			files_come_from_the_newest_on, folder_make, folder_remove),
		cmocka_unit_test_setup_teardown(
			the_newest_is_found_over_the_end_of_the_circle, folder_make, folder_remove),
		cmocka_unit_test_setup_teardown(
			damaged_files_are_named_and_passed_over, folder_make, folder_remove),
		cmocka_unit_test_setup_teardown(
			other_names_are_not_ours, folder_make, folder_remove),
		cmocka_unit_test_setup_teardown(
			an_empty_folder_and_none_are_told_apart, folder_make, folder_remove),
		cmocka_unit_test_setup_teardown(the_one_before_is_kept, folder_make, folder_remove),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
