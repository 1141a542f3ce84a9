/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "conf/secrets.h"
#include "dns/query.h"
#include "dnsd/guard_load.h"
#include "fixture.h"
#include "zone/guard.h"
#include "zone/guard_sample.h"

/*
 * Who may ask how much, at a whole table of zones: main (bl.example.org) and names
 * (dbl.example.org). Each case is a configuration and what single queries get under it.
 */
#define KEY "abcdefghijklmnopqrstuvwxyz"

struct scene {
	struct fixture fixture;
	struct guard_state *guard;
	struct guard_worker *worker;
	struct zone_service *service;
	struct dns_now now;
	struct conf conf;
	struct conf_list lists[2];
	char keys_path[64];
	struct buf out;
	struct dns_message answer; /* of the last query */
	uint8_t bytes[DNS_ANSWER_TCP_MAX];
	size_t len;
};

/* A question with options, each with its code, length and content. */
struct question {
	const char *client;
	const char *name;
	uint16_t type;
	enum dns_transport transport;
	struct span options;
	bool plain; /* without EDNS */
};

static struct scene *scene_new(void)
{
	struct scene *scene = mem_new(scene);

	fixture_init(&scene->fixture, NULL, 0);
	scene->guard = guard_state_new();
	scene->worker = guard_worker_new(scene->guard, 1, 1);
	scene->service =
		zone_service_new(&scene->fixture.rules, scene->fixture.view, scene->worker);
	scene->now = (struct dns_now){.s = FIXTURE_NOW_S, .ms = 5};
	scene->lists[0].name = "main";
	scene->lists[1].name = "names";
	scene->conf = (struct conf){
		.contact = "ask@example.org",
		.lists = scene->lists,
		.lists_len = 2,
		.guard = {.cookies = COOKIES_ON,
			.burst_s = 1,
			.slip = 2,
			.v4_bits = 24,
			.v6_bits = 56,
			.quota_period_s = 86400,
			.tcp_idle_s = 10},
	};
	buf_init(&scene->out, 0);
	return scene;
}

static void scene_free(struct scene *scene)
{
	if (scene->keys_path[0] != '\0')
		unlink(scene->keys_path);
	zone_service_free(&scene->service);
	guard_worker_free(&scene->worker);
	guard_free(&scene->fixture.rules.guard);
	fixture_done(&scene->fixture);
	guard_state_free(&scene->guard);
	buf_done(&scene->out);
	mem_free(scene);
}

/* The configuration comes into force. */
static void apply(struct scene *scene)
{
	struct dns_rules *rules = &scene->fixture.rules;
	struct fault why = {""};

	guard_free(&rules->guard);
	if (secrets_read(&scene->conf, SECRETS_OF_ASKING, &why) < 0 ||
		guard_load(&scene->conf, rules->table, &rules->guard, &why) < 0)
		fail_msg("%s", why.text);
	secrets_done(&scene->conf);
}

static void write_keys(struct scene *scene, const char *text, mode_t mode)
{
	int fd;

	if (scene->keys_path[0] == '\0') {
		strcpy(scene->keys_path, "/tmp/stockade-keys-XXXXXX");
		fd = mkstemp(scene->keys_path);
	} else {
		fd = open(scene->keys_path, O_WRONLY | O_TRUNC);
	}
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
	scene->lists[0].serving.keys = scene->keys_path;
}

static void append_question(struct buf *out, const struct question *question)
{
	struct dns_name name;
	uint8_t *p;

	assert_int_equal(dns_name_parse(span_text(question->name), &name), 0);
	dns_query_encode(out, 7, &name, question->type != 0 ? question->type : DNS_A,
		question->plain ? 0 : DNS_UDP_SAFE);
	if (question->options.len == 0)
		return;
	p = out->ptr + out->end - 2; /* the length of the options, the last of the message */
	p[0] = (uint8_t)(question->options.len >> 8);
	p[1] = (uint8_t)question->options.len;
	buf_append(out, question->options);
}

