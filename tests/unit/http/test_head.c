/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include <string.h>

#include "base/macro.h"
#include "http/head.h"

static const struct http_limits limits = {.head = 512, .target = 64, .fields = 6};

#define H "Host: mail.example.org\r\n"

static int parse(struct span input, struct http_head *ret_head)
{
	size_t used = 0;
	int r = http_head_parse(input, &limits, ret_head, &used);

	if (r > 0)
		assert_int_equal(used, input.len);
	return r;
}

/* Whole, and byte by byte: until the last byte more is needed. */
static void good_heads_are_read(void **state)
{
	static const char text[] = "GET /why/7K3M?lang=en HTTP/1.1\r\n" H
				   "If-None-Match: \"a\"\r\nX-Forwarded-For: 192.0.2.1\r\n\r\n";
	struct http_head head;
	size_t used;

	(void)state;
	for (size_t len = 0; len < strlen(text); len++)
		assert_int_equal(http_head_parse(span_of(text, len), &limits, &head, &used), 0);
	assert_int_equal(parse(span_text(text), &head), 1);
	assert_int_equal(head.method, HTTP_GET);
	assert_true(span_equal_text(head.path, "/why/7K3M"));
	assert_true(span_equal_text(head.query, "lang=en"));
	assert_true(span_equal_text(head.host, "mail.example.org"));
	assert_true(span_equal_text(head.if_none_match, "\"a\""));
	assert_true(span_equal_text(head.forwarded_for, "192.0.2.1"));
	assert_true(head.keep_alive);
}

/* RFC 9112 section 3.2.2: the target's host counts, whatever the field says. */
static void the_absolute_form_names_its_host(void **state)
{
	struct http_head head;

	(void)state;
	assert_int_equal(
		parse(span_text("GET http://a.example:80/why?x=1 HTTP/1.1\r\n" H "\r\n"), &head),
		1);
	assert_true(span_equal_text(head.path, "/why"));
	assert_true(span_equal_text(head.query, "x=1"));
	assert_true(span_equal_text(head.host, "a.example:80"));
	assert_int_equal(parse(span_text("GET HTTPS://[::1] HTTP/1.1\r\n" H "\r\n"), &head), 1);
	assert_true(span_equal_text(head.path, "/"));
	assert_int_equal(parse(span_text("GET http://a/ HTTP/1.1\r\n\r\n"), &head), E_PARSE);
}

static void connections_stay_or_end_as_asked(void **state)
{
	static const struct {
		const char *text;
		bool keep_alive;
	} cases[] = {
		{"GET / HTTP/1.1\r\n" H "\r\n", true},
		{"GET / HTTP/1.1\r\n" H "Connection: foo, Close\r\n\r\n", false},
		{"GET / HTTP/1.0\r\n\r\n", false},
		{"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", true},
		{"POST / HTTP/1.1\r\n" H "Content-Length: 5\r\n\r\n", false},
		{"POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n", false},
	};
	struct http_head head;

	(void)state;
	for (size_t i = 0; i < COUNTOF(cases); i++) {
		assert_int_equal(parse(span_text(cases[i].text), &head), 1);
		assert_int_equal(head.keep_alive, cases[i].keep_alive);
	}
}

static void whatever_could_be_read_twice_is_refused(void **state)
{
	static const struct {
		const char *text;
		int error;
	} cases[] = {
		{"GET / HTTP/1.1\r\n\r\n", E_PARSE},        /* no Host */
		{"GET / HTTP/1.1\r\n" H H "\r\n", E_PARSE}, /* two */
		{"GET / HTTP/1.1\r\nHost:\r\n\r\n", E_PARSE},
		{"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", E_PARSE},
		{"GET / HTTP/1.1\r\nHost: a\"><script>\r\n\r\n", E_PARSE},
		{"GET / HTTP/1.1\r\nHost: a,b\r\n\r\n", E_PARSE},
		{"GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", E_PARSE},
		{"GET / HTTP/1.1\r\n" H "Content-Length: 0\r\nContent-Length: 0\r\n\r\n", E_PARSE},
		{"GET / HTTP/1.1\r\n" H "Content-Length: 0, 0\r\n\r\n", E_PARSE},
		{"GET / HTTP/1.1\r\n" H "Content-Length: -1\r\n\r\n", E_PARSE},
		{"GET / HTTP/1.1\r\n" H "Content-Length: +1\r\n\r\n", E_PARSE},
		{"GET / HTTP/1.1\r\n" H "Content-Length: 99999999999999999999\r\n\r\n", E_PARSE},
		{"GET / HTTP/1.1\r\n" H "Content-Length: 5\r\n\r\n", E_DENIED},
		{"GET / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n", E_DENIED},
		{"GET / HTTP/1.1\r\n" H " folded: x\r\n\r\n", E_PARSE},
		{"GET / HTTP/1.1\r\n" H "Name : x\r\n\r\n", E_PARSE},
		{"GET / HTTP/1.1\r\n" H "N\xc3\xa4me: x\r\n\r\n", E_PARSE},
		{"GET / HTTP/1.1\r\n" H ": x\r\n\r\n", E_PARSE},
		{"GET / HTTP/1.1\r\n" H "nothing\r\n\r\n", E_PARSE},
		{"GET / HTTP/1.1\r\n" H "A: x\x01\r\n\r\n", E_PARSE},
		{"GET / HTTP/1.1\n" H "\r\n", E_PARSE},
		{"GET / HTTP/1.1\r\nHost: a\n\r\n", E_PARSE},
		{"GET / HTTP/1.1\r\nHost: a\rb\r\n\r\n", E_PARSE},
		{"GET  / HTTP/1.1\r\n" H "\r\n", E_PARSE},
		{"GET / HTTP/1.1 \r\n" H "\r\n", E_PARSE}, {"GET /\r\n" H "\r\n", E_PARSE},
		{"G(T / HTTP/1.1\r\n" H "\r\n", E_PARSE},
		{"GET http:///x HTTP/1.1\r\n" H "\r\n", E_PARSE},
		{"GET http://u@a/ HTTP/1.1\r\n" H "\r\n", E_PARSE},
		{"GET ftp://a/ HTTP/1.1\r\n" H "\r\n", E_PARSE},
		{"GET a HTTP/1.1\r\n" H "\r\n", E_PARSE},
		{"OPTIONS * HTTP/1.1\r\n" H "\r\n", E_PARSE},
		{"GET /\\a HTTP/1.1\r\n" H "\r\n", E_PARSE},
		{"GET /#a HTTP/1.1\r\n" H "\r\n", E_PARSE},
		{"GET /\xc3\xbc HTTP/1.1\r\n" H "\r\n", E_PARSE},
		{"GET / HTTP/2.0\r\n" H "\r\n", E_VERSION},
		{"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", E_VERSION},
		{"\r\n\r\nGET / HTTP/1.1\r\n" H "\r\n", E_PARSE},
		{"\x16\x03\x01\x02\x0d\x0a\r\n", E_PARSE}, /* TLS */
	};
	struct http_head head;

	(void)state;
	for (size_t i = 0; i < COUNTOF(cases); i++)
		assert_int_equal(parse(span_text(cases[i].text), &head), cases[i].error);
	assert_int_equal(parse(span_of("GET /a\0b HTTP/1.1\r\n" H "\r\n", 45), &head), E_PARSE);
	assert_int_equal(parse(span_of("GET / HTTP/1.1\r\nA\0: b\r\n\r\n", 26), &head), E_PARSE);
}

