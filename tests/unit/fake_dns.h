/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * A name server in the loop of a test: answers from a table, NXDOMAIN with a SOA for all else.
 * Values are those of a zone file; "servfail", "refused" and "silence" are what they say, for all
 * types, "denied" is SERVFAIL for its own type alone. A name "*" stands for all names. Where
 * silence_ms is set, a silence takes that long by the clock of moving_clock.h.
 */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/macro.h"
#include "dns/message.h"
#include "loop/loop.h"
#include "loop/socket.h"
#include "moving_clock.h"

enum { FAKE_RECORDS_MAX = 96 };

struct fake_record {
	const char *name;
	uint16_t type;
	const char *value;
};

struct fake_dns {
	struct loop *loop;
	struct endpoint endpoint;
	int fd;
	struct watch *watch;
	size_t count;
	struct fake_record records[FAKE_RECORDS_MAX];
	unsigned queries;
	int64_t silence_ms;
	char last[DNS_NAME_TEXT_SIZE];
	/* A value in the place of all records; "nxdomain": none. NULL: as the table says. */
	const char *(*hook)(const char *name, uint16_t type);
};

static inline void fake_dns_add(
	struct fake_dns *dns, const char *name, uint16_t type, const char *value)
{
	assert_true(dns->count < FAKE_RECORDS_MAX);
	dns->records[dns->count++] = (struct fake_record){name, type, value};
}

static inline void fake_dns_clear(struct fake_dns *dns)
{
	dns->count = 0;
}

static inline void fake_rdata(uint16_t type, const char *value, struct buf *out)
{
	struct dns_name name;
	struct ip ip;

	if (type == DNS_A) {
		assert_int_equal(ip_parse(span_text(value), &ip), 0);
		buf_append_u32(out, ip_to_v4(ip));
	} else if (type == DNS_AAAA) {
		assert_int_equal(ip_parse(span_text(value), &ip), 0);
		buf_append(out, span_of(ip.b, sizeof(ip.b)));
	} else if (type == DNS_TXT) {
		assert_true(strlen(value) <= UINT8_MAX);
		buf_append_byte(out, (uint8_t)strlen(value));
		buf_append_text(out, value);
	} else {
		if (type == DNS_MX)
			buf_append_u16(out, 10);
		assert_int_equal(dns_name_parse(span_text(value), &name), 0);
		buf_append(out, dns_name_span(&name));
	}
}

static inline void fake_record_append(const struct dns_name *name, uint16_t type, uint32_t ttl_s,
	struct span rdata, struct buf *out)
{
	buf_append(out, dns_name_span(name));
	buf_append_u16(out, type);
	buf_append_u16(out, DNS_IN);
	buf_append_u32(out, ttl_s);
	buf_append_u16(out, (uint16_t)rdata.len);
	buf_append(out, rdata);
}

static inline void fake_soa_append(struct buf *out)
{
	static const uint8_t rdata[] = {
		0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 60};
	struct dns_name root = {.len = 1};

	fake_record_append(&root, DNS_SOA, 60, span_of(rdata, sizeof(rdata)), out);
}

/* False: say nothing. */
static inline bool fake_dns_reply(
	struct fake_dns *dns, const struct dns_message *query, struct buf *out)
{
	uint16_t rcode = DNS_NXDOMAIN;
	uint16_t answers = 0;
	const char *value = dns->hook != NULL ? dns->hook(dns->last, query->type) : NULL;
	struct fake_record hooked = {"*", query->type, value};
	struct buf body;
	struct buf rdata;

	buf_init(&body, 0);
	buf_init(&rdata, 0);
	for (size_t i = 0; i < (value != NULL ? 1 : dns->count); i++) {
		const struct fake_record *r = value != NULL ? &hooked : &dns->records[i];

		if (strcmp(r->value, "nxdomain") == 0 ||
			(strcmp(r->name, "*") != 0 && strcasecmp(r->name, dns->last) != 0))
			continue;
		if (strcmp(r->value, "silence") == 0) {
			if (dns->silence_ms != 0)
				moving_clock_add(dns->silence_ms);
			return false;
		}
		rcode = DNS_NOERROR;
		if (strcmp(r->value, "servfail") == 0 || strcmp(r->value, "refused") == 0) {
			rcode = r->value[0] == 's' ? DNS_SERVFAIL : DNS_REFUSED;
			break;
		}
		if (r->type != query->type)
			continue;
		if (strcmp(r->value, "denied") == 0) {
			rcode = DNS_SERVFAIL;
			break;
		}
		buf_clear(&rdata);
		fake_rdata(r->type, r->value, &rdata);
		fake_record_append(&query->name, r->type, 300, buf_span(&rdata), &body);
		answers++;
	}
	buf_append_u16(out, query->id);
	buf_append_u16(out, (uint16_t)(DNS_FLAG_QR | DNS_FLAG_RD | DNS_FLAG_RA | rcode));
	buf_append_u16(out, 1);
	buf_append_u16(out, answers);
	buf_append_u16(out, answers == 0);
	buf_append_u16(out, 0);
	buf_append(out, dns_name_span(&query->name));
	buf_append_u16(out, query->type);
	buf_append_u16(out, DNS_IN);
	buf_append(out, buf_span(&body));
	if (answers == 0)
		fake_soa_append(out);
	buf_done(&body);
	buf_done(&rdata);
	return true;
}

static inline void fake_dns_on_query(struct watch *watch, int ready, void *arg)
{
	struct fake_dns *dns = arg;
	struct sockaddr_storage client;
	socklen_t client_len = sizeof(client);
	uint8_t bytes[2000];
	struct dns_message query;
	struct buf out;
	ssize_t n;

	(void)watch;
	(void)ready;
	n = recvfrom(dns->fd, bytes, sizeof(bytes), 0, (struct sockaddr *)&client, &client_len);
	if (n < 0)
		return;
	assert_int_equal(dns_message_decode(span_of(bytes, (size_t)n), &query), 0);
	dns_name_print(&query.name, dns->last);
	dns->queries++;
	buf_init(&out, 0);
	if (fake_dns_reply(dns, &query, &out))
		sendto(dns->fd, buf_span(&out).ptr, buf_len(&out), 0, (struct sockaddr *)&client,
			client_len);
	buf_done(&out);
}

static inline void fake_dns_init(struct fake_dns *dns, struct loop *loop)
{
	struct endpoint any = {.port = 0};

	memset(dns, 0, sizeof(*dns));
	dns->loop = loop;
	assert_int_equal(ip_parse(span_text("127.0.0.1"), &any.ip), 0);
	assert_int_equal(socket_bind_udp(any, 0, &dns->fd, NULL), 0);
	assert_int_equal(socket_local(dns->fd, &dns->endpoint), 0);
	dns->watch = watch_new(loop, dns->fd, fake_dns_on_query, dns);
	watch_set(dns->watch, WATCH_READ);
}

static inline void fake_dns_done(struct fake_dns *dns)
{
	watch_free(&dns->watch);
	close(dns->fd);
}
