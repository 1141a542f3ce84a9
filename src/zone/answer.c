/* SPDX-License-Identifier: ISC */
#include "zone/answer.h"

#include "base/mem.h"
#include "dns/reply.h"
#include "zone/guard.h"
#include "zone/owner.h"
#include "zone/said.h"

/*
 * A name is answered in this order: is it ours; is it listed (or a test entry); does anything below it exist; else
 * NXDOMAIN. "Below it exists" is asked of the prefix that the name spells, so that resolvers which ask label by label
 * (RFC 9156) find the way down, and NXDOMAIN is never said above a listed address (RFC 8020).
 *
 * What is listed is what the view of this serial says. The time decides only the TTL: a listing whose end has come stays
 * until the keeper publishes its end, so that every server of a zone says the same for the same serial, and a clock that
 * jumps cannot empty a list.
 */
struct zone_service {
	const struct zone_table *table;
	const struct view *view;
	uint32_t serial;
	struct zone_place places[]; /* one for each zone of the table */
};

struct zone_service *zone_service_new(const struct zone_table *table, const struct view *view)
{
	struct zone_service *service =
		mem_alloc(sizeof(*service) + table->zones_len * sizeof(service->places[0]));

	service->table = table;
	service->view = view;
	service->serial = view != NULL ? view_serial(view) : 0;
	for (size_t i = 0; i < table->zones_len; i++)
		zone_place_find(&service->places[i], table, &table->zones[i], view);
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

/* One TTL for the whole set (RFC 2181 section 5.2): that of what ends first. */
static uint32_t asked_ttl_s(const struct asked *asked, const struct said *said)
{
	int64_t left_s = said->until_s - asked->now_s;

	if (said->until_s == 0 || left_s >= asked->zone->ttl_s)
		return asked->zone->ttl_s;
	return left_s > 1 ? (uint32_t)left_s : 1;
}

/* Whether something listed is below the name. */
static bool asked_has_below(const struct asked *asked)
{
	const struct owner *owner = &asked->owner;
	const struct view *view = asked->service->view;
	uint32_t mask;

	if (owner->nets_len == 0 && owner->domain.len == 0)
		return false;
	mask = zone_place_mask(asked->place, owner->within);
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

static void reply_codes(struct reply *reply, const struct asked *asked, const struct said *said)
{
	uint8_t codes[SUBLISTS_MAX][4];
	size_t len = said_codes(asked->place, said, codes);
	uint32_t ttl_s = asked_ttl_s(asked, said);

	for (size_t i = 0; i < len; i++) {
		uint8_t *rdata = reply_record(reply, DNS_HEADER_SIZE, DNS_A, ttl_s, 4);

		if (rdata == NULL)
			return;
		memcpy(rdata, codes[i], 4);
		reply->answers++;
	}
}

static struct shown asked_shown(const struct asked *asked, const struct said *said)
{
	const struct owner *owner = &asked->owner;

	if (!said_names_source(asked->place, said))
		return (struct shown){.is_net = false};
	return owner->has_ip ? said_shown_ip(asked->place, owner->ip, owner->within, said)
			     : said_shown_domain(asked->place, owner->domain, owner->within, said);
}

static void reply_texts(struct reply *reply, const struct asked *asked, const struct said *said)
{
	struct shown shown = asked_shown(asked, said);
	uint32_t ttl_s = asked_ttl_s(asked, said);
	struct said_texts texts;

	said_texts(asked->place, said, &shown, &texts);
	for (size_t i = 0; i < texts.len; i++) {
		size_t len = 1 + (size_t)texts.strings[i][0];
		uint8_t *rdata = reply_record(reply, DNS_HEADER_SIZE, DNS_TXT, ttl_s, len);

		if (rdata == NULL)
			return;
		memcpy(rdata, texts.strings[i], len);
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
	const struct asked *asked, const struct said *said, struct reply *reply)
{
	uint16_t type = asked->query->type;

	if (type == DNS_A || type == DNS_ANY)
		reply_codes(reply, asked, said);
	else if (type == DNS_TXT)
		reply_texts(reply, asked, said);
	else
		reply_negative(reply, asked, DNS_NOERROR);
}

static void asked_answer(const struct asked *asked, struct reply *reply)
{
	struct said said = {.len = 0};

	if (asked->owner.is_apex) {
		asked_answer_apex(asked, reply);
		return;
	}
	if (asked->owner.has_ip)
		said_at_ip(asked->place, asked->owner.ip, asked->owner.within, &said);
	else if (asked->owner.domain.len != 0)
		said_at_domain(asked->place, asked->owner.domain, asked->owner.within, &said);
	if (said.len != 0)
		asked_answer_listed(asked, &said, reply);
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

static void answer_query(const struct asked *asked, struct guard_turn *guard, struct reply *reply)
{
	const struct dns_query *query = asked->query;

	if (query->edns.present && query->edns.version != 0) {
		reply_refuse(reply, DNS_BADVERS, 0);
	} else if (asked->zone == NULL) {
		reply_refuse(reply, DNS_REFUSED, DNS_EDE_NOT_AUTHORITATIVE);
	} else if (query->type == DNS_AXFR || query->type == DNS_IXFR) {
		reply_refuse(reply, DNS_REFUSED, DNS_EDE_PROHIBITED);
	} else if (!guard_admit(guard, reply)) {
		/* refused, and reply says why */
	} else if (asked->service->view == NULL) {
		reply_refuse(reply, DNS_SERVFAIL, DNS_EDE_NOT_READY);
	} else {
		reply->flags |= DNS_FLAG_AA;
		asked_answer(asked, reply);
	}
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

/* ---- batches ---- */

/* A query between its reading and its answer. */
struct pending {
	int rcode; /* of the form of the message; negative: no answer is due */
	struct dns_query query;
	struct asked asked;
	struct guard_turn guard;
};

static void pending_read(struct pending *pending, const struct zone_service *service,
	struct guard_desk *desk, const struct dns_job *job, struct dns_now now)
{
	struct dns_query *query = &pending->query;
	struct asked *asked = &pending->asked;

	asked->service = service;
	asked->query = query;
	asked->zone = NULL;
	asked->now_s = now.s;
	pending->rcode = dns_query_decode(job->query, query);
	guard_open(&pending->guard, service->table->guard, desk, job, query, now);
	if (pending->rcode != DNS_NOERROR || query->class != DNS_IN)
		return;
	asked->zone = owner_zone(service->table, query);
	guard_find_key(&pending->guard,
		asked->zone != NULL ? (int)(asked->zone - service->table->zones) : GUARD_NO_ZONE);
	if (asked->zone == NULL)
		return;
	asked->place = &service->places[asked->zone - service->table->zones];
	owner_parse(asked->zone, query, pending->guard.key_labels, &asked->owner);
}

/* Asks for what the answer will read of the list. */
static void pending_prefetch(const struct pending *pending, unsigned step)
{
	const struct asked *asked = &pending->asked;
	const struct view *view = asked->service->view;

	if (asked->zone == NULL || view == NULL)
		return;
	if (asked->owner.has_ip)
		view_prefetch_ip(view, asked->place->list, asked->owner.ip, step);
	else if (asked->owner.domain.len != 0)
		view_prefetch_domain(view, asked->place->list, asked->owner.domain, step);
}

static size_t pending_answer(struct pending *pending, enum dns_transport transport, uint8_t *out)
{
	struct reply reply;

	if (pending->rcode < 0) {
		guard_count(&pending->guard, DNS_COUNT_DROPPED);
		return 0;
	}
	reply_init(&reply, &pending->query, out, answer_limit(&pending->query, transport));
	reply.rcode = (uint16_t)pending->rcode;
	if (guard_begin(&pending->guard, &reply) && pending->rcode == DNS_NOERROR)
		answer_query(&pending->asked, &pending->guard, &reply);
	return guard_end(&pending->guard, &reply);
}

/* Few enough that what is fetched for the last is still in the first cache when the last is answered. */
enum { GROUP = 16 };

void zone_answer_jobs(const struct zone_service *service, struct guard_desk *desk,
	struct dns_job *jobs, size_t jobs_len, struct dns_now now)
{
	struct pending pending[GROUP];
	size_t group;

	for (; jobs_len != 0; jobs += group, jobs_len -= group) {
		group = jobs_len < GROUP ? jobs_len : GROUP;
		for (size_t i = 0; i < group; i++)
			pending_read(&pending[i], service, desk, &jobs[i], now);
		for (unsigned step = 0; step < VIEW_FETCHES && group > 1; step++) {
			for (size_t i = 0; i < group; i++)
				pending_prefetch(&pending[i], step);
		}
		for (size_t i = 0; i < group; i++)
			jobs[i].out_len =
				pending_answer(&pending[i], jobs[i].transport, jobs[i].out);
	}
}

size_t zone_answer(const struct zone_service *service, struct span query,
	enum dns_transport transport, int64_t now_s, uint8_t *out)
{
	struct dns_job job = {.query = query, .transport = transport, .out = out};

	zone_answer_jobs(service, NULL, &job, 1, (struct dns_now){.s = now_s});
	return job.out_len;
}
