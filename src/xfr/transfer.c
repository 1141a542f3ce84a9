/* SPDX-License-Identifier: ISC */
#include "xfr/transfer.h"

#include "base/log.h"
#include "base/macro.h"
#include "base/mem.h"
#include "base/serial.h"
#include "xfr/outgoing.h"

struct transfer_rules {
	struct zone_transfers zone;
	struct transfer_state *state;
	struct tsig_key *keys;
	struct transfer_secondaries secondaries;
	size_t records_max; /* of a zone */
};

static const struct transfer_rules *rules_of(const struct zone_transfers *transfers)
{
	return CONTAINEROF(transfers, struct transfer_rules, zone);
}

/* ---- one query ---- */

int transfer_serial_of(struct span query, uint32_t *ret_serial)
{
	struct dns_walk walk = {.section = DNS_AUTHORITY};
	struct dns_message message;
	struct dns_record record;
	struct dns_soa soa;

	if (dns_message_decode(query, &message) < 0 || message.counts[DNS_AUTHORITY] != 1 ||
		dns_message_next(&message, &walk, &record) != 1 ||
		!dns_name_equal(&record.name, &message.name) ||
		dns_record_soa(&message, &record, &soa) < 0)
		return E_PARSE;
	*ret_serial = soa.serial;
	return 0;
}

static bool transfer_is_allowed(
	const struct transfer_rules *rules, const struct zone_transfer_query *asked)
{
	const struct tsig_key *key = asked->exchange != NULL ? asked->exchange->key : NULL;

	for (size_t i = 0; i < rules->secondaries.len; i++) {
		const struct transfer_secondary *secondary = &rules->secondaries.items[i];

		if (ip_equal(secondary->address.ip, asked->request->client.ip) &&
			(secondary->key == NULL || secondary->key == key))
			return true;
	}
	return false;
}

/* One SOA record: what the serial is now. Also all that fits a datagram (RFC 1995 section 2). */
static void reply_serial(const struct zone_transfer_query *asked, struct reply *reply)
{
	const struct zone *zone = asked->zone;
	uint8_t *rdata = reply_record(reply, DNS_HEADER_SIZE, DNS_SOA, zone->ttl_s, zone->soa.len);

	reply->flags |= DNS_FLAG_AA;
	if (rdata == NULL)
		return;
	memcpy(rdata, zone->soa.ptr, zone->soa.len);
	reply_put_u32(rdata + zone->soa_serial_at, asked->serial);
	reply->answers++;
}

static void log_refused(const struct transfer_rules *rules, const struct zone_transfer_query *asked,
	const struct dns_name *key, const char *why)
{
	char zone_text[DNS_NAME_TEXT_SIZE], key_text[DNS_NAME_TEXT_SIZE] = "";

	if (!transfer_may_log(rules->state))
		return;
	if (key != NULL)
		dns_name_print(key, key_text);
	log_event(EV_TRANSFER_REFUSED,
		LOG_FIELDS(log_text("zone", dns_name_print(&asked->zone->apex, zone_text)),
			log_endpoint("client", asked->request->client), log_text("key", key_text),
			log_text("why", why)));
}

/* Tells people why, which is a wrong secret or a clock, most of the time. */
static void transfer_on_bad_signature(
	const struct zone_transfers *transfers, const struct zone_transfer_query *asked)
{
	static const struct {
		uint16_t error;
		const char *why;
	} reasons[] = {
		{TSIG_BADKEY, "BADKEY: dns.keys has no such key, or another algorithm for it"},
		{TSIG_BADSIG, "BADSIG: the secret is not that of dns.keys"},
		{TSIG_BADTIME, "BADTIME: its clock and ours differ too much"},
		{TSIG_BADTRUNC, "BADTRUNC: the signature is cut short"},
	};
	const struct tsig_exchange *exchange = asked->exchange;

	for (size_t i = 0; i < COUNTOF(reasons) && transfers->keys.len != 0; i++) {
		if (reasons[i].error == exchange->error)
			log_refused(
				rules_of(transfers), asked, &exchange->key_name, reasons[i].why);
	}
}

static void reply_fail(struct reply *reply, uint16_t rcode, uint16_t ede)
{
	reply->rcode = rcode;
	reply->ede = ede;
}

/* AXFR is defined for TCP only (RFC 5936 section 4.2); an IXFR query has the serial of the client
 * in it. */
static bool is_malformed(const struct zone_transfer_query *asked, uint32_t *ret_serial)
{
	if (asked->query->type == DNS_IXFR)
		return transfer_serial_of(asked->request->query, ret_serial) < 0;
	return asked->request->transport == DNS_UDP;
}

