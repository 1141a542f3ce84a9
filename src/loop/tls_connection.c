/* SPDX-License-Identifier: ISC */
#include "loop/tls_connection.h"

#include <errno.h>
#include <openssl/err.h>
#include <stdio.h>
#include <sys/socket.h>

#include "base/macro.h"
#include "base/mem.h"
#include "loop/tls_priv.h"

/*
 * OpenSSL reads from what the stream received in one go (a BIO of ours over a span), and so gives
 * its buffers back at once (SSL_MODE_RELEASE_BUFFERS): an idle connection holds no record. It
 * writes to the socket itself; a record that the socket does not take whole stays with it, and the
 * stream offers the same text again.
 */
struct tls_connection {
	SSL *ssl;
	struct tls_context *context;
	int fd;
	struct span input;  /* what OpenSSL has not read yet */
	struct buf pending; /* the same between turns, while the socket holds OpenSSL back */
	bool wants_write;
	int error;
	char why[120];
};

/* ---- the BIO ---- */

static int bio_read(BIO *bio, char *bytes, int size)
{
	struct tls_connection *c = BIO_get_data(bio);
	struct span part = span_first(c->input, size > 0 ? (size_t)size : 0);

	BIO_clear_retry_flags(bio);
	if (part.len == 0) {
		BIO_set_retry_read(bio);
		return -1;
	}
	memcpy(bytes, part.ptr, part.len);
	c->input = span_from(c->input, part.len);
	return (int)part.len;
}

static int bio_write(BIO *bio, const char *bytes, int size)
{
	struct tls_connection *c = BIO_get_data(bio);
	ssize_t n = send(c->fd, bytes, (size_t)size, MSG_NOSIGNAL);

	BIO_clear_retry_flags(bio);
	if (n >= 0)
		return (int)n;
	if (errno == EAGAIN || errno == EINTR) {
		c->wants_write = true;
		BIO_set_retry_write(bio);
	} else if (c->error == 0) {
		c->error = err_from_errno(errno);
	}
	return -1;
}

static long bio_ctrl(BIO *bio, int command, long number, void *arg)
{
	(void)bio;
	(void)number;
	(void)arg;
	return command == BIO_CTRL_FLUSH ? 1 : 0;
}

/* Made once and kept: roles have one thread that serves clients. */
static const BIO_METHOD *bio_method(void)
{
	static BIO_METHOD *method;

	if (method == NULL) {
		method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "stream");
		ASSERT(method != NULL);
		BIO_meth_set_read(method, bio_read);
		BIO_meth_set_write(method, bio_write);
		BIO_meth_set_ctrl(method, bio_ctrl);
	}
	return method;
}

/* ---- life ---- */

struct tls_connection *tls_connection_new(struct tls_context *context, int fd, int64_t now_ms)
{
	struct tls_connection *c = mem_alloc(sizeof(*c));
	BIO *bio = BIO_new(bio_method());

	ASSERT(bio != NULL);
	c->context = tls_context_ref(context);
	c->fd = fd;
	buf_init(&c->pending, 0);
	BIO_set_data(bio, c);
	BIO_set_init(bio, 1);
	c->ssl = tls_context_open(context, now_ms);
	SSL_set_bio(c->ssl, bio, bio);
	return c;
}

void tls_connection_free(struct tls_connection **connection)
{
	struct tls_connection *c = *connection;

	*connection = NULL;
	if (c == NULL)
		return;
	tls_connection_finish(c);
	SSL_free(c->ssl);
	tls_context_free(&c->context);
	buf_done(&c->pending);
	mem_free(c);
}

/* ---- what failed ---- */

/* OpenSSL's words for what happens most are about a program; these are about the other side. */
static const struct {
	int reason;
	const char *words;
} reasons[] = {
	{SSL_R_WRONG_VERSION_NUMBER, "what it sends is not TLS"},
	{SSL_R_HTTP_REQUEST, "what it sends is not TLS"},
	{SSL_R_UNSUPPORTED_PROTOCOL, "it knows no TLS newer than 1.1"},
	{SSL_R_TLSV1_ALERT_PROTOCOL_VERSION, "it takes none of our versions, 1.2 and 1.3"},
	{SSL_R_NO_SHARED_CIPHER, "it offers no cipher that we take"},
	{SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM, "it takes no signature that our key can make"},
	{SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE, "it takes nothing of what we offer"},
	{SSL_R_TLSV1_ALERT_UNKNOWN_CA, "it does not trust who signed our certificate"},
	{SSL_R_SSLV3_ALERT_BAD_CERTIFICATE, "it does not take our certificate"},
	{SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN, "it does not take our certificate"},
	{SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED, "our certificate has expired, it says"},
};

