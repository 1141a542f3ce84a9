/* SPDX-License-Identifier: ISC */
/*
 * A load of DNS queries, with a fixed number under way: asks for the names of a file ("name A" a
 * line, as dnsperf takes it), counts the answers. It judges nothing but that they are answers; the
 * server's CPU is read from /proc by whoever runs this. With several sockets the threads of a
 * server share the load.
 *
 *   dns_flood ADDRESS:PORT QUERIES-FILE SECONDS UNDER-WAY [cookies]  cookies: asked for by each
 *   dns_flood --echo ADDRESS:PORT    a server that sends everything back, as a response: the floor
 *
 * Prints: answered listed lost milliseconds
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/macro.h"
#include "base/mem.h"
#include "dns/message.h"
#include "loop/socket.h"

enum { BATCH = 64, PACKET = 512, SILENCE_MS = 50, HEADER_ANSWERS = 7, QUERIES_STEP = 1 << 16 };

struct flood {
	int fd;
	bool cookies;
	struct span *queries; /* whole messages */
	size_t queries_len;
	size_t next;
	size_t window;
	size_t under_way;
	uint64_t answered, listed, lost;
	struct mmsghdr messages[BATCH];
	struct iovec vectors[BATCH];
	uint8_t packets[BATCH][PACKET];
};

_Noreturn static void end(const char *what)
{
	fprintf(stderr, "dns_flood: %s\n", what);
	exit(1);
}

static void prepare(struct mmsghdr *messages, struct iovec *vectors, uint8_t (*packets)[PACKET])
{
	for (size_t i = 0; i < BATCH; i++) {
		vectors[i] = (struct iovec){packets[i], PACKET};
		messages[i].msg_hdr = (struct msghdr){.msg_iov = &vectors[i], .msg_iovlen = 1};
	}
}

static void flood_send(struct flood *flood)
{
	size_t count = flood->window - flood->under_way;
	int sent;

	if (count > BATCH)
		count = BATCH;
	if (count == 0)
		return;
	for (size_t i = 0; i < count; i++) {
		struct span query = flood->queries[(flood->next + i) % flood->queries_len];

		flood->vectors[i] = (struct iovec){(void *)(uintptr_t)query.ptr, query.len};
	}
	sent = sendmmsg(flood->fd, flood->messages, (unsigned)count, 0);
	if (sent > 0) {
		flood->next += (size_t)sent;
		flood->under_way += (size_t)sent;
	}
}

/* Waits for at least one answer; silence means that all under way are lost. */
static void flood_receive(struct flood *flood)
{
	int received;

	for (size_t i = 0; i < BATCH; i++)
		flood->vectors[i] = (struct iovec){flood->packets[i], PACKET};
	received = recvmmsg(flood->fd, flood->messages, BATCH, MSG_WAITFORONE, NULL);
	if (received < 0) {
		if (errno != EAGAIN)
			end("the server is gone");
		flood->lost += flood->under_way;
		flood->under_way = 0;
		return;
	}
	for (int i = 0; i < received; i++)
		flood->listed += flood->packets[i][HEADER_ANSWERS] != 0;
	flood->answered += (uint64_t)received;
	flood->under_way -=
		(size_t)received < flood->under_way ? (size_t)received : flood->under_way;
}

static void flood_add(struct flood *flood, struct span name, struct arena *arena)
{
	struct dns_name owner;
	struct buf query;

	if (dns_name_parse(name, &owner) < 0)
		end("a name that is none");
	buf_init(&query, 0);
	dns_query_encode(&query, (uint16_t)flood->queries_len, &owner, DNS_A,
		flood->cookies ? DNS_UDP_SAFE : 0);
	if (flood->cookies) {
		buf_cut(&query, buf_len(&query) - 2);
		buf_append(&query, span_of("\0\x0c\0\x0a\0\x08ourclien", 14));
	}
	if (flood->queries_len % QUERIES_STEP == 0)
		flood->queries = mem_resize(flood->queries,
			(flood->queries_len + QUERIES_STEP) * sizeof(*flood->queries));
	flood->queries[flood->queries_len++] = arena_copy(arena, buf_span(&query));
	buf_done(&query);
}

