/* SPDX-License-Identifier: ISC */
/* Zones of other operators as entries: what the DNS would answer for a source is what the list
 * answers. */
#include <stdio.h>

#include "base/macro.h"
#include "conf/code.h"
#include "feed/changes.h"
#include "feed/set.h"
#include "unit.h"

enum { TEXT_SIZE = 2048 };

static struct dns_name name_of(const char *text)
{
	struct dns_name name;

	assert_int_equal(dns_name_parse(span_text(text), &name), 0);
	return name;
}

/* "9.2.0.192 A 127.0.0.2", "9.2.0.192 TXT words" or "9.2.0.192 CNAME listed.bl.test", one a line.
 */
static void take_line(struct feed_changes *changes, struct span line, bool is_removal)
{
	struct span rest = line;
	struct span owner = span_split(&rest, ' ');
	struct span type = span_split(&rest, ' ');
	struct dns_name zone = name_of("bl.test");
	struct transfer_record item = {.is_removal = is_removal};
	struct dns_record record = {.class = DNS_IN};
	struct dns_message message = {.id = 0};
	struct dns_name target;
	uint8_t rdata[256];
	struct ip ip;

	assert_int_equal(dns_name_parse(owner, &record.name), 0);
	assert_int_equal(dns_name_join(&record.name, &zone, &record.name), 0);
	if (span_equal_text(type, "A")) {
		record.type = DNS_A;
		assert_int_equal(ip_parse(rest, &ip), 0);
		record.rdata = span_of(ip.b + 12, 4);
	} else if (span_equal_text(type, "CNAME")) {
		assert_int_equal(dns_name_parse(rest, &target), 0);
		record.type = DNS_CNAME;
		record.rdata = message.bytes = dns_name_span(&target);
	} else {
		record.type = DNS_TXT;
		rdata[0] = (uint8_t)rest.len;
		memcpy(rdata + 1, rest.ptr, rest.len);
		record.rdata = span_of(rdata, rest.len + 1);
	}
	item.record = &record;
	item.message = &message;
	assert_int_equal(feed_changes_take(&item, changes), 0);
}

static struct feed_zone *zone_of(const char *lines)
{
	struct dns_name name = name_of("bl.test");
	struct dns_soa soa = {.serial = 1};
	AUTO(feed_changes) *changes = feed_changes_new(&name, 1000);
	struct span rest = span_text(lines);
	struct feed_zone *zone = NULL;

	while (rest.len != 0)
		take_line(changes, span_split(&rest, '\n'), false);
	assert_int_equal(feed_changes_make(changes,
				 &(struct feed_transfer){TRANSFER_WHOLE, NULL, &soa}, &zone, NULL),
		0);
	return zone;
}

static struct feed_set *set_of(const char *lines, bool domains)
{
	AUTO(feed_zone) *zone = zone_of(lines);
	struct feed_rule rules[2] = {{.sublist = 0}, {.sublist = 1}};
	struct feed_rules all = {.domains = domains, .len = COUNTOF(rules), .rules = rules};
	struct feed_set *set = NULL;

	assert_int_equal(code_parse(span_text("127.0.0.2"), &rules[0].code, NULL), 0);
	assert_int_equal(code_parse(span_text("127.0.0.3-4"), &rules[1].code, NULL), 0);
	assert_int_equal(feed_set_new(zone, &all, &set), 0);
	return set;
}

/* "192.0.2.9 +1 -2": listed by the first sublist, taken away from the second; a reason in
 * brackets. */
