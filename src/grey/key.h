/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * What a greylist remembers something by: 128 bits of a hash with a secret key. The table and its
 * file hold no address and no mailbox, and nobody outside can aim at a place in the table. Pure;
 * any thread.
 */
#include "base/ip.h"
#include "base/span.h"
#include "list/source.h"

enum { GREY_SECRET_SIZE = 16 };

struct grey_secret {
	uint8_t bytes[GREY_SECRET_SIZE];
};

/* What an entry is about; part of its key. */
enum grey_kind {
	GREY_TRIPLET = 1, /* group, sender and recipient */
	GREY_SIGHT,       /* organization of a generic name, sender, recipient: may teach a pool */
	GREY_GROUP,       /* has passed so many times */
	GREY_POOL,        /* an organization that sends one message from several networks */
	GREY_WROTE,       /* a domain that one of our users wrote to */
	GREY_KIND_END
};

struct grey_key {
	uint64_t high, low;
};

struct grey_client {
	struct ip ip;
	struct span spf_domain; /* that says the client is its own; empty: none */
	struct span name;       /* forward-confirmed; empty: none */
	unsigned v4_bits, v6_bits;
};

enum grey_group_kind {
	GREY_GROUP_SPF,
	GREY_GROUP_NAME,   /* the organization of a confirmed name */
	GREY_GROUP_NETWORK /* its address with those around it */
};

enum { GREY_GROUP_SIZE = DOMAIN_SIZE };

/* Whose attempts count as one: all who send for one domain, or have a name of one organization that
 * is not generic, or are neighbours. Prints it: "example.org", "192.0.2.0/24". */
enum grey_group_kind grey_group_print(const struct grey_client *client, char text[GREY_GROUP_SIZE]);
/* The organization of a confirmed but generic name, which may be a pool. False: none. */
bool grey_pool_print(const struct grey_client *client, char text[GREY_GROUP_SIZE]);

/* The parts may be empty; sender and recipient as grey/mailbox.h prints them. */
struct grey_key grey_key_of(const struct grey_secret *secret, enum grey_kind kind,
	const struct span *parts, size_t count);
