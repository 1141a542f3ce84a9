/* SPDX-License-Identifier: ISC */
#include "rbldnsd/answer.h"

#include "base/macro.h"
#include "dns/apex.h"
#include "dns/reply.h"

/*
 * A name is answered in this order, which is rbldnsd's: is the client welcome (acl); is the zone
 * ours; are its data there; is the name its apex; what do its data sets say, in their order; does
 * anything below it exist; else NXDOMAIN.
 *
 * Data sets pour records into a sink, which writes them straight into the message: a record that
 * stands there already is left out, and all records of a type get the least time to live of them.
 */
enum {
	CLASS_ANY = 255,
	TYPE_TSIG = 250, /* from here to ANY: no types of data */
	RECORD_TTL_AT = 6,
	RECORD_LEN_AT = 10,
	RECORD_FIXED = 12,
	COUNT_NOBODY = -1,
};

/* A query being answered. A batch is gone through twice: asked_read, asked_reply. */
struct asked {
	const struct rbl_service *service;
	struct dns_request *request;
	int rcode; /* that the form of the query deserves; negative: no answer */
	struct dns_query query;
	const struct rbl_zone *zone;  /* NULL: it is not for data, or not for ours */
	struct rbl_question question; /* of the zone */
	struct reply *reply;
	struct rbl_verdict verdict; /* of the access lists */
	size_t answers_at;          /* in the message */
	bool one_type;              /* ANY: of what is there, the first type */
};

/* ---- records ---- */

/* Whether the record is among the answers. The time to live of its type becomes the shortest. */
static bool answers_have(
	const struct asked *asked, const struct rbl_record *record, uint32_t *ttl_s)
{
	uint8_t *end = asked->reply->out + asked->reply->len;
	size_t len = record->rdata.len;
	bool have = false;

	for (uint8_t *p = asked->reply->out + asked->answers_at; p < end;
		p += RECORD_FIXED + octets_u16(p + RECORD_LEN_AT)) {
		if (octets_u16(p + 2) != record->type)
			continue;
		if (octets_u32(p + RECORD_TTL_AT) > *ttl_s)
			reply_put_u32(p + RECORD_TTL_AT, *ttl_s);
		else
			*ttl_s = octets_u32(p + RECORD_TTL_AT);
		have = have || (octets_u16(p + RECORD_LEN_AT) == len &&
				       memcmp(p + RECORD_FIXED, record->rdata.ptr, len) == 0);
	}
	return have;
}

/* Appends a record of the name at name_at; false: it does not fit. */
static bool put_rdata(struct reply *reply, size_t name_at, struct rbl_record record)
{
	uint8_t *rdata = reply_record(reply, name_at, record.type, record.ttl_s, record.rdata.len);

	if (rdata != NULL)
		memcpy(rdata, record.rdata.ptr, record.rdata.len);
	return rdata != NULL;
}

static void asked_take_record(void *arg, const struct rbl_record *record)
{
	struct asked *asked = arg;
	struct reply *reply = asked->reply;
	uint32_t ttl_s = record->ttl_s;

	if (reply->answers != 0) {
		const uint8_t *first = reply->out + asked->answers_at;

		if ((asked->one_type && octets_u16(first + 2) != record->type) ||
			answers_have(asked, record, &ttl_s))
			return;
	}
	reply->answers += put_rdata(
		reply, DNS_HEADER_SIZE, (struct rbl_record){record->type, ttl_s, record->rdata});
}

static size_t asked_apex_at(const struct asked *asked)
{
	const struct dns_query *query = &asked->query;

	return DNS_HEADER_SIZE +
	       (size_t)query->label_at[query->labels_len - asked->zone->apex_labels];
}

static bool asked_put_soa(const struct asked *asked, uint32_t ttl_s)
{
	return asked->zone->has_soa &&
	       put_rdata(asked->reply, asked_apex_at(asked),
		       (struct rbl_record){DNS_SOA, ttl_s, asked->zone->soa});
}

/* A negative answer; the TTL of its SOA is how long it is believed (RFC 2308 section 5). */
static void asked_deny(const struct asked *asked, uint16_t rcode)
{
	asked->reply->rcode = rcode;
	if (asked_put_soa(asked, asked->zone->negative_ttl_s))
		asked->reply->authorities++;
}

static void asked_refuse(const struct asked *asked, uint16_t rcode, uint16_t ede)
{
	asked->reply->flags &= (uint16_t)~DNS_FLAG_AA;
	asked->reply->rcode = rcode;
	asked->reply->ede = ede;
}

