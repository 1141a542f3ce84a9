/* SPDX-License-Identifier: ISC */
#pragma once
/* The demo's other ends: a mail client that can misbehave, a DNS client, a browser. Blocking, with
 * a time limit; for the thread of the visitors. Each call opens a connection of its own. */
#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/ip.h"

/* One visitor's mail. */
struct demo_visit {
	const char *client; /* the address in the PROXY header */
	const char *helo, *sender, *recipient;
	bool early; /* says EHLO before it is greeted */
};

enum { DEMO_REPLY_SIZE = 1024 };

struct demo_reply {
	int code;
	char text[DEMO_REPLY_SIZE]; /* "550 5.7.25 Fix ...", the last line of a reply of several */
};

/* The first refusal, or the reply to the data. E_AWAY, E_TIMEOUT, E_CLOSED, E_PARSE. */
int demo_client_mail(
	struct endpoint gate, const struct demo_visit *visit, struct demo_reply *ret_reply);

/* Whether the answer to an A question has this address; by TCP when asked so. 1, 0, or E_... */
int demo_client_dns(struct endpoint server, const char *name, struct ip address, bool tcp);

/* Appends what the web server says to GET path, status line first. */
int demo_client_page(struct endpoint server, const char *path, struct buf *out);
