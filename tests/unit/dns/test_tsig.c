/* SPDX-License-Identifier: ISC */
#include "base/buf.h"
#include "dns/query.h"
#include "dns/tsig.h"
#include "unit.h"

enum { NOW_S = 1700000000, ROOM = 1024 };

/* A transfer of three messages as dnspython 2.3 signs it (dns.tsig, time 1700000000, key
 * Transfer.Example.ORG). */
static const struct vector {
	enum tsig_algorithm algorithm;
	const char *secret;
	const char *query;
	const char *answers[3];
} vectors[] = {
	{TSIG_HMAC_SHA256, "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
		"12340000000100000000000102626c076578616d706c65036f72670000fc0001085472616e73"
		"666572c00f00fa00ff00000000003d0b686d61632d7368613235360000006553f100012c0020"
		"0b918520eecd5ccb9c74a1eb6a65aa64e07171c7b36b6eeaed6ed20c6bfb15d2123400000000",
		{"12348400000100010000000102626c076578616d706c65036f72670000fc0001027830c00c00"
		 "0100010000012c00047f000002085472616e73666572c00f00fa00ff00000000003d0b686d61"
		 "632d7368613235360000006553f100012c00205be5cc54fee3c71113833c0530974e8a4b40a3"
		 "e6dbf0aac349db59e189938119123400000000",
			"12348400000000010000000102783102626c076578616d706c65036f72670000010001000001"
			"2c00047f000002085472616e73666572c01200fa00ff00000000003d0b686d61632d73686132"
			"35360000006553f100012c00200b7b68d9b744ef52dcff19195338fd12ac7882891c472203b0"
			"613d13d78d753c123400000000",
			"12348400000000010000000102783202626c076578616d706c65036f72670000010001000001"
			"2c00047f000002085472616e73666572c01200fa00ff00000000003d0b686d61632d73686132"
			"35360000006553f100012c002007c7858155fd15839b10f3998a48f9b415c8903f095d16bf0e"
			"428be8b11658f6123400000000"}},
	{TSIG_HMAC_SHA512,
		"ZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXp7fH1+f4CBgoOEhYaHiImKi4yNjo+QkZKTlJWWl5iZmpucnZ6foKGio6SlpqeoqaqrrK2ur7CxsrM=",
		"12340000000100000000000102626c076578616d706c65036f72670000fc0001085472616e73"
		"666572c00f00fa00ff00000000005d0b686d61632d7368613531320000006553f100012c0040"
		"afc0b8f538436432bdfeac4d22ede454dd12f19fe249b8ecb8be01784ba33a1537fed30fad57"
		"b19959585078c0a46e0d44dcfe371285eb7037a9d281ce4cb8a3123400000000",
		{"12348400000100010000000102626c076578616d706c65036f72670000fc0001027830c00c00"
		 "0100010000012c00047f000002085472616e73666572c00f00fa00ff00000000005d0b686d61"
		 "632d7368613531320000006553f100012c004075366da717ec10f139fd3904fea15567608d8a"
		 "9606a6d457ee9089bb2c97b7058ef10238c7524b9c979c270f24341e4eb7ed87bf96e458eaf6"
		 "f6b90638e3eb42123400000000",
			"12348400000000010000000102783102626c076578616d706c65036f72670000010001000001"
			"2c00047f000002085472616e73666572c01200fa00ff00000000005d0b686d61632d73686135"
			"31320000006553f100012c00401fab715e3aa4259f4109da77cf8ba4325ae36f5b7e2988b8d8"
			"b1230d79f8a8b00b0075005c032c7c085824040342727a02a4310404e17ed056a0629cd70b67"
			"a1123400000000",
			"12348400000000010000000102783202626c076578616d706c65036f72670000010001000001"
			"2c00047f000002085472616e73666572c01200fa00ff00000000005d0b686d61632d73686135"
			"31320000006553f100012c0040e78dd3357e86e5fdb7a33f135dfe21a4bc81706b5c44805d2b"
			"f6a34adf8afb43f1435fb5144ca04f893d57a572cf70344894b4a936b27362cffed7ec64370b"
			"2c123400000000"}},
};

