/* SPDX-License-Identifier: ISC */
#include "zone/qname.h"

#include "dns/apex.h"

/*
 *   99.2.0.192.traps.bl.example.org
 *   `- address  `- sublist  `- apex
 *
 * Labels are counted from the left; the address is written backwards, so that label 0 is its last
 * octet or nibble. A short name of digits may be the start of an IPv4 address and of an IPv6
 * address at once; both are kept. Only the canonical form of an octet is a name of the zone: "099"
 * does not exist.
 */
enum { V4_LABELS = 4, V6_LABELS = 32, ODD_OCTET = 0x7f };

static struct span qname_label(const struct dns_query *query, unsigned index)
{
	const uint8_t *label = query->name + query->label_at[index];

	return span_of(label + 1, label[0]);
}

/* -1: not an octet in canonical form. */
static int qname_octet(struct span label)
{
	int value = 0;

	if (label.len == 0 || label.len > 3 || (label.len > 1 && label.ptr[0] == '0'))
		return -1;
	for (size_t i = 0; i < label.len; i++) {
		if (!ascii_is_digit(label.ptr[i]))
			return -1;
		value = value * 10 + (label.ptr[i] - '0');
	}
	return value <= 255 ? value : -1;
}

static void qname_parse_v4(const struct dns_query *query, unsigned labels, struct zone_qname *qname)
{
	struct ip ip = ip_from_v4(0);

	if (labels > V4_LABELS)
		return;
	for (unsigned i = 0; i < labels; i++) {
		int octet = qname_octet(qname_label(query, labels - 1 - i));

		if (octet < 0)
			return;
		ip.b[12 + i] = (uint8_t)octet;
	}
	if (labels == V4_LABELS) {
		qname->has_ip = true;
		qname->ip = ip;
	} else {
		qname->nets[qname->nets_len++] =
			(struct prefix){ip, (uint8_t)(IP_V4_BITS + labels * 8)};
	}
}

/* ::ffff:a.b.c.d in nibbles is the same address as a.b.c.d, as everywhere here; so the IPv6 test
 * entries of RFC 5782 section 5 (::FFFF:7F00:2 and ::FFFF:7F00:1) need no rule of their own. */
static void qname_parse_v6(const struct dns_query *query, unsigned labels, struct zone_qname *qname)
{
	struct ip ip = {{0}};

	if (labels > V6_LABELS)
		return;
	for (unsigned i = 0; i < labels; i++) {
		struct span label = qname_label(query, labels - 1 - i);

		if (label.len != 1 || !ascii_is_hex(label.ptr[0]))
			return;
		ip.b[i / 2] |= (uint8_t)(ascii_hex_value(label.ptr[0]) << (i % 2 == 0 ? 4 : 0));
	}
	if (labels == V6_LABELS) {
		qname->has_ip = true;
		qname->ip = ip;
	} else {
		qname->nets[qname->nets_len++] = (struct prefix){ip, (uint8_t)(labels * 4)};
	}
}

/* Labels joined by dots. Any octet may stand in a label (RFC 2181 section 11); those that no entry
 * has, and a dot that would make two labels of one, are another that none has: such a name is
 * listed when all below one above it is. */
static void qname_parse_domain(
	const struct dns_query *query, unsigned labels, struct zone_qname *qname)
{
	size_t len = 0;

	for (unsigned i = 0; i < labels; i++) {
		struct span label = qname_label(query, i);

		if (i != 0)
			qname->text[len++] = '.';
		for (size_t j = 0; j < label.len; j++) {
			bool is_odd = label.ptr[j] <= ' ' || label.ptr[j] == '.';

			qname->text[len++] = is_odd ? (uint8_t)ODD_OCTET : label.ptr[j];
		}
	}
	qname->domain = span_of(qname->text, len);
}

/* Octets and nibbles are told from the names of lists and sublists at a glance (RFC 5782
 * section 2.3). */
static bool qname_is_of_address(const struct zone *zone, struct span label)
{
	return label.len < 2 || (zone->holds == LIST_OF_ADDRESSES && qname_octet(label) >= 0);
}

/* The mask of the sublist of that name among `sublists`; 0: there is none. */
static uint32_t qname_sublist(const struct zone *zone, uint32_t sublists, struct span label)
{
	if (qname_is_of_address(zone, label))
		return 0;
	for (size_t i = 0; i < zone->sublists_len; i++) {
		if ((sublists >> i & 1) != 0 && span_equal(zone->sublists[i].label, label))
			return 1U << i;
	}
	return 0;
}

static uint32_t qname_list(const struct zone *zone, struct span label)
{
	if (qname_is_of_address(zone, label))
		return 0;
	for (size_t i = 0; i < zone->lists_len; i++) {
		if (span_equal(zone->lists[i].label, label))
			return zone->lists[i].sublists;
	}
	return 0;
}

/* Takes the labels of a list and a sublist off the end of the name; how many are left. */
static unsigned qname_parse_lists(const struct zone *zone, const struct dns_query *query,
	unsigned labels, struct zone_qname *qname)
{
	uint32_t within = zone->all;

	if (zone->is_combined) {
		within = qname_list(zone, qname_label(query, labels - 1));
		if (within == 0)
			return labels;
		qname->within = within;
		labels--;
	}
	within = labels != 0 ? qname_sublist(zone, within, qname_label(query, labels - 1)) : 0;
	if (within == 0)
		return labels;
	qname->within = within;
	return labels - 1;
}

static const struct zone_host *qname_host(const struct zone *zone, const struct dns_query *query)
{
	struct span name = span_of(query->name, query->name_len);

	for (size_t i = 0; i < zone->hosts_len; i++) {
		if (span_equal(name, dns_name_span(&zone->hosts[i].name)))
			return &zone->hosts[i];
	}
	return NULL;
}

void zone_qname_parse(const struct zone *zone, const struct dns_query *query, unsigned key_labels,
	struct zone_qname *ret_qname)
{
	unsigned labels = query->labels_len - zone->apex_labels - key_labels;

	ret_qname->is_apex = labels == 0 && key_labels == 0;
	ret_qname->is_list = labels == 0 && key_labels != 0; /* as there, and as empty */
	ret_qname->within = zone->all;
	ret_qname->host = NULL;
	ret_qname->has_ip = false;
	ret_qname->nets_len = 0;
	ret_qname->domain = span_of(NULL, 0);
	if (labels == 0)
		return;
	if (labels == 1 && key_labels == 0 && zone->hosts_len != 0)
		ret_qname->host = qname_host(zone, query);
	labels = qname_parse_lists(zone, query, labels, ret_qname);
	ret_qname->is_list = labels == 0;
	if (labels == 0 || ret_qname->host != NULL)
		return;
	if (zone->holds == LIST_OF_DOMAINS) {
		qname_parse_domain(query, labels, ret_qname);
		return;
	}
	qname_parse_v4(query, labels, ret_qname);
	if (qname_label(query, 0).len == 1)
		qname_parse_v6(query, labels, ret_qname);
}

const struct zone *zone_of_qname(const struct zone_table *table, const struct dns_query *query)
{
	for (size_t i = 0; i < table->zones_len; i++) {
		const struct zone *zone = &table->zones[i];

		if (dns_query_is_in(query, &zone->apex, zone->apex_labels))
			return zone;
	}
	return NULL;
}
