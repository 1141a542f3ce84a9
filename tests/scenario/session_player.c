/* SPDX-License-Identifier: ISC */
/*
 * Plays scenarios over real sessions: the SMTP server of the gate with its resolver, a client at
 * the other end of a socket pair, a scripted backend and a scripted name server, all in one loop
 * whose clock moves when the file says so. tests/scenario/README.md tells the lines.
 *
 * A line acts and then lets the loop run until nobody has anything more to do; what a line waits
 * for may take five seconds of real time, which only a failure takes, and ends the play. A child
 * plays, so that its log is a file that lines can look into and that is shown when it fails.
 */
#include <errno.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

#include "../unit/unit.h"

#include "../unit/fake_dns.h"
#include "../unit/known_view.h"
#include "../unit/made_certificate.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/shelf.h"
#include "conf/secrets.h"
#include "gate/greylisting.h"
#include "resolve/resolver.h"
#include "scripted_backend.h"
#include "smtpd/server.h"
#include "words.h"

enum {
	TICK_MS = 1,
	QUIET_TICKS = 4, /* so many turns in which nothing came: nobody has anything more to do */
	PATIENCE_S = 5,  /* of real time, for what a line waits for */
	STEP_MS = 250,   /* the clock moves in steps, so that one deadline can set the next */
	STEPS_MAX = 50,
	LOG_MAX = 1 << 20,
	TEXT_MAX = 1 << 20
};

struct client {
	int fd; /* -1: none */
	struct watch *watch;
	struct stream *stream; /* in place of the watch: TLS */
	struct buf in;
	bool at_end;
};

struct player {
	const char *path;
	unsigned line;
	unsigned failures;
	unsigned expectations;
	struct arena *arena;

	/* given */
	struct buf checks; /* of the configuration */
	const char *mode, *pass_client, *proxy_from, *own_network, *early_wait, *if_we_fail,
		*gate_limits;
	const char *tls, *backend_tls;
	struct smtpd_limits limits;
	struct made_certificate made;
	struct tls_context *server_tls, *client_tls;

	struct loop *loop;
	struct timer tick;
	unsigned quiet;
	uint64_t activity; /* of the client */
	uint64_t last_activity;
	bool (*wanted)(struct player *p); /* the loop runs until this is so */
	time_t give_up;

	struct fake_dns dns;
	struct scripted_backend backend;
	struct conf *conf;
	struct resolver *resolver;
	struct shelf *views;
	struct consult *consult;
	struct smtpd_server *server;
	bool probed;
	bool stopped;

	struct client client;
	size_t backend_at; /* the first line of the backend's that no line of the file has seen */
	off_t log_at;      /* the same of the log */
	char **words;      /* of the line that is played, for `wanted` */
	size_t words_len;
};

static void complain(struct player *p, const char *what, const char *detail)
{
	fprintf(stderr, "%s:%u: %s %s\n", p->path, p->line, what, detail);
	p->failures++;
}

/* ---- the loop ---- */

static uint64_t player_activity(const struct player *p)
{
	return p->activity + p->backend.activity + p->dns.queries;
}

static void player_on_tick(struct timer *timer, void *arg)
{
	struct player *p = arg;

	p->quiet = player_activity(p) == p->last_activity ? p->quiet + 1 : 0;
	p->last_activity = player_activity(p);
	if (p->wanted != NULL ? p->wanted(p) || time(NULL) > p->give_up : p->quiet >= QUIET_TICKS)
		loop_stop(p->loop);
	else
		timer_set(timer, loop_now_ms(p->loop) + TICK_MS);
}

static void player_run(struct player *p, bool (*wanted)(struct player *p))
{
	p->wanted = wanted;
	p->quiet = 0;
	p->give_up = time(NULL) + PATIENCE_S;
	timer_set(&p->tick, loop_now_ms(p->loop) + TICK_MS);
	loop_run(p->loop);
}

static void player_settle(struct player *p)
{
	player_run(p, NULL);
}

static bool player_await(
	struct player *p, bool (*wanted)(struct player *p), char **words, size_t count)
{
	p->words = words;
	p->words_len = count;
	p->expectations++;
	if (!wanted(p))
		player_run(p, wanted);
	return wanted(p);
}

