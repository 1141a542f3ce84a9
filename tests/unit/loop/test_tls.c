/* SPDX-License-Identifier: ISC */
/*
 * Streams that begin in plain text and go on in TLS: a server and a client of ours over a socket
 * pair, or OpenSSL itself on the other side where it has to do what a stream never does.
 */
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../made_certificate.h"
#include "../moving_clock.h"
#include "../unit.h"
#include "base/macro.h"
#include "loop/stream.h"

enum { MUCH = 3 << 20, TURNS_MAX = 100000 };

/* One end, and what it heard. */
struct end {
	struct stream *stream;
	struct buf heard;
	size_t secured;
	int closed;
};

struct bench {
	struct loop *loop;
	struct timer tick;
	unsigned turns_left;
	bool (*wanted)(struct bench *bench);
	struct tls_context *server_context, *client_context;
	struct end server, client;
};

/* ---- the loop ---- */

static void bench_on_tick(struct timer *timer, void *arg)
{
	struct bench *bench = arg;

	if (bench->turns_left-- == 0 || (bench->wanted != NULL && bench->wanted(bench)))
		loop_stop(bench->loop);
	else
		timer_set(timer, loop_now_ms(bench->loop));
}

/* Until it is so. */
static void bench_run(struct bench *bench, bool (*wanted)(struct bench *bench))
{
	bench->turns_left = TURNS_MAX;
	bench->wanted = wanted;
	timer_set(&bench->tick, loop_now_ms(bench->loop));
	loop_run(bench->loop);
	assert_true(wanted(bench));
}

/* So many turns: whoever had something to do has done it. */
static void bench_settle(struct bench *bench)
{
	bench->turns_left = 50;
	bench->wanted = NULL;
	timer_set(&bench->tick, loop_now_ms(bench->loop));
	loop_run(bench->loop);
}

static void on_input(struct stream *stream, void *arg)
{
	struct end *end = arg;

	buf_append(&end->heard, buf_span(stream_in(stream)));
	buf_consume(stream_in(stream), buf_len(stream_in(stream)));
}

static void on_closed(struct stream *stream, int error, void *arg)
{
	struct end *end = arg;

	(void)stream;
	end->closed = error;
}

static void on_secured(struct stream *stream, void *arg)
{
	struct end *end = arg;

	(void)stream;
	end->secured++;
}

static void end_init(struct end *end, struct loop *loop, int fd)
{
	static const struct stream_limits limits = {.in = 65536, .out = 2 * MUCH};
	static const struct stream_calls calls = {
		.input = on_input, .closed = on_closed, .secured = on_secured};

	*end = (struct end){0};
	buf_init(&end->heard, 0);
	end->stream = stream_new(
		loop, fd, &(struct stream_settings){.calls = &calls, .arg = end, .limits = limits});
}

static void end_done(struct end *end)
{
	stream_free(&end->stream);
	buf_done(&end->heard);
}

static void end_say(struct end *end, const char *text)
{
	buf_append_text(stream_out(end->stream), text);
	stream_send(end->stream);
}

static void assert_heard(struct end *end, const char *text)
{
	assert_string_equal(buf_cstr(&end->heard), text);
	buf_clear(&end->heard);
}

static struct tls_context *made_server(const char *name)
{
	struct made_certificate made;
	struct tls_context *context = NULL;
	struct fault why = {""};

	made_certificate_init(&made, name, NULL);
	assert_int_equal(tls_server_new(&(struct tls_identity){buf_span(&made.certificate),
						buf_span(&made.key), "chain", "key"},
				 &context, &why),
		0);
	made_certificate_done(&made);
	return context;
}

static void bench_connect(struct bench *bench)
{
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	end_init(&bench->server, bench->loop, fds[0]);
	end_init(&bench->client, bench->loop, fds[1]);
}

static void bench_disconnect(struct bench *bench)
{
	end_done(&bench->server);
	end_done(&bench->client);
}

static void bench_init(struct bench *bench)
{
	*bench = (struct bench){.loop = loop_new()};
	timer_init(&bench->tick, bench->loop, bench_on_tick, bench);
	bench->server_context = made_server("mx.example.net");
	bench->client_context = tls_client_new();
	bench_connect(bench);
}

static void bench_done(struct bench *bench)
{
	bench_disconnect(bench);
	tls_context_free(&bench->server_context);
	tls_context_free(&bench->client_context);
	timer_done(&bench->tick);
	loop_free(&bench->loop);
}

static bool both_are_secured(struct bench *bench)
{
	return bench->server.secured == 1 && bench->client.secured == 1;
}

