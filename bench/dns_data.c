/* SPDX-License-Identifier: ISC */
/*
 * Data for the DNS bench: the same random listings as a snapshot of ours and as a data file of rbldnsd, and the addresses
 * to ask for, every second one listed. The seed decides everything.
 *
 *   dns_data ENTRIES SNAPSHOT RBLDNSD-FILE QUERIES-FILE
 *
 * ENTRIES random /32 and 20,000 networks of /20 to /24. The queries file holds 1,000,000 addresses of four octets.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/macro.h"
#include "base/mem.h"
#include "list/snapshot_write.h"

enum { NETWORKS = 20000, QUERIES = 1000000 };

static uint64_t random_next(void)
{
	static uint64_t state = 0x5ca1ab1e;
	uint64_t z;

	state += 0x9e3779b97f4a7c15; /* splitmix64 */
	z = (state ^ (state >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

/* Unicast space: 1.0.0.0 to 223.255.255.255, without 127/8. */
static uint32_t random_address(void)
{
	for (;;) {
		uint32_t address = (uint32_t)random_next();

		if (address >> 24 != 0 && address >> 24 != 127 && address >> 24 < 224)
			return address;
	}
}

static FILE *open_or_end(const char *path)
{
	FILE *file = fopen(path, "wb");

	if (file == NULL) {
		perror(path);
		exit(1);
	}
	return file;
}

static void add(struct snapshot_writer *writer, FILE *zone, uint32_t address, unsigned bits)
{
	struct source source = {
		.kind = SOURCE_NET, .net = prefix_of(ip_from_v4(address), IP_V4_BITS + bits)};
	char text[PREFIX_TEXT_SIZE];

	fprintf(zone, "%s\n", prefix_print(source.net, text));
	if (snapshot_writer_add(writer, 0, 0, &source, 0, span_text("bench"), false) < 0)
		exit(1);
}

static void write_queries(const char *path, const uint32_t *listed, size_t count)
{
	FILE *file = open_or_end(path);

	for (size_t i = 0; i < QUERIES; i++) {
		uint32_t address = i % 2 == 0 ? listed[random_next() % count] : random_address();
		uint8_t octets[4] = {(uint8_t)(address >> 24), (uint8_t)(address >> 16),
			(uint8_t)(address >> 8), (uint8_t)address};

		fwrite(octets, sizeof(octets), 1, file);
	}
	fclose(file);
}

int main(int argc, char **argv)
{
	static const struct span sublist = {(const uint8_t *)"manual", 6};
	struct snapshot_writer *writer = snapshot_writer_new(1, 0);
	size_t count = argc == 5 ? strtoul(argv[1], NULL, 10) : 0;
	struct fault why = {""};
	uint32_t *listed;
	FILE *zone;

	if (count == 0) {
		fprintf(stderr, "usage: dns_data ENTRIES SNAPSHOT RBLDNSD-FILE QUERIES-FILE\n");
		return 1;
	}
	listed = mem_alloc_array(count, sizeof(*listed));
	zone = open_or_end(argv[3]);
	fprintf(zone, ":127.0.0.8:Listed: bench; https://mail.example.org/why/$\n");
	snapshot_writer_add_list(writer, span_text("main"), &sublist, 1);
	for (size_t i = 0; i < count; i++) {
		listed[i] = random_address();
		add(writer, zone, listed[i], 32);
	}
	for (size_t i = 0; i < NETWORKS; i++)
		add(writer, zone, random_address(), 20 + (unsigned)(random_next() % 5));
	fclose(zone);
	if (snapshot_writer_finish(writer, argv[2], &why) < 0) {
		fprintf(stderr, "dns_data: %s\n", why.text);
		return 1;
	}
	write_queries(argv[4], listed, count);
	snapshot_writer_free(&writer);
	mem_free(listed);
	return 0;
}
