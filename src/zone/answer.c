/* SPDX-License-Identifier: ISC */
#include "zone/answer.h"

#include "base/mem.h"
#include "dns/reply.h"
#include "zone/guard.h"
#include "zone/match.h"
#include "zone/qname.h"

/*
 * A name is answered in this order: is it ours; is it listed (or a test entry); does anything below
 * it exist; else NXDOMAIN. "Below it exists" is asked of the prefix that the name spells, so that
 * resolvers which ask label by label (RFC 9156) find the way down, and NXDOMAIN is never said above
 * a listed address (RFC 8020).
 *
 * What is listed is what the view of this serial says. The time decides only the TTL: a listing
 * whose end has come stays until the keeper publishes its end, so that every server of a zone says
 * the same for the same serial, and a clock that jumps cannot empty a list.
 */
enum { GLUE_MAX = 28 }; /* an AAAA record */

struct zone_service {
	const struct dns_rules *rules;
	struct guard_worker *worker;
	const struct view *view;
	uint32_t serial;
	struct zone_binding bindings[]; /* one for each zone of the table */
};

struct zone_service *zone_service_new(
	const struct dns_rules *rules, const struct view *view, struct guard_worker *worker)
{
	const struct zone_table *table = rules->table;
	struct zone_service *service =
		mem_alloc(sizeof(*service) + table->zones_len * sizeof(service->bindings[0]));

	service->rules = rules;
	service->worker = worker;
	service->view = view;
	service->serial = view != NULL ? view_serial(view) : 0;
	for (size_t i = 0; i < table->zones_len; i++)
		zone_bind(&service->bindings[i], table, &table->zones[i], view);
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
	const struct zone_binding *binding;
	const struct dns_query *query;
	struct zone_qname qname;
	enum dns_transport transport;
	int64_t now_s;
	struct dns_request *request;
	const struct tsig_exchange *exchange; /* verified; NULL: not signed */
};

/* One TTL for the whole set (RFC 2181 section 5.2): that of what ends first. */
static uint32_t asked_ttl_s(const struct asked *asked, const struct zone_match *match)
{
	int64_t left_s = match->until_s - asked->now_s;

	if (match->until_s == 0 || left_s >= asked->zone->ttl_s)
		return asked->zone->ttl_s;
	return left_s > 1 ? (uint32_t)left_s : 1;
}

/* Whether something listed is below the name. */
static bool asked_has_below(const struct asked *asked)
{
	const struct zone_qname *qname = &asked->qname;

	for (size_t i = 0; i < qname->nets_len; i++) {
		if (zone_binding_has_within(asked->binding, qname->nets[i], qname->within))
			return true;
	}
	return qname->domain.len != 0 &&
	       zone_binding_has_below(asked->binding, qname->domain, qname->within);
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
	reply_put_u32(rdata + zone->soa.len - 4, asked->binding->negative_ttl_s);
	return true;
}

/* A negative answer; the TTL of its SOA is how long it is believed (RFC 2308 section 5). */
static void reply_negative(struct reply *reply, const struct asked *asked, uint16_t rcode)
{
	reply->rcode = rcode;
	if (reply_soa(reply, asked, asked->binding->negative_ttl_s))
		reply->authorities++;
}

/* Records of a host: of one type, or (0) of both. */
struct host_records {
	const struct zone_host *host;
	size_t name_at; /* of the host, in the message */
	uint16_t type;
};

/* Into one section, which is counted; false: they do not fit. */
static bool reply_host(struct reply *reply, const struct asked *asked,
	const struct host_records *records, uint16_t *count)
{
	const struct zone_host *host = records->host;

	for (size_t i = 0; i < host->ips_len; i++) {
		bool is_v4 = ip_is_v4(host->ips[i]);
		uint16_t of = is_v4 ? DNS_A : DNS_AAAA;
		uint8_t *rdata;

		if (records->type != 0 && records->type != of)
			continue;
		rdata = reply_record(
			reply, records->name_at, of, asked->binding->ttl_s, is_v4 ? 4 : 16);
		if (rdata == NULL)
			return false;
		memcpy(rdata, host->ips[i].b + (is_v4 ? 12 : 0), is_v4 ? 4 : 16);
		(*count)++;
	}
	return true;
}

/* A name server inside the zone is found by its addresses beside the NS records; what does not fit
 * there can be asked. */
static void reply_glue(struct reply *reply, const struct asked *asked, const size_t *server_at)
{
	const struct zone *zone = asked->zone;

	for (size_t i = 0; i < zone->servers_len; i++) {
		for (size_t k = 0; k < zone->hosts_len; k++) {
			const struct zone_host *host = &zone->hosts[k];

			if (dns_name_equal(&host->name, &zone->servers[i]) &&
				reply_has_room(reply, host->ips_len * GLUE_MAX))
				reply_host(reply, asked,
					&(struct host_records){host, server_at[i], 0},
					&reply->additionals);
		}
	}
}