static void bench_secure(struct bench *bench)
{
	stream_start_tls(bench->server.stream, bench->server_context);
	stream_start_tls(bench->client.stream, bench->client_context);
	bench_run(bench, both_are_secured);
}

/* ---- the handshake ---- */

static void two_streams_agree(void **state)
{
	struct bench bench;
	struct tls_facts facts = {0};

	(void)state;
	bench_init(&bench);
	assert_false(stream_tls_facts(bench.server.stream, &facts));
	bench_secure(&bench);
	assert_true(stream_tls_facts(bench.server.stream, &facts));
	assert_string_equal(facts.version, "TLSv1.3");
	assert_string_equal(facts.cipher, "TLS_AES_256_GCM_SHA384");
	assert_int_equal(facts.bits, 256);
	assert_int_equal(facts.cipher_bits, 256);
	assert_false(facts.is_resumed);
	end_say(&bench.client, "EHLO a\r\n");
	end_say(&bench.server, "250 b\r\n");
	bench_settle(&bench);
	assert_heard(&bench.server, "EHLO a\r\n");
	assert_heard(&bench.client, "250 b\r\n");
	bench_done(&bench);
}

/* What came before, in plain text, is not heard afterwards: RFC 3207 section 6. */
static void on_starttls(struct stream *stream, void *arg)
{
	struct bench *bench = arg;

	stream_start_tls(stream,
		stream == bench->server.stream ? bench->server_context : bench->client_context);
}

static void what_stands_before_the_handshake_is_thrown_away(void **state)
{
	static const struct stream_limits limits = {.in = 65536, .out = 65536};
	static const struct stream_calls calls = {.input = on_starttls, .closed = on_closed};
	struct bench bench;
	int fds[2];
	char octet;

	(void)state;
	bench_init(&bench);
	bench_disconnect(&bench);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	bench.server.stream = stream_new(bench.loop, fds[0],
		&(struct stream_settings){.calls = &calls, .arg = &bench, .limits = limits});
	assert_int_equal(write(fds[1], "STARTTLS\r\nMAIL FROM:<>\r\n", 24), 24);
	bench_settle(&bench);
	assert_int_equal(buf_len(stream_in(bench.server.stream)), 0);
	assert_int_equal(recv(fds[1], &octet, 1, 0), -1); /* a server waits */
	close(fds[1]);
	bench_done(&bench);
}

static bool client_heard_much_and_go(struct bench *bench)
{
	return buf_len(&bench->client.heard) == MUCH + 8;
}

static void what_is_to_be_sent_before_the_handshake_goes_in_plain_text(void **state)
{
	struct bench bench;
	uint8_t *much = calloc(1, MUCH);

	(void)state;
	memset(much, 'x', MUCH);
	bench_init(&bench);
	buf_append(stream_out(bench.server.stream), span_of(much, MUCH)); /* the socket waits */
	end_say(&bench.server, "220 go\r\n");
	stream_start_tls(bench.server.stream, bench.server_context);
	bench_run(&bench, client_heard_much_and_go);
	assert_true(span_find_text(buf_span(&bench.client.heard), "220 go\r\n") == MUCH);
	stream_start_tls(bench.client.stream, bench.client_context);
	bench_run(&bench, both_are_secured);
	bench_done(&bench);
	free(much);
}

static void not_tls_ends_with_words(void **state)
{
	struct bench bench;

	(void)state;
	bench_init(&bench);
	stream_start_tls(bench.server.stream, bench.server_context);
	end_say(&bench.client, "EHLO attacker\r\nMAIL FROM:<a@example.org>\r\n");
	bench_settle(&bench);
	assert_int_equal(bench.server.closed, E_TLS);
	assert_string_equal(stream_tls_why(bench.server.stream), "what it sends is not TLS");
	assert_int_equal(bench.server.secured, 0);
	assert_int_equal(buf_len(&bench.server.heard), 0);
	bench_done(&bench);
}

static void who_leaves_in_the_handshake_is_told_as_such(void **state)
{
	struct bench bench;

	(void)state;
	bench_init(&bench);
	stream_start_tls(bench.client.stream, bench.client_context);
	bench_settle(&bench);
	stream_free(&bench.server.stream);
	bench_settle(&bench);
	assert_true(bench.client.closed < 0 && bench.client.closed != E_TLS);
	assert_int_equal(bench.client.secured, 0);
	bench_done(&bench);
}

