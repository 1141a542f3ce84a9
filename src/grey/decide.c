/* SPDX-License-Identifier: ISC */
#include "grey/decide.h"

#include "base/macro.h"
#include "grey/mailbox.h"

/* ---- keys ---- */

static struct grey_key key_of_one(
	const struct grey_secret *secret, enum grey_kind kind, struct span part)
{
	return grey_key_of(secret, kind, &part, 1);
}

static uint32_t network_of(const struct grey_secret *secret, struct ip client)
{
	struct prefix network = ip_network_of(client);

	return (uint32_t)key_of_one(secret, GREY_KIND_END, span_of(&network.ip, sizeof(network.ip)))
		.low;
}

static struct grey_key key_of_mail(const struct grey_secret *secret, enum grey_kind kind,
	const char *group, const struct grey_attempt *attempt)
{
	char sender[GREY_MAILBOX_SIZE], recipient[GREY_MAILBOX_SIZE];
	const struct span parts[] = {span_text(group), grey_sender_print(attempt->sender, sender),
		grey_recipient_print(attempt->recipient, recipient)};

	return grey_key_of(secret, kind, parts, COUNTOF(parts));
}

static bool key_of_domain(
	const struct grey_secret *secret, struct span domain, struct grey_key *ret_key)
{
	char text[DOMAIN_SIZE];
	struct span folded;

	if (!domain_fold(domain, text, &folded))
		return false;
	*ret_key = key_of_one(secret, GREY_WROTE, folded);
	return true;
}

void grey_keys_make(
	const struct greylist *list, const struct grey_attempt *attempt, struct grey_keys *ret_keys)
{
	const struct grey_secret *secret = &list->secret;
	char group[GREY_GROUP_SIZE], pool[GREY_GROUP_SIZE];
	enum grey_group_kind kind = grey_group_print(&attempt->client, group);
	struct grey_keys *k = ret_keys;

	*k = (struct grey_keys){.suspicion = attempt->suspicion,
		.triplet = key_of_mail(secret, GREY_TRIPLET, group, attempt),
		.group = key_of_one(secret, GREY_GROUP, span_text(group)),
		.network = network_of(secret, attempt->client.ip),
		.may_vouch = attempt->sender.len != 0};
	if (kind == GREY_GROUP_NETWORK && grey_pool_print(&attempt->client, pool)) {
		k->has_pool = true;
		k->sight = key_of_mail(secret, GREY_SIGHT, pool, attempt);
		k->pool = key_of_one(secret, GREY_POOL, span_text(pool));
	}
	if (kind == GREY_GROUP_SPF && k->may_vouch)
		k->has_wrote = key_of_domain(secret, attempt->client.spf_domain, &k->wrote);
}

/* ---- the decision ---- */

static bool group_is_allowed(const struct grey_entry *group)
{
	return group != NULL && group->passes >= GREY_GROUP_PASSES;
}

static int64_t waited(const struct grey_entry *entry, int64_t now_s)
{
	return entry->first_s < now_s ? now_s - entry->first_s : 0;
}

static bool wrote_counts(const struct grey_entry *wrote, int64_t now_s)
{
	return wrote != NULL && now_s - (int64_t)wrote->last_s < GREY_WROTE_S;
}

/* The attempt that this one repeats: its own group's, or one of its pool. */
static const struct grey_entry *entry_of(const struct grey_table *table,
	const struct grey_keys *keys, int64_t now_s, bool *ret_by_pool)
{
	const struct grey_entry *own = grey_table_find(table, keys->triplet, now_s), *sight;

	*ret_by_pool = false;
	if (!keys->has_pool || grey_table_find(table, keys->pool, now_s) == NULL ||
		(own != NULL && own->state == GREY_PASSED))
		return own;
	sight = grey_table_find(table, keys->sight, now_s);
	*ret_by_pool = sight != NULL;
	return sight != NULL ? sight : own;
}

static void decide_entry(
	const struct grey_entry *entry, int64_t delay_s, int64_t now_s, struct grey_decision *d)
{
	if (entry == NULL) {
		d->why = GREY_WHY_FIRST;
		d->wait_s = delay_s;
		return;
	}
	d->waited_s = waited(entry, now_s);
	if (entry->state == GREY_PASSED) {
		d->why = GREY_WHY_KNOWN;
	} else if (d->waited_s >= delay_s) {
		d->why = GREY_WHY_CAME_BACK;
	} else {
		d->why = GREY_WHY_EARLY;
		d->wait_s = delay_s - d->waited_s;
	}
}

void grey_decide(const struct greylist *list, const struct grey_keys *keys, int64_t now_s,
	struct grey_decision *ret_decision)
{
	const struct grey_table *table = list->table;
	const struct grey_entry *entry;

	*ret_decision = (struct grey_decision){.why = GREY_WHY_TRUSTED};
	if (keys->suspicion == 0 || list->delay_s == 0)
		return;
	if (keys->has_wrote && wrote_counts(grey_table_find(table, keys->wrote, now_s), now_s)) {
		ret_decision->why = GREY_WHY_WROTE;
		return;
	}
	if (group_is_allowed(grey_table_find(table, keys->group, now_s))) {
		ret_decision->why = GREY_WHY_GROUP;
		return;
	}
	entry = entry_of(table, keys, now_s, &ret_decision->by_pool);
	decide_entry(entry, list->delay_s * keys->suspicion, now_s, ret_decision);
}

