/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * A file that holds secrets: keys of TSIG and TLS, keys of who may ask a list, secrets of cookies.
 * What everybody on this machine may read or change is not a secret, so such a file is refused. Any
 * thread.
 */
#include "base/buf.h"
#include "base/err.h"

/* Appends the content to an empty *out, whose limit holds. E_CONFIG, words in *why that name the
 * file: it is missing, longer than the limit, not a file, readable by everybody or not by us. */
int secret_file_read(const char *path, struct buf *out, struct fault *why);

/* The same of what everybody may see: a certificate. */
int public_file_read(const char *path, struct buf *out, struct fault *why);

/* Overwrites what was read, and ends the buffer. */
void secret_done(struct buf *secret);