static void flood_load(struct flood *flood, const char *path)
{
	struct arena *arena = arena_new(0); /* lives as long as the program */
	FILE *file = fopen(path, "r");
	char line[DNS_NAME_TEXT_SIZE];

	while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
		struct span rest = span_text(line);

		flood_add(flood, span_split(&rest, ' '), arena);
	}
	if (flood->queries_len == 0)
		end("cannot read the queries");
	fclose(file);
}

/* The server's address, connected, so that strays of others are not counted; blocking, with a
 * time-out. */
static int open_client(struct endpoint server)
{
	struct timeval silence = {.tv_usec = SILENCE_MS * 1000};
	struct sockaddr_storage address;
	socklen_t len = endpoint_to_sockaddr(server, &address);
	int fd = socket(address.ss_family, SOCK_DGRAM, 0);

	if (fd < 0 || connect(fd, (struct sockaddr *)&address, len) < 0)
		end("cannot connect");
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &silence, sizeof(silence));
	return fd;
}

static void flood_run(
	struct endpoint server, const char *path, int64_t seconds, size_t window, bool cookies)
{
	struct flood *flood = mem_new(flood);
	int64_t start_ms;

	flood->fd = open_client(server);
	flood->window = window;
	flood->cookies = cookies;
	flood_load(flood, path);
	prepare(flood->messages, flood->vectors, flood->packets);
	start_ms = clock_monotonic_ms();
	while (clock_monotonic_ms() - start_ms < seconds * 1000) {
		flood_send(flood);
		flood_receive(flood);
	}
	printf("%lu %lu %lu %ld\n", (unsigned long)flood->answered, (unsigned long)flood->listed,
		(unsigned long)flood->lost, (long)(clock_monotonic_ms() - start_ms));
}

static void echo_run(struct endpoint endpoint)
{
	static struct sockaddr_storage peers[BATCH];
	static uint8_t packets[BATCH][PACKET];
	struct mmsghdr messages[BATCH] = {0};
	struct iovec vectors[BATCH];
	struct sockaddr_storage address;
	socklen_t len = endpoint_to_sockaddr(endpoint, &address);
	int fd = socket(address.ss_family, SOCK_DGRAM, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&address, len) < 0)
		end("cannot listen");
	prepare(messages, vectors, packets);
	for (;;) {
		int received;

		for (size_t i = 0; i < BATCH; i++) {
			vectors[i].iov_len = PACKET;
			messages[i].msg_hdr.msg_name = &peers[i];
			messages[i].msg_hdr.msg_namelen = sizeof(peers[i]);
		}
		received = recvmmsg(fd, messages, BATCH, MSG_WAITFORONE, NULL);
		for (int i = 0; i < received; i++) {
			vectors[i].iov_len = messages[i].msg_len;
			packets[i][2] |= DNS_FLAG_QR >> 8;
		}
		if (received > 0)
			sendmmsg(fd, messages, (unsigned)received, 0);
	}
}

int main(int argc, char **argv)
{
	bool echo = argc == 3 && strcmp(argv[1], "--echo") == 0;
	struct endpoint endpoint;

	if ((argc != 5 && argc != 6 && !echo) ||
		endpoint_parse(span_text(argv[echo ? 2 : 1]), &endpoint, NULL) < 0)
		end("usage: dns_flood ADDRESS:PORT QUERIES-FILE SECONDS UNDER-WAY [cookies], or --echo ADDRESS:PORT");
	if (echo)
		echo_run(endpoint);
	flood_run(endpoint, argv[2], atoi(argv[3]), (size_t)atoi(argv[4]), argc == 6);
	return 0;
}
