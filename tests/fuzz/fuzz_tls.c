/* SPDX-License-Identifier: ISC */
/* STARTTLS on a line on which anybody may write: what stands behind the command is never heard as
 * plain text, and what is no handshake ends the stream. */
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../unit/made_certificate.h"
#include "base/macro.h"
#include "loop/stream.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { TURNS = 12, PIECE_MAX = 4096 };

struct line {
	struct loop *loop;
	struct stream *stream;
	struct timer tick;
	struct span rest; /* that the other side has still to write */
	int fd;
	unsigned turns;
	bool is_started, is_closed;
};

/* One context for all: nothing of a handshake that came to nothing stays in it. */
static struct tls_context *server_context(void)
{
	static struct tls_context *context;
	struct made_certificate made;

	if (context == NULL) {
		made_certificate_init(&made, "mx.example.net", NULL);
		ASSERT(tls_server_new(&(struct tls_identity){buf_span(&made.certificate),
					      buf_span(&made.key), "certificate", "key"},
			       &context, NULL) == 0);
		made_certificate_done(&made);
	}
	return context;
}

static void on_input(struct stream *stream, void *arg)
{
	struct line *line = arg;
	struct buf *in = stream_in(stream);
	size_t end;

	ASSERT(!line->is_started || stream_tls_facts(stream, NULL));
	while ((end = span_find(buf_span(in), '\n')) < buf_len(in)) {
		if (!line->is_started && span_has_prefix_nocase(buf_span(in), "STARTTLS")) {
			line->is_started = true;
			buf_append_text(stream_out(stream), "220 go\r\n");
			stream_start_tls(stream, server_context());
			ASSERT(buf_len(in) == 0);
			return;
		}
		buf_consume(in, end + 1);
	}
	if (buf_len(in) > PIECE_MAX)
		buf_consume(in, buf_len(in));
}

static void on_closed(struct stream *stream, int error, void *arg)
{
	struct line *line = arg;

	ASSERT((error == E_TLS) == (stream_tls_why(stream)[0] != '\0'));
	line->is_closed = true;
}

/* The other side writes a piece, whose size the first octet of it says, and reads what we say. */
static void on_tick(struct timer *timer, void *arg)
{
	struct line *line = arg;
	size_t piece = line->rest.len != 0 ? (size_t)line->rest.ptr[0] * 16 + 1 : 0;
	uint8_t heard[PIECE_MAX];

	while (recv(line->fd, heard, sizeof(heard), MSG_DONTWAIT) > 0)
		;
	if (line->turns-- == 0 || line->is_closed) {
		loop_stop(line->loop);
		return;
	}
	if (line->rest.len != 0) {
		struct span now = span_first(span_from(line->rest, 1), piece);

		if (now.len != 0)
			(void)!send(line->fd, now.ptr, now.len, MSG_NOSIGNAL | MSG_DONTWAIT);
		line->rest = span_from(line->rest, 1 + now.len);
	}
	timer_set(timer, loop_now_ms(line->loop));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct stream_calls calls = {.input = on_input, .closed = on_closed};
	struct line line = {.loop = loop_new(), .rest = span_of(data, size), .turns = TURNS};
	int fds[2];

	ASSERT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) == 0);
	line.fd = fds[1];
	line.stream = stream_new(line.loop, fds[0],
		&(struct stream_settings){
			.calls = &calls, .arg = &line, .limits = {.in = 16384, .out = 65536}});
	timer_init(&line.tick, line.loop, on_tick, &line);
	timer_set(&line.tick, loop_now_ms(line.loop));
	loop_run(line.loop);
	timer_done(&line.tick);
	stream_free(&line.stream);
	close(line.fd);
	loop_free(&line.loop);
	return 0;
}
