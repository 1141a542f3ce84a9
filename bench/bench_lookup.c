/* SPDX-License-Identifier: ISC */
/*
 * What a lookup in the snapshot costs: random addresses, networks and IPv6 /64s, as in the tables
 * of the list servers we compare ourselves with. Prints `key value unit` lines. Usage: bench_lookup
 * [addresses [values [folder]]]
 *
 * `values` is the number of distinct answers (sublist, end and reason together) the addresses have.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/macro.h"
#include "base/mem.h"
#include "list/paint.h"
#include "list/snapshot_write.h"
#include "list/view.h"

enum {
	NETS = 20000,
	NETS64 = 100000,
	NAMES = 1000000,
	ASKED = 1 << 20,
	LIST = 0,
	SUBLISTS = 8,
	REASONS = 50
};

static uint64_t random_state = 88172645463325252u;

static uint64_t random_next(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state * UINT64_C(0x2545f4914f6cdd1d);
}

static double now_s(clockid_t clock)
{
	struct timespec time;

	clock_gettime(clock, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void check(int result, const struct fault *why)
{
	if (result >= 0)
		return;
	fprintf(stderr, "%s: %s\n", err_text(result), why->text);
	exit(1);
}

/* ---- What is listed ---- */

static struct source net_source(struct ip ip, unsigned bits)
{
	return (struct source){.kind = SOURCE_NET, .net = prefix_of(ip, bits)};
}

static struct ip random_v6(void)
{
	uint64_t net = random_next();
	struct ip ip = {{0x20, 0x01}};

	for (unsigned i = 2; i < 8; i++)
		ip.b[i] = (uint8_t)(net >> (8 * i));
	return ip;
}

static void add(struct snapshot_writer *writer, const struct source *source, uint64_t value)
{
	static const struct fault why = {"adding an entry"};
	static char reasons[REASONS][32];
	char *reason = reasons[value / SUBLISTS % REASONS];

	if (reason[0] == '\0')
		snprintf(reason, sizeof(reasons[0]), "%llu trap hits",
			(unsigned long long)(1 + value / SUBLISTS % REASONS));
	check(snapshot_writer_add(writer, LIST,
		      &(struct list_entry){*source, (uint8_t)(value % SUBLISTS), false,
			      INT64_C(1800000000) + (int64_t)(value / SUBLISTS) * 60,
			      span_text(reason)}),
		&why);
}

static struct snapshot_writer *writer_new(void)
{
	struct snapshot_writer *writer = snapshot_writer_new(1, 0);
	struct span sublists[SUBLISTS];
	char names[SUBLISTS][8];

	for (unsigned i = 0; i < SUBLISTS; i++)
		sublists[i] = span_of(names[i], (size_t)snprintf(names[i], 8, "sub%u", i));
	snapshot_writer_add_list(writer, span_text("bench"), sublists, SUBLISTS);
	return writer;
}

/* /9 to /24, each length half as often as the next longer one: one per cent of all addresses. */
static void add_nets(struct snapshot_writer *writer)
{
	for (size_t i = 0; i < NETS; i++) {
		unsigned shorter = (unsigned)__builtin_ctzll(random_next() | 1 << 15);
		struct source source =
			net_source(ip_from_v4((uint32_t)random_next()), IP_V4_BITS + 24 - shorter);

		add(writer, &source, random_next() % SUBLISTS);
	}
	for (size_t i = 0; i < NETS64; i++) {
		struct source source = net_source(random_v6(), 64);

		add(writer, &source, random_next() % SUBLISTS);
	}
}

static void add_addresses(
	struct snapshot_writer *writer, const uint32_t *addresses, size_t count, uint64_t values)
{
	for (size_t i = 0; i < count; i++) {
		struct source source = net_source(ip_from_v4(addresses[i]), 128);

		add(writer, &source, random_next() % values);
	}
}

/* ---- Measuring ---- */

static double file_bytes(const char *path)
{
	struct stat status;

	return stat(path, &status) == 0 ? (double)status.st_size : 0;
}

static double write_file(struct snapshot_writer *writer, const char *path)
{
	struct fault why = {""};
	double start = now_s(CLOCK_MONOTONIC);

	check(snapshot_writer_finish(writer, path, &why), &why);
	snapshot_writer_free(&writer);
	return now_s(CLOCK_MONOTONIC) - start;
}

