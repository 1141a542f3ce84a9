/* SPDX-License-Identifier: ISC */
#include "demo/names.h"

#include <unistd.h>

#include "base/buf.h"
#include "base/macro.h"
#include "base/mem.h"
#include "base/obj.h"
#include "dns/message.h"
#include "loop/socket.h"

enum { TTL_S = 60, QUESTION_POINTER = 0xc000 | DNS_HEADER_SIZE, OPCODE_BITS = 0x7800 };

/* Addresses with a PTR record, and whether that name points back. */
static const struct {
	const char *address, *name;
	bool points_back;
} hosts[] = {
	{"192.0.2.10", "mail.good.test", true},
	{"192.0.2.20", "hasty.sender.test", true},
	{"192.0.2.30", "unnamed.sender.test", true},
	{"192.0.2.31", "twin.sender.test", true},
	{"192.0.2.32", "literal.sender.test", true},
	{"192.0.2.40", "courier.sender.test", true},
	{"192.0.2.50", "host.listed.test", true},
	{"192.0.2.67", "forged.bank.test", false},
	{"198.51.100.9", "bulk.spam.test", true},
	{"198.51.100.77", "newsletter.club.test", true},
	{"203.0.113.50", "infected.dsl.test", true},
	{"2001:db8:66::25", "mx.spam.test", true},
	{"2001:db8:10::25", "mail6.good.test", true},
};

/* Names and addresses: a foreign blocklist with its test point (RFC 5782 section 5), a forgery, and
 * the domains of senders, to which mail could go back. */
static const struct {
	const char *name, *address;
} addresses[] = {
	{"2.0.0.127.bl.foreign.test", "127.0.0.2"},
	{"50.113.0.203.bl.foreign.test", "127.0.0.4"},
	{"forged.bank.test", "203.0.113.99"},
	{"good.test", "192.0.2.10"},
	{"sender.test", "192.0.2.40"},
	{"bank.test", "203.0.113.99"},
	{"club.test", "198.51.100.77"},
	{"spam.test", "198.51.100.9"},
	{"dsl.test", "203.0.113.50"},
	{"listed.test", "192.0.2.50"},
};

struct entry {
	struct dns_name name;
	uint16_t type;
	struct ip ip;           /* A, AAAA */
	struct dns_name target; /* PTR */
};

enum { ENTRIES_MAX = 2 * COUNTOF(hosts) + COUNTOF(addresses) };

struct demo_names {
	uint32_t magic;
	int fd;
	struct watch *watch;
	size_t len;
	struct entry entries[ENTRIES_MAX];
};

/* The tables above are right, or the demo does not start in anybody's hands. */
static struct dns_name name_of(const char *text)
{
	struct dns_name name;

	ASSERT(dns_name_parse(span_text(text), &name) == 0);
	return name;
}

static struct ip ip_of(const char *text)
{
	struct ip ip;

	ASSERT(ip_parse(span_text(text), &ip) == 0);
	return ip;
}

static void names_add_address(struct demo_names *names, const char *name, const char *address)
{
	struct ip ip = ip_of(address);

	names->entries[names->len++] = (struct entry){
		.name = name_of(name), .type = ip_is_v4(ip) ? DNS_A : DNS_AAAA, .ip = ip};
}

static void names_add_pointer(struct demo_names *names, const char *address, const char *target)
{
	struct entry *entry = &names->entries[names->len++];
	struct ip ip = ip_of(address);
	struct dns_name zone = name_of(ip_is_v4(ip) ? "in-addr.arpa" : "ip6.arpa");

	*entry = (struct entry){.type = DNS_PTR, .target = name_of(target)};
	ASSERT(dns_name_reverse(ip, &zone, &entry->name) == 0);
}

static void names_fill(struct demo_names *names)
{
	for (size_t i = 0; i < COUNTOF(hosts); i++) {
		names_add_pointer(names, hosts[i].address, hosts[i].name);
		if (hosts[i].points_back)
			names_add_address(names, hosts[i].name, hosts[i].address);
	}
	for (size_t i = 0; i < COUNTOF(addresses); i++)
		names_add_address(names, addresses[i].name, addresses[i].address);
}