/* "NOERROR", "REFUSED 18 words", "nothing"; a "tc" behind the rcode. */
static const char *ask(struct scene *scene, const struct question *question)
{
	struct dns_request request = {.transport = question->transport, .out = scene->bytes};
	struct buf query;

	buf_init(&query, 0);
	append_question(&query, question);
	request.query = buf_span(&query);
	request.client.port = 4711;
	assert_int_equal(ip_parse(span_text(question->client), &request.client.ip), 0);
	zone_answer_requests(scene->service, &request, 1, scene->now);
	buf_done(&query);
	buf_clear(&scene->out);
	scene->len = request.out_len;
	if (request.out_len == 0)
		return "nothing";
	assert_int_equal(
		dns_message_decode(span_of(scene->bytes, request.out_len), &scene->answer), 0);
	buf_append_text(&scene->out, scene->answer.rcode == DNS_BADCOOKIE
					     ? "BADCOOKIE"
					     : fixture_rcode(scene->answer.rcode));
	if ((scene->answer.flags & DNS_FLAG_TC) != 0)
		buf_append_text(&scene->out, " tc");
	return buf_cstr(&scene->out);
}

static const char *ask_from(struct scene *scene, const char *client, const char *name)
{
	return ask(scene, &(struct question){.client = client, .name = name});
}

/* The content of an option of the last answer. */
static bool find_option(struct scene *scene, uint16_t wanted, struct span *ret_content)
{
	struct dns_walk walk = {.section = DNS_ADDITIONAL};
	struct dns_record record;

	while (dns_message_next(&scene->answer, &walk, &record) == 1) {
		struct span rest = record.rdata;

		while (record.type == DNS_OPT && rest.len >= 4) {
			size_t len = (size_t)rest.ptr[2] << 8 | rest.ptr[3];

			*ret_content = span_first(span_from(rest, 4), len);
			if ((rest.ptr[0] << 8 | rest.ptr[1]) == wanted)
				return true;
			rest = span_from(rest, 4 + len);
		}
	}
	return false;
}

static void expect_words(struct scene *scene, const char *part)
{
	struct span content;

	assert_true(find_option(scene, DNS_OPTION_EDE, &content));
	assert_int_equal(content.ptr[1], DNS_EDE_PROHIBITED);
	if (span_find_text(span_from(content, 2), part) >= content.len - 2)
		fail_msg("'%.*s' lacks '%s'", (int)content.len - 2, content.ptr + 2, part);
	assert_true(span_find_text(span_from(content, 2), "ask@example.org") < content.len);
}

static uint64_t counted(struct scene *scene, enum dns_count count)
{
	return dns_counters_read(guard_worker_counters(scene->worker), count);
}

/* ---- access ---- */

static struct prefix net_of(const char *text)
{
	struct prefix prefix;

	assert_int_equal(prefix_parse(span_text(text), &prefix, NULL), 0);
	return prefix;
}

static void lists_are_open_to_those_they_name(void **state)
{
	struct scene *scene = scene_new();
	struct prefix all[] = {net_of("192.0.2.0/24"), net_of("2001:db8::/32")};
	struct prefix own[] = {net_of("203.0.113.7")};

	(void)state;
	apply(scene);
	assert_string_equal(ask_from(scene, "198.51.100.1", "2.0.0.127.bl.example.org"), "NOERROR");

	scene->conf.guard.allow_from = all;
	scene->conf.guard.allow_from_len = COUNTOF(all);
	scene->lists[1].serving.allow_from = own;
	scene->lists[1].serving.allow_from_len = COUNTOF(own);
	apply(scene);
	assert_string_equal(ask_from(scene, "192.0.2.255", "2.0.0.127.bl.example.org"), "NOERROR");
	assert_string_equal(ask_from(scene, "2001:db8::1", "2.0.0.127.bl.example.org"), "NOERROR");
	assert_string_equal(ask_from(scene, "192.0.3.0", "2.0.0.127.bl.example.org"), "REFUSED");
	expect_words(scene, "not open to your address");
	assert_string_equal(ask_from(scene, "192.0.2.1", "test.dbl.example.org"), "REFUSED");
	assert_string_equal(ask_from(scene, "203.0.113.7", "test.dbl.example.org"), "NOERROR");
	assert_string_equal(ask_from(scene, "203.0.113.7", "bl.example.org"), "REFUSED");
	assert_string_equal(ask_from(scene, "192.0.2.1", "example.net"), "REFUSED");
	assert_int_equal(counted(scene, DNS_COUNT_NO_ACCESS), 3);
	assert_int_equal(counted(scene, DNS_COUNT_REFUSED), 1);
	scene_free(scene);
}

