/* SPDX-License-Identifier: ISC */
#pragma once
/* What the files of loading share: load.c (table and tree to struct), check.c (what values mean
 * together). */
#include "conf/diagnostic.h"
#include "conf/settings.h"
#include "conf/tree.h"

struct loader {
	struct conf *conf;
	struct arena *arena; /* of the conf */
	struct diagnostics *diagnostics;
	const struct conf_tree *root;
};

/* Fills a zeroed conf from the tree and the defaults of the table; diagnostics say what is
 * wrong. */
void conf_fill(struct loader *loader);

/* Completes what is implied (all checks, the allow list, name servers) and checks what values mean
 * together. */
void conf_complete(struct loader *loader);
void conf_check_all(struct loader *loader);

/* Zones, codes, texts and name servers (check_zone.c). */
void conf_check_zones(struct loader *loader);

/* The parts of these that are about foreign lists (check_dnsbl.c) and feeds (check_feed.c). */
void conf_complete_dnsbls(struct loader *loader);
void conf_check_dnsbls(struct loader *loader);
void conf_complete_feeds(struct loader *loader);
void conf_check_feeds(struct loader *loader);
