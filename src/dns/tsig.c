/* SPDX-License-Identifier: ISC */
#include "dns/tsig.h"

#include <sodium.h>

#include "base/macro.h"
#include "base/reader.h"

/*
 * What a MAC covers (RFC 8945 section 4.3):
 *
 *   query            message, variables
 *   first answer     MAC of the query, message, variables
 *   further answers  MAC before it, unsigned messages since, message, times
 *
 * The message is hashed as it was before its TSIG record was added: with the ID it had then and one
 * record less. So it is hashed in parts and never copied. Names are hashed in lower case and
 * uncompressed (section 4.3.3).
 */
enum { TIME_FUDGE = 8, CLASS_ANY = 255, TIME_BITS = 48, MAC_LEAST = 10, RECORD_FIXED = 10 };

union hash {
	crypto_auth_hmacsha256_state sha256;
	crypto_auth_hmacsha512_state sha512;
};

_Static_assert(sizeof(union hash) <= TSIG_STATE_SIZE, "the state of a MAC");
_Static_assert(crypto_auth_hmacsha512_BYTES <= TSIG_MAC_MAX, "the longest MAC");

static const struct {
	const char *name;
	struct span wire;
	size_t mac_len;
} algorithms[] = {
	[TSIG_HMAC_SHA256] = {"hmac-sha256", {(const uint8_t *)"\13hmac-sha256", 13},
		crypto_auth_hmacsha256_BYTES},
	[TSIG_HMAC_SHA512] = {"hmac-sha512", {(const uint8_t *)"\13hmac-sha512", 13},
		crypto_auth_hmacsha512_BYTES},
};

/* ---- keys ---- */

int tsig_key_init(struct tsig_key *key, const struct tsig_key_text *from, struct fault *why)
{
	struct span base64 = from->base64;
	const char *text = (const char *)base64.ptr;
	const char *end = text;

	key->secret_len = 0;
	key->algorithm = from->algorithm;
	if (dns_name_parse(from->name, &key->name) < 0)
		return fault_set(why, E_PARSE, "the name of a key is not a domain name");
	dns_name_lower(&key->name);
	if (base64.len == 0 ||
		sodium_base642bin(key->secret, sizeof(key->secret), text, base64.len, " \t\r\n",
			&key->secret_len, &end, sodium_base64_VARIANT_ORIGINAL) != 0 ||
		end != text + base64.len) {
		tsig_key_done(key);
		return fault_set(why, E_PARSE, "not a secret in base64 of at most %d octets",
			TSIG_SECRET_MAX);
	}
	if (key->secret_len < TSIG_SECRET_LEAST) {
		tsig_key_done(key);
		return fault_set(why, E_LIMIT, "a secret of less than %d octets can be guessed",
			TSIG_SECRET_LEAST);
	}
	return 0;
}

void tsig_key_done(struct tsig_key *key)
{
	sodium_memzero(key->secret, sizeof(key->secret));
	key->secret_len = 0;
}

/* ---- the MAC ---- */

static void mac_begin(struct tsig_exchange *exchange)
{
	const struct tsig_key *key = exchange->key;
	union hash *hash = (union hash *)exchange->state;

	if (key->algorithm == TSIG_HMAC_SHA256)
		crypto_auth_hmacsha256_init(&hash->sha256, key->secret, key->secret_len);
	else
		crypto_auth_hmacsha512_init(&hash->sha512, key->secret, key->secret_len);
	exchange->is_open = true;
}

static void mac_add(struct tsig_exchange *exchange, struct span s)
{
	union hash *hash = (union hash *)exchange->state;

	if (exchange->key->algorithm == TSIG_HMAC_SHA256)
		crypto_auth_hmacsha256_update(&hash->sha256, s.ptr, s.len);
	else
		crypto_auth_hmacsha512_update(&hash->sha512, s.ptr, s.len);
}