static void set_print(const struct feed_set *set, char text[TEXT_SIZE])
{
	size_t len = 0;

	text[0] = '\0';
	for (size_t i = 0; i < set->len; i++) {
		const struct feed_entry *entry = &set->entries[i];
		struct span reason = feed_entry_reason(set, entry);
		char shown[SOURCE_TEXT_SIZE];
		struct source source;

		feed_entry_source(set, entry, &source);
		len += (size_t)snprintf(text + len, TEXT_SIZE - len, "%s%s", i != 0 ? "\n" : "",
			source_print(&source, shown));
		for (unsigned bit = 0; bit < 2; bit++) {
			if ((entry->listed >> bit & 1) != 0)
				len += (size_t)snprintf(
					text + len, TEXT_SIZE - len, " +%u", bit + 1);
			if ((entry->excluded >> bit & 1) != 0)
				len += (size_t)snprintf(
					text + len, TEXT_SIZE - len, " -%u", bit + 1);
		}
		if (reason.len != 0)
			len += (size_t)snprintf(text + len, TEXT_SIZE - len, " (%.*s)",
				(int)reason.len, (const char *)reason.ptr);
	}
}

static const struct {
	const char *what;
	bool domains;
	const char *zone;
	const char *entries;
	struct feed_counts counts;
} cases[] = {
	{"addresses with their codes", false,
		"9.2.0.192 A 127.0.0.2\n10.2.0.192 A 127.0.0.3\n11.2.0.192 A 127.0.0.2\n"
		"11.2.0.192 A 127.0.0.4\n",
		"192.0.2.9 +1\n192.0.2.10 +2\n192.0.2.11 +1 +2", {0}},
	{"texts are reasons", false,
		"9.2.0.192 A 127.0.0.2\n9.2.0.192 TXT spam run\n10.2.0.192 A 127.0.0.2\n",
		"192.0.2.9 +1 (spam run)\n192.0.2.10 +1", {0}},
	{"wildcards are networks", false,
		"*.2.0.192 A 127.0.0.2\n*.100.51 A 127.0.0.3\n*.5 A 127.0.0.2\n",
		"5.0.0.0/8 +1\n51.100.0.0/16 +2\n192.0.2.0/24 +1", {0}},
	{"a name hides the wildcard above it", false,
		"*.2.0.192 A 127.0.0.2\n9.2.0.192 A 127.0.0.3\n8.2.0.192 A 127.0.0.2\n7.2.0.192 TXT free\n",
		"192.0.2.0/24 +1\n192.0.2.7 -1 (free)\n192.0.2.8 +1\n192.0.2.9 -1 +2", {0}},
	{"and all that has no name beside it", false,
		"*.0.192 A 127.0.0.2\n9.2.0.192 A 127.0.0.2\n",
		"192.0.0.0/16 +1\n192.0.2.0/24 -1\n192.0.2.9 +1", {0}},
	{"unless it has a wildcard of its own", false,
		"*.0.192 A 127.0.0.2\n*.2.0.192 A 127.0.0.2\n9.2.0.192 A 127.0.0.3\n",
		"192.0.0.0/16 +1\n192.0.2.0/24 +1\n192.0.2.9 -1 +2", {0}},
	{"IPv6", false,
		"1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2 A 127.0.0.2\n"
		"*.1.0.0.0.8.b.d.0.1.0.0.2 A 127.0.0.3\n",
		"2001:db8::1 +1\n2001:db8:1::/48 +2", {0}},
	{"IPv6 below a wildcard", false,
		"1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2 A 127.0.0.2\n"
		"*.8.b.d.0.1.0.0.2 A 127.0.0.2\n",
		"2001:db8::/32 +1\n2001:db8::/36 -1\n2001:db8::1 +1", {0}},
	{"four digits of IPv6 are no octets of a wildcard above", false,
		"*.3.2.1 A 127.0.0.2\n*.4.3.2.1 A 127.0.0.3\n",
		"1.2.3.0/24 +1\n1.2.3.4 -1\n1234::/16 +2", {0}},
	{"the test entries are nobody's", false,
		"2.0.0.127 A 127.0.0.2\n2.0.0.127 TXT test\n"
		"2.0.0.0.0.0.f.7.f.f.f.f.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0 A 127.0.0.2\n",
		"", {.names = 2}},
	{"what is no code lists nobody", false,
		"1.2.0.192 A 192.0.2.1\n2.2.0.192 A 127.255.255.254\n3.2.0.192 A 127.0.0.1\n"
		"4.2.0.192 A 127.0.0.9\n5.2.0.192 TXT words\n",
		"", {.outside = 1, .refusals = 2, .unaccepted = 1}},
	{"nor does a name that is no source", false,
		"* A 127.0.0.2\nwww A 127.0.0.2\n300.2.0.192 A 127.0.0.2\n01.2.0.192 A 127.0.0.2\n"
		"1.1.2.0.192 A 127.0.0.2\n2.0.192 A 127.0.0.2\n1.*.0.192 A 127.0.0.2\n*.f A 127.0.0.2\n",
		"", {.names = 8}},
	{"a CNAME answers what its end answers", false,
		"9.2.0.192 CNAME listed.bl.test\n10.2.0.192 CNAME LISTED.bl.test\n"
		"11.2.0.192 CNAME 9.2.0.192.bl.test\n*.3.0.192 CNAME listed.bl.test\n"
		"listed A 127.0.0.2\nlisted A 127.0.0.3\nlisted TXT spam run\n",
		"192.0.2.9 +1 +2 (spam run)\n192.0.2.10 +1 +2 (spam run)\n"
		"192.0.2.11 +1 +2 (spam run)\n192.0.3.0/24 +1 +2 (spam run)",
		{.names = 1}},
	{"and hides the wildcard above it", false,
		"*.2.0.192 A 127.0.0.2\n9.2.0.192 CNAME other.bl.test\n8.2.0.192 CNAME free.bl.test\n"
		"other A 127.0.0.3\nfree TXT no\n",
		"192.0.2.0/24 +1\n192.0.2.8 -1 (no)\n192.0.2.9 -1 +2", {.names = 1, .aliases = 1}},
	{"one that leads to no listing lists nobody", false,
		"1.2.0.192 CNAME a.example\n2.2.0.192 CNAME absent.bl.test\n"
		"3.2.0.192 CNAME 4.2.0.192.bl.test\n4.2.0.192 CNAME 3.2.0.192.bl.test\n"
		"5.2.0.192 CNAME 5.2.0.192.bl.test\n6.2.0.192 CNAME parked.bl.test\n"
		"7.2.0.192 CNAME bl.test\nparked A 192.0.2.1\n",
		"", {.outside = 1, .aliases = 7}},
	{"nor what a wildcard answers at the end of a CNAME, but a wildcard that is one", false,
		"1.2.0.192 CNAME any.pool.bl.test\n*.3.0.192 CNAME listed.bl.test\n"
		"*.pool A 127.0.0.2\nlisted A 127.0.0.2\n",
		"192.0.3.0/24 +1", {.names = 2, .aliases = 1}},
	{"domains by CNAME", true,
		"bad.example CNAME listed.bl.test\n*.bad.example CNAME listed.bl.test\nlisted A 127.0.0.2\n",
		".bad.example +1", {.names = 1}},
	{"domains", true,
		"bad.example A 127.0.0.2\n*.worse.example A 127.0.0.3\nworse.example A 127.0.0.3\n",
		".worse.example +2\nbad.example +1", {0}},
	{"a wildcard alone leaves its name out", true, "*.example.net A 127.0.0.2\n",
		".example.net +1\nexample.net -1", {0}},
	{"a name hides the wildcard above it, with all below", true,
		"*.example.net A 127.0.0.2\nexample.net A 127.0.0.2\nok.example.net A 127.0.0.2\n",
		".example.net +1\n.ok.example.net -1\nok.example.net +1", {0}},
	{"a name between is there as well", true,
		"*.example.net A 127.0.0.2\nexample.net A 127.0.0.2\na.b.example.net A 127.0.0.3\n",
		".b.example.net -1\n.example.net +1\na.b.example.net +2", {0}},
	{"a text of its own makes an entry of its own", true,
		"*.example.net A 127.0.0.2\nexample.net A 127.0.0.2\nexample.net TXT the name\n",
		".example.net +1\nexample.net +1 (the name)", {0}},
	{"top-level names are no sources", true,
		"test A 127.0.0.2\n*.com A 127.0.0.2\n* A 127.0.0.2\nbad_host-.com A 127.0.0.2\n",
		"", {.names = 4}},
};

