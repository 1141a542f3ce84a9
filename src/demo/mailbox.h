/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * The demo's mail server behind the gate: takes mail for one domain, counts it, and throws it away. It knows XCLIENT, by
 * which the gate tells it who the client is, and relays for nobody, without which the gate would not start. Owner: the
 * demo; one loop, one thread.
 */
#include <stdbool.h>

#include "base/err.h"
#include "base/ip.h"
#include "base/span.h"
#include "loop/loop.h"

struct demo_mailbox;

/* What arrived; spans live during the call. client is as the gate told it. */
struct demo_mail {
	struct span client;
	struct span sender;
	size_t size;
};

/* on_mail is called before the answer 250. */
int demo_mailbox_new(struct loop *loop, struct endpoint endpoint, const char *domain,
	void (*on_mail)(const struct demo_mail *mail, void *arg), void *arg,
	struct demo_mailbox **ret_mailbox, struct fault *why);
void demo_mailbox_free(struct demo_mailbox **mailbox);