static void sizes_are_limited(void **state)
{
	char text[1024] = "GET /";
	struct http_head head;

	(void)state;
	memset(text + 5, 'a', 200);
	assert_int_equal(parse(span_of(text, 205), &head), E_RANGE); /* no end in sight */
	memcpy(text + 75, " HTTP/1.1\r\n" H "\r\n", strlen(" HTTP/1.1\r\n" H "\r\n") + 1);
	assert_int_equal(parse(span_text(text), &head), E_RANGE);
	memcpy(text, "GET / HTTP/1.1\r\nA: ", 19);
	memset(text + 19, 'a', 900);
	assert_int_equal(parse(span_of(text, 511), &head), 0);
	assert_int_equal(parse(span_of(text, 512), &head), E_LIMIT);
	assert_int_equal(parse(span_of(text, 900), &head), E_LIMIT);
	assert_int_equal(parse(span_text("GET / HTTP/1.1\r\n" H
					 "A: 1\r\nA: 2\r\nA: 3\r\nA: 4\r\nA: 5\r\nA: 6\r\n\r\n"),
				 &head),
		E_LIMIT);
}

static void each_refusal_has_its_status(void **state)
{
	(void)state;
	assert_int_equal(http_head_status(E_PARSE), 400);
	assert_int_equal(http_head_status(E_LIMIT), 431);
	assert_int_equal(http_head_status(E_RANGE), 414);
	assert_int_equal(http_head_status(E_VERSION), 505);
	assert_int_equal(http_head_status(E_DENIED), 413);
}

static void paths_are_decoded_once_and_do_not_walk(void **state)
{
	static const struct {
		const char *path, *decoded; /* NULL: refused */
	} cases[] = {
		{"/why/198.51.100.0%2F24", "/why/198.51.100.0/24"},
		{"/b%C3%BCcher", "/b\xc3\xbc"
				 "cher"},
		{"/a%252e", "/a%2e"},
		{"/...", "/..."},
		{"/../etc/passwd", NULL},
		{"/a/%2e%2e/b", NULL},
		{"/a/./b", NULL},
		{"/..", NULL},
		{"/a%00b", NULL},
		{"/a%0d%0ab", NULL},
		{"/%ff", NULL},
		{"/%c0%ae%c0%ae/", NULL},
		{"/%", NULL},
		{"/%u0041", NULL},
	};

	(void)state;
	for (size_t i = 0; i < COUNTOF(cases); i++) {
		struct buf buf;
		int r;

		buf_init(&buf, 0);
		r = http_path_decode(span_text(cases[i].path), &buf);
		assert_int_equal(r, cases[i].decoded != NULL ? 0 : E_PARSE);
		if (r == 0)
			assert_string_equal(buf_cstr(&buf), cases[i].decoded);
		buf_done(&buf);
	}
}

static void form_fields_are_found(void **state)
{
	struct buf buf;

	(void)state;
	buf_init(&buf, 0);
	assert_int_equal(http_query_get(span_text("a=1&q=7k3m+9qxt&q=x"), "q", &buf), 0);
	assert_string_equal(buf_cstr(&buf), "7k3m 9qxt");
	assert_int_equal(http_query_get(span_text("qq=1&=2&"), "q", &buf), E_ABSENT);
	assert_int_equal(http_query_get(span_text("q=%0a"), "q", &buf), E_PARSE);
	assert_int_equal(http_query_get(span_text("q=%"), "q", &buf), E_PARSE);
	buf_done(&buf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_heads_are_read),
		cmocka_unit_test(the_absolute_form_names_its_host),
		cmocka_unit_test(connections_stay_or_end_as_asked),
		cmocka_unit_test(whatever_could_be_read_twice_is_refused),
		cmocka_unit_test(sizes_are_limited),
		cmocka_unit_test(each_refusal_has_its_status),
		cmocka_unit_test(paths_are_decoded_once_and_do_not_walk),
		cmocka_unit_test(form_fields_are_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
