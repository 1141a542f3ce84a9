/* SPDX-License-Identifier: ISC */
#include <stdint.h>

#include "base/buf.h"
#include "base/macro.h"
#include "dns/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Everything that the resolver reads from an answer. */
static void read_record(const struct dns_message *message, const struct dns_record *record)
{
	char printed[DNS_NAME_TEXT_SIZE];
	struct dns_name parsed;
	struct dns_name name;
	struct dns_soa soa;
	struct buf text;
	struct ip ip;

	buf_init(&text, 4096);
	dns_record_ip(record, &ip);
	dns_record_text(record, &text);
	dns_record_soa(message, record, &soa);
	if (dns_record_target(message, record, &name) == 0) {
		dns_name_print(&name, printed);
		ASSERT(dns_name_parse(span_text(printed), &parsed) == 0);
		ASSERT(dns_name_equal(&parsed, &name));
	}
	buf_done(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dns_message message;

	if (dns_message_decode(span_of(data, size), &message) < 0)
		return 0;
	for (unsigned section = 0; section < DNS_SECTIONS; section++) {
		struct dns_walk walk = {.section = section};
		struct dns_record record;
		unsigned count = 0;

		while (dns_message_next(&message, &walk, &record) == 1) {
			read_record(&message, &record);
			count++;
		}
		ASSERT(count == message.counts[section]);
	}
	return 0;
}