struct octets {
	size_t len;
	uint8_t ptr[ROOM];
};

static unsigned hex_value(char c)
{
	return c <= '9' ? (unsigned)(c - '0') : (unsigned)(c - 'a' + 10);
}

static struct octets from_hex(const char *hex)
{
	struct octets octets = {.len = strlen(hex) / 2};

	assert_in_range(octets.len, 1, ROOM);
	for (size_t i = 0; i < octets.len; i++)
		octets.ptr[i] = (uint8_t)(hex_value(hex[2 * i]) << 4 | hex_value(hex[2 * i + 1]));
	return octets;
}

static struct span octets_span(const struct octets *octets)
{
	return span_of(octets->ptr, octets->len);
}

static struct tsig_key key_of(const struct vector *vector)
{
	struct tsig_key key;

	assert_int_equal(tsig_key_init(&key,
				 &(struct tsig_key_text){span_text("transfer.example.org"),
					 vector->algorithm, span_text(vector->secret)},
				 NULL),
		0);
	return key;
}

/* The offset of the TSIG record, as the reader of queries finds it. */
static size_t tsig_of_query(struct span query)
{
	struct dns_query decoded;

	assert_int_equal(dns_query_decode(query, &decoded), DNS_NOERROR);
	return decoded.tsig_at;
}

static size_t tsig_of_message(struct span bytes)
{
	struct dns_message message = {.tsig_at = 0};
	struct dns_name name;
	size_t at = DNS_HEADER_SIZE;

	if (dns_message_decode(bytes, &message) == 0)
		return message.tsig_at;
	/* Further messages of a transfer have no question: over the one A record that the vectors
	 * have. */
	assert_int_equal(dns_name_decode(bytes, &at, &name), 0);
	return at + 14;
}

static struct octets a_query(void)
{
	struct octets octets = {.len = 0};
	struct dns_name name;
	struct buf buf;

	assert_int_equal(dns_name_parse(span_text("bl.example.org"), &name), 0);
	buf_init(&buf, 0);
	dns_query_encode(&buf, 77, &name, DNS_SOA, 0);
	octets.len = buf_len(&buf);
	memcpy(octets.ptr, buf_span(&buf).ptr, octets.len);
	buf_done(&buf);
	return octets;
}

static void sign(struct tsig_exchange *exchange, struct octets *octets, int64_t now_s)
{
	octets->len =
		tsig_sign(exchange, &(struct tsig_message){octets->ptr, octets->len, ROOM}, now_s);
	assert_int_not_equal(octets->len, 0);
}

static struct octets a_signed_query(struct tsig_exchange *exchange, const struct tsig_key *key)
{
	struct octets octets = a_query();

	tsig_begin(exchange, key);
	sign(exchange, &octets, NOW_S);
	return octets;
}

static int verify(struct tsig_exchange *exchange, const struct octets *query,
	const struct tsig_key *key, int64_t now_s)
{
	struct dns_query decoded = {.tsig_at = 0};

	if (dns_query_decode(octets_span(query), &decoded) != DNS_NOERROR)
		return DNS_FORMERR;
	return tsig_verify_query(exchange,
		&(struct tsig_signed){octets_span(query), decoded.tsig_at},
		&(struct tsig_keys){1, key}, now_s);
}

/* ---- the other implementation ---- */

static void verifies_the_queries_of_another(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		struct octets query = from_hex(vectors[i].query);
		struct tsig_key key = key_of(&vectors[i]);
		struct tsig_exchange exchange;

		assert_int_equal(verify(&exchange, &query, &key, NOW_S), DNS_NOERROR);
		assert_ptr_equal(exchange.key, &key);
	}
}

static void verifies_the_stream_of_another(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		struct octets query = from_hex(vectors[i].query);
		struct tsig_key key = key_of(&vectors[i]);
		struct tsig_exchange server, client;

		assert_int_equal(verify(&server, &query, &key, NOW_S), DNS_NOERROR);
		tsig_begin(&client, &key);
		client.is_answer = true; /* as after signing that query */
		client.mac_len = server.mac_len;
		memcpy(client.mac, server.mac, server.mac_len);
		for (size_t n = 0; n < 3; n++) {
			struct octets answer = from_hex(vectors[i].answers[n]);
			struct span bytes = octets_span(&answer);

			assert_int_equal(
				tsig_verify_answer(&client, bytes, tsig_of_message(bytes), NOW_S),
				1);
			assert_true(tsig_is_whole(&client));
		}
	}
}

