/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/mem.h"
#include "dnsd/guard_load.h"
#include "dnsd/rules.h"
#include "dnsd/stats.h"
#include "dnsd/worker.h"
#include "loop/socket.h"
#include "server/server.h"
#include "zone/fixture.h"
#include "zone/guard.h"

/*
 * The main thread reads counts and samples while workers write them (the run with the thread
 * sanitizer is what this file is for), and a receiver of dnstap gets every sample.
 */
enum { QUERIES = 2000, LISTEN_BACKLOG = 4 };

struct scene {
	struct loop *loop;
	struct dns_shelves shelves;
	struct dnsd_workers workers;
	struct dns_server *server;
	struct endpoint endpoint;
	int udp, tcp;
	int listener;
	char tap_path[64];
	pthread_t asking, receiving;
	atomic_uint asked, frames;
	atomic_bool enough;
	struct timer samples_timer;
};

static void *ask_on(void *arg)
{
	struct scene *scene = arg;
	struct sockaddr_storage address;
	socklen_t len = endpoint_to_sockaddr(scene->endpoint, &address);
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	struct timeval patience = {.tv_sec = 1};
	struct dns_name name;
	struct buf query;
	uint8_t answer[DNS_ANSWER_UDP_MAX];

	assert_int_equal(dns_name_parse(span_text("2.0.0.127.bl.example.org"), &name), 0);
	buf_init(&query, 0);
	dns_query_encode(&query, 1, &name, DNS_TXT, 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, len), 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	while (!atomic_load(&scene->enough)) {
		send(fd, buf_span(&query).ptr, buf_len(&query), 0);
		if (recv(fd, answer, sizeof(answer), 0) > 0)
			atomic_fetch_add(&scene->asked, 1);
	}
	close(fd);
	buf_done(&query);
	return NULL;
}

static bool read_exactly(int fd, uint8_t *octets, size_t len)
{
	return recv(fd, octets, len, MSG_WAITALL) == (ssize_t)len;
}

static uint32_t u32_of(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* The receiver's half of Frame Streams; counts data frames until STOP. */
static void *receive_on(void *arg)
{
	static const uint8_t accept_frame[] = "\0\0\0\0\0\0\0\x22\0\0\0\1\0\0\0\1\0\0\0\x16"
					      "protobuf:dnstap.Dnstap";
	struct scene *scene = arg;
	int fd = accept(scene->listener, NULL, NULL);
	uint8_t octets[4096];

	while (fd >= 0 && read_exactly(fd, octets, 4)) {
		uint32_t len = u32_of(octets);

		assert_true(len <= sizeof(octets));
		if (len != 0) {
			if (!read_exactly(fd, octets, len))
				break;
			atomic_fetch_add(&scene->frames, 1);
			continue;
		}
		if (!read_exactly(fd, octets, 8) ||
			!read_exactly(fd, octets + 8, u32_of(octets) - 4))
			break;
		if (u32_of(octets + 4) == 4) /* READY */
			assert_int_equal(send(fd, accept_frame, sizeof(accept_frame) - 1, 0),
				sizeof(accept_frame) - 1);
	}
	close(fd);
	return NULL;
}

static void on_look(struct timer *timer, void *arg)
{
	struct scene *scene = arg;

	if (dnsd_stats_sum(scene->workers.stats, DNS_COUNT_UDP) >= QUERIES &&
		atomic_load(&scene->asked) >= QUERIES && atomic_load(&scene->frames) >= QUERIES) {
		atomic_store(&scene->enough, true);
		loop_stop(scene->loop);
	}
	timer_set(timer, loop_now_ms(scene->loop) + 5);
}

static void start_tap(struct scene *scene)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	snprintf(scene->tap_path, sizeof(scene->tap_path), "/tmp/stockade-tap-%d", (int)getpid());
	strcpy(address.sun_path, scene->tap_path);
	unlink(scene->tap_path);
	scene->listener = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(scene->listener, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(scene->listener, LISTEN_BACKLOG), 0);
	assert_int_equal(pthread_create(&scene->receiving, NULL, receive_on, scene), 0);
}

static void start_server(struct scene *scene, const struct conf *conf)
{
	struct endpoint any = {.ip = ip_from_v4(0x7f000001)};
	struct dns_rules *rules = mem_new(dns_rules);

	rules->table = fixture_table();
	assert_int_equal(guard_load(conf, rules->table, &rules->guard, NULL), 0);
	dns_shelves_init(&scene->shelves);
	scene->workers.shelves = &scene->shelves;
	scene->workers.count = 1;
	shelf_put(scene->shelves.rules, rules);
	shelf_put(scene->shelves.views, fixture_view(NULL, 0));
	assert_int_equal(socket_bind_udp(any, 0, &scene->udp, NULL), 0);
	assert_int_equal(socket_local(scene->udp, &scene->endpoint), 0);
	assert_int_equal(dns_server_new(&(struct dns_sockets){.udp_len = 1, .udp = &scene->udp},
				 &(struct worker_kind){&dnsd_worker_calls, &scene->workers},
				 &scene->server, NULL),
		0);
}

static void counts_and_samples_are_read_while_workers_write(void **state)
{
	struct scene scene = {.loop = loop_new(), .workers.guard = guard_state_new()};
	struct conf_list lists[] = {{.name = "main"}, {.name = "names"}};
	struct conf conf = {.hostname = "ns1.example.org",
		.lists = lists,
		.lists_len = 2,
		.guard = {
			.quota_period_s = 60, .dnstap_sample = 1, .dnstap_socket = scene.tap_path}};

	(void)state;
	start_tap(&scene);
	scene.workers.stats = dnsd_stats_new(scene.loop, &conf, NULL);
	timer_init(&scene.samples_timer, scene.loop, on_look, &scene);
	timer_set(&scene.samples_timer, loop_now_ms(scene.loop));
	start_server(&scene, &conf);
	assert_int_equal(pthread_create(&scene.asking, NULL, ask_on, &scene), 0);
	loop_run(scene.loop);
	pthread_join(scene.asking, NULL);
	dns_server_free(&scene.server);
	assert_true(dnsd_stats_sum(scene.workers.stats, DNS_COUNT_ANSWERED) >= QUERIES);
	assert_int_equal(dnsd_stats_sum(scene.workers.stats, DNS_COUNT_ANSWERED),
		dnsd_stats_sum(scene.workers.stats, DNS_COUNT_UDP));
	timer_done(&scene.samples_timer);
	dnsd_stats_free(&scene.workers.stats);
	pthread_join(scene.receiving, NULL);
	assert_true(atomic_load(&scene.frames) >= QUERIES);
	dns_shelves_done(&scene.shelves);
	guard_state_free(&scene.workers.guard);
	loop_free(&scene.loop);
	close(scene.udp);
	close(scene.listener);
	unlink(scene.tap_path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts_and_samples_are_read_while_workers_write),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