/* ---- keys ---- */

static void a_key_in_the_name_opens_the_list(void **state)
{
	static const struct {
		const char *name;
		uint16_t type;
		const char *expected;
	} cases[] = {
		{"2.0.0.127." KEY ".bl.example.org", DNS_A, "NOERROR"},
		{"2.0.0.127.ABCDEFGHIJKLMNOPQRSTUVWXYZ.bl.example.org", DNS_TXT, "NOERROR"},
		{"2.0.0.127.manual." KEY ".bl.example.org", DNS_A, "NOERROR"},
		{"1.0.0.127." KEY ".bl.example.org", DNS_A, "NXDOMAIN"},
		{KEY ".bl.example.org", DNS_A, "NOERROR"},
		{"bl.example.org", DNS_SOA, "NOERROR"}, /* delegations are checked there */
		{"bl.example.org", DNS_A, "NOERROR"},   /* the way down of QNAME minimisation */
		{"bl.example.org", DNS_TXT, "NOERROR"}, /* whom to ask for a key */
		{"2.0.0.127.bl.example.org", DNS_A, "REFUSED"},
		{"2.0.0.127.abcdefghijklmnopqrstuvwxyy.bl.example.org", DNS_A, "REFUSED"},
		{"2.0.0.127.abcdefghijklmnop.bl.example.org", DNS_A, "REFUSED"},
		{"2.0.0.127." KEY ".manual.bl.example.org", DNS_A, "REFUSED"},
		{"test." KEY ".dbl.example.org", DNS_A, "NXDOMAIN"}, /* that list has no keys */
	};
	struct scene *scene = scene_new();
	struct prefix own[] = {net_of("192.0.2.0/24")};

	(void)state;
	write_keys(scene, "# customers\n" KEY " example-mail 1000\n", 0640);
	apply(scene);
	for (size_t i = 0; i < COUNTOF(cases); i++) {
		const char *got = ask(scene, &(struct question){.client = "198.51.100.1",
						     .name = cases[i].name,
						     .type = cases[i].type});

		if (strcmp(got, cases[i].expected) != 0)
			fail_msg("%s: %s", cases[i].name, got);
		if (strcmp(got, "REFUSED") == 0)
			expect_words(scene, "with a key");
	}
	ask_from(scene, "198.51.100.1", KEY ".bl.example.org");
	assert_int_equal(scene->answer.counts[DNS_ANSWER], 0);
	ask(scene, &(struct question){
			   .client = "198.51.100.1", .name = "2.0.0.127." KEY ".bl.example.org"});
	assert_int_equal(scene->answer.counts[DNS_ANSWER], 1);

	scene->lists[0].serving.allow_from = own;
	scene->lists[0].serving.allow_from_len = COUNTOF(own);
	apply(scene);
	assert_string_equal(ask_from(scene, "192.0.2.1", "2.0.0.127.bl.example.org"), "NOERROR");
	assert_string_equal(ask_from(scene, "192.0.3.1", "2.0.0.127.bl.example.org"), "REFUSED");
	assert_string_equal(
		ask_from(scene, "192.0.3.1", "2.0.0.127." KEY ".bl.example.org"), "NOERROR");
	scene_free(scene);
}

