/* SPDX-License-Identifier: ISC */
#include "rbldnsd/table.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/mem.h"
#include "dns/message.h"
#include "dns/reply.h"

enum { GLUE_MAX = 8, SOA_NUMBERS = 20, SOA_MAX = 2 * DNS_NAME_MAX + SOA_NUMBERS };

/* Serial 0 stands for the time of the newest file of all data sets of the zone. */
static uint32_t zone_serial(const struct rbl_zone *zone, const struct rbl_soa *soa)
{
	int64_t newest = 0;

	for (size_t i = 0; i < zone->sets_len; i++) {
		int64_t changed = rbl_dataset_head(zone->sets[i])->changed_s;

		newest = changed > newest ? changed : newest;
	}
	return soa->serial != 0 ? soa->serial : (uint32_t)newest;
}

static void zone_set_soa(struct rbl_zone *zone, const struct rbl_soa *soa, struct arena *arena)
{
	uint8_t rdata[SOA_MAX];
	uint8_t *p = rdata;

	memcpy(p, soa->server.wire, soa->server.len);
	p += soa->server.len;
	memcpy(p, soa->mailbox.wire, soa->mailbox.len);
	p += soa->mailbox.len;
	reply_put_u32(p, zone_serial(zone, soa));
	reply_put_u32(p + 4, soa->refresh_s);
	reply_put_u32(p + 8, soa->retry_s);
	reply_put_u32(p + 12, soa->expire_s);
	reply_put_u32(p + 16, soa->minimum_s);
	zone->has_soa = true;
	zone->soa = arena_copy(arena, span_of(rdata, (size_t)(p - rdata) + SOA_NUMBERS));
	zone->soa_ttl_s = soa->ttl_s;
	/* RFC 2308 section 5 */
	zone->negative_ttl_s = soa->minimum_s < soa->ttl_s ? soa->minimum_s : soa->ttl_s;
}

static void zone_set_servers(
	struct rbl_zone *zone, const struct rbl_head *head, struct arena *arena)
{
	zone->servers = arena_alloc(arena, head->ns_len * sizeof(*zone->servers));
	zone->servers_ttl_s = head->ns_ttl_s;
	for (size_t i = 0; i < head->ns_len; i++) {
		size_t seen = 0;

		while (seen < zone->servers_len &&
			!dns_name_equal(&zone->servers[seen].name, &head->ns[i]))
			seen++;
		if (seen == zone->servers_len)
			zone->servers[zone->servers_len++].name = head->ns[i];
	}
}

/* The first data set with a SOA or name servers gives them; the first to expire ends all. */
static void zone_set_heads(struct rbl_zone *zone, struct arena *arena)
{
	for (size_t i = 0; i < zone->sets_len; i++) {
		const struct rbl_head *head = rbl_dataset_head(zone->sets[i]);

		if (head->soa.present && !zone->has_soa)
			zone_set_soa(zone, &head->soa, arena);
		if (head->ns_len != 0 && zone->servers_len == 0)
			zone_set_servers(zone, head, arena);
		if (head->expires_s != 0 &&
			(zone->expires_s == 0 || head->expires_s < zone->expires_s))
			zone->expires_s = head->expires_s;
	}
}

static void zone_fill(struct rbl_table *table, size_t index, const struct rbl_plan *plan,
	struct rbl_dataset *const *sets)
{
	const struct rbl_plan_zone *planned = &plan->zones[index];
	struct rbl_zone *zone = &table->zones[index];

	zone->apex = planned->apex;
	zone->apex_labels = dns_name_label_count(&planned->apex);
	zone->is_whole = true;
	zone->sets = arena_alloc(table->arena, planned->sources_len * sizeof(struct rbl_dataset *));
	for (size_t i = 0; i < planned->sources_len; i++) {
		size_t source = planned->sources[i];

		zone->kinds |= rbl_type_kinds(plan->sources[source].type);
		if (sets[source] == NULL)
			zone->is_whole = false;
		else
			zone->sets[zone->sets_len++] = rbl_dataset_ref(sets[source]);
	}
	if (planned->acl != RBL_NO_ACL && sets[planned->acl] != NULL)
		zone->acl = rbl_dataset_ref(sets[planned->acl]);
	if (zone->is_whole)
		zone_set_heads(zone, table->arena);
}