static bool play_clock_set(char *word)
{
	int64_t by_ms = words_duration_ms(word + 1);

	moving_clock_set(*word == '-' ? -by_ms : by_ms);
	return by_ms > 0 && (*word == '-' || *word == '+');
}

/* Real time passes as well, and counts. */
static bool play_time(struct player *p, const char *word)
{
	int64_t by_ms = *word == '+' ? words_duration_ms(word + 1) : -1;
	int64_t step_ms = by_ms / STEPS_MAX > STEP_MS ? by_ms / STEPS_MAX : STEP_MS;
	int64_t until_ms = clock_monotonic_ms() + by_ms;
	int64_t left_ms;

	while ((left_ms = until_ms - clock_monotonic_ms()) > 0) {
		moving_clock_add(left_ms < step_ms ? left_ms : step_ms);
		player_settle(p);
	}
	return by_ms > 0;
}

static bool play_clock(struct player *p, char **w, size_t n)
{
	if (n == 2 && strcmp(w[0], "set") == 0)
		return play_clock_set(w[1]);
	return n == 1 && play_time(p, w[0]);
}

/* ---- what is given, and the start ---- */

static bool given_limit(struct player *p, const char *name, const char *value)
{
	struct smtpd_limits *limits = &p->limits;
	size_t *sizes[] = {&limits->recipients, &limits->recipients_beyond, &limits->sessions,
		&limits->backends, &limits->smtp.line};
	unsigned *counts[] = {&limits->errors_soft, &limits->errors_hard, &limits->junk};
	static const char *const size_names[] = {
		"recipients", "recipients-beyond", "sessions", "backends", "line"};
	static const char *const count_names[] = {"errors-soft", "errors-hard", "junk"};
	int size = words_find(size_names, COUNTOF(size_names), name);
	int count = words_find(count_names, COUNTOF(count_names), name);

	if (size >= 0)
		*sizes[size] = (size_t)atoi(value);
	else if (count >= 0)
		*counts[count] = (unsigned)atoi(value);
	return size >= 0 || count >= 0;
}

static bool given(struct player *p, char **w, size_t n)
{
	static const char *const names[] = {"mode", "pass-client", "proxy-from", "own-network",
		"early-wait", "if-we-fail", "limits", "tls", "backend-tls"};
	const char **values[] = {&p->mode, &p->pass_client, &p->proxy_from, &p->own_network,
		&p->early_wait, &p->if_we_fail, &p->gate_limits, &p->tls, &p->backend_tls};
	int setting = n == 2 ? words_find(names, COUNTOF(names), w[0]) : -1;

	if (n == 3 && strcmp(w[0], "check") == 0)
		buf_append_format(&p->checks, ", %s: %s", w[1], w[2]);
	else if (n == 3 && strcmp(w[0], "limit") == 0)
		return given_limit(p, w[1], w[2]);
	else if (setting >= 0)
		*values[setting] = w[1];
	else
		return false;
	return p->server == NULL; /* a site does not change under the clients' feet */
}

