/* SPDX-License-Identifier: ISC */
#include "loop/tls_priv.h"

#include <limits.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <time.h>

#include "base/macro.h"
#include "base/mem.h"

/*
 * Where mail would otherwise go in plain text, weak encryption is better than none, so the lists
 * end with key exchange by RSA, which has no forward secrecy. What protects nothing is left out.
 */
static const char ciphers[] =
	"ECDHE+AESGCM:ECDHE+CHACHA20:ECDHE+AES:kRSA+AESGCM:kRSA+AES:!aNULL:!eNULL:!PSK:!SRP";

enum { TICKET_LASTS_S = 3600, TICKET_KEY_LASTS_MS = 12 * 3600 * 1000, TICKET_KEY_SIZE_MAX = 128 };

/* Weak keys of the other side are its own affair; our certificate has to be of use to others. */
enum { LEVEL_OF_CLIENT = 0, LEVEL_OF_SERVER = 1 };

struct tls_context {
	size_t references;
	SSL_CTX *ssl;
	bool is_server;
	int64_t expires_s;
	int64_t ticket_key_until_ms; /* of a server; 0: it has OpenSSL's first one */
	SSL_SESSION *session; /* of a client: the newest, which the next connection resumes */
};

/* A session of a client: ours alone, so that OpenSSL need not look any up. */
static int context_on_session(SSL *ssl, SSL_SESSION *session)
{
	struct tls_context *context = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));

	SSL_SESSION_free(context->session);
	context->session = session;
	return 1; /* it is ours now */
}

static struct tls_context *context_new(bool is_server)
{
	struct tls_context *context = mem_new(tls_context);

	OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
	context->references = 1;
	context->is_server = is_server;
	context->ssl = SSL_CTX_new(is_server ? TLS_server_method() : TLS_client_method());
	ASSERT(context->ssl != NULL);
	SSL_CTX_set_security_level(context->ssl, is_server ? LEVEL_OF_SERVER : LEVEL_OF_CLIENT);
	ASSERT(SSL_CTX_set_min_proto_version(context->ssl, TLS1_2_VERSION) == 1);
	ASSERT(SSL_CTX_set_cipher_list(context->ssl, ciphers) == 1);
	SSL_CTX_set_options(context->ssl, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
						  SSL_OP_CIPHER_SERVER_PREFERENCE |
						  SSL_OP_PRIORITIZE_CHACHA);
	SSL_CTX_set_mode(context->ssl, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
					       SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_verify(context->ssl, SSL_VERIFY_NONE, NULL);
	SSL_CTX_set_timeout(context->ssl, TICKET_LASTS_S);
	SSL_CTX_set_app_data(context->ssl, context);
	return context;
}

/* ---- the certificate and its key ---- */

static void x509_st_free(struct x509_st **certificate)
{
	X509_free(*certificate);
}

static void evp_pkey_st_free(struct evp_pkey_st **key)
{
	EVP_PKEY_free(*key);
}

static void bio_st_free(struct bio_st **bio)
{
	BIO_free(*bio);
}

/* Nobody is there to be asked. */
static int no_passphrase(char *text, int size, int writing, void *arg)
{
	(void)text;
	(void)size;
	(void)writing;
	(void)arg;
	return -1;
}

static int64_t certificate_expires_s(const X509 *certificate)
{
	struct tm at = {0};

	return ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &at) == 1 ? (int64_t)timegm(&at)
									  : 0;
}

/* Those that sign it, and what else stands behind it. */
static int context_use_chain(struct tls_context *context, BIO *pem)
{
	X509 *signer;

	while ((signer = PEM_read_bio_X509(pem, NULL, no_passphrase, NULL)) != NULL) {
		if (SSL_CTX_add0_chain_cert(context->ssl, signer) == 1)
			continue;
		X509_free(signer);
		return E_CONFIG;
	}
	return 0;
}

static int identity_fault(struct fault *why, const char *file, const char *what)
{
	const char *reason = ERR_reason_error_string(ERR_peek_last_error());

	return fault_set(why, E_CONFIG, "'%s' %s: %s", file, what,
		reason != NULL ? reason : "unknown reason");
}

static int context_use_certificate(
	struct tls_context *context, const struct tls_identity *identity, struct fault *why)
{
	const char *file = identity->certificate_name;
	AUTO(bio_st) *pem =
		BIO_new_mem_buf(identity->certificate.ptr, (int)identity->certificate.len);
	AUTO(x509_st) *certificate = PEM_read_bio_X509_AUX(pem, NULL, no_passphrase, NULL);

