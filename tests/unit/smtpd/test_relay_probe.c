/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include <stdio.h>
#include <string.h>

#include "scripted_backend.h"
#include "smtpd/limits.h"
#include "smtpd/relay_probe.h"

/* A scripted backend, and a gate that asks it whether it relays. */
struct bench {
	struct loop *loop;
	struct scripted_backend backend;
	struct conf *conf;
	struct relay_probe *probe;
	struct timer later;
	enum relay_probe_result result;
	bool has_offer;
	char reply[512];
	bool is_done;
};

static struct conf *conf_of(const struct bench *bench, const char *gate)
{
	char text[640], address[ENDPOINT_TEXT_SIZE];
	struct conf_report report;
	struct conf *conf = NULL;

	endpoint_print(bench->backend.endpoint, address);
	snprintf(text, sizeof(text),
		"hostname: relay.example.test\ncontact: postmaster@example.test\n"
		"portal-url: https://mail.example.test/why\n"
		"own: {domains: [example.test], networks: [203.0.113.0/24]}\n"
		"gate: {listen: ['127.0.0.1:25'], backend: {address: '%s', pass-client: xclient}%s}\n",
		address, gate);
	assert_int_equal(
		conf_load_text(&(struct conf_source){"test", span_text(text)}, 0, &conf, &report),
		0);
	conf_report_done(&report);
	return conf;
}

static void on_done(const struct relay_probe_report *report, void *arg)
{
	struct bench *bench = arg;

	bench->is_done = true;
	bench->result = report->result;
	bench->has_offer = report->offer != NULL;
	snprintf(bench->reply, sizeof(bench->reply), "%s", report->reply);
	loop_stop(bench->loop);
}

static void bench_init(struct bench *bench, const char *gate)
{
	struct relay_probe_settings settings = {.target = {.limits = &smtpd_limits_default}};

	memset(bench, 0, sizeof(*bench));
	bench->loop = loop_new();
	scripted_init(&bench->backend, bench->loop);
	bench->conf = conf_of(bench, gate);
	settings.target.loop = bench->loop;
	settings.target.conf = bench->conf;
	bench->probe = relay_probe_new(&settings, on_done, bench);
}

static void bench_done(struct bench *bench)
{
	relay_probe_free(&bench->probe);
	conf_free(&bench->conf);
	scripted_done(&bench->backend);
	loop_free(&bench->loop);
}

static void bench_answer(struct bench *bench, enum backend_verb verb, const char *reply)
{
	char line[256];

	snprintf(line, sizeof(line), "%s\r\n", reply);
	scripted_answer(&bench->backend, verb, span_text(line));
}

static void bench_run(struct bench *bench)
{
	loop_run(bench->loop);
	assert_true(bench->is_done);
}

/* How often the backend got a line that holds the text. */
static unsigned bench_count(const struct bench *bench, const char *text)
{
	unsigned count = 0;

	for (size_t i = 0; i < bench->backend.lines_len; i++)
		count += strstr(bench->backend.lines[i], text) != NULL;
	return count;
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
	bench_init(&bench, "");
	scripted_answer(&bench.backend, VERB_CONNECT, span_text(""));
	timer_init(&bench.later, bench.loop, reload_and_greet, &bench);
	timer_set(&bench.later, loop_now_ms(bench.loop) + 1);
	bench_run(&bench);
	assert_int_equal(bench.result, PROBE_SAFE);
	assert_string_equal(bench.backend.lines[0], "EHLO relay.example.test");
	bench_done(&bench);
}

/* The probe's recipient gets `probe`, any other `other`. */
struct row {
	const char *probe, *other;
	enum relay_probe_result result;
};

