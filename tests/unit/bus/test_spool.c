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

#include "bus/spool.h"

struct place {
	char folder[64];
	char path[96];
	char file[2][100];
};

static int place_make(void **state)
{
	struct place *place = calloc(1, sizeof(*place));

	strcpy(place->folder, "/tmp/stockade-spool-XXXXXX");
	if (place == NULL || mkdtemp(place->folder) == NULL)
		return -1;
	snprintf(place->path, sizeof(place->path), "%s/gate", place->folder);
	snprintf(place->file[0], sizeof(place->file[0]), "%s.a", place->path);
	snprintf(place->file[1], sizeof(place->file[1]), "%s.b", place->path);
	*state = place;
	return 0;
}

static int place_remove(void **state)
{
	struct place *place = *state;

	unlink(place->file[0]);
	unlink(place->file[1]);
	for (unsigned i = 1; i < SPOOLS_MAX; i++) {
		char name[128];

		snprintf(name, sizeof(name), "%s-%u.a", place->path, i);
		unlink(name);
		snprintf(name, sizeof(name), "%s-%u.b", place->path, i);
		unlink(name);
	}
	rmdir(place->folder);
	free(place);
	return 0;
}

static void id_of(unsigned number, uint8_t id[16])
{
	memset(id, 0, 16);
	memcpy(id, &number, sizeof(number));
}

static int append(struct spool *spool, unsigned number, size_t len)
{
	uint8_t body[4096];
	uint8_t id[16];

	assert_true(len <= sizeof(body) && len >= sizeof(number));
	memset(body, 0x5a, sizeof(body));
	memcpy(body, &number, sizeof(number));
	id_of(number, id);
	return spool_append(spool, id, span_of(body, len));
}

static int ack(struct spool *spool, unsigned number)
{
	uint8_t id[16];

	id_of(number, id);
	return spool_ack(spool, id);
}

/* The number of the next entry to be sent; -1: none. */
static int next(struct spool *spool)
{
	struct buf buf;
	int number = -1;

	buf_init(&buf, 0);
	if (spool_next(spool, &buf) > 0) {
		assert_true(buf_len(&buf) >= sizeof(number));
		memcpy(&number, buf_span(&buf).ptr, sizeof(number));
	}
	buf_done(&buf);
	return number;
}

static struct spool *reopen(const struct place *place, size_t limit)
{
	struct spool *spool = NULL;

	assert_int_equal(spool_open(place->path, limit, &spool, NULL), 0);
	return spool;
}

static void entries_come_in_order_and_leave_when_acknowledged(void **state)
{
	struct spool *spool = reopen(*state, 1 << 20);

	for (unsigned i = 1; i <= 5; i++)
		assert_int_equal(append(spool, i, 100), 0);
	assert_int_equal(spool_count(spool), 5);
	assert_int_equal(spool_size(spool), 500);
	for (int i = 1; i <= 5; i++)
		assert_int_equal(next(spool), i);
	assert_int_equal(next(spool), -1);
	assert_int_equal(spool_in_flight(spool), 5);
	assert_int_equal(ack(spool, 2), 1);
	assert_int_equal(ack(spool, 2), 0); /* twice is no error */
	assert_int_equal(ack(spool, 99), 0);
	spool_rewind(spool);
	assert_int_equal(next(spool), 1);
	assert_int_equal(next(spool), 3);
	for (unsigned i = 1; i <= 5; i++)
		ack(spool, i);
	assert_int_equal(spool_count(spool),
		2); /* 4 and 5 were not sent again: acknowledged they cannot be */
	spool_free(&spool);
}

static void what_waits_survives_the_process(void **state)
{
	struct spool *spool = reopen(*state, 1 << 20);

	for (unsigned i = 1; i <= 4; i++)
		append(spool, i, 64);
	next(spool);
	ack(spool, 1);
	spool_free(&spool);
	spool = reopen(*state, 1 << 20);
	assert_int_equal(next(spool),
		1); /* acknowledged, but its file had others waiting: sent twice does no harm */
	assert_int_equal(next(spool), 2);
	assert_int_equal(next(spool), 3);
	assert_int_equal(next(spool), 4);
	for (unsigned i = 1; i <= 4; i++)
		assert_int_equal(ack(spool, i), 1);
	spool_free(&spool);
	spool = reopen(*state, 1 << 20);
	assert_int_equal(spool_count(spool), 0);
	spool_free(&spool);
}

static void the_bound_holds_and_room_comes_back(void **state)
{
	struct spool *spool = reopen(*state, 16384);
	unsigned stored = 0;
	int r;

	while ((r = append(spool, stored + 1, 1000)) == 0)
		stored++;
	assert_int_equal(r, E_FULL);
	assert_true(stored >= 12 && stored <= 16);
	while (next(spool) > 0)
		continue;
	for (unsigned i = 1; i <= stored / 2; i++)
		assert_int_equal(ack(spool, i), 1);
	assert_int_equal(append(spool, 1000, 1000), 0);
	assert_int_equal(next(spool), 1000);
	spool_free(&spool);
}

