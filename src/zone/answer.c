/* SPDX-License-Identifier: ISC */
#include "zone/answer.h"

#include "base/mem.h"
#include "dns/reply.h"
#include "zone/owner.h"
#include "zone/text.h"

/*
 * A name is answered in this order: is it ours; is it listed (or a test entry); does anything below it exist; else
 * NXDOMAIN. "Below it exists" is asked of the prefix that the name spells, so that resolvers which ask label by label
 * (RFC 9156) find the way down, and NXDOMAIN is never said above a listed address (RFC 8020).
 *
 * What is listed is what the view of this serial says. The time decides only the TTL: a listing whose end has come stays
 * until the keeper publishes its end, so that every server of a zone says the same for the same serial, and a clock that
 * jumps cannot empty a list.
 */
enum { SUBLIST_UNKNOWN = 0xff };

struct zone_place {
	int list;           /* in the view; -1: it does not hold this list */
	uint32_t view_mask; /* all sublists that have a code here, as places of the view */
	uint8_t place_of[SUBLISTS_MAX];   /* sublist of the table -> place in the view */
	uint8_t sublist_of[SUBLISTS_MAX]; /* and back */
};

struct zone_service {
	const struct zone_table *table;
	const struct view *view;
	uint32_t serial;
	struct zone_place places[]; /* one for each zone of the table */
};

static void place_find(struct zone_place *place, const struct zone *zone, const struct view *view)
{
	memset(place->place_of, SUBLIST_UNKNOWN, sizeof(place->place_of));
	memset(place->sublist_of, SUBLIST_UNKNOWN, sizeof(place->sublist_of));
	place->view_mask = 0;
	place->list = view_list_find(view, zone->list);
	for (size_t i = 0; place->list >= 0 && i < zone->sublists_len; i++) {
		int at = view_sublist_find(view, place->list, zone->sublists[i].name);

		if (at < 0)
			continue;
		place->place_of[i] = (uint8_t)at;
		place->sublist_of[at] = (uint8_t)i;
		place->view_mask |= 1U << at;
	}
}

struct zone_service *zone_service_new(const struct zone_table *table, const struct view *view)
{
	struct zone_service *service =
		mem_alloc(sizeof(*service) + table->zones_len * sizeof(service->places[0]));

	service->table = table;
	service->view = view;
	service->serial = view != NULL ? view_serial(view) : 0;
	for (size_t i = 0; view != NULL && i < table->zones_len; i++)
		place_find(&service->places[i], &table->zones[i], view);
	return service;
}

void zone_service_free(struct zone_service **service)
{
	mem_free(*service);
	*service = NULL;
}

/* ---- one question ---- */

/* What is being answered; lives for one call of zone_answer. */
struct asked {
	const struct zone_service *service;
	const struct zone *zone;
	const struct zone_place *place;
	const struct dns_query *query;
	struct owner owner;
	int64_t now_s;
};

/* The listings that answer: sublists of the table. */
struct found {
	size_t len;
	uint32_t ttl_s;
	uint8_t sublists[SUBLISTS_MAX];
	struct span reasons[SUBLISTS_MAX];
};

static void found_add(struct found *found, const struct asked *asked, unsigned sublist,
	int64_t until_s, struct span reason)
{
	int64_t left_s = until_s - asked->now_s;

	/* One TTL for the whole set (RFC 2181 section 5.2): that of what ends first. */
	if (until_s != 0 && left_s < found->ttl_s)
		found->ttl_s = left_s > 1 ? (uint32_t)left_s : 1;
	found->sublists[found->len] = (uint8_t)sublist;
	found->reasons[found->len] = reason;
	found->len++;
}

static void found_tests(struct found *found, const struct asked *asked, uint32_t mask)
{
	for (unsigned i = 0; i < asked->zone->sublists_len; i++) {
		if ((mask >> i & 1) != 0)
			found_add(found, asked, i, 0, span_text("test entry"));
	}
}

static void found_hits(
	struct found *found, const struct asked *asked, const struct hit *hits, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		unsigned sublist = asked->place->sublist_of[hits[i].sublist];

		if (sublist != SUBLIST_UNKNOWN && (asked->owner.within >> sublist & 1) != 0)
			found_add(found, asked, sublist, hits[i].until_s, hits[i].reason);
	}
}