static void start_conf(struct player *p)
{
	struct conf_report report;
	char backend[ENDPOINT_TEXT_SIZE];
	char resolver[ENDPOINT_TEXT_SIZE];
	const char *certificate =
		strcmp(p->tls, "yes") == 0 ? "tls: {certificate: /made.pem, key: /made.key}," : "";
	struct buf text;

	/* Most senders of the scenarios are in no DNS. */
	if (strstr(buf_cstr(&p->checks), "sender-domain") == NULL)
		buf_append_text(&p->checks, ", sender-domain: off");
	buf_init(&text, 0);
	buf_append_format(&text,
		"hostname: mx.example.net\ncontact: postmaster@example.net\n"
		"portal-url: https://mail.example.net/why\nmode: %s\n"
		"run: {resolver: '%s'}\nown: {domains: [example.net], networks: [%s]}\n"
		"gate: {listen: ['127.0.0.1:25'], backend: {address: '%s', pass-client: %s, tls: %s},\n"
		"  %s\n"
		"  proxy-from: [%s], if-we-fail: %s, message-size-limit: 65536, limits: %s}\n"
		"checks: {early: {action: reject, wait: %s}%s}\n",
		p->mode, endpoint_print(p->dns.endpoint, resolver), p->own_network,
		endpoint_print(p->backend.endpoint, backend), p->pass_client, p->backend_tls,
		certificate, p->proxy_from, p->if_we_fail, p->gate_limits, p->early_wait,
		buf_cstr(&p->checks));
	if (conf_load_text(&(struct conf_source){p->path, buf_span(&text)}, 0, &p->conf, &report) <
		0)
		complain(p, "this is not a configuration:", buf_cstr(&text));
	for (size_t i = 0; p->conf == NULL && i < report.diagnostics_len; i++)
		complain(p, "", report.diagnostics[i].text);
	conf_report_done(&report);
	buf_done(&text);
	ASSERT(p->conf != NULL);
	if (certificate[0] == '\0')
		return;
	secrets_add(p->conf,
		&(struct conf_secret){.file = "/made.pem", .text = buf_span(&p->made.certificate)});
	secrets_add(p->conf,
		&(struct conf_secret){.file = "/made.key", .text = buf_span(&p->made.key)});
}

static void on_probed(const struct backend_finding *finding, void *arg)
{
	struct player *p = arg;

	(void)finding;
	p->probed = true;
}

static void on_stopped(void *arg)
{
	struct player *p = arg;

	p->stopped = true;
}

static bool is_probed(struct player *p)
{
	return p->probed;
}

/* The first line that is not given starts the gate, which probes its backend first. */
static void player_start(struct player *p)
{
	const struct resolver_settings resolver = {
		.server = p->dns.endpoint, .timeout_ms = 1500, .tries = 3, .cache_entries = 100};

	if (p->server != NULL)
		return;
	start_conf(p);
	p->views = view_shelf_new();
	shelf_put(p->views, known_view_new());
	p->resolver = resolver_new(p->loop, &resolver);
	p->consult = consult_new(&(struct consult_settings){.loop = p->loop,
		.resolver = p->resolver,
		.views = p->views,
		.conf = p->conf,
		.limits = &consult_limits_default,
		.greylisting = greylisting_new(p->loop, p->conf, NULL)});
	p->server = smtpd_server_new(&(struct smtpd_server_settings){.loop = p->loop,
		.conf = p->conf,
		.limits = &p->limits,
		.consult = p->consult,
		.resolver = p->resolver,
		.probed = on_probed,
		.stopped = on_stopped,
		.arg = p});
	player_run(p, is_probed);
	player_settle(p);
	p->backend_at = p->backend.lines_len;
}

static void player_init(struct player *p)
{
	p->arena = arena_new(0);
	p->loop = loop_new();
	p->limits = smtpd_limits_default;
	p->mode = "enforce";
	p->pass_client = "xclient";
	p->proxy_from = "";
	p->own_network = "";
	p->early_wait = "0s";
	p->if_we_fail = "accept";
	p->tls = "no";
	p->backend_tls = "auto";
	made_certificate_init(&p->made, "mx.example.net", NULL);
	ASSERT(tls_server_new(&(struct tls_identity){buf_span(&p->made.certificate),
				      buf_span(&p->made.key), "/made.pem", "/made.key"},
		       &p->server_tls, NULL) == 0);
	p->client_tls = tls_client_new();
	p->gate_limits = "{}";
	p->client.fd = -1;
	buf_init(&p->checks, 0);
	buf_init(&p->client.in, 0);
	timer_init(&p->tick, p->loop, player_on_tick, p);
	fake_dns_init(&p->dns, p->loop);
	scripted_init(&p->backend, p->loop);
	p->backend.tls = p->server_tls;
}

static void client_leave(struct client *client)
{
	watch_free(&client->watch);
	if (client->stream != NULL)
		stream_free(&client->stream); /* with fd */
	else if (client->fd >= 0)
		close(client->fd);
	client->fd = -1;
	buf_clear(&client->in);
	client->at_end = false;
}

