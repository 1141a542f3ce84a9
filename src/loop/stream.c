/* SPDX-License-Identifier: ISC */
#include "loop/stream.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/obj.h"
#include "loop/socket.h"
#include "loop/tls_connection.h"

enum { READ_SIZE = 16384 };

struct stream {
	uint32_t magic;
	struct loop *loop;
	struct watch *watch;
	struct stream_limits limits;
	struct stream_calls calls;
	void *arg;
	struct buf in, out;
	/* a next turn: for input that is there already, and for what was found while sending */
	struct timer again;
	struct tls_connection *tls; /* NULL: plain text */
	int fd, error;
	bool plain_first; /* `out` holds what goes before the handshake */
	bool connecting, paused, eof;
	bool finishing, shut, freed;
	bool waiting; /* the socket did not take all of `out`: `drained` is owed */
	int reported; /* what `closed` was told last */
};

static void stream_again(struct timer *timer, void *arg);
static void stream_ready(struct watch *watch, int ready, void *arg);

struct stream *stream_new(struct loop *loop, int fd, const struct stream_settings *settings)
{
	struct stream *stream = mem_new(stream);

	stream->magic = (uint32_t)MAGIC_stream;
	stream->loop = loop;
	stream->limits = settings->limits;
	stream->calls = *settings->calls;
	stream->arg = settings->arg;
	stream->fd = fd;
	stream->connecting = settings->connecting;
	buf_init(&stream->in, settings->limits.in + READ_SIZE);
	buf_init(&stream->out, settings->limits.out);
	timer_init(&stream->again, loop, stream_again, stream);
	stream->watch = watch_new(loop, fd, stream_ready, stream);
	watch_set(stream->watch, stream->connecting ? WATCH_WRITE : WATCH_READ);
	return stream;
}

static void stream_destroy(void *arg)
{
	struct stream *stream = OBJ(stream, arg);

	buf_done(&stream->in);
	buf_done(&stream->out);
	stream->magic = 0;
	mem_free(stream);
}

void stream_free(struct stream **stream)
{
	struct stream *s = *stream;

	if (s == NULL)
		return;
	*stream = NULL;
	s->freed = true;
	timer_done(&s->again);
	watch_free(&s->watch);
	tls_connection_free(&s->tls);
	close(s->fd);
	loop_later(s->loop, stream_destroy, s);
}

struct buf *stream_in(struct stream *stream)
{
	return &stream->in;
}

struct buf *stream_out(struct stream *stream)
{
	return &stream->out;
}

int stream_fd(const struct stream *stream)
{
	return stream->fd;
}

static bool stream_is_tls(const struct stream *stream)
{
	return stream->tls != NULL && !stream->plain_first;
}

/* Before the handshake is over nothing of `out` can go. */
static bool stream_wants_write(const struct stream *stream)
{
	return stream_is_tls(stream) ? tls_connection_wants_write(stream->tls)
				     : buf_len(&stream->out) != 0;
}

/* What is there goes first. */
static bool stream_is_held(const struct stream *stream)
{
	return stream->plain_first || (stream->tls != NULL && tls_connection_is_held(stream->tls));
}

static void stream_rewatch(struct stream *stream)
{
	int want = WATCH_NOTHING;

	if (stream->freed || stream->connecting)
		return;
	if (!stream->paused && !stream->eof && stream->error == 0 && stream->calls.input != NULL &&
		!stream_is_held(stream) && buf_len(&stream->in) < stream->limits.in)
		want |= WATCH_READ;
	if (stream_wants_write(stream) && stream->error == 0)
		want |= WATCH_WRITE;
	watch_set(stream->watch, want);
}

static void stream_fail(struct stream *stream, int error)
{
	if (stream->error == 0)
		stream->error = error;
	if (!stream->freed)
		timer_set(&stream->again, loop_now_ms(stream->loop));
}

/* Both sides are shut now. The end of input was told when there was still something to send. */
static void stream_over(struct stream *stream)
{
	stream->reported = 0;
	if (!stream->freed)
		timer_set(&stream->again, loop_now_ms(stream->loop));
}

