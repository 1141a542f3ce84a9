/* SPDX-License-Identifier: ISC */
/*
 * Data for the DNS bench: the same random listings as a snapshot of ours, as a data file of rbldnsd
 * and as a zone file, and the names to ask for, every second one listed. The seed decides
 * everything.
 *
 *   dns_data KIND ENTRIES FOLDER [with-zone]
 *
 * KIND     addresses   ENTRIES random /32 and 20,000 networks of /20 to /24, all of IPv4 unicast
 *                      space
 *          nets64      ENTRIES random IPv6 /64
 *          domains     ENTRIES random names below a few top-level domains
 *
 * Writes FOLDER/list.snap, FOLDER/rbldnsd, FOLDER/queries (1,000,000 lines as dnsperf takes them),
 * and with-zone FOLDER/zone, where networks are wildcards.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/macro.h"
#include "base/mem.h"
#include "dns/name.h"
#include "list/snapshot_write.h"

enum { NETWORKS = 20000, QUERIES = 1000000, LINE_SIZE = 128, V4_LABELS = 4, V6_LABELS = 32 };

static const char zone_name[] = "bl.example.org";

struct data {
	struct snapshot_writer *writer;
	FILE *rbldnsd;
	FILE *zone; /* NULL: not wanted */
	size_t entries;
};