static void a_key_has_its_quota_also_after_a_reload(void **state)
{
	struct scene *scene = scene_new();
	static const char name[] = "2.0.0.127." KEY ".bl.example.org";

	(void)state;
	write_keys(scene, KEY " a 3\nzyxwvutsrqponmlkjihg b -\n", 0600);
	apply(scene);
	for (int i = 0; i < 3; i++)
		assert_string_equal(ask_from(scene, "198.51.100.1", name), "NOERROR");
	assert_string_equal(ask_from(scene, "198.51.100.2", name), "REFUSED");
	expect_words(scene, "quota of your key");
	apply(scene);
	assert_string_equal(ask_from(scene, "198.51.100.2", name), "REFUSED");
	write_keys(scene, KEY " a 6\n", 0600);
	apply(scene);
	assert_string_equal(ask_from(scene, "198.51.100.2", name), "NOERROR"); /* the sixth */
	assert_string_equal(ask_from(scene, "198.51.100.2", name), "REFUSED");
	scene->now.s += 86400;
	assert_string_equal(ask_from(scene, "198.51.100.2", name), "NOERROR");
	assert_int_equal(counted(scene, DNS_COUNT_OVER_QUOTA), 3);
	scene_free(scene);
}

static void files_of_keys_are_checked(void **state)
{
	static const struct {
		const char *text;
		mode_t mode;
		const char *why;
	} cases[] = {
		{KEY " a 1\n", 0644, "everybody may read or change it"},
		{KEY " a 1\nshort b 1\n", 0640, ":2:1: error: a key has 16 to 63 characters"},
		{"abcdefghijklmnop_ a 1", 0640, ":1:17: error: a key consists of letters"},
		{"\n" KEY "\n", 0640, ":2:27: error: the name behind the key is missing"},
		{KEY " a\n", 0640, ":1:29: error: the quota is missing"},
		{KEY "  a  1e9\n", 0640, ":1:32: error: the quota is a number"},
		{KEY " a -1\n", 0640, ":1:30: error: the quota is a number"},
		{KEY " a 1 #\n", 0640, ":1:32: error: nothing belongs behind"},
		{KEY " a 1\n#\n" KEY " b 2\n", 0640, ":3:1: error: this key is that of line 1"},
	};
	struct scene *scene = scene_new();

	(void)state;
	for (size_t i = 0; i < COUNTOF(cases); i++) {
		struct guard *guard = NULL;
		struct fault why = {""};
		int r;

		write_keys(scene, cases[i].text, cases[i].mode);
		r = secrets_read(&scene->conf, SECRETS_OF_ASKING, &why);
		if (r == 0)
			r = guard_load(&scene->conf, scene->fixture.rules.table, &guard, &why);
		secrets_done(&scene->conf);
		assert_int_equal(r, E_CONFIG);
		assert_null(guard);
		if (strstr(why.text, cases[i].why) == NULL)
			fail_msg("'%s' lacks '%s'", why.text, cases[i].why);
		assert_non_null(strstr(why.text, scene->keys_path));
		assert_null(strstr(why.text, "abcdefgh")); /* a key is in no error */
	}
	scene_free(scene);
}

/* ---- quotas ---- */

static void a_client_has_its_quota(void **state)
{
	struct scene *scene = scene_new();
	struct prefix exempt[] = {net_of("127.0.0.0/8")};
	static const char name[] = "2.0.0.127.bl.example.org";

	(void)state;
	scene->conf.guard.quota = 3;
	scene->conf.guard.exempt = exempt;
	scene->conf.guard.exempt_len = 1;
	apply(scene);
	for (int i = 0; i < 3; i++)
		assert_string_equal(ask_from(scene, "198.51.100.1", name), "NOERROR");
	assert_string_equal(ask_from(scene, "198.51.100.1", name), "REFUSED");
	expect_words(scene, "quota of 3 queries");
	assert_string_equal(ask_from(scene, "198.51.100.2", name), "NOERROR");
	/* Forged queries in somebody's name cost those who come by TCP nothing. */
	assert_string_equal(ask(scene, &(struct question){.client = "198.51.100.1",
					       .name = name,
					       .transport = DNS_TCP}),
		"NOERROR");
	for (int i = 0; i < 9; i++)
		assert_string_equal(ask_from(scene, "127.0.0.1", name), "NOERROR");
	for (int i = 0; i < 3; i++)
		ask_from(scene, "2001:db8:0:1::1", name);
	assert_string_equal(ask_from(scene, "2001:db8:0:2::2", name), "REFUSED"); /* one /56 */
	scene->now.s += 86400;
	assert_string_equal(ask_from(scene, "198.51.100.1", name), "NOERROR");
	scene_free(scene);
}

