/* SPDX-License-Identifier: ISC */
/* What `dnsbl` means: what the entries of one zone have in common. */
#include "base/arena.h"
#include "conf/code.h"
#include "conf/load.h"
#include "conf/value.h"

static bool zones_are_one(const struct conf_dnsbl *a, const struct conf_dnsbl *b)
{
	return a->zone != NULL && b->zone != NULL && strcmp(a->zone, b->zone) == 0;
}

/* A range that happens to hold 127.0.0.1 was not written by somebody who knows such a list. */
static bool names_one(const struct conf_dnsbl *dnsbl)
{
	static const uint8_t one[4] = {127, 0, 0, 1};

	for (size_t i = 0; i < dnsbl->codes_len; i++) {
		if (code_is_just(&dnsbl->codes[i].code, one))
			return true;
	}
	return false;
}

void conf_complete_dnsbls(struct loader *loader)
{
	struct conf *conf = loader->conf;
	struct conf_dnsbl *dnsbls =
		arena_alloc(loader->arena, (conf->dnsbls_len + 1) * sizeof(*dnsbls));

	for (size_t i = 0; i < conf->dnsbls_len; i++) {
		dnsbls[i] = conf->dnsbls[i];
		for (size_t k = 0; k < conf->dnsbls_len; k++)
			dnsbls[i].has_one |= zones_are_one(&dnsbls[i], &conf->dnsbls[k]) &&
					     names_one(&conf->dnsbls[k]);
	}
	conf->dnsbls = dnsbls;
}

void conf_check_dnsbls(struct loader *loader)
{
	const struct conf *conf = loader->conf;

	for (size_t i = 0; i < conf->dnsbls_len; i++) {
		const struct conf_dnsbl *dnsbl = &conf->dnsbls[i];

		if (dnsbl->name != NULL && !text_is_ascii(dnsbl->name))
			error_at(loader->diagnostics, dnsbl->location,
				"'name' may hold printable ASCII only: refusals show it");
	}
}