static int zone_compare(const void *a, const void *b)
{
	const struct rbl_zone *left = *(const struct rbl_zone *const *)a;
	const struct rbl_zone *right = *(const struct rbl_zone *const *)b;

	return (left->apex_labels < right->apex_labels) - (left->apex_labels > right->apex_labels);
}

static void table_sort(struct rbl_table *table)
{
	table->deepest =
		arena_alloc(table->arena, (table->zones_len + 1) * sizeof(const struct rbl_zone *));
	for (size_t i = 0; i < table->zones_len; i++)
		table->deepest[i] = &table->zones[i];
	qsort(table->deepest, table->zones_len, sizeof(const struct rbl_zone *), zone_compare);
	for (size_t i = 0; i < table->zones_len; i++) {
		for (size_t j = 0; j < table->zones_len; j++) {
			if (j != i &&
				dns_name_is_below(&table->zones[j].apex, &table->zones[i].apex))
				table->zones[i].has_below = true;
		}
	}
}

/* ---- addresses of name servers in zones of our own ---- */

struct glue {
	size_t len;
	uint32_t ttl_s;
	uint32_t addresses[GLUE_MAX];
};

static void glue_take(void *arg, const struct rbl_record *record)
{
	struct glue *glue = arg;

	if (record->type != DNS_A || record->rdata.len != 4 || glue->len == GLUE_MAX)
		return;
	if (glue->len == 0 || record->ttl_s < glue->ttl_s)
		glue->ttl_s = record->ttl_s;
	glue->addresses[glue->len++] = octets_u32(record->rdata.ptr);
}

/* Asks the zone as a client would be answered. */
static void server_find_addresses(
	struct rbl_server *server, const struct rbl_zone *zone, struct arena *arena)
{
	struct glue glue = {.len = 0};
	struct rbl_sink sink = {.record = glue_take, .arg = &glue};
	struct rbl_question question;
	struct dns_name name = server->name;

	dns_name_lower(&name);
	rbl_question_init(&question, span_of(name.wire, (size_t)name.len - zone->apex.len),
		zone->kinds, RBL_WANT_A);
	for (size_t i = 0; i < zone->sets_len; i++)
		rbl_dataset_query(zone->sets[i], &question, &sink);
	server->addresses_len = glue.len;
	server->addresses_ttl_s = glue.ttl_s;
	server->addresses = (const uint32_t *)(const void *)arena_copy(
		arena, span_of(glue.addresses, glue.len * sizeof(glue.addresses[0])))
				    .ptr;
}

static const struct rbl_zone *table_zone_of(
	const struct rbl_table *table, const struct dns_name *name)
{
	for (size_t i = 0; i < table->zones_len; i++) {
		if (dns_name_is_below(name, &table->deepest[i]->apex))
			return table->deepest[i];
	}
	return NULL;
}

static void table_find_glue(struct rbl_table *table)
{
	for (size_t i = 0; i < table->zones_len; i++) {
		for (size_t j = 0; j < table->zones[i].servers_len; j++) {
			struct rbl_server *server = &table->zones[i].servers[j];
			const struct rbl_zone *zone = table_zone_of(table, &server->name);

			if (zone != NULL)
				server_find_addresses(server, zone, table->arena);
		}
	}
}

struct rbl_table *rbl_table_new(const struct rbl_plan *plan, struct rbl_dataset *const *sets)
{
	struct rbl_table *table = mem_new(rbl_table);

	table->arena = arena_new(0);
	table->zones_len = plan->zones_len;
	table->zones = arena_alloc(table->arena, plan->zones_len * sizeof(*table->zones));
	for (size_t i = 0; i < plan->zones_len; i++)
		zone_fill(table, i, plan, sets);
	if (plan->acl != RBL_NO_ACL && sets[plan->acl] != NULL)
		table->acl = rbl_dataset_ref(sets[plan->acl]);
	table_sort(table);
	table_find_glue(table);
	return table;
}

void rbl_table_free(struct rbl_table **table)
{
	struct rbl_table *t = *table;

	if (t == NULL)
		return;
	for (size_t i = 0; i < t->zones_len; i++) {
		for (size_t j = 0; j < t->zones[i].sets_len; j++)
			rbl_dataset_unref(&t->zones[i].sets[j]);
		rbl_dataset_unref(&t->zones[i].acl);
	}
	rbl_dataset_unref(&t->acl);
	arena_free(&t->arena);
	mem_free(t);
	*table = NULL;
}
