/* SPDX-License-Identifier: ISC */
#include "xfr/transfer.h"

#include <pthread.h>
#include <stdatomic.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/macro.h"
#include "base/mem.h"
#include "base/serial.h"
#include "xfr/transfer_priv.h"

enum { TRANSFERS_MAX = 16, JOURNAL_OCTETS = 32 << 20 };

struct journal_entry {
	struct dns_name apex;
	struct zone_journal *journal;
};

struct transfer_memory {
	struct shelf *tables, *views;
	atomic_uint running;
	_Atomic int64_t
		logged_ms; /* when a refusal was logged: strangers write no more than a line a second */
	pthread_mutex_t lock; /* of the list, not of the journals */
	size_t len;
	struct journal_entry **entries;
};

/* ---- what outlives a configuration ---- */

struct transfer_memory *transfer_memory_new(struct shelf *tables, struct shelf *views)
{
	struct transfer_memory *memory = mem_new(transfer_memory);

	memory->tables = tables;
	memory->views = views;
	atomic_init(&memory->running, 0);
	pthread_mutex_init(&memory->lock, NULL);
	return memory;
}

void transfer_memory_free(struct transfer_memory **memory)
{
	struct transfer_memory *m = *memory;

	*memory = NULL;
	if (m == NULL)
		return;
	for (size_t i = 0; i < m->len; i++) {
		zone_journal_free(&m->entries[i]->journal);
		mem_free(m->entries[i]);
	}
	pthread_mutex_destroy(&m->lock);
	mem_free(m->entries);
	mem_free(m);
}

struct zone_journal *transfer_journal_find(
	struct transfer_memory *memory, const struct dns_name *apex)
{
	struct zone_journal *found = NULL;

	pthread_mutex_lock(&memory->lock);
	for (size_t i = 0; i < memory->len && found == NULL; i++) {
		if (dns_name_equal(&memory->entries[i]->apex, apex))
			found = memory->entries[i]->journal;
	}
	pthread_mutex_unlock(&memory->lock);
	return found;
}

struct zone_journal *transfer_journal(struct transfer_memory *memory, const struct dns_name *apex)
{
	struct zone_journal *journal = transfer_journal_find(memory, apex);
	struct journal_entry *entry;

	if (journal != NULL)
		return journal;
	entry = mem_new(journal_entry);
	entry->apex = *apex;
	entry->journal = zone_journal_new(JOURNAL_OCTETS);
	pthread_mutex_lock(&memory->lock);
	memory->entries =
		mem_resize(memory->entries, (memory->len + 1) * sizeof(memory->entries[0]));
	memory->entries[memory->len++] = entry;
	pthread_mutex_unlock(&memory->lock);
	return entry->journal;
}

bool transfer_enter(struct transfer_memory *memory)
{
	if (atomic_fetch_add(&memory->running, 1) < TRANSFERS_MAX)
		return true;
	transfer_leave(memory);
	return false;
}

void transfer_leave(struct transfer_memory *memory)
{
	atomic_fetch_sub(&memory->running, 1);
}

void transfer_hold(
	struct transfer_memory *memory, struct shelf_item **ret_table, struct shelf_item **ret_view)
{
	*ret_table = *ret_view = NULL;
	shelf_refresh(memory->tables, ret_table);
	shelf_refresh(memory->views, ret_view);
}

void transfer_release(
	struct transfer_memory *memory, struct shelf_item **table, struct shelf_item **view)
{
	if (*table != NULL)
		shelf_release(memory->tables, table);
	if (*view != NULL)
		shelf_release(memory->views, view);
}

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

struct transfer_rules *transfer_rules_new(
	const struct conf *conf, const struct tsig_key *keys, struct transfer_memory *memory)
{
	struct transfer_rules *rules = mem_new(transfer_rules);

	rules->memory = memory;
	rules->records_max = conf->transfer_records;
	rules->keys = mem_alloc_array(conf->keys_len + 1, sizeof(rules->keys[0]));
	for (size_t i = 0; i < conf->keys_len; i++) {
		if (key_is_of_secondary(conf, conf->keys[i].name))
			rules->keys[rules->keys_len++] = keys[i];
	}
	rules->secondaries_len = conf->transfers_len;
	rules->secondaries =
		mem_alloc_array(conf->transfers_len + 1, sizeof(rules->secondaries[0]));
	for (size_t i = 0; i < conf->transfers_len; i++)
		rules->secondaries[i] = (struct transfer_secondary){conf->transfers[i].address.ip,
			rules_key(rules, conf, conf->transfers[i].key)};
	return rules;
}