static void player_done(struct player *p)
{
	client_leave(&p->client);
	smtpd_server_free(&p->server);
	consult_free(&p->consult);
	resolver_free(&p->resolver);
	if (p->views != NULL)
		shelf_free(&p->views);
	scripted_done(&p->backend);
	fake_dns_done(&p->dns);
	conf_free(&p->conf);
	timer_done(&p->tick);
	buf_done(&p->checks);
	buf_done(&p->client.in);
	tls_context_free(&p->server_tls);
	tls_context_free(&p->client_tls);
	made_certificate_done(&p->made);
	loop_free(&p->loop);
	arena_free(&p->arena);
}

/* ---- DNS ---- */

static void dns_forget(struct player *p, const char *name)
{
	size_t kept = 0;

	for (size_t i = 0; i < p->dns.count; i++)
		if (strcmp(p->dns.records[i].name, name) != 0)
			p->dns.records[kept++] = p->dns.records[i];
	p->dns.count = kept;
}

/* dns 192.0.2.7 ptr mail.good.test [unconfirmed] | none | error | silence */
static bool play_dns(struct player *p, char **w, size_t n)
{
	struct ip ip;
	const char *name;

	if (n < 3 || strcmp(w[1], "ptr") != 0 || ip_parse(span_text(w[0]), &ip) < 0)
		return false;
	name = arena_format(
		p->arena, "%u.%u.%u.%u.in-addr.arpa", ip.b[15], ip.b[14], ip.b[13], ip.b[12]);
	dns_forget(p, name);
	if (strcmp(w[2], "error") == 0) {
		fake_dns_add(&p->dns, name, DNS_PTR, "servfail");
	} else if (strcmp(w[2], "none") != 0) {
		fake_dns_add(&p->dns, name, DNS_PTR, w[2]);
		dns_forget(p, w[2]);
		if (n == 3 && strcmp(w[2], "silence") != 0)
			fake_dns_add(&p->dns, w[2], DNS_A, w[0]);
	}
	return true;
}

/* spf good.test "v=spf1 -all" | error | silence */
static bool play_spf(struct player *p, char **w, size_t n)
{
	if (n != 2)
		return false;
	dns_forget(p, w[0]);
	fake_dns_add(&p->dns, w[0], DNS_TXT, strcmp(w[1], "error") == 0 ? "servfail" : w[1]);
	return true;
}

/* mx good.test mx.good.test | . | error | silence */
static bool play_mx(struct player *p, char **w, size_t n)
{
	if (n != 2)
		return false;
	dns_forget(p, w[0]);
	fake_dns_add(&p->dns, w[0], DNS_MX, strcmp(w[1], "error") == 0 ? "servfail" : w[1]);
	return true;
}

/* ---- the client ---- */

static void client_on_ready(struct watch *watch, int ready, void *arg)
{
	struct player *p = arg;
	uint8_t bytes[65536];
	ssize_t len = read(p->client.fd, bytes, sizeof(bytes));

	(void)ready;
	p->activity++;
	if (len > 0) {
		buf_append(&p->client.in, span_of(bytes, (size_t)len));
	} else if (len == 0 || errno != EAGAIN) {
		p->client.at_end = true;
		watch_set(watch, WATCH_NOTHING);
	}
}

/* connect 192.0.2.7: the client of the lines that follow; one that is there already stays connected
 * and is not heard any more. */
static bool play_connect(struct player *p, char **w, size_t n)
{
	struct endpoint peer = {.port = 40000};
	int fds[2];

	if (n != 1 || ip_parse(span_text(w[0]), &peer.ip) < 0)
		return false;
	watch_free(&p->client.watch);
	stream_free(&p->client.stream);
	buf_clear(&p->client.in);
	p->client.at_end = false;
	ASSERT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) == 0);
	p->client.fd = fds[1];
	p->client.watch = watch_new(p->loop, fds[1], client_on_ready, p);
	watch_set(p->client.watch, WATCH_READ);
	smtpd_server_take(p->server, fds[0], peer);
	player_settle(p);
	return true;
}

static void client_on_input(struct stream *stream, void *arg)
{
	struct player *p = arg;

	p->activity++;
	buf_append(&p->client.in, buf_span(stream_in(stream)));
	buf_consume(stream_in(stream), buf_len(stream_in(stream)));
}

