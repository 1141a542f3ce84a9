/* SPDX-License-Identifier: ISC */
/*
 * Drives a live site: commands over the control socket at a rate, queries at another, and a look
 * whether each change is answered by DNS, and when. At the end every address that was touched is
 * asked for and compared with what it should be.
 *
 *   live_drive data ENTRIES                                     the list to import, to stdout
 *   live_drive run CONTROL ADDRESS:PORT ENTRIES CHANGES-PER-S QUERIES-PER-S SECONDS
 *
 * Entry i is the address i * 2654435761 modulo 2^32, special-use networks left out. Prints
 * `name value` lines. Latency is from sending the command to the first answer of DNS that shows it,
 * so the acceptance is part of it; asked every half millisecond for some of the changes, at most
 * PROBES under way.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/macro.h"
#include "base/mem.h"
#include "bus/frame.h"
#include "dns/name.h"
#include "loop/socket.h"
#include "stockade.pb-c.h"

enum {
	PACKET = 512,
	BATCH = 64,
	PROBES = 64,
	PROBES_PER_S = 100,
	RECEIVE_BYTES = 8 << 20,
	GRACE_MS = 2000,
	PROBE_US = 500,
	HEADER = 12,
	ANSWERS_AT = 7,
};

struct drive {
	const char *control_path;
	struct endpoint server;
	struct dns_name zone;
	uint32_t entries, changes_per_s, queries_per_s, seconds, changes;
	int control;
	uint8_t *listed;  /* of each entry, as it should be in the end */
	int64_t *sent_us; /* of each change */
	int64_t *answered_us;
	_Atomic uint32_t sent; /* changes */
	_Atomic uint32_t done; /* answers of the keeper */
	_Atomic uint32_t failed;
	_Atomic bool over;
	uint64_t queries, answers;
	int64_t *seen_us; /* latencies of probes */
	size_t seen;
	uint32_t unseen;
};

_Noreturn static void end(const char *what)
{
	fprintf(stderr, "live_drive: %s\n", what);
	exit(1);
}

static int64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void wait_until_us(int64_t at_us)
{
	int64_t left_us = at_us - now_us();
	struct timespec t = {left_us / 1000000, left_us % 1000000 * 1000};

	if (left_us > 0)
		nanosleep(&t, NULL);
}

/* ---- Entries ---- */

static bool entry_is_fit(uint32_t address)
{
	return !ip_is_special_use(ip_from_v4(address), true);
}

/* Entries count past what is left out: number i of a run is looked for from i on, in a space of its
 * own. */
static uint32_t entry_address(uint32_t number)
{
	return number * UINT32_C(2654435761);
}

static void data_print(uint32_t entries)
{
	for (uint32_t i = 0; i < entries; i++) {
		uint32_t a = entry_address(i);

		if (entry_is_fit(a))
			printf("%u.%u.%u.%u\n", a >> 24, a >> 16 & 255, a >> 8 & 255, a & 255);
	}
}

/* ---- Queries ---- */

static size_t query_make(const struct drive *drive, uint32_t address, uint16_t id, uint8_t *packet)
{
	static const uint8_t header[HEADER] = {0, 0, 0, 0, 0, 1};
	size_t len = HEADER;

	memcpy(packet, header, sizeof(header));
	packet[0] = (uint8_t)(id >> 8);
	packet[1] = (uint8_t)id;
	for (int shift = 0; shift < 32; shift += 8) {
		int digits = snprintf((char *)packet + len + 1, 4, "%u", address >> shift & 255);

		packet[len] = (uint8_t)digits;
		len += 1 + (size_t)digits;
	}
	memcpy(packet + len, drive->zone.wire, drive->zone.len);
	len += drive->zone.len;
	memcpy(packet + len, "\0\1\0\1", 4);
	return len + 4;
}

