/* SPDX-License-Identifier: ISC */
#include "dns/transfer_read.h"

#include "base/serial.h"

/*
 *                    AXFR: ------------------------.
 *   BEGIN --SOA new--> SECOND --other record-------> WHOLE --SOA new--> END
 *                       |  '----SOA of ours--> REMOVING --SOA--> ADDING --SOA new--> END
 *                       |                         ^----SOA---------'
 *                       '--end of message, new is not newer than ours: END ("current")
 *
 * Serials have to rise from ours to the new one, and each sequence begins where the one before it
 * ended: a server that lost its journal and sends another zone's changes must not get through to a
 * list that refuses mail.
 */
enum { BEGIN, SECOND, WHOLE, REMOVING, ADDING, END };

static int transfer_hand_on(struct transfer_read *transfer, const struct dns_message *message,
	const struct dns_record *record)
{
	struct transfer_record item = {
		.is_removal = transfer->state == REMOVING, .message = message, .record = record};

	if (record->class != DNS_IN || !dns_name_is_below(&record->name, &transfer->zone)) {
		transfer->foreign++;
		return 0;
	}
	return transfer->each(&item, transfer->arg);
}

static int transfer_serial_fault(
	const struct transfer_read *transfer, uint32_t serial, struct fault *why)
{
	return fault_set(why, E_CONFLICT,
		"the serial %lu does not fit: the transfer leads to %lu, and %lu was reached",
		(unsigned long)serial, (unsigned long)transfer->soa.serial,
		(unsigned long)transfer->reached);
}

/* Which answer to an IXFR this is shows in its second record (RFC 1995 section 4). */
static int transfer_take_second(struct transfer_read *transfer, uint32_t serial, struct fault *why)
{
	if (serial == transfer->soa.serial) { /* a zone of nothing but its SOA */
		transfer->style = TRANSFER_WHOLE;
		transfer->state = END;
		return 0;
	}
	transfer->reached = transfer->serial;
	if (serial != transfer->serial)
		return transfer_serial_fault(transfer, serial, why);
	transfer->style = TRANSFER_CHANGES;
	transfer->state = REMOVING;
	return 0;
}

/* The end of removals: up to which serial the additions behind it lead. */
static int transfer_take_step(struct transfer_read *transfer, uint32_t serial, struct fault *why)
{
	bool beyond = serial_is_before(transfer->soa.serial, serial);

	if (!serial_is_before(transfer->reached, serial) || beyond)
		return transfer_serial_fault(transfer, serial, why);
	transfer->reached = serial;
	transfer->state = ADDING;
	return 0;
}

/* The end of additions: of all, or the next sequence begins. */
static int transfer_take_turn(struct transfer_read *transfer, uint32_t serial, struct fault *why)
{
	if (serial != transfer->reached)
		return transfer_serial_fault(transfer, serial, why);
	transfer->state = serial == transfer->soa.serial ? END : REMOVING;
	return 0;
}

static int transfer_take_first(
	struct transfer_read *transfer, const struct dns_soa *soa, struct fault *why)
{
	if (soa == NULL)
		return fault_set(why, E_PARSE, "a transfer begins with the SOA of its zone");
	transfer->soa = *soa;
	transfer->state = transfer->type == DNS_AXFR ? WHOLE : SECOND;
	if (transfer->type == DNS_AXFR)
		transfer->style = TRANSFER_WHOLE;
	return 0;
}

static int transfer_take_soa(
	struct transfer_read *transfer, const struct dns_soa *soa, struct fault *why)
{
	switch (transfer->state) {
	case BEGIN:
		return transfer_take_first(transfer, soa, why);
	case SECOND:
		return transfer_take_second(transfer, soa->serial, why);
	case REMOVING:
		return transfer_take_step(transfer, soa->serial, why);
	case ADDING:
		return transfer_take_turn(transfer, soa->serial, why);
	default: /* WHOLE */
		if (soa->serial != transfer->soa.serial)
			return fault_set(
				why, E_CONFLICT, "the zone changed while it was transferred");
		transfer->state = END;
		return 0;
	}
}

static int transfer_take(struct transfer_read *transfer, const struct dns_message *message,
	const struct dns_record *record, struct fault *why)
{
	struct dns_soa soa;
	bool apex = dns_name_equal(&record->name, &transfer->zone) && record->class == DNS_IN;

	if (transfer->state == END)
		return fault_set(why, E_PARSE, "records behind the end of the transfer");
	if (++transfer->records > transfer->limits.records)
		return fault_set(why, E_LIMIT, "more than %llu records",
			(unsigned long long)transfer->limits.records);
	if (record->type == DNS_SOA && apex) {
		if (dns_record_soa(message, record, &soa) < 0)
			return fault_set(why, E_PARSE, "the SOA record is malformed");
		return transfer_take_soa(transfer, &soa, why);
	}
	if (transfer->state == BEGIN)
		return transfer_take_first(transfer, NULL, why);
	if (transfer->state == SECOND) {
		transfer->style = TRANSFER_WHOLE;
		transfer->state = WHOLE;
	}
	return transfer_hand_on(transfer, message, record);
}

