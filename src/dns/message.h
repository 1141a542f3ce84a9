/* SPDX-License-Identifier: ISC */
#pragma once
/*
 * DNS messages on the wire (RFC 1035 section 4, RFC 6891): queries are built, messages decoded.
 * Everything read here was sent by strangers: a message is checked as a whole, from the header to
 * its last octet, before anything of it can be used. Spans point into the message. Pure; any
 * thread.
 */
#include "dns/name.h"

enum dns_type {
	DNS_A = 1,
	DNS_NS = 2,
	DNS_CNAME = 5,
	DNS_SOA = 6,
	DNS_HINFO = 13,
	DNS_PTR = 12,
	DNS_MX = 15,
	DNS_TXT = 16,
	DNS_AAAA = 28,
	DNS_OPT = 41,
	DNS_TSIG = 250,
	DNS_IXFR = 251,
	DNS_AXFR = 252,
	DNS_ANY = 255,
};

enum dns_class { DNS_IN = 1, DNS_CH = 3 };
enum dns_opcode { DNS_QUERY = 0, DNS_NOTIFY = 4, DNS_UPDATE = 5 };

enum dns_rcode {
	DNS_NOERROR = 0,
	DNS_FORMERR = 1,
	DNS_SERVFAIL = 2,
	DNS_NXDOMAIN = 3,
	DNS_NOTIMP = 4,
	DNS_REFUSED = 5,
	DNS_NOTAUTH = 9,
	DNS_BADVERS = 16, /* four bits in the header, the upper eight in OPT */
	DNS_BADCOOKIE = 23,
};

/* "REFUSED"; never NULL. */
const char *dns_rcode_text(unsigned rcode);

/* The flag word of the header. */
enum dns_flag {
	DNS_FLAG_QR = 0x8000,
	DNS_FLAG_AA = 0x0400,
	DNS_FLAG_TC = 0x0200,
	DNS_FLAG_RD = 0x0100,
	DNS_FLAG_RA = 0x0080,
	DNS_FLAG_AD = 0x0020,
	DNS_FLAG_CD = 0x0010,
};

/* Extended errors (RFC 8914 section 4). */
enum dns_ede {
	DNS_EDE_NOT_READY = 14,
	DNS_EDE_PROHIBITED = 18,
	DNS_EDE_NOT_AUTHORITATIVE = 20,
	DNS_EDE_NOT_SUPPORTED = 21
};

enum {
	DNS_HEADER_SIZE = 12,
	DNS_MESSAGE_MAX = 65535,
	DNS_UDP_PLAIN = 512,       /* what a client without EDNS takes (RFC 1035 section 2.3.4) */
	DNS_UDP_SAFE = 1232,       /* fits every path without fragments */
	DNS_OPTION_NSID = 3,       /* RFC 5001 */
	DNS_OPTION_COOKIE = 10,    /* RFC 7873 */
	DNS_OPTION_KEEPALIVE = 11, /* RFC 7828 */
	DNS_OPTION_EDE = 15,       /* RFC 8914 */
	DNS_TTL_MAX = 0x7fffffff,  /* larger ones count as 0 (RFC 2181 section 8) */
};

static inline unsigned dns_flags_opcode(uint16_t flags)
{
	return (unsigned)flags >> 11 & 0xf;
}

struct dns_edns {
	bool present;
	uint8_t version;
	uint8_t rcode_high;
	uint16_t udp_size; /* as sent, small values too */
	bool dnssec_ok;
};

enum dns_section { DNS_ANSWER, DNS_AUTHORITY, DNS_ADDITIONAL, DNS_SECTIONS };

/* A message that was checked: header, one question, and where the records are. */
struct dns_message {
	struct span bytes;
	uint16_t id;
	uint16_t flags;
	uint16_t rcode; /* with the upper bits from OPT */
	struct dns_name name;
	uint16_t type;
	uint16_t class;
	struct dns_edns edns;
	uint16_t counts[DNS_SECTIONS];
	size_t starts[DNS_SECTIONS];
	size_t tsig_at; /* where a TSIG record begins, the last of the message; 0: it has none */
};

/* Checks all of bytes. E_TRUNCATED: cut short; E_PARSE: no or several questions, names, lengths or
 * counts that do not fit, two OPT records, a TSIG record that is not the last, octets behind the
 * last record; E_LIMIT: a name too long. Queries and responses. */
int dns_message_decode(struct span bytes, struct dns_message *ret_message);

/* The same for a message behind the first one of a zone transfer, which may have no question (RFC
 * 5936 section 2.2.1): name.len is 0 then. */
int dns_message_decode_later(struct span bytes, struct dns_message *ret_message);

/* Whether the message answers this question: a response to a standard query with this id, and the
 * name octet by octet (RFC 5452 section 9.1; the case is part of the secret). */
bool dns_message_answers(
	const struct dns_message *message, uint16_t id, const struct dns_name *name, uint16_t type);

struct dns_record {
	struct dns_name name;
	uint16_t type;
	uint16_t class;
	uint32_t ttl_s;
	struct span rdata;
	size_t rdata_at; /* its offset in the message: names in it may be compressed */
};

/* Walks one section; begin with {.section = DNS_ANSWER}. */
struct dns_walk {
	enum dns_section section;
	uint16_t index;
	size_t at;
};

/* 1: *ret_record filled, 0: no more. */
int dns_message_next(
	const struct dns_message *message, struct dns_walk *walk, struct dns_record *ret_record);

/* What a record holds. E_PARSE when the rdata does not have the form of its type: the record counts
 * as absent. */
int dns_record_ip(const struct dns_record *record, struct ip *ret_ip); /* A, AAAA */
/* PTR, CNAME, NS, and the exchange of an MX. */
int dns_record_target(const struct dns_message *message, const struct dns_record *record,
	struct dns_name *ret_name);
/* The strings of a TXT joined; appended to out, whose limit holds (E_LIMIT). */
int dns_record_text(const struct dns_record *record, struct buf *out);

struct dns_soa {
	struct dns_name server;
	struct dns_name mailbox;
	uint32_t serial;
	uint32_t refresh_s, retry_s, expire_s, minimum_s;
};

int dns_record_soa(const struct dns_message *message, const struct dns_record *record,
	struct dns_soa *ret_soa);

/* Appends a standard query for one name with recursion desired. udp_size: in the OPT record; 0
 * leaves OPT out. */
void dns_query_encode(struct buf *out, uint16_t id, const struct dns_name *name, uint16_t type,
	uint16_t udp_size);

/* One message of a TCP stream, after its two octets of length (RFC 1035 section 4.2.2): 1,
 * *ret_message is inside of input and *ret_used octets may be dropped with it; 0: more has to come;
 * E_LIMIT: it claims more than limit octets. */
int dns_frame_next(struct span input, size_t limit, struct span *ret_message, size_t *ret_used);