static const struct dns_name *asked_key(const struct zone_transfer_query *asked)
{
	return asked->exchange != NULL ? &asked->exchange->key->name : NULL;
}

static void refuse_for_now(const struct transfer_rules *rules,
	const struct zone_transfer_query *asked, struct reply *reply)
{
	static const char why[] = "too many transfers at once";

	reply_fail(reply, DNS_SERVFAIL, DNS_EDE_NOT_READY);
	reply->options.ede_text = span_text(why);
	log_refused(rules, asked, asked_key(asked), why);
}

static void transfer_answer(const struct zone_transfers *transfers,
	const struct zone_transfer_query *asked, struct reply *reply)
{
	const struct transfer_rules *rules = rules_of(transfers);
	bool is_ixfr = asked->query->type == DNS_IXFR;
	uint32_t serial = 0;

	if (!transfer_is_allowed(rules, asked)) {
		reply_fail(reply, DNS_REFUSED, DNS_EDE_PROHIBITED);
		log_refused(rules, asked, asked_key(asked), "not a secondary of dns.transfer-to");
	} else if (asked->serial == 0) {
		reply_fail(reply, DNS_SERVFAIL, DNS_EDE_NOT_READY);
	} else if (is_malformed(asked, &serial)) {
		reply->rcode = DNS_FORMERR;
	} else if (is_ixfr && (asked->request->transport == DNS_UDP ||
				      !serial_is_before(serial, asked->serial))) {
		reply_serial(asked, reply);
	} else if (!transfer_enter(rules->state, asked->request->client.ip)) {
		refuse_for_now(rules, asked, reply);
	} else {
		asked->request->multi =
			xfr_out_new(rules->state, asked, serial, rules->records_max);
	}
}

static const struct zone_transfer_calls transfer_calls = {
	.answer = transfer_answer,
	.on_bad_signature = transfer_on_bad_signature,
};

/* ---- one configuration ---- */

/* A key that we share with others for other reasons, such as a feed's, opens nothing here. */
static bool key_is_of_secondary(const struct conf *conf, const char *name)
{
	for (size_t i = 0; i < conf->transfers_len; i++) {
		if (conf->transfers[i].key != NULL && strcmp(conf->transfers[i].key, name) == 0)
			return true;
	}
	return false;
}

static const struct tsig_key *rules_key(
	const struct transfer_rules *rules, const struct conf *conf, const char *name)
{
	const struct tsig_key *key = rules->keys;

	for (size_t i = 0; name != NULL && i < conf->keys_len; i++) {
		if (strcmp(conf->keys[i].name, name) == 0)
			return key;
		key += key_is_of_secondary(conf, conf->keys[i].name);
	}
	return NULL;
}

struct zone_transfers *transfer_rules_new(
	const struct conf *conf, const struct tsig_key *keys, struct transfer_state *state)
{
	struct transfer_rules *rules = mem_new(transfer_rules);

	rules->state = state;
	rules->records_max = conf->transfer_records;
	rules->keys = mem_alloc_array(conf->keys_len + 1, sizeof(rules->keys[0]));
	for (size_t i = 0; i < conf->keys_len; i++) {
		if (key_is_of_secondary(conf, conf->keys[i].name))
			rules->keys[rules->zone.keys.len++] = keys[i];
	}
	rules->zone.calls = &transfer_calls;
	rules->zone.keys.items = rules->keys;
	rules->secondaries.len = conf->transfers_len;
	rules->secondaries.items =
		mem_alloc_array(conf->transfers_len + 1, sizeof(rules->secondaries.items[0]));
	for (size_t i = 0; i < conf->transfers_len; i++)
		rules->secondaries.items[i] = (struct transfer_secondary){
			conf->transfers[i].address, rules_key(rules, conf, conf->transfers[i].key)};
	return &rules->zone;
}

void transfer_rules_free(struct zone_transfers **transfers)
{
	struct transfer_rules *rules;

	if (*transfers == NULL)
		return;
	rules = CONTAINEROF(*transfers, struct transfer_rules, zone);
	for (size_t i = 0; i < rules->zone.keys.len; i++)
		tsig_key_done(&rules->keys[i]);
	mem_free(rules->keys);
	mem_free(rules->secondaries.items);
	mem_free(rules);
	*transfers = NULL;
}

const struct transfer_secondaries *transfer_secondaries(const struct zone_transfers *transfers)
{
	static const struct transfer_secondaries none = {0};

	return transfers != NULL ? &rules_of(transfers)->secondaries : &none;
}