/* ---- options ---- */

#define OPTION(code, length, content) "\0" code "\0" length content
#define COOKIE_ASKED                  OPTION("\x0a", "\x08", "clientck")

static void nsid_and_keepalive_are_told_to_those_who_ask(void **state)
{
	static const char both[] =
		OPTION("\3", "\0", "") OPTION("\x0b", "\0", "") OPTION("\x0c", "\2", "\0\0");
	struct scene *scene = scene_new();
	struct question question = {.client = "192.0.2.1",
		.name = "2.0.0.127.bl.example.org",
		.options = span_of(both, sizeof(both) - 1)};
	struct span content;

	(void)state;
	apply(scene);
	ask(scene, &question);
	assert_false(find_option(scene, DNS_OPTION_NSID, &content));
	scene->conf.guard.nsid = "ns1.fra";
	apply(scene);
	assert_string_equal(ask(scene, &question), "NOERROR");
	assert_true(find_option(scene, DNS_OPTION_NSID, &content));
	assert_true(span_equal_text(content, "ns1.fra"));
	assert_false(find_option(scene, DNS_OPTION_KEEPALIVE, &content)); /* over TCP only */
	question.transport = DNS_TCP;
	ask(scene, &question);
	assert_true(find_option(scene, DNS_OPTION_KEEPALIVE, &content));
	assert_memory_equal(content.ptr, "\0\x64", 2);
	question.options.len = 0;
	ask(scene, &question);
	assert_false(find_option(scene, DNS_OPTION_NSID, &content));
	scene_free(scene);
}

/* Sends the cookie of the last answer back. */
static const char *ask_with_cookie(
	struct scene *scene, struct question *question, uint8_t option[28])
{
	struct span cookie;

	assert_true(find_option(scene, DNS_OPTION_COOKIE, &cookie));
	assert_int_equal(cookie.len, DNS_COOKIE_SIZE);
	memcpy(option, "\0\x0a\0\x18", 4);
	memcpy(option + 4, cookie.ptr, cookie.len);
	question->options = span_of(option, 28);
	return ask(scene, question);
}

static void cookies_are_given_and_may_be_required(void **state)
{
	struct scene *scene = scene_new();
	struct question question = {.client = "192.0.2.1",
		.name = "2.0.0.127.bl.example.org",
		.options = span_of(COOKIE_ASKED, 12)};
	struct question plain = {.client = "192.0.2.1", .name = "2.0.0.127.bl.example.org"};
	uint8_t option[28];
	struct span cookie;

	(void)state;
	apply(scene);
	assert_string_equal(ask(scene, &question), "NOERROR");
	assert_true(find_option(scene, DNS_OPTION_COOKIE, &cookie));
	assert_memory_equal(cookie.ptr, "clientck", 8);

	scene->conf.guard.cookies = COOKIES_REQUIRE;
	apply(scene);
	assert_string_equal(ask(scene, &question), "BADCOOKIE");
	assert_int_equal(scene->answer.counts[DNS_ANSWER], 0);
	assert_string_equal(ask_with_cookie(scene, &question, option), "NOERROR");
	question.client = "192.0.2.2"; /* the cookie of another one */
	assert_string_equal(ask(scene, &question), "BADCOOKIE");
	question.transport = DNS_TCP; /* where no address can be forged */
	assert_string_equal(ask(scene, &question), "NOERROR");
	assert_string_equal(ask(scene, &plain), "NOERROR"); /* knows nothing of cookies */

	scene->conf.guard.cookies = COOKIES_OFF;
	apply(scene);
	assert_string_equal(ask(scene, &question), "NOERROR");
	assert_false(find_option(scene, DNS_OPTION_COOKIE, &cookie));
	question.options = span_of(OPTION("\x0a", "\x07", "clientc"), 11);
	assert_string_equal(ask(scene, &question), "FORMERR");
	question.options = span_of(OPTION("\x0a", "\x09", "clientck!"), 13);
	assert_string_equal(ask(scene, &question), "FORMERR");
	scene_free(scene);
}