/* ---- name servers ---- */

static bool asked_put_server(const struct asked *asked, const struct rbl_server *server)
{
	return put_rdata(asked->reply, asked_apex_at(asked),
		(struct rbl_record){
			DNS_NS, asked->zone->servers_ttl_s, dns_name_span(&server->name)});
}

/* An address behind its name, which stands in the rdata of an NS record. */
static void asked_put_address(
	const struct asked *asked, size_t name_at, uint32_t address, uint32_t ttl_s)
{
	uint8_t *rdata;

	if (!reply_has_room(asked->reply, 4))
		return;
	rdata = reply_record(asked->reply, name_at, DNS_A, ttl_s, 4);
	if (rdata == NULL)
		return;
	reply_put_u32(rdata, address);
	asked->reply->additionals++;
}

/* The NS records end where the message ends; each is followed back to its name. */
static void asked_put_glue(const struct asked *asked, size_t names_at)
{
	const struct rbl_zone *zone = asked->zone;

	for (size_t i = 0; i < zone->servers_len; i++) {
		const struct rbl_server *server = &zone->servers[i];

		names_at += RECORD_FIXED;
		for (size_t j = 0; j < server->addresses_len; j++)
			asked_put_address(
				asked, names_at, server->addresses[j], server->addresses_ttl_s);
		names_at += server->name.len;
	}
}

/* Name servers as the answer. */
static void asked_answer_servers(const struct asked *asked)
{
	size_t from = asked->reply->len;

	for (size_t i = 0; i < asked->zone->servers_len; i++) {
		if (!asked_put_server(asked, &asked->zone->servers[i]))
			return;
		asked->reply->answers++;
	}
	asked_put_glue(asked, from);
}

/* Name servers nobody asked for (-A): all or none, so that they are not a reason to truncate. */
static void asked_add_servers(const struct asked *asked)
{
	size_t from = asked->reply->len, size = 0;

	for (size_t i = 0; i < asked->zone->servers_len; i++)
		size += RECORD_FIXED + (size_t)asked->zone->servers[i].name.len;
	if (size == 0 || !reply_has_room(asked->reply, size - RECORD_FIXED))
		return;
	for (size_t i = 0; i < asked->zone->servers_len; i++)
		asked->reply->authorities += asked_put_server(asked, &asked->zone->servers[i]);
	asked_put_glue(asked, from);
}

/* ---- the question ---- */

static unsigned want_of(uint16_t type)
{
	switch (type) {
	case DNS_A:
		return RBL_WANT_A;
	case DNS_TXT:
		return RBL_WANT_TXT;
	case DNS_MX:
		return RBL_WANT_MX;
	case DNS_ANY:
		return RBL_WANT_ANY;
	default:
		return 0;
	}
}

static enum rbl_reply reply_of(enum rbl_action action)
{
	switch (action) {
	case RBL_EMPTY:
		return RBL_REPLY_EMPTY;
	case RBL_ALWAYS:
		return RBL_REPLY_ALWAYS;
	default:
		return RBL_REPLY_DATA;
	}
}

/* What all data sets say; flags of enum rbl_found. */
static unsigned asked_search(struct asked *asked)
{
	const struct rbl_zone *zone = asked->zone;
	struct rbl_sink sink = {.record = asked_take_record, .arg = asked};
	unsigned found = 0;

	asked->question.reply = reply_of(asked->verdict.action);
	for (size_t i = 0; i < zone->sets_len; i++)
		found |= rbl_dataset_query(zone->sets[i], &asked->question, &sink);
	if ((found & RBL_LISTED_ALWAYS) != 0)
		rbl_verdict_answer(
			&asked->verdict, asked->request->client.ip, asked->question.want, &sink);
	return found;
}

/* Whether a zone of ours lies below the name: it is an empty non-terminal then. */
static bool asked_leads_to_zone(const struct asked *asked)
{
	const struct rbl_table *table = asked->service->table;
	const struct dns_query *query = &asked->query;

	for (size_t i = 0; asked->zone->has_below && i < table->zones_len; i++) {
		const struct rbl_zone *zone = table->deepest[i];
		size_t at = 0;

		if (zone->apex_labels <= query->labels_len)
			break;
		for (unsigned skip = zone->apex_labels - query->labels_len; skip > 0; skip--)
			at += 1 + (size_t)zone->apex.wire[at];
		if (span_equal(span_from(dns_name_span(&zone->apex), at),
			    span_of(query->name, query->name_len)))
			return true;
	}
	return false;
}