static void zones_become_entries(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNTOF(cases); i++) {
		AUTO(feed_set) *set = set_of(cases[i].zone, cases[i].domains);
		char text[TEXT_SIZE];

		print_message("%s\n", cases[i].what);
		set_print(set, text);
		assert_string_equal(text, cases[i].entries);
		assert_int_equal(set->counts.names, cases[i].counts.names);
		assert_int_equal(set->counts.outside, cases[i].counts.outside);
		assert_int_equal(set->counts.refusals, cases[i].counts.refusals);
		assert_int_equal(set->counts.unaccepted, cases[i].counts.unaccepted);
		assert_int_equal(set->counts.aliases, cases[i].counts.aliases);
	}
}

static void long_texts_are_cut_and_clean(void **state)
{
	char lines[600];
	char tail[251];
	AUTO(feed_set) *set = NULL;
	struct span reason;

	(void)state;
	memset(tail, 'x', sizeof(tail) - 1);
	tail[sizeof(tail) - 1] = '\0';
	snprintf(lines, sizeof(lines), "9.2.0.192 A 127.0.0.2\n9.2.0.192 TXT \x1b\t%s\n", tail);
	set = set_of(lines, false);
	reason = feed_entry_reason(set, &set->entries[0]);
	assert_int_equal(reason.len, FEED_REASON_MAX);
	assert_memory_equal(reason.ptr, "??xxx", 5);
}