static void client_on_closed(struct stream *stream, int error, void *arg)
{
	struct player *p = arg;

	(void)stream;
	(void)error;
	p->activity++;
	p->client.at_end = true;
}

static bool client_is_secured(struct player *p)
{
	return p->client.at_end || stream_tls_facts(p->client.stream, NULL);
}

/* client secures: the handshake, after which it says and hears by TLS. */
static void client_secures(struct player *p)
{
	static const struct stream_calls calls = {
		.input = client_on_input, .closed = client_on_closed};

	watch_free(&p->client.watch);
	p->client.stream = stream_new(p->loop, p->client.fd,
		&(struct stream_settings){
			.calls = &calls, .arg = p, .limits = {.in = TEXT_MAX, .out = TEXT_MAX}});
	stream_start_tls(p->client.stream, p->client_tls);
	player_await(p, client_is_secured, NULL, 0);
}

static void client_send(struct player *p, struct span bytes)
{
	if (p->client.stream != NULL) {
		buf_append(stream_out(p->client.stream), bytes);
		stream_send(p->client.stream);
		player_settle(p);
		return;
	}
	while (bytes.len != 0) {
		ssize_t sent = send(p->client.fd, bytes.ptr, bytes.len, MSG_NOSIGNAL);

		if (sent < 0 && errno != EAGAIN) {
			complain(p, "the client cannot send:", strerror(errno));
			return;
		}
		bytes = span_from(bytes, sent > 0 ? (size_t)sent : 0);
		player_settle(p);
	}
}

/* "\r" "\n" "\t" "\\" "\xHH", and all else as it is. */
static void text_unescape(const char *text, struct buf *out)
{
	static const char letters[] = "rnt\\";
	static const char bytes[] = "\r\n\t\\";

	for (; *text != '\0'; text++) {
		const char *letter =
			text[0] == '\\' && text[1] != '\0' ? strchr(letters, text[1]) : NULL;

		if (letter != NULL) {
			buf_append_byte(out, (uint8_t)bytes[letter - letters]);
			text++;
		} else if (text[0] == '\\' && text[1] == 'x' && text[2] != '\0' &&
			   text[3] != '\0') {
			const char digits[] = {text[2], text[3], '\0'};

			buf_append_byte(out, (uint8_t)strtol(digits, NULL, 16));
			text += 3;
		} else {
			buf_append_byte(out, (uint8_t)*text);
		}
	}
}

/* client says LINE ...: lines, all at once; client sends TEXT: bytes; client repeats N TEXT. */
static bool client_says(struct player *p, char **w, size_t n)
{
	struct buf text;
	bool is_line = strcmp(w[0], "says") == 0;
	int times = strcmp(w[0], "repeats") == 0 && n == 3 ? atoi(w[1]) : 1;

	buf_init(&text, 0);
	for (size_t i = times > 1 ? 2 : 1; i < n; i++)
		for (int k = 0; k < times; k++) {
			text_unescape(w[i], &text);
			buf_append_text(&text, is_line ? "\r\n" : "");
		}
	client_send(p, buf_span(&text));
	buf_done(&text);
	return n > 1;
}

/* The length of the reply at the start of what the client has read; 0: not whole yet. */
static size_t client_reply_len(const struct player *p)
{
	struct span in = buf_span(&p->client.in);
	size_t at = 0;

	while (at < in.len) {
		struct span rest = span_from(in, at);
		size_t len = span_find(rest, '\n');

		if (len == rest.len)
			return 0;
		at += len + 1;
		if (len < 4 || rest.ptr[3] != '-')
			return at;
	}
	return 0;
}

static bool client_has_reply(struct player *p)
{
	return client_reply_len(p) != 0 || p->client.at_end;
}

static bool client_has_ended(struct player *p)
{
	return p->client.at_end;
}

static bool client_has_text(struct player *p)
{
	return span_find_text(buf_span(&p->client.in), p->words[0]) < buf_len(&p->client.in);
}

