/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * What a zone says of itself: the TXT record set of its apex, one KEY=VALUE a string (the form of
 * RFC 1464), for people and programs (RFC 6471 section 2.1). The keys are described in
 * stockade-dns(7). Pure; any thread.
 */
#include "zone/zone.h"

/* Fills apex_txt; apex, lists, sublists and TTL are there already. The strings live in the
 * arena. */
void apex_txt_make(struct zone *zone, const struct conf *conf, const struct conf_serving *serving,
	struct arena *arena);
