/* SPDX-License-Identifier: ISC */
/* What a role says of itself: only the process that has the role's end can, and nothing that it
 * does there holds the supervisor up. */
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "process/handover.h"
#include "unit.h"

struct pair {
	int ours, roles;
};

static struct pair pair_new(void)
{
	int ends[2];

	assert_int_equal(handover_pair(ends, NULL), 0);
	return (struct pair){ends[0], ends[1]};
}

static void pair_done(struct pair pair)
{
	close(pair.ours);
	close(pair.roles);
}

static void test_reports_come_as_they_were_made(void **state)
{
	struct pair pair = pair_new();

	(void)state;
	assert_int_equal(handover_hear(pair.ours), REPORT_NOTHING);
	handover_report(pair.roles, REPORT_READY);
	handover_report(pair.roles, REPORT_SIGN);
	assert_int_equal(handover_hear(pair.ours), REPORT_READY);
	assert_int_equal(handover_hear(pair.ours), REPORT_SIGN);
	assert_int_equal(handover_hear(pair.ours), REPORT_NOTHING);
	close(pair.roles);
	assert_int_equal(handover_hear(pair.ours), REPORT_ENDED);
	close(pair.ours);
}

static void test_a_role_speaks_for_itself_alone(void **state)
{
	struct pair one = pair_new(), other = pair_new();
	struct handover_parts parts;

	(void)state;
	handover_report(one.roles, REPORT_SIGN);
	assert_int_equal(handover_hear(other.ours), REPORT_NOTHING);
	/* Nor does a report take the place of a configuration. */
	assert_int_equal(handover_receive(one.roles, &parts), HANDOVER_NOTHING);
	assert_int_equal(handover_hear(one.ours), REPORT_SIGN);
	pair_done(one);
	pair_done(other);
}

/* A supervisor that was stopped for hours: the role goes on, and its end is still heard. */
static void test_a_full_socket_holds_nobody_up(void **state)
{
	struct pair pair = pair_new();
	unsigned heard = 0;
	struct handover_parts parts;

	(void)state;
	for (unsigned i = 0; i < 100000; i++)
		handover_report(pair.roles, REPORT_SIGN);
	assert_int_equal(handover_send_retire(pair.ours), 0); /* its own direction has room */
	assert_int_equal(handover_receive(pair.roles, &parts), HANDOVER_RETIRE);
	close(pair.roles);
	while (handover_hear(pair.ours) == REPORT_SIGN)
		heard++;
	assert_in_range(heard, 100, 99999);
	assert_int_equal(handover_hear(pair.ours), REPORT_ENDED);
	close(pair.ours);
}

static ssize_t send_with_descriptor(int fd, int descriptor)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr aligned;
	} room;
	struct iovec part = {.iov_base = (char[]){'W'}, .iov_len = 1};
	struct msghdr message = {.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = &room,
		.msg_controllen = sizeof(room)};
	struct cmsghdr *head = CMSG_FIRSTHDR(&message);

	memset(&room, 0, sizeof(room));
	head->cmsg_level = SOL_SOCKET;
	head->cmsg_type = SCM_RIGHTS;
	head->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(head), &descriptor, sizeof(int));
	return sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* The supervisor must not be the one who closes them: a socket may take as long as it likes. */
static void test_a_role_hands_over_no_descriptors(void **state)
{
	struct pair pair = pair_new();
	int next, before = open("/dev/null", O_RDONLY | O_CLOEXEC);

	(void)state;
	(void)send_with_descriptor(pair.roles, before); /* refused since Linux 6.16 */
	handover_report(pair.roles, REPORT_READY);
	while (handover_hear(pair.ours) != REPORT_READY)
		;
	next = open("/dev/null", O_RDONLY | O_CLOEXEC);
	assert_int_equal(next, before + 1);
	close(next);
	close(before);
	/* The other way it stays possible: it is how a configuration comes. */
	assert_int_equal(send_with_descriptor(pair.ours, STDERR_FILENO), 1);
	pair_done(pair);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reports_come_as_they_were_made),
		cmocka_unit_test(test_a_role_speaks_for_itself_alone),
		cmocka_unit_test(test_a_full_socket_holds_nobody_up),
		cmocka_unit_test(test_a_role_hands_over_no_descriptors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
