/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * The rules of a guard, of one configuration: a value that dnsd/guard_load.h fills, with what the
 * files of keys and secrets say. Immutable then; any number of threads may read.
 */
#include "base/prefix_set.h"
#include "conf/conf.h"
#include "dns/access_keys.h"
#include "dns/cookie.h"
#include "dns/rrl.h"

enum { GUARD_WORDS_SIZE = 192 };

struct guard_zone {
	unsigned apex_labels;
	struct prefix_set *allow_from;
	struct access_keys *keys; /* NULL: the list has none */
};

struct guard {
	struct span nsid;
	struct prefix_set *exempt;
	enum cookies cookies;
	struct dns_cookie_secrets secrets; /* none: that of the state */
	bool limits_on;
	struct dns_rrl_limits limits;
	uint32_t quota;
	int64_t period_s;
	uint16_t keepalive_ds;
	bool samples_on;
	unsigned log_sample;
	unsigned tap_sample;
	char nsid_text[65];
	char access_words[GUARD_WORDS_SIZE];
	char key_words[GUARD_WORDS_SIZE];
	char quota_words[GUARD_WORDS_SIZE];
	char key_quota_words[GUARD_WORDS_SIZE];
	size_t zones_len;
	struct guard_zone zones[]; /* as in the table */
};

void guard_free(struct guard **guard);