/* How much of it is on its way; 0: none for now. */
static ssize_t stream_put(struct stream *stream, struct span s)
{
	ssize_t n;

	if (stream_is_tls(stream))
		return tls_connection_write(stream->tls, s);
	n = send(stream->fd, s.ptr, s.len, MSG_NOSIGNAL);
	if (n >= 0)
		return n;
	return errno == EAGAIN || errno == EINTR ? 0 : err_from_errno(errno);
}

static void stream_shut(struct stream *stream)
{
	if (!stream->finishing || stream->shut)
		return;
	if (stream_is_tls(stream) && tls_connection_finish(stream->tls) == E_AGAIN)
		return;
	stream->shut = true;
	shutdown(stream->fd, SHUT_WR);
	if (stream->eof)
		stream_over(stream);
}

static void stream_write(struct stream *stream)
{
	ssize_t n = 1;

	while (n > 0 && buf_len(&stream->out) != 0 && stream->error == 0) {
		n = stream_put(stream, buf_span(&stream->out));
		if (n > 0)
			buf_consume(&stream->out, (size_t)n);
		else if (n < 0)
			stream_fail(stream, (int)n);
	}
	if (buf_len(&stream->out) != 0) {
		stream->waiting = true;
		return;
	}
	buf_done(&stream->out);
	stream_shut(stream);
}

/* Whoever emptied `out`: the socket's turn, or the owner who sent something else meanwhile. */
static bool stream_owes_drained(const struct stream *stream)
{
	return stream->waiting && buf_len(&stream->out) == 0 && !stream->freed;
}

static void stream_tell_drained(struct stream *stream)
{
	if (!stream_owes_drained(stream))
		return;
	stream->waiting = false;
	if (stream->calls.drained != NULL)
		stream->calls.drained(stream, stream->arg);
}

void stream_send(struct stream *stream)
{
	if (stream->out.bad) {
		stream_fail(stream, E_LIMIT);
		return;
	}
	if (!stream->connecting)
		stream_write(stream);
	if (stream_owes_drained(stream))
		timer_set(&stream->again, loop_now_ms(stream->loop));
	stream_rewatch(stream);
}

bool stream_is_broken(const struct stream *stream)
{
	return stream->error != 0;
}

void stream_finish(struct stream *stream)
{
	stream->finishing = true;
	stream_send(stream);
}

void stream_pause(struct stream *stream)
{
	stream->paused = true;
	stream_rewatch(stream);
}

void stream_resume(struct stream *stream)
{
	stream->paused = false;
	timer_set(&stream->again, loop_now_ms(stream->loop));
	stream_rewatch(stream);
}

/* No octets: goes on with what waited for the socket. The handshake may end here. */
static void stream_decrypt(struct stream *stream, struct span octets)
{
	bool was_secured = tls_connection_is_secured(stream->tls, NULL);
	int r = tls_connection_read(stream->tls, octets, &stream->in);

	if (r == E_CLOSED) {
		stream->eof = true;
		timer_set(&stream->again, loop_now_ms(stream->loop));
	} else if (r < 0) {
		stream_fail(stream, r);
	}
	if (!was_secured && tls_connection_is_secured(stream->tls, NULL) &&
		stream->calls.secured != NULL)
		stream->calls.secured(stream, stream->arg);
	if (!stream->freed && !stream->paused && buf_len(&stream->in) != 0)
		stream->calls.input(stream, stream->arg);
}

static void stream_take(struct stream *stream, struct span octets)
{
	if (stream->tls != NULL) {
		stream_decrypt(stream, octets);
		return;
	}
	buf_append(&stream->in, octets);
	stream->calls.input(stream, stream->arg);
}

/* All streams of a thread read into one place and keep what came: an idle or slow stream holds no
 * more than its bytes. */