static void a_message_without_question_may_come_for_a_cookie(void **state)
{
	static const char query[] = "\0\7\1\0\0\0\0\0\0\0\0\1" /* no question */
				    "\0\0\x29\x04\xd0\0\0\0\0\0\x0c" COOKIE_ASKED;
	struct scene *scene = scene_new();
	struct dns_request request = {
		.query = span_of(query, sizeof(query) - 1), .out = scene->bytes};

	(void)state;
	apply(scene);
	zone_answer_requests(scene->service, &request, 1, scene->now);
	assert_int_equal(request.out_len, DNS_HEADER_SIZE + 11 + 28);
	assert_int_equal(scene->bytes[3] & 0xf, DNS_NOERROR);
	assert_memory_equal(scene->bytes + DNS_HEADER_SIZE + 15, "clientck\1\0\0\0", 12);
	scene->conf.guard.cookies = COOKIES_OFF;
	apply(scene);
	zone_answer_requests(scene->service, &request, 1, scene->now);
	assert_int_equal(scene->bytes[3] & 0xf, DNS_FORMERR);
	scene_free(scene);
}

/* ---- samples ---- */

static void no_sample_shows_a_key(void **state)
{
	static const struct {
		const char *name;
		const char *seen;
	} cases[] = {
		{"2.0.0.127." KEY ".bl.example.org",
			"2.0.0.127.xxxxxxxxxxxxxxxxxxxxxxxxxx.bl.example.org"},
		{"2.0.0.127.nearly-that-key.bl.example.org",
			"2.0.0.127.xxxxxxxxxxxxxxx.bl.example.org"},
		{"2.0.0.127." KEY ".manual.bl.example.org",
			"2.0.0.127.xxxxxxxxxxxxxxxxxxxxxxxxxx.xxxxxx.bl.example.org"},
		{"test." KEY ".dbl.example.org", "test.xxxxxxxxxxxxxxxxxxxxxxxxxx.dbl.example.org"},
		{KEY ".example.net", "xxxxxxxxxxxxxxxxxxxxxxxxxx.example.net"},
		{"a-long-name-without-a-key.dbl.example.org",
			"a-long-name-without-a-key.dbl.example.org"},
	};
	struct scene *scene = scene_new();
	struct ring *ring = guard_worker_samples(scene->worker);

	(void)state;
	write_keys(scene, KEY " example-mail -\n", 0640);
	scene->conf.guard.log_sample = 1;
	apply(scene);
	for (size_t i = 0; i < COUNTOF(cases); i++) {
		struct guard_sample head;
		struct span record, query, answer;
		struct dns_message message;
		char text[DNS_NAME_TEXT_SIZE];

		ask_from(scene, "192.0.2.1", cases[i].name);
		assert_true(ring_peek(ring, &record));
		memcpy(&head, record.ptr, sizeof(head));
		query = span_first(span_from(record, sizeof(head) + head.key_len), head.query_len);
		answer = span_from(record, sizeof(head) + head.key_len + head.query_len);
		assert_int_equal(head.key_len, i == 0 ? strlen("example-mail") : 0);
		assert_int_equal(answer.len, head.answer_len);
		assert_int_equal(dns_message_decode(query, &message), 0);
		assert_string_equal(dns_name_print(&message.name, text), cases[i].seen);
		assert_int_equal(dns_message_decode(answer, &message), 0);
		assert_string_equal(dns_name_print(&message.name, text), cases[i].seen);
		ring_drop(ring);
		assert_false(ring_peek(ring, &record));
	}
	scene_free(scene);
}

static void a_sample_takes_its_share(void **state)
{
	enum { QUERIES = 100000, EACH = 100 };
	struct scene *scene = scene_new();
	struct ring *ring = guard_worker_samples(scene->worker);
	struct span record;
	unsigned seen = 0;

	(void)state;
	scene->conf.guard.log_sample = EACH;
	apply(scene);
	for (unsigned i = 0; i < QUERIES; i++) {
		ask_from(scene, "192.0.2.1", "bl.example.org");
		for (; ring_peek(ring, &record); seen++)
			ring_drop(ring);
	}
	assert_in_range(seen, QUERIES / EACH * 8 / 10, QUERIES / EACH * 12 / 10);
	scene_free(scene);
}

