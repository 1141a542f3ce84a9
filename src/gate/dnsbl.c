/* SPDX-License-Identifier: ISC */
#include "gate/dnsbl.h"

#include "base/macro.h"

/* Answers by which single lists say "we do not serve you" instead of NXDOMAIN; any address below
 * 127.255.255 says it for all of them. A code that stands here is never a listing, whatever the
 * configured set says. */
static const struct {
	const char *zone;
	uint8_t code[4];
} excuses[] = {
	{"dnswl.org", {127, 0, 0, 255}},        /* over quota */
	{"dnswl.org", {127, 0, 10, 3}},         /* over quota, with "high trust" for all */
	{"dbl.spamhaus.org", {127, 0, 1, 255}}, /* an address asked of a domain list */
};

static bool zone_is_below(struct span zone, const char *suffix)
{
	size_t len = strlen(suffix);

	if (!span_has_suffix_nocase(zone, span_text(suffix)))
		return false;
	return zone.len == len || zone.ptr[zone.len - len - 1] == '.';
}

static bool code_is_excuse(const struct conf_dnsbl *dnsbl, const uint8_t code[4])
{
	for (size_t i = 0; i < COUNTOF(excuses); i++)
		if (memcmp(code, excuses[i].code, sizeof(excuses[i].code)) == 0 &&
			zone_is_below(span_text(dnsbl->zone), excuses[i].zone))
			return true;
	return code[1] == 255 && code[2] == 255;
}

static bool pattern_has(const struct conf_code *pattern, const uint8_t code[4])
{
	for (size_t i = 0; i < 4; i++)
		if (code[i] < pattern->octet[i].low || code[i] > pattern->octet[i].high)
			return false;
	return true;
}

static bool codes_have(const struct conf_dnsbl *dnsbl, const uint8_t code[4])
{
	for (size_t i = 0; i < dnsbl->codes_len; i++)
		if (pattern_has(&dnsbl->codes[i], code))
			return true;
	return false;
}

/* 127.0.0.1 is nobody's listing, but for the few lists that use it and are configured with just
 * that code: then it was written by someone who knows. A range that happens to hold it
 * does not say so. */
static bool codes_name_one(const struct conf_dnsbl *dnsbl)
{
	static const uint8_t one[4] = {127, 0, 0, 1};

	for (size_t i = 0; i < dnsbl->codes_len; i++) {
		const struct conf_code *pattern = &dnsbl->codes[i];

		if (pattern_has(pattern, one) && pattern->octet[1].high == 0 &&
			pattern->octet[2].high == 0 && pattern->octet[3].low == 1 &&
			pattern->octet[3].high == 1)
			return true;
	}
	return false;
}

static bool code_is_wrong(const struct conf_dnsbl *dnsbl, struct ip ip, const uint8_t code[4])
{
	if (!ip_is_v4(ip) || code[0] != 127 || code_is_excuse(dnsbl, code))
		return true;
	return code[1] == 0 && code[2] == 0 && code[3] <= 1 && !codes_name_one(dnsbl);
}

enum dnsbl_reading dnsbl_read(const struct conf_dnsbl *dnsbl, const struct ip *addresses,
	size_t count, uint8_t ret_code[4])
{
	enum dnsbl_reading reading = DNSBL_CLEAN;

	for (size_t i = 0; i < count; i++) {
		const uint8_t *code = &addresses[i].b[12];
		bool wrong = code_is_wrong(dnsbl, addresses[i], code);

		if (!wrong && (reading == DNSBL_LISTED || !codes_have(dnsbl, code)))
			continue;
		reading = wrong ? DNSBL_BROKEN : DNSBL_LISTED;
		if (ret_code != NULL)
			memcpy(ret_code, code, 4);
		if (wrong)
			break;
	}
	return reading;
}

/* ---- health ---- */

enum dnsbl_state dnsbl_health_state(const struct dnsbl_health *health)
{
	if (health->suspended)
		return DNSBL_SUSPENDED;
	if (health->paused_until_ms != 0)
		return DNSBL_PAUSED;
	return health->tried ? DNSBL_HEALTHY : DNSBL_UNTRIED;
}

static bool health_changed(struct dnsbl_health *health, enum dnsbl_state before, int64_t now_s)
{
	enum dnsbl_state after = dnsbl_health_state(health);

	if (after == before)
		return false;
	health->since_s = now_s;
	return !(before == DNSBL_UNTRIED && after == DNSBL_HEALTHY); /* no news */
}