/* client hears CODE [TEXT ...]: the next whole reply begins with CODE and holds each TEXT. */
static void client_hears_reply(struct player *p, char **w, size_t n)
{
	struct span reply;
	char *text;

	player_await(p, client_has_reply, w, n);
	reply = span_first(buf_span(&p->client.in), client_reply_len(p));
	text = arena_string(p->arena, reply);
	if (reply.len == 0)
		complain(p,
			p->client.at_end ? "the connection is closed, and not:"
					 : "no reply in time:",
			w[0]);
	else if (strncmp(text, w[0], strlen(w[0])) != 0)
		complain(p, "the client hears", text);
	for (size_t i = 1; reply.len != 0 && i < n; i++)
		if (strstr(text, w[i]) == NULL)
			complain(p, arena_format(p->arena, "'%s' is not in the reply", w[i]), text);
	buf_consume(&p->client.in, reply.len);
}

static bool client_hears(struct player *p, char **w, size_t n)
{
	if (n == 1 && strcmp(w[0], "nothing") == 0) {
		p->expectations++;
		if (buf_len(&p->client.in) != 0 || p->client.at_end)
			complain(p, "the client hears",
				p->client.at_end ? "the end" : buf_cstr(&p->client.in));
	} else if (n == 1 && strcmp(w[0], "end") == 0) {
		if (!player_await(p, client_has_ended, w, n) || buf_len(&p->client.in) != 0)
			complain(p, "this is not the end:", buf_cstr(&p->client.in));
	} else if (n > 2 && strcmp(w[1], "times") == 0) {
		for (int left = atoi(w[0]); left > 0 && p->failures == 0; left--)
			client_hears_reply(p, w + 2, n - 2);
	} else if (n == 2 && strcmp(w[0], "part") == 0) {
		if (!player_await(p, client_has_text, w + 1, 1))
			complain(p, "the client hears", buf_cstr(&p->client.in));
		buf_clear(&p->client.in);
	} else if (n > 0) {
		client_hears_reply(p, w, n);
	}
	return n > 0;
}

/* client begins: what every honest client says first. */
static bool client_begins(struct player *p)
{
	static char greeting[] = "220", done[] = "250", verb[] = "says",
		    ehlo[] = "EHLO mail.good.test";
	char *hears_220[] = {greeting}, *hears_250[] = {done}, *says[] = {verb, ehlo};

	client_hears_reply(p, hears_220, 1);
	client_says(p, says, COUNTOF(says));
	client_hears_reply(p, hears_250, 1);
	return true;
}

static bool play_client(struct player *p, char **w, size_t n)
{
	if (n == 0 || p->client.fd < 0)
		return false;
	if (n == 1 && strcmp(w[0], "begins") == 0)
		return client_begins(p);
	if (strcmp(w[0], "hears") == 0)
		return client_hears(p, w + 1, n - 1);
	if (strcmp(w[0], "says") == 0 || strcmp(w[0], "sends") == 0 || strcmp(w[0], "repeats") == 0)
		return client_says(p, w, n);
	if (n != 1)
		return false;
	if (strcmp(w[0], "finishes") == 0)
		shutdown(p->client.fd, SHUT_WR);
	else if (strcmp(w[0], "secures") == 0)
		client_secures(p);
	else if (strcmp(w[0], "leaves") == 0)
		client_leave(&p->client);
	else
		return false;
	player_settle(p);
	return true;
}

static bool line_has_all(const char *line, char **words, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (strstr(line, words[i]) == NULL)
			return false;
	return true;
}

/* ---- the backend ---- */

static bool backend_has_line(struct player *p)
{
	for (size_t i = p->backend_at; i < p->backend.lines_len; i++)
		if (line_has_all(p->backend.lines[i], p->words, p->words_len))
			return true;
	return false;
}

/* backend sees TEXT ...: a line that holds each TEXT. Lines come in the order of the scenario;
 * others may stand between. */
static void backend_sees(struct player *p, char **w, size_t n)
{
	if (!player_await(p, backend_has_line, w, n)) {
		complain(p, "the backend does not see", w[0]);
		for (size_t i = p->backend_at; i < p->backend.lines_len; i++)
			fprintf(stderr, "    it sees %s\n", p->backend.lines[i]);
		return;
	}
	while (!line_has_all(p->backend.lines[p->backend_at++], w, n))
		;
}

