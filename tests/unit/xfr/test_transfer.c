/* SPDX-License-Identifier: ISC */
/*
 * Transfers as a secondary sees them, message by message: all of a zone, differences, signed and
 * not, and who gets none. And the journal behind them, and what fills it.
 */
#include "unit.h"

#include "base/clock.h"
#include "base/log.h"
#include "xfr/changes.h"
#include "xfr/transfer.h"
#include "zone/copy.h"
#include "zone/fixture.h"

enum { MESSAGES_MAX = 64 };

static const struct fixture_entry entries[] = {
	{"main", 0, "198.51.100.9", 0, "3 trap hits", false},
	{"main", 1, "198.51.100.9", 0, "reported", false},
	{"main", 2, "203.0.112.0/22", 0, "", false},
	{"main", 2, "203.0.113.7", 0, "", true},
	{"main", 0, "2001:db8:1:2::/64", 0, "ipv6", false},
	{"names", 0, ".evil.example", 0, "all of it", false},
};

struct primary {
	struct fixture fixture;
	struct dns_shelves shelves;
	struct transfer_state *state;
};

static void keep(void *object)
{
	(void)object;
}

static const struct conf_key conf_key = {.name = "sec1", .algorithm = TSIG_HMAC_SHA256};
static struct tsig_key key;

/* 192.0.2.1 may transfer, 192.0.2.2 with the key. */
static void primary_init(struct primary *primary)
{
	const struct conf_transfer transfers[] = {
		{.address = {ip_from_v4(0xc0000201), 53}},
		{.address = {ip_from_v4(0xc0000202), 53}, .key = "sec1"},
		{.address = {ip_from_v4(0xc6336401), 53}},
	};
	struct conf conf = {.keys_len = 1,
		.keys = &conf_key,
		.transfers_len = COUNTOF(transfers),
		.transfers = transfers,
		.transfer_records = 10000};

	assert_int_equal(tsig_key_init(&key,
				 &(struct tsig_key_text){span_text("sec1"), TSIG_HMAC_SHA256,
					 span_text("AAECAwQFBgcICQoLDA0ODw==")},
				 NULL),
		0);
	fixture_init(&primary->fixture, entries, COUNTOF(entries));
	primary->shelves = (struct dns_shelves){shelf_new(keep), shelf_new(keep)};
	primary->state = transfer_state_new(&primary->shelves);
	primary->fixture.rules.transfers = transfer_rules_new(&conf, &key, primary->state);
	shelf_put(primary->shelves.rules, &primary->fixture.rules);
	shelf_put(primary->shelves.views, primary->fixture.view);
}

static struct dns_request primary_ask(
	struct primary *primary, struct span query, uint32_t client, enum dns_transport transport)
{
	static uint8_t out[DNS_ANSWER_TCP_MAX];
	struct dns_request request = {.query = query,
		.client = {ip_from_v4(client), 4000},
		.transport = transport,
		.out = out};

	zone_answer_requests(primary->fixture.service, &request, 1,
		(struct dns_now){.s = clock_now_s(), .ms = 1});
	return request;
}

static void append_serial(struct buf *query, uint32_t serial)
{
	query->ptr[query->start + 9] = 1; /* NSCOUNT */
	buf_append_u16(query, 0xc00c);
	buf_append_u16(query, DNS_SOA);
	buf_append_u16(query, DNS_IN);
	buf_append_u32(query, 0);
	buf_append_u16(query, 22);
	buf_append_u16(query, 0);
	buf_append_u32(query, serial);
	for (unsigned i = 0; i < 4; i++)
		buf_append_u32(query, 0);
}

static void make_query(struct buf *query, const char *zone, uint16_t type)
{
	struct dns_name name;

	assert_int_equal(dns_name_parse(span_text(zone), &name), 0);
	buf_clear(query);
	dns_query_encode(query, 7, &name, type, 0);
}

/* What came: the records as the copy keeps them, and how many SOA records among them. */
struct received {
	struct copy copy;
	unsigned messages, soas;
	uint32_t serials[16];
};