static const char *reason_words(unsigned long error)
{
	const char *words = ERR_reason_error_string(error);

	for (size_t i = 0; ERR_GET_LIB(error) == ERR_LIB_SSL && i < COUNTOF(reasons); i++) {
		if (reasons[i].reason == ERR_GET_REASON(error))
			return reasons[i].words;
	}
	return words != NULL ? words : "it ended in the middle";
}

/* r: of the call that failed. 0: it goes on when more comes, or the socket takes more. */
static int tls_failed(struct tls_connection *c, int r)
{
	int what = SSL_get_error(c->ssl, r);

	if (c->error == 0 && (what == SSL_ERROR_WANT_READ || what == SSL_ERROR_WANT_WRITE))
		return 0;
	if (c->error == 0 && what == SSL_ERROR_ZERO_RETURN)
		return E_CLOSED;
	if (c->error == 0) {
		c->error = E_TLS;
		snprintf(c->why, sizeof(c->why), "%s", reason_words(ERR_peek_error()));
	}
	ERR_clear_error();
	return c->error;
}

const char *tls_connection_why(const struct tls_connection *connection)
{
	return connection->why;
}

/* ---- reading and writing ---- */

static int tls_handshake(struct tls_connection *c)
{
	int r;

	if (SSL_is_init_finished(c->ssl))
		return 1;
	r = SSL_do_handshake(c->ssl);
	return r == 1 ? 1 : tls_failed(c, r);
}

/* 1: there may be more. Streams of a thread use one place for what is plain for a moment. */
static int tls_take(struct tls_connection *c, struct buf *plain)
{
	static _Thread_local uint8_t bytes[TLS_RECORD_SIZE];
	size_t len = 0;
	int r = SSL_read_ex(c->ssl, bytes, sizeof(bytes), &len);

	if (r != 1)
		return tls_failed(c, r);
	buf_append(plain, span_of(bytes, len));
	return 1;
}

/* What waits from before comes first. */
static void tls_feed(struct tls_connection *c, struct span octets)
{
	if (buf_len(&c->pending) != 0)
		buf_append(&c->pending, octets);
	c->input = buf_len(&c->pending) != 0 ? buf_span(&c->pending) : octets;
}

static void tls_keep_rest(struct tls_connection *c, int r)
{
	if (r < 0) /* nothing more is read */
		buf_clear(&c->pending);
	else if (buf_len(&c->pending) != 0)
		buf_consume(&c->pending, buf_len(&c->pending) - c->input.len);
	else
		buf_append(&c->pending, c->input);
	if (buf_len(&c->pending) == 0)
		buf_done(&c->pending);
	c->input = (struct span){0};
}

int tls_connection_read(struct tls_connection *connection, struct span octets, struct buf *plain)
{
	struct tls_connection *c = connection;
	int r;

	if (c->error != 0)
		return c->error;
	ERR_clear_error();
	c->wants_write = false;
	tls_feed(c, octets);
	r = tls_handshake(c);
	while (r == 1)
		r = tls_take(c, plain);
	tls_keep_rest(c, r);
	return r;
}

int tls_connection_write(struct tls_connection *connection, struct span plain)
{
	struct tls_connection *c = connection;
	size_t len = 0;
	int r;

	if (c->error != 0 || !SSL_is_init_finished(c->ssl))
		return c->error;
	ERR_clear_error();
	c->wants_write = false;
	r = SSL_write_ex(
		c->ssl, plain.ptr, plain.len < TLS_RECORD_SIZE ? plain.len : TLS_RECORD_SIZE, &len);
	return r == 1 ? (int)len : tls_failed(c, r);
}

int tls_connection_finish(struct tls_connection *connection)
{
	struct tls_connection *c = connection;

	if (c->error != 0 || !SSL_is_init_finished(c->ssl) ||
		(SSL_get_shutdown(c->ssl) & SSL_SENT_SHUTDOWN) != 0)
		return 0;
	ERR_clear_error();
	c->wants_write = false;
	SSL_shutdown(c->ssl);
	ERR_clear_error();
	return c->wants_write ? E_AGAIN : 0;
}

bool tls_connection_wants_write(const struct tls_connection *connection)
{
	return connection->wants_write;
}

bool tls_connection_is_held(const struct tls_connection *connection)
{
	return buf_len(&connection->pending) != 0;
}

bool tls_connection_is_secured(const struct tls_connection *connection, struct tls_facts *ret_facts)
{
	SSL *ssl = connection->ssl;
	bool is_secured = SSL_is_init_finished(ssl) && connection->error == 0;

	if (is_secured && ret_facts != NULL) {
		*ret_facts = (struct tls_facts){.version = SSL_get_version(ssl),
			.cipher = SSL_get_cipher_name(ssl),
			.is_resumed = SSL_session_reused(ssl) != 0};
		ret_facts->bits = SSL_get_cipher_bits(ssl, &ret_facts->cipher_bits);
	}
	return is_secured;
}
