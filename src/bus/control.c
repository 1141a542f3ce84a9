/* SPDX-License-Identifier: ISC */
#include "bus/control.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/macro.h"
#include "base/mem.h"
#include "bus/check.h"
#include "bus/encode.h"
#include "bus/frame.h"
#include "loop/socket.h"
#include "stockade.pb-c.h"

/* A command may wait for a snapshot of ten million entries; a question never waits for anything. */
enum { QUERY_MS = 15000, COMMAND_MS = 600000 };

struct control {
	int fd;
	uint64_t tag;
	int64_t deadline_ms; /* of what is under way */
	struct buf in;
};

int control_open(const char *socket_path, struct control **ret_control, struct fault *why)
{
	struct control *control;
	int fd = -1;
	int r = socket_connect_unix(socket_path, &fd, why);

	if (r == E_ABSENT || r == E_AGAIN)
		r = E_AWAY;
	if (r == E_AWAY)
		return fault_set(why, r, "no keeper listens on '%s'", socket_path);
	if (r < 0)
		return r;
	control = mem_new(control);
	control->fd = fd;
	buf_init(&control->in, FRAME_CONTROL_MAX + FRAME_HEAD + 65536);
	*ret_control = control;
	return 0;
}

void control_free(struct control **control)
{
	struct control *c = *control;

	if (c == NULL)
		return;
	close(c->fd);
	buf_done(&c->in);
	mem_free(c);
	*control = NULL;
}

/* The socket does not block; this waits until it is ready or the deadline has passed. */
static int control_wait(struct control *control, short events)
{
	for (;;) {
		struct pollfd p = {.fd = control->fd, .events = events};
		int64_t left_ms = control->deadline_ms - clock_monotonic_ms();
		int n = left_ms > 0 ? poll(&p, 1, (int)left_ms) : 0;

		if (n > 0)
			return 0;
		if (n == 0)
			return E_TIMEOUT;
		if (errno != EINTR)
			return err_from_errno(errno);
	}
}

static int control_write(struct control *control, struct span bytes)
{
	while (bytes.len != 0) {
		ssize_t n = send(control->fd, bytes.ptr, bytes.len, MSG_NOSIGNAL);

		if (n >= 0) {
			bytes = span_from(bytes, (size_t)n);
		} else if (errno == EAGAIN) {
			int r = control_wait(control, POLLOUT);

			if (r < 0)
				return r;
		} else if (errno != EINTR) {
			return err_from_errno(errno);
		}
	}
	return 0;
}

static int control_read_more(struct control *control)
{
	uint8_t *room = buf_reserve(&control->in, 65536);
	ssize_t n;
	int r;

	if (room == NULL)
		return E_LIMIT;
	r = control_wait(control, POLLIN);
	if (r < 0)
		return r;
	n = recv(control->fd, room, 65536, 0);
	if (n == 0)
		return E_CLOSED;
	if (n < 0)
		return errno == EINTR || errno == EAGAIN ? 0 : err_from_errno(errno);
	buf_wrote(&control->in, (size_t)n);
	return 0;
}

static int control_read(struct control *control, Stockade__Message **ret_message, struct fault *why)
{
	for (;;) {
		struct span body;
		size_t used = 0;
		int r = frame_next(buf_span(&control->in), FRAME_CONTROL_MAX, &body, &used);

		if (r > 0) {
			r = message_decode(body, ret_message, why);
			buf_consume(&control->in, used);
			return r;
		}
		if (r == 0)
			r = control_read_more(control);
		if (r < 0)
			return fault_set(
				why, r, "waiting for the keeper's answer: %s", err_text(r));
	}
}

/* Takes the answer out of its message, which is freed. */
static int control_finish(
	Stockade__Message *message, struct bus_answer **ret_answer, struct fault *why)
{
	const Stockade__Answer *answer = message->answer;
	int r = 0;

	if (answer->error < 0) {
		r = fault_set(why, answer->error, "%s",
			answer->text[0] != '\0' ? answer->text : err_text(answer->error));
	} else {
		message->kind_case = STOCKADE__MESSAGE__KIND__NOT_SET;
		*ret_answer = bus_answer_decode(TAKE(message->answer));
	}
	message_free(&message);
	return r;
}

static int control_send(
	struct control *control, const Stockade__Message *message, struct fault *why)
{
	struct buf out;
	int r;

	buf_init(&out, 0);
	r = frame_append(&out, message, FRAME_CONTROL_MAX);
	if (r >= 0)
		r = control_write(control, buf_span(&out));
	buf_done(&out);
	return r < 0 ? fault_set(why, r, "sending to the keeper: %s", err_text(r)) : 0;
}

/* Sends the message, which carries our tag, and waits for the answer with it. */
static int control_exchange(struct control *control, const Stockade__Message *message,
	struct bus_answer **ret_answer, struct fault *why)
{
	int r = message_check(&message->base, why);

	if (r >= 0)
		r = control_send(control, message, why);
	for (;;) {
		Stockade__Message *reply = NULL;

		if (r >= 0)
			r = control_read(control, &reply, why);
		if (r < 0)
			return r;
		if (reply->kind_case == STOCKADE__MESSAGE__KIND_ANSWER &&
			reply->answer->tag == control->tag)
			return control_finish(reply, ret_answer, why);
		message_free(&reply); /* late, of a question that was given up */
	}
}

int control_ask(struct control *control, const struct bus_query *query,
	struct bus_answer **ret_answer, struct fault *why)
{
	AUTO(arena) *arena = arena_new(0);
	Stockade__Message message = STOCKADE__MESSAGE__INIT;

	message.kind_case = STOCKADE__MESSAGE__KIND_QUERY;
	message.query = bus_query_encode(query, arena);
	message.query->tag = ++control->tag;
	control->deadline_ms = clock_monotonic_ms() + QUERY_MS;
	return control_exchange(control, &message, ret_answer, why);
}

int control_command(struct control *control, const struct bus_command *command,
	struct bus_answer **ret_answer, struct fault *why)
{
	AUTO(arena) *arena = arena_new(0);
	Stockade__Message message = STOCKADE__MESSAGE__INIT;

	message.kind_case = STOCKADE__MESSAGE__KIND_COMMAND;
	message.command = bus_command_encode(command, arena);
	message.command->tag = ++control->tag;
	control->deadline_ms = clock_monotonic_ms() + COMMAND_MS;
	return control_exchange(control, &message, ret_answer, why);
}