static void receive_record(struct received *received, const struct dns_message *message,
	const struct dns_record *record)
{
	struct span owner =
		span_of(record->name.wire, (size_t)record->name.len - (size_t)message->name.len);
	struct zone_record kept = {owner, record->type, record->rdata};
	struct dns_soa soa;
	struct buf buf;

	if (record->type == DNS_SOA) {
		assert_int_equal(dns_record_soa(message, record, &soa), 0);
		assert_true(received->soas < COUNTOF(received->serials));
		received->serials[received->soas++] = soa.serial;
		return;
	}
	if (owner.len == 0)
		return; /* NS and TXT */
	buf_init(&buf, 0);
	zone_record_append(&buf, &kept);
	copy_add(&received->copy, buf_span(&buf));
	buf_done(&buf);
}

static void receive(
	struct dns_multi *multi, struct tsig_exchange *exchange, struct received *received)
{
	static uint8_t out[DNS_ANSWER_TCP_MAX];
	int len;

	*received = (struct received){.messages = 0};
	while ((len = multi->calls->next(multi, out, sizeof(out))) != 0) {
		struct dns_walk walk = {.section = DNS_ANSWER};
		struct dns_message message;
		struct dns_record record;

		if (len == E_AGAIN)
			continue;
		assert_true(len > 0);
		assert_int_equal(dns_message_decode(span_of(out, (size_t)len), &message), 0);
		assert_int_equal(message.rcode, DNS_NOERROR);
		if (exchange != NULL)
			assert_int_equal(tsig_verify_answer(exchange, span_of(out, (size_t)len),
						 message.tsig_at, clock_now_s()),
				1);
		while (dns_message_next(&message, &walk, &record) == 1)
			receive_record(received, &message, &record);
		received->messages++;
		assert_true(received->messages < MESSAGES_MAX);
	}
	multi->calls->free(multi);
	qsort(received->copy.records, received->copy.len, sizeof(struct span), copy_span_compare);
}

static struct primary primary;
static struct buf query;

static int begin(void **state)
{
	(void)state;
	primary_init(&primary);
	buf_init(&query, 0);
	return 0;
}

static int end(void **state)
{
	(void)state;
	buf_done(&query);
	/* The shelves hold what the fixture owns. */
	shelf_free(&primary.shelves.rules);
	shelf_free(&primary.shelves.views);
	transfer_rules_free(&primary.fixture.rules.transfers);
	transfer_state_free(&primary.state);
	fixture_done(&primary.fixture);
	return 0;
}

static const struct zone *main_zone(void)
{
	for (size_t i = 0; i < primary.fixture.rules.table->zones_len; i++) {
		if (primary.fixture.rules.table->zones[i].holds == LIST_OF_ADDRESSES)
			return &primary.fixture.rules.table->zones[i];
	}
	return NULL;
}

static void assert_is_walked(const struct received *received)
{
	struct zone_binding binding;
	struct copy walked;

	zone_bind(&binding, primary.fixture.rules.table, main_zone(), primary.fixture.view);
	copy_walk(&walked, &binding);
	assert_int_equal(walked.len, received->copy.len);
	for (size_t i = 0; i < walked.len; i++)
		assert_true(span_equal(walked.records[i], received->copy.records[i]));
	copy_done(&walked);
}

/* ---- all of a zone ---- */

static void all_of_it_comes_between_two_soas(void **state)
{
	struct received received;
	struct dns_request request;

	(void)state;
	make_query(&query, "bl.example.org", DNS_AXFR);
	request = primary_ask(&primary, buf_span(&query), 0xc0000201, DNS_TCP);
	assert_non_null(request.multi);
	receive(request.multi, NULL, &received);
	assert_int_equal(received.soas, 2);
	assert_int_equal(received.serials[0], FIXTURE_SERIAL);
	assert_in_range(received.messages, 2, MESSAGES_MAX);
	assert_is_walked(&received);
	copy_done(&received.copy);
}

static struct dns_request ask_signed(struct tsig_exchange *exchange)
{
	struct dns_request request;
	uint8_t signed_query[512];
	size_t len;

	make_query(&query, "bl.example.org", DNS_AXFR);
	memcpy(signed_query, buf_span(&query).ptr, buf_len(&query));
	tsig_begin(exchange, &key);
	len = tsig_sign(exchange,
		&(struct tsig_message){signed_query, buf_len(&query), sizeof(signed_query)},
		clock_now_s());
	request = primary_ask(&primary, span_of(signed_query, len), 0xc0000202, DNS_TCP);
	assert_non_null(request.multi);
	return request;
}

