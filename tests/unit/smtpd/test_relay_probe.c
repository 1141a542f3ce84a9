/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include <stdio.h>
#include <string.h>

#include "scripted_backend.h"
#include "smtpd/limits.h"
#include "smtpd/relay_probe.h"

/* A backend that does not greet until it is let, and a gate that asks it whether it relays. */
struct bench {
	struct loop *loop;
	struct scripted_backend backend;
	struct conf *conf;
	struct relay_probe *probe;
	struct timer later;
	enum relay_probe_result result;
	bool is_done;
};

static struct conf *conf_of(const struct bench *bench)
{
	char text[512], address[ENDPOINT_TEXT_SIZE];
	struct conf_report report;
	struct conf *conf = NULL;

	endpoint_print(bench->backend.endpoint, address);
	snprintf(text, sizeof(text),
		"hostname: mx.example.test\ncontact: postmaster@example.test\n"
		"portal-url: https://mail.example.test/why\n"
		"own: {domains: [example.test], networks: []}\n"
		"gate: {listen: ['127.0.0.1:25'], backend: {address: '%s', pass-client: xclient}}\n",
		address);
	assert_int_equal(
		conf_load_text(&(struct conf_source){"test", span_text(text)}, 0, &conf, &report),
		0);
	conf_report_done(&report);
	return conf;
}

static void on_done(enum relay_probe_result result, const struct smtp_offer *offer,
	const char *reply, void *arg)
{
	struct bench *bench = arg;

	(void)offer;
	(void)reply;
	bench->is_done = true;
	bench->result = result;
	loop_stop(bench->loop);
}

static void bench_init(struct bench *bench)
{
	struct backend_target target = {.limits = &smtpd_limits_default};

	memset(bench, 0, sizeof(*bench));
	bench->loop = loop_new();
	scripted_init(&bench->backend, bench->loop);
	scripted_answer(&bench->backend, VERB_CONNECT, span_text(""));
	bench->conf = conf_of(bench);
	target.loop = bench->loop;
	target.conf = bench->conf;
	bench->probe = relay_probe_new(&target, on_done, bench);
}

static void bench_done(struct bench *bench)
{
	relay_probe_free(&bench->probe);
	conf_free(&bench->conf);
	scripted_done(&bench->backend);
	loop_free(&bench->loop);
}

/* What a reload does while the backend is slow to greet: nobody else holds the configuration. */
static void reload_and_greet(struct timer *timer, void *arg)
{
	struct bench *bench = arg;
	struct stream *connection = bench->backend.connections[0].stream;

	if (connection == NULL) { /* connecting takes turns of the loop */
		timer_set(timer, loop_now_ms(bench->loop) + 1);
		return;
	}
	conf_free(&bench->conf);
	buf_append_text(stream_out(connection), "220 backend ESMTP\r\n");
	stream_send(connection);
}

static void a_reload_leaves_a_probe_its_configuration(void **state)
{
	struct bench bench;

	(void)state;
	bench_init(&bench);
	timer_init(&bench.later, bench.loop, reload_and_greet, &bench);
	timer_set(&bench.later, loop_now_ms(bench.loop) + 1);
	loop_run(bench.loop);
	assert_true(bench.is_done);
	assert_int_equal(bench.result, PROBE_SAFE);
	assert_string_equal(bench.backend.lines[0], "EHLO mx.example.test");
	bench_done(&bench);
}

static void who_takes_a_foreign_recipient_relays(void **state)
{
	struct bench bench;

	(void)state;
	bench_init(&bench);
	scripted_answer(&bench.backend, VERB_CONNECT, span_text("220 backend ESMTP\r\n"));
	scripted_answer(&bench.backend, VERB_PROBE, span_text("250 2.1.5 Ok\r\n"));
	loop_run(bench.loop);
	assert_int_equal(bench.result, PROBE_RELAYS);
	bench_done(&bench);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_reload_leaves_a_probe_its_configuration),
		cmocka_unit_test(who_takes_a_foreign_recipient_relays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