static void an_answer_says_yes_or_no_or_nothing(void **state)
{
	static const struct row rows[] = {
		{"250 2.1.5 Ok", NULL, PROBE_RELAYS},
		{"251 2.1.5 will forward", NULL, PROBE_RELAYS},
		{"554 5.7.1 <x@example.com>: Relay access denied", "550 no", PROBE_SAFE},
		{"454 4.7.1 <x@example.com>: Relay access denied", NULL, PROBE_SAFE},
		{"550 5.7.1 <x@example.com>... Relaying denied", NULL, PROBE_SAFE},
		{"550 relay not permitted", NULL, PROBE_SAFE},
		/* refuses the foreign recipient and takes one of ours */
		{"553 sorry, not in my list of allowed rcpthosts (#5.7.1)", NULL, PROBE_SAFE},
		{"550 Invalid recipient: <stockade-relay-probe@example.com>", NULL, PROBE_SAFE},
		/* about the domain, and nothing about relaying: a null MX */
		{"556 5.1.10 <x@example.com>: Domain example.com does not accept mail (nullMX)",
			NULL, PROBE_UNCLEAR},
		{"550 5.7.1 no", "550 5.1.1 unknown", PROBE_SAFE},
		/* refuses whoever asks: by address, by name, with the host name of ours in its
		   words */
		{"554 5.7.1 <relay.example.test[203.0.113.1]>: Client host rejected",
			"554 5.7.1 Client host rejected", PROBE_UNCLEAR},
		{"550 relay.example.test does not resolve", "550 no", PROBE_UNCLEAR},
		{"550 5.1.1 <stockade-relay-probe@example.com>: unknown", "550 5.1.1 unknown",
			PROBE_UNCLEAR},
		/* is in trouble */
		{"451 4.3.0 <stockade-relay-probe@example.com>: Temporary lookup failure", NULL,
			PROBE_UNCLEAR},
		{"450 4.7.1 <relay.example.test>: Helo command rejected: Host not found", NULL,
			PROBE_UNCLEAR},
		{"454 4.7.0 TLS not available", NULL, PROBE_UNCLEAR},
		{"354 what?", NULL, PROBE_UNCLEAR},
		{"421 4.3.2 too busy", NULL, PROBE_AWAY},
		/* one reply too many before: this is the reply to MAIL, and the one to QUIT to this
		 */
		{"250 2.1.0 Ok\r\n554 5.7.1 Relay access denied", NULL, PROBE_UNCLEAR},
	};

	(void)state;
	for (size_t i = 0; i < COUNTOF(rows); i++) {
		struct bench bench;
		char first[64];

		bench_init(&bench, "");
		bench_answer(&bench, VERB_PROBE, rows[i].probe);
		if (rows[i].other != NULL)
			bench_answer(&bench, VERB_RCPT, rows[i].other);
		bench_run(&bench);
		if (bench.result != rows[i].result)
			fail_msg("%s: %d", rows[i].probe, (int)bench.result);
		snprintf(first, sizeof(first), "%.20s", rows[i].probe);
		assert_true(strstr(bench.reply, "out of step") != NULL ||
			    strncmp(bench.reply, first, strcspn(first, "\r")) == 0);
		assert_true(bench.has_offer);
		bench_done(&bench);
	}
}

static void as_whom_it_asks_is_no_address_of_ours(void **state)
{
	struct bench bench;

	(void)state;
	bench_init(&bench, "");
	bench_run(&bench);
	assert_int_equal(bench_count(&bench, "ADDR=198.51.100.1"), 1);
	assert_int_equal(bench_count(&bench, "NAME=relay.example.test"), 1);
	assert_int_equal(bench_count(&bench, "EHLO relay.example.test"), 2);
	bench_done(&bench);
}

static void an_address_that_is_refused_for_itself_is_not_the_last(void **state)
{
	struct bench bench;

	(void)state;
	bench_init(&bench, "");
	bench_answer(&bench, VERB_XCLIENT, "554 5.7.1 Client host rejected: bogon");
	bench_run(&bench);
	assert_int_equal(bench.result, PROBE_UNCLEAR);
	assert_string_equal(bench.reply, "554 5.7.1 Client host rejected: bogon");
	assert_int_equal(bench_count(&bench, "ADDR=198.51.100.1"), 1);
	assert_int_equal(bench_count(&bench, "ADDR=192.0.2.1"), 1);
	bench_done(&bench);
}

static void it_asks_as_it_is_told(void **state)
{
	struct bench bench;

	(void)state;
	bench_init(&bench, ", probe-client: ['2001:db8::7', 192.0.2.77]");
	bench_answer(&bench, VERB_PROBE, "451 4.3.0 later");
	bench_run(&bench);
	assert_int_equal(bench.result, PROBE_UNCLEAR);
	assert_int_equal(bench_count(&bench, "ADDR="), 1);
	assert_int_equal(bench_count(&bench, "ADDR=192.0.2.77"), 1);
	bench_done(&bench);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_reload_leaves_a_probe_its_configuration),
		cmocka_unit_test(an_answer_says_yes_or_no_or_nothing),
		cmocka_unit_test(as_whom_it_asks_is_no_address_of_ours),
		cmocka_unit_test(an_address_that_is_refused_for_itself_is_not_the_last),
		cmocka_unit_test(it_asks_as_it_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
