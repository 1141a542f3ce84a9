/* SPDX-License-Identifier: ISC */
#pragma once
/* Who calls in the demo, what is expected to become of each, and the play. One thread of its own,
 * beside the one that answers for mailbox and name server. */
#include <stdatomic.h>
#include <stdbool.h>

#include "demo/site.h"

enum { DEMO_NUMBER_SIZE = 16 };

struct demo_play {
	const struct demo_site *site;
	atomic_uint mails; /* in the mailbox so far */
	atomic_bool stop;  /* end before the next visitor */
	unsigned played;   /* these after the play */
	unsigned unexpected;
	char incident[DEMO_NUMBER_SIZE]; /* a number to look up; empty when nobody was refused */
};

size_t demo_visitors_count(void);

/* Fills the lists, lets all visitors call, prints a line for each, and looks at DNS and pages. */
void demo_visitors_play(struct demo_play *play);