static void asked_find_ip(const struct asked *asked, struct found *found)
{
	uint32_t tests = zone_test_ip(asked->zone, asked->owner.ip, asked->owner.within);
	struct hit hits[SUBLISTS_MAX];
	size_t count = 0;

	if (tests != 0) {
		found_tests(found, asked, tests);
	} else if (asked->place->list >= 0 && !zone_never_ip(asked->owner.ip)) {
		if (view_lookup_ip(asked->service->view, asked->place->list, asked->owner.ip, hits,
			    &count) != 0)
			found_hits(found, asked, hits, count);
	}
}

static void asked_find_domain(const struct asked *asked, struct found *found)
{
	struct span name = asked->owner.domain;
	struct hit hits[SUBLISTS_MAX];
	size_t count = 0;

	if (zone_test_domain(name)) {
		found_tests(found, asked, asked->owner.within);
	} else if (asked->place->list >= 0 && !zone_never_domain(name)) {
		if (view_lookup_domain(
			    asked->service->view, asked->place->list, name, hits, &count) != 0)
			found_hits(found, asked, hits, count);
	}
}

/* The places in the view of the sublists that are asked. */
static uint32_t asked_view_mask(const struct asked *asked)
{
	uint32_t mask = 0;

	if (asked->owner.within == asked->zone->all)
		return asked->place->view_mask;
	for (unsigned i = 0; i < asked->zone->sublists_len; i++) {
		if ((asked->owner.within >> i & 1) != 0 &&
			asked->place->place_of[i] != SUBLIST_UNKNOWN)
			mask |= 1U << asked->place->place_of[i];
	}
	return mask;
}

/* Whether something listed is below the name. */
static bool asked_has_below(const struct asked *asked)
{
	const struct owner *owner = &asked->owner;
	const struct view *view = asked->service->view;
	uint32_t mask;

	if (owner->nets_len == 0 && owner->domain.len == 0)
		return false;
	mask = asked_view_mask(asked);
	for (size_t i = 0; i < owner->nets_len; i++) {
		if (zone_test_within(asked->zone, owner->nets[i], owner->within))
			return true;
		if (mask != 0 && view_has_within(view, asked->place->list, owner->nets[i], mask))
			return true;
	}
	return owner->domain.len != 0 && mask != 0 && !zone_never_domain(owner->domain) &&
	       view_has_below(view, asked->place->list, owner->domain, mask);
}

/* ---- records ---- */

static size_t asked_apex_at(const struct asked *asked)
{
	const struct dns_query *query = asked->query;

	return DNS_HEADER_SIZE +
	       (size_t)query->label_at[query->labels_len - asked->zone->apex_labels];
}

static bool reply_soa(struct reply *reply, const struct asked *asked, uint32_t ttl_s)
{
	const struct zone *zone = asked->zone;
	uint8_t *rdata = reply_record(reply, asked_apex_at(asked), DNS_SOA, ttl_s, zone->soa.len);

	if (rdata == NULL)
		return false;
	memcpy(rdata, zone->soa.ptr, zone->soa.len);
	reply_put_u32(rdata + zone->soa_serial_at, asked->service->serial);
	return true;
}

/* A negative answer; the TTL of its SOA is how long it is believed (RFC 2308 section 5). */
static void reply_negative(struct reply *reply, const struct asked *asked, uint16_t rcode)
{
	reply->rcode = rcode;
	if (reply_soa(reply, asked, asked->zone->negative_ttl_s))
		reply->authorities++;
}

static void reply_servers(struct reply *reply, const struct asked *asked)
{
	for (size_t i = 0; i < asked->zone->servers_len; i++) {
		struct span name = dns_name_span(&asked->zone->servers[i]);
		uint8_t *rdata = reply_record(
			reply, asked_apex_at(asked), DNS_NS, asked->zone->ttl_s, name.len);

		if (rdata == NULL)
			return;
		memcpy(rdata, name.ptr, name.len);
		reply->answers++;
	}
}

static void reply_codes(struct reply *reply, const struct asked *asked, const struct found *found)
{
	for (size_t i = 0; i < found->len; i++) {
		uint8_t *rdata = reply_record(reply, DNS_HEADER_SIZE, DNS_A, found->ttl_s, 4);

		if (rdata == NULL)
			return;
		memcpy(rdata, asked->zone->sublists[found->sublists[i]].code.b + 12, 4);
		reply->answers++;
	}
}

static void reply_texts(struct reply *reply, const struct asked *asked, const struct found *found)
{
	for (size_t i = 0; i < found->len; i++) {
		const struct zone_sublist *sublist = &asked->zone->sublists[found->sublists[i]];
		struct span reason = found->reasons[i].len != 0 ? found->reasons[i] : sublist->text;
		uint8_t string[ZONE_TEXT_MAX];
		uint8_t *rdata;
		size_t len;

		len = zone_text(asked->service->table->portal_url, reason,
			asked->owner.has_ip ? &asked->owner.ip : NULL, asked->owner.domain, string);
		rdata = reply_record(reply, DNS_HEADER_SIZE, DNS_TXT, found->ttl_s, len + 1);
		if (rdata == NULL)
			return;
		rdata[0] = (uint8_t)len;
		memcpy(rdata + 1, string, len);
		reply->answers++;
	}
}

