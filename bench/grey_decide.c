/* SPDX-License-Identifier: ISC */
/*
 * What a decision of the greylist costs, with its keys and what is noted, and the memory of a
 * triplet: `grey_decide [TRIPLETS]`, a million otherwise. Each triplet is new in the first round
 * and comes back late enough in the second.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/hash.h"
#include "grey/decide.h"

enum { NOW = 1700000000, DELAY_S = 300, ROUNDS = 2 };

static double cpu_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void attempt(struct greylist *list, uint64_t number, int64_t now_s)
{
	uint64_t hash = hash_mix(number + 1);
	char sender[64], recipient[64];
	struct grey_attempt a = {
		.client = {.ip = ip_from_v4((uint32_t)hash), .v4_bits = 24, .v6_bits = 64},
		.suspicion = 1};
	struct grey_decision decision;
	struct grey_keys keys;

	snprintf(sender, sizeof(sender), "user-%c%c%c@host%c%c.example", 'a' + (int)(hash % 26),
		'a' + (int)(hash / 26 % 26), 'a' + (int)(hash / 676 % 26),
		'a' + (int)(hash / 17576 % 26), 'a' + (int)(hash / 456976 % 26));
	snprintf(recipient, sizeof(recipient), "box%d@here.example", (int)(number % 5000));
	a.sender = span_text(sender);
	a.recipient = span_text(recipient);
	grey_keys_make(list, &a, &keys);
	grey_decide(list, &keys, now_s, &decision);
	grey_note(list, &keys, now_s, &decision);
}

int main(int argc, char **argv)
{
	uint64_t triplets = argc == 2 ? strtoull(argv[1], NULL, 10) : 1000000;
	const struct grey_limits limits = {.entries = triplets + triplets / 5 + 1,
		.network = triplets,
		.retry_within_s = 86400,
		.remember_s = 36 * 86400};
	struct greylist list = {.table = grey_table_new(&limits), .delay_s = DELAY_S};

	for (int round = 0; round < ROUNDS; round++) {
		double before = cpu_s();

		for (uint64_t i = 0; i < triplets; i++)
			attempt(&list, i, NOW + round * 2 * DELAY_S);
		printf("%s: %.2f us of CPU each; %zu entries, %zu octets each\n",
			round == 0 ? "new" : "back", (cpu_s() - before) * 1e6 / (double)triplets,
			grey_table_count(list.table),
			grey_table_memory(list.table) / grey_table_count(list.table));
	}
	grey_table_free(&list.table);
	return 0;
}
