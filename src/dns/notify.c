/* SPDX-License-Identifier: ISC */
#include "dns/notify.h"

size_t dns_notify_encode(uint16_t id, const struct dns_name *zone, uint8_t *out)
{
	static const uint8_t head[] = {
		DNS_NOTIFY << 3 | DNS_FLAG_AA >> 8, 0, 0, 1, 0, 0, 0, 0, 0, 0};
	static const uint8_t tail[] = {0, DNS_SOA, 0, DNS_IN};
	uint8_t *p = out;

	*p++ = (uint8_t)(id >> 8);
	*p++ = (uint8_t)id;
	memcpy(p, head, sizeof(head));
	p += sizeof(head);
	memcpy(p, zone->wire, zone->len);
	p += zone->len;
	memcpy(p, tail, sizeof(tail));
	return (size_t)(p + sizeof(tail) - out);
}

bool dns_notify_is_answer(
	const struct dns_message *message, uint16_t id, const struct dns_name *zone)
{
	return (message->flags & DNS_FLAG_QR) != 0 && message->id == id &&
	       dns_flags_opcode(message->flags) == DNS_NOTIFY && message->type == DNS_SOA &&
	       dns_name_equal(&message->name, zone);
}