static void each_message_is_signed(void **state)
{
	struct tsig_exchange exchange;
	struct received received;

	(void)state;
	receive(ask_signed(&exchange).multi, &exchange, &received);
	assert_true(tsig_is_whole(&exchange));
	assert_is_walked(&received);
	copy_done(&received.copy);
}

/* A reload between the query and the transfer takes the rules away by which the query was let
 * in. */
static void a_transfer_outlives_its_rules(void **state)
{
	struct tsig_exchange exchange;
	struct received received;
	struct dns_request request;

	(void)state;
	request = ask_signed(&exchange);
	transfer_rules_free(&primary.fixture.rules.transfers);
	receive(request.multi, &exchange, &received);
	assert_true(tsig_is_whole(&exchange));
	assert_is_walked(&received);
	copy_done(&received.copy);
}

static void assert_rcode(uint32_t client, enum dns_transport transport, unsigned rcode)
{
	struct dns_request request = primary_ask(&primary, buf_span(&query), client, transport);

	assert_null(request.multi);
	assert_true(request.out_len >= DNS_HEADER_SIZE);
	assert_int_equal(request.out[3] & 0xf, rcode);
}

static void others_get_nothing(void **state)
{
	(void)state;
	make_query(&query, "bl.example.org", DNS_AXFR);
	assert_rcode(0xc0000203, DNS_TCP, DNS_REFUSED); /* no secondary */
	assert_rcode(0xc0000202, DNS_TCP, DNS_REFUSED); /* without its key */
	assert_rcode(0xc0000201, DNS_UDP, DNS_FORMERR);
	make_query(&query, "198.bl.example.org", DNS_AXFR);
	assert_rcode(0xc0000201, DNS_TCP, DNS_REFUSED); /* no zone */
	make_query(&query, "bl.example.org", DNS_IXFR);
	assert_rcode(0xc0000201, DNS_TCP, DNS_FORMERR); /* from which serial? */
}

enum { ALONE_MAX = 16 };

static struct dns_multi *begin_transfer(uint32_t client)
{
	return primary_ask(&primary, buf_span(&query), client, DNS_TCP).multi;
}

static void so_many_at_once_and_no_more(void **state)
{
	struct dns_multi *transfers[ALONE_MAX], *again;

	(void)state;
	make_query(&query, "bl.example.org", DNS_AXFR);
	for (size_t i = 0; i < ALONE_MAX; i++) {
		transfers[i] = begin_transfer(0xc0000201);
		assert_non_null(transfers[i]);
	}
	assert_rcode(0xc0000201, DNS_TCP, DNS_SERVFAIL);
	for (size_t i = 0; i < ALONE_MAX; i++)
		transfers[i]->calls->free(transfers[i]);
	again = begin_transfer(0xc0000201);
	assert_non_null(again);
	again->calls->free(again);
}

static void one_secondary_leaves_the_others_their_transfers(void **state)
{
	struct dns_multi *transfers[ALONE_MAX], *other;

	(void)state;
	make_query(&query, "bl.example.org", DNS_AXFR);
	for (size_t i = 0; i < ALONE_MAX; i++)
		transfers[i] = begin_transfer(0xc0000201);
	assert_rcode(0xc0000201, DNS_TCP, DNS_SERVFAIL);
	other = begin_transfer(0xc6336401);
	assert_non_null(other);
	other->calls->free(other);
	for (size_t i = 0; i < ALONE_MAX; i++)
		transfers[i]->calls->free(transfers[i]);
}

/* ---- differences ---- */

static void add_record(struct buf *out, size_t *count, const char *label, uint8_t code)
{
	uint8_t owner[64], rdata[4] = {127, 0, 0, code};

	owner[0] = (uint8_t)strlen(label);
	memcpy(owner + 1, label, strlen(label));
	zone_record_append(out,
		&(struct zone_record){span_of(owner, 1 + strlen(label)), DNS_A, span_of(rdata, 4)});
	(*count)++;
}

