/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * Where the listings are kept, as an administrator writes it: "SCHEME:LOCATION". The rows of
 * stores.def say which there are; store/ has a backend for each, and nobody else needs to know more
 * than this. Pure; any thread.
 */
#include "base/span.h"

/* What the URL of a store in a file begins with. */
#define STORE_URL_FILE "sqlite:"

/* All forms there are, for messages: "sqlite:/PATH". */
extern const char *const store_url_forms;

/* The row of stores.def; E_PARSE: none. */
int store_url_kind(struct span url);

/* The path of a store that is a file on this machine, within url; NULL: it is not. */
const char *store_url_path(const char *url);