/* backend next sees TEXT ...: the line behind the last one that was seen. */
static void backend_next_sees(struct player *p, char **w, size_t n)
{
	const char *line =
		p->backend_at < p->backend.lines_len ? p->backend.lines[p->backend_at] : "nothing";

	p->expectations++;
	if (!line_has_all(line, w, n))
		complain(p, "the backend sees next:", line);
	p->backend_at++;
}

/* backend answers VERB REPLY | nothing | half TEXT */
static bool backend_answers(struct player *p, char **w, size_t n)
{
	int verb = n >= 2 ? words_find(backend_verbs, VERB_COUNT, w[0]) : -1;
	struct buf text;

	if (verb < 0)
		return false;
	buf_init(&text, 0);
	if (n == 3 && strcmp(w[1], "half") == 0) {
		text_unescape(w[2], &text);
	} else if (strcmp(w[1], "nothing") != 0) {
		text_unescape(w[1], &text);
		buf_append_text(&text, "\r\n");
	}
	scripted_answer(&p->backend, (enum backend_verb)verb, buf_span(&text));
	buf_done(&text);
	return true;
}

/* What it has not answered yet, it answers now, on the newest connection. */
static bool backend_says(struct player *p, char **w, size_t n)
{
	struct scripted_backend *backend = &p->backend;
	struct backend_connection *c = backend->connections_len != 0
					       ? &backend->connections[backend->connections_len - 1]
					       : NULL;

	if (n != 1 || c == NULL || c->stream == NULL)
		return false;
	text_unescape(w[0], stream_out(c->stream));
	buf_append_text(stream_out(c->stream), "\r\n");
	stream_send(c->stream);
	player_settle(p);
	return true;
}

static bool backend_closes_at(struct player *p, const char *word)
{
	int verb = words_find(backend_verbs, VERB_COUNT, word);

	if (verb < 0)
		return false;
	scripted_answer(&p->backend, (enum backend_verb)verb, (struct span){0});
	p->backend.closes_at[verb] = true;
	return true;
}

static bool play_backend(struct player *p, char **w, size_t n)
{
	if (n > 1 && strcmp(w[0], "sees") == 0) {
		backend_sees(p, w + 1, n - 1);
	} else if (n > 2 && strcmp(w[0], "next") == 0 && strcmp(w[1], "sees") == 0) {
		backend_next_sees(p, w + 2, n - 2);
	} else if (n == 3 && strcmp(w[0], "never") == 0 && strcmp(w[1], "sees") == 0) {
		p->expectations++;
		for (size_t i = 0; i < p->backend.lines_len; i++)
			if (strstr(p->backend.lines[i], w[2]) != NULL)
				complain(p, "the backend sees", p->backend.lines[i]);
	} else if (n == 1 && strcmp(w[0], "breaks") == 0) {
		scripted_break(&p->backend);
		player_settle(p);
	} else if (n == 1 && strcmp(w[0], "stops") == 0) {
		scripted_break(&p->backend);
		scripted_stop_listening(&p->backend);
		player_settle(p);
	} else if (n >= 1 && strcmp(w[0], "offers") == 0) {
		scripted_offer_keywords(&p->backend, (const char *const *)(w + 1), n - 1);
	} else if (n >= 1 && strcmp(w[0], "answers") == 0) {
		return backend_answers(p, w + 1, n - 1);
	} else if (n >= 1 && strcmp(w[0], "says") == 0) {
		return backend_says(p, w + 1, n - 1);
	} else if (n == 3 && strcmp(w[0], "closes") == 0 && strcmp(w[1], "at") == 0) {
		return backend_closes_at(p, w[2]);
	} else {
		return false;
	}
	return true;
}

/* ---- the log ---- */

/* The end of the first line from `from` on that holds all words; -1: there is none. */
static off_t log_find(off_t from, char **words, size_t count)
{
	static char text[LOG_MAX];
	ssize_t len = pread(STDERR_FILENO, text, sizeof(text) - 1, from);
	off_t at = 0;

	while (at < len) {
		char *end = memchr(text + at, '\n', (size_t)(len - at));

		if (end == NULL)
			break;
		*end = '\0';
		if (line_has_all(text + at, words, count))
			return from + (end - text) + 1;
		at = end - text + 1;
	}
	return -1;
}

