/* SPDX-License-Identifier: ISC */
#pragma once
/* The zone of each feed, in the role's own folder: so that a restart costs a difference and no
 * transfer. Written beside and renamed; a file that is damaged all the same is as good as none. */
#include "conf/conf.h"
#include "feed/zone.h"

/* Whose it is. */
struct feed_file {
	const struct conf *conf;
	const struct conf_feed *feed;
};

/* E_ABSENT; or damaged, as feed_zone_decode says. */
int feed_file_read(struct feed_file file, struct feed_zone **ret_zone, int64_t *ret_confirmed_s);
int feed_file_write(struct feed_file file, const struct feed_zone *zone, int64_t confirmed_s,
	struct fault *why);
/* The zone is still the newest. */
void feed_file_confirm(struct feed_file file, int64_t confirmed_s);
void feed_file_remove(struct feed_file file);