/* The best of several rounds: other programs only ever make it slower. */
static double lookup_ns(const struct view *view, const struct ip *asked, uint64_t *ret_hits)
{
	double best = 1e9;

	for (unsigned round = 0; round < 5; round++) {
		double start = now_s(CLOCK_THREAD_CPUTIME_ID), spent;
		uint64_t hits = 0;

		for (size_t i = 0; i < ASKED; i++) {
			struct hits found;

			hits += view_lookup_ip(view, LIST, asked[i], &found) != 0;
		}
		spent = (now_s(CLOCK_THREAD_CPUTIME_ID) - start) / ASKED * 1e9;
		best = spent < best ? spent : best;
		*ret_hits = hits;
	}
	return best;
}

enum { BATCH = 16 };

/* The same in batches, as the DNS server asks. */
static double lookup_batch_ns(const struct view *view, const struct ip *asked)
{
	double best = 1e9;

	for (unsigned round = 0; round < 5; round++) {
		double start = now_s(CLOCK_THREAD_CPUTIME_ID), spent;
		volatile uint64_t hits = 0;

		for (size_t i = 0; i < ASKED; i += BATCH) {
			for (unsigned step = 0; step < VIEW_FETCHES; step++) {
				for (size_t j = i; j < i + BATCH; j++)
					view_prefetch_ip(view, LIST, asked[j], step);
			}
			for (size_t j = i; j < i + BATCH; j++) {
				struct hits found;

				hits += view_lookup_ip(view, LIST, asked[j], &found) != 0;
			}
		}
		spent = (now_s(CLOCK_THREAD_CPUTIME_ID) - start) / ASKED * 1e9;
		best = spent < best ? spent : best;
		(void)hits; /* volatile, so that the compiler does the work that is measured */
	}
	return best;
}

static void measure_lookups(const struct view *view, const uint32_t *addresses, size_t count)
{
	struct ip *asked = mem_alloc_array(ASKED, sizeof(*asked));
	uint64_t hits;

	for (size_t i = 0; i < ASKED; i++)
		asked[i] = ip_from_v4(
			(i & 1) != 0 ? addresses[random_next() % count] : (uint32_t)random_next());
	printf("lookup_half_hits %.1f ns\n", lookup_ns(view, asked, &hits));
	printf("lookup_half_hits_batch %.1f ns\n", lookup_batch_ns(view, asked));
	printf("half_hits %.3f share\n", (double)hits / ASKED);
	for (size_t i = 0; i < ASKED; i++)
		asked[i] = ip_from_v4(addresses[random_next() % count]);
	printf("lookup_hits %.1f ns\n", lookup_ns(view, asked, &hits));
	for (size_t i = 0; i < ASKED; i++)
		asked[i] = random_v6();
	printf("lookup_ipv6_misses %.1f ns\n", lookup_ns(view, asked, &hits));
	mem_free(asked);
}

static void measure_within(const struct view *view)
{
	double start = now_s(CLOCK_THREAD_CPUTIME_ID);
	volatile uint64_t found = 0;

	for (size_t i = 0; i < ASKED / 4; i++) {
		struct prefix net = prefix_of(ip_from_v4((uint32_t)random_next()),
			IP_V4_BITS + 8 * (1 + (unsigned)i % 3));

		found += view_has_within(view, LIST, net, UINT32_C(1) << i % SUBLISTS);
	}
	printf("has_within %.1f ns\n",
		(now_s(CLOCK_THREAD_CPUTIME_ID) - start) / (ASKED / 4) * 1e9);
	(void)found; /* volatile, so that the compiler does the work that is measured */
}

static void measure_open(const char *path)
{
	double best = 1e9;

	for (unsigned round = 0; round < 5; round++) {
		struct fault why = {""};
		struct view *view = NULL;
		double start = now_s(CLOCK_MONOTONIC), spent;

		check(view_open(path, &view, &why), &why);
		view_lookup_ip(view, LIST, ip_from_v4((uint32_t)random_next()), NULL);
		spent = now_s(CLOCK_MONOTONIC) - start;
		best = spent < best ? spent : best;
		view_free(&view);
	}
	printf("map_to_first_answer %.1f ms\n", best * 1e3);
}

/* A change of one address: paint, apply, and the lookup through an overlay that has grown. */
static void measure_delta(struct view **view, const uint32_t *addresses, size_t count)
{
	enum { DELTAS = 2000 };
	double start = now_s(CLOCK_MONOTONIC);
	struct fault why = {""};

	for (uint32_t i = 0; i < DELTAS; i++) {
		AUTO(arena) *arena = arena_new(0);
		struct delta delta = {view_serial(*view), view_serial(*view) + 1, 0, NULL};
		struct source source =
			net_source(ip_from_v4(addresses[random_next() % count]), 128);
		struct list_entry entry = {source, 0, false, 0, span_text("by hand")};
		struct delta_pieces pieces = {0};
		struct view *next = NULL;

		check(paint_pieces(&(struct repaint){span_text("bench"), &source, &entry, 1, 1000},
			      arena, &pieces),
			&why);
		delta.pieces = pieces.items;
		delta.pieces_len = pieces.len;
		check(view_apply(*view, &delta, &next, &why), &why);
		view_free(view);
		*view = next;
	}
	printf("delta_paint_apply %.1f us\n", (now_s(CLOCK_MONOTONIC) - start) / DELTAS * 1e6);
	printf("overlay_size %zu pieces\n", view_overlay_size(*view));
}