static void mac_end(struct tsig_exchange *exchange, uint8_t mac[TSIG_MAC_MAX])
{
	union hash *hash = (union hash *)exchange->state;

	if (exchange->key->algorithm == TSIG_HMAC_SHA256)
		crypto_auth_hmacsha256_final(&hash->sha256, mac);
	else
		crypto_auth_hmacsha512_final(&hash->sha512, mac);
	sodium_memzero(hash, sizeof(*hash));
	exchange->is_open = false;
}

static void put_u16(uint8_t *p, unsigned value)
{
	p[0] = (uint8_t)(value >> 8);
	p[1] = (uint8_t)value;
}

static void put_u48(uint8_t *p, uint64_t value)
{
	for (int i = 5; i >= 0; i--, value >>= 8)
		p[i] = (uint8_t)value;
}

static void mac_add_u16(struct tsig_exchange *exchange, unsigned value)
{
	uint8_t octets[2];

	put_u16(octets, value);
	mac_add(exchange, span_of(octets, sizeof(octets)));
}

/* What stands before the first message since the last MAC: that MAC, with its length (section
 * 4.3.1). */
static void mac_open(struct tsig_exchange *exchange)
{
	if (exchange->is_open)
		return;
	mac_begin(exchange);
	if (!exchange->is_answer)
		return;
	mac_add_u16(exchange, (unsigned)exchange->mac_len);
	mac_add(exchange, span_of(exchange->mac, exchange->mac_len));
}

/* A TSIG record as a value, of either direction. */
struct tsig {
	struct dns_name key_name;
	struct dns_name algorithm_name;
	uint64_t time_s;
	uint16_t fudge_s;
	struct span mac;
	uint16_t original_id;
	uint16_t error;
	struct span other;
	unsigned records; /* before it in its section */
};

static void mac_add_times(struct tsig_exchange *exchange, const struct tsig *tsig)
{
	uint8_t times[TIME_FUDGE];

	put_u48(times, tsig->time_s);
	put_u16(times + 6, tsig->fudge_s);
	mac_add(exchange, span_of(times, sizeof(times)));
}

static void mac_add_variables(struct tsig_exchange *exchange, const struct tsig *tsig)
{
	static const uint8_t class_ttl[] = {0, CLASS_ANY, 0, 0, 0, 0};

	mac_add(exchange, dns_name_span(&tsig->key_name));
	mac_add(exchange, span_of(class_ttl, sizeof(class_ttl)));
	mac_add(exchange, dns_name_span(&tsig->algorithm_name));
	mac_add_times(exchange, tsig);
	mac_add_u16(exchange, tsig->error);
	mac_add_u16(exchange, (unsigned)tsig->other.len);
	mac_add(exchange, tsig->other);
}

/* The MAC of the message without its TSIG record. */
static void mac_message(struct tsig_exchange *exchange, struct span message,
	const struct tsig *tsig, uint8_t mac[TSIG_MAC_MAX])
{
	mac_open(exchange);
	mac_add_u16(exchange, tsig->original_id);
	mac_add(exchange, span_of(message.ptr + 2, 8));
	mac_add_u16(exchange, tsig->records);
	mac_add(exchange, span_from(message, DNS_HEADER_SIZE));
	if (exchange->is_stream)
		mac_add_times(exchange, tsig);
	else
		mac_add_variables(exchange, tsig);
	mac_end(exchange, mac);
}

static void exchange_keep_mac(struct tsig_exchange *exchange, struct span mac)
{
	if (mac.len != 0)
		memcpy(exchange->mac, mac.ptr, mac.len);
	exchange->mac_len = mac.len;
}

/* ---- reading ---- */

static uint64_t reader_u48(struct reader *reader)
{
	uint64_t high = reader_u16(reader);

	return high << 32 | reader_u32(reader);
}