	if (certificate == NULL)
		return fault_set(why, E_CONFIG, "'%s' holds no certificate in PEM form", file);
	if (SSL_CTX_use_certificate(context->ssl, certificate) != 1 ||
		context_use_chain(context, pem) < 0)
		return identity_fault(why, file, "holds a certificate that is of no use");
	context->expires_s = certificate_expires_s(certificate);
	return 0;
}

static int context_use_key(
	struct tls_context *context, const struct tls_identity *identity, struct fault *why)
{
	const char *file = identity->key_name;
	AUTO(bio_st) *pem = BIO_new_mem_buf(identity->key.ptr, (int)identity->key.len);
	AUTO(evp_pkey_st) *key = PEM_read_bio_PrivateKey(pem, NULL, no_passphrase, NULL);

	if (key == NULL)
		return fault_set(why, E_CONFIG,
			"'%s' holds no private key in PEM form, or one that wants a passphrase",
			file);
	if (X509_check_private_key(SSL_CTX_get0_certificate(context->ssl), key) != 1)
		return fault_set(why, E_CONFIG,
			"the key in '%s' does not belong to the certificate in '%s'", file,
			identity->certificate_name);
	if (SSL_CTX_use_PrivateKey(context->ssl, key) != 1)
		return identity_fault(why, file, "holds a key that is of no use");
	return 0;
}

/* ---- contexts ---- */

/* An empty span has no memory to read. */
static bool identity_is_given(const struct tls_identity *identity)
{
	return identity->certificate.len != 0 && identity->key.len != 0 &&
	       identity->certificate.len <= INT_MAX && identity->key.len <= INT_MAX;
}

int tls_server_new(
	const struct tls_identity *identity, struct tls_context **ret_context, struct fault *why)
{
	AUTO(tls_context) *context = NULL;
	int r;

	if (!identity_is_given(identity))
		return fault_set(why, E_CONFIG, "'%s' is empty",
			identity->key.len == 0 ? identity->key_name : identity->certificate_name);
	context = context_new(true);
	SSL_CTX_set_session_cache_mode(context->ssl, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_num_tickets(context->ssl, 1);
	ERR_clear_error();
	r = context_use_certificate(context, identity, why);
	if (r == 0)
		r = context_use_key(context, identity, why);
	ERR_clear_error();
	if (r == 0)
		*ret_context = TAKE(context);
	return r;
}

struct tls_context *tls_client_new(void)
{
	struct tls_context *context = context_new(false);

	SSL_CTX_set_session_cache_mode(
		context->ssl, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(context->ssl, context_on_session);
	return context;
}

struct tls_context *tls_context_ref(struct tls_context *context)
{
	if (context != NULL)
		context->references++;
	return context;
}

void tls_context_free(struct tls_context **context)
{
	struct tls_context *c = *context;

	*context = NULL;
	if (c == NULL || --c->references != 0)
		return;
	SSL_SESSION_free(c->session);
	SSL_CTX_free(c->ssl);
	mem_free(c);
}

int64_t tls_context_expires_s(const struct tls_context *context)
{
	return context->expires_s;
}

/* Who gets hold of the key can read what was resumed with its tickets by TLS 1.2, so it does not
 * live long. */
static void context_renew_ticket_key(struct tls_context *context, int64_t now_ms)
{
	unsigned char keys[TICKET_KEY_SIZE_MAX];
	long size = SSL_CTX_get_tlsext_ticket_keys(context->ssl, NULL, 0);
	bool is_first = context->ticket_key_until_ms == 0;

	if (now_ms < context->ticket_key_until_ms)
		return;
	context->ticket_key_until_ms = now_ms + TICKET_KEY_LASTS_MS;
	if (is_first || size > (long)sizeof(keys) || RAND_priv_bytes(keys, (int)size) != 1)
		return;
	SSL_CTX_set_tlsext_ticket_keys(context->ssl, keys, size);
	OPENSSL_cleanse(keys, sizeof(keys));
}

SSL *tls_context_open(struct tls_context *context, int64_t now_ms)
{
	SSL *ssl;

	if (context->is_server)
		context_renew_ticket_key(context, now_ms);
	ssl = SSL_new(context->ssl);
	ASSERT(ssl != NULL);
	if (context->is_server) {
		SSL_set_accept_state(ssl);
		return ssl;
	}
	if (context->session != NULL)
		SSL_set_session(ssl, context->session);
	SSL_set_connect_state(ssl);
	return ssl;
}
