/* SPDX-License-Identifier: ISC */
#pragma once
/* A mail server to stand behind the gate, for the demo and the bench: takes mail for one domain and
 * throws it away. It knows XCLIENT, by which the gate tells it who the client is, and relays for
 * nobody, without which the gate would not start. Owner: the caller; one loop, one thread. */
#include <stdbool.h>

#include "base/err.h"
#include "base/ip.h"
#include "base/span.h"
#include "loop/loop.h"

struct demo_mailbox;

/* What arrived; spans live during the call. client is as the gate told it. */
struct demo_mail {
	struct span client, sender;
	size_t size;
};

struct demo_mailbox_settings {
	struct endpoint endpoint;
	const char *name;    /* its own */
	const char *domain;  /* the one that it takes mail for */
	const char *xclient; /* what it lists behind XCLIENT: "NAME ADDR" */
	void (*on_mail)(
		const struct demo_mail *mail, void *arg); /* before the answer 250; may be NULL */
	void *arg;
};

int demo_mailbox_new(struct loop *loop, const struct demo_mailbox_settings *settings,
	struct demo_mailbox **ret_mailbox, struct fault *why);
void demo_mailbox_free(struct demo_mailbox **mailbox);