static bool log_has_line(struct player *p)
{
	return log_find(p->log_at, p->words, p->words_len) >= 0;
}

/* log WORD ...: in the order of the scenario, too; log never WORD ...: nowhere so far. */
static bool play_log(struct player *p, char **w, size_t n)
{
	if (n > 1 && strcmp(w[0], "never") == 0) {
		p->expectations++;
		if (log_find(0, w + 1, n - 1) >= 0)
			complain(p, "this is in the log:", w[1]);
	} else if (n > 0 && player_await(p, log_has_line, w, n)) {
		p->log_at = log_find(p->log_at, w, n);
	} else if (n > 0) {
		complain(p, "not in the log:", w[0]);
	}
	return n > 0;
}

/* ---- a file ---- */

static bool has_stopped(struct player *p)
{
	return p->stopped;
}

static bool play_gate(struct player *p, char **w, size_t n)
{
	if (n == 1 && strcmp(w[0], "stops") == 0) {
		smtpd_server_stop(p->server);
		player_settle(p);
	} else if (n == 2 && strcmp(w[0], "has") == 0 && strcmp(w[1], "ended") == 0) {
		if (!player_await(p, has_stopped, w, n))
			complain(p, "the gate waits for", "a session");
	} else if (n == 2 && strcmp(w[0], "still") == 0 && strcmp(w[1], "runs") == 0) {
		p->expectations++;
		if (p->stopped)
			complain(p, "the gate has", "ended");
	} else {
		return false;
	}
	return true;
}

static bool play_words(struct player *p, char **w, size_t n)
{
	static const struct {
		const char *word;
		bool (*play)(struct player *p, char **w, size_t n);
		bool before_start;
	} rows[] = {
		{"given", given, true},
		{"dns", play_dns, true},
		{"spf", play_spf, true},
		{"mx", play_mx, true},
		{"backend", play_backend, true},
		{"clock", play_clock, false},
		{"connect", play_connect, false},
		{"client", play_client, false},
		{"log", play_log, false},
		{"gate", play_gate, false},
	};

	if (strcmp(w[0], "title") == 0)
		return n > 1;
	for (size_t i = 0; i < COUNTOF(rows); i++) {
		if (strcmp(w[0], rows[i].word) != 0)
			continue;
		if (!rows[i].before_start)
			player_start(p);
		return rows[i].play(p, w + 1, n - 1);
	}
	return false;
}

static int play(const char *path, FILE *file)
{
	static struct player p;
	char line[4096];
	int result;

	log_open("gate", LOG_DEBUG);
	moving_clock_start();
	p.path = path;
	player_init(&p);
	while (p.failures == 0 && fgets(line, sizeof(line), file) != NULL) {
		char *words[WORDS_MAX];
		size_t count = words_split(
			p.arena, span_first(span_text(line), strcspn(line, "\n")), words);

		p.line++;
		if (count != 0 && !play_words(&p, words, count))
			complain(&p, "not understood:", words[0]);
	}
	player_done(&p);
	printf("%u expectations, %u failures\n", p.expectations, p.failures);
	result = p.failures == 0 && p.expectations != 0 ? 0 : 1;
	return result;
}

/* What the child wrote: complaints, and the log between them. */
static void show_log(int fd)
{
	char bytes[65536];
	ssize_t len;

	for (off_t at = 0; (len = pread(fd, bytes, sizeof(bytes), at)) > 0; at += len)
		fwrite(bytes, 1, (size_t)len, stderr);
}

int main(int argc, char **argv)
{
	FILE *file = argc == 2 ? fopen(argv[1], "r") : NULL;
	int fd = memfd_create("log", 0);
	int status = 1;
	pid_t child;

	if (file == NULL || fd < 0) {
		fprintf(stderr, "usage: %s session-x.scn\n", argv[0]);
		return 1;
	}
	child = fork();
	if (child == 0) {
		dup2(fd, STDERR_FILENO);
		exit(play(argv[1], file));
	}
	if (child < 0 || waitpid(child, &status, 0) != child || status != 0)
		show_log(fd);
	fclose(file);
	return status == 0 ? 0 : 1;
}
