/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * NOTIFY (RFC 1996): a server tells its secondaries that a zone has changed, and they answer that
 * they heard. Pure; any thread.
 */
#include "dns/message.h"

/* The message for a zone: its length, in out of at least DNS_UDP_PLAIN octets. Without the SOA
 * record that it may carry: a secondary asks for that anyway, since a hint is no proof (section
 * 3.11). */
size_t dns_notify_encode(uint16_t id, const struct dns_name *zone, uint8_t *out);

/* Whether a message answers it. */
bool dns_notify_is_answer(
	const struct dns_message *message, uint16_t id, const struct dns_name *zone);