/* ANY gets one record set and no more, so that it is no lever for floods (RFC 8482 section 4.1). */
static void asked_answer_apex(const struct asked *asked, struct reply *reply)
{
	uint16_t type = asked->query->type;

	if (type == DNS_SOA || type == DNS_ANY) {
		if (reply_soa(reply, asked, asked->zone->ttl_s))
			reply->answers++;
	} else if (type == DNS_NS && asked->zone->servers_len != 0) {
		reply_servers(reply, asked);
	} else {
		reply_negative(reply, asked, DNS_NOERROR);
	}
}

static void asked_answer_listed(
	const struct asked *asked, const struct found *found, struct reply *reply)
{
	uint16_t type = asked->query->type;

	if (type == DNS_A || type == DNS_ANY)
		reply_codes(reply, asked, found);
	else if (type == DNS_TXT)
		reply_texts(reply, asked, found);
	else
		reply_negative(reply, asked, DNS_NOERROR);
}

static void asked_answer(struct asked *asked, struct reply *reply)
{
	struct found found;

	owner_parse(asked->zone, asked->query, &asked->owner);
	if (asked->owner.is_apex) {
		asked_answer_apex(asked, reply);
		return;
	}
	found.len = 0;
	found.ttl_s = asked->zone->ttl_s;
	if (asked->owner.has_ip)
		asked_find_ip(asked, &found);
	else if (asked->owner.domain.len != 0)
		asked_find_domain(asked, &found);
	if (found.len != 0)
		asked_answer_listed(asked, &found, reply);
	else if (asked->owner.is_sublist || asked_has_below(asked))
		reply_negative(reply, asked, DNS_NOERROR);
	else
		reply_negative(reply, asked, DNS_NXDOMAIN);
}

/* ---- the message ---- */

static void reply_refuse(struct reply *reply, uint16_t rcode, uint16_t ede)
{
	reply->rcode = rcode;
	reply->ede = ede;
}

static void answer_query(const struct zone_service *service, const struct dns_query *query,
	int64_t now_s, struct reply *reply)
{
	struct asked asked;

	if (query->edns.present && query->edns.version != 0) {
		reply_refuse(reply, DNS_BADVERS, 0);
		return;
	}
	asked.zone = query->class == DNS_IN ? owner_zone(service->table, query) : NULL;
	if (asked.zone == NULL) {
		reply_refuse(reply, DNS_REFUSED, DNS_EDE_NOT_AUTHORITATIVE);
		return;
	}
	if (query->type == DNS_AXFR || query->type == DNS_IXFR) {
		reply_refuse(reply, DNS_REFUSED, DNS_EDE_PROHIBITED);
		return;
	}
	if (service->view == NULL) {
		reply_refuse(reply, DNS_SERVFAIL, DNS_EDE_NOT_READY);
		return;
	}
	asked.service = service;
	asked.place = &service->places[asked.zone - service->table->zones];
	asked.query = query;
	asked.now_s = now_s;
	reply->flags |= DNS_FLAG_AA;
	asked_answer(&asked, reply);
}

static size_t answer_limit(const struct dns_query *query, enum dns_transport transport)
{
	if (transport == DNS_TCP)
		return DNS_ANSWER_TCP_MAX;
	if (!query->edns.present || query->edns.udp_size < DNS_UDP_PLAIN)
		return DNS_UDP_PLAIN; /* RFC 6891 section 6.2.3 */
	return query->edns.udp_size < DNS_ANSWER_UDP_MAX ? query->edns.udp_size
							 : DNS_ANSWER_UDP_MAX;
}

size_t zone_answer(const struct zone_service *service, struct span bytes,
	enum dns_transport transport, int64_t now_s, uint8_t *out)
{
	struct dns_query query;
	struct reply reply;
	int rcode;

	rcode = dns_query_decode(bytes, &query);
	if (rcode < 0)
		return 0;
	reply_init(&reply, &query, out, answer_limit(&query, transport));
	if (rcode == DNS_NOERROR)
		answer_query(service, &query, now_s, &reply);
	else
		reply.rcode = (uint16_t)rcode;
	return reply_finish(&reply);
}