bool dnsbl_health_test(struct dnsbl_health *health, enum dnsbl_test test, int64_t now_s)
{
	enum dnsbl_state before = dnsbl_health_state(health);

	health->last_test = test;
	health->unheard = test == DNSBL_TEST_UNHEARD ? health->unheard + 1 : 0;
	if (test == DNSBL_TEST_UNHEARD)
		return false; /* nothing was learned */
	if (test == DNSBL_TEST_PASSED) {
		health->failures = 0;
		health->passes++;
		health->tried = true;
		health->paused_until_ms = 0;
		health->pause_ms = 0;
		health->errors = 0;
		if (health->passes >= DNSBL_PASSES_TO_RESTORE)
			health->suspended = false;
	} else {
		health->passes = 0;
		health->failures++;
		if (health->failures >= DNSBL_FAILURES_TO_SUSPEND)
			health->suspended = true;
	}
	return health_changed(health, before, now_s);
}

static int64_t pause_longer(int64_t pause_ms)
{
	if (pause_ms == 0)
		return DNSBL_PAUSE_FIRST_MS;
	return pause_ms * 2 < DNSBL_PAUSE_LONGEST_MS ? pause_ms * 2 : DNSBL_PAUSE_LONGEST_MS;
}

bool dnsbl_health_lookup(struct dnsbl_health *health, enum dnsbl_cause cause, bool answered,
	const struct dnsbl_times *now)
{
	enum dnsbl_state before = dnsbl_health_state(health);

	if (answered) {
		health->errors = 0;
		health->pause_ms = 0;
		health->paused_until_ms = 0;
	} else if (++health->errors >= DNSBL_ERRORS_TO_PAUSE &&
		   (health->paused_until_ms == 0 || cause == DNSBL_FOR_US)) {
		/* not for lookups that were under way when the pause began */
		health->pause_ms = pause_longer(health->pause_ms);
		health->paused_until_ms = now->ms + health->pause_ms;
	}
	return health_changed(health, before, now->s);
}

bool dnsbl_health_may_ask(const struct dnsbl_health *health)
{
	return !health->suspended && health->paused_until_ms == 0;
}

int64_t dnsbl_health_test_after_ms(const struct dnsbl_health *health)
{
	bool restoring = health->suspended && health->passes != 0;
	bool doubting = !health->suspended && health->failures != 0;

	if (health->unheard > 1)
		return DNSBL_TEST_UNHEARD_MS;
	if (restoring || doubting || health->unheard != 0)
		return DNSBL_TEST_AGAIN_MS;
	return health->suspended ? DNSBL_TEST_SUSPENDED_MS : DNSBL_TEST_EVERY_MS;
}

const char *dnsbl_state_name(enum dnsbl_state state)
{
	static const char *const names[] = {[DNSBL_UNTRIED] = "untried",
		[DNSBL_HEALTHY] = "healthy",
		[DNSBL_SUSPENDED] = "suspended",
		[DNSBL_PAUSED] = "paused"};

	return names[state];
}

bool dnsbl_test_is_fruitless(enum dnsbl_test test)
{
	return test == DNSBL_TEST_FILTERED || test == DNSBL_TEST_HOLLOW ||
	       test == DNSBL_TEST_SILENT || test == DNSBL_TEST_UNHEARD;
}

const char *dnsbl_test_text(enum dnsbl_test test)
{
	static const char *const texts[DNSBL_TEST_COUNT] = {
		[DNSBL_TEST_PASSED] = "passes its tests",
		[DNSBL_TEST_EMPTY] = "does not list 127.0.0.2: emptied or shut down",
		[DNSBL_TEST_FILTERED] =
			"the resolver keeps 127.0.0.0/8 away: 127.0.0.2 comes with its text, without an address",
		[DNSBL_TEST_HOLLOW] =
			"gives no address for 127.0.0.2: does the resolver keep 127.0.0.0/8 away?",
		[DNSBL_TEST_EVERYTHING] = "lists 127.0.0.1, so everything",
		[DNSBL_TEST_WRONG] =
			"answers with what is no listing: over quota, a public resolver, or a lost domain",
		[DNSBL_TEST_SILENT] = "does not answer",
		[DNSBL_TEST_UNHEARD] = "not found, and nothing else through the resolver"};

	return texts[test];
}
