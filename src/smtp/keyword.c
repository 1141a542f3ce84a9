/* SPDX-License-Identifier: ISC */
#include "smtp/keyword.h"

#include "base/macro.h"
#include "smtp/xclient.h"

static const struct keyword_row {
	const char *name;
	enum smtp_keyword keyword;
} rows[] = {
	{"PIPELINING", SMTP_PIPELINING},
	{"SIZE", SMTP_SIZE},
	{"8BITMIME", SMTP_8BITMIME},
	{"SMTPUTF8", SMTP_SMTPUTF8},
	{"ENHANCEDSTATUSCODES", SMTP_ENHANCEDSTATUSCODES},
	{"DSN", SMTP_DSN},
	{"CHUNKING", SMTP_CHUNKING},
	{"STARTTLS", SMTP_OFFERS_TLS},
};

const char *smtp_keyword_name(unsigned keyword)
{
	for (size_t i = 0; i < COUNTOF(rows); i++)
		if ((unsigned)rows[i].keyword == keyword)
			return rows[i].name;
	return NULL;
}

static void offer_add(struct smtp_offer *offer, struct span line)
{
	struct span rest = span_trim(line), name = span_split(&rest, ' ');
	uint64_t size = 0;

	if (span_equal_nocase(name, span_text("XCLIENT"))) {
		offer->xclient = smtp_xclient_attributes(rest);
		return;
	}
	for (size_t i = 0; i < COUNTOF(rows); i++) {
		if (span_equal_nocase(name, span_text(rows[i].name)))
			offer->keywords |= rows[i].keyword;
	}
	if (span_equal_nocase(name, span_text("SIZE")) &&
		span_parse_u64(span_trim(rest), UINT64_MAX, &size) == 0)
		offer->size = size;
}

void smtp_offer_parse(const struct smtp_reply *reply, struct smtp_offer *ret_offer)
{
	struct smtp_offer offer = {0};
	struct span text = reply->text;

	smtp_reply_line(&text); /* the first one is the server's name */
	for (size_t i = 1; i < reply->lines_len; i++)
		offer_add(&offer, smtp_reply_line(&text));
	*ret_offer = offer;
}

struct smtp_offer smtp_offer_intersect(const struct smtp_offer *backend, uint64_t our_size)
{
	struct smtp_offer offer = {
		.keywords = backend->keywords & SMTP_KEYWORDS_OURS, .size = backend->size};

	if (our_size != 0 && (offer.size == 0 || our_size < offer.size))
		offer.size = our_size;
	return offer;
}

void smtp_offer_print(const struct smtp_offer *offer, const char *hostname, struct buf *out)
{
	unsigned left = offer->keywords;

	buf_append_format(out, "250%c%s\r\n", left != 0 ? '-' : ' ', hostname);
	for (size_t i = 0; i < COUNTOF(rows); i++) {
		if ((left & rows[i].keyword) == 0)
			continue;
		left &= ~(unsigned)rows[i].keyword;
		buf_append_format(out, "250%c%s", left != 0 ? '-' : ' ', rows[i].name);
		if (rows[i].keyword == SMTP_SIZE && offer->size != 0)
			buf_append_format(out, " %llu", (unsigned long long)offer->size);
		buf_append_text(out, "\r\n");
	}
}
