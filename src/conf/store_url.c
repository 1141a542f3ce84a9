/* SPDX-License-Identifier: ISC */
#include "conf/store_url.h"

#include <string.h>

#include "base/err.h"
#include "base/macro.h"

static const char *const forms[] = {
#define STORE(backend, form) form,
#include "conf/stores.def"
#undef STORE
};

static const char joined[] =
#define STORE(backend, form) " or " form
#include "conf/stores.def"
#undef STORE
	;
const char *const store_url_forms = joined + sizeof(" or ") - 1;

int store_url_kind(struct span url)
{
	for (size_t i = 0; i < COUNTOF(forms); i++) {
		size_t fixed = strcspn(forms[i], "ABCDEFGHIJKLMNOPQRSTUVWXYZ");

		if (url.len > fixed &&
			span_equal_nocase(span_of(url.ptr, fixed), span_of(forms[i], fixed)))
			return (int)i;
	}
	return E_PARSE;
}

const char *store_url_path(const char *url)
{
	int kind = store_url_kind(span_text(url));

	return kind >= 0 && strstr(forms[kind], ":/PATH") != NULL ? strchr(url, ':') + 1 : NULL;
}
