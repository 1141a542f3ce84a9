/* SPDX-License-Identifier: ISC */
#include "resolve/shares.h"

#include "base/mem.h"
#include "base/public_suffix.h"
#include "resolve/cache.h"

enum { OWNER_LABELS = 2 };

struct shares {
	struct places *places;
	uint8_t owner_key[QUESTION_KEY];
};

struct shares *shares_new(size_t places)
{
	struct shares *shares = mem_new(shares);

	shares->places = places_new(places);
	question_key_draw(shares->owner_key);
	return shares;
}

void shares_free(struct shares **shares)
{
	if (*shares == NULL)
		return;
	places_free(&(*shares)->places);
	mem_free(*shares);
	*shares = NULL;
}

void shares_set_places(struct shares *shares, size_t places)
{
	places_set_count(shares->places, places);
}

unsigned shares_percent(const struct shares *shares)
{
	return places_percent(shares->places);
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
	return places_of_hash(
		question_hash(shares->owner_key, &(struct resolver_question){.name = &owner}));
}

bool shares_take(struct shares *shares, const struct resolver_question *question,
	struct place_hold *ret_hold)
{
	struct place_hold hold = {{0}};

	if (question->client != NULL)
		hold.shares[0] = places_of_client(shares->places, *question->client);
	if (question->of_stranger)
		hold.shares[1] = share_of_owner(shares, question->name);
	if (!places_take(shares->places, &hold))
		return false;
	*ret_hold = hold;
	return true;
}

void shares_give(struct shares *shares, const struct place_hold *hold)
{
	places_give(shares->places, hold);
}
