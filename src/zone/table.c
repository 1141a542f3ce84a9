/* SPDX-License-Identifier: ISC */
#include "zone/table.h"

#include <stdlib.h>

#include "base/macro.h"
#include "base/mem.h"
#include "zone/guard.h"

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
	for (size_t i = 0; i < name.len; i++)
		name.wire[i] = ascii_lower(name.wire[i]);
	*ret_name = name;
	return 0;
}

/* "host.master@example.org" becomes one label, dots and all, before the domain (RFC 1035 section 8). Without a usable
 * contact it is hostmaster in the zone (RFC 2142 section 7). */
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

/* A zone without name servers of its own is served under the host's name: an apex without NS is no zone. */
static int table_servers(
	struct zone_table *table, struct zone *zone, const struct conf *conf, struct fault *why)
{
	const char *const *names = conf->nameservers;
	size_t len = conf->nameservers_len;
	struct dns_name *servers;

	if (len == 0 && conf->hostname != NULL) {
		names = &conf->hostname;
		len = 1;
	}
	servers = arena_alloc(table->arena, (len + 1) * sizeof(*servers));
	for (size_t i = 0; i < len; i++) {
		int r = table_name(names[i], "name server", &servers[i], why);

		if (r < 0)
			return r;
	}
	zone->servers = servers;
	zone->servers_len = len;
	return 0;
}

static void table_sublists(
	struct zone_table *table, struct zone *zone, const struct conf_list *list)
{
	struct zone_sublist *sublists =
		arena_alloc(table->arena, (list->sublists_len + 1) * sizeof(*sublists));

	zone->sublists_len = list->sublists_len < SUBLISTS_MAX ? list->sublists_len : SUBLISTS_MAX;
	for (size_t i = 0; i < zone->sublists_len; i++) {
		const struct conf_sublist *sublist = &list->sublists[i];
		struct span text = span_text(sublist->text);

		sublists[i].name = arena_copy(table->arena, span_text(sublist->name));
		sublists[i].label = table_lower(table->arena, span_text(sublist->name));
		sublists[i].code = sublist->code;
		sublists[i].text =
			text.len != 0 ? arena_copy(table->arena, text) : sublists[i].label;
	}
	zone->sublists = sublists;
	zone->all =
		zone->sublists_len == SUBLISTS_MAX ? UINT32_MAX : (1U << zone->sublists_len) - 1;
}

static int table_zone(struct zone_table *table, const struct conf *conf,
	const struct conf_list *list, struct zone *zone, struct fault *why)
{
	int r;

	r = table_name(list->zone, "zone", &zone->apex, why);
	if (r < 0)
		return r;
	zone->apex_labels = dns_name_label_count(&zone->apex);
	zone->list = arena_copy(table->arena, span_text(list->name));
	zone->holds = list->holds;
	zone->ttl_s = (uint32_t)(conf->ttl_s < 1             ? 1
				 : conf->ttl_s > DNS_TTL_MAX ? DNS_TTL_MAX
							     : conf->ttl_s);
	zone->negative_ttl_s =
		zone->ttl_s < ZONE_NEGATIVE_TTL_S ? zone->ttl_s : ZONE_NEGATIVE_TTL_S;
	table_sublists(table, zone, list);
	r = table_servers(table, zone, conf, why);
	if (r < 0)
		return r;
	table_soa(table, zone, conf->contact);
	return 0;
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

	table->arena = arena_new(0);
	table->portal_url = arena_copy(table->arena, span_text(conf->portal_url));
	zones = arena_alloc(table->arena, (conf->lists_len + 1) * sizeof(*zones));
	for (size_t i = 0; i < conf->lists_len; i++) {
		int r;

		if (conf->lists[i].zone == NULL)
			continue;
		r = table_zone(table, conf, &conf->lists[i], &zones[table->zones_len], why);
		if (r < 0)
			return r;
		table->zones_len++;
	}
	qsort(zones, table->zones_len, sizeof(*zones), table_longest_first);
	table->zones = zones;
	*ret_table = TAKE(table);
	return 0;
}

void zone_table_free(struct zone_table **table)
{
	if (*table == NULL)
		return;
	guard_free(&(*table)->guard);
	arena_free(&(*table)->arena);
	mem_free(*table);
	*table = NULL;
}

/* ---- the test entries of RFC 5782 ---- */

enum { TEST_LISTED = 0x7f000002, TEST_NEVER = 0x7f000001 };

bool zone_never_ip(struct ip ip)
{
	return ip_is_v4(ip) && ip_to_v4(ip) == TEST_NEVER;
}

uint32_t zone_test_ip(const struct zone *zone, struct ip ip, uint32_t within)
{
	uint32_t mask = 0;

	if (ip.b[12] != 127 || !ip_is_v4(ip) || ip_to_v4(ip) == TEST_NEVER)
		return 0;
	for (size_t i = 0; i < zone->sublists_len; i++) {
		if (ip_equal(zone->sublists[i].code, ip))
			mask |= 1U << i;
	}
	mask &= within;
	if (mask == 0 && ip_to_v4(ip) == TEST_LISTED)
		mask = within & -within; /* no code is 127.0.0.2: the first sublist asked */
	return mask;
}

bool zone_test_within(const struct zone *zone, struct prefix net, uint32_t within)
{
	if (within != 0 && prefix_has(net, ip_from_v4(TEST_LISTED)))
		return true;
	for (size_t i = 0; i < zone->sublists_len; i++) {
		struct ip code = zone->sublists[i].code;

		if ((within >> i & 1) != 0 && prefix_has(net, code) &&
			zone_test_ip(zone, code, within) != 0)
			return true;
	}
	return false;
}

bool zone_test_domain(struct span name)
{
	return span_equal_text(name, "test");
}

bool zone_never_domain(struct span name)
{
	return span_equal_text(name, "invalid") ||
	       span_has_suffix_nocase(name, span_text(".invalid"));
}