static void stream_read(struct stream *stream)
{
	static _Thread_local uint8_t bytes[READ_SIZE];
	ssize_t n = recv(stream->fd, bytes, sizeof(bytes), 0);

	if (n > 0) {
		stream_take(stream, span_of(bytes, (size_t)n));
	} else if (n == 0) {
		stream->eof = true; /* no error yet: the other side may still read */
		timer_set(&stream->again, loop_now_ms(stream->loop));
	} else if (errno != EAGAIN && errno != EINTR) {
		stream_fail(stream, err_from_errno(errno));
	}
}

/* ---- TLS ---- */

void stream_start_tls(struct stream *stream, struct tls_context *context)
{
	buf_done(&stream->in);
	stream->in.limit += TLS_RECORD_SIZE;
	stream->paused = false;
	stream->plain_first = true;
	stream->tls = tls_connection_new(context, stream->fd, loop_now_ms(stream->loop));
	timer_set(&stream->again, loop_now_ms(stream->loop));
	stream_send(stream);
}

bool stream_tls_facts(const struct stream *stream, struct tls_facts *ret_facts)
{
	return stream->tls != NULL && tls_connection_is_secured(stream->tls, ret_facts);
}

const char *stream_tls_why(const struct stream *stream)
{
	return stream->tls != NULL ? tls_connection_why(stream->tls) : "";
}

/* The handshake begins when what goes before it is gone; and what waited for the socket goes on. */
static void stream_go_on_tls(struct stream *stream)
{
	bool begins = stream->plain_first && buf_len(&stream->out) == 0;

	if (stream->freed || stream->tls == NULL || stream->error != 0)
		return;
	if (begins)
		stream->plain_first = false;
	if (begins || (stream_is_tls(stream) && tls_connection_wants_write(stream->tls)))
		stream_decrypt(stream, (struct span){0});
}

/* After each callback the stream may be gone: nothing is touched then. */
static void stream_settle(struct stream *stream)
{
	if (stream->freed)
		return;
	if (buf_len(&stream->in) == 0)
		buf_done(&stream->in);
	stream_rewatch(stream);
}

/* What the other side said before sending to it failed: "552 too large", and the door. */
static void stream_read_rest(struct stream *stream)
{
	if (stream->error != 0 && stream->reported != stream->error && !stream->eof &&
		stream->calls.input != NULL && buf_len(&stream->in) < stream->limits.in)
		stream_read(stream);
}

/* The end of input, and later perhaps that output failed as well: each is told once. */
static void stream_report(struct stream *stream)
{
	int error = stream->error != 0 ? stream->error : E_CLOSED;

	if (stream->freed || (stream->error == 0 && !stream->eof) || stream->reported == error)
		return;
	stream->reported = error;
	stream->calls.closed(stream, error, stream->arg);
}

static void stream_again(struct timer *timer, void *arg)
{
	struct stream *stream = OBJ(stream, arg);

	(void)timer;
	stream_go_on_tls(stream);
	if (!stream->freed && buf_len(&stream->in) != 0 && !stream->paused &&
		stream->calls.input != NULL)
		stream->calls.input(stream, stream->arg);
	stream_tell_drained(stream);
	if (!stream->freed && (!stream->paused || stream->shut)) {
		stream_read_rest(stream);
		stream_report(stream);
	}
	stream_settle(stream);
}

static void stream_connected(struct stream *stream)
{
	int r = socket_error(stream->fd);

	stream->connecting = false;
	if (r < 0) {
		stream_fail(stream, r);
		return;
	}
	if (stream->calls.connected != NULL)
		stream->calls.connected(stream, stream->arg);
}

static void stream_ready(struct watch *watch, int ready, void *arg)
{
	struct stream *stream = OBJ(stream, arg);

	(void)watch;
	if (stream->connecting) {
		stream_connected(stream);
	} else {
		if ((ready & WATCH_WRITE) != 0) {
			stream_write(stream);
			stream_go_on_tls(stream);
		}
		stream_tell_drained(stream);
		if (!stream->freed && (ready & WATCH_READ) != 0 && !stream->paused)
			stream_read(stream);
	}
	if (!stream->freed && !stream->connecting)
		stream_write(stream);
	stream_tell_drained(stream);
	stream_settle(stream);
}