/* A step that takes one record away and brings another. */
static void add_step(struct zone_journal *journal, uint32_t from, uint32_t to, const char *removed,
	const char *added)
{
	struct zone_diff diff;

	zone_diff_init(&diff);
	if (removed != NULL)
		add_record(&diff.removed, &diff.removed_len, removed, 2);
	if (added != NULL)
		add_record(&diff.added, &diff.added_len, added, 2);
	zone_journal_add(journal, from, to, &diff);
	zone_diff_done(&diff);
}

static void ask_from(uint32_t serial, struct received *received)
{
	struct dns_request request;

	make_query(&query, "bl.example.org", DNS_IXFR);
	append_serial(&query, serial);
	request = primary_ask(&primary, buf_span(&query), 0xc0000201, DNS_TCP);
	assert_non_null(request.multi);
	receive(request.multi, NULL, received);
}

static void differences_come_condensed(void **state)
{
	struct zone_journal *journal = transfer_journal(primary.state, &main_zone()->apex);
	struct received received;

	(void)state;
	zone_journal_break(journal, FIXTURE_SERIAL - 3, SERIAL_AGREED);
	add_step(journal, FIXTURE_SERIAL - 3, FIXTURE_SERIAL - 2, "gone", "passing");
	add_step(journal, FIXTURE_SERIAL - 2, FIXTURE_SERIAL - 1, "passing", NULL);
	add_step(journal, FIXTURE_SERIAL - 1, FIXTURE_SERIAL, NULL, "new");
	ask_from(FIXTURE_SERIAL - 3, &received);
	assert_int_equal(received.soas, 4); /* now, before, behind, now */
	assert_int_equal(received.serials[1], FIXTURE_SERIAL - 3);
	assert_int_equal(received.serials[2], FIXTURE_SERIAL);
	assert_int_equal(received.copy.len, 2); /* "gone" and "new"; "passing" never was */
	copy_done(&received.copy);
	ask_from(FIXTURE_SERIAL - 1, &received);
	assert_int_equal(received.copy.len, 1);
	copy_done(&received.copy);
	ask_from(FIXTURE_SERIAL - 4, &received); /* never heard of: all of it */
	assert_is_walked(&received);
	copy_done(&received.copy);
}

/* A step of so many records, all of them different. */
static void add_many(struct zone_journal *journal, uint32_t from, uint32_t to, size_t count)
{
	struct zone_diff diff;
	char name[32];

	zone_diff_init(&diff);
	for (size_t i = 0; i < count; i++) {
		snprintf(name, sizeof(name), "n%zu", i);
		add_record(&diff.added, &diff.added_len, name, 2);
	}
	zone_journal_add(journal, from, to, &diff);
	zone_diff_done(&diff);
}

/* RFC 1995 section 5. The zone has some four thousand records, most of them of a /22. */
static void differences_longer_than_the_zone_are_the_zone(void **state)
{
	static const struct {
		uint32_t steps;
		size_t records; /* of each */
		bool is_whole;
	} rows[] = {
		{1, 20, false},
		{2, 20, false},
		{2, 25000, false}, /* short enough */
		{1, 50001, true},
		{2, 25001, true},
		{1, 0, false},
	};

	(void)state;
	for (size_t i = 0; i < COUNTOF(rows); i++) {
		struct zone_journal *journal = transfer_journal(primary.state, &main_zone()->apex);
		uint32_t from = FIXTURE_SERIAL - rows[i].steps;
		struct received received;

		zone_journal_break(journal, from, SERIAL_AGREED);
		for (uint32_t step = from; step < FIXTURE_SERIAL; step++)
			add_many(journal, step, step + 1, rows[i].records);
		ask_from(from, &received);
		assert_int_equal(received.soas, rows[i].is_whole ? 2 : 4);
		if (rows[i].is_whole)
			assert_is_walked(&received);
		copy_done(&received.copy);
	}
}

