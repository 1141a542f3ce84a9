/* SPDX-License-Identifier: ISC */
#pragma once
/* What two sides agreed on in a TLS handshake (loop/tls.h), for who shows it. A value; the texts
 * are constant. */
#include <stdbool.h>

struct tls_facts {
	const char *version; /* "TLSv1.3" */
	const char *cipher;  /* "TLS_AES_256_GCM_SHA384" */
	int bits;            /* of the secret */
	int cipher_bits;     /* that the cipher is made for */
	bool is_resumed;     /* a former session went on */
};
