/* SPDX-License-Identifier: ISC */
/* A zone as it is kept, changed, and put into a file. */
#include "base/macro.h"
#include "feed/changes.h"
#include "unit.h"

static struct dns_name name_of(const char *text)
{
	struct dns_name name;

	assert_int_equal(dns_name_parse(span_text(text), &name), 0);
	return name;
}

static struct feed_changes *changes_new(size_t entries)
{
	struct dns_name name = name_of("bl.test");

	return feed_changes_new(&name, entries);
}

static int take(struct feed_changes *changes, bool is_removal, const char *owner, uint8_t code)
{
	uint8_t address[4] = {127, 0, 0, code};
	struct dns_record record = {
		.name = name_of(owner), .type = DNS_A, .class = DNS_IN, .rdata = {address, 4}};
	struct transfer_record item = {.is_removal = is_removal, .record = &record};

	return feed_changes_take(&item, changes);
}

static int make(struct feed_changes *changes, const struct feed_zone *old, uint32_t serial,
	struct feed_zone **ret_zone)
{
	struct dns_soa soa = {.serial = serial, .refresh_s = 10, .retry_s = 20, .expire_s = 30};

	return feed_changes_make(changes,
		&(struct feed_transfer){old != NULL ? TRANSFER_CHANGES : TRANSFER_WHOLE, old, &soa},
		ret_zone, NULL);
}

static struct feed_zone *first_zone(void)
{
	AUTO(feed_changes) *changes = changes_new(100);
	struct feed_zone *zone = NULL;

	take(changes, false, "b.bl.test", 2);
	take(changes, false, "A.BL.test", 2);
	take(changes, false, "a.bl.test", 2); /* the same again */
	take(changes, false, "c.b.bl.test", 2);
	take(changes, false, "*.b.bl.test", 2);
	take(changes, false, "bl.test", 2); /* the apex is not kept, nor is what lies outside */
	take(changes, false, "a.other.test", 2);
	assert_int_equal(make(changes, NULL, 1, &zone), 0);
	return zone;
}

static void names_stand_in_the_order_of_the_tree(void **state)
{
	static const char *const keys[] = {"a", "b", "b *", "b c"};
	AUTO(feed_zone) *zone = first_zone();
	struct feed_record record;
	size_t at = 0;

	(void)state;
	assert_int_equal(zone->addresses, COUNTOF(keys));
	for (size_t i = 0; i < COUNTOF(keys); i++) {
		assert_int_equal(feed_zone_next(zone, &at, &record), 1);
		assert_int_equal(record.key.len, strlen(keys[i]) + 1);
		for (size_t k = 0; k < record.key.len; k++)
			assert_int_equal(record.key.ptr[k], keys[i][k] == ' ' ? 0 : keys[i][k]);
	}
	assert_int_equal(feed_zone_next(zone, &at, &record), 0);
}

static void changes_make_the_next_zone(void **state)
{
	AUTO(feed_zone) *old = first_zone();
	AUTO(feed_zone) *new = NULL;
	AUTO(feed_changes) *changes = changes_new(100);

	(void)state;
	take(changes, true, "a.bl.test", 2);
	take(changes, false, "a.bl.test", 3);
	take(changes, false, "z.bl.test", 2); /* came */
	take(changes, true, "z.bl.test", 2);  /* and went */
	take(changes, true, "b.bl.test", 2);  /* went */
	take(changes, false, "b.bl.test", 2); /* and came back */
	assert_int_equal(make(changes, old, 2, &new), 0);
	assert_int_equal(new->soa.serial, 2);
	assert_int_equal(new->addresses, 4);
	assert_int_equal(old->addresses, 4);
	assert_int_equal(buf_len(&new->records), buf_len(&old->records));
	assert_int_not_equal(span_compare(buf_span(&new->records), buf_span(&old->records)), 0);
}

static void changes_for_another_zone_are_refused(void **state)
{
	static const struct {
		bool is_removal;
		const char *owner;
		uint8_t code;
	} bad[] = {{true, "z.bl.test", 2}, {true, "a.bl.test", 3}, {false, "a.bl.test", 2}};

	(void)state;
	for (size_t i = 0; i < COUNTOF(bad); i++) {
		AUTO(feed_zone) *old = first_zone();
		AUTO(feed_changes) *changes = changes_new(100);
		struct feed_zone *new = NULL;

		take(changes, bad[i].is_removal, bad[i].owner, bad[i].code);
		assert_int_equal(make(changes, old, 2, &new), E_CONFLICT);
		assert_null(new);
	}
}

static void more_entries_than_allowed_are_refused(void **state)
{
	AUTO(feed_changes) *changes = changes_new(2);
	struct feed_zone *zone = NULL;

	(void)state;
	take(changes, false, "a.bl.test", 2);
	take(changes, false, "b.bl.test", 2);
	take(changes, false, "c.bl.test", 2);
	assert_int_equal(make(changes, NULL, 1, &zone), E_LIMIT);
	assert_null(zone);
}

static void memory_is_bounded_while_a_transfer_goes_on(void **state)
{
	AUTO(feed_changes) *changes = changes_new(1);
	unsigned count = 0;

	(void)state;
	while (take(changes, false, "a.bl.test", 2) == 0 && count < 1000000)
		count++;
	assert_in_range(count, 1000, 999999);
}

static void a_file_gives_the_zone_back(void **state)
{
	AUTO(feed_zone) *zone = first_zone();
	AUTO(feed_zone) *again = NULL;
	int64_t confirmed_s = 0;
	struct buf file;

	(void)state;
	buf_init(&file, 0);
	feed_zone_encode(zone, 1234, &file);
	assert_int_equal(feed_zone_decode(buf_span(&file), &zone->name, &again, &confirmed_s), 0);
	assert_int_equal(confirmed_s, 1234);
	assert_int_equal(again->soa.serial, 1);
	assert_int_equal(again->soa.expire_s, 30);
	assert_int_equal(again->addresses, zone->addresses);
	assert_int_equal(span_compare(buf_span(&again->records), buf_span(&zone->records)), 0);
	buf_done(&file);
}

static void a_damaged_file_is_no_zone(void **state)
{
	AUTO(feed_zone) *zone = first_zone();
	struct dns_name other = name_of("other.test");
	struct feed_zone *again = NULL;
	int64_t confirmed_s = 0;
	struct buf file;

	(void)state;
	buf_init(&file, 0);
	feed_zone_encode(zone, 1234, &file);
	assert_int_equal(feed_zone_decode(buf_span(&file), &other, &again, &confirmed_s), E_PARSE);
	for (size_t i = 0; i < buf_len(&file); i++) {
		if (i == FEED_CONFIRMED_AT) /* a time is believed, whatever it is */
			i += sizeof(uint64_t);
		file.ptr[i] ^= 0x20;
		assert_true(
			feed_zone_decode(buf_span(&file), &zone->name, &again, &confirmed_s) < 0);
		file.ptr[i] ^= 0x20;
		assert_true(feed_zone_decode(span_first(buf_span(&file), i), &zone->name, &again,
				    &confirmed_s) < 0);
	}
	assert_null(again);
	buf_done(&file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_stand_in_the_order_of_the_tree),
		cmocka_unit_test(changes_make_the_next_zone),
		cmocka_unit_test(changes_for_another_zone_are_refused),
		cmocka_unit_test(more_entries_than_allowed_are_refused),
		cmocka_unit_test(memory_is_bounded_while_a_transfer_goes_on),
		cmocka_unit_test(a_file_gives_the_zone_back),
		cmocka_unit_test(a_damaged_file_is_no_zone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