/* Without SOA or name servers in the data we have nothing to say for the zone, and say so. */
static bool asked_answer_apex(struct asked *asked)
{
	const struct rbl_zone *zone = asked->zone;
	uint16_t type = asked->query.type;

	if ((type == DNS_SOA && !zone->has_soa) || (type == DNS_NS && zone->servers_len == 0)) {
		asked_refuse(asked, DNS_REFUSED, DNS_EDE_NOT_AUTHORITATIVE);
	} else if (type == DNS_SOA || (type == DNS_ANY && zone->has_soa)) {
		asked->reply->answers += asked_put_soa(asked, zone->soa_ttl_s);
	} else if (type == DNS_NS) {
		asked_answer_servers(asked);
	} else {
		return false;
	}
	return true;
}

static enum rbl_result asked_answer(struct asked *asked)
{
	bool is_apex = asked->query.labels_len == asked->zone->apex_labels;
	unsigned found;

	if (is_apex && asked_answer_apex(asked))
		return asked->reply->rcode == DNS_NOERROR ? RBL_OK : RBL_ERROR;
	found = asked_search(asked);
	if (asked->reply->answers != 0) {
		if (asked->service->authority)
			asked_add_servers(asked);
		return RBL_OK;
	}
	if (asked->reply->full)
		return RBL_OK;
	if (found != 0 || is_apex || asked_leads_to_zone(asked)) {
		asked_deny(asked, DNS_NOERROR);
		return RBL_OK;
	}
	asked_deny(asked, DNS_NXDOMAIN);
	return RBL_NXDOMAIN;
}

/* ---- the message ---- */

static const struct rbl_zone *table_find(
	const struct rbl_table *table, const struct dns_query *query)
{
	for (size_t i = 0; i < table->zones_len; i++) {
		const struct rbl_zone *zone = table->deepest[i];

		if (dns_query_is_in(query, &zone->apex, zone->apex_labels))
			return zone;
	}
	return NULL;
}

static bool is_class_served(const struct dns_query *query)
{
	return query->class == DNS_IN || query->class == CLASS_ANY;
}

static bool is_meta_type(uint16_t type)
{
	return type >= TYPE_TSIG && type < DNS_ANY;
}

/* version.bind and version.server, class CH. */
static bool asks_for_version(const struct dns_query *query)
{
	static const char bind[] = "\7version\4bind", server[] = "\7version\6server";
	struct span name = span_of(query->name, query->name_len);

	return query->class == DNS_CH && query->type == DNS_TXT &&
	       (span_equal(name, span_of(bind, sizeof(bind))) ||
		       span_equal(name, span_of(server, sizeof(server))));
}

static enum rbl_result answer_version(struct asked *asked)
{
	const char *text = asked->service->version == RBL_VERSION_FULL
				   ? "rbldnsd (stockade " STOCKADE_VERSION ")"
				   : "rbldnsd";
	size_t len = strlen(text);
	uint8_t *rdata;

	if (asked->service->version == RBL_VERSION_REFUSED) {
		asked_refuse(asked, DNS_REFUSED, DNS_EDE_PROHIBITED);
		return RBL_ERROR;
	}
	rdata = reply_record(asked->reply, DNS_HEADER_SIZE, DNS_TXT, 0, len + 1);
	if (rdata == NULL)
		return RBL_OK;
	reply_put_u16(rdata - RECORD_FIXED + 4, DNS_CH);
	rdata[0] = (uint8_t)len;
	memcpy(rdata + 1, text, len);
	asked->reply->answers++;
	return RBL_OK;
}

/* The client is known, the zone is; what its data say is asked last. */
static enum rbl_result answer_served(struct asked *asked, int64_t now_s)
{
	if (!rbl_zone_serves(asked->zone, now_s)) {
		asked_refuse(asked, DNS_SERVFAIL, DNS_EDE_NOT_READY);
		return RBL_ERROR;
	}
	if (asked->verdict.action == RBL_REFUSE) {
		asked_refuse(asked, DNS_REFUSED, DNS_EDE_PROHIBITED);
		return RBL_ERROR;
	}
	if (asked->query.class == DNS_IN)
		asked->reply->flags |= DNS_FLAG_AA;
	return asked_answer(asked);
}

