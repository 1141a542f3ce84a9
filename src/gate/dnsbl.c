/* SPDX-License-Identifier: ISC */
#include "gate/dnsbl.h"

#include "base/macro.h"
#include "catalogue/foreign_lists.h"
#include "conf/code.h"

static bool code_is_wrong(const struct conf_dnsbl *dnsbl, struct ip ip, const uint8_t code[4])
{
	if (!ip_is_v4(ip) || code[0] != 127 || foreign_code_is_error(span_text(dnsbl->zone), code))
		return true;
	if (code[1] != 0 || code[2] != 0)
		return false;
	return code[3] == 0 || (code[3] == 1 && !dnsbl->has_one);
}

/* The first address that the filter fits; NULL: none. */
static const uint8_t *filter_find(
	const struct conf_filter *filter, const struct ip *addresses, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (code_matches(&filter->code, &addresses[i].b[12]))
			return &addresses[i].b[12];
	return NULL;
}

/* Each filter counts once, whatever the number of addresses that it fits. */
static enum dnsbl_reading codes_weigh(const struct conf_dnsbl *dnsbl, const struct ip *addresses,
	size_t count, struct dnsbl_hit *ret_hit)
{
	enum dnsbl_reading reading = DNSBL_CLEAN;
	struct dnsbl_hit hit = {.weight = 0};
	bool shared = false; /* the weight of the entry */

	for (size_t i = 0; i < dnsbl->codes_len; i++) {
		const struct conf_filter *filter = &dnsbl->codes[i];
		const uint8_t *code = filter_find(filter, addresses, count);

		if (code == NULL)
			continue;
		if (reading == DNSBL_CLEAN)
			memcpy(hit.code, code, sizeof(hit.code));
		reading = DNSBL_LISTED;
		hit.weight += filter->has_weight ? filter->weight : 0;
		shared = shared || !filter->has_weight;
	}
	hit.weight += shared ? dnsbl->weight : 0;
	if (ret_hit != NULL && reading == DNSBL_LISTED)
		*ret_hit = hit;
	return reading;
}

enum dnsbl_reading dnsbl_read(const struct conf_dnsbl *dnsbl, const struct ip *addresses,
	size_t count, struct dnsbl_hit *ret_hit)
{
	for (size_t i = 0; i < count; i++) {
		const uint8_t *code = &addresses[i].b[12];

		if (!code_is_wrong(dnsbl, addresses[i], code))
			continue;
		if (ret_hit != NULL)
			memcpy(ret_hit->code, code, sizeof(ret_hit->code));
		return DNSBL_BROKEN;
	}
	return codes_weigh(dnsbl, addresses, count, ret_hit);
}

bool dnsbl_names_code(const struct conf_dnsbl *dnsbl, struct ip address)
{
	for (size_t i = 0; i < dnsbl->codes_len; i++)
		if (code_matches(&dnsbl->codes[i].code, &address.b[12]))
			return true;
	return false;
}

void dnsbl_add_weights(const struct conf_dnsbl *dnsbl, int may_add[2])
{
	bool shares = dnsbl->codes_len == 0;

	for (size_t i = 0; i < dnsbl->codes_len; i++) {
		const struct conf_filter *filter = &dnsbl->codes[i];

		if (filter->has_weight)
			may_add[filter->weight > 0] += filter->weight;
		shares = shares || !filter->has_weight;
	}
	if (shares)
		may_add[dnsbl->weight > 0] += dnsbl->weight;
}

enum dnsbl_test dnsbl_error_test(const uint8_t code[4])
{
	if (code[0] != 127)
		return DNSBL_TEST_WRONG;
	if (code[1] == 255 && code[2] == 255 && code[3] == 252)
		return DNSBL_TEST_MISSPELT;
	if (code[1] == 255 && code[2] == 255 && code[3] == 254)
		return DNSBL_TEST_PUBLIC;
	return DNSBL_TEST_QUOTA;
}

struct ip dnsbl_nobody_v4(uint64_t random)
{
	return ip_from_v4(0xc6120000 | (uint32_t)(random & 0x1ffff));
}

struct ip dnsbl_nobody_v6(uint64_t random)
{
	struct ip ip = {{0x20, 0x01, 0x0d, 0xb8}};

	for (int i = 4; i < 12; i++, random >>= 8)
		ip.b[i] = (uint8_t)random;
	ip.b[15] = 1;
	return ip;
}

/* ---- codes that no filter names ---- */

void dnsbl_unnamed_note(struct dnsbl_unnamed *unnamed, struct ip address)
{
	const uint8_t *code = &address.b[12];

	unnamed->answers++;
	for (size_t i = 0; i < unnamed->codes_len; i++)
		if (memcmp(unnamed->codes[i], code, 4) == 0)
			return;
	if (unnamed->codes_len < DNSBL_UNNAMED_MAX)
		memcpy(unnamed->codes[unnamed->codes_len++], code, 4);
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
		[DNSBL_TEST_NOBODY] = "lists addresses that nobody has, so everything",
		[DNSBL_TEST_MISSPELT] =
			"answers 127.255.255.252, that its zone is written wrongly: correct dnsbl[].zone",
		[DNSBL_TEST_PUBLIC] =
			"answers 127.255.255.254, that it does not serve public resolvers: let run.resolver be one of your own",
		[DNSBL_TEST_QUOTA] =
			"answers with an error code: over quota, or not registered; register with it, or ask through a resolver of your own",
		[DNSBL_TEST_WRONG] =
			"answers outside 127.0.0.0/8: its domain is lost, or the resolver rewrites answers",
		[DNSBL_TEST_DEAD] = "is known to have ended",
		[DNSBL_TEST_SILENT] = "does not answer",
		[DNSBL_TEST_UNHEARD] = "not found, and nothing else through the resolver"};

	return texts[test];
}