/* ---- what is remembered of it ---- */

struct noting {
	struct greylist *list;
	const struct grey_keys *keys;
	uint32_t now_s;
};

static int remember(const struct noting *n, const struct grey_entry *entry)
{
	int r = grey_table_put(n->list->table, entry, n->now_s);

	if (r == 0)
		n->list->changes[n->list->changes_len++] = *entry;
	return r;
}

static struct grey_entry entry_new(
	const struct noting *n, enum grey_kind kind, struct grey_key key, enum grey_state state)
{
	return (struct grey_entry){.key = key,
		.first_s = n->now_s,
		.last_s = n->now_s,
		.network = n->keys->network,
		.kind = (uint8_t)kind,
		.state = (uint8_t)state};
}

/* The same message from two networks of one organization: that is a pool. The second attempt has to
 * come as late as a retry: many hosts that send at once are no server that tries again. */
static void note_sight(const struct noting *n, const struct grey_decision *decision)
{
	const struct grey_entry *sight = grey_table_find(n->list->table, n->keys->sight, n->now_s);
	struct grey_entry entry;

	if (sight == NULL) {
		entry = entry_new(n, GREY_SIGHT, n->keys->sight, GREY_WAITS);
		remember(n, &entry);
	} else if (sight->network != n->keys->network &&
		   waited(sight, n->now_s) >= decision->wait_s &&
		   grey_table_find(n->list->table, n->keys->pool, n->now_s) == NULL) {
		entry = entry_new(n, GREY_POOL, n->keys->pool, GREY_PASSED);
		remember(n, &entry);
	}
}

static void note_first(const struct noting *n, struct grey_decision *decision)
{
	struct grey_entry entry = entry_new(n, GREY_TRIPLET, n->keys->triplet, GREY_WAITS);

	if (n->keys->has_pool)
		note_sight(n, decision);
	if (remember(n, &entry) == 0)
		return;
	decision->why = GREY_WHY_FULL;
	decision->wait_s = 0;
}

static void note_passed(const struct noting *n, enum grey_kind kind, struct grey_key key)
{
	struct grey_entry entry = entry_new(n, kind, key, GREY_PASSED);

	remember(n, &entry);
}

static void note_group(const struct noting *n)
{
	const struct grey_entry *known = grey_table_find(n->list->table, n->keys->group, n->now_s);
	struct grey_entry entry = entry_new(n, GREY_GROUP, n->keys->group, GREY_PASSED);

	if (!n->keys->may_vouch)
		return;
	entry.passes = 1;
	if (known != NULL) {
		entry = *known;
		if (waited(known, n->now_s) >= GREY_GROUP_PASS_S) {
			entry.first_s = n->now_s;
			if (entry.passes < GREY_GROUP_PASSES)
				entry.passes++;
		}
		entry.last_s = n->now_s;
	}
	remember(n, &entry);
}

static void note_retry(const struct noting *n)
{
	note_passed(n, GREY_TRIPLET, n->keys->triplet);
	if (n->keys->has_pool)
		note_passed(n, GREY_SIGHT, n->keys->sight);
	note_group(n);
}

void grey_note(struct greylist *list, const struct grey_keys *keys, int64_t now_s,
	struct grey_decision *decision)
{
	const struct noting n = {list, keys, grey_time(now_s)};

	list->changes_len = 0;
	switch (decision->why) {
	case GREY_WHY_FIRST:
		note_first(&n, decision);
		return;
	case GREY_WHY_KNOWN:
	case GREY_WHY_CAME_BACK:
		note_retry(&n);
		return;
	case GREY_WHY_GROUP:
		note_group(&n);
		return;
	case GREY_WHY_TRUSTED:
	case GREY_WHY_WROTE:
	case GREY_WHY_FULL:
	case GREY_WHY_EARLY:
		return;
	}
}

void grey_note_wrote(struct greylist *list, struct span domain, int64_t now_s)
{
	const struct grey_keys keys = {0};
	const struct noting n = {list, &keys, grey_time(now_s)};
	struct grey_key key;

	list->changes_len = 0;
	if (key_of_domain(&list->secret, domain, &key))
		note_passed(&n, GREY_WROTE, key);
}

const char *grey_why_words(enum grey_why why)
{
	static const char *const words[] = {
		[GREY_WHY_TRUSTED] = "no suspicion",
		[GREY_WHY_WROTE] = "our users write to its domain",
		[GREY_WHY_GROUP] = "its group is known",
		[GREY_WHY_KNOWN] = "came back before",
		[GREY_WHY_CAME_BACK] = "came back",
		[GREY_WHY_FULL] = "no room to remember it",
		[GREY_WHY_FIRST] = "first attempt",
		[GREY_WHY_EARLY] = "came back early",
	};

	return words[why];
}