static void differences_print(
	const struct feed_set *from, const struct feed_set *to, char text[TEXT_SIZE])
{
	struct feed_difference difference = {.from = from, .to = to};
	const struct feed_set *of = NULL;
	struct feed_entry entry;
	size_t len = 0;

	text[0] = '\0';
	while (feed_difference_next(&difference, &entry, &of) > 0) {
		char shown[SOURCE_TEXT_SIZE];
		struct source source;

		feed_entry_source(of, &entry, &source);
		len += (size_t)snprintf(text + len, TEXT_SIZE - len, "%s%s %x/%x",
			len != 0 ? "\n" : "", source_print(&source, shown), entry.listed,
			entry.excluded);
	}
}

static void only_what_changed_is_told(void **state)
{
	AUTO(feed_set) *old =
		set_of("1.2.0.192 A 127.0.0.2\n2.2.0.192 A 127.0.0.2\n3.2.0.192 A 127.0.0.2\n"
		       "4.2.0.192 A 127.0.0.2\n",
			false);
	AUTO(feed_set) *new =
		set_of("2.2.0.192 A 127.0.0.2\n3.2.0.192 A 127.0.0.3\n4.2.0.192 A 127.0.0.2\n"
		       "4.2.0.192 TXT why\n5.2.0.192 A 127.0.0.2\n",
			false);
	char text[TEXT_SIZE];

	(void)state;
	differences_print(old, new, text);
	assert_string_equal(text, "192.0.2.1 0/0\n192.0.2.3 2/0\n192.0.2.4 1/0\n192.0.2.5 1/0");
	differences_print(new, new, text);
	assert_string_equal(text, "");
	differences_print(NULL, new, text);
	assert_string_equal(text, "192.0.2.2 1/0\n192.0.2.3 2/0\n192.0.2.4 1/0\n192.0.2.5 1/0");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(zones_become_entries),
		cmocka_unit_test(long_texts_are_cut_and_clean),
		cmocka_unit_test(only_what_changed_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
