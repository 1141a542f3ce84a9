/* SPDX-License-Identifier: ISC */
#include "zone/table.h"

#include <stdlib.h>

#include "base/macro.h"
#include "base/mem.h"
#include "zone/apex_txt.h"

/* What a table is made of, and with what. */
struct table_builder {
	struct zone_table *table;
	const struct conf *conf;
	struct fault *why;
};

/* A zone as the configuration has it: that of a list, or one that combines several. */
struct zone_source {
	const char *apex;
	const struct conf_serving *serving;
	size_t lists_len;
	const struct conf_list *lists[ZONE_SUBLISTS_MAX];
};

static struct span table_lower(struct arena *arena, struct span s)
{
	struct span copy = arena_copy(arena, s);

	for (size_t i = 0; i < copy.len; i++)
		((uint8_t *)copy.ptr)[i] = ascii_lower(copy.ptr[i]);
	return copy;
}

static int table_name(
	const char *text, const char *what, struct dns_name *ret_name, struct fault *why)
{
	struct dns_name name;

	if (dns_name_parse(span_text(text), &name) < 0)
		return fault_set(why, E_CONFIG, "%s '%s' is not a domain name", what, text);
	dns_name_lower(&name);
	*ret_name = name;
	return 0;
}

/* "host.master@example.org" becomes one label, dots and all, before the domain (RFC 1035
 * section 8). Without a usable contact it is hostmaster in the zone (RFC 2142 section 7). */
static void table_mailbox(
	const char *contact, const struct dns_name *apex, struct dns_name *ret_name)
{
	struct span domain = span_text(contact);
	struct span local = span_split(&domain, '@');
	struct dns_name fallback = {.len = 12, .wire = "\12hostmaster"};
	struct dns_name name = {.len = 0};
	struct dns_name host;

	if (local.len != 0 && local.len <= DNS_LABEL_MAX && domain.len != 0 &&
		dns_name_parse(domain, &host) == 0) {
		name.len = (uint8_t)(local.len + 2);
		name.wire[0] = (uint8_t)local.len;
		memcpy(name.wire + 1, local.ptr, local.len);
		name.wire[local.len + 1] = 0;
		if (dns_name_join(&name, &host, ret_name) == 0)
			return;
	}
	if (dns_name_join(&fallback, apex, ret_name) < 0)
		*ret_name = *apex;
}

static void table_soa(struct zone_table *table, struct zone *zone, const char *contact)
{
	struct dns_name mailbox;
	struct buf rdata;

	table_mailbox(contact, &zone->apex, &mailbox);
	buf_init(&rdata, 0);
	buf_append(&rdata, dns_name_span(zone->servers_len != 0 ? &zone->servers[0] : &zone->apex));
	buf_append(&rdata, dns_name_span(&mailbox));
	zone->soa_serial_at = buf_len(&rdata);
	buf_append_u32(&rdata, 0);
	buf_append_u32(&rdata, ZONE_REFRESH_S);
	buf_append_u32(&rdata, ZONE_RETRY_S);
	buf_append_u32(&rdata, ZONE_EXPIRE_S);
	buf_append_u32(&rdata, zone->negative_ttl_s);
	zone->soa = arena_copy(table->arena, buf_span(&rdata));
	buf_done(&rdata);
}

/* A zone without name servers of its own is served under the host's name: an apex without NS is no
 * zone. */
static int table_servers(
	const struct table_builder *builder, const struct conf_serving *serving, struct zone *zone)
{
	const struct conf *conf = builder->conf;
	bool own = serving->nameservers_len != 0;
	const char *const *names = own ? serving->nameservers : conf->nameservers;
	size_t len = own ? serving->nameservers_len : conf->nameservers_len;
	struct dns_name *servers;

	if (len == 0 && conf->hostname != NULL) {
		names = &conf->hostname;
		len = 1;
	}
	if (len > ZONE_SERVERS_MAX)
		return fault_set(
			builder->why, E_CONFIG, "more than %d name servers", ZONE_SERVERS_MAX);
	servers = arena_alloc(builder->table->arena, (len + 1) * sizeof(*servers));
	for (size_t i = 0; i < len; i++) {
		int r = table_name(names[i], "name server", &servers[i], builder->why);

		if (r < 0)
			return r;
	}
	zone->servers = servers;
	zone->servers_len = len;
	return 0;
}