static int client_open(struct endpoint server)
{
	struct sockaddr_storage address;
	socklen_t len = endpoint_to_sockaddr(server, &address);
	int fd = socket(address.ss_family, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	int bytes = RECEIVE_BYTES;

	if (fd < 0 || connect(fd, (struct sockaddr *)&address, len) < 0)
		end("cannot connect to the DNS server");
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) < 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
	return fd;
}

struct flow {
	int fd;
	struct mmsghdr messages[BATCH];
	struct iovec vectors[BATCH];
	uint8_t packets[BATCH][PACKET];
};

static struct flow *flow_new(struct endpoint server)
{
	struct flow *flow = mem_new(flow);

	flow->fd = client_open(server);
	for (size_t i = 0; i < BATCH; i++) {
		flow->vectors[i].iov_base = flow->packets[i];
		flow->messages[i].msg_hdr =
			(struct msghdr){.msg_iov = &flow->vectors[i], .msg_iovlen = 1};
	}
	return flow;
}

/* How many were sent of the first len packets, whose lengths stand in the vectors. */
static size_t flow_send(struct flow *flow, size_t len)
{
	int sent = len != 0 ? sendmmsg(flow->fd, flow->messages, (unsigned)len, 0) : 0;

	return sent > 0 ? (size_t)sent : 0;
}

static size_t flow_receive(struct flow *flow)
{
	int received;

	for (size_t i = 0; i < BATCH; i++)
		flow->vectors[i].iov_len = PACKET;
	received = recvmmsg(flow->fd, flow->messages, BATCH, MSG_DONTWAIT, NULL);
	return received > 0 ? (size_t)received : 0;
}

/* Half of the queries are for entries of the base, half for addresses that nobody ever lists. */
static void *load_main(void *arg)
{
	struct drive *drive = arg;
	struct flow *flow = flow_new(drive->server);
	int64_t start_us = now_us(), until_us;
	uint32_t random = 1;

	while (!drive->over) {
		uint64_t due = (uint64_t)(now_us() - start_us) * drive->queries_per_s / 1000000;
		size_t received;

		while (drive->queries < due) {
			size_t len = due - drive->queries < BATCH ? due - drive->queries : BATCH;

			for (size_t i = 0; i < len; i++) {
				random = random * 1664525 + 1013904223;
				flow->vectors[i].iov_len = query_make(drive,
					entry_address(random % 2 == 0 ? random / 2 % drive->entries
								      : UINT32_MAX - random / 4),
					(uint16_t)random, flow->packets[i]);
			}
			len = flow_send(flow, len);
			drive->queries += len;
			if (len == 0)
				break;
		}
		while ((received = flow_receive(flow)) != 0)
			drive->answers += received;
		wait_until_us(now_us() + 500);
	}
	until_us = now_us() + GRACE_MS * 1000;
	while (now_us() < until_us && drive->answers < drive->queries) {
		drive->answers += flow_receive(flow);
		wait_until_us(now_us() + 500);
	}
	mem_free(flow);
	return NULL;
}

/* ---- Changes ---- */

struct change {
	uint32_t entry;
	bool add;
};

/* New ones come, old ones go; some seconds later some of the old come back, and some of the new go
 * again. */
static struct change change_of(const struct drive *drive, uint32_t number)
{
	uint32_t round = number / 4, later = drive->changes_per_s;
	uint32_t fresh = drive->entries + round;

	switch (number % 4) {
	case 0:
		return (struct change){fresh, true};
	case 1:
		return (struct change){round, false};
	case 2:
		return round % 2 == 0 && round >= later
			       ? (struct change){round - later, true}
			       : (struct change){fresh + drive->changes, true};
	default:
		return round % 4 == 0 && round >= later
			       ? (struct change){fresh - later, false}
			       : (struct change){drive->entries / 2 + round, false};
	}
}