static void measure_names(const char *path)
{
	struct snapshot_writer *writer = writer_new();
	struct fault why = {""};
	AUTO(view) *view = NULL;
	char(*names)[32] = mem_alloc_array(NAMES, sizeof(*names));
	uint64_t length = 0, hits = 0;
	double seconds;

	for (size_t i = 0; i < NAMES; i++) {
		struct source source = {.kind = SOURCE_DOMAIN};

		length += (uint64_t)snprintf(names[i], sizeof(names[i]), "%.*s%llx.%s",
			(int)(i % 2), ".", (unsigned long long)(random_next() >> 28),
			(i & 3) == 0   ? "example"
			: (i & 3) == 1 ? "test"
				       : "invalid");
		strcpy(source.domain, names[i]);
		add(writer, &source, random_next() % SUBLISTS);
	}
	printf("names_write %.2f s\n", write_file(writer, path));
	printf("names_mean_length %.1f bytes\n", (double)length / NAMES);
	printf("names_bytes_per_name %.2f bytes\n", file_bytes(path) / NAMES);
	check(view_open(path, &view, &why), &why);
	seconds = now_s(CLOCK_THREAD_CPUTIME_ID);
	for (size_t i = 0; i < NAMES; i++) {
		const char *name = names[(i * 7919) % NAMES];

		hits += view_lookup_domain(view, LIST, span_text(name + (name[0] == '.')), NULL) !=
			0;
	}
	printf("names_lookup_hits %.1f ns\n",
		(now_s(CLOCK_THREAD_CPUTIME_ID) - seconds) / NAMES * 1e9);
	printf("names_found %.3f share\n", (double)hits / NAMES);
	mem_free(names);
}

int main(int argc, char **argv)
{
	size_t count = argc > 1 ? strtoul(argv[1], NULL, 10) : 10000000;
	uint64_t values = argc > 2 ? strtoul(argv[2], NULL, 10) : SUBLISTS;
	const char *folder = argc > 3 ? argv[3] : "/tmp";
	uint32_t *addresses;
	struct snapshot_writer *writer = writer_new();
	struct fault why = {""};
	AUTO(view) *view = NULL;
	struct rusage usage;
	double nets_bytes, start, start_cpu;
	char path[4096];

	if (count == 0 || values == 0) {
		fprintf(stderr, "usage: bench_lookup [addresses [values [folder]]]\n");
		return 64;
	}
	snprintf(path, sizeof(path), "%s/bench-%ld.snap", folder, (long)getpid());
	add_nets(writer);
	write_file(writer, path);
	nets_bytes = file_bytes(path);

	addresses = mem_alloc_array(count, sizeof(*addresses));
	for (size_t i = 0; i < count; i++)
		addresses[i] = (uint32_t)random_next();
	writer = writer_new();
	start = now_s(CLOCK_MONOTONIC);
	start_cpu = now_s(CLOCK_THREAD_CPUTIME_ID);
	add_nets(writer);
	add_addresses(writer, addresses, count, values);
	printf("addresses %zu entries\n", count);
	printf("values %llu answers\n", (unsigned long long)values);
	printf("collect %.2f s\n", now_s(CLOCK_MONOTONIC) - start);
	printf("write %.2f s\n", write_file(writer, path));
	printf("collect_and_write_cpu %.2f s\n", now_s(CLOCK_THREAD_CPUTIME_ID) - start_cpu);
	getrusage(RUSAGE_SELF, &usage);
	printf("write_peak_memory %.1f MB\n", (double)usage.ru_maxrss / 1024);
	printf("file %.1f MB\n", file_bytes(path) / 1e6);
	printf("bytes_per_address %.3f bytes\n", (file_bytes(path) - nets_bytes) / (double)count);
	printf("bytes_per_entry %.3f bytes\n", file_bytes(path) / (double)(count + NETS + NETS64));
	measure_open(path);
	check(view_open(path, &view, &why), &why);
	measure_lookups(view, addresses, count);
	measure_within(view);
	measure_delta(&view, addresses, count);
	measure_lookups(view, addresses, count);
	measure_names(path);
	unlink(path);
	mem_free(addresses);
	return 0;
}