/* The record has to be the last of the message, of class ANY and TTL 0 (section 4.2). */
static int tsig_read(struct span message, size_t at, struct tsig *ret_tsig)
{
	struct reader reader;
	struct tsig tsig;
	size_t rdata_at;
	uint16_t rdata_len;
	bool bad;

	if (dns_name_decode(message, &at, &tsig.key_name) < 0)
		return E_PARSE;
	reader = reader_of(span_from(message, at));
	bad = reader_u16(&reader) != DNS_TSIG;
	bad |= reader_u16(&reader) != CLASS_ANY;
	bad |= reader_u32(&reader) != 0;
	rdata_len = reader_u16(&reader);
	bad |= rdata_len != reader.rest.len;
	rdata_at = at + RECORD_FIXED;
	if (reader.bad || bad || dns_name_decode(message, &rdata_at, &tsig.algorithm_name) < 0)
		return E_PARSE;
	reader = reader_of(span_from(message, rdata_at));
	tsig.records = (unsigned)(message.ptr[10] << 8 | message.ptr[11]) - 1;
	tsig.time_s = reader_u48(&reader);
	tsig.fudge_s = reader_u16(&reader);
	tsig.mac = reader_bytes(&reader, reader_u16(&reader));
	tsig.original_id = reader_u16(&reader);
	tsig.error = reader_u16(&reader);
	tsig.other = reader_bytes(&reader, reader_u16(&reader));
	if (reader.bad || reader.rest.len != 0)
		return E_PARSE;
	dns_name_lower(&tsig.key_name);
	dns_name_lower(&tsig.algorithm_name);
	*ret_tsig = tsig;
	return 0;
}

static bool tsig_is_of(const struct tsig *tsig, const struct tsig_key *key)
{
	return span_equal(dns_name_span(&tsig->key_name), dns_name_span(&key->name)) &&
	       span_equal(dns_name_span(&tsig->algorithm_name), algorithms[key->algorithm].wire);
}

/* Shorter than half of it, or longer than it is, is no MAC at all (section 5.2.2.1). */
static bool tsig_mac_has_form(const struct tsig *tsig, size_t whole)
{
	size_t least = whole / 2 > MAC_LEAST ? whole / 2 : MAC_LEAST;

	return tsig->mac.len >= least && tsig->mac.len <= whole;
}

static bool tsig_is_timely(const struct tsig *tsig, int64_t now_s)
{
	int64_t off_s = now_s - (int64_t)tsig->time_s;

	return off_s <= tsig->fudge_s && off_s >= -(int64_t)tsig->fudge_s;
}

/* Whether the MAC in the record is the one that the key makes, as far as it goes. Takes the same
 * time for every answer. */
static bool tsig_mac_is_right(
	struct tsig_exchange *exchange, struct span message, size_t at, const struct tsig *tsig)
{
	uint8_t mac[TSIG_MAC_MAX];
	bool right;

	mac_message(exchange, span_first(message, at), tsig, mac);
	right = sodium_memcmp(mac, tsig->mac.ptr, tsig->mac.len) == 0;
	sodium_memzero(mac, sizeof(mac));
	return right;
}

static bool record_is_inside(struct span message, size_t at)
{
	return at >= DNS_HEADER_SIZE && at < message.len &&
	       (message.ptr[10] != 0 || message.ptr[11] != 0);
}

static int query_refuse(struct tsig_exchange *exchange, uint16_t error)
{
	exchange->error = error;
	exchange->echo = true;
	return DNS_NOTAUTH;
}