static void change_encode(struct buf *out, struct change change, uint64_t tag)
{
	Stockade__Message message = STOCKADE__MESSAGE__INIT;
	Stockade__Command command = STOCKADE__COMMAND__INIT;
	Stockade__ListAdd add = STOCKADE__LIST_ADD__INIT;
	Stockade__ListRemove remove = STOCKADE__LIST_REMOVE__INIT;
	Stockade__Source source = STOCKADE__SOURCE__INIT, *sources[] = {&source};
	struct ip ip = ip_from_v4(entry_address(change.entry));

	source.address = (ProtobufCBinaryData){sizeof(ip.b), ip.b};
	source.bits = 128;
	command.tag = tag;
	command.reason = (char *)"bench";
	if (change.add) {
		add.list = (char *)"main";
		add.n_sources = 1;
		add.sources = sources;
		command.what_case = STOCKADE__COMMAND__WHAT_ADD;
		command.add = &add;
	} else {
		remove.list = (char *)"main";
		remove.n_sources = 1;
		remove.sources = sources;
		command.what_case = STOCKADE__COMMAND__WHAT_REMOVE;
		command.remove = &remove;
	}
	message.kind_case = STOCKADE__MESSAGE__KIND_COMMAND;
	message.command = &command;
	if (frame_append(out, &message, FRAME_CONTROL_MAX) < 0)
		end("a command does not fit");
}

static void control_write(int fd, struct span bytes)
{
	while (bytes.len != 0) {
		ssize_t n = send(fd, bytes.ptr, bytes.len, MSG_NOSIGNAL);
		struct pollfd p = {.fd = fd, .events = POLLOUT};

		if (n > 0)
			bytes = span_from(bytes, (size_t)n);
		else if (errno != EAGAIN || poll(&p, 1, 1000) < 0)
			end("the keeper closed the connection");
	}
}

static void *change_main(void *arg)
{
	struct drive *drive = arg;
	int64_t start_us = now_us();
	struct buf out;

	buf_init(&out, 0);
	for (uint32_t i = 0; i < drive->changes; i++) {
		struct change change = change_of(drive, i);

		wait_until_us(start_us + (int64_t)i * 1000000 / drive->changes_per_s);
		if (!entry_is_fit(entry_address(change.entry))) {
			drive->sent = i + 1;
			drive->done++;
			continue;
		}
		change_encode(&out, change, i + 1);
		drive->listed[change.entry] = change.add;
		drive->sent_us[i] = now_us();
		drive->sent = i + 1;
		control_write(drive->control, buf_span(&out));
		buf_clear(&out);
	}
	buf_done(&out);
	return NULL;
}

static void answer_take(struct drive *drive, const Stockade__Answer *answer)
{
	if (answer->tag == 0 || answer->tag > drive->changes)
		return;
	drive->answered_us[answer->tag - 1] = now_us();
	if (answer->error < 0 && drive->failed++ == 0)
		fprintf(stderr, "live_drive: the keeper refuses: %s\n", answer->text);
	drive->done++;
}

static void *answer_main(void *arg)
{
	struct drive *drive = arg;
	struct buf in;

	buf_init(&in, 0);
	while (drive->done < drive->changes && !drive->over) {
		struct pollfd p = {.fd = drive->control, .events = POLLIN};
		struct span body;
		size_t used = 0;
		ssize_t n;

		if (poll(&p, 1, 100) <= 0)
			continue;
		n = recv(drive->control, buf_reserve(&in, 65536), 65536, 0);
		if (n <= 0)
			end("the keeper closed the connection");
		buf_wrote(&in, (size_t)n);
		while (frame_next(buf_span(&in), FRAME_CONTROL_MAX, &body, &used) > 0) {
			Stockade__Message *message = NULL;

			if (message_decode(body, &message, NULL) < 0)
				end("an answer cannot be read");
			if (message->kind_case == STOCKADE__MESSAGE__KIND_ANSWER)
				answer_take(drive, message->answer);
			message_free(&message);
			buf_consume(&in, used);
		}
	}
	buf_done(&in);
	return NULL;
}

/* ---- Probes ---- */

struct probe {
	uint32_t change;
	bool open;
};