/* ---- rates ---- */

static void a_flood_is_answered_short_or_not_at_all(void **state)
{
	struct scene *scene = scene_new();
	struct question question = {.client = "192.0.2.1", .name = "2.0.0.127.bl.example.org"};
	struct question proven = question;
	unsigned sizes = 0, full = 0, slipped = 0;
	uint8_t option[28];

	(void)state;
	scene->conf.guard.rate_listed = 10;
	apply(scene);
	proven.options = span_of(COOKIE_ASKED, 12);
	ask(scene, &proven);
	ask_with_cookie(scene, &proven, option);
	for (unsigned i = 0; i < 1000; i++) {
		const char *got = ask(scene, &question);

		full += strcmp(got, "NOERROR") == 0;
		slipped += strcmp(got, "NOERROR tc") == 0;
		sizes += (unsigned)scene->len;
	}
	assert_int_equal(full, 9); /* ten a second, of which the one for the cookie was one */
	assert_in_range(slipped, 490, 500);
	assert_true(sizes < 1000 * 42); /* less than what was asked */
	assert_string_equal(ask(scene, &proven), "NOERROR");
	proven.options = span_of(COOKIE_ASKED, 12); /* whoever knows cookies is given one */
	ask(scene, &proven);
	if (scene->len == 0)
		ask(scene, &proven);
	assert_int_equal(scene->answer.rcode, DNS_BADCOOKIE);
	assert_int_equal(scene->answer.flags & DNS_FLAG_TC, 0);
	question.transport = DNS_TCP;
	assert_string_equal(ask(scene, &question), "NOERROR");
	assert_true(counted(scene, DNS_COUNT_SLIPPED) + counted(scene, DNS_COUNT_LIMITED) >= 992);
	assert_int_equal(counted(scene, DNS_COUNT_LIMITED),
		counted(scene, DNS_COUNT_UDP) - counted(scene, DNS_COUNT_SLIPPED) - 12);
	scene_free(scene);
}

/* What a mail host does: thousands of names, most not listed, all different. */
static void a_busy_mail_host_is_not_held_up(void **state)
{
	struct scene *scene = scene_new();
	char name[64];

	(void)state;
	scene->conf.guard.rate_listed = 500; /* the defaults */
	scene->conf.guard.rate_not_listed = 2000;
	scene->conf.guard.rate_errors = 50;
	scene->conf.guard.burst_s = 5;
	apply(scene);
	for (unsigned i = 0; i < 20000; i++) {
		scene->now.ms = 5 + i; /* a thousand a second, for twenty seconds */
		snprintf(name, sizeof(name), "%u.%u.0.11.bl.example.org", i & 255, i >> 8 & 255);
		if (i % 10 == 0)
			strcpy(name, "2.0.0.127.bl.example.org");
		assert_string_not_equal(ask_from(scene, "192.0.2.1", name), "nothing");
		assert_int_equal(scene->answer.flags & DNS_FLAG_TC, 0);
	}
	scene_free(scene);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists_are_open_to_those_they_name),
		cmocka_unit_test(a_key_in_the_name_opens_the_list),
		cmocka_unit_test(a_key_has_its_quota_also_after_a_reload),
		cmocka_unit_test(files_of_keys_are_checked),
		cmocka_unit_test(a_client_has_its_quota),
		cmocka_unit_test(nsid_and_keepalive_are_told_to_those_who_ask),
		cmocka_unit_test(cookies_are_given_and_may_be_required),
		cmocka_unit_test(a_message_without_question_may_come_for_a_cookie),
		cmocka_unit_test(no_sample_shows_a_key),
		cmocka_unit_test(a_sample_takes_its_share),
		cmocka_unit_test(a_flood_is_answered_short_or_not_at_all),
		cmocka_unit_test(a_busy_mail_host_is_not_held_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
