/* SPDX-License-Identifier: ISC */
#pragma once
/* The demo's site: a temporary folder, free ports, a configuration, and `stockade run` below it.
 * All on loopback, and gone at the end. Owner: the demo; main thread, but for demo_site_verb. */
#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/ip.h"
#include "loop/loop.h"

enum { DEMO_PATH_SIZE = 64 };

struct demo_site {
	char folder[DEMO_PATH_SIZE], conf_path[2 * DEMO_PATH_SIZE], log_path[2 * DEMO_PATH_SIZE];
	struct endpoint gate, mailbox, dns, pages;
	struct endpoint plain; /* the gate without PROXY, for who sits here; port 0: no IPv6 here */
	/* of the demo's name server; set by the caller before demo_site_write */
	struct endpoint names;
	pid_t supervisor; /* 0: not running */
	int notify_fd;    /* where it says that it is ready (sd_notify(3)) */
};

/* Makes the folder and chooses ports: 2525, 2526, 2527, 5300, 8460, or the next free ones. */
int demo_site_init(struct demo_site *site, struct fault *why);
/* Removes the folder, unless keep. */
void demo_site_done(struct demo_site *site, bool keep);

int demo_site_write(const struct demo_site *site, struct fault *why);
/* `stockade run`; its log goes into the folder. */
int demo_site_start(struct demo_site *site, struct fault *why);
/* Whether it says so in what has come on notify_fd. */
bool demo_site_is_ready(const struct demo_site *site);

/* Runs a verb of this program with the site's configuration ("list", "add", ..., NULL) and waits;
 * its exit code. Its words go into the log. Any thread. */
int demo_site_verb(const struct demo_site *site, const char *const *words);

/* Copies the log to stderr: what a person needs when the demo went wrong. */
void demo_site_show_log(const struct demo_site *site);
