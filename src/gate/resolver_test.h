/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * Asks the site's resolver at the start and every hour (every minute while it is wrong) for a name
 * that cannot exist: a random one below .invalid (RFC 6761 section 6.4). A resolver that has an
 * address for it rewrites NXDOMAIN, and would have every client on every list. Owner: the gatherer.
 * One loop, one thread.
 */
#include "loop/loop.h"

struct resolver;
struct resolver_test;

enum { RESOLVER_TEST_EVERY_MS = 3600 * 1000, RESOLVER_TEST_AGAIN_MS = 60 * 1000 };

/* changed: never from inside a call. */
struct resolver_test *resolver_test_new(
	struct loop *loop, struct resolver *resolver, void (*changed)(void *arg), void *arg);
void resolver_test_free(struct resolver_test **test);
/* What the last answer showed; false before there was one. */
bool resolver_test_rewrites(const struct resolver_test *test);