/* ---- the frame around records ---- */

/* RFC 5936 section 2.2.1: the first message repeats the question, the others may. */
static bool transfer_is_ours(
	const struct transfer_read *transfer, const struct dns_message *message)
{
	if (message->id != transfer->id || (message->flags & DNS_FLAG_QR) == 0 ||
		dns_flags_opcode(message->flags) != DNS_QUERY)
		return false;
	if (message->name.len == 0)
		return transfer->state != BEGIN;
	return message->type == transfer->type && message->class == DNS_IN &&
	       dns_name_equal(&message->name, &transfer->zone);
}

static int transfer_check_signature(struct transfer_read *transfer,
	const struct dns_message *message, int64_t now_s, struct fault *why)
{
	int r;

	transfer->rcode = message->rcode;
	if (transfer->tsig == NULL)
		return 0;
	r = tsig_verify_answer(transfer->tsig, message->bytes, message->tsig_at, now_s);
	if (r == E_DENIED && transfer->tsig->error != 0)
		return fault_set(why, r, "the signature of the transfer: %s",
			tsig_error_name(transfer->tsig->error));
	if (r < 0 &&
		message->rcode != DNS_NOERROR) /* an error from before the server looked at keys */
		return fault_set(why, r, "the server refuses the transfer, unsigned: %s",
			dns_rcode_text(message->rcode));
	if (r < 0)
		return fault_set(why, r, "the transfer is not signed by our key as it has to be");
	return 0;
}

static int transfer_check(struct transfer_read *transfer, const struct dns_message *message,
	int64_t now_s, struct fault *why)
{
	int r = transfer_check_signature(transfer, message, now_s, why);

	if (r < 0)
		return r;
	if (!transfer_is_ours(transfer, message))
		return fault_set(why, E_PARSE, "the message does not answer what was asked");
	if (message->rcode == DNS_NOERROR && (message->flags & DNS_FLAG_TC) != 0)
		return fault_set(why, E_PARSE, "a message of the transfer is cut short");
	if (message->rcode == DNS_NOERROR)
		return 0;
	return fault_set(why, E_DENIED, "the server refuses the transfer: %s",
		dns_rcode_text(message->rcode));
}

/* A single SOA that is not newer than ours says that nothing changed (RFC 1995 section 4). A newer
 * one alone in the first message is how servers begin that send one record a message. */
static void transfer_end_message(struct transfer_read *transfer)
{
	if (transfer->state != SECOND || serial_is_before(transfer->serial, transfer->soa.serial))
		return;
	transfer->style = TRANSFER_CURRENT;
	transfer->state = END;
}

int transfer_read_message(
	struct transfer_read *transfer, struct span bytes, int64_t now_s, struct fault *why)
{
	struct dns_walk walk = {.section = DNS_ANSWER};
	struct dns_message message;
	struct dns_record record;
	int r;

	transfer->octets += bytes.len;
	if (transfer->octets > transfer->limits.octets)
		return fault_set(why, E_LIMIT, "more than %llu octets",
			(unsigned long long)transfer->limits.octets);
	r = dns_message_decode_later(bytes, &message);
	if (r < 0)
		return fault_set(why, r, "a message of the transfer is malformed");
	r = transfer_check(transfer, &message, now_s, why);
	while (r == 0 && dns_message_next(&message, &walk, &record) == 1)
		r = transfer_take(transfer, &message, &record, why);
	if (r < 0)
		return r;
	if (transfer->state == BEGIN)
		return transfer_take_first(transfer, NULL, why);
	transfer_end_message(transfer);
	if (transfer->state != END)
		return 0;
	if (transfer->tsig != NULL && !tsig_is_whole(transfer->tsig))
		return fault_set(why, E_DENIED, "the end of the transfer is not signed");
	return 1;
}

/* ---- the question ---- */

void transfer_query_encode(struct buf *out, const struct transfer_question *question)
{
	enum { SOA_LEN = 2 + 5 * 4, POINTER_TO_ZONE = 0xc000 | DNS_HEADER_SIZE };

	buf_append_u16(out, question->id);
	buf_append_u16(out, 0);
	buf_append_u16(out, 1);
	buf_append_u16(out, 0);
	buf_append_u16(out, question->type == DNS_IXFR);
	buf_append_u16(out, 0);
	buf_append(out, dns_name_span(question->zone));
	buf_append_u16(out, question->type);
	buf_append_u16(out, DNS_IN);
	if (question->type != DNS_IXFR)
		return;
	buf_append_u16(out, POINTER_TO_ZONE);
	buf_append_u16(out, DNS_SOA);
	buf_append_u16(out, DNS_IN);
	buf_append_u32(out, 0);
	buf_append_u16(out, SOA_LEN);
	buf_append_u16(out, 0); /* server and mailbox do not matter: the root */
	buf_append_u32(out, question->serial);
	for (int i = 0; i < 4; i++)
		buf_append_u32(out, 0);
}
