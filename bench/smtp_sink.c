/* SPDX-License-Identifier: ISC */
/*
 * The mail server behind the gate, for the bench: takes every message for one domain and forgets it
 * (demo/mailbox.h).
 *
 *   smtp_sink 127.0.0.1:2526 example.net        takes mail for example.net, answers 554 for other
 *                                               domains
 */
#include <stdio.h>

#include "demo/mailbox.h"

int main(int argc, char **argv)
{
	struct demo_mailbox_settings settings = {
		.name = "sink", .xclient = "NAME ADDR PORT PROTO HELO"};
	struct loop *loop = loop_new();
	struct demo_mailbox *mailbox = NULL;
	struct fault why = {""};

	settings.domain = argc == 3 ? argv[2] : NULL;
	if (argc != 3 || endpoint_parse(span_text(argv[1]), &settings.endpoint, &why) < 0 ||
		demo_mailbox_new(loop, &settings, &mailbox, &why) < 0) {
		fprintf(stderr, "usage: smtp_sink ADDRESS:PORT DOMAIN %s\n", why.text);
		return 64;
	}
	loop_run(loop);
	return 0;
}