static void probe_look(struct drive *drive, struct flow *flow, struct probe *probes)
{
	size_t received;

	while ((received = flow_receive(flow)) != 0) {
		for (size_t i = 0; i < received; i++) {
			const uint8_t *packet = flow->packets[i];
			struct probe *probe = &probes[packet[1] % PROBES];
			uint8_t turn = (uint8_t)(probe->change % 251);

			if (!probe->open || packet[0] != turn ||
				(packet[ANSWERS_AT] != 0) != change_of(drive, probe->change).add)
				continue;
			drive->seen_us[drive->seen++] = now_us() - drive->sent_us[probe->change];
			probe->open = false;
		}
	}
}

static size_t probe_ask(struct drive *drive, struct flow *flow, const struct probe *probes)
{
	size_t len = 0;

	for (size_t i = 0; i < PROBES; i++) {
		uint16_t id = (uint16_t)((probes[i].change % 251) << 8 | i);

		if (!probes[i].open)
			continue;
		flow->vectors[len].iov_len =
			query_make(drive, entry_address(change_of(drive, probes[i].change).entry),
				id, flow->packets[len]);
		len++;
	}
	return flow_send(flow, len);
}

/* Some of the changes; those that are not looked at a place for are left out. */
static void *probe_main(void *arg)
{
	struct drive *drive = arg;
	struct flow *flow = flow_new(drive->server);
	struct probe probes[PROBES] = {0};
	uint32_t step = drive->changes_per_s / PROBES_PER_S, next = 0;

	step = (step != 0 ? step : 1) | 1; /* odd: all kinds of changes */
	while (!drive->over) {
		for (size_t i = 0; i < PROBES && next < drive->sent; i++) {
			if (probes[i].open)
				continue;
			if (entry_is_fit(entry_address(change_of(drive, next).entry)))
				probes[i] = (struct probe){next, true};
			next += step;
		}
		probe_ask(drive, flow, probes);
		wait_until_us(now_us() + PROBE_US);
		probe_look(drive, flow, probes);
	}
	for (size_t i = 0; i < PROBES; i++)
		drive->unseen += probes[i].open;
	mem_free(flow);
	return NULL;
}

/* ---- The end: what is answered beside what should be ---- */

static bool ask_once(struct drive *drive, struct flow *flow, uint32_t entry, bool *ret_listed)
{
	struct pollfd p = {.fd = flow->fd, .events = POLLIN};
	int64_t until_us = now_us() + 200000;

	flow->vectors[0].iov_len =
		query_make(drive, entry_address(entry), (uint16_t)entry, flow->packets[0]);
	flow_send(flow, 1);
	while (now_us() < until_us) {
		poll(&p, 1, 50);
		if (flow_receive(flow) == 0)
			continue;
		if (flow->packets[0][0] != (uint8_t)(entry >> 8) ||
			flow->packets[0][1] != (uint8_t)entry)
			continue;
		*ret_listed = flow->packets[0][ANSWERS_AT] != 0;
		return true;
	}
	return false;
}

static void compare(struct drive *drive, uint32_t total)
{
	struct flow *flow = flow_new(drive->server);
	uint32_t asked = 0, wrong = 0, silent = 0;

	for (uint32_t i = 0; i < total; i++) {
		bool listed = false, answered = false;
		bool touched = i >= drive->entries || i < drive->changes / 4 + 1 ||
			       (i >= drive->entries / 2 &&
				       i < drive->entries / 2 + drive->changes / 4 + 1);

		if (!entry_is_fit(entry_address(i)) || (!touched && i % 997 != 0))
			continue;
		for (int turn = 0; turn < 5 && !answered; turn++)
			answered = ask_once(drive, flow, i, &listed);
		asked++;
		silent += !answered;
		wrong += answered && listed != (drive->listed[i] != 0);
	}
	printf("compared %u\nwrong %u\nsilent %u\n", asked, wrong, silent);
	mem_free(flow);
}

static int order(const void *a, const void *b)
{
	int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;

	return left < right ? -1 : left > right;
}