/* Hosts stand directly below the apex (conf/check_zone.c). */
static int table_hosts(const struct table_builder *builder, struct zone *zone)
{
	const struct conf *conf = builder->conf;
	struct arena *arena = builder->table->arena;
	struct zone_host *hosts = arena_alloc(arena, (conf->addresses_len + 1) * sizeof(*hosts));

	for (size_t i = 0; i < conf->addresses_len; i++) {
		const struct conf_address *address = &conf->addresses[i];
		struct zone_host *host = &hosts[zone->hosts_len];
		int r = table_name(address->name, "name server", &host->name, builder->why);

		if (r < 0)
			return r;
		if (dns_name_label_count(&host->name) != zone->apex_labels + 1 ||
			!dns_name_is_below(&host->name, &zone->apex))
			continue;
		host->ips_len = address->ips_len;
		host->ips = (const struct ip *)(const void *)arena_copy(
			arena, span_of(address->ips, address->ips_len * sizeof(*address->ips)))
				    .ptr;
		zone->hosts_len++;
	}
	zone->hosts = hosts;
	return 0;
}

/* Without a portal the usual text is its words alone. */
static const char *table_template(
	const struct zone_table *table, const struct conf *conf, const struct conf_sublist *sublist)
{
	if (sublist->template != NULL)
		return sublist->template;
	if (conf->template != NULL)
		return conf->template;
	return table->portal_url.len != 0 ? TXT_TEMPLATE : "Listed: ${reason}";
}

static int table_sublist(const struct table_builder *builder, const struct conf_list *list,
	const struct conf_sublist *sublist, struct zone_sublist *ret_sublist)
{
	const struct zone_table *table = builder->table;
	char code[IP_TEXT_SIZE];
	struct zone_template_source source = {
		span_text(table_template(table, builder->conf, sublist)), span_text(list->name),
		span_text(sublist->name), span_text(ip_print(sublist->code, code))};
	struct span text = span_text(sublist->text);

	ret_sublist->name = arena_copy(table->arena, span_text(sublist->name));
	ret_sublist->label = table_lower(table->arena, span_text(sublist->name));
	ret_sublist->code = sublist->code;
	ret_sublist->words = text.len != 0 ? arena_copy(table->arena, text) : ret_sublist->label;
	return zone_template_init(&ret_sublist->template, &source, table->arena, builder->why);
}

/* The arrays of a zone while they are filled. */
struct zone_arrays {
	struct zone_list *lists;
	struct zone_sublist *sublists;
};

/* A list, and its sublists behind those that are there. */
static int table_list(const struct table_builder *builder, const struct conf_list *list,
	const struct zone_arrays *arrays, struct zone *zone)
{
	struct arena *arena = builder->table->arena;
	struct zone_list *to = &arrays->lists[zone->lists_len++];
	int r = 0;

	to->name = arena_copy(arena, span_text(list->name));
	to->label = table_lower(arena, span_text(list->name));
	to->first = (unsigned)zone->sublists_len;
	for (size_t i = 0; i < list->sublists_len && r == 0; i++) {
		if (zone->sublists_len == ZONE_SUBLISTS_MAX)
			return fault_set(builder->why, E_CONFIG, "a zone holds at most %d codes",
				ZONE_SUBLISTS_MAX);
		r = table_sublist(
			builder, list, &list->sublists[i], &arrays->sublists[zone->sublists_len]);
		to->sublists |= 1U << zone->sublists_len++;
	}
	zone->all |= to->sublists;
	return r;
}

static uint32_t ttl_of(int64_t own_s, int64_t common_s, uint32_t fallback_s)
{
	int64_t ttl_s = own_s != 0 ? own_s : common_s != 0 ? common_s : fallback_s;

	return (uint32_t)(ttl_s > DNS_TTL_MAX ? DNS_TTL_MAX : ttl_s);
}