/* A handshake cut off at each octet, and one that comes octet by octet. */
static void a_handshake_in_pieces_is_one(void **state)
{
	struct bench bench;
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());
	SSL *ssl = SSL_new(context);
	BIO *in = BIO_new(BIO_s_mem()), *out = BIO_new(BIO_s_mem());
	int fd;

	(void)state;
	bench_init(&bench);
	fd = stream_fd(bench.client.stream);
	SSL_set_bio(ssl, in, out);
	SSL_set_connect_state(ssl);
	stream_start_tls(bench.server.stream, bench.server_context);
	while (bench.server.secured == 0 && bench.server.closed == 0) {
		char octet;

		assert_true(SSL_do_handshake(ssl) == 1 || SSL_want_read(ssl));
		while (BIO_read(out, &octet, 1) == 1) {
			assert_int_equal(write(fd, &octet, 1), 1);
			bench_settle(&bench);
		}
		BIO_write(in, bench.client.heard.ptr + bench.client.heard.start,
			(int)buf_len(&bench.client.heard));
		buf_clear(&bench.client.heard);
	}
	assert_int_equal(bench.server.secured, 1);
	SSL_free(ssl);
	SSL_CTX_free(context);
	bench_done(&bench);
}

/* ---- what goes through ---- */

static bool both_heard_much(struct bench *bench)
{
	return buf_len(&bench->server.heard) == MUCH && buf_len(&bench->client.heard) == MUCH;
}

static void much_goes_both_ways(void **state)
{
	struct bench bench;
	uint8_t *much = malloc(MUCH);

	(void)state;
	for (size_t i = 0; i < MUCH; i++)
		much[i] = (uint8_t)(i * 7 + i / 251);
	bench_init(&bench);
	bench_secure(&bench);
	buf_append(stream_out(bench.server.stream), span_of(much, MUCH));
	buf_append(stream_out(bench.client.stream), span_of(much, MUCH));
	stream_send(bench.server.stream);
	stream_send(bench.client.stream);
	bench_run(&bench, both_heard_much);
	assert_memory_equal(buf_span(&bench.server.heard).ptr, much, MUCH);
	assert_memory_equal(buf_span(&bench.client.heard).ptr, much, MUCH);
	bench_done(&bench);
	free(much);
}

/* close_notify, and then the socket: the other side may go on for its part. */
static void who_finishes_may_still_hear(void **state)
{
	struct bench bench;

	(void)state;
	bench_init(&bench);
	bench_secure(&bench);
	buf_append_text(stream_out(bench.client.stream), "QUIT\r\n");
	stream_finish(bench.client.stream);
	bench_settle(&bench);
	assert_heard(&bench.server, "QUIT\r\n");
	assert_int_equal(bench.server.closed, E_CLOSED);
	end_say(&bench.server, "221 bye\r\n");
	bench_settle(&bench);
	assert_heard(&bench.client, "221 bye\r\n");
	bench_done(&bench);
}

static void a_paused_stream_holds_the_other_back(void **state)
{
	struct bench bench;
	uint8_t *much = calloc(1, MUCH);

	(void)state;
	bench_init(&bench);
	bench_secure(&bench);
	stream_pause(bench.server.stream);
	buf_append(stream_out(bench.client.stream), span_of(much, MUCH));
	stream_send(bench.client.stream);
	bench_settle(&bench);
	assert_int_equal(buf_len(&bench.server.heard), 0);
	assert_true(buf_len(stream_out(bench.client.stream)) > MUCH / 2);
	stream_resume(bench.server.stream);
	buf_append(stream_out(bench.server.stream), span_of(much, MUCH));
	stream_send(bench.server.stream);
	bench_run(&bench, both_heard_much);
	bench_done(&bench);
	free(much);
}

/* ---- contexts ---- */

/* The certificate is another one; who came before goes on. */
static void a_new_certificate_is_for_new_connections(void **state)
{
	struct bench bench;
	struct end before[2];
	struct tls_facts facts;

	(void)state;
	bench_init(&bench);
	bench_secure(&bench);
	tls_context_free(&bench.server_context);
	bench.server_context = made_server("mx2.example.net");
	end_say(&bench.client, "NOOP\r\n");
	bench_settle(&bench);
	assert_heard(&bench.server, "NOOP\r\n");
	before[0] = bench.server;
	before[1] = bench.client;
	bench_connect(&bench);
	bench_secure(&bench);
	assert_true(stream_tls_facts(bench.server.stream, &facts));
	assert_false(facts.is_resumed);
	end_done(&before[0]);
	end_done(&before[1]);
	bench_done(&bench);
}

static bool is_resumed(struct bench *bench)
{
	struct tls_facts facts = {0};

	bench_settle(bench); /* the ticket comes after the handshake */
	bench_disconnect(bench);
	bench_connect(bench);
	bench_secure(bench);
	assert_true(stream_tls_facts(bench->server.stream, &facts));
	return facts.is_resumed;
}