static void reply_servers(struct reply *reply, const struct asked *asked)
{
	size_t server_at[ZONE_SERVERS_MAX];

	for (size_t i = 0; i < asked->zone->servers_len; i++) {
		struct span name = dns_name_span(&asked->zone->servers[i]);
		uint8_t *rdata = reply_record(
			reply, asked_apex_at(asked), DNS_NS, asked->binding->ttl_s, name.len);

		if (rdata == NULL)
			return;
		server_at[i] = (size_t)(rdata - reply->out);
		memcpy(rdata, name.ptr, name.len);
		reply->answers++;
	}
	reply_glue(reply, asked, server_at);
}

static void reply_codes(
	struct reply *reply, const struct asked *asked, const struct zone_match *match)
{
	uint8_t codes[ZONE_SUBLISTS_MAX][4];
	size_t len = match_a_records(asked->binding, match, codes);
	uint32_t ttl_s = asked_ttl_s(asked, match);

	for (size_t i = 0; i < len; i++) {
		uint8_t *rdata = reply_record(reply, DNS_HEADER_SIZE, DNS_A, ttl_s, 4);

		if (rdata == NULL)
			return;
		memcpy(rdata, codes[i], 4);
		reply->answers++;
	}
}

/* A TXT record of one string behind its length octet. */
static void reply_string(struct reply *reply, size_t name_at, uint32_t ttl_s, struct span string)
{
	uint8_t *rdata = reply_record(reply, name_at, DNS_TXT, ttl_s, string.len);

	if (rdata == NULL)
		return;
	memcpy(rdata, string.ptr, string.len);
	reply->answers++;
}

static struct text_subject asked_subject(const struct asked *asked, const struct zone_match *match)
{
	const struct zone_qname *qname = &asked->qname;

	if (!match_names_source(asked->binding, match))
		return (struct text_subject){.is_net = false};
	return qname->has_ip
		       ? match_subject_ip(asked->binding, qname->ip, qname->within, match)
		       : match_subject_domain(asked->binding, qname->domain, qname->within, match);
}

static void reply_texts(
	struct reply *reply, const struct asked *asked, const struct zone_match *match)
{
	struct text_subject subject = asked_subject(asked, match);
	uint32_t ttl_s = asked_ttl_s(asked, match);
	struct match_txt texts;

	match_txt(asked->binding, match, &subject, &texts);
	for (size_t i = 0; i < texts.len; i++)
		reply_string(reply, DNS_HEADER_SIZE, ttl_s,
			span_of(texts.strings[i], 1 + (size_t)texts.strings[i][0]));
}

/* The longest answer that a short query can draw, so datagrams of it stay small: the rest is told
 * over TCP. */
static void reply_apex_txt(struct reply *reply, const struct asked *asked)
{
	const struct zone *zone = asked->zone;
	uint8_t string[1 + ZONE_TEXT_MAX];
	size_t ends = 0;
	size_t len;

	if (asked->transport == DNS_UDP && reply->limit > DNS_UDP_PLAIN)
		reply->limit = DNS_UDP_PLAIN;
	for (size_t i = 0; i < zone->apex_txt_len; i++)
		reply_string(reply, asked_apex_at(asked), asked->binding->ttl_s, zone->apex_txt[i]);
	while ((len = zone_binding_end_txt(asked->binding, ends++, string)) != 0)
		reply_string(
			reply, asked_apex_at(asked), asked->binding->ttl_s, span_of(string, len));
}

/* ANY gets one record set and no more, so that it is no lever for floods (RFC 8482 section 4.1). */
static void asked_answer_apex(const struct asked *asked, struct reply *reply)
{
	const struct zone *zone = asked->zone;
	uint16_t type = asked->query->type;

	if (type == DNS_SOA || type == DNS_ANY) {
		if (reply_soa(reply, asked, asked->binding->ttl_s))
			reply->answers++;
	} else if (type == DNS_NS && zone->servers_len != 0) {
		reply_servers(reply, asked);
	} else if (type == DNS_TXT && zone->apex_txt_len != 0) {
		reply_apex_txt(reply, asked);
	} else {
		reply_negative(reply, asked, DNS_NOERROR);
	}
}