/* The record is the same, except that the other one compresses its name: compared from the
 * algorithm on. */
static void signs_as_the_other_does(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		struct octets query = from_hex(vectors[i].query);
		struct tsig_key key = key_of(&vectors[i]);
		struct tsig_exchange exchange;

		assert_int_equal(verify(&exchange, &query, &key, NOW_S), DNS_NOERROR);
		for (size_t n = 0; n < 3; n++) {
			struct octets theirs = from_hex(vectors[i].answers[n]);
			struct octets ours = theirs;
			size_t rdata = 13 + 16 + exchange.mac_len;

			ours.len = tsig_of_message(octets_span(&theirs));
			ours.ptr[11]--;
			sign(&exchange, &ours, NOW_S);
			assert_memory_equal(ours.ptr + ours.len - rdata,
				theirs.ptr + theirs.len - rdata, rdata);
		}
	}
}

/* ---- both sides ---- */

static void a_stream_has_an_order(void **state)
{
	struct tsig_key key = key_of(&vectors[1]);
	struct tsig_exchange client, server, swapped;
	struct octets query = a_signed_query(&client, &key);
	struct octets answers[3];

	(void)state;
	assert_int_equal(verify(&server, &query, &key, NOW_S), DNS_NOERROR);
	for (size_t i = 0; i < 3; i++) {
		answers[i] = a_query();
		answers[i].ptr[2] |= 0x80;
		sign(&server, &answers[i], NOW_S + (int64_t)i);
	}
	swapped = client;
	for (size_t i = 0; i < 3; i++) {
		struct span bytes = octets_span(&answers[i]);

		assert_int_equal(
			tsig_verify_answer(&client, bytes, tsig_of_message(bytes), NOW_S), 1);
	}
	assert_int_equal(tsig_verify_answer(&swapped, octets_span(&answers[0]),
				 tsig_of_message(octets_span(&answers[0])), NOW_S),
		1);
	assert_int_equal(tsig_verify_answer(&swapped, octets_span(&answers[2]),
				 tsig_of_message(octets_span(&answers[2])), NOW_S),
		E_DENIED);
}

/* Unsigned messages between two signed ones, covered by the later (RFC 8945 section 5.3.1). */
static void unsigned_messages_are_covered_later(void **state)
{
	struct tsig_key key = key_of(&vectors[0]);
	struct tsig_exchange client, server;
	struct octets query = a_signed_query(&client, &key);
	struct octets first = a_query(), between = a_query(), last = a_query();
	struct tsig_exchange changed;

	(void)state;
	assert_int_equal(verify(&server, &query, &key, NOW_S), DNS_NOERROR);
	sign(&server, &first, NOW_S);
	/* What a server that signs every third message does. */
	assert_int_equal(tsig_verify_answer(&server, octets_span(&between), 0, NOW_S), 0);
	assert_int_equal(tsig_verify_answer(&server, octets_span(&between), 0, NOW_S), 0);
	sign(&server, &last, NOW_S);

	assert_int_equal(tsig_verify_answer(&client, octets_span(&between), 0, NOW_S), E_DENIED);
	assert_int_equal(tsig_verify_answer(&client, octets_span(&first),
				 tsig_of_query(octets_span(&first)), NOW_S),
		1);
	changed = client;
	for (int i = 0; i < 2; i++)
		assert_int_equal(tsig_verify_answer(&client, octets_span(&between), 0, NOW_S), 0);
	assert_false(tsig_is_whole(&client));
	assert_int_equal(tsig_verify_answer(&client, octets_span(&last),
				 tsig_of_query(octets_span(&last)), NOW_S),
		1);
	assert_true(tsig_is_whole(&client));

	assert_int_equal(tsig_verify_answer(&changed, octets_span(&between), 0, NOW_S), 0);
	between.ptr[5] ^= 1;
	assert_int_equal(tsig_verify_answer(&changed, octets_span(&between), 0, NOW_S), 0);
	assert_int_equal(tsig_verify_answer(&changed, octets_span(&last),
				 tsig_of_query(octets_span(&last)), NOW_S),
		E_DENIED);
}

