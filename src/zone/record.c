/* SPDX-License-Identifier: ISC */
#include "zone/record.h"

#include "base/reader.h"

/* What stands at a name that is not listed although a wildcard above it is: a type that nobody asks
 * a list for. */
static const struct span hidden_rdata = {(const uint8_t *)"\12not listed\0", 12};

void zone_node_records(const struct zone_binding *binding, const struct zone_node *node,
	struct zone_records *ret_records)
{
	struct zone_record record = {.owner = span_of(node->owner, node->owner_len)};
	size_t codes_len = match_a_records(binding, &node->match, ret_records->codes), len = 0;

	match_txt(binding, &node->match, &node->subject, &ret_records->texts);
	if (node->match.len == 0) {
		record.type = DNS_HINFO;
		record.rdata = hidden_rdata;
		ret_records->records[len++] = record;
	}
	record.type = DNS_A;
	for (size_t i = 0; i < codes_len; i++) {
		record.rdata = span_of(ret_records->codes[i], 4);
		ret_records->records[len++] = record;
	}
	record.type = DNS_TXT;
	for (size_t i = 0; i < ret_records->texts.len; i++) {
		const uint8_t *string = ret_records->texts.strings[i];

		record.rdata = span_of(string, 1 + (size_t)string[0]);
		ret_records->records[len++] = record;
	}
	ret_records->len = len;
}

size_t zone_node_count(const struct zone_binding *binding, const struct zone_node *node)
{
	uint8_t codes[ZONE_SUBLISTS_MAX][4];

	return node->match.len == 0
		       ? 1
		       : match_a_records(binding, &node->match, codes) + node->match.len;
}

/* The address records of the hosts, host by host. */
static bool host_record(const struct zone *zone, size_t index, struct zone_record *ret_record)
{
	for (size_t i = 0; i < zone->hosts_len; i++) {
		const struct zone_host *host = &zone->hosts[i];
		const struct ip *ip = &host->ips[index];

		if (index >= host->ips_len) {
			index -= host->ips_len;
			continue;
		}
		ret_record->owner =
			span_of(host->name.wire, (size_t)host->name.len - zone->apex.len);
		ret_record->type = ip_is_v4(*ip) ? DNS_A : DNS_AAAA;
		ret_record->rdata = ip_is_v4(*ip) ? span_of(ip->b + 12, 4) : span_of(ip->b, 16);
		return true;
	}
	return false;
}

bool zone_fixed_record(const struct zone *zone, size_t index, struct zone_record *ret_record)
{
	struct zone_record record = {.type = DNS_NS};

	if (index < zone->servers_len) {
		record.rdata = dns_name_span(&zone->servers[index]);
	} else if (index - zone->servers_len < zone->apex_txt_len) {
		record.type = DNS_TXT;
		record.rdata = zone->apex_txt[index - zone->servers_len];
	} else if (!host_record(zone, index - zone->servers_len - zone->apex_txt_len, &record)) {
		return false;
	}
	*ret_record = record;
	return true;
}

bool zone_binding_record(const struct zone_binding *binding, size_t index,
	uint8_t string[MATCH_STRING_MAX], struct zone_record *ret_record)
{
	size_t fixed = 0;
	size_t len;

	if (zone_fixed_record(binding->zone, index, ret_record))
		return true;
	while (zone_fixed_record(binding->zone, fixed, ret_record))
		fixed++;
	len = zone_binding_end_txt(binding, index - fixed, string);
	*ret_record = (struct zone_record){.type = DNS_TXT, .rdata = span_of(string, len)};
	return len != 0;
}

void zone_soa_rdata(const struct zone_binding *binding, uint32_t serial, struct buf *out)
{
	const struct zone *zone = binding->zone;
	struct span behind = span_from(zone->soa, zone->soa_serial_at + 4);

	buf_append(out, span_first(zone->soa, zone->soa_serial_at));
	buf_append_u32(out, serial);
	buf_append(out, span_first(behind, behind.len - 4));
	buf_append_u32(out, binding->negative_ttl_s);
}

bool zone_record_equal(const struct zone_record *a, const struct zone_record *b)
{
	return a->type == b->type && span_equal(a->rdata, b->rdata) &&
	       span_equal(a->owner, b->owner);
}

void zone_record_append(struct buf *out, const struct zone_record *record)
{
	buf_append_byte(out, (uint8_t)record->owner.len);
	buf_append(out, record->owner);
	buf_append_u16(out, record->type);
	buf_append_u16(out, (uint16_t)record->rdata.len);
	buf_append(out, record->rdata);
}

bool zone_record_take(struct span *rest, struct zone_record *ret_record)
{
	struct reader reader = reader_of(*rest);

	ret_record->owner = reader_bytes(&reader, reader_u8(&reader));
	ret_record->type = reader_u16(&reader);
	ret_record->rdata = reader_bytes(&reader, reader_u16(&reader));
	if (reader.bad)
		return false;
	*rest = reader.rest;
	return true;
}