static void order_holds_over_many_turns_of_the_files(void **state)
{
	struct spool *spool = reopen(*state, 8192);
	struct stat status;

	for (unsigned i = 1; i <= 1000; i++) {
		assert_int_equal(append(spool, i, 300), 0);
		assert_int_equal(next(spool), (int)i);
		if (i > 3)
			assert_int_equal(ack(spool, i - 3), 1);
	}
	spool_free(&spool);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(stat(((struct place *)*state)->file[i], &status), 0);
		assert_true(status.st_size <= 4096);
	}
	spool = reopen(*state, 8192);
	for (int last = 0, number; (number = next(spool)) > 0; last = number)
		assert_true(number > last);
	assert_int_equal(spool_count(spool) >= 3, 1);
	spool_free(&spool);
}

static void a_torn_tail_and_a_damaged_middle_cost_only_themselves(void **state)
{
	struct place *place = *state;
	struct spool *spool = reopen(place, 1 << 20);
	struct stat status;
	int fd;

	for (unsigned i = 1; i <= 4; i++)
		append(spool, i, 200);
	spool_free(&spool);
	fd = open(place->file[0], O_RDWR);
	assert_true(fd >= 0);
	fstat(fd, &status);
	assert_int_equal(ftruncate(fd, status.st_size - 7), 0); /* entry 4 is torn */
	assert_int_equal(pwrite(fd, "?", 1, 240 + 100), 1);     /* entry 2 is changed */
	close(fd);
	spool = reopen(place, 1 << 20);
	assert_int_equal(append(spool, 5, 200), 0);
	assert_int_equal(next(spool), 1);
	assert_int_equal(next(spool), 3);
	assert_int_equal(next(spool), 5);
	assert_int_equal(next(spool), -1);
	spool_free(&spool);
	spool = reopen(place, 1 << 20); /* and what came behind the damage is found again */
	assert_int_equal(spool_count(spool), 3);
	spool_free(&spool);
}

static void a_full_disk_is_said_and_leaves_whole_entries(void **state)
{
	struct rlimit old;
	struct rlimit small = {2000, RLIM_INFINITY};
	struct spool *spool = reopen(*state, 1 << 20);

	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &old);
	small.rlim_max = old.rlim_max;
	assert_int_equal(append(spool, 1, 1000), 0);
	setrlimit(RLIMIT_FSIZE, &small);
	assert_true(append(spool, 2, 1500) < 0);
	setrlimit(RLIMIT_FSIZE, &old);
	assert_int_equal(append(spool, 3, 1500), 0);
	spool_free(&spool);
	spool = reopen(*state, 1 << 20);
	assert_int_equal(next(spool), 1);
	assert_int_equal(next(spool), 3);
	assert_int_equal(next(spool), -1);
	spool_free(&spool);
}

/* The process before us still lets its last sessions end: each has a place of its own. */
static void processes_beside_each_other_have_a_place_each(void **state)
{
	const char *path = ((struct place *)*state)->path;
	struct spool *spools[SPOOLS_MAX], *more = NULL;
	struct fault why = {0};

	for (size_t i = 0; i < SPOOLS_MAX; i++)
		assert_int_equal(spool_open(path, 1 << 20, &spools[i], NULL), 0);
	assert_int_equal(spool_open(path, 1 << 20, &more, &why), E_BUSY);
	assert_non_null(strstr(why.text, "in use"));
	for (size_t i = 0; i < SPOOLS_MAX; i++)
		spool_free(&spools[i]);
}

/* What it could not hand over is not lost when it ends. */
static void what_a_former_process_left_is_gathered(void **state)
{
	const char *path = ((struct place *)*state)->path;
	struct spool *former = reopen(*state, 1 << 20), *spool = NULL, *third = NULL;

	assert_int_equal(append(former, 1, 100), 0);
	assert_int_equal(append(former, 2, 100), 0);
	assert_int_equal(spool_open(path, 1 << 20, &spool, NULL), 0);
	assert_int_equal(append(spool, 3, 100), 0);
	assert_int_equal(spool_gather(spool), 0); /* it is still there */
	assert_int_equal(next(former), 1);
	assert_int_equal(ack(former, 1), 1);
	spool_free(&former);
	assert_int_equal(spool_gather(spool), 2); /* the keeper knows the first: sent again */
	assert_int_equal(spool_gather(spool), 0); /* once */
	assert_int_equal(next(spool), 3);
	assert_int_equal(next(spool), 1);
	assert_int_equal(next(spool), 2);
	assert_int_equal(ack(spool, 3), 1);
	assert_int_equal(ack(spool, 1), 1);
	spool_free(&spool); /* this one ends as well, and was beside */
	third = reopen(*state, 1 << 20);
	assert_int_equal(next(third), -1);
	assert_int_equal(spool_gather(third), 3);
	spool_free(&third);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, place_make, place_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(entries_come_in_order_and_leave_when_acknowledged),
		TEST(what_waits_survives_the_process),
		TEST(the_bound_holds_and_room_comes_back),
		TEST(order_holds_over_many_turns_of_the_files),
		TEST(a_torn_tail_and_a_damaged_middle_cost_only_themselves),
		TEST(a_full_disk_is_said_and_leaves_whole_entries),
		TEST(processes_beside_each_other_have_a_place_each),
		TEST(what_a_former_process_left_is_gathered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
