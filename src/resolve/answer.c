/* SPDX-License-Identifier: ISC */
#include "resolve/answer.h"

#include "base/macro.h"
#include "base/mem.h"
#include "base/reader.h"

struct reading {
	const struct dns_message *message;
	struct dns_name name; /* at the end of the CNAMEs */
	uint16_t type;
	uint32_t ttl_s; /* the smallest seen */
	uint8_t count;
	bool spoilt; /* a record could not be kept */
	struct buf bytes;
};

static uint32_t ttl_smaller(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

/* ---- records: packed as 16 octets (A, AAAA) or as a length and octets ---- */

static int pack_target(struct reading *reading, const struct dns_record *record)
{
	struct dns_name target;
	int r = dns_record_target(reading->message, record, &target);

	if (r < 0)
		return r;
	buf_append_u16(&reading->bytes, target.len);
	buf_append(&reading->bytes, dns_name_span(&target));
	return 0;
}

static int pack_text(struct reading *reading, const struct dns_record *record)
{
	struct buf text;
	int r;

	buf_init(&text, UINT16_MAX);
	r = dns_record_text(record, &text);
	if (r >= 0) {
		buf_append_u16(&reading->bytes, (uint16_t)buf_len(&text));
		buf_append(&reading->bytes, buf_span(&text));
	}
	buf_done(&text);
	return r;
}

static int pack_ip(struct reading *reading, const struct dns_record *record)
{
	struct ip ip;
	int r = dns_record_ip(record, &ip);

	if (r >= 0)
		buf_append(&reading->bytes, span_of(ip.b, sizeof(ip.b)));
	return r;
}

static int pack(struct reading *reading, const struct dns_record *record)
{
	switch (record->type) {
	case DNS_A:
	case DNS_AAAA:
		return pack_ip(reading, record);
	case DNS_PTR:
	case DNS_MX:
		return pack_target(reading, record);
	case DNS_TXT:
		return pack_text(reading, record);
	default:
		return E_PARSE;
	}
}

/* A record that has not the form of its type, or no room any more, counts as absent beside others;
 * when there is no other, that is not "no": somebody answered, and nobody knows what. */
static void reading_add(struct reading *reading, const struct dns_record *record)
{
	size_t len = buf_len(&reading->bytes);

	if (reading->count == RESOLVER_RECORDS_MAX)
		return;
	if (pack(reading, record) < 0 || reading->bytes.bad) {
		buf_cut(&reading->bytes, len);
		reading->spoilt = true;
		return;
	}
	reading->count++;
	reading->ttl_s = ttl_smaller(reading->ttl_s, record->ttl_s);
}

static bool record_is_for(
	const struct reading *reading, const struct dns_record *record, uint16_t type)
{
	return record->type == type && record->class == DNS_IN &&
	       dns_name_equal(&record->name, &reading->name);
}

/* One step along the aliases: 1 taken, 0 none, negative not to be read. */
static int reading_follow(struct reading *reading)
{
	struct dns_walk walk = {.section = DNS_ANSWER};
	struct dns_record record;

	while (dns_message_next(reading->message, &walk, &record) == 1) {
		if (!record_is_for(reading, &record, DNS_CNAME))
			continue;
		reading->ttl_s = ttl_smaller(reading->ttl_s, record.ttl_s);
		return dns_record_target(reading->message, &record, &reading->name) < 0 ? E_PARSE
											: 1;
	}
	return 0;
}

static int reading_collect(struct reading *reading)
{
	struct dns_walk walk = {.section = DNS_ANSWER};
	struct dns_record record;
	unsigned steps = 0;
	int r;

	while ((r = reading_follow(reading)) > 0)
		if (++steps > ANSWER_CNAMES_MAX)
			return E_LIMIT; /* a loop, mostly */
	if (r < 0)
		return r;
	while (dns_message_next(reading->message, &walk, &record) == 1)
		if (record_is_for(reading, &record, reading->type))
			reading_add(reading, &record);
	return 0;
}

/* How long "no" holds: the smaller of the SOA's own TTL and its minimum (RFC 2308 section 5);
 * without a SOA it is not kept. has_ns: the section looks like a referral. */
static uint32_t negative_ttl(const struct dns_message *message, bool *ret_has_soa, bool *ret_has_ns)
{
	struct dns_walk walk = {.section = DNS_AUTHORITY};
	struct dns_record record;
	struct dns_soa soa;
	uint32_t ttl_s = 0;

	while (dns_message_next(message, &walk, &record) == 1) {
		*ret_has_ns = *ret_has_ns || record.type == DNS_NS;
		if (*ret_has_soa || dns_record_soa(message, &record, &soa) < 0)
			continue;
		*ret_has_soa = true;
		ttl_s = ttl_smaller(record.ttl_s, soa.minimum_s);
	}
	return ttl_smaller(ttl_s, ANSWER_TTL_MAX_S);
}

static struct dns_answer *dns_answer_new(const struct dns_answer *head, struct span bytes)
{
	struct dns_answer *answer = mem_alloc(sizeof(*answer) + bytes.len);

	*answer = *head;
	answer->holders = 1;
	answer->len = bytes.len;
	if (bytes.len != 0)
		memcpy(answer->bytes, bytes.ptr, bytes.len);
	return answer;
}

struct dns_answer *dns_answer_new_failed(enum resolver_status status)
{
	struct dns_answer head = {
		.status = status, .ttl_s = status == RESOLVER_FAILED ? ANSWER_TTL_FAILED_S : 0};

	return dns_answer_new(&head, (struct span){0});
}

static struct dns_answer *dns_answer_new_found(const struct reading *reading)
{
	struct dns_answer head = {.status = RESOLVER_FOUND,
		.type = reading->type,
		.count = reading->count,
		.ttl_s = ttl_smaller(reading->ttl_s, ANSWER_TTL_MAX_S)};

	if (head.ttl_s < ANSWER_TTL_MIN_S)
		head.ttl_s = ANSWER_TTL_MIN_S;
	return dns_answer_new(&head, buf_span(&reading->bytes));
}

/* Nothing found: "no such name", "nothing of this type", or a resolver that does not resolve. */
static struct dns_answer *dns_answer_new_negative(const struct dns_message *message, uint16_t type)
{
	struct dns_answer head = {
		.status = message->rcode == DNS_NXDOMAIN ? RESOLVER_NXDOMAIN : RESOLVER_NODATA,
		.type = type};
	bool has_soa = false, has_ns = false;

	head.ttl_s = negative_ttl(message, &has_soa, &has_ns);
	if (message->rcode == DNS_NOERROR && has_ns && !has_soa)
		return dns_answer_new_failed(
			RESOLVER_FAILED); /* a referral: nobody recurses there */
	return dns_answer_new(&head, (struct span){0});
}

struct dns_answer *dns_answer_read(
	const struct dns_message *message, const struct resolver_question *question)
{
	struct reading reading = {.message = message,
		.name = *question->name,
		.type = question->type,
		.ttl_s = UINT32_MAX};
	struct dns_answer *answer;

	if (message->rcode != DNS_NOERROR && message->rcode != DNS_NXDOMAIN)
		return dns_answer_new_failed(RESOLVER_FAILED);
	buf_init(&reading.bytes, ANSWER_BYTES_MAX);
	if (message->rcode == DNS_NOERROR && reading_collect(&reading) < 0)
		answer = dns_answer_new_failed(RESOLVER_FAILED);
	else if (reading.count != 0)
		answer = dns_answer_new_found(&reading);
	else if (reading.spoilt)
		answer = dns_answer_new_failed(RESOLVER_FAILED);
	else
		answer = dns_answer_new_negative(message, question->type);
	buf_done(&reading.bytes);
	return answer;
}

struct dns_answer *dns_answer_hold(struct dns_answer *answer)
{
	answer->holders++;
	return answer;
}

void dns_answer_free(struct dns_answer **answer)
{
	if (*answer != NULL && --(*answer)->holders == 0)
		mem_free(*answer);
	*answer = NULL;
}

void dns_answer_unpack(
	const struct dns_answer *answer, uint32_t ttl_s, struct resolver_answer *ret_answer)
{
	struct reader reader = reader_of(span_of(answer->bytes, answer->len));

	ret_answer->status = answer->status;
	ret_answer->ttl_s = ttl_s;
	ret_answer->count = answer->count;
	for (size_t i = 0; i < answer->count; i++) {
		if (answer->type == DNS_A || answer->type == DNS_AAAA) {
			struct span ip = reader_bytes(&reader, sizeof(ret_answer->addresses[i].b));

			memcpy(ret_answer->addresses[i].b, ip.ptr, ip.len);
		} else {
			struct span bytes = reader_bytes(&reader, reader_u16(&reader));

			if (answer->type == DNS_TXT) {
				ret_answer->texts[i] = bytes;
				continue;
			}
			ret_answer->names[i].len = (uint8_t)bytes.len;
			memcpy(ret_answer->names[i].wire, bytes.ptr, bytes.len);
		}
	}
	ASSERT(!reader.bad);
}
