/* SPDX-License-Identifier: ISC */
#include "dnsd/guard_load.h"

#include <stdio.h>

#include "base/macro.h"
#include "base/mem.h"
#include "conf/asking_keys.h"

static void set_words(struct guard *guard, const struct conf *conf)
{
	const char *contact = conf->contact != NULL ? conf->contact : "the operator";

	snprintf(guard->access_words, sizeof(guard->access_words),
		"this list is not open to your address; ask %.100s", contact);
	snprintf(guard->key_words, sizeof(guard->key_words),
		"this list is asked with a key before its name; ask %.100s for one", contact);
	snprintf(guard->quota_words, sizeof(guard->quota_words),
		"your quota of %u queries is used up; ask %.100s for more", (unsigned)guard->quota,
		contact);
	snprintf(guard->key_quota_words, sizeof(guard->key_quota_words),
		"the quota of your key is used up; ask %.100s for more", contact);
}

static void set_rules(struct guard *guard, const struct conf *conf)
{
	const struct conf_guard *from = &conf->guard;

	snprintf(guard->nsid_text, sizeof(guard->nsid_text), "%s",
		from->nsid != NULL ? from->nsid : "");
	guard->nsid = span_text(guard->nsid_text);
	guard->exempt = prefix_set_new(from->exempt, from->exempt_len);
	guard->cookies = from->cookies;
	guard->limits = (struct dns_rrl_limits){
		.rates = {from->rate_listed, from->rate_not_listed, from->rate_errors},
		.burst_s = (unsigned)from->burst_s,
		.slip = from->slip,
		.v4_bits = (uint8_t)from->v4_bits,
		.v6_bits = (uint8_t)from->v6_bits,
	};
	guard->limits_on = (from->rate_listed | from->rate_not_listed | from->rate_errors) != 0;
	guard->quota = from->quota;
	guard->period_s = from->quota_period_s;
	guard->keepalive_ds = (uint16_t)(from->tcp_idle_s * 10);
	guard->log_sample = from->log_sample;
	guard->tap_sample = from->dnstap_socket != NULL ? from->dnstap_sample : 0;
	guard->samples_on = (guard->log_sample | guard->tap_sample) != 0;
	set_words(guard, conf);
}

static int set_zone(struct guard_zone *rules, const struct zone *zone, const struct conf *conf,
	struct fault *why)
{
	const struct conf_serving *serving = zone_serving(zone, conf);

	rules->apex_labels = zone->apex_labels;
	if (serving->allow_from_len != 0)
		rules->allow_from = prefix_set_new(serving->allow_from, serving->allow_from_len);
	else if (serving->keys == NULL)
		rules->allow_from =
			prefix_set_new(conf->guard.allow_from, conf->guard.allow_from_len);
	return serving->keys != NULL ? asking_keys_read(conf, serving->keys, &rules->keys, why) : 0;
}

int guard_load(const struct conf *conf, const struct zone_table *table, struct guard **ret_guard,
	struct fault *why)
{
	AUTO(guard) *guard = mem_alloc(sizeof(*guard) + table->zones_len * sizeof(guard->zones[0]));
	int r = 0;

	set_rules(guard, conf);
	if (conf->guard.cookie_secrets != NULL)
		r = cookie_secrets_read(conf, &guard->secrets, why);
	guard->zones_len = table->zones_len;
	for (size_t i = 0; i < table->zones_len && r == 0; i++)
		r = set_zone(&guard->zones[i], &table->zones[i], conf, why);
	if (r < 0)
		return r;
	*ret_guard = TAKE(guard);
	return 0;
}