static void a_client_resumes_until_the_key_of_the_tickets_is_another(void **state)
{
	struct bench bench;

	(void)state;
	bench_init(&bench);
	bench_secure(&bench);
	assert_true(is_resumed(&bench));
	assert_true(is_resumed(&bench));
	moving_clock_add(INT64_C(13) * 3600 * 1000);
	bench_settle(&bench);
	assert_false(is_resumed(&bench));
	assert_true(is_resumed(&bench));
	bench_done(&bench);
}

static void assert_refused(
	const struct made_certificate *a, const struct made_certificate *b, const char *words)
{
	struct tls_context *context = NULL;
	struct fault why = {""};

	assert_int_equal(tls_server_new(&(struct tls_identity){buf_span(&a->certificate),
						buf_span(&b->key), "/etc/c.pem", "/etc/k.pem"},
				 &context, &why),
		E_CONFIG);
	assert_null(context);
	assert_string_equal(why.text, words);
}

static void what_is_no_certificate_or_key_is_told(void **state)
{
	struct made_certificate a, b, locked, none = {0};
	struct made_certificate text;

	(void)state;
	made_certificate_init(&a, "a.example", NULL);
	made_certificate_init(&b, "b.example", NULL);
	made_certificate_init(&locked, "c.example", "secret");
	buf_init(&text.certificate, 0);
	buf_init(&text.key, 0);
	buf_append_text(&text.certificate, "hello\n");
	buf_append_text(&text.key, "hello\n");
	assert_refused(&a, &b,
		"the key in '/etc/k.pem' does not belong to the certificate in '/etc/c.pem'");
	assert_refused(&locked, &locked,
		"'/etc/k.pem' holds no private key in PEM form, or one that wants a passphrase");
	assert_refused(&a, &text,
		"'/etc/k.pem' holds no private key in PEM form, or one that wants a passphrase");
	assert_refused(&text, &a, "'/etc/c.pem' holds no certificate in PEM form");
	assert_refused(&a, &none, "'/etc/k.pem' is empty");
	assert_refused(&none, &a, "'/etc/c.pem' is empty");
	made_certificate_done(&a);
	made_certificate_done(&b);
	made_certificate_done(&locked);
	made_certificate_done(&text);
}

/* ---- OpenSSL on the other side ---- */

struct foreigner {
	SSL_CTX *context;
	SSL *ssl;
};

static void foreigner_init(struct foreigner *f, struct bench *bench, int version)
{
	f->context = SSL_CTX_new(TLS_client_method());
	SSL_CTX_set_max_proto_version(f->context, version);
	SSL_CTX_set_security_level(f->context, 0);
	SSL_CTX_set_min_proto_version(f->context, TLS1_VERSION);
	f->ssl = SSL_new(f->context);
	SSL_set_fd(f->ssl, dup(stream_fd(bench->client.stream)));
	stream_free(&bench->client.stream);
	SSL_set_connect_state(f->ssl);
	stream_start_tls(bench->server.stream, bench->server_context);
}

static int foreigner_shake(struct foreigner *f, struct bench *bench)
{
	int r = 0;

	for (int i = 0; i < 20 && r != 1; i++) {
		r = SSL_do_handshake(f->ssl);
		bench_settle(bench);
	}
	ERR_clear_error();
	return r;
}

static void foreigner_done(struct foreigner *f)
{
	close(SSL_get_fd(f->ssl));
	SSL_free(f->ssl);
	SSL_CTX_free(f->context);
}

/* CVE-2009-3555, and a way to make a server work. */
static void who_wants_to_renegotiate_is_refused_and_goes_on(void **state)
{
	struct bench bench;
	struct foreigner f;
	char bytes[64];

	(void)state;
	bench_init(&bench);
	foreigner_init(&f, &bench, TLS1_2_VERSION);
	assert_int_equal(foreigner_shake(&f, &bench), 1);
	assert_int_equal(bench.server.secured, 1);
	assert_int_equal(SSL_renegotiate(f.ssl), 1);
	assert_int_not_equal(SSL_do_handshake(f.ssl), 1);
	bench_settle(&bench);
	assert_int_not_equal(SSL_read(f.ssl, bytes, sizeof(bytes)), 1);
	assert_int_equal(ERR_GET_REASON(ERR_peek_error()), SSL_R_NO_RENEGOTIATION);
	assert_int_equal(bench.server.secured, 1);
	ERR_clear_error();
	foreigner_done(&f);
	bench_done(&bench);
}