static void who_is_up_to_date_learns_the_serial(void **state)
{
	static const uint32_t serials[] = {
		FIXTURE_SERIAL, FIXTURE_SERIAL + 1, FIXTURE_SERIAL + UINT32_C(0x7fffffff)};
	struct dns_message message;
	struct dns_request request;

	(void)state;
	for (size_t i = 0; i < COUNTOF(serials); i++) {
		make_query(&query, "bl.example.org", DNS_IXFR);
		append_serial(&query, serials[i]);
		request = primary_ask(&primary, buf_span(&query), 0xc0000201, DNS_TCP);
		assert_null(request.multi);
		assert_int_equal(
			dns_message_decode(span_of(request.out, request.out_len), &message), 0);
		assert_int_equal(message.counts[DNS_ANSWER], 1);
	}
	make_query(&query, "bl.example.org", DNS_IXFR);
	append_serial(&query, FIXTURE_SERIAL - 1);
	request = primary_ask(&primary, buf_span(&query), 0xc0000201, DNS_UDP);
	assert_null(request.multi); /* by datagram the serial is all there is, and TCP the way on */
	assert_int_equal(dns_message_decode(span_of(request.out, request.out_len), &message), 0);
	assert_int_equal(message.counts[DNS_ANSWER], 1);
}

/* Serials count in a circle (RFC 1982). */
static void steps_go_over_the_end_of_numbers(void **state)
{
	struct zone_journal *journal = zone_journal_new();
	struct journal_range range;
	struct journal_step step;

	(void)state;
	zone_journal_break(journal, UINT32_MAX - 1, SERIAL_AGREED);
	add_step(journal, UINT32_MAX - 1, UINT32_MAX, NULL, "a");
	add_step(journal, UINT32_MAX, 1, NULL, "b");
	assert_int_equal(zone_journal_take(journal, UINT32_MAX - 1, &range), 0);
	assert_int_equal(range.len, 2);
	assert_int_equal(range.to, 1);
	zone_journal_free(&journal); /* what was taken stays */
	assert_int_equal(range.records, 2);
	assert_true(journal_range_next(&range, &step));
	assert_int_equal(step.from, UINT32_MAX - 1);
	assert_int_equal(step.to, UINT32_MAX);
	assert_true(journal_range_next(&range, &step));
	assert_int_equal(step.to, 1);
	assert_int_equal(step.removed.len, 0);
	assert_memory_equal(step.added.ptr, "\2\1b", 3);
	assert_false(journal_range_next(&range, &step));
	journal_range_done(&range);
}

/* The same octets for the same serial, which nothing makes shorter. */
enum { NOISE = 1000 };

static struct span noise_of(uint32_t serial, uint8_t out[NOISE])
{
	uint64_t state = serial + UINT64_C(0x9e3779b97f4a7c15);

	for (size_t i = 0; i < NOISE; i++) {
		state ^= state << 13;
		state ^= state >> 7;
		state ^= state << 17;
		out[i] = (uint8_t)(state >> 24);
	}
	return span_of(out, NOISE);
}

static void add_noise(struct zone_journal *journal, uint32_t from, uint32_t count)
{
	for (uint32_t serial = from; serial < from + count; serial++) {
		uint8_t noise[NOISE];
		struct zone_record record = {.type = DNS_TXT, .rdata = noise_of(serial, noise)};
		struct zone_diff diff;

		zone_diff_init(&diff);
		zone_record_append(&diff.added, &record);
		diff.added_len = 1;
		zone_journal_add(journal, serial, serial + 1, &diff);
		zone_diff_done(&diff);
	}
}

static bool is_kept_from(struct zone_journal *journal, uint32_t serial)
{
	struct journal_range range;
	struct journal_step step;

	if (zone_journal_take(journal, serial, &range) < 0)
		return false;
	for (; journal_range_next(&range, &step); serial++) {
		uint8_t noise[NOISE];
		struct zone_record record;

		assert_int_equal(step.from, serial);
		assert_int_equal(step.to, serial + 1);
		assert_int_equal(step.removed.len, 0);
		assert_true(zone_record_take(&step.added, &record));
		assert_true(span_equal(record.rdata, noise_of(serial, noise)));
	}
	assert_int_equal(serial, range.to);
	journal_range_done(&range);
	return true;
}

