/* SPDX-License-Identifier: ISC */
#include "resolve/shares.h"

#include "base/hash.h"
#include "base/mem.h"
#include "base/public_suffix.h"
#include "resolve/cache.h"

enum { SHARES = 65536, PART_OF_FREE = 4, OWNER_LABELS = 2 };

struct shares {
	size_t places, taken;
	uint64_t client_key;
	uint8_t owner_key[QUESTION_KEY];
	uint32_t held[1 + SHARES]; /* by share, counted from 1 */
};

struct shares *shares_new(size_t places)
{
	struct shares *shares = mem_new(shares);

	shares->places = places;
	shares->client_key = hash_key();
	question_key_draw(shares->owner_key);
	return shares;
}

void shares_free(struct shares **shares)
{
	mem_free(*shares);
	*shares = NULL;
}

static uint32_t share_of_hash(uint64_t hash)
{
	return 1 + (uint32_t)(hash % SHARES);
}

static void name_tail(const struct dns_name *name, unsigned labels, struct dns_name *ret_tail)
{
	const uint8_t *at = name->wire;

	for (unsigned skip = dns_name_label_count(name); skip > labels; skip--)
		at += 1 + *at;
	ret_tail->len = (uint8_t)(name->len - (at - name->wire));
	memcpy(ret_tail->wire, at, ret_tail->len);
	dns_name_lower(ret_tail);
}

static bool name_is_public_suffix(const struct dns_name *name)
{
	char text[DNS_NAME_TEXT_SIZE];

	return public_suffix_is(span_text(dns_name_print(name, text)));
}

/* "mail.a.bad.example": "bad.example" is one owner; "mail.bad.co.uk": "bad.co.uk". */
static uint32_t share_of_owner(const struct shares *shares, const struct dns_name *name)
{
	unsigned total = dns_name_label_count(name);
	struct dns_name owner;
	unsigned labels = OWNER_LABELS;

	name_tail(name, labels, &owner);
	while (labels < total && name_is_public_suffix(&owner))
		name_tail(name, ++labels, &owner);
	return share_of_hash(
		question_hash(shares->owner_key, &(struct resolver_question){.name = &owner}));
}

static bool share_has_room(const struct shares *shares, uint32_t share)
{
	size_t free = shares->taken < shares->places ? shares->places - shares->taken : 0;
	size_t most = free >= PART_OF_FREE ? free / PART_OF_FREE : free;

	return share == 0 || shares->held[share] < most;
}

static void shares_add(struct shares *shares, const struct share_hold *hold, int number)
{
	shares->taken += (size_t)number;
	shares->held[hold->client] += (uint32_t)number;
	shares->held[hold->owner] += (uint32_t)number;
}

bool shares_take(struct shares *shares, const struct resolver_question *question,
	struct share_hold *ret_hold)
{
	struct share_hold hold = {0};

	if (question->client != NULL)
		hold.client = share_of_hash(
			hash_ip(shares->client_key, ip_network_of(*question->client).ip, 0));
	if (question->of_stranger)
		hold.owner = share_of_owner(shares, question->name);
	if (!share_has_room(shares, hold.client) || !share_has_room(shares, hold.owner))
		return false;
	shares_add(shares, &hold, 1);
	*ret_hold = hold;
	return true;
}

void shares_give(struct shares *shares, const struct share_hold *hold)
{
	shares_add(shares, hold, -1);
}