static void print_latency(const char *name, int64_t *items, size_t len)
{
	if (len == 0)
		return;
	qsort(items, len, sizeof(*items), order);
	printf("%s_count %zu\n", name, len);
	printf("%s_p50_ms %.2f\n", name, (double)items[len / 2] / 1000);
	printf("%s_p90_ms %.2f\n", name, (double)items[len * 9 / 10] / 1000);
	printf("%s_p99_ms %.2f\n", name, (double)items[len * 99 / 100] / 1000);
	printf("%s_p999_ms %.2f\n", name, (double)items[len * 999 / 1000] / 1000);
	printf("%s_max_ms %.2f\n", name, (double)items[len - 1] / 1000);
}

static void drive_run(struct drive *drive)
{
	void *(*const mains[])(void *) = {load_main, change_main, answer_main, probe_main};
	uint32_t total, confirmed = 0;
	pthread_t threads[COUNTOF(mains)];
	int64_t until_us;
	struct fault why = {""};

	drive->changes = drive->changes_per_s * drive->seconds;
	total = drive->entries + 2 * drive->changes + 2;
	drive->listed = mem_alloc_array(total, 1);
	memset(drive->listed, 1, drive->entries);
	drive->sent_us = mem_alloc_array(drive->changes, sizeof(int64_t));
	drive->answered_us = mem_alloc_array(drive->changes, sizeof(int64_t));
	drive->seen_us = mem_alloc_array(drive->changes + PROBES, sizeof(int64_t));
	if (socket_connect_unix(drive->control_path, &drive->control, &why) < 0)
		end(why.text);
	for (size_t i = 0; i < COUNTOF(mains); i++)
		pthread_create(&threads[i], NULL, mains[i], drive);
	pthread_join(threads[1], NULL);
	until_us = now_us() + 60 * INT64_C(1000000);
	while (drive->done < drive->changes && now_us() < until_us)
		wait_until_us(now_us() + 10000);
	wait_until_us(now_us() + 500000); /* the last probes */
	drive->over = true;
	for (size_t i = 0; i < COUNTOF(mains); i++)
		if (i != 1)
			pthread_join(threads[i], NULL);
	printf("changes %u\naccepted %u\nrefused %u\n", drive->changes, drive->done - drive->failed,
		drive->failed);
	printf("queries %lu\nunanswered %ld\n", (unsigned long)drive->queries,
		(long)(drive->queries - drive->answers));
	printf("probes_without_end %u\n", drive->unseen);
	print_latency("answered_by_dns", drive->seen_us, drive->seen);
	for (uint32_t i = 0; i < drive->changes; i++) {
		if (drive->answered_us[i] != 0)
			drive->answered_us[confirmed++] = drive->answered_us[i] - drive->sent_us[i];
	}
	print_latency("confirmed", drive->answered_us, confirmed);
	fflush(stdout);
	compare(drive, total);
}

int main(int argc, char **argv)
{
	static struct drive the_drive; /* and what it points to: as long as the program */
	struct drive *drive = &the_drive;

	if (argc == 3 && strcmp(argv[1], "data") == 0) {
		data_print((uint32_t)atoi(argv[2]));
		return 0;
	}
	if (argc != 8 || strcmp(argv[1], "run") != 0 ||
		endpoint_parse(span_text(argv[3]), &drive->server, NULL) < 0)
		end("usage: live_drive data ENTRIES | live_drive run CONTROL ADDRESS:PORT ENTRIES "
		    "CHANGES-PER-S QUERIES-PER-S SECONDS");
	drive->control_path = argv[2];
	drive->entries = (uint32_t)atoi(argv[4]);
	drive->changes_per_s = (uint32_t)atoi(argv[5]);
	drive->queries_per_s = (uint32_t)atoi(argv[6]);
	drive->seconds = (uint32_t)atoi(argv[7]);
	dns_name_parse(span_text("bl.example.org"), &drive->zone);
	drive_run(drive);
	return 0;
}
