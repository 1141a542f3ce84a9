/* SPDX-License-Identifier: ISC */
#pragma once
/* What the files of the guard know of each other. */
#include "base/prefix_set.h"
#include "dns/quota.h"
#include "dns/rrl.h"
#include "zone/guard.h"

enum { GUARD_WORDS_SIZE = 192 };

struct guard_state {
	struct dns_quota *clients;
	struct dns_quota *keys;
	struct dns_cookie_secrets secrets;
};

struct guard_worker {
	struct dns_rrl *rrl;
	struct dns_counters counters;
	struct ring *samples;
	uint32_t random;
	unsigned until_log; /* so many queries until the next sample */
	unsigned until_tap;
};

struct guard_zone {
	unsigned apex_labels;
	struct prefix_set *allow_from;
	struct access_keys *keys; /* NULL: the list has none */
};

struct guard {
	struct guard_state *state;
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

/* After the answer stands: puts it on its way to whoever watches, when it is its turn. */
void guard_sample(struct guard_query *query, uint16_t rcode, size_t answer_len);