static void too_many_unsigned_messages_end_it(void **state)
{
	struct tsig_key key = key_of(&vectors[0]);
	struct tsig_exchange client, server;
	struct octets query = a_signed_query(&client, &key);
	struct octets answer = a_query();

	(void)state;
	assert_int_equal(verify(&server, &query, &key, NOW_S), DNS_NOERROR);
	sign(&server, &answer, NOW_S);
	assert_int_equal(tsig_verify_answer(&client, octets_span(&answer),
				 tsig_of_query(octets_span(&answer)), NOW_S),
		1);
	answer = a_query();
	for (unsigned i = 0; i < 99; i++)
		assert_int_equal(tsig_verify_answer(&client, octets_span(&answer), 0, NOW_S), 0);
	assert_int_equal(tsig_verify_answer(&client, octets_span(&answer), 0, NOW_S), E_LIMIT);
}

/* ---- what is not genuine ---- */

/* No bit of a signed query can be turned without being noticed; only the case of the key's name and
 * algorithm and the transport's own ID, which the record keeps a copy of, are free. */
static void every_bit_counts(void **state)
{
	struct tsig_key key = key_of(&vectors[0]);
	struct tsig_exchange exchange;
	struct octets query = a_signed_query(&exchange, &key);

	(void)state;
	for (size_t bit = 0; bit < query.len * 8; bit++) {
		struct octets bad = query;
		size_t at = bit / 8, tsig = tsig_of_query(octets_span(&query));
		bool is_case = bit % 8 == 5 && at >= tsig && ascii_is_alpha(query.ptr[at]);
		struct dns_query decoded;

		bad.ptr[at] ^= (uint8_t)(1 << bit % 8);
		if (at < 2 || is_case || dns_query_decode(octets_span(&bad), &decoded) != 0)
			continue;
		assert_int_not_equal(verify(&exchange, &bad, &key, NOW_S), DNS_NOERROR);
	}
}

static void another_key_is_no_key(void **state)
{
	struct tsig_key key = key_of(&vectors[0]);
	struct tsig_key other = key;
	struct tsig_exchange exchange;
	struct octets query = a_signed_query(&exchange, &key);

	(void)state;
	other.secret[0] ^= 1;
	assert_int_equal(verify(&exchange, &query, &other, NOW_S), DNS_NOTAUTH);
	assert_int_equal(exchange.error, TSIG_BADSIG);
	other = key;
	other.name.wire[1] = 'x';
	assert_int_equal(verify(&exchange, &query, &other, NOW_S), DNS_NOTAUTH);
	assert_int_equal(exchange.error, TSIG_BADKEY);
	other = key;
	other.algorithm = TSIG_HMAC_SHA512;
	assert_int_equal(verify(&exchange, &query, &other, NOW_S), DNS_NOTAUTH);
	assert_int_equal(exchange.error, TSIG_BADKEY);
}

/* An error about key or MAC is told without a MAC (section 5.3.2), so that nobody gets anything
 * signed. */
static void bad_keys_get_nothing_signed(void **state)
{
	struct tsig_key key = key_of(&vectors[0]);
	struct tsig_key other = key;
	struct tsig_exchange client, server;
	struct octets query = a_signed_query(&client, &key);
	struct octets answer = a_query();
	struct span bytes;
	size_t before = answer.len;

	(void)state;
	other.secret[0] ^= 1;
	assert_int_equal(verify(&server, &query, &other, NOW_S), DNS_NOTAUTH);
	sign(&server, &answer, NOW_S);
	assert_true(answer.len - before <= tsig_room(&server));
	assert_int_equal(answer.len - before, 22 + 10 + 13 + 16);
	bytes = octets_span(&answer);
	assert_int_equal(tsig_verify_answer(&client, bytes, tsig_of_query(bytes), NOW_S), E_DENIED);
	assert_int_equal(client.error, TSIG_BADSIG);
}