int tsig_verify_query(struct tsig_exchange *exchange, const struct tsig_signed *message,
	const struct tsig_keys *keys, int64_t now_s)
{
	struct span octets = message->octets;
	struct tsig tsig;

	tsig_begin(exchange, NULL);
	if (!record_is_inside(octets, message->tsig_at) ||
		tsig_read(octets, message->tsig_at, &tsig) < 0)
		return DNS_FORMERR;
	exchange->key_name = tsig.key_name;
	exchange->algorithm_name = tsig.algorithm_name;
	exchange->query_time_s = tsig.time_s;
	exchange->query_fudge_s = tsig.fudge_s;
	for (size_t i = 0; i < keys->len && exchange->key == NULL; i++) {
		if (tsig_is_of(&tsig, &keys->items[i]))
			exchange->key = &keys->items[i];
	}
	if (exchange->key == NULL)
		return query_refuse(exchange, TSIG_BADKEY);
	if (!tsig_mac_has_form(&tsig, algorithms[exchange->key->algorithm].mac_len)) {
		exchange->key = NULL;
		return DNS_FORMERR;
	}
	if (!tsig_mac_is_right(exchange, octets, message->tsig_at, &tsig)) {
		exchange->key = NULL; /* and so nothing is ever signed for who has it not */
		return query_refuse(exchange, TSIG_BADSIG);
	}
	exchange_keep_mac(exchange, tsig.mac);
	exchange->is_answer = true;
	if (!tsig_is_timely(&tsig, now_s))
		return query_refuse(exchange, TSIG_BADTIME);
	if (tsig.mac.len != algorithms[exchange->key->algorithm].mac_len)
		return query_refuse(exchange, TSIG_BADTRUNC);
	return DNS_NOERROR;
}

static int answer_take_unsigned(struct tsig_exchange *exchange, struct span message)
{
	if (!exchange->is_stream)
		return E_DENIED; /* the first one has to be signed */
	if (exchange->unsigned_len == TSIG_UNSIGNED_MAX)
		return E_LIMIT;
	mac_open(exchange);
	mac_add(exchange, message);
	exchange->unsigned_len++;
	return 0;
}

int tsig_verify_answer(
	struct tsig_exchange *exchange, struct span message, size_t tsig_at, int64_t now_s)
{
	struct tsig tsig;

	exchange->error = 0;
	if (message.len < DNS_HEADER_SIZE)
		return E_PARSE;
	if (tsig_at == 0)
		return answer_take_unsigned(exchange, message);
	if (!record_is_inside(message, tsig_at) || tsig_read(message, tsig_at, &tsig) < 0)
		return E_PARSE;
	exchange->error =
		tsig.error; /* whoever wrote it: an answer with an error is believed in nothing */
	if (!tsig_is_of(&tsig, exchange->key) ||
		tsig.mac.len != algorithms[exchange->key->algorithm].mac_len ||
		!tsig_mac_is_right(exchange, message, tsig_at, &tsig))
		return E_DENIED;
	if (!tsig_is_timely(&tsig, now_s)) {
		exchange->error = TSIG_BADTIME;
		return E_DENIED;
	}
	if (tsig.error != 0)
		return E_DENIED;
	exchange_keep_mac(exchange, tsig.mac);
	exchange->is_stream = true;
	exchange->unsigned_len = 0;
	return 1;
}

bool tsig_is_whole(const struct tsig_exchange *exchange)
{
	return exchange->is_stream && exchange->unsigned_len == 0;
}

/* ---- signing ---- */

void tsig_begin(struct tsig_exchange *exchange, const struct tsig_key *key)
{
	exchange->key = key;
	exchange->error = 0;
	exchange->is_answer = false;
	exchange->is_stream = false;
	exchange->is_open = false;
	exchange->echo = false;
	exchange->unsigned_len = 0;
	exchange->mac_len = 0;
}

size_t tsig_room(const struct tsig_exchange *exchange)
{
	enum { RDATA_FIXED = 16, OTHER = 6 };
	size_t names, mac;

	if (exchange->key == NULL && !exchange->echo)
		return 0;
	names = exchange->echo
			? (size_t)exchange->key_name.len + exchange->algorithm_name.len
			: exchange->key->name.len + algorithms[exchange->key->algorithm].wire.len;
	mac = exchange->key != NULL ? algorithms[exchange->key->algorithm].mac_len : 0;
	return names + RECORD_FIXED + RDATA_FIXED + mac + (exchange->echo ? OTHER : 0);
}

/* The fields of the next record but the MAC. A BADTIME is told at the time of the client, so that
 * it can be verified, with ours as other data (section 5.2.3). */