static void a_journal_forgets(void **state)
{
	enum { MOST = JOURNAL_LEAST / NOISE };
	struct zone_journal *journal = zone_journal_new();

	(void)state;
	zone_journal_break(journal, 1,
		SERIAL_DOUBTFUL); /* of another life: the next step is not known either */
	add_noise(journal, 1, 1);
	assert_false(is_kept_from(journal, 1));
	add_noise(journal, 2, 2 * MOST - 2);
	assert_false(is_kept_from(journal, MOST - 1));
	for (uint32_t back = 0; back < MOST * 3 / 4; back += MOST / 16)
		assert_true(is_kept_from(journal, 2 * MOST - back));
	zone_journal_limit(journal, 4 * (size_t)JOURNAL_LEAST); /* the zone has grown */
	add_noise(journal, 2 * MOST, 2 * MOST);
	assert_true(is_kept_from(journal, 2 * MOST - MOST / 2));
	zone_journal_limit(journal, 0); /* and shrunk: it keeps the least */
	add_noise(journal, 4 * MOST, 100);
	assert_false(is_kept_from(journal, 3 * MOST));
	assert_true(is_kept_from(journal, 4 * MOST - MOST / 2));
	add_noise(journal, 5 * MOST, 1); /* something was missed */
	assert_false(is_kept_from(journal, 4 * MOST));
	assert_false(is_kept_from(journal, 5 * MOST));
	assert_true(is_kept_from(journal, 5 * MOST + 1));
	zone_journal_free(&journal);
}

/* Ten thousand single changes are hardly different, and take little room. */
static void a_journal_is_small(void **state)
{
	enum { CHANGES = 10000 };
	struct zone_journal *journal = zone_journal_new();
	struct journal_range range;
	char name[32];

	(void)state;
	zone_journal_break(journal, 1, SERIAL_AGREED);
	for (uint32_t serial = 1; serial <= CHANGES; serial++) {
		snprintf(name, sizeof(name), "n%u", serial * 7919 % 20000);
		add_step(journal, serial, serial + 1, NULL, name);
	}
	assert_int_equal(zone_journal_take(journal, 1, &range), 0);
	assert_int_equal(range.len, CHANGES);
	assert_int_equal(range.records, CHANGES);
	journal_range_done(&range);
	zone_journal_free(&journal);
}

/* ---- changes to the lists ---- */

/* What a role has: its changes, and the views it made one after the other. */
struct following {
	struct dns_changes *changes;
	struct view *views[8];
	size_t len;
};

static void follow(struct following *following, const struct delta *delta)
{
	const struct view *base =
		following->len == 0 ? primary.fixture.view : following->views[following->len - 1];
	uint32_t serial = 0;
	struct view *view = NULL;

	assert_int_equal(view_apply(base, delta, &view, NULL), 0);
	following->views[following->len++] = view;
	dns_changes_delta(following->changes, delta);
	shelf_put(primary.shelves.views, view);
	assert_true(dns_changes_view(following->changes, &serial));
	assert_int_equal(serial, delta->to_serial);
}

static bool is_followed_from(uint32_t serial)
{
	struct journal_range range;

	if (zone_journal_take(transfer_journal(primary.state, &main_zone()->apex), serial, &range) <
		0)
		return false;
	journal_range_done(&range);
	return true;
}

static void begin_following(struct following *following)
{
	uint32_t serial = 0;

	dns_changes_beside(following->changes, false, 0);
	dns_changes_rules(following->changes, true);
	assert_true(dns_changes_view(following->changes, &serial));
}

static void end_following(struct following *following)
{
	dns_changes_free(&following->changes);
	shelf_free(&primary.shelves.views); /* its views are ours */
	primary.shelves.views = shelf_new(keep);
	while (following->len != 0)
		view_free(&following->views[--following->len]);
}

static void what_a_snapshot_brought_is_in_no_difference(void **state)
{
	const struct hit hit = {.sublist = 0, .reason = span_text("spam")};
	struct delta_piece piece = {.list = span_text("main"), .hits_len = 1, .hits = &hit};
	struct following following = {.changes = dns_changes_new(primary.state)};
	uint32_t serial = FIXTURE_SERIAL;

	(void)state;
	assert_int_equal(source_parse(span_text("198.51.100.77"), &piece.source, NULL), 0);
	begin_following(&following);
	follow(&following, &(struct delta){serial, serial + 1, 1, &piece, false});
	follow(&following, &(struct delta){serial + 1, serial + 2, 1, &piece, false});
	assert_true(is_followed_from(serial + 1));
	follow(&following, &(struct delta){serial + 2, serial + 3, 0, NULL, true});
	assert_false(is_followed_from(serial + 1));
	assert_false(is_followed_from(serial + 2));
	assert_true(is_followed_from(serial + 3));
	follow(&following, &(struct delta){serial + 3, serial + 4, 1, &piece, false});
	assert_true(is_followed_from(serial + 3));
	end_following(&following);
}