/* The other side learns our time from an answer that it can verify (section 5.2.3). */
static void a_wrong_clock_is_told_signed(void **state)
{
	struct tsig_key key = key_of(&vectors[0]);
	struct tsig_exchange client, server;
	struct octets query = a_signed_query(&client, &key);
	struct octets answer = a_query();
	static const uint8_t other[] = {0, 0, 0x65, 0x53, 0xf2, 0x2d}; /* NOW_S + 301 */
	struct span bytes;

	(void)state;
	assert_int_equal(verify(&server, &query, &key, NOW_S + 300), DNS_NOERROR);
	assert_int_equal(verify(&server, &query, &key, NOW_S - 300), DNS_NOERROR);
	assert_int_equal(verify(&server, &query, &key, NOW_S - 301), DNS_NOTAUTH);
	assert_int_equal(verify(&server, &query, &key, NOW_S + 301), DNS_NOTAUTH);
	assert_int_equal(server.error, TSIG_BADTIME);
	sign(&server, &answer, NOW_S + 301);
	assert_memory_equal(answer.ptr + answer.len - 6, other, 6);
	bytes = octets_span(&answer);
	assert_int_equal(tsig_verify_answer(&client, bytes, tsig_of_query(bytes), NOW_S), E_DENIED);
	assert_int_equal(client.error, TSIG_BADTIME);
}

/* A query whose MAC is cut after `len` octets, the lengths made to fit. */
static struct octets cut_mac(const struct octets *query, size_t len)
{
	size_t at = tsig_of_query(octets_span(query));
	size_t rdlen = at + 22 + 8, maclen = at + 22 + 10 + 13 + 8, mac = maclen + 2;
	struct octets cut = *query;

	memmove(cut.ptr + mac + len, cut.ptr + mac + 32, cut.len - mac - 32);
	cut.len -= 32 - len;
	cut.ptr[maclen + 1] = (uint8_t)len;
	cut.ptr[rdlen + 1] = (uint8_t)(cut.ptr[rdlen + 1] - (32 - len));
	return cut;
}

/* CVE-2017-11104 and its kind: neither a cut MAC nor none at all is ever taken, whatever the time
 * says. */
static void cut_macs_are_refused(void **state)
{
	struct tsig_key key = key_of(&vectors[0]);
	struct tsig_exchange exchange;
	struct octets query = a_signed_query(&exchange, &key);

	(void)state;
	for (size_t len = 0; len < 32; len++) {
		struct octets cut = cut_mac(&query, len);
		struct octets forged = cut;
		int r = verify(&exchange, &cut, &key, NOW_S);

		assert_int_equal(r, len < 16 ? DNS_FORMERR : DNS_NOTAUTH);
		if (len >= 16)
			assert_int_equal(exchange.error, TSIG_BADTRUNC);
		assert_int_not_equal(verify(&exchange, &cut, &key, NOW_S + 1000), DNS_NOERROR);
		if (len < 16)
			continue;
		forged.ptr[cut.len - 7] ^= 1; /* the last octet of the MAC */
		assert_int_equal(verify(&exchange, &forged, &key, NOW_S + 1000), DNS_NOTAUTH);
		assert_int_equal(exchange.error, TSIG_BADSIG);
	}
}

/* The times are covered by the MAC: whoever changes them learns BADSIG and nothing about the
 * clock. */
static void a_forged_time_is_a_forged_mac(void **state)
{
	struct tsig_key key = key_of(&vectors[0]);
	struct tsig_exchange exchange;
	struct octets query = a_signed_query(&exchange, &key);
	size_t time_at = tsig_of_query(octets_span(&query)) + 22 + 10 + 13;

	(void)state;
	memset(query.ptr + time_at, 0xff, 6);
	assert_int_equal(verify(&exchange, &query, &key, NOW_S), DNS_NOTAUTH);
	assert_int_equal(exchange.error, TSIG_BADSIG);
	assert_null(exchange.key);
}

