/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include <stdio.h>

#include "resolve/shares.h"

enum { PLACES = 1000 };

static bool take(
	struct shares *shares, const char *client, const char *owned, struct place_hold *hold)
{
	struct dns_name name;
	struct ip ip;

	assert_int_equal(dns_name_parse(span_text(owned != NULL ? owned : "a.test"), &name), 0);
	if (client != NULL)
		assert_int_equal(ip_parse(span_text(client), &ip), 0);
	return shares_take(shares,
		&(struct resolver_question){.name = &name,
			.type = 1,
			.client = client != NULL ? &ip : NULL,
			.of_stranger = owned != NULL},
		hold);
}

static unsigned take_all(struct shares *shares, const char *client, const char *owned)
{
	struct place_hold hold;
	unsigned taken = 0;

	while (taken <= PLACES && take(shares, client, owned, &hold))
		taken++;
	return taken;
}

static void one_network_gets_a_fifth_and_leaves_the_rest(void **state)
{
	struct shares *shares = shares_new(PLACES);
	struct place_hold hold;

	(void)state;
	assert_int_equal(take_all(shares, "192.0.2.1", NULL), PLACES / 5);
	assert_false(take(shares, "192.0.2.99", NULL, &hold)); /* the same /24 */
	assert_true(take(shares, "198.51.100.1", NULL, &hold));
	assert_in_range(take_all(shares, "2001:db8::1", NULL), PLACES / 8, PLACES / 5);
	assert_false(take(shares, "2001:db8:0:ffff::1", NULL, &hold)); /* the same /48 */
	assert_true(take(shares, "2001:db8:1::1", NULL, &hold));
	shares_free(&shares);
}

static void a_hundred_networks_that_want_all_leave_places_for_the_next(void **state)
{
	struct shares *shares = shares_new(PLACES);
	struct place_hold hold;
	char client[32];

	(void)state;
	for (unsigned round = 0; round < 20; round++) /* they come side by side */
		for (unsigned i = 0; i < 100; i++) {
			snprintf(client, sizeof(client), "10.0.%u.1", i);
			take(shares, client, NULL, &hold);
		}
	for (unsigned i = 0; i < 8; i++) /* all that one client is asked about */
		assert_true(take(shares, "192.0.2.1", NULL, &hold));
	shares_free(&shares);
}

static void an_owner_of_names_has_one_share_from_all_networks(void **state)
{
	struct shares *shares = shares_new(PLACES);
	struct place_hold hold;
	unsigned taken = 0;
	char client[32], name[32];

	(void)state;
	for (unsigned i = 0; i < PLACES; i++) {
		snprintf(client, sizeof(client), "10.%u.%u.1", i / 256, i % 256);
		snprintf(name, sizeof(name), "h%u.x%u.Dead.test", i, i % 7);
		taken += take(shares, client, name, &hold);
	}
	assert_int_equal(taken, PLACES / 5);
	assert_true(take(shares, "10.0.0.1", "mail.good.test", &hold));
	shares_free(&shares);
}

/* Below "co.uk" anybody registers domains: one who takes all he gets leaves the rest to others. */
static void owners_below_a_public_suffix_are_apart(void **state)
{
	struct shares *shares = shares_new(PLACES);
	struct place_hold hold;
	char client[32];

	(void)state;
	for (unsigned i = 0; i < PLACES; i++) {
		snprintf(client, sizeof(client), "10.%u.%u.1", i / 256, i % 256);
		take(shares, client, i % 2 == 0 ? "a.Dead.co.uk" : "b.a.dead.CO.uk", &hold);
	}
	assert_false(take(shares, "192.0.2.1", "dead.co.uk", &hold));
	assert_true(take(shares, "192.0.2.1", "mail.good.co.uk", &hold));
	shares_free(&shares);
}

static void our_own_questions_have_always_a_place_and_all_are_given_back(void **state)
{
	struct shares *shares = shares_new(4);
	struct place_hold holds[8], hold;

	(void)state;
	assert_true(take(shares, "192.0.2.1", "a.test", &hold));
	for (unsigned i = 0; i < 8; i++)
		assert_true(take(shares, NULL, NULL, &holds[i]));
	assert_false(take(shares, "198.51.100.1", NULL, &holds[0]));
	for (unsigned i = 0; i < 8; i++)
		shares_give(shares, &holds[i]);
	shares_give(shares, &hold);
	assert_true(take(shares, "192.0.2.1", "a.test", &hold));
	shares_free(&shares);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_network_gets_a_fifth_and_leaves_the_rest),
		cmocka_unit_test(a_hundred_networks_that_want_all_leave_places_for_the_next),
		cmocka_unit_test(an_owner_of_names_has_one_share_from_all_networks),
		cmocka_unit_test(owners_below_a_public_suffix_are_apart),
		cmocka_unit_test(our_own_questions_have_always_a_place_and_all_are_given_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
