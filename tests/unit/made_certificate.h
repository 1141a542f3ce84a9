/* SPDX-License-Identifier: ISC */
#pragma once
/* Certificates as an administrator would have them in files, made on the spot: nothing expires in
 * the tree. */
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdlib.h>

#include "base/buf.h"

struct made_certificate {
	struct buf certificate, key; /* PEM */
};

static inline void made_take(BIO *bio, struct buf *out)
{
	char *text = NULL;
	long len = BIO_get_mem_data(bio, &text);

	buf_init(out, 0);
	buf_append(out, span_of(text, (size_t)len));
	BIO_free(bio);
}

/* Signed by itself. passphrase: of the key; NULL: none. */
static inline void made_certificate_init(
	struct made_certificate *made, const char *name, const char *passphrase)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *x509 = X509_new();
	X509_NAME *subject = X509_get_subject_name(x509);
	BIO *certificate = BIO_new(BIO_s_mem()), *text = BIO_new(BIO_s_mem());
	int ok = X509_set_version(x509, 2);

	ASN1_INTEGER_set(X509_get_serialNumber(x509), 1);
	X509_gmtime_adj(X509_getm_notBefore(x509), -86400);
	X509_gmtime_adj(X509_getm_notAfter(x509), 86400);
	ok &= X509_set_pubkey(x509, key);
	ok &= X509_NAME_add_entry_by_txt(
		subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0);
	ok &= X509_set_issuer_name(x509, subject);
	ok &= X509_sign(x509, key, EVP_sha256()) > 0;
	ok &= PEM_write_bio_X509(certificate, x509);
	ok &= PEM_write_bio_PrivateKey(text, key, passphrase != NULL ? EVP_aes_128_cbc() : NULL,
		(const unsigned char *)passphrase, passphrase != NULL ? (int)strlen(passphrase) : 0,
		NULL, NULL);
	if (ok != 1)
		abort();
	made_take(certificate, &made->certificate);
	made_take(text, &made->key);
	X509_free(x509);
	EVP_PKEY_free(key);
}

static inline void made_certificate_done(struct made_certificate *made)
{
	buf_done(&made->certificate);
	buf_done(&made->key);
}
