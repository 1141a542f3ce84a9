/* SPDX-License-Identifier: ISC */
#include "base/public_suffix.h"

#include <libpsl.h>
#include <pthread.h>
#include <stdio.h>

enum { NAME_SIZE = 256 }; /* RFC 1035 section 2.3.4 */

static pthread_once_t once = PTHREAD_ONCE_INIT;
static const psl_ctx_t *suffixes; /* until the process ends */

static void load(void)
{
	suffixes = psl_latest(NULL);
	if (suffixes == NULL)
		suffixes = psl_builtin();
}

void public_suffix_load(void)
{
	pthread_once(&once, load);
}

bool public_suffix_is(struct span domain)
{
	char text[NAME_SIZE];

	if (span_find(domain, '.') == domain.len)
		return true;
	if (domain.len >= sizeof(text))
		return false;
	public_suffix_load();
	snprintf(text, sizeof(text), "%.*s", (int)domain.len, (const char *)domain.ptr);
	return suffixes != NULL && psl_is_public_suffix2(suffixes, text, PSL_TYPE_ICANN) != 0;
}

struct span public_suffix_owner(struct span domain)
{
	struct span owner = {0};

	for (struct span rest = domain; rest.len != 0 && !public_suffix_is(rest);
		span_split(&rest, '.'))
		owner = rest;
	return owner;
}