static int table_zone(
	const struct table_builder *builder, const struct zone_source *source, struct zone *zone)
{
	const struct conf *conf = builder->conf;
	const struct conf_serving *serving = source->serving;
	struct arena *arena = builder->table->arena;
	struct zone_arrays arrays = {arena_alloc(arena, source->lists_len * sizeof(*arrays.lists)),
		arena_alloc(arena, ZONE_SUBLISTS_MAX * sizeof(*arrays.sublists))};
	int r = table_name(source->apex, "zone", &zone->apex, builder->why);

	if (r < 0)
		return r;
	zone->apex_labels = dns_name_label_count(&zone->apex);
	zone->holds = source->lists[0]->holds;
	zone->is_bitmask = serving->answers == ANSWERS_BITMASK;
	zone->ttl_s = ttl_of(serving->ttl_s, conf->ttl_s, 1);
	zone->negative_ttl_s =
		ttl_of(serving->negative_ttl_s, conf->negative_ttl_s, ZONE_NEGATIVE_TTL_S);
	if (zone->negative_ttl_s > zone->ttl_s)
		zone->negative_ttl_s = zone->ttl_s;
	zone->lists = arrays.lists;
	zone->sublists = arrays.sublists;
	for (size_t i = 0; i < source->lists_len && r == 0; i++)
		r = table_list(builder, source->lists[i], &arrays, zone);
	if (r == 0)
		r = table_servers(builder, serving, zone);
	if (r == 0)
		r = table_hosts(builder, zone);
	if (r < 0)
		return r;
	table_soa(
		builder->table, zone, serving->contact != NULL ? serving->contact : conf->contact);
	apex_txt_make(zone, conf, serving, arena);
	return 0;
}

/* The lists of a zone that combines several. */
static int source_find_lists(const struct table_builder *builder, const struct conf_zone *combined,
	struct zone_source *source)
{
	for (size_t i = 0; i < combined->lists_len && i < COUNTOF(source->lists); i++) {
		const struct conf_list *list =
			conf_list_find(builder->conf, span_text(combined->lists[i]));

		if (list == NULL)
			return fault_set(builder->why, E_CONFIG, "there is no list '%s'",
				combined->lists[i]);
		source->lists[source->lists_len++] = list;
	}
	if (source->lists_len == 0)
		return fault_set(
			builder->why, E_CONFIG, "the zone '%s' has no list", combined->zone);
	return 0;
}

/* The zone of each list, then those that combine several. */
static int table_zones(const struct table_builder *builder, struct zone *zones)
{
	const struct conf *conf = builder->conf;
	size_t *len = &builder->table->zones_len;
	int r = 0;

	for (size_t i = 0; i < conf->lists_len && r == 0; i++) {
		const struct conf_list *list = &conf->lists[i];
		struct zone_source source = {list->zone, &list->serving, 1, {list}};

		if (list->zone == NULL)
			continue;
		zones[*len].conf_at = i;
		r = table_zone(builder, &source, &zones[(*len)++]);
	}
	for (size_t i = 0; i < conf->zones_len && r == 0; i++) {
		const struct conf_zone *combined = &conf->zones[i];
		struct zone_source source = {combined->zone, &combined->serving};

		zones[*len].conf_at = i;
		zones[*len].is_combined = true;
		r = source_find_lists(builder, combined, &source);
		if (r == 0)
			r = table_zone(builder, &source, &zones[(*len)++]);
	}
	return r;
}

static int table_longest_first(const void *a, const void *b)
{
	const struct zone *zone_a = a;
	const struct zone *zone_b = b;

	return (zone_a->apex.len < zone_b->apex.len) - (zone_a->apex.len > zone_b->apex.len);
}

int zone_table_new(const struct conf *conf, struct zone_table **ret_table, struct fault *why)
{
	AUTO(zone_table) *table = mem_new(zone_table);
	struct zone *zones;
	int r;

	table->arena = arena_new(0);
	table->portal_url = arena_copy(table->arena, span_text(conf->portal_url));
	zones = arena_alloc(table->arena, (conf->lists_len + conf->zones_len + 1) * sizeof(*zones));
	table->zones = zones;
	r = table_zones(&(struct table_builder){table, conf, why}, zones);
	if (r < 0)
		return r;
	qsort(zones, table->zones_len, sizeof(*zones), table_longest_first);
	*ret_table = TAKE(table);
	return 0;
}

void zone_table_free(struct zone_table **table)
{
	if (*table == NULL)
		return;
	arena_free(&(*table)->arena);
	mem_free(*table);
	*table = NULL;
}

const struct conf_serving *zone_serving(const struct zone *zone, const struct conf *conf)
{
	return zone->is_combined ? &conf->zones[zone->conf_at].serving
				 : &conf->lists[zone->conf_at].serving;
}