/* One process of the role takes over from another, which told changes by other rules: no serial
 * that a secondary may have from there is one to go on from. */
static void what_another_process_may_have_told_is_not_followed(void **state)
{
	const struct hit hit = {.sublist = 0, .reason = span_text("spam")};
	struct delta_piece piece = {.list = span_text("main"), .hits_len = 1, .hits = &hit};
	struct following following = {.changes = dns_changes_new(primary.state)};
	uint32_t serial = FIXTURE_SERIAL;

	(void)state;
	assert_int_equal(source_parse(span_text("198.51.100.77"), &piece.source, NULL), 0);
	begin_following(&following);
	dns_changes_beside(following.changes, true, 0);
	follow(&following, &(struct delta){serial, serial + 1, 1, &piece, false});
	follow(&following, &(struct delta){serial + 1, serial + 2, 1, &piece, false});
	assert_false(is_followed_from(serial + 1));
	dns_changes_beside(following.changes, false, serial + 3); /* it was ahead of us */
	follow(&following, &(struct delta){serial + 2, serial + 3, 1, &piece, false});
	assert_false(is_followed_from(serial + 2));
	follow(&following, &(struct delta){serial + 3, serial + 4, 1, &piece, false});
	follow(&following, &(struct delta){serial + 4, serial + 5, 1, &piece, false});
	assert_false(is_followed_from(serial + 3));
	assert_true(is_followed_from(serial + 4));
	end_following(&following);
}

/* Nobody follows, or other zones: what was kept for those is not kept for ever. */
static void a_zone_that_nobody_follows_is_forgotten(void **state)
{
	const struct hit hit = {.sublist = 0, .reason = span_text("spam")};
	struct delta_piece piece = {.list = span_text("main"), .hits_len = 1, .hits = &hit};
	struct following following = {.changes = dns_changes_new(primary.state)};
	struct dns_rules without = primary.fixture.rules;
	uint32_t serial = FIXTURE_SERIAL;

	(void)state;
	assert_int_equal(source_parse(span_text("198.51.100.77"), &piece.source, NULL), 0);
	begin_following(&following);
	follow(&following, &(struct delta){serial, serial + 1, 1, &piece, false});
	follow(&following, &(struct delta){serial + 1, serial + 2, 1, &piece, false});
	assert_true(is_followed_from(serial + 1));
	without.transfers = NULL;
	shelf_put(primary.shelves.rules, &without);
	dns_changes_rules(following.changes, true);
	assert_false(is_followed_from(serial + 1));
	end_following(&following);
	shelf_put(primary.shelves.rules, &primary.fixture.rules);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(all_of_it_comes_between_two_soas, begin, end),
		cmocka_unit_test_setup_teardown(each_message_is_signed, begin, end),
		cmocka_unit_test_setup_teardown(a_transfer_outlives_its_rules, begin, end),
		cmocka_unit_test_setup_teardown(others_get_nothing, begin, end),
		cmocka_unit_test_setup_teardown(so_many_at_once_and_no_more, begin, end),
		cmocka_unit_test_setup_teardown(
			one_secondary_leaves_the_others_their_transfers, begin, end),
		cmocka_unit_test_setup_teardown(differences_come_condensed, begin, end),
		cmocka_unit_test_setup_teardown(
			differences_longer_than_the_zone_are_the_zone, begin, end),
		cmocka_unit_test_setup_teardown(who_is_up_to_date_learns_the_serial, begin, end),
		cmocka_unit_test(steps_go_over_the_end_of_numbers),
		cmocka_unit_test(a_journal_forgets),
		cmocka_unit_test(a_journal_is_small),
		cmocka_unit_test_setup_teardown(
			what_a_snapshot_brought_is_in_no_difference, begin, end),
		cmocka_unit_test_setup_teardown(
			what_another_process_may_have_told_is_not_followed, begin, end),
		cmocka_unit_test_setup_teardown(
			a_zone_that_nobody_follows_is_forgotten, begin, end),
	};

	log_open("test", LOG_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
