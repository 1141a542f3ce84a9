/* SPDX-License-Identifier: ISC */
/*
 * A load of DNS queries, with a fixed number under way: asks for the addresses of a file below bl.example.org, counts
 * the answers. It judges nothing but that they are answers; the server's CPU is read from /proc by whoever runs this.
 *
 *   dns_flood ADDRESS:PORT QUERIES-FILE SECONDS UNDER-WAY
 *   dns_flood --echo ADDRESS:PORT            a server that sends everything back: the floor
 *
 * Prints: answered listed lost milliseconds
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/macro.h"
#include "base/mem.h"
#include "dns/message.h"
#include "loop/socket.h"

enum { BATCH = 64, PACKET = 512, SILENCE_MS = 50, HEADER_ANSWERS = 7 };

struct flood {
	int fd;
	struct dns_name zone;
	uint8_t (*addresses)[4];
	size_t addresses_len;
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

static size_t encode(const struct flood *flood, const uint8_t octets[4], uint8_t *packet)
{
	static const uint8_t header[DNS_HEADER_SIZE] = {0, 0, 1, 0, 0, 1};
	size_t len = DNS_HEADER_SIZE;

	memcpy(packet, header, sizeof(header));
	for (int i = 3; i >= 0; i--) {
		int digits = snprintf((char *)packet + len + 1, 4, "%d", octets[i]);

		packet[len] = (uint8_t)digits;
		len += 1 + (size_t)digits;
	}
	memcpy(packet + len, flood->zone.wire, flood->zone.len);
	len += flood->zone.len;
	memcpy(packet + len, "\0\1\0\1", 4);
	return len + 4;
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
		size_t at = (flood->next + i) % flood->addresses_len;

		flood->vectors[i].iov_len = encode(flood, flood->addresses[at], flood->packets[i]);
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
		flood->vectors[i].iov_len = PACKET;
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

static void flood_load(struct flood *flood, const char *path)
{
	FILE *file = fopen(path, "rb");
	long size;

	if (file == NULL || fseek(file, 0, SEEK_END) < 0 || (size = ftell(file)) < 4)
		end("cannot read the queries");
	rewind(file);
	flood->addresses_len = (size_t)size / 4;
	flood->addresses = mem_alloc_array(flood->addresses_len, 4);
	if (fread(flood->addresses, 4, flood->addresses_len, file) != flood->addresses_len)
		end("cannot read the queries");
	fclose(file);
}

/* The server's address, connected, so that strays of others are not counted; blocking, with a time-out. */
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

static void flood_run(struct endpoint server, const char *path, int64_t seconds, size_t window)
{
	struct flood *flood = mem_new(flood);
	int64_t start_ms;

	flood->fd = open_client(server);
	flood->window = window;
	dns_name_parse(span_text("bl.example.org"), &flood->zone);
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
		for (int i = 0; i < received; i++)
			vectors[i].iov_len = messages[i].msg_len;
		if (received > 0)
			sendmmsg(fd, messages, (unsigned)received, 0);
	}
}

int main(int argc, char **argv)
{
	bool echo = argc == 3 && strcmp(argv[1], "--echo") == 0;
	struct endpoint endpoint;

	if ((argc != 5 && !echo) ||
		endpoint_parse(span_text(argv[echo ? 2 : 1]), &endpoint, NULL) < 0)
		end("usage: dns_flood ADDRESS:PORT QUERIES-FILE SECONDS UNDER-WAY, or --echo ADDRESS:PORT");
	if (echo)
		echo_run(endpoint);
	flood_run(endpoint, argv[2], atoi(argv[3]), (size_t)atoi(argv[4]));
	return 0;
}