static uint64_t random_next(void)
{
	static uint64_t state = 0x5ca1ab1e;
	uint64_t z;

	state += 0x9e3779b97f4a7c15; /* splitmix64 */
	z = (state ^ (state >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

static FILE *file_open(const char *folder, const char *name)
{
	char path[4096];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "wb");
	if (file == NULL) {
		perror(path);
		exit(1);
	}
	return file;
}

/* ---- Names of addresses ---- */

/* The owner name of an address below the zone; "*" stands for all labels from `labels` on. */
static const char *owner_print(struct ip ip, unsigned labels, char text[DNS_NAME_TEXT_SIZE])
{
	static const struct dns_name root = {.len = 1};
	unsigned all = ip_is_v4(ip) ? V4_LABELS : V6_LABELS;
	struct dns_name name;
	char *start = text;

	dns_name_reverse(ip, &root, &name);
	dns_name_print(&name, text);
	if (labels == all)
		return text;
	for (unsigned i = labels; i < all; i++)
		start = strchr(start, '.') + 1;
	memmove(text + 2, start, strlen(start) + 1);
	memcpy(text, "*.", 2);
	return text;
}

static void zone_add(struct data *data, const char *owner)
{
	if (data->zone != NULL)
		fprintf(data->zone, "%s A 127.0.0.8\n", owner);
}

/* A network as wildcards at whole labels. */
static void zone_add_net(struct data *data, struct prefix net)
{
	bool is_v4 = ip_is_v4(net.ip);
	char text[DNS_NAME_TEXT_SIZE];

	if (is_v4 && net.bits < 128) {
		uint32_t blocks = UINT32_C(1) << (IP_V4_BITS + 24 - net.bits);

		for (uint32_t i = 0; i < blocks; i++)
			zone_add(data, owner_print(ip_from_v4(ip_to_v4(net.ip) + (i << 8)),
					       V4_LABELS - 1, text));
	} else {
		zone_add(data, owner_print(net.ip, is_v4 ? V4_LABELS : net.bits / 4, text));
	}
}

/* ---- Listing ---- */

static void list_source(struct data *data, const struct source *source)
{
	if (snapshot_writer_add(data->writer, 0,
		    &(struct list_entry){*source, 0, false, 0, span_text("bench")}) < 0) {
		fprintf(stderr, "dns_data: cannot add an entry\n");
		exit(1);
	}
}

static void list_net(struct data *data, struct prefix net)
{
	struct source source = {.kind = SOURCE_NET, .net = net};
	char text[PREFIX_TEXT_SIZE];

	list_source(data, &source);
	fprintf(data->rbldnsd, "%s\n", prefix_print(net, text));
	if (data->zone != NULL)
		zone_add_net(data, net);
}

/* Unicast space: 1.0.0.0 to 223.255.255.255, without 127/8. */
static uint32_t random_v4(void)
{
	for (;;) {
		uint32_t address = (uint32_t)random_next();

		if (address >> 24 != 0 && address >> 24 != 127 && address >> 24 < 224)
			return address;
	}
}

static struct ip random_v6(void)
{
	struct ip ip = {{0}};
	uint64_t words[2] = {random_next(), random_next()};

	memcpy(ip.b, words, sizeof(words));
	ip.b[0] = (uint8_t)(0x20 | (ip.b[0] & 0x1f)); /* 2000::/3 */
	return ip;
}

static void random_domain(char text[LINE_SIZE])
{
	static const char *const tops[] = {"com", "net", "org", "de", "info", "top", "xyz", "shop"};

	snprintf(text, LINE_SIZE, "%llx.%s", (unsigned long long)(random_next() >> 28),
		tops[random_next() % COUNTOF(tops)]);
}

/* ---- The kinds: how to list an entry, and the name that asks for it or for something at random
 * ---- */

struct kind {
	const char *name;
	size_t item_size;
	void (*list)(struct data *data, void *item);
	void (*query)(const void *item, char text[DNS_NAME_TEXT_SIZE]);
	void (*random)(void *item);
};

static void address_list(struct data *data, void *item)
{
	list_net(data, prefix_of(*(struct ip *)item, 128));
}

static void address_query(const void *item, char text[DNS_NAME_TEXT_SIZE])
{
	owner_print(*(const struct ip *)item, V4_LABELS, text);
}

static void address_random(void *item)
{
	*(struct ip *)item = ip_from_v4(random_v4());
}

static void net64_list(struct data *data, void *item)
{
	list_net(data, prefix_of(*(struct ip *)item, 64));
}

static void net64_query(const void *item, char text[DNS_NAME_TEXT_SIZE])
{
	owner_print(*(const struct ip *)item, V6_LABELS, text);
}

static void net64_random(void *item)
{
	*(struct ip *)item = random_v6();
}

static void domain_list(struct data *data, void *item)
{
	struct source source = {.kind = SOURCE_DOMAIN};

	memcpy(source.domain, item, LINE_SIZE);
	list_source(data, &source);
	fprintf(data->rbldnsd, "%s\n", source.domain);
	zone_add(data, source.domain);
}

static void domain_query(const void *item, char text[DNS_NAME_TEXT_SIZE])
{
	memcpy(text, item, LINE_SIZE);
}

static void domain_random(void *item)
{
	random_domain(item);
}

static const struct kind kinds[] = {
	{"addresses", sizeof(struct ip), address_list, address_query, address_random},
	{"nets64", sizeof(struct ip), net64_list, net64_query, net64_random},
	{"domains", LINE_SIZE, domain_list, domain_query, domain_random},
};

static void write_queries(FILE *file, const struct kind *kind, const uint8_t *listed, size_t count)
{
	uint8_t *any = mem_alloc(kind->item_size);

	for (size_t i = 0; i < QUERIES; i++) {
		const uint8_t *item = any;
		char text[DNS_NAME_TEXT_SIZE];

		if (i % 2 == 0)
			item = listed + random_next() % count * kind->item_size;
		else
			kind->random(any);
		kind->query(item, text);
		fprintf(file, "%s.%s A\n", text, zone_name);
	}
	mem_free(any);
}

static void write_heads(struct data *data, const struct kind *kind)
{
	bool domains = kind->list == domain_list;

	fprintf(data->rbldnsd, ":127.0.0.8:Listed: bench; https://mail.example.org/why/$\n%s\n",
		domains ? "test" : "");
	if (data->zone == NULL)
		return;
	fprintf(data->zone,
		"$ORIGIN %s.\n$TTL 300\n@ SOA ns1.example.org. postmaster.example.org. 1 600 120 604800 60\n@ NS ns1.example.org.\n%s A 127.0.0.2\n",
		zone_name, domains ? "test" : "2.0.0.127");
}

static void write_all(struct data *data, const struct kind *kind, const char *folder)
{
	uint8_t *listed = mem_alloc_array(data->entries, kind->item_size);
	FILE *queries = file_open(folder, "queries");

	write_heads(data, kind);
	for (size_t i = 0; i < data->entries; i++) {
		uint8_t *item = listed + i * kind->item_size;

		kind->random(item);
		kind->list(data, item);
	}
	for (size_t i = 0; i < NETWORKS && kind->list == address_list; i++)
		list_net(data, prefix_of(ip_from_v4(random_v4()),
				       IP_V4_BITS + 20 + (unsigned)(random_next() % 5)));
	write_queries(queries, kind, listed, data->entries);
	fclose(queries);
	mem_free(listed);
}

static const struct kind *kind_find(const char *name)
{
	for (size_t i = 0; i < COUNTOF(kinds); i++) {
		if (strcmp(kinds[i].name, name) == 0)
			return &kinds[i];
	}
	return NULL;
}

int main(int argc, char **argv)
{
	static const struct span sublist = {(const uint8_t *)"manual", 6};
	const struct kind *kind = argc >= 4 ? kind_find(argv[1]) : NULL;
	struct data data = {.entries = argc >= 4 ? strtoul(argv[2], NULL, 10) : 0};
	struct fault why = {""};
	char path[4096];

	if (kind == NULL || data.entries == 0) {
		fprintf(stderr,
			"usage: dns_data addresses|nets64|domains ENTRIES FOLDER [with-zone]\n");
		return 64;
	}
	data.writer = snapshot_writer_new(1, 0);
	data.rbldnsd = file_open(argv[3], "rbldnsd");
	data.zone = argc > 4 ? file_open(argv[3], "zone") : NULL;
	snapshot_writer_add_list(data.writer, span_text("main"), &sublist, 1);
	write_all(&data, kind, argv[3]);
	fclose(data.rbldnsd);
	if (data.zone != NULL)
		fclose(data.zone);
	snprintf(path, sizeof(path), "%s/list.snap", argv[3]);
	if (snapshot_writer_finish(data.writer, path, &why) < 0) {
		fprintf(stderr, "dns_data: %s\n", why.text);
		return 1;
	}
	snapshot_writer_free(&data.writer);
	return 0;
}