static void asked_answer_host(const struct asked *asked, struct reply *reply)
{
	struct host_records records = {asked->qname.host, DNS_HEADER_SIZE, asked->query->type};

	if (records.type == DNS_ANY)
		records.type = ip_is_v4(records.host->ips[0]) ? DNS_A : DNS_AAAA;
	if (records.type != DNS_A && records.type != DNS_AAAA)
		reply_negative(reply, asked, DNS_NOERROR);
	else if (reply_host(reply, asked, &records, &reply->answers) && reply->answers == 0)
		reply_negative(reply, asked, DNS_NOERROR);
}

static void asked_answer_listed(
	const struct asked *asked, const struct zone_match *match, struct reply *reply)
{
	uint16_t type = asked->query->type;

	if (type == DNS_A || type == DNS_ANY)
		reply_codes(reply, asked, match);
	else if (type == DNS_TXT)
		reply_texts(reply, asked, match);
	else
		reply_negative(reply, asked, DNS_NOERROR);
}

static void asked_answer(const struct asked *asked, struct reply *reply)
{
	const struct zone_qname *qname = &asked->qname;
	struct zone_match match;

	match.len = 0;
	if (qname->has_ip)
		match_at_ip(asked->binding, qname->ip, qname->within, &match);
	else if (qname->domain.len != 0)
		match_at_domain(asked->binding, qname->domain, qname->within, &match);
	if (match.len != 0)
		asked_answer_listed(asked, &match, reply);
	else if (qname->is_apex)
		asked_answer_apex(asked, reply);
	else if (qname->host != NULL)
		asked_answer_host(asked, reply);
	else if ((qname->is_list && (qname->within & asked->binding->alive) != 0) ||
		 asked_has_below(asked))
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

static struct zone_transfer_query asked_transfer(
	const struct asked *asked, const struct tsig_exchange *exchange)
{
	return (struct zone_transfer_query){
		.zone = asked->zone,
		.serial = asked->service->serial,
		.query = asked->query,
		.exchange = exchange,
		.request = asked->request,
	};
}

static void answer_transfer(const struct asked *asked, struct reply *reply)
{
	const struct zone_transfers *transfers = asked->service->rules->transfers;
	struct zone_transfer_query transfer = asked_transfer(asked, asked->exchange);

	if (!asked->qname.is_apex)
		reply_refuse(reply, DNS_REFUSED, DNS_EDE_NOT_AUTHORITATIVE);
	else if (transfers == NULL)
		reply_refuse(reply, DNS_REFUSED, DNS_EDE_PROHIBITED);
	else
		transfers->calls->answer(transfers, &transfer, reply);
}

/* Who has signed is known, and asked for by dns.transfer-to: a secondary that looks for a newer
 * serial. */
static void answer_query(const struct asked *asked, struct guard_query *guard, struct reply *reply)
{
	const struct dns_query *query = asked->query;

	if (query->edns.present && query->edns.version != 0) {
		reply_refuse(reply, DNS_BADVERS, 0);
	} else if (asked->zone == NULL) {
		reply_refuse(reply, DNS_REFUSED, DNS_EDE_NOT_AUTHORITATIVE);
	} else if (query->type == DNS_AXFR || query->type == DNS_IXFR) {
		answer_transfer(asked, reply);
	} else if (asked->exchange == NULL && !guard_admit(guard, reply)) {
		/* refused, and reply says why */
	} else if (asked->service->view == NULL) {
		reply_refuse(reply, DNS_SERVFAIL, DNS_EDE_NOT_READY);
	} else {
		reply->flags |= DNS_FLAG_AA;
		asked_answer(asked, reply);
	}
}

/* ---- batches ---- */

/* A query between its reading and its answer. */
struct pending {
	int rcode; /* of the form of the message; negative: no answer is due */
	struct dns_query query;
	struct asked asked;
	struct guard_query guard;
};

static void pending_read(struct pending *pending, const struct zone_service *service,
	struct dns_request *request, struct dns_now now)
{
	struct dns_query *query = &pending->query;
	struct asked *asked = &pending->asked;
	const struct zone_table *table = service->rules->table;

	asked->service = service;
	asked->query = query;
	asked->zone = NULL;
	asked->request = request;
	asked->exchange = NULL;
	asked->transport = request->transport;
	asked->now_s = now.s;
	pending->rcode = dns_query_decode(request->query, query);
	pending->guard.request = request;
	pending->guard.dns = query;
	pending->guard.now = now;
	guard_open(&pending->guard, service->rules->guard, service->worker);
	if (pending->rcode != DNS_NOERROR || query->class != DNS_IN)
		return;
	asked->zone = zone_of_qname(table, query);
	guard_find_key(&pending->guard,
		asked->zone != NULL ? (int)(asked->zone - table->zones) : GUARD_NO_ZONE);
	if (asked->zone == NULL)
		return;
	asked->binding = &service->bindings[asked->zone - table->zones];
	zone_qname_parse(asked->zone, query, pending->guard.key_labels, &asked->qname);
}

/* Asks for what the answer will read of the list. */
static void pending_prefetch(const struct pending *pending, unsigned step)
{
	const struct asked *asked = &pending->asked;
	const struct view *view = asked->service->view;

	if (asked->zone == NULL || view == NULL)
		return;
	for (size_t i = 0; i < asked->binding->lists_len; i++) {
		int list = asked->binding->lists[i].view_list;

		if (asked->qname.has_ip)
			view_prefetch_ip(view, list, asked->qname.ip, step);
		else if (asked->qname.domain.len != 0)
			view_prefetch_domain(view, list, asked->qname.domain, step);
	}
}

static size_t pending_finish(struct pending *pending, struct reply *reply)
{
	if (pending->asked.request->multi == NULL)
		return guard_end(&pending->guard, reply);
	guard_count(&pending->guard, DNS_COUNT_TRANSFERS);
	return 0;
}

/* A query that is signed gets an answer that is signed (RFC 8945 section 5.3), of which the rest
 * has to leave room. */
static size_t pending_answer_signed(struct pending *pending, size_t limit, struct dns_now now)
{
	enum { LEAST = 64 }; /* beside the question: header, OPT, cookie */
	static const struct tsig_keys no_keys = {0};
	const struct zone_transfers *transfers = pending->asked.service->rules->transfers;
	struct dns_request *request = pending->asked.request;
	struct tsig_exchange exchange;
	const struct tsig_keys *keys = transfers != NULL ? &transfers->keys : &no_keys;
	struct zone_transfer_query bad;
	struct reply reply;
	size_t room, len;
	int rcode;

	rcode = tsig_verify_query(&exchange,
		&(struct tsig_signed){request->query, pending->query.tsig_at}, keys, now.s);
	room = tsig_room(&exchange);
	if (room + pending->query.question.len + LEAST > limit) {
		tsig_begin(&exchange, NULL); /* a datagram cannot hold the names of the key */
		rcode = DNS_FORMERR;
		room = 0;
	}
	if (rcode == DNS_NOERROR) {
		pending->asked.exchange = &exchange;
	} else if (rcode == DNS_NOTAUTH && pending->asked.zone != NULL && transfers != NULL) {
		bad = asked_transfer(&pending->asked, &exchange);
		transfers->calls->on_bad_signature(transfers, &bad);
	}
	reply_init(&reply, &pending->query, request->out, limit - room);
	reply.rcode = (uint16_t)(rcode != DNS_NOERROR ? rcode : pending->rcode);
	if (guard_begin(&pending->guard, &reply) && reply.rcode == DNS_NOERROR)
		answer_query(&pending->asked, &pending->guard, &reply);
	len = pending_finish(pending, &reply);
	return len != 0 ? tsig_sign(&exchange, &(struct tsig_message){request->out, len, limit},
				  now.s)
			: 0;
}

static size_t pending_write(struct pending *pending, struct dns_now now)
{
	struct dns_request *request = pending->asked.request;
	struct reply reply;
	size_t limit;

	if (pending->rcode < 0) { /* nothing of the query was read */
		guard_count(&pending->guard, DNS_COUNT_DROPPED);
		return 0;
	}
	limit = reply_limit(&pending->query, request->transport);
	if (pending->query.tsig_at != 0)
		return pending_answer_signed(pending, limit, now);
	reply_init(&reply, &pending->query, request->out, limit);
	reply.rcode = (uint16_t)pending->rcode;
	if (guard_begin(&pending->guard, &reply) && pending->rcode == DNS_NOERROR)
		answer_query(&pending->asked, &pending->guard, &reply);
	return pending_finish(pending, &reply);
}

/* Few enough that what is fetched for the last is still in the first cache when the last is
 * answered. */
enum { GROUP = 16 };

void zone_answer_requests(const struct zone_service *service, struct dns_request *requests,
	size_t requests_len, struct dns_now now)
{
	struct pending pending[GROUP];
	size_t group;

	for (; requests_len != 0; requests += group, requests_len -= group) {
		group = requests_len < GROUP ? requests_len : GROUP;
		for (size_t i = 0; i < group; i++)
			pending_read(&pending[i], service, &requests[i], now);
		for (unsigned step = 0; step < VIEW_FETCHES && group > 1; step++) {
			for (size_t i = 0; i < group; i++)
				pending_prefetch(&pending[i], step);
		}
		for (size_t i = 0; i < group; i++)
			requests[i].out_len = pending_write(&pending[i], now);
	}
}