static void old_versions_are_refused_in_plain_words(void **state)
{
	struct bench bench;
	struct foreigner f;

	(void)state;
	bench_init(&bench);
	foreigner_init(&f, &bench, TLS1_1_VERSION);
	assert_int_not_equal(foreigner_shake(&f, &bench), 1);
	assert_int_equal(bench.server.closed, E_TLS);
	assert_string_equal(stream_tls_why(bench.server.stream), "it knows no TLS newer than 1.1");
	foreigner_done(&f);
	bench_done(&bench);
}

static void new_keys_in_the_middle_are_followed(void **state)
{
	struct bench bench;
	struct foreigner f;
	char bytes[64];

	(void)state;
	bench_init(&bench);
	foreigner_init(&f, &bench, TLS1_3_VERSION);
	assert_int_equal(foreigner_shake(&f, &bench), 1);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(SSL_key_update(f.ssl, SSL_KEY_UPDATE_REQUESTED), 1);
		assert_int_equal(SSL_write(f.ssl, "NOOP\r\n", 6), 6);
		bench_settle(&bench);
		assert_heard(&bench.server, "NOOP\r\n");
		end_say(&bench.server, "250 Ok\r\n");
		bench_settle(&bench);
		assert_int_equal(SSL_read(f.ssl, bytes, sizeof(bytes)), 8);
	}
	foreigner_done(&f);
	bench_done(&bench);
}

/* ---- memory ---- */

enum { IDLE = 200, IDLE_OCTETS_MAX = 16384 };

/* OpenSSL's, which is nearly all. The size stands before each block. */
union block {
	size_t size;
	max_align_t aligned;
};

static size_t held;

static void *count_malloc(size_t size, const char *file, int line)
{
	union block *block = malloc(sizeof(*block) + size);

	(void)file;
	(void)line;
	assert_non_null(block);
	block->size = size;
	held += size;
	return block + 1;
}

static void count_free(void *bytes, const char *file, int line)
{
	union block *block = bytes != NULL ? (union block *)bytes - 1 : NULL;

	(void)file;
	(void)line;
	held -= block != NULL ? block->size : 0;
	free(block);
}

static void *count_realloc(void *bytes, size_t size, const char *file, int line)
{
	size_t had = bytes != NULL ? ((union block *)bytes - 1)->size : 0;
	void *next = count_malloc(size, file, line);

	if (had != 0)
		memcpy(next, bytes, had < size ? had : size);
	count_free(bytes, file, line);
	return next;
}

static size_t octets_of(struct end *ends)
{
	size_t before = held;

	for (size_t i = 0; i < IDLE; i++)
		end_done(&ends[i]);
	return (before - held) / IDLE;
}

static void an_idle_session_holds_little(void **state)
{
	struct end servers[IDLE], clients[IDLE];
	struct bench bench;
	size_t server, client;

	(void)state;
	bench_init(&bench);
	for (size_t i = 0; i < IDLE; i++) {
		bench_secure(&bench);
		end_say(&bench.client, "EHLO a\r\n");
		bench_settle(&bench);
		buf_done(&bench.server.heard);
		servers[i] = bench.server;
		clients[i] = bench.client;
		bench_connect(&bench);
	}
	server = octets_of(servers);
	client = octets_of(clients);
	print_message(
		"[  IDLE    ] a server's session %zu octets, a client's %zu\n", server, client);
	assert_in_range(server, 1, IDLE_OCTETS_MAX);
	bench_done(&bench);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_streams_agree),
		cmocka_unit_test(what_stands_before_the_handshake_is_thrown_away),
		cmocka_unit_test(what_is_to_be_sent_before_the_handshake_goes_in_plain_text),
		cmocka_unit_test(not_tls_ends_with_words),
		cmocka_unit_test(who_leaves_in_the_handshake_is_told_as_such),
		cmocka_unit_test(a_handshake_in_pieces_is_one),
		cmocka_unit_test(much_goes_both_ways),
		cmocka_unit_test(who_finishes_may_still_hear),
		cmocka_unit_test(a_paused_stream_holds_the_other_back),
		cmocka_unit_test(a_new_certificate_is_for_new_connections),
		cmocka_unit_test(a_client_resumes_until_the_key_of_the_tickets_is_another),
		cmocka_unit_test(what_is_no_certificate_or_key_is_told),
		cmocka_unit_test(who_wants_to_renegotiate_is_refused_and_goes_on),
		cmocka_unit_test(old_versions_are_refused_in_plain_words),
		cmocka_unit_test(new_keys_in_the_middle_are_followed),
		cmocka_unit_test(an_idle_session_holds_little),
	};

	CRYPTO_set_mem_functions(count_malloc, count_realloc, count_free);
	moving_clock_start();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