static void answer_append(const struct entry *entry, struct buf *out)
{
	struct span data = entry->type == DNS_PTR ? dns_name_span(&entry->target)
			   : entry->type == DNS_A ? span_of(entry->ip.b + 12, 4)
						  : span_of(entry->ip.b, sizeof(entry->ip.b));

	buf_append_u16(out, QUESTION_POINTER);
	buf_append_u16(out, entry->type);
	buf_append_u16(out, DNS_IN);
	buf_append_u32(out, TTL_S);
	buf_append_u16(out, (uint16_t)data.len);
	buf_append(out, data);
}

/* Records of the name and type; *ret_exists: it has any, or there are names below it (RFC 8020). */
static uint16_t names_search(const struct demo_names *names, const struct dns_message *query,
	struct buf *answers, bool *ret_exists)
{
	uint16_t count = 0;

	*ret_exists = false;
	for (size_t i = 0; i < names->len; i++) {
		const struct entry *entry = &names->entries[i];

		*ret_exists = *ret_exists || dns_name_is_below(&entry->name, &query->name);
		if (entry->type != query->type || !dns_name_equal(&entry->name, &query->name))
			continue;
		answer_append(entry, answers);
		count++;
	}
	return count;
}

static void names_answer(
	const struct demo_names *names, const struct dns_message *query, struct buf *out)
{
	uint16_t kept = DNS_FLAG_RD, count;
	struct buf answers;
	bool exists;

	buf_init(&answers, DNS_UDP_PLAIN);
	count = names_search(names, query, &answers, &exists);
	/* It is the demo's secondary as well, which hears of changes and does nothing. */
	if (dns_flags_opcode(query->flags) == DNS_NOTIFY) {
		kept = OPCODE_BITS;
		exists = true;
	}
	buf_append_u16(out, query->id);
	buf_append_u16(out, (uint16_t)(DNS_FLAG_QR | DNS_FLAG_RA | (query->flags & kept) |
				       (exists ? DNS_NOERROR : DNS_NXDOMAIN)));
	buf_append_u16(out, 1);
	buf_append_u16(out, count);
	buf_append_u32(out, 0);
	buf_append(out, dns_name_span(&query->name)); /* letters as they were asked */
	buf_append_u16(out, query->type);
	buf_append_u16(out, query->class);
	buf_append(out, buf_span(&answers));
	buf_done(&answers);
}

static void names_on_input(struct watch *watch, int ready, void *arg)
{
	struct demo_names *names = OBJ(demo_names, arg);
	struct sockaddr_storage client;
	socklen_t client_len = sizeof(client);
	uint8_t bytes[DNS_UDP_SAFE];
	struct dns_message query;
	ssize_t len;

	(void)watch;
	(void)ready;
	while ((len = recvfrom(names->fd, bytes, sizeof(bytes), 0, (struct sockaddr *)&client,
			&client_len)) >= 0) {
		struct buf out;

		if (dns_message_decode(span_of(bytes, (size_t)len), &query) < 0 ||
			(query.flags & DNS_FLAG_QR) != 0)
			continue;
		buf_init(&out, DNS_UDP_SAFE);
		names_answer(names, &query, &out);
		(void)!sendto(names->fd, buf_span(&out).ptr, buf_len(&out), 0,
			(struct sockaddr *)&client, client_len);
		buf_done(&out);
		client_len = sizeof(client);
	}
}

int demo_names_new(struct loop *loop, struct endpoint *ret_endpoint, struct demo_names **ret_names,
	struct fault *why)
{
	AUTO(demo_names) *names = mem_new(demo_names);
	struct endpoint endpoint = {.ip = ip_from_v4(INADDR_LOOPBACK)};
	int r;

	names->magic = (uint32_t)MAGIC_demo_names;
	names->fd = -1;
	names_fill(names);
	r = socket_bind_udp(endpoint, 0, &names->fd, why);
	if (r == 0)
		r = socket_local(names->fd, &endpoint);
	if (r < 0)
		return r;
	names->watch = watch_new(loop, names->fd, names_on_input, names);
	r = watch_set(names->watch, WATCH_READ);
	if (r < 0)
		return r;
	*ret_endpoint = endpoint;
	*ret_names = TAKE(names);
	return 0;
}

void demo_names_free(struct demo_names **names)
{
	struct demo_names *old = *names;

	*names = NULL;
	if (old == NULL)
		return;
	watch_free(&old->watch);
	if (old->fd >= 0)
		close(old->fd);
	mem_free(old);
}