/* Section 5.1: one record, the last of the additional section. */
static void it_stands_last_and_alone(void **state)
{
	struct tsig_key key = key_of(&vectors[0]);
	struct tsig_exchange exchange;
	struct octets query = a_signed_query(&exchange, &key);
	struct octets twice = query, followed = query, moved = query;
	struct dns_query decoded;
	struct dns_message message;

	(void)state;
	sign(&exchange, &twice, NOW_S);
	assert_int_equal(dns_query_decode(octets_span(&twice), &decoded), DNS_FORMERR);
	assert_int_equal(dns_message_decode(octets_span(&twice), &message), E_PARSE);
	memcpy(followed.ptr + followed.len, "\0\0\1\0\1\0\0\0\0\0\0", 11);
	followed.len += 11;
	followed.ptr[11] = 2;
	assert_int_equal(dns_query_decode(octets_span(&followed), &decoded), DNS_FORMERR);
	moved.ptr[9] = 1; /* into the authority section */
	moved.ptr[11] = 0;
	assert_int_equal(dns_query_decode(octets_span(&moved), &decoded), DNS_FORMERR);
	assert_int_equal(dns_message_decode(octets_span(&moved), &message), E_PARSE);
}

static void a_full_message_is_not_signed(void **state)
{
	struct tsig_key key = key_of(&vectors[0]);
	struct tsig_exchange exchange;
	struct octets query = a_query();

	(void)state;
	tsig_begin(&exchange, &key);
	assert_int_equal(tsig_sign(&exchange,
				 &(struct tsig_message){query.ptr, query.len,
					 query.len + tsig_room(&exchange) - 1},
				 NOW_S),
		0);
	assert_int_equal(tsig_sign(&exchange,
				 &(struct tsig_message){
					 query.ptr, query.len, query.len + tsig_room(&exchange)},
				 NOW_S),
		query.len + tsig_room(&exchange));
}

static void keys_are_checked(void **state)
{
	struct tsig_key key;
	struct fault why;

	(void)state;
	assert_int_equal(tsig_key_init(&key,
				 &(struct tsig_key_text){span_text("K.x"), TSIG_HMAC_SHA256,
					 span_text("AAECAwQFBgcICQoL\n DA0ODw==\n")},
				 &why),
		0);
	assert_int_equal(key.secret_len, 16);
	assert_int_equal(key.secret[15], 15);
	assert_int_equal(key.name.wire[1], 'k');
	assert_int_equal(tsig_key_init(&key,
				 &(struct tsig_key_text){span_text("k"), TSIG_HMAC_SHA256,
					 span_text("AAECAwQFBgcICQoLDA0O")},
				 &why),
		E_LIMIT);
	assert_int_equal(tsig_key_init(&key,
				 &(struct tsig_key_text){
					 span_text("k"), TSIG_HMAC_SHA256, span_text("not base64")},
				 &why),
		E_PARSE);
	assert_null(strstr(why.text, "not base64 ")); /* a secret is never shown */
	assert_int_equal(
		tsig_key_init(&key,
			&(struct tsig_key_text){span_text("k"), TSIG_HMAC_SHA256, span_text("")},
			&why),
		E_PARSE);
	assert_int_equal(tsig_key_init(&key,
				 &(struct tsig_key_text){span_text("a..b"), TSIG_HMAC_SHA256,
					 span_text("AAECAwQFBgcICQoLDA0ODw==")},
				 &why),
		E_PARSE);
	tsig_key_done(&key);
	assert_int_equal(key.secret[1], 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(verifies_the_queries_of_another),
		cmocka_unit_test(verifies_the_stream_of_another),
		cmocka_unit_test(signs_as_the_other_does),
		cmocka_unit_test(a_stream_has_an_order),
		cmocka_unit_test(unsigned_messages_are_covered_later),
		cmocka_unit_test(too_many_unsigned_messages_end_it),
		cmocka_unit_test(every_bit_counts),
		cmocka_unit_test(another_key_is_no_key),
		cmocka_unit_test(bad_keys_get_nothing_signed),
		cmocka_unit_test(a_wrong_clock_is_told_signed),
		cmocka_unit_test(cut_macs_are_refused),
		cmocka_unit_test(a_forged_time_is_a_forged_mac),
		cmocka_unit_test(it_stands_last_and_alone),
		cmocka_unit_test(a_full_message_is_not_signed),
		cmocka_unit_test(keys_are_checked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
