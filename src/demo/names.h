/* SPDX-License-Identifier: ISC */
#pragma once
/* The demo's name server: stands for the site's resolver and knows the visitors' names and one
 * blocklist that "somebody else" keeps. UDP on loopback. Owner: the demo; one thread. */
#include "base/err.h"
#include "base/ip.h"
#include "loop/loop.h"

struct demo_names;

/* *ret_endpoint: where it answers, a port chosen by the kernel. */
int demo_names_new(struct loop *loop, struct endpoint *ret_endpoint, struct demo_names **ret_names,
	struct fault *why);
void demo_names_free(struct demo_names **names);