void transfer_rules_free(struct transfer_rules **rules)
{
	struct transfer_rules *r = *rules;

	*rules = NULL;
	if (r == NULL)
		return;
	for (size_t i = 0; i < r->keys_len; i++)
		tsig_key_done(&r->keys[i]);
	mem_free(r->keys);
	mem_free(r->secondaries);
	mem_free(r);
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

static bool transfer_is_allowed(const struct transfer_query *asked, struct ip client)
{
	const struct transfer_rules *rules = asked->rules;
	const struct tsig_key *key = asked->exchange != NULL ? asked->exchange->key : NULL;

	for (size_t i = 0; rules != NULL && i < rules->secondaries_len; i++) {
		const struct transfer_secondary *secondary = &rules->secondaries[i];

		if (ip_equal(secondary->ip, client) &&
			(secondary->key == NULL || secondary->key == key))
			return true;
	}
	return false;
}

/* One SOA record: what the serial is now. Also all that fits a datagram (RFC 1995 section 2). */
static void reply_serial(const struct transfer_query *asked, struct reply *reply)
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

static bool refusal_is_news(struct transfer_memory *memory)
{
	int64_t now_ms = clock_monotonic_ms(), before_ms = memory->logged_ms;

	return (before_ms == 0 || now_ms - before_ms >= 1000) &&
	       atomic_compare_exchange_strong(&memory->logged_ms, &before_ms, now_ms);
}

static void log_refused(const struct transfer_rules *rules, const struct zone *zone,
	const struct dns_request *request, const struct dns_name *key, const char *why)
{
	char zone_text[DNS_NAME_TEXT_SIZE], key_text[DNS_NAME_TEXT_SIZE] = "";

	if (rules == NULL || !refusal_is_news(rules->memory))
		return;
	if (key != NULL)
		dns_name_print(key, key_text);
	log_event(EV_TRANSFER_REFUSED,
		LOG_FIELDS(log_text("zone", dns_name_print(&zone->apex, zone_text)),
			log_endpoint("client", request->client), log_text("key", key_text),
			log_text("why", why)));
}

void transfer_log_bad_signature(const struct transfer_rules *rules, const struct zone *zone,
	const struct dns_request *request, const struct tsig_exchange *exchange)
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

	for (size_t i = 0; i < COUNTOF(reasons) && rules != NULL && rules->keys_len != 0; i++) {
		if (reasons[i].error == exchange->error)
			log_refused(rules, zone, request, &exchange->key_name, reasons[i].why);
	}
}

static void transfer_refuse(
	const struct transfer_query *asked, const struct dns_request *request, struct reply *reply)
{
	reply->rcode = DNS_REFUSED;
	reply->ede = DNS_EDE_PROHIBITED;
	log_refused(asked->rules, asked->zone, request,
		asked->exchange != NULL ? &asked->exchange->key->name : NULL,
		"not a secondary of dns.transfer-to");
}

void transfer_answer(
	const struct transfer_query *asked, struct dns_request *request, struct reply *reply)
{
	bool is_ixfr = asked->query->type == DNS_IXFR;
	uint32_t serial = 0;

	if (!transfer_is_allowed(asked, request->client.ip)) {
		transfer_refuse(asked, request, reply);
	} else if (asked->serial == 0) {
		reply->rcode = DNS_SERVFAIL;
		reply->ede = DNS_EDE_NOT_READY;
	} else if (is_ixfr ? transfer_serial_of(request->query, &serial) < 0
			   : request->transport == DNS_UDP) {
		reply->rcode =
			DNS_FORMERR; /* AXFR is defined for TCP only (RFC 5936 section 4.2) */
	} else if (is_ixfr &&
		   (request->transport == DNS_UDP || !serial_is_before(serial, asked->serial))) {
		reply_serial(asked, reply);
	} else if (!transfer_enter(asked->rules->memory)) {
		reply->rcode = DNS_SERVFAIL;
		reply->ede = DNS_EDE_NOT_READY;
		reply->options.ede_text = span_text("too many transfers at once");
	} else {
		request->multi = xfr_out_new(asked, request);
	}
}
