/* SPDX-License-Identifier: ISC */
#include "keeper/publisher.h"

#include "unit.h"

#include <sys/socket.h>
#include <unistd.h>

#include "bus/frame.h"
#include "loop/loop.h"
#include "loop/stream.h"

/* A publisher without a store, and a follower whose connection is one end of a pair. */
static struct loop *loop;
static struct store_guard guard;
static struct publisher *publisher;
static struct publisher_follower follower;
static int role_fd;
static int commits;
static bool ends_in_commit;

/* As connection.c ends one that does not read its acknowledgements. */
static void on_commit(void *arg)
{
	struct stream *stream = follower.stream;

	(void)arg;
	commits++;
	if (!ends_in_commit)
		return;
	publisher_follower_gone(publisher, &follower);
	stream_free(&stream);
}

static void on_served(void *arg)
{
	(void)arg;
}

static bool on_ask_import(void *arg)
{
	(void)arg;
	return false;
}

static void on_input(struct stream *stream, void *arg)
{
	(void)stream;
	(void)arg;
}

static void on_closed(struct stream *stream, int error, void *arg)
{
	(void)stream;
	(void)error;
	(void)arg;
}

static int publisher_make(void **state)
{
	static const struct publisher_calls calls = {
		.served = on_served, .commit_pending = on_commit, .import_goes_on = on_ask_import};
	static const struct stream_calls stream_calls = {.input = on_input, .closed = on_closed};
	int pair[2];

	(void)state;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) < 0)
		return -1;
	loop = loop_new();
	guard = (struct store_guard){.loop = loop};
	publisher = publisher_new(&guard, &calls, NULL);
	role_fd = pair[1];
	follower = (struct publisher_follower){.name = "gate",
		.stream = stream_new(loop, pair[0],
			&(struct stream_settings){.calls = &stream_calls,
				.limits = {.in = FRAME_ROLE_MAX, .out = FRAME_ROLE_MAX}})};
	commits = 0;
	ends_in_commit = false;
	return 0;
}

static int publisher_remove(void **state)
{
	struct stream *stream = follower.stream;

	(void)state;
	publisher_follower_gone(publisher, &follower);
	stream_free(&stream);
	publisher_free(&publisher);
	loop_free(&loop);
	return close(role_fd);
}

static bool role_was_told(void)
{
	char bytes[64];

	return read(role_fd, bytes, sizeof(bytes)) > 0;
}

static void who_greets_is_told_where_it_will_be(void **state)
{
	(void)state;
	publisher_follower_greeted(
		publisher, &follower, &(struct publisher_greeting){.serial = 10});
	assert_int_equal(commits, 1);
	assert_true(role_was_told());
	assert_true(publisher_all_serve(publisher, 10));
	assert_false(publisher_all_serve(publisher, 11));
}

static void what_it_serves_later_commits_nothing(void **state)
{
	(void)state;
	publisher_follower_greeted(
		publisher, &follower, &(struct publisher_greeting){.serial = 10});
	publisher_follower_greeted(
		publisher, &follower, &(struct publisher_greeting){.serial = 11});
	assert_int_equal(commits, 1);
	assert_true(publisher_all_serve(publisher, 11));
}

static void who_goes_away_within_the_commit_does_not_join(void **state)
{
	(void)state;
	ends_in_commit = true;
	publisher_follower_greeted(
		publisher, &follower, &(struct publisher_greeting){.serial = 10});
	assert_int_equal(commits, 1);
	assert_false(follower.state.joined);
	assert_true(publisher_all_serve(publisher, 11)); /* nobody is left who lacks it */
}

static void nor_does_it_stay_when_it_had_joined(void **state)
{
	(void)state;
	publisher_follower_greeted(
		publisher, &follower, &(struct publisher_greeting){.serial = 10});
	ends_in_commit = true;
	publisher_follower_greeted(publisher, &follower, &(struct publisher_greeting){.serial = 0});
	assert_int_equal(commits, 2);
	assert_false(follower.state.joined);
	assert_true(publisher_all_serve(publisher, 11));
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, publisher_make, publisher_remove)
	const struct CMUnitTest tests[] = {
		CASE(who_greets_is_told_where_it_will_be),
		CASE(what_it_serves_later_commits_nothing),
		CASE(who_goes_away_within_the_commit_does_not_join),
		CASE(nor_does_it_stay_when_it_had_joined),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