static void tsig_prepare(
	const struct tsig_exchange *exchange, int64_t now_s, uint8_t other[6], struct tsig *tsig)
{
	uint64_t time_s = now_s > 0 ? (uint64_t)now_s & ((UINT64_C(1) << TIME_BITS) - 1) : 0;
	bool own = exchange->error != TSIG_BADTIME || !exchange->echo;

	if (exchange->echo) {
		tsig->key_name = exchange->key_name;
		tsig->algorithm_name = exchange->algorithm_name;
	} else {
		struct span wire = algorithms[exchange->key->algorithm].wire;

		tsig->key_name = exchange->key->name;
		tsig->algorithm_name.len = (uint8_t)wire.len;
		memcpy(tsig->algorithm_name.wire, wire.ptr, wire.len);
	}
	put_u48(other, time_s);
	tsig->time_s = own ? time_s : exchange->query_time_s;
	tsig->fudge_s = own ? TSIG_FUDGE_S : exchange->query_fudge_s;
	tsig->error = exchange->echo ? exchange->error : 0;
	tsig->other = span_of(other, own ? 0 : 6);
	tsig->mac = span_of(NULL, 0);
}

static uint8_t *put_span(uint8_t *p, struct span s)
{
	if (s.len != 0)
		memcpy(p, s.ptr, s.len);
	return p + s.len;
}

static size_t tsig_write(const struct tsig *tsig, uint8_t *out)
{
	uint8_t *p = put_span(out, dns_name_span(&tsig->key_name));
	uint8_t *rdata = p + RECORD_FIXED;

	put_u16(p, DNS_TSIG);
	put_u16(p + 2, CLASS_ANY);
	memset(p + 4, 0, 4);
	rdata = put_span(rdata, dns_name_span(&tsig->algorithm_name));
	put_u48(rdata, tsig->time_s);
	put_u16(rdata + 6, tsig->fudge_s);
	put_u16(rdata + 8, (unsigned)tsig->mac.len);
	rdata = put_span(rdata + 10, tsig->mac);
	put_u16(rdata, tsig->original_id);
	put_u16(rdata + 2, tsig->error);
	put_u16(rdata + 4, (unsigned)tsig->other.len);
	rdata = put_span(rdata + 6, tsig->other);
	put_u16(p + 8, (unsigned)(rdata - p - RECORD_FIXED));
	return (size_t)(rdata - out);
}

size_t tsig_sign(struct tsig_exchange *exchange, const struct tsig_message *message, int64_t now_s)
{
	uint8_t *octets = message->octets;
	size_t size = message->size < DNS_MESSAGE_MAX ? message->size : DNS_MESSAGE_MAX;
	size_t len = message->len;
	uint8_t mac[TSIG_MAC_MAX];
	uint8_t other[6];
	struct tsig tsig;

	if (exchange->key == NULL && !exchange->echo)
		return len;
	if (len > size || size - len < tsig_room(exchange))
		return 0;
	tsig_prepare(exchange, now_s, other, &tsig);
	tsig.original_id = (uint16_t)(octets[0] << 8 | octets[1]);
	tsig.records = (unsigned)(octets[10] << 8 | octets[11]);
	if (exchange->key != NULL) {
		mac_message(exchange, span_of(octets, len), &tsig, mac);
		tsig.mac = span_of(mac, algorithms[exchange->key->algorithm].mac_len);
		exchange_keep_mac(exchange, tsig.mac);
		exchange->is_stream = exchange->is_answer;
		exchange->is_answer = true;
	}
	put_u16(octets + 10, tsig.records + 1);
	return len + tsig_write(&tsig, octets + len);
}

const char *tsig_error_name(unsigned error)
{
	switch (error) {
	case TSIG_BADSIG:
		return "BADSIG";
	case TSIG_BADKEY:
		return "BADKEY";
	case TSIG_BADTIME:
		return "BADTIME";
	case TSIG_BADTRUNC:
		return "BADTRUNC";
	default:
		return error == 0 ? "none" : "unknown";
	}
}