/* *ret_silent: the client gets no answer. */
static enum rbl_result answer_zone(struct asked *asked, int64_t now_s, bool *ret_silent)
{
	if (asked->zone->acl != NULL)
		asked->verdict = rbl_verdict_join(asked->verdict,
			rbl_dataset_verdict(asked->zone->acl, asked->request->client.ip));
	*ret_silent = asked->verdict.action == RBL_IGNORE;
	return *ret_silent ? RBL_ERROR : answer_served(asked, now_s);
}

static enum rbl_result answer_query(struct asked *asked, int64_t now_s, bool *ret_silent)
{
	const struct dns_query *query = &asked->query;

	if (asked->zone != NULL)
		return answer_zone(asked, now_s, ret_silent);
	if (query->edns.present && query->edns.version != 0)
		asked_refuse(asked, DNS_BADVERS, 0);
	else if (asks_for_version(query))
		return answer_version(asked);
	else if (is_class_served(query) && is_meta_type(query->type))
		asked_refuse(asked, DNS_NOTIMP, DNS_EDE_NOT_SUPPORTED);
	else
		asked_refuse(asked, DNS_REFUSED, DNS_EDE_NOT_AUTHORITATIVE);
	return RBL_ERROR;
}

/* The first pass: everything that needs no data. */
static void asked_read(
	struct asked *asked, const struct rbl_service *service, struct dns_request *request)
{
	const struct dns_query *query = &asked->query;

	asked->service = service;
	asked->request = request;
	asked->zone = NULL;
	asked->verdict = (struct rbl_verdict){.action = RBL_PASS};
	if (service->table->acl != NULL)
		asked->verdict = rbl_dataset_verdict(service->table->acl, request->client.ip);
	asked->rcode = asked->verdict.action != RBL_IGNORE
			       ? dns_query_decode(request->query, &asked->query)
			       : E_DENIED;
	if (asked->rcode == DNS_NOERROR && (!query->edns.present || query->edns.version == 0) &&
		is_class_served(query) && !is_meta_type(query->type))
		asked->zone = table_find(service->table, query);
	if (asked->zone != NULL)
		rbl_question_init(&asked->question,
			span_of(query->name, asked_apex_at(asked) - DNS_HEADER_SIZE),
			asked->zone->kinds, want_of(query->type));
}

static void asked_prefetch(const struct asked *asked, unsigned step)
{
	for (size_t i = 0; asked->zone != NULL && i < asked->zone->sets_len; i++)
		rbl_dataset_prefetch(asked->zone->sets[i], &asked->question, step);
}

/* The second pass. */
static enum rbl_result asked_reply(struct asked *asked, int64_t now_s)
{
	struct dns_request *request = asked->request;
	enum rbl_result result = RBL_ERROR;
	struct reply *reply = asked->reply;
	bool silent = false;

	request->out_len = 0;
	if (asked->rcode < 0)
		return RBL_ERROR;
	reply_init(
		reply, &asked->query, request->out, reply_limit(&asked->query, request->transport));
	asked->answers_at = reply->len;
	asked->one_type = asked->query.type == DNS_ANY;
	if (asked->rcode == DNS_NOERROR)
		result = answer_query(asked, now_s, &silent);
	else
		reply->rcode = (uint16_t)asked->rcode;
	if (!silent)
		request->out_len = reply_finish(reply);
	return result;
}

void rbl_answer_requests(const struct rbl_service *service, struct dns_request *requests,
	size_t requests_len, int64_t now_s, struct rbl_outcome *ret_outcomes)
{
	struct asked asked[RBL_BATCH_MAX];
	struct reply reply; /* one after the other */

	ASSERT(requests_len <= COUNTOF(asked));
	for (size_t i = 0; i < requests_len; i++)
		asked_read(&asked[i], service, &requests[i]);
	for (unsigned step = 0; step < RBL_DATASET_FETCHES && requests_len > 1; step++) {
		for (size_t i = 0; i < requests_len; i++)
			asked_prefetch(&asked[i], step);
	}
	for (size_t i = 0; i < requests_len; i++) {
		const struct rbl_zone *zone = asked[i].zone;

		asked[i].reply = &reply;
		ret_outcomes[i].result = asked_reply(&asked[i], now_s);
		ret_outcomes[i].zone =
			zone != NULL ? (int)(zone - service->table->zones) : COUNT_NOBODY;
	}
}

struct rbl_outcome rbl_answer(
	const struct rbl_service *service, struct dns_request *request, int64_t now_s)
{
	struct rbl_outcome outcome;

	rbl_answer_requests(service, request, 1, now_s, &outcome);
	return outcome;
}
