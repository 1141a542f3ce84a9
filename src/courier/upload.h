/* SPDX-License-Identifier: ISC */
#pragma once
/* One change set on its way to the keeper. One loop, one thread. */
#include "bus/client.h"
#include "conf/conf.h"
#include "feed/set.h"
#include "feed/zone.h"

struct upload;

struct upload_plan {
	const struct conf *conf;
	const struct conf_feed *feed;
	const struct feed_zone *from; /* NULL: the whole of `to` */
	const struct feed_zone *to;   /* NULL: the feed expired */
};

/* error: of the keeper's answer, text its text. changed: sources. The upload may be freed in it. */
typedef void upload_done(int error, const char *text, uint32_t changed, void *arg);

/* Never calls done from inside. */
struct upload *upload_new(
	struct bus_client **bus, const struct upload_plan *plan, upload_done *done, void *arg);
void upload_free(struct upload **upload);
/* What the zone holds beside entries; of the last one that was sent. */
const struct feed_counts *upload_counts(const struct upload *upload);
